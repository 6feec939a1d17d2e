package search

import (
	"container/heap"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/search"
)

const (
	mostNeeds    = 24   // words that are looked up; the others are looked for in what is found
	mostOwn      = 5000 // conversations of members of which the index is asked
	fewFound     = 10   // are read without asking who sees them
	firstWindow  = 8    // segments that are asked together
	largeWindow  = 64
	candidatesAt = 64 // that are taken of a segment together
)

// bounds are the part of a space that is looked at.
type bounds struct {
	below search.Place // exclusive; everything is below the zero place
	since int64        // milliseconds; 0 for always
}

// hunt walks what may have been looked for, newest first, segment by segment. Those of which the newest is older than
// what has been found need not be opened.
type hunt struct {
	r       *request
	reader  *search.Reader
	needs   []search.Need
	without []string
	bounds  bounds
	rest    []search.Segment // that are not open, newest first
	window  int
	strands strands
	last    search.Place // that was taken
	reach   *reach
	unseen  int          // that were taken without asking who sees them
	start   search.Place // everything is below
	spent   bool         // as much was looked at as may be
}

// strand is an open segment.
type strand struct {
	segment search.Segment
	finding search.Finding
	set     search.Set
	made    bool           // the set is
	upTo    int            // numbers below are to be looked at
	from    int            // down to this one
	places  []search.Place // that are read, newest first
	head    search.Place   // of the next, or above it
}

func (r *request) hunt(space search.Space, segments []search.Segment, needs []search.Need, without []string, b bounds) *hunt {
	h := &hunt{r: r, reader: search.NewReader(r.q, r.p.Organization), needs: needs, without: without, bounds: b, window: firstWindow}
	for _, s := range segments {
		if s.Space == space && s.State == search.Ready && s.LastAt >= b.since && (b.below == search.Place{} || s.FirstAt <= b.below.At) {
			h.rest = append(h.rest, s)
		}
	}
	slices.SortFunc(h.rest, func(a, b search.Segment) int { return int(b.LastAt - a.LastAt) })
	slices.SortFunc(h.needs, func(a, b search.Need) int { return longest(b) - longest(a) })
	h.needs = h.needs[:min(len(h.needs), mostNeeds)]
	h.without = h.without[:min(len(h.without), mostNeeds)]
	if h.start = b.below; len(h.rest) > 0 && b.below == (search.Place{}) {
		h.start = search.Place{At: h.rest[0].LastAt + 1}
	}
	if space == search.Contacts {
		h.reach = &reach{shared: true, private: true}
	}
	if slices.ContainsFunc(h.needs, func(n search.Need) bool { return n.Prefix != "" }) {
		h.window = 2 // of which much is read
	}
	return h
}

func longest(n search.Need) int {
	length := len(n.Prefix)
	for _, word := range n.Words {
		length = max(length, len(word))
	}
	return length
}

// take returns up to n places of what may be it; fewer only at the end, or where as much was looked at as may be.
func (h *hunt) take(n int) ([]search.Place, error) {
	var list []search.Place
	for len(list) < n && !h.spent {
		if err := h.open(); err != nil {
			return nil, err
		}
		if len(h.strands) == 0 {
			return list, nil
		}
		first := h.strands[0]
		if len(first.places) == 0 {
			if h.spend() {
				break
			}
			if err := h.fill(first); err != nil {
				return nil, err
			}
			h.settle(first)
			continue
		}
		p := first.places[0]
		first.places = first.places[1:]
		if len(first.places) > 0 {
			first.head = first.places[0]
		}
		h.settle(first)
		if p != h.last {
			h.last = p
			list = append(list, p)
		}
	}
	return list, nil
}

// settle puts the first strand in its place, or away where it has ended.
func (h *hunt) settle(first *strand) {
	if len(first.places) == 0 && first.made && first.upTo <= first.from {
		heap.Pop(&h.strands)
		return
	}
	heap.Fix(&h.strands, 0)
}

// open asks the next segments, where they may have what is newer than all that are open.
func (h *hunt) open() error {
	for len(h.rest) > 0 && (len(h.strands) == 0 || h.rest[0].LastAt >= h.strands[0].head.At) {
		n := min(h.window, len(h.rest))
		segments := h.rest[:n]
		h.rest, h.window = h.rest[n:], min(2*h.window, largeWindow)
		findings, err := h.reader.Look(segments, h.needs, h.without)
		if err != nil {
			return err
		}
		var small []search.Numbers
		for i := range segments {
			if findings[i].Most(segments[i].Docs) == 0 {
				continue
			}
			s := &strand{segment: segments[i], finding: findings[i], head: search.Place{At: segments[i].LastAt + 1}}
			if below := h.bounds.below; below != (search.Place{}) && below.Compare(s.head) < 0 {
				s.head = below
			}
			heap.Push(&h.strands, s)
			if !s.finding.Short() {
				continue
			}
			if err := h.make(s); err != nil {
				return err
			}
			if docs := s.set.Some(candidatesAt); len(docs) < candidatesAt {
				small = append(small, search.Numbers{Segment: &s.segment, Docs: docs})
			}
		}
		if err := h.reader.Ahead(small); err != nil {
			return err
		}
	}
	return nil
}

