// Package playgroundtest is the conformance suite of what test organizations have: what every database under the store does alike.
package playgroundtest

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/playground"
)

// Run tests the stores that open opens, each on a database of its own, and closes when its test ends.
func Run(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	for name, test := range map[string]func(w *world){"Hooks": hooks, "Caught": caught, "Emptied": emptied, "OthersGo": othersGo} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t}
			w.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
			w.Store = open(t, store.Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.UnixMilli(w.clock.Load()) }})
			test(w)
		})
	}
}

// world is a store with what a test needs around it.
type world struct {
	*testing.T
	*store.Store
	clock atomic.Int64 // milliseconds since 1970
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// equal compares what fmt prints of two values.
func (w *world) equal(what string, got, want any) {
	w.Helper()
	if g, e := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != e {
		w.Errorf("%s: got %.2000s, want %.2000s", what, g, e)
	}
}

func (w *world) read() store.Queries { return w.Read(w.Context()) }

func (w *world) in(organization parley.ID, f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.Write(w.Context(), organization, f))
}

// organization makes an organization, whose id is that of a test organization.
func (w *world) organization() parley.ID {
	w.Helper()
	o := parley.Organization{ID: parley.NewTestID(time.UnixMilli(w.clock.Load())), Name: "An organization"}
	w.in("", func(tx *store.Tx) error { return tx.InsertOrganization(&o) })
	return o.ID
}

// hook adds a hook.
func (w *world) hook(o parley.ID) (h parley.Hook) {
	w.Helper()
	w.in(o, func(tx *store.Tx) error {
		h = parley.Hook{ID: parley.NewID(tx.Now), Secret: "secret", Name: "Hook", Status: 503, Times: 2, Delay: 1500 * time.Millisecond}
		return playground.InsertHook(tx, o, &h)
	})
	return h
}

// hooks are kept as they were given, and are their organization's.
func hooks(w *world) {
	o, other := w.organization(), w.organization()
	h := w.hook(o)
	found, err := playground.Hook(w.read(), o, h.ID)
	w.must(err)
	w.equal("kept", found, h)
	if h.Remaining != 2 || h.Rev != 1 || h.CreatedAt.IsZero() {
		w.Errorf("made %+v", h)
	}
	for _, id := range []parley.ID{other, o} {
		list, err := playground.Hooks(w.read(), id)
		w.must(err)
		w.equal("hooks", len(list), map[parley.ID]int{o: 1, other: 0}[id])
	}
	w.in(o, func(tx *store.Tx) error {
		h.Name, h.Status, h.Times, h.Remaining, h.Delay = "Another", 410, 0, 0, 0
		return playground.UpdateHook(tx, o, &h)
	})
	found, err = playground.Hook(w.read(), o, h.ID)
	w.must(err)
	w.equal("changed", found, h)
	w.equal("revision", h.Rev, 2)
	for _, f := range []func(tx *store.Tx) error{
		func(tx *store.Tx) error { return playground.UpdateHook(tx, other, &h) },
		func(tx *store.Tx) error { return playground.Catch(tx, other, &parley.Caught{Hook: h.ID}, 0, 1, tx.Now) },
	} {
		if err := w.Write(w.Context(), other, f); !parley.IsKind(err, parley.KindNotFound) {
			w.Errorf("another organization's hook: %v", err)
		}
	}
	w.in(other, func(tx *store.Tx) error { return playground.DeleteHook(tx, other, h.ID) })
	w.in(o, func(tx *store.Tx) error { return playground.DeleteHook(tx, o, h.ID) })
	if _, err := playground.Hook(w.read(), o, h.ID); !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("deleted: %v", err)
	}
}

