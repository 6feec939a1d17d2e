package model

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// list is a broadcast list.
type list struct {
	id       string
	users    []*principal
	contacts []*contact // as they were added
	filter   bool       // all contacts are on it
}

// makeList makes a list, of members or of all contacts.
func (m *machine) makeList() {
	o := m.organization()
	if len(o.lists) == 2 {
		m.rapid.Skip("lists enough")
	}
	l, request := &list{filter: rapid.Bool().Draw(m.rapid, "with a filter")}, api.BroadcastRequest{Name: "list"}
	if saved := true; l.filter {
		request.Filter = &api.ContactSelection{Saved: &saved}
	}
	got, err := o.admin.client.CreateBroadcast(background, request)
	m.log("a list of %s, of all contacts: %v: %v", o.name, l.filter, err)
	m.ok(err, "making a list")
	l.id = got.ID
	o.lists = append(o.lists, l)
}

// list of either organization; skips the step where there is none.
func (m *machine) list() *list {
	lists := m.organization().lists
	if len(lists) == 0 {
		m.rapid.Skip("no list yet")
	}
	return one(m, "list", lists)
}

// changeList puts somebody on a list, or takes somebody off.
func (m *machine) changeList() {
	o, l := m.organization(), m.list()
	if l.filter || !slices.Contains(o.lists, l) {
		m.rapid.Skip("who is on it is not said")
	}
	u, c := one(m, "user", o.users), one(m, "contact", o.contacts)
	if one(m, "what", []string{"add", "add", "remove"}) == "remove" {
		who, on := c.became().id, l.has(c)
		if rapid.Bool().Draw(m.rapid, "a user") {
			who, on = u.user, slices.Contains(l.users, u)
		}
		err := o.admin.client.RemoveBroadcastMember(background, l.id, who)
		m.log("%s is taken off the list %s: %v", who, l.id, err)
		if !on {
			m.refused(err, 404, "taking %s off the list %s", who, l.id)
			return
		}
		m.ok(err, "taking %s off the list %s", who, l.id)
		l.users = slices.DeleteFunc(l.users, func(on *principal) bool { return on.user == who })
		l.contacts = slices.DeleteFunc(l.contacts, func(on *contact) bool { return on.became().id == who })
		return
	}
	_, err := o.admin.client.AddBroadcastMembers(background, l.id, api.BroadcastMembers{Users: []string{u.user}, Contacts: []string{c.id}})
	m.log("%s and %s are put on the list %s: %v", u, c.id, l.id, err)
	if u.gone {
		m.refused(err, 422, "putting %s on a list", u)
		return
	}
	m.ok(err, "putting %s and %s on a list", u, c.id)
	if !slices.Contains(l.users, u) {
		l.users = append(l.users, u)
	}
	l.contacts = append(l.contacts, c)
}

func (l *list) has(c *contact) bool {
	return slices.ContainsFunc(l.contacts, func(on *contact) bool { return on.became() == c.became() })
}

func (m *machine) toList() {
	by, l := m.principal(), m.list()
	request := api.SendRequest{To: api.Recipient{Broadcast: l.id}}
	if m.classes {
		request.Class = one(m, "class", []api.MessageClass{"", "marketing"})
	}
	if !slices.Contains(by.org.lists, l) {
		m.ask(by, request, 422)
		return
	}
	msg, got := m.ask(by, request, 0)
	m.into(by.org, "list "+l.id+" "+by.user, msg, got, api.ConversationBroadcast, by)
	msg.in.list = l
	m.spread(msg)
}

// spread puts a copy of a message to a list into the conversation of its author with each who is on it and can be written to.
func (m *machine) spread(msg *message) {
	m.rapid.Helper()
	l, by, o := msg.in.list, msg.author, msg.in.org
	if l == nil {
		return
	}
	msg.spreads = true
	clock, err := o.admin.client.AdvanceClock(background, 0) // until all copies are there
	if m.ok(err, "waiting for the copies of %s", msg.id); clock.Waiting > 0 {
		m.fail("%d wait", clock.Waiting)
	}
	got := collect(m, "copies", func(p api.Page) (*api.List[api.Message], error) {
		return o.admin.client.ListMessages(background, api.MessageFilter{Page: p, Parent: msg.id})
	})
	ch := o.channels[0] // the default one
	for _, c := range o.contactsOn(l) {
		if number := c.numbers[0]; !c.out && by.uses(ch) && !o.suppresses(number, msg.sent.request.Class, ch) {
			copied := m.copy(msg, &got, about(number, ch), api.ConversationExternal, c.id)
			if copied.in.channel == nil {
				copied.in.contact, copied.in.number, copied.in.channel = c, number, ch
			}
			copied.contact = c
			o.goesOut(copied, number, ch)
		}
	}
	for _, u := range slices.SortedFunc(slices.Values(l.users), func(a, b *principal) int { return cmp.Compare(a.user, b.user) }) {
		if u != by && !u.gone {
			m.copy(msg, &got, pair(by, u), api.ConversationDirect, u.user, by, u)
		}
	}
	if len(got) > 0 {
		m.fail("message %s has %d copies more, one in %s", msg.id, len(got), got[0].ConversationID)
	}
}

// contactsOn are the contacts on a list, each once, by their ids.
func (o *organization) contactsOn(l *list) (all []*contact) {
	for _, c := range o.contacts {
		if c = c.became(); (l.filter || l.has(c)) && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *contact) int { return cmp.Compare(a.id, b.id) })
	return all
}

// copy takes the copy out of those that there are which is in the conversation about something, or in a new one with somebody.
func (m *machine) copy(msg *message, got *[]api.Message, about string, kind api.ConversationKind, with string, members ...*principal) *message {
	m.rapid.Helper()
	o := msg.in.org
	c := o.keyed[about]
	at := slices.IndexFunc(*got, func(g api.Message) bool {
		if c != nil {
			return g.ConversationID == c.id
		}
		return o.conversations[g.ConversationID] == nil && slices.ContainsFunc(must(o.admin.client.GetConversation(background, g.ConversationID)).Participants, func(p api.Participant) bool { return p.ID == with })
	})
	if at < 0 {
		m.fail("message %s has no copy for %s", msg.id, with)
	}
	g := (*got)[at]
	*got = slices.Delete(*got, at, at+1)
	copied := &message{id: g.ID, author: msg.author, text: msg.text, sent: msg.sent, copied: true}
	m.into(o, about, copied, &g, kind, members...)
	msg.copies = append(msg.copies, copied)
	return copied
}

// reached is the state of a message to a list and the counts of its copies' recipients.
func (m *message) reached() (api.Status, api.Counts) {
	var all api.Counts
	for _, copied := range m.copies {
		_, c := copied.state()
		all = api.Counts{Queued: all.Queued + c.Queued, Sent: all.Sent + c.Sent, Delivered: all.Delivered + c.Delivered, Read: all.Read + c.Read,
			Failed: all.Failed + c.Failed, Skipped: all.Skipped + c.Skipped, Canceled: all.Canceled + c.Canceled}
	}
	return overall(all), all
}

// overall is the state of a message with such counts.
func overall(c api.Counts) api.Status {
	for _, of := range []struct {
		n      int
		status api.Status
	}{{c.Queued, api.Queued}, {c.Sent, api.Sent}, {c.Delivered, api.Delivered}, {c.Read, api.Read}, {c.Failed, api.Failed}, {c.Skipped, api.Skipped}, {c.Canceled, api.Canceled}} {
		if of.n > 0 {
			return of.status
		}
	}
	return api.Sent
}
