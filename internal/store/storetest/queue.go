package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const lease = 15 * time.Second

// due returns the deliveries of all lines that are due.
func (w *world) due() (jobs []store.Job) {
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

// claim claims deliveries as they were found.
func (w *world) claim(jobs ...store.Job) (claimed []store.Job) {
	w.Helper()
	w.do(func(tx *store.Tx) (err error) {
		claimed, err = tx.Claim(jobs, tx.Now.Add(lease))
		return err
	})
	return claimed
}

// held says which of the claims are held.
func (w *world) held(jobs ...store.Job) (held map[store.JobRef]store.Holding) {
	w.Helper()
	w.do(func(tx *store.Tx) (err error) {
		held, err = tx.Held(jobs)
		return err
	})
	return held
}

func messagesOf(jobs []store.Job) (ids []parley.ID) {
	for _, j := range jobs {
		ids = append(ids, j.Message)
	}
	return ids
}

// claims: each delivery that is due is claimed once, however many claim it at a time.
func claims(w *world) {
	o, other := w.organization(), w.organization()
	channels := []parley.ID{w.channel(o, nil).ID, w.channel(o, nil).ID}
	var sent []parley.ID
	for i := range 20 {
		sent = append(sent, w.threadOn(o, channels[i%2]).say("m").Message.ID)
	}
	sent = append(sent, w.thread(other).say("m").Message.ID)
	due := w.due()
	if got := messagesOf(due); len(got) != 21 {
		w.Fatalf("due are %v", got)
	}
	var mu sync.Mutex
	times := map[parley.ID]int{}
	concurrently(10, func(int) error {
		return w.try(func(tx *store.Tx) error {
			claimed, err := tx.Claim(due, tx.Now.Add(lease))
			mu.Lock()
			defer mu.Unlock()
			for _, j := range claimed {
				times[j.Message]++
				if j.Attempt != 1 {
					w.Errorf("attempt %d", j.Attempt)
				}
			}
			return err
		})
	})
	for _, id := range sent {
		if times[id] != 1 {
			w.Errorf("%s was claimed %d times", id, times[id])
		}
	}
	if left := w.due(); len(left) != 0 || len(w.claim(due...)) != 0 || len(w.claim()) != 0 {
		w.Errorf("still due are %v", left)
	}
	b, err := w.read().Backlog(w.now().Add(time.Minute))
	w.must(err)
	w.equal("the backlog", b, store.Backlog{Waiting: 21, Oldest: time.Minute})
}

// jobOf is the job of a message.
func (w *world) jobOf(jobs []store.Job, message parley.ID) store.Job {
	w.Helper()
	at := slices.IndexFunc(jobs, func(j store.Job) bool { return j.Message == message })
	if at < 0 {
		w.Fatalf("%s is not among %v", message, messagesOf(jobs))
	}
	return jobs[at]
}

// ready checks which messages have a delivery that is due.
func (w *world) ready(want ...parley.ID) []store.Job {
	w.Helper()
	due := w.due()
	got := messagesOf(due)
	slices.Sort(got)
	slices.Sort(want)
	w.equal("due", got, want)
	return due
}

// done ends jobs.
func (w *world) done(jobs ...store.Job) {
	w.Helper()
	w.do(func(tx *store.Tx) error { return tx.Done(jobs) })
}

// orderOfDeliveries: the deliveries of a conversation are due one after another, others are not held, and high
// priority may overtake.
func orderOfDeliveries(w *world) {
	o := w.organization()
	th, beside := w.thread(o), w.thread(o)
	var normal []parley.ID
	for i := range 3 {
		normal = append(normal, th.say(fmt.Sprint(i)).Message.ID)
	}
	urgent := th.message("urgent")
	urgent.Message.Priority = parley.PriorityHigh
	urgent.Jobs[0].Priority = parley.PriorityHigh.Rank()
	w.must(w.append(urgent))
	a := beside.message("two recipients")
	beside.deliver(a)
	w.must(w.append(a))
	two := a.Message.ID
	due := w.ready(normal[0], urgent.Message.ID, two)
	claimed := w.claim(w.jobOf(due, normal[0]), w.jobOf(due, two))
	w.ready(urgent.Message.ID)
	held := w.held(claimed...)
	for _, j := range claimed {
		if h := held[j.Ref()]; h.State != parley.Queued || !h.Followed {
			w.Errorf("%s is held as %+v", j.ID, h)
		}
	}
	w.done(w.jobOf(claimed, two)) // the first of its two
	due = w.ready(urgent.Message.ID, two)
	second := w.claim(w.jobOf(due, two))
	if h := w.held(second...)[second[0].Ref()]; h.Followed {
		w.Errorf("the last is held as %+v", h)
	}
	w.done(second...)
	w.done(w.jobOf(due, urgent.Message.ID))
	w.ready()
	w.backoff(th, w.jobOf(claimed, normal[0]), normal)
}

// backoff: a delivery that is tried again later holds those behind it, which follow when it ends.
func (w *world) backoff(th *thread, first store.Job, normal []parley.ID) {
	first.DueAt = w.now().Add(time.Minute)
	w.do(func(tx *store.Tx) error { return tx.Retry([]store.Job{first}) })
	w.ready()
	w.advance(time.Minute)
	again := w.jobOf(w.ready(normal[0]), normal[0])
	if again.Attempt != 1 || again.Claimed || again.Lost {
		w.Errorf("tried again is %+v", again)
	}
	again = w.claim(again)[0]
	w.do(func(tx *store.Tx) error { return tx.DoneFollowed([]store.Job{again}, nil) })
	w.ready() // whoever says that nobody follows is believed
	w.done(again)
	second := w.jobOf(w.ready(normal[1]), normal[1])
	w.do(func(tx *store.Tx) error {
		waiting, err := tx.HoldWaiting([]store.JobRef{second.Ref(), again.Ref()})
		w.equal("waiting", waiting, map[store.JobRef]store.Job{second.Ref(): second})
		return err
	})
	w.done(second)
	w.done(w.ready(normal[2])...)
	w.ready()
	w.ready(th.say("anew").Message.ID)
}

// leases: a claim is held until its lease ends and somebody claims it again; renewing pushes the end; what is no
// longer held is not renewed.
func leases(w *world) {
	o := w.organization()
	w.thread(o).say("m")
	found := w.due()
	first := w.claim(found...)
	w.advance(lease - time.Second)
	w.do(func(tx *store.Tx) error { return tx.Renew(first, tx.Now.Add(lease)) })
	w.advance(lease - time.Second)
	if due := w.due(); len(due) != 0 {
		w.Errorf("due before the end of the lease: %+v", due)
	}
	var early []store.Job
	lines, err := w.read().Lines()
	w.must(err)
	for _, line := range lines {
		found, err := w.read().DueDeliveries(line, w.now().Add(time.Hour), 10)
		w.must(err)
		early = append(early, found...)
	}
	if claimed := w.claim(early...); len(early) != 1 || len(claimed) != 0 {
		w.Errorf("found by a clock that is ahead are %d, claimed of them %+v", len(early), claimed)
	}
	w.advance(time.Second)
	lost := w.due()
	if len(lost) != 1 || !lost[0].Claimed || !lost[0].Lost || lost[0].Attempt != 1 {
		w.Fatalf("after the end of the lease due are %+v", lost)
	}
	if held := w.held(first...); len(held) != 1 {
		w.Errorf("nobody else has claimed it, and held is %v", held)
	}
	if claimed := w.claim(found...); len(claimed) != 0 {
		w.Errorf("claimed as it was found long ago: %+v", claimed)
	}
	second := w.claim(lost...)
	if len(second) != 1 || second[0].Attempt != 2 {
		w.Fatalf("claimed anew are %+v", second)
	}
	if held := w.held(second[0]); len(held) != 1 {
		w.Errorf("held are %v", held)
	}
	if held := w.held(first...); len(held) != 0 {
		w.Errorf("the first claim is held: %v", held)
	}
	w.do(func(tx *store.Tx) error { return tx.Renew(first, tx.Now.Add(time.Hour)) })
	w.advance(lease)
	due := w.due()
	if len(due) != 1 || due[0].Attempt != 2 {
		w.Fatalf("the first claim was renewed: %+v", due)
	}
	given := w.claim(due...)
	given[0].DueAt, given[0].Lost = w.now(), true
	w.do(func(tx *store.Tx) error { return tx.Retry(given) })
	if due = w.due(); len(due) != 1 || due[0].Claimed || !due[0].Lost || due[0].Attempt != 3 {
		w.Errorf("given back as lost is %+v", due)
	}
}

// claimsBeside: whoever withdraws a delivery knows of a claim that another node makes at the same time.
func claimsBeside(w *world) {
	o := w.organization()
	for name, claimed := range map[string]func(tx *store.Tx, a *store.Append, j store.Job) (bool, error){
		"waiting": func(tx *store.Tx, _ *store.Append, j store.Job) (bool, error) {
			waiting, err := tx.HoldWaiting([]store.JobRef{j.Ref()})
			return len(waiting) == 0, err
		},
		"of a message": func(tx *store.Tx, a *store.Append, _ store.Job) (bool, error) {
			jobs, err := tx.HoldJobsOf(o, &a.Message)
			return len(jobs) == 1 && jobs[0].Claimed, err
		},
	} {
		a := w.thread(o).say("m")
		found := w.jobOf(w.due(), a.Message.ID)
		var withdrawn sync.WaitGroup
		w.must(w.WriteBackground(context.Background(), nil, func(tx *store.Tx) error {
			_, err := tx.Claim([]store.Job{found}, tx.Now.Add(lease))
			withdrawn.Go(func() {
				err := w.Write(context.Background(), o, func(tx *store.Tx) error {
					known, err := claimed(tx, a, found)
					if !known {
						w.Errorf("%s: the claim is not known", name)
					}
					return err
				})
				if err != nil {
					w.Error(err)
				}
			})
			time.Sleep(50 * time.Millisecond) // it must wait
			return err
		}))
		withdrawn.Wait()
	}
}

// lostClaims: what was claimed when the store was closed is due when it is opened again, where other nodes use the
// database too when its lease has ended, and known to be lost; what was not claimed is as it was.
func lostClaims(w *world) {
	o := w.organization()
	claimed, waiting := w.thread(o), w.thread(o)
	claimed.say("claimed")
	w.claim(w.due()...)
	next := claimed.say("next").Message.ID
	later := w.due()
	waiting.say("waiting")
	if len(later) != 0 {
		w.Errorf("due are %+v", later)
	}
	wakes := w.now().Add(time.Hour)
	w.do(func(tx *store.Tx) error {
		return tx.Schedule(store.Job{Organization: o, ID: store.JobID(store.JobWake, "x"), Kind: store.JobWake, DueAt: wakes})
	})
	w.reopen()
	w.endLeases()
	due := w.due()
	if len(due) != 2 || slices.Contains(messagesOf(due), next) {
		w.Fatalf("due are %+v", due)
	}
	for _, j := range due {
		if want := j.Channel == claimed.channel; j.Lost != want || (j.Attempt == 1) != want {
			w.Errorf("due is %+v", j)
		}
	}
	at, err := w.read().NextDue(store.JobWake)
	w.must(err)
	if !at.Equal(wakes) {
		w.Errorf("a timer is due at %v", at)
	}
	if again := w.claim(due...); len(again) != 2 {
		w.Errorf("claimed are %+v", again)
	}
	w.reopen()
	w.endLeases()
	for _, j := range w.due() {
		if !j.Lost || j.Channel == claimed.channel && j.Attempt != 2 {
			w.Errorf("due is %+v", j)
		}
	}
}

// endLeases lets time go on until claims are free that were not freed when the store was opened.
func (w *world) endLeases() {
	if w.Shared() {
		w.advance(lease)
	}
}

// lanes: what channels have in the queue, and what limits their claims.
func lanes(w *world) {
	o := w.organization()
	fast := w.channel(o, func(c *parley.Channel) { c.Rate, c.Concurrency = 10, 3 }).ID
	paused := w.channel(o, func(c *parley.Channel) { c.Paused = true }).ID
	gone := w.channel(o, nil).ID
	for _, channel := range []parley.ID{fast, fast, paused, gone} {
		w.threadOn(o, channel).say("m")
	}
	low := w.threadOn(o, fast).message("low")
	low.Message.Priority = parley.PriorityLow
	low.Jobs[0].Priority = 0
	w.must(w.append(low))
	w.do(func(tx *store.Tx) error { return tx.DeleteChannel(o, gone) })
	lines := func() (list []string) {
		w.Helper()
		found, err := w.read().Lines()
		w.must(err)
		for _, l := range found {
			list = append(list, fmt.Sprint(l.Channel, " ", l.Claimed, " ", l.Priority, " ", l.Due.Sub(w.now())))
		}
		return list
	}
	line := func(channel parley.ID, claimed bool, priority int, in string) string {
		return fmt.Sprint(channel, " ", claimed, " ", priority, " ", in)
	}
	w.equal("lines", lines(), []string{line(fast, false, 0, "0s"), line(fast, false, 1, "0s"), line(paused, false, 1, "0s"), line(gone, false, 1, "0s")})
	jobs, err := w.read().DueDeliveries(store.Line{Lane: store.Lane{Organization: o, Channel: fast}, Priority: 1}, w.now(), 1)
	w.must(err)
	w.claim(jobs...)
	w.equal("lines", lines()[:3], []string{line(fast, false, 0, "0s"), line(fast, false, 1, "0s"), line(fast, true, 1, "15s")})
	want := []store.LaneState{{Lane: store.Lane{Organization: o, Channel: fast}, Rate: 10, Concurrency: 3, InFlight: 1, Arrival: 7_000_001},
		{Lane: store.Lane{Organization: o, Channel: paused}, Concurrency: 4, Paused: true},
		{Lane: store.Lane{Organization: o, Channel: gone}, Concurrency: 4, Deleted: true}, {Lane: store.Lane{Organization: o, Channel: "absent"}, Deleted: true}}
	w.do(func(tx *store.Tx) error {
		if err := tx.SetArrivals([]store.LaneState{{Lane: want[0].Lane, Arrival: 5}}); err != nil {
			return err
		}
		if err := tx.SetArrivals(want[:1]); err != nil {
			return err
		}
		got, err := tx.LaneStates([]store.Lane{want[0].Lane, want[1].Lane, want[2].Lane, want[3].Lane})
		slices.SortFunc(got, func(a, b store.LaneState) int {
			return slices.IndexFunc(want, isLane(a)) - slices.IndexFunc(want, isLane(b))
		})
		for i := range got[:3] {
			w.equal("what it is", got[i].Connector+got[i].Platform, "sandboxsms")
			got[i].Connector, got[i].Platform = "", ""
		}
		w.equal("states", got, want)
		return err
	})
	channels, err := w.read().ChannelsOf([]store.Lane{want[0].Lane, want[2].Lane, want[3].Lane})
	w.must(err)
	if len(channels) != 1 || channels[want[0].Lane].ID != fast {
		w.Errorf("channels are %v", channels)
	}
}

func isLane(s store.LaneState) func(store.LaneState) bool {
	return func(o store.LaneState) bool { return o.Lane == s.Lane }
}
