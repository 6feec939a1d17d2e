package core

import (
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// A principal sees a conversation of members where it takes or took part, or, as an organization key, with
// conversations:read.private. It sees one of the organization unless its channel is closed and it is not a
// member of the channel; an organization key sees them all. What may not be seen does not exist.

// sees reports whether the principal sees the conversation; participants are its own part in it, if any.
func (c *Core) sees(q store.Queries, p *Principal, conversation *parley.Conversation) (bool, error) {
	if p.User == "" {
		return true, nil // the server itself
	}
	if conversation.Visibility == parley.VisibleToOrganization {
		return c.seesChannel(q, p, conversation.Channel)
	}
	if !p.Personal && p.Has(parley.ScopePrivateRead) {
		return true, nil
	}
	_, err := q.Participant(p.Organization, conversation.ID, p.User)
	if parley.IsKind(err, parley.KindNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (c *Core) seesChannel(q store.Queries, p *Principal, channel parley.ID) (bool, error) {
	if channel == "" || !p.Personal {
		return true, nil
	}
	ch, err := q.Channel(p.Organization, channel)
	if parley.IsKind(err, parley.KindNotFound) {
		return true, nil // the channel was deleted; its conversations are the organization's
	}
	return err == nil && (ch.Open || slices.Contains(ch.Members, p.User)), err
}

// conversation returns a conversation that the principal sees.
func (c *Core) conversation(q store.Queries, p *Principal, id parley.ID) (parley.Conversation, error) {
	conversation, err := q.Conversation(p.Organization, id)
	if err != nil {
		return conversation, err
	}
	seen, err := c.sees(q, p, &conversation)
	if err == nil && !seen {
		err = parley.NotFound("conversation", id)
	}
	return conversation, err
}

// hides reports whether a message is outside of the time that the principal, a participant of a conversation
// of members, takes or took part in.
func hides(part *parley.Participant, m *parley.Message) bool {
	return part != nil && (m.Sequence <= part.JoinedSequence && part.JoinedSequence > 0 ||
		part.LeftSequence > 0 && m.Sequence >= part.LeftSequence)
}
