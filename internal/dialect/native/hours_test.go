package native_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// office are the hours of a schedule that is open from nine to five on weekdays.
func office() (week []api.DayHours) {
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		week = append(week, api.DayHours{Day: day, From: "09:00", To: "17:00"})
	}
	return week
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// A schedule says whether it is open at a moment, and when that changes.
func TestSchedules(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	request := api.ScheduleRequest{Name: "Desk", TimeZone: "America/New_York", Weekly: office(), Default: true,
		Exceptions: []api.ScheduleException{{Date: "2031-12-24", Through: "2031-12-26", Name: "Christmas"}, {Date: "2031-12-31", Intervals: []api.Hours{{From: "09:00", To: "12:00"}}}}}
	made := must[*api.Schedule](t)(w.admin.CreateSchedule(ctx, request, api.IdempotencyKey("k")))
	if again := must[*api.Schedule](t)(w.admin.CreateSchedule(ctx, request, api.IdempotencyKey("k"))); again.ID != made.ID {
		t.Errorf("a repeat made %s", again.ID)
	}
	same(t, "weekly", made.Weekly, request.Weekly)
	same(t, "exceptions", made.Exceptions, request.Exceptions)
	for _, c := range []struct {
		at, local    string
		open         bool
		change, next string
	}{
		{"2031-05-19T12:59:59Z", "2031-05-19T08:59:59-04:00", false, "2031-05-19T13:00:00Z", "2031-05-19T13:00:00Z"},
		{"2031-05-19T13:00:00Z", "2031-05-19T09:00:00-04:00", true, "2031-05-19T21:00:00Z", "2031-05-20T13:00:00Z"},
		{"2031-12-23T22:00:00Z", "2031-12-23T17:00:00-05:00", false, "2031-12-29T14:00:00Z", "2031-12-29T14:00:00Z"},
		{"2031-12-31T17:00:00Z", "2031-12-31T12:00:00-05:00", false, "2032-01-01T14:00:00Z", "2032-01-01T14:00:00Z"},
	} {
		s := must[*api.ScheduleState](t)(w.admin.ScheduleState(ctx, made.ID, api.ScheduleMoment{At: at(t, c.at)}))
		if s.Open != c.open || s.LocalTime != c.local || !s.ChangesAt.Equal(at(t, c.change)) || !s.OpensAt.Equal(at(t, c.next)) {
			t.Errorf("at %s it is %+v, changes at %s and opens at %s", c.at, s, s.ChangesAt, s.OpensAt)
		}
	}
	if now := must[*api.ScheduleState](t)(w.admin.ScheduleState(ctx, made.ID, api.ScheduleMoment{})); time.Since(now.At.Time).Abs() > time.Minute {
		t.Errorf("now is %s", now.At)
	}
	never := must[*api.Schedule](t)(w.admin.CreateSchedule(ctx, api.ScheduleRequest{Name: "Never", TimeZone: "UTC", Default: true}))
	if s := must[*api.ScheduleState](t)(w.admin.ScheduleState(ctx, never.ID, api.ScheduleMoment{})); s.Open || s.ChangesAt != nil || s.OpensAt != nil {
		t.Errorf("never is %+v", s)
	}
	if made = must[*api.Schedule](t)(w.admin.GetSchedule(ctx, made.ID)); made.Default {
		t.Error("two schedules are the default")
	}
	changed := must[*api.Schedule](t)(w.admin.PatchSchedule(ctx, made.ID, api.SchedulePatch{Name: new("Front desk"), Exceptions: &[]api.ScheduleException{}}, api.IfMatch(made.Rev)))
	if changed.Name != "Front desk" || len(changed.Exceptions) != 0 || len(changed.Weekly) != 5 || changed.Rev != made.Rev+1 {
		t.Errorf("changed %+v", changed)
	}
	_, err := w.admin.PatchSchedule(ctx, made.ID, api.SchedulePatch{Name: new("x")}, api.IfMatch(made.Rev))
	wantProblem(t, err, 412, "revision-mismatch", "If-Match")
	if err := w.admin.DeleteSchedule(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.admin.GetSchedule(ctx, made.ID)
	wantProblem(t, err, 404, "not-found", "")
}

// What no clock shows and no calendar has is refused, by its field.
func TestScheduleRefusals(t *testing.T) {
	w := newWorld(t)
	monday := func(from, to string) []api.DayHours { return []api.DayHours{{Day: "monday", From: from, To: to}} }
	days := func(e ...api.ScheduleException) []api.ScheduleException { return e }
	for _, c := range []struct {
		code, field string
		request     api.ScheduleRequest
	}{
		{"time-zone-unknown", "timeZone", api.ScheduleRequest{TimeZone: "Mars/Base"}},
		{"time-zone-unknown", "timeZone", api.ScheduleRequest{TimeZone: "Local"}},
		{"time-zone-unknown", "timeZone", api.ScheduleRequest{TimeZone: "../etc/passwd"}},
		{"clock-invalid", "weekly[0].from", api.ScheduleRequest{Weekly: monday("9:00", "17:00")}},
		{"clock-invalid", "weekly[0].from", api.ScheduleRequest{Weekly: monday("24:00", "24:00")}},
		{"clock-invalid", "weekly[0].to", api.ScheduleRequest{Weekly: monday("09:00", "24:01")}},
		{"clock-invalid", "weekly[0].to", api.ScheduleRequest{Weekly: monday("09:00", "10:60")}},
		{"interval-empty", "weekly[0].to", api.ScheduleRequest{Weekly: monday("22:00", "06:00")}},
		{"interval-overlaps", "weekly[1]", api.ScheduleRequest{Weekly: append(monday("09:00", "17:00"), monday("16:59", "18:00")...)}},
		{"date-invalid", "exceptions[0].date", api.ScheduleRequest{Exceptions: days(api.ScheduleException{Date: "2031-02-29"})}},
		{"date-invalid", "exceptions[0].through", api.ScheduleRequest{Exceptions: days(api.ScheduleException{Date: "2031-02-20", Through: "2031-02-19"})}},
		{"exception-overlaps", "exceptions[1]", api.ScheduleRequest{Exceptions: days(api.ScheduleException{Date: "2031-02-20", Through: "2031-02-25"}, api.ScheduleException{Date: "2031-02-25"})}},
		{"clock-invalid", "exceptions[0].intervals[0].to", api.ScheduleRequest{Exceptions: days(api.ScheduleException{Date: "2031-02-20", Intervals: []api.Hours{{From: "09:00"}}})}},
	} {
		c.request.Name = "x"
		if c.request.TimeZone == "" {
			c.request.TimeZone = "UTC"
		}
		_, err := w.admin.CreateSchedule(t.Context(), c.request)
		wantProblem(t, err, 422, c.code, c.field)
	}
}

// Quiet hours that no clock shows, or that never end, are refused; those that are set are shown.
func TestQuietHoursOfPolicy(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	patch := func(q api.QuietHours) (*api.Organization, error) {
		return w.admin.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: &q}})
	}
	night := []api.QuietInterval{{Days: []string{"monday", "sunday"}, From: "21:00", To: "24:00"}}
	for _, c := range []struct {
		code, field string
		q           api.QuietHours
	}{
		{"time-zone-unknown", "policy.quietHours.timeZone", api.QuietHours{Intervals: night}},
		{"clock-invalid", "policy.quietHours.intervals[0].from", api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{{From: "nine", To: "10:00"}}}},
		{"interval-empty", "policy.quietHours.intervals[0].to", api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{{From: "21:00", To: "08:00"}}}},
		{"value-unknown", "policy.quietHours.classes[0]", api.QuietHours{TimeZone: "UTC", Intervals: night, Classes: []string{"news"}}},
		{"policy-contradicts", "policy.quietHours.intervals", api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{{From: "00:00", To: "24:00"}}}},
	} {
		_, err := patch(c.q)
		wantProblem(t, err, 422, c.code, c.field)
	}
	set := api.QuietHours{TimeZone: "Europe/Berlin", Intervals: night, Classes: []string{"marketing"}, HighPriority: true}
	same(t, "set", must[*api.Organization](t)(patch(set)).Policy.QuietHours, set)
	same(t, "kept", must[*api.Organization](t)(w.admin.GetOrganization(ctx)).Policy.QuietHours, set)
	if o := must[*api.Organization](t)(patch(api.QuietHours{Intervals: []api.QuietInterval{}})); len(o.Policy.QuietHours.Intervals) != 0 {
		t.Errorf("removed: %+v", o.Policy.QuietHours)
	}
}
