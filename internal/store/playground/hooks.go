package playground

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertHook adds a hook.
func InsertHook(tx *store.Tx, organization parley.ID, h *parley.Hook) error {
	tx.MustHave(organization)
	h.CreatedAt, h.Rev, h.Remaining = tx.Now, 1, h.Times
	_, err := tx.Conn().Exec(`INSERT INTO hooks (organization_id, id, secret, name, status, times, remaining, delay, caught, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7, 0, 1, $8)`, string(organization), string(h.ID), h.Secret, h.Name, h.Status, h.Times,
		h.Delay.Milliseconds(), store.Millis(h.CreatedAt))
	return err
}

// UpdateHook writes what can be changed of a hook, raises the revision and returns it.
func UpdateHook(tx *store.Tx, organization parley.ID, h *parley.Hook) error {
	tx.MustHave(organization)
	err := tx.Conn().Row(`UPDATE hooks SET name = $1, status = $2, times = $3, remaining = $4, delay = $5, rev = rev + 1
		WHERE organization_id = $6 AND id = $7 RETURNING rev`, []any{h.Name, h.Status, h.Times, h.Remaining, h.Delay.Milliseconds(),
		string(organization), string(h.ID)}, &h.Rev)
	return store.Found(err, "hook", h.ID)
}

// DeleteHook deletes a hook with what it caught.
func DeleteHook(tx *store.Tx, organization, id parley.ID) error {
	if err := ClearHook(tx, organization, id); err != nil {
		return err
	}
	_, err := tx.Conn().Exec("DELETE FROM hooks WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	return err
}

// ClearHook deletes what a hook caught.
func ClearHook(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM hook_requests WHERE organization_id = $1 AND hook_id = $2", string(organization), string(id))
	tx.Erased()
	return err
}

const hookColumns = "id, secret, name, status, times, remaining, delay, caught, rev, created_at"

func scanHook(r *sql.Rows) (h parley.Hook, err error) {
	var delay, created int64
	err = r.Scan(&h.ID, &h.Secret, &h.Name, &h.Status, &h.Times, &h.Remaining, &delay, &h.Caught, &h.Rev, &created)
	h.Delay, h.CreatedAt = time.Duration(delay)*time.Millisecond, store.Moment(created)
	return h, err
}

// Hooks returns the hooks of an organization.
func Hooks(q store.Queries, organization parley.ID) ([]parley.Hook, error) {
	var hooks []parley.Hook
	err := q.Conn().Query("SELECT "+hookColumns+" FROM hooks WHERE organization_id = $1 ORDER BY id", []any{string(organization)}, func(r *sql.Rows) error {
		h, err := scanHook(r)
		hooks = append(hooks, h)
		return err
	})
	return hooks, err
}

// Hook returns a hook.
func Hook(q store.Queries, organization, id parley.ID) (h parley.Hook, err error) {
	found := false
	err = q.Conn().Query("SELECT "+hookColumns+" FROM hooks WHERE organization_id = $1 AND id = $2", []any{string(organization), string(id)},
		func(r *sql.Rows) (err error) {
			found = true
			h, err = scanHook(r)
			return err
		})
	if err == nil && !found {
		err = parley.NotFound("hook", id)
	}
	return h, err
}

// Catch adds a request to a hook, as the next one, and deletes those of its requests that are too many or too old.
func Catch(tx *store.Tx, organization parley.ID, c *parley.Caught, remaining int, keep int64, before time.Time) error {
	tx.MustHave(organization)
	err := tx.Conn().Row("UPDATE hooks SET caught = caught + 1, remaining = $3 WHERE organization_id = $1 AND id = $2 RETURNING caught",
		[]any{string(organization), string(c.Hook), remaining}, &c.Number)
	if err != nil {
		return store.Found(err, "hook", c.Hook)
	}
	headers, err := store.EncodeJSON(c.Headers)
	if err != nil {
		return err
	}
	c.At = tx.Now
	_, err = tx.Conn().Exec(`INSERT INTO hook_requests (organization_id, hook_id, number, at, method, path, query, headers, body, encoding, size, address, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, string(organization), string(c.Hook), c.Number, store.Millis(c.At), c.Method,
		c.Path, c.Query, headers, c.Body, encodings[c.Base64], c.Size, c.Address, c.Status)
	if err != nil {
		return err
	}
	n, err := tx.Conn().Exec("DELETE FROM hook_requests WHERE organization_id = $1 AND hook_id = $2 AND (number <= $3 OR at < $4)",
		string(organization), string(c.Hook), c.Number-keep, store.Millis(before))
	if n > 0 {
		tx.Erased()
	}
	return err
}

// encodings are how bodies are written.
var encodings = map[bool]string{false: "text", true: "base64"}

const caughtColumns = "hook_id, number, at, method, path, query, headers, body, encoding, size, address, status"

func scanCaught(r *sql.Rows) (c parley.Caught, err error) {
	var at int64
	var headers, encoding string
	if err = r.Scan(&c.Hook, &c.Number, &at, &c.Method, &c.Path, &c.Query, &headers, &c.Body, &encoding, &c.Size, &c.Address, &c.Status); err != nil {
		return c, err
	}
	c.At, c.Base64 = store.Moment(at), encoding == encodings[true]
	return c, store.DecodeJSON(headers, &c.Headers)
}

// CaughtBy returns up to limit requests of a hook with numbers below one, newest first.
func CaughtBy(q store.Queries, organization, hook parley.ID, below int64, limit int) ([]parley.Caught, error) {
	var caught []parley.Caught
	err := q.Conn().Query("SELECT "+caughtColumns+` FROM hook_requests WHERE organization_id = $1 AND hook_id = $2 AND number < $3
		ORDER BY number DESC LIMIT $4`, []any{string(organization), string(hook), below, limit}, func(r *sql.Rows) error {
		c, err := scanCaught(r)
		caught = append(caught, c)
		return err
	})
	return caught, err
}

// DropCaught deletes up to limit requests of an organization that are older than a time, and says how many.
func DropCaught(tx *store.Tx, organization parley.ID, before time.Time, limit int) (int64, error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec(`DELETE FROM hook_requests WHERE organization_id = $1 AND (hook_id, number) IN
		(SELECT hook_id, number FROM hook_requests WHERE organization_id = $1 AND at < $2 LIMIT $3)`, string(organization), store.Millis(before), limit)
	if n > 0 {
		tx.Erased()
	}
	return n, err
}

var eraseCaught = `DELETE FROM hook_requests WHERE organization_id = $1 AND EXISTS (SELECT 1 FROM ` + sqldb.From("$2", "id TEXT") +
	` AS j WHERE hook_requests.body || ' ' || hook_requests.path || ' ' || hook_requests.query LIKE '%' || j.id || '%')`

// EraseCaught deletes requests that name messages whose content goes: they hold it too.
func EraseCaught(tx *store.Tx, batch []store.Erasure) error {
	messages := map[parley.ID][]parley.ID{}
	for _, e := range batch {
		if e.Organization.OfTest() {
			messages[e.Organization] = append(messages[e.Organization], e.Message.ID)
		}
	}
	for organization, ids := range messages {
		if _, err := tx.Conn().Exec(eraseCaught, string(organization), store.IDRows(ids)); err != nil {
			return err
		}
	}
	return nil
}
