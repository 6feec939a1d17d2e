package search

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Gone is something that has to go from the segments up to one.
type Gone struct {
	Space   Space
	Segment int64
	Place
}

var insertGone = `INSERT INTO search_gone (organization_id, space, id, segment, at) SELECT $1, space, id, segment, at FROM ` +
	sqldb.From("$2", "space TEXT", "id TEXT", "segment BIGINT", "at BIGINT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

// AddGone notes what has to go.
func AddGone(tx *store.Tx, organization parley.ID, gone []Gone) error {
	if len(gone) == 0 {
		return nil
	}
	_, err := tx.Conn().Exec(insertGone, string(organization), goneRows(gone, true))
	return err
}

func goneRows(gone []Gone, at bool) []byte {
	var rows sqldb.Rows
	for _, g := range gone {
		if at {
			rows.Add(string(g.Space), string(g.ID), g.Segment, g.At)
		} else {
			rows.Add(string(g.Space), string(g.ID), g.Segment)
		}
	}
	return rows.Param()
}

// GoneOf returns up to limit of what has to go.
func GoneOf(q store.Queries, organization parley.ID, limit int) ([]Gone, error) {
	var gone []Gone
	err := q.Conn().Query("SELECT space, id, segment, at FROM search_gone WHERE organization_id = $1 ORDER BY space, id, segment LIMIT $2",
		[]any{string(organization), limit}, func(r *sql.Rows) error {
			var g Gone
			err := r.Scan(&g.Space, &g.ID, &g.Segment, &g.At)
			gone = append(gone, g)
			return err
		})
	return gone, err
}

var deleteGone = `DELETE FROM search_gone WHERE organization_id = $1 AND (space, id, segment) IN (SELECT space, id, segment FROM ` +
	sqldb.From("$2", "space TEXT", "id TEXT", "segment BIGINT") + ` AS j)`

// DropGone forgets what has gone.
func DropGone(tx *store.Tx, organization parley.ID, gone []Gone) error {
	_, err := tx.Conn().Exec(deleteGone, string(organization), goneRows(gone, false))
	return err
}

// Print is what something was like when it was indexed.
type Print struct {
	Words int64 // a hash
	Scope Scope
	At    int64 // its place
}

var printsOf = `SELECT id, words, scope, at FROM search_prints WHERE organization_id = $1 AND space = $3 AND id IN ` + store.IDSource

// Prints returns those of some things.
func Prints(q store.Queries, organization parley.ID, space Space, ids []parley.ID) (map[parley.ID]Print, error) {
	prints := make(map[parley.ID]Print, len(ids))
	if len(ids) == 0 {
		return prints, nil
	}
	err := q.Conn().Query(printsOf, []any{string(organization), store.IDRows(ids), string(space)}, func(r *sql.Rows) error {
		var id parley.ID
		var p Print
		err := r.Scan(&id, &p.Words, &p.Scope, &p.At)
		prints[id] = p
		return err
	})
	return prints, err
}

var (
	setPrints = `INSERT INTO search_prints (organization_id, space, id, words, scope, at) SELECT $1, $2, id, words, scope, at FROM ` +
		sqldb.From("$3", "id TEXT", "words BIGINT", "scope BIGINT", "at BIGINT") + ` AS j WHERE true
		ON CONFLICT (organization_id, space, id) DO UPDATE SET words = excluded.words, scope = excluded.scope, at = excluded.at`
	dropPrints = `DELETE FROM search_prints WHERE organization_id = $1 AND space = $2 AND id IN (SELECT id FROM ` + sqldb.From("$3", "id TEXT") + ` AS j)`
)

// SetPrints keeps what some things are like, and forgets others.
func SetPrints(tx *store.Tx, organization parley.ID, space Space, prints map[parley.ID]Print, gone []parley.ID) error {
	if len(prints) > 0 {
		var rows sqldb.Rows
		for id, p := range prints {
			rows.Add(string(id), p.Words, int64(p.Scope), p.At)
		}
		if _, err := tx.Conn().Exec(setPrints, string(organization), string(space), rows.Param()); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := tx.Conn().Exec(dropPrints, string(organization), string(space), store.IDRows(gone))
	return err
}

// Reset forgets what the index knows besides its segments.
func Reset(tx *store.Tx, organization parley.ID) error {
	if _, err := tx.Conn().Exec("DELETE FROM search_gone WHERE organization_id = $1", string(organization)); err != nil {
		return err
	}
	_, err := tx.Conn().Exec("DELETE FROM search_prints WHERE organization_id = $1", string(organization))
	return err
}

var waiting = `SELECT j.id FROM ` + sqldb.From("$1", "id TEXT") + ` AS j WHERE
	EXISTS (SELECT 1 FROM search_gone AS g WHERE g.organization_id = j.id)
	OR EXISTS (SELECT 1 FROM search_segments AS s WHERE s.organization_id = j.id AND s.state <> 'ready')`

// Waiting says which organizations have something in their index that has to go.
func Waiting(q store.Queries, organizations []parley.ID) (map[parley.ID]bool, error) {
	found := map[parley.ID]bool{}
	err := q.Conn().Query(waiting, []any{store.IDRows(organizations)}, func(r *sql.Rows) error {
		var id parley.ID
		err := r.Scan(&id)
		found[id] = true
		return err
	})
	return found, err
}

// MergedInto returns up to limit contacts that became a part of one.
func MergedInto(q store.Queries, organization, contact parley.ID, limit int) ([]parley.ID, error) {
	var ids []parley.ID
	err := q.Conn().Query("SELECT id FROM contacts WHERE organization_id = $1 AND merged_into = $2 AND merged_into <> '' ORDER BY id LIMIT $3",
		[]any{string(organization), string(contact), limit}, func(r *sql.Rows) error {
			var id parley.ID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}
