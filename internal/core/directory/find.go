package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
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
	c.Text("name", l.Name, false, maxName)
	c.Text("externalId", l.ExternalID, false, maxExternalID)
	if l.Source != "" && !parley.AttributeKey(l.Source) {
		c.Refuse("source", "text-invalid", "must be 1 to 100 letters, digits, _, . and -")
	} else if l.Source != "" && l.ExternalID == "" {
		c.Refuse("source", "not-allowed", "goes with externalId only")
	}
	switch {
	case l.Address != parley.Address{}:
		normal, err := parley.NewAddress(l.Address.Kind, l.Address.Value)
		c.add("address", err)
		l.Address = normal
	case l.ExternalID == "":
		c.Refuse("address", "required", "must be given, or externalId")
	}
	return c.Err()
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

// Upsert is what is known of a contact elsewhere. What it does not say stays as it is.
type Upsert struct {
	Name        string
	Addresses   []parley.Address
	Attributes  map[string]string
	Tags        []string // that it has too
	ExternalID  string
	ExternalIDs map[string]string
}

// Outcome is what became of one of several things that were to be brought in.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Refused   Outcome = "refused"
)

// Upserted is what became of an Upsert.
type Upserted struct {
	Outcome Outcome
	Contact parley.ID // empty where it was refused, and where it would be made
	Err     error     // why it was refused
}

// maxUpserts is how many contacts a call may bring in.
const maxUpserts = 100

// errDry undoes a unit that was only tried.
var errDry = errors.New("only tried")

