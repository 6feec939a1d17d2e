package thread

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/interaction"
)

// errNotRecipient is a mark of somebody whom the message is not for.
func errNotRecipient() error {
	return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-recipient", Message: "only a recipient of the message may do this"}
}

// mark is the beginning of every mark: a user, and what it sees.
func (t *Threads) mark(ctx context.Context, p *access.Principal, unit func(tx *store.Tx, s *Sight) error) error {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return err
	}
	if p.User == "" {
		return errNotRecipient()
	}
	return t.store.Write(ctx, p.Organization, func(tx *store.Tx) error { return unit(tx, NewSight(tx.Queries, p)) })
}

// ReadThrough moves the principal's read mark in a conversation to an item, or to the newest where it is 0. A mark
// never moves back. Who takes no part in a conversation of the organization has a mark in it too.
func (t *Threads) ReadThrough(ctx context.Context, p *access.Principal, conversation parley.ID, sequence int64) error {
	if sequence < 0 {
		return parley.Invalid("through", "out-of-range", "must be 0 or more")
	}
	return t.mark(ctx, p, func(tx *store.Tx, s *Sight) error {
		c, err := s.Conversation(conversation)
		if err != nil {
			return err
		}
		if sequence == 0 || sequence > c.LastSequence {
			sequence = c.LastSequence
		}
		_, err = t.readThrough(tx, s, &c, sequence)
		return err
	})
}

// MarkRead marks a message as read by the principal's user, with all before it.
func (t *Threads) MarkRead(ctx context.Context, p *access.Principal, message parley.ID) error {
	return t.mark(ctx, p, func(tx *store.Tx, s *Sight) error {
		m, c, err := s.Message(message)
		if err != nil || m.Sequence == 0 {
			return err
		}
		moved, err := t.readThrough(tx, s, &c, m.Sequence)
		if moved {
			s.interaction(tx, &m, parley.InteractionRead)
		}
		return err
	})
}

// readThrough moves the read mark, and says whether it moved.
func (t *Threads) readThrough(tx *store.Tx, s *Sight, c *parley.Conversation, sequence int64) (moved bool, err error) {
	o, user := s.p.Organization, s.p.User
	parts, err := tx.PartsOf(o, user, []parley.ID{c.ID})
	if err != nil {
		return false, err
	}
	part := parts[c.ID]
	switch {
	case part == nil && c.Visibility == parley.VisibleToMembers:
		return false, errNotRecipient()
	case part == nil:
		moved, err = tx.Seen(o, c.ID, user, sequence)
	default:
		if part.LeftSequence > 0 {
			sequence = min(sequence, part.LeftSequence-1)
		}
		moved, err = tx.Mark(o, c.ID, user, store.MarkRead, sequence)
	}
	if err != nil || !moved {
		return false, err
	}
	emit(tx, s.p, parley.EventConversationRead, c.ID, user, parley.EventData{Through: sequence})
	if part == nil {
		return true, nil
	}
	read, err := tx.OnRead(o, c.ID, part.ReadThrough, sequence)
	if err != nil {
		return true, err
	}
	if err := tx.HideLater(o, user, read); err != nil {
		return true, err
	}
	return true, t.hasRead(tx, o, c.ID, user, part.ReadThrough, sequence)
}

// interaction tells the log what the principal's user did with a message.
func (s *Sight) interaction(tx *store.Tx, m *parley.Message, kind parley.InteractionKind) {
	tx.Emit(s.p.Organization, parley.Event{Type: parley.EventInteraction, Conversation: m.Conversation, Message: m.ID, Subject: s.p.User,
		Data: parley.EventData{Status: string(kind), Actor: s.p.User}})
}

