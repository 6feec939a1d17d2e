package spruce_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

const endpointPath = "/internalendpoints/{internalEndpointId}/conversations"

// from sends from an internal endpoint, and returns the item.
func (w *world) from(endpoint, destination, text, more string) map[string]any {
	w.t.Helper()
	return w.posted(w.ask("POST", endpointPath, []string{w.ids[endpoint]},
		fmt.Sprintf(`{"destination":%s,"message":{"body":[{"type":"text","value":%q}]}%s}`, destination, text, more)))
}

// TestCallFromEndpoint walks through sending to a number or an address, which finds the conversation or makes it.
func TestCallFromEndpoint(t *testing.T) {
	world := newWorld(t)
	found := func(t *testing.T, endpoint, first, again, kind, raw, shown string, same bool) {
		t.Helper()
		w := world.in(t)
		one, two := w.from(endpoint, first, "one", ""), w.from(endpoint, again, "two", "")
		if (one["conversationId"] == two["conversationId"]) != same {
			t.Errorf("sent to %s and %s they are %v and %v", first, again, one, two)
		}
		w.has(one, m{"direction": "outbound", "text": "one"})
		w.has(w.conversation(two["conversationId"].(string)), m{"type": kind, "externalParticipants.0.contact": nil, "externalParticipants.0.endpoint.rawValue": raw,
			"externalParticipants.0.endpoint.displayValue": shown, "internalEndpoint.id": w.ids[endpoint]})
	}
	doortest.Says(t, "internalEndpointId", "The organization's endpoints are listed; each sends on its own channel.", func(t *testing.T) {
		w := world.in(t)
		var channels []string
		for _, e := range w.ok(w.ask("GET", "/internalendpoints", nil, ""))["internalEndpoints"].([]any) {
			channels = append(channels, at(e, "endpoint.channel").(string))
		}
		slices.Sort(channels)
		if !slices.Equal(channels, []string{"email", "fax", "phone", "secure"}) {
			t.Errorf("their channels are %v", channels)
		}
	})
	doortest.Says(t, "destination.smsOrEmailEndpoint", "A telephone number, however it is written, has one conversation on an endpoint, which is made with the first message.", func(t *testing.T) {
		found(t, "internalEndpointId", `{"smsOrEmailEndpoint":"2065550142"}`, `{"smsOrEmailEndpoint":"+1 (206) 555-0142"}`, "phone", "+12065550142", "(206) 555-0142", true)
	})
	doortest.Says(t, "destination.smsOrEmailEndpoint", "So has an e-mail address, in any case of letters.", func(t *testing.T) {
		found(t, "emailEndpointId", `{"smsOrEmailEndpoint":"New@example.org"}`, `{"smsOrEmailEndpoint":"new@example.org"}`, "email", "new@example.org", "new@example.org", true)
	})
	doortest.Says(t, "destination.smsOrEmailEndpoint", "The number of a contact goes on in the conversation with the contact.", func(t *testing.T) {
		w := world.in(t)
		w.has(w.from("internalEndpointId", `{"smsOrEmailEndpoint":"+15550101000"}`, "to a contact", ""), m{"conversationId": w.ids["conversationId"]})
	})
	doortest.Says(t, "destination.faxEndpoint", "Each fax is a conversation of its own.", func(t *testing.T) {
		found(t, "faxEndpointId", `{"faxEndpoint":"206-555-0199"}`, `{"faxEndpoint":"+12065550199"}`, "fax", "+12065550199", "(206) 555-0199", false)
	})
}

