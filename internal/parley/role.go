package parley

import "time"

// Role is an on-duty function: whoever writes to it reaches those who are on duty for it.
type Role struct {
	ID            ID
	Name          string
	Description   string
	Metadata      map[string]string
	Tags          []string
	OwnerRequired bool   // nobody writes to it while nobody is on duty
	SingleOwner   bool   // one at a time is on duty
	ReplayHistory bool   // who comes on duty sees what was written before
	AwayText      string // the answer while nobody is on duty
	Members       []ID   // who may be on duty
	OnDuty        []ID   // who is
	Rev           int64
	CreatedAt     time.Time
}

// Owner is a user on duty for a role.
type Owner struct {
	User  ID
	Name  string
	Since time.Time
	Shift ID // that brought the user on duty, and ends it; empty: came by hand
}

// Shift is a time for which a user is planned to be on duty.
type Shift struct {
	ID        ID
	Role      ID
	User      ID
	StartsAt  time.Time
	EndsAt    time.Time
	State     ShiftState
	CreatedAt time.Time
}

// ShiftState is where a shift stands.
type ShiftState string

// The states of a shift.
const (
	ShiftPlanned ShiftState = "planned"
	ShiftBegun   ShiftState = "begun"
	ShiftOver    ShiftState = "over"
)
