package search

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
	"github.com/parley-server/parley/internal/words"
)

// usual and most are how many things a page has.
const (
	usual = 50
	most  = 200
)

// asked is what is looked for in a space.
type asked[T any] struct {
	space   search.Space
	needs   []search.Need
	without []string
	bounds  bounds
	// read returns those of some places that are there, seen and match.
	read func(r *request, places []search.Place) (map[parley.ID]T, error)
	// complete adds what is shown of those on the page.
	complete func(r *request, page []T) error
}

// attempts is how often a search begins anew because what it read was taken away meanwhile.
const attempts = 3

// search answers a page.
func find[T any](ctx context.Context, s *Searches, p *access.Principal, query string, after string, limit int,
	ask func(r *request) (asked[T], error)) (page Page[T], err error) {
	below, err := parseCursor(after)
	if err != nil {
		return page, err
	}
	if limit <= 0 {
		limit = usual
	}
	limit = min(limit, most)
	for range attempts {
		r := s.request(ctx, p, query)
		stale := false
		if page, stale, err = answer(r, below, limit, ask); !stale {
			return page, err
		}
	}
	return page, parley.Unavailable("search-busy", "the index was being changed; try again", err)
}

// answer searches once, and says whether what was read may have been taken away meanwhile.
func answer[T any](r *request, below search.Place, limit int, ask func(r *request) (asked[T], error)) (page Page[T], stale bool, err error) {
	index, err := search.Load(r.q, r.p.Organization)
	if err != nil {
		return page, false, err
	}
	segments, err := search.Segments(r.q, r.p.Organization)
	if err != nil {
		return page, false, err
	}
	a, err := ask(r)
	if err != nil {
		return page, false, err
	}
	page.Through, page.Whole = index.Through, index.Whole(a.space)
	if r.query.Blank {
		return page, false, nil
	}
	if a.bounds.below == (search.Place{}) || below != (search.Place{}) && below.Compare(a.bounds.below) < 0 {
		a.bounds.below = below
	}
	for _, n := range r.query.Needs() {
		a.needs = append(a.needs, search.Need{Words: n.Words, Prefix: n.Prefix})
	}
	a.without = append(a.without, r.query.Without()...)
	h := r.hunt(a.space, segments, a.needs, a.without, a.bounds)
	err = collect(r, &a, h, limit, &page)
	if stale, failed := taken(r, segments); failed != nil || stale {
		return page, stale, failed
	}
	if err == nil && a.complete != nil {
		err = a.complete(r, page.Found)
	}
	return page, false, err
}

// collect fills a page.
func collect[T any](r *request, a *asked[T], h *hunt, limit int, page *Page[T]) error {
	var last search.Place // of the page
	for read := 0; ; {
		n := min(limit+1-len(page.Found)+read/4, most)
		places, err := h.take(n)
		if err != nil {
			return err
		}
		found, err := a.read(r, places)
		if err != nil {
			return err
		}
		read += len(places)
		for _, p := range places {
			thing, ok := found[p.ID]
			if !ok {
				continue
			}
			delete(found, p.ID) // it may be there twice
			if len(page.Found) == limit {
				page.Next = cursor(last)
				return nil
			}
			page.Found = append(page.Found, thing)
			last = p
		}
		switch {
		case h.spent:
			page.Next, page.Partial = cursor(h.end()), true
			return nil
		case len(places) < n:
			return nil
		case read >= r.things:
			page.Next, page.Partial = cursor(places[len(places)-1]), true
			return nil
		}
	}
}

// taken reports whether segments that were read may have been taken away meanwhile.
func taken(r *request, read []search.Segment) (bool, error) {
	now, err := search.Segments(r.q, r.p.Organization)
	if err != nil {
		return false, err
	}
	there := make(map[int64]bool, len(now))
	for _, s := range now {
		there[s.ID] = s.State == search.Ready || s.State == search.Dropped
	}
	for _, s := range read {
		if s.State == search.Ready && !there[s.ID] {
			return true, nil
		}
	}
	return false, nil
}

func placesToIDs(places []search.Place) []parley.ID {
	return idsOf(places, func(p *search.Place) parley.ID { return p.ID })
}

