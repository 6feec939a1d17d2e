// Package profiles answers requests about who a key acts as, and about what organizations know of their users.
package profiles

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/profiles"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct {
	core      *core.Core
	directory *directory.Directory
}

// Endpoints are the operations of this package.
func Endpoints(c *core.Core, d *directory.Directory) []*door.Endpoint {
	a := area{c, d}
	patch := door.Operation("PATCH /v1/users/{id}/profile", "patchProfile", parley.ScopeUsersSelf, "Change the profile of a user")
	patch.Details = "One's own; that of somebody else needs users:write too."
	return []*door.Endpoint{
		door.Get(door.Operation("GET /v1/me", "getMe", parley.ScopeUsersRead, "Get who the key acts as, and where it can act"), a.me),
		door.Audited(door.Matched(door.Change(patch, a.patch)), parley.ActUserUpdated),
	}
}

func (a area) me(c *door.Call) (api.Me, error) {
	me, err := a.core.Profiles.Me(c.Ctx(), c.P)
	if err != nil {
		return api.Me{}, err
	}
	out := api.Me{Organization: string(me.Organization), User: string(me.User), Scopes: []string{}, Organizations: []api.Membership{}}
	if me.Account != nil {
		out.Account, out.Email = string(me.Account.ID), me.Account.Email
	}
	for _, scope := range me.Scopes {
		out.Scopes = append(out.Scopes, string(scope))
	}
	for _, m := range me.Memberships {
		out.Organizations = append(out.Organizations, api.Membership{Organization: string(m.Organization), Name: m.Name, User: string(m.User.ID),
			UserName: m.User.Name, Profile: wire.Profile(m.User.Profile)})
	}
	return out, nil
}

func (a area) patch(c *door.Call, b *api.ProfilePatch) (api.User, error) {
	patch := profiles.Patch{Title: b.Title, Department: b.Department, Phone: b.Phone, Avatar: wire.Convert[parley.ID](b.Avatar)}
	if err := a.core.Profiles.Change(c.Ctx(), c.P, c.ID(), patch, c.IfMatch()); err != nil {
		return api.User{}, err
	}
	u, err := a.directory.Shown(c.Ctx(), c.P, c.ID())
	return wire.User(&u), err
}
