package sqldb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// TestFolderIsLocked: a second server on a folder is refused, and may have it when the first has ended.
func TestFolderIsLocked(t *testing.T) {
	o := options(t)
	e := start(t, o)
	e.must(note("a"))
	other := o
	other.Path = filepath.Dir(o.Path) + "/other.db"
	for _, second := range []Options{o, other} {
		if db, err := Open(t.Context(), second, testMigrations); err == nil {
			_ = db.Close()
			t.Fatal("the folder was opened twice")
		} else if !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), filepath.Dir(o.Path)) {
			t.Errorf("the second is told %v", err)
		}
	}
	e.must(note("b"))
	e.stop()
	again := start(t, o)
	again.must(note("c"))
}

// TestPragmas: the settings that durability, deletion and shrinking stand on are in force. The log is synced beside the
// commits.
func TestPragmas(t *testing.T) {
	e := start(t, options(t))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "1", "secure_delete": "1", "auto_vacuum": "2",
		"wal_autocheckpoint": "0", "busy_timeout": "200", "temp_store": "2"} {
		e.must(Unit{Run: func(tx *Tx) error {
			var got string
			err := tx.Row("PRAGMA "+pragma, nil, &got)
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
			return err
		}})
	}
	if _, err := e.Read(t.Context()).Exec("INSERT INTO notes (text) VALUES ('by a reader')"); err == nil {
		t.Error("a reader wrote")
	}
}

// TestMigrations: each is applied once, in order, wholly or not at all; a schema from a newer program that this
// one cannot run on is refused and left alone.
func TestMigrations(t *testing.T) {
	o := options(t)
	steps := []Migration{
		{Name: "one", Oldest: 1, SQL: "CREATE TABLE one (id INTEGER); INSERT INTO one VALUES (1);"},
		{Name: "two", Oldest: 1, SQL: "CREATE TABLE two (id INTEGER); INSERT INTO one VALUES (2); ALTER TABLE absent ADD COLUMN id INTEGER;"},
	}
	open := func(steps []Migration) (*DB, error) { return Open(t.Context(), o, steps) }
	check := func(steps []Migration, want string) {
		t.Helper()
		db, err := open(steps)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		e := &engine{DB: db, t: t}
		got := fmt.Sprint(e.column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%migrations' ORDER BY name"),
			e.column("SELECT id FROM one ORDER BY id"), e.column("SELECT name FROM schema_migrations ORDER BY number"))
		if got != want {
			t.Errorf("the schema is %s, want %s", got, want)
		}
	}
	check(steps[:1], "[one] [1] [one]")
	if _, err := open(steps); err == nil || !strings.Contains(err.Error(), "migration 2 (two)") {
		t.Errorf("a migration that fails: %v", err)
	}
	check(steps[:1], "[one] [1] [one]")
	steps[1].SQL = strings.Replace(steps[1].SQL, "absent", "two", 1)
	steps[1].SQL = strings.Replace(steps[1].SQL, "ADD COLUMN id", "ADD COLUMN more", 1)
	check(steps, "[one two] [1 2] [one two]")
	check(steps, "[one two] [1 2] [one two]")
	check(steps[:1], "[one two] [1 2] [one two]") // an older program that may still run on it
	steps = append(steps, Migration{Name: "three", Oldest: 3, SQL: "CREATE TABLE three (id INTEGER);"})
	check(steps, "[one three two] [1 2] [one two three]")
	_, err := open(steps[:2])
	if err == nil || !strings.Contains(err.Error(), "schema 3") || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("an older program is told %v", err)
	}
	check(steps, "[one three two] [1 2] [one two three]")
}

// TestOpenFails: an open that fails leaves nothing behind that runs or is locked.
func TestOpenFails(t *testing.T) {
	o := options(t)
	if _, err := Open(t.Context(), o, []Migration{{Name: "bad", SQL: "CREATE"}}); err == nil {
		t.Error("a migration that is not SQL was applied")
	}
	bad := o
	bad.Path = filepath.Dir(o.Path) + "/absent/notes.db"
	if _, err := Open(t.Context(), bad, testMigrations); err == nil {
		t.Error("a folder that does not exist was opened")
	}
	bad.Path = filepath.Dir(o.Path) // a folder
	if _, err := Open(t.Context(), bad, testMigrations); err == nil {
		t.Error("a folder was opened as a database")
	}
	start(t, o).must(note("a"))
}

