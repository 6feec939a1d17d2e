package directory_test

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func TestUsersShareAccounts(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	other := w.organization(t, "Beta")
	here := made[parley.User](t)(w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Ana", Email: "Ana@Example.org"}, nil))
	there := made[parley.User](t)(w.CreateUser(ctx, other, directory.UserParams{Name: "Ana", Email: "ana@example.org"}, nil))
	if here.Account == "" || here.Account != there.Account || here.Email != "ana@example.org" {
		t.Errorf("here %+v, there %+v", here, there)
	}
	memberships, err := w.store.Read(ctx).Memberships(here.Account, 10)
	if err != nil || len(memberships) != 2 || memberships[0].Name != "Alpha" || memberships[1].User != there.ID {
		t.Errorf("memberships %+v, %v", memberships, err)
	}
	_, _, err = w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Ana", Email: "ana@example.org"}, nil)
	wantError(t, err, parley.KindConflict, "email-taken", "email")
	bea := made[parley.User](t)(w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Bea"}, nil))
	_, err = w.UpdateUser(ctx, w.admin, bea.ID, directory.UserPatch{Email: ptr("ana@example.org")}, 0)
	wantError(t, err, parley.KindConflict, "email-taken", "email")
	moved := must[parley.User](t)(w.UpdateUser(ctx, w.admin, here.ID, directory.UserPatch{Email: ptr("ana@new.example")}, here.Rev))
	if moved.Account == here.Account || moved.Rev != 2 {
		t.Errorf("moved to %+v", moved)
	}
	must[parley.User](t)(w.UpdateUser(ctx, w.admin, bea.ID, directory.UserPatch{Email: ptr("ana@example.org")}, 0))
	_, err = w.User(ctx, w.admin, there.ID)
	wantError(t, err, parley.KindNotFound, "not-found", "")
}

func TestUserConcurrentDuplicates(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			_, _, errs[i] = w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Ana", Email: "ana@example.org"}, nil)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !parley.IsKind(err, parley.KindConflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d users with one e-mail address", won)
	}
}

func TestUserValidation(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	for name, test := range map[string]struct {
		params      directory.UserParams
		code, field string
	}{
		"no name":      {directory.UserParams{}, "required", "name"},
		"zero":         {directory.UserParams{Name: "a\x00"}, "text-invalid", "name"},
		"no e-mail":    {directory.UserParams{Name: "A", Email: "nobody"}, "email-invalid", "email"},
		"machine mail": {directory.UserParams{Name: "A", Email: "a@example.org", Machine: true}, "not-allowed", "email"},
		"metadata":     {directory.UserParams{Name: "A", Metadata: map[string]string{"k": "\x00"}}, "text-invalid", "metadata.k"},
	} {
		_, _, err := w.CreateUser(ctx, w.admin, test.params, nil)
		t.Run(name, func(t *testing.T) { wantError(t, err, parley.KindInvalid, test.code, test.field) })
	}
	machine := made[parley.User](t)(w.CreateUser(ctx, w.admin, directory.UserParams{Name: "Robot", Machine: true}, nil))
	_, err := w.UpdateUser(ctx, w.admin, machine.ID, directory.UserPatch{Email: ptr("a@example.org")}, 0)
	wantError(t, err, parley.KindInvalid, "not-allowed", "email")
}

func TestUserList(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	users := w.users(t, 6)
	must[parley.User](t)(w.UpdateUser(ctx, w.admin, users[2], directory.UserPatch{Active: ptr(false), Email: ptr("c@example.org"),
		Metadata: map[string]*string{"a": ptr("b")}}, 0))
	for name, test := range map[string]struct {
		filter store.UserFilter
		want   int
	}{
		"all":      {store.UserFilter{}, 7},
		"people":   {store.UserFilter{Machine: ptr(false)}, 6},
		"active":   {store.UserFilter{Machine: ptr(false), Active: ptr(true)}, 5},
		"inactive": {store.UserFilter{Active: ptr(false)}, 1},
		"e-mail":   {store.UserFilter{Email: "C@example.org"}, 1},
		"nobody":   {store.UserFilter{Email: "d@example.org"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for after := parley.ID(""); ; {
				page, next, err := w.Users(ctx, w.admin, test.filter, after, 2)
				if err != nil || len(page) > 2 {
					t.Fatal(page, err)
				}
				n += len(page)
				if after = next; next == "" {
					break
				}
			}
			if n != test.want {
				t.Errorf("found %d, want %d", n, test.want)
			}
		})
	}
}

