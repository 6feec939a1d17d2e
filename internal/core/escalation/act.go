package escalation

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
)

// Escalate has a message that was sent to a role escalate by the role's policy, and says whether the request was a repeat. Its
// author may, and who has escalations:write.
func (e *Escalations) Escalate(ctx context.Context, p *access.Principal, message parley.ID, i *access.Idempotency) (parley.Escalation, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Escalation{}, false, err
	}
	var made parley.Escalation
	id := parley.NewID(e.store.Now(ctx, p.Organization))
	replay, err := p.Once(ctx, e.store, i, 201, id, func(tx *store.Tx) error {
		m, c, err := thread.NewSight(tx.Queries, p).Message(message)
		if err != nil {
			return err
		}
		if m.Actor.ID != p.User && !p.Has(parley.ScopeEscalationsWrite) {
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-the-author", Message: "only its author may have a message escalate, or who has the scope " + string(parley.ScopeEscalationsWrite)}
		}
		policy, err := applies(tx.Queries, p.Organization, &c, &m)
		if err != nil {
			return err
		}
		running, err := escalation.Active(tx.Queries, p.Organization, m.ID)
		if err != nil {
			return err
		}
		if running != nil {
			taken := parley.Conflict("already-escalating", "the message escalates already")
			taken.Facts = map[string]any{"escalation": string(running.ID)}
			return taken
		}
		started, err := start(tx, p.Organization, id, p.Actor(), &m, policy)
		if err == nil {
			made = *started
		}
		return err
	})
	if err != nil {
		return made, false, err
	}
	if e.kick(); replay != nil {
		made, err = escalation.Get(e.store.Read(ctx), p.Organization, replay.Resource)
	}
	return made, replay != nil, err
}

// applies returns the policy by which a message that is there escalates: one that was written to a role by who asks.
func applies(q store.Queries, organization parley.ID, c *parley.Conversation, m *parley.Message) (*parley.EscalationPolicy, error) {
	switch {
	case m.Removed != "":
		return nil, parley.Conflict("content-removed", "the content of the message is gone")
	case m.Sequence == 0 || m.Kind != parley.KindMessage || m.Recorded || m.Parent != "" && len(m.OnBehalfOf) == 0:
		return nil, parley.Invalid("id", "escalation-unsupported", "must be a message that was sent")
	}
	if c.Kind == parley.ConversationRole {
		participants, err := q.Participants(organization, c.ID)
		if err != nil {
			return nil, err
		}
		for _, role := range participants {
			if role.Kind != parley.ActorRole || c.ThreadKey != duty.ThreadKey(role.ID, m.Actor.ID) || m.Author.Kind == parley.ActorRole {
				continue
			}
			policy, err := escalation.PolicyOf(q, organization, role.ID)
			if err != nil || policy != nil {
				return policy, err
			}
		}
	}
	return nil, ErrPolicy("id")
}

// ErrPolicy refuses to have a message escalate for which there is no policy.
func ErrPolicy(field string) error {
	return parley.Invalid(field, "escalation-policy-required", "only a message that is written to a role which has an escalation policy escalates")
}

// change runs a unit on an escalation under way that the principal sees. An ifMatch that is not 0 must be its revision.
func (e *Escalations) change(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(r *run, m *parley.Message) error) (changed parley.Escalation, err error) {
	err = e.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if changed, err = find(tx.Queries, p, id); err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, changed.Rev); err != nil {
			return err
		}
		m, err := tx.Message(p.Organization, changed.Message)
		if err != nil {
			return err
		}
		return unit(&run{Tx: tx, organization: p.Organization, e: &changed, by: p.Actor(), m: &m}, &m)
	})
	if err != nil {
		return parley.Escalation{}, err
	}
	e.kick()
	return changed, nil
}

// ended refuses to do something about an escalation that has ended.
func ended(e *parley.Escalation) error {
	if e.State == parley.EscalationActive {
		return nil
	}
	err := parley.Conflict("escalation-ended", "the escalation has ended: %s", e.State)
	err.Facts = map[string]any{"state": string(e.State), "endedBy": string(e.EndedBy)}
	return err
}

// asked refuses who is not asked: that is whoever takes part now in the conversation of the message, or in the group, but for who
// wrote it. It returns whether that one has the message in the group.
func (r *run) asked(p *access.Principal) (inGroup bool, err error) {
	parts, err := r.PartsOf(r.organization, p.User, []parley.ID{r.e.Conversation, r.e.Group})
	if err != nil {
		return false, err
	}
	takes := func(id parley.ID) bool { return id != "" && parts[id] != nil && parts[id].LeftSequence == 0 }
	if p.User == "" || p.User == r.e.Originator || !takes(r.e.Conversation) && !takes(r.e.Group) {
		return false, &parley.Error{Kind: parley.KindForbidden, Code: "not-asked", Message: "only who has been asked may do this"}
	}
	return takes(r.e.Group) && r.e.Copy != "", nil
}

// Acknowledge says for the principal's user that it takes note of the message, which ends the escalation, and says so of the
// message too. The first one wins; to whom it was, a repeat is answered in the same way.
func (e *Escalations) Acknowledge(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) (parley.Escalation, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return parley.Escalation{}, err
	}
	return e.change(ctx, p, id, ifMatch, func(r *run, m *parley.Message) error {
		if r.e.State == parley.EscalationAcknowledged && r.e.EndedBy == p.User {
			return nil
		}
		if err := ended(r.e); err != nil {
			return err
		}
		inGroup, err := r.asked(p)
		if err != nil {
			return err
		}
		if err := r.end(parley.EscalationAcknowledged, ""); err != nil {
			return err
		}
		if err := r.save(); err != nil {
			return err
		}
		if inGroup {
			c, err := r.Message(r.organization, r.e.Copy)
			if err != nil {
				return err
			}
			m = &c
		}
		return e.threads.Acknowledged(r.Tx, r.organization, m, p.Actor())
	})
}

// Skip passes the escalation on to the next level at once. Who is asked may, and who has escalations:write.
func (e *Escalations) Skip(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) (parley.Escalation, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Escalation{}, err
	}
	return e.change(ctx, p, id, ifMatch, func(r *run, m *parley.Message) error {
		if err := ended(r.e); err != nil {
			return err
		}
		if !p.Has(parley.ScopeEscalationsWrite) {
			if _, err := r.asked(p); err != nil {
				return err
			}
		}
		return parley.FirstError(escalation.EndFallbacks(r.Tx, r.organization, r.e.ID), r.goOn(m, parley.EscalationSkipped), r.save())
	})
}

// Cancel ends the escalation without an answer. Who wrote the message may, and who has escalations:write. A repeat changes nothing.
func (e *Escalations) Cancel(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) (parley.Escalation, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Escalation{}, err
	}
	return e.change(ctx, p, id, ifMatch, func(r *run, _ *parley.Message) error {
		if p.User != r.e.Originator && !p.Has(parley.ScopeEscalationsWrite) {
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-the-author", Message: "only who wrote the message may cancel, or who has the scope " + string(parley.ScopeEscalationsWrite)}
		}
		if r.e.State == parley.EscalationCanceled {
			return nil
		}
		if err := ended(r.e); err != nil {
			return err
		}
		return parley.FirstError(r.end(parley.EscalationCanceled, ""), r.save())
	})
}
