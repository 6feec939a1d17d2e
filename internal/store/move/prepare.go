package move

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/store"
)

// prepare checks both sides, changes nothing where one is wrong, and makes them ready for the copy or finds how far it is.
// finished: all that is left is to open the destination.
func (m *move) prepare(ctx context.Context) (finished bool, err error) {
	from, err := m.from.names(ctx, m.from.tables())
	if err != nil {
		return false, err
	}
	to, err := m.to.names(ctx, m.to.tables())
	if err != nil {
		return false, err
	}
	if m.state, err = readState(ctx, m.to, to); err != nil {
		return false, err
	}
	step, closed, err := m.checkSource(ctx, from, len(m.migrations))
	if err != nil {
		return false, err
	}
	id, err := m.from.captured(ctx, from)
	if err != nil {
		return false, err
	}
	if closed != "" {
		if m.state != nil && m.state.id == id {
			return true, nil
		}
		return false, m.closedSource(ctx, closed, id, to)
	}
	m.from.Proceed() // an earlier run may not have known whether it closed the source
	if err := m.checkDestination(ctx, to, len(m.migrations)); err != nil {
		return false, err
	}
	if step < len(m.migrations) {
		if err := m.from.Migrate(ctx, m.migrations); err != nil {
			return false, fmt.Errorf("%s: %w", m.from.name, err)
		}
	}
	if m.state != nil && m.state.id == id {
		return false, nil // it goes on
	}
	if m.state == nil {
		if err := m.to.Migrate(ctx, m.migrations); err != nil {
			return false, fmt.Errorf("%s: %w", m.to.name, err)
		}
	}
	return false, m.begin(ctx, from, to)
}

// closedSource is the error of a source that was moved to somewhere.
func (m *move) closedSource(ctx context.Context, closed, id string, tables map[string]bool) error {
	var to string
	if err := m.from.session.With(ctx).Row("SELECT destination FROM "+captureTable+" WHERE id = $1", []any{id}, &to); err != nil {
		return err
	}
	_, rows, err := m.to.holds(ctx, tables)
	switch {
	case err != nil:
		return err
	case to == m.to.name && m.state == nil && rows > 0:
		return fmt.Errorf("%s %s: %w", m.from.name, closed, ErrMoved)
	case to == m.to.name:
		return fmt.Errorf("%s %s, which does not hold it now", m.from.name, closed)
	}
	return fmt.Errorf("%s %s, and is closed", m.from.name, closed)
}

// begin begins a move: first where it goes, then where it comes from, which only then notes changes for it.
func (m *move) begin(ctx context.Context, from, to map[string]bool) error {
	m.state = newState(m.schema, rand.Text(), m.from.name)
	if err := m.state.begin(ctx, m.to, to); err != nil {
		return fmt.Errorf("%s: %w", m.to.name, err)
	}
	if from[captureTable] || from[changesTable] {
		if err := m.from.release(ctx, m.from); err != nil {
			return fmt.Errorf("%s: %w", m.from.name, err)
		}
	}
	if err := m.from.capture(ctx, m.from, m.state.id, m.to.name); err != nil {
		return fmt.Errorf("%s: %w", m.from.name, err)
	}
	return nil
}

// checkSource returns the last step of the source's schema, and why it is closed, if it is.
func (m *move) checkSource(ctx context.Context, tables map[string]bool, known int) (step int, closed string, err error) {
	step, closed, err = m.from.step(ctx, tables)
	switch {
	case err != nil:
	case step == 0:
		err = fmt.Errorf("%s holds no Parley database", m.from.name)
	case step > known:
		err = fmt.Errorf("%s has schema %d, and this program knows %d: use the program that runs on it", m.from.name, step, known)
	case tables[progressTable]:
		err = fmt.Errorf("%s %s", m.from.name, closed)
	}
	return step, closed, err
}

// checkDestination refuses one that holds something else than a part of this move.
func (m *move) checkDestination(ctx context.Context, tables map[string]bool, known int) error {
	step, closed, err := m.to.step(ctx, tables)
	switch {
	case err != nil:
		return err
	case step > known:
		return fmt.Errorf("%s has schema %d, and this program knows %d: use the program that made it", m.to.name, step, known)
	case m.state != nil && m.state.source != m.from.name:
		return fmt.Errorf("%s holds a part of %s, whose move has not ended: name that with --from, or an empty database with --to", m.to.name, m.state.source)
	case m.state != nil && step != known:
		return fmt.Errorf("%s holds a part of a move by another version of this program: empty it", m.to.name)
	case m.state != nil:
		return nil
	case closed != "":
		return fmt.Errorf("%s %s, and still holds what it held then: name an empty database with --to", m.to.name, closed)
	case step == 0 && slices.ContainsFunc(m.schema.tables, func(t *table) bool { return tables[t.name] }):
		return fmt.Errorf("%s holds tables of another program: name an empty database with --to", m.to.name)
	}
	name, rows, err := m.to.holds(ctx, tables)
	if err == nil && rows > 0 {
		err = fmt.Errorf("%s is not empty, its table %s has %d rows: name an empty database with --to", m.to.name, name, rows)
	}
	return err
}

// GiveUp ends what an unfinished move left in the database of a store: changes are noted no more. One that goes on
// elsewhere is left alone.
func GiveUp(ctx context.Context, st *store.Store) error {
	db := st.Engine()
	tables, err := namesFrom(db.Read(ctx), engineOf(db).tables())
	if err != nil || !tables[captureTable] && !tables[changesTable] {
		return err
	}
	schema, err := readSchema(ctx, store.Migrations())
	if err != nil {
		return err
	}
	s := side{DB: db, name: "the database"}
	if err := s.begin(ctx, schema); errors.Is(err, ErrElsewhere) {
		return nil
	} else if err != nil {
		return err
	}
	return errors.Join(s.release(ctx, &s), s.session.Close())
}
