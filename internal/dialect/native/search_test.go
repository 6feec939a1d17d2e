package native_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

func found(page *api.SearchPage[api.MessageFound]) (texts []string) {
	for _, f := range page.Data {
		texts = append(texts, f.Message.Text)
	}
	return texts
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	ben := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ben", Email: "ben@example.org"}))
	key := func(user string) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "k", User: user, Scopes: scopesOfUsers()})).Secret)
	}
	asAna, asBen := key(ana.ID), key(ben.ID)
	contact := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Cleo Zürich", Addresses: []api.Address{{Kind: "phone", Value: "+1 (555) 0100 100"}}}))
	must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
	for i := range 5 {
		must[*api.Message](t)(asAna.Send(ctx, api.SendRequest{To: api.Recipient{Contact: contact.ID}, Body: api.Text(fmt.Sprint("Your crème brûlée ", i)), Tags: []string{fmt.Sprint("n", i%2)}}))
	}
	file := must[*api.Media](t)(asAna.UploadMedia(ctx, "menu.txt", "text/plain", strings.NewReader("x")))
	must[*api.Message](t)(asAna.Send(ctx, api.SendRequest{To: api.Recipient{User: w.me(t)}, Body: api.Text("a secret crème"), Attachments: []string{file.ID}}))
	last := must[*api.EventPage](t)(w.admin.ListEvents(ctx, api.EventFilter{After: api.FromLatest})).Through
	w.index(t)

	page := must[*api.SearchPage[api.MessageFound]](t)(asAna.SearchMessages(ctx, api.MessageSearch{Q: "CREME bru"}))
	if len(page.Data) != 5 || page.Next != nil || page.Through != last || page.Filling || page.Partial {
		t.Errorf("found %+v", page)
	}
	if got := fmt.Sprint(page.Data[0].Snippets); got != "[{body [{Your  false} {crème true} {  false} {brûlée true} { 4 false}]}]" {
		t.Errorf("snippets: %s", got)
	}
	var all []string
	for after := ""; ; {
		page := must[*api.SearchPage[api.MessageFound]](t)(asAna.SearchMessages(ctx, api.MessageSearch{Q: "creme", Page: api.Page{Limit: 2, After: after}}))
		all = append(all, found(page)...)
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	if len(all) != 6 || all[0] != "a secret crème" || all[5] != "Your crème brûlée 0" {
		t.Errorf("page by page: %q", all)
	}
	for want, search := range map[int]api.MessageSearch{
		0: {Q: "creme", HasAttachment: "false", Direction: "inbound"}, 1: {Q: "menu", HasAttachment: "true"}, 2: {Q: "creme", Tag: "n1", Author: ana.ID},
		3: {Q: "creme", Tag: "n0", To: time.Now().Add(time.Hour)}, 5: {Q: "creme", Kind: "message", Direction: "outbound", From: time.Now().Add(-time.Hour)},
		6: {Author: ana.ID},
	} {
		if page := must[*api.SearchPage[api.MessageFound]](t)(asAna.SearchMessages(ctx, search)); len(page.Data) != want {
			t.Errorf("%+v: %d found, want %d", search, len(page.Data), want)
		}
	}
	if page := must[*api.SearchPage[api.MessageFound]](t)(asBen.SearchMessages(ctx, api.MessageSearch{Q: "creme"})); len(page.Data) != 5 {
		t.Errorf("Ben finds %q", found(page))
	}
	contacts := must[*api.SearchPage[api.ContactFound]](t)(asBen.SearchContacts(ctx, api.ContactSearch{Q: "zurich 5550100100"}))
	if len(contacts.Data) != 1 || contacts.Data[0].Contact.ID != contact.ID || len(contacts.Data[0].Snippets) != 2 {
		t.Errorf("contacts: %+v", contacts)
	}
	conversations := must[*api.SearchPage[api.ConversationFound]](t)(asBen.SearchConversations(ctx, api.ConversationSearch{Q: "cleo", Kind: "external"}))
	if len(conversations.Data) != 1 || len(conversations.Data[0].Conversation.Participants) == 0 {
		t.Errorf("conversations: %+v", conversations)
	}
	if page := must[*api.SearchPage[api.ConversationFound]](t)(asBen.SearchConversations(ctx, api.ConversationSearch{Kind: "direct"})); len(page.Data) != 0 {
		t.Errorf("the conversations of others: %+v", page)
	}
}

// me is the user of the organization's key.
func (w *world) me(t *testing.T) string {
	t.Helper()
	page := must[*api.List[api.User]](t)(w.admin.ListUsers(t.Context(), api.UserFilter{}))
	for _, u := range page.Data {
		if u.Machine {
			return u.ID
		}
	}
	t.Fatal("there is no machine user")
	return ""
}

// TestAnyTextMayBeLookedFor: no text is an error.
func TestAnyTextMayBeLookedFor(t *testing.T) {
	w := newWorld(t)
	must[*api.Contact](t)(w.admin.CreateContact(t.Context(), api.ContactRequest{Name: "Robert'); DROP TABLE contacts;--"}))
	w.index(t)
	for _, q := range []string{"", " ", `"`, `""`, "-", "--", `-"`, "*", "a*", "a OR b", "NEAR(a b)", "NOT", "(", ")", "a AND", "'; DROP TABLE messages;--", "%", "_", `\`, "\x7f", "\t\r\n",
		"{}[]^~:!?", "a:b", "title:x", "🙂", "\u202e", "é\u0301\u0301", strings.Repeat("a", 3000), strings.Repeat("a ", 3000), strings.Repeat(`"a b" -c `, 300), strings.Repeat("東", 500), "#12345678", "c:x"} {
		for _, what := range []string{"messages", "contacts", "conversations"} {
			answer, text := w.raw(t, http.MethodGet, "/v1/search/"+what+"?q="+url.QueryEscape(q), w.token, "")
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s for %q: %d %s", what, q, answer.StatusCode, text)
			}
		}
	}
	page := must[*api.SearchPage[api.ContactFound]](t)(w.admin.SearchContacts(t.Context(), api.ContactSearch{Q: "robert'); drop"}))
	if len(page.Data) != 1 {
		t.Errorf("found %+v", page)
	}
}