// make makes the set of a strand.
func (h *hunt) make(s *strand) (err error) {
	sees, err := h.sees(s)
	if err != nil {
		return err
	}
	if s.set, err = h.reader.Set(&s.segment, &s.finding, sees); err != nil {
		return err
	}
	s.made, s.upTo, s.finding = true, s.segment.Docs, search.Finding{}
	if s.set == nil {
		s.upTo = 0
		return nil
	}
	if h.bounds.below != (search.Place{}) {
		if s.upTo, err = h.reader.Before(&s.segment, h.bounds.below); err != nil {
			return err
		}
	}
	if h.bounds.since != 0 {
		s.from, err = h.reader.Before(&s.segment, search.Place{At: h.bounds.since})
	}
	return err
}

// fill looks at more of a strand.
func (h *hunt) fill(s *strand) (err error) {
	if !s.made {
		if err := h.make(s); err != nil {
			return err
		}
	}
	var docs []int
	for len(docs) < candidatesAt && s.upTo > s.from {
		if s.upTo = s.set.Last(s.upTo); s.upTo < s.from {
			s.upTo = s.from
			break
		}
		docs = append(docs, s.upTo)
	}
	if s.places, err = h.reader.Places(&s.segment, docs); err == nil && len(docs) > 0 {
		s.head = s.places[0]
	}
	return err
}

// spend reports whether as much was looked at as may be, unless the next page would begin where this one did.
func (h *hunt) spend() bool {
	h.spent = h.reader.Pages > h.r.pages && h.end().Compare(h.start) < 0
	return h.spent
}

// end is the place down to which everything was looked at.
func (h *hunt) end() (end search.Place) {
	for _, s := range h.strands {
		at := s.head
		if len(s.places) > 0 { // it is still to be looked at
			at.ID += "!"
		}
		if at.Compare(end) > 0 || end == (search.Place{}) {
			end = at
		}
	}
	if len(h.rest) > 0 && h.rest[0].LastAt >= end.At {
		end = search.Place{At: h.rest[0].LastAt + 1}
	}
	return end
}

// reach is who sees what is looked at, as scopes say it.
type reach struct {
	shared, private bool // all of them
	scopes          map[search.Scope]struct{}
	maybe           [1 << 16 / 64]uint64 // whether there may be one with these upper bits: most are none
}

const scopeLower = 8 // bits

func (r *reach) add(s search.Scope) {
	r.scopes[s] = struct{}{}
	upper := s >> scopeLower
	r.maybe[upper/64] |= 1 << (upper % 64)
}

func (r *reach) has(s search.Scope) bool {
	if s == search.Everybody || s.Private() && r.private || !s.Private() && r.shared {
		return true
	}
	if upper := s >> scopeLower; r.maybe[upper/64]>>(upper%64)&1 == 0 {
		return false
	}
	_, ok := r.scopes[s]
	return ok
}

// sees returns which scopes are to be looked at in a strand; nil for all.
func (h *hunt) sees(s *strand) (func(search.Scope) bool, error) {
	if h.reach == nil {
		if h.unseen += s.finding.Most(s.segment.Docs); h.unseen <= fewFound {
			return nil, nil
		}
		from, err := h.r.sight.Reach(mostOwn)
		if err != nil {
			return nil, err
		}
		h.reach = reachOf(&from)
	}
	if h.reach.shared && h.reach.private {
		return nil, nil
	}
	return h.reach.has, nil
}

func reachOf(from *thread.Reach) *reach {
	r := &reach{shared: from.Shared, private: from.Private || !from.Whole, scopes: make(map[search.Scope]struct{}, len(from.Channels)+len(from.Own))}
	for _, id := range from.Channels {
		r.add(search.ScopeOf(parley.VisibleToOrganization, id, ""))
	}
	for _, id := range from.Own {
		r.add(search.ScopeOf(parley.VisibleToMembers, "", id))
	}
	return r
}

// strands are a heap: the one with the newest is first.
type strands []*strand

func (s strands) Len() int           { return len(s) }
func (s strands) Less(i, j int) bool { return s[i].head.Compare(s[j].head) > 0 }
func (s strands) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push is part of heap.Interface.
func (s *strands) Push(x any) { *s = append(*s, x.(*strand)) }

// Pop is part of heap.Interface.
func (s *strands) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// cursor is a place in what was found.
func cursor(p search.Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.At, 10) + "." + string(p.ID)))
}

func parseCursor(text string) (search.Place, error) {
	if text == "" {
		return search.Place{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		at, id, found := strings.Cut(string(raw), ".")
		if n, err := strconv.ParseInt(at, 10, 64); err == nil && found {
			return search.Place{At: n, ID: parley.ID(id)}, nil
		}
	}
	return search.Place{}, parley.Invalid("after", "cursor-invalid", "must be the next of an earlier page of the same search")
}

// within narrows what is looked at by times.
func (b *bounds) within(since, until time.Time) {
	if !since.IsZero() {
		b.since = since.UnixMilli()
		if b.since == 0 {
			b.since = 1
		}
	}
	if until.IsZero() {
		return
	}
	if end := (search.Place{At: until.UnixMilli()}); b.below == (search.Place{}) || end.Compare(b.below) < 0 {
		b.below = end
	}
}
