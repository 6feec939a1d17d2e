// Package playground has what only test organizations have: the emptying of all their tables.
package playground

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/move"
)

// Table is a table of tenants, as the migrations make it, with the statements that empty it.
type Table struct {
	Name string
	some string // up to a number of an organization's rows
	all  string
}

// kept are the tenants' tables that Tables leaves out: what an organization is, who is in it, and what was done.
var kept = []string{"audit", "audit_heads", "clocks", "organization_log", "permission_sets", "user_sets", "users"}

// Tables are the tables that are emptied: all that belong to organizations, but for those that say what an organization is, who
// is in it, and what was done. Whoever adds a table has it emptied.
var Tables = sync.OnceValues(func() ([]Table, error) { return tablesOf(context.Background()) })

func tablesOf(ctx context.Context) ([]Table, error) {
	keys, err := move.Keys(ctx, store.Migrations())
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if key := keys[name]; key[0] == "organization_id" && !slices.Contains(kept, name) {
			tables = append(tables, newTable(name, key[1:]))
		}
	}
	return tables, nil
}

func newTable(name string, key []string) Table {
	t := Table{Name: name, all: "DELETE FROM " + name + " WHERE organization_id = $1"}
	columns := strings.Join(key, ", ")
	if len(key) > 1 {
		columns = "(" + columns + ")"
	}
	t.some = t.all + " AND " + columns + " IN (SELECT " + strings.Join(key, ", ") + " FROM " + name + " WHERE organization_id = $1 LIMIT $2)"
	if len(key) == 0 {
		t.some = ""
	}
	return t
}

// Some deletes up to limit of an organization's rows of a table, and says how many.
func Some(tx *store.Tx, organization parley.ID, t Table, limit int) (int64, error) {
	tx.MustHave(organization)
	if t.some == "" {
		return 0, nil // All does
	}
	return tx.Conn().Exec(t.some, string(organization), limit)
}

// All deletes an organization's rows of all tables, and begins its log anew where it ends: its numbering goes on.
func All(tx *store.Tx, organization parley.ID) error {
	tx.MustHave(organization)
	tables, err := Tables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.Conn().Exec(t.all, string(organization)); err != nil {
			return err
		}
	}
	_, err = tx.Conn().Exec("UPDATE organization_log SET oldest_event = last_event + 1, channels_rev = channels_rev + 1 WHERE organization_id = $1",
		string(organization))
	return err
}

// Others deletes the users, keys and permission sets of an organization but those of one of its users, and of one key.
func Others(tx *store.Tx, organization, user, key parley.ID) error {
	tx.MustHave(organization)
	for _, statement := range []struct {
		text string
		args []any
	}{
		{"DELETE FROM keys WHERE organization_id = $1 AND id <> $2", []any{string(organization), string(key)}},
		{`DELETE FROM permission_sets WHERE organization_id = $1 AND id NOT IN
			(SELECT set_id FROM user_sets WHERE organization_id = $1 AND user_id = $2)`, []any{string(organization), string(user)}},
		{"DELETE FROM user_sets WHERE organization_id = $1 AND user_id <> $2", []any{string(organization), string(user)}},
		{"DELETE FROM users WHERE organization_id = $1 AND id <> $2", []any{string(organization), string(user)}},
	} {
		if _, err := tx.Conn().Exec(statement.text, statement.args...); err != nil {
			return err
		}
	}
	return nil
}

// TakeFiles deletes up to limit files of an organization, and returns them: their blobs are still there.
func TakeFiles(tx *store.Tx, organization parley.ID, limit int) (ids []parley.ID, err error) {
	tx.MustHave(organization)
	err = tx.Conn().Query(`DELETE FROM media WHERE organization_id = $1 AND id IN (SELECT id FROM media WHERE organization_id = $1 LIMIT $2)
		RETURNING id`, []any{string(organization), limit}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
