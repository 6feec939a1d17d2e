package storetest

import (
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/webhook"
)

// webhooks: endpoints and how far they are; who may post to one.
func webhooks(w *world) {
	o, other := w.organization(), w.organization()
	endpoint := parley.Webhook{ID: w.id(), Format: "f", Name: "EMR", URL: "https://emr.example.org/", Key: w.id(), Secrets: []parley.WebhookSecret{{ID: w.id(), Value: "s"}}}
	beside := parley.Webhook{ID: w.id(), Format: "g", Name: "n", URL: "https://example.org/", Key: w.id()}
	w.do(func(tx *store.Tx) error { return webhook.Insert(tx, o, &endpoint, 7) })
	w.advance(time.Second)
	w.do(func(tx *store.Tx) error { return webhook.Insert(tx, o, &beside, 0) })
	got, err := webhook.Get(w.read(), o, endpoint.ID)
	w.must(err)
	w.equal("an endpoint", got, endpoint)
	_, err = webhook.Get(w.read(), other, endpoint.ID)
	w.equal("elsewhere", parley.IsKind(err, parley.KindNotFound), true)
	all, err := webhook.List(w.read(), o)
	w.must(err)
	w.equal("all", []parley.ID{all[0].ID, all[1].ID}, []parley.ID{endpoint.ID, beside.ID})

	places := func(organizations ...parley.ID) (ids []parley.ID) {
		list, err := webhook.Places(w.read(), organizations)
		w.must(err)
		for _, p := range list {
			ids = append(ids, p.Webhook)
		}
		return ids
	}
	w.equal("places", places(o, other), []parley.ID{endpoint.ID, beside.ID})
	w.equal("places of nobody", places(), []parley.ID(nil))

	w.holdsOfWebhook(o, &endpoint)

	endpoint.Paused, endpoint.Reason, endpoint.Key = true, parley.PausedByHand, w.id()
	w.do(func(tx *store.Tx) error { return webhook.Update(tx, o, &endpoint) })
	got, err = webhook.Get(w.read(), o, endpoint.ID)
	w.must(err)
	w.equal("it is paused", got, endpoint)
	w.equal("places that are not paused", places(o), []parley.ID{beside.ID})
	w.do(func(tx *store.Tx) error {
		_, found, err := webhook.Hold(tx, o, endpoint.ID, "b", time.Minute, true)
		w.equal("held while it is paused", found, false)
		return err
	})

	w.do(func(tx *store.Tx) error {
		return webhook.Add(tx, o, endpoint.ID, []parley.Post{{Kind: "k", State: parley.PostDelivered}})
	})
	w.do(func(tx *store.Tx) error { return webhook.Delete(tx, o, endpoint.ID) })
	all, err = webhook.List(w.read(), o)
	w.must(err)
	w.equal("what is left", len(all), 1)
	left, err := webhook.Page(w.read(), o, endpoint.ID, time.UnixMilli(0), w.now(), parley.PostKey{At: w.now()}, 10)
	w.must(err)
	w.equal("posts that are left", len(left), 0)
	w.do(func(tx *store.Tx) error {
		moved, err := webhook.Advance(tx, "b", 9, webhook.Place{Organization: o, Webhook: endpoint.ID, Through: 10}, time.Minute)
		w.equal("it moves no more", moved, false)
		return err
	})
}

