package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/pgtest"
)

// beside is a unit that raises a counter, beside those that raise others. Before that it calls a function.
func beside(name string, inside func()) Unit {
	return Unit{Keys: []string{name}, Beside: []string{"all"}, Run: func(tx *Tx) error {
		inside()
		var n int
		if err := tx.Row("SELECT n FROM counters WHERE name = $1", []any{name}, &n); err != nil {
			return err
		}
		_, err := tx.Exec("UPDATE counters SET n = $2 WHERE name = $1", name, n+1)
		return err
	}}
}

// TestBeside: units that work on one thing beside others do so at the same time, on several nodes, unless they have a key in
// common; whoever has it as a key has it alone.
func TestBeside(t *testing.T) {
	url := pgtest.Database(t)
	var all sync.WaitGroup
	write := func(db *DB, u Unit) {
		all.Go(func() {
			if err := db.Write(context.Background(), u); err != nil {
				t.Error(err)
			}
		})
	}
	one, other, third := node(t, url, pgMigrations), node(t, url, pgMigrations), node(t, url, pgMigrations)
	inside, free := make(chan bool), make(chan bool)
	write(one, beside("a", func() {
		inside <- true
		<-free
	}))
	<-inside
	if err := other.Write(t.Context(), beside("b", func() {})); err != nil { // it does not wait
		t.Error(err)
	}
	write(other, beside("a", func() {}))
	locked(t, pgtest.Open(t, url), 1)
	sum := 0
	write(third, Unit{Keys: []string{"all"}, Run: func(tx *Tx) error {
		return tx.Row("SELECT sum(n) FROM counters", nil, &sum)
	}})
	locked(t, pgtest.Open(t, url), 2)
	close(free)
	all.Wait()
	if sum < 2 { // that of the one which waited may come later
		t.Errorf("who has the key alone sees %d raised, want what was raised before", sum)
	}
	if n := raised(t, url); n != 3 {
		t.Errorf("%d raised, want 3", n)
	}
}

// locked returns when so many wait for locks.
func locked(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n >= want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait for locks, want %d", n, want)
		}
	}
}

// TestWhoseWork: each key is the work of one of the programs that work, and of one that is left soon.
func TestWhoseWork(t *testing.T) {
	url := pgtest.Database(t)
	one := node(t, url, pgMigrations)
	node(t, url, pgMigrations) // it does not work
	other, err := Open(t.Context(), pgOptions(url), pgMigrations)
	if err != nil {
		t.Fatal(err)
	}
	if !one.Mine("anything") {
		t.Error("what nobody works on is not anybody's who asks")
	}
	one.Work(true)
	other.Work(true)
	divided := func() (ones, others, wrong int) {
		for i := range 1000 {
			key := fmt.Sprint("key ", i)
			mine, theirs := one.Mine(key), other.Mine(key)
			if mine {
				ones++
			}
			if theirs {
				others++
			}
			if mine == theirs {
				wrong++
			}
		}
		return ones, others, wrong
	}
	within(t, func() bool {
		ones, others, wrong := divided()
		return wrong == 0 && ones > 300 && others > 300
	})
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	within(t, func() bool {
		ones, _, _ := divided()
		return ones == 1000
	})
}

// within waits for something that happens within seconds.
func within(t *testing.T, happens func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !happens(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}
