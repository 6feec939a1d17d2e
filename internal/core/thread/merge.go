package thread

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// maxWalk is up to how many conversations are looked up one by one: beyond it a list walks an index of all and
// asks of each whether it is one of them.
const maxWalk = 2000

// merge walks conversations from several sources, most recently active first. The sources of an index are
// opened when their first entry is next.
type merge struct {
	s       *Sight
	after   store.Activity // where it is
	sources []*source
}

// source is a list of conversations, most recently active first.
type source struct {
	stream store.Stream
	head   time.Time // of the first entry, before it is read
	read   []store.Activity
	end    bool // there are no more than those read
	chunk  int
}

// candidates are the sources of a list after a place: no wider than what the principal sees, where that can be
// said by index, but not exactly what it sees.
func (s *Sight) candidates(f *ConversationFilter, after store.Activity) (*merge, error) {
	m := &merge{s: s, after: after}
	if ids, ok, err := s.named(f); err != nil || ok {
		return m, firstError(err, m.add(ids, f))
	}
	var streams []store.Stream
	if f.shared() {
		channels, err := s.seenChannels(f)
		if err != nil {
			return nil, err
		}
		streams = appendStreams(streams, f, parley.VisibleToOrganization, channels)
	}
	if f.private() {
		walk, err := s.walk(m, f)
		if err != nil {
			return nil, err
		}
		if !walk {
			streams = appendStreams(streams, f, parley.VisibleToMembers, []parley.ID{""})
		}
	}
	return m, m.open(streams)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func appendStreams(streams []store.Stream, f *ConversationFilter, v parley.Visibility, channels []parley.ID) []store.Stream {
	for _, channel := range channels {
		for _, status := range f.statuses() {
			streams = append(streams, store.Stream{Visibility: v, Channel: channel, Status: status})
		}
	}
	return streams
}

// named are the conversations that a narrow filter names, if they are few.
func (s *Sight) named(f *ConversationFilter) (ids []parley.ID, few bool, err error) {
	switch {
	case f.ThreadKey != "":
		ids, err = s.q.ConversationsByKey(s.p.Organization, f.ThreadKey, maxWalk+1)
	case f.Participant != "":
		ids, err = s.q.ConversationsOf(s.p.Organization, f.Participant, maxWalk+1)
	case f.Address.Value != "":
		ids, err = s.q.ConversationsWith(s.p.Organization, f.Address, maxWalk+1)
	default:
		return nil, false, nil
	}
	return ids, len(ids) <= maxWalk, err
}

// seenChannels are the channels, deleted ones too, whose conversations the principal sees, and none: that of
// conversations without.
func (s *Sight) seenChannels(f *ConversationFilter) ([]parley.ID, error) {
	if f.Channel != "" {
		return []parley.ID{f.Channel}, nil
	}
	all, err := s.q.ChannelSights(s.p.Organization, s.p.User)
	channels := []parley.ID{""}
	for _, c := range all {
		if c.Open || c.Member || s.channels() {
			channels = append(channels, c.ID)
		}
	}
	return channels, err
}

// own are the conversations that the principal takes or took part in, or more than maxWalk of them.
func (s *Sight) own() (ids []parley.ID, err error) {
	if s.mine == nil {
		s.mine, err = s.q.ConversationsOf(s.p.Organization, s.p.User, maxWalk+1)
	}
	return s.mine, err
}

// walk adds the conversations of members that the principal takes or took part in, if they are few.
func (s *Sight) walk(m *merge, f *ConversationFilter) (bool, error) {
	if s.private() {
		return false, nil
	}
	ids, err := s.own()
	if err != nil || len(ids) > maxWalk {
		return false, err
	}
	return true, m.addOf(ids, f, parley.VisibleToMembers)
}

// add adds conversations by their ids.
func (m *merge) add(ids []parley.ID, f *ConversationFilter) error { return m.addOf(ids, f, "") }

// addOf adds those of the conversations that are of a visibility and come after the place.
func (m *merge) addOf(ids []parley.ID, f *ConversationFilter, v parley.Visibility) error {
	rows, err := m.s.q.ActivityOf(m.s.p.Organization, ids)
	if err != nil {
		return err
	}
	src := &source{end: true, read: make([]store.Activity, 0, len(rows))}
	for _, r := range rows {
		if (v == "" || v == r.Visibility) && (f.Status == "" || f.Status == r.Status) && (f.Channel == "" || f.Channel == r.Channel) &&
			(m.after.At.IsZero() || r.Activity.Before(m.after)) {
			src.read = append(src.read, r.Activity)
		}
	}
	slices.SortFunc(src.read, newestFirst)
	m.sources = append(m.sources, src)
	return nil
}

func newestFirst(a, b store.Activity) int {
	switch {
	case b.Before(a):
		return -1
	case a.Before(b):
		return 1
	}
	return 0
}

// open adds the streams of an index that are not empty.
func (m *merge) open(streams []store.Stream) error {
	heads, err := m.s.q.ActivityHeads(m.s.p.Organization, streams, m.after)
	for i, head := range heads {
		if !head.IsZero() {
			m.sources = append(m.sources, &source{stream: streams[i], head: head, chunk: 16})
		}
	}
	return err
}

// take returns up to n conversations and moves on; fewer only at the end.
func (m *merge) take(n int) ([]store.Activity, error) {
	taken := make([]store.Activity, 0, n)
	for len(taken) < n {
		src, err := m.first()
		if err != nil || src == nil {
			return taken, err
		}
		a := src.read[0]
		src.read = src.read[1:]
		src.head = a.At
		m.after = a
		taken = append(taken, a)
	}
	return taken, nil
}

// takeFrom returns the next conversation and moves on, if it was active at a time or later.
func (m *merge) takeFrom(since time.Time) (a store.Activity, ok bool, err error) {
	src, err := m.first()
	if err != nil || src == nil || src.read[0].At.Before(since) {
		return a, false, err
	}
	taken, err := m.take(1)
	if err != nil {
		return a, false, err
	}
	return taken[0], true, nil
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
	return o.read[0].Before(s.read[0])
}

// bound is when its next entry was active at the latest.
func (s *source) bound() time.Time {
	if len(s.read) > 0 {
		return s.read[0].At
	}
	return s.head
}

// fill reads more of an index.
func (m *merge) fill(src *source) error {
	read, err := m.s.q.Active(m.s.p.Organization, src.stream, m.after, src.chunk)
	src.read = read
	src.end = len(read) < src.chunk
	src.chunk = min(2*src.chunk, 512)
	return err
}
