package store

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// partColumns are those of a participant p, and of one of its earlier parts.
const partColumns = `p.kind, p.participant_id, p.name, p.address_kind, p.address, p.joined_sequence, p.left_sequence, p.delivered_through,
	p.read_through, coalesce(e.joined_sequence, 0), coalesce(e.left_sequence, 0)`

// joinEarlier adds the earlier parts of users: a row for each.
const joinEarlier = ` LEFT JOIN past_parts AS e ON e.organization_id = p.organization_id AND e.conversation_id = p.conversation_id
	AND e.user_id = p.participant_id AND p.kind = 'user'`

// scanPart reads a participant of partColumns; the earlier part, if any, is returned.
func scanPart(r *sql.Rows, p *parley.Participant, before ...any) ([]parley.Span, error) {
	var e parley.Span
	err := r.Scan(append(before, &p.Kind, &p.ID, &p.Name, &p.Address.Kind, &p.Address.Value, &p.JoinedSequence, &p.LeftSequence,
		&p.DeliveredThrough, &p.ReadThrough, &e.Joined, &e.Left)...)
	if e.Left == 0 {
		return nil, err
	}
	return []parley.Span{e}, err
}

var ownParts = "SELECT p.conversation_id, " + partColumns + " FROM participants AS p" + joinEarlier +
	" WHERE p.organization_id = $1 AND p.conversation_id IN " + IDSource + " AND p.kind = 'user' AND p.participant_id = $3"

// PartsOf returns a user's part in those of the conversations that it takes or took part in.
func (q Queries) PartsOf(organization, user parley.ID, conversations []parley.ID) (map[parley.ID]*parley.Participant, error) {
	parts := make(map[parley.ID]*parley.Participant, len(conversations))
	if len(conversations) == 0 || user == "" {
		return parts, nil
	}
	err := q.c.Query(ownParts, []any{string(organization), IDRows(conversations), string(user)}, func(r *sql.Rows) error {
		var conversation parley.ID
		var p parley.Participant
		earlier, err := scanPart(r, &p, &conversation)
		if parts[conversation] == nil {
			parts[conversation] = &p
		}
		parts[conversation].Earlier = append(parts[conversation].Earlier, earlier...)
		return err
	})
	return parts, err
}

// Member is a user's part in a conversation: when it receives, and its markers.
type Member struct {
	User             parley.ID
	JoinedSequence   int64
	LeftSequence     int64
	DeliveredThrough int64
	ReadThrough      int64
	Earlier          []parley.Span
}

// Receives reports whether an item falls into the time of the member's part.
func (m *Member) Receives(sequence int64) bool {
	return parley.Receives(m.JoinedSequence, m.LeftSequence, m.Earlier, sequence)
}

var membersOf = `SELECT p.conversation_id, p.participant_id, p.joined_sequence, p.left_sequence, p.delivered_through, p.read_through,
		coalesce(e.joined_sequence, 0), coalesce(e.left_sequence, 0)
	FROM participants AS p` + joinEarlier + " WHERE p.organization_id = $1 AND p.conversation_id IN " + IDSource +
	" AND p.kind = 'user' ORDER BY p.conversation_id, p.participant_id"

// MembersOf returns the users who take or took part in conversations, in order of their ids.
func (q Queries) MembersOf(organization parley.ID, conversations []parley.ID) (map[parley.ID][]Member, error) {
	members := make(map[parley.ID][]Member, len(conversations))
	if len(conversations) == 0 {
		return members, nil
	}
	err := q.c.Query(membersOf, []any{string(organization), IDRows(conversations)}, func(r *sql.Rows) error {
		var conversation parley.ID
		var m Member
		var e parley.Span
		err := r.Scan(&conversation, &m.User, &m.JoinedSequence, &m.LeftSequence, &m.DeliveredThrough, &m.ReadThrough, &e.Joined, &e.Left)
		list := members[conversation]
		if n := len(list); n == 0 || list[n-1].User != m.User {
			list = append(list, m)
		}
		if e.Left > 0 {
			last := &list[len(list)-1]
			last.Earlier = append(last.Earlier, e)
		}
		members[conversation] = list
		return err
	})
	return members, err
}

var hiddenFrom = `SELECT message_id, user_id, at FROM hidden_messages WHERE organization_id = $1 AND message_id IN ` + IDSource

// HiddenFrom returns for whom, and since when, each message's content is hidden because they have read it.
func (q Queries) HiddenFrom(organization parley.ID, messages []parley.ID) (map[parley.ID]map[parley.ID]time.Time, error) {
	hidden := make(map[parley.ID]map[parley.ID]time.Time)
	if len(messages) == 0 {
		return hidden, nil
	}
	err := q.c.Query(hiddenFrom, []any{string(organization), IDRows(messages)}, func(r *sql.Rows) error {
		var message, user parley.ID
		var at int64
		err := r.Scan(&message, &user, &at)
		if hidden[message] == nil {
			hidden[message] = map[parley.ID]time.Time{}
		}
		hidden[message][user] = Moment(at)
		return err
	})
	return hidden, err
}

