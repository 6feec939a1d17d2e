package parley

import (
	"slices"
	"strings"
	"time"
)

// Organization is the tenant. Every other thing belongs to exactly one.
type Organization struct {
	ID        ID
	Name      string
	Test      bool // it has a clock of its own, reaches no provider, and can be emptied; never changed
	Policy    Policy
	Rev       int64
	CreatedAt time.Time
}

// Policy is what an organization sets for everything sent in it.
type Policy struct {
	DefaultTTL time.Duration // 0: content lives until it is deleted
	MaxTTL     time.Duration // 0: no cap
	LockTTL    bool          // a send may not choose; DefaultTTL holds

	Retention map[ConversationKind]time.Duration // how long content is kept after it was sent; a kind that is not in it: for ever

	DefinedAttributesOnly bool // contacts have no others

	Quiet QuietHours // when messages that go out wait

	ContactLimits []ContactLimit // how many messages contacts get at most

	Keywords []Keyword // in order: the first that matches counts
	AckWords []string  // by which somebody outside acknowledges a message; nil: DefaultAckWords

	Reminders *Reminders // nil: DefaultReminders

	FallbackContent FallbackContent // empty: FallbackNone
	FallbackText    string          // in place of content; empty: DefaultFallbackText
	FallbackReplies bool            // what users answer to fallbacks is their reply in the conversation

	NoHighPriority bool // members send each other nothing of high priority
	NoImages       bool // members send each other no images,
	NoFiles        bool // and no other files
}

// Reminders say how often those are reminded who have not read a message of high priority.
type Reminders struct {
	Every time.Duration
	Times int
}

// DefaultReminders are those of organizations that say nothing of them.
var DefaultReminders = Reminders{Every: 2 * time.Minute, Times: 10}

// On reports whether anybody is reminded.
func (r Reminders) On() bool { return r.Every > 0 && r.Times > 0 }

// Reminding says how often those are reminded who have not read a message of high priority.
func (p *Policy) Reminding() Reminders {
	if p.Reminders == nil {
		return DefaultReminders
	}
	return *p.Reminders
}

// QuietHours are when messages that go out wait for a while.
type QuietHours struct {
	TimeZone  string // of whom that is not known of
	Intervals []QuietInterval
	Classes   []MessageClass // that wait; none: all but ClassAuthentication
	High      bool           // those of high priority wait too
}

// QuietInterval are hours of some days of the week, or of all where it names none.
type QuietInterval struct {
	Days []time.Weekday
	Hours
}

// Defers reports whether messages of a class and priority wait in quiet hours.
func (q *QuietHours) Defers(class MessageClass, priority Priority) bool {
	switch {
	case len(q.Intervals) == 0 || priority == PriorityHigh && !q.High:
		return false
	case len(q.Classes) == 0:
		return class != ClassAuthentication
	}
	return slices.Contains(q.Classes, class)
}

// DefaultAckWords are the words by which messages are acknowledged where an organization names no others.
var DefaultAckWords = []string{"ack", "1"}

// Words are those by which messages are acknowledged.
func (p *Policy) Words() []string {
	if p.AckWords == nil {
		return DefaultAckWords
	}
	return p.AckWords
}

// Acknowledges reports whether a body is one of the words by which messages are acknowledged, in whatever case.
func (p *Policy) Acknowledges(body []Part) bool {
	if len(body) != 1 || body[0].Kind != PartText {
		return false
	}
	text := strings.TrimRight(strings.TrimSpace(body[0].Text), ".! ")
	return slices.ContainsFunc(p.Words(), func(word string) bool { return strings.EqualFold(word, text) })
}

// Lifetime is the life of content that asks for one of ttl, in a conversation of a kind: the policy's own where it is locked or
// none is asked for, and none beyond its maximum. 0 is for ever, but for retention, which goes by when it was sent.
func (p *Policy) Lifetime(kind ConversationKind, ttl time.Duration) time.Duration {
	if p.LockTTL || ttl == 0 {
		ttl = p.DefaultTTL
	}
	if p.MaxTTL > 0 && (ttl == 0 || ttl > p.MaxTTL) {
		ttl = p.MaxTTL
	}
	if keep := p.Retention[kind]; keep > 0 && ttl > keep {
		ttl = keep
	}
	return ttl
}

// Account is a login. It has a user in each organization it belongs to.
type Account struct {
	ID        ID
	Email     string
	Name      string
	CreatedAt time.Time
}

// User is a member of one organization. A machine user stands for an API key.
type User struct {
	ID        ID
	Account   ID // empty for a machine user
	Name      string
	Email     string
	Machine   bool
	Active    bool
	Metadata  map[string]string
	Rev       int64
	CreatedAt time.Time

	Profile      Profile       // where it was asked for
	DoNotDisturb *DoNotDisturb // where it is on, and was asked for
}

// Profile is what an organization knows of a user.
type Profile struct {
	Title      string
	Department string
	Phone      string
	Avatar     ID // media
}

// Team is a standing set of users with a conversation of its own.
type Team struct {
	ID        ID
	Name      string
	Members   []ID
	Metadata  map[string]string
	Rev       int64
	CreatedAt time.Time
}

// Broadcast is a list whose members are written to one to one.
type Broadcast struct {
	ID          ID
	Name        string
	MemberCount int64
	Metadata    map[string]string
	Selection   *Selection // who is on it, in place of members; nil: it has members
	Rev         int64
	CreatedAt   time.Time
}

// Selection says which contacts are on a broadcast list, as they are at the moment. What is empty does not narrow.
type Selection struct {
	NamePrefix   string            `json:"name,omitempty"` // whatever the case
	Tag          string            `json:"tag,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Saved        *bool             `json:"saved,omitempty"`
	OptedOut     *bool             `json:"optedOut,omitempty"`
	CreatedSince time.Time         `json:"createdSince,omitzero"`
	CreatedUntil time.Time         `json:"createdUntil,omitzero"` // before it
}

// Empty reports whether it narrows nothing.
func (s *Selection) Empty() bool {
	return s.NamePrefix == "" && s.Tag == "" && len(s.Attributes) == 0 && s.Saved == nil && s.OptedOut == nil && s.CreatedSince.IsZero() && s.CreatedUntil.IsZero()
}

// BroadcastMember is a user or a contact of a broadcast list.
type BroadcastMember struct {
	Kind ActorKind // ActorUser or ActorContact
	ID   ID
}

// Contact is somebody outside: a customer, a patient.
type Contact struct {
	ID          ID
	Name        string
	Saved       bool // false: made by a send or an inbound message, and named by nobody yet
	Addresses   []Address
	Attributes  map[string]string
	Tags        []string
	ExternalID  string
	ExternalIDs map[string]string // in other systems, by what these are called
	OptedOut    bool
	LastChannel ID // the channel it last wrote on
	MergedInto  ID // another contact that this one became
	Rev         int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Key is an API credential. Only a hash of its secret is kept.
type Key struct {
	ID           ID
	Organization ID // of an organization key; empty for a personal one
	Account      ID // of a personal key
	User         ID // the machine user that an organization key acts as
	Name         string
	Scopes       []Scope
	RateLimit    int                   // requests a minute, 0: no limit
	Doors        map[string]DoorGrants // by the name of a door, where that has grants of its own; elsewhere the scopes say what it permits
	SecretHash   []byte
	ExpiresAt    time.Time // zero: never
	RevokedAt    time.Time
	CreatedAt    time.Time
}
