package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Append is a message on its way into a conversation that exists, with all that is written beside it.
type Append struct {
	Organization parley.ID
	// What the sender saw. Where one has changed since, the append is stale and nothing is written. Of all channels it counts
	// where the sender chose one.
	ConversationRev int64
	ChannelsRev     int64
	Contact         parley.ID
	ContactRev      int64
	ChannelRev      int64

	Message    parley.Message // without its sequence; SentAt zero means the transaction's time
	Deliveries []parley.Delivery
	Jobs       []Job // of the deliveries, in order, and of the message
	Events     []parley.Event
	// KeepOut leaves the conversation out of inbox views, if it is not in them yet.
	KeepOut     bool
	Links       []Link
	Idempotency *Idempotency
	Recorded    *Recorded // of what happened elsewhere
	// Older says that the message may be older than what was looked at to be kept no longer.
	Older bool

	// Set by a successful append.
	Sequence int64
	At       time.Time

	given *times // those of the message before it was numbered: a transaction may run again, and later
}

// times are those of a message that may be given.
type times struct{ created, sent, expires time.Time }

// ErrStale is an append whose conversation, contact or channel is no longer what the sender saw.
var ErrStale = errors.New("stale")

// Append writes a message through the hot path: many in few statements, answered when they are durable.
// It returns ErrStale or *Replay, with nothing written, where the slow path or a replay is due.
func (s *Store) Append(ctx context.Context, a *Append) error {
	return s.Engine().Write(ctx, sqldb.Unit{Keys: []string{conversationKey(a.Organization, a.Message.Conversation)}, Beside: keysOf(a.Organization), Bulk: &s.appends, Item: a, Size: a.size()})
}

func (a *Append) size() int {
	n := 1 << 10
	for i := range a.Message.Body {
		n += 2 * a.Message.Body[i].Size()
	}
	return n + 512*len(a.Deliveries)
}

// runAppends is the hot path: what the senders saw is checked, then idempotency, then rows in bulk.
func (s *Store) runAppends(t *sqldb.Tx, items []any) ([]error, error) {
	tx := s.wrap(t)
	errs := make([]error, len(items))
	batch := make([]*Append, len(items))
	for i, item := range items {
		batch[i] = item.(*Append)
	}
	sights, err := tx.inspect(batch)
	if err != nil {
		return nil, err
	}
	fresh := make([]*Append, 0, len(batch))
	for i, a := range batch {
		if sights[i].matches(a) {
			fresh = append(fresh, a)
		} else {
			errs[i] = ErrStale
		}
	}
	replays, err := tx.claimKeys(fresh)
	if err != nil {
		return nil, err
	}
	refused, err := tx.record(fresh)
	if err != nil {
		return nil, err
	}
	kept, seen := fresh[:0], sights[:0]
	for i, a := range batch {
		switch {
		case errs[i] != nil:
		case replays[a] != nil:
			errs[i] = replays[a]
		case refused[a] != nil:
			errs[i] = refused[a]
		default:
			kept, seen = append(kept, a), append(seen, sights[i])
		}
	}
	return errs, tx.write(kept, seen)
}

// Append writes messages inside a general unit, which has made all checks itself.
func (tx *Tx) Append(appends ...*Append) error {
	for _, a := range appends {
		tx.MustHave(a.Organization)
	}
	sights, err := tx.inspect(appends)
	if err != nil {
		return err
	}
	for i, sight := range sights {
		if sight.end == nil {
			return parley.NotFound("conversation", appends[i].Message.Conversation)
		}
	}
	refused, err := tx.record(appends)
	for _, refusal := range refused {
		err = refusal
	}
	if err != nil {
		return err
	}
	return tx.write(appends, sights)
}

// end is where a conversation ends. The appends of a batch to one conversation share it.
type end struct {
	organization, conversation parley.ID
	sequence, activity         int64
	last                       parley.ID
	inbox                      bool
	changed                    bool
}

// sight is what an append finds in the transaction.
type sight struct {
	rev, contactRev, channelRev, channelsRev int64
	busy                                     bool // its order has a delivery in the queue
	end                                      *end // nil: no such conversation
}

func (s sight) matches(a *Append) bool {
	return s.end != nil && s.rev == a.ConversationRev && s.contactRev == a.ContactRev && s.channelRev == a.ChannelRev &&
		(a.ChannelsRev == 0 || s.channelsRev == a.ChannelsRev)
}

// order is that of the message's deliveries; empty where it has none.
func (a *Append) order() string {
	if len(a.Deliveries) == 0 {
		return ""
	}
	return orderOf(a.Message.Channel, a.Message.Conversation, a.Message.Priority.Rank(), a.Message.NotBefore)
}

