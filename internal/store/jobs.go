package store

import (
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// JobKind is a kind of work that waits in the queue.
type JobKind string

// The kinds of jobs. Deliveries are claimed and called; the others are work inside the database, done and
// deleted in one transaction.
const (
	JobDeliver JobKind = "deliver"
	JobReceipt JobKind = "receipt" // a simulated receipt
	JobExpire  JobKind = "expire"  // the end of a message's content
	JobPublish JobKind = "publish" // a scheduled message's time has come
	JobFanOut  JobKind = "fan-out" // copies of a broadcast
	JobBlob    JobKind = "blob"    // a blob that nothing references
)

// Job is a row of the queue.
type Job struct {
	Organization parley.ID
	ID           string // see JobID and DeliveryJobID
	Kind         JobKind
	Channel      parley.ID
	Priority     int // parley.Priority.Rank
	DueAt        time.Time
	Attempt      int // calls made so far; of a claimed one, including the present
	Message      parley.ID
	Delivery     int
	Payload      string
	CreatedAt    time.Time
	// Lost: its last claim ended without a result, so that nobody knows what became of the call.
	Lost bool
}

// JobID is the id of a job that is not a delivery: there is one of a kind for what it is about.
func JobID(kind JobKind, about string) string { return string(kind) + "|" + about }

// DeliveryJobID is the id of a delivery's job: its order, and its place in it. Those of one order go out one at
// a time. An order is a channel and conversation; high priority is an order of its own, so that it may overtake.
func DeliveryJobID(channel, conversation parley.ID, priority int, sequence int64, number int) string {
	return fmt.Sprintf("%s|%011x.%04x", orderOf(channel, conversation, priority), sequence, number)
}

func orderOf(channel, conversation parley.ID, priority int) string {
	if priority == parley.PriorityHigh.Rank() {
		return string(channel) + "!" + string(conversation)
	}
	return string(channel) + "|" + string(conversation)
}

// order is what a delivery's job shares with those that go out before and after it; empty for other jobs.
func (j *Job) order() string {
	if j.Kind != JobDeliver {
		return ""
	}
	return j.ID[:strings.LastIndexByte(j.ID, '|')]
}

// held is the due time of a job that waits for another of its order.
const held = math.MaxInt64 / 2

var insertJobs = `INSERT INTO jobs (organization_id, id, kind, channel_id, priority, due_at, claimed, attempt, message_id, delivery,
		payload, created_at)
	SELECT organization_id, id, kind, channel_id, priority, due_at, 0, 0, message_id, delivery, payload, created_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "kind TEXT", "channel_id TEXT", "priority BIGINT", "due_at BIGINT",
	"message_id TEXT", "delivery BIGINT", "payload TEXT", "created_at BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, id) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload`

func addJob(rows *sqldb.Rows, j Job, dueAt int64, now time.Time) {
	rows.Add(string(j.Organization), j.ID, string(j.Kind), string(j.Channel), j.Priority, dueAt, string(j.Message), j.Delivery, j.Payload, millis(now))
}

// Schedule adds jobs at their due times; one that is there already gets the new time and payload.
func (tx *Tx) Schedule(jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		addJob(&rows, j, millis(j.DueAt), tx.Now)
	}
	_, err := tx.c.Exec(insertJobs, rows.Param())
	return err
}

// Lane is a channel with deliveries in the queue.
type Lane struct{ Organization, Channel parley.ID }

// Lanes returns the channels that have deliveries in the queue, due or not. It is one of the named reads
// across organizations, and steps over the index from lane to lane.
func (q Queries) Lanes() ([]Lane, error) {
	var lanes []Lane
	err := q.c.Query(`WITH RECURSIVE lane (organization_id, channel_id) AS (
			SELECT * FROM (SELECT organization_id, channel_id FROM jobs WHERE kind = 'deliver'
				ORDER BY organization_id, channel_id LIMIT 1) AS first
			UNION ALL
			SELECT (SELECT organization_id FROM jobs WHERE kind = 'deliver' AND (organization_id, channel_id) > (lane.organization_id, lane.channel_id)
					ORDER BY organization_id, channel_id LIMIT 1),
				(SELECT channel_id FROM jobs WHERE kind = 'deliver' AND (organization_id, channel_id) > (lane.organization_id, lane.channel_id)
					ORDER BY organization_id, channel_id LIMIT 1)
			FROM lane WHERE lane.organization_id IS NOT NULL)
		SELECT organization_id, channel_id FROM lane WHERE organization_id IS NOT NULL`,
		nil, func(r *sql.Rows) error {
			var l Lane
			err := r.Scan(&l.Organization, &l.Channel)
			lanes = append(lanes, l)
			return err
		})
	return lanes, err
}

