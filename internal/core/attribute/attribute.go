// Package attribute is what organizations keep of their contacts and conversations under keys of their own: definitions with
// types, and the values that they allow.
package attribute

import (
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
	maxAttributes = 500 // of a subject in an organization
	maxChoices    = 200
	maxText       = 200 // characters of a label or a choice
)

// Define says inside a unit what is kept under a key, or changes its label, its choices and whether it is archived. Its type
// stays what it is. Values that there are stay too, until they are written again. An ifMatch that is not 0 must be its
// revision.
func Define(tx *store.Tx, p *access.Principal, a parley.Attribute, ifMatch int64) (parley.Attribute, error) {
	known, err := people.AttributesByKey(tx.Queries, p.Organization, a.Of, a.Key)
	if err != nil {
		return a, err
	}
	var rev int64
	if before := known[a.Key]; before == nil {
		if err := room(tx.Queries, p.Organization, a.Of); err != nil {
			return a, err
		}
	} else if rev = before.Rev; before.Type != a.Type {
		return a, parley.About(parley.Conflict("attribute-type-fixed", "its type is %s, and stays so: there are values of it", before.Type),
			"attribute-type-fixed", "type")
	}
	if err := parley.MatchRev(ifMatch, rev); err != nil {
		return a, err
	}
	data := parley.EventData{Actor: p.User}
	if a.Of == parley.OfConversations {
		data.Status = string(a.Of)
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventAttributeDefined, Subject: parley.ID(a.Key), Data: data})
	if err := p.Did(tx, parley.ActAttributeDefined, parley.ID(a.Key), changesOf(known[a.Key], &a)); err != nil {
		return a, err
	}
	err = people.Define(tx, p.Organization, &a)
	return a, err
}

// changesOf are what a definition changed; before is nil for a new one.
func changesOf(before, a *parley.Attribute) parley.Changes {
	var changes parley.Changes
	if a.Of == parley.OfConversations {
		changes.Made("of", string(a.Of))
	}
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

// Check refuses a definition that cannot be.
func Check(a *parley.Attribute) error {
	var c parley.Check
	if !parley.AttributeKey(a.Key) {
		c.Refuse("key", "text-invalid", "must be 1 to 100 letters, digits, _, . and -")
	}
	c.Text("label", a.Label, false, maxText)
	if !slices.Contains(parley.AttributeTypes, a.Type) {
		c.Refuse("type", "value-unknown", "must be one of %v", parley.AttributeTypes)
	}
	switch {
	case len(a.Choices) > maxChoices:
		c.Refuse("choices", "too-many", "must be at most %d", maxChoices)
		return c.Err()
	case a.Type == parley.AttributeChoice && len(a.Choices) == 0:
		c.Refuse("choices", "required", "must name at least one")
	case a.Type != parley.AttributeChoice && len(a.Choices) > 0:
		c.Refuse("choices", "not-allowed", "goes with the type choice only")
	}
	for i, choice := range a.Choices {
		field := fmt.Sprintf("choices[%d]", i)
		c.Text(field, choice, true, maxText)
		if slices.Contains(a.Choices[:i], choice) {
			c.Refuse(field, "duplicate", "must be there once")
		}
	}
	return c.Err()
}

func room(q store.Queries, organization parley.ID, of parley.AttributeSubject) error {
	all, err := people.Attributes(q, organization, of, "", maxAttributes)
	if err == nil && len(all) >= maxAttributes {
		err = parley.Conflict("attributes-full", "an organization defines at most %d attributes", maxAttributes)
	}
	return err
}

// List returns up to limit definitions with keys after one; next is where to go on, empty at the end.
func List(q store.Queries, organization parley.ID, of parley.AttributeSubject, after string, limit int) (list []parley.Attribute, next string, err error) {
	list, err = people.Attributes(q, organization, of, after, limit+1)
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	return list[:limit], list[limit-1].Key, nil
}

// Get returns the definition of a key.
func Get(q store.Queries, organization parley.ID, of parley.AttributeSubject, key string) (parley.Attribute, error) {
	known, err := people.AttributesByKey(q, organization, of, key)
	if err == nil && known[key] == nil {
		err = parley.NotFound("attribute", parley.ID(key))
	}
	if err != nil {
		return parley.Attribute{}, err
	}
	return *known[key], nil
}

// Typed checks those values that are written now, and makes them what they are kept as. What nobody has defined is any text,
// unless the organization allows only what is defined.
func Typed(q store.Queries, organization parley.ID, of parley.AttributeSubject, facts map[string]string, writes []string) error {
	if len(writes) == 0 {
		return nil
	}
	known, err := people.AttributesByKey(q, organization, of, writes...)
	if err != nil {
		return err
	}
	o, err := q.Organization(organization)
	if err != nil {
		return err
	}
	var c parley.Check
	slices.Sort(writes)
	for _, key := range writes {
		field, a := "attributes."+key, known[key]
		switch {
		case a == nil && o.Policy.DefinedAttributesOnly:
			c.Refuse(field, "attribute-unknown", "is not defined, and the organization allows only what is")
		case a == nil:
		case a.Archived:
			c.Refuse(field, "attribute-archived", "is archived: it may be removed, but not set")
		default:
			normal, err := a.Normal(facts[key])
			if err != nil {
				c.Refuse(field, "attribute-invalid", "%s", err)
				continue
			}
			facts[key] = normal
		}
	}
	return c.Err()
}
