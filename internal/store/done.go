package store

import (
	"strings"

	"github.com/parley-server/parley/internal/store/sqldb"
)

var (
	deleteJobs = `DELETE FROM jobs WHERE (organization_id, id) IN (SELECT organization_id, id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`
	// The next of each order becomes due, unless one of the order is under way or due already.
	releaseJobs = `UPDATE jobs SET due_at = $2 WHERE (organization_id, id) IN (
		SELECT j.organization_id, (SELECT n.id FROM jobs AS n WHERE n.organization_id = j.organization_id
			AND n.id > j.job_order || '|' AND n.id < j.job_order || '}' ORDER BY n.id LIMIT 1)
		FROM ` + sqldb.From("$1", "organization_id TEXT", "job_order TEXT") + ` AS j) AND claimed = 0 AND due_at > $2 AND attempt = 0`
	// Or it takes the place of one that was to wait until a time.
	replaceJobs = `UPDATE jobs SET due_at = j.due_at FROM ` + sqldb.From("$1", "organization_id TEXT", "job_order TEXT", "due_at BIGINT") + ` AS j
		WHERE jobs.organization_id = j.organization_id AND jobs.id = (SELECT n.id FROM jobs AS n WHERE n.organization_id = j.organization_id
			AND n.id > j.job_order || '|' AND n.id < j.job_order || '}' ORDER BY n.id LIMIT 1)
			AND jobs.claimed = 0 AND jobs.attempt = 0 AND jobs.due_at > j.due_at`
)

// Done deletes jobs, and makes those due that waited for them in order.
func (tx *Tx) Done(jobs []Job) error { return tx.DoneFollowed(jobs, jobs) }

// DoneFollowed is Done where it is known which of the jobs have others in their order; see Held.
func (tx *Tx) DoneFollowed(jobs, followed []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var ids, orders sqldb.Rows
	for _, j := range jobs {
		ids.Add(string(j.Organization), j.ID)
	}
	if _, err := tx.c.Exec(deleteJobs, ids.Param()); err != nil {
		return err
	}
	var later sqldb.Rows
	for _, j := range followed {
		switch order := j.order(); {
		case order == "":
		case strings.Contains(order, deferred) && j.Attempt == 0 && j.DueAt.After(tx.real):
			if due := Millis(j.DueAt); due < held { // it was the first, and the time until which all of them wait has not come
				later.Add(string(j.Organization), order, due)
			}
		default:
			orders.Add(string(j.Organization), order)
		}
	}
	if later.Len() > 0 {
		if _, err := tx.c.Exec(replaceJobs, later.Param()); err != nil {
			return err
		}
	}
	if orders.Len() == 0 {
		return nil
	}
	_, err := tx.c.Exec(releaseJobs, orders.Param(), Millis(tx.real))
	return err
}
