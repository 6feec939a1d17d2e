package api

import (
	"context"
	"net/http"
)

// MessageClass says what a message to somebody outside is for. Addresses may be suppressed for some classes only.
type MessageClass string

// The classes of messages.
const (
	ClassTransactional  MessageClass = "transactional" // about something that the recipient does or has; the default
	ClassService        MessageClass = "service"       // help, and answers to what the recipient asked
	ClassAuthentication MessageClass = "authentication"
	ClassMarketing      MessageClass = "marketing"
	ClassAll            MessageClass = "all" // in a suppression: every class
)

// SuppressionReason is why an address is not written to.
type SuppressionReason string

// The reasons.
const (
	ReasonUser      SuppressionReason = "user"
	ReasonAdmin     SuppressionReason = "admin"
	ReasonBounce    SuppressionReason = "bounce"
	ReasonComplaint SuppressionReason = "complaint"
	ReasonKeyword   SuppressionReason = "keyword"
)

// Suppression keeps messages of a class from an address, whoever has it.
type Suppression struct {
	ID        string            `json:"id" doc:"The id."`
	Address   string            `json:"address" example:"phone:+15550100" doc:"The address, as kind:value. Of one that was erased it is a hash, which goes on keeping messages from it."`
	Platform  string            `json:"platform,omitempty" doc:"On which platform; none: on all."`
	Class     MessageClass      `json:"class" enum:"all,transactional,service,authentication,marketing" doc:"The class of messages."`
	Reason    SuppressionReason `json:"reason" enum:"user,admin,bounce,complaint,keyword" doc:"Why."`
	Note      string            `json:"note,omitempty" doc:"What somebody noted."`
	Actor     string            `json:"actor,omitempty" doc:"The id of the user who added it; none: the server did."`
	MessageID string            `json:"messageId,omitempty" doc:"The message that brought it: the keyword, or one that bounced."`
	CreatedAt Time              `json:"createdAt" format:"date-time" doc:"When it was added."`
}

// SuppressionRequest suppresses an address, or all addresses of a contact. Exactly one of the two is given.
type SuppressionRequest struct {
	Address  string            `json:"address,omitempty" maxLength:"400" example:"phone:+15550100" doc:"The address, as kind:value."`
	Contact  string            `json:"contact,omitempty" doc:"The id of a contact: each of the addresses that it has now."`
	Platform string            `json:"platform,omitempty" maxLength:"50" doc:"On which platform; left out: on all."`
	Class    MessageClass      `json:"class,omitempty" enum:"all,transactional,service,authentication,marketing" doc:"The class of messages; left out: all."`
	Reason   SuppressionReason `json:"reason,omitempty" enum:"user,admin,bounce,complaint" doc:"Why; left out: admin. What the user said, the user may take back by a keyword."`
	Note     string            `json:"note,omitempty" maxLength:"500" doc:"A note for others."`
}

// Suppressions are the suppressions that a request asked for.
type Suppressions struct {
	Data []Suppression `json:"data" doc:"One for each address, made now or there before."`
}

// SuppressionFilter says which suppressions a list holds: those to which everything given applies.
type SuppressionFilter struct {
	Page
	Address  string            `query:"address" doc:"Of this address, as kind:value, also if it was erased."`
	Contact  string            `query:"contact" doc:"Of the addresses of this contact."`
	Kind     string            `query:"kind" doc:"Of addresses of this kind."`
	Platform string            `query:"platform" doc:"On this platform."`
	Class    MessageClass      `query:"class" enum:"all,transactional,service,authentication,marketing" doc:"Of this class, exactly."`
	Reason   SuppressionReason `query:"reason" enum:"user,admin,bounce,complaint,keyword" doc:"For this reason."`
}

// BlockedSender is somebody whose messages are parked instead of being taken in.
type BlockedSender struct {
	ID        string `json:"id" doc:"The id of the block."`
	Contact   string `json:"contact,omitempty" doc:"The contact, with every address that identifies it."`
	Address   string `json:"address,omitempty" doc:"Or the address, as kind:value."`
	Note      string `json:"note,omitempty" doc:"What somebody noted."`
	Actor     string `json:"actor,omitempty" doc:"The id of the user who blocked it."`
	Parked    int64  `json:"parked" doc:"How many messages are kept that came since."`
	CreatedAt Time   `json:"createdAt" format:"date-time" doc:"When it was blocked."`
}

