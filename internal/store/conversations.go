package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertConversation adds a conversation without items. A thread key that another one, not closed, has is
// parley.Conflict "thread-taken".
func (tx *Tx) InsertConversation(organization parley.ID, c *parley.Conversation) error {
	assignees, err := json.Marshal(c.Assignees)
	if err != nil {
		return err
	}
	tags, err := json.Marshal(c.Tags)
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return err
	}
	c.CreatedAt, c.Rev = tx.Now, 1
	if c.ActivityAt.IsZero() {
		c.ActivityAt = tx.Now
	}
	_, err = tx.c.Exec(`INSERT INTO conversations (organization_id, id, kind, visibility, status, snoozed_until, title, description, avatar_id,
			thread_key, channel_id, assignees, tags, metadata, inbox, last_sequence, last_message_id, activity_at, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, '', $16, 1, $17)`,
		string(organization), string(c.ID), string(c.Kind), string(c.Visibility), string(c.Status), Millis(c.SnoozedUntil), c.Title,
		c.Description, string(c.Avatar), c.ThreadKey,
		string(c.Channel), string(assignees), string(tags), string(metadata), c.Inbox, Millis(c.ActivityAt), Millis(c.CreatedAt))
	if sqldb.IsUnique(err) {
		return parley.Conflict("thread-taken", "another open conversation has the thread key %q, or the id is taken", c.ThreadKey)
	}
	if err != nil {
		return err
	}
	return tx.label(organization, c)
}

const conversationColumns = `c.id, c.kind, c.visibility, c.status, c.snoozed_until, c.title, c.description, c.avatar_id, c.thread_key, c.channel_id, c.assignees, c.tags,
	c.metadata, c.inbox, c.last_sequence, c.last_message_id, c.activity_at, c.rev, c.created_at, coalesce(d.external_id, ''),
	coalesce(d.priority, 0), coalesce(d.attributes, '')`

// fromConversations are conversations c, with what few of them have.
const fromConversations = ` FROM conversations AS c LEFT JOIN conversation_details AS d ON d.organization_id = c.organization_id
	AND d.conversation_id = c.id `

func scanConversation(r *sql.Rows, c *parley.Conversation) error {
	var snoozed, activity, created int64
	var assignees, tags, metadata, attributes string
	err := r.Scan(&c.ID, &c.Kind, &c.Visibility, &c.Status, &snoozed, &c.Title, &c.Description, &c.Avatar, &c.ThreadKey, &c.Channel, &assignees, &tags,
		&metadata, &c.Inbox, &c.LastSequence, &c.LastMessage, &activity, &c.Rev, &created, &c.ExternalID, &c.Priority, &attributes)
	if err != nil {
		return err
	}
	c.SnoozedUntil, c.ActivityAt, c.CreatedAt = Moment(snoozed), Moment(activity), Moment(created)
	if err := DecodeJSON(assignees, &c.Assignees); err != nil {
		return err
	}
	if err := DecodeJSON(tags, &c.Tags); err != nil {
		return err
	}
	if err := DecodeJSON(attributes, &c.Attributes); err != nil {
		return err
	}
	return DecodeJSON(metadata, &c.Metadata)
}

// Conversation returns a conversation, without its participants. The id of one that was merged answers the one it became.
func (q Queries) Conversation(organization, id parley.ID) (parley.Conversation, error) {
	c, err := q.conversation("WHERE c.organization_id = $1 AND c.id = $2", string(id), string(organization), string(id))
	if parley.IsKind(err, parley.KindNotFound) {
		return q.conversation(asMerged, string(id), string(organization), string(id))
	}
	return c, err
}

const asMerged = "WHERE c.organization_id = $1 AND c.id = (SELECT m.into_id FROM merged_conversations AS m WHERE m.organization_id = $1 AND m.id = $2)"

const byKey = `WHERE c.organization_id = $1 AND c.id = (SELECT n.id FROM (SELECT * FROM (SELECT o.id, o.created_at FROM conversations AS o
	WHERE o.organization_id = $1 AND o.thread_key = $2 AND o.thread_key <> '' ORDER BY o.created_at DESC, o.id DESC LIMIT 1) AS own
	UNION ALL SELECT * FROM (SELECT m.into_id AS id, m.created_at FROM merged_conversations AS m WHERE m.organization_id = $1 AND m.thread_key = $2
	AND m.thread_key <> '' ORDER BY m.created_at DESC, m.id DESC LIMIT 1) AS merged) AS n ORDER BY n.created_at DESC, n.id DESC LIMIT 1)`

