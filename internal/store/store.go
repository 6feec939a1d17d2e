// Package store is the only SQL: the tables and their queries, over the engine in sqldb. Its methods come in
// two sets: Queries read, inside or outside of a transaction; Tx writes, inside a unit of the committer.
package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

//go:embed migrations/0001_heart.sql
var migrationHeart string

// Migrations is the schema, step by step. It is only ever added to.
var migrations = []sqldb.Migration{
	{Name: "heart", SQL: migrationHeart, Oldest: 1},
}

// Options are how a store is opened.
type Options struct {
	Folder  string // of the database; must exist
	Readers int    // connections that read, 0: the engine's default
	CacheKB int    // memory for pages, 0: the engine's default
	Log     *slog.Logger
	Now     func() time.Time
	// Observe is told of every commit; see sqldb.Options.
	Observe func(units int, took time.Duration)
	// Fault and Sabotage are for tests; see sqldb.Options.
	Fault    func(statement string) error
	Sabotage sqldb.Sabotage
	// SabotageCounter, for a test of the proofs, numbers events outside of the transaction.
	SabotageCounter bool
	// SabotageClaims, for a test of the proofs, forgets at the start what was claimed.
	SabotageClaims bool
}

// Store is an open database.
type Store struct {
	db        *sqldb.DB
	options   Options
	appends   sqldb.Bulk
	listeners listeners
	counters  map[parley.ID]int64 // only under SabotageCounter
}

// Open opens or creates the database of a folder, brings its schema up to date, and frees the claims of a
// process that is gone.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{options: o, counters: map[parley.ID]int64{}}
	s.appends = sqldb.Bulk{Run: s.runAppends}
	db, err := sqldb.Open(ctx, sqldb.Options{
		Path: filepath.Join(o.Folder, "parley.db"), Readers: o.Readers, CacheKB: o.CacheKB, Log: o.Log, Now: o.Now,
		Finish: s.finish, Observe: o.Observe, Fault: o.Fault, Sabotage: o.Sabotage,
	}, migrations)
	if err != nil {
		return nil, err
	}
	s.db = db
	if err := s.Write(ctx, "", func(tx *Tx) error { return tx.freeClaims() }); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("freeing claims: %w", err)
	}
	return s, nil
}

// Close finishes what is in hand and closes the files.
func (s *Store) Close() error { return s.db.Close() }

// Queries reads under one context.
type Queries struct{ c sqldb.Conn }

// Read returns the queries outside of a transaction. Each sees what was committed when it began.
func (s *Store) Read(ctx context.Context) Queries { return Queries{s.db.Read(ctx)} }

// ErrWouldWrite is returned by a unit under Look that has something to write.
var ErrWouldWrite = sqldb.ErrWouldWrite

// Look runs a unit outside of the committer, as far as it only reads: its first write fails with ErrWouldWrite, and
// what it emits goes nowhere. All that it reads is of one moment.
func (s *Store) Look(ctx context.Context, f func(tx *Tx) error) error {
	now := time.Now
	if s.options.Now != nil {
		now = s.options.Now
	}
	return s.db.Snapshot(ctx, func(c sqldb.Conn) error {
		return f(s.wrap(&sqldb.Tx{Conn: c, Now: now().Truncate(time.Millisecond)}))
	})
}

// Settled returns when everything that could be read until now is durable: what is read may have been committed a
// moment before it is on disk, and is told to nobody before.
func (s *Store) Settled(ctx context.Context) error { return s.db.Settled(ctx) }

// Tx is a unit's view of the shared transaction.
type Tx struct {
	Queries
	Now time.Time // of the transaction, in whole milliseconds
	tx  *sqldb.Tx
	s   *Store
}

// Write runs a unit of work and returns when it is durable. The unit may run again after a failure of the
// database, so it sets what it returns and never adds to it. The organization is empty for work across all.
func (s *Store) Write(ctx context.Context, organization parley.ID, f func(tx *Tx) error) error {
	return s.db.Write(ctx, sqldb.Unit{Run: s.unit(f), Size: generalSize})
}

// WriteBackground is Write for work that waits while requests are accepted.
func (s *Store) WriteBackground(ctx context.Context, organization parley.ID, f func(tx *Tx) error) error {
	return s.db.Write(ctx, sqldb.Unit{Run: s.unit(f), Size: generalSize, Background: true})
}

// generalSize is what a general unit counts for against the size of a shared transaction.
const generalSize = 4 << 10

func (s *Store) unit(f func(tx *Tx) error) func(*sqldb.Tx) error {
	return func(tx *sqldb.Tx) error { return f(s.wrap(tx)) }
}

func (s *Store) wrap(tx *sqldb.Tx) *Tx {
	return &Tx{Queries: Queries{tx.Conn}, Now: tx.Now.UTC(), tx: tx, s: s}
}

// After calls f once the transaction is durable, or nobody knows whether it is, unless the unit fails. It must not
// block.
func (tx *Tx) After(f func()) { tx.tx.After(f) }

// Erased notes that content was deleted: soon it is in no file.
func (tx *Tx) Erased() { tx.tx.After(tx.s.db.Erased) }

// Committed is what one transaction added to one organization's log.
type Committed struct {
	Organization parley.ID
	Events       []parley.Event // numbered, in order
}

// listeners are told of every commit.
type listeners struct {
	mu  sync.RWMutex
	all []func([]Committed)
}

// OnCommit calls f after every commit that added events, before its units are answered. It must not block.
func (s *Store) OnCommit(f func([]Committed)) {
	s.listeners.mu.Lock()
	defer s.listeners.mu.Unlock()
	s.listeners.all = append(s.listeners.all, f)
}

// errNoRow tells an absent row from other failures.
func absent(err error) bool { return errors.Is(err, sqldb.ErrNoRow) }

// found turns an absent row into NotFound.
func found(err error, what string, id parley.ID) error {
	if absent(err) {
		return parley.NotFound(what, id)
	}
	return err
}

// millis is a time as it is stored: milliseconds since 1970 in UTC, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment undoes millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
