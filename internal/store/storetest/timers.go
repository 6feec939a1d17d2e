package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// timers: jobs are due at their times, earliest first, across organizations; one of an id is there once, and has the
// time and payload that it was given last.
func timers(w *world) {
	organizations := []parley.ID{w.organization(), w.organization()}
	job := func(o parley.ID, about string, in time.Duration) store.Job {
		return store.Job{Organization: o, ID: store.JobID(store.JobWake, about), Kind: store.JobWake, DueAt: w.now().Add(in), Payload: about + in.String(), Message: "m", Delivery: 2}
	}
	if at, err := w.read().NextDue(store.JobWake); err != nil || !at.IsZero() {
		w.Errorf("nothing is due at %v, %v", at, err)
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.Schedule(), tx.Schedule(job(organizations[0], "b", 3*time.Second), job(organizations[1], "a", time.Second), job(organizations[0], "a", 9*time.Second)),
			tx.Schedule(job(organizations[0], "a", 2*time.Second)),
			tx.Schedule(store.Job{Organization: organizations[0], ID: store.JobID(store.JobBlob, "a"), Kind: store.JobBlob, DueAt: tx.Now}))
	})
	at, err := w.read().NextDue(store.JobWake)
	w.must(err)
	w.equal("the next", at, w.now().Add(time.Second).UTC())
	due := func(limit int, want ...string) (jobs []store.Job) {
		w.Helper()
		w.do(func(tx *store.Tx) (err error) {
			jobs, err = tx.DueJobs(store.JobWake, tx.Now, limit)
			return err
		})
		var got []string
		for _, j := range jobs {
			got = append(got, j.Payload)
		}
		w.equal("due", got, want)
		return jobs
	}
	due(10)
	w.advance(5 * time.Second)
	due(2, "a1s", "a2s")
	jobs := due(10, "a1s", "a2s", "b3s")
	j := jobs[0]
	w.equal("a job", fmt.Sprint(j.Organization, j.Kind, j.Message, j.Delivery, j.Attempt, j.Lost, j.CreatedAt), fmt.Sprint(organizations[1], "wake", "m", 2, 0, false,
		w.now().Add(-5*time.Second).UTC()))
	w.do(func(tx *store.Tx) error { return tx.Done(jobs[:2]) })
	due(10, "b3s")
	w.do(func(tx *store.Tx) error { return errors.Join(tx.Done(nil), tx.Retry(nil), tx.Done(jobs)) })
	due(10)
}

// receiptsDue: timers of receipts come with their deliveries' states.
func (th *thread) receiptsDue(a *store.Append) {
	w, o := th.w, th.organization
	receipt := func(about string, delivery int) store.Job {
		return store.Job{Organization: o, ID: store.JobID(store.JobReceipt, string(a.Message.ID)+about), Kind: store.JobReceipt, DueAt: w.now(), Message: a.Message.ID,
			Delivery: delivery, Payload: about}
	}
	w.do(func(tx *store.Tx) error { return tx.Schedule(receipt("there", 1), receipt("absent", 9)) })
	w.do(func(tx *store.Tx) error {
		timers, err := tx.DueJobs(store.JobReceipt, tx.Now, 10)
		w.must(err)
		found, err := tx.DueReceipts(timers)
		got := map[string]store.DueReceipt{}
		for _, r := range found {
			got[r.Payload] = r
		}
		there, absent := got["there"], got["absent"]
		if len(found) != 2 || there.State != parley.Queued || there.Conversation != th.id || there.Number != 1 || !there.Smooth || absent.State != "" {
			w.Errorf("due are %+v", found)
		}
		return err
	})
}

