package parley

import (
	"slices"
	"time"
)

// EscalationPolicy says what becomes of messages to a role that nobody acknowledges: whom they go to next, and when.
type EscalationPolicy struct {
	ID        ID
	Name      string
	Role      ID               // which it is of; a role has one at most
	Always    bool             // every message to the role escalates, and not only those that say so
	After     time.Duration    // how long the role has
	Fallback  []Fallback       `json:",omitempty"` // where else it goes while the role has it, to those who have not read it
	Steps     []EscalationStep // in order
	GroupLife time.Duration    // how long the escalation's group stays after the end
	Rev       int64
	CreatedAt time.Time
}

// EscalationStep is whom an escalation goes to together.
type EscalationStep struct {
	Targets []Actor       `json:"t"` // users and roles
	After   time.Duration `json:"a"` // how long they have
	// Fallback: where else it goes meanwhile, to those of them who have not read it.
	Fallback []Fallback `json:"f,omitempty"`
}

// EscalationState is where an escalation stands.
type EscalationState string

// The states of an escalation. All but the first are ends.
const (
	EscalationActive       EscalationState = "active"
	EscalationAcknowledged EscalationState = "acknowledged"
	EscalationCanceled     EscalationState = "canceled"
	EscalationUnanswered   EscalationState = "unanswered"
)

// EscalationStates are all states, in the order of the reference.
var EscalationStates = []EscalationState{EscalationActive, EscalationAcknowledged, EscalationCanceled, EscalationUnanswered}

// Escalation is a message that goes from one to the next until somebody acknowledges it.
type Escalation struct {
	ID           ID
	Code         string // that people call it by
	Message      ID
	Conversation ID // of the message
	Role         ID
	Originator   ID // the user who wrote the message
	Group        ID // the conversation of all whom it has come to; empty: it has come to the role only
	Copy         ID // the message in the group; empty: there is none
	Level        int
	State        EscalationState
	Reason       string // why it was canceled, where nobody did it
	StartedBy    ID     // user
	StartedAt    time.Time
	DueAt        time.Time // when it goes on; zero: it has ended
	EndedBy      ID        // user or contact; empty: nobody
	EndedAt      time.Time
	Policy       EscalationPolicy // as it was at the start
	// Where the last notice of it stands in the conversation, and in the group.
	Sequence, GroupSequence int64
	Rev                     int64
}

// Fallbacks are those of a level of the escalation: of its policy, and above the role, where the message has a copy, those that the
// message was sent with, on other channels.
func (e *Escalation) Fallbacks(message []Fallback) []Fallback {
	if e.Level == 0 {
		return e.Policy.Fallback
	}
	list := slices.Clone(e.Policy.Steps[e.Level-1].Fallback)
	for _, f := range message {
		if !slices.ContainsFunc(list, func(other Fallback) bool { return other.Channel == f.Channel }) {
			list = append(list, f)
		}
	}
	return list
}

// Since is when an escalation under way came to its level.
func (e *Escalation) Since() time.Time {
	if e.Level == 0 {
		return e.DueAt.Add(-e.Policy.After)
	}
	return e.DueAt.Add(-e.Policy.Steps[e.Level-1].After)
}

// EscalationFallback is a delivery that a fallback of an escalation made.
type EscalationFallback struct {
	Number   int // within the escalation, from 1
	Level    int
	Fallback int // of the level, from 1
	User     Actor
	Channel  ID
	Message  ID // or its copy
	Delivery int
	At       time.Time
	State    DeliveryState
	Code     string
	Reason   string
}

// Why an escalation went on.
const (
	EscalationTimeout    = "timeout"    // nobody has acknowledged it in time
	EscalationSkipped    = "skipped"    // somebody passed it on
	EscalationUnattended = "unattended" // nobody is on duty, or there any more
	EscalationCircle     = "circle"     // those who would be next have it already, or wrote it
)

// EscalationPolicyGone is why a message does not escalate that was to when it was scheduled.
const EscalationPolicyGone = "policy-gone"
