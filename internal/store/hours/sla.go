package hours

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// JobSLA is the timer of a conversation's clocks: the next moment at which one is due, or is warned of.
const JobSLA store.JobKind = "sla"

// InsertPolicy adds a policy.
func InsertPolicy(tx *store.Tx, organization parley.ID, p *parley.SLAPolicy) error {
	tx.MustHave(organization)
	p.CreatedAt, p.Rev = tx.Now, 1
	policy, err := store.EncodeJSON(p)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec("INSERT INTO sla_policies (organization_id, id, policy, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(organization), string(p.ID), policy, store.Millis(p.CreatedAt))
	return err
}

// UpdatePolicy writes what can be changed of a policy, and raises the revision.
func UpdatePolicy(tx *store.Tx, organization parley.ID, p *parley.SLAPolicy) error {
	tx.MustHave(organization)
	policy, err := store.EncodeJSON(p)
	if err != nil {
		return err
	}
	err = tx.Conn().Row("UPDATE sla_policies SET policy = $1, rev = rev + 1 WHERE organization_id = $2 AND id = $3 RETURNING rev",
		[]any{policy, string(organization), string(p.ID)}, &p.Rev)
	return store.Found(err, "SLA policy", p.ID)
}

// DeletePolicy deletes a policy. The clocks that it started go on.
func DeletePolicy(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM sla_policies WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("SLA policy", id)
	}
	return err
}

func policies(q store.Queries, where string, args ...any) ([]parley.SLAPolicy, error) {
	var all []parley.SLAPolicy
	err := q.Conn().Query("SELECT p.id, p.policy, p.rev, p.created_at FROM sla_policies AS p WHERE "+where, args, func(r *sql.Rows) error {
		var id parley.ID
		var policy string
		var rev, created int64
		if err := r.Scan(&id, &policy, &rev, &created); err != nil {
			return err
		}
		var p parley.SLAPolicy
		err := store.DecodeJSON(policy, &p)
		p.ID, p.Rev, p.CreatedAt = id, rev, store.Moment(created)
		all = append(all, p)
		return err
	})
	return all, err
}

// Policy returns a policy.
func Policy(q store.Queries, organization, id parley.ID) (parley.SLAPolicy, error) {
	all, err := policies(q, "p.organization_id = $1 AND p.id = $2", string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = parley.NotFound("SLA policy", id)
	}
	if err != nil {
		return parley.SLAPolicy{}, err
	}
	return all[0], nil
}

// Policies returns up to limit policies with ids after one; next is where to go on, empty at the end.
func Policies(q store.Queries, organization, after parley.ID, limit int) (all []parley.SLAPolicy, next parley.ID, err error) {
	all, err = policies(q, "p.organization_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3", string(organization), string(after), limit+1)
	if err == nil && len(all) > limit {
		all = all[:limit]
		next = all[limit-1].ID
	}
	return all, next, err
}

// DefaultSchedule returns the schedule of whatever names none; one without an id where there is none.
func DefaultSchedule(q store.Queries, organization parley.ID) (parley.Schedule, error) {
	all, err := schedules(q, "s.organization_id = $1 AND s.standard = 1", string(organization))
	if err != nil || len(all) == 0 {
		return parley.Schedule{}, err
	}
	return all[0], nil
}

// SetClocks writes how a conversation stands with its policy.
func SetClocks(tx *store.Tx, organization, conversation parley.ID, s *parley.SLA) error {
	tx.MustHave(organization)
	state, err := store.EncodeJSON(s)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO sla_clocks (organization_id, conversation_id, policy_id, due_at, breached_at, state) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (organization_id, conversation_id) DO UPDATE SET policy_id = excluded.policy_id, due_at = excluded.due_at,
			breached_at = excluded.breached_at, state = excluded.state`,
		string(organization), string(conversation), string(s.Policy), store.Millis(s.DueAt()), store.Millis(s.BreachedAt()), state)
	return err
}

// DropClocks forgets how a conversation stood, which became a part of another.
func DropClocks(tx *store.Tx, organization, conversation parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM sla_clocks WHERE organization_id = $1 AND conversation_id = $2", string(organization), string(conversation))
	return err
}

var clocksOf = "SELECT conversation_id, policy_id, state FROM sla_clocks WHERE organization_id = $1 AND conversation_id IN " + store.IDSource

// Clocks returns how those of some conversations stand that have a policy.
func Clocks(q store.Queries, organization parley.ID, conversations ...parley.ID) (map[parley.ID]*parley.SLA, error) {
	found := map[parley.ID]*parley.SLA{}
	if len(conversations) == 0 {
		return found, nil
	}
	err := q.Conn().Query(clocksOf, []any{string(organization), store.IDRows(conversations)}, func(r *sql.Rows) error {
		var id parley.ID
		var state string
		s := &parley.SLA{}
		if err := r.Scan(&id, &s.Policy, &state); err != nil {
			return err
		}
		found[id] = s
		return store.DecodeJSON(state, s)
	})
	return found, err
}

// FillClocks adds to conversations how they stand.
func FillClocks(q store.Queries, organization parley.ID, conversations ...*parley.Conversation) error {
	ids := make([]parley.ID, len(conversations))
	for i, c := range conversations {
		ids[i] = c.ID
	}
	found, err := Clocks(q, organization, ids...)
	for _, c := range conversations {
		c.SLA = found[c.ID]
	}
	return err
}

// ClockPlace is a place in the order of conversations by when their clocks are due, or were breached.
type ClockPlace struct {
	At time.Time
	ID parley.ID
}

// Due returns up to limit conversations that have a clock to be due, after a place, earliest first.
func Due(q store.Queries, organization parley.ID, after ClockPlace, limit int) ([]ClockPlace, error) {
	return places(q, `SELECT c.due_at, c.conversation_id FROM sla_clocks AS c WHERE c.organization_id = $1 AND c.due_at > 0
		AND (c.due_at, c.conversation_id) > ($2, $3) ORDER BY c.due_at, c.conversation_id LIMIT $4`, organization, after, limit)
}

// Breached returns up to limit conversations that have a clock that was breached and waits, after a place, earliest first.
func Breached(q store.Queries, organization parley.ID, after ClockPlace, limit int) ([]ClockPlace, error) {
	return places(q, `SELECT c.breached_at, c.conversation_id FROM sla_clocks AS c WHERE c.organization_id = $1 AND c.breached_at > 0
		AND (c.breached_at, c.conversation_id) > ($2, $3) ORDER BY c.breached_at, c.conversation_id LIMIT $4`, organization, after, limit)
}

func places(q store.Queries, text string, organization parley.ID, after ClockPlace, limit int) (list []ClockPlace, err error) {
	err = q.Conn().Query(text, []any{string(organization), store.Millis(after.At), string(after.ID), limit}, func(r *sql.Rows) error {
		var at int64
		var id parley.ID
		err := r.Scan(&at, &id)
		list = append(list, ClockPlace{At: store.Moment(at), ID: id})
		return err
	})
	return list, err
}
