package kustomer_test

import (
	"fmt"
	"testing"

	"github.com/parley-server/parley/api"
)

// What the door does not show is in no list and answers 404: conversations of members, notes, bare addresses, other organizations'.
func TestVisibility(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org"}, "messages:send", "messages:record", "messages:read", "conversations:read", "conversations:read.private", "contacts:read", "users:read")
	ana := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
	secure := must[*api.Channel](t)(o.CreateChannel(t.Context(), api.ChannelRequest{Name: "Portal", Connector: "sandbox", Platform: "secure"})).ID
	portal := must[*api.Contact](t)(o.CreateContact(t.Context(), api.ContactRequest{Name: "Vera", Addresses: []api.Address{{Kind: "secure", Value: "vera"}}})).ID
	shown := must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "secure", Channel: secure,
		Participants: []api.NewParticipant{{Contact: portal}}})).ID
	direct := must[*api.Message](t)(o.Send(t.Context(), api.SendRequest{To: api.Recipient{User: ana}, Body: api.Text("hidden")}))
	note := must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "note", Title: "hidden", Visibility: "organization"})).ID
	for _, name := range []string{"Mother", "Child"} { // nobody in particular has an address that is shared
		must[*api.Contact](t)(o.CreateContact(t.Context(), api.ContactRequest{Name: name, Addresses: []api.Address{{Kind: "phone", Value: "+31612345600", Shared: true}}}))
	}
	bare := must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "external", Channel: o.sms,
		Participants: []api.NewParticipant{{Address: "phone:+31612345600"}}})).ID
	inside := must[*api.Message](t)(o.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: o.conversation}, Internal: true, Body: api.Text("hidden")}))
	elsewhere := must[*api.NewOrganization](t)(o.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Beta"}))
	there := must[*api.Client](t)(api.New(o.server.URL(), elsewhere.Key.Secret, api.WithRetry(api.Retry{})))
	t.Cleanup(there.Close)
	foreign := must[*api.Contact](t)(there.CreateContact(t.Context(), api.ContactRequest{Name: "Zed"})).ID
	group := must[*api.Conversation](t)(there.CreateConversation(t.Context(), api.ConversationRequest{Kind: "group", Title: "hidden"})).ID
	for _, id := range []string{direct.ConversationID, note, bare, group, o.customer} {
		for _, path := range []string{"", "/messages"} {
			o.call(key, "GET", "/v1/conversations/"+hex(id)+path, nil).has(t, 404, m{"errors.0.status": 404, "errors.0.code": "not_found", "errors.0.title": "Not Found"})
		}
		o.post(key, id, m{"channel": "sms", "app": "a"}).has(t, 404, nil)
	}
	for _, path := range []string{"/v1/messages/" + hex(direct.ID), "/v1/messages/" + hex(inside.ID), "/v1/customers/" + hex(foreign), "/v1/customers/" + hex(foreign) + "/conversations",
		"/v1/conversations/nonsense", "/v1/messages/externalId=none", "/v1/nothing", "/v1/conversations/" + hex(o.conversation) + "/nothing", "/"} {
		o.call(key, "GET", path, nil).has(t, 404, m{"errors.0.status": 404})
	}
	a := o.call(key, "GET", "/v1/conversations", nil)
	a.has(t, 200, m{"data.0.id": hex(o.conversation), "data.0.relationships.customer.data.id": hex(o.customer), "meta": m{"page": 1, "pageSize": 100}})
	if list := a.body["data"].([]any); len(list) != 2 || list[1].(m)["id"] != hex(shown) {
		t.Errorf("the list has %s", a.text)
	}
	several := o.call(key, "GET", "/v1/conversations/"+hex(shown)+"%2C"+hex(note)+","+hex(o.conversation), nil)
	if list, _ := several.body["data"].([]any); len(list) != 2 {
		t.Errorf("several: %s", several.text)
	}
	if several.at("data.0.id") != hex(shown) {
		t.Errorf("several are in another order: %s", several.text)
	}
	o.post(key, shown, m{"channel": "chat", "app": "a"}).has(t, 201, nil)
	o.call(o.token, "GET", "/v1/users/current/", nil).has(t, 200, m{d + "userType": "machine"})
}

