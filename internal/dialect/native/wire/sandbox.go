package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/parley"
)

// Clock renders what a clock shows.
func Clock(c *playground.Clock) api.Clock {
	return api.Clock{Now: stamp(c.Now), Frozen: c.Frozen, Target: stamp(c.Target), Waiting: c.Waiting}
}

// ClockParams reads how a clock is to be moved.
func ClockParams(m *api.ClockMove) playground.ClockParams {
	return playground.ClockParams{By: OptionalSeconds(m.By), To: m.To.Time, Frozen: m.Frozen}
}

// Reset renders what came of emptying a test organization.
func Reset(r *playground.Reset) api.Reset {
	return api.Reset{Done: r.Done, Made: Each(r.Made, func(m *playground.Made) api.Made {
		return api.Made{Kind: m.Kind, ID: string(m.ID), Name: m.Name}
	})}
}

// Hook renders a hook with its address.
func Hook(h *parley.Hook, url string) api.Hook {
	return api.Hook{ID: string(h.ID), URL: url, Name: h.Name, Status: h.Status, Times: h.Times, Remaining: h.Remaining, Delay: seconds(h.Delay),
		Caught: h.Caught, Rev: h.Rev, CreatedAt: stamp(h.CreatedAt)}
}

// Caught renders a request that a hook caught.
func Caught(c *parley.Caught) api.HookCaught {
	out := api.HookCaught{Number: c.Number, At: stamp(c.At), Method: c.Method, Path: c.Path, Query: c.Query, Headers: c.Headers, Body: c.Body,
		Base64: c.Base64, Size: c.Size, Address: c.Address, Status: c.Status}
	if out.Headers == nil {
		out.Headers = map[string][]string{}
	}
	return out
}
