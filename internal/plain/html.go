package plain

import (
	"html"
	"strings"
	"unicode"
)

// HTML is the text of HTML, good enough to read and to search. It is no protection: nothing shows it as
// HTML.
func HTML(source string) string {
	var out spaced
	lower := strings.ToLower(source)
	if len(lower) != len(source) {
		lower = source // letters whose cases differ in length; their tags are then as they are written
	}
	for at := 0; at < len(source); {
		open := strings.IndexByte(source[at:], '<')
		if open < 0 {
			out.write(html.UnescapeString(source[at:]))
			break
		}
		out.write(html.UnescapeString(source[at : at+open]))
		at += open + 1
		end := strings.IndexByte(source[at:], '>')
		if end < 0 {
			break
		}
		name := tagName(lower[at : at+end])
		at += end + 1
		switch name {
		case "script", "style", "head":
			if end = strings.Index(lower[at:], "</"+name); end < 0 {
				end = len(source) - at
			}
			at += end
		case "br", "p", "/p", "div", "/div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "/h1", "/h2", "/h3", "/ul", "/ol", "/table":
			out.gap = '\n'
		}
	}
	return out.String()
}

func tagName(tag string) string {
	if end := strings.IndexAny(tag, " \t\r\n"); end >= 0 {
		tag = tag[:end]
	}
	return strings.TrimSuffix(tag, "/")
}

// spaced joins text with one space, or the end of a line, wherever there is any space.
type spaced struct {
	strings.Builder
	gap byte // to be written before what follows
}

func (w *spaced) write(text string) {
	for _, r := range text {
		if unicode.IsSpace(r) {
			if w.gap == 0 {
				w.gap = ' '
			}
			continue
		}
		if w.gap != 0 && w.Len() > 0 {
			w.WriteByte(w.gap)
		}
		w.gap = 0
		w.WriteRune(r)
	}
}
