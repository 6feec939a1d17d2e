package store

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Idempotency is the record of a request that has a key: what a repeat answers with.
type Idempotency struct {
	Scope       string // a hash of the credential, method, path and key
	RequestHash string
	Status      int
	Resource    parley.ID // what the request made
}

// Replay is returned where the scope has been used before: nothing was written.
type Replay struct{ Idempotency }

func (r *Replay) Error() string { return "replay of " + string(r.Resource) }

var (
	insertIdempotency = `INSERT INTO idempotency (organization_id, scope, request_hash, status, resource_id, created_at)
		SELECT organization_id, scope, request_hash, status, resource_id, created_at FROM ` + sqldb.From("$1", "organization_id TEXT",
		"scope TEXT", "request_hash TEXT", "status BIGINT", "resource_id TEXT", "created_at BIGINT") + ` AS j WHERE true
		ON CONFLICT DO NOTHING RETURNING organization_id, resource_id`
)

// claimKeys inserts the idempotency records of a batch, and returns the earlier record of each that lost.
func (tx *Tx) claimKeys(batch []*Append) (map[*Append]*Replay, error) {
	type winner struct{ organization, resource parley.ID }
	var rows sqldb.Rows
	for _, a := range batch {
		if i := a.Idempotency; i != nil {
			rows.Add(string(a.Organization), i.Scope, i.RequestHash, i.Status, string(i.Resource), millis(tx.Now))
		}
	}
	if rows.Len() == 0 {
		return nil, nil
	}
	won := make(map[winner]bool, rows.Len())
	err := tx.c.Query(insertIdempotency, []any{rows.Param()}, func(r *sql.Rows) error {
		var w winner
		err := r.Scan(&w.organization, &w.resource)
		won[w] = true
		return err
	})
	if err != nil || len(won) == rows.Len() {
		return nil, err
	}
	replays := map[*Append]*Replay{}
	for _, a := range batch {
		if i := a.Idempotency; i != nil && !won[winner{a.Organization, i.Resource}] {
			if replays[a], err = tx.Idempotency(a.Organization, i.Scope); err != nil {
				return nil, err
			}
		}
	}
	return replays, nil
}

// ClaimKey inserts an idempotency record inside a general unit; it returns *Replay where the scope has been used.
func (tx *Tx) ClaimKey(organization parley.ID, i *Idempotency) error {
	if i == nil {
		return nil
	}
	a := &Append{Organization: organization, Idempotency: i}
	replays, err := tx.claimKeys([]*Append{a})
	if err != nil {
		return err
	}
	if replays[a] != nil {
		return replays[a]
	}
	return nil
}

// Idempotency returns the record of a scope.
func (q Queries) Idempotency(organization parley.ID, scope string) (*Replay, error) {
	r := &Replay{Idempotency{Scope: scope}}
	err := q.c.Row("SELECT request_hash, status, resource_id FROM idempotency WHERE organization_id = $1 AND scope = $2",
		[]any{string(organization), scope}, &r.RequestHash, &r.Status, &r.Resource)
	return r, found(err, "idempotency record", "")
}

// DropIdempotency deletes up to limit records older than a time, and says how many.
func (tx *Tx) DropIdempotency(before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM idempotency WHERE (organization_id, scope) IN
		(SELECT organization_id, scope FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)`, millis(before), limit)
}
