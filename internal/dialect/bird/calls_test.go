package bird_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// request is a message to one receiver on the web: the fields that a test gives, in JSON, and a number and a text where it gives none.
func request(more string) string {
	if !strings.Contains(more, `"receiver"`) {
		more += `,"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"+15550100"}]}`
	}
	if !strings.Contains(more, `"body"`) && !strings.Contains(more, `"template"`) {
		more += `,"body":` + says("Hello")
	}
	return "{" + strings.TrimPrefix(more, ",") + "}"
}

// to is a receiver of one contact.
func to(contact string) string { return `"receiver":{"contacts":[` + contact + `]}` }

func says(text string) string { return `{"type":"text","text":{"text":"` + text + `"}}` }

func toPhone(number, body string) string {
	return request(to(`{"identifierKey":"phonenumber","identifierValue":"`+number+`"}`) + `,"body":` + body)
}

// messagesOf is where messages of a channel are.
func (w *world) messagesOf(platform string) string {
	return "/channels/" + w.channels[platform] + "/messages"
}

// get reads a message of a channel.
func (w *world) get(platform, id string) answer {
	w.Helper()
	a := w.ask("GET", w.messagesOf(platform)+"/"+id, "")
	if a.status != http.StatusOK {
		w.Fatalf("%s: %d %s", id, a.status, a.raw)
	}
	return a
}

// refused wants a request to be refused by a field, and that nothing is kept of it.
func (w *world) refused(t *testing.T, path, body string, status int, field string) {
	t.Helper()
	before := w.messages()
	a := w.ask("POST", path, body)
	details, _ := a.at("details").(map[string]any)
	if a.status != status || a.text("code") == "" || a.text("message") == "" || field != "" && details[field] == nil {
		t.Errorf("%s: %d %s, want %d of %q", body, a.status, a.raw, status, field)
	}
	if after := w.messages(); after != before {
		t.Errorf("%s: %d messages are kept of what was refused", body, after-before)
	}
}

// same compares what an answer has with what it should have.
func (a answer) same(t *testing.T, want any, path ...any) {
	t.Helper()
	if got := a.at(path...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v is %v, want %v, in %s", path, got, want, a.raw)
	}
}

