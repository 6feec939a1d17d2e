package move

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/parley-server/parley/internal/store/sqldb"
)

// compare brings the destination to one moment of the source, and compares all rows of both as they were then.
func (m *move) compare(ctx context.Context) error {
	err := m.round(ctx, m.compareTables)
	m.report.Changed = 0 // what was brought over until now is among the rows that were compared
	return err
}

func (m *move) compareTables(ctx context.Context) error {
	var total, done atomic.Int64
	for _, s := range m.state.tables {
		total.Add(2 * s.Copied) // about
	}
	step := func(rows int64) {
		n := done.Add(rows)
		m.say(Progress{PhaseCompare, n, max(n, total.Load())})
	}
	step(0)
	for _, t := range m.schema.tables {
		theirs, ours, err := m.sums(ctx, t, step)
		if err != nil {
			return fmt.Errorf("comparing the table %s: %w", t.name, err)
		}
		if theirs != ours {
			return fmt.Errorf("the table %s is not the same: %s has %d rows with the checksum %s, %s has %d with %s; empty the destination, and begin anew",
				t.name, m.from.name, theirs.Rows, theirs.Sum, m.to.name, ours.Rows, ours.Sum)
		}
		s := m.state.tables[t.name]
		s.Rows, s.Sum = ours.Rows, ours.Sum
		if err := m.state.put(m.to.session.With(ctx), t); err != nil {
			return err
		}
	}
	return m.from.Settled(ctx)
}

// sums reads a table on both sides at once.
func (m *move) sums(ctx context.Context, t *table, step func(rows int64)) (theirs, ours Compared, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	var failed [2]error
	for i, into := range []*Compared{&theirs, &ours} {
		s := []*side{m.from, m.to}[i]
		wait.Go(func() {
			if *into, failed[i] = t.sum(s.session.With(ctx), step); failed[i] != nil {
				failed[i] = fmt.Errorf("%s: %w", s.name, failed[i])
				cancel()
			}
		})
	}
	wait.Wait()
	return theirs, ours, errors.Join(failed[:]...)
}

// sumRows is after how many rows it is said how far a sum is.
const sumRows = 5000

// sum reads all rows of a table in order of the key. Text counts as it can be stored everywhere.
func (t *table) sum(c sqldb.Conn, step func(rows int64)) (Compared, error) {
	result := Compared{Name: t.name}
	var row sqldb.Rows
	var sum hash.Hash = sha256.New()
	read := t.reader()
	err := c.Query(t.all, nil, func(r *sql.Rows) error {
		values, err := read(r)
		if err != nil {
			return err
		}
		row.Reset()
		row.Add(values...)
		_, _ = sum.Write(row.Param())
		if result.Rows++; result.Rows%sumRows == 0 {
			step(sumRows)
		}
		return nil
	})
	step(result.Rows % sumRows)
	result.Sum = hex.EncodeToString(sum.Sum(nil))
	return result, err
}

// sameCounts compares how many rows the tables have.
func (m *move) sameCounts(ctx context.Context) error {
	var counts [2][]int64
	var failed [2]error
	var wait sync.WaitGroup
	for i, s := range []*side{m.from, m.to} {
		counts[i] = make([]int64, len(m.schema.tables))
		wait.Go(func() {
			for n, t := range m.schema.tables {
				if failed[i] == nil {
					failed[i] = s.session.With(ctx).Row(t.count, nil, &counts[i][n])
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	for n, t := range m.schema.tables {
		if counts[0][n] != counts[1][n] {
			return fmt.Errorf("the table %s has %d rows in %s and %d in %s", t.name, counts[0][n], m.from.name, counts[1][n], m.to.name)
		}
	}
	return nil
}
