package core

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/reminder"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// toReceivers is the conversation with several outside on one channel: with exactly those whom the message is for and who
// get copies. Who gets a blind copy takes no part in it.
func (s *send) toReceivers(tx *store.Tx, list []Receiver) (*route, error) {
	ch, err := s.channelOf(tx, list)
	if err != nil {
		return nil, err
	}
	_, platform, err := s.c.definition(&ch)
	if err != nil {
		return nil, err
	}
	known, err := s.contactsOf(tx, list)
	if err != nil {
		return nil, err
	}
	r := &route{channel: &ch}
	var open []recipient
	for i := range list {
		field := fmt.Sprintf("to[%d]", i)
		if list[i].Role != parley.ReceiverTo && !platform.Copies {
			return nil, parley.Invalid(field+".role", "copies-unsupported", "the platform %s has no copies: everybody is written to", platform.Name)
		}
		to, contact, err := s.receiver(tx, &ch, &list[i], known[list[i].Contact], field)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(r.recipients, func(o recipient) bool { return o.address.Value == to.address.Value }) {
			return nil, parley.Invalid(field, "duplicate", "is named twice")
		}
		if r.recipients = append(r.recipients, to); to.role != parley.ReceiverBCC {
			open = append(open, to)
		}
		if contact != nil {
			r.locate(contact)
			r.contacts++
			r.contact, r.contactRev = contact.ID, contact.Rev
		}
	}
	// Those that everybody sees come first: they are handed out together.
	slices.SortStableFunc(r.recipients, func(a, b recipient) int { return rankOf(a.role) - rankOf(b.role) })
	if s.into != "" {
		r.conversation, err = tx.Conversation(s.p.Organization, s.into)
		return r, err
	}
	r.conversation, err = s.c.externalConversation(tx, s.p, &ch, opening{keepOut: !ch.Conversational}, open...)
	return r, err
}

func rankOf(role parley.ReceiverRole) int {
	return slices.Index([]parley.ReceiverRole{parley.ReceiverTo, parley.ReceiverCC, parley.ReceiverBCC}, role)
}

