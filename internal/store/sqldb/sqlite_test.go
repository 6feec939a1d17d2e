package sqldb

import "testing"

func TestAdapt(t *testing.T) {
	const text = "SELECT a FROM b WHERE c IN (SELECT d FROM e LIMIT $2) ORDER BY a LIMIT $10"
	const want = "SELECT a FROM b WHERE c IN (SELECT d FROM e LIMIT $2 + 0) ORDER BY a LIMIT $10 + 0"
	if got := adapt(text); got != want {
		t.Errorf("got %s", got)
	}
}
