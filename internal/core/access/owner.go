package access

import (
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// What somebody makes for themselves or for others to use has an owner: a user, a team or the organization.

// Owner completes the owner of something that the principal makes or asks for: without a kind it is the principal's own. It
// says what is wrong with one that can be none.
func (p *Principal) Owner(owner *parley.Actor) (wrong []parley.FieldError) {
	refuse := func(field, code, message string) {
		wrong = append(wrong, parley.FieldError{Field: field, Code: code, Message: message})
	}
	switch owner.Kind {
	case "", parley.ActorUser:
		if owner.ID != "" && owner.ID != p.User || p.User == "" {
			refuse("owner.id", "user-unknown", "must be the key's own user")
		}
		*owner = parley.Actor{Kind: parley.ActorUser, ID: p.User}
	case parley.ActorTeam:
		if owner.ID == "" {
			refuse("owner.id", "required", "must be the id of a team")
		}
	case parley.ActorOrganization:
		owner.ID = ""
	default:
		refuse("owner.kind", "value-unknown", "must be user, team or organization")
	}
	return wrong
}

// MayOwn refuses to change what an owner has, unless it is the principal's own, or that of its teams; for that of the
// organization a scope is needed.
func (p *Principal) MayOwn(q store.Queries, owner parley.Actor, shared parley.Scope) error {
	switch owner.Kind {
	case parley.ActorUser:
		return nil
	case parley.ActorOrganization:
		if !p.Has(shared) {
			return &parley.Error{Kind: parley.KindForbidden, Code: "scope-required", Message: "what the organization shares needs the scope " + string(shared)}
		}
		return nil
	}
	if !p.Personal {
		_, err := q.Team(p.Organization, owner.ID)
		if parley.IsKind(err, parley.KindNotFound) {
			err = parley.Invalid("owner.id", "team-unknown", "must be the id of a team")
		}
		return err
	}
	own, err := p.SeesOwned(q, owner)
	if err == nil && !own {
		err = parley.Invalid("owner.id", "team-unknown", "must be the id of a team that you are a member of")
	}
	return err
}

// SeesOwned reports whether the principal sees what an owner has: its own, that of its teams, and that of the organization.
func (p *Principal) SeesOwned(q store.Queries, owner parley.Actor) (bool, error) {
	switch {
	case owner.Kind == parley.ActorUser:
		return owner.ID == p.User, nil
	case owner.Kind == parley.ActorOrganization || !p.Personal:
		return true, nil
	}
	teams, err := q.TeamsOf(p.Organization, p.User)
	return slices.Contains(teams, owner.ID), err
}

// Owners are those whose things the principal is shown: itself, its teams and the organization.
func (p *Principal) Owners(q store.Queries) ([]parley.Actor, error) {
	owners := []parley.Actor{{Kind: parley.ActorOrganization}, {Kind: parley.ActorUser, ID: p.User}}
	teams, err := q.TeamsOf(p.Organization, p.User)
	for _, id := range teams {
		owners = append(owners, parley.Actor{Kind: parley.ActorTeam, ID: id})
	}
	return owners, err
}
