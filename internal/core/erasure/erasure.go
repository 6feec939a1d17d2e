// Package erasure makes content go: when its life ends, when it has been read, when its author takes it back. It
// knows every place that holds some, and keeps what is left from growing for ever.
package erasure

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
	"github.com/parley-server/parley/internal/store/limit"
	"github.com/parley-server/parley/internal/store/relation"
)

// Options are what an eraser stands on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
	Kick    func() // wakes whoever runs the jobs; nil: nobody listens. It must not block
}

// Eraser is the one place that makes content go.
type Eraser struct {
	store   *store.Store
	threads *thread.Threads
	kick    func()
}

// New returns an eraser.
func New(o Options) *Eraser {
	e := &Eraser{store: o.Store, threads: o.Threads, kick: o.Kick}
	if e.kick == nil {
		e.kick = func() {}
	}
	return e
}

// codeRemoved is the code of deliveries that are canceled because there is nothing to deliver any more.
const codeRemoved = "content-removed"

// unit is one transaction that makes content go.
type unit struct {
	tx *store.Tx
	p  *access.Principal // who does it; nil: the server, because it was due
}

// waits reports whether a message may have something waiting that goes with its content. What the server does
// because it is due leaves timers that will find nothing.
func (u *unit) waits(m *parley.Message) bool {
	return u.p != nil || m.DeleteOnRead || m.Direction == parley.Outbound && !m.Recorded || m.Reminds() || len(m.Fallback) > 0
}

// erase makes tombstones of messages that have their content, wherever it is. Deliveries that are not under way
// are canceled; what is under way ends as it ends. Jobs of the messages go.
func (u *unit) erase(batch []store.Erasure) error {
	if len(batch) == 0 {
		return nil
	}
	for i := range batch {
		if u.p != nil {
			batch[i].By = u.p.Actor()
		}
		if err := u.withdraw(&batch[i]); err != nil {
			return err
		}
	}
	if err := keep(u.tx, batch); err != nil {
		return err
	}
	for _, place := range places() {
		if err := place.erase(u.tx, batch); err != nil {
			return err
		}
	}
	forwarded, err := relation.Forwarded(u.tx.Queries, batch)
	if err != nil {
		return err
	}
	for i := range forwarded {
		if err := u.followLater(&forwarded[i], forwards); err != nil {
			return err
		}
	}
	copied, err := escalation.Gone(u.tx, batch)
	if err != nil {
		return err
	}
	for i := range copied {
		if err := u.followLater(&copied[i], copies); err != nil {
			return err
		}
	}
	for _, e := range batch {
		u.emit(&e, parley.EventMessageRemoved, parley.EventData{Reason: string(e.Reason)})
	}
	u.tx.Erased()
	return nil
}

