package thread

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/interaction"
)

// Deliveries returns the deliveries of a message, by number. One between members has a delivery to each of those
// who receive it, derived from their markers: sent at the commit, delivered and read when the marker passed it.
func (t *Threads) Deliveries(ctx context.Context, p *access.Principal, message parley.ID) ([]parley.Delivery, error) {
	s, m, err := t.message(ctx, p, message)
	if err != nil {
		return nil, err
	}
	return s.deliveries(&m)
}

// message returns a message that the principal sees.
func (t *Threads) message(ctx context.Context, p *access.Principal, id parley.ID) (*Sight, parley.Message, error) {
	if err := p.Require(parley.ScopeMessagesRead); err != nil {
		return nil, parley.Message{}, err
	}
	s := NewSight(t.read(ctx), p)
	m, _, err := s.Message(id)
	return s, m, err
}

func (s *Sight) deliveries(m *parley.Message) ([]parley.Delivery, error) {
	if _, fixed := fixedState(m); fixed {
		return nil, nil
	}
	if m.Direction == parley.Outbound {
		deliveries, err := s.q.Deliveries(s.p.Organization, m.ID)
		for i := range deliveries {
			deliveries[i].Role = m.Receivers.Role(deliveries[i].Number)
		}
		return deliveries, err
	}
	members, err := s.q.Participants(s.p.Organization, m.Conversation)
	if err != nil {
		return nil, err
	}
	marks, err := s.q.MarksFrom(s.p.Organization, m.Conversation, m.Sequence)
	if err != nil {
		return nil, err
	}
	list := derive(m, members, marks)
	more, err := s.q.Deliveries(s.p.Organization, m.ID)
	for i := range more {
		if !s.p.Has(parley.ScopeUsersRead) { // who does not see users does not see how to reach them
			more[i].Address = parley.Address{}
		}
	}
	return append(list, more...), err
}

