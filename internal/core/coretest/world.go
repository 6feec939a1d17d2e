// Package coretest makes a core over a real database for tests, with an organization in it.
package coretest

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/dossier"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// World is a core over a store of its own.
type World struct {
	*core.Core
	Store     *store.Store
	Directory *directory.Directory
	Files     *files.Files
	Dossiers  *dossier.Dossiers
	Holds     *holds.Holds
	Auth      *access.Authenticator
	Folder    string            // of the data
	Admin     *access.Principal // an organization key with every scope
	T         *testing.T

	ahead atomic.Int64 // of the real time
	fault atomic.Pointer[func(statement string) error]
	ran   atomic.Int64 // statements
}

// Statements returns how many statements f has the store run.
func (w *World) Statements(f func()) int {
	before := w.ran.Load()
	f()
	return int(w.ran.Load() - before)
}

// Before runs f once, just before the next statement that has this text in it.
func (w *World) Before(text string, f func()) {
	var done atomic.Bool
	fault := func(statement string) error {
		if strings.Contains(statement, text) && done.CompareAndSwap(false, true) {
			f()
		}
		return nil
	}
	w.fault.Store(&fault)
}

func (w *World) before(statement string) error {
	w.ran.Add(1)
	if fault := w.fault.Load(); fault != nil {
		return (*fault)(statement)
	}
	return nil
}

// New returns a world with one organization. Its files go when the test ends.
func New(t *testing.T) *World { return Open(t, t.TempDir()) }

// Open is New in a folder that the test keeps.
func Open(t *testing.T, folder string) *World {
	t.Helper()
	w := &World{T: t, Folder: folder}
	s, err := store.Open(t.Context(), store.Options{Folder: folder, URL: fresh.Database(t, folder), Log: slog.New(slog.DiscardHandler), Now: w.Now, Fault: w.before})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	connectors := map[string]connector.Definition{sandbox.Name: sandbox.Definition(client)}
	blobs, err := media.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	w.Store, w.Auth = s, access.NewAuthenticator(s, w.Now)
	w.Core = core.New(core.Options{Store: s, Connectors: connectors})
	w.Directory = directory.New(directory.Options{Store: s, Authenticator: w.Auth, Connectors: connectors})
	w.Files = files.New(files.Options{Store: s, Blobs: blobs, Sees: w.SeesAny})
	w.Dossiers = dossier.New(dossier.Options{Store: s, Files: w.Files})
	w.Holds = holds.New(holds.Options{Store: s, Blobs: blobs})
	w.Admin = w.Organization("Alpha")
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// Advance moves the world's time forward.
func (w *World) Advance(d time.Duration) { w.ahead.Add(int64(d)) }

// Organization makes an organization, and returns who has its first key.
func (w *World) Organization(name string) *access.Principal {
	w.T.Helper()
	made, _, err := w.Directory.CreateOrganization(w.T.Context(), access.Operator(), directory.OrganizationParams{Name: name}, nil)
	w.Must(err)
	p, err := w.Auth.Authenticate(w.T.Context(), made.Key.Token, "")
	w.Must(err)
	return p
}

// User makes a user of the admin's organization, and returns who has its personal key.
func (w *World) User(admin *access.Principal, name string) *access.Principal {
	w.T.Helper()
	u, _, err := w.Directory.CreateUser(w.T.Context(), admin, directory.UserParams{Name: name}, nil)
	w.Must(err)
	return access.AsUser(admin.Organization, u)
}

// Users makes several users.
func (w *World) Users(admin *access.Principal, names ...string) []*access.Principal {
	w.T.Helper()
	users := make([]*access.Principal, len(names))
	for i, name := range names {
		users[i] = w.User(admin, name)
	}
	return users
}

// Channel makes a sandbox channel. With members it is closed, and theirs.
func (w *World) Channel(admin *access.Principal, platform string, members ...parley.ID) parley.Channel {
	w.T.Helper()
	params := directory.ChannelParams{Name: platform, Connector: sandbox.Name, Platform: platform, Default: len(members) == 0}
	if len(members) > 0 {
		open := false
		params.Open, params.Members = &open, members
	}
	ch, _, err := w.Directory.CreateChannel(w.T.Context(), admin, params, nil)
	w.Must(err)
	return ch
}

// Contact makes a contact with an address, "kind:value".
func (w *World) Contact(admin *access.Principal, name, address string) parley.Contact {
	w.T.Helper()
	a, err := parley.ParseAddress(address)
	w.Must(err)
	c, _, err := w.Directory.CreateContact(w.T.Context(), admin, directory.ContactParams{Name: name, Addresses: []parley.Address{a}}, nil)
	w.Must(err)
	return c
}

// File uploads a file.
func (w *World) File(p *access.Principal, name, content string) parley.Media {
	w.T.Helper()
	m, _, err := w.Files.Upload(w.T.Context(), p, files.UploadParams{Name: name, Content: strings.NewReader(content)}, nil)
	w.Must(err)
	return m
}

// Text is a body of one text.
func Text(text string) []parley.Part { return []parley.Part{{Kind: parley.PartText, Text: text}} }

// Send sends a message.
func (w *World) Send(p *access.Principal, params core.SendParams) parley.Message {
	w.T.Helper()
	sent, err := w.Core.Send(w.T.Context(), p, params)
	w.Must(err)
	return sent.Message
}

// Say sends a text.
func (w *World) Say(p *access.Principal, to core.To, text string) parley.Message {
	w.T.Helper()
	return w.Send(p, core.SendParams{To: to, Body: Text(text)})
}

// Events returns what has been logged in the principal's organization after a sequence.
func (w *World) Events(p *access.Principal, after int64) []parley.Event {
	w.T.Helper()
	events, err := w.Store.Read(w.T.Context()).Events(p.Organization, after, 100_000)
	w.Must(err)
	return events
}

// Must ends the test at an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Refused checks the kind and code of an error.
func (w *World) Refused(err error, kind parley.ErrorKind, code string) {
	w.T.Helper()
	if e := parley.AsError(err); err == nil || e.Kind != kind || e.Code != code {
		w.T.Fatalf("got error %v, want %s %s", err, kind, code)
	}
}

// Eventually waits until something holds.
func (w *World) Eventually(what string, holds func() bool) {
	w.T.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.T.Fatalf("not within 5 s: %s", what)
}
