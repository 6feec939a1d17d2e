package webhook

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertPosts = `INSERT INTO webhook_posts (organization_id, webhook_id, at, sequence, part, kind, state, attempts, status, code, tried_at, next_at)
	SELECT $2, $3, at, sequence, part, kind, state, attempts, status, code, tried_at, next_at FROM ` + sqldb.From("$1", "at BIGINT", "sequence BIGINT",
	"part BIGINT", "kind TEXT", "state TEXT", "attempts BIGINT", "status BIGINT", "code TEXT", "tried_at BIGINT", "next_at BIGINT") + ` AS j WHERE true
	ON CONFLICT DO NOTHING`

// Add notes what was posted to an endpoint for the first time. The unit need not be begun for the organization.
func Add(tx *store.Tx, organization, webhook parley.ID, posts []parley.Post) error {
	if len(posts) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for i := range posts {
		p := &posts[i]
		rows.Add(store.Millis(p.At), p.Sequence, p.Part, p.Kind, string(p.State), p.Attempts, p.Status, p.Code, store.Millis(p.TriedAt), store.Millis(p.NextAt))
	}
	_, err := tx.Conn().Exec(insertPosts, rows.Param(), string(organization), string(webhook))
	return err
}

const postColumns = "at, sequence, part, kind, state, attempts, status, code, tried_at, next_at"

func posts(q store.Queries, text string, args ...any) (list []parley.Post, err error) {
	err = q.Conn().Query(text, args, func(r *sql.Rows) error {
		var p parley.Post
		var at, tried, next int64
		err := r.Scan(&at, &p.Sequence, &p.Part, &p.Kind, &p.State, &p.Attempts, &p.Status, &p.Code, &tried, &next)
		p.At, p.TriedAt, p.NextAt = store.Moment(at), store.Moment(tried), store.Moment(next)
		list = append(list, p)
		return err
	})
	return list, err
}

// Begin takes up to limit posts of an endpoint that are due to be tried again, the longest due first, and counts the attempt.
func Begin(tx *store.Tx, organization, webhook parley.ID, limit int) ([]parley.Post, error) {
	tx.MustHave(organization)
	due, err := posts(tx.Queries, "SELECT "+postColumns+` FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2 AND next_at > 0 AND next_at <= $3
		ORDER BY next_at, at, sequence, part LIMIT $4`, string(organization), string(webhook), store.Millis(tx.Now), limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	for i := range due {
		due[i].Attempts++
		due[i].TriedAt = tx.Now
	}
	return due, update(tx, organization, webhook, due, -1)
}

var updatePosts = `UPDATE webhook_posts SET state = j.state, attempts = j.attempts, status = j.status, code = j.code, tried_at = j.tried_at, next_at = j.next_at
	FROM ` + sqldb.From("$1", "at BIGINT", "sequence BIGINT", "part BIGINT", "state TEXT", "attempts BIGINT", "was BIGINT", "status BIGINT", "code TEXT",
	"tried_at BIGINT", "next_at BIGINT") + ` AS j WHERE webhook_posts.organization_id = $2 AND webhook_posts.webhook_id = $3 AND webhook_posts.at = j.at
		AND webhook_posts.sequence = j.sequence AND webhook_posts.part = j.part AND webhook_posts.attempts = j.was AND webhook_posts.state = 'waiting'`

func update(tx *store.Tx, organization, webhook parley.ID, posts []parley.Post, since int) error {
	if len(posts) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for i := range posts {
		p := &posts[i]
		rows.Add(store.Millis(p.At), p.Sequence, p.Part, string(p.State), p.Attempts, p.Attempts+since, p.Status, p.Code, store.Millis(p.TriedAt), store.Millis(p.NextAt))
	}
	_, err := tx.Conn().Exec(updatePosts, rows.Param(), string(organization), string(webhook))
	return err
}

// Finish writes what became of posts that were tried again, of those that nobody has tried once more since.
func Finish(tx *store.Tx, organization, webhook parley.ID, posts []parley.Post) error {
	tx.MustHave(organization)
	return update(tx, organization, webhook, posts, 0)
}

// Next returns when the first post of an endpoint is to be tried again; zero: none is.
func Next(q store.Queries, organization, webhook parley.ID) (time.Time, error) {
	var next int64
	err := q.Conn().Row("SELECT coalesce(min(next_at), 0) FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2 AND next_at > 0",
		[]any{string(organization), string(webhook)}, &next)
	return store.Moment(next), err
}

// Page returns up to limit posts to an endpoint of events from one time until before another, newest first, before one of them.
func Page(q store.Queries, organization, webhook parley.ID, since, until time.Time, before parley.PostKey, limit int) ([]parley.Post, error) {
	return posts(q, "SELECT "+postColumns+` FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2 AND at >= $3 AND at < $4
		AND (at, sequence, part) < ($5, $6, $7) ORDER BY at DESC, sequence DESC, part DESC LIMIT $8`, string(organization), string(webhook), store.Millis(since),
		store.Millis(until), store.Millis(before.At), before.Sequence, before.Part, limit)
}

// Drop deletes up to limit posts to an endpoint of events before a time, and says how many.
func Drop(tx *store.Tx, organization, webhook parley.ID, before time.Time, limit int) (int64, error) {
	tx.MustHave(organization)
	return tx.Conn().Exec(`DELETE FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2 AND (at, sequence, part) IN
		(SELECT at, sequence, part FROM webhook_posts WHERE organization_id = $1 AND webhook_id = $2 AND at < $3 AND next_at = 0 LIMIT $4)`,
		string(organization), string(webhook), store.Millis(before), limit)
}
