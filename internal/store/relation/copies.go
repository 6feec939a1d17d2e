package relation

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertForwards = `INSERT INTO forwards (organization_id, source_id, message_id) SELECT organization_id, source_id, message_id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "source_id TEXT", "message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

var insertBlindCopies = `INSERT INTO blind_copies (organization_id, contact_id, message_id)
	SELECT organization_id, contact_id, message_id FROM ` + sqldb.From("$1", "organization_id TEXT", "contact_id TEXT", "message_id TEXT") +
	` AS j WHERE true ON CONFLICT DO NOTHING`

// addBlindCopies keeps which contacts get blind copies of a message.
func addBlindCopies(rows *sqldb.Rows, organization parley.ID, m *parley.Message, deliveries []parley.Delivery) {
	for i := range deliveries {
		if d := &deliveries[i]; d.Recipient.Kind == parley.ActorContact && m.Receivers.Role(d.Number) == parley.ReceiverBCC {
			rows.Add(string(organization), string(d.Recipient.ID), string(m.ID))
		}
	}
}

// Forwards returns up to limit forwards of a message, in order of their ids, after one.
func Forwards(q store.Queries, organization, source, after parley.ID, limit int) (ids []parley.ID, err error) {
	err = q.Conn().Query("SELECT message_id FROM forwards WHERE organization_id = $1 AND source_id = $2 AND message_id > $3 ORDER BY message_id LIMIT $4",
		[]any{string(organization), string(source), string(after), limit}, collect(&ids))
	return ids, err
}

var forwarded = `SELECT j.n FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "id TEXT") + ` AS j
	WHERE EXISTS (SELECT 1 FROM forwards AS f WHERE f.organization_id = j.organization_id AND f.source_id = j.id)`

// Forwarded returns those of the messages that have been forwarded. It is one of the named reads across organizations.
func Forwarded(q store.Queries, batch []store.Erasure) (kept []store.Erasure, err error) {
	var rows sqldb.Rows
	for n, e := range batch {
		rows.Add(n, string(e.Organization), string(e.Message.ID))
	}
	err = q.Conn().Query(forwarded, []any{rows.Param()}, func(r *sql.Rows) error {
		var n int
		err := r.Scan(&n)
		kept = append(kept, batch[n])
		return err
	})
	return kept, err
}

// AddVersion keeps what a message says now, before it is edited.
func AddVersion(tx *store.Tx, organization parley.ID, m *parley.Message, v parley.Version) error {
	tx.MustHave(organization)
	body, err := store.EncodeJSON(v.Body)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO message_versions (organization_id, message_id, number, body, editor_kind, editor_id, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, string(organization), string(m.ID), v.Number, body, string(v.Editor.Kind), string(v.Editor.ID), store.Millis(v.At))
	return err
}

// Versions returns what a message said before it was edited, the first first.
func Versions(q store.Queries, organization, message parley.ID) ([]parley.Version, error) {
	var list []parley.Version
	err := q.Conn().Query(`SELECT number, body, editor_kind, editor_id, at FROM message_versions WHERE organization_id = $1 AND message_id = $2
		ORDER BY number`, []any{string(organization), string(message)}, func(r *sql.Rows) error {
		var v parley.Version
		var body string
		var at int64
		if err := r.Scan(&v.Number, &body, &v.Editor.Kind, &v.Editor.ID, &at); err != nil {
			return err
		}
		v.At = store.Moment(at)
		list = append(list, v)
		return store.DecodeJSON(body, &list[len(list)-1].Body)
	})
	return list, err
}

// VersionRef names a version of a message.
type VersionRef struct {
	Message parley.ID
	Number  int
}

var versionsAt = `SELECT v.message_id, v.number, v.body, v.at FROM ` + sqldb.From("$2", "id TEXT", "number BIGINT") + ` AS j
	JOIN message_versions AS v ON v.organization_id = $1 AND v.message_id = j.id AND v.number = j.number`

// VersionsAt returns those of some versions of messages that are kept, without who wrote them.
func VersionsAt(q store.Queries, organization parley.ID, refs []VersionRef) (map[VersionRef]parley.Version, error) {
	var rows sqldb.Rows
	for _, r := range refs {
		rows.Add(string(r.Message), r.Number)
	}
	found := make(map[VersionRef]parley.Version, len(refs))
	err := q.Conn().Query(versionsAt, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var ref VersionRef
		var body string
		var at int64
		if err := r.Scan(&ref.Message, &ref.Number, &body, &at); err != nil {
			return err
		}
		v := parley.Version{Number: ref.Number, At: store.Moment(at)}
		err := store.DecodeJSON(body, &v.Body)
		found[ref] = v
		return err
	})
	return found, err
}

var eraseVersions = `DELETE FROM message_versions WHERE (organization_id, message_id) IN (SELECT organization_id, id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "id TEXT") + ` AS j)`

// EraseVersions deletes what messages said before they were edited.
func EraseVersions(tx *store.Tx, batch []store.Erasure) error {
	var rows sqldb.Rows
	for _, e := range batch {
		rows.Add(string(e.Organization), string(e.Message.ID))
	}
	if rows.Len() == 0 {
		return nil
	}
	_, err := tx.Conn().Exec(eraseVersions, rows.Param())
	return err
}
