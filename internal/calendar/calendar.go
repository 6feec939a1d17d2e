// Package calendar reckons with opening hours: intervals of the days of a week in a time zone, with exceptions by date. The
// zones are in the program, so that every server reckons alike.
package calendar

import (
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the zones of a server without any
)

// Day is how many minutes a day has on its clock.
const Day = 24 * 60

// Interval is a part of a day, in minutes on the clock since midnight: from one up to, and without, another, at most Day.
type Interval struct{ From, To int }

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day that a clock shows.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads a day written as 2006-01-02.
func ParseDate(text string) (Date, bool) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return Date{}, false
	}
	return DateOf(t), true
}

// Next is the day that is some days later.
func (d Date) Next(days int) Date { return DateOf(d.naive(0).AddDate(0, 0, days)) }

// Before reports whether the day comes before another.
func (d Date) Before(other Date) bool { return d.naive(0).Before(other.naive(0)) }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.naive(0).Weekday() }

// naive is a time of the day as if clocks were never set.
func (d Date) naive(minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, minute, 0, 0, time.UTC)
}

// Exception is what some days have in place of what their weekdays have.
type Exception struct {
	First, Last Date
	Intervals   []Interval // none: closed
}

// Calendar is when something is open.
type Calendar struct {
	Zone       *time.Location
	Week       [7][]Interval // by time.Weekday
	Exceptions []Exception
}

// zones are those that were asked for, by name.
var zones sync.Map

const maxZone = 100 // characters of a name

// Zone returns the time zone of a name in the IANA database. The server's own is none.
func Zone(name string) (*time.Location, bool) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), true
	}
	if name == "" || name == "Local" || len(name) > maxZone {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	zones.Store(name, zone)
	return zone, true
}

// horizon is how many days ahead somebody looks who looks for an opening: more than a year, for one that is open once in it.
const horizon = 400

// Span is a time that something is open: from one moment up to, and without, another.
type Span struct{ From, To time.Time }

// At is the first moment at which the clocks of a zone show a time of a day or a later one. Clocks that are set forward pass over
// some times, which are then that moment; of those that they show twice when they are set back, it is the first.
func At(zone *time.Location, d Date, minute int) time.Time {
	naive := d.naive(minute)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(naive.Add(-26*time.Hour)), offset(naive.Add(26*time.Hour))
	first, second := naive.Add(-before), naive.Add(-after)
	switch {
	case offset(first) == before:
		return first.In(zone)
	case offset(second) == after:
		return second.In(zone)
	}
	start, _ := first.In(zone).ZoneBounds() // within what is passed over
	return start
}

// intervals are those of a day.
func (c *Calendar) intervals(d Date) []Interval {
	for _, e := range c.Exceptions {
		if !d.Before(e.First) && !e.Last.Before(d) {
			return e.Intervals
		}
	}
	return c.Week[d.Weekday()]
}

// spans calls yield with the times that are open, in order, from the day of a moment on until it returns false or the horizon is
// reached. Times that follow each other without a break are one.
func (c *Calendar) spans(from time.Time, yield func(Span) bool) {
	var open Span
	day := DateOf(from.In(c.Zone)).Next(-1) // of which something may last until then, where clocks are set at midnight
	for i := range horizon {
		list := slices.Clone(c.intervals(day.Next(i)))
		slices.SortFunc(list, func(a, b Interval) int { return a.From - b.From })
		for _, interval := range list {
			next := Span{At(c.Zone, day.Next(i), interval.From), At(c.Zone, day.Next(i), interval.To)}
			switch {
			case !next.From.Before(next.To): // it was passed over
			case open.To.IsZero():
				open = next
			case !next.From.After(open.To):
				open.To = later(open.To, next.To)
			default:
				if !yield(open) {
					return
				}
				open = next
			}
		}
	}
	if !open.To.IsZero() {
		yield(open)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next is the first time that is open and not over at a moment, as far as the horizon.
func (c *Calendar) next(at time.Time) (found Span) {
	c.spans(at, func(s Span) bool {
		if s.To.After(at) {
			found = s
			return false
		}
		return true
	})
	return found
}

// Open reports whether it is open at a moment.
func (c *Calendar) Open(at time.Time) bool {
	s := c.next(at)
	return !s.To.IsZero() && !s.From.After(at)
}

// Change is when it closes next, if it is open at a moment, else when it opens; zero: not as far as can be seen.
func (c *Calendar) Change(at time.Time) time.Time {
	s := c.next(at)
	switch {
	case s.To.IsZero() || s.From.After(at):
		return s.From
	case s.To.Sub(at) > (horizon-2)*24*time.Hour:
		return time.Time{}
	}
	return s.To
}

// Opening is the next moment at which it opens after one; zero: none as far as can be seen.
func (c *Calendar) Opening(at time.Time) (opening time.Time) {
	c.spans(at, func(s Span) bool {
		if s.From.After(at) {
			opening = s.From
			return false
		}
		return true
	})
	return opening
}

// Add is when it has been open for some time since a moment; zero where it never will have been. No time at all is that moment.
func (c *Calendar) Add(at time.Time, open time.Duration) (when time.Time) {
	if open <= 0 {
		return at
	}
	for range 100 { // each goes on where the last has come to
		end := at
		c.spans(at, func(s Span) bool {
			if !s.To.After(at) {
				return true
			}
			from := later(s.From, at)
			if length := s.To.Sub(from); length >= open {
				when = from.Add(open)
				return false
			} else {
				open -= length
			}
			end = s.To
			return true
		})
		if !when.IsZero() || end.Equal(at) {
			return when
		}
		at = end
	}
	return when
}

// Between is for how long it is open between two moments.
func (c *Calendar) Between(from, to time.Time) (open time.Duration) {
	for from.Before(to) {
		end := from
		c.spans(from, func(s Span) bool {
			if !s.From.Before(to) {
				return false
			}
			if s.To.After(from) {
				start, stop := later(s.From, from), s.To
				if stop.After(to) {
					stop = to
				}
				open += stop.Sub(start)
				end = stop
			}
			return true
		})
		if !end.After(from) {
			return open
		}
		from = end
	}
	return open
}
