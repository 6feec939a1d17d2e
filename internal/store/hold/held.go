package hold

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func listHeld(q store.Queries, text string, args ...any) ([]parley.Held, error) {
	var list []parley.Held
	err := q.Conn().Query("SELECT k.id, k.kind, k.conversation_id, k.reason, k.at FROM "+text, args, func(r *sql.Rows) error {
		var k parley.Held
		var at int64
		err := r.Scan(&k.ID, &k.Kind, &k.Conversation, &k.Reason, &at)
		k.At = store.Moment(at)
		list = append(list, k)
		return err
	})
	return list, err
}

// Held returns a thing that only a hold keeps.
func Held(q store.Queries, organization, id parley.ID) (parley.Held, error) {
	list, err := listHeld(q, "held AS k WHERE k.organization_id = $1 AND k.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("held content", id)
	}
	if err != nil {
		return parley.Held{}, err
	}
	return list[0], nil
}

// ListHeld returns up to limit things that only holds keep, of one conversation or all, with ids after one, and where to go
// on, empty at the end.
func ListHeld(q store.Queries, organization, conversation, after parley.ID, limit int) (list []parley.Held, next parley.ID, err error) {
	if conversation != "" {
		list, err = listHeld(q, `held AS k WHERE k.organization_id = $1 AND k.conversation_id = $2 AND k.conversation_id <> '' AND k.id > $3
			ORDER BY k.id LIMIT $4`, string(organization), string(conversation), string(after), limit+1)
	} else {
		list, err = listHeld(q, "held AS k WHERE k.organization_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3", string(organization), string(after), limit+1)
	}
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	return list, next, err
}

// Texts returns all pieces of what a hold keeps of a thing.
func Texts(q store.Queries, organization, id parley.ID) ([]parley.HeldText, error) {
	var texts []parley.HeldText
	err := q.Conn().Query("SELECT t.place, t.item, t.content FROM held_content AS t WHERE t.organization_id = $1 AND t.held_id = $2 ORDER BY t.place, t.item",
		[]any{string(organization), string(id)}, func(r *sql.Rows) error {
			var t parley.HeldText
			err := r.Scan(&t.Place, &t.Item, &t.Content)
			texts = append(texts, t)
			return err
		})
	return texts, err
}

// Message puts what is kept of a message back into it, and returns the pieces that are no parts of messages.
func Message(m *parley.Message, texts []parley.HeldText) (rest []parley.HeldText, err error) {
	var content store.Content
	columns := map[string]*string{"messages.body": &content.Body, "messages.attachments": &content.Attachments, "messages.reference": &content.Reference,
		"messages.details": &content.Details}
	for _, t := range texts {
		if column := columns[t.Place]; column != nil && t.Item == "" {
			*column = t.Content
		} else {
			rest = append(rest, t)
		}
	}
	return rest, content.Restore(m)
}

// Contact is the contact among what is kept of one.
func Contact(texts []parley.HeldText) (contact parley.Contact, rest []parley.HeldText, err error) {
	for _, t := range texts {
		if t.Place == contactPlace {
			err = store.DecodeJSON(t.Content, &contact)
		} else {
			rest = append(rest, t)
		}
	}
	return contact, rest, err
}

// Files returns the files that are kept of a message.
func Files(q store.Queries, organization, id parley.ID) ([]parley.Media, error) {
	var files []parley.Media
	err := q.Conn().Query(`SELECT f.media_id, f.name, f.content_type, f.size, f.sha256, f.uploader_id, f.created_at FROM held_files AS f
		WHERE f.organization_id = $1 AND f.held_id = $2 ORDER BY f.media_id`, []any{string(organization), string(id)}, func(r *sql.Rows) error {
		var f parley.Media
		var created int64
		err := r.Scan(&f.ID, &f.Name, &f.ContentType, &f.Size, &f.SHA256, &f.Uploader, &created)
		f.CreatedAt = store.Moment(created)
		files = append(files, f)
		return err
	})
	return files, err
}

var filesHeld = "SELECT DISTINCT f.media_id FROM held_files AS f WHERE f.organization_id = $1 AND f.media_id IN " + store.IDSource

// FilesHeld returns those of some files that a hold keeps: their blobs must stay.
func FilesHeld(q store.Queries, organization parley.ID, files []parley.ID) (map[parley.ID]bool, error) {
	held := map[parley.ID]bool{}
	err := q.Conn().Query(filesHeld, []any{string(organization), store.IDRows(files)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		held[id] = true
		return err
	})
	return held, err
}

var (
	dropHeld    = "DELETE FROM held WHERE organization_id = $1 AND id IN " + store.IDSource
	dropContent = "DELETE FROM held_content WHERE organization_id = $1 AND held_id IN " + store.IDSource
	dropFiles   = "DELETE FROM held_files WHERE organization_id = $1 AND held_id IN " + store.IDSource + " RETURNING media_id"
)

// Drop deletes what was kept of some things. The blobs of files that nothing else has follow.
func Drop(tx *store.Tx, organization parley.ID, ids []parley.ID) error {
	tx.MustHave(organization)
	args := []any{string(organization), store.IDRows(ids)}
	for _, text := range []string{dropHeld, dropContent} {
		if _, err := tx.Conn().Exec(text, args...); err != nil {
			return err
		}
	}
	files := map[parley.ID]bool{}
	err := tx.Conn().Query(dropFiles, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		files[id] = true
		return err
	})
	for id := range files {
		if err == nil {
			err = tx.ScheduleBlob(organization, id, tx.Now)
		}
	}
	tx.Erased()
	return err
}
