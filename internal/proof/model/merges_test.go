package model

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

// newContact makes one, with a number that nobody has.
func (m *machine) newContact() {
	o := m.organization()
	if len(o.contacts) > 5 {
		m.rapid.Skip("contacts enough")
	}
	m.number++
	number := fmt.Sprintf("+15551%03d000%d", m.number, one(m, "digit", []int{0, 1, 4}))
	o.introduce(number)
	m.log("a contact of %s with the number %s", o.name, number)
}

// mergeContacts makes two contacts one.
func (m *machine) mergeContacts() {
	by := m.principal()
	from := likely(m, "contact", m.organization().contacts, func(c *contact) bool { return c.into == nil })
	into := one(m, "into", m.organization().contacts)
	_, err := by.client.MergeContact(background, from.id, api.ContactMerge{Into: into.id})
	m.log("%s merges the contact %s into %s: %v", by, from.id, into.id, err)
	switch other := into.became(); {
	case !slices.Contains(by.org.contacts, from):
		m.refused(err, 404, "%s merges the contact %s", by, from.id)
	case !slices.Contains(by.org.contacts, into):
		m.refused(err, 422, "%s merges a contact into %s", by, into.id)
	case from.into != nil && from.became() == other:
		m.ok(err, "%s merges the contact %s once more", by, from.id)
	case from.into != nil:
		m.refused(err, 409, "%s merges the contact %s, which was merged", by, from.id)
	case from == other:
		m.refused(err, 422, "%s merges the contact %s into itself", by, from.id)
	default:
		m.ok(err, "%s merges the contact %s into %s", by, from.id, into.id)
		other.numbers = append(other.numbers, from.numbers...)
		other.out = other.out || from.out
		if other.last == nil {
			other.last = from.last
		}
		by.org.mergeSenders(from, other)
		from.into = other
		for _, c := range by.org.order {
			if c.contact == from {
				c.contact = other
			}
		}
		by.org.tell(api.EventContactMerged, from.id, everybody)
	}
}

// shows: whether everybody who sees the one channel sees the other.
func (ch *channel) shows(other *channel) bool {
	if !other.closed || ch == other {
		return true
	}
	return ch.closed && !slices.ContainsFunc(ch.members, func(p *principal) bool { return !slices.Contains(other.members, p) })
}

// mergeConversations makes two conversations one.
func (m *machine) mergeConversations() {
	by := m.principal()
	same := func(a, b *conversation) bool {
		return a != b && a.contact != nil && a.contact == b.contact && by.sees(b)
	}
	from := likely(m, "conversation", m.organization().order, func(c *conversation) bool {
		return slices.ContainsFunc(c.org.order, func(other *conversation) bool { return same(other, c) })
	})
	into := likely(m, "conversation", m.organization().order, func(c *conversation) bool { return same(from, c) })
	_, err := by.client.MergeConversation(background, from.id, api.ConversationMerge{Into: into.id})
	m.log("%s merges %s into %s: %v", by, from.id, into.id, err)
	switch {
	case !by.sees(from):
		m.refused(err, 404, "%s merges %s", by, from.id)
	case !by.sees(into), from == into, from.contact == nil || into.contact == nil, from.contact != into.contact, !into.channel.shows(from.channel):
		m.refused(err, 422, "%s merges %s into %s", by, from.id, into.id)
	default:
		m.ok(err, "%s merges %s into %s", by, from.id, into.id)
		from.become(into)
	}
}

// become makes a conversation a part of another: its items come after the other's, with their times; of what both have, the
// other's stays; work that is to be done on either is to be done on the two.
func (c *conversation) become(into *conversation) {
	o, base := c.org, len(into.timeline)
	for _, msg := range o.messages {
		if msg.in == c {
			msg.in = into
		}
	}
	for _, msg := range c.timeline {
		msg.number += base
	}
	into.timeline = append(into.timeline, c.timeline...)
	if into.marks == nil {
		into.marks = map[string]int{}
	}
	for user, through := range c.marks { // who had read all of the other has read what it had read of this one
		if into.marks[user] == base {
			into.marks[user] = base + through
		}
	}
	into.labeled = into.labeled || c.labeled
	into.priority = max(into.priority, c.priority)
	if into.assigned == nil {
		into.assigned = c.assigned
	}
	if c.status == api.ConversationOpen || c.status == api.ConversationSnoozed && into.status == api.ConversationClosed {
		into.status, into.until = c.status, time.Time{}
		if c.status == api.ConversationSnoozed {
			into.sleep(c.until)
		}
	}
	for key, of := range o.keyed {
		if of == c {
			o.keyed[key] = into
		}
	}
	for id, of := range o.merged {
		if of == c {
			o.merged[id] = into
		}
	}
	o.merged[c.id], c.into = into, into
	o.mergeAnswers(c, into)
	for _, d := range o.drafts {
		if d.in == c {
			d.in = into
		}
	}
	delete(o.conversations, c.id)
	o.order = slices.DeleteFunc(o.order, func(other *conversation) bool { return other == c })
	o.tell(api.EventConversationMerged, c.id, func(p *principal) bool { return p.sees(into.became()) })
}

// move brings a message to another conversation. A numbered tombstone stays in its place.
func (m *machine) move() {
	by := m.principal()
	msg := likely(m, "message", m.organization().all, func(msg *message) bool {
		return msg.in.contact != nil && msg.number > 0 && !msg.removed && by.sees(msg.in)
	})
	into := likely(m, "conversation", m.organization().order, func(c *conversation) bool { return c.contact != nil && by.sees(c) })
	from := msg.in
	_, err := by.client.MoveMessage(background, msg.id, api.MessageMove{Conversation: into.id})
	m.log("%s moves %s to %s: %v", by, msg.id, into.id, err)
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s moves %s", by, msg.id)
	case !by.sees(into):
		m.refused(err, 422, "%s moves %s to %s", by, msg.id, into.id)
	case from == into:
		m.ok(err, "%s moves %s to where it is", by, msg.id)
	case from.members != nil || into.members != nil:
		m.refused(err, 422, "%s moves %s to %s", by, msg.id, into.id)
	case msg.number == 0 || msg.removed:
		m.refused(err, 409, "%s moves %s to %s", by, msg.id, into.id)
	case !into.channel.shows(from.channel):
		m.refused(err, 422, "%s moves %s to %s", by, msg.id, into.id)
	case msg.waits:
		m.refused(err, 409, "%s moves %s, which waits", by, msg.id)
	case from.org.holds(msg):
		m.refused(err, 409, "%s moves %s, which is held", by, msg.id)
	default:
		m.ok(err, "%s moves %s to %s", by, msg.id, into.id)
		m.moved(msg, into)
	}
}

func (m *machine) moved(msg *message, into *conversation) {
	from := msg.in
	left := &message{in: from, number: msg.number, at: msg.at, author: msg.author, moved: true, removed: true, why: api.RemovedMoved}
	got, err := from.org.admin.client.ListConversationMessages(background, from.id, api.Page{Limit: 100})
	m.ok(err, "the items of %s", from.id)
	for _, g := range got.Data {
		if g.Sequence == int64(msg.number) {
			left.id = g.ID
		}
	}
	from.org.messages[left.id] = left
	from.org.tell(api.EventMessageRemoved, left.id, func(p *principal) bool { return p.seesMessage(left) })
	from.timeline[msg.number-1] = left
	msg.in, msg.number = into, len(into.timeline)+1
	into.timeline = append(into.timeline, msg)
	from.org.tell(api.EventMessageMoved, msg.id, func(p *principal) bool { return p.seesMessage(msg) })
}
