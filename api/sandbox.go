package api

import (
	"context"
	"net/http"
	"time"
)

// Clock is what the clock of a test organization shows.
type Clock struct {
	Now     Time `json:"now" format:"date-time" doc:"What it shows. Everything in the organization has its time."`
	Frozen  bool `json:"frozen" doc:"Whether it stands until it is moved; else it goes on with the real time."`
	Target  Time `json:"target,omitzero" format:"date-time" doc:"Where it is on its way to: it is not there yet, and goes on when it is moved again."`
	Waiting int  `json:"waiting" doc:"How much is due or under way, before which it does not go on."`
}

// ClockMove moves the clock of a test organization forward: by a time or to a moment, and to go on or stand from there.
type ClockMove struct {
	By     *int64 `json:"by,omitempty" minimum:"0" maximum:"316224000" example:"3600" doc:"How many seconds it moves."`
	To     Time   `json:"to,omitzero" format:"date-time" doc:"Where it moves to, in place of by; not before what it shows."`
	Frozen *bool  `json:"frozen,omitempty" doc:"Whether it stands from then on. Left out: as before."`
}

// GetClock returns what the clock of a test organization shows.
func (c *Client) GetClock(ctx context.Context, options ...CallOption) (*Clock, error) {
	return fetch[Clock](ctx, c, request{method: http.MethodGet, path: "/v1/sandbox/clock"}, options...)
}

// MoveClock moves the clock of a test organization. Where the answer has a target, it is not there yet: see AdvanceClock.
func (c *Client) MoveClock(ctx context.Context, move ClockMove, options ...CallOption) (*Clock, error) {
	return fetch[Clock](ctx, c, request{method: http.MethodPost, path: "/v1/sandbox/clock", in: &move}, options...)
}

// AdvanceClock moves the clock of a test organization by a time, in whole seconds, and returns when it is there and all that
// was due is done.
func (c *Client) AdvanceClock(ctx context.Context, by time.Duration, options ...CallOption) (*Clock, error) {
	seconds := int64(by / time.Second)
	clock, err := c.MoveClock(ctx, ClockMove{By: &seconds}, options...)
	for err == nil && !clock.Target.IsZero() {
		clock, err = c.MoveClock(ctx, ClockMove{To: clock.Target}, options...)
	}
	return clock, err
}

// ResetRequest says how a test organization is emptied.
type ResetRequest struct {
	All     bool   `json:"all,omitempty" doc:"Users, keys and permission sets go too, but for the key that asks, its user and its sets."`
	Fixture string `json:"fixture,omitempty" enum:"channels,clinic" doc:"What is made then: channels, a channel of the sandbox for each kind of address; clinic, also people who work there, a team and patients."`
}

// Reset is what came of emptying a test organization.
type Reset struct {
	Done bool   `json:"done" doc:"Whether it is empty; else it is asked for again, to go on."`
	Made []Made `json:"made" doc:"What the fixture made, or found."`
}

// Made is a thing of a fixture.
type Made struct {
	Kind string `json:"kind" doc:"What it is: channel, user, team, contact."`
	ID   string `json:"id" doc:"The id."`
	Name string `json:"name" doc:"What people call it."`
}

// ResetOrganization empties a test organization, and makes a fixture in it. Where the answer is not done, another call goes on.
func (c *Client) ResetOrganization(ctx context.Context, reset ResetRequest, options ...CallOption) (*Reset, error) {
	return fetch[Reset](ctx, c, request{method: http.MethodPost, path: "/v1/sandbox/reset", in: &reset}, options...)
}

