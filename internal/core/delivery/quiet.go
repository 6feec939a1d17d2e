package delivery

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/fallback"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// asPlanned is how late a delivery may be that is sent without asking again whether it is quiet: when it was accepted it was not.
const asPlanned = time.Minute

// late reports whether a delivery goes out at another time than was planned when it was accepted.
func (w *Work) late(now time.Time) bool {
	planned := w.message.SentAt
	if w.message.NotBefore.After(planned) {
		planned = w.message.NotBefore
	}
	return w.delivery.Attempts > 0 || now.Sub(planned) > asPlanned
}

// readQuiet reads until when those wait that are late and came into quiet hours.
func (d *Deliveries) readQuiet(ctx context.Context, q store.Queries, claimed []*Work) error {
	policies := map[parley.ID]*parley.QuietHours{}
	for _, w := range claimed {
		organization := w.job.Organization
		now := d.store.Now(ctx, organization)
		if w.message == nil || w.delivery == nil || w.message.Direction != parley.Outbound || !w.late(now) {
			continue
		}
		policy, known := policies[organization]
		if !known {
			o, err := q.Organization(organization)
			if err != nil {
				return err
			}
			policy = &o.Policy.Quiet
			policies[organization] = policy
		}
		if !policy.Defers(fallback.Class(w.message), w.message.Priority) {
			continue
		}
		zone, err := zoneOf(q, organization, w.delivery.Recipient)
		if err != nil {
			return err
		}
		w.quiet = hours.QuietUntil(policy, now, zone)
	}
	return nil
}

// zoneOf is the time zone of a recipient; nil where it is not known.
func zoneOf(q store.Queries, organization parley.ID, who parley.Actor) (*time.Location, error) {
	if who.Kind != parley.ActorContact {
		return nil, nil
	}
	contact, err := q.Contact(organization, who.ID)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, nil
	}
	return hours.ZoneOf(&contact), err
}
