package native_test

import (
	"slices"
	"testing"

	"github.com/parley-server/parley/api"
)

// What somebody wrote is found by its sender wherever it was written, by whoever sees it.
func TestMessagesBySender(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	open := w.sms(t)
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Email: "bo@example.org"}))
	no := false
	closed := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Desk", Connector: "sandbox", Platform: "sms", Open: &no, Members: []string{ana.ID}}))
	key := func(u *api.User) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: u.Name, User: u.ID, Scopes: []string{"messages:read", "messages:send", "conversations:read", "conversations:write"}})).Secret)
	}
	anas, bos := key(ana), key(bo)
	send := func(c *api.Client, to api.Recipient) string {
		return must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: to, Body: api.Text("hello")})).ID
	}
	outside := send(anas, api.Recipient{Address: "phone:+15550100", Channel: open.ID})
	desk := send(anas, api.Recipient{Address: "phone:+15550101", Channel: closed.ID})
	direct := send(anas, api.Recipient{User: bo.ID})
	group := must[*api.Conversation](t)(bos.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: ana.ID}}}))
	note := must[*api.Conversation](t)(bos.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationNote, Visibility: api.VisibleToOrganization}))
	noted := must[*api.Message](t)(anas.SendToConversation(ctx, note.ID, api.SendRequest{Body: api.Text("hello")})).ID
	by := must[*api.Message](t)(w.admin.SendToConversation(ctx, group.ID, api.SendRequest{Body: api.Text("hello")}))
	answered := send(bos, api.Recipient{Address: "phone:+15550100"})
	for _, test := range []struct {
		what   string
		c      *api.Client
		sender string
		want   []string
	}{
		{"Ana's, to the organization", w.admin, ana.ID, []string{noted, direct, desk, outside}},
		{"Ana's, to Ana", anas, ana.ID, []string{noted, direct, desk, outside}},
		{"Ana's, to Bo", bos, ana.ID, []string{noted, direct, outside}},
		{"Bo's, to Ana", anas, bo.ID, []string{answered}},
		{"the organization's, to it", w.admin, by.Author.ID, []string{by.ID}},
		{"the organization's, to Bo", bos, by.Author.ID, []string{by.ID}},
	} {
		for _, limit := range []int{1, 50} {
			var got []string
			for after := ""; ; {
				page := must[*api.List[api.Message]](t)(test.c.ListMessages(ctx, api.MessageFilter{Page: api.Page{Limit: limit, After: after}, Sender: test.sender}))
				for _, m := range page.Data {
					got = append(got, m.ID)
				}
				if page.Next == nil {
					break
				}
				after = *page.Next
			}
			slices.Sort(got) // some were sent within one millisecond
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("%s, pages of %d: %v, want %v", test.what, limit, got, test.want)
			}
		}
	}
}
