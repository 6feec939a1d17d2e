package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

const (
	maxUnits = 64      // in one shared transaction
	maxBytes = 1 << 20 // in one shared transaction

	// While others keep the committer busy, a background unit waits until backgroundRatio times the time of the
	// one before has gone to them, and backgroundPause at least.
	backgroundRatio = 7
	backgroundPause = 15 * time.Millisecond

	// A transaction of busyUnits makes the committer busy for busyTime.
	busyUnits = 8
	busyTime  = 20 * time.Millisecond

	// gatherTime is how long a busy committer waits for more units: those who were just answered are about to
	// send again, and sharing is cheaper than haste.
	gatherTime = 1500 * time.Microsecond
)

// writer is the committer: one goroutine and one connection that write.
type writer struct {
	db         *DB
	pool       *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	foreground chan *pending
	background chan *pending
	tasks      chan func() // run between transactions
	stopped    chan struct{}
	broken     bool          // a statement failed in a way that ends the transaction
	lastBack   time.Time     // when the last background unit ended
	backTook   time.Duration // how long it took
	lastBatch  int           // units of the last transaction
	busyUntil  time.Time
}

func openWriter(ctx context.Context, db *DB) (*writer, error) {
	w := &writer{
		db:         db,
		foreground: make(chan *pending, 4*maxUnits),
		background: make(chan *pending, maxUnits),
		tasks:      make(chan func()),
		stopped:    make(chan struct{}),
	}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.pool == nil {
		c, err := newConnector(writerDSN(w.db.options))
		if err != nil {
			return err
		}
		w.pool = sql.OpenDB(c)
		w.pool.SetMaxOpenConns(1)
	}
	w.statements = map[string]*sql.Stmt{}
	if w.conn, err = w.pool.Conn(ctx); err != nil {
		return fmt.Errorf("opening the database %s: %w", w.db.options.Path, err)
	}
	return w.conn.Raw(func(driverConn any) error {
		return onRollback(driverConn, func() { w.broken = true })
	})
}

// reconnect discards the connection and what it may still hold.
func (w *writer) reconnect() error {
	w.disconnect()
	return w.connect(context.Background())
}

func (w *writer) disconnect() {
	for _, stmt := range w.statements {
		_ = stmt.Close()
	}
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *writer) close() error {
	for _, stmt := range w.statements {
		_ = stmt.Close()
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
	return w.pool.Close()
}

func (w *writer) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := w.statements[text]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, adapt(text))
	if err == nil {
		w.statements[text] = stmt
	}
	return stmt, err
}

func (w *writer) before(text string) error {
	if w.db.options.Fault != nil {
		if err := w.db.options.Fault(text); err != nil {
			return w.failed(err)
		}
	}
	return nil
}

func (w *writer) failed(err error) error {
	err = translate(err)
	if parley.IsKind(err, parley.KindUnavailable) {
		w.broken = true
	}
	return err
}

// run is the committer's loop.
func (w *writer) run() {
	defer close(w.stopped)
	for {
		batch := w.collect()
		if batch == nil {
			return
		}
		w.commit(batch)
	}
}

// collect waits for work and takes what is there, foreground first.
func (w *writer) collect() []*pending {
	b := &batch{}
	for len(b.units) == 0 {
		select {
		case p := <-w.foreground:
			b.take(p)
		default:
			if !w.await(b) {
				return nil
			}
		}
	}
	w.drain(b)
	w.gather(b)
	if len(b.units) >= busyUnits {
		w.busyUntil = time.Now().Add(busyTime)
	}
	if w.backgroundIn() <= 0 {
		select {
		case p := <-w.background:
			b.take(p)
		case task := <-w.tasks:
			task()
		default:
		}
	}
	return b.units
}

// batch is the units of a transaction, and about how much they write.
type batch struct {
	units []*pending
	size  int
}

func (b *batch) take(p *pending) {
	b.units = append(b.units, p)
	b.size += p.Size
}

func (b *batch) full() bool { return len(b.units) >= maxUnits || b.size >= maxBytes }

