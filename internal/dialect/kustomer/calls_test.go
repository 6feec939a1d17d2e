package kustomer_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-server/parley/api"
)

// other is an id that nothing has.
const other = "65bf0a1c9d3e4f0012ab34c2"

// writer opens a clinic, with a key that may record and read messages and conversations.
func writer(t *testing.T) (*clinic, string) {
	o := open(t, settings(t))
	return o, o.key([]string{"org.user"})
}

// The ids of a message, and what it belongs to.
func TestCallIDs(t *testing.T) {
	o, key := writer(t)
	const id = "65bf0a1c9d3e4f0012ab34c1"
	o.Says(t, "id", "A message has the id of 24 hexadecimal digits that the request chooses; without one the server makes it.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"id": id})).has(o.t, 201, m{"data.id": id, "data.links.self": "/kustomer/v1/messages/" + id})
		made := o.post(key, o.conversation, message(nil)).id()
		o.call(key, "GET", "/v1/messages/"+made, nil).has(o.t, 200, m{"data.id": made})
		o.refusesEach(key, "id", map[string]any{"/id": "123", "/id ": 5})
	})
	o.Says(t, "id", "An id that something in the organization has, whatever it is, is refused with 409.", func(o *clinic) {
		for _, taken := range []string{id, strings.ToUpper(id), hex(o.customer), hex(o.conversation)} {
			o.refuses(key, message(m{"id": taken}), 409, "/id")
		}
	})
	o.Says(t, "externalId", "A message is found again by its externalId, with the name of the parameter in any case.", func(o *clinic) {
		made := o.post(key, o.conversation, message(m{"externalId": "acme:msg/9001"}))
		made.has(o.t, 201, m{d + "externalId": "acme:msg/9001"})
		for _, path := range []string{"/v1/messages/externalId=acme%3Amsg%2F9001", "/v1/messages/EXTERNALID=acme%3Amsg%2F9001/"} {
			o.call(key, "GET", path, nil).has(o.t, 200, m{"data.id": made.id(), d + "directionType": made.at(d + "directionType")})
		}
	})
	o.Says(t, "externalId", "One that another message of the organization has is refused with 409; it is at most 256 characters long.", func(o *clinic) {
		o.refuses(key, message(m{"externalId": "acme:msg/9001"}), 409, "/externalId")
		o.refusesEach(key, "externalId", map[string]any{"/externalId": strings.Repeat("x", 257), "/externalId ": 1})
		o.post(key, o.conversation, message(m{"externalId": strings.Repeat("é", 256)})).has(o.t, 201, nil)
	})
	o.Says(t, "externalId", "Of twenty requests at once with one externalId, or one id, exactly one is stored.", func(o *clinic) {
		o.twins(key, "externalId", "acme:1")
		o.twins(key, "id", "65bf0a1c9d3e4f0012ab34c3")
	})
	o.Says(t, "customer", "The customer is always that of the conversation, whether the request names it or not; another is refused.", func(o *clinic) {
		for _, change := range []m{nil, {"customer": hex(o.customer)}} {
			o.post(key, o.conversation, message(change)).has(o.t, 201, m{"data.relationships.customer.data": m{"type": "customer", "id": hex(o.customer)}})
		}
		o.refusesEach(key, "customer", map[string]any{"/customer": hex(o.conversation), "/customer ": other})
	})
	o.Says(t, "conversation", "The conversation is that of the path; another is refused.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"conversation": strings.ToUpper(hex(o.conversation))})).has(o.t, 201,
			m{"data.relationships.conversation.data": m{"type": "conversation", "id": hex(o.conversation)}})
		o.refusesEach(key, "conversation", map[string]any{"/conversation": hex(o.customer), "/conversation ": "x"})
	})
}

// twins makes a request twenty times at once, of which one is answered with 201 and stored.
func (o *clinic) twins(key, name, value string) {
	o.t.Helper()
	before := must[*api.Conversation](o.t)(o.GetConversation(o.t.Context(), o.conversation)).LastSequence
	var made, taken atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch a := o.post(key, o.conversation, message(m{name: value})); a.status {
			case 201:
				made.Add(1)
			case 409:
				taken.Add(1)
			default:
				o.t.Errorf("answered %d: %s", a.status, a.text)
			}
		})
	}
	all.Wait()
	after := must[*api.Conversation](o.t)(o.GetConversation(o.t.Context(), o.conversation)).LastSequence
	if made.Load() != 1 || taken.Load() != 19 || after != before+1 {
		o.t.Errorf("%s: %d made, %d taken, %d stored", name, made.Load(), taken.Load(), after-before)
	}
}