// A message is sent to a channel of a workspace, and accepted before it is delivered.
func TestCallSend(t *testing.T) {
	w := newWorld(t)
	doortest.Says(t, doortest.Answer, "A message that is kept is answered with 202 and the whole resource, before it is delivered; read again, it is delivered.", func(t *testing.T) {
		sent := w.send("sms", request(`"reference":"order-8812"`))
		sent.same(t, "accepted", "status")
		sent.same(t, "outgoing", "direction")
		sent.same(t, w.channels["sms"], "channelId")
		sent.same(t, "+15550001", "sender", "connector", "identifierValue")
		w.eventually("it is delivered", func() bool { return w.get("sms", sent.text("id")).text("status") == "delivered" })
		if got := w.get("sms", sent.text("id")); got.text("lastStatusAt") < got.text("createdAt") || got.text("updatedAt") < got.text("lastStatusAt") {
			t.Errorf("the times are of another order: %s", got.raw)
		}
	})
	doortest.Says(t, doortest.Answer, "The message is the native one: same content and reference, and its id in another spelling.", func(t *testing.T) {
		sent := w.send("sms", request(`"reference":"same","body":`+says("One and the same")))
		native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id"))))
		if native.Text != "One and the same" || native.Reference != "same" || native.Channel != w.native["sms"] {
			t.Errorf("natively it is %+v", native)
		}
	})
	other := newOrganization(w)
	doortest.Says(t, "workspaceId", "The workspace is the key's organization; any other, and what is no id, is 404, and nothing is stored.", func(t *testing.T) {
		for _, id := range []string{other.workspace, "ws_1", w.channels["sms"], strings.Repeat("0", 36)} {
			w.refused(t, "!/workspaces/"+id+w.messagesOf("sms"), request(""), 404, "")
		}
		if a := w.ask("POST", "!/workspaces/"+strings.ToUpper(w.workspace)+w.messagesOf("sms"), request("")); a.status != 202 {
			t.Errorf("in capitals: %d %s", a.status, a.raw)
		}
	})
	doortest.Says(t, "channelId", "A channel that is unknown, or another workspace's, is 404, and nothing is stored.", func(t *testing.T) {
		for _, id := range []string{w.workspace, "x", other.channel} {
			w.refused(t, "/channels/"+id+"/messages", request(""), 404, "")
		}
	})
	doortest.Says(t, "channelId", "A channel that is paused is inactive: it takes no messages (409), and nothing is stored.", func(t *testing.T) {
		paused := must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "Paused", Connector: "sandbox", Platform: "sms"}))
		if a := w.ask("POST", "/channels/"+uuid(paused.ID)+"/messages", request("")); a.status != 202 {
			t.Errorf("before it is paused: %d %s", a.status, a.raw)
		}
		must[*api.Channel](t)(w.admin.PatchChannel(t.Context(), paused.ID, api.ChannelPatch{Paused: new(true)}))
		w.refused(t, "/channels/"+uuid(paused.ID)+"/messages", request(""), 409, "")
		w.ask("GET", "/channels/"+uuid(paused.ID), "").same(t, "inactive", "status")
	})
	doortest.Says(t, doortest.Around, "The ids of the workspace and of its channels are found with the key alone.", func(t *testing.T) {
		w.ask("GET", "!/workspaces", "").same(t, w.workspace, "results", 0, "id")
		w.ask("GET", "/channels?platform=sms-messagebird&status=active", "").same(t, w.channels["sms"], "results", 0, "id")
		w.ask("GET", "/channels/"+w.channels["sms"], "").same(t, "sms-messagebird", "platformId")
	})
	doortest.Says(t, doortest.Around, "With an Idempotency-Key, twenty requests at once are one message; another body with the key is refused (422).", func(t *testing.T) { twins(t, w) })
	doortest.Says(t, doortest.Around, "So is a repeat of what would be refused by now, as its file is gone or the recipient does not want to be written to.", func(t *testing.T) { late(t, w) })
}

