// Package store is the only SQL: the tables and their queries, over the engine in sqldb. Its methods come in
// two sets: Queries read, inside or outside of a transaction; Tx writes, inside a unit of the committer.
//
// Long because what messages, conversations and the queue have in common is written in one place; other areas are below it.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Options are how a store is opened.
type Options struct {
	Folder  string // of an embedded database; must exist
	URL     string // of a PostgreSQL database, in place of the embedded one
	Readers int    // connections that read, 0: the engine's default
	CacheKB int    // memory for pages, 0: the engine's default
	Log     *slog.Logger
	Now     func() time.Time
	// WillShare says that the store may be moved to a database that other nodes use too.
	WillShare bool
	// Observe is told of every commit; see sqldb.Options.
	Observe func(units int, took time.Duration)
	// Fault and Sabotage are for tests; see sqldb.Options.
	Fault    func(statement string) error
	Sabotage Sabotage
}

// Sabotage names a promise that a test breaks to see its proof fail.
type Sabotage = sqldb.Sabotage

// The sabotages of the store, beside those of the engine.
const (
	SabotageCounter Sabotage = "counter-outside"  // events are numbered outside of the transaction
	SabotageClaims  Sabotage = "claims-forgotten" // at the start what was claimed is forgotten
	SabotageLeases  Sabotage = "leases-ignored"   // a claim holds for no time
	SabotageKeys    Sabotage = "keys-unkept"      // idempotency keys are forgotten
	SabotageLate    Sabotage = "keys-late"        // and are not seen for a moment, as where they are looked up before the lock
)

// Store is an open database.
type Store struct {
	db        atomic.Pointer[sqldb.DB]
	works     atomic.Bool
	turned    atomic.Pointer[func()]
	left      []*sqldb.DB // databases that the store has moved away from
	options   Options
	appends   sqldb.Bulk
	listeners listeners
	counters  map[parley.ID]int64 // only under SabotageCounter
	clocks    sync.Map            // organization → *parley.Clock, as they were when they could be read last
}

// Open opens or creates the database of a folder, brings its schema up to date, and frees the claims of a
// process that is gone.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := newStore(o)
	db, err := s.open(ctx, o, migrations)
	if err != nil {
		return nil, err
	}
	s.db.Store(db)
	if db.Shared() { // the claims of others are left to their leases
		return s, nil
	}
	if err := s.Write(ctx, "", func(tx *Tx) error { return tx.freeClaims() }); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("freeing claims: %w", err)
	}
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{options: o, counters: map[parley.ID]int64{}}
	s.appends = sqldb.Bulk{Run: s.runAppends}
	return s
}

func (s *Store) open(ctx context.Context, o Options, migrations []sqldb.Migration) (*sqldb.DB, error) {
	return sqldb.Open(ctx, sqldb.Options{
		Path: filepath.Join(o.Folder, "parley.db"), URL: o.URL, Readers: o.Readers, CacheKB: o.CacheKB, Log: o.Log, Now: o.Now,
		Finish: s.finish, Observe: o.Observe, Turned: s.turn, Fault: o.Fault, Sabotage: o.Sabotage,
	}, migrations)
}

// ErrClosed is wrapped by the refusal of a database that was moved away, or is being filled by a move.
var ErrClosed = sqldb.ErrClosed

