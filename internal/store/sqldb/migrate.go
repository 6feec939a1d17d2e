package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	if oldest > len(migrations) {
		return fmt.Errorf("the database has schema %d, which needs a program that knows schema %d; this one knows %d: upgrade the program",
			present, oldest, len(migrations))
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
