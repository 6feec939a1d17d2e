package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// storedPolicy is a policy as it is stored, durations in milliseconds.
type storedPolicy struct {
	DefaultTTL int64 `json:"defaultTtl,omitempty"`
	MaxTTL     int64 `json:"maxTtl,omitempty"`
	LockTTL    bool  `json:"lockTtl,omitempty"`
}

func encodePolicy(p parley.Policy) (string, error) {
	return encodeJSON(storedPolicy{p.DefaultTTL.Milliseconds(), p.MaxTTL.Milliseconds(), p.LockTTL})
}

// encodeJSON makes the text of a JSON column.
func encodeJSON(v any) (string, error) {
	encoded, err := json.Marshal(v)
	return string(encoded), err
}

// InsertOrganization adds an organization with an empty event log.
func (tx *Tx) InsertOrganization(o *parley.Organization) error {
	policy, err := encodePolicy(o.Policy)
	if err != nil {
		return err
	}
	o.CreatedAt, o.Rev = tx.Now, 1
	_, err = tx.c.Exec("INSERT INTO organizations (id, name, policy, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(o.ID), o.Name, policy, millis(o.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(o.ID)
	}
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("INSERT INTO organization_log (organization_id, last_event, oldest_event) VALUES ($1, 0, 1)", string(o.ID))
	return err
}

func idTaken(id parley.ID) error {
	return parley.Conflict("id-taken", "the id %q is taken", id)
}

// UpdateOrganization writes name and policy, raises the revision and returns it.
func (tx *Tx) UpdateOrganization(o *parley.Organization) error {
	policy, err := encodePolicy(o.Policy)
	if err != nil {
		return err
	}
	err = tx.c.Row("UPDATE organizations SET name = $1, policy = $2, rev = rev + 1 WHERE id = $3 RETURNING rev",
		[]any{o.Name, policy, string(o.ID)}, &o.Rev)
	return found(err, "organization", o.ID)
}

const organizationColumns = "o.id, o.name, o.policy, o.rev, o.created_at"

func scanOrganization(r *sql.Rows, o *parley.Organization, more ...any) error {
	var created int64
	var policy string
	if err := r.Scan(append([]any{&o.ID, &o.Name, &policy, &o.Rev, &created}, more...)...); err != nil {
		return err
	}
	var p storedPolicy
	if err := decodeJSON(policy, &p); err != nil {
		return err
	}
	o.CreatedAt = moment(created)
	o.Policy = parley.Policy{DefaultTTL: time.Duration(p.DefaultTTL) * time.Millisecond,
		MaxTTL: time.Duration(p.MaxTTL) * time.Millisecond, LockTTL: p.LockTTL}
	return nil
}

// Organization returns an organization.
func (q Queries) Organization(id parley.ID) (o parley.Organization, err error) {
	absent := true
	err = q.c.Query("SELECT "+organizationColumns+" FROM organizations AS o WHERE o.id = $1", []any{string(id)}, func(r *sql.Rows) error {
		absent = false
		return scanOrganization(r, &o)
	})
	if err == nil && absent {
		err = parley.NotFound("organization", id)
	}
	return o, err
}

// Organizations returns up to limit organizations with ids after one, for work that goes through all of them.
func (q Queries) Organizations(after parley.ID, limit int) ([]parley.Organization, error) {
	var organizations []parley.Organization
	err := q.c.Query("SELECT "+organizationColumns+" FROM organizations AS o WHERE o.id > $1 ORDER BY o.id LIMIT $2",
		[]any{string(after), limit}, func(r *sql.Rows) error {
			var o parley.Organization
			err := scanOrganization(r, &o)
			organizations = append(organizations, o)
			return err
		})
	return organizations, err
}

// errEnough ends a list before its rows end.
var errEnough = errors.New("enough")

// list collects up to limit rows that pass, from rows in the order of their ids. The statement's last
// parameter is how many rows it examines at most; next is where to go on, empty at the end.
func list[T any](c sqldb.Conn, text string, args []any, limit, examine int,
	scan func(r *sql.Rows, item *T) (id parley.ID, passes bool, err error)) (items []T, next parley.ID, err error) {
	var last parley.ID
	examined := 0
	err = c.Query(text, append(args, examine), func(r *sql.Rows) error {
		var item T
		id, passes, err := scan(r, &item)
		if err != nil {
			return err
		}
		if passes && len(items) == limit {
			next = last
			return errEnough
		}
		if passes {
			items = append(items, item)
		}
		last = id
		examined++
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if next == "" && examined == examine {
		next = last
	}
	return items, next, err
}

// examine is how many rows a list reads: one more than it gives, to know whether there are more, or a bounded
// number where a filter drops some.
func examine(filtered bool, limit int) int {
	if filtered {
		return maxExamined
	}
	return limit + 1
}

// TakenID refuses an id of a client's choice that something of the organization has, of whatever kind.
func (tx *Tx) TakenID(organization, id parley.ID) error {
	var taken bool
	err := tx.c.Row(`SELECT EXISTS (SELECT 1 FROM contacts WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM users WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM teams WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM broadcasts WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM channels WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM conversations WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM messages WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM media WHERE organization_id = $1 AND id = $2)`, []any{string(organization), string(id)}, &taken)
	if err == nil && taken {
		err = idTaken(id)
	}
	return err
}
