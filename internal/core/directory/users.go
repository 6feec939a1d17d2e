package directory

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/page"
	"github.com/parley-server/parley/internal/store/profile"
)

// requireUsers refuses ids in a field that are no active users.
func requireUsers(q store.Queries, organization parley.ID, field string, ids []parley.ID) error {
	users, err := q.UsersByID(organization, ids)
	if err != nil {
		return err
	}
	var c check
	for i, id := range ids {
		if users[id] == nil || !users[id].Active {
			c.Refuse(fmt.Sprintf("%s[%d]", field, i), "user-unknown", "%q is no active user of the organization", id)
		}
	}
	return c.Err()
}

// UserParams is a user to make.
type UserParams struct {
	Name     string
	Email    string // empty: a user who cannot log in
	Machine  bool   // stands for a program; has no e-mail address
	Metadata map[string]string
}

// email checks and normalizes an e-mail address; empty is none.
func (c *check) email(value string) string {
	if value == "" {
		return ""
	}
	address, err := parley.NewAddress(parley.AddressEmail, value)
	if err != nil {
		c.Refuse("email", "email-invalid", "must be an e-mail address")
	}
	return address.Value
}

// CreateUser makes a user, with the account of its e-mail address, and says whether the request was a repeat.
func (d *Directory) CreateUser(ctx context.Context, p *access.Principal, params UserParams, i *access.Idempotency) (parley.User, bool, error) {
	if err := p.Require(parley.ScopeUsersWrite); err != nil {
		return parley.User{}, false, err
	}
	var c check
	c.name(params.Name)
	c.facts("metadata", params.Metadata)
	email := c.email(params.Email)
	if params.Machine && email != "" {
		c.Refuse("email", "not-allowed", "a machine user has none")
	}
	if err := c.Err(); err != nil {
		return parley.User{}, false, err
	}
	now := d.now(ctx, p.Organization)
	id, account := parley.NewID(now), parley.NewID(now)
	var user parley.User
	replay, err := p.Once(ctx, d.store, i, 201, id, func(tx *store.Tx) (err error) {
		user = parley.User{ID: id, Name: params.Name, Email: email, Machine: params.Machine, Active: true, Metadata: params.Metadata}
		if user.Account, err = accountOf(tx, account, email, params.Name); err != nil {
			return err
		}
		if user.Account != "" && user.Account != account { // its keys have another organization now to choose from
			tx.After(d.authenticator.Forget)
		}
		emit(tx, p, parley.EventUserCreated, id)
		var changes parley.Changes
		changes.Made("machine", user.Machine)
		changes.Made("account", string(user.Account))
		if err := p.Did(tx, parley.ActUserCreated, id, changes); err != nil {
			return err
		}
		return parley.About(tx.InsertUser(p.Organization, &user), "email-taken", "email")
	})
	if err != nil {
		return parley.User{}, false, err
	}
	if replay != nil {
		user, err = d.user(ctx, d.store.Read(ctx), p.Organization, replay.Resource)
	}
	return user, replay != nil, err
}

// accountOf finds the account of an e-mail address, or makes it.
func accountOf(tx *store.Tx, id parley.ID, email, name string) (parley.ID, error) {
	if email == "" {
		return "", nil
	}
	account, err := tx.EnsureAccount(parley.Account{ID: id, Email: email, Name: name})
	return account.ID, err
}

// User returns a user.
func (d *Directory) User(ctx context.Context, p *access.Principal, id parley.ID) (parley.User, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return parley.User{}, err
	}
	return d.user(ctx, d.store.Read(ctx), p.Organization, id)
}

// Shown is User for the answer to somebody who has just done something with it, whatever else the key may read.
func (d *Directory) Shown(ctx context.Context, p *access.Principal, id parley.ID) (parley.User, error) {
	return d.user(ctx, d.store.Read(ctx), p.Organization, id)
}

