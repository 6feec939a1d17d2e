package numbered

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/numbered"
	"github.com/parley-server/parley/internal/store/record"
)

// Reply is what a message is to the one before it.
type Reply string

// The replies.
const (
	Initial  Reply = "initial"  // nothing is before it
	Response Reply = "response" // the other side wrote before
	Followup Reply = "followup" // so did the same side
)

// Item is a message with a customer.
type Item struct {
	parley.Message
	Customer parley.ID
	Reply    Reply
}

// Items returns a page of the messages of a conversation, in the order of display.
func (l *Lists) Items(ctx context.Context, p *access.Principal, conversation parley.ID, page Page) (list []Item, more bool, err error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, false, err
	}
	span, err := page.span()
	if err != nil {
		return nil, false, err
	}
	q := l.store.Read(ctx)
	c, err := l.find(q, p, conversation)
	if err != nil {
		return nil, false, err
	}
	ids, err := numbered.Messages(q, p.Organization, c.ID, span)
	if err != nil {
		return nil, false, err
	}
	ids, more = page.cut(ids)
	found, err := q.Messages(p.Organization, ids)
	if err != nil {
		return nil, false, err
	}
	ordered := make([]*parley.Message, 0, len(ids))
	for _, id := range ids {
		if m := found[id]; m != nil {
			ordered = append(ordered, m)
		}
	}
	messages, err := thread.NewSight(q, p).Those(ordered, l.store.Now(ctx, p.Organization))
	if err != nil {
		return nil, false, err
	}
	list = make([]Item, len(messages))
	for i := range messages {
		list[i] = Item{Message: messages[i], Customer: c.Customer}
	}
	return list, more, replies(q, p.Organization, list)
}

// Item returns a message.
func (l *Lists) Item(ctx context.Context, p *access.Principal, id parley.ID) (Item, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return Item{}, err
	}
	q := l.store.Read(ctx)
	m, _, err := thread.NewSight(q, p).Message(id)
	if err != nil {
		return Item{}, err
	}
	c, err := l.find(q, p, m.Conversation)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && !written(&m) {
		return Item{}, parley.NotFound("message", id)
	}
	if err != nil {
		return Item{}, err
	}
	messages, err := thread.NewSight(q, p).Those([]*parley.Message{&m}, l.store.Now(ctx, p.Organization))
	if err != nil || len(messages) == 0 {
		return Item{}, parley.FirstError(err, parley.NotFound("message", id))
	}
	list := []Item{{Message: messages[0], Customer: c.Customer}}
	err = replies(q, p.Organization, list)
	return list[0], err
}

// Named returns the message that has an id where it happened.
func (l *Lists) Named(ctx context.Context, p *access.Principal, externalID string) (Item, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return Item{}, err
	}
	id, err := record.Named(l.store.Read(ctx), p.Organization, externalID)
	if err != nil {
		return Item{}, err
	}
	if id == "" {
		return Item{}, parley.NotFound("message", "")
	}
	return l.Item(ctx, p, id)
}

// written reports whether a message is from or to a customer.
func written(m *parley.Message) bool {
	return m.Kind == parley.KindMessage && m.Sequence > 0 && m.Removed != parley.RemovedMoved && (m.Direction == parley.Inbound || m.Direction == parley.Outbound)
}

// Made completes a message that was just recorded, for the answer to whoever did that.
func (l *Lists) Made(ctx context.Context, p *access.Principal, m parley.Message, customer parley.ID) (Item, error) {
	list := []Item{{Message: m, Customer: customer}}
	err := replies(l.store.Read(ctx), p.Organization, list)
	return list[0], err
}

// replies looks up what messages are to those before them.
func replies(q store.Queries, organization parley.ID, list []Item) error {
	if len(list) == 0 {
		return nil
	}
	places := make([]numbered.Place, len(list))
	for i := range list {
		m := &list[i].Message
		places[i] = numbered.Place{Message: m.ID, Conversation: m.Conversation, SentAt: m.SentAt, Sequence: m.Sequence}
	}
	before, err := numbered.Before(q, organization, places)
	for i := range list {
		switch before[list[i].ID] {
		case "":
			list[i].Reply = Initial
		case list[i].Direction:
			list[i].Reply = Followup
		default:
			list[i].Reply = Response
		}
	}
	return err
}
