package native_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

// refused is a request that is not accepted: its status and code, and a field that the answer names.
type refused struct {
	method, path, body string
	headers            []string
	status             int
	code, field        string
}

const ok = `{"to":{"address":"phone:+15550100"},"body":"hello"}`

var refusals = map[string]refused{
	"no JSON":               {"POST", "/v1/messages", `{"to":`, nil, 400, "malformed", ""},
	"no body":               {"POST", "/v1/messages", ``, []string{"Content-Type", "application/json"}, 400, "malformed", ""},
	"no UTF-8":              {"POST", "/v1/messages", "{\"body\":\"\xff\"}", nil, 400, "malformed", ""},
	"unknown field":         {"POST", "/v1/messages", `{"to":{"user":"u"},"bdoy":"x"}`, nil, 422, "unknown-field", "bdoy"},
	"wrong type":            {"POST", "/v1/messages", `{"to":{"user":"u"},"body":"x","ttl":"5"}`, nil, 422, "type", "ttl"},
	"no recipient":          {"POST", "/v1/messages", `{"body":"x"}`, nil, 422, "recipient-required", "to"},
	"two recipients":        {"POST", "/v1/messages", `{"to":{"user":"u","contact":"c"},"body":"x"}`, nil, 422, "recipient-ambiguous", "to"},
	"recipient twice":       {"POST", "/v1/users/{user}/messages", ok, nil, 422, "recipient-ambiguous", "to"},
	"unknown recipient":     {"POST", "/v1/messages", `{"to":{"contact":"d0l3kq0s7k0c5vsr9ehg"},"body":"x"}`, nil, 422, "contact-unknown", "to.contact"},
	"ttl below zero":        {"POST", "/v1/messages", `{"to":{"user":"u"},"body":"x","ttl":-1}`, nil, 422, "out-of-range", "ttl"},
	"no content":            {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"}}`, nil, 422, "required", "body"},
	"empty content":         {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":""}`, nil, 422, "required", "body"},
	"bad address":           {"POST", "/v1/messages", `{"to":{"address":"phone:call me"},"body":"x"}`, nil, 422, "address-invalid", "to.address"},
	"NUL in the text":       {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":"a\u0000b"}`, nil, 422, "text-invalid", "body"},
	"NUL in a tag":          {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":"x","tags":["\u0000"]}`, nil, 422, "text-invalid", "tags[0]"},
	"NUL in the query":      {"GET", "/v1/messages?tag=%00", ``, nil, 422, "text-invalid", "tag"},
	"NUL in the path":       {"GET", "/v1/messages/%00", ``, nil, 404, "not-found", ""},
	"wrong content type":    {"POST", "/v1/messages", ok, []string{"Content-Type", "text/plain"}, 415, "content-type-unsupported", "Content-Type"},
	"wrong charset":         {"POST", "/v1/messages", ok, []string{"Content-Type", "application/json; charset=latin1"}, 415, "content-type-unsupported", "Content-Type"},
	"compressed":            {"POST", "/v1/messages", ok, []string{"Content-Encoding", "gzip"}, 415, "content-type-unsupported", "Content-Encoding"},
	"record without path":   {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":"x","record":{"direction":"inbound"}}`, nil, 422, "not-allowed", "record"},
	"long idempotency key":  {"POST", "/v1/messages", ok, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 422, "idempotency-key-invalid", "Idempotency-Key"},
	"empty idempotency key": {"POST", "/v1/messages", ok, []string{"Idempotency-Key", ""}, 422, "idempotency-key-invalid", "Idempotency-Key"},
	"large body":            {"POST", "/v1/messages", `{"body":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, "body-too-large", "body"},
	"long text":             {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":"` + strings.Repeat("x", 100_001) + `"}`, nil, 422, "too-long", "body"},
	"many parts":            {"POST", "/v1/messages", `{"body":[` + strings.Repeat(`{"kind":"text","text":"x"},`, 100) + `{"kind":"text","text":"x"}]}`, nil, 422, "too-many", "body"},
	"unknown parameter":     {"GET", "/v1/messages?chanel=x", ``, nil, 422, "unknown-field", "chanel"},
	"parameter of one":      {"GET", "/v1/messages/{message}?x=y", ``, nil, 422, "unknown-field", "x"},
	"parameter twice":       {"GET", "/v1/messages?tag=a&tag=b", ``, nil, 422, "duplicate", "tag"},
	"large limit":           {"GET", "/v1/messages?limit=201", ``, nil, 422, "out-of-range", "limit"},
	"no limit":              {"GET", "/v1/messages?limit=ten", ``, nil, 422, "type", "limit"},
	"unknown status":        {"GET", "/v1/messages?status=gone", ``, nil, 422, "value-unknown", "status"},
	"no time":               {"GET", "/v1/messages?since=yesterday", ``, nil, 422, "time-invalid", "since"},
	"no cursor":             {"GET", "/v1/messages?after=nonsense", ``, nil, 422, "cursor-invalid", "after"},
	"no cursor of a part":   {"GET", "/v1/messages/{message}/attempts?after=x", ``, nil, 422, "cursor-invalid", "after"},
	"no place":              {"GET", "/v1/events?after=soon", ``, nil, 422, "cursor-invalid", "after"},
	"place to come":         {"GET", "/v1/events?after=999999", ``, nil, 422, "cursor-unknown", "after"},
	"broken query":          {"GET", "/v1/messages?tag=%zz", ``, nil, 400, "malformed", ""},
	"unknown id":            {"GET", "/v1/contacts/d0l3kq0s7k0c5vsr9ehg", ``, nil, 404, "not-found", ""},
	"no id":                 {"GET", "/v1/contacts/x%20y", ``, nil, 404, "not-found", ""},
	"unknown delivery":      {"POST", "/v1/messages/{message}/deliveries/99/retry", ``, nil, 404, "not-found", ""},
	"no delivery":           {"POST", "/v1/messages/{message}/deliveries/01/retry", ``, nil, 404, "not-found", ""},
	"unknown route":         {"GET", "/v1/nothing", ``, nil, 404, "route-unknown", ""},
	"wrong method":          {"PUT", "/v1/messages", ok, nil, 405, "method-not-allowed", ""},
	"other revision":        {"PATCH", "/v1/contacts/{contact}", `{"name":"x"}`, []string{"If-Match", `"7777"`}, 412, "revision-mismatch", "If-Match"},
	"no revision":           {"PATCH", "/v1/contacts/{contact}", `{"name":"x"}`, []string{"If-Match", `"abc"`}, 412, "revision-mismatch", ""},
	"no e-mail address":     {"POST", "/v1/users", `{"name":"x","email":"not one"}`, nil, 422, "email-invalid", "email"},
	"required field":        {"POST", "/v1/users", `{}`, nil, 422, "required", "name"},
	"blank name":            {"POST", "/v1/users", `{"name":""}`, nil, 422, "required", "name"},
	"null":                  {"POST", "/v1/users", `{"name":null}`, nil, 422, "type", "name"},
	"unknown scope":         {"POST", "/v1/keys", `{"name":"k","scopes":["all"]}`, nil, 422, "scope-unknown", "scopes"},
	"taken address":         {"POST", "/v1/contacts", `{"addresses":[{"kind":"phone","value":"+15550100"}]}`, nil, 409, "address-taken", "addresses[0]"},
	"settings of no object": {"POST", "/v1/channels", `{"name":"x","connector":"sandbox","platform":"sms","settings":"x"}`, nil, 422, "type", "settings"},
	"other organization":    {"GET", "/v1/organization", ``, []string{"Parley-Organization", "d0l3kq0s7k0c5vsr9ehg"}, 404, "not-found", "Parley-Organization"},
	"no range":              {"GET", "/v1/media/{media}/content", ``, []string{"Range", "bytes=999-"}, 416, "range-invalid", ""},
	"unknown conversation":  {"POST", "/v1/messages", `{"to":{"conversation":"d0l3kq0s7k0c5vsr9ehg"},"body":"x"}`, nil, 422, "conversation-unknown", "to.conversation"},
	"no such conversation":  {"POST", "/v1/conversations/d0l3kq0s7k0c5vsr9ehg/messages", `{"body":"x"}`, nil, 404, "not-found", ""},
	"unknown broadcast":     {"POST", "/v1/messages", `{"to":{"broadcast":"d0l3kq0s7k0c5vsr9ehg"},"body":"x"}`, nil, 422, "broadcast-unknown", "to.broadcast"},
	"blank tag":             {"POST", "/v1/messages", `{"to":{"address":"phone:+15550100"},"body":"x","tags":[" "]}`, nil, 422, "required", "tags[0]"},
	"unknown event":         {"GET", "/v1/events?type=message.created,message.send", ``, nil, 422, "value-unknown", "type"},
	"unknown event, live":   {"GET", "/v1/events?type=message.send", ``, []string{"Accept", "text/event-stream"}, 422, "value-unknown", "type"},
	"no event id":           {"GET", "/v1/events", ``, []string{"Accept", "text/event-stream", "Last-Event-ID", "x"}, 422, "cursor-invalid", "Last-Event-ID"},
	"no cursor of ids":      {"GET", "/v1/users?after=nonsense", ``, nil, 422, "cursor-invalid", "after"},
	"taken e-mail address":  {"PATCH", "/v1/users/{user2}", `{"email":"taken@example.org"}`, nil, 409, "email-taken", "email"},
	"no account":            {"POST", "/v1/keys", `{"name":"k","scopes":["users:read"],"user":"{user2}"}`, nil, 422, "email-required", "user"},
	"address of another":    {"POST", "/v1/contacts/{other}/addresses", `{"kind":"phone","value":"+1 555 0100"}`, nil, 409, "address-taken", "value"},
	"one of two addresses":  {"POST", "/v1/contacts", `{"addresses":[{"kind":"email","value":"q@example.org"},{"kind":"phone","value":"+15550100"}]}`, nil, 409, "address-taken", "addresses[1]"},
	"taken id elsewhere":    {"PATCH", "/v1/contacts/{contact}", `{"externalId":"other"}`, nil, 409, "external-id-taken", "externalId"},
	"nobody to add":         {"POST", "/v1/conversations/{conversation}/participants", `{"user":"d0l3kq0s7k0c5vsr9ehg"}`, nil, 422, "user-unknown", "user"},
	"settings of all sorts": {"POST", "/v1/channels", `{"name":"x","connector":"sandbox","platform":"sms","settings":{"repeats":"never","delay":1.5,"bogus":1}}`, nil, 422, "value-unknown", "settings.repeats"},
	"no form":               {"POST", "/v1/media", `{}`, nil, 415, "content-type-unsupported", "Content-Type"},
	"form without file":     {"POST", "/v1/media", "--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, 422, "required", "file"},
	"other field":           {"POST", "/v1/media", strings.Replace(form, "file", "image", 1), []string{"Content-Type", "multipart/form-data; boundary=b"}, 422, "unknown-field", "image"},
	"two files":             {"POST", "/v1/media", strings.TrimSuffix(form, "--b--\r\n") + form, []string{"Content-Type", "multipart/form-data; boundary=b"}, 422, "unknown-field", "file"},
	"cut form":              {"POST", "/v1/media", form[:len(form)-9], []string{"Content-Type", "multipart/form-data; boundary=b"}, 400, "malformed", ""},
	"file of another type": {"POST", "/v1/media", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\nhello\r\n--b--\r\n",
		[]string{"Content-Type", "multipart/form-data; boundary=b"}, 415, "content-type-mismatch", "file"},
	"large file": {"POST", "/v1/media", strings.Replace(form, "hello", strings.Repeat("x", maxUpload+1), 1), []string{"Content-Type", "multipart/form-data; boundary=b"},
		413, "media-too-large", "file"},
	"very large file": {"POST", "/v1/media", strings.Replace(form, "hello", strings.Repeat("x", 2*maxUpload), 1), []string{"Content-Type", "multipart/form-data; boundary=b"},
		413, "media-too-large", "file"},
}

// What is wrong is refused in words that name it, and leaves nothing behind.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	things := w.things(t)
	must[*api.User](t)(w.admin.CreateUser(t.Context(), api.UserRequest{Name: "x", Email: "taken@example.org"}))
	things["other"] = must[*api.Contact](t)(w.admin.CreateContact(t.Context(), api.ContactRequest{ExternalID: "other"})).ID
	before := must[*api.EventPage](t)(w.admin.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest}))
	messages := len(must[*api.List[api.Message]](t)(w.admin.ListMessages(t.Context(), api.MessageFilter{})).Data)
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			filled := sample{path: c.path, body: c.body}.fill(things)
			answer, text := w.raw(t, c.method, filled.path, w.token, filled.body, c.headers...)
			var p api.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil || answer.StatusCode != c.status || c.code != "" && p.Code != c.code {
				t.Fatalf("%d %s, want %d %s", answer.StatusCode, text, c.status, c.code)
			}
			if c.field != "" && (len(p.Errors) == 0 || p.Errors[0].Field != c.field) {
				t.Errorf("%s does not name %s", text, c.field)
			}
			if p.RequestID == "" || p.Detail == "" || answer.Header.Get("X-Request-Id") != p.RequestID || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%v %s", answer.Header, text)
			}
			if strings.Contains(text, "\\u0000") {
				t.Errorf("%s repeats U+0000", text)
			}
		})
	}
	after := must[*api.EventPage](t)(w.admin.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest}))
	if before.Through != after.Through {
		t.Errorf("something was stored: the log went from %d to %d", before.Through, after.Through)
	}
	if list := must[*api.List[api.Message]](t)(w.admin.ListMessages(t.Context(), api.MessageFilter{})); len(list.Data) != messages {
		t.Errorf("there are %d messages, and were %d", len(list.Data), messages)
	}
}

// An answer to a request that is refused for its size or type leaves a connection that goes on or is closed,
// but never one that mistakes the rest of the body for a request.
func TestRefusedBodyDoesNotLeak(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		answer, _ := w.raw(t, "POST", "/v1/messages", w.token, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 100), "Content-Type", "text/plain")
		if answer.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%d", answer.StatusCode)
		}
	}
}
