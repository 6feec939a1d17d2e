package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// TestInboundAndOpen: a customer is played, with a file, and read by whoever prints the conversation or follows it.
func TestInboundAndOpen(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, d := startDemo(t, folder)
	at := func(args ...string) (int, string, string) {
		return command(t, append(args, "--data", folder)...)
	}
	played := func(args ...string) api.Message {
		t.Helper()
		code, out, errors := at(append([]string{"inbound"}, args...)...)
		if code != 0 {
			t.Fatal(errors)
		}
		return decode[api.Message](t, out)
	}
	note := filepath.Join(folder, "note.txt")
	if err := os.WriteFile(note, []byte("one a day"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := played("email:vera@example.org", "Good morning,\nis it \x1b[31mopen?", "--name", "Vera", "--attach", note)
	if first.Direction != api.Inbound || first.Author.Name != "Vera" || len(first.Attachments) != 1 || first.Attachments[0].Name != "note.txt" {
		t.Errorf("%+v", first)
	}
	if again := played("contact:"+d.Contacts[0].ID, "Yes", "--provider-id", "p-1", "--channel", d.Channels[0].ID); again.ID != played("contact:"+d.Contacts[0].ID, "Yes", "--provider-id", "p-1", "--channel", d.Channels[0].ID).ID {
		t.Error("one message came in twice")
	}

	follow := start(t, "open", first.ConversationID, "-f", "--data", folder)
	follow.until(t, "the conversation is printed", func() bool { return strings.Contains(follow.out.String(), "note.txt") })
	c := client(t, d)
	if _, err := c.SendToConversation(t.Context(), first.ConversationID, api.SendRequest{Body: api.Text("Yes, until six.")}); err != nil {
		t.Fatal(err)
	}
	follow.until(t, "what follows is printed", func() bool { return strings.Contains(follow.out.String(), "until six") })
	follow.stop(t)
	lines := strings.Split(strings.TrimSpace(follow.out.String()), "\n")
	if len(lines) != 4 || lines[0] != "open external: Vera" || !strings.HasSuffix(lines[1], "Z  Vera: Good morning,") || lines[2] != "    is it \uFFFD[31mopen? [note.txt]" ||
		!strings.Contains(lines[3], "Administration (") {
		t.Errorf("printed %q", lines)
	}

	code, out, errors := at("open", "--limit", "1")
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, first.ConversationID) || !strings.Contains(out, "external  Vera") {
		t.Errorf("listed %q, %s", out, errors)
	}
	_, out, _ = at("open", first.ConversationID, "--json", "-n", "1")
	if m := decode[api.Message](t, out); m.Text != "Yes, until six." {
		t.Errorf("as JSON: %s", out)
	}
	for _, wrong := range [][]string{{"open", "nothing"}, {"open", "-f"}, {"open", "-n", "0"}, {"inbound", "vera"}, {"inbound", "phone:+15550107777", "x", "--attach", "nothing.txt"}} {
		if code, out, errors := at(wrong...); code != exitFailed || out != "" || strings.Count(errors, "\n") != 1 {
			t.Errorf("parley %v: exit %d, %q, %q", wrong, code, out, errors)
		}
	}
	nameless := played("phone:+15550177", "Hello")
	if _, out, _ := at("open", nameless.ConversationID); !strings.Contains(out, "Z  phone:+15550177: Hello\n") {
		t.Errorf("of somebody without a name: %q", out)
	}
}

// TestClockCommand: a test organization is made, its clock moved, and it is emptied.
func TestClockCommand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	startDemo(t, folder)
	code, out, errors := command(t, "organization", "create", "Rehearsal", "--test", "--data", folder)
	if code != 0 {
		t.Fatal(errors)
	}
	made := decode[api.NewOrganization](t, out)
	if !made.Organization.Test {
		t.Errorf("made %s", out)
	}
	at := func(args ...string) (api.Clock, string) {
		t.Helper()
		code, out, errors := command(t, append(args, "--data", folder, "--key", made.Key.Secret)...)
		var clock api.Clock
		if code == 0 {
			if err := json.Unmarshal([]byte(out), &clock); err != nil {
				t.Errorf("%v: %s", args, out)
			}
		}
		return clock, errors
	}
	frozen, _ := at("clock", "freeze")
	if !frozen.Frozen || time.Since(frozen.Now.Time).Abs() > time.Minute {
		t.Errorf("frozen: %+v", frozen)
	}
	for by, after := range map[string]time.Duration{"90s": 90 * time.Second, "7d": 7 * 24 * time.Hour, "1h30m": 90 * time.Minute} {
		before, _ := at("clock")
		if moved, said := at("clock", "advance", by); moved.Now.Sub(before.Now.Time) != after {
			t.Errorf("by %s it moved to %+v: %s", by, moved, said)
		}
	}
	before, _ := at("clock", "show")
	if moved, said := at("clock", "advance", before.Now.Add(time.Hour).Format(time.RFC3339Nano)); !moved.Now.Equal(before.Now.Add(time.Hour)) {
		t.Errorf("it moved to %+v: %s", moved, said)
	}
	for _, wrong := range []string{"yesterday", "-1h", "1ms", "2031-05-17T25:00:00Z", frozen.Now.Format(time.RFC3339)} {
		if _, said := at("clock", "advance", "--", wrong); strings.Count(said, "\n") != 1 {
			t.Errorf("by %s: %q", wrong, said)
		}
	}
	if runs, _ := at("clock", "run"); runs.Frozen {
		t.Errorf("runs: %+v", runs)
	}
	code, out, errors = command(t, "organization", "reset", "--fixture", "channels", "--data", folder, "--key", made.Key.Secret)
	if reset := decode[api.Reset](t, out); code != 0 || !reset.Done || len(reset.Made) != 5 {
		t.Errorf("reset: %s %s", out, errors)
	}
	if code, _, errors := command(t, "organization", "reset", "--data", folder); code != exitFailed || !strings.Contains(errors, "test-only") {
		t.Errorf("an ordinary organization: %s", errors)
	}
}
