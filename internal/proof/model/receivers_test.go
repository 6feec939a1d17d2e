package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
)

// receiver is one of several who get a message by e-mail.
type receiver struct {
	contact *contact
	address string
	role    api.ReceiverRole
	ends    api.Status
}

// mailTo is the conversation with exactly some addresses.
func mailTo(addresses ...string) string {
	slices.Sort(addresses)
	return "mail " + strings.Join(addresses, " ")
}

// toSeveral sends one message to some contacts by e-mail, with copies and blind copies.
func (m *machine) toSeveral() {
	by, of := m.principal(), m.organization()
	var to []receiver
	var open []string
	wrong := of != by.org
	for range one(m, "how many", []int{1, 2, 2, 3}) {
		c := one(m, "contact", of.contacts).became()
		r := receiver{contact: c, address: c.mails[0], role: one(m, "role", []api.ReceiverRole{api.ReceiverTo, api.ReceiverTo, api.ReceiverCC, api.ReceiverBCC})}
		wrong = wrong || c.out || slices.ContainsFunc(to, func(other receiver) bool { return other.contact == c })
		if to = append(to, r); r.role != api.ReceiverBCC {
			open = append(open, r.address)
		}
	}
	request := api.SendRequest{}
	for _, r := range to {
		request.To.Receivers = append(request.To.Receivers, api.Receiver{Contact: r.contact.id, Role: r.role, Channel: of.mail.id})
	}
	if wrong || !slices.ContainsFunc(to, func(r receiver) bool { return r.role == api.ReceiverTo }) {
		m.ask(by, request, 422)
		return
	}
	if of.noneLeft(to) {
		m.ask(by, request, 429)
		return
	}
	msg, got := m.ask(by, request, 0)
	of.mailed(msg, to)
	m.into(of, mailTo(open...), msg, got, api.ConversationExternal)
	msg.in.mail(of.mail, to)
}

// mail says with whom a conversation is that was begun by e-mail: not with who got a blind copy.
func (c *conversation) mail(ch *channel, to []receiver) {
	if c.channel != nil {
		return
	}
	c.channel = ch
	for _, r := range to {
		if r.role != api.ReceiverBCC {
			c.several = append(c.several, receiver{contact: r.contact, address: r.address, role: api.ReceiverTo})
		}
	}
	if len(c.several) == 1 {
		c.contact, c.number, c.several = c.several[0].contact, c.several[0].address, nil
	}
}

// mailed is what becomes of a message to several: in quiet hours it waits for all of them.
func (o *organization) mailed(msg *message, to []receiver) {
	msg.receivers = slices.Clone(to)
	for i := range msg.receivers {
		msg.receivers[i].ends = ends(to[i].address)
	}
	o.takeAll(msg.receivers)
	if day := o.now.UTC().Truncate(24 * time.Hour); o.quiet && o.now.Sub(day) < 12*time.Hour {
		msg.waits = true
		o.at(day.Add(12*time.Hour), func() {
			for i := range msg.receivers {
				if r := &msg.receivers[i]; msg.waits && r.contact.became().out {
					r.ends = api.Skipped
				}
			}
			msg.waits = false
		})
	}
}

// out says that one of those with whom a conversation is wants no messages.
func (c *conversation) out() bool {
	return slices.ContainsFunc(c.several, func(r receiver) bool { return r.contact.became().out })
}

// with reports whether a contact takes part in a conversation, or got a message.
func with(c *contact) func(receiver) bool {
	return func(r receiver) bool { return r.contact.became() == c.became() }
}

// answerMail has one who got a message answer it: in its conversation, or, who got a blind copy, in one of their own.
func (m *machine) answerMail() {
	o := m.organization()
	var all []*message
	for _, msg := range o.all {
		if len(msg.receivers) > 0 && msg.number > 0 && msg.in.channel == o.mail {
			all = append(all, msg)
		}
	}
	msg := likely(m, "message", all, func(msg *message) bool { return len(msg.receivers) > 1 })
	r := one(m, "who", msg.receivers)
	if msg.moved || msg.in.into != nil || r.role != api.ReceiverBCC && !(slices.ContainsFunc(msg.in.several, func(in receiver) bool { return in.address == r.address }) || msg.in.number == r.address) {
		m.rapid.Skip("moved or merged")
	}
	m.number++
	l := letter{n: m.number, from: r.contact, number: r.address, ch: o.mail, text: fmt.Sprintf("text %d", m.number)}
	if slices.ContainsFunc(o.blocked, func(b *block) bool { return b.about(&l) }) {
		m.rapid.Skip("blocked")
	}
	got, err := o.admin.client.PlayInbound(background, api.SandboxInbound{From: "email:" + r.address, Channel: o.mail.id, ReplyTo: msg.id, Body: api.Text(l.text)})
	m.log("%s (%s) answers %s: %s", r.address, r.role, msg.id, outcome(got, err))
	m.ok(err, "%s answers %s", r.address, msg.id)
	into := msg.in
	if r.role == api.ReceiverBCC {
		into = nil
	}
	if m.arrives(o, l, got, into, false); into != nil {
		reply := o.messages[got.ID]
		if reply.root = msg; msg.root != nil {
			reply.root = msg.root
		}
		reply.root.answered = true
	}
}

// checkReceivers compares the deliveries of a message to several.
func (m *machine) checkReceivers(by *principal, msg *message) {
	m.rapid.Helper()
	if len(msg.receivers) == 0 || msg.moved {
		return
	}
	var got, want []string
	for _, d := range collect(m, "deliveries", func(p api.Page) (*api.List[api.Delivery], error) {
		return by.client.ListDeliveries(background, msg.id, p)
	}) {
		got = append(got, fmt.Sprint(d.Address, " ", d.Role, " ", d.Status))
	}
	for _, r := range msg.receivers {
		status := r.ends
		if msg.waits {
			status = api.Queued
		}
		want = append(want, fmt.Sprint("email:", r.address, " ", r.role, " ", status))
	}
	m.same(got, want, "%s is shown the deliveries of %s", by, msg.id)
}
