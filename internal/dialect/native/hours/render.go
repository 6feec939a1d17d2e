package hours

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// weekly reads hours of a week.
func weekly(list []api.DayHours) (out []parley.DayHours) {
	for _, w := range list {
		out = append(out, parley.DayHours{Day: wire.WeekdayOf(w.Day), Hours: parley.Hours{From: wire.Minutes(w.From), To: wire.Minutes(w.To)}})
	}
	return out
}

// exceptions reads those of a schedule.
func exceptions(list []api.ScheduleException) (out []parley.ScheduleException) {
	for _, e := range list {
		made := parley.ScheduleException{Name: e.Name, First: e.Date, Last: e.Through}
		for _, h := range e.Intervals {
			made.Hours = append(made.Hours, parley.Hours{From: wire.Minutes(h.From), To: wire.Minutes(h.To)})
		}
		out = append(out, made)
	}
	return out
}

// schedule renders a schedule.
func schedule(s *parley.Schedule) api.Schedule {
	out := api.Schedule{ID: string(s.ID), Name: s.Name, TimeZone: s.TimeZone, Weekly: weeklyHours(s.Weekly), Exceptions: make([]api.ScheduleException, len(s.Exceptions)),
		Default: s.Default, Rev: s.Rev, CreatedAt: api.NewTime(s.CreatedAt)}
	for i, e := range s.Exceptions {
		out.Exceptions[i] = api.ScheduleException{Date: e.First, Name: e.Name}
		if e.Last != e.First {
			out.Exceptions[i].Through = e.Last
		}
		for _, h := range e.Hours {
			out.Exceptions[i].Intervals = append(out.Exceptions[i].Intervals, api.Hours{From: wire.TimeOfDay(h.From), To: wire.TimeOfDay(h.To)})
		}
	}
	return out
}

// weeklyHours renders hours of a week.
func weeklyHours(list []parley.DayHours) []api.DayHours {
	out := make([]api.DayHours, len(list))
	for i, w := range list {
		out[i] = api.DayHours{Day: wire.Weekday(w.Day), From: wire.TimeOfDay(w.From), To: wire.TimeOfDay(w.To)}
	}
	return out
}

// names are ids or words as they are written.
func names[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
