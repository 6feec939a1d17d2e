package api

import (
	"context"
	"encoding/json"
	"net/http"
)

// ThreadPolicy says which conversation a message of a channel belongs to.
type ThreadPolicy string

// The thread policies.
const (
	ThreadContact ThreadPolicy = "contact" // one for the channel and the sorted addresses
	ThreadEmail   ThreadPolicy = "thread"  // one for the channel and the root Message-ID
	ThreadEach    ThreadPolicy = "each"    // a new one each time
)

// Channel is one connected account on a platform, run by a connector.
type Channel struct {
	ID             string            `json:"id" doc:"The id."`
	Name           string            `json:"name" doc:"What people call it."`
	Connector      string            `json:"connector" doc:"The connector that runs it."`
	Platform       string            `json:"platform" doc:"What it is or plays: sms, whatsapp, email, fax, chat, secure, …"`
	AddressKind    string            `json:"addressKind" doc:"The kind of address it sends to."`
	Address        string            `json:"address,omitempty" doc:"Our own end: a number, a mailbox."`
	Settings       json.RawMessage   `json:"settings" doc:"The connector's settings, an object; secrets are shown as null."`
	Thread         ThreadPolicy      `json:"thread" enum:"contact,thread,each" doc:"Which conversation a message belongs to."`
	Reopen         string            `json:"reopen" enum:"auto,never,new" doc:"What a message does to a closed conversation: reopen it, leave it closed, begin a new one."`
	Conversational bool              `json:"conversational" doc:"False where sends stay out of inbox views until somebody answers."`
	Open           bool              `json:"open" doc:"Whether the whole organization sees it; else its members."`
	Members        []string          `json:"members" doc:"Ids of users."`
	Default        bool              `json:"default" doc:"Whether a send to its address kind takes it when nothing else says."`
	Rate           int               `json:"rate" doc:"Sends a second, 0: no limit."`
	Concurrency    int               `json:"concurrency" doc:"Provider calls in flight at once."`
	OnUnknown      string            `json:"onUnknown" enum:"auto,resend,hold" doc:"What happens after a lost provider call: auto sends high priority again and holds the rest."`
	Paused         bool              `json:"paused" doc:"Whether nothing is sent for now."`
	Metadata       map[string]string `json:"metadata" doc:"Facts kept with it."`
	Rev            int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt      Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// ChannelRequest is a channel to make. What is left out is as the connector's platform has it.
type ChannelRequest struct {
	Name           string            `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Connector      string            `json:"connector" minLength:"1" maxLength:"50" example:"sandbox" doc:"The connector that runs it, from /v1/connectors."`
	Platform       string            `json:"platform,omitempty" maxLength:"50" doc:"What it is or plays; may be left out where the connector has one."`
	AddressKind    string            `json:"addressKind,omitempty" maxLength:"32" doc:"The kind of address it sends to."`
	Address        string            `json:"address,omitempty" maxLength:"320" doc:"Our own end: a number, a mailbox."`
	Settings       json.RawMessage   `json:"settings,omitempty" doc:"The connector's settings, an object."`
	Thread         ThreadPolicy      `json:"thread,omitempty" enum:"contact,thread,each" doc:"Which conversation a message belongs to."`
	Reopen         string            `json:"reopen,omitempty" enum:"auto,never,new" doc:"What a message does to a closed conversation, auto when left out."`
	Conversational *bool             `json:"conversational,omitempty" doc:"False where sends stay out of inbox views until somebody answers."`
	Open           *bool             `json:"open,omitempty" doc:"Whether the whole organization sees it, true when left out; else its members."`
	Members        []string          `json:"members,omitempty" maxItems:"1000" doc:"Ids of users."`
	Default        bool              `json:"default,omitempty" doc:"Whether a send to its address kind takes it when nothing else says; the default before it no longer is."`
	Rate           int               `json:"rate,omitempty" minimum:"0" maximum:"1000000" doc:"Sends a second, 0 or left out: no limit."`
	Concurrency    int               `json:"concurrency,omitempty" minimum:"0" maximum:"10000" doc:"Provider calls in flight at once, 0 or left out: as the server does."`
	OnUnknown      string            `json:"onUnknown,omitempty" enum:"auto,resend,hold" doc:"What happens after a lost provider call, auto when left out."`
	Metadata       map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with it."`
}

// ChannelPatch changes a channel. What is left out stays as it is.
type ChannelPatch struct {
	Name           *string            `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Address        *string            `json:"address,omitempty" maxLength:"320" doc:"Our own end: a number, a mailbox."`
	Settings       json.RawMessage    `json:"settings,omitempty" doc:"The connector's settings, an object; replaces all, but a secret given as null stays as it is."`
	Reopen         *string            `json:"reopen,omitempty" enum:"auto,never,new" doc:"What a message does to a closed conversation."`
	Conversational *bool              `json:"conversational,omitempty" doc:"False where sends stay out of inbox views until somebody answers."`
	Open           *bool              `json:"open,omitempty" doc:"Whether the whole organization sees it; else its members."`
	Members        *[]string          `json:"members,omitempty" maxItems:"1000" doc:"Ids of users; replaces all."`
	Default        *bool              `json:"default,omitempty" doc:"Whether a send to its address kind takes it when nothing else says."`
	Rate           *int               `json:"rate,omitempty" minimum:"0" maximum:"1000000" doc:"Sends a second, 0: no limit."`
	Concurrency    *int               `json:"concurrency,omitempty" minimum:"0" maximum:"10000" doc:"Provider calls in flight at once, 0: as the server does."`
	OnUnknown      *string            `json:"onUnknown,omitempty" enum:"auto,resend,hold" doc:"What happens after a lost provider call."`
	Paused         *bool              `json:"paused,omitempty" doc:"Whether nothing is sent for now; what is queued waits."`
	Metadata       map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
}

// ChannelFilter says which channels a list holds: those to which everything given applies.
type ChannelFilter struct {
	Page
	Connector string `query:"connector" doc:"Run by this connector."`
	Platform  string `query:"platform" doc:"Of this platform."`
}

// Connector is an entry of the catalog: what channels can be made of.
type Connector struct {
	Name      string     `json:"name" doc:"Its name in channels."`
	Title     string     `json:"title" doc:"What people call it."`
	Platforms []Platform `json:"platforms" doc:"What its channels can be."`
	Settings  []Setting  `json:"settings" doc:"What a channel's settings hold."`
}

// Platform is something that a connector's channels can be, with what they default to.
type Platform struct {
	Name           string       `json:"name" doc:"Its name in channels."`
	AddressKind    string       `json:"addressKind" doc:"The kind of address it sends to."`
	Thread         ThreadPolicy `json:"thread" enum:"contact,thread,each" doc:"Which conversation a message belongs to."`
	Conversational bool         `json:"conversational" doc:"Whether sends show in inbox views at once."`
	ReadReceipts   bool         `json:"readReceipts" doc:"Whether recipients' reading is ever reported."`
	MaxText        int          `json:"maxText,omitempty" doc:"The longest text in characters; none: no limit of its own."`
	Parts          []PartKind   `json:"parts" enum:"text,html,image,file,gif,location,carousel,options,section,otp,page,mention" doc:"The kinds of parts it takes as they are."`
	AsText         []PartKind   `json:"asText" enum:"text,html,image,file,gif,location,carousel,options,section,otp,page,mention" doc:"The kinds that it takes as plain text. Others are refused."`
	Actions        []ActionKind `json:"actions" enum:"link,reply,postback,phone,location,buy,permission" doc:"The actions that come with a part; others are text behind it."`
	Attachments    int          `json:"attachments" doc:"How many files a message may have."`
}

// Setting is one key of a channel's settings.
type Setting struct {
	Name     string   `json:"name" doc:"The key."`
	Type     string   `json:"type" enum:"string,integer,boolean,url" doc:"The type of the value."`
	Required bool     `json:"required" doc:"Whether it must be there."`
	Secret   bool     `json:"secret" doc:"Whether it is never shown again."`
	Allowed  []string `json:"allowed,omitempty" doc:"The values allowed; none: any."`
	Default  string   `json:"default,omitempty" doc:"What it is when left out."`
	Doc      string   `json:"doc" doc:"What it means."`
}

// SandboxMessage is an entry of the sandbox's outbox: a message that a sandbox channel was handed.
type SandboxMessage struct {
	MessageID  string       `json:"messageId" doc:"The message."`
	DeliveryID string       `json:"deliveryId" doc:"The delivery: <messageId>.<number>"`
	Attempt    int          `json:"attempt" doc:"The number of the attempt."`
	Channel    string       `json:"channel" doc:"The channel."`
	To         string       `json:"to" doc:"The address, as kind:value."`
	Role       ReceiverRole `json:"role,omitempty" enum:"to,cc,bcc" doc:"Of a message to several: as what."`
	Shown      []string     `json:"shown,omitempty" doc:"Of a message to several: the receivers that it shows, as kind:value, before copies cc."`
	Body       Body         `json:"body" doc:"The content; empty when it is gone."`
	Text       string       `json:"text" doc:"The content as plain text; empty when it is gone."`
	Outcome    string       `json:"outcome,omitempty" enum:"accepted,retry,failed,lost" doc:"What the sandbox answered."`
	Reference  string       `json:"reference" doc:"The client reference, the same at every attempt."`
	Priority   Priority     `json:"priority" enum:"low,normal,high" doc:"How urgent it is."`
	Files      []Attachment `json:"attachments" doc:"The files."`
	At         Time         `json:"at" format:"date-time" doc:"When it was handed over."`
}

// SandboxFilter says which entries of the outbox a list holds, newest first.
type SandboxFilter struct {
	Page
	Channel string `query:"channel" doc:"Of this channel."`
	To      string `query:"to" doc:"To this address, as kind:value."`
	Message string `query:"message" doc:"Of this message."`
}

// SandboxInbound plays a message from outside: exactly one of From and Contact.
type SandboxInbound struct {
	Channel     string   `json:"channel,omitempty" doc:"The sandbox channel it comes in on; left out: the one the sender last wrote on, else the default of the address kind."`
	From        string   `json:"from,omitempty" maxLength:"400" example:"phone:+15550100" doc:"The sender's address, as kind:value."`
	Contact     string   `json:"contact,omitempty" doc:"The id of a contact, which writes from the address that fits the channel."`
	FromName    string   `json:"fromName,omitempty" maxLength:"200" doc:"What the platform says the sender is called."`
	Body        Body     `json:"body,omitempty" maxItems:"100" doc:"The content: a string, or parts. Required unless there are attachments."`
	Attachments []string `json:"attachments,omitempty" maxItems:"100" doc:"Ids of uploaded media."`
	ProviderID  string   `json:"providerId,omitempty" maxLength:"255" doc:"The platform's id; a message with the same one is stored once. Left out: a new one."`
	ReplyTo     string   `json:"replyTo,omitempty" doc:"The id of the message it answers."`
	Action      string   `json:"action,omitempty" maxLength:"100" doc:"The id of a reply or a postback of the message it answers, which was chosen. The body may then be left out: it is what the action is called."`
	Automatic   bool     `json:"automatic,omitempty" doc:"Whether no person wrote it, such as the note of somebody who is away: auto-replies do not answer it."`
}

// SandboxInteraction plays what somebody outside does with a message of a sandbox channel.
type SandboxInteraction struct {
	Message string          `json:"message" minLength:"1" doc:"The id of the message."`
	Kind    InteractionKind `json:"kind" enum:"opened,clicked,reacted" doc:"What is done. Choosing a reply or a postback is a message: see POST /v1/sandbox/messages."`
	From    string          `json:"from,omitempty" maxLength:"400" doc:"By whom, as kind:value; may be left out where the message has one recipient."`
	Action  string          `json:"action,omitempty" maxLength:"100" doc:"Of clicked: the id of the action."`
	URL     string          `json:"url,omitempty" maxLength:"2048" doc:"Of clicked: the link, where it is of no action."`
	Emoji   string          `json:"emoji,omitempty" maxLength:"32" doc:"Of reacted: the reaction."`
	Removed bool            `json:"removed,omitempty" doc:"Of reacted: it is taken back."`
}

// CreateChannel makes a channel.
func (c *Client) CreateChannel(ctx context.Context, channel ChannelRequest, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c, request{method: http.MethodPost, path: "/v1/channels", in: &channel}, options...)
}

// GetChannel returns a channel as it is now.
func (c *Client) GetChannel(ctx context.Context, id string, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c, request{method: http.MethodGet}.pathOf("v1", "channels", id), options...)
}

// ListChannels returns a page of channels.
func (c *Client) ListChannels(ctx context.Context, filter ChannelFilter, options ...CallOption) (*List[Channel], error) {
	r := request{method: http.MethodGet, path: "/v1/channels", query: queryOf(filter)}
	return fetch[List[Channel]](ctx, c, r, options...)
}

// PatchChannel changes a channel.
func (c *Client) PatchChannel(ctx context.Context, id string, patch ChannelPatch, options ...CallOption) (*Channel, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Channel](ctx, c, r.pathOf("v1", "channels", id), options...)
}

// DeleteChannel deletes a channel.
func (c *Client) DeleteChannel(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "channels", id), options...)
}

// ListConnectors returns a page of the catalog of connectors.
func (c *Client) ListConnectors(ctx context.Context, page Page, options ...CallOption) (*List[Connector], error) {
	return fetch[List[Connector]](ctx, c, request{method: http.MethodGet, path: "/v1/connectors", query: queryOf(page)}, options...)
}

// GetConnector returns one connector of the catalog.
func (c *Client) GetConnector(ctx context.Context, name string, options ...CallOption) (*Connector, error) {
	return fetch[Connector](ctx, c, request{method: http.MethodGet}.pathOf("v1", "connectors", name), options...)
}

// ListSandboxMessages returns a page of what sandbox channels were handed, newest first.
func (c *Client) ListSandboxMessages(ctx context.Context, filter SandboxFilter, options ...CallOption) (*List[SandboxMessage], error) {
	r := request{method: http.MethodGet, path: "/v1/sandbox/messages", query: queryOf(filter)}
	return fetch[List[SandboxMessage]](ctx, c, r, options...)
}

// PlayInteraction plays what somebody outside does with a message of a sandbox channel.
func (c *Client) PlayInteraction(ctx context.Context, interaction SandboxInteraction, options ...CallOption) (*Interaction, error) {
	r := request{method: http.MethodPost, path: "/v1/sandbox/interactions", in: &interaction}
	return fetch[Interaction](ctx, c, r, options...)
}

// PlayInbound plays a message from outside on a sandbox channel. Keys are as with Send.
func (c *Client) PlayInbound(ctx context.Context, message SandboxInbound, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, path: "/v1/sandbox/messages", in: &message, keyed: true}
	return fetch[Message](ctx, c, r, options...)
}
