package escalation

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
)

// Limits of policies.
const (
	maxName    = 200
	maxSteps   = 10
	maxTargets = 20
	maxAfter   = 30 * 24 * time.Hour
)

// check collects the wrong fields of a policy.
type check struct{ parley.Check }

func (c *check) duration(field string, d, least time.Duration) {
	if d < least || d > maxAfter {
		c.Refuse(field, "out-of-range", "must be %d to %d seconds", int64(least/time.Second), int64(maxAfter/time.Second))
	}
}

func (c *check) policy(p *parley.EscalationPolicy) {
	c.Text("name", p.Name, true, maxName)
	c.duration("after", p.After, time.Second)
	c.fallbacks("fallback", p.Fallback, p.After)
	c.duration("groupLife", p.GroupLife, 0)
	switch {
	case len(p.Steps) == 0:
		c.Refuse("steps", "required", "must be at least one")
	case len(p.Steps) > maxSteps:
		c.Refuse("steps", "too-many", "must be at most %d", maxSteps)
	}
	seen := map[parley.Actor]bool{{Kind: parley.ActorRole, ID: p.Role}: true}
	for i := range p.Steps {
		c.step(fmt.Sprintf("steps[%d]", i), &p.Steps[i], seen)
	}
}

// step checks a step. Whoever an escalation has come to is not a target again.
func (c *check) step(field string, s *parley.EscalationStep, seen map[parley.Actor]bool) {
	c.duration(field+".after", s.After, time.Second)
	c.fallbacks(field+".fallback", s.Fallback, s.After)
	switch {
	case len(s.Targets) == 0:
		c.Refuse(field+".targets", "required", "must be at least one")
	case len(s.Targets) > maxTargets:
		c.Refuse(field+".targets", "too-many", "must be at most %d", maxTargets)
	}
	for i, t := range s.Targets {
		at := fmt.Sprintf("%s.targets[%d]", field, i)
		switch {
		case t.ID == "" || t.Kind != parley.ActorUser && t.Kind != parley.ActorRole:
			c.Refuse(at, "target-required", "must name either a user or a role")
		case seen[t]:
			c.Refuse(at, "escalation-circle", "the escalation has come to it before")
		}
		seen[t] = true
	}
}

// fallbacks checks what the fallbacks of a level say by themselves: each comes before its time is over.
func (c *check) fallbacks(field string, list []parley.Fallback, level time.Duration) {
	before := len(c.Wrong)
	if fallback.Form(field, list, c.Refuse); len(c.Wrong) > before {
		return
	}
	for i := range list {
		if fallback.Soonest(list, i) >= level {
			c.Refuse(fmt.Sprintf("%s[%d].after", field, i), "fallback-late", "must be shorter: the escalation goes on after %d seconds", int64(level/time.Second))
		}
	}
}

// reachable checks the fallbacks of a policy against the channels that they name, and against how long content lives: those of the role, of
// the steps, or of both.
func reachable(q store.Queries, p *access.Principal, policy *parley.EscalationPolicy, role, steps bool) error {
	if !role && !steps {
		return nil
	}
	o, err := q.Organization(p.Organization)
	if err != nil {
		return err
	}
	const forever = 1<<63 - 1
	life := o.Policy.Lifetime(parley.ConversationRole, forever)
	level := func(field string, list []parley.Fallback, begins time.Duration) error {
		for i := range list {
			if life > 0 && begins+fallback.Soonest(list, i) >= life {
				return parley.Invalid(fmt.Sprintf("%s[%d].after", field, i), "fallback-never",
					"must be shorter: by the policy of the organization no message lives longer than %d seconds", int64(life/time.Second))
			}
		}
		return fallback.CheckUsers(q, p, field, list)
	}
	if role {
		if err := level("fallback", policy.Fallback, 0); err != nil {
			return err
		}
	}
	if !steps {
		return nil
	}
	begins := policy.After
	for i, s := range policy.Steps {
		if err := level(fmt.Sprintf("steps[%d].fallback", i), s.Fallback, begins); err != nil {
			return err
		}
		begins += s.After
	}
	return nil
}

