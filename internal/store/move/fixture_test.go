package move

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperFrom) != "" {
		os.Exit(helper())
	}
	goleak.VerifyTestMain(m)
}

func folder(t *testing.T) Place   { return Place{Folder: t.TempDir()} }
func database(t *testing.T) Place { return Place{URL: pgtest.Database(t)} }

// pairs are the kinds of moves.
var pairs = []struct {
	name     string
	from, to func(t *testing.T) Place
}{
	{"SQLiteToPostgreSQL", folder, database},
	{"PostgreSQLToSQLite", database, folder},
	{"PostgreSQLToPostgreSQL", database, database},
	{"SQLiteToSQLite", folder, folder},
}

// schemaOf is the schema that moves have.
func schemaOf(t testing.TB) *schema {
	t.Helper()
	s, err := readSchema(t.Context(), store.Migrations())
	check(t, err)
	return s
}

// made makes a place with a schema and rows in every table.
func made(t testing.TB, p Place, rows int, seed uint64) {
	t.Helper()
	db := openEngine(t, p)
	check(t, db.Migrate(t.Context(), store.Migrations()))
	random := rand.New(rand.NewPCG(seed, 1))
	s := schemaOf(t)
	for _, table := range s.tables {
		for from := 0; from < rows; from += 500 {
			check(t, db.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
				_, err := tx.Exec(table.insert, someRows(s, table, random, from, min(from+500, rows)))
				return err
			}}))
		}
	}
	check(t, db.Close())
}

// more adds rows to a table.
func more(t testing.TB, p Place, name string, rows int) {
	t.Helper()
	s := schemaOf(t)
	table, err := s.table(name)
	check(t, err)
	db := openEngine(t, p)
	random := rand.New(rand.NewPCG(12, 1))
	check(t, db.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		_, err := tx.Exec(table.insert, someRows(s, table, random, 1000, 1000+rows))
		return err
	}}))
	check(t, db.Close())
}

func openEngine(t testing.TB, p Place) *sqldb.DB {
	t.Helper()
	db, err := store.OpenEngine(context.Background(), p.options())
	check(t, err)
	return db
}

// someRows are the rows of a table with numbers from one to another.
func someRows(s *schema, table *table, random *rand.Rand, from, to int) []byte {
	var rows sqldb.Rows
	for n := from; n < to; n++ {
		rows.Add(someRow(s, table, random, n)...)
	}
	return rows.Param()
}

// someRow is the row of a number. No two of a table exclude each other.
func someRow(s *schema, table *table, random *rand.Rand, n int) []any {
	row := make([]any, len(table.columns))
	for i, c := range table.columns {
		switch {
		case !c.text:
			row[i] = numbers[random.IntN(len(numbers))] + int64(n)
		case random.IntN(8) == 0 && !table.unique && !slices.Contains(table.keyAt, i) && !s.differs(table, c):
			row[i] = ""
		case s.indexed(table, c):
			row[i] = fmt.Sprintf("%s %d", texts[random.IntN(len(texts)-1)], n)
		default:
			row[i] = fmt.Sprintf("%s %d", texts[random.IntN(len(texts))], n)
		}
	}
	return row
}

// differs: no two rows have one value, not even an empty one.
func (s *schema) differs(t *table, c column) bool {
	return slices.ContainsFunc(s.indexes, func(i index) bool {
		return strings.HasPrefix(i.create, "CREATE UNIQUE") && strings.Contains(i.create, " ON "+t.name+" ") && strings.Contains(i.create, c.name) &&
			!strings.Contains(i.create, "WHERE")
	})
}

// indexed: PostgreSQL has no indexes of long texts.
func (s *schema) indexed(t *table, c column) bool {
	return slices.Contains(t.key, c) || slices.ContainsFunc(s.indexes, func(i index) bool {
		return strings.Contains(i.create, " ON "+t.name+" ") && strings.Contains(i.create, c.name)
	})
}

var numbers = []int64{0, 1, -1, 1 << 40, math.MinInt64 / 2, math.MaxInt64 / 2}

// texts are of every kind.
var texts = []string{
	"", "plain", "Grüße, 你好", "😀🏳️‍🌈\U0010ffff", "\x01\x02\t\r\n\x1f\x7f\u0080\u2028\ufeff", `"quoted" 'too' \ $1 ? {"a":[1,null]}`,
	"a\u0301 \u202eright to left", "\ufffd", "%_*", "  spaces  ", strings.Repeat("long 長い ", 200),
}

// dump is all rows of all tables, each a line, in the order of their bytes.
func dump(t testing.TB, p Place) map[string][]string {
	t.Helper()
	db := openEngine(t, p)
	defer func() { check(t, db.Close()) }()
	all := map[string][]string{}
	for _, table := range schemaOf(t).tables {
		err := db.Read(t.Context()).Query("SELECT "+names(table.columns, "")+" FROM "+table.name, nil, func(r *sql.Rows) error {
			values, into := make([]any, len(table.columns)), make([]any, len(table.columns))
			for i := range values {
				into[i] = &values[i]
			}
			err := r.Scan(into...)
			all[table.name] = append(all[table.name], fmt.Sprintf("%#v", values))
			return err
		})
		check(t, err)
		slices.Sort(all[table.name])
	}
	return all
}

// same fails where two dumps are not the same.
func same(t testing.TB, got, want map[string][]string) {
	t.Helper()
	for _, table := range schemaOf(t).tables {
		a, b := got[table.name], want[table.name]
		if slices.Equal(a, b) {
			continue
		}
		t.Errorf("%s has %d rows and not %d", table.name, len(a), len(b))
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("got  %.300s\nwant %.300s", a[i], b[i])
				break
			}
		}
	}
}

// indexesOf are the definitions of all indexes.
func indexesOf(t testing.TB, p Place) []string {
	t.Helper()
	db := openEngine(t, p)
	defer func() { check(t, db.Close()) }()
	query := "SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE type = 'index'"
	if p.URL != "" {
		query = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
	}
	var list []string
	check(t, db.Read(t.Context()).Query(query, nil, func(r *sql.Rows) error {
		var text string
		err := r.Scan(&text)
		list = append(list, text)
		return err
	}))
	slices.Sort(list)
	return list
}

// opens fails where no store can be opened there.
func opens(t testing.TB, p Place) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Folder: p.Folder, URL: p.URL, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	check(t, s.Close())
}

// refuses fails where a store can be opened there, or says something else.
func refuses(t testing.TB, p Place, says string) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Folder: p.Folder, URL: p.URL, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		check(t, s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("opening %s: got %v, want %q", p, err, says)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
