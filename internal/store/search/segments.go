package search

import (
	"database/sql"
	"encoding/json"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Index is how far the index of an organization has come.
type Index struct {
	Version int
	Rev     int64 // of the last change; 0: there is none
	Through int64 // the event up to which everything is in it
	Last    int64 // segment that was given an id
	Progress
}

// Progress is what is still to be done besides following the log.
type Progress struct {
	// Filled says of each space how far back what was there before the index is in it.
	Filled map[Space]Fill `json:"filled,omitempty"`
	// Moves are conversations that others see now: their messages are to be indexed anew.
	Moves []MoveOf `json:"moves,omitempty"`
}

// MoveOf is a conversation of which the messages from the newest to one have been looked at.
type MoveOf struct {
	Conversation parley.ID `json:"conversation"`
	At           int64     `json:"at,omitempty"`
	Sequence     int64     `json:"sequence,omitempty"`
}

// Fill is how far what was there before has been indexed, newest first.
type Fill struct {
	Before parley.ID `json:"before,omitempty"`
	Done   bool      `json:"done,omitempty"`
}

// Whole reports whether everything of a space is in the index that was there before it.
func (i *Index) Whole(space Space) bool { return i.Filled[space].Done }

// Load returns how far an index has come.
func Load(q store.Queries, organization parley.ID) (i Index, err error) {
	err = q.Conn().Query("SELECT version, rev, through, last_segment, filled FROM search_state WHERE organization_id = $1",
		[]any{string(organization)}, func(r *sql.Rows) error { return i.scan(r) })
	return i, err
}

func (i *Index) scan(r *sql.Rows, more ...any) error {
	var filled []byte
	if err := r.Scan(append(more, &i.Version, &i.Rev, &i.Through, &i.Last, &filled)...); err != nil {
		return err
	}
	return json.Unmarshal(filled, &i.Progress)
}

var loadAll = `SELECT s.organization_id, s.version, s.rev, s.through, s.last_segment, s.filled FROM ` + sqldb.From("$1", "id TEXT") + ` AS j
	JOIN search_state AS s ON s.organization_id = j.id`

// LoadAll is Load of several organizations.
func LoadAll(q store.Queries, organizations []parley.ID) (map[parley.ID]Index, error) {
	all := make(map[parley.ID]Index, len(organizations))
	err := q.Conn().Query(loadAll, []any{store.IDRows(organizations)}, func(r *sql.Rows) error {
		var organization parley.ID
		var i Index
		err := i.scan(r, &organization)
		all[organization] = i
		return err
	})
	return all, err
}

// Save writes how far an index has come and says whether it was as far as whoever changes it knows: two nodes may take
// themselves for the one that does.
func Save(tx *store.Tx, organization parley.ID, i *Index) (bool, error) {
	filled, err := json.Marshal(i.Progress)
	if err != nil {
		return false, err
	}
	n, err := tx.Conn().Exec(`INSERT INTO search_state (organization_id, version, rev, through, last_segment, filled)
		SELECT $1, $2, 1, $4, $5, $6 WHERE $3 = 0
		ON CONFLICT DO NOTHING`, string(organization), i.Version, i.Rev, i.Through, i.Last, string(filled))
	if err != nil || n > 0 || i.Rev == 0 {
		return n > 0, err
	}
	n, err = tx.Conn().Exec(`UPDATE search_state SET version = $2, rev = rev + 1, through = $4, last_segment = $5, filled = $6
		WHERE organization_id = $1 AND rev = $3`, string(organization), i.Version, i.Rev, i.Through, i.Last, string(filled))
	return n > 0, err
}

// Segments returns the segments of an organization.
func Segments(q store.Queries, organization parley.ID) ([]Segment, error) {
	var all []Segment
	err := q.Conn().Query(`SELECT number, space, state, docs, first_at, last_at, changed_at FROM search_segments WHERE organization_id = $1
		ORDER BY number`, []any{string(organization)}, func(r *sql.Rows) error {
		var s Segment
		err := r.Scan(&s.ID, &s.Space, &s.State, &s.Docs, &s.FirstAt, &s.LastAt, &s.Changed)
		all = append(all, s)
		return err
	})
	return all, err
}

// InsertSegment adds a segment.
func InsertSegment(tx *store.Tx, organization parley.ID, s *Segment) error {
	_, err := tx.Conn().Exec(`INSERT INTO search_segments (organization_id, number, space, state, docs, first_at, last_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, string(organization), s.ID, string(s.Space), string(s.State), s.Docs, s.FirstAt, s.LastAt,
		store.Millis(tx.Real()))
	return err
}

// Finish makes a segment ready that was built.
func Finish(tx *store.Tx, organization parley.ID, s *Segment) error {
	_, err := tx.Conn().Exec(`UPDATE search_segments SET state = $3, docs = $4, first_at = $5, last_at = $6, changed_at = $7
		WHERE organization_id = $1 AND number = $2`, string(organization), s.ID, string(Ready), s.Docs, s.FirstAt, s.LastAt, store.Millis(tx.Real()))
	return err
}

var moveSegments = `UPDATE search_segments SET state = $2, changed_at = $3 WHERE organization_id = $1 AND number IN
	(SELECT number FROM ` + sqldb.From("$4", "number BIGINT") + ` AS j)`

// Move brings segments to a state.
func Move(tx *store.Tx, organization parley.ID, to State, ids ...int64) error {
	var rows sqldb.Rows
	for _, id := range ids {
		rows.Add(id)
	}
	_, err := tx.Conn().Exec(moveSegments, string(organization), string(to), store.Millis(tx.Real()), rows.Param())
	return err
}

// DeleteSegment deletes a segment that has no pages.
func DeleteSegment(tx *store.Tx, organization parley.ID, id int64) error {
	_, err := tx.Conn().Exec("DELETE FROM search_segments WHERE organization_id = $1 AND number = $2", string(organization), id)
	return err
}
