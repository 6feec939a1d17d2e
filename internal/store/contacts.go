package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertContact adds a contact with its addresses. What is taken is parley.Conflict "address-taken",
// "external-id-taken" or "id-taken".
func (tx *Tx) InsertContact(organization parley.ID, c *parley.Contact) error {
	attributes, err := EncodeJSON(c.Attributes)
	if err != nil {
		return err
	}
	tags, err := EncodeJSON(c.Tags)
	if err != nil {
		return err
	}
	c.CreatedAt, c.Rev = tx.Now, 1
	n, err := tx.c.Exec(`INSERT INTO contacts (organization_id, id, name, saved, attributes, tags, external_id, opted_out,
			last_channel_id, merged_into, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', 1, $10) ON CONFLICT (organization_id, id) DO NOTHING`,
		string(organization), string(c.ID), c.Name, c.Saved, attributes, tags, c.ExternalID, c.OptedOut, string(c.LastChannel), Millis(c.CreatedAt))
	switch {
	case sqldb.IsUnique(err):
		return externalIDTaken(c.ExternalID)
	case err != nil:
		return err
	case n == 0:
		return idTaken(c.ID)
	}
	return tx.AddContactAddresses(organization, c.ID, c.Addresses)
}

func externalIDTaken(id string) error {
	return parley.Conflict("external-id-taken", "another contact has the externalId %q", id)
}

// UpdateContact writes everything but the addresses, raises the revision and returns it.
func (tx *Tx) UpdateContact(organization parley.ID, c *parley.Contact) error {
	attributes, err := EncodeJSON(c.Attributes)
	if err != nil {
		return err
	}
	tags, err := EncodeJSON(c.Tags)
	if err != nil {
		return err
	}
	err = tx.c.Row(`UPDATE contacts SET name = $1, saved = $2, attributes = $3, tags = $4, external_id = $5, opted_out = $6,
			last_channel_id = $7, merged_into = $8, rev = rev + 1
		WHERE organization_id = $9 AND id = $10 RETURNING rev`, []any{c.Name, c.Saved, attributes, tags, c.ExternalID, c.OptedOut,
		string(c.LastChannel), string(c.MergedInto), string(organization), string(c.ID)}, &c.Rev)
	if sqldb.IsUnique(err) {
		return externalIDTaken(c.ExternalID)
	}
	return Found(err, "contact", c.ID)
}

var insertAddresses = `INSERT INTO contact_addresses (organization_id, contact_id, kind, value, shared, position)
	SELECT $1, $2, j.kind, j.value, j.shared, (SELECT coalesce(max(position), 0) FROM contact_addresses AS p
		WHERE p.organization_id = $1 AND p.contact_id = $2) + j.n
	FROM ` + sqldb.From("$3", "n BIGINT", "kind TEXT", "value TEXT", "shared BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, contact_id, kind, value) DO UPDATE SET shared = excluded.shared`

// AddContactAddresses adds addresses to a contact, or changes whether they are shared. One that identifies
// another contact is parley.Conflict "address-taken". The contact's revision is the caller's.
func (tx *Tx) AddContactAddresses(organization, contact parley.ID, addresses []parley.Address) error {
	if len(addresses) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for i, a := range addresses {
		rows.Add(i+1, string(a.Kind), a.Value, a.Shared)
	}
	_, err := tx.c.Exec(insertAddresses, string(organization), string(contact), rows.Param())
	if sqldb.IsUnique(err) {
		return addressTaken(addresses)
	}
	return err
}

func addressTaken(addresses []parley.Address) error {
	if len(addresses) == 1 {
		return parley.Conflict("address-taken", "another contact has the address %s", addresses[0])
	}
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = a.String()
	}
	return parley.Conflict("address-taken", "another contact has one of the addresses %s", strings.Join(names, ", "))
}

// RemoveContactAddress takes an address from a contact. NotFound where it has none such. The contact's
// revision is the caller's.
func (tx *Tx) RemoveContactAddress(organization, contact parley.ID, a parley.Address) error {
	n, err := tx.c.Exec("DELETE FROM contact_addresses WHERE organization_id = $1 AND contact_id = $2 AND kind = $3 AND value = $4",
		string(organization), string(contact), string(a.Kind), a.Value)
	if err == nil && n == 0 {
		err = parley.NotFound("address", parley.ID(a.String()))
	}
	return err
}

// DeleteContact deletes a contact with its addresses, and what is left of those that were merged into it. Conversations
// keep their own copy of who took part.
func (tx *Tx) DeleteContact(organization, id parley.ID) error {
	_, err := tx.c.Exec("DELETE FROM contacts WHERE organization_id = $1 AND merged_into = $2 AND merged_into <> ''", string(organization), string(id))
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("DELETE FROM contact_addresses WHERE organization_id = $1 AND contact_id = $2", string(organization), string(id))
	if err != nil {
		return err
	}
	n, err := tx.c.Exec("DELETE FROM contacts WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("contact", id)
	}
	return err
}

