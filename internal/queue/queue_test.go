package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is a source in memory.
type table struct {
	mu      sync.Mutex
	lines   []string // their names, in order
	rows    map[string][]*piece
	claims  [][]string // what each claim took
	writes  [][]string // what each write wrote
	renewed int
	later   map[string]time.Duration // lanes with a limit: how long until they give more, once
	full    map[string]bool          // lanes that give nothing
	call    func(ctx context.Context, p *piece) string
	refuse  func(results []string) error
	slow    time.Duration // a write
}

// piece is "line/number"; the lane of a line is what stands before its "!".
type piece struct {
	key     string
	due     time.Time
	claimed bool
	lease   time.Time
	calls   int
}

func (p *piece) Key() string { return p.key }

type line struct {
	name string
	due  time.Time
}

func (l line) Lane() string     { return strings.TrimSuffix(l.name, "!") }
func (l line) Urgent() bool     { return strings.HasSuffix(l.name, "!") }
func (l line) DueAt() time.Time { return l.due }

func newTable() *table {
	return &table{rows: map[string][]*piece{}, later: map[string]time.Duration{}, full: map[string]bool{}}
}

// add adds n pieces to a line, due now.
func (t *table) add(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.lines, name) {
		t.lines = append(t.lines, name)
	}
	for range n {
		t.rows[name] = append(t.rows[name], &piece{key: fmt.Sprintf("%s/%d", name, len(t.rows[name])), due: time.Now()})
	}
}

func (t *table) Lines(context.Context) ([]line, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []line
	for _, name := range t.lines {
		var first time.Time
		for _, p := range t.rows[name] {
			if at := p.next(); first.IsZero() || at.Before(first) {
				first = at
			}
		}
		if !first.IsZero() {
			lines = append(lines, line{name, first})
		}
	}
	return lines, nil
}

func (p *piece) next() time.Time {
	if p.claimed {
		return p.lease
	}
	return p.due
}

func (t *table) Due(_ context.Context, l line, n int) ([]*piece, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var due []*piece
	for _, p := range t.rows[l.name] {
		if len(due) < n && !p.next().After(time.Now()) {
			due = append(due, p)
		}
	}
	return due, nil
}

func (t *table) Claim(_ context.Context, pieces []*piece, lease time.Duration) ([]*piece, map[string]time.Time, []string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var claimed []*piece
	var names []string
	later, full := map[string]time.Time{}, []string(nil)
	for _, p := range pieces {
		lane := line{name: p.key[:strings.IndexByte(p.key, '/')]}.Lane()
		if wait := t.later[lane]; wait > 0 {
			later[lane] = time.Now().Add(wait)
			continue
		}
		if t.full[lane] {
			full = append(full, lane)
			continue
		}
		p.claimed, p.lease = true, time.Now().Add(lease)
		claimed, names = append(claimed, p), append(names, p.key)
	}
	for lane := range later {
		delete(t.later, lane)
	}
	t.claims = append(t.claims, names)
	return claimed, later, full, nil
}

func (t *table) Renew(_ context.Context, held []*piece, lease time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewed += len(held)
	for _, p := range held {
		p.lease = time.Now().Add(lease)
	}
	return nil
}

func (t *table) Call(ctx context.Context, p *piece) string {
	t.mu.Lock()
	p.calls++
	t.mu.Unlock()
	if t.call != nil {
		return t.call(ctx, p)
	}
	return p.key
}

func (t *table) GiveUp(p *piece) string { return p.key }

func (t *table) Finish(_ context.Context, results []string) error {
	time.Sleep(t.slow)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refuse != nil {
		if err := t.refuse(results); err != nil {
			return err
		}
	}
	t.writes = append(t.writes, slices.Clone(results))
	for name, rows := range t.rows {
		t.rows[name] = slices.DeleteFunc(rows, func(p *piece) bool { return slices.Contains(results, p.key) })
	}
	return nil
}

func (t *table) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, rows := range t.rows {
		n += len(rows)
	}
	return n
}

// made is how many claims were made.
func (t *table) made() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.claims)
}

