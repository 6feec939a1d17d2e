package thread

import (
	"container/heap"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
)

const (
	askTogether  = 100 // threads of which one statement tells where they go on
	openTogether = 40  // that are opened by one statement
	firstRead    = 4   // messages that are read of each of them
	mostRead     = 500
)

// threadSource walks the threads of some conversations together.
type threadSource struct {
	s       *Sight
	f       *MessageFilter
	after   store.Place
	threads threadHeap         // that may have what is next
	heads   []store.ThreadHead // of threads that come next, newest first
	asked   []parley.ID        // conversations which are asked where they go on
	newest  time.Time          // when the next message of those was sent at the latest
	idle    *merge             // conversations that have nothing so recent
}

// openThread is one thread on the walk.
type openThread struct {
	conversation parley.ID
	head         time.Time // when its next message was sent, at the latest
	read         []store.Place
	end          bool // there are no more than those read
	chunk        int
}

// threads opens the walk. A conversation was active when its newest message was sent or later: those active
// after the place are asked where they go on, the others wait until the walk comes to them.
func (s *Sight) threads(conversations *merge, f *MessageFilter, from cursor) (*threadSource, error) {
	t := &threadSource{s: s, f: f, after: store.Place{ThreadPosition: store.ThreadPosition{SentAt: f.Until}}, idle: conversations,
		asked: conversations.beside, newest: latest}
	if from.plan == 't' {
		sequence, conversation, _ := strings.Cut(from.key, ".")
		t.after = store.Place{ThreadPosition: cursor{from.plan, from.at, sequence}.position(), Conversation: parley.ID(conversation)}
	}
	if t.after.SentAt.IsZero() {
		return t, nil
	}
	active, err := t.idle.since(t.after.SentAt)
	t.asked = append(t.asked, active...)
	return t, err
}

// open adds the threads whose turn it may be.
func (t *threadSource) open(n int) error {
	for {
		var since time.Time
		if len(t.threads) > 0 {
			since = t.threads[0].head
		}
		switch {
		case len(t.heads) > 0 && !t.heads[0].At.Before(since):
			next := t.heads[:min(openTogether, len(t.heads))]
			t.heads = t.heads[len(next):]
			ids := make([]parley.ID, len(next))
			for i, h := range next {
				ids[i] = h.Conversation
			}
			if err := t.read(ids, n); err != nil {
				return err
			}
			continue
		case len(t.heads) == 0 && len(t.asked) > 0 && !t.newest.Before(since):
			if err := t.ask(); err != nil {
				return err
			}
			continue
		}
		comes, err := t.idle.comes(since)
		if err != nil || !comes {
			return err
		}
		if err := t.openIdle(n); err != nil {
			return err
		}
	}
}

// openIdle opens the threads of the conversations that were active last.
func (t *threadSource) openIdle(n int) error {
	batch, err := t.idle.take(openTogether, maxWalk)
	if err != nil {
		return err
	}
	ids := make([]parley.ID, 0, len(batch))
	for _, c := range batch {
		if c.Passes {
			ids = append(ids, c.ID)
		}
	}
	return t.read(ids, n)
}

// ask finds out which of the conversations that are asked go on first.
func (t *threadSource) ask() (err error) {
	if t.heads, err = t.s.q.ThreadHeads(t.s.p.Organization, t.asked, t.after, askTogether); err != nil || len(t.heads) < askTogether {
		t.asked = nil
		return err
	}
	known := make(map[parley.ID]bool, len(t.heads))
	for _, h := range t.heads {
		known[h.Conversation], t.newest = true, h.At
	}
	t.asked = slices.DeleteFunc(t.asked, func(id parley.ID) bool { return known[id] })
	return nil
}

// read opens the threads of conversations that go on. Where there is one only, n messages are asked of it.
func (t *threadSource) read(ids []parley.ID, n int) error {
	if len(ids) == 0 {
		return nil
	}
	chunk := firstRead
	if len(ids) == 1 {
		chunk = max(n, firstRead)
	}
	places, err := t.s.q.PlacesIn(t.s.p.Organization, ids, t.after, chunk)
	for conversation, read := range places {
		heap.Push(&t.threads, &openThread{conversation: conversation, head: read[0].SentAt, read: read, end: len(read) < chunk, chunk: min(8*chunk, mostRead)})
	}
	return err
}

func (t *threadSource) cursor(h *store.MessageHead) cursor {
	return cursor{'t', h.SentAt.UnixMilli(), strconv.FormatInt(h.Sequence, 10) + "." + string(h.Conversation)}
}

