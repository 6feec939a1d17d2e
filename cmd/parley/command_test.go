package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// TestSendAndTail: both find the demo by its folder, and what is sent is seen.
func TestSendAndTail(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, d := startDemo(t, folder)
	tail := start(t, "tail", "--data", folder, "--type", "message.created")
	c := client(t, d)

	var sent api.Message
	tail.until(t, "the message is seen", func() bool { // by a stream that may not have begun yet
		code, out, errors := command(t, "send", "--data", folder, "contact:"+d.Contacts[0].ID, "Good morning!")
		if code != 0 {
			t.Fatal(errors)
		}
		sent = decode[api.Message](t, out)
		for range 20 {
			if strings.Contains(tail.out.String(), sent.ID) {
				return true
			}
			time.Sleep(20 * time.Millisecond)
		}
		return false
	})
	lines := bufio.NewScanner(strings.NewReader(tail.out.String()))
	for lines.Scan() {
		var event api.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil || event.Type != api.EventMessageCreated || event.Data.Message == nil {
			t.Errorf("a line of tail is %s: %v", lines.Text(), err)
		}
	}
	if took := tail.stop(t); took > 10*time.Second {
		t.Errorf("it took tail %v to stop", took)
	}
	if m, err := c.GetMessage(t.Context(), sent.ID); err != nil || m.Text != "Good morning!" {
		t.Errorf("the message is %+v: %v", m, err)
	}
}

// TestSendToAll: every way to say to whom.
func TestSendToAll(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, d := startDemo(t, folder)
	external := ""
	for _, c := range d.Conversations {
		if c.Name == "external" {
			external = c.ID
		}
	}
	lists, err := client(t, d).ListBroadcasts(t.Context(), api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"user:" + d.Users[0].ID, "team:" + d.Teams[0].ID, "broadcast:" + lists.Data[0].ID, "conversation:" + external,
		"contact:" + d.Contacts[1].ID, "email:new@example.org", "phone:+15550107777"} {
		code, out, errors := command(t, "send", "--data", folder, to, "Hello")
		if code != 0 {
			t.Errorf("to %s: %s", to, errors)
			continue
		}
		if m := decode[api.Message](t, out); m.Text != "Hello" || m.ID == "" {
			t.Errorf("to %s: %s", to, out)
		}
	}
	once := []string{"send", "--data", folder, "--idempotency-key", "only once", "--ttl", "3600", "--priority", "high",
		"--channel", d.Channels[0].ID, "contact:" + d.Contacts[0].ID, "Once"}
	_, first, _ := command(t, once...)
	_, second, _ := command(t, once...)
	a, b := decode[api.Message](t, first), decode[api.Message](t, second)
	if a.ID != b.ID || a.TTL != 3600 || a.Priority != api.PriorityHigh {
		t.Errorf("first %s, and then %s", first, second)
	}
}

// TestSendRefused: what the server refuses is one line that names the field.
func TestSendRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	startDemo(t, folder)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"send", "--data", folder, "contact:nobody", "Hello"}, "to.contact"},
		{[]string{"send", "--data", folder, "nobody", "Hello"}, "to.address"},
		{[]string{"send", "--data", folder, "email:a@example.org", ""}, "body"},
		{[]string{"send", "--data", folder, "--key", "pk_wrong", "email:a@example.org", "Hello"}, "credential"},
		{[]string{"send", "--data", filepath.Join(folder, "none"), "email:a@example.org", "Hello"}, "--url"},
		{[]string{"send", "--url", "ftp://example.org", "--key", "k", "email:a@example.org", "Hello"}, "http"},
	} {
		code, out, errors := command(t, c.args...)
		if code != exitFailed || out != "" || strings.Count(errors, "\n") != 1 || strings.Count(errors, "parley: ") != 1 || !strings.Contains(errors, c.says) {
			t.Errorf("parley %v: exit %d, %q, %q", c.args, code, out, errors)
		}
	}
}

