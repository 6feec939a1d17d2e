package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBatches: what waits shares a transaction, up to a number of units and of bytes.
func TestBatches(t *testing.T) {
	for _, test := range []struct {
		name        string
		units, size int
		want        []int
	}{
		{"few", 3, 10, []int{1, 3}},
		{"many", 200, 10, []int{1, 64, 64, 64, 8}},
		{"large", 10, 300 << 10, []int{1, 4, 4, 2}},
		{"larger than a transaction", 3, 2 << 20, []int{1, 1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := start(t, options(t))
			units := make([]Unit, test.units)
			var want []string
			for i := range units {
				text := fmt.Sprintf("%03d", i)
				units[i] = note(text)
				units[i].Size = test.size
				want = append(want, text)
			}
			if err := errors.Join(e.together(units...)...); err != nil {
				t.Error(err)
			}
			e.holds(want...)
			e.stop()
			if !slices.Equal(e.commits, test.want) {
				t.Errorf("commits of %v units, want %v", e.commits, test.want)
			}
		})
	}
}

// TestOneAtATime: a unit that is alone is not kept waiting.
func TestOneAtATime(t *testing.T) {
	e := start(t, options(t))
	for i := range 20 {
		e.must(note(fmt.Sprint(i)))
	}
	e.stop()
	if len(e.commits) != 20 {
		t.Errorf("%d commits", len(e.commits))
	}
}

// TestGathering: writers who write again when they are answered share transactions.
func TestGathering(t *testing.T) {
	e := start(t, options(t))
	const writers, rounds = 40, 25
	err := errors.Join(concurrently(writers, func(i int) error {
		var errs []error
		for n := range rounds {
			errs = append(errs, e.write(note(fmt.Sprint(i, " ", n))))
		}
		return errors.Join(errs...)
	})...)
	if err != nil {
		t.Error(err)
	}
	e.stop()
	units := 0
	for _, n := range e.commits {
		units += n
	}
	if units != writers*rounds || len(e.commits) > units/3 {
		t.Errorf("%d units in %d commits", units, len(e.commits))
	}
}

// TestForegroundGoesFirst: what waits in the background does not go before the foreground, a few units a
// transaction excepted.
func TestForegroundGoesFirst(t *testing.T) {
	e := start(t, options(t))
	var order []bool
	record := func(background bool) Unit {
		return Unit{Background: background, Run: func(tx *Tx) error {
			order = append(order, background)
			return nil
		}}
	}
	var units []Unit
	for range 10 {
		units = append(units, record(true))
	}
	for range 100 {
		units = append(units, record(false))
	}
	if err := errors.Join(e.together(units...)...); err != nil {
		t.Error(err)
	}
	e.stop()
	last, before := 0, 0
	for i, background := range order {
		if !background {
			last = i
		}
	}
	for _, background := range order[:last] {
		if background {
			before++
		}
	}
	if len(order) != 110 || before > turnsOfBackground {
		t.Errorf("%d units ran, %d of the background before the last of the foreground", len(order), before)
	}
}

// TestBackgroundHasItsShare: while the foreground never rests the background goes on, and does not hold it up.
func TestBackgroundHasItsShare(t *testing.T) {
	e := start(t, options(t))
	ctx, stop := context.WithCancel(context.Background())
	var foreground, background atomic.Int64
	var all sync.WaitGroup
	work := func(u Unit, n *atomic.Int64) {
		for ctx.Err() == nil {
			if err := e.write(u); err != nil {
				t.Error(err)
			}
			n.Add(1)
		}
	}
	nothing := func(*Tx) error { return nil }
	for range 50 {
		all.Go(func() { work(Unit{Run: nothing}, &foreground) })
	}
	all.Go(func() { work(Unit{Run: nothing, Background: true}, &background) })
	eventually(t, "the background has its share", func() bool { return background.Load() >= 10 })
	stop()
	all.Wait()
	if f, b := foreground.Load(), background.Load(); f < 10*b {
		t.Errorf("%d units in the foreground, %d in the background", f, b)
	}
}

// TestCanceledCallers: who gives up before its unit begins has it not run, and takes nothing from others.
func TestCanceledCallers(t *testing.T) {
	e := start(t, options(t))
	letGo := e.hold()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- e.Write(ctx, note("gone")) }()
	eventually(t, "the unit is in the queue", func() bool { return len(e.writers[0].foreground) == 1 })
	wait := e.queue(note("a"), note("b"))
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up was told %v", err)
	}
	letGo()
	if err := errors.Join(wait()...); err != nil {
		t.Error(err)
	}
	if err := e.Write(ctx, note("too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("who had given up was told %v", err)
	}
	e.holds("a", "b")
}

