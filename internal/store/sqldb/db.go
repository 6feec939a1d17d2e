// Package sqldb is the engine under the store: connections, prepared statements, group commit,
// checkpoints and migrations. It knows SQL databases and transactions, and nothing of messages.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are how a database is opened.
type Options struct {
	Path    string // of the SQLite file; its folder must exist
	Readers int    // connections that read, 0: 4
	CacheKB int    // memory for pages, half of it the committer's and half the readers', 0: 64 MiB
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
	// Finish runs inside every shared transaction after its units, with what they emitted, before the
	// commit. The function it returns runs after the commit, before any unit is answered.
	Finish func(tx *Tx, emitted []any) (committed func(), err error)
	// Observe is told of every commit: how many units shared it and how long it took, from its first statement
	// to its being durable. It must not block.
	Observe func(units int, took time.Duration)
	// Fault, for tests, is asked before every statement; an error takes its place. Reads ask it concurrently.
	Fault func(statement string) error
	// SyncFault, for tests, is asked before every sync of the write-ahead log; an error takes its place.
	SyncFault func() error
	// Sabotage, for tests of the proofs, breaks a promise on purpose; empty in every real program.
	Sabotage Sabotage

	logBytes int64 // of write-ahead log before it is copied back, 0: checkpointBytes
}

// Sabotage names a promise that a test breaks to see its proof fail.
type Sabotage string

// The sabotages of the engine.
const (
	SabotageNoSync      Sabotage = "synchronous-off"
	SabotageEarlyAnswer Sabotage = "answer-before-commit"
)

// DB is an open database with one committer.
type DB struct {
	options   Options
	log       *slog.Logger
	now       func() time.Time
	readers   *pool
	writer    *writer
	lock      *os.File
	closing   context.Context
	close     context.CancelFunc
	waits     sync.WaitGroup
	erased    atomic.Bool // content was erased since the last truncating checkpoint
	scrubs    scrubber
	closeOnce sync.Once
}

// Open opens or creates the database, brings its schema up to date and starts its committer.
// A folder that another process has open is refused.
func Open(ctx context.Context, o Options, migrations []Migration) (*DB, error) {
	if o.Readers == 0 {
		o.Readers = 4
	}
	if o.CacheKB == 0 {
		o.CacheKB = 64 << 10
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.logBytes == 0 {
		o.logBytes = checkpointBytes
	}
	db := &DB{options: o, log: o.Log, now: o.Now}
	db.closing, db.close = context.WithCancel(context.Background())
	if err := db.open(ctx, migrations); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, migrations []Migration) (err error) {
	if err := private(db.options.Path); err != nil {
		return err
	}
	if db.lock, err = lockFolder(filepath.Dir(db.options.Path)); err != nil {
		return err
	}
	if db.writer, err = openWriter(ctx, db); err != nil {
		return err
	}
	if err := migrate(ctx, db.writer.conn, migrations); err != nil {
		return err
	}
	if err := db.scrubs.open(db.options.Path); err != nil {
		return err
	}
	if db.readers, err = openReaders(db.options); err != nil {
		return err
	}
	db.erased.Store(true) // the log of a program that was killed may hold what it had deleted
	db.waits.Go(db.writer.run)
	db.waits.Go((&checkpointer{DB: db}).run)
	return nil
}

// Close stops the committer after what is in hand, and closes the files.
func (db *DB) Close() error {
	var err error
	db.closeOnce.Do(func() {
		db.close()
		db.waits.Wait()
		if db.readers != nil {
			err = errors.Join(err, db.readers.close())
		}
		if db.writer != nil {
			err = errors.Join(err, db.writer.close())
		}
		err = errors.Join(err, db.scrubs.scrubLast())
		if db.lock != nil {
			err = errors.Join(err, db.lock.Close())
		}
	})
	return err
}

// Read returns a connection for statements that read. Each sees what was committed when it began.
func (db *DB) Read(ctx context.Context) Conn { return Conn{ctx: ctx, x: db.readers} }

// Erased notes that content was deleted, so that soon nothing of it is in the write-ahead log, nor in the file.
func (db *DB) Erased() {
	db.erased.Store(true)
	db.scrubs.erased()
}

// executor runs a statement by its text, prepared once.
type executor interface {
	prepare(ctx context.Context, text string) (*sql.Stmt, error)
	before(text string) error
	failed(err error) error // translates, and notes what breaks a transaction
}

// Conn runs statements under one context.
type Conn struct {
	ctx context.Context
	x   executor
}

// Query runs a statement that answers rows; each calls scan for every row.
func (c Conn) Query(text string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := c.statement(text)
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
	stmt, err := c.statement(text)
	if err != nil {
		return err
	}
	return c.x.failed(stmt.QueryRowContext(c.ctx, args...).Scan(into...))
}

// Exec runs a statement and returns how many rows it changed.
func (c Conn) Exec(text string, args ...any) (int64, error) {
	stmt, err := c.statement(text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(c.ctx, args...)
	if err != nil {
		return 0, c.x.failed(err)
	}
	return result.RowsAffected()
}

func (c Conn) statement(text string) (*sql.Stmt, error) {
	if err := c.x.before(text); err != nil {
		return nil, err
	}
	stmt, err := c.x.prepare(c.ctx, text)
	if err != nil {
		return nil, fmt.Errorf("preparing %.80q: %w", text, c.x.failed(err))
	}
	return stmt, nil
}

// pool is the connections that read.
type pool struct {
	db         *sql.DB
	fault      func(statement string) error
	statements sync.Map // text → *sql.Stmt
	snapshots  chan *snapshot
}

func openReaders(o Options) (*pool, error) {
	c, err := newConnector(readerDSN(o), "PRAGMA query_only = ON")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(o.Readers + snapshotsAtOnce)
	db.SetMaxIdleConns(o.Readers + snapshotsAtOnce)
	p := &pool{db: db, fault: o.Fault, snapshots: make(chan *snapshot, snapshotsAtOnce)}
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

func (p *pool) failed(err error) error { return translate(err) }

func (p *pool) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := p.statements.Load(text); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := p.db.PrepareContext(ctx, adapt(text))
	if err != nil {
		return nil, err
	}
	if other, loaded := p.statements.LoadOrStore(text, stmt); loaded {
		_ = stmt.Close()
		return other.(*sql.Stmt), nil
	}
	return stmt, nil
}

func (p *pool) close() error {
	for range snapshotsAtOnce {
		if s := <-p.snapshots; s.conn != nil {
			s.discard()
		}
	}
	return p.db.Close()
}
