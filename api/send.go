package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// SendRequest is a message to send, or one to record.
type SendRequest struct {
	To           Recipient         `json:"to,omitzero" maxItems:"100" doc:"To whom: one recipient, or a list of receivers outside, who get one message on one channel. Required at /v1/messages; where the path names the recipient it must be left out."`
	From         From              `json:"from,omitzero" doc:"As whom; left out: the key's user."`
	Body         Body              `json:"body,omitempty" maxItems:"100" doc:"The content: a string, or parts. Required unless there are attachments or a template."`
	Template     *TemplateUse      `json:"template,omitempty" doc:"A template, in place of a body. Needs the scope templates:read."`
	Links        LinkMode          `json:"links,omitempty" enum:"short,plain" doc:"Whether web addresses in it go out as short links of this server, which count clicks; left out: as the channel does."`
	Attachments  []string          `json:"attachments,omitempty" maxItems:"100" doc:"Ids of uploaded media."`
	Internal     bool              `json:"internal,omitempty" doc:"Hide it from outside participants: a note within the conversation."`
	Priority     Priority          `json:"priority,omitempty" enum:"low,normal,high" doc:"How urgent it is, normal when left out."`
	Class        MessageClass      `json:"class,omitempty" enum:"transactional,service,authentication,marketing" doc:"What a message to somebody outside is for, transactional when left out. Addresses may be suppressed for some classes only."`
	TTL          int64             `json:"ttl,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds that the content lives; 0 or left out: as the organization's policy says."`
	Validity     int64             `json:"validity,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds that delivery is tried; 0 or left out: as the channel does."`
	DeleteOnRead bool              `json:"deleteOnRead,omitempty" doc:"Delete the content for a recipient 60 s after reading. Refused on channels without read receipts."`
	Metadata     map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with the message."`
	SendAt       Time              `json:"sendAt,omitzero" format:"date-time" doc:"When to send it; left out or past: now."`
	Tags         []string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels."`
	Reference    string            `json:"reference,omitempty" maxLength:"255" doc:"The sender's own reference; it need not be unique."`
	Draft        string            `json:"draft,omitempty" doc:"The id of the draft that the message was: it is deleted."`
	ReplyTo      string            `json:"replyTo,omitempty" doc:"The id of the message that it answers, in the same conversation."`
	RequestAck   bool              `json:"requestAck,omitempty" doc:"Ask the recipients to acknowledge it. Somebody outside does so by answering with one of the organization's ackWords."`
	AckWithin    int64             `json:"ackWithin,omitempty" minimum:"0" maximum:"3153600000" doc:"With requestAck: seconds from sentAt on within which they are to; 0 or left out: whenever. Then message.unacknowledged says that somebody has not."`
	Fallback     []Fallback        `json:"fallback,omitempty" maxItems:"5" doc:"Other channels on which it goes out to recipients whom it does not reach, in order; each once a recipient."`
	Escalate     bool              `json:"escalate,omitempty" doc:"Have it go from one to the next until somebody acknowledges it, by the escalation policy of the role that it is written to. Whoever has written it may do so later, too."`
	Reopen       Reopen            `json:"reopen,omitempty" enum:"auto,never" doc:"What it does to a closed conversation: auto (when left out) as the channel does, never leaves it closed."`
	Group        *NewGroup         `json:"group,omitempty" doc:"With to.users: what the group made for them is called."`
	Record       *Record           `json:"record,omitempty" doc:"Record what happened elsewhere instead of sending. In a conversation named by the path only; needs the scope messages:record."`
}

// Fallback is another channel on which a message goes out to recipients whom it does not reach: contacts and addresses at
// theirs, users at the phone number or e-mail address that the organization knows of them.
type Fallback struct {
	Channel string     `json:"channel" doc:"The id of the channel; not the one that the message goes out on anyway."`
	After   int64      `json:"after" minimum:"1" maximum:"604800" doc:"Seconds to wait: with failed, after what was tried last for the recipient has failed; with unread, after the message was sent."`
	On      FallbackOn `json:"on" enum:"failed,unread" doc:"What it waits for: that nothing that was tried for the recipient has succeeded, or that the recipient has neither read nor acknowledged the message by then."`
}

// FallbackOn is what a fallback waits for.
type FallbackOn string

// What fallbacks wait for.
const (
	OnFailed FallbackOn = "failed"
	OnUnread FallbackOn = "unread"
)

// Recipient is to whom a message goes: exactly one of its fields, of which Channel is none; it goes with
// Contact and Address.
type Recipient struct {
	User         string   `json:"user,omitempty" doc:"The id of a user."`
	Users        []string `json:"users,omitempty" maxItems:"1000" doc:"Ids of users, who become a group; see group."`
	Role         string   `json:"role,omitempty" doc:"The id of a role: whoever is on duty for it."`
	Team         string   `json:"team,omitempty" doc:"The id of a team."`
	Broadcast    string   `json:"broadcast,omitempty" doc:"The id of a broadcast list, whose members are each written to by themselves."`
	Conversation string   `json:"conversation,omitempty" doc:"The id of a conversation."`
	Contact      string   `json:"contact,omitempty" doc:"The id of a contact."`
	Address      string   `json:"address,omitempty" maxLength:"400" example:"email:ana@example.org" doc:"An address, as kind:value."`
	// Receivers are several outside, instead of the other fields: in JSON a list in place of the object.
	Receivers []Receiver `json:"-"`

	Channel string `json:"channel,omitempty" doc:"With contact and address: the id of the channel. Left out: the one the contact last wrote on, else the default of the address kind, else the error channel-required."`
}

// ReceiverRole is as what somebody receives a message.
type ReceiverRole string

