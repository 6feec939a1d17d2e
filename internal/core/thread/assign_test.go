package thread_test

import (
	"testing"

	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// A conversation is given to those who see it, and to teams of which somebody does. Who has it, and has left, may keep it.
func TestAssigneesSeeWhatTheyGet(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dan")
	ana, ben, cleo, dan := users[0], users[1], users[2], users[3]
	team := func(members ...parley.ID) parley.Assignee {
		made, _, err := w.Directory.CreateTeam(t.Context(), w.Admin, directory.TeamParams{Name: "Night", Members: members}, nil)
		w.Must(err)
		return parley.Assignee{Kind: parley.ActorTeam, ID: made.ID}
	}
	user := func(id parley.ID) parley.Assignee { return parley.Assignee{Kind: parley.ActorUser, ID: id} }
	group, _, err := w.CreateConversation(t.Context(), ana, thread.ConversationParams{Kind: parley.ConversationGroup, Participants: []thread.NewParticipant{{User: ben.User}, {User: cleo.User}}}, nil)
	w.Must(err)
	closed := w.Channel(w.Admin, "chat", ben.User)
	shared, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationNote, Visibility: parley.VisibleToOrganization, Channel: closed.ID}, nil)
	w.Must(err)
	give := func(c parley.ID, list ...parley.Assignee) error {
		_, err := w.UpdateConversation(t.Context(), w.Admin, c, thread.ConversationPatch{Assignees: &list}, 0)
		return err
	}
	add := func(c parley.ID, list ...parley.Assignee) error {
		_, err := w.UpdateConversation(t.Context(), w.Admin, c, thread.ConversationPatch{AddAssignees: list}, 0)
		return err
	}
	machine := w.Admin.User
	for what, err := range map[string]error{
		"a member": give(group.ID, user(ben.User)), "a team with a member": give(group.ID, team(dan.User, ben.User)), "an empty team": add(group.ID, team()),
		"of the channel": give(shared.ID, user(ben.User)), "a machine": add(shared.ID, user(machine)),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for field, err := range map[string]error{
		"assignees[0].id": give(group.ID, user(dan.User)), "assignees[1].id": give(group.ID, user(ben.User), team(dan.User)),
		"addAssignees[0].id": add(group.ID, user(dan.User)), "addAssignees[1].id": add(shared.ID, user(ben.User), user(ana.User), user(ben.User))} {
		if e := parley.AsError(err); err == nil || e.Kind != parley.KindInvalid || len(e.Fields) == 0 || e.Fields[0].Code != "assignee-unseen" {
			t.Errorf("%s: %v", field, err)
		}
	}
	w.Must(give(group.ID, user(cleo.User)))
	w.Must(w.RemoveParticipant(t.Context(), ana, group.ID, thread.NewParticipant{User: cleo.User}))
	w.Must(give(group.ID, user(ben.User), user(cleo.User)))
	w.Must(give(group.ID, user(ben.User)))
	w.Refused(give(group.ID, user(cleo.User)), parley.KindInvalid, "assignee-unseen")
}
