package sqldb

import (
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/parley"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testMigrations = []Migration{{Name: "notes", Oldest: 1, SQL: `
	CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
	CREATE TABLE log (number INTEGER PRIMARY KEY, what TEXT NOT NULL);`}}

// engine is a database of notes. What its units emit is numbered in its log.
type engine struct {
	*DB
	t  *testing.T
	mu sync.Mutex
	// Of each commit, how many units shared it.
	commits []int
	told    []string // what the commits emitted, when they were durable
}

func options(t *testing.T) Options {
	return Options{Path: t.TempDir() + "/notes.db", Log: slog.New(slog.DiscardHandler)}
}

func start(t *testing.T, o Options) *engine {
	t.Helper()
	e := &engine{t: t}
	o.Finish, o.Observe = e.finish, func(units int, _ time.Duration) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.commits = append(e.commits, units)
	}
	db, err := Open(t.Context(), o, testMigrations)
	if err != nil {
		t.Fatal(err)
	}
	e.DB = db
	t.Cleanup(e.stop)
	return e
}

func (e *engine) finish(tx *Tx, emitted []any) (func(), error) {
	texts := make([]string, len(emitted))
	for i, v := range emitted {
		texts[i] = v.(string)
		if _, err := tx.Exec("INSERT INTO log (number, what) SELECT coalesce(max(number), 0) + 1, $1 FROM log", texts[i]); err != nil {
			return nil, err
		}
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.told = append(e.told, texts...)
	}, nil
}

// stop closes the database, after which commits and told are complete.
func (e *engine) stop() {
	e.t.Helper()
	if err := e.Close(); err != nil {
		e.t.Error(err)
	}
}

// note is a unit that writes a note and emits it.
func note(text string) Unit {
	return Unit{Run: func(tx *Tx) error {
		tx.Emit(text)
		_, err := tx.Exec("INSERT INTO notes (text) VALUES ($1)", text)
		return err
	}}
}

// failing is a unit that writes a note, emits it and fails.
func failing(text string, err error) Unit {
	return Unit{Run: func(tx *Tx) error {
		_ = note(text).Run(tx)
		return err
	}}
}

func (e *engine) write(u Unit) error { return e.Write(context.Background(), u) }

// must writes a unit that succeeds.
func (e *engine) must(u Unit) {
	e.t.Helper()
	if err := e.write(u); err != nil {
		e.t.Fatal(err)
	}
}

// hold keeps the committer in a unit until it is let go, so that others gather behind it.
func (e *engine) hold() (letGo func()) {
	running, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- e.write(Unit{Run: func(*Tx) error {
			close(running)
			<-free
			return nil
		}})
	}()
	<-running
	return func() {
		e.t.Helper()
		close(free)
		if err := <-done; err != nil {
			e.t.Error(err)
		}
	}
}

// together runs units in one transaction, as long as they fit into one, and returns their errors.
func (e *engine) together(units ...Unit) []error {
	e.t.Helper()
	letGo := e.hold()
	wait := e.queue(units...)
	letGo()
	return wait()
}

// queue puts units into the queues, in order, while the committer is held.
func (e *engine) queue(units ...Unit) (wait func() []error) {
	e.t.Helper()
	errs := make([]error, len(units))
	var all sync.WaitGroup
	for i, u := range units {
		queue := e.writers[0].foreground
		if u.Background {
			queue = e.writers[0].background
		}
		before := len(queue)
		all.Go(func() { errs[i] = e.write(u) })
		eventually(e.t, "the unit is in the queue", func() bool { return len(queue) > before })
	}
	return func() []error {
		all.Wait()
		return errs
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happens: %s", what)
		}
	}
}

// column returns the texts that a query answers.
func (e *engine) column(text string, args ...any) (values []string) {
	e.t.Helper()
	err := e.Read(context.Background()).Query(text, args, func(r *sql.Rows) error {
		var v string
		err := r.Scan(&v)
		values = append(values, v)
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return values
}

// holds checks what is stored: these notes, each logged once, in this order.
func (e *engine) holds(want ...string) {
	e.t.Helper()
	if got := e.column("SELECT text FROM notes ORDER BY id"); !slices.Equal(got, want) {
		e.t.Errorf("stored are %.200q, want %.200q", got, want)
	}
	if got := e.column("SELECT what FROM log ORDER BY number"); !slices.Equal(got, want) {
		e.t.Errorf("logged are %.200q, want %.200q", got, want)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.told, want) {
		e.t.Errorf("told were %.200q, want %.200q", e.told, want)
	}
}

// refused checks that an error is trouble that may pass, with this code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if !parley.IsKind(err, parley.KindUnavailable) || parley.AsError(err).Code != code || parley.AsError(err).RetryAfter == 0 {
		t.Errorf("got %v, want unavailable with the code %q", err, code)
	}
}
