package directory

import (
	"context"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/inbox"
)

// Limits of roles.
const (
	maxRole        = 1000 // users who may hold it
	maxDescription = 2000 // characters
	maxAwayText    = 2000 // characters
)

// RoleFilter narrows a list of roles.
type RoleFilter = duty.Filter

// RoleParams is a role to make.
type RoleParams struct {
	Name          string
	Description   string
	Metadata      map[string]string
	Tags          []string
	OwnerRequired bool
	SingleOwner   bool
	ReplayHistory bool
	AwayText      string
	Members       []parley.ID
}

func checkRole(c *check, r *parley.Role) {
	c.name(r.Name)
	c.Text("description", r.Description, false, maxDescription)
	c.facts("metadata", r.Metadata)
	r.Tags = c.tags(r.Tags)
	c.Text("awayText", r.AwayText, false, maxAwayText)
}

// CreateRole makes a role, and says whether the request was a repeat. Nobody is on duty for it yet.
func (d *Directory) CreateRole(ctx context.Context, p *access.Principal, params RoleParams, i *access.Idempotency) (parley.Role, bool, error) {
	if err := p.Require(parley.ScopeRolesWrite); err != nil {
		return parley.Role{}, false, err
	}
	made := parley.Role{ID: parley.NewID(d.now(ctx, p.Organization)), Name: params.Name, Description: params.Description, Metadata: params.Metadata, Tags: params.Tags,
		OwnerRequired: params.OwnerRequired, SingleOwner: params.SingleOwner, ReplayHistory: params.ReplayHistory, AwayText: params.AwayText}
	var c check
	checkRole(&c, &made)
	c.atMost("members", len(params.Members), maxMembers)
	if err := c.Err(); err != nil {
		return parley.Role{}, false, err
	}
	var role parley.Role
	replay, err := p.Once(ctx, d.store, i, 201, made.ID, func(tx *store.Tx) error {
		role = made
		if err := duty.Insert(tx, p.Organization, &role); err != nil {
			return err
		}
		emit(tx, p, parley.EventRoleCreated, role.ID)
		if _, err := admit(tx, p, &role, "members", params.Members); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("name", role.Name)
		changes.Made("members", role.Members)
		return p.Did(tx, parley.ActRoleCreated, role.ID, changes)
	})
	if err != nil {
		return parley.Role{}, false, err
	}
	if replay != nil {
		role, err = duty.Get(d.store.Read(ctx), p.Organization, replay.Resource)
	}
	return role, replay != nil, err
}

// admit lets users hold a role, and says whether some could not before.
func admit(tx *store.Tx, p *access.Principal, role *parley.Role, field string, users []parley.ID) (bool, error) {
	users = unique(users)
	if err := requireUsers(tx.Queries, p.Organization, field, users); err != nil {
		return false, err
	}
	added, err := duty.AddMembers(tx, p.Organization, role.ID, users)
	if err != nil || added == 0 {
		return false, err
	}
	if *role, err = duty.Get(tx.Queries, p.Organization, role.ID); err != nil {
		return false, err
	}
	if len(role.Members) > maxRole {
		return false, parley.About(parley.Conflict("role-full", "a role has at most %d members", maxRole), "role-full", field)
	}
	return true, nil
}

// Role returns a role with its members and who is on duty.
func (d *Directory) Role(ctx context.Context, p *access.Principal, id parley.ID) (parley.Role, error) {
	if err := p.Require(parley.ScopeRolesRead); err != nil {
		return parley.Role{}, err
	}
	return duty.Get(d.store.Read(ctx), p.Organization, id)
}

// Roles returns up to limit roles that pass the filter, with ids after one; next is where to go on, empty at the end.
func (d *Directory) Roles(ctx context.Context, p *access.Principal, f RoleFilter, after parley.ID, limit int) ([]parley.Role, parley.ID, error) {
	if err := p.Require(parley.ScopeRolesRead); err != nil {
		return nil, "", err
	}
	return duty.List(d.store.Read(ctx), p.Organization, f, after, limit)
}

