package hold

import (
	"database/sql"
	"strconv"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// active narrows a statement to what an active hold names.
const active = ` EXISTS (SELECT 1 FROM holds AS h WHERE h.organization_id = j.organization_id AND h.lifted_at = 0 AND h.subject_id = `

var (
	anyActive = `SELECT j.organization_id FROM ` + sqldb.From("$1", "organization_id TEXT") + ` AS j
		WHERE EXISTS (SELECT 1 FROM holds AS h WHERE h.organization_id = j.organization_id AND h.lifted_at = 0)`
	byName = `SELECT j.organization_id, j.id FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT", "subject_id TEXT") + ` AS j
		WHERE` + active + `j.subject_id)`
	byRecipient = `SELECT j.organization_id, j.id FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j
		JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.id
		WHERE d.recipient_id <> '' AND` + active + `d.recipient_id)`
	byPart = `SELECT j.organization_id, j.id FROM ` + sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j
		JOIN holds AS h ON h.organization_id = j.organization_id AND h.lifted_at = 0
		JOIN participants AS p ON p.organization_id = h.organization_id AND p.participant_id = h.subject_id AND p.participant_id <> ''
			AND p.conversation_id = j.id`
)

// found collects what a statement answers: organizations with ids.
func found(q store.Queries, text string, rows *sqldb.Rows, into map[store.DeliveryRef]bool) error {
	if rows.Len() == 0 {
		return nil
	}
	return q.Conn().Query(text, []any{rows.Param()}, func(r *sql.Rows) error {
		var ref store.DeliveryRef
		err := r.Scan(&ref.Organization, &ref.Message)
		into[ref] = true
		return err
	})
}

// Which returns those of some messages that an active hold is about: one on their organization or conversation, on who wrote
// them or got them, or on somebody who takes or took part in the conversation.
func Which(q store.Queries, batch []store.Erasure) ([]store.Erasure, error) {
	batch, err := underHolds(q, batch)
	if err != nil || len(batch) == 0 {
		return nil, err
	}
	var names, messages, conversations sqldb.Rows
	for _, e := range batch {
		m, o := e.Message, string(e.Organization)
		subjects := []parley.ID{e.Organization, m.Conversation, m.Author.ID}
		if m.Actor.ID != m.Author.ID {
			subjects = append(subjects, m.Actor.ID)
		}
		for _, subject := range subjects {
			if subject != "" {
				names.Add(o, string(m.ID), string(subject))
			}
		}
		messages.Add(o, string(m.ID))
		conversations.Add(o, string(m.Conversation))
	}
	held, parts := map[store.DeliveryRef]bool{}, map[store.DeliveryRef]bool{}
	if err := found(q, byName, &names, held); err != nil {
		return nil, err
	}
	if err := found(q, byRecipient, &messages, held); err != nil {
		return nil, err
	}
	if err := found(q, byPart, &conversations, parts); err != nil {
		return nil, err
	}
	var which []store.Erasure
	for _, e := range batch {
		if held[store.DeliveryRef{Organization: e.Organization, Message: e.Message.ID}] ||
			parts[store.DeliveryRef{Organization: e.Organization, Message: e.Message.Conversation}] {
			which = append(which, e)
		}
	}
	return which, nil
}

// underHolds returns those of some messages whose organizations have an active hold at all: most have none.
func underHolds(q store.Queries, batch []store.Erasure) ([]store.Erasure, error) {
	var rows sqldb.Rows
	asked, have := map[parley.ID]bool{}, map[parley.ID]bool{}
	for _, e := range batch {
		if !asked[e.Organization] {
			asked[e.Organization] = true
			rows.Add(string(e.Organization))
		}
	}
	if rows.Len() == 0 {
		return nil, nil
	}
	err := q.Conn().Query(anyActive, []any{rows.Param()}, func(r *sql.Rows) error {
		var organization parley.ID
		err := r.Scan(&organization)
		have[organization] = true
		return err
	})
	var under []store.Erasure
	for _, e := range batch {
		if have[e.Organization] {
			under = append(under, e)
		}
	}
	return under, err
}