// await waits for the first unit; it returns false when the database closes.
func (w *writer) await(b *batch) bool {
	background, turn := w.background, (<-chan time.Time)(nil)
	if wait := w.backgroundIn(); wait > 0 {
		background, turn = nil, time.After(wait)
	}
	select {
	case p := <-w.foreground:
		b.take(p)
	case p := <-background:
		b.take(p)
	case task := <-w.tasks:
		task()
	case <-turn:
	case <-w.db.closing.Done():
		return false
	}
	return true
}

// backgroundIn is how long the next background unit has to wait.
func (w *writer) backgroundIn() time.Duration {
	now := time.Now()
	if now.After(w.busyUntil) {
		return 0
	}
	return max(backgroundPause, backgroundRatio*w.backTook) - now.Sub(w.lastBack)
}

// drain takes the foreground units that are there.
func (w *writer) drain(b *batch) {
	for !b.full() {
		select {
		case p := <-w.foreground:
			b.take(p)
		default:
			return
		}
	}
}

// gather waits a moment for as many units as the transaction before had.
func (w *writer) gather(b *batch) {
	expected := min(w.lastBatch+len(b.units), maxUnits)
	defer func() { w.lastBatch = len(b.units) }()
	if expected < 2*busyUnits {
		return
	}
	deadline := time.NewTimer(gatherTime)
	defer deadline.Stop()
	for len(b.units) < expected && !b.full() {
		select {
		case p := <-w.foreground:
			b.take(p)
		case <-deadline.C:
			return
		}
	}
}

// errUnknown is a commit whose outcome is not known.
type errUnknown struct{ err error }

func (e errUnknown) Error() string { return "commit of unknown outcome: " + e.err.Error() }

// commit runs a batch in one transaction; after a failure of the transaction, each unit in one of its own.
func (w *writer) commit(batch []*pending) {
	err := w.share(batch)
	if err == nil {
		return
	}
	var unknown errUnknown
	if errors.As(err, &unknown) {
		w.giveUp(batch, unknown.err)
		return
	}
	if w.broken {
		w.recover(err)
	}
	if len(batch) == 1 {
		batch[0].answer(w.verdict(err))
		return
	}
	for _, p := range batch {
		w.commit([]*pending{p})
	}
}

// verdict is what a unit is told whose own transaction failed: trouble of the database may pass, its own is its.
func (w *writer) verdict(err error) error {
	if w.broken {
		return unavailable(err)
	}
	return unjoin(err)
}

func (w *writer) giveUp(batch []*pending, err error) {
	w.recover(err)
	for _, p := range batch {
		p.answer(parley.Unavailable("outcome-unknown", "the write may or may not have been stored; repeat it with the same Idempotency-Key", err))
	}
}

func (w *writer) recover(cause error) {
	w.db.log.Error("transaction rolled back", "error", cause)
	if err := w.reconnect(); err != nil {
		w.db.log.Error("reconnecting to the database", "error", err)
	}
}

// share runs a batch in one transaction and answers it. On an error nobody has been answered.
func (w *writer) share(batch []*pending) error {
	if w.conn == nil {
		if err := w.connect(context.Background()); err != nil {
			return err
		}
	}
	w.broken = false
	began := time.Now()
	tx := &Tx{Conn: Conn{ctx: context.Background(), x: w}, Now: w.db.now().Truncate(time.Millisecond)}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	results, err := w.units(tx, batch)
	if err != nil {
		return errors.Join(err, w.rollback(tx))
	}
	if allFailed(results) {
		if err := w.rollback(tx); err != nil {
			return err
		}
		answer(batch, results)
		return nil
	}
	if err := w.end(tx, batch, results); err != nil {
		return err
	}
	if w.db.options.Observe != nil {
		w.db.options.Observe(len(batch), time.Since(began))
	}
	return nil
}

func (w *writer) end(tx *Tx, batch []*pending, results []error) error {
	var committed func()
	if w.db.options.Finish != nil {
		var err error
		if committed, err = w.db.options.Finish(tx, tx.emitted); err != nil {
			return errors.Join(err, w.rollback(tx))
		}
	}
	if w.db.options.Sabotage == SabotageEarlyAnswer {
		answer(batch, results)
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		return errUnknown{err}
	}
	if committed != nil {
		committed()
	}
	for _, f := range tx.after {
		f()
	}
	if w.db.options.Sabotage != SabotageEarlyAnswer {
		answer(batch, results)
	}
	return nil
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
		err = errors.New("the transaction was rolled back by the database")
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
