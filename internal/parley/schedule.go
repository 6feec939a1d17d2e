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

// AutoWhen says when a rule answers messages from outside.
type AutoWhen string

// The times.
const (
	AutoClosed AutoWhen = "closed" // while the schedule is closed
	AutoOpen   AutoWhen = "open"   // while it is open
	AutoAlways AutoWhen = "always"
	AutoFirst  AutoWhen = "first" // the first message of a conversation, whenever
)

// AutoReply is a rule that answers messages from outside.
type AutoReply struct {
	ID        ID
	Name      string
	Enabled   bool
	Position  int // the first rule that fits answers
	When      AutoWhen
	Schedule  ID       // of closed and open; empty: the default one
	Channels  []ID     // on these; none: on all
	Teams     []ID     // in conversations that one of these is assigned to; none: in all
	Platforms []string // on these; none: on all
	Text      string   // in place of a template
	Template  ID
	Locale    string // of the template
	Class     MessageClass
	Throttle  time.Duration // at least between two answers
	Each      ActorKind     // ActorContact: to one sender; empty: in one conversation
	Limit     int           // answers at all; 0: any number
	Rev       int64
	CreatedAt time.Time
}
