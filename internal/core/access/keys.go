package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Keys manages API credentials.
type Keys struct {
	store         *store.Store
	authenticator *Authenticator
}

// NewKeys returns the keys of a store; the authenticator is told when one is revoked.
func NewKeys(s *store.Store, a *Authenticator) *Keys { return &Keys{store: s, authenticator: a} }

// KeyParams is a key to make.
type KeyParams struct {
	Name      string
	User      parley.ID // whose personal key it is; empty: an organization key with a machine user of its own
	Scopes    []parley.Scope
	RateLimit int // requests a minute, 0: no limit
	Doors     map[string]parley.DoorGrants
	ExpiresAt time.Time // zero: never
}

// NewKey is a key just made. The token holds its secret and is shown this once.
type NewKey struct {
	parley.Key
	Token string // empty where the request was a repeat
}

const (
	maxKeyName   = 200
	maxRateLimit = 1_000_000_000
)

func (k KeyParams) validate(p *Principal, now time.Time) error {
	var c parley.Check
	c.Text("name", k.Name, true, maxKeyName)
	if len(k.Scopes) == 0 {
		c.Refuse("scopes", "required", "must name at least one scope")
	}
	for _, s := range k.Scopes {
		if !s.Valid() {
			c.Refuse("scopes", "scope-unknown", "%s is no scope; there are: %s", s, joinScopes(parley.Scopes))
		} else if !p.Has(s) {
			c.Refuse("scopes", "scope-exceeds", "%s is not a scope of the key that makes this one; it has: %s", s, joinScopes(p.scopes))
		}
	}
	if k.RateLimit < 0 || k.RateLimit > maxRateLimit {
		c.Refuse("rateLimit", "out-of-range", "must be 0 to 1000000000 requests a minute")
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
		c.Refuse("expiresAt", "out-of-range", "must be in the future")
	}
	c.Wrong = append(c.Wrong, parley.CheckDoors("doors", k.Doors)...)
	return c.Err()
}

func joinScopes(scopes []parley.Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// Create makes a key, and says whether the request was a repeat. It cannot permit more than the key that makes
// it. A personal key works in this organization only, unless its own account or the operator makes it: an
// organization must not reach into another through the people they share.
func (k *Keys) Create(ctx context.Context, p *Principal, params KeyParams, i *Idempotency) (NewKey, bool, error) {
	if err := p.Require(parley.ScopeKeysWrite); err != nil {
		return NewKey{}, false, err
	}
	now := k.authenticator.now()
	if err := params.validate(p, now); err != nil {
		return NewKey{}, false, err
	}
	id, machine := parley.NewID(now), parley.NewID(now)
	token, hash := newToken(id)
	var key parley.Key
	replay, err := p.Once(ctx, k.store, i, 201, id, func(tx *store.Tx) (err error) {
		key = parley.Key{ID: id, Organization: p.Organization, Name: params.Name, Scopes: sortedScopes(params.Scopes),
			RateLimit: params.RateLimit, Doors: params.Doors, ExpiresAt: params.ExpiresAt, SecretHash: hash[:]}
		if params.User == "" {
			key.User, err = machine, insertMachine(tx, p, machine, params.Name)
		} else {
			err = k.personal(tx, p, params.User, &key)
		}
		if err != nil {
			return err
		}
		tx.Emit(p.Organization, parley.Event{Type: parley.EventKeyCreated, Subject: id, Data: parley.EventData{Actor: p.User}})
		if err := p.Did(tx, parley.ActKeyCreated, id, madeKey(key, params.User)); err != nil {
			return err
		}
		return tx.InsertKey(&key)
	})
	if err != nil {
		return NewKey{}, false, err
	}
	if replay != nil {
		key, err = k.Get(ctx, p.allowed(parley.ScopeKeysRead), replay.Resource)
		return NewKey{Key: key}, true, err
	}
	if params.User != "" {
		key.User = params.User // whom it acts as here; a personal key itself is its account's
	}
	return NewKey{Key: key, Token: token}, false, nil
}

// madeKey is what the audit log says of a new key. The user is whose personal key it is, if it is one.
func madeKey(key parley.Key, user parley.ID) parley.Changes {
	var changes parley.Changes
	changes.Made("name", key.Name)
	changes.Made("scopes", key.Scopes)
	if user == "" {
		user = key.User
	}
	changes.Made("user", string(user))
	changes.Made("account", string(key.Account))
	if key.RateLimit > 0 {
		changes.Made("rateLimit", key.RateLimit)
	}
	if len(key.Doors) > 0 {
		changes.Made("doors", key.Doors)
	}
	changes.Made("expiresAt", key.ExpiresAt)
	return changes
}

// allowed is the principal with one more scope, for what follows from another permission.
func (p *Principal) allowed(scope parley.Scope) *Principal {
	if p.Has(scope) {
		return p
	}
	return newPrincipal(*p, append(p.Scopes(), scope))
}

func sortedScopes(scopes []parley.Scope) []parley.Scope {
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

func insertMachine(tx *store.Tx, p *Principal, id parley.ID, name string) error {
	user := parley.User{ID: id, Name: name, Machine: true, Active: true}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventUserCreated, Subject: id, Data: parley.EventData{Actor: p.User}})
	var changes parley.Changes
	changes.Made("machine", true)
	if err := p.Did(tx, parley.ActUserCreated, id, changes); err != nil {
		return err
	}
	return tx.InsertUser(p.Organization, &user)
}