// holdsOfWebhook: one holder moves the place of an endpoint on, which is at 7.
func (w *world) holdsOfWebhook(o parley.ID, endpoint *parley.Webhook) {
	const lasts = 10 * time.Second
	hold := func(holder string, alone bool) (p webhook.Place, found bool) {
		w.do(func(tx *store.Tx) (err error) {
			p, found, err = webhook.Hold(tx, o, endpoint.ID, holder, lasts, alone)
			return err
		})
		return p, found
	}
	held := func(what, holder string, alone, want bool) {
		w.Helper()
		_, found := hold(holder, alone)
		w.equal(what, found, want)
	}
	at, found := hold("a", false)
	w.equal("it is held", found, true)
	w.equal("where it begins", at, webhook.Place{Organization: o, Webhook: endpoint.ID, Through: 7})
	held("by somebody else", "b", false, false)
	held("by the same", "a", false, true)
	held("on a database of one", "c", true, true)
	w.advance(lasts + time.Second)
	held("after its time", "a", false, true)

	advance := func(holder string, from int64, to webhook.Place) (moved bool) {
		w.do(func(tx *store.Tx) (err error) {
			moved, err = webhook.Advance(tx, holder, from, to, lasts)
			return err
		})
		return moved
	}
	to := webhook.Place{Organization: o, Webhook: endpoint.ID, Through: 9, Window: w.now().UTC(), Count: 2}
	w.equal("moved by another", advance("b", 7, to), false)
	w.equal("moved from elsewhere", advance("a", 8, to), false)
	w.equal("moved", advance("a", 7, to), true)
	w.do(func(tx *store.Tx) error { return webhook.Release(tx, o, endpoint.ID, "a") })
	at, found = hold("b", false)
	w.equal("it was let go", found, true)
	w.equal("where it goes on", at, to)
}

// webhookPosts: what was posted, what is to be posted again and when.
func webhookPosts(w *world) {
	o, id := w.organization(), w.id()
	at := w.now().Truncate(time.Millisecond).UTC()
	post := func(n int, next time.Time) parley.Post {
		p := parley.Post{PostKey: parley.PostKey{At: at.Add(time.Duration(n) * time.Second), Sequence: int64(n), Part: n % 2}, Kind: "k", State: parley.PostDelivered,
			Attempts: 1, Status: 200, TriedAt: at, NextAt: next}
		if !next.IsZero() {
			p.State, p.Status, p.Code = parley.PostWaiting, 500, "c"
		}
		return p
	}
	posts := []parley.Post{post(1, time.Time{}), post(2, at.Add(time.Minute)), post(3, at.Add(2*time.Minute)), post(4, time.Time{})}
	for range 2 { // what was posted again after a crash was noted
		w.do(func(tx *store.Tx) error { return webhook.Add(tx, o, id, posts) })
	}
	w.do(func(tx *store.Tx) error { return webhook.Add(tx, o, id, nil) })
	last := parley.PostKey{At: at.Add(time.Hour)}
	page := func(since, until time.Time, before parley.PostKey, limit int) []parley.Post {
		list, err := webhook.Page(w.read(), o, id, since, until, before, limit)
		w.must(err)
		return list
	}
	w.equal("the newest", page(at, last.At, last, 2), []parley.Post{posts[3], posts[2]})
	w.equal("the others", page(at, last.At, posts[2].PostKey, 5), []parley.Post{posts[1], posts[0]})
	w.equal("of a time", page(posts[1].At, posts[2].At, last, 5), []parley.Post{posts[1]})
	next, err := webhook.Next(w.read(), o, id)
	w.must(err)
	w.equal("the next", next, posts[1].NextAt)

	w.retriesOfWebhook(o, id, &posts[1], func() parley.Post { return page(posts[1].At, posts[2].At, last, 1)[0] })
	w.do(func(tx *store.Tx) error {
		n, err := webhook.Drop(tx, o, id, last.At, 2)
		w.equal("dropped", n, int64(2))
		return err
	})
	w.do(func(tx *store.Tx) error {
		_, err := webhook.Drop(tx, o, id, last.At, 5)
		return err
	})
	w.equal("what waits stays", page(at, last.At, last, 5), []parley.Post{posts[2]})
}

