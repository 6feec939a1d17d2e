package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// sequences: the items of a conversation are numbered without gaps, however they come and whatever fails.
func sequences(w *world) {
	o := w.organization()
	channel := w.channel(o, nil).ID
	threads := make([]*thread, 8)
	for i := range threads {
		threads[i] = w.threadOn(o, channel)
	}
	messages := make([]*store.Append, 240)
	for i := range messages {
		messages[i] = threads[rand.IntN(len(threads))].message(fmt.Sprint(i))
	}
	failed := errors.New("failed")
	errs := concurrently(len(messages), func(i int) error {
		a := messages[i]
		switch i % 4 {
		case 0:
			return w.try(func(tx *store.Tx) error { return tx.Append(a) })
		case 1:
			return w.try(func(tx *store.Tx) error { return errors.Join(tx.Append(a), failed) })
		}
		return w.append(a)
	})
	stored, counted := 0, 0
	for i, err := range errs {
		if err == nil {
			stored++
		} else if i%4 != 1 || !errors.Is(err, failed) {
			w.Errorf("%d: %v", i, err)
		}
	}
	for _, th := range threads {
		counted += th.count()
	}
	if stored != 180 || counted != stored || len(w.log(o)) != stored {
		w.Errorf("%d acknowledged, %d stored, %d events", stored, counted, len(w.log(o)))
	}
}

// events: the log of each of many organizations has no gap, and only facts of units that succeeded, in order.
func events(w *world) {
	organizations := make([]parley.ID, 12)
	for i := range organizations {
		organizations[i] = w.organization()
	}
	want := map[parley.ID]int{}
	var mu sync.Mutex
	errs := w.together(200, func(i int) error {
		touched := organizations[i%5 : i%5+1+i%7]
		err := w.try(func(tx *store.Tx) error {
			for _, o := range touched {
				for n := range 2 {
					tx.Emit(o, parley.Event{Type: parley.EventContactUpdated, Subject: parley.ID(fmt.Sprint(i)), Data: parley.EventData{Delivery: n + 1}})
				}
			}
			if i%3 == 0 {
				return errOwn
			}
			return nil
		})
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			for _, o := range touched {
				want[o] += 2
			}
		}
		return err
	})
	for i, err := range errs {
		if (err == nil) != (i%3 != 0) {
			w.Errorf("%d: %v", i, err)
		}
	}
	for _, o := range organizations {
		log := w.log(o)
		for i := 0; i+1 < len(log); i += 2 {
			if a, b := log[i], log[i+1]; a.Subject != b.Subject || a.Data.Delivery != 1 || b.Data.Delivery != 2 {
				w.Errorf("a unit's events are %+v and %+v", a, b)
			}
		}
		if len(log) != want[o] {
			w.Errorf("%d events, want %d", len(log), want[o])
		}
	}
	if err := w.try(func(tx *store.Tx) error {
		tx.Emit("absent", parley.Event{Type: parley.EventContactUpdated})
		return nil
	}); err == nil {
		w.Error("an event of no organization was stored")
	}
	w.must(w.try(func(tx *store.Tx) error { return nil }))
}

// listener hears of commits.
type listener struct {
	w        *world
	mu       sync.Mutex
	told     map[parley.ID][]parley.Event
	answered map[parley.ID]bool // the subjects of events whose units were answered
}

func (l *listener) hear(commits []store.Committed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(commits) == 0 {
		l.w.Error("told of nothing")
	}
	for i, c := range commits {
		if i > 0 && commits[i-1].Organization >= c.Organization {
			l.w.Errorf("%s after %s", c.Organization, commits[i-1].Organization)
		}
		stored, err := l.w.read().Events(c.Organization, c.Events[0].Sequence-1, len(c.Events))
		if err != nil || fmt.Sprint(stored) != fmt.Sprint(c.Events) {
			l.w.Errorf("told of %v, stored are %v, %v", c.Events, stored, err)
		}
		for _, e := range c.Events {
			if l.answered[e.Subject] {
				l.w.Errorf("%s was answered before", e.Subject)
			}
		}
		l.told[c.Organization] = append(l.told[c.Organization], c.Events...)
	}
}

