package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

var errOwn = errors.New("the unit's own")

// commitsAreShared: many units that come at once need few commits.
func commitsAreShared(w *world) {
	o := w.organization()
	const n = 300
	w.must(errors.Join(concurrently(n, func(i int) error { return w.try(w.note(o, w.id())) })...))
	if got := len(w.noted(o)); got != n {
		w.Errorf("%d are stored", got)
	}
	w.must(w.Close())
	units := 0
	for _, u := range w.commits {
		units += u
	}
	if units < n || len(w.commits) > n/3 {
		w.Errorf("%d units in %d commits", units, len(w.commits))
	}
}

// unitsFailAlone: an error or a panic undoes its own unit, with what it told, and no other.
func unitsFailAlone(w *world) {
	o := w.organization()
	var good []parley.ID
	ids := make([]parley.ID, 90)
	for i := range ids {
		ids[i] = w.id()
		if i%3 == 0 {
			good = append(good, ids[i])
		}
	}
	w.do(w.note(o, "taken"))
	good = append(good, "taken")
	for i, err := range w.together(len(ids), func(i int) error {
		return w.try(func(tx *store.Tx) error {
			if err := w.note(o, ids[i])(tx); err != nil {
				return err
			}
			switch i % 9 {
			case 1, 4:
				return errOwn
			case 2:
				panic("now")
			case 5:
				return w.note(o, "taken")(tx)
			case 7:
				return tx.InsertContact(o, &parley.Contact{ID: "taken"})
			case 8:
				_, err := tx.Conversation(o, "absent")
				return err
			}
			return nil
		})
	}) {
		if (err == nil) != (i%3 == 0) || i%9 == 1 && err != errOwn {
			w.Errorf("unit %d: %v", i, err)
		}
	}
	slices.Sort(good)
	w.equal("stored", w.noted(o), good)
}

// callersGiveUp: what callers who give up leave behind is whole or nothing, and the others lose nothing.
func callersGiveUp(w *world) {
	o := w.organization()
	th := w.thread(o)
	messages := make([]*store.Append, 60)
	for i := range messages {
		messages[i] = th.message(fmt.Sprint(i))
		messages[i].Idempotency = &store.Idempotency{Scope: fmt.Sprint(i), Resource: messages[i].Message.ID}
	}
	var patient atomic.Int64
	impatient := func(i int) (context.Context, context.CancelFunc) {
		if i%4 == 0 {
			patient.Add(1)
			return context.WithCancel(context.Background())
		}
		return context.WithTimeout(context.Background(), time.Duration(rand.IntN(3000))*time.Microsecond)
	}
	told := make([]parley.ID, 120)
	errs := concurrently(len(told), func(i int) error {
		ctx, cancel := impatient(i)
		defer cancel()
		if i < len(messages) {
			return w.Append(ctx, messages[i])
		}
		told[i] = w.id()
		return w.Write(ctx, o, w.note(o, told[i]))
	})
	w.do(func(*store.Tx) error { return nil }) // what is still under way is over
	log := map[parley.ID]int{}
	for _, e := range w.log(o) {
		log[e.Message+e.Subject]++
	}
	for i, err := range errs {
		id := told[i]
		if i < len(messages) {
			id = messages[i].Message.ID
			_, key := w.read().Idempotency(o, fmt.Sprint(i))
			if (key == nil) != (log[id] == 1) {
				w.Errorf("%d: %d events, and its key: %v", i, log[id], key)
			}
		}
		if err == nil && log[id] != 1 || log[id] > 1 {
			w.Errorf("%d: %v, and %d events", i, err, log[id])
		}
		if err != nil && (i%4 == 0 || !errors.Is(err, context.DeadlineExceeded)) {
			w.Errorf("%d: %v", i, err)
		}
	}
	th.count()
}

// failOnce has the n-th statement from now on fail that begins with a text.
func (w *world) failOnce(n int, prefix string, err error) (failed *atomic.Bool) {
	failed = &atomic.Bool{}
	var seen atomic.Int64
	f := func(statement string) error {
		if strings.HasPrefix(statement, prefix) && seen.Add(1) == int64(n) {
			failed.Store(true)
			return err
		}
		return nil
	}
	w.fault.Store(&f)
	return failed
}

// unitsAreRepeated: after trouble of the database units run again, and each counts once.
func unitsAreRepeated(w *world) {
	o := w.organization()
	trouble := parley.Unavailable("storage-unavailable", "for now", nil)
	stored := 0
	for _, at := range []int{1, 5, 20} {
		w.failOnce(at, "INSERT INTO contacts ", trouble)
		for i, err := range w.together(20, func(int) error { return w.try(w.note(o, w.id())) }) {
			if err == nil {
				stored++
			} else if !parley.IsKind(err, parley.KindUnavailable) {
				w.Errorf("%d: %v", i, err)
			}
		}
	}
	if got := len(w.noted(o)); got != stored || stored < 50 {
		w.Errorf("%d are stored, %d were acknowledged", got, stored)
	}
}

