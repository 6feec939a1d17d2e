package spruce_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

const endpointPath = "/internalendpoints/{internalEndpointId}/conversations"

// from sends from an internal endpoint, and returns the item.
func (w *world) from(endpoint, destination, text, more string) map[string]any {
	w.t.Helper()
	return w.posted(w.ask("POST", endpointPath, []string{w.ids[endpoint]},
		fmt.Sprintf(`{"destination":%s,"message":{"body":[{"type":"text","value":%q}]}%s}`, destination, text, more)))
}

// A send finds the conversation with an address, or makes it; a fax is always in one of its own.
func TestPostFromEndpoint(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		endpoint, first, again, kind, raw, shown string
		same                                     bool
	}{
		{"internalEndpointId", `{"smsOrEmailEndpoint":"2065550142"}`, `{"smsOrEmailEndpoint":"+1 (206) 555-0142"}`, "phone", "+12065550142", "(206) 555-0142", true},
		{"emailEndpointId", `{"smsOrEmailEndpoint":"New@example.org"}`, `{"smsOrEmailEndpoint":"new@example.org"}`, "email", "new@example.org", "new@example.org", true},
		{"faxEndpointId", `{"faxEndpoint":"206-555-0199"}`, `{"faxEndpoint":"+12065550199"}`, "fax", "+12065550199", "(206) 555-0199", false},
	} {
		first, again := w.from(c.endpoint, c.first, "one", ""), w.from(c.endpoint, c.again, "two", "")
		if same := first["conversationId"] == again["conversationId"]; same != c.same || first["direction"] != "outbound" {
			t.Errorf("sent to %s and %s they are %v and %v", c.first, c.again, first, again)
		}
		in := w.conversation(again["conversationId"].(string))
		who := in["externalParticipants"].([]any)[0].(map[string]any)
		endpoint := who["endpoint"].(map[string]any)
		if in["type"] != c.kind || who["contact"] != nil || endpoint["rawValue"] != c.raw || endpoint["displayValue"] != c.shown || in["internalEndpoint"].(map[string]any)["id"] != w.ids[c.endpoint] {
			t.Errorf("the conversation with %s is %v", c.first, in)
		}
	}
	known := w.from("internalEndpointId", `{"smsOrEmailEndpoint":"+15550101000"}`, "to a contact", "")
	if known["conversationId"] != w.ids["conversationId"] {
		t.Errorf("to an address of a contact it is in %v, want %s", known["conversationId"], w.ids["conversationId"])
	}
}

// A contact is written to securely in a conversation on the link, else on any, else in a new one; or in a new one each time.
func TestPostSecurely(t *testing.T) {
	w := newWorld(t)
	other, err := w.native.CreateChannel(t.Context(), api.ChannelRequest{Name: "Second portal", Connector: "sandbox", Platform: "secure"})
	if err != nil {
		t.Fatal(err)
	}
	w.ids["other"] = "organizationCode_" + other.ID
	to := func(method string) string {
		return fmt.Sprintf(`{"secureEndpoint":{"contactId":%q,"deliveryMethod":%q,"subject":"Lab results"}}`, w.ids["contactId"], method)
	}
	in := func(endpoint, method string) string {
		return w.from(endpoint, to(method), "x", "")["conversationId"].(string)
	}
	first := in("secureEndpointId", "any_available_secure_conversation")
	if c := w.conversation(first); c["type"] != "secure" || c["title"] != "Lab results" || c["externalParticipants"].([]any)[0].(map[string]any)["contact"] != w.ids["contactId"] {
		t.Errorf("the conversation is %v", c)
	}
	if got := in("secureEndpointId", "only_conversations_matching_internal_endpoint"); got != first {
		t.Errorf("on the same link it is in %s, want %s", got, first)
	}
	if got := in("other", "any_available_secure_conversation"); got != first {
		t.Errorf("on another link it is in %s, want %s", got, first)
	}
	second := in("other", "only_conversations_matching_internal_endpoint")
	third := in("other", "new_conversation")
	if second == first || third == second || third == first {
		t.Errorf("they are in %s, %s and %s", first, second, third)
	}
	if got := in("other", ""); got != third {
		t.Errorf("where there are several it is in %s, want the most recently active %s", got, third)
	}
	if got := w.from("other", fmt.Sprintf(`{"secureEndpoint":{"contactId":%q}}`, w.ids["contactId"]), "x", "")["conversationId"]; got != third {
		t.Errorf("without a method it is in %v, want %s", got, third)
	}
}

