package parley

import "time"

// Webhook is an endpoint: an address outside to which events of an organization's log are posted. It is a place in the log; only
// what was posted, and is to be tried again, are rows.
type Webhook struct {
	ID        ID
	Format    string // in which events are posted: that of a door
	Name      string
	URL       string
	Key       ID   // what this key may see is posted
	Paused    bool // nothing is posted; the place in the log stays
	Reason    PauseReason
	Secrets   []WebhookSecret // oldest first; the last one signs
	Rev       int64
	CreatedAt time.Time
}

// WebhookSecret is what posts to an endpoint are signed with.
type WebhookSecret struct {
	ID    ID     `json:"id"`
	Value string `json:"value"`
}

// PauseReason says why an endpoint is paused.
type PauseReason string

// The reasons.
const (
	PausedByHand PauseReason = "hand"
	PausedByKey  PauseReason = "key" // its key does not work any more, or may not read events
)

// PostState is what has become of a post.
type PostState string

// The states of posts.
const (
	PostWaiting   PostState = "waiting" // to be tried again
	PostDelivered PostState = "delivered"
	PostFailed    PostState = "failed" // for good
)

// Post is what was posted of one event to an endpoint: facts, no content.
type Post struct {
	PostKey
	Kind     string // what the format calls it
	State    PostState
	Attempts int
	Status   int    // of the last answer; 0: there was none
	Code     string // why the last attempt failed
	TriedAt  time.Time
	NextAt   time.Time // of one that waits
}

// PostKey names a post of an endpoint: an event, and which of those that the format makes of it.
type PostKey struct {
	At       time.Time // of the event
	Sequence int64
	Part     int
}
