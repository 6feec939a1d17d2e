package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

// ContactParams is a contact to make.
type ContactParams struct {
	ID         parley.ID // of the client's choice; empty: a new one
	Name       string
	Addresses  []parley.Address
	Attributes map[string]string
	Tags       []string
	ExternalID string
	OptedOut   bool
}

func (params ContactParams) contact(id parley.ID) (parley.Contact, error) {
	var c check
	c.text("name", params.Name, false, maxName)
	c.text("externalId", params.ExternalID, false, maxExternalID)
	c.facts("attributes", params.Attributes)
	tags := c.tags(params.Tags)
	addresses := c.addresses("addresses", params.Addresses)
	if params.ID != "" && !params.ID.Valid() {
		c.refuse("id", "id-invalid", "must be an id of %d characters", parley.IDLength)
	} else if params.ID != "" {
		id = params.ID
	}
	return parley.Contact{ID: id, Name: params.Name, Saved: true, Addresses: addresses, Attributes: maps.Clone(params.Attributes), Tags: tags,
		ExternalID: params.ExternalID, OptedOut: params.OptedOut}, c.err()
}

// addresses checks and normalizes addresses; the same one twice is one.
func (c *check) addresses(field string, addresses []parley.Address) []parley.Address {
	if len(addresses) > maxAddresses {
		c.refuse(field, "too-many", "must be at most %d", maxAddresses)
		return nil
	}
	var kept []parley.Address
	for i, a := range addresses {
		normal, err := parley.NewAddress(a.Kind, a.Value)
		c.add(fmt.Sprintf("%s[%d]", field, i), err)
		normal.Shared = a.Shared
		if !slices.ContainsFunc(kept, func(k parley.Address) bool { return k.Kind == normal.Kind && k.Value == normal.Value }) {
			kept = append(kept, normal)
		}
	}
	return kept
}

// CreateContact makes a contact, and says whether the request was a repeat.
func (d *Directory) CreateContact(ctx context.Context, p *access.Principal, params ContactParams, i *access.Idempotency) (parley.Contact, bool, error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return parley.Contact{}, false, err
	}
	contact, err := params.contact(parley.NewID(d.now(ctx, p.Organization)))
	if err != nil {
		return parley.Contact{}, false, err
	}
	replay, err := p.Once(ctx, d.store, i, 201, contact.ID, func(tx *store.Tx) error {
		if params.ID != "" {
			if err := tx.TakenID(p.Organization, contact.ID); err != nil {
				return err
			}
		}
		if err := attribute.Typed(tx.Queries, p.Organization, parley.OfContacts, contact.Attributes, slices.Collect(maps.Keys(contact.Attributes))); err != nil {
			return err
		}
		emit(tx, p, parley.EventContactCreated, contact.ID)
		if err := p.Did(tx, parley.ActContactCreated, contact.ID, nil); err != nil {
			return err
		}
		return tx.InsertContact(p.Organization, &contact)
	})
	if err != nil {
		return parley.Contact{}, false, d.taken(ctx, p, contact.ID, params.Addresses, err)
	}
	if replay != nil {
		contact, err = d.store.Read(ctx).Survivor(p.Organization, replay.Resource)
	}
	return contact, replay != nil, err
}

// taken names the field that another contact has the value of. The error is that of a write; of addresses, the
// first that another contact has by now is named.
func (d *Directory) taken(ctx context.Context, p *access.Principal, contact parley.ID, addresses []parley.Address, err error) error {
	err = parley.About(parley.About(err, "external-id-taken", "externalId"), "id-taken", "id")
	if !parley.IsKind(err, parley.KindConflict) || len(addresses) == 0 {
		return err
	}
	field := "addresses"
	for i, a := range addresses {
		normal, wrong := parley.NewAddress(a.Kind, a.Value)
		if wrong != nil || a.Shared {
			continue
		}
		if owner, missing := d.store.Read(ctx).AddressOwner(p.Organization, normal); missing == nil && owner != contact {
			field = fmt.Sprintf("addresses[%d]", i)
			break
		}
	}
	return parley.About(err, "address-taken", field)
}

// Contact returns a contact; the id of one that was merged answers the one it became.
func (d *Directory) Contact(ctx context.Context, p *access.Principal, id parley.ID) (parley.Contact, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.Contact{}, err
	}
	return d.store.Read(ctx).Survivor(p.Organization, id)
}