// A message with a time is sent then, by the same id.
func TestPostLater(t *testing.T) {
	w := newWorld(t)
	at := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	a := w.ask("POST", endpointPath, []string{w.ids["internalEndpointId"]}, fmt.Sprintf(`{"destination":{"smsOrEmailEndpoint":"+15550101000"},"message":{"body":[{"type":"text","value":"later"}]},"sendAt":%q}`, at))
	item := "ti_" + strings.TrimPrefix(w.ok(a)["requestId"].(string), "asyncRequest_")
	if a := w.ask("GET", "/conversationItems/{conversationItemId}", []string{item}, ""); a.status != 404 {
		t.Errorf("before its time it is answered %d %s", a.status, a.body)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := w.raw("GET", "/conversationItems/"+item, "")
		if a.status == 200 {
			if !strings.Contains(string(a.body), `"displayName":"Demo Clinic"`) {
				t.Errorf("it is %s", a.body)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("it was not sent")
		}
	}
}

// What an endpoint does not send is refused, and makes neither a message nor a conversation.
func TestEndpointRefusals(t *testing.T) {
	w := newWorld(t)
	before, events := w.count(), w.latest()
	message := `"message":{"body":[{"type":"text","value":"x"}]}`
	for _, c := range []struct {
		what, endpoint, body string
		status               int
		kind, named          string
	}{
		{"no destination", "internalEndpointId", `{` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"an empty destination", "internalEndpointId", `{"destination":{},` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"two destinations", "internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"+12065550142","faxEndpoint":"+12065550142"},` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"a fax by telephone", "internalEndpointId", `{"destination":{"faxEndpoint":"+12065550142"},` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"no number", "internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"nobody"},` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"no message", "internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"+12065550142"}}`, 400, "BAD_PARAMETER", "message"},
		{"a wrong message", "internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"+12065550142"},"message":{"body":[{"type":"x"}]}}`, 400, "BAD_PARAMETER", "message.body[0].type"},
		{"a time that is past", "internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"+12065550142"},` + message + `,"sendAt":"2020-01-01T00:00:00Z"}`, 400, "BAD_PARAMETER", "sendAt"},
		{"a contact that is not there", "secureEndpointId", `{"destination":{"secureEndpoint":{"contactId":"` + w.ids["memberId"] + `"}},` + message + `}`, 400, "BAD_PARAMETER", "destination"},
		{"an unknown way", "secureEndpointId", `{"destination":{"secureEndpoint":{"contactId":"` + w.ids["contactId"] + `","deliveryMethod":"x"}},` + message + `}`, 400, "BAD_PARAMETER", "deliveryMethod"},
		{"no endpoint", "x", `{"destination":{"smsOrEmailEndpoint":"+12065550142"},` + message + `}`, 400, "BAD_PARAMETER", "internalEndpointId"},
	} {
		id := c.endpoint
		if known, ok := w.ids[id]; ok {
			id = known
		}
		w.refused(c.what, w.ask("POST", endpointPath, []string{id}, c.body), c.status, c.kind, c.named)
	}
	w.refused("an endpoint that is not there", w.raw("POST", "/internalendpoints/endpoint_"+w.demo.Users[0].ID+"/conversations", `{"destination":{"smsOrEmailEndpoint":"+12065550142"},`+message+`}`), 404, "NOT_FOUND", "channel")
	if after := w.count(); after != before || w.latest() != events {
		t.Errorf("there are %d messages and %d events, want %d and %d", after, w.latest(), before, events)
	}
}

// What was posted is there after a restart, as is that its key was used.
func TestRestart(t *testing.T) {
	folder := t.TempDir()
	w := open(t, folder)
	id := w.ids["conversationId"]
	item := w.post(id, `{"body":[{"type":"text","value":"kept"}]}`, "s-idempotency-key", "restart")["id"]
	w.stop()
	w = open(t, folder)
	w.refused("a second use", w.ask("POST", postPath, []string{id}, `{"body":[{"type":"text","value":"kept"}]}`, "s-idempotency-key", "restart"), 422, "DUPLICATE_REQUEST", "")
	if got := w.items(id)[0].(map[string]any); got["id"] != item || got["text"] != "kept" {
		t.Errorf("the newest item is %v, want %s", got, item)
	}
}
