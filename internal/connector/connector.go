// Package connector is the contract between the core and the platforms it sends through, and what
// connectors share: send errors, the guarded HTTP client, redaction. A connector parses and sends; it never stores.
package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// Connector sends messages through one kind of channel.
type Connector interface {
	// Send hands out to the provider. A nil error means the provider answered for each recipient of out, in
	// one Result each; a recipient's own refusal is in its Result. An *Error says that nothing was taken, and
	// whether to try again; any other error (a *LostError tells more) means that nobody knows whether the
	// provider took it.
	Send(ctx context.Context, ch parley.Channel, out Outgoing) (Receipt, error)
}

// Definition is a connector's entry in the catalog.
type Definition struct {
	Name      string // in URLs and settings: "sandbox"
	Title     string
	Platforms []Platform
	Settings  []Setting
	Connector Connector
}

// Platform is something a connector can be or play, with what its channels default to.
type Platform struct {
	Name           string // "sms", "whatsapp", "email"
	AddressKind    parley.AddressKind
	Thread         parley.ThreadPolicy
	Conversational bool
	ReadReceipts   bool // whether recipients' reading is ever reported
	MaxText        int  // characters of a text, 0: no limit of its own
	// Parts are the kinds that are carried as they are, and AsText those that are carried as plain text; others are
	// refused. Actions are those that come with a part; a part with others is carried as plain text.
	Parts, AsText []parley.PartKind
	Actions       []parley.ActionKind
	Attachments   int  // how many files, 0: none
	Copies        bool // receivers may be copies and blind copies
	Together      bool // one Send takes all recipients of a message that are due, but for blind copies; else each has its own
}

// Setting is one key of a channel's settings.
type Setting struct {
	Name     string
	Type     string // "string", "integer", "boolean", "url"
	Required bool
	Secret   bool
	Allowed  []string // values, where it is an enumeration
	Default  string
	Doc      string
}

// Outgoing is one message on its way to recipients of one channel.
type Outgoing struct {
	Reference   string // ours, the same at every attempt of this delivery; that of the first recipient, where there are several
	Message     parley.ID
	Attempt     int // 1 for the first
	Priority    parley.Priority
	Author      parley.Actor
	Body        []parley.Part // of what the platform carries
	Attachments []parley.Attachment
	Recipients  []Recipient
	// Shown are the receivers of a message to several that all of them may see: whom it is for, and copies. Recipients
	// that are not in it are shown to nobody.
	Shown []Recipient
}

// Recipient is one address of an Outgoing.
type Recipient struct {
	Delivery  int // number of the delivery within the message
	Address   parley.Address
	Role      parley.ReceiverRole // of a message to several
	Reference string              // ours: what a provider takes once is each of these
}

// Sandbox is the name of the connector that reaches nobody. Test organizations have no other.
const Sandbox = "sandbox"

// Receipt is what the provider answered.
type Receipt struct {
	Results []Result
	Later   []Later // receipts a simulator will report by itself
	Replies []Reply
	Trace   Trace
}

// Result is the provider's answer for one recipient: a State (sent, delivered or read) and ids, or an Err.
type Result struct {
	Delivery    int
	ProviderIDs []string // several for a long text that became several parts
	State       parley.DeliveryState
	Err         *Error // the provider refused this recipient; its Retry holds for this recipient alone
}

// Later is a receipt that arrives after a while.
type Later struct {
	After  time.Duration
	Report Report
}

// Reply is a message that a simulated recipient sends by itself after a while. Its content is made when its time comes,
// by the connector's Player.
type Reply struct {
	Delivery int
	Word     string // what the Player knows it by
	After    time.Duration
}

// Player makes what simulated recipients reply by themselves.
type Player interface {
	// Play is the reply of the one recipient of out. It has no address of its own.
	Play(word string, out Outgoing) Inbound
}

// Report is a receipt: what a provider says later about something it took.
type Report struct {
	ProviderID   string
	Delivery     int // where the provider's id is not needed
	State        parley.DeliveryState
	AcceptedOnly bool
	Code         string
	Text         string
	At           time.Time // zero: when it is reported
}

// maxProviderID is how many octets of a provider's id are kept as they are: not every database has longer ones in an
// index.
const maxProviderID = 255

// ShortID is a provider's id as it is stored and compared: a hash in place of a long one.
func ShortID(id string) string {
	if len(id) <= maxProviderID {
		return id
	}
	hash := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(hash[:])
}

// Inbound is a message from outside.
type Inbound struct {
	ProviderID  string // the same message has the same one: it is stored once
	From        parley.Address
	FromName    string
	Body        []parley.Part
	At          time.Time
	ReplyTo     string // provider id of the message it answers
	ThreadRoot  string // for channels whose thread policy is ThreadEmail
	Attachments []parley.Attachment
	// Action is the one that was chosen of the message that it answers, by its id. A body is then not needed.
	Action string
	// Automatic: no person wrote it, as the platform or its headers tell: an absence, a newsletter, a report. Nothing answers it
	// by itself.
	Automatic bool
}

// Deed is what somebody outside did with a message, as the platform tells, besides answering and reading it.
type Deed struct {
	Kind       parley.InteractionKind // opened, clicked or reacted
	ProviderID string                 // of the message
	From       parley.Address         // empty: the recipient, where the message has one
	Action     string                 // that was clicked, by its id
	URL        string                 // that was clicked
	Emoji      string                 // of a reaction
	Removed    bool                   // it was taken back
	At         time.Time              // zero: when it is told
}

// Received is what a provider's callback says.
type Received struct {
	Messages []Inbound
	Reports  []Report
	Deeds    []Deed
}

// Trace is the call as the operator may read it, secrets redacted.
type Trace struct {
	Request string // method and URL
	Status  int    // of the HTTP answer, 0 for none
}

// Repeat says what a second Send with the same reference does at the provider.
type Repeat string

// The answers.
const (
	RepeatDeduplicated Repeat = "deduplicated" // nothing: it may be repeated freely
	RepeatAsk          Repeat = "ask"          // the provider can be asked whether it has the reference
	RepeatNeither      Repeat = "neither"      // it may send twice: the channel's OnUnknown decides
)

// Repeater declares what a repeated reference does; without it, RepeatNeither.
type Repeater interface {
	Repeats(ch parley.Channel) Repeat
}

// Asker asks the provider about a reference whose call was lost.
type Asker interface {
	// Ask returns found=false where the provider never took the reference.
	Ask(ctx context.Context, ch parley.Channel, out Outgoing) (receipt Receipt, found bool, err error)
}

// Suppressor says which failures mean that an address is not to be written to any more.
type Suppressor interface {
	// Suppresses returns why an address that failed with a code (CodeBounced, CodeComplained, CodeRecipient) is suppressed on
	// the channel's platform; empty: it is not.
	Suppresses(ch parley.Channel, code string) parley.SuppressionReason
}

// Checker checks a channel's settings when it is saved; errors are *parley.Error with fields "settings.NAME".
type Checker interface {
	Check(ctx context.Context, ch parley.Channel) error
}

// Parser reads a provider's callback.
type Parser interface {
	Parse(ctx context.Context, ch parley.Channel, r *http.Request, body []byte) (Received, error)
}

// Verifier checks a callback's signature before it is parsed.
type Verifier interface {
	Verify(ch parley.Channel, r *http.Request, body []byte) error
}
