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
}

// word adds a word with the numbers of those that have it.
func (w *writer) word(word string, docs []uint32) error {
	if len(docs) == 0 {
		return nil
	}
	w.list = appendList(w.list[:0], docs)
	e := entry{word: word, count: len(docs), list: string(w.list)}
	if len(w.list) > inlineSize {
		if err := w.long(word, docs); err != nil {
			return err
		}
		e.list = ""
	}
	if len(w.page) > 0 && len(w.page)+len(e.list)+len(word) > pageSize {
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

// columns writes who sees things, and what they are, in order.
func (w *writer) columns(n int, scope func(i int) Scope, place func(i int) Place) error {
	var page []byte
	for i := range n {
		page = appendScope(page, scope(i))
		if (i+1)%scopesPerPage == 0 || i+1 == n {
			if err := w.emit(Page{Kind: kindScopes, Part: int64(i / scopesPerPage), Data: string(page)}); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	for i := range n {
		page = appendPlace(page, place(i))
		if (i+1)%idsPerPage == 0 || i+1 == n {
			if err := w.emit(Page{Kind: kindIDs, Part: int64(i / idsPerPage), Data: string(page)}); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	return nil
}

// Build makes the segment of some things, and hands over its pages. It sorts them.
func Build(docs []Doc, emit func(Page) error) (Segment, error) {
	slices.SortFunc(docs, func(a, b Doc) int { return a.Compare(b.Place) })
	w := writer{emit: emit}
	err := w.columns(len(docs), func(i int) Scope { return docs[i].Scope }, func(i int) Place { return docs[i].Place })
	if err != nil || len(docs) == 0 {
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
