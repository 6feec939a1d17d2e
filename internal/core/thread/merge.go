package thread

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

const (
	// maxWalk is up to how many conversations are looked up one by one: beyond it a list walks an index of all and
	// asks of each whether it is one of them.
	maxWalk = 2000
	// fewNamed is up to how many conversations of somebody are looked up before those of the principal are.
	fewNamed = 100
	// maxLabelled is of how many conversations with one label the few are looked for that are in a status.
	maxLabelled = 20_000
)

// merge walks conversations from several sources, most recently active first. A source is read when its next entry
// may be the next of all.
type merge struct {
	s       *Sight
	shown   bool           // a conversation that the principal has left comes where it is shown to it, not where it is by now
	after   store.Activity // where it is
	sources []*source
	beside  []parley.ID // conversations besides those of the sources, in no order
	rough   bool        // there may be some that do not pass among those that are said to
	foreign bool        // and some that the principal does not see
}

// source is a list of conversations, most recently active first.
type source struct {
	fill  func(after store.Activity, limit int) ([]store.Candidate, error)
	head  time.Time // when its next entry was active at the latest, before it is read
	read  []store.Candidate
	end   bool // there are no more than those read
	chunk int  // how many are read next
	most  int  // at once
}

// latest is the head of a source of which nothing is known.
var latest = time.UnixMilli(1 << 62)

// find adds the sources of a list after the merge's place: no wider than what the principal sees, where that can be
// said by index, but not exactly what it sees. How many of its own are likely to be needed is ahead; with 0 they
// need not be in order.
func (m *merge) find(f *ConversationFilter, ahead int) error {
	s := m.s
	if ids, ok, err := s.named(f); err != nil || ok {
		return parley.FirstError(err, m.add(ids, f))
	}
	var streams []store.Stream
	if f.shared() {
		channels, err := s.channelsOf(f)
		few, again := s.searches(f)
		if err := parley.FirstError(err, again); err != nil {
			return err
		}
		streams = appendStreams(streams, f, parley.VisibleToOrganization, channels)
		if few {
			m.addShared(f, streams, ahead)
			streams = nil
		}
	}
	if f.private() {
		walk, err := s.walks()
		switch {
		case err != nil:
			return err
		case walk && ahead == 0 && !f.withParticipant():
			if m.beside, err = s.q.ConversationsOf(s.p.Organization, s.p.User, maxWalk+1); err != nil {
				return err
			}
		case walk && m.leaves():
			m.addOwn(f, store.ShownParts, ahead)
		case walk:
			m.addOwn(f, store.AllParts, ahead)
		default:
			streams = appendStreams(streams, f, parley.VisibleToMembers, []parley.ID{""})
			m.foreign = !s.private()
			if m.leaves() {
				m.addOwn(f, store.EndedParts, ahead)
			}
		}
	}
	return m.open(streams, f)
}

func appendStreams(streams []store.Stream, f *ConversationFilter, v parley.Visibility, channels []parley.ID) []store.Stream {
	for _, channel := range channels {
		for _, status := range f.statuses() {
			streams = append(streams, store.Stream{Visibility: v, Channel: channel, Status: status})
		}
	}
	return streams
}

// named are the conversations that a filter names, if they are few, or fewer than the principal sees.
func (s *Sight) named(f *ConversationFilter) (ids []parley.ID, few bool, err error) {
	if f.ThreadKey == "" && f.ExternalID == "" && !f.withParticipant() {
		return s.labelled(f)
	}
	if ids, err = s.namedUpTo(f, fewNamed); err != nil || len(ids) <= fewNamed {
		return ids, err == nil, err
	}
	if seesFew, err := s.seesFew(); err != nil || seesFew && f.withParticipant() {
		return nil, false, err
	}
	ids, err = s.namedUpTo(f, maxWalk)
	return ids, len(ids) <= maxWalk, err
}

