// Package message is what people do with messages that are there: answering in threads, editing, trying again, and acknowledging
// from wherever they are.
package message

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// Options are what actions stand on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
	Kick    func() // wakes the queue after work was added; it must not block
}

// Actions are what people do with messages.
type Actions struct {
	store   *store.Store
	threads *thread.Threads
	kick    func()
}

// New returns the actions over a store.
func New(o Options) *Actions {
	return &Actions{store: o.Store, threads: o.Threads, kick: o.Kick}
}

const (
	usualPage = 50
	maxPage   = 200
)

// pageOf brings a limit into its bounds; 0 is the usual one.
func pageOf(limit int) int {
	if limit <= 0 {
		return usualPage
	}
	return min(limit, maxPage)
}

func errCursor() error {
	return parley.Invalid("after", "cursor-invalid", "must be the next of an earlier page of the same list")
}

// seenMessage returns a message that the principal sees.
func (a *Actions) seenMessage(ctx context.Context, p *access.Principal, id parley.ID) (*thread.Sight, parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, parley.Message{}, err
	}
	s := thread.NewSight(a.store.Read(ctx), p)
	m, _, err := s.Message(id)
	return s, m, err
}

// Overdue tells the log of messages that somebody has not acknowledged in time, and says how many timers there were.
func (a *Actions) Overdue(ctx context.Context, limit int) (int, error) {
	return a.store.WriteDue(ctx, store.JobAckDue, limit, func(tx *store.Tx, jobs []store.Job) error {
		for _, job := range jobs {
			m, err := tx.Message(job.Organization, job.Message)
			if parley.IsKind(err, parley.KindNotFound) || err == nil && m.Removed != "" {
				continue
			}
			if err != nil {
				return err
			}
			if err := thread.FillStates(tx.Queries, job.Organization, []*parley.Message{&m}); err != nil {
				return err
			}
			if m.Acks.Pending > 0 {
				tx.Emit(job.Organization, parley.Event{Type: parley.EventMessageUnanswered, Conversation: m.Conversation, Message: m.ID})
			}
		}
		return tx.Done(jobs)
	})
}

// askedLately is how many messages of a conversation are considered for an answer that acknowledges one.
const askedLately = 20

// Answered acknowledges for somebody outside what a word from there answers: the message that it names as the one it answers,
// else the last of the conversation that asks for it and went to that recipient.
func (a *Actions) Answered(tx *store.Tx, organization, conversation, answers parley.ID, who parley.Actor, address parley.Address) error {
	by := thread.RecipientOf(&parley.Delivery{Recipient: who, Address: address})
	ids, err := relation.Unacknowledged(tx.Queries, organization, conversation, by, askedLately)
	if err != nil {
		return err
	}
	if answers != "" {
		ids = append([]parley.ID{answers}, ids...)
	}
	found, err := tx.Messages(organization, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m := found[id]
		if m == nil || !m.RequestAck {
			continue
		}
		deliveries, err := tx.Deliveries(organization, id)
		if err != nil {
			return err
		}
		for i := range deliveries {
			if d := &deliveries[i]; went(d) && sameRecipient(d, by, address) {
				return a.threads.Acknowledged(tx, organization, m, thread.RecipientOf(d))
			}
		}
	}
	return nil
}

// went reports whether a delivery may have reached its recipient.
func went(d *parley.Delivery) bool {
	return d.State != parley.Queued && d.State != parley.Skipped && d.State != parley.Canceled
}

func sameRecipient(d *parley.Delivery, by parley.Actor, address parley.Address) bool {
	who := thread.RecipientOf(d)
	return who.Kind == by.Kind && who.ID == by.ID || d.Address.Kind == address.Kind && d.Address.Value == address.Value
}