// derive makes the deliveries of a message between members.
func derive(m *parley.Message, participants []parley.Participant, marks []store.UserMark) []parley.Delivery {
	at := make(map[parley.ID]map[store.MarkKind]time.Time, len(marks))
	for _, mark := range marks {
		if at[mark.User] == nil {
			at[mark.User] = map[store.MarkKind]time.Time{}
		}
		at[mark.User][mark.Kind] = mark.At
	}
	var list []parley.Delivery
	for _, who := range participants {
		member := store.Member{User: who.ID, JoinedSequence: who.JoinedSequence, LeftSequence: who.LeftSequence,
			DeliveredThrough: who.DeliveredThrough, ReadThrough: who.ReadThrough, Earlier: who.Earlier}
		if who.Kind != parley.ActorUser || !isRecipient(&member, m) {
			continue
		}
		d := parley.Delivery{Message: m.ID, Number: len(list) + 1, Conversation: m.Conversation,
			Recipient: parley.Actor{Kind: who.Kind, ID: who.ID, Name: who.Name}, State: memberState(&member, m),
			CreatedAt: m.CreatedAt, SentAt: m.SentAt}
		times := at[who.ID]
		if d.State == parley.Read {
			d.ReadAt = times[store.MarkRead]
		}
		if d.State == parley.Read || d.State == parley.Delivered {
			d.DeliveredAt = earlier(times[store.MarkDelivered], times[store.MarkRead])
		}
		list = append(list, d)
	}
	return list
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Attempts returns the provider calls made for a message and those under way, by delivery and number.
func (t *Threads) Attempts(ctx context.Context, p *access.Principal, message parley.ID) ([]parley.Attempt, error) {
	s, m, err := t.message(ctx, p, message)
	if err != nil {
		return nil, err
	}
	attempts, err := s.q.Attempts(p.Organization, m.ID)
	if err != nil {
		return nil, err
	}
	jobs, err := s.q.JobsOf(p.Organization, &m)
	for _, j := range jobs {
		if j.Kind == store.JobDeliver && j.Claimed {
			attempts = append(attempts, parley.Attempt{Message: m.ID, Delivery: j.Delivery, Number: j.Attempt, StartedAt: j.ClaimedAt})
		}
	}
	slices.SortFunc(attempts, func(a, b parley.Attempt) int {
		return cmp.Or(cmp.Compare(a.Delivery, b.Delivery), cmp.Compare(a.Number, b.Number))
	})
	for i := range attempts {
		attempts[i].Reference = string(m.ID) + "." + strconv.Itoa(attempts[i].Delivery)
	}
	return attempts, err
}

// Interactions returns what people did with a message, oldest first: what its deliveries say, who has taken note of it,
// and what was opened, clicked and reacted.
func (t *Threads) Interactions(ctx context.Context, p *access.Principal, message parley.ID) ([]parley.Interaction, error) {
	s, m, err := t.message(ctx, p, message)
	if err != nil {
		return nil, err
	}
	deliveries, err := s.deliveries(&m)
	if err != nil {
		return nil, err
	}
	list, err := s.deeds(m.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range deliveries {
		if d.Channel != "" && d.Recipient.Kind == parley.ActorUser { // that there is a message is not the message
			continue
		}
		if !d.DeliveredAt.IsZero() {
			list = append(list, parley.Interaction{Message: m.ID, Kind: parley.InteractionDelivered, Actor: d.Recipient, Address: d.Address, At: d.DeliveredAt})
		}
		if !d.ReadAt.IsZero() {
			list = append(list, parley.Interaction{Message: m.ID, Kind: parley.InteractionRead, Actor: d.Recipient, Address: d.Address, At: d.ReadAt})
		}
	}
	slices.SortStableFunc(list, func(a, b parley.Interaction) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if c := strings.Compare(string(a.Actor.ID), string(b.Actor.ID)); c != 0 {
			return c
		}
		return interactionRank(a.Kind) - interactionRank(b.Kind)
	})
	return list, nil
}

func interactionRank(k parley.InteractionKind) int {
	switch k {
	case parley.InteractionDelivered:
		return 0
	case parley.InteractionRead:
		return 1
	}
	return 2
}

// deeds are the interactions with a message that are kept by themselves, with the names of who they are by.
func (s *Sight) deeds(message parley.ID) ([]parley.Interaction, error) {
	list, err := s.q.Acknowledgements(s.p.Organization, message)
	if err != nil {
		return nil, err
	}
	more, err := interaction.Of(s.q, s.p.Organization, message)
	if list = append(list, more...); err != nil || len(list) == 0 {
		return nil, err
	}
	var users, contacts []parley.ID
	for i := range list {
		switch who := &list[i].Actor; who.Kind {
		case parley.ActorUser:
			users = append(users, who.ID)
		case parley.ActorContact:
			contacts = append(contacts, who.ID)
		}
	}
	knownUsers, err := s.q.UsersByID(s.p.Organization, users)
	if err != nil {
		return nil, err
	}
	knownContacts, err := s.q.ContactsByID(s.p.Organization, contacts)
	for i := range list {
		who := &list[i].Actor
		if u := knownUsers[who.ID]; u != nil && who.Kind == parley.ActorUser {
			who.Name = u.Name
		}
		if c := knownContacts[who.ID]; c != nil && who.Kind == parley.ActorContact {
			who.Name = c.Name
		}
	}
	return list, err
}

// Acknowledgements returns the recipients of a message with when they acknowledged it, those first who have not.
func (t *Threads) Acknowledgements(ctx context.Context, p *access.Principal, message parley.ID) ([]parley.Acknowledgement, error) {
	s, m, err := t.message(ctx, p, message)
	if err != nil {
		return nil, err
	}
	deliveries, err := s.deliveries(&m)
	if err != nil {
		return nil, err
	}
	acks, err := s.q.Acknowledgements(p.Organization, m.ID)
	if err != nil {
		return nil, err
	}
	at := make(map[parley.Actor]time.Time, len(acks))
	for _, a := range acks {
		at[parley.Actor{Kind: a.Actor.Kind, ID: a.Actor.ID}] = a.At
	}
	var list []parley.Acknowledgement
	for _, d := range deliveries {
		if d.RetryOf == 0 && d.Fallback == 0 {
			who := RecipientOf(&d)
			list = append(list, parley.Acknowledgement{Recipient: d.Recipient, Address: d.Address, At: at[parley.Actor{Kind: who.Kind, ID: who.ID}]})
		}
	}
	slices.SortStableFunc(list, func(a, b parley.Acknowledgement) int { return a.At.Compare(b.At) })
	return list, nil
}

// RecipientOf names the recipient of a delivery, also one that is an address and no more.
func RecipientOf(d *parley.Delivery) parley.Actor {
	who := d.Recipient
	if who.Kind == parley.ActorAddress && who.ID == "" {
		who.ID = parley.ID(d.Address.String())
	}
	return who
}