func TestCallReceiver(t *testing.T) {
	w := newWorld(t)
	sms := w.messagesOf("sms")
	first := w.send("sms", request(to(`{"identifierKey":"phonenumber","identifierValue":"+1 (555) 010-1200"}`)))
	contact := first.text("receiver", "contacts", 0, "id")
	doortest.Says(t, "receiver", "A contact is made for an identifier that nobody has, before the message is queued; its id is in the answer.", func(t *testing.T) {
		first.same(t, "+15550101200", "receiver", "contacts", 0, "identifierValue")
		first.same(t, "phonenumber", "receiver", "contacts", 0, "identifierKey")
		made := must[*api.Contact](t)(w.admin.GetContact(t.Context(), nativeID(contact)))
		if made.Saved || len(made.Addresses) != 1 {
			t.Errorf("natively the contact is %+v", made)
		}
	})
	doortest.Says(t, "receiver", "The same identifier in another spelling, without its key, as one of the identifiers, as the platform address, or the contact's id, finds the same contact.", func(t *testing.T) {
		for _, receiver := range []string{`{"identifierValue":"+15550101200"}`, `{"id":"` + strings.ToUpper(contact) + `"}`, `{"platformAddress":"+15550101200"}`,
			`{"identifiers":[{"identifierKey":"phonenumber","identifierValue":"+15550101200"}]}`, `{"id":"` + contact + `","receiverValue":"x","receiverExpression":{"a":1}}`} {
			w.send("sms", request(to(receiver))).same(t, contact, "receiver", "contacts", 0, "id")
		}
	})
	doortest.Says(t, "receiver", "An identifier of another kind names a contact that is known by it, who is written to at the address that the channel takes.", func(t *testing.T) {
		bea := must[*api.Contact](t)(w.admin.CreateContact(t.Context(), api.ContactRequest{Name: "Bea", Addresses: []api.Address{{Kind: "email", Value: "bea@example.org"}, {Kind: "phone", Value: "+15550107"}},
			Attributes: map[string]string{"workPhone": "+15550108"}}))
		sent := w.send("sms", request(to(`{"identifierKey":"emailaddress","identifierValue":"BEA@example.org"}`)))
		sent.same(t, uuid(bea.ID), "receiver", "contacts", 0, "id")
		sent.same(t, "+15550107", "receiver", "contacts", 0, "identifierValue")
		sent.same(t, "Bea", "receiver", "contacts", 0, "annotations", "name")
		selected := w.send("sms", request(to(`{"id":"`+uuid(bea.ID)+`","platformAddressSelector":"attributes.workPhone"}`)))
		selected.same(t, "+15550108", "receiver", "contacts", 0, "identifierValue")
		w.refused(t, sms, request(to(`{"id":"`+uuid(bea.ID)+`","platformAddressSelector":"attributes.none"}`)), 422, "receiver.contacts[0].platformAddressSelector")
	})
	doortest.Says(t, "receiver", "With a contact's id an identifier says which of its addresses is written to; one of somebody else is refused (422).", func(t *testing.T) {
		cleo := must[*api.Contact](t)(w.admin.CreateContact(t.Context(), api.ContactRequest{Name: "Cleo", Addresses: []api.Address{{Kind: "phone", Value: "+15550110"}, {Kind: "phone", Value: "+15550111"}}}))
		with := func(more string) string { return request(to(`{"id":"` + uuid(cleo.ID) + `",` + more + `}`)) }
		for more, number := range map[string]string{`"type":"to"`: "+15550110", `"identifierKey":"phonenumber","identifierValue":"+1 555 0111"`: "+15550111", `"identifierKey":"emailaddress","identifierValue":"c@example.org"`: "+15550110"} {
			sent := w.send("sms", with(more))
			sent.same(t, number, "receiver", "contacts", 0, "identifierValue")
			sent.same(t, uuid(cleo.ID), "receiver", "contacts", 0, "id")
		}
		w.refused(t, sms, with(`"identifierValue":"+15550101200"`), 422, "receiver.contacts[0].identifierValue")
	})
	doortest.Says(t, "receiver", "On e-mail several receive one message, as to, cc or bcc.", func(t *testing.T) {
		sent := w.send("email", request(to(`{"identifierKey":"emailaddress","identifierValue":"A@example.org","type":"to"},{"identifierValue":"b@example.org","type":"cc"},{"identifierValue":"c@example.org","type":"bcc"}`)))
		var list []string
		for i := range 3 {
			list = append(list, sent.text("receiver", "contacts", i, "type")+" "+sent.text("receiver", "contacts", i, "identifierValue"))
		}
		if got := fmt.Sprint(list); got != "[to a@example.org cc b@example.org bcc c@example.org]" {
			t.Errorf("it goes to %s", got)
		}
	})
	doortest.Says(t, "receiver", "Anywhere else two receivers, or a copy, are refused (422), and nothing is stored.", func(t *testing.T) {
		for _, platform := range []string{"sms", "whatsapp", "rcs"} {
			w.refused(t, w.messagesOf(platform), request(to(`{"identifierValue":"+15550111"},{"identifierValue":"+15550112"}`)), 422, "receiver.contacts")
		}
		w.refused(t, sms, request(to(`{"identifierValue":"+15550111","type":"cc"}`)), 422, "receiver.contacts")
	})
	doortest.Says(t, "receiver", "Nobody, a value that is no address, an unknown contact, and an identifier that the channel does not take and nobody has, are refused (422) by their field; no contact is made.", func(t *testing.T) {
		before := w.contacts()
		for receiver, field := range map[string]string{"": "receiver.contacts", `{}`: "receiver.contacts[0]", `{"identifierValue":"ana"}`: "receiver.contacts[0].identifierValue",
			`{"id":"` + w.workspace + `"}`: "receiver.contacts[0].id", `{"identifierKey":"emailaddress","identifierValue":"nobody@example.org"}`: "receiver.contacts[0].identifierKey",
			`{"identifierValue":"+15550113","type":"from"}`: "receiver.contacts[0].type", `{"identifierValue":"+15550113","name":"x"}`: "receiver.contacts[0].name"} {
			w.refused(t, sms, request(to(receiver)), 422, field)
		}
		if after := w.contacts(); after != before {
			t.Errorf("%d contacts were made", after-before)
		}
	})
}

