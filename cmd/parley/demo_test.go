package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/demo"
)

// TestDemoIsDescribed: demo.json names everything of the demo, and is there before the server is ready.
func TestDemoIsDescribed(t *testing.T) {
	t.Parallel()
	folder, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	p := start(t, "demo", "--data", folder, "--listen", address)
	p.until(t, "it is ready", func() bool {
		there := fileIsThere(t, folder, demo.File) // looked at first: it must be there before
		ready := status(t.Context(), "http://"+address+"/readyz") == 200
		return ready && (there || fileIsThere(t, folder, demo.File))
	})
	d, err := demo.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if d.URL != "http://"+address {
		t.Errorf("the url is %q", d.URL)
	}
	checkDescription(t, d)
}

// checkDescription compares a description with what the server has.
func checkDescription(t *testing.T, d demo.Description) {
	t.Helper()
	c, ctx := client(t, d), t.Context()
	organization, err := c.GetOrganization(ctx)
	if err != nil || d.Organization != (demo.Entry{ID: organization.ID, Name: organization.Name}) {
		t.Errorf("the organization is %v, not %v: %v", organization, d.Organization, err)
	}
	for _, u := range d.Users {
		got, err := c.GetUser(ctx, u.ID)
		check(t, u, err, func() string { return got.Name })
	}
	for _, x := range d.Teams {
		got, err := c.GetTeam(ctx, x.ID)
		check(t, x, err, func() string { return got.Name })
	}
	for _, x := range d.Contacts {
		got, err := c.GetContact(ctx, x.ID)
		check(t, x, err, func() string { return got.Name })
	}
	for _, x := range d.Channels {
		got, err := c.GetChannel(ctx, x.ID)
		check(t, x, err, func() string { return got.Name })
		if err == nil && got.Connector != "sandbox" {
			t.Errorf("the channel %s is one of %s", got.Name, got.Connector)
		}
	}
	kinds := map[string]bool{}
	for _, x := range d.Conversations {
		got, err := c.GetConversation(ctx, x.ID)
		check(t, x, err, func() string { return string(got.Kind) })
		kinds[x.Name] = true
	}
	if len(d.Users) < 2 || len(d.Teams) == 0 || len(d.Channels) < 2 || len(d.Contacts) < 20 || len(kinds) != len(d.Conversations) {
		t.Errorf("it is too little, or twice: %+v", d)
	}
	for _, kind := range []string{"direct", "group", "team", "note", "external", "secure", "broadcast"} {
		if !kinds[kind] {
			t.Errorf("no conversation of the kind %s", kind)
		}
	}
	key, err := c.GetKey(ctx, strings.Split(d.Key, "_")[1])
	if err != nil || key.Personal || key.RateLimit != 0 || len(key.Scopes) < 20 {
		t.Errorf("the key is %+v: %v", key, err)
	}
}

func check(t *testing.T, described demo.Entry, err error, name func() string) {
	t.Helper()
	if err != nil || described.ID == "" || name() != described.Name {
		t.Errorf("%+v is not there: %v", described, err)
	}
}

// TestDemoContactsAnswerByDefault: a send to each of the first twenty contacts needs no channel, and is read.
func TestDemoContactsAnswerByDefault(t *testing.T) {
	t.Parallel()
	p, d := startDemo(t, t.TempDir())
	c := client(t, d)
	for _, contact := range d.Contacts[:20] {
		sent, err := c.Send(t.Context(), api.SendRequest{To: api.Recipient{Contact: contact.ID}, Body: api.Text("Good morning!")})
		if err != nil {
			t.Fatalf("%s: %v", contact.Name, err)
		}
		p.until(t, "it is read by "+contact.Name, func() bool {
			now, err := c.GetMessage(t.Context(), sent.ID)
			if err != nil {
				t.Fatal(err)
			}
			return now.Status == api.Read
		})
	}
}

