// Package consent keeps what those outside do not want, or the organization not from them: suppressions of addresses, and
// blocked senders.
package consent

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// CodeSuppressed is the code of what is not sent because its address is suppressed.
const CodeSuppressed = "address-suppressed"

const (
	maxNote     = 500
	maxPlatform = 50
)

// Consent is the one place that changes suppressions and blocked senders.
type Consent struct{ store *store.Store }

// New returns the consent of a store's organizations.
func New(s *store.Store) *Consent { return &Consent{store: s} }

// SuppressionParams is a suppression to add: of an address, or of all that a contact has.
type SuppressionParams struct {
	Address  string // "kind:value"
	Contact  parley.ID
	Platform string                   // empty: all
	Class    parley.MessageClass      // empty: every class
	Reason   parley.SuppressionReason // empty: admin
	Note     string
}

func (params *SuppressionParams) validate() (address parley.Address, err error) {
	var c parley.Check
	if (params.Address == "") == (params.Contact == "") {
		c.Refuse("address", "recipient-ambiguous", "exactly one of address and contact must be given")
	} else if params.Address != "" {
		if address, err = parley.ParseAddress(params.Address); err != nil {
			c.Refuse("address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
		}
	}
	if params.Class == "" {
		params.Class = parley.ClassAll
	} else if params.Class != parley.ClassAll && !params.Class.Valid() {
		c.Refuse("class", "value-unknown", "must be all or one of %v", parley.MessageClasses)
	}
	switch params.Reason {
	case "":
		params.Reason = parley.ReasonAdmin
	case parley.ReasonAdmin, parley.ReasonUser, parley.ReasonBounce, parley.ReasonComplaint:
	default:
		c.Refuse("reason", "value-unknown", "must be user, admin, bounce or complaint")
	}
	c.Text("platform", params.Platform, false, maxPlatform)
	c.Text("note", params.Note, false, maxNote)
	return address, c.Err()
}

// Suppress keeps messages from an address, or from the addresses of a contact, and returns the suppressions that are there then.
// What is suppressed already stays as it is.
func (s *Consent) Suppress(ctx context.Context, p *access.Principal, params SuppressionParams) ([]parley.Suppression, error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return nil, err
	}
	address, err := params.validate()
	if err != nil {
		return nil, err
	}
	var all []parley.Suppression
	err = s.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		addresses := []parley.Address{address}
		if params.Contact != "" {
			contact, err := tx.Survivor(p.Organization, params.Contact)
			if parley.IsKind(err, parley.KindNotFound) {
				return parley.Invalid("contact", "contact-unknown", "must be the id of a contact")
			}
			if err != nil {
				return err
			}
			if addresses = contact.Addresses; len(addresses) == 0 {
				return parley.Invalid("contact", "address-required", "the contact has no address")
			}
		}
		all = make([]parley.Suppression, len(addresses))
		for i, a := range addresses {
			all[i] = parley.Suppression{ID: parley.NewID(tx.Now), Address: parley.Address{Kind: a.Kind, Value: a.Value}, Platform: params.Platform,
				Class: params.Class, Reason: params.Reason, Note: params.Note, Actor: p.User}
		}
		if err := s.add(tx, p, all); err != nil {
			return err
		}
		there, err := people.Suppressed(tx.Queries, p.Organization, addresses...)
		for i := range all {
			for _, t := range there {
				if t.Address == all[i].Address && t.Platform == params.Platform && t.Class == params.Class {
					all[i] = t
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// add is Add for somebody of the organization.
func (s *Consent) add(tx *store.Tx, p *access.Principal, all []parley.Suppression) error {
	for i := range all {
		n, err := Add(tx, p, all[i])
		if err != nil || n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if err := p.Did(tx, parley.ActSuppressionCreated, all[i].ID, changesOf(&all[i], (*parley.Changes).Made)); err != nil {
			return err
		}
	}
	return nil
}

// changesOf are what the audit log has of a suppression: not the address.
func changesOf(s *parley.Suppression, note func(c *parley.Changes, field string, value any)) parley.Changes {
	var changes parley.Changes
	note(&changes, "class", string(s.Class))
	note(&changes, "platform", s.Platform)
	note(&changes, "reason", string(s.Reason))
	return changes
}

// Add adds suppressions inside a unit, and says how many are new.
func Add(tx *store.Tx, p *access.Principal, all ...parley.Suppression) (int, error) {
	added := 0
	for i := range all {
		n, err := people.Suppress(tx, p.Organization, all[i])
		if err != nil {
			return added, err
		}
		if n > 0 {
			added++
			emit(tx, p, parley.EventSuppressionCreated, all[i].ID, string(all[i].Reason))
		}
	}
	return added, nil
}

// Lift takes back, inside a unit, what whoever has an address may take back by itself: what they said before, on a platform and
// on all. It says whether there was something.
func Lift(tx *store.Tx, p *access.Principal, address parley.Address, platform string) (bool, error) {
	there, err := people.Suppressed(tx.Queries, p.Organization, address)
	if err != nil {
		return false, err
	}
	var own []parley.Suppression
	for _, s := range there {
		if (s.Platform == "" || s.Platform == platform) && (s.Reason == parley.ReasonKeyword || s.Reason == parley.ReasonUser) {
			own = append(own, s)
			emit(tx, p, parley.EventSuppressionDeleted, s.ID, string(parley.ReasonKeyword))
		}
	}
	return len(own) > 0, people.Allow(tx, p.Organization, own...)
}

// SuppressionFilter narrows a list of suppressions.
type SuppressionFilter struct {
	people.SuppressionFilter
	Address string    // "kind:value": those of this address, also of one that was erased
	Contact parley.ID // those of its addresses
}

// Suppressions returns up to limit suppressions with ids after one; next is where to go on, empty at the end.
func (s *Consent) Suppressions(ctx context.Context, p *access.Principal, f SuppressionFilter, after parley.ID, limit int) ([]parley.Suppression, parley.ID, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, "", err
	}
	q := s.store.Read(ctx)
	var addresses []parley.Address
	switch {
	case f.Address != "":
		a, err := parley.ParseAddress(f.Address)
		if err != nil {
			return nil, "", err
		}
		addresses = []parley.Address{a}
	case f.Contact != "":
		contact, err := q.Survivor(p.Organization, f.Contact)
		if err != nil && !parley.IsKind(err, parley.KindNotFound) {
			return nil, "", err
		}
		addresses = contact.Addresses
	default:
		return people.Suppressions(q, p.Organization, f.SuppressionFilter, after, limit)
	}
	there, err := people.Suppressed(q, p.Organization, addresses...)
	if err != nil {
		return nil, "", err
	}
	page, next := f.page(there, after, limit)
	return page, next, nil
}

// Suppression returns one.
func (s *Consent) Suppression(ctx context.Context, p *access.Principal, id parley.ID) (parley.Suppression, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.Suppression{}, err
	}
	return people.Suppression(s.store.Read(ctx), p.Organization, id)
}

// Allow takes a suppression back.
func (s *Consent) Allow(ctx context.Context, p *access.Principal, id parley.ID) error {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return err
	}
	return s.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		there, err := people.Suppression(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		emit(tx, p, parley.EventSuppressionDeleted, id, string(there.Reason))
		if err := p.Did(tx, parley.ActSuppressionDeleted, id, changesOf(&there, (*parley.Changes).Gone)); err != nil {
			return err
		}
		return people.Allow(tx, p.Organization, there)
	})
}

func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, subject parley.ID, reason string) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: subject, Data: parley.EventData{Actor: p.User, Reason: reason}})
}
