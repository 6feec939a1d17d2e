// Package record keeps what is known of messages that happened elsewhere besides themselves: the ids that they have there, and how
// many of them somebody has recorded lately. Functions take the queries or the transaction of the store.
package record

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// hashed is how many octets of a hash are kept.
const hashed = 16

// hashOf is an id as it is kept.
func hashOf(organization parley.ID, id string) string {
	sum := sha256.Sum256([]byte(string(organization) + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:hashed])
}

// Name gives a message the id that it has elsewhere, and says whether no other message has it.
func Name(tx *store.Tx, organization parley.ID, id string, message parley.ID) (bool, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("INSERT INTO record_ids (organization_id, hash, message_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		string(organization), hashOf(organization, id), string(message))
	return n == 1, err
}

// Named returns the message that has an id elsewhere; empty: none has.
func Named(q store.Queries, organization parley.ID, id string) (message parley.ID, err error) {
	err = q.Conn().Query("SELECT message_id FROM record_ids WHERE organization_id = $1 AND hash = $2", []any{string(organization), hashOf(organization, id)},
		func(r *sql.Rows) error { return r.Scan(&message) })
	return message, err
}

// Count counts one more message with a contact that somebody records. It returns how many these are, and until when they count: the
// first of them begins a time, and what is recorded after its end begins the next.
func Count(tx *store.Tx, organization, contact parley.ID, recorder string, per time.Duration) (n int, until time.Time, err error) {
	tx.MustHave(organization)
	var end int64
	err = tx.Conn().Row(`INSERT INTO record_counts (organization_id, contact_id, recorder, recorded, until_at) VALUES ($1, $2, $3, 1, $4)
		ON CONFLICT (organization_id, contact_id, recorder) DO UPDATE SET
			recorded = CASE WHEN record_counts.until_at <= $5 THEN 1 ELSE record_counts.recorded + 1 END,
			until_at = CASE WHEN record_counts.until_at <= $5 THEN excluded.until_at ELSE record_counts.until_at END
		RETURNING recorded, until_at`,
		[]any{string(organization), string(contact), recorder, store.Millis(tx.Now.Add(per)), store.Millis(tx.Now)}, &n, &end)
	return n, store.Moment(end), err
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