// WroteOn remembers the channel that a contact last wrote on.
func (tx *Tx) WroteOn(organization, contact, channel parley.ID) error {
	_, err := tx.c.Exec(`UPDATE contacts SET last_channel_id = $1, rev = rev + 1 WHERE organization_id = $2 AND id = $3
		AND last_channel_id <> $1`, string(channel), string(organization), string(contact))
	return err
}

const contactColumns = `c.id, c.name, c.saved, c.attributes, c.tags, c.external_id, c.opted_out, c.last_channel_id, c.merged_into,
	c.rev, c.created_at`

func scanContact(r *sql.Rows, c *parley.Contact) error {
	var created int64
	var attributes, tags string
	err := r.Scan(&c.ID, &c.Name, &c.Saved, &attributes, &tags, &c.ExternalID, &c.OptedOut, &c.LastChannel, &c.MergedInto, &c.Rev, &created)
	if err != nil {
		return err
	}
	c.CreatedAt = Moment(created)
	if err := DecodeJSON(attributes, &c.Attributes); err != nil {
		return err
	}
	return DecodeJSON(tags, &c.Tags)
}

// Survivor returns a contact, or the one that it was merged into.
func (q Queries) Survivor(organization, id parley.ID) (parley.Contact, error) {
	contact, err := q.Contact(organization, id)
	if err == nil && contact.MergedInto != "" { // never one that was merged itself
		contact, err = q.Contact(organization, contact.MergedInto)
	}
	return contact, err
}

// Became returns the id of the contact that one was merged into, else the id itself, of whatever it is.
func (q Queries) Became(organization, id parley.ID) (became parley.ID, err error) {
	err = q.c.Row("SELECT merged_into FROM contacts WHERE organization_id = $1 AND id = $2", []any{string(organization), string(id)}, &became)
	if absent(err) {
		err = nil
	}
	if became == "" {
		became = id
	}
	return became, err
}

// Contact returns a contact with its addresses.
func (q Queries) Contact(organization, id parley.ID) (parley.Contact, error) {
	return q.contact("contacts AS c WHERE c.organization_id = $1 AND c.id = $2", string(id), string(organization), string(id))
}

// ContactByExternalID returns the contact with an id of another system, or that which it was merged into.
func (q Queries) ContactByExternalID(organization parley.ID, external string) (parley.Contact, error) {
	contact, err := q.contact("contacts AS c WHERE c.organization_id = $1 AND c.external_id = $2 AND c.external_id <> ''",
		external, string(organization), external)
	if err == nil && contact.MergedInto != "" {
		contact, err = q.Contact(organization, contact.MergedInto)
	}
	return contact, err
}

// ContactByAddress returns the contact that an address identifies.
func (q Queries) ContactByAddress(organization parley.ID, a parley.Address) (parley.Contact, error) {
	return q.contact(`contact_addresses AS a JOIN contacts AS c ON c.organization_id = a.organization_id AND c.id = a.contact_id
		WHERE a.organization_id = $1 AND a.kind = $2 AND a.value = $3 AND a.shared = 0`,
		a.String(), string(organization), string(a.Kind), a.Value)
}

func (q Queries) contact(from, name string, args ...any) (c parley.Contact, err error) {
	absent := true
	err = q.c.Query("SELECT "+contactColumns+" FROM "+from, args, func(r *sql.Rows) error {
		absent = false
		return scanContact(r, &c)
	})
	if err == nil && absent {
		err = parley.NotFound("contact", parley.ID(name))
	}
	if err != nil {
		return c, err
	}
	c.Addresses, err = q.contactAddresses(organizationOf(args), c.ID)
	return c, err
}

// organizationOf is the first parameter of every statement on a tenant table.
func organizationOf(args []any) string { return args[0].(string) }

func (q Queries) contactAddresses(organization string, contact parley.ID) ([]parley.Address, error) {
	var addresses []parley.Address
	err := q.c.Query(`SELECT kind, value, shared FROM contact_addresses WHERE organization_id = $1 AND contact_id = $2
		ORDER BY position, kind, value`, []any{organization, string(contact)}, func(r *sql.Rows) error {
		var a parley.Address
		err := r.Scan(&a.Kind, &a.Value, &a.Shared)
		addresses = append(addresses, a)
		return err
	})
	return addresses, err
}

// AddressOwner returns the contact that an address identifies.
func (q Queries) AddressOwner(organization parley.ID, a parley.Address) (owner parley.ID, err error) {
	err = q.c.Row("SELECT contact_id FROM contact_addresses WHERE organization_id = $1 AND kind = $2 AND value = $3 AND shared = 0",
		[]any{string(organization), string(a.Kind), a.Value}, &owner)
	return owner, Found(err, "contact", parley.ID(a.String()))
}

var (
	contactsByID        = "SELECT " + contactColumns + " FROM contacts AS c WHERE c.organization_id = $1 AND c.id IN " + IDSource
	addressesOfContacts = "SELECT a.contact_id, a.kind, a.value, a.shared FROM contact_addresses AS a WHERE a.organization_id = $1 AND a.contact_id IN " +
		IDSource + " ORDER BY a.contact_id, a.position, a.kind, a.value"
)

