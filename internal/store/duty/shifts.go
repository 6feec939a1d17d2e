package duty

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// InsertShift adds a shift that is planned.
func InsertShift(tx *store.Tx, organization parley.ID, s *parley.Shift) error {
	tx.MustHave(organization)
	s.State, s.CreatedAt = parley.ShiftPlanned, tx.Now
	_, err := tx.Conn().Exec(`INSERT INTO shifts (organization_id, id, role_id, user_id, starts_at, ends_at, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7)`, string(organization), string(s.ID), string(s.Role), string(s.User),
		store.Millis(s.StartsAt), store.Millis(s.EndsAt), store.Millis(s.CreatedAt))
	return err
}

// SetShift writes the state of a shift.
func SetShift(tx *store.Tx, organization parley.ID, s *parley.Shift) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("UPDATE shifts SET state = $1 WHERE organization_id = $2 AND id = $3", string(s.State), string(organization), string(s.ID))
	return err
}

// DeleteShift deletes a shift.
func DeleteShift(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec("DELETE FROM shifts WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	return err
}

const shiftColumns = "s.id, s.role_id, s.user_id, s.starts_at, s.ends_at, s.state, s.created_at"

func shifts(q store.Queries, text string, args ...any) ([]parley.Shift, error) {
	var list []parley.Shift
	err := q.Conn().Query(text, args, func(r *sql.Rows) error {
		var s parley.Shift
		var starts, ends, created int64
		err := r.Scan(&s.ID, &s.Role, &s.User, &starts, &ends, &s.State, &created)
		s.StartsAt, s.EndsAt, s.CreatedAt = store.Moment(starts), store.Moment(ends), store.Moment(created)
		list = append(list, s)
		return err
	})
	return list, err
}

// Shift returns a shift of a role.
func Shift(q store.Queries, organization, role, id parley.ID) (parley.Shift, error) {
	list, err := shifts(q, "SELECT "+shiftColumns+" FROM shifts AS s WHERE s.organization_id = $1 AND s.id = $2 AND s.role_id = $3",
		string(organization), string(id), string(role))
	if err == nil && len(list) == 0 {
		return parley.Shift{}, parley.NotFound("shift", id)
	}
	if err != nil {
		return parley.Shift{}, err
	}
	return list[0], nil
}

// Ahead returns the shifts of a role that are not over, in the order in which they begin.
func Ahead(q store.Queries, organization, role parley.ID) ([]parley.Shift, error) {
	return shifts(q, "SELECT "+shiftColumns+` FROM shifts AS s WHERE s.organization_id = $1 AND s.role_id = $2 AND s.state IN ('planned', 'begun')
		AND s.state <> 'over' ORDER BY s.starts_at, s.id`, string(organization), string(role))
}

// Place is a place in a list of shifts.
type Place struct {
	StartsAt time.Time
	ID       parley.ID
}

// Shifts returns up to limit shifts of a role that touch a time, of all users or of one, in the order in which they
// begin, after a place.
func Shifts(q store.Queries, organization, role, user parley.ID, from, to time.Time, after Place, limit int) ([]parley.Shift, error) {
	start := int64(-1 << 62)
	if !after.StartsAt.IsZero() {
		start = store.Millis(after.StartsAt)
	}
	text := "SELECT " + shiftColumns + ` FROM shifts AS s WHERE s.organization_id = $1 AND s.role_id = $2 AND s.ends_at > $3 AND s.starts_at < $4
		AND (s.starts_at, s.id) > ($5, $6)`
	args := []any{string(organization), string(role), store.Millis(from), store.Millis(to), start, string(after.ID), limit}
	if user != "" {
		text += " AND s.user_id = $8"
		args = append(args, string(user))
	}
	return shifts(q, text+" ORDER BY s.starts_at, s.id LIMIT $7", args...)
}
