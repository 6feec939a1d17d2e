// Package directory keeps who and what there is to talk with: organizations, users, teams, roles, broadcast lists,
// contacts and channels, and the rules for changing them.
package directory

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Options are what a directory stands on.
type Options struct {
	Store         *store.Store
	Authenticator *access.Authenticator           // told when what it verified may have changed
	Connectors    map[string]connector.Definition // the catalog
	// ChannelChanged is called after a change that may let a channel's deliveries go out, or end them: it was
	// resumed, its limits changed, it was deleted. Nil: nobody wants to know. It must not block.
	ChannelChanged func(organization, channel parley.ID)
	// TestProviders lets test organizations have channels that reach somebody.
	TestProviders bool
	// Kick wakes the timers after work for them was added; nil: nobody listens. It must not block.
	Kick func()
}

// Directory is the one place that changes organizations, users, teams, roles, broadcast lists, contacts and channels.
type Directory struct {
	store          *store.Store
	authenticator  *access.Authenticator
	connectors     map[string]connector.Definition
	channelChanged func(organization, channel parley.ID)
	now            func(ctx context.Context, organization parley.ID) time.Time
	testProviders  bool
	kick           func()
}

// New returns a directory.
func New(o Options) *Directory {
	d := &Directory{store: o.Store, authenticator: o.Authenticator, connectors: o.Connectors, channelChanged: o.ChannelChanged, now: o.Store.Now, testProviders: o.TestProviders, kick: o.Kick}
	if d.channelChanged == nil {
		d.channelChanged = func(parley.ID, parley.ID) {}
	}
	if d.kick == nil {
		d.kick = func() {}
	}
	return d
}

// matchRev refuses a change whose If-Match names another revision. 0 is no If-Match.
func matchRev(ifMatch, rev int64) error {
	if ifMatch == 0 || ifMatch == rev {
		return nil
	}
	return &parley.Error{Kind: parley.KindPrecondition, Code: "revision-mismatch",
		Message: "it has been changed since; read it again", Facts: map[string]any{"rev": rev},
		Fields: []parley.FieldError{{Field: "If-Match", Code: "revision-mismatch", Message: "must be the present revision"}}}
}

// emit tells the log what the principal did to something.
func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, subject parley.ID) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: subject, Data: parley.EventData{Actor: p.User}})
}

// write runs a unit in the principal's organization.
func (d *Directory) write(ctx context.Context, p *access.Principal, unit func(tx *store.Tx) error) error {
	return d.store.Write(ctx, p.Organization, unit)
}

// written runs a unit that comes to something, of which nothing is returned unless it is durable.
func written[T any](ctx context.Context, d *Directory, p *access.Principal, unit func(tx *store.Tx) (T, error)) (T, error) {
	var result, none T
	err := d.write(ctx, p, func(tx *store.Tx) (err error) {
		result, err = unit(tx)
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// The filters of lists.
type (
	UserFilter    = store.UserFilter
	ContactFilter = store.ContactFilter
	ChannelFilter = store.ChannelFilter
)