// TestDemoAgain: a second start, on another port, keeps everything, and the same key works. A folder may hold
// other files.
func TestDemoAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	foreign := filepath.Join(folder, "notes.txt")
	if err := os.WriteFile(foreign, []byte("not the server's"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, first := startDemo(t, folder)
	sent, err := client(t, first).Send(t.Context(), api.SendRequest{To: api.Recipient{Contact: first.Contacts[0].ID}, Body: api.Text("Kept")})
	if err != nil {
		t.Fatal(err)
	}
	if took := p.stop(t); took > 20*time.Second {
		t.Errorf("it took %v to stop", took)
	}

	p, second := startDemo(t, folder)
	defer p.stop(t)
	if moved := movedTo(t, first, second.URL); !reflect.DeepEqual(second, moved) {
		t.Errorf("it is described as\n%+v\nand was\n%+v", second, first)
	}
	checkDescription(t, second)
	if m, err := client(t, second).GetMessage(t.Context(), sent.ID); err != nil || m.Text != "Kept" {
		t.Errorf("the message is %+v: %v", m, err)
	}
	if content, err := os.ReadFile(foreign); err != nil || string(content) != "not the server's" {
		t.Errorf("the foreign file: %q, %v", content, err)
	}
}

// movedTo is a description with another address, in commands too.
func movedTo(t *testing.T, d demo.Description, url string) (moved demo.Description) {
	t.Helper()
	text, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(bytes.ReplaceAll(text, []byte(d.URL), []byte(url)), &moved)
	}
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

// TestDemoInterrupted: a start that is killed while it prepares the demo is completed by the next, which makes
// nothing twice.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, written := range []int64{250 << 10, 900 << 10, 1500 << 10} { // of about 2 MB that a whole start writes
		p := start(t, "demo", "--data", folder, "--listen", "127.0.0.1:0")
		p.until(t, "something is written", func() bool {
			log, err := os.Stat(filepath.Join(folder, "parley.db-wal"))
			return err == nil && log.Size() > written || fileIsThere(t, folder, demo.File)
		})
		_ = p.Process.Kill()
		<-p.ended
	}
	p, d := startDemo(t, folder)
	defer p.stop(t)
	checkDescription(t, d)
	c, seen := client(t, d), map[string]bool{}
	once := func(kind, name string) {
		if seen[kind+name] {
			t.Errorf("the %s %s is there twice", kind, name)
		}
		seen[kind+name] = true
	}
	for contact, err := range api.All(func(after string) (*api.List[api.Contact], error) {
		return c.ListContacts(t.Context(), api.ContactFilter{Page: api.Page{After: after}})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		once("contact", contact.Name)
	}
	channels, err := c.ListChannels(t.Context(), api.ChannelFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range channels.Data {
		once("channel", ch.Name)
	}
	lists, err := c.ListBroadcasts(t.Context(), api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists.Data {
		once("broadcast list", l.Name)
	}
}

// TestDemoOfAnother: a database that is not of a demo is left alone.
func TestDemoOfAnother(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if code, _, errors := command(t, "key", "init", "--data", folder, "Real Clinic"); code != 0 {
		t.Fatal(errors)
	}
	p := start(t, "demo", "--data", folder, "--listen", "127.0.0.1:0")
	if err := p.end(t); err == nil || !strings.Contains(p.log.String(), "no demo") {
		t.Errorf("it ended with %v: %s", err, p.log.String())
	}
	if fileIsThere(t, folder, demo.File) {
		t.Error("it is described as a demo")
	}
}

// TestTwoServersOneFolder: the second is refused, and the first goes on.
func TestTwoServersOneFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, d := startDemo(t, folder)
	second := start(t, "demo", "--data", folder, "--listen", "127.0.0.1:0")
	if err := second.end(t); err == nil || !strings.Contains(second.log.String(), "in use by another server") {
		t.Errorf("the second ended with %v: %s", err, second.log.String())
	}
	if err := client(t, d).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	first.stop(t)
}
