package sqldb

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
)

// relay is a way to a database on which, while its gate is shut, nothing gets through and nothing ends.
type relay struct {
	url  string
	to   string
	gate sync.RWMutex
	done sync.WaitGroup
}

func newRelay(t *testing.T, database string) *relay {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{to: address.Host}
	address.Host = listener.Addr().String()
	r.url = address.String() + "&connect_timeout=1"
	r.done.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			if to, err := net.Dial("tcp", r.to); err == nil {
				r.done.Go(func() { r.copy(to, from) })
				r.done.Go(func() { r.copy(from, to) })
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.done.Wait()
	})
	return r
}

func (r *relay) copy(to, from net.Conn) {
	defer func() {
		r.gate.RLock()
		defer r.gate.RUnlock()
		_, _ = to.Close(), from.Close()
	}()
	for buffer := make([]byte, 4096); ; {
		n, err := from.Read(buffer)
		r.gate.RLock()
		if n > 0 {
			_, err = to.Write(buffer[:n])
		}
		r.gate.RUnlock()
		if err != nil && err != io.EOF || n == 0 {
			return
		}
	}
}

// TestStalledDatabase: who reads and who writes while nothing is heard of the database is told so in time, however many do;
// then all is as before.
func TestStalledDatabase(t *testing.T) {
	r := newRelay(t, pgtest.Database(t))
	o := pgOptions(r.url)
	o.patience = 500 * time.Millisecond
	db, err := Open(t.Context(), o, pgMigrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	read := func() error { return db.Read(ctx).Row("SELECT count(*) FROM notes", nil, new(int)) }
	look := func() error {
		return db.Snapshot(ctx, func(c Conn) error { return c.Row("SELECT count(*) FROM notes", nil, new(int)) })
	}
	write := func() error { return db.Write(ctx, pgNote("stalled")) }
	for _, do := range []func() error{read, look, func() error { return db.Write(ctx, pgNote("before")) }} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	r.gate.Lock()
	var asking sync.WaitGroup
	for what, do := range map[string]func() error{"who reads": read, "who looks": look, "who writes": write} {
		for range 30 { // more than there are connections
			asking.Go(func() {
				began := time.Now()
				err := do()
				if took := time.Since(began); !parley.IsKind(err, parley.KindUnavailable) || took > 6*time.Second {
					t.Errorf("%s is told %v after %s", what, err, took)
				}
			})
		}
	}
	asking.Wait()
	r.gate.Unlock()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := db.Write(ctx, Unit{Run: func(tx *Tx) error {
			_, err := tx.Exec("DELETE FROM notes WHERE text = 'before'")
			return err
		}})
		if err == nil && read() == nil && look() == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("it does not go on: %v", err)
		}
	}
}
