package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// dispatcher claims work, makes the calls and writes the results.
type dispatcher[L Line, W Work, R any] struct {
	source  Source[L, W, R]
	options Options
	changed func() // results were written: timers may have work

	claims, results, leases *loop
	calls                   context.Context // of the calls under way
	abort                   context.CancelFunc
	writing                 context.Context // of what is written about them
	endWriting              context.CancelFunc

	mu      sync.Mutex
	held    map[string]*claim[W] // by the key of its work
	lanes   map[string]int       // calls in hand, and those given up that have not come back
	total   int                  // of lanes
	blocked map[string]time.Time // lanes that can give nothing before
	done    []finished[W, R]
	empty   chan struct{} // closed when, while stopping, nothing is in hand
	stopped bool
	cursor  int // the line that goes first
}

// claim is a piece of work in hand.
type claim[W Work] struct {
	work   W
	lane   string
	began  time.Time
	leased time.Time // when the lease was last prolonged
	back   bool      // the call has come back, or was given up
	gaveUp bool
}

// finished is a call that came back.
type finished[W Work, R any] struct {
	claim  *claim[W]
	result R
}

func newDispatcher[L Line, W Work, R any](source Source[L, W, R], o Options, changed func()) *dispatcher[L, W, R] {
	d := &dispatcher[L, W, R]{source: source, options: o, changed: changed, held: map[string]*claim[W]{}, lanes: map[string]int{},
		blocked: map[string]time.Time{}, empty: make(chan struct{})}
	d.calls, d.abort = context.WithCancel(context.Background())
	d.writing, d.endWriting = context.WithCancel(context.Background())
	d.claims = newLoop(o.Gather, o.Watch, d.claim)
	d.results = newLoop(0, o.Watch, d.write)
	d.leases = newLoop(0, o.Lease/3, d.renew)
	return d
}

func (d *dispatcher[L, W, R]) start(looking context.Context) {
	d.claims.start(looking)
	d.results.start(d.writing)
	d.leases.start(d.writing)
}

func (d *dispatcher[L, W, R]) poke() { d.claims.poke() }

func (d *dispatcher[L, W, R]) wake() {
	d.mu.Lock()
	clear(d.blocked)
	d.mu.Unlock()
	d.claims.poke()
}

func (d *dispatcher[L, W, R]) inHand() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.held)
}

// stop waits for what is in hand; see Runner.Stop.
func (d *dispatcher[L, W, R]) stop(ctx context.Context) error {
	err := d.claims.wait(ctx)
	d.mu.Lock()
	d.stopped = true
	d.closeIfEmpty()
	d.mu.Unlock()
	select {
	case <-d.empty:
	case <-ctx.Done():
		// The calls end now, as lost; what became of them is still written, if it can be.
		d.abort()
		select {
		case <-d.empty:
		case <-time.After(overdue):
			err = errors.Join(err, fmt.Errorf("%d calls are left to the next start", d.inHand()))
		}
	}
	d.abort()
	d.endWriting()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), overdue)
	defer cancel()
	return errors.Join(err, d.results.wait(last), d.leases.wait(last))
}

// closeIfEmpty tells stop that nothing is in hand.
func (d *dispatcher[L, W, R]) closeIfEmpty() {
	if !d.stopped || len(d.held) > 0 {
		return
	}
	select {
	case <-d.empty:
	default:
		close(d.empty)
	}
}

// claim is a run of the claiming loop.
func (d *dispatcher[L, W, R]) claim(ctx context.Context) time.Time {
	next, err := d.claimDue(ctx)
	if err != nil && ctx.Err() == nil {
		d.options.Log.Error("queue", "claiming", err)
		sleep(ctx, trouble)
		return time.Now()
	}
	return next
}

func (d *dispatcher[L, W, R]) claimDue(ctx context.Context) (time.Time, error) {
	limit := min(d.options.Claims, d.free())
	if limit == 0 {
		return time.Time{}, nil // poked when something is finished
	}
	lines, err := d.source.Lines(ctx)
	if err != nil {
		return time.Time{}, err
	}
	due, next := d.due(lines)
	picked, err := d.pick(ctx, due, limit)
	if err != nil || len(picked) == 0 {
		return next, err
	}
	pieces := make([]W, len(picked))
	lanes := make(map[string]string, len(picked))
	for i, p := range picked {
		pieces[i], lanes[p.work.Key()] = p.work, p.lane
	}
	// A claim that was begun is made: what it took must be called.
	claimed, later, full, err := d.source.Claim(context.WithoutCancel(ctx), pieces, d.options.Lease)
	if err != nil {
		return next, err
	}
	d.block(later, full)
	for _, w := range claimed {
		d.launch(w, lanes[w.Key()])
	}
	if len(picked) >= limit || len(later)+len(full) > 0 {
		return time.Now(), nil
	}
	return next, nil
}

// free is how many more calls may be in hand: none while results wait that are more than two writes of them.
func (d *dispatcher[L, W, R]) free() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.done) > 2*d.options.Results {
		return 0
	}
	return d.options.InHand - d.total
}

