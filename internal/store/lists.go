package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var activityHeads = `SELECT j.n, (SELECT c.activity_at FROM conversations AS c WHERE c.organization_id = $2 AND c.visibility = j.visibility
		AND c.channel_id = j.channel_id AND c.status = j.status AND (c.activity_at, c.id) < ($3, $4)
		ORDER BY c.activity_at DESC, c.id DESC LIMIT 1) AS head
	FROM ` + streamSource("$1") + ` AS j`

// ActivityHeads returns when the first conversation after a place was active in each of some streams; zero
// where there is none.
func (q Queries) ActivityHeads(organization parley.ID, streams []Stream, after Activity) ([]time.Time, error) {
	heads := make([]time.Time, len(streams))
	if len(streams) == 0 {
		return heads, nil
	}
	at, id := after.bounds()
	err := q.c.Query(activityHeads, []any{streamRows(streams), string(organization), at, id}, func(r *sql.Rows) error {
		var n int
		var head sql.NullInt64
		err := r.Scan(&n, &head)
		heads[n] = Moment(head.Int64)
		return err
	})
	return heads, err
}

// Candidate is a conversation that a list looks at.
type Candidate struct {
	Activity
	Passes bool // what its list is narrowed to
}

// Narrow is what the conversations of a list have, as far as it costs little to say; what is empty does not narrow.
// It may let others pass, so whoever asks looks again.
type Narrow struct {
	Kind        parley.ConversationKind
	Status      parley.ConversationStatus
	Tag         string
	Assignee    parley.ID
	Unassigned  bool
	Inbox       *bool
	Priority    int
	UnreadBy    parley.ID // a user who has not read to the end
	Participant parley.ID // or Address
	Address     parley.Address
	Parts       Parts     // whose conversations OwnActive returns
	Without     parley.ID // a user: not those that it has left, of a stream
}

// Parts are somebody's parts in conversations, by whether they have ended.
type Parts int

// The parts.
const (
	AllParts   Parts = iota
	ShownParts       // all, but where they have ended the conversation has the place of when it was made, whatever the inbox
	EndedParts       // of those only the ended
)

// conditions are those on the row c of a conversation; their parameters follow the others. A text is looked for
// as a list that is stored as JSON has it.
func (n *Narrow) conditions(args []any) (string, []any) {
	var b strings.Builder
	add := func(condition string, arg any) {
		args = append(args, arg)
		fmt.Fprintf(&b, condition, len(args))
	}
	if n.Kind != "" {
		add(" AND c.kind = $%d", string(n.Kind))
	}
	if n.Status != "" {
		add(" AND c.status = $%d", string(n.Status))
	}
	if n.Tag != "" {
		add(" AND replace(c.tags, $%d, '') <> c.tags", inJSON(n.Tag))
	}
	if n.Assignee != "" {
		add(" AND replace(c.assignees, $%d, '') <> c.assignees", inJSON(string(n.Assignee)))
	}
	if n.Unassigned {
		b.WriteString(" AND c.assignees IN ('', 'null', '[]')")
	}
	if n.Inbox != nil {
		add(" AND c.inbox = $%d", *n.Inbox)
	}
	if n.Priority != 0 {
		add(` AND EXISTS (SELECT 1 FROM conversation_details AS d WHERE d.organization_id = $1 AND d.conversation_id = c.id AND d.priority = $%d)`, n.Priority)
	}
	if n.UnreadBy != "" {
		args = append(args, string(n.UnreadBy), string(n.UnreadBy))
		fmt.Fprintf(&b, notRead, len(args)-1, len(args))
	}
	return b.String(), args
}

// notRead is the condition that the conversation c goes on after what a user has read.
const notRead = ` AND c.last_sequence > coalesce((SELECT max(w.read_through) FROM participants AS w WHERE w.organization_id = $1 AND w.conversation_id = c.id
	AND w.kind = 'user' AND w.participant_id = $%d), (SELECT max(k.through) FROM marks AS k WHERE k.organization_id = $1 AND k.conversation_id = c.id AND k.user_id = $%d AND k.kind = 'read'), 0)`

