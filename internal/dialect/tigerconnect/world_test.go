package tigerconnect_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a server with an organization of three users.
type world struct {
	t      *testing.T
	app    *app.App
	config config.Config
	admin  *api.Client
	org    string
	ana    *person
	bo     *person
	cy     *person
}

// person is a user with a key.
type person struct {
	*api.Client
	w     *world
	id    string
	name  string
	email string
	token string
	key   string
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Says is doortest's, in the world: what goes wrong is said of the statement.
func (w *world) Says(t *testing.T, parameter, statement string, test func(t *testing.T)) {
	t.Helper()
	t.Run(parameter+": "+statement, func(t *testing.T) {
		defer func(before *testing.T) { w.t = before }(w.t)
		w.t = t
		test(t)
	})
}

// rehearsal is a world whose organization is for tests, with a clock that stands until it is moved.
func rehearsal(t *testing.T) *world {
	t.Helper()
	w := started(t)
	made := must[*api.NewOrganization](t)(w.admin.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Rehearsal", Test: true}))
	w.admin, w.org = w.client(made.Key.Secret), made.Organization.ID
	stands := true
	must[*api.Clock](t)(w.admin.MoveClock(t.Context(), api.ClockMove{Frozen: &stands}))
	w.people()
	return w
}

// advance moves the clock.
func (w *world) advance(by time.Duration) {
	w.t.Helper()
	must[*api.Clock](w.t)(w.admin.AdvanceClock(w.t.Context(), by))
}

func (w *world) people() {
	w.ana, w.bo, w.cy = w.person("Ana Silva"), w.person("Bo Lund"), w.person("Cy Young")
}

// set changes the organization's policy.
func (w *world) set(p api.PolicyPatch) {
	w.t.Helper()
	must[*api.Organization](w.t)(w.admin.PatchOrganization(w.t.Context(), api.OrganizationPatch{Policy: &p}))
}

// settings are the server's options.
type settings = config.Config

func newWorld(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	w := started(t, change...)
	w.people()
	return w
}

func started(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, false
	c.Database = fresh.Database(t, c.Data)
	for _, f := range change {
		f(&c)
	}
	w := &world{t: t, config: c}
	w.start()
	t.Cleanup(func() { w.stop() })
	token := must[string](t)(w.app.Administrator(t.Context(), "Alpha"))
	w.admin = w.client(token)
	w.org = must[*api.Organization](t)(w.admin.GetOrganization(t.Context())).ID
	return w
}

func (w *world) start() {
	w.app = must[*app.App](w.t)(app.New(w.t.Context(), app.Options{Config: w.config, LogTo: io.Discard}))
	if err := w.app.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if err := w.app.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) client(token string) *api.Client {
	c := must[*api.Client](w.t)(api.New(w.app.URL(), token, api.WithRetry(api.Retry{})))
	w.t.Cleanup(c.Close)
	return c
}

// scopes are those of members.
var scopes = []string{"messages:read", "messages:send", "messages:delete", "conversations:read", "users:read", "roles:read", "roles:duty", "broadcasts:read", "teams:read",
	"media:read", "media:write", "events:read", "organization:read"}

func (w *world) person(name string) *person {
	w.t.Helper()
	email := strings.ToLower(strings.Fields(name)[0]) + "@example.org"
	u := must[*api.User](w.t)(w.admin.CreateUser(w.t.Context(), api.UserRequest{Name: name, Email: email}))
	return w.keyed(w.admin, u)
}

func (w *world) keyed(admin *api.Client, u *api.User) *person {
	k := must[*api.Key](w.t)(admin.CreateKey(w.t.Context(), api.KeyRequest{Name: u.Name, User: u.ID, Scopes: scopes}))
	return &person{Client: w.client(k.Secret), w: w, id: u.ID, name: u.Name, email: u.Email, token: k.Secret, key: k.ID}
}

// answer is what the door says.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   []byte
	body   struct {
		Status string
		Reply  map[string]any
		Error  struct {
			Code, Reason, Message, Field string
			Status                       int
		}
	}
}

func (p *person) call(method, path string, body any, headers ...string) answer {
	p.w.t.Helper()
	var content io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case form:
		content, kind = b.content, b.kind
	case string:
		content = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			p.w.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(p.w.t.Context(), method, p.w.app.URL()+"/tigerconnect"+path, content)
	if err != nil {
		p.w.t.Fatal(err)
	}
	r.SetBasicAuth(p.key, p.token)
	r.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{t: p.w.t, status: response.StatusCode, header: response.Header}
	if a.text, err = io.ReadAll(response.Body); err != nil {
		p.w.t.Fatal(err)
	}
	if len(a.text) > 0 && response.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(a.text, &a.body); err != nil {
			p.w.t.Fatalf("%s: %s", err, a.text)
		}
	}
	return a
}

type fields map[string]any

// send sends, and returns the message.
func (p *person) send(f fields) map[string]any {
	p.w.t.Helper()
	return p.call("POST", "/v2/message?response_format=message", f).ok()
}

func (a answer) ok() map[string]any {
	a.t.Helper()
	if a.status != http.StatusOK || a.body.Status != "success" {
		a.t.Fatalf("answered %d %s", a.status, a.text)
	}
	return a.body.Reply
}

// refused checks an error: its status, the sort, the reason and the field.
func (a answer) refused(what string, status int, code, reason, field string) {
	a.t.Helper()
	e := a.body.Error
	if a.status != status || a.body.Status != "fail" || e.Code != code || e.Status != status || reason != "" && e.Reason != reason || e.Field != field || e.Message == "" {
		a.t.Errorf("%s: answered %d %s, want %d %s %s %q", what, a.status, a.text, status, code, reason, field)
	}
}

// shows checks some members of a reply.
func shows(t *testing.T, what string, got map[string]any, want fields) {
	t.Helper()
	for name, value := range want {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		has, err := json.Marshal(got[name])
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(has) {
			t.Errorf("%s: %s is %s, want %s", what, name, has, text)
		}
	}
}

// form is a form with files.
type form struct {
	content io.Reader
	kind    string
}

type part struct{ field, file, kind, content string }

// Files that are taken.
var (
	textFile = part{"attachment", "note.txt", "text/plain", "hello, file"}
	image    = part{"attachment", "scan.png", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"}
)

func formOf(t *testing.T, parts ...part) form {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+p.field+`"`)
		if p.file != "" {
			h.Set("Content-Disposition", `form-data; name="`+p.field+`"; filename="`+p.file+`"`)
			h.Set("Content-Type", p.kind)
		}
		to := must[io.Writer](t)(w.CreatePart(h))
		if _, err := to.Write([]byte(p.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return form{&b, w.FormDataContentType()}
}

// held is how many messages a user sees in all.
func (p *person) held() int {
	p.w.t.Helper()
	n := 0
	for c, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		return p.ListConversations(p.w.t.Context(), api.ConversationFilter{Page: api.Page{After: after}})
	}) {
		if err != nil {
			p.w.t.Fatal(err)
		}
		n += int(c.LastSequence)
	}
	return n
}

func (p *person) comeOnDuty(role string) {
	p.w.t.Helper()
	must[*api.Role](p.w.t)(p.ComeOnDuty(p.w.t.Context(), role, api.DutyIn{}))
}
