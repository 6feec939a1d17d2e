// Package view has the table of the lists of conversations that people keep.
package view

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Insert adds a view.
func Insert(tx *store.Tx, organization parley.ID, v *parley.View) error {
	tx.MustHave(organization)
	filter, err := store.EncodeJSON(v.Filter)
	if err != nil {
		return err
	}
	v.CreatedAt, v.UpdatedAt, v.Rev = tx.Now, tx.Now, 1
	_, err = tx.Conn().Exec(`INSERT INTO views (organization_id, id, owner_kind, owner_id, name, place, filter, rev, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)`, string(organization), string(v.ID), string(v.Owner.Kind), string(v.Owner.ID), v.Name, v.Place,
		filter, store.Millis(tx.Now))
	return err
}

// Update writes what can be changed of a view, and raises its revision.
func Update(tx *store.Tx, organization parley.ID, v *parley.View) error {
	tx.MustHave(organization)
	filter, err := store.EncodeJSON(v.Filter)
	if err != nil {
		return err
	}
	v.UpdatedAt = tx.Now
	err = tx.Conn().Row(`UPDATE views SET name = $1, place = $2, filter = $3, updated_at = $4, rev = rev + 1
		WHERE organization_id = $5 AND id = $6 RETURNING rev`,
		[]any{v.Name, v.Place, filter, store.Millis(tx.Now), string(organization), string(v.ID)}, &v.Rev)
	return store.Found(err, "view", v.ID)
}

// Delete deletes a view.
func Delete(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM views WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("view", id)
	}
	return err
}

// DeleteOf deletes the views of an owner that is gone.
func DeleteOf(tx *store.Tx, organization parley.ID, owner parley.Actor) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM views WHERE organization_id = $1 AND owner_kind = $2 AND owner_id = $3",
		string(organization), string(owner.Kind), string(owner.ID))
	return err
}

func views(q store.Queries, where string, args ...any) (list []parley.View, err error) {
	err = q.Conn().Query(`SELECT v.id, v.owner_kind, v.owner_id, v.name, v.place, v.filter, v.rev, v.created_at, v.updated_at FROM views AS v WHERE `+where,
		args, func(r *sql.Rows) error {
			var v parley.View
			var filter string
			var created, updated int64
			if err := r.Scan(&v.ID, &v.Owner.Kind, &v.Owner.ID, &v.Name, &v.Place, &filter, &v.Rev, &created, &updated); err != nil {
				return err
			}
			v.CreatedAt, v.UpdatedAt = store.Moment(created), store.Moment(updated)
			list = append(list, v)
			return store.DecodeJSON(filter, &list[len(list)-1].Filter)
		})
	return list, err
}

// View returns a view.
func View(q store.Queries, organization, id parley.ID) (parley.View, error) {
	list, err := views(q, "v.organization_id = $1 AND v.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("view", id)
	}
	if err != nil {
		return parley.View{}, err
	}
	return list[0], nil
}

// Place is a place in the order of views. The zero place is before the first.
type Place struct {
	Place int
	ID    parley.ID
}

var viewsOf = `(v.owner_kind, v.owner_id) IN (SELECT kind, id FROM ` + sqldb.From("$2", "kind TEXT", "id TEXT") + ` AS j)
	AND v.organization_id = $1 AND (v.place, v.id) > ($3, $4) ORDER BY v.place, v.id LIMIT $5`

// Views returns up to limit views of some owners after a place, in their order.
func Views(q store.Queries, organization parley.ID, owners []parley.Actor, after Place, limit int) ([]parley.View, error) {
	var rows sqldb.Rows
	for _, o := range owners {
		rows.Add(string(o.Kind), string(o.ID))
	}
	return views(q, viewsOf, string(organization), rows.Param(), after.Place, string(after.ID), limit)
}

var viewsByID = "v.organization_id = $1 AND v.id IN " + store.IDSource

// ByID returns those of some views that exist.
func ByID(q store.Queries, organization parley.ID, ids []parley.ID) ([]parley.View, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return views(q, viewsByID, string(organization), store.IDRows(ids))
}

// Count returns how many views an owner has.
func Count(q store.Queries, organization parley.ID, owner parley.Actor) (n int, err error) {
	err = q.Conn().Row("SELECT count(*) FROM views WHERE organization_id = $1 AND owner_kind = $2 AND owner_id = $3",
		[]any{string(organization), string(owner.Kind), string(owner.ID)}, &n)
	return n, err
}

var existing = `SELECT 'user', id FROM users WHERE organization_id = $1 AND id IN ` + store.IDSource + `
	UNION ALL SELECT 'team', id FROM teams WHERE organization_id = $1 AND id IN ` + store.IDSource + `
	UNION ALL SELECT 'role', id FROM roles WHERE organization_id = $1 AND id IN ` + store.IDSource + `
	UNION ALL SELECT 'contact', id FROM contacts WHERE organization_id = $1 AND id IN ` + store.IDSource + `
	UNION ALL SELECT 'channel', id FROM channels WHERE organization_id = $1 AND deleted_at = 0 AND id IN ` + store.IDSource

// Channel is what a channel is among the kinds that Existing returns.
const Channel parley.ActorKind = "channel"

// Existing returns of what those of some ids are that are of something which is there: a user, a team, a role, a contact or a
// channel.
func Existing(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]parley.ActorKind, error) {
	kinds := make(map[parley.ID]parley.ActorKind, len(ids))
	if len(ids) == 0 {
		return kinds, nil
	}
	err := q.Conn().Query(existing, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		var kind parley.ActorKind
		err := r.Scan(&kind, &id)
		kinds[id] = kind
		return err
	})
	return kinds, err
}
