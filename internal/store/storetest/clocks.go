package storetest

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// testOrganization makes a test organization.
func (w *world) testOrganization() parley.ID {
	w.Helper()
	o := parley.Organization{ID: parley.NewTestID(w.now()), Name: "A test organization", Test: true}
	w.must(w.Write(context.Background(), "", func(tx *store.Tx) error { return tx.InsertOrganization(&o) }))
	return o.ID
}

// in runs a unit on one organization, with its time.
func (w *world) in(organization parley.ID, f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.Write(context.Background(), organization, f))
}

// dueNow are the jobs of a kind that are due.
func (w *world) dueNow(kind store.JobKind) (ids []string) {
	w.Helper()
	jobs, err := w.read().DueJobs(kind, w.now(), 100)
	w.must(err)
	for _, j := range jobs {
		ids = append(ids, string(j.Organization)+j.ID)
	}
	return ids
}

// clocks: units on a test organization have its time, and what waits in it is due by its clock, whatever that does; nothing
// of another organization is touched.
func clocks(w *world) {
	o, other, ordinary := w.testOrganization(), w.testOrganization(), w.organization()
	start := w.now().UTC()
	for _, id := range []parley.ID{o, other} {
		found, err := w.read().Organization(id)
		w.must(err)
		w.equal("made", []any{found.Test, found.CreatedAt}, []any{true, start})
	}
	if err := w.try(func(tx *store.Tx) error {
		return tx.InsertOrganization(&parley.Organization{ID: w.id(), Test: true})
	}); err == nil {
		w.Error("a test organization whose id does not say so was made")
	}
	_, err := w.read().Clock(ordinary)
	w.notFound(err)
	w.equal("the time of an organization without a clock", w.Now(context.Background(), ordinary).UTC(), start)

	set := func(c parley.Clock) {
		w.Helper()
		w.in(o, func(tx *store.Tx) error { return tx.SetClock(o, c) })
	}
	shows := func(want time.Time) {
		w.Helper()
		w.in(o, func(tx *store.Tx) error { w.equal("a unit's time", tx.Now, want); return nil })
		w.equal("the time", w.Now(context.Background(), o).UTC(), want)
	}
	in := func(d time.Duration) store.Job {
		return store.Job{ID: d.String(), Kind: "test", DueAt: start.Add(d)}
	}
	for _, id := range []parley.ID{o, other, ordinary} {
		w.in(id, func(tx *store.Tx) error {
			for _, d := range []time.Duration{time.Hour, 2 * time.Hour, 5 * time.Hour} {
				j := in(d)
				j.Organization = id
				w.must(tx.Schedule(j))
			}
			return nil
		})
	}

	w.advance(time.Minute)
	set(parley.Clock{Stands: true})
	w.advance(9 * time.Hour) // of the real time
	shows(start.Add(time.Minute))
	w.equal("due while a clock stands", len(w.dueNow("test")), 6)
	ahead, err := w.read().Ahead(o, w.now())
	w.must(err)
	w.equal("ahead", ahead, store.Ahead{Next: start.Add(time.Hour)})

	set(parley.Clock{Shows: ahead.Next, Stands: true, Target: start.Add(3 * time.Hour), Resumes: true})
	shows(start.Add(time.Hour))
	ahead, err = w.read().Ahead(o, w.now())
	w.must(err)
	w.equal("ahead at the hour", ahead, store.Ahead{Waiting: 1, Next: start.Add(2 * time.Hour)})
	var done []time.Time
	for range 3 { // one for those that have the real time, and one for each that has not
		_, err := w.WriteDue(context.Background(), "test", 100, func(tx *store.Tx, jobs []store.Job) error {
			if jobs[0].Organization == o {
				done = append(done, tx.Now, jobs[0].DueAt)
				w.equal("what a past moment was", tx.Shown(w.now().Add(-time.Minute)), tx.Now)
			}
			return tx.Done(jobs)
		})
		w.must(err)
	}
	w.equal("done", done, []time.Time{start.Add(time.Hour), start.Add(time.Hour)})
	set(parley.Clock{Shows: start, Stands: true})
	shows(start.Add(time.Hour)) // it never goes back

	set(parley.Clock{Shows: start.Add(3 * time.Hour)})
	w.advance(time.Minute)
	shows(start.Add(3*time.Hour + time.Minute))
	w.equal("due while it goes on", w.dueNow("test"), []string{string(o) + "2h0m0s"})
	w.in(o, func(tx *store.Tx) error {
		w.equal("what a past moment was", tx.Shown(w.now().Add(-time.Minute)).UTC(), start.Add(3*time.Hour))
		return tx.Schedule(store.Job{Organization: o, ID: "soon", Kind: "test", DueAt: tx.Now.Add(time.Minute)})
	})
	w.advance(time.Minute)
	w.equal("due a minute later", len(w.dueNow("test")), 2)
	w.clocksOfDeliveries(o)
	w.recordsOfClocks(o)
}

