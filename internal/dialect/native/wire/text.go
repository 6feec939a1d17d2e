package wire

import (
	"html"
	"strconv"
	"strings"
	"unicode"

	"github.com/parley-server/parley/internal/parley"
)

// plainText is a body as text alone.
func plainText(body []parley.Part) string {
	if len(body) == 1 && body[0].Kind == parley.PartText {
		return body[0].Text
	}
	texts := make([]string, 0, len(body))
	for _, p := range body {
		if text := plainPart(p); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}

func plainPart(p parley.Part) string {
	switch p.Kind {
	case parley.PartHTML:
		return plainHTML(p.Text)
	case parley.PartLocation:
		place := strconv.FormatFloat(p.Latitude, 'f', -1, 64) + ", " + strconv.FormatFloat(p.Longitude, 'f', -1, 64)
		if p.Label != "" {
			place = p.Label + " (" + place + ")"
		}
		return place
	}
	return p.Text
}

// plainHTML is the text of HTML, good enough to read and to search. It is no protection: nothing shows it as
// HTML.
func plainHTML(source string) string {
	var out words
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

// words joins text with one space, or the end of a line, wherever there is any space.
type words struct {
	strings.Builder
	gap byte // to be written before what follows
}

func (w *words) write(text string) {
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
