package api

import (
	"context"
	"net/http"
)

// View is a list of conversations that somebody keeps.
type View struct {
	ID        string       `json:"id" doc:"The id."`
	Owner     ViewOwner    `json:"owner" doc:"Whose it is, and so who sees it."`
	Name      string       `json:"name" doc:"What people call it."`
	Order     int          `json:"order" doc:"Its place among those that somebody sees, smallest first."`
	Filter    ViewFilter   `json:"filter" doc:"What it is narrowed to."`
	Invalid   []FieldError `json:"invalid,omitempty" doc:"What of the filter names something that is not there any more. While there is any, it has no conversations and no count."`
	Rev       int64        `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time         `json:"createdAt" format:"date-time" doc:"When it was made."`
	UpdatedAt Time         `json:"updatedAt" format:"date-time" doc:"When it was changed last."`
}

// ViewOwner is whose a view is: a user, a team or the organization.
type ViewOwner struct {
	Kind ActorKind `json:"kind,omitempty" enum:"user,team,organization" doc:"What it is; left out in a request: the key's user."`
	ID   string    `json:"id,omitempty" doc:"The id of the user or the team."`
}

// ViewFilter is what a view is narrowed to: conversations to which everything given applies.
type ViewFilter struct {
	Kind        ConversationKind   `json:"kind,omitempty" enum:"direct,group,role,broadcast,team,note,external,secure" doc:"Of this kind."`
	Status      ConversationStatus `json:"status,omitempty" enum:"open,snoozed,closed" doc:"In this status."`
	Channel     string             `json:"channel,omitempty" maxLength:"100" doc:"Of this channel."`
	Assignee    string             `json:"assignee,omitempty" maxLength:"100" doc:"Given to this user or team (id), to whoever looks at it (me), or to nobody (none)."`
	Participant string             `json:"participant,omitempty" maxLength:"400" doc:"With this user, contact, role or team (id), with an address (kind:value), or with whoever looks at it (me)."`
	Tag         string             `json:"tag,omitempty" maxLength:"100" doc:"With this tag."`
	ExternalID  string             `json:"externalId,omitempty" maxLength:"255" doc:"With this external id."`
	Priority    int                `json:"priority,omitempty" minimum:"1" maximum:"5" doc:"Of this priority."`
	Unread      *bool              `json:"unread,omitempty" doc:"Whether there is something in it that whoever looks at it has not read."`
	Inbox       *bool              `json:"inbox,omitempty" doc:"Whether inbox views show it."`
}

// ViewRequest is a view to make.
type ViewRequest struct {
	Owner  ViewOwner  `json:"owner,omitzero" doc:"Whose it is to be; left out: the key's user."`
	Name   string     `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Order  int        `json:"order,omitempty" minimum:"0" maximum:"1000000" doc:"Its place, smallest first."`
	Filter ViewFilter `json:"filter,omitzero" doc:"What it is narrowed to; left out: nothing."`
}

// ViewPatch changes a view. What is left out stays as it is.
type ViewPatch struct {
	Name   *string     `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Order  *int        `json:"order,omitempty" minimum:"0" maximum:"1000000" doc:"Its place, smallest first."`
	Filter *ViewFilter `json:"filter,omitempty" doc:"What it is narrowed to; replaces all of it."`
}

// ViewListFilter says which views a list holds: those that the key's user sees, in their order.
type ViewListFilter struct {
	Page
	Owner string `query:"owner" enum:"user,team,organization" doc:"The key's user's own, a team's, or the organization's; left out: all."`
	Team  string `query:"team" maxLength:"100" doc:"With owner team: its id."`
}

// ViewCountFilter says which views are counted.
type ViewCountFilter struct {
	Views []string `query:"view" maxItems:"50" doc:"The ids of views, separated by commas; left out: the first 50 that the key's user sees."`
}

// ViewCounts is how many conversations somebody finds in views.
type ViewCounts struct {
	Data    []ViewCount `json:"data" doc:"The counts, in the order that was asked for."`
	Through int64       `json:"through" doc:"The sequence of the newest event before they were counted. An event after it that is about a conversation or a message may have changed them."`
}

// ViewCount is how many conversations somebody finds in a view.
type ViewCount struct {
	View    string `json:"view" doc:"The id of the view."`
	Count   int    `json:"count" doc:"How many conversations the key's user finds in it, up to 1000."`
	More    bool   `json:"more" doc:"There are more, or may be: of very many conversations not all are looked at."`
	Invalid bool   `json:"invalid,omitempty" doc:"The view names something that is not there any more; nothing was counted."`
}

// CreateView makes a view. Keys are as with Send.
func (c *Client) CreateView(ctx context.Context, view ViewRequest, options ...CallOption) (*View, error) {
	return fetch[View](ctx, c, request{method: http.MethodPost, path: "/v1/views", in: &view, keyed: true}, options...)
}

// ListViews returns a page of the views that the key's user sees.
func (c *Client) ListViews(ctx context.Context, filter ViewListFilter, options ...CallOption) (*List[View], error) {
	return fetch[List[View]](ctx, c, request{method: http.MethodGet, path: "/v1/views", query: queryOf(filter)}, options...)
}

// GetView returns a view.
func (c *Client) GetView(ctx context.Context, id string, options ...CallOption) (*View, error) {
	return fetch[View](ctx, c, request{method: http.MethodGet}.pathOf("v1", "views", id), options...)
}

// PatchView changes a view.
func (c *Client) PatchView(ctx context.Context, id string, patch ViewPatch, options ...CallOption) (*View, error) {
	return fetch[View](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "views", id), options...)
}

// DeleteView deletes a view.
func (c *Client) DeleteView(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "views", id), options...)
}

// ListViewConversations returns a page of the conversations that the key's user finds in a view, most recently active first.
func (c *Client) ListViewConversations(ctx context.Context, id string, page Page, options ...CallOption) (*List[Conversation], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Conversation]](ctx, c, r.pathOf("v1", "views", id, "conversations"), options...)
}

// CountViews returns how many conversations the key's user finds in each of some views.
func (c *Client) CountViews(ctx context.Context, filter ViewCountFilter, options ...CallOption) (*ViewCounts, error) {
	return fetch[ViewCounts](ctx, c, request{method: http.MethodGet, path: "/v1/views/counts", query: queryOf(filter)}, options...)
}