func inJSON(text string) string {
	encoded, _ := json.Marshal(text) // a text can be encoded
	return string(encoded)
}

// with is the condition that somebody takes or took part in the conversation whose id is in a column.
func (n *Narrow) with(column string, args []any) (string, []any) {
	const takesPart = ` AND EXISTS (SELECT 1 FROM participants AS w WHERE w.organization_id = $1 AND w.conversation_id = %s AND `
	switch {
	case n.Participant != "":
		args = append(args, string(n.Participant))
		return fmt.Sprintf(takesPart+"w.participant_id = $%d AND w.participant_id <> '')", column, len(args)), args
	case n.Address.Value != "":
		args = append(args, string(n.Address.Kind), n.Address.Value)
		return fmt.Sprintf(takesPart+"w.address_kind = $%d AND w.address = $%d AND w.address <> '')", column, len(args)-1, len(args)), args
	}
	return "", args
}

// notLeft is the condition that a user has not left the conversation c.
const notLeft = ` AND NOT EXISTS (SELECT 1 FROM participants AS l WHERE l.organization_id = $1 AND l.conversation_id = c.id AND l.kind = 'user'
	AND l.participant_id = $%d AND l.left_sequence > 0)`

// OwnActive returns up to limit conversations of members, after a place, that a user takes or took part in and that
// pass.
func (q Queries) OwnActive(organization, user parley.ID, n Narrow, after Activity, limit int) ([]Candidate, error) {
	at, id := after.bounds()
	with, args := n.with("o.conversation_id", []any{string(organization), string(user), string(parley.VisibleToMembers), at, id, limit})
	from, place, ended := "conversations AS c", "c.activity_at", ""
	if n.Parts != AllParts { // by the primary key: the index by participants, where the others are found, does not say
		from, ended = from+" CROSS JOIN participants AS l", ` AND l.organization_id = $1 AND l.conversation_id = p.conversation_id AND l.kind = 'user'
			AND l.participant_id = $2`
		place = "CASE WHEN l.left_sequence > 0 THEN c.created_at ELSE c.activity_at END"
		if n.Inbox != nil {
			args = append(args, *n.Inbox)
			ended, n.Inbox = ended+fmt.Sprintf(" AND (c.inbox = $%d OR l.left_sequence > 0)", len(args)), nil
		}
	}
	if n.Parts == EndedParts {
		from, place, ended = "participants AS l CROSS JOIN conversations AS c", "c.created_at", ended+" AND l.left_sequence > 0"
	}
	conditions, args := n.conditions(args)
	return q.candidates(`SELECT `+place+` AS place, c.id, 1 FROM (SELECT DISTINCT o.conversation_id FROM participants AS o
			WHERE o.organization_id = $1 AND o.participant_id = $2 AND o.participant_id <> ''`+with+`) AS p
		CROSS JOIN `+from+` WHERE c.organization_id = $1 AND c.id = p.conversation_id AND c.visibility = $3
		AND (`+place+`, c.id) < ($4, $5)`+ended+conditions+` ORDER BY place DESC, c.id DESC LIMIT $6`, args...)
}

// SearchActive returns up to limit conversations of some streams, after a place, that pass. It looks at all of them.
func (q Queries) SearchActive(organization parley.ID, streams []Stream, n Narrow, after Activity, limit int) ([]Candidate, error) {
	at, id := after.bounds()
	n.Status = "" // is the streams'
	with, args := n.with("c.id", []any{string(organization), streamRows(streams), at, id, limit})
	conditions, args := n.conditions(args)
	return q.candidates(`SELECT c.activity_at, c.id, 1 FROM `+streamSource("$2")+` AS j CROSS JOIN conversations AS c WHERE c.organization_id = $1
		AND c.visibility = j.visibility AND c.channel_id = j.channel_id AND c.status = j.status AND (c.activity_at, c.id) < ($3, $4)`+
		with+conditions+` ORDER BY c.activity_at DESC, c.id DESC LIMIT $5`, args...)
}