// due returns the lines that have work to take now, and when there is next something to look at.
func (d *dispatcher[L, W, R]) due(lines []L) (due []L, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for lane, until := range d.blocked {
		if !until.After(now) {
			delete(d.blocked, lane)
		}
	}
	for _, line := range lines {
		at := line.DueAt()
		if until, ok := d.blocked[line.Lane()]; ok && until.After(at) {
			at = until
		}
		if !at.After(now) {
			due = append(due, line)
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return due, next
}

// full is how long a lane at its limit is left alone when nothing of it is finished here: other servers may
// have finished something.
const full = time.Second

func (d *dispatcher[L, W, R]) block(later map[string]time.Time, lanes []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for lane, until := range later {
		d.blocked[lane] = until
	}
	for _, lane := range lanes {
		d.blocked[lane] = time.Now().Add(full)
	}
}

// launch makes a call.
func (d *dispatcher[L, W, R]) launch(w W, lane string) {
	now := time.Now()
	c := &claim[W]{work: w, lane: lane, began: now, leased: now}
	d.mu.Lock()
	d.held[w.Key()] = c
	d.lanes[lane]++
	d.total++
	d.mu.Unlock()
	go d.call(c)
}

func (d *dispatcher[L, W, R]) call(c *claim[W]) {
	ctx, cancel := context.WithTimeout(d.calls, d.options.Deadline)
	defer cancel()
	d.back(c, d.guarded(ctx, c.work), false)
}

// guarded makes a panic of a call a call that never came back.
func (d *dispatcher[L, W, R]) guarded(ctx context.Context, w W) (result R) {
	defer func() {
		if cause := recover(); cause != nil {
			d.options.Log.Error("queue: a call panicked", "work", w.Key(), "panic", cause, "stack", string(debug.Stack()))
			result = d.source.GiveUp(w)
		}
	}()
	return d.source.Call(ctx, w)
}

// back takes a result to be written, unless the call had been given up.
func (d *dispatcher[L, W, R]) back(c *claim[W], result R, gaveUp bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.back {
		if !gaveUp {
			d.release(c.lane) // it has come back after all
		}
		return
	}
	c.back, c.gaveUp = true, gaveUp
	d.done = append(d.done, finished[W, R]{c, result})
	d.results.poke()
}

func (d *dispatcher[L, W, R]) release(lane string) {
	d.total--
	if d.lanes[lane]--; d.lanes[lane] == 0 {
		delete(d.lanes, lane)
	}
}

// write is a run of the loop that writes results: those that came back while the last were written.
func (d *dispatcher[L, W, R]) write(ctx context.Context) time.Time {
	d.mu.Lock()
	n := min(len(d.done), d.options.Results)
	batch := append([]finished[W, R](nil), d.done[:n]...)
	d.done = append(d.done[:0], d.done[n:]...)
	more := len(d.done) > 0
	d.mu.Unlock()
	if n == 0 {
		return time.Time{}
	}
	d.finish(ctx, batch)
	d.claims.poke()
	d.changed()
	if more {
		return time.Now()
	}
	return time.Time{}
}

// finish writes results until they are written. Where the table refuses some, the others are written.
func (d *dispatcher[L, W, R]) finish(ctx context.Context, batch []finished[W, R]) {
	results := make([]R, len(batch))
	for i, f := range batch {
		results[i] = f.result
	}
	for {
		err := d.source.Finish(ctx, results)
		switch {
		case err == nil:
			d.settle(batch)
			return
		case ctx.Err() != nil:
			return // left to the next start
		case parley.IsKind(err, parley.KindUnavailable):
			d.options.Log.Warn("queue: results cannot be written now", "results", len(batch), "error", err)
			sleep(ctx, trouble)
		case len(batch) == 1:
			d.options.Log.Error("queue: a result cannot be written", "work", batch[0].claim.work.Key(), "error", err)
			d.settle(batch)
			return
		default:
			d.finish(ctx, batch[:len(batch)/2])
			d.finish(ctx, batch[len(batch)/2:])
			return
		}
	}
}

// settle lets go of what is written.
func (d *dispatcher[L, W, R]) settle(batch []finished[W, R]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range batch {
		delete(d.held, f.claim.work.Key())
		delete(d.blocked, f.claim.lane)
		if !f.claim.gaveUp {
			d.release(f.claim.lane)
		}
	}
	d.closeIfEmpty()
}

// renew is a run of the loop that prolongs leases and gives up calls that do not come back.
func (d *dispatcher[L, W, R]) renew(ctx context.Context) time.Time {
	now := time.Now()
	var old []*claim[W]
	var late []*claim[W]
	d.mu.Lock()
	for _, c := range d.held {
		if !c.back && now.Sub(c.began) > d.options.Deadline+overdue {
			late = append(late, c)
		}
		if now.Sub(c.leased) >= d.options.Lease/3 {
			old = append(old, c)
		}
	}
	d.mu.Unlock()
	for _, c := range late {
		d.options.Log.Error("queue: a call did not come back in time", "work", c.work.Key(), "lane", c.lane)
		d.back(c, d.source.GiveUp(c.work), true)
	}
	if len(old) == 0 {
		return time.Time{}
	}
	held := make([]W, len(old))
	for i, c := range old {
		held[i] = c.work
	}
	if err := d.source.Renew(ctx, held, d.options.Lease); err != nil {
		d.options.Log.Warn("queue: leases cannot be prolonged now", "error", err)
		return time.Now().Add(trouble)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range old {
		c.leased = now
	}
	return time.Time{}
}