// clocksOfDeliveries: a delivery is due at once while a clock stands, and again when it shows the time.
func (w *world) clocksOfDeliveries(o parley.ID) {
	w.Helper()
	var c parley.Channel
	w.in(o, func(tx *store.Tx) error {
		c = parley.Channel{ID: w.id(), Connector: "sandbox", Platform: "sms", AddressKind: parley.AddressPhone, Settings: []byte("{}"), Open: true}
		w.must(tx.SetClock(o, parley.Clock{Stands: true}))
		return tx.InsertChannel(o, &c)
	})
	shown := w.Now(context.Background(), o).UTC()
	job := store.Job{Organization: o, Channel: c.ID, Message: "m", Delivery: 1, Priority: 1}
	w.in(o, func(tx *store.Tx) error {
		return tx.Enqueue(job, &parley.Message{ID: "m", Conversation: "c", Sequence: 1}, tx.Now.Add(time.Hour))
	})
	due := w.due()
	w.equal("due", len(due), 1)
	claimed := w.claim(due...)
	w.equal("claimed", len(claimed), 1)
	ahead, err := w.read().Ahead(o, w.now())
	w.must(err)
	w.equal("waiting", ahead.Waiting, 3) // the claim, and what is due in the queue still
	w.in(o, func(tx *store.Tx) error {
		claimed[0].DueAt = shown.Add(30 * time.Minute)
		return tx.Retry(claimed)
	})
	w.advance(time.Hour)
	w.equal("due, while the clock stands", len(w.due()), 0)
	w.in(o, func(tx *store.Tx) error {
		return tx.SetClock(o, parley.Clock{Shows: shown.Add(30 * time.Minute), Stands: true})
	})
	w.equal("due at its time", len(w.due()), 1)
	w.in(o, func(tx *store.Tx) error {
		c.Paused = true
		return tx.UpdateChannel(o, &c)
	})
	ahead, err = w.read().Ahead(o, w.now())
	w.must(err)
	w.equal("with a paused channel", ahead, store.Ahead{Waiting: 2, Next: shown.Add(time.Hour)})
}

// recordsOfClocks: records of test organizations are swept by their own time, and not with the others.
func (w *world) recordsOfClocks(o parley.ID) {
	w.Helper()
	w.in(o, func(tx *store.Tx) error {
		return tx.ClaimKey(o, &store.Idempotency{Scope: "s", Resource: "r"})
	})
	w.advance(48 * time.Hour)
	w.do(func(tx *store.Tx) error {
		n, err := tx.DropIdempotency(tx.Now, 10)
		w.equal("swept with the others", n, 0)
		return err
	})
	for _, want := range []int64{0, 1} {
		w.in(o, func(tx *store.Tx) error {
			n, err := tx.DropIdempotencyOf(o, tx.Now.Add(-time.Hour), 10)
			w.equal("swept", n, want)
			w.must(tx.SetClock(o, parley.Clock{Shows: tx.Now.Add(2 * time.Hour), Stands: true}))
			return err
		})
	}
}
