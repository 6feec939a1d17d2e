// Package model compares the server, asked through its public API, with a small model of what it should be: after
// every step of random sequences, for several people and keys of two organizations, what each of them sees.
package model

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
)

// server is the whole program in this process.
type server struct {
	app      *app.App
	operator *api.Client
}

func start(t *testing.T, database string) *server {
	t.Helper()
	c := config.Default()
	c.Data, c.Database, c.Listen, c.KeyRateLimit, c.AccessLog, c.Metrics = filepath.Join(t.TempDir(), "data"), database, "127.0.0.1:0", 0, false, false
	a, err := app.New(t.Context(), app.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := a.Administrator(t.Context(), "Operator")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{app: a}
	s.operator = must(s.client(key))
	return s
}

// client calls the server's handler without a network.
func (s *server) client(key string) (*api.Client, error) {
	return api.New("http://parley.test", key, api.WithRetry(api.Retry{}), api.WithHTTPClient(&http.Client{Transport: inside{s.app.Handler()}}))
}

// inside is a connection to a handler.
type inside struct{ handler http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	arrived := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), body)
	arrived.Header, arrived.ContentLength = r.Header, r.ContentLength
	answer := httptest.NewRecorder()
	i.handler.ServeHTTP(answer, arrived)
	return answer.Result(), nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// principal is somebody who asks, with a key.
type principal struct {
	name     string
	org      *organization
	user     string // the id of its user
	personal bool
	private  bool // sees every conversation of members
	gone     bool // its user is deactivated
	client   *api.Client
}

func (p *principal) String() string { return p.org.name + "'s " + p.name }

// contact is somebody outside.
type contact struct {
	id      string
	numbers []string // of its telephones; the first one is written to
	last    *channel // that it last wrote on
	out     bool     // it wants no messages
	into    *contact // that it was merged into
}

// became is who a contact is by now.
func (c *contact) became() *contact {
	for c.into != nil {
		c = c.into
	}
	return c
}

// ends is where a message to a number ends: the sandbox looks at its last digits.
func ends(number string) api.Status {
	switch number[len(number)-1] {
	case '1':
		return api.Failed
	case '4':
		return api.Delivered
	}
	return api.Read
}

// channel is a sandbox channel. A closed one is its members'.
type channel struct {
	id       string
	platform string
	closed   bool
	members  []*principal
}

// furnish makes a test organization, whose clock stands until it is moved, with three users, an organization key with every scope and one that may not read
// what is private, a team of the first two users, an open channel, a closed one, and two contacts.
func (s *server) furnish(name string) *organization {
	ctx := background
	made := must(s.operator.CreateOrganization(ctx, api.OrganizationRequest{Name: name, Test: true}))
	o := &organization{name: name, conversations: map[string]*conversation{}, messages: map[string]*message{}, keyed: map[string]*conversation{}, merged: map[string]*conversation{}, replays: map[*role]bool{}, away: map[*principal]*away{}, given: map[any]*answers{}, retention: map[api.ConversationKind]time.Duration{}}
	admin := &principal{name: "admin", org: o, user: made.Key.User, private: true, client: must(s.client(made.Key.Secret))}
	scopes := slices.DeleteFunc(slices.Clone(made.Key.Scopes), func(scope string) bool { return scope == "conversations:read.private" })
	frozen := true
	o.now = must(admin.client.MoveClock(ctx, api.ClockMove{Frozen: &frozen})).Now.Time
	clerk := must(admin.client.CreateKey(ctx, api.KeyRequest{Name: "clerk", Scopes: scopes}))
	o.principals = []*principal{admin, {name: "clerk", org: o, user: clerk.User, client: must(s.client(clerk.Secret))}}
	for n := range 3 {
		u := must(admin.client.CreateUser(ctx, api.UserRequest{Name: "user " + string(rune('a'+n)), Email: fmt.Sprintf("user%d@%s.example.org", n, made.Organization.ID)}))
		key := must(admin.client.CreateKey(ctx, api.KeyRequest{Name: "personal", User: u.ID, Scopes: scopes}))
		o.users = append(o.users, &principal{name: u.Name, org: o, user: u.ID, personal: true, client: must(s.client(key.Secret))})
	}
	o.principals = append(o.principals, o.users...)
	o.admin = admin
	team := must(admin.client.CreateTeam(ctx, api.TeamRequest{Name: "team", Members: []string{o.users[0].user, o.users[1].user}}))
	o.team = team.ID
	of := must(admin.client.ListConversations(ctx, api.ConversationFilter{Kind: string(api.ConversationTeam)}))
	o.keyed["team"] = o.begin(of.Data[0].ID, api.ConversationTeam, o.users[0], o.users[1])
	closed := false
	open := must(admin.client.CreateChannel(ctx, api.ChannelRequest{Name: "open", Connector: "sandbox", Platform: "sms", Default: true}))
	hers := must(admin.client.CreateChannel(ctx, api.ChannelRequest{Name: "closed", Connector: "sandbox", Platform: "whatsapp", Open: &closed, Members: []string{o.users[0].user}}))
	o.channels = []*channel{{id: open.ID, platform: "sms"}, {id: hers.ID, platform: "whatsapp", closed: true, members: o.users[:1]}}
	for _, number := range []string{"+15550100000", "+15550200001", "+15550300004"} {
		o.introduce(number)
	}
	return o
}

// introduce makes a contact with a number.
func (o *organization) introduce(number string) *contact {
	made := must(o.admin.client.CreateContact(background, api.ContactRequest{Name: number, Addresses: []api.Address{{Kind: "phone", Value: number}}}))
	c := &contact{id: made.ID, numbers: []string{number}}
	o.contacts = append(o.contacts, c)
	return c
}
