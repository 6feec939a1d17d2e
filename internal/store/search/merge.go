package search

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const (
	nowhere   = ^uint32(0) // the new number of what is left out
	readAhead = 64         // pages that are read together
)

// source is a segment that becomes a part of another.
type source struct {
	q            store.Queries
	organization parley.ID
	segment      Segment
	places       []Place
	scopes       []Scope
	becomes      []uint32 // the new number of each

	pages []Page // of the dictionary, that were read and not taken apart
	word  string // of the last page that was read
	ended bool
	words []entry
}

// Merge makes one segment of several, without what is gone, and hands over its pages; that of nothing is empty. What has
// the same place in several is the same, and is there once: as it is in the first of them.
func Merge(q store.Queries, organization parley.ID, segments []Segment, gone func(segment int64, p Place) bool, emit func(Page) error) (Segment, error) {
	sources := make([]*source, len(segments))
	for i := range segments {
		sources[i] = &source{q: q, organization: organization, segment: segments[i]}
		if err := sources[i].columns(); err != nil {
			return Segment{}, err
		}
	}
	order := renumber(sources, gone)
	made := Segment{Docs: len(order)}
	if len(order) == 0 {
		return made, nil
	}
	place := func(i int) Place { return sources[order[i].source].places[order[i].doc] }
	made.FirstAt, made.LastAt = place(0).At, place(len(order)-1).At
	w := writer{emit: emit, scope: func(doc uint32) Scope { return sources[order[doc].source].scopes[order[doc].doc] }}
	err := w.columns(len(order), place)
	if err != nil {
		return made, err
	}
	return made, mergeWords(sources, &w)
}

// columns reads what a segment holds, and who sees it.
func (s *source) columns() error {
	s.places, s.scopes = make([]Place, 0, s.segment.Docs), make([]Scope, s.segment.Docs)
	for from := 0; from < s.segment.Docs; from += readAhead * idsPerPage {
		var asks []columnPage
		for doc := from; doc < min(s.segment.Docs, from+readAhead*idsPerPage); doc += idsPerPage {
			asks = append(asks, columnPage{s.segment.ID, doc / idsPerPage})
		}
		pages := make([]string, len(asks))
		err := readColumns(s.q, s.organization, asks, func(n int, page string) error {
			pages[n] = page
			return nil
		})
		if err != nil {
			return err
		}
		for _, page := range pages {
			for k := 0; len(s.places) < s.segment.Docs && k < idsPerPage; k++ {
				place, err := placeAt(page, k)
				if err != nil {
					return err
				}
				s.places = append(s.places, place)
			}
		}
	}
	return readScopePages(s.q, s.organization, s.segment.ID, func(page string) error {
		return readScopes(page, func(scope Scope, list string) error {
			return readList(list, func(doc uint32) {
				if int(doc) < len(s.scopes) {
					s.scopes[doc] = scope
				}
			})
		})
	})
}

// from is where something in a new segment is in its sources.
type from struct{ source, doc uint32 }

// renumber gives what stays its new numbers, in order.
func renumber(sources []*source, gone func(int64, Place) bool) []from {
	var order []from
	for i, s := range sources {
		s.becomes = make([]uint32, len(s.places))
		for doc, place := range s.places {
			s.becomes[doc] = nowhere
			if !gone(s.segment.ID, place) {
				order = append(order, from{uint32(i), uint32(doc)})
			}
		}
	}
	at := func(f from) Place { return sources[f.source].places[f.doc] }
	slices.SortFunc(order, func(a, b from) int { return cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.source, b.source)) })
	order = slices.CompactFunc(order, func(a, b from) bool { return at(a) == at(b) })
	for n, f := range order {
		sources[f.source].becomes[f.doc] = uint32(n)
	}
	return order
}

// mergeWords writes the dictionaries of several segments as one.
func mergeWords(sources []*source, w *writer) error {
	var docs []uint32
	for {
		first := (*entry)(nil)
		for _, s := range sources {
			if err := s.fill(); err != nil {
				return err
			}
			if len(s.words) > 0 && (first == nil || s.words[0].word < first.word) {
				first = &s.words[0]
			}
		}
		if first == nil {
			return w.flush()
		}
		word := first.word
		docs = docs[:0]
		for _, s := range sources {
			if len(s.words) == 0 || s.words[0].word != word {
				continue
			}
			if err := s.docs(s.words[0], &docs); err != nil {
				return err
			}
			s.words = s.words[1:]
		}
		if !slices.IsSorted(docs) {
			slices.Sort(docs)
		}
		if err := w.word(word, docs); err != nil {
			return err
		}
	}
}

