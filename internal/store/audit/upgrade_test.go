package audit_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/audit"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// TestUpgrade: an organization that was there before the audit log has an empty one from then on.
func TestUpgrade(t *testing.T) {
	for name, url := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			folder, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
			old, err := sqldb.Open(t.Context(), sqldb.Options{Path: filepath.Join(folder, "parley.db"), URL: url, Log: quiet}, store.Migrations()[:1])
			if err != nil {
				t.Fatal(err)
			}
			err = old.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
				_, err := tx.Exec("INSERT INTO organizations (id, name, policy, rev, created_at) VALUES ('o', 'Alpha', '{}', 1, 0)")
				return err
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), store.Options{Folder: folder, URL: url, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			e := parley.AuditEntry{Organization: "o", Act: parley.ActKeyCreated, SubjectKind: "key", Subject: "k", Changes: "[]"}
			if err := s.Write(t.Context(), "o", func(tx *store.Tx) error { return audit.Append(tx, &e) }); err != nil {
				t.Fatal(err)
			}
			head, err := audit.Head(s.Read(t.Context()), "o")
			if err != nil || head.Last != 1 || head.LastHash != e.Hash || e.Hash != e.Chain("") {
				t.Errorf("%+v: %v", head, err)
			}
		})
	}
}