// user returns a user with what is kept beside it.
func (d *Directory) user(ctx context.Context, q store.Queries, organization, id parley.ID) (parley.User, error) {
	user, err := q.User(organization, id)
	if err != nil {
		return user, err
	}
	return user, d.complete(ctx, q, organization, &user)
}

func (d *Directory) complete(ctx context.Context, q store.Queries, organization parley.ID, users ...*parley.User) error {
	if err := profile.Fill(q, organization, users...); err != nil {
		return err
	}
	return availability.Fill(q, organization, d.now(ctx, organization), users...)
}

// Users returns up to limit users that pass the filter, with ids after one; next is where to go on, empty at
// the end.
func (d *Directory) Users(ctx context.Context, p *access.Principal, f UserFilter, after parley.ID, limit int) ([]parley.User, parley.ID, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, "", err
	}
	var c check
	f.Email = c.email(f.Email)
	if err := c.Err(); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	users, next, err := q.Users(p.Organization, f, after, limit)
	if err != nil {
		return nil, "", err
	}
	found := make([]*parley.User, len(users))
	for i := range users {
		found[i] = &users[i]
	}
	return users, next, d.complete(ctx, q, p.Organization, found...)
}

// Addressed are the users that ids, e-mail addresses and telephone numbers with a plus sign stand for, by those. Addresses are
// those of active users, and a number that several of them have stands for none.
func (d *Directory) Addressed(ctx context.Context, p *access.Principal, addresses ...string) (map[string]*parley.User, error) {
	if err := p.Require(parley.ScopeUsersRead); err != nil {
		return nil, err
	}
	q := d.store.Read(ctx)
	found, err := addressed(q, p.Organization, addresses)
	if err != nil {
		return nil, err
	}
	users := make([]*parley.User, 0, len(found))
	for _, u := range found {
		users = append(users, u)
	}
	return found, d.complete(ctx, q, p.Organization, users...)
}

func addressed(q store.Queries, organization parley.ID, addresses []string) (map[string]*parley.User, error) {
	var ids []parley.ID
	var emails, phones []string
	normal := map[string]string{}
	for _, address := range addresses {
		kind, list := parley.AddressEmail, &emails
		switch {
		case strings.Contains(address, "@"):
		case strings.HasPrefix(address, "+"):
			kind, list = parley.AddressPhone, &phones
		default:
			ids = append(ids, parley.ID(address))
			continue
		}
		if a, err := parley.NewAddress(kind, address); err == nil { // what is none is nobody's
			normal[address] = a.Value
			*list = append(*list, a.Value)
		}
	}
	byEmail, err := q.UsersByEmail(organization, emails)
	if err != nil {
		return nil, err
	}
	byPhone, err := profile.ByPhone(q, organization, phones)
	if err != nil {
		return nil, err
	}
	for _, list := range byPhone {
		ids = append(ids, list...)
	}
	byID, err := q.UsersByID(organization, ids)
	found := make(map[string]*parley.User, len(addresses))
	for _, address := range addresses {
		u := byID[parley.ID(address)]
		if value := normal[address]; value != "" {
			if u = byEmail[value]; u == nil {
				u = onlyActive(byPhone[value], byID)
			}
		}
		if u != nil {
			found[address] = u
		}
	}
	return found, err
}

// onlyActive is the one of some users that is active; nil where there are several.
func onlyActive(ids []parley.ID, users map[parley.ID]*parley.User) (only *parley.User) {
	for _, id := range ids {
		switch u := users[id]; {
		case u == nil || !u.Active:
		case only != nil:
			return nil
		default:
			only = u
		}
	}
	return only
}

// UserPatch changes a user. What is nil stays as it is.
type UserPatch struct {
	Name     *string
	Email    *string // another address is another account: keys of the one before end
	Active   *bool
	Metadata map[string]*string // one by one; nil removes one
}

