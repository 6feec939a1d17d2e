// Package limits is how many messages contacts get at most: the policies of organizations, and who takes which place. A place is
// taken in the unit that accepts the message, which no other unit of the organization runs beside.
package limits

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/limit"
)

// Limits are where contacts stand.
type Limits struct{ store *store.Store }

// New returns the limits over a store.
func New(s *store.Store) *Limits { return &Limits{s} }

// Standing is where a contact stands with a limit.
type Standing struct {
	parley.ContactLimit
	Used    int       // messages that it counts now
	Waiting int       // those that wait for a place
	FreeAt  time.Time // when the next one would go out, or be accepted; zero: now
}

// Standings returns where a contact stands with each limit of its organization.
func (s *Limits) Standings(ctx context.Context, p *access.Principal, contact parley.ID) ([]Standing, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, err
	}
	q, now := s.store.Read(ctx), s.store.Now(ctx, p.Organization)
	found, err := q.Survivor(p.Organization, contact)
	if err != nil {
		return nil, err
	}
	o, err := q.Organization(p.Organization)
	if err != nil || len(o.Policy.ContactLimits) == 0 {
		return nil, err
	}
	taken, err := places(q, p.Organization, now, string(found.ID))
	list := make([]Standing, len(o.Policy.ContactLimits))
	for i := range list {
		l := &o.Policy.ContactLimits[i]
		own := counted(l, taken[string(found.ID)], "")
		list[i] = Standing{ContactLimit: *l, Waiting: waiting(own, now)}
		for n := range own {
			if at := own[n].At; !at.After(now) && at.Add(l.Period).After(now) {
				list[i].Used++
			}
		}
		if at := free(l, own, ""); at.After(now) {
			list[i].FreeAt = at
		}
	}
	return list, err
}

// Admit gives the recipients of one message their places; see Places.Take.
func Admit(tx *store.Tx, organization parley.ID, policy *parley.Policy, a *store.Append, quiet func(time.Time) time.Time) error {
	p, err := Of(tx, organization, policy, a)
	if err != nil {
		return err
	}
	if err := p.Take(a, quiet); err != nil {
		return err
	}
	return p.Save()
}

// One gives a delivery of a message that is there already its place, on a platform. What other deliveries of the message took counts for it,
// too. Where there is no place for now the error is that of Take, and until when a limit has it wait; zero where one refuses it.
func One(tx *store.Tx, organization parley.ID, policy *parley.Policy, m *parley.Message, platform string, d *parley.Delivery) (until time.Time, err error) {
	limits := policy.Limits(m.Class, platform, m.Priority)
	if len(limits) == 0 {
		return time.Time{}, nil
	}
	holder := holderOf(organization, d)
	taken, err := places(tx.Queries, organization, tx.Now, holder)
	if err != nil {
		return time.Time{}, err
	}
	found := find(limits, taken[holder], m.ID, tx.Now, tx.Now, nil)
	switch {
	case found.full != nil:
		return time.Time{}, refusal(&found, tx.Now)
	case found.at.After(tx.Now):
		for i := range limits {
			if at := free(&limits[i], taken[holder], m.ID); !at.Before(found.at) {
				return found.at, refusal(&place{full: &limits[i], free: at}, tx.Now)
			}
		}
	}
	return time.Time{}, limit.Keep(tx, organization, []limit.Place{placeOf(organization, m, platform, d, limits, tx.Now)})
}

// sentence says what a limit allows.
func sentence(l *parley.ContactLimit) string {
	what := "messages"
	if l.Class != parley.ClassAll {
		what = fmt.Sprintf("messages of the class %s", l.Class)
	}
	if l.Platform != "" {
		what += " on " + l.Platform
	}
	return fmt.Sprintf("the contact gets at most %d %s in %d seconds", l.Max, what, int64(l.Period/time.Second))
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
