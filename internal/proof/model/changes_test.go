package model

import (
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// mayTakeBack: the author, and keys of the organization.
func (p *principal) mayTakeBack(m *message) bool { return m.author == p || !p.personal }

func (m *machine) cancel() {
	by := m.principal()
	msg := likely(m, "message", m.organization().all, func(msg *message) bool { return msg.scheduled && !msg.canceled && by.mayTakeBack(msg) })
	got, err := by.client.CancelMessage(background, msg.id)
	m.log("%s cancels %s: %v", by, msg.id, err)
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s cancels %s", by, msg.id)
	case !by.mayTakeBack(msg):
		m.refused(err, 403, "%s cancels %s", by, msg.id)
	case !msg.scheduled || msg.canceled || msg.removed:
		m.refused(err, 409, "%s cancels %s", by, msg.id)
	default:
		m.ok(err, "%s cancels %s", by, msg.id)
		msg.canceled = true
		msg.in.org.expires(msg, got.ExpiresAt.Time)
	}
}

func (m *machine) recall() {
	by := m.principal()
	msg := likely(m, "message", m.organization().all, func(msg *message) bool { return !msg.removed && by.mayTakeBack(msg) && by.seesMessage(msg) })
	_, err := by.client.RecallMessage(background, msg.id)
	m.log("%s takes %s back: %v", by, msg.id, err)
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s takes %s back", by, msg.id)
	case !by.mayTakeBack(msg):
		m.refused(err, 403, "%s takes %s back", by, msg.id)
	default:
		m.ok(err, "%s takes %s back", by, msg.id)
		msg.in.org.remove(msg, api.RemovedRecalled)
		msg.canceled = msg.scheduled
	}
}

// read marks a conversation as read, to its end.
func (m *machine) read() {
	by := m.principal()
	c := m.conversation(by)
	m.mark(by, c, len(c.timeline), by.client.ReadConversation(background, c.id, api.ReadMark{}))
}

func (m *machine) mark(by *principal, c *conversation, through int, err error) {
	m.rapid.Helper()
	m.log("%s reads %s through %d: %v", by, c.id, through, err)
	switch part := c.members[by.user]; {
	case !by.sees(c):
		m.refused(err, 404, "%s reads %s", by, c.id)
	case part == nil && c.members != nil:
		m.refused(err, 403, "%s reads %s", by, c.id)
	default:
		m.ok(err, "%s reads %s", by, c.id)
		if part != nil && part.left > 0 {
			through = min(through, part.left-1)
		}
		if part != nil {
			c.wasRead(by, part.read, through)
			part.read = max(part.read, through)
		} else {
			if c.marks == nil {
				c.marks = map[string]int{}
			}
			c.marks[by.user] = max(c.marks[by.user], through)
		}
	}
}

func (m *machine) readMessage() {
	by := m.principal()
	msg := m.message(by)
	err := by.client.MarkRead(background, msg.id)
	if !by.seesMessage(msg) {
		m.refused(err, 404, "%s reads message %s", by, msg.id)
		return
	}
	if msg.number == 0 {
		m.ok(err, "%s reads message %s, which has not been sent", by, msg.id)
		return
	}
	m.mark(by, msg.in, msg.number, err)
}

func (m *machine) haveMessage() {
	by := m.principal()
	msg := m.message(by)
	err := by.client.MarkDelivered(background, msg.id)
	m.log("%s has message %s: %v", by, msg.id, err)
	part := msg.in.members[by.user]
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s has message %s", by, msg.id)
	case msg.inbound || msg.note && msg.author != by:
		m.ok(err, "%s has message %s", by, msg.id) // it changes nothing
	case part == nil || msg.number == 0 || msg.author == by || !part.receives(msg.number):
		m.refused(err, 403, "%s has message %s", by, msg.id)
	default:
		m.ok(err, "%s has message %s", by, msg.id)
		if part.read < msg.number {
			part.delivered = max(part.delivered, msg.number)
		}
	}
}

// change says whether somebody may change a conversation, and fails where the server says otherwise.
func (m *machine) change(by *principal, c *conversation, err error, what string) bool {
	m.rapid.Helper()
	switch {
	case !by.sees(c):
		m.refused(err, 404, "%s %s %s", by, what, c.id)
	case !by.mayChange(c):
		m.refused(err, 403, "%s %s %s", by, what, c.id)
	default:
		return true
	}
	return false
}

