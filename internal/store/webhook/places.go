package webhook

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Place is how far an endpoint is in the log of its organization.
type Place struct {
	Organization parley.ID
	Webhook      parley.ID
	Through      int64
	// Window is the minute of which Count posts have begun.
	Window time.Time
	Count  int
}

var placesOf = `SELECT p.organization_id, p.webhook_id, p.through, p.window_start, p.window_count FROM ` + sqldb.From("$1", "organization_id TEXT") + ` AS j
	JOIN webhook_places AS p ON p.organization_id = j.organization_id
	JOIN webhooks AS w ON w.organization_id = p.organization_id AND w.id = p.webhook_id AND w.paused = 0
	ORDER BY p.organization_id, p.webhook_id`

// Places returns how far those endpoints of organizations are that are not paused.
func Places(q store.Queries, organizations []parley.ID) (list []Place, err error) {
	err = q.Conn().Query(placesOf, []any{store.IDRows(organizations)}, func(r *sql.Rows) error {
		var p Place
		err := scanPlace(r, &p)
		list = append(list, p)
		return err
	})
	return list, err
}

func scanPlace(r *sql.Rows, p *Place) error {
	var window int64
	err := r.Scan(&p.Organization, &p.Webhook, &p.Through, &window, &p.Count)
	p.Window = store.Moment(window)
	return err
}

// Hold lets a holder, and nobody else, post to an endpoint until the time is over, by the transaction's clock, and returns where
// it goes on. Found is whether it may: nobody else does, or alone is said, and the endpoint is there and not paused. Who holds it
// already may go on. The unit need not be begun for the organization.
func Hold(tx *store.Tx, organization, id parley.ID, holder string, lasts time.Duration, alone bool) (p Place, found bool, err error) {
	now := tx.Real()
	err = tx.Conn().Query(`UPDATE webhook_places SET holder = $3, held_until = $4
		WHERE organization_id = $1 AND webhook_id = $2 AND (holder = $3 OR held_until <= $5 OR $6 = 1)
			AND EXISTS (SELECT 1 FROM webhooks AS w WHERE w.organization_id = $1 AND w.id = $2 AND w.paused = 0)
		RETURNING organization_id, webhook_id, through, window_start, window_count`,
		[]any{string(organization), string(id), holder, store.Millis(now.Add(lasts)), store.Millis(now), alone}, func(r *sql.Rows) error {
			found = true
			return scanPlace(r, &p)
		})
	return p, found, err
}

// Release lets others post to an endpoint.
func Release(tx *store.Tx, organization, id parley.ID, holder string) error {
	_, err := tx.Conn().Exec("UPDATE webhook_places SET held_until = 0 WHERE organization_id = $1 AND webhook_id = $2 AND holder = $3",
		string(organization), string(id), holder)
	return err
}

// Advance moves an endpoint's place on from an event, for its holder, who may go on for a while. False: it is not where it was, or
// somebody else has it. The unit need not be begun for the organization.
func Advance(tx *store.Tx, holder string, from int64, to Place, lasts time.Duration) (bool, error) {
	n, err := tx.Conn().Exec(`UPDATE webhook_places SET through = $5, window_start = $6, window_count = $7, held_until = $8
		WHERE organization_id = $1 AND webhook_id = $2 AND holder = $3 AND through = $4`, string(to.Organization), string(to.Webhook), holder, from,
		to.Through, store.Millis(to.Window), to.Count, store.Millis(tx.Real().Add(lasts)))
	return n > 0, err
}
