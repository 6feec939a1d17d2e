// Package numbered is lists whose pages have numbers, for doors whose clients count pages, and what conversations with customers hold.
// It shows conversations with somebody outside who is a contact, and what was written to and by that one: nothing else exists here.
package numbered

import (
	"context"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/numbered"
)

// MaxSkip is how far into a list a page may begin, and up to where things are counted.
const MaxSkip = 10_000

// Lists are the lists over a store.
type Lists struct{ store *store.Store }

// New returns the lists over a store.
func New(s *store.Store) *Lists { return &Lists{s} }

// Page is one page of a list.
type Page struct {
	Number int // from 1
	Size   int
	Newest bool // first
}

// Skip is how many there are before the page.
func (p Page) Skip() int { return (p.Number - 1) * p.Size }

// span is the page and one more, to see that there is one.
func (p Page) span() (numbered.Span, error) {
	if p.Skip() > MaxSkip {
		return numbered.Span{}, parley.Invalid("page", "out-of-range", "must not begin after the first %d", MaxSkip)
	}
	return numbered.Span{Newest: p.Newest, Skip: p.Skip(), Limit: p.Size + 1}, nil
}

// cut takes off the one that there is more than the page.
func (p Page) cut(ids []parley.ID) (page []parley.ID, more bool) {
	if len(ids) > p.Size {
		return ids[:p.Size], true
	}
	return ids, false
}

// Case is a conversation with a customer, and what it holds.
type Case struct {
	parley.Conversation
	Customer  parley.ID
	Inbound   int // messages from outside
	Outbound  int
	Notes     int
	Platforms []string
	Ends      numbered.Ends
	Messages  map[parley.ID]*parley.Message // those of Ends
}

// Thread returns a conversation without what it holds, for whoever reads or records.
func (l *Lists) Thread(ctx context.Context, p *access.Principal, id parley.ID) (Case, error) {
	if !p.Has(parley.ScopeMessagesRecord) && !p.Has(parley.ScopeMessagesRead) {
		return Case{}, parley.Forbidden(parley.ScopeMessagesRead)
	}
	return l.find(l.store.Read(ctx), p, id)
}

func (l *Lists) find(q store.Queries, p *access.Principal, id parley.ID) (Case, error) {
	c, err := thread.Whole(thread.NewSight(q, p), id)
	if err != nil {
		return Case{}, err
	}
	found := Case{Conversation: c, Customer: thread.Customer(c.Participants)}
	if !shown(&found) {
		return Case{}, parley.NotFound("conversation", id)
	}
	return found, nil
}

// shown reports whether a conversation is one with a customer.
func shown(c *Case) bool { return c.Customer != "" && Shown(&c.Conversation) }

// Shown reports whether a conversation is one with somebody outside.
func Shown(c *parley.Conversation) bool {
	return c.Visibility == parley.VisibleToOrganization && (c.Kind == parley.ConversationExternal || c.Kind == parley.ConversationSecure)
}

// Case returns a conversation.
func (l *Lists) Case(ctx context.Context, p *access.Principal, id parley.ID) (Case, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return Case{}, err
	}
	q := l.store.Read(ctx)
	c, err := l.find(q, p, id)
	if err != nil {
		return c, err
	}
	return c, l.fill(ctx, q, p, &c)
}

// Those returns the conversations among some ids that are there, in their order.
func (l *Lists) Those(ctx context.Context, p *access.Principal, ids []parley.ID) ([]Case, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, err
	}
	q := l.store.Read(ctx)
	hidden, err := thread.NewSight(q, p).HiddenChannels()
	if err != nil {
		return nil, err
	}
	list, err := l.cases(ctx, q, p, ids)
	return slices.DeleteFunc(list, func(c Case) bool { return !shown(&c) || slices.Contains(hidden, c.Channel) }), err
}

// Cases returns a page of conversations, in the order in which they were made: of a contact, or of all where it is empty.
func (l *Lists) Cases(ctx context.Context, p *access.Principal, contact parley.ID, page Page) (list []Case, more bool, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, false, err
	}
	span, err := page.span()
	if err != nil {
		return nil, false, err
	}
	q := l.store.Read(ctx)
	if contact != "" {
		found, err := q.Survivor(p.Organization, contact)
		if err != nil {
			return nil, false, err
		}
		contact = found.ID
	}
	hidden, err := thread.NewSight(q, p).HiddenChannels()
	if err != nil {
		return nil, false, err
	}
	ids, err := numbered.Conversations(q, p.Organization, contact, hidden, span)
	if err != nil {
		return nil, false, err
	}
	ids, more = page.cut(ids)
	list, err = l.cases(ctx, q, p, ids)
	return list, more, err
}

