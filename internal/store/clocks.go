package store

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// A test organization has a clock of its own, and everything that is kept of it has the times that the clock showed, but
// the queue: a row of jobs is due by the real time, so that whoever looks for what is due needs no clock. What is here
// makes one of the other. While a clock stands, what is due later by it is never due by the real time: it is far ahead, in
// the order of its own time.

// far is from where on a due time is one of a clock that stands, further ahead by it.
const far = 1 << 50

// Clock returns the clock of a test organization.
func (q Queries) Clock(organization parley.ID) (*parley.Clock, error) {
	var c *parley.Clock
	err := q.c.Query("SELECT at, shows, stands, target, resumes FROM clocks WHERE organization_id = $1", []any{string(organization)}, func(r *sql.Rows) error {
		c = &parley.Clock{}
		var at, shows, target int64
		err := r.Scan(&at, &shows, &c.Stands, &target, &c.Resumes)
		c.At, c.Shows, c.Target = Moment(at), Moment(shows), Moment(target)
		return err
	})
	if err == nil && c == nil {
		err = parley.NotFound("clock", organization)
	}
	return c, err
}

// Now is the time of an organization.
func (s *Store) Now(ctx context.Context, organization parley.ID) time.Time {
	now := s.now()
	if !organization.OfTest() {
		return now
	}
	c, err := s.Read(ctx).Clock(organization)
	switch {
	case err == nil:
		s.clocks.Store(organization, c)
	case parley.IsKind(err, parley.KindNotFound):
	default: // what else is read fails too; until then it is as late as it was
		if known, ok := s.clocks.Load(organization); ok {
			c = known.(*parley.Clock)
		}
	}
	return c.Now(now)
}

// follow makes the time of a unit that works on one organization that organization's.
func (tx *Tx) follow() error {
	if len(tx.taken) != 1 || !parley.ID(tx.taken[0]).OfTest() {
		return nil
	}
	c, err := tx.Clock(parley.ID(tx.taken[0]))
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	tx.clock, tx.Now = c, c.Now(tx.real)
	return err
}

// Real is the real time of the transaction.
func (tx *Tx) Real() time.Time { return tx.real }

// Shown is what the clock of the unit's organization showed at a moment of the real time.
func (tx *Tx) Shown(at time.Time) time.Time { return tx.clock.Now(at) }

// due is when something is due by the real time that is due at a time of the unit's organization.
func (tx *Tx) due(ms int64) int64 {
	c := tx.clock
	switch {
	case c == nil || ms >= held:
		return ms
	case c.Stands && ms > Millis(c.Shows):
		return far + ms
	}
	return ms - Millis(c.Shows) + Millis(c.At)
}

// dueBy undoes due, for jobs that are due.
func (tx *Tx) dueBy(jobs []Job) {
	if tx.clock == nil {
		return
	}
	for i := range jobs {
		jobs[i].DueAt = jobs[i].DueAt.Add(tx.clock.Shows.Sub(tx.clock.At))
	}
}

// ofOneTime returns those of the jobs that have the time of the first of them: that of their test organization, or the real one.
func ofOneTime(jobs []Job) []Job {
	if !slices.ContainsFunc(jobs, func(j Job) bool { return j.Organization.OfTest() }) {
		return jobs
	}
	first := jobs[0].Organization
	return slices.DeleteFunc(jobs, func(j Job) bool {
		return j.Organization != first && (first.OfTest() || j.Organization.OfTest())
	})
}

// InsertClock gives a new organization a clock, which goes with the real time.
func (tx *Tx) InsertClock(organization parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.c.Exec("INSERT INTO clocks (organization_id, at, shows, stands, target, resumes) VALUES ($1, $2, $3, 0, 0, 0)",
		string(organization), Millis(tx.real), Millis(tx.real))
	return err
}

// SetClock makes the clock of the unit's organization show a time, which is not before now, and stand or go on. What
// is due until then becomes due, all at once: see NextIn for one thing after the other.
func (tx *Tx) SetClock(organization parley.ID, to parley.Clock) error {
	tx.MustHave(organization)
	if tx.clock == nil {
		return parley.NotFound("clock", organization)
	}
	now := Millis(tx.real)
	if !tx.clock.Stands { // what is due later stands too
		if err := tx.shift(organization, Millis(tx.Now)-now+far, now, far); err != nil {
			return err
		}
	}
	shows := max(Millis(to.Shows), Millis(tx.Now))
	if err := tx.shift(organization, now-shows-far, far, far+shows); err != nil {
		return err
	}
	if !to.Stands {
		if err := tx.shift(organization, now-shows-far, far, held-1); err != nil {
			return err
		}
	}
	to.At, to.Shows = Moment(now), Moment(shows)
	_, err := tx.c.Exec("UPDATE clocks SET at = $2, shows = $3, stands = $4, target = $5, resumes = $6 WHERE organization_id = $1",
		string(organization), now, shows, to.Stands, Millis(to.Target), to.Resumes)
	tx.clock, tx.Now = &to, to.Shows
	return err
}

// shift moves when jobs are due that are due after one time, and not after another. Claims are left: they end by the real time.
func (tx *Tx) shift(organization parley.ID, by, after, through int64) error {
	_, err := tx.c.Exec("UPDATE jobs SET due_at = due_at + $2 WHERE organization_id = $1 AND claimed = 0 AND due_at > $3 AND due_at <= $4",
		string(organization), by, after, through)
	return err
}

// Ahead is what an organization has in the queue.
type Ahead struct {
	Waiting int       // jobs that are due or under way
	Next    time.Time // when the next is due by a clock that stands; zero: there is none
}

// Ahead looks at the queue of an organization, at a moment of the real time. What waits for a channel that is paused waits
// for nobody's clock.
func (q Queries) Ahead(organization parley.ID, now time.Time) (a Ahead, err error) {
	var next int64
	err = q.c.Row(`SELECT coalesce(sum(CASE WHEN j.claimed = 1 OR j.due_at <= $2 THEN 1 ELSE 0 END), 0),
			coalesce(min(CASE WHEN j.claimed = 0 AND j.due_at > $3 THEN j.due_at END), $4)
		FROM jobs AS j LEFT JOIN channels AS c ON j.kind = 'deliver' AND j.claimed = 0 AND c.organization_id = j.organization_id AND c.id = j.channel_id
			AND c.paused = 1 AND c.deleted_at = 0
		WHERE j.organization_id = $1 AND c.id IS NULL AND j.due_at < $4`,
		[]any{string(organization), Millis(now), int64(far), int64(held)}, &a.Waiting, &next)
	if next < held {
		a.Next = Moment(next - far)
	}
	return a, err
}

// lastTime is where clocks end: ids hold no later one.
var lastTime = time.Unix(math.MaxUint32, 0).UTC()

// LastTime is the last moment that a clock may show.
func LastTime() time.Time { return lastTime }
