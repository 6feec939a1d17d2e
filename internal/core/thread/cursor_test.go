package thread

import (
	"testing"

	"github.com/parley-server/parley/internal/parley"
)

// FuzzCursor: a cursor is what a page gave, or refused.
func FuzzCursor(f *testing.F) {
	for _, c := range []cursor{{'t', 1700000000000, "17"}, {'t', -5, "3.d0l3kq0s7k0c5vsr9ehg"}, {'i', 0, "d0l3kq0s7k0c5vsr9ehg"}, {'c', 1, ""}} {
		f.Add(c.String())
	}
	f.Add("")
	f.Add("dA")
	f.Add("ZZZZ\x00")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text, "tip")
		if err != nil {
			if !parley.IsKind(err, parley.KindInvalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if text != "" && c.plan == 0 {
			t.Errorf("%q is taken for the beginning", text)
		}
		_ = c.position()
		if again, err := parseCursor(c.String(), "tip"); text != "" && (err != nil || again != c) {
			t.Errorf("%q: %+v became %+v, %v", text, c, again, err)
		}
	})
}
