package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

func (w *world) users(t *testing.T, n int) []parley.ID {
	t.Helper()
	ids := make([]parley.ID, n)
	for i := range n {
		ids[i] = made[parley.User](t)(w.CreateUser(background(t), w.admin, directory.UserParams{Name: fmt.Sprint("User ", i)}, nil)).ID
	}
	return ids
}

// present returns who takes part in a team's conversation.
func (w *world) present(t *testing.T, team parley.ID) (parley.Conversation, []parley.ID) {
	t.Helper()
	q := w.store.Read(background(t))
	conversation := must[parley.Conversation](t)(q.ConversationByKey(w.admin.Organization, directory.TeamKey(team)))
	var ids []parley.ID
	for _, p := range must[[]parley.Participant](t)(q.Participants(w.admin.Organization, conversation.ID)) {
		if p.LeftSequence == 0 {
			ids = append(ids, p.ID)
		}
	}
	return conversation, ids
}

func TestTeamAndItsConversation(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	users := w.users(t, 3)
	_, log := w.events(t, w.admin, 0)
	team := made[parley.Team](t)(w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: "Triage", Members: []parley.ID{users[0], users[1], users[0]}}, nil))
	log = w.wantEvents(t, w.admin, log, parley.EventConversationCreated, parley.EventTeamCreated, parley.EventParticipantsChanged)
	want := func(title string, status parley.ConversationStatus, members ...parley.ID) {
		t.Helper()
		conversation, present := w.present(t, team.ID)
		if conversation.Kind != parley.ConversationTeam || conversation.Visibility != parley.VisibleToMembers ||
			conversation.Title != title || conversation.Status != status || !slices.Equal(present, members) {
			t.Errorf("conversation %+v of %v, want %s of %v", conversation, present, title, members)
		}
	}
	want("Triage", parley.StatusOpen, users[0], users[1])

	changed := must[parley.Team](t)(w.AddTeamMembers(ctx, w.admin, team.ID, []parley.ID{users[1], users[2]}))
	if changed.Rev != 2 || !slices.Equal(changed.Members, users) {
		t.Errorf("changed to %+v", changed)
	}
	again := must[parley.Team](t)(w.AddTeamMembers(ctx, w.admin, team.ID, users))
	if again.Rev != 2 {
		t.Errorf("adding nobody made revision %d", again.Rev)
	}
	log = w.wantEvents(t, w.admin, log, parley.EventParticipantsChanged, parley.EventTeamUpdated)
	must[parley.Team](t)(w.RemoveTeamMember(ctx, w.admin, team.ID, users[0]))
	_, err := w.RemoveTeamMember(ctx, w.admin, team.ID, users[0])
	wantError(t, err, parley.KindNotFound, "not-found", "")
	must[parley.Team](t)(w.UpdateTeam(ctx, w.admin, team.ID, directory.TeamPatch{Name: ptr("Front desk")}, 3))
	_, err = w.UpdateTeam(ctx, w.admin, team.ID, directory.TeamPatch{Name: ptr("X")}, 3)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	want("Front desk", parley.StatusOpen, users[1], users[2])
	must[parley.Team](t)(w.AddTeamMembers(ctx, w.admin, team.ID, users[:1]))
	want("Front desk", parley.StatusOpen, users...)
	log = w.wantEvents(t, w.admin, log, parley.EventParticipantsChanged, parley.EventTeamUpdated,
		parley.EventConversationUpdated, parley.EventTeamUpdated, parley.EventParticipantsChanged, parley.EventTeamUpdated)

	if err := w.DeleteTeam(ctx, w.admin, team.ID, 0); err != nil {
		t.Fatal(err)
	}
	want("Front desk", parley.StatusClosed)
	w.wantEvents(t, w.admin, log, parley.EventParticipantsChanged, parley.EventConversationUpdated, parley.EventTeamDeleted)
	_, err = w.Team(ctx, w.admin, team.ID)
	wantError(t, err, parley.KindNotFound, "not-found", "")
}

func TestTeamRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	users := w.users(t, 1)
	other := w.organization(t, "Beta")
	stranger := made[parley.User](t)(w.CreateUser(ctx, other, directory.UserParams{Name: "Eve"}, nil)).ID
	_, log := w.events(t, w.admin, 0)
	_, _, err := w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: ""}, nil)
	wantError(t, err, parley.KindInvalid, "required", "name")
	_, _, err = w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: strings.Repeat("x", 201)}, nil)
	wantError(t, err, parley.KindInvalid, "too-long", "name")
	_, _, err = w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: "A", Members: []parley.ID{users[0], stranger}}, nil)
	wantError(t, err, parley.KindInvalid, "user-unknown", "members[1]")
	_, _, err = w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: "A", Members: make([]parley.ID, 1001)}, nil)
	wantError(t, err, parley.KindInvalid, "too-many", "members")
	w.wantEvents(t, w.admin, log)
	if teams, _, err := w.Teams(ctx, w.admin, "", "", 10); err != nil || len(teams) != 0 {
		t.Errorf("stored %v, %v", teams, err)
	}
	team := made[parley.Team](t)(w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: "A", Members: users}, nil))
	_, err = w.AddTeamMembers(ctx, w.admin, team.ID, nil)
	wantError(t, err, parley.KindInvalid, "required", "users")
	_, err = w.AddTeamMembers(ctx, other, team.ID, []parley.ID{stranger})
	wantError(t, err, parley.KindNotFound, "not-found", "")
}