// TestKeys: the first key is made on a stopped server; further ones through it, and they end when they are revoked.
func TestKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	code, out, errors := command(t, "key", "init", "--data", folder, "Hill Clinic")
	admin := strings.TrimSpace(out)
	if code != 0 || !strings.HasPrefix(admin, "pk_") || strings.Contains(admin, "\n") {
		t.Fatalf("key init: exit %d, %q, %q", code, out, errors)
	}
	p := start(t, "serve", "--data", folder, "--listen", "127.0.0.1:0")
	url := p.ready(t)

	if code, _, errors := command(t, "key", "init", "--data", folder); code != exitFailed || !strings.Contains(errors, "in use by another server") {
		t.Errorf("key init beside a server: exit %d, %s", code, errors)
	}
	to := []string{"--url", url, "--key", admin}
	code, out, errors = command(t, append([]string{"key", "create", "Reports", "--scope", "messages:read,events:read", "--rate-limit", "5"}, to...)...)
	if code != 0 {
		t.Fatal(errors)
	}
	made := decode[api.Key](t, out)
	if made.Secret == "" || made.RateLimit != 5 || len(made.Scopes) != 2 {
		t.Errorf("key create: %s", out)
	}
	c, err := api.New(url, made.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListMessages(t.Context(), api.MessageFilter{}); err != nil {
		t.Error(err)
	}

	if _, out, errors := command(t, append([]string{"key", "list"}, to...)...); !strings.Contains(out, made.ID+"\tactive\tReports\n") || strings.Contains(out, made.Secret) {
		t.Errorf("key list: %s%s", out, errors)
	}
	if code, _, errors := command(t, append([]string{"key", "revoke", made.ID}, to...)...); code != 0 {
		t.Fatal(errors)
	}
	if _, out, errors := command(t, append([]string{"key", "list"}, to...)...); !strings.Contains(out, made.ID+"\trevoked\tReports\n") {
		t.Errorf("key list: %s%s", out, errors)
	}
	if _, err := c.ListMessages(t.Context(), api.MessageFilter{}); !isStatus(err, http.StatusUnauthorized) {
		t.Errorf("a revoked key: %v", err)
	}
	p.stop(t)

	// Another key init keeps the organization and adds a key.
	code, out, errors = command(t, "key", "init", "--data", folder, "Other")
	if code != 0 || strings.TrimSpace(out) == admin {
		t.Errorf("key init again: exit %d, %q, %q", code, out, errors)
	}
	p = start(t, "serve", "--data", folder, "--listen", "127.0.0.1:0")
	c, err = api.New(p.ready(t), strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	if o, err := c.GetOrganization(t.Context()); err != nil || o.Name != "Hill Clinic" {
		t.Errorf("the organization is %+v: %v", o, err)
	}
	p.stop(t)
}

// TestStopIsBounded: a server stops within its grace where a request does not end, and at once where nothing is
// under way but a stream.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	code, out, errors := command(t, "key", "init", "--data", folder)
	if code != 0 {
		t.Fatal(errors)
	}
	p := start(t, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--shutdown-grace", "2s")
	url := p.ready(t)
	stuck := neverEnds(t, url, strings.TrimSpace(out))
	defer func() { _ = stuck.Close() }()
	p.until(t, "a request is under way", func() bool {
		return strings.Contains(shell(t, "curl -s "+url+"/metrics"), "parley_http_requests_in_flight 1\n")
	})
	begin := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = p.end(t)
	if took := time.Since(begin); took < time.Second || took > 10*time.Second {
		t.Errorf("it took %v to stop, with a grace of 2 s", took)
	}

	folder = t.TempDir()
	p, d := startDemo(t, folder)
	tail := start(t, "tail", "--data", folder, "--after", "0")
	tail.until(t, "the stream runs", func() bool { return tail.out.String() != "" })
	if took := p.stop(t); took > 10*time.Second {
		t.Errorf("it took %v to stop, with a stream", took)
	}
	if status(t.Context(), d.URL+"/healthz") != 0 {
		t.Error("somebody still answers")
	}
}

// TestSecondServerOnAPort is one line that says so.
func TestSecondServerOnAPort(t *testing.T) {
	t.Parallel()
	_, d := startDemo(t, t.TempDir())
	p := start(t, "demo", "--data", t.TempDir(), "--listen", strings.TrimPrefix(d.URL, "http://"))
	if err := p.end(t); err == nil || !strings.Contains(p.log.String(), "address already in use") {
		t.Errorf("it ended with %v: %s", err, p.log.String())
	}
}
