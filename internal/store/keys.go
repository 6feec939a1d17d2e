package store

import (
	"database/sql"
	"encoding/hex"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertKey adds a key.
func (tx *Tx) InsertKey(k *parley.Key) error {
	scopes, err := encodeJSON(k.Scopes)
	if err != nil {
		return err
	}
	k.CreatedAt = tx.Now
	_, err = tx.c.Exec(`INSERT INTO keys (id, organization_id, account_id, user_id, name, scopes, rate_limit, secret_hash,
			expires_at, revoked_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)`, string(k.ID), string(k.Organization), string(k.Account), string(k.User),
		k.Name, scopes, k.RateLimit, hex.EncodeToString(k.SecretHash), millis(k.ExpiresAt), millis(k.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(k.ID)
	}
	return err
}

// RevokeKey ends a key; one that has been revoked keeps its time.
func (tx *Tx) RevokeKey(id parley.ID) error {
	_, err := tx.c.Exec("UPDATE keys SET revoked_at = $1 WHERE id = $2 AND revoked_at = 0", millis(tx.Now), string(id))
	return err
}

const keyColumns = "id, organization_id, account_id, user_id, name, scopes, rate_limit, secret_hash, expires_at, revoked_at, created_at"

func scanKey(r *sql.Rows, k *parley.Key) error {
	var scopes, hash string
	var expires, revoked, created int64
	err := r.Scan(&k.ID, &k.Organization, &k.Account, &k.User, &k.Name, &scopes, &k.RateLimit, &hash, &expires, &revoked, &created)
	if err != nil {
		return err
	}
	k.ExpiresAt, k.RevokedAt, k.CreatedAt = moment(expires), moment(revoked), moment(created)
	if k.SecretHash, err = hex.DecodeString(hash); err != nil {
		return err
	}
	return decodeJSON(scopes, &k.Scopes)
}

// Key returns a key, revoked and expired ones too.
func (q Queries) Key(id parley.ID) (k parley.Key, err error) {
	absent := true
	err = q.c.Query("SELECT "+keyColumns+" FROM keys WHERE id = $1", []any{string(id)}, func(r *sql.Rows) error {
		absent = false
		return scanKey(r, &k)
	})
	if err == nil && absent {
		err = parley.NotFound("key", id)
	}
	return k, err
}

// OrganizationKeys returns up to limit keys that belong to an organization, with ids after one.
func (q Queries) OrganizationKeys(organization, after parley.ID, limit int) ([]parley.Key, error) {
	return q.keys("SELECT "+keyColumns+" FROM keys WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", organization, after, limit)
}

// AccountKeys returns up to limit keys of an account that belong to no organization, with ids after one.
func (q Queries) AccountKeys(account, after parley.ID, limit int) ([]parley.Key, error) {
	return q.keys("SELECT "+keyColumns+` FROM keys WHERE account_id = $1 AND account_id <> '' AND id > $2 AND organization_id = ''
		ORDER BY id LIMIT $3`, account, after, limit)
}

func (q Queries) keys(text string, owner, after parley.ID, limit int) ([]parley.Key, error) {
	var keys []parley.Key
	err := q.c.Query(text, []any{string(owner), string(after), limit}, func(r *sql.Rows) error {
		var k parley.Key
		err := scanKey(r, &k)
		keys = append(keys, k)
		return err
	})
	return keys, err
}
