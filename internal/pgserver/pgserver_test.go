package pgserver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMissingServerIsTold(t *testing.T) {
	_, err := newest([]string{t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("got %v", err)
	}
}

// TestFolderStays: what is in a folder is there for the next server of it, with that one's settings.
func TestFolderStays(t *testing.T) {
	folder := filepath.Join(enterable(t), "postgres")
	for _, c := range []struct{ setting, statement, want string }{
		{"work_mem = '5MB'", "CREATE TABLE kept AS SELECT 'yes' AS it_is", "5MB"},
		{"work_mem = '6MB'", "INSERT INTO kept VALUES ('still')", "6MB"},
	} {
		s, err := Start(Options{Folder: folder, Settings: []string{c.setting}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Exec(c.statement); err != nil {
			t.Error(err)
		}
		if got := one(t, s.URL("postgres"), "SELECT current_setting('work_mem')"); got != c.want {
			t.Errorf("the setting is %s, not %s", got, c.want)
		}
		if err := s.End(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(folder, "data", "postmaster.pid")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was not stopped: %v", err)
		}
	}
}

// enterable is a folder that the server's user can enter.
func enterable(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(f, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func one(t *testing.T, database, query string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