func nativeID(uuid string) string {
	id, _ := idFromUUID(uuid)
	return string(id)
}

func TestCallBody(t *testing.T) {
	w := newWorld(t)
	sms, email := w.messagesOf("sms"), w.messagesOf("email")
	doortest.Says(t, "body", "Exactly one of body and template is needed: both, neither, and null for both, are refused (422).", func(t *testing.T) {
		w.refused(t, sms, request(`"body":`+says("x")+`,"template":{"name":"x"}`), 422, "body")
		w.refused(t, sms, `{`+to(`{"identifierValue":"+15550100"}`)+`}`, 422, "body")
		w.refused(t, sms, request(`"body":null,"template":null`), 422, "body")
	})
	doortest.Says(t, "body", "A body is shown as it was given, with its actions.", func(t *testing.T) {
		given := `{"type":"text","text":{"text":"Parcel 8812 arrives.","actions":[{"type":"postback","postback":{"text":"Reschedule","payload":"resch:8812"}}]}}`
		var want any
		_ = json.Unmarshal([]byte(given), &want)
		w.send("whatsapp", request(`"body":`+given)).same(t, want, "body")
	})
	doortest.Says(t, "body", "What the platform does not carry goes as plain text, which the message says in details and reason.", func(t *testing.T) {
		sent := w.send("sms", request(`"body":{"type":"list","list":{"text":"When?","items":[{"title":"Monday","actions":[{"type":"reply","reply":{"text":"9:00"}}]}]}}`))
		sent.same(t, "sent_as_text", "details")
		if native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id")))); !strings.Contains(sent.text("reason"), "plain text") || len(native.AsText) != 1 {
			t.Errorf("%s, natively %v", sent.raw, native.AsText)
		}
	})
	doortest.Says(t, "body", "A file on the web must be there for everybody: an address that nobody can have is refused (422) by its field, and nothing is stored.", func(t *testing.T) {
		w.send("sms", toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+w.web+`/a"}]}}`))
		w.refused(t, sms, toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+w.web+`/a"},{"mediaUrl":"`+w.web+`/missing"}]}}`), 422, "body.image.images[1].mediaUrl")
		w.refused(t, sms, toPhone("+15550100", `{"type":"gif","gif":{"mediaUrl":"https://nobody.invalid/a.gif"}}`), 422, "body.gif.mediaUrl")
	})
	doortest.Says(t, "body", "An address of this server is of a file that the workspace has; any other is refused (422).", func(t *testing.T) {
		w.refused(t, sms, toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+w.app.URL()+`/bird/workspaces/`+w.workspace+`/messages/`+w.workspace+`/media/`+w.workspace+`"}]}}`), 422, "body.image.images[0].mediaUrl")
	})
	doortest.Says(t, "body", "An attachment in base64 becomes a file, at whose address it is shown, downloaded and sent again.", func(t *testing.T) { inline(t, w) })
	doortest.Says(t, "body", "An unknown type, a field that the type does not have, an empty text, one that is too long for the platform, and base64 that is none, are refused (422) by their field.", func(t *testing.T) {
		w.refused(t, sms, toPhone("+15550100", `{"type":"poem","poem":{}}`), 422, "body.type")
		w.refused(t, sms, toPhone("+15550100", `{"type":"text","text":{"text":"x","rhyme":1}}`), 422, "body.text.rhyme")
		w.refused(t, sms, toPhone("+15550100", says("")), 422, "body.text.text")
		w.refused(t, sms, toPhone("+15550100", says(strings.Repeat("x", 1601))), 422, "body")
		w.refused(t, email, request(to(`{"identifierValue":"a@example.org"}`)+`,"body":{"type":"html","html":{"html":"x","attachments":[{"filename":"a","contentType":"text/plain","content":"%"}]}}`), 422, "body.html.attachments[0].content")
	})
}

