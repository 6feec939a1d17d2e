package store

import (
	"database/sql"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

const takesPart = `x.organization_id = c.organization_id AND x.conversation_id = c.id AND x.address <> '' AND x.left_sequence = 0`

var newestWith = `JOIN participants AS p ON p.organization_id = c.organization_id AND p.conversation_id = c.id
	WHERE p.organization_id = $1 AND p.address_kind = $2 AND p.address = $3 AND p.address <> '' AND p.left_sequence = 0 AND c.channel_id = $4
	AND (SELECT count(DISTINCT x.address) FROM participants AS x WHERE ` + takesPart + `) = $5
	AND (SELECT count(DISTINCT x.address) FROM participants AS x WHERE ` + takesPart + ` AND x.address IN (SELECT value FROM ` +
	sqldb.From("$6", "value TEXT") + ` AS j)) = $5
	ORDER BY c.created_at DESC, c.id DESC LIMIT 1`

// NewestWith returns the newest conversation of a channel in which addresses of one kind take part, and no others.
func (q Queries) NewestWith(organization, channel parley.ID, addresses []parley.Address) (parley.Conversation, error) {
	var rows sqldb.Rows
	for _, a := range addresses {
		rows.Add(a.Value)
	}
	a := addresses[0]
	return q.conversation(newestWith, a.Value, string(organization), string(a.Kind), a.Value, string(channel), len(addresses), rows.Param())
}

var deliveriesWith = "SELECT " + deliveryColumns + ", j.n FROM " +
	sqldb.From("$1", "n BIGINT", "organization_id TEXT", "message_id TEXT") + ` AS j
	JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.message_id ORDER BY d.organization_id, d.message_id, d.number`

// DeliveriesWith returns all deliveries of the messages of some, by messages: by references without a number. It is one of
// the named reads across organizations.
func (q Queries) DeliveriesWith(refs []DeliveryRef) (map[DeliveryRef][]*parley.Delivery, error) {
	all := map[DeliveryRef][]*parley.Delivery{}
	var asked []DeliveryRef
	var rows sqldb.Rows
	for _, ref := range refs {
		ref.Number = 0
		if _, known := all[ref]; !known {
			all[ref] = nil
			rows.Add(len(asked), string(ref.Organization), string(ref.Message))
			asked = append(asked, ref)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	err := q.c.Query(deliveriesWith, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		d := &parley.Delivery{}
		err := scanDelivery(r, d, &n)
		all[asked[n]] = append(all[asked[n]], d)
		return err
	})
	return all, err
}

var companions = `SELECT ` + jobColumns + ` FROM ` + sqldb.From("$1", "o TEXT", "own TEXT", "prefix TEXT") + ` AS j
	JOIN jobs ON jobs.organization_id = j.o AND jobs.id > j.prefix || '.' AND jobs.id < j.prefix || '/' AND jobs.id <> j.own
	WHERE jobs.kind = 'deliver' AND jobs.claimed = 0 AND jobs.attempt = 0 AND jobs.due_at = $2 ORDER BY jobs.organization_id, jobs.id`

// ClaimWith takes what waits behind deliveries that have just been claimed and is of the same messages, too.
func (tx *Tx) ClaimWith(heads []Job, until time.Time) ([]Job, error) {
	if len(heads) == 0 {
		return nil, nil
	}
	var rows sqldb.Rows
	for i := range heads {
		j := &heads[i]
		rows.Add(string(j.Organization), j.ID, j.ID[:strings.LastIndexByte(j.ID, '.')])
	}
	var found []Job
	err := tx.c.Query(companions, []any{rows.Param(), int64(held)}, func(r *sql.Rows) error {
		j, err := scanJob(r)
		found = append(found, j)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return tx.claim(found, until)
}

// AddDeliveries adds deliveries to a message that is there already, with the jobs of those that are queued: of an order only the
// first is due, and none where the order has others in the queue.
func (tx *Tx) AddDeliveries(organization parley.ID, m *parley.Message, deliveries []parley.Delivery) error {
	tx.MustHave(organization)
	var rows, jobs sqldb.Rows
	busy := map[string]bool{}
	for i := range deliveries {
		d := &deliveries[i]
		addDelivery(&rows, organization, d)
		if d.State != parley.Queued {
			continue
		}
		j := Job{Organization: organization, Kind: JobDeliver, Channel: d.Channel, Priority: m.Priority.Rank(), Message: m.ID, Delivery: d.Number,
			ID: DeliveryJobID(d.Channel, m.Conversation, m.Priority.Rank(), m.NotBefore, m.Sequence, d.Number)}
		due := held
		waits, known := busy[j.order()]
		if !known {
			var err error
			if waits, err = tx.inQueue(&j); err != nil {
				return err
			}
		}
		if busy[j.order()] = true; !waits {
			due = Millis(tx.Now)
		}
		tx.addJob(&jobs, j, due)
		if !d.ValidUntil.IsZero() {
			tx.addJob(&jobs, validityJob(&j), Millis(d.ValidUntil))
		}
	}
	if err := tx.bulk(insertDeliveries, &rows); err != nil {
		return err
	}
	return tx.bulk(insertJobs, &jobs)
}

// inQueue reports whether the order of a delivery's job has others in the queue.
func (q Queries) inQueue(j *Job) (busy bool, err error) {
	err = q.c.Row(`SELECT EXISTS (SELECT 1 FROM jobs WHERE organization_id = $1 AND id > $2 AND id < $3)`,
		[]any{string(j.Organization), j.order() + "|", j.order() + "}"}, &busy)
	return busy, err
}

// standing is what a delivery is besides the first to a recipient: a positive number is that of the delivery which it repeats, a
// negative one names a fallback, and the delivery that it stands in for, or the level of an escalation.
func standing(d *parley.Delivery) int {
	if d.Fallback == 0 {
		return d.RetryOf
	}
	return -(d.Step*steps + d.Instead*fallbacks + d.Fallback)
}

// fallbacks is more than a message may have, and steps more than any number of those.
const (
	fallbacks = 10
	steps     = 1_000_000_000
)

func stand(d *parley.Delivery, as int) {
	if as >= 0 {
		d.RetryOf = as
		return
	}
	if d.Step = -as / steps; d.Step > 0 {
		d.Fallback = -as % steps
		return
	}
	d.Fallback, d.Instead = -as%fallbacks, -as/fallbacks
}