func TestTeamLists(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	users := w.users(t, 5)
	var teams []parley.ID
	for i := range 5 {
		teams = append(teams, made[parley.Team](t)(w.CreateTeam(ctx, w.admin, directory.TeamParams{Name: fmt.Sprint("Team ", i), Members: users[i:]}, nil)).ID)
	}
	page, next, err := w.Teams(ctx, w.admin, "", "", 3)
	if err != nil || len(page) != 3 || next != teams[2] || len(page[1].Members) != 4 {
		t.Fatalf("page %v, next %s, %v", page, next, err)
	}
	page, next, err = w.Teams(ctx, w.admin, "", next, 3)
	if err != nil || len(page) != 2 || next != "" {
		t.Errorf("page %v, next %s, %v", page, next, err)
	}
	page, next, err = w.Teams(ctx, w.admin, users[1], "", 10)
	if err != nil || len(page) != 2 || next != "" {
		t.Errorf("of a member: %v, next %s, %v", page, next, err)
	}
	members, after, err := w.TeamMembers(ctx, w.admin, teams[0], "", 4)
	if err != nil || len(members) != 4 || members[0].Name != "User 0" || after != users[3] {
		t.Errorf("members %v, next %s, %v", members, after, err)
	}
}

func TestBroadcastMembers(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	users := w.users(t, 2)
	var contacts []parley.ID
	for i := range 5 {
		contacts = append(contacts, made[parley.Contact](t)(w.CreateContact(ctx, w.admin, directory.ContactParams{Name: fmt.Sprint("C", i)}, nil)).ID)
	}
	list := made[parley.Broadcast](t)(w.CreateBroadcast(ctx, w.admin, directory.BroadcastParams{Name: "All"}, nil))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := w.AddBroadcastMembers(ctx, w.admin, list.ID, users, contacts); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := must[parley.Broadcast](t)(w.Broadcast(ctx, w.admin, list.ID))
	if got.MemberCount != 7 || got.Rev != 2 {
		t.Errorf("after five calls for the same: %+v", got)
	}
	var seen []directory.Member
	for after := (parley.BroadcastMember{}); ; {
		page, next, err := w.BroadcastMembers(ctx, w.admin, list.ID, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, page...)
		if after = next; next.ID == "" {
			break
		}
	}
	if len(seen) != 7 || seen[0].Kind != parley.ActorContact || seen[0].Name != "C0" || seen[6].Name != "User 1" {
		t.Errorf("members %v", seen)
	}
	_, log := w.events(t, w.admin, 0)
	if err := w.DeleteContact(ctx, w.admin, contacts[0], 0); err != nil {
		t.Fatal(err)
	}
	w.wantEvents(t, w.admin, log, parley.EventBroadcastUpdated, parley.EventContactDeleted)
	removed := must[parley.Broadcast](t)(w.RemoveBroadcastMembers(ctx, w.admin, list.ID, users[:1], contacts))
	if removed.MemberCount != 1 {
		t.Errorf("after removing all but one: %+v", removed)
	}
	_, err := w.RemoveBroadcastMember(ctx, w.admin, list.ID, parley.BroadcastMember{Kind: parley.ActorUser, ID: users[0]})
	wantError(t, err, parley.KindNotFound, "not-found", "")

	_, err = w.AddBroadcastMembers(ctx, w.admin, list.ID, nil, contacts[:1])
	wantError(t, err, parley.KindInvalid, "contact-unknown", "contacts[0]")
	_, err = w.AddBroadcastMembers(ctx, w.admin, list.ID, nil, nil)
	wantError(t, err, parley.KindInvalid, "required", "users")
	_, err = w.AddBroadcastMembers(ctx, w.admin, list.ID, make([]parley.ID, 600), make([]parley.ID, 600))
	wantError(t, err, parley.KindInvalid, "too-many", "contacts")
	if n := must[parley.Broadcast](t)(w.Broadcast(ctx, w.admin, list.ID)).MemberCount; n != 1 {
		t.Errorf("refused calls left %d members", n)
	}
}

func TestDeletedBroadcastIsEmptied(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	list := made[parley.Broadcast](t)(w.CreateBroadcast(ctx, w.admin, directory.BroadcastParams{Name: "All"}, nil))
	must[parley.Broadcast](t)(w.AddBroadcastMembers(ctx, w.admin, list.ID, w.users(t, 20), nil))
	if err := w.DeleteBroadcast(ctx, w.admin, list.ID, list.Rev); !parley.IsKind(err, parley.KindPrecondition) {
		t.Errorf("deleted at a revision of the past: %v", err)
	}
	if err := w.DeleteBroadcast(ctx, w.admin, list.ID, 0); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		more, err := w.DropMembers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	left, err := w.store.Read(ctx).BroadcastMembers(w.admin.Organization, list.ID, parley.BroadcastMember{}, 10)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if _, err := w.Broadcast(ctx, w.admin, list.ID); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}