// inline sends an attachment with its bytes.
func inline(t *testing.T, w *world) {
	sent := w.send("email", request(to(`{"identifierValue":"a@example.org"}`)+`,"body":{"type":"html","html":{"html":"<p>Invoice</p>","text":"Invoice",
		"attachments":[{"filename":"i7.txt","contentType":"text/plain","content":"aGVsbG8="}]}}`))
	address := sent.text("body", "html", "attachments", 0, "mediaUrl")
	file := w.ask("GET", w.path(address), "")
	if file.status != http.StatusOK || string(file.raw) != "hello" || !strings.Contains(file.header.Get("Content-Disposition"), "i7.txt") {
		t.Errorf("the attachment is %d %s", file.status, file.raw)
	}
	w.send("email", request(to(`{"identifierValue":"d@example.org"}`)+`,"body":{"type":"file","file":{"files":[{"mediaUrl":"`+address+`","contentType":"text/plain"}]}}`))
}

func TestCallFields(t *testing.T) {
	w := newWorld(t)
	sms := w.messagesOf("sms")
	doortest.Says(t, "sender", "The sender that an e-mail names is shown with it; without one it is the channel.", func(t *testing.T) {
		sent := w.send("email", request(to(`{"identifierValue":"a@example.org"}`)+`,"sender":{"connector":{"identifierValue":"billing","annotations":{"name":"Billing"}}}`))
		sent.same(t, "Billing", "sender", "connector", "annotations", "name")
		sent.same(t, "billing", "sender", "connector", "identifierValue")
		w.send("email", request(to(`{"identifierValue":"a@example.org"}`))).same(t, "desk@example.org", "sender", "connector", "identifierValue")
		w.refused(t, sms, request(`"sender":{"connector":{"name":"x"}}`), 422, "sender.connector.identifierValue")
	})
	doortest.Says(t, "reference", "The caller's own id is given back, and makes nothing unique: two messages may have the same.", func(t *testing.T) {
		for range 2 {
			w.send("sms", request(`"reference":"order-1"`)).same(t, "order-1", "reference")
		}
		w.refused(t, sms, request(`"reference":"`+strings.Repeat("r", 256)+`"`), 422, "reference")
	})
	doortest.Says(t, "replyTo", "A note of the conversation, which is not here, is answered by none (422).", func(t *testing.T) {
		in := must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["sms"], From: "phone:+15550100", Body: api.Text("hello")}))
		note := must[*api.Message](t)(w.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}, Body: api.Text("between us"), Internal: true}))
		w.refused(t, sms, request(`"replyTo":{"id":"`+uuid(note.ID)+`","type":"message"}`), 422, "replyTo.id")
	})
	doortest.Says(t, "replyTo", "A message may answer one of the same conversation; of another one, or unknown, it is refused (422).", func(t *testing.T) {
		in := must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["sms"], From: "phone:+15550100", Body: api.Text("hello")}))
		w.send("sms", request(`"replyTo":{"id":"`+uuid(in.ID)+`","type":"message"}`)).same(t, uuid(in.ID), "replyTo", "id")
		w.refused(t, sms, request(to(`{"identifierValue":"+15550199"}`)+`,"replyTo":{"id":"`+uuid(in.ID)+`","type":"message"}`), 422, "replyTo.id")
		w.refused(t, sms, request(`"replyTo":{"id":"`+w.workspace+`","type":"message"}`), 422, "replyTo.id")
		w.refused(t, sms, request(`"replyTo":{"id":"`+uuid(in.ID)+`","type":"forward"}`), 422, "replyTo.type")
	})
	doortest.Says(t, "meta", "It is given back as it is; its use case is the class of the message, and email.subject the subject of an e-mail whose body has none.", func(t *testing.T) {
		sent := w.send("email", request(to(`{"identifierValue":"a@example.org"}`)+`,"meta":{"extraInformation":{"useCase":"marketing","ticket":7},"email":{"subject":"Invoice"},"campaign":{"name":"May"}}`))
		sent.same(t, 7.0, "meta", "extraInformation", "ticket")
		sent.same(t, "May", "meta", "campaign", "name")
		native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id"))))
		if native.Class != "marketing" || native.Body[0].Hints["subject"] != "Invoice" {
			t.Errorf("natively it is %q about %v", native.Class, native.Body[0].Hints)
		}
		w.refused(t, sms, request(`"meta":{"tickets":1}`), 422, "meta.tickets")
	})
	doortest.Says(t, "tags", "Up to ten tags become lower case and are given back, each once.", func(t *testing.T) {
		w.send("sms", request(`"tags":["Orders","nl","orders","a b_c-9"]`)).same(t, []any{"orders", "nl", "a b_c-9"}, "tags")
	})
	doortest.Says(t, "tags", "Eleven tags, an empty one, one of over 50 characters, and other characters than letters, digits, spaces, - and _, are refused (422).", func(t *testing.T) {
		eleven, _ := json.Marshal(strings.Split("a b c d e f g h i j k", " "))
		w.refused(t, sms, request(`"tags":`+string(eleven)), 422, "tags")
		for _, tag := range []string{"", "a!", strings.Repeat("t", 51)} {
			w.refused(t, sms, request(`"tags":["`+tag+`"]`), 422, "tags[0]")
		}
	})
	doortest.Says(t, "notification", "An address for posts about the message is taken where it is one; nothing is posted to it.", func(t *testing.T) {
		w.send("sms", request(`"notification":{"url":"https://hooks.example.org/bird"}`))
		w.refused(t, sms, request(`"notification":{"url":"hooks"}`), 422, "notification.url")
	})
}

