package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
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
	kept, seen := fresh[:0], sights[:0]
	for i, a := range batch {
		switch {
		case errs[i] != nil:
		case replays[a] != nil:
			errs[i] = replays[a]
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
	messages, deliveries, jobs, conversations, tags, media, batches, links sqldb.Rows
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
	} {
		if s.rows.Len() > 0 {
			all = append(all, sqldb.Statement{Text: s.text, Args: []any{s.rows.Param()}})
		}
	}
	return tx.tx.ExecAll(all)
}

// Idempotency is the record of a request that has a key: what a repeat answers with.
type Idempotency struct {
	Scope       string // a hash of the credential, method, path and key
	RequestHash string
	Status      int
	Resource    parley.ID // what the request made
	Once        bool      // a repeat is refused in place of being answered; not kept
}

// Replay is returned where the scope has been used before: nothing was written.
type Replay struct{ Idempotency }

func (r *Replay) Error() string { return "replay of " + string(r.Resource) }

var (
	insertIdempotency = `INSERT INTO idempotency (organization_id, scope, request_hash, status, resource_id, created_at)
		SELECT organization_id, scope, request_hash, status, resource_id, created_at FROM ` + sqldb.From("$1", "organization_id TEXT",
		"scope TEXT", "request_hash TEXT", "status BIGINT", "resource_id TEXT", "created_at BIGINT") + ` AS j WHERE true
		ON CONFLICT DO NOTHING`
	lostKeys = `SELECT j.n, i.request_hash, i.status, i.resource_id FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "scope TEXT") + ` AS j
		JOIN idempotency AS i ON i.organization_id = j.organization_id AND i.scope = j.scope`
)

func (a *Append) scope() string {
	if a.Idempotency == nil {
		return ""
	}
	return a.Idempotency.Scope
}

// claimKeys inserts the idempotency records of a batch, and returns the earlier record of each that lost. Where there
// are several each makes another resource.
func (tx *Tx) claimKeys(batch []*Append) (map[*Append]*Replay, error) {
	var rows, mine sqldb.Rows
	order := make([]int, len(batch)) // in one order everywhere: other nodes may claim the same ones now
	for n := range batch {
		order[n] = n
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(batch[i].scope(), batch[j].scope()) })
	for _, n := range order {
		a := batch[n]
		if i := a.Idempotency; i != nil {
			rows.Add(string(a.Organization), i.Scope, i.RequestHash, i.Status, string(i.Resource), Millis(tx.Now))
			mine.Add(n, string(a.Organization), i.Scope)
		}
	}
	if rows.Len() == 0 || tx.s.options.Sabotage == SabotageKeys {
		return nil, nil
	}
	for {
		won, err := tx.c.Exec(insertIdempotency, rows.Param())
		if err != nil || won == int64(rows.Len()) { // who has won is not asked: most often all have
			return nil, err
		}
		found, replays := 0, map[*Append]*Replay{}
		err = tx.c.Query(lostKeys, []any{mine.Param()}, func(r *sql.Rows) error {
			var n int
			var i Idempotency
			err := r.Scan(&n, &i.RequestHash, &i.Status, &i.Resource)
			found++
			if tx.s.options.Sabotage == SabotageLate && i.Resource > parley.NewID(tx.Now.Add(-time.Second)) {
				return err
			}
			if own := batch[n].Idempotency; rows.Len() == 1 || i.Resource != own.Resource {
				i.Scope = own.Scope
				replays[batch[n]] = &Replay{i}
			}
			return err
		})
		if err != nil || found == rows.Len() {
			return replays, err
		}
		// An old record was in the way that another node has swept meanwhile: now it is not.
	}
}

// ClaimKey inserts an idempotency record inside a general unit; it returns *Replay where the scope has been used.
func (tx *Tx) ClaimKey(organization parley.ID, i *Idempotency) error {
	if i == nil {
		return nil
	}
	a := &Append{Organization: organization, Idempotency: i}
	replays, err := tx.claimKeys([]*Append{a})
	if err == nil && replays[a] != nil {
		err = replays[a]
	}
	return err
}

// Idempotency returns the record of a scope.
func (q Queries) Idempotency(organization parley.ID, scope string) (*Replay, error) {
	r := &Replay{Idempotency{Scope: scope}}
	err := q.c.Row("SELECT request_hash, status, resource_id FROM idempotency WHERE organization_id = $1 AND scope = $2",
		[]any{string(organization), scope}, &r.RequestHash, &r.Status, &r.Resource)
	return r, Found(err, "idempotency record", "")
}

// DropIdempotency deletes up to limit records older than a time, and says how many: not those of test organizations, which
// have times of their own.
func (tx *Tx) DropIdempotency(before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM idempotency WHERE (organization_id, scope) IN
		(SELECT organization_id, scope FROM idempotency WHERE created_at < $1 AND substr(organization_id, 16, 4) <> 'test'
		ORDER BY created_at LIMIT $2)`, Millis(before), limit)
}

// DropIdempotencyOf is DropIdempotency of one organization: of a test organization, whose records have its time.
func (tx *Tx) DropIdempotencyOf(organization parley.ID, before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM idempotency WHERE organization_id = $1 AND scope IN
		(SELECT scope FROM idempotency WHERE organization_id = $1 AND created_at < $2 LIMIT $3)`, string(organization), Millis(before), limit)
}
