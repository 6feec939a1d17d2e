package escalation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
)

// TestEscalation: a message that nobody acknowledges comes to one after the other, until somebody does.
func TestEscalation(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(false, step(10*time.Minute, role(w.doctor)), step(10*time.Minute, user(w.cleo)))
	m := w.ask(w.ana, "Bed 4", true)
	e := w.want(m, parley.EscalationActive, 0)
	if e.Originator != w.ana.User || e.StartedBy != w.ana.User || e.Role != w.nurse || e.Group != "" || len(e.Code) != 6 || e.DueAt.Sub(e.StartedAt) != 5*time.Minute {
		t.Errorf("%+v", e)
	}
	w.pass(5*time.Minute - time.Second)
	w.want(m, parley.EscalationActive, 0)
	w.pass(time.Second)
	e = w.want(m, parley.EscalationActive, 1)
	if got := w.members(e.Group); got != "Ana Ben Doctor Dora Nurse" {
		t.Errorf("in the group are %s", got)
	}
	started, raised := "Ana: Ana wants to know that somebody takes note: escalation CODE. (started 0 )", "system: Escalation CODE came to level 1: Dora. (raised 1 timeout)"
	for _, p := range []*access.Principal{w.ana, w.ben} {
		w.reads(p, m.Conversation, &e, "Ana: Bed 4", started, raised)
	}
	w.reads(w.dora, m.Conversation, &e)
	w.reads(w.cleo, e.Group, &e)
	w.reads(w.dora, e.Group, &e, "Ana: Bed 4", raised)

	w.pass(10 * time.Minute)
	e = w.want(m, parley.EscalationActive, 2)
	second := "system: Escalation CODE came to level 2: Cleo. (raised 2 timeout)"
	w.reads(w.cleo, e.Group, &e, "Ana: Bed 4", raised, second)
	w.Must(w.Core.Acknowledge(ctx, w.cleo, e.Copy))
	e = w.want(m, parley.EscalationAcknowledged, 2)
	if e.EndedBy != w.cleo.User {
		t.Errorf("it was ended by %q", e.EndedBy)
	}
	acknowledged := "Cleo: Cleo acknowledged escalation CODE. (acknowledged 0 )"
	w.reads(w.ana, m.Conversation, &e, "Ana: Bed 4", started, raised, second, acknowledged)
	w.pass(59 * time.Minute)
	if got := w.members(e.Group); got != "Ana Ben Cleo Doctor Dora Nurse" {
		t.Errorf("in the group are %s", got)
	}
	w.pass(time.Minute)
	if got := w.members(e.Group); got != "" {
		t.Errorf("in the group are %s", got)
	}
	closed := "system: The group of escalation CODE is closed. (closed 0 )"
	w.reads(w.ben, e.Group, &e, "Ana: Bed 4", raised, second, acknowledged, closed)
	if c, err := w.Conversation(ctx, w.Admin, e.Group); err != nil || c.Status != parley.StatusClosed {
		t.Errorf("the group is %s, %v", c.Status, err)
	}
	w.pass(100 * time.Hour)
	w.want(m, parley.EscalationAcknowledged, 2)
	w.out(w.nurse, w.ben)
	w.in(w.nurse, w.ben)
	if got := w.members(e.Group); got != "" {
		t.Errorf("after a change of duty in the closed group are %s", got)
	}
	w.wantEvents(m, "active 0", "active 1", "active 2", "acknowledged 2")
}

// wantEvents checks the events of a message's escalation, which who takes part sees.
func (w *ward) wantEvents(m parley.Message, want ...string) {
	w.T.Helper()
	e := w.of(m)
	var got []string
	for _, event := range w.Events(w.Admin, 0) {
		if event.Type != parley.EventEscalationUpdated || event.Subject != e.ID {
			continue
		}
		got = append(got, event.Data.Status+" "+string(rune('0'+event.Data.Level)))
		audiences, err := w.Audiences(w.T.Context(), w.ana.Organization, []parley.Event{event})
		w.Must(err)
		if event.Conversation != m.Conversation || !audiences[0].Sees(w.ana) || !audiences[0].Sees(w.ben) {
			w.T.Errorf("the event %+v", event)
		}
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the events are %q, want %q", got, want)
	}
}