// ConversationByKey returns the newest conversation with a thread key, closed or not, or that which it became.
func (q Queries) ConversationByKey(organization parley.ID, threadKey string) (parley.Conversation, error) {
	return q.conversation(byKey, threadKey, string(organization), threadKey)
}

func (q Queries) conversation(where, name string, args ...any) (c parley.Conversation, err error) {
	found := false
	err = q.c.Query("SELECT "+conversationColumns+fromConversations+where, args, func(r *sql.Rows) error {
		found = true
		return scanConversation(r, &c)
	})
	if err == nil && !found {
		err = parley.NotFound("conversation", parley.ID(name))
	}
	return c, err
}

var conversationsByID = "SELECT " + conversationColumns + fromConversations + "WHERE c.organization_id = $1 AND c.id IN " + IDSource

// Conversations returns those of the conversations that exist, without participants.
func (q Queries) Conversations(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Conversation, error) {
	conversations := make(map[parley.ID]*parley.Conversation, len(ids))
	if len(ids) == 0 {
		return conversations, nil
	}
	err := q.c.Query(conversationsByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		c := &parley.Conversation{}
		err := scanConversation(r, c)
		conversations[c.ID] = c
		return err
	})
	return conversations, err
}

// UpdateConversation writes what can be changed by hand, raises the revision and returns it; see Relabel. A thread key
// that another one, not closed, has is parley.Conflict "thread-taken".
func (tx *Tx) UpdateConversation(organization parley.ID, c *parley.Conversation) error {
	assignees, err := json.Marshal(c.Assignees)
	if err != nil {
		return err
	}
	tags, err := json.Marshal(c.Tags)
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return err
	}
	err = tx.c.Row(`UPDATE conversations SET status = $1, snoozed_until = $2, title = $3, assignees = $4, tags = $5, metadata = $6,
			inbox = $7, channel_id = $8, description = $9, avatar_id = $10, rev = rev + 1
		WHERE organization_id = $11 AND id = $12 RETURNING rev`, []any{string(c.Status), Millis(c.SnoozedUntil), c.Title, string(assignees),
		string(tags), string(metadata), c.Inbox, string(c.Channel), c.Description, string(c.Avatar), string(organization), string(c.ID)}, &c.Rev)
	if sqldb.IsUnique(err) {
		return parley.Conflict("thread-taken", "another open conversation has the same thread")
	}
	return Found(err, "conversation", c.ID)
}

