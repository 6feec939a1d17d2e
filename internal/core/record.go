package core

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/record"
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

// keepPace counts the record.
func (s *send) keepPace(tx *store.Tx, r *route) (err error) {
	s.paced, err = s.params.Record.Pace.Keep(tx, s.p, r.customer)
	return err
}

// nameRecord gives the message the id that it has where it happened.
func (s *send) nameRecord(tx *store.Tx) error {
	id := s.params.Record.ExternalID
	if id == "" {
		return nil
	}
	if free, err := record.Name(tx, s.p.Organization, id, s.id); err != nil || free {
		return err
	}
	return parley.About(parley.Conflict("external-id-taken", "another message has this external id"), "external-id-taken", "externalId")
}