// MessageFilter narrows a search for messages. Empty fields do not.
type MessageFilter struct {
	Conversation  parley.ID
	Author        parley.ID // a user, role, team or contact
	Channel       parley.ID
	Kind          parley.MessageKind
	Direction     parley.Direction
	Tag           string
	HasAttachment *bool
	Since         time.Time // sent at or after
	Until         time.Time // sent before
}

// MessageFound is a message that was found.
type MessageFound struct {
	Message  *parley.Message
	Snippets []Snippet
}

// Messages returns a page of the messages that match a query and that the principal sees, newest first.
func (s *Searches) Messages(ctx context.Context, p *access.Principal, query string, f MessageFilter, after string, limit int) (Page[MessageFound], error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return Page[MessageFound]{}, err
	}
	return find(ctx, s, p, query, after, limit, func(r *request) (asked[MessageFound], error) {
		a := asked[MessageFound]{space: search.Messages, complete: completeMessages}
		a.bounds.within(f.Since, f.Until)
		var err error
		if f.Author != "" {
			if f.Author, err = r.q.Became(p.Organization, f.Author); err != nil {
				return a, err
			}
		}
		a.needs, a.without, err = f.words(r.q, p.Organization)
		a.read = func(r *request, places []search.Place) (map[parley.ID]MessageFound, error) {
			return r.readMessages(&f, places)
		}
		return a, err
	})
}

// words are those that the filter looks up, and those that must not be there.
func (f *MessageFilter) words(q store.Queries, organization parley.ID) (needs []search.Need, without []string, err error) {
	for kind, value := range map[string]string{byConversation: string(f.Conversation), byChannel: string(f.Channel), byKind: string(f.Kind),
		byDirection: string(f.Direction), byTag: f.Tag} {
		if value != "" {
			needs = append(needs, search.Need{Words: []string{filterWord(kind, value)}})
		}
	}
	if f.HasAttachment != nil && *f.HasAttachment {
		needs = append(needs, search.Need{Words: []string{byAttachment}})
	} else if f.HasAttachment != nil {
		without = append(without, byAttachment)
	}
	if f.Author == "" {
		return needs, without, nil
	}
	authors, err := search.MergedInto(q, organization, f.Author, mostAliases)
	list := []string{filterWord(byAuthor, string(f.Author))}
	for _, id := range authors {
		list = append(list, filterWord(byAuthor, string(id)))
	}
	return append(needs, search.Need{Words: list}), without, err
}

// mostAliases is how many contacts that became one its messages may have been indexed under.
const mostAliases = 200

func (f *MessageFilter) passes(m *parley.Message) bool {
	switch {
	case f.Conversation != "" && f.Conversation != m.Conversation,
		f.Author != "" && f.Author != m.Author.ID,
		f.Channel != "" && f.Channel != m.Channel,
		f.Kind != "" && f.Kind != m.Kind,
		f.Direction != "" && f.Direction != m.Direction,
		f.Tag != "" && !slices.Contains(m.Tags, f.Tag),
		f.HasAttachment != nil && *f.HasAttachment != (len(m.Attachments) > 0),
		!f.Since.IsZero() && m.SentAt.Before(f.Since),
		!f.Until.IsZero() && !m.SentAt.Before(f.Until):
		return false
	}
	return m.Sequence > 0 && m.Removed == ""
}

// readMessages returns those of some messages that match, as they are shown.
func (r *request) readMessages(f *MessageFilter, places []search.Place) (map[parley.ID]MessageFound, error) {
	found := make(map[parley.ID]MessageFound, len(places))
	if len(places) == 0 {
		return found, nil
	}
	messages, err := r.q.Messages(r.p.Organization, placesToIDs(places))
	if err != nil {
		return nil, err
	}
	list := make([]*parley.Message, 0, len(messages))
	for _, m := range messages {
		if f.passes(m) {
			list = append(list, m)
		}
	}
	if list, err = r.sight.Shown(list, r.now); err != nil {
		return nil, err
	}
	for _, m := range list {
		if !f.passes(m) { // its content is not for the principal any more
			continue
		}
		if snippets, ok := r.matchMessage(m); ok {
			found[m.ID] = MessageFound{Message: m, Snippets: snippets}
		}
	}
	return found, nil
}

