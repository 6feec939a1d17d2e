package inbox

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Became returns what those of some conversations became that were merged into others.
func Became(q store.Queries, organization parley.ID, conversations ...parley.ID) (map[parley.ID]parley.ID, error) {
	became := make(map[parley.ID]parley.ID, len(conversations))
	if len(conversations) == 0 {
		return became, nil
	}
	err := q.Conn().Query(mergedInto, []any{string(organization), store.IDRows(conversations)}, func(r *sql.Rows) error {
		var id, into parley.ID
		err := r.Scan(&id, &into)
		became[id] = into
		return err
	})
	return became, err
}

// Merging is a conversation that becomes a part of another.
type Merging struct {
	Organization parley.ID
	From, Into   *parley.Conversation // as they are now
	Participants []parley.Participant // who takes or took part in the one, as they do in the other
}

var (
	mergedInto = `SELECT id, into_id FROM merged_conversations WHERE organization_id = $1 AND id IN ` + store.IDSource

	bothHave = `SELECT a.parent_id FROM messages AS a WHERE a.organization_id = $1 AND a.conversation_id = $2 AND a.parent_id <> ''
		AND EXISTS (SELECT 1 FROM messages AS b WHERE b.organization_id = $1 AND b.parent_id = a.parent_id AND b.parent_id <> ''
			AND b.conversation_id = $3) LIMIT 1`

	renumberMessages = `UPDATE messages SET conversation_id = $3, sequence = CASE WHEN sequence = 0 THEN 0 ELSE sequence + $4 END
		WHERE organization_id = $1 AND conversation_id = $2`
	moveDeliveries = `UPDATE deliveries SET conversation_id = $3 WHERE organization_id = $1
		AND message_id IN (SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2)`
	moveTags = `UPDATE message_tags SET conversation_id = $3 WHERE organization_id = $1 AND conversation_id = $2
		AND (tag, message_id) IN (SELECT t.tag, t.message_id FROM messages AS m JOIN message_tags AS t ON t.organization_id = m.organization_id
			AND t.message_id = m.id WHERE m.organization_id = $1 AND m.conversation_id = $2)`
	moveHistory = `UPDATE conversation_history SET conversation_id = $3, sequence = sequence + $4 WHERE organization_id = $1 AND conversation_id = $2`

	// Who had read all of the other one has read what it had read of this one; who had not, has not.
	mergeMarks = `INSERT INTO marks (organization_id, conversation_id, user_id, kind, through, at)
		SELECT a.organization_id, $3, a.user_id, a.kind, a.through + $4, a.at FROM marks AS a
		WHERE a.organization_id = $1 AND a.conversation_id = $2 AND ($4 = 0 OR EXISTS (SELECT 1 FROM marks AS b
			WHERE b.organization_id = $1 AND b.conversation_id = $3 AND b.user_id = a.user_id AND b.kind = a.kind AND b.through >= $4))
		ON CONFLICT DO NOTHING`
	dropMarks = "DELETE FROM marks WHERE organization_id = $1 AND conversation_id = $2"

	// Of replies, before their messages are elsewhere.
	renumberReplies = `UPDATE replies SET sequence = sequence + $3 WHERE organization_id = $1
		AND root_id IN (SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2)`
	renumberAsked = `UPDATE ack_requests SET conversation_id = $3, sequence = sequence + $4 WHERE organization_id = $1 AND conversation_id = $2`

	dropLabels = "DELETE FROM conversation_labels WHERE organization_id = $1 AND conversation_id = $2"

	movePages = "UPDATE pages SET conversation_id = $3 WHERE organization_id = $1 AND conversation_id = $2"
	// Who has muted one of the two only hears of what goes on in both.
	dropMutes = "DELETE FROM mutes WHERE organization_id = $1 AND conversation_id = $2"

	moveDrafts = "UPDATE drafts SET conversation_id = $3 WHERE organization_id = $1 AND conversation_id = $2"

	mergeParticipants = `INSERT INTO participants (organization_id, conversation_id, kind, participant_id, name, address_kind, address,
			joined_sequence, left_sequence, delivered_through, read_through)
		SELECT $1, $2, kind, participant_id, name, address_kind, address, joined_sequence, left_sequence, 0, 0 FROM ` +
		sqldb.From("$3", "kind TEXT", "participant_id TEXT", "name TEXT", "address_kind TEXT", "address TEXT", "joined_sequence BIGINT",
			"left_sequence BIGINT") + ` AS j WHERE true
		ON CONFLICT (organization_id, conversation_id, kind, participant_id, address_kind, address) DO NOTHING`
	dropParticipants = "DELETE FROM participants WHERE organization_id = $1 AND conversation_id = $2"

	moveAliases  = "UPDATE merged_conversations SET into_id = $3 WHERE organization_id = $1 AND into_id = $2"
	insertAlias  = "INSERT INTO merged_conversations (organization_id, id, into_id, thread_key, created_at) VALUES ($1, $2, $3, $4, $5)"
	dropMerged   = "DELETE FROM conversations WHERE organization_id = $1 AND id = $2"
	dropDetails  = "DELETE FROM conversation_details WHERE organization_id = $1 AND conversation_id = $2 AND ($3 = 1 OR external_id = '')"
	extendMerged = `UPDATE conversations SET last_sequence = $3, last_message_id = $4, activity_at = $5, inbox = $6, rev = rev + 1
		WHERE organization_id = $1 AND id = $2`
)

