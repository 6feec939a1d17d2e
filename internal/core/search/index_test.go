package search_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	index "github.com/parley-server/parley/internal/store/search"
)

// write stores messages of a conversation between members, many at once.
func (w *world) write(conversation parley.ID, by *access.Principal, n int, text func(i int) string) {
	w.T.Helper()
	for from := 0; from < n; from += 500 {
		w.Must(w.Store.Write(w.T.Context(), by.Organization, func(tx *store.Tx) error {
			var batch []*store.Append
			for i := from; i < min(from+500, n); i++ {
				m := parley.Message{ID: parley.NewID(tx.Now), Conversation: conversation, Kind: parley.KindMessage, Direction: parley.NoDirection,
					Author: by.Actor(), Actor: by.Actor(), Body: coretest.Text(text(i))}
				batch = append(batch, &store.Append{Organization: by.Organization, Message: m,
					Events: []parley.Event{{Type: parley.EventMessageCreated, Conversation: conversation, Message: m.ID}}})
			}
			return tx.Append(batch...)
		}))
	}
}

func (w *world) count(p *access.Principal, query string) int {
	w.T.Helper()
	return len(w.find(p, query, search.MessageFilter{}, 200))
}

// TestCostIsBounded: a search costs about as much among many messages that somebody does not see as among few, whatever the
// words are.
func TestCostIsBounded(t *testing.T) {
	w := newWorld(t)
	ana, ben, cleo := w.User(w.Admin, "ana"), w.User(w.Admin, "ben"), w.User(w.Admin, "cleo")
	old := w.Say(ben, core.To{User: cleo.User}, "rare common")
	w.write(old.Conversation, ben, 40, func(int) string { return "common words" })
	hidden := w.Say(ana, core.To{User: cleo.User}, "common").Conversation
	cost := func(query string) (n int) {
		return w.Statements(func() {
			page, err := w.searches.Messages(t.Context(), ben, query, search.MessageFilter{}, "", 50)
			w.Must(err)
			n = len(page.Found)
		})
	}
	queries := []string{"common ", "rare ", "co", `"common words"`, "common -nothing", "hidden ", "", "nothing "}
	few := map[string]int{}
	for _, n := range []int{100, 8000} {
		w.write(hidden, ana, n, func(i int) string { return fmt.Sprint("common words hidden ", i) })
		w.index()
		for _, q := range queries {
			got := cost(q)
			t.Logf("%q among %d: %d statements", q, n, got)
			if few[q] == 0 {
				few[q] = got
			} else if got > few[q]+25 {
				t.Errorf("%q takes %d statements, and %d among more that is not seen", q, few[q], got)
			}
		}
	}
	if n := w.count(ben, "common words"); n != 40 {
		t.Errorf("%d are found, want 40", n)
	}
}

// TestInterrupted: an index is whole in the end, wherever a round was stopped.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	random := rand.New(rand.NewPCG(1, 2))
	c := w.Say(ana, core.To{User: ben.User}, "first").Conversation
	w.write(c, ana, 2300, func(i int) string {
		list := []string{"all", fmt.Sprint("number", i)}
		for range 30 {
			list = append(list, fmt.Sprint("w", random.IntN(5000)))
		}
		return strings.Join(list, " ")
	})
	statements := []string{"INSERT INTO search_pages", "UPDATE search_state", "UPDATE search_segments", "INSERT INTO search_segments", "DELETE FROM search_pages", "INSERT INTO search_gone"}
	for n := 0; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		if n < 60 {
			stop := statements[n%len(statements)]
			left := random.IntN(4)
			w.Before(stop, func() { w.stopAfter(stop, left, cancel) })
		}
		more, err := w.indexer.Round(ctx, ana.Organization)
		cancel()
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if n%20 == 5 {
			_, err := w.Recall(t.Context(), ana, w.find(ana, fmt.Sprintf("number%d ", n), search.MessageFilter{}, 1)[0].Message.ID)
			w.Must(err)
		}
		if n > 60 && !more {
			break
		}
	}
	if all := w.count(ana, "all "); all != 2300-3 {
		t.Errorf("%d are found", all)
	}
	if one := w.count(ben, "number1234 "); one != 1 {
		t.Errorf("one is found %d times", one)
	}
	for _, s := range w.segments() {
		if s.State != index.Ready {
			t.Errorf("something is left: %+v", s)
		}
	}
}

// stopAfter ends a round at a statement, or some statements of the kind later.
func (w *world) stopAfter(statement string, left int, stop func()) {
	if left == 0 {
		stop()
		return
	}
	w.Before(statement, func() { w.stopAfter(statement, left-1, stop) })
}

func (w *world) segments() []index.Segment {
	all, err := index.Segments(w.Store.Read(w.T.Context()), w.Admin.Organization)
	w.Must(err)
	return all
}

// TestTwoIndexers: of two nodes that take themselves for the one that indexes each does a part, and nothing is lost.
func TestTwoIndexers(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		x := search.NewIndexer(search.IndexerOptions{Store: w.Store, Grace: time.Nanosecond})
		all.Go(func() {
			for end := false; !end; {
				select {
				case <-done:
					end = true
				default:
				}
				if err := x.CatchUp(context.Background(), ana.Organization); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	const n = 150
	for i := range n {
		m := w.Say(ana, core.To{User: ben.User}, fmt.Sprint("word ", i))
		if i%10 == 3 {
			_, err := w.Recall(t.Context(), ana, m.ID)
			w.Must(err)
		}
	}
	close(done)
	all.Wait()
	w.index()
	if got := w.count(ben, "word "); got != n-n/10 {
		t.Errorf("%d are found, want %d", got, n-n/10)
	}
}

// TestBeginsAnew: where events were deleted that were not indexed, the index is made anew of what there is.
func TestBeginsAnew(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	first := w.Say(ana, core.To{User: ben.User}, "one")
	w.index()
	w.Say(ana, core.To{User: ben.User}, "two")
	_, err := w.Recall(t.Context(), ana, first.ID)
	w.Must(err)
	w.Advance(time.Hour)
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error {
		_, err := tx.DropEvents(ana.Organization, tx.Now.UnixMilli(), 1000)
		return err
	}))
	w.Say(ana, core.To{User: ben.User}, "three")
	w.index()
	for query, want := range map[string]int{"one": 0, "two": 1, "three": 1} {
		if got := w.count(ben, query); got != want {
			t.Errorf("%q: %d are found, want %d", query, got, want)
		}
	}
	page, err := w.searches.Messages(t.Context(), ben, "two", search.MessageFilter{}, "", 10)
	w.Must(err)
	latest, err := w.Store.Read(t.Context()).LogRange(ana.Organization)
	w.Must(err)
	if !page.Whole || page.Through != latest.Latest {
		t.Errorf("whole: %v, through %d of %d", page.Whole, page.Through, latest.Latest)
	}
}

// TestDamaged: an index that cannot be read is made anew.
func TestDamaged(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	w.Say(ana, core.To{User: ben.User}, "one")
	w.index()
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error {
		_, err := tx.Conn().Exec("UPDATE search_pages SET data = '~' WHERE organization_id = $1", string(ana.Organization))
		return err
	}))
	w.Say(ana, core.To{User: ben.User}, "two")
	w.index()
	for _, query := range []string{"one", "two"} {
		if got := w.count(ben, query); got != 1 {
			t.Errorf("%q: %d are found", query, got)
		}
	}
}
