package api

import (
	"context"
	"net/http"
	"strconv"
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

// The priorities.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high" // may overtake, and is sent again in doubt
)

// Status is where a message or one of its deliveries stands.
type Status string

// The statuses. Only a message can be scheduled; the others are of both.
const (
	Scheduled Status = "scheduled" // its time to be sent has not come
	Queued    Status = "queued"
	Sent      Status = "sent"
	Delivered Status = "delivered"
	Read      Status = "read"
	Failed    Status = "failed"
	Expired   Status = "expired"  // its validity passed
	Skipped   Status = "skipped"  // deliberately not sent
	Canceled  Status = "canceled" // withdrawn before it was sent
	Unknown   Status = "unknown"  // handed to a provider that cannot say whether it took it
)

// Final reports whether nothing more will be tried. A receipt may still come.
func (s Status) Final() bool { return s != Queued && s != Scheduled }

// Message is one item of a conversation.
type Message struct {
	ID             string            `json:"id" doc:"The id."`
	ConversationID string            `json:"conversationId" doc:"The conversation it belongs to."`
	Sequence       int64             `json:"sequence" doc:"Its number in the conversation, from 1 without gaps; 0 while it is scheduled."`
	Kind           MessageKind       `json:"kind" enum:"message,note,system,call" doc:"What sort of item it is."`
	Direction      Direction         `json:"direction" enum:"inbound,outbound,none" doc:"As the organization sees it; none between members."`
	Status         Status            `json:"status" enum:"scheduled,queued,sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"That of the least advanced live delivery."`
	Counts         Counts            `json:"counts" doc:"How many deliveries stand where; statuses with none are left out."`
	Author         Actor             `json:"author" doc:"Who is shown."`
	Actor          Actor             `json:"actor,omitzero" doc:"Who did it, where that is somebody else."`
	Body           Body              `json:"body" doc:"The content; empty when it is gone."`
	Text           string            `json:"text" doc:"The content as plain text; empty when it is gone."`
	AsText         []int             `json:"asText,omitempty" doc:"Which parts of the body, from 0, the platform gets as plain text."`
	Click          *Click            `json:"click,omitempty" doc:"Of a message from outside that chose an action of the one that it answers: which."`
	Reactions      map[string]int    `json:"reactions,omitempty" doc:"How many reactions of each kind it has; by whom, its interactions say."`
	Attachments    []Attachment      `json:"attachments" doc:"The files; empty when they are gone."`
	Channel        string            `json:"channel,omitempty" doc:"The id of the channel; none between members."`
	Platform       string            `json:"platform,omitempty" doc:"What the channel is: sms, email, …"`
	Internal       bool              `json:"internal" doc:"Whether it is hidden from outside participants."`
	Priority       Priority          `json:"priority" enum:"low,normal,high" doc:"How urgent it is."`
	TTL            int64             `json:"ttl,omitempty" doc:"Seconds that the content lives, counted from sentAt, as policy left it; none: until it is deleted."`
	Validity       int64             `json:"validity,omitempty" doc:"Seconds that delivery is tried; none: as the channel does."`
	ExpiresAt      Time              `json:"expiresAt,omitzero" format:"date-time" doc:"When the content goes."`
	DeleteOnRead   bool              `json:"deleteOnRead" doc:"Whether the content goes for a recipient 60 s after reading."`
	Tags           []string          `json:"tags" doc:"Labels."`
	Metadata       map[string]string `json:"metadata" doc:"Facts that the sender attached."`
	Reference      string            `json:"reference" doc:"The sender's own reference; empty for none."`
	ReplyTo        string            `json:"replyTo,omitempty" doc:"The message that it answers."`
	Root           string            `json:"root,omitempty" doc:"Of a reply: the message that began its thread."`
	Replies        int               `json:"replies,omitempty" doc:"Of one that is no reply: how many messages its thread has besides it."`
	LastReplyAt    Time              `json:"lastReplyAt,omitzero" format:"date-time" doc:"When the last of its replies was sent."`
	Parent         string            `json:"parent,omitempty" doc:"The message that it is a copy of: one to a broadcast list, or to whom it is forwarded for."`
	OnBehalfOf     []Actor           `json:"onBehalfOf,omitempty" doc:"Of a copy that was forwarded while somebody does not want to be disturbed: to whom it was written, and who had it forwarded further."`
	Notice         *Notice           `json:"notice,omitempty" doc:"Of a system item: what it tells, for programs."`
	Batch          string            `json:"batch,omitempty" doc:"The id of the batch that it was sent in."`
	Acks           *Acks             `json:"acks,omitempty" doc:"That its recipients are to acknowledge it, and how many have."`
	Recorded       bool              `json:"recorded" doc:"Whether it happened elsewhere and was only recorded."`
	Removed        *Removed          `json:"removed,omitempty" doc:"That the content is gone, why and when."`
	SendAt         Time              `json:"sendAt,omitzero" format:"date-time" doc:"When it is to be sent, or was, if it was scheduled."`
	SentAt         Time              `json:"sentAt,omitzero" format:"date-time" doc:"When it entered the conversation; none while it is scheduled."`
	CreatedAt      Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// Counts says how many deliveries of a message stand where.
type Counts struct {
	Queued    int `json:"queued,omitempty" doc:"Waiting, or under way."`
	Sent      int `json:"sent,omitempty" doc:"Handed to the provider, or committed for a member."`
	Delivered int `json:"delivered,omitempty" doc:"Arrived."`
	Read      int `json:"read,omitempty" doc:"Read."`
	Failed    int `json:"failed,omitempty" doc:"Failed for good."`
	Expired   int `json:"expired,omitempty" doc:"Validity passed."`
	Skipped   int `json:"skipped,omitempty" doc:"Deliberately not sent."`
	Canceled  int `json:"canceled,omitempty" doc:"Withdrawn before they were sent."`
	Unknown   int `json:"unknown,omitempty" doc:"Nobody can say whether the provider took them."`
}

// Acks says how many recipients have acknowledged a message that asks for it.
type Acks struct {
	Acknowledged int  `json:"acknowledged" doc:"How many have."`
	Pending      int  `json:"pending" doc:"How many have not."`
	Due          Time `json:"due,omitzero" format:"date-time" doc:"By when they are to; none: whenever."`
}

// Acknowledgement is what one recipient has to do with a message that asks to be acknowledged.
type Acknowledgement struct {
	Recipient Actor  `json:"recipient" doc:"Who."`
	Address   string `json:"address,omitempty" doc:"At which address, as kind:value."`
	At        Time   `json:"at,omitzero" format:"date-time" doc:"When; none: not yet."`
}

// Attachment is a file of a message.
type Attachment struct {
	Media       string `json:"media" doc:"The id of the media."`
	Name        string `json:"name" doc:"The file's name."`
	ContentType string `json:"contentType" doc:"The file's media type."`
	Size        int64  `json:"size" doc:"The file's length in bytes."`
}

// Removal says why the content of a message is gone.
type Removal string

// The reasons.
const (
	RemovedExpired  Removal = "expired"  // its ttl passed
	RemovedRecalled Removal = "recalled" // its sender took it back
	RemovedOnRead   Removal = "read"     // it was to be deleted on read
	RemovedErased   Removal = "erased"
)

// Removed says that the content of a message is gone.
type Removed struct {
	Reason Removal `json:"reason" enum:"expired,recalled,read,erased" doc:"Why."`
	At     Time    `json:"at" format:"date-time" doc:"When."`
}

// MessageFilter says which messages a list holds: those to which everything given applies, newest first.
type MessageFilter struct {
	Page
	Conversation string    `query:"conversation" doc:"Of this conversation."`
	Kind         string    `query:"kind" enum:"message,note,system,call" doc:"Of this kind."`
	Channel      string    `query:"channel" doc:"Of this channel."`
	Platform     string    `query:"platform" doc:"Of this platform."`
	Direction    string    `query:"direction" enum:"inbound,outbound,none" doc:"In this direction."`
	Status       string    `query:"status" enum:"scheduled,queued,sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"In this status."`
	Sender       string    `query:"sender" doc:"By this user or contact (id) or address (kind:value)."`
	Recipient    string    `query:"recipient" doc:"To this user or contact (id) or address (kind:value)."`
	Tag          string    `query:"tag" doc:"With this tag."`
	Reference    string    `query:"reference" doc:"With exactly this reference."`
	Parent       string    `query:"parent" doc:"Copies of this message, to a broadcast list or forwarded."`
	Batch        string    `query:"batch" doc:"Sent in this batch."`
	Since        time.Time `query:"since" doc:"Sent at this time or later."`
	Until        time.Time `query:"until" doc:"Sent before this time."`
}

// FailurePhase says where a delivery failed.
type FailurePhase string

// The phases of a failure.
const (
	PhasePolicy   FailurePhase = "policy"   // our own rules refused it
	PhaseHandoff  FailurePhase = "handoff"  // the provider did not take it
	PhaseDelivery FailurePhase = "delivery" // the provider took it and reports that it did not arrive
)

// Delivery is one message to one recipient.
type Delivery struct {
	ID             string       `json:"id" example:"d0l3kq0s7k0c5vsr9ehg.1" doc:"<messageId>.<number>"`
	MessageID      string       `json:"messageId" doc:"The message."`
	Number         int          `json:"number" doc:"Its number within the message, from 1."`
	ConversationID string       `json:"conversationId" doc:"The conversation of the message."`
	Recipient      Actor        `json:"recipient" doc:"To whom."`
	Address        string       `json:"address,omitempty" doc:"To which address, as kind:value; none for members."`
	Channel        string       `json:"channel,omitempty" doc:"Through which channel; none for members."`
	Status         Status       `json:"status" enum:"queued,sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"Where it stands."`
	Phase          FailurePhase `json:"phase,omitempty" enum:"policy,handoff,delivery" doc:"Of a failure: where it happened."`
	Code           string       `json:"code,omitempty" doc:"Of a failure: a stable code."`
	Reason         string       `json:"reason,omitempty" doc:"Of a failure: what the operator should read."`
	Attempts       int          `json:"attempts" doc:"How many provider calls were made."`
	NextAttemptAt  Time         `json:"nextAttemptAt,omitzero" format:"date-time" doc:"While queued: when it is tried next."`
	ValidUntil     Time         `json:"validUntil,omitzero" format:"date-time" doc:"Until when it is tried."`
	RetryOf        int          `json:"retryOf,omitempty" doc:"The number of the delivery that this one repeats by hand."`
	Held           bool         `json:"held" doc:"Whether it waits for somebody's decision after a lost call."`
	CreatedAt      Time         `json:"createdAt" format:"date-time" doc:"When it was made."`
	SentAt         Time         `json:"sentAt,omitzero" format:"date-time" doc:"When it was sent."`
	DeliveredAt    Time         `json:"deliveredAt,omitzero" format:"date-time" doc:"When it arrived."`
	ReadAt         Time         `json:"readAt,omitzero" format:"date-time" doc:"When it was read."`
	EndedAt        Time         `json:"endedAt,omitzero" format:"date-time" doc:"When it failed, expired, or was skipped or canceled."`
}

// AttemptOutcome is how a provider call ended.
type AttemptOutcome string

// The outcomes of a call.
const (
	AttemptAccepted AttemptOutcome = "accepted"
	AttemptRetry    AttemptOutcome = "retry" // failed for now
	AttemptFailed   AttemptOutcome = "failed"
	AttemptLost     AttemptOutcome = "lost" // its answer never reached us
)

// Attempt is one call to a provider for a delivery.
type Attempt struct {
	DeliveryID string         `json:"deliveryId" doc:"The delivery: <messageId>.<number>"`
	Number     int            `json:"number" doc:"Its number within the delivery, from 1."`
	StartedAt  Time           `json:"startedAt" format:"date-time" doc:"When the call began."`
	EndedAt    Time           `json:"endedAt,omitzero" format:"date-time" doc:"When it ended; none while it is under way, or lost."`
	Outcome    AttemptOutcome `json:"outcome,omitempty" enum:"accepted,retry,failed,lost" doc:"How it ended; none while it is under way."`
	Code       string         `json:"code,omitempty" doc:"Of a failure: a stable code."`
	Text       string         `json:"text,omitempty" doc:"What the operator should read; secrets are redacted."`
	Request    string         `json:"request,omitempty" doc:"Method and URL of the call; secrets are redacted."`
	HTTPStatus int            `json:"httpStatus,omitempty" doc:"Of the provider's answer."`
	Reference  string         `json:"reference,omitempty" doc:"The client reference handed to the provider."`
}

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

// Interaction is what somebody did with one message.
type Interaction struct {
	MessageID string          `json:"messageId" doc:"The message."`
	Kind      InteractionKind `json:"kind" enum:"delivered,read,acknowledged,opened,clicked,reacted" doc:"What was done."`
	Actor     Actor           `json:"actor" doc:"Who did it."`
	Address   string          `json:"address,omitempty" doc:"At which address, as kind:value."`
	At        Time            `json:"at" format:"date-time" doc:"When, the first time."`
	Action    string          `json:"action,omitempty" doc:"Of clicked: the id of the action."`
	URL       string          `json:"url,omitempty" doc:"Of clicked: the link."`
	Emoji     string          `json:"emoji,omitempty" doc:"Of reacted: the reaction."`
	Times     int64           `json:"times,omitempty" doc:"Of opened and clicked: how often."`
	LastAt    Time            `json:"lastAt,omitzero" format:"date-time" doc:"Of opened and clicked: when, the last time."`
}

// Click is the action that a message from outside chose.
type Click struct {
	Action  string `json:"action" doc:"The id of the action, in the message that this one answers."`
	Payload string `json:"payload,omitempty" doc:"What the action has for whoever sent it."`
}

// ReactionRequest is a reaction to a message.
type ReactionRequest struct {
	Emoji string `json:"emoji" minLength:"1" maxLength:"32" example:"👍" doc:"An emoji, or a word."`
}

// GetMessage returns a message as it is now.
func (c *Client) GetMessage(ctx context.Context, id string, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, c, request{method: http.MethodGet}.pathOf("v1", "messages", id), options...)
}

