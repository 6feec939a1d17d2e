package playground

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/clock"
)

// Clock is what the clock of a test organization shows.
type Clock struct {
	Now    time.Time
	Frozen bool      // by itself it does not go on
	Target time.Time // where it is on its way to; zero: nowhere
	// Waiting is how much is due or under way.
	Waiting int
}

// ClockParams says where to move a clock, by at most one of By and To, and whether it goes on by itself then. Nil: as before.
type ClockParams struct {
	By     *time.Duration
	To     time.Time
	Frozen *bool
}

const (
	// maxBy is how far a clock is moved at once.
	maxBy = 10 * 366 * 24 * time.Hour
	// advanceFor is how long one call goes on. Whoever wants more calls again.
	advanceFor = 20 * time.Second
	// firstPause is how long to wait for what is under way; it is doubled each time, up to longestPause.
	firstPause   = 500 * time.Microsecond
	longestPause = 20 * time.Millisecond
)

// Clock returns what the clock of the principal's organization shows.
func (g *Playground) Clock(ctx context.Context, p *access.Principal) (Clock, error) {
	if err := p.Require(parley.ScopeSandboxRead); err != nil {
		return Clock{}, err
	}
	return g.shown(ctx, p)
}

func (g *Playground) shown(ctx context.Context, p *access.Principal) (Clock, error) {
	q, now := g.store.Read(ctx), g.store.Now(ctx, "")
	c, err := clockOf(q, p)
	if err != nil {
		return Clock{}, err
	}
	ahead, err := clock.Ahead(q, p.Organization, now)
	return Clock{Now: c.Now(now), Frozen: c.Stands && !c.Resumes, Target: c.Target, Waiting: ahead.Waiting}, err
}

// SetClock moves the clock of the principal's organization forward. It goes from one moment at which something is due to the
// next, and stands there until all that is due is done, so that everything happens in its order and has its time. A call goes
// on for a while: where the answer has a target it is not reached, and another call with the same goes on.
func (g *Playground) SetClock(ctx context.Context, p *access.Principal, params ClockParams) (Clock, error) {
	if err := p.Require(parley.ScopeSandboxWrite); err != nil {
		return Clock{}, err
	}
	target, err := g.depart(ctx, p, params)
	if err != nil {
		return Clock{}, err
	}
	if !target.IsZero() {
		if err := g.travel(ctx, p, target); err != nil {
			return Clock{}, err
		}
		if err := g.sweep(ctx, p.Organization); err != nil {
			return Clock{}, err
		}
	}
	g.kick()
	return g.shown(ctx, p)
}

// depart makes the clock stand, for the way to a target, which it returns; or makes it as it is wanted, where it is not moved.
func (g *Playground) depart(ctx context.Context, p *access.Principal, params ClockParams) (target time.Time, err error) {
	err = g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		c, err := clockOf(tx.Queries, p)
		if err != nil {
			return err
		}
		if target, err = params.target(tx.Now); err != nil {
			return err
		}
		next := parley.Clock{Shows: tx.Now, Stands: true, Target: target, Resumes: !c.Stands || c.Resumes}
		if params.Frozen != nil {
			next.Resumes = !*params.Frozen
		}
		if target.IsZero() {
			next.Stands, next.Resumes = !next.Resumes, false
			moved(tx, p)
		}
		return clock.Set(tx, p.Organization, next)
	})
	return target, err
}

// target is where the clock is to go, which shows now; zero: nowhere.
func (params *ClockParams) target(now time.Time) (time.Time, error) {
	to := params.To
	switch {
	case params.By != nil && !to.IsZero():
		return to, parley.Invalid("to", "not-allowed", "does not go with by")
	case params.By != nil && (*params.By < 0 || *params.By > maxBy):
		return to, parley.Invalid("by", "out-of-range", "must be 0 to %d seconds", int64(maxBy/time.Second))
	case params.By != nil:
		to = now.Add(*params.By)
	case to.IsZero() && params.Frozen == nil:
		return to, parley.Invalid("by", "required", "one of by, to and frozen must be given")
	case to.IsZero():
		return to, nil
	case to.Before(now):
		return to, parley.Invalid("to", "clock-back", "must not be before %s, which the clock shows: it goes forward only", now.Format(time.RFC3339Nano))
	case to.Sub(now) > maxBy:
		return to, parley.Invalid("to", "out-of-range", "must be within %d seconds of what the clock shows", int64(maxBy/time.Second))
	}
	if to = to.UTC().Truncate(time.Millisecond); to.After(clock.LastTime()) {
		return to, parley.Invalid("to", "out-of-range", "must not be after %s", clock.LastTime().Format(time.RFC3339))
	}
	return to, nil
}

// travel takes the clock to a target, as far as there is time.
func (g *Playground) travel(ctx context.Context, p *access.Principal, target time.Time) error {
	pause := firstPause
	for end := g.store.Now(ctx, "").Add(advanceFor); g.store.Now(ctx, "").Before(end); {
		waiting, there, err := g.step(ctx, p, target)
		if err != nil || there {
			return err
		}
		if !waiting {
			pause = firstPause
		}
		if err := g.work(ctx, p, &pause); err != nil {
			return err
		}
	}
	return nil
}

// step takes the clock to the next moment at which something is due, or to the target, unless something is due or under way.
func (g *Playground) step(ctx context.Context, p *access.Principal, target time.Time) (waiting, there bool, err error) {
	err = g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		waiting, there = false, false
		c, err := clockOf(tx.Queries, p)
		if err != nil {
			return err
		}
		ahead, err := clock.Ahead(tx.Queries, p.Organization, tx.Real())
		if err != nil {
			return err
		}
		waiting = ahead.Waiting > 0
		next := *c
		switch {
		case !c.Target.Equal(target): // somebody else has said otherwise meanwhile
			waiting, there = false, true
			return nil
		case waiting:
			return nil
		case !ahead.Next.IsZero() && !ahead.Next.After(target):
			next.Shows = ahead.Next
		default:
			there = true
			next.Shows, next.Stands, next.Resumes, next.Target = target, !c.Resumes, false, time.Time{}
			moved(tx, p)
		}
		return clock.Set(tx, p.Organization, next)
	})
	return waiting, there, err
}

// moved tells the log that the clock was moved.
func moved(tx *store.Tx, p *access.Principal) {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventClockMoved, Data: parley.EventData{Actor: p.User}})
}

// work does what is due, and waits a little where it is done elsewhere.
func (g *Playground) work(ctx context.Context, p *access.Principal, pause *time.Duration) error {
	g.kick()
	if err := g.turn(ctx); err != nil {
		return err
	}
	ahead, err := clock.Ahead(g.store.Read(ctx), p.Organization, g.store.Now(ctx, ""))
	if err != nil || ahead.Waiting == 0 {
		return err
	}
	timer := time.NewTimer(*pause)
	defer timer.Stop()
	*pause = min(2**pause, longestPause)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
