package sqldb

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Migration is one step of the schema. The list of them is only ever added to.
type Migration struct {
	Name string
	SQL  string
	// Postgres is what follows on PostgreSQL: how its tables are stored and vacuumed.
	Postgres string
	// Embedded is what follows on SQLite, where it differs.
	Embedded string
	// Indexes on tables that may be large. They are made after the step, while other programs go on writing.
	Indexes []Index
	// Oldest is the oldest schema number a program may know and still run on the result.
	Oldest int
}

// Index is an index of a migration: ON is what follows that word.
type Index struct{ Name, On string }

// Closing is the number of a row among the steps of the schema that is none: it closes the database to every program, also
// to those that know of no such row, and its name says why.
const Closing = 1 << 20

// ErrClosed is wrapped by the refusal of a closed database.
var ErrClosed = errors.New("it is closed")

// Migrate brings the schema of a database up to date that was opened without migrations.
func (db *DB) Migrate(ctx context.Context, migrations []Migration) error {
	done := make(chan error, 1)
	w := db.writers[0]
	select {
	case w.tasks <- func() { done <- db.migrate(ctx, w.conn, migrations) }:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
		return errClosed()
	}
}

// migrate brings the schema up to date, and refuses one that is newer than this program understands.
func (db *DB) migrate(ctx context.Context, conn *sql.Conn, migrations []Migration) (err error) {
	done, err := db.backend.migrating(ctx, conn)
	if err != nil {
		return fmt.Errorf("preparing the schema: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations
		(number INTEGER PRIMARY KEY, name TEXT NOT NULL, oldest INTEGER NOT NULL)`
	if _, err := conn.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("preparing the schema: %w", err)
	}
	var present, oldest int
	err = conn.QueryRowContext(ctx, "SELECT coalesce(max(number), 0), coalesce(max(oldest), 0) FROM schema_migrations").Scan(&present, &oldest)
	if err != nil {
		return err
	}
	if present >= Closing {
		var why string
		if err := conn.QueryRowContext(ctx, "SELECT name FROM schema_migrations WHERE number = $1", present).Scan(&why); err != nil {
			return err
		}
		return errClosedFor(why)
	}
	if oldest > len(migrations) {
		return errOutdated(oldest, len(migrations))
	}
	for i := present; i < len(migrations); i++ {
		if err := db.apply(ctx, conn, i+1, migrations[i]); err != nil {
			return fmt.Errorf("migration %d (%s): %w", i+1, migrations[i].Name, err)
		}
	}
	for _, m := range migrations {
		for _, index := range m.Indexes {
			if err := db.backend.index(ctx, conn, index); err != nil {
				return fmt.Errorf("the index %s of the migration %s: %w", index.Name, m.Name, err)
			}
		}
	}
	return db.backend.join(ctx, conn, len(migrations))
}

func errClosedFor(why string) error { return fmt.Errorf("the database %s: %w", why, ErrClosed) }

func errOutdated(needs, knows int) error {
	return fmt.Errorf("the database needs a program that knows schema %d; this one knows %d: upgrade the program", needs, knows)
}

// apply makes one step, in a transaction of its own.
func (db *DB) apply(ctx context.Context, conn *sql.Conn, number int, m Migration) error {
	if err := db.backend.outdated(ctx, conn, m.Oldest); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, db.backend.schema(m)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO schema_migrations (number, name, oldest) VALUES ($1, $2, $3)", number, m.Name, m.Oldest); err != nil {
		return err
	}
	return tx.Commit()
}

// Programs that use one PostgreSQL database know of each other by a table, in which each says now and then that it is
// there: a schema that one of them does not know is not put under it.

const (
	nodeSeen   = time.Second      // how often a program says that it is there
	nodeSilent = 3 * time.Second  // after which others do the work of one that says nothing, and
	nodeGone   = 20 * time.Second // after which it is gone

	nodesTable = `CREATE TABLE IF NOT EXISTS schema_nodes
		(id TEXT PRIMARY KEY, host TEXT NOT NULL, knows INTEGER NOT NULL, works INTEGER NOT NULL, seen_at TIMESTAMPTZ NOT NULL)`
	seeNode = `INSERT INTO schema_nodes (id, host, knows, works, seen_at) VALUES ($1, $2, $3, $4, clock_timestamp())
		ON CONFLICT (id) DO UPDATE SET works = excluded.works, seen_at = excluded.seen_at
		RETURNING (SELECT coalesce(max(oldest), 0) FROM schema_migrations),
			(SELECT coalesce(max(name), '') FROM schema_migrations WHERE number = $5)`
	workingNodes = "SELECT id FROM schema_nodes WHERE works = 1 AND seen_at > clock_timestamp() - make_interval(secs => $1)"
	leaveNodes   = "DELETE FROM schema_nodes WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 day'"
)

// outcastSeen is how often in a row it must be seen that a program may not use its database before that is so: somebody who
// fills a database looks at it too.
const outcastSeen = 5

// outcast is why a program may not use its database any more, and how often in a row it has seen that.
type outcast struct {
	why  error
	seen int
}

// Outcast is why this program may not use the database any more, which it could when it opened it: it was moved away, or has
// the schema of a newer program, which took this one for gone. It says so some seconds later.
func (db *DB) Outcast() error {
	if o := db.outcast.Load(); o != nil && o.seen >= outcastSeen {
		return o.why
	}
	return nil
}

// outdated is an error where a program runs that knows no schema from a number on.
func (p *postgres) outdated(ctx context.Context, conn *sql.Conn, oldest int) error {
	if _, err := conn.ExecContext(ctx, nodesTable); err != nil {
		return err
	}
	var host string
	var knows int
	err := conn.QueryRowContext(ctx, `SELECT host, knows FROM schema_nodes WHERE knows < $1
		AND seen_at > clock_timestamp() - make_interval(secs => $2) ORDER BY knows LIMIT 1`, oldest, nodeGone.Seconds()).Scan(&host, &knows)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("a server on %s still runs that knows schema %d: it could not run on the new one, which needs %d; stop it first", host, knows, oldest)
}

// join says that this program is there, now and until the database is closed.
func (p *postgres) join(ctx context.Context, conn *sql.Conn, schema int) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if p.node.id != "" { // they know
		return p.translate(p.see(ctx, conn))
	}
	p.node.id, p.node.host, p.node.knows, p.node.turned = rand.Text(), host, schema, make(chan struct{}, 1)
	if err := p.see(ctx, conn); err != nil {
		return p.translate(err)
	}
	p.waits.Go(p.stay)
	return nil
}

// membership is this program among those that use the database.
type membership struct {
	id, host string
	knows    int
	works    atomic.Bool
	turned   chan struct{} // of capacity 1: works is another
	workers  atomic.Pointer[[]string]
}

// Work says whether this program does what any of the programs may do that use the database; see Mine.
func (db *DB) Work(does bool) { db.backend.work(does) }

// Mine reports whether, of the programs that do such work, this one is to do what a key names. They agree, but for moments
// in which one of them comes or goes.
func (db *DB) Mine(key string) bool { return db.backend.mine(key) }

func (p *postgres) work(does bool) {
	p.node.works.Store(does)
	select {
	case p.node.turned <- struct{}{}:
	default:
	}
}

// mine is by rendezvous hashing: when a program comes or goes, only its own part moves.
func (p *postgres) mine(key string) bool {
	workers := p.node.workers.Load()
	if workers == nil {
		return true
	}
	own := weight(p.node.id, key)
	for _, id := range *workers {
		if id != p.node.id && weight(id, key) > own {
			return false
		}
	}
	return true
}

// weight is a program's for a key, by which it is chosen: 64 bits of a hash that spreads them.
func weight(id, key string) uint64 {
	sum := sha256.Sum256([]byte(id + "/" + key))
	return binary.BigEndian.Uint64(sum[:])
}

// nodes is how many programs do the database's work, at least one.
func (p *postgres) nodes() int64 {
	if workers := p.node.workers.Load(); workers != nil {
		return max(1, int64(len(*workers)))
	}
	return 1
}

// see says that this program is there, looks for those that are, and whether it may be.
func (p *postgres) see(ctx context.Context, conn interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}) error {
	works := 0
	if p.node.works.Load() {
		works = 1
	}
	var oldest int
	var closed string
	if err := conn.QueryRowContext(ctx, seeNode, p.node.id, p.node.host, p.node.knows, works, Closing).Scan(&oldest, &closed); err != nil {
		return err
	}
	p.mayBe(oldest, closed)
	rows, err := conn.QueryContext(ctx, workingNodes, nodeSilent.Seconds())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	workers := []string{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		workers = append(workers, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	slices.Sort(workers)
	before := p.node.workers.Swap(&workers)
	if p.options.Turned != nil && before != nil && !slices.Equal(*before, workers) {
		p.options.Turned()
	}
	return nil
}

// mayBe notes whether this program may use the database, which needs to know a schema, or is closed.
func (p *postgres) mayBe(oldest int, closed string) {
	switch before := p.outcast.Load(); {
	case oldest <= p.node.knows:
		p.outcast.Store(nil)
	case before != nil:
		p.outcast.Store(&outcast{before.why, before.seen + 1})
	case closed != "":
		p.outcast.Store(&outcast{errClosedFor(closed), 1})
	default:
		p.outcast.Store(&outcast{errOutdated(oldest, p.node.knows), 1})
	}
}

// stay says now and then that this program is there, and at the end that it is not.
func (p *postgres) stay() {
	db, err := p.reading()
	if err != nil {
		p.log.Error("telling other servers of this one", "error", err)
		return
	}
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()
	ticker := time.NewTicker(nodeSeen)
	defer ticker.Stop()
	try := func(f func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), nodeGone/4)
		defer cancel()
		if err := f(ctx); err != nil {
			p.log.Warn("telling other servers of this one", "error", p.translate(err))
		}
	}
	for {
		select {
		case <-ticker.C:
			try(func(ctx context.Context) error { return p.see(ctx, db) })
		case <-p.node.turned:
			try(func(ctx context.Context) error { return p.see(ctx, db) })
		case <-p.closing.Done():
			try(func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, leaveNodes, p.node.id)
				return err
			})
			return
		}
	}
}