// ListMessages returns a page of messages, newest first.
func (c *Client) ListMessages(ctx context.Context, filter MessageFilter, options ...CallOption) (*List[Message], error) {
	r := request{method: http.MethodGet, path: "/v1/messages", query: queryOf(filter)}
	return fetch[List[Message]](ctx, c, r, options...)
}

// RecallMessage takes a message back: its content goes everywhere it can be reached, and what is not yet
// delivered is canceled. It returns what is left.
func (c *Client) RecallMessage(ctx context.Context, id string, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, c, request{method: http.MethodDelete}.pathOf("v1", "messages", id), options...)
}

// CancelMessage withdraws a scheduled message. One that is no longer scheduled is an *Error of status 409.
func (c *Client) CancelMessage(ctx context.Context, id string, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, keyed: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", id, "cancel"), options...)
}

// MarkDelivered confirms that the key's user has a message.
func (c *Client) MarkDelivered(ctx context.Context, id string, options ...CallOption) error {
	return c.mark(ctx, id, "delivered", options)
}

// MarkRead marks a message as read by the key's user.
func (c *Client) MarkRead(ctx context.Context, id string, options ...CallOption) error {
	return c.mark(ctx, id, "read", options)
}

// Acknowledge says, for the key's user, that a message has been taken note of.
func (c *Client) Acknowledge(ctx context.Context, id string, options ...CallOption) error {
	return c.mark(ctx, id, "acknowledge", options)
}

