package api

import (
	"context"
	"net/http"
)

// Key is an API credential: an id and a secret, with scopes.
type Key struct {
	ID        string                `json:"id" doc:"The id: the user name with Basic authentication."`
	Name      string                `json:"name" doc:"What people call it."`
	Personal  bool                  `json:"personal" doc:"Whether it acts as a person's user; an organization key acts as a machine user."`
	User      string                `json:"user" doc:"The id of the user it acts as."`
	Scopes    []string              `json:"scopes" doc:"What it permits."`
	RateLimit int                   `json:"rateLimit" doc:"Requests a minute, 0: as the server's option key-rate-limit says."`
	Doors     map[string]DoorGrants `json:"doors,omitempty" doc:"What it is permitted at other doors, in their words, by the name of the door. At a door that is not named, the scopes say it."`
	ExpiresAt Time                  `json:"expiresAt,omitzero" format:"date-time" doc:"When it stops working."`
	RevokedAt Time                  `json:"revokedAt,omitzero" format:"date-time" doc:"When it was revoked."`
	CreatedAt Time                  `json:"createdAt" format:"date-time" doc:"When it was made."`
	Secret    string                `json:"secret,omitempty" doc:"The credential: sent as Bearer, or as the password with Basic authentication. Shown once, when the key is made."`
}

// PermissionSet is a named set of scopes. A user who is limited to sets may do no more than they permit, with whatever key.
type PermissionSet struct {
	ID        string   `json:"id" doc:"The id; of a built-in set admin, member or viewer."`
	Name      string   `json:"name" doc:"What people call it."`
	Scopes    []string `json:"scopes" doc:"What it permits."`
	BuiltIn   bool     `json:"builtIn" doc:"Whether every organization has it, and nobody changes it."`
	Rev       int64    `json:"rev" doc:"Its revision, as in ETag and If-Match."`
	CreatedAt Time     `json:"createdAt,omitzero" format:"date-time" doc:"When it was made; a built-in one never was."`
}

// PermissionSetRequest is a permission set to make. It cannot permit more than the key that makes it.
type PermissionSetRequest struct {
	Name   string   `json:"name" minLength:"1" maxLength:"200" doc:"What people call it; unique in the organization."`
	Scopes []string `json:"scopes" minItems:"1" maxItems:"100" doc:"What it permits, as resource:verb."`
}

// PermissionSetPatch changes a permission set. What is left out stays as it is.
type PermissionSetPatch struct {
	Name   *string  `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"What people call it."`
	Scopes []string `json:"scopes,omitempty" minItems:"1" maxItems:"100" doc:"All that it permits."`
}

// Permissions is what a user may do at most.
type Permissions struct {
	Limited bool     `json:"limited" doc:"Whether the user is limited to permission sets; else a key of the user permits what it says."`
	Sets    []string `json:"sets" doc:"The ids of the user's permission sets."`
	Scopes  []string `json:"scopes" doc:"What they permit together."`
}

// PermissionsRequest says what a user may do at most.
type PermissionsRequest struct {
	Sets      []string `json:"sets,omitempty" maxItems:"100" doc:"Ids of permission sets; none permits nothing. They cannot permit more than the key that gives them."`
	Unlimited bool     `json:"unlimited,omitempty" doc:"Whether the user is not limited to permission sets. Needs every scope of an administrator."`
}

// KeyRequest is a key to make. It cannot permit more than the key that makes it.
type KeyRequest struct {
	Name      string                `json:"name" minLength:"1" maxLength:"200" doc:"What people call it."`
	User      string                `json:"user,omitempty" doc:"The id of a user whose personal key it is; left out: an organization key with a machine user of its own."`
	Scopes    []string              `json:"scopes" minItems:"1" maxItems:"100" doc:"What it permits, as resource:verb."`
	RateLimit int                   `json:"rateLimit,omitempty" minimum:"0" maximum:"1000000000" doc:"Requests a minute, 0 or left out: as the server's option key-rate-limit says."`
	Doors     map[string]DoorGrants `json:"doors,omitempty" doc:"What it is permitted at the doors bird, kustomer, spruce and tigerconnect, in their words. At a door that is not named, the scopes say it; at all of them it permits no more than they do."`
	ExpiresAt Time                  `json:"expiresAt,omitzero" format:"date-time" doc:"When it stops working; left out: never."`
}

// DoorGrants is what a key is permitted at a door, in its words.
type DoorGrants struct {
	Roles    []string     `json:"roles,omitempty" maxItems:"500" doc:"Names of roles, as the door's API has them."`
	Policies []DoorPolicy `json:"policies,omitempty" maxItems:"500" doc:"Access policies, as the door's API has them; what none allows is denied."`
}

// DoorPolicy allows or denies actions on paths.
type DoorPolicy struct {
	Effect    string   `json:"effect" enum:"allow,deny" doc:"What it does; what is denied is so whatever else allows it."`
	Actions   []string `json:"actions" maxItems:"500" doc:"Of what: create, view, update, delete or any."`
	Resources []string `json:"resources" maxItems:"500" doc:"Paths. A star stands for one segment, two at the end for any that follow."`
}

// CreateKey makes a key. Its secret is in this answer only; a repeated call with the same idempotency key
// returns the key without it.
func (c *Client) CreateKey(ctx context.Context, key KeyRequest, options ...CallOption) (*Key, error) {
	return fetch[Key](ctx, c, request{method: http.MethodPost, path: "/v1/keys", in: &key}, options...)
}

// GetKey returns a key as it is now.
func (c *Client) GetKey(ctx context.Context, id string, options ...CallOption) (*Key, error) {
	return fetch[Key](ctx, c, request{method: http.MethodGet}.pathOf("v1", "keys", id), options...)
}

// ListKeys returns a page of keys.
func (c *Client) ListKeys(ctx context.Context, page Page, options ...CallOption) (*List[Key], error) {
	r := request{method: http.MethodGet, path: "/v1/keys", query: queryOf(page)}
	return fetch[List[Key]](ctx, c, r, options...)
}

// RevokeKey ends a key at once.
func (c *Client) RevokeKey(ctx context.Context, id string, options ...CallOption) error {
	return order(ctx, c, request{method: http.MethodDelete}.pathOf("v1", "keys", id), options...)
}
