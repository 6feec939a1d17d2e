// Package profiles is what organizations know of their users besides names: a profile in each organization that an account
// belongs to.
package profiles

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/profile"
)

// Limits of a profile, in characters.
const (
	maxText  = 200
	maxPhone = 50
)

// maxMemberships is how many organizations of an account are listed.
const maxMemberships = 100

// Profiles are those of all users.
type Profiles struct{ store *store.Store }

// New returns the profiles of a store.
func New(s *store.Store) *Profiles { return &Profiles{s} }

// Patch changes a profile. What is nil stays as it is.
type Patch struct {
	Title      *string
	Department *string
	Phone      *string
	Avatar     *parley.ID // empty removes it
}

// Change changes the profile of a user: everybody their own, and who may change users that of others. An ifMatch that is not 0
// must be the revision of the user.
func (s *Profiles) Change(ctx context.Context, p *access.Principal, id parley.ID, patch Patch, ifMatch int64) error {
	if err := p.Require(parley.ScopeUsersSelf); err != nil {
		return err
	}
	if id != p.User {
		if err := p.Require(parley.ScopeUsersWrite); err != nil {
			return err
		}
	}
	return s.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		u, err := tx.User(p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, u.Rev); err != nil {
			return err
		}
		if err := profile.Fill(tx.Queries, p.Organization, &u); err != nil {
			return err
		}
		before := u.Profile
		if err := patch.apply(tx, p, &u.Profile); err != nil {
			return err
		}
		if u.Profile.Avatar != before.Avatar {
			if err := tx.KeepAvatar(p.Organization, id, u.Profile.Avatar); err != nil {
				return err
			}
		}
		if err := profile.Set(tx, p.Organization, id, u.Profile); err != nil {
			return err
		}
		tx.Emit(p.Organization, parley.Event{Type: parley.EventUserUpdated, Subject: id, Data: parley.EventData{Actor: p.User}})
		if err := p.Did(tx, parley.ActUserUpdated, id, changes(before, u.Profile)); err != nil {
			return err
		}
		return tx.UpdateUser(p.Organization, &u)
	})
}

func changes(before, after parley.Profile) parley.Changes {
	var list parley.Changes
	list.Set("profile.title", before.Title, after.Title)
	list.Set("profile.department", before.Department, after.Department)
	list.Set("profile.phone", before.Phone, after.Phone)
	list.Set("profile.avatar", string(before.Avatar), string(after.Avatar))
	return list
}

func (patch *Patch) apply(tx *store.Tx, p *access.Principal, to *parley.Profile) error {
	var c parley.Check
	for _, field := range []struct {
		name  string
		value *string
		to    *string
		most  int
	}{{"title", patch.Title, &to.Title, maxText}, {"department", patch.Department, &to.Department, maxText}, {"phone", patch.Phone, &to.Phone, maxPhone}} {
		if field.value != nil {
			c.Text(field.name, *field.value, false, field.most)
			*field.to = *field.value
		}
	}
	if patch.Avatar != nil && *patch.Avatar != to.Avatar {
		to.Avatar = *patch.Avatar
		if to.Avatar != "" {
			file, err := tx.Media(p.Organization, to.Avatar)
			if parley.IsKind(err, parley.KindNotFound) || err == nil && p.Personal && file.Uploader != p.User {
				c.Refuse("avatar", "media-unknown", "must be the id of a file that you uploaded")
			} else if err != nil {
				return err
			}
		}
	}
	return c.Err()
}

// Me is who a key acts as.
type Me struct {
	Account      *parley.Account // of a personal key
	Organization parley.ID       // that the request acts in
	User         parley.ID       // there
	Scopes       []parley.Scope
	Memberships  []profile.Membership // that the key can act in
}

// Me returns who the principal's key acts as, and where it may: a key that is bound to an organization only there.
func (s *Profiles) Me(ctx context.Context, p *access.Principal) (Me, error) {
	me := Me{Organization: p.Organization, User: p.User, Scopes: p.Scopes()}
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return me, err
	}
	q := s.store.Read(ctx)
	if p.Account != "" {
		account, err := q.Account(p.Account)
		if err != nil {
			return me, err
		}
		me.Account = &account
		if !p.Bound() {
			me.Memberships, err = profile.Memberships(q, p.Account, maxMemberships)
			return me, err
		}
	}
	u, err := q.User(p.Organization, p.User)
	if err != nil {
		return me, err
	}
	o, err := q.Organization(p.Organization)
	if err != nil {
		return me, err
	}
	me.Memberships = []profile.Membership{{Organization: o.ID, Name: o.Name, User: u}}
	return me, profile.Fill(q, p.Organization, &me.Memberships[0].User)
}