func TestCallTiming(t *testing.T) {
	w := rehearsal(t)
	sms := w.messagesOf("sms")
	now := must[*api.Clock](t)(w.admin.GetClock(t.Context())).Now.Time
	in := func(d time.Duration) string { return `"scheduledFor":"` + now.Add(d).UTC().Format(time.RFC3339) + `"` }
	doortest.Says(t, "scheduledFor", "A message of a later time is scheduled, with its receiver, until the time comes; then it is delivered.", func(t *testing.T) {
		later := w.send("sms", request(in(3*time.Hour)))
		later.same(t, "scheduled", "status")
		later.same(t, "+15550100", "receiver", "contacts", 0, "identifierValue")
		w.advance(2 * time.Hour)
		w.get("sms", later.text("id")).same(t, "scheduled", "status")
		w.advance(2 * time.Hour)
		w.eventually("it is delivered", func() bool { return w.get("sms", later.text("id")).text("status") == "delivered" })
	})
	doortest.Says(t, "scheduledFor", "A time of the past is now; one over 35 days ahead, and what is no time, are refused (422).", func(t *testing.T) {
		w.send("sms", request(in(-time.Hour))).same(t, "accepted", "status")
		w.send("sms", request(in(35*24*time.Hour))).same(t, "scheduled", "status")
		w.refused(t, sms, request(in(36*24*time.Hour)), 422, "scheduledFor")
		w.refused(t, sms, request(`"scheduledFor":"soon"`), 422, "scheduledFor")
	})
	doortest.Says(t, "validity", "Delivery is tried for so many seconds; after them the message has failed, and says so.", func(t *testing.T) {
		sent := w.send("email", request(to(`{"identifierValue":"retry@example.org"}`)+`,"validity":1`)).text("id")
		w.eventually("it has failed", func() bool {
			w.advance(time.Second)
			return w.get("email", sent).text("status") == "sending_failed"
		})
		w.get("email", sent).same(t, "expired", "details")
		w.refused(t, sms, request(`"validity":-1`), 422, "validity")
		w.refused(t, sms, request(`"validity":1.5`), 422, "validity")
	})
	doortest.Says(t, "ignoreQuietHours", "In quiet hours a message waits; with this it goes out at once, unless the organization has what is urgent wait too.", func(t *testing.T) { quietHours(t, w) })
	doortest.Says(t, "ignoreGlobalHoldout", "It is taken, and changes nothing: there are no groups that messages are kept from.", func(t *testing.T) {
		w.send("sms", request(`"ignoreGlobalHoldout":true`))
		w.refused(t, sms, request(`"ignoreGlobalHoldout":1`), 422, "ignoreGlobalHoldout")
	})
	doortest.Says(t, "capFrequency", "It may be true only where the use case is marketing (422 otherwise).", func(t *testing.T) {
		w.send("sms", request(`"capFrequency":true,"meta":{"extraInformation":{"useCase":"marketing"}}`))
		w.refused(t, sms, request(`"capFrequency":true`), 422, "capFrequency")
	})
	doortest.Says(t, "shortLinks", "Addresses in the text go out as short ones of this server; the domain is needed.", func(t *testing.T) {
		w.shortened(t, "sms", `"shortLinks":{"domain":"default"}`)
		w.refused(t, sms, request(`"shortLinks":{}`), 422, "shortLinks.domain")
	})
	doortest.Says(t, "enableLinkTracking", "Addresses in the text go out as short ones, by which clicks are known; on SMS it needs shortLinks (422).", func(t *testing.T) {
		w.shortened(t, "whatsapp", `"enableLinkTracking":true`)
		w.shortened(t, "sms", `"enableLinkTracking":true,"shortLinks":{"domain":"default"}`)
		w.refused(t, sms, request(`"enableLinkTracking":true`), 422, "enableLinkTracking")
	})
}

