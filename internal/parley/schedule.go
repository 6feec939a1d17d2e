package parley

import "time"

// Hours are a part of a day, in minutes on the clock since midnight: from one up to, and without, another.
type Hours struct {
	From int `json:"f"`
	To   int `json:"t"`
}

// DayHours are hours of a day of the week.
type DayHours struct {
	Day time.Weekday `json:"d"`
	Hours
}

// ScheduleException is what some days have in place of what their weekdays have.
type ScheduleException struct {
	Name  string  `json:"n,omitempty"`
	First string  `json:"a"` // as 2006-01-02
	Last  string  `json:"z"`
	Hours []Hours `json:"h,omitempty"` // none: closed
}

// Schedule says when an organization, or a part of it, is open.
type Schedule struct {
	ID         ID
	Name       string
	TimeZone   string // its name in the IANA database
	Weekly     []DayHours
	Exceptions []ScheduleException
	Default    bool // the one of whatever names none; at most one is
	Rev        int64
	CreatedAt  time.Time
}
