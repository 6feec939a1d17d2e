package access_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type world struct {
	ctx           context.Context
	store         *store.Store
	clock         *clock
	auth          *access.Authenticator
	keys          *access.Keys
	organizations []*access.Principal // the administration of two
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{ctx: context.Background(), clock: &clock{at: time.Now()}}
	folder := tb.TempDir()
	s, err := store.Open(w.ctx, store.Options{Folder: folder, URL: fresh.Database(tb, folder), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	w.store, w.auth = s, access.NewAuthenticator(s, w.clock.now)
	w.keys = access.NewKeys(s, w.auth)
	for _, name := range []string{"Alpha", "Beta"} {
		o := parley.Organization{ID: parley.NewID(w.clock.now()), Name: name}
		if err := s.Write(w.ctx, o.ID, func(tx *store.Tx) error { return tx.InsertOrganization(&o) }); err != nil {
			tb.Fatal(err)
		}
		w.organizations = append(w.organizations, access.System(o.ID))
	}
	return w
}

// user makes the user of an account in an organization.
func (w *world) user(tb testing.TB, organization int, email string) parley.ID {
	tb.Helper()
	id := parley.NewID(w.clock.now())
	err := w.store.Write(w.ctx, "", func(tx *store.Tx) error {
		account, err := tx.EnsureAccount(parley.Account{ID: parley.NewID(w.clock.now()), Email: email})
		if err != nil {
			return err
		}
		return tx.InsertUser(w.organizations[organization].Organization, &parley.User{ID: id, Account: account.ID, Name: email, Email: email, Active: true})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func (w *world) setUser(t *testing.T, organization int, id parley.ID, change func(*parley.User)) {
	t.Helper()
	at := w.organizations[organization].Organization
	err := w.store.Write(w.ctx, at, func(tx *store.Tx) error {
		user, err := tx.User(at, id)
		if err != nil {
			return err
		}
		change(&user)
		return tx.UpdateUser(at, &user)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) key(tb testing.TB, p *access.Principal, params access.KeyParams) access.NewKey {
	tb.Helper()
	if params.Name == "" {
		params.Name = "test"
	}
	if params.Scopes == nil {
		params.Scopes = []parley.Scope{parley.ScopeKeysRead, parley.ScopeKeysWrite, parley.ScopeMessagesSend}
	}
	key, _, err := w.keys.Create(w.ctx, p, params, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// operator is whoever runs the server, with a key of an organization.
func (w *world) operator(tb testing.TB, organization int) *access.Principal {
	tb.Helper()
	key := access.FirstKey(w.clock.now(), w.organizations[organization].Organization, parley.Scopes)
	err := w.store.Write(w.ctx, "", func(tx *store.Tx) error {
		if err := tx.InsertUser(key.Organization, &parley.User{ID: key.User, Name: "operator", Machine: true, Active: true}); err != nil {
			return err
		}
		return tx.InsertKey(&key.Key)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w.works(tb, key.Token, "")
}

func (w *world) works(tb testing.TB, credential, organization string) *access.Principal {
	tb.Helper()
	p, err := w.auth.Authenticate(w.ctx, credential, organization)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func (w *world) refused(tb testing.TB, credential, organization string, kind parley.ErrorKind, code string) *parley.Error {
	tb.Helper()
	_, err := w.auth.Authenticate(w.ctx, credential, organization)
	return wantError(tb, err, kind, code)
}

func wantError(tb testing.TB, err error, kind parley.ErrorKind, code string) *parley.Error {
	tb.Helper()
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		tb.Fatalf("got %v, want %s %s", err, kind, code)
	}
	return e
}

func TestSpellings(t *testing.T) {
	w := newWorld(t)
	key := w.key(t, w.organizations[0], access.KeyParams{RateLimit: 60})
	id, secret := string(key.ID), key.Token[strings.LastIndex(key.Token, string(key.ID))+len(key.ID)+1:]
	for range 2 { // from the store, and from what is kept
		for _, credential := range []string{key.Token, id + ":" + secret, id + ":" + key.Token} {
			p := w.works(t, credential, "")
			if p.Key != key.ID || p.User != key.User || p.Organization != w.organizations[0].Organization || p.UserName != "test" ||
				p.Personal || p.RateLimit != 60 || !p.Has(parley.ScopeMessagesSend) || p.Has(parley.ScopeEventsRead) {
				t.Errorf("principal %+v", p)
			}
		}
		other := w.key(t, w.organizations[0], access.KeyParams{})
		wrong := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		for _, credential := range []string{"", "pk_", key.Token + "x", key.Token[:len(key.Token)-1], "xx_" + key.Token[3:],
			id + ":" + wrong, "pk_" + id + "_" + wrong, string(other.ID) + ":" + secret, string(other.ID) + ":" + key.Token,
			"pk_" + string(parley.NewID(time.Now())) + "_" + secret, id, id + ":", ":" + secret, id + ":" + strings.Repeat("x", 100_000),
			"pk_\x00" + key.Token[4:], strings.ToUpper(key.Token)} {
			w.refused(t, credential, "", parley.KindUnauthorized, "credential-invalid")
		}
	}
	if err := w.works(t, key.Token, "").Require(parley.ScopeEventsRead); !parley.IsKind(err, parley.KindForbidden) {
		t.Errorf("a scope it lacks: %v", err)
	}
}

func TestSecretIsNotStored(t *testing.T) {
	w := newWorld(t)
	key := w.key(t, w.organizations[0], access.KeyParams{})
	stored, err := w.store.Read(w.ctx).Key(key.ID)
	if err != nil || len(stored.SecretHash) != 32 || strings.Contains(key.Token, string(stored.SecretHash)) {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func TestRevocationIsAtOnce(t *testing.T) {
	w := newWorld(t)
	key := w.key(t, w.organizations[0], access.KeyParams{})
	w.works(t, key.Token, "")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = w.auth.Authenticate(w.ctx, key.Token, "")
				}
			}
		})
	}
	if err := w.keys.Revoke(w.ctx, w.organizations[0], key.ID); err != nil {
		t.Error(err)
	}
	for range 100 {
		w.refused(t, key.Token, "", parley.KindUnauthorized, "credential-invalid")
	}
	close(stop)
	wg.Wait()
	if err := w.keys.Revoke(w.ctx, w.organizations[0], key.ID); err != nil {
		t.Errorf("revoked again: %v", err)
	}
	revoked, err := w.keys.Get(w.ctx, w.organizations[0], key.ID)
	if err != nil || revoked.RevokedAt.IsZero() {
		t.Errorf("shown as %+v, %v", revoked, err)
	}
}

// TestRevocationElsewhere: what another process revokes ends within a second.
func TestRevocationElsewhere(t *testing.T) {
	w := newWorld(t)
	key := w.key(t, w.organizations[0], access.KeyParams{})
	w.works(t, key.Token, "")
	if err := w.store.Write(w.ctx, "", func(tx *store.Tx) error { return tx.RevokeKey(key.ID) }); err != nil {
		t.Fatal(err)
	}
	w.works(t, key.Token, "")
	w.clock.move(-time.Hour) // a clock that is set back prolongs nothing
	w.refused(t, key.Token, "", parley.KindUnauthorized, "credential-invalid")
	w.clock.move(time.Hour + time.Second)
	w.refused(t, key.Token, "", parley.KindUnauthorized, "credential-invalid")
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	key := w.key(t, w.organizations[0], access.KeyParams{ExpiresAt: w.clock.now().Add(300 * time.Millisecond)})
	w.works(t, key.Token, "")
	w.clock.move(299 * time.Millisecond)
	w.works(t, key.Token, "")
	w.clock.move(time.Millisecond)
	w.refused(t, key.Token, "", parley.KindUnauthorized, "credential-invalid")
}

func TestInactiveUser(t *testing.T) {
	w := newWorld(t)
	id := w.user(t, 0, "ana@example.org")
	personal := w.key(t, w.organizations[0], access.KeyParams{User: id})
	machine := w.key(t, w.organizations[0], access.KeyParams{})
	for _, key := range []access.NewKey{personal, machine} {
		w.works(t, key.Token, "")
		w.setUser(t, 0, key.User, func(u *parley.User) { u.Active = false })
		w.auth.Forget()
		w.refused(t, key.Token, "", parley.KindUnauthorized, "credential-invalid")
	}
	w.setUser(t, 0, id, func(u *parley.User) { u.Active, u.Account = true, "another" })
	w.refused(t, personal.Token, "", parley.KindUnauthorized, "credential-invalid")
}

func TestPersonalKeyChoosesAnOrganization(t *testing.T) {
	w := newWorld(t)
	alpha, beta := w.user(t, 0, "ana@example.org"), parley.ID("")
	key := w.key(t, w.operator(t, 0), access.KeyParams{User: alpha})
	at := func(i int) string { return string(w.organizations[i].Organization) }
	if p := w.works(t, key.Token, ""); p.User != alpha || !p.Personal || p.Account == "" {
		t.Errorf("the only organization: %+v", p)
	}
	w.refused(t, key.Token, at(1), parley.KindNotFound, "not-found")
	beta = w.user(t, 1, "ana@example.org")
	w.auth.Forget()
	e := w.refused(t, key.Token, "", parley.KindInvalid, "organization-required")
	candidates, ok := e.Facts["organizations"].([]map[string]any)
	if !ok || len(candidates) != 2 || candidates[0]["id"] != at(0) || candidates[1]["name"] != "Beta" {
		t.Errorf("candidates %v", e.Facts)
	}
	for i, want := range []parley.ID{alpha, beta} {
		if p := w.works(t, key.Token, at(i)); p.User != want || string(p.Organization) != at(i) {
			t.Errorf("acts as %+v in %s", p, at(i))
		}
	}
	w.refused(t, key.Token, "nowhere", parley.KindNotFound, "not-found")
	w.setUser(t, 1, beta, func(u *parley.User) { u.Active = false })
	w.auth.Forget()
	if p := w.works(t, key.Token, ""); p.User != alpha {
		t.Errorf("the only active one: %+v", p)
	}
	w.refused(t, key.Token, at(1), parley.KindNotFound, "not-found")
}

// TestOrganizationsDoNotReachThroughPeople: a personal key that one organization makes is of no use in another.
func TestOrganizationsDoNotReachThroughPeople(t *testing.T) {
	w := newWorld(t)
	alpha := w.user(t, 0, "ana@example.org")
	w.user(t, 1, "ana@example.org")
	bound := w.key(t, w.organizations[0], access.KeyParams{User: alpha})
	if p := w.works(t, bound.Token, ""); p.User != alpha || !p.Personal {
		t.Errorf("acts as %+v", p)
	}
	w.refused(t, bound.Token, string(w.organizations[1].Organization), parley.KindNotFound, "not-found")
	// Nor does a key that this one makes.
	second := w.key(t, w.works(t, bound.Token, ""), access.KeyParams{User: alpha})
	w.refused(t, second.Token, string(w.organizations[1].Organization), parley.KindNotFound, "not-found")

	own := w.key(t, w.operator(t, 0), access.KeyParams{User: alpha})
	inAlpha := w.works(t, own.Token, string(w.organizations[0].Organization))
	third := w.key(t, inAlpha, access.KeyParams{User: alpha})
	w.works(t, third.Token, string(w.organizations[1].Organization))
	for _, p := range []*access.Principal{w.organizations[0], w.organizations[1], w.works(t, bound.Token, "")} {
		if _, err := w.keys.Get(w.ctx, p, own.ID); !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("an account's own key is shown: %v", err)
		}
		if err := w.keys.Revoke(w.ctx, p, own.ID); !parley.IsKind(err, parley.KindNotFound) {
			t.Errorf("an account's own key can be revoked: %v", err)
		}
	}
	if _, err := w.keys.Get(w.ctx, w.organizations[1], bound.ID); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("another organization's key is shown: %v", err)
	}
	if err := w.keys.Revoke(w.ctx, inAlpha, third.ID); err != nil {
		t.Error(err)
	}
}

func TestKeyList(t *testing.T) {
	w := newWorld(t)
	user := w.user(t, 0, "ana@example.org")
	own := w.key(t, w.operator(t, 0), access.KeyParams{User: user})
	person := w.works(t, own.Token, "")
	for range 5 {
		w.key(t, w.organizations[0], access.KeyParams{})
	}
	w.key(t, w.organizations[1], access.KeyParams{})
	for _, test := range []struct {
		p    *access.Principal
		want int
	}{{w.organizations[0], 6}, {person, 7}, {w.organizations[1], 1}} {
		var ids []parley.ID
		for after := parley.ID(""); ; {
			page, next, err := w.keys.List(w.ctx, test.p, after, 2)
			if err != nil || len(page) > 2 {
				t.Fatal(page, err)
			}
			for _, key := range page {
				ids = append(ids, key.ID)
				if key.User == "" {
					t.Errorf("key %s acts as nobody", key.ID)
				}
			}
			if after = next; next == "" {
				break
			}
		}
		if len(ids) != test.want || !slices.IsSorted(ids) {
			t.Errorf("listed %v, want %d", ids, test.want)
		}
	}
}

func TestKeyRefusals(t *testing.T) {
	w := newWorld(t)
	weak := w.works(t, w.key(t, w.organizations[0], access.KeyParams{}).Token, "")
	send := []parley.Scope{parley.ScopeMessagesSend}
	nobody := parley.User{ID: parley.NewID(w.clock.now()), Name: "No address", Active: true}
	if err := w.store.Write(w.ctx, weak.Organization, func(tx *store.Tx) error { return tx.InsertUser(weak.Organization, &nobody) }); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		params      access.KeyParams
		code, field string
	}{
		"no name":    {access.KeyParams{Scopes: send}, "required", "name"},
		"zero":       {access.KeyParams{Name: "a\x00", Scopes: send}, "text-invalid", "name"},
		"long name":  {access.KeyParams{Name: strings.Repeat("x", 201), Scopes: send}, "too-long", "name"},
		"no scopes":  {access.KeyParams{Name: "x"}, "required", "scopes"},
		"no scope":   {access.KeyParams{Name: "x", Scopes: []parley.Scope{"messages:fly"}}, "scope-unknown", "scopes"},
		"too much":   {access.KeyParams{Name: "x", Scopes: []parley.Scope{parley.ScopeAdminHold}}, "scope-exceeds", "scopes"},
		"rate":       {access.KeyParams{Name: "x", Scopes: send, RateLimit: -1}, "out-of-range", "rateLimit"},
		"past":       {access.KeyParams{Name: "x", Scopes: send, ExpiresAt: w.clock.now()}, "out-of-range", "expiresAt"},
		"no user":    {access.KeyParams{Name: "x", Scopes: send, User: "nobody"}, "user-unknown", "user"},
		"no address": {access.KeyParams{Name: "x", Scopes: send, User: nobody.ID}, "email-required", "user"},
	} {
		_, _, err := w.keys.Create(w.ctx, weak, test.params, nil)
		t.Run(name, func(t *testing.T) {
			if e := wantError(t, err, parley.KindInvalid, test.code); e.Fields[0].Field != test.field {
				t.Errorf("names %v", e.Fields)
			}
		})
	}
}

func TestCreateKeyOnce(t *testing.T) {
	w := newWorld(t)
	p := w.works(t, w.key(t, w.organizations[0], access.KeyParams{Scopes: []parley.Scope{parley.ScopeKeysWrite}}).Token, "")
	params := access.KeyParams{Name: "x", Scopes: []parley.Scope{parley.ScopeKeysWrite}}
	request := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/keys", Body: []byte("body")}
	first, replayed, err := w.keys.Create(w.ctx, p, params, request)
	if err != nil || replayed || first.Token == "" {
		t.Fatal(first, replayed, err)
	}
	again, replayed, err := w.keys.Create(w.ctx, p, params, request)
	if err != nil || !replayed || again.ID != first.ID || again.Token != "" {
		t.Errorf("the repeat answers %+v, %v, %v", again, replayed, err)
	}
}

// TestConcurrentTwins: requests with one Idempotency-Key make one thing, and all get it.
func TestConcurrentTwins(t *testing.T) {
	w := newWorld(t)
	p := w.organizations[0]
	request := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/keys"}
	ids := make([]parley.ID, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			key, _, err := w.keys.Create(w.ctx, p, access.KeyParams{Name: "x", Scopes: []parley.Scope{parley.ScopeKeysRead}}, request)
			if ids[i] = key.ID; err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
		t.Errorf("made %v", slices.Compact(ids))
	}
}

// TestClaims: the record of a request depends on who asks, how, and for what; and on the body by a secret.
func TestClaims(t *testing.T) {
	w := newWorld(t)
	first, second := w.works(t, w.key(t, w.organizations[0], access.KeyParams{}).Token, ""), w.works(t, w.key(t, w.organizations[0], access.KeyParams{}).Token, "")
	request := access.Idempotency{Key: "k", Method: "POST", Path: "/v1/x", Body: []byte("secret")}
	claim := func(p *access.Principal, change func(*access.Idempotency)) *store.Idempotency {
		r := request
		change(&r)
		c, err := p.Claim(&r, 201, "made")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	same := func(*access.Idempotency) {}
	base := claim(first, same)
	if again := claim(first, same); *again != *base || base.Status != 201 || base.Resource != "made" {
		t.Errorf("the same request: %+v and %+v", base, again)
	}
	for name, other := range map[string]*store.Idempotency{
		"key":    claim(first, func(r *access.Idempotency) { r.Key = "l" }),
		"method": claim(first, func(r *access.Idempotency) { r.Method = "PUT" }),
		"path":   claim(first, func(r *access.Idempotency) { r.Path = "/v1/y" }),
		"who":    claim(second, same),
	} {
		if other.Scope == base.Scope {
			t.Errorf("another %s has the same scope", name)
		}
	}
	if claim(second, same).RequestHash == base.RequestHash {
		t.Error("the hash of a body can be compared across keys")
	}
	changed := claim(first, func(r *access.Idempotency) { r.Body = []byte("other") })
	if changed.Scope != base.Scope || changed.RequestHash == base.RequestHash {
		t.Error("another body must have the same scope and another hash")
	}
	if none, err := first.Claim(nil, 201, ""); none != nil || err != nil {
		t.Error("no Idempotency-Key, no claim")
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	key := w.key(b, w.organizations[0], access.KeyParams{})
	auth := access.NewAuthenticator(w.store, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := auth.Authenticate(w.ctx, key.Token, ""); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