var inspectSQL = `SELECT j.n, c.rev, c.last_sequence, c.activity_at, c.inbox, c.last_message_id, coalesce(p.rev, 0), coalesce(h.rev, 0), l.channels_rev,
		j.job_order <> '' AND EXISTS (SELECT 1 FROM jobs WHERE jobs.organization_id = j.organization_id
			AND jobs.id > j.job_order || '|' AND jobs.id < j.job_order || '}')
	FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "conversation_id TEXT", "contact_id TEXT", "channel_id TEXT", "job_order TEXT") + ` AS j
	JOIN conversations AS c ON c.organization_id = j.organization_id AND c.id = j.conversation_id
	JOIN organization_log AS l ON l.organization_id = j.organization_id
	LEFT JOIN contacts AS p ON p.organization_id = j.organization_id AND p.id = j.contact_id
	LEFT JOIN channels AS h ON h.organization_id = j.organization_id AND h.id = j.channel_id AND h.deleted_at = 0`

// inspect looks at the conversations, contacts and channels of a batch.
func (tx *Tx) inspect(batch []*Append) ([]sight, error) {
	type key struct{ organization, conversation parley.ID }
	sights := make([]sight, len(batch))
	ends := make(map[key]*end, len(batch))
	var rows sqldb.Rows
	for i, a := range batch {
		rows.Add(i, string(a.Organization), string(a.Message.Conversation), string(a.Contact), string(a.Message.Channel), a.order())
	}
	err := tx.c.Query(inspectSQL, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		var s sight
		var e end
		if err := r.Scan(&n, &s.rev, &e.sequence, &e.activity, &e.inbox, &e.last, &s.contactRev, &s.channelRev, &s.channelsRev, &s.busy); err != nil {
			return err
		}
		e.organization, e.conversation = batch[n].Organization, batch[n].Message.Conversation
		k := key{e.organization, e.conversation}
		if ends[k] == nil {
			ends[k] = &e
		}
		s.end = ends[k]
		sights[n] = s
		return nil
	})
	return sights, err
}

// appendRows are the rows of a batch, a parameter for each table.
type appendRows struct {
	messages, deliveries, jobs, conversations, tags, media, batches, links, marks sqldb.Rows
}

// write numbers and inserts messages and what belongs to them.
func (tx *Tx) write(batch []*Append, sights []sight) error {
	if len(batch) == 0 {
		return nil
	}
	var rows appendRows
	busy := make(map[string]bool, len(batch))
	var ends []*end
	for i, a := range batch {
		e := sights[i].end
		if !e.changed {
			ends = append(ends, e)
		}
		tx.number(a, e)
		if err := rows.message(a); err != nil {
			return err
		}
		tx.addDeliveries(&rows, a, sights[i].busy, busy)
		if a.Older {
			rows.marks.Add(string(a.Organization), string(a.Message.Conversation))
		}
		for _, event := range a.Events {
			if event.Type == parley.EventMessageCreated && a.Message.State != "" {
				event.Created = &a.Message
			}
			tx.emit(a.Organization, event)
		}
	}
	for _, e := range ends {
		rows.conversations.Add(string(e.organization), string(e.conversation), e.sequence, string(e.last), e.activity, e.inbox)
	}
	return tx.insert(&rows)
}

// number gives the message its place in the conversation, and its times.
func (tx *Tx) number(a *Append, e *end) {
	e.sequence++
	a.Sequence, a.At = e.sequence, tx.Now
	a.Message.Sequence = a.Sequence
	if a.given == nil {
		a.given = &times{a.Message.CreatedAt, a.Message.SentAt, a.Message.ExpiresAt}
	}
	a.Message.CreatedAt, a.Message.SentAt, a.Message.ExpiresAt = a.given.created, a.given.sent, a.given.expires
	if a.Message.CreatedAt.IsZero() { // a scheduled one was made before
		a.Message.CreatedAt = tx.Now
	}
	if a.Message.SentAt.IsZero() {
		a.Message.SentAt = e.next(tx.Now)
	}
	if a.Message.TTL > 0 && a.Message.ExpiresAt.IsZero() {
		a.Message.ExpiresAt = tx.Now.Add(a.Message.TTL)
	}
	if sent := Millis(a.Message.SentAt); sent >= e.activity || e.last == "" {
		e.last, e.activity = a.Message.ID, sent
	}
	e.inbox = e.inbox || !a.KeepOut
	e.changed = true
}

// maxSetBack is by how much a clock that was set back cannot disturb the order in which a conversation is shown.
const maxSetBack = 24 * time.Hour

// next is when a message is sent now: not before the last one, though the clock may say so.
func (e *end) next(now time.Time) time.Time {
	if last := Moment(e.activity); last.After(now) && last.Sub(now) <= maxSetBack {
		return last
	}
	return now
}

var advanceConversations = `UPDATE conversations SET last_sequence = j.last_sequence, last_message_id = j.last_message_id,
		activity_at = j.activity_at, inbox = j.inbox
	FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "last_sequence BIGINT", "last_message_id TEXT",
	"activity_at BIGINT", "inbox BIGINT") + ` AS j
	WHERE conversations.organization_id = j.organization_id AND conversations.id = j.id`

// dropMarks forgets through when the messages of conversations were looked at.
var dropMarks = `DELETE FROM retention_marks WHERE (organization_id, conversation_id) IN
	(SELECT organization_id, conversation_id FROM ` + sqldb.From("$1", "organization_id TEXT", "conversation_id TEXT") + ` AS j)`

func (tx *Tx) insert(rows *appendRows) error {
	var all []sqldb.Statement
	for _, s := range []struct {
		text string
		rows *sqldb.Rows
	}{
		{insertMessages, &rows.messages},
		{insertDeliveries, &rows.deliveries},
		{insertJobs, &rows.jobs},
		{insertTags, &rows.tags},
		{insertMediaReferences, &rows.media},
		{insertBatches, &rows.batches},
		{insertLinks, &rows.links},
		{advanceConversations, &rows.conversations},
		{dropMarks, &rows.marks},
	} {
		if s.rows.Len() > 0 {
			all = append(all, sqldb.Statement{Text: s.text, Args: []any{s.rows.Param()}})
		}
	}
	return tx.tx.ExecAll(all)
}