// What is said, which way it went, and how it fared.
func TestCallMessage(t *testing.T) {
	o, key := writer(t)
	o.Says(t, "channel", "It is required, and one of nine, which becomes the platform of the message and one of the channels of the conversation.", func(o *clinic) {
		for _, channel := range []string{"email", "sms", "chat", "facebook", "twitter-dm", "twitter-tweet", "voice", "instagram", "whatsapp"} {
			o.keeps(key, "channel", channel)
		}
		o.call(key, "GET", "/v1/conversations/"+hex(o.conversation), nil).has(o.t, 200, m{d + "channels": []any{"chat", "email", "facebook", "instagram", "sms", "twitter-dm", "twitter-tweet", "voice", "whatsapp"}})
		o.refusesEach(key, "channel", map[string]any{"/channel": "form", "/channel ": absent, "/channel  ": 1})
	})
	o.Says(t, "app", "It is required, and names the app in the related link.", func(o *clinic) {
		a := o.post(key, o.conversation, message(m{"app": "my app"}))
		a.has(o.t, 201, m{d + "app": "my app", "data.links.related": "/kustomer/v1/my%20app/messages/" + a.id()})
		o.refusesEach(key, "app", map[string]any{"/app": absent, "/app ": 1})
	})
	o.Says(t, "preview", "It is the text of the message at every door, up to 10,240 characters.", func(o *clinic) {
		a := o.post(key, o.conversation, message(m{"preview": strings.Repeat("é", 10240)}))
		a.has(o.t, 201, m{d + "preview": strings.Repeat("é", 10240)})
		if native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id"))); len(native.Body) != 1 || native.Body[0].Text != strings.Repeat("é", 10240) {
			o.t.Errorf("the native API has %+v", native.Body)
		}
		o.refusesEach(key, "preview", map[string]any{"/preview": strings.Repeat("x", 10241), "/preview ": nil})
		o.post(key, o.conversation, message(m{"preview": absent})).has(o.t, 201, m{d + "preview": "", d + "size": 0})
		o.post(key, o.conversation, message(m{"preview": " \n"})).has(o.t, 201, m{d + "preview": " \n"})
	})
	o.Says(t, "subject", "It is given back, up to 256 characters.", func(o *clinic) {
		o.keeps(key, "subject", strings.Repeat("é", 256))
		o.refusesEach(key, "subject", map[string]any{"/subject": strings.Repeat("x", 257)})
	})
	o.Says(t, "size", "Left out, it is the characters of preview; else it is what the request says.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"preview": "Hé!"})).has(o.t, 201, m{d + "size": 3})
		o.keeps(key, "size", 4417)
		o.refusesEach(key, "size", map[string]any{"/size": "4417"})
	})
	o.Says(t, "related", "It takes the place of the related link.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"related": "https://example.org/1"})).has(o.t, 201, m{"data.links.related": "https://example.org/1"})
		o.refusesEach(key, "related", map[string]any{"/related": 1})
	})
	o.Says(t, "lang", "It is given back, up to 100 characters, or null.", func(o *clinic) {
		o.keeps(key, "lang", "en")
		o.keeps(key, "lang", nil)
		o.refusesEach(key, "lang", map[string]any{"/lang": 5, "/lang ": strings.Repeat("x", 101)})
	})
	o.Says(t, "error", "Of a message that failed it is given back, as a closed object.", func(o *clinic) {
		o.keeps(key, "error", m{"status": 500, "code": "x", "title": "t", "detail": "d", "source": m{"a": 1}, "meta": m{}, "links": m{}})
		o.refusesEach(key, "error", map[string]any{"/error": "x", "/error/x": m{"x": 1}, "/error/status": m{"status": "500"}})
	})
	o.Says(t, "errorAt", "It is given back, as a time in UTC.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"errorAt": "2026-02-03T11:11:13+01:00"})).has(o.t, 201, m{d + "errorAt": "2026-02-03T10:11:13.000Z"})
		o.refusesEach(key, "errorAt", map[string]any{"/errorAt": "then"})
	})
}

