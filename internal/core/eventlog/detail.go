package eventlog

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Content says what is joined to events besides the message of one that was created or scheduled. It is the
// sum of what is wanted.
type Content int

// The contents.
const (
	WithMessages      Content = 1 << iota // the message of every event that has one
	WithConversations                     // without participants
	WithDeliveries
	WithContacts // of contact events
)

// Detail is an event with what it is about, as that is now: nil where it is gone or was not wanted.
type Detail struct {
	parley.Event
	Message      *parley.Message // without its content where that is gone
	Conversation *parley.Conversation
	Delivery     *parley.Delivery
	Contact      *parley.Contact

	hidden  map[parley.ID]time.Time       // users for whom the content is gone
	earlier map[parley.ID]*parley.Message // what it was when users left the conversation, before it was edited
}

// MessageFor is the message as somebody sees it: without its content where they have read it and it was to be
// deleted on read, and as it was when they left its conversation.
func (d *Detail) MessageFor(p *access.Principal) *parley.Message {
	shown := d.Message
	if m := d.earlier[p.User]; m != nil && (p.Personal || !p.Has(parley.ScopePrivateRead)) {
		shown = m
	}
	at, ok := d.hidden[p.User]
	if !ok || shown == nil {
		return shown
	}
	m := *shown
	thread.Conceal(&m, parley.RemovedOnRead, at)
	return &m
}

// Details joins to events of one organization what they are about, whoever may see it, with a constant number
// of queries: once for all who follow the log.
func (l *Log) Details(ctx context.Context, organization parley.ID, events []parley.Event, with Content) ([]Detail, error) {
	return l.details(ctx, l.store.Read(ctx), organization, events, with)
}

func (l *Log) details(ctx context.Context, q store.Queries, organization parley.ID, events []parley.Event, with Content) ([]Detail, error) {
	list := make([]Detail, len(events))
	for i := range events {
		list[i].Event = events[i]
	}
	for _, join := range []func(store.Queries, parley.ID, []Detail, Content) error{
		joinMessages, joinConversations, joinDeliveries, joinContacts} {
		if err := join(q, organization, list, with); err != nil {
			return nil, err
		}
	}
	now := l.now(ctx, organization)
	for i := range list {
		if m := list[i].Message; m != nil {
			thread.ConcealExpired(m, now)
		}
		for _, m := range list[i].earlier {
			thread.ConcealExpired(m, now)
		}
	}
	return list, nil
}

// takeCreated takes the messages that events bring along, unless their content went, or became another, in the same batch.
func takeCreated(list []Detail, with Content) {
	if with&WithMessages != 0 {
		return
	}
	gone := map[parley.ID]bool{}
	for i := range list {
		switch list[i].Type {
		case parley.EventMessageRemoved, parley.EventMessageEdited, parley.EventMessageRedacted, parley.EventMessageMoved:
			gone[list[i].Event.Message] = true
		}
	}
	for i := range list {
		if d := &list[i]; d.Created != nil && !gone[d.Event.Message] {
			m := *d.Created
			d.Message = &m
		}
	}
}

// brings reports whether the message that an event is about comes with it.
func (d *Detail) brings(with Content) bool {
	switch d.Type {
	case parley.EventMessageCreated, parley.EventMessageScheduled, parley.EventMessageEdited, parley.EventMessageRedacted:
		return true
	}
	return with&WithMessages != 0
}

func joinMessages(q store.Queries, organization parley.ID, list []Detail, with Content) error {
	takeCreated(list, with)
	ids := collect(list, func(d *Detail) parley.ID {
		if d.Message != nil {
			return ""
		}
		if d.brings(with) {
			return d.Event.Message
		}
		return ""
	})
	if len(ids) == 0 {
		return nil
	}
	messages, err := q.Messages(organization, ids)
	if err != nil {
		return err
	}
	all := make([]*parley.Message, 0, len(messages))
	var onRead []parley.ID
	for _, m := range messages {
		all = append(all, m)
		if m.DeleteOnRead && m.Removed == "" {
			onRead = append(onRead, m.ID)
		}
	}
	if err := thread.FillStates(q, organization, all); err != nil {
		return err
	}
	hidden, err := q.HiddenFrom(organization, onRead)
	if err != nil {
		return err
	}
	earlier, err := beforeEdits(q, organization, all)
	for i := range list {
		d := &list[i]
		if d.Message != nil {
			continue
		}
		if d.brings(with) {
			d.Message, d.hidden, d.earlier = messages[d.Event.Message], hidden[d.Event.Message], earlier[d.Event.Message]
		}
	}
	return err
}

