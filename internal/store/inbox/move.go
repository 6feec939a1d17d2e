package inbox

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

const (
	leaveTombstone = `INSERT INTO messages (organization_id, id, conversation_id, sequence, sent_at, created_at, kind, direction,
			author_kind, author_id, author_name, channel_id, platform, body, attachments, reference, parent_id, expires_at,
			removed_at, removed, details, ext)
		SELECT m.organization_id, $3, m.conversation_id, m.sequence, m.sent_at, m.created_at, 'system', 'none', m.author_kind, m.author_id,
			m.author_name, '', '', '', '', '', '', 0, $4, $5, $6, '' FROM messages AS m WHERE m.organization_id = $1 AND m.id = $2`
	moveMessage       = "UPDATE messages SET conversation_id = $3, sequence = $4 WHERE organization_id = $1 AND id = $2"
	moveItsDeliveries = "UPDATE deliveries SET conversation_id = $3 WHERE organization_id = $1 AND message_id = $2"
	moveItsPages      = "UPDATE pages SET conversation_id = $3 WHERE organization_id = $1 AND message_id = $2"
	moveItsAsking     = `UPDATE ack_requests SET conversation_id = $3, sequence = $4 WHERE organization_id = $1 AND message_id = $2
		AND conversation_id = $5 AND sequence = $6`
	replaceLast = "UPDATE conversations SET last_message_id = $3 WHERE organization_id = $1 AND id = $2 AND last_message_id = $4"
	receiveItem = `UPDATE conversations SET last_sequence = last_sequence + 1, inbox = 1,
			last_message_id = CASE WHEN last_message_id = '' OR activity_at <= $3 THEN $4 ELSE last_message_id END,
			activity_at = CASE WHEN last_message_id = '' OR activity_at <= $3 THEN $3 ELSE activity_at END
		WHERE organization_id = $1 AND id = $2`
)

// Move takes a message out of its conversation into another, where it gets the next number and keeps its time. In its place
// stays a tombstone, which has the id given for it. A copy of a broadcast message of which the other has one is
// parley.Conflict "broadcast-in-both".
func Move(tx *store.Tx, organization parley.ID, m *parley.Message, tombstone parley.ID, into *parley.Conversation) error {
	tx.MustHave(organization)
	details, err := store.EncodeJSON(struct {
		Moved parley.ID `json:"mv"`
	}{m.ID})
	if err != nil {
		return err
	}
	var tags sqldb.Rows
	for _, tag := range m.Tags {
		tags.Add(tag)
	}
	o, id, to := string(organization), string(m.ID), string(into.ID)
	for _, s := range []sqldb.Statement{
		{Text: leaveTombstone, Args: []any{o, id, string(tombstone), store.Millis(tx.Now), string(parley.RemovedMoved), details}},
		{Text: replaceLast, Args: []any{o, string(m.Conversation), string(tombstone), id}},
		{Text: moveMessage, Args: []any{o, id, to, into.LastSequence + 1}},
		{Text: moveItsAsking, Args: []any{o, id, to, into.LastSequence + 1, string(m.Conversation), m.Sequence}},
		{Text: moveItsPages, Args: []any{o, id, to}},
		{Text: moveItsDeliveries, Args: []any{o, id, to}},
		{Text: moveTagsOf, Args: []any{o, id, to, tags.Param()}},
		{Text: receiveItem, Args: []any{o, to, store.Millis(m.SentAt), id}},
	} {
		if _, err := tx.Conn().Exec(s.Text, s.Args...); err != nil {
			if sqldb.IsUnique(err) {
				err = parley.Conflict("broadcast-in-both", "the other conversation has a copy of the same broadcast message")
			}
			return err
		}
	}
	return nil
}

var moveTagsOf = `UPDATE message_tags SET conversation_id = $3 WHERE organization_id = $1 AND message_id = $2 AND tag IN
	(SELECT tag FROM ` + sqldb.From("$4", "tag TEXT") + ` AS j)`
