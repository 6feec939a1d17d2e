package move

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// helperFrom and helperTo make the program of these tests one that moves from the one to the other.
const (
	helperFrom = "PARLEY_MOVE_FROM"
	helperTo   = "PARLEY_MOVE_TO"
)

// helper moves, and prints how far it is.
func helper() int {
	from, err := ParsePlace(os.Getenv(helperFrom))
	if err != nil {
		panic(err)
	}
	to, err := ParsePlace(os.Getenv(helperTo))
	if err != nil {
		panic(err)
	}
	_, err = Offline(context.Background(), from, to, func(p Progress) { fmt.Printf("%d %s\n", p.Done, p.Phase) })
	if err != nil && !errors.Is(err, ErrMoved) { // killed after its end
		fmt.Println(err)
		return 1
	}
	return 0
}

// text is what ParsePlace reads as the place.
func (p Place) text() string {
	if p.Folder != "" {
		return p.String()
	}
	return p.URL
}

// TestKilled: a move that is killed, wherever it is, goes on from there. It does not run beside others: a process that is
// started has for a moment what they have open, and with it their locks.
func TestKilled(t *testing.T) {
	for _, pair := range pairs[:2] {
		t.Run(pair.name, func(t *testing.T) {
			from, to := pair.from(t), pair.to(t)
			made(t, from, 100, 2)
			more(t, from, "channel_rates", 4*pageRows)
			more(t, from, "team_members", 2*pageRows)
			before := dump(t, from)
			random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
			kills, copied := 0, []string{}
			for patience := 50 * time.Millisecond; ; patience += patience / 2 {
				whole, first := killedAfter(t, from, to, time.Duration(random.Int64N(int64(2*patience))))
				copied = append(copied, first)
				if whole {
					break
				}
				kills++
				if kills == 3 {
					refuses(t, to, "is being filled from "+from.String())
				}
			}
			t.Logf("killed %d times; the runs began at %q", kills, copied)
			same(t, dump(t, to), before)
			opens(t, to)
			refuses(t, from, "was moved to")
		})
	}
}

// killedAfter runs a move, kills it after a time, and says whether it was whole before, and what it said first.
func killedAfter(t *testing.T, from, to Place, after time.Duration) (whole bool, first string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), helperFrom+"="+from.text(), helperTo+"="+to.text())
	output, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	lines := bufio.NewScanner(output)
	var last string
	var kill *time.Timer
	for lines.Scan() {
		if first == "" {
			first = lines.Text()
			kill = time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
		last = lines.Text()
	}
	if kill != nil {
		kill.Stop()
	}
	err = child.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		t.Fatal(last)
	}
	return err == nil, first
}

var errFault = errors.New("a fault of the test")

// TestStatementsFail: a move in which a statement fails goes on when it is run again, whichever it was.
func TestStatementsFail(t *testing.T) {
	t.Parallel()
	statementsFail(t, 211)
}

// TestProveStatementsFail tries every statement.
func TestProveStatementsFail(t *testing.T) {
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
	statementsFail(t, 1)
}

// statementsFail has one of so many statements fail, each in a move of its own.
func statementsFail(t *testing.T, step int64) {
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			for n := 1 + rand.Int64N(step); ; n += step {
				from, to := pair.from(t), pair.to(t)
				made(t, from, 3, uint64(n))
				before := dump(t, from)
				failed, err := moveFailing(t, from, to, n)
				if !failed {
					t.Logf("there are about %d statements", n)
					return
				}
				if err != nil && !errors.Is(err, errFault) { // the committer tries some again
					t.Errorf("at the statement %d: %v", n, err)
				}
				if _, err := Offline(t.Context(), from, to, nil); err != nil && !errors.Is(err, ErrMoved) {
					t.Errorf("after the statement %d: %v", n, err)
				}
				same(t, dump(t, to), before)
				opens(t, to)
				refuses(t, from, "was moved to")
			}
		})
	}
}

// moveFailing is a move whose n-th statement fails, if it has so many.
func moveFailing(t *testing.T, from, to Place, n int64) (failed bool, err error) {
	t.Helper()
	var count atomic.Int64
	open := func(p Place) side {
		return side{name: p.String(), DB: openFailing(t, p, func(text string) error {
			if strings.HasPrefix(text, "ROLLBACK") || count.Add(1) != n {
				return nil
			}
			return errFault
		})}
	}
	count.Store(-1 << 40) // while they are opened
	source, destination := open(from), open(to)
	count.Store(0)
	_, err = run(t.Context(), source, destination, nil)
	failed = count.Load() >= n
	count.Store(-1 << 40)
	check(t, source.DB.Close())
	check(t, destination.DB.Close())
	return failed, err
}

// TestLastStepsFail: where the source cannot be closed for sure, or the destination not be opened, nobody may write to either
// until the same program has done it.
func TestLastStepsFail(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs {
		for _, last := range []string{"COMMIT", "DROP TABLE " + progressTable} {
			from, to := pair.from(t), pair.to(t)
			made(t, from, 4, 13)
			var stopped, failed atomic.Bool
			fault := func(text string) error {
				if stopped.Load() && text == last && !failed.Swap(true) {
					return errFault
				}
				return nil
			}
			shut := func(text string) error {
				stopped.Store(stopped.Load() || strings.HasPrefix(text, "INSERT INTO schema_migrations"))
				return fault(text)
			}
			source, destination := openFailing(t, from, shut), openFailing(t, to, fault)
			_, err := run(t.Context(), side{DB: source, name: from.String()}, side{DB: destination, name: to.String()}, nil)
			if !errors.Is(err, errFault) || !source.Halted() {
				t.Errorf("%s, %s: got %v; halted: %v", pair.name, last, err, source.Halted())
			}
			refuses(t, Place{URL: to.URL, Folder: to.Folder}, "")
			_, err = run(t.Context(), side{DB: source, name: from.String()}, side{DB: destination, name: to.String()}, nil)
			check(t, err)
			check(t, errors.Join(source.Close(), destination.Close()))
			same(t, dump(t, to), dump(t, from))
			opens(t, to)
			refuses(t, from, "was moved to")
		}
	}
}

// openFailing opens a place whose statements are asked for.
func openFailing(t *testing.T, p Place, fault func(text string) error) *sqldb.DB {
	t.Helper()
	o := p.options()
	o.Fault = fault
	db, err := store.OpenEngine(t.Context(), o)
	check(t, err)
	return db
}
