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
	"github.com/parley-server/parley/internal/store/people"
)

// ContactParams is a contact to make.
type ContactParams struct {
	ID         parley.ID // of the client's choice; empty: a new one
	Name       string
	Addresses  []parley.Address
	Attributes map[string]string
	Tags       []string
	ExternalID string
	// ExternalIDs are the ids in other systems, by what the organization calls these.
	ExternalIDs map[string]string
	OptedOut    bool
}

func (params ContactParams) contact(id parley.ID) (parley.Contact, error) {
	var c check
	c.Text("name", params.Name, false, maxName)
	c.Text("externalId", params.ExternalID, false, maxExternalID)
	c.facts("attributes", params.Attributes)
	c.externalIDs(params.ExternalIDs)
	tags := c.tags(params.Tags)
	addresses := c.addresses("addresses", params.Addresses)
	if params.ID != "" && !params.ID.Valid() {
		c.Refuse("id", "id-invalid", "must be an id of %d characters", parley.IDLength)
	} else if params.ID != "" {
		id = params.ID
	}
	return parley.Contact{ID: id, Name: params.Name, Saved: true, Addresses: addresses, Attributes: maps.Clone(params.Attributes), Tags: tags,
		ExternalID: params.ExternalID, ExternalIDs: maps.Clone(params.ExternalIDs), OptedOut: params.OptedOut}, c.Err()
}

// externalIDs checks ids in other systems.
func (c *check) externalIDs(ids map[string]string) {
	c.atMost("externalIds", len(ids), maxSources)
	for source, value := range ids {
		if !parley.AttributeKey(source) {
			c.Refuse("externalIds", "text-invalid", "the name of a system must be 1 to 100 letters, digits, _, . and -")
		}
		c.Text("externalIds."+source, value, true, maxExternalID)
	}
}

// addresses checks and normalizes addresses; the same one twice is one.
func (c *check) addresses(field string, addresses []parley.Address) []parley.Address {
	if len(addresses) > maxAddresses {
		c.Refuse(field, "too-many", "must be at most %d", maxAddresses)
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
		return parley.Contact{}, false, d.taken(ctx, p, &contact, params.Addresses, err)
	}
	if replay != nil {
		contact, err = d.store.Read(ctx).Survivor(p.Organization, replay.Resource)
	}
	return contact, replay != nil, err
}

// taken names the field that another contact has the value of. The error is that of a write; of addresses and externalIds, the
// first that another contact has by now is named.
func (d *Directory) taken(ctx context.Context, p *access.Principal, contact *parley.Contact, addresses []parley.Address, err error) error {
	if !parley.IsKind(err, parley.KindConflict) {
		return err
	}
	q := d.store.Read(ctx)
	for _, source := range slices.Sorted(maps.Keys(contact.ExternalIDs)) {
		if owner, missing := q.ExternalIDOwner(p.Organization, source, contact.ExternalIDs[source]); missing == nil && owner != contact.ID {
			err = parley.About(err, "external-id-taken", "externalIds."+source)
			break
		}
	}
	err = parley.About(parley.About(err, "external-id-taken", "externalId"), "id-taken", "id")
	if len(addresses) == 0 {
		return err
	}
	field := "addresses"
	for i, a := range addresses {
		normal, wrong := parley.NewAddress(a.Kind, a.Value)
		if wrong != nil || a.Shared {
			continue
		}
		if owner, missing := q.AddressOwner(p.Organization, normal); missing == nil && owner != contact.ID {
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
	q := d.store.Read(ctx)
	if f.List != "" {
		selections, err := people.Selections(q, p.Organization, f.List)
		if err != nil {
			return nil, "", err
		}
		if s := selections[f.List]; s != nil { // the list has a filter in place of members
			also := people.FilterOf(s)
			f.List, f.Also = "", &also
		}
	}
	return q.Contacts(p.Organization, f, after, limit)
}

// ContactPatch changes a contact. What is nil stays as it is.
type ContactPatch struct {
	Name       *string
	Attributes map[string]*string // one by one; nil removes one
	Tags       *[]string          // all of them
	ExternalID *string            // empty removes it
	// ExternalIDs are changed one by one; nil and the empty text remove one.
	ExternalIDs map[string]*string
	OptedOut    *bool
}

// UpdateContact changes a contact. Naming one saves it. An ifMatch that is not 0 must be its revision.
func (d *Directory) UpdateContact(ctx context.Context, p *access.Principal, id parley.ID, patch ContactPatch, ifMatch int64) (parley.Contact, error) {
	wanted := &parley.Contact{ID: id, ExternalIDs: map[string]string{}}
	for source, value := range patch.ExternalIDs {
		if value != nil && *value != "" {
			wanted.ExternalIDs[source] = *value
		}
	}
	changed, err := d.changeContact(ctx, p, id, ifMatch, func(tx *store.Tx, contact *parley.Contact) error {
		wanted.ID = contact.ID
		parley.Set(&contact.Name, patch.Name)
		parley.Set(&contact.Tags, patch.Tags)
		parley.Set(&contact.ExternalID, patch.ExternalID)
		parley.Set(&contact.OptedOut, patch.OptedOut)
		contact.Attributes = changeFacts(contact.Attributes, patch.Attributes)
		contact.Saved = contact.Saved || patch.Name != nil && *patch.Name != ""
		var c check
		c.Text("name", contact.Name, false, maxName)
		c.Text("externalId", contact.ExternalID, false, maxExternalID)
		c.facts("attributes", contact.Attributes)
		contact.Tags = c.tags(contact.Tags)
		if patch.ExternalIDs != nil {
			contact.ExternalIDs = changeFacts(contact.ExternalIDs, patch.ExternalIDs)
			maps.DeleteFunc(contact.ExternalIDs, func(_, value string) bool { return value == "" })
			c.externalIDs(contact.ExternalIDs)
		}
		if err := c.Err(); err != nil {
			return err
		}
		if patch.ExternalIDs != nil {
			if err := tx.SetExternalIDs(p.Organization, contact.ID, contact.ExternalIDs); err != nil {
				return err
			}
		}
		var writes []string
		for key, value := range patch.Attributes {
			if value != nil {
				writes = append(writes, key)
			}
		}
		return attribute.Typed(tx.Queries, p.Organization, parley.OfContacts, contact.Attributes, writes)
	})
	return changed, d.taken(ctx, p, wanted, nil, err)
}

// AddAddresses adds addresses to a contact, or changes whether they are shared.
func (d *Directory) AddAddresses(ctx context.Context, p *access.Principal, id parley.ID, addresses []parley.Address, ifMatch int64) (parley.Contact, error) {
	var c check
	given := addresses
	addresses = c.addresses("addresses", addresses)
	if len(addresses) == 0 {
		c.Refuse("addresses", "required", "must be at least one")
	}
	if err := c.Err(); err != nil {
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
	return changed, d.taken(ctx, p, &parley.Contact{ID: id}, given, err)
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
		if err := parley.MatchRev(ifMatch, contact.Rev); err != nil {
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
	changes.Name("externalIds", !maps.Equal(before.ExternalIDs, contact.ExternalIDs))
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
		if err := parley.MatchRev(ifMatch, contact.Rev); err != nil {
			return err
		}
		left, err := tx.LeaveBroadcasts(p.Organization, parley.BroadcastMember{Kind: parley.ActorContact, ID: contact.ID})
		if err != nil {
			return err
		}
		for _, broadcast := range left {
			emit(tx, p, parley.EventBroadcastUpdated, broadcast)
		}
		if err := people.KeepBlock(tx, p.Organization, &contact); err != nil {
			return err
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