func TestOrganization(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	_, log := w.events(t, w.admin, 0)
	o := must[parley.Organization](t)(w.Organization(ctx, w.admin))
	if o.Name != "Alpha" || o.Rev != 1 || !reflect.DeepEqual(o.Policy, parley.Policy{}) {
		t.Errorf("made %+v", o)
	}
	patch := directory.OrganizationPatch{Name: ptr("Omega"), DefaultTTL: ptr(time.Hour), MaxTTL: ptr(24 * time.Hour), LockTTL: ptr(true)}
	must[parley.Organization](t)(w.UpdateOrganization(ctx, w.admin, patch, 1))
	o = must[parley.Organization](t)(w.Organization(ctx, w.admin))
	if o.Name != "Omega" || o.Rev != 2 || !reflect.DeepEqual(o.Policy, parley.Policy{DefaultTTL: time.Hour, MaxTTL: 24 * time.Hour, LockTTL: true}) {
		t.Errorf("changed to %+v", o)
	}
	w.wantEvents(t, w.admin, log, parley.EventOrganizationUpdated)
	for name, test := range map[string]struct {
		patch       directory.OrganizationPatch
		code, field string
	}{
		"name":     {directory.OrganizationPatch{Name: ptr(" ")}, "required", "name"},
		"negative": {directory.OrganizationPatch{DefaultTTL: ptr(-time.Second)}, "out-of-range", "policy.defaultTtl"},
		"over cap": {directory.OrganizationPatch{MaxTTL: ptr(time.Minute)}, "policy-contradicts", "policy.defaultTtl"},
		"no lock":  {directory.OrganizationPatch{DefaultTTL: ptr(time.Duration(0))}, "policy-contradicts", "policy.lockTtl"},
		"kind":     {directory.OrganizationPatch{Retention: keeps("chat", time.Hour)}, "value-unknown", "policy.retention.chat"},
		"brief":    {directory.OrganizationPatch{Retention: keeps("direct", time.Minute)}, "out-of-range", "policy.retention.direct"},
		"for long": {directory.OrganizationPatch{Retention: keeps("direct", 200*365*24*time.Hour)}, "out-of-range", "policy.retention.direct"},
		"locked":   {directory.OrganizationPatch{DefaultTTL: ptr(2 * time.Hour), Retention: keeps("note", time.Hour)}, "policy-contradicts", "policy.retention.note"},
		"default": {directory.OrganizationPatch{DefaultTTL: ptr(2 * time.Hour), LockTTL: ptr(false), Retention: keeps("note", time.Hour)}, "policy-contradicts",
			"policy.retention.note"},
		"too long": {directory.OrganizationPatch{MaxTTL: ptr(200 * 365 * 24 * time.Hour)}, "out-of-range", "policy.maxTtl"},
	} {
		_, err := w.UpdateOrganization(ctx, w.admin, test.patch, 0)
		t.Run(name, func(t *testing.T) { wantError(t, err, parley.KindInvalid, test.code, test.field) })
	}
	patch = directory.OrganizationPatch{Retention: keeps("direct", time.Hour)}
	must[parley.Organization](t)(w.UpdateOrganization(ctx, w.admin, patch, 2))
	patch = directory.OrganizationPatch{Retention: map[parley.ConversationKind]*time.Duration{"direct": nil, "external": ptr(48 * time.Hour)}}
	o = must[parley.Organization](t)(w.UpdateOrganization(ctx, w.admin, patch, 3))
	if kept := map[parley.ConversationKind]time.Duration{"external": 48 * time.Hour}; !reflect.DeepEqual(o.Policy.Retention, kept) {
		t.Errorf("retention is %v", o.Policy.Retention)
	}
	_, err := w.UpdateOrganization(ctx, w.admin, patch, 1)
	wantError(t, err, parley.KindPrecondition, "revision-mismatch", "")
	_, _, err = w.CreateOrganization(ctx, w.admin, directory.OrganizationParams{Name: "X"}, nil)
	wantError(t, err, parley.KindForbidden, "scope-required", "")
}

func keeps(kind parley.ConversationKind, keep time.Duration) map[parley.ConversationKind]*time.Duration {
	return map[parley.ConversationKind]*time.Duration{kind: &keep}
}

func TestFirstKeyOfAnOrganization(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	params := directory.OrganizationParams{Name: "Gamma", Operator: true}
	request := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/organizations"}
	first, _, err := w.CreateOrganization(ctx, access.Operator(), params, request)
	if err != nil {
		t.Fatal(err)
	}
	p := must[*access.Principal](t)(w.auth.Authenticate(ctx, first.Key.Token, ""))
	for _, scope := range parley.Scopes {
		if !p.Has(scope) {
			t.Errorf("the operator's key lacks %s", scope)
		}
	}
	if w.admin.Has(parley.ScopeOrganizationsCreate) {
		t.Error("the first key of an organization makes organizations")
	}
	again, replayed, err := w.CreateOrganization(ctx, access.Operator(), params, request)
	if err != nil || !replayed || again.Organization.ID != first.Organization.ID || again.Key.Token != "" {
		t.Errorf("the repeat answers %+v, %v, %v", again, replayed, err)
	}
	types, _ := w.events(t, p, 0)
	if fmt.Sprint(types) != "[user.created key.created]" {
		t.Errorf("its log begins with %v", types)
	}
}

