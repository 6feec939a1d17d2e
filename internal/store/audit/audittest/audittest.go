// Package audittest is the conformance suite of the audit log's tables: what every database under the store does alike.
package audittest

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit"
)

// Run tests the stores that open opens, each on a database of its own, and closes when its test ends.
func Run(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	for name, test := range map[string]func(w *world){
		"AuditIsAChain": isAChain, "AuditInUnits": inUnits, "PagesOfAudit": pages, "DropAudit": drop,
	} {
		t.Run(name, func(t *testing.T) {
			test(&world{T: t, Store: open(t, store.Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler)})})
		})
	}
}

// world is a store with what a test needs around it.
type world struct {
	*testing.T
	*store.Store
	organizations []parley.ID // that were made
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// do runs a unit that succeeds.
func (w *world) do(f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.WriteAcross(w.Context(), w.organizations, f))
}

func (w *world) read() store.Queries { return w.Read(w.Context()) }

// organization makes an organization.
func (w *world) organization() parley.ID {
	w.Helper()
	o := parley.Organization{ID: parley.NewID(time.Now()), Name: "An organization"}
	w.organizations = append(w.organizations, o.ID)
	w.do(func(tx *store.Tx) error { return tx.InsertOrganization(&o) })
	return o.ID
}

// did writes an entry about a subject by a user.
func did(tx *store.Tx, organization, user, subject parley.ID) error {
	return audit.Append(tx, &parley.AuditEntry{Organization: organization, Actor: parley.AuditActor{Kind: parley.ByKey, User: user, Key: "k"},
		Act: parley.ActTeamUpdated, SubjectKind: "team", Subject: subject, Changes: `[{"field":"name","old":"ü <a>","new":""}]`, Address: "::1"})
}

// followed checks that an organization's entries are a chain from where they begin to the head, and returns them.
func (w *world) followed(organization parley.ID) ([]parley.AuditEntry, parley.AuditHead) {
	w.Helper()
	q := w.read()
	head, err := audit.Head(q, organization)
	w.must(err)
	entries, err := audit.Entries(q, organization, math.MinInt64, head.Last, 1000)
	w.must(err)
	newest, err := audit.Newest(q, organization)
	w.must(err)
	sequence, hash := head.Dropped, head.DroppedHash
	for i := range entries {
		e := &entries[i]
		if e.Sequence != sequence+1 || e.Hash != e.Chain(hash) {
			w.Errorf("entry %d does not follow entry %d", e.Sequence, sequence)
		}
		sequence, hash = e.Sequence, e.Hash
	}
	if sequence != head.Last || hash != head.LastHash || len(entries) > 0 && newest != head.Last {
		w.Errorf("the entries end with %d, the head is %+v, the newest is %d", sequence, head, newest)
	}
	return entries, head
}

// isAChain: entries are numbered without gaps and follow each other, in each organization by itself, also where many
// are written at once.
func isAChain(w *world) {
	a, b := w.organization(), w.organization()
	if entries, head := w.followed(a); len(entries) != 0 || head.Last != 0 {
		w.Errorf("a new log has %v, %+v", entries, head)
	}
	var wait sync.WaitGroup
	for i := range 20 {
		for _, o := range []parley.ID{a, b} {
			wait.Go(func() {
				err := w.Write(w.Context(), o, func(tx *store.Tx) error {
					return errors.Join(did(tx, o, "u", parley.ID(fmt.Sprint(i))), did(tx, o, "u", "twice"))
				})
				if err != nil {
					w.Error(err)
				}
			})
		}
	}
	wait.Wait()
	for _, o := range []parley.ID{a, b} {
		entries, _ := w.followed(o)
		if len(entries) != 40 {
			w.Errorf("%d entries, want 40", len(entries))
		}
	}
	if entries, _ := w.followed(a); entries[0].Changes != `[{"field":"name","old":"ü <a>","new":""}]` || entries[0].Address != "::1" ||
		entries[0].Actor != (parley.AuditActor{Kind: parley.ByKey, User: "u", Key: "k"}) || entries[0].At.IsZero() {
		w.Errorf("an entry is read as %+v", entries[0])
	}
}

// passes lets a moment pass, on whichever clock the database goes by.
func (w *world) passes() { time.Sleep(2 * time.Millisecond) }

