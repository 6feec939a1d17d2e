package store

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var ownParts = "SELECT conversation_id, " + participantColumns + " FROM participants WHERE organization_id = $1 AND conversation_id IN " +
	idSource + " AND kind = 'user' AND participant_id = $3"

// PartsOf returns a user's part in those of the conversations that it takes or took part in.
func (q Queries) PartsOf(organization, user parley.ID, conversations []parley.ID) (map[parley.ID]*parley.Participant, error) {
	parts := make(map[parley.ID]*parley.Participant, len(conversations))
	if len(conversations) == 0 || user == "" {
		return parts, nil
	}
	err := q.c.Query(ownParts, []any{string(organization), idRows(conversations), string(user)}, func(r *sql.Rows) error {
		var conversation parley.ID
		p := &parley.Participant{}
		err := scanParticipant(r, p, &conversation)
		parts[conversation] = p
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
}

var membersOf = `SELECT p.conversation_id, p.participant_id, p.joined_sequence, p.left_sequence, p.delivered_through, p.read_through
	FROM participants AS p WHERE p.organization_id = $1 AND p.conversation_id IN ` + idSource + " AND p.kind = 'user'"

// MembersOf returns the users who take or took part in conversations, in order of their ids.
func (q Queries) MembersOf(organization parley.ID, conversations []parley.ID) (map[parley.ID][]Member, error) {
	members := make(map[parley.ID][]Member, len(conversations))
	if len(conversations) == 0 {
		return members, nil
	}
	err := q.c.Query(membersOf, []any{string(organization), idRows(conversations)}, func(r *sql.Rows) error {
		var conversation parley.ID
		var m Member
		err := r.Scan(&conversation, &m.User, &m.JoinedSequence, &m.LeftSequence, &m.DeliveredThrough, &m.ReadThrough)
		members[conversation] = append(members[conversation], m)
		return err
	})
	return members, err
}

var hiddenFrom = `SELECT message_id, user_id, at FROM hidden_messages WHERE organization_id = $1 AND message_id IN ` + idSource

// HiddenFrom returns for whom, and since when, each message's content is hidden because they have read it.
func (q Queries) HiddenFrom(organization parley.ID, messages []parley.ID) (map[parley.ID]map[parley.ID]time.Time, error) {
	hidden := make(map[parley.ID]map[parley.ID]time.Time)
	if len(messages) == 0 {
		return hidden, nil
	}
	err := q.c.Query(hiddenFrom, []any{string(organization), idRows(messages)}, func(r *sql.Rows) error {
		var message, user parley.ID
		var at int64
		err := r.Scan(&message, &user, &at)
		if hidden[message] == nil {
			hidden[message] = map[parley.ID]time.Time{}
		}
		hidden[message][user] = moment(at)
		return err
	})
	return hidden, err
}

var jobsByID = `SELECT message_id FROM jobs WHERE organization_id = $1 AND id IN ` + idSource

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
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, string(organization), string(message), string(actor.Kind), string(actor.ID), millis(tx.Now))
	return n > 0, err
}

// Acknowledgements returns who has taken note of a message, and when; the names are the caller's.
func (q Queries) Acknowledgements(organization, message parley.ID) ([]parley.Interaction, error) {
	var list []parley.Interaction
	err := q.c.Query(`SELECT actor_kind, actor_id, at FROM acknowledgements WHERE organization_id = $1 AND message_id = $2
		ORDER BY at, actor_id`, []any{string(organization), string(message)}, func(r *sql.Rows) error {
		i := parley.Interaction{Message: message, Kind: parley.InteractionAcknowledged}
		var at int64
		err := r.Scan(&i.Actor.Kind, &i.Actor.ID, &at)
		i.At = moment(at)
		list = append(list, i)
		return err
	})
	return list, err
}

var sequencesOf = "SELECT id, sequence FROM messages WHERE organization_id = $1 AND id IN " + idSource

// SequencesOf returns the numbers of messages in their conversations; 0 of scheduled ones.
func (q Queries) SequencesOf(organization parley.ID, messages []parley.ID) (map[parley.ID]int64, error) {
	sequences := make(map[parley.ID]int64, len(messages))
	if len(messages) == 0 {
		return sequences, nil
	}
	err := q.c.Query(sequencesOf, []any{string(organization), idRows(messages)}, func(r *sql.Rows) error {
		var id parley.ID
		var sequence int64
		err := r.Scan(&id, &sequence)
		sequences[id] = sequence
		return err
	})
	return sequences, err
}
