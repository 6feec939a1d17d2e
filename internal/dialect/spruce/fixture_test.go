package spruce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/demo"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a demo with its door, as a program of the vendor's reaches it.
type world struct {
	stop       func() // ends the server, at the end of the test by itself
	t          *testing.T
	app        *app.App
	demo       demo.Description
	base       string
	credential string
	ids        map[string]string
	native     *api.Client // the same server by its own API, as the administrator
	contract   *doortest.Contract
}

func newWorld(t *testing.T) *world { return open(t, t.TempDir()) }

// in is the same world for a part of the test.
func (w *world) in(t *testing.T) *world {
	of := *w
	of.t = t
	return &of
}

// open starts a demo on a folder.
func open(t *testing.T, folder string) *world {
	return openAs(t, folder, func(o *app.Options) { o.Config.Database = fresh.Database(t, folder) })
}

// optionsOf are those of a server.
func optionsOf(folder string, change func(o *app.Options)) app.Options {
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog, c.AllowLoopback = folder, "127.0.0.1:0", 0, false, true
	o := app.Options{Config: c, LogTo: io.Discard}
	change(&o)
	return o
}

// openAs is open with options of its own. As with a demo, this machine may be reached.
func openAs(t *testing.T, folder string, change func(o *app.Options)) *world {
	t.Helper()
	a, err := app.New(t.Context(), optionsOf(folder, change))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	d, err := demo.Prepare(t.Context(), demo.Server{Folder: folder, URL: a.URL(), Handler: a.Handler(),
		NewKey: func(ctx context.Context) (string, error) { return a.Administrator(ctx, demo.Organization) }})
	if err != nil {
		t.Fatal(err)
	}
	native, err := api.New(a.URL(), d.Key, api.WithRetry(api.Retry{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(native.Close)
	door := d.Doors["spruce"]
	return &world{stop: stop, t: t, app: a, demo: d, base: door.BaseURL + "/v1", credential: door.Credential, ids: door.IDs, native: native, contract: doortest.Open(t, "spruce/openapi.json")}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask makes a request, and checks the answer against the contract: path is as the contract writes it, with values in place of
// the names in braces, in their order.
func (w *world) ask(method, path string, values []string, body string, headers ...string) answer {
	w.t.Helper()
	url, template := path, strings.SplitN(path, "?", 2)[0]
	for _, value := range values {
		begin, end := strings.IndexByte(url, '{'), strings.IndexByte(url, '}')
		url = url[:begin] + value + url[end+1:]
	}
	got := w.raw(method, url, body, headers...)
	w.contract.Answer(w.t, method, template, got.status, got.body, "error")
	return got
}

func (w *world) raw(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.credential)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, text}
}

// ok decodes an answer that is to be a success.
func (w *world) ok(a answer) map[string]any {
	w.t.Helper()
	var members map[string]any
	if err := json.Unmarshal(a.body, &members); err != nil || a.status != http.StatusOK {
		w.t.Fatalf("answered %d: %s", a.status, a.body)
	}
	if a.header.Get("S-Request-Id") == "" {
		w.t.Error("the answer has no s-request-id")
	}
	return members
}

// refused checks that an answer is an error of the API that names something.
func (w *world) refused(what string, a answer, status int, kind, named string) {
	w.t.Helper()
	var p struct {
		StatusCode    int
		Type, Message string
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != status || p.StatusCode != status || p.Type != kind || !strings.Contains(p.Message, named) {
		w.t.Errorf("%s is answered %d %s, want %d %s that names %q", what, a.status, a.body, status, kind, named)
	}
}

const postPath = "/conversations/{conversationId}/messages"

// post posts a message to a conversation, and returns its item.
func (w *world) post(conversation, body string, headers ...string) map[string]any {
	w.t.Helper()
	return w.posted(w.ask("POST", postPath, []string{conversation}, body, headers...))
}

// posted is the item that an accepted request made.
func (w *world) posted(a answer) map[string]any {
	w.t.Helper()
	request := w.ok(a)["requestId"].(string)
	id := "ti_" + strings.TrimPrefix(request, "asyncRequest_")
	item := w.ok(w.ask("GET", "/conversationItems/{conversationItemId}", []string{id}, ""))["conversationItem"].(map[string]any)
	if item["requestId"] != request {
		w.t.Errorf("the item is of the request %v, want %s", item["requestId"], request)
	}
	return item
}

// items are those of a conversation, newest first.
func (w *world) items(conversation string) []any {
	w.t.Helper()
	return w.ok(w.ask("GET", "/conversations/{conversationId}/items", []string{conversation}, ""))["conversationItems"].([]any)
}

func (w *world) conversation(id string) map[string]any {
	w.t.Helper()
	return w.ok(w.ask("GET", "/conversations/{conversationId}", []string{id}, ""))["conversation"].(map[string]any)
}

// upload uploads a file.
func (w *world) upload(name, contentType, content string) string {
	w.t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="media"; filename=%q`, name)}, "Content-Type": {contentType}})
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.ask("POST", "/media", nil, form.String(), "Content-Type", writer.FormDataContentType())
	return w.ok(a)["id"].(string)
}

// count is how many messages there are in the organization.
func (w *world) count() (n int) {
	w.t.Helper()
	for _, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return w.native.ListMessages(w.t.Context(), api.MessageFilter{Page: api.Page{Limit: 200, After: after}})
	}) {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

// latest is where the event log ends.
func (w *world) latest() int64 {
	w.t.Helper()
	page, err := w.native.ListEvents(w.t.Context(), api.EventFilter{After: api.FromLatest})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Through
}

// unchanged runs requests that are refused, and checks that they left neither a message nor an event.
func (w *world) unchanged(refused func()) {
	w.t.Helper()
	messages, events := w.count(), w.latest()
	refused()
	if after := w.count(); after != messages || w.latest() != events {
		w.t.Errorf("there are %d messages and %d events, want %d and %d", after, w.latest(), messages, events)
	}
}

func text(value string) string { return fmt.Sprintf(`{"body":[{"type":"text","value":%q}]}`, value) }

// at is a member of a value, by names joined with dots; a number is a place in a list.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch of := v.(type) {
		case map[string]any:
			v = of[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(of) {
				return nil
			}
			v = of[i]
		default:
			return nil
		}
	}
	return v
}

// has checks members of a value.
func (w *world) has(v any, want map[string]any) {
	w.t.Helper()
	for path, value := range want {
		if got := at(v, path); !reflect.DeepEqual(got, value) {
			w.t.Errorf("%s is %v, want %v; in %v", path, got, value, v)
		}
	}
}