// TestCallSecurely walks through writing securely to a contact.
func TestCallSecurely(t *testing.T) {
	world := newWorld(t)
	other, err := world.native.CreateChannel(t.Context(), api.ChannelRequest{Name: "Second portal", Connector: "sandbox", Platform: "secure"})
	if err != nil {
		t.Fatal(err)
	}
	world.ids["other"] = "organizationCode_" + other.ID
	in := func(t *testing.T, endpoint, method string) string {
		t.Helper()
		to := fmt.Sprintf(`{"secureEndpoint":{"contactId":%q,"deliveryMethod":%q,"subject":"Lab results"}}`, world.ids["contactId"], method)
		return world.in(t).from(endpoint, to, "x", "")["conversationId"].(string)
	}
	first := in(t, "secureEndpointId", "any_available_secure_conversation")
	doortest.Says(t, "destination.secureEndpoint", "A contact without a secure conversation gets one, with the subject as its title.", func(t *testing.T) {
		w := world.in(t)
		w.has(w.conversation(first), m{"type": "secure", "title": "Lab results", "externalParticipants.0.contact": w.ids["contactId"]})
	})
	doortest.Says(t, "destination.secureEndpoint", "any_available_secure_conversation takes one on the endpoint, else one on any.", func(t *testing.T) {
		if got := in(t, "other", "any_available_secure_conversation"); got != first {
			t.Errorf("on another link it is in %s, want %s", got, first)
		}
	})
	var second, third string
	doortest.Says(t, "destination.secureEndpoint", "only_conversations_matching_internal_endpoint takes one on the endpoint, else makes one.", func(t *testing.T) {
		if got := in(t, "secureEndpointId", "only_conversations_matching_internal_endpoint"); got != first {
			t.Errorf("on the same link it is in %s, want %s", got, first)
		}
		if second = in(t, "other", "only_conversations_matching_internal_endpoint"); second == first {
			t.Error("on another link it is in the same")
		}
	})
	doortest.Says(t, "destination.secureEndpoint", "new_conversation always makes one.", func(t *testing.T) {
		if third = in(t, "other", "new_conversation"); third == second || third == first {
			t.Errorf("it is in %s", third)
		}
	})
	doortest.Says(t, "destination.secureEndpoint", "Without a method any will do, and of several the one that was active last.", func(t *testing.T) {
		w := world.in(t)
		if got := in(t, "other", ""); got != third {
			t.Errorf("it is in %s, want %s", got, third)
		}
		w.has(w.from("other", fmt.Sprintf(`{"secureEndpoint":{"contactId":%q}}`, w.ids["contactId"]), "x", ""), m{"conversationId": third})
	})
}

