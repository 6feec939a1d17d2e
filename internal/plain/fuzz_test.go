package plain_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/plain"
)

func FuzzHTML(f *testing.F) {
	for _, source := range []string{"<p>a<br>b</p>", "<script>x</SCRIPT >y", "<", "<<>", "&lt;&#0;&notanentity;", "İ<STYLE>x</style>é", "a<b", "\u2028<li>x"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		text := plain.HTML(source)
		if utf8.ValidString(source) && !utf8.ValidString(text) {
			t.Errorf("%q: %q is no UTF-8", source, text)
		}
		if strings.TrimSpace(text) != text {
			t.Errorf("%q: %q", source, text)
		}
	})
}
