package store

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
)

// InsertScheduled keeps a message outside of the timeline, without a sequence, with its jobs and events. Its
// sent_at is the time that it is scheduled for.
func (tx *Tx) InsertScheduled(a *Append) error {
	a.Message.CreatedAt = tx.Now
	var rows appendRows
	if err := rows.message(a); err != nil {
		return err
	}
	rows.delivery(a, false, nil, tx.Now)
	for _, e := range a.Events {
		tx.Emit(a.Organization, e)
	}
	return tx.insert(&rows)
}

// DeleteScheduled takes out a scheduled message that is about to be sent under the same id.
func (tx *Tx) DeleteScheduled(organization, id parley.ID) error {
	if _, err := tx.c.Exec("DELETE FROM message_tags WHERE organization_id = $1 AND message_id = $2", string(organization), string(id)); err != nil {
		return err
	}
	_, err := tx.c.Exec("DELETE FROM messages WHERE organization_id = $1 AND id = $2 AND sequence = 0", string(organization), string(id))
	return err
}

// CancelScheduled makes a scheduled message one that is never sent.
func (tx *Tx) CancelScheduled(organization, id parley.ID, reason string) error {
	m, err := tx.Message(organization, id)
	if err != nil {
		return err
	}
	m.RecordedState = parley.Canceled
	extra, err := detailsOf(&m)
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("UPDATE messages SET details = $1 WHERE organization_id = $2 AND id = $3 AND sequence = 0",
		extra, string(organization), string(id))
	return err
}

var copiesIn = `SELECT m.conversation_id FROM messages AS m WHERE m.organization_id = $1 AND m.conversation_id IN ` + idSource +
	` AND m.parent_id = $3 AND m.parent_id <> ''`

// CopiesIn returns those of the conversations that have a copy of a broadcast message.
func (q Queries) CopiesIn(organization, parent parley.ID, conversations []parley.ID) (map[parley.ID]bool, error) {
	have := make(map[parley.ID]bool)
	err := q.c.Query(copiesIn, []any{string(organization), idRows(conversations), string(parent)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		have[id] = true
		return err
	})
	return have, err
}

// NewestWithAddress returns the newest conversation of a channel in which an address takes part.
func (q Queries) NewestWithAddress(organization, channel parley.ID, a parley.Address) (parley.Conversation, error) {
	return q.conversation(`JOIN participants AS p ON p.organization_id = c.organization_id AND p.conversation_id = c.id
		WHERE p.organization_id = $1 AND p.address_kind = $2 AND p.address = $3 AND p.address <> '' AND p.left_sequence = 0
		AND c.channel_id = $4 ORDER BY c.created_at DESC, c.id DESC LIMIT 1`, a.Value,
		string(organization), string(a.Kind), a.Value, string(channel))
}

// AddressShared reports whether contacts share an address, so that it identifies none of them.
func (q Queries) AddressShared(organization parley.ID, a parley.Address) (shared bool, err error) {
	err = q.c.Row(`SELECT EXISTS (SELECT 1 FROM contact_addresses WHERE organization_id = $1 AND kind = $2 AND value = $3 AND shared = 1)`,
		[]any{string(organization), string(a.Kind), a.Value}, &shared)
	return shared, err
}
