package native_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// A user's keys permit no more than the user's sets, from the moment on that these change.
func TestPermissionSets(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Email: "bo@example.org"}))
	var all []string
	for _, s := range parley.Scopes {
		if s != parley.ScopeOrganizationsCreate {
			all = append(all, string(s))
		}
	}
	asAna := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", User: ana.ID, Scopes: all})).Secret)
	reads := func() error {
		_, err := asAna.ListUsers(ctx, api.UserFilter{})
		return err
	}
	if p := must[*api.Permissions](t)(w.admin.GetPermissions(ctx, ana.ID)); p.Limited || reads() != nil {
		t.Errorf("of somebody without sets: %+v", p)
	}
	set := must[*api.PermissionSet](t)(w.admin.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: "Reader", Scopes: []string{"users:read", "messages:read"}}))
	p := must[*api.Permissions](t)(w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{set.ID}}))
	if !p.Limited || !slices.Equal(p.Scopes, []string{"messages:read", "users:read"}) || reads() != nil {
		t.Errorf("limited to a set: %+v", p)
	}
	_, err := asAna.CreateTeam(ctx, api.TeamRequest{Name: "x"})
	wantProblem(t, err, 403, "scope-required", "")
	must[*api.PermissionSet](t)(w.admin.PatchPermissionSet(ctx, set.ID, api.PermissionSetPatch{Scopes: []string{"messages:read"}}))
	wantProblem(t, reads(), 403, "scope-required", "")
	wantProblem(t, w.admin.DeletePermissionSet(ctx, set.ID), 409, "set-used", "")
	must[*api.Permissions](t)(w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{}))
	_, err = asAna.ListMessages(ctx, api.MessageFilter{})
	wantProblem(t, err, 403, "scope-required", "")
	if err := w.admin.DeletePermissionSet(ctx, set.ID); err != nil {
		t.Error(err)
	}
	_, err = w.admin.PatchPermissionSet(ctx, "member", api.PermissionSetPatch{Scopes: []string{"messages:read"}})
	wantProblem(t, err, 409, "set-built-in", "")

	must[*api.Permissions](t)(w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{"admin"}}))
	if err := reads(); err != nil {
		t.Errorf("as an administrator: %v", err)
	}
	_, err = w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{"member"}})
	wantProblem(t, err, 409, "last-admin", "")
	no := false
	_, err = w.admin.PatchUser(ctx, ana.ID, api.UserPatch{Active: &no})
	wantProblem(t, err, 409, "last-admin", "")
	must[*api.Permissions](t)(w.admin.SetPermissions(ctx, bo.ID, api.PermissionsRequest{Sets: []string{"admin"}}))
	must[*api.Permissions](t)(w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{"member"}}))
}

// Nobody gives, or makes, more than they have.
func TestPermissionsDoNotRise(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	narrow := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", Scopes: []string{"permissions:write", "permissions:read", "messages:read"}})).Secret)
	before := w.latest(t)
	_, err := narrow.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: "x", Scopes: []string{"keys:write"}})
	wantProblem(t, err, 422, "scope-exceeds", "scopes")
	_, err = narrow.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{"admin"}})
	wantProblem(t, err, 422, "scope-exceeds", "sets[0]")
	_, err = narrow.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Unlimited: true})
	wantProblem(t, err, 422, "scope-exceeds", "sets")
	_, err = w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Unlimited: true, Sets: []string{"admin"}})
	wantProblem(t, err, 422, "not-allowed", "sets")
	_, err = w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{"nothing"}})
	wantProblem(t, err, 422, "set-unknown", "sets[0]")
	_, err = w.admin.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: "x", Scopes: []string{"keys:eat"}})
	wantProblem(t, err, 422, "scope-unknown", "scopes")
	beta := w.client(t, w.organization(t, "Beta").Key.Token)
	_, err = beta.GetPermissions(ctx, ana.ID)
	wantProblem(t, err, 404, "not-found", "")
	if after := w.latest(t); after != before {
		t.Error("something was stored")
	}
}

// A stream ends when what its key permits changes.
func TestStreamEndsWithPermissions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", User: ana.ID, Scopes: []string{"events:read", "users:read", "teams:read"}})).Secret
	r := must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v1/events?after=latest", nil))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "text/event-stream")
	answer := must[*http.Response](t)(http.DefaultTransport.RoundTrip(r))
	defer answer.Body.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 1000)
		for {
			if _, err := answer.Body.Read(buffer); err != nil {
				return
			}
		}
	}()
	set := must[*api.PermissionSet](t)(w.admin.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: "x", Scopes: []string{"events:read", "users:read"}}))
	must[*api.Permissions](t)(w.admin.SetPermissions(ctx, ana.ID, api.PermissionsRequest{Sets: []string{set.ID}}))
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on")
	}
}
