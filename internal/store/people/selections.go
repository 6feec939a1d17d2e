package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// SetSelection keeps which contacts are on a broadcast list; nil: it has members of its own, or is gone.
func SetSelection(tx *store.Tx, organization, broadcast parley.ID, s *parley.Selection) error {
	tx.MustHave(organization)
	if s == nil {
		_, err := tx.Conn().Exec("DELETE FROM selections WHERE organization_id = $1 AND broadcast_id = $2", string(organization), string(broadcast))
		return err
	}
	filter, err := store.EncodeJSON(s)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO selections (organization_id, broadcast_id, filter) VALUES ($1, $2, $3)
		ON CONFLICT (organization_id, broadcast_id) DO UPDATE SET filter = excluded.filter`, string(organization), string(broadcast), filter)
	return err
}

var selectionsOf = "SELECT broadcast_id, filter FROM selections WHERE organization_id = $1 AND broadcast_id IN " + store.IDSource

// Selections returns which contacts are on those of some broadcast lists that have no members of their own.
func Selections(q store.Queries, organization parley.ID, broadcasts ...parley.ID) (map[parley.ID]*parley.Selection, error) {
	found := map[parley.ID]*parley.Selection{}
	if len(broadcasts) == 0 {
		return found, nil
	}
	err := q.Conn().Query(selectionsOf, []any{string(organization), store.IDRows(broadcasts)}, func(r *sql.Rows) error {
		var id parley.ID
		var filter string
		if err := r.Scan(&id, &filter); err != nil {
			return err
		}
		found[id] = &parley.Selection{}
		return store.DecodeJSON(filter, found[id])
	})
	return found, err
}

// Selected returns up to limit contacts of a selection with ids after one, as they are now. It examines a bounded number: next
// is where to go on, empty at the end.
func Selected(q store.Queries, organization parley.ID, s *parley.Selection, after parley.ID, limit int) ([]parley.Contact, parley.ID, error) {
	return q.Contacts(organization, FilterOf(s), after, limit)
}

// FilterOf is a selection as a list of contacts has it.
func FilterOf(s *parley.Selection) store.ContactFilter {
	return store.ContactFilter{NamePrefix: s.NamePrefix, Tag: s.Tag, Attributes: s.Attributes, Saved: s.Saved, OptedOut: s.OptedOut,
		CreatedSince: s.CreatedSince, CreatedUntil: s.CreatedUntil}
}
