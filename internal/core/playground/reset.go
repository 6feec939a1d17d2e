package playground

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/clock"
	"github.com/parley-server/parley/internal/store/playground"
)

// ResetParams says how a test organization is emptied.
type ResetParams struct {
	// All: users, keys and permission sets go too, but for the key that asks, its user and its sets.
	All bool
	// Fixture is what is made then; empty: nothing.
	Fixture Fixture
}

// Reset is what came of it.
type Reset struct {
	Done bool // else there is more to delete: ask again
	Made []Made
}

const (
	// resetFor is how long one call goes on.
	resetFor = 20 * time.Second
	// rowsAtOnce and filesAtOnce are how many rows one transaction deletes.
	rowsAtOnce  = 500
	filesAtOnce = 100
	// filesAtLast is how many files the last transaction deletes at most: those that came meanwhile.
	filesAtLast = 10_000
)

// Reset empties the principal's test organization: conversations, messages, files, contacts, channels, teams, everything but
// users, their permission sets and keys, and the audit log. Its settings are as at the beginning, its clock goes with the real
// time again, and its log of events goes on with the next number.
func (g *Playground) Reset(ctx context.Context, p *access.Principal, params ResetParams) (Reset, error) {
	if err := params.permitted(p); err != nil {
		return Reset{}, err
	}
	err := g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if _, err := clockOf(tx.Queries, p); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("all", params.All)
		changes.Made("fixture", string(params.Fixture))
		return p.Did(tx, parley.ActOrganizationReset, p.Organization, changes)
	})
	if err != nil {
		return Reset{}, err
	}
	done, err := g.empty(ctx, p.Organization)
	if err != nil || !done {
		return Reset{}, err
	}
	if err := g.last(ctx, p, params.All); err != nil {
		return Reset{}, err
	}
	g.forget()
	g.kick()
	made, err := g.make(ctx, p.Organization, params.Fixture)
	return Reset{Done: true, Made: made}, err
}

func (params *ResetParams) permitted(p *access.Principal) error {
	needed := []parley.Scope{parley.ScopeSandboxWrite}
	if params.All {
		needed = append(needed, parley.ScopeUsersWrite, parley.ScopeKeysWrite)
	}
	for _, scope := range needed {
		if err := p.Require(scope); err != nil {
			return err
		}
	}
	return params.Fixture.check()
}

// empty deletes in small pieces, while others go on, and says whether it has come to the end.
func (g *Playground) empty(ctx context.Context, organization parley.ID) (bool, error) {
	end := g.store.Now(ctx, "").Add(resetFor)
	for {
		n, err := g.takeFiles(ctx, organization, filesAtOnce, nil)
		if err != nil {
			return false, err
		}
		if n < filesAtOnce {
			break
		}
		if g.store.Now(ctx, "").After(end) {
			return false, nil
		}
	}
	tables, err := playground.Tables()
	if err != nil {
		return false, err
	}
	for _, t := range tables {
		for n := int64(rowsAtOnce); n == rowsAtOnce; {
			if g.store.Now(ctx, "").After(end) {
				return false, nil
			}
			err := g.store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) (err error) {
				n, err = playground.Some(tx, organization, t, rowsAtOnce)
				tx.Erased()
				return err
			})
			if err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// takeFiles deletes some files, in one transaction with what else is to be done, and then their blobs. Those that are left where
// that fails are found by the sweep.
func (g *Playground) takeFiles(ctx context.Context, organization parley.ID, limit int, also func(tx *store.Tx) error) (int, error) {
	var ids []parley.ID
	err := g.store.Write(ctx, organization, func(tx *store.Tx) (err error) {
		if ids, err = playground.TakeFiles(tx, organization, limit); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := g.removeBlob(organization, id); err != nil {
			g.log.Warn("removing a blob", "organization", organization, "media", id, "error", err)
		}
	}
	return len(ids), nil
}

// last deletes what has come meanwhile, in one transaction, and begins anew.
func (g *Playground) last(ctx context.Context, p *access.Principal, all bool) error {
	_, err := g.takeFiles(ctx, p.Organization, filesAtLast, func(tx *store.Tx) error {
		if err := playground.All(tx, p.Organization); err != nil {
			return err
		}
		if all {
			if err := playground.Others(tx, p.Organization, p.User, p.Key); err != nil {
				return err
			}
		}
		if err := clock.Restart(tx, p.Organization); err != nil {
			return err
		}
		o, err := tx.Organization(p.Organization)
		if err != nil {
			return err
		}
		o.Policy = parley.Policy{}
		if err := tx.UpdateOrganization(&o); err != nil {
			return err
		}
		tx.Erased()
		for _, kind := range []parley.EventType{parley.EventOrganizationReset, parley.EventOrganizationUpdated} {
			tx.Emit(p.Organization, parley.Event{Type: kind, Subject: p.Organization, Data: parley.EventData{Actor: p.User}})
		}
		return nil
	})
	return err
}
