package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/demo"
	"github.com/parley-server/parley/internal/pgtest"
)

// TestMigrate: a server on a database that was moved, to PostgreSQL and back, goes on as if nothing had happened.
func TestMigrate(t *testing.T) {
	t.Parallel()
	folder, database := t.TempDir(), pgtest.Database(t)
	p, d := startDemo(t, folder)
	l := begin(t, d)
	before := l.sees(t)
	p.stop(t)
	migrated(t, "sqlite:"+folder, database)

	code, _, errors := command(t, "serve", "--data", folder, "--listen", "127.0.0.1:0")
	if code != exitFailed || !strings.Contains(errors, "was moved to postgres://") {
		t.Errorf("a server on the source: exit %d, %s", code, errors)
	}
	p = start(t, "serve", "--data", folder, "--database", database, "--listen", "127.0.0.1:0", "--key-rate-limit", "0", "--no-access-log")
	l.moved(t, p.ready(t))
	l.sameAs(t, before)
	l.goesOn(t)
	before = l.sees(t)
	p.stop(t)

	back := t.TempDir()
	migrated(t, database, "sqlite:"+back)
	if err := os.CopyFS(filepath.Join(back, "media"), os.DirFS(filepath.Join(folder, "media"))); err != nil {
		t.Fatal(err)
	}
	p = start(t, "serve", "--data", back, "--listen", "127.0.0.1:0", "--key-rate-limit", "0", "--no-access-log")
	l.moved(t, p.ready(t))
	l.sameAs(t, before)
	l.endsOnce(t)
	p.stop(t)
}

func migrated(t *testing.T, from, to string) {
	t.Helper()
	code, out, errors := command(t, "migrate", "--from", from, "--to", to)
	if code != 0 || !strings.Contains(out, " rows of ") || !strings.Contains(out, " and is closed.\nUploaded files") {
		t.Fatalf("exit %d, %s%s", code, out, errors)
	}
	code, again, errors := command(t, "migrate", "--from", from, "--to", to)
	if code != 0 || !strings.Contains(again, "nothing is left to do") {
		t.Errorf("again: exit %d, %s%s", code, again, errors)
	}
}

// TestMigrateRefused: what cannot be moved is one line that says why, without passwords.
func TestMigrateRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	startDemo(t, folder)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--from", "sqlite:" + folder, "--to", pgtest.Database(t)}, exitFailed, "--migrate-to"},
		{[]string{"--from", "sqlite:" + t.TempDir(), "--to", pgtest.Database(t)}, exitFailed, "holds no Parley database"},
		{[]string{"--from", folder, "--to", "postgres://ana:secret@127.0.0.1/x"}, exitFailed, "--from: must be sqlite:FOLDER or postgres://"},
		{[]string{"--from", "sqlite:" + folder, "--to", "mysql://ana:secret@127.0.0.1/x"}, exitFailed, "--to: must be sqlite:FOLDER or postgres://"},
		{[]string{"--from", "postgres://ana:secret@127.0.0.1:1/x", "--to", "sqlite:" + t.TempDir()}, exitFailed, "postgres://127.0.0.1:1/x"},
		{[]string{"--from", "sqlite:" + folder}, exitUsage, "--to"},
	} {
		code, out, errors := command(t, append([]string{"migrate"}, c.args...)...)
		if code != c.code || out != "" || strings.Count(errors, "\n") != 1 || !strings.Contains(errors, c.says) || strings.Contains(errors, "secret") {
			t.Errorf("parley migrate %v: exit %d, %q, %q", c.args, code, out, errors)
		}
	}
}

// life is what is done with a server before, while and after its database is moved.
type life struct {
	d       demo.Description
	c       *api.Client
	held    string // the id of a channel that is paused
	keyed   string // the id of a message that was sent with the idempotency key "once"
	pending []string
	file    string // the id of an uploaded file
	seen    int64  // the event that a reader of the stream saw last
}

// begin does some of everything, and leaves work undone.
func begin(t *testing.T, d demo.Description) *life {
	t.Helper()
	l := &life{d: d, c: client(t, d)}
	ctx := t.Context()
	send := func(m api.SendRequest, options ...api.CallOption) string {
		t.Helper()
		sent, err := l.c.Send(ctx, m, options...)
		if err != nil {
			t.Fatal(err)
		}
		return sent.ID
	}
	channel, err := l.c.CreateChannel(ctx, api.ChannelRequest{Name: "Held", Connector: "sandbox", Platform: "sms"})
	if err != nil {
		t.Fatal(err)
	}
	paused := true
	if _, err := l.c.PatchChannel(ctx, channel.ID, api.ChannelPatch{Paused: &paused}); err != nil {
		t.Fatal(err)
	}
	l.held = channel.ID
	for i := range 5 {
		l.pending = append(l.pending, send(api.SendRequest{To: api.Recipient{Address: fmt.Sprintf("phone:+155501077%02d", 70+i), Channel: l.held}, Body: api.Text("held")}))
	}
	l.keyed = l.sendKeyed(t, false)
	media, err := l.c.UploadMedia(ctx, "a 😀.txt", "", strings.NewReader("the content of a file"))
	if err != nil {
		t.Fatal(err)
	}
	l.file = media.ID
	send(api.SendRequest{To: api.Recipient{User: d.Users[0].ID}, Body: api.Text("日本語 \u0001 \"'\\ 😀"), Attachments: []string{media.ID},
		Tags: []string{"x", "ÿ 😀"}, Reference: "r", Metadata: map[string]string{"a": "\t"}})
	l.pending = append(l.pending, send(api.SendRequest{To: api.Recipient{Contact: d.Contacts[0].ID}, Body: api.Text("later"), SendAt: api.Time{Time: time.Now().Add(time.Hour)}}))
	send(api.SendRequest{To: api.Recipient{Contact: d.Contacts[1].ID}, Body: api.Text("now"), TTL: 3600})
	l.settled(t)
	return l
}

