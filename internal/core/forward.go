package core

import (
	"slices"

	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// away returns a user whom the message is for, if that one does not want to be disturbed. What happened elsewhere, and notes,
// reach nobody else.
func (s *send) away(tx *store.Tx, user parley.Actor) (*availability.Away, error) {
	if !s.plain() {
		return nil, nil
	}
	return availability.Look(tx, s.p.Organization, user)
}

// otherAway is away for the other one of a direct conversation.
func (s *send) otherAway(tx *store.Tx, conversation *parley.Conversation, participants []parley.Participant) (*availability.Away, error) {
	at := slices.IndexFunc(participants, func(p parley.Participant) bool { return p.Kind == parley.ActorUser && p.ID != s.p.User })
	if conversation.Kind != parley.ConversationDirect || at < 0 {
		return nil, nil
	}
	return s.away(tx, parley.Actor{Kind: parley.ActorUser, ID: participants[at].ID, Name: participants[at].Name})
}

// forward brings a message that was accepted to those whom its recipient has it forwarded to, as a copy in the author's own
// conversation with each: nobody sees anything else of the recipient's. The author is told.
func (s *send) forward(tx *store.Tx, a *store.Append, r *route) error {
	if r.away == nil {
		return nil
	}
	course, err := availability.Follow(tx, s.p.Organization, s.p.User, r.away)
	if err != nil {
		return err
	}
	for i := range course.Hops {
		if err := s.forwardTo(tx, a, &course.Hops[i]); err != nil {
			return err
		}
	}
	notice, text, err := course.Notice(tx, s.p.Organization, a.Message.Conversation, r.away)
	if err != nil || notice == nil {
		return err
	}
	return s.answer(tx, r, r.away.User, notice, text)
}

// forwardTo adds the copy for one of them. A reply is to a message that is not there.
func (s *send) forwardTo(tx *store.Tx, a *store.Append, hop *availability.Hop) error {
	own := &send{c: s.c, p: s.p, id: parley.NewID(tx.Now), params: s.params, policy: s.policy}
	own.params.ReplyTo, own.params.Idempotency = "", nil
	r, err := own.hop(tx, hop)
	if err != nil {
		return err
	}
	copied, err := own.build(r)
	if err != nil {
		return err
	}
	m := &copied.Message
	m.Parent, m.OnBehalfOf, m.Author, m.Attachments = a.Message.ID, hop.OnBehalfOf, a.Message.Author, a.Message.Attachments
	if err := own.reopen(tx, r); err != nil {
		return err
	}
	if err := tx.Append(copied); err != nil || !r.first {
		return err
	}
	return own.answerAway(tx, r)
}

func (s *send) hop(tx *store.Tx, hop *availability.Hop) (*route, error) {
	if hop.Role == nil {
		return s.direct(tx, *hop.User)
	}
	conversation, err := s.roleThread(tx, hop.Role, s.self())
	if err != nil {
		return nil, err
	}
	return s.reaching(hop.Role, s.p.User, conversation)
}
