package storetest

import (
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/place"
)

// places: how far keys are in the log, each its own.
func places(w *world) {
	o, other := w.organization(), w.organization()
	key := w.id()
	_, found, err := place.Get(w.read(), o, key)
	w.must(err)
	w.equal("at first", found, false)
	for _, at := range []place.Place{{Through: 5, Confirmed: []int64{}}, {Through: 7, Confirmed: []int64{9, 12}}} {
		w.do(func(tx *store.Tx) error { return place.Set(tx, o, key, at) })
		got, found, err := place.Get(w.read(), o, key)
		w.must(err)
		w.equal("a place", got, at)
		w.equal("it is there", found, true)
	}
	_, found, err = place.Get(w.read(), other, key)
	w.must(err)
	w.equal("elsewhere", found, false)
}
