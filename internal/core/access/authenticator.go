package access

import (
	"context"
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const (
	cacheFor       = time.Second // how long a verified key may go on after another node has revoked it
	cacheLimit     = 10_000
	maxMemberships = 100 // organizations named as candidates

	organizationHeader = "Parley-Organization" // where a request names the organization it acts in
)

// Authenticator turns credentials into principals. It keeps the verified keys of the last second.
type Authenticator struct {
	store *store.Store
	now   func() time.Time

	mu         sync.RWMutex
	cache      map[cacheKey]cached
	generation uint64 // raised when the cache is dropped: what was read before is not put in
}

type cacheKey struct {
	id           parley.ID
	organization string // as the request names it
}

type cached struct {
	hash      [sha256.Size]byte
	principal *Principal
	until     time.Time
}

// NewAuthenticator returns an authenticator of the store's keys. A nil now is time.Now.
func NewAuthenticator(s *store.Store, now func() time.Time) *Authenticator {
	if now == nil {
		now = time.Now
	}
	return &Authenticator{store: s, now: now, cache: map[cacheKey]cached{}}
}

// Authenticate returns the principal of a credential: a token, "id:secret" or "id:token". The organization is
// what the request names with Parley-Organization, or empty; a personal key of somebody who belongs to
// several must name one.
func (a *Authenticator) Authenticate(ctx context.Context, credential, organization string) (*Principal, error) {
	id, secret, ok := splitCredential(credential)
	if !ok {
		return nil, errCredential()
	}
	now := a.now()
	a.mu.RLock()
	entry, found := a.cache[cacheKey{id, organization}]
	generation := a.generation
	a.mu.RUnlock()
	// A clock that was set back must not prolong what is kept.
	if left := entry.until.Sub(now); found && left > 0 && left <= cacheFor {
		if !matches(secret, entry.hash[:]) {
			return nil, errCredential()
		}
		return entry.principal, nil
	}
	entry, err := a.load(ctx, id, secret, organization, now)
	if err != nil {
		return nil, err
	}
	a.keep(cacheKey{parley.ID(strings.Clone(string(id))), strings.Clone(organization)}, entry, generation)
	return entry.principal, nil
}

func (a *Authenticator) keep(key cacheKey, entry cached, generation uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if generation != a.generation {
		return
	}
	if len(a.cache) >= cacheLimit {
		now := a.now()
		maps.DeleteFunc(a.cache, func(_ cacheKey, c cached) bool { return !now.Before(c.until) })
	}
	if len(a.cache) >= cacheLimit {
		clear(a.cache)
	}
	a.cache[key] = entry
}

// Forget drops what is kept: from now on every credential is checked against the store. Call it when a change
// of keys, users or organizations is durable.
func (a *Authenticator) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.generation++
	clear(a.cache)
}

// ChangedBy reports whether an event changes what is kept: a key, a user, or what users may do. Somebody new may have keys of
// an organization that was the only one before.
func ChangedBy(t parley.EventType) bool {
	return t == parley.EventKeyRevoked || t == parley.EventUserCreated || t == parley.EventUserUpdated || t == parley.EventPermissionsUpdated
}

// load verifies a credential against the store.
func (a *Authenticator) load(ctx context.Context, id parley.ID, secret, organization string, now time.Time) (cached, error) {
	key, err := a.store.Read(ctx).Key(id)
	switch {
	case parley.IsKind(err, parley.KindNotFound):
		return cached{}, errCredential()
	case err != nil:
		return cached{}, err
	case !matches(secret, key.SecretHash) || !key.RevokedAt.IsZero() || expired(key, now):
		return cached{}, errCredential()
	}
	principal, err := a.principal(ctx, key, organization)
	if err != nil {
		return cached{}, err
	}
	principal.seal = sealOf(secret)
	entry := cached{until: now.Add(cacheFor), principal: principal}
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(entry.until) {
		entry.until = key.ExpiresAt
	}
	copy(entry.hash[:], key.SecretHash)
	return entry, nil
}

// principal is who a key acts as in an organization, now.
func (a *Authenticator) principal(ctx context.Context, key parley.Key, organization string) (*Principal, error) {
	q := a.store.Read(ctx)
	at, err := chooseOrganization(q, key, organization)
	if err != nil {
		return nil, parley.About(err, "not-found", organizationHeader)
	}
	user, err := userOf(q, key, at)
	if err != nil {
		return nil, parley.About(err, "not-found", organizationHeader)
	}
	scopes, err := within(q, at, user.ID, key.Scopes)
	if err != nil {
		return nil, err
	}
	return newPrincipal(Principal{
		Organization: at, Key: key.ID, Account: key.Account, User: user.ID, UserName: user.Name, Personal: key.Account != "",
		RateLimit: key.RateLimit, Doors: key.Doors, ExpiresAt: key.ExpiresAt, bound: key.Organization != "", links: linksOf(&key),
	}, scopes), nil
}

func expired(key parley.Key, now time.Time) bool {
	return !key.ExpiresAt.IsZero() && !now.Before(key.ExpiresAt)
}

// chooseOrganization returns the organization that a request acts in.
func chooseOrganization(q store.Queries, key parley.Key, named string) (parley.ID, error) {
	if key.Organization != "" {
		if named != "" && named != string(key.Organization) {
			return "", parley.NotFound("organization", parley.ID(named))
		}
		return key.Organization, nil
	}
	if named != "" {
		return parley.ID(named), nil
	}
	memberships, err := q.Memberships(key.Account, maxMemberships)
	switch {
	case err != nil:
		return "", err
	case len(memberships) == 1:
		return memberships[0].Organization, nil
	case len(memberships) == 0:
		return "", errCredential()
	}
	return "", errOrganizationRequired(memberships)
}

func errOrganizationRequired(memberships []store.Membership) error {
	candidates := make([]map[string]any, len(memberships))
	names := make([]string, len(memberships))
	for i, m := range memberships {
		candidates[i] = map[string]any{"id": string(m.Organization), "name": m.Name}
		names[i] = string(m.Organization) + " (" + m.Name + ")"
	}
	return &parley.Error{Kind: parley.KindInvalid, Code: "organization-required",
		Message: "the account belongs to several organizations; name one in " + organizationHeader + ": " + strings.Join(names, ", "),
		Fields:  []parley.FieldError{{Field: organizationHeader, Code: "organization-required", Message: "must be the id of one of the account's organizations"}},
		Facts:   map[string]any{"organizations": candidates}}
}

// userOf returns the user that a key acts as. One that is inactive, or no longer the account's, ends the key.
func userOf(q store.Queries, key parley.Key, organization parley.ID) (user parley.User, err error) {
	if key.User != "" {
		user, err = q.User(organization, key.User)
	} else {
		user, err = q.UserOfAccount(organization, key.Account)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && !user.Active {
			return user, parley.NotFound("organization", organization)
		}
	}
	if err == nil && (!user.Active || user.Account != key.Account) || parley.IsKind(err, parley.KindNotFound) {
		return user, errCredential()
	}
	return user, err
}