// quietHours sends in them.
func quietHours(t *testing.T, w *world) {
	sms := w.messagesOf("sms")
	for urgentWaits, want := range map[bool]string{false: "delivered", true: "accepted"} {
		night := &api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{{From: "00:00", To: "22:00"}}, HighPriority: urgentWaits}
		must[*api.Organization](t)(w.admin.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: night}}))
		if now := must[*api.Clock](t)(w.admin.GetClock(t.Context())).Now.Time.UTC(); now.Hour() > 20 {
			w.advance(4 * time.Hour)
		}
		waits := w.send("sms", request("")).text("id")
		urgent := w.send("sms", request(`"ignoreQuietHours":true`)).text("id")
		w.eventually("what is to go out is", func() bool { return w.get("sms", urgent).text("status") == want })
		w.get("sms", waits).same(t, "accepted", "status")
		if native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(urgent))); native.NotBefore.IsZero() == urgentWaits {
			t.Errorf("what is urgent waits until %v", native.NotBefore)
		}
	}
	must[*api.Organization](t)(w.admin.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: &api.QuietHours{Intervals: []api.QuietInterval{}}}}))
	w.refused(t, sms, request(`"ignoreQuietHours":"yes"`), 422, "ignoreQuietHours")
}

// shortened sends a text with an address, and wants another to go out in its place.
func (w *world) shortened(t *testing.T, platform, more string) {
	t.Helper()
	sent := w.send(platform, request(more+`,"body":`+says("See https://example.org/a/long/way")))
	var out []api.SandboxMessage
	w.eventually("it goes out", func() bool {
		out = must[*api.List[api.SandboxMessage]](t)(w.admin.ListSandboxMessages(t.Context(), api.SandboxFilter{Message: nativeID(sent.text("id"))})).Data
		return len(out) > 0
	})
	if strings.Contains(out[0].Text, "example.org/a/long/way") || !strings.Contains(out[0].Text, w.app.URL()) {
		t.Errorf("on %s it went out as %q", platform, out[0].Text)
	}
	sent.same(t, "See https://example.org/a/long/way", "body", "text", "text")
}
