package escalation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
)

// Fallbacks returns up to limit deliveries that fallbacks of an escalation made which the principal sees, in order, after a number.
func (e *Escalations) Fallbacks(ctx context.Context, p *access.Principal, id parley.ID, after, limit int) ([]parley.EscalationFallback, error) {
	if err := p.Require(parley.ScopeEscalationsRead); err != nil {
		return nil, err
	}
	q := e.store.Read(ctx)
	if _, err := find(q, p, id); err != nil {
		return nil, err
	}
	return escalation.Fallbacks(q, p.Organization, id, after, limit)
}

// due is when there is something to do about an escalation under way.
func (r *run) due() time.Time {
	at := r.e.DueAt
	var list []parley.Fallback
	if r.m != nil {
		list = r.e.Fallbacks(r.m.Fallback)
	}
	for _, next := range []time.Time{r.next, fallback.Upcoming(list, r.e.Since(), r.Now)} {
		if !next.IsZero() && next.Before(at) {
			at = next
		}
	}
	return at
}

// fallBack has the message go out by the fallbacks of the present level that are due, to those whom it asks and who have not read
// it, and says whether there was something to be done. The role has the message itself, whoever comes later its copy.
func (r *run) fallBack() (bool, error) {
	e, m := r.e, r.m
	list := e.Fallbacks(m.Fallback)
	if len(list) == 0 || m.Removed != "" && m.Removed != parley.RemovedOnRead {
		return false, nil
	}
	level := &fallback.Level{Number: e.Level, Fallback: list, Since: e.Since(), Until: e.DueAt, Tried: map[parley.ID][]int{}, Made: map[int]bool{}}
	if e.Level > 0 {
		if e.Copy == "" {
			return false, nil
		}
		c, err := r.Message(r.organization, e.Copy)
		if err != nil {
			return false, err
		}
		if level.Asked, err = r.asks(m); err != nil {
			return false, err
		}
		m = &c
	}
	tried, err := escalation.Tried(r.Queries, r.organization, e.ID)
	if err != nil {
		return false, err
	}
	for _, f := range tried {
		if f.Level == e.Level {
			level.Tried[f.User] = append(level.Tried[f.User], f.Fallback)
		}
		if f.Message == m.ID {
			level.Made[f.Delivery] = true
		}
	}
	made, next, err := fallback.Climb(r.Tx, r.organization, m, level)
	if r.next = next; err != nil || len(made) == 0 {
		return false, err
	}
	return true, r.fell(m, made)
}

// asks are those whom the present level asks and no earlier one does, and who do not receive the message itself.
func (r *run) asks(m *parley.Message) (map[parley.ID]bool, error) {
	var ids []parley.ID
	for _, s := range r.e.Policy.Steps[:r.e.Level] {
		for _, t := range s.Targets {
			if t.Kind == parley.ActorRole {
				ids = append(ids, t.ID)
			}
		}
	}
	roles, err := duty.Some(r.Queries, r.organization, ids)
	if err != nil {
		return nil, err
	}
	receiving, err := thread.Receiving(r.Queries, r.organization, []*parley.Message{m})
	if err != nil {
		return nil, err
	}
	asked := map[parley.ID]bool{}
	for i, s := range r.e.Policy.Steps[:r.e.Level] {
		for _, t := range s.Targets {
			users := []parley.ID{t.ID}
			if t.Kind == parley.ActorRole {
				if users = nil; roles[t.ID] != nil {
					users = roles[t.ID].OnDuty
				}
			}
			for _, id := range users {
				if _, before := asked[id]; !before {
					asked[id] = i == r.e.Level-1
				}
			}
		}
	}
	for _, who := range receiving[m.ID] {
		delete(asked, who.User)
	}
	return asked, nil
}

// fell keeps what fallbacks have just made, and tells of it: one item for all whom one fallback went to, or did not for the same reason.
func (r *run) fell(m *parley.Message, made []parley.Delivery) error {
	var list []parley.EscalationFallback
	for i := range made {
		d := &made[i]
		list = append(list, parley.EscalationFallback{Level: r.e.Level, Fallback: d.Fallback, User: d.Recipient, Message: m.ID, Delivery: d.Number})
	}
	if err := escalation.AddFallbacks(r.Tx, r.organization, r.e.ID, list); err != nil {
		return err
	}
	var ids []parley.ID
	for _, d := range made {
		ids = append(ids, d.Channel)
	}
	channels, err := r.ChannelsByID(r.organization, ids)
	if err != nil {
		return err
	}
	for len(made) > 0 {
		first := made[0]
		var who []parley.Actor
		made = slices.DeleteFunc(made, func(d parley.Delivery) bool {
			same := d.Fallback == first.Fallback && d.Code == first.Code
			if same {
				who = append(who, d.Recipient)
			}
			return same
		})
		by := "a channel that was deleted"
		if ch := channels[first.Channel]; ch != nil {
			by = ch.Platform
		}
		notice := parley.Notice{Kind: parley.NoticeEscalationFallback, Who: who, Level: r.e.Level, Reason: first.Code}
		text := fmt.Sprintf("Escalation %s goes out to %s by %s.", r.e.Code, called(who), by)
		if first.Code != "" {
			text = fmt.Sprintf("Escalation %s does not go out to %s by %s: %s.", r.e.Code, called(who), by, first.Reason)
		}
		if err := r.tell(notice, "%s", text); err != nil {
			return err
		}
	}
	return nil
}