// Which way a message went, and how it fared.
func TestCallDirection(t *testing.T) {
	o, key := writer(t)
	o.Says(t, "direction", "A message that came in is by the customer, one that went out by whoever records it.", func(o *clinic) {
		me := o.call(key, "GET", "/v1/users/current", nil).native("data.id")
		for direction, want := range map[string][3]string{"in": {"inbound", "contact", o.customer}, "out": {"outbound", "user", me}} {
			a := o.post(key, o.conversation, message(m{"direction": direction}))
			a.has(o.t, 201, m{d + "direction": direction})
			if native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id"))); [3]string{string(native.Direction), string(native.Author.Kind), native.Author.ID} != want {
				o.t.Errorf("%s is %+v", direction, native)
			}
		}
		o.refusesEach(key, "direction", map[string]any{"/direction": "inbound", "/direction ": nil})
	})
	o.Says(t, "direction", "Left out, machines and administrators record what came in, people what they sent.", func(o *clinic) {
		ana := must[*api.User](o.t)(o.CreateUser(o.t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
		person := func(roles ...string) string {
			return must[*api.Key](o.t)(o.CreateKey(o.t.Context(), api.KeyRequest{Name: "Ana's", User: ana, Scopes: []string{"messages:send", "messages:record", "messages:read", "conversations:read"},
				Doors: map[string]api.DoorGrants{"kustomer": {Roles: roles}}})).Secret
		}
		o.post(key, o.conversation, message(nil)).has(o.t, 201, m{d + "direction": "in"})
		o.post(person("org.user"), o.conversation, message(nil)).has(o.t, 201, m{d + "direction": "out", "data.relationships.createdBy.data": m{"type": "user", "id": hex(ana)}})
		o.post(person("org"), o.conversation, message(nil)).has(o.t, 201, m{d + "direction": "in"})
	})
	o.Says(t, "status", "Left out, what came in is received and what went out sent; at the native API these are delivered, sent and failed.", func(o *clinic) {
		for _, c := range []struct{ direction, given, want, native string }{{"in", absent, "received", "delivered"}, {"out", absent, "sent", "sent"},
			{"out", "error", "error", "failed"}, {"in", "sent", "sent", "sent"}, {"out", "received", "received", "delivered"}} {
			a := o.post(key, o.conversation, message(m{"direction": c.direction, "status": c.given}))
			a.has(o.t, 201, m{d + "status": c.want})
			if native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id"))); string(native.Status) != c.native {
				o.t.Errorf("%+v is %s at the native API", c, native.Status)
			}
		}
		o.refusesEach(key, "status", map[string]any{"/status": "read", "/status ": true})
	})
	o.Says(t, "auto", "It is given back; such a message does not open a conversation that was done.", func(o *clinic) {
		o.keeps(key, "auto", true)
		o.opens(key, message(m{"direction": "in", "auto": true}), false)
		o.refusesEach(key, "auto", map[string]any{"/auto": "yes"})
	})
	o.Says(t, "source", "It is given back: bulk or satisfaction.", func(o *clinic) {
		o.keeps(key, "source", "bulk")
		o.keeps(key, "source", "satisfaction")
		o.refusesEach(key, "source", map[string]any{"/source": "mail"})
	})
}

// opens records a message in a conversation that is done, and then in one that is snoozed, and checks whether it is open then.
func (o *clinic) opens(key string, body any, opens bool) {
	o.t.Helper()
	for status, name := range map[api.ConversationStatus]string{"closed": "done", "snoozed": "snoozed"} {
		must[*api.Conversation](o.t)(o.PatchConversation(o.t.Context(), o.conversation, api.ConversationPatch{Status: status}))
		o.post(key, o.conversation, body).has(o.t, 201, nil)
		if opens {
			name = "open"
		}
		o.call(key, "GET", "/v1/conversations/"+hex(o.conversation), nil).has(o.t, 200, m{d + "status": name})
	}
	must[*api.Conversation](o.t)(o.PatchConversation(o.t.Context(), o.conversation, api.ConversationPatch{Status: "open"}))
}
