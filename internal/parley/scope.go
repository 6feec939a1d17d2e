package parley

import (
	"slices"
	"time"
)

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
	ScopeEscalationsRead     Scope = "escalations:read"
	ScopeEscalationsWrite    Scope = "escalations:write" // policies; and what becomes of messages of others
	ScopeBroadcastsRead      Scope = "broadcasts:read"
	ScopeBroadcastsWrite     Scope = "broadcasts:write"
	ScopeChannelsRead        Scope = "channels:read"
	ScopeChannelsWrite       Scope = "channels:write"
	ScopeMediaRead           Scope = "media:read"
	ScopeMediaWrite          Scope = "media:write"
	ScopeTemplatesRead       Scope = "templates:read"
	ScopeTemplatesWrite      Scope = "templates:write"
	ScopeRepliesRead         Scope = "replies:read"
	ScopeRepliesWrite        Scope = "replies:write" // saved replies; those of the organization with templates:write
	ScopeEventsRead          Scope = "events:read"
	ScopeWebhooksRead        Scope = "webhooks:read"
	ScopeWebhooksWrite       Scope = "webhooks:write" // have events that the key sees posted elsewhere
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
	ScopeHoldsRead           Scope = "holds:read"
	ScopeHoldsWrite          Scope = "holds:write"
	ScopeAdminHold           Scope = "admin:hold" // read what only a legal hold keeps
)

// Scopes are all scopes, in the order of the reference.
var Scopes = []Scope{
	ScopeMessagesRead, ScopeMessagesSend, ScopeMessagesRecord, ScopeMessagesDelete,
	ScopeConversationsRead, ScopeConversationsWrite, ScopePrivateRead,
	ScopeContactsRead, ScopeContactsWrite, ScopeUsersRead, ScopeUsersWrite, ScopeUsersSelf,
	ScopeTeamsRead, ScopeTeamsWrite, ScopeRolesRead, ScopeRolesWrite, ScopeRolesDuty,
	ScopeEscalationsRead, ScopeEscalationsWrite, ScopeBroadcastsRead, ScopeBroadcastsWrite,
	ScopeChannelsRead, ScopeChannelsWrite, ScopeMediaRead, ScopeMediaWrite,
	ScopeTemplatesRead, ScopeTemplatesWrite, ScopeRepliesRead, ScopeRepliesWrite, ScopeEventsRead,
	ScopeWebhooksRead, ScopeWebhooksWrite, ScopeKeysRead, ScopeKeysWrite, ScopePermissionsRead, ScopePermissionsWrite, ScopeOrganizationRead, ScopeOrganizationWrite,
	ScopeOrganizationsCreate, ScopeSandboxRead, ScopeSandboxWrite, ScopeAuditRead, ScopeHoldsRead, ScopeHoldsWrite, ScopeAdminHold,
}

// Valid reports whether s is one of the scopes.
func (s Scope) Valid() bool { return slices.Contains(Scopes, s) }

// PermissionSet is a named set of scopes. A user who has sets may do no more than they permit, with whatever key.
type PermissionSet struct {
	ID        ID
	Name      string
	Scopes    []Scope
	BuiltIn   bool // has no rows, and does not change
	Rev       int64
	CreatedAt time.Time
}

// SetAdmin is the built-in set of those who may do everything in an organization.
const SetAdmin ID = "admin"

// BuiltInSets are the sets that every organization has.
func BuiltInSets() []PermissionSet {
	all := slices.DeleteFunc(slices.Clone(Scopes), func(s Scope) bool { return s == ScopeOrganizationsCreate })
	return []PermissionSet{
		{ID: SetAdmin, Name: "Administrator", Scopes: all, BuiltIn: true, Rev: 1},
		{ID: "member", Name: "Member", BuiltIn: true, Rev: 1, Scopes: []Scope{ScopeMessagesRead, ScopeMessagesSend, ScopeConversationsRead, ScopeConversationsWrite,
			ScopeContactsRead, ScopeContactsWrite, ScopeUsersRead, ScopeUsersSelf, ScopeTeamsRead, ScopeRolesRead, ScopeRolesDuty, ScopeEscalationsRead, ScopeBroadcastsRead, ScopeChannelsRead,
			ScopeMediaRead, ScopeMediaWrite, ScopeTemplatesRead, ScopeRepliesRead, ScopeRepliesWrite, ScopeEventsRead, ScopeOrganizationRead}},
		{ID: "viewer", Name: "Viewer", BuiltIn: true, Rev: 1, Scopes: []Scope{ScopeMessagesRead, ScopeConversationsRead, ScopeContactsRead, ScopeUsersRead,
			ScopeTeamsRead, ScopeRolesRead, ScopeEscalationsRead, ScopeBroadcastsRead, ScopeChannelsRead, ScopeMediaRead,
			ScopeTemplatesRead, ScopeRepliesRead, ScopeEventsRead, ScopeOrganizationRead}},
	}
}

// BuiltInSet returns the built-in set with an id.
func BuiltInSet(id ID) (PermissionSet, bool) {
	sets := BuiltInSets()
	if at := slices.IndexFunc(sets, func(s PermissionSet) bool { return s.ID == id }); at >= 0 {
		return sets[at], true
	}
	return PermissionSet{}, false
}
