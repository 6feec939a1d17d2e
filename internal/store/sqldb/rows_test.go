package sqldb

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// stored is what becomes of a text: invalid UTF-8 and U+0000 become U+FFFD.
func stored(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

func memory(t testing.TB) *sql.DB {
	c, err := newConnector(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// strings of all rows and columns that a query answers.
func cells(t *testing.T, db *sql.DB, text string, args ...any) (all []string, err error) {
	t.Helper()
	rows, err := db.Query(text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row...)
	}
	return all, rows.Err()
}

// TestRows: what is added comes back with its type.
func TestRows(t *testing.T) {
	type named string
	db := memory(t)
	source := From("$1", "s TEXT", "n BIGINT", "big BIGINT", "b BIGINT", "named TEXT", "raw TEXT", "bytes TEXT")
	var rows Rows
	if got, err := cells(t, db, "SELECT s FROM "+source, rows.Param()); len(got) > 0 || err != nil || rows.Len() != 0 {
		t.Errorf("no rows are %q, %v", got, err)
	}
	rows.Add("a", 1, int64(1)<<62, true, named("n"), json.RawMessage(`{"a":[1]}`), []byte("b"))
	rows.Add("", -1, int64(-1)<<63, false, named(""), json.RawMessage(nil), []byte(nil))
	got, err := cells(t, db, "SELECT s, n, big, b, named, raw, bytes, typeof(s), typeof(n), typeof(b), typeof(raw) FROM "+source+" AS j", rows.Param())
	want := []string{"a", "1", "4611686018427387904", "1", "n", `{"a":[1]}`, "b", "text", "integer", "integer", "text",
		"", "-1", "-9223372036854775808", "0", "", "", "", "text", "integer", "integer", "text"}
	if !slices.Equal(got, want) || err != nil || rows.Len() != 2 {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestRowsInStatements: rows serve as what is inserted, joined, looked up and counted, again for each row of another
// table.
func TestRowsInStatements(t *testing.T) {
	db := memory(t)
	if _, err := db.Exec("CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL) WITHOUT ROWID"); err != nil {
		t.Fatal(err)
	}
	var rows, keys Rows
	for i := range 500 {
		rows.Add(fmt.Sprintf("%03d", i), i)
	}
	keys.Add("007")
	keys.Add("absent")
	keys.Add("400")
	keys.Add("007")
	if _, err := db.Exec("INSERT INTO t (id, n) SELECT id, n FROM "+From("$1", "id TEXT", "n BIGINT")+" AS j", rows.Param()); err != nil {
		t.Fatal(err)
	}
	id := From("$1", "id TEXT")
	for _, test := range [][2]string{
		{"SELECT t.n FROM t WHERE t.id IN (SELECT id FROM " + id + " AS j) ORDER BY t.id", "[7 400]"},
		{"SELECT t.n FROM " + id + " AS j JOIN t ON t.id = j.id", "[7 400 7]"},
		{"SELECT t.n FROM " + id + " AS j LEFT JOIN t ON t.id = j.id WHERE t.id IS NULL OR t.n > 7", "[ 400]"},
		{"SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM " + id + " AS j WHERE j.id = t.id)", "[2]"},
		{"SELECT count(*) FROM t WHERE (SELECT count(*) FROM " + id + " AS j WHERE j.id < t.id OR t.n = 7) >= 1", "[493]"},
		{"UPDATE t SET n = -1 FROM " + id + " AS j WHERE t.id = j.id RETURNING t.id", "[007 400]"},
	} {
		text, want := test[0], test[1]
		got, err := cells(t, db, strings.Replace(text, "SELECT t.n FROM", "SELECT coalesce(t.n, '') FROM", 1), keys.Param())
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: got %v, want %s, %v", text, got, want, err)
		}
	}
}

// FuzzRowsText: a text comes back the same, whatever stands before and after it.
func FuzzRowsText(f *testing.F) {
	for _, text := range []string{"", "a", `"\/`, "\x00", "\x01\x1f\x7f", "é☃😀", "\xff", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\u2028", "\ufffd",
		"t\x05\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("\"\x00\xff", 100)} {
		f.Add(text, int64(len(text)))
	}
	db := memory(f)
	source := "SELECT text, n, length(CAST(text AS BLOB)) FROM " + From("$1", "text TEXT", "n BIGINT") + " AS j"
	f.Fuzz(func(t *testing.T, text string, n int64) {
		var rows Rows
		rows.Add(text, n)
		rows.Add("after", 1)
		want := []string{stored(text), fmt.Sprint(n), fmt.Sprint(len(stored(text))), "after", "1", "5"}
		if got, err := cells(t, db, source, rows.Param()); err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %q of %q: %v", got, text, err)
		}
	})
}

// FuzzFrom: each cell comes back at its place, however many columns and rows there are.
func FuzzFrom(f *testing.F) {
	f.Add("a,b;c,d", uint8(2))
	f.Add(";;,", uint8(1))
	f.Add("\x00,\xff;\",\\", uint8(30))
	db := memory(f)
	f.Fuzz(func(t *testing.T, text string, width uint8) {
		n := int(width)%rowsColumns + 1
		columns, names := make([]string, n), make([]string, n)
		for i := range columns {
			names[i] = fmt.Sprint("name", i)
			columns[i] = names[i] + " TEXT"
		}
		var rows Rows
		var want []string
		for _, line := range strings.Split(text, ";") {
			row := make([]any, n)
			for i := range row {
				row[i] = ""
			}
			for i, cell := range strings.SplitN(line, ",", n) {
				row[i] = cell
			}
			rows.Add(row...)
			for _, cell := range row {
				want = append(want, stored(cell.(string)))
			}
		}
		got, err := cells(t, db, "SELECT "+strings.Join(names, ", ")+" FROM "+From("$1", columns...)+" AS j", rows.Param())
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q, %v", got, want, err)
		}
	})
}

// FuzzParam: a parameter that is not of Rows is an error or rows, and never the end of the program.
func FuzzParam(f *testing.F) {
	var rows Rows
	rows.Add("a", 1)
	rows.Add("b", 2)
	f.Add(rows.Param())
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{255})
	f.Add([]byte("\x01t\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x01t\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte("\x01x\x01\x00\x00\x00\x00\x00\x00\x00a"))
	db := memory(f)
	source := "SELECT coalesce(a, ''), coalesce(b, '') FROM " + From("$1", "a TEXT", "b BIGINT") + " AS j"
	f.Fuzz(func(t *testing.T, param []byte) { _, _ = cells(t, db, source, param) })
}
