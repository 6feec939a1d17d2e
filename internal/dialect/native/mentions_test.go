package native_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-server/parley/api"
)

// mentioned are the texts of the messages that mention somebody, newest first.
func mentioned(t *testing.T, c *api.Client) (texts []string) {
	t.Helper()
	for m, err := range api.All(func(after string) (*api.List[api.Mention], error) {
		return c.ListMentions(t.Context(), api.Page{After: after, Limit: 1})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		text := m.Message.Text
		if m.Message.Removed != nil {
			text = string(m.Message.Removed.Reason)
		}
		texts = append(texts, text)
	}
	return texts
}

// Mentions are found wherever their messages are by now, without content that is gone, and not by who may not see it.
func TestMentionsFollowTheirMessages(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	ben := api.Actor{Kind: api.ActorUser, ID: d.users[1]}
	say := func(conversation, text string) *api.Message {
		return must[*api.Message](t)(d.ana.SendToConversation(ctx, conversation, api.SendRequest{Internal: conversation == d.conversation, Body: api.Body{{Kind: api.PartMention, Who: &ben}, {Kind: api.PartText, Text: text}}}))
	}
	mail := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true})).ID
	must[*api.Contact](t)(d.admin.AddContactAddress(ctx, d.contact, api.Address{Kind: "email", Value: "yan@example.org"}))
	other := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationExternal, Channel: mail, Participants: []api.NewParticipant{{Contact: d.contact}}})).ID
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: d.users[1]}}})).ID
	moved, _, recalled := say(d.conversation, " moved"), say(d.conversation, " merged"), say(d.conversation, " recalled")
	say(group, " before")
	must[*api.Message](t)(d.ana.MoveMessage(ctx, moved.ID, api.MessageMove{Conversation: other}))
	must[*api.Conversation](t)(d.ana.MergeConversation(ctx, d.conversation, api.ConversationMerge{Into: other}))
	must[*api.Message](t)(d.ana.RecallMessage(ctx, recalled.ID))
	if err := d.ana.RemoveParticipant(ctx, group, d.users[1]); err != nil {
		t.Fatal(err)
	}
	want := []string{"@Ben before", "recalled", "@Ben merged", "@Ben moved"}
	if got := mentioned(t, d.ben); !slices.Equal(got, want) {
		t.Errorf("ben is mentioned in %q, want %q", got, want)
	}
	for what, c := range map[string]*api.Client{"ana": d.ana, "another organization": d.client(t, d.organization(t, "Beta").Key.Token)} {
		if got := mentioned(t, c); len(got) != 0 {
			t.Errorf("%s is mentioned in %q", what, fmt.Sprint(got))
		}
	}
}

// An edit tells those whom it mentions anew, takes a message from the list of those whom it mentions no more, and leaves alone
// whoever has left since.
func TestMentionsFollowEdits(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	cleo := must[*api.User](t)(d.admin.CreateUser(ctx, api.UserRequest{Name: "Cleo", Email: "cleo@example.org"})).ID
	cleos := d.client(t, must[*api.Key](t)(d.admin.CreateKey(ctx, api.KeyRequest{Name: "c", User: cleo, Scopes: scopesOfUsers()})).Secret)
	team := must[*api.Team](t)(d.admin.CreateTeam(ctx, api.TeamRequest{Name: "Both", Members: []string{d.users[1], cleo}})).ID
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: d.users[1]}, {User: cleo}}})).ID
	body := func(text string, who ...api.Actor) (b api.Body) {
		for i := range who {
			b = append(b, api.Part{Kind: api.PartMention, Who: &who[i]})
		}
		return append(b, api.Part{Kind: api.PartText, Text: text})
	}
	ben, both := api.Actor{Kind: api.ActorUser, ID: d.users[1]}, api.Actor{Kind: api.ActorTeam, ID: team}
	m := must[*api.Message](t)(d.ana.SendToConversation(ctx, group, api.SendRequest{Body: body("one", ben)})).ID
	wants := func(what string, ofBen, ofCleo int) {
		t.Helper()
		if b, c := mentioned(t, d.ben), mentioned(t, cleos); len(b) != ofBen || len(c) != ofCleo {
			t.Errorf("%s: ben is mentioned in %q, cleo in %q", what, b, c)
		}
	}
	edit := func(b api.Body) { must[*api.Message](t)(d.ana.EditMessage(ctx, m, api.MessagePatch{Body: b})) }
	wants("as sent", 1, 0)
	edit(body("two", ben, both))
	wants("ben and his team", 1, 1)
	edit(body("three", both))
	wants("the team", 1, 1)
	edit(body("four", ben))
	wants("ben again", 1, 0)
	edit(body("five"))
	wants("nobody", 0, 0)
	edit(body("six", ben))
	if err := d.ana.RemoveParticipant(ctx, group, d.users[1]); err != nil {
		t.Fatal(err)
	}
	edit(body("seven", ben)) // who is there no more
	_, err := d.ana.EditMessage(ctx, m, api.MessagePatch{Body: body("eight", ben, api.Actor{Kind: api.ActorUser, ID: d.users[0]}, both)})
	if err != nil { // cleo of the team is there
		t.Error(err)
	}
	wants("at the end", 1, 1)
}
