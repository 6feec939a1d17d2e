// Package record keeps what is known of messages that happened elsewhere besides themselves: the ids that they have there, and how
// many of them somebody has recorded lately. The store writes them where it adds messages. Functions take the queries or the transaction of the store.
package record

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Named returns the message that has an id elsewhere; empty: none has.
func Named(q store.Queries, organization parley.ID, id string) (message parley.ID, err error) {
	err = q.Conn().Query("SELECT message_id FROM record_ids WHERE organization_id = $1 AND hash = $2", []any{string(organization), store.RecordHash(organization, id)},
		func(r *sql.Rows) error { return r.Scan(&message) })
	return message, err
}

// Merge gives what was counted of a contact to another, which it becomes a part of: together they have no more than either could.
func Merge(tx *store.Tx, organization, from, into parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO record_counts (organization_id, contact_id, recorder, recorded, until_at)
		SELECT organization_id, $3, recorder, recorded, until_at FROM record_counts WHERE organization_id = $1 AND contact_id = $2
		ON CONFLICT (organization_id, contact_id, recorder) DO UPDATE SET
			recorded = CASE WHEN excluded.recorded > record_counts.recorded THEN excluded.recorded ELSE record_counts.recorded END,
			until_at = CASE WHEN excluded.until_at > record_counts.until_at THEN excluded.until_at ELSE record_counts.until_at END`,
		string(organization), string(from), string(into))
	if err != nil {
		return err
	}
	return Forget(tx, organization, from)
}

// Forget drops what was counted of a contact.
func Forget(tx *store.Tx, organization, contact parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM record_counts WHERE organization_id = $1 AND contact_id = $2", string(organization), string(contact))
	return err
}

// Drop deletes up to limit counts whose time is over, and says how many.
func Drop(tx *store.Tx, organization parley.ID, limit int) (int64, error) {
	tx.MustHave(organization)
	return tx.Conn().Exec(`DELETE FROM record_counts WHERE organization_id = $1 AND (contact_id, recorder) IN
		(SELECT contact_id, recorder FROM record_counts WHERE organization_id = $1 AND until_at <= $2 ORDER BY until_at LIMIT $3)`,
		string(organization), store.Millis(tx.Now), limit)
}
