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
	Links          LinkMode          `json:"links,omitempty" enum:"short,plain" doc:"Whether web addresses in it go out as short links; the body has them as they are."`
	Template       *Templated        `json:"template,omitempty" doc:"Which template it was made of, and with what."`
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
	Class          MessageClass      `json:"class,omitempty" enum:"transactional,service,authentication,marketing" doc:"What it is for; of one that goes out."`
	Auto           string            `json:"auto,omitempty" doc:"The rule of the server that wrote it, such as keyword: the answer to one, or reply: an auto-reply."`
	Root           string            `json:"root,omitempty" doc:"Of a reply: the message that began its thread."`
	Replies        int               `json:"replies,omitempty" doc:"Of one that is no reply: how many messages its thread has besides it."`
	LastReplyAt    Time              `json:"lastReplyAt,omitzero" format:"date-time" doc:"When the last of its replies was sent."`
	Parent         string            `json:"parent,omitempty" doc:"The message that it is a copy of: one to a broadcast list, or to whom it is forwarded for."`
	OnBehalfOf     []Actor           `json:"onBehalfOf,omitempty" doc:"Of a copy that was forwarded while somebody does not want to be disturbed: to whom it was written, and who had it forwarded further."`
	Notice         *Notice           `json:"notice,omitempty" doc:"Of a system item: what it tells, for programs."`
	Forward        *Forward          `json:"forward,omitempty" doc:"What it forwards, whose content stands in the body behind its own parts."`
	EditedAt       Time              `json:"editedAt,omitzero" format:"date-time" doc:"When it was edited last."`
	Edits          int               `json:"edits,omitempty" doc:"How often it was edited."`
	Redacted       *Redacted         `json:"redacted,omitempty" doc:"That some of its content was taken away."`
	Batch          string            `json:"batch,omitempty" doc:"The id of the batch that it was sent in."`
	Acks           *Acks             `json:"acks,omitempty" doc:"That its recipients are to acknowledge it, and how many have."`
	Fallback       []Fallback        `json:"fallback,omitempty" doc:"Other channels on which it goes out to recipients whom it does not reach."`
	Recorded       bool              `json:"recorded" doc:"Whether it happened elsewhere and was only recorded."`
	Removed        *Removed          `json:"removed,omitempty" doc:"That the content is gone, why and when."`
	NotBefore      Time              `json:"notBefore,omitzero" format:"date-time" doc:"Until when its deliveries wait, as it was sent in quiet hours."`
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

// Forward says which message a forward holds a copy of.
type Forward struct {
	MessageID string `json:"messageId" doc:"The message. Who sees the forward does not always see it."`
	Author    Actor  `json:"author" doc:"Who wrote it."`
	SentAt    Time   `json:"sentAt" format:"date-time" doc:"When it was sent."`
	Own       int    `json:"own" doc:"How many parts of the body are the forward's own, before the copy."`
}

// Redacted says how much of the content of a message was taken away.
type Redacted struct {
	By          Actor `json:"by,omitzero" doc:"Who did it last."`
	At          Time  `json:"at" format:"date-time" doc:"When."`
	Parts       int   `json:"parts" doc:"How many parts of the body."`
	Attachments int   `json:"attachments" doc:"How many files."`
}

// MessagePatch changes a message.
type MessagePatch struct {
	Body Body `json:"body" maxItems:"100" doc:"What it says now: a string, or parts."`
}

// RedactRequest says what of a message's content is taken away; nothing stands for all.
type RedactRequest struct {
	Parts       []int    `json:"parts,omitempty" maxItems:"100" doc:"The places of parts in the body, from 0."`
	Attachments []string `json:"attachments,omitempty" maxItems:"100" doc:"The ids of files of the message."`
}

// MessageVersion is what a message said before it was edited.
type MessageVersion struct {
	Number int   `json:"number" doc:"From 1: as it was sent."`
	Body   Body  `json:"body" doc:"What it said."`
	Editor Actor `json:"editor" doc:"Who had written that."`
	At     Time  `json:"at" format:"date-time" doc:"When."`
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
	RemovedMoved    Removal = "moved"    // to another conversation
	RemovedRedacted Removal = "redacted" // it was taken away for everybody
)

// Removed says that the content of a message is gone.
type Removed struct {
	Reason    Removal `json:"reason" enum:"expired,recalled,read,erased,moved,redacted" doc:"Why."`
	At        Time    `json:"at" format:"date-time" doc:"When."`
	By        Actor   `json:"by,omitzero" doc:"Who did it; none where it was due."`
	MessageID string  `json:"messageId,omitempty" doc:"Of what was moved to another conversation: the message, which is there."`
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

// ForwardMessage sends a copy of a message to somebody, behind the request's own body, if it has one. Keys are as with Send.
func (c *Client) ForwardMessage(ctx context.Context, id string, to SendRequest, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &to, keyed: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", id, "forward"), options...)
}

// EditMessage changes what a message says. Where its channel does not allow that it is an *Error of status 422.
func (c *Client) EditMessage(ctx context.Context, id string, patch MessagePatch, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", id), options...)
}

// RedactMessage takes content of a message away for everybody, and returns what is left.
func (c *Client) RedactMessage(ctx context.Context, id string, what RedactRequest, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &what}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", id, "redact"), options...)
}

// ListVersions returns a page of what a message said before it was edited, the first first.
func (c *Client) ListVersions(ctx context.Context, message string, page Page, options ...CallOption) (*List[MessageVersion], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[MessageVersion]](ctx, c, r.pathOf("v1", "messages", message, "versions"), options...)
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
