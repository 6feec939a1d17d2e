package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-server/parley/api"
)

// wireTypes are the types that requests and answers are made of.
var wireTypes = []any{
	api.Organization{}, api.OrganizationPatch{}, api.OrganizationRequest{}, api.NewOrganization{},
	api.User{}, api.UserRequest{}, api.UserPatch{}, api.Team{}, api.TeamRequest{}, api.TeamPatch{},
	api.TeamMembers{}, api.Member{}, api.Key{}, api.KeyRequest{},
	api.Contact{}, api.ContactRequest{}, api.ContactPatch{}, api.ContactLookup{}, api.Address{},
	api.Broadcast{}, api.BroadcastRequest{}, api.BroadcastPatch{}, api.BroadcastMembers{},
	api.Channel{}, api.ChannelRequest{}, api.ChannelPatch{}, api.Connector{}, api.Media{},
	api.Conversation{}, api.ConversationRequest{}, api.ConversationPatch{}, api.Participant{}, api.NewParticipant{}, api.ReadMark{},
	api.Message{}, api.SendRequest{}, api.Delivery{}, api.Attempt{}, api.Interaction{},
	api.Event{}, api.EventPage{}, api.SandboxMessage{}, api.SandboxInbound{}, api.Clock{}, api.ClockMove{}, api.ResetRequest{}, api.Reset{}, api.Hook{}, api.HookRequest{}, api.HookPatch{}, api.HookCaught{}, api.Problem{},
	api.List[api.Message]{}, api.List[api.Member]{},
}

func registry(t *testing.T) huma.Registry {
	t.Helper()
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for _, v := range wireTypes {
		r.Schema(reflect.TypeOf(v), true, "")
	}
	return r
}

// The tags say to the OpenAPI generator and request validator what the types say to encoding/json.
func TestSchemas(t *testing.T) {
	schemas := registry(t).Map()
	for name, required := range map[string][]string{
		"SendRequest":    nil,
		"Recipient":      nil,
		"Part":           {"kind"},
		"Record":         {"direction"},
		"SandboxInbound": nil,
		"KeyRequest":     {"name", "scopes"},
		"ListMessage":    {"data", "next"},
		"EventPage":      {"data", "next", "through"},
		"Message": {"id", "conversationId", "sequence", "kind", "direction", "status", "counts", "author", "body", "text",
			"attachments", "internal", "priority", "deleteOnRead", "tags", "metadata", "reference", "recorded", "createdAt"},
	} {
		s := schemas[name]
		if s == nil {
			t.Errorf("no schema %s", name)
			continue
		}
		if !slices.Equal(s.Required, required) {
			t.Errorf("%s requires %v, want %v", name, s.Required, required)
		}
	}
	if s := schemas["Message"].Properties["sentAt"]; s.Type != "string" || s.Format != "date-time" {
		t.Errorf("sentAt is %s %s", s.Type, s.Format)
	}
}

func TestRequestValidation(t *testing.T) {
	r := registry(t)
	schema := r.Map()["SendRequest"]
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"parts":          {`{"to":{"user":"u"},"body":[{"kind":"text","text":"hi"}]}`, true},
		"scheduled":      {`{"to":{"user":"u"},"body":[],"sendAt":"2031-05-17T09:30:00Z"}`, true},
		"unknown field":  {`{"to":{"user":"u"},"bdoy":[]}`, false},
		"negative ttl":   {`{"to":{"user":"u"},"ttl":-1}`, false},
		"no date":        {`{"to":{"user":"u"},"sendAt":"tomorrow"}`, false},
		"priority":       {`{"to":{"user":"u"},"priority":"urgent"}`, false},
		"metadata":       {`{"to":{"user":"u"},"metadata":{"a":1}}`, false},
		"unknown target": {`{"to":{"usr":"u"}}`, false},
		"kind of a part": {`{"body":[{"kind":"video"}]}`, false},
	} {
		var v any
		if err := json.Unmarshal([]byte(c.body), &v); err != nil {
			t.Fatal(err)
		}
		res := &huma.ValidateResult{}
		huma.Validate(r, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, v, res)
		if ok := len(res.Errors) == 0; ok != c.ok {
			t.Errorf("%s: errors %v", name, res.Errors)
		}
	}
}

// echo is an operation that keeps the filter it is given.
func echo[F any](a huma.API, path string, got *F) {
	huma.Get(a, path, func(_ context.Context, in *F) (*struct{}, error) {
		*got = *in
		return nil, nil
	})
}