// BlockRequest blocks a sender. Exactly one of contact and address is given.
type BlockRequest struct {
	Contact string `json:"contact,omitempty" doc:"The id of a contact."`
	Address string `json:"address,omitempty" maxLength:"400" example:"phone:+15550100" doc:"An address, as kind:value."`
	Note    string `json:"note,omitempty" maxLength:"500" doc:"A note for others."`
}

// UnblockRequest says what becomes of what a blocked sender wrote.
type UnblockRequest struct {
	Release bool `json:"release,omitempty" doc:"Whether what was parked is taken in, as if it came now; else it stays parked until its time is over."`
}

// Unblocked is what came of unblocking.
type Unblocked struct {
	Released int `json:"released" doc:"How many messages were taken in."`
}

// KeywordAction is what a keyword does.
type KeywordAction string

// The actions.
const (
	KeywordStop  KeywordAction = "stop"  // the address is suppressed
	KeywordStart KeywordAction = "start" // what its user said before is taken back
	KeywordHelp  KeywordAction = "help"  // it is only answered
)

// Keyword is a rule for messages from outside that are one of some words and nothing else.
type Keyword struct {
	Action   KeywordAction `json:"action" enum:"stop,start,help" doc:"What it does to the address on the platform of the channel: stop suppresses it, start takes back what its user said (keywords and the reason user), help only answers."`
	Platform string        `json:"platform,omitempty" maxLength:"50" doc:"On which platform; left out: on all."`
	Locale   string        `json:"locale,omitempty" maxLength:"35" example:"tr" doc:"The language of the words, for their case and the usual ones."`
	Words    []string      `json:"words,omitempty" maxItems:"100" maxLength:"50" doc:"The words; case and punctuation around them do not count. Left out: the usual ones of the action, in English and the locale."`
	Class    MessageClass  `json:"class,omitempty" enum:"all,transactional,service,authentication,marketing" doc:"Of stop: what is not wanted any more; left out: all."`
	Answer   string        `json:"answer,omitempty" maxLength:"1600" doc:"The answer, sent once when the keyword changes something (help: each time); left out: none."`
}

// Suppress keeps messages from an address or from a contact. What is suppressed already stays as it is.
func (c *Client) Suppress(ctx context.Context, suppression SuppressionRequest, options ...CallOption) (*Suppressions, error) {
	return fetch[Suppressions](ctx, c, request{method: http.MethodPost, path: "/v1/suppressions", in: &suppression, repeatable: true}, options...)
}

// ListSuppressions returns a page of suppressions.
func (c *Client) ListSuppressions(ctx context.Context, filter SuppressionFilter, options ...CallOption) (*List[Suppression], error) {
	r := request{method: http.MethodGet, path: "/v1/suppressions", query: queryOf(filter)}
	return fetch[List[Suppression]](ctx, c, r, options...)
}

// GetSuppression returns a suppression.
func (c *Client) GetSuppression(ctx context.Context, id string, options ...CallOption) (*Suppression, error) {
	return fetch[Suppression](ctx, c, request{method: http.MethodGet}.pathOf("v1", "suppressions", id), options...)
}

// DeleteSuppression takes a suppression back.
func (c *Client) DeleteSuppression(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "suppressions", id), options...)
}

// BlockSender parks what somebody writes from now on. To do it again changes nothing.
func (c *Client) BlockSender(ctx context.Context, block BlockRequest, options ...CallOption) (*BlockedSender, error) {
	return fetch[BlockedSender](ctx, c, request{method: http.MethodPost, path: "/v1/blocked-senders", in: &block, repeatable: true}, options...)
}

// ListBlockedSenders returns a page of blocked senders.
func (c *Client) ListBlockedSenders(ctx context.Context, page Page, options ...CallOption) (*List[BlockedSender], error) {
	r := request{method: http.MethodGet, path: "/v1/blocked-senders", query: queryOf(page)}
	return fetch[List[BlockedSender]](ctx, c, r, options...)
}

// GetBlockedSender returns a blocked sender.
func (c *Client) GetBlockedSender(ctx context.Context, id string, options ...CallOption) (*BlockedSender, error) {
	return fetch[BlockedSender](ctx, c, request{method: http.MethodGet}.pathOf("v1", "blocked-senders", id), options...)
}

// UnblockSender lets somebody write again.
func (c *Client) UnblockSender(ctx context.Context, id string, unblock UnblockRequest, options ...CallOption) (*Unblocked, error) {
	r := request{method: http.MethodPost, in: &unblock}
	return fetch[Unblocked](ctx, c, r.pathOf("v1", "blocked-senders", id, "unblock"), options...)
}