// UpdateUser changes a user. An inactive one may not act, is off duty, nobody waits for it to come, and its keys do not work. An ifMatch that is not 0
// must be its revision.
func (d *Directory) UpdateUser(ctx context.Context, p *access.Principal, id parley.ID, patch UserPatch, ifMatch int64) (parley.User, error) {
	if err := p.Require(parley.ScopeUsersWrite); err != nil {
		return parley.User{}, err
	}
	account := parley.NewID(d.now(ctx, p.Organization))
	return written(ctx, d, p, func(tx *store.Tx) (parley.User, error) {
		user, err := tx.User(p.Organization, id)
		if err != nil {
			return user, err
		}
		if err := parley.MatchRev(ifMatch, user.Rev); err != nil {
			return user, err
		}
		before := user
		if err := patch.apply(&user); err != nil {
			return user, err
		}
		if patch.Email != nil {
			if user.Account, err = accountOf(tx, account, user.Email, user.Name); err != nil {
				return user, err
			}
		}
		if before.Active && !user.Active { // sends to it that are on their way are not for it any more
			if err := tx.BumpDirects(p.Organization, id); err != nil {
				return user, err
			}
			if err := access.KeepsAdmin(tx.Queries, p.Organization, id); err != nil {
				return user, err
			}
			if err := goOffAll(tx, p, id); err != nil {
				return user, err
			}
			if err := endPages(tx, p, parley.Actor{Kind: parley.ActorUser, ID: id}); err != nil {
				return user, err
			}
		}
		emit(tx, p, parley.EventUserUpdated, id)
		if err := p.Did(tx, parley.ActUserUpdated, id, changesOfUser(before, user)); err != nil {
			return user, err
		}
		tx.After(d.authenticator.Forget)
		if err := tx.UpdateUser(p.Organization, &user); err != nil {
			return user, parley.About(err, "email-taken", "email")
		}
		return user, d.complete(ctx, tx.Queries, p.Organization, &user)
	})
}

// pagesAtOnce is how many pages are looked at together.
const pagesAtOnce = 100

// endPages cancels the open pages of who is gone: nobody comes any more.
func endPages(tx *store.Tx, p *access.Principal, who parley.Actor) error {
	of := page.Of{Called: []parley.Actor{who}, States: []parley.PageState{parley.PageOpen}}
	for {
		open, err := page.List(tx.Queries, p.Organization, of, "", pagesAtOnce)
		if err != nil {
			return err
		}
		for i := range open {
			called := &open[i]
			called.State = parley.PageCanceled
			if err := page.End(tx, p.Organization, called); err != nil {
				return err
			}
			data := parley.EventData{Status: string(called.State)}
			if who.Kind == parley.ActorUser {
				data.User = who.ID
			}
			tx.Emit(p.Organization, parley.Event{Type: parley.EventPageResolved, Conversation: called.Conversation, Message: called.Message, Subject: called.ID, Data: data})
		}
		if len(open) < pagesAtOnce {
			return nil
		}
	}
}

// changesOfUser are what a change of a user changed: what it is called is not kept, whose account it is on is.
func changesOfUser(before, user parley.User) parley.Changes {
	var changes parley.Changes
	changes.Name("name", before.Name != user.Name)
	changes.Name("email", before.Email != user.Email)
	changes.Set("account", string(before.Account), string(user.Account))
	changes.Set("active", before.Active, user.Active)
	changes.Name("metadata", !maps.Equal(before.Metadata, user.Metadata))
	return changes
}

func (patch UserPatch) apply(user *parley.User) error {
	var c check
	parley.Set(&user.Name, patch.Name)
	parley.Set(&user.Active, patch.Active)
	user.Metadata = changeFacts(user.Metadata, patch.Metadata)
	if patch.Email != nil {
		user.Email = c.email(*patch.Email)
		if user.Machine && user.Email != "" {
			c.Refuse("email", "not-allowed", "a machine user has none")
		}
	}
	c.name(user.Name)
	c.facts("metadata", user.Metadata)
	return c.Err()
}
