package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/playground"
)

// Clock renders what a clock shows.
func Clock(c *playground.Clock) api.Clock {
	return api.Clock{Now: stamp(c.Now), Frozen: c.Frozen, Target: stamp(c.Target), Waiting: c.Waiting}
}

// ClockParams reads how a clock is to be moved.
func ClockParams(m *api.ClockMove) playground.ClockParams {
	return playground.ClockParams{By: OptionalSeconds(m.By), To: m.To.Time, Frozen: m.Frozen}
}
