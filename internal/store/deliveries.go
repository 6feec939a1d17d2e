package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertDeliveries = `INSERT INTO deliveries (organization_id, message_id, number, conversation_id, channel_id, recipient_kind,
		recipient_id, recipient_name, address_kind, address, state, phase, code, reason, attempts, next_at, valid_until, retry_of,
		created_at, sent_at, delivered_at, read_at, ended_at)
	SELECT organization_id, message_id, number, conversation_id, channel_id, recipient_kind, recipient_id, recipient_name,
		address_kind, address, state, phase, code, reason, 0, next_at, valid_until, retry_of, created_at, 0, 0, 0, ended_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "number BIGINT", "conversation_id TEXT", "channel_id TEXT",
	"recipient_kind TEXT", "recipient_id TEXT", "recipient_name TEXT", "address_kind TEXT", "address TEXT", "state TEXT", "phase TEXT",
	"code TEXT", "reason TEXT", "next_at BIGINT", "valid_until BIGINT", "retry_of BIGINT", "created_at BIGINT", "ended_at BIGINT") + ` AS j`

func addDelivery(rows *sqldb.Rows, organization parley.ID, d *parley.Delivery) {
	rows.Add(string(organization), string(d.Message), d.Number, string(d.Conversation), string(d.Channel), string(d.Recipient.Kind),
		string(d.Recipient.ID), d.Recipient.Name, string(d.Address.Kind), d.Address.Value, string(d.State), string(d.Phase), d.Code,
		d.Reason, Millis(d.NextAttempt), Millis(d.ValidUntil), standing(d), Millis(d.CreatedAt), Millis(d.EndedAt))
}

// InsertDelivery adds a delivery to a message that is there already: a retry by hand.
func (tx *Tx) InsertDelivery(organization parley.ID, d *parley.Delivery) error {
	var rows sqldb.Rows
	addDelivery(&rows, organization, d)
	_, err := tx.c.Exec(insertDeliveries, rows.Param())
	return err
}

const deliveryColumns = `d.message_id, d.number, d.conversation_id, d.channel_id, d.recipient_kind, d.recipient_id, d.recipient_name,
	d.address_kind, d.address, d.state, d.phase, d.code, d.reason, d.attempts, d.next_at, d.valid_until, d.retry_of, d.created_at,
	d.sent_at, d.delivered_at, d.read_at, d.ended_at`

func scanDelivery(r *sql.Rows, d *parley.Delivery, more ...any) error {
	var next, valid, created, sent, delivered, read, ended int64
	var as int
	err := r.Scan(append([]any{&d.Message, &d.Number, &d.Conversation, &d.Channel, &d.Recipient.Kind, &d.Recipient.ID, &d.Recipient.Name,
		&d.Address.Kind, &d.Address.Value, &d.State, &d.Phase, &d.Code, &d.Reason, &d.Attempts, &next, &valid, &as, &created,
		&sent, &delivered, &read, &ended}, more...)...)
	d.NextAttempt, d.ValidUntil, d.CreatedAt = Moment(next), Moment(valid), Moment(created)
	d.SentAt, d.DeliveredAt, d.ReadAt, d.EndedAt = Moment(sent), Moment(delivered), Moment(read), Moment(ended)
	stand(d, as)
	d.Held = d.State == parley.Unknown // until somebody tries again, or lets it be
	return err
}

// DeliveryRef names a delivery across organizations.
type DeliveryRef struct {
	Organization parley.ID
	Message      parley.ID
	Number       int
}

var deliveriesByRef = "SELECT " + deliveryColumns + ", j.n FROM " +
	sqldb.From("$1", "n BIGINT", "organization_id TEXT", "message_id TEXT", "number BIGINT") + ` AS j
	JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.message_id AND d.number = j.number`

// DeliveriesOf returns those of the deliveries that exist.
func (q Queries) DeliveriesOf(refs []DeliveryRef) (map[DeliveryRef]*parley.Delivery, error) {
	var rows sqldb.Rows
	for i, ref := range refs {
		rows.Add(i, string(ref.Organization), string(ref.Message), ref.Number)
	}
	deliveries := make(map[DeliveryRef]*parley.Delivery, len(refs))
	if len(refs) == 0 {
		return deliveries, nil
	}
	err := q.c.Query(deliveriesByRef, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		d := &parley.Delivery{}
		if err := scanDelivery(r, d, &n); err != nil {
			return err
		}
		deliveries[refs[n]] = d
		return nil
	})
	return deliveries, err
}

// Deliveries returns the deliveries of a message, in order of their numbers.
func (q Queries) Deliveries(organization, message parley.ID) ([]parley.Delivery, error) {
	var deliveries []parley.Delivery
	err := q.c.Query("SELECT "+deliveryColumns+` FROM deliveries AS d WHERE d.organization_id = $1 AND d.message_id = $2
		ORDER BY d.number`, []any{string(organization), string(message)}, func(r *sql.Rows) error {
		var d parley.Delivery
		err := scanDelivery(r, &d)
		deliveries = append(deliveries, d)
		return err
	})
	return deliveries, err
}

var countStates = `SELECT d.message_id, d.state, count(*) FROM deliveries AS d WHERE d.organization_id = $1 AND d.message_id IN ` +
	IDSource + ` GROUP BY d.message_id, d.state`

// DeliveryCounts returns how many deliveries of each message are in each state.
func (q Queries) DeliveryCounts(organization parley.ID, messages []parley.ID) (map[parley.ID]map[parley.DeliveryState]int, error) {
	counts := make(map[parley.ID]map[parley.DeliveryState]int, len(messages))
	if len(messages) == 0 {
		return counts, nil
	}
	err := q.c.Query(countStates, []any{string(organization), IDRows(messages)}, func(r *sql.Rows) error {
		var id parley.ID
		var state parley.DeliveryState
		var n int
		if err := r.Scan(&id, &state, &n); err != nil {
			return err
		}
		if counts[id] == nil {
			counts[id] = map[parley.DeliveryState]int{}
		}
		counts[id][state] = n
		return nil
	})
	return counts, err
}

// moreAttempts: a claim may count a lost attempt between the reading of a delivery and its writing.
const moreAttempts = "attempts = CASE WHEN j.attempts > deliveries.attempts THEN j.attempts ELSE deliveries.attempts END"

var updateDeliveries = `UPDATE deliveries SET state = j.state, phase = j.phase, code = j.code, reason = j.reason, ` + moreAttempts + `,
		next_at = j.next_at, sent_at = j.sent_at, delivered_at = j.delivered_at, read_at = j.read_at, ended_at = j.ended_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "number BIGINT", "state TEXT", "phase TEXT", "code TEXT",
	"reason TEXT", "attempts BIGINT", "next_at BIGINT", "sent_at BIGINT", "delivered_at BIGINT", "read_at BIGINT", "ended_at BIGINT") + ` AS j
	WHERE deliveries.organization_id = j.organization_id AND deliveries.message_id = j.message_id AND deliveries.number = j.number`