// NextDue returns when the first job of a kind is due, in the order of time; zero where there is none.
// For deliveries see NextDelivery. It is one of the named reads across organizations.
func (q Queries) NextDue(kind JobKind) (time.Time, error) {
	var due int64
	err := q.c.Row("SELECT coalesce(min(due_at), 0) FROM jobs WHERE kind = $1 AND kind <> 'deliver'", []any{string(kind)}, &due)
	return moment(due), err
}

// NextDelivery returns when the next delivery of a lane is due, or its lease ends; zero where none is waiting.
func (q Queries) NextDelivery(l Lane) (time.Time, error) {
	var next int64
	for _, claimed := range []int{0, 1} {
		for rank := range 3 {
			var due int64
			err := q.c.Row(`SELECT coalesce(min(due_at), 0) FROM jobs WHERE kind = 'deliver' AND organization_id = $1 AND channel_id = $2
				AND claimed = $3 AND priority = $4`, []any{string(l.Organization), string(l.Channel), claimed, rank}, &due)
			if err != nil {
				return time.Time{}, err
			}
			if due != 0 && due < held && (next == 0 || due < next) {
				next = due
			}
		}
	}
	return moment(next), nil
}

const jobColumns = `organization_id, id, kind, channel_id, priority, due_at, claimed, attempt,
	message_id, delivery, payload, created_at`

func scanJob(r *sql.Rows) (j Job, err error) {
	var due, created int64
	err = r.Scan(&j.Organization, &j.ID, &j.Kind, &j.Channel, &j.Priority, &due, &j.Lost, &j.Attempt,
		&j.Message, &j.Delivery, &j.Payload, &created)
	j.DueAt, j.CreatedAt = moment(due), moment(created)
	return j, err
}

// InFlight counts the claimed deliveries of a lane.
func (q Queries) InFlight(l Lane) (n int, err error) {
	err = q.c.Row(`SELECT count(*) FROM jobs WHERE kind = 'deliver' AND organization_id = $1 AND channel_id = $2 AND claimed = 1
		AND due_at > 0`, []any{string(l.Organization), string(l.Channel)}, &n)
	return n, err
}

// ClaimDeliveries takes up to limit due deliveries of a lane, high priority first, until the lease ends:
// those never claimed, then those whose claim was lost.
func (tx *Tx) ClaimDeliveries(l Lane, limit int, lease time.Time) ([]Job, error) {
	var jobs []Job
	for _, claimed := range []int{1, 0} {
		for rank := 2; rank >= 0 && len(jobs) < limit; rank-- {
			err := tx.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE kind = 'deliver' AND organization_id = $1 AND channel_id = $2
				AND claimed = $3 AND priority = $4 AND due_at <= $5 ORDER BY due_at LIMIT $6`,
				[]any{string(l.Organization), string(l.Channel), claimed, rank, millis(tx.Now), limit - len(jobs)},
				func(r *sql.Rows) error {
					j, err := scanJob(r)
					j.Attempt++
					jobs = append(jobs, j)
					return err
				})
			if err != nil {
				return nil, err
			}
		}
	}
	if len(jobs) == 0 {
		return nil, nil
	}
	return jobs, tx.lease(jobs, lease)
}

var leaseJobs = `UPDATE jobs SET claimed = 1, attempt = j.attempt, due_at = j.due_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "attempt BIGINT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id`

// lease writes the claim. The attempt number is the claim's token: a later claim has another.
func (tx *Tx) lease(jobs []Job, until time.Time) error {
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Attempt, millis(until))
	}
	_, err := tx.c.Exec(leaseJobs, rows.Param())
	return err
}

var renewJobs = `UPDATE jobs SET due_at = j.due_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "attempt BIGINT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = 1 AND jobs.attempt = j.attempt`

// Renew pushes the leases of claims that are still held.
func (tx *Tx) Renew(jobs []Job, until time.Time) error {
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Attempt, millis(until))
	}
	_, err := tx.c.Exec(renewJobs, rows.Param())
	return err
}

