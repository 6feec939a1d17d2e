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
