// Package queue is the durable runner: it takes work that is due from a table, makes the calls, and writes what
// became of them, in batches, fairly over lanes and within their limits. It knows nothing of messages: what work
// is, its source says.
package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Source is the table of the work and the calls behind it. L is a line of work that waits, W a piece of it, R
// what became of a call.
type Source[L Line, W Work, R any] interface {
	// Lines returns what is in the table, in an order that stays: each line with the time when its first piece
	// is due, or when the first lease of those that are claimed ends.
	Lines(ctx context.Context) ([]L, error)
	// Due returns up to n pieces of a line that are due, earliest first.
	Due(ctx context.Context, line L, n int) ([]W, error)
	// Claim takes what it can of the pieces, in their order and within the limits of their lanes, and writes the
	// attempts, until a lease ends. Where a limit kept something back: later holds when its lane can give more,
	// and full the lanes that can when something of theirs is finished.
	Claim(ctx context.Context, pieces []W, lease time.Duration) (claimed []W, later map[string]time.Time, full []string, err error)
	// Renew prolongs the leases of claims that are still held.
	Renew(ctx context.Context, held []W, lease time.Duration) error
	// Call does the work. It returns when the context ends, at the latest.
	Call(ctx context.Context, piece W) R
	// GiveUp is what became of a call that has not come back in time.
	GiveUp(piece W) R
	// Finish writes what became of calls, of those whose claims are still held. It may be called again with the
	// same results.
	Finish(ctx context.Context, results []R) error
}

// Line is work of one lane that is taken in order of time.
type Line interface {
	Lane() string // what shares limits
	Urgent() bool // goes before what is not
	DueAt() time.Time
}

// Work is a piece of work.
type Work interface {
	Key() string // the same at every attempt
}

// Timer is work of one kind that is done inside the table, without calls: whatever is due.
type Timer struct {
	Name string
	// Next returns when the first is due; zero: there is none.
	Next func(ctx context.Context) (time.Time, error)
	// Run does some of what is due and says how much: 0 when there was nothing. It is run again until then.
	Run func(ctx context.Context) (int, error)
}

// Options are the runner's measures. A zero field means its default.
type Options struct {
	Lease    time.Duration // how long a claim holds without being renewed; default 15 s
	Deadline time.Duration // of a call; shorter than the lease; default 12 s
	InHand   int           // calls at once; default 2048
	Claims   int           // most pieces in one claim; default 500
	Results  int           // most results in one write, which delays others that write; default 250
	Gather   time.Duration // between two looks for work that is not there yet, ten times that for timers; default 5 ms
	Watch    time.Duration // longest time without looking at the table; default 15 s
	Log      *slog.Logger
}

const (
	defaultLease    = 15 * time.Second
	defaultDeadline = 12 * time.Second
	defaultInHand   = 2048
	defaultClaims   = 500
	defaultResults  = 250
	defaultGather   = 5 * time.Millisecond
	defaultWatch    = 15 * time.Second

	// timerGather is how much longer timers gather than claims.
	timerGather = 10

	// trouble is how long the runner waits after the table failed.
	trouble = 250 * time.Millisecond
	// overdue is how long after its deadline a call is given up.
	overdue = 2 * time.Second
)

func (o Options) filled() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Lease, defaultLease)
	set(&o.Deadline, min(defaultDeadline, o.Lease*4/5))
	set(&o.Gather, defaultGather)
	set(&o.Watch, defaultWatch)
	for _, n := range []struct {
		value *int
		other int
	}{{&o.InHand, defaultInHand}, {&o.Claims, defaultClaims}, {&o.Results, defaultResults}} {
		if *n.value <= 0 {
			*n.value = n.other
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Runner works off a table until it is stopped.
type Runner struct {
	engine engine
	timers []*loop
	turns  []Timer            // of which the timers are loops
	cancel context.CancelFunc // of looking for more
}

// engine is a dispatcher without its types.
type engine interface {
	start(looking context.Context)
	stop(ctx context.Context) error
	poke()
	wake()
	inHand() int
}

// New returns a runner, which does nothing yet.
func New[L Line, W Work, R any](source Source[L, W, R], timers []Timer, o Options) *Runner {
	o = o.filled()
	r := &Runner{turns: timers}
	for _, t := range timers {
		r.timers = append(r.timers, newLoop(timerGather*o.Gather, o.Watch, t.look(o.Log)))
	}
	r.engine = newDispatcher(source, o, r.pokeTimers)
	return r
}

// Start begins to work.
func (r *Runner) Start() {
	looking, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.engine.start(looking)
	for _, t := range r.timers {
		t.start(looking)
	}
}

// Stop takes nothing more, lets the calls in hand come back until ctx ends, gives up those that did not, and
// writes what became of them. What could not be written is left to the next start. It is called once.
func (r *Runner) Stop(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	err := r.engine.stop(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), overdue)
	defer cancel()
	for _, t := range r.timers {
		err = errors.Join(err, t.wait(last))
	}
	return err
}

// Kick says that there may be new work. It does not block.
func (r *Runner) Kick() {
	r.engine.poke()
	r.pokeTimers()
}

// Turn does what is due of the timers, without waiting until they look.
func (r *Runner) Turn(ctx context.Context) error {
	for _, t := range r.turns {
		for n := 1; n > 0; {
			next, err := t.Next(ctx)
			if err != nil {
				return err
			}
			if next.IsZero() || next.After(time.Now()) {
				break
			}
			if n, err = t.Run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wake says that the limits of lanes may have changed. It does not block.
func (r *Runner) Wake() { r.engine.wake() }

// InHand is how many calls are under way or wait to be written.
func (r *Runner) InHand() int { return r.engine.inHand() }

func (r *Runner) pokeTimers() {
	for _, t := range r.timers {
		t.poke()
	}
}

// look does what is due, and says when to come back.
func (t Timer) look(log *slog.Logger) func(ctx context.Context) time.Time {
	return func(ctx context.Context) time.Time {
		next, err := t.Next(ctx)
		if err == nil && !next.IsZero() && !next.After(time.Now()) {
			next = time.Now()
			var n int
			if n, err = t.Run(ctx); n == 0 {
				next = time.Time{} // what was due is gone
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Error("queue", "timer", t.Name, "error", err)
			return time.Now().Add(trouble)
		}
		return next
	}
}