// The roles of receivers.
const (
	ReceiverTo  ReceiverRole = "to"
	ReceiverCC  ReceiverRole = "cc"
	ReceiverBCC ReceiverRole = "bcc" // seen by nobody outside
)

// Receiver is one of several outside to whom a message goes: a contact or an address.
type Receiver struct {
	Role    ReceiverRole `json:"role,omitempty" enum:"to,cc,bcc" doc:"As what, to when left out. Only some platforms, such as email, have copies (cc) and blind copies (bcc)."`
	Contact string       `json:"contact,omitempty" doc:"The id of a contact."`
	Address string       `json:"address,omitempty" maxLength:"400" example:"email:ana@example.org" doc:"An address, as kind:value."`
	Channel string       `json:"channel,omitempty" doc:"The id of the channel, the same of all that name one. Left out: as for the first by itself."`
}

// oneRecipient is Recipient without its methods.
type oneRecipient Recipient

// MarshalJSON writes an object, or a list of receivers.
func (r Recipient) MarshalJSON() ([]byte, error) {
	if len(r.Receivers) > 0 {
		return json.Marshal(r.Receivers)
	}
	return json.Marshal(oneRecipient(r))
}

// UnmarshalJSON reads an object, or a list of receivers.
func (r *Recipient) UnmarshalJSON(data []byte) error {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		*r = Recipient{}
		return json.Unmarshal(trimmed, &r.Receivers)
	}
	return json.Unmarshal(data, (*oneRecipient)(r))
}

// From is as whom a message is sent.
type From struct {
	Role string `json:"role,omitempty" doc:"The id of a role that the key's user is on duty for at that moment. A message to a user is then in the role's conversation with the user. It does not go with to.role and to.broadcast."`
}

// LinkMode says how the web addresses of a message go out.
type LinkMode string

// The modes.
const (
	LinksShort LinkMode = "short" // as links of this server, which count clicks
	LinksPlain LinkMode = "plain" // as they are
)

// Reopen says what a message does to a closed conversation.
type Reopen string

// The ways to treat a closed conversation.
const (
	ReopenAuto  Reopen = "auto"  // as the channel does: as a rule, reopen it
	ReopenNever Reopen = "never" // leave it closed
)

// NewGroup describes the group that a message to several users makes.
type NewGroup struct {
	Name        string            `json:"name,omitempty" maxLength:"200" doc:"The title of the conversation."`
	Description string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Avatar      string            `json:"avatar,omitempty" doc:"The id of an uploaded image."`
	Metadata    map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with the conversation."`
}

// Record describes a message that happened elsewhere. Nothing is delivered and nobody is notified.
type Record struct {
	Direction Direction `json:"direction" enum:"inbound,outbound,none" doc:"As the organization sees it."`
	Author    Actor     `json:"author,omitzero" doc:"Who wrote it; left out: whoever records it."`
	Status    Status    `json:"status,omitempty" enum:"sent,delivered,read,failed,expired,skipped,canceled,unknown" doc:"Where it stands; left out: delivered when inbound, sent otherwise."`
	SentAt    Time      `json:"sentAt,omitzero" format:"date-time" doc:"When it was sent; left out: now. At most a day in the future, for clocks that differ."`
	Platform  string    `json:"platform,omitempty" maxLength:"50" doc:"On which platform it happened."`
	Imported  bool      `json:"imported,omitempty" doc:"Part of an import: it changes neither the status nor the order of conversations."`
}

// Send sends a message. Where no idempotency key is given it makes one, so that a call that is repeated sends
// once. The answer comes when the message is durable; its status tells how far it is.
func (c *Client) Send(ctx context.Context, message SendRequest, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, c, request{method: http.MethodPost, path: "/v1/messages", in: &message, keyed: true}, options...)
}

// BatchRequest is up to 100 messages to send, each for itself.
type BatchRequest struct {
	Messages []BatchMessage `json:"messages" minItems:"1" maxItems:"100" doc:"The messages. Those to one recipient are sent in this order."`
}

// BatchMessage is one message of a batch.
type BatchMessage struct {
	SendRequest
	IdempotencyKey string `json:"idempotencyKey,omitempty" maxLength:"255" doc:"A key of this message: it is sent once in however many batches it comes. Left out: the Idempotency-Key of the request, if any, counts for it at its place."`
}

// Batch is what became of the messages of a batch.
type Batch struct {
	ID      string        `json:"id" doc:"The id of the batch, by which messages are found."`
	Results []BatchResult `json:"results" doc:"For each message what became of it, in the order of the request."`
}

// BatchResult is what became of one message of a batch.
type BatchResult struct {
	Status   int      `json:"status" doc:"What the message would have been answered with by itself: 202, or that of the problem."`
	Replayed bool     `json:"replayed,omitempty" doc:"Whether it was sent before with the same key."`
	Message  *Message `json:"message,omitempty" doc:"The message, where it was accepted."`
	Problem  *Problem `json:"problem,omitempty" doc:"Why it was not."`
}

// SendBatch sends up to 100 messages, each for itself: what is wrong with one does not keep the others. Keys are as with
// Send.
func (c *Client) SendBatch(ctx context.Context, batch BatchRequest, options ...CallOption) (*Batch, error) {
	return fetch[Batch](ctx, c, request{method: http.MethodPost, path: "/v1/messages/batch", in: &batch, keyed: true}, options...)
}

// SendToUser sends a message to a user; its To must be empty. Keys are as with Send.
func (c *Client) SendToUser(ctx context.Context, user string, message SendRequest, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &message, keyed: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "users", user, "messages"), options...)
}

// SendToConversation sends a message to a conversation, or records one in it; its To must be empty. Keys are
// as with Send.
func (c *Client) SendToConversation(ctx context.Context, conversation string, message SendRequest, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &message, keyed: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "conversations", conversation, "messages"), options...)
}
