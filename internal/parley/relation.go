package parley

import (
	"slices"
	"time"
)

// ReceiverRole is as what somebody outside receives a message.
type ReceiverRole string

// The roles of receivers. Who gets a blind copy is seen by nobody outside.
const (
	ReceiverTo  ReceiverRole = "to"
	ReceiverCC  ReceiverRole = "cc"
	ReceiverBCC ReceiverRole = "bcc"
)

// Receivers say which deliveries of a message are to several, by their numbers: copies and blind copies. The others are to
// those that it is for.
type Receivers struct {
	Several bool
	CC, BCC []int
}

// Role is that of a delivery.
func (r *Receivers) Role(number int) ReceiverRole {
	switch {
	case slices.Contains(r.CC, number):
		return ReceiverCC
	case slices.Contains(r.BCC, number):
		return ReceiverBCC
	}
	return ReceiverTo
}

// Add gives a delivery a role.
func (r *Receivers) Add(number int, role ReceiverRole) {
	switch role {
	case ReceiverCC:
		r.CC = append(slices.Clip(r.CC), number)
	case ReceiverBCC:
		r.BCC = append(slices.Clip(r.BCC), number)
	}
}

// Forward says what a message hands on: the message of which it holds a copy, behind parts of its own.
type Forward struct {
	Message ID
	Author  Actor
	SentAt  time.Time
	Own     int // parts of its own, before the copy
}

// Redactions say how much of a message's content was taken away, and who did it last.
type Redactions struct {
	By                 Actor
	At                 time.Time
	Parts, Attachments int
}

// Version is what a message said before it was edited, and who had written that.
type Version struct {
	Number int // from 1
	Body   []Part
	Editor Actor
	At     time.Time
}

// Mention is that a message mentions a user: by itself, or as one of a team or of those on duty for a role.
type Mention struct {
	User    ID
	Message ID
	As      Actor
	At      time.Time
}