// Contacts returns up to limit contacts that pass the filter, with ids after one. It examines a bounded number,
// so that a page may be short of limit: next is where to go on, empty at the end.
func (d *Directory) Contacts(ctx context.Context, p *access.Principal, f ContactFilter, after parley.ID, limit int) ([]parley.Contact, parley.ID, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, "", err
	}
	if f.Address != (parley.Address{}) {
		normal, err := parley.NewAddress(f.Address.Kind, f.Address.Value)
		if err != nil {
			return nil, "", err
		}
		f.Address = normal
	}
	return d.store.Read(ctx).Contacts(p.Organization, f, after, limit)
}

// ContactPatch changes a contact. What is nil stays as it is.
type ContactPatch struct {
	Name       *string
	Attributes map[string]*string // one by one; nil removes one
	Tags       *[]string          // all of them
	ExternalID *string            // empty removes it
	OptedOut   *bool
}

// UpdateContact changes a contact. Naming one saves it. An ifMatch that is not 0 must be its revision.
func (d *Directory) UpdateContact(ctx context.Context, p *access.Principal, id parley.ID, patch ContactPatch, ifMatch int64) (parley.Contact, error) {
	changed, err := d.changeContact(ctx, p, id, ifMatch, func(tx *store.Tx, contact *parley.Contact) error {
		set(&contact.Name, patch.Name)
		set(&contact.Tags, patch.Tags)
		set(&contact.ExternalID, patch.ExternalID)
		set(&contact.OptedOut, patch.OptedOut)
		contact.Attributes = changeFacts(contact.Attributes, patch.Attributes)
		contact.Saved = contact.Saved || patch.Name != nil && *patch.Name != ""
		var c check
		c.text("name", contact.Name, false, maxName)
		c.text("externalId", contact.ExternalID, false, maxExternalID)
		c.facts("attributes", contact.Attributes)
		contact.Tags = c.tags(contact.Tags)
		if err := c.err(); err != nil {
			return err
		}
		var writes []string
		for key, value := range patch.Attributes {
			if value != nil {
				writes = append(writes, key)
			}
		}
		return attribute.Typed(tx.Queries, p.Organization, parley.OfContacts, contact.Attributes, writes)
	})
	return changed, d.taken(ctx, p, id, nil, err)
}

// AddAddresses adds addresses to a contact, or changes whether they are shared.
func (d *Directory) AddAddresses(ctx context.Context, p *access.Principal, id parley.ID, addresses []parley.Address, ifMatch int64) (parley.Contact, error) {
	var c check
	given := addresses
	addresses = c.addresses("addresses", addresses)
	if len(addresses) == 0 {
		c.refuse("addresses", "required", "must be at least one")
	}
	if err := c.err(); err != nil {
		return parley.Contact{}, err
	}
	changed, err := d.changeContact(ctx, p, id, ifMatch, func(tx *store.Tx, contact *parley.Contact) error {
		if err := tx.AddContactAddresses(p.Organization, contact.ID, addresses); err != nil {
			return err
		}
		now, err := tx.Contact(p.Organization, contact.ID)
		if err == nil && len(now.Addresses) > maxAddresses {
			err = parley.Invalid("addresses", "too-many", "a contact has at most %d", maxAddresses)
		}
		contact.Addresses = now.Addresses
		return err
	})
	return changed, d.taken(ctx, p, id, given, err)
}

// RemoveAddress takes an address from a contact.
func (d *Directory) RemoveAddress(ctx context.Context, p *access.Principal, id parley.ID, address parley.Address, ifMatch int64) (parley.Contact, error) {
	normal, err := parley.NewAddress(address.Kind, address.Value)
	if err != nil {
		return parley.Contact{}, err
	}
	return d.changeContact(ctx, p, id, ifMatch, func(tx *store.Tx, contact *parley.Contact) error {
		contact.Addresses = slices.DeleteFunc(contact.Addresses, func(a parley.Address) bool {
			return a.Kind == normal.Kind && a.Value == normal.Value
		})
		return tx.RemoveContactAddress(p.Organization, contact.ID, normal)
	})
}

// changeContact is what every change of a contact has in common.
func (d *Directory) changeContact(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64,
	change func(tx *store.Tx, contact *parley.Contact) error) (parley.Contact, error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return parley.Contact{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Contact, error) {
		contact, err := tx.Survivor(p.Organization, id)
		if err != nil {
			return contact, err
		}
		if err := matchRev(ifMatch, contact.Rev); err != nil {
			return contact, err
		}
		before := contact
		before.Addresses = slices.Clone(contact.Addresses)
		if err := change(tx, &contact); err != nil {
			return contact, err
		}
		emit(tx, p, parley.EventContactUpdated, contact.ID)
		if err := p.Did(tx, parley.ActContactUpdated, contact.ID, changesOfContact(before, contact)); err != nil {
			return contact, err
		}
		err = tx.UpdateContact(p.Organization, &contact)
		return contact, err
	})
}

