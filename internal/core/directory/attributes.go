package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// Limits of definitions.
const (
	maxAttributes = 500 // in an organization
	maxChoices    = 200
)

// DefineAttribute says what is kept of contacts under a key, or changes its label, its choices and whether it is archived. Its
// type stays what it is. Values that contacts have stay too, until they are written again. An ifMatch that is not 0 must be
// its revision.
func (d *Directory) DefineAttribute(ctx context.Context, p *access.Principal, a parley.Attribute, ifMatch int64) (parley.Attribute, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return parley.Attribute{}, err
	}
	if err := checkAttribute(&a); err != nil {
		return parley.Attribute{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Attribute, error) {
		known, err := people.AttributesByKey(tx.Queries, p.Organization, a.Key)
		if err != nil {
			return a, err
		}
		var rev int64
		if before := known[a.Key]; before == nil {
			if err := roomForAttribute(tx.Queries, p.Organization); err != nil {
				return a, err
			}
		} else if rev = before.Rev; before.Type != a.Type {
			return a, parley.About(parley.Conflict("attribute-type-fixed", "its type is %s, and stays so: contacts have values of it", before.Type),
				"attribute-type-fixed", "type")
		}
		if err := matchRev(ifMatch, rev); err != nil {
			return a, err
		}
		emit(tx, p, parley.EventAttributeDefined, parley.ID(a.Key))
		if err := p.Did(tx, parley.ActAttributeDefined, parley.ID(a.Key), changesOfAttribute(known[a.Key], &a)); err != nil {
			return a, err
		}
		err = people.Define(tx, p.Organization, &a)
		return a, err
	})
}

// changesOfAttribute are what a definition changed; before is nil for a new one.
func changesOfAttribute(before, a *parley.Attribute) parley.Changes {
	var changes parley.Changes
	if before == nil {
		changes.Made("type", string(a.Type))
		changes.Made("label", a.Label)
		changes.Made("choices", strings.Join(a.Choices, ","))
		return changes
	}
	changes.Set("label", before.Label, a.Label)
	changes.Set("choices", strings.Join(before.Choices, ","), strings.Join(a.Choices, ","))
	changes.Set("archived", before.Archived, a.Archived)
	return changes
}

func checkAttribute(a *parley.Attribute) error {
	var c check
	if !parley.AttributeKey(a.Key) {
		c.refuse("key", "text-invalid", "must be 1 to 100 letters, digits, _, . and -")
	}
	c.text("label", a.Label, false, maxName)
	if !slices.Contains(parley.AttributeTypes, a.Type) {
		c.refuse("type", "value-unknown", "must be one of %v", parley.AttributeTypes)
	}
	switch {
	case len(a.Choices) > maxChoices:
		c.atMost("choices", len(a.Choices), maxChoices)
		return c.err()
	case a.Type == parley.AttributeChoice && len(a.Choices) == 0:
		c.refuse("choices", "required", "must name at least one")
	case a.Type != parley.AttributeChoice && len(a.Choices) > 0:
		c.refuse("choices", "not-allowed", "goes with the type choice only")
	}
	for i, choice := range a.Choices {
		field := fmt.Sprintf("choices[%d]", i)
		c.text(field, choice, true, maxName)
		if slices.Contains(a.Choices[:i], choice) {
			c.refuse(field, "duplicate", "must be there once")
		}
	}
	return c.err()
}

func roomForAttribute(q store.Queries, organization parley.ID) error {
	all, err := people.Attributes(q, organization, "", maxAttributes)
	if err == nil && len(all) >= maxAttributes {
		err = parley.Conflict("attributes-full", "an organization defines at most %d attributes", maxAttributes)
	}
	return err
}

// Attributes returns up to limit definitions with keys after one; next is where to go on, empty at the end.
func (d *Directory) Attributes(ctx context.Context, p *access.Principal, after string, limit int) ([]parley.Attribute, string, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, "", err
	}
	list, err := people.Attributes(d.store.Read(ctx), p.Organization, after, limit+1)
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	return list[:limit], list[limit-1].Key, nil
}

// Attribute returns the definition of a key.
func (d *Directory) Attribute(ctx context.Context, p *access.Principal, key string) (parley.Attribute, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.Attribute{}, err
	}
	known, err := people.AttributesByKey(d.store.Read(ctx), p.Organization, key)
	if err == nil && known[key] == nil {
		err = parley.NotFound("attribute", parley.ID(key))
	}
	if err != nil {
		return parley.Attribute{}, err
	}
	return *known[key], nil
}

// typed checks those values of a contact that are written now, and makes them what they are kept as. What nobody has defined
// is any text, unless the organization allows only what is defined.
func typed(q store.Queries, organization parley.ID, facts map[string]string, writes []string) error {
	if len(writes) == 0 {
		return nil
	}
	known, err := people.AttributesByKey(q, organization, writes...)
	if err != nil {
		return err
	}
	o, err := q.Organization(organization)
	if err != nil {
		return err
	}
	var c check
	slices.Sort(writes)
	for _, key := range writes {
		field, a := "attributes."+key, known[key]
		switch {
		case a == nil && o.Policy.DefinedAttributesOnly:
			c.refuse(field, "attribute-unknown", "is not defined, and the organization allows only what is")
		case a == nil:
		case a.Archived:
			c.refuse(field, "attribute-archived", "is archived: it may be removed, but not set")
		default:
			normal, err := a.Normal(facts[key])
			if err != nil {
				c.refuse(field, "attribute-invalid", "%s", err)
				continue
			}
			facts[key] = normal
		}
	}
	return c.err()
}
