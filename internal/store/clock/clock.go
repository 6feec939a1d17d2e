// Package clock has the table of the clocks of test organizations, and moves what waits for them. What a unit needs to know of
// its organization's clock is in the store.
package clock

import (
	"fmt"
	"math"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Insert gives a new organization a clock, which goes with the real time, and makes it a test organization by that. Its id must say so.
func Insert(tx *store.Tx, organization parley.ID) error {
	tx.MustHave(organization)
	if !organization.OfTest() {
		return fmt.Errorf("the id %s does not say that it is of a test organization", organization)
	}
	now := store.Millis(tx.Real())
	_, err := tx.Conn().Exec("INSERT INTO clocks (organization_id, at, shows, stands, target, resumes) VALUES ($1, $2, $2, 0, 0, 0)", string(organization), now)
	return err
}

// Set makes the clock of the unit's one organization show a time, which is not before now, and stand or go on. What is due
// until then becomes due, all at once: see Ahead for one thing after the other.
func Set(tx *store.Tx, organization parley.ID, to parley.Clock) error {
	tx.MustHave(organization)
	before, err := tx.Clock(organization)
	if err != nil {
		return err
	}
	now := store.Millis(tx.Real())
	if !before.Stands { // what is due later stands too
		if err := shift(tx, organization, store.Millis(tx.Now)-now+store.Far, now, store.Far); err != nil {
			return err
		}
	}
	shows := max(store.Millis(to.Shows), store.Millis(tx.Now))
	through := store.Far + shows
	if !to.Stands {
		through = store.Held - 1
	}
	if err := shift(tx, organization, now-shows-store.Far, store.Far, through); err != nil {
		return err
	}
	_, err = tx.Conn().Exec("UPDATE clocks SET at = $2, shows = $3, stands = $4, target = $5, resumes = $6 WHERE organization_id = $1",
		string(organization), now, shows, to.Stands, store.Millis(to.Target), to.Resumes)
	if err != nil {
		return err
	}
	return tx.Follow()
}

// Restart makes the clock of the unit's organization, in which nothing waits any more, go with the real time again.
func Restart(tx *store.Tx, organization parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE clocks SET at = $2, shows = $2, stands = 0, target = 0, resumes = 0 WHERE organization_id = $1",
		string(organization), store.Millis(tx.Real()))
	if err != nil {
		return err
	}
	return tx.Follow()
}

// shift moves when jobs are due that are due after one time, and not after another. Claims are left: they end by the real time.
func shift(tx *store.Tx, organization parley.ID, by, after, through int64) error {
	_, err := tx.Conn().Exec("UPDATE jobs SET due_at = due_at + $2 WHERE organization_id = $1 AND claimed = 0 AND due_at > $3 AND due_at <= $4",
		string(organization), by, after, through)
	return err
}

// Queue is what an organization has in the queue.
type Queue struct {
	Waiting int       // jobs that are due or under way
	Next    time.Time // when the next is due by a clock that stands; zero: there is none
}

// Ahead looks at the queue of an organization, at a moment of the real time. What waits for a channel that is paused waits
// for nobody's clock.
func Ahead(q store.Queries, organization parley.ID, now time.Time) (a Queue, err error) {
	var next int64
	err = q.Conn().Row(`SELECT coalesce(sum(CASE WHEN j.claimed = 1 OR j.due_at <= $2 THEN 1 ELSE 0 END), 0),
			coalesce(min(CASE WHEN j.claimed = 0 AND j.due_at > $3 THEN j.due_at END), $4)
		FROM jobs AS j LEFT JOIN channels AS c ON j.kind = 'deliver' AND j.claimed = 0 AND c.organization_id = j.organization_id AND c.id = j.channel_id
			AND c.paused = 1 AND c.deleted_at = 0
		WHERE j.organization_id = $1 AND c.id IS NULL AND j.due_at < $4`,
		[]any{string(organization), store.Millis(now), int64(store.Far), int64(store.Held)}, &a.Waiting, &next)
	if next < store.Held {
		a.Next = store.Moment(next - store.Far)
	}
	return a, err
}

// LastTime is the last moment that a clock may show: ids hold no later one.
func LastTime() time.Time { return time.Unix(math.MaxUint32, 0).UTC() }
