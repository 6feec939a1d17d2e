// Package permissions answers requests about permission sets, and about who has which.
package permissions

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ keys *access.Keys }

// Endpoints are the operations of this package.
func Endpoints(keys *access.Keys) []*door.Endpoint {
	a := area{keys}
	const read, write = parley.ScopePermissionsRead, parley.ScopePermissionsWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/permission-sets", "createPermissionSet", write, "Make a permission set"), http.StatusCreated, a.createPermissionSet),
			parley.ActSetCreated),
		door.List(door.Operation("GET /v1/permission-sets", "listPermissionSets", read, "List permission sets, the built-in ones first"), a.permissionSets),
		door.Get(door.Operation("GET /v1/permission-sets/{id}", "getPermissionSet", read, "Get a permission set"), a.permissionSet),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/permission-sets/{id}", "patchPermissionSet", write, "Change a permission set"), a.patchPermissionSet)),
			parley.ActSetUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/permission-sets/{id}", "deletePermissionSet", write, "Delete a permission set that nobody has"), a.deletePermissionSet)),
			parley.ActSetDeleted),
		door.Get(door.Operation("GET /v1/users/{id}/permissions", "getPermissions", read, "Get what a user may do at most"), a.permissions),
		door.Audited(door.Change(door.Operation("PUT /v1/users/{id}/permissions", "setPermissions", write, "Say what a user may do at most"), a.setPermissions),
			parley.ActUserPermissions),
	}
}

func (a area) createPermissionSet(c *door.Call, b *api.PermissionSetRequest) (api.PermissionSet, bool, error) {
	s, replayed, err := a.keys.CreateSet(c.Ctx(), c.P, b.Name, wire.Scopes(b.Scopes), c.Idempotency())
	return wire.PermissionSet(&s), replayed, err
}

func (a area) permissionSets(c *door.Call, f api.Page) ([]api.PermissionSet, string, error) {
	sets, err := a.keys.Sets(c.Ctx(), c.P)
	return door.Part(sets, wire.PermissionSet, f, err)
}

func (a area) permissionSet(c *door.Call) (api.PermissionSet, error) {
	s, err := a.keys.Set(c.Ctx(), c.P, c.ID())
	return wire.PermissionSet(&s), err
}

func (a area) patchPermissionSet(c *door.Call, b *api.PermissionSetPatch) (api.PermissionSet, error) {
	var scopes []parley.Scope
	if b.Scopes != nil {
		scopes = wire.Scopes(b.Scopes)
	}
	s, err := a.keys.UpdateSet(c.Ctx(), c.P, c.ID(), b.Name, scopes, c.IfMatch())
	return wire.PermissionSet(&s), err
}

func (a area) deletePermissionSet(c *door.Call) error {
	return a.keys.DeleteSet(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) permissions(c *door.Call) (api.Permissions, error) {
	held, err := a.keys.Permissions(c.Ctx(), c.P, c.ID())
	return wire.Permissions(&held), err
}

func (a area) setPermissions(c *door.Call, b *api.PermissionsRequest) (api.Permissions, error) {
	if b.Unlimited && len(b.Sets) > 0 {
		return api.Permissions{}, parley.Invalid("sets", "not-allowed", "does not go with unlimited")
	}
	sets := wire.IDs(b.Sets)
	switch {
	case b.Unlimited:
		sets = nil
	case sets == nil:
		sets = []parley.ID{}
	}
	held, err := a.keys.Permit(c.Ctx(), c.P, c.ID(), sets)
	return wire.Permissions(&held), err
}
