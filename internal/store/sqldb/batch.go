package sqldb

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

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
