package wire_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func FuzzPlainText(f *testing.F) {
	for _, source := range []string{"<p>a<br>b</p>", "<script>x</SCRIPT >y", "<", "<<>", "&lt;&#0;&notanentity;", "İ<STYLE>x</style>é", "a<b", "\u2028<li>x"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		text := wire.Message(&parley.Message{Body: []parley.Part{{Kind: parley.PartHTML, Text: source}}}).Text
		if utf8.ValidString(source) && !utf8.ValidString(text) {
			t.Errorf("%q: %q is no UTF-8", source, text)
		}
		if strings.TrimSpace(text) != text {
			t.Errorf("%q: %q", source, text)
		}
	})
}
