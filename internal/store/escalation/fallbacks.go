package escalation

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertFallbacks = `INSERT INTO escalation_fallbacks (organization_id, escalation_id, number, level, fallback, user_id, message_id, delivery, over)
	SELECT organization_id, escalation_id, number, level, fallback, user_id, message_id, delivery, 0 FROM ` + sqldb.From("$1", "organization_id TEXT",
	"escalation_id TEXT", "number BIGINT", "level BIGINT", "fallback BIGINT", "user_id TEXT", "message_id TEXT", "delivery BIGINT") + ` AS j`

// AddFallbacks notes deliveries that fallbacks of an escalation have just made, and numbers them after those that are there.
func AddFallbacks(tx *store.Tx, organization, id parley.ID, list []parley.EscalationFallback) error {
	tx.MustHave(organization)
	if len(list) == 0 {
		return nil
	}
	last := 0
	if err := tx.Conn().Row("SELECT coalesce(max(number), 0) FROM escalation_fallbacks WHERE organization_id = $1 AND escalation_id = $2",
		[]any{string(organization), string(id)}, &last); err != nil {
		return err
	}
	var rows sqldb.Rows
	for i := range list {
		f := &list[i]
		f.Number = last + 1 + i
		rows.Add(string(organization), string(id), f.Number, f.Level, f.Fallback, string(f.User.ID), string(f.Message), f.Delivery)
	}
	_, err := tx.Conn().Exec(insertFallbacks, rows.Param())
	return err
}

// Fallback is what is kept of a delivery that a fallback of an escalation made.
type Fallback struct {
	Level, Fallback int
	User, Message   parley.ID
	Delivery        int
}

// Tried are the deliveries that fallbacks of an escalation have made so far.
func Tried(q store.Queries, organization, id parley.ID) (list []Fallback, err error) {
	err = q.Conn().Query(`SELECT level, fallback, user_id, message_id, delivery FROM escalation_fallbacks WHERE organization_id = $1 AND escalation_id = $2
		ORDER BY number`, []any{string(organization), string(id)}, func(r *sql.Rows) error {
		var f Fallback
		err := r.Scan(&f.Level, &f.Fallback, &f.User, &f.Message, &f.Delivery)
		list = append(list, f)
		return err
	})
	return list, err
}

// Fallbacks returns up to limit deliveries that fallbacks of an escalation made, with where they stand, in order, after a number.
func Fallbacks(q store.Queries, organization, id parley.ID, after, limit int) (list []parley.EscalationFallback, err error) {
	err = q.Conn().Query(`SELECT f.number, f.level, f.fallback, f.user_id, d.recipient_name, d.channel_id, f.message_id, f.delivery, d.created_at, d.state, d.code,
			d.reason
		FROM escalation_fallbacks AS f
		JOIN deliveries AS d ON d.organization_id = f.organization_id AND d.message_id = f.message_id AND d.number = f.delivery
		WHERE f.organization_id = $1 AND f.escalation_id = $2 AND f.number > $3 ORDER BY f.number LIMIT $4`,
		[]any{string(organization), string(id), after, limit}, func(r *sql.Rows) error {
			f := parley.EscalationFallback{User: parley.Actor{Kind: parley.ActorUser}}
			var at int64
			err := r.Scan(&f.Number, &f.Level, &f.Fallback, &f.User.ID, &f.User.Name, &f.Channel, &f.Message, &f.Delivery, &at, &f.State, &f.Code, &f.Reason)
			f.At = store.Moment(at)
			list = append(list, f)
			return err
		})
	return list, err
}

// EndFallbacks has nothing go out any more of what fallbacks of an escalation made that is not under way.
func EndFallbacks(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE escalation_fallbacks SET over = 1 WHERE organization_id = $1 AND escalation_id = $2 AND over = 0", string(organization), string(id))
	return err
}

var madeBy = `SELECT DISTINCT e.organization_id, e.id FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "delivery BIGINT") + ` AS j
	JOIN escalation_fallbacks AS f ON f.organization_id = j.organization_id AND f.message_id = j.message_id AND f.delivery = j.delivery
	JOIN escalations AS e ON e.organization_id = f.organization_id AND e.id = f.escalation_id AND e.state = 'active'`

// Hasten has escalations looked at now that are under way and deliveries of whose fallbacks have failed. It is one of the named
// reads across organizations.
func Hasten(tx *store.Tx, deliveries []store.DeliveryRef) error {
	if len(deliveries) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, d := range deliveries {
		rows.Add(string(d.Organization), string(d.Message), d.Number)
	}
	var jobs []store.JobRef
	err := tx.Conn().Query(madeBy, []any{rows.Param()}, func(r *sql.Rows) error {
		var organization, id parley.ID
		err := r.Scan(&organization, &id)
		jobs = append(jobs, store.JobRef{Organization: organization, ID: store.JobID(JobEscalate, string(id))})
		return err
	})
	if err != nil {
		return err
	}
	return tx.Hasten(JobEscalate, jobs)
}

// over: those of an escalation's fallbacks by what is kept of them, others by the last escalation of their message, or of the one
// that it is the copy of.
var over = `SELECT j.n, 1, e.id, CASE WHEN f.over = 1 THEN 'over' ELSE e.state END FROM ` + overJoin + `
		JOIN escalation_fallbacks AS f ON f.organization_id = $2 AND f.message_id = j.message_id AND f.delivery = j.delivery
		JOIN escalations AS e ON e.organization_id = f.organization_id AND e.id = f.escalation_id
	UNION ALL SELECT j.n, 0, m.id, m.state FROM ` + overJoin + ` JOIN escalations AS m ON m.organization_id = $2 AND m.message_id = j.message_id
	UNION ALL SELECT j.n, 0, c.id, c.state FROM ` + overJoin + ` JOIN escalations AS c ON c.organization_id = $2 AND c.copy_id = j.message_id AND c.copy_id <> ''
	ORDER BY 1, 2, 3`

var overJoin = sqldb.From("$1", "n BIGINT", "message_id TEXT", "delivery BIGINT") + " AS j"

// Over says which of some deliveries on another channel than that of their message have nothing to go out for any more: somebody has taken
// note of the message, or who wrote it has called its escalation off; or the fallback of the escalation that made them is over.
func Over(q store.Queries, organization parley.ID, deliveries []store.DeliveryRef) (map[store.DeliveryRef]bool, error) {
	is := map[store.DeliveryRef]bool{}
	if len(deliveries) == 0 {
		return is, nil
	}
	var rows sqldb.Rows
	for n, d := range deliveries {
		rows.Add(n, string(d.Message), d.Number)
	}
	err := q.Conn().Query(over, []any{rows.Param(), string(organization)}, func(r *sql.Rows) error {
		var n, own int
		var id parley.ID
		var state parley.EscalationState
		err := r.Scan(&n, &own, &id, &state)
		if own == 1 { // they come last
			is[deliveries[n]] = state != parley.EscalationActive
		} else {
			is[deliveries[n]] = state == parley.EscalationAcknowledged || state == parley.EscalationCanceled
		}
		return err
	})
	return is, err
}
