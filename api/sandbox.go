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