func (r *request) matchMessage(m *parley.Message) ([]Snippet, bool) {
	fields := messageFields(m)
	snippets, ok := matched(&r.query, fields)
	if ok && len(snippets) == 0 && len(fields) > 0 {
		if fragments := words.Beginning(fields[0].text); fragments != nil {
			snippets = []Snippet{{Field: fields[0].name, Fragments: fragments}}
		}
	}
	return snippets, ok
}

func completeMessages(r *request, page []MessageFound) error {
	list := make([]*parley.Message, len(page))
	for i := range page {
		list[i] = page[i].Message
	}
	return thread.FillStates(r.q, r.p.Organization, list)
}

// ContactFound is a contact that was found.
type ContactFound struct {
	Contact  *parley.Contact
	Snippets []Snippet
}

// Contacts returns a page of the contacts that match a query, the newest first. A tag narrows them; an empty one does not.
func (s *Searches) Contacts(ctx context.Context, p *access.Principal, query, tag, after string, limit int) (Page[ContactFound], error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return Page[ContactFound]{}, err
	}
	return find(ctx, s, p, query, after, limit, func(*request) (asked[ContactFound], error) {
		a := asked[ContactFound]{space: search.Contacts}
		if tag != "" {
			a.needs = append(a.needs, search.Need{Words: []string{filterWord(byTag, tag)}})
		}
		a.read = func(r *request, places []search.Place) (map[parley.ID]ContactFound, error) {
			contacts, err := r.q.ContactsByID(p.Organization, placesToIDs(places))
			found := make(map[parley.ID]ContactFound, len(contacts))
			for id, c := range contacts {
				if c.MergedInto != "" || tag != "" && !slices.Contains(c.Tags, tag) {
					continue
				}
				if snippets, ok := matched(&r.query, contactFields(c)); ok {
					found[id] = ContactFound{c, snippets}
				}
			}
			return found, err
		}
		return a, nil
	})
}

// ConversationFilter narrows a search for conversations. Empty fields do not.
type ConversationFilter struct {
	Kind   parley.ConversationKind
	Status parley.ConversationStatus
	Tag    string
}

// ConversationFound is a conversation that was found.
type ConversationFound struct {
	Conversation *parley.Conversation
	Snippets     []Snippet
}

// Conversations returns a page of the conversations that match a query and that the principal sees, the newest first.
func (s *Searches) Conversations(ctx context.Context, p *access.Principal, query string, f ConversationFilter, after string, limit int) (Page[ConversationFound], error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return Page[ConversationFound]{}, err
	}
	return find(ctx, s, p, query, after, limit, func(*request) (asked[ConversationFound], error) {
		a := asked[ConversationFound]{space: search.Conversations}
		if f.Kind != "" {
			a.needs = append(a.needs, search.Need{Words: []string{filterWord(byKind, string(f.Kind))}})
		}
		if f.Tag != "" {
			a.needs = append(a.needs, search.Need{Words: []string{filterWord(byTag, f.Tag)}})
		}
		a.read = func(r *request, places []search.Place) (map[parley.ID]ConversationFound, error) {
			return r.readConversations(&f, places)
		}
		return a, nil
	})
}

func (r *request) readConversations(f *ConversationFilter, places []search.Place) (map[parley.ID]ConversationFound, error) {
	conversations, err := r.sight.ShownConversations(placesToIDs(places), mostParticipants)
	found := make(map[parley.ID]ConversationFound, len(conversations))
	for id, c := range conversations {
		if f.Kind != "" && f.Kind != c.Kind || f.Status != "" && f.Status != c.Status || f.Tag != "" && !slices.Contains(c.Tags, f.Tag) {
			continue
		}
		if snippets, ok := matched(&r.query, conversationFields(c)); ok {
			c.Participants = c.Participants[:min(len(c.Participants), shownParticipants)]
			found[id] = ConversationFound{c, snippets}
		}
	}
	return found, err
}

// shownParticipants is how many participants a conversation that was found is shown with.
const shownParticipants = 10
