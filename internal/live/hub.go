// Package live shows each organization's event log to whoever follows it, as it grows. Events are taken from
// the commits, judged and encoded once for all; what somebody missed is read from the log.
package live

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/access"
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
	// Poll is how often the hub looks for what other nodes committed, 0: there are none.
	Poll time.Duration
	// Joined is told of a reader, and returns what is called when it leaves; nil: nobody is told.
	Joined func(p *access.Principal) (left func())
	// MaxPending is how many events of a log wait to be rendered; more are read from the log again. 20,000
	MaxPending int
}

// Hub follows the logs of the organizations that have readers.
type Hub struct {
	options Options

	mu     sync.RWMutex
	feeds  map[parley.ID]*feed
	closed bool
	ended  chan struct{}
	soon   chan struct{} // of capacity 1: do not wait for the next poll
	hints  chan hint
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
	if o.Joined == nil {
		o.Joined = func(*access.Principal) func() { return func() {} }
	}
	if o.Errors == nil {
		o.Errors = slog.Default()
	}
	h := &Hub{options: o, feeds: map[parley.ID]*feed{}, ended: make(chan struct{}), soon: make(chan struct{}, 1), hints: make(chan hint, maxHints)}
	o.Log.Follow(h.committed)
	h.work.Go(h.showHints)
	if o.Poll > 0 {
		h.work.Go(h.poll)
	}
	return h
}

// poll looks for what other nodes committed.
func (h *Hub) poll() {
	ticker := time.NewTicker(h.options.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-h.ended:
			return
		case <-h.soon:
		case <-ticker.C:
		}
		if err := h.look(); err != nil {
			h.options.Errors.Warn("looking for events of other nodes", "error", err)
		}
	}
}

// Look looks at once for what other nodes committed. It does not block.
func (h *Hub) Look() { signal(h.soon) }

func (h *Hub) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), longestPause)
	defer cancel()
	h.mu.RLock()
	organizations := slices.Collect(maps.Keys(h.feeds))
	h.mu.RUnlock()
	if len(organizations) == 0 {
		return nil
	}
	latest, err := h.options.Log.Latest(ctx, organizations)
	for organization, sequence := range latest {
		h.Advanced(organization, sequence)
	}
	return err
}

// Advanced tells that an organization's log is said to have reached a sequence, by a commit of another node. What the
// log has decides. It does not block.
func (h *Hub) Advanced(organization parley.ID, latest int64) {
	h.mu.RLock()
	f := h.feeds[organization]
	h.mu.RUnlock()
	if f != nil {
		f.advance(latest)
	}
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

// subscribe adds a reader, the first of whom starts the feed. What comes after latest is the feed's; readers find in the
// log what came before.
func (h *Hub) subscribe(organization parley.ID, latest int64, s *subscriber) (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, parley.Unavailable("shutting-down", "the server is stopping; try again", nil)
	}
	f := h.feeds[organization]
	if f == nil {
		f = newFeed(&h.options, organization, latest)
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
	if !h.closed {
		close(h.ended)
	}
	h.closed = true
	for _, f := range h.feeds {
		f.stop()
	}
	h.mu.Unlock()
	h.work.Wait()
}
