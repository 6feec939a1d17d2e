package hours

import (
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/calendar"
	"github.com/parley-server/parley/internal/parley"
)

// ZoneAttribute is the attribute of contacts that names their time zone.
const ZoneAttribute = "timeZone"

// CodeQuiet says of a delivery that it waits for the end of quiet hours.
const CodeQuiet = "quiet-hours"

// ReasonQuiet is what it says to operators.
const ReasonQuiet = "it waits for the end of quiet hours"

// ZoneOf returns the time zone of a contact; nil where it is not known.
func ZoneOf(contact *parley.Contact) *time.Location {
	zone, known := calendar.Zone(contact.Attributes[ZoneAttribute])
	if !known {
		return nil
	}
	return zone
}

// quietIn is a calendar that is open while it is quiet.
func quietIn(q *parley.QuietHours, zone *time.Location) *calendar.Calendar {
	c := &calendar.Calendar{Zone: zone}
	for _, h := range q.Intervals {
		interval := calendar.Interval{From: h.From, To: h.To}
		if len(h.Days) == 0 {
			for day := range c.Week {
				c.Week[day] = append(c.Week[day], interval)
			}
		}
		for _, day := range h.Days {
			c.Week[day] = append(c.Week[day], interval)
		}
	}
	return c
}

// QuietUntil returns until when a message to some zones waits: the latest end of the hours that are quiet now in one of them, nil
// being that of the organization; zero where it is not quiet.
func QuietUntil(q *parley.QuietHours, now time.Time, zones ...*time.Location) (until time.Time) {
	for _, zone := range zones {
		if zone == nil {
			if zone, _ = calendar.Zone(q.TimeZone); zone == nil {
				zone = time.UTC
			}
		}
		if c := quietIn(q, zone); c.Open(now) {
			if end := c.Change(now); end.After(until) {
				until = end
			}
		}
	}
	return until
}

// maxQuiet is how many quiet hours a policy has.
const maxQuiet = 100

// CheckQuiet says what is wrong with quiet hours, which stand in a field.
func CheckQuiet(field string, q *parley.QuietHours) []parley.FieldError {
	var c check
	if len(q.Intervals) == 0 {
		return nil
	}
	c.zone(field+".timeZone", q.TimeZone)
	for i, class := range q.Classes {
		if !class.Valid() {
			c.Refuse(fmt.Sprintf("%s.classes[%d]", field, i), "value-unknown", "must be one of %v", parley.MessageClasses)
		}
	}
	if !c.atMost(field+".intervals", len(q.Intervals), maxQuiet) {
		return c.Wrong
	}
	for i, h := range q.Intervals {
		at := fmt.Sprintf("%s.intervals[%d]", field, i)
		c.hours(at, h.Hours, nil)
		for n, day := range h.Days {
			if day < time.Sunday || day > time.Saturday {
				c.Refuse(fmt.Sprintf("%s.days[%d]", at, n), "value-unknown", "must be a day of the week, such as monday")
				return c.Wrong
			}
		}
	}
	if len(c.Wrong) == 0 && quietIn(q, time.UTC).Between(time.Unix(0, 0), time.Unix(0, 0).Add(7*24*time.Hour)) == 7*24*time.Hour {
		c.Refuse(field+".intervals", "policy-contradicts", "nothing would ever be sent: it is always quiet")
	}
	return c.Wrong
}
