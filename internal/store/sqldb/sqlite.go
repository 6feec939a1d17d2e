package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/parley-server/parley/internal/parley"
)

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
	codeBusy = "storage-busy"
	codeFull = "storage-full"
)

var (
	bareLimit = regexp.MustCompile(`LIMIT (\$[0-9]+)`)
	writes    = regexp.MustCompile(`^(INSERT|UPDATE) (INTO |[a-z])`)
)

// adapt makes a statement SQLite's own. Where LIMIT is a bare parameter SQLite prepares the statement anew at every
// execution, because the number could change the plan; a sum it leaves alone. A statement that may fail after some of
// its rows keeps a copy of every page that it touches, to undo itself; here its failure undoes the whole unit, so that
// it may leave behind what it has done (FAIL).
func adapt(text string) string {
	return writes.ReplaceAllString(bareLimit.ReplaceAllString(text, "LIMIT $1 + 0"), "$1 OR FAIL $2")
}

// translate makes database trouble that may pass into an Unavailable error. Constraint errors and
// programming errors come back as they are.
func translate(err error) error {
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

// IsUnique reports whether err is a violated unique constraint.
func IsUnique(err error) bool {
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

// FreePages returns how many pages of the file hold nothing, and how many there are.
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
