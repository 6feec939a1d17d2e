package thread

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// headSource gives the messages that a list has to look at, newest first.
type headSource interface {
	// take returns up to n messages and moves on; fewer only at the end.
	take(n int) ([]store.MessageHead, error)
	// cursor is the place after a message.
	cursor(h *store.MessageHead) cursor
}

// plan picks the source that gives the least to look at: the threads of the conversations that the filter names
// or that the principal sees, where they are few; an index that the filter names; else all messages. A cursor
// goes on with the plan that made it.
func (s *Sight) plan(f *MessageFilter, from cursor) (headSource, error) {
	switch {
	case from.plan == 'p' || from.plan == 0 && f.Parent != "":
		return &copySource{s, f.Parent, parley.ID(from.key)}, nil
	case from.plan == 'i', f.Oldest, f.Batch != "": // of a batch there are few
		return s.indexed(f, from), nil
	case from.plan == 0 && f.indexed():
		return s.indexed(f, from), nil
	}
	ahead := openTogether
	if from.plan == 't' || !f.Until.IsZero() {
		ahead = 0 // it begins with those that have something older: all of them
	}
	walk, err := s.walkable(f, ahead)
	if err != nil {
		return nil, err
	}
	if walk == nil && from.plan == 't' { // there are more by now
		walk = &merge{s: s}
		err = walk.find(&ConversationFilter{}, ahead)
	}
	if walk != nil && err == nil {
		return s.threads(walk, f, from)
	}
	return s.indexed(f, from), err
}

// indexed reports whether the filter names an index whose entries are few, or are seen by whoever asks.
func (f *MessageFilter) indexed() bool {
	return f.Conversation == "" && f.Sender == "" && f.SenderAddress.Value == "" && f.Recipient == "" && f.RecipientAddress.Value == "" &&
		(f.Reference != "" || f.Tag != "" || f.Channel != "" || f.Status == parley.Scheduled) || f.Status == parley.Scheduled
}

// walkable are the conversations whose threads hold what the list looks for, if they are few; else nil.
func (s *Sight) walkable(f *MessageFilter, ahead int) (*merge, error) {
	if f.Conversation != "" {
		m := &merge{s: s}
		return m, m.add([]parley.ID{f.Conversation}, &ConversationFilter{})
	}
	var of ConversationFilter
	switch user, err := s.user(f.Sender); {
	case err != nil:
		return nil, err
	case user != nil && !user.Machine:
		return s.writtenBy(user.ID, ahead)
	case user == nil && f.Sender != "": // a contact; an organization's key writes without taking part
		of.Participant = f.Sender
	case f.SenderAddress.Value != "":
		of.Address = f.SenderAddress
	case f.Recipient != "":
		of.Participant = f.Recipient
	default:
		of.Address = f.RecipientAddress
	}
	if many, err := s.takesPartInMany(&of); err != nil || many {
		return nil, err
	}
	few, err := s.seesFew()
	switch {
	case err != nil:
		return nil, err
	case few:
		m := &merge{s: s}
		return m, m.find(&of, ahead)
	case !of.withParticipant():
		return nil, nil
	}
	ids, few, err := s.named(&of)
	if err != nil || !few {
		return nil, err
	}
	m := &merge{s: s}
	return m, m.add(ids, &of)
}

// user is the one with an id; nil: it is nobody's, or not that of a user.
func (s *Sight) user(id parley.ID) (*parley.User, error) {
	if id == "" {
		return nil, nil
	}
	u, err := s.q.User(s.p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, nil
	}
	return &u, err
}

