package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// ContactFilter narrows a list of contacts. Empty fields do not.
type ContactFilter struct {
	NamePrefix string // whatever the case
	Address    parley.Address
	Source     string // of ExternalID
	ExternalID string
	Tag        string
	Attributes map[string]string
	Saved      *bool
	OptedOut   *bool
	List       parley.ID // a broadcast list
	// Times of making and of the last change: from one on, before another.
	CreatedSince, CreatedUntil, UpdatedSince, UpdatedUntil time.Time
	Also                                                   *ContactFilter // what they have besides, but for what an index finds
}

func (f *ContactFilter) passes(c *parley.Contact) bool {
	return c.MergedInto == "" && (f.Also == nil || f.Also.passes(c)) &&
		(f.Saved == nil || *f.Saved == c.Saved) && (f.OptedOut == nil || *f.OptedOut == c.OptedOut) &&
		(f.Tag == "" || slices.Contains(c.Tags, f.Tag)) &&
		within(c.CreatedAt, f.CreatedSince, f.CreatedUntil) && within(c.UpdatedAt, f.UpdatedSince, f.UpdatedUntil) &&
		f.hasAttributes(c) && strings.HasPrefix(strings.ToLower(c.Name), strings.ToLower(f.NamePrefix))
}

func within(at, since, until time.Time) bool {
	return !at.Before(since) && (until.IsZero() || at.Before(until))
}

func (f *ContactFilter) hasAttributes(c *parley.Contact) bool {
	for key, value := range f.Attributes {
		if had, ok := c.Attributes[key]; !ok || had != value {
			return false
		}
	}
	return true
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
	return contacts, next, q.complete(organization, byID)
}

// source looks up what the filter has an index for. An external id of a contact that was merged is the other's.
func (f *ContactFilter) source(organization, after parley.ID) (string, []any) {
	text, args := "SELECT "+contactColumns+" FROM contacts AS c WHERE c.organization_id = $1 AND c.id > $2", []any{string(organization), string(after)}
	order := "c.id"
	if f.List != "" { // in whose order they are
		text = "SELECT " + contactColumns + ` FROM broadcast_members AS m
			JOIN contacts AS c ON c.organization_id = m.organization_id AND c.id = m.member_id
			WHERE m.organization_id = $1 AND m.member_id > $2 AND m.kind = 'contact' AND m.broadcast_id = $3`
		args, order = append(args, string(f.List)), "m.member_id"
	}
	if f.Address.Value != "" {
		// Two lookups rather than an OR: each of the two indexes is of one kind of address.
		args = append(args, string(f.Address.Kind), f.Address.Value)
		text += fmt.Sprintf(` AND c.id IN (SELECT contact_id FROM contact_addresses WHERE organization_id = $1 AND kind = $%[1]d AND value = $%[2]d AND shared = 0
			UNION ALL SELECT contact_id FROM contact_addresses WHERE organization_id = $1 AND kind = $%[1]d AND value = $%[2]d AND shared = 1)`,
			len(args)-1, len(args))
	}
	switch {
	case f.ExternalID != "" && f.Source != "":
		args = append(args, f.Source, f.ExternalID)
		text += fmt.Sprintf(` AND c.id IN (SELECT CASE WHEN o.merged_into = '' THEN o.id ELSE o.merged_into END FROM contact_external_ids AS e
			JOIN contacts AS o ON o.organization_id = e.organization_id AND o.id = e.contact_id
			WHERE e.organization_id = $1 AND e.source = $%d AND e.value = $%d)`, len(args)-1, len(args))
	case f.ExternalID != "":
		args = append(args, f.ExternalID)
		text += fmt.Sprintf(` AND c.id IN (SELECT CASE WHEN merged_into = '' THEN id ELSE merged_into END FROM contacts
			WHERE organization_id = $1 AND external_id = $%d AND external_id <> '')`, len(args))
	}
	return text + fmt.Sprintf(" ORDER BY "+order+" LIMIT $%d", len(args)+1), args
}