// jobsOfAMessage: the jobs of a message are found, and only they; a delivery that is added later waits its turn.
func jobsOfAMessage(w *world) {
	o := w.organization()
	th := w.thread(o)
	before := th.say("before")
	a := th.message("m")
	a.Message.TTL, a.Message.Validity = time.Hour, time.Minute
	for _, kind := range []store.JobKind{store.JobExpire, store.JobFanOut} {
		a.Jobs = append(a.Jobs, store.Job{Organization: o, ID: store.JobID(kind, string(a.Message.ID)), Kind: kind, Message: a.Message.ID})
	}
	w.must(w.append(a))
	th.receiptsDue(a)
	th.say("after")
	jobs, err := w.read().JobsOf(o, &a.Message)
	w.must(err)
	kinds := map[store.JobKind]int{}
	for _, j := range jobs {
		kinds[j.Kind]++
		if j.Message != a.Message.ID {
			w.Errorf("another's job: %+v", j)
		}
	}
	if kinds[store.JobDeliver] != 1 || kinds[store.JobExpire] != 1 || kinds[store.JobFanOut] != 1 || kinds[store.JobReceipt] != 2 {
		w.Errorf("its jobs are %v", kinds)
	}
	pending, err := w.read().FanningOut(o, []parley.ID{before.Message.ID, a.Message.ID})
	w.must(err)
	w.equal("fanning out", pending, map[parley.ID]bool{a.Message.ID: true})
	again := store.Job{Organization: o, Channel: th.channel, Priority: parley.PriorityNormal.Rank(), Message: before.Message.ID, Delivery: 2}
	w.do(func(tx *store.Tx) error {
		d := parley.Delivery{Message: before.Message.ID, Number: 2, Conversation: th.id, Channel: th.channel, State: parley.Queued, RetryOf: 1}
		return errors.Join(tx.InsertDelivery(o, &d), tx.Enqueue(again, &before.Message, w.now().Add(time.Hour)))
	})
	due := w.due()
	w.equal("due", messagesOf(due), []parley.ID{before.Message.ID})
	w.done(w.claim(due[0])...)
	due = w.due()
	if len(due) != 1 || due[0].Message != before.Message.ID || due[0].Delivery != 2 {
		w.Errorf("due are %+v", due)
	}
}

// dueWork: what is due is done once, however many do it at the same time; what a unit that failed did is due again.
func dueWork(w *world) {
	organizations := []parley.ID{w.organization(), w.organization(), w.organization()}
	const each = 20
	w.do(func(tx *store.Tx) error {
		var jobs []store.Job
		for _, o := range organizations {
			for i := range each {
				jobs = append(jobs, store.Job{Organization: o, ID: store.JobID(store.JobWake, fmt.Sprint(i)), Kind: store.JobWake, DueAt: tx.Now})
			}
		}
		return tx.Schedule(jobs...)
	})
	work := func(fail bool) (int, error) {
		return w.WriteDue(context.Background(), store.JobWake, 7, func(tx *store.Tx, jobs []store.Job) error {
			for _, j := range jobs {
				tx.Emit(j.Organization, parley.Event{Type: parley.EventContactUpdated, Subject: parley.ID(j.ID)})
			}
			if fail {
				return errOwn
			}
			return tx.Done(jobs)
		})
	}
	if _, err := work(true); !errors.Is(err, errOwn) {
		w.Errorf("a unit that failed is told %v", err)
	}
	concurrently(6, func(int) error {
		for {
			if n, err := work(false); n == 0 || err != nil {
				return err
			}
		}
	})
	for n := 1; n > 0; { // who found others at work has left the rest to them
		var err error
		n, err = work(false)
		w.must(err)
	}
	latest, err := w.read().LatestEvents(append(organizations, "absent"))
	w.must(err)
	want := map[parley.ID]int64{}
	for _, o := range organizations {
		want[o] = each
	}
	w.equal("done", latest, want)
}

// oneHolder: where several use a database, one of them has a lease, until it is over.
func oneHolder(w *world) {
	hold := func(who string) bool {
		w.Helper()
		held, err := w.Lease(context.Background(), "what", who, time.Minute)
		w.must(err)
		return held
	}
	alone := !w.Shared() // then there is nobody to keep it from
	w.equal("holding", []bool{hold("a"), hold("b"), hold("a")}, []bool{true, alone, true})
	w.advance(time.Minute)
	w.equal("holding, later", []bool{hold("b"), hold("a")}, []bool{true, alone})
}
