package bird_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/api"
)

func toPhone(number, body string) string {
	return `{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"` + number + `"}]},"body":` + body + `}`
}

func says(text string) string { return `{"type":"text","text":{"text":"` + text + `"}}` }

// A message to an identifier makes a contact, is accepted at once, arrives, and is shown with what became of it.
func TestSendToAChannel(t *testing.T) {
	w := newWorld(t)
	sent := w.send("sms", `{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"+1 (555) 010-1200"}]},"reference":"order-8812",
		"tags":["Orders","nl","orders"],"meta":{"extraInformation":{"useCase":"transactional","ticket":7}},
		"body":{"type":"text","text":{"text":"Parcel 8812 arrives today.","actions":[{"type":"postback","postback":{"text":"Reschedule","payload":"resch:8812"}}]}}}`)
	id := sent.text("id")
	for _, c := range []struct {
		path []any
		want any
	}{
		{[]any{"channelId"}, w.channels["sms"]}, {[]any{"status"}, "accepted"}, {[]any{"direction"}, "outgoing"}, {[]any{"reference"}, "order-8812"},
		{[]any{"tags", 0}, "orders"}, {[]any{"tags", 1}, "nl"}, {[]any{"tags", 2}, nil}, {[]any{"sender", "connector", "identifierValue"}, "+15550001"},
		{[]any{"receiver", "contacts", 0, "identifierValue"}, "+15550101200"}, {[]any{"receiver", "contacts", 0, "identifierKey"}, "phonenumber"},
		{[]any{"meta", "extraInformation", "ticket"}, 7.0}, {[]any{"body", "text", "actions", 0, "postback", "payload"}, "resch:8812"},
		{[]any{"details"}, "sent_as_text"},
	} {
		if got := sent.at(c.path...); got != c.want {
			t.Errorf("%v is %v, want %v", c.path, got, c.want)
		}
	}
	contact := sent.text("receiver", "contacts", 0, "id")
	path := "/channels/" + w.channels["sms"] + "/messages/" + id
	w.eventually("it is delivered", func() bool { return w.ask("GET", path, "").text("status") == "delivered" })
	got := w.ask("GET", path, "")
	valid(t, "Message", got.raw)
	if got.text("receiver", "contacts", 0, "id") != contact || got.text("lastStatusAt") < got.text("createdAt") {
		t.Errorf("later it is %s", got.raw)
	}
	// The same identifier in another spelling, and the contact's id, are the same contact.
	for _, receiver := range []string{`{"identifierValue":"+15550101200"}`, `{"id":"` + strings.ToUpper(contact) + `"}`, `{"platformAddress":"+15550101200"}`,
		`{"identifiers":[{"identifierKey":"phonenumber","identifierValue":"+15550101200"}]}`} {
		again := w.send("sms", `{"receiver":{"contacts":[`+receiver+`]},"body":`+says("again")+`}`)
		if c := again.text("receiver", "contacts", 0, "id"); c != contact {
			t.Errorf("%s is contact %s, not %s", receiver, c, contact)
		}
	}
	// It is the same message natively, and restarts do not matter to it.
	native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(id)))
	if !strings.HasPrefix(native.Text, "Parcel 8812 arrives today.") || native.Reference != "order-8812" {
		t.Errorf("natively it is %+v", native)
	}
}

func nativeID(uuid string) string {
	id, _ := idFromUUID(uuid)
	return string(id)
}

