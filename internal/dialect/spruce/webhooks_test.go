package spruce_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/store/fresh"
)

// posted is a request that a receiver got.
type posted struct {
	at        time.Time
	id        string // of the event
	signature string
	body      []byte
	kind      string
	eventTime string
	object    map[string]any
}

// receiver is somebody's program to which events are posted.
type receiver struct {
	t        *testing.T
	url      string
	location string                    // where redirects lead
	answer   func(n int, p posted) int // the status of the answer to a request, which is the how manieth

	mu     sync.Mutex
	got    []posted
	change chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, change: make(chan struct{}), answer: func(int, posted) int { return http.StatusOK }}
	s := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(s.Close)
	r.url = s.URL + "/hooks"
	return r
}

func (r *receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		r.t.Error(err)
	}
	p := posted{at: time.Now(), id: q.Header.Get("Parley-Event-Id"), signature: q.Header.Get("X-Spruce-Signature"), body: body}
	var e struct {
		Object, Type, EventTime string
		Data                    struct{ Object map[string]any }
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Object != "event" || q.Method != "POST" || !strings.HasPrefix(q.Header.Get("Content-Type"), "application/json") {
		r.t.Errorf("%s %s of %s: %s", q.Method, q.URL, q.Header.Get("Content-Type"), body)
	}
	p.kind, p.eventTime, p.object = e.Type, e.EventTime, e.Data.Object
	r.mu.Lock()
	r.got = append(r.got, p)
	n, answer := len(r.got), r.answer
	close(r.change)
	r.change = make(chan struct{})
	r.mu.Unlock()
	if r.location != "" {
		w.Header().Set("Location", r.location)
	}
	w.WriteHeader(answer(n, p))
}

// answers changes what requests are answered from now on.
func (r *receiver) answers(f func(n int, p posted) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// all are the requests until now.
func (r *receiver) all() []posted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]posted{}, r.got...)
}

// first waits for the first request of which something is true.
func (r *receiver) first(what string, is func(posted) bool) posted {
	r.t.Helper()
	return r.some(what, 1, is)[0]
}

// some waits for so many requests of which something is true.
func (r *receiver) some(what string, n int, is func(posted) bool) []posted {
	r.t.Helper()
	for end := time.After(20 * time.Second); ; {
		r.mu.Lock()
		var found []posted
		for _, p := range r.got {
			if is(p) {
				found = append(found, p)
			}
		}
		change := r.change
		r.mu.Unlock()
		if len(found) >= n {
			return found
		}
		select {
		case <-change:
		case <-end:
			r.t.Fatalf("%s: there are %d of %d posts: %s", what, len(found), n, r.describe())
		}
	}
}

func (r *receiver) describe() string {
	var text strings.Builder
	for _, p := range r.all() {
		fmt.Fprintf(&text, "\n%s %s %s", p.id, p.kind, p.object["id"])
	}
	return text.String()
}

func ofItem(kind string, item map[string]any) func(posted) bool {
	return func(p posted) bool { return p.kind == kind && p.object["id"] == item["id"] }
}

const endpointsPath = "/webhooks/endpoints"

// register makes an endpoint, and returns its id and its secret.
func (w *world) register(url string) (id, secret string) {
	w.t.Helper()
	a := w.ok(w.ask("POST", endpointsPath, nil, fmt.Sprintf(`{"name":"EMR sync","url":%q}`, url)))["endpoint"].(map[string]any)
	secrets := a["signingSecrets"].([]any)
	return a["id"].(string), secrets[0].(map[string]any)["value"].(string)
}

// signature is what a receiver computes, by the documentation alone.
func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// What is posted by the API is told to an endpoint, whole, signed, with the request that it was answered with.
func TestWebhookTellsOfAPost(t *testing.T) {
	doortest.Says(t, doortest.Answer, "An endpoint that was registered is told of the item as conversationItem.created, signed, with the requestId that was answered.", webhookTellsOfAPost)
}