var stillClaimed = `SELECT jobs.organization_id, jobs.id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT", "attempt BIGINT") + ` AS j
	JOIN jobs ON jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = 1 AND jobs.attempt = j.attempt`

// JobRef names a job across organizations.
type JobRef struct {
	Organization parley.ID
	ID           string
}

// Ref is the job's name across organizations.
func (j *Job) Ref() JobRef { return JobRef{j.Organization, j.ID} }

// Claimed returns which of the claims are still held: only their results may be written.
func (tx *Tx) Claimed(jobs []Job) (map[JobRef]bool, error) {
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Attempt)
	}
	claimed := make(map[JobRef]bool, len(jobs))
	err := tx.c.Query(stillClaimed, []any{rows.Param()}, func(r *sql.Rows) error {
		var ref JobRef
		err := r.Scan(&ref.Organization, &ref.ID)
		claimed[ref] = true
		return err
	})
	return claimed, err
}

var retryJobs = `UPDATE jobs SET claimed = 0, due_at = j.due_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id`

// Retry gives claims back, each due at its DueAt.
func (tx *Tx) Retry(jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, millis(j.DueAt))
	}
	_, err := tx.c.Exec(retryJobs, rows.Param())
	return err
}

var (
	deleteJobs = `DELETE FROM jobs WHERE (organization_id, id) IN (SELECT organization_id, id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`
	// The next of each order becomes due, unless one of the order is under way or due already.
	releaseJobs = `UPDATE jobs SET due_at = $2 WHERE (organization_id, id) IN (
		SELECT j.organization_id, (SELECT n.id FROM jobs AS n WHERE n.organization_id = j.organization_id
			AND n.id > j.job_order || '|' AND n.id < j.job_order || '}' ORDER BY n.id LIMIT 1)
		FROM ` + sqldb.From("$1", "organization_id TEXT", "job_order TEXT") + ` AS j) AND claimed = 0 AND due_at > $2 AND attempt = 0`
)

// Done deletes jobs, and makes those due that waited for them in order.
func (tx *Tx) Done(jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var ids, keys sqldb.Rows
	for _, j := range jobs {
		ids.Add(string(j.Organization), j.ID)
		if order := j.order(); order != "" {
			keys.Add(string(j.Organization), order)
		}
	}
	if _, err := tx.c.Exec(deleteJobs, ids.Param()); err != nil || keys.Len() == 0 {
		return err
	}
	_, err := tx.c.Exec(releaseJobs, keys.Param(), millis(tx.Now))
	return err
}

// DueJobs returns up to limit due jobs of a kind that is work inside the database, earliest first. Whoever
// reads them does the work and deletes them in the same transaction. It is one of the named reads across
// organizations.
func (tx *Tx) DueJobs(kind JobKind, limit int) ([]Job, error) {
	var jobs []Job
	err := tx.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE kind = $1 AND kind <> 'deliver' AND due_at <= $2 ORDER BY due_at LIMIT $3`,
		[]any{string(kind), millis(tx.Now), limit}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}

// JobsOf returns the jobs of a message: its deliveries' and its own.
func (q Queries) JobsOf(organization parley.ID, m *parley.Message) ([]Job, error) {
	order := orderOf(m.Channel, m.Conversation, m.Priority.Rank())
	var jobs []Job
	err := q.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE organization_id = $1 AND (
			(id >= $2 AND id < $3) OR id IN ($4, $5, $6) OR (id > $7 AND id < $8))`,
		[]any{string(organization), fmt.Sprintf("%s|%011x", order, m.Sequence), fmt.Sprintf("%s|%011x", order, m.Sequence+1),
			JobID(JobExpire, string(m.ID)), JobID(JobPublish, string(m.ID)), JobID(JobFanOut, string(m.ID)),
			JobID(JobReceipt, string(m.ID)), JobID(JobReceipt, string(m.ID)+"}")}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}

// freeClaims ends the leases of a process that is gone; the jobs stay marked as lost.
func (tx *Tx) freeClaims() error {
	_, err := tx.c.Exec("UPDATE jobs SET due_at = 1 WHERE kind = 'deliver' AND claimed = 1")
	return err
}
