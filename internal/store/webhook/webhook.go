// Package webhook has the tables of webhooks: the endpoints of organizations, how far each is in the log, and what was posted to
// them. Its functions take the queries or the transaction of the store.
package webhook

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// JobRetry is the next time that something is posted again to an endpoint, whose id is its payload.
const JobRetry store.JobKind = "webhook"

// RetryJob is the timer of an endpoint.
func RetryJob(organization, id parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobRetry, string(id)), Kind: JobRetry, DueAt: due, Payload: string(id)}
}

// Insert adds an endpoint, to which is posted what comes after an event of the log.
func Insert(tx *store.Tx, organization parley.ID, w *parley.Webhook, through int64) error {
	tx.MustHave(organization)
	secrets, err := json.Marshal(w.Secrets)
	if err != nil {
		return err
	}
	w.Rev, w.CreatedAt = 1, tx.Now
	_, err = tx.Conn().Exec(`INSERT INTO webhooks (organization_id, id, format, name, url, key_id, paused, reason, secrets, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', $7, 1, $8)`,
		string(organization), string(w.ID), w.Format, w.Name, w.URL, string(w.Key), string(secrets), store.Millis(tx.Now))
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO webhook_places (organization_id, webhook_id, through, holder, held_until, window_start, window_count)
		VALUES ($1, $2, $3, '', 0, 0, 0)`, string(organization), string(w.ID), through)
	return err
}

const columns = "w.id, w.format, w.name, w.url, w.key_id, w.paused, w.reason, w.secrets, w.rev, w.created_at"

func scan(r *sql.Rows, w *parley.Webhook, more ...any) error {
	var secrets string
	var created int64
	err := r.Scan(append([]any{&w.ID, &w.Format, &w.Name, &w.URL, &w.Key, &w.Paused, &w.Reason, &secrets, &w.Rev, &created}, more...)...)
	if err != nil {
		return err
	}
	w.CreatedAt = store.Moment(created)
	return json.Unmarshal([]byte(secrets), &w.Secrets)
}

// Get returns an endpoint.
func Get(q store.Queries, organization, id parley.ID) (w parley.Webhook, err error) {
	absent := true
	err = q.Conn().Query("SELECT "+columns+" FROM webhooks AS w WHERE w.organization_id = $1 AND w.id = $2", []any{string(organization), string(id)},
		func(r *sql.Rows) error {
			absent = false
			return scan(r, &w)
		})
	if err == nil && absent {
		err = parley.NotFound("webhook endpoint", id)
	}
	return w, err
}

// List returns the endpoints of an organization, oldest first.
func List(q store.Queries, organization parley.ID) (list []parley.Webhook, err error) {
	err = q.Conn().Query("SELECT "+columns+" FROM webhooks AS w WHERE w.organization_id = $1 ORDER BY w.created_at, w.id", []any{string(organization)},
		func(r *sql.Rows) error {
			var w parley.Webhook
			err := scan(r, &w)
			list = append(list, w)
			return err
		})
	return list, err
}

// Update writes what can be changed of an endpoint, and raises its revision.
func Update(tx *store.Tx, organization parley.ID, w *parley.Webhook) error {
	tx.MustHave(organization)
	w.Rev++
	_, err := tx.Conn().Exec("UPDATE webhooks SET key_id = $3, paused = $4, reason = $5, rev = $6 WHERE organization_id = $1 AND id = $2",
		string(organization), string(w.ID), string(w.Key), w.Paused, string(w.Reason), w.Rev)
	return err
}

// Delete deletes an endpoint with all that is kept of it.
func Delete(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	for _, statement := range []string{
		"DELETE FROM webhook_places WHERE organization_id = $1 AND webhook_id = $2", // first: whoever posts to it waits here, and then finds nothing
		"DELETE FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2",
		"DELETE FROM webhooks WHERE organization_id = $1 AND id = $2",
	} {
		if _, err := tx.Conn().Exec(statement, string(organization), string(id)); err != nil {
			return err
		}
	}
	return tx.Done([]store.Job{RetryJob(organization, id, time.Time{})})
}
