package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Line is what a channel has in the queue of one priority, held claims apart from the rest.
type Line struct {
	Lane
	Priority int  // parley.Priority.Rank
	Claimed  bool // claims, held or lost
	Due      time.Time
}

// Lane is a channel with deliveries in the queue.
type Lane struct{ Organization, Channel parley.ID }

// lines steps from organization to organization, in each from channel to channel, and in each to the first of every
// priority: a row value of columns would have SQLite go through all that an organization has.
var lines = `WITH RECURSIVE organization (id) AS (
		SELECT min(organization_id) FROM jobs WHERE kind = 'deliver'
		UNION ALL
		SELECT (SELECT min(organization_id) FROM jobs WHERE kind = 'deliver' AND organization_id > organization.id)
		FROM organization WHERE id IS NOT NULL),
	lane (organization_id, channel_id) AS (
		SELECT id, (SELECT min(channel_id) FROM jobs WHERE kind = 'deliver' AND organization_id = organization.id)
		FROM organization WHERE id IS NOT NULL
		UNION ALL
		SELECT organization_id, (SELECT min(channel_id) FROM jobs WHERE kind = 'deliver' AND jobs.organization_id = lane.organization_id
			AND jobs.channel_id > lane.channel_id)
		FROM lane WHERE channel_id IS NOT NULL),
	line AS MATERIALIZED (
		SELECT organization_id, channel_id, claimed, priority, (SELECT min(due_at) FROM jobs WHERE jobs.kind = 'deliver'
			AND jobs.organization_id = lane.organization_id AND jobs.channel_id = lane.channel_id
			AND jobs.claimed = c.claimed AND jobs.priority = p.priority) AS due_at
		FROM lane CROSS JOIN (SELECT 0 AS claimed UNION ALL SELECT 1) AS c
		CROSS JOIN (SELECT 0 AS priority UNION ALL SELECT 1 UNION ALL SELECT 2) AS p WHERE channel_id IS NOT NULL)
	SELECT organization_id, channel_id, claimed, priority, due_at FROM line WHERE due_at < $1
	ORDER BY organization_id, channel_id, claimed, priority`

// Lines returns what channels have in the queue, each with the time when its first delivery is due or its
// first lease ends. It is one of the named reads across organizations, and steps over the index from lane to lane.
func (q Queries) Lines() ([]Line, error) {
	var all []Line
	err := q.c.Query(lines, []any{int64(held)}, func(r *sql.Rows) error {
		var l Line
		var due int64
		err := r.Scan(&l.Organization, &l.Channel, &l.Claimed, &l.Priority, &due)
		l.Due = Moment(due)
		all = append(all, l)
		return err
	})
	return all, err
}

