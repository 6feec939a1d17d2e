package content_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

func TestLinks(t *testing.T) {
	for _, c := range []struct {
		kind       parley.PartKind
		text, want string
		urls       []string
	}{
		{parley.PartText, "no links: ftp://a.example, http:/x, https://", "no links: ftp://a.example, http:/x, https://", nil},
		{parley.PartText, "See https://a.example/x?y=z&a=b#c.", "See <0>.", []string{"https://a.example/x?y=z&a=b#c"}},
		{parley.PartText, "(https://a.example/x_(y)), HTTP://B.example! https://a.example/x_(y)", "(<0>), <1>! <0>", []string{"https://a.example/x_(y)", "HTTP://B.example"}},
		{parley.PartText, "<https://a.example/x> \"https://a.example/y\"", "<<0>> \"<1>\"", []string{"https://a.example/x", "https://a.example/y"}},
		{parley.PartHTML, `<a class="x" href="https://a.example/?a=1&amp;b=2">https://a.example</a>`, `<a class="x" href="<0>">https://a.example</a>`, []string{"https://a.example/?a=1&b=2"}},
		{parley.PartHTML, `<A HREF = 'https://a.example'>x</A><a title="a > b" href="https://b.example">`, `<A HREF = '<0>'>x</A><a title="a > b" href="<1>">`, []string{"https://a.example", "https://b.example"}},
		{parley.PartHTML, `<a href="mailto:a@b.example">x</a><img src="https://a.example/i.png"><a data-href="https://c.example">`, "", nil},
		{parley.PartHTML, `<a href="#top">x</a><abbr href="https://a.example">`, "", nil},
	} {
		body := []parley.Part{{Kind: c.kind, Text: c.text}}
		if got := content.Links(body); !reflect.DeepEqual(got, c.urls) {
			t.Errorf("%s: %q, want %q", c.text, got, c.urls)
		}
		out := content.WithLinks(body, func(url string) string {
			for i, known := range c.urls {
				if known == url {
					return fmt.Sprintf("<%d>", i)
				}
			}
			return url
		})
		want := c.want
		if want == "" {
			want = c.text
		}
		if got := strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(out[0].Text); got != want {
			t.Errorf("%s: %s, want %s", c.text, got, want)
		}
		if body[0].Text != c.text {
			t.Errorf("the body itself became %s", body[0].Text)
		}
	}
}

func FuzzLinks(f *testing.F) {
	for _, text := range []string{"https://a.example/x.", `<a href="https://a.example">x</a>`, "(http://a.example)", "https://[::1]/x", "<a href='"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body := []parley.Part{{Kind: parley.PartText, Text: text, Fallback: text}, {Kind: parley.PartHTML, Text: text}}
		for _, url := range content.Links(body) {
			if !content.IsURL(url) {
				t.Errorf("%q: %q is no address", text, url)
			}
		}
		if same := content.WithLinks(body, func(url string) string { return url }); !reflect.DeepEqual(same, body) {
			t.Errorf("%q became %+v", text, same)
		}
	})
}