// UpdateDeliveries writes the states of deliveries.
func (tx *Tx) UpdateDeliveries(deliveries map[DeliveryRef]*parley.Delivery) error {
	var rows sqldb.Rows
	for ref, d := range deliveries {
		rows.Add(string(ref.Organization), string(ref.Message), ref.Number, string(d.State), string(d.Phase), d.Code, d.Reason, d.Attempts,
			Millis(d.NextAttempt), Millis(d.SentAt), Millis(d.DeliveredAt), Millis(d.ReadAt), Millis(d.EndedAt))
	}
	return tx.bulk(updateDeliveries, &rows)
}

// advanceDeliveries writes less: most deliveries go well.
var advanceDeliveries = `UPDATE deliveries SET state = j.state, ` + moreAttempts + `, sent_at = j.sent_at, delivered_at = j.delivered_at,
		read_at = j.read_at
	FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "number BIGINT", "state TEXT", "attempts BIGINT", "sent_at BIGINT",
	"delivered_at BIGINT", "read_at BIGINT") + ` AS j
	WHERE deliveries.organization_id = j.organization_id AND deliveries.message_id = j.message_id AND deliveries.number = j.number`

// AdvanceDeliveries is UpdateDeliveries for deliveries that nothing has gone wrong with, before or now.
func (tx *Tx) AdvanceDeliveries(deliveries map[DeliveryRef]*parley.Delivery) error {
	var rows sqldb.Rows
	for ref, d := range deliveries {
		rows.Add(string(ref.Organization), string(ref.Message), ref.Number, string(d.State), d.Attempts, Millis(d.SentAt),
			Millis(d.DeliveredAt), Millis(d.ReadAt))
	}
	return tx.bulk(advanceDeliveries, &rows)
}

var messagesByRef = "SELECT " + messageColumns + ", j.n FROM " + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "message_id TEXT") + ` AS j
	JOIN messages AS m ON m.organization_id = j.organization_id AND m.id = j.message_id`

// MessagesOf returns the messages of deliveries that exist, whose numbers do not matter. It is one of the named
// reads across organizations.
func (q Queries) MessagesOf(refs []DeliveryRef) (map[DeliveryRef]*parley.Message, error) {
	var rows sqldb.Rows
	for i, ref := range refs {
		rows.Add(i, string(ref.Organization), string(ref.Message))
	}
	messages := make(map[DeliveryRef]*parley.Message, len(refs))
	if len(refs) == 0 {
		return messages, nil
	}
	err := q.c.Query(messagesByRef, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		m := &parley.Message{}
		err := scanMessage(r, m, &n)
		messages[refs[n]] = m
		return err
	})
	return messages, err
}

var channelsOfLanes = "SELECT " + channelColumns + ", j.organization_id FROM " + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT") + ` AS j
	JOIN channels AS c ON c.organization_id = j.organization_id AND c.id = j.channel_id AND c.deleted_at = 0`

// ChannelsOf returns those of the channels that are not deleted, without members. It is one of the named reads
// across organizations.
func (q Queries) ChannelsOf(lanes []Lane) (map[Lane]*parley.Channel, error) {
	var rows sqldb.Rows
	for _, l := range lanes {
		rows.Add(string(l.Organization), string(l.Channel))
	}
	channels := make(map[Lane]*parley.Channel, len(lanes))
	if len(lanes) == 0 {
		return channels, nil
	}
	err := q.c.Query(channelsOfLanes, []any{rows.Param()}, func(r *sql.Rows) error {
		c := &parley.Channel{}
		var organization parley.ID
		err := scanChannel(r, c, &organization)
		channels[Lane{organization, c.ID}] = c
		return err
	})
	return channels, err
}

var refusals = `SELECT j.n, EXISTS (SELECT 1 FROM contacts AS c WHERE c.organization_id = j.organization_id AND c.id = j.contact_id AND c.opted_out = 1),
		EXISTS (SELECT 1 FROM suppressions AS s WHERE s.organization_id = j.organization_id AND s.address_kind = j.kind
			AND s.address IN (j.address, j.hashed) AND s.platform IN ('', j.platform) AND s.class IN ('all', j.class))
	FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "contact_id TEXT", "kind TEXT", "address TEXT", "hashed TEXT",
	"platform TEXT", "class TEXT") + ` AS j`

