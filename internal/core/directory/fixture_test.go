package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a directory over a store of its own, with one organization.
type world struct {
	*directory.Directory
	store *store.Store
	auth  *access.Authenticator
	keys  *access.Keys
	admin *access.Principal
	asked atomic.Int64 // calls of the connector's Checker
	wakes chan parley.ID
}

// provider is a connector whose Checker refuses the token "bad".
type provider struct{ w *world }

func (provider) Send(context.Context, parley.Channel, connector.Outgoing) (connector.Receipt, error) {
	return connector.Receipt{}, errors.New("not here")
}

func (p provider) Check(_ context.Context, ch parley.Channel) error {
	p.w.asked.Add(1)
	var settings struct{ Token string }
	if err := json.Unmarshal(ch.Settings, &settings); err != nil {
		return err
	}
	if settings.Token == "bad" {
		return parley.Invalid("settings.token", "credentials-refused", "the provider refuses it")
	}
	return nil
}

func (w *world) catalog() map[string]connector.Definition {
	platform := connector.Platform{Name: "sms", AddressKind: parley.AddressPhone, Thread: parley.ThreadContact, Conversational: true}
	email := connector.Platform{Name: "email", AddressKind: parley.AddressEmail, Thread: parley.ThreadEmail}
	return map[string]connector.Definition{
		"acme": {Name: "acme", Title: "Acme", Platforms: []connector.Platform{platform}, Connector: provider{w}, Settings: []connector.Setting{
			{Name: "token", Type: connector.TypeString, Secret: true, Required: true},
			{Name: "region", Type: connector.TypeString, Allowed: []string{"eu", "us"}},
			{Name: "timeout", Type: connector.TypeInteger},
		}},
		"many": {Name: "many", Title: "Many", Platforms: []connector.Platform{platform, email}, Connector: provider{w}},
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	folder := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Folder: folder, URL: fresh.Database(t, folder), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{store: s, wakes: make(chan parley.ID, 100)}
	w.auth = access.NewAuthenticator(s, nil)
	w.keys = access.NewKeys(s, w.auth)
	w.Directory = directory.New(directory.Options{Store: s, Authenticator: w.auth, Connectors: w.catalog(),
		ChannelChanged: func(_, channel parley.ID) { w.wakes <- channel }})
	w.admin = w.organization(t, "Alpha")
	return w
}

// organization makes an organization, and returns who has its first key.
func (w *world) organization(t *testing.T, name string) *access.Principal {
	t.Helper()
	made, _, err := w.CreateOrganization(t.Context(), access.Operator(), directory.OrganizationParams{Name: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.auth.Authenticate(t.Context(), made.Key.Token, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// events returns the types of the events after a sequence, and where the log ends.
func (w *world) events(t *testing.T, p *access.Principal, after int64) ([]parley.EventType, int64) {
	t.Helper()
	events, err := w.store.Read(t.Context()).Events(p.Organization, after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	types := make([]parley.EventType, len(events))
	for i, e := range events {
		types[i] = e.Type
		after = e.Sequence
	}
	return types, after
}

// wantEvents checks what has been logged since a sequence, and returns where the log ends.
func (w *world) wantEvents(t *testing.T, p *access.Principal, after int64, want ...parley.EventType) int64 {
	t.Helper()
	got, end := w.events(t, p, after)
	if !slices.Equal(got, want) {
		t.Errorf("events: got %v, want %v", got, want)
	}
	return end
}

// must returns a value that came without an error.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// made is must for operations that say whether the request was a repeat.
func made[T any](t *testing.T) func(v T, replayed bool, err error) T {
	return func(v T, replayed bool, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if replayed {
			t.Fatal("replayed")
		}
		return v
	}
}

// wantError checks the kind and code of an error, and the field it names, if any.
func wantError(t *testing.T, err error, kind parley.ErrorKind, code, field string) {
	t.Helper()
	e, ok := errors.AsType[*parley.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Fatalf("got error %v, want %s %s", err, kind, code)
	}
	if field != "" && (len(e.Fields) == 0 || e.Fields[0].Field != field) {
		t.Errorf("error %v names %v, want the field %s", err, e.Fields, field)
	}
}

func ptr[T any](v T) *T { return &v }

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