// inUnits: an entry goes with its unit, and is not written into an organization that the unit was not begun for.
func inUnits(w *world) {
	a, b := w.organization(), w.organization()
	fails := errors.New("fails")
	err := w.Write(w.Context(), a, func(tx *store.Tx) error { return errors.Join(did(tx, a, "u", "s"), fails) })
	if !errors.Is(err, fails) {
		w.Error(err)
	}
	if err := w.Write(w.Context(), a, func(tx *store.Tx) error { return did(tx, b, "u", "s") }); err == nil {
		w.Error("a unit wrote into another organization's log")
	}
	err = w.Write(w.Context(), "none", func(tx *store.Tx) error { return did(tx, "none", "u", "s") })
	if !errors.Is(err, audit.ErrNoHead) {
		w.Errorf("an organization that is not there: %v", err)
	}
	for _, o := range []parley.ID{a, b} {
		if entries, _ := w.followed(o); len(entries) != 0 {
			w.Errorf("%v", entries)
		}
	}
}

// pages: lists are newest first, go on where a page ended, and have what passes the filter only.
func pages(w *world) {
	o, other := w.organization(), w.organization()
	for i := range 30 {
		w.passes()
		w.do(func(tx *store.Tx) error {
			return did(tx, o, parley.ID(fmt.Sprint("u", i%2)), parley.ID(fmt.Sprint("s", i%3)))
		})
		w.do(func(tx *store.Tx) error { return did(tx, other, "u0", "s0") })
	}
	all, _ := w.followed(o)
	for _, c := range []struct {
		filter audit.Filter
		want   func(sequence int64) bool
	}{
		{audit.Filter{}, func(int64) bool { return true }},
		{audit.Filter{User: "u1"}, func(n int64) bool { return n%2 == 0 }},
		{audit.Filter{Subject: "s0"}, func(n int64) bool { return n%3 == 1 }},
		{audit.Filter{Subject: "s0", User: "u1"}, func(n int64) bool { return n%6 == 4 }},
		{audit.Filter{Kind: parley.ByOperator}, func(int64) bool { return false }},
		{audit.Filter{Key: "k", Act: parley.ActTeamUpdated}, func(int64) bool { return true }},
		{audit.Filter{Act: parley.ActTeamCreated}, func(int64) bool { return false }},
		{audit.Filter{Since: all[4].At, Till: all[7].At}, func(n int64) bool { return n >= 5 && n < 8 }},
	} {
		var want, got []int64
		for n := int64(30); n > 0; n-- {
			if c.want(n) {
				want = append(want, n)
			}
		}
		for before := int64(0); ; {
			entries, next, err := audit.List(w.read(), o, c.filter, before, 4)
			w.must(err)
			for _, e := range entries {
				got = append(got, e.Sequence)
			}
			if before = next; next == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			w.Errorf("%+v: %v, want %v", c.filter, got, want)
		}
	}
}

// drop: old entries go from the beginning, and what is left is still a chain.
func drop(w *world) {
	o := w.organization()
	for range 10 {
		w.passes()
		w.do(func(tx *store.Tx) error { return did(tx, o, "u", "s") })
	}
	all, _ := w.followed(o)
	fifth, later := all[4].At, all[9].At.Add(time.Hour)
	for _, c := range []struct {
		before    time.Time
		limit     int
		drops     int
		remaining int
	}{
		{all[0].At, 100, 0, 10}, {fifth, 3, 3, 7}, {fifth, 3, 1, 6}, {fifth, 3, 0, 6}, {later, 100, 6, 0}, {later, 100, 0, 0},
	} {
		var n int
		w.do(func(tx *store.Tx) (err error) {
			n, err = audit.Drop(tx, o, c.before, c.limit)
			return err
		})
		entries, head := w.followed(o)
		if n != c.drops || len(entries) != c.remaining || head.Dropped != int64(10-c.remaining) || head.Last != 10 {
			w.Errorf("%d dropped, %d left, head %+v, want %+v", n, len(entries), head, c)
		}
	}
	w.do(func(tx *store.Tx) error { return did(tx, o, "u", "s") })
	if entries, _ := w.followed(o); len(entries) != 1 || entries[0].Sequence != 11 {
		w.Errorf("after all was dropped: %v", entries)
	}
}
