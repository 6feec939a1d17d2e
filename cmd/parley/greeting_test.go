package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-server/parley/api"
)

// TestGreetingWorksWhenPasted: the three commands that the demo prints do what it says.
func TestGreetingWorksWhenPasted(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "curl")
	p, d := startDemo(t, filepath.Join(t.TempDir(), "a folder"))
	p.until(t, "it has greeted", func() bool { return strings.Contains(p.out.String(), "I will be there.") })
	greeting := p.out.String()
	commands := regexp.MustCompile(`(?m)^  (curl .*)$`).FindAllString(greeting, -1)
	if len(commands) != 3 {
		t.Fatalf("it prints %d commands:\n%s", len(commands), greeting)
	}
	for _, said := range []string{d.URL, d.Key, d.Contacts[0].Name, "demo.json"} {
		if !strings.Contains(greeting, said) {
			t.Errorf("it does not say %s:\n%s", said, greeting)
		}
	}

	var watched buffer
	watch := exec.Command("sh", "-c", "exec "+strings.TrimSpace(commands[1]))
	watch.Stdout = &watched
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = watch.Process.Signal(syscall.SIGTERM)
		_ = watch.Wait()
	}()
	p.until(t, "the stream begins", func() bool { return strings.HasPrefix(watched.String(), "id: ") })

	sent := decode[api.Message](t, shell(t, commands[0]))
	if sent.Direction != api.Outbound || sent.Text == "" || sent.Sequence == 0 {
		t.Errorf("sending answers %+v", sent)
	}
	received := decode[api.Message](t, shell(t, commands[2]))
	if received.Direction != api.Inbound || received.ConversationID != sent.ConversationID || received.Author.ID != d.Contacts[0].ID {
		t.Errorf("answering as the contact answers %+v", received)
	}
	for _, event := range []string{`"messageId":"` + sent.ID + `"`, `"status":"read"`, `"messageId":"` + received.ID + `"`} {
		p.until(t, "an event with "+event, func() bool { return strings.Contains(watched.String(), event) })
	}
	p.stop(t)
}
