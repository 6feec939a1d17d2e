package kustomer

import (
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
)

// scopeRoles say which roles a key without grants of the door has by its scopes: both vocabularies of Kustomer for each.
var scopeRoles = []struct {
	scopes []parley.Scope // all of them
	roles  []string
}{
	{[]parley.Scope{parley.ScopeMessagesSend, parley.ScopeMessagesRecord}, []string{"org.user.message.write", "org.permission.message.create", "org.permission.message.update"}},
	{[]parley.Scope{parley.ScopeMessagesRead}, []string{"org.user.message.read", "org.permission.message.read"}},
	{[]parley.Scope{parley.ScopeConversationsRead}, []string{"org.user.conversation.read", "org.permission.conversation.read"}},
	{[]parley.Scope{parley.ScopeContactsRead}, []string{"org.user.customer.read", "org.permission.customer.read"}},
	{[]parley.Scope{parley.ScopeOrganizationWrite, parley.ScopeMessagesRecord}, []string{roleAdmin}},
}

// roleAdmin lets whoever has it say when and by whom something was made.
const roleAdmin = "org.admin"

// rolesOf are the roles of a key.
func rolesOf(p *access.Principal) []string {
	if grants, ok := p.Doors[Name]; ok {
		return grants.Roles
	}
	var roles []string
	for _, s := range scopeRoles {
		if !slices.ContainsFunc(s.scopes, func(scope parley.Scope) bool { return !p.Has(scope) }) {
			roles = append(roles, s.roles...)
		}
	}
	return roles
}

// covers reports whether one of some roles is another or above it: org.user is above org.user.message.write.
func covers(held []string, role string) bool {
	return slices.ContainsFunc(held, func(h string) bool { return h == role || strings.HasPrefix(role, h+".") })
}

// permitted reports whether a key has any of some roles. None is asked of those that are asked for none.
func permitted(p *access.Principal, any []string) bool {
	if len(any) == 0 {
		return true
	}
	held := rolesOf(p)
	return slices.ContainsFunc(any, func(role string) bool { return covers(held, role) })
}

// isAdmin reports whether a key may say when and by whom something was made.
func isAdmin(p *access.Principal) bool { return covers(rolesOf(p), roleAdmin) }
