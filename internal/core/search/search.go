// Package search finds messages, contacts and conversations by their words, for somebody: what is found is what reading it
// would show. It keeps the index of words, which follows the log of events.
package search

import (
	"cmp"
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
	"github.com/parley-server/parley/internal/words"
)

// Options are what a search stands on.
type Options struct {
	Store *store.Store
	// Pages of the index, and things, are what one page of a search looks at most; 0: as usual.
	Pages, Things int
}

// What one page of a search looks at, whatever is looked for.
const (
	mostPages  = 2500 // of the index
	mostThings = 400  // to see whether they match
)

// Searches answers searches.
type Searches struct {
	store         *store.Store
	pages, things int
}

// New returns the searches of a store.
func New(o Options) *Searches {
	return &Searches{store: o.Store, pages: cmp.Or(o.Pages, mostPages), things: cmp.Or(o.Things, mostThings)}
}

// Page is a part of what a search found, newest first.
type Page[T any] struct {
	Found []T
	Next  string // the cursor of the page after it; empty at the end
	// Partial says that the page is short because as much was looked at as one page may cost.
	Partial bool
	// Through is the event up to which everything is found.
	Through int64
	// Whole says that everything is found that was there before the index; false while it is still being filled.
	Whole bool
}

// Snippet is a piece of what was found, with what was looked for in it.
type Snippet struct {
	Field     string // where it is
	Fragments []Fragment
}

// Fragment is a piece of a text.
type Fragment = words.Fragment

// field is a text of what is searched.
type field struct {
	name string
	text string
}

// The kinds of words that are no words of texts, by which lists are narrowed. None has its mark in it.
const (
	byConversation = "c:"
	byAuthor       = "a:"
	byChannel      = "h:"
	byKind         = "k:"
	byDirection    = "d:"
	byTag          = "t:"
	byAttachment   = "f:"
)

// mostFilter is how much of a value is looked up: a longer one is compared when it is found.
const mostFilter = 120

func filterWord(kind, value string) string { return kind + value[:min(len(value), mostFilter)] }

// wordsOf are the words by which something with some texts is found.
func wordsOf(fields []field, more ...string) []string {
	set := make(map[string]struct{}, 32)
	for _, f := range fields {
		read := words.Read(f.text)
		read.Index(set)
	}
	list := make([]string, 0, len(set)+len(more))
	for word := range set {
		list = append(list, word)
	}
	for i, word := range more {
		if !contains(more[:i], word) {
			list = append(list, word)
		}
	}
	return list
}

func contains(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}

// matched returns what a query found in some texts, and whether it found all that it asks for.
func matched(q *words.Query, fields []field) ([]Snippet, bool) {
	texts := make([]words.Text, len(fields))
	for i, f := range fields {
		texts[i] = words.Read(f.text)
	}
	if !q.Matches(texts) {
		return nil, false
	}
	var snippets []Snippet
	for i, f := range fields {
		if fragments := q.Snippet(texts[i]); fragments != nil && len(snippets) < mostSnippets {
			snippets = append(snippets, Snippet{Field: f.name, Fragments: fragments})
		}
	}
	return snippets, true
}

// mostSnippets is how many of the texts of one thing are shown.
const mostSnippets = 3

// request is a search that is being answered.
type request struct {
	q     store.Queries
	p     *access.Principal
	sight *thread.Sight
	query words.Query
	now   time.Time

	pages, things int // that are looked at
}

func (s *Searches) request(ctx context.Context, p *access.Principal, query string) *request {
	q := s.store.Read(ctx)
	return &request{q: q, p: p, sight: thread.NewSight(q, p), query: words.Parse(query), now: s.store.Now(ctx, p.Organization), pages: s.pages, things: s.things}
}

// scopeOf is who sees a conversation, and what is in it.
func scopeOf(c *store.ActivityRow) search.Scope {
	return search.ScopeOf(c.Visibility, c.Channel, c.ID)
}

func idsOf[T any](list []T, id func(*T) parley.ID) []parley.ID {
	ids := make([]parley.ID, len(list))
	for i := range list {
		ids[i] = id(&list[i])
	}
	return ids
}
