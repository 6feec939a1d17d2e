package parley

import (
	"encoding/json"
	"time"
)

// MessageKind is what sort of item of a conversation a message is.
type MessageKind string

// The kinds of items.
const (
	KindMessage MessageKind = "message"
	KindNote    MessageKind = "note"
	KindSystem  MessageKind = "system"
	KindCall    MessageKind = "call"
)

// Direction is as the organization sees it.
type Direction string

// The directions.
const (
	Inbound     Direction = "inbound"
	Outbound    Direction = "outbound"
	NoDirection Direction = "none" // between members
)

// Priority of a message.
type Priority string

// The priorities. High may overtake, and is resent in doubt.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"
)

// Rank orders priorities for the queue: greater goes first.
func (p Priority) Rank() int {
	switch p {
	case PriorityHigh:
		return 2
	case PriorityLow:
		return 0
	}
	return 1
}

// PriorityOfRank undoes Rank.
func PriorityOfRank(rank int) Priority {
	return [...]Priority{PriorityLow, PriorityNormal, PriorityHigh}[rank]
}

// Actor names who is shown as the author, or who did something.
type Actor struct {
	Kind ActorKind `json:"kind,omitempty"`
	ID   ID        `json:"id,omitempty"`
	Name string    `json:"name,omitempty"`
}

// Message is one item of a conversation.
type Message struct {
	ID           ID
	Conversation ID
	Kind         MessageKind
	Sequence     int64 // its number in the conversation; 0 while scheduled
	Direction    Direction
	Author       Actor // who is shown
	Actor        Actor // who did it
	Body         []Part
	Attachments  []Attachment
	AsText       []int      // which parts of the body the platform gets as plain text
	Template     *Templated // what the body was made of
	Links        LinkMode   // how its web addresses go out
	Click        *Click
	ProviderID   string         // of one that came in: the provider's
	Reactions    map[string]int // how many there are
	Channel      ID
	Platform     string
	Internal     bool
	Priority     Priority
	Metadata     map[string]string
	Tags         []string
	Reference    string // the sender's own
	ReplyTo      ID
	Parent       ID      // the message that this is a copy of: one to a broadcast list, or to whom it is forwarded for
	OnBehalfOf   []Actor // to whom it was written, and who forwarded it further, of a copy that was forwarded
	Notice       *Notice // of a system item: what it tells
	Root         ID      // the message that began the thread of replies which this one is in; empty: it is no reply
	Receivers    Receivers
	Forward      *Forward // what it forwards; nil: nothing
	Batch        ID       // of the messages that it was sent with
	RequestAck   bool
	AckWithin    time.Duration // within which recipients are to acknowledge it; 0: whenever
	Fallback     []Fallback    // where else it goes, in order
	Class        MessageClass  // of one that goes out
	Auto         Auto          // what of the server's wrote it; empty: nothing
	// Ext is what doors give back and nobody else reads: JSON by the name of the door. It is content, and goes as that does.
	Ext      map[string]json.RawMessage
	Recorded bool
	// RecordedState is the state of a recorded message, which has no deliveries.
	RecordedState DeliveryState
	TTL           time.Duration // 0: none
	DeleteOnRead  bool
	Validity      time.Duration // 0: none
	SendAt        time.Time     // of a scheduled one
	NotBefore     time.Time     // its deliveries wait until then, as it was sent in quiet hours; zero: they do not
	SentAt        time.Time     // when it entered the timeline; of a recorded one, as given
	CreatedAt     time.Time
	ExpiresAt     time.Time // end of the content's life; zero: none
	RemovedAt     time.Time // when the content went
	Removed       Removal
	Moved         ID          // of what was moved: the message, which is elsewhere now
	RemovedBy     Actor       // who took it away; zero: it was due
	Redactions    *Redactions // what of the content was taken away; nil: nothing
	EditedAt      time.Time   // zero: it is as it was sent
	Edits         int
	EditedIn      []int64               // of each edit: how many items the conversation had
	State         MessageState          // derived from the deliveries
	Counts        map[DeliveryState]int // of the deliveries
	Acks          Acks                  // of one that asks to be acknowledged; derived
	Replies       Replies               // of one that is no reply; derived
}

// AckBy is when its recipients are to have acknowledged a message; zero where nothing says so.
func (m *Message) AckBy() time.Time {
	if m.AckWithin == 0 || m.Sequence == 0 {
		return time.Time{}
	}
	return m.SentAt.Add(m.AckWithin)
}

// Reminds reports whether members are reminded of it as long as they have not read it.
func (m *Message) Reminds() bool {
	return m.Priority == PriorityHigh && m.Kind == KindMessage && m.Direction == NoDirection && !m.Recorded
}

