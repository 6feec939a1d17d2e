package parley

import "time"

// DoNotDisturb is that a user does not want to be disturbed. What is written to the user comes all the same.
type DoNotDisturb struct {
	Since     time.Time
	Until     time.Time // zero: until it is turned off
	Text      string    // what those who write are told
	ForwardTo Actor     // a user or a role who gets meanwhile what is written to the user directly; zero: nobody
}

// On reports whether it is on at a time.
func (d *DoNotDisturb) On(now time.Time) bool { return d.Until.IsZero() || d.Until.After(now) }

// Mute is that a user does not want to be notified of a conversation.
type Mute struct {
	Until time.Time // zero: until it is ended
}

// Notice is what a system item tells, for programs; its body tells it to people.
type Notice struct {
	Kind   NoticeKind `json:"k"`
	Who    []Actor    `json:"w,omitempty"` // whom it is about, under their names of then
	Reason string     `json:"r,omitempty"`

	Escalation ID  `json:"e,omitempty"` // which it is about
	Level      int `json:"l,omitempty"` // that it came to, or passed
}

// NoticeKind is what a notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NoticeAdded   NoticeKind = "members-added"   // the author let Who into the group
	NoticeRemoved NoticeKind = "members-removed" // the author took Who out of the group
	NoticeJoined  NoticeKind = "joined"          // the author joined the group
	NoticeLeft    NoticeKind = "left"            // the author left the group
	NoticeUpdated NoticeKind = "updated"         // the author changed what the group is called or for

	NoticePage NoticeKind = "page-resolved" // the author resolved the page of Who, with the id that Reason has

	NoticeAway NoticeKind = "away" // the author does not want to be disturbed; Who has the message instead, and Reason is why nobody further

	NoticeEscalationStarted      NoticeKind = "escalation-started"
	NoticeEscalationRaised       NoticeKind = "escalation-raised"   // it came to Level, and so to Who; Reason is why
	NoticeEscalationPassed       NoticeKind = "escalation-passed"   // nobody of Level can be asked; Reason is why
	NoticeEscalationFallback     NoticeKind = "escalation-fallback" // it goes out to Who on another channel; Reason is why it does not
	NoticeEscalationAcknowledged NoticeKind = "escalation-acknowledged"
	NoticeEscalationCanceled     NoticeKind = "escalation-canceled" // by the author; or Reason is why
	NoticeEscalationUnanswered   NoticeKind = "escalation-unanswered"
	NoticeEscalationClosed       NoticeKind = "escalation-closed" // its group is left by all
)

// Why a message is not forwarded further.
const (
	ForwardCycle       = "cycle"       // whoever it comes to next has it already
	ForwardDeactivated = "deactivated" // that user or role is no more
	ForwardSender      = "sender"      // that is who wrote it
	ForwardUnattended  = "unattended"  // nobody is on duty for that role, which wants somebody to be
	ForwardTooLong     = "too-long"    // it has been forwarded too often
)
