package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Merging is a contact that becomes a part of another.
type Merging struct {
	Organization parley.ID
	From, Into   parley.ID
	Name         string // of the other
}

// allConversations bounds nothing: it is more than a contact can have.
const allConversations = 1 << 30

// conversations are those that a contact takes or took part in, and those of its addresses: what was written to it in
// one that was begun with whoever had the address before names it too.
func conversations(q store.Queries, organization parley.ID, c *parley.Contact) ([]parley.ID, error) {
	list, err := q.ConversationsOf(organization, c.ID, allConversations)
	if err != nil {
		return nil, err
	}
	seen := make(map[parley.ID]bool, len(list))
	for _, id := range list {
		seen[id] = true
	}
	err = q.Conn().Query(`SELECT DISTINCT m.conversation_id FROM blind_copies AS b
		JOIN messages AS m ON m.organization_id = b.organization_id AND m.id = b.message_id WHERE b.organization_id = $1 AND b.contact_id = $2`, []any{string(organization), string(c.ID)},
		func(r *sql.Rows) error {
			var id parley.ID
			err := r.Scan(&id)
			if !seen[id] {
				seen[id] = true
				list = append(list, id)
			}
			return err
		})
	if err != nil {
		return nil, err
	}
	for _, a := range c.Addresses {
		with, err := q.ConversationsWith(organization, a, allConversations)
		if err != nil {
			return nil, err
		}
		for _, id := range with {
			if !seen[id] {
				seen[id] = true
				list = append(list, id)
			}
		}
	}
	return list, nil
}

var (
	namedConversations = `(SELECT id FROM ` + sqldb.From("$4", "id TEXT") + ` AS j)`

	bumpMerged = `UPDATE conversations SET rev = rev + 1 WHERE organization_id = $1 AND id IN (SELECT conversation_id FROM participants
		WHERE organization_id = $1 AND participant_id = $2 AND participant_id <> '' AND kind = 'contact')`

	// Where both take part with one address, the part of the two together is the longer one.
	mergeParticipants = `INSERT INTO participants (organization_id, conversation_id, kind, participant_id, name, address_kind, address,
			joined_sequence, left_sequence, delivered_through, read_through)
		SELECT p.organization_id, p.conversation_id, p.kind, $3, $4, p.address_kind, p.address, p.joined_sequence, p.left_sequence,
			p.delivered_through, p.read_through
		FROM participants AS p WHERE p.organization_id = $1 AND p.participant_id = $2 AND p.participant_id <> '' AND p.kind = 'contact'
		ON CONFLICT (organization_id, conversation_id, kind, participant_id, address_kind, address) DO UPDATE SET
			joined_sequence = CASE WHEN excluded.joined_sequence < participants.joined_sequence THEN excluded.joined_sequence
				ELSE participants.joined_sequence END,
			left_sequence = CASE WHEN participants.left_sequence = 0 OR excluded.left_sequence = 0 THEN 0
				WHEN excluded.left_sequence > participants.left_sequence THEN excluded.left_sequence ELSE participants.left_sequence END,
			delivered_through = CASE WHEN excluded.delivered_through > participants.delivered_through THEN excluded.delivered_through
				ELSE participants.delivered_through END,
			read_through = CASE WHEN excluded.read_through > participants.read_through THEN excluded.read_through
				ELSE participants.read_through END`
	dropParticipants = `DELETE FROM participants WHERE organization_id = $1 AND participant_id = $2 AND participant_id <> '' AND kind = 'contact'`

	mergeRecipients = `UPDATE deliveries SET recipient_id = $3 WHERE organization_id = $1 AND recipient_kind = 'contact' AND recipient_id = $2
		AND message_id IN (SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id IN ` + namedConversations + `)`
	mergeAuthors = `UPDATE messages SET author_id = $3 WHERE organization_id = $1 AND author_kind = 'contact' AND author_id = $2
		AND conversation_id IN ` + namedConversations

	asked     = ` AND message_id IN (SELECT r.message_id FROM ack_requests AS r WHERE r.organization_id = $1 AND r.conversation_id IN ` + namedConversations + `)`
	mergeAcks = `INSERT INTO acknowledgements (organization_id, message_id, actor_kind, actor_id, at)
		SELECT organization_id, message_id, actor_kind, $3, at FROM acknowledgements
		WHERE organization_id = $1 AND actor_kind = 'contact' AND actor_id = $2` + asked + ` ON CONFLICT DO NOTHING`
	dropAcks = `DELETE FROM acknowledgements WHERE organization_id = $1 AND actor_kind = 'contact' AND actor_id = $2` +
		` AND message_id IN (SELECT r.message_id FROM ack_requests AS r WHERE r.organization_id = $1 AND r.conversation_id IN (SELECT id FROM ` + sqldb.From("$3", "id TEXT") + ` AS j))`
	mergeInteractions = `UPDATE interactions SET actor_id = $3 WHERE organization_id = $1 AND actor_kind = 'contact' AND actor_id = $2`

	mergeBlind = `INSERT INTO blind_copies (organization_id, contact_id, message_id)
		SELECT organization_id, $3, message_id FROM blind_copies WHERE organization_id = $1 AND contact_id = $2 ON CONFLICT DO NOTHING`
	dropBlind = `DELETE FROM blind_copies WHERE organization_id = $1 AND contact_id = $2`

	mergeAliases = `UPDATE contacts SET merged_into = $3, rev = rev + 1 WHERE organization_id = $1 AND merged_into = $2 AND merged_into <> ''`
	dropOwn      = `DELETE FROM contact_addresses WHERE organization_id = $1 AND contact_id = $2`
)

