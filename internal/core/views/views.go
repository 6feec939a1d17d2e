// Package views is lists of conversations that people keep: what each is narrowed to, who sees it, and how many
// conversations somebody finds in it.
package views

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/view"
)

// Place is a place in the order of views.
type Place = view.Place

// Limits of views.
const (
	maxViews   = 200  // of an owner
	maxCounted = 50   // in one request
	maxCount   = 1000 // conversations are counted
)

// Options are what views stand on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
}

// Views are those of all organizations.
type Views struct {
	store   *store.Store
	threads *thread.Threads
}

// New returns the views of a store.
func New(o Options) *Views { return &Views{store: o.Store, threads: o.Threads} }

// shared is what one needs to change the views of the organization.
const shared = parley.ScopeOrganizationWrite

// Create makes a view, and says whether the request was a repeat. Its owner is the principal's user, a team, or the organization.
func (v *Views) Create(ctx context.Context, p *access.Principal, made parley.View, i *access.Idempotency) (parley.View, bool, error) {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(v.store.Now(ctx, p.Organization))
	if err := parley.InvalidFields(append(p.Owner(&made.Owner), check(&made)...)); err != nil {
		return made, false, err
	}
	var result parley.View
	replay, err := p.Once(ctx, v.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if err := p.MayOwn(tx.Queries, result.Owner, shared); err != nil {
			return err
		}
		if n, err := view.Count(tx.Queries, p.Organization, result.Owner); err != nil {
			return err
		} else if n >= maxViews {
			return parley.Conflict("views-full", "there are at most %d views of one owner", maxViews)
		}
		if err := named(tx.Queries, p, &result.Filter); err != nil {
			return err
		}
		if err := view.Insert(tx, p.Organization, &result); err != nil {
			return err
		}
		return did(tx, p, &result, parley.EventViewCreated, parley.ActViewCreated)
	})
	if err == nil && replay != nil {
		result, err = v.Get(ctx, p, replay.Resource)
	}
	return result, replay != nil, err
}

// did tells of what was done to a view: those who see it.
func did(tx *store.Tx, p *access.Principal, v *parley.View, event parley.EventType, act parley.Act) error {
	data := parley.EventData{Actor: p.User}
	switch v.Owner.Kind {
	case parley.ActorUser:
		data.User = v.Owner.ID
	case parley.ActorTeam:
		data.Team = v.Owner.ID
	}
	tx.Emit(p.Organization, parley.Event{Type: event, Subject: v.ID, Data: data})
	var changes parley.Changes
	changes.Made("owner", string(v.Owner.Kind))
	return p.Did(tx, act, v.ID, changes)
}

// seen returns a view that the principal sees.
func seen(q store.Queries, p *access.Principal, id parley.ID) (parley.View, error) {
	found, err := view.View(q, p.Organization, id)
	if err != nil {
		return found, err
	}
	sees, err := p.SeesOwned(q, found.Owner)
	if err == nil && !sees {
		err = parley.NotFound("view", id)
	}
	return found, err
}

// Get returns a view.
func (v *Views) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.View, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return parley.View{}, err
	}
	return look(v.store.Read(ctx), p, id)
}

// look is seen, with what of its filter names nothing.
func look(q store.Queries, p *access.Principal, id parley.ID) (parley.View, error) {
	found, err := seen(q, p, id)
	if err != nil {
		return found, err
	}
	list := []parley.View{found}
	err = judge(q, p, list)
	return list[0], err
}

// List returns up to limit views that the principal sees, of an owner or of all, in their order, after a place; the place to
// go on from is nil at the end.
func (v *Views) List(ctx context.Context, p *access.Principal, owner parley.Actor, after Place, limit int) ([]parley.View, *Place, error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, nil, err
	}
	q := v.store.Read(ctx)
	owners, err := ownersOf(q, p, owner)
	if err != nil || len(owners) == 0 {
		return nil, nil, err
	}
	list, err := view.Views(q, p.Organization, owners, after, limit+1)
	if err != nil {
		return nil, nil, err
	}
	var next *Place
	if len(list) > limit {
		list = list[:limit]
		next = &Place{Place: list[limit-1].Place, ID: list[limit-1].ID}
	}
	return list, next, judge(q, p, list)
}

// ownersOf are those whose views a list holds.
func ownersOf(q store.Queries, p *access.Principal, owner parley.Actor) ([]parley.Actor, error) {
	if owner.Kind == "" {
		return p.Owners(q)
	}
	if err := parley.InvalidFields(p.Owner(&owner)); err != nil {
		return nil, err
	}
	sees, err := p.SeesOwned(q, owner)
	if err != nil || !sees {
		return nil, err
	}
	return []parley.Actor{owner}, nil
}

// Patch changes a view. What is nil stays as it is.
type Patch struct {
	Name   *string
	Place  *int
	Filter *parley.ViewFilter // replaces all of it
}