// A person sees the conversations of channels that are open or its own.
func TestClosedChannel(t *testing.T) {
	o := open(t, settings(t))
	ana := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
	closed := must[*api.Channel](t)(o.CreateChannel(t.Context(), api.ChannelRequest{Name: "Closed", Connector: "sandbox", Platform: "sms", Open: new(false), Members: []string{
		must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Bo", Email: "bo@example.org"})).ID}})).ID
	hidden := must[*api.Conversation](t)(o.CreateConversation(t.Context(), api.ConversationRequest{Kind: "external", Channel: closed,
		Participants: []api.NewParticipant{{Contact: o.customer}}})).ID
	key := must[*api.Key](t)(o.CreateKey(t.Context(), api.KeyRequest{Name: "Ana's", User: ana, Scopes: []string{"messages:send", "messages:record", "messages:read",
		"conversations:read", "contacts:read"}})).Secret
	for _, path := range []string{"/v1/conversations", "/v1/customers/" + hex(o.customer) + "/conversations"} {
		if a := o.call(key, "GET", path, nil); len(a.body["data"].([]any)) != 1 {
			t.Errorf("%s has %s", path, a.text)
		}
	}
	o.post(key, hidden, m{"channel": "sms", "app": "a"}).has(t, 404, nil)
	o.post(key, o.conversation, m{"channel": "sms", "app": "a"}).has(t, 201, m{d + "direction": "out"}) // a person records what it sent
}

// Lists have pages with numbers, in both orders.
func TestPages(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org"})
	want := []string{hex(o.customer)}
	for i := range 6 {
		contact, _ := o.patient(fmt.Sprintf("Patient %d", i), fmt.Sprintf("+3161234560%d", i))
		want = append(want, hex(contact))
	}
	for _, list := range []string{"/v1/customers", "/v1/conversations"} {
		for _, order := range []string{"asc", "desc"} {
			var got []string
			path := list + "?pageSize=3&sort=" + order
			for page := 1; path != ""; page++ {
				a := o.call(key, "GET", path, nil)
				a.has(t, 200, m{"meta.page": page, "meta.pageSize": 3})
				for _, one := range a.body["data"].([]any) {
					if list == "/v1/customers" {
						got = append(got, one.(m)["id"].(string))
					} else {
						got = append(got, one.(m)["relationships"].(m)["customer"].(m)["data"].(m)["id"].(string))
					}
				}
				next, _ := a.at("links.next").(string)
				if path = ""; next != "" {
					path = next[len("/kustomer"):]
				}
				if page == 3 {
					a.has(t, 200, m{"links.next": nil})
				}
			}
			for i := range want {
				at := i
				if order == "desc" {
					at = len(want) - 1 - i
				}
				if len(got) != len(want) || got[i] != want[at] {
					t.Fatalf("%s in the order %s has %v, want %v", list, order, got, want)
				}
			}
		}
	}
	a := o.call(key, "GET", "/v1/customers?pageSize=5", nil)
	a.has(t, 200, m{"meta": m{"page": 1, "pageSize": 5, "total": 7, "totalPages": 2}, "links.last": "/kustomer/v1/customers?page=2&pageSize=5"})
	one := o.call(key, "GET", "/v1/customers/"+hex(o.customer), nil)
	one.has(t, 200, m{d + "conversationCounts": m{"all": 1, "open": 1, "snoozed": 0, "done": 0}, d + "progressiveStatus": "open", d + "name": "Ana", d + "phones": []any{m{"phone": "+31612345678", "type": "mobile", "verified": false, "id": hex(o.customer)}}})
	o.post(key, o.conversation, m{"channel": "sms", "app": "a", "preview": "x"}).has(t, 201, nil)
	messages := o.call(key, "GET", "/v1/conversations/"+hex(o.conversation)+"/messages", nil)
	o.call(key, "GET", "/v1/messages/"+messages.at("data.0.id").(string), nil).has(t, 200, m{"data.id": messages.at("data.0.id")})
	for _, bad := range []string{"page=0", "page=x", "pageSize=-1", "sort=up", "page=10001", "page=102"} {
		o.call(key, "GET", "/v1/conversations?"+bad, nil).has(t, 400, m{"errors.0.status": 400})
	}
	o.call(key, "GET", "/v1/conversations?pageSize=1000", nil).has(t, 200, m{"meta.pageSize": 100})
}

// A contact that became a part of another is that one, and what was recorded counts for it.
func TestMergedCustomer(t *testing.T) {
	c := settings(t)
	c.KustomerMessageLimit = 2
	o := open(t, c)
	key := o.key([]string{"org"})
	other, conversation := o.patient("Bo", "+31612345679")
	body := m{"channel": "sms", "app": "a", "preview": "x"}
	o.post(key, conversation, body).has(t, 201, nil)
	o.post(key, conversation, body).has(t, 201, nil)
	must[*api.Contact](t)(o.MergeContact(t.Context(), other, api.ContactMerge{Into: o.customer}))
	o.post(key, o.conversation, body).has(t, 429, nil)
	for _, id := range []string{other, o.customer} {
		if a := o.call(key, "GET", "/v1/customers/"+hex(id)+"/conversations", nil); len(a.body["data"].([]any)) != 2 {
			t.Errorf("of %s: %s", id, a.text)
		}
	}
	o.call(key, "GET", "/v1/conversations/"+hex(conversation), nil).has(t, 200, m{"data.relationships.customer.data.id": hex(o.customer)})
}

// What was erased is gone here, too, with all that only this door gives back.
func TestErased(t *testing.T) {
	o := open(t, settings(t))
	key := o.key([]string{"org"})
	a := o.post(key, o.conversation, m{"channel": "sms", "app": "a", "preview": "secret", "subject": "secret", "externalId": "secret", "meta": m{"x": "secret"}})
	a.has(t, 201, nil)
	must[*api.Message](t)(o.RecallMessage(t.Context(), a.native("data.id")))
	gone := o.call(key, "GET", "/v1/messages/"+a.at("data.id").(string), nil)
	gone.has(t, 200, m{d + "redacted": true, d + "preview": "", d + "meta": m{}, d + "externalId": nil})
	o.post(key, o.conversation, m{"channel": "sms", "app": "a", "externalId": "secret"}).has(t, 409, nil)
}
