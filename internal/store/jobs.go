package store

import (
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
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
	JobDeliver  JobKind = "deliver"
	JobValidity JobKind = "validity" // the end of a delivery's validity; the payload is the id of its job
	JobReceipt  JobKind = "receipt"  // a simulated receipt
	JobExpire   JobKind = "expire"   // the end of a message's content
	JobPublish  JobKind = "publish"  // a scheduled message's time has come
	JobFanOut   JobKind = "fan-out"  // copies of a broadcast
	JobBlob     JobKind = "blob"     // a blob that nothing references
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
	// Claimed: a delivery is under way, or was when its lease ended.
	Claimed   bool
	ClaimedAt time.Time // of a claimed one
	// Lost: nobody knows what became of a delivery's call, or nobody can while it is under way.
	Lost bool
}

// OrganizationsOf returns the organizations of jobs, each once.
func OrganizationsOf(jobs []Job) []parley.ID {
	var organizations []parley.ID
	for i := range jobs {
		if !slices.Contains(organizations, jobs[i].Organization) {
			organizations = append(organizations, jobs[i].Organization)
		}
	}
	return organizations
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

// conversation is that of a delivery's job.
func (j *Job) conversation() parley.ID {
	order := j.order()
	return parley.ID(order[strings.LastIndexAny(order, "|!")+1:])
}

// validityJob is the timer that ends a delivery whose job is still in the queue.
func validityJob(j *Job) Job {
	return Job{Organization: j.Organization, ID: JobID(JobValidity, fmt.Sprintf("%s.%d", j.Message, j.Delivery)), Kind: JobValidity,
		Channel: j.Channel, Message: j.Message, Delivery: j.Delivery, Payload: j.ID}
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
	rows.Add(string(j.Organization), j.ID, string(j.Kind), string(j.Channel), j.Priority, dueAt, string(j.Message), j.Delivery, j.Payload, Millis(now))
}

// delivery adds the rows of a message's deliveries and jobs. Of those that share an order only the first is due.
func (rows *appendRows) delivery(a *Append, queued bool, busy map[string]bool, now time.Time) {
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		d.Message, d.Conversation, d.CreatedAt = a.Message.ID, a.Message.Conversation, now
		if a.Message.Validity > 0 {
			d.ValidUntil = now.Add(a.Message.Validity)
		}
		if d.EndedAt = (time.Time{}); d.State == parley.Skipped {
			d.EndedAt = now
		}
		addDelivery(&rows.deliveries, a.Organization, d)
	}
	for _, j := range a.Jobs {
		due := Millis(j.DueAt)
		switch {
		case j.Kind == JobExpire:
			due = Millis(a.Message.ExpiresAt)
		case j.Kind == JobDeliver:
			j.ID = DeliveryJobID(j.Channel, a.Message.Conversation, j.Priority, a.Sequence, j.Delivery)
			key := string(a.Organization) + j.order()
			due = Millis(now)
			if queued || busy[key] {
				due = held
			}
			busy[key] = true
			if a.Message.Validity > 0 {
				addJob(&rows.jobs, validityJob(&j), Millis(now.Add(a.Message.Validity)), now)
			}
		}
		addJob(&rows.jobs, j, due, now)
	}
	rows.onRead(a, now)
}

// Schedule adds jobs at their due times; one that is there already gets the new time and payload.
func (tx *Tx) Schedule(jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		addJob(&rows, j, Millis(j.DueAt), tx.Now)
	}
	_, err := tx.c.Exec(insertJobs, rows.Param())
	return err
}

// NextDue returns when the first job of a kind is due, in the order of time; zero where there is none.
// For deliveries see Lines. It is one of the named reads across organizations.
func (q Queries) NextDue(kind JobKind) (time.Time, error) {
	var due int64
	err := q.c.Row("SELECT coalesce(min(due_at), 0) FROM jobs WHERE kind = $1 AND kind <> 'deliver'", []any{string(kind)}, &due)
	return Moment(due), err
}

const jobColumns = `organization_id, id, kind, channel_id, priority, due_at, claimed, attempt,
	message_id, delivery, payload, created_at`

func scanJob(r *sql.Rows) (j Job, err error) {
	var due, created int64
	err = r.Scan(&j.Organization, &j.ID, &j.Kind, &j.Channel, &j.Priority, &due, &j.Claimed, &j.Attempt,
		&j.Message, &j.Delivery, &j.Payload, &created)
	j.DueAt, j.CreatedAt = Moment(due), Moment(created)
	if j.Kind != JobDeliver {
		return j, err
	}
	j.Lost = j.Claimed || j.Payload == payloadLost
	if at, isTime := strconv.ParseInt(j.Payload, 10, 64); j.Claimed && isTime == nil {
		j.ClaimedAt = Moment(at)
	}
	return j, err
}

var retryJobs = `UPDATE jobs SET claimed = 0, due_at = j.due_at, payload = j.payload
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "due_at BIGINT", "payload TEXT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id`

