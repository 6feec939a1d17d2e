package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-server/parley/internal/pgserver"
)

// What a test may want of a server of its own.
type (
	Server  = pgserver.Server
	Options = pgserver.Options
	Mode    = pgserver.Mode
)

// The ways to stop a server.
const (
	Fast      = pgserver.Fast
	Immediate = pgserver.Immediate
)

// Start starts a server which nobody else uses, and which ends with the test. Its database "postgres" is empty.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s, err := pgserver.Start(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("PostgreSQL says:\n%s", s.Log())
		}
		if err := s.End(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Folder is a temporary folder that the user whom servers run as can enter.
func Folder(tb testing.TB) string {
	tb.Helper()
	folder := tb.TempDir()
	for _, f := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(f, 0o711); err != nil {
			tb.Fatal(err)
		}
	}
	return folder
}