// settled waits until nothing happens any more but what waits.
func (l *life) settled(t *testing.T) {
	t.Helper()
	last, since := int64(-1), time.Now()
	for begin := time.Now(); time.Since(since) < 700*time.Millisecond; {
		if time.Since(begin) > 2*patience {
			t.Fatal("it does not settle")
		}
		page, err := l.c.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest})
		if err != nil {
			t.Fatal(err)
		}
		if page.Through != last {
			last, since = page.Through, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.seen = last - 20
}

// sendKeyed sends the message with the key, and checks whether it was known.
func (l *life) sendKeyed(t *testing.T, replayed bool) string {
	t.Helper()
	var answer api.Answer
	m, err := l.c.Send(t.Context(), api.SendRequest{To: api.Recipient{Contact: l.d.Contacts[2].ID}, Body: api.Text("once")},
		api.IdempotencyKey("once"), api.WithAnswer(&answer))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Replayed != replayed {
		t.Errorf("the message with a key was a replay: %v", answer.Replayed)
	}
	return m.ID
}

// moved has what follows done with the server at another address.
func (l *life) moved(t *testing.T, url string) {
	t.Helper()
	l.d.URL = url
	l.c = client(t, l.d)
}

// sees is what lists, files and the stream show.
func (l *life) sees(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range []string{"organization", "users", "teams", "broadcasts", "contacts", "channels", "conversations", "messages", "keys",
		"messages?tag=x", "messages?reference=r", "media/" + l.file + "/content", "messages/" + l.keyed + "/deliveries",
		"messages/" + l.keyed + "/attempts", "messages/" + l.keyed + "/interactions", "sandbox/messages"} {
		all[path] = l.get(t, path)
	}
	for _, c := range l.d.Conversations {
		for _, of := range []string{"messages", "participants"} {
			path := "conversations/" + c.ID + "/" + of
			all[path] = l.get(t, path)
		}
	}
	all["events"] = l.get(t, "events?limit=1000")
	all["stream"] = l.stream(t)
	return all
}

// get is the body of an answer.
func (l *life) get(t *testing.T, path string) string {
	t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	if !strings.Contains(path, "limit=") && !strings.HasSuffix(path, "content") && path != "organization" {
		path += separator + "limit=100"
	}
	response := l.ask(t, t.Context(), path, nil)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %s %v", path, response.Status, body, err)
	}
	return strings.ReplaceAll(string(body), l.d.URL, "")
}

func (l *life) ask(t *testing.T, ctx context.Context, path string, header map[string]string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.d.URL+"/v1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+l.d.Key)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// stream is what a reader gets who saw one of the last events before.
func (l *life) stream(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	response := l.ask(t, ctx, "events", map[string]string{"Accept": "text/event-stream", "Last-Event-ID": fmt.Sprint(l.seen)})
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body) // until the time is over
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "id:") || strings.HasPrefix(line, "data:") {
			lines = append(lines, line)
		}
	}
	if len(lines) < 40 {
		t.Errorf("the stream after %d has %q", l.seen, body)
	}
	return strings.Join(lines, "")
}

// sameAs: everything is as it was.
func (l *life) sameAs(t *testing.T, before map[string]string) {
	t.Helper()
	now := l.sees(t)
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if now[path] != before[path] {
			t.Errorf("%s was\n%.3000s\nand is\n%.3000s", path, before[path], now[path])
		}
	}
	l.sendKeyed(t, true)
}

// goesOn: what waited goes out once, and new messages take their places after the old ones.
func (l *life) goesOn(t *testing.T) {
	t.Helper()
	free := false
	if _, err := l.c.PatchChannel(t.Context(), l.held, api.ChannelPatch{Paused: &free}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.c.Send(t.Context(), api.SendRequest{To: api.Recipient{Contact: l.d.Contacts[1].ID}, Body: api.Text("after")}); err != nil {
		t.Fatal(err)
	}
	l.settled(t)
	l.endsOnce(t)
}

// endsOnce: what waited for its channel went out, once each; what waits for its time does.
func (l *life) endsOnce(t *testing.T) {
	t.Helper()
	for i, id := range l.pending {
		attempts, err := l.c.ListAttempts(t.Context(), id, api.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		m, err := l.c.GetMessage(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		scheduled := i == len(l.pending)-1
		if scheduled && (m.Status != "scheduled" || len(attempts.Data) != 0) || !scheduled && (m.Status != "read" || len(attempts.Data) != 1) {
			t.Errorf("message %d is %s after %d attempts", i, m.Status, len(attempts.Data))
		}
	}
}