// DueDeliveries returns up to limit deliveries of a line that are due, earliest first.
func (q Queries) DueDeliveries(l Line, now time.Time, limit int) ([]Job, error) {
	var jobs []Job
	err := q.c.Query(`SELECT `+jobColumns+` FROM jobs WHERE kind = 'deliver' AND organization_id = $1 AND channel_id = $2
		AND claimed = $3 AND priority = $4 AND due_at <= $5 ORDER BY due_at LIMIT $6`,
		[]any{string(l.Organization), string(l.Channel), l.Claimed, l.Priority, Millis(now), limit}, func(r *sql.Rows) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	return jobs, err
}

// LaneState is what limits the claims of a channel.
type LaneState struct {
	Lane
	Connector         string
	Platform          string
	Rate, Concurrency int
	Paused, Deleted   bool
	InFlight          int   // held claims
	Arrival           int64 // microseconds since 1970: when the next send conforms to the rate, see SetArrivals
}

var laneStates = `SELECT j.organization_id, j.channel_id, coalesce(c.rate, 0), coalesce(c.concurrency, 0), coalesce(c.paused, 0),
		c.id IS NULL OR c.deleted_at > 0, coalesce(c.connector, ''), coalesce(c.platform, ''), coalesce(a.arrival, 0),
		(SELECT count(*) FROM jobs WHERE jobs.kind = 'deliver' AND jobs.organization_id = j.organization_id
			AND jobs.channel_id = j.channel_id AND jobs.claimed = 1 AND jobs.due_at > $2)
	FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT") + ` AS j
	LEFT JOIN channels AS c ON c.organization_id = j.organization_id AND c.id = j.channel_id
	LEFT JOIN channel_rates AS a ON a.organization_id = j.organization_id AND a.channel_id = j.channel_id`

var lockLanes = `SELECT c.id FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT") + ` AS j
	JOIN channels AS c ON c.organization_id = j.organization_id AND c.id = j.channel_id WHERE c.rate > 0 OR c.concurrency > 0
	ORDER BY c.organization_id, c.id FOR NO KEY UPDATE OF c`

// LaneStates returns what limits the claims of channels. Where other nodes claim too, those that have limits of their
// own are kept from them until the transaction ends.
func (tx *Tx) LaneStates(lanes []Lane) ([]LaneState, error) {
	var rows sqldb.Rows
	for _, l := range lanes {
		rows.Add(string(l.Organization), string(l.Channel))
	}
	if tx.s.Engine().Shared() {
		if _, err := tx.c.Exec(lockLanes, rows.Param()); err != nil {
			return nil, err
		}
	}
	states := make([]LaneState, 0, len(lanes))
	err := tx.c.Query(laneStates, []any{rows.Param(), Millis(tx.Now)}, func(r *sql.Rows) error {
		var s LaneState
		err := r.Scan(&s.Organization, &s.Channel, &s.Rate, &s.Concurrency, &s.Paused, &s.Deleted, &s.Connector, &s.Platform, &s.Arrival, &s.InFlight)
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

var claimJobs = `UPDATE jobs SET claimed = 1, attempt = j.attempt + 1, due_at = $2, payload = $3
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "claimed BIGINT", "attempt BIGINT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = j.claimed AND jobs.attempt = j.attempt
	AND jobs.due_at = j.due_at RETURNING jobs.organization_id, jobs.id`

// freeJobs keeps from other nodes those of the jobs that none of them is about to claim.
var freeJobs = `SELECT j.n FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "id TEXT") + ` AS j
	JOIN jobs ON jobs.organization_id = j.organization_id AND jobs.id = j.id FOR UPDATE OF jobs SKIP LOCKED`

// free returns those of the jobs that no other node is about to claim.
func (tx *Tx) free(jobs []Job) ([]Job, error) {
	if !tx.s.Engine().Shared() {
		return jobs, nil
	}
	var rows sqldb.Rows
	for n, j := range jobs {
		rows.Add(n, string(j.Organization), j.ID)
	}
	kept := make([]Job, 0, len(jobs))
	err := tx.c.Query(freeJobs, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		err := r.Scan(&n)
		kept = append(kept, jobs[n])
		return err
	})
	return kept, err
}

// Claim takes deliveries as DueDeliveries found them, until the lease ends, and returns those that it got, with
// their new attempt; Claimed, ClaimedAt and Lost are as they were before. The attempt is the claim's token: a later claim has
// another. What is not due by the transaction's clock is left: that of whoever found it may be ahead, and a lease not over.
func (tx *Tx) Claim(jobs []Job, until time.Time) ([]Job, error) {
	if tx.s.options.Sabotage == SabotageLeases {
		until = tx.Now
	}
	due := slices.DeleteFunc(slices.Clone(jobs), func(j Job) bool { return j.DueAt.After(tx.Now) })
	return tx.claim(due, until)
}

// claim takes deliveries that are as they were found.
func (tx *Tx) claim(jobs []Job, until time.Time) ([]Job, error) {
	jobs, err := tx.free(jobs)
	if err != nil || len(jobs) == 0 {
		return nil, err
	}
	var rows sqldb.Rows
	claimed := make([]Job, len(jobs))
	for i, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Claimed, j.Attempt, Millis(j.DueAt))
		claimed[i] = j
		claimed[i].Attempt++
	}
	got := make([]JobRef, 0, len(jobs))
	err = tx.c.Query(claimJobs, []any{rows.Param(), Millis(until), strconv.FormatInt(Millis(tx.Now), 10)}, func(r *sql.Rows) error {
		var ref JobRef
		err := r.Scan(&ref.Organization, &ref.ID)
		got = append(got, ref)
		return err
	})
	if err != nil || len(got) == len(jobs) {
		return claimed, err
	}
	return slices.DeleteFunc(claimed, func(j Job) bool { return !slices.Contains(got, j.Ref()) }), nil
}

