package storetest

import (
	"context"
	"fmt"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// organization makes an organization.
func (w *world) organization() parley.ID {
	w.Helper()
	o := parley.Organization{ID: w.id(), Name: "An organization"}
	w.mu.Lock()
	w.organizations = append(w.organizations, o.ID)
	w.mu.Unlock()
	w.do(func(tx *store.Tx) error { return tx.InsertOrganization(&o) })
	return o.ID
}

// user makes a user without an account.
func (w *world) user(organization parley.ID) parley.ID {
	w.Helper()
	u := parley.User{ID: w.id(), Name: "A user", Active: true}
	w.do(func(tx *store.Tx) error { return tx.InsertUser(organization, &u) })
	return u.ID
}

// contact makes a contact with addresses.
func (w *world) contact(organization parley.ID, addresses ...parley.Address) parley.Contact {
	w.Helper()
	c := parley.Contact{ID: w.id(), Name: "A contact", Addresses: addresses}
	w.do(func(tx *store.Tx) error { return tx.InsertContact(organization, &c) })
	return c
}

// channel makes a channel for phones; edit may be nil.
func (w *world) channel(organization parley.ID, edit func(c *parley.Channel)) parley.Channel {
	w.Helper()
	c := parley.Channel{ID: w.id(), Name: "A channel", Connector: "sandbox", Platform: "sms", AddressKind: parley.AddressPhone,
		Settings: []byte("{}"), Thread: parley.ThreadContact, Open: true, Conversational: true, Concurrency: 4}
	if edit != nil {
		edit(&c)
	}
	w.do(func(tx *store.Tx) error { return tx.InsertChannel(organization, &c) })
	return c
}

func phone(value string) parley.Address {
	return parley.Address{Kind: parley.AddressPhone, Value: value}
}

// thread is a conversation with somebody outside, or among users where it has no channel.
type thread struct {
	w                                    *world
	organization, id, channel, recipient parley.ID
	address                              parley.Address
	users                                []parley.ID
}

// thread makes a conversation with a contact on a channel, both new.
func (w *world) thread(organization parley.ID) *thread {
	w.Helper()
	return w.threadOn(organization, w.channel(organization, nil).ID)
}

func (w *world) threadOn(organization, channel parley.ID) *thread {
	w.Helper()
	th := &thread{w: w, organization: organization, id: w.id(), channel: channel, address: phone(fmt.Sprintf("+49%d", w.ids.Add(1)))}
	th.recipient = w.contact(organization, th.address).ID
	w.do(func(tx *store.Tx) error {
		err := tx.InsertConversation(organization, &parley.Conversation{ID: th.id, Kind: parley.ConversationExternal, Channel: channel,
			Visibility: parley.VisibleToOrganization, Status: parley.StatusOpen, ThreadKey: "key " + string(th.id)})
		if err != nil {
			return err
		}
		return tx.AddParticipants(organization, th.id, []parley.Participant{{Kind: parley.ActorContact, ID: th.recipient, Name: "A contact",
			Address: th.address}})
	})
	return th
}

// room makes a conversation among n new users.
func (w *world) room(organization parley.ID, n int) *thread {
	w.Helper()
	th := &thread{w: w, organization: organization, id: w.id()}
	participants := make([]parley.Participant, n)
	for i := range participants {
		id := w.user(organization)
		th.users = append(th.users, id)
		participants[i] = parley.Participant{Kind: parley.ActorUser, ID: id, Name: "A user"}
	}
	w.do(func(tx *store.Tx) error {
		err := tx.InsertConversation(organization, &parley.Conversation{ID: th.id, Kind: parley.ConversationGroup,
			Visibility: parley.VisibleToMembers, Status: parley.StatusOpen})
		if err != nil {
			return err
		}
		return tx.AddParticipants(organization, th.id, participants)
	})
	return th
}

// message is a message as a sender prepares it who sees what is there now.
func (th *thread) message(text string) *store.Append {
	th.w.Helper()
	q := th.w.read()
	c, err := q.Conversation(th.organization, th.id)
	th.w.must(err)
	a := &store.Append{Organization: th.organization, ConversationRev: c.Rev, Contact: th.recipient, Message: parley.Message{
		ID: th.w.id(), Conversation: th.id, Kind: parley.KindMessage, Direction: parley.NoDirection, Priority: parley.PriorityNormal,
		Author: parley.Actor{Kind: parley.ActorUser, ID: "someone", Name: "Someone"}, Channel: th.channel,
		Body: []parley.Part{{Kind: parley.PartText, Text: text}}}}
	a.Message.Actor = a.Message.Author
	a.Events = []parley.Event{{Type: parley.EventMessageCreated, Conversation: th.id, Message: a.Message.ID}}
	if th.channel == "" {
		return a
	}
	contact, err := q.Contact(th.organization, th.recipient)
	th.w.must(err)
	channel, err := q.Channel(th.organization, th.channel)
	th.w.must(err)
	a.ContactRev, a.ChannelRev, a.Message.Direction, a.Message.Platform = contact.Rev, channel.Rev, parley.Outbound, channel.Platform
	th.deliver(a)
	return a
}

// deliver adds a delivery to the contact, and its job.
func (th *thread) deliver(a *store.Append) {
	number := len(a.Deliveries) + 1
	a.Deliveries = append(a.Deliveries, parley.Delivery{Number: number, Channel: th.channel, State: parley.Queued,
		Recipient: parley.Actor{Kind: parley.ActorContact, ID: th.recipient, Name: "A contact"}, Address: th.address})
	a.Jobs = append(a.Jobs, store.Job{Organization: th.organization, Kind: store.JobDeliver, Channel: th.channel,
		Priority: a.Message.Priority.Rank(), Message: a.Message.ID, Delivery: number})
}

func (w *world) append(a *store.Append) error { return w.Append(context.Background(), a) }

// say appends a message.
func (th *thread) say(text string) *store.Append {
	th.w.Helper()
	a := th.message(text)
	th.w.must(th.w.append(a))
	return a
}

// contents are the texts of a conversation with their sequences, oldest first.
func (th *thread) contents() (list []string) {
	th.w.Helper()
	messages, err := th.w.read().ThreadAfter(th.organization, th.id, store.ThreadPosition{Sequence: -1}, 100_000)
	th.w.must(err)
	for _, m := range messages {
		list = append(list, fmt.Sprintf("%d %s", m.Sequence, m.Body[0].Text))
	}
	return list
}

// count is how many messages a conversation has; it checks that their sequences have no gap.
func (th *thread) count() int {
	th.w.Helper()
	messages, err := th.w.read().ThreadAfter(th.organization, th.id, store.ThreadPosition{Sequence: -1}, 100_000)
	th.w.must(err)
	seen := map[int64]bool{}
	for _, m := range messages {
		if seen[m.Sequence] || m.Sequence < 1 || m.Sequence > int64(len(messages)) {
			th.w.Errorf("of %d messages one has the sequence %d", len(messages), m.Sequence)
		}
		seen[m.Sequence] = true
	}
	c, err := th.w.read().Conversation(th.organization, th.id)
	th.w.must(err)
	if c.LastSequence != int64(len(messages)) {
		th.w.Errorf("of %d messages the last sequence is %d", len(messages), c.LastSequence)
	}
	return len(messages)
}

// log returns the events of an organization, and checks that their sequences have no gap.
func (w *world) log(organization parley.ID) []parley.Event {
	w.Helper()
	r, err := w.read().LogRange(organization)
	w.must(err)
	list, err := w.read().Events(organization, 0, 100_000)
	w.must(err)
	for i, e := range list {
		if e.Sequence != r.Oldest+int64(i) {
			w.Fatalf("event %d has the sequence %d", i, e.Sequence)
		}
	}
	if r.Latest != r.Oldest+int64(len(list))-1 {
		w.Fatalf("%d events, and the log is %+v", len(list), r)
	}
	return list
}

// subjects are what the events of an organization are about.
func (w *world) subjects(organization parley.ID) []parley.ID {
	w.Helper()
	var list []parley.ID
	for _, e := range w.log(organization) {
		list = append(list, e.Subject)
	}
	return list
}

// note is a unit that makes a contact and tells of it.
func (w *world) note(organization, id parley.ID) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		tx.Emit(organization, parley.Event{Type: parley.EventContactCreated, Subject: id})
		return tx.InsertContact(organization, &parley.Contact{ID: id, Name: string(id)})
	}
}

// noted returns the contacts that there are, and checks that each was told of once.
func (w *world) noted(organization parley.ID) []parley.ID {
	w.Helper()
	list, _, err := w.read().Contacts(organization, store.ContactFilter{}, "", 2000)
	w.must(err)
	told := map[parley.ID]int{}
	for _, id := range w.subjects(organization) {
		told[id]++
	}
	var ids []parley.ID
	for _, c := range list {
		ids = append(ids, c.ID)
		if told[c.ID] != 1 {
			w.Errorf("%s was told of %d times", c.ID, told[c.ID])
		}
	}
	if len(told) != len(ids) {
		w.Errorf("%d contacts, and %d were told of", len(ids), len(told))
	}
	return ids
}
