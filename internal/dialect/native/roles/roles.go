// Package roles answers requests about roles: who may be on duty for one, who is, and the shifts.
package roles

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ directory *directory.Directory }

// Endpoints are the operations of this package.
func Endpoints(d *directory.Directory) []*door.Endpoint {
	a := area{d}
	const read, write, duty = parley.ScopeRolesRead, parley.ScopeRolesWrite, parley.ScopeRolesDuty
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/roles", "createRole", write, "Make a role"), http.StatusCreated, a.createRole),
			parley.ActRoleCreated),
		door.ByID(door.List(door.Operation("GET /v1/roles", "listRoles", read, "List roles"), a.roles)),
		door.Get(door.Operation("GET /v1/roles/{id}", "getRole", read, "Get a role"), a.role),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/roles/{id}", "patchRole", write, "Change a role"), a.patchRole)),
			parley.ActRoleUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/roles/{id}", "deleteRole", write, "Delete a role; its conversations are closed"), a.deleteRole)),
			parley.ActRoleDeleted, parley.ActDutyOff, parley.ActEscalationPolicyDeleted),
		door.ByID(door.List(door.Operation("GET /v1/roles/{id}/members", "listRoleMembers", read, "List the users who may be on duty for a role"), a.roleMembers)),
		door.Audited(door.Change(door.Operation("POST /v1/roles/{id}/members", "addRoleMembers", write, "Let users be on duty for a role"), a.addRoleMembers),
			parley.ActRoleMembersAdded),
		door.Audited(door.Order(door.Operation("DELETE /v1/roles/{id}/members/{userId}", "removeRoleMember", write, "Take a role from a user"), a.removeRoleMember),
			parley.ActRoleMembersRemoved, parley.ActDutyOff),
		door.List(door.Operation("GET /v1/roles/{id}/duty", "listOnDuty", read, "List who is on duty for a role"), a.onDuty),
		door.Audited(door.ChangeOf(door.Operation("POST /v1/roles/{id}/duty/in", "comeOnDuty", duty, "Come on duty for a role, or put somebody on duty"), a.comeOnDuty),
			parley.ActDutyOn, parley.ActDutyOff),
		door.Audited(door.ChangeOf(door.Operation("POST /v1/roles/{id}/duty/out", "goOffDuty", duty, "Go off duty for a role, or take somebody off duty"), a.goOffDuty),
			parley.ActDutyOff, parley.ActDutyOn),
		door.Audited(door.Create(door.Operation("POST /v1/roles/{id}/shifts", "createShift", write, "Plan a shift of a role"), http.StatusCreated, a.createShift),
			parley.ActShiftCreated, parley.ActDutyOn, parley.ActDutyOff),
		door.List(door.Operation("GET /v1/roles/{id}/shifts", "listShifts", read, "List the shifts of a role"), a.shifts),
		door.Audited(door.Order(door.Operation("DELETE /v1/roles/{id}/shifts/{shiftId}", "deleteShift", write, "Take back a shift of a role"), a.deleteShift),
			parley.ActShiftDeleted, parley.ActDutyOn, parley.ActDutyOff),
	}
}

func (a area) createRole(c *door.Call, b *api.RoleRequest) (api.Role, bool, error) {
	params := directory.RoleParams{Name: b.Name, Description: b.Description, Metadata: b.Metadata, Tags: b.Tags, OwnerRequired: b.OwnerRequired,
		SingleOwner: b.SingleOwner, ReplayHistory: b.ReplayHistory, AwayText: b.AwayText, Members: wire.IDs(b.Members)}
	r, replayed, err := a.directory.CreateRole(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Role(&r), replayed, err
}

func (a area) roles(c *door.Call, f api.RoleFilter) ([]api.Role, string, error) {
	filter := directory.RoleFilter{Member: parley.ID(f.Member), OnDuty: parley.ID(f.OnDuty)}
	roles, next, err := a.directory.Roles(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(roles, wire.Role), string(next), err
}

func (a area) role(c *door.Call) (api.Role, error) {
	r, err := a.directory.Role(c.Ctx(), c.P, c.ID())
	return wire.Role(&r), err
}

func (a area) patchRole(c *door.Call, b *api.RolePatch) (api.Role, error) {
	patch := directory.RolePatch{Name: b.Name, Description: b.Description, Metadata: b.Metadata, Tags: b.Tags, OwnerRequired: b.OwnerRequired,
		SingleOwner: b.SingleOwner, ReplayHistory: b.ReplayHistory, AwayText: b.AwayText}
	r, err := a.directory.UpdateRole(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Role(&r), err
}

func (a area) deleteRole(c *door.Call) error {
	return a.directory.DeleteRole(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) roleMembers(c *door.Call, f api.Page) ([]api.Member, string, error) {
	members, next, err := a.directory.RoleMembers(c.Ctx(), c.P, c.ID(), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(members, wire.Member), string(next), err
}

func (a area) addRoleMembers(c *door.Call, b *api.RoleMembers) (api.Role, error) {
	r, err := a.directory.AddRoleMembers(c.Ctx(), c.P, c.ID(), wire.IDs(b.Users))
	return wire.Role(&r), err
}

func (a area) removeRoleMember(c *door.Call) error {
	return a.directory.RemoveRoleMember(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("userId")))
}

func (a area) onDuty(c *door.Call, f api.Page) ([]api.Owner, string, error) {
	owners, err := a.directory.OnDuty(c.Ctx(), c.P, c.ID())
	return door.Part(owners, wire.Owner, f, err)
}

func (a area) comeOnDuty(c *door.Call, b *api.DutyIn) (api.Role, error) {
	r, err := a.directory.ComeOnDuty(c.Ctx(), c.P, c.ID(), parley.ID(b.User))
	return wire.Role(&r), err
}

func (a area) goOffDuty(c *door.Call, b *api.DutyOut) (api.Role, error) {
	r, err := a.directory.GoOffDuty(c.Ctx(), c.P, c.ID(), parley.ID(b.User), parley.ID(b.Successor))
	return wire.Role(&r), err
}

func (a area) createShift(c *door.Call, b *api.ShiftRequest) (api.Shift, bool, error) {
	params := directory.ShiftParams{User: parley.ID(b.User), StartsAt: b.StartsAt.Time, EndsAt: b.EndsAt.Time}
	s, replayed, err := a.directory.CreateShift(c.Ctx(), c.P, c.ID(), params, c.Idempotency())
	return wire.Shift(&s), replayed, err
}

func (a area) shifts(c *door.Call, f api.ShiftFilter) ([]api.Shift, string, error) {
	filter := directory.ShiftFilter{User: parley.ID(f.User), From: f.From, To: f.To}
	shifts, next, err := a.directory.Shifts(c.Ctx(), c.P, c.ID(), filter, f.After, door.Limit(f.Limit))
	return wire.Each(shifts, wire.Shift), next, err
}

func (a area) deleteShift(c *door.Call) error {
	return a.directory.DeleteShift(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("shiftId")))
}
