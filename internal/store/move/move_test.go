package move

import (
	"slices"
	"testing"
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
