package directory

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// DefineAttribute says what is kept of contacts, or of conversations, under a key, or changes its label, its choices and
// whether it is archived; see attribute.Define.
func (d *Directory) DefineAttribute(ctx context.Context, p *access.Principal, a parley.Attribute, ifMatch int64) (parley.Attribute, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return parley.Attribute{}, err
	}
	if err := attribute.Check(&a); err != nil {
		return parley.Attribute{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Attribute, error) { return attribute.Define(tx, p, a, ifMatch) })
}

// readsAttributes is the scope that reads the definitions of a subject.
func readsAttributes(of parley.AttributeSubject) parley.Scope {
	if of == parley.OfConversations {
		return parley.ScopeConversationsRead
	}
	return parley.ScopeContactsRead
}

// Attributes returns up to limit definitions with keys after one; next is where to go on, empty at the end.
func (d *Directory) Attributes(ctx context.Context, p *access.Principal, of parley.AttributeSubject, after string, limit int) ([]parley.Attribute, string, error) {
	if err := p.Require(readsAttributes(of)); err != nil {
		return nil, "", err
	}
	return attribute.List(d.store.Read(ctx), p.Organization, of, after, limit)
}

// Attribute returns the definition of a key.
func (d *Directory) Attribute(ctx context.Context, p *access.Principal, of parley.AttributeSubject, key string) (parley.Attribute, error) {
	if err := p.Require(readsAttributes(of)); err != nil {
		return parley.Attribute{}, err
	}
	return attribute.Get(d.store.Read(ctx), p.Organization, of, key)
}

// selection checks who is on a list.
func (c *check) selection(s *parley.Selection) {
	if s == nil {
		return
	}
	if s.Empty() {
		c.Refuse("filter", "required", "must narrow: a list of everybody is none")
	}
	c.Text("filter.name", s.NamePrefix, false, maxName)
	c.Text("filter.tag", s.Tag, false, maxName)
	c.facts("filter.attributes", s.Attributes)
}

// reselect changes who is on a list that has a filter.
func reselect(tx *store.Tx, p *access.Principal, b *parley.Broadcast, s *parley.Selection, c *check, changes *parley.Changes) error {
	if s != nil && b.Selection == nil {
		c.Refuse("filter", "not-allowed", "goes with a list that was made with one: this one has members")
	}
	c.selection(s)
	if err := c.Err(); err != nil || s == nil {
		return err
	}
	b.Selection = s
	changes.Name("filter", true)
	return people.SetSelection(tx, p.Organization, b.ID, s)
}

// addSelections fills in who is on lists that have a filter.
func addSelections(q store.Queries, organization parley.ID, lists ...*parley.Broadcast) error {
	ids := make([]parley.ID, len(lists))
	for i, b := range lists {
		ids[i] = b.ID
	}
	found, err := people.Selections(q, organization, ids...)
	for _, b := range lists {
		b.Selection = found[b.ID]
	}
	return err
}

// selected are the next who are on a list that has a filter.
func selected(q store.Queries, organization parley.ID, s *parley.Selection, after parley.ID, limit int) (members []Member, next parley.BroadcastMember, err error) {
	contacts, rest, err := people.Selected(q, organization, s, after, limit)
	for i := range contacts {
		members = append(members, Member{BroadcastMember: parley.BroadcastMember{Kind: parley.ActorContact, ID: contacts[i].ID}, Name: contacts[i].Name})
	}
	if rest != "" {
		next = parley.BroadcastMember{Kind: parley.ActorContact, ID: rest}
	}
	return members, next, err
}