// payloadLost is the payload of a delivery's job whose last call was lost. That of a claimed one is when it was claimed.
const payloadLost = "lost"

// Retry gives claims of deliveries back, each due at its DueAt, and Lost or not.
func (tx *Tx) Retry(jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		payload := ""
		if j.Lost {
			payload = payloadLost
		}
		rows.Add(string(j.Organization), j.ID, Millis(j.DueAt), payload)
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
	for _, j := range followed {
		if order := j.order(); order != "" {
			orders.Add(string(j.Organization), order)
		}
	}
	if orders.Len() == 0 {
		return nil
	}
	_, err := tx.c.Exec(releaseJobs, orders.Param(), Millis(tx.Now))
	return err
}

// DueJobs returns up to limit due jobs of a kind that is work inside the database, earliest first. It is one of the
// named reads across organizations.
func (q Queries) DueJobs(kind JobKind, now time.Time, limit int) ([]Job, error) {
	var jobs []Job
	err := q.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE kind = $1 AND kind <> 'deliver' AND due_at <= $2 ORDER BY due_at LIMIT $3`,
		[]any{string(kind), Millis(now), limit}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}

const jobsOf = "SELECT " + jobColumns + ` FROM jobs WHERE organization_id = $1 AND (
	(id >= $2 AND id < $3) OR id IN ($4, $5, $6) OR (id > $7 AND id < $8)) ORDER BY id`

// JobsOf returns the jobs of a message: its deliveries' and its own.
func (q Queries) JobsOf(organization parley.ID, m *parley.Message) ([]Job, error) {
	return q.jobsOf(jobsOf, organization, m)
}

// HoldJobsOf is JobsOf, of jobs that no other node can claim before the transaction ends.
func (tx *Tx) HoldJobsOf(organization parley.ID, m *parley.Message) ([]Job, error) {
	return tx.jobsOf(jobsOf+" FOR UPDATE OF jobs", organization, m)
}

func (q Queries) jobsOf(text string, organization parley.ID, m *parley.Message) ([]Job, error) {
	order := orderOf(m.Channel, m.Conversation, m.Priority.Rank())
	var jobs []Job
	err := q.c.Query(text,
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
	if tx.s.options.Sabotage == SabotageClaims {
		_, err := tx.c.Exec("UPDATE jobs SET due_at = 1, claimed = 0, attempt = attempt - 1 WHERE kind = 'deliver' AND claimed = 1")
		return err
	}
	_, err := tx.c.Exec("UPDATE jobs SET due_at = 1 WHERE kind = 'deliver' AND claimed = 1")
	return err
}

// Backlog is how much waits in the queue.
type Backlog struct {
	Waiting int64         // jobs that are due, or wait for one before them
	Oldest  time.Duration // how long the oldest delivery has waited
}

// Backlog counts the queue. It reads across organizations, for the operator's figures.
func (q Queries) Backlog(now time.Time) (b Backlog, err error) {
	var oldest int64
	err = q.c.Row(`SELECT count(*), coalesce(min(created_at), 0) FROM jobs WHERE kind = 'deliver'`, nil, &b.Waiting, &oldest)
	if oldest > 0 {
		b.Oldest = now.Sub(Moment(oldest))
	}
	return b, err
}

// Enqueue adds a delivery's job for a message that is there already: due now, or, where its order has others in
// the queue, after those before it.
func (tx *Tx) Enqueue(j Job, m *parley.Message, validUntil time.Time) error {
	j.Kind, j.ID = JobDeliver, DeliveryJobID(j.Channel, m.Conversation, j.Priority, m.Sequence, j.Delivery)
	var busy bool
	err := tx.c.Row(`SELECT EXISTS (SELECT 1 FROM jobs WHERE organization_id = $1 AND id > $2 AND id < $3)`,
		[]any{string(j.Organization), j.order() + "|", j.order() + "}"}, &busy)
	if err != nil {
		return err
	}
	due := Millis(tx.Now)
	if busy {
		due = held
	}
	var rows sqldb.Rows
	addJob(&rows, j, due, tx.Now)
	if !validUntil.IsZero() {
		addJob(&rows, validityJob(&j), Millis(validUntil), tx.Now)
	}
	return tx.bulk(insertJobs, &rows)
}

var waitingJobs = "SELECT " + jobColumns + " FROM jobs WHERE claimed = 0 AND (organization_id, id) IN (SELECT organization_id, id FROM " +
	sqldb.From("$1", "organization_id TEXT", "id TEXT") + " AS j) FOR UPDATE OF jobs"

// HoldWaiting returns those of the jobs that are in the queue and not claimed. No other node can claim them before the
// transaction ends.
func (tx *Tx) HoldWaiting(jobs []JobRef) (map[JobRef]Job, error) {
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID)
	}
	waiting := make(map[JobRef]Job, len(jobs))
	err := tx.c.Query(waitingJobs, []any{rows.Param()}, func(r *sql.Rows) error {
		j, err := scanJob(r)
		waiting[j.Ref()] = j
		return err
	})
	return waiting, err
}
