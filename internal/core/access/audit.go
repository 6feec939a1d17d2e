package access

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit"
)

// From is the principal asking from an address, which the audit log then has.
func (p *Principal) From(address string) *Principal {
	from := *p
	from.address = address
	return &from
}

// Did writes an act of the principal into the audit log of its organization, in the transaction of what it tells of.
func (p *Principal) Did(tx *store.Tx, act parley.Act, subject parley.ID, changes parley.Changes) error {
	return p.did(tx, p.Organization, parley.AuditActor{Kind: p.auditKind(), User: p.User, Key: p.Key}, act, subject, changes)
}

// Began writes the first entry of the audit log of an organization that the principal has just made. Its maker is no user
// there; where it acts in an organization of its own, that one's log says who it was.
func (p *Principal) Began(tx *store.Tx, o *parley.Organization) error {
	var changes parley.Changes
	changes.Made("name", o.Name)
	if p.Organization != "" {
		if err := p.Did(tx, parley.ActOrganizationCreated, o.ID, changes); err != nil {
			return err
		}
	}
	return p.did(tx, o.ID, parley.AuditActor{Kind: parley.ByOperator}, parley.ActOrganizationCreated, o.ID, changes)
}

func (p *Principal) did(tx *store.Tx, organization parley.ID, actor parley.AuditActor, act parley.Act, subject parley.ID, changes parley.Changes) error {
	encoded, err := changes.Encode()
	if err != nil {
		return err
	}
	return audit.Append(tx, &parley.AuditEntry{Organization: organization, Actor: actor, Act: act, SubjectKind: act.Subject(), Subject: subject,
		Changes: encoded, Address: p.address})
}

func (p *Principal) auditKind() parley.AuditActorKind {
	switch {
	case p.operator:
		return parley.ByOperator
	case p.User == "":
		return parley.BySystem
	case p.Personal:
		return parley.ByUser
	}
	return parley.ByKey
}
