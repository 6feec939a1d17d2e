package store

import (
	"context"
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
	JobAckDue   JobKind = "acks"     // recipients are to have acknowledged a message
	JobFallback JobKind = "fallback" // a message may have to go out on other channels
	JobRemind   JobKind = "remind"   // recipients have not read a message of high priority; the payload is how often they were reminded
	JobPlay     JobKind = "play"     // what a simulated recipient answers; the payload is the connector's word for it
)

// Job is a row of the queue.
type Job struct {
	Organization parley.ID
	ID           string // see JobID and DeliveryJobID
	Kind         JobKind
	Channel      parley.ID
	Priority     int // parley.Priority.Rank
	DueAt        time.Time
	After        time.Duration // of one that is added with a message: how long after that it is due
	Attempt      int           // calls made so far; of a claimed one, including the present
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
// a time. An order is a channel and conversation; high priority is an order of its own, so that it may overtake, and so is what
// waits until a time, whatever does not may overtake.
func DeliveryJobID(channel, conversation parley.ID, priority int, notBefore time.Time, sequence int64, number int) string {
	return fmt.Sprintf("%s|%011x.%04x", orderOf(channel, conversation, priority, notBefore), sequence, number)
}

// DeferredPrefix is what the ids of jobs of a channel and conversation begin with that wait until some time.
func DeferredPrefix(channel, conversation parley.ID) string {
	return string(channel) + deferred + string(conversation) + deferred
}

// deferred parts an order that waits until a time.
const deferred = "~"

func orderOf(channel, conversation parley.ID, priority int, notBefore time.Time) string {
	if !notBefore.IsZero() {
		return fmt.Sprintf("%s%011x", DeferredPrefix(channel, conversation), Millis(notBefore))
	}
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
	if parts := strings.Split(order, deferred); len(parts) == 3 {
		return parley.ID(parts[1])
	}
	return parley.ID(order[strings.LastIndexAny(order, "|!")+1:])
}

// ValidityJobID is the id of the timer that ends a delivery.
func ValidityJobID(message parley.ID, delivery int) string {
	return JobID(JobValidity, fmt.Sprintf("%s.%d", message, delivery))
}

// validityJob is the timer that ends a delivery whose job is still in the queue.
func validityJob(j *Job) Job {
	return Job{Organization: j.Organization, ID: ValidityJobID(j.Message, j.Delivery), Kind: JobValidity,
		Channel: j.Channel, Message: j.Message, Delivery: j.Delivery, Payload: j.ID}
}

// held is the due time of a job that waits for another of its order.
const held = Held

// Held is held for the packages below this one.
const Held int64 = math.MaxInt64 / 2

var insertJobs = `INSERT INTO jobs (organization_id, id, kind, channel_id, priority, due_at, claimed, attempt, message_id, delivery,
		payload, created_at)
	SELECT organization_id, id, kind, channel_id, priority, due_at, 0, 0, message_id, delivery, payload, created_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "kind TEXT", "channel_id TEXT", "priority BIGINT", "due_at BIGINT",
	"message_id TEXT", "delivery BIGINT", "payload TEXT", "created_at BIGINT") + ` AS j WHERE true
	ON CONFLICT (organization_id, id) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload`

// addJob adds a job that is due at a time of its organization.
func (tx *Tx) addJob(rows *sqldb.Rows, j Job, dueAt int64) {
	rows.Add(string(j.Organization), j.ID, string(j.Kind), string(j.Channel), j.Priority, tx.due(dueAt), string(j.Message), j.Delivery, j.Payload,
		Millis(tx.real))
}

// addDeliveries adds the rows of a message's deliveries and jobs. Of those that share an order only the first is due.
func (tx *Tx) addDeliveries(rows *appendRows, a *Append, queued bool, busy map[string]bool) {
	now := tx.Now
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
		case j.Kind == JobAckDue:
			due = Millis(a.Message.AckBy())
		case j.Kind == JobDeliver:
			j.ID = DeliveryJobID(j.Channel, a.Message.Conversation, j.Priority, a.Message.NotBefore, a.Sequence, j.Delivery)
			key := string(a.Organization) + j.order()
			due = max(Millis(now), Millis(a.Message.NotBefore))
			if queued || busy[key] {
				due = held
			}
			busy[key] = true
			if a.Message.Validity > 0 {
				tx.addJob(&rows.jobs, validityJob(&j), Millis(now.Add(a.Message.Validity)))
			}
		case due == 0:
			due = Millis(now.Add(j.After))
		}
		tx.addJob(&rows.jobs, j, due)
	}
	tx.onRead(rows, a)
}

// Schedule adds jobs at their due times; one that is there already gets the new time and payload.
func (tx *Tx) Schedule(jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, j := range jobs {
		tx.addJob(&rows, j, Millis(j.DueAt))
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
		rows.Add(string(j.Organization), j.ID, tx.due(Millis(j.DueAt)), payload)
	}
	_, err := tx.c.Exec(retryJobs, rows.Param())
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

// A test organization has a clock of its own, and everything that is kept of it has the times that the clock showed, but
// the queue: a row of jobs is due by the real time, so that whoever looks for what is due needs no clock. What is here
// makes one of the other. While a clock stands, what is due later by it is never due by the real time: it is far ahead, in
// the order of its own time.

// Far is from where on a due time is one of a clock that stands, further ahead by it.
const Far = 1 << 50

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

// Follow makes the time of a unit that works on one organization that organization's.
func (tx *Tx) Follow() error {
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
		return Far + ms
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
