package native_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/dossier"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/core/playground"
	"github.com/parley-server/parley/internal/core/presence"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/httpd"
	"github.com/parley-server/parley/internal/live"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a server with the door and everything behind it, on a folder of its own, with one organization.
type world struct {
	url       string
	handler   http.Handler // what answers at the url
	store     *store.Store
	core      *core.Core
	directory *directory.Directory
	dossiers  *dossier.Dossiers
	auth      *access.Authenticator
	keys      *access.Keys
	indexer   *search.Indexer
	admin     *api.Client  // of the first organization, with every scope
	token     string       // admin's
	state     atomic.Value // what readiness says
	asked     asked        // of the store
}

const maxUpload = 1 << 20

func newWorld(t testing.TB) *world {
	t.Helper()
	folder := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	w := &world{}
	s, err := store.Open(t.Context(), store.Options{Folder: folder, URL: fresh.Database(t, folder), Log: quiet, Fault: w.asked.before})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := media.Open(filepath.Join(folder, "media"))
	if err != nil {
		t.Fatal(err)
	}
	catalog := map[string]connector.Definition{"sandbox": sandbox.Definition(nil)}
	w.store = s
	w.auth = access.NewAuthenticator(s, nil)
	w.keys = access.NewKeys(s, w.auth)
	w.core = core.New(core.Options{Store: s, Connectors: catalog, Log: quiet})
	w.directory = directory.New(directory.Options{Store: s, Authenticator: w.auth, Connectors: catalog})
	w.indexer = search.NewIndexer(search.IndexerOptions{Store: s, Log: quiet, Grace: time.Nanosecond})
	w.state.Store("ok")
	hub := live.New(live.Options{Log: w.core.Log, Encode: native.AppendEvent, Errors: quiet, Joined: w.core.Presence.Opened})
	w.core.Presence.Follow(hub.Show, func(presence.Word) {})
	t.Cleanup(hub.Close)
	kept := files.New(files.Options{Store: s, Blobs: blobs, MaxSize: maxUpload, Sees: w.core.SeesAny, Log: quiet})
	w.dossiers = dossier.New(dossier.Options{Store: s, Files: kept, Log: quiet})
	door := native.New(native.Options{Core: w.core, Dossiers: w.dossiers, Streams: hub, Ready: func() string { return w.state.Load().(string) }, Directory: w.directory, Keys: w.keys, Audit: audit.New(s), Authenticator: w.auth, Version: "test",
		Holds:      holds.New(holds.Options{Store: s, Blobs: blobs}),
		Playground: playground.New(playground.Options{Store: s, Directory: w.directory, Forget: w.auth.Forget}), Searches: search.New(search.Options{Store: s}),
		Files: kept})
	w.serve(t, door, quiet)
	w.token = w.organization(t, "Alpha").Key.Token
	w.admin = w.client(t, w.token)
	return w
}

func (w *world) serve(t testing.TB, handler http.Handler, log *slog.Logger) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httpd.New(httpd.Options{Log: log}, handler)
	w.handler = server
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx := t.Context()
		_ = server.Stop(ctx) // the context is over: what is left is cut
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.url = "http://" + listener.Addr().String()
}

// organization makes an organization with a first key that has every scope.
func (w *world) organization(t testing.TB, name string) directory.NewOrganization {
	t.Helper()
	made, _, err := w.directory.CreateOrganization(t.Context(), access.Operator(), directory.OrganizationParams{Name: name, Operator: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *world) client(t testing.TB, token string) *api.Client {
	t.Helper()
	c, err := api.New(w.url, token, api.WithRetry(api.Retry{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// without returns the token of a key with every scope but some.
func (w *world) without(t testing.TB, missing ...parley.Scope) string {
	t.Helper()
	return w.with(t, slices.DeleteFunc(slices.Clone(parley.Scopes), func(s parley.Scope) bool {
		return slices.Contains(missing, s) || s == parley.ScopeOrganizationsCreate
	})...)
}

// with returns the token of a key with some scopes.
func (w *world) with(t testing.TB, scopes ...parley.Scope) string {
	t.Helper()
	key, _, err := w.keys.Create(t.Context(), w.principal(t), access.KeyParams{Name: "narrow", Scopes: scopes}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key.Token
}

// latest is where the log ends.
func (w *world) latest(t *testing.T) int64 {
	t.Helper()
	return must[*api.EventPage](t)(w.admin.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest})).Through
}

// raw makes a request as it is given.
func (w *world) raw(t testing.TB, method, path, token, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// must returns what came without an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantProblem checks the status and code of an error, and the field it names, if any.
func wantProblem(t testing.TB, err error, status int, code, field string) {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.HTTPStatus != status || code != "" && e.Code != code {
		t.Fatalf("got error %v, want %d %s", err, status, code)
	}
	if field != "" && (len(e.Errors) == 0 || e.Errors[0].Field != field) {
		t.Errorf("error %v names %v, want the field %s", err, e.Errors, field)
	}
}

// index brings the index of words up to date.
func (w *world) index(t testing.TB) {
	t.Helper()
	organizations, err := w.store.Read(t.Context()).Organizations("", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range organizations {
		if err := w.indexer.CatchUp(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
}
