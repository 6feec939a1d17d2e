// Package numbered reads lists whose pages have numbers, and what conversations hold. Functions take the queries of the store.
package numbered

import (
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Span is a piece of a list.
type Span struct {
	Newest bool // first
	Skip   int
	Limit  int
}

// in writes a statement in the order of the span.
func (s Span) in(text string) string {
	if s.Newest {
		return strings.ReplaceAll(text, "/*order*/", "DESC")
	}
	return strings.ReplaceAll(text, "/*order*/", "ASC")
}

// customer says that a contact is the customer of a conversation c: the one that was there first of those who take part.
const customer = `c.visibility = 'organization' AND c.kind IN ('external', 'secure')
	AND NOT EXISTS (SELECT 1 FROM participants AS o WHERE o.organization_id = c.organization_id AND o.conversation_id = c.id
		AND o.kind = 'contact' AND o.participant_id <> '' AND o.participant_id < $3 AND o.left_sequence = 0)`

var (
	ofCustomer = `SELECT c.id FROM conversations AS c WHERE c.organization_id = $1 AND NOT (c.channel_id IN ` + store.IDSource + `)
		AND c.id IN (SELECT p.conversation_id FROM participants AS p WHERE p.organization_id = $1 AND p.participant_id = $3 AND p.participant_id <> ''
			AND p.kind = 'contact' AND p.left_sequence = 0)
		AND ` + customer + ` ORDER BY c.id /*order*/ LIMIT $4 OFFSET $5`
	withCustomer = `SELECT c.id FROM conversations AS c WHERE c.organization_id = $1 AND NOT (c.channel_id IN ` + store.IDSource + `)
		AND c.visibility = 'organization' AND c.kind IN ('external', 'secure')
		AND EXISTS (SELECT 1 FROM participants AS p WHERE p.organization_id = c.organization_id AND p.conversation_id = c.id AND p.kind = 'contact'
			AND p.participant_id <> '' AND p.left_sequence = 0)
		ORDER BY c.id /*order*/ LIMIT $3 OFFSET $4`
	written = `SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.kind = 'message'
		AND m.direction IN ('inbound', 'outbound') AND m.sequence > 0 AND m.removed <> 'moved'
		ORDER BY m.sent_at /*order*/, m.sequence /*order*/ LIMIT $3 OFFSET $4`
	contacts = `SELECT c.id FROM contacts AS c WHERE c.organization_id = $1 AND c.merged_into = '' ORDER BY c.id /*order*/ LIMIT $2 OFFSET $3`
)

func ids(q store.Queries, text string, args ...any) (list []parley.ID, err error) {
	err = q.Conn().Query(text, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		list = append(list, id)
		return err
	})
	return list, err
}

// Conversations returns conversations with somebody outside, in the order of their ids: those of one contact, or of all who are contacts
// where it is empty. Those on hidden channels are not among them.
func Conversations(q store.Queries, organization, contact parley.ID, hidden []parley.ID, s Span) ([]parley.ID, error) {
	hidden = append(slices.Clone(hidden), "-") // no channel's: there is always one
	if contact == "" {
		return ids(q, s.in(withCustomer), string(organization), store.IDRows(hidden), s.Limit, s.Skip)
	}
	return ids(q, s.in(ofCustomer), string(organization), store.IDRows(hidden), string(contact), s.Limit, s.Skip)
}

// Messages returns what somebody outside wrote or got in a conversation, in the order of display.
func Messages(q store.Queries, organization, conversation parley.ID, s Span) ([]parley.ID, error) {
	return ids(q, s.in(written), string(organization), string(conversation), s.Limit, s.Skip)
}

// Contacts returns contacts, in the order of their ids.
func Contacts(q store.Queries, organization parley.ID, s Span) ([]parley.ID, error) {
	return ids(q, s.in(contacts), string(organization), s.Limit, s.Skip)
}

// CountContacts counts contacts, up to limit.
func CountContacts(q store.Queries, organization parley.ID, limit int) (n int, err error) {
	err = q.Conn().Row("SELECT count(*) FROM (SELECT 1 FROM contacts WHERE organization_id = $1 AND merged_into = '' LIMIT $2) AS c",
		[]any{string(organization), limit}, &n)
	return n, err
}

// Tally is how many items of one sort a conversation has.
type Tally struct {
	Conversation parley.ID
	Kind         parley.MessageKind
	Direction    parley.Direction
	Platform     string
	Items        int
}

// Counted is up to how many items of a conversation are counted: the newest.
const Counted = 10_000

