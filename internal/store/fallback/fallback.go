// Package fallback has the table of the addresses to which fallbacks of messages went. Its functions take the queries or the
// transaction of the store.
package fallback

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Kept is for how long it is known that a fallback went to an address.
const Kept = 30 * 24 * time.Hour

var (
	insert = `INSERT INTO fallback_addresses (organization_id, channel_id, address, at, message_id, delivery)
		SELECT organization_id, channel_id, address, at, message_id, delivery FROM ` + sqldb.From("$1", "organization_id TEXT", "channel_id TEXT",
		"address TEXT", "at BIGINT", "message_id TEXT", "delivery BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	forget = `DELETE FROM fallback_addresses WHERE organization_id = $1 AND at < $3 AND (channel_id, address) IN (SELECT channel_id, address FROM ` +
		sqldb.From("$2", "channel_id TEXT", "address TEXT") + ` AS j)`
)

// Keep notes to which addresses deliveries go that fallbacks have just made; what was noted of these long ago is forgotten.
func Keep(tx *store.Tx, organization parley.ID, deliveries []parley.Delivery) error {
	tx.MustHave(organization)
	var rows, old sqldb.Rows
	for i := range deliveries {
		d := &deliveries[i]
		if d.State != parley.Queued {
			continue
		}
		address := d.Address.Hashed(organization).Value
		rows.Add(string(organization), string(d.Channel), address, store.Millis(tx.Now), string(d.Message), d.Number)
		old.Add(string(d.Channel), address)
	}
	if rows.Len() == 0 {
		return nil
	}
	if _, err := tx.Conn().Exec(forget, string(organization), old.Param(), store.Millis(tx.Now.Add(-Kept))); err != nil {
		return err
	}
	_, err := tx.Conn().Exec(insert, rows.Param())
	return err
}

// Went is a delivery that went to an address.
type Went struct {
	At       time.Time
	Message  parley.ID
	Delivery int
}

// To returns up to limit deliveries that went to an address on a channel since a time, newest first.
func To(q store.Queries, organization, channel parley.ID, address parley.Address, since time.Time, limit int) (list []Went, err error) {
	err = q.Conn().Query(`SELECT at, message_id, delivery FROM fallback_addresses WHERE organization_id = $1 AND channel_id = $2 AND address = $3 AND at >= $4
		ORDER BY at DESC, message_id DESC, delivery DESC LIMIT $5`,
		[]any{string(organization), string(channel), address.Hashed(organization).Value, store.Millis(since), limit}, func(r *sql.Rows) error {
			var w Went
			var at int64
			err := r.Scan(&at, &w.Message, &w.Delivery)
			w.At = store.Moment(at)
			list = append(list, w)
			return err
		})
	return list, err
}
