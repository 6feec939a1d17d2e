// Package access says who asks and what they may: it turns credentials into principals, keeps the keys, and
// binds the Idempotency-Keys of requests to who made them.
package access

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Principal is who a request acts as: a key's user in one organization. It is never changed once made, and
// may be shared.
type Principal struct {
	Organization parley.ID
	Key          parley.ID // empty for the server itself
	Account      parley.ID // of a personal key
	User         parley.ID // empty for the server itself
	UserName     string
	Personal     bool                         // acts as a person, not as the organization
	RateLimit    int                          // requests a minute, 0: no limit
	ExpiresAt    time.Time                    // when the key ends; zero: never
	Doors        map[string]parley.DoorGrants // what the key is permitted at doors that have grants of their own; not to be changed

	scopes   []parley.Scope // sorted
	bound    bool           // the key works in this organization only
	operator bool           // is whoever runs the server, from outside of its organizations
	address  string         // that the request came from; empty where that is not known, or does not matter
	seal     [32]byte       // makes what is kept of requests unguessable; derived from the secret, and never stored
	links    []byte         // signs links; derived from what is kept of the secret
}

// System is the server itself at work in an organization, permitted everything there.
func System(organization parley.ID) *Principal {
	scopes := slices.DeleteFunc(slices.Clone(parley.Scopes), func(s parley.Scope) bool { return s == parley.ScopeOrganizationsCreate })
	return newPrincipal(Principal{Organization: organization, UserName: "system"}, scopes)
}

// SystemOperator is the server itself at work in an organization for whoever runs it.
func SystemOperator(organization parley.ID) *Principal {
	return newPrincipal(Principal{Organization: organization, UserName: "system", operator: true}, parley.Scopes)
}

// Operator is whoever runs the server, who makes organizations.
func Operator() *Principal {
	return newPrincipal(Principal{UserName: "operator", operator: true}, []parley.Scope{parley.ScopeOrganizationsCreate})
}

func newPrincipal(p Principal, scopes []parley.Scope) *Principal {
	p.scopes = slices.Clone(scopes)
	slices.Sort(p.scopes)
	p.scopes = slices.Compact(p.scopes)
	return &p
}

// Has reports whether the key has a scope.
func (p *Principal) Has(scope parley.Scope) bool {
	_, found := slices.BinarySearch(p.scopes, scope)
	return found
}

// Bound reports whether the key works in this organization only.
func (p *Principal) Bound() bool { return p.bound }

// Require refuses a key without a scope.
func (p *Principal) Require(scope parley.Scope) error {
	if p.Has(scope) {
		return nil
	}
	return parley.Forbidden(scope)
}

// Scopes are the key's scopes, sorted.
func (p *Principal) Scopes() []parley.Scope { return slices.Clone(p.scopes) }

// Actor is the principal's user as the author of something.
func (p *Principal) Actor() parley.Actor {
	if p.User == "" {
		return parley.Actor{Kind: parley.ActorSystem, Name: p.UserName}
	}
	return parley.Actor{Kind: parley.ActorUser, ID: p.User, Name: p.UserName}
}

// Acting is AsUser as far as the user's permission sets go now.
func Acting(q store.Queries, organization parley.ID, u parley.User) (*Principal, error) {
	p := AsUser(organization, u)
	scopes, err := within(q, organization, u.ID, p.scopes)
	return newPrincipal(*p, scopes), err
}

// AsUser is the principal for what a user asked for earlier, such as a scheduled message: it sees and may do
// what the user's own key would.
func AsUser(organization parley.ID, u parley.User) *Principal {
	return newPrincipal(Principal{Organization: organization, Account: u.Account, User: u.ID, UserName: u.Name, Personal: !u.Machine}, parley.Scopes)
}