// recipient returns a message and the principal's part in its conversation, where it is a recipient of it. Of what
// came from outside, whoever sees it is one, with no part.
func (s *Sight) recipient(tx *store.Tx, message parley.ID) (parley.Message, *parley.Participant, error) {
	m, c, err := s.Message(message)
	if err != nil {
		return m, nil, err
	}
	if c.Visibility == parley.VisibleToOrganization && m.Author.ID != s.p.User && m.Direction != parley.Outbound {
		return m, nil, nil
	}
	parts, err := tx.PartsOf(s.p.Organization, s.p.User, []parley.ID{c.ID})
	if err != nil {
		return m, nil, err
	}
	part := parts[c.ID]
	if part == nil || m.Sequence == 0 || m.Direction != parley.NoDirection || wrote(s.p.User, &m) || !part.Receives(m.Sequence) {
		return m, nil, errNotRecipient()
	}
	return m, part, nil
}

// MarkDelivered confirms that the principal's user has a message, with all before it.
func (t *Threads) MarkDelivered(ctx context.Context, p *access.Principal, message parley.ID) error {
	return t.mark(ctx, p, func(tx *store.Tx, s *Sight) error {
		m, part, err := s.recipient(tx, message)
		if err != nil || part == nil || part.ReadThrough >= m.Sequence {
			return err
		}
		moved, err := tx.Mark(p.Organization, m.Conversation, p.User, store.MarkDelivered, m.Sequence)
		if moved {
			s.interaction(tx, &m, parley.InteractionDelivered)
		}
		return err
	})
}

// Acknowledge says for the principal's user that it has taken note of a message.
func (t *Threads) Acknowledge(ctx context.Context, p *access.Principal, message parley.ID) error {
	return t.mark(ctx, p, func(tx *store.Tx, s *Sight) error {
		m, _, err := s.recipient(tx, message)
		if err != nil {
			return err
		}
		return t.Acknowledged(tx, p.Organization, &m, p.Actor())
	})
}

// Acknowledged notes that somebody has taken note of a message: a user, or a recipient outside. A repeat changes nothing.
func (t *Threads) Acknowledged(tx *store.Tx, organization parley.ID, m *parley.Message, by parley.Actor) error {
	fresh, err := tx.Acknowledge(organization, m.ID, by)
	if err != nil || !fresh {
		return err
	}
	data := parley.EventData{Status: string(parley.InteractionAcknowledged)}
	if by.Kind == parley.ActorUser {
		data.Actor = by.ID
	}
	tx.Emit(organization, parley.Event{Type: parley.EventInteraction, Conversation: m.Conversation, Message: m.ID, Subject: by.ID, Data: data})
	for _, l := range t.listeners {
		if l.Acknowledged == nil {
			continue
		}
		if err := l.Acknowledged(tx, organization, m, by); err != nil {
			return err
		}
	}
	return nil
}

// Listener is told what recipients do, in the transaction in which they do it. What it returns fails that.
type Listener struct {
	// Acknowledged: somebody has acknowledged a message that they had not acknowledged before.
	Acknowledged func(tx *store.Tx, organization parley.ID, m *parley.Message, by parley.Actor) error
	// Read: a member of a conversation has read its items after one, through another.
	Read func(tx *store.Tx, organization, conversation, user parley.ID, after, through int64) error
}

// Listen adds a listener. It is not for use once requests are answered.
func (t *Threads) Listen(l Listener) { t.listeners = append(t.listeners, l) }

func (t *Threads) hasRead(tx *store.Tx, organization, conversation, user parley.ID, after, through int64) error {
	for _, l := range t.listeners {
		if l.Read == nil {
			continue
		}
		if err := l.Read(tx, organization, conversation, user, after, through); err != nil {
			return err
		}
	}
	return nil
}

const (
	maxEmoji     = 32  // characters
	maxReactions = 100 // different ones of a message
)

// CheckEmoji refuses what is no reaction: an emoji, or a short word.
func CheckEmoji(emoji string) error {
	if emoji == "" || !utf8.ValidString(emoji) || utf8.RuneCountInString(emoji) > maxEmoji ||
		strings.ContainsFunc(emoji, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return parley.Invalid("emoji", "emoji-invalid", "must be an emoji, or a word of at most %d characters", maxEmoji)
	}
	return nil
}