// Update changes a view. An ifMatch that is not 0 must be its revision.
func (v *Views) Update(ctx context.Context, p *access.Principal, id parley.ID, patch Patch, ifMatch int64) (result parley.View, err error) {
	err = v.change(ctx, p, id, ifMatch, func(tx *store.Tx, changed *parley.View) error {
		parley.Set(&changed.Name, patch.Name)
		parley.Set(&changed.Place, patch.Place)
		parley.Set(&changed.Filter, patch.Filter)
		if err := parley.InvalidFields(check(changed)); err != nil {
			return err
		}
		if patch.Filter != nil {
			if err := named(tx.Queries, p, &changed.Filter); err != nil {
				return err
			}
		}
		if err := view.Update(tx, p.Organization, changed); err != nil {
			return err
		}
		if err := did(tx, p, changed, parley.EventViewUpdated, parley.ActViewUpdated); err != nil {
			return err
		}
		result, err = look(tx.Queries, p, id)
		return err
	})
	return result, err
}

// Delete deletes a view. An ifMatch that is not 0 must be its revision.
func (v *Views) Delete(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return v.change(ctx, p, id, ifMatch, func(tx *store.Tx, gone *parley.View) error {
		if err := view.Delete(tx, p.Organization, id); err != nil {
			return err
		}
		return did(tx, p, gone, parley.EventViewDeleted, parley.ActViewDeleted)
	})
}

func (v *Views) change(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(tx *store.Tx, v *parley.View) error) error {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return err
	}
	return v.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		found, err := seen(tx.Queries, p, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, found.Rev); err != nil {
			return err
		}
		if err := p.MayOwn(tx.Queries, found.Owner, shared); err != nil {
			return err
		}
		return unit(tx, &found)
	})
}

// Conversations returns a page of the conversations that the principal finds in a view, as a list of conversations has them.
func (v *Views) Conversations(ctx context.Context, p *access.Principal, id parley.ID, after string, limit int) ([]parley.Conversation, string, error) {
	found, err := v.Get(ctx, p, id)
	if err != nil {
		return nil, "", err
	}
	if len(found.Invalid) > 0 {
		return nil, "", &parley.Error{Kind: parley.KindConflict, Code: "view-invalid", Message: "the view names what is not there any more: change its filter",
			Fields: found.Invalid}
	}
	f, err := filter(p, &found.Filter)
	if err != nil {
		return nil, "", err
	}
	return v.threads.Conversations(ctx, p, f, after, limit)
}

// Counts returns how many conversations the principal finds in each of some views, or in the first of all that it sees, and
// the sequence of the newest event before they were counted.
func (v *Views) Counts(ctx context.Context, p *access.Principal, ids []parley.ID) (counts []parley.ViewCount, through int64, err error) {
	if err := p.Require(parley.ScopeConversationsRead); err != nil {
		return nil, 0, err
	}
	q := v.store.Read(ctx)
	log, err := q.LogRange(p.Organization)
	if err != nil {
		return nil, 0, err
	}
	list, err := v.counted(ctx, q, p, ids)
	if err != nil {
		return nil, 0, err
	}
	s := thread.NewSight(q, p)
	for i := range list {
		count := parley.ViewCount{View: list[i].ID, Invalid: len(list[i].Invalid) > 0}
		if !count.Invalid {
			f, err := filter(p, &list[i].Filter)
			if err != nil {
				return nil, 0, err
			}
			if count.Count, count.More, err = s.CountConversations(f, maxCount); err != nil {
				return nil, 0, err
			}
		}
		counts = append(counts, count)
	}
	return counts, log.Latest, nil
}

// counted are the views that are asked for, each once; one that is not seen does not exist.
func (v *Views) counted(ctx context.Context, q store.Queries, p *access.Principal, ids []parley.ID) ([]parley.View, error) {
	if len(ids) == 0 {
		list, _, err := v.List(ctx, p, parley.Actor{}, Place{}, maxCounted)
		return list, err
	}
	found, err := view.ByID(q, p.Organization, ids)
	if err != nil {
		return nil, err
	}
	owners, err := p.Owners(q)
	if err != nil {
		return nil, err
	}
	var list []parley.View
	for _, id := range ids {
		at := slices.IndexFunc(found, func(v parley.View) bool { return v.ID == id })
		if at < 0 || !sees(p, owners, found[at].Owner) {
			return nil, parley.NotFound("view", id)
		}
		if !slices.ContainsFunc(list, func(v parley.View) bool { return v.ID == id }) {
			list = append(list, found[at])
		}
	}
	return list, judge(q, p, list)
}

func sees(p *access.Principal, owners []parley.Actor, owner parley.Actor) bool {
	return slices.Contains(owners, parley.Actor{Kind: owner.Kind, ID: owner.ID}) || owner.Kind == parley.ActorTeam && !p.Personal
}
