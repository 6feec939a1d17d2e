package spruce_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// doorScopes are those of a key that does all that there is.
var doorScopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "conversations:read.private", "conversations:write", "contacts:read", "contacts:write",
	"users:read", "teams:read", "channels:read", "media:read", "media:write", "events:read", "webhooks:read", "webhooks:write", "organization:read", "sandbox:read", "sandbox:write"}

// rehearse is a world in a test organization, whose clock stands, with one Note conversation.
func (w *world) rehearse() *world {
	w.t.Helper()
	ctx := w.t.Context()
	made, err := w.native.CreateOrganization(ctx, api.OrganizationRequest{Name: "Rehearsal", Test: true})
	if err != nil {
		w.t.Fatal(err)
	}
	native, err := api.New(w.app.URL(), made.Key.Secret, api.WithRetry(api.Retry{}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(native.Close)
	key, err := native.CreateKey(ctx, api.KeyRequest{Name: "Spruce", Scopes: doorScopes})
	if err != nil {
		w.t.Fatal(err)
	}
	note, err := native.CreateConversation(ctx, api.ConversationRequest{Kind: "note", Title: "Notes"})
	if err != nil {
		w.t.Fatal(err)
	}
	frozen := true
	if _, err := native.MoveClock(ctx, api.ClockMove{Frozen: &frozen}); err != nil {
		w.t.Fatal(err)
	}
	other := *w
	other.native, other.credential, other.ids = native, key.Secret, map[string]string{"noteConversationId": "t_" + note.ID}
	return &other
}

func (w *world) advance(by time.Duration) {
	w.t.Helper()
	if _, err := w.native.AdvanceClock(w.t.Context(), by); err != nil {
		w.t.Fatal(err)
	}
}

// note posts a note, and returns its item.
func (w *world) note(text string) map[string]any {
	w.t.Helper()
	return w.post(w.ids["noteConversationId"], fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":%q}]}`, text))
}

// texts are those of the items that are told as new, each once, in the order in which they first came.
func texts(all []posted) (list []string) {
	for _, p := range all {
		if text, ok := p.object["text"].(string); ok && p.kind == "conversationItem.created" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// What fails is posted again every two minutes, ten times in all, under the same id.
func TestWebhookRetries(t *testing.T) {
	doortest.Says(t, doortest.Around, "What an endpoint does not take is posted again every two minutes, ten times in all, by the same id; what comes after it does not wait.", webhookRetries)
}

func webhookRetries(t *testing.T) {
	w := newWorld(t).rehearse()
	r := newReceiver(t)
	id, secret := w.register(r.url)
	r.answers(func(_ int, p posted) int {
		if p.object["text"] == "good" {
			return http.StatusNoContent
		}
		return http.StatusServiceUnavailable
	})
	bad := w.note("bad")
	isBad := ofItem("conversationItem.created", bad)
	r.first("the first attempt", isBad)
	waits := w.delivery(id, bad, "pending")
	if waits["attempts"] != 1.0 || waits["attemptLimit"] != 10.0 || waits["nextAttemptTime"] == nil || waits["deliveryTime"] != nil {
		t.Errorf("it is %v", waits)
	}
	good := w.note("good")
	r.first("the next is not held up", ofItem("conversationItem.created", good))
	if d := w.delivery(id, good, "delivered"); d["attempts"] != 1.0 || d["deliveryTime"] == nil || d["nextAttemptTime"] != nil {
		t.Errorf("it is %v", d)
	}
	w.advance(2*time.Minute + 15*time.Second)
	again := r.some("the second attempt", 2, isBad)
	if again[0].id != again[1].id || again[0].eventTime != again[1].eventTime || again[1].signature != signature(secret, again[1].body) {
		t.Errorf("%s of %s came again as %s of %s", again[0].id, again[0].eventTime, again[1].id, again[1].eventTime)
	}
	w.advance(time.Hour)
	if d := w.delivery(id, bad, "failed"); d["attempts"] != 10.0 || d["nextAttemptTime"] != nil {
		t.Errorf("it is %v", d)
	}
	if n := len(r.some("all", 10, isBad)); n != 10 {
		t.Errorf("it was posted %d times", n)
	}
	w.advance(24 * time.Hour)
	if n := len(r.some("all", 10, isBad)); n != 10 {
		t.Errorf("after a day it was posted %d times", n)
	}
}

// An endpoint that is good again gets what it missed.
func TestWebhookRecovers(t *testing.T) {
	w := newWorld(t).rehearse()
	r := newReceiver(t)
	id, _ := w.register(r.url)
	r.answers(func(int, posted) int { return http.StatusInternalServerError })
	var items []map[string]any
	for i := range 30 {
		items = append(items, w.note(fmt.Sprint("n", i)))
	}
	for _, item := range items {
		r.first("an attempt", ofItem("conversationItem.created", item))
	}
	w.delivery(id, items[29], "pending")
	r.answers(func(int, posted) int { return http.StatusOK })
	w.advance(3 * time.Minute)
	for _, item := range items {
		if d := w.delivery(id, item, "delivered"); d["attempts"] != 2.0 {
			t.Errorf("it is %v", d)
		}
	}
	if next := len(r.all()); true {
		w.advance(time.Hour)
		if n := len(r.all()); n != next {
			t.Errorf("%d more came", n-next)
		}
	}
}

// What happens while an endpoint is paused comes when it goes on, in order; what waits to be tried again waits too.
func TestWebhookPause(t *testing.T) {
	w := newWorld(t).rehearse()
	r := newReceiver(t)
	id, _ := w.register(r.url)
	r.answers(func(_ int, p posted) int {
		if p.object["text"] == "failing" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	failing := w.note("failing")
	w.note("before")
	w.delivery(id, failing, "pending")
	r.first("the note", func(p posted) bool { return p.object["text"] == "before" })
	pause := func(paused string) {
		t.Helper()
		if got := w.ok(w.ask("POST", endpointsPath+"/{endpointId}/paused?paused="+paused, []string{id}, "")); fmt.Sprint(got["paused"]) != paused {
			t.Errorf("it is %v", got)
		}
	}
	pause("true")
	pause("true")
	var want []string
	for i := range 70 {
		want = append(want, fmt.Sprint("during ", i))
		w.note(want[i])
	}
	w.advance(time.Hour)
	time.Sleep(200 * time.Millisecond)
	if n := len(r.all()); n != 2 {
		t.Errorf("%d came while it was paused", n)
	}
	r.answers(func(int, posted) int { return http.StatusOK })
	pause("false")
	for _, text := range want {
		r.first(text, func(p posted) bool { return p.object["text"] == text })
	}
	if d := w.delivery(id, failing, "delivered"); d["attempts"] != 2.0 {
		t.Errorf("what failed before is %v", d)
	}
	if got := texts(r.all()); !slices.Equal(slices.DeleteFunc(got, func(text string) bool { return !strings.HasPrefix(text, "during") }), want) {
		t.Errorf("they came as %q", got)
	}
}

// An endpoint that does not answer delays no other.
func TestWebhookDeadEndpoint(t *testing.T) {
	w := newWorld(t)
	dead, good := newReceiver(t), newReceiver(t)
	release := make(chan struct{})
	dead.answers(func(int, posted) int { <-release; return http.StatusOK })
	defer close(release)
	deadID, _ := w.register(dead.url)
	w.register(good.url)
	began := time.Now()
	for i := range 20 {
		w.note(fmt.Sprint("n", i))
	}
	last := w.note("last")
	good.first("the last", ofItem("conversationItem.created", last))
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	// It has five seconds to answer; then the next is posted.
	second := dead.some("the second", 2, func(posted) bool { return true })[1]
	if waited := second.at.Sub(dead.all()[0].at); waited < 4*time.Second || waited > 9*time.Second {
		t.Errorf("the next came after %s", waited)
	}
	if list := w.posts(deadID, ""); len(list) == 0 || list[len(list)-1]["delivery"].(map[string]any)["status"] != "pending" {
		t.Errorf("the posts are %v", list)
	}
}

// What was not posted when a server ends is posted when it is back, and nothing twice.
func TestWebhookRestart(t *testing.T) {
	folder := t.TempDir()
	w := open(t, folder)
	r := newReceiver(t)
	w.register(r.url)
	r.answers(func(int, posted) int { time.Sleep(20 * time.Millisecond); return http.StatusOK })
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint("n", i))
		w.note(want[i])
	}
	r.first("some", func(p posted) bool { return p.object["text"] == "n1" })
	w.stop()
	before := len(texts(r.all()))
	w = open(t, folder)
	for _, text := range want {
		r.first(text, func(p posted) bool { return p.object["text"] == text })
	}
	if got := texts(r.all()); !slices.Equal(got, want) {
		t.Errorf("they came as %q", got)
	}
	if before == len(want) {
		t.Log("all had come before the end")
	}
	w.events(r)
}

// What was posted and could not be written down is posted again, as the same event.
func TestWebhookIsPostedAtLeastOnce(t *testing.T) {
	folder := t.TempDir()
	var faults atomic.Int64
	w := openAs(t, folder, func(o *app.Options) {
		o.Config.Database = fresh.Database(t, folder)
		o.Store = func(s *store.Options) {
			s.Fault = func(statement string) error {
				if strings.HasPrefix(statement, "UPDATE webhook_places SET through") && faults.Add(-1) >= 0 {
					return errors.New("the disk is gone")
				}
				return nil
			}
		}
	})
	r := newReceiver(t)
	id, _ := w.register(r.url)
	w.delivery(id, w.note("before"), "delivered")
	faults.Store(1)
	item := w.note("twice")
	twice := r.some("both", 2, ofItem("conversationItem.created", item))
	if twice[0].id != twice[1].id || string(twice[0].body) != string(twice[1].body) {
		t.Errorf("they are %s %s and %s %s", twice[0].id, twice[0].body, twice[1].id, twice[1].body)
	}
	w.delivery(id, item, "delivered")
	w.note("after")
	r.first("the next", func(p posted) bool { return p.object["text"] == "after" })
	if got := texts(r.all()); !slices.Equal(got, []string{"before", "twice", "after"}) {
		t.Errorf("they came as %q", got)
	}
}

// What a key may not see is not posted; an endpoint ends with its key, until another takes it over.
func TestWebhookSight(t *testing.T) {
	w := newWorld(t)
	narrow, whole := newReceiver(t), newReceiver(t)
	key, err := w.native.CreateKey(t.Context(), api.KeyRequest{Name: "narrow",
		Scopes: slices.DeleteFunc(slices.Clone(doorScopes), func(s string) bool { return s == "conversations:read.private" })})
	if err != nil {
		t.Fatal(err)
	}
	var id string
	w.as(key.Secret, func() { id, _ = w.register(narrow.url) })
	w.register(whole.url)
	private := w.note("private")
	public := w.post(w.ids["conversationId"], `{"internal":true,"body":[{"type":"text","value":"public"}]}`)
	narrow.first("what all see", ofItem("conversationItem.created", public))
	whole.first("what some see", ofItem("conversationItem.created", private))
	if got := texts(narrow.all()); !slices.Equal(got, []string{"public"}) {
		t.Errorf("the narrow key is told %q", got)
	}
	if err := w.native.RevokeKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	after := w.post(w.ids["conversationId"], `{"internal":true,"body":[{"type":"text","value":"after"}]}`)
	whole.first("what comes then", ofItem("conversationItem.created", after))
	for n := 0; ; n++ {
		got := w.ok(w.ask("GET", endpointsPath+"/{endpointId}", []string{id}, ""))["endpoint"].(map[string]any)
		if got["status"] == "paused" {
			break
		}
		if n == 400 {
			t.Fatalf("it is %v", got)
		}
		time.Sleep(25 * time.Millisecond)
	}
	if got := texts(narrow.all()); !slices.Equal(got, []string{"public"}) {
		t.Errorf("a revoked key is told %q", got)
	}
	w.ok(w.ask("POST", endpointsPath+"/{endpointId}/paused?paused=false", []string{id}, ""))
	narrow.first("what it missed", ofItem("conversationItem.created", after))
}

// What was erased before it is posted again, or looked at, is not told any more.
func TestWebhookErasure(t *testing.T) {
	w := newWorld(t).rehearse()
	r := newReceiver(t)
	id, _ := w.register(r.url)
	r.answers(func(int, posted) int { return http.StatusInternalServerError })
	item := w.note("planted marker")
	r.first("the first attempt", ofItem("conversationItem.created", item))
	w.delivery(id, item, "pending")
	if _, err := w.native.RecallMessage(t.Context(), strings.TrimPrefix(item["id"].(string), "ti_")); err != nil {
		t.Fatal(err)
	}
	r.answers(func(int, posted) int { return http.StatusOK })
	w.advance(3 * time.Minute)
	second := r.some("the second attempt", 2, ofItem("conversationItem.created", item))[1]
	if second.object["text"] != "" || strings.Contains(string(second.body), "marker") {
		t.Errorf("it is posted as %s", second.body)
	}
	for _, e := range w.posts(id, "") {
		if strings.Contains(e["data"].(string), "marker") {
			t.Errorf("it is listed as %v", e)
		}
	}
}

// The events of an endpoint are listed newest first, twenty at a time, of a time.
func TestWebhookEvents(t *testing.T) {
	w := newWorld(t).rehearse()
	r := newReceiver(t)
	id, _ := w.register(r.url)
	for i := range 45 {
		w.note(fmt.Sprint("n", i))
		if i == 24 {
			w.advance(time.Hour)
		}
	}
	r.first("the last", func(p posted) bool { return p.object["text"] == "n44" })
	last := r.all()[len(r.all())-1]
	var list []map[string]any
	for n := 0; len(list) != 45; n++ {
		if list = w.posts(id, ""); n == 200 {
			t.Fatalf("there are %d", len(list))
		}
	}
	if list[0]["id"] != last.id || list[0]["data"] != string(last.body) || list[0]["eventTime"] != last.eventTime {
		t.Errorf("the newest is %v, want %s %s", list[0], last.id, last.body)
	}
	late := w.posts(id, "startTime="+list[19]["eventTime"].(string))
	early := w.posts(id, "endTime="+list[19]["eventTime"].(string))
	if len(late) != 20 || len(early) != 25 {
		t.Errorf("late are %d, early %d", len(late), len(early))
	}
	if a := w.ok(w.ask("GET", endpointsPath+"/{endpointId}/events", []string{id}, "")); len(a["events"].([]any)) != 20 || a["hasMore"] != true {
		t.Errorf("a page is %v", a)
	} else {
		w.refused("another list", w.ask("GET", endpointsPath+"/{endpointId}/events?startTime=2020-01-01T00:00:00Z&paginationToken="+a["paginationToken"].(string), []string{id}, ""),
			400, "BAD_PARAMETER", "paginationToken")
	}
}

// Two servers over one database post each event once, whichever of them it happens on.
func TestWebhookNodes(t *testing.T) {
	database, folder := pgtest.Database(t), t.TempDir()
	with := func(o *app.Options) {
		o.Config.Database, o.Config.Connections, o.Poll = database, 4, 100*time.Millisecond
	}
	w := openAs(t, folder, with)
	other, err := app.New(t.Context(), optionsOf(t.TempDir(), with))
	if err == nil {
		err = other.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	receivers := []*receiver{newReceiver(t), newReceiver(t), newReceiver(t)}
	for _, r := range receivers {
		w.register(r.url)
	}
	there := *w
	there.base = other.URL() + "/spruce/v1"
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprint("n", i))
		[]*world{w, &there}[i%2].note(want[i])
	}
	for _, r := range receivers {
		r.first("the last", func(p posted) bool { return p.object["text"] == want[len(want)-1] })
		if got := texts(r.all()); !slices.Equal(got, want) {
			t.Errorf("they came as %q", got)
		}
		w.events(r)
	}
	if err := other.Close(); err != nil { // its endpoints are the other's then
		t.Fatal(err)
	}
	item := w.note("alone")
	for _, r := range receivers {
		r.first("what comes then", ofItem("conversationItem.created", item))
		w.events(r)
	}
}

// However many conversations and people events are about, what is posted of them takes the same number of statements.
func TestWebhookStatements(t *testing.T) {
	folder := t.TempDir()
	var statements atomic.Int64
	w := openAs(t, folder, func(o *app.Options) {
		o.Config.Database = fresh.Database(t, folder)
		o.Store = func(s *store.Options) {
			s.Fault = func(text string) error {
				if strings.HasPrefix(text, "SELECT") && !strings.Contains(text, "jobs") {
					statements.Add(1)
				}
				return nil
			}
		}
	})
	r := newReceiver(t)
	many, _ := w.register(r.url)
	inbound := func(n int) {
		in, err := w.native.PlayInbound(t.Context(), api.SandboxInbound{From: fmt.Sprintf("phone:+120655501%02d", n), Body: api.Text("hello")})
		if err != nil {
			t.Fatal(err)
		}
		r.first("it", of("conversationItem.created", "ti_"+in.ID))
	}
	for n := range 12 {
		inbound(n)
	}
	few, _ := w.register(r.url)
	inbound(50)
	count := func(id string, least, most int) int64 {
		t.Helper()
		for range 100 {
			if n := len(w.posts(id, "")); n >= least {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		var fewest int64
		for range 5 { // other work of the server may be counted too
			before := statements.Load()
			a := w.ok(w.ask("GET", endpointsPath+"/{endpointId}/events", []string{id}, ""))
			if n := statements.Load() - before; fewest == 0 || n < fewest {
				fewest = n
			}
			if n := len(a["events"].([]any)); n < least || n > most {
				t.Fatalf("a page has %d", n)
			}
		}
		return fewest
	}
	if a, b := count(few, 2, 3), count(many, 20, 20); a != b {
		t.Errorf("a few events take %d statements, twenty take %d", a, b)
	}
}
