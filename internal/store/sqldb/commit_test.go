package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

var errOwn = errors.New("the unit's own")

// TestUnitsFailAlone: an error, a panic and a constraint undo their unit and no other.
func TestUnitsFailAlone(t *testing.T) {
	e := start(t, options(t))
	after := 0
	errs := e.together(
		note("a"),
		failing("b", errOwn),
		Unit{Run: func(tx *Tx) error {
			_ = note("c").Run(tx)
			panic("c")
		}},
		note("a"), // taken
		Unit{Run: func(tx *Tx) error {
			tx.After(func() { after += 100 })
			return errOwn
		}},
		Unit{Run: func(tx *Tx) error {
			tx.After(func() { after++ })
			return note("d").Run(tx)
		}},
	)
	if errs[0] != nil || errs[5] != nil {
		t.Errorf("those that succeed: %v, %v", errs[0], errs[5])
	}
	if errs[1] != errOwn || errs[4] != errOwn {
		t.Errorf("those that fail: %v, %v", errs[1], errs[4])
	}
	if errs[2] == nil || !strings.Contains(errs[2].Error(), "panic") {
		t.Errorf("that panics: %v", errs[2])
	}
	if !IsUnique(errs[3]) {
		t.Errorf("that violates a constraint: %v", errs[3])
	}
	e.holds("a", "d")
	e.stop()
	if after != 1 {
		t.Errorf("after the commit: %d", after)
	}
	if got := fmt.Sprint(e.commits); got != "[1 6]" {
		t.Errorf("commits of %s units", got)
	}
}

// TestNothingToCommit: where every unit fails there is no commit.
func TestNothingToCommit(t *testing.T) {
	e := start(t, options(t))
	for i, err := range e.together(failing("a", errOwn), failing("b", errOwn)) {
		if err != errOwn {
			t.Errorf("%d: %v", i, err)
		}
	}
	e.holds()
	e.must(note("c"))
	e.holds("c")
	e.stop()
	if got := fmt.Sprint(e.commits); got != "[1 1]" {
		t.Errorf("commits of %s units", got)
	}
}

// TestDatabaseRollsBack: after the database has rolled back by itself each unit runs again alone, those before
// the failure too, and only the one to blame fails.
func TestDatabaseRollsBack(t *testing.T) {
	const insert = "INSERT OR ROLLBACK INTO notes (text) VALUES ('taken')"
	for name, culprit := range map[string]func(tx *Tx) error{
		"at a constraint": func(tx *Tx) error {
			_, err := tx.Exec(insert)
			return err
		},
		"unnoticed": func(tx *Tx) error {
			_, _ = tx.Exec(insert)
			return nil
		},
		"and the unit goes on": func(tx *Tx) error {
			_, _ = tx.Exec(insert)
			_, _ = tx.Exec("INSERT INTO notes (text) VALUES ('outside of a transaction')")
			_ = tx.Row("INSERT INTO notes (text) VALUES ('outside too') RETURNING id", nil, new(int))
			return nil
		},
		"and the unit panics": func(tx *Tx) error {
			_, _ = tx.Exec(insert)
			panic("now")
		},
		"interrupted": func(tx *Tx) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			_, err := (Conn{ctx: ctx, x: tx.x}).Exec(`INSERT INTO notes (text) WITH RECURSIVE n(i) AS
				(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT 'n' || i FROM n`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, options(t))
			e.must(note("taken"))
			errs := e.together(note("a"), Unit{Run: culprit}, note("b"), failing("c", errOwn))
			if errs[0] != nil || errs[2] != nil || errs[3] != errOwn {
				t.Errorf("the others: %v", errs)
			}
			refused(t, errs[1], "storage-unavailable")
			e.must(note("d"))
			e.holds("taken", "a", "b", "d")
		})
	}
}

// TestFull: what has no room is refused and leaves nothing; what has is stored.
func TestFull(t *testing.T) {
	e := start(t, options(t))
	huge := Unit{Run: func(tx *Tx) error {
		var pages int
		if err := tx.Row("PRAGMA page_count", nil, &pages); err != nil {
			return err
		}
		if err := tx.Row(fmt.Sprintf("PRAGMA max_page_count = %d", pages+8), nil, &pages); err != nil {
			return err
		}
		return note(strings.Repeat("x", 1<<20)).Run(tx)
	}}
	errs := e.together(note("a"), huge, note("b"))
	if errs[0] != nil || errs[2] != nil {
		t.Errorf("the others: %v", errs)
	}
	refused(t, errs[1], "storage-full")
	e.must(note("c"))
	e.holds("a", "b", "c")
}

