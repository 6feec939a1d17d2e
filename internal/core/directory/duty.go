package directory

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
)

// What became of somebody, as events say.
const (
	statusOn  = "on"
	statusOff = "off"
	joined    = "joined"
	left      = "left"

	byShift = "shift" // why
)

// OnDuty returns who is on duty for a role.
func (d *Directory) OnDuty(ctx context.Context, p *access.Principal, role parley.ID) ([]parley.Owner, error) {
	if err := p.Require(parley.ScopeRolesRead); err != nil {
		return nil, err
	}
	q := d.store.Read(ctx)
	if _, err := duty.Get(q, p.Organization, role); err != nil {
		return nil, err
	}
	return duty.Owners(q, p.Organization, role)
}

// changeDuty is what coming on duty and going off have in common: everybody does so for themselves, and who may change
// roles does so for others.
func (d *Directory) changeDuty(ctx context.Context, p *access.Principal, id, user parley.ID,
	change func(tx *store.Tx, role *parley.Role, user parley.ID) error) (parley.Role, error) {
	if err := p.Require(parley.ScopeRolesDuty); err != nil {
		return parley.Role{}, err
	}
	if user == "" {
		user = p.User
	}
	if user != p.User {
		if err := p.Require(parley.ScopeRolesWrite); err != nil {
			return parley.Role{}, err
		}
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Role, error) {
		role, err := duty.Get(tx.Queries, p.Organization, id)
		if err == nil {
			err = change(tx, &role, user)
		}
		return role, err
	})
}

// ComeOnDuty puts a user on duty for a role, or the principal's own where none is named. A role of a single owner is
// taken over from whoever was on duty.
func (d *Directory) ComeOnDuty(ctx context.Context, p *access.Principal, id, user parley.ID) (parley.Role, error) {
	return d.changeDuty(ctx, p, id, user, func(tx *store.Tx, role *parley.Role, user parley.ID) error {
		who, err := holder(tx, p, role, "user", user)
		if err != nil {
			return err
		}
		return comeOn(tx, p, role, who, "", "")
	})
}

// GoOffDuty takes a user off duty for a role, or the principal's own where none is named. Who is named as successor comes
// on duty before; where somebody has to be on duty the last one needs one.
func (d *Directory) GoOffDuty(ctx context.Context, p *access.Principal, id, user, successor parley.ID) (parley.Role, error) {
	return d.changeDuty(ctx, p, id, user, func(tx *store.Tx, role *parley.Role, user parley.ID) error {
		if !slices.Contains(role.OnDuty, user) {
			if _, err := holder(tx, p, role, "user", user); err != nil {
				return err
			}
			return parley.Conflict("not-on-duty", "the user %q is not on duty for the role", user)
		}
		switch {
		case successor == user:
			return parley.Invalid("successor", "recipient-self", "must be somebody else")
		case successor != "":
			who, err := holder(tx, p, role, "successor", successor)
			if err != nil {
				return err
			}
			if err := comeOn(tx, p, role, who, "", ""); err != nil {
				return err
			}
		case role.OwnerRequired && len(role.OnDuty) == 1:
			return parley.About(parley.Conflict("owner-required", "somebody has to be on duty for the role: name a successor"), "owner-required", "successor")
		}
		return goOff(tx, p, role, user, "")
	})
}

// holder returns an active user who may hold a role.
func holder(tx *store.Tx, p *access.Principal, role *parley.Role, field string, id parley.ID) (parley.User, error) {
	if !slices.Contains(role.Members, id) {
		if id == p.User && field == "user" {
			return parley.User{}, &parley.Error{Kind: parley.KindForbidden, Code: "not-a-member", Message: "you are not a member of the role"}
		}
		return parley.User{}, parley.Invalid(field, "member-unknown", "must be the id of a member of the role")
	}
	user, err := tx.User(p.Organization, id)
	if err == nil && !user.Active {
		err = parley.Invalid(field, "user-unknown", "must be the id of an active user")
	}
	return user, err
}

// comeOn puts a user on duty, by a shift or by hand. Who is on duty already goes on; who came by hand goes off by hand.
func comeOn(tx *store.Tx, p *access.Principal, role *parley.Role, user parley.User, shift parley.ID, reason string) error {
	if err := duty.SetOwner(tx, p.Organization, role.ID, parley.Owner{User: user.ID, Shift: shift}); err != nil {
		return err
	}
	if !slices.Contains(role.OnDuty, user.ID) {
		conversations, err := duty.Join(tx, p.Organization, role, parley.Actor{Kind: parley.ActorUser, ID: user.ID, Name: user.Name})
		if err != nil {
			return err
		}
		if err := tellDuty(tx, p, role.ID, user.ID, statusOn, reason); err != nil {
			return err
		}
		emitParts(tx, p, conversations, user.ID, joined)
		role.OnDuty = append(role.OnDuty, user.ID)
		slices.Sort(role.OnDuty)
	}
	if !role.SingleOwner {
		return nil
	}
	for _, other := range slices.Clone(role.OnDuty) {
		if other == user.ID {
			continue
		}
		if err := goOff(tx, p, role, other, reason); err != nil {
			return err
		}
	}
	return nil
}

// goOff takes a user off duty. One who is not on duty stays so.
func goOff(tx *store.Tx, p *access.Principal, role *parley.Role, user parley.ID, reason string) error {
	at := slices.Index(role.OnDuty, user)
	if at < 0 {
		return nil
	}
	role.OnDuty = slices.Delete(role.OnDuty, at, at+1)
	if err := duty.DropOwner(tx, p.Organization, role.ID, user); err != nil {
		return err
	}
	conversations, err := duty.Leave(tx, p.Organization, role.ID, user)
	if err != nil {
		return err
	}
	if err := tellDuty(tx, p, role.ID, user, statusOff, reason); err != nil {
		return err
	}
	emitParts(tx, p, conversations, user, left)
	return nil
}

// goOffAll takes a user off duty for every role.
func goOffAll(tx *store.Tx, p *access.Principal, user parley.ID) error {
	roles, err := duty.RolesOf(tx.Queries, p.Organization, user)
	if err != nil {
		return err
	}
	for _, id := range roles {
		role, err := duty.Get(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := goOff(tx, p, &role, user, ""); err != nil {
			return err
		}
	}
	return nil
}

// tellDuty tells the event log and the audit log who came on duty or went off.
func tellDuty(tx *store.Tx, p *access.Principal, role, user parley.ID, status, reason string) error {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventRoleDuty, Subject: role,
		Data: parley.EventData{Actor: p.User, User: user, Status: status, Reason: reason}})
	act := parley.ActDutyOff
	var changes parley.Changes
	if status == statusOn {
		act = parley.ActDutyOn
		changes.Made("onDuty", string(user))
	} else {
		changes.Gone("onDuty", string(user))
	}
	return p.Did(tx, act, role, changes)
}

func emitParts(tx *store.Tx, p *access.Principal, conversations []parley.ID, user parley.ID, status string) {
	slices.Sort(conversations)
	for _, id := range conversations {
		tx.Emit(p.Organization, parley.Event{Type: parley.EventParticipantsChanged, Conversation: id, Subject: user,
			Data: parley.EventData{Actor: p.User, Status: status}})
	}
}