// caught: requests are numbered, newest first, and those go that are too many, too old, or about what went.
func caught(w *world) {
	o := w.organization()
	h := w.hook(o)
	catch := func(body string, keep int64) (c parley.Caught) {
		w.Helper()
		w.clock.Add(1000)
		w.in(o, func(tx *store.Tx) error {
			c = parley.Caught{Hook: h.ID, Method: "POST", Path: "a/b", Query: "c=d", Headers: map[string][]string{"X": {"1", "2"}}, Body: body, Base64: body == "AA==",
				Size: 7, Address: "::1", Status: 503}
			return playground.Catch(tx, o, &c, 1, keep, tx.Now.Add(-time.Hour))
		})
		return c
	}
	numbers := func() (list []int64) {
		w.Helper()
		all, err := playground.CaughtBy(w.read(), o, h.ID, 1000, 10)
		w.must(err)
		for _, c := range all {
			list = append(list, c.Number)
		}
		return list
	}
	first := catch("AA==", 10)
	all, err := playground.CaughtBy(w.read(), o, h.ID, 1000, 10)
	w.must(err)
	w.equal("caught", all, []parley.Caught{first})
	for range 3 {
		catch("about m1", 3)
	}
	w.equal("kept", numbers(), []int64{4, 3, 2})
	page, err := playground.CaughtBy(w.read(), o, h.ID, 4, 1)
	w.must(err)
	w.equal("a page", page[0].Number, 3)
	found, err := playground.Hook(w.read(), o, h.ID)
	w.must(err)
	w.equal("the hook", []int64{found.Caught, int64(found.Remaining)}, []int64{4, 1})

	w.clock.Add(2 * time.Hour.Milliseconds())
	catch("about m2", 10)
	w.equal("not too old", numbers(), []int64{5})
	catch("about m1 again", 10)
	w.in(o, func(tx *store.Tx) error {
		return playground.EraseCaught(tx, []store.Erasure{{Organization: o, Message: &parley.Message{ID: "m1"}}, {Organization: o, Message: &parley.Message{ID: "m3"}},
			{Organization: "ordinary", Message: &parley.Message{ID: "m2"}}})
	})
	w.equal("not about what went", numbers(), []int64{5})
	for _, want := range []int64{0, 1} {
		w.in(o, func(tx *store.Tx) error {
			n, err := playground.DropCaught(tx, o, tx.Now.Add(time.Duration(2*want-1)*time.Hour), 10)
			w.equal("swept", n, want)
			return err
		})
	}
}

// emptied: every table of tenants is emptied of one organization, but for those that are kept, and its log goes on.
func emptied(w *world) {
	tables, err := playground.Tables()
	w.must(err)
	names := map[string]bool{}
	for _, t := range tables {
		names[t.Name] = true
	}
	for name, want := range map[string]bool{"messages": true, "events": true, "hooks": true, "jobs": true, "organizations": false, "keys": false, "users": false,
		"audit": false, "audit_heads": false, "organization_log": false, "clocks": false, "schema_migrations": false} {
		w.equal(name, names[name], want)
	}
	o, other := w.organization(), w.organization()
	for _, id := range []parley.ID{o, other} {
		h := w.hook(id)
		for range 3 {
			w.in(id, func(tx *store.Tx) error {
				tx.Emit(id, parley.Event{Type: parley.EventHook})
				m := parley.Media{ID: parley.NewID(tx.Now), Name: "a.txt"}
				if err := tx.InsertMedia(id, &m); err != nil {
					return err
				}
				return playground.Catch(tx, id, &parley.Caught{Hook: h.ID}, 0, 10, tx.Now)
			})
		}
	}
	for _, t := range tables {
		w.in(o, func(tx *store.Tx) error {
			n, err := playground.Some(tx, o, t, 2)
			w.equal(t.Name, n, map[string]int64{"hooks": 1, "hook_requests": 2, "events": 2, "media": 2}[t.Name])
			return err
		})
	}
	w.in(o, func(tx *store.Tx) error {
		files, err := playground.TakeFiles(tx, o, 10)
		w.equal("files", len(files), 1)
		if err != nil {
			return err
		}
		tx.Emit(o, parley.Event{Type: parley.EventOrganizationReset})
		return playground.All(tx, o)
	})
	for id, want := range map[parley.ID]store.LogRange{o: {Oldest: 4, Latest: 4}, other: {Oldest: 1, Latest: 3}} {
		kept, err := w.read().LogRange(id)
		w.must(err)
		w.equal("log", kept, want)
		hooks, err := playground.Hooks(w.read(), id)
		w.must(err)
		w.equal("hooks", len(hooks), map[parley.ID]int{o: 0, other: 1}[id])
	}
}

// othersGo: of the users and keys of an organization only some are left.
func othersGo(w *world) {
	o, other := w.organization(), w.organization()
	var users, keys []parley.ID
	for _, id := range []parley.ID{o, o, other} {
		w.in(id, func(tx *store.Tx) error {
			u := parley.User{ID: parley.NewID(tx.Now), Name: "A user", Machine: true, Active: true}
			k := parley.Key{ID: parley.NewID(tx.Now), Organization: id, User: u.ID, Name: "A key"}
			users, keys = append(users, u.ID), append(keys, k.ID)
			if err := tx.InsertUser(id, &u); err != nil {
				return err
			}
			return tx.InsertKey(&k)
		})
	}
	w.in(o, func(tx *store.Tx) error { return playground.Others(tx, o, users[1], keys[1]) })
	for i, id := range []parley.ID{o, o, other} {
		_, noUser := w.read().User(id, users[i])
		_, noKey := w.read().Key(keys[i])
		w.equal("left", []bool{noUser == nil, noKey == nil}, []bool{i > 0, i > 0})
	}
}
