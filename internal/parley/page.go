package parley

import "time"

// Paging is how somebody is called whom a part of a message pages. What is zero is as the urgency has it.
type Paging struct {
	Urgency     Urgency `json:"urgency,omitempty"`
	Each        bool    `json:"each,omitempty"` // each of a team or role resolves it for themselves, not one for all
	RemindEvery int     `json:"remindEvery,omitempty"`
	Reminders   *int    `json:"reminders,omitempty"`
}

// Urgency is how soon somebody is to come.
type Urgency string

// The urgencies.
const (
	UrgencyNormal Urgency = "normal"
	UrgencyHigh   Urgency = "high" // reminded until somebody comes
)

// PageState is what became of a page.
type PageState string

// The states of a page.
const (
	PageOpen     PageState = "open"
	PageResolved PageState = "resolved"
	PageCanceled PageState = "canceled" // whoever was called, or the message, is gone
)

// Page is a call to somebody to come to a conversation.
type Page struct {
	ID           ID
	Conversation ID
	Message      ID    // that called
	Who          Actor // a user, a team, a role or the organization; the name is filled in when it is read
	By           ID    // the user who called
	Urgency      Urgency
	Each         bool
	State        PageState
	RemindEvery  time.Duration
	Reminders    int // at most
	Reminded     int // so far
	EndedBy      ID
	EndedAt      time.Time
	CreatedAt    time.Time
	Answers      []PageAnswer // of one that each resolves
}

// PageAnswer is that somebody has resolved a page that each resolves for themselves.
type PageAnswer struct {
	User ID
	At   time.Time
}
