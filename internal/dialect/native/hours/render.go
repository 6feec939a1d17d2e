package hours

import (
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// clock is minutes since midnight as hh:mm.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// minutes reads hh:mm, up to 24:00; -1 is none.
func minutes(text string) int {
	if len(text) != 5 || text[2] != ':' {
		return -1
	}
	for i, c := range text {
		if i != 2 && (c < '0' || c > '9') {
			return -1
		}
	}
	hour, minute := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	if minute > 59 {
		return -1
	}
	return hour*60 + minute
}

// weekday reads a day of the week in lower case; -1 is none.
func weekday(name string) time.Weekday {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.ToLower(day.String()) == name {
			return day
		}
	}
	return -1
}

// weekly reads hours of a week.
func weekly(list []api.DayHours) (out []parley.DayHours) {
	for _, w := range list {
		out = append(out, parley.DayHours{Day: weekday(w.Day), Hours: parley.Hours{From: minutes(w.From), To: minutes(w.To)}})
	}
	return out
}

// exceptions reads those of a schedule.
func exceptions(list []api.ScheduleException) (out []parley.ScheduleException) {
	for _, e := range list {
		made := parley.ScheduleException{Name: e.Name, First: e.Date, Last: e.Through}
		for _, h := range e.Intervals {
			made.Hours = append(made.Hours, parley.Hours{From: minutes(h.From), To: minutes(h.To)})
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
			out.Exceptions[i].Intervals = append(out.Exceptions[i].Intervals, api.Hours{From: clock(h.From), To: clock(h.To)})
		}
	}
	return out
}

// weeklyHours renders hours of a week.
func weeklyHours(list []parley.DayHours) []api.DayHours {
	out := make([]api.DayHours, len(list))
	for i, w := range list {
		out[i] = api.DayHours{Day: strings.ToLower(w.Day.String()), From: clock(w.From), To: clock(w.To)}
	}
	return out
}
