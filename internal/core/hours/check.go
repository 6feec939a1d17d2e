package hours

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/calendar"
	"github.com/parley-server/parley/internal/parley"
)

// Limits of schedules, in characters and entries.
const (
	maxName       = 200
	maxWeekly     = 168
	maxExceptions = 1000
	maxOfDay      = 24
)

// check collects what is wrong with a request.
type check struct{ parley.Check }

func (c *check) atMost(field string, n, most int) bool {
	if n > most {
		c.Refuse(field, "too-many", "must be at most %d", most)
	}
	return n <= most
}

func (c *check) zone(field, name string) {
	if _, known := calendar.Zone(name); !known {
		c.Refuse(field, "time-zone-unknown", "must be the name of a time zone, such as Europe/Berlin")
	}
}

func checkSchedule(s *parley.Schedule) error {
	var c check
	c.Text("name", s.Name, true, maxName)
	c.zone("timeZone", s.TimeZone)
	if c.atMost("weekly", len(s.Weekly), maxWeekly) {
		of := map[time.Weekday][]parley.Hours{}
		for i, w := range s.Weekly {
			field := fmt.Sprintf("weekly[%d]", i)
			if w.Day < time.Sunday || w.Day > time.Saturday {
				c.Refuse(field+".day", "value-unknown", "must be a day of the week, such as monday")
				continue
			}
			of[w.Day] = c.hours(field, w.Hours, of[w.Day])
		}
	}
	if c.atMost("exceptions", len(s.Exceptions), maxExceptions) {
		c.exceptions(s.Exceptions)
	}
	return c.Err()
}

// hours checks hours beside others of the same day, and returns them all.
func (c *check) hours(field string, h parley.Hours, others []parley.Hours) []parley.Hours {
	switch {
	case h.From < 0 || h.From >= calendar.Day:
		c.Refuse(field+".from", "clock-invalid", "must be a time of the day, from 00:00 to 23:59")
		return others
	case h.To < 0 || h.To > calendar.Day:
		c.Refuse(field+".to", "clock-invalid", "must be a time of the day, up to 24:00")
		return others
	case h.To <= h.From:
		c.Refuse(field+".to", "interval-empty", "must be later than from: hours over midnight are two, the first up to 24:00")
		return others
	}
	for _, other := range others {
		if h.From < other.To && other.From < h.To {
			c.Refuse(field, "interval-overlaps", "must not overlap with others of the day")
			break
		}
	}
	return append(others, h)
}

func (c *check) exceptions(list []parley.ScheduleException) {
	type days struct{ first, last calendar.Date }
	var taken []days
	for i := range list {
		e, field := &list[i], fmt.Sprintf("exceptions[%d]", i)
		c.Text(field+".name", e.Name, false, maxName)
		if e.Last == "" {
			e.Last = e.First
		}
		first, known := calendar.ParseDate(e.First)
		if !known {
			c.Refuse(field+".date", "date-invalid", "must be a date, such as 2031-05-17")
			continue
		}
		last, known := calendar.ParseDate(e.Last)
		if !known || last.Before(first) {
			c.Refuse(field+".through", "date-invalid", "must be a date, not before the first")
			continue
		}
		for _, other := range taken {
			if !last.Before(other.first) && !other.last.Before(first) {
				c.Refuse(field, "exception-overlaps", "must not have a day that another has")
				break
			}
		}
		taken = append(taken, days{first, last})
		if c.atMost(field+".intervals", len(e.Hours), maxOfDay) {
			var others []parley.Hours
			for n, h := range e.Hours {
				others = c.hours(fmt.Sprintf("%s.intervals[%d]", field, n), h, others)
			}
		}
	}
}

// Calendar is what reckons with a schedule.
func Calendar(s *parley.Schedule) (*calendar.Calendar, error) {
	zone, known := calendar.Zone(s.TimeZone)
	if !known {
		return nil, fmt.Errorf("schedule %s: there is no time zone %q", s.ID, s.TimeZone)
	}
	c := &calendar.Calendar{Zone: zone}
	for _, w := range s.Weekly {
		c.Week[w.Day] = append(c.Week[w.Day], calendar.Interval{From: w.From, To: w.To})
	}
	for _, e := range s.Exceptions {
		first, _ := calendar.ParseDate(e.First)
		last, _ := calendar.ParseDate(e.Last)
		made := calendar.Exception{First: first, Last: last}
		for _, h := range e.Hours {
			made.Intervals = append(made.Intervals, calendar.Interval{From: h.From, To: h.To})
		}
		c.Exceptions = append(c.Exceptions, made)
	}
	return c, nil
}
