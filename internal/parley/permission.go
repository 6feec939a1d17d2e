package parley

import (
	"slices"
	"time"
)

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
			ScopeContactsRead, ScopeContactsWrite, ScopeUsersRead, ScopeUsersSelf, ScopeTeamsRead, ScopeRolesRead, ScopeRolesDuty, ScopeBroadcastsRead, ScopeChannelsRead,
			ScopeMediaRead, ScopeMediaWrite, ScopeEventsRead, ScopeOrganizationRead}},
		{ID: "viewer", Name: "Viewer", BuiltIn: true, Rev: 1, Scopes: []Scope{ScopeMessagesRead, ScopeConversationsRead, ScopeContactsRead, ScopeUsersRead,
			ScopeTeamsRead, ScopeRolesRead, ScopeBroadcastsRead, ScopeChannelsRead, ScopeMediaRead, ScopeEventsRead, ScopeOrganizationRead}},
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
