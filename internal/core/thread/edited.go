package thread

import (
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/relation"
)

// unedit shows messages of conversations that have been looked up, and that the principal has left, as they were then.
func (s *Sight) unedit(messages []*parley.Message) error {
	if s.private() {
		return nil
	}
	return Unedit(s.q, s.p.Organization, messages, func(m *parley.Message) int64 {
		if part := s.parts[m.Conversation]; part != nil {
			return part.LeftSequence
		}
		return 0
	})
}

// Unedit makes messages what they were when somebody left their conversations; left is the sequence from which on one goes on
// without them, 0 where it does not. Where that is not kept any more, as some of it was taken away, nothing is shown. Whether an
// edit came before or after somebody left cannot be told where nothing was written between: it is taken for later.
func Unedit(q store.Queries, organization parley.ID, messages []*parley.Message, left func(m *parley.Message) int64) error {
	var later []*parley.Message
	var wanted []relation.VersionRef
	for _, m := range messages {
		if m.Edits == 0 || m.Removed != "" {
			continue
		}
		seen, until := m.Edits, left(m)
		for until > 0 && seen > 0 && seen <= len(m.EditedIn) && m.EditedIn[seen-1] >= until-1 {
			seen--
		}
		if seen == m.Edits {
			continue
		}
		m.Body, m.AsText, m.Edits, m.EditedAt, m.EditedIn = nil, nil, seen, time.Time{}, m.EditedIn[:seen]
		later, wanted = append(later, m), append(wanted, relation.VersionRef{Message: m.ID, Number: seen + 1})
	}
	if len(later) == 0 {
		return nil
	}
	versions, err := relation.VersionsAt(q, organization, wanted)
	for i, m := range later {
		if v, kept := versions[wanted[i]]; kept {
			if m.Body = v.Body; m.Edits > 0 {
				m.EditedAt = v.At
			}
		}
	}
	return err
}