// TestWays: by every way in which a message is acknowledged its escalation is, and the first one wins.
func TestWays(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(true, step(time.Minute, role(w.doctor)))
	acknowledge := w.Escalations.Acknowledge
	for name, way := range map[string]func(m parley.Message, e parley.Escalation) error{
		"message": func(m parley.Message, _ parley.Escalation) error { return w.Core.Acknowledge(ctx, w.ben, m.ID) },
		"copy":    func(_ parley.Message, e parley.Escalation) error { return w.Core.Acknowledge(ctx, w.ben, e.Copy) },
		"escalation": func(_ parley.Message, e parley.Escalation) error {
			_, err := acknowledge(ctx, w.ben, e.ID, e.Rev)
			return err
		},
	} {
		m := w.ask(w.ana, name, false)
		w.pass(5 * time.Minute)
		e := w.want(m, parley.EscalationActive, 1)
		_, err := acknowledge(ctx, w.ana, e.ID, 0)
		w.Refused(err, parley.KindForbidden, "not-asked")
		_, err = acknowledge(ctx, w.cleo, e.ID, 0)
		w.Refused(err, parley.KindNotFound, "not-found")
		_, err = acknowledge(ctx, w.ben, e.ID, e.Rev-1)
		w.Refused(err, parley.KindPrecondition, "revision-mismatch")
		w.Must(way(m, e))
		if e := w.want(m, parley.EscalationAcknowledged, 1); e.EndedBy != w.ben.User {
			t.Errorf("%s: ended by %s", name, e.EndedBy)
		}
		again, err := acknowledge(ctx, w.ben, e.ID, 0)
		if w.Must(err); again.State != parley.EscalationAcknowledged {
			t.Errorf("a repeat says %s", again.State)
		}
		_, err = acknowledge(ctx, w.dora, e.ID, 0)
		w.Refused(err, parley.KindConflict, "escalation-ended")
		w.Must(w.Core.Acknowledge(ctx, w.dora, e.Copy))
		_, err = w.Escalations.Skip(ctx, w.dora, e.ID, 0)
		w.Refused(err, parley.KindConflict, "escalation-ended")
		_, err = w.Escalations.Cancel(ctx, w.ana, e.ID, 0)
		w.Refused(err, parley.KindConflict, "escalation-ended")
		if e := w.want(m, parley.EscalationAcknowledged, 1); e.EndedBy != w.ben.User {
			t.Errorf("%s: after others came, ended by %s", name, e.EndedBy)
		}
		w.wantEvents(m, "active 0", "active 1", "acknowledged 1")
	}
}

