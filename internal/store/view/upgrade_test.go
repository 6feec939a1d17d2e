package view_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// TestUpgrade: conversations that were there before are found by what they had.
func TestUpgrade(t *testing.T) {
	for name, url := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			folder, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
			steps := store.Migrations()
			at := slices.IndexFunc(steps, func(m sqldb.Migration) bool { return m.Name == "views" })
			old, err := sqldb.Open(t.Context(), sqldb.Options{Path: filepath.Join(folder, "parley.db"), URL: url, Log: quiet}, steps[:at])
			if err != nil {
				t.Fatal(err)
			}
			err = old.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
				for _, row := range []struct{ id, tags, assignees string }{
					{"a", `["x","a \"quoted\" one"]`, `[{"kind":"user","id":"u"},{"kind":"team","id":"t"}]`}, {"b", `["x","x"]`, "[]"}, {"c", "null", "null"}, {"d", "", ""},
				} {
					if _, err := tx.Exec(`INSERT INTO conversations (organization_id, id, kind, visibility, status, snoozed_until, title, description, avatar_id,
						thread_key, channel_id, assignees, tags, metadata, inbox, last_sequence, last_message_id, activity_at, rev, created_at)
						VALUES ('o', $1, 'group', 'members', 'open', 0, '', '', '', '', '', $2, $3, '', 1, 0, '', 0, 1, 0)`, row.id, row.assignees, row.tags); err != nil {
						return err
					}
				}
				return nil
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
			for _, test := range []struct {
				kind  store.LabelKind
				label string
				want  []parley.ID
			}{{store.LabelTag, "x", []parley.ID{"a", "b"}}, {store.LabelTag, `a "quoted" one`, []parley.ID{"a"}}, {store.LabelAssignee, "u", []parley.ID{"a"}},
				{store.LabelAssignee, "t", []parley.ID{"a"}}, {store.LabelTag, "", nil}} {
				ids, err := s.Read(t.Context()).Labelled("o", test.kind, test.label, "", 9)
				if err != nil || !slices.Equal(ids, test.want) {
					t.Errorf("%s %s: %v, want %v (%v)", test.kind, test.label, ids, test.want, err)
				}
			}
		})
	}
}