func webhookTellsOfAPost(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t)
	_, secret := w.register(r.url)
	item := w.post(w.ids["conversationId"], `{"body":[{"type":"text","value":"Your labs are ready."}]}`)
	p := r.first("the message", ofItem("conversationItem.created", item))
	if p.signature != signature(secret, p.body) {
		t.Errorf("the signature is %q, want %q", p.signature, signature(secret, p.body))
	}
	if p.object["requestId"] != item["requestId"] || item["requestId"] == "" {
		t.Errorf("the request is %v, want %v", p.object["requestId"], item["requestId"])
	}
	in, ok := p.object["conversation"].(map[string]any)
	if !ok || in["id"] != w.ids["conversationId"] {
		t.Errorf("the conversation is %v", p.object["conversation"])
	}
}

// shaped checks what an event is about against the contract's schema of it.
func (w *world) shaped(schema string, p posted) {
	w.t.Helper()
	object, err := json.Marshal(p.object)
	if err != nil {
		w.t.Fatal(err)
	}
	w.contract.Schema(w.t, schema, object)
}

func of(kind, id string) func(posted) bool {
	return func(p posted) bool { return p.kind == kind && p.object["id"] == id }
}

// What becomes of items is told as it is, whatever door did it; what is not at this door is not told.
func TestWebhookItems(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t)
	w.register(r.url)
	ctx := t.Context()
	if _, err := w.native.SendToUser(ctx, w.demo.Users[0].ID, api.SendRequest{Body: api.Text("between two")}); err != nil {
		t.Fatal(err)
	}
	note := w.post(w.ids["noteConversationId"], fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"BP 172/98 "},{"type":"page","value":%q}]}`, w.ids["memberId"]))
	created := r.first("the note", ofItem("conversationItem.created", note))
	w.shaped("conversationItem", created)
	if created.object["isInternalNote"] != true || created.object["direction"] != "none" || created.object["text"] != note["text"] ||
		created.object["conversation"].(map[string]any)["type"] != "note" {
		t.Errorf("the note is %s", created.body)
	}
	calls, err := w.native.ListPages(ctx, api.CallFilter{Message: strings.TrimPrefix(note["id"].(string), "ti_")})
	if err != nil || len(calls.Data) != 1 {
		t.Fatal(calls, err)
	}
	key, err := w.native.CreateKey(ctx, api.KeyRequest{Name: "hers", User: w.demo.Users[0].ID, Scopes: []string{"messages:read", "messages:send", "conversations:read"}})
	if err != nil {
		t.Fatal(err)
	}
	hers, err := api.New(w.app.URL(), key.Secret)
	if err == nil {
		_, err = hers.ResolvePage(ctx, calls.Data[0].ID)
		hers.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	updated := r.first("the page", ofItem("conversationItem.updated", note))
	if page := updated.object["pages"].([]any)[0].(map[string]any); page["resolved"] != true {
		t.Errorf("the page is %v", page)
	}
	in, err := w.native.PlayInbound(ctx, api.SandboxInbound{From: "phone:+12065550177", Body: api.Text("Is the clinic open?")})
	if err != nil {
		t.Fatal(err)
	}
	inbound := r.first("what somebody writes", of("conversationItem.created", "ti_"+in.ID))
	w.shaped("conversationItem", inbound)
	if inbound.object["direction"] != "inbound" || inbound.object["requestId"] != "" || inbound.object["text"] != "Is the clinic open?" ||
		inbound.object["conversation"].(map[string]any)["type"] != "phone" {
		t.Errorf("it is %s", inbound.body)
	}
	r.first("its conversation", of("conversation.created", inbound.object["conversationId"].(string)))
	if _, err := w.native.RecallMessage(ctx, strings.TrimPrefix(note["id"].(string), "ti_")); err != nil {
		t.Fatal(err)
	}
	deleted := r.first("the end", ofItem("conversationItem.deleted", note))
	w.shaped("conversationItem", deleted)
	if deleted.object["text"] != "" || strings.Contains(string(deleted.body), "172/98") {
		t.Errorf("what is left is %s", deleted.body)
	}
	for _, p := range r.all() {
		if strings.Contains(string(p.body), "between two") {
			t.Errorf("a direct message is told: %s", p.body)
		}
	}
	w.events(r)
}

// A message that is sent later is told of when it is scheduled, sent or withdrawn.
func TestWebhookScheduledMessages(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t)
	w.register(r.url)
	schedule := func(text string, in time.Duration) string {
		a := w.ask("POST", "/internalendpoints/{internalEndpointId}/conversations", []string{w.ids["internalEndpointId"]}, fmt.Sprintf(
			`{"destination":{"smsOrEmailEndpoint":"+12065550142"},"message":{"body":[{"type":"text","value":%q}]},"sendAt":%q}`, text, time.Now().Add(in).UTC().Format(time.RFC3339Nano)))
		return strings.TrimPrefix(w.ok(a)["requestId"].(string), "asyncRequest_")
	}
	soon, late := schedule("soon", 800*time.Millisecond), schedule("late", time.Hour)
	created := r.first("it is scheduled", of("scheduledMessage.created", "scm_"+soon))
	w.shaped("scheduledMessage", created)
	if m := created.object["message"].(map[string]any); m["text"] != "soon" || created.object["sentConversationItemId"] != nil {
		t.Errorf("it is %s", created.body)
	}
	sent := r.first("it is sent", of("scheduledMessage.sent", "scm_"+soon))
	if sent.object["sentConversationItemId"] != "ti_"+soon {
		t.Errorf("it is %s", sent.body)
	}
	if item := r.first("its item", of("conversationItem.created", "ti_"+soon)); item.object["requestId"] != "asyncRequest_"+soon || item.id == sent.id {
		t.Errorf("it is %s", item.body)
	}
	r.first("another one", of("scheduledMessage.created", "scm_"+late))
	if _, err := w.native.CancelMessage(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	r.first("it is withdrawn", of("scheduledMessage.deleted", "scm_"+late))
	for _, p := range r.all() {
		if p.object["id"] == "ti_"+late {
			t.Errorf("it has an item: %s", p.body)
		}
	}
	w.events(r)
}

// events checks that everything was posted in the order in which it happened, under an id of its own.
func (w *world) events(r *receiver) {
	w.t.Helper()
	ids := map[string]bool{}
	last := ""
	for _, p := range r.all() {
		if ids[p.id] || !strings.HasPrefix(p.id, "wev_") || p.eventTime < last {
			w.t.Errorf("%s of %s comes after one of %s, or twice", p.id, p.eventTime, last)
		}
		ids[p.id], last = true, p.eventTime
	}
}

// What becomes of conversations and contacts is told.
func TestWebhookConversationsAndContacts(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t)
	w.register(r.url)
	ctx := t.Context()
	id := w.ids["conversationId"]
	closed, title := api.ConversationStatus("closed"), "Labs"
	if _, err := w.native.PatchConversation(ctx, strings.TrimPrefix(id, "t_"), api.ConversationPatch{Status: closed, Title: &title}); err != nil {
		t.Fatal(err)
	}
	updated := r.first("the conversation", of("conversation.updated", id))
	w.shaped("conversation", updated)
	if updated.object["archived"] != true || updated.object["title"] != "Labs" {
		t.Errorf("it is %s", updated.body)
	}
	contact := func(name, number string) string {
		made, err := w.native.CreateContact(ctx, api.ContactRequest{Name: name, Addresses: []api.Address{{Kind: "phone", Value: number}, {Kind: "email", Value: name + "@example.org"}},
			Tags: []string{"vip"}, Attributes: map[string]string{"mrn": "77"}, ExternalIDs: map[string]string{"athena": "a-" + number, "ehr": "e-" + number}})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	one, two, three := contact("ana", "+12065550111"), contact("bea", "+12065550112"), contact("cleo", "+12065550113")
	created := r.first("a contact", of("contact.created", "entity_"+one))
	w.shaped("contact", created)
	if phones := created.object["phoneNumbers"].([]any); created.object["displayName"] != "ana" || phones[0].(map[string]any)["displayValue"] != "(206) 555-0111" ||
		len(created.object["integrationLinks"].([]any)) != 2 {
		t.Errorf("it is %s", created.body)
	}
	renamed := "Ana Ruiz"
	if _, err := w.native.PatchContact(ctx, one, api.ContactPatch{Name: &renamed}); err != nil {
		t.Fatal(err)
	}
	if p := r.first("its change", of("contact.updated", "entity_"+one)); p.object["displayName"] != renamed {
		t.Errorf("it is %s", p.body)
	}
	if _, err := w.native.MergeContact(ctx, two, api.ContactMerge{Into: one}); err != nil {
		t.Fatal(err)
	}
	if p := r.first("the merge", of("contact.merged", "entity_"+one)); fmt.Sprint(p.object["deletedContactIds"]) != "[entity_"+two+"]" {
		t.Errorf("it is %s", p.body)
	}
	if err := w.native.DeleteContact(ctx, three); err != nil {
		t.Fatal(err)
	}
	r.first("the deletion", of("contact.deleted", "entity_"+three))
	// A contact that nobody has named is none here.
	if _, err := w.native.PlayInbound(ctx, api.SandboxInbound{From: "phone:+12065550114", Body: api.Text("hello")}); err != nil {
		t.Fatal(err)
	}
	r.first("what it writes", func(p posted) bool { return p.object["text"] == "hello" })
	for _, p := range r.all() {
		if strings.HasPrefix(p.kind, "contact.") && strings.Contains(string(p.body), "2065550114") {
			t.Errorf("a contact without a name is told: %s", p.body)
		}
	}
	w.events(r)
}

// Endpoints are registered, listed, read, paused and deleted; a secret is shown once.
func TestWebhookEndpoints(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t)
	id, secret := w.register(r.url)
	if !strings.HasPrefix(id, "wde_") || len(secret) < 32 {
		t.Errorf("the endpoint is %s with %s", id, secret)
	}
	other, _ := w.register("https://emr.example.org/hooks?tenant=1")
	list := w.ok(w.ask("GET", endpointsPath, nil, ""))["endpoints"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["id"] != id || list[1].(map[string]any)["id"] != other {
		t.Errorf("they are %v", list)
	}
	got := w.ok(w.ask("GET", endpointsPath+"/{endpointId}", []string{id}, ""))["endpoint"].(map[string]any)
	shown := got["signingSecrets"].([]any)[0].(map[string]any)
	if got["status"] != "active" || got["name"] != "EMR sync" || got["url"] != r.url || shown["value"] != "" || !strings.HasPrefix(shown["id"].(string), "wss_") {
		t.Errorf("it is %v", got)
	}
	a := w.raw("DELETE", endpointsPath+"/"+other, "")
	if a.status != 200 || len(a.body) != 0 {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
	w.refused("one that is gone", w.ask("GET", endpointsPath+"/{endpointId}", []string{other}, ""), 404, "NOT_FOUND", "endpoint")
	w.refused("its deletion", w.raw("DELETE", endpointsPath+"/"+other, ""), 404, "NOT_FOUND", "endpoint")
	body := fmt.Sprintf(`{"name":"once","url":%q}`, r.url)
	w.ok(w.ask("POST", endpointsPath, nil, body, "s-idempotency-key", "k1"))
	w.refused("the same again", w.ask("POST", endpointsPath, nil, body, "s-idempotency-key", "k1"), 422, "DUPLICATE_REQUEST", "before")
	paused := w.ok(w.ask("POST", endpointsPath+"/{endpointId}/paused?paused=true", []string{id}, "", "s-idempotency-key", "k2"))
	if paused["paused"] != true {
		t.Errorf("paused: %v", paused)
	}
	w.refused("a pause again", w.ask("POST", endpointsPath+"/{endpointId}/paused?paused=true", []string{id}, "", "s-idempotency-key", "k2"), 422, "DUPLICATE_REQUEST", "before")
	got = w.ok(w.ask("GET", endpointsPath+"/{endpointId}", []string{id}, ""))["endpoint"].(map[string]any)
	if got["status"] != "paused" {
		t.Errorf("it is %v", got)
	}
	for _, act := range []string{"webhook.created", "webhook.updated", "webhook.deleted"} {
		entries, err := w.native.ListAudit(t.Context(), api.AuditFilter{Act: act})
		if err != nil || len(entries.Data) == 0 {
			t.Errorf("%s is not in the audit log: %v", act, err)
		}
	}
}

// What is wrong with a request is said, and nothing is stored.
func TestWebhookRefusals(t *testing.T) {
	w := newWorld(t)
	for body, named := range map[string]string{
		`{"url":"https://emr.example.org/"}`:                                           "name",
		`{"name":" ","url":"https://emr.example.org/"}`:                                "name",
		`{"name":"` + strings.Repeat("x", 201) + `","url":"https://emr.example.org/"}`: "name",
		`{"name":"x"}`:                                    "url",
		`{"name":"x","url":"emr.example.org"}`:            "url",
		`{"name":"x","url":"ftp://emr.example.org/"}`:     "url",
		`{"name":"x","url":"http://emr.example.org/"}`:    "https",
		`{"name":"x","url":"https:///path"}`:              "url",
		`{"name":"x","url":"https://emr.example.org/#a"}`: "url",
		`{"name":"x","url":"https://10.1.2.3/"}`:          "public",
		`{"name":"x","url":"http://10.1.2.3/"}`:           "public",
		`{"name":"x","url":"https://169.254.169.254/"}`:   "public",
		`{"name":"x","url":"https://[::ffff:10.0.0.1]/"}`: "public",
		`{"name":"x","url":7}`:                            "url",
		`{"name":`:                                        "JSON",
	} {
		w.refused(body, w.ask("POST", endpointsPath, nil, body), 400, "BAD_PARAMETER", named)
	}
	if list := w.ok(w.ask("GET", endpointsPath, nil, ""))["endpoints"].([]any); len(list) != 0 {
		t.Errorf("there are %v", list)
	}
	id, _ := w.register("https://emr.example.org/")
	for path, named := range map[string]string{"": "paused", "?paused=": "paused", "?paused=1": "paused"} {
		w.refused(path, w.raw("POST", endpointsPath+"/"+id+"/paused"+path, ""), 400, "BAD_PARAMETER", named)
	}
	for _, query := range []string{"startTime=now", "endTime=x", "paginationToken=x"} {
		w.refused(query, w.ask("GET", endpointsPath+"/{endpointId}/events?"+query, []string{id}, ""), 400, "BAD_PARAMETER", strings.SplitN(query, "=", 2)[0])
	}
	for _, path := range []string{"/x", "/wde_x", "/entity_" + strings.TrimPrefix(id, "wde_")} {
		w.refused(path, w.raw("GET", endpointsPath+path, ""), 400, "BAD_PARAMETER", "endpointId")
	}
	w.withKey("reads only", api.KeyRequest{Scopes: []string{"webhooks:read", "events:read"}}, func() {
		w.ok(w.ask("GET", endpointsPath, nil, ""))
		w.refused("a narrow key", w.ask("POST", endpointsPath, nil, `{"name":"x","url":"https://emr.example.org/"}`), 403, "FORBIDDEN", "webhooks:write")
		w.refused("a narrow key", w.raw("DELETE", endpointsPath+"/"+id, ""), 403, "FORBIDDEN", "webhooks:write")
	})
	w.withKey("sees no events", api.KeyRequest{Scopes: []string{"webhooks:write"}}, func() {
		w.refused("a key that sees nothing", w.ask("POST", endpointsPath, nil, `{"name":"x","url":"https://emr.example.org/"}`), 403, "FORBIDDEN", "events:read")
	})
	elsewhere, err := w.native.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	w.as(elsewhere.Key.Secret, func() {
		for _, a := range []answer{w.raw("GET", endpointsPath+"/"+id, ""), w.raw("DELETE", endpointsPath+"/"+id, ""), w.raw("POST", endpointsPath+"/"+id+"/paused?paused=true", ""),
			w.raw("GET", endpointsPath+"/"+id+"/events", "")} {
			w.refused("another organization's", a, 404, "NOT_FOUND", "endpoint")
		}
	})
	for range 49 {
		w.register("https://emr.example.org/")
	}
	w.refused("one too many", w.ask("POST", endpointsPath, nil, `{"name":"x","url":"https://emr.example.org/"}`), 400, "BAD_PARAMETER", "50")
}

// withKey does something with another key of the organization.
func (w *world) withKey(name string, request api.KeyRequest, do func()) {
	w.t.Helper()
	request.Name = name
	key, err := w.native.CreateKey(w.t.Context(), request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.as(key.Secret, do)
}

func (w *world) as(credential string, do func()) {
	before := w.credential
	w.credential = credential
	defer func() { w.credential = before }()
	do()
}

// Only what the operator allows is reached, also where a name or a redirect leads there.
func TestWebhookReachesNothingInside(t *testing.T) {
	folder := t.TempDir()
	w := openAs(t, folder, func(o *app.Options) { o.Config.Database, o.Config.AllowLoopback = fresh.Database(t, folder), false })
	for _, url := range []string{"http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/"} {
		w.refused(url, w.ask("POST", endpointsPath, nil, fmt.Sprintf(`{"name":"x","url":%q}`, url)), 400, "BAD_PARAMETER", "url")
	}
	r := newReceiver(t)
	id, _ := w.register(strings.Replace(r.url, "http://127.0.0.1", "https://localhost.", 1)) // what a name stands for is seen when it is dialled
	item := w.post(w.ids["conversationId"], `{"body":[{"type":"text","value":"hello"}]}`)
	e := w.delivery(id, item, "pending")
	if e["attempts"] != 1.0 || len(r.all()) != 0 {
		t.Errorf("it is %v, and there came %d", e, len(r.all()))
	}
	inside := newReceiver(t)
	w = newWorld(t)
	redirecting := newReceiver(t)
	redirecting.answers(func(int, posted) int { return http.StatusTemporaryRedirect })
	redirecting.location = inside.url
	id, _ = w.register(redirecting.url)
	item = w.post(w.ids["conversationId"], `{"body":[{"type":"text","value":"hello"}]}`)
	if e := w.delivery(id, item, "pending"); e["attempts"] != 1.0 || len(inside.all()) != 0 {
		t.Errorf("it is %v, and there came %d", e, len(inside.all()))
	}
}

// posts are the events of an endpoint, newest first.
func (w *world) posts(id, query string) (list []map[string]any) {
	w.t.Helper()
	for token := ""; ; {
		a := w.ok(w.ask("GET", endpointsPath+"/{endpointId}/events?"+query+"&paginationToken="+token, []string{id}, ""))
		for _, e := range a["events"].([]any) {
			list = append(list, e.(map[string]any))
		}
		if len(a["events"].([]any)) > 20 {
			w.t.Errorf("a page has %d", len(a["events"].([]any)))
		}
		if a["hasMore"] != true {
			return list
		}
		token = a["paginationToken"].(string)
	}
}

// delivery waits until the event that made an item is in a state, and returns how it stands.
func (w *world) delivery(endpoint string, item map[string]any, status string) map[string]any {
	w.t.Helper()
	var last map[string]any
	for range 400 {
		for _, e := range w.posts(endpoint, "") {
			data := e["data"].(string)
			if strings.Contains(data, item["id"].(string)) && strings.Contains(data, `"conversationItem.created"`) {
				if last = e["delivery"].(map[string]any); last["status"] == status {
					return last
				}
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	w.t.Fatalf("the event is %v, want %s", last, status)
	return nil
}
