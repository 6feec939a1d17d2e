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

// Draft is what somebody has written for a conversation and not sent.
type Draft struct {
	ID             string       `json:"id" doc:"The id."`
	ConversationID string       `json:"conversationId" doc:"The conversation."`
	User           string       `json:"user" doc:"The id of the user whose it is."`
	Shared         bool         `json:"shared" doc:"Whether all who see the conversation see it, and may change and send it."`
	Body           Body         `json:"body" doc:"The content."`
	Attachments    []Attachment `json:"attachments" doc:"The files."`
	Internal       bool         `json:"internal" doc:"Whether it is a note that stays inside."`
	ReplyTo        string       `json:"replyTo,omitempty" doc:"The message that it answers."`
	Rev            int64        `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt      Time         `json:"createdAt" format:"date-time" doc:"When it was made."`
	UpdatedAt      Time         `json:"updatedAt" format:"date-time" doc:"When it was changed last."`
}

// DraftRequest is a draft to make.
type DraftRequest struct {
	Shared      bool     `json:"shared,omitempty" doc:"Whether all who see the conversation see it."`
	Body        Body     `json:"body,omitempty" maxItems:"100" doc:"The content; may be what cannot be sent yet."`
	Attachments []string `json:"attachments,omitempty" maxItems:"100" doc:"The ids of uploaded files."`
	Internal    bool     `json:"internal,omitempty" doc:"Whether it is a note that stays inside."`
	ReplyTo     string   `json:"replyTo,omitempty" doc:"The id of the message that it answers, in the same conversation."`
}

// DraftPatch changes a draft. What is left out stays as it is.
type DraftPatch struct {
	Shared      *bool     `json:"shared,omitempty" doc:"Whether all who see the conversation see it."`
	Body        *Body     `json:"body,omitempty" maxItems:"100" doc:"The content."`
	Attachments *[]string `json:"attachments,omitempty" maxItems:"100" doc:"The ids of the files; replaces all."`
	Internal    *bool     `json:"internal,omitempty" doc:"Whether it is a note that stays inside."`
	ReplyTo     *string   `json:"replyTo,omitempty" doc:"The id of the message that it answers; empty: none."`
}

// CreateDraft keeps what was written for a conversation and is not sent.
func (c *Client) CreateDraft(ctx context.Context, conversation string, draft DraftRequest, options ...CallOption) (*Draft, error) {
	r := request{method: http.MethodPost, in: &draft}
	return fetch[Draft](ctx, c, r.pathOf("v1", "conversations", conversation, "drafts"), options...)
}

// ListConversationDrafts returns a page of the drafts in a conversation that the key's user sees.
func (c *Client) ListConversationDrafts(ctx context.Context, conversation string, page Page, options ...CallOption) (*List[Draft], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Draft]](ctx, c, r.pathOf("v1", "conversations", conversation, "drafts"), options...)
}

// ListDrafts returns a page of the drafts of the key's user.
func (c *Client) ListDrafts(ctx context.Context, page Page, options ...CallOption) (*List[Draft], error) {
	r := request{method: http.MethodGet, path: "/v1/drafts", query: queryOf(page)}
	return fetch[List[Draft]](ctx, c, r, options...)
}

// GetDraft returns a draft.
func (c *Client) GetDraft(ctx context.Context, id string, options ...CallOption) (*Draft, error) {
	return fetch[Draft](ctx, c, request{method: http.MethodGet}.pathOf("v1", "drafts", id), options...)
}

// PatchDraft changes a draft.
func (c *Client) PatchDraft(ctx context.Context, id string, patch DraftPatch, options ...CallOption) (*Draft, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Draft](ctx, c, r.pathOf("v1", "drafts", id), options...)
}

// DeleteDraft deletes a draft.
func (c *Client) DeleteDraft(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "drafts", id), options...)
}