// changeRole is what every change of a role has in common. A change that says it made no difference leaves no trace.
func (d *Directory) changeRole(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64,
	change func(tx *store.Tx, role *parley.Role) (bool, error)) (parley.Role, error) {
	if err := p.Require(parley.ScopeRolesWrite); err != nil {
		return parley.Role{}, err
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Role, error) {
		role, err := duty.Get(tx.Queries, p.Organization, id)
		if err != nil {
			return role, err
		}
		if err := parley.MatchRev(ifMatch, role.Rev); err != nil {
			return role, err
		}
		changed, err := change(tx, &role)
		if err != nil || !changed {
			return role, err
		}
		emit(tx, p, parley.EventRoleUpdated, id)
		err = duty.Update(tx, p.Organization, &role)
		return role, err
	})
}

// RolePatch changes a role. What is nil stays as it is.
type RolePatch struct {
	Name          *string
	Description   *string
	Metadata      map[string]*string // one by one; nil removes one
	Tags          *[]string
	OwnerRequired *bool
	SingleOwner   *bool
	ReplayHistory *bool
	AwayText      *string
}

// UpdateRole changes a role. An ifMatch that is not 0 must be its revision.
func (d *Directory) UpdateRole(ctx context.Context, p *access.Principal, id parley.ID, patch RolePatch, ifMatch int64) (parley.Role, error) {
	return d.changeRole(ctx, p, id, ifMatch, func(tx *store.Tx, role *parley.Role) (bool, error) {
		before := *role
		parley.Set(&role.Name, patch.Name)
		parley.Set(&role.Description, patch.Description)
		parley.Set(&role.Tags, patch.Tags)
		parley.Set(&role.OwnerRequired, patch.OwnerRequired)
		parley.Set(&role.SingleOwner, patch.SingleOwner)
		parley.Set(&role.ReplayHistory, patch.ReplayHistory)
		parley.Set(&role.AwayText, patch.AwayText)
		role.Metadata = changeFacts(role.Metadata, patch.Metadata)
		var c check
		checkRole(&c, role)
		if !before.SingleOwner && role.SingleOwner {
			if err := allowsSingle(tx, p, role, &c); err != nil {
				return false, err
			}
		}
		if err := c.Err(); err != nil {
			return false, err
		}
		return true, p.Did(tx, parley.ActRoleUpdated, id, changesOfRole(&before, role))
	})
}

func changesOfRole(before, role *parley.Role) parley.Changes {
	var changes parley.Changes
	changes.Set("name", before.Name, role.Name)
	changes.Set("ownerRequired", before.OwnerRequired, role.OwnerRequired)
	changes.Set("singleOwner", before.SingleOwner, role.SingleOwner)
	changes.Set("replayHistory", before.ReplayHistory, role.ReplayHistory)
	changes.Name("description", before.Description != role.Description)
	changes.Name("awayText", before.AwayText != role.AwayText)
	changes.Name("tags", !slices.Equal(before.Tags, role.Tags))
	changes.Name("metadata", !maps.Equal(before.Metadata, role.Metadata))
	return changes
}

// allowsSingle refuses to make a role one for a single owner for which several are on duty, or planned at the same time.
func allowsSingle(tx *store.Tx, p *access.Principal, role *parley.Role, c *check) error {
	if len(role.OnDuty) > 1 {
		c.Refuse("singleOwner", "several-on-duty", "%d users are on duty", len(role.OnDuty))
		return nil
	}
	shifts, err := duty.Ahead(tx.Queries, p.Organization, role.ID)
	for i := 1; i < len(shifts); i++ {
		if before := shifts[i-1]; before.EndsAt.After(shifts[i].StartsAt) {
			c.Refuse("singleOwner", "shift-overlaps", "the shifts %s and %s overlap", before.ID, shifts[i].ID)
			return nil
		}
	}
	return err
}

