package api

import (
	"context"
	"net/http"
)

// AutoTemplate is the template of an auto-reply.
type AutoTemplate struct {
	ID     string `json:"id" minLength:"1" doc:"The id of a template with a published version."`
	Locale string `json:"locale,omitempty" maxLength:"35" doc:"The locale, as in a send."`
}

// AutoReply is a rule that answers messages from outside.
type AutoReply struct {
	ID        string        `json:"id" doc:"The id."`
	Name      string        `json:"name" doc:"What people call it."`
	Enabled   bool          `json:"enabled" doc:"Whether it answers."`
	Position  int           `json:"position" doc:"Where it is among others: the first that fits answers."`
	When      string        `json:"when" enum:"closed,open,always,first" doc:"When it answers: while the schedule is closed or open, always, or the first message of a conversation."`
	Schedule  string        `json:"schedule,omitempty" doc:"The id of the schedule that it goes by; left out: the default one."`
	Channels  []string      `json:"channels" doc:"Ids of the channels that it answers on; none: all."`
	Platforms []string      `json:"platforms" doc:"The platforms that it answers on; none: all."`
	Teams     []string      `json:"teams" doc:"Ids of teams: it answers in conversations that one of them is assigned to; none: in all."`
	Text      string        `json:"text,omitempty" doc:"What it answers."`
	Template  *AutoTemplate `json:"template,omitempty" doc:"The template that it answers with, in place of a text."`
	Class     MessageClass  `json:"class" enum:"transactional,service,authentication,marketing" doc:"What its answers are for. An address that gets no messages of the class is not answered."`
	Throttle  int64         `json:"throttle" doc:"How many seconds lie between two of its answers at least."`
	Each      string        `json:"each" enum:"contact,conversation" doc:"Of what the throttle and the limit are: of one sender, or of one conversation."`
	Limit     int           `json:"limit,omitempty" doc:"How often it answers at most; left out: as often as the throttle lets it."`
	Rev       int64         `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time          `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// AutoReplyRequest is a rule to make.
type AutoReplyRequest struct {
	Name      string        `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Enabled   *bool         `json:"enabled,omitempty" doc:"Whether it answers; left out: it does."`
	Position  int           `json:"position,omitempty" minimum:"0" maximum:"10000" doc:"Where it is among others: the first that fits answers. Of one position, the one that was made first."`
	When      string        `json:"when" enum:"closed,open,always,first" doc:"When it answers: while the schedule is closed or open, always, or the first message of a conversation."`
	Schedule  string        `json:"schedule,omitempty" doc:"The id of the schedule that it goes by, of closed and open; left out: the default one, and where there is none it is always open."`
	Channels  []string      `json:"channels,omitempty" maxItems:"100" doc:"Ids of the channels that it answers on; none: all."`
	Platforms []string      `json:"platforms,omitempty" maxItems:"100" maxLength:"50" doc:"The platforms that it answers on; none: all."`
	Teams     []string      `json:"teams,omitempty" maxItems:"100" doc:"Ids of teams: it answers in conversations that one of them is assigned to; none: in all."`
	Text      string        `json:"text,omitempty" maxLength:"4000" doc:"What it answers."`
	Template  *AutoTemplate `json:"template,omitempty" doc:"The template that it answers with, in place of a text. Its variables have their defaults."`
	Class     MessageClass  `json:"class,omitempty" enum:"transactional,service,authentication,marketing" doc:"What its answers are for; left out: service."`
	Throttle  *int64        `json:"throttle,omitempty" minimum:"0" maximum:"31622400" doc:"How many seconds lie between two of its answers at least; left out: 3600."`
	Each      string        `json:"each,omitempty" enum:"contact,conversation" doc:"Of what the throttle and the limit are: of one sender, or of one conversation; left out: of one sender."`
	Limit     int           `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"How often it answers at most; left out: as often as the throttle lets it."`
}

// AutoReplyPatch changes a rule. What is left out stays as it is.
type AutoReplyPatch struct {
	Name      *string       `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Enabled   *bool         `json:"enabled,omitempty" doc:"Whether it answers."`
	Position  *int          `json:"position,omitempty" minimum:"0" maximum:"10000" doc:"Where it is among others."`
	When      *string       `json:"when,omitempty" enum:"closed,open,always,first" doc:"When it answers."`
	Schedule  *string       `json:"schedule,omitempty" doc:"The id of the schedule that it goes by; empty: the default one."`
	Channels  *[]string     `json:"channels,omitempty" maxItems:"100" doc:"Ids of the channels that it answers on; replaces all."`
	Platforms *[]string     `json:"platforms,omitempty" maxItems:"100" maxLength:"50" doc:"The platforms that it answers on; replaces all."`
	Teams     *[]string     `json:"teams,omitempty" maxItems:"100" doc:"Ids of teams; replaces all."`
	Text      *string       `json:"text,omitempty" maxLength:"4000" doc:"What it answers, in place of a template."`
	Template  *AutoTemplate `json:"template,omitempty" doc:"The template that it answers with, in place of a text."`
	Class     *MessageClass `json:"class,omitempty" enum:"transactional,service,authentication,marketing" doc:"What its answers are for."`
	Throttle  *int64        `json:"throttle,omitempty" minimum:"0" maximum:"31622400" doc:"How many seconds lie between two of its answers at least."`
	Each      *string       `json:"each,omitempty" enum:"contact,conversation" doc:"Of what the throttle and the limit are."`
	Limit     *int          `json:"limit,omitempty" minimum:"0" maximum:"1000" doc:"How often it answers at most; 0: as often as the throttle lets it."`
}

// CreateAutoReply makes a rule that answers messages from outside. Keys are as with Send.
func (c *Client) CreateAutoReply(ctx context.Context, rule AutoReplyRequest, options ...CallOption) (*AutoReply, error) {
	return fetch[AutoReply](ctx, c, request{method: http.MethodPost, path: "/v1/auto-replies", in: &rule, keyed: true}, options...)
}

// GetAutoReply returns a rule.
func (c *Client) GetAutoReply(ctx context.Context, id string, options ...CallOption) (*AutoReply, error) {
	return fetch[AutoReply](ctx, c, request{method: http.MethodGet}.pathOf("v1", "auto-replies", id), options...)
}

// ListAutoReplies returns a page of rules.
func (c *Client) ListAutoReplies(ctx context.Context, page Page, options ...CallOption) (*List[AutoReply], error) {
	return fetch[List[AutoReply]](ctx, c, request{method: http.MethodGet, path: "/v1/auto-replies", query: queryOf(page)}, options...)
}

// PatchAutoReply changes a rule.
func (c *Client) PatchAutoReply(ctx context.Context, id string, patch AutoReplyPatch, options ...CallOption) (*AutoReply, error) {
	return fetch[AutoReply](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "auto-replies", id), options...)
}

// DeleteAutoReply deletes a rule.
func (c *Client) DeleteAutoReply(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "auto-replies", id), options...)
}
