package erasure

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

const (
	// agingPage is how many conversations are looked at together.
	agingPage = 500
	// agingConversations is how many conversations of an organization one sweep looks at; the next goes on there.
	agingConversations = 100_000
	// agingUnits is how many transactions one sweep makes in an organization.
	agingUnits = 1000
	// agingTogether is how many conversations one transaction looks at.
	agingTogether = 50
	// agingAnew is after how long a conversation is looked at from its beginning: something may have been moved to it.
	agingAnew = 7 * day
)

// age makes the content go of messages that the organization's policy keeps no longer, up to as much as one sweep does.
func (w *Sweeper) age(ctx context.Context, organization parley.ID) error {
	o, err := w.store.Read(ctx).Organization(organization)
	if err != nil || len(o.Policy.Retention) == 0 {
		return err
	}
	var now time.Time
	_, err = w.once(ctx, o.ID, func(tx *store.Tx) (bool, error) {
		now = tx.Now
		return false, nil
	})
	units := agingUnits
	for looked := 0; err == nil && looked < agingConversations && units > 0; looked += agingPage {
		page, err := hold.AgingAfter(w.store.Read(ctx), o.ID, w.agedThrough(o.ID), agingPage)
		if err != nil {
			return err
		}
		due, err := w.due(ctx, &o, page, now)
		if err != nil {
			return err
		}
		used, err := w.ageAll(ctx, o.ID, due, units)
		if units -= used; err != nil || units <= 0 {
			return err // what is left of the page is found again
		}
		if len(page) < agingPage {
			w.setAged(o.ID, "")
			return nil
		}
		w.setAged(o.ID, page[len(page)-1].ID)
	}
	return err
}

// agedThrough is the conversation through which an organization was looked at, empty at the beginning.
func (w *Sweeper) agedThrough(organization parley.ID) parley.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.aged[organization]
}

func (w *Sweeper) setAged(organization, through parley.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if through == "" {
		delete(w.aged, organization)
	} else {
		w.aged[organization] = through
	}
}

// ageAll makes the content go that is due in some conversations, in up to limit transactions, and says how many there were.
func (w *Sweeper) ageAll(ctx context.Context, organization parley.ID, due []parley.ID, limit int) (units int, err error) {
	var from store.ThreadPosition // in the first of them
	for ; len(due) > 0 && units < limit; units++ {
		var through int
		var next store.ThreadPosition
		_, err := w.once(ctx, organization, func(tx *store.Tx) (_ bool, err error) {
			through, next, err = ageSome(tx, organization, due[:min(len(due), agingTogether)], from)
			return false, err
		})
		if err != nil {
			return units, err
		}
		due, from = due[through:], next
		if err := pause(ctx); err != nil {
			return units, err
		}
	}
	return units, nil
}

// ageSome is one transaction of it: it goes on at a position in the first conversation, looks at the policy again, and says
// how many conversations it is through and where it is in the one after these.
func ageSome(tx *store.Tx, organization parley.ID, due []parley.ID, from store.ThreadPosition) (through int, next store.ThreadPosition, err error) {
	o, err := tx.Organization(organization)
	if err != nil {
		return 0, next, err
	}
	found, err := hold.AgingOf(tx.Queries, organization, due)
	if err != nil {
		return 0, next, err
	}
	u, room := unit{tx: tx}, erasuresAtOnce
	var batch []store.Erasure
	for ; through < len(due) && room > 0; through++ {
		s, some := span(found[due[through]], o.Policy, tx.Now)
		if !some {
			from = store.ThreadPosition{}
			continue
		}
		if from.Sequence == 0 {
			from.SentAt = s.From
		}
		messages, err := tx.Aged(organization, s.Conversation, from, s.Before, room)
		if err != nil {
			return 0, next, err
		}
		for i := range messages {
			if m := &messages[i]; m.Removed == "" {
				batch = append(batch, store.Erasure{Organization: organization, Message: m, Reason: parley.RemovedExpired})
			}
		}
		from = store.ThreadPosition{}
		if len(messages) == room {
			last := messages[room-1]
			s.Before, next = last.SentAt, store.ThreadPosition{SentAt: last.SentAt, Sequence: last.Sequence}
		}
		if err := hold.SetMark(tx, organization, s.Conversation, s.Before); err != nil {
			return 0, next, err
		}
		if room -= len(messages); room == 0 {
			break
		}
	}
	return through, next, u.erase(batch)
}

// span is the time in a conversation whose messages are to go and have not been looked at; none where there is no such.
func span(a *hold.Aging, policy parley.Policy, now time.Time) (s hold.Span, some bool) {
	if a == nil {
		return s, false
	}
	keep := policy.Retention[a.Kind]
	s = hold.Span{Conversation: a.ID, From: a.Through, Before: now.Add(-keep)}
	if a.MarkedAt.Before(now.Add(-agingAnew)) {
		s.From = time.Time{}
	}
	return s, keep > 0 && s.From.Before(s.Before) && !a.ActivityAt.Before(s.From)
}

// due returns those of some conversations in which something is to go.
func (w *Sweeper) due(ctx context.Context, o *parley.Organization, page []hold.Aging, now time.Time) ([]parley.ID, error) {
	var spans []hold.Span
	for i := range page {
		if s, some := span(&page[i], o.Policy, now); some {
			spans = append(spans, s)
		}
	}
	return hold.SentIn(w.store.Read(ctx), o.ID, spans)
}
