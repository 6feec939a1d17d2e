package api

import (
	"context"
	"net/http"
	"time"
)

// Hours are a part of a day.
type Hours struct {
	From string `json:"from" example:"09:00" doc:"When they begin, as hh:mm on the clock of the time zone."`
	To   string `json:"to" example:"17:00" doc:"When they end, up to 24:00. Hours over midnight are two, one a day."`
}

// DayHours are hours of a day of the week.
type DayHours struct {
	Day  string `json:"day" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" doc:"The day of the week."`
	From string `json:"from" example:"09:00" doc:"When they begin, as hh:mm on the clock of the time zone."`
	To   string `json:"to" example:"17:00" doc:"When they end, up to 24:00."`
}

// ScheduleException is what some days have in place of what their weekdays have.
type ScheduleException struct {
	Date      string  `json:"date" example:"2031-12-24" doc:"The first day."`
	Through   string  `json:"through,omitempty" example:"2031-12-26" doc:"The last day; left out: it is one day."`
	Name      string  `json:"name,omitempty" maxLength:"200" doc:"What it is called, such as a holiday."`
	Intervals []Hours `json:"intervals,omitempty" maxItems:"24" doc:"When it is open on these days; none: closed."`
}

// Schedule says when the organization, or a part of it, is open.
type Schedule struct {
	ID         string              `json:"id" doc:"The id."`
	Name       string              `json:"name" doc:"What people call it."`
	TimeZone   string              `json:"timeZone" doc:"The time zone of its clock, by its name in the IANA database."`
	Weekly     []DayHours          `json:"weekly" doc:"When it is open in a week."`
	Exceptions []ScheduleException `json:"exceptions" doc:"Days that are not like others of their weekday."`
	Default    bool                `json:"default" doc:"Whether it is the schedule of whatever names none."`
	Rev        int64               `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt  Time                `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// ScheduleRequest is a schedule to make.
type ScheduleRequest struct {
	Name       string              `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	TimeZone   string              `json:"timeZone" minLength:"1" maxLength:"100" example:"Europe/Berlin" doc:"The time zone of its clock, by its name in the IANA database."`
	Weekly     []DayHours          `json:"weekly,omitempty" maxItems:"168" doc:"When it is open in a week; none: never, but for exceptions."`
	Exceptions []ScheduleException `json:"exceptions,omitempty" maxItems:"1000" doc:"Days that are not like others of their weekday."`
	Default    bool                `json:"default,omitempty" doc:"Whether it is the schedule of whatever names none, in place of another that was."`
}

// SchedulePatch changes a schedule. What is left out stays as it is.
type SchedulePatch struct {
	Name       *string              `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	TimeZone   *string              `json:"timeZone,omitempty" minLength:"1" maxLength:"100" doc:"The time zone of its clock."`
	Weekly     *[]DayHours          `json:"weekly,omitempty" maxItems:"168" doc:"When it is open in a week; replaces all."`
	Exceptions *[]ScheduleException `json:"exceptions,omitempty" maxItems:"1000" doc:"Days that are not like others of their weekday; replaces all."`
	Default    *bool                `json:"default,omitempty" doc:"Whether it is the schedule of whatever names none."`
}

// ScheduleState is whether a schedule is open.
type ScheduleState struct {
	Open      bool   `json:"open" doc:"Whether it is open at that moment."`
	At        Time   `json:"at" format:"date-time" doc:"The moment."`
	LocalTime string `json:"localTime" doc:"What the clock of the schedule shows then, with its offset from UTC."`
	ChangesAt *Time  `json:"changesAt,omitempty" format:"date-time" doc:"When it closes next, or opens; left out: not in the next year."`
	OpensAt   *Time  `json:"opensAt,omitempty" format:"date-time" doc:"When it opens next after that moment; left out: not in the next year."`
}

// ScheduleMoment says at which moment a schedule is looked at.
type ScheduleMoment struct {
	At time.Time `query:"at" format:"date-time" doc:"The moment; left out: now."`
}

// CreateSchedule makes a schedule. Keys are as with Send.
func (c *Client) CreateSchedule(ctx context.Context, schedule ScheduleRequest, options ...CallOption) (*Schedule, error) {
	return fetch[Schedule](ctx, c, request{method: http.MethodPost, path: "/v1/schedules", in: &schedule, keyed: true}, options...)
}

// GetSchedule returns a schedule.
func (c *Client) GetSchedule(ctx context.Context, id string, options ...CallOption) (*Schedule, error) {
	return fetch[Schedule](ctx, c, request{method: http.MethodGet}.pathOf("v1", "schedules", id), options...)
}

// ListSchedules returns a page of schedules.
func (c *Client) ListSchedules(ctx context.Context, page Page, options ...CallOption) (*List[Schedule], error) {
	return fetch[List[Schedule]](ctx, c, request{method: http.MethodGet, path: "/v1/schedules", query: queryOf(page)}, options...)
}

// PatchSchedule changes a schedule.
func (c *Client) PatchSchedule(ctx context.Context, id string, patch SchedulePatch, options ...CallOption) (*Schedule, error) {
	return fetch[Schedule](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "schedules", id), options...)
}

// DeleteSchedule deletes a schedule.
func (c *Client) DeleteSchedule(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "schedules", id), options...)
}

// ScheduleState returns whether a schedule is open.
func (c *Client) ScheduleState(ctx context.Context, id string, moment ScheduleMoment, options ...CallOption) (*ScheduleState, error) {
	return fetch[ScheduleState](ctx, c, request{method: http.MethodGet, query: queryOf(moment)}.pathOf("v1", "schedules", id, "state"), options...)
}