// Names reports whether an active hold is on one of some subjects of an organization.
func Names(q store.Queries, organization parley.ID, subjects ...parley.ID) (bool, error) {
	var rows sqldb.Rows
	for _, subject := range subjects {
		rows.Add(string(organization), string(subject), string(subject))
	}
	held := map[store.DeliveryRef]bool{}
	err := found(q, byName, &rows, held)
	return len(held) > 0, err
}

var insertHeld = `INSERT INTO held (organization_id, id, kind, conversation_id, reason, at)
	SELECT j.organization_id, j.id, j.kind, j.conversation_id, j.reason, j.at FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT", "kind TEXT", "conversation_id TEXT", "reason TEXT", "at BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// Keep notes that holds keep some messages whose content goes for everybody else. The content is kept by the Keep functions
// of its places.
func Keep(tx *store.Tx, batch []store.Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		tx.MustHave(e.Organization)
		rows.Add(string(e.Organization), string(e.Message.ID), string(parley.HeldMessage), string(e.Message.Conversation), string(e.Reason), store.Millis(tx.Now))
	}
	_, err := tx.Conn().Exec(insertHeld, rows.Param())
	return err
}

// Beginnings and ends of the statements that copy columns.
const (
	keepAs    = `INSERT INTO held_content (organization_id, held_id, place, item, content) `
	whichever = ` ON CONFLICT (organization_id, held_id, place, item) DO UPDATE SET content = excluded.content`
)

var (
	batchOf = sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j `

	// What is kept of a message first is it; a part of it that is kept later, because the rest went first, is a version by its time.
	ofMessages = `, CASE WHEN EXISTS (SELECT 1 FROM held_content AS t WHERE t.organization_id = m.organization_id AND t.held_id = m.id
			AND t.place = 'messages.details' AND t.item = '') THEN $2 ELSE '' END, `
	fromMessages = ` FROM ` + batchOf + `JOIN messages AS m ON m.organization_id = j.organization_id AND m.id = j.id `
	keepMessages = keepAs + `SELECT m.organization_id, m.id, 'messages.body'` + ofMessages + `m.body` + fromMessages + `WHERE m.body <> ''
		UNION ALL SELECT m.organization_id, m.id, 'messages.attachments'` + ofMessages + `m.attachments` + fromMessages + `WHERE m.attachments <> ''
		UNION ALL SELECT m.organization_id, m.id, 'messages.reference'` + ofMessages + `m.reference` + fromMessages + `WHERE m.reference <> ''
		UNION ALL SELECT m.organization_id, m.id, 'messages.ext'` + ofMessages + `m.ext` + fromMessages + `WHERE m.ext <> ''
		UNION ALL SELECT m.organization_id, m.id, 'messages.details'` + ofMessages + `m.details` + fromMessages + `WHERE true` + whichever
	keepParked = keepAs + `SELECT p.organization_id, p.message_id, 'parked.raw', p.id, p.raw FROM ` + batchOf +
		`JOIN parked AS p ON p.organization_id = j.organization_id AND p.message_id = j.id AND p.message_id <> '' WHERE p.raw <> ''` + whichever
	fromAttempts = `, CAST(a.delivery AS TEXT) || '.' || CAST(a.number AS TEXT), `
	ofAttempts   = ` FROM ` + batchOf + `JOIN attempts AS a ON a.organization_id = j.organization_id AND a.message_id = j.id `
	keepAttempts = keepAs + `SELECT a.organization_id, a.message_id, 'attempts.text'` + fromAttempts + `a.text` + ofAttempts + `WHERE a.text <> ''
		UNION ALL SELECT a.organization_id, a.message_id, 'attempts.request'` + fromAttempts + `a.request` + ofAttempts + `WHERE a.request <> ''` + whichever
	keepReasons = keepAs + `SELECT d.organization_id, d.message_id, 'deliveries.reason', CAST(d.number AS TEXT), d.reason FROM ` + batchOf +
		`JOIN deliveries AS d ON d.organization_id = j.organization_id AND d.message_id = j.id WHERE d.reason <> ''` + whichever
	// Who did it goes with what was done.
	keepInteractions = keepAs + `SELECT i.organization_id, i.message_id, 'interactions.detail', i.once, i.kind || ' ' || i.actor_kind || ' ' || i.actor_id || ' ' ||
		i.address || ' ' || i.detail FROM ` + batchOf + `JOIN interactions AS i ON i.organization_id = j.organization_id AND i.message_id = j.id WHERE true` + whichever
	keepVersions = keepAs + `SELECT v.organization_id, v.message_id, 'message_versions.body', CAST(v.number AS TEXT), v.body FROM ` + batchOf +
		`JOIN message_versions AS v ON v.organization_id = j.organization_id AND v.message_id = j.id WHERE v.body <> ''` + whichever
	keepFiles = `INSERT INTO held_files (organization_id, media_id, held_id, name, content_type, size, sha256, uploader_id, created_at)
		SELECT f.organization_id, f.id, j.id, f.name, f.content_type, f.size, f.sha256, f.uploader_id, f.created_at FROM ` + batchOf +
		`JOIN media_references AS r ON r.organization_id = j.organization_id AND r.message_id = j.id
		JOIN media AS f ON f.organization_id = r.organization_id AND f.id = r.media_id WHERE true ON CONFLICT DO NOTHING`
)