// channelOf is the channel that all receivers are written to on: the one that they name, else that of the first.
func (s *send) channelOf(tx *store.Tx, list []Receiver) (parley.Channel, error) {
	if list[0].Contact != "" && s.params.To.Channel == "" {
		contact, err := tx.Survivor(s.p.Organization, list[0].Contact)
		if err != nil {
			return parley.Channel{}, unknown(err, "to[0].contact", "contact-unknown")
		}
		ch, _, err := s.channelFor(tx, &contact)
		return ch, err
	}
	if s.params.To.Channel == "" {
		address, err := parley.ParseAddress(list[0].Address)
		if err != nil {
			return parley.Channel{}, parley.Invalid("to[0].address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
		}
		return s.channelForAddress(tx, address)
	}
	ch, err := tx.Channel(s.p.Organization, s.params.To.Channel)
	if err != nil {
		return ch, unknown(err, "to.channel", "channel-unknown")
	}
	return ch, s.may(tx, &ch)
}

// contactsOf are the contacts that receivers name, those that were merged into others as these.
func (s *send) contactsOf(tx *store.Tx, list []Receiver) (map[parley.ID]*parley.Contact, error) {
	var ids []parley.ID
	for i := range list {
		if list[i].Contact != "" {
			ids = append(ids, list[i].Contact)
		}
	}
	known, err := tx.ContactsByID(s.p.Organization, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if known[id] != nil && known[id].MergedInto == "" {
			continue
		}
		survivor, err := tx.Survivor(s.p.Organization, id)
		if ignoreNotFound(err) != nil {
			return nil, err
		}
		if known[id] = nil; err == nil {
			known[id] = &survivor
		}
	}
	return known, nil
}

// receiver finds one of several, and its contact, if it has one.
func (s *send) receiver(tx *store.Tx, ch *parley.Channel, r *Receiver, contact *parley.Contact, field string) (recipient, *parley.Contact, error) {
	to := recipient{role: r.Role}
	if r.Contact != "" {
		if contact == nil {
			return to, nil, parley.Invalid(field+".contact", "contact-unknown", "must be the id of a contact")
		}
		address, ok := addressOf(contact, ch.AddressKind)
		if !ok {
			return to, nil, parley.Invalid(field+".contact", "address-required", "the contact has no address of kind %s", ch.AddressKind)
		}
		to.actor, to.address = contactActor(contact), address
		return to, contact, s.admitsAt(contact, field)
	}
	address, err := parley.ParseAddress(r.Address)
	if err != nil {
		return to, nil, parley.Invalid(field+".address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
	}
	if address.Kind != ch.AddressKind {
		return to, nil, parley.Invalid(field+".address", "address-kind", "the channel takes addresses of kind %s", ch.AddressKind)
	}
	who, contact, err := s.c.identify(tx, s.p, address, "")
	if err != nil {
		return to, nil, err
	}
	to.actor, to.address = who, address
	if contact != nil {
		err = s.admitsAt(contact, field)
	}
	return to, contact, err
}

func (s *send) admitsAt(contact *parley.Contact, field string) error {
	if err := s.admits(contact); err != nil {
		return parley.Invalid(field, "contact-opted-out", "the contact does not want to be written to")
	}
	return nil
}

// addDeliveries adds a delivery and its job for each outside recipient.
func addDeliveries(a *store.Append, r *route, rank int) {
	a.Deliveries = make([]parley.Delivery, len(r.recipients))
	a.Jobs = make([]store.Job, len(r.recipients), len(r.recipients)+1)
	a.Message.Receivers.Several = len(r.recipients) > 1
	for i, to := range r.recipients {
		a.Message.Receivers.Add(i+1, to.role)
		a.Deliveries[i] = parley.Delivery{Number: i + 1, Recipient: to.actor, Address: to.address, Channel: r.channel.ID, State: parley.Queued}
		a.Jobs[i] = store.Job{Organization: a.Organization, Kind: store.JobDeliver, Channel: r.channel.ID, Priority: rank,
			Message: a.Message.ID, Delivery: i + 1}
	}
}

// maxReceivers is how many receivers a message outside may have.
const maxReceivers = 100

// receivers checks the form of several receivers, and finds the channel that they name.
func (t *To) receivers(c *check) {
	if len(t.Receivers) > maxReceivers {
		c.Refuse("to", "too-many", "must be at most %d receivers", maxReceivers)
	}
	open := false
	for i := range t.Receivers {
		r, field := &t.Receivers[i], fmt.Sprintf("to[%d]", i)
		switch r.Role {
		case "", parley.ReceiverTo:
			r.Role, open = parley.ReceiverTo, true
		case parley.ReceiverCC, parley.ReceiverBCC:
		default:
			c.Refuse(field+".role", "value-unknown", "must be to, cc or bcc")
		}
		if (r.Contact == "") == (r.Address == "") {
			c.Refuse(field, "recipient-required", "must name a contact or an address")
		}
		switch {
		case t.Channel == "":
			t.Channel = r.Channel
		case r.Channel != "" && r.Channel != t.Channel:
			c.Refuse(field+".channel", "channel-differs", "must be the channel of the others")
		}
	}
	if len(t.Receivers) > 0 && !open {
		c.Refuse("to", "recipient-required", "must name somebody whom it is for, not only copies")
	}
}

// build makes the rows of the message for its route.
func (s *send) build(r *route) (*store.Append, error) {
	if err := s.fits(r); err != nil {
		return nil, err
	}
	params := &s.params
	params.TTL = s.policy.Lifetime(r.conversation.Kind, params.TTL)
	m := parley.Message{
		ID: s.id, Conversation: r.conversation.ID, Kind: parley.KindMessage, Direction: parley.NoDirection,
		Author: s.author(), Actor: s.p.Actor(), Body: params.Body, AsText: s.asText, Template: s.of, Links: params.Links, Attachments: s.files, Forward: s.forward, Channel: r.channelID(), Internal: params.Internal,
		Priority: params.Priority, Metadata: params.Metadata, Tags: params.Tags, Reference: params.Reference,
		ReplyTo: params.ReplyTo, Root: s.root, Batch: params.Batch, RequestAck: params.RequestAck || s.escalates(r), AckWithin: params.AckWithin, Fallback: params.Fallback, TTL: params.TTL, DeleteOnRead: params.DeleteOnRead, Validity: params.Validity, Ext: params.Ext,
	}
	if r.channel != nil {
		m.Direction, m.Platform = parley.Outbound, r.channel.Platform
		m.Class = cmp.Or(params.Class, parley.ClassTransactional)
	}
	if params.Internal || r.conversation.Kind == parley.ConversationNote {
		m.Kind, m.Direction = parley.KindNote, parley.NoDirection
		m.Channel, m.Platform, m.Class = "", "", ""
		if m.RequestAck {
			return nil, parley.Invalid("requestAck", "not-allowed", "a note is to nobody who could acknowledge it")
		}
		if len(m.Fallback) > 0 {
			return nil, parley.Invalid("fallback", "not-allowed", "a note is to nobody whom it could fail to reach")
		}
	}
	if r.conversation.Kind == parley.ConversationBroadcast {
		m.Class = params.Class // of its copies
	}
	if s.later {
		m.SendAt = params.SendAt
	}
	a := &store.Append{Organization: s.p.Organization, Contact: r.contact, Message: m, Idempotency: s.claim,
		KeepOut: r.channel != nil && !r.channel.Conversational}
	if params.Record != nil {
		s.record(a, r)
	} else if m.Direction == parley.Outbound {
		addDeliveries(a, r, params.Priority.Rank())
		s.addLinks(a)
		if err := skip(a, r); err != nil {
			return nil, err
		}
		s.wait(a, r)
	}
	s.addTimers(a, r)
	a.Message.State, a.Message.Counts = s.initialState(&a.Message, a, r)
	if m.RequestAck && !s.later {
		a.Message.Acks.Pending = len(a.Deliveries) + a.Message.Counts[parley.Sent]
	}
	a.Events = []parley.Event{{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: m.ID, Data: parley.EventData{Actor: s.p.User}}}
	return a, nil
}

// addTimers adds what is due some time after the message was sent.
func (s *send) addTimers(a *store.Append, r *route) {
	m := &a.Message
	if m.TTL > 0 {
		a.Jobs = append(a.Jobs, store.Job{Organization: a.Organization, ID: store.JobID(store.JobExpire, string(m.ID)), Kind: store.JobExpire, Message: m.ID})
	}
	if m.AckWithin > 0 {
		a.Jobs = append(a.Jobs, store.Job{Organization: a.Organization, ID: store.JobID(store.JobAckDue, string(m.ID)), Kind: store.JobAckDue, Message: m.ID})
	}
	if job, ok := reminder.Job(a.Organization, m, &r.conversation, &s.policy); ok {
		a.Jobs = append(a.Jobs, job)
	}
	if job, ok := fallback.Job(a.Organization, m, &r.conversation); ok {
		if slices.ContainsFunc(a.Deliveries, func(d parley.Delivery) bool { return d.State == parley.Skipped }) {
			job.After = 0 // whom it does not reach is known at once
		}
		a.Jobs = append(a.Jobs, job)
	}
}

// initialState is the state of a message at its acceptance, without asking the store.
func (s *send) initialState(m *parley.Message, a *store.Append, r *route) (parley.MessageState, map[parley.DeliveryState]int) {
	switch {
	case s.later:
		return parley.Scheduled, nil
	case m.Recorded:
		return m.RecordedState, nil
	case m.Kind == parley.KindNote || m.Direction == parley.Inbound:
		return parley.Delivered, nil
	case len(a.Deliveries) > 0:
		counts := map[parley.DeliveryState]int{}
		for i := range a.Deliveries {
			counts[a.Deliveries[i].State]++
		}
		return parley.Queued, counts
	case s.params.To.Broadcast != "":
		return parley.Queued, nil
	case r.members > 0:
		return parley.Sent, map[parley.DeliveryState]int{parley.Sent: r.members}
	case r.role != nil:
		return parley.Queued, nil
	}
	return parley.Delivered, nil
}