func (m *machine) join() {
	by := m.principal()
	c := m.conversation(by)
	who := one(m, "user", m.organization().users)
	_, err := by.client.AddParticipant(background, c.id, api.NewParticipant{User: who.user})
	m.log("%s adds %s to %s: %v", by, who, c.id, err)
	switch {
	case !m.change(by, c, err, "adds somebody to"):
	case c.kind != api.ConversationGroup:
		m.refused(err, 409, "%s adds somebody to %s", by, c.id)
	case who.org != c.org || who.gone:
		m.refused(err, 422, "%s adds %s to %s", by, who, c.id)
	default:
		m.ok(err, "%s adds %s to %s", by, who, c.id)
		if !c.in(who) {
			c.name(who)
		}
		c.admit(who)
	}
}

func (m *machine) leave() {
	by := m.principal()
	c := m.conversation(by)
	who := one(m, "user", m.organization().users)
	err := by.client.RemoveParticipant(background, c.id, who.user)
	m.log("%s takes %s out of %s: %v", by, who, c.id, err)
	switch {
	case !m.change(by, c, err, "takes somebody out of"):
	case c.kind != api.ConversationGroup:
		m.refused(err, 409, "%s takes somebody out of %s", by, c.id)
	case c.members[who.user] == nil || c.members[who.user].left > 0:
		m.refused(err, 404, "%s takes %s out of %s", by, who, c.id)
	default:
		m.ok(err, "%s takes %s out of %s", by, who, c.id)
		c.part(who.user)
		delete(c.guests, who.user)
	}
}

func (m *machine) close() {
	by := m.principal()
	c := m.conversation(by)
	status := one(m, "status", []api.ConversationStatus{api.ConversationClosed, api.ConversationOpen, api.ConversationSnoozed})
	patch := api.ConversationPatch{Status: status}
	if status == api.ConversationSnoozed && rapid.Bool().Draw(m.rapid, "for a time") {
		patch.SnoozedUntil = api.NewTime(m.here.moment(m))
	}
	_, err := by.client.PatchConversation(background, c.id, patch)
	m.log("%s makes %s %s until %s: %v", by, c.id, status, patch.SnoozedUntil, err)
	if !m.change(by, c, err, "changes") {
		return
	}
	m.ok(err, "%s makes %s %s", by, c.id, status)
	c.status, c.until = status, time.Time{}
	if status == api.ConversationSnoozed {
		c.sleep(patch.SnoozedUntil.Time)
	}
}

// optOut has a contact want no messages, or want them again.
func (m *machine) optOut() {
	o := m.organization()
	c := one(m, "contact", o.contacts).became()
	c.out = !c.out
	_, err := o.admin.client.PatchContact(background, c.id, api.ContactPatch{OptedOut: &c.out})
	m.ok(err, "%s wants no messages: %v", c.id, c.out)
	m.log("%s wants no messages: %v", c.id, c.out)
}

// lock changes who may use a channel.
func (m *machine) lock() {
	o := m.organization()
	ch, who := one(m, "channel", o.channels), one(m, "member", o.users)
	if who.gone {
		m.rapid.Skip("deactivated")
	}
	ch.closed, ch.members = !ch.closed, []*principal{who}
	open, members := !ch.closed, []string{}
	if ch.closed {
		members = append(members, who.user)
	}
	_, err := o.admin.client.PatchChannel(background, ch.id, api.ChannelPatch{Open: &open, Members: &members})
	m.log("channel %s is open: %v, of %s: %v", ch.id, open, who, err)
	m.ok(err, "changing a channel")
}

// deactivate has a user gone, or come back. While it is gone its key is good for nothing.
func (m *machine) deactivate() {
	o := m.organization()
	u := one(m, "user", o.users)
	if u.serves() || len(o.away) > 0 {
		m.rapid.Skip("others count on it")
	}
	u.gone = !u.gone
	active := !u.gone
	_, err := o.admin.client.PatchUser(background, u.user, api.UserPatch{Active: &active})
	m.log("%s is active: %v: %v", u, active, err)
	m.ok(err, "changing a user")
	if u.gone {
		o.nobodyComes(u)
	}
	if _, err = u.client.ListMessages(background, api.MessageFilter{}); u.gone {
		m.refused(err, 401, "%s, deactivated, asks", u)
	} else {
		m.ok(err, "%s, back again, asks", u)
	}
}

// team has a user join the team, or leave it, and so its conversation.
func (m *machine) team() {
	o := m.organization()
	u, c := one(m, "user", o.users), o.keyed["team"]
	p := c.members[u.user]
	if p != nil && p.left == 0 {
		m.ok(o.admin.client.RemoveTeamMember(background, o.team, u.user), "%s leaves the team", u)
		m.log("%s leaves the team", u)
		c.part(u.user)
		return
	}
	_, err := o.admin.client.AddTeamMembers(background, o.team, api.TeamMembers{Users: []string{u.user}})
	m.log("%s joins the team: %v", u, err)
	if u.gone {
		m.refused(err, 422, "%s joins the team", u)
		return
	}
	m.ok(err, "%s joins the team", u)
	c.admit(u)
}
