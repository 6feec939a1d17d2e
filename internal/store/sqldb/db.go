// Package sqldb is the engine under the store: connections, prepared statements, group commit,
// checkpoints and migrations. It knows SQL databases and transactions, and nothing of messages.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are how a database is opened.
type Options struct {
	Path    string // of the SQLite file; its folder must exist
	URL     string // of a PostgreSQL database, in place of a file
	Readers int    // connections that read, 0: 4 of a file, 16 of PostgreSQL
	CacheKB int    // memory for pages of a file, half of it the committer's and half the readers', 0: 64 MiB
	Log     *slog.Logger
	Now     func() time.Time // nil: the clock of this machine, of PostgreSQL its own
	// Finish runs inside every shared transaction after its units, with what they emitted, before the
	// commit. The function it returns runs after the commit, before any unit is answered.
	Finish func(tx *Tx, emitted []any) (committed func(), err error)
	// Observe is told of every commit: how many units shared it and how long it took, from its first statement
	// to its being durable. It must not block.
	Observe func(units int, took time.Duration)
	// Turned is told when others share the work that DB.Mine divides, or do not any more. It must not block.
	Turned func()
	// Fault, for tests, is asked before every statement; an error takes its place. Reads ask it concurrently.
	Fault func(statement string) error
	// SyncFault, for tests, is asked before every sync of the write-ahead log; an error takes its place.
	SyncFault func() error
	// Sabotage, for tests of the proofs, breaks a promise on purpose; empty in every real program.
	Sabotage Sabotage

	logBytes int64         // of write-ahead log before it is copied back, 0: checkpointBytes
	patience time.Duration // of PostgreSQL's transactions and statements that read, 0: transactionTime
}

// Sabotage names a promise that a test breaks to see its proof fail.
type Sabotage string

// The sabotages of the engine.
const (
	SabotageNoSync      Sabotage = "synchronous-off"
	SabotageEarlyAnswer Sabotage = "answer-before-commit"
	SabotageUnlocked    Sabotage = "keys-untaken"   // nodes work on one key at the same time
	SabotageOrder       Sabotage = "keys-unordered" // and take several in any order
)

// DB is an open database with one committer.
type DB struct {
	options   Options
	log       *slog.Logger
	now       func() time.Time
	backend   backend
	readers   *pool
	writers   []*writer // one of a file; of PostgreSQL those of the foreground, and last that of the background
	halt      halt
	outcast   atomic.Pointer[outcast]
	closing   context.Context
	close     context.CancelFunc
	waits     sync.WaitGroup
	closeOnce sync.Once
}

// backend is what SQLite and PostgreSQL do not share.
type backend interface {
	// open takes the database for this program; close gives it back, after all connections are closed.
	open() error
	close() error
	// committers is how many there are. More than one share their work by the units' keys. Those of the foreground that
	// are used now may be fewer.
	committers() int
	used() int
	// writing and reading open pools of connections, of which the committers' has one.
	writing() (*sql.DB, error)
	reading() (*sql.DB, error)
	// apart opens a pool for connections of their own, which write too.
	apart() (*sql.DB, error)
	// connected and disconnecting are told of a committer's connection.
	connected(w *writer) error
	disconnecting()
	// schema makes a migration the database's own, and migrating keeps other programs from migrating meanwhile.
	schema(m Migration) string
	migrating(ctx context.Context, conn *sql.Conn) (done func() error, err error)
	// outdated is an error where other programs run that know no schema from a number on.
	outdated(ctx context.Context, conn *sql.Conn, oldest int) error
	// index makes an index that is not there, while others may write.
	index(ctx context.Context, conn *sql.Conn, index Index) error
	// join tells other programs that this one uses the database, and which schema it knows.
	join(ctx context.Context, conn *sql.Conn, schema int) error
	// execAll runs statements one after another on a committer's connection, without waiting for the answer to each.
	execAll(tx *Tx, statements []Statement) error
	execLast(tx *Tx, s Statement) error
	// adapt makes a statement the database's own.
	adapt(text string) statement
	// translate makes database trouble that may pass into an Unavailable error.
	translate(err error) error
	// beside runs beside a committer until it has ended; stop is called then, before nobody can be answered any more.
	beside(w *writer) (stop func())
	// patience bounds a transaction's statements, or one that reads.
	patience(ctx context.Context) (context.Context, context.CancelFunc)
	// gathers is how long a transaction waits for units at most.
	gathers() time.Duration
	// begin begins a transaction for the units, and gives it its time.
	begin(tx *Tx, b *batch) error
	// commit commits and has the units answered when that is durable. On an error nobody will be answered.
	commit(tx *Tx, o outcome) error
	// answer has units answered that committed nothing.
	answer(o outcome)
	// snapshot is the statement that begins to read what is of one moment.
	snapshot() string
	// settled returns when all that could be read until now is durable.
	settled(ctx context.Context) error
	// erased notes that content was deleted.
	erased()
	// shared: other programs use the database too, which share work as DB.Work and DB.Mine say.
	shared() bool
	work(does bool)
	mine(key string) bool
}

