// Package grant has the tables of permission sets, and of who has which. Its functions take the queries or the transaction
// of the store.
package grant

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

func nameTaken(err error, s *parley.PermissionSet) error {
	if sqldb.IsUnique(err) {
		return parley.About(parley.Conflict("name-taken", "there is a permission set with the name %q", s.Name), "name-taken", "name")
	}
	return err
}

// Insert adds a permission set.
func Insert(tx *store.Tx, organization parley.ID, s *parley.PermissionSet) error {
	tx.MustHave(organization)
	scopes, err := store.EncodeJSON(s.Scopes)
	if err != nil {
		return err
	}
	s.CreatedAt, s.Rev = tx.Now, 1
	_, err = tx.Conn().Exec("INSERT INTO permission_sets (organization_id, id, name, scopes, rev, created_at) VALUES ($1, $2, $3, $4, 1, $5)",
		string(organization), string(s.ID), s.Name, scopes, store.Millis(s.CreatedAt))
	return nameTaken(err, s)
}

// Update writes a permission set, raises the revision and returns it.
func Update(tx *store.Tx, organization parley.ID, s *parley.PermissionSet) error {
	tx.MustHave(organization)
	scopes, err := store.EncodeJSON(s.Scopes)
	if err != nil {
		return err
	}
	err = tx.Conn().Row("UPDATE permission_sets SET name = $1, scopes = $2, rev = rev + 1 WHERE organization_id = $3 AND id = $4 RETURNING rev",
		[]any{s.Name, scopes, string(organization), string(s.ID)}, &s.Rev)
	return nameTaken(store.Found(err, "permission set", s.ID), s)
}

// Delete deletes a permission set that nobody has.
func Delete(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM permission_sets WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("permission set", id)
	}
	return err
}

// Sets returns the permission sets of an organization, without those that are built in.
func Sets(q store.Queries, organization parley.ID) ([]parley.PermissionSet, error) {
	var sets []parley.PermissionSet
	err := q.Conn().Query("SELECT id, name, scopes, rev, created_at FROM permission_sets WHERE organization_id = $1 ORDER BY id",
		[]any{string(organization)}, func(r *sql.Rows) error {
			var s parley.PermissionSet
			var scopes string
			var created int64
			if err := r.Scan(&s.ID, &s.Name, &scopes, &s.Rev, &created); err != nil {
				return err
			}
			s.CreatedAt = store.Moment(created)
			err := store.DecodeJSON(scopes, &s.Scopes)
			sets = append(sets, s)
			return err
		})
	return sets, err
}

// Holding is what a user may do at most.
type Holding struct {
	Limited bool        // else whatever its keys say
	Sets    []parley.ID // in order
	Scopes  []parley.Scope
}

// Of returns what a user may do at most.
func Of(q store.Queries, organization, user parley.ID) (h Holding, err error) {
	err = q.Conn().Query(`SELECT u.set_id, coalesce(s.scopes, '[]') FROM user_sets AS u
		LEFT JOIN permission_sets AS s ON s.organization_id = u.organization_id AND s.id = u.set_id
		WHERE u.organization_id = $1 AND u.user_id = $2 ORDER BY u.set_id`, []any{string(organization), string(user)}, func(r *sql.Rows) error {
		var id parley.ID
		var text string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		h.Limited = true
		if id == "" {
			return nil
		}
		h.Sets = append(h.Sets, id)
		if set, ok := parley.BuiltInSet(id); ok {
			h.Scopes = append(h.Scopes, set.Scopes...)
			return nil
		}
		var scopes []parley.Scope
		err := store.DecodeJSON(text, &scopes)
		h.Scopes = append(h.Scopes, scopes...)
		return err
	})
	return h, err
}

var insertSets = `INSERT INTO user_sets (organization_id, user_id, set_id) SELECT $1, $2, j.id FROM ` + sqldb.From("$3", "id TEXT") +
	" AS j WHERE true ON CONFLICT DO NOTHING"

// Give limits a user to some sets; nil: to what its keys say.
func Give(tx *store.Tx, organization, user parley.ID, sets []parley.ID) error {
	tx.MustHave(organization)
	if _, err := tx.Conn().Exec("DELETE FROM user_sets WHERE organization_id = $1 AND user_id = $2", string(organization), string(user)); err != nil || sets == nil {
		return err
	}
	var rows sqldb.Rows
	rows.Add("")
	for _, id := range sets {
		rows.Add(string(id))
	}
	_, err := tx.Conn().Exec(insertSets, string(organization), string(user), rows.Param())
	return err
}

// Holders counts the active users who have a set, besides one.
func Holders(q store.Queries, organization, set, besides parley.ID) (n int, err error) {
	err = q.Conn().Row(`SELECT count(*) FROM user_sets AS s JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id
		WHERE s.organization_id = $1 AND s.set_id = $2 AND u.active = 1 AND u.id <> $3`, []any{string(organization), string(set), string(besides)}, &n)
	return n, err
}

// Used reports whether anybody has a set.
func Used(q store.Queries, organization, set parley.ID) (used bool, err error) {
	err = q.Conn().Row("SELECT EXISTS (SELECT 1 FROM user_sets WHERE organization_id = $1 AND set_id = $2)", []any{string(organization), string(set)}, &used)
	return used, err
}

var holdersOf = "SELECT user_id FROM user_sets WHERE organization_id = $1 AND user_id IN " + store.IDSource + " AND set_id = $3"

// HoldersOf are those of some users who have a set.
func HoldersOf(q store.Queries, organization, set parley.ID, users []parley.ID) (map[parley.ID]bool, error) {
	holders := map[parley.ID]bool{}
	if len(users) == 0 {
		return holders, nil
	}
	err := q.Conn().Query(holdersOf, []any{string(organization), store.IDRows(users), string(set)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		holders[id] = true
		return err
	})
	return holders, err
}
