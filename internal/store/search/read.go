package search

import (
	"math/bits"
	"sort"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Set is a set of what a segment holds, by its numbers.
type Set []uint64

func newSet(docs int) Set { return make(Set, (docs+63)/64) }

func (s Set) add(doc uint32) {
	if i := int(doc / 64); i < len(s) {
		s[i] |= 1 << (doc % 64)
	}
}

// Last returns the greatest number in the set that is less than another; -1 where there is none.
func (s Set) Last(below int) int {
	if below <= 0 {
		return -1
	}
	i := (below - 1) / 64
	if i >= len(s) {
		i = len(s) - 1
		below = len(s) * 64
	}
	for mask := ^uint64(0) >> (63 - uint(below-1)%64); i >= 0; i, mask = i-1, ^uint64(0) {
		if w := s[i] & mask; w != 0 {
			return i*64 + 63 - bits.LeadingZeros64(w)
		}
	}
	return -1
}

// Count is how many are in the set.
func (s Set) Count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Need is what things have that are looked for: one of some words, or one that begins like a prefix.
type Need struct {
	Words  []string
	Prefix string // empty: none
}

// Reader looks into the segments of an organization. It remembers the pages of columns that it has read.
type Reader struct {
	q            store.Queries
	organization parley.ID
	columns      map[columnPage]string
	Pages        int // that it has read
}

// NewReader returns a reader.
func NewReader(q store.Queries, organization parley.ID) *Reader {
	return &Reader{q: q, organization: organization, columns: map[columnPage]string{}}
}

// found is what a dictionary says of something that is needed.
type found struct {
	entries []entry
	count   int
	long    bool // some lists are pages of their own
	short   bool // all of them say who sees each
}

func (f *found) add(e entry) {
	f.short = (f.short || f.count == 0) && e.scopes != ""
	f.long = f.long || e.list == ""
	f.count += e.count
	f.entries = append(f.entries, e)
}

// Finding is what the dictionary of one segment says of what is looked for.
type Finding struct {
	needs   []found
	without found
}

// Most is how many in the segment may have everything that is needed; all, where nothing is.
func (f *Finding) Most(all int) int {
	for i := range f.needs {
		all = min(all, f.needs[i].count)
	}
	return all
}

// Short reports whether the set is made without reading more.
func (f *Finding) Short() bool {
	for i := range f.needs {
		if f.needs[i].long {
			return false
		}
	}
	return len(f.needs) > 0 && !f.without.long
}

// target is what a word that is looked up was asked for.
type target struct {
	into   *found
	word   string
	prefix bool
}

func (t *target) is(word string) bool {
	return word == t.word || t.prefix && strings.HasPrefix(word, t.word)
}

// Look asks the dictionaries of several segments at once for what is needed, and for words that must not be there.
func (r *Reader) Look(segments []Segment, needs []Need, without []string) ([]Finding, error) {
	all := make([]Finding, len(segments))
	var asks, prefixes []ask
	var of, ofPrefixes []target
	for i, s := range segments {
		all[i].needs = make([]found, len(needs))
		for k, need := range needs {
			into := &all[i].needs[k]
			for _, word := range need.Words {
				asks, of = append(asks, ask{s.ID, word}), append(of, target{into, word, false})
			}
			if need.Prefix != "" {
				asks, of = append(asks, ask{s.ID, need.Prefix}), append(of, target{into, need.Prefix, true})
				prefixes, ofPrefixes = append(prefixes, ask{s.ID, need.Prefix}), append(ofPrefixes, target{into, need.Prefix, true})
			}
		}
		for _, word := range without {
			asks, of = append(asks, ask{s.ID, word}), append(of, target{&all[i].without, word, false})
		}
	}
	take := func(targets []target) func(n int, page string) error {
		return func(n int, page string) error {
			r.Pages++
			to := &targets[n]
			return readWords(page, func(e entry) bool {
				if to.is(e.word) {
					to.into.add(e)
				}
				return e.word < to.word || to.is(e.word)
			})
		}
	}
	if len(asks) > 0 {
		if err := readWordPages(r.q, r.organization, asks, take(of)); err != nil {
			return nil, err
		}
	}
	if len(prefixes) > 0 {
		if err := readPrefixPages(r.q, r.organization, prefixes, take(ofPrefixes)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Set is what a segment has of what is looked for and that is of scopes that somebody sees; nil for nothing. Where sees is
// nil it may be of any.
func (r *Reader) Set(s *Segment, f *Finding, sees func(Scope) bool) (Set, error) {
	if f.Most(s.Docs) == 0 {
		return nil, nil
	}
	needs := append([]found{}, f.needs...)
	sort.SliceStable(needs, func(i, k int) bool { return needs[i].count < needs[k].count })
	result, needs, err := r.first(s, needs, sees)
	for i := 0; i < len(needs) && result != nil && err == nil; i++ {
		var set Set
		if set, err = r.set(s, &needs[i]); err == nil && !result.keep(set) {
			return nil, nil
		}
	}
	if err != nil || result == nil || f.without.count == 0 {
		return result, err
	}
	set, err := r.set(s, &f.without)
	for k := range set {
		result[k] &^= set[k]
	}
	return result, err
}

// first is the set that is narrowed further, and what is needed besides: what is seen, by the shortest list if that says
// so, else by what the segment says; or the shortest list, where that does not matter.
func (r *Reader) first(s *Segment, needs []found, sees func(Scope) bool) (Set, []found, error) {
	switch {
	case sees == nil && len(needs) == 0:
		all := newSet(s.Docs)
		for doc := range s.Docs {
			all.add(uint32(doc))
		}
		return all, nil, nil
	case sees == nil:
		set, err := r.set(s, &needs[0])
		return set, needs[1:], err
	case len(needs) > 0 && needs[0].short:
		set, any := newSet(s.Docs), false
		for _, e := range needs[0].entries {
			err := readShort(e.list, e.scopes, func(doc uint32, scope Scope) {
				if sees(scope) {
					set.add(doc)
					any = true
				}
			})
			if err != nil {
				return nil, nil, err
			}
		}
		if !any {
			return nil, nil, nil
		}
		return set, needs[1:], nil
	}
	set, any := newSet(s.Docs), false
	err := readScopePages(r.q, r.organization, s.ID, func(page string) error {
		r.Pages++
		return readScopes(page, func(scope Scope, list string) error {
			if !sees(scope) {
				return nil
			}
			any = true
			return readList(list, set.add)
		})
	})
	if !any {
		return nil, nil, err
	}
	return set, needs, err
}

// keep keeps what another set has too, and says whether there is any.
func (s Set) keep(o Set) bool {
	left := uint64(0)
	for k := range s {
		s[k] &= o[k]
		left |= s[k]
	}
	return left != 0
}

// set is what has one of some words.
func (r *Reader) set(s *Segment, f *found) (Set, error) {
	set := newSet(s.Docs)
	var asks []ask
	for _, e := range f.entries {
		if e.list == "" {
			asks = append(asks, ask{s.ID, e.word})
		} else if err := readList(e.list, set.add); err != nil {
			return nil, err
		}
	}
	if len(asks) == 0 {
		return set, nil
	}
	err := readLists(r.q, r.organization, asks, func(_ int, page string) error {
		r.Pages++
		return readList(page, set.add)
	})
	return set, err
}

// column returns a page of a column.
func (r *Reader) column(p columnPage) (string, error) {
	if page, ok := r.columns[p]; ok {
		return page, nil
	}
	if err := r.load([]columnPage{p}); err != nil {
		return "", err
	}
	return r.columns[p], nil
}

// load reads pages of columns that are not there yet.
func (r *Reader) load(pages []columnPage) error {
	missing := pages[:0]
	for _, p := range pages {
		if _, ok := r.columns[p]; !ok {
			r.columns[p] = ""
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return readColumns(r.q, r.organization, missing, func(n int, page string) error {
		r.Pages++
		r.columns[missing[n]] = page
		return nil
	})
}

func (r *Reader) place(s *Segment, doc int) (Place, error) {
	page, err := r.column(columnPage{s.ID, doc / idsPerPage})
	if err != nil {
		return Place{}, err
	}
	return placeAt(page, doc%idsPerPage)
}

// Numbers are what has some numbers in a segment.
type Numbers struct {
	Segment *Segment
	Docs    []int
}

// Ahead reads the places of what has some numbers, in several segments at once.
func (r *Reader) Ahead(list []Numbers) error {
	var pages []columnPage
	for _, n := range list {
		for _, doc := range n.Docs {
			pages = append(pages, columnPage{n.Segment.ID, doc / idsPerPage})
		}
	}
	return r.load(pages)
}

// Places returns the places of what has some numbers.
func (r *Reader) Places(s *Segment, docs []int) ([]Place, error) {
	pages := make([]columnPage, len(docs))
	for i, doc := range docs {
		pages[i] = columnPage{s.ID, doc / idsPerPage}
	}
	if err := r.load(pages); err != nil {
		return nil, err
	}
	places := make([]Place, len(docs))
	for i, doc := range docs {
		var err error
		if places[i], err = r.place(s, doc); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// Before returns how many of a segment come before a place.
func (r *Reader) Before(s *Segment, p Place) (int, error) {
	if p.At > s.LastAt {
		return s.Docs, nil
	}
	if p.At < s.FirstAt {
		return 0, nil
	}
	return r.before(s, p)
}

func (r *Reader) before(s *Segment, p Place) (n int, err error) {
	n = sort.Search(s.Docs, func(doc int) bool {
		at, failed := r.place(s, doc)
		if failed != nil && err == nil {
			err = failed
		}
		return at.Compare(p) >= 0
	})
	return n, err
}

// Some returns up to n numbers of the set, the greatest first.
func (s Set) Some(n int) (docs []int) {
	for doc := s.Last(64 * len(s)); doc >= 0 && len(docs) < n; doc = s.Last(doc) {
		docs = append(docs, doc)
	}
	return docs
}
