package escalation_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
)

// sees checks who finds an escalation, in lists and by itself.
func (w *ward) sees(e parley.Escalation, want map[*access.Principal]bool) {
	w.T.Helper()
	ctx := w.T.Context()
	for p, sees := range want {
		_, err := w.Escalations.Get(ctx, p, e.ID)
		if (err == nil) != sees || err != nil && !parley.IsKind(err, parley.KindNotFound) {
			w.T.Errorf("%s sees it: %v, want %v", p.UserName, err, sees)
		}
		for name, f := range map[string]escalation.Filter{"all": {}, "message": {Message: e.Message}, "state": {State: e.State}, "role": {Role: e.Role}, "conversation": {Conversation: e.Conversation}} {
			list, _, err := w.Escalations.List(ctx, p, f, "", 200)
			w.Must(err)
			found := false
			for i := range list {
				found = found || list[i].ID == e.ID
			}
			if found != sees {
				w.T.Errorf("the list by %s of %s has it: %v", name, p.UserName, found)
			}
		}
	}
}

// TestSight: who takes part sees an escalation, who left sees it as long as nothing has become of it since, and nobody else does.
func TestSight(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	beta := w.Organization("Beta")
	w.escalates(true, step(time.Minute, role(w.doctor)), step(time.Minute, user(w.cleo)))
	m := w.ask(w.ana, "Bed 4", false)
	e := w.of(m)
	w.sees(e, map[*access.Principal]bool{w.Admin: true, w.ana: true, w.ben: true, w.dora: false, w.cleo: false, beta: false})
	w.in(w.nurse, w.dora) // who sees nothing of what came before, and may acknowledge it all the same
	w.out(w.nurse, w.ben)
	w.sees(e, map[*access.Principal]bool{w.ben: true, w.dora: true})
	w.out(w.nurse, w.dora)
	w.sees(e, map[*access.Principal]bool{w.dora: false})
	w.pass(5 * time.Minute)
	e = w.of(m)
	w.sees(e, map[*access.Principal]bool{w.ana: true, w.ben: false, w.dora: true, w.cleo: false, beta: false})
	w.pass(time.Minute)
	e = w.of(m)
	_, err := w.Escalations.Acknowledge(ctx, w.cleo, e.ID, 0)
	w.Must(err)
	w.pass(2 * time.Hour)
	e = w.of(m)
	w.sees(e, map[*access.Principal]bool{w.ana: true, w.ben: false, w.dora: true, w.cleo: true, beta: false})

	for name, err := range map[string]error{
		"acknowledge": refusal(w.Escalations.Acknowledge(ctx, beta, e.ID, 0)), "skip": refusal(w.Escalations.Skip(ctx, beta, e.ID, 0)),
		"cancel": refusal(w.Escalations.Cancel(ctx, beta, e.ID, 0)), "policy": refusal(w.Escalations.Policy(ctx, beta, w.policy.ID)),
		"change": refusal(w.Escalations.UpdatePolicy(ctx, beta, w.policy.ID, escalation.Patch{}, 0)), "delete": w.Escalations.DeletePolicy(ctx, beta, w.policy.ID, 0),
	} {
		if !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("another organization: %s: %v", name, err)
		}
	}
	theirs, _, err := w.Escalations.Policies(ctx, beta, "", "", 5)
	if w.Must(err); len(theirs) > 0 {
		t.Errorf("another organization has %+v", theirs)
	}
}

func refusal[T any](_ T, err error) error { return err }