// TestCanceledWhileRunning: a unit that has begun is finished, whatever its caller does.
func TestCanceledWhileRunning(t *testing.T) {
	e := start(t, options(t))
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan struct{})
	gone := make(chan error, 1)
	go func() {
		gone <- e.Write(ctx, Unit{Run: func(tx *Tx) error {
			close(running)
			<-ctx.Done()
			return note("a").Run(tx)
		}})
	}()
	<-running
	cancel()
	if err := <-gone; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up was told %v", err)
	}
	e.must(note("b"))
	e.holds("a", "b")
}

// TestCanceledLeavesNothingRunning: who gives up may use again what its unit used.
func TestCanceledLeavesNothingRunning(t *testing.T) {
	e := start(t, options(t))
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		used := "before"
		err := e.Write(ctx, Unit{Run: func(tx *Tx) error {
			cancel()
			time.Sleep(2 * time.Millisecond) // long enough for a caller that does not wait to go on
			if used != "before" {
				t.Errorf("the unit saw what its caller did after it gave up: %s", used)
			}
			used = "by the unit"
			return nil
		}})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up was told %v", err)
		}
		used = "after"
	}
}

// TestTime: the time of a transaction is one for all its units, in whole milliseconds.
func TestTime(t *testing.T) {
	o := options(t)
	o.Now = func() time.Time { return time.Unix(1000, 1_999_999) }
	e := start(t, o)
	e.must(Unit{Run: func(tx *Tx) error {
		if want := time.Unix(1000, 1_000_000); !tx.Now.Equal(want) {
			t.Errorf("the time is %v, want %v", tx.Now, want)
		}
		return nil
	}})
}

// bulkNotes writes notes in one statement; an item "own" has an error of its own, two alike are a violation.
func bulkNotes(calls *int) *Bulk {
	return &Bulk{Run: func(tx *Tx, items []any) ([]error, error) {
		*calls++
		errs := make([]error, len(items))
		var rows Rows
		for i, item := range items {
			if item == "own" {
				errs[i] = errOwn
				continue
			}
			if item == "panic" {
				panic(item)
			}
			rows.Add(item)
		}
		if _, err := tx.Exec("INSERT INTO notes (text) SELECT text FROM "+From("$1", "text TEXT")+" AS j", rows.Param()); err != nil {
			return nil, err
		}
		for i, item := range items {
			if errs[i] == nil {
				tx.Emit(item)
			}
		}
		return errs, nil
	}}
}

// TestBulk: items of one bulk go together, and with other units; where a statement fails they go one by one.
func TestBulk(t *testing.T) {
	for _, test := range []struct {
		name  string
		items []string // "bulk:text" or "unit:text"
		calls int
		want  string
		fails []int
	}{
		{"together", []string{"1:a", "1:b", "1:c"}, 1, "a b c", nil},
		{"errors of their own", []string{"1:a", "1:own", "1:c"}, 1, "a c", []int{1}},
		{"only errors of their own", []string{"1:own", "1:own"}, 1, "", []int{0, 1}},
		{"one by one", []string{"1:a", "1:a", "1:b", "1:own"}, 5, "a b", []int{1, 3}},
		{"a panic", []string{"1:a", "1:panic", "1:b"}, 4, "a b", []int{1}},
		{"beside units", []string{"unit:u", "1:a", "unit:v", "1:b"}, 1, "a b u v", nil},
		{"beside units that fail", []string{"1:a", "unit:a", "unit:b"}, 1, "a b", []int{1}},
		{"two bulks", []string{"1:a", "2:b", "1:c", "2:d"}, 2, "a c b d", nil},
		{"the second fails", []string{"1:a", "2:b", "1:c", "2:b", "2:own", "2:d"}, 6, "a c b d", []int{3, 4}},
		{"the second panics", []string{"1:a", "2:b", "2:panic"}, 4, "a b", []int{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := start(t, options(t))
			calls := 0
			bulks := map[string]*Bulk{"1": bulkNotes(&calls), "2": bulkNotes(&calls)}
			units := make([]Unit, len(test.items))
			for i, item := range test.items {
				if text := item[2:]; bulks[item[:1]] != nil {
					units[i] = Unit{Bulk: bulks[item[:1]], Item: text}
				} else {
					units[i] = note(item[5:])
				}
			}
			for i, err := range e.together(units...) {
				if (err != nil) != slices.Contains(test.fails, i) {
					t.Errorf("%d: %v", i, err)
				}
				if test.items[i][2:] == "own" && err != errOwn {
					t.Errorf("%d: %v", i, err)
				}
			}
			var want []string
			for _, text := range test.want {
				if text != ' ' {
					want = append(want, string(text))
				}
			}
			e.holds(want...)
			if calls != test.calls {
				t.Errorf("the bulks ran %d times, want %d", calls, test.calls)
			}
		})
	}
}
