package api_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"

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
	api.Event{}, api.EventPage{}, api.SandboxMessage{}, api.SandboxInbound{}, api.Problem{},
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
