// Package hours is when organizations are open, and what follows from the time of day.
package hours

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

// Hours are the schedules of all organizations.
type Hours struct{ store *store.Store }

// New returns the schedules of a store.
func New(s *store.Store) *Hours { return &Hours{s} }

// maxSchedules is how many schedules an organization has.
const maxSchedules = 500

// CreateSchedule makes a schedule, and says whether the request was a repeat.
func (h *Hours) CreateSchedule(ctx context.Context, p *access.Principal, made parley.Schedule, i *access.Idempotency) (parley.Schedule, bool, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return made, false, err
	}
	if err := checkSchedule(&made); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(h.store.Now(ctx, p.Organization))
	var result parley.Schedule
	replay, err := p.Once(ctx, h.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		n, err := hours.CountSchedules(tx.Queries, p.Organization)
		if err != nil {
			return err
		}
		if n >= maxSchedules {
			return parley.Conflict("schedules-full", "there are at most %d schedules", maxSchedules)
		}
		if err := hours.InsertSchedule(tx, p.Organization, &result); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("name", made.Name)
		changes.Made("timeZone", made.TimeZone)
		return did(tx, p, parley.EventScheduleCreated, parley.ActScheduleCreated, made.ID, changes)
	})
	if err == nil && replay != nil {
		result, err = hours.Schedule(h.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

// did tells the logs of what was done to something.
func did(tx *store.Tx, p *access.Principal, event parley.EventType, act parley.Act, id parley.ID, changes parley.Changes) error {
	tx.Emit(p.Organization, parley.Event{Type: event, Subject: id, Data: parley.EventData{Actor: p.User}})
	return p.Did(tx, act, id, changes)
}

// Schedule returns a schedule.
func (h *Hours) Schedule(ctx context.Context, p *access.Principal, id parley.ID) (parley.Schedule, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return parley.Schedule{}, err
	}
	return hours.Schedule(h.store.Read(ctx), p.Organization, id)
}

// Schedules returns up to limit schedules with ids after one; next is where to go on, empty at the end.
func (h *Hours) Schedules(ctx context.Context, p *access.Principal, after parley.ID, limit int) ([]parley.Schedule, parley.ID, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return nil, "", err
	}
	return hours.Schedules(h.store.Read(ctx), p.Organization, after, limit)
}

// SchedulePatch changes a schedule. What is nil stays as it is.
type SchedulePatch struct {
	Name, TimeZone *string
	Weekly         *[]parley.DayHours
	Exceptions     *[]parley.ScheduleException
	Default        *bool
}

// UpdateSchedule changes a schedule. An ifMatch that is not 0 must be its revision.
func (h *Hours) UpdateSchedule(ctx context.Context, p *access.Principal, id parley.ID, patch SchedulePatch, ifMatch int64) (result parley.Schedule, err error) {
	err = h.changeSchedule(ctx, p, id, ifMatch, func(tx *store.Tx, s *parley.Schedule) error {
		before := *s
		parley.Set(&s.Name, patch.Name)
		parley.Set(&s.TimeZone, patch.TimeZone)
		parley.Set(&s.Weekly, patch.Weekly)
		parley.Set(&s.Exceptions, patch.Exceptions)
		parley.Set(&s.Default, patch.Default)
		if err := checkSchedule(s); err != nil {
			return err
		}
		if err := hours.UpdateSchedule(tx, p.Organization, s); err != nil {
			return err
		}
		result = *s
		var changes parley.Changes
		changes.Set("name", before.Name, s.Name)
		changes.Set("timeZone", before.TimeZone, s.TimeZone)
		changes.Set("default", before.Default, s.Default)
		changes.Name("weekly", patch.Weekly != nil)
		changes.Name("exceptions", patch.Exceptions != nil)
		return did(tx, p, parley.EventScheduleUpdated, parley.ActScheduleUpdated, id, changes)
	})
	return result, err
}

// DeleteSchedule deletes a schedule that nothing goes by.
func (h *Hours) DeleteSchedule(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return h.changeSchedule(ctx, p, id, ifMatch, func(tx *store.Tx, s *parley.Schedule) error {
		if err := unused(tx.Queries, p.Organization, id); err != nil {
			return err
		}
		if err := hours.DeleteSchedule(tx, p.Organization, id); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Gone("name", s.Name)
		return did(tx, p, parley.EventScheduleDeleted, parley.ActScheduleDeleted, id, changes)
	})
}

// changeSchedule is what every change of a schedule has in common.
func (h *Hours) changeSchedule(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(tx *store.Tx, s *parley.Schedule) error) error {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return err
	}
	return h.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s, err := hours.Schedule(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, s.Rev); err != nil {
			return err
		}
		return unit(tx, &s)
	})
}

// State is whether a schedule is open at a moment.
type State struct {
	At      time.Time // in the zone of the schedule
	Open    bool
	Change  time.Time // when it closes next, or opens; zero: not in the next year
	Opening time.Time // when it opens next
}

// State returns whether a schedule is open at a moment; now where that is zero.
func (h *Hours) State(ctx context.Context, p *access.Principal, id parley.ID, at time.Time) (State, error) {
	s, err := h.Schedule(ctx, p, id)
	if err != nil {
		return State{}, err
	}
	if at.IsZero() {
		at = h.store.Now(ctx, p.Organization)
	}
	c, err := Calendar(&s)
	if err != nil {
		return State{}, err
	}
	return State{At: at.In(c.Zone), Open: c.Open(at), Change: c.Change(at), Opening: c.Opening(at)}, nil
}
