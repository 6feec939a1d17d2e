package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/limit"
)

// contactPlaces: what contacts have got, until it counts no more.
func contactPlaces(w *world) {
	o, other := w.organization(), w.organization()
	at := w.now().UTC()
	first := limit.Place{Holder: "ana", Message: "m1", Delivery: 1, Class: parley.ClassMarketing, Platform: "sms", High: true, At: at, Until: at.Add(time.Hour)}
	second, third, old, elsewhere := first, first, first, first
	second.Delivery, second.Holder = 2, "bo"
	third.Message, third.Until = "m2", at.Add(2*time.Hour)
	old.Message, old.Until = "m0", at
	elsewhere.Message = "m9"
	w.do(func(tx *store.Tx) error { return limit.Keep(tx, o, []limit.Place{first, second, third, old}) })
	w.do(func(tx *store.Tx) error { return limit.Keep(tx, o, []limit.Place{first}) }) // again
	w.do(func(tx *store.Tx) error { return limit.Keep(tx, o, nil) })
	w.do(func(tx *store.Tx) error { return limit.Keep(tx, other, []limit.Place{elsewhere}) })
	taken := func(organization parley.ID, now time.Time, holders ...string) []limit.Place {
		list, err := limit.Taken(w.read(), organization, holders, now)
		w.must(err)
		slices.SortFunc(list, func(a, b limit.Place) int { return strings.Compare(string(a.Message), string(b.Message)) })
		return list
	}
	w.equal("of one", taken(o, at, "ana"), []limit.Place{first, third})
	w.equal("later", taken(o, at.Add(time.Hour), "ana", "bo"), []limit.Place{third})
	w.equal("of the other organization", taken(other, at, "ana", "bo"), []limit.Place{elsewhere})
	w.do(func(tx *store.Tx) error { return limit.GiveBack(tx, o, "m1", []int{1, 7}) })
	w.equal("given back", taken(o, at, "ana", "bo"), []limit.Place{second, third})
	w.do(func(tx *store.Tx) error { return limit.Merge(tx, o, "bo", "ana") })
	second.Holder = "ana"
	w.equal("merged", taken(o, at, "ana"), []limit.Place{second, third})
	drop := func(limited int) (n int64) {
		w.do(func(tx *store.Tx) (err error) {
			n, err = limit.Drop(tx, o, limited)
			return err
		})
		return n
	}
	w.advance(3 * time.Hour)
	w.equal("dropped", []int64{drop(2), drop(2), drop(2)}, []int64{2, 1, 0})
	w.do(func(tx *store.Tx) error { return limit.Forget(tx, other, "bo") })
	w.equal("not forgotten", len(taken(other, at, "ana")), 1)
	w.do(func(tx *store.Tx) error { return limit.Forget(tx, other, "ana") })
	w.equal("forgotten", len(taken(other, at, "ana")), 0)
}