// Wanted is a delivery whose recipient may not want it.
type Wanted struct {
	Organization parley.ID
	Recipient    parley.Actor
	Address      parley.Address
	Platform     string
	Class        parley.MessageClass
}

// Refusal says what keeps a message from its recipient.
type Refusal struct {
	OptedOut   bool // the contact wants none
	Suppressed bool // the address gets none of the class
}

// Refusals returns what keeps deliveries from their recipients. It is one of the named reads across organizations.
func (q Queries) Refusals(asked []Wanted) ([]Refusal, error) {
	found := make([]Refusal, len(asked))
	if len(asked) == 0 {
		return found, nil
	}
	var rows sqldb.Rows
	for i, w := range asked {
		contact := ""
		if w.Recipient.Kind == parley.ActorContact {
			contact = string(w.Recipient.ID)
		}
		rows.Add(i, string(w.Organization), contact, string(w.Address.Kind), w.Address.Value, w.Address.Hashed(w.Organization).Value, w.Platform, string(w.Class))
	}
	err := q.c.Query(refusals, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		var refusal Refusal
		err := r.Scan(&n, &refusal.OptedOut, &refusal.Suppressed)
		found[n] = refusal
		return err
	})
	return found, err
}

// The kinds of provider references.
const (
	KindDelivery = "delivery"
	KindInbound  = "inbound" // a message from outside, also a parked one
)

// ProviderReference is a provider's id of something of ours.
type ProviderReference struct {
	Organization, Channel parley.ID
	Kind                  string
	Value                 string
	Message               parley.ID
	Delivery              int
}

