package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/parley-server/parley/internal/parley"
)

// embedded is a SQLite database: a file of which this program is the only user.
type embedded struct {
	*DB
	lock    *os.File
	syncer  *syncer
	erasure atomic.Bool // content was erased since the last truncating checkpoint
	scrubs  scrubber
}

func (s *embedded) open() (err error) {
	if s.options.Readers == 0 {
		s.options.Readers = 4
	}
	s.syncer = newSyncer(s.DB)
	if err := private(s.options.Path); err != nil {
		return err
	}
	s.lock, err = lockFolder(filepath.Dir(s.options.Path))
	return err
}

func (s *embedded) close() error {
	err := s.scrubs.scrubLast()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func (s *embedded) committers() int { return 1 }

func (s *embedded) used() int { return 1 }

func (s *embedded) gathers() time.Duration { return 0 }

func (s *embedded) shared() bool { return false }

func (s *embedded) work(bool) {}

func (s *embedded) mine(string) bool { return true }

func (s *embedded) writing() (*sql.DB, error) {
	c, err := newConnector(writerDSN(s.options))
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

func (s *embedded) reading() (*sql.DB, error) {
	c, err := newConnector(readerDSN(s.options), "PRAGMA query_only = ON")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(s.options.Readers + snapshotsAtOnce)
	db.SetMaxIdleConns(s.options.Readers + snapshotsAtOnce)
	return db, nil
}

func (s *embedded) apart() (*sql.DB, error) {
	c, err := newConnector(apartDSN(s.options))
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

func (s *embedded) connected(w *writer) error {
	return w.conn.Raw(func(driverConn any) error {
		return onRollback(driverConn, func() { w.broken, w.undone = true, true })
	})
}

// disconnecting waits for what is being synced: the last connection to close deletes the log.
func (s *embedded) disconnecting() { _ = s.syncer.wait(context.Background()) }

func (s *embedded) schema(m Migration) string { return m.SQL + m.Embedded }

// migrating has nothing to keep away: the folder is locked.
func (s *embedded) migrating(context.Context, *sql.Conn) (func() error, error) {
	return func() error { return nil }, nil
}

func (s *embedded) outdated(context.Context, *sql.Conn, int) error { return nil }

func (s *embedded) index(ctx context.Context, conn *sql.Conn, index Index) error {
	_, err := conn.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS "+index.Name+" ON "+index.On)
	return err
}

func (s *embedded) join(context.Context, *sql.Conn, int) error { return nil }

func (s *embedded) execAll(tx *Tx, statements []Statement) error {
	for _, statement := range statements {
		if _, err := tx.run(statement.Text, statement.Args); err != nil {
			return err
		}
	}
	return nil
}

func (s *embedded) execLast(tx *Tx, last Statement) error { return s.execAll(tx, []Statement{last}) }

// beside runs the syncer and the checkpointer.
func (s *embedded) beside(*writer) func() {
	s.erasure.Store(true) // the log of a program that was killed may hold what it had deleted
	if err := s.scrubs.open(s.options.Path); err != nil {
		s.log.Error("the database cannot be scrubbed", "error", err)
	}
	go s.syncer.run()
	s.waits.Go((&checkpointer{embedded: s}).run)
	return func() {
		close(s.syncer.ended)
		<-s.syncer.stopped
	}
}

// patience has no end: a context that can end would cost a goroutine a statement, and a disk that hangs cannot be left.
func (s *embedded) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

func (s *embedded) begin(tx *Tx, _ *batch) error {
	if err := s.heal(); err != nil {
		return err
	}
	tx.Now = s.now().Truncate(time.Millisecond)
	_, err := tx.Exec("BEGIN IMMEDIATE")
	return err
}

func (s *embedded) commit(tx *Tx, o outcome) error {
	o.number = s.syncer.begin()
	if _, err := tx.Exec("COMMIT"); err != nil {
		s.syncer.ended <- outcome{number: o.number}
		if tx.writer.undone && parley.AsError(err).Code == codeFull {
			return err // no room for the last page, without which the pages before it are not read
		}
		return errUnknown{err}
	}
	o.made = true
	s.syncer.ended <- o
	return nil
}

// answer has units answered after what they may have seen is durable.
func (s *embedded) answer(o outcome) { s.syncer.ended <- o }

func (s *embedded) snapshot() string { return "BEGIN" }

func (s *embedded) settled(ctx context.Context) error { return s.syncer.wait(ctx) }

func (s *embedded) erased() {
	s.erasure.Store(true)
	s.scrubs.erased()
}

// Pragmas go in the DSN: sent with Exec they would reach one pooled connection only.
func dsn(o Options, pragmas ...string) string {
	q := url.Values{}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?" + q.Encode()
}

// writerTimeout is how long the committer waits for another program that has locked the database.
const writerTimeout = 200 * time.Millisecond

func writerDSN(o Options) string {
	synchronous := "synchronous(NORMAL)" // the syncer syncs what was committed
	if o.Sabotage == SabotageNoSync {
		synchronous = "synchronous(OFF)"
	}
	return dsn(o, fmt.Sprintf("busy_timeout(%d)", writerTimeout.Milliseconds()), "auto_vacuum(INCREMENTAL)", "secure_delete(ON)", "journal_mode(WAL)", synchronous,
		"wal_autocheckpoint(0)", "foreign_keys(OFF)", "temp_store(MEMORY)", fmt.Sprintf("cache_size(-%d)", o.CacheKB/2))
}

// apartDSN is of sessions: their commits wait for the disk, and what they sort may be larger than memory.
func apartDSN(o Options) string {
	return dsn(o, "busy_timeout(10000)", "secure_delete(ON)", "synchronous(FULL)", "wal_autocheckpoint(0)", "foreign_keys(OFF)",
		"temp_store(FILE)", fmt.Sprintf("cache_size(-%d)", o.CacheKB/2))
}

func readerDSN(o Options) string {
	return dsn(o, "busy_timeout(2000)", "temp_store(MEMORY)", fmt.Sprintf("cache_size(-%d)", max(2048, o.CacheKB/2/o.Readers)))
}

func checkpointDSN(o Options) string {
	return dsn(o, "busy_timeout(0)", "synchronous(FULL)", "cache_size(-256)", "wal_autocheckpoint(0)")
}

// private makes the database's file for its owner only, before SQLite opens it; its companions take its mode.
func private(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	return file.Close()
}

// lockFolder takes the data folder for this process. The lock is on a file of its own: opening and closing the
// database's file beside SQLite would drop SQLite's own locks.
func lockFolder(folder string) (*os.File, error) {
	file, err := os.OpenFile(folder+"/parley.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("the data folder %s is in use by another server: %w", folder, err)
	}
	return file, nil
}

// The codes of trouble that the committer tells apart.
const (
	codeBusy     = "storage-busy"
	codeConflict = "storage-conflict"
	codeFull     = "storage-full"
)

var (
	bareLimit = regexp.MustCompile(`LIMIT (\$[0-9]+)`)
	locking   = regexp.MustCompile(` FOR (NO KEY )?UPDATE( OF [a-z]+)?( SKIP LOCKED)?`)
	writes    = regexp.MustCompile(`^(INSERT|UPDATE) (INTO |[a-z])`)
)

// adapt makes a statement SQLite's own. Where LIMIT is a bare parameter SQLite prepares the statement anew at every
// execution, because the number could change the plan; a sum it leaves alone. A statement that may fail after some of
// its rows keeps a copy of every page that it touches, to undo itself; here its failure undoes the whole unit, so that
// it may leave behind what it has done (FAIL). Rows are not locked: there is one committer.
func (s *embedded) adapt(text string) statement {
	text = locking.ReplaceAllString(bareLimit.ReplaceAllString(text, "LIMIT $1 + 0"), "")
	return statement{text: writes.ReplaceAllString(text, "$1 OR FAIL $2")}
}

// translate makes database trouble that may pass into an Unavailable error. Constraint errors and
// programming errors come back as they are.
func (s *embedded) translate(err error) error {
	sqliteErr, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case ok:
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return parley.Unavailable("storage-unavailable", "the database cannot be used now; try again", err)
	default:
		return err
	}
	switch sqliteErr.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return parley.Unavailable(codeBusy, "the database is locked; try again", err)
	case sqlite3.SQLITE_FULL:
		return parley.Unavailable(codeFull, "the disk is full; try again when there is room", err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL:
		return parley.Unavailable("storage-unavailable", "the database cannot be used now; try again", err)
	}
	return err
}

func isUniqueInSQLite(err error) bool {
	sqliteErr, ok := errors.AsType[*sqlite.Error](err)
	return ok && (sqliteErr.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || sqliteErr.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// onRollback calls back when SQLite rolls a transaction back, on its own or when told to.
func onRollback(driverConn any, rolledBack func()) error {
	hooks, ok := driverConn.(interface {
		RegisterRollbackHook(sqlite.RollbackHookFn)
	})
	if !ok {
		return errors.New("the SQLite driver has no hooks")
	}
	hooks.RegisterRollbackHook(rolledBack)
	return nil
}

// FreePages returns how many pages of an embedded database's file hold nothing, and how many there are. PostgreSQL sees
// to its files itself.
func (c Conn) FreePages() (free, pages int64, err error) {
	if err := c.Row("PRAGMA freelist_count", nil, &free); err != nil {
		return 0, 0, err
	}
	err = c.Row("PRAGMA page_count", nil, &pages)
	return free, pages, err
}

// Shrink moves up to n free pages to the end of the file, and cuts them off.
func (tx *Tx) Shrink(n int) error {
	return tx.Query(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n), nil, func(*sql.Rows) error { return nil })
}