// OpenAsIs opens a database to look at what is there: its schema and its claims stay as they are.
func OpenAsIs(ctx context.Context, o Options) (*Store, error) {
	s := newStore(o)
	db, err := s.open(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	s.db.Store(db)
	return s, nil
}

// OpenEngine opens only the database of a store, with its schema and its claims as they are, for whoever moves it.
func OpenEngine(ctx context.Context, o Options) (*sqldb.DB, error) {
	return newStore(o).open(ctx, o, nil)
}

// OpenEngine opens another database for the store, which Switch may make its own.
func (s *Store) OpenEngine(ctx context.Context, o Options) (*sqldb.DB, error) {
	o.Log, o.Now, o.Observe, o.Fault = s.options.Log, s.options.Now, s.options.Observe, s.options.Fault
	return s.open(ctx, o, nil)
}

// Engine is the database under the store.
func (s *Store) Engine() *sqldb.DB { return s.db.Load() }

// Switch makes another database the store's own. It holds what the one before held, which takes no writes any more. Reads
// that have begun there end there: it is closed with the store.
func (s *Store) Switch(to *sqldb.DB) {
	to.Work(s.works.Load())
	s.left = append(s.left, s.db.Swap(to))
}

// Work says whether this node does what any of the nodes may do that use the database; see Mine.
func (s *Store) Work(does bool) {
	s.works.Store(does)
	s.Engine().Work(does)
}

// Mine reports whether, of the nodes that do such work, this one is to do what a key names.
func (s *Store) Mine(key string) bool {
	return s.Engine().Mine(key) || s.options.Sabotage == SabotageLeases // or the nodes would not meet
}

// OnTurn calls f when others share the work that Mine divides, or do not any more. It must not block.
func (s *Store) OnTurn(f func()) { s.turned.Store(&f) }

func (s *Store) turn() {
	if f := s.turned.Load(); f != nil {
		(*f)()
	}
}

// Shared reports whether other nodes use the database too, or will.
func (s *Store) Shared() bool { return s.options.WillShare || s.Engine().Shared() }

// Close finishes what is in hand and closes the files.
func (s *Store) Close() error {
	err := s.Engine().Close()
	for _, db := range s.left {
		err = errors.Join(err, db.Close())
	}
	return err
}

// Queries reads under one context.
type Queries struct{ c sqldb.Conn }

// Conn runs statements of the packages below this one, each of which has the tables of an area.
func (q Queries) Conn() sqldb.Conn { return q.c }

// Read returns the queries outside of a transaction. Each sees what was committed when it began.
func (s *Store) Read(ctx context.Context) Queries { return Queries{s.Engine().Read(ctx)} }

// ErrWouldWrite is returned by a unit under Look that has something to write.
var ErrWouldWrite = sqldb.ErrWouldWrite

// Look runs a unit outside of the committer, as far as it only reads: its first write fails with ErrWouldWrite, and
// what it emits goes nowhere. All that it reads is of one moment.
func (s *Store) Look(ctx context.Context, f func(tx *Tx) error) error {
	return s.Engine().Snapshot(ctx, func(c sqldb.Conn) error {
		return f(s.wrap(&sqldb.Tx{Conn: c, Now: s.now().Truncate(time.Millisecond)}))
	})
}

func (s *Store) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now()
	}
	return time.Now()
}

// Settled returns when everything that could be read until now is durable: what is read may have been committed a
// moment before it is on disk, and is told to nobody before.
func (s *Store) Settled(ctx context.Context) error { return s.Engine().Settled(ctx) }

// Tx is a unit's view of the shared transaction.
type Tx struct {
	Queries
	Now   time.Time     // of the unit's organization, in whole milliseconds: the transaction's, where it has no clock of its own
	real  time.Time     // of the transaction
	clock *parley.Clock // of the one organization that the unit works on; nil: it has none
	taken []string      // the organizations that a general unit works on
	tx    *sqldb.Tx
	s     *Store
}

// Write runs a unit of work on an organization and returns when it is durable. The unit may run again after a failure
// of the database, so it sets what it returns and never adds to it. The organization is empty for work on none.
func (s *Store) Write(ctx context.Context, organization parley.ID, f func(tx *Tx) error) error {
	return s.Engine().Write(ctx, s.unit(f, organization))
}

// WriteAcross is Write on any number of organizations.
func (s *Store) WriteAcross(ctx context.Context, organizations []parley.ID, f func(tx *Tx) error) error {
	return s.Engine().Write(ctx, s.unit(f, organizations...))
}

// WriteBackground is WriteAcross for work that waits while requests are accepted.
func (s *Store) WriteBackground(ctx context.Context, organizations []parley.ID, f func(tx *Tx) error) error {
	u := s.unit(f, organizations...)
	u.Background = true
	return s.Engine().Write(ctx, u)
}

// keysOf are the keys of organizations.
func keysOf(organizations ...parley.ID) []string {
	keys := make([]string, 0, len(organizations))
	for _, o := range organizations {
		if o != "" && !slices.Contains(keys, string(o)) {
			keys = append(keys, string(o))
		}
	}
	return keys
}

