package inbox

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var addHistory = `INSERT INTO conversation_history (organization_id, conversation_id, at, id, sequence, actor_kind, actor_id, reason, changes)
	SELECT organization_id, conversation_id, at, id, sequence, actor_kind, actor_id, reason, changes FROM ` +
	sqldb.From("$1", "organization_id TEXT", "conversation_id TEXT", "at BIGINT", "id TEXT", "sequence BIGINT", "actor_kind TEXT",
		"actor_id TEXT", "reason TEXT", "changes TEXT") + ` AS j`

// AddHistory keeps what became of conversations now.
func AddHistory(tx *store.Tx, organization parley.ID, entries ...parley.HistoryEntry) error {
	tx.MustHave(organization)
	if len(entries) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, e := range entries {
		changes, err := store.EncodeJSON(e.Changes)
		if err != nil {
			return err
		}
		rows.Add(string(organization), string(e.Conversation), store.Millis(tx.Now), string(parley.NewID(tx.Now)), e.Sequence,
			string(e.Actor.Kind), string(e.Actor.ID), e.Reason, changes)
	}
	_, err := tx.Conn().Exec(addHistory, rows.Param())
	return err
}

// HistoryPlace is an entry's place in the history of its conversation. The zero place is before the newest.
type HistoryPlace struct {
	At time.Time
	ID parley.ID
}

// History returns up to limit entries of a conversation that are older than a place, newest first.
func History(q store.Queries, organization, conversation parley.ID, before HistoryPlace, limit int) ([]parley.HistoryEntry, error) {
	at := int64(1) << 62
	if !before.At.IsZero() {
		at = store.Millis(before.At)
	}
	var list []parley.HistoryEntry
	err := q.Conn().Query(`SELECT id, at, sequence, actor_kind, actor_id, reason, changes FROM conversation_history
		WHERE organization_id = $1 AND conversation_id = $2 AND (at, id) < ($3, $4) ORDER BY at DESC, id DESC LIMIT $5`,
		[]any{string(organization), string(conversation), at, string(before.ID), limit}, func(r *sql.Rows) error {
			e := parley.HistoryEntry{Conversation: conversation}
			var at int64
			var changes string
			if err := r.Scan(&e.ID, &at, &e.Sequence, &e.Actor.Kind, &e.Actor.ID, &e.Reason, &changes); err != nil {
				return err
			}
			e.At = store.Moment(at)
			list = append(list, e)
			return json.Unmarshal([]byte(changes), &list[len(list)-1].Changes)
		})
	return list, err
}
