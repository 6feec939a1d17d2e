package consent

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// page is the part of some suppressions, in order of their ids, that a page has.
func (f *SuppressionFilter) page(all []parley.Suppression, after parley.ID, limit int) ([]parley.Suppression, parley.ID) {
	slices.SortFunc(all, func(a, b parley.Suppression) int { return cmp.Compare(a.ID, b.ID) })
	page := slices.DeleteFunc(all, func(s parley.Suppression) bool {
		return s.ID <= after || f.Kind != "" && f.Kind != s.Address.Kind || f.Platform != "" && f.Platform != s.Platform ||
			f.Class != "" && f.Class != s.Class || f.Reason != "" && f.Reason != s.Reason
	})
	if len(page) <= limit {
		return page, ""
	}
	return page[:limit], page[limit-1].ID
}

// BlockParams is whom to block: exactly one of the first two.
type BlockParams struct {
	Contact parley.ID
	Address string // "kind:value"
	Note    string
}

// Block parks what somebody writes from then on. To do it again changes nothing. Nobody is told of their messages, and
// no conversation has them. A contact is blocked with every address that identifies it.
func (s *Consent) Block(ctx context.Context, p *access.Principal, params BlockParams) (b parley.BlockedSender, err error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return b, err
	}
	var c parley.Check
	var address parley.Address
	if (params.Address == "") == (params.Contact == "") {
		c.Refuse("address", "recipient-ambiguous", "exactly one of address and contact must be given")
	} else if params.Address != "" {
		if address, err = parley.ParseAddress(params.Address); err != nil {
			c.Refuse("address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
		}
	}
	c.Text("note", params.Note, false, maxNote)
	if err := c.Err(); err != nil {
		return b, err
	}
	err = s.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		b = parley.BlockedSender{ID: parley.NewID(tx.Now), Address: address, Note: params.Note, Actor: p.User}
		if params.Contact != "" {
			contact, err := tx.Survivor(p.Organization, params.Contact)
			if parley.IsKind(err, parley.KindNotFound) {
				return parley.Invalid("contact", "contact-unknown", "must be the id of a contact")
			}
			if err != nil {
				return err
			}
			b.Contact = contact.ID
		}
		made, err := people.Block(tx, p.Organization, &b)
		if err != nil {
			return err
		}
		if made {
			emit(tx, p, parley.EventSenderBlocked, b.ID, "")
			var changes parley.Changes
			changes.Made("contact", string(b.Contact))
			return p.Did(tx, parley.ActSenderBlocked, b.ID, changes)
		}
		if b.Contact != "" {
			b, err = people.BlockedContact(tx.Queries, p.Organization, b.Contact)
		} else {
			b, err = people.BlockedAddress(tx.Queries, p.Organization, address)
		}
		return err
	})
	return b, err
}

// Blocked returns up to limit blocked senders with ids after one; next is where to go on, empty at the end.
func (s *Consent) Blocked(ctx context.Context, p *access.Principal, after parley.ID, limit int) ([]parley.BlockedSender, parley.ID, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, "", err
	}
	page, err := people.BlockedSenders(s.store.Read(ctx), p.Organization, after, limit+1)
	if err != nil || len(page) <= limit {
		return page, "", err
	}
	return page[:limit], page[limit-1].ID, nil
}

// BlockedSender returns one.
func (s *Consent) BlockedSender(ctx context.Context, p *access.Principal, id parley.ID) (parley.BlockedSender, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.BlockedSender{}, err
	}
	return people.Blocked(s.store.Read(ctx), p.Organization, id)
}