// known refuses targets that do not exist.
func (c *check) known(q store.Queries, organization parley.ID, steps []parley.EscalationStep) error {
	ids := map[parley.ActorKind][]parley.ID{}
	for _, s := range steps {
		for _, t := range s.Targets {
			ids[t.Kind] = append(ids[t.Kind], t.ID)
		}
	}
	users, err := q.UsersByID(organization, ids[parley.ActorUser])
	if err != nil {
		return err
	}
	roles, err := duty.Some(q, organization, ids[parley.ActorRole])
	if err != nil {
		return err
	}
	for i, s := range steps {
		for n, t := range s.Targets {
			field := fmt.Sprintf("steps[%d].targets[%d]", i, n)
			if u := users[t.ID]; t.Kind == parley.ActorUser && (u == nil || !u.Active) {
				c.Refuse(field+".user", "user-unknown", "must be the id of an active user")
			} else if t.Kind == parley.ActorRole && roles[t.ID] == nil {
				c.Refuse(field+".role", "role-unknown", "must be the id of a role")
			}
		}
	}
	return c.Err()
}

// CreatePolicy makes the policy of a role, and says whether the request was a repeat.
func (e *Escalations) CreatePolicy(ctx context.Context, p *access.Principal, made parley.EscalationPolicy, i *access.Idempotency) (parley.EscalationPolicy, bool, error) {
	if err := p.Require(parley.ScopeEscalationsWrite); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(e.store.Now(ctx, p.Organization))
	var c check
	c.policy(&made)
	if err := c.Err(); err != nil {
		return made, false, err
	}
	var result parley.EscalationPolicy
	replay, err := p.Once(ctx, e.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if _, err := duty.Get(tx.Queries, p.Organization, made.Role); parley.IsKind(err, parley.KindNotFound) {
			return parley.Invalid("role", "role-unknown", "must be the id of a role")
		} else if err != nil {
			return err
		}
		c := check{}
		if err := parley.FirstError(c.known(tx.Queries, p.Organization, made.Steps), reachable(tx.Queries, p, &made, true, true)); err != nil {
			return err
		}
		if err := escalation.InsertPolicy(tx, p.Organization, &result); err != nil {
			return err
		}
		return did(tx, p, parley.ActEscalationPolicyCreated, &parley.EscalationPolicy{}, &result)
	})
	if err == nil && replay != nil {
		result, err = escalation.Policy(e.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

// did tells of what was done to a policy, and makes stale what sends to the role saw.
func did(tx *store.Tx, p *access.Principal, act parley.Act, before, after *parley.EscalationPolicy) error {
	emit(tx, p, act, after.ID)
	var changes parley.Changes
	changes.Set("name", before.Name, after.Name)
	changes.Set("role", string(before.Role), string(after.Role))
	changes.Set("always", before.Always, after.Always)
	changes.Set("after", before.After, after.After)
	changes.Set("fallback", calls(before.Fallback), calls(after.Fallback))
	changes.Set("groupLife", before.GroupLife, after.GroupLife)
	changes.Set("steps", texts(before.Steps), texts(after.Steps))
	return parley.FirstError(p.Did(tx, act, after.ID, changes), duty.Touch(tx, p.Organization, after.Role))
}

// emit tells the log of events what was done to a policy: created, updated or deleted.
func emit(tx *store.Tx, p *access.Principal, act parley.Act, policy parley.ID) {
	_, status, _ := strings.Cut(string(act), ".")
	tx.Emit(p.Organization, parley.Event{Type: parley.EventEscalationPolicy, Subject: policy, Data: parley.EventData{Actor: p.User, Status: status}})
}

// texts are steps as the audit log has them.
func texts(steps []parley.EscalationStep) (list []string) {
	for _, s := range steps {
		text := fmt.Sprint(int64(s.After / time.Second))
		for _, t := range s.Targets {
			text += " " + string(t.Kind) + ":" + string(t.ID)
		}
		for _, f := range calls(s.Fallback) {
			text += " fallback:" + f
		}
		list = append(list, text)
	}
	return list
}

// calls are fallbacks as the audit log has them.
func calls(list []parley.Fallback) (texts []string) {
	for _, f := range list {
		texts = append(texts, fmt.Sprintf("%s/%d/%s", f.On, int64(f.After/time.Second), f.Channel))
	}
	return texts
}

// Policy returns a policy.
func (e *Escalations) Policy(ctx context.Context, p *access.Principal, id parley.ID) (parley.EscalationPolicy, error) {
	if err := p.Require(parley.ScopeEscalationsRead); err != nil {
		return parley.EscalationPolicy{}, err
	}
	return escalation.Policy(e.store.Read(ctx), p.Organization, id)
}

// Policies returns up to limit policies with ids after one, of one role or of all; next is where to go on, empty at the end.
func (e *Escalations) Policies(ctx context.Context, p *access.Principal, role, after parley.ID, limit int) ([]parley.EscalationPolicy, parley.ID, error) {
	if err := p.Require(parley.ScopeEscalationsRead); err != nil {
		return nil, "", err
	}
	q := e.store.Read(ctx)
	if role != "" {
		found, err := escalation.PolicyOf(q, p.Organization, role)
		if err != nil || found == nil || found.ID <= after {
			return nil, "", err
		}
		return []parley.EscalationPolicy{*found}, "", nil
	}
	list, err := escalation.Policies(q, p.Organization, after, limit+1)
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	return list[:limit], list[limit-1].ID, nil
}

// Patch changes a policy. What is nil stays as it is.
type Patch struct {
	Name      *string
	Always    *bool
	After     *time.Duration
	Fallback  *[]parley.Fallback
	Steps     *[]parley.EscalationStep
	GroupLife *time.Duration
}

// UpdatePolicy changes a policy. What escalates already goes on by what it was. An ifMatch that is not 0 must be its revision.
func (e *Escalations) UpdatePolicy(ctx context.Context, p *access.Principal, id parley.ID, patch Patch, ifMatch int64) (changed parley.EscalationPolicy, err error) {
	if err := p.Require(parley.ScopeEscalationsWrite); err != nil {
		return changed, err
	}
	err = e.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		before, err := escalation.Policy(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, before.Rev); err != nil {
			return err
		}
		changed = before
		changed.Steps = slices.Clone(before.Steps)
		parley.Set(&changed.Name, patch.Name)
		parley.Set(&changed.Always, patch.Always)
		parley.Set(&changed.After, patch.After)
		parley.Set(&changed.Fallback, patch.Fallback)
		parley.Set(&changed.Steps, patch.Steps)
		parley.Set(&changed.GroupLife, patch.GroupLife)
		var c check
		c.policy(&changed)
		if err := c.Err(); err != nil {
			return err
		}
		if err := reachable(tx.Queries, p, &changed, patch.Fallback != nil, patch.Steps != nil); err != nil {
			return err
		}
		if patch.Steps != nil {
			if err := c.known(tx.Queries, p.Organization, changed.Steps); err != nil {
				return err
			}
		}
		if reflect.DeepEqual(before, changed) {
			return nil
		}
		if err := escalation.UpdatePolicy(tx, p.Organization, &changed); err != nil {
			return err
		}
		return did(tx, p, parley.ActEscalationPolicyUpdated, &before, &changed)
	})
	return changed, err
}

// DeletePolicy deletes a policy. What escalates by it goes on. An ifMatch that is not 0 must be its revision.
func (e *Escalations) DeletePolicy(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeEscalationsWrite); err != nil {
		return err
	}
	return e.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		policy, err := escalation.Policy(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, policy.Rev); err != nil {
			return err
		}
		return dropPolicy(tx, p, &policy)
	})
}

func dropPolicy(tx *store.Tx, p *access.Principal, policy *parley.EscalationPolicy) error {
	var changes parley.Changes
	changes.Gone("name", policy.Name)
	changes.Gone("role", string(policy.Role))
	emit(tx, p, parley.ActEscalationPolicyDeleted, policy.ID)
	return parley.FirstError(p.Did(tx, parley.ActEscalationPolicyDeleted, policy.ID, changes),
		escalation.DeletePolicy(tx, p.Organization, policy.ID), duty.Touch(tx, p.Organization, policy.Role))
}

// DropPolicy deletes the policy of a role that is deleted.
func DropPolicy(tx *store.Tx, p *access.Principal, role parley.ID) error {
	policy, err := escalation.PolicyOf(tx.Queries, p.Organization, role)
	if err != nil || policy == nil {
		return err
	}
	return dropPolicy(tx, p, policy)
}
