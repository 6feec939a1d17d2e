package native_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// post makes a request to a hook's address, and returns its status.
func post(t *testing.T, method, url, body string, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// A hook catches whatever is posted to its address, and answers as it was told.
func TestHooks(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token, _ := w.rehearsed(t, parley.Scopes...)
	c := w.client(t, token)
	h := must[*api.Hook](t)(c.CreateHook(ctx, api.HookRequest{Name: "mine", Status: 503, Times: 2}, api.IdempotencyKey("k")))
	if again := must[*api.Hook](t)(c.CreateHook(ctx, api.HookRequest{Name: "mine", Status: 503, Times: 2}, api.IdempotencyKey("k"))); *again != *h || !strings.HasPrefix(h.URL, w.url+"/v1/sandbox/catch/") {
		t.Errorf("made %+v, then %+v", h, again)
	}
	long := strings.Repeat("ä", 100_000)
	for i, r := range []struct {
		method, below, body string
		status              int
	}{
		{"POST", "", `{"id":1}`, 503}, {"PUT", "/deep/er?x=1&y=%20", "\xff\x00binary", 503}, {"POST", "", long, 200}, {"GET", "?z", "", 200},
	} {
		status := post(t, r.method, h.URL+r.below, r.body, "Authorization", "Bearer s3cret", "X-Api-Key", "s3cret", "X-Signature", "sha256=1")
		if status != r.status {
			t.Errorf("request %d got %d, want %d", i, status, r.status)
		}
	}
	page := must[*api.List[api.HookCaught]](t)(c.ListCaught(ctx, h.ID, api.Page{Limit: 3}))
	if len(page.Data) != 3 || page.Next == nil || page.Data[0].Number != 4 || page.Data[0].Query != "z" || page.Data[0].Method != "GET" {
		t.Fatalf("caught %+v", page)
	}
	if got := page.Data[1]; got.Size != int64(len(long)) || got.Body != long[:65536] || got.Base64 || got.Status != 200 {
		t.Errorf("a long body: %d of %d bytes, %v", len(got.Body), got.Size, got.Base64)
	}
	got := page.Data[2]
	if got.Path != "deep/er" || got.Query != "x=1&y=%20" || got.Method != "PUT" || !got.Base64 || got.Body != base64.StdEncoding.EncodeToString([]byte("\xff\x00binary")) ||
		got.Address != "127.0.0.1" || got.Status != 503 || time.Since(got.At.Time) > time.Minute {
		t.Errorf("caught %+v", got)
	}
	if h := got.Headers; fmt.Sprint(h["Authorization"], h["X-Api-Key"], h["X-Signature"]) != "[[redacted]] [[redacted]] [sha256=1]" {
		t.Errorf("headers %v", h)
	}
	if page = must[*api.List[api.HookCaught]](t)(c.ListCaught(ctx, h.ID, api.Page{Limit: 3, After: *page.Next})); len(page.Data) != 1 || page.Next != nil || page.Data[0].Body != `{"id":1}` {
		t.Errorf("the last page: %+v", page)
	}

	times, delay := 1, int64(1)
	changed := must[*api.Hook](t)(c.PatchHook(ctx, h.ID, api.HookPatch{Times: &times, Delay: &delay}, api.IfMatch(h.Rev)))
	if changed.Caught != 4 || changed.Remaining != 1 || changed.Status != 503 || changed.Rev != h.Rev+1 || changed.URL != h.URL {
		t.Errorf("changed %+v", changed)
	}
	_, err := c.PatchHook(ctx, h.ID, api.HookPatch{Times: &times}, api.IfMatch(h.Rev))
	wantProblem(t, err, 412, "revision-mismatch", "")
	began := time.Now()
	if status := post(t, "POST", h.URL, "late"); status != 503 || time.Since(began) < time.Second {
		t.Errorf("got %d after %s", status, time.Since(began))
	}
	if err := c.ClearCaught(ctx, h.ID); err != nil {
		t.Error(err)
	}
	if page = must[*api.List[api.HookCaught]](t)(c.ListCaught(ctx, h.ID, api.Page{})); len(page.Data) != 0 {
		t.Errorf("after it was cleared: %+v", page)
	}
	var told []string
	for e, err := range c.Events(ctx, api.EventFilter{Types: []string{"organization.hook"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Data.ID == h.ID {
			told = append(told, e.Data.Status)
		}
	}
	if fmt.Sprint(told) != "[created caught caught caught caught updated caught updated]" {
		t.Errorf("told %v", told)
	}
	if err := c.DeleteHook(ctx, h.ID); err != nil {
		t.Error(err)
	}
	if status := post(t, "POST", h.URL, "gone"); status != 404 {
		t.Errorf("a deleted hook answered %d", status)
	}
}

// Nobody but a test organization has hooks, and nobody finds those of another.
func TestHooksAreTheirs(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token, id := w.rehearsed(t, parley.Scopes...)
	theirs, _ := w.rehearsed(t, parley.Scopes...)
	c, other := w.client(t, token), w.client(t, theirs)
	h := must[*api.Hook](t)(c.GetHook(ctx, id))
	for _, stranger := range []*api.Client{other, w.admin} {
		_, err := stranger.GetHook(ctx, id)
		wantProblem(t, err, 404, "not-found", "")
		_, err = stranger.ListCaught(ctx, id, api.Page{})
		wantProblem(t, err, 404, "not-found", "")
		wantProblem(t, stranger.DeleteHook(ctx, id), 404, "not-found", "")
	}
	_, err := w.admin.CreateHook(ctx, api.HookRequest{})
	wantProblem(t, err, 409, "test-only", "")
	for field, wrong := range map[string]api.HookRequest{"status": {Status: 99}, "times": {Times: -1}, "delay": {Delay: 31}, "name": {Name: "\x00"}} {
		_, err := c.CreateHook(ctx, wrong)
		e := err.(*api.Error)
		if e.HTTPStatus != 422 || e.Errors[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	address := h.URL
	if status := post(t, "POST", address, "mine"); status != 200 {
		t.Errorf("the address answered %d", status)
	}
	ordinary := string(w.principal(t).Organization)
	secret := address[strings.LastIndexByte(address, '/')+1:]
	for _, wrong := range []string{address[:len(address)-1], address + "x", w.url + "/v1/sandbox/catch/", w.url + "/v1/sandbox/catch/x",
		w.url + "/v1/sandbox/catch/" + ordinary + secret[20:], w.url + "/v1/sandbox/catch/" + secret[:20] + strings.Repeat("0", 20) + secret[40:], w.url + "/v1/sandbox/catch/%ff%00"} {
		if status := post(t, "POST", wrong, "guessed"); status != 404 {
			t.Errorf("%s answered %d", wrong, status)
		}
	}
	if caught := must[*api.List[api.HookCaught]](t)(c.ListCaught(ctx, id, api.Page{})).Data; len(caught) != 1 {
		t.Errorf("caught %+v", caught)
	}
	_, err = c.ListCaught(ctx, id, api.Page{After: "x"})
	wantProblem(t, err, 422, "cursor-invalid", "after")
	for n := 1; n < 50; n++ {
		must[*api.Hook](t)(c.CreateHook(ctx, api.HookRequest{}))
	}
	_, err = c.CreateHook(ctx, api.HookRequest{})
	wantProblem(t, err, 409, "hooks-full", "")
	if hooks := must[*api.List[api.Hook]](t)(c.ListHooks(ctx, api.Page{Limit: 100})).Data; len(hooks) != 50 {
		t.Errorf("%d hooks", len(hooks))
	}
}

// What was caught about a message goes with its content.
func TestHooksForget(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token, id := w.rehearsed(t, parley.Scopes...)
	c := w.client(t, token)
	ana := must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: "Ana"})).ID
	var messages []*api.Message
	address := must[*api.Hook](t)(c.GetHook(ctx, id)).URL
	for _, text := range []string{"secret", "public"} {
		m := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{User: ana}, Body: api.Text(text)}))
		post(t, "POST", address, fmt.Sprintf(`{"type":"message.created","message":{"id":%q,"text":%q}}`, m.ID, text))
		messages = append(messages, m)
	}
	must[*api.Message](t)(c.RecallMessage(ctx, messages[0].ID))
	caught := must[*api.List[api.HookCaught]](t)(c.ListCaught(ctx, id, api.Page{})).Data
	if len(caught) != 1 || !strings.Contains(caught[0].Body, messages[1].ID) {
		t.Errorf("left is %+v", caught)
	}
}
