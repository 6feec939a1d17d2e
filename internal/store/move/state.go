package move

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/parley-server/parley/internal/store/sqldb"
)

// state is how far a move is, as the destination holds it.
type state struct {
	id, source string
	tables     map[string]*tableState
}

// tableState is how far a table is.
type tableState struct {
	Copied int64           `json:"copied"`
	After  json.RawMessage `json:"after,omitempty"` // the key of the last row copied
	Done   bool            `json:"done"`
	Rows   int64           `json:"rows"` // when it was compared
	Sum    string          `json:"sum,omitempty"`
}

// The rows of the progress table besides those of tables.
const (
	progressID     = "id"
	progressSource = "source"
	progressOf     = "table "
)

const putProgress = "INSERT INTO " + progressTable + " (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

// readState reads what the destination holds; nil where it holds nothing.
func readState(ctx context.Context, to *side, tables map[string]bool) (*state, error) {
	if !tables[progressTable] {
		return nil, nil
	}
	values := map[string]string{}
	err := to.session.With(ctx).Query("SELECT name, value FROM "+progressTable, nil, func(r *sql.Rows) error {
		var name, value string
		err := r.Scan(&name, &value)
		values[name] = value
		return err
	})
	if err != nil {
		return nil, err
	}
	s := newState(to.schema, values[progressID], values[progressSource])
	for _, t := range to.schema.tables {
		if text, ok := values[progressOf+t.name]; ok {
			if err := json.Unmarshal([]byte(text), s.tables[t.name]); err != nil {
				return nil, fmt.Errorf("what the destination says of the table %s: %w", t.name, err)
			}
		}
	}
	return s, nil
}

func newState(schema *schema, id, source string) *state {
	s := &state{id: id, source: source, tables: map[string]*tableState{}}
	for _, t := range schema.tables {
		s.tables[t.name] = &tableState{}
	}
	return s
}

// begin makes the destination one of a new move: empty, closed to programs, without the indexes that are made later.
func (s *state) begin(ctx context.Context, to *side, tables map[string]bool) error {
	return to.within(ctx, func(c sqldb.Conn) error {
		if tables[progressTable] {
			for _, t := range to.schema.tables {
				if err := to.session.Run(ctx, to.empty(t.name)); err != nil {
					return err
				}
			}
			if _, err := c.Exec("DELETE FROM " + progressTable); err != nil {
				return err
			}
		} else {
			if err := to.session.Run(ctx, "CREATE TABLE "+progressTable+" (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)"); err != nil {
				return err
			}
			if err := to.closed(ctx, "is being filled from "+s.source+", which parley migrate goes on with"); err != nil {
				return err
			}
		}
		for _, i := range to.schema.indexes {
			if err := to.session.Run(ctx, "DROP INDEX IF EXISTS "+i.name); err != nil {
				return err
			}
		}
		for name, value := range map[string]string{progressID: s.id, progressSource: s.source} {
			if _, err := c.Exec(putProgress, name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// put writes how far a table is.
func (s *state) put(c sqldb.Conn, t *table) error {
	text, err := json.Marshal(s.tables[t.name])
	if err != nil {
		return err
	}
	_, err = c.Exec(putProgress, progressOf+t.name, string(text))
	return err
}

// compared are the tables as they were compared.
func (s *state) compared(schema *schema) []Compared {
	list := make([]Compared, len(schema.tables))
	for i, t := range schema.tables {
		list[i] = Compared{Name: t.name, Rows: s.tables[t.name].Rows, Sum: s.tables[t.name].Sum}
	}
	return list
}

// parseKey reads a key from JSON.
func (t *table) parseKey(text []byte) ([]any, error) {
	var values []any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil || len(values) != len(t.key) {
		return nil, fmt.Errorf("%s is no key of %s: %w", text, t.name, err)
	}
	for i, c := range t.key {
		number, isNumber := values[i].(json.Number)
		if isNumber == c.text {
			return nil, fmt.Errorf("%s is no key of %s", text, t.name)
		}
		if isNumber {
			n, err := number.Int64()
			if err != nil {
				return nil, fmt.Errorf("%s is no key of %s: %w", text, t.name, err)
			}
			values[i] = n
		}
	}
	return values, nil
}