// run runs the table until the test ends.
func run(t *testing.T, source *table, o queue.Options, timers ...queue.Timer) *queue.Runner {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	r := queue.New(source, timers, o)
	r.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// shares counts how many of a claim each line has.
func shares(claim []string) map[string]int {
	n := map[string]int{}
	for _, key := range claim {
		n[key[:strings.IndexByte(key, '/')]]++
	}
	return n
}

func TestShares(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines map[string]int
		want  []map[string]int // of the first claims
	}{
		{"one", map[string]int{"a": 30}, []map[string]int{{"a": 10}, {"a": 10}, {"a": 10}}},
		{"two alike", map[string]int{"a": 30, "b": 30}, []map[string]int{{"a": 5, "b": 5}, {"a": 5, "b": 5}}},
		{"what one leaves", map[string]int{"a": 30, "b": 2, "c": 1}, []map[string]int{{"a": 7, "b": 2, "c": 1}, {"a": 10}}},
		{"urgent first", map[string]int{"a": 30, "b!": 4, "c": 30}, []map[string]int{{"a": 3, "b!": 4, "c": 3}, {"a": 5, "c": 5}}},
		{"urgent alone", map[string]int{"a": 30, "b!": 25}, []map[string]int{{"b!": 10}, {"b!": 10}, {"a": 5, "b!": 5}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newTable()
				for _, name := range []string{"a", "b", "b!", "c"} {
					if n := test.lines[name]; n > 0 {
						source.add(name, n)
					}
				}
				run(t, source, queue.Options{Claims: 10})
				for source.left() > 0 {
					time.Sleep(time.Second)
				}
				for i, want := range test.want {
					if got := shares(source.claims[i]); fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("claim %d: %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// TestManyLines: where there are more lines than a claim takes, all have their turn.
func TestManyLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		for i := range 100 {
			source.add(fmt.Sprintf("l%02d", i), 50)
		}
		run(t, source, queue.Options{Claims: 10})
		for source.left() > 0 {
			time.Sleep(time.Second)
		}
		first := map[string]int{}
		for _, claim := range source.claims[:20] {
			for name, n := range shares(claim) {
				first[name] += n
			}
		}
		if len(first) != 100 {
			t.Errorf("%d lines had a turn in 20 claims", len(first))
		}
	})
}

// TestLimits: a lane at its limit is left alone until it can give more, something of it is finished, or the runner
// is told.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		source.add("rated", 3)
		source.later["rated"] = 3 * time.Second
		began := time.Now()
		r := run(t, source, queue.Options{})
		for source.left() > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took < 3*time.Second || took > 3100*time.Millisecond || source.made() != 2 {
			t.Errorf("%v, %d claims", took, source.made())
		}
		source.mu.Lock()
		source.later["rated"] = time.Hour
		source.mu.Unlock()
		source.add("rated", 1)
		r.Kick()
		time.Sleep(time.Minute)
		if source.left() != 1 {
			t.Error("it did not wait")
		}
		r.Wake()
		time.Sleep(100 * time.Millisecond)
		if source.left() != 0 {
			t.Error("it was not woken")
		}
		source.mu.Lock()
		source.full["busy"] = true
		source.mu.Unlock()
		claims := source.made()
		source.add("busy", 1)
		r.Kick()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		if n := source.made() - claims; n != 11 {
			t.Errorf("%d claims in 10 s of a lane at its limit", n)
		}
		source.mu.Lock()
		source.full["busy"] = false
		source.mu.Unlock()
		time.Sleep(time.Second)
		if source.left() != 0 {
			t.Error("it was not tried again")
		}
	})
}

// TestResultsGather: results that come back while others are written are written together.
func TestResultsGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		source.add("a", 100)
		source.slow = 20 * time.Millisecond
		run(t, source, queue.Options{Results: 40})
		for source.left() > 0 {
			time.Sleep(time.Second)
		}
		if n := len(source.writes); n > 5 {
			t.Errorf("%d writes", n)
		}
		for _, w := range source.writes {
			if len(w) > 40 {
				t.Errorf("a write of %d", len(w))
			}
		}
	})
}

// TestOneResultIsRefused: a result that cannot be written holds up no other, and its piece is taken again when
// its lease ends.
func TestOneResultIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		source.add("a", 50)
		source.refuse = func(results []string) error {
			if slices.Contains(results, "a/17") && source.rows["a"][0].calls < 3 {
				return errors.New("a bug")
			}
			return nil
		}
		run(t, source, queue.Options{})
		time.Sleep(time.Second)
		if n := source.left(); n != 1 {
			t.Errorf("%d are left", n)
		}
		time.Sleep(time.Minute)
		if n := source.left(); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

// TestTrouble: while the table is away nothing is lost.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		source.add("a", 5)
		began := time.Now()
		source.refuse = func([]string) error {
			if time.Since(began) < time.Minute {
				return parley.Unavailable("storage-full", "the disk is full", nil)
			}
			return nil
		}
		run(t, source, queue.Options{})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if source.left() != 0 || source.made() != 1 || source.renewed == 0 {
			t.Errorf("%d left, %d claims, %d leases renewed", source.left(), source.made(), source.renewed)
		}
	})
}

// TestStopBeforeCallsReturn: what is in hand when the patience ends is given up, and Stop says so only where it
// cannot be written.
func TestStopBeforeCallsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newTable()
		source.call = func(ctx context.Context, p *piece) string {
			<-ctx.Done()
			return p.key
		}
		source.add("a", 3)
		r := queue.New(source, nil, queue.Options{Log: slog.New(slog.DiscardHandler)})
		r.Start()
		time.Sleep(time.Second)
		source.add("a", 3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil || source.left() != 3 || r.InHand() != 0 {
			t.Errorf("%v, %d left, %d in hand", err, source.left(), r.InHand())
		}
		for _, p := range source.rows["a"] {
			if p.claimed || p.calls > 0 {
				t.Errorf("%+v was taken", p)
			}
		}
	})
}

// TestTimer: a timer runs when something is due, until nothing is, and again after trouble.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		due := []time.Time{time.Now(), time.Now(), time.Now().Add(time.Hour)}
		var ran []time.Time
		trouble := 1
		timer := queue.Timer{Name: "t",
			Next: func(context.Context) (time.Time, error) {
				mu.Lock()
				defer mu.Unlock()
				if len(due) == 0 {
					return time.Time{}, nil
				}
				return due[0], nil
			},
			Run: func(context.Context) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				if trouble--; trouble >= 0 {
					return 0, errors.New("trouble")
				}
				ran = append(ran, time.Now())
				due = due[1:]
				return 1, nil
			}}
		began := time.Now()
		r := run(t, newTable(), queue.Options{}, timer)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(ran) != 3 || ran[1].Sub(began) > time.Second || ran[2].Sub(began) < time.Hour || ran[2].Sub(began) > time.Hour+time.Second {
			t.Errorf("ran %v", ran)
		}
		mu.Lock()
		due = []time.Time{time.Now()}
		mu.Unlock()
		r.Kick()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(ran) != 4 {
			t.Error("a kick does not run it")
		}
	})
}