// BothHave returns a broadcast message of which two conversations have a copy each; empty where there is none.
func BothHave(q store.Queries, organization, a, b parley.ID) (id parley.ID, err error) {
	err = q.Conn().Query(bothHave, []any{string(organization), string(a), string(b)}, func(r *sql.Rows) error { return r.Scan(&id) })
	return id, err
}

// Merge makes everything name the other conversation that named the one that becomes a part of it: its items, which come
// after those of the other and keep their order and times, its deliveries, those that wait in the queue, marks, history,
// participants. Its row goes; what is left of it is its id, its thread key and its external id, where the other has one of
// its own. Deliveries that cannot be put in an order are parley.Conflict "deliveries-under-way". Whoever adds a table that
// names conversations adds it here.
func Merge(tx *store.Tx, m Merging) error {
	tx.MustHave(m.Organization)
	if err := m.moveJobs(tx); err != nil {
		return err
	}
	o, a, b, base := string(m.Organization), string(m.From.ID), string(m.Into.ID), m.Into.LastSequence
	var joining sqldb.Rows
	for _, p := range m.Participants {
		joining.Add(string(p.Kind), string(p.ID), p.Name, string(p.Address.Kind), p.Address.Value, p.JoinedSequence, p.LeftSequence)
	}
	takeExternal := 0
	if m.Into.ExternalID == "" || m.From.ExternalID == m.Into.ExternalID {
		takeExternal = 1
	}
	last, activity := m.Into.LastMessage, m.Into.ActivityAt
	if m.From.LastMessage != "" && (last == "" || !m.From.ActivityAt.Before(activity)) {
		last, activity = m.From.LastMessage, m.From.ActivityAt
	}
	for _, s := range []sqldb.Statement{
		{Text: moveTags, Args: []any{o, a, b}},
		{Text: moveDeliveries, Args: []any{o, a, b}},
		{Text: renumberReplies, Args: []any{o, a, base}},
		{Text: renumberAsked, Args: []any{o, a, b, base}},
		{Text: renumberMessages, Args: []any{o, a, b, base}},
		{Text: moveHistory, Args: []any{o, a, b, base}},
		{Text: mergeMarks, Args: []any{o, a, b, base}},
		{Text: dropMarks, Args: []any{o, a}},
		{Text: movePages, Args: []any{o, a, b}},
		{Text: dropLabels, Args: []any{o, a}},
		{Text: moveDrafts, Args: []any{o, a, b}},
		{Text: dropMutes, Args: []any{o, a}},
		{Text: mergeParticipants, Args: []any{o, b, joining.Param()}},
		{Text: dropParticipants, Args: []any{o, a}},
		{Text: moveAliases, Args: []any{o, a, b}},
		{Text: insertAlias, Args: []any{o, a, b, m.From.ThreadKey, store.Millis(m.From.CreatedAt)}},
		{Text: dropMerged, Args: []any{o, a}},
		{Text: dropDetails, Args: []any{o, a, takeExternal}},
		{Text: extendMerged, Args: []any{o, b, base + m.From.LastSequence, string(last), store.Millis(activity), m.From.Inbox || m.Into.Inbox}},
	} {
		if _, err := tx.Conn().Exec(s.Text, s.Args...); err != nil {
			return err
		}
	}
	return nil
}

