package native

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *door) roleEndpoints() []*endpoint {
	const read, write, duty = parley.ScopeRolesRead, parley.ScopeRolesWrite, parley.ScopeRolesDuty
	return []*endpoint{
		create(operation("POST /v1/roles", "createRole", write, "Make a role"), http.StatusCreated, d.createRole),
		byID(list(operation("GET /v1/roles", "listRoles", read, "List roles"), d.roles)),
		get(operation("GET /v1/roles/{id}", "getRole", read, "Get a role"), d.role),
		matched(change(operation("PATCH /v1/roles/{id}", "patchRole", write, "Change a role"), d.patchRole)),
		matched(order(operation("DELETE /v1/roles/{id}", "deleteRole", write, "Delete a role; its conversations are closed"), d.deleteRole)),
		byID(list(operation("GET /v1/roles/{id}/members", "listRoleMembers", read, "List the users who may be on duty for a role"), d.roleMembers)),
		change(operation("POST /v1/roles/{id}/members", "addRoleMembers", write, "Let users be on duty for a role"), d.addRoleMembers),
		order(operation("DELETE /v1/roles/{id}/members/{userId}", "removeRoleMember", write, "Take a role from a user"), d.removeRoleMember),
		list(operation("GET /v1/roles/{id}/duty", "listOnDuty", read, "List who is on duty for a role"), d.onDuty),
		changeOf(operation("POST /v1/roles/{id}/duty/in", "comeOnDuty", duty, "Come on duty for a role, or put somebody on duty"), d.comeOnDuty),
		changeOf(operation("POST /v1/roles/{id}/duty/out", "goOffDuty", duty, "Go off duty for a role, or take somebody off duty"), d.goOffDuty),
		create(operation("POST /v1/roles/{id}/shifts", "createShift", write, "Plan a shift of a role"), http.StatusCreated, d.createShift),
		list(operation("GET /v1/roles/{id}/shifts", "listShifts", read, "List the shifts of a role"), d.shifts),
		order(operation("DELETE /v1/roles/{id}/shifts/{shiftId}", "deleteShift", write, "Take back a shift of a role"), d.deleteShift),
	}
}

func (d *door) createRole(c *call, b *api.RoleRequest) (api.Role, bool, error) {
	params := directory.RoleParams{Name: b.Name, Description: b.Description, Metadata: b.Metadata, Tags: b.Tags, OwnerRequired: b.OwnerRequired,
		SingleOwner: b.SingleOwner, ReplayHistory: b.ReplayHistory, AwayText: b.AwayText, Members: wire.IDs(b.Members)}
	r, replayed, err := d.Directory.CreateRole(c.ctx(), c.p, params, c.idempotency())
	return wire.Role(&r), replayed, err
}

func (d *door) roles(c *call, f api.RoleFilter) ([]api.Role, string, error) {
	filter := directory.RoleFilter{Member: parley.ID(f.Member), OnDuty: parley.ID(f.OnDuty)}
	roles, next, err := d.Directory.Roles(c.ctx(), c.p, filter, parley.ID(f.After), limit(f.Limit))
	return wire.Each(roles, wire.Role), string(next), err
}

func (d *door) role(c *call) (api.Role, error) {
	r, err := d.Directory.Role(c.ctx(), c.p, c.id())
	return wire.Role(&r), err
}

func (d *door) patchRole(c *call, b *api.RolePatch) (api.Role, error) {
	patch := directory.RolePatch{Name: b.Name, Description: b.Description, Metadata: b.Metadata, Tags: b.Tags, OwnerRequired: b.OwnerRequired,
		SingleOwner: b.SingleOwner, ReplayHistory: b.ReplayHistory, AwayText: b.AwayText}
	r, err := d.Directory.UpdateRole(c.ctx(), c.p, c.id(), patch, c.ifMatch())
	return wire.Role(&r), err
}

func (d *door) deleteRole(c *call) error {
	return d.Directory.DeleteRole(c.ctx(), c.p, c.id(), c.ifMatch())
}

func (d *door) roleMembers(c *call, f api.Page) ([]api.Member, string, error) {
	members, next, err := d.Directory.RoleMembers(c.ctx(), c.p, c.id(), parley.ID(f.After), limit(f.Limit))
	return wire.Each(members, wire.Member), string(next), err
}

func (d *door) addRoleMembers(c *call, b *api.RoleMembers) (api.Role, error) {
	r, err := d.Directory.AddRoleMembers(c.ctx(), c.p, c.id(), wire.IDs(b.Users))
	return wire.Role(&r), err
}

func (d *door) removeRoleMember(c *call) error {
	return d.Directory.RemoveRoleMember(c.ctx(), c.p, c.id(), parley.ID(c.r.PathValue("userId")))
}

func (d *door) onDuty(c *call, f api.Page) ([]api.Owner, string, error) {
	owners, err := d.Directory.OnDuty(c.ctx(), c.p, c.id())
	return part(owners, wire.Owner, f, err)
}

func (d *door) comeOnDuty(c *call, b *api.DutyIn) (api.Role, error) {
	r, err := d.Directory.ComeOnDuty(c.ctx(), c.p, c.id(), parley.ID(b.User))
	return wire.Role(&r), err
}

func (d *door) goOffDuty(c *call, b *api.DutyOut) (api.Role, error) {
	r, err := d.Directory.GoOffDuty(c.ctx(), c.p, c.id(), parley.ID(b.User), parley.ID(b.Successor))
	return wire.Role(&r), err
}

func (d *door) createShift(c *call, b *api.ShiftRequest) (api.Shift, bool, error) {
	params := directory.ShiftParams{User: parley.ID(b.User), StartsAt: b.StartsAt.Time, EndsAt: b.EndsAt.Time}
	s, replayed, err := d.Directory.CreateShift(c.ctx(), c.p, c.id(), params, c.idempotency())
	return wire.Shift(&s), replayed, err
}

func (d *door) shifts(c *call, f api.ShiftFilter) ([]api.Shift, string, error) {
	filter := directory.ShiftFilter{User: parley.ID(f.User), From: f.From, To: f.To}
	shifts, next, err := d.Directory.Shifts(c.ctx(), c.p, c.id(), filter, f.After, limit(f.Limit))
	return wire.Each(shifts, wire.Shift), next, err
}

func (d *door) deleteShift(c *call) error {
	return d.Directory.DeleteShift(c.ctx(), c.p, c.id(), parley.ID(c.r.PathValue("shiftId")))
}
