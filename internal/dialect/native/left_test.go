package native_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// Whoever has left a conversation is answered the same before and after more is said in it: in the list of conversations,
// in its order and the cursors of its pages, whatever the list is narrowed to.
func TestWhoHasLeftIsAnsweredTheSame(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	user := func(name string) (*api.User, *api.Key) {
		u := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: name, Email: name + "@example.org"}))
		return u, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: name, User: u.ID, Scopes: []string{"messages:read", "messages:send", "conversations:read", "conversations:write"}}))
	}
	ana, anas := user("ana")
	cleo, cleos := user("cleo")
	dora, _ := user("dora")
	a := w.client(t, anas.Secret)
	say := func(conversation string) {
		time.Sleep(2 * time.Millisecond) // a place of its own
		must[*api.Message](t)(a.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text("hello")}))
	}
	var groups []string
	for range 4 {
		time.Sleep(2 * time.Millisecond)
		g := must[*api.Conversation](t)(a.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Tags: []string{"x"},
			Assignees: []api.Assignee{{Kind: "user", ID: ana.ID}}, Participants: []api.NewParticipant{{User: cleo.ID}}}))
		groups = append(groups, g.ID)
	}
	for _, i := range []int{1, 0, 2, 1} {
		say(groups[i])
	}
	var asked []string
	for _, narrowed := range []string{"", "&kind=group", "&status=open", "&status=closed", "&tag=x", "&tag=y", "&assignee=" + ana.ID, "&assignee=none",
		"&participant=" + ana.ID, "&participant=" + cleo.ID, "&participant=" + dora.ID, "&inbox=true", "&inbox=false"} {
		for limit := range 5 {
			asked = append(asked, fmt.Sprintf("/v1/conversations?limit=%d%s", limit+1, narrowed))
		}
	}
	for _, g := range groups {
		asked = append(asked, "/v1/conversations/"+g, "/v1/conversations/"+g+"/participants", "/v1/conversations/"+g+"/messages?limit=1")
	}
	answers := func() map[string]string {
		got := map[string]string{}
		for _, path := range asked {
			for after := ""; ; {
				_, text := w.raw(t, "GET", path+after, cleos.Secret, "")
				got[path] += text + "\n"
				var page struct{ Next *string }
				if err := json.Unmarshal([]byte(text), &page); err != nil {
					t.Fatal(path, text, err)
				}
				if page.Next == nil {
					break
				}
				after = "&after=" + *page.Next
			}
		}
		return got
	}
	same := func(when string, was map[string]string) {
		t.Helper()
		for path, is := range answers() {
			if is != was[path] {
				t.Errorf("%s, %s: %s\nbefore: %s", path, when, is, was[path])
			}
		}
	}
	for _, g := range []string{groups[1], groups[3]} { // in one of them something had been said
		if err := a.RemoveParticipant(ctx, g, cleo.ID); err != nil {
			t.Fatal(err)
		}
	}
	before := answers()
	for range 2 {
		say(groups[1])
		say(groups[3])
		same("when more is said", before)
	}
	say(groups[2]) // which cleo may know
	order := func(narrowed string) (ids []string) {
		f := api.ConversationFilter{Participant: narrowed}
		for _, c := range must[*api.List[api.Conversation]](t)(w.client(t, cleos.Secret).ListConversations(ctx, f)).Data {
			ids = append(ids, c.ID)
		}
		return ids
	}
	if got, want := order(""), []string{groups[2], groups[0], groups[3], groups[1]}; !slices.Equal(got, want) {
		t.Errorf("in the order %v, want %v", got, want)
	}
	must[*api.Participant](t)(a.AddParticipant(ctx, groups[1], api.NewParticipant{User: dora.ID}))
	if got := order(dora.ID); got != nil {
		t.Errorf("who joined later is found: %v", got)
	}
	if err := a.RemoveParticipant(ctx, groups[1], ana.ID); err != nil {
		t.Fatal(err)
	}
	if got, want := order(ana.ID), []string{groups[2], groups[0], groups[1]}; !slices.Equal(got, want) {
		t.Errorf("who left later: %v, want %v", got, want)
	}
}

// Whoever comes back, by whatever request, keeps what was seen before; and in a group that replays its history has all of it.
func TestWhoComesBackKeepsWhatWasSeen(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "ana", Email: "ana@example.org"}))
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "ana", User: ana.ID, Scopes: []string{"messages:read", "conversations:read"}}))
	as := w.client(t, key.Secret)
	group := must[*api.Group](t)(w.admin.CreateGroup(ctx, api.GroupRequest{Members: []string{ana.ID}}))
	replays := true
	replayed := must[*api.Group](t)(w.admin.CreateGroup(ctx, api.GroupRequest{Members: []string{ana.ID}, ReplayHistory: &replays}))
	note := must[*api.Conversation](t)(w.admin.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationNote, Participants: []api.NewParticipant{{User: ana.ID}}}))
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "team", Members: []string{ana.ID}}))
	teams := must[*api.List[api.Conversation]](t)(w.admin.ListConversations(ctx, api.ConversationFilter{Kind: "team"}))
	goes := func(conversation string) error { return w.admin.RemoveParticipant(ctx, conversation, ana.ID) }
	comes := func(conversation string) error {
		_, err := w.admin.AddParticipant(ctx, conversation, api.NewParticipant{User: ana.ID})
		return err
	}
	for _, test := range []struct {
		what, conversation string
		goes, comes        func(conversation string) error
		want               []string
	}{
		{"group", group.ID, goes, comes, []string{"after", "before"}},
		{"group that replays", replayed.ID, goes, comes, []string{"after", "meanwhile", "before"}},
		{"note", note.ID, goes, comes, []string{"after", "before"}},
		{"team", teams.Data[0].ID, func(string) error { return w.admin.RemoveTeamMember(ctx, team.ID, ana.ID) }, func(string) error {
			_, err := w.admin.AddTeamMembers(ctx, team.ID, api.TeamMembers{Users: []string{ana.ID}})
			return err
		}, []string{"after", "before"}},
	} {
		say := func(text string) {
			must[*api.Message](t)(w.admin.SendToConversation(ctx, test.conversation, api.SendRequest{Body: api.Text(text)}))
		}
		say("before")
		if err := test.goes(test.conversation); err != nil {
			t.Fatal(test.what, err)
		}
		say("meanwhile")
		if err := test.comes(test.conversation); err != nil {
			t.Fatal(test.what, err)
		}
		say("after")
		var got []string
		for _, m := range must[*api.List[api.Message]](t)(as.ListConversationMessages(ctx, test.conversation, api.Page{})).Data {
			got = append(got, m.Text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("who comes back into a %s sees %q, want %q", test.what, got, test.want)
		}
		if c := must[*api.Conversation](t)(as.GetConversation(ctx, test.conversation)); c.Unread != len(test.want) {
			t.Errorf("who comes back into a %s has not read %d, want %d", test.what, c.Unread, len(test.want))
		}
	}
}
