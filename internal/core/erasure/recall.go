package erasure

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Recall takes a message back: its content goes everywhere, and what is not yet under way is canceled, the message
// itself if it was scheduled, the copies if it went to a broadcast list. Its author may, and an organization key.
// A message whose content is gone stays as it is.
func (e *Eraser) Recall(ctx context.Context, p *access.Principal, message parley.ID) (parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesDelete); err != nil {
		return parley.Message{}, err
	}
	err := e.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		m, err := mine(tx, p, message)
		if err != nil || m.Removed != "" {
			return err
		}
		if err := p.Did(tx, parley.ActMessageRecalled, m.ID, inConversation(&m)); err != nil {
			return err
		}
		u := unit{tx: tx, p: p}
		return u.takeBack(&store.Erasure{Organization: p.Organization, Message: &m, Reason: parley.RemovedRecalled})
	})
	if err != nil {
		return parley.Message{}, err
	}
	e.kick()
	return e.threads.Shown(ctx, p, message)
}

// takeBack makes the content of a message go everywhere, the copies too if it went to a broadcast list. One that was
// scheduled is canceled.
func (u *unit) takeBack(e *store.Erasure) error {
	m := e.Message
	if m.Sequence == 0 && m.RecordedState != parley.Canceled {
		u.emit(e, parley.EventMessageCanceled, parley.EventData{Reason: string(e.Reason)})
		if err := u.tx.CancelScheduled(e.Organization, m.ID, string(e.Reason)); err != nil {
			return err
		}
		m.RecordedState = parley.Canceled
	}
	if err := u.erase([]store.Erasure{*e}); err != nil {
		return err
	}
	return u.followCopies(e)
}

// inConversation is what the audit log says of a message that goes.
func inConversation(m *parley.Message) (changes parley.Changes) {
	changes.Gone("conversation", string(m.Conversation))
	return changes
}

// mine returns a message that the principal sees and may take back.
func mine(tx *store.Tx, p *access.Principal, id parley.ID) (parley.Message, error) {
	m, _, err := thread.NewSight(tx.Queries, p).Message(id)
	if err != nil {
		return m, err
	}
	if author := p.User != "" && (m.Author.ID == p.User || m.Actor.ID == p.User); author || !p.Personal && p.Has(parley.ScopeMessagesDelete) {
		return m, nil
	}
	return m, &parley.Error{Kind: parley.KindForbidden, Code: "not-the-author", Message: "only its author may take a message back, or a key of the organization"}
}

// CancelScheduled withdraws a scheduled message, and says whether the request was a repeat. Its content stays for
// its author, as long as its life was to be. One that is no longer scheduled is parley.KindConflict "not-scheduled".
func (e *Eraser) CancelScheduled(ctx context.Context, p *access.Principal, message parley.ID, i *access.Idempotency) (parley.Message, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Message{}, false, err
	}
	replay, err := p.Once(ctx, e.store, i, 200, message, func(tx *store.Tx) error {
		m, err := mine(tx, p, message)
		if err != nil {
			return err
		}
		if m.Sequence != 0 || m.RecordedState == parley.Canceled || m.Removed != "" {
			return parley.Conflict("not-scheduled", "the message is no longer scheduled")
		}
		if err := p.Did(tx, parley.ActMessageCanceled, m.ID, inConversation(&m)); err != nil {
			return err
		}
		u := unit{tx: tx, p: p}
		erasure := store.Erasure{Organization: p.Organization, Message: &m}
		u.emit(&erasure, parley.EventMessageCanceled, parley.EventData{})
		if err := tx.CancelScheduled(p.Organization, m.ID, ""); err != nil {
			return err
		}
		if err := u.withdraw(&erasure); err != nil {
			return err
		}
		return u.endLater(&m)
	})
	if err != nil {
		return parley.Message{}, false, err
	}
	m, err := e.threads.Shown(ctx, p, message)
	return m, replay != nil, err
}

// endLater has the content of a message that will never be sent go when its life ends, or when it would be kept no longer,
// counted from now.
func (u *unit) endLater(m *parley.Message) error {
	life := m.TTL
	if life == 0 {
		o, err := u.tx.Organization(u.p.Organization)
		if err != nil {
			return err
		}
		c, err := u.tx.Conversation(u.p.Organization, m.Conversation)
		if err != nil {
			return err
		}
		if life = o.Policy.Retention[c.Kind]; life == 0 {
			return nil
		}
	}
	ends := u.tx.Now.Add(life)
	if err := u.tx.SetExpiry(u.p.Organization, m.ID, ends); err != nil {
		return err
	}
	return u.tx.Schedule(store.Job{Organization: u.p.Organization, ID: store.JobID(store.JobExpire, string(m.ID)), Kind: store.JobExpire,
		DueAt: ends, Message: m.ID})
}
