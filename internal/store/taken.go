package store

import (
	"time"

	"github.com/parley-server/parley/internal/store/sqldb"
)

var soonerJobs = `INSERT INTO jobs (organization_id, id, kind, channel_id, priority, due_at, claimed, attempt, message_id, delivery, payload, created_at)
	SELECT organization_id, id, kind, channel_id, priority, due_at, 0, 0, message_id, delivery, payload, created_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "kind TEXT", "channel_id TEXT", "priority BIGINT", "due_at BIGINT",
	"message_id TEXT", "delivery BIGINT", "payload TEXT", "created_at BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, id) DO UPDATE SET due_at = excluded.due_at WHERE jobs.claimed = 0 AND jobs.due_at > excluded.due_at`

// ScheduleSooner adds a job; one that is there already and waits is due at the earlier of the two times.
func (tx *Tx) ScheduleSooner(j Job) error {
	var rows sqldb.Rows
	tx.addJob(&rows, j, Millis(j.DueAt))
	_, err := tx.c.Exec(soonerJobs, rows.Param())
	return err
}

// Take begins the work of a due job whose work is not done in this transaction: unless it is given back or ends, it is due again
// after a while of the real time.
func (tx *Tx) Take(j *Job, lasts time.Duration) error {
	tx.MustHave(j.Organization)
	j.Attempt++
	_, err := tx.c.Exec("UPDATE jobs SET claimed = 1, attempt = $3, due_at = $4 WHERE organization_id = $1 AND id = $2",
		string(j.Organization), j.ID, j.Attempt, Millis(tx.real.Add(lasts)))
	return err
}

// GiveBack ends the claim of a job, taken or not, which is due at its DueAt again.
func (tx *Tx) GiveBack(j *Job) error {
	tx.MustHave(j.Organization)
	_, err := tx.c.Exec("UPDATE jobs SET claimed = 0, due_at = $3 WHERE organization_id = $1 AND id = $2", string(j.Organization), j.ID, tx.due(Millis(j.DueAt)))
	return err
}

// Holds reports whether a job that was taken is still that claim, and not another's by now.
func (q Queries) Holds(j *Job) (bool, error) {
	var n int
	err := q.c.Row("SELECT count(*) FROM jobs WHERE organization_id = $1 AND id = $2 AND claimed = 1 AND attempt = $3",
		[]any{string(j.Organization), j.ID, j.Attempt}, &n)
	return n > 0, err
}
