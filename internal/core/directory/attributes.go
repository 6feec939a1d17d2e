package directory

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
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
