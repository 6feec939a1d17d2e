package escalation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/core/profiles"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	kept "github.com/parley-server/parley/internal/store/escalation"
)

// pager has what escalates go out by text message, a minute after it came to somebody; all but ana have phones.
func (w *ward) pager(steps ...parley.EscalationStep) {
	w.T.Helper()
	list := []parley.Fallback{{Channel: w.Channel(w.Admin, "sms").ID, After: time.Minute, On: parley.OnUnread}}
	for i, p := range []*access.Principal{w.ben, w.cleo, w.dora} {
		phone := fmt.Sprintf("+1555010000%d", i+1)
		w.Must(w.Profiles.Change(w.T.Context(), w.Admin, p.User, profiles.Patch{Phone: &phone}, 0))
	}
	for i := range steps {
		steps[i].Fallback = list
	}
	w.escalates(true, steps...)
	_, err := w.Escalations.UpdatePolicy(w.T.Context(), w.Admin, w.policy.ID, escalation.Patch{Fallback: &list}, 0)
	w.Must(err)
}

// wantFallbacks checks what fallbacks of an escalation made: at which level, for whom, and where it stands.
func (w *ward) wantFallbacks(p *access.Principal, e *parley.Escalation, want ...string) {
	w.T.Helper()
	list, err := w.Escalations.Fallbacks(w.T.Context(), p, e.ID, 0, 100)
	w.Must(err)
	var got []string
	for _, f := range list {
		got = append(got, fmt.Sprint(f.Level, " ", f.User.Name, " ", f.State, f.Code))
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the fallbacks are %q, want %q", got, want)
	}
}

// TestFallbacks: what is due late goes out once, before the next level is asked, and each item says so to whoever is there; who is not
// does not see it.
func TestFallbacks(t *testing.T) {
	w := newWard(t)
	w.pager(step(5*time.Minute, role(w.doctor)), step(5*time.Minute, user(w.cleo)))
	m := w.ask(w.ana, "Bed 4", false)
	e := w.of(m)
	w.pass(10 * time.Minute) // nothing was done in time
	w.turn()
	w.reads(w.ben, m.Conversation, &e, "Ana: Bed 4", "Ana: Ana wants to know that somebody takes note: escalation CODE. (started 0 )",
		"system: Escalation CODE goes out to Ben by sms. (fallback 0 )", "system: Escalation CODE came to level 1: Dora. (raised 1 timeout)")
	w.wantFallbacks(w.ben, &e, "0 Ben queued")
	_, err := w.Escalations.Fallbacks(t.Context(), w.cleo, e.ID, 0, 100)
	w.Refused(err, parley.KindNotFound, "not-found")
	w.in(w.nurse, w.cleo) // comes later, and has not read it either
	w.in(w.doctor, w.ben) // has been asked
	w.pass(time.Minute)
	e = w.want(m, parley.EscalationActive, 1)
	w.wantFallbacks(w.dora, &e, "0 Ben queued", "1 Dora queued")
	w.reads(w.dora, e.Group, &e, "Ana: Bed 4", "system: Escalation CODE came to level 1: Dora. (raised 1 timeout)",
		"system: Escalation CODE goes out to Dora by sms. (fallback 1 )")
	w.pass(10 * time.Minute)
	w.wantFallbacks(w.ana, &e, "0 Ben queued", "1 Dora queued")
	w.want(m, parley.EscalationUnanswered, 1) // cleo had it already
	w.pass(time.Hour)
	w.wantFallbacks(w.ana, &e, "0 Ben queued", "1 Dora queued")
	w.wantEvents(m, "active 0", "active 1", "active 1", "unanswered 1")

	second := w.ask(w.ana, "Bed 5", false)
	w.Must(w.Core.MarkRead(t.Context(), w.cleo, second.ID))
	w.pass(time.Minute)
	e = w.want(second, parley.EscalationActive, 0)
	w.wantFallbacks(w.ana, &e, "0 Ben queued")
	w.Must(w.Directory.DeleteChannel(t.Context(), w.Admin, w.policy.Steps[0].Fallback[0].Channel, 0))
	w.pass(5 * time.Minute)
	w.pass(time.Minute)
	e = w.of(second)
	w.wantFallbacks(w.ana, &e, "0 Ben queued", "1 Dora skippedchannel-deleted")
}

// TestGroupStays: what has nothing to do with the end of an escalation does not close its group.
func TestGroupStays(t *testing.T) {
	w := newWard(t)
	w.pager(step(5*time.Minute, role(w.doctor)))
	m := w.ask(w.ana, "Bed 4", false)
	w.pass(5 * time.Minute)
	e := w.of(m)
	w.Must(w.Core.Acknowledge(t.Context(), w.dora, e.Copy))
	w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
		return tx.Hasten(kept.JobEscalate, []store.JobRef{{Organization: w.Admin.Organization, ID: store.JobID(kept.JobEscalate, string(e.ID))}})
	}))
	w.turn()
	if got := w.members(e.Group); got != "Ana Ben Doctor Dora Nurse" {
		t.Errorf("in the group are %s", got)
	}
	w.pass(time.Hour)
	if got := w.members(e.Group); got != "" {
		t.Errorf("in the group are %s", got)
	}
}