// ContactsByID returns those of the contacts that exist, with their addresses.
func (q Queries) ContactsByID(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Contact, error) {
	contacts := make(map[parley.ID]*parley.Contact, len(ids))
	if len(ids) == 0 {
		return contacts, nil
	}
	err := q.c.Query(contactsByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		c := &parley.Contact{}
		err := scanContact(r, c)
		contacts[c.ID] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	return contacts, q.addAddresses(organization, contacts)
}

func (q Queries) addAddresses(organization parley.ID, contacts map[parley.ID]*parley.Contact) error {
	if len(contacts) == 0 {
		return nil
	}
	ids := make([]parley.ID, 0, len(contacts))
	for id := range contacts {
		ids = append(ids, id)
	}
	return q.c.Query(addressesOfContacts, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		var contact parley.ID
		var a parley.Address
		if err := r.Scan(&contact, &a.Kind, &a.Value, &a.Shared); err != nil {
			return err
		}
		contacts[contact].Addresses = append(contacts[contact].Addresses, a)
		return nil
	})
}

// ContactFilter narrows a list of contacts. Empty fields do not.
type ContactFilter struct {
	NamePrefix string // whatever the case
	Address    parley.Address
	ExternalID string
	Tag        string
	Saved      *bool
}

func (f *ContactFilter) passes(c *parley.Contact) bool {
	return c.MergedInto == "" &&
		(f.Saved == nil || *f.Saved == c.Saved) &&
		(f.Tag == "" || slices.Contains(c.Tags, f.Tag)) &&
		strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(f.NamePrefix))
}

// Contacts returns up to limit contacts that pass the filter, with ids after one and with their addresses.
// It examines a bounded number: next is where to go on, empty at the end.
func (q Queries) Contacts(organization parley.ID, f ContactFilter, after parley.ID, limit int) ([]parley.Contact, parley.ID, error) {
	text, args := f.source(organization, after)
	contacts, next, err := list(q.c, text, args, limit, maxExamined, func(r *sql.Rows, c *parley.Contact) (parley.ID, bool, error) {
		err := scanContact(r, c)
		return c.ID, f.passes(c), err
	})
	if err != nil {
		return nil, "", err
	}
	byID := make(map[parley.ID]*parley.Contact, len(contacts))
	for i := range contacts {
		byID[contacts[i].ID] = &contacts[i]
	}
	return contacts, next, q.addAddresses(organization, byID)
}

// source looks up what the filter has an index for. An external id of a contact that was merged is the other's.
func (f *ContactFilter) source(organization, after parley.ID) (string, []any) {
	text, args := "SELECT "+contactColumns+" FROM contacts AS c WHERE c.organization_id = $1 AND c.id > $2", []any{string(organization), string(after)}
	if f.Address.Value != "" {
		// Two lookups rather than an OR: each of the two indexes is of one kind of address.
		text += ` AND c.id IN (SELECT contact_id FROM contact_addresses WHERE organization_id = $1 AND kind = $3 AND value = $4 AND shared = 0
			UNION ALL SELECT contact_id FROM contact_addresses WHERE organization_id = $1 AND kind = $3 AND value = $4 AND shared = 1)`
		args = append(args, string(f.Address.Kind), f.Address.Value)
	}
	if f.ExternalID != "" {
		args = append(args, f.ExternalID)
		text += fmt.Sprintf(` AND c.id IN (SELECT CASE WHEN merged_into = '' THEN id ELSE merged_into END FROM contacts
			WHERE organization_id = $1 AND external_id = $%d AND external_id <> '')`, len(args))
	}
	return text + fmt.Sprintf(" ORDER BY c.id LIMIT $%d", len(args)+1), args
}

var deliveredTo = `SELECT DISTINCT message_id FROM deliveries WHERE organization_id = $1 AND message_id IN ` + IDSource + `
	AND ((recipient_id <> '' AND recipient_id = $3) OR (address <> '' AND address_kind = $4 AND address = $5))`

// DeliveredTo returns those of the messages that have a delivery to somebody, by id or by address.
func (q Queries) DeliveredTo(organization parley.ID, messages []parley.ID, id parley.ID, a parley.Address) (map[parley.ID]bool, error) {
	found, err := q.ids(deliveredTo, string(organization), IDRows(messages), string(id), string(a.Kind), a.Value)
	to := make(map[parley.ID]bool, len(found))
	for _, id := range found {
		to[id] = true
	}
	return to, err
}

// AddressShared reports whether contacts share an address, so that it identifies none of them.
func (q Queries) AddressShared(organization parley.ID, a parley.Address) (shared bool, err error) {
	err = q.c.Row(`SELECT EXISTS (SELECT 1 FROM contact_addresses WHERE organization_id = $1 AND kind = $2 AND value = $3 AND shared = 1)`,
		[]any{string(organization), string(a.Kind), a.Value}, &shared)
	return shared, err
}
