// Package sla is how soon customers are to be answered, and what they ask for resolved: policies, and the clocks of conversations.
package sla

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

// Policies are those of all organizations, and the timers of their clocks.
type Policies struct{ store *store.Store }

// New returns the policies of a store.
func New(s *store.Store) *Policies { return &Policies{s} }

// Limits of policies.
const (
	maxPolicies = 200
	maxName     = 200 // characters
	maxValues   = 100
	maxTarget   = 366 * 24 * time.Hour
	minTarget   = time.Second
)

// LookUp returns the policies of an organization that are in force, in order.
func LookUp(q store.Queries, organization parley.ID) ([]parley.SLAPolicy, error) {
	all, _, err := hours.Policies(q, organization, "", maxPolicies)
	all = slices.DeleteFunc(all, func(p parley.SLAPolicy) bool { return !p.Enabled })
	slices.SortStableFunc(all, func(a, b parley.SLAPolicy) int { return cmp.Compare(a.Position, b.Position) })
	return all, err
}

// check collects what is wrong with a request.
type check struct{ parley.Check }

func validate(p *parley.SLAPolicy) error {
	var c check
	c.Text("name", p.Name, true, maxName)
	if !p.Business && p.Schedule != "" {
		c.Refuse("schedule", "not-allowed", "goes with business hours only")
	}
	f := &p.Conditions
	for field, n := range map[string]int{"conditions.channels": len(f.Channels), "conditions.platforms": len(f.Platforms), "conditions.tags": len(f.Tags),
		"conditions.priorities": len(f.Priorities), "conditions.teams": len(f.Teams), "targets": len(p.Targets)} {
		if n > maxValues {
			c.Refuse(field, "too-many", "must be at most %d", maxValues)
		}
	}
	for i, text := range f.Platforms {
		c.Text(fmt.Sprintf("conditions.platforms[%d]", i), text, true, maxName)
	}
	for i, text := range f.Tags {
		c.Text(fmt.Sprintf("conditions.tags[%d]", i), text, true, maxName)
	}
	for i, priority := range f.Priorities {
		c.priority(fmt.Sprintf("conditions.priorities[%d]", i), priority)
	}
	c.targets(p)
	return c.Err()
}

func (c *check) priority(field string, priority int) {
	if priority < 0 || priority > parley.MaxConversationPriority {
		c.Refuse(field, "out-of-range", "must be 0 to %d", parley.MaxConversationPriority)
	}
}

func (c *check) targets(p *parley.SLAPolicy) {
	if len(p.Targets) == 0 {
		c.Refuse("targets", "required", "must be at least one")
	}
	seen := map[int]bool{}
	for i, t := range p.Targets {
		field := fmt.Sprintf("targets[%d]", i)
		c.priority(field+".priority", t.Priority)
		if seen[t.Priority] {
			c.Refuse(field+".priority", "duplicate", "must not be that of another target")
		}
		seen[t.Priority] = true
		if t.First == 0 && t.Next == 0 && t.Resolution == 0 {
			c.Refuse(field, "required", "must promise something")
		}
		for name, d := range map[string]time.Duration{"firstResponse": t.First, "nextResponse": t.Next, "resolution": t.Resolution} {
			if d != 0 && (d < minTarget || d > maxTarget) {
				c.Refuse(field+"."+name, "out-of-range", "must be 1 to %d seconds", int64(maxTarget/time.Second))
			}
		}
	}
	if p.Warn < 0 || p.Warn > maxTarget {
		c.Refuse("warnBefore", "out-of-range", "must be 0 to %d seconds", int64(maxTarget/time.Second))
	}
}

// named checks that what a policy names is there.
func named(q store.Queries, organization parley.ID, p *parley.SLAPolicy) error {
	unknown := func(err error, field, thing string) error {
		if parley.IsKind(err, parley.KindNotFound) {
			return parley.Invalid(field, thing+"-unknown", "must be the id of a %s", thing)
		}
		return err
	}
	if p.Schedule != "" {
		if _, err := hours.Schedule(q, organization, p.Schedule); err != nil {
			return unknown(err, "schedule", "schedule")
		}
	}
	for i, id := range p.Conditions.Channels {
		if _, err := q.Channel(organization, id); err != nil {
			return unknown(err, fmt.Sprintf("conditions.channels[%d]", i), "channel")
		}
	}
	for i, id := range p.Conditions.Teams {
		if _, err := q.Team(organization, id); err != nil {
			return unknown(err, fmt.Sprintf("conditions.teams[%d]", i), "team")
		}
	}
	return nil
}

func did(tx *store.Tx, p *access.Principal, event parley.EventType, act parley.Act, id parley.ID, changes parley.Changes) error {
	tx.Emit(p.Organization, parley.Event{Type: event, Subject: id, Data: parley.EventData{Actor: p.User}})
	return p.Did(tx, act, id, changes)
}