// fill reads on where no word is left.
func (s *source) fill() error {
	for len(s.words) == 0 {
		if len(s.pages) == 0 {
			if s.ended {
				return nil
			}
			pages, err := pagesAfter(s.q, s.organization, s.segment.ID, kindWords, s.word, 0, readAhead)
			if err != nil {
				return err
			}
			if s.ended = len(pages) < readAhead; len(pages) == 0 {
				return nil
			}
			s.pages, s.word = pages, pages[len(pages)-1].Word
		}
		err := readWords(s.pages[0].Data, func(e entry) bool {
			s.words = append(s.words, e)
			return true
		})
		if err != nil {
			return err
		}
		s.pages = s.pages[1:]
	}
	return nil
}

// docs adds the new numbers of those that have a word.
func (s *source) docs(e entry, to *[]uint32) (err error) {
	add := func(doc uint32) {
		if int(doc) >= len(s.becomes) {
			err = ErrDamaged
		} else if n := s.becomes[doc]; n != nowhere {
			*to = append(*to, n)
		}
	}
	if e.list != "" {
		if failed := readList(e.list, add); failed != nil {
			return failed
		}
		return err
	}
	for part := int64(-1); ; {
		pages, failed := pagesAfter(s.q, s.organization, s.segment.ID, kindList, e.word, part, readAhead)
		if failed != nil {
			return failed
		}
		for _, p := range pages {
			if p.Word != e.word {
				return err
			}
			if failed := readList(p.Data, add); failed != nil {
				return failed
			}
			part = p.Part
		}
		if len(pages) < readAhead {
			return err
		}
	}
}

// Holds reports whether a segment has something that is in one of some places.
func Holds(q store.Queries, organization parley.ID, s Segment, places []Place) (bool, error) {
	r := NewReader(q, organization)
	for _, p := range places {
		if p.At == Unknown {
			return r.holdsAnywhere(&s, places)
		}
		if p.At < s.FirstAt || p.At > s.LastAt {
			continue
		}
		doc, err := r.before(&s, p)
		if err != nil {
			return false, err
		}
		if doc == s.Docs {
			continue
		}
		at, err := r.place(&s, doc)
		if err != nil || at == p {
			return err == nil, err
		}
	}
	return false, nil
}

func (r *Reader) holdsAnywhere(s *Segment, places []Place) (bool, error) {
	wanted := make(map[parley.ID]bool, len(places))
	for _, p := range places {
		wanted[p.ID] = true
	}
	of := source{q: r.q, organization: r.organization, segment: *s}
	err := of.columns()
	for _, p := range of.places {
		if wanted[p.ID] {
			return true, err
		}
	}
	return false, err
}

// Docs returns what a segment holds, with its words. It is for small ones.
func Docs(q store.Queries, organization parley.ID, s Segment) ([]Doc, error) {
	of := &source{q: q, organization: organization, segment: s}
	if err := of.columns(); err != nil {
		return nil, err
	}
	docs := make([]Doc, len(of.places))
	of.becomes = make([]uint32, len(docs))
	for i := range docs {
		docs[i] = Doc{Place: of.places[i], Scope: of.scopes[i]}
		of.becomes[i] = uint32(i)
	}
	var having []uint32
	for {
		if err := of.fill(); err != nil || len(of.words) == 0 {
			return docs, err
		}
		for _, e := range of.words {
			having = having[:0]
			if err := of.docs(e, &having); err != nil {
				return nil, err
			}
			for _, doc := range having {
				docs[doc].Words = append(docs[doc].Words, e.word)
			}
		}
		of.words = of.words[:0]
	}
}

var before = map[Space]string{
	Messages:      "SELECT id FROM messages WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
	Contacts:      "SELECT id FROM contacts WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
	Conversations: "SELECT id FROM conversations WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
}

// Before returns up to limit things of a space before one, newest first; an empty one is after the newest.
func Before(q store.Queries, organization parley.ID, space Space, id parley.ID, limit int) ([]parley.ID, error) {
	if id == "" {
		id = "~" // above every id
	}
	var ids []parley.ID
	err := q.Conn().Query(before[space], []any{string(organization), string(id), limit}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
