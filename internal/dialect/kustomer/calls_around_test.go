package kustomer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// What a success is answered with.
func TestCallAnswer(t *testing.T) {
	o, key := writer(t)
	me := o.call(key, "GET", "/v1/users/current", nil).at("data.id")
	org := hex(must[*api.Organization](t)(o.GetOrganization(t.Context())).ID)
	o.Says(t, doortest.Answer, "It is 201 with the whole resource: type, id, attributes, relationships and links, as the contract has them.", func(o *clinic) {
		a := o.post(key, o.conversation, m{"channel": "voice", "app": "acme"})
		a.has(o.t, 201, m{"data.type": "message", d + "channel": "voice", d + "app": "acme", d + "direction": "in", d + "status": "received", d + "size": 0, d + "preview": "", d + "subject": nil,
			d + "externalId": nil, d + "meta": m{}, d + "custom": m{}, d + "sentiment": m{}, d + "lang": nil, d + "auto": false, d + "redacted": false, d + "rev": 1,
			d + "assignedUsers": []any{}, d + "assignedTeams": []any{}, d + "reactions": []any{}, "data.relationships.org.data": m{"type": "org", "id": org},
			"data.relationships.createdBy.data": m{"type": "user", "id": me}, "data.relationships.modifiedBy.data": m{"type": "user", "id": me}})
		o.call(key, "GET", "/v1/messages/"+a.id(), nil).has(o.t, 200, m{"data": a.at("data")})
	})
	o.Says(t, doortest.Answer, "Links are relative to the root, and carry the path that the door is served under.", func(o *clinic) {
		a := o.post(key, o.conversation, message(nil))
		a.has(o.t, 201, m{"data.links.self": "/kustomer/v1/messages/" + a.id(), "data.links.related": "/kustomer/v1/acme-inbox/messages/" + a.id(),
			"data.relationships.customer.links.self": "/kustomer/v1/customers/" + hex(o.customer), "data.relationships.org.links.self": "/kustomer/v1/orgs/" + org,
			"data.relationships.conversation.links.self": "/kustomer/v1/conversations/" + hex(o.conversation), "data.relationships.createdBy.links.self": "/kustomer/v1/users/" + me.(string)})
	})
	o.Says(t, doortest.Answer, "Its Content-Type is application/json, without which the vendor's client would not read it.", func(o *clinic) {
		if got := o.post(key, o.conversation, message(nil)).header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			o.t.Errorf("it is %q", got)
		}
	})
	o.Says(t, doortest.Answer, "directionType says whether a message is the first of the conversation, answers the other side, or follows one of the same.", func(o *clinic) {
		o.conversation = o.with(o.customer)
		var types []string
		for _, direction := range []string{"in", "in", "out", "out", "in"} {
			types = append(types, o.post(key, o.conversation, message(m{"direction": direction})).at(d+"directionType").(string))
		}
		if got := strings.Join(types, " "); got != "initial-in followup-in response-out followup-out response-in" {
			o.t.Errorf("the types are %s", got)
		}
	})
	o.Says(t, doortest.Answer, "The message is recorded, and delivered to nobody.", func(o *clinic) {
		a := o.post(key, o.conversation, message(m{"direction": "out"}))
		native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id")))
		deliveries := must[*api.List[api.Delivery]](o.t)(o.ListDeliveries(o.t.Context(), native.ID, api.Page{}))
		if len(deliveries.Data) != 0 || !native.Recorded {
			o.t.Errorf("it was delivered: %+v %+v", native, deliveries.Data)
		}
	})
}

