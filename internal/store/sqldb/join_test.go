package sqldb

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/pgtest"
)

// TestJoining: units that come while another node has the keys of a transaction share it, if they want none but these;
// others follow.
func TestJoining(t *testing.T) {
	url := pgtest.Database(t)
	other := node(t, url, pgMigrations)
	o := pgOptions(url)
	var mu sync.Mutex
	var commits []int
	o.Observe = func(units int, _ time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		commits = append(commits, units)
	}
	db, err := Open(t.Context(), o, pgMigrations)
	if err != nil {
		t.Fatal(err)
	}
	if used := db.backend.used(); used != 1 {
		t.Errorf("beside another node %d committers are used", used)
	}
	taken, free := make(chan bool), make(chan bool)
	var all sync.WaitGroup
	write := func(db *DB, u Unit) {
		all.Go(func() {
			if err := db.Write(context.Background(), u); err != nil {
				t.Error(err)
			}
		})
	}
	write(other, Unit{Keys: []string{"a"}, Run: func(*Tx) error {
		close(taken)
		<-free
		return nil
	}})
	<-taken
	write(db, count("a"))
	waiting(t, pgtest.Open(t, url))
	for _, key := range []string{"a", "b", "a", "a", "c"} {
		write(db, count(key))
	}
	for w := db.writers[0]; len(w.foreground) < 5; {
		time.Sleep(time.Millisecond)
	}
	close(free)
	all.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if sum := raised(t, url); sum != 6 {
		t.Errorf("%d raised, want 6", sum)
	}
	if want := []int{4, 2}; !slices.Equal(commits, want) {
		t.Errorf("transactions of %v units, want %v", commits, want)
	}
}

// waiting returns when a connection waits for a lock.
func waiting(t *testing.T, db *sql.DB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a lock")
		}
	}
}