// TestSkipAndCancel: who is asked passes it on, who wrote cancels.
func TestSkipAndCancel(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(false, step(time.Minute, role(w.doctor)), step(time.Minute, user(w.cleo)))
	w.ana, w.ben = w.member(w.ana), w.member(w.ben)
	m := w.ask(w.ana, "Bed 4", true)
	e := w.of(m)
	_, err := w.Escalations.Skip(ctx, w.ana, e.ID, 0)
	w.Refused(err, parley.KindForbidden, "not-asked")
	_, err = w.Escalations.Cancel(ctx, w.ben, e.ID, 0)
	w.Refused(err, parley.KindForbidden, "not-the-author")
	skipped, err := w.Escalations.Skip(ctx, w.ben, e.ID, e.Rev)
	if w.Must(err); skipped.Level != 1 || skipped.DueAt.Sub(w.Now()) > time.Minute {
		t.Errorf("after it was passed on: %+v", skipped)
	}
	_, err = w.Escalations.Skip(ctx, w.ben, e.ID, e.Rev)
	w.Refused(err, parley.KindPrecondition, "revision-mismatch")
	e = w.want(m, parley.EscalationActive, 1)
	w.reads(w.dora, e.Group, &e, "Ana: Bed 4", "Ben: Ben passed escalation CODE on to level 1: Dora. (raised 1 skipped)")
	w.pass(59 * time.Second)
	w.want(m, parley.EscalationActive, 1)
	_, err = w.Escalations.Cancel(ctx, w.ana, e.ID, 0)
	w.Must(err)
	again, err := w.Escalations.Cancel(ctx, w.ana, e.ID, 0)
	if e = w.want(m, parley.EscalationCanceled, 1); err != nil || again.Rev != e.Rev || e.EndedBy != w.ana.User {
		t.Errorf("canceled: %+v, %v", e, err)
	}
	w.pass(time.Hour)
	w.want(m, parley.EscalationCanceled, 1)

	second, replayed, err := w.Escalations.Escalate(ctx, w.ana, m.ID, nil)
	if w.Must(err); replayed || second.ID == e.ID {
		t.Errorf("once more: %+v", second)
	}
	for range 2 {
		_, err = w.Escalations.Skip(ctx, w.ben, second.ID, 0)
		w.Must(err)
	}
	third, err := w.Escalations.Skip(ctx, w.cleo, second.ID, 0)
	if w.Must(err); third.State != parley.EscalationUnanswered || third.EndedBy != "" {
		t.Errorf("after all passed it on: %+v", third)
	}
	w.wantEvents(m, "active 0", "active 1", "active 2", "unanswered 2")
	w.reads(w.cleo, third.Group, &third, "Ana: Bed 4", "Ben: Ben passed escalation CODE on to level 1: Dora. (raised 1 skipped)",
		"Ben: Ben passed escalation CODE on to level 2: Cleo. (raised 2 skipped)", "system: Nobody acknowledged escalation CODE. (unanswered 0 )")
}

// TestNobodyIsThere: a level at which nobody can be asked is passed at once, also the first; after the last one it ends.
func TestNobodyIsThere(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	gone := w.User(w.Admin, "Gus")
	w.escalates(true, step(time.Minute, user(gone)), step(time.Minute, role(w.doctor), user(w.ana)), step(time.Minute, user(w.cleo)), step(time.Minute, user(w.ben)))
	inactive := false
	_, err := w.Directory.UpdateUser(ctx, w.Admin, gone.User, userPatch(&inactive), 0)
	w.Must(err)
	w.out(w.nurse, w.ben)
	w.out(w.doctor, w.dora)
	m := w.ask(w.ana, "Bed 4", false)
	e := w.want(m, parley.EscalationActive, 3)
	one, two := "Ana: Escalation CODE passes level 1: nobody is there. (passed 1 unattended)", "Ana: Escalation CODE passes level 2: whoever is there has it already. (passed 2 circle)"
	started := "Ana: Ana wants to know that somebody takes note: escalation CODE. (started 0 )"
	w.reads(w.ana, m.Conversation, &e, "Ana: Bed 4", started, one, two, "Ana: Escalation CODE came to level 3: Cleo. (raised 3 unattended)")
	if got := w.members(e.Group); got != "Ana Cleo Nurse" {
		t.Errorf("in the group are %s", got)
	}
	w.in(w.nurse, w.ben)
	w.pass(time.Minute)
	e = w.want(m, parley.EscalationUnanswered, 3)
	w.wantEvents(m, "active 3", "unanswered 3")
}

