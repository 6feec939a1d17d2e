// Package availability is what users do not want to be disturbed by: do-not-disturb, with whom it forwards to, and muted
// conversations. Who is not available gets everything all the same.
package availability

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/availability"
	"github.com/parley-server/parley/internal/store/duty"
)

// Options are what availability stands on.
type Options struct {
	Store   *store.Store
	Threads *thread.Threads
	Kick    func() // wakes the timers after work for them was added; nil: nobody listens. It must not block.
	// Changed is told whose do-not-disturb has changed; nil: nobody listens. It must not block.
	Changed func(organization, user parley.ID)
}

// Availability changes what users do not want to be disturbed by.
type Availability struct {
	store   *store.Store
	threads *thread.Threads
	kick    func()
	changed func(organization, user parley.ID)
}

// New returns the availability of a store's users.
func New(o Options) *Availability {
	a := &Availability{store: o.Store, threads: o.Threads, kick: o.Kick, changed: o.Changed}
	if a.kick == nil {
		a.kick = func() {}
	}
	if a.changed == nil {
		a.changed = func(parley.ID, parley.ID) {}
	}
	return a
}

const maxText = 2000 // characters

// Params are how a user does not want to be disturbed.
type Params struct {
	Until       time.Time // zero: until it is turned off
	Text        string    // empty: a text of the server's
	ForwardUser parley.ID
	ForwardRole parley.ID // at most one of the two
}

// may refuses who may not change the availability of a user: everybody may their own, and who may change users that of others.
func may(p *access.Principal, user parley.ID) error {
	if err := p.Require(parley.ScopeUsersSelf); err != nil || user == p.User {
		return err
	}
	return p.Require(parley.ScopeUsersWrite)
}

// Set turns a user's do-not-disturb on, or changes it. An ifMatch that is not 0 must be the revision of the user.
func (a *Availability) Set(ctx context.Context, p *access.Principal, user parley.ID, params Params, ifMatch int64) (found parley.User, err error) {
	if err := may(p, user); err != nil {
		return found, err
	}
	err = a.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if found, err = matched(tx, p, user, ifMatch); err != nil {
			return err
		}
		if err := availability.Fill(tx.Queries, p.Organization, tx.Now, &found); err != nil {
			return err
		}
		d := parley.DoNotDisturb{Since: tx.Now, Until: params.Until, Text: params.Text}
		if on := found.DoNotDisturb; on != nil { // who was told of it need not be told again
			d.Since = on.Since
		}
		if err := params.check(tx.Now); err != nil {
			return err
		}
		if d.ForwardTo, err = params.target(tx, p, user); err != nil {
			return err
		}
		if err := availability.Set(tx, p.Organization, user, &d); err != nil {
			return err
		}
		if err := a.schedule(tx, p.Organization, user, d.Until); err != nil {
			return err
		}
		a.emit(tx, p, user, "on", d.ForwardTo.ID)
		if err := params.did(tx, p, user, found.DoNotDisturb); err != nil {
			return err
		}
		found, err = read(tx.Queries, p.Organization, user, tx.Now)
		return err
	})
	if err != nil {
		return parley.User{}, err
	}
	return found, nil
}

// schedule keeps the timer of a do-not-disturb in step with it.
func (a *Availability) schedule(tx *store.Tx, organization, user parley.ID, until time.Time) error {
	job := availability.EndJob(organization, user, until)
	if until.IsZero() {
		return tx.Done([]store.Job{job})
	}
	tx.After(a.kick)
	return tx.Schedule(job)
}

func matched(tx *store.Tx, p *access.Principal, user parley.ID, ifMatch int64) (parley.User, error) {
	u, err := tx.User(p.Organization, user)
	if err == nil {
		err = parley.MatchRev(ifMatch, u.Rev)
	}
	return u, err
}

func read(q store.Queries, organization, user parley.ID, now time.Time) (parley.User, error) {
	u, err := q.User(organization, user)
	if err != nil {
		return u, err
	}
	return u, availability.Fill(q, organization, now, &u)
}

func (a *Availability) emit(tx *store.Tx, p *access.Principal, user parley.ID, status string, forward parley.ID) {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventUserAvailability, Subject: user,
		Data: parley.EventData{Actor: p.User, Status: status, User: forward}})
	organization := p.Organization
	tx.After(func() { a.changed(organization, user) })
}

