// Package playground answers requests that only test organizations have: their clocks, that they can be emptied, and what they catch.
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
type area struct {
	playground *playground.Playground
	base       string // how others reach the server; empty: as whoever asks does
}

// Endpoints are the operations of this package.
func Endpoints(g *playground.Playground, base string) []*door.Endpoint {
	a := area{g, base}
	const read, write = parley.ScopeSandboxRead, parley.ScopeSandboxWrite
	move := door.Operation("POST /v1/sandbox/clock", "moveClock", write, "Move the clock of a test organization forward")
	move.Details = "The clock goes from one moment at which something is due to the next, and stands there until all that is due is done. " +
		"Answers 200 when it is there. One call goes on for 20 seconds; then it answers 202 with how far the clock is and its target, and another call with that as `to` goes on."
	reset := door.Operation("POST /v1/sandbox/reset", "resetOrganization", write, "Empty a test organization")
	reset.Details = "Everything goes but users, their permission sets, keys and the audit log. The log of events goes on with its next number, the clock with the real time. " +
		"With `all`, users and keys go too, but for the one that asks; that needs users:write and keys:write. " +
		"Answers 200 when it is empty. One call goes on for 20 seconds; then it answers 202, and another goes on."
	return []*door.Endpoint{
		door.Get(door.Operation("GET /v1/sandbox/clock", "getClock", read, "Get what the clock of a test organization shows"), a.clock),
		door.Change(move, a.moveClock),
		door.Audited(door.ChangeOf(reset, a.reset), parley.ActOrganizationReset, parley.ActChannelCreated, parley.ActUserCreated, parley.ActTeamCreated,
			parley.ActContactCreated),
		door.Create(door.Operation("POST /v1/sandbox/hooks", "createHook", write, "Make an address that catches what is posted to it"), http.StatusCreated, a.createHook),
		door.List(door.Operation("GET /v1/sandbox/hooks", "listHooks", read, "List the addresses that catch"), a.hooks),
		door.Get(door.Operation("GET /v1/sandbox/hooks/{id}", "getHook", read, "Get an address that catches"), a.hook),
		door.Matched(door.Change(door.Operation("PATCH /v1/sandbox/hooks/{id}", "patchHook", write, "Change what an address that catches answers"), a.patchHook)),
		door.Matched(door.Order(door.Operation("DELETE /v1/sandbox/hooks/{id}", "deleteHook", write, "Delete an address that catches, with what it caught"), a.deleteHook)),
		door.List(door.Operation("GET /v1/sandbox/hooks/{id}/requests", "listCaught", read, "List what an address caught, newest first"), a.caught),
		door.Order(door.Operation("DELETE /v1/sandbox/hooks/{id}/requests", "clearCaught", write, "Delete what an address caught"), a.clearHook),
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

func (a area) reset(c *door.Call, b *api.ResetRequest) (api.Reset, error) {
	done, err := a.playground.Reset(c.Ctx(), c.P, playground.ResetParams{All: b.All, Fixture: playground.Fixture(b.Fixture)})
	if !done.Done {
		c.Status = http.StatusAccepted
	}
	return wire.Reset(&done), err
}
