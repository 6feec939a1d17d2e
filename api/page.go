package api

import (
	"context"
	"net/http"
)

// Urgency is how soon somebody is to come.
type Urgency string

// The urgencies.
const (
	UrgencyNormal Urgency = "normal"
	UrgencyHigh   Urgency = "high"
)

// PageState is what became of a call.
type PageState string

// The states of a call.
const (
	PageOpen     PageState = "open"
	PageResolved PageState = "resolved"
	PageCanceled PageState = "canceled"
)

// Call is a page: somebody is called to a conversation, until they resolve it.
type Call struct {
	ID             string       `json:"id" doc:"The id."`
	ConversationID string       `json:"conversationId" doc:"Where they are called to."`
	MessageID      string       `json:"messageId" doc:"The message that calls them."`
	Who            Actor        `json:"who" doc:"Who is called: a user, a team, those on duty for a role, or everybody who sees the conversation."`
	By             string       `json:"by" doc:"The id of the user who called."`
	Urgency        Urgency      `json:"urgency" enum:"normal,high" doc:"How soon somebody is to come."`
	Each           bool         `json:"each" doc:"Whether each resolves it for themselves; else one does for all."`
	State          PageState    `json:"state" enum:"open,resolved,canceled" doc:"What became of it. Canceled: whoever was called is gone, or the message was recalled."`
	RemindEvery    int          `json:"remindEvery" doc:"How many seconds are between reminders."`
	Reminders      int          `json:"reminders" doc:"How many reminders there are at most."`
	Reminded       int          `json:"reminded" doc:"How many there were."`
	ResolvedBy     string       `json:"resolvedBy,omitempty" doc:"The id of the user who ended it."`
	EndedAt        Time         `json:"endedAt,omitzero" format:"date-time" doc:"When it ended."`
	Answers        []CallAnswer `json:"answers,omitempty" doc:"Of one that each resolves: who has."`
	CreatedAt      Time         `json:"createdAt" format:"date-time" doc:"When they were called."`
}

// CallAnswer is that one of several has resolved a page.
type CallAnswer struct {
	User string `json:"user" doc:"The id of the user."`
	At   Time   `json:"at" format:"date-time" doc:"When."`
}

// CallRequest is somebody to call.
type CallRequest struct {
	Who  Actor  `json:"who" doc:"Whom: a user, a team, a role, by kind and id, or the organization."`
	Text string `json:"text,omitempty" maxLength:"10000" doc:"What for. It stands in a message of the conversation, which stays inside."`
	Paging
}

// CallFilter says which pages a list holds: those whose messages the key's user sees, newest first.
type CallFilter struct {
	Page
	State        string `query:"state" enum:"open,resolved,canceled" doc:"In this state."`
	Mine         string `query:"mine" enum:"true,false" doc:"Those that call the key's user, its teams, the roles that it is on duty for, or everybody; of open ones, those that it has not resolved."`
	Conversation string `query:"conversation" maxLength:"100" doc:"To this conversation."`
	Message      string `query:"message" maxLength:"100" doc:"By this message."`
}

// CreatePage calls somebody to a conversation. Keys are as with Send.
func (c *Client) CreatePage(ctx context.Context, conversation string, call CallRequest, options ...CallOption) (*Call, error) {
	r := request{method: http.MethodPost, in: &call, keyed: true}
	return fetch[Call](ctx, c, r.pathOf("v1", "conversations", conversation, "pages"), options...)
}

// ListPages returns a page of the list of calls, newest first.
func (c *Client) ListPages(ctx context.Context, filter CallFilter, options ...CallOption) (*List[Call], error) {
	return fetch[List[Call]](ctx, c, request{method: http.MethodGet, path: "/v1/pages", query: queryOf(filter)}, options...)
}

// GetPage returns a call as it is now.
func (c *Client) GetPage(ctx context.Context, id string, options ...CallOption) (*Call, error) {
	return fetch[Call](ctx, c, request{method: http.MethodGet}.pathOf("v1", "pages", id), options...)
}

// ResolvePage says that the key's user has come. To do it again changes nothing.
func (c *Client) ResolvePage(ctx context.Context, id string, options ...CallOption) (*Call, error) {
	return fetch[Call](ctx, c, request{method: http.MethodPost, repeatable: true}.pathOf("v1", "pages", id, "resolve"), options...)
}
