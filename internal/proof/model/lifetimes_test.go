package model

import (
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

// shortLived gives a request a life of its content, now and then, where the sequence is about that.
func (m *machine) shortLived(request *api.SendRequest) {
	if !m.lifetimes || request.TTL != 0 {
		return
	}
	request.TTL = one(m, "ttl", []int64{0, 0, 300, 5000, 100_000})
	request.DeleteOnRead = request.To.User != "" && one(m, "delete on read", []int{0, 0, 1}) == 1
}

// remove has the content of a message go; a legal hold keeps it.
func (o *organization) remove(msg *message, why api.Removal) {
	if msg.removed {
		return
	}
	msg.removed, msg.why, msg.kept = true, why, o.holds(msg)
	o.facts = append(o.facts, fact{string(api.EventMessageRemoved) + " ", msg, func(p *principal) bool { return p.seesMessage(msg) }})
	if why == api.RemovedRecalled || why == api.RemovedRedacted {
		for _, copied := range msg.copies {
			o.remove(copied, why)
			o.moving = true // it is done in the background
		}
	}
	if msg.waits {
		msg.waits, msg.ends = false, api.Canceled
	}
	if msg.escalation != nil {
		msg.escalation.gone(why)
	}
}

// live starts the life of a message's content, as it enters its conversation.
func (o *organization) live(msg *message) {
	if msg.sent == nil || msg.sent.request.TTL == 0 {
		return
	}
	if msg.ttl == 0 {
		msg.ttl = time.Duration(msg.sent.request.TTL) * time.Second
	}
	msg.ttl = msg.in.lives(msg.ttl)
	o.at(o.now.Add(msg.ttl), func() { o.remove(msg, api.RemovedExpired) })
}

// expires has the content of a message that was never sent go when the server says.
func (o *organization) expires(msg *message, at time.Time) {
	if !at.IsZero() {
		o.at(at, func() { o.remove(msg, api.RemovedExpired) })
		o.moving = true
	}
}

// wasRead: what somebody has read up to a number is gone a minute later, where it is to be deleted on read. Such messages are
// between two.
func (c *conversation) wasRead(by *principal, before, through int) {
	for _, msg := range c.timeline {
		if msg.number > before && msg.number <= through && msg.author != by && msg.sent != nil && msg.sent.request.DeleteOnRead {
			c.org.at(c.org.now.Add(time.Minute), func() { c.org.remove(msg, api.RemovedOnRead) })
		}
	}
}

// hold is a legal hold.
type hold struct {
	id      string
	request api.HoldSubject
	about   func(msg *message) bool
}

// holds reports whether a legal hold is about a message.
func (o *organization) holds(msg *message) bool {
	return slices.ContainsFunc(o.held, func(h *hold) bool { return h.about(msg) })
}

// wroteOrGot: a user's part in a message.
func (p *principal) wroteOrGot(msg *message) bool {
	return msg.author == p || msg.in.members[p.user] != nil // the whole of a conversation that it takes or took part in
}

func (m *machine) placeHold() {
	o := m.organization()
	h := &hold{}
	switch one(m, "on", []string{"conversation", "contact", "user", "organization"}) {
	case "conversation":
		c := m.conversation(o.admin)
		if c.org != o {
			m.rapid.Skip("another organization's")
		}
		h.request = api.HoldSubject{Kind: "conversation", ID: c.id}
		h.about = func(msg *message) bool { return msg.in == c.became() }
	case "contact":
		c := one(m, "contact", o.contacts)
		h.request = api.HoldSubject{Kind: "contact", ID: c.id}
		h.about = func(msg *message) bool {
			return msg.in.contact != nil && msg.in.contact == c.became() || msg.contact != nil && msg.contact.became() == c.became()
		}
	case "user":
		u := one(m, "user", o.users)
		h.request = api.HoldSubject{Kind: "user", ID: u.user}
		h.about = u.wroteOrGot
	default:
		h.request = api.HoldSubject{Kind: "organization"}
		h.about = func(*message) bool { return true }
	}
	got, err := o.admin.client.PlaceHold(background, api.HoldRequest{Subject: h.request, Reason: "Case 7"})
	m.log("a hold on %s: %v", text(h.request), err)
	m.ok(err, "a hold on %s", text(h.request))
	h.id = got.ID
	o.held = append(o.held, h)
	o.moving = true
}

func (m *machine) liftHold() {
	o := m.organization()
	if len(o.held) == 0 {
		m.rapid.Skip("no hold")
	}
	h := one(m, "hold", o.held)
	_, err := o.admin.client.LiftHold(background, h.id, api.HoldLift{})
	m.log("the hold on %s is lifted: %v", text(h.request), err)
	m.ok(err, "lifting the hold on %s", text(h.request))
	o.held = slices.DeleteFunc(o.held, func(other *hold) bool { return other == h })
	for _, msg := range o.messages {
		msg.kept = msg.kept && o.holds(msg)
	}
	o.moving = true
}

// checkHeld: what only holds keep is listed, and read as it was.
func (m *machine) checkHeld(o *organization) {
	got := map[string]bool{}
	for _, h := range collect(m, "what is held", func(p api.Page) (*api.List[api.Held], error) {
		return o.admin.client.ListHeld(background, api.HeldFilter{Page: p})
	}) {
		msg := o.messages[h.ID]
		if msg == nil || !msg.kept || got[h.ID] || h.Reason != msg.why || h.Conversation != msg.in.id {
			m.fail("held is said to be %+v; kept %v, %v", h, msg != nil && msg.kept, msg)
		}
		got[h.ID] = true
		content, err := o.admin.client.ReadHeld(background, h.ID)
		m.ok(err, "reading %s", h.ID)
		if content.Message == nil || content.Message.Text != msg.text && msg.notice == "" {
			m.fail("of %s is held %+v, not %q", h.ID, content.Message, msg.text)
		}
	}
	for _, msg := range o.messages {
		if msg.kept && !got[msg.id] {
			m.fail("message %s (%s) is not held any more", msg.id, msg.why)
		}
	}
}
