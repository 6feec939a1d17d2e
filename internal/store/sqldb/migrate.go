package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Migration is one step of the schema. The list of them is only ever added to.
type Migration struct {
	Name string
	SQL  string
	// Postgres is what follows on PostgreSQL: how its tables are stored and vacuumed.
	Postgres string
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
	nodeSeen = 5 * time.Second  // how often a program says that it is there
	nodeGone = 20 * time.Second // after which one that says nothing is gone

	nodesTable = `CREATE TABLE IF NOT EXISTS schema_nodes
		(id TEXT PRIMARY KEY, host TEXT NOT NULL, knows INTEGER NOT NULL, seen_at TIMESTAMPTZ NOT NULL)`
	seeNode = `INSERT INTO schema_nodes (id, host, knows, seen_at) VALUES ($1, $2, $3, clock_timestamp())
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
		RETURNING (SELECT count(*) FROM schema_nodes WHERE id <> $1 AND seen_at > clock_timestamp() - make_interval(secs => $4)),
			(SELECT coalesce(max(oldest), 0) FROM schema_migrations),
			(SELECT coalesce(max(name), '') FROM schema_migrations WHERE number = $5)`
)

// outcastSeen is how often in a row it must be seen that a program may not use its database before that is so: somebody who
// fills a database looks at it too.
const outcastSeen = 2

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
	if p.node != "" { // they know
		return p.translate(p.see(ctx, conn, host, schema))
	}
	p.node = rand.Text()
	if err := p.see(ctx, conn, host, schema); err != nil {
		return p.translate(err)
	}
	p.waits.Go(func() { p.stay(host, schema) })
	return nil
}

// see says that this program is there, counts those that are, and sees whether it may be.
func (p *postgres) see(ctx context.Context, conn interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, host string, schema int) error {
	var others int64
	var oldest int
	var closed string
	if err := conn.QueryRowContext(ctx, seeNode, p.node, host, schema, nodeGone.Seconds(), Closing).Scan(&others, &oldest, &closed); err != nil {
		return err
	}
	p.nodes.Store(others + 1)
	switch before := p.outcast.Load(); {
	case oldest <= schema:
		p.outcast.Store(nil)
		return nil
	case before != nil:
		p.outcast.Store(&outcast{before.why, before.seen + 1})
	case closed != "":
		p.outcast.Store(&outcast{errClosedFor(closed), 1})
	default:
		p.outcast.Store(&outcast{errOutdated(oldest, schema), 1})
	}
	return nil
}

// stay says now and then that this program is there, and at the end that it is not.
func (p *postgres) stay(host string, schema int) {
	db, err := p.reading()
	if err != nil {
		p.log.Error("telling other servers of this one", "error", err)
		return
	}
	db.SetMaxIdleConns(0)
	defer func() { _ = db.Close() }()
	ticker := time.NewTicker(nodeSeen)
	defer ticker.Stop()
	try := func(f func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), nodeSeen)
		defer cancel()
		if err := f(ctx); err != nil {
			p.log.Warn("telling other servers of this one", "error", p.translate(err))
		}
	}
	for {
		select {
		case <-ticker.C:
			try(func(ctx context.Context) error { return p.see(ctx, db, host, schema) })
		case <-p.closing.Done():
			try(func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, "DELETE FROM schema_nodes WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 day'", p.node)
				return err
			})
			return
		}
	}
}
