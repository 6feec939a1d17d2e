package move

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/store/sqldb"
)

// embedded is SQLite. The program has the database for itself. As a source it may be serving it: what a move writes there
// goes through the committer, until nobody else writes.
type embedded struct{}

func (embedded) tables() string { return "SELECT name FROM sqlite_schema WHERE type = 'table'" }

func (embedded) indexes() string { return "SELECT name FROM sqlite_schema WHERE type = 'index'" }

// alone: the folder is locked.
func (embedded) alone(context.Context, *side) error { return nil }

func (e embedded) capture(ctx context.Context, s *side, id, to string) error {
	var text strings.Builder
	fmt.Fprintf(&text, `CREATE TABLE %s (id TEXT NOT NULL PRIMARY KEY, destination TEXT NOT NULL);
		CREATE TABLE %s (n INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL);`, captureTable, changesTable)
	for _, t := range s.schema.tables {
		note := func(row string) string {
			return fmt.Sprintf("BEGIN INSERT INTO %s (name, key) VALUES ('%s', %s); END;", changesTable, t.name, t.keyAs("json_array", row+"."))
		}
		for _, on := range []struct{ suffix, event, row string }{
			{"insert", "INSERT", "new"}, {"update", "UPDATE", "new"}, {"key", "UPDATE OF " + names(t.key, ""), "old"}, {"delete", "DELETE", "old"},
		} {
			fmt.Fprintf(&text, "CREATE TRIGGER move_%s_%s AFTER %s ON %s %s\n", t.name, on.suffix, on.event, t.name, note(on.row))
		}
	}
	return s.Write(ctx, sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(text.String()); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO "+captureTable+" (id, destination) VALUES ($1, $2)", id, to)
		return err
	}})
}

func (e embedded) release(ctx context.Context, s *side) error {
	return s.Write(ctx, sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		_, err := tx.Exec(e.dropCapture(s) + "DROP TABLE IF EXISTS " + captureTable)
		return err
	}})
}

func (embedded) dropCapture(s *side) string {
	var text strings.Builder
	for _, t := range s.schema.tables {
		for _, suffix := range []string{"insert", "update", "key", "delete"} {
			fmt.Fprintf(&text, "DROP TRIGGER IF EXISTS move_%s_%s;\n", t.name, suffix)
		}
	}
	fmt.Fprintf(&text, "DROP TABLE IF EXISTS %s;\n", changesTable)
	return text.String()
}

// forgetRows is how many notes are deleted at a time, for others wait meanwhile.
const forgetRows = 5000

func (embedded) forget(ctx context.Context, s *side, through int64) error {
	if err := s.session.Run(ctx, "ROLLBACK"); err != nil {
		return err
	}
	for {
		var n int64
		err := s.Write(ctx, sqldb.Unit{Background: true, Run: func(tx *sqldb.Tx) (err error) {
			n, err = tx.Exec("DELETE FROM "+changesTable+" WHERE n IN (SELECT n FROM "+changesTable+" WHERE n <= $1 ORDER BY n LIMIT $2)", through, forgetRows)
			return err
		}})
		if err != nil || n == 0 {
			return err
		}
	}
}

func (embedded) snapshot() string { return "BEGIN" }

// freeze: the committer is halted, and there is no other.
func (embedded) freeze(ctx context.Context, s *side) error {
	return s.session.Run(ctx, "BEGIN IMMEDIATE")
}

func (e embedded) shut(ctx context.Context, s *side, why string) error {
	if err := s.session.Run(ctx, e.dropCapture(s)); err != nil {
		return err
	}
	return s.closed(ctx, why)
}

func (embedded) empty(table string) string { return "DELETE FROM " + table }

func (embedded) settings() string { return "" }

func (embedded) tend(string) string { return "" }
