package move

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// TestChangesMeanwhile: what others insert, change, exchange and delete while a database is moved is moved too, all that
// they were told is done and nothing else; and then they are refused.
func TestChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			from, to := pair.from(t), pair.to(t)
			made(t, from, 150, 4)
			source, destination := openEngine(t, from), openEngine(t, to)
			other := source // of another program, where one may have it too
			if from.URL != "" {
				other = openEngine(t, from)
			}
			c := &changer{t: t, db: other, schema: schemaOf(t)}
			stop := c.start(3)
			c.until(100)
			report, err := run(t.Context(), side{DB: source, name: from.String()}, side{DB: destination, name: to.String()}, c.slowly)
			check(t, err)
			refused := stop()
			if refused.Code != "moved" && refused.Code != "moving" {
				t.Errorf("after the move they were told %v", refused)
			}
			t.Logf("%d changes, of which %d rows were brought over by themselves; stopped for %v", c.done.Load(), report.Changed, report.Stopped)
			check(t, errors.Join(source.Close(), destination.Close(), other.Close()))
			same(t, dump(t, to), dump(t, from))
		})
	}
}

// changer changes rows of a database.
type changer struct {
	t      *testing.T
	db     *sqldb.DB
	schema *schema
	done   atomic.Int64
	number atomic.Int64
	// stopped: nobody can change anything any more.
	stopped bool
	steps   int
}

// start lets several change until they are stopped, or are refused.
func (c *changer) start(n int) (stop func() *parley.Error) {
	ctx, cancel := context.WithCancel(c.t.Context())
	c.number.Store(1_000_000)
	var all sync.WaitGroup
	var refused atomic.Pointer[parley.Error]
	for i := range n {
		random := rand.New(rand.NewPCG(uint64(i), 5))
		all.Go(func() {
			for ctx.Err() == nil {
				err := c.change(ctx, random)
				if e, ok := errors.AsType[*parley.Error](err); ok && e.Kind == parley.KindUnavailable {
					if e.Code == "moved" || e.Code == "moving" {
						refused.Store(e)
					}
					time.Sleep(10 * time.Millisecond)
				} else if err != nil && ctx.Err() == nil {
					c.t.Errorf("changing: %v", err)
					return
				}
			}
		})
	}
	return func() *parley.Error {
		for refused.Load() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
		all.Wait()
		return refused.Load()
	}
}

// until waits for so many changes.
func (c *changer) until(n int64) {
	for c.done.Load() < n {
		time.Sleep(time.Millisecond)
	}
}

// slowly has a few changes made for each step of a move that does not bring over changes.
func (c *changer) slowly(p Progress) {
	c.stopped = c.stopped || p.Phase == PhaseStopped
	if c.steps++; c.steps%4 == 0 && !c.stopped && p.Phase != PhaseChanges {
		c.until(c.done.Load() + 2)
	}
}

// change makes one change of a random table.
func (c *changer) change(ctx context.Context, random *rand.Rand) error {
	t := c.schema.tables[random.IntN(len(c.schema.tables))]
	if random.IntN(4) == 0 {
		t = c.schema.tables[0] // accounts, with a constraint besides the key
	}
	err := c.db.Write(ctx, sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		switch random.IntN(5) {
		case 0:
			_, err := tx.Exec(t.insert, someRows(c.schema, t, random, int(c.number.Add(1)), int(c.number.Load())+1))
			return err
		case 1:
			_, err := tx.Exec(t.deleteBy, rowsOf([][]any{c.someKey(tx, t, random)}))
			return err
		case 2:
			column := t.key[random.IntN(len(t.key))]
			return c.set(tx, t, column, c.fresh(column), c.someKey(tx, t, random))
		case 3:
			column := t.columns[random.IntN(len(t.columns))]
			return c.set(tx, t, column, c.fresh(column), c.someKey(tx, t, random))
		default:
			return c.exchange(tx, t, random)
		}
	}})
	if sqldb.IsUnique(err) {
		return nil // two inserted the same number
	}
	if err == nil {
		c.done.Add(1)
	}
	return err
}

// fresh is a value that no row has.
func (c *changer) fresh(of column) any {
	if of.text {
		return fmt.Sprintf("😀 changed %d", c.number.Add(1))
	}
	return c.number.Add(1)
}

func (c *changer) someKey(tx *sqldb.Tx, t *table, random *rand.Rand) []any {
	key := make([]any, len(t.key))
	into := make([]any, len(key))
	for i := range key {
		into[i] = &key[i]
	}
	text := "SELECT " + names(t.key, "") + " FROM " + t.name + " ORDER BY " + names(t.key, "") + " LIMIT 1 OFFSET $1"
	if err := tx.Row(text, []any{random.IntN(150)}, into...); err != nil {
		for i, c := range t.key {
			key[i] = int64(0)
			if c.text {
				key[i] = "none"
			}
		}
	}
	return key
}

// set changes a column of a row.
func (c *changer) set(tx *sqldb.Tx, t *table, column column, value any, key []any) error {
	var where []string
	for i, k := range t.key {
		where = append(where, fmt.Sprintf("%s = $%d", k.name, i+2))
	}
	_, err := tx.Exec("UPDATE "+t.name+" SET "+column.name+" = $1 WHERE "+strings.Join(where, " AND "), append([]any{value}, key...)...)
	return err
}

// exchange gives two rows the value that the other had, in a column that may be unique.
func (c *changer) exchange(tx *sqldb.Tx, t *table, random *rand.Rand) error {
	column := t.columns[random.IntN(len(t.columns))]
	a, b := c.someKey(tx, t, random), c.someKey(tx, t, random)
	if fmt.Sprint(a) == fmt.Sprint(b) {
		return nil
	}
	for _, k := range t.key {
		if k == column {
			return nil
		}
	}
	values := map[string]any{}
	for _, key := range [][]any{a, b} {
		var where []string
		for i, k := range t.key {
			where = append(where, fmt.Sprintf("%s = $%d", k.name, i+1))
		}
		var v any
		if err := tx.Row("SELECT "+column.name+" FROM "+t.name+" WHERE "+strings.Join(where, " AND "), key, &v); err != nil {
			return nil
		}
		values[fmt.Sprint(key)] = v
	}
	for _, step := range []struct {
		key   []any
		value any
	}{{a, c.fresh(column)}, {b, values[fmt.Sprint(a)]}, {a, values[fmt.Sprint(b)]}} {
		if err := c.set(tx, t, column, step.value, step.key); err != nil {
			return err
		}
	}
	return nil
}
