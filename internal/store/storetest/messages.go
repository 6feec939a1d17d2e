package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// copies: copies of a broadcast message, one in a conversation, and what became of them.
func copies(w *world) {
	o := w.organization()
	outside := []*thread{w.thread(o), w.thread(o), w.thread(o)}
	inside := []*thread{w.room(o, 3), w.room(o, 1)}
	ids := []parley.ID{}
	for _, th := range append(outside, inside...) {
		a := th.message("copy")
		a.Message.Parent = "parent"
		w.must(w.append(a))
		if err := w.append(a); err == nil {
			w.Error("two copies in one conversation")
		}
		ids = append(ids, th.id)
	}
	first, err := w.read().Deliveries(o, last(w, outside[0]))
	w.must(err)
	first[0].State, first[0].SentAt = parley.Sent, w.now()
	ref := store.DeliveryRef{Organization: o, Message: first[0].Message, Number: 1}
	w.do(func(tx *store.Tx) error {
		_, read := tx.Mark(o, inside[0].id, inside[0].users[0], store.MarkRead, 1)
		_, delivered := tx.Mark(o, inside[0].id, inside[0].users[1], store.MarkDelivered, 1)
		return errors.Join(read, delivered, tx.AdvanceDeliveries(map[store.DeliveryRef]*parley.Delivery{ref: &first[0]}))
	})
	counts, err := w.read().CopyCounts(o, "parent")
	w.must(err)
	w.equal("states", counts, map[parley.DeliveryState]int{parley.Queued: 2, parley.Sent: 1 + 2, parley.Read: 1, parley.Delivered: 1})
	have, err := w.read().CopiesIn(o, "parent", append(slices.Clone(ids), "absent"))
	w.must(err)
	w.equal("conversations with a copy", keys(have), ids)
	page, err := w.read().CopiesOf(o, "parent", ids[0], 3)
	w.must(err)
	back, err := w.read().CopiesBefore(o, "parent", ids[3], 2)
	w.must(err)
	var got []parley.ID
	for _, m := range page {
		got = append(got, m.Conversation)
	}
	for _, h := range back {
		got = append(got, h.Conversation)
	}
	w.equal("pages", got, []parley.ID{ids[1], ids[2], ids[3], ids[2], ids[1]})
	end, err := w.read().CopiesBefore(o, "parent", "", 1)
	w.must(err)
	w.equal("from the end", end[0].Conversation, ids[4])
}

// last is the newest message of a conversation.
func last(w *world, th *thread) parley.ID {
	w.Helper()
	c, err := w.read().Conversation(th.organization, th.id)
	w.must(err)
	return c.LastMessage
}

// deliveries: deliveries and their states.
func deliveries(w *world) {
	o, other := w.organization(), w.organization()
	th := w.thread(o)
	a, b := th.say("a").Message.ID, w.thread(other).say("b").Message.ID
	refs := []store.DeliveryRef{{Organization: o, Message: a, Number: 1}, {Organization: other, Message: b, Number: 1}, {Organization: o, Message: b, Number: 1}}
	found, err := w.read().DeliveriesOf(refs)
	w.must(err)
	if len(found) != 2 || found[refs[0]] == nil || found[refs[1]] == nil {
		w.Fatalf("found are %v", found)
	}
	now := w.now().UTC()
	d, e := found[refs[0]], found[refs[1]]
	d.State, d.Phase, d.Code, d.Reason, d.Attempts, d.NextAttempt, d.EndedAt = parley.Failed, parley.PhaseHandoff, "code", "reason", 3, now.Add(time.Second), now
	e.State, e.Attempts, e.SentAt, e.DeliveredAt, e.ReadAt = parley.Read, 1, now, now.Add(time.Second), now.Add(2*time.Second)
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.UpdateDeliveries(map[store.DeliveryRef]*parley.Delivery{refs[0]: d}), tx.AdvanceDeliveries(map[store.DeliveryRef]*parley.Delivery{refs[1]: e}),
			tx.UpdateDeliveries(nil), tx.AdvanceDeliveries(nil))
	})
	again, err := w.read().DeliveriesOf(refs)
	w.must(err)
	w.equal("one", *again[refs[0]], *d)
	w.equal("the other", *again[refs[1]], *e)
	retry := parley.Delivery{Message: a, Number: 2, Conversation: th.id, Channel: th.channel, State: parley.Queued, RetryOf: 1, CreatedAt: now}
	w.do(func(tx *store.Tx) error { return tx.InsertDelivery(o, &retry) })
	list, err := w.read().Deliveries(o, a)
	w.must(err)
	w.equal("all", list, []parley.Delivery{*d, retry})
	counts, err := w.read().DeliveryCounts(o, []parley.ID{a, b})
	w.must(err)
	w.equal("counts", counts, fmt.Sprintf("map[%s:map[failed:1 queued:1]]", a))
	messages, err := w.read().MessagesOf(refs)
	w.must(err)
	if len(messages) != 2 || messages[refs[0]].ID != a || messages[refs[1]].ID != b {
		w.Errorf("messages are %v", messages)
	}
	w.do(func(tx *store.Tx) error {
		c, err := tx.Contact(o, th.recipient)
		c.OptedOut = true
		return errors.Join(err, tx.UpdateContact(o, &c))
	})
	contact := parley.Actor{Kind: parley.ActorContact, ID: th.recipient}
	out, err := w.read().Refusals([]store.Wanted{{Organization: o, Recipient: contact}, {Organization: o}, {Organization: w.organization(), Recipient: contact}})
	w.must(err)
	w.equal("opted out", out, []store.Refusal{{OptedOut: true}, {}, {}})
	for _, who := range []struct {
		id   parley.ID
		a    parley.Address
		want int
	}{{th.recipient, parley.Address{}, 1}, {"", th.address, 1}, {"absent", phone("+1"), 0}, {"", parley.Address{}, 0}} {
		to, err := w.read().DeliveredTo(o, []parley.ID{a, b}, who.id, who.a)
		w.must(err)
		if len(to) != who.want || len(to) == 1 && !to[a] {
			w.Errorf("to %v: %v", who, to)
		}
	}
}