var renewJobs = `UPDATE jobs SET due_at = j.due_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "attempt BIGINT", "due_at BIGINT") + ` AS j
	WHERE jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = 1 AND jobs.attempt = j.attempt`

// Renew pushes the leases of claims that are still held.
func (tx *Tx) Renew(jobs []Job, until time.Time) error {
	var rows sqldb.Rows
	for _, j := range jobs {
		rows.Add(string(j.Organization), j.ID, j.Attempt, Millis(until))
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

// Holding is what a claim that is still held finds.
type Holding struct {
	State parley.DeliveryState // of the delivery; empty: there is none any more
	// Followed: others of the order are in the queue.
	Followed bool
}

var heldClaims = `SELECT j.n, coalesce(d.state, ''), EXISTS (SELECT 1 FROM jobs AS o WHERE o.organization_id = j.organization_id
		AND o.id > j.job_order || '|' AND o.id < j.job_order || '}' AND o.id <> j.id)
	FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "id TEXT", "attempt BIGINT", "job_order TEXT") + ` AS j
	JOIN jobs ON jobs.organization_id = j.organization_id AND jobs.id = j.id AND jobs.claimed = 1 AND jobs.attempt = j.attempt
	LEFT JOIN deliveries AS d ON d.organization_id = jobs.organization_id AND d.message_id = jobs.message_id AND d.number = jobs.delivery FOR UPDATE OF jobs`

// Held returns what those claims find that are still held: only their results may be written.
func (tx *Tx) Held(claims []Job) (map[JobRef]Holding, error) {
	var rows sqldb.Rows
	for i := range claims {
		j := &claims[i]
		rows.Add(i, string(j.Organization), j.ID, j.Attempt, j.order())
	}
	holdings := make(map[JobRef]Holding, len(claims))
	err := tx.c.Query(heldClaims, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		var h Holding
		err := r.Scan(&n, &h.State, &h.Followed)
		holdings[claims[n].Ref()] = h
		return err
	})
	return holdings, err
}

// DueReceipt is a receipt's timer that is due, with the state of its delivery as far as receipts change it.
type DueReceipt struct {
	Organization        parley.ID
	ID                  string
	Message             parley.ID
	Number              int
	Payload             string
	Conversation        parley.ID
	State               parley.DeliveryState // empty: there is no delivery any more
	Attempts            int
	SentAt, DeliveredAt time.Time
	Smooth              bool // nothing has gone wrong with it
}

var dueReceipts = `SELECT j.n, coalesce(d.conversation_id, ''), coalesce(d.state, ''), coalesce(d.attempts, 0), coalesce(d.sent_at, 0),
		coalesce(d.delivered_at, 0), coalesce(d.ended_at, 0) = 0 AND coalesce(d.code, '') = ''
	FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "message_id TEXT", "number BIGINT") + ` AS j
	LEFT JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.message_id AND d.number = j.number`

// DueReceipts returns the receipts of due timers, in their order.
func (q Queries) DueReceipts(timers []Job) ([]DueReceipt, error) {
	var rows sqldb.Rows
	for n, j := range timers {
		rows.Add(n, string(j.Organization), string(j.Message), j.Delivery)
	}
	due := make([]DueReceipt, len(timers))
	err := q.c.Query(dueReceipts, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		var sent, delivered int64
		var d DueReceipt
		err := r.Scan(&n, &d.Conversation, &d.State, &d.Attempts, &sent, &delivered, &d.Smooth)
		j := &timers[n]
		d.Organization, d.ID, d.Message, d.Number, d.Payload = j.Organization, j.ID, j.Message, j.Delivery, j.Payload
		d.SentAt, d.DeliveredAt = Moment(sent), Moment(delivered)
		due[n] = d
		return err
	})
	return due, err
}

// Parked is something from a provider that cannot be matched or read yet.
type Parked struct {
	ID        parley.ID
	Channel   parley.ID
	Kind      string // what it is, for whoever collects it: "receipt", "inbound"
	Reference string // the provider's id that it waits for; may be empty
	Message   parley.ID
	Raw       string // content: erased with the message it names
	Reason    string
	CreatedAt time.Time
}

// Park keeps something for later.
func (tx *Tx) Park(organization parley.ID, p *Parked) error {
	p.CreatedAt = tx.Now
	_, err := tx.c.Exec(`INSERT INTO parked (organization_id, id, channel_id, kind, reference, message_id, raw, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, string(organization), string(p.ID), string(p.Channel), p.Kind, p.Reference,
		string(p.Message), p.Raw, p.Reason, Millis(p.CreatedAt))
	return err
}

