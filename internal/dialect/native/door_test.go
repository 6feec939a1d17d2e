package native_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
)

func toPhone(body string) api.SendRequest {
	return api.SendRequest{To: api.Recipient{Address: "phone:+15550100"}, Body: api.Text(body)}
}

// sms makes a channel for phone numbers.
func (w *world) sms(t testing.TB) *api.Channel {
	t.Helper()
	return must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
}

// Requests with the same key make one message, however many come at once.
func TestTwins(t *testing.T) {
	w := newWorld(t)
	w.sms(t)
	const n = 50
	var wait sync.WaitGroup
	ids, replays := make([]string, n), make([]bool, n)
	for i := range n {
		wait.Go(func() {
			var answer api.Answer
			m, err := w.admin.Send(t.Context(), toPhone("once"), api.IdempotencyKey("k"), api.WithAnswer(&answer))
			if err != nil || answer.Status != 202 {
				t.Error(answer.Status, err)
				return
			}
			ids[i], replays[i] = m.ID, answer.Replayed
		})
	}
	wait.Wait()
	if slices.Sort(ids); ids[0] == "" || ids[0] != ids[n-1] {
		t.Errorf("messages: %v", slices.Compact(ids))
	}
	first := 0
	for _, replayed := range replays {
		if !replayed {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d answers are not of repeats", first)
	}
	if list := must[*api.List[api.Message]](t)(w.admin.ListMessages(t.Context(), api.MessageFilter{})); len(list.Data) != 1 {
		t.Errorf("%d messages", len(list.Data))
	}
	_, err := w.admin.Send(t.Context(), toPhone("twice"), api.IdempotencyKey("k"))
	wantProblem(t, err, 422, "idempotency-key-reused", "Idempotency-Key")
	other, err := w.client(t, w.without(t)).Send(t.Context(), toPhone("once"), api.IdempotencyKey("k"))
	if err != nil || other.ID == ids[0] {
		t.Errorf("the key of another: %+v, %v", other, err)
	}
}

// What is refused does not use up the key.
func TestRefusalReleasesTheKey(t *testing.T) {
	w := newWorld(t)
	_, err := w.admin.Send(t.Context(), toPhone("early"), api.IdempotencyKey("k"))
	wantProblem(t, err, 422, "channel-required", "")
	w.sms(t)
	must[*api.Message](t)(w.admin.Send(t.Context(), toPhone("early"), api.IdempotencyKey("k")))
}

// A key's secret is shown once: a repeat gets the key without it.
func TestCreatedThingsReplay(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	request := api.KeyRequest{Name: "k", Scopes: []string{"messages:send"}}
	var answer api.Answer
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, request, api.IdempotencyKey("k")))
	again := must[*api.Key](t)(w.admin.CreateKey(ctx, request, api.IdempotencyKey("k"), api.WithAnswer(&answer)))
	if key.Secret == "" || again.Secret != "" || again.ID != key.ID || !answer.Replayed || answer.Status != 201 {
		t.Errorf("%+v\n%+v %+v", key, again, answer)
	}
	file := must[*api.Media](t)(w.admin.UploadMedia(ctx, "a.txt", "", strings.NewReader("text"), api.IdempotencyKey("f")))
	same := must[*api.Media](t)(w.admin.UploadMedia(ctx, "a.txt", "", strings.NewReader("text"), api.IdempotencyKey("f")))
	if file.ID != same.ID {
		t.Errorf("the file was stored twice: %+v %+v", file, same)
	}
	_, err := w.admin.UploadMedia(ctx, "a.txt", "", strings.NewReader("other"), api.IdempotencyKey("f"))
	wantProblem(t, err, 422, "idempotency-key-reused", "")
}

