// Package hold has the tables of legal holds: who wants what kept, and what has gone for everybody and only a hold keeps.
package hold

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// JobRelease looks through what holds keep, after one was lifted; its payload is the hold and how far it is through.
const JobRelease store.JobKind = "release"

// ReleaseJob is the job that a lifted hold leaves. After is the id of the last one that was looked at.
func ReleaseJob(organization, hold, after parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobRelease, string(hold)), Kind: JobRelease, DueAt: due,
		Payload: string(hold) + "," + string(after)}
}

// Insert places a hold.
func Insert(tx *store.Tx, organization parley.ID, h *parley.Hold) error {
	tx.MustHave(organization)
	h.PlacedAt, h.Rev = tx.Now, 1
	_, err := tx.Conn().Exec(`INSERT INTO holds (organization_id, id, subject, subject_id, reason, placed_by_id, placed_at, lifted_by_id, lifted_at,
		lift_reason, rev) VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0, '', 1)`, string(organization), string(h.ID), string(h.Subject.Kind),
		string(h.Subject.ID), h.Reason, string(h.PlacedBy), store.Millis(h.PlacedAt))
	return err
}

// Lift ends a hold.
func Lift(tx *store.Tx, organization parley.ID, h *parley.Hold) error {
	tx.MustHave(organization)
	h.LiftedAt = tx.Now
	h.Rev++
	_, err := tx.Conn().Exec("UPDATE holds SET lifted_by_id = $1, lifted_at = $2, lift_reason = $3, rev = $4 WHERE organization_id = $5 AND id = $6",
		string(h.LiftedBy), store.Millis(h.LiftedAt), h.LiftReason, h.Rev, string(organization), string(h.ID))
	return err
}

func holds(q store.Queries, text string, args ...any) ([]parley.Hold, error) {
	var list []parley.Hold
	err := q.Conn().Query(`SELECT h.id, h.subject, h.subject_id, h.reason, h.placed_by_id, h.placed_at, h.lifted_by_id, h.lifted_at, h.lift_reason, h.rev
		FROM `+text, args, func(r *sql.Rows) error {
		var h parley.Hold
		var placed, lifted int64
		err := r.Scan(&h.ID, &h.Subject.Kind, &h.Subject.ID, &h.Reason, &h.PlacedBy, &placed, &h.LiftedBy, &lifted, &h.LiftReason, &h.Rev)
		h.PlacedAt, h.LiftedAt = store.Moment(placed), store.Moment(lifted)
		list = append(list, h)
		return err
	})
	return list, err
}

// Get returns a hold.
func Get(q store.Queries, organization, id parley.ID) (parley.Hold, error) {
	list, err := holds(q, "holds AS h WHERE h.organization_id = $1 AND h.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("hold", id)
	}
	if err != nil {
		return parley.Hold{}, err
	}
	return list[0], nil
}

// Filter narrows a list of holds. Empty fields do not.
type Filter struct {
	Subject parley.ID
	Active  *bool // whether it is not lifted
}

// List returns up to limit holds with ids after one, and where to go on, empty at the end.
func List(q store.Queries, organization parley.ID, f Filter, after parley.ID, limit int) (list []parley.Hold, next parley.ID, err error) {
	since, until := int64(0), int64(1)<<62 // when it was lifted; 0: it was not
	if f.Active != nil && *f.Active {
		until = 0
	} else if f.Active != nil {
		since = 1
	}
	if f.Subject != "" {
		list, err = holds(q, `holds AS h WHERE h.organization_id = $1 AND h.subject_id = $2 AND h.id > $3 AND h.lifted_at >= $4 AND h.lifted_at <= $5
			ORDER BY h.id LIMIT $6`,
			string(organization), string(f.Subject), string(after), since, until, limit+1)
	} else {
		list, err = holds(q, `holds AS h WHERE h.organization_id = $1 AND h.id > $2 AND h.lifted_at >= $3 AND h.lifted_at <= $4
			ORDER BY h.id LIMIT $5`,
			string(organization), string(after), since, until, limit+1)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// CountActive returns how many holds of an organization are not lifted.
func CountActive(q store.Queries, organization parley.ID) (n int, err error) {
	err = q.Conn().Row("SELECT count(*) FROM holds WHERE organization_id = $1 AND lifted_at = 0", []any{string(organization)}, &n)
	return n, err
}

// Merge makes the holds on a contact those on the one that it became a part of.
func Merge(tx *store.Tx, organization, from, into parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE holds SET subject_id = $1, rev = rev + 1 WHERE organization_id = $2 AND subject_id = $3",
		string(into), string(organization), string(from))
	return err
}
