// Package store is the only SQL: the tables and their queries, over the engine in sqldb. Its methods come in
// two sets: Queries read, inside or outside of a transaction; Tx writes, inside a unit of the committer.
package store

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
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
	CacheKB int    // page cache of the writing connection, 0: the engine's default
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

// After calls f once the transaction is durable, unless the unit fails. It must not block.
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

// emitted is an event that has no number yet.
type emitted struct {
	organization parley.ID
	event        parley.Event
}

// Emit adds a fact to the organization's log. It is numbered when the transaction's units are through.
func (tx *Tx) Emit(organization parley.ID, e parley.Event) {
	e.At = tx.Now
	tx.tx.Emit(emitted{organization, e})
}

// finish numbers what the units emitted, one counter update per organization, and tells the listeners.
func (s *Store) finish(tx *sqldb.Tx, values []any) (func(), error) {
	if len(values) == 0 {
		return nil, nil
	}
	logs := make(map[parley.ID]int, 8)
	var commits []Committed
	for _, v := range values {
		e := v.(emitted)
		i, ok := logs[e.organization]
		if !ok {
			i = len(commits)
			logs[e.organization] = i
			commits = append(commits, Committed{Organization: e.organization})
		}
		commits[i].Events = append(commits[i].Events, e.event)
	}
	slices.SortFunc(commits, func(a, b Committed) int { return strings.Compare(string(a.Organization), string(b.Organization)) })
	if err := s.number(tx, commits); err != nil {
		return nil, err
	}
	if err := insertEvents(tx, commits); err != nil {
		return nil, err
	}
	return func() { s.tell(commits) }, nil
}

func (s *Store) tell(commits []Committed) {
	s.listeners.mu.RLock()
	defer s.listeners.mu.RUnlock()
	for _, f := range s.listeners.all {
		f(commits)
	}
}

var numberEvents = `UPDATE organization_log SET last_event = last_event + j.n
	FROM ` + sqldb.From("$1", "organization_id TEXT", "n BIGINT") + ` AS j
	WHERE organization_log.organization_id = j.organization_id
	RETURNING organization_log.organization_id, last_event`

func (s *Store) number(tx *sqldb.Tx, commits []Committed) error {
	if s.options.SabotageCounter {
		return s.numberOutside(tx, commits)
	}
	var rows sqldb.Rows
	for _, c := range commits {
		rows.Add(string(c.Organization), len(c.Events))
	}
	last := make(map[parley.ID]int64, len(commits))
	err := tx.Query(numberEvents, []any{rows.Param()}, func(r *sql.Rows) error {
		var organization parley.ID
		var sequence int64
		err := r.Scan(&organization, &sequence)
		last[organization] = sequence
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range commits {
		end, ok := last[c.Organization]
		if !ok {
			return fmt.Errorf("organization %s has no event log", c.Organization)
		}
		for i := range c.Events {
			c.Events[i].Sequence = end - int64(len(c.Events)) + int64(i) + 1
		}
	}
	return nil
}

// numberOutside is the sabotage of numbering: its counter is in memory, and outlives a rollback.
func (s *Store) numberOutside(tx *sqldb.Tx, commits []Committed) error {
	for _, c := range commits {
		last := s.counters[c.Organization]
		if last == 0 {
			if err := tx.Row("SELECT last_event FROM organization_log WHERE organization_id = $1", []any{string(c.Organization)}, &last); err != nil {
				return err
			}
		}
		for i := range c.Events {
			last++
			c.Events[i].Sequence = last
		}
		s.counters[c.Organization] = last
		if _, err := tx.Exec("UPDATE organization_log SET last_event = $2 WHERE organization_id = $1", string(c.Organization), last); err != nil {
			return err
		}
	}
	return nil
}

var insertEvent = `INSERT INTO events (organization_id, sequence, type, at, conversation_id, message_id, subject_id, data)
	SELECT organization_id, sequence, type, at, conversation_id, message_id, subject_id, data FROM ` +
	sqldb.From("$1", "organization_id TEXT", "sequence BIGINT", "type TEXT", "at BIGINT",
		"conversation_id TEXT", "message_id TEXT", "subject_id TEXT", "data TEXT") + ` AS j`

func insertEvents(tx *sqldb.Tx, commits []Committed) error {
	var rows sqldb.Rows
	for _, c := range commits {
		for _, e := range c.Events {
			data := ""
			if e.Data != (parley.EventData{}) {
				encoded, err := json.Marshal(e.Data)
				if err != nil {
					return err
				}
				data = string(encoded)
			}
			rows.Add(string(c.Organization), e.Sequence, string(e.Type), millis(e.At),
				string(e.Conversation), string(e.Message), string(e.Subject), data)
		}
	}
	_, err := tx.Exec(insertEvent, rows.Param())
	return err
}

// LogRange is the part of an organization's log that is kept. It is empty when Oldest is Latest + 1.
type LogRange struct{ Oldest, Latest int64 }

// LogRange returns which events are kept.
func (q Queries) LogRange(organization parley.ID) (r LogRange, err error) {
	err = q.c.Row("SELECT oldest_event, last_event FROM organization_log WHERE organization_id = $1",
		[]any{string(organization)}, &r.Oldest, &r.Latest)
	return r, found(err, "organization", organization)
}

// Events returns up to limit events after a sequence, in order.
func (q Queries) Events(organization parley.ID, after int64, limit int) ([]parley.Event, error) {
	var events []parley.Event
	err := q.c.Query(`SELECT sequence, type, at, conversation_id, message_id, subject_id, data FROM events
		WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
		[]any{string(organization), after, limit}, func(r *sql.Rows) error {
			var e parley.Event
			var at int64
			var data string
			if err := r.Scan(&e.Sequence, &e.Type, &at, &e.Conversation, &e.Message, &e.Subject, &data); err != nil {
				return err
			}
			e.At = moment(at)
			if data != "" {
				if err := json.Unmarshal([]byte(data), &e.Data); err != nil {
					return err
				}
			}
			events = append(events, e)
			return nil
		})
	return events, err
}

// DropEvents deletes up to limit events made before a time, oldest first, and says how many.
func (tx *Tx) DropEvents(organization parley.ID, before int64, limit int) (int64, error) {
	var through int64
	err := tx.c.Row(`SELECT coalesce(max(sequence), 0) FROM (SELECT sequence, at FROM events WHERE organization_id = $1
		ORDER BY sequence LIMIT $2) AS oldest WHERE at < $3`, []any{string(organization), limit, before}, &through)
	if err != nil || through == 0 {
		return 0, err
	}
	n, err := tx.c.Exec("DELETE FROM events WHERE organization_id = $1 AND sequence <= $2", string(organization), through)
	if err != nil {
		return 0, err
	}
	_, err = tx.c.Exec("UPDATE organization_log SET oldest_event = $2 WHERE organization_id = $1", string(organization), through+1)
	return n, err
}
