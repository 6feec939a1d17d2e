package move

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/store/sqldb"
)

// The tables of a move. In the source one row says which move it is, and rows note what changed; in the destination
// rows say how far it is.
const (
	captureTable  = "move_capture"
	changesTable  = "move_changes"
	progressTable = "move_progress"
)

// side is one of the two databases with a session for the move.
type side struct {
	*sqldb.DB
	engine
	name    string
	schema  *schema
	session *sqldb.Session
}

// engine is what SQLite and PostgreSQL do each in its own way.
type engine interface {
	// tables and indexes are queries for names.
	tables() string
	indexes() string
	// alone keeps other moves from the database as long as the session lasts.
	alone(ctx context.Context, s *side) error
	// capture begins to note changes, release ends it, and forget removes what was noted up to a number, as the present
	// transaction sees it.
	capture(ctx context.Context, s *side, id, to string) error
	release(ctx context.Context, s *side) error
	forget(ctx context.Context, s *side, through int64) error
	// snapshot begins a transaction that reads what is of one moment, and freeze one while nobody else writes.
	snapshot() string
	freeze(ctx context.Context, s *side) error
	// shut closes the source for good, within freeze.
	shut(ctx context.Context, s *side, why string) error
	// empty is the statement that deletes all rows of a table.
	empty(table string) string
	// settings are for a session that reads and writes much; tend is done for each table when all is written.
	settings() string
	tend(table string) string
}

func engineOf(db *sqldb.DB) engine {
	if db.Shared() {
		return postgres{}
	}
	return embedded{}
}

// begin opens the session.
func (s *side) begin(ctx context.Context, schema *schema) (err error) {
	s.schema, s.engine = schema, engineOf(s.DB)
	if s.session, err = s.Session(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	err = s.alone(ctx, s)
	if err == nil {
		err = s.session.Run(ctx, s.settings())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", s.name, err), s.session.Close())
	}
	return nil
}

// within runs f in a transaction.
func (s *side) within(ctx context.Context, f func(c sqldb.Conn) error) error {
	if err := s.session.Run(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := f(s.session.With(ctx)); err != nil {
		return s.leave(ctx, err)
	}
	return s.leave(ctx, s.session.Run(ctx, "COMMIT"))
}

// leave undoes the transaction where there was an error, which it returns.
func (s *side) leave(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	_ = s.session.Run(context.WithoutCancel(ctx), "ROLLBACK") // it may be gone already
	return err
}

// names are what a query answers that has one column of texts.
func (s *side) names(ctx context.Context, query string) (map[string]bool, error) {
	return namesFrom(s.session.With(ctx), query)
}

func namesFrom(c sqldb.Conn, query string) (map[string]bool, error) {
	list := map[string]bool{}
	err := c.Query(query, nil, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		list[name] = true
		return err
	})
	return list, err
}

// step is the last step of the schema of a database, and why it is closed; 0 where it has none.
func (s *side) step(ctx context.Context, tables map[string]bool) (number int, closed string, err error) {
	if !tables["schema_migrations"] {
		return 0, "", nil
	}
	err = s.session.With(ctx).Query("SELECT number, name FROM schema_migrations ORDER BY number", nil, func(r *sql.Rows) error {
		var n int
		var name string
		err := r.Scan(&n, &name)
		if n >= sqldb.Closing {
			closed = name
		} else {
			number = n
		}
		return err
	})
	return number, closed, err
}

// captured is the move that the source notes its changes for; empty where it does not.
func (s *side) captured(ctx context.Context, tables map[string]bool) (id string, err error) {
	if !tables[captureTable] {
		return "", nil
	}
	err = s.session.With(ctx).Row("SELECT coalesce(max(id), '') FROM "+captureTable, nil, &id)
	return id, err
}

// holds is a table that has a row, and how many it has; empty where there is none.
func (s *side) holds(ctx context.Context, tables map[string]bool) (name string, rows int64, err error) {
	for _, t := range s.schema.tables {
		if !tables[t.name] {
			continue
		}
		if err := s.session.With(ctx).Row(t.count, nil, &rows); err != nil || rows > 0 {
			return t.name, rows, err
		}
	}
	return "", 0, nil
}

// keyAs is the key of a row as JSON, made by the database with a function from columns that a prefix names.
func (t *table) keyAs(function, prefix string) string {
	list := make([]string, len(t.key))
	for i, c := range t.key {
		list[i] = prefix + c.name
	}
	return function + "(" + strings.Join(list, ", ") + ")"
}

// closed marks the database in the present transaction, so that no program opens it.
func (s *side) closed(ctx context.Context, why string) error {
	_, err := s.session.With(ctx).Exec("INSERT INTO schema_migrations (number, name, oldest) VALUES ($1, $2, $1)", sqldb.Closing, why)
	return err
}
