package api

import (
	"context"
	"net/http"
	"time"
)

// SearchPage is one page of what a search found, newest first.
type SearchPage[T any] struct {
	Data    []T     `json:"data" doc:"What was found, always there."`
	Next    *string `json:"next" doc:"The cursor that continues the search, passed as after; null on the last page."`
	Partial bool    `json:"partial" doc:"Whether the page is short because as much was looked at as one page may cost. There may be more after it, as next says."`
	Through int64   `json:"through" doc:"The event up to which everything is found that there is."`
	Filling bool    `json:"filling" doc:"Whether the index is still being filled with what was there before it, newest first: older things may be missing."`
}

// Fragment is a piece of a text.
type Fragment struct {
	Text  string `json:"text" doc:"The piece, as plain text."`
	Match bool   `json:"match,omitempty" doc:"Whether it is what was looked for."`
}

// Snippet is a part of a text in which something was found.
type Snippet struct {
	Field     string     `json:"field" doc:"Where it is: body, attachment or reference of a message; title, participant, address or tag of a conversation; name, address, externalId, tag or attributes.KEY of a contact."`
	Fragments []Fragment `json:"fragments" doc:"The part, in pieces that follow each other."`
}

// MessageFound is a message that was found.
type MessageFound struct {
	Message  Message   `json:"message" doc:"The message."`
	Snippets []Snippet `json:"snippets" doc:"Where it was found, up to three; its beginning where no words were looked for."`
}

// ContactFound is a contact that was found.
type ContactFound struct {
	Contact  Contact   `json:"contact" doc:"The contact."`
	Snippets []Snippet `json:"snippets" doc:"Where it was found, up to three."`
}

// ConversationFound is a conversation that was found.
type ConversationFound struct {
	Conversation Conversation `json:"conversation" doc:"The conversation, with its first participants."`
	Snippets     []Snippet    `json:"snippets" doc:"Where it was found, up to three."`
}

// MessageSearch says which messages are looked for: those to which everything given applies.
type MessageSearch struct {
	Page
	Q             string    `query:"q" doc:"Words that are all to be found, in any form of their letters. The last may be unfinished, \"words in quotation marks\" follow each other, and a -word must not be there. Any text may be looked for; one without a word in it finds nothing."`
	Conversation  string    `query:"conversation" doc:"In this conversation."`
	Author        string    `query:"author" doc:"Shown as written by this user, role, team or contact."`
	Channel       string    `query:"channel" doc:"Of this channel."`
	Kind          string    `query:"kind" enum:"message,note,system,call" doc:"Of this kind."`
	Direction     string    `query:"direction" enum:"inbound,outbound,none" doc:"In this direction."`
	Tag           string    `query:"tag" doc:"With this tag."`
	HasAttachment string    `query:"hasAttachment" enum:"true,false" doc:"Whether it has files."`
	From          time.Time `query:"from" doc:"Sent at this time or later."`
	To            time.Time `query:"to" doc:"Sent before this time."`
}

// ContactSearch says which contacts are looked for.
type ContactSearch struct {
	Page
	Q   string `query:"q" doc:"Words as in a search for messages, of names, addresses, external ids, attributes and tags."`
	Tag string `query:"tag" doc:"With this tag."`
}

// ConversationSearch says which conversations are looked for.
type ConversationSearch struct {
	Page
	Q      string `query:"q" doc:"Words as in a search for messages, of titles, tags, and names and addresses of the first hundred participants."`
	Kind   string `query:"kind" enum:"direct,group,role,broadcast,team,note,external,secure" doc:"Of this kind."`
	Status string `query:"status" enum:"open,snoozed,closed" doc:"In this status."`
	Tag    string `query:"tag" doc:"With this tag."`
}

// SearchMessages returns a page of the messages that match a search, newest first.
func (c *Client) SearchMessages(ctx context.Context, search MessageSearch, options ...CallOption) (*SearchPage[MessageFound], error) {
	r := request{method: http.MethodGet, path: "/v1/search/messages", query: queryOf(search)}
	return fetch[SearchPage[MessageFound]](ctx, c, r, options...)
}

// SearchContacts returns a page of the contacts that match a search, newest first.
func (c *Client) SearchContacts(ctx context.Context, search ContactSearch, options ...CallOption) (*SearchPage[ContactFound], error) {
	r := request{method: http.MethodGet, path: "/v1/search/contacts", query: queryOf(search)}
	return fetch[SearchPage[ContactFound]](ctx, c, r, options...)
}

// SearchConversations returns a page of the conversations that match a search, newest first.
func (c *Client) SearchConversations(ctx context.Context, search ConversationSearch, options ...CallOption) (*SearchPage[ConversationFound], error) {
	r := request{method: http.MethodGet, path: "/v1/search/conversations", query: queryOf(search)}
	return fetch[SearchPage[ConversationFound]](ctx, c, r, options...)
}
