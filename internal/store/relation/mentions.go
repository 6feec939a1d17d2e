package relation

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertMentions = `INSERT INTO mentions (organization_id, user_id, message_id, kind, mentioned_id, at)
	SELECT organization_id, user_id, message_id, kind, mentioned_id, at FROM ` + sqldb.From("$1", "organization_id TEXT", "user_id TEXT",
	"message_id TEXT", "kind TEXT", "mentioned_id TEXT", "at BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// AddMentions keeps whom a message mentions. Who is mentioned in it already stays as it is.
func AddMentions(tx *store.Tx, organization parley.ID, mentions []parley.Mention) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for _, m := range mentions {
		rows.Add(string(organization), string(m.User), string(m.Message), string(m.As.Kind), string(m.As.ID), store.Millis(m.At))
	}
	return insert(tx, insertMentions, &rows)
}

// DropMentions forgets that a message mentions some users.
func DropMentions(tx *store.Tx, organization, message parley.ID, users []parley.ID) error {
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Conn().Exec("DELETE FROM mentions WHERE organization_id = $1 AND message_id = $3 AND user_id IN "+store.IDSource,
		string(organization), store.IDRows(users), string(message))
	return err
}

// Mentions returns up to limit mentions of a user before one, or from the newest, newest first.
func Mentions(q store.Queries, organization, user parley.ID, before parley.Mention, limit int) ([]parley.Mention, error) {
	at := store.Millis(before.At)
	if before.At.IsZero() {
		at = never
	}
	var list []parley.Mention
	err := q.Conn().Query(`SELECT message_id, kind, mentioned_id, at FROM mentions WHERE organization_id = $1 AND user_id = $2
		AND (at, message_id) < ($3, $4) ORDER BY at DESC, message_id DESC LIMIT $5`,
		[]any{string(organization), string(user), at, string(before.Message), limit}, func(r *sql.Rows) error {
			m := parley.Mention{User: user}
			var at int64
			err := r.Scan(&m.Message, &m.As.Kind, &m.As.ID, &at)
			m.At = store.Moment(at)
			list = append(list, m)
			return err
		})
	return list, err
}
