package store

import (
	"context"
	"time"
)

// Lease lets a holder, and nobody else, do what the name says until the time is over, and says whether it may. Who holds
// it already may go on. It lasts by the transaction's clock. An embedded database has one user, who may do anything.
func (s *Store) Lease(ctx context.Context, name, holder string, lasts time.Duration) (held bool, err error) {
	if !s.db.Shared() {
		return true, nil
	}
	err = s.Write(ctx, "", func(tx *Tx) error {
		n, err := tx.c.Exec(`INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until <= $4`, name, holder, millis(tx.Now.Add(lasts)), millis(tx.Now))
		held = n > 0
		return err
	})
	return held, err
}
