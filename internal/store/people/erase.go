package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// BeginErasure adds the erasure of a contact, unless there is one, and returns what there is.
func BeginErasure(tx *store.Tx, organization parley.ID, e parley.ContactErasure) (there parley.ContactErasure, begun bool, err error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec(`INSERT INTO contact_erasures (organization_id, contact_id, actor_id, state, messages, created_at, ended_at)
		VALUES ($1, $2, $3, $4, 0, $5, 0) ON CONFLICT DO NOTHING`, string(organization), string(e.Contact), string(e.Actor), string(parley.DossierPending),
		store.Millis(tx.Now))
	if err != nil {
		return there, false, err
	}
	there, err = Erasure(tx.Queries, organization, e.Contact)
	return there, n > 0, err
}

// UpdateErasure writes where an erasure stands.
func UpdateErasure(tx *store.Tx, organization parley.ID, e *parley.ContactErasure) error {
	return exec(tx, organization, sqldb.Statement{Text: `UPDATE contact_erasures SET state = $1, messages = $2, ended_at = $3
		WHERE organization_id = $4 AND contact_id = $5`, Args: []any{string(e.State), e.Messages, store.Millis(e.EndedAt), string(organization), string(e.Contact)}})
}

// Erasure returns the erasure of a contact.
func Erasure(q store.Queries, organization, contact parley.ID) (e parley.ContactErasure, err error) {
	var created, ended int64
	e.Contact = contact
	err = q.Conn().Row(`SELECT actor_id, state, messages, created_at, ended_at FROM contact_erasures WHERE organization_id = $1 AND contact_id = $2`,
		[]any{string(organization), string(contact)}, &e.Actor, &e.State, &e.Messages, &created, &ended)
	e.CreatedAt, e.EndedAt = store.Moment(created), store.Moment(ended)
	return e, store.Found(err, "erasure", contact)
}

// Two lookups rather than an OR: by the contact, and by the addresses that identify it.
var conversationsOf = `SELECT p.conversation_id FROM participants AS p WHERE p.organization_id = $1 AND p.participant_id = $2 AND p.participant_id <> ''
		AND p.kind = 'contact' AND p.conversation_id > $3
	UNION SELECT p.conversation_id FROM ` + sqldb.From("$5", "kind TEXT", "address TEXT") + ` AS j
		JOIN participants AS p ON p.organization_id = $1 AND p.address_kind = j.kind AND p.address = j.address AND p.address <> ''
		WHERE p.kind = 'address' AND p.conversation_id > $3
	ORDER BY 1 LIMIT $4`