// TestDuty: who comes on duty has the group, with what was said before, and who goes off has not; who is there by name stays.
func TestDuty(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.in(w.nurse, w.ana) // who asks is on duty herself
	eve := w.User(w.Admin, "Eve")
	w.escalates(true, step(time.Hour, role(w.doctor), user(w.cleo)))
	m := w.ask(w.ana, "Bed 4", false)
	w.pass(5 * time.Minute)
	e := w.want(m, parley.EscalationActive, 1)
	members := func(want string) {
		t.Helper()
		if got := w.members(e.Group); got != want {
			t.Errorf("in the group are %s, want %s", got, want)
		}
	}
	members("Ana Ben Cleo Doctor Dora Nurse")
	w.in(w.doctor, w.ben)
	w.out(w.nurse, w.ben)
	members("Ana Ben Cleo Doctor Dora Nurse")
	w.out(w.doctor, w.ben)
	members("Ana Cleo Doctor Dora Nurse")
	w.out(w.nurse, w.ana)
	w.in(w.nurse, w.cleo)
	w.out(w.nurse, w.cleo)
	members("Ana Cleo Doctor Dora Nurse")
	w.out(w.doctor, w.dora)
	w.in(w.nurse, w.dora)
	members("Ana Cleo Doctor Dora Nurse")
	raised := "system: Escalation CODE came to level 1: Dora, Cleo. (raised 1 timeout)"
	raised = "system: Escalation CODE came to level 1: Cleo, Dora. (raised 1 timeout)"
	w.reads(w.dora, e.Group, &e, "Ana: Bed 4", raised)
	w.reads(w.ben, e.Group, &e, "Ana: Bed 4", raised)
	_, err := w.Groups.Add(ctx, w.cleo, e.Group, []parley.ID{w.ben.User, eve.User})
	w.Must(err)
	w.in(w.doctor, w.ben)
	w.out(w.doctor, w.ben)
	members("Ana Ben Cleo Doctor Dora Eve Nurse")
	_, err = w.Escalations.Acknowledge(ctx, eve, e.ID, 0)
	w.Must(err)
	w.Must(w.Groups.Leave(ctx, w.ben, e.Group))
	w.in(w.doctor, w.ben)
	w.out(w.doctor, w.ben)
	members("Ana Cleo Doctor Dora Eve Nurse")
	w.Must(w.Directory.DeleteRole(ctx, w.Admin, w.doctor, 0))
	if c, err := w.Conversation(ctx, w.Admin, e.Group); err != nil || c.Status != parley.StatusOpen {
		t.Errorf("after a role was deleted the group is %s, %v", c.Status, err)
	}
	w.pass(time.Hour)
	members("")
}

// TestWhatEscalates: only what is written to a role with a policy does, when it says so or the policy does.
func TestWhatEscalates(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	refused := func(field, code string, p *access.Principal, params core.SendParams) {
		t.Helper()
		params.Body = coretest.Text("x")
		_, err := w.Core.Send(ctx, p, params)
		w.Refused(err, parley.KindInvalid, code)
		if e := parley.AsError(err); len(e.Fields) == 0 || e.Fields[0].Field != field {
			t.Errorf("%v names another field", err)
		}
	}
	const required = "escalation-policy-required"
	refused("escalate", required, w.ana, core.SendParams{To: core.To{Role: w.nurse}, Escalate: true})
	plain := w.ask(w.ana, "without", false)
	_, _, err := w.Escalations.Escalate(ctx, w.ana, plain.ID, nil)
	w.Refused(err, parley.KindInvalid, required)
	w.escalates(false, step(time.Minute, role(w.doctor)))
	refused("escalate", required, w.ana, core.SendParams{To: core.To{User: w.ben.User}, Escalate: true})
	refused("escalate", required, w.ben, core.SendParams{To: core.To{Conversation: plain.Conversation}, Escalate: true})
	refused("escalate", "not-allowed", w.ana, core.SendParams{To: core.To{Role: w.nurse}, Escalate: true, Internal: true})
	none := func(m parley.Message) {
		t.Helper()
		list, _, err := w.Escalations.List(ctx, w.Admin, escalation.Filter{Message: m.ID}, "", 5)
		if w.Must(err); len(list) > 0 {
			t.Errorf("%q escalates", m.Body[0].Text)
		}
	}
	none(w.ask(w.ana, "does not say so", false))
	w.want(w.Send(w.ana, core.SendParams{To: core.To{Conversation: plain.Conversation}, Body: coretest.Text("into it"), Escalate: true}), parley.EscalationActive, 0)

	key := &access.Idempotency{Key: "k", Method: "POST", Path: "/x", Body: []byte("b")}
	made, replayed, err := w.Escalations.Escalate(ctx, w.ana, plain.ID, key)
	w.Must(err)
	again, repeated, err := w.Escalations.Escalate(ctx, w.ana, plain.ID, key)
	if w.Must(err); made.ID != again.ID || replayed || !repeated {
		t.Errorf("a repeat made %s, not %s", again.ID, made.ID)
	}
	_, _, err = w.Escalations.Escalate(ctx, w.ana, plain.ID, nil)
	w.Refused(err, parley.KindConflict, "already-escalating")
	_, _, err = w.Escalations.Escalate(ctx, w.member(w.ben), plain.ID, nil)
	w.Refused(err, parley.KindForbidden, "not-the-author")
	_, _, err = w.Escalations.Escalate(ctx, w.cleo, plain.ID, nil)
	w.Refused(err, parley.KindNotFound, "not-found")

	w.ask(w.ana, "the route is remembered", false)
	always := true
	_, err = w.Escalations.UpdatePolicy(ctx, w.Admin, w.policy.ID, escalation.Patch{Always: &always}, w.policy.Rev)
	w.Must(err)
	w.want(w.ask(w.ana, "always", false), parley.EscalationActive, 0)
	none(w.Send(w.ben, core.SendParams{To: core.To{Conversation: plain.Conversation}, Body: coretest.Text("an answer")}))
	none(w.Send(w.Admin, core.SendParams{To: core.To{Conversation: plain.Conversation}, Body: coretest.Text("recorded"), Record: &core.Record{Direction: parley.NoDirection}}))
	always = false
	_, err = w.Escalations.UpdatePolicy(ctx, w.Admin, w.policy.ID, escalation.Patch{Always: &always}, 0)
	w.Must(err)
	none(w.ask(w.ana, "not any more", false))
}

