// Package directory keeps who and what there is to talk with: organizations, users, teams, roles, broadcast lists,
// contacts and channels, and the rules for changing them.
package directory

import (
	"context"
	"maps"
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

// Members are those of some ids that are active users who are people, or teams, by id.
func (d *Directory) Members(ctx context.Context, p *access.Principal, ids []parley.ID) (map[parley.ID]parley.Actor, error) {
	if err := parley.FirstError(p.Require(parley.ScopeUsersRead), p.Require(parley.ScopeTeamsRead)); err != nil {
		return nil, err
	}
	q := d.store.Read(ctx)
	users, err := q.UsersByID(p.Organization, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[parley.ID]parley.Actor, len(ids))
	var others []parley.ID
	for _, id := range ids {
		switch u := users[id]; {
		case u == nil:
			others = append(others, id)
		case !u.Machine && u.Active:
			found[id] = parley.Actor{Kind: parley.ActorUser, ID: id, Name: u.Name}
		}
	}
	teams, err := q.TeamNames(p.Organization, others)
	for id, name := range teams {
		found[id] = parley.Actor{Kind: parley.ActorTeam, ID: id, Name: name}
	}
	return found, err
}

// People are those of some users who are people, in the order of the ids.
func (d *Directory) People(ctx context.Context, p *access.Principal, ids []parley.ID) ([]parley.User, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, err
	}
	found, err := d.store.Read(ctx).UsersByID(p.Organization, ids)
	people := make([]parley.User, 0, len(found))
	for _, id := range ids {
		if u := found[id]; u != nil && !u.Machine {
			people = append(people, *u)
		}
	}
	return people, err
}

// Saved are those of some contacts that somebody has named, by id.
func (d *Directory) Saved(ctx context.Context, p *access.Principal, ids []parley.ID) (map[parley.ID]*parley.Contact, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, err
	}
	found, err := d.store.Read(ctx).ContactsByID(p.Organization, ids)
	maps.DeleteFunc(found, func(_ parley.ID, c *parley.Contact) bool { return !c.Saved })
	return found, err
}

// The filters of lists.
type (
	UserFilter    = store.UserFilter
	ContactFilter = store.ContactFilter
	ChannelFilter = store.ChannelFilter
)
