package store

import (
	"database/sql"
	"math"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Activity is a conversation's place in a list, most recently active first.
type Activity struct {
	At time.Time
	ID parley.ID
}

// Before reports whether a comes after b in such a list.
func (a Activity) Before(b Activity) bool {
	if !a.At.Equal(b.At) {
		return a.At.Before(b.At)
	}
	return a.ID < b.ID
}

// bounds are the parameters of the place; the zero place is before the first.
func (a Activity) bounds() (int64, string) {
	if a.At.IsZero() {
		return held, "~" // above every id
	}
	return millis(a.At), string(a.ID)
}

// Stream is a list of conversations that an index holds in order of their activity.
type Stream struct {
	Visibility parley.Visibility
	Channel    parley.ID
	Status     parley.ConversationStatus
}

var activityHeads = `SELECT j.n, (SELECT c.activity_at FROM conversations AS c WHERE c.organization_id = $2 AND c.visibility = j.visibility
		AND c.channel_id = j.channel_id AND c.status = j.status AND (c.activity_at, c.id) < ($3, $4)
		ORDER BY c.activity_at DESC, c.id DESC LIMIT 1) AS head
	FROM ` + sqldb.From("$1", "n BIGINT", "visibility TEXT", "channel_id TEXT", "status TEXT") + ` AS j`

// ActivityHeads returns when the first conversation after a place was active in each of some streams; zero
// where there is none.
func (q Queries) ActivityHeads(organization parley.ID, streams []Stream, after Activity) ([]time.Time, error) {
	heads := make([]time.Time, len(streams))
	if len(streams) == 0 {
		return heads, nil
	}
	var rows sqldb.Rows
	for i, s := range streams {
		rows.Add(i, string(s.Visibility), string(s.Channel), string(s.Status))
	}
	at, id := after.bounds()
	err := q.c.Query(activityHeads, []any{rows.Param(), string(organization), at, id}, func(r *sql.Rows) error {
		var n int
		var head sql.NullInt64
		err := r.Scan(&n, &head)
		heads[n] = moment(head.Int64)
		return err
	})
	return heads, err
}

const activeIn = `SELECT activity_at, id FROM conversations WHERE organization_id = $1 AND visibility = $2 AND channel_id = $3
	AND status = $4 AND (activity_at, id) < ($5, $6) ORDER BY activity_at DESC, id DESC LIMIT $7`

// Active returns up to limit conversations of a stream after a place.
func (q Queries) Active(organization parley.ID, s Stream, after Activity, limit int) ([]Activity, error) {
	at, id := after.bounds()
	list := make([]Activity, 0, limit)
	err := q.c.Query(activeIn,
		[]any{string(organization), string(s.Visibility), string(s.Channel), string(s.Status), at, id, limit}, func(r *sql.Rows) error {
			var a Activity
			var at int64
			err := r.Scan(&at, &a.ID)
			a.At = moment(at)
			list = append(list, a)
			return err
		})
	return list, err
}

// ChannelSight is a channel, deleted or not, and whether a user sees it.
type ChannelSight struct {
	ID           parley.ID
	Open, Member bool
}

// ChannelSights returns all channels, deleted ones too, and which of them a user is a member of.
func (q Queries) ChannelSights(organization, user parley.ID) ([]ChannelSight, error) {
	var list []ChannelSight
	err := q.c.Query(`SELECT c.id, c.open, m.user_id IS NOT NULL FROM channels AS c
		LEFT JOIN channel_members AS m ON m.organization_id = c.organization_id AND m.channel_id = c.id AND m.user_id = $1
		WHERE c.organization_id = $2 ORDER BY c.id`, []any{string(user), string(organization)}, func(r *sql.Rows) error {
		var c ChannelSight
		err := r.Scan(&c.ID, &c.Open, &c.Member)
		list = append(list, c)
		return err
	})
	return list, err
}

// ConversationsOf returns up to limit conversations that a user or contact takes or took part in, in order of
// their ids.
func (q Queries) ConversationsOf(organization, who parley.ID, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT DISTINCT conversation_id FROM participants WHERE organization_id = $1 AND participant_id = $2
		AND participant_id <> '' ORDER BY conversation_id LIMIT $3`, string(organization), string(who), limit)
}

// ConversationsWith returns up to limit conversations that an address takes or took part in, in order of their
// ids.
func (q Queries) ConversationsWith(organization parley.ID, a parley.Address, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT DISTINCT conversation_id FROM participants WHERE organization_id = $1 AND address_kind = $2 AND address = $3
		AND address <> '' ORDER BY conversation_id LIMIT $4`, string(organization), string(a.Kind), a.Value, limit)
}