// onCommit: who listens is told of each transaction's events once, in order, when they are durable and before the
// units are answered.
func onCommit(w *world) {
	organizations := []parley.ID{w.organization(), w.organization(), w.organization()}
	l := listener{w: w, told: map[parley.ID][]parley.Event{}, answered: map[parley.ID]bool{}}
	w.OnCommit(l.hear)
	second := 0
	w.OnCommit(func(commits []store.Committed) {
		for _, c := range commits {
			second += len(c.Events)
		}
	})
	for i, err := range concurrently(90, func(i int) error {
		id := parley.ID(fmt.Sprint("c", i))
		err := w.try(func(tx *store.Tx) error {
			for _, o := range organizations[:1+i%3] {
				if err := w.note(o, id)(tx); err != nil {
					return err
				}
			}
			if i%5 == 0 {
				return errOwn
			}
			return nil
		})
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answered[id] = true
		return err
	}) {
		if (err == nil) != (i%5 != 0) {
			w.Errorf("%d: %v", i, err)
		}
	}
	all := 0
	for _, o := range organizations {
		w.equal("told", l.told[o], w.log(o))
		all += len(l.told[o])
	}
	if second != all || all != 24+48+72 {
		w.Errorf("one is told of %d events, the other of %d", all, second)
	}
}

// dropEvents: old events go from the beginning of the log, so many at a time; the rest stays without a gap and goes on.
func dropEvents(w *world) {
	o, other := w.organization(), w.organization()
	emit := func(n int) {
		for range n {
			w.do(func(tx *store.Tx) error {
				tx.Emit(o, parley.Event{Type: parley.EventContactUpdated})
				tx.Emit(other, parley.Event{Type: parley.EventContactUpdated})
				return nil
			})
			w.advance(time.Second)
		}
	}
	emit(10)
	drop := func(age time.Duration, limit int, want int64) {
		w.Helper()
		w.do(func(tx *store.Tx) error {
			n, err := tx.DropEvents(o, tx.Now.Add(-age).UnixMilli(), limit)
			if n != want {
				w.Errorf("%d went, want %d", n, want)
			}
			return err
		})
	}
	drop(time.Hour, 100, 0)
	drop(4*time.Second, 4, 4)
	drop(4*time.Second, 4, 2)
	drop(4*time.Second, 4, 0)
	if n := len(w.log(o)); n != 4 {
		w.Errorf("%d are left", n)
	}
	drop(0, 100, 4)
	r, err := w.read().LogRange(o)
	w.must(err)
	w.equal("the empty log", r, store.LogRange{Oldest: 11, Latest: 10})
	emit(2)
	r, err = w.read().LogRange(o)
	w.must(err)
	w.equal("the log", r, store.LogRange{Oldest: 11, Latest: 12})
	if n := len(w.log(o)) + len(w.log(other)); n != 2+12 {
		w.Errorf("%d are left", n)
	}
	page, err := w.read().Events(other, 5, 3)
	w.must(err)
	w.equal("a page", fmt.Sprint(len(page), page[0].Sequence, page[2].Sequence), "3 6 8")
	_, err = w.read().LogRange("absent")
	w.notFound(err)
}

// manyEvents: what one transaction adds is read from any place in it, however much it is.
func manyEvents(w *world) {
	o := w.organization()
	const n = 150
	w.do(func(tx *store.Tx) error {
		for i := range n {
			tx.Emit(o, parley.Event{Type: parley.EventContactUpdated, Subject: parley.ID(fmt.Sprint(i + 1)), Data: parley.EventData{Through: int64(i)}})
		}
		return nil
	})
	for _, c := range []struct{ after, limit int }{{0, n}, {0, 1}, {63, 2}, {64, 1}, {10, 100}, {149, 5}, {150, 5}} {
		page, err := w.read().Events(o, int64(c.after), c.limit)
		w.must(err)
		if len(page) != min(c.limit, n-c.after) {
			w.Errorf("%d events after %d, limit %d", len(page), c.after, c.limit)
		}
		for i, e := range page {
			if e.Sequence != int64(c.after+i+1) || e.Subject != parley.ID(fmt.Sprint(e.Sequence)) || e.Data.Through != e.Sequence-1 {
				w.Errorf("event %d after %d is %+v", i, c.after, e)
			}
		}
	}
}
