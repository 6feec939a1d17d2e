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
	t      *testing.T
	url    string
	answer func(n int, p posted) int // the status of the answer to a request, which is the how manieth

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