var insertReferences = `INSERT INTO provider_references (organization_id, channel_id, kind, value, message_id, delivery)
	SELECT organization_id, channel_id, kind, value, message_id, delivery FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT",
	"kind TEXT", "value TEXT", "message_id TEXT", "delivery BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// AddReferences keeps provider ids, and says how many were new.
func (tx *Tx) AddReferences(references []ProviderReference) (int64, error) {
	if len(references) == 0 {
		return 0, nil
	}
	var rows sqldb.Rows
	for _, p := range references {
		rows.Add(string(p.Organization), string(p.Channel), p.Kind, p.Value, string(p.Message), p.Delivery)
	}
	return tx.c.Exec(insertReferences, rows.Param())
}

// Reference finds what a provider's id stands for.
func (q Queries) Reference(organization, channel parley.ID, kind, value string) (message parley.ID, delivery int, err error) {
	err = q.c.Row(`SELECT message_id, delivery FROM provider_references WHERE organization_id = $1 AND channel_id = $2 AND kind = $3 AND value = $4`,
		[]any{string(organization), string(channel), kind, value}, &message, &delivery)
	if absent(err) {
		err = parley.NotFound("provider reference", parley.ID(value))
	}
	return message, delivery, err
}

var referencesOf = `SELECT p.value, p.message_id, p.delivery FROM provider_references AS p WHERE p.organization_id = $1
	AND p.channel_id = $2 AND p.kind = 'delivery' AND p.value IN (SELECT value FROM ` + sqldb.From("$3", "value TEXT") + ` AS j)`

// DeliveryReferences returns which deliveries the provider's ids stand for.
func (q Queries) DeliveryReferences(organization, channel parley.ID, values []string) (map[string]DeliveryRef, error) {
	var rows sqldb.Rows
	for _, v := range values {
		rows.Add(v)
	}
	refs := make(map[string]DeliveryRef, len(values))
	err := q.c.Query(referencesOf, []any{string(organization), string(channel), rows.Param()}, func(r *sql.Rows) error {
		var value string
		ref := DeliveryRef{Organization: organization}
		err := r.Scan(&value, &ref.Message, &ref.Number)
		refs[value] = ref
		return err
	})
	return refs, err
}

var partsOf = `SELECT j.message_id, j.number, p.value FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT", "message_id TEXT",
	"number BIGINT", "prefix TEXT") + ` AS j
	JOIN provider_references AS p ON p.organization_id = j.organization_id AND p.channel_id = j.channel_id AND p.kind = 'part'
		AND p.value > j.prefix || '.' AND p.value < j.prefix || '/'`

// PartReference is the value of the reference that stands for a part of a delivery that has not arrived.
func PartReference(ref DeliveryRef, id string) string { return partPrefix(ref) + "." + id }

func partPrefix(ref DeliveryRef) string { return fmt.Sprintf("%s.%d", ref.Message, ref.Number) }

// Parts returns the provider's ids of those parts of deliveries that have not arrived. A delivery of one part has
// none.
func (q Queries) Parts(channel parley.ID, refs []DeliveryRef) (map[DeliveryRef]map[string]bool, error) {
	var rows sqldb.Rows
	for _, ref := range refs {
		rows.Add(string(ref.Organization), string(channel), string(ref.Message), ref.Number, partPrefix(ref))
	}
	parts := map[DeliveryRef]map[string]bool{}
	if len(refs) == 0 {
		return parts, nil
	}
	err := q.c.Query(partsOf, []any{rows.Param()}, func(r *sql.Rows) error {
		ref := DeliveryRef{Organization: refs[0].Organization}
		var value string
		if err := r.Scan(&ref.Message, &ref.Number, &value); err != nil {
			return err
		}
		if parts[ref] == nil {
			parts[ref] = map[string]bool{}
		}
		parts[ref][strings.TrimPrefix(value, partPrefix(ref)+".")] = true
		return nil
	})
	return parts, err
}

var dropReferences = `DELETE FROM provider_references WHERE (organization_id, channel_id, kind, value) IN (
	SELECT organization_id, channel_id, kind, value FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT", "kind TEXT",
	"value TEXT") + ` AS j)`

// DropReferences forgets provider ids.
func (tx *Tx) DropReferences(references []ProviderReference) error {
	var rows sqldb.Rows
	for _, p := range references {
		rows.Add(string(p.Organization), string(p.Channel), p.Kind, p.Value)
	}
	return tx.bulk(dropReferences, &rows)
}

// Enqueue adds a delivery's job for a message that is there already: due now, or, where its order has others in
// the queue, after those before it.
func (tx *Tx) Enqueue(j Job, m *parley.Message, validUntil time.Time) error {
	j.Kind, j.ID = JobDeliver, DeliveryJobID(j.Channel, m.Conversation, j.Priority, m.NotBefore, m.Sequence, j.Delivery)
	busy, err := tx.inQueue(&j)
	if err != nil {
		return err
	}
	due := Millis(tx.Now)
	if busy {
		due = held
	}
	var rows sqldb.Rows
	tx.addJob(&rows, j, due)
	if !validUntil.IsZero() {
		tx.addJob(&rows, validityJob(&j), Millis(validUntil))
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