// What the call changes, and what is needed for it.
func TestCallAround(t *testing.T) {
	o, key := writer(t)
	path := "/v1/conversations/" + hex(o.conversation)
	o.Says(t, doortest.Around, "The conversation counts the message, and has it among its first and last ones.", func(o *clinic) {
		o.call(key, "GET", path, nil).has(o.t, 200, m{d + "messageCount": 0, d + "channels": []any{}, d + "lastMessageIn": m{}, d + "firstResponse": m{}})
		ids := map[string]string{}
		for _, direction := range []string{"in", "in", "out", "out", "in"} {
			channel := map[string]string{"in": "sms", "out": "email"}[direction]
			ids[direction] = o.post(key, o.conversation, message(m{"channel": channel, "direction": direction, "preview": direction + "!"})).id()
		}
		must[*api.Message](o.t)(o.Send(o.t.Context(), api.SendRequest{To: api.Recipient{Conversation: o.conversation}, Internal: true, Body: api.Text("a note")}))
		a := o.call(key, "GET", path, nil)
		a.has(o.t, 200, m{d + "messageCount": 5, d + "inboundMessageCount": 3, d + "outboundMessageCount": 2, d + "noteCount": 1, d + "lastMessageDirection": "in", d + "preview": "in!",
			d + "direction": "in", d + "lastMessageIn.id": ids["in"], d + "lastMessageIn.channel": "sms", d + "lastMessageOut.id": ids["out"], d + "channels": []any{"email", "sms"}})
		if took, _ := a.at(d + "firstResponse.responseTime").(interface{ Int64() (int64, error) }); took == nil {
			o.t.Errorf("there is no first response: %s", a.text)
		}
	})
	o.Says(t, doortest.Around, "A message from the customer opens a conversation that was done or snoozed; one that went out does not.", func(o *clinic) {
		o.opens(key, message(m{"direction": "in"}), true)
		o.opens(key, message(m{"direction": "out"}), false)
	})
	o.Says(t, doortest.Around, "Messages are listed by conversation in the order of sentAt, with notes left out, in pages with numbers and links.", func(o *clinic) {
		all := o.call(key, "GET", path+"/messages", nil)
		list := all.body["data"].([]any)
		page := o.call(key, "GET", path+"/messages?sort=desc&pageSize=2", nil)
		page.has(o.t, 200, m{"data.0.id": list[len(list)-1].(m)["id"], "meta": m{"page": 1, "pageSize": 2}, "links.prev": nil,
			"links.next": "/kustomer" + path + "/messages?page=2&pageSize=2&sort=desc"})
		for _, one := range list {
			if one.(m)["attributes"].(m)["preview"] == "a note" {
				o.t.Errorf("a note is listed: %s", all.text)
			}
		}
	})
	o.Says(t, doortest.Around, "Whatever is recorded is seen at the native API at once: state, text, people and platform agree.", func(o *clinic) {
		a := o.post(key, o.conversation, message(m{"channel": "email"}))
		native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id")))
		if native.Direction != "inbound" || native.Platform != "email" || native.Body[0].Text != a.at(d+"preview") || native.Author.ID != o.customer || native.Status != "delivered" {
			o.t.Errorf("the native API has %+v", native)
		}
	})
	o.Says(t, doortest.Around, "What the rest of the vendor's API has answers 501 in its shape of errors until it is there, and paths that it has not 404.", func(o *clinic) {
		for _, path := range []string{"GET /v1/conversations/" + other + "/notes", "PATCH /v1/conversations/" + other, "POST /v1/messages", "PUT /v1/messages/" + other, "POST /v1/customers/search",
			"GET /v1/teams", "POST /v1/attachments", "GET /v1/customers/merges/" + other, "DELETE /v1/customers/" + other + "/klasses/a/"} {
			method, path, _ := strings.Cut(path, " ")
			o.call(key, method, path, nil).has(o.t, 501, m{"errors.0.status": 501, "errors.0.code": "not_implemented"})
		}
		o.call("", "GET", "/v1/teams", nil).has(o.t, 401, nil)
		for _, path := range []string{"/", "/v1", "/v1/nothing", "/v2/teams", "/v1/conversations/" + other + "/nothing", "/v1/customers/" + other + "/teams"} {
			o.call(key, "GET", path, nil).has(o.t, 404, m{"errors.0.status": 404, "errors.0.code": "not_found"})
		}
	})
}

// Who may.
func TestCallRoles(t *testing.T) {
	o := open(t, settings(t))
	tries := func(o *clinic, status int, roles ...string) {
		o.t.Helper()
		for _, role := range roles {
			a := o.post(o.key([]string{role}), o.conversation, message(nil))
			if a.status != status {
				o.t.Errorf("%q is answered %d, want %d: %s", role, a.status, status, a.text)
			}
		}
	}
	o.Says(t, doortest.Around, "Either role permits it: org.user.message.write or org.permission.message.create.", func(o *clinic) {
		tries(o, 201, "org.user.message.write", "org.permission.message.create")
	})
	o.Says(t, doortest.Around, "A role includes what is below it: org.user.message and org.user include the one, org.permission the other, and org both.", func(o *clinic) {
		tries(o, 201, "org.user.message", "org.user", "org.permission.message", "org.permission", "org")
	})
	o.Says(t, doortest.Errors, "A key without such a role is refused with 401, and nothing is stored.", func(o *clinic) {
		for _, role := range []string{"org.user.message.read", "org.permission.message.update", "org.admin", "org.use", "org.user.message.writer", "org.tracking"} {
			o.refuses(o.key([]string{role}), message(nil), 401, "").has(o.t, 401, m{"errors.0.code": "unauthorized", "errors.0.title": "Unauthorized"})
		}
		o.refuses(o.key([]string{}), message(nil), 401, "")
	})
	o.Says(t, doortest.Around, "A key without roles has those that its scopes stand for, and roles permit no more than the scopes of the key.", func(o *clinic) {
		o.post(o.key(nil, "messages:send", "messages:record"), o.conversation, message(nil)).has(o.t, 201, nil)
		o.refuses(o.key(nil, "messages:send"), message(nil), 401, "")
		o.refuses(o.key([]string{"org"}, "messages:read"), message(nil), 401, "")
	})
	o.Says(t, doortest.Errors, "Without a key, or with one that is not valid, it is 401.", func(o *clinic) {
		for _, bad := range []string{"", "nonsense"} {
			o.refuses(bad, message(nil), 401, "").has(o.t, 401, m{"errors.0.code": "unauthorized"})
		}
	})
}