// Thread is the message that began the thread of replies which a message is in, or would begin: itself.
func (m *Message) Thread() ID {
	if m.Root != "" {
		return m.Root
	}
	return m.ID
}

// Acks says how many recipients of a message have acknowledged it, and how many have not.
type Acks struct{ Acknowledged, Pending int }

// Acknowledgement is what one recipient has to do with a message that asks to be acknowledged.
type Acknowledgement struct {
	Recipient Actor
	Address   Address
	At        time.Time // zero: not yet
}

// Replies says how many messages a thread has besides the one that began it.
type Replies struct {
	Count int
	Last  time.Time // when the last was sent
}

// Auto names a rule of the server that writes messages by itself.
type Auto string

// AutoKeyword answers a keyword. Such a message goes out also to who does not want any.
const AutoKeyword Auto = "keyword"

// AutoReplied answers by a rule of the organization.
const AutoReplied Auto = "reply"

// LinkMode says how the web addresses of a message go out.
type LinkMode string

// The modes; empty: as the channel does.
const (
	LinksShort LinkMode = "short" // as links of this server, which count clicks
	LinksPlain LinkMode = "plain" // as they are
)

// Removal says why the content of a message is gone; empty while it is there.
type Removal string

// The reasons.
const (
	RemovedExpired  Removal = "expired"
	RemovedRecalled Removal = "recalled"
	RemovedOnRead   Removal = "read"
	RemovedErased   Removal = "erased"
	RemovedMoved    Removal = "moved" // to another conversation
	RemovedRedacted Removal = "redacted"
)

// Attachment is a file of a message.
type Attachment struct {
	Media       ID     `json:"media"`
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Size        int64  `json:"size"`
}

// Media is an uploaded file. Its bytes live in the blob store under its id.
type Media struct {
	ID          ID
	Name        string
	ContentType string
	Size        int64
	SHA256      string
	Uploader    ID // user
	Attached    bool
	CreatedAt   time.Time
}

// Delivery is one message to one outside recipient. Number counts from 1 within the message.
type Delivery struct {
	Message      ID
	Number       int
	Conversation ID
	Recipient    Actor
	Address      Address
	Role         ReceiverRole // of one to somebody outside, where it is looked at with its message
	Channel      ID
	State        DeliveryState
	Phase        FailurePhase
	Code         string // of a failure
	Reason       string // of a failure, for the operator
	Attempts     int
	NextAttempt  time.Time
	ValidUntil   time.Time
	RetryOf      int // number of the delivery that this one repeats by hand
	Fallback     int // which of the message's fallbacks made it, from 1, or of a level of its escalation; 0: none
	Step         int // of one that an escalation's fallback made: the level, plus 1; 0: none
	Instead      int // of one that a fallback made: number of the delivery that it stands in for; 0: of none, but for a member
	Held         bool
	CreatedAt    time.Time
	SentAt       time.Time
	DeliveredAt  time.Time
	ReadAt       time.Time
	EndedAt      time.Time // when it failed, expired, or was skipped or canceled
}

// Attempt is one call to a provider for a delivery.
type Attempt struct {
	Message   ID
	Delivery  int
	Number    int
	StartedAt time.Time
	EndedAt   time.Time // zero: under way, or lost
	Outcome   AttemptOutcome
	Code      string
	Text      string // what the operator should read; secrets redacted
	Request   string // trace: method and URL, secrets redacted
	Status    int    // of the provider's HTTP answer
	Reference string // the client reference handed to the provider

	ProviderIDs []string // of an accepted one: the provider's, one for each message of the platform that it became
}

// AttemptOutcome is how a call ended.
type AttemptOutcome string

// The outcomes of a call.
const (
	AttemptAccepted AttemptOutcome = "accepted"
	AttemptRetry    AttemptOutcome = "retry" // failed for now
	AttemptFailed   AttemptOutcome = "failed"
	AttemptLost     AttemptOutcome = "lost" // its answer never reached us
)

// InteractionKind is what a recipient did.
type InteractionKind string

// The kinds of interactions.
const (
	InteractionDelivered    InteractionKind = "delivered"
	InteractionRead         InteractionKind = "read"
	InteractionAcknowledged InteractionKind = "acknowledged"
	InteractionOpened       InteractionKind = "opened"
	InteractionClicked      InteractionKind = "clicked"
	InteractionReacted      InteractionKind = "reacted"
)

// Interaction is what one recipient did with one message.
type Interaction struct {
	Message ID
	Kind    InteractionKind
	Actor   Actor
	Address Address
	At      time.Time
	Action  string // that was clicked
	URL     string // that was clicked
	Emoji   string // of a reaction
	Times   int64  // of opening and clicking
	LastAt  time.Time
}

// Click is what a message from outside chose of the one that it answers.
type Click struct {
	Action  string `json:"a"`
	Payload string `json:"p,omitempty"`
}
