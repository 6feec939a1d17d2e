package sqldb

import "testing"

func TestAdapt(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELECT a FROM b WHERE c IN (SELECT d FROM e LIMIT $2) ORDER BY a LIMIT $10",
			"SELECT a FROM b WHERE c IN (SELECT d FROM e LIMIT $2 + 0) ORDER BY a LIMIT $10 + 0"},
		{"INSERT INTO a (b) VALUES ($1) ON CONFLICT DO NOTHING", "INSERT OR FAIL INTO a (b) VALUES ($1) ON CONFLICT DO NOTHING"},
		{"UPDATE a SET b = $1", "UPDATE OR FAIL a SET b = $1"},
		{"INSERT OR ROLLBACK INTO a (b) VALUES ($1)", "INSERT OR ROLLBACK INTO a (b) VALUES ($1)"},
		{"DELETE FROM a WHERE b = 'UPDATE c'", "DELETE FROM a WHERE b = 'UPDATE c'"},
	} {
		if got := (&embedded{}).adapt(c.text).text; got != c.want {
			t.Errorf("%s\nis made %s", c.text, got)
		}
	}
}
