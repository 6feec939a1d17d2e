package kustomer_test

import (
	"testing"

	"github.com/parley-server/parley/api"
)

// Customers and conversations are found by what programs know of them.
func TestFind(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org"})
	contact := must[*api.Contact](t)(o.CreateContact(t.Context(), api.ContactRequest{Name: "Vera", ExternalID: "crm/1 a",
		Addresses: []api.Address{{Kind: "email", Value: "vera+x@example.org"}, {Kind: "phone", Value: "+18005551212"}}})).ID
	conversation := must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "external", Channel: o.sms, ExternalID: "thread/7", Title: "Parcel",
		Priority: 4, Tags: []string{"late"}, Participants: []api.NewParticipant{{Contact: contact}}})).ID
	must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "group", Title: "hidden", ExternalID: "inside"}))
	for _, name := range []string{"email=vera%2Bx%40example.org", "email=VERA%2BX%40example.org", "phone=%2B18005551212", "phone=18005551212", "externalId=crm%2F1%20a", "externalid=crm%2F1%20a/"} {
		o.call(key, "GET", "/v1/customers/"+name, nil).has(t, 200, m{"data.id": hex(contact), d + "externalId": "crm/1 a"})
	}
	for _, name := range []string{"email=none%40example.org", "email=nonsense", "phone=1", "externalId=none", "externalId=", "email=", "colour=red"} {
		o.call(key, "GET", "/v1/customers/"+name, nil).has(t, 404, nil)
	}
	want := m{"data.id": hex(conversation), d + "externalId": "thread/7", d + "name": "Parcel", d + "priority": 4, d + "tags": []any{"late"}}
	o.call(key, "GET", "/v1/conversations/externalId=thread%2F7", nil).has(t, 200, want)
	o.call(key, "GET", "/v1/conversations/"+hex(conversation), nil).has(t, 200, want)
	o.call(key, "GET", "/v1/customers/"+hex(contact)+"/conversations", nil).has(t, 200, m{"data.0.id": hex(conversation),
		"data.0.attributes.externalId": "thread/7", "data.0.attributes.priority": 4})
	for _, name := range []string{"none", "inside", ""} {
		o.call(key, "GET", "/v1/conversations/externalId="+name, nil).has(t, 404, nil)
	}
}
