package store

import (
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// maxExamined bounds what one page of a filtered list reads.
const maxExamined = 2000

// MessageHead is what a list asks of a message before it reads it whole.
type MessageHead struct {
	ID           parley.ID
	Conversation parley.ID
	Sequence     int64
	SentAt       time.Time
	Kind         parley.MessageKind
	Direction    parley.Direction
	AuthorKind   parley.ActorKind
	Author       parley.ID
	Channel      parley.ID
	Platform     string
}

const headColumns = "m.id, m.conversation_id, m.sequence, m.sent_at, m.kind, m.direction, m.author_kind, m.author_id, m.channel_id, m.platform"

func (q Queries) heads(text string, args ...any) ([]MessageHead, error) {
	var heads []MessageHead
	err := q.c.Query("SELECT "+headColumns+" FROM "+text, args, func(r *sql.Rows) error {
		var h MessageHead
		var sent int64
		err := r.Scan(&h.ID, &h.Conversation, &h.Sequence, &sent, &h.Kind, &h.Direction, &h.AuthorKind, &h.Author, &h.Channel, &h.Platform)
		h.SentAt = moment(sent)
		heads = append(heads, h)
		return err
	})
	return heads, err
}

// MessageIndex picks the index that a list of messages walks. At most one field is set; none: all messages.
type MessageIndex struct {
	Reference string
	Tag       string
	Channel   parley.ID
	Scheduled bool // those whose time to be sent has not come
}

// HeadsBefore returns up to limit messages of the organization with ids below one, or from the newest, newest
// first.
func (q Queries) HeadsBefore(organization parley.ID, index MessageIndex, before parley.ID, limit int) ([]MessageHead, error) {
	if before == "" {
		before = "~" // above every id
	}
	o, b := string(organization), string(before)
	switch {
	case index.Reference != "":
		return q.heads("messages AS m WHERE m.organization_id = $1 AND m.id < $2 AND m.reference = $3 AND m.reference <> '' ORDER BY m.id DESC LIMIT $4",
			o, b, index.Reference, limit)
	case index.Tag != "":
		return q.heads(`message_tags AS t JOIN messages AS m ON m.organization_id = t.organization_id AND m.id = t.message_id
			WHERE t.organization_id = $1 AND t.message_id < $2 AND t.tag = $3 ORDER BY t.message_id DESC LIMIT $4`, o, b, index.Tag, limit)
	case index.Channel != "":
		return q.heads("messages AS m WHERE m.organization_id = $1 AND m.id < $2 AND m.channel_id = $3 AND m.channel_id <> '' ORDER BY m.id DESC LIMIT $4",
			o, b, string(index.Channel), limit)
	case index.Scheduled:
		return q.heads(`jobs AS j JOIN messages AS m ON m.organization_id = j.organization_id AND m.id = j.message_id
			WHERE j.organization_id = $1 AND j.id > $2 AND j.id < $3 ORDER BY j.id DESC LIMIT $4`,
			o, JobID(JobPublish, ""), JobID(JobPublish, b), limit)
	}
	return q.heads("messages AS m WHERE m.organization_id = $1 AND m.id < $2 ORDER BY m.id DESC LIMIT $3", o, b, limit)
}

// CopiesBefore returns up to limit copies of a broadcast message, in falling order of their conversations' ids,
// below one or from the greatest.
func (q Queries) CopiesBefore(organization, parent, before parley.ID, limit int) ([]MessageHead, error) {
	if before == "" {
		before = "~"
	}
	return q.heads(`messages AS m WHERE m.organization_id = $1 AND m.parent_id = $2 AND m.parent_id <> '' AND m.conversation_id < $3
		ORDER BY m.conversation_id DESC LIMIT $4`, string(organization), string(parent), string(before), limit)
}

// HeadPosition is a place in the threads of several conversations, newest first: in order of time, then
// conversation, then sequence.
type HeadPosition struct {
	ThreadPosition
	Conversation parley.ID
}

// bounds are the place's parameters for the thread of one conversation: what is below them comes after it.
func (p HeadPosition) bounds(conversation parley.ID) (at, sequence int64) {
	switch {
	case p.SentAt.IsZero():
		return held, 0
	case conversation == p.Conversation:
		return p.SentAt.UnixMilli(), p.Sequence
	case conversation < p.Conversation:
		return p.SentAt.UnixMilli(), math.MaxInt64
	}
	return p.SentAt.UnixMilli(), 0
}

var threadHeads = `SELECT j.n, (SELECT m.sent_at FROM messages AS m WHERE m.organization_id = $2 AND m.conversation_id = j.id
		AND (m.sent_at, m.sequence) < (j.sent_at, j.sequence) ORDER BY m.sent_at DESC, m.sequence DESC LIMIT 1) AS head
	FROM ` + sqldb.From("$1", "n BIGINT", "id TEXT", "sent_at BIGINT", "sequence BIGINT") + ` AS j`

// ThreadHeads returns when the first message after a place was sent in each of some conversations; zero where
// there is none.
func (q Queries) ThreadHeads(organization parley.ID, conversations []parley.ID, after HeadPosition) ([]time.Time, error) {
	heads := make([]time.Time, len(conversations))
	if len(conversations) == 0 {
		return heads, nil
	}
	var rows sqldb.Rows
	for i, id := range conversations {
		at, sequence := after.bounds(id)
		rows.Add(i, string(id), at, sequence)
	}
	err := q.c.Query(threadHeads, []any{rows.Param(), string(organization)}, func(r *sql.Rows) error {
		var n int
		var head sql.NullInt64
		err := r.Scan(&n, &head)
		heads[n] = moment(head.Int64)
		return err
	})
	return heads, err
}

// HeadsIn returns up to limit messages of a conversation after a place, newest first.
func (q Queries) HeadsIn(organization, conversation parley.ID, after HeadPosition, limit int) ([]MessageHead, error) {
	at, sequence := after.bounds(conversation)
	return q.heads(`messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND (m.sent_at, m.sequence) < ($3, $4)
		AND m.sequence > 0 ORDER BY m.sent_at DESC, m.sequence DESC LIMIT $5`, string(organization), string(conversation), at, sequence, limit)
}

// ConversationsOn returns up to limit conversations of the organization's that have a channel, or none.
func (q Queries) ConversationsOn(organization, channel parley.ID, limit int) ([]parley.ID, error) {
	return q.ids(fmt.Sprintf(`SELECT id FROM conversations WHERE organization_id = $1 AND visibility = '%s' AND channel_id = $2 LIMIT $3`,
		parley.VisibleToOrganization), string(organization), string(channel), limit)
}

var deliveredTo = `SELECT DISTINCT message_id FROM deliveries WHERE organization_id = $1 AND message_id IN ` + idSource + `
	AND ((recipient_id <> '' AND recipient_id = $3) OR (address <> '' AND address_kind = $4 AND address = $5))`

// DeliveredTo returns those of the messages that have a delivery to somebody, by id or by address.
func (q Queries) DeliveredTo(organization parley.ID, messages []parley.ID, id parley.ID, a parley.Address) (map[parley.ID]bool, error) {
	found, err := q.ids(deliveredTo, string(organization), idRows(messages), string(id), string(a.Kind), a.Value)
	to := make(map[parley.ID]bool, len(found))
	for _, id := range found {
		to[id] = true
	}
	return to, err
}
