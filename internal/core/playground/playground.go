// Package playground is what developers have in test organizations, and nobody has elsewhere: a clock of the organization's
// own that can be moved, a way to empty it.
package playground

import (
	"context"
	"log/slog"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what a playground stands on.
type Options struct {
	Store *store.Store
	// Turn does what is due by now, as far as it is done inside the database; nil: somebody else does.
	Turn func(ctx context.Context) error
	// Kick wakes the queue; nil: nobody listens. It must not block.
	Kick func()
	// Sweep deletes what an organization has kept for long enough; nil: nothing is.
	Sweep func(ctx context.Context, organization parley.ID) error
	// Directory makes fixtures.
	Directory *directory.Directory
	// RemoveBlob deletes the blob of a file whose row is gone; nil: there are none.
	RemoveBlob func(organization, media parley.ID) error
	// Forget drops what is remembered of keys; nil: nothing is.
	Forget func()
	Log    *slog.Logger
}

// Playground is what all test organizations have.
type Playground struct {
	store *store.Store
	turn  func(ctx context.Context) error
	kick  func()
	sweep func(ctx context.Context, organization parley.ID) error

	directory  *directory.Directory
	removeBlob func(organization, media parley.ID) error
	forget     func()
	log        *slog.Logger
}

// New returns the playground of a store.
func New(o Options) *Playground {
	g := &Playground{store: o.Store, turn: o.Turn, kick: o.Kick, sweep: o.Sweep, directory: o.Directory,
		removeBlob: o.RemoveBlob, forget: o.Forget, log: o.Log}
	if g.turn == nil {
		g.turn = func(context.Context) error { return nil }
	}
	if g.kick == nil {
		g.kick = func() {}
	}
	if g.sweep == nil {
		g.sweep = func(context.Context, parley.ID) error { return nil }
	}
	if g.removeBlob == nil {
		g.removeBlob = func(parley.ID, parley.ID) error { return nil }
	}
	if g.forget == nil {
		g.forget = func() {}
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	return g
}

// clockOf returns the clock of the principal's organization. One that has none is no test organization.
func clockOf(q store.Queries, p *access.Principal) (*parley.Clock, error) {
	c, err := q.Clock(p.Organization)
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.Conflict("test-only", "this is only for test organizations: those made with test: true")
	}
	return c, err
}
