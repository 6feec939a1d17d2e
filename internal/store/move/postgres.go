package move

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// postgres is PostgreSQL, which other programs use meanwhile.
type postgres struct{}

const (
	// moveLock is the advisory lock of whoever moves a database, from it or to it.
	moveLock = 0x7061726c6d76
	// aloneTries and aloneWait are for the connection of a run that ended a moment ago, and may not be gone yet.
	aloneTries = 20
	aloneWait  = 250 * time.Millisecond
	// lockTries is how often a lock is asked for that others were in the way of, each time for lockTime.
	lockTries = 10
	lockTime  = 2 * time.Second
)

func (postgres) tables() string {
	return "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
}

func (postgres) indexes() string {
	return "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
}

func (postgres) alone(ctx context.Context, s *side) error {
	for range aloneTries {
		var alone bool
		if err := s.session.With(ctx).Row("SELECT pg_try_advisory_lock($1)", []any{int64(moveLock)}, &alone); err != nil || alone {
			return err
		}
		select {
		case <-time.After(aloneWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ErrElsewhere
}

// capture makes the triggers table by table: one that needed two tables at once could wait for somebody who waits for it.
// A statement notes all its rows at once; only where a key changes they are noted row by row, as they were.
func (p postgres) capture(ctx context.Context, s *side, id, to string) error {
	err := s.session.Run(ctx, fmt.Sprintf(`CREATE TABLE %s (id TEXT NOT NULL PRIMARY KEY, destination TEXT NOT NULL);
		CREATE TABLE %s (n BIGSERIAL PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL);`, captureTable, changesTable))
	if err != nil {
		return err
	}
	for _, t := range s.schema.tables {
		note := func(function, key, rows string) string {
			return fmt.Sprintf(`CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
				$$ BEGIN INSERT INTO %s (name, key) SELECT '%s', %s::text%s; RETURN NULL; END $$;`, function, changesTable, t.name, key, rows)
		}
		statement, row := "move_"+t.name, "move_"+t.name+"_key"
		var text strings.Builder
		text.WriteString(note(statement, t.keyAs("json_build_array", ""), " FROM changed"))
		text.WriteString(note(row, t.keyAs("json_build_array", "OLD."), ""))
		for event, rows := range map[string]string{"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"} {
			fmt.Fprintf(&text, `CREATE TRIGGER move_%[1]s AFTER %[1]s ON %[2]s REFERENCING %[3]s TABLE AS changed
				FOR EACH STATEMENT EXECUTE FUNCTION %[4]s();`, event, t.name, rows, statement)
		}
		fmt.Fprintf(&text, "CREATE TRIGGER move_key AFTER UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION %s();", names(t.key, ""), t.name, row)
		if err := p.patiently(ctx, s, text.String()); err != nil {
			return fmt.Errorf("the triggers of %s: %w", t.name, err)
		}
	}
	_, err = s.session.With(ctx).Exec("INSERT INTO "+captureTable+" (id, destination) VALUES ($1, $2)", id, to)
	return err
}

func (p postgres) release(ctx context.Context, s *side) error {
	for _, t := range s.schema.tables {
		text := fmt.Sprintf("DROP FUNCTION IF EXISTS move_%[1]s CASCADE; DROP FUNCTION IF EXISTS move_%[1]s_key CASCADE;", t.name)
		if err := p.patiently(ctx, s, text); err != nil {
			return fmt.Errorf("the triggers of %s: %w", t.name, err)
		}
	}
	return s.session.Run(ctx, "DROP TABLE IF EXISTS "+changesTable+"; DROP TABLE IF EXISTS "+captureTable)
}

// patiently runs statements in a transaction that needs locks.
func (p postgres) patiently(ctx context.Context, s *side, text string) (err error) {
	for range lockTries {
		err = s.within(ctx, func(sqldb.Conn) error {
			return s.session.Run(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d;", lockTime.Milliseconds())+text)
		})
		if !parley.IsKind(err, parley.KindUnavailable) {
			return err
		}
	}
	return err
}

// forget deletes what the transaction sees: others may add notes with lower numbers until they commit.
func (postgres) forget(ctx context.Context, s *side, through int64) error {
	if _, err := s.session.With(ctx).Exec("DELETE FROM "+changesTable+" WHERE n <= $1", through); err != nil {
		return err
	}
	return s.session.Run(ctx, "COMMIT")
}

func (postgres) snapshot() string { return "BEGIN ISOLATION LEVEL REPEATABLE READ" }

// freeze locks all tables against those who write. What the transaction reads is of after that.
func (p postgres) freeze(ctx context.Context, s *side) (err error) {
	list := make([]string, len(s.schema.tables))
	for i, t := range s.schema.tables {
		list[i] = t.name
	}
	text := fmt.Sprintf("SET LOCAL lock_timeout = %d; LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", lockTime.Milliseconds(), strings.Join(list, ", "))
	for range lockTries {
		if err = s.session.Run(ctx, p.snapshot()); err != nil {
			return err
		}
		if err = s.leave(ctx, s.session.Run(ctx, text)); !parley.IsKind(err, parley.KindUnavailable) {
			return err
		}
	}
	return err
}

// shut has every statement refused that would write, whoever runs it.
func (postgres) shut(ctx context.Context, s *side, why string) error {
	body := fmt.Sprintf("BEGIN RAISE EXCEPTION USING ERRCODE = '%s', MESSAGE = %s; END", sqldb.SQLStateMoved, literal("the database "+why))
	var text strings.Builder
	fmt.Fprintf(&text, "CREATE OR REPLACE FUNCTION move_closed() RETURNS trigger LANGUAGE plpgsql AS %s;", literal(body))
	for _, t := range s.schema.tables {
		fmt.Fprintf(&text, "CREATE TRIGGER move_closed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION move_closed();", t.name)
	}
	if err := s.session.Run(ctx, text.String()); err != nil {
		return err
	}
	return s.closed(ctx, why)
}

// literal is a text as it stands in a statement.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (postgres) empty(table string) string { return "TRUNCATE " + table }

// settings: statements may take long, and one side wait for the other; and the planner may read whole tables, which it
// never does in other sessions of this program.
func (postgres) settings() string {
	return "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET enable_seqscan = on; SET maintenance_work_mem = '256MB'"
}

func (postgres) tend(table string) string { return "VACUUM (ANALYZE) " + table }
