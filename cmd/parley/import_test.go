package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-server/parley/internal/importer"
)

// TestDryRunOfImports: a dry run says what the import then does, also of rows that are there twice, and changes nothing.
func TestDryRunOfImports(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	startDemo(t, folder)
	for kind, rows := range map[string]string{
		"contacts": "name,phone,tags\nRow One,+1 555 770 0001,a\nRow One,+15557700001,a\nRow One,+15557700001,b\n",
		"users":    "name,email\nRow User,row@example.org\nRow User,ROW@example.org\nRow Other,row@example.org\n",
		"teams":    "name,members\nRow Team,\nRow Team,\n",
	} {
		file := filepath.Join(folder, kind+".csv")
		if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		counts := func(more ...string) string {
			t.Helper()
			code, out, errors := command(t, append([]string{"import", kind, file, "--data", folder}, more...)...)
			if code != 0 {
				t.Fatalf("%s: %s %s", kind, out, errors)
			}
			report := decode[importer.Report](t, out)
			return fmt.Sprintf("%d made, %d changed, %d as they are", report.Created, report.Updated, report.Unchanged)
		}
		dry := counts("--dry-run")
		if again := counts("--dry-run"); again != dry {
			t.Errorf("%s: a dry run comes to %s, and then to %s", kind, dry, again)
		}
		if done := counts(); done != dry {
			t.Errorf("%s: a dry run says %s, and it is %s", kind, dry, done)
		}
	}
}