// React adds a reaction of the principal's user to a message. One that it has already made stays as it is.
func (t *Threads) React(ctx context.Context, p *access.Principal, message parley.ID, emoji string) (parley.Message, error) {
	return t.react(ctx, p, message, emoji, false)
}

// Unreact takes a reaction of the principal's user back, if it is there.
func (t *Threads) Unreact(ctx context.Context, p *access.Principal, message parley.ID, emoji string) error {
	_, err := t.react(ctx, p, message, emoji, true)
	return err
}

func (t *Threads) react(ctx context.Context, p *access.Principal, message parley.ID, emoji string, remove bool) (m parley.Message, err error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return m, err
	}
	if err := CheckEmoji(emoji); err != nil {
		return m, err
	}
	err = t.mark(ctx, p, func(tx *store.Tx, s *Sight) error {
		if m, err = s.reactable(tx, message); err != nil {
			return err
		}
		return SetReaction(tx, p.Organization, p.User, &m, &parley.Interaction{Message: m.ID, Kind: parley.InteractionReacted, Actor: p.Actor(), Emoji: emoji, At: tx.Now}, remove)
	})
	if err != nil || remove {
		return m, err
	}
	return t.Message(ctx, p, message)
}

// reactable is a message in the timeline, with its content, that the principal's user may react to: one that it sees, in
// a conversation of the organization or one that it takes part in.
func (s *Sight) reactable(tx *store.Tx, message parley.ID) (parley.Message, error) {
	m, c, err := s.Message(message)
	if err != nil {
		return m, err
	}
	if err := s.conceal([]*parley.Message{&m}, tx.Now); err != nil {
		return m, err
	}
	switch {
	case m.Removed != "":
		return m, parley.Conflict("content-removed", "the content of the message is gone")
	case m.Sequence == 0:
		return m, parley.NotFound("message", message)
	case c.Visibility == parley.VisibleToOrganization:
		return m, nil
	}
	parts, err := tx.PartsOf(s.p.Organization, s.p.User, []parley.ID{c.ID})
	if err == nil && (parts[c.ID] == nil || parts[c.ID].LeftSequence > 0) {
		err = &parley.Error{Kind: parley.KindForbidden, Code: "not-a-participant", Message: "you do not take part in the conversation"}
	}
	return m, err
}

// SetReaction adds or removes a reaction of somebody, by user where that is one, and counts the reactions of the message.
func SetReaction(tx *store.Tx, organization, user parley.ID, m *parley.Message, i *parley.Interaction, remove bool) error {
	change, event := 1, parley.EventInteraction
	var changed bool
	var err error
	if remove {
		change, event = -1, parley.EventInteractionRemoved
		changed, err = interaction.Remove(tx, organization, i)
	} else {
		if m.Reactions[i.Emoji] == 0 && len(m.Reactions) >= maxReactions {
			return parley.Conflict("reactions-full", "a message has at most %d different reactions", maxReactions)
		}
		changed, err = interaction.Add(tx, organization, i)
	}
	if err != nil || !changed {
		return err
	}
	if m.Reactions == nil {
		m.Reactions = map[string]int{}
	}
	if m.Reactions[i.Emoji] += change; m.Reactions[i.Emoji] <= 0 {
		delete(m.Reactions, i.Emoji)
	}
	Tell(tx, organization, user, event, m, i)
	return tx.SetReactions(organization, m)
}

// Tell tells the log of an interaction with a message.
func Tell(tx *store.Tx, organization, user parley.ID, event parley.EventType, m *parley.Message, i *parley.Interaction) {
	subject := i.Actor.ID
	if i.Actor.Kind == parley.ActorAddress {
		subject = ""
	}
	tx.Emit(organization, parley.Event{Type: event, Conversation: m.Conversation, Message: m.ID, Subject: subject,
		Data: parley.EventData{Status: string(i.Kind), Actor: user}})
}