// keep puts aside the content of those of the messages that a legal hold is about: for everybody else it goes all the same.
func keep(tx *store.Tx, batch []store.Erasure) error {
	held, err := hold.Which(tx.Queries, batch)
	if err != nil || len(held) == 0 {
		return err
	}
	if err := hold.Keep(tx, held); err != nil {
		return err
	}
	for _, place := range places() {
		if place.keep == nil {
			continue
		}
		if err := place.keep(tx, held); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) emit(e *store.Erasure, kind parley.EventType, data parley.EventData) {
	if u.p != nil {
		data.Actor = u.p.User
	}
	u.tx.Emit(e.Organization, parley.Event{Type: kind, Conversation: e.Message.Conversation, Message: e.Message.ID, Data: data})
}

// withdraw ends what still waits to be done about a message.
func (u *unit) withdraw(e *store.Erasure) error {
	m := e.Message
	if !u.waits(m) {
		return nil
	}
	jobs, err := u.tx.HoldJobsOf(e.Organization, m)
	if err != nil {
		return err
	}
	var end []store.Job
	numbers := map[int]bool{}
	underWay := false
	for _, j := range jobs {
		switch {
		case j.Kind == store.JobReceipt:
			continue
		case j.Kind == store.JobDeliver && j.Lost:
			underWay = true
			continue
		case j.Kind == store.JobDeliver:
			numbers[j.Delivery] = true
		}
		end = append(end, j)
	}
	if underWay {
		if err := u.lookAgain(e.Organization, m.ID); err != nil {
			return err
		}
	}
	if m.DeleteOnRead {
		end = append(end, store.OnReadJob(e.Organization, m))
	}
	if err := u.cancel(e, numbers); err != nil {
		return err
	}
	return u.tx.Done(end)
}

// late is the payload of a job that looks at a message again whose delivery was under way when its content went:
// what the provider answers may hold some.
const late = "late"

// lookAgainAfter is longer than a call may take.
const lookAgainAfter = time.Minute

func (u *unit) lookAgain(organization, message parley.ID) error {
	return u.tx.Schedule(store.Job{Organization: organization, ID: store.JobID(store.JobErase, string(message)+"|"+late), Kind: store.JobErase,
		DueAt: u.tx.Now.Add(lookAgainAfter), Message: message, Payload: late})
}

// eraseAnswers erases what a provider answered after the content of a message had gone.
func (u *unit) eraseAnswers(job *store.Job) error {
	m, err := u.tx.Message(job.Organization, job.Message)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := u.withdraw(&store.Erasure{Organization: job.Organization, Message: &m}); err != nil { // again, if it is still under way
		return err
	}
	batch := []store.Erasure{{Organization: job.Organization, Message: &m}}
	u.tx.Erased()
	if _, err := hold.Held(u.tx.Queries, job.Organization, job.Message); err == nil {
		if err := parley.FirstError(hold.KeepAttempts(u.tx, batch), hold.KeepReasons(u.tx, batch)); err != nil {
			return err
		}
	} else if !parley.IsKind(err, parley.KindNotFound) {
		return err
	}
	return parley.FirstError(u.tx.EraseAttempts(batch), u.tx.EraseReasons(batch))
}

// cancel ends those deliveries of a message that are still queued.
func (u *unit) cancel(e *store.Erasure, numbers map[int]bool) error {
	if len(numbers) == 0 {
		return nil
	}
	deliveries, err := u.tx.Deliveries(e.Organization, e.Message.ID)
	if err != nil {
		return err
	}
	changed := map[store.DeliveryRef]*parley.Delivery{}
	var free []int
	for i := range deliveries {
		d := &deliveries[i]
		if !numbers[d.Number] || !d.State.Moves(parley.News{State: parley.Canceled}) {
			continue
		}
		if d.Attempts == 0 && e.Message.Direction == parley.Outbound {
			free = append(free, d.Number)
		}
		d.State, d.Phase, d.Code, d.NextAttempt, d.EndedAt = parley.Canceled, "", codeRemoved, time.Time{}, u.tx.Now
		changed[store.DeliveryRef{Organization: e.Organization, Message: d.Message, Number: d.Number}] = d
		u.emit(e, parley.EventDeliveryUpdated, parley.EventData{Delivery: d.Number, State: d.State, Code: d.Code})
	}
	if len(free) > 0 {
		if err := limit.GiveBack(u.tx, e.Organization, e.Message.ID, free); err != nil {
			return err
		}
	}
	return u.tx.UpdateDeliveries(changed)
}

// erasuresAtOnce is how many messages one transaction makes tombstones of.
const erasuresAtOnce = 100

// Expire makes the content of up to a batch of messages go whose life has ended, and says how many timers were due.
func (e *Eraser) Expire(ctx context.Context) (n int, err error) {
	n, err = e.store.WriteDue(ctx, store.JobExpire, erasuresAtOnce, func(tx *store.Tx, jobs []store.Job) error {
		messages, err := messagesOf(tx, jobs)
		if err != nil {
			return err
		}
		var batch []store.Erasure
		for _, j := range jobs {
			m := messages[refOf(&j)]
			if m != nil && m.Removed == "" && !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(tx.Now) {
				batch = append(batch, store.Erasure{Organization: j.Organization, Message: m, Reason: parley.RemovedExpired})
			}
		}
		u := unit{tx: tx}
		if err := u.erase(batch); err != nil {
			return err
		}
		return tx.Done(jobs)
	})
	if err == nil && n > 0 {
		e.kick()
	}
	return n, err
}

func refOf(j *store.Job) store.DeliveryRef {
	return store.DeliveryRef{Organization: j.Organization, Message: j.Message}
}

func messagesOf(tx *store.Tx, jobs []store.Job) (map[store.DeliveryRef]*parley.Message, error) {
	refs := make([]store.DeliveryRef, len(jobs))
	for i := range jobs {
		refs[i] = refOf(&jobs[i])
	}
	return tx.MessagesOf(refs)
}