// BumpConversation raises the revision: what a send saw of it is stale.
func (tx *Tx) BumpConversation(organization, id parley.ID) error {
	_, err := tx.c.Exec("UPDATE conversations SET rev = rev + 1 WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	return err
}

var bumpDirects = `UPDATE conversations SET rev = rev + 1 WHERE organization_id = $1 AND kind = 'direct' AND id IN
	(SELECT conversation_id FROM participants WHERE organization_id = $1 AND participant_id = $2 AND participant_id <> '')`

// BumpDirects raises the revisions of a user's direct conversations: what sends to the user saw is stale.
func (tx *Tx) BumpDirects(organization, user parley.ID) error {
	_, err := tx.c.Exec(bumpDirects, string(organization), string(user))
	return err
}

var insertParticipants = `INSERT INTO participants (organization_id, conversation_id, kind, participant_id, name, address_kind, address,
		joined_sequence, left_sequence, delivered_through, read_through)
	SELECT j.organization_id, j.conversation_id, j.kind, j.participant_id, j.name, j.address_kind, j.address, c.last_sequence, 0, 0, 0
	FROM ` + sqldb.From("$1", "organization_id TEXT", "conversation_id TEXT", "kind TEXT", "participant_id TEXT", "name TEXT",
	"address_kind TEXT", "address TEXT") + ` AS j
	JOIN conversations AS c ON c.organization_id = j.organization_id AND c.id = j.conversation_id WHERE true
	ON CONFLICT (organization_id, conversation_id, kind, participant_id, address_kind, address)
	DO UPDATE SET left_sequence = 0, joined_sequence = CASE WHEN participants.left_sequence = 0 THEN participants.joined_sequence
		ELSE excluded.joined_sequence END`

// AddParticipants lets participants receive what comes after the conversation's last item. Who takes part
// already goes on; who had left begins anew.
func (tx *Tx) AddParticipants(organization, conversation parley.ID, participants []parley.Participant) error {
	if len(participants) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, p := range participants {
		rows.Add(string(organization), string(conversation), string(p.Kind), string(p.ID), p.Name, string(p.Address.Kind), p.Address.Value)
	}
	if _, err := tx.c.Exec(insertParticipants, rows.Param()); err != nil {
		return err
	}
	return tx.BumpConversation(organization, conversation)
}

// LeaveConversation ends a participant's part after the conversation's last item. NotFound where it has ended.
func (tx *Tx) LeaveConversation(organization, conversation parley.ID, p *parley.Participant) error {
	n, err := tx.c.Exec(`UPDATE participants SET left_sequence = 1 + (SELECT last_sequence FROM conversations AS c
			WHERE c.organization_id = $1 AND c.id = $2)
		WHERE organization_id = $1 AND conversation_id = $2 AND kind = $3 AND participant_id = $4 AND address_kind = $5 AND address = $6
			AND left_sequence = 0`,
		string(organization), string(conversation), string(p.Kind), string(p.ID), string(p.Address.Kind), p.Address.Value)
	if err != nil {
		return err
	}
	if n == 0 {
		return parley.NotFound("participant", p.ID)
	}
	return tx.BumpConversation(organization, conversation)
}

const participantColumns = `kind, participant_id, name, address_kind, address, joined_sequence, left_sequence, delivered_through, read_through`

func scanParticipant(r *sql.Rows, p *parley.Participant, before ...any) error {
	return r.Scan(append(before, &p.Kind, &p.ID, &p.Name, &p.Address.Kind, &p.Address.Value, &p.JoinedSequence, &p.LeftSequence,
		&p.DeliveredThrough, &p.ReadThrough)...)
}

// Participants returns everybody who takes or took part in a conversation.
func (q Queries) Participants(organization, conversation parley.ID) ([]parley.Participant, error) {
	var participants []parley.Participant
	err := q.c.Query("SELECT "+partColumns+" FROM participants AS p"+joinEarlier+` WHERE p.organization_id = $1 AND p.conversation_id = $2
		ORDER BY p.kind, p.participant_id, p.address`, []any{string(organization), string(conversation)}, func(r *sql.Rows) error {
		var p parley.Participant
		earlier, err := scanPart(r, &p)
		if n := len(participants); earlier == nil || n == 0 || participants[n-1].Kind != p.Kind || participants[n-1].ID != p.ID {
			participants = append(participants, p)
		}
		last := &participants[len(participants)-1]
		last.Earlier = append(last.Earlier, earlier...)
		return err
	})
	return participants, err
}

var participantsOf = "SELECT p.conversation_id, " + participantColumns + ` FROM participants AS p WHERE p.organization_id = $1
	AND p.conversation_id IN ` + IDSource + " ORDER BY p.conversation_id, p.kind, p.participant_id"

// ParticipantsOf returns the participants of several conversations.
func (q Queries) ParticipantsOf(organization parley.ID, conversations []parley.ID) (map[parley.ID][]parley.Participant, error) {
	participants := make(map[parley.ID][]parley.Participant, len(conversations))
	if len(conversations) == 0 {
		return participants, nil
	}
	err := q.c.Query(participantsOf, []any{string(organization), IDRows(conversations)}, func(r *sql.Rows) error {
		var conversation parley.ID
		var p parley.Participant
		err := scanParticipant(r, &p, &conversation)
		participants[conversation] = append(participants[conversation], p)
		return err
	})
	return participants, err
}

// Participant returns a user's or contact's part in a conversation.
func (q Queries) Participant(organization, conversation, id parley.ID) (p parley.Participant, err error) {
	absent := true
	err = q.c.Query("SELECT "+participantColumns+` FROM participants WHERE organization_id = $1 AND conversation_id = $2
		AND participant_id = $3 AND participant_id <> ''`,
		[]any{string(organization), string(conversation), string(id)}, func(r *sql.Rows) error {
			absent = false
			return scanParticipant(r, &p)
		})
	if err == nil && absent {
		err = parley.NotFound("participant", id)
	}
	return p, err
}

// ConversationsOf returns up to limit conversations that a user or contact takes or took part in, in order of
// their ids.
func (q Queries) ConversationsOf(organization, who parley.ID, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT DISTINCT conversation_id FROM participants WHERE organization_id = $1 AND participant_id = $2
		AND participant_id <> '' ORDER BY conversation_id LIMIT $3`, string(organization), string(who), limit)
}

// CountOf returns how many conversations a user or contact takes or took part in, up to a limit.
func (q Queries) CountOf(organization, who parley.ID, limit int) (n int, err error) {
	err = q.c.Row(`SELECT count(*) FROM (SELECT DISTINCT conversation_id FROM participants WHERE organization_id = $1 AND participant_id = $2
		AND participant_id <> '' LIMIT $3) AS found`, []any{string(organization), string(who), limit}, &n)
	return n, err
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
	err := q.c.Query(firstParticipants, []any{IDRows(conversations), string(organization), limit}, func(r *sql.Rows) error {
		var conversation parley.ID
		var p parley.Participant
		err := scanParticipant(r, &p, &conversation)
		participants[conversation] = append(participants[conversation], p)
		return err
	})
	return participants, err
}

var onChannels = sqldb.From("$1", "id TEXT") + ` AS j CROSS JOIN conversations AS c WHERE c.organization_id = $2
	AND c.visibility = $3 AND c.channel_id = j.id LIMIT $4`

// CountOn returns how many conversations of the organization's have one of some channels, up to a limit. An empty id is
// of those without.
func (q Queries) CountOn(organization parley.ID, channels []parley.ID, limit int) (n int, err error) {
	err = q.c.Row("SELECT count(*) FROM (SELECT 1 FROM "+onChannels+") AS found",
		[]any{IDRows(channels), string(organization), string(parley.VisibleToOrganization), limit}, &n)
	return n, err
}

// ConversationsOn returns up to limit of them.
func (q Queries) ConversationsOn(organization parley.ID, channels []parley.ID, limit int) ([]parley.ID, error) {
	return q.ids("SELECT c.id FROM "+onChannels, IDRows(channels), string(organization), string(parley.VisibleToOrganization), limit)
}

// Activity is a conversation's place in a list, most recently active first.
type Activity struct {
	At time.Time
	ID parley.ID
}

// Before reports whether a comes after b in such a list.
func (a Activity) Before(b Activity) bool { return a.compare(b) < 0 }

func (a Activity) compare(b Activity) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) }

// bounds are the parameters of the place; the zero place is before the first.
func (a Activity) bounds() (int64, string) {
	if a.At.IsZero() {
		return held, "~" // above every id
	}
	return Millis(a.At), string(a.ID)
}

// Stream is a list of conversations that an index holds in order of their activity.
type Stream struct {
	Visibility parley.Visibility
	Channel    parley.ID
	Status     parley.ConversationStatus
}

func streamSource(param string) string {
	return sqldb.From(param, "n BIGINT", "visibility TEXT", "channel_id TEXT", "status TEXT")
}

func streamRows(streams []Stream) []byte {
	var rows sqldb.Rows
	for i, s := range streams {
		rows.Add(i, string(s.Visibility), string(s.Channel), string(s.Status))
	}
	return rows.Param()
}

// ActivityRow is a conversation's place, and what says who sees it.
type ActivityRow struct {
	Activity
	Visibility parley.Visibility
	Channel    parley.ID
	Status     parley.ConversationStatus
	CreatedAt  time.Time
}

var activityOf = `SELECT id, activity_at, created_at, visibility, channel_id, status FROM conversations WHERE organization_id = $1 AND id IN ` + IDSource

// ActivityOf returns the places of those of the conversations that exist.
func (q Queries) ActivityOf(organization parley.ID, ids []parley.ID) ([]ActivityRow, error) {
	rows := make([]ActivityRow, 0, len(ids))
	if len(ids) == 0 {
		return nil, nil
	}
	err := q.c.Query(activityOf, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		var a ActivityRow
		var at, created int64
		err := r.Scan(&a.ID, &at, &created, &a.Visibility, &a.Channel, &a.Status)
		a.At, a.CreatedAt = Moment(at), Moment(created)
		rows = append(rows, a)
		return err
	})
	return rows, err
}
