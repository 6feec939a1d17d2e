package kustomer_test

import (
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

const d = "data.attributes."

// Everything that a message may be recorded with comes back, where the vendor has it.
func TestCreateMessageWhole(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.user.message.write", "org.permission.message.read"})
	me := o.call(key, "GET", "/v1/users/current", nil).at("data.id")
	org := hex(must[*api.Organization](t)(o.GetOrganization(t.Context())).ID)
	file := must[*api.Media](t)(o.UploadMedia(t.Context(), "a.txt", "text/plain", strings.NewReader("hello")))
	id, other := "65bf0a1c9d3e4f0012ab34c1", "65bf0a1c9d3e4f0012ab34c2"
	meta := m{"from": "ana@example.org", "to": []any{m{"email": "desk@example.org"}}, "thread": "t-77"}
	location := m{"name": "Home", "latitude": 52.1, "countryCode": "NL"}
	a := o.post(key, o.conversation, m{"channel": "email", "app": "acme-inbox", "direction": "in", "preview": "Where is parcel 4417?", "subject": "Parcel",
		"externalId": "acme:msg:9001", "id": id, "customer": hex(o.customer), "conversation": hex(o.conversation),
		"reference": m{"message": other, "type": "reply"}, "size": 4417, "status": "received", "error": m{"status": 500, "code": "x", "meta": m{}},
		"errorAt": "2026-02-03T10:11:13Z", "auto": false, "sentAt": "2026-02-03T10:11:12.000Z", "source": "bulk", "shortcuts": []any{other},
		"kbArticles": []any{other}, "attachments": []any{hex(file.ID)}, "location": location, "meta": meta,
		"custom":    m{"orderNumberStr": "4417", "paidBool": true, "weightNum": 1.5, "dueAt": "2026-02-03T10:11:12.000Z", "goneTxt": nil},
		"sentiment": m{"polarity": 1, "confidence": 0.5}, "lang": "en", "queue": m{"id": other}})
	a.has(t, 201, m{"data.type": "message", "data.id": id, d + "externalId": "acme:msg:9001", d + "channel": "email", d + "app": "acme-inbox", d + "size": 4417,
		d + "direction": "in", d + "directionType": "initial-in", d + "preview": "Where is parcel 4417?", d + "subject": "Parcel", d + "meta": meta,
		d + "custom":    m{"orderNumberStr": "4417", "paidBool": true, "weightNum": 1.5, "dueAt": "2026-02-03T10:11:12.000Z"},
		d + "sentiment": m{"polarity": 1, "confidence": 0.5}, d + "status": "received", d + "auto": false, d + "redacted": false, d + "lang": "en", d + "rev": 1,
		d + "sentAt": "2026-02-03T10:11:12.000Z", d + "errorAt": "2026-02-03T10:11:13.000Z", d + "error.code": "x", d + "source": "bulk", d + "location": location,
		d + "reference": m{"message": other, "type": "reply"}, d + "queue": m{"id": other}, d + "assignedUsers": []any{},
		"data.relationships.org.data": m{"type": "org", "id": org}, "data.relationships.createdBy.data": m{"type": "user", "id": me},
		"data.relationships.modifiedBy.data": m{"type": "user", "id": me}, "data.relationships.customer.data": m{"type": "customer", "id": hex(o.customer)},
		"data.relationships.customer.links.self": "/kustomer/v1/customers/" + hex(o.customer), "data.relationships.shortcuts.data": []any{m{"type": "shortcut", "id": other}},
		"data.relationships.conversation.data": m{"type": "conversation", "id": hex(o.conversation)}, "data.relationships.attachments.data": []any{m{"type": "attachment", "id": hex(file.ID)}},
		"data.links.self": "/kustomer/v1/messages/" + id, "data.links.related": "/kustomer/v1/acme-inbox/messages/" + id})
	conforms(t, "POST /conversations/{id}/messages 201", a.body)
	for _, path := range []string{"/v1/messages/" + id, "/v1/messages/externalId=acme%3Amsg%3A9001", "/v1/messages/EXTERNALID=acme%3Amsg%3A9001/"} {
		found := o.call(key, "GET", path, nil)
		found.has(t, 200, m{"data.id": id, d + "custom": a.at(d + "custom"), d + "directionType": "initial-in", d + "meta": meta})
	}
	native := must[*api.Message](t)(o.GetMessage(t.Context(), a.native("data.id")))
	if native.Direction != "inbound" || native.Platform != "email" || native.Body[0].Text != "Where is parcel 4417?" || native.Author.ID != o.customer || !native.Recorded {
		t.Errorf("the native API has %+v", native)
	}
}

// A message may say next to nothing; then the door says what it takes for granted.
func TestCreateMessageDefaults(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.permission"})
	o.post(key, o.conversation, m{"channel": "voice", "app": "my app"}).has(t, 201, m{d + "direction": "in", d + "status": "received", d + "size": 0, d + "preview": "",
		d + "meta": m{}, d + "custom": m{}, d + "sentiment": m{}, d + "externalId": nil, d + "channel": "voice", d + "auto": false})
	a := o.post(key, o.conversation, m{"channel": "sms", "app": "a", "direction": "out", "preview": "Hé!", "related": "https://example.org/1"})
	a.has(t, 201, m{d + "direction": "out", d + "directionType": "response-out", d + "status": "sent", d + "size": 3, "data.links.related": "https://example.org/1"})
	if a.at(d+"sentAt") != a.at(d+"createdAt") || a.at(d+"updatedAt") != a.at(d+"createdAt") || a.at(d+"modifiedAt") != a.at(d+"createdAt") {
		t.Errorf("the times differ: %s", a.text)
	}
	native := must[*api.Message](t)(o.GetMessage(t.Context(), a.native("data.id")))
	deliveries := must[*api.List[api.Delivery]](t)(o.ListDeliveries(t.Context(), native.ID, api.Page{}))
	if len(deliveries.Data) != 0 || native.Author.Kind != "user" || native.Status != "sent" {
		t.Errorf("it was delivered: %+v %+v", native, deliveries.Data)
	}
	o.post(key, o.conversation, m{"channel": "sms", "app": "a", "direction": "out", "status": "error"}).has(t, 201, m{d + "directionType": "followup-out", d + "status": "error"})
	o.post(key, o.conversation, m{"channel": "sms", "app": "a", "attachments": []any{m{"_id": a.at("data.id"), "name": "x", "contentType": "a/b", "contentLength": 1}}}).has(t, 400,
		m{"errors.0.source.pointer": "/attachments/0"})
}

// Whoever has org.admin says when and by whom a message was made; of others it is ignored.
func TestAuthorship(t *testing.T) {
	o := open(t, settings(t))
	ana := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
	bo := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Bo", Email: "bo@example.org"})).ID
	body := m{"channel": "sms", "app": "a", "direction": "out", "preview": "x", "createdAt": "2020-01-02T03:04:05Z", "modifiedAt": "2020-01-02T03:04:06.5Z",
		"createdBy": hex(ana), "modifiedBy": hex(bo)}
	for _, roles := range [][]string{{"org"}, {"org.admin", "org.user"}} {
		a := o.post(o.key(roles), o.conversation, body)
		a.has(t, 201, m{d + "createdAt": "2020-01-02T03:04:05.000Z", d + "modifiedAt": "2020-01-02T03:04:06.500Z", d + "sentAt": "2020-01-02T03:04:05.000Z",
			"data.relationships.createdBy.data.id": hex(ana), "data.relationships.modifiedBy.data.id": hex(bo)})
		if native := must[*api.Message](t)(o.GetMessage(t.Context(), a.native("data.id"))); native.Author.ID != ana {
			t.Errorf("the author is %+v", native.Author)
		}
	}
	for _, roles := range [][]string{{"org.user"}, {"org.permission"}, {"org.user.message.write", "org.admin.message.write"}, nil} {
		key := o.key(roles)
		me := o.call(key, "GET", "/v1/users/current", nil).at("data.id")
		a := o.post(key, o.conversation, body)
		a.has(t, 201, m{"data.relationships.createdBy.data.id": me, "data.relationships.modifiedBy.data.id": me})
		if a.at(d+"createdAt") == "2020-01-02T03:04:05.000Z" || a.at(d+"sentAt") != a.at(d+"createdAt") {
			t.Errorf("with %v it was made when it said: %s", roles, a.text)
		}
	}
	body["createdBy"] = hex(o.customer)
	o.post(o.key([]string{"org"}), o.conversation, body).has(t, 400, m{"errors.0.source.pointer": "/createdBy"})
}

// Either role permits it, and what is above one.
func TestRoles(t *testing.T) {
	o := open(t, settings(t))
	body := m{"channel": "sms", "app": "a", "preview": "x"}
	for role, status := range map[string]int{"org.user.message.write": 201, "org.permission.message.create": 201, "org.user.message": 201, "org.user": 201,
		"org.permission.message": 201, "org.permission": 201, "org": 201, "org.user.message.read": 401, "org.permission.message.update": 401, "org.admin": 401,
		"org.use": 401, "org.user.message.writer": 401, "org.tracking": 401, "": 401} {
		roles := []string{role}
		if role == "" {
			roles = []string{}
		}
		a := o.post(o.key(roles), o.conversation, body)
		if a.status != status && role != "" {
			t.Errorf("%q is answered %d, want %d: %s", role, a.status, status, a.text)
		}
		if a.status == 401 {
			a.has(t, 401, m{"errors.0.status": 401, "errors.0.code": "unauthorized", "errors.0.title": "Unauthorized"})
		}
	}
	for _, bad := range []string{"", "nonsense"} {
		o.post(bad, o.conversation, body).has(t, 401, m{"errors.0.status": 401, "errors.0.code": "unauthorized"})
	}
	o.post(o.key(nil, "messages:send", "messages:record"), o.conversation, body).has(t, 201, nil)
	o.post(o.key(nil, "messages:send"), o.conversation, body).has(t, 401, nil)
	o.post(o.key([]string{"org"}, "messages:read"), o.conversation, body).has(t, 401, nil) // roles permit no more than scopes
}

// What is wrong is refused in the vendor's words, and nothing is stored.
func TestRefusals(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.user"})
	body := func(change m) m {
		b := m{"channel": "sms", "app": "a", "preview": "x"}
		for name, v := range change {
			if b[name] = v; v == "absent" {
				delete(b, name)
			}
		}
		return b
	}
	o.post(key, o.conversation, body(m{"externalId": "one", "id": "65bf0a1c9d3e4f0012ab34c1"})).has(t, 201, nil)
	stored := func() int {
		return len(o.call(key, "GET", "/v1/conversations/"+hex(o.conversation)+"/messages", nil).body["data"].([]any))
	}
	for _, c := range []struct {
		body    any
		status  int
		pointer string
	}{
		{body(m{"colour": "red"}), 400, "/colour"}, {body(m{"directionType": "initial-in"}), 400, "/directionType"}, {body(m{"redacted": true}), 400, "/redacted"},
		{body(m{"rev": 1}), 400, "/rev"}, {body(m{"spam": true}), 400, "/spam"}, {body(m{"reactions": []any{}}), 400, "/reactions"},
		{body(m{"channel": "form"}), 400, "/channel"}, {body(m{"channel": "absent"}), 400, "/channel"}, {body(m{"app": "absent"}), 400, "/app"},
		{body(m{"app": 1}), 400, "/app"}, {body(m{"direction": "inbound"}), 400, "/direction"}, {body(m{"status": "read"}), 400, "/status"},
		{body(m{"custom": m{"orderNumber": "1"}}), 400, "/custom/orderNumber"}, {body(m{"custom": m{"OrderStr": "1"}}), 400, "/custom/OrderStr"},
		{body(m{"custom": m{"nNum": "1"}}), 400, "/custom/nNum"}, {body(m{"custom": m{"nStr": strings.Repeat("é", 1025)}}), 400, "/custom/nStr"},
		{body(m{"custom": m{"nBool": 1}}), 400, "/custom/nBool"}, {body(m{"custom": m{"nAt": "soon"}}), 400, "/custom/nAt"}, {body(m{"custom": m{"nUrl": "x"}}), 400, "/custom/nUrl"},
		{body(m{"custom": m{"nId": "x"}}), 400, "/custom/nId"}, {body(m{"custom": []any{}}), 400, "/custom"}, {body(m{"custom": nil}), 400, "/custom"},
		{body(m{"preview": strings.Repeat("x", 10241)}), 400, "/preview"}, {body(m{"subject": strings.Repeat("x", 257)}), 400, "/subject"},
		{body(m{"externalId": strings.Repeat("x", 257)}), 400, "/externalId"}, {body(m{"id": "123"}), 400, "/id"}, {body(m{"sentAt": "yesterday"}), 400, "/sentAt"},
		{body(m{"reference": m{"type": "reply"}}), 400, "/reference/message"}, {body(m{"reference": m{"message": hex(o.customer), "type": "x"}}), 400, "/reference/type"},
		{body(m{"error": m{"x": 1}}), 400, "/error/x"}, {body(m{"sentiment": m{"polarity": 2, "confidence": 0}}), 400, "/sentiment/polarity"},
		{body(m{"sentiment": m{"polarity": 1, "confidence": 1.1}}), 400, "/sentiment/confidence"}, {body(m{"queue": m{}}), 400, "/queue"},
		{body(m{"queue": m{"external": "x"}}), 400, "/queue/external"}, {body(m{"location": m{"countryCode": "NLD"}}), 400, "/location/countryCode"},
		{body(m{"attachments": []any{"x"}}), 400, "/attachments/0"}, {body(m{"attachments": []any{hex(o.customer)}}), 400, "/attachments/0"},
		{body(m{"attachments": []any{hex(o.customer), hex(o.customer)}}), 400, "/attachments/1"}, {body(m{"shortcuts": "x"}), 400, "/shortcuts"},
		{body(m{"customer": hex(o.conversation)}), 400, "/customer"}, {body(m{"conversation": hex(o.customer)}), 400, "/conversation"},
		{body(m{"createdAt": "now"}), 400, "/createdAt"}, {body(m{"lang": 5}), 400, "/lang"}, {body(m{"auto": "yes"}), 400, "/auto"},
		{`{"channel":"sms"`, 400, ""}, {`[]`, 400, ""}, {`{} {}`, 400, ""}, {``, 400, ""}, {`{"channel":"sms","app":"a\u0000"}`, 400, ""},
		{body(m{"externalId": "one"}), 409, "/externalId"}, {body(m{"id": "65bf0a1c9d3e4f0012ab34c1"}), 409, ""}, {body(m{"id": hex(o.customer)}), 409, ""},
		{body(m{"related": strings.Repeat("x", 100<<10)}), 413, "/body"},
	} {
		a := o.post(key, o.conversation, c.body)
		want := m{"errors.0.status": c.status}
		if c.pointer != "" {
			want["errors.0.source.pointer"] = c.pointer
		}
		a.has(t, c.status, want)
		for _, name := range []string{"title", "code", "message", "detail"} {
			if text, _ := a.at("errors.0." + name).(string); text == "" {
				t.Errorf("%v: no %s in %s", c.body, name, a.text)
			}
		}
		if strings.Contains(a.text, "record.") || strings.Contains(a.text, "json:") {
			t.Errorf("the answer has words of ours: %s", a.text)
		}
	}
	if n := stored(); n != 1 {
		t.Errorf("%d messages are stored", n)
	}
	fits := body(m{"related": ""})
	fits["related"] = strings.Repeat("x", 100<<10-len(`{"app":"a","channel":"sms","preview":"x","related":""}`))
	o.post(key, o.conversation, fits).has(t, 201, nil)
}

// What comes from a customer opens a conversation again; what goes out, by itself or from long ago, does not.
func TestReopening(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.user"})
	path := "/v1/conversations/" + hex(o.conversation)
	for _, status := range []string{"closed", "snoozed"} {
		for _, c := range []struct {
			change m
			opens  bool
		}{{m{"direction": "out"}, false}, {m{"auto": true}, false}, {m{"importedAt": "2020-01-01T00:00:00Z"}, false}, {m{}, true}} {
			must[*api.Conversation](t)(o.PatchConversation(t.Context(), o.conversation, api.ConversationPatch{Status: api.ConversationStatus(status)}))
			body := m{"channel": "sms", "app": "a", "direction": "in", "preview": "x"}
			for name, v := range c.change {
				body[name] = v
			}
			o.post(key, o.conversation, body).has(t, 201, nil)
			want := map[string]string{"closed": "done", "snoozed": "snoozed"}[status]
			if c.opens {
				want = "open"
			}
			o.call(key, "GET", path, nil).has(t, 200, m{d + "status": want})
		}
	}
}

// A conversation counts what was written in it.
func TestCounters(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org.user"})
	path := "/v1/conversations/" + hex(o.conversation)
	o.call(key, "GET", path, nil).has(t, 200, m{d + "messageCount": 0, d + "channels": []any{}, d + "lastMessageIn": m{}, d + "firstResponse": m{}})
	types := []string{}
	for _, direction := range []string{"in", "in", "out", "out", "in"} {
		channel := map[string]string{"in": "sms", "out": "email"}[direction]
		types = append(types, o.post(key, o.conversation, m{"channel": channel, "app": "a", "direction": direction, "preview": direction + "!"}).at(d+"directionType").(string))
	}
	if got := strings.Join(types, " "); got != "initial-in followup-in response-out followup-out response-in" {
		t.Errorf("the types are %s", got)
	}
	must[*api.Message](t)(o.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: o.conversation}, Internal: true, Body: api.Text("a note")}))
	a := o.call(key, "GET", path, nil)
	a.has(t, 200, m{d + "messageCount": 5, d + "inboundMessageCount": 3, d + "outboundMessageCount": 2, d + "noteCount": 1, d + "lastMessageDirection": "in",
		d + "preview": "in!", d + "direction": "in", d + "lastMessageIn.channel": "sms", d + "channels": []any{"email", "sms"}})
	messages := o.call(key, "GET", path+"/messages", nil)
	if list := messages.body["data"].([]any); len(list) != 5 {
		t.Errorf("%d messages are listed: %s", len(list), messages.text)
	}
	again := o.call(key, "GET", path+"/messages?sort=desc&pageSize=2", nil)
	again.has(t, 200, m{"data.0.attributes.directionType": "response-in", "meta": m{"page": 1, "pageSize": 2}, "links.prev": nil,
		"links.next": "/kustomer" + path + "/messages?page=2&pageSize=2&sort=desc"})
}
