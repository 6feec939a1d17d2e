package store

import (
	"cmp"
	"database/sql"
	"slices"
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
	Once        bool      // a repeat is refused in place of being answered; not kept
}

// Replay is returned where the scope has been used before: nothing was written.
type Replay struct{ Idempotency }

func (r *Replay) Error() string { return "replay of " + string(r.Resource) }

var (
	insertIdempotency = `INSERT INTO idempotency (organization_id, scope, request_hash, status, resource_id, created_at)
		SELECT organization_id, scope, request_hash, status, resource_id, created_at FROM ` + sqldb.From("$1", "organization_id TEXT",
		"scope TEXT", "request_hash TEXT", "status BIGINT", "resource_id TEXT", "created_at BIGINT") + ` AS j WHERE true
		ON CONFLICT DO NOTHING`
	lostKeys = `SELECT j.n, i.request_hash, i.status, i.resource_id FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "scope TEXT") + ` AS j
		JOIN idempotency AS i ON i.organization_id = j.organization_id AND i.scope = j.scope`
)

func (a *Append) scope() string {
	if a.Idempotency == nil {
		return ""
	}
	return a.Idempotency.Scope
}

// claimKeys inserts the idempotency records of a batch, and returns the earlier record of each that lost. Where there
// are several each makes another resource.
func (tx *Tx) claimKeys(batch []*Append) (map[*Append]*Replay, error) {
	var rows, mine sqldb.Rows
	order := make([]int, len(batch)) // in one order everywhere: other nodes may claim the same ones now
	for n := range batch {
		order[n] = n
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(batch[i].scope(), batch[j].scope()) })
	for _, n := range order {
		a := batch[n]
		if i := a.Idempotency; i != nil {
			rows.Add(string(a.Organization), i.Scope, i.RequestHash, i.Status, string(i.Resource), Millis(tx.Now))
			mine.Add(n, string(a.Organization), i.Scope)
		}
	}
	if rows.Len() == 0 || tx.s.options.Sabotage == SabotageKeys {
		return nil, nil
	}
	for {
		won, err := tx.c.Exec(insertIdempotency, rows.Param())
		if err != nil || won == int64(rows.Len()) { // who has won is not asked: most often all have
			return nil, err
		}
		found, replays := 0, map[*Append]*Replay{}
		err = tx.c.Query(lostKeys, []any{mine.Param()}, func(r *sql.Rows) error {
			var n int
			var i Idempotency
			err := r.Scan(&n, &i.RequestHash, &i.Status, &i.Resource)
			found++
			if tx.s.options.Sabotage == SabotageLate && i.Resource > parley.NewID(tx.Now.Add(-time.Second)) {
				return err
			}
			if own := batch[n].Idempotency; rows.Len() == 1 || i.Resource != own.Resource {
				i.Scope = own.Scope
				replays[batch[n]] = &Replay{i}
			}
			return err
		})
		if err != nil || found == rows.Len() {
			return replays, err
		}
		// An old record was in the way that another node has swept meanwhile: now it is not.
	}
}

// ClaimKey inserts an idempotency record inside a general unit; it returns *Replay where the scope has been used.
func (tx *Tx) ClaimKey(organization parley.ID, i *Idempotency) error {
	if i == nil {
		return nil
	}
	a := &Append{Organization: organization, Idempotency: i}
	replays, err := tx.claimKeys([]*Append{a})
	if err == nil && replays[a] != nil {
		err = replays[a]
	}
	return err
}

// Idempotency returns the record of a scope.
func (q Queries) Idempotency(organization parley.ID, scope string) (*Replay, error) {
	r := &Replay{Idempotency{Scope: scope}}
	err := q.c.Row("SELECT request_hash, status, resource_id FROM idempotency WHERE organization_id = $1 AND scope = $2",
		[]any{string(organization), scope}, &r.RequestHash, &r.Status, &r.Resource)
	return r, Found(err, "idempotency record", "")
}

// DropIdempotency deletes up to limit records older than a time, and says how many: not those of test organizations, which
// have times of their own.
func (tx *Tx) DropIdempotency(before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM idempotency WHERE (organization_id, scope) IN
		(SELECT organization_id, scope FROM idempotency WHERE created_at < $1 AND substr(organization_id, 16, 4) <> 'test'
		ORDER BY created_at LIMIT $2)`, Millis(before), limit)
}

// DropIdempotencyOf is DropIdempotency of one organization: of a test organization, whose records have its time.
func (tx *Tx) DropIdempotencyOf(organization parley.ID, before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM idempotency WHERE organization_id = $1 AND scope IN
		(SELECT scope FROM idempotency WHERE organization_id = $1 AND created_at < $2 LIMIT $3)`, string(organization), Millis(before), limit)
}
