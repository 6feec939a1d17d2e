package template

import (
	"database/sql"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// place is where a reply is in the order of a list.
func place(r *parley.SavedReply) string { return strings.ToLower(r.Title) }

func shortcutTaken(err error, r *parley.SavedReply) error {
	if sqldb.IsUnique(err) {
		return parley.About(parley.Conflict("shortcut-taken", "there is a saved reply with the shortcut %q", r.Shortcut), "shortcut-taken", "shortcut")
	}
	return err
}

// InsertReply adds a saved reply.
func InsertReply(tx *store.Tx, organization parley.ID, r *parley.SavedReply) error {
	tx.MustHave(organization)
	r.CreatedAt, r.Rev = tx.Now, 1
	tags, body, err := encodeReply(r)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO saved_replies (organization_id, id, owner_kind, owner_id, title, place, shortcut, folder, tags, body, rev,
			created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)`, string(organization), string(r.ID), string(r.Owner.Kind),
		string(r.Owner.ID), r.Title, place(r), r.Shortcut, r.Folder, tags, body, store.Millis(r.CreatedAt))
	return shortcutTaken(err, r)
}

func encodeReply(r *parley.SavedReply) (tags, body string, err error) {
	if tags, err = store.EncodeJSON(r.Tags); err != nil {
		return "", "", err
	}
	body, err = store.EncodeJSON(r.Body)
	return tags, body, err
}

// UpdateReply writes what can be changed of a saved reply, and raises the revision.
func UpdateReply(tx *store.Tx, organization parley.ID, r *parley.SavedReply) error {
	tx.MustHave(organization)
	tags, body, err := encodeReply(r)
	if err != nil {
		return err
	}
	err = tx.Conn().Row(`UPDATE saved_replies SET title = $1, place = $2, shortcut = $3, folder = $4, tags = $5, body = $6, rev = rev + 1
		WHERE organization_id = $7 AND id = $8 RETURNING rev`,
		[]any{r.Title, place(r), r.Shortcut, r.Folder, tags, body, string(organization), string(r.ID)}, &r.Rev)
	return store.Found(shortcutTaken(err, r), "saved reply", r.ID)
}

// DeleteReply deletes a saved reply.
func DeleteReply(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM saved_replies WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("saved reply", id)
	}
	return err
}

func replies(q store.Queries, where string, args ...any) ([]parley.SavedReply, error) {
	var all []parley.SavedReply
	err := q.Conn().Query(`SELECT s.id, s.owner_kind, s.owner_id, s.title, s.shortcut, s.folder, s.tags, s.body, s.rev, s.created_at
		FROM saved_replies AS s WHERE `+where, args, func(rows *sql.Rows) error {
		var r parley.SavedReply
		var tags, body string
		var created int64
		if err := rows.Scan(&r.ID, &r.Owner.Kind, &r.Owner.ID, &r.Title, &r.Shortcut, &r.Folder, &tags, &body, &r.Rev, &created); err != nil {
			return err
		}
		r.CreatedAt = store.Moment(created)
		if err := store.DecodeJSON(tags, &r.Tags); err != nil {
			return err
		}
		if err := store.DecodeJSON(body, &r.Body); err != nil {
			return err
		}
		all = append(all, r)
		return nil
	})
	return all, err
}

// Reply returns a saved reply.
func Reply(q store.Queries, organization, id parley.ID) (parley.SavedReply, error) {
	all, err := replies(q, "s.organization_id = $1 AND s.id = $2", string(organization), string(id))
	if err == nil && len(all) == 0 {
		err = parley.NotFound("saved reply", id)
	}
	if err != nil {
		return parley.SavedReply{}, err
	}
	return all[0], nil
}

var ownersOf = "SELECT DISTINCT owner_kind, owner_id FROM saved_replies WHERE organization_id = $1 AND id IN " + store.IDSource

// OwnersOf returns whose those of some ids are that are of saved replies.
func OwnersOf(q store.Queries, organization parley.ID, ids []parley.ID) (owners []parley.Actor, err error) {
	err = q.Conn().Query(ownersOf, []any{string(organization), store.IDRows(ids)}, func(r *sql.Rows) error {
		var owner parley.Actor
		err := r.Scan(&owner.Kind, &owner.ID)
		owners = append(owners, owner)
		return err
	})
	return owners, err
}

// ReplyFilter says which saved replies a list holds.
type ReplyFilter struct {
	Owners []parley.Actor // whose
	Prefix string         // with which the title, or a shortcut, begins; in any case
	Folder string
}

// ReplyPosition is a place in the order of saved replies: by title, in any case.
type ReplyPosition struct {
	Title string
	ID    parley.ID
}

// beyond is text that comes after all that begins with what stands before it.
const beyond = "\U0010FFFF"

var repliesOf = `(s.owner_kind, s.owner_id) IN (SELECT kind, id FROM ` + sqldb.From("$2", "kind TEXT", "id TEXT") + ` AS j)
	AND s.organization_id = $1 AND (s.place, s.id) > ($3, $4)
	AND (s.place >= $5 AND s.place < $6 OR s.shortcut >= $5 AND s.shortcut < $6) AND ($7 = '' OR s.folder = $7)
	ORDER BY s.place, s.id LIMIT $8`

// Replies returns up to limit saved replies after a place; the place to go on from is nil at the end.
func Replies(q store.Queries, organization parley.ID, f ReplyFilter, after ReplyPosition, limit int) ([]parley.SavedReply, *ReplyPosition, error) {
	var owners sqldb.Rows
	for _, o := range f.Owners {
		owners.Add(string(o.Kind), string(o.ID))
	}
	prefix := strings.ToLower(f.Prefix)
	all, err := replies(q, repliesOf, string(organization), owners.Param(), after.Title, string(after.ID), prefix, prefix+beyond, f.Folder, limit+1)
	if err != nil || len(all) <= limit {
		return all, nil, err
	}
	last := &all[limit-1]
	return all[:limit], &ReplyPosition{Title: place(last), ID: last.ID}, nil
}

// CountReplies returns how many saved replies an owner has.
func CountReplies(q store.Queries, organization parley.ID, owner parley.Actor) (n int, err error) {
	err = q.Conn().Row("SELECT count(*) FROM saved_replies WHERE organization_id = $1 AND owner_kind = $2 AND owner_id = $3",
		[]any{string(organization), string(owner.Kind), string(owner.ID)}, &n)
	return n, err
}