// Merge makes everything name the other contact that named the one that becomes a part of it: participants, what was
// delivered, who wrote, and the ids of those that were merged into it before. Its addresses are taken from it; to
// give them to the other, its lists, and what the two are like, is the caller's.
func Merge(tx *store.Tx, m Merging, from *parley.Contact) error {
	list, err := conversations(tx.Queries, m.Organization, from)
	if err != nil {
		return err
	}
	var rows sqldb.Rows
	for _, id := range list {
		rows.Add(string(id))
	}
	o, a, b := string(m.Organization), string(m.From), string(m.Into)
	var all []sqldb.Statement
	if len(list) > 0 {
		all = append(all,
			sqldb.Statement{Text: mergeRecipients, Args: []any{o, a, b, rows.Param()}},
			sqldb.Statement{Text: mergeAuthors, Args: []any{o, a, b, rows.Param()}},
			sqldb.Statement{Text: bumpMerged, Args: []any{o, a}},
			sqldb.Statement{Text: mergeAcks, Args: []any{o, a, b, rows.Param()}},
			sqldb.Statement{Text: dropAcks, Args: []any{o, a, rows.Param()}},
			sqldb.Statement{Text: mergeParticipants, Args: []any{o, a, b, m.Name}},
			sqldb.Statement{Text: dropParticipants, Args: []any{o, a}})
	}
	return exec(tx, m.Organization, append(all,
		sqldb.Statement{Text: mergeBlind, Args: []any{o, a, b}},
		sqldb.Statement{Text: dropBlind, Args: []any{o, a}},
		sqldb.Statement{Text: mergeInteractions, Args: []any{o, a, b}},
		sqldb.Statement{Text: mergeAliases, Args: []any{o, a, b}},
		sqldb.Statement{Text: dropOwn, Args: []any{o, a}})...)
}

// FanOuts returns the payloads of the jobs that still add copies of an organization's broadcast messages.
func FanOuts(q store.Queries, organization parley.ID) ([]string, error) {
	var payloads []string
	err := q.Conn().Query("SELECT payload FROM jobs WHERE organization_id = $1 AND id > $2 AND id < $3",
		[]any{string(organization), store.JobID(store.JobFanOut, ""), store.JobID(store.JobFanOut, "~")}, func(r *sql.Rows) error {
			var payload string
			err := r.Scan(&payload)
			payloads = append(payloads, payload)
			return err
		})
	return payloads, err
}

// MoveExternalIDs gives a contact the ids in other systems that another has which becomes a part of it. Of a system in which both
// have one, that of the other goes on answering it.
func MoveExternalIDs(tx *store.Tx, organization, from, into parley.ID) error {
	return exec(tx, organization, sqldb.Statement{Text: `UPDATE contact_external_ids SET contact_id = $3 WHERE organization_id = $1 AND contact_id = $2
		AND NOT EXISTS (SELECT 1 FROM contact_external_ids AS o WHERE o.organization_id = $1 AND o.contact_id = $3
			AND o.source = contact_external_ids.source)`, Args: []any{string(organization), string(from), string(into)}})
}