// changesOfContact are what a change of a contact changed, without what it is called, reached by or known for: the audit log
// stays when that is erased.
func changesOfContact(before, contact parley.Contact) parley.Changes {
	var changes parley.Changes
	changes.Name("name", before.Name != contact.Name)
	changes.Set("saved", before.Saved, contact.Saved)
	changes.Name("addresses", !slices.Equal(before.Addresses, contact.Addresses))
	changes.Name("attributes", !maps.Equal(before.Attributes, contact.Attributes))
	changes.Name("tags", !slices.Equal(before.Tags, contact.Tags))
	changes.Name("externalId", before.ExternalID != contact.ExternalID)
	changes.Set("optedOut", before.OptedOut, contact.OptedOut)
	return changes
}

// DeleteContact deletes a contact and its addresses, and takes it off every broadcast list. Its conversations
// stay. The id of one that was merged stands for the one that it became.
func (d *Directory) DeleteContact(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return err
	}
	return d.write(ctx, p, func(tx *store.Tx) error {
		contact, err := tx.Survivor(p.Organization, id)
		if err != nil {
			return err
		}
		if err := matchRev(ifMatch, contact.Rev); err != nil {
			return err
		}
		left, err := tx.LeaveBroadcasts(p.Organization, parley.BroadcastMember{Kind: parley.ActorContact, ID: contact.ID})
		if err != nil {
			return err
		}
		for _, broadcast := range left {
			emit(tx, p, parley.EventBroadcastUpdated, broadcast)
		}
		emit(tx, p, parley.EventContactDeleted, contact.ID)
		var changes parley.Changes
		changes.Gone("broadcasts", left)
		if err := p.Did(tx, parley.ActContactDeleted, contact.ID, changes); err != nil {
			return err
		}
		if err := hold.KeepContact(tx, p.Organization, &contact); err != nil {
			return err
		}
		tx.Erased()
		return tx.DeleteContact(p.Organization, contact.ID)
	})
}

// Lookup is whom to find, by at least one of its first two fields, or what to make.
type Lookup struct {
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

// find looks for the contact, and says whether it has all that is asked for.
func (l *Lookup) find(q store.Queries, organization parley.ID) (contact parley.Contact, whole bool, err error) {
	if l.ExternalID != "" {
		contact, err = q.ContactByExternalID(organization, l.ExternalID)
		if !parley.IsKind(err, parley.KindNotFound) {
			return contact, err == nil && (l.Address.Value == "" || hasAddress(&contact, l.Address)), err
		}
	}
	if l.Address.Value == "" {
		return contact, false, err
	}
	contact, err = q.ContactByAddress(organization, l.Address)
	if err == nil && contact.ExternalID == l.ExternalID { // it may have got it a moment ago
		return contact, true, nil
	}
	if err == nil && l.ExternalID != "" && contact.ExternalID != "" {
		return contact, false, parley.About(parley.Conflict("external-id-differs", "the address identifies a contact with the externalId %q",
			contact.ExternalID), "external-id-differs", "externalId")
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
		contact = parley.Contact{ID: id, Name: l.Name, Saved: l.Name != "" || l.ExternalID != "", ExternalID: l.ExternalID}
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
	before.Addresses = slices.Clone(contact.Addresses)
	if l.Address.Value != "" && !hasAddress(&contact, l.Address) {
		if len(contact.Addresses) >= maxAddresses {
			return contact, parley.Invalid("address", "too-many", "a contact has at most %d", maxAddresses)
		}
		if err := tx.AddContactAddresses(p.Organization, contact.ID, []parley.Address{l.Address}); err != nil {
			return contact, err
		}
		contact.Addresses = append(contact.Addresses, l.Address)
	}
	if contact.ExternalID == "" {
		contact.ExternalID = l.ExternalID
	}
	emit(tx, p, parley.EventContactUpdated, contact.ID)
	if err := p.Did(tx, parley.ActContactUpdated, contact.ID, changesOfContact(before, contact)); err != nil {
		return contact, err
	}
	err = tx.UpdateContact(p.Organization, &contact)
	return contact, err
}