// retriesOfWebhook: a post that is due in a minute is begun again, and ended by who began it last.
func (w *world) retriesOfWebhook(o, id parley.ID, post *parley.Post, now func() parley.Post) {
	begin := func() (due []parley.Post) {
		w.do(func(tx *store.Tx) (err error) {
			due, err = webhook.Begin(tx, o, id, 10)
			return err
		})
		return due
	}
	w.equal("nothing is due", len(begin()), 0)
	w.advance(time.Minute)
	due := begin()
	if len(due) != 1 || due[0].Sequence != post.Sequence || due[0].Attempts != 2 || due[0].TriedAt.IsZero() {
		w.Fatalf("due are %+v", due)
	}
	again := begin() // by another, when the first is given up
	if len(again) != 1 || again[0].Attempts != 3 {
		w.Fatalf("again due are %+v", again)
	}
	finish := func(p parley.Post) {
		p.State, p.Status, p.Code, p.NextAt = parley.PostDelivered, 204, "", time.Time{}
		w.do(func(tx *store.Tx) error { return webhook.Finish(tx, o, id, []parley.Post{p}) })
	}
	finish(due[0])
	w.equal("what was given up says nothing", now().State, parley.PostWaiting)
	finish(again[0])
	w.equal("it is delivered", now().State, parley.PostDelivered)
	finish(again[0])
}

// takenJobs: work that is begun in one transaction and ended in another is not begun again meanwhile.
func takenJobs(w *world) {
	o := w.organization()
	job := webhook.RetryJob(o, w.id(), w.now().Add(time.Minute))
	sooner := func(in time.Duration) {
		j := job
		j.DueAt = w.now().Add(in)
		w.do(func(tx *store.Tx) error { return tx.ScheduleSooner(j) })
	}
	next := func() time.Time {
		at, err := w.read().NextDue(webhook.JobRetry)
		w.must(err)
		return at
	}
	began := w.now().Truncate(time.Millisecond).UTC()
	sooner(time.Minute)
	sooner(2 * time.Minute)
	w.equal("a later time changes nothing", next(), began.Add(time.Minute))
	sooner(time.Second)
	w.equal("an earlier one counts", next(), began.Add(time.Second))
	w.advance(2 * time.Second)
	due := func() (jobs []store.Job) {
		w.do(func(tx *store.Tx) (err error) {
			jobs, err = tx.DueJobs(webhook.JobRetry, tx.Now, 10)
			return err
		})
		return jobs
	}
	taken := due()[0]
	w.do(func(tx *store.Tx) error { return tx.Take(&taken, 30*time.Second) })
	w.equal("what is taken is not due", len(due()), 0)
	sooner(0)
	w.equal("nor made due", len(due()), 0)
	holds := func(j store.Job) bool {
		held, err := w.read().Holds(&j)
		w.must(err)
		return held
	}
	w.equal("it is held", holds(taken), true)
	w.advance(time.Minute)
	later := due()[0]
	w.do(func(tx *store.Tx) error { return tx.Take(&later, 30*time.Second) })
	w.equal("it is another's", holds(taken), false)
	w.equal("who holds it", holds(later), true)
	later.DueAt = w.now().Add(time.Second)
	w.do(func(tx *store.Tx) error { return tx.GiveBack(&later) })
	w.equal("it is given back", holds(later), false)
	w.equal("when it is due", next(), later.DueAt.Truncate(time.Millisecond).UTC())
	w.advance(2 * time.Second)
	w.equal("what it is about", due()[0].Payload, job.Payload)
}

// eventsAt: events are found by their numbers, wherever in a run they are.
func eventsAt(w *world) {
	o, other := w.organization(), w.organization()
	for n := range 3 {
		w.do(func(tx *store.Tx) error {
			for i := range 3 {
				tx.Emit(o, parley.Event{Type: parley.EventTeamUpdated, Data: parley.EventData{Number: 10*n + i}})
			}
			return nil
		})
	}
	found := func(organization parley.ID, sequences ...int64) (numbers []int) {
		events, err := w.read().EventsAt(organization, sequences)
		w.must(err)
		for _, e := range events {
			numbers = append(numbers, e.Data.Number)
		}
		return numbers
	}
	kept, err := w.read().LogRange(o)
	w.must(err)
	last := kept.Latest
	w.equal("some", found(o, last, last-2, last-7, last+1), []int{1, 20, 22})
	w.equal("none", found(o), []int(nil))
	w.equal("elsewhere", found(other, last+100), []int(nil))
}
