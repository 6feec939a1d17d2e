package pgtest

import (
	"os"
	"sync"
	"testing"
)

// variable says which database tests run on that leave it open: "sqlite", the default, or "postgres".
const variable = "PARLEY_TEST_DATABASE"

var chosen = struct {
	sync.Mutex
	byFolder map[string]string
}{byFolder: map[string]string{}}

// Chosen returns the address of the PostgreSQL database of a data folder, a new one for a folder that has none; empty
// where tests run on the embedded database. It goes when the test ends that named the folder first.
func Chosen(tb testing.TB, folder string) string {
	tb.Helper()
	return ChosenBy(tb, folder, Database)
}

// ChosenBy is Chosen, of which a new one is made in a way of the caller's.
func ChosenBy(tb testing.TB, folder string, create func(testing.TB) string) string {
	tb.Helper()
	switch name := os.Getenv(variable); name {
	case "", "sqlite":
		return ""
	case "postgres":
	default:
		tb.Fatalf("%s is %q; it must be sqlite or postgres", variable, name)
	}
	chosen.Lock()
	defer chosen.Unlock()
	if chosen.byFolder[folder] == "" {
		chosen.byFolder[folder] = create(tb)
	}
	return chosen.byFolder[folder]
}