// Several get one e-mail, as they are to, with its subject, attachments and sender.
func TestSeveralOnEmail(t *testing.T) {
	w := newWorld(t)
	sent := w.send("email", `{"receiver":{"contacts":[{"identifierKey":"emailaddress","identifierValue":"A@example.org","type":"to"},
		{"identifierValue":"b@example.org","type":"cc"},{"identifierValue":"c@example.org","type":"bcc"}]},
		"sender":{"connector":{"identifierValue":"billing","annotations":{"name":"Billing"}}},
		"body":{"type":"html","html":{"html":"<p>Invoice</p>","text":"Invoice","metadata":{"subject":"Invoice 7","openTracking":true},
		"attachments":[{"filename":"i7.txt","contentType":"text/plain","content":"aGVsbG8="}]}}}`)
	var list []string
	for i := range 3 {
		list = append(list, sent.text("receiver", "contacts", i, "type")+" "+sent.text("receiver", "contacts", i, "identifierValue"))
	}
	if got := fmt.Sprint(list); got != "[to a@example.org cc b@example.org bcc c@example.org]" {
		t.Errorf("it goes to %s", got)
	}
	if sent.text("sender", "connector", "annotations", "name") != "Billing" {
		t.Errorf("it is from %v", sent.at("sender"))
	}
	// The attachment is a file by now, which whoever sees the message may have.
	native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(sent.text("id"))))
	var media string
	for _, p := range native.Body {
		for _, f := range p.Files {
			media = f.Media
		}
	}
	file := w.ask("GET", "/messages/"+sent.text("id")+"/media/"+uuid(media), "")
	if file.status != http.StatusOK || string(file.raw) != "hello" || !strings.Contains(file.header.Get("Content-Disposition"), "i7.txt") {
		t.Errorf("the attachment is %d %s", file.status, file.raw)
	}
	// What a client was shown it may send again.
	address := w.app.URL() + "/bird/workspaces/" + w.workspace + "/messages/" + sent.text("id") + "/media/" + uuid(media)
	w.send("email", `{"receiver":{"contacts":[{"identifierValue":"d@example.org"}]},"body":{"type":"file","file":{"files":[{"mediaUrl":"`+address+`","contentType":"text/plain"}]}}}`)
	found := w.ask("GET", "/channels/"+w.channels["email"]+"/messages?subject=INVOICE", "")
	if ids := found.ids(); !slices.Equal(ids, []string{sent.text("id")}) {
		t.Errorf("by subject: %v", ids)
	}
}