// TestScopes: every operation refuses a key without its scope, before anything else.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	ctx := background(t)
	key, _, err := w.keys.Create(ctx, w.admin, access.KeyParams{Name: "weak", Scopes: []parley.Scope{parley.ScopeEventsRead}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := must[*access.Principal](t)(w.auth.Authenticate(ctx, key.Token, ""))
	second := func(_ any, err error) error { return err }
	third := func(_, _ any, err error) error { return err }
	for name, call := range map[string]func() error{
		"organization":      func() error { return second(w.Organization(ctx, p)) },
		"set organization":  func() error { return second(w.UpdateOrganization(ctx, p, directory.OrganizationPatch{}, 0)) },
		"make organization": func() error { return third(w.CreateOrganization(ctx, p, directory.OrganizationParams{}, nil)) },
		"make user":         func() error { return third(w.CreateUser(ctx, p, directory.UserParams{}, nil)) },
		"user":              func() error { return second(w.User(ctx, p, "x")) },
		"users":             func() error { return third(w.Users(ctx, p, store.UserFilter{}, "", 1)) },
		"set user":          func() error { return second(w.UpdateUser(ctx, p, "x", directory.UserPatch{}, 0)) },
		"make team":         func() error { return third(w.CreateTeam(ctx, p, directory.TeamParams{Name: "x"}, nil)) },
		"team":              func() error { return second(w.Team(ctx, p, "x")) },
		"teams":             func() error { return third(w.Teams(ctx, p, "", "", 1)) },
		"team members":      func() error { return third(w.TeamMembers(ctx, p, "x", "", 1)) },
		"set team":          func() error { return second(w.UpdateTeam(ctx, p, "x", directory.TeamPatch{}, 0)) },
		"join team":         func() error { return second(w.AddTeamMembers(ctx, p, "x", []parley.ID{"x"})) },
		"leave team":        func() error { return second(w.RemoveTeamMember(ctx, p, "x", "x")) },
		"delete team":       func() error { return w.DeleteTeam(ctx, p, "x", 0) },
		"make list":         func() error { return third(w.CreateBroadcast(ctx, p, directory.BroadcastParams{Name: "x"}, nil)) },
		"list":              func() error { return second(w.Broadcast(ctx, p, "x")) },
		"lists":             func() error { return third(w.Broadcasts(ctx, p, "", 1)) },
		"list members":      func() error { return third(w.BroadcastMembers(ctx, p, "x", parley.BroadcastMember{}, 1)) },
		"set list":          func() error { return second(w.UpdateBroadcast(ctx, p, "x", directory.BroadcastPatch{}, 0)) },
		"join list":         func() error { return second(w.AddBroadcastMembers(ctx, p, "x", nil, []parley.ID{"x"})) },
		"leave list":        func() error { return second(w.RemoveBroadcastMembers(ctx, p, "x", nil, []parley.ID{"x"})) },
		"leave list alone":  func() error { return second(w.RemoveBroadcastMember(ctx, p, "x", parley.BroadcastMember{})) },
		"delete list":       func() error { return w.DeleteBroadcast(ctx, p, "x", 0) },
		"make contact":      func() error { return third(w.CreateContact(ctx, p, directory.ContactParams{}, nil)) },
		"find contact":      func() error { return third(w.FindOrCreateContact(ctx, p, directory.Lookup{Address: ana})) },
		"contact":           func() error { return second(w.Contact(ctx, p, "x")) },
		"contacts":          func() error { return third(w.Contacts(ctx, p, store.ContactFilter{}, "", 1)) },
		"set contact":       func() error { return second(w.UpdateContact(ctx, p, "x", directory.ContactPatch{}, 0)) },
		"add address":       func() error { return second(w.AddAddresses(ctx, p, "x", []parley.Address{ana}, 0)) },
		"remove address":    func() error { return second(w.RemoveAddress(ctx, p, "x", ana, 0)) },
		"delete contact":    func() error { return w.DeleteContact(ctx, p, "x", 0) },
		"catalog":           func() error { return second(w.Connectors(p)) },
		"make channel":      func() error { return third(w.CreateChannel(ctx, p, acme, nil)) },
		"channel":           func() error { return second(w.Channel(ctx, p, "x")) },
		"channels":          func() error { return third(w.Channels(ctx, p, store.ChannelFilter{}, "", 1)) },
		"set channel":       func() error { return second(w.UpdateChannel(ctx, p, "x", directory.ChannelPatch{}, 0)) },
		"delete channel":    func() error { return w.DeleteChannel(ctx, p, "x", 0) },
		"make key":          func() error { return third(w.keys.Create(ctx, p, access.KeyParams{}, nil)) },
		"key":               func() error { return second(w.keys.Get(ctx, p, "x")) },
		"keys":              func() error { return third(w.keys.List(ctx, p, "", 1)) },
		"revoke key":        func() error { return w.keys.Revoke(ctx, p, "x") },
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), parley.KindForbidden, "scope-required", "") })
	}
}
