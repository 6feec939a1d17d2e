package native_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// Whoever has left a conversation sees its messages as they were then: what they are edited to later is said to others, in
// no answer, list, event, version, search or forward.
func TestWhoHasLeftSeesNoEdits(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	bens := must[*api.Key](t)(d.admin.CreateKey(ctx, api.KeyRequest{Name: "ben", User: d.users[1], Scopes: scopesOfUsers()})).Secret
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: d.users[1]}}})).ID
	say := func(text string) string {
		return must[*api.Message](t)(d.ana.SendToConversation(ctx, group, api.SendRequest{Body: api.Text(text)})).ID
	}
	edit := func(message, text string) {
		must[*api.Message](t)(d.ana.EditMessage(ctx, message, api.MessagePatch{Body: api.Text(text)}))
	}
	twice, once := say("first draft"), say("only draft")
	edit(twice, "second draft")
	say("in between")
	if err := d.ana.RemoveParticipant(ctx, group, d.users[1]); err != nil {
		t.Fatal(err)
	}
	say("and after")
	edit(twice, "third kept away")
	edit(once, "also kept away")
	sees := func(what string, c *api.Client, wantTwice, wantOnce string, wantVersions int) {
		t.Helper()
		for id, want := range map[string]string{twice: wantTwice, once: wantOnce} {
			if m := must[*api.Message](t)(c.GetMessage(ctx, id)); m.Text != want || (m.Edits == 0) != m.EditedAt.IsZero() {
				t.Errorf("%s is shown %q, edited %d times, at %v; want %q", what, m.Text, m.Edits, m.EditedAt, want)
			}
			var texts []string
			for _, m := range must[*api.List[api.Message]](t)(c.ListMessages(ctx, api.MessageFilter{Conversation: group})).Data {
				texts = append(texts, m.Text)
			}
			if !slices.Contains(texts, want) {
				t.Errorf("%s lists %q without %q", what, texts, want)
			}
		}
		if n := len(must[*api.List[api.MessageVersion]](t)(c.ListVersions(ctx, twice, api.Page{})).Data); n != wantVersions {
			t.Errorf("%s has %d versions, want %d", what, n, wantVersions)
		}
	}
	sees("who is there", d.ana, "third kept away", "also kept away", 2)
	sees("who has left", d.ben, "second draft", "only draft", 1)
	for _, path := range []string{"/v1/events?limit=200", "/v1/conversations/" + group + "/messages", "/v1/search/messages?q=away", "/v1/mentions"} {
		if answer, text := d.raw(t, "GET", path, bens, ""); answer.StatusCode != 200 || strings.Contains(text, "kept away") {
			t.Errorf("%s answers who has left %d %s", path, answer.StatusCode, text)
		}
	}
	forwarded := must[*api.Message](t)(d.ben.ForwardMessage(ctx, twice, api.SendRequest{To: api.Recipient{User: d.users[0]}}))
	if forwarded.Text != "second draft" {
		t.Errorf("forwarded is %q", forwarded.Text)
	}
	must[*api.Participant](t)(d.ana.AddParticipant(ctx, group, api.NewParticipant{User: d.users[1]}))
	sees("who is back", d.ben, "third kept away", "also kept away", 2)
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

// A message to somebody who was deactivated is refused, whether it names the user or the conversation with that one; notes and
// what happened elsewhere are taken.
func TestNobodyWritesToWhoWasDeactivated(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	say := func() (*api.Message, error) {
		return d.ana.Send(ctx, api.SendRequest{To: api.Recipient{User: d.users[1]}, Body: api.Text("hello")})
	}
	conversation := must[*api.Message](t)(say()).ConversationID
	there := func() (*api.Message, error) {
		return d.ana.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text("hello")})
	}
	must[*api.Message](t)(there())
	active := func(is bool) { must[*api.User](t)(d.admin.PatchUser(ctx, d.users[1], api.UserPatch{Active: &is})) }
	active(false)
	_, err := say()
	wantProblem(t, err, 422, "user-unknown", "to.user")
	_, err = there()
	wantProblem(t, err, 422, "user-unknown", "to")
	must[*api.Message](t)(d.ana.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text("a note"), Internal: true}))
	active(true)
	must[*api.Message](t)(there())
}
