package sqldb

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// errGone is what a statement meets that comes after the end of its transaction.
var errGone = errors.New("the transaction was rolled back by the database")

// errUnknown is a commit whose outcome is not known.
type errUnknown struct{ err error }

func (e errUnknown) Error() string { return "commit of unknown outcome: " + e.err.Error() }

// errNotBegun is a transaction that could not begin: no unit has run.
type errNotBegun struct{ err error }

func (e errNotBegun) Error() string { return "the transaction could not begin: " + e.err.Error() }
func (e errNotBegun) Unwrap() error { return e.err }

// commit runs a batch in one transaction; after a failure of the transaction, each unit in one of its own. It
// returns an error, with all answered, where no transaction can begin.
func (w *writer) commit(b *batch) error {
	err := w.begin(b)
	units := b.units
	if err == nil {
		return nil
	}
	if notBegun, ok := errors.AsType[errNotBegun](err); ok {
		refuse(units, unavailable(notBegun.err))
		return err
	}
	if unknown, ok := errors.AsType[errUnknown](err); ok {
		w.recover(unknown.err)
		refuse(units, outcomeUnknown(unknown.err))
		return nil
	}
	broken := w.broken
	if broken {
		w.recover(err)
	}
	if len(units) == 1 {
		refuse(units, verdict(err, broken))
		return nil
	}
	for i := range units {
		if err := w.commit(&batch{units: units[i : i+1]}); err != nil {
			refuse(units[i+1:], unavailable(err))
			return err
		}
	}
	return nil
}

// conflictTries is how often a transaction is run that others got in the way of, each time after a longer while.
const (
	conflictTries = 8
	conflictPause = 4 * time.Millisecond
)

// begin is share, tried again on a new connection where the old one cannot begin a transaction, and where it got in the
// way of another program's. A database that somebody else has locked is not asked twice.
func (w *writer) begin(b *batch) error {
	err := w.share(b)
	for try := 1; try < conflictTries && w.broken && isConflict(err); try++ {
		w.recover(err)
		time.Sleep(rand.N(time.Duration(try) * conflictPause))
		err = w.share(b)
	}
	notBegun, ok := errors.AsType[errNotBegun](err)
	if !ok || parley.AsError(notBegun.err).Code == codeBusy || w.conn == nil { // not even a new connection
		return err
	}
	if w.recover(err); w.conn == nil {
		return err
	}
	return w.share(b)
}

// isConflict reports a transaction that was undone because another one did the same at that time.
func isConflict(err error) bool {
	failed, ok := errors.AsType[*parley.Error](err)
	return ok && failed.Code == codeConflict
}

// verdict is what a unit is told whose own transaction failed: trouble of the database may pass, its own is its.
func verdict(err error, broken bool) error {
	if broken {
		return unavailable(err)
	}
	return unjoin(err)
}

func refuse(batch []*pending, err error) {
	for _, p := range batch {
		p.answer(err)
	}
}

func (w *writer) recover(cause error) {
	w.db.log.Error("transaction rolled back", "error", cause)
	if err := w.reconnect(); err != nil {
		w.db.log.Error("reconnecting to the database", "error", err)
	}
}

// share runs a batch in one transaction and leaves its answers to the syncer. On an error nobody will be answered.
func (w *writer) share(b *batch) error {
	if w.conn == nil {
		if err := w.connect(context.Background()); err != nil {
			return errNotBegun{err}
		}
	}
	w.broken, w.undone = false, false
	began := time.Now()
	defer func() { w.turns.ended(len(b.units)-w.turns.taken, time.Since(began), time.Now()) }()
	ctx, cancel := w.db.backend.patience(context.Background())
	defer cancel()
	tx := &Tx{Conn: Conn{ctx: ctx, x: w}, writer: w}
	if err := w.db.backend.begin(tx, b); err != nil {
		return errNotBegun{err}
	}
	results, err := w.units(tx, b.units)
	if err != nil {
		return errors.Join(err, w.rollback(tx))
	}
	if allFailed(results) {
		if err := w.rollback(tx); err != nil {
			return err
		}
		w.db.backend.answer(outcome{batch: b.units, results: results})
		return nil
	}
	if !b.units[0].Background {
		w.expected = len(b.units) + len(w.foreground)
	}
	return w.end(tx, outcome{batch: b.units, results: results, began: began})
}

func (w *writer) end(tx *Tx, o outcome) (err error) {
	if w.db.options.Finish != nil {
		if o.committed, err = w.db.options.Finish(tx, tx.emitted); err != nil {
			return errors.Join(err, w.rollback(tx))
		}
	}
	o.after = tx.after
	if w.db.options.Sabotage == SabotageEarlyAnswer {
		answer(o.batch, o.results)
		o.batch, o.results = nil, nil
	}
	return w.db.backend.commit(tx, o)
}

func answer(batch []*pending, results []error) {
	for i, p := range batch {
		p.answer(results[i])
	}
}

func allFailed(results []error) bool {
	for _, err := range results {
		if err == nil {
			return false
		}
	}
	return true
}

func (w *writer) rollback(tx *Tx) error {
	if w.broken {
		return nil // the connection is discarded
	}
	_, err := tx.Exec("ROLLBACK")
	w.broken = err != nil // the hook has set it
	return err
}

func errBroken(err error) error {
	if err == nil {
		err = errGone
	}
	return err
}

func errClosed() error {
	return parley.Unavailable("shutting-down", "the server is stopping; try again", nil)
}

func unavailable(err error) error {
	if parley.IsKind(err, parley.KindUnavailable) {
		return parley.AsError(err)
	}
	return parley.Unavailable("storage-unavailable", "the database cannot be used now; try again", err)
}