// ConversationsOf returns up to limit conversations, with ids after one, in which a contact takes or took part, by itself or by
// an address that identifies it.
func ConversationsOf(q store.Queries, organization parley.ID, contact *parley.Contact, after parley.ID, limit int) ([]parley.ID, error) {
	var rows sqldb.Rows
	for _, a := range contact.Addresses {
		if !a.Shared {
			rows.Add(string(a.Kind), a.Value)
		}
	}
	var ids []parley.ID
	err := q.Conn().Query(conversationsOf, []any{string(organization), string(contact.ID), string(after), limit, rows.Param()}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// WithContent returns up to limit messages of a conversation, with an author of some id or of any, that have their content.
func WithContent(q store.Queries, organization, conversation, author parley.ID, limit int) ([]parley.ID, error) {
	var ids []parley.ID
	err := q.Conn().Query(`SELECT id FROM messages WHERE organization_id = $1 AND conversation_id = $2 AND removed = ''
		AND ($3 = '' OR author_kind = 'contact' AND author_id = $3) ORDER BY sent_at, sequence LIMIT $4`,
		[]any{string(organization), string(conversation), string(author), limit}, func(r *sql.Rows) error {
			var id parley.ID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// WroteLately reports whether a contact has written something in its conversations that has its content.
func WroteLately(q store.Queries, organization, contact parley.ID) (wrote bool, err error) {
	err = q.Conn().Row(`SELECT EXISTS (SELECT 1 FROM participants AS p JOIN messages AS m ON m.organization_id = p.organization_id
			AND m.conversation_id = p.conversation_id AND m.author_kind = 'contact' AND m.author_id = p.participant_id AND m.removed = ''
		WHERE p.organization_id = $1 AND p.participant_id = $2 AND p.participant_id <> '')`, []any{string(organization), string(contact)}, &wrote)
	return wrote, err
}

const ofConversation = `message_id IN (SELECT m.id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id = $2)`

var (
	forgetAuthors = `UPDATE messages SET author_name = '' WHERE organization_id = $1 AND conversation_id = $2 AND author_name <> ''
		AND (author_kind = 'contact' AND author_id = $3 OR author_kind = 'address' AND $4 = 1)`
	forgetAttempts = `UPDATE attempts SET text = '', request = '' WHERE organization_id = $1 AND ` + ofConversation + ` AND (message_id, delivery) IN
		(SELECT d.message_id, d.number FROM deliveries AS d WHERE d.organization_id = $1 AND d.` + ofConversation + `
			AND (d.recipient_kind = 'contact' AND d.recipient_id = $3 OR d.recipient_kind = 'address' AND $4 = 1))`
	forgetRecipients = `UPDATE deliveries SET recipient_name = '', address_kind = '', address = '', reason = '',
			state = CASE WHEN state = 'queued' THEN 'canceled' ELSE state END, code = CASE WHEN state = 'queued' THEN 'content-removed' ELSE code END,
			ended_at = CASE WHEN state = 'queued' THEN $5 ELSE ended_at END
		WHERE organization_id = $1 AND ` + ofConversation + `
			AND (recipient_kind = 'contact' AND recipient_id = $3 OR recipient_kind = 'address' AND $4 = 1)`
	forgetInteractions = `DELETE FROM interactions WHERE organization_id = $1 AND ` + ofConversation + `
		AND (actor_kind = 'contact' AND actor_id = $3 OR actor_kind = 'address' AND $4 = 1)`
	forgetParticipants = `DELETE FROM participants WHERE organization_id = $1 AND conversation_id = $2
		AND (kind = 'contact' AND participant_id = $3 OR kind = 'address' AND (address_kind, address) IN (SELECT kind, address FROM ` +
		sqldb.From("$4", "kind TEXT", "address TEXT") + ` AS j))`
	forgetSubject = `UPDATE conversations SET thread_key = '', rev = rev + 1, title = CASE WHEN $3 = 1 THEN '' ELSE title END,
			description = CASE WHEN $3 = 1 THEN '' ELSE description END, tags = CASE WHEN $3 = 1 THEN '' ELSE tags END,
			metadata = CASE WHEN $3 = 1 THEN '' ELSE metadata END, status = CASE WHEN $3 = 1 THEN 'closed' ELSE status END,
			snoozed_until = CASE WHEN $3 = 1 THEN 0 ELSE snoozed_until END
		WHERE organization_id = $1 AND id = $2`
)

// Forget takes a contact out of a conversation: what it is called, its addresses, and what providers said of them. Of one that
// was with it alone, what it is called, its tags and metadata go too, and it is closed. What stays is that somebody with the
// contact's id took part.
func Forget(tx *store.Tx, organization, conversation parley.ID, contact *parley.Contact, parts []parley.Participant, alone bool) error {
	o, c, id := string(organization), string(conversation), string(contact.ID)
	sole := 0
	if alone {
		sole = 1
	}
	var rows sqldb.Rows
	for _, p := range parts {
		rows.Add(string(p.Address.Kind), p.Address.Value)
	}
	err := exec(tx, organization,
		sqldb.Statement{Text: forgetAuthors, Args: []any{o, c, id, sole}},
		sqldb.Statement{Text: forgetAttempts, Args: []any{o, c, id, sole}},
		sqldb.Statement{Text: forgetRecipients, Args: []any{o, c, id, sole, store.Millis(tx.Now)}},
		sqldb.Statement{Text: forgetInteractions, Args: []any{o, c, id, sole}},
		sqldb.Statement{Text: forgetParticipants, Args: []any{o, c, id, rows.Param()}},
		sqldb.Statement{Text: forgetSubject, Args: []any{o, c, sole}})
	if err == nil && alone {
		err = exec(tx, organization,
			sqldb.Statement{Text: "DELETE FROM drafts WHERE organization_id = $1 AND conversation_id = $2", Args: []any{o, c}},
			sqldb.Statement{Text: "DELETE FROM conversation_details WHERE organization_id = $1 AND conversation_id = $2", Args: []any{o, c}},
			sqldb.Statement{Text: "DELETE FROM conversation_labels WHERE organization_id = $1 AND conversation_id = $2 AND kind = 'tag'", Args: []any{o, c}},
			sqldb.Statement{Text: "UPDATE conversation_history SET changes = '[]' WHERE organization_id = $1 AND conversation_id = $2", Args: []any{o, c}})
	}
	if err != nil || len(parts) == 0 {
		return err
	}
	left := parley.Participant{Kind: parley.ActorContact, ID: contact.ID}
	for i, p := range parts {
		if i == 0 || p.JoinedSequence < left.JoinedSequence {
			left.JoinedSequence = p.JoinedSequence
		}
	}
	return tx.AddParticipants(organization, conversation, []parley.Participant{left})
}

// DropParked deletes what is parked.
func DropParked(tx *store.Tx, organization parley.ID, ids []parley.ID) error {
	if len(ids) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, id := range ids {
		rows.Add(string(id))
	}
	return exec(tx, organization, sqldb.Statement{Text: dropParked, Args: []any{string(organization), rows.Param()}})
}

// HashAddresses makes suppressions and blocks of addresses those of their hashes, so that they hold on when the addresses are gone.
func HashAddresses(tx *store.Tx, organization parley.ID, addresses []parley.Address) error {
	for _, a := range addresses {
		hashed := a.Hashed(organization)
		args := []any{string(organization), string(a.Kind), a.Value, hashed.Value}
		err := exec(tx, organization,
			sqldb.Statement{Text: `UPDATE suppressions SET address = $4, note = '' WHERE organization_id = $1 AND address_kind = $2 AND address = $3
				AND NOT EXISTS (SELECT 1 FROM suppressions AS o WHERE o.organization_id = $1 AND o.address_kind = $2 AND o.address = $4
					AND o.platform = suppressions.platform AND o.class = suppressions.class)`, Args: args},
			sqldb.Statement{Text: "DELETE FROM suppressions WHERE organization_id = $1 AND address_kind = $2 AND address = $3", Args: args[:3]},
			sqldb.Statement{Text: `UPDATE blocked_senders SET address = $4, note = '' WHERE organization_id = $1 AND address_kind = $2 AND address = $3
				AND address <> '' AND NOT EXISTS (SELECT 1 FROM blocked_senders AS o WHERE o.organization_id = $1 AND o.address_kind = $2
					AND o.address = $4 AND o.address <> '')`, Args: args},
			sqldb.Statement{Text: "DELETE FROM blocked_senders WHERE organization_id = $1 AND address_kind = $2 AND address = $3 AND address <> ''", Args: args[:3]})
		if err != nil {
			return err
		}
	}
	return nil
}

// ForgetNotes takes the notes from the suppressions of addresses.
func ForgetNotes(tx *store.Tx, organization parley.ID, addresses []parley.Address) error {
	for _, a := range addresses {
		if err := exec(tx, organization, sqldb.Statement{Text: "UPDATE suppressions SET note = '' WHERE organization_id = $1 AND address_kind = $2 AND address = $3",
			Args: []any{string(organization), string(a.Kind), a.Value}}); err != nil {
			return err
		}
	}
	return nil
}
