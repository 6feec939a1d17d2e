package parley

import (
	"encoding/json"
	"time"
)

// Channel is one connected account on a platform, run by a connector.
type Channel struct {
	ID          ID
	Name        string
	Connector   string // its name in the catalog: "sandbox", "email"
	Platform    string // what it plays or is: "sms", "whatsapp", "email", "fax", "chat", "secure"
	AddressKind AddressKind
	Address     string // our own end: a number, a mailbox
	Settings    json.RawMessage
	Thread      ThreadPolicy
	Reopen      ReopenPolicy
	// Conversational is false where sends stay out of inbox views until somebody answers.
	Conversational bool
	// Open channels are seen by the whole organization; others by Members only.
	Open        bool
	Members     []ID // users
	Default     bool // the channel of its address kind that a send takes when nothing else says
	Rate        int  // sends a second, 0: no limit
	Concurrency int  // calls in flight at once
	OnUnknown   UnknownPolicy
	Paused      bool
	Metadata    map[string]string
	Rev         int64
	CreatedAt   time.Time
}

// ThreadPolicy says which conversation a message of an external channel belongs to.
type ThreadPolicy string

// The thread policies.
const (
	ThreadContact ThreadPolicy = "contact" // one for the channel and the sorted addresses
	ThreadEmail   ThreadPolicy = "thread"  // one for the channel and the root Message-ID
	ThreadEach    ThreadPolicy = "each"    // a new one each time
)

// ReopenPolicy says what a message does to a closed conversation.
type ReopenPolicy string

// The reopen policies.
const (
	ReopenAuto  ReopenPolicy = "auto"
	ReopenNever ReopenPolicy = "never"
	ReopenNew   ReopenPolicy = "new" // leave it closed and begin a new conversation
)

// UnknownPolicy says what happens to a delivery whose call was lost with its answer, at a provider that
// neither deduplicates nor can be asked.
type UnknownPolicy string

// The policies for a lost call. UnknownAuto resends high priority and holds the rest.
const (
	UnknownAuto   UnknownPolicy = "auto"
	UnknownResend UnknownPolicy = "resend"
	UnknownHold   UnknownPolicy = "hold"
)