var jobsByID = `SELECT message_id FROM jobs WHERE organization_id = $1 AND id IN ` + IDSource

// FanningOut returns those of the messages whose copies are still being added.
func (q Queries) FanningOut(organization parley.ID, messages []parley.ID) (map[parley.ID]bool, error) {
	pending := make(map[parley.ID]bool)
	if len(messages) == 0 {
		return pending, nil
	}
	var rows sqldb.Rows
	for _, id := range messages {
		rows.Add(JobID(JobFanOut, string(id)))
	}
	ids, err := q.ids(jobsByID, string(organization), rows.Param())
	for _, id := range ids {
		pending[id] = true
	}
	return pending, err
}

var (
	countOutside = `SELECT d.state, count(*) FROM messages AS m CROSS JOIN deliveries AS d
		WHERE m.organization_id = $1 AND m.parent_id = $2 AND m.parent_id <> '' AND d.organization_id = $1 AND d.message_id = m.id
		GROUP BY d.state`
	countMembers = `SELECT CASE WHEN p.read_through >= m.sequence THEN 'read' WHEN p.delivered_through >= m.sequence THEN 'delivered'
			ELSE 'sent' END AS state, count(*) FROM messages AS m CROSS JOIN participants AS p
		WHERE m.organization_id = $1 AND m.parent_id = $2 AND m.parent_id <> '' AND m.direction = 'none'
			AND p.organization_id = $1 AND p.conversation_id = m.conversation_id AND p.kind = 'user'
			AND p.participant_id <> m.author_id AND p.joined_sequence < m.sequence AND (p.left_sequence = 0 OR p.left_sequence > m.sequence)
		GROUP BY state`
)

// CopyCounts returns how many recipients of a broadcast message's copies are in each state.
func (q Queries) CopyCounts(organization, parent parley.ID) (map[parley.DeliveryState]int, error) {
	counts := map[parley.DeliveryState]int{}
	add := func(r *sql.Rows) error {
		var state parley.DeliveryState
		var n int
		err := r.Scan(&state, &n)
		counts[state] += n
		return err
	}
	args := []any{string(organization), string(parent)}
	if err := q.c.Query(countOutside, args, add); err != nil {
		return nil, err
	}
	err := q.c.Query(countMembers, args, add)
	return counts, err
}

// Acknowledge notes that somebody has taken note of a message, and says whether that is new.
func (tx *Tx) Acknowledge(organization, message parley.ID, actor parley.Actor) (bool, error) {
	n, err := tx.c.Exec(`INSERT INTO acknowledgements (organization_id, message_id, actor_kind, actor_id, at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, string(organization), string(message), string(actor.Kind), string(actor.ID), Millis(tx.Now))
	return n > 0, err
}

// SetReactions writes how many reactions a message has.
func (tx *Tx) SetReactions(organization parley.ID, m *parley.Message) error {
	extra, err := detailsOf(m)
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("UPDATE messages SET details = $1 WHERE organization_id = $2 AND id = $3", extra, string(organization), string(m.ID))
	return err
}

// Acknowledgements returns who has taken note of a message, and when; the names are the caller's.
func (q Queries) Acknowledgements(organization, message parley.ID) ([]parley.Interaction, error) {
	var list []parley.Interaction
	err := q.c.Query(`SELECT actor_kind, actor_id, at FROM acknowledgements WHERE organization_id = $1 AND message_id = $2
		ORDER BY at, actor_id`, []any{string(organization), string(message)}, func(r *sql.Rows) error {
		i := parley.Interaction{Message: message, Kind: parley.InteractionAcknowledged}
		var at int64
		err := r.Scan(&i.Actor.Kind, &i.Actor.ID, &at)
		i.At = Moment(at)
		list = append(list, i)
		return err
	})
	return list, err
}

// MessagePlace is where a message is by now.
type MessagePlace struct {
	Conversation parley.ID
	Sequence     int64 // 0 of a scheduled one
}

var placesOf = "SELECT id, conversation_id, sequence FROM messages WHERE organization_id = $1 AND id IN " + IDSource

// PlacesOf returns where messages are by now.
func (q Queries) PlacesOf(organization parley.ID, messages []parley.ID) (map[parley.ID]MessagePlace, error) {
	places := make(map[parley.ID]MessagePlace, len(messages))
	if len(messages) == 0 {
		return places, nil
	}
	err := q.c.Query(placesOf, []any{string(organization), IDRows(messages)}, func(r *sql.Rows) error {
		var id parley.ID
		var at MessagePlace
		err := r.Scan(&id, &at.Conversation, &at.Sequence)
		places[id] = at
		return err
	})
	return places, err
}

// bulk runs a statement over rows, if there are any.
func (tx *Tx) bulk(text string, rows *sqldb.Rows) error {
	if rows.Len() == 0 {
		return nil
	}
	_, err := tx.c.Exec(text, rows.Param())
	return err
}
