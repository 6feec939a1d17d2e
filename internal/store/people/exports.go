package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertExport adds an export that waits.
func InsertExport(tx *store.Tx, organization parley.ID, e *parley.ContactExport) error {
	tx.MustHave(organization)
	e.CreatedAt, e.State = tx.Now, parley.DossierPending
	_, err := tx.Conn().Exec(`INSERT INTO contact_exports (organization_id, id, contact_id, actor_id, state, media_id, size, created_at, ready_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, '', 0, $6, 0, 0)`, string(organization), string(e.ID), string(e.Contact), string(e.Actor), string(e.State),
		store.Millis(tx.Now))
	return err
}

var insertExportConversations = `INSERT INTO export_conversations (organization_id, conversation_id, export_id) SELECT $1, j.id, $2 FROM ` +
	sqldb.From("$3", "id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// FinishExport writes that an export is ready, and of which conversations it has content.
func FinishExport(tx *store.Tx, organization parley.ID, e *parley.ContactExport, conversations []parley.ID) error {
	e.ReadyAt, e.State = tx.Now, parley.DossierReady
	all := []sqldb.Statement{{Text: `UPDATE contact_exports SET state = $1, media_id = $2, size = $3, ready_at = $4, expires_at = $5
		WHERE organization_id = $6 AND id = $7`, Args: []any{string(e.State), string(e.Media), e.Size, store.Millis(e.ReadyAt), store.Millis(e.ExpiresAt),
		string(organization), string(e.ID)}}}
	if len(conversations) > 0 {
		var rows sqldb.Rows
		for _, id := range conversations {
			rows.Add(string(id))
		}
		all = append(all, sqldb.Statement{Text: insertExportConversations, Args: []any{string(organization), string(e.ID), rows.Param()}})
	}
	return exec(tx, organization, all...)
}

const exportColumns = "e.id, e.contact_id, e.actor_id, e.state, e.media_id, e.size, e.created_at, e.ready_at, e.expires_at"

func exports(q store.Queries, text string, args ...any) ([]parley.ContactExport, error) {
	var all []parley.ContactExport
	err := q.Conn().Query("SELECT "+exportColumns+" FROM "+text, args, func(r *sql.Rows) error {
		var e parley.ContactExport
		var created, ready, expires int64
		err := r.Scan(&e.ID, &e.Contact, &e.Actor, &e.State, &e.Media, &e.Size, &created, &ready, &expires)
		e.CreatedAt, e.ReadyAt, e.ExpiresAt = store.Moment(created), store.Moment(ready), store.Moment(expires)
		all = append(all, e)
		return err
	})
	return all, err
}

// Export returns an export.
func Export(q store.Queries, organization, id parley.ID) (parley.ContactExport, error) {
	all, err := exports(q, "contact_exports AS e WHERE e.organization_id = $1 AND e.id = $2", string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = parley.NotFound("export", id)
	}
	if err != nil {
		return parley.ContactExport{}, err
	}
	return all[0], nil
}

// Exports returns up to limit exports of a contact with ids after one.
func Exports(q store.Queries, organization, contact, after parley.ID, limit int) ([]parley.ContactExport, error) {
	return exports(q, "contact_exports AS e WHERE e.organization_id = $1 AND e.contact_id = $2 AND e.id > $3 ORDER BY e.id LIMIT $4",
		string(organization), string(contact), string(after), limit)
}

// MoveExports makes the exports of a contact those of another that it becomes a part of.
func MoveExports(tx *store.Tx, organization, from, into parley.ID) error {
	return exec(tx, organization, sqldb.Statement{Text: "UPDATE contact_exports SET contact_id = $3 WHERE organization_id = $1 AND contact_id = $2",
		Args: []any{string(organization), string(from), string(into)}})
}

var exportsWith = `SELECT DISTINCT e.organization_id, e.id, e.media_id FROM ` + sqldb.From("$1", "organization_id TEXT", "conversation_id TEXT") + ` AS j
	JOIN export_conversations AS x ON x.organization_id = j.organization_id AND x.conversation_id = j.conversation_id
	JOIN contact_exports AS e ON e.organization_id = x.organization_id AND e.id = x.export_id AND e.state = 'ready'`

// EraseExports has the exports go that have content of messages.
func EraseExports(tx *store.Tx, batch []store.Erasure) error {
	var rows sqldb.Rows
	type place struct{ organization, conversation parley.ID }
	seen := map[place]bool{}
	for _, e := range batch {
		if p := (place{e.Organization, e.Message.Conversation}); !seen[p] {
			seen[p] = true
			rows.Add(string(p.organization), string(p.conversation))
		}
	}
	type found struct{ organization, export, media parley.ID }
	var all []found
	err := tx.Conn().Query(exportsWith, []any{rows.Param()}, func(r *sql.Rows) error {
		var f found
		err := r.Scan(&f.organization, &f.export, &f.media)
		all = append(all, f)
		return err
	})
	for i := 0; err == nil && i < len(all); i++ {
		err = dropExport(tx, all[i].organization, all[i].export, all[i].media)
	}
	return err
}

// DropExport has the file of an export go.
func DropExport(tx *store.Tx, organization parley.ID, e *parley.ContactExport) error {
	return dropExport(tx, organization, e.ID, e.Media)
}

func dropExport(tx *store.Tx, organization, export, media parley.ID) error {
	err := exec(tx, organization,
		sqldb.Statement{Text: "UPDATE contact_exports SET state = 'expired', media_id = '', expires_at = $1 WHERE organization_id = $2 AND id = $3",
			Args: []any{store.Millis(tx.Now), string(organization), string(export)}},
		sqldb.Statement{Text: "DELETE FROM export_conversations WHERE organization_id = $1 AND export_id = $2",
			Args: []any{string(organization), string(export)}})
	if err != nil || media == "" {
		return err
	}
	return tx.ScheduleBlob(organization, media, tx.Now)
}