// TestConnectionIsLost: a connection that is lost within a transaction of several, or between two, is replaced, and
// nobody notices.
func TestConnectionIsLost(t *testing.T) {
	for _, statement := range []string{"BEGIN", "SAVEPOINT", "INSERT INTO notes", "RELEASE", "INSERT INTO log", "ROLLBACK TO"} {
		t.Run(statement, func(t *testing.T) {
			var e *engine
			at, commits := "none", 0
			o := options(t)
			o.Fault = func(text string) error {
				if text == "COMMIT" {
					if commits++; commits == 1 { // of the unit that holds the others
						at = statement
					}
				} else if strings.HasPrefix(text, at) {
					at = "none"
					_ = e.writers[0].conn.Close()
				}
				return nil
			}
			e = start(t, o)
			for i, err := range e.together(note("a"), failing("b", errOwn), note("c")) {
				if i == 1 && err != errOwn || i != 1 && err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
			e.must(note("d"))
			e.holds("a", "c", "d")
		})
	}
}

// TestCommitFails: of a commit that fails nobody is told that it succeeded, or that it did not; each is answered
// once, and no unit runs again.
func TestCommitFails(t *testing.T) {
	for name, cause := range map[string]error{"busy": parley.Unavailable(codeBusy, "locked", nil), "otherwise": errOwn} {
		t.Run(name, func(t *testing.T) {
			armed, runs := false, 0
			o := options(t)
			o.Fault = func(text string) error {
				if armed && text == "COMMIT" {
					armed = false
					return cause
				}
				return nil
			}
			e := start(t, o)
			e.must(note("a"))
			doomed := Unit{Run: func(tx *Tx) error {
				armed = true
				runs++
				return note(fmt.Sprint("doomed ", runs)).Run(tx)
			}}
			for _, err := range e.together(doomed, note("b"), doomed, failing("c", errOwn)) {
				refused(t, err, "outcome-unknown")
			}
			refused(t, e.write(doomed), "outcome-unknown")
			if runs != 3 {
				t.Errorf("the units ran %d times", runs)
			}
			e.must(note("b"))
			e.holds("a", "b")
		})
	}
}

// TestFinishFails: where the end of a transaction fails because of one unit, only that one fails.
func TestFinishFails(t *testing.T) {
	o := options(t)
	e := start(t, o)
	bad := Unit{Run: func(tx *Tx) error {
		tx.Emit("bad")
		_, err := tx.Exec("CREATE TEMP TRIGGER IF NOT EXISTS no BEFORE INSERT ON log WHEN NEW.what = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END")
		return err
	}}
	errs := e.together(note("a"), bad, note("b"))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil || parley.IsKind(errs[1], parley.KindUnavailable) {
		t.Errorf("got %v", errs)
	}
	e.holds("a", "b")
}

// TestLocked: while another program has locked the database, all are refused after one wait, and nothing is
// stored; afterwards there is service again.
func TestLocked(t *testing.T) {
	o := options(t)
	e := start(t, o)
	e.must(note("a"))
	other, err := sql.Open("sqlite", dsn(o))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	other.SetMaxOpenConns(1)
	exec := func(text string) {
		if _, err := other.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	exec("BEGIN IMMEDIATE")
	began := time.Now()
	for _, err := range concurrently(20, func(i int) error { return e.write(note(fmt.Sprint("refused ", i))) }) {
		refused(t, err, "storage-busy")
	}
	if took := time.Since(began); took > 10*writerTimeout {
		t.Errorf("it took %v until all were refused", took)
	}
	exec("COMMIT")
	e.must(note("b"))
	e.holds("a", "b")
}

// TestNoService: a database that cannot be opened again refuses all, each once, and serves again when it can.
func TestNoService(t *testing.T) {
	o := options(t)
	e := start(t, o)
	e.must(note("a"))
	done := make(chan struct{})
	e.writers[0].tasks <- func() {
		defer close(done)
		// The connection goes, and the next one finds a folder in the place of the file.
		e.writers[0].disconnect()
		rename(t, o.Path, o.Path+".aside")
		if err := os.Mkdir(o.Path, 0o700); err != nil {
			t.Error(err)
		}
	}
	<-done
	for i, err := range concurrently(20, func(i int) error { return e.write(note(fmt.Sprint("refused ", i))) }) {
		if !parley.IsKind(err, parley.KindUnavailable) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := os.Remove(o.Path); err != nil {
		t.Fatal(err)
	}
	rename(t, o.Path+".aside", o.Path)
	e.must(note("b"))
	e.holds("a", "b")
}

func rename(t *testing.T, from, to string) {
	if err := os.Rename(from, to); err != nil {
		t.Error(err)
	}
}

func concurrently(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errs
}

// TestCommitMeetsTheEndOfTheDisk: where the disk cannot take the log any more the caller is told so, or that
// the outcome is unknown; what was acknowledged stays, and there is service again when there is room.
func TestCommitMeetsTheEndOfTheDisk(t *testing.T) {
	o := options(t)
	e := start(t, o)
	eventually(t, "the first checkpoint is over", func() bool { return !e.backend.(*embedded).erasure.Load() })
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprint("before ", i))
		e.must(note(want[i]))
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	small := limit
	small.Cur = uint64(walSize(o.Path)) + 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	errs := concurrently(10, func(i int) error { return e.write(note(strings.Repeat("x", 20_000+i))) })
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if !parley.IsKind(err, parley.KindUnavailable) {
			t.Errorf("past the end of the disk: %v", err)
		}
	}
	e.must(note("after"))
	e.holds(append(want, "after")...)
}
