// Package link has the table of short links: which address a code leads to, and of which delivery it is. Its functions take
// the queries or the transaction of the store, which adds the links of new messages itself.
package link

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Found is where a code leads.
type Found struct {
	Organization parley.ID
	Message      parley.ID
	Delivery     int
	URL          string
}

// Find returns where a code leads, of whatever organization.
func Find(q store.Queries, code string) (f Found, err error) {
	found := false
	err = q.Conn().Query("SELECT organization_id, message_id, delivery, url FROM links WHERE code = $1", []any{code}, func(r *sql.Rows) error {
		found = true
		return r.Scan(&f.Organization, &f.Message, &f.Delivery, &f.URL)
	})
	if err == nil && !found {
		err = parley.NotFound("link", parley.ID(code))
	}
	return f, err
}

var of = `SELECT l.organization_id, l.message_id, l.delivery, l.code, l.url FROM ` + sqldb.From("$1", "organization_id TEXT", "message_id TEXT", "delivery BIGINT") + ` AS j
	JOIN links AS l ON l.organization_id = j.organization_id AND l.message_id = j.message_id AND l.delivery = j.delivery
	ORDER BY l.organization_id, l.message_id, l.delivery, l.number`

// Of returns the links of deliveries.
func Of(q store.Queries, refs []store.DeliveryRef) (map[store.DeliveryRef][]store.Link, error) {
	links := map[store.DeliveryRef][]store.Link{}
	if len(refs) == 0 {
		return links, nil
	}
	var rows sqldb.Rows
	for _, ref := range refs {
		rows.Add(string(ref.Organization), string(ref.Message), ref.Number)
	}
	err := q.Conn().Query(of, []any{rows.Param()}, func(r *sql.Rows) error {
		var ref store.DeliveryRef
		var l store.Link
		if err := r.Scan(&ref.Organization, &ref.Message, &ref.Number, &l.Code, &l.URL); err != nil {
			return err
		}
		l.Delivery = ref.Number
		links[ref] = append(links[ref], l)
		return nil
	})
	return links, err
}

var erase = `DELETE FROM links WHERE (organization_id, message_id) IN (SELECT organization_id, id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// Erase deletes the links of messages whose content goes: they lead nowhere any more.
func Erase(tx *store.Tx, batch []store.Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		rows.Add(string(e.Organization), string(e.Message.ID))
	}
	_, err := tx.Conn().Exec(erase, rows.Param())
	return err
}