// Create makes a policy, and says whether the request was a repeat.
func (s *Policies) Create(ctx context.Context, p *access.Principal, made parley.SLAPolicy, i *access.Idempotency) (parley.SLAPolicy, bool, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return made, false, err
	}
	if err := validate(&made); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(s.store.Now(ctx, p.Organization))
	var result parley.SLAPolicy
	replay, err := p.Once(ctx, s.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if err := named(tx.Queries, p.Organization, &result); err != nil {
			return err
		}
		all, _, err := hours.Policies(tx.Queries, p.Organization, "", maxPolicies)
		if err != nil {
			return err
		}
		if len(all) >= maxPolicies {
			return parley.Conflict("sla-policies-full", "there are at most %d SLA policies", maxPolicies)
		}
		if err := hours.InsertPolicy(tx, p.Organization, &result); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("name", made.Name)
		return did(tx, p, parley.EventSLACreated, parley.ActSLACreated, made.ID, changes)
	})
	if err == nil && replay != nil {
		result, err = hours.Policy(s.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

// Get returns a policy.
func (s *Policies) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.SLAPolicy, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return parley.SLAPolicy{}, err
	}
	return hours.Policy(s.store.Read(ctx), p.Organization, id)
}

// List returns up to limit policies with ids after one; next is where to go on, empty at the end.
func (s *Policies) List(ctx context.Context, p *access.Principal, after parley.ID, limit int) ([]parley.SLAPolicy, parley.ID, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return nil, "", err
	}
	return hours.Policies(s.store.Read(ctx), p.Organization, after, limit)
}

// Patch changes a policy. What is nil stays as it is.
type Patch struct {
	Name       *string
	Enabled    *bool
	Position   *int
	Business   *bool
	Schedule   *parley.ID
	Conditions *parley.SLAConditions
	Targets    *[]parley.SLATarget
	Warn       *time.Duration
	Snoozed    *bool
	Closed     *bool
}

// Update changes a policy: clocks that run keep their targets. An ifMatch that is not 0 must be its revision.
func (s *Policies) Update(ctx context.Context, p *access.Principal, id parley.ID, patch Patch, ifMatch int64) (result parley.SLAPolicy, err error) {
	err = s.change(ctx, p, id, ifMatch, func(tx *store.Tx, it *parley.SLAPolicy) error {
		before := *it
		parley.Set(&it.Name, patch.Name)
		parley.Set(&it.Enabled, patch.Enabled)
		parley.Set(&it.Position, patch.Position)
		parley.Set(&it.Business, patch.Business)
		parley.Set(&it.Schedule, patch.Schedule)
		parley.Set(&it.Conditions, patch.Conditions)
		parley.Set(&it.Targets, patch.Targets)
		parley.Set(&it.Warn, patch.Warn)
		parley.Set(&it.Snoozed, patch.Snoozed)
		parley.Set(&it.Closed, patch.Closed)
		if err := validate(it); err != nil {
			return err
		}
		if err := named(tx.Queries, p.Organization, it); err != nil {
			return err
		}
		if err := hours.UpdatePolicy(tx, p.Organization, it); err != nil {
			return err
		}
		result = *it
		var changes parley.Changes
		changes.Set("name", before.Name, it.Name)
		changes.Set("enabled", before.Enabled, it.Enabled)
		changes.Set("schedule", string(before.Schedule), string(it.Schedule))
		changes.Name("conditions", patch.Conditions != nil)
		changes.Name("targets", patch.Targets != nil)
		return did(tx, p, parley.EventSLAUpdated, parley.ActSLAUpdated, id, changes)
	})
	return result, err
}

// Delete deletes a policy. Clocks that run go on to their end, by all the time.
func (s *Policies) Delete(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return s.change(ctx, p, id, ifMatch, func(tx *store.Tx, it *parley.SLAPolicy) error {
		if err := hours.DeletePolicy(tx, p.Organization, id); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Gone("name", it.Name)
		return did(tx, p, parley.EventSLADeleted, parley.ActSLADeleted, id, changes)
	})
}

// change is what every change of a policy has in common.
func (s *Policies) change(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(tx *store.Tx, it *parley.SLAPolicy) error) error {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return err
	}
	return s.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		it, err := hours.Policy(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, it.Rev); err != nil {
			return err
		}
		return unit(tx, &it)
	})
}

// Tick tells of the clocks that are due, or soon will be, of up to limit conversations, and says how many there were.
func (s *Policies) Tick(ctx context.Context, limit int) (int, error) {
	return s.store.WriteDue(ctx, hours.JobSLA, limit, func(tx *store.Tx, jobs []store.Job) error {
		for _, job := range jobs {
			w, err := follow(tx, job.Organization, parley.ID(strings.TrimPrefix(job.ID, store.JobID(hours.JobSLA, ""))))
			if err != nil {
				return err
			}
			if w == nil {
				err = tx.Done([]store.Job{job})
			} else {
				err = w.save()
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