func TestFileGoesThrough(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.sms(t)
	page := "<script>alert(1)</script>"
	file := must[*api.Media](t)(w.admin.UploadMedia(ctx, "ünï \"1\".html", "text/html", strings.NewReader(page)))
	m := must[*api.Message](t)(w.admin.SendToConversation(ctx, w.note(t), api.SendRequest{Attachments: []string{file.ID}}))
	if len(m.Attachments) != 1 || m.Attachments[0].Media != file.ID {
		t.Errorf("%+v", m.Attachments)
	}
	content := must[*api.Content](t)(w.admin.DownloadMedia(ctx, file.ID))
	text, err := io.ReadAll(content)
	if err != nil || string(text) != page || content.Name != file.Name || content.Size != int64(len(page)) {
		t.Errorf("%+v %q %v", content, text, err)
	}
	content.Close()
	answer, part := w.raw(t, "GET", "/v1/media/"+file.ID+"/content", w.token, "", "Range", "bytes=1-6")
	h := answer.Header
	if answer.StatusCode != http.StatusPartialContent || part != "script" || h.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %q %v", answer.StatusCode, part, h)
	}
	wantProblem(t, w.admin.DeleteMedia(ctx, file.ID), 409, "media-attached", "")
}

// note makes a conversation to write in.
func (w *world) note(t testing.TB) string {
	t.Helper()
	return must[*api.Conversation](t)(w.admin.CreateConversation(t.Context(), api.ConversationRequest{Kind: api.ConversationNote})).ID
}

// Every list is walked page by page: each entry once, in one order, and the same as in one large page.
func TestPages(t *testing.T) {
	w := newWorld(t)
	ctx, c := t.Context(), w.admin
	w.sms(t)
	conversation := w.note(t)
	team := must[*api.Team](t)(c.CreateTeam(ctx, api.TeamRequest{Name: "T"}))
	list := must[*api.Broadcast](t)(c.CreateBroadcast(ctx, api.BroadcastRequest{Name: "B"}))
	group := must[*api.Conversation](t)(c.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup}))
	for i := range 7 {
		name := strconv.Itoa(i)
		u := must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: name}))
		contact := must[*api.Contact](t)(c.CreateContact(ctx, api.ContactRequest{Name: name}))
		must[*api.Team](t)(c.AddTeamMembers(ctx, team.ID, api.TeamMembers{Users: []string{u.ID}}))
		must[*api.Broadcast](t)(c.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{u.ID}, Contacts: []string{contact.ID}}))
		must[*api.Participant](t)(c.AddParticipant(ctx, group.ID, api.NewParticipant{User: u.ID}))
		must[*api.Message](t)(c.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text(name)}))
		must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+1555010" + name}, Body: api.Text(name)}))
		must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: name, Scopes: []string{"users:read"}}))
	}
	for path, want := range map[string]int{
		"/v1/messages": 14, "/v1/conversations": 10, "/v1/conversations/" + conversation + "/messages": 7, "/v1/conversations/" + group.ID + "/participants": 8,
		"/v1/users": 15, "/v1/contacts": 14, "/v1/teams/" + team.ID + "/members": 7, "/v1/broadcasts/" + list.ID + "/members": 14, "/v1/keys": 8,
		"/v1/contacts?saved=true": 7, "/v1/messages?conversation=" + conversation: 7,
	} {
		all := w.pages(t, path, 200)
		for _, limit := range []int{1, 3, 7} {
			if got := w.pages(t, path, limit); !slices.Equal(got, all) {
				t.Errorf("%s, pages of %d: %v, want %v", path, limit, got, all)
			}
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(all))); len(all) != want || len(distinct) != want {
			t.Errorf("%s: %d entries, %d distinct, want %d", path, len(all), len(distinct), want)
		}
	}
}