const activeIn = `SELECT c.activity_at, c.id, %s AS passes FROM conversations AS c WHERE c.organization_id = $1 AND c.visibility = $2
	AND c.channel_id = $3 AND c.status = $4 AND (c.activity_at, c.id) < ($5, $6)%s ORDER BY c.activity_at DESC, c.id DESC LIMIT $7`

// Active returns up to limit conversations of a stream after a place, those too that do not pass.
func (q Queries) Active(organization parley.ID, s Stream, n Narrow, after Activity, limit int) ([]Candidate, error) {
	at, id := after.bounds()
	n.Status = "" // is the stream's
	args := []any{string(organization), string(s.Visibility), string(s.Channel), string(s.Status), at, id, limit}
	without := ""
	if n.Without != "" {
		args = append(args, string(n.Without))
		without = fmt.Sprintf(notLeft, len(args))
	}
	with, args := n.with("c.id", args)
	conditions, args := n.conditions(args)
	if conditions == "" {
		return q.candidates(fmt.Sprintf(activeIn, "CASE WHEN c.status = $4"+with+" THEN 1 ELSE 0 END", without), args...)
	}
	list, err := q.candidates(`SELECT c.activity_at, c.id, CASE WHEN c.id = near.id`+with+conditions+` THEN 1 ELSE 0 END
		FROM (`+fmt.Sprintf(activeIn, "1", without)+`) AS near CROSS JOIN conversations AS c WHERE c.organization_id = $1 AND c.id = near.id`, args...)
	slices.SortFunc(list, func(a, b Candidate) int { return b.compare(a.Activity) })
	return list, err
}

func (q Queries) candidates(text string, args ...any) ([]Candidate, error) {
	var list []Candidate
	err := q.c.Query(text, args, func(r *sql.Rows) error {
		var c Candidate
		var at int64
		err := r.Scan(&at, &c.ID, &c.Passes)
		c.At = Moment(at)
		list = append(list, c)
		return err
	})
	return list, err
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
		h.SentAt = Moment(sent)
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
	Batch     parley.ID
}

// HeadsBefore returns up to limit messages of the organization with ids below one, or from the newest, newest
// first. By tag it knows of each only its id and its conversation: they are in the index.
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
		return q.tagged(o, index.Tag, b, limit)
	case index.Batch != "":
		return q.heads(`message_batches AS b JOIN messages AS m ON m.organization_id = b.organization_id AND m.id = b.message_id
			WHERE b.organization_id = $1 AND b.batch_id = $3 AND b.message_id < $2 ORDER BY b.message_id DESC LIMIT $4`, o, b, string(index.Batch), limit)
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

func (q Queries) tagged(organization, tag, before string, limit int) ([]MessageHead, error) {
	var heads []MessageHead
	err := q.c.Query(`SELECT message_id, conversation_id FROM message_tags WHERE organization_id = $1 AND tag = $2 AND message_id < $3
		ORDER BY message_id DESC LIMIT $4`, []any{organization, tag, before, limit}, func(r *sql.Rows) error {
		heads = append(heads, MessageHead{})
		return r.Scan(&heads[len(heads)-1].ID, &heads[len(heads)-1].Conversation)
	})
	return heads, err
}

var headsByID = "messages AS m WHERE m.organization_id = $1 AND m.id IN " + IDSource

// HeadsByID returns those of the messages that exist.
func (q Queries) HeadsByID(organization parley.ID, ids []parley.ID) (map[parley.ID]MessageHead, error) {
	found, err := q.heads(headsByID, string(organization), IDRows(ids))
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
}

// at is the place's time as it is stored; the zero place is before the newest.
func (p Place) at() int64 {
	if p.SentAt.IsZero() {
		return held
	}
	return p.SentAt.UnixMilli()
}

// nextIn is the condition that a message follows the place $3, $4, $5 in the thread of j. What was sent at the place's
// time is in order of conversations.
const nextIn = `organization_id = $2 AND conversation_id = j.id AND (sent_at, sequence) < ($3, CASE WHEN j.id < $4 THEN 9223372036854775807
	WHEN j.id = $4 THEN $5 ELSE 0 END) AND sequence > 0 ORDER BY sent_at DESC, sequence DESC`