// labelled are the conversations that a filter names by a label, if they are few, and fewer than the principal sees.
func (s *Sight) labelled(f *ConversationFilter) ([]parley.ID, bool, error) {
	for _, l := range []struct {
		kind  store.LabelKind
		label string
	}{{store.LabelAssignee, string(f.Assignee)}, {store.LabelTag, f.Tag}} {
		if l.label == "" {
			continue
		}
		n, err := s.q.CountLabelled(s.p.Organization, l.kind, l.label, maxLabelled+1)
		if err != nil {
			return nil, false, err
		}
		if n > maxLabelled {
			continue
		}
		ids, err := s.q.Labelled(s.p.Organization, l.kind, l.label, f.Status, maxWalk+1)
		if err != nil || len(ids) <= fewNamed {
			return ids, err == nil, err
		}
		if len(ids) > maxWalk {
			continue
		}
		seesFew, err := s.seesFew()
		return ids, !seesFew, err
	}
	return nil, false, nil
}

// namedUpTo are up to n of the conversations that a filter names, and one more where there are more.
func (s *Sight) namedUpTo(f *ConversationFilter, n int) ([]parley.ID, error) {
	switch {
	case f.ExternalID != "":
		id, err := inbox.ByExternalID(s.q, s.p.Organization, f.ExternalID)
		if err != nil || id == "" {
			return nil, err
		}
		return []parley.ID{id}, nil
	case f.ThreadKey != "":
		return s.q.ConversationsByKey(s.p.Organization, f.ThreadKey, n+1)
	case f.Participant != "":
		return s.q.ConversationsOf(s.p.Organization, f.Participant, n+1)
	}
	return s.q.ConversationsWith(s.p.Organization, f.Address, n+1)
}

// leaves reports whether the conversations of members that the principal has left have places of their own.
func (m *merge) leaves() bool { return m.shown && !m.s.private() }

// addOwn adds the conversations of members that the principal takes or took part in.
func (m *merge) addOwn(f *ConversationFilter, parts store.Parts, ahead int) {
	narrow := f.narrow(m.s.p.User)
	narrow.Parts = parts
	m.addSearch(ahead, func(after store.Activity, limit int) ([]store.Candidate, error) {
		return m.s.q.OwnActive(m.s.p.Organization, m.s.p.User, narrow, after, limit)
	})
}

// searches reports whether a filter is tried on all the principal's conversations on channels, as they are few, rather
// than as a walk comes to them.
func (s *Sight) searches(f *ConversationFilter) (bool, error) {
	if f.Tag == "" && f.Assignee == "" && !f.withParticipant() {
		return false, nil
	}
	return s.seesFew()
}

// addShared adds the conversations of streams.
func (m *merge) addShared(f *ConversationFilter, streams []store.Stream, ahead int) {
	m.addSearch(ahead, func(after store.Activity, limit int) ([]store.Candidate, error) {
		return m.s.q.SearchActive(m.s.p.Organization, streams, f.narrow(m.s.p.User), after, limit)
	})
}

// addSearch adds a source of which each reading looks at all there is.
func (m *merge) addSearch(ahead int, fill func(store.Activity, int) ([]store.Candidate, error)) {
	m.sources = append(m.sources, &source{head: latest, chunk: cmp.Or(ahead, maxWalk), most: maxWalk, fill: fill})
}

// add adds those of some conversations that come after the place.
func (m *merge) add(ids []parley.ID, f *ConversationFilter) error {
	rows, err := m.s.q.ActivityOf(m.s.p.Organization, ids)
	if err == nil && m.leaves() {
		err = m.s.showPlaces(rows)
	}
	if err != nil {
		return err
	}
	src := &source{end: true, read: make([]store.Candidate, 0, len(rows))}
	for _, r := range rows {
		if (f.Status == "" || f.Status == r.Status) && (f.Channel == "" || f.Channel == r.Channel) &&
			(f.visibility == "" || f.visibility == r.Visibility) && (m.after.At.IsZero() || r.Activity.Before(m.after)) {
			src.read = append(src.read, store.Candidate{Activity: r.Activity, Passes: true})
		}
	}
	slices.SortFunc(src.read, newestFirst)
	m.sources = append(m.sources, src)
	m.rough = true
	return nil
}

