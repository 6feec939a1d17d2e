// Package duty has the tables of roles: who may hold them, who is on duty, and their shifts, with what being on duty
// means for the conversations of a role. Its functions take the queries or the transaction of the store.
package duty

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// ThreadKey is the thread key of a role's conversation with somebody who asks.
func ThreadKey(role, asker parley.ID) string { return "role:" + string(role) + ":" + string(asker) }

// JobShift is the next beginning or end of one of a role's shifts; its payload is the role's id.
const JobShift store.JobKind = "shift"

// ShiftJob is the job of a role's shifts.
func ShiftJob(organization, role parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobShift, string(role)), Kind: JobShift, DueAt: due, Payload: string(role)}
}

// idsOf runs a statement that answers ids.
func idsOf(c sqldb.Conn, text string, args ...any) ([]parley.ID, error) {
	var ids []parley.ID
	err := c.Query(text, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
