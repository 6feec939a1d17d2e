// Package clocktest is the conformance suite of the clocks of test organizations: what every database under the store does alike.
package clocktest

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/clock"
)

// Run tests the stores that open opens, each on a database of its own, and closes when its test ends.
func Run(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	for name, test := range map[string]func(w *world){
		"Clocks": clocks, "ClocksOfDeliveries": ofDeliveries, "ClocksOfRecords": ofRecords,
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t}
			w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
			w.start = w.now().UTC()
			w.Store = open(t, store.Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: w.now})
			test(w)
		})
	}
}

// world is a store with what a test needs around it.
type world struct {
	*testing.T
	*store.Store
	clock atomic.Int64 // milliseconds since 1970
	start time.Time
}

func (w *world) now() time.Time          { return time.UnixMilli(w.clock.Load()) }
func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// equal compares what fmt prints of two values.
func (w *world) equal(what string, got, want any) {
	w.Helper()
	if g, e := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != e {
		w.Errorf("%s: got %.2000s, want %.2000s", what, g, e)
	}
}

func (w *world) read() store.Queries { return w.Read(w.Context()) }

// organization makes an organization.
func (w *world) organization(id parley.ID) parley.ID {
	w.Helper()
	o := parley.Organization{ID: id, Name: "An organization"}
	w.must(w.Write(w.Context(), "", func(tx *store.Tx) error {
		if err := tx.InsertOrganization(&o); err != nil || !id.OfTest() {
			return err
		}
		return clock.Insert(tx, id)
	}))
	return id
}

func (w *world) testOrganization() parley.ID {
	w.Helper()
	return w.organization(parley.NewTestID(w.now()))
}

// in runs a unit on one organization, with its time.
func (w *world) in(organization parley.ID, f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.Write(w.Context(), organization, f))
}

// set sets a clock.
func (w *world) set(o parley.ID, c parley.Clock) {
	w.Helper()
	w.in(o, func(tx *store.Tx) error { return clock.Set(tx, o, c) })
}

// shows checks what a clock shows.
func (w *world) shows(o parley.ID, want time.Time) {
	w.Helper()
	w.in(o, func(tx *store.Tx) error { w.equal("a unit's time", tx.Now, want); return nil })
	w.equal("the time", w.Now(w.Context(), o).UTC(), want)
}

// ahead is what an organization has in the queue.
func (w *world) ahead(o parley.ID) clock.Queue {
	w.Helper()
	ahead, err := clock.Ahead(w.read(), o, w.now())
	w.must(err)
	return ahead
}

// due are the jobs of the test's kind that are due.
func (w *world) due() (ids []string) {
	w.Helper()
	jobs, err := w.read().DueJobs("test", w.now(), 100)
	w.must(err)
	for _, j := range jobs {
		ids = append(ids, string(j.Organization)+j.ID)
	}
	return ids
}