// Open opens or creates the database, brings its schema up to date and starts its committer. Without migrations the schema
// is left as it is. A folder that another process has open is refused.
func Open(ctx context.Context, o Options, migrations []Migration) (*DB, error) {
	if o.CacheKB == 0 {
		o.CacheKB = 64 << 10
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.logBytes == 0 {
		o.logBytes = checkpointBytes
	}
	db := &DB{options: o, log: o.Log, now: o.Now}
	if db.now == nil {
		db.now = time.Now
	}
	if o.URL != "" {
		db.backend = &postgres{DB: db}
	} else {
		db.backend = &embedded{DB: db}
	}
	db.closing, db.close = context.WithCancel(context.Background())
	if err := db.open(ctx, migrations); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, migrations []Migration) (err error) {
	if err := db.backend.open(); err != nil {
		return err
	}
	for range db.backend.committers() {
		w := newWriter(db)
		db.writers = append(db.writers, w)
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	if migrations != nil {
		if err := db.migrate(ctx, db.writers[0].conn, migrations); err != nil {
			return err
		}
	}
	if db.readers, err = openReaders(db); err != nil {
		return err
	}
	for _, w := range db.writers {
		stop := db.backend.beside(w)
		db.waits.Go(func() { w.run(stop) })
	}
	return nil
}

// Close stops the committers after what is in hand, and closes the files.
func (db *DB) Close() error {
	var err error
	db.closeOnce.Do(func() {
		db.close()
		db.waits.Wait()
		if db.readers != nil {
			err = errors.Join(err, db.readers.close())
		}
		for _, w := range db.writers {
			err = errors.Join(err, w.close())
		}
		err = errors.Join(err, db.backend.close())
	})
	return err
}

// Shared reports whether other programs may use the database at the same time.
func (db *DB) Shared() bool { return db.backend.shared() }

// writerOf is the committer of a unit: those of one key have the same.
func (db *DB) writerOf(u *Unit) *writer {
	last := len(db.writers) - 1
	if u.Background || len(u.Keys) != 1 || last == 0 {
		return db.writers[last]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(u.Keys[0]))
	return db.writers[h.Sum32()%uint32(db.backend.used())]
}

// Read returns a connection for statements that read. Each sees what was committed when it began.
func (db *DB) Read(ctx context.Context) Conn { return Conn{ctx: ctx, x: db.readers} }

// Erased notes that content was deleted, so that soon nothing of it is in the files of an embedded database.
func (db *DB) Erased() { db.backend.erased() }

// Settled returns when all that could be read until now is durable. What is read is to be told to nobody before: after
// a loss of power it might never have been.
func (db *DB) Settled(ctx context.Context) error { return db.backend.settled(ctx) }

// executor runs a statement by its text, prepared once.
type executor interface {
	prepare(ctx context.Context, text string) (*prepared, error)
	before(text string) error
	failed(err error) error // translates, and notes what breaks a transaction
	// patience is how long a statement is waited for.
	patience(ctx context.Context) (context.Context, context.CancelFunc)
}

// prepared is a statement of a connection or pool.
type prepared struct {
	*sql.Stmt
	statement statement
}

func (s *prepared) close() { _ = s.Close() }

// statement is a text as a database understands it, and how its parameters are passed there.
type statement struct {
	text string
	bind func(args []any) ([]any, error) // nil: as they are
}

// args are the parameters as the database takes them.
func (s statement) args(args []any) ([]any, error) {
	if s.bind == nil {
		return args, nil
	}
	return s.bind(args)
}

// Conn runs statements under one context.
type Conn struct {
	ctx context.Context
	x   executor
}

// Query runs a statement that answers rows; each calls scan for every row.
func (c Conn) Query(text string, args []any, scan func(*sql.Rows) error) error {
	ctx, cancel := c.x.patience(c.ctx)
	defer cancel()
	c.ctx = ctx
	stmt, args, err := c.statement(text, args)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(c.ctx, args...)
	if err != nil {
		return c.x.failed(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return c.x.failed(rows.Err())
}

// ErrNoRow is returned by Row where there is none.
var ErrNoRow = sql.ErrNoRows

// Row runs a statement that answers one row.
func (c Conn) Row(text string, args []any, into ...any) error {
	ctx, cancel := c.x.patience(c.ctx)
	defer cancel()
	c.ctx = ctx
	stmt, args, err := c.statement(text, args)
	if err != nil {
		return err
	}
	return c.x.failed(stmt.QueryRowContext(c.ctx, args...).Scan(into...))
}

// Exec runs a statement and returns how many rows it changed.
func (c Conn) Exec(text string, args ...any) (int64, error) {
	if err := c.x.before(text); err != nil {
		return 0, err
	}
	return c.run(text, args)
}

// run is Exec of a statement that was asked about.
func (c Conn) run(text string, args []any) (int64, error) {
	stmt, args, err := c.prepared(text, args)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(c.ctx, args...)
	if err != nil {
		return 0, c.x.failed(err)
	}
	return result.RowsAffected()
}

func (c Conn) statement(text string, args []any) (*prepared, []any, error) {
	if err := c.x.before(text); err != nil {
		return nil, nil, err
	}
	return c.prepared(text, args)
}

func (c Conn) prepared(text string, args []any) (*prepared, []any, error) {
	stmt, err := c.x.prepare(c.ctx, text)
	if err != nil {
		return nil, nil, fmt.Errorf("preparing %.80q: %w", text, c.x.failed(err))
	}
	args, err = stmt.statement.args(args)
	return stmt, args, err
}

// pool is the connections that read.
type pool struct {
	db         *sql.DB
	backend    backend
	fault      func(statement string) error
	statements sync.Map // text → *prepared
	snapshots  chan *snapshot
}

func openReaders(db *DB) (*pool, error) {
	readers, err := db.backend.reading()
	if err != nil {
		return nil, err
	}
	p := &pool{db: readers, backend: db.backend, fault: db.options.Fault, snapshots: make(chan *snapshot, snapshotsAtOnce)}
	for range snapshotsAtOnce {
		p.snapshots <- &snapshot{pool: p}
	}
	return p, nil
}

// ErrWouldWrite is a statement that writes, on a connection that reads.
var ErrWouldWrite = errors.New("the statement writes, on a connection that reads")

func (p *pool) before(text string) error {
	if strings.HasPrefix(text, "INSERT") || strings.HasPrefix(text, "UPDATE") || strings.HasPrefix(text, "DELETE") {
		return ErrWouldWrite
	}
	if p.fault == nil {
		return nil
	}
	return p.failed(p.fault(text))
}

func (p *pool) failed(err error) error { return p.backend.translate(err) }

func (p *pool) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return p.backend.patience(ctx)
}

func (p *pool) prepare(ctx context.Context, text string) (*prepared, error) {
	if stmt, ok := p.statements.Load(text); ok {
		return stmt.(*prepared), nil
	}
	adapted := p.backend.adapt(text)
	stmt, err := p.db.PrepareContext(ctx, adapted.text)
	if err != nil {
		return nil, err
	}
	made := &prepared{stmt, adapted}
	if other, loaded := p.statements.LoadOrStore(text, made); loaded {
		made.close()
		return other.(*prepared), nil
	}
	return made, nil
}

func (p *pool) close() error {
	for range snapshotsAtOnce {
		if s := <-p.snapshots; s.conn != nil {
			s.discard()
		}
	}
	return p.db.Close()
}
