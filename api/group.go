package api

import (
	"context"
	"net/http"
)

// Group is a set of users with a conversation of its own, which they come into and leave. A forum is one that every user finds and may join.
type Group struct {
	ID             string            `json:"id" doc:"The id."`
	ConversationID string            `json:"conversationId" doc:"Its conversation, which has the same id."`
	Name           string            `json:"name" doc:"What people call it; may be empty."`
	Description    string            `json:"description,omitempty" doc:"What it is for."`
	Avatar         string            `json:"avatar,omitempty" doc:"The id of its image."`
	Metadata       map[string]string `json:"metadata" doc:"Facts kept with it."`
	Forum          bool              `json:"forum" doc:"Whether every user finds it and may join."`
	ReplayHistory  bool              `json:"replayHistory" doc:"Whether who joins sees what was said before."`
	MemberCount    int64             `json:"memberCount" doc:"How many users are in it."`
	Member         bool              `json:"member" doc:"Whether the key's user is one of them."`
	Rev            int64             `json:"rev" doc:"Its revision, as in ETag and If-Match: that of the conversation."`
	CreatedAt      Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// GroupRequest is a group to make.
type GroupRequest struct {
	Name          string            `json:"name,omitempty" maxLength:"200" doc:"What people call it."`
	Description   string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Avatar        string            `json:"avatar,omitempty" doc:"The id of an uploaded image."`
	Metadata      map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with it."`
	Forum         bool              `json:"forum,omitempty" doc:"Whether every user finds it and may join."`
	ReplayHistory *bool             `json:"replayHistory,omitempty" doc:"Whether who joins sees what was said before; without it, in a forum."`
	Members       []string          `json:"members,omitempty" maxItems:"1000" doc:"The ids of its users besides the key's."`
}

// GroupPatch changes a group. What is left out stays as it is.
type GroupPatch struct {
	Name          *string            `json:"name,omitempty" maxLength:"200" doc:"What people call it."`
	Description   *string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Avatar        *string            `json:"avatar,omitempty" doc:"The id of an uploaded image; an empty one removes it."`
	Metadata      map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
	ReplayHistory *bool              `json:"replayHistory,omitempty" doc:"Whether who joins from then on sees what was said before."`
}

// GroupFilter says which groups a list holds: those to which everything given applies.
type GroupFilter struct {
	Page
	Forum string `query:"forum" enum:"true" doc:"Only forums."`
	Mine  string `query:"mine" enum:"true" doc:"Only those that the key's user is in."`
}

// GroupMembers are users to let into a group.
type GroupMembers struct {
	Users []string `json:"users" minItems:"1" maxItems:"1000" doc:"Ids of users; those who are in it stay so."`
}

// CreateGroup makes a group, with its conversation.
func (c *Client) CreateGroup(ctx context.Context, group GroupRequest, options ...CallOption) (*Group, error) {
	return fetch[Group](ctx, c, request{method: http.MethodPost, path: "/v1/groups", in: &group}, options...)
}

// GetGroup returns a group as it is now.
func (c *Client) GetGroup(ctx context.Context, id string, options ...CallOption) (*Group, error) {
	return fetch[Group](ctx, c, request{method: http.MethodGet}.pathOf("v1", "groups", id), options...)
}

// ListGroups returns a page of forums, and of the groups that the key's user is in.
func (c *Client) ListGroups(ctx context.Context, filter GroupFilter, options ...CallOption) (*List[Group], error) {
	r := request{method: http.MethodGet, path: "/v1/groups", query: queryOf(filter)}
	return fetch[List[Group]](ctx, c, r, options...)
}

// PatchGroup changes a group.
func (c *Client) PatchGroup(ctx context.Context, id string, patch GroupPatch, options ...CallOption) (*Group, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Group](ctx, c, r.pathOf("v1", "groups", id), options...)
}

// ListGroupMembers returns a page of the users of a group.
func (c *Client) ListGroupMembers(ctx context.Context, group string, page Page, options ...CallOption) (*List[Member], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Member]](ctx, c, r.pathOf("v1", "groups", group, "members"), options...)
}

// AddGroupMembers lets users into a group, and returns it.
func (c *Client) AddGroupMembers(ctx context.Context, group string, members GroupMembers, options ...CallOption) (*Group, error) {
	r := request{method: http.MethodPost, in: &members}
	return fetch[Group](ctx, c, r.pathOf("v1", "groups", group, "members"), options...)
}

// RemoveGroupMember takes a user out of a group.
func (c *Client) RemoveGroupMember(ctx context.Context, group, user string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "groups", group, "members", user), options...)
}

// JoinGroup lets the key's user into a forum, and returns it.
func (c *Client) JoinGroup(ctx context.Context, group string, options ...CallOption) (*Group, error) {
	return fetch[Group](ctx, c, request{method: http.MethodPost}.pathOf("v1", "groups", group, "join"), options...)
}

// LeaveGroup takes the key's user out of a group.
func (c *Client) LeaveGroup(ctx context.Context, group string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodPost}.pathOf("v1", "groups", group, "leave"), options...)
}
