package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/grant"
)

// maxSets is how many permission sets an organization has besides the built-in ones.
const maxSets = 200

// within is what a key's scopes permit to a user.
func within(q store.Queries, organization, user parley.ID, scopes []parley.Scope) ([]parley.Scope, error) {
	held, err := grant.Of(q, organization, user)
	if err != nil || !held.Limited {
		return scopes, err
	}
	return slices.DeleteFunc(slices.Clone(scopes), func(s parley.Scope) bool { return !slices.Contains(held.Scopes, s) }), nil
}

// Sets returns all permission sets, the built-in ones first.
func (k *Keys) Sets(ctx context.Context, p *Principal) ([]parley.PermissionSet, error) {
	if err := p.Require(parley.ScopePermissionsRead); err != nil {
		return nil, err
	}
	own, err := grant.Sets(k.store.Read(ctx), p.Organization)
	return append(parley.BuiltInSets(), own...), err
}

// Set returns a permission set.
func (k *Keys) Set(ctx context.Context, p *Principal, id parley.ID) (parley.PermissionSet, error) {
	if err := p.Require(parley.ScopePermissionsRead); err != nil {
		return parley.PermissionSet{}, err
	}
	return setOf(k.store.Read(ctx), p.Organization, id)
}

func setOf(q store.Queries, organization, id parley.ID) (parley.PermissionSet, error) {
	if set, ok := parley.BuiltInSet(id); ok {
		return set, nil
	}
	sets, err := grant.Sets(q, organization)
	if at := slices.IndexFunc(sets, func(s parley.PermissionSet) bool { return s.ID == id }); at >= 0 {
		return sets[at], err
	}
	if err == nil {
		err = parley.NotFound("permission set", id)
	}
	return parley.PermissionSet{}, err
}

// validateSet refuses what is no set, and one that permits more than who makes it may do.
func validateSet(p *Principal, s *parley.PermissionSet) error {
	var c parley.Check
	c.Text("name", s.Name, true, maxKeyName)
	if len(s.Scopes) == 0 {
		c.Refuse("scopes", "required", "must name at least one scope")
	}
	for _, scope := range s.Scopes {
		if !scope.Valid() {
			c.Refuse("scopes", "scope-unknown", "%s is no scope; there are: %s", scope, joinScopes(parley.Scopes))
		} else if !p.Has(scope) {
			c.Refuse("scopes", "scope-exceeds", "%s is not a scope of the key that makes the set; it has: %s", scope, joinScopes(p.scopes))
		}
	}
	s.Scopes = sortedScopes(s.Scopes)
	return c.Err()
}

// CreateSet makes a permission set, and says whether the request was a repeat.
func (k *Keys) CreateSet(ctx context.Context, p *Principal, name string, scopes []parley.Scope, i *Idempotency) (parley.PermissionSet, bool, error) {
	if err := p.Require(parley.ScopePermissionsWrite); err != nil {
		return parley.PermissionSet{}, false, err
	}
	made := parley.PermissionSet{ID: parley.NewID(k.authenticator.now()), Name: name, Scopes: scopes}
	if err := validateSet(p, &made); err != nil {
		return parley.PermissionSet{}, false, err
	}
	var set parley.PermissionSet
	replay, err := p.Once(ctx, k.store, i, 201, made.ID, func(tx *store.Tx) error {
		sets, err := grant.Sets(tx.Queries, p.Organization)
		if err != nil {
			return err
		}
		if len(sets) >= maxSets {
			return parley.Conflict("sets-full", "an organization has at most %d permission sets of its own", maxSets)
		}
		set = made
		emitSet(tx, p, parley.EventPermissionsCreated, set.ID)
		var changes parley.Changes
		changes.Made("name", set.Name)
		changes.Made("scopes", set.Scopes)
		if err := p.Did(tx, parley.ActSetCreated, set.ID, changes); err != nil {
			return err
		}
		return grant.Insert(tx, p.Organization, &set)
	})
	if err == nil && replay != nil {
		set, err = setOf(k.store.Read(ctx), p.Organization, replay.Resource)
	}
	return set, replay != nil, err
}

func emitSet(tx *store.Tx, p *Principal, kind parley.EventType, id parley.ID) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: id, Data: parley.EventData{Actor: p.User}})
}

// changeSet is what changes of a set of the organization's own have in common.
func (k *Keys) changeSet(ctx context.Context, p *Principal, id parley.ID, ifMatch int64, change func(tx *store.Tx, s *parley.PermissionSet) error) (set parley.PermissionSet, err error) {
	if err := p.Require(parley.ScopePermissionsWrite); err != nil {
		return set, err
	}
	err = k.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s, err := setOf(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if s.BuiltIn {
			return parley.Conflict("set-built-in", "a built-in permission set does not change")
		}
		if err := parley.MatchRev(ifMatch, s.Rev); err != nil {
			return err
		}
		tx.After(k.authenticator.Forget)
		err = change(tx, &s)
		set = s
		return err
	})
	return set, err
}

// UpdateSet changes a permission set. What is nil stays as it is. Keys of those who have it follow at once.
func (k *Keys) UpdateSet(ctx context.Context, p *Principal, id parley.ID, name *string, scopes []parley.Scope, ifMatch int64) (parley.PermissionSet, error) {
	return k.changeSet(ctx, p, id, ifMatch, func(tx *store.Tx, s *parley.PermissionSet) error {
		before := *s
		if name != nil {
			s.Name = *name
		}
		if scopes != nil {
			s.Scopes = scopes
		}
		if err := validateSet(p, s); err != nil {
			return err
		}
		emitSet(tx, p, parley.EventPermissionsUpdated, id)
		var changes parley.Changes
		changes.Set("name", before.Name, s.Name)
		changes.Set("scopes", before.Scopes, s.Scopes)
		if err := p.Did(tx, parley.ActSetUpdated, id, changes); err != nil {
			return err
		}
		return grant.Update(tx, p.Organization, s)
	})
}