// waiting is a job of a conversation in the queue.
type waiting struct {
	id      string
	of      store.DeliveryRef
	held    bool // it waits for another of its order
	begun   bool // it has been tried, or is under way
	claimed bool
}

var (
	channelsOf = `SELECT DISTINCT d.channel_id FROM messages AS m JOIN deliveries AS d ON d.organization_id = m.organization_id AND d.message_id = m.id
		WHERE m.organization_id = $1 AND m.conversation_id = $2`
	jobsBetween = `SELECT j.n, q.id, q.message_id, q.delivery, q.due_at >= $3, q.attempt > 0 OR q.claimed = 1 OR q.payload <> '', q.claimed = 1
		FROM ` + sqldb.From("$1", "n BIGINT", "above TEXT", "below TEXT") + ` AS j CROSS JOIN jobs AS q
		WHERE q.organization_id = $2 AND q.id > j.above AND q.id < j.below ORDER BY j.n, q.id FOR UPDATE OF q`
	rename = `UPDATE jobs SET id = j.new_id, due_at = CASE WHEN j.held = 1 THEN $3 ELSE due_at END
		FROM ` + sqldb.From("$2", "id TEXT", "new_id TEXT", "held BIGINT") + ` AS j WHERE jobs.organization_id = $1 AND jobs.id = j.id`
	follow = `UPDATE jobs SET payload = j.payload FROM ` + sqldb.From("$2", "id TEXT", "payload TEXT") + ` AS j
		WHERE jobs.organization_id = $1 AND jobs.id = j.id`
)

// moveJobs gives what waits in the queue its place behind what waits of the other conversation. Of an order one is under way
// at a time, or tried again: where both have one that has begun, they cannot be one order.
func (m *Merging) moveJobs(tx *store.Tx) error {
	orders, err := m.orders(tx.Queries)
	if err != nil {
		return err
	}
	jobs, err := between(tx, m.Organization, orders)
	if err != nil {
		return err
	}
	var renamed, validity sqldb.Rows
	for n := 0; n+1 < len(orders); n += 2 {
		from, into := jobs[n], jobs[n+1]
		begun, other := anyBegun(from), anyBegun(into)
		if begun != nil && (begun.claimed || other != nil) {
			return parley.Conflict("deliveries-under-way", "a message of the conversation is being delivered; try again in a moment")
		}
		for i, j := range from {
			id := orders[n+1].prefix + renumbered(strings.TrimPrefix(j.id, orders[n].prefix), m.Into.LastSequence)
			hold := 0
			if begun == nil && (len(into) > 0 || i > 0) || begun != nil && j.id != begun.id {
				hold = 1
			}
			renamed.Add(j.id, id, hold)
			validity.Add(store.ValidityJobID(j.of.Message, j.of.Number), id)
		}
		for _, j := range into {
			if begun != nil && !j.held {
				renamed.Add(j.id, j.id, 1)
			}
		}
	}
	if err := m.moveOnRead(tx, &renamed); err != nil {
		return err
	}
	if renamed.Len() > 0 {
		if _, err := tx.Conn().Exec(rename, string(m.Organization), renamed.Param(), store.Held); err != nil {
			return err
		}
	}
	if validity.Len() > 0 {
		if _, err := tx.Conn().Exec(follow, string(m.Organization), validity.Param()); err != nil {
			return err
		}
	}
	return tx.Done([]store.Job{{Organization: m.Organization, ID: store.JobID(store.JobWake, string(m.From.ID)), Kind: store.JobWake}})
}

