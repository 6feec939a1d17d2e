package native

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *door) permissionEndpoints() []*endpoint {
	const read, write = parley.ScopePermissionsRead, parley.ScopePermissionsWrite
	return []*endpoint{
		create(operation("POST /v1/permission-sets", "createPermissionSet", write, "Make a permission set"), http.StatusCreated, d.createPermissionSet),
		list(operation("GET /v1/permission-sets", "listPermissionSets", read, "List permission sets, the built-in ones first"), d.permissionSets),
		get(operation("GET /v1/permission-sets/{id}", "getPermissionSet", read, "Get a permission set"), d.permissionSet),
		matched(change(operation("PATCH /v1/permission-sets/{id}", "patchPermissionSet", write, "Change a permission set"), d.patchPermissionSet)),
		matched(order(operation("DELETE /v1/permission-sets/{id}", "deletePermissionSet", write, "Delete a permission set that nobody has"), d.deletePermissionSet)),
		get(operation("GET /v1/users/{id}/permissions", "getPermissions", read, "Get what a user may do at most"), d.permissions),
		change(operation("PUT /v1/users/{id}/permissions", "setPermissions", write, "Say what a user may do at most"), d.setPermissions),
	}
}

func (d *door) createPermissionSet(c *call, b *api.PermissionSetRequest) (api.PermissionSet, bool, error) {
	s, replayed, err := d.Keys.CreateSet(c.ctx(), c.p, b.Name, wire.Scopes(b.Scopes), c.idempotency())
	return wire.PermissionSet(&s), replayed, err
}

func (d *door) permissionSets(c *call, f api.Page) ([]api.PermissionSet, string, error) {
	sets, err := d.Keys.Sets(c.ctx(), c.p)
	return part(sets, wire.PermissionSet, f, err)
}

func (d *door) permissionSet(c *call) (api.PermissionSet, error) {
	s, err := d.Keys.Set(c.ctx(), c.p, c.id())
	return wire.PermissionSet(&s), err
}

func (d *door) patchPermissionSet(c *call, b *api.PermissionSetPatch) (api.PermissionSet, error) {
	var scopes []parley.Scope
	if b.Scopes != nil {
		scopes = wire.Scopes(b.Scopes)
	}
	s, err := d.Keys.UpdateSet(c.ctx(), c.p, c.id(), b.Name, scopes, c.ifMatch())
	return wire.PermissionSet(&s), err
}

func (d *door) deletePermissionSet(c *call) error {
	return d.Keys.DeleteSet(c.ctx(), c.p, c.id(), c.ifMatch())
}

func (d *door) permissions(c *call) (api.Permissions, error) {
	held, err := d.Keys.Permissions(c.ctx(), c.p, c.id())
	return wire.Permissions(&held), err
}

func (d *door) setPermissions(c *call, b *api.PermissionsRequest) (api.Permissions, error) {
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
	held, err := d.Keys.Permit(c.ctx(), c.p, c.id(), sets)
	return wire.Permissions(&held), err
}
