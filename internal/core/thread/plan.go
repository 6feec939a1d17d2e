package thread

import (
	"container/heap"
	"strconv"
	"strings"
	"time"

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
	case from.plan == 'i':
		return s.indexed(f, from), nil
	case from.plan == 0 && f.indexed():
		return s.indexed(f, from), nil
	}
	walk, err := s.walkable(f)
	if err != nil {
		return nil, err
	}
	if walk == nil && from.plan == 't' { // there are more by now
		walk, err = s.candidates(&ConversationFilter{}, store.Activity{})
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
func (s *Sight) walkable(f *MessageFilter) (*merge, error) {
	var ids []parley.ID
	var err error
	switch {
	case f.Conversation != "":
		ids = []parley.ID{f.Conversation}
	case f.Sender != "":
		ids, err = s.q.ConversationsOf(s.p.Organization, f.Sender, maxWalk+1)
	case f.SenderAddress.Value != "":
		ids, err = s.q.ConversationsWith(s.p.Organization, f.SenderAddress, maxWalk+1)
	case f.Recipient != "":
		ids, err = s.q.ConversationsOf(s.p.Organization, f.Recipient, maxWalk+1)
	case f.RecipientAddress.Value != "":
		ids, err = s.q.ConversationsWith(s.p.Organization, f.RecipientAddress, maxWalk+1)
	default:
		few, err := s.seesFew()
		if err != nil || !few {
			return nil, err
		}
		return s.candidates(&ConversationFilter{}, store.Activity{})
	}
	if err != nil || len(ids) > maxWalk {
		return nil, err
	}
	m := &merge{s: s}
	return m, m.add(ids, &ConversationFilter{})
}

// seesFew reports whether the principal sees few conversations.
func (s *Sight) seesFew() (bool, error) {
	if s.private() {
		return false, nil
	}
	own, err := s.own()
	if err != nil {
		return false, err
	}
	channels, err := s.seenChannels(&ConversationFilter{})
	n := len(own)
	for _, channel := range channels {
		if err != nil || n > maxWalk {
			return false, err
		}
		var on int
		on, err = s.q.CountOn(s.p.Organization, channel, maxWalk+1-n)
		n += on
	}
	return n <= maxWalk, err
}

// indexSource walks an index by id.
type indexSource struct {
	s      *Sight
	index  store.MessageIndex
	before parley.ID
}

func (s *Sight) indexed(f *MessageFilter, from cursor) *indexSource {
	i := &indexSource{s: s, before: parley.ID(from.key)}
	switch {
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
	heads, err := i.s.q.HeadsBefore(i.s.p.Organization, i.index, i.before, n)
	if len(heads) > 0 {
		i.before = heads[len(heads)-1].ID
	}
	return heads, err
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

// threadSource walks the threads of some conversations together.
type threadSource struct {
	s       *Sight
	since   time.Time // where it ends
	after   store.Place
	threads threadHeap // that may have what is next
	idle    *merge     // conversations that have nothing so recent
}

// openThread is one thread on the walk: its first message was sent at head, and is read when it is next.
type openThread struct {
	conversation parley.ID
	head         time.Time
	read         []store.Place
	end          bool
	chunk        int
}

// threads opens the walk. A conversation was active when its newest message was sent or later: those active
// after the place are asked where they go on, the others wait until the walk comes to them.
func (s *Sight) threads(conversations *merge, f *MessageFilter, from cursor) (*threadSource, error) {
	t := &threadSource{s: s, since: f.Since, after: store.Place{ThreadPosition: store.ThreadPosition{SentAt: f.Until}}, idle: conversations}
	if from.plan == 't' {
		sequence, conversation, _ := strings.Cut(from.key, ".")
		t.after = store.Place{ThreadPosition: cursor{from.plan, from.at, sequence}.position(), Conversation: parley.ID(conversation)}
	}
	if t.after.SentAt.IsZero() {
		return t, nil
	}
	var active []parley.ID
	for {
		a, ok, err := t.idle.takeFrom(t.after.SentAt)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		active = append(active, a.ID)
	}
	heads, err := s.q.ThreadHeads(s.p.Organization, active, t.after)
	for _, h := range heads {
		t.threads = append(t.threads, &openThread{conversation: h.Conversation, head: h.At, chunk: 4})
	}
	heap.Init(&t.threads)
	return t, err
}

// open adds the conversations whose turn it may be.
func (t *threadSource) open() error {
	for {
		var since time.Time
		if len(t.threads) > 0 {
			since = t.threads[0].head
		}
		a, ok, err := t.idle.takeFrom(since)
		if err != nil || !ok {
			return err
		}
		heap.Push(&t.threads, &openThread{conversation: a.ID, head: a.At, chunk: 4})
	}
}

func (t *threadSource) cursor(h *store.MessageHead) cursor {
	return cursor{'t', h.SentAt.UnixMilli(), strconv.FormatInt(h.Sequence, 10) + "." + string(h.Conversation)}
}

func (t *threadSource) take(n int) ([]store.MessageHead, error) {
	ids := make([]parley.ID, 0, n)
	for len(ids) < n {
		if err := t.open(); err != nil {
			return nil, err
		}
		if len(t.threads) == 0 {
			break
		}
		p, err := t.next(n)
		if err != nil {
			return nil, err
		}
		if p.ID == "" {
			continue
		}
		if p.SentAt.Before(t.since) {
			break
		}
		t.after = p
		ids = append(ids, p.ID)
	}
	found, err := t.s.q.HeadsByID(t.s.p.Organization, ids)
	heads := make([]store.MessageHead, len(ids))
	for i, id := range ids {
		heads[i] = found[id]
	}
	return heads, err
}

// next moves on by one step: to the next message, or without one when a thread has ended or has begun later than
// was known.
func (t *threadSource) next(n int) (p store.Place, err error) {
	first := t.threads[0]
	if len(first.read) == 0 && !first.end {
		if err := t.fill(first, n); err != nil {
			return p, err
		}
	}
	switch {
	case len(first.read) == 0:
		heap.Pop(&t.threads)
		return p, nil
	case first.head.After(first.read[0].SentAt):
		first.head = first.read[0].SentAt
	default:
		p = first.read[0]
		first.read = first.read[1:]
		if len(first.read) > 0 {
			first.head = first.read[0].SentAt
		}
	}
	heap.Fix(&t.threads, 0)
	return p, nil
}

// fill reads more of a thread.
func (t *threadSource) fill(o *openThread, n int) error {
	if len(t.threads) == 1 {
		o.chunk = max(o.chunk, n)
	}
	read, err := t.s.q.PlacesIn(t.s.p.Organization, o.conversation, t.after, o.chunk)
	o.read, o.end = read, len(read) < o.chunk
	o.chunk = min(2*o.chunk, 500)
	return err
}

// threadHeap orders threads by their next message: newest first, then by conversation.
type threadHeap []*openThread

func (h threadHeap) Len() int { return len(h) }
func (h threadHeap) Less(i, j int) bool {
	if !h[i].head.Equal(h[j].head) {
		return h[i].head.After(h[j].head)
	}
	return h[i].conversation > h[j].conversation
}
func (h threadHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is part of heap.Interface.
func (h *threadHeap) Push(x any) { *h = append(*h, x.(*openThread)) }

// Pop is part of heap.Interface.
func (h *threadHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
