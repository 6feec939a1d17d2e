package bird_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a server with one organization that has channels and a contact, and a file on the web.
type world struct {
	*testing.T
	config    config.Config
	app       *app.App
	admin     *api.Client // of the workspace
	operator  *api.Client
	token     string
	workspace string
	channels  map[string]string // platform → id as the door writes it
	native    map[string]string
	web       string // where a file is that everybody may have
	base      string // the server that is asked; empty: app
	contracts *contracts
}

func must[V any](t testing.TB) func(v V, err error) V {
	t.Helper()
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

type testLog struct{ testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("ERROR")) {
		l.Errorf("logged: %s", p)
	}
	return len(p), nil
}

func uuid(id string) string { return parley.ID(id).UUID() }

// largest is how many bytes an uploaded file may have.
const largest = 200_000

func newWorld(t *testing.T) *world { return build(t, false) }

// rehearsal is a world of a test organization, whose clock can be moved.
func rehearsal(t *testing.T) *world { return build(t, true) }

// settings are those of a server on the chosen database, whose rates are off.
func settings(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog, c.AllowLoopback = t.TempDir(), "127.0.0.1:0", 0, false, true
	c.BirdReads, c.BirdWrites, c.MaxUpload = 0, 0, largest
	c.Database = fresh.Database(t, c.Data)
	return c
}

// serve starts a server.
func serve(t *testing.T, c config.Config) *app.App {
	t.Helper()
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}}))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func build(t *testing.T, rehearsal bool) *world { return buildOn(t, settings(t), rehearsal) }

func buildOn(t *testing.T, c config.Config, rehearsal bool) *world {
	t.Helper()
	a := serve(t, c)
	w := &world{T: t, config: c, app: a, token: must[string](t)(a.Administrator(t.Context(), "Alpha")), channels: map[string]string{}, native: map[string]string{}, contracts: openContracts(t)}
	w.operator = w.client(w.token)
	w.admin = w.operator
	if rehearsal {
		made := must[*api.NewOrganization](t)(w.operator.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Rehearsal", Test: true}))
		w.token = made.Key.Secret
		w.admin = w.client(w.token)
	}
	w.workspace = uuid(must[*api.Organization](t)(w.admin.GetOrganization(t.Context())).ID)
	for platform, address := range map[string]string{"sms": "+15550001", "email": "desk@example.org", "whatsapp": "+15550002", "chat": "desk", "secure": "portal", "rcs": "+15550003", "fax": "+15550004"} {
		ch := must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: platform, Connector: "sandbox", Platform: platform, Address: address}))
		w.channels[platform], w.native[platform] = uuid(ch.ID), ch.ID
	}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/missing") {
			http.NotFound(rw, r)
			return
		}
		_, _ = io.WriteString(rw, "a file")
	}))
	t.Cleanup(web.Close)
	w.web = web.URL
	return w
}

func (w *world) client(token string) *api.Client {
	w.Helper()
	c := must[*api.Client](w)(api.New(w.app.URL(), token, api.WithRetry(api.Retry{})))
	w.Cleanup(c.Close)
	return c
}

// answer is what the door answered.
type answer struct {
	status int
	header http.Header
	raw    []byte
	json   map[string]any
}

// ask makes a request of the door. A path that begins with / is below the workspace.
func (w *world) ask(method, path, body string, header ...string) answer {
	w.Helper()
	base := cmp.Or(w.base, w.app.URL())
	target := base + "/bird/workspaces/" + w.workspace + path
	if strings.HasPrefix(path, "!") {
		target = base + "/bird" + path[1:]
	}
	r := must[*http.Request](w)(http.NewRequestWithContext(w.Context(), method, target, strings.NewReader(body)))
	r.Header.Set("Authorization", "AccessKey "+w.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	response := must[*http.Response](w)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, raw: must[[]byte](w)(io.ReadAll(response.Body))}
	_ = json.Unmarshal(a.raw, &a.json)
	w.contracts.check(w, method, path, &a)
	return a
}