// WriteApart is WriteBackground for work on rows that nothing changes but what has the same key: nothing else that changes
// an organization waits for it. It writes about size bytes.
func (s *Store) WriteApart(ctx context.Context, key string, size int, f func(tx *Tx) error) error {
	u := s.unit(f, parley.ID(key))
	u.Background, u.Size = true, generalSize+size
	return s.Engine().Write(ctx, u)
}

// WriteClaimed is WriteBackground for what comes of claimed deliveries. Nobody else changes their conversations meanwhile,
// and what is written into others is written beside it.
func (s *Store) WriteClaimed(ctx context.Context, claims []Job, f func(tx *Tx) error) error {
	u := s.unit(f, OrganizationsOf(claims)...)
	u.Background, u.Beside, u.Keys = true, u.Keys, nil
	for i := range claims {
		if key := conversationKey(claims[i].Organization, claims[i].conversation()); !slices.Contains(u.Keys, key) {
			u.Keys = append(u.Keys, key)
		}
	}
	return s.Engine().Write(ctx, u)
}

// conversationKey is the key of a conversation.
func conversationKey(organization, id parley.ID) string {
	return string(organization) + "/" + string(id)
}

// WriteDue runs a background unit on up to limit due jobs of a kind that is work inside the database, earliest first,
// and says how many there were. The unit does the work and deletes or moves the jobs. Test organizations have units of their
// own, with their times.
func (s *Store) WriteDue(ctx context.Context, kind JobKind, limit int, f func(tx *Tx, jobs []Job) error) (n int, err error) {
	var organizations []parley.ID
	if s.Engine().Shared() { // they are taken before anything is read that others may do too
		due, err := s.Read(ctx).DueJobs(kind, s.now(), limit)
		if err != nil || len(due) == 0 {
			return 0, err
		}
		organizations = OrganizationsOf(ofOneTime(due))
	}
	err = s.WriteBackground(ctx, organizations, func(tx *Tx) error {
		jobs, err := tx.DueJobs(kind, tx.real, limit)
		if s.Engine().Shared() {
			jobs = slices.DeleteFunc(jobs, func(j Job) bool { return !slices.Contains(organizations, j.Organization) })
		}
		jobs = ofOneTime(jobs)
		tx.taken = keysOf(OrganizationsOf(jobs)...)
		n = len(jobs)
		if err != nil || n == 0 {
			return err
		}
		if err := tx.Follow(); err != nil {
			return err
		}
		tx.dueBy(jobs)
		return f(tx, jobs)
	})
	return n, err
}

// generalSize is what a general unit counts for against the size of a shared transaction.
const generalSize = 4 << 10

func (s *Store) unit(f func(tx *Tx) error, organizations ...parley.ID) sqldb.Unit {
	keys := keysOf(organizations...)
	return sqldb.Unit{Keys: keys, Size: generalSize, Run: func(tx *sqldb.Tx) error {
		own := s.wrap(tx)
		own.taken = keys
		if err := own.Follow(); err != nil {
			return err
		}
		return f(own)
	}}
}

func (s *Store) wrap(tx *sqldb.Tx) *Tx {
	return &Tx{Queries: Queries{tx.Conn}, Now: tx.Now.UTC(), real: tx.Now.UTC(), tx: tx, s: s}
}

// After calls f once the transaction is durable, or nobody knows whether it is, unless the unit fails. It must not
// block.
func (tx *Tx) After(f func()) { tx.tx.After(f) }

// Erased notes that content was deleted: soon it is in no file.
func (tx *Tx) Erased() { tx.tx.After(tx.s.Engine().Erased) }

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

// absent tells an absent row from other failures.
func absent(err error) bool { return errors.Is(err, sqldb.ErrNoRow) }

// Found turns an absent row into NotFound.
func Found(err error, what string, id parley.ID) error {
	if absent(err) {
		return parley.NotFound(what, id)
	}
	return err
}

// Millis is a time as it is stored: milliseconds since 1970 in UTC, 0 for none.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment undoes Millis.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
