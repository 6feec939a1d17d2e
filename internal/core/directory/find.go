package directory

import (
	"context"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Lookup is whom to find, by at least one of its first two fields, or what to make.
type Lookup struct {
	Source     string // of ExternalID: one of the externalIds; empty: the externalId
	ExternalID string
	Address    parley.Address
	Name       string // of a contact that is made
}

// FindOrCreateContact returns the contact with an external id, else the one that an address identifies, else one that is
// made now, and says whether it was. One that is found gets the other of the two, if it does not have it.
func (d *Directory) FindOrCreateContact(ctx context.Context, p *access.Principal, l Lookup) (contact parley.Contact, made bool, err error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return contact, false, err
	}
	if err := l.validate(); err != nil {
		return contact, false, err
	}
	contact, whole, err := l.find(d.store.Read(ctx), p.Organization)
	if whole || err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return contact, false, err
	}
	id := parley.NewID(d.now(ctx, p.Organization))
	contact, err = written(ctx, d, p, func(tx *store.Tx) (parley.Contact, error) { return l.ensure(tx, p, id) })
	return contact, contact.ID == id, parley.About(parley.About(err, "address-taken", "address"), "external-id-taken", "externalId")
}

func (l *Lookup) validate() error {
	var c check
	c.text("name", l.Name, false, maxName)
	c.text("externalId", l.ExternalID, false, maxExternalID)
	if l.Source != "" && !parley.AttributeKey(l.Source) {
		c.refuse("source", "text-invalid", "must be 1 to 100 letters, digits, _, . and -")
	} else if l.Source != "" && l.ExternalID == "" {
		c.refuse("source", "not-allowed", "goes with externalId only")
	}
	switch {
	case l.Address != parley.Address{}:
		normal, err := parley.NewAddress(l.Address.Kind, l.Address.Value)
		c.add("address", err)
		l.Address = normal
	case l.ExternalID == "":
		c.refuse("address", "required", "must be given, or externalId")
	}
	return c.err()
}

// external is the id that a contact has in the system that is asked for.
func (l *Lookup) external(contact *parley.Contact) string {
	if l.Source != "" {
		return contact.ExternalIDs[l.Source]
	}
	return contact.ExternalID
}

// find looks for the contact, and says whether it has all that is asked for.
func (l *Lookup) find(q store.Queries, organization parley.ID) (contact parley.Contact, whole bool, err error) {
	if l.ExternalID != "" {
		contact, err = q.ContactByExternalID(organization, l.Source, l.ExternalID)
		if !parley.IsKind(err, parley.KindNotFound) {
			return contact, err == nil && (l.Address.Value == "" || hasAddress(&contact, l.Address)), err
		}
	}
	if l.Address.Value == "" {
		return contact, false, err
	}
	contact, err = q.ContactByAddress(organization, l.Address)
	has := l.external(&contact)
	if err == nil && has == l.ExternalID { // it may have got it a moment ago
		return contact, true, nil
	}
	if err == nil && l.ExternalID != "" && has != "" {
		return contact, false, parley.About(parley.Conflict("external-id-differs", "the address identifies a contact with the externalId %q",
			has), "external-id-differs", "externalId")
	}
	return contact, err == nil && l.ExternalID == "", err
}

func hasAddress(contact *parley.Contact, a parley.Address) bool {
	return slices.ContainsFunc(contact.Addresses, func(b parley.Address) bool { return a.Kind == b.Kind && a.Value == b.Value })
}

// ensure finds, completes or makes the contact inside a unit, in which nobody else does.
func (l *Lookup) ensure(tx *store.Tx, p *access.Principal, id parley.ID) (parley.Contact, error) {
	contact, whole, err := l.find(tx.Queries, p.Organization)
	switch {
	case parley.IsKind(err, parley.KindNotFound):
		contact = parley.Contact{ID: id, Name: l.Name, Saved: l.Name != "" || l.ExternalID != ""}
		if l.Source != "" {
			contact.ExternalIDs = map[string]string{l.Source: l.ExternalID}
		} else {
			contact.ExternalID = l.ExternalID
		}
		if l.Address.Value != "" {
			contact.Addresses = []parley.Address{l.Address}
		}
		emit(tx, p, parley.EventContactCreated, id)
		if err := p.Did(tx, parley.ActContactCreated, id, nil); err != nil {
			return contact, err
		}
		err = tx.InsertContact(p.Organization, &contact)
		return contact, err
	case err != nil || whole:
		return contact, err
	}
	before := contact
	before.Addresses, before.ExternalIDs = slices.Clone(contact.Addresses), maps.Clone(contact.ExternalIDs)
	if l.Address.Value != "" && !hasAddress(&contact, l.Address) {
		if len(contact.Addresses) >= maxAddresses {
			return contact, parley.Invalid("address", "too-many", "a contact has at most %d", maxAddresses)
		}
		if err := tx.AddContactAddresses(p.Organization, contact.ID, []parley.Address{l.Address}); err != nil {
			return contact, err
		}
		contact.Addresses = append(contact.Addresses, l.Address)
	}
	if l.external(&contact) == "" && l.ExternalID != "" {
		if err := l.give(tx, p.Organization, &contact); err != nil {
			return contact, err
		}
	}
	emit(tx, p, parley.EventContactUpdated, contact.ID)
	if err := p.Did(tx, parley.ActContactUpdated, contact.ID, changesOfContact(before, contact)); err != nil {
		return contact, err
	}
	err = tx.UpdateContact(p.Organization, &contact)
	return contact, err
}

// give lets a contact have the id that is looked for, of which it has none.
func (l *Lookup) give(tx *store.Tx, organization parley.ID, contact *parley.Contact) error {
	if l.Source == "" {
		contact.ExternalID = l.ExternalID
		return nil
	}
	if contact.ExternalIDs == nil {
		contact.ExternalIDs = map[string]string{}
	}
	contact.ExternalIDs[l.Source] = l.ExternalID
	if len(contact.ExternalIDs) > maxSources {
		return parley.Invalid("externalId", "too-many", "a contact has at most %d externalIds", maxSources)
	}
	return tx.SetExternalIDs(organization, contact.ID, contact.ExternalIDs)
}
