package move

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// TestEveryTable: every table of the schema is moved, whatever is in it; and the result is as if it had been there always.
func TestEveryTable(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			from, to := pair.from(t), pair.to(t)
			made(t, from, 120, 1)
			before := dump(t, from)
			report, err := Offline(t.Context(), from, to, nil)
			check(t, err)
			for _, table := range report.Tables {
				if table.Rows != 120 || len(table.Sum) != 64 {
					t.Errorf("compared was %+v", table)
				}
			}
			if len(report.Tables) != len(schemaOf(t).tables) {
				t.Errorf("compared were %d tables", len(report.Tables))
			}
			same(t, dump(t, to), before)
			opens(t, to)
			refuses(t, from, "was moved to "+to.String())
			fresh := pair.to(t)
			opens(t, fresh)
			if indexes := indexesOf(t, fresh); !slices.Equal(indexesOf(t, to), indexes) {
				t.Errorf("the indexes are %q, want %q", indexesOf(t, to), indexes)
			}
		})
	}
}

// TestNames: a destination may have any name, also one that means something in a statement.
func TestNames(t *testing.T) {
	t.Parallel()
	from, to := database(t), Place{Folder: filepath.Join(t.TempDir(), "100% of 'it' $$ \\ $1 #?&=;")}
	made(t, from, 3, 1)
	source := openEngine(t, from) // of a server that was not told
	defer func() { check(t, source.Close()) }()
	_, err := Offline(t.Context(), from, to, nil)
	check(t, err)
	opens(t, to)
	refuses(t, from, "was moved to "+to.String())
	err = source.Write(t.Context(), sqldb.Unit{Run: func(tx *sqldb.Tx) error {
		_, err := tx.Exec("DELETE FROM leases")
		return err
	}})
	if refused := parley.AsError(err); refused.Code != "moved" || !strings.Contains(fmt.Sprint(refused.Err), "was moved to "+to.String()) {
		t.Errorf("who was not told is told %v: %v", refused, refused.Err)
	}
}