// What is wrong is refused in the API's words, by its field, and nothing is kept.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	sms, email := "/channels/"+w.channels["sms"]+"/messages", "/channels/"+w.channels["email"]+"/messages"
	ok := toPhone("+15550100", says("x"))
	eleven, _ := json.Marshal(strings.Split("a b c d e f g h i j k", " "))
	paused := must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "Paused", Connector: "sandbox", Platform: "sms"}))
	must[*api.Channel](t)(w.admin.PatchChannel(t.Context(), paused.ID, api.ChannelPatch{Paused: new(true)}))
	other := newOrganization(w)
	for _, c := range []struct {
		name, path, body string
		status           int
		code, field      string
	}{
		{"both", sms, strings.Replace(ok, `"body"`, `"template":{"name":"x"},"body"`, 1), 422, "InvalidPayload", "body"},
		{"neither", sms, `{"receiver":{"contacts":[{"identifierValue":"+15550100"}]}}`, 422, "InvalidPayload", "body"},
		{"nulls", sms, `{"receiver":{"contacts":[{"identifierValue":"+15550100"}]},"body":null,"template":null}`, 422, "InvalidPayload", "body"},
		{"two on SMS", sms, `{"receiver":{"contacts":[{"identifierValue":"+15550100"},{"identifierValue":"+15550101"}]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts"},
		{"a copy on SMS", sms, `{"receiver":{"contacts":[{"identifierValue":"+15550100","type":"cc"}]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts"},
		{"nobody", sms, `{"receiver":{"contacts":[]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts"},
		{"nobody named", sms, `{"receiver":{"contacts":[{}]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts[0]"},
		{"no number", sms, toPhone("ana", says("x")), 422, "InvalidPayload", "receiver.contacts[0].identifierValue"},
		{"an unknown contact", sms, `{"receiver":{"contacts":[{"id":"` + w.workspace + `"}]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts[0].id"},
		{"another kind of identifier", sms, `{"receiver":{"contacts":[{"identifierKey":"emailaddress","identifierValue":"nobody@example.org"}]},"body":` + says("x") + `}`, 422, "InvalidPayload", "receiver.contacts[0].identifierKey"},
		{"eleven tags", sms, strings.Replace(ok, `"body"`, `"tags":`+string(eleven)+`,"body"`, 1), 422, "InvalidPayload", "tags"},
		{"a bad tag", sms, strings.Replace(ok, `"body"`, `"tags":["a!"],"body"`, 1), 422, "InvalidPayload", "tags[0]"},
		{"an unknown field", sms, strings.Replace(ok, `"body"`, `"bodies":1,"body"`, 1), 422, "InvalidPayload", "bodies"},
		{"an unknown type", sms, toPhone("+15550100", `{"type":"poem","poem":{}}`), 422, "InvalidPayload", "body.type"},
		{"an empty text", sms, toPhone("+15550100", says("")), 422, "InvalidPayload", "body.text.text"},
		{"too long for SMS", sms, toPhone("+15550100", says(strings.Repeat("x", 1601))), 422, "InvalidPayload", "body"},
		{"an unreachable file", sms, toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+w.web+`/a"},{"mediaUrl":"`+w.web+`/missing"}]}}`), 422, "InvalidPayload", "body.image.images[1].mediaUrl"},
		{"a file of nobody", sms, toPhone("+15550100", `{"type":"image","image":{"images":[{"mediaUrl":"`+w.app.URL()+`/bird/workspaces/`+w.workspace+`/messages/`+w.workspace+`/media/`+w.workspace+`"}]}}`), 422, "InvalidPayload", "body.image.images[0].mediaUrl"},
		{"bytes that are none", email, `{"receiver":{"contacts":[{"identifierValue":"a@example.org"}]},"body":{"type":"html","html":{"html":"x","attachments":[{"filename":"a","contentType":"text/plain","content":"%"}]}}}`, 422, "InvalidPayload", "body.html.attachments[0].content"},
		{"too far ahead", sms, strings.Replace(ok, `"body"`, `"scheduledFor":"2199-01-01T00:00:00Z","body"`, 1), 422, "InvalidPayload", "scheduledFor"},
		{"no time", sms, strings.Replace(ok, `"body"`, `"scheduledFor":"soon","body"`, 1), 422, "InvalidPayload", "scheduledFor"},
		{"a capped notice", sms, strings.Replace(ok, `"body"`, `"capFrequency":true,"body"`, 1), 422, "InvalidPayload", "capFrequency"},
		{"tracking without short links", sms, strings.Replace(ok, `"body"`, `"enableLinkTracking":true,"body"`, 1), 422, "InvalidPayload", "enableLinkTracking"},
		{"an answer to nothing", sms, strings.Replace(ok, `"body"`, `"replyTo":{"id":"`+w.workspace+`","type":"message"},"body"`, 1), 422, "InvalidPayload", "replyTo.id"},
		{"no template", sms, `{"receiver":{"contacts":[{"identifierValue":"+15550100"}]},"template":{"projectId":"` + w.workspace + `","version":"latest","locale":"en"}}`, 422, "InvalidPayload", "template.projectId"},
		{"no JSON", sms, `{"receiver"`, 400, "BadRequest", ""},
		{"two values", sms, ok + ok, 400, "BadRequest", ""},
		{"a paused channel", "/channels/" + uuid(paused.ID) + "/messages", ok, 409, "Conflict", ""},
		{"an unknown channel", "/channels/" + w.workspace + "/messages", ok, 404, "NotFound", ""},
		{"an id that is none", "/channels/x/messages", ok, 404, "NotFound", ""},
		{"another organization's channel", "/channels/" + other.channel + "/messages", ok, 404, "NotFound", ""},
		{"another workspace", "!/workspaces/" + other.workspace + sms, ok, 404, "NotFound", ""},
		{"a workspace that is none", "!/workspaces/ws_1" + sms, ok, 404, "NotFound", ""},
		{"an unknown path", "/nothing", ok, 404, "NotFound", ""},
		{"what is not there yet", "/channels/" + w.channels["sms"] + "/batch/messages", `{}`, 501, "NotImplemented", ""},
	} {
		a := w.ask("POST", c.path, c.body)
		if a.status != c.status || a.text("code") != c.code || a.text("message") == "" {
			t.Errorf("%s: %d %s, want %d %s", c.name, a.status, a.raw, c.status, c.code)
		}
		details, _ := a.at("details").(map[string]any)
		if _, named := details[c.field]; c.field != "" && !named && !(c.field == "body" && strings.Contains(fmt.Sprint(details), "body")) {
			t.Errorf("%s: %v names no %s", c.name, details, c.field)
		}
		valid(t, "ValidationError", a.raw)
	}
	if n := w.messages(); n != 0 {
		t.Errorf("%d messages are kept of what was refused", n)
	}
	if files := must[*api.List[api.Contact]](t)(w.admin.ListContacts(t.Context(), api.ContactFilter{})); len(files.Data) != 0 {
		t.Errorf("contacts of what was refused: %+v", files.Data)
	}
	for _, c := range []struct{ header, value string }{{"Authorization", ""}, {"Authorization", "AccessKey nonsense"}, {"Authorization", "AccessKey " + other.token + "x"}} {
		if a := w.ask("POST", sms, ok, c.header, c.value); a.status != 401 || a.text("code") != "Unauthorized" {
			t.Errorf("%s: %d %s", c.value, a.status, a.raw)
		}
	}
}

// Twins of a request with one key are one message.
func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	path := "/channels/" + w.channels["sms"] + "/messages"
	ids := make([]string, 20)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			a := w.ask("POST", path, toPhone("+15550100", says("once")), "Idempotency-Key", "k1")
			ids[i] = a.text("id")
		})
	}
	all.Wait()
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) != 1 || ids[0] == "" || w.messages() != 1 {
		t.Errorf("twins are %v", ids)
	}
	if a := w.ask("POST", path, toPhone("+15550100", says("other")), "Idempotency-Key", "k1"); a.status != 422 {
		t.Errorf("another body: %d %s", a.status, a.raw)
	}
}

// Every type of body is taken by every platform that carries it or shows what it says as text, and is shown as it was given; where parts
// went as text the message says so, and what cannot be carried is refused.
func TestBodies(t *testing.T) {
	w := newWorld(t)
	file := w.web + "/a.png"
	link := `"actions":[{"type":"link","link":{"text":"Open","url":"https://example.org"}}]`
	bodies := map[string]string{
		"text": says("x"), "html": `{"type":"html","html":{"html":"<b>x</b>","text":"x"}}`,
		"image":              `{"type":"image","image":{"text":"look","images":[{"mediaUrl":"` + file + `","altText":"a cat"}]}}`,
		"file":               `{"type":"file","file":{"files":[{"mediaUrl":"` + file + `","contentType":"image/png","filename":"a.png","metadata":{"isAnimated":false}}]}}`,
		"gif":                `{"type":"gif","gif":{"mediaUrl":"` + file + `","altText":"a dance"}}`,
		"location":           `{"type":"location","location":{"coordinates":{"latitude":52.5,"longitude":13.4},"location":{"label":"Clinic","address":"Main St 1"}}}`,
		"carousel":           `{"type":"carousel","carousel":{"text":"Choose","items":[{"title":"One","mediaUrl":"` + file + `","description":"first",` + link + `}]}}`,
		"list":               `{"type":"list","list":{"text":"Choose","title":"Times","items":[{"title":"Monday","actions":[{"type":"reply","reply":{"text":"9:00"}},{"type":"postback","postback":{"text":"10:00","payload":"ten","metadata":{"description":{"label":"free"}}}}]}],"metadata":{"button":{"label":"Times"},"replyMessage":{"title":"t","text":"x"}}}}`,
		"section":            `{"type":"section","section":{"items":[` + says("a") + `,{"type":"section","section":{"items":[` + says("b") + `]}}],"configurations":{"k":"v"}}}`,
		"authentication":     `{"type":"authentication","authentication":{"otp":{"disclaimer":true,"expirationTime":5,"actions":[{"type":"postback","postback":{"text":"Copy","payload":"123456"}}]}}}`,
		"permission_request": `{"type":"permission_request","permission_request":{"resource":"call"}}`,
		"action":             `{"type":"action","permission_request":{"resource":"call"}}`,
	}
	to := map[string]string{"email": "a@example.org", "chat": "ana", "secure": "ana"}
	refused := map[string]bool{"fax carousel": true, "fax authentication": true, "fax gif": true}
	for platform := range w.channels {
		receiver := to[platform]
		if receiver == "" {
			receiver = "+15550100"
		}
		for kind, body := range bodies {
			request := `{"receiver":{"contacts":[{"identifierValue":"` + receiver + `"}]},"body":` + body + `}`
			a := w.ask("POST", "/channels/"+w.channels[platform]+"/messages", request)
			if refused[platform+" "+kind] {
				if a.status != 422 {
					t.Errorf("%s on %s: %d %s", kind, platform, a.status, a.raw)
				}
				continue
			}
			if a.status != 202 {
				t.Errorf("%s on %s: %d %s", kind, platform, a.status, a.raw)
				continue
			}
			var want any
			_ = json.Unmarshal([]byte(body), &want)
			if fmt.Sprint(a.at("body")) != fmt.Sprint(want) {
				t.Errorf("%s on %s is shown as %v", kind, platform, a.at("body"))
			}
			if kind != "action" && kind != "permission_request" { // of which the contract's two enumerations have no name in common
				valid(t, "Message", a.raw)
			}
			native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(a.text("id"))))
			if degraded := a.text("details") == "sent_as_text"; degraded != (len(native.AsText) > 0) {
				t.Errorf("%s on %s: %s, natively %v %q", kind, platform, a.raw, native.AsText, native.Text)
			}
		}
	}
}