// What is refused for the whole of the request.
func TestCallErrors(t *testing.T) {
	o, key := writer(t)
	o.Says(t, doortest.Errors, "An attribute that the request does not have, also one that only answers have, is refused with 400, which names it.", func(o *clinic) {
		for _, name := range []string{"colour", "directionType", "redacted", "rev", "spam", "reactions", "sentBy", "assignedUsers", "responseTime"} {
			o.refuses(key, message(m{name: 1}), 400, "/"+name).has(o.t, 400, m{"errors.0.code": "bad_request", "errors.0.meta.field": name})
		}
	})
	o.Says(t, doortest.Errors, "All that is wrong is said at once, an entry for each attribute.", func(o *clinic) {
		a := o.refuses(key, m{"direction": "up", "colour": 1, "channel": "sms"}, 400, "/app")
		if list, _ := a.body["errors"].([]any); len(list) != 3 {
			o.t.Errorf("%d errors: %s", len(list), a.text)
		}
	})
	o.Says(t, doortest.Errors, "What is no JSON object in UTF-8 is refused with 400.", func(o *clinic) {
		for _, text := range []string{`{"channel":"sms"`, `[]`, `{} {}`, ``, `null`, `{"channel":"sms","app":"a\u0000"}`, "{\"channel\":\"sms\",\"app\":\"a\xff\"}"} {
			o.refuses(key, text, 400, "")
		}
	})
	o.Says(t, doortest.Errors, "A body over 100 kB is refused with 413, and nothing is stored; one of 102,400 bytes is taken.", func(o *clinic) {
		rest := 100<<10 - len(`{"app":"a","channel":"sms","related":""}`)
		o.refuses(key, m{"channel": "sms", "app": "a", "related": strings.Repeat("x", rest+1)}, 413, "").has(o.t, 413, m{"errors.0.code": "request_entity_too_large"})
		o.post(key, o.conversation, m{"channel": "sms", "app": "a", "related": strings.Repeat("x", rest)}).has(o.t, 201, nil)
	})
	o.Says(t, doortest.Errors, "A conversation that is not there, or that the door does not show, is 404: of members, notes, another organization's.", func(o *clinic) {
		group := must[*api.Conversation](o.t)(o.CreateConversation(o.t.Context(), api.ConversationRequest{Kind: "group", Title: "hidden"})).ID
		elsewhere := must[*api.NewOrganization](o.t)(o.CreateOrganization(o.t.Context(), api.OrganizationRequest{Name: "Beta"}))
		there := must[*api.Client](o.t)(api.New(o.server.URL(), elsewhere.Key.Secret, api.WithRetry(api.Retry{})))
		defer there.Close()
		foreign := must[*api.Conversation](o.t)(there.CreateConversation(o.t.Context(), api.ConversationRequest{Kind: "group", Title: "hidden"})).ID
		for _, id := range []string{group, foreign, o.customer} {
			o.post(key, id, message(nil)).has(o.t, http.StatusNotFound, m{"errors.0.code": "not_found", "errors.0.title": "Not Found"})
		}
		o.call(key, "POST", "/v1/conversations/nonsense/messages", message(nil)).has(o.t, 404, nil)
	})
	o.Says(t, doortest.Errors, "Every error has both shapes that the vendor's clients know: status, code and title, and code, message and meta.", func(o *clinic) {
		o.refuses(key, message(m{"channel": "form"}), 400, "/channel").has(o.t, 400, m{"errors.0.code": "bad_request", "errors.0.title": "Invalid request body or parameters",
			"errors.0.source": m{"pointer": "/channel", "parameters": "channel"}, "errors.0.meta.reason": "value-unknown"})
	})
}
