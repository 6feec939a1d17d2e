package words

import (
	"html"
	"strings"
)

// Plain is the text of a piece of HTML, as far as it takes to find words in it and to show some: tags are spaces, and what
// is no text is left out.
func Plain(markup string) string {
	var b strings.Builder
	for markup != "" {
		text, rest, tag := strings.Cut(markup, "<")
		b.WriteString(html.UnescapeString(text))
		if !tag {
			break
		}
		markup = skipTag(rest, &b)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// inline are tags that do not end a word.
var inline = map[string]bool{"a": true, "b": true, "i": true, "u": true, "s": true, "em": true, "strong": true, "span": true, "font": true,
	"mark": true, "small": true, "sub": true, "sup": true, "code": true, "del": true, "ins": true, "wbr": true}

// skipTag goes on after a tag of which the first character is gone; that of a lonely one is text.
func skipTag(rest string, b *strings.Builder) string {
	if comment, ok := strings.CutPrefix(rest, "!--"); ok {
		_, after, _ := strings.Cut(comment, "-->")
		b.WriteByte(' ')
		return after
	}
	name := tagName(rest)
	if name == "" {
		b.WriteByte('<')
		return rest
	}
	after := afterTag(rest)
	if bare := strings.TrimPrefix(name, "/"); !inline[bare] {
		b.WriteByte(' ')
	}
	switch name {
	case "script", "style", "head", "title", "template":
		return afterElement(after, name)
	}
	return after
}

func tagName(rest string) string {
	n := 0
	for n < len(rest) && n < 20 && (n == 0 && (rest[n] == '/' || rest[n] == '!' || rest[n] == '?') || asciiFold[rest[n]&0x7f] != ' ' && rest[n] < 0x80) {
		n++
	}
	if n == 0 || n == 1 && rest[0] == '/' {
		return ""
	}
	return strings.ToLower(rest[:n])
}

// afterTag goes on after the end of a tag, past values in quotation marks.
func afterTag(rest string) string {
	quote := byte(0)
	for i := range len(rest) {
		switch c := rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return rest[i+1:]
		}
	}
	if _, after, ok := strings.Cut(rest, ">"); ok { // a quotation mark too many
		return after
	}
	return ""
}

// afterElement goes on after the end of an element that holds no text.
func afterElement(rest, name string) string {
	for from := 0; ; {
		at := strings.Index(rest[from:], "</")
		if at < 0 {
			return ""
		}
		from += at + 2
		if len(rest) >= from+len(name) && strings.EqualFold(rest[from:from+len(name)], name) {
			_, after, _ := strings.Cut(rest[from:], ">")
			return after
		}
	}
}