// AddRoleMembers lets users hold a role. Who may hold it already goes on.
func (d *Directory) AddRoleMembers(ctx context.Context, p *access.Principal, id parley.ID, users []parley.ID) (parley.Role, error) {
	var c check
	c.atMost("users", len(users), maxMembers)
	if len(users) == 0 {
		c.Refuse("users", "required", "must be at least one")
	}
	if err := c.Err(); err != nil {
		return parley.Role{}, err
	}
	return d.changeRole(ctx, p, id, 0, func(tx *store.Tx, role *parley.Role) (bool, error) {
		before := role.Members
		changed, err := admit(tx, p, role, "users", users)
		if err != nil || !changed {
			return false, err
		}
		var changes parley.Changes
		changes.Made("members", slices.DeleteFunc(slices.Clone(role.Members), func(id parley.ID) bool { return slices.Contains(before, id) }))
		return true, p.Did(tx, parley.ActRoleMembersAdded, id, changes)
	})
}

// RemoveRoleMember takes a role from a user, who goes off duty and whose shifts to come are dropped.
func (d *Directory) RemoveRoleMember(ctx context.Context, p *access.Principal, id, user parley.ID) error {
	_, err := d.changeRole(ctx, p, id, 0, func(tx *store.Tx, role *parley.Role) (bool, error) {
		if err := duty.RemoveMember(tx, p.Organization, id, user); err != nil {
			return false, err
		}
		var changes parley.Changes
		changes.Gone("members", string(user))
		if err := p.Did(tx, parley.ActRoleMembersRemoved, id, changes); err != nil {
			return false, err
		}
		return true, goOff(tx, p, role, user, "")
	})
	return err
}

// RoleMembers returns up to limit users who may hold a role, with ids after one; next is where to go on, empty at the end.
func (d *Directory) RoleMembers(ctx context.Context, p *access.Principal, id, after parley.ID, limit int) ([]Member, parley.ID, error) {
	role, err := d.Role(ctx, p, id)
	if err != nil {
		return nil, "", err
	}
	var members []Member
	for _, user := range role.Members {
		if user <= after {
			continue
		}
		if len(members) == limit {
			return members, members[limit-1].ID, nameMembers(d.store.Read(ctx), p.Organization, members)
		}
		members = append(members, Member{BroadcastMember: parley.BroadcastMember{Kind: parley.ActorUser, ID: user}})
	}
	return members, "", nameMembers(d.store.Read(ctx), p.Organization, members)
}

// DeleteRole deletes a role, with its escalation policy. Its conversations are closed, and left by who was on duty; what was said stays with those
// who took part. An ifMatch that is not 0 must be its revision.
func (d *Directory) DeleteRole(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeRolesWrite); err != nil {
		return err
	}
	return d.write(ctx, p, func(tx *store.Tx) error {
		role, err := duty.Get(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, role.Rev); err != nil {
			return err
		}
		for _, user := range slices.Clone(role.OnDuty) {
			if err := goOff(tx, p, &role, user, ""); err != nil {
				return err
			}
		}
		closed, err := duty.Close(tx, p.Organization, id)
		if err != nil {
			return err
		}
		if err := rememberClosed(tx, p, closed); err != nil {
			return err
		}
		for _, conversation := range closed {
			tx.Emit(p.Organization, parley.Event{Type: parley.EventConversationUpdated, Conversation: conversation,
				Data: parley.EventData{Actor: p.User, Status: string(parley.StatusClosed)}})
		}
		if err := escalation.DropPolicy(tx, p, id); err != nil {
			return err
		}
		if err := endPages(tx, p, parley.Actor{Kind: parley.ActorRole, ID: id}); err != nil {
			return err
		}
		emit(tx, p, parley.EventRoleDeleted, id)
		var changes parley.Changes
		changes.Gone("name", role.Name)
		if err := p.Did(tx, parley.ActRoleDeleted, id, changes); err != nil {
			return err
		}
		return duty.Delete(tx, p.Organization, id)
	})
}

// rememberClosed keeps in the history of conversations that they were closed.
func rememberClosed(tx *store.Tx, p *access.Principal, closed []parley.ID) error {
	found, err := tx.Conversations(p.Organization, closed)
	if err != nil {
		return err
	}
	entries := make([]parley.HistoryEntry, 0, len(found))
	for _, id := range closed {
		entries = append(entries, parley.HistoryEntry{Conversation: id, Sequence: found[id].LastSequence, Actor: p.Actor(),
			Changes: []parley.Difference{{Field: "status", To: []string{string(parley.StatusClosed)}}}})
	}
	return inbox.AddHistory(tx, p.Organization, entries...)
}
