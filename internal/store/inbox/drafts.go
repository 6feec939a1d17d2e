package inbox

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const draftColumns = `id, conversation_id, user_id, shared, body, attachments, internal, reply_to_id, rev, created_at, updated_at`

func drafts(q store.Queries, where string, args ...any) ([]parley.Draft, error) {
	var list []parley.Draft
	err := q.Conn().Query("SELECT "+draftColumns+" FROM drafts WHERE "+where, args, func(r *sql.Rows) error {
		var d parley.Draft
		var body, attachments string
		var created, updated int64
		if err := r.Scan(&d.ID, &d.Conversation, &d.User, &d.Shared, &body, &attachments, &d.Internal, &d.ReplyTo, &d.Rev, &created, &updated); err != nil {
			return err
		}
		d.CreatedAt, d.UpdatedAt = store.Moment(created), store.Moment(updated)
		if err := store.DecodeJSON(body, &d.Body); err != nil {
			return err
		}
		list = append(list, d)
		return store.DecodeJSON(attachments, &list[len(list)-1].Attachments)
	})
	return list, err
}

// Draft returns a draft.
func Draft(q store.Queries, organization, id parley.ID) (parley.Draft, error) {
	list, err := drafts(q, "organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("draft", id)
	}
	if err != nil {
		return parley.Draft{}, err
	}
	return list[0], nil
}

// Drafts returns up to limit drafts of a conversation with ids above one that are a user's, or shared.
func Drafts(q store.Queries, organization, conversation, user parley.ID, shared bool, after parley.ID, limit int) ([]parley.Draft, error) {
	return drafts(q, `organization_id = $1 AND conversation_id = $2 AND id > $4 AND (shared = 1 AND $6 = 1 OR user_id = $3 AND user_id <> '')
		ORDER BY id LIMIT $5`, string(organization), string(conversation), string(user), string(after), limit, sharedToo(shared))
}

func sharedToo(shared bool) int {
	if shared {
		return 1
	}
	return 0
}

// DraftsOf returns up to limit drafts of a user with ids above one.
func DraftsOf(q store.Queries, organization, user, after parley.ID, limit int) ([]parley.Draft, error) {
	return drafts(q, "organization_id = $1 AND user_id = $2 AND id > $3 ORDER BY id LIMIT $4", string(organization), string(user), string(after), limit)
}

// CountDrafts returns how many drafts a user has in a conversation, up to a limit.
func CountDrafts(q store.Queries, organization, conversation, user parley.ID, limit int) (n int, err error) {
	err = q.Conn().Row(`SELECT count(*) FROM (SELECT 1 FROM drafts WHERE organization_id = $1 AND conversation_id = $2 AND user_id = $3 LIMIT $4) AS found`,
		[]any{string(organization), string(conversation), string(user), limit}, &n)
	return n, err
}

// SaveDraft adds a draft, or changes one that is there, and raises its revision. Its files are kept as those of messages are.
func SaveDraft(tx *store.Tx, organization parley.ID, d *parley.Draft) error {
	tx.MustHave(organization)
	body, err := store.EncodeJSON(d.Body)
	if err != nil {
		return err
	}
	attachments, err := store.EncodeJSON(d.Attachments)
	if err != nil {
		return err
	}
	var created int64
	err = tx.Conn().Row(`INSERT INTO drafts (organization_id, id, conversation_id, user_id, shared, body, attachments, internal, reply_to_id, rev,
			created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10)
		ON CONFLICT (organization_id, id) DO UPDATE SET shared = excluded.shared, body = excluded.body, attachments = excluded.attachments,
			internal = excluded.internal, reply_to_id = excluded.reply_to_id, rev = drafts.rev + 1, updated_at = excluded.updated_at
		RETURNING rev, created_at`,
		[]any{string(organization), string(d.ID), string(d.Conversation), string(d.User), d.Shared, body, attachments, d.Internal,
			string(d.ReplyTo), store.Millis(tx.Now)}, &d.Rev, &created)
	if err != nil {
		return err
	}
	d.CreatedAt, d.UpdatedAt = store.Moment(created), tx.Now
	if d.Rev > 1 {
		if err := tx.ReleaseMedia(organization, d.ID); err != nil {
			return err
		}
		tx.Erased() // what it was before
	}
	files := make([]parley.ID, len(d.Attachments))
	for i, f := range d.Attachments {
		files[i] = f.Media
	}
	return tx.KeepMedia(organization, d.ID, files)
}

// DropDraft deletes a draft, with its content, and its files, unless a message has them.
func DropDraft(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	if err := tx.ReleaseMedia(organization, id); err != nil {
		return err
	}
	n, err := tx.Conn().Exec("DELETE FROM drafts WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("draft", id)
	}
	tx.Erased()
	return err
}

var sharedDrafts = "SELECT DISTINCT conversation_id FROM drafts WHERE organization_id = $1 AND shared = 1 AND id IN " + store.IDSource

// SharedDrafts returns the conversations of those of some drafts that are there and shared.
func SharedDrafts(q store.Queries, organization parley.ID, ids []parley.ID) (conversations []parley.ID, err error) {
	err = q.Conn().Query(sharedDrafts, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		conversations = append(conversations, id)
		return err
	})
	return conversations, err
}
