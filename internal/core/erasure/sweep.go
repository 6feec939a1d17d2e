package erasure

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit"
	answers "github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/limit"
	"github.com/parley-server/parley/internal/store/record"
)

// Retention is how long things are kept that nothing else ends. A zero field means its default.
type Retention struct {
	Events      time.Duration // default 30 days
	Idempotency time.Duration // default 24 hours
	Audit       time.Duration // default: for ever
	Parked      time.Duration // what providers sent and nobody could match or read; default 30 days
	Every       time.Duration // how often it is looked at; default 10 minutes, or half of the shortest of the others
}

const day = 24 * time.Hour

func (r Retention) filled() Retention {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&r.Events, 30*day)
	set(&r.Idempotency, day)
	set(&r.Parked, 30*day)
	set(&r.Every, min(10*time.Minute, r.Events/2, r.Idempotency/2, r.Parked/2))
	return r
}

const (
	// sweepAtOnce is how many rows one transaction deletes.
	sweepAtOnce = 500
	// sweepPause is how long the sweeper leaves the database to others after each.
	sweepPause = 5 * time.Millisecond
	// shrinkAtOnce is how many free pages one transaction gives back.
	shrinkAtOnce = 100
	// shrinkFrom is from how many free pages on, and from what part of the file, they are given back: some are
	// soon needed again.
	shrinkFrom = 1000
	shrinkPart = 10
)

// SweeperOptions are what a sweeper stands on.
type SweeperOptions struct {
	Store     *store.Store
	Retention Retention
	// Blobs removes the files that crashes left without rows, and says how many; nil: there are none.
	Blobs func(ctx context.Context) (int, error)
	// More deletes what else an organization has kept for long enough; nil: nothing.
	More func(ctx context.Context, organization parley.ID) error
	Log  *slog.Logger
}

// Sweeper deletes what has been kept for long enough, in small pieces while requests are accepted.
type Sweeper struct {
	store     *store.Store
	retention Retention
	blobs     func(ctx context.Context) (int, error)
	more      func(ctx context.Context, organization parley.ID) error
	log       *slog.Logger
	name      string // among the nodes' sweepers, of which one works

	mu   sync.Mutex
	aged map[parley.ID]parley.ID // by organization: the conversation after which the next sweep looks for what is kept no longer
}

// NewSweeper returns a sweeper.
func NewSweeper(o SweeperOptions) *Sweeper {
	w := &Sweeper{name: rand.Text(), store: o.Store, retention: o.Retention.filled(), blobs: o.Blobs, more: o.More, log: o.Log,
		aged: map[parley.ID]parley.ID{}}
	if w.blobs == nil {
		w.blobs = func(context.Context) (int, error) { return 0, nil }
	}
	if w.more == nil {
		w.more = func(context.Context, parley.ID) error { return nil }
	}
	if w.log == nil {
		w.log = slog.Default()
	}
	return w
}

// Run sweeps now and then until the context ends, where no other node does.
func (w *Sweeper) Run(ctx context.Context) {
	ticker := time.NewTicker(w.retention.Every)
	defer ticker.Stop()
	for {
		mine, err := w.store.Lease(ctx, "sweep", w.name, 2*w.retention.Every)
		if mine {
			err = w.Sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			w.log.Error("sweeping", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep deletes everything that has been kept for long enough.
func (w *Sweeper) Sweep(ctx context.Context) error {
	if _, err := w.blobs(ctx); err != nil {
		return err
	}
	err := w.repeat(ctx, "", func(tx *store.Tx) (bool, error) {
		n, err := tx.DropIdempotency(tx.Now.Add(-w.retention.Idempotency), sweepAtOnce)
		return n == sweepAtOnce, err
	})
	if err != nil {
		return err
	}
	for after := parley.ID(""); ; {
		organizations, err := w.store.Read(ctx).Organizations(after, 100)
		if err != nil {
			return err
		}
		for i := range organizations {
			if err := w.Organization(ctx, organizations[i].ID); err != nil {
				return err
			}
			after = organizations[i].ID
		}
		if len(organizations) < 100 {
			return w.shrink(ctx)
		}
	}
}

// Organization deletes what one organization has kept for long enough.
func (w *Sweeper) Organization(ctx context.Context, organization parley.ID) error {
	if err := w.more(ctx, organization); err != nil {
		return err
	}
	if organization.OfTest() { // by its own time
		err := w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
			n, err := tx.DropIdempotencyOf(organization, tx.Now.Add(-w.retention.Idempotency), sweepAtOnce)
			return n == sweepAtOnce, err
		})
		if err != nil {
			return err
		}
	}
	err := w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
		n, err := tx.DropEvents(organization, tx.Now.Add(-w.retention.Events).UnixMilli(), sweepAtOnce)
		return n == sweepAtOnce, err
	})
	if err != nil {
		return err
	}
	if w.retention.Audit > 0 {
		err := w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
			n, err := audit.Drop(tx, organization, tx.Now.Add(-w.retention.Audit), sweepAtOnce)
			return n == sweepAtOnce, err
		})
		if err != nil {
			return err
		}
	}
	err = w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
		n, err := tx.DropParked(organization, tx.Now.Add(-w.retention.Parked), sweepAtOnce)
		if n > 0 {
			tx.Erased()
		}
		return n == sweepAtOnce, err
	})
	if err != nil {
		return err
	}
	err = w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
		n, err := limit.Drop(tx, organization, sweepAtOnce)
		return n == sweepAtOnce, err
	})
	if err != nil {
		return err
	}
	err = w.repeat(ctx, organization, func(tx *store.Tx) (bool, error) {
		n, err := record.Drop(tx, organization, sweepAtOnce)
		return n == sweepAtOnce, err
	})
	if err != nil {
		return err
	}
	if err := w.forgetAnswers(ctx, organization); err != nil {
		return err
	}
	return w.age(ctx, organization)
}

// forgetAnswers deletes of what auto-replies have answered what keeps them from nothing any more.
func (w *Sweeper) forgetAnswers(ctx context.Context, organization parley.ID) error {
	for {
		spent, err := hours.Spent(w.store.Read(ctx), organization, w.store.Now(ctx, organization), sweepAtOnce)
		if err != nil || len(spent) == 0 {
			return err
		}
		_, err = w.once(ctx, organization, func(tx *store.Tx) (bool, error) { return false, answers.Forget(tx, organization, spent) })
		if err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// shrink gives back what deletions left, so that the file gets smaller.
func (w *Sweeper) shrink(ctx context.Context) error {
	return w.repeat(ctx, "", func(tx *store.Tx) (bool, error) {
		free, pages, err := tx.FreePages()
		if err != nil || free < shrinkFrom || free < pages/shrinkPart {
			return false, err
		}
		return true, tx.Shrink(shrinkAtOnce)
	})
}

// repeat runs a unit until it says that there is no more.
func (w *Sweeper) repeat(ctx context.Context, organization parley.ID, unit func(tx *store.Tx) (more bool, err error)) error {
	for {
		more, err := w.once(ctx, organization, unit)
		if err != nil || !more {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// once runs a unit, and returns whether it says that there is more.
func (w *Sweeper) once(ctx context.Context, organization parley.ID, unit func(tx *store.Tx) (more bool, err error)) (more bool, err error) {
	err = w.store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) (err error) {
		more, err = unit(tx)
		return err
	})
	return more, err
}

// pause leaves the database to others for a moment.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(sweepPause):
		return nil
	}
}
