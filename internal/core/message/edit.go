package message

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// maxEdits is how often a message may be edited.
const maxEdits = 1000

// Edit changes what a message says, and keeps what it said before. Its author may, while it takes part in the conversation:
// of notes, and of messages between members. What went outside, and what came from there, stays as it was.
func (a *Actions) Edit(ctx context.Context, p *access.Principal, message parley.ID, body []parley.Part) (parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Message{}, err
	}
	wrong := content.Check(body)
	if len(body) == 0 {
		wrong = append(wrong, parley.FieldError{Field: "body", Code: "required", Message: "must not be empty"})
	}
	if len(wrong) > 0 {
		return parley.Message{}, parley.InvalidFields(wrong)
	}
	err := a.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		m, c, err := editable(tx, p, message)
		if err != nil {
			return err
		}
		said := parley.CloneBody(body)
		by := content.Sender{Organization: p.Organization, User: p.User, Personal: p.Personal}
		if err := content.Complete(tx.Queries, by, said); err != nil {
			return err
		}
		copies, err := tx.CopiesOf(p.Organization, m.ID, "", maxCopies)
		if err != nil {
			return err
		}
		before := m.Body
		if !slices.EqualFunc(partsOf(before, parley.PartPage), partsOf(said, parley.PartPage), sameWho) {
			return parley.Invalid("body", "not-allowed", "must call the same people as before: page others by another message")
		}
		all := append(copies, &m)
		ids := make([]parley.ID, len(all))
		for i, m := range all {
			ids[i] = m.Conversation
		}
		conversations, err := tx.Conversations(p.Organization, ids)
		if err != nil {
			return err
		}
		for _, m := range all {
			if m.Removed != "" {
				continue
			}
			if err := rewrite(tx, p, m, said, conversations[m.Conversation].LastSequence); err != nil {
				return err
			}
		}
		return mentionAnew(tx, p, &m, &c, before)
	})
	if err != nil {
		return parley.Message{}, err
	}
	return a.threads.Shown(ctx, p, message)
}

// partsOf are the parts of a body of a kind, such as those that page somebody.
func partsOf(body []parley.Part, kind parley.PartKind) (parts []parley.Part) {
	parley.EachPart(body, func(_ string, p *parley.Part) {
		if p.Kind == kind {
			parts = append(parts, *p)
		}
	})
	return parts
}

// maxCopies is more than a message between members has: those of whom it is forwarded to while its recipient is away.
const maxCopies = 100

// rewrite changes what one message says, in a conversation of so many items.
func rewrite(tx *store.Tx, p *access.Principal, m *parley.Message, body []parley.Part, items int64) error {
	before := parley.Version{Number: m.Edits + 1, Body: m.Body, Editor: m.Actor, At: m.EditedAt}
	if before.At.IsZero() {
		before.At = m.CreatedAt
	}
	if err := relation.AddVersion(tx, p.Organization, m, before); err != nil {
		return err
	}
	for len(m.EditedIn) < m.Edits { // by a program that did not count
		m.EditedIn = append(m.EditedIn, 0)
	}
	m.Body, m.AsText, m.Ext, m.Edits, m.EditedAt, m.EditedIn = body, nil, nil, m.Edits+1, tx.Now, append(m.EditedIn, items)
	tx.Emit(p.Organization, parley.Event{Type: parley.EventMessageEdited, Conversation: m.Conversation, Message: m.ID, Data: parley.EventData{Actor: p.User}})
	if err := tx.KeepMedia(p.Organization, m.ID, parley.MediaOf(m)); err != nil {
		return err
	}
	return tx.Rewrite(p.Organization, m)
}

// mentionAnew tells those whom a message mentions now, and did not before, and forgets those whom it mentions no more.
func mentionAnew(tx *store.Tx, p *access.Principal, m *parley.Message, c *parley.Conversation, before []parley.Part) error {
	if m.Sequence == 0 {
		return nil
	}
	old, now := partsOf(before, parley.PartMention), partsOf(m.Body, parley.PartMention)
	fresh, err := mentionedBut(tx.Queries, p.Organization, c, m.Body, old)
	if err != nil {
		return err
	}
	already, err := meant(tx.Queries, p.Organization, old)
	if err != nil {
		return err
	}
	still, err := meant(tx.Queries, p.Organization, now)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(slices.Clone(already), func(user parley.ID) bool { return slices.Contains(still, user) })
	if err := relation.DropMentions(tx, p.Organization, m.ID, gone); err != nil {
		return err
	}
	fresh = slices.DeleteFunc(fresh, func(mention parley.Mention) bool { return slices.Contains(already, mention.User) })
	return Mention(tx, p.Organization, p.User, m, fresh)
}

// editable returns a message that the principal may edit.
func editable(tx *store.Tx, p *access.Principal, id parley.ID) (parley.Message, parley.Conversation, error) {
	s := thread.NewSight(tx.Queries, p)
	m, c, err := s.Message(id)
	if err != nil {
		return m, c, err
	}
	switch {
	case p.User == "" || m.Author.ID != p.User && m.Actor.ID != p.User:
		return m, c, &parley.Error{Kind: parley.KindForbidden, Code: "not-the-author", Message: "only its author may edit a message"}
	case m.Direction != parley.NoDirection || m.Kind != parley.KindMessage && m.Kind != parley.KindNote:
		return m, c, notEditable("its channel does not let messages be changed: only notes and messages between members are edited")
	case m.Recorded || m.Forward != nil:
		return m, c, notEditable("it holds what somebody else has said")
	case m.Parent != "" || c.Kind == parley.ConversationBroadcast:
		return m, c, notEditable("it is a copy, or went to a list, each of whom has one")
	case m.Removed != "" || !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(tx.Now):
		return m, c, parley.Conflict("content-removed", "the content of the message is gone")
	case m.Edits >= maxEdits:
		return m, c, parley.Conflict("edits-full", "a message is edited at most %d times", maxEdits)
	}
	return m, c, s.MayChange(&c)
}

func notEditable(why string) error {
	return parley.Invalid("id", "edit-unsupported", "%s", why)
}

// Versions returns what a message said before it was edited, the first first, as long as its content is there for the
// principal.
func (a *Actions) Versions(ctx context.Context, p *access.Principal, message parley.ID) ([]parley.Version, error) {
	m, err := a.threads.Message(ctx, p, message)
	if err != nil || m.Removed != "" {
		return nil, err
	}
	list, err := relation.Versions(a.store.Read(ctx), p.Organization, message)
	list = slices.DeleteFunc(list, func(v parley.Version) bool { return v.Number > m.Edits })
	for i := range list {
		if who := &list[i].Editor; who.ID == m.Author.ID {
			who.Name = m.Author.Name
		}
	}
	return list, err
}
