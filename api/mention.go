package api

import (
	"context"
	"net/http"
)

// Mention is that a message mentions the key's user.
type Mention struct {
	As      Actor   `json:"as" doc:"Who is mentioned: the user, or a team or role that the user is one of."`
	At      Time    `json:"at" format:"date-time" doc:"When."`
	Message Message `json:"message" doc:"The message as it is now."`
}

// ListMentions returns a page of the messages that mention the key's user, newest first.
func (c *Client) ListMentions(ctx context.Context, page Page, options ...CallOption) (*List[Mention], error) {
	return fetch[List[Mention]](ctx, c, request{method: http.MethodGet, path: "/v1/mentions", query: queryOf(page)}, options...)
}
