package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// TestAudit: on both databases, a log is found to be whole, taken elsewhere, and found not to be whole.
func TestAudit(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		p, d := startDemo(t, folder)
		if code, _, errors := command(t, "audit", "verify", "--data", folder); code != exitFailed || !strings.Contains(errors, "stop it, or use a copy") {
			t.Errorf("while a server uses the folder: exit %d, %s", code, errors)
		}
		listed, err := client(t, d).ListAudit(t.Context(), api.AuditFilter{})
		if err != nil || len(listed.Data) == 0 {
			t.Fatal(err)
		}
		p.stop(t)
		audited(t, d.Organization.ID, listed.Data[0], func() *sql.DB {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "parley.db"))
			if err != nil {
				t.Fatal(err)
			}
			return db
		}, "--data", folder)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		folder, database := t.TempDir(), pgtest.Database(t)
		start(t, "demo", "--data", folder, "--database", database, "--listen", "127.0.0.1:0").ready(t)
		d := described(t, folder)
		listed, err := client(t, d).ListAudit(t.Context(), api.AuditFilter{})
		if err != nil || len(listed.Data) == 0 {
			t.Fatal(err)
		}
		audited(t, d.Organization.ID, listed.Data[0], func() *sql.DB { return pgtest.Open(t, database) }, "--database", database)
	})
}

// audited looks at the logs of the demo's organizations, of one of which the newest entry is known, and then spoils that one.
func audited(t *testing.T, organization string, newest api.AuditEntry, open func() *sql.DB, place ...string) {
	t.Helper()
	run := func(verb string, args ...string) (int, string, string) {
		return command(t, append(append([]string{"audit", verb}, place...), args...)...)
	}
	code, out, errors := run("verify")
	want := fmt.Sprintf("organization %s: %d rows from 1 on, the last has the hash %s\n", organization, newest.Sequence, newest.Hash)
	if code != 0 || !strings.HasSuffix(out, "rows of 2 organizations are as they were written.\n") || !strings.Contains(out, want) {
		t.Fatalf("exit %d, %s%s", code, out, errors)
	}
	_, exported, _ := run("export", "--organization", organization)
	lines := strings.Split(strings.TrimSpace(exported), "\n")
	if last := lines[len(lines)-1]; int64(len(lines)) != newest.Sequence || !strings.Contains(last, `"hash":"`+newest.Hash+`"`) ||
		!strings.Contains(lines[0], `"act":"organization.created"`) {
		t.Errorf("%d lines, from %s to %s", len(lines), lines[0], last)
	}
	_, heads, _ := run("heads")
	known := filepath.Join(t.TempDir(), "heads")
	if err := os.WriteFile(known, []byte(heads+exported), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errors := run("verify", "--known", known); code != 0 {
		t.Errorf("with what was kept: exit %d, %s%s", code, out, errors)
	}
	if code, _, errors := run("verify", "--organization", "none"); code != exitFailed || !strings.Contains(errors, `no organization "none"`) {
		t.Errorf("of no organization: exit %d, %s", code, errors)
	}
	db := open()
	if _, err := db.Exec(fmt.Sprintf("UPDATE audit SET changes = '[]' WHERE sequence = 2 AND organization_id = '%s'", organization)); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	code, out, errors = run("verify")
	if code != exitFailed || !strings.Contains(errors, ", row 2: has another content") || strings.Count(errors, "\n") != 1 || !strings.Contains(out, ", row 2: ") {
		t.Errorf("after a change: exit %d, %s%s", code, out, errors)
	}
	if err := os.WriteFile(known, []byte(strings.ReplaceAll(heads, `"sequence"`, `"number"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errors := run("verify", "--known", known); code != exitFailed || !strings.Contains(errors, "line 1: must have organization, sequence and hash") {
		t.Errorf("with a wrong file: exit %d, %s", code, errors)
	}
}

// TestAuditOfNothing: a folder without a database is not made one.
func TestAuditOfNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if code, _, errors := command(t, "audit", "verify", "--data", folder); code != exitFailed || !strings.Contains(errors, "holds no Parley database") {
		t.Errorf("exit %d, %s", code, errors)
	}
	if fileIsThere(t, folder, "parley.db") {
		t.Error("a database was made")
	}
	code, _, errors := command(t, "audit", "verify", "--database", pgtest.Database(t))
	if code != exitFailed || !strings.Contains(errors, "organizations") || strings.Count(errors, "\n") != 1 {
		t.Errorf("an empty database: exit %d, %s", code, errors)
	}
}