// TestCallSecurelyAlone has a contact take part in conversations that others read too.
func TestCallSecurelyAlone(t *testing.T) {
	world := newWorld(t)
	portal := strings.TrimPrefix(world.ids["secureEndpointId"], "organizationCode_")
	old, err := world.native.CreateChannel(t.Context(), api.ChannelRequest{Name: "Old portal", Connector: "sandbox", Platform: "secure"})
	if err != nil {
		t.Fatal(err)
	}
	contact := world.demo.Contacts[2].ID
	with := func(channel string, who ...string) string {
		t.Helper()
		r := api.ConversationRequest{Kind: "secure", Channel: channel}
		for _, id := range who {
			r.Participants = append(r.Participants, api.NewParticipant{Contact: id})
		}
		made, err := world.native.CreateConversation(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	send := func(t *testing.T) string {
		t.Helper()
		return strings.TrimPrefix(world.in(t).from("secureEndpointId", fmt.Sprintf(`{"secureEndpoint":{"contactId":"entity_%s"}}`, contact), "x", "")["conversationId"].(string), "t_")
	}
	var own string
	doortest.Says(t, "destination.secureEndpoint", "A conversation with others in it too is not taken for one with the contact.", func(t *testing.T) {
		group := with(portal, contact, world.demo.Contacts[3].ID)
		if own = send(t); own == group {
			t.Error("it is in the conversation with somebody else")
		}
	})
	doortest.Says(t, "destination.secureEndpoint", "Nor is one whose channel was deleted.", func(t *testing.T) {
		contact = world.demo.Contacts[4].ID
		gone := with(old.ID, contact)
		if err := world.native.DeleteChannel(t.Context(), old.ID); err != nil {
			t.Fatal(err)
		}
		if got := send(t); got == gone || got == own {
			t.Errorf("it is in %s", got)
		}
	})
}

// TestCallLater walks through sending at a time.
func TestCallLater(t *testing.T) {
	doortest.Says(t, "sendAt", "A message with a time to come is sent then, under the requestId that was answered.", func(t *testing.T) {
		w := newWorld(t)
		at := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		a := w.ask("POST", endpointPath, []string{w.ids["internalEndpointId"]}, fmt.Sprintf(`{"destination":{"smsOrEmailEndpoint":"+15550101000"},"message":%s,"sendAt":%q}`, text("later"), at))
		request := w.ok(a)["requestId"].(string)
		item := "ti_" + strings.TrimPrefix(request, "asyncRequest_")
		if a := w.ask("GET", "/conversationItems/{conversationItemId}", []string{item}, ""); a.status != 404 {
			t.Errorf("before its time it is answered %d %s", a.status, a.body)
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if a := w.raw("GET", "/conversationItems/"+item, ""); a.status == 200 {
				w.has(w.ok(a), m{"conversationItem.author.displayName": "Demo Clinic", "conversationItem.requestId": request})
				return
			}
			if time.Now().After(end) {
				t.Fatal("it was not sent")
			}
		}
	})
}

// TestCallEndpointRefusals walks through what an endpoint does not send.
func TestCallEndpointRefusals(t *testing.T) {
	world := newWorld(t)
	const message, known = `,"message":{"body":[{"type":"text","value":"x"}]}`, `{"destination":{"smsOrEmailEndpoint":"+12065550142"}`
	refuses := func(t *testing.T, all ...[3]string) {
		t.Helper()
		w := world.in(t)
		w.unchanged(func() {
			for _, c := range all {
				w.refused(c[1], w.ask("POST", endpointPath, []string{w.ids[c[0]]}, c[1]), 400, "BAD_PARAMETER", c[2])
			}
		})
	}
	doortest.Says(t, doortest.Errors, "None or two destinations, one of another channel, and what is no number are refused with 400, and make no conversation.", func(t *testing.T) {
		refuses(t, [3]string{"internalEndpointId", `{"destination":{}` + message + `}`, "destination"},
			[3]string{"internalEndpointId", `{"x":1` + message + `}`, "destination"},
			[3]string{"internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"+12065550142","faxEndpoint":"+12065550142"}` + message + `}`, "destination"},
			[3]string{"internalEndpointId", `{"destination":{"faxEndpoint":"+12065550142"}` + message + `}`, "destination"},
			[3]string{"internalEndpointId", `{"destination":{"smsOrEmailEndpoint":"nobody"}` + message + `}`, "destination"})
	})
	doortest.Says(t, doortest.Errors, "A message that is missing or wrong, and a time that is past, are refused with 400.", func(t *testing.T) {
		refuses(t, [3]string{"internalEndpointId", known + `}`, "message"},
			[3]string{"internalEndpointId", known + `,"message":{"body":[{"type":"x"}]}}`, "message.body[0].type"},
			[3]string{"internalEndpointId", known + message + `,"sendAt":"2020-01-01T00:00:00Z"}`, "sendAt"})
	})
	doortest.Says(t, doortest.Errors, "A secure message to who is no contact, or in an unknown way, is refused with 400.", func(t *testing.T) {
		refuses(t, [3]string{"secureEndpointId", `{"destination":{"secureEndpoint":{"contactId":"` + world.ids["memberId"] + `"}}` + message + `}`, "destination"},
			[3]string{"secureEndpointId", `{"destination":{"secureEndpoint":{"contactId":"` + world.ids["contactId"] + `","deliveryMethod":"x"}}` + message + `}`, "deliveryMethod"})
	})
	doortest.Says(t, doortest.Errors, "An endpoint that is not there is 404; what is no id of one is 400.", func(t *testing.T) {
		w := world.in(t)
		w.unchanged(func() {
			w.refused("no id", w.ask("POST", endpointPath, []string{"x"}, known+message+`}`), 400, "BAD_PARAMETER", "internalEndpointId")
			w.refused("not there", w.raw("POST", "/internalendpoints/endpoint_"+w.demo.Users[0].ID+"/conversations", known+message+`}`), 404, "NOT_FOUND", "channel")
		})
	})
}