func (l *Lists) cases(ctx context.Context, q store.Queries, p *access.Principal, ids []parley.ID) ([]Case, error) {
	conversations, err := q.Conversations(p.Organization, ids)
	if err != nil {
		return nil, err
	}
	participants, err := q.ParticipantsOf(p.Organization, ids)
	if err != nil {
		return nil, err
	}
	list := make([]Case, 0, len(ids))
	pointers := make([]*Case, 0, len(ids))
	for _, id := range ids {
		if c := conversations[id]; c != nil {
			c.Participants = participants[id]
			list = append(list, Case{Conversation: *c, Customer: thread.Customer(c.Participants)})
			pointers = append(pointers, &list[len(list)-1])
		}
	}
	return list, l.fill(ctx, q, p, pointers...)
}

// fill looks up what conversations hold.
func (l *Lists) fill(ctx context.Context, q store.Queries, p *access.Principal, cases ...*Case) error {
	if len(cases) == 0 {
		return nil
	}
	ids := make([]parley.ID, len(cases))
	byID := make(map[parley.ID]*Case, len(cases))
	for i, c := range cases {
		ids[i], byID[c.ID] = c.ID, c
	}
	tallies, err := numbered.Tallies(q, p.Organization, ids)
	if err != nil {
		return err
	}
	for i := range tallies {
		byID[tallies[i].Conversation].count(&tallies[i])
	}
	ends, err := numbered.EndsOf(q, p.Organization, ids)
	if err != nil {
		return err
	}
	var named []parley.ID
	for id, e := range ends {
		byID[id].Ends = e
		named = append(named, e.FirstIn, e.LastIn, e.FirstOut, e.LastOut)
	}
	messages, err := q.Messages(p.Organization, named)
	now := l.store.Now(ctx, p.Organization)
	for _, c := range cases {
		c.Messages = messages
	}
	for _, m := range messages {
		thread.ConcealExpired(m, now)
	}
	return err
}

// count adds items of one sort.
func (c *Case) count(t *numbered.Tally) {
	switch {
	case t.Kind == parley.KindNote:
		c.Notes += t.Items
	case t.Kind != parley.KindMessage:
	case t.Direction == parley.Inbound:
		c.Inbound += t.Items
	case t.Direction == parley.Outbound:
		c.Outbound += t.Items
	default:
		return
	}
	if t.Kind == parley.KindMessage && t.Platform != "" && !slices.Contains(c.Platforms, t.Platform) {
		c.Platforms = append(c.Platforms, t.Platform)
		slices.Sort(c.Platforms)
	}
}

// Customer is a contact, and how many conversations with it there are by status.
type Customer struct {
	parley.Contact
	Conversations map[parley.ConversationStatus]int
}

// Customer returns a contact; of one that was merged, that which it became.
func (l *Lists) Customer(ctx context.Context, p *access.Principal, id parley.ID) (Customer, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return Customer{}, err
	}
	q := l.store.Read(ctx)
	contact, err := q.Survivor(p.Organization, id)
	if err != nil {
		return Customer{}, err
	}
	list := []Customer{{Contact: contact}}
	err = stand(q, p, list)
	return list[0], err
}

// Customers returns a page of contacts, in the order in which they were made, and how many there are, up to MaxSkip.
func (l *Lists) Customers(ctx context.Context, p *access.Principal, page Page) (list []Customer, total int, more bool, err error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, 0, false, err
	}
	span, err := page.span()
	if err != nil {
		return nil, 0, false, err
	}
	q := l.store.Read(ctx)
	if total, err = numbered.CountContacts(q, p.Organization, MaxSkip); err != nil {
		return nil, 0, false, err
	}
	ids, err := numbered.Contacts(q, p.Organization, span)
	if err != nil {
		return nil, 0, false, err
	}
	ids, more = page.cut(ids)
	found, err := q.ContactsByID(p.Organization, ids)
	if err != nil {
		return nil, 0, false, err
	}
	for _, id := range ids {
		if c := found[id]; c != nil {
			list = append(list, Customer{Contact: *c})
		}
	}
	return list, total, more, stand(q, p, list)
}

// stand counts the conversations of customers that the principal sees.
func stand(q store.Queries, p *access.Principal, list []Customer) error {
	hidden, err := thread.NewSight(q, p).HiddenChannels()
	if err != nil {
		return err
	}
	ids := make([]parley.ID, len(list))
	byID := make(map[parley.ID]*Customer, len(list))
	for i := range list {
		list[i].Conversations = map[parley.ConversationStatus]int{}
		ids[i], byID[list[i].ID] = list[i].ID, &list[i]
	}
	standings, err := numbered.Standings(q, p.Organization, ids, hidden)
	for _, s := range standings {
		byID[s.Contact].Conversations[s.Status] = s.Conversations
	}
	return err
}

// Now is the time in an organization.
func (l *Lists) Now(ctx context.Context, p *access.Principal) time.Time {
	return l.store.Now(ctx, p.Organization)
}
