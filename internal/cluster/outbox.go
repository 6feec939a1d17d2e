package cluster

import (
	"maps"
	"slices"
	"sync"

	"github.com/parley-server/parley/internal/parley"
)

// mostWaiting is how many organizations' hints wait while the connection takes none. Those of others are lost.
const mostWaiting = 10_000

// outbox keeps what is to be told until it is sent: of each organization one hint, that says all.
type outbox struct {
	wake chan struct{} // of capacity 1

	mu      sync.Mutex
	waiting map[parley.ID]Hint
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), waiting: map[parley.ID]Hint{}}
}

func (b *outbox) add(h Hint) {
	b.mu.Lock()
	if before, ok := b.waiting[h.Organization]; ok {
		h = before.with(h)
	} else if len(b.waiting) >= mostWaiting {
		b.mu.Unlock()
		return
	}
	b.waiting[h.Organization] = h
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the outbox.
func (b *outbox) take() []Hint {
	b.mu.Lock()
	defer b.mu.Unlock()
	hints := slices.Collect(maps.Values(b.waiting))
	clear(b.waiting)
	return hints
}
