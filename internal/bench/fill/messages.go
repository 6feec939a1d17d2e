package fill

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// thread is a conversation that stored messages go to.
type thread struct {
	conversation parley.ID
	channel      *parley.Channel   // nil between members
	contact      *parley.Contact   // of an external one
	members      []parley.User     // of one between members
	answers      bool              // every other message is the contact's
	label        func(i int) label // of its messages; nil: none
	count        int
}

// label is what distinguishes a message in a search.
type label struct {
	reference string
	tags      []string
}

// conversations makes conversations with their participants.
func (b *builder) conversations(t *tenant, list []*parley.Conversation, participants func(i int) []parley.Participant) error {
	organization := t.principal.Organization
	for from := 0; from < len(list); from += perUnit {
		through := min(from+perUnit, len(list))
		err := b.store.Write(b.ctx, organization, func(tx *store.Tx) error {
			for i := from; i < through; i++ {
				c := list[i]
				c.ID = parley.NewID(tx.Now)
				if c.Status == "" {
					c.Status = parley.StatusOpen
				}
				if err := tx.InsertConversation(organization, c); err != nil {
					return err
				}
				if err := tx.AddParticipants(organization, c.ID, participants(i)); err != nil {
					return err
				}
				tx.Emit(organization, parley.Event{Type: parley.EventConversationCreated, Conversation: c.ID})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// contactThreads makes the conversation of each contact on the default channel, as a first message would.
func (b *builder) contactThreads(t *tenant) ([]thread, error) {
	list := make([]*parley.Conversation, len(t.contacts))
	threads := make([]thread, len(t.contacts))
	for i := range list {
		list[i] = external(&t.channel, &t.contacts[i])
	}
	err := b.conversations(t, list, func(i int) []parley.Participant { return outside(&t.contacts[i]) })
	for i := range threads {
		threads[i] = thread{conversation: list[i].ID, channel: &t.channel, contact: &t.contacts[i]}
	}
	return threads, err
}

// external is a conversation of a channel and a contact, under the key by which a send finds it.
func external(ch *parley.Channel, contact *parley.Contact) *parley.Conversation {
	return &parley.Conversation{Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization, Channel: ch.ID, Inbox: true,
		ThreadKey: fmt.Sprintf("channel:%s:%s", ch.ID, contact.Addresses[0])}
}

func outside(contact *parley.Contact) []parley.Participant {
	return []parley.Participant{{Kind: parley.ActorContact, ID: contact.ID, Name: contact.Name, Address: contact.Addresses[0]}}
}

const (
	perBatch = 2500    // messages that one transaction stores
	saying   = 100_000 // messages after which it is said how far it is
)

// messages stores n messages, each where pick says, as they are once they were delivered and read.
func (b *builder) messages(n int, pick func(i int) (*tenant, *thread)) error {
	began := time.Now()
	for from := 0; from < n; from += perBatch {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		b.at(from, n)
		var batch stored
		for i := from; i < min(from+perBatch, n); i++ {
			t, thread := pick(i)
			batch.add(b, t, thread)
		}
		if err := b.store.WriteAcross(b.ctx, batch.organizations(), batch.write); err != nil {
			return err
		}
		if done := from + perBatch; done%saying == 0 {
			b.say("%d messages stored, %.0f a second", done, float64(done)/time.Since(began).Seconds())
		}
	}
	b.clock.set(b.start.Add(past))
	return nil
}

// stored is a transaction's worth of messages.
type stored struct {
	appends    []*store.Append
	deliveries []*store.Append // those of them that went out
	references []store.ProviderReference
}

// organizations are those of the messages, each once.
func (s *stored) organizations() []parley.ID {
	var list []parley.ID
	for _, a := range s.appends {
		if !slices.Contains(list, a.Organization) {
			list = append(list, a.Organization)
		}
	}
	return list
}

func (s *stored) add(b *builder, t *tenant, to *thread) {
	now := b.clock.now()
	m := parley.Message{ID: parley.NewID(now), Conversation: to.conversation, Kind: parley.KindMessage, Direction: parley.NoDirection,
		Priority: parley.PriorityNormal, Body: []parley.Part{{Kind: parley.PartText, Text: b.text()}}}
	m.Author = parley.Actor{Kind: parley.ActorUser, ID: t.key.User, Name: "Administration"}
	if to.label != nil {
		l := to.label(to.count)
		m.Reference, m.Tags = l.reference, l.tags
	}
	to.count++
	a := &store.Append{Organization: t.principal.Organization}
	switch {
	case to.channel == nil:
		author := to.members[b.random.IntN(len(to.members))]
		m.Author = parley.Actor{Kind: parley.ActorUser, ID: author.ID, Name: author.Name}
	case to.answers && to.count%2 == 0:
		m.Direction, m.Channel, m.Platform = parley.Inbound, to.channel.ID, to.channel.Platform
		m.Author = parley.Actor{Kind: parley.ActorContact, ID: to.contact.ID, Name: to.contact.Name}
		s.reference(a, &m, "inbound", 0, "in-"+string(m.ID))
	default:
		m.Direction, m.Channel, m.Platform = parley.Outbound, to.channel.ID, to.channel.Platform
		a.Deliveries = []parley.Delivery{{Number: 1, Recipient: parley.Actor{Kind: parley.ActorContact, ID: to.contact.ID, Name: to.contact.Name},
			Address: to.contact.Addresses[0], Channel: to.channel.ID, State: parley.Read}}
		s.reference(a, &m, "delivery", 1, fmt.Sprintf("sandbox-%s.1-1", m.ID))
		s.deliveries = append(s.deliveries, a)
	}
	m.Actor = m.Author
	a.Message = m
	data := parley.EventData{}
	if m.Author.Kind == parley.ActorUser {
		data.Actor = m.Author.ID
	}
	a.Events = []parley.Event{{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: m.ID, Data: data}}
	s.appends = append(s.appends, a)
}

func (s *stored) reference(a *store.Append, m *parley.Message, kind string, delivery int, value string) {
	s.references = append(s.references, store.ProviderReference{Organization: a.Organization, Channel: m.Channel, Kind: kind,
		Value: value, Message: m.ID, Delivery: delivery})
}

// write stores the messages, and what delivering them left behind.
func (s *stored) write(tx *store.Tx) error {
	if err := tx.Append(s.appends...); err != nil {
		return err
	}
	states := make(map[store.DeliveryRef]*parley.Delivery, len(s.deliveries))
	attempts := make([]store.AttemptRow, 0, len(s.deliveries))
	for _, a := range s.deliveries {
		d := &a.Deliveries[0]
		d.Attempts, d.SentAt, d.DeliveredAt, d.ReadAt = 1, tx.Now, tx.Now, tx.Now
		states[store.DeliveryRef{Organization: a.Organization, Message: a.Message.ID, Number: 1}] = d
		attempts = append(attempts, store.AttemptRow{Organization: a.Organization, Attempt: parley.Attempt{Message: a.Message.ID,
			Delivery: 1, Number: 1, StartedAt: tx.Now, EndedAt: tx.Now, Outcome: parley.AttemptAccepted}})
		for _, state := range []parley.DeliveryState{parley.Sent, parley.Delivered, parley.Read} {
			tx.Emit(a.Organization, parley.Event{Type: parley.EventDeliveryUpdated, Conversation: a.Message.Conversation,
				Message: a.Message.ID, Data: parley.EventData{Delivery: 1, State: state}})
		}
	}
	if err := tx.UpdateDeliveries(states); err != nil {
		return err
	}
	if err := tx.WriteAttempts(attempts); err != nil {
		return err
	}
	_, err := tx.AddReferences(s.references)
	return err
}

// textLength is how many bytes a message's text has.
const textLength = 200

// Text is the text of a message.
func Text(random *rand.Rand) string {
	words := [...]string{"appointment", "tomorrow", "please", "bring", "your", "card", "results", "are", "ready", "call", "back", "at", "nine"}
	text := make([]byte, 0, textLength+16)
	for len(text) < textLength {
		text = append(append(text, words[random.IntN(len(words))]...), ' ')
	}
	return string(text[:textLength-1]) + "."
}