// TestClose: an end under load is soon over, also where the refused try again at once; each writer is answered; what
// was acknowledged is stored, and what was refused is not.
func TestClose(t *testing.T) {
	o := options(t)
	e := start(t, o)
	var mu sync.Mutex
	acknowledged, refusals := map[string]bool{}, map[string]bool{}
	ended := make(chan struct{})
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			for n, refusedOnes := 0, 0; ; n++ {
				text := fmt.Sprint(i, " ", n)
				u := note(text)
				u.Background = i%6 == 0
				err := e.write(u)
				mu.Lock()
				if err == nil {
					acknowledged[text] = true
				} else if refusedOnes++; refusedOnes < 10 {
					refusals[text] = true
					refused(t, err, "shutting-down")
				}
				mu.Unlock()
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	eventually(t, "some are acknowledged", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) > 300
	})
	began := time.Now()
	e.stop()
	close(ended)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	all.Wait()
	refused(t, e.write(note("after the end")), "shutting-down")
	again := start(t, o)
	stored := again.column("SELECT text FROM notes")
	for _, text := range stored {
		if refusals[text] {
			t.Errorf("%q was refused, and is stored", text)
		}
		delete(acknowledged, text)
	}
	if len(acknowledged) > 0 || len(stored) == 0 {
		t.Errorf("%d are stored; acknowledged, and not stored: %v", len(stored), acknowledged)
	}
}

// TestCloseFinishesWhatIsInHand: the unit that runs, and those in its transaction, are stored.
func TestCloseFinishesWhatIsInHand(t *testing.T) {
	o := options(t)
	e := start(t, o)
	letGo := e.hold()
	wait := e.queue(note("a"), note("b"))
	closed := make(chan error, 1)
	go func() { closed <- e.Close() }()
	<-e.closing.Done()
	letGo()
	errs := wait()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	var want []string
	for i, text := range []string{"a", "b"} {
		if errs[i] == nil {
			want = append(want, text)
		} else {
			refused(t, errs[i], "shutting-down")
		}
	}
	if len(want) != 2 {
		t.Errorf("what waited was not finished: %v", errs)
	}
	if got := start(t, o).column("SELECT text FROM notes ORDER BY id"); !slices.Equal(got, want) {
		t.Errorf("stored are %q, want %q", got, want)
	}
}

// TestReaders: a reader that gives up takes nothing from the others, and what a reader is told is what was
// committed.
func TestReaders(t *testing.T) {
	e := start(t, options(t))
	e.must(note("a"))
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	for _, err := range concurrently(8, func(i int) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return e.Read(ctx).Row(endless, nil, new(int))
	}) {
		if !errors.Is(err, context.DeadlineExceeded) && !parley.IsKind(err, parley.KindUnavailable) {
			t.Errorf("who gave up was told %v", err)
		}
	}
	e.holds("a")
	if err := e.Read(t.Context()).Row("SELECT text FROM notes WHERE text = 'b'", nil, new(string)); err != ErrNoRow {
		t.Errorf("no row: %v", err)
	}
	if err := e.Read(t.Context()).Row("SELECT nothing", nil, new(string)); err == nil || parley.IsKind(err, parley.KindUnavailable) {
		t.Errorf("a wrong statement: %v", err)
	}
}

// TestSnapshot: what is read in one is of one moment, whatever is written meanwhile, and it cannot write.
func TestSnapshot(t *testing.T) {
	e := start(t, options(t))
	e.must(note("a"))
	count := func(c Conn) (n int) {
		if err := c.Row("SELECT count(*) FROM notes", nil, &n); err != nil {
			t.Error(err)
		}
		return n
	}
	for _, err := range concurrently(20, func(i int) error {
		return e.Snapshot(t.Context(), func(c Conn) error {
			before := count(c)
			if err := e.write(note(fmt.Sprint("b", i))); err != nil {
				return err
			}
			if after := count(c); after != before {
				t.Errorf("%d notes, then %d", before, after)
			}
			_, err := c.Exec("INSERT INTO notes (text) VALUES ('by a reader')")
			return err
		})
	}) {
		if !errors.Is(err, ErrWouldWrite) {
			t.Error(err)
		}
	}
	if n := count(e.Read(t.Context())); n != 21 {
		t.Errorf("%d notes", n)
	}
}
