// Package relation has the tables of what messages have to do with each other and with people: replies, forwards,
// mentions, who is to acknowledge what, and what a message said before it was edited. Its functions take the queries or
// the transaction of the store.
package relation

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Add keeps what messages that have just entered their conversations have to do with others.
func Add(tx *store.Tx, appends ...*store.Append) error {
	var replies, asked, forwards, blind sqldb.Rows
	for _, a := range appends {
		m, o := &a.Message, string(a.Organization)
		tx.MustHave(a.Organization)
		addBlindCopies(&blind, a.Organization, m, a.Deliveries)
		if m.Root != "" {
			replies.Add(o, string(m.Root), m.Sequence, string(m.ID), store.Millis(m.SentAt))
		}
		if m.Forward != nil && m.Parent == "" { // copies follow the broadcast message
			forwards.Add(o, string(m.Forward.Message), string(m.ID))
		}
		if m.RequestAck {
			asked.Add(o, string(m.Conversation), m.Sequence, string(m.ID))
		}
	}
	for _, s := range []struct {
		text string
		rows *sqldb.Rows
	}{{insertReplies, &replies}, {insertAsked, &asked}, {insertForwards, &forwards}, {insertBlindCopies, &blind}} {
		if err := insert(tx, s.text, s.rows); err != nil {
			return err
		}
	}
	return nil
}

// insert runs a statement over rows, if there are any.
func insert(tx *store.Tx, text string, rows *sqldb.Rows) error {
	if rows.Len() == 0 {
		return nil
	}
	_, err := tx.Conn().Exec(text, rows.Param())
	return err
}

var (
	insertReplies = `INSERT INTO replies (organization_id, root_id, sequence, message_id, sent_at)
		SELECT organization_id, root_id, sequence, message_id, sent_at FROM ` + sqldb.From("$1", "organization_id TEXT", "root_id TEXT",
		"sequence BIGINT", "message_id TEXT", "sent_at BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	insertAsked = `INSERT INTO ack_requests (organization_id, conversation_id, sequence, message_id)
		SELECT organization_id, conversation_id, sequence, message_id FROM ` + sqldb.From("$1", "organization_id TEXT",
		"conversation_id TEXT", "sequence BIGINT", "message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
)

// Replies returns up to limit replies of a thread after an item of its conversation, oldest first.
func Replies(q store.Queries, organization, root parley.ID, after int64, limit int) (ids []parley.ID, err error) {
	err = q.Conn().Query(`SELECT message_id FROM replies WHERE organization_id = $1 AND root_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4`,
		[]any{string(organization), string(root), after, limit}, collect(&ids))
	return ids, err
}

func collect(ids *[]parley.ID) func(r *sql.Rows) error {
	return func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		*ids = append(*ids, id)
		return err
	}
}

// Thread is a part of the replies of a thread: those between two items of the conversation.
type Thread struct {
	Root         parley.ID
	After, Until int64 // neither is in it; an Until of 0: to the end
}

const never = int64(1) << 62

var countReplies = `SELECT j.root_id, count(r.message_id), max(r.sent_at) FROM ` +
	sqldb.From("$2", "root_id TEXT", "after BIGINT", "until BIGINT") + ` AS j
	JOIN replies AS r ON r.organization_id = $1 AND r.root_id = j.root_id AND r.sequence > j.after AND r.sequence < j.until GROUP BY j.root_id`

// CountReplies counts the replies in parts of threads, by the messages that began these; those without any are left out.
func CountReplies(q store.Queries, organization parley.ID, threads []Thread) (map[parley.ID]parley.Replies, error) {
	counts := map[parley.ID]parley.Replies{}
	if len(threads) == 0 {
		return counts, nil
	}
	var rows sqldb.Rows
	for _, t := range threads {
		if t.Until == 0 {
			t.Until = never
		}
		rows.Add(string(t.Root), t.After, t.Until)
	}
	err := q.Conn().Query(countReplies, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var root parley.ID
		var n int
		var last int64
		err := r.Scan(&root, &n, &last)
		counts[root] = parley.Replies{Count: n, Last: store.Moment(last)}
		return err
	})
	return counts, err
}

var countAcks = `SELECT message_id, count(*) FROM acknowledgements WHERE organization_id = $1 AND message_id IN ` + store.IDSource + ` GROUP BY message_id`

// CountAcks returns how many have acknowledged each message.
func CountAcks(q store.Queries, organization parley.ID, messages []parley.ID) (map[parley.ID]int, error) {
	return count(q, countAcks, organization, messages)
}

var acknowledgedBy = `SELECT message_id, actor_kind, actor_id FROM acknowledgements WHERE organization_id = $1 AND message_id IN ` + store.IDSource

// AcknowledgedBy returns who has acknowledged each message, without names.
func AcknowledgedBy(q store.Queries, organization parley.ID, messages []parley.ID) (map[parley.ID]map[parley.Actor]bool, error) {
	by := make(map[parley.ID]map[parley.Actor]bool, len(messages))
	if len(messages) == 0 {
		return by, nil
	}
	err := q.Conn().Query(acknowledgedBy, []any{string(organization), store.IDRows(messages)}, func(r *sql.Rows) error {
		var message parley.ID
		var who parley.Actor
		err := r.Scan(&message, &who.Kind, &who.ID)
		if by[message] == nil {
			by[message] = map[parley.Actor]bool{}
		}
		by[message][who] = true
		return err
	})
	return by, err
}

var countRecipients = `SELECT message_id, count(*) FROM deliveries WHERE organization_id = $1 AND message_id IN ` + store.IDSource + `
	AND retry_of = 0 GROUP BY message_id`

// CountRecipients returns how many outside recipients each message has.
func CountRecipients(q store.Queries, organization parley.ID, messages []parley.ID) (map[parley.ID]int, error) {
	return count(q, countRecipients, organization, messages)
}

func count(q store.Queries, text string, organization parley.ID, messages []parley.ID) (map[parley.ID]int, error) {
	counts := make(map[parley.ID]int, len(messages))
	if len(messages) == 0 {
		return counts, nil
	}
	err := q.Conn().Query(text, []any{string(organization), store.IDRows(messages)}, func(r *sql.Rows) error {
		var id parley.ID
		var n int
		err := r.Scan(&id, &n)
		counts[id] = n
		return err
	})
	return counts, err
}

// Unacknowledged returns up to limit messages of a conversation that ask to be acknowledged and that somebody has not
// acknowledged, newest first.
func Unacknowledged(q store.Queries, organization, conversation parley.ID, by parley.Actor, limit int) (ids []parley.ID, err error) {
	err = q.Conn().Query(`SELECT r.message_id FROM ack_requests AS r WHERE r.organization_id = $1 AND r.conversation_id = $2
		AND NOT EXISTS (SELECT 1 FROM acknowledgements AS a WHERE a.organization_id = r.organization_id AND a.message_id = r.message_id
			AND a.actor_kind = $3 AND a.actor_id = $4)
		ORDER BY r.sequence DESC LIMIT $5`, []any{string(organization), string(conversation), string(by.Kind), string(by.ID), limit}, collect(&ids))
	return ids, err
}

// CountCopyAcks returns how many have acknowledged copies of a broadcast message.
func CountCopyAcks(q store.Queries, organization, parent parley.ID) (n int, err error) {
	err = q.Conn().Row(`SELECT count(*) FROM messages AS m CROSS JOIN acknowledgements AS a WHERE m.organization_id = $1 AND m.parent_id = $2
		AND m.parent_id <> '' AND a.organization_id = $1 AND a.message_id = m.id`, []any{string(organization), string(parent)}, &n)
	return n, err
}