// beforeEdits are those of the messages that were edited as they are shown to users who have left their conversations.
func beforeEdits(q store.Queries, organization parley.ID, messages []*parley.Message) (map[parley.ID]map[parley.ID]*parley.Message, error) {
	edited := slices.DeleteFunc(slices.Clone(messages), func(m *parley.Message) bool { return m.Edits == 0 })
	if len(edited) == 0 {
		return nil, nil
	}
	ids := make([]parley.ID, len(edited))
	for i, m := range edited {
		ids[i] = m.Conversation
	}
	slices.Sort(ids)
	rows, err := q.ActivityOf(organization, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	ids = ids[:0]
	for _, r := range rows {
		if r.Visibility == parley.VisibleToMembers {
			ids = append(ids, r.ID)
		}
	}
	members, err := q.MembersOf(organization, ids)
	if err != nil {
		return nil, err
	}
	earlier := map[parley.ID]map[parley.ID]*parley.Message{}
	left := map[*parley.Message]int64{}
	for _, m := range edited {
		for _, member := range members[m.Conversation] {
			if member.LeftSequence == 0 {
				continue
			}
			if earlier[m.ID] == nil {
				earlier[m.ID] = map[parley.ID]*parley.Message{}
			}
			before := *m
			earlier[m.ID][member.User], left[&before] = &before, member.LeftSequence
		}
	}
	return earlier, thread.Unedit(q, organization, slices.Collect(maps.Keys(left)), func(m *parley.Message) int64 { return left[m] })
}

func joinConversations(q store.Queries, organization parley.ID, list []Detail, with Content) error {
	if with&WithConversations == 0 {
		return nil
	}
	conversations, err := q.Conversations(organization, collect(list, func(d *Detail) parley.ID { return d.Event.Conversation }))
	for i := range list {
		list[i].Conversation = conversations[list[i].Event.Conversation]
	}
	return err
}

func joinDeliveries(q store.Queries, organization parley.ID, list []Detail, with Content) error {
	if with&WithDeliveries == 0 {
		return nil
	}
	var refs []store.DeliveryRef
	asked := map[store.DeliveryRef]bool{}
	for i := range list {
		if ref := list[i].ref(organization); ref.Number > 0 && !asked[ref] {
			asked[ref] = true
			refs = append(refs, ref)
		}
	}
	deliveries, err := q.DeliveriesOf(refs)
	for i := range list {
		list[i].Delivery = deliveries[list[i].ref(organization)]
	}
	return err
}

func (d *Detail) ref(organization parley.ID) store.DeliveryRef {
	return store.DeliveryRef{Organization: organization, Message: d.Event.Message, Number: d.Data.Delivery}
}

func joinContacts(q store.Queries, organization parley.ID, list []Detail, with Content) error {
	if with&WithContacts == 0 {
		return nil
	}
	contact := func(d *Detail) parley.ID {
		switch d.Type {
		case parley.EventContactCreated, parley.EventContactUpdated:
			return d.Subject
		case parley.EventContactMerged:
			return d.Data.Into
		}
		return ""
	}
	contacts, err := q.ContactsByID(organization, collect(list, contact))
	for i := range list {
		list[i].Contact = contacts[contact(&list[i])]
	}
	return err
}

// collect returns the ids that are named, each once.
func collect(list []Detail, id func(d *Detail) parley.ID) []parley.ID {
	var ids []parley.ID
	asked := map[parley.ID]bool{"": true}
	for i := range list {
		if id := id(&list[i]); !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}
