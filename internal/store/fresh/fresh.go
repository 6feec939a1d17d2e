// Package fresh gives tests databases that a store has opened before, since making all tables takes longer than most tests. Only
// tests may import this package.
package fresh

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
)

// file is that of the embedded database.
const file = "parley.db"

// made is what an embedded database without anything in it is. It is a variable of the package since only so one serves all
// tests of a process.
var made = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "parley-fresh-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := tables(folder, ""); err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(folder, file+"-wal")); err == nil && info.Size() > 0 {
		return nil, errors.New("not all of a closed database is in its file")
	}
	return os.ReadFile(filepath.Join(folder, file))
})

// tables makes all tables of a database without any.
func tables(folder, url string) error {
	s, err := store.Open(context.Background(), store.Options{Folder: folder, URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return s.Close()
}

// Database has a folder have a database with all tables, if it has none, and returns its address, as pgtest.Chosen does.
func Database(tb testing.TB, folder string) string {
	tb.Helper()
	create := func(tb testing.TB) string {
		return pgtest.Copied(tb, func(url string) error { return tables(tb.TempDir(), url) })
	}
	if url := pgtest.ChosenBy(tb, folder, create); url != "" {
		return url
	}
	path := filepath.Join(folder, file)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	content, err := made()
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return ""
}