func (c *Client) mark(ctx context.Context, id, what string, options []CallOption) error {
	r := request{method: http.MethodPost, repeatable: true}
	return order(ctx, c, r.pathOf("v1", "messages", id, what), options...)
}

// React adds a reaction of the key's user to a message, and returns the message. One that is there stays.
func (c *Client) React(ctx context.Context, message, emoji string, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &ReactionRequest{Emoji: emoji}, repeatable: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", message, "reactions"), options...)
}

// Unreact takes a reaction of the key's user back.
func (c *Client) Unreact(ctx context.Context, message, emoji string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "messages", message, "reactions", emoji), options...)
}

// ListDeliveries returns a page of a message's deliveries, by number.
func (c *Client) ListDeliveries(ctx context.Context, message string, page Page, options ...CallOption) (*List[Delivery], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Delivery]](ctx, c, r.pathOf("v1", "messages", message, "deliveries"), options...)
}

// ListAttempts returns a page of the provider calls made for a message, by delivery and number.
func (c *Client) ListAttempts(ctx context.Context, message string, page Page, options ...CallOption) (*List[Attempt], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Attempt]](ctx, c, r.pathOf("v1", "messages", message, "attempts"), options...)
}

// ListInteractions returns a page of what people did with a message, oldest first.
func (c *Client) ListInteractions(ctx context.Context, message string, page Page, options ...CallOption) (*List[Interaction], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Interaction]](ctx, c, r.pathOf("v1", "messages", message, "interactions"), options...)
}

// ListReplies returns a page of the thread that a message is in or began, oldest first, without the message that began it.
func (c *Client) ListReplies(ctx context.Context, message string, page Page, options ...CallOption) (*List[Message], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Message]](ctx, c, r.pathOf("v1", "messages", message, "replies"), options...)
}

// ListAcknowledgements returns a page of a message's recipients with when they acknowledged it, those first who have not.
func (c *Client) ListAcknowledgements(ctx context.Context, message string, page Page, options ...CallOption) (*List[Acknowledgement], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Acknowledgement]](ctx, c, r.pathOf("v1", "messages", message, "acknowledgements"), options...)
}

// RetryDelivery tries a delivery that ended without success once more, and returns the new delivery. One that
// is not at its end, or succeeded, is an *Error of status 409. Keys are as with Send.
func (c *Client) RetryDelivery(ctx context.Context, message string, number int, options ...CallOption) (*Delivery, error) {
	r := request{method: http.MethodPost, keyed: true}
	return fetch[Delivery](ctx, c, r.pathOf("v1", "messages", message, "deliveries", strconv.Itoa(number), "retry"), options...)
}