// schedule adds jobs to an organization, so long after the start.
func (w *world) schedule(o parley.ID, after ...time.Duration) {
	w.Helper()
	w.in(o, func(tx *store.Tx) error {
		for _, d := range after {
			if err := tx.Schedule(store.Job{Organization: o, ID: d.String(), Kind: "test", DueAt: w.start.Add(d)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// clocks: units on a test organization have its time, and what waits in it is due by its clock, whatever that does; nothing
// of another organization is touched.
func clocks(w *world) {
	o, other, ordinary := w.testOrganization(), w.testOrganization(), w.organization(parley.NewID(w.now()))
	for id, test := range map[parley.ID]bool{o: true, other: true, ordinary: false} {
		found, err := w.read().Organization(id)
		w.must(err)
		w.equal("made", []any{found.Test, found.CreatedAt}, []any{test, w.start})
		w.schedule(id, time.Hour, 2*time.Hour, 5*time.Hour)
	}
	if _, err := w.read().Clock(ordinary); !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("the clock of an ordinary organization: %v", err)
	}
	if err := w.Write(w.Context(), ordinary, func(tx *store.Tx) error { return clock.Insert(tx, ordinary) }); err == nil {
		w.Error("an ordinary organization got a clock")
	}
	w.shows(ordinary, w.start)

	w.advance(time.Minute)
	w.set(o, parley.Clock{Stands: true})
	w.advance(9 * time.Hour) // of the real time
	w.shows(o, w.start.Add(time.Minute))
	w.equal("due while a clock stands", len(w.due()), 6)
	w.equal("ahead", w.ahead(o), clock.Queue{Next: w.start.Add(time.Hour)})

	w.set(o, parley.Clock{Shows: w.start.Add(time.Hour), Stands: true, Target: w.start.Add(3 * time.Hour), Resumes: true})
	w.shows(o, w.start.Add(time.Hour))
	w.equal("ahead at the hour", w.ahead(o), clock.Queue{Waiting: 1, Next: w.start.Add(2 * time.Hour)})
	w.doneByTheirTimes(o)
	w.set(o, parley.Clock{Shows: w.start, Stands: true})
	w.shows(o, w.start.Add(time.Hour)) // it never goes back

	w.set(o, parley.Clock{Shows: w.start.Add(3 * time.Hour)})
	w.advance(time.Minute)
	w.shows(o, w.start.Add(3*time.Hour+time.Minute))
	w.equal("due while it goes on", w.due(), []string{string(o) + "2h0m0s"})
	w.in(o, func(tx *store.Tx) error {
		w.equal("what a past moment was", tx.Shown(w.now().Add(-time.Minute)).UTC(), w.start.Add(3*time.Hour))
		return tx.Schedule(store.Job{Organization: o, ID: "soon", Kind: "test", DueAt: tx.Now.Add(time.Minute)})
	})
	w.advance(time.Minute)
	w.equal("due a minute later", len(w.due()), 2)
	w.in(o, func(tx *store.Tx) error { return clock.Restart(tx, o) })
	w.shows(o, w.now().UTC())
}

// doneByTheirTimes does what is due: what has the real time in one unit, and that of each test organization in one of its own.
func (w *world) doneByTheirTimes(o parley.ID) {
	w.Helper()
	var done []time.Time
	units := 0
	for n := 1; n > 0; {
		var err error
		n, err = w.WriteDue(w.Context(), "test", 100, func(tx *store.Tx, jobs []store.Job) error {
			units++
			if jobs[0].Organization == o {
				done = append(done, tx.Now, jobs[0].DueAt)
				w.equal("what a past moment was", tx.Shown(w.now().Add(-time.Minute)), tx.Now)
			}
			return tx.Done(jobs)
		})
		w.must(err)
	}
	w.equal("done", done, []time.Time{w.start.Add(time.Hour), w.start.Add(time.Hour)})
	w.equal("units", units, 3)
}

// ofDeliveries: a delivery is due at once while a clock stands, and again when it shows the time.
func ofDeliveries(w *world) {
	o := w.testOrganization()
	var c parley.Channel
	w.in(o, func(tx *store.Tx) error {
		c = parley.Channel{ID: parley.NewID(w.now()), Connector: "sandbox", Platform: "sms", AddressKind: parley.AddressPhone, Settings: []byte("{}"), Open: true}
		w.must(clock.Set(tx, o, parley.Clock{Stands: true}))
		return tx.InsertChannel(o, &c)
	})
	shown := w.Now(w.Context(), o).UTC()
	job := store.Job{Organization: o, Channel: c.ID, Message: "m", Delivery: 1, Priority: 1}
	w.in(o, func(tx *store.Tx) error {
		return tx.Enqueue(job, &parley.Message{ID: "m", Conversation: "c", Sequence: 1}, tx.Now.Add(time.Hour))
	})
	due := w.deliveries()
	w.equal("due", len(due), 1)
	var claimed []store.Job
	w.must(w.WriteBackground(w.Context(), nil, func(tx *store.Tx) (err error) {
		claimed, err = tx.Claim(due, tx.Now.Add(15*time.Second))
		return err
	}))
	w.equal("claimed", len(claimed), 1)
	w.equal("waiting", w.ahead(o).Waiting, 1)
	w.in(o, func(tx *store.Tx) error {
		claimed[0].DueAt = shown.Add(30 * time.Minute)
		return tx.Retry(claimed)
	})
	w.advance(time.Hour)
	w.equal("due, while the clock stands", len(w.deliveries()), 0)
	w.in(o, func(tx *store.Tx) error {
		return clock.Set(tx, o, parley.Clock{Shows: shown.Add(30 * time.Minute), Stands: true})
	})
	w.equal("due at its time", len(w.deliveries()), 1)
	w.in(o, func(tx *store.Tx) error {
		c.Paused = true
		return tx.UpdateChannel(o, &c)
	})
	w.equal("with a paused channel", w.ahead(o), clock.Queue{Next: shown.Add(time.Hour)})
}

// ofRecords: records of test organizations are swept by their own time, and not with the others.
func ofRecords(w *world) {
	o := w.testOrganization()
	w.set(o, parley.Clock{Stands: true})
	w.in(o, func(tx *store.Tx) error {
		return tx.ClaimKey(o, &store.Idempotency{Scope: "s", Resource: "r"})
	})
	w.advance(48 * time.Hour)
	w.in("", func(tx *store.Tx) error {
		n, err := tx.DropIdempotency(tx.Now, 10)
		w.equal("swept with the others", n, 0)
		return err
	})
	for _, want := range []int64{0, 1} {
		w.in(o, func(tx *store.Tx) error {
			n, err := tx.DropIdempotencyOf(o, tx.Now.Add(-time.Hour), 10)
			w.equal("swept", n, want)
			w.must(clock.Set(tx, o, parley.Clock{Shows: tx.Now.Add(2 * time.Hour), Stands: true}))
			return err
		})
	}
}

// deliveries are those of all lines that are due.
func (w *world) deliveries() (jobs []store.Job) {
	w.Helper()
	lines, err := w.read().Lines()
	w.must(err)
	for _, l := range lines {
		found, err := w.read().DueDeliveries(l, w.now(), 1000)
		w.must(err)
		jobs = append(jobs, found...)
	}
	return jobs
}
