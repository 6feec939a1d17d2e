package sqldb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// slowDisk holds every sync until it is let go, with the error that it is given.
type slowDisk struct {
	reached chan struct{}
	let     chan error
	open    atomic.Bool
}

func newSlowDisk() *slowDisk {
	return &slowDisk{reached: make(chan struct{}, 100), let: make(chan error)}
}

func (d *slowDisk) sync() error {
	if d.open.Load() {
		return nil
	}
	d.reached <- struct{}{}
	return <-d.let
}

// TestAnsweredWhenDurable: nobody is answered, and nothing that was read is to be told, before the log is synced; the
// next transaction runs meanwhile.
func TestAnsweredWhenDurable(t *testing.T) {
	d := newSlowDisk()
	o := options(t)
	o.SyncFault = d.sync
	e := start(t, o)
	answers := make(chan error, 2)
	go func() { answers <- e.write(note("a")) }()
	<-d.reached
	ran := make(chan struct{})
	go func() {
		second := note("b")
		answers <- e.write(Unit{Run: func(tx *Tx) error {
			close(ran)
			return second.Run(tx)
		}})
	}()
	<-ran
	settled := make(chan error, 1)
	go func() { settled <- e.Settled(t.Context()) }()
	select {
	case err := <-answers:
		t.Fatalf("answered before it was durable: %v", err)
	case err := <-settled:
		t.Fatalf("settled before it was durable: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := e.Settled(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who does not wait is told %v", err)
	}
	d.open.Store(true)
	close(d.let)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := <-settled; err != nil {
		t.Error(err)
	}
	e.holds("a", "b")
}

// TestSyncFails: what was committed and could not be synced is of unknown outcome, with all that came after it; what
// comes later is refused until the log is known to be in the database, and then served.
func TestSyncFails(t *testing.T) {
	d := newSlowDisk()
	o := options(t)
	o.SyncFault = d.sync
	e := start(t, o)
	first := make(chan error, 1)
	go func() { first <- e.write(note("a")) }()
	<-d.reached
	second := make(chan error, 1)
	go func() { second <- e.write(note("b")) }()
	eventually(t, "the second is committed", func() bool {
		return len(e.column("SELECT text FROM notes")) == 2
	})
	third := make(chan error, 1) // who finds what may not be there
	ran := make(chan struct{})
	go func() {
		third <- e.write(Unit{Run: func(tx *Tx) error { close(ran); return errOwn }})
	}()
	<-ran
	d.open.Store(true)
	d.let <- errors.New("input/output error")
	for i, err := range []error{<-first, <-second, <-third} {
		if !parley.IsKind(err, parley.KindUnavailable) || parley.AsError(err).Code != "outcome-unknown" {
			t.Errorf("%d: %v", i, err)
		}
	}
	eventually(t, "what is read is told again, though nobody writes", func() bool { return e.Settled(t.Context()) == nil })
	for i, err := range concurrently(10, func(i int) error { return e.write(note(fmt.Sprint("c", i))) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := e.Settled(t.Context()); err != nil {
		t.Error(err)
	}
	if got := len(e.column("SELECT text FROM notes")); got != 12 {
		t.Errorf("%d notes", got)
	}
}

// TestRepeatedIsAnsweredInOrder: a unit that writes nothing is answered after what it has seen is durable.
func TestRepeatedIsAnsweredInOrder(t *testing.T) {
	d := newSlowDisk()
	o := options(t)
	o.SyncFault = d.sync
	e := start(t, o)
	go func() { _ = e.write(note("a")) }()
	<-d.reached
	found := make(chan error, 1)
	go func() {
		found <- e.write(Unit{Run: func(tx *Tx) error {
			var n int
			if err := tx.Row("SELECT count(*) FROM notes", nil, &n); err != nil || n != 1 {
				return fmt.Errorf("%d notes: %w", n, err)
			}
			return errOwn
		}})
	}()
	select {
	case err := <-found:
		t.Fatalf("answered before what it saw was durable: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	d.open.Store(true)
	close(d.let)
	if err := <-found; err != errOwn {
		t.Error(err)
	}
}