// writtenBy are the conversations in which a user may have written what the principal sees, if they are few; else nil.
// Of the conversations of members people write in those in which they take part, but in any that the organization sees.
func (s *Sight) writtenBy(user parley.ID, ahead int) (*merge, error) {
	of := ConversationFilter{Participant: user, visibility: parley.VisibleToMembers}
	few, err := s.seesFew()
	if err == nil && !few {
		few, err = s.fewBesides(user)
	}
	if err != nil || !few {
		return nil, err
	}
	ids, named, err := s.named(&of)
	if err != nil {
		return nil, err
	}
	m := &merge{s: s}
	if !named { // they are more than a few, and the principal's own are not many
		m.addOwn(&of, store.AllParts, ahead)
	} else if err := m.add(ids, &of); err != nil {
		return nil, err
	}
	channels, err := s.seenChannels()
	if err != nil {
		return nil, err
	}
	all := &ConversationFilter{}
	return m, m.open(appendStreams(nil, all, parley.VisibleToOrganization, channels), all)
}

// fewBesides reports whether a user's conversations and those on the principal's channels are few.
func (s *Sight) fewBesides(user parley.ID) (bool, error) {
	n, err := s.q.CountOf(s.p.Organization, user, maxWalk+1)
	if err != nil || n > maxWalk {
		return false, err
	}
	on, err := s.countShared(maxWalk + 1 - n)
	return n+on <= maxWalk, err
}

// takesPartInMany reports whether whoever a filter names takes or took part in more conversations than are walked.
func (s *Sight) takesPartInMany(f *ConversationFilter) (bool, error) {
	switch {
	case f.Participant != "":
		n, err := s.q.CountOf(s.p.Organization, f.Participant, maxWalk+1)
		return n > maxWalk, err
	case f.Address.Value != "":
		ids, err := s.namedUpTo(f, maxWalk)
		return len(ids) > maxWalk, err
	}
	return false, nil
}

// indexSource walks an index by id.
type indexSource struct {
	s      *Sight
	index  store.MessageIndex
	oldest bool // it goes from the oldest on
	before parley.ID
}

func (s *Sight) indexed(f *MessageFilter, from cursor) *indexSource {
	i := &indexSource{s: s, oldest: f.Oldest, before: parley.ID(from.key)}
	switch {
	case f.Batch != "":
		i.index.Batch = f.Batch
	case f.Reference != "":
		i.index.Reference = f.Reference
	case f.Tag != "":
		i.index.Tag = f.Tag
	case f.Status == parley.Scheduled:
		i.index.Scheduled = true
	default:
		i.index.Channel = f.Channel
	}
	return i
}

func (i *indexSource) take(n int) ([]store.MessageHead, error) {
	if i.oldest {
		heads, err := i.s.q.HeadsAfter(i.s.p.Organization, i.index, i.before, n)
		if len(heads) > 0 {
			i.before = heads[len(heads)-1].ID
		}
		return heads, err
	}
	heads, err := i.s.q.HeadsBefore(i.s.p.Organization, i.index, i.before, n)
	if len(heads) > 0 {
		i.before = heads[len(heads)-1].ID
	}
	if err == nil && i.index.Tag != "" {
		err = i.complete(heads)
	}
	return heads, err
}

// complete looks up the rest of those heads that are in conversations which the principal may see.
func (i *indexSource) complete(heads []store.MessageHead) error {
	if err := i.s.survey(); err != nil {
		return err
	}
	var ids []parley.ID
	for _, h := range heads {
		if i.s.extent.all == nil || i.s.extent.all[h.Conversation] {
			ids = append(ids, h.ID)
		}
	}
	found, err := i.s.q.HeadsByID(i.s.p.Organization, ids)
	for n, h := range heads {
		if whole, ok := found[h.ID]; ok {
			heads[n] = whole
		}
	}
	return err
}

func (i *indexSource) cursor(h *store.MessageHead) cursor { return cursor{'i', 0, string(h.ID)} }

// copySource walks the copies of a broadcast message.
type copySource struct {
	s      *Sight
	parent parley.ID
	before parley.ID
}

func (c *copySource) take(n int) ([]store.MessageHead, error) {
	heads, err := c.s.q.CopiesBefore(c.s.p.Organization, c.parent, c.before, n)
	if len(heads) > 0 {
		c.before = heads[len(heads)-1].Conversation
	}
	return heads, err
}

func (c *copySource) cursor(h *store.MessageHead) cursor {
	return cursor{'p', 0, string(h.Conversation)}
}