// everyStatementFails: whichever statement of a write fails, the write is stored whole or not at all, and is told
// from the answer.
func everyStatementFails(w *world) {
	o := w.organization()
	th := w.thread(o)
	for name, cause := range map[string]error{"trouble": parley.Unavailable("storage-unavailable", "for now", nil), "error": errOwn} {
		for _, way := range []string{"append", "unit"} {
			for n := 1; ; n++ {
				a := th.message(fmt.Sprint(name, way, n))
				a.Message.Tags = []string{"tag"}
				a.Message.TTL = time.Hour
				a.Jobs = append(a.Jobs, store.Job{Organization: o, ID: store.JobID(store.JobExpire, string(a.Message.ID)), Kind: store.JobExpire, Message: a.Message.ID})
				a.Idempotency = &store.Idempotency{Scope: fmt.Sprint(name, way, n), Resource: a.Message.ID}
				before := len(w.log(o))
				failed := w.failOnce(n, "", cause)
				var err error
				if way == "append" {
					err = w.append(a)
				} else {
					err = w.try(func(tx *store.Tx) error { return errors.Join(tx.ClaimKey(o, a.Idempotency), tx.Append(a)) })
				}
				w.fault.Store(nil)
				w.wholeOrNothing(fmt.Sprintf("%s of the %s at statement %d", name, way, n), a, err, before)
				if !failed.Load() {
					break
				}
			}
		}
	}
	th.count()
}

// wholeOrNothing checks what became of an append.
func (w *world) wholeOrNothing(what string, a *store.Append, err error, before int) {
	w.Helper()
	q := w.read()
	m, absent := q.Message(a.Organization, a.Message.ID)
	if parley.AsError(err).Code == "outcome-unknown" {
		err = absent
	}
	got := []int{0, 0, 0, 0, 0}
	if absent == nil {
		got[0]++
		jobs, err := q.JobsOf(a.Organization, &m)
		w.must(err)
		got[1] = len(jobs)
	}
	deliveries, e := q.Deliveries(a.Organization, a.Message.ID)
	w.must(e)
	tagged, e := q.HeadsBefore(a.Organization, store.MessageIndex{Tag: "tag"}, "", 1000)
	w.must(e)
	if slices.ContainsFunc(tagged, func(h store.MessageHead) bool { return h.ID == a.Message.ID }) {
		got[2]++
	}
	if _, err := q.Idempotency(a.Organization, a.Idempotency.Scope); err == nil {
		got[3]++
	}
	got[4] = len(w.log(a.Organization)) - before
	want := []int{0, 0, 0, 0, 0}
	if err == nil {
		want = []int{1, 2, 1, 1, 1}
	}
	if !slices.Equal(got, want) || len(deliveries) != want[0] {
		w.Errorf("%s: %v; message, jobs, tag, key and event: %v, want %v", what, err, got, want)
	}
}

// afterTheCommit: what a unit leaves for after the commit runs once, when it is durable and before the unit is
// answered, unless the unit fails.
func afterTheCommit(w *world) {
	o := w.organization()
	var ran [30]atomic.Int64
	for i, err := range w.together(len(ran), func(i int) error {
		id := parley.ID(fmt.Sprint("c", i))
		err := w.try(func(tx *store.Tx) error {
			tx.After(func() {
				if _, err := w.read().Contact(o, id); err != nil {
					w.Errorf("%d is not stored yet: %v", i, err)
				}
				ran[i].Add(1)
			})
			if i%3 == 2 {
				return errOwn
			}
			return w.note(o, id)(tx)
		})
		if err == nil && ran[i].Load() != 1 {
			w.Errorf("%d was answered before", i)
		}
		return err
	}) {
		if want := i%3 != 2; (err == nil) != want || (ran[i].Load() == 1) != want {
			w.Errorf("%d: %v, and ran %d times", i, err, ran[i].Load())
		}
	}
}

// background: work in the background is done like any other, also while others write without a pause.
func background(w *world) {
	o := w.organization()
	ctx, stop := context.WithCancel(context.Background())
	load := make(chan []error)
	go func() {
		load <- concurrently(20, func(int) error {
			var errs []error
			for ctx.Err() == nil {
				errs = append(errs, w.try(func(tx *store.Tx) error {
					_, err := tx.LogRange(o)
					return err
				}))
			}
			return errors.Join(errs...)
		})
	}()
	for i := range 5 {
		w.must(w.WriteBackground(context.Background(), []parley.ID{o}, w.note(o, parley.ID(fmt.Sprint(i)))))
	}
	if err := w.WriteBackground(context.Background(), []parley.ID{o}, w.note(o, "3")); err == nil {
		w.Error("a contact was made twice")
	}
	stop()
	w.must(errors.Join(<-load...))
	w.equal("stored", w.noted(o), "[0 1 2 3 4]")
}

// openedAgain: what was acknowledged is there when the database is opened again.
func openedAgain(w *world) {
	o := w.organization()
	th := w.thread(o)
	for i := range 3 {
		th.say(fmt.Sprint("m", i))
	}
	w.reopen()
	th.say("m3")
	w.equal("messages", th.contents(), "[1 m0 2 m1 3 m2 4 m3]")
	if got := len(w.log(o)); got != 4 {
		w.Errorf("%d events", got)
	}
}
