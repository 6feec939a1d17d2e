package parley

import "time"

// ConversationKind is what sort of thread a conversation is.
type ConversationKind string

// The kinds of conversations.
const (
	ConversationDirect    ConversationKind = "direct"
	ConversationGroup     ConversationKind = "group"
	ConversationRole      ConversationKind = "role"
	ConversationBroadcast ConversationKind = "broadcast"
	ConversationTeam      ConversationKind = "team"
	ConversationNote      ConversationKind = "note"
	ConversationExternal  ConversationKind = "external"
	ConversationSecure    ConversationKind = "secure"
)

// ConversationKinds are all kinds.
var ConversationKinds = []ConversationKind{ConversationDirect, ConversationGroup, ConversationRole,
	ConversationBroadcast, ConversationTeam, ConversationNote, ConversationExternal, ConversationSecure}

// ConversationStatus is where the work on a conversation stands.
type ConversationStatus string

// The statuses of a conversation.
const (
	StatusOpen    ConversationStatus = "open"
	StatusSnoozed ConversationStatus = "snoozed"
	StatusClosed  ConversationStatus = "closed"
)

// ConversationStatuses are all statuses.
var ConversationStatuses = []ConversationStatus{StatusOpen, StatusSnoozed, StatusClosed}

// Visibility says who sees a conversation.
type Visibility string

// The visibilities.
const (
	VisibleToMembers      Visibility = "members"
	VisibleToOrganization Visibility = "organization" // narrowed to the channel's members
)

// Conversation is an ordered thread with participants.
type Conversation struct {
	ID           ID
	Kind         ConversationKind
	Visibility   Visibility
	Status       ConversationStatus
	SnoozedUntil time.Time
	Title        string
	Description  string
	Avatar       ID     // media
	ThreadKey    string // unique among the organization's conversations that are not closed; empty for none
	Channel      ID     // the default reply channel of an external one
	Assignees    []Assignee
	Tags         []string
	Metadata     map[string]string
	ExternalID   string            // the organization's own, unique in it; empty for none
	Priority     int               // 1 to 5, 5 the highest; 0 for none
	Attributes   map[string]string // values of the types that the organization has defined
	Inbox        bool              // false: sends only, kept out of inbox views until somebody answers
	LastSequence int64             // number of the newest item
	LastMessage  ID                // the newest message
	ActivityAt   time.Time
	Rev          int64
	CreatedAt    time.Time
	Participants []Participant // where they were asked for
	Unread       int           // how many items somebody has not read, at most MaxUnread; where it was asked for
	Muted        *Mute         // by who asked; nil: it is not
	Group        GroupRules    // of a group that is made
	SLA          *SLA          // where it has clocks, and was asked for
}

// GroupRules are what a group is besides a conversation.
type GroupRules struct {
	Forum         bool // every user finds it and may join
	ReplayHistory bool // who joins sees what was said before
}

// MaxUnread is up to where unread items are counted.
const MaxUnread = 100

// MaxConversationPriority is the highest priority of a conversation.
const MaxConversationPriority = 5

// Assignee is a user or a team that a conversation is given to.
type Assignee struct {
	Kind ActorKind `json:"kind"` // ActorUser or ActorTeam
	ID   ID        `json:"id"`
}

// Participant is a user, contact or bare address of a conversation.
type Participant struct {
	Kind             ActorKind // ActorUser, ActorContact or ActorAddress
	ID               ID        // of the user or contact; empty for a bare address
	Name             string
	Address          Address // of an outside participant
	JoinedSequence   int64   // it receives what comes after this item
	LeftSequence     int64   // 0 while it takes part
	DeliveredThrough int64   // markers of a user
	ReadThrough      int64
	Earlier          []Span // the parts that a user left before the present one, where they are remembered
}

// Span is a time in a conversation: what comes after one item and before another.
type Span struct{ Joined, Left int64 }

// Receives reports whether an item falls into the time of the participant's part.
func (p *Participant) Receives(sequence int64) bool {
	return Receives(p.JoinedSequence, p.LeftSequence, p.Earlier, sequence)
}

// Receives reports whether an item falls into a part that goes on where left is 0, or into an earlier one.
func Receives(joined, left int64, earlier []Span, sequence int64) bool {
	if sequence > joined && (left == 0 || sequence < left) {
		return true
	}
	for _, e := range earlier {
		if sequence > e.Joined && sequence < e.Left {
			return true
		}
	}
	return false
}

// ActorKind says who or what wrote, received or did something.
type ActorKind string

// The kinds of actors.
const (
	ActorUser         ActorKind = "user"
	ActorContact      ActorKind = "contact"
	ActorAddress      ActorKind = "address" // a bare address that identifies nobody
	ActorTeam         ActorKind = "team"
	ActorRole         ActorKind = "role"
	ActorOrganization ActorKind = "organization"
	ActorSystem       ActorKind = "system"
)

// Draft is what somebody has written for a conversation and not sent.
type Draft struct {
	ID           ID
	Conversation ID
	User         ID   // whose it is
	Shared       bool // with all who see the conversation
	Body         []Part
	Attachments  []Attachment
	Internal     bool
	ReplyTo      ID
	Rev          int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}
