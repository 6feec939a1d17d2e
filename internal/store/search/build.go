package search

import (
	"maps"
	"slices"
)

// The sizes of pages, in bytes. Those of a dictionary fit into a page of the database, with others; long lists are read
// whole, and have larger ones.
const (
	pageSize   = 1800
	inlineSize = 900 // of a list that is in the dictionary
	listSize   = 7600
)

// writer writes the pages of a segment. Words come in order.
type writer struct {
	emit  func(Page) error
	page  []byte
	first string // the first word of the page
	last  string // the word before
	list  []byte
	scope func(doc uint32) Scope
}

// word adds a word with the numbers of those that have it.
func (w *writer) word(word string, docs []uint32) error {
	if len(docs) == 0 {
		return nil
	}
	w.list = appendList(w.list[:0], docs)
	e := entry{word: word, count: len(docs), list: string(w.list)}
	if len(docs) <= shortList {
		scopes := w.list[:0]
		for _, doc := range docs {
			scopes = appendFixed(scopes, uint64(w.scope(doc)), scopeChars)
		}
		e.scopes = string(scopes)
	} else if len(w.list) > inlineSize {
		if err := w.long(word, docs); err != nil {
			return err
		}
		e.list = ""
	}
	if len(w.page) > 0 && len(w.page)+len(e.list)+len(e.scopes)+len(word) > pageSize {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.page) == 0 {
		w.first, w.last = word, ""
	}
	w.page = appendEntry(w.page, w.last, e)
	w.last = word
	return nil
}

// long writes a list into pages of its own, each of which begins anew.
func (w *writer) long(word string, docs []uint32) error {
	const most = listSize / 2 // numbers that follow each other closely take a character or two
	for len(docs) > 0 {
		n := min(most, len(docs))
		if err := w.emit(Page{Kind: kindList, Word: word, Part: int64(docs[0]), Data: string(appendList(nil, docs[:n]))}); err != nil {
			return err
		}
		docs = docs[n:]
	}
	return nil
}

func (w *writer) flush() error {
	if len(w.page) == 0 {
		return nil
	}
	page := Page{Kind: kindWords, Word: w.first, Data: string(w.page)}
	w.page = w.page[:0]
	return w.emit(page)
}

// columns writes what things are, in order, and who sees them.
func (w *writer) columns(n int, place func(i int) Place) error {
	var page []byte
	lists := map[Scope][]uint32{}
	for i := range n {
		s := w.scope(uint32(i))
		lists[s] = append(lists[s], uint32(i))
		page = appendPlace(page, place(i))
		if (i+1)%idsPerPage == 0 || i+1 == n {
			if err := w.emit(Page{Kind: kindIDs, Part: int64(i / idsPerPage), Data: string(page)}); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	return w.scopes(lists)
}

// scopes writes what each scope sees. A long list has several entries.
func (w *writer) scopes(lists map[Scope][]uint32) error {
	var page []byte
	part := int64(0)
	flush := func() error {
		part++
		err := w.emit(Page{Kind: kindScopes, Part: part, Data: string(page)})
		page = page[:0]
		return err
	}
	for _, s := range slices.Sorted(maps.Keys(lists)) {
		for docs := range slices.Chunk(lists[s], listSize/4) {
			w.list = appendList(w.list[:0], docs)
			if len(page) > 0 && len(page)+len(w.list) > listSize {
				if err := flush(); err != nil {
					return err
				}
			}
			page = appendScopeList(page, s, w.list)
		}
	}
	return flush()
}

// Build makes the segment of some things, and hands over its pages. It sorts them.
func Build(docs []Doc, emit func(Page) error) (Segment, error) {
	if len(docs) == 0 {
		return Segment{}, nil
	}
	slices.SortFunc(docs, func(a, b Doc) int { return a.Compare(b.Place) })
	w := writer{emit: emit, scope: func(doc uint32) Scope { return docs[doc].Scope }}
	err := w.columns(len(docs), func(i int) Place { return docs[i].Place })
	if err != nil {
		return Segment{}, err
	}
	lists := make(map[string][]uint32, 8*len(docs))
	for i := range docs {
		for _, word := range docs[i].Words {
			lists[word] = append(lists[word], uint32(i))
		}
	}
	for _, word := range slices.Sorted(maps.Keys(lists)) {
		if err := w.word(word, lists[word]); err != nil {
			return Segment{}, err
		}
	}
	return Segment{Docs: len(docs), FirstAt: docs[0].At, LastAt: docs[len(docs)-1].At}, w.flush()
}
