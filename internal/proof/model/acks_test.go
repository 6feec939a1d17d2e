package model

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// acked is the word by which somebody outside acknowledges.
const acked = "ack"

// asks has a request ask to be acknowledged, now and then, where the sequence is about that.
func (m *machine) asks(request *api.SendRequest) {
	if m.acknowledging && !request.Internal && rapid.Bool().Draw(m.rapid, "asks") {
		request.RequestAck, request.AckWithin = true, one(m, "within", []int64{0, 600})
	}
}

// asksFor reports whether a message, or what it is a copy of, asks to be acknowledged. Of what escalates something else counts.
func (m *message) asksFor() bool {
	return m.sent != nil && m.sent.request.RequestAck && !m.sent.request.Escalate && !m.note
}

// acknowledgedBy notes who has, once: a user, or a contact.
func (m *message) acknowledgedBy(who any) {
	if !m.has(who) {
		m.acks = append(m.acks, who)
	}
}

func (m *message) has(who any) bool {
	return slices.ContainsFunc(m.acks, func(has any) bool { return alike(has, who) })
}

// alike compares users, and contacts as what they became.
func alike(a, b any) bool {
	if x, is := a.(*contact); is {
		y, both := b.(*contact)
		return both && x.became() == y.became()
	}
	return a == b
}

// acknowledged counts who has and who has not.
func (m *message) acknowledged() (have, pending int) {
	for i, who := range m.acks {
		if !slices.ContainsFunc(m.acks[:i], func(other any) bool { return alike(other, who) }) {
			have++
		}
	}
	_, c := m.state()
	return have, max(0, c.Queued+c.Sent+c.Delivered+c.Read+c.Failed+c.Skipped+c.Canceled-have)
}

// isDue has those be told of a message that see it, when somebody has not acknowledged it in time.
func (m *message) isDue() {
	if !m.asksFor() || m.sent.request.AckWithin == 0 || m.spreads {
		return
	}
	o := m.in.org
	o.at(o.now.Add(time.Duration(m.sent.request.AckWithin)*time.Second), func() {
		if _, pending := m.acknowledged(); !m.removed && pending > 0 {
			o.tell(api.EventMessageUnanswered, m.id, func(p *principal) bool { return p.seesMessage(m) })
		}
	})
}

// acknowledge says of a message that somebody has taken note of it.
func (m *machine) acknowledge() {
	by := m.principal()
	msg := m.message(by)
	if msg.escalation != nil || msg.sent != nil && msg.sent.request.Escalate || msg.in.kind == api.ConversationGroup && msg.copied {
		m.rapid.Skip("of an escalation")
	}
	err := by.client.Acknowledge(background, msg.id)
	m.log("%s acknowledges %s: %v", by, msg.id, err)
	part := msg.in.members[by.user]
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s acknowledges %s", by, msg.id)
	case msg.inbound || msg.note && msg.author != by:
		m.ok(err, "%s acknowledges %s", by, msg.id)
	case part == nil || msg.number == 0 || msg.author == by || !part.receives(msg.number):
		m.refused(err, 403, "%s acknowledges %s", by, msg.id)
	default:
		m.ok(err, "%s acknowledges %s", by, msg.id)
		msg.acknowledgedBy(by)
	}
}

// acks has a word from outside acknowledge the last message of the conversation that asked for it, went to whoever says it, and
// that they have not acknowledged.
func (c *conversation) acks(who *contact) {
	for _, msg := range slices.Backward(c.timeline) {
		if msg.asksFor() && msg.contact != nil && msg.contact.became() == who && !msg.has(who) {
			if !msg.waits && msg.ends != api.Skipped && msg.ends != api.Canceled {
				msg.acknowledgedBy(who)
				return
			}
		}
	}
}

// checkAcks compares how many have acknowledged a message.
func (m *machine) checkAcks(by *principal, msg *message, got *api.Message) {
	m.rapid.Helper()
	if !msg.asksFor() || msg.number == 0 || msg.spreads || msg.moved {
		return
	}
	if have, pending := msg.acknowledged(); got.Acks == nil || got.Acks.Acknowledged != have || got.Acks.Pending != pending {
		m.fail("to %s message %s is acknowledged by %+v, not by %d of %d", by, msg.id, got.Acks, have, have+pending)
	}
}
