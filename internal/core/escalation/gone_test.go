package escalation_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/parley"
)

func userPatch(active *bool) directory.UserPatch { return directory.UserPatch{Active: active} }

// TestGone: the copy in the group goes with the message, and what is gone escalates no more.
func TestGone(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(true, step(time.Hour, role(w.doctor)))
	text := func(id parley.ID) string {
		t.Helper()
		m, err := w.Message(ctx, w.Admin, id)
		if w.Must(err); m.Removed != "" {
			return string(m.Removed)
		}
		return m.Body[0].Text
	}
	follow := func() {
		t.Helper()
		for n := 1; n > 0; {
			var err error
			n, err = w.EraseCopies(ctx)
			w.Must(err)
		}
	}
	file := w.File(w.ana, "a.txt", "a file")
	m := w.Send(w.ana, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text("Bed 4"), Attachments: []parley.ID{file.ID}, Priority: parley.PriorityHigh})
	w.pass(5 * time.Minute)
	e := w.want(m, parley.EscalationActive, 1)
	c, err := w.Message(ctx, w.dora, e.Copy)
	if w.Must(err); c.Parent != m.ID || c.Author.ID != w.ana.User || c.Priority != parley.PriorityHigh || !c.RequestAck || !m.RequestAck || len(c.Attachments) != 1 || text(e.Copy) != "Bed 4" {
		t.Errorf("the copy is %+v", c)
	}
	_, err = w.Edit(ctx, w.ana, m.ID, coretest.Text("Bed 5"))
	w.Must(err)
	if got := text(e.Copy); got != "Bed 5" {
		t.Errorf("after an edit the copy says %q", got)
	}
	_, err = w.Recall(ctx, w.ana, m.ID)
	w.Must(err)
	follow()
	if e := w.want(m, parley.EscalationCanceled, 1); e.Reason != "recalled" || e.EndedBy != "" || text(e.Copy) != "recalled" {
		t.Errorf("after a recall: %+v, %q", e, text(e.Copy))
	}
	w.pass(time.Hour)
	if got := w.members(e.Group); got != "" {
		t.Errorf("in the group are %s", got)
	}

	m = w.ask(w.ana, "over", false)
	w.pass(5 * time.Minute)
	e = w.of(m)
	_, err = w.Escalations.Acknowledge(ctx, w.dora, e.ID, 0)
	w.Must(err)
	keep := 24 * time.Hour
	_, err = w.Directory.UpdateOrganization(ctx, w.Admin, directory.OrganizationPatch{Retention: map[parley.ConversationKind]*time.Duration{parley.ConversationRole: &keep}}, 0)
	w.Must(err)
	w.pass(25 * time.Hour)
	w.Must(erasure.NewSweeper(erasure.SweeperOptions{Store: w.Store, Retention: erasure.Retention{Events: 365 * keep}}).Sweep(ctx))
	follow()
	if got := text(m.ID) + " " + text(e.Copy); got != "expired expired" || w.of(m).State != parley.EscalationAcknowledged {
		t.Errorf("after it was kept for long enough they say %s", got)
	}

	m = w.Send(w.ana, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text("short"), TTL: 10 * time.Minute})
	w.pass(5 * time.Minute)
	e = w.want(m, parley.EscalationActive, 1)
	w.Advance(5*time.Minute + time.Second)
	if got := text(e.Copy); got != "expired" {
		t.Errorf("at the end of its life the copy says %q", got)
	}
	_, err = w.Expire(ctx)
	w.Must(err)
	if e := w.want(m, parley.EscalationCanceled, 1); e.Reason != "expired" {
		t.Errorf("after its life: %+v", e)
	}
	w.turn()

	m = w.Send(w.ana, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text("once"), DeleteOnRead: true})
	w.Must(w.MarkRead(ctx, w.ben, m.ID))
	w.Advance(2 * time.Minute)
	_, err = w.Hide(ctx)
	w.Must(err)
	w.pass(3 * time.Minute)
	if e = w.want(m, parley.EscalationActive, 1); text(m.ID) != "read" || e.Copy != "" {
		t.Errorf("what was only read: %+v, %s", e, text(m.ID))
	}
	w.reads(w.dora, e.Group, &e, "system: Escalation CODE came to level 1: Dora. (raised 1 timeout)")
	_, err = w.Escalations.Acknowledge(ctx, w.dora, e.ID, 0)
	w.Must(err)
}
