// Package webhook posts what happens in organizations to their endpoints: each goes through the log by itself, in order, and what
// failed is tried again beside that. What is posted, and when again, the core says.
package webhook

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

// Options are what a worker is made with. A zero field means its default.
type Options struct {
	Webhooks *webhooks.Webhooks
	Client   *connector.Client // that follows no redirects
	Log      *slog.Logger
	// Poll is how often it is looked for what nobody told of; default 30 s. Where other nodes work too it has to be short.
	Poll time.Duration
	// Posted is told of every attempt; nil: nobody is.
	Posted func(ok bool)
	// Minute is what a minute lasts of which there are so many posts; for tests.
	Minute time.Duration
}

const (
	gather = 10 * time.Millisecond // after a commit, for what else comes
	lease  = 15 * time.Second      // for which an endpoint is this worker's, without a word
	// lookRest is how many times as long as a look at all endpoints took the next one waits.
	lookRest = 50
	// trouble is how long an endpoint is left alone after the store failed.
	trouble = time.Second
)

// Worker posts to the endpoints that are its node's.
type Worker struct {
	Options
	name string // among the nodes' workers

	mu      sync.Mutex
	have    map[parley.ID]bool // organizations that have endpoints
	changed map[parley.ID]bool // of these, those whose log has grown
	woken   chan struct{}      // of capacity 1
	lines   map[parley.ID]*line
	running sync.WaitGroup
	stop    context.Context // ended: nothing is begun any more
	end     context.CancelFunc
}

// New returns a worker, which begins to note what is committed.
func New(o Options) *Worker {
	if o.Poll == 0 {
		o.Poll = 30 * time.Second
	}
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Posted == nil {
		o.Posted = func(bool) {}
	}
	w := &Worker{Options: o, name: rand.Text(), have: map[parley.ID]bool{}, changed: map[parley.ID]bool{}, woken: make(chan struct{}, 1), lines: map[parley.ID]*line{}}
	w.stop, w.end = context.WithCancel(context.Background())
	o.Webhooks.Follow(w.committed)
	return w
}

// committed notes that a log has grown.
func (w *Worker) committed(organization parley.ID, endpoints bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if endpoints {
		w.have[organization] = true
	}
	if w.have[organization] {
		w.changed[organization] = true
		w.wake()
	}
}

// Note has the worker look at an organization in which another node is said to have changed something.
func (w *Worker) Note(organization parley.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed[organization] = true
	w.wake()
}

func (w *Worker) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Run posts until the context ends, and what is under way then has been answered.
func (w *Worker) Run(ctx context.Context) {
	defer w.running.Wait()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.end()
	}()
	next := time.Now()
	for {
		if began := time.Now(); !began.Before(next) {
			w.look(ctx, nil)
			next = time.Now().Add(max(w.Poll, lookRest*time.Since(began)))
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
		case <-w.woken:
			sleep(ctx, gather)
			w.look(ctx, w.take())
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// take returns the organizations that have changed.
func (w *Worker) take() []parley.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]parley.ID, 0, len(w.changed))
	for organization := range w.changed {
		list = append(list, organization)
	}
	clear(w.changed)
	return list
}

// look has lines go on of endpoints that are behind: of some organizations, or of all.
func (w *Worker) look(ctx context.Context, organizations []parley.ID) {
	behind, have, err := w.Webhooks.Behind(ctx, organizations)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.Error("looking for what to post", "error", err)
			sleep(ctx, trouble)
		}
		w.mu.Lock()
		for _, organization := range organizations {
			w.changed[organization] = true
			w.wake()
		}
		w.mu.Unlock()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, organization := range have {
		w.have[organization] = true
	}
	for _, at := range behind {
		l := w.lines[at.Webhook]
		if l == nil {
			l = &line{w: w, at: at}
			w.lines[at.Webhook] = l
		}
		if l.again = true; !l.runs && w.stop.Err() == nil {
			l.runs = true
			w.running.Go(l.run)
		}
	}
}

// left reports whether a line has nothing more to do, and lets go of it then.
func (w *Worker) left(l *line) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.again && w.stop.Err() == nil {
		l.again = false
		return false
	}
	l.runs = false
	if !l.holds() {
		delete(w.lines, l.at.Webhook)
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