// pages returns the ids of a list.
func (w *world) pages(t testing.TB, path string, limit int) (ids []string) {
	t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for after := ""; ; {
		answer, text := w.raw(t, "GET", fmt.Sprintf("%s%slimit=%d%s", path, separator, limit, after), w.token, "")
		var page struct {
			Data []struct{ ID string }
			Next *string
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil || answer.StatusCode != 200 || page.Data == nil || len(page.Data) > limit {
			t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
		}
		for _, entry := range page.Data {
			ids = append(ids, entry.ID)
		}
		if page.Next == nil {
			return ids
		}
		after = "&after=" + *page.Next
	}
}

func TestRevisions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	contact := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "A"}))
	changed := must[*api.Contact](t)(w.admin.PatchContact(ctx, contact.ID, api.ContactPatch{Name: new("B")}, api.IfMatch(contact.Rev)))
	if changed.Rev <= contact.Rev {
		t.Errorf("revision %d after %d", changed.Rev, contact.Rev)
	}
	_, err := w.admin.PatchContact(ctx, contact.ID, api.ContactPatch{Name: new("C")}, api.IfMatch(contact.Rev))
	wantProblem(t, err, 412, "revision-mismatch", "")
	wantProblem(t, w.admin.DeleteContact(ctx, contact.ID, api.IfMatch(contact.Rev)), 412, "revision-mismatch", "")
	answer, _ := w.raw(t, "PATCH", "/v1/contacts/"+contact.ID, w.token, `{"name":"D"}`, "If-Match", fmt.Sprintf(`W/"%d"`, changed.Rev))
	if answer.StatusCode != 200 {
		t.Errorf("a weak tag: %d", answer.StatusCode)
	}
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t)
	key, _, err := w.keys.Create(t.Context(), w.principal(t), access.KeyParams{Name: "slow", Scopes: parley.Scopes, RateLimit: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, ask := range []struct {
		method, path string
		status       int
	}{{"GET", "/v1/organization", 200}, {"POST", "/v1/messages", 400}, {"GET", "/v1/organization", 429}, {"HEAD", "/v1/messages", 429}} {
		answer, text := w.raw(t, ask.method, ask.path, key.Token, "")
		h, left := answer.Header, max(0, 1-i)
		if answer.StatusCode != ask.status || h.Get("Ratelimit-Policy") != `"key";q=2;w=60` || !strings.HasPrefix(h.Get("Ratelimit"), fmt.Sprintf(`"key";r=%d;t=`, left)) ||
			h.Get("X-Request-Id") == "" {
			t.Errorf("%d: %d %s %v", i, answer.StatusCode, text, h)
		}
		if wait, err := strconv.Atoi(h.Get("Retry-After")); ask.status == 429 && (err != nil || wait < 1 || wait > 30) || ask.status != 429 && err == nil {
			t.Errorf("%d: Retry-After %q", i, h.Get("Retry-After"))
		}
		if ask.status == 429 && ask.method == "GET" {
			wantRefusal(t, answer, text, 429, "rate-limited")
		}
	}
}

// What cannot be served now says when to come again.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	must[*api.Organization](t)(w.admin.GetOrganization(t.Context())) // its key is known for a moment
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	answer, text := w.raw(t, "PATCH", "/v1/organization", w.token, `{"name":"late"}`)
	wantRefusal(t, answer, text, 503, "shutting-down")
	w.state.Store("stopping")
	ready, _ := w.raw(t, "GET", "/readyz", "", "")
	for name, h := range map[string]http.Header{"a write": answer.Header, "readiness": ready.Header} {
		if wait, err := strconv.Atoi(h.Get("Retry-After")); err != nil || wait < 1 || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// A person who belongs to several organizations says in which to act.
func TestOrganizationOfAPersonalKey(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	beta := w.organization(t, "Beta")
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	must[*api.User](t)(w.client(t, beta.Key.Token).CreateUser(ctx, api.UserRequest{Name: "Ana at Beta", Email: "ana@example.org"}))
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "both", User: ana.ID, Scopes: []string{"organization:read"}}))
	_, err := w.client(t, key.Secret).GetOrganization(ctx)
	wantProblem(t, err, 400, "organization-required", "")
	answer, text := w.raw(t, "GET", "/v1/organization", key.Secret, "", "Parley-Organization", string(beta.Organization.ID))
	if answer.StatusCode != 200 || !strings.Contains(text, "Beta") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestRequestIDs(t *testing.T) {
	w := newWorld(t)
	answer, _ := w.raw(t, "GET", "/v1/organization", w.token, "", "X-Request-Id", "mine-7")
	if answer.Header.Get("X-Request-Id") != "mine-7" {
		t.Error(answer.Header)
	}
}

