// Package doors proves that every kind of message is the same at every door: what was sent through any of them agrees at all that
// show it with the native API in id, state, text and people, and does not exist at those that do not.
package doors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/fresh"
)

// The doors of other APIs.
const (
	tigerconnect = "tigerconnect"
	spruce       = "spruce"
	kustomer     = "kustomer"
	bird         = "bird"
)

// platforms are those that the sandbox plays, with the channel's own address and somebody's outside.
var platforms = []struct{ name, own, kind, outside string }{
	{"sms", "+15550001", "phone", "+1555018"}, {"whatsapp", "+15550002", "phone", "+1555028"}, {"rcs", "+15550003", "phone", "+1555038"}, {"fax", "+15550005", "fax", "+1555048"},
	{"email", "desk@example.org", "email", "person-"}, {"chat", "desk", "chat", "person-"}, {"secure", "portal", "secure", "person-"},
}

// world is a server with a test organization, and a credential for each door.
type world struct {
	*testing.T
	url         string
	admin       *api.Client // sees everything
	ana, bo, cy *api.Client // users
	ids         map[string]string
	credential  map[string]string
	channels    map[string]string // by platform
	people      int               // who were thought up
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

var scopes = []string{"messages:read", "messages:send", "messages:delete", "messages:record", "conversations:read", "conversations:write", "contacts:read", "contacts:write", "users:read", "roles:read",
	"roles:duty", "broadcasts:read", "teams:read", "channels:read", "media:read", "media:write", "templates:read", "events:read", "organization:read"}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog, c.BirdReads, c.BirdWrites, c.KustomerRateLimit = t.TempDir(), "127.0.0.1:0", 0, false, 0, 0, 0
	c.Database = fresh.Database(t, c.Data)
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}}))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, url: a.URL(), ids: map[string]string{}, credential: map[string]string{}, channels: map[string]string{}}
	operator := w.client(must[string](t)(a.Administrator(t.Context(), "Operator")))
	made := must[*api.NewOrganization](t)(operator.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Clinic", Test: true}))
	w.admin, w.ids["organization"] = w.client(made.Key.Secret), made.Organization.ID
	w.fill()
	return w
}

func (w *world) client(token string) *api.Client {
	w.Helper()
	c := must[*api.Client](w)(api.New(w.url, token, api.WithRetry(api.Retry{})))
	w.Cleanup(c.Close)
	return c
}

// fill makes who and what messages are sent to, and the keys of the doors.
func (w *world) fill() {
	w.Helper()
	ctx := w.Context()
	for _, p := range []struct {
		name   string
		client **api.Client
	}{{"Ana", &w.ana}, {"Bo", &w.bo}, {"Cy", &w.cy}} {
		u := must[*api.User](w)(w.admin.CreateUser(ctx, api.UserRequest{Name: p.name, Email: strings.ToLower(p.name) + "@clinic.example.org"}))
		key := must[*api.Key](w)(w.admin.CreateKey(ctx, api.KeyRequest{Name: p.name, User: u.ID, Scopes: scopes}))
		*p.client, w.ids[p.name], w.credential[p.name] = w.client(key.Secret), u.ID, "Bearer "+key.Secret
	}
	w.credential[tigerconnect] = w.credential["Ana"]
	everybody := []string{w.ids["Ana"], w.ids["Bo"], w.ids["Cy"]}
	w.ids["team"] = must[*api.Team](w)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "Front desk", Members: everybody})).ID
	w.ids["role"] = must[*api.Role](w)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "On call", Members: everybody})).ID
	must[*api.Role](w)(w.bo.ComeOnDuty(ctx, w.ids["role"], api.DutyIn{}))
	w.ids["away"] = must[*api.Role](w)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Nobody", Members: everybody, AwayText: "Nobody is here now"})).ID
	w.ids["list"] = must[*api.Broadcast](w)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"})).ID
	must[*api.Broadcast](w)(w.admin.AddBroadcastMembers(ctx, w.ids["list"], api.BroadcastMembers{Users: everybody[1:]}))
	for _, p := range platforms {
		w.channels[p.name] = must[*api.Channel](w)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: p.name, Connector: "sandbox", Platform: p.name, Address: p.own})).ID
	}
	text := api.TemplateText{Locales: []api.TemplateLocale{{Locale: "en", Body: api.Text("Hello {{name}}")}}, Variables: []api.TemplateVariable{{Name: "name"}}}
	w.ids["template"] = must[*api.Template](w)(w.admin.CreateTemplate(ctx, api.TemplateRequest{Name: "hello", TemplateText: text})).ID
	must[*api.Template](w)(w.admin.PublishTemplate(ctx, w.ids["template"], api.TemplateChoice{}))
	for door, grants := range map[string]*api.DoorGrants{spruce: nil, kustomer: {Roles: []string{"org"}}, bird: {Roles: []string{"viewer", "sender"}}} {
		request := api.KeyRequest{Name: door, Scopes: append([]string{"conversations:read.private"}, scopes...)}
		if grants != nil {
			request.Doors = map[string]api.DoorGrants{door: *grants}
		}
		w.credential[door] = "Bearer " + must[*api.Key](w)(w.admin.CreateKey(ctx, request)).Secret
	}
}

// someone is an address outside that nobody had before.
func (w *world) someone(platform string) string {
	for _, p := range platforms {
		if p.name == platform {
			w.people++
			address := fmt.Sprintf("%s:%s%03d9", p.kind, p.outside, w.people)
			if p.kind == "email" {
				address += "@example.org"
			}
			return address
		}
	}
	w.Fatal("no such platform", platform)
	return ""
}

func value(address string) string {
	_, v, _ := strings.Cut(address, ":")
	return v
}

func (w *world) advance(by time.Duration) {
	w.Helper()
	must[*api.Clock](w)(w.admin.AdvanceClock(w.Context(), by))
}

func (w *world) now() time.Time {
	w.Helper()
	return must[*api.Clock](w)(w.admin.GetClock(w.Context())).Now.Time
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("in vain: %s", what)
		}
	}
}

// answer is what a door answered.
type answer struct {
	status int
	raw    []byte
	json   any
}

// ask makes a request of a door.
func (w *world) ask(door, method, path, body string) answer {
	w.Helper()
	r := must[*http.Request](w)(http.NewRequestWithContext(w.Context(), method, w.url+"/"+door+path, strings.NewReader(body)))
	r.Header.Set("Authorization", w.credential[door])
	r.Header.Set("Content-Type", "application/json")
	response := must[*http.Response](w)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	a := answer{status: response.StatusCode, raw: must[[]byte](w)(io.ReadAll(response.Body))}
	_ = json.Unmarshal(a.raw, &a.json)
	return a
}

// send makes a request that is to be accepted.
func (w *world) send(door, path, body string) answer {
	w.Helper()
	a := w.ask(door, http.MethodPost, path, body)
	if a.status/100 != 2 {
		w.Fatalf("%s: POST %s %s: %d %s", door, path, body, a.status, a.raw)
	}
	return a
}

// at is what is at a path of names and numbers; nil: nothing.
func (a answer) at(path ...any) any {
	v := a.json
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

func (a answer) list(path ...any) []any {
	l, _ := a.at(path...).([]any)
	return l
}

func uuid(id string) string { return parley.ID(id).UUID() }

func hex(id string) string { return parley.ID(id).Hex() }

func fromUUID(text string) string {
	id, _ := parley.IDFromUUID(text)
	return string(id)
}

func fromHex(text string) string {
	id, _ := parley.IDFromHex(text)
	return string(id)
}
