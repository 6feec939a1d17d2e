// Package live shows each organization's event log to whoever follows it, as it grows. Events are taken from
// the commits, judged and encoded once for all; what somebody missed is read from the log.
package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// Options are what a hub is made with. Times and numbers that are 0 take the default of their field.
type Options struct {
	Log *eventlog.Log
	// Encode appends an event as its readers get it, on one line. The message is that of the event, as the
	// reader sees it.
	Encode func(to []byte, d *eventlog.Detail, m *parley.Message) []byte
	Errors *slog.Logger // nil: slog.Default

	Quiet     time.Duration // after which a stream without events says how far it is; 15 s
	Pace      time.Duration // between two batches of a busy log, so that each is worth its queries; 20 ms
	MaxBehind int64         // events that a stream may be behind; 100,000
	// MaxPending is how many events of a log wait to be rendered; more are read from the log again. 20,000
	MaxPending int
}

// Hub follows the logs of the organizations that have readers.
type Hub struct {
	options Options

	mu     sync.RWMutex
	feeds  map[parley.ID]*feed
	closed bool
	work   sync.WaitGroup
}

// New returns a hub that follows the log from now on.
func New(o Options) *Hub {
	if o.Quiet == 0 {
		o.Quiet = 15 * time.Second
	}
	if o.Pace == 0 {
		o.Pace = 20 * time.Millisecond
	}
	if o.MaxBehind == 0 {
		o.MaxBehind = 100_000
	}
	if o.MaxPending == 0 {
		o.MaxPending = 20_000
	}
	if o.Errors == nil {
		o.Errors = slog.Default()
	}
	h := &Hub{options: o, feeds: map[parley.ID]*feed{}}
	o.Log.Follow(h.committed)
	return h
}

// committed hands what a commit added to those who wait for it. It never blocks.
func (h *Hub) committed(organization parley.ID, events []parley.Event) {
	h.mu.RLock()
	f := h.feeds[organization]
	h.mu.RUnlock()
	if f != nil {
		f.add(events)
	}
}

// subscribe adds a reader, the first of whom starts the feed.
func (h *Hub) subscribe(organization parley.ID, s *subscriber) (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, parley.Unavailable("shutting-down", "the server is stopping; try again", nil)
	}
	f := h.feeds[organization]
	if f == nil {
		f = newFeed(&h.options, organization)
		h.feeds[organization] = f
		ctx, stop := context.WithCancel(context.Background())
		f.stop = stop
		h.work.Go(func() { f.run(ctx) })
	}
	f.join(s)
	return f, nil
}

// unsubscribe removes a reader, the last of whom stops the feed.
func (h *Hub) unsubscribe(f *feed, s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.leave(s) == 0 {
		delete(h.feeds, f.organization)
		f.stop()
	}
}

// Close takes no more readers and stops the feeds. The streams themselves end with the server that has them.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for _, f := range h.feeds {
		f.stop()
	}
	h.mu.Unlock()
	h.work.Wait()
}
