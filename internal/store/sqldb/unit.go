package sqldb

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Unit is a piece of work that shares a transaction with others. It runs under the committer's context and
// may run again after a failure, so it must be repeatable: it sets what it returns, and never adds to it.
type Unit struct {
	// Keys name what the unit works on: what has a key in common is done one after another, on every node. Beside names
	// what others may work on at the same time that have it among their Beside too, but none that has it among its Keys.
	Keys, Beside []string
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
	last    []Statement // that go with the commit
}

// Emit hands something to Options.Finish, unless the unit fails.
func (tx *Tx) Emit(v any) { tx.emitted = append(tx.emitted, v) }

// After calls a function once the transaction is durable, or nobody knows whether it is, unless the unit fails. It must
// not block.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// Statement is one that changes rows, with its parameters.
type Statement struct {
	Text string
	Args []any
}

// ExecAll runs statements one after another. On PostgreSQL they go over the wire together.
func (tx *Tx) ExecAll(statements []Statement) error {
	for _, s := range statements {
		if err := tx.x.before(s.Text); err != nil {
			return err
		}
	}
	return tx.writer.db.backend.execAll(tx, statements)
}

// ExecLast runs a statement after all others, at the latest with the commit. It is for Options.Finish.
func (tx *Tx) ExecLast(s Statement) error {
	if err := tx.x.before(s.Text); err != nil {
		return err
	}
	return tx.writer.db.backend.execLast(tx, s)
}

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
	db.halt.inside.Add(1)
	defer db.halt.inside.Add(-1)
	if why := db.halt.why.Load(); why != nil {
		return *why
	}
	return db.write(ctx, db.writerOf(&unit), unit)
}

// write is Write by a committer, also while others are halted.
func (db *DB) write(ctx context.Context, w *writer, unit Unit) error {
	if db.closing.Err() != nil {
		return errClosed() // or writers without a pause would keep the committer from its end
	}
	p := &pending{Unit: unit, ctx: ctx, done: make(chan struct{})}
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

// units runs every unit: the items of each bulk together, then the general ones.
func (w *writer) units(tx *Tx, batch []*pending) ([]error, error) {
	results := make([]error, len(batch))
	groups := map[*Bulk][]int{}
	var order []*Bulk
	for i, p := range batch {
		if p.Bulk == nil {
			continue
		}
		if groups[p.Bulk] == nil {
			order = append(order, p.Bulk)
		}
		groups[p.Bulk] = append(groups[p.Bulk], i)
	}
	for i, bulk := range order {
		if err := w.bulk(tx, bulk, batch, groups[bulk], results, i == 0); err != nil {
			return nil, err
		}
	}
	for i, p := range batch {
		if p.Bulk != nil {
			continue
		}
		if results[i] = p.ctx.Err(); results[i] != nil {
			continue // without a savepoint
		}
		began := time.Now()
		err := w.savepoint(tx, func() error { return p.begin(tx) })
		if p.Background {
			w.turns.ran(time.Since(began))
		}
		if w.broken {
			return nil, errBroken(err)
		}
		results[i] = err
	}
	return results, nil
}

func (w *writer) bulk(tx *Tx, bulk *Bulk, batch []*pending, members []int, results []error, first bool) error {
	items := make([]any, len(members))
	for i, m := range members {
		items[i] = batch[m].Item
	}
	run := func() error {
		errs, err := bulk.Run(tx, items)
		for i, e := range errs {
			results[members[i]] = e
		}
		return err
	}
	if first {
		return guard(run) // nothing was done before it: no savepoint, which copies every page it touches
	}
	err := w.savepoint(tx, run)
	if w.broken {
		return errBroken(err)
	}
	if err == nil {
		return nil
	}
	for _, m := range members {
		err := w.savepoint(tx, func() error {
			errs, err := bulk.Run(tx, []any{batch[m].Item})
			return errors.Join(append(errs, err)...)
		})
		if w.broken {
			return errBroken(err)
		}
		results[m] = unjoin(err)
	}
	return nil
}

// unjoin takes a single error out of errors.Join.
func unjoin(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) == 1 {
		return joined.Unwrap()[0]
	}
	return err
}

// savepoint runs f so that its failure undoes it alone.
func (w *writer) savepoint(tx *Tx, f func() error) error {
	if _, err := tx.Exec("SAVEPOINT unit"); err != nil {
		return err
	}
	before := tx.mark()
	err := guard(f)
	if w.broken {
		return err
	}
	if err != nil {
		tx.forget(before)
		if _, undo := tx.Exec("ROLLBACK TO unit"); undo != nil {
			w.broken = true
			return errors.Join(err, undo)
		}
	}
	if _, release := tx.Exec("RELEASE unit"); release != nil {
		w.broken = true
		return errors.Join(err, release)
	}
	return err
}

// guard makes a panic of a unit its error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a unit: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// halt keeps units from the database.
type halt struct {
	inside atomic.Int64
	why    atomic.Pointer[error]
}

// haltPoll is how often Halt looks whether the units in hand have ended.
const haltPoll = time.Millisecond

// Halt refuses further units with an error, and returns when those in hand have ended. They are refused until Proceed, also
// where Halt fails.
func (db *DB) Halt(ctx context.Context, why error) error {
	db.halt.why.Store(&why)
	for db.halt.inside.Load() > 0 {
		select {
		case <-time.After(haltPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, w := range db.writers { // for what was left to the committers by callers that gave up
		for _, background := range []bool{false, true} {
			if err := db.write(ctx, w, Unit{Background: background, Run: func(*Tx) error { return nil }}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Halted reports whether units are refused.
func (db *DB) Halted() bool { return db.halt.why.Load() != nil }

// Proceed ends Halt.
func (db *DB) Proceed() { db.halt.why.Store(nil) }
