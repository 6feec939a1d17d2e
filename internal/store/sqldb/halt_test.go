package sqldb

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/pgtest"
)

// TestHalt: what was begun ends, also what its caller has given up; then everything is refused, until it may go on.
func TestHalt(t *testing.T) {
	e := start(t, options(t))
	letGo := e.hold()
	wait := e.queue(note("before"))
	given, giveUp := context.WithCancel(t.Context())
	bulk := &Bulk{Run: func(tx *Tx, items []any) ([]error, error) {
		return make([]error, len(items)), note(items[0].(string)).Run(tx)
	}}
	gone := make(chan error, 1)
	queued := len(e.writers[0].foreground)
	go func() { gone <- e.Write(given, Unit{Bulk: bulk, Item: "of a caller that gave up"}) }()
	eventually(t, "the item is in the queue", func() bool { return len(e.writers[0].foreground) > queued })
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller got %v", err)
	}
	why, halted := errors.New("why"), make(chan error, 1)
	go func() { halted <- e.Halt(t.Context(), why) }()
	eventually(t, "others are refused", func() bool { return e.halt.why.Load() != nil })
	letGo()
	if err := errors.Join(<-halted, wait()[0]); err != nil {
		t.Error(err)
	}
	if err := e.write(note("too late")); !errors.Is(err, why) {
		t.Errorf("a unit got %v", err)
	}
	e.Proceed()
	e.must(note("after"))
	if got := strings.Join(e.column("SELECT text FROM notes ORDER BY text"), ","); got != "after,before,of a caller that gave up" {
		t.Errorf("stored are %s", got)
	}
}

// TestHaltIsBounded: a unit that does not end keeps the caller of Halt no longer than it wants.
func TestHaltIsBounded(t *testing.T) {
	e := start(t, options(t))
	letGo := e.hold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Halt(ctx, errors.New("why")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	letGo()
	e.Proceed()
	e.must(note("after"))
}

// TestClosing: a database with a row of that number is opened by nobody, and not changed.
func TestClosing(t *testing.T) {
	for name, o := range map[string]Options{"SQLite": options(t), "PostgreSQL": {URL: pgtest.Database(t), Log: slog.New(slog.DiscardHandler)}} {
		db, err := Open(t.Context(), o, testMigrations)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), Unit{Run: func(tx *Tx) error {
			_, err := tx.Exec("INSERT INTO schema_migrations (number, name, oldest) VALUES ($1, 'is elsewhere', $1)", Closing)
			return err
		}})
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err = Open(t.Context(), o, testMigrations); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "the database is elsewhere") {
			t.Errorf("%s: got %v", name, err)
		}
		if db, err = Open(t.Context(), o, nil); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), testMigrations); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSession: a session has transactions of its own beside the committer's, and what it leaves open is undone.
func TestSession(t *testing.T) {
	for name, o := range map[string]Options{"SQLite": options(t), "PostgreSQL": {URL: pgtest.Database(t), Log: slog.New(slog.DiscardHandler)}} {
		db, err := Open(t.Context(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), testMigrations); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"COMMIT", ""} {
			s, err := db.Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(t.Context(), "BEGIN; DELETE FROM notes"); err != nil {
				t.Error(err)
			}
			var rows Rows
			rows.Add(1, "one"+end)
			if _, err := s.With(t.Context()).Exec("INSERT INTO notes (id, text) SELECT id, text FROM "+From("$1", "id BIGINT", "text TEXT")+" AS j", rows.Param()); err != nil {
				t.Error(err)
			}
			if end != "" {
				err = s.Run(t.Context(), end)
			}
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		}
		var text string
		if err := db.Read(t.Context()).Row("SELECT text FROM notes", nil, &text); err != nil || text != "oneCOMMIT" {
			t.Errorf("%s: it holds %q: %v", name, text, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
