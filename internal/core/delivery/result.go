package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/escalation"
)

// Finish writes what became of deliveries, of those whose claims are still held, in one transaction: states,
// attempts, provider ids, the receipts that a simulator will report and those that came before this, events,
// and what the queue does next. Written again, it changes nothing. Of claims that are lost it writes what a provider took.
//
// Those of test organizations have transactions of their own, with their times.
func (d *Deliveries) Finish(ctx context.Context, results []*Result) error {
	rest := flat(results)
	for len(rest) > 0 {
		var part []*Result
		part, rest = ofOneTime(rest)
		if err := d.finish(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// ofOneTime divides results into those that have the time of the first of them, and the others.
func ofOneTime(results []*Result) (part, others []*Result) {
	if !slices.ContainsFunc(results, func(r *Result) bool { return r.work.job.Organization.OfTest() }) {
		return results, nil
	}
	first := results[0].work.job.Organization
	for _, r := range results {
		if o := r.work.job.Organization; o == first || !o.OfTest() && !first.OfTest() {
			part = append(part, r)
		} else {
			others = append(others, r)
		}
	}
	return part, others
}

func (d *Deliveries) finish(ctx context.Context, results []*Result) error {
	claims := make([]store.Job, len(results))
	for i, r := range results {
		claims[i] = r.work.job
	}
	return d.store.WriteClaimed(ctx, claims, func(tx *store.Tx) error {
		held, err := tx.Held(claims)
		if err != nil {
			return err
		}
		b := newBatch(tx)
		changed, err := b.reread(results, held)
		if err != nil {
			return err
		}
		for _, r := range results {
			holding, ok := held[r.work.job.Ref()]
			if !ok {
				if err := b.late(r, changed[r.work.ref()]); err != nil {
					return err
				}
				continue
			}
			del := changed[r.work.ref()]
			if del == nil && holding.State != "" {
				own := *r.work.delivery
				del = &own
			}
			if err := b.result(r, del, holding.Followed); err != nil {
				return err
			}
		}
		if err := b.collectParked(); err != nil {
			return err
		}
		b.referParts(results)
		return b.write()
	})
}

// flat are results and those that came with them.
func flat(results []*Result) []*Result {
	list := make([]*Result, 0, len(results))
	for _, r := range results {
		list = append(append(list, r), r.with...)
	}
	return list
}

// batch is what one transaction changes about deliveries.
type batch struct {
	tx         *store.Tx
	deliveries map[store.DeliveryRef]*parley.Delivery
	troubled   map[store.DeliveryRef]bool // something is or was wrong with them
	ended      []store.AttemptRow         // attempts that were made
	references []store.ProviderReference
	parts      map[store.DeliveryRef]map[string]bool // that have not arrived, by their provider ids
	arrived    []store.ProviderReference
	over       []store.DeliveryRef // read, or ended otherwise
	failed     []store.DeliveryRef
	escalating []store.DeliveryRef // of those that failed, whose messages escalate
	timers     []store.Job
	again      []store.Job
	done       []store.Job
	followed   []store.Job // of those done
}

func newBatch(tx *store.Tx) *batch {
	return &batch{tx: tx, deliveries: map[store.DeliveryRef]*parley.Delivery{}, troubled: map[store.DeliveryRef]bool{},
		parts: map[store.DeliveryRef]map[string]bool{}}
}

// reread reads those deliveries that are not as they were when they were claimed, or whose claims are lost.
func (b *batch) reread(results []*Result, held map[store.JobRef]store.Holding) (map[store.DeliveryRef]*parley.Delivery, error) {
	var refs []store.DeliveryRef
	for _, r := range results {
		holding, ok := held[r.work.job.Ref()]
		if !ok && r.taken() || ok && (r.work.delivery == nil || holding.State != r.work.delivery.State) {
			refs = append(refs, r.work.ref())
		}
	}
	return b.tx.DeliveriesOf(refs)
}

// result adds what one result changes. A delivery that does not exist any more has no job either.
func (b *batch) result(r *Result, del *parley.Delivery, followed bool) error {
	job, ref := r.work.job, r.work.ref()
	if del != nil {
		b.deliveries[ref] = del
		b.attempt(r, del)
		if r.news.State == "" && !r.drop && del.State == parley.Queued {
			b.retry(r, del)
			return nil
		}
		b.move(ref, del, r.news, r.code, r.reason, b.tx.Now)
	}
	b.done = append(b.done, job)
	if followed {
		b.followed = append(b.followed, job)
	}
	b.refer(r)
	later := b.atOnce(ref, del, r.later)
	timers, err := timersOf(&job, later, b.tx.Now)
	b.timers = append(append(b.timers, timers...), playsOf(&job, r.answers, b.tx.Now)...)
	return err
}

// taken reports whether the provider took the message.
func (r *Result) taken() bool { return r.made && r.outcome == parley.AttemptAccepted }

// late is a result whose claim was lost, while this node or the database could not be reached: another node could only say that
// nobody knows, or ask or send again. What the provider took it has, whatever was made of it.
func (b *batch) late(r *Result, del *parley.Delivery) error {
	if !r.taken() || del == nil || del.State != parley.Queued && del.State != parley.Unknown {
		return nil
	}
	waiting, err := b.tx.HoldWaiting([]store.JobRef{r.work.job.Ref()}) // to be sent again
	if err != nil || !b.move(r.work.ref(), del, r.news, "", "", b.tx.Now) {
		return err
	}
	for _, job := range waiting {
		b.done, b.followed = append(b.done, job), append(b.followed, job)
	}
	b.ended = append(b.ended, b.attemptOf(r))
	b.refer(r)
	return nil
}

// atOnce applies the receipts that a simulator reports without delay, and returns the others.
func (b *batch) atOnce(ref store.DeliveryRef, del *parley.Delivery, later []connector.Later) []connector.Later {
	for i, l := range later {
		if l.After > 0 {
			return later[i:]
		}
		b.reports(ref, del, []report{newReport(l.Report)})
	}
	return nil
}

// refer keeps the provider's ids; several are parts, all of which have to arrive.
func (b *batch) refer(r *Result) {
	job, ref := &r.work.job, r.work.ref()
	for _, id := range r.ids {
		b.references = append(b.references, store.ProviderReference{Organization: job.Organization, Channel: job.Channel, Kind: store.KindDelivery,
			Value: id, Message: job.Message, Delivery: job.Delivery})
		if len(r.ids) == 1 {
			return
		}
		if b.parts[ref] == nil {
			b.parts[ref] = make(map[string]bool, len(r.ids))
		}
		b.parts[ref][id] = true
	}
}

// referParts keeps the ids of parts that have not arrived.
func (b *batch) referParts(results []*Result) {
	b.arrived = nil // they have not been kept
	if len(b.parts) == 0 {
		return
	}
	for _, r := range results {
		job, ref := &r.work.job, r.work.ref()
		for id := range b.parts[ref] {
			b.references = append(b.references, store.ProviderReference{Organization: job.Organization, Channel: job.Channel, Kind: kindPart,
				Value: store.PartReference(ref, id), Message: job.Message, Delivery: job.Delivery})
		}
	}
}

// attempt writes how the attempt ended, if it was made.
func (b *batch) attempt(r *Result, del *parley.Delivery) {
	if !r.made {
		return
	}
	del.Attempts++
	b.ended = append(b.ended, b.attemptOf(r))
}

// attemptOf is the call as it is kept.
func (b *batch) attemptOf(r *Result) store.AttemptRow {
	attempt := attemptOf(&r.work.job)
	attempt.StartedAt, attempt.EndedAt, attempt.Outcome = b.tx.Shown(attempt.StartedAt), b.tx.Shown(r.ended), r.outcome
	attempt.Request, attempt.Status, attempt.ProviderIDs = r.trace.Request, r.trace.Status, r.ids
	if r.outcome != parley.AttemptAccepted {
		attempt.Code, attempt.Text = r.code, r.reason
	}
	return attempt
}

// retry gives the claim back for a later one, at the latest when the delivery's validity passes.
func (b *batch) retry(r *Result, del *parley.Delivery) {
	job := r.work.job
	job.DueAt = b.tx.Now.Add(r.wait)
	if !del.ValidUntil.IsZero() && job.DueAt.After(del.ValidUntil) {
		job.DueAt = del.ValidUntil
	}
	job.Lost = r.lost || !r.made && job.Lost
	if r.made || r.code != "" {
		del.NextAttempt, del.Code, del.Reason = job.DueAt, r.code, r.reason
	}
	b.troubled[r.work.ref()] = true
	b.again = append(b.again, job)
}

// move applies news to a delivery, where its state lets it, and tells the log.
func (b *batch) move(ref store.DeliveryRef, del *parley.Delivery, n parley.News, code, reason string, at time.Time) bool {
	before := troubled(del)
	if !apply(del, n, code, reason, at) {
		return false
	}
	b.deliveries[ref] = del
	b.troubled[ref] = b.troubled[ref] || before || troubled(del)
	if del.State != parley.Sent && del.State != parley.Delivered {
		b.over = append(b.over, ref)
	}
	if del.State == parley.Failed || del.State == parley.Expired || del.State == parley.Skipped {
		b.failed = append(b.failed, ref)
		if del.Step > 0 {
			b.escalating = append(b.escalating, ref)
		}
	}
	if del.State == parley.Failed && says(code) {
		b.timers = append(b.timers, suppressJob(ref, code, b.tx.Now))
	}
	b.tx.Emit(ref.Organization, parley.Event{Type: parley.EventDeliveryUpdated, Conversation: del.Conversation, Message: ref.Message,
		Data: parley.EventData{Delivery: ref.Number, State: del.State, Phase: del.Phase, Code: del.Code}})
	return true
}

// apply moves a delivery on, if its state lets it.
func apply(del *parley.Delivery, n parley.News, code, reason string, at time.Time) bool {
	if !del.State.Moves(n) {
		return false
	}
	del.State, del.NextAttempt = n.State, time.Time{}
	del.Phase, del.Code, del.Reason = n.Phase, code, reason
	first := func(t *time.Time) {
		if t.IsZero() {
			*t = at
		}
	}
	switch n.State {
	case parley.Read:
		first(&del.ReadAt)
		fallthrough
	case parley.Delivered:
		first(&del.DeliveredAt)
		fallthrough
	case parley.Sent:
		first(&del.SentAt)
		del.Phase, del.Code, del.Reason = "", "", ""
	default:
		del.EndedAt = at
	}
	return true
}

// write runs the statements.
func (b *batch) write() error {
	for _, f := range []func() error{
		b.writeDeliveries,
		func() error { return b.tx.WriteAttempts(b.ended) },
		func() error { _, err := b.tx.AddReferences(b.references); return err },
		func() error { return b.tx.DropReferences(b.arrived) },
		func() error { return b.tx.Schedule(b.timers...) },
		func() error { return b.tx.HideDelivered(b.over) },
		func() error { return b.tx.HastenFallbacks(b.failed) },
		func() error { return escalation.Hasten(b.tx, b.escalating) },
		func() error { return b.tx.Retry(b.again) },
		func() error { return b.tx.DoneFollowed(b.done, b.followed) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// troubled reports whether a delivery says that something went wrong.
func troubled(del *parley.Delivery) bool {
	return del.Code != "" || del.Reason != "" || del.Phase != "" || !del.NextAttempt.IsZero() || !del.EndedAt.IsZero()
}

func (b *batch) writeDeliveries() error {
	smooth := make(map[store.DeliveryRef]*parley.Delivery, len(b.deliveries))
	rest := map[store.DeliveryRef]*parley.Delivery{}
	for ref, del := range b.deliveries {
		if b.troubled[ref] {
			rest[ref] = del
		} else {
			smooth[ref] = del
		}
	}
	if err := b.tx.AdvanceDeliveries(smooth); err != nil {
		return err
	}
	return b.tx.UpdateDeliveries(rest)
}
