// Package playground answers requests that only test organizations have: their clocks.
package playground

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ playground *playground.Playground }

// Endpoints are the operations of this package.
func Endpoints(g *playground.Playground) []*door.Endpoint {
	a := area{g}
	const read, write = parley.ScopeSandboxRead, parley.ScopeSandboxWrite
	move := door.Operation("POST /v1/sandbox/clock", "moveClock", write, "Move the clock of a test organization forward")
	move.Details = "The clock goes from one moment at which something is due to the next, and stands there until all that is due is done. " +
		"Answers 200 when it is there. One call goes on for 20 seconds; then it answers 202 with how far the clock is and its target, and another call with that as `to` goes on."
	return []*door.Endpoint{
		door.Get(door.Operation("GET /v1/sandbox/clock", "getClock", read, "Get what the clock of a test organization shows"), a.clock),
		door.Change(move, a.moveClock),
	}
}

func (a area) clock(c *door.Call) (api.Clock, error) {
	shown, err := a.playground.Clock(c.Ctx(), c.P)
	return wire.Clock(&shown), err
}

func (a area) moveClock(c *door.Call, b *api.ClockMove) (api.Clock, error) {
	shown, err := a.playground.SetClock(c.Ctx(), c.P, wire.ClockParams(b))
	if !shown.Target.IsZero() {
		c.Status = http.StatusAccepted
	}
	return wire.Clock(&shown), err
}