// The page is served from here alone, and its document is that of the operations.
func TestDocs(t *testing.T) {
	w := newWorld(t)
	for path, kind := range map[string]string{"/docs": "text/html", "/docs/page.js": "text/javascript", "/docs/page.css": "text/css"} {
		answer, text := w.raw(t, "GET", path, "", "")
		if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.Header)
		}
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %s", path, policy)
		}
		if strings.Contains(text, "//") && strings.Contains(text, "http") && kind != "text/javascript" || strings.Contains(text, "innerHTML") {
			t.Errorf("%s names another server, or trusts what it shows", path)
		}
	}
	answer, text := w.raw(t, "GET", "/v1/openapi.json", "", "")
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || answer.StatusCode != 200 || document.OpenAPI != "3.1.0" {
		t.Fatalf("%d %s %v", answer.StatusCode, document.OpenAPI, err)
	}
	listed := map[string]bool{}
	for _, methods := range document.Paths {
		for _, operation := range methods {
			listed[operation.OperationID] = true
		}
	}
	for id := range samples {
		if !listed[id] {
			t.Errorf("%s is not in the document, which has %v", id, slices.Sorted(maps.Keys(listed)))
		}
	}
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	if err := w.admin.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.admin.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	w.state.Store("starting")
	wantProblem(t, w.admin.Ready(t.Context()), 503, "", "")
}

// A stream goes on exactly where a reader was, and shows the message as it is now.
func TestEventStream(t *testing.T) {
	w := newWorld(t)
	w.sms(t)
	ctx := t.Context()
	stream := w.admin.StreamEvents(ctx, api.EventFilter{After: api.FromLatest, Types: []string{"message.created"}})
	go func() {
		time.Sleep(50 * time.Millisecond)
		for i := range 20 {
			if _, err := w.admin.Send(ctx, toPhone(strconv.Itoa(i))); err != nil {
				t.Error(err)
			}
		}
	}()
	seen := 0
	for range 4 { // connections
		for e, err := range stream.All() {
			if err != nil {
				t.Fatal(err)
			}
			if e.Data.Message == nil || e.Data.Message.Text != strconv.Itoa(seen) || e.Sequence != stream.Through() {
				t.Fatalf("event %d is %+v", seen, e)
			}
			seen++
			if seen%5 == 0 {
				break
			}
		}
	}
	page := must[*api.EventPage](t)(w.admin.ListEvents(ctx, api.EventFilter{Types: []string{"message.created"}}))
	if seen != 20 || len(page.Data) != 20 || page.Next != nil || page.Through < stream.Through() {
		t.Errorf("%d streamed, %d read, next %v", seen, len(page.Data), page.Next)
	}
	_, err := w.client(t, w.without(t, parley.ScopeEventsRead)).ListEvents(ctx, api.EventFilter{})
	wantProblem(t, err, 403, "scope-required", "")
}

// What comes after the end of a key is not shown to its streams.
func TestStreamEndsWithItsKey(t *testing.T) {
	w := newWorld(t)
	w.sms(t)
	ctx := t.Context()
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "x", Scopes: []string{"events:read", "messages:read", "conversations:read"}}))
	stream := w.client(t, key.Secret).StreamEvents(ctx, api.EventFilter{After: api.FromOldest, Types: []string{"message.created"}})
	must[*api.Message](t)(w.admin.Send(ctx, toPhone("before")))
	first := true
	for e, err := range stream.All() {
		if err != nil {
			wantProblem(t, err, 401, "credential-invalid", "")
			break
		}
		if !first {
			t.Fatalf("after the end of the key: %+v", e)
		}
		first = false
		if err := w.admin.RevokeKey(ctx, key.ID); err != nil {
			t.Fatal(err)
		}
		must[*api.Message](t)(w.admin.Send(ctx, toPhone("after")))
	}
}

func TestMessageIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.sms(t)
	ctx := t.Context()
	m := must[*api.Message](t)(w.admin.Send(ctx, toPhone("oops")))
	left := must[*api.Message](t)(w.admin.RecallMessage(ctx, m.ID))
	if left.Removed == nil || left.Removed.Reason != api.RemovedRecalled || left.Text != "" || len(left.Body) != 0 || left.Status != api.Canceled {
		t.Errorf("%+v", left)
	}
	later := toPhone("later")
	later.SendAt = api.NewTime(time.Now().Add(time.Hour))
	scheduled := must[*api.Message](t)(w.admin.Send(ctx, later))
	if scheduled.Status != api.Scheduled || scheduled.Sequence != 0 {
		t.Errorf("%+v", scheduled)
	}
	canceled := must[*api.Message](t)(w.admin.CancelMessage(ctx, scheduled.ID))
	if canceled.Status != api.Canceled {
		t.Errorf("%+v", canceled)
	}
	_, err := w.admin.CancelMessage(ctx, scheduled.ID)
	wantProblem(t, err, 409, "not-scheduled", "")
}
