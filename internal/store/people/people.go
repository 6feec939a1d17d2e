// Package people has the tables of what is kept about contacts besides themselves and their addresses, and what changes
// in all tables when two contacts turn out to be one.
package people

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// exec runs statements, in order, on an organization that the unit works on.
func exec(tx *store.Tx, organization parley.ID, all ...sqldb.Statement) error {
	tx.MustHave(organization)
	for _, s := range all {
		if _, err := tx.Conn().Exec(s.Text, s.Args...); err != nil {
			return err
		}
	}
	return nil
}
