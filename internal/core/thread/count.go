package thread

import (
	"cmp"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// How many conversations are looked at to count some of them: of those of which an index says enough, of those of which
// it does not say who sees them, and of those that have to be read.
const (
	countedMost    = 20_000
	countedForeign = 5000
	countedRead    = maxWalk
	countedBatch   = 500 // at once
)

// CountConversations returns how many conversations the principal sees that pass a filter, up to a number, and whether there
// are more, or may be: a bounded number of them is looked at.
func (s *Sight) CountConversations(f ConversationFilter, most int) (n int, more bool, err error) {
	m, err := s.counted(&f)
	if m == nil || err != nil {
		return 0, false, err
	}
	limit := countedMost
	if m.rough {
		limit = countedRead
	} else if m.foreign {
		limit = countedForeign
	}
	for examined := 0; examined < limit; {
		batch, err := m.take(min(most+1-n, countedBatch), limit-examined)
		if err != nil || len(batch) == 0 {
			return n, false, err
		}
		examined += len(batch)
		passed, err := m.passed(batch, &f)
		if err != nil {
			return 0, false, err
		}
		if n += passed; n > most {
			return most, true, nil
		}
	}
	more, err = m.more()
	return n, more, err
}

// counted are the conversations that are looked at to count those that pass a filter; nil: none can.
func (s *Sight) counted(f *ConversationFilter) (m *merge, err error) {
	if f.Channel != "" {
		if seen, err := s.SeesChannel(f.Channel); err != nil || !seen {
			return nil, err
		}
	}
	if f.Participant != "" {
		if f.Participant, err = s.q.Became(s.p.Organization, f.Participant); err != nil {
			return nil, err
		}
	}
	m = &merge{s: s, shown: true}
	if err := m.find(f, countedBatch); err != nil {
		return nil, err
	}
	for _, src := range m.sources {
		src.chunk, src.most = countedBatch, maxWalk
	}
	m.rough = m.rough || f.Unread != nil || f.withParticipant()
	return m, nil
}

// SeesChannel reports whether the principal sees the conversations of a channel.
func (s *Sight) SeesChannel(id parley.ID) (bool, error) {
	channels, err := s.seenChannels()
	return slices.Contains(channels, id), err
}

// passed counts those of a batch that pass and that the principal sees.
func (m *merge) passed(batch []store.Candidate, f *ConversationFilter) (n int, err error) {
	if m.rough {
		kept, err := m.s.filter(batch, f)
		return len(kept), err
	}
	var ids []parley.ID
	for _, c := range batch {
		if c.Passes {
			ids = append(ids, c.ID)
		}
	}
	if !m.foreign {
		return len(ids), nil
	}
	if err := m.s.judge(ids); err != nil {
		return 0, err
	}
	return len(slices.DeleteFunc(ids, func(id parley.ID) bool { return !m.s.visible(id) })), nil
}

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
	counts, err := inbox.Unread(s.q, s.p.Organization, s.p.User, marks)
	for _, c := range conversations {
		c.Unread = counts[c.ID]
	}
	return err
}

// marks are what of conversations the principal's user may not have read: of each part that it takes or took in one, after what
// it has read.
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
	marks := make([]inbox.Mark, 0, len(conversations))
	for _, c := range conversations {
		add := func(after, before int64) {
			if after < c.LastSequence && (before == 0 || after < before-1) {
				marks = append(marks, inbox.Mark{Conversation: c.ID, After: after, Before: before})
			}
		}
		p := part(c.ID)
		if p == nil {
			add(seen[c.ID], 0)
			continue
		}
		parts := append(slices.Clone(p.Earlier), parley.Span{Joined: p.JoinedSequence, Left: p.LeftSequence})
		slices.SortFunc(parts, func(a, b parley.Span) int { return cmp.Compare(a.Joined, b.Joined) })
		after := p.ReadThrough
		for _, part := range parts { // what two have in common is counted once
			add(max(after, part.Joined), part.Left)
			if part.Left == 0 {
				break
			}
			after = max(after, part.Left-1)
		}
	}
	return marks, err
}

// Seeing says which users see what is written in a conversation now.
func Seeing(q store.Queries, organization parley.ID, c *parley.Conversation) (func(user parley.ID) bool, error) {
	if c.Visibility == parley.VisibleToMembers {
		members, err := q.MembersOf(organization, []parley.ID{c.ID})
		return func(user parley.ID) bool {
			return slices.ContainsFunc(members[c.ID], func(m store.Member) bool { return m.User == user && m.LeftSequence == 0 })
		}, err
	}
	channels, err := q.ChannelsByID(organization, []parley.ID{c.Channel})
	ch := channels[c.Channel]
	return func(user parley.ID) bool { return ch == nil || ch.Open || slices.Contains(ch.Members, user) }, err
}
