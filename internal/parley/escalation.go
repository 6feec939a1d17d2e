package parley

import "time"

// EscalationPolicy says what becomes of messages to a role that nobody acknowledges: whom they go to next, and when.
type EscalationPolicy struct {
	ID        ID
	Name      string
	Role      ID               // which it is of; a role has one at most
	Always    bool             // every message to the role escalates, and not only those that say so
	After     time.Duration    // how long the role has
	Steps     []EscalationStep // in order
	GroupLife time.Duration    // how long the escalation's group stays after the end
	Rev       int64
	CreatedAt time.Time
}

// EscalationStep is whom an escalation goes to together.
type EscalationStep struct {
	Targets []Actor       `json:"t"` // users and roles
	After   time.Duration `json:"a"` // how long they have
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

// Why an escalation went on.
const (
	EscalationTimeout    = "timeout"    // nobody has acknowledged it in time
	EscalationSkipped    = "skipped"    // somebody passed it on
	EscalationUnattended = "unattended" // nobody is on duty, or there any more
	EscalationCircle     = "circle"     // those who would be next have it already, or wrote it
)

// EscalationPolicyGone is why a message does not escalate that was to when it was scheduled.
const EscalationPolicyGone = "policy-gone"