func newestFirst(a, b store.Candidate) int {
	switch {
	case b.Before(a.Activity):
		return -1
	case a.Before(b.Activity):
		return 1
	}
	return 0
}

// open adds the streams of an index that are not empty.
func (m *merge) open(streams []store.Stream, f *ConversationFilter) error {
	heads, err := m.s.q.ActivityHeads(m.s.p.Organization, streams, m.after)
	for i, head := range heads {
		if head.IsZero() {
			continue
		}
		narrow := f.narrow(m.s.p.User)
		if m.leaves() && streams[i].Visibility == parley.VisibleToMembers {
			narrow.Without = m.s.p.User
		}
		m.sources = append(m.sources, &source{head: head, chunk: 64, most: 512, fill: func(after store.Activity, limit int) ([]store.Candidate, error) {
			return m.s.q.Active(m.s.p.Organization, streams[i], narrow, after, limit)
		}})
	}
	return err
}

// take moves on until n conversations have passed, by up to most, and returns all of them; fewer only at the end.
func (m *merge) take(n, most int) ([]store.Candidate, error) {
	taken := make([]store.Candidate, 0, n)
	for n > 0 && len(taken) < most {
		src, err := m.first()
		if err != nil || src == nil {
			return taken, err
		}
		c := src.next()
		m.after = c.Activity
		taken = append(taken, c)
		if c.Passes {
			n--
		}
	}
	return taken, nil
}

// next takes the next entry, which has been read.
func (s *source) next() store.Candidate {
	c := s.read[0]
	s.read = s.read[1:]
	s.head = c.At
	return c
}

// since moves on past all that were active at a time or later, and returns those that pass.
func (m *merge) since(at time.Time) (ids []parley.ID, err error) {
	for {
		src, err := m.first()
		if err != nil || src == nil || src.read[0].At.Before(at) {
			return ids, err
		}
		c := src.next()
		m.after = c.Activity
		if c.Passes {
			ids = append(ids, c.ID)
		}
	}
}

// comes reports whether the next conversation was active at a time or later.
func (m *merge) comes(since time.Time) (bool, error) {
	src, err := m.first()
	return src != nil && !src.read[0].At.Before(since), err
}

// more reports whether there is another conversation.
func (m *merge) more() (bool, error) {
	src, err := m.first()
	return src != nil, err
}

// first is the source whose next entry comes first; nil at the end.
func (m *merge) first() (*source, error) {
	for {
		var best *source
		for _, src := range m.sources {
			if src.exhausted() {
				continue
			}
			if best == nil || src.mayPrecede(best) {
				best = src
			}
		}
		if best == nil || len(best.read) > 0 {
			return best, nil
		}
		if err := m.fill(best); err != nil {
			return nil, err
		}
	}
}

func (s *source) exhausted() bool { return s.end && len(s.read) == 0 }

// mayPrecede reports whether the next entry of s comes before that of o, or may: one that is not read yet is
// no later than its head says, and is read first where it may be the next.
func (s *source) mayPrecede(o *source) bool {
	a, b := s.bound(), o.bound()
	if !a.Equal(b) {
		return a.After(b)
	}
	if len(s.read) == 0 || len(o.read) == 0 {
		return len(s.read) == 0 && len(o.read) > 0
	}
	return o.read[0].Before(s.read[0].Activity)
}

// bound is when its next entry was active at the latest.
func (s *source) bound() time.Time {
	if len(s.read) > 0 {
		return s.read[0].At
	}
	return s.head
}

// fill reads more of a source.
func (m *merge) fill(src *source) error {
	read, err := src.fill(m.after, src.chunk)
	src.read = read
	src.end = len(read) < src.chunk
	src.chunk = min(4*src.chunk, src.most)
	return err
}