// A server that routes with these types reads a filter as the client wrote it.
func TestFiltersArrive(t *testing.T) {
	mux := http.NewServeMux()
	a := humago.New(mux, huma.DefaultConfig("test", "1"))
	var messages api.MessageFilter
	var conversations api.ConversationFilter
	var contacts api.ContactFilter
	var users api.UserFilter
	var teams api.TeamFilter
	var channels api.ChannelFilter
	var sandbox api.SandboxFilter
	var events api.EventFilter
	var page api.Page
	echo(a, "/v1/messages", &messages)
	echo(a, "/v1/conversations", &conversations)
	echo(a, "/v1/contacts", &contacts)
	echo(a, "/v1/users", &users)
	echo(a, "/v1/teams", &teams)
	echo(a, "/v1/channels", &channels)
	echo(a, "/v1/sandbox/messages", &sandbox)
	echo(a, "/v1/events", &events)
	echo(a, "/v1/keys", &page)
	server := httptest.NewServer(mux)
	defer server.Close()
	c, err := api.New(server.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	ctx, part := t.Context(), api.Page{Limit: 7, After: "a b&c"}
	at := time.Date(2031, 5, 17, 9, 30, 0, 5e6, time.UTC)
	m := api.MessageFilter{Page: part, Conversation: "c1", Kind: "note", Channel: "n1", Platform: "sms", Direction: "inbound", Status: "failed",
		Sender: "u1", Recipient: "phone:+15550100", Tag: "ä, b", Reference: "r", Parent: "m1", Since: at, Until: at.Add(time.Hour)}
	v := api.ConversationFilter{Page: part, Kind: "direct", Status: "open", Channel: "n1", Assignee: "none", Participant: "u1", Tag: "t", Inbox: "false"}
	k := api.ContactFilter{Page: part, Address: "phone:+15550100", ExternalID: "x", Tag: "t", Saved: "true"}
	u := api.UserFilter{Page: part, Email: "ana@example.org", Active: "true", Machine: "false"}
	n := api.ChannelFilter{Page: part, Connector: "sandbox", Platform: "sms"}
	s := api.SandboxFilter{Page: part, Channel: "n1", To: "phone:+15550100", Message: "m1"}
	e := api.EventFilter{After: api.AfterEvent(7), Limit: 9, Types: []string{"message.created", "contact.created"}, Conversation: "c1"}
	_, _ = c.ListMessages(ctx, m)
	_, _ = c.ListConversations(ctx, v)
	_, _ = c.ListContacts(ctx, k)
	_, _ = c.ListUsers(ctx, u)
	_, _ = c.ListTeams(ctx, api.TeamFilter{Page: part, Member: "u1"})
	_, _ = c.ListChannels(ctx, n)
	_, _ = c.ListSandboxMessages(ctx, s)
	_, _ = c.ListEvents(ctx, e)
	_, _ = c.ListKeys(ctx, part)
	for _, pair := range [][2]any{{messages, m}, {conversations, v}, {contacts, k}, {users, u}, {teams, api.TeamFilter{Page: part, Member: "u1"}},
		{channels, n}, {sandbox, s}, {events, e}, {page, part}} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("got %+v, want %+v", pair[0], pair[1])
		}
	}
}

// anyBody is the schema of api.Body: a string or parts.
type anyBody struct{}

func (anyBody) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString},
		{Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[api.Part](), true, "")}}}
}

// A server can accept both forms of a body.
func TestBodyOfEitherForm(t *testing.T) {
	mux := http.NewServeMux()
	a := humago.New(mux, huma.DefaultConfig("test", "1"))
	a.OpenAPI().Components.Schemas.RegisterTypeAlias(reflect.TypeFor[api.Body](), reflect.TypeFor[anyBody]())
	var got api.SendRequest
	huma.Post(a, "/v1/messages", func(_ context.Context, in *struct{ Body api.SendRequest }) (*struct{}, error) {
		got = in.Body
		return nil, nil
	})
	for body, ok := range map[string]bool{`"hi"`: true, `"h\u0069"`: true, `[{"kind":"text","text":"hi"}]`: true,
		`7`: false, `[{"kind":"video"}]`: false, `[{"kind":"text","txt":"hi"}]`: false, `["hi"]`: false, `{"kind":"text","text":"hi"}`: false} {
		got = api.SendRequest{}
		r := httptest.NewRequest("POST", "/v1/messages", strings.NewReader(`{"to":{"user":"u1"},"body":`+body+`}`))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if accepted := w.Code < 300; accepted != ok || ok && !reflect.DeepEqual(got.Body, api.Text("hi")) {
			t.Errorf("%s: %d, %+v", body, w.Code, got.Body)
		}
	}
}
