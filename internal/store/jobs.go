package store

import (
	"database/sql"
	"fmt"
	"math"
	"slices"
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
	// Lost: it is claimed; where the lease has ended, nobody knows what became of the call.
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

// Line is what a channel has in the queue of one priority, held claims apart from the rest.
type Line struct {
	Lane
	Priority int  // parley.Priority.Rank
	Claimed  bool // claims, held or lost
	Due      time.Time
}

// Lane is a channel with deliveries in the queue.
type Lane struct{ Organization, Channel parley.ID }

// Lines returns what channels have in the queue, each with the time when its first delivery is due or its
// first lease ends. It is one of the named reads across organizations, and steps over the index from line to line.
func (q Queries) Lines() ([]Line, error) {
	var lines []Line
	at := Line{Priority: -1}
	for {
		found := false
		var due int64
		err := q.c.Query(`SELECT organization_id, channel_id, claimed, priority, due_at FROM jobs WHERE kind = 'deliver'
			AND (organization_id, channel_id, claimed, priority) > ($1, $2, $3, $4)
			ORDER BY organization_id, channel_id, claimed, priority, due_at LIMIT 1`,
			[]any{string(at.Organization), string(at.Channel), at.Claimed, at.Priority}, func(r *sql.Rows) error {
				found = true
				return r.Scan(&at.Organization, &at.Channel, &at.Claimed, &at.Priority, &due)
			})
		if err != nil || !found {
			return lines, err
		}
		if due < held {
			at.Due = moment(due)
			lines = append(lines, at)
		}
	}
}

// NextDue returns when the first job of a kind is due, in the order of time; zero where there is none.
// For deliveries see Lines. It is one of the named reads across organizations.
func (q Queries) NextDue(kind JobKind) (time.Time, error) {
	var due int64
	err := q.c.Row("SELECT coalesce(min(due_at), 0) FROM jobs WHERE kind = $1 AND kind <> 'deliver'", []any{string(kind)}, &due)
	return moment(due), err
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

// DueDeliveries returns up to limit deliveries of a line that are due, earliest first.
func (q Queries) DueDeliveries(l Line, now time.Time, limit int) ([]Job, error) {
	var jobs []Job
	err := q.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE kind = 'deliver' AND organization_id = $1 AND channel_id = $2
		AND claimed = $3 AND priority = $4 AND due_at <= $5 ORDER BY due_at LIMIT $6`,
		[]any{string(l.Organization), string(l.Channel), l.Claimed, l.Priority, millis(now), limit}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}

// LaneState is what limits the claims of a channel.
type LaneState struct {
	Lane
	Rate, Concurrency int
	Paused, Deleted   bool
	InFlight          int   // held claims
	Arrival           int64 // microseconds since 1970: when the next send conforms to the rate, see SetArrivals
}

var laneStates = `SELECT j.organization_id, j.channel_id, coalesce(c.rate, 0), coalesce(c.concurrency, 0), coalesce(c.paused, 0),
		c.id IS NULL OR c.deleted_at > 0, coalesce(a.arrival, 0),
		(SELECT count(*) FROM jobs WHERE jobs.kind = 'deliver' AND jobs.organization_id = j.organization_id
			AND jobs.channel_id = j.channel_id AND jobs.claimed = 1 AND jobs.due_at > $2)
	FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT") + ` AS j
	LEFT JOIN channels AS c ON c.organization_id = j.organization_id AND c.id = j.channel_id
	LEFT JOIN channel_rates AS a ON a.organization_id = j.organization_id AND a.channel_id = j.channel_id`

// LaneStates returns what limits the claims of channels.
func (tx *Tx) LaneStates(lanes []Lane) ([]LaneState, error) {
	var rows sqldb.Rows
	for _, l := range lanes {
		rows.Add(string(l.Organization), string(l.Channel))
	}
	states := make([]LaneState, 0, len(lanes))
	err := tx.c.Query(laneStates, []any{rows.Param(), millis(tx.Now)}, func(r *sql.Rows) error {
		var s LaneState
		err := r.Scan(&s.Organization, &s.Channel, &s.Rate, &s.Concurrency, &s.Paused, &s.Deleted, &s.Arrival, &s.InFlight)
		states = append(states, s)
		return err
	})
	return states, err
}

var setArrivals = `INSERT INTO channel_rates (organization_id, channel_id, arrival) SELECT organization_id, channel_id, arrival FROM ` +
	sqldb.From("$1", "organization_id TEXT", "channel_id TEXT", "arrival BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, channel_id) DO UPDATE SET arrival = excluded.arrival`

// SetArrivals keeps when the next send of each channel conforms to its rate.
func (tx *Tx) SetArrivals(states []LaneState) error {
	if len(states) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, s := range states {
		rows.Add(string(s.Organization), string(s.Channel), s.Arrival)
	}
	_, err := tx.c.Exec(setArrivals, rows.Param())
	return err
}

var claimJobs = `UPDATE jobs SET claimed = 1, attempt = j.attempt + 1, due_at = $2
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "claimed BIGINT", "attempt BIGINT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = j.claimed AND jobs.attempt = j.attempt
	AND jobs.due_at = j.due_at`

// Claim takes deliveries as DueDeliveries found them, until the lease ends, and returns those that it got, with
// their new attempt. The attempt is the claim's token: a later claim has another.
func (tx *Tx) Claim(jobs []Job, until time.Time) ([]Job, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	var rows sqldb.Rows
	claimed := make([]Job, len(jobs))
	for i, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Lost, j.Attempt, millis(j.DueAt))
		claimed[i] = j
		claimed[i].Attempt++
	}
	n, err := tx.c.Exec(claimJobs, rows.Param(), millis(until))
	if err != nil || int(n) == len(jobs) {
		return claimed, err
	}
	held, err := tx.Held(claimed)
	return slices.DeleteFunc(claimed, func(j Job) bool { return held[j.Ref()] == nil }), err
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

// JobRef names a job across organizations.
type JobRef struct {
	Organization parley.ID
	ID           string
}

// Ref is the job's name across organizations.
func (j *Job) Ref() JobRef { return JobRef{j.Organization, j.ID} }

var heldClaims = "SELECT " + deliveryColumns + ", j.n FROM " + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "id TEXT",
	"attempt BIGINT", "message_id TEXT", "delivery BIGINT") + ` AS j
	JOIN jobs ON jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = 1 AND jobs.attempt = j.attempt
	JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.message_id AND d.number = j.delivery`

// Held returns the deliveries of those claims that are still held: only their results may be written.
func (tx *Tx) Held(claims []Job) (map[JobRef]*parley.Delivery, error) {
	var rows sqldb.Rows
	for i, j := range claims {
		rows.Add(i, string(j.Organization), j.ID, j.Attempt, string(j.Message), j.Delivery)
	}
	deliveries := make(map[JobRef]*parley.Delivery, len(claims))
	err := tx.c.Query(heldClaims, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		d := &parley.Delivery{}
		err := scanDelivery(r, d, &n)
		deliveries[claims[n].Ref()] = d
		return err
	})
	return deliveries, err
}

var retryJobs = `UPDATE jobs SET claimed = 0, due_at = j.due_at, payload = j.payload
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "due_at BIGINT", "payload TEXT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id`

// Retry gives claims back, each due at its DueAt and with its Payload.
func (tx *Tx) Retry(jobs []Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, millis(j.DueAt), j.Payload)
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
		b.Oldest = now.Sub(moment(oldest))
	}
	return b, err
}
