package search

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
)

// IndexerOptions are what an indexer stands on.
type IndexerOptions struct {
	Store *store.Store
	Log   *slog.Logger
	// Grace is how long what others have taken the place of is kept for those who are reading it; default 2 s.
	Grace time.Duration
}

// Indexer keeps the index of words of the organizations that this node works for.
type Indexer struct {
	store *store.Store
	log   *slog.Logger
	grace time.Duration

	mu      sync.Mutex
	changed map[parley.ID]bool // organizations that may have something to index
	woken   chan struct{}      // of capacity 1
	events  atomic.Int64       // that were committed on this node

	rest    map[segmentKey]time.Time // until when large segments are not written anew
	known   map[parley.ID]bool       // organizations that a round was done for
	emptied map[parley.ID]bool       // those with segments that hold what is to be in no file
}

type segmentKey struct {
	organization parley.ID
	segment      int64
}

// NewIndexer returns an indexer, which begins to note what is committed.
func NewIndexer(o IndexerOptions) *Indexer {
	x := &Indexer{store: o.Store, log: o.Log, grace: o.Grace, changed: map[parley.ID]bool{}, woken: make(chan struct{}, 1),
		rest: map[segmentKey]time.Time{}, known: map[parley.ID]bool{}, emptied: map[parley.ID]bool{}}
	if x.log == nil {
		x.log = slog.Default()
	}
	if x.grace == 0 {
		x.grace = 2 * time.Second
	}
	o.Store.OnCommit(x.committed)
	return x
}

func (x *Indexer) committed(commits []store.Committed) {
	n := 0
	x.mu.Lock()
	for i := range commits {
		x.changed[commits[i].Organization] = true
		n += len(commits[i].Events)
	}
	x.mu.Unlock()
	x.events.Add(int64(n))
	x.wake()
}

// Note has the indexer look at an organization in which another node is said to have changed something.
func (x *Indexer) Note(organization parley.ID) {
	x.mu.Lock()
	x.changed[organization] = true
	x.mu.Unlock()
	x.wake()
}

func (x *Indexer) wake() {
	select {
	case x.woken <- struct{}{}:
	default:
	}
}

// The measures of an indexer. It takes a part of a processor only while messages are accepted, and catches up after.
const (
	gather    = 300 * time.Millisecond // after a change, for what else comes
	lookEvery = 2 * time.Second        // for what other nodes did, and what is left to do
	lookRest  = 50                     // times as long as that took
	busyRate  = 200                    // events a second; so many more are a great deal
	fullRate  = 2000                   // and here the machine has nothing to spare
	idleRest  = 1                      // times as long as a round took
	busyRest  = 6
	fullRest  = 24
)

// Run indexes until the context ends.
func (x *Indexer) Run(ctx context.Context) {
	next := time.Now() // when it is looked
	var busy time.Time // since when there has been more all the time
	for {
		if began := time.Now(); !began.Before(next) {
			if err := x.look(ctx); err != nil && ctx.Err() == nil {
				x.log.Error("looking for what to index", "error", err)
			}
			next = time.Now().Add(max(lookEvery, lookRest*time.Since(began)))
		}
		began, more := time.Now(), true
		for more && time.Now().Before(next) {
			more = x.turn(ctx)
		}
		busy = rested(busy, began, more)
		select {
		case <-ctx.Done():
			return
		case <-x.woken:
			sleep(ctx, gather)
		case <-time.After(max(time.Millisecond, time.Until(next))):
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// rested is since when there has been more to index all the time. Memory that a long stretch of it took is given back at its end.
func rested(busy, began time.Time, more bool) time.Time {
	switch {
	case more && busy.IsZero():
		return began
	case more:
		return busy
	case !busy.IsZero() && time.Since(busy) > time.Second || busy.IsZero() && time.Since(began) > time.Second:
		debug.FreeOSMemory()
	}
	return time.Time{}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// look finds the organizations that are not indexed up to their last event.
func (x *Indexer) look(ctx context.Context) error {
	q := x.store.Read(ctx)
	for after := parley.ID(""); ; {
		page, err := q.Organizations(after, 100)
		if err != nil || len(page) == 0 {
			return err
		}
		ids := idsOf(page, func(o *parley.Organization) parley.ID { return o.ID })
		after = ids[len(ids)-1]
		latest, err := q.LatestEvents(ids)
		if err != nil {
			return err
		}
		known, err := search.LoadAll(q, ids)
		if err != nil {
			return err
		}
		waiting, err := search.Waiting(q, ids)
		if err != nil {
			return err
		}
		x.mu.Lock()
		for _, id := range ids {
			if i := known[id]; i.Rev == 0 || i.Through < latest[id] || i.Version != version || !whole(&i) || waiting[id] {
				x.changed[id] = true
			}
		}
		x.mu.Unlock()
	}
}

func whole(i *search.Index) bool {
	for _, space := range search.Spaces {
		if !i.Whole(space) {
			return false
		}
	}
	return len(i.Moves) == 0
}

// turn does a round for each organization that has something to index, and says whether there may be more.
func (x *Indexer) turn(ctx context.Context) (more bool) {
	x.mu.Lock()
	ids := make([]parley.ID, 0, len(x.changed))
	for id := range x.changed {
		ids = append(ids, id)
	}
	clear(x.changed)
	x.mu.Unlock()
	for _, id := range ids {
		if ctx.Err() != nil {
			return false
		}
		if !x.store.Mine("search/" + string(id)) {
			continue
		}
		began, events := time.Now(), x.events.Load()
		again, err := x.Round(ctx, id)
		if err != nil && ctx.Err() == nil {
			x.log.Error("indexing", "organization", id, "error", err)
			continue // at the next look
		}
		if again {
			more = true
			x.mu.Lock()
			x.changed[id] = true
			x.mu.Unlock()
		}
		took := time.Since(began)
		sleep(ctx, took*time.Duration(x.resting(events, took)))
	}
	return more
}

// resting is how many times as long as a round took the next one waits.
func (x *Indexer) resting(events int64, took time.Duration) int {
	switch rate := float64(x.events.Load()-events) / max(took, 50*time.Millisecond).Seconds(); {
	case rate > fullRate:
		return fullRest
	case rate > busyRate:
		return busyRest
	}
	return idleRest
}

// CatchUp does rounds for an organization until there is nothing left to do now.
func (x *Indexer) CatchUp(ctx context.Context, organization parley.ID) error {
	for {
		if more, err := x.Round(ctx, organization); err != nil || !more {
			return err
		}
	}
}
