// Package limit has the table of the places that messages take of what contacts get at most. Its functions take the queries or
// the transaction of the store.
package limit

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Place is what a delivery takes of what its recipient gets at most.
type Place struct {
	Holder   string // the id of a contact, or the hash of an address that nobody in particular has
	Message  parley.ID
	Delivery int
	Class    parley.MessageClass
	Platform string
	High     bool      // the message is of high priority
	At       time.Time // from when on the delivery goes out
	Until    time.Time // when no limit counts it any more
}

var (
	taken = `SELECT p.holder, p.message_id, p.delivery, p.class, p.platform, p.high, p.at, p.until_at FROM ` + sqldb.From("$2", "holder TEXT") + ` AS j
		JOIN contact_places AS p ON p.organization_id = $1 AND p.holder = j.holder AND p.until_at > $3`
	keep = `INSERT INTO contact_places (organization_id, message_id, delivery, holder, class, platform, high, at, until_at)
		SELECT organization_id, message_id, delivery, holder, class, platform, high, at, until_at FROM ` + sqldb.From("$1", "organization_id TEXT",
		"message_id TEXT", "delivery BIGINT", "holder TEXT", "class TEXT", "platform TEXT", "high BIGINT", "at BIGINT", "until_at BIGINT") + ` AS j WHERE true
		ON CONFLICT DO NOTHING`
	giveBack = `DELETE FROM contact_places WHERE organization_id = $1 AND message_id = $2
		AND delivery IN (SELECT delivery FROM ` + sqldb.From("$3", "delivery BIGINT") + ` AS j)`
)

// Taken returns the places that some have and that still count at a moment, in no order.
func Taken(q store.Queries, organization parley.ID, holders []string, now time.Time) (list []Place, err error) {
	var rows sqldb.Rows
	for _, holder := range holders {
		rows.Add(holder)
	}
	err = q.Conn().Query(taken, []any{string(organization), rows.Param(), store.Millis(now)}, func(r *sql.Rows) error {
		var p Place
		var at, until int64
		err := r.Scan(&p.Holder, &p.Message, &p.Delivery, &p.Class, &p.Platform, &p.High, &at, &until)
		p.At, p.Until = store.Moment(at), store.Moment(until)
		list = append(list, p)
		return err
	})
	return list, err
}

// Keep adds places.
func Keep(tx *store.Tx, organization parley.ID, places []Place) error {
	tx.MustHave(organization)
	if len(places) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, p := range places {
		rows.Add(string(organization), string(p.Message), p.Delivery, p.Holder, string(p.Class), p.Platform, p.High, store.Millis(p.At), store.Millis(p.Until))
	}
	_, err := tx.Conn().Exec(keep, rows.Param())
	return err
}

// GiveBack frees the places of some deliveries of a message.
func GiveBack(tx *store.Tx, organization, message parley.ID, deliveries []int) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for _, number := range deliveries {
		rows.Add(number)
	}
	_, err := tx.Conn().Exec(giveBack, string(organization), string(message), rows.Param())
	return err
}

// Merge gives the places of a contact to another, which it becomes a part of.
func Merge(tx *store.Tx, organization, from, into parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE contact_places SET holder = $3 WHERE organization_id = $1 AND holder = $2", string(organization), string(from), string(into))
	return err
}

// Forget deletes the places of a contact.
func Forget(tx *store.Tx, organization, contact parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM contact_places WHERE organization_id = $1 AND holder = $2", string(organization), string(contact))
	return err
}

// Drop deletes up to limit places that no limit counts any more, and says how many.
func Drop(tx *store.Tx, organization parley.ID, limit int) (int64, error) {
	tx.MustHave(organization)
	return tx.Conn().Exec(`DELETE FROM contact_places WHERE organization_id = $1 AND (message_id, delivery) IN
		(SELECT message_id, delivery FROM contact_places WHERE organization_id = $1 AND until_at <= $2 ORDER BY until_at LIMIT $3)`,
		string(organization), store.Millis(tx.Now), limit)
}