// UpsertContacts brings contacts in, one by one: those that are found by an external id, else by an address that identifies them,
// get what they do not have or have otherwise; others are made. One that is refused leaves the others alone. Again, it changes
// nothing. With dry nothing is written, and the outcomes are what they would be.
func (d *Directory) UpsertContacts(ctx context.Context, p *access.Principal, rows []Upsert, dry bool) ([]Upserted, error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return nil, err
	}
	var c check
	c.atMost("contacts", len(rows), maxUpserts)
	if len(rows) == 0 {
		c.Refuse("contacts", "required", "must be at least one")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	results := make([]Upserted, len(rows))
	for i := range rows {
		var err error
		if results[i], err = d.upsert(ctx, p, &rows[i], dry); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// upsert brings one contact in. The error is that of a server that cannot go on.
func (d *Directory) upsert(ctx context.Context, p *access.Principal, row *Upsert, dry bool) (Upserted, error) {
	params := ContactParams{Name: row.Name, Addresses: row.Addresses, Attributes: row.Attributes, Tags: row.Tags, ExternalID: row.ExternalID, ExternalIDs: row.ExternalIDs}
	wanted, err := params.contact(parley.NewID(d.now(ctx, p.Organization)))
	if err == nil && wanted.ExternalID == "" && len(wanted.ExternalIDs) == 0 && !slices.ContainsFunc(wanted.Addresses, func(a parley.Address) bool { return !a.Shared }) {
		err = parley.Invalid("externalId", "required", "must be given, or externalIds, or an address that is not shared: else it would be made again and again")
	}
	if err != nil {
		return Upserted{Outcome: Refused, Err: err}, nil
	}
	var done Upserted
	err = d.write(ctx, p, func(tx *store.Tx) (err error) {
		if done, err = bringIn(tx, p, wanted); err == nil && dry {
			err = errDry
		}
		return err
	})
	switch {
	case errors.Is(err, errDry):
		if done.Outcome == Created {
			done.Contact = ""
		}
		return done, nil
	case err == nil:
		return done, nil
	case parley.IsKind(err, parley.KindInvalid) || parley.IsKind(err, parley.KindConflict):
		wanted.ID = done.Contact // whose own values are not taken by another
		return Upserted{Outcome: Refused, Err: d.taken(ctx, p, &wanted, wanted.Addresses, err)}, nil
	}
	return done, err
}

// bringIn is the unit of an upsert.
func bringIn(tx *store.Tx, p *access.Principal, wanted parley.Contact) (Upserted, error) {
	found, err := match(tx.Queries, p.Organization, &wanted)
	if err != nil {
		return Upserted{}, err
	}
	if found == nil {
		if err := attribute.Typed(tx.Queries, p.Organization, parley.OfContacts, wanted.Attributes, slices.Collect(maps.Keys(wanted.Attributes))); err != nil {
			return Upserted{}, err
		}
		emit(tx, p, parley.EventContactCreated, wanted.ID)
		if err := p.Did(tx, parley.ActContactCreated, wanted.ID, nil); err != nil {
			return Upserted{}, err
		}
		return Upserted{Outcome: Created, Contact: wanted.ID}, tx.InsertContact(p.Organization, &wanted)
	}
	done := Upserted{Outcome: Unchanged, Contact: found.ID}
	changed, addresses, err := enrich(tx.Queries, p.Organization, *found, &wanted)
	if err != nil {
		return done, err
	}
	changes := changesOfContact(*found, changed)
	if len(changes) == 0 {
		return done, nil
	}
	done.Outcome = Updated
	if len(addresses) > 0 {
		if err := tx.AddContactAddresses(p.Organization, found.ID, addresses); err != nil {
			return done, err
		}
	}
	if !maps.Equal(found.ExternalIDs, changed.ExternalIDs) {
		if err := tx.SetExternalIDs(p.Organization, found.ID, changed.ExternalIDs); err != nil {
			return done, err
		}
	}
	emit(tx, p, parley.EventContactUpdated, found.ID)
	if err := p.Did(tx, parley.ActContactUpdated, found.ID, changes); err != nil {
		return done, err
	}
	return done, tx.UpdateContact(p.Organization, &changed)
}

// match finds the contact that is meant: nil where there is none. What means several is refused.
func match(q store.Queries, organization parley.ID, wanted *parley.Contact) (found *parley.Contact, err error) {
	note := func(c parley.Contact, err error, field string) error {
		if parley.IsKind(err, parley.KindNotFound) {
			return nil
		}
		if err == nil && found != nil && found.ID != c.ID {
			err = parley.About(parley.Conflict("contact-ambiguous", "it is of the contact %s, and what stands before it of %s: merge them first", c.ID, found.ID),
				"contact-ambiguous", field)
		}
		if err == nil {
			found = &c
		}
		return err
	}
	if wanted.ExternalID != "" {
		c, err := q.ContactByExternalID(organization, "", wanted.ExternalID)
		if err := note(c, err, "externalId"); err != nil {
			return nil, err
		}
	}
	for _, source := range slices.Sorted(maps.Keys(wanted.ExternalIDs)) {
		c, err := q.ContactByExternalID(organization, source, wanted.ExternalIDs[source])
		if err := note(c, err, "externalIds."+source); err != nil {
			return nil, err
		}
	}
	for i, a := range wanted.Addresses {
		if a.Shared {
			continue
		}
		c, err := q.ContactByAddress(organization, a)
		if err := note(c, err, fmt.Sprintf("addresses[%d]", i)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// enrich is a contact with what is known of it elsewhere, and the addresses among that which it does not have.
func enrich(q store.Queries, organization parley.ID, contact parley.Contact, wanted *parley.Contact) (parley.Contact, []parley.Address, error) {
	changed := contact
	changed.Name = cmp.Or(wanted.Name, contact.Name)
	changed.Saved = contact.Saved || wanted.Name != ""
	changed.ExternalID = cmp.Or(wanted.ExternalID, contact.ExternalID)
	changed.ExternalIDs, changed.Attributes = map[string]string{}, map[string]string{}
	maps.Copy(changed.ExternalIDs, contact.ExternalIDs)
	maps.Copy(changed.ExternalIDs, wanted.ExternalIDs)
	maps.Copy(changed.Attributes, contact.Attributes)
	maps.Copy(changed.Attributes, wanted.Attributes)
	changed.Tags = slices.Clone(contact.Tags)
	for _, tag := range wanted.Tags {
		if !slices.Contains(changed.Tags, tag) {
			changed.Tags = append(changed.Tags, tag)
		}
	}
	var added []parley.Address
	for _, a := range wanted.Addresses {
		if !hasAddress(&contact, a) {
			added = append(added, a)
		}
	}
	changed.Addresses = append(slices.Clone(contact.Addresses), added...)
	var c check
	c.atMost("addresses", len(changed.Addresses), maxAddresses)
	c.facts("attributes", changed.Attributes)
	c.externalIDs(changed.ExternalIDs)
	changed.Tags = c.tags(changed.Tags)
	if err := c.Err(); err != nil {
		return changed, nil, err
	}
	var writes []string
	for key, value := range wanted.Attributes {
		if had, ok := contact.Attributes[key]; !ok || had != value {
			writes = append(writes, key)
		}
	}
	return changed, added, attribute.Typed(q, organization, parley.OfContacts, changed.Attributes, writes)
}
