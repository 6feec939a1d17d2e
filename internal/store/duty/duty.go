// Package duty has the tables of roles: who may hold them, who is on duty, and their shifts, with what being on duty
// means for the conversations of a role. Its functions take the queries or the transaction of the store.
package duty

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// ThreadKey is the thread key of a role's conversation with somebody who asks.
func ThreadKey(role, asker parley.ID) string { return "role:" + string(role) + ":" + string(asker) }

// JobShift is the next beginning or end of one of a role's shifts; its payload is the role's id.
const JobShift store.JobKind = "shift"

// ShiftJob is the job of a role's shifts.
func ShiftJob(organization, role parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobShift, string(role)), Kind: JobShift, DueAt: due, Payload: string(role)}
}

// idSource is the ids of idRows, the second parameter: a list to look up.
var idSource = "(SELECT id FROM " + sqldb.From("$2", "id TEXT") + " AS j)"

// idRows is a parameter of ids, a row each.
func idRows(ids []parley.ID) []byte {
	var rows sqldb.Rows
	for _, id := range ids {
		rows.Add(string(id))
	}
	return rows.Param()
}

// idsOf runs a statement that answers ids.
func idsOf(c sqldb.Conn, text string, args ...any) ([]parley.ID, error) {
	var ids []parley.ID
	err := c.Query(text, args, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// found turns an absent row into NotFound.
func found(err error, what string, id parley.ID) error {
	if errors.Is(err, sqldb.ErrNoRow) {
		return parley.NotFound(what, id)
	}
	return err
}

// millis is a time as it is stored.
func millis(t time.Time) int64 { return t.UnixMilli() }

// moment undoes millis.
func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// encode makes JSON of what a role has of facts and tags.
func encode(r *parley.Role) (metadata, tags string, err error) {
	m, err := json.Marshal(r.Metadata)
	if err != nil {
		return "", "", err
	}
	t, err := json.Marshal(r.Tags)
	return string(m), string(t), err
}

func decode(text string, into any) error {
	if text == "null" || text == "{}" || text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}