// personal makes the key that of a person.
func (k *Keys) personal(tx *store.Tx, p *Principal, id parley.ID, key *parley.Key) error {
	user, err := tx.User(p.Organization, id)
	switch {
	case parley.IsKind(err, parley.KindNotFound) || err == nil && !user.Active:
		return parley.Invalid("user", "user-unknown", "must be the id of an active user")
	case err != nil:
		return err
	case user.Machine: // which may have several keys of the organization
		key.User = user.ID
		return nil
	case user.Account == "":
		return parley.Invalid("user", "email-required", "must be a user with an e-mail address, whose account the key is then of")
	}
	key.Account = user.Account
	if p.Has(parley.ScopeOrganizationsCreate) || p.Personal && !p.bound && p.Account == user.Account {
		key.Organization = ""
	} else {
		key.User = user.ID
	}
	return nil
}

// Get returns a key that belongs to the principal's organization or account, without its secret.
func (k *Keys) Get(ctx context.Context, p *Principal, id parley.ID) (parley.Key, error) {
	if err := p.Require(parley.ScopeKeysRead); err != nil {
		return parley.Key{}, err
	}
	return k.visible(k.store.Read(ctx), p, id)
}

// visible is the one rule of which keys somebody manages.
func (k *Keys) visible(q store.Queries, p *Principal, id parley.ID) (parley.Key, error) {
	key, err := q.Key(id)
	if err != nil {
		return key, err
	}
	if key.Organization != "" && key.Organization == p.Organization {
		return key, nil
	}
	if key.Organization != "" || key.Account == "" {
		return parley.Key{}, parley.NotFound("key", id)
	}
	if p.Has(parley.ScopeOrganizationsCreate) || p.Personal && !p.bound && p.Account == key.Account {
		return k.asUser(q, p, key)
	}
	return parley.Key{}, parley.NotFound("key", id)
}

// asUser fills in the user that a key without an organization acts as in the principal's.
func (k *Keys) asUser(q store.Queries, p *Principal, key parley.Key) (parley.Key, error) {
	user, err := q.UserOfAccount(p.Organization, key.Account)
	key.User = user.ID
	if parley.IsKind(err, parley.KindNotFound) {
		return parley.Key{}, parley.NotFound("key", key.ID)
	}
	return key, err
}

// List returns up to limit keys of the principal's organization and account with ids after one, revoked ones
// too; next is where to go on, empty at the end.
func (k *Keys) List(ctx context.Context, p *Principal, after parley.ID, limit int) (keys []parley.Key, next parley.ID, err error) {
	if err := p.Require(parley.ScopeKeysRead); err != nil {
		return nil, "", err
	}
	q := k.store.Read(ctx)
	if keys, err = q.OrganizationKeys(p.Organization, after, limit+1); err != nil {
		return nil, "", err
	}
	if p.Personal && !p.bound {
		own, err := q.AccountKeys(p.Account, after, limit+1)
		if err != nil {
			return nil, "", err
		}
		for i := range own {
			own[i].User = p.User
		}
		keys = append(keys, own...)
		slices.SortFunc(keys, func(a, b parley.Key) int { return strings.Compare(string(a.ID), string(b.ID)) })
	}
	if len(keys) > limit {
		keys = keys[:limit]
		next = keys[limit-1].ID
	}
	return keys, next, nil
}

// Revoke ends a key at once, here; on another node within a second. Revoking it again changes nothing.
func (k *Keys) Revoke(ctx context.Context, p *Principal, id parley.ID) error {
	if err := p.Require(parley.ScopeKeysWrite); err != nil {
		return err
	}
	return k.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		key, err := k.visible(tx.Queries, p, id)
		if err != nil || !key.RevokedAt.IsZero() {
			return err
		}
		tx.Emit(p.Organization, parley.Event{Type: parley.EventKeyRevoked, Subject: id, Data: parley.EventData{Actor: p.User}})
		tx.After(k.authenticator.Forget)
		if err := p.Did(tx, parley.ActKeyRevoked, id, nil); err != nil {
			return err
		}
		return tx.RevokeKey(id)
	})
}

// FirstKey is the key that an organization begins with, and the id of its machine user; whoever makes the
// organization stores both.
func FirstKey(now time.Time, organization parley.ID, scopes []parley.Scope) NewKey {
	id := parley.NewID(now)
	token, hash := newToken(id)
	return NewKey{Token: token, Key: parley.Key{ID: id, Organization: organization, User: parley.NewID(now), Name: "Administration",
		Scopes: sortedScopes(scopes), SecretHash: hash[:]}}
}