// send sends to a channel and wants it accepted.
func (w *world) send(platform, body string, header ...string) answer {
	w.Helper()
	a := w.ask("POST", "/channels/"+w.channels[platform]+"/messages", body, header...)
	if a.status != http.StatusAccepted {
		w.Fatalf("%s: %d %s", body, a.status, a.raw)
	}
	return a
}

// at is what is at a path of names and numbers in JSON; nil: nothing.
func (a answer) at(path ...any) any {
	var v any = a.json
	for _, step := range path {
		switch s := step.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

func (a answer) text(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// ids are those of a list's results.
func (a answer) ids() (ids []string) {
	list, _ := a.at("results").([]any)
	for i := range list {
		ids = append(ids, a.text("results", i, "id"))
	}
	return ids
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("in vain: %s", what)
		}
	}
}

// messages counts those that are kept.
func (w *world) messages() int {
	w.Helper()
	n := 0
	for _, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return w.admin.ListMessages(w.Context(), api.MessageFilter{Page: api.Page{Limit: 100, After: after}})
	}) {
		if err != nil {
			w.Fatal(err)
		}
		n++
	}
	return n
}

// advance moves the clock of a test organization on.
func (w *world) advance(by time.Duration) {
	w.Helper()
	must[*api.Clock](w)(w.admin.AdvanceClock(w.Context(), by))
}

// contacts counts those that there are.
func (w *world) contacts() int {
	w.Helper()
	return len(must[*api.List[api.Contact]](w)(w.admin.ListContacts(w.Context(), api.ContactFilter{Page: api.Page{Limit: 100}})).Data)
}

// contracts are the vendor's descriptions of messages, and of what is around them.
type contracts struct {
	sync.Mutex       // they are of one goroutine at a time
	messages, others *doortest.Contract
}

func openContracts(t testing.TB) *contracts {
	t.Helper()
	return &contracts{messages: doortest.Open(t, "bird/messages.openapi.json"), others: doortest.Open(t, "bird/other.partial.openapi.json")}
}

const below = "/workspaces/{workspaceId}"

// check compares an answer with the contracts: each the door gives, but for files.
func (c *contracts) check(w *world, method, path string, a *answer) {
	w.Helper()
	c.Lock()
	defer c.Unlock()
	path, _, _ = strings.Cut(path, "?")
	s := strings.Split(strings.TrimPrefix(path, "/"), "/")
	last := s[len(s)-1]
	switch {
	case a.status == http.StatusUnprocessableEntity:
		c.messages.Schema(w, "ValidationError", a.raw)
	case a.status >= http.StatusBadRequest:
		c.messages.Schema(w, "RequestError", a.raw)
	case last == "presigned-upload" && s[0] == "channels":
		c.others.Answer(w, method, below+"/channels/{channelId}/presigned-upload", a.status, a.raw, "")
	case last == "presigned-upload":
		c.others.Answer(w, method, below+"/channel-media/presigned-upload", a.status, a.raw, "")
	case last == "interactions":
		c.others.Answer(w, method, below+"/channels/{channelId}/messages/{messageId}/interactions", a.status, a.raw, "")
	case method == http.MethodPost && last == "messages":
		c.messages.Answer(w, method, below+"/channels/{channelId}/messages", a.status, a.raw, "")
	case last == "messages":
		c.list(w, a)
	case len(s) == 4 && s[2] == "messages":
		c.messages.Schema(w, "Message", a.raw)
	}
}

// list checks the messages of a list, one by one.
func (c *contracts) list(w *world, a *answer) {
	w.Helper()
	var page struct{ Results []json.RawMessage }
	if err := json.Unmarshal(a.raw, &page); err != nil {
		w.Errorf("%s: %v", a.raw, err)
	}
	for _, message := range page.Results {
		c.messages.Schema(w, "Message", message)
	}
}
