package calendar_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/internal/calendar"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func date(t *testing.T, text string) calendar.Date {
	t.Helper()
	d, ok := calendar.ParseDate(text)
	if !ok {
		t.Fatalf("%q is no date", text)
	}
	return d
}

// Clocks that are set show some times twice, and others never.
func TestAt(t *testing.T) {
	for _, c := range []struct{ zone, date, clock, want string }{
		{"UTC", "2026-02-28", "09:00", "2026-02-28T09:00:00Z"},
		{"Europe/Berlin", "2026-01-15", "09:00", "2026-01-15T08:00:00Z"},
		{"Europe/Berlin", "2026-07-15", "09:00", "2026-07-15T07:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "01:59", "2026-03-29T00:59:00Z"},
		{"Europe/Berlin", "2026-03-29", "02:00", "2026-03-29T01:00:00Z"}, // passed over
		{"Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "03:30", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-10-25", "02:00", "2026-10-25T00:00:00Z"}, // the first of two
		{"Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "2026-10-25", "03:00", "2026-10-25T02:00:00Z"},
		{"Europe/Berlin", "2026-10-25", "24:00", "2026-10-25T23:00:00Z"},
		{"America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z"},
		{"America/Santiago", "2026-09-06", "00:00", "2026-09-06T04:00:00Z"}, // the day begins at one
		{"Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"},
		{"Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z"}, // there was no such day
		{"Asia/Kathmandu", "2026-01-01", "00:00", "2025-12-31T18:15:00Z"},
	} {
		minute := int(c.clock[0]-'0')*600 + int(c.clock[1]-'0')*60 + int(c.clock[3]-'0')*10 + int(c.clock[4]-'0')
		if got := calendar.At(zone(t, c.zone), date(t, c.date), minute); !got.Equal(moment(t, c.want)) {
			t.Errorf("%s %s in %s is %s, want %s", c.date, c.clock, c.zone, got.UTC().Format(time.RFC3339), c.want)
		}
	}
}

const h = 60

// office is open from Monday to Friday, and closed on a holiday; it is open longer on a Thursday, and on a Saturday.
func office(t *testing.T) *calendar.Calendar {
	c := &calendar.Calendar{Zone: zone(t, "Europe/Berlin")}
	for day := time.Monday; day <= time.Friday; day++ {
		c.Week[day] = []calendar.Interval{{13 * h, 17 * h}, {9 * h, 12 * h}}
	}
	c.Exceptions = []calendar.Exception{
		{First: date(t, "2026-12-24"), Last: date(t, "2027-01-01")},
		{First: date(t, "2026-12-05"), Last: date(t, "2026-12-05"), Intervals: []calendar.Interval{{10 * h, 14 * h}}},
	}
	return c
}

// always is open all the time, by days that follow each other.
func always(t *testing.T) *calendar.Calendar {
	c := &calendar.Calendar{Zone: zone(t, "Europe/Berlin")}
	for day := range c.Week {
		c.Week[day] = []calendar.Interval{{0, calendar.Day}}
	}
	return c
}

// night is open from ten in the evening to six, every day.
func night(t *testing.T) *calendar.Calendar {
	c := &calendar.Calendar{Zone: zone(t, "Europe/Berlin")}
	for day := range c.Week {
		c.Week[day] = []calendar.Interval{{22 * h, calendar.Day}, {0, 6 * h}}
	}
	return c
}

func TestState(t *testing.T) {
	never := func(t *testing.T) *calendar.Calendar { return &calendar.Calendar{Zone: time.UTC} }
	for _, c := range []struct {
		name            string
		of              func(*testing.T) *calendar.Calendar
		at              string
		open            bool
		change, opening string
	}{
		{"before it opens", office, "2026-11-30T07:59:59Z", false, "2026-11-30T08:00:00Z", "2026-11-30T08:00:00Z"},
		{"the moment it opens", office, "2026-11-30T08:00:00Z", true, "2026-11-30T11:00:00Z", "2026-11-30T12:00:00Z"},
		{"the moment it closes", office, "2026-11-30T11:00:00Z", false, "2026-11-30T12:00:00Z", "2026-11-30T12:00:00Z"},
		{"a weekend with an open Saturday", office, "2026-12-04T16:00:00Z", false, "2026-12-05T09:00:00Z", "2026-12-05T09:00:00Z"},
		{"after that Saturday", office, "2026-12-05T13:00:00Z", false, "2026-12-07T08:00:00Z", "2026-12-07T08:00:00Z"},
		{"holidays and a weekend", office, "2026-12-24T09:00:00Z", false, "2027-01-04T08:00:00Z", "2027-01-04T08:00:00Z"},
		{"always", always, "2026-11-30T08:00:00Z", true, "", ""},
		{"never", never, "2026-11-30T08:00:00Z", false, "", ""},
		{"over midnight", night, "2026-11-30T22:30:00Z", true, "2026-12-01T05:00:00Z", "2026-12-01T21:00:00Z"},
		{"a night in which clocks are set forward", night, "2026-03-29T00:59:00Z", true, "2026-03-29T04:00:00Z", "2026-03-29T20:00:00Z"},
		{"a night in which they are set back", night, "2026-10-25T01:30:00Z", true, "2026-10-25T05:00:00Z", "2026-10-25T21:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			of, at := c.of(t), moment(t, c.at)
			if got := of.Open(at); got != c.open {
				t.Errorf("open: %v", got)
			}
			if got := of.Change(at); !got.Equal(moment(t, c.change)) {
				t.Errorf("it changes at %s, want %s", got.UTC(), c.change)
			}
			if got := of.Opening(at); !got.Equal(moment(t, c.opening)) {
				t.Errorf("it opens at %s, want %s", got.UTC(), c.opening)
			}
		})
	}
}

func TestAddAndBetween(t *testing.T) {
	never := func(t *testing.T) *calendar.Calendar { return &calendar.Calendar{Zone: time.UTC} }
	for _, c := range []struct {
		name string
		of   func(*testing.T) *calendar.Calendar
		at   string
		open time.Duration
		want string
	}{
		{"within an interval", office, "2026-11-30T08:00:00Z", time.Hour, "2026-11-30T09:00:00Z"},
		{"up to its end", office, "2026-11-30T08:00:00Z", 3 * time.Hour, "2026-11-30T11:00:00Z"},
		{"over the break", office, "2026-11-30T10:30:00Z", time.Hour, "2026-11-30T12:30:00Z"},
		{"from outside", office, "2026-11-29T10:30:00Z", time.Hour, "2026-11-30T09:00:00Z"},
		{"over the weekend", office, "2026-11-27T15:30:00Z", time.Hour, "2026-11-30T08:30:00Z"},
		{"over holidays", office, "2026-12-23T15:00:00Z", 2 * time.Hour, "2027-01-04T09:00:00Z"},
		{"for a year and more", always, "2026-11-30T08:00:00Z", 500 * 24 * time.Hour, "2028-04-13T08:00:00Z"},
		{"clocks that are set forward", night, "2026-03-28T21:00:00Z", 7 * time.Hour, "2026-03-29T04:00:00Z"},
		{"clocks that are set back", night, "2026-10-24T20:00:00Z", 9 * time.Hour, "2026-10-25T05:00:00Z"},
		{"never", never, "2026-11-30T08:00:00Z", time.Hour, ""},
		{"no time", never, "2026-11-30T08:00:00Z", 0, "2026-11-30T08:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			of, at := c.of(t), moment(t, c.at)
			got := of.Add(at, c.open)
			if !got.Equal(moment(t, c.want)) {
				t.Fatalf("it comes to %s, want %s", got.UTC(), c.want)
			}
			if c.want == "" {
				return
			}
			if open := of.Between(at, got); open != c.open {
				t.Errorf("between them it is open for %s, want %s", open, c.open)
			}
		})
	}
}

func TestDates(t *testing.T) {
	for text, valid := range map[string]bool{"2026-02-28": true, "2026-02-29": false, "2028-02-29": true, "26-01-01": false, "0000-01-01": false, "": false} {
		if _, ok := calendar.ParseDate(text); ok != valid {
			t.Errorf("%q: %v", text, ok)
		}
	}
}