const parkedColumns = "id, channel_id, kind, reference, message_id, raw, reason, created_at"

func scanParked(r *sql.Rows, p *Parked, before ...any) error {
	var created int64
	err := r.Scan(append(before, &p.ID, &p.Channel, &p.Kind, &p.Reference, &p.Message, &p.Raw, &p.Reason, &created)...)
	p.CreatedAt = Moment(created)
	return err
}

// ParkedRow is a parked thing with its organization.
type ParkedRow struct {
	Organization parley.ID
	Parked
}

var takeParked = `DELETE FROM parked WHERE (organization_id, id) IN (SELECT p.organization_id, p.id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "channel_id TEXT", "reference TEXT") + ` AS j
	JOIN parked AS p ON p.organization_id = j.organization_id AND p.channel_id = j.channel_id AND p.reference = j.reference
	WHERE j.reference <> '') RETURNING organization_id, ` + parkedColumns

// TakeParked takes out what waits for provider ids, in no order.
func (tx *Tx) TakeParked(references []ProviderReference) ([]ParkedRow, error) {
	if len(references) == 0 {
		return nil, nil
	}
	var rows sqldb.Rows
	for _, p := range references {
		rows.Add(string(p.Organization), string(p.Channel), p.Value)
	}
	var taken []ParkedRow
	err := tx.c.Query(takeParked, []any{rows.Param()}, func(r *sql.Rows) error {
		var p ParkedRow
		err := scanParked(r, &p.Parked, &p.Organization)
		taken = append(taken, p)
		return err
	})
	return taken, err
}

// ParkedList returns up to limit parked things with ids after one.
func (q Queries) ParkedList(organization, after parley.ID, limit int) ([]Parked, error) {
	var parked []Parked
	err := q.c.Query("SELECT "+parkedColumns+" FROM parked WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
		[]any{string(organization), string(after), limit}, func(r *sql.Rows) error {
			var p Parked
			err := scanParked(r, &p)
			parked = append(parked, p)
			return err
		})
	return parked, err
}

// DropParked deletes up to limit parked things of an organization made before a time, and says how many.
func (tx *Tx) DropParked(organization parley.ID, before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM parked WHERE organization_id = $1 AND id IN (SELECT id FROM parked
		WHERE organization_id = $1 AND created_at < $2 ORDER BY id LIMIT $3)`, string(organization), Millis(before), limit)
}

// Lease lets a holder, and nobody else, do what the name says until the time is over, and says whether it may. Who holds
// it already may go on. It lasts by the transaction's clock. An embedded database has one user, who may do anything.
func (s *Store) Lease(ctx context.Context, name, holder string, lasts time.Duration) (held bool, err error) {
	if !s.Engine().Shared() {
		return true, nil
	}
	err = s.Write(ctx, "", func(tx *Tx) error {
		n, err := tx.c.Exec(`INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until <= $4`, name, holder, Millis(tx.Now.Add(lasts)), Millis(tx.Now))
		held = n > 0
		return err
	})
	return held, err
}
