package api

import (
	"context"
	"net/http"
	"time"
)

// Role is an on-duty function: whoever writes to it reaches those who are on duty for it.
type Role struct {
	ID            string            `json:"id" doc:"The id."`
	Name          string            `json:"name" doc:"What people call it."`
	Description   string            `json:"description,omitempty" doc:"What it is for."`
	Metadata      map[string]string `json:"metadata" doc:"Facts kept with the role."`
	Tags          []string          `json:"tags" doc:"Labels."`
	OwnerRequired bool              `json:"ownerRequired" doc:"Whether nobody may write to it while nobody is on duty, and the last one goes off duty by hand only with a successor."`
	SingleOwner   bool              `json:"singleOwner" doc:"Whether one at a time is on duty: who comes takes over."`
	ReplayHistory bool              `json:"replayHistory" doc:"Whether who comes on duty sees what was written before; else only what comes after, and what came while nobody was on duty."`
	AwayText      string            `json:"awayText,omitempty" doc:"The answer to who writes first while nobody is on duty."`
	Members       []string          `json:"members" doc:"The ids of the users who may be on duty."`
	OnDuty        []string          `json:"onDuty" doc:"The ids of the users who are."`
	Rev           int64             `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt     Time              `json:"createdAt" format:"date-time" doc:"When it was made."`
}

// RoleRequest is a role to make.
type RoleRequest struct {
	Name          string            `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	Description   string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Metadata      map[string]string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to keep with the role."`
	Tags          []string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"Labels."`
	OwnerRequired bool              `json:"ownerRequired,omitempty" doc:"Whether nobody may write to it while nobody is on duty."`
	SingleOwner   bool              `json:"singleOwner,omitempty" doc:"Whether one at a time is on duty."`
	ReplayHistory bool              `json:"replayHistory,omitempty" doc:"Whether who comes on duty sees what was written before."`
	AwayText      string            `json:"awayText,omitempty" maxLength:"2000" doc:"The answer to who writes first while nobody is on duty."`
	Members       []string          `json:"members,omitempty" maxItems:"1000" doc:"The ids of the users who may be on duty."`
}

// RolePatch changes a role. What is left out stays as it is.
type RolePatch struct {
	Name          *string            `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Description   *string            `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Metadata      map[string]*string `json:"metadata,omitempty" maxProperties:"100" doc:"Facts to set, one by one; null removes one."`
	Tags          *[]string          `json:"tags,omitempty" maxItems:"50" maxLength:"100" doc:"All labels."`
	OwnerRequired *bool              `json:"ownerRequired,omitempty" doc:"Whether nobody may write to it while nobody is on duty."`
	SingleOwner   *bool              `json:"singleOwner,omitempty" doc:"Whether one at a time is on duty. Refused while several are, or are planned to be."`
	ReplayHistory *bool              `json:"replayHistory,omitempty" doc:"Whether who comes on duty sees what was written before."`
	AwayText      *string            `json:"awayText,omitempty" maxLength:"2000" doc:"The answer to who writes first while nobody is on duty."`
}

// RoleFilter says which roles a list holds: those to which everything given applies.
type RoleFilter struct {
	Page
	Member string `query:"member" doc:"Which this user may be on duty for."`
	OnDuty string `query:"onDuty" doc:"Which this user is on duty for."`
}

// RoleMembers are users who may be on duty for a role.
type RoleMembers struct {
	Users []string `json:"users" minItems:"1" maxItems:"1000" doc:"Ids of users; those who are members stay members."`
}

// Owner is a user on duty for a role.
type Owner struct {
	User  string `json:"user" doc:"The id of the user."`
	Name  string `json:"name" doc:"What people call the user."`
	Since Time   `json:"since" format:"date-time" doc:"When the user came on duty."`
	Shift string `json:"shift,omitempty" doc:"The id of the shift that brought the user on duty and ends it; left out where the user came by hand."`
}

// DutyIn says who comes on duty.
type DutyIn struct {
	User string `json:"user,omitempty" doc:"The id of a member of the role; left out: the key's user. Somebody else needs the scope roles:write."`
}

// DutyOut says who goes off duty.
type DutyOut struct {
	User      string `json:"user,omitempty" doc:"The id of who is on duty; left out: the key's user. Somebody else needs the scope roles:write."`
	Successor string `json:"successor,omitempty" doc:"The id of a member of the role who comes on duty instead."`
}

// ShiftState is where a shift stands.
type ShiftState string

// The states of a shift.
const (
	ShiftPlanned ShiftState = "planned"
	ShiftBegun   ShiftState = "begun"
	ShiftOver    ShiftState = "over"
)

// Shift is a time for which a user is planned to be on duty.
type Shift struct {
	ID        string     `json:"id" doc:"The id."`
	Role      string     `json:"role" doc:"The id of the role."`
	User      string     `json:"user" doc:"The id of the user."`
	StartsAt  Time       `json:"startsAt" format:"date-time" doc:"When the user comes on duty."`
	EndsAt    Time       `json:"endsAt" format:"date-time" doc:"When the user goes off duty."`
	State     ShiftState `json:"state" enum:"planned,begun,over" doc:"Where it stands."`
	CreatedAt Time       `json:"createdAt" format:"date-time" doc:"When it was planned."`
}

// ShiftRequest is a shift to plan.
type ShiftRequest struct {
	User     string `json:"user" minLength:"1" doc:"The id of a member of the role."`
	StartsAt Time   `json:"startsAt" format:"date-time" doc:"When the user comes on duty; past: at once."`
	EndsAt   Time   `json:"endsAt" format:"date-time" doc:"When the user goes off duty: after startsAt, and at most 31 days."`
}

// ShiftFilter says which shifts a list holds: those to which everything given applies.
type ShiftFilter struct {
	Page
	User string    `query:"user" doc:"Of this user."`
	From time.Time `query:"from" doc:"That end after this time."`
	To   time.Time `query:"to" doc:"That begin before this time."`
}

// CreateRole makes a role.
func (c *Client) CreateRole(ctx context.Context, role RoleRequest, options ...CallOption) (*Role, error) {
	return fetch[Role](ctx, c, request{method: http.MethodPost, path: "/v1/roles", in: &role}, options...)
}

// GetRole returns a role as it is now.
func (c *Client) GetRole(ctx context.Context, id string, options ...CallOption) (*Role, error) {
	return fetch[Role](ctx, c, request{method: http.MethodGet}.pathOf("v1", "roles", id), options...)
}

// ListRoles returns a page of roles.
func (c *Client) ListRoles(ctx context.Context, filter RoleFilter, options ...CallOption) (*List[Role], error) {
	r := request{method: http.MethodGet, path: "/v1/roles", query: queryOf(filter)}
	return fetch[List[Role]](ctx, c, r, options...)
}

// PatchRole changes a role.
func (c *Client) PatchRole(ctx context.Context, id string, patch RolePatch, options ...CallOption) (*Role, error) {
	r := request{method: http.MethodPatch, in: &patch}
	return fetch[Role](ctx, c, r.pathOf("v1", "roles", id), options...)
}

// DeleteRole deletes a role.
func (c *Client) DeleteRole(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "roles", id), options...)
}

// ListRoleMembers returns a page of the users who may be on duty for a role.
func (c *Client) ListRoleMembers(ctx context.Context, role string, page Page, options ...CallOption) (*List[Member], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Member]](ctx, c, r.pathOf("v1", "roles", role, "members"), options...)
}

// AddRoleMembers lets users be on duty for a role, and returns the role.
func (c *Client) AddRoleMembers(ctx context.Context, role string, members RoleMembers, options ...CallOption) (*Role, error) {
	r := request{method: http.MethodPost, in: &members}
	return fetch[Role](ctx, c, r.pathOf("v1", "roles", role, "members"), options...)
}

// RemoveRoleMember takes a role from a user.
func (c *Client) RemoveRoleMember(ctx context.Context, role, user string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "roles", role, "members", user), options...)
}

// ListOnDuty returns a page of who is on duty for a role.
func (c *Client) ListOnDuty(ctx context.Context, role string, page Page, options ...CallOption) (*List[Owner], error) {
	r := request{method: http.MethodGet, query: queryOf(page)}
	return fetch[List[Owner]](ctx, c, r.pathOf("v1", "roles", role, "duty"), options...)
}

// ComeOnDuty puts somebody on duty for a role, and returns the role.
func (c *Client) ComeOnDuty(ctx context.Context, role string, in DutyIn, options ...CallOption) (*Role, error) {
	r := request{method: http.MethodPost, in: &in}
	return fetch[Role](ctx, c, r.pathOf("v1", "roles", role, "duty", "in"), options...)
}

// GoOffDuty takes somebody off duty for a role, and returns the role.
func (c *Client) GoOffDuty(ctx context.Context, role string, out DutyOut, options ...CallOption) (*Role, error) {
	r := request{method: http.MethodPost, in: &out}
	return fetch[Role](ctx, c, r.pathOf("v1", "roles", role, "duty", "out"), options...)
}

// CreateShift plans a shift of a role.
func (c *Client) CreateShift(ctx context.Context, role string, shift ShiftRequest, options ...CallOption) (*Shift, error) {
	r := request{method: http.MethodPost, in: &shift}
	return fetch[Shift](ctx, c, r.pathOf("v1", "roles", role, "shifts"), options...)
}

// ListShifts returns a page of a role's shifts, in the order in which they begin.
func (c *Client) ListShifts(ctx context.Context, role string, filter ShiftFilter, options ...CallOption) (*List[Shift], error) {
	r := request{method: http.MethodGet, query: queryOf(filter)}
	return fetch[List[Shift]](ctx, c, r.pathOf("v1", "roles", role, "shifts"), options...)
}

// DeleteShift takes back a shift of a role.
func (c *Client) DeleteShift(ctx context.Context, role, shift string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "roles", role, "shifts", shift), options...)
}
