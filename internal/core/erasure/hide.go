package erasure

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// hidesAtOnce is how many readings one transaction looks at.
const hidesAtOnce = 50

// Hide takes messages that are to be deleted on read from those who have read them a minute ago, and says how many
// timers were due. When all for whom a message is have read it, or it cannot reach them any more, its content goes
// for good.
func (e *Eraser) Hide(ctx context.Context) (n int, err error) {
	return e.store.WriteDue(ctx, store.JobHide, hidesAtOnce, func(tx *store.Tx, jobs []store.Job) error {
		messages, err := messagesOf(tx, jobs)
		if err != nil {
			return err
		}
		u := unit{tx: tx}
		gone := map[store.DeliveryRef]bool{}
		for i := range jobs {
			ref := refOf(&jobs[i])
			m := messages[ref]
			if m == nil || m.Removed != "" || !m.DeleteOnRead || gone[ref] {
				continue
			}
			if gone[ref], err = u.hide(&jobs[i], m); err != nil {
				return err
			}
		}
		return tx.Done(jobs)
	})
}

// hide hides a message from its reader, and says whether its content went for good.
func (u *unit) hide(job *store.Job, m *parley.Message) (bool, error) {
	erasure := store.Erasure{Organization: job.Organization, Message: m, Reason: parley.RemovedOnRead}
	if m.Direction == parley.Outbound {
		done, err := u.allDelivered(&erasure)
		if err != nil || !done {
			return false, err
		}
		return true, u.erase([]store.Erasure{erasure})
	}
	reader := parley.ID(job.Payload)
	recipients, err := thread.Recipients(u.tx.Queries, job.Organization, m)
	if err != nil || !slices.Contains(recipients, reader) { // its author reads it too, and keeps it as long as it is there
		return false, err
	}
	fresh, err := u.tx.Hide(job.Organization, m.ID, reader)
	if err != nil {
		return false, err
	}
	done, err := u.allHidden(&erasure, recipients)
	if err != nil {
		return false, err
	}
	if done {
		return true, u.erase([]store.Erasure{erasure})
	}
	if fresh {
		u.tx.Emit(job.Organization, parley.Event{Type: parley.EventMessageRemoved, Conversation: m.Conversation, Message: m.ID,
			Subject: reader, Data: parley.EventData{Reason: string(parley.RemovedOnRead)}})
	}
	return false, nil
}

// allHidden reports whether nobody is left for whom a message between members is.
func (u *unit) allHidden(e *store.Erasure, recipients []parley.ID) (bool, error) {
	hidden, err := u.tx.HiddenFrom(e.Organization, []parley.ID{e.Message.ID})
	for _, id := range recipients {
		if _, ok := hidden[e.Message.ID][id]; !ok {
			return false, err
		}
	}
	return true, err
}

// allDelivered reports whether every recipient outside has read a message a minute ago, or will not get it.
func (u *unit) allDelivered(e *store.Erasure) (bool, error) {
	deliveries, err := u.tx.Deliveries(e.Organization, e.Message.ID)
	read := false
	for _, d := range deliveries {
		switch d.State {
		case parley.Queued, parley.Sent, parley.Delivered, parley.Unknown:
			return false, err
		case parley.Read:
			if d.ReadAt.Add(store.HideAfter).After(u.tx.Now) {
				return false, err // its own timer comes
			}
			read = true
		}
	}
	return read, err
}
