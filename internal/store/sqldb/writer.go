package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

const (
	maxUnits = 64      // of the foreground in one shared transaction; see turnsOfBackground
	maxBytes = 1 << 20 // in one shared transaction
)

// writer is a committer: one goroutine and one connection that write.
type writer struct {
	db         *DB
	pool       *sql.DB
	conn       *sql.Conn
	statements map[string]*prepared
	foreground chan *pending
	background chan *pending
	expected   int         // units of the foreground: those that shared its last transaction, and that waited behind it
	tasks      chan func() // run between transactions
	stopped    chan struct{}
	broken     bool // a statement failed in a way that ends the transaction
	undone     bool // the database has rolled it back
	turns      turns
}

func newWriter(db *DB) *writer {
	return &writer{
		db:         db,
		foreground: make(chan *pending, 4*maxUnits),
		background: make(chan *pending, maxUnits),
		tasks:      make(chan func()),
		stopped:    make(chan struct{}),
	}
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.pool == nil {
		if w.pool, err = w.db.backend.writing(); err != nil {
			return err
		}
		w.pool.SetMaxOpenConns(1)
	}
	w.statements = map[string]*prepared{}
	if w.conn, err = w.pool.Conn(ctx); err != nil {
		w.conn = nil
		return fmt.Errorf("opening the database: %w", w.db.backend.translate(err))
	}
	return w.db.backend.connected(w)
}

// reconnect discards the connection and what it may still hold.
func (w *writer) reconnect() error {
	w.disconnect()
	return w.connect(context.Background())
}

// disconnect closes the connection.
func (w *writer) disconnect() {
	w.db.backend.disconnecting()
	for _, stmt := range w.statements {
		stmt.close()
	}
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *writer) close() error {
	for _, stmt := range w.statements {
		stmt.close()
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
	if w.pool == nil {
		return nil
	}
	return w.pool.Close()
}

func (w *writer) prepare(ctx context.Context, text string) (*prepared, error) {
	return prepareOn(ctx, w.conn, w.db.backend, w.statements, text)
}

func (w *writer) before(text string) error {
	if w.broken {
		return errGone // a statement would commit by itself
	}
	if w.db.options.Fault != nil {
		if err := w.db.options.Fault(text); err != nil {
			return w.failed(err)
		}
	}
	return nil
}

// patience is the transaction's.
func (w *writer) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

func (w *writer) failed(err error) error {
	err = w.db.backend.translate(err)
	if parley.IsKind(err, parley.KindUnavailable) {
		w.broken = true
	}
	return err
}

// run is the committer's loop.
func (w *writer) run(stop func()) {
	defer func() {
		stop()
		close(w.stopped)
	}()
	for {
		batch := w.collect()
		if batch == nil {
			return
		}
		w.commit(batch)
	}
}

// collect waits for work and takes what is there, foreground first.
func (w *writer) collect() *batch {
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
	select {
	case task := <-w.tasks:
		task()
	default:
	}
	w.drain(b)
	b.waited = len(b.units)
	w.gather(b, w.db.backend.gathers())
	w.spare(b)
	return b
}

// gather waits up to a moment for the writers that were answered together to write again.
func (w *writer) gather(b *batch, moment time.Duration) {
	want := min(w.expected, maxUnits)
	if moment == 0 || len(b.units) >= want || want < busyUnits/2 || b.units[0].Background {
		return
	}
	timer := time.NewTimer(moment)
	defer timer.Stop()
	for len(b.units) < want && !b.full() {
		select {
		case p := <-w.foreground:
			b.take(p)
		case <-timer.C:
			return
		case <-w.db.closing.Done():
			return
		}
	}
}

// spare adds what the background may do in the transaction.
func (w *writer) spare(b *batch) {
	for w.turns.taken < turnsOfBackground && w.turns.wait(time.Now()) <= 0 {
		select {
		case p := <-w.background:
			b.take(p)
			w.turns.taken++
		default:
			return
		}
	}
}

// batch is the units of a transaction, and about how much they write.
type batch struct {
	units  []*pending
	size   int
	waited int // how many were there when it was begun
}

func (b *batch) take(p *pending) {
	b.units = append(b.units, p)
	b.size += p.Size
}

func (b *batch) full() bool { return len(b.units) >= maxUnits || b.size >= maxBytes }

// await waits for the first unit; it returns false when the database closes.
func (w *writer) await(b *batch) bool {
	background, turn := w.background, (<-chan time.Time)(nil)
	if wait := w.turns.wait(time.Now()); wait > 0 {
		background, turn = nil, time.After(wait)
	}
	select {
	case p := <-w.foreground:
		b.take(p)
	case p := <-background:
		b.take(p)
		w.turns.taken++
	case task := <-w.tasks:
		task()
	case <-turn:
	case <-w.db.closing.Done():
		return false
	}
	return true
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

const (
	// A transaction of busyUnits makes the committer busy for busyTime.
	busyUnits = 8
	busyTime  = 20 * time.Millisecond

	// While the committer is busy, a transaction is to take a cycle: what the foreground leaves of it is the
	// background's, and one part in leastShare of the foreground's own time in any case.
	cycle      = 10 * time.Millisecond
	leastShare = 8

	// turnsOfBackground is how many background units a transaction has at most.
	turnsOfBackground = 3
)

// turns divides the committer's time between those who wait for an answer and the background.
type turns struct {
	busyUntil time.Time
	credit    time.Duration // what the background may take
	last      time.Duration // how long its last unit took
	taken     int           // its units in this transaction
	spent     time.Duration // by them
}

// wait is how long the next background unit has to wait, at most; 0 or less: it may go.
func (t *turns) wait(now time.Time) time.Duration {
	if t.credit > time.Duration(t.taken)*t.last {
		return 0
	}
	return t.busyUntil.Sub(now)
}

// ran notes how long a background unit took.
func (t *turns) ran(took time.Duration) {
	t.last = took
	t.spent += took
}

// ended notes how long a transaction took in all, with how many units of the foreground.
func (t *turns) ended(units int, took time.Duration, now time.Time) {
	foreground := took - t.spent
	switch {
	case units >= busyUnits:
		t.busyUntil = now.Add(busyTime)
		fallthrough
	case now.Before(t.busyUntil):
		t.credit = min(t.credit+max(cycle-foreground, foreground/leastShare), cycle) - t.spent
	default:
		t.credit = cycle
	}
	t.taken, t.spent = 0, 0
}
