package eventlog

import (
	"context"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/place"
)

// Place is how far a key has confirmed that it has the events of the log.
type Place = place.Place

const (
	maxConfirmed = 2000 // later than the first that is not confirmed; more are not remembered, so that they are sent again
	judged       = 500  // events looked at to move a place on
)

// Place returns how far the principal's key is. A key that has none yet begins where the log ends, and one whose place is not kept
// any more where the log begins.
func (l *Log) Place(ctx context.Context, p *access.Principal) (Place, error) {
	oldest, latest, err := l.EventRange(ctx, p)
	if err != nil {
		return Place{}, err
	}
	at, found, err := place.Get(l.store.Read(ctx), p.Organization, p.Key)
	if err != nil || found {
		at.Through = min(max(at.Through, oldest-1), latest)
		return at, err
	}
	at.Through = latest
	err = l.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		was, found, err := place.Get(tx.Queries, p.Organization, p.Key)
		if err != nil || found {
			at = was
			return err
		}
		return place.Set(tx, p.Organization, p.Key, at)
	})
	return at, err
}

// Confirm notes that the principal's key has events, by their sequences, and moves its place on: past those that it has, and those
// that are not for it.
func (l *Log) Confirm(ctx context.Context, p *access.Principal, with Content, isFor func(*Detail) bool, sequences ...int64) error {
	at, err := l.Place(ctx, p)
	if err != nil {
		return err
	}
	through, err := l.passed(ctx, p, confirmed(at, sequences, 0), with, isFor)
	if err != nil {
		return err
	}
	return l.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		now, _, err := place.Get(tx.Queries, p.Organization, p.Key)
		if err != nil {
			return err
		}
		return place.Set(tx, p.Organization, p.Key, confirmed(now, sequences, through))
	})
}

// confirmed is a place with more events that are confirmed, moved on to one that all before are.
func confirmed(at Place, sequences []int64, through int64) Place {
	at.Through = max(at.Through, through)
	list := slices.Concat(at.Confirmed, sequences)
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(n int64) bool { return n <= at.Through })
	at.Confirmed = list[:min(len(list), maxConfirmed)]
	return at
}

// passed is how far the log goes on from a place without an event that is for the key and that it has not confirmed.
func (l *Log) passed(ctx context.Context, p *access.Principal, at Place, with Content, isFor func(*Detail) bool) (int64, error) {
	page, err := l.Events(ctx, p, Filter{After: at.Through, With: with}, judged)
	if err != nil {
		return 0, err
	}
	for i := range page.Events {
		d := &page.Events[i]
		if _, has := slices.BinarySearch(at.Confirmed, d.Sequence); !has && isFor(d) {
			return d.Sequence - 1, nil
		}
	}
	return page.Through, nil
}
