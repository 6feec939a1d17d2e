// Package place has the table of how far keys have confirmed that they have the events of the log. Its functions take the queries
// or the transaction of the store.
package place

import (
	"database/sql"
	"encoding/json"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Place is how far a key is: it has all events through one, and some later ones.
type Place struct {
	Through   int64
	Confirmed []int64 // later than that, in order
}

// Get returns the place of a key, and whether it has one.
func Get(q store.Queries, organization, key parley.ID) (p Place, found bool, err error) {
	var confirmed string
	err = q.Conn().Query("SELECT through, confirmed FROM event_places WHERE organization_id = $1 AND key_id = $2", []any{string(organization), string(key)}, func(r *sql.Rows) error {
		found = true
		return r.Scan(&p.Through, &confirmed)
	})
	if err == nil && found {
		err = json.Unmarshal([]byte(confirmed), &p.Confirmed)
	}
	return p, found, err
}

// Set makes a place that of a key.
func Set(tx *store.Tx, organization, key parley.ID, p Place) error {
	tx.MustHave(organization)
	if p.Confirmed == nil {
		p.Confirmed = []int64{}
	}
	confirmed, err := json.Marshal(p.Confirmed)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO event_places (organization_id, key_id, through, confirmed) VALUES ($1, $2, $3, $4)
		ON CONFLICT (organization_id, key_id) DO UPDATE SET through = excluded.through, confirmed = excluded.confirmed`,
		string(organization), string(key), p.Through, string(confirmed))
	return err
}