// attempts: what calls were made, and how they ended.
func attempts(w *world) {
	o := w.organization()
	message := w.thread(o).say("m").Message.ID
	now := w.now().UTC()
	row := func(number int, edit func(a *parley.Attempt)) store.AttemptRow {
		r := store.AttemptRow{Organization: o, Attempt: parley.Attempt{Message: message, Delivery: 1, Number: number, StartedAt: now}}
		edit(&r.Attempt)
		return r
	}
	ended := func(a *parley.Attempt) {
		a.EndedAt, a.Outcome, a.ProviderIDs = now.Add(time.Second), parley.AttemptAccepted, []string{"p-1", "p-2"}
	}
	failed := func(a *parley.Attempt) {
		a.EndedAt, a.Outcome, a.Code, a.Text, a.Request, a.Status = now.Add(time.Second), parley.AttemptRetry, "code", "text", "POST /", 503
	}
	for range 2 { // written again they are the same
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.WriteAttempts([]store.AttemptRow{row(2, failed), row(1, ended), row(5, failed)}), tx.WriteAttempts(nil))
		})
	}
	list, err := w.read().Attempts(o, message)
	w.must(err)
	w.equal("attempts", list, []parley.Attempt{row(1, ended).Attempt, row(2, failed).Attempt, row(5, failed).Attempt})
	ids, err := w.read().ProviderIDs(o, []parley.ID{message, "none"})
	w.must(err)
	w.equal("the provider's ids", ids, map[parley.ID][]string{message: {"p-1", "p-2"}})
	none, err := w.read().ProviderIDs(o, nil)
	w.must(err)
	w.equal("of no message", len(none), 0)
	lost := func(a *parley.Attempt) {
		a.EndedAt, a.Outcome, a.Code = now.Add(time.Second), parley.AttemptLost, "lost"
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.LoseAttempts([]store.AttemptRow{row(4, lost)}), tx.LoseAttempts(nil))
	})
	list, err = w.read().Attempts(o, message)
	w.must(err)
	w.equal("the lost one", list[2], row(4, lost).Attempt)
	w.equal("the last one", list[3], row(5, failed).Attempt)
	counted, err := w.read().Deliveries(o, message)
	w.must(err)
	w.equal("counted", counted[0].Attempts, 1)
}

// providerReferences: what a provider's ids stand for.
func providerReferences(w *world) {
	o := w.organization()
	ref := func(channel parley.ID, kind, value string) store.ProviderReference {
		return store.ProviderReference{Organization: o, Channel: channel, Kind: kind, Value: value, Message: "m" + parley.ID(value), Delivery: 2}
	}
	d := store.DeliveryRef{Organization: o, Message: "long", Number: 1}
	other := store.DeliveryRef{Organization: o, Message: "long", Number: 11}
	w.do(func(tx *store.Tx) error {
		n, err := tx.AddReferences([]store.ProviderReference{ref("c", "delivery", "a"), ref("c", "delivery", "b"), ref("c", "inbound", "a"), ref("d", "delivery", "a"),
			ref("c", "part", store.PartReference(d, "x")), ref("c", "part", store.PartReference(d, "y/1")), ref("c", "part", store.PartReference(other, "z"))})
		none, err2 := tx.AddReferences(nil)
		w.equal("new", n+none, 7)
		return errors.Join(err, err2)
	})
	message, delivery, err := w.read().Reference(o, "c", "delivery", "a")
	w.must(err)
	w.equal("it stands for", fmt.Sprint(message, delivery), fmt.Sprint("ma", 2))
	_, _, err = w.read().Reference(o, "d", "inbound", "a")
	w.notFound(err)
	refs, err := w.read().DeliveryReferences(o, "c", []string{"a", "b", "absent"})
	w.must(err)
	w.equal("they stand for", refs, map[string]store.DeliveryRef{"a": {Organization: o, Message: "ma", Number: 2}, "b": {Organization: o, Message: "mb", Number: 2}})
	parts, err := w.read().Parts("c", []store.DeliveryRef{d, other})
	w.must(err)
	w.equal("parts", parts, map[store.DeliveryRef]map[string]bool{d: {"x": true, "y/1": true}, other: {"z": true}})
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.DropReferences([]store.ProviderReference{ref("c", "part", store.PartReference(d, "x"))}), tx.DropReferences(nil))
	})
	parts, err = w.read().Parts("c", []store.DeliveryRef{d})
	w.must(err)
	w.equal("parts", parts, map[store.DeliveryRef]map[string]bool{d: {"y/1": true}})
}

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
	th.fallsBack(&before.Message)
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