func copied(tx *store.Tx, text string, batch []store.Erasure, more ...any) error {
	var rows sqldb.Rows
	for _, e := range batch {
		tx.MustHave(e.Organization)
		rows.Add(string(e.Organization), string(e.Message.ID))
	}
	_, err := tx.Conn().Exec(text, append([]any{rows.Param()}, more...)...)
	return err
}

// KeepMessages keeps what messages say. Of one that is kept already what is left of it is kept beside it.
func KeepMessages(tx *store.Tx, batch []store.Erasure) error {
	return copied(tx, keepMessages, batch, strconv.FormatInt(store.Millis(tx.Now), 10))
}

// KeepParked keeps what came from a provider for messages.
func KeepParked(tx *store.Tx, batch []store.Erasure) error { return copied(tx, keepParked, batch) }

// KeepAttempts keeps what providers said of messages, and the addresses of the calls.
func KeepAttempts(tx *store.Tx, batch []store.Erasure) error { return copied(tx, keepAttempts, batch) }

// KeepReasons keeps what providers said of deliveries.
func KeepReasons(tx *store.Tx, batch []store.Erasure) error { return copied(tx, keepReasons, batch) }

// KeepInteractions keeps what was done with messages.
func KeepInteractions(tx *store.Tx, batch []store.Erasure) error {
	return copied(tx, keepInteractions, batch)
}

// KeepVersions keeps what messages said before they were edited.
func KeepVersions(tx *store.Tx, batch []store.Erasure) error { return copied(tx, keepVersions, batch) }

// KeepFiles keeps the files of messages.
func KeepFiles(tx *store.Tx, batch []store.Erasure) error { return copied(tx, keepFiles, batch) }

// contactPlace is where all of a contact is kept, as JSON.
const contactPlace = "contacts"

// KeepContact keeps a contact that is deleted, if an active hold is on it or on the organization.
func KeepContact(tx *store.Tx, organization parley.ID, contact *parley.Contact) error {
	tx.MustHave(organization)
	held, err := Names(tx.Queries, organization, organization, contact.ID)
	if err != nil || !held {
		return err
	}
	encoded, err := store.EncodeJSON(contact)
	if err != nil {
		return err
	}
	var rows sqldb.Rows
	rows.Add(string(organization), string(contact.ID), string(parley.HeldContact), "", string(parley.RemovedErased), store.Millis(tx.Now))
	if _, err := tx.Conn().Exec(insertHeld, rows.Param()); err != nil {
		return err
	}
	_, err = tx.Conn().Exec(keepAs+`VALUES ($1, $2, $3, '', $4)`+whichever, string(organization), string(contact.ID), contactPlace, encoded)
	return err
}
