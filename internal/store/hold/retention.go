package hold

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Aging is a conversation in the eyes of retention.
type Aging struct {
	ID         parley.ID
	Kind       parley.ConversationKind
	ActivityAt time.Time
	Through    time.Time // all that was sent before has been looked at; zero: nothing has
	MarkedAt   time.Time
}

// AgingAfter returns up to limit conversations of an organization with ids after one.
func AgingAfter(q store.Queries, organization, after parley.ID, limit int) ([]Aging, error) {
	return aging(q, `WHERE c.organization_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3`, string(organization), string(after), limit)
}

// AgingOf returns those of some conversations that exist.
func AgingOf(q store.Queries, organization parley.ID, conversations []parley.ID) (map[parley.ID]*Aging, error) {
	list, err := aging(q, "WHERE c.organization_id = $1 AND c.id IN "+store.IDSource, string(organization), store.IDRows(conversations))
	found := make(map[parley.ID]*Aging, len(list))
	for i := range list {
		found[list[i].ID] = &list[i]
	}
	return found, err
}

func aging(q store.Queries, where string, args ...any) ([]Aging, error) {
	var list []Aging
	err := q.Conn().Query(`SELECT c.id, c.kind, c.activity_at, coalesce(r.through, 0), coalesce(r.at, 0) FROM conversations AS c
		LEFT JOIN retention_marks AS r ON r.organization_id = c.organization_id AND r.conversation_id = c.id `+where, args, func(r *sql.Rows) error {
		var a Aging
		var activity, through, at int64
		err := r.Scan(&a.ID, &a.Kind, &activity, &through, &at)
		a.ActivityAt, a.Through, a.MarkedAt = store.Moment(activity), store.Moment(through), store.Moment(at)
		list = append(list, a)
		return err
	})
	return list, err
}

// Span is a conversation and a time in it.
type Span struct {
	Conversation parley.ID
	From, Before time.Time
}

var inSpans = `SELECT j.conversation_id FROM ` + sqldb.From("$2", "conversation_id TEXT", "since BIGINT", "before BIGINT") + ` AS j
	WHERE EXISTS (SELECT 1 FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = j.conversation_id
		AND m.sent_at >= j.since AND m.sent_at < j.before AND m.sequence > 0)`

// SentIn returns those of some conversations in which something was sent in the time.
func SentIn(q store.Queries, organization parley.ID, spans []Span) ([]parley.ID, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	var rows sqldb.Rows
	for _, s := range spans {
		since := int64(-1 << 62)
		if !s.From.IsZero() {
			since = store.Millis(s.From)
		}
		rows.Add(string(s.Conversation), since, store.Millis(s.Before))
	}
	var ids []parley.ID
	err := q.Conn().Query(inSpans, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// SetMark notes through when a conversation has been looked at.
func SetMark(tx *store.Tx, organization, conversation parley.ID, through time.Time) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(`INSERT INTO retention_marks (organization_id, conversation_id, through, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (organization_id, conversation_id) DO UPDATE SET through = excluded.through, at = excluded.at`,
		string(organization), string(conversation), store.Millis(through), store.Millis(tx.Now))
	return err
}

// DropMark has a conversation looked at from its beginning: something was added that is older than what has been.
func DropMark(tx *store.Tx, organization, conversation parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM retention_marks WHERE organization_id = $1 AND conversation_id = $2", string(organization), string(conversation))
	return err
}
