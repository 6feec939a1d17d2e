package store_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit/audittest"
	"github.com/parley-server/parley/internal/store/clock/clocktest"
	"github.com/parley-server/parley/internal/store/hold/holdtest"
	"github.com/parley-server/parley/internal/store/playground/playgroundtest"
	"github.com/parley-server/parley/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// suites are the conformance suites of the store and of the areas of its tables.
func suites(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	storetest.Run(t, open)
	audittest.Run(t, open)
	holdtest.Run(t, open)
	clocktest.Run(t, open)
	playgroundtest.Run(t, open)
}

// TestStore runs the conformance suite on both databases, on PostgreSQL also where its own order of texts is a linguistic
// one, and looks at the statements that it ran.
func TestStore(t *testing.T) {
	ran := statements{texts: map[string]bool{}}
	whole := t.Run("SQLite", func(t *testing.T) {
		suites(t, func(t *testing.T, o store.Options) *store.Store { return open(t, ran.of(o)) })
	})
	for _, c := range []struct {
		name     string
		database func(testing.TB) string
	}{{"PostgreSQL", pgtest.Database}, {"ICU", pgtest.DatabaseICU}} {
		whole = t.Run(c.name, func(t *testing.T) {
			places := map[string]string{} // a suite opens its database again
			suites(t, func(t *testing.T, o store.Options) *store.Store {
				if places[o.Folder] == "" {
					places[o.Folder] = c.database(t)
				}
				o.URL = places[o.Folder]
				return open(t, ran.of(o))
			})
		}) && whole
	}
	ran.sabotage(t)
	t.Run("NameTheirOrganization", ran.nameTheirOrganization)
	t.Run("AreAllThereAre", func(t *testing.T) {
		if !whole {
			t.Skip("some tests of the suite were left out, or failed")
		}
		ran.areAllThereAre(t)
	})
}
