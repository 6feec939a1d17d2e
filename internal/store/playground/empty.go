// Package playground has what only test organizations have: the emptying of all their tables.
package playground

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // to ask what the migrations make

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
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

func tablesOf(ctx context.Context) (tables []Table, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection has a database of its own
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, m := range store.Migrations() {
		if _, err := db.ExecContext(ctx, m.SQL); err != nil {
			return nil, fmt.Errorf("reading the schema of migration %s: %w", m.Name, err)
		}
	}
	rows, err := db.QueryContext(ctx, `SELECT t.name, c.name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
		WHERE t.type = 'table' AND c.pk > 0 ORDER BY t.name, c.pk`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	keys := map[string][]string{}
	var names []string
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		if keys[table] == nil {
			names = append(names, table)
		}
		keys[table] = append(keys[table], column)
	}
	for _, name := range names {
		if key := keys[name]; key[0] == "organization_id" && !slices.Contains(kept, name) {
			tables = append(tables, newTable(name, key[1:]))
		}
	}
	return tables, rows.Err()
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
