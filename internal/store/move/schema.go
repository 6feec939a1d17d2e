package move

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/store/sqldb"
)

// schema is what migrations make, the same on every database.
type schema struct {
	tables  []*table // by name
	indexes []index  // beside those of keys and constraints
}

// table is a table with the statements that move it.
type table struct {
	name string
	key  []column // in order
	// unique: there is a constraint besides the key. It cannot be dropped while rows of several moments are brought together.
	unique bool

	first, next, all      string // pages in order of the key, with a limit: from the beginning, after a key; and all rows
	insert, insertMissing string // rows; and rows that are not there
	byKeys, deleteBy      string // rows of keys
	count                 string
	columns               []column
	keyAt                 []int // the places of the key among the columns
}

type column struct {
	name string
	text bool
}

type index struct{ name, create string }

// readSchema runs the migrations on a database in memory, and asks it what they made.
func readSchema(ctx context.Context, migrations []sqldb.Migration) (_ *schema, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection has a database of its own
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, m := range migrations {
		text := m.SQL
		for _, i := range m.Indexes {
			text += ";\nCREATE INDEX " + i.Name + " ON " + i.On
		}
		if _, err := db.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("reading the schema of migration %s: %w", m.Name, err)
		}
	}
	s := &schema{}
	err = each(ctx, db, "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name", func(r *sql.Rows) error {
		var kind, name, create string
		err := r.Scan(&kind, &name, &create)
		switch kind {
		case "table":
			s.tables = append(s.tables, &table{name: name})
		case "index":
			s.indexes = append(s.indexes, index{name, create})
		}
		return err
	})
	for _, t := range s.tables {
		err = errors.Join(err, t.read(ctx, db))
	}
	return s, err
}

// Keys are the columns of the primary keys of all tables that migrations make, by table and in their order.
func Keys(ctx context.Context, migrations []sqldb.Migration) (map[string][]string, error) {
	s, err := readSchema(ctx, migrations)
	if err != nil {
		return nil, err
	}
	keys := make(map[string][]string, len(s.tables))
	for _, t := range s.tables {
		for _, c := range t.key {
			keys[t.name] = append(keys[t.name], c.name)
		}
	}
	return keys, nil
}

// read asks for the columns and makes the statements.
func (t *table) read(ctx context.Context, db *sql.DB) error {
	places := map[int]int{} // in the key → among the columns
	err := each(ctx, db, "SELECT name, type, pk FROM pragma_table_info('"+t.name+"') ORDER BY cid", func(r *sql.Rows) error {
		var name, kind string
		var place int
		err := r.Scan(&name, &kind, &place)
		if place > 0 {
			places[place] = len(t.columns)
		}
		t.columns = append(t.columns, column{name, kind == "TEXT"})
		return err
	})
	if err != nil {
		return err
	}
	for place := 1; place <= len(places); place++ {
		t.key, t.keyAt = append(t.key, t.columns[places[place]]), append(t.keyAt, places[place])
	}
	if len(t.key) == 0 {
		return fmt.Errorf("the table %s has no primary key", t.name)
	}
	var constraints int
	row := db.QueryRowContext(ctx, "SELECT count(*) FROM pragma_index_list('"+t.name+"') WHERE origin = 'u'")
	if err := row.Scan(&constraints); err != nil {
		return err
	}
	t.unique = constraints > 0
	t.write()
	return nil
}

// write makes the statements.
func (t *table) write() {
	all, key := names(t.columns, ""), names(t.key, "")
	ordered := " ORDER BY " + key
	parameters := make([]string, len(t.key))
	same := make([]string, len(t.key))
	for i, c := range t.key {
		parameters[i] = fmt.Sprintf("$%d", i+1)
		same[i] = "t." + c.name + " = j." + c.name
	}
	t.all = "SELECT " + all + " FROM " + t.name + ordered
	t.first = t.all + " LIMIT $1"
	t.next = fmt.Sprintf("SELECT %s FROM %s WHERE (%s) > (%s)%s LIMIT $%d", all, t.name, key, strings.Join(parameters, ", "), ordered, len(t.key)+1)
	t.insert = "INSERT INTO " + t.name + " (" + all + ") SELECT " + all + " FROM " + from(t.columns) + " AS j"
	t.insertMissing = t.insert + " WHERE true ON CONFLICT (" + key + ") DO NOTHING"
	t.byKeys = "SELECT " + names(t.columns, "t.") + " FROM " + from(t.key) + " AS j JOIN " + t.name + " AS t ON " + strings.Join(same, " AND ") +
		" ORDER BY " + names(t.key, "t.")
	t.deleteBy = "DELETE FROM " + t.name + " WHERE (" + key + ") IN (SELECT " + key + " FROM " + from(t.key) + " AS j)"
	t.count = "SELECT count(*) FROM " + t.name
}

func names(columns []column, prefix string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = prefix + c.name
	}
	return strings.Join(list, ", ")
}

// from is rows of these columns, from the first parameter.
func from(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name + " BIGINT"
		if c.text {
			list[i] = c.name + " TEXT"
		}
	}
	return sqldb.From("$1", list...)
}

// table returns the table of a name.
func (s *schema) table(name string) (*table, error) {
	i, found := slices.BinarySearchFunc(s.tables, name, func(t *table, name string) int { return strings.Compare(t.name, name) })
	if !found {
		return nil, fmt.Errorf("there is no table %s", name)
	}
	return s.tables[i], nil
}

func each(ctx context.Context, db *sql.DB, text string, scan func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