// DeleteSet deletes a permission set that nobody has.
func (k *Keys) DeleteSet(ctx context.Context, p *Principal, id parley.ID, ifMatch int64) error {
	_, err := k.changeSet(ctx, p, id, ifMatch, func(tx *store.Tx, s *parley.PermissionSet) error {
		used, err := grant.Used(tx.Queries, p.Organization, id)
		if err == nil && used {
			err = parley.Conflict("set-used", "there are users who have the permission set")
		}
		if err != nil {
			return err
		}
		emitSet(tx, p, parley.EventPermissionsDeleted, id)
		var changes parley.Changes
		changes.Gone("name", s.Name)
		changes.Gone("scopes", s.Scopes)
		if err := p.Did(tx, parley.ActSetDeleted, id, changes); err != nil {
			return err
		}
		return grant.Delete(tx, p.Organization, id)
	})
	return err
}

// Permissions is what a user may do at most.
type Permissions = grant.Holding

// Permissions returns what a user may do at most.
func (k *Keys) Permissions(ctx context.Context, p *Principal, user parley.ID) (Permissions, error) {
	if err := p.Require(parley.ScopePermissionsRead); err != nil {
		return Permissions{}, err
	}
	q := k.store.Read(ctx)
	if _, err := q.User(p.Organization, user); err != nil {
		return Permissions{}, err
	}
	held, err := grant.Of(q, p.Organization, user)
	held.Scopes = sortedScopes(held.Scopes)
	return held, err
}

// Permit limits a user to permission sets, of which none permits more than who gives it may do; nil: to what its keys say,
// which only those give back who may do everything. The last administrator stays one.
func (k *Keys) Permit(ctx context.Context, p *Principal, user parley.ID, sets []parley.ID) (held Permissions, err error) {
	if err := p.Require(parley.ScopePermissionsWrite); err != nil {
		return held, err
	}
	err = k.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if _, err := tx.User(p.Organization, user); err != nil {
			return err
		}
		if err := mayGive(tx.Queries, p, sets); err != nil {
			return err
		}
		if !slices.Contains(sets, parley.SetAdmin) {
			if err := KeepsAdmin(tx.Queries, p.Organization, user); err != nil {
				return err
			}
		}
		before, err := grant.Of(tx.Queries, p.Organization, user)
		if err != nil {
			return err
		}
		if err := grant.Give(tx, p.Organization, user, sets); err != nil {
			return err
		}
		tx.Emit(p.Organization, parley.Event{Type: parley.EventUserUpdated, Subject: user, Data: parley.EventData{Actor: p.User}})
		tx.After(k.authenticator.Forget)
		held, err = grant.Of(tx.Queries, p.Organization, user)
		if err != nil {
			return err
		}
		held.Scopes = sortedScopes(held.Scopes)
		var changes parley.Changes
		changes.Set("limited", before.Limited, held.Limited)
		changes.Set("sets", before.Sets, held.Sets)
		return p.Did(tx, parley.ActUserPermissions, user, changes)
	})
	return held, err
}

func mayGive(q store.Queries, p *Principal, sets []parley.ID) error {
	var wrong []parley.FieldError
	refuse := func(i int, code, message string) {
		wrong = append(wrong, parley.FieldError{Field: fmt.Sprintf("sets[%d]", i), Code: code, Message: message})
	}
	exceeds := func(scopes []parley.Scope) bool {
		return slices.ContainsFunc(scopes, func(s parley.Scope) bool { return !p.Has(s) })
	}
	if admin, _ := parley.BuiltInSet(parley.SetAdmin); sets == nil && exceeds(admin.Scopes) {
		return parley.Invalid("sets", "scope-exceeds", "only a key with every scope of an administrator takes the limit away")
	}
	for i, id := range sets {
		set, err := setOf(q, p.Organization, id)
		switch {
		case parley.IsKind(err, parley.KindNotFound):
			refuse(i, "set-unknown", "must be the id of a permission set")
		case err != nil:
			return err
		case exceeds(set.Scopes):
			refuse(i, "scope-exceeds", "the set permits more than the key that gives it: it has: "+joinScopes(p.scopes))
		}
	}
	return parley.InvalidFields(wrong)
}

// KeepsAdmin refuses to take from an organization the last active user who is an administrator.
func KeepsAdmin(q store.Queries, organization, user parley.ID) error {
	held, err := grant.Of(q, organization, user)
	if err != nil || !slices.Contains(held.Sets, parley.SetAdmin) {
		return err
	}
	u, err := q.User(organization, user)
	if err != nil || !u.Active {
		return err
	}
	others, err := grant.Holders(q, organization, parley.SetAdmin, user)
	if err == nil && others == 0 {
		err = parley.Conflict("last-admin", "the user is the last administrator of the organization")
	}
	return err
}

// Admins are those of some users who are administrators.
func (k *Keys) Admins(ctx context.Context, p *Principal, users []parley.ID) (map[parley.ID]bool, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, err
	}
	return grant.HoldersOf(k.store.Read(ctx), p.Organization, parley.SetAdmin, users)
}
