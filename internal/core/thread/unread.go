package thread

import (
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/inbox"
)

// countUnread says of conversations that have been looked up how many items the principal's user has not read: of those
// that are for it, and that somebody else wrote.
func (s *Sight) countUnread(conversations ...*parley.Conversation) error {
	if s.p.User == "" || len(conversations) == 0 {
		return nil
	}
	marks, err := s.marks(conversations)
	if err != nil {
		return err
	}
	ahead := slices.DeleteFunc(marks, func(m inbox.Mark) bool { return m.After < 0 })
	counts, err := inbox.Unread(s.q, s.p.Organization, s.p.User, ahead)
	for _, c := range conversations {
		c.Unread = counts[c.ID]
	}
	return err
}

// marks are up to where the principal's user has read conversations; negative where that is to the end.
func (s *Sight) marks(conversations []*parley.Conversation) ([]inbox.Mark, error) {
	var unknown, others []parley.ID
	for _, c := range conversations {
		if _, known := s.parts[c.ID]; !known {
			unknown = append(unknown, c.ID)
		}
	}
	parts, err := s.q.PartsOf(s.p.Organization, s.p.User, unknown)
	if err != nil {
		return nil, err
	}
	part := func(id parley.ID) *parley.Participant {
		if p := s.parts[id]; p != nil {
			return p
		}
		return parts[id]
	}
	for _, c := range conversations {
		if part(c.ID) == nil {
			others = append(others, c.ID)
		}
	}
	seen, err := inbox.SeenThrough(s.q, s.p.Organization, s.p.User, others)
	marks := make([]inbox.Mark, len(conversations))
	for i, c := range conversations {
		m := inbox.Mark{Conversation: c.ID, After: seen[c.ID]}
		if p := part(c.ID); p != nil {
			m.After, m.Before = max(p.JoinedSequence, p.ReadThrough), p.LeftSequence
		}
		if m.After >= c.LastSequence || m.Before != 0 && m.After >= m.Before-1 {
			m.After = -1
		}
		marks[i] = m
	}
	return marks, err
}
