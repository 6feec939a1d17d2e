// Package hours answers requests about when the organization is open, and what answers by itself.
package hours

import (
	"net/http"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, write = parley.ScopeOrganizationRead, parley.ScopeOrganizationWrite
	return append([]*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/schedules", "createSchedule", write, "Make a schedule"), http.StatusCreated, a.create),
			parley.ActScheduleCreated),
		door.ByID(door.List(door.Operation("GET /v1/schedules", "listSchedules", read, "List schedules"), a.list)),
		door.Get(door.Operation("GET /v1/schedules/{id}", "getSchedule", read, "Get a schedule"), a.get),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/schedules/{id}", "patchSchedule", write, "Change a schedule"), a.patch)),
			parley.ActScheduleUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/schedules/{id}", "deleteSchedule", write, "Delete a schedule"), a.remove)),
			parley.ActScheduleDeleted),
		door.GetBy(door.Operation("GET /v1/schedules/{id}/state", "getScheduleState", read, "Get whether a schedule is open"), a.state),
	}, append(a.replyEndpoints(), a.policyEndpoints()...)...)
}

func (a area) create(c *door.Call, b *api.ScheduleRequest) (api.Schedule, bool, error) {
	made := parley.Schedule{Name: b.Name, TimeZone: b.TimeZone, Weekly: weekly(b.Weekly), Exceptions: exceptions(b.Exceptions), Default: b.Default}
	s, replayed, err := a.core.Hours.CreateSchedule(c.Ctx(), c.P, made, c.Idempotency())
	return schedule(&s), replayed, err
}

func (a area) list(c *door.Call, f api.Page) ([]api.Schedule, string, error) {
	list, next, err := a.core.Hours.Schedules(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, schedule), string(next), err
}

func (a area) get(c *door.Call) (api.Schedule, error) {
	s, err := a.core.Hours.Schedule(c.Ctx(), c.P, c.ID())
	return schedule(&s), err
}

func (a area) patch(c *door.Call, b *api.SchedulePatch) (api.Schedule, error) {
	patch := hours.SchedulePatch{Name: b.Name, TimeZone: b.TimeZone, Default: b.Default}
	if b.Weekly != nil {
		patch.Weekly = new(weekly(*b.Weekly))
	}
	if b.Exceptions != nil {
		patch.Exceptions = new(exceptions(*b.Exceptions))
	}
	s, err := a.core.Hours.UpdateSchedule(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return schedule(&s), err
}

func (a area) remove(c *door.Call) error {
	return a.core.Hours.DeleteSchedule(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) state(c *door.Call, f api.ScheduleMoment) (api.ScheduleState, error) {
	s, err := a.core.Hours.State(c.Ctx(), c.P, c.ID(), f.At)
	if err != nil {
		return api.ScheduleState{}, err
	}
	return api.ScheduleState{Open: s.Open, At: api.NewTime(s.At), LocalTime: s.At.Format(time.RFC3339), ChangesAt: moment(s.Change), OpensAt: moment(s.Opening)}, nil
}

func moment(t time.Time) *api.Time {
	if t.IsZero() {
		return nil
	}
	return new(api.NewTime(t))
}