// TestPages: a page of those that somebody sees among many.
func TestPages(t *testing.T) {
	w := newWard(t)
	w.escalates(true, step(time.Hour, role(w.doctor)))
	var want []parley.ID
	for i := range 12 {
		if i%3 == 0 {
			want = append([]parley.ID{w.of(w.ask(w.ana, "hers", false)).ID}, want...)
		} else {
			w.ask(w.cleo, "another's", false)
		}
	}
	var got []parley.ID
	var after parley.ID
	for pages := 0; pages < 10; pages++ {
		list, next, err := w.Escalations.List(t.Context(), w.ana, escalation.Filter{}, after, 2)
		w.Must(err)
		for _, e := range list {
			got = append(got, e.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("she sees %v, want %v", got, want)
	}
}

// TestForwarded: what is forwarded to a role while somebody is away escalates like what is written to it, and its copy goes with
// what was written.
func TestForwarded(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.escalates(true, step(time.Hour, user(w.cleo)))
	_, err := w.Availability.Set(ctx, w.dora, w.dora.User, availability.Params{ForwardRole: w.nurse}, 0)
	w.Must(err)
	m := w.Say(w.ana, core.To{User: w.dora.User}, "Bed 4")
	list, _, err := w.Escalations.List(ctx, w.Admin, escalation.Filter{}, "", 5)
	if w.Must(err); len(list) != 1 || list[0].Message == m.ID {
		t.Fatalf("there are %+v", list)
	}
	w.pass(5 * time.Minute)
	e := w.want(parley.Message{ID: list[0].Message}, parley.EscalationActive, 1)
	w.reads(w.cleo, e.Group, &e, "Ana: Bed 4", "system: Escalation CODE came to level 1: Cleo. (raised 1 timeout)")
	_, err = w.Recall(ctx, w.ana, m.ID)
	w.Must(err)
	for range 5 {
		_, err := w.EraseCopies(ctx)
		w.Must(err)
	}
	w.reads(w.cleo, e.Group, &e, "Ana: gone", "system: Escalation CODE came to level 1: Cleo. (raised 1 timeout)",
		"system: Escalation CODE ended: the message is gone. (canceled 0 recalled)")
}

// TestContention: of all who do something about an escalation at once, while its time is over, one ends it.
func TestContention(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	w.in(w.nurse, w.cleo)
	w.escalates(true, step(time.Minute, role(w.doctor)))
	for round := range 10 {
		m := w.ask(w.ana, "Bed 4", false)
		e := w.of(m)
		w.Advance(5 * time.Minute)
		var all sync.WaitGroup
		results := make([]error, 6)
		for i, do := range []func() error{
			func() error { _, err := w.Escalations.Acknowledge(ctx, w.ben, e.ID, 0); return err },
			func() error { _, err := w.Escalations.Acknowledge(ctx, w.cleo, e.ID, 0); return err },
			func() error { _, err := w.Escalations.Cancel(ctx, w.ana, e.ID, 0); return err },
			func() error { _, err := w.Recall(ctx, w.ana, m.ID); return err },
			func() error { _, err := w.Escalations.Turn(ctx, 100); return err },
			func() error { _, err := w.Escalations.Turn(ctx, 100); return err },
		} {
			all.Go(func() { results[i] = do() })
		}
		all.Wait()
		for i, err := range results {
			if err != nil && parley.AsError(err).Code != "escalation-ended" || err != nil && i >= 3 {
				t.Errorf("round %d: %d: %v", round, i, err)
			}
		}
		ends, raised := 0, 0
		for _, event := range w.Events(w.Admin, 0) {
			if event.Type == parley.EventEscalationUpdated && event.Subject == e.ID {
				if event.Data.Status != "active" {
					ends++
				} else if event.Data.Level > 0 {
					raised++
				}
			}
		}
		if e = w.of(m); ends != 1 || raised > 1 || e.Level != raised {
			t.Errorf("round %d: it ended %d times and was raised %d times: %+v", round, ends, raised, e)
		}
	}
}

// TestPolicyChecks: what contradicts is refused, each field by its name.
func TestPolicyChecks(t *testing.T) {
	w := newWard(t)
	ctx := t.Context()
	good := func() parley.EscalationPolicy {
		return parley.EscalationPolicy{Name: "Fast", Role: w.nurse, After: time.Minute, Steps: []parley.EscalationStep{step(time.Minute, role(w.doctor)), step(time.Minute, user(w.cleo))}}
	}
	for name, c := range map[string]struct {
		change      func(p *parley.EscalationPolicy)
		field, code string
	}{
		"no name":         {func(p *parley.EscalationPolicy) { p.Name = " " }, "name", "required"},
		"no time":         {func(p *parley.EscalationPolicy) { p.After = 0 }, "after", "out-of-range"},
		"too long":        {func(p *parley.EscalationPolicy) { p.GroupLife = 1000 * time.Hour }, "groupLife", "out-of-range"},
		"no steps":        {func(p *parley.EscalationPolicy) { p.Steps = nil }, "steps", "required"},
		"many steps":      {func(p *parley.EscalationPolicy) { p.Steps = make([]parley.EscalationStep, 11) }, "steps", "too-many"},
		"no targets":      {func(p *parley.EscalationPolicy) { p.Steps[1].Targets = nil }, "steps[1].targets", "required"},
		"nobody":          {func(p *parley.EscalationPolicy) { p.Steps[1].Targets[0] = parley.Actor{} }, "steps[1].targets[0]", "target-required"},
		"no time of step": {func(p *parley.EscalationPolicy) { p.Steps[0].After = 0 }, "steps[0].after", "out-of-range"},
		"itself":          {func(p *parley.EscalationPolicy) { p.Steps[0].Targets[0] = role(w.nurse) }, "steps[0].targets[0]", "escalation-circle"},
		"twice":           {func(p *parley.EscalationPolicy) { p.Steps[1].Targets[0] = role(w.doctor) }, "steps[1].targets[0]", "escalation-circle"},
		"unknown user":    {func(p *parley.EscalationPolicy) { p.Steps[1].Targets[0].ID = w.nurse }, "steps[1].targets[0].user", "user-unknown"},
		"unknown role":    {func(p *parley.EscalationPolicy) { p.Steps[0].Targets[0].ID = w.cleo.User }, "steps[0].targets[0].role", "role-unknown"},
		"no role":         {func(p *parley.EscalationPolicy) { p.Role = w.cleo.User }, "role", "role-unknown"},
	} {
		p := good()
		c.change(&p)
		_, _, err := w.Escalations.CreatePolicy(ctx, w.Admin, p, nil)
		if e := parley.AsError(err); err == nil || len(e.Fields) == 0 || e.Fields[0].Field != c.field || e.Fields[0].Code != c.code {
			t.Errorf("%s: %v, want %s of %s", name, err, c.code, c.field)
		}
	}
	p, _, err := w.Escalations.CreatePolicy(ctx, w.Admin, good(), nil)
	w.Must(err)
	_, _, err = w.Escalations.CreatePolicy(ctx, w.Admin, good(), nil)
	w.Refused(err, parley.KindConflict, "policy-exists")
	bad := []parley.EscalationStep{step(time.Minute, role(w.nurse))}
	_, err = w.Escalations.UpdatePolicy(ctx, w.Admin, p.ID, escalation.Patch{Steps: &bad}, 0)
	w.Refused(err, parley.KindInvalid, "escalation-circle")
	_, err = w.Escalations.UpdatePolicy(ctx, w.Admin, p.ID, escalation.Patch{}, p.Rev+1)
	w.Refused(err, parley.KindPrecondition, "revision-mismatch")
	same, err := w.Escalations.UpdatePolicy(ctx, w.Admin, p.ID, escalation.Patch{Name: &p.Name}, p.Rev)
	if w.Must(err); same.Rev != p.Rev {
		t.Errorf("a change of nothing made it %d", same.Rev)
	}
	w.Must(w.Directory.DeleteRole(ctx, w.Admin, w.nurse, 0))
	_, err = w.Escalations.Policy(ctx, w.Admin, p.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
}

// TestSnapshot: what escalates goes on by the policy as it was, also where its role is deleted.
func TestSnapshot(t *testing.T) {
	w := newWard(t)
	w.escalates(true, step(time.Minute, role(w.doctor)))
	m := w.Send(w.ana, core.SendParams{To: core.To{Role: w.nurse}, Body: coretest.Text("Bed 4")})
	w.Must(w.Directory.DeleteRole(t.Context(), w.Admin, w.nurse, 0))
	w.pass(5 * time.Minute)
	e := w.want(m, parley.EscalationActive, 1)
	if got := w.members(e.Group); got != "Ana Doctor Dora" {
		t.Errorf("in the group are %s", got)
	}
	w.pass(100 * time.Hour) // late: it has come to its end, once
	w.want(m, parley.EscalationUnanswered, 1)
	w.wantEventsOf(e.ID, "active0 active1 unanswered1")
}

func (w *ward) wantEventsOf(id parley.ID, want string) {
	w.T.Helper()
	got := ""
	for _, event := range w.Events(w.Admin, 0) {
		if event.Type == parley.EventEscalationUpdated && event.Subject == id {
			got += fmt.Sprint(event.Data.Status, event.Data.Level, " ")
		}
	}
	if got != want+" " {
		w.T.Errorf("the events are %q, want %q", got, want)
	}
}