func anyBegun(jobs []waiting) *waiting {
	for i := range jobs {
		if jobs[i].begun {
			return &jobs[i]
		}
	}
	return nil
}

// order is what the ids of jobs begin with that go out one at a time.
type order struct{ prefix string }

// orders are those of the conversation, each followed by what it becomes.
func (m *Merging) orders(q store.Queries) (list []order, err error) {
	var channels []parley.ID
	err = q.Conn().Query(channelsOf, []any{string(m.Organization), string(m.From.ID)}, func(r *sql.Rows) error {
		var channel parley.ID
		if err := r.Scan(&channel); err != nil {
			return err
		}
		channels = append(channels, channel)
		for _, priority := range []parley.Priority{parley.PriorityNormal, parley.PriorityHigh} {
			for _, c := range []*parley.Conversation{m.From, m.Into} {
				id := store.DeliveryJobID(channel, c.ID, priority.Rank(), time.Time{}, 0, 0)
				list = append(list, order{id[:strings.LastIndexByte(id, '|')+1]})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, channel := range channels {
		more, err := m.deferred(q, channel)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// deferred are the orders of what waits until some time on a channel.
func (m *Merging) deferred(q store.Queries, channel parley.ID) (list []order, err error) {
	own, others := store.DeferredPrefix(channel, m.From.ID), store.DeferredPrefix(channel, m.Into.ID)
	err = q.Conn().Query("SELECT id FROM jobs WHERE organization_id = $1 AND id > $2 AND id < $3 ORDER BY id",
		[]any{string(m.Organization), own, own + "~"}, func(r *sql.Rows) error {
			var id string
			if err := r.Scan(&id); err != nil {
				return err
			}
			prefix := id[:strings.LastIndexByte(id, '|')+1]
			if len(list) == 0 || list[len(list)-2].prefix != prefix {
				list = append(list, order{prefix}, order{others + strings.TrimPrefix(prefix, own)})
			}
			return nil
		})
	return list, err
}

// between returns the jobs of each of some orders, which no other node can claim before the transaction ends.
func between(tx *store.Tx, organization parley.ID, orders []order) ([][]waiting, error) {
	jobs := make([][]waiting, len(orders))
	if len(orders) == 0 {
		return jobs, nil
	}
	var rows sqldb.Rows
	for n, o := range orders {
		rows.Add(n, o.prefix, strings.TrimSuffix(o.prefix, "|")+"}")
	}
	err := tx.Conn().Query(jobsBetween, []any{rows.Param(), string(organization), store.Held}, func(r *sql.Rows) error {
		var n int
		var j waiting
		err := r.Scan(&n, &j.id, &j.of.Message, &j.of.Number, &j.held, &j.begun, &j.claimed)
		jobs[n] = append(jobs[n], j)
		return err
	})
	return jobs, err
}

// renumbered is the place of a delivery in its order, whose message got a number so much greater.
func renumbered(place string, by int64) string {
	sequence, rest, _ := strings.Cut(place, ".")
	n, _ := strconv.ParseInt(sequence, 16, 64) // as DeliveryJobID wrote it
	return fmt.Sprintf("%011x.%s", n+by, rest)
}

// moveOnRead renames the marks of messages that are deleted on read.
func (m *Merging) moveOnRead(tx *store.Tx, renamed *sqldb.Rows) error {
	prefix := func(c *parley.Conversation) string { return store.JobID(store.JobOnRead, string(c.ID)) + "|" }
	jobs, err := between(tx, m.Organization, []order{{prefix(m.From)}})
	if err != nil {
		return err
	}
	for _, j := range jobs[0] {
		n, err := strconv.ParseInt(strings.TrimPrefix(j.id, prefix(m.From)), 16, 64)
		if err != nil {
			return err
		}
		renamed.Add(j.id, prefix(m.Into)+fmt.Sprintf("%011x", n+m.Into.LastSequence), 0)
	}
	return nil
}
