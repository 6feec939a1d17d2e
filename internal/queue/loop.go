package queue

import (
	"context"
	"fmt"
	"time"
)

// loop runs work after every poke, and when the time comes that it asked for.
type loop struct {
	work  func(ctx context.Context) time.Time // returns when to run again; zero: when poked
	least time.Duration                       // between two runs, the first of which found no more to do
	most  time.Duration                       // between two runs
	pokes chan struct{}
	ended chan struct{}
}

// mostRest is how long a loop rests at most after work that took longer than the least time between two runs. It
// rests as long as it worked: looking again at once, while others keep the table busy, would only take from them.
const mostRest = 20 * time.Millisecond

func newLoop(least, most time.Duration, work func(ctx context.Context) time.Time) *loop {
	return &loop{work: work, least: least, most: most, pokes: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (l *loop) poke() {
	select {
	case l.pokes <- struct{}{}:
	default:
	}
}

// start runs the loop until the context ends.
func (l *loop) start(ctx context.Context) { go l.run(ctx) }

func (l *loop) run(ctx context.Context) {
	defer close(l.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.pokes:
		case <-timer.C:
		}
		began := time.Now()
		next := l.work(ctx)
		took := time.Since(began)
		rest := min(took, mostRest)
		if next.IsZero() || next.After(time.Now()) {
			rest = max(rest, l.least-took)
		}
		if !sleep(ctx, rest) {
			return
		}
		wait := l.most
		if !next.IsZero() {
			wait = min(wait, max(time.Until(next), 0))
		}
		timer.Reset(wait)
	}
}

// wait waits until the loop has ended, or the context.
func (l *loop) wait(ctx context.Context) error {
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-l.ended:
		return nil
	default:
		return fmt.Errorf("a loop of the queue has not ended: %w", ctx.Err())
	}
}

// sleep waits, and reports whether it could.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
