package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

func (w *ward) away(p *access.Principal, params availability.Params) {
	w.T.Helper()
	_, err := w.Availability.Set(w.T.Context(), p, p.User, params, 0)
	w.Must(err)
}

// inbox is what somebody finds in all its conversations, oldest first: who is shown as the author, and the text.
func (w *ward) inbox(p *access.Principal) []string {
	w.T.Helper()
	conversations, _, err := w.Core.Conversations(w.T.Context(), p, core.ConversationFilter{}, "", 100)
	w.Must(err)
	var all []string
	for _, c := range conversations {
		messages, _, err := w.Core.Thread(w.T.Context(), p, c.ID, "", 100)
		w.Must(err)
		for i := len(messages) - 1; i >= 0; i-- {
			m := messages[i]
			if m.Removed != "" {
				continue
			}
			line := m.Author.Name + ": " + strings.ReplaceAll(m.Body[0].Text, "\n", " / ")
			for _, who := range m.OnBehalfOf {
				line += " for " + who.Name
			}
			if m.Notice != nil && m.Notice.Reason != "" {
				line += " [" + m.Notice.Reason + "]"
			}
			all = append(all, line)
		}
	}
	return all
}

func (w *ward) want(p *access.Principal, name string, want ...string) {
	w.T.Helper()
	if got := w.inbox(p); fmt.Sprint(got) != fmt.Sprint(want) {
		w.T.Errorf("%s has\n\t%s\nwant\n\t%s", name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestForwarded: what is written to somebody who is away comes to whom that one named too, each in a conversation of its own,
// which nobody else sees.
func TestForwarded(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy", "Dee")
	ana, bo, cy, dee := u[0], u[1], u[2], u[3]
	w.Say(ana, core.To{User: bo.User}, "before") // a route that is remembered
	w.Say(ana, core.To{User: bo.User}, "again")
	w.away(bo, availability.Params{Text: "On leave", ForwardUser: cy.User})
	first := w.Say(ana, core.To{User: bo.User}, "first")
	second := w.Say(ana, core.To{Conversation: first.Conversation}, "second")
	w.want(bo, "Bo", "Ana: before", "Ana: again", "Ana: first", "Bo: On leave / Forwarded to Cy.", "Ana: second")
	w.want(cy, "Cy", "Ana: first for Bo", "Ana: second for Bo")
	w.want(dee, "Dee")
	if _, err := w.Core.Message(t.Context(), cy, first.ID); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("Cy sees the message to Bo: %v", err)
	}
	copies, _, err := w.Core.Messages(t.Context(), ana, core.MessageFilter{Parent: first.ID}, "", 10)
	w.Must(err)
	if len(copies) != 1 || copies[0].Conversation == first.Conversation {
		t.Fatalf("copies %v", copies)
	}
	// What each does with it is its own.
	w.Must(w.MarkRead(t.Context(), cy, copies[0].ID))
	for id, want := range map[parley.ID]parley.MessageState{first.ID: parley.Sent, copies[0].ID: parley.Read} {
		if m, err := w.Core.Message(t.Context(), ana, id); err != nil || m.State != want {
			t.Errorf("the state is %s, want %s, %v", m.State, want, err)
		}
	}
	w.Say(cy, core.To{Conversation: copies[0].Conversation}, "an answer")
	w.want(bo, "Bo", "Ana: before", "Ana: again", "Ana: first", "Bo: On leave / Forwarded to Cy.", "Ana: second")

	_, err = w.Edit(t.Context(), ana, second.ID, coretest.Text("second, changed"))
	w.Must(err)
	w.want(cy, "Cy", "Ana: first for Bo", "Ana: second, changed for Bo", "Cy: an answer")
	_, err = w.Recall(t.Context(), ana, second.ID)
	w.Must(err)
	_, err = w.EraseCopies(t.Context())
	w.Must(err)
	messages, _, err := w.Core.Thread(t.Context(), cy, copies[0].Conversation, "", 10)
	w.Must(err)
	for _, m := range messages {
		if m.Parent == second.ID && (m.Removed != parley.RemovedRecalled || m.Body != nil) {
			t.Errorf("the copy of what was taken back: %v", m)
		}
	}
	w.Must(w.Availability.Clear(t.Context(), bo, bo.User, 0))
	w.Say(ana, core.To{User: bo.User}, "back")
	if n := len(w.inbox(cy)); n != 2 { // the first and the answer
		t.Errorf("Cy has %d texts after Bo came back", n)
	}
}

// TestToldOnce: who writes to somebody who is away is told once, also when that is set once more; and again when it is turned on
// anew, or comes to others.
func TestToldOnce(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy")
	ana, bo, cy := u[0], u[1], u[2]
	for _, step := range []struct {
		text string
		do   func()
	}{
		{"set", func() { w.away(bo, availability.Params{Text: "away"}) }},
		{"set again", func() { w.away(bo, availability.Params{Text: "away, still"}) }},
		{"forwards", func() { w.away(bo, availability.Params{Text: "away", ForwardUser: cy.User}) }},
		{"forwards still", func() { w.away(bo, availability.Params{Text: "away", ForwardUser: cy.User}) }},
		{"anew", func() {
			w.Must(w.Availability.Clear(t.Context(), bo, bo.User, 0))
			w.away(bo, availability.Params{Text: "away", ForwardUser: cy.User})
		}},
	} {
		time.Sleep(2 * time.Millisecond) // a time of its own
		step.do()
		w.Say(ana, core.To{User: bo.User}, step.text)
	}
	list, _, err := w.Core.Conversations(t.Context(), bo, core.ConversationFilter{}, "", 10)
	w.Must(err)
	w.Say(w.Admin, core.To{Conversation: list[0].ID}, "to both") // from somebody else: both have it
	w.want(cy, "Cy", "Ana: forwards for Bo", "Ana: forwards still for Bo", "Ana: anew for Bo")
	w.want(bo, "Bo", "Ana: set", "Bo: away", "Ana: set again", "Ana: forwards", "Bo: away / Forwarded to Cy.", "Ana: forwards still",
		"Ana: anew", "Bo: away / Forwarded to Cy.", w.Admin.UserName+": to both")
}

// TestForwardedFurther: forwards are followed, and end.
func TestForwardedFurther(t *testing.T) {
	away := func(to *access.Principal) availability.Params { return availability.Params{ForwardUser: to.User} }
	for name, c := range map[string]struct {
		prepare func(w *ward, ana, bo, cy, dee *access.Principal)
		notice  string
		cy, dee []string
	}{
		"on": {func(w *ward, ana, bo, cy, dee *access.Principal) { w.away(bo, away(cy)); w.away(cy, away(dee)) },
			" / Forwarded to Cy. / Forwarded to Dee.", []string{"Ana: x for Bo"}, []string{"Ana: x for Bo for Cy"}},
		"back": {func(w *ward, ana, bo, cy, dee *access.Principal) { w.away(bo, away(cy)); w.away(cy, away(bo)) },
			" / Forwarded to Cy. / It goes no further, as it would come back to somebody who has it. [cycle]", []string{"Ana: x for Bo"}, nil},
		"in a circle": {func(w *ward, ana, bo, cy, dee *access.Principal) {
			w.away(bo, away(cy))
			w.away(cy, away(dee))
			w.away(dee, away(cy))
		},
			" / Forwarded to Cy. / Forwarded to Dee. / It goes no further, as it would come back to somebody who has it. [cycle]", []string{"Ana: x for Bo"}, []string{"Ana: x for Bo for Cy"}},
		"to who wrote": {func(w *ward, ana, bo, cy, dee *access.Principal) { w.away(bo, away(ana)) },
			" / It goes no further, as it would come back to you. [sender]", nil, nil},
		"to one who is gone": {func(w *ward, ana, bo, cy, dee *access.Principal) {
			w.away(bo, away(cy))
			no := false
			_, err := w.Directory.UpdateUser(w.T.Context(), w.Admin, cy.User, directory.UserPatch{Active: &no}, 0)
			w.Must(err)
		}, " / It goes no further, as who would be next is no longer there. [deactivated]", nil, nil},
		"not while there": {func(w *ward, ana, bo, cy, dee *access.Principal) {
			w.away(bo, availability.Params{ForwardUser: cy.User, Until: w.Now().Add(time.Hour)})
			w.Advance(2 * time.Hour)
		}, "", nil, nil},
		"to a role": {func(w *ward, ana, bo, cy, dee *access.Principal) {
			w.makeRole(directory.RoleParams{}, cy, dee)
			w.in(dee)
			w.away(bo, availability.Params{ForwardRole: w.role})
		}, " / Forwarded to Charge nurse.", nil, []string{"Ana: x for Bo"}},
		"to a role that nobody holds": {func(w *ward, ana, bo, cy, dee *access.Principal) {
			w.makeRole(directory.RoleParams{OwnerRequired: true}, cy, dee)
			w.away(bo, availability.Params{ForwardRole: w.role})
		}, " / It goes no further, as nobody is on duty for the role that would be next. [unattended]", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := &ward{World: coretest.New(t)}
			u := w.Users(w.Admin, "Ana", "Bo", "Cy", "Dee")
			c.prepare(w, u[0], u[1], u[2], u[3])
			w.Say(u[0], core.To{User: u[1].User}, "x")
			if c.notice == "" {
				w.want(u[1], "Bo", "Ana: x")
			} else {
				w.want(u[1], "Bo", "Ana: x", "Bo: Please do not disturb."+c.notice)
			}
			w.want(u[2], "Cy", c.cy...)
			w.want(u[3], "Dee", c.dee...)
		})
	}
}

// TestScheduledIsForwarded: what was written before counts when it is sent; notes and records reach nobody else.
func TestScheduledIsForwarded(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy")
	ana, bo, cy := u[0], u[1], u[2]
	w.Send(ana, core.SendParams{To: core.To{User: bo.User}, Body: coretest.Text("later"), SendAt: w.Now().Add(time.Hour)})
	w.away(bo, availability.Params{ForwardUser: cy.User, Until: w.Now().Add(3 * time.Hour)})
	w.want(cy, "Cy")
	w.Advance(2 * time.Hour)
	n, err := w.Publish(t.Context(), 10)
	if w.Must(err); n != 1 {
		t.Fatalf("%d published", n)
	}
	w.want(cy, "Cy", "Ana: later for Bo")
	w.Send(ana, core.SendParams{To: core.To{User: bo.User}, Body: coretest.Text("between us"), Internal: true})
	w.want(cy, "Cy", "Ana: later for Bo")

	// It ends by itself, and tells.
	w.Advance(2 * time.Hour)
	last := w.Events(w.Admin, 0)
	n, err = w.Availability.End(t.Context(), 10)
	if w.Must(err); n != 1 {
		t.Fatalf("%d ended", n)
	}
	told := w.Events(w.Admin, last[len(last)-1].Sequence)
	if len(told) != 1 || told[0].Type != parley.EventUserAvailability || told[0].Subject != bo.User || told[0].Data.Status != "off" || told[0].Data.User != cy.User {
		t.Errorf("told %v", told)
	}
}

// TestRepeatedSendIsForwardedOnce: a request that is made again makes no further copy.
func TestRepeatedSendIsForwardedOnce(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy")
	w.away(u[1], availability.Params{ForwardUser: u[2].User})
	for range 3 {
		w.Send(u[0], core.SendParams{To: core.To{User: u[1].User}, Body: coretest.Text("x"), Idempotency: &access.Idempotency{Key: "k", Method: "POST", Path: "/p"}})
	}
	w.want(u[2], "Cy", "Ana: x for Bo")
}

// TestWhoMayBeAway: everybody for themselves; others need to be allowed to change users.
func TestWhoMayBeAway(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo")
	ctx := t.Context()
	set := func(user parley.ID, params availability.Params, ifMatch int64) error {
		_, err := w.Availability.Set(ctx, w.Admin, user, params, ifMatch)
		return err
	}
	w.Must(set(u[0].User, availability.Params{}, 1))
	w.Refused(set(u[0].User, availability.Params{}, 1), parley.KindPrecondition, "revision-mismatch")
	w.Refused(set(u[0].User, availability.Params{ForwardUser: u[0].User}, 0), parley.KindInvalid, "recipient-self")
	w.Refused(set(u[0].User, availability.Params{ForwardUser: "nobody"}, 0), parley.KindInvalid, "user-unknown")
	w.Refused(set(u[0].User, availability.Params{ForwardRole: "none"}, 0), parley.KindInvalid, "role-unknown")
	w.Refused(set(u[0].User, availability.Params{ForwardRole: "a", ForwardUser: "b"}, 0), parley.KindInvalid, "recipient-ambiguous")
	w.Refused(set(u[0].User, availability.Params{Until: w.Now().Add(-time.Second)}, 0), parley.KindInvalid, "out-of-range")
	w.Refused(set(u[0].User, availability.Params{Text: strings.Repeat("x", 2001)}, 0), parley.KindInvalid, "too-long")
	w.Refused(set("nobody", availability.Params{}, 0), parley.KindNotFound, "not-found")
	w.Refused(w.Availability.Clear(ctx, w.Organization("Beta"), u[0].User, 0), parley.KindNotFound, "not-found")
}

// TestMute: a conversation is muted for one user, who gets everything all the same.
func TestMute(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy")
	ana, bo, cy := u[0], u[1], u[2]
	m := w.Say(ana, core.To{User: bo.User}, "x")
	muted := func(p *access.Principal) *parley.Mute {
		t.Helper()
		c, err := w.Core.Conversation(t.Context(), p, m.Conversation)
		w.Must(err)
		list, _, err := w.Core.Conversations(t.Context(), p, core.ConversationFilter{}, "", 10)
		w.Must(err)
		if (list[0].Muted == nil) != (c.Muted == nil) {
			t.Errorf("in a list it is %v, by itself %v", list[0].Muted, c.Muted)
		}
		return c.Muted
	}
	_, err := w.Availability.Mute(t.Context(), cy, m.Conversation, time.Time{})
	w.Refused(err, parley.KindNotFound, "not-found")
	_, err = w.Availability.Mute(t.Context(), bo, m.Conversation, w.Now().Add(-time.Hour))
	w.Refused(err, parley.KindInvalid, "out-of-range")
	until := w.Now().Add(time.Hour)
	c, err := w.Availability.Mute(t.Context(), bo, m.Conversation, until)
	w.Must(err)
	if c.Muted == nil || muted(bo) == nil || muted(ana) != nil {
		t.Errorf("muted: %v for Bo, %v for Ana", c.Muted, muted(ana))
	}
	events := w.Events(w.Admin, 0)
	last := events[len(events)-1]
	audiences, err := w.Audiences(t.Context(), w.Admin.Organization, []parley.Event{last})
	w.Must(err)
	if last.Type != parley.EventConversationMuted || !audiences[0].Sees(bo) || audiences[0].Sees(ana) {
		t.Errorf("%s: seen by others than who muted", last.Type)
	}
	w.Say(ana, core.To{User: bo.User}, "y")
	w.want(bo, "Bo", "Ana: x", "Ana: y")
	w.Advance(2 * time.Hour)
	if muted(bo) != nil {
		t.Error("muted for too long")
	}
	_, err = w.Availability.Mute(t.Context(), bo, m.Conversation, time.Time{})
	w.Must(err)
	w.Advance(1000 * time.Hour)
	if muted(bo) == nil {
		t.Error("not muted for good")
	}
	w.Must(w.Availability.Unmute(t.Context(), bo, m.Conversation))
	w.Must(w.Availability.Unmute(t.Context(), bo, m.Conversation))
	if muted(bo) != nil {
		t.Error("muted after it was ended")
	}
}
