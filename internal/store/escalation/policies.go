// Package escalation has the tables of escalations: the policies of roles, and the messages that go from one to the next until
// somebody acknowledges them. Its functions take the queries or the transaction of the store.
package escalation

import (
	"database/sql"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// policyTaken says that a role has a policy already.
func policyTaken(err error) error {
	if sqldb.IsUnique(err) {
		return parley.About(parley.Conflict("policy-exists", "the role has an escalation policy"), "policy-exists", "role")
	}
	return err
}

// InsertPolicy adds a policy.
func InsertPolicy(tx *store.Tx, organization parley.ID, p *parley.EscalationPolicy) error {
	tx.MustHave(organization)
	p.CreatedAt, p.Rev = tx.Now, 1
	steps, err := encode(p)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO escalation_policies (organization_id, id, role_id, name, always, after, steps, group_life, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)`, string(organization), string(p.ID), string(p.Role), p.Name, flag(p.Always),
		p.After.Milliseconds(), steps, p.GroupLife.Milliseconds(), store.Millis(p.CreatedAt))
	return policyTaken(err)
}

// levels are the steps of a policy as they are kept where the role has fallbacks; else only the steps are.
type levels struct {
	Fallback []parley.Fallback       `json:"f"`
	Steps    []parley.EscalationStep `json:"s"`
}

func encode(p *parley.EscalationPolicy) (string, error) {
	if len(p.Fallback) == 0 {
		return store.EncodeJSON(p.Steps)
	}
	return store.EncodeJSON(levels{p.Fallback, p.Steps})
}

func decode(steps string, p *parley.EscalationPolicy) error {
	if !strings.HasPrefix(steps, "{") {
		return store.DecodeJSON(steps, &p.Steps)
	}
	var l levels
	err := store.DecodeJSON(steps, &l)
	p.Fallback, p.Steps = l.Fallback, l.Steps
	return err
}

// UpdatePolicy writes what can be changed of a policy, and raises the revision.
func UpdatePolicy(tx *store.Tx, organization parley.ID, p *parley.EscalationPolicy) error {
	tx.MustHave(organization)
	steps, err := encode(p)
	if err != nil {
		return err
	}
	err = tx.Conn().Row(`UPDATE escalation_policies SET name = $1, always = $2, after = $3, steps = $4, group_life = $5, rev = rev + 1
		WHERE organization_id = $6 AND id = $7 RETURNING rev`, []any{p.Name, flag(p.Always), p.After.Milliseconds(), steps,
		p.GroupLife.Milliseconds(), string(organization), string(p.ID)}, &p.Rev)
	return store.Found(err, "escalation policy", p.ID)
}

// DeletePolicy deletes a policy. What escalates by it goes on.
func DeletePolicy(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM escalation_policies WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("escalation policy", id)
	}
	return err
}

func policies(q store.Queries, where string, args ...any) ([]parley.EscalationPolicy, error) {
	var list []parley.EscalationPolicy
	err := q.Conn().Query(`SELECT y.id, y.role_id, y.name, y.always, y.after, y.steps, y.group_life, y.rev, y.created_at
		FROM escalation_policies AS y WHERE `+where, args, func(r *sql.Rows) error {
		var p parley.EscalationPolicy
		var steps string
		var after, life, created int64
		if err := r.Scan(&p.ID, &p.Role, &p.Name, &p.Always, &after, &steps, &life, &p.Rev, &created); err != nil {
			return err
		}
		p.After, p.GroupLife, p.CreatedAt = time.Duration(after)*time.Millisecond, time.Duration(life)*time.Millisecond, store.Moment(created)
		if err := decode(steps, &p); err != nil {
			return err
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// Policy returns a policy.
func Policy(q store.Queries, organization, id parley.ID) (parley.EscalationPolicy, error) {
	list, err := policies(q, "y.organization_id = $1 AND y.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("escalation policy", id)
	}
	if err != nil {
		return parley.EscalationPolicy{}, err
	}
	return list[0], nil
}

// PolicyOf returns the policy of a role, nil where it has none.
func PolicyOf(q store.Queries, organization, role parley.ID) (*parley.EscalationPolicy, error) {
	list, err := policies(q, "y.organization_id = $1 AND y.role_id = $2", string(organization), string(role))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// Policies returns up to limit policies with ids after one.
func Policies(q store.Queries, organization, after parley.ID, limit int) ([]parley.EscalationPolicy, error) {
	return policies(q, "y.organization_id = $1 AND y.id > $2 ORDER BY y.id LIMIT $3", string(organization), string(after), limit)
}