// tallies looks first where the newest begin. The limit is more than anybody asks for: it keeps that a look of its own, and the cross join
// the first.
var tallies = fmt.Sprintf(`SELECT m.conversation_id, m.kind, m.direction, m.platform, count(*) FROM
		(SELECT j.id, coalesce((SELECT o.sent_at FROM messages AS o WHERE o.organization_id = $1 AND o.conversation_id = j.id
			ORDER BY o.sent_at DESC, o.sequence DESC LIMIT 1 OFFSET %d), %d) AS since FROM `, Counted-1, math.MinInt64+1) + sqldb.From("$2", "id TEXT") + ` AS j LIMIT 1000) AS b
	CROSS JOIN messages AS m
	WHERE m.organization_id = $1 AND m.conversation_id = b.id AND m.sent_at >= b.since AND m.sequence > 0 AND m.removed <> 'moved'
	GROUP BY m.conversation_id, m.kind, m.direction, m.platform ORDER BY m.conversation_id, m.kind, m.direction, m.platform`

// Tallies counts the items of conversations, up to Counted of each.
func Tallies(q store.Queries, organization parley.ID, conversations []parley.ID) (list []Tally, err error) {
	err = q.Conn().Query(tallies, []any{string(organization), store.IDRows(conversations)}, func(r *sql.Rows) error {
		var t Tally
		err := r.Scan(&t.Conversation, &t.Kind, &t.Direction, &t.Platform, &t.Items)
		list = append(list, t)
		return err
	})
	return list, err
}

// Ends are the first and the last message of a conversation in each direction; empty where there is none.
type Ends struct{ FirstIn, LastIn, FirstOut, LastOut parley.ID }

func end(direction, order string) string {
	return `coalesce((SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = j.id AND m.direction = '` + direction + `'
		AND m.sequence > 0 AND m.kind = 'message' AND m.removed <> 'moved' ORDER BY m.sent_at ` + order + `, m.sequence ` + order + ` LIMIT 1), '')`
}

var ends = "SELECT j.id, " + end("inbound", "ASC") + ", " + end("inbound", "DESC") + ", " + end("outbound", "ASC") + ", " + end("outbound", "DESC") +
	" FROM " + sqldb.From("$2", "id TEXT") + " AS j"

// EndsOf returns the ends of conversations.
func EndsOf(q store.Queries, organization parley.ID, conversations []parley.ID) (map[parley.ID]Ends, error) {
	found := make(map[parley.ID]Ends, len(conversations))
	err := q.Conn().Query(ends, []any{string(organization), store.IDRows(conversations)}, func(r *sql.Rows) error {
		var id parley.ID
		var e Ends
		err := r.Scan(&id, &e.FirstIn, &e.LastIn, &e.FirstOut, &e.LastOut)
		found[id] = e
		return err
	})
	return found, err
}

var before = `SELECT j.id, coalesce((SELECT m.direction FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = j.conversation
		AND m.direction IN ('inbound', 'outbound') AND m.sequence > 0 AND m.kind = 'message' AND m.removed <> 'moved'
		AND (m.sent_at, m.sequence) < (j.sent_at, j.sequence) ORDER BY m.sent_at DESC, m.sequence DESC LIMIT 1), '')
	FROM ` + sqldb.From("$2", "id TEXT", "conversation TEXT", "sent_at BIGINT", "sequence BIGINT") + ` AS j`

// Place is where a message is in the display of its conversation.
type Place struct {
	Message, Conversation parley.ID
	SentAt                time.Time
	Sequence              int64
}

// Before returns the directions of the messages that come before some; empty where that is the first.
func Before(q store.Queries, organization parley.ID, places []Place) (map[parley.ID]parley.Direction, error) {
	var rows sqldb.Rows
	for _, p := range places {
		rows.Add(string(p.Message), string(p.Conversation), store.Millis(p.SentAt), p.Sequence)
	}
	found := make(map[parley.ID]parley.Direction, len(places))
	err := q.Conn().Query(before, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var id parley.ID
		var direction parley.Direction
		err := r.Scan(&id, &direction)
		found[id] = direction
		return err
	})
	return found, err
}

// Standing is how many conversations of a status a customer has.
type Standing struct {
	Contact       parley.ID
	Status        parley.ConversationStatus
	Conversations int
}

var standings = `SELECT p.participant_id, c.status, count(DISTINCT c.id) FROM participants AS p
	JOIN conversations AS c ON c.organization_id = p.organization_id AND c.id = p.conversation_id
	WHERE p.organization_id = $1 AND p.participant_id IN ` + store.IDSource + ` AND p.participant_id <> '' AND p.kind = 'contact' AND p.left_sequence = 0
		AND NOT (c.channel_id IN (SELECT id FROM ` + sqldb.From("$3", "id TEXT") + ` AS h)) AND ` + strings.ReplaceAll(customer, "$3", "p.participant_id") + `
	GROUP BY p.participant_id, c.status ORDER BY p.participant_id, c.status`

// Standings counts the conversations of customers. Those on hidden channels are not among them.
func Standings(q store.Queries, organization parley.ID, customers, hidden []parley.ID) (list []Standing, err error) {
	hidden = append(slices.Clone(hidden), "-")
	err = q.Conn().Query(standings, []any{string(organization), store.IDRows(customers), store.IDRows(hidden)}, func(r *sql.Rows) error {
		var s Standing
		err := r.Scan(&s.Contact, &s.Status, &s.Conversations)
		list = append(list, s)
		return err
	})
	return list, err
}
