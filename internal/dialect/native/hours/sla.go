package hours

import (
	"net/http"
	"slices"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) policyEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeOrganizationRead, parley.ScopeOrganizationWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/sla-policies", "createSLAPolicy", write, "Make an SLA policy"), http.StatusCreated, a.createPolicy),
			parley.ActSLACreated),
		door.ByID(door.List(door.Operation("GET /v1/sla-policies", "listSLAPolicies", read, "List SLA policies"), a.policies)),
		door.Get(door.Operation("GET /v1/sla-policies/{id}", "getSLAPolicy", read, "Get an SLA policy"), a.policy),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/sla-policies/{id}", "patchSLAPolicy", write, "Change an SLA policy"), a.patchPolicy)),
			parley.ActSLAUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/sla-policies/{id}", "deleteSLAPolicy", write, "Delete an SLA policy"), a.removePolicy)),
			parley.ActSLADeleted),
	}
}

const (
	business = "business"
	all      = "calendar"
	snoozed  = "snoozed"
	closed   = "closed"
)

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func span(n int64) time.Duration { return time.Duration(n) * time.Second }

func renderPolicy(p *parley.SLAPolicy) api.SLAPolicy {
	out := api.SLAPolicy{ID: string(p.ID), Name: p.Name, Enabled: p.Enabled, Position: p.Position, Hours: all, Schedule: string(p.Schedule),
		Conditions: api.SLAConditions{Channels: names(p.Conditions.Channels), Platforms: p.Conditions.Platforms, Tags: p.Conditions.Tags,
			Priorities: p.Conditions.Priorities, Teams: names(p.Conditions.Teams)},
		Targets: wire.Each(p.Targets, func(t *parley.SLATarget) api.SLATarget {
			return api.SLATarget{Priority: t.Priority, FirstResponse: seconds(t.First), NextResponse: seconds(t.Next), Resolution: seconds(t.Resolution)}
		}),
		WarnBefore: seconds(p.Warn), Pause: []string{}, Rev: p.Rev, CreatedAt: api.NewTime(p.CreatedAt)}
	if p.Business {
		out.Hours = business
	}
	if p.Snoozed {
		out.Pause = append(out.Pause, snoozed)
	}
	if p.Closed {
		out.Pause = append(out.Pause, closed)
	}
	return out
}

func conditions(c *api.SLAConditions) parley.SLAConditions {
	return parley.SLAConditions{Channels: wire.IDs(c.Channels), Platforms: c.Platforms, Tags: c.Tags, Priorities: c.Priorities, Teams: wire.IDs(c.Teams)}
}

func targets(list []api.SLATarget) []parley.SLATarget {
	return wire.Each(list, func(t *api.SLATarget) parley.SLATarget {
		return parley.SLATarget{Priority: t.Priority, First: span(t.FirstResponse), Next: span(t.NextResponse), Resolution: span(t.Resolution)}
	})
}

func (a area) createPolicy(c *door.Call, b *api.SLAPolicyRequest) (api.SLAPolicy, bool, error) {
	made := parley.SLAPolicy{Name: b.Name, Enabled: b.Enabled == nil || *b.Enabled, Position: b.Position, Business: b.Hours == business, Schedule: parley.ID(b.Schedule),
		Conditions: conditions(&b.Conditions), Targets: targets(b.Targets), Warn: span(b.WarnBefore),
		Snoozed: slices.Contains(b.Pause, snoozed), Closed: slices.Contains(b.Pause, closed)}
	p, replayed, err := a.core.SLAs.Create(c.Ctx(), c.P, made, c.Idempotency())
	return renderPolicy(&p), replayed, err
}

func (a area) policies(c *door.Call, f api.Page) ([]api.SLAPolicy, string, error) {
	list, next, err := a.core.SLAs.List(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, renderPolicy), string(next), err
}

func (a area) policy(c *door.Call) (api.SLAPolicy, error) {
	p, err := a.core.SLAs.Get(c.Ctx(), c.P, c.ID())
	return renderPolicy(&p), err
}

func (a area) patchPolicy(c *door.Call, b *api.SLAPolicyPatch) (api.SLAPolicy, error) {
	patch := sla.Patch{Name: b.Name, Enabled: b.Enabled, Position: b.Position, Schedule: wire.Convert[parley.ID](b.Schedule)}
	if b.Hours != nil {
		patch.Business = new(*b.Hours == business)
	}
	if b.Conditions != nil {
		patch.Conditions = new(conditions(b.Conditions))
	}
	if b.Targets != nil {
		patch.Targets = new(targets(*b.Targets))
	}
	if b.WarnBefore != nil {
		patch.Warn = new(span(*b.WarnBefore))
	}
	if b.Pause != nil {
		patch.Snoozed, patch.Closed = new(slices.Contains(*b.Pause, snoozed)), new(slices.Contains(*b.Pause, closed))
	}
	p, err := a.core.SLAs.Update(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return renderPolicy(&p), err
}

func (a area) removePolicy(c *door.Call) error {
	return a.core.SLAs.Delete(c.Ctx(), c.P, c.ID(), c.IfMatch())
}
