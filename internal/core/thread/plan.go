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
	ids, few, err := s.walkable(f)
	if err != nil {
		return nil, err
	}
	if few || from.plan == 't' {
		return s.threads(ids, from)
	}
	return s.indexed(f, from), nil
}

// indexed reports whether the filter names an index whose entries are few, or are seen by whoever asks.
func (f *MessageFilter) indexed() bool {
	return f.Conversation == "" && f.Sender == "" && f.SenderAddress.Value == "" && f.Recipient == "" && f.RecipientAddress.Value == "" &&
		(f.Reference != "" || f.Tag != "" || f.Channel != "" || f.Status == parley.Scheduled) || f.Status == parley.Scheduled
}

// walkable are the conversations whose threads hold what the list looks for, if they are few.
func (s *Sight) walkable(f *MessageFilter) (ids []parley.ID, few bool, err error) {
	switch {
	case f.Conversation != "":
		return []parley.ID{f.Conversation}, true, nil
	case f.Sender != "":
		ids, err = s.q.ConversationsOf(s.p.Organization, f.Sender, maxWalk+1)
	case f.SenderAddress.Value != "":
		ids, err = s.q.ConversationsWith(s.p.Organization, f.SenderAddress, maxWalk+1)
	case f.Recipient != "":
		ids, err = s.q.ConversationsOf(s.p.Organization, f.Recipient, maxWalk+1)
	case f.RecipientAddress.Value != "":
		ids, err = s.q.ConversationsWith(s.p.Organization, f.RecipientAddress, maxWalk+1)
	default:
		return s.visible()
	}
	return ids, len(ids) <= maxWalk, err
}

// visible are the conversations that the principal may see, if they are few.
func (s *Sight) visible() (ids []parley.ID, few bool, err error) {
	if s.private() && s.channels() {
		return nil, false, nil
	}
	if !s.private() {
		if ids, err = s.q.ConversationsOf(s.p.Organization, s.p.User, maxWalk+1); err != nil || len(ids) > maxWalk {
			return nil, false, err
		}
	}
	channels, err := s.seenChannels(&ConversationFilter{})
	if err != nil {
		return nil, false, err
	}
	have := make(map[parley.ID]bool, len(ids))
	for _, id := range ids {
		have[id] = true
	}
	for _, channel := range channels {
		more, err := s.q.ConversationsOn(s.p.Organization, channel, maxWalk+1-len(ids))
		if err != nil {
			return nil, false, err
		}
		for _, id := range more {
			if !have[id] {
				ids = append(ids, id)
			}
		}
		if len(ids) > maxWalk {
			return nil, false, nil
		}
	}
	return ids, true, nil
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
	after   store.HeadPosition
	threads threadHeap
}

// openThread is one thread on the walk: its first message was sent at head, and is read when it is next.
type openThread struct {
	conversation parley.ID
	head         time.Time
	read         []store.MessageHead
	end          bool
	chunk        int
}

func (s *Sight) threads(conversations []parley.ID, from cursor) (*threadSource, error) {
	t := &threadSource{s: s}
	if from.plan == 't' {
		sequence, conversation, _ := strings.Cut(from.key, ".")
		t.after = store.HeadPosition{ThreadPosition: cursor{from.plan, from.at, sequence}.position(), Conversation: parley.ID(conversation)}
	}
	heads, err := s.q.ThreadHeads(s.p.Organization, conversations, t.after)
	for i, head := range heads {
		if !head.IsZero() {
			t.threads = append(t.threads, &openThread{conversation: conversations[i], head: head, chunk: 8})
		}
	}
	heap.Init(&t.threads)
	return t, err
}

func (t *threadSource) cursor(h *store.MessageHead) cursor {
	return cursor{'t', h.SentAt.UnixMilli(), strconv.FormatInt(h.Sequence, 10) + "." + string(h.Conversation)}
}

func (t *threadSource) take(n int) ([]store.MessageHead, error) {
	taken := make([]store.MessageHead, 0, n)
	for len(taken) < n && len(t.threads) > 0 {
		first := t.threads[0]
		if len(first.read) == 0 && !first.end {
			if err := t.fill(first, n); err != nil {
				return nil, err
			}
		}
		if len(first.read) == 0 {
			heap.Pop(&t.threads)
			continue
		}
		if first.head.After(first.read[0].SentAt) { // it was less recent than its head had promised
			first.head = first.read[0].SentAt
			heap.Fix(&t.threads, 0)
			continue
		}
		taken = append(taken, first.read[0])
		t.after = store.HeadPosition{ThreadPosition: store.ThreadPosition{SentAt: first.head, Sequence: first.read[0].Sequence}, Conversation: first.conversation}
		first.read = first.read[1:]
		if len(first.read) > 0 {
			first.head = first.read[0].SentAt
		}
		heap.Fix(&t.threads, 0)
	}
	return taken, nil
}

// fill reads more of a thread.
func (t *threadSource) fill(o *openThread, n int) error {
	if len(t.threads) == 1 {
		o.chunk = max(o.chunk, n)
	}
	read, err := t.s.q.HeadsIn(t.s.p.Organization, o.conversation, t.after, o.chunk)
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