var threadHeads = `SELECT j.id, coalesce((SELECT sent_at FROM messages WHERE ` + nextIn + ` LIMIT 1), 0) AS head
	FROM ` + sqldb.From("$1", "id TEXT") + ` AS j ORDER BY head DESC, j.id DESC LIMIT $6`

// ThreadHead is when the first message of a conversation after some place was sent.
type ThreadHead struct {
	Conversation parley.ID
	At           time.Time
}

// ThreadHeads returns the first messages after a place of up to limit of those conversations that have one, newest
// first.
func (q Queries) ThreadHeads(organization parley.ID, conversations []parley.ID, after Place, limit int) ([]ThreadHead, error) {
	heads := make([]ThreadHead, 0, limit)
	if len(conversations) == 0 {
		return nil, nil
	}
	err := q.c.Query(threadHeads, after.args(organization, conversations, limit), func(r *sql.Rows) error {
		var h ThreadHead
		var at int64
		if err := r.Scan(&h.Conversation, &at); err != nil || at == 0 {
			return err
		}
		h.At = Moment(at)
		heads = append(heads, h)
		return nil
	})
	return heads, err
}

func (p Place) args(organization parley.ID, conversations []parley.ID, limit int) []any {
	return []any{IDRows(conversations), string(organization), p.at(), string(p.Conversation), p.Sequence, limit}
}

var placesIn = `SELECT m.conversation_id, m.sent_at, m.sequence FROM ` + sqldb.From("$1", "id TEXT") + ` AS j CROSS JOIN messages AS m
	WHERE m.organization_id = $2 AND m.conversation_id = j.id
		AND (m.sent_at, m.sequence) IN (SELECT sent_at, sequence FROM messages WHERE ` + nextIn + ` LIMIT $6)`

// PlacesIn returns up to limit messages after a place of each of some conversations, newest first.
func (q Queries) PlacesIn(organization parley.ID, conversations []parley.ID, after Place, limit int) (map[parley.ID][]Place, error) {
	places := make(map[parley.ID][]Place, len(conversations))
	err := q.c.Query(placesIn, after.args(organization, conversations, limit), func(r *sql.Rows) error {
		var p Place
		var sent int64
		err := r.Scan(&p.Conversation, &sent, &p.Sequence)
		p.SentAt = Moment(sent)
		places[p.Conversation] = append(places[p.Conversation], p)
		return err
	})
	for _, in := range places {
		slices.SortFunc(in, func(a, b Place) int { return cmp.Or(b.SentAt.Compare(a.SentAt), cmp.Compare(b.Sequence, a.Sequence)) })
	}
	return places, err
}

// NarrowHeads is what heads have; what is empty does not narrow.
type NarrowHeads struct {
	Kind      parley.MessageKind
	Channel   parley.ID
	Platform  string
	Direction parley.Direction
	Author    parley.ID
}

var headsAt = sqldb.From("$2", "id TEXT", "sent_at BIGINT", "sequence BIGINT") + ` AS j CROSS JOIN messages AS m WHERE m.organization_id = $1
	AND m.conversation_id = j.id AND m.sent_at = j.sent_at AND m.sequence = j.sequence AND ($3 = '' OR m.kind = $3)
	AND ($4 = '' OR m.channel_id = $4) AND ($5 = '' OR m.platform = $5) AND ($6 = '' OR m.direction = $6) AND ($7 = '' OR m.author_id = $7)`

// HeadsAt returns the messages at places, by their places, that pass.
func (q Queries) HeadsAt(organization parley.ID, places []Place, n NarrowHeads) (map[Place]MessageHead, error) {
	var rows sqldb.Rows
	for _, p := range places {
		rows.Add(string(p.Conversation), Millis(p.SentAt), p.Sequence)
	}
	found, err := q.heads(headsAt, string(organization), rows.Param(), string(n.Kind), string(n.Channel), n.Platform, string(n.Direction), string(n.Author))
	heads := make(map[Place]MessageHead, len(found))
	for _, h := range found {
		heads[Place{ThreadPosition{h.SentAt, h.Sequence}, h.Conversation}] = h
	}
	return heads, err
}
