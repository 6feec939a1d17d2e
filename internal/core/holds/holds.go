// Package holds is legal holds: who may place and lift them, and who reads what only a hold keeps. That content is kept, and
// goes when the last hold on it is lifted, is the eraser's.
package holds

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

// Options are what legal holds stand on.
type Options struct {
	Store *store.Store
	Kick  func() // wakes whoever runs the jobs; nil: nobody listens. It must not block
	Blobs *media.Blobs
}

// Holds are the legal holds of all organizations.
type Holds struct {
	o   Options
	log *audit.Log
}

// New returns the legal holds of a store.
func New(o Options) *Holds {
	if o.Kick == nil {
		o.Kick = func() {}
	}
	return &Holds{o, audit.New(o.Store)}
}

// Filter narrows a list of holds.
type Filter = hold.Filter

const (
	maxReason = 2000 // characters
	maxActive = 1000 // holds of an organization that are not lifted
)

// Params is a hold to place.
type Params struct {
	Subject parley.HoldSubject // one on the organization needs no id
	Reason  string
}

// Place places a hold, and says whether the request was a repeat. It may be on anything of the organization, whether or not
// the principal sees it: a hold shows nothing.
func (h *Holds) Place(ctx context.Context, p *access.Principal, params Params, i *access.Idempotency) (parley.Hold, bool, error) {
	if err := p.Require(parley.ScopeHoldsWrite); err != nil {
		return parley.Hold{}, false, err
	}
	if err := checkReason(params.Reason, true); err != nil {
		return parley.Hold{}, false, err
	}
	made := parley.Hold{ID: parley.NewID(h.o.Store.Now(ctx, p.Organization)), Reason: params.Reason, PlacedBy: p.User}
	var placed parley.Hold
	replay, err := p.Once(ctx, h.o.Store, i, 201, made.ID, func(tx *store.Tx) (err error) {
		placed = made
		if placed.Subject, err = subject(tx.Queries, p.Organization, params.Subject); err != nil {
			return err
		}
		active, err := hold.CountActive(tx.Queries, p.Organization)
		if err == nil && active >= maxActive {
			err = parley.Conflict("holds-full", "an organization has at most %d holds that are not lifted", maxActive)
		}
		if err != nil {
			return err
		}
		if err := hold.Insert(tx, p.Organization, &placed); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("subject.kind", string(placed.Subject.Kind))
		changes.Made("subject.id", string(placed.Subject.ID))
		changes.Made("reason", placed.Reason)
		emit(tx, p, parley.EventHoldPlaced, placed.ID)
		return p.Did(tx, parley.ActHoldPlaced, placed.ID, changes)
	})
	if err == nil && replay != nil {
		placed, err = hold.Get(h.o.Store.Read(ctx), p.Organization, replay.Resource)
	}
	return placed, replay != nil, err
}

func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, id parley.ID) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: id, Data: parley.EventData{Actor: p.User}})
}

func checkReason(reason string, required bool) error {
	switch {
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		return parley.Invalid("reason", "text-invalid", "must be UTF-8 without the character U+0000")
	case required && strings.TrimSpace(reason) == "":
		return parley.Invalid("reason", "required", "must not be blank")
	case utf8.RuneCountInString(reason) > maxReason:
		return parley.Invalid("reason", "too-long", "must be at most %d characters", maxReason)
	}
	return nil
}

// subject is what a hold is to be placed on, if it is there.
func subject(q store.Queries, organization parley.ID, s parley.HoldSubject) (parley.HoldSubject, error) {
	if s.Kind == parley.HoldOrganization {
		if s.ID != "" && s.ID != organization {
			return s, parley.Invalid("subject.id", "value-unknown", "must be the id of the organization, or left out")
		}
		s.ID = organization
		return s, nil
	}
	if s.ID == "" {
		return s, parley.Invalid("subject.id", "required", "must be the id of a %s", s.Kind)
	}
	var err error
	code := ""
	switch s.Kind {
	case parley.HoldConversation:
		code = "conversation-unknown"
		_, err = q.Conversation(organization, s.ID)
	case parley.HoldUser:
		code = "user-unknown"
		_, err = q.User(organization, s.ID)
	case parley.HoldContact:
		code = "contact-unknown"
		var contact parley.Contact
		contact, err = q.Survivor(organization, s.ID)
		s.ID = contact.ID
	default:
		return s, parley.Invalid("subject.kind", "value-unknown", "must be conversation, contact, user or organization")
	}
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.Invalid("subject.id", code, "must be the id of a %s", s.Kind)
	}
	return s, err
}

// Get returns a hold.
func (h *Holds) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.Hold, error) {
	if err := p.Require(parley.ScopeHoldsRead); err != nil {
		return parley.Hold{}, err
	}
	return hold.Get(h.o.Store.Read(ctx), p.Organization, id)
}

// List returns up to limit holds that pass the filter, with ids after one; next is where to go on, empty at the end.
func (h *Holds) List(ctx context.Context, p *access.Principal, f Filter, after parley.ID, limit int) ([]parley.Hold, parley.ID, error) {
	if err := p.Require(parley.ScopeHoldsRead); err != nil {
		return nil, "", err
	}
	return hold.List(h.o.Store.Read(ctx), p.Organization, f, after, limit)
}

// Lift lifts a hold. What it alone kept goes soon after. An ifMatch that is not 0 must be its revision.
func (h *Holds) Lift(ctx context.Context, p *access.Principal, id parley.ID, reason string, ifMatch int64) (lifted parley.Hold, err error) {
	if err := p.Require(parley.ScopeHoldsWrite); err != nil {
		return lifted, err
	}
	if err := checkReason(reason, false); err != nil {
		return lifted, err
	}
	err = h.o.Store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		found, err := hold.Get(tx.Queries, p.Organization, id)
		switch {
		case err != nil:
			return err
		case parley.MatchRev(ifMatch, found.Rev) != nil:
			return parley.MatchRev(ifMatch, found.Rev)
		case !found.LiftedAt.IsZero():
			return parley.Conflict("hold-lifted", "the hold was lifted before")
		}
		found.LiftedBy, found.LiftReason = p.User, reason
		if err := hold.Lift(tx, p.Organization, &found); err != nil {
			return err
		}
		lifted = found
		var changes parley.Changes
		changes.Made("liftReason", reason)
		emit(tx, p, parley.EventHoldLifted, id)
		if err := p.Did(tx, parley.ActHoldLifted, id, changes); err != nil {
			return err
		}
		tx.After(h.o.Kick)
		return tx.Schedule(hold.ReleaseJob(p.Organization, id, "", tx.Now))
	})
	return lifted, err
}