// ConversationsByKey returns up to limit conversations with a thread key, newest first.
func (q Queries) ConversationsByKey(organization parley.ID, key string, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT id FROM conversations WHERE organization_id = $1 AND thread_key = $2 AND thread_key <> ''
		ORDER BY created_at DESC, id DESC LIMIT $3`, string(organization), key, limit)
}

// ActivityRow is a conversation's place, and what says who sees it.
type ActivityRow struct {
	Activity
	Visibility parley.Visibility
	Channel    parley.ID
	Status     parley.ConversationStatus
}

var activityOf = `SELECT id, activity_at, visibility, channel_id, status FROM conversations WHERE organization_id = $1 AND id IN ` + idSource

// ActivityOf returns the places of those of the conversations that exist.
func (q Queries) ActivityOf(organization parley.ID, ids []parley.ID) ([]ActivityRow, error) {
	rows := make([]ActivityRow, 0, len(ids))
	if len(ids) == 0 {
		return nil, nil
	}
	err := q.c.Query(activityOf, []any{string(organization), idRows(ids)}, func(r *sql.Rows) error {
		var a ActivityRow
		var at int64
		err := r.Scan(&a.ID, &at, &a.Visibility, &a.Channel, &a.Status)
		a.At = moment(at)
		rows = append(rows, a)
		return err
	})
	return rows, err
}

var firstParticipants = `SELECT p.conversation_id, p.kind, p.participant_id, p.name, p.address_kind, p.address, p.joined_sequence,
		p.left_sequence, p.delivered_through, p.read_through
	FROM ` + sqldb.From("$1", "id TEXT") + ` AS j CROSS JOIN participants AS p
	WHERE p.organization_id = $2 AND p.conversation_id = j.id
		AND (p.kind, p.participant_id, p.address_kind, p.address) IN (SELECT f.kind, f.participant_id, f.address_kind, f.address
			FROM participants AS f WHERE f.organization_id = $2 AND f.conversation_id = j.id AND f.left_sequence = 0
			ORDER BY f.kind, f.participant_id, f.address_kind, f.address LIMIT $3)`

// FirstParticipants returns up to limit of those who take part in each of some conversations.
func (q Queries) FirstParticipants(organization parley.ID, conversations []parley.ID, limit int) (map[parley.ID][]parley.Participant, error) {
	participants := make(map[parley.ID][]parley.Participant, len(conversations))
	if len(conversations) == 0 {
		return participants, nil
	}
	err := q.c.Query(firstParticipants, []any{idRows(conversations), string(organization), limit}, func(r *sql.Rows) error {
		var conversation parley.ID
		var p parley.Participant
		err := scanParticipant(r, &p, &conversation)
		participants[conversation] = append(participants[conversation], p)
		return err
	})
	return participants, err
}

var takesPart = `SELECT DISTINCT conversation_id FROM participants WHERE organization_id = $1 AND conversation_id IN ` + idSource + `
	AND ((participant_id <> '' AND participant_id = $3) OR (address <> '' AND address_kind = $4 AND address = $5))`

// WithParticipant returns those of the conversations in which somebody takes or took part, by id or by address.
func (q Queries) WithParticipant(organization parley.ID, conversations []parley.ID, id parley.ID, a parley.Address) (map[parley.ID]bool, error) {
	found, err := q.ids(takesPart, string(organization), idRows(conversations), string(id), string(a.Kind), a.Value)
	with := make(map[parley.ID]bool, len(found))
	for _, id := range found {
		with[id] = true
	}
	return with, err
}

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

var headsByID = "messages AS m WHERE m.organization_id = $1 AND m.id IN " + idSource

// HeadsByID returns those of the messages that exist.
func (q Queries) HeadsByID(organization parley.ID, ids []parley.ID) (map[parley.ID]MessageHead, error) {
	found, err := q.heads(headsByID, string(organization), idRows(ids))
	heads := make(map[parley.ID]MessageHead, len(found))
	for _, h := range found {
		heads[h.ID] = h
	}
	return heads, err
}

// Place is a message's place in the threads of several conversations, newest first: in order of time, then
// conversation, then sequence.
type Place struct {
	ThreadPosition
	Conversation parley.ID
	ID           parley.ID
}

// at is the place's time as it is stored; the zero place is before the newest.
func (p Place) at() int64 {
	if p.SentAt.IsZero() {
		return held
	}
	return p.SentAt.UnixMilli()
}

// below is what sequences are below in one conversation at the place's time: what comes after it in the order.
func (p Place) below(conversation parley.ID) int64 {
	switch {
	case p.SentAt.IsZero() || conversation > p.Conversation:
		return 0
	case conversation < p.Conversation:
		return math.MaxInt64
	}
	return p.Sequence
}

var threadHeads = `SELECT j.id, (SELECT m.sent_at FROM messages AS m WHERE m.organization_id = $2 AND m.conversation_id = j.id
		AND (m.sent_at, m.sequence) < ($3, CASE WHEN j.id < $4 THEN 9223372036854775807 WHEN j.id = $4 THEN $5 ELSE 0 END)
		ORDER BY m.sent_at DESC, m.sequence DESC LIMIT 1) AS head
	FROM ` + sqldb.From("$1", "id TEXT") + ` AS j`

// ThreadHead is when the first message of a conversation after some place was sent.
type ThreadHead struct {
	Conversation parley.ID
	At           time.Time
}

// ThreadHeads returns the first messages after a place of those conversations that have one.
func (q Queries) ThreadHeads(organization parley.ID, conversations []parley.ID, after Place) ([]ThreadHead, error) {
	heads := make([]ThreadHead, 0, len(conversations))
	if len(conversations) == 0 {
		return nil, nil
	}
	err := q.c.Query(threadHeads, []any{idRows(conversations), string(organization), after.at(), string(after.Conversation), after.Sequence}, func(r *sql.Rows) error {
		var h ThreadHead
		var at sql.NullInt64
		if err := r.Scan(&h.Conversation, &at); err != nil || at.Int64 == 0 {
			return err
		}
		h.At = moment(at.Int64)
		heads = append(heads, h)
		return nil
	})
	return heads, err
}

const placesIn = `SELECT sent_at, sequence, id FROM messages WHERE organization_id = $1 AND conversation_id = $2 AND (sent_at, sequence) < ($3, $4)
	AND sequence > 0 ORDER BY sent_at DESC, sequence DESC LIMIT $5`

// PlacesIn returns up to limit messages of a conversation after a place, newest first.
func (q Queries) PlacesIn(organization, conversation parley.ID, after Place, limit int) ([]Place, error) {
	places := make([]Place, 0, limit)
	err := q.c.Query(placesIn, []any{string(organization), string(conversation), after.at(), after.below(conversation), limit}, func(r *sql.Rows) error {
		p := Place{Conversation: conversation}
		var sent int64
		err := r.Scan(&sent, &p.Sequence, &p.ID)
		p.SentAt = moment(sent)
		places = append(places, p)
		return err
	})
	return places, err
}

// CountOn returns how many conversations of the organization's have a channel, or none, up to a limit.
func (q Queries) CountOn(organization, channel parley.ID, limit int) (n int, err error) {
	err = q.c.Row(`SELECT count(*) FROM (SELECT 1 FROM conversations WHERE organization_id = $1 AND visibility = $2 AND channel_id = $3
		LIMIT $4) AS some`, []any{string(organization), string(parley.VisibleToOrganization), string(channel), limit}, &n)
	return n, err
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