// TestScheduled: a scheduled message escalates when it is sent; it is sent also where there is no policy any more.
func TestScheduled(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(false, step(time.Minute, role(w.doctor)))
	later := func() parley.Message {
		return w.Send(w.ana, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text("Bed 4"), Escalate: true, SendAt: w.Now().Add(time.Hour)})
	}
	publish := func() {
		t.Helper()
		w.Advance(time.Hour)
		n, err := w.Publish(ctx, 10)
		if w.Must(err); n != 1 {
			t.Fatalf("published %d", n)
		}
	}
	m := later()
	_, _, err := w.Escalations.Escalate(ctx, w.ana, m.ID, nil)
	w.Refused(err, parley.KindInvalid, "escalation-unsupported")
	w.turn()
	publish()
	e := w.want(m, parley.EscalationActive, 0)
	if e.StartedBy != w.ana.User || e.DueAt.Sub(w.Now()) < 4*time.Minute {
		t.Errorf("%+v", e)
	}
	_, err = w.Escalations.Cancel(ctx, w.ana, e.ID, 0)
	w.Must(err)
	later()
	w.Must(w.Escalations.DeletePolicy(ctx, w.Admin, w.policy.ID, 0))
	publish()
	w.reads(w.ben, m.Conversation, &e, "Ana: Bed 4", "Ana: Ana wants to know that somebody takes note: escalation CODE. (started 0 )",
		"Ana: Ana canceled escalation CODE. (canceled 0 )", "Ana: Bed 4",
		"system: The message does not escalate: the role has no escalation policy any more. (canceled 0 policy-gone)")
}

// TestLate: what is done late is done once, and whoever is asked has all of the time that the policy gives, however late it is.
func TestLate(t *testing.T) {
	w := newWard(t)
	w.escalates(true, step(10*time.Minute, role(w.doctor)), step(10*time.Minute, user(w.cleo)))
	m := w.ask(w.ana, "Bed 4", false)
	w.pass(30 * time.Hour)
	w.pass(10*time.Minute - time.Second)
	w.want(m, parley.EscalationActive, 1)
	w.pass(time.Second)
	e := w.want(m, parley.EscalationActive, 2)
	skipped, err := w.Escalations.Skip(t.Context(), w.cleo, e.ID, 0)
	w.Must(err)
	w.pass(time.Hour) // the time of what was passed on is over too
	if got := w.want(m, parley.EscalationUnanswered, 2); !got.EndedAt.Equal(skipped.EndedAt) {
		t.Errorf("it ended at %s, then at %s", skipped.EndedAt, got.EndedAt)
	}
	w.wantEventsOf(e.ID, "active0 active1 active2 unanswered2")
}
