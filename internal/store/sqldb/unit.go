package sqldb

import (
	"context"
	"sync"
	"time"
)

// Unit is a piece of work that shares a transaction with others. It runs under the committer's context and
// may run again after a failure, so it must be repeatable: it sets what it returns, and never adds to it.
type Unit struct {
	// Keys name what the unit works on. On PostgreSQL they are taken before it runs; see Options.Lock.
	Keys []string
	// Background units wait while others are accepted.
	Background bool
	// Size is about how many bytes the unit writes.
	Size int
	// Run does the work of a general unit, in a savepoint of its own: an error undoes it alone.
	Run func(tx *Tx) error
	// Bulk and Item make a unit one of many rows: all items of one Bulk in a transaction run together.
	// An item stays the committer's when its caller has given up.
	Bulk *Bulk
	Item any
}

// Bulk runs many items in few statements.
type Bulk struct {
	// Run returns an error for each item, nil for those written; an item with an error must have left
	// nothing behind. A second error means that a statement failed: all are undone, and run one by one.
	Run func(tx *Tx, items []any) ([]error, error)
}

// Tx is the shared transaction as one unit sees it.
type Tx struct {
	Conn
	// Now is the transaction's time, in whole milliseconds.
	Now     time.Time
	writer  *writer
	emitted []any
	after   []func()
}

// Emit hands something to Options.Finish, unless the unit fails.
func (tx *Tx) Emit(v any) { tx.emitted = append(tx.emitted, v) }

// After calls a function once the transaction is durable, or nobody knows whether it is, unless the unit fails. It must
// not block.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// mark remembers how much a transaction has collected, to forget what a failed unit added.
type mark struct{ emitted, after int }

func (tx *Tx) mark() mark { return mark{len(tx.emitted), len(tx.after)} }

func (tx *Tx) forget(m mark) {
	tx.emitted, tx.after = tx.emitted[:m.emitted], tx.after[:m.after]
}

// pending is a unit on its way.
type pending struct {
	Unit
	ctx  context.Context // of the caller: only says whether it still waits
	runs sync.Mutex      // held while the unit runs
	err  error
	done chan struct{}
}

// begin runs a general unit, unless its caller has given up: then nobody waits for it.
func (p *pending) begin(tx *Tx) error {
	p.runs.Lock()
	defer p.runs.Unlock()
	if err := p.ctx.Err(); err != nil {
		return err
	}
	return p.Run(tx)
}

// giveUp returns when the unit does not run, and never will again.
func (p *pending) giveUp() error {
	p.runs.Lock()
	defer p.runs.Unlock()
	return p.ctx.Err()
}

func (p *pending) answer(err error) {
	p.err = err
	close(p.done)
}

// Write runs a unit and returns when it is durable. When ctx ends first the outcome is unknown to the caller:
// the unit may still be committed. In any case a general unit has done with what it uses when Write returns.
func (db *DB) Write(ctx context.Context, unit Unit) error {
	if db.closing.Err() != nil {
		return errClosed() // or writers without a pause would keep the committer from its end
	}
	p := &pending{Unit: unit, ctx: ctx, done: make(chan struct{})}
	w := db.writerOf(&unit)
	queue := w.foreground
	if unit.Background {
		queue = w.background
	}
	select {
	case queue <- p:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing.Done():
		return errClosed()
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return p.giveUp()
	case <-w.stopped:
		select {
		case <-p.done:
			return p.err
		default:
			return errClosed()
		}
	}
}