func (params *Params) check(now time.Time) error {
	switch {
	case !params.Until.IsZero() && !params.Until.After(now):
		return parley.Invalid("until", "out-of-range", "must be in the future")
	case !utf8.ValidString(params.Text):
		return parley.Invalid("text", "text-invalid", "must be UTF-8")
	case utf8.RuneCountInString(params.Text) > maxText:
		return parley.Invalid("text", "too-long", "must be at most %d characters", maxText)
	case params.ForwardUser != "" && params.ForwardRole != "":
		return parley.Invalid("forwardTo", "recipient-ambiguous", "must name a user or a role")
	}
	return nil
}

// did tells the audit log what became of a do-not-disturb.
func (params *Params) did(tx *store.Tx, p *access.Principal, user parley.ID, before *parley.DoNotDisturb) error {
	if before == nil {
		before = &parley.DoNotDisturb{}
	}
	var changes parley.Changes
	changes.Set("until", before.Until, params.Until)
	changes.Name("text", before.Text != params.Text)
	changes.Set("forwardTo", string(before.ForwardTo.ID), string(params.ForwardUser+params.ForwardRole))
	return p.Did(tx, parley.ActDoNotDisturbOn, user, changes)
}

// target is whom a user's messages are to be forwarded to.
func (params *Params) target(tx *store.Tx, p *access.Principal, user parley.ID) (parley.Actor, error) {
	switch {
	case params.ForwardUser == user:
		return parley.Actor{}, parley.Invalid("forwardTo.user", "recipient-self", "must be somebody else")
	case params.ForwardUser != "":
		u, err := tx.User(p.Organization, params.ForwardUser)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && !u.Active {
			err = parley.Invalid("forwardTo.user", "user-unknown", "must be the id of an active user")
		}
		return parley.Actor{Kind: parley.ActorUser, ID: u.ID, Name: u.Name}, err
	case params.ForwardRole != "":
		r, err := duty.Get(tx.Queries, p.Organization, params.ForwardRole)
		if parley.IsKind(err, parley.KindNotFound) {
			err = parley.Invalid("forwardTo.role", "role-unknown", "must be the id of a role")
		}
		return parley.Actor{Kind: parley.ActorRole, ID: r.ID, Name: r.Name}, err
	}
	return parley.Actor{}, nil
}

// Clear turns a user's do-not-disturb off. One that is off stays so.
func (a *Availability) Clear(ctx context.Context, p *access.Principal, user parley.ID, ifMatch int64) error {
	if err := may(p, user); err != nil {
		return err
	}
	return a.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if _, err := matched(tx, p, user, ifMatch); err != nil {
			return err
		}
		if err := a.clear(tx, p, user); err != nil {
			return err
		}
		return tx.Done([]store.Job{availability.EndJob(p.Organization, user, time.Time{})})
	})
}

func (a *Availability) clear(tx *store.Tx, p *access.Principal, user parley.ID) error {
	d, err := availability.Get(tx.Queries, p.Organization, user, time.Time{})
	if err != nil {
		return err
	}
	on, err := availability.Clear(tx, p.Organization, user)
	if err != nil || !on {
		return err
	}
	a.emit(tx, p, user, "off", d.ForwardTo.ID)
	var changes parley.Changes
	changes.Gone("forwardTo", string(d.ForwardTo.ID))
	return p.Did(tx, parley.ActDoNotDisturbOff, user, changes)
}

// End turns off up to limit do-not-disturbs whose time is over, and says how many timers there were.
func (a *Availability) End(ctx context.Context, limit int) (int, error) {
	return a.store.WriteDue(ctx, availability.JobEnd, limit, func(tx *store.Tx, jobs []store.Job) error {
		for _, job := range jobs {
			p, user := access.System(job.Organization), parley.ID(job.Payload)
			d, err := availability.Get(tx.Queries, job.Organization, user, tx.Now)
			if err != nil {
				return err
			}
			if d != nil { // it was changed since
				continue
			}
			if err := a.clear(tx, p, user); err != nil {
				return err
			}
		}
		return tx.Done(jobs)
	})
}
