// Package inbox has the tables of what people keep of conversations besides what every one has, and of what became of them.
package inbox

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// SetDetails keeps what few conversations have: an external id, a priority, attributes. An external id that another one has
// is parley.Conflict "external-id-taken".
func SetDetails(tx *store.Tx, organization parley.ID, c *parley.Conversation) error {
	tx.MustHave(organization)
	attributes := ""
	if len(c.Attributes) > 0 {
		var err error
		if attributes, err = store.EncodeJSON(c.Attributes); err != nil {
			return err
		}
	}
	_, err := tx.Conn().Exec(`INSERT INTO conversation_details (organization_id, conversation_id, external_id, priority, attributes)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, conversation_id) DO UPDATE SET external_id = excluded.external_id,
			priority = excluded.priority, attributes = excluded.attributes`,
		string(organization), string(c.ID), c.ExternalID, c.Priority, attributes)
	if sqldb.IsUnique(err) {
		return parley.Conflict("external-id-taken", "another conversation has the external id %q", c.ExternalID)
	}
	return err
}

// ByExternalID returns the conversation that has an external id; empty where none has.
func ByExternalID(q store.Queries, organization parley.ID, external string) (id parley.ID, err error) {
	err = q.Conn().Query(`SELECT conversation_id FROM conversation_details WHERE organization_id = $1 AND external_id = $2 AND external_id <> ''`,
		[]any{string(organization), external}, func(r *sql.Rows) error { return r.Scan(&id) })
	return id, err
}

// Mark is what somebody has read of a conversation, and up to where it goes on for them. There may be several of one, which have
// no item in common.
type Mark struct {
	Conversation parley.ID
	After        int64 // the last item that was read
	Before       int64 // the first that is not for them; 0: all are
}

var unread = `SELECT j.id, (SELECT count(*) FROM (SELECT m.sequence, m.author_id FROM messages AS m WHERE m.organization_id = $2
		AND m.conversation_id = j.id AND m.sequence > 0 ORDER BY m.sent_at DESC, m.sequence DESC LIMIT $4) AS newest
		WHERE newest.sequence > j.after AND newest.sequence < j.before AND newest.author_id <> $3) AS unread
	FROM ` + sqldb.From("$1", "id TEXT", "after BIGINT", "before BIGINT") + ` AS j`

// Unread counts, of the newest items of some conversations, those after a mark that somebody else wrote.
func Unread(q store.Queries, organization, user parley.ID, marks []Mark) (map[parley.ID]int, error) {
	counts := make(map[parley.ID]int, len(marks))
	if len(marks) == 0 {
		return counts, nil
	}
	var rows sqldb.Rows
	for _, m := range marks {
		before := m.Before
		if before == 0 {
			before = 1 << 62
		}
		rows.Add(string(m.Conversation), m.After, before)
	}
	err := q.Conn().Query(unread, []any{rows.Param(), string(organization), string(user), parley.MaxUnread}, func(r *sql.Rows) error {
		var id parley.ID
		var n int
		err := r.Scan(&id, &n)
		counts[id] = min(counts[id]+n, parley.MaxUnread)
		return err
	})
	return counts, err
}

var seenThrough = `SELECT conversation_id, max(through) FROM marks WHERE organization_id = $1 AND conversation_id IN ` + store.IDSource +
	` AND user_id = $3 AND kind = 'read' GROUP BY conversation_id`

// SeenThrough returns up to where a user has read those of the conversations that it takes no part in and has a mark in.
func SeenThrough(q store.Queries, organization, user parley.ID, conversations []parley.ID) (map[parley.ID]int64, error) {
	marks := make(map[parley.ID]int64, len(conversations))
	if len(conversations) == 0 {
		return marks, nil
	}
	err := q.Conn().Query(seenThrough, []any{string(organization), store.IDRows(conversations), string(user)}, func(r *sql.Rows) error {
		var id parley.ID
		var through int64
		err := r.Scan(&id, &through)
		marks[id] = through
		return err
	})
	return marks, err
}
