package api

import (
	"context"
	"net/http"
)

// HistoryEntry is what became of a conversation at one time.
type HistoryEntry struct {
	ID       string   `json:"id" doc:"The id."`
	Time     Time     `json:"time" format:"date-time" doc:"When it was."`
	Sequence int64    `json:"sequence" doc:"The number of the newest item then."`
	Actor    Actor    `json:"actor" doc:"Who did it: a user, or the system."`
	Reason   string   `json:"reason,omitempty" doc:"Of what nobody did by hand: woke (its snooze ended), replied (somebody outside wrote), written (somebody wrote into it)."`
	Changes  []Change `json:"changes" doc:"What changed."`
}

// Change is one thing about a conversation that changed.
type Change struct {
	Field string   `json:"field" doc:"What changed: status, snoozedUntil, title, description, avatar, channel, assignees, tags, externalId, priority, participants, attributes.KEY or metadata.KEY."`
	From  []string `json:"from,omitempty" doc:"What it was. Left out of nothing, and of what people write: title, description, attributes, metadata."`
	To    []string `json:"to,omitempty" doc:"What it became; left out likewise."`
}

// ListHistory returns a page of what became of a conversation, newest first.
func (c *Client) ListHistory(ctx context.Context, id string, page Page, options ...CallOption) (*List[HistoryEntry], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[HistoryEntry]](ctx, c, r.pathOf("v1", "conversations", id, "history"), options...)
}

// DefineConversationAttribute defines an attribute of conversations, or changes its definition.
func (c *Client) DefineConversationAttribute(ctx context.Context, key string, a AttributeRequest, options ...CallOption) (*Attribute, error) {
	r := request{method: http.MethodPut, in: &a, repeatable: true}
	return fetch[Attribute](ctx, c, r.pathOf("v1", "conversation-attributes", key), options...)
}

// GetConversationAttribute returns the definition of an attribute of conversations.
func (c *Client) GetConversationAttribute(ctx context.Context, key string, options ...CallOption) (*Attribute, error) {
	return fetch[Attribute](ctx, c, request{method: http.MethodGet}.pathOf("v1", "conversation-attributes", key), options...)
}

// ListConversationAttributes returns a page of the attributes of conversations that are defined, by key.
func (c *Client) ListConversationAttributes(ctx context.Context, page Page, options ...CallOption) (*List[Attribute], error) {
	r := request{method: http.MethodGet, path: "/v1/conversation-attributes", query: queryOf(page)}
	return fetch[List[Attribute]](ctx, c, r, options...)
}

// ConversationMerge names the conversation that another becomes a part of.
type ConversationMerge struct {
	Into string `json:"into" doc:"The id of the conversation that stays."`
}

// MessageMove names where a message is moved to.
type MessageMove struct {
	Conversation string `json:"conversation" doc:"The id of the conversation that it goes to."`
}

// MergeConversation makes a conversation a part of another, and returns that. To do it again changes nothing.
func (c *Client) MergeConversation(ctx context.Context, id string, merge ConversationMerge, options ...CallOption) (*Conversation, error) {
	r := request{method: http.MethodPost, in: &merge, repeatable: true}
	return fetch[Conversation](ctx, c, r.pathOf("v1", "conversations", id, "merge"), options...)
}

// MoveMessage moves a message to another conversation. To do it again changes nothing.
func (c *Client) MoveMessage(ctx context.Context, id string, move MessageMove, options ...CallOption) (*Message, error) {
	r := request{method: http.MethodPost, in: &move, repeatable: true}
	return fetch[Message](ctx, c, r.pathOf("v1", "messages", id, "move"), options...)
}
