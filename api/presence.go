package api

import (
	"context"
	"net/http"
)

// PresenceStatus is where somebody is.
type PresenceStatus string

// Where somebody may be.
const (
	PresenceOnline    PresenceStatus = "online"
	PresenceAway      PresenceStatus = "away"
	PresenceInvisible PresenceStatus = "invisible"
	PresenceOffline   PresenceStatus = "offline"
)

// UserPresence is where a user is, as others see it.
type UserPresence struct {
	User   string         `json:"user" doc:"The id of the user."`
	Status PresenceStatus `json:"status" enum:"online,away,offline" doc:"Online: there is a live stream, or was a sign of life in the last minute. Away: they say so, or do not want to be disturbed."`
}

// PresenceRequest is a sign of life of the key's user.
type PresenceRequest struct {
	Status PresenceStatus `json:"status" enum:"online,away,invisible,offline" doc:"Where they are. Invisible: others see them offline, and not that they write. It holds for a minute, or as long as they have a live stream."`
}

// PresenceFilter says of whom it is asked where they are.
type PresenceFilter struct {
	Users []string `query:"user" maxItems:"100" doc:"The ids of users, separated by commas."`
}

// PresenceList is where some users are.
type PresenceList struct {
	Data []UserPresence `json:"data" doc:"In the order that was asked for."`
}

// TypingRequest says whether somebody is writing.
type TypingRequest struct {
	Typing *bool `json:"typing,omitempty" doc:"False: not any more. Left out: yes."`
}

// GetPresence returns where some users are.
func (c *Client) GetPresence(ctx context.Context, filter PresenceFilter, options ...CallOption) (*PresenceList, error) {
	return fetch[PresenceList](ctx, c, request{method: http.MethodGet, path: "/v1/presence", query: queryOf(filter)}, options...)
}

// SetPresence is a sign of life of the key's user.
func (c *Client) SetPresence(ctx context.Context, presence PresenceRequest, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodPut, path: "/v1/presence", in: &presence, repeatable: true}, options...)
}

// Typing shows those who see a conversation that the key's user is writing in it.
func (c *Client) Typing(ctx context.Context, conversation string, typing TypingRequest, options ...CallOption) error {
	r := request{method: http.MethodPost, in: &typing, repeatable: true}
	return order(ctx, c, r.pathOf("v1", "conversations", conversation, "typing"), options...)
}
