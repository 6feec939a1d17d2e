package parley

import "time"

// HoldKind is what a legal hold is placed on.
type HoldKind string

// The kinds of subjects of holds.
const (
	HoldConversation HoldKind = "conversation"
	HoldContact      HoldKind = "contact"
	HoldUser         HoldKind = "user"
	HoldOrganization HoldKind = "organization"
)

// HoldSubject is what a hold is placed on.
type HoldSubject struct {
	Kind HoldKind
	ID   ID
}

// Hold is a legal hold: until it is lifted, the content that it is about is kept, whatever would have it go.
type Hold struct {
	ID         ID
	Subject    HoldSubject
	Reason     string
	PlacedBy   ID // a user
	PlacedAt   time.Time
	LiftedBy   ID // a user; empty as long as it holds
	LiftedAt   time.Time
	LiftReason string
	Rev        int64
}

// HeldKind is a kind of thing that only a hold keeps.
type HeldKind string

// The kinds of things that holds keep.
const (
	HeldMessage HeldKind = "message"
	HeldContact HeldKind = "contact"
)

// Held is a thing that has gone for everybody and that only a hold keeps, without its content.
type Held struct {
	ID           ID
	Kind         HeldKind
	Conversation ID      // of a message
	Reason       Removal // why it has gone
	At           time.Time
}

// HeldText is a piece of what only a hold keeps, as it was in its place: "table.column", and which row.
type HeldText struct{ Place, Item, Content string }
