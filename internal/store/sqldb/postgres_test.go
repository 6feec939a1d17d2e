package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
)

var pgMigrations = []Migration{{Name: "notes", Oldest: 1, SQL: `
	CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL UNIQUE);
	CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
	INSERT INTO counters VALUES ('a', 0), ('b', 0), ('c', 0), ('d', 0), ('e', 0);`}}

// node opens a database as one of its programs does.
func node(t *testing.T, url string, migrations []Migration) *DB {
	t.Helper()
	db, err := Open(t.Context(), pgOptions(url), migrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func pgOptions(url string) Options {
	return Options{URL: url, Log: slog.New(slog.DiscardHandler)}
}

// count is a unit that takes counters and raises them in the order given.
func count(names ...string) Unit {
	return Unit{Keys: names, Run: func(tx *Tx) error {
		for _, name := range names {
			if _, err := tx.Exec("UPDATE counters SET n = n + 1 WHERE name = $1", name); err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // for somebody to be in the way
		}
		return nil
	}}
}

func deadlocks(t *testing.T, url string) (n int) {
	t.Helper()
	err := pgtest.Open(t, url).QueryRow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeysAreTakenInOrder: nodes whose units cross never wait for each other, as they would without.
func TestKeysAreTakenInOrder(t *testing.T) {
	url := pgtest.Database(t)
	var all sync.WaitGroup
	for _, names := range [][]string{{"a", "b", "c", "d", "e"}, {"e", "d", "c", "b", "a"}} {
		db := node(t, url, pgMigrations)
		all.Go(func() {
			for range 40 {
				if err := db.Write(context.Background(), count(names...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if sum := raised(t, url); sum != 400 {
		t.Errorf("%d raised, want 400", sum)
	}
	time.Sleep(1100 * time.Millisecond) // PostgreSQL tells its counters once a second
	if n := deadlocks(t, url); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// TestDeadlocksAreRepeated: units that got in each other's way are run again until they are through.
func TestDeadlocksAreRepeated(t *testing.T) {
	url := pgtest.Database(t)
	db := pgtest.Open(t, url)
	if _, err := db.Exec("ALTER DATABASE " + name(t, db) + " SET deadlock_timeout = '10ms'"); err != nil {
		t.Fatal(err)
	}
	var all, both sync.WaitGroup // both have taken their first counter
	both.Add(2)
	for _, names := range [][]string{{"a", "b"}, {"b", "a"}} {
		node := node(t, url, pgMigrations)
		runs := 0
		unit := Unit{Run: func(tx *Tx) error {
			runs++
			for _, name := range names {
				if _, err := tx.Exec("UPDATE counters SET n = n + 1 WHERE name = $1", name); err != nil {
					return err
				}
				if runs == 1 && name == names[0] {
					both.Done()
					both.Wait()
				}
			}
			return nil
		}}
		all.Go(func() {
			if err := node.Write(context.Background(), unit); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sum := raised(t, url); sum != 4 {
		t.Errorf("%d raised, want 4", sum)
	}
	for deadline := time.Now().Add(2 * time.Minute); deadlocks(t, url) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there was no deadlock: the test shows nothing")
		}
	}
}

func raised(t *testing.T, url string) (sum int) {
	t.Helper()
	if err := pgtest.Open(t, url).QueryRow("SELECT sum(n) FROM counters").Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

func name(t *testing.T, db *sql.DB) (name string) {
	t.Helper()
	if err := db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

func pgNote(text string) Unit {
	return Unit{Run: func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO notes (text) VALUES ($1)", text)
		return err
	}}
}

func notes(t *testing.T, db *DB) (texts []string) {
	t.Helper()
	err := db.Read(t.Context()).Query("SELECT text FROM notes ORDER BY text", nil, func(r *sql.Rows) error {
		var text string
		err := r.Scan(&text)
		texts = append(texts, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestIgnoredFailure: a transaction that PostgreSQL would undo at its commit, without a word, is not said to be made.
func TestIgnoredFailure(t *testing.T) {
	db := node(t, pgtest.Database(t), pgMigrations)
	bulk := &Bulk{Run: func(tx *Tx, items []any) ([]error, error) {
		_, _ = tx.Exec("INSERT INTO notes (text) VALUES ('kept')")
		_, _ = tx.Exec("SELECT 1 / 0")
		return make([]error, len(items)), nil
	}}
	if err := db.Write(t.Context(), Unit{Bulk: bulk}); !errors.Is(err, errIgnored) {
		t.Errorf("got %v", err)
	}
	if err := db.Write(t.Context(), pgNote("after")); err != nil {
		t.Fatal(err)
	}
	if got := notes(t, db); !slices.Equal(got, []string{"after"}) {
		t.Errorf("stored are %q", got)
	}
}

// TestUnitFailsAlone: a unit whose statement failed takes nothing from others of its transaction.
func TestUnitFailsAlone(t *testing.T) {
	db := node(t, pgtest.Database(t), pgMigrations)
	if err := db.Write(t.Context(), pgNote("taken")); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	errs := make([]error, 30)
	for i := range errs {
		text := fmt.Sprintf("note %02d", i)
		if i%3 == 0 {
			text = "taken"
		}
		all.Go(func() { errs[i] = db.Write(context.Background(), pgNote(text)) })
	}
	all.Wait()
	for i, err := range errs {
		if i%3 == 0 && !IsUnique(err) || i%3 != 0 && err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if got := len(notes(t, db)); got != 21 {
		t.Errorf("%d stored, want 21", got)
	}
}

// TestLostConnections: whoever is cut off is told that it may pass, or its unit is run again; then all is as before.
func TestLostConnections(t *testing.T) {
	url := pgtest.Database(t)
	db := node(t, url, pgMigrations)
	cut := Unit{Run: func(tx *Tx) error {
		_, err := tx.Exec("SELECT pg_terminate_backend(pg_backend_pid())")
		return err
	}}
	if err := db.Write(t.Context(), cut); !parley.IsKind(err, parley.KindUnavailable) {
		t.Errorf("the unit that cut itself off was told %v", err)
	}
	other := pgtest.Open(t, url)
	for i := range 5 {
		if _, err := other.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley' AND datname = current_database()"); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), pgNote(fmt.Sprint(i))); err != nil {
			t.Errorf("after the cut: %v", err)
		}
		err := db.Read(t.Context()).Row("SELECT count(*) FROM notes", nil, new(int))
		if err != nil && !parley.IsKind(err, parley.KindUnavailable) {
			t.Errorf("reading after the cut: %v", err)
		}
	}
	if got := len(notes(t, db)); got != 5 {
		t.Errorf("%d stored, want 5", got)
	}
}

// TestCanceledReader: a caller that gives up is told so at once, and leaves others alone.
func TestCanceledReader(t *testing.T) {
	url := pgtest.Database(t)
	db := node(t, url, pgMigrations)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := db.Read(ctx).Row("SELECT 1 FROM pg_sleep(5)", nil, new(int))
		cancel()
		if err == nil {
			t.Error("a query that takes 5 s was answered at once")
		}
	}
	if err := db.Read(t.Context()).Row("SELECT 1", nil, new(int)); err != nil {
		t.Error(err)
	}
}

// TestNodesKeepTheirSchema: a schema that a running program does not know is put under it only where it may run on it.
func TestNodesKeepTheirSchema(t *testing.T) {
	url := pgtest.Database(t)
	old := node(t, url, pgMigrations)
	fitting := slices.Concat(pgMigrations, []Migration{{Name: "more", SQL: "CREATE TABLE more (id TEXT PRIMARY KEY)", Oldest: 1,
		Indexes: []Index{{"notes_length", "notes (length(text))"}}}})
	node(t, url, fitting)
	if err := old.Write(t.Context(), pgNote("the old one goes on")); err != nil {
		t.Error(err)
	}
	breaking := slices.Concat(fitting, []Migration{{Name: "other", SQL: "ALTER TABLE notes RENAME TO texts", Oldest: 3}})
	_, err := Open(t.Context(), pgOptions(url), breaking)
	if err == nil || !strings.Contains(err.Error(), "knows schema 1") {
		t.Fatalf("got %v", err)
	}
	var indexes int
	if err := old.Read(t.Context()).Row("SELECT count(*) FROM pg_indexes WHERE indexname = 'notes_length'", nil, &indexes); err != nil || indexes != 1 {
		t.Errorf("%d indexes, %v", indexes, err)
	}
}

// TestNodeTakenForGone: a program that was not heard of while others put a schema under it that it does not know is told so
// when it is back.
func TestNodeTakenForGone(t *testing.T) {
	url := pgtest.Database(t)
	old := node(t, url, pgMigrations)
	direct := pgtest.Open(t, url)
	if _, err := direct.Exec("UPDATE schema_nodes SET seen_at = seen_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	node(t, url, slices.Concat(pgMigrations, []Migration{{Name: "other", SQL: "ALTER TABLE notes RENAME TO texts", Oldest: 2}}))
	if err := old.Outcast(); err != nil {
		t.Errorf("before it has looked it is told %v", err)
	}
	for range outcastSeen {
		if err := old.backend.(*postgres).see(t.Context(), direct); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Outcast(); err == nil || !strings.Contains(err.Error(), "upgrade the program") {
		t.Errorf("it is told %v", err)
	}
}

// TestNodesLeave: programs that have ended are in nobody's way, and one that is too old for the schema does not begin.
func TestNodesLeave(t *testing.T) {
	url := pgtest.Database(t)
	old, err := Open(t.Context(), pgOptions(url), pgMigrations)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	node(t, url, slices.Concat(pgMigrations, []Migration{{Name: "other", SQL: "ALTER TABLE notes RENAME TO texts", Oldest: 2}}))
	if _, err := Open(t.Context(), pgOptions(url), pgMigrations); err == nil || !strings.Contains(err.Error(), "upgrade the program") {
		t.Errorf("got %v", err)
	}
}

func TestAdaptForPostgreSQL(t *testing.T) {
	p := &postgres{}
	one := From("$1", "id TEXT")
	for _, c := range []struct {
		text, want string
		args, pass []any
	}{
		{"SELECT a FROM b WHERE c IN (SELECT id FROM " + one + " AS j) AND d = $2", "SELECT a FROM b WHERE c = ANY ($1::text[]) AND d = $2",
			[]any{param([]any{"x"}, []any{"y"}), true}, []any{[]string{"x", "y"}, int64(1)}},
		{"SELECT $2 FROM " + From("$1", "n BIGINT", "id TEXT") + " AS j",
			`SELECT $2 FROM (SELECT c0 AS n, c1 COLLATE "C" AS id FROM unnest($1::bigint[], $3::text[]) AS r (c0, c1) LIMIT (SELECT 2147483647)) AS j`,
			[]any{param([]any{1, "x"}), "t\x00"}, []any{[]int64{1}, "t\ufffd", []string{"x"}}},
		{"SELECT 1 FROM " + From("$1", "n BIGINT", "id TEXT") + " AS j", "", []any{param()}, []any{[]int64{}, []string{}}},
	} {
		s := p.adapt(c.text)
		if c.want != "" && s.text != c.want {
			t.Errorf("%s\nis made %s", c.text, s.text)
		}
		if passed, err := s.args(c.args); err != nil || fmt.Sprintf("%#v", passed) != fmt.Sprintf("%#v", c.pass) {
			t.Errorf("%s\nis passed %#v, %v; want %#v", c.text, passed, err, c.pass)
		}
	}
	if _, err := p.adapt("SELECT 1 FROM " + one + " AS j").args([]any{[]byte("\x01tx")}); !errors.Is(err, errRows) {
		t.Errorf("a parameter that is cut off: %v", err)
	}
}

func param(rows ...[]any) []byte {
	var r Rows
	for _, row := range rows {
		r.Add(row...)
	}
	return r.Param()
}

// TestClock: a transaction's time is the database's, in whole milliseconds, on whatever machine the program runs.
func TestClock(t *testing.T) {
	o := pgOptions(pgtest.Database(t))
	db, err := Open(t.Context(), o, pgMigrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.now = func() time.Time { return time.Unix(1000, 0) }
	err = db.Write(t.Context(), Unit{Keys: []string{"a"}, Run: func(tx *Tx) error {
		var now time.Time
		err := tx.Row("SELECT clock_timestamp()", nil, &now)
		if d := now.Sub(tx.Now); d < 0 || d > 10*time.Second || tx.Now.Nanosecond()%1e6 != 0 {
			t.Errorf("the time is %v, the database's is %v", tx.Now, now)
		}
		return err
	}})
	if err != nil {
		t.Error(err)
	}
}