func (t *threadSource) take(n int) ([]store.MessageHead, error) {
	places, err := t.places(n)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	found, err := t.s.q.HeadsAt(t.s.p.Organization, places, t.f.narrow())
	heads := make([]store.MessageHead, len(places))
	for i, p := range places {
		heads[i] = found[p]
		heads[i].SentAt, heads[i].Sequence, heads[i].Conversation = p.SentAt, p.Sequence, p.Conversation // of one that does not pass, too
	}
	return heads, err
}

// places returns the next n messages of all threads, fewer only at the end.
func (t *threadSource) places(n int) ([]store.Place, error) {
	places := make([]store.Place, 0, n)
	for len(places) < n {
		if err := t.open(n); err != nil {
			return nil, err
		}
		if len(t.threads) == 0 {
			break
		}
		first := t.threads[0]
		if len(first.read) == 0 {
			if err := t.fill(first, n); err != nil {
				return nil, err
			}
			continue
		}
		p := first.read[0]
		if p.SentAt.Before(t.f.Since) {
			break
		}
		t.after = p
		places = append(places, p)
		first.read = first.read[1:]
		t.settle(first)
	}
	return places, nil
}

// fill reads more of the first thread, and of the others that will soon come to the end of what was read.
func (t *threadSource) fill(first *openThread, n int) error {
	if len(t.threads) == 1 {
		first.chunk = max(first.chunk, n)
	}
	chunk := first.chunk
	ends := func(o *openThread) bool { return !o.end && len(o.read) <= 1 && o.chunk <= chunk }
	var ids []parley.ID
	for _, o := range t.threads {
		if ends(o) {
			ids = append(ids, o.conversation)
		}
	}
	places, err := t.s.q.PlacesIn(t.s.p.Organization, ids, t.after, chunk)
	if err != nil {
		return err
	}
	for _, o := range t.threads {
		if ends(o) {
			o.read, o.chunk = places[o.conversation], min(8*chunk, mostRead)
			o.end = len(o.read) < chunk
		}
		if len(o.read) > 0 {
			o.head = o.read[0].SentAt
		}
	}
	t.threads = slices.DeleteFunc(t.threads, func(o *openThread) bool { return o.end && len(o.read) == 0 })
	heap.Init(&t.threads)
	return nil
}

// settle puts the first thread in its place, by its next message. One whose next message is not read goes on where
// it is, until it is read.
func (t *threadSource) settle(first *openThread) {
	switch {
	case len(first.read) > 0:
		first.head = first.read[0].SentAt
		heap.Fix(&t.threads, 0)
	case first.end:
		heap.Pop(&t.threads)
	}
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

// Clocks says which clocks of SLA policies conversations of a list have; empty: any or none.
type Clocks string

// The clocks.
const (
	ClocksDue      Clocks = "due"      // one is to be due
	ClocksBreached Clocks = "breached" // one was breached, and what it measures is still waited for
)

// byClock is a page of conversations in the order of when their clocks are due, or were breached.
func (t *Threads) byClock(ctx context.Context, s *Sight, f *ConversationFilter, from cursor, limit int) (page []parley.Conversation, next string, err error) {
	if f.withParticipant() {
		return nil, "", parley.Invalid("participant", "not-allowed", "does not go with sla")
	}
	places := hours.Due
	if f.SLA == ClocksBreached {
		places = hours.Breached
	}
	place := hours.ClockPlace{ID: parley.ID(from.key)}
	if from.plan != 0 {
		place.At = time.UnixMilli(from.at)
	}
	over := false
	for examined := 0; !over && len(page) < limit && examined < examinedConversations; {
		want := limit - len(page)
		found, err := places(s.q, s.p.Organization, place, want+1)
		if err != nil {
			return nil, "", err
		}
		if over = len(found) <= want; !over {
			found = found[:want]
		}
		examined += len(found)
		batch := make([]store.Candidate, len(found))
		for i, c := range found {
			batch[i].ID, batch[i].Passes = c.ID, true
			place = c
		}
		kept, err := s.filter(batch, f)
		if err != nil {
			return nil, "", err
		}
		for _, c := range found {
			if kept[c.ID] != nil {
				page = append(page, *kept[c.ID])
			}
		}
	}
	if !over {
		next = cursor{'c', place.At.UnixMilli(), string(place.ID)}.String()
	}
	return page, next, t.fill(ctx, s, f, page)
}
