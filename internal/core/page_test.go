package core_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/pages"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// called are the events of pages after one, as type, status, reminder and user.
func called(w *coretest.World, after int64) (list []string) {
	w.T.Helper()
	for _, e := range w.Events(w.Admin, after) {
		switch e.Type {
		case parley.EventPageCreated, parley.EventPageReminded, parley.EventPageResolved:
			list = append(list, fmt.Sprintf("%s %s %d", e.Type, e.Data.Status, e.Data.Number))
		}
	}
	return list
}

// remindAll does what is due, on several nodes at once.
func remindAll(w *coretest.World) {
	w.T.Helper()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := w.Pages.Remind(w.T.Context(), 10); err != nil {
				w.T.Error(err)
			}
		})
	}
	all.Wait()
}

// note makes a conversation that everybody sees.
func note(w *coretest.World, p *access.Principal) parley.ID {
	w.T.Helper()
	c, _, err := w.CreateConversation(w.T.Context(), p, thread.ConversationParams{Kind: parley.ConversationNote, Visibility: parley.VisibleToOrganization}, nil)
	w.Must(err)
	return c.ID
}

// Whoever is paged is reminded, each time once, until somebody comes or it has been often enough.
func TestPagesRemind(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	c := note(w, ana)
	three := 3
	page, _, err := w.Pages.Call(t.Context(), ana, c, pages.Params{Who: parley.Actor{Kind: parley.ActorUser, ID: ben.User}, Text: "Come", Paging: parley.Paging{RemindEvery: 60, Reminders: &three}})
	w.Must(err)
	for range 5 {
		remindAll(w)
		w.Advance(time.Minute + time.Second)
		remindAll(w)
	}
	want := []string{"page.created normal 0", "page.reminded normal 1", "page.reminded normal 2", "page.reminded normal 3"}
	if got := called(w, 0); !slices.Equal(got, want) {
		t.Errorf("events: %q, want %q", got, want)
	}
	got, err := w.Pages.Get(t.Context(), ben, page.ID)
	w.Must(err)
	if got.Reminded != 3 || got.State != parley.PageOpen {
		t.Errorf("the page: %+v", got)
	}
	urgent, _, err := w.Pages.Call(t.Context(), ana, c, pages.Params{Who: parley.Actor{Kind: parley.ActorUser, ID: ben.User}, Paging: parley.Paging{Urgency: parley.UrgencyHigh}})
	w.Must(err)
	if urgent.RemindEvery != 2*time.Minute || urgent.Reminders != 10 {
		t.Errorf("an urgent one: %+v", urgent)
	}
	_, latest, err := w.EventRange(t.Context(), w.Admin)
	w.Must(err)
	w.Advance(2*time.Minute + time.Second)
	remindAll(w)
	_, err = w.Pages.Resolve(t.Context(), ben, urgent.ID)
	w.Must(err)
	w.Advance(time.Hour)
	remindAll(w)
	if got, want := called(w, latest), []string{"page.reminded high 1", "page.resolved resolved 0"}; !slices.Equal(got, want) {
		t.Errorf("events: %q, want %q", got, want)
	}
}

// A page ends when there is nobody to come, or nothing to come for; one that each resolves when all have who still can.
func TestPagesEndByThemselves(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	c := note(w, ana)
	team, _, err := w.Directory.CreateTeam(t.Context(), w.Admin, directory.TeamParams{Name: "Night", Members: []parley.ID{ben.User, cleo.User}}, nil)
	w.Must(err)
	call := func(who parley.Actor, each bool) parley.Page {
		page, _, err := w.Pages.Call(t.Context(), ana, c, pages.Params{Who: who, Paging: parley.Paging{RemindEvery: 60, Each: each}})
		w.Must(err)
		return page
	}
	toBen := call(parley.Actor{Kind: parley.ActorUser, ID: ben.User}, false)
	recalled := call(parley.Actor{Kind: parley.ActorUser, ID: cleo.User}, false)
	toAll := call(parley.Actor{Kind: parley.ActorTeam, ID: team.ID}, true)
	toTeam := call(parley.Actor{Kind: parley.ActorTeam, ID: team.ID}, false)
	_, err = w.Pages.Resolve(t.Context(), cleo, toAll.ID)
	w.Must(err)
	_, err = w.Recall(t.Context(), ana, recalled.Message)
	w.Must(err)
	once, _, err := w.Pages.Call(t.Context(), ana, c, pages.Params{Who: parley.Actor{Kind: parley.ActorUser, ID: ben.User}}) // without reminders
	w.Must(err)
	no, end := false, int64(len(w.Events(w.Admin, 0)))
	_, err = w.Directory.UpdateUser(t.Context(), w.Admin, ben.User, directory.UserPatch{Active: &no}, 0)
	w.Must(err)
	if got := called(w, end); !slices.Equal(got, []string{"page.resolved canceled 0", "page.resolved canceled 0"}) {
		t.Errorf("when the user is gone: %q", got)
	}
	w.Advance(time.Minute + time.Second)
	remindAll(w)
	state := func(id parley.ID) parley.PageState {
		page, err := w.Pages.Get(t.Context(), ana, id)
		w.Must(err)
		return page.State
	}
	if got := []parley.PageState{state(toBen.ID), state(once.ID), state(recalled.ID), state(toAll.ID), state(toTeam.ID)}; !slices.Equal(got, []parley.PageState{parley.PageCanceled, parley.PageCanceled, parley.PageCanceled, parley.PageResolved, parley.PageOpen}) {
		t.Errorf("states: %q", got)
	}
	w.Must(w.Directory.DeleteTeam(t.Context(), w.Admin, team.ID, 0))
	if got := state(toTeam.ID); got != parley.PageCanceled {
		t.Errorf("of a team that is gone: %s", got)
	}
}

// A scheduled message pages when it is sent; a record of what happened elsewhere pages nobody.
func TestPagesOfScheduledMessages(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	body := []parley.Part{{Kind: parley.PartPage, Who: parley.Actor{Kind: parley.ActorUser, ID: ben.User}, Paging: &parley.Paging{Urgency: parley.UrgencyHigh}}, {Kind: parley.PartText, Text: " soon"}}
	later := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: body, SendAt: w.Now().Add(time.Hour)})
	w.Send(w.Admin, core.SendParams{To: core.To{Conversation: note(w, w.Admin)}, Body: body, Record: &core.Record{Direction: parley.NoDirection}})
	if got := called(w, 0); len(got) != 0 {
		t.Errorf("events before: %q", got)
	}
	w.Advance(time.Hour + time.Second)
	_, err := w.Publish(t.Context(), 10)
	w.Must(err)
	if got := called(w, 0); !slices.Equal(got, []string{"page.created high 0"}) {
		t.Errorf("events: %q", got)
	}
	m, err := w.Message(t.Context(), ben, later.ID)
	w.Must(err)
	if m.Body[0].Who.Name != "ben" || m.Body[0].Paging == nil {
		t.Errorf("the message: %+v", m.Body)
	}
}