// Hook is an address of the server's that catches whatever is posted to it, for tests of what a test organization sends out.
type Hook struct {
	ID        string `json:"id" doc:"The id."`
	URL       string `json:"url" doc:"The address, which nobody guesses. What is below it is caught too."`
	Name      string `json:"name" doc:"What people call it; may be empty."`
	Status    int    `json:"status" doc:"What is answered."`
	Times     int    `json:"times" doc:"To how many requests, before the answer is 200; 0: to all."`
	Remaining int    `json:"remaining" doc:"To how many still."`
	Delay     int64  `json:"delay" doc:"Seconds before it answers."`
	Caught    int64  `json:"caught" doc:"How many requests it has caught so far. The newest 500 are kept, for a week."`
	Rev       int64  `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time   `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// HookRequest is a hook to make.
type HookRequest struct {
	Name   string `json:"name,omitempty" maxLength:"200" doc:"What people call it."`
	Status int    `json:"status,omitempty" minimum:"200" maximum:"599" doc:"What is answered; left out: 200."`
	Times  int    `json:"times,omitempty" minimum:"0" maximum:"1000" doc:"To how many requests, before the answer is 200; left out: to all."`
	Delay  int64  `json:"delay,omitempty" minimum:"0" maximum:"30" doc:"Seconds before it answers."`
}

// HookPatch changes a hook. What is left out stays as it is; a new status or number of times counts from the next request.
type HookPatch struct {
	Name   *string `json:"name,omitempty" maxLength:"200" doc:"What people call it."`
	Status *int    `json:"status,omitempty" minimum:"200" maximum:"599" doc:"What is answered."`
	Times  *int    `json:"times,omitempty" minimum:"0" maximum:"1000" doc:"To how many requests, before the answer is 200; 0: to all."`
	Delay  *int64  `json:"delay,omitempty" minimum:"0" maximum:"30" doc:"Seconds before it answers."`
}

// HookCaught is a request that a hook caught.
type HookCaught struct {
	Number  int64               `json:"number" doc:"Its number in the hook, from 1."`
	At      Time                `json:"at" format:"date-time" doc:"When it came, by the organization's clock."`
	Method  string              `json:"method" doc:"Its method."`
	Path    string              `json:"path" doc:"Its path below the hook's address; mostly empty."`
	Query   string              `json:"query" doc:"Its query."`
	Headers map[string][]string `json:"headers" doc:"Its headers. Credentials are redacted."`
	Body    string              `json:"body" doc:"Its body: up to 65536 bytes, base64 where it is no text."`
	Base64  bool                `json:"base64" doc:"Whether the body is written as base64."`
	Size    int64               `json:"size" doc:"How many bytes its whole body has."`
	Address string              `json:"address" doc:"The network address that it came from."`
	Status  int                 `json:"status" doc:"What it was answered."`
}

// CreateHook makes an address that catches what is posted to it.
func (c *Client) CreateHook(ctx context.Context, hook HookRequest, options ...CallOption) (*Hook, error) {
	return fetch[Hook](ctx, c, request{method: http.MethodPost, path: "/v1/sandbox/hooks", in: &hook}, options...)
}

// GetHook returns a hook as it is now.
func (c *Client) GetHook(ctx context.Context, id string, options ...CallOption) (*Hook, error) {
	return fetch[Hook](ctx, c, request{method: http.MethodGet}.pathOf("v1", "sandbox", "hooks", id), options...)
}

// ListHooks returns a page of the hooks of a test organization.
func (c *Client) ListHooks(ctx context.Context, page Page, options ...CallOption) (*List[Hook], error) {
	return fetch[List[Hook]](ctx, c, request{method: http.MethodGet, path: "/v1/sandbox/hooks", query: queryOf(page)}, options...)
}

// PatchHook changes a hook.
func (c *Client) PatchHook(ctx context.Context, id string, patch HookPatch, options ...CallOption) (*Hook, error) {
	return fetch[Hook](ctx, c, request{method: http.MethodPatch, in: &patch}.pathOf("v1", "sandbox", "hooks", id), options...)
}

// DeleteHook deletes a hook with what it caught.
func (c *Client) DeleteHook(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "sandbox", "hooks", id), options...)
}

// ListCaught returns a page of what a hook caught, newest first.
func (c *Client) ListCaught(ctx context.Context, hook string, page Page, options ...CallOption) (*List[HookCaught], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[HookCaught]](ctx, c, r.pathOf("v1", "sandbox", "hooks", hook, "requests"), options...)
}

// ClearCaught deletes what a hook caught.
func (c *Client) ClearCaught(ctx context.Context, hook string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "sandbox", "hooks", hook, "requests"), options...)
}
