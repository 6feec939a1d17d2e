package core

import (
	"errors"

	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// apply makes a message the record of what happened elsewhere.
func (r *Record) apply(m *parley.Message) {
	m.Recorded, m.Direction = true, r.Direction
	m.RecordedState = r.State
	if m.RecordedState == "" {
		m.RecordedState = parley.Sent
		if r.Direction == parley.Inbound || m.Kind == parley.KindNote {
			m.RecordedState = parley.Delivered
		}
	}
	if r.Platform != "" {
		m.Platform = r.Platform
	}
	m.SentAt = r.SentAt
	if r.Author.Kind != "" {
		m.Author = r.Author
	}
}

// record makes an append the record of what happened elsewhere.
func (s *send) record(a *store.Append, r *route) {
	record := s.params.Record
	record.apply(&a.Message)
	if record.byCustomer() {
		a.Message.Author = parley.Actor{Kind: parley.ActorContact, ID: r.customer, Name: r.customerName}
	}
	a.Recorded = &store.Recorded{ExternalID: record.ExternalID}
	record.Pace.Count(a.Recorded, s.p, r.customer)
	a.Older = !record.SentAt.IsZero()
}

// byCustomer reports whether the customer of the conversation is the author.
func (r *Record) byCustomer() bool { return r.OfCustomer && r.Direction == parley.Inbound }

// ofCustomer checks that the conversation is one with the customer whom the record names, or any.
func (s *send) ofCustomer(r *route) error {
	record := s.params.Record
	switch {
	case record == nil || !record.OfCustomer:
		return nil
	case r.customer == "":
		return errNoConversation()
	case record.Customer != "" && record.Customer != r.customer:
		return parley.Invalid("record.customer", "not-allowed", "must be the customer of the conversation")
	}
	return nil
}

// sort is which routes go for a record: whether an answer is waited for is looked up only for what answers.
func (r *Record) sort() string {
	switch {
	case r == nil:
		return ""
	case r.answers():
		return "answer"
	}
	return "record"
}

// hot reports whether a record needs to know nothing but its route: who has written it is known with that.
func (r *Record) hot(s *send) bool {
	known := r.Author.Kind == "" || r.Author.Kind == parley.ActorUser && r.Author.ID == s.p.User
	return known && !s.params.Internal && s.claim == nil
}

// suits reports whether a record may take a route: that with one contact, whose changes it would see.
func (r *Record) suits(to *route) bool {
	return to.channel != nil && to.contacts == 1 && to.contact == to.customer
}

// refused says why what happened elsewhere is not recorded, where that is why a message was not added.
func (s *send) refused(a *store.Append, err error) error {
	switch {
	case errors.Is(err, store.ErrRecordNamed):
		return parley.About(parley.Conflict("external-id-taken", "another message has this external id"), "external-id-taken", "externalId")
	case errors.Is(err, store.ErrRecordCounted):
		return limits.TooMany(a.Recorded, s.now)
	}
	return err
}

// recordAuthor checks the author that a record names, and takes its name from the directory.
func (s *send) recordAuthor(tx *store.Tx, m *parley.Message) error {
	author := &m.Author
	switch author.Kind {
	case parley.ActorUser:
		if author.ID == s.p.User {
			return nil
		}
		u, err := tx.User(s.p.Organization, author.ID)
		author.Name = u.Name
		return unknown(err, "record.author.id", "user-unknown")
	case parley.ActorContact:
		contact, err := tx.Survivor(s.p.Organization, author.ID)
		if err == nil {
			author.ID, author.Name = contact.ID, contact.Name
		}
		return unknown(err, "record.author.id", "contact-unknown")
	case parley.ActorTeam:
		t, err := tx.Team(s.p.Organization, author.ID)
		author.Name = t.Name
		return unknown(err, "record.author.id", "team-unknown")
	case parley.ActorAddress, parley.ActorOrganization, parley.ActorSystem:
		author.ID = ""
		return nil
	}
	return parley.Invalid("record.author.kind", "value-unknown", "must be user, contact, team, address, organization or system")
}
