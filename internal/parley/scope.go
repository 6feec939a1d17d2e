package parley

import "slices"

// Scope is a permission of a key, "resource:verb".
type Scope string

// The scopes.
const (
	ScopeMessagesRead        Scope = "messages:read"
	ScopeMessagesSend        Scope = "messages:send"
	ScopeMessagesRecord      Scope = "messages:record"
	ScopeMessagesDelete      Scope = "messages:delete"
	ScopeConversationsRead   Scope = "conversations:read"
	ScopeConversationsWrite  Scope = "conversations:write"
	ScopePrivateRead         Scope = "conversations:read.private" // an organization key sees conversations of members
	ScopeContactsRead        Scope = "contacts:read"
	ScopeContactsWrite       Scope = "contacts:write"
	ScopeUsersRead           Scope = "users:read"
	ScopeUsersWrite          Scope = "users:write"
	ScopeUsersSelf           Scope = "users:self" // the key's user changes its own profile, and whether it is to be disturbed
	ScopeTeamsRead           Scope = "teams:read"
	ScopeTeamsWrite          Scope = "teams:write"
	ScopeRolesRead           Scope = "roles:read"
	ScopeRolesWrite          Scope = "roles:write"
	ScopeRolesDuty           Scope = "roles:duty" // the key's user comes on duty and goes off
	ScopeBroadcastsRead      Scope = "broadcasts:read"
	ScopeBroadcastsWrite     Scope = "broadcasts:write"
	ScopeChannelsRead        Scope = "channels:read"
	ScopeChannelsWrite       Scope = "channels:write"
	ScopeMediaRead           Scope = "media:read"
	ScopeMediaWrite          Scope = "media:write"
	ScopeEventsRead          Scope = "events:read"
	ScopeKeysRead            Scope = "keys:read"
	ScopeKeysWrite           Scope = "keys:write"
	ScopePermissionsRead     Scope = "permissions:read"
	ScopePermissionsWrite    Scope = "permissions:write"
	ScopeOrganizationRead    Scope = "organization:read"
	ScopeOrganizationWrite   Scope = "organization:write"
	ScopeOrganizationsCreate Scope = "organizations:create" // the operator's: make further organizations
	ScopeSandboxRead         Scope = "sandbox:read"
	ScopeSandboxWrite        Scope = "sandbox:write"
	ScopeAuditRead           Scope = "audit:read"
	ScopeAdminHold           Scope = "admin:hold"
)

// Scopes are all scopes, in the order of the reference.
var Scopes = []Scope{
	ScopeMessagesRead, ScopeMessagesSend, ScopeMessagesRecord, ScopeMessagesDelete,
	ScopeConversationsRead, ScopeConversationsWrite, ScopePrivateRead,
	ScopeContactsRead, ScopeContactsWrite, ScopeUsersRead, ScopeUsersWrite, ScopeUsersSelf,
	ScopeTeamsRead, ScopeTeamsWrite, ScopeRolesRead, ScopeRolesWrite, ScopeRolesDuty, ScopeBroadcastsRead, ScopeBroadcastsWrite,
	ScopeChannelsRead, ScopeChannelsWrite, ScopeMediaRead, ScopeMediaWrite, ScopeEventsRead,
	ScopeKeysRead, ScopeKeysWrite, ScopePermissionsRead, ScopePermissionsWrite, ScopeOrganizationRead, ScopeOrganizationWrite,
	ScopeOrganizationsCreate, ScopeSandboxRead, ScopeSandboxWrite, ScopeAuditRead, ScopeAdminHold,
}

// Valid reports whether s is one of the scopes.
func (s Scope) Valid() bool { return slices.Contains(Scopes, s) }
