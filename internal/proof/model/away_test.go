package model

import (
	"fmt"
	"slices"

	"github.com/parley-server/parley/api"
)

// away is that somebody does not want to be disturbed.
type away struct {
	to   *principal               // who gets meanwhile what is written to them directly
	told map[*conversation]string // what whoever wrote there was told last: who has it instead
}

// disturb has a user not want to be disturbed, or forward to somebody else.
func (m *machine) disturb() {
	o := m.organization()
	u, to := one(m, "user", o.users), one(m, "to", append([]*principal{nil}, o.users...))
	if u == to || u.gone || to != nil && to.gone {
		m.rapid.Skip("not said")
	}
	request := api.DoNotDisturbRequest{Text: "away"}
	if to != nil {
		request.ForwardTo = &api.ForwardTarget{User: to.user}
	}
	_, err := o.admin.client.SetDoNotDisturb(background, u.user, request)
	m.log("%s does not want to be disturbed, and forwards to %v: %v", u, to, err)
	m.ok(err, "%s does not want to be disturbed", u)
	if was := o.away[u]; was == nil {
		o.away[u] = &away{to: to, told: map[*conversation]string{}}
	} else {
		was.to = to
	}
	o.moving = true
}

func (m *machine) back() {
	o := m.organization()
	u := one(m, "user", o.users)
	err := o.admin.client.ClearDoNotDisturb(background, u.user)
	m.log("%s may be disturbed: %v", u, err)
	m.ok(err, "%s may be disturbed", u)
	delete(o.away, u)
	o.moving = true
}

// passOn has what is written to somebody directly who is away go on from one to the next, as a copy in the conversation of its
// author with each; and its author is told, once.
func (o *organization) passOn(msg *message) {
	c := msg.in
	if c.members[msg.author.user] == nil { // somebody else's, for both
		return
	}
	var to *principal
	for user := range c.members {
		if user != msg.author.user {
			to = o.principals[slices.IndexFunc(o.principals, func(p *principal) bool { return p.user == user })]
		}
	}
	first := o.away[to]
	if first == nil {
		return
	}
	reason, has := "", []*principal{to}
	for next := first.to; next != nil; {
		if next == msg.author || slices.Contains(has, next) {
			reason = map[bool]string{true: "sender", false: "cycle"}[next == msg.author]
			break
		}
		has = append(has, next)
		o.copyTo(msg, next)
		on := o.away[next]
		if on == nil {
			break
		}
		next = on.to
	}
	if tells := fmt.Sprint(has, reason); first.told[c] != tells {
		first.told[c] = tells
		notice := &message{in: c, author: to, notice: string(api.NoticeAway), reason: reason}
		c.enter(notice)
		if msg.ttl > 0 { // it lives no longer than what it is about
			o.at(o.now.Add(msg.ttl), func() { o.remove(notice, api.RemovedExpired) })
		}
	}
}

// copyTo puts a copy into the conversation of a message's author with somebody.
func (o *organization) copyTo(msg *message, to *principal) {
	about := pair(msg.author, to)
	list := must(o.admin.client.ListMessages(background, api.MessageFilter{Parent: msg.id}))
	c := o.keyed[about]
	at := slices.IndexFunc(list.Data, func(g api.Message) bool {
		if c == nil {
			return o.conversations[g.ConversationID] == nil && slices.ContainsFunc(must(o.admin.client.GetConversation(background, g.ConversationID)).Participants, func(p api.Participant) bool { return p.ID == to.user })
		}
		return g.ConversationID == c.id
	})
	if at < 0 {
		panic("message " + msg.id + " has no copy for " + to.String())
	}
	if c == nil {
		c = o.begin(list.Data[at].ConversationID, api.ConversationDirect, msg.author, to)
		o.keyed[about] = c
	}
	copied := &message{id: list.Data[at].ID, in: c, author: msg.author, text: msg.text, sent: msg.sent, copied: true}
	msg.copies = append(msg.copies, copied)
	c.enter(copied)
}
