package template

import (
	"errors"
	"html"
	"regexp"
	"strings"

	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
)

// piece is text as it is, or a variable in its place.
type piece struct {
	text     string
	variable string // empty: text
}

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,99}$`)

// errSyntax is a text with two braces that open no variable.
var errSyntax = errors.New("two braces open a variable, {{name}}; four are two braces as they are")

// parse takes a text apart: {{name}} is a variable, four opening braces are two. There is nothing else, and nothing is run.
func parse(text string) ([]piece, error) {
	if !strings.Contains(text, "{{") {
		return []piece{{text: text}}, nil
	}
	var pieces []piece
	for text != "" {
		open := strings.Index(text, "{{")
		if open < 0 {
			break
		}
		if strings.HasPrefix(text[open:], "{{{{") {
			pieces = append(pieces, piece{text: text[:open] + "{{"})
			text = text[open+4:]
			continue
		}
		end := strings.Index(text[open:], "}}")
		if end < 0 {
			return nil, errSyntax
		}
		name := strings.TrimSpace(text[open+2 : open+end])
		if !nameForm.MatchString(name) {
			return nil, errSyntax
		}
		pieces = append(pieces, piece{text: text[:open]}, piece{variable: name})
		text = text[open+end+2:]
	}
	return append(pieces, piece{text: text}), nil
}

// maxRendered is how many bytes all texts of a rendered body may have together.
const maxRendered = 1 << 20

// rendering replaces the variables of a body by their values.
type rendering struct {
	value func(name string) string
	left  int
	wrong []parley.FieldError
}

// render returns the body with values in place of its variables. What comes out is checked as any body is.
func render(body []parley.Part, value func(name string) string) ([]parley.Part, []parley.FieldError) {
	out := parley.CloneBody(body)
	r := rendering{value: value, left: maxRendered}
	parley.EachText(out, func(path string, form parley.Form, text *string) {
		if strings.Contains(*text, "{{") && len(r.wrong) == 0 {
			*text = r.text(path, form, *text)
		}
	})
	if len(r.wrong) == 0 {
		r.wrong = content.Check(out)
	}
	return out, r.wrong
}

func (r *rendering) text(path string, form parley.Form, text string) string {
	pieces, err := parse(text)
	if err != nil {
		r.wrong = append(r.wrong, parley.FieldError{Field: path, Code: "template-syntax", Message: err.Error()})
		return text
	}
	var out strings.Builder
	var s scanner
	for _, p := range pieces {
		written := p.text
		switch {
		case p.variable != "" && form == parley.FormHTML && s.addressed():
			written = escape(parley.FormURL, r.value(p.variable), !s.begun)
			if !s.begun {
				written = html.EscapeString(written)
			}
			s.begun = true
		case p.variable != "":
			written = escape(form, r.value(p.variable), out.Len() == 0)
		case form == parley.FormHTML:
			s.read(p.text)
		}
		if r.left -= len(written); r.left < 0 || out.Len()+len(written) > 4*content.MaxText {
			r.wrong = append(r.wrong, parley.FieldError{Field: path, Code: "too-long", Message: "becomes too long with these values"})
			return text
		}
		out.WriteString(written)
	}
	return out.String()
}

// escape makes a value one that stands for itself where it is put. At the beginning of a URL it is one itself.
func escape(form parley.Form, value string, first bool) string {
	switch {
	case form == parley.FormHTML:
		return html.EscapeString(value)
	case form == parley.FormURL && !first:
		return percent(value)
	}
	return value
}

// percent escapes all that has a meaning in a URL, wherever it stands.
func percent(value string) string {
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			out.WriteByte(c)
		default:
			out.WriteByte('%')
			out.WriteByte(digits[c>>4])
			out.WriteByte(digits[c&15])
		}
	}
	return out.String()
}

// misplaced is the first variable of HTML that stands where its value would not be text: in a tag, but for the quoted value
// of an attribute, in a script, a style or a comment; and at the beginning of an address only one of the type url may stand.
func misplaced(pieces []piece, isURL func(name string) bool) string {
	var s scanner
	for _, p := range pieces {
		if p.variable == "" {
			s.read(p.text)
			continue
		}
		if !s.safe() || s.address() && !isURL(p.variable) {
			return p.variable
		}
		s.begun = true
	}
	return ""
}

// scanner knows where in HTML the text that it has read ends.
type scanner struct {
	tag     bool   // in a tag
	name    string // of the tag
	word    string // since the last space: the attribute
	quote   byte   // around the value of an attribute
	begun   bool   // the value of the attribute, with more than space
	comment bool
	raw     string // in a script or a style
	tail    string // the last bytes, in lower case
}

// safe reports whether a value that is escaped stands here for itself.
func (s *scanner) safe() bool {
	return !s.comment && s.raw == "" && (!s.tag || s.quote != 0 && !s.code())
}

// code reports whether the attribute is one that is run.
func (s *scanner) code() bool {
	return strings.HasPrefix(s.word, "on") || s.word == "style=" || s.word == "srcdoc="
}

// address reports whether an address begins here.
func (s *scanner) address() bool { return s.addressed() && !s.begun }

// addressed reports whether this is in an address.
func (s *scanner) addressed() bool {
	if s.quote == 0 {
		return false
	}
	switch s.word {
	case "href=", "src=", "action=", "formaction=", "background=", "cite=", "poster=", "data=":
		return true
	}
	return strings.HasSuffix(s.word, ":href=")
}

func (s *scanner) read(text string) {
	for _, c := range []byte(strings.ToLower(text)) {
		s.tail = (s.tail + string(rune(c)))
		if len(s.tail) > 16 {
			s.tail = s.tail[len(s.tail)-16:]
		}
		s.step(c)
	}
}

func (s *scanner) step(c byte) {
	switch {
	case s.comment:
		s.comment = !strings.HasSuffix(s.tail, "-->")
	case s.raw != "" && !s.tag:
		if strings.ContainsRune(" \t\r\n\f/>", rune(c)) && strings.HasSuffix(s.tail[:len(s.tail)-1], "</"+s.raw) {
			s.raw, s.tag, s.name, s.word = "", c != '>', "/", " "
		}
	case s.quote != 0:
		if c == s.quote {
			s.quote, s.word, s.begun = 0, " ", false
		} else {
			s.begun = s.begun || !strings.ContainsRune(" \t\r\n\f", rune(c))
		}
	case !s.tag:
		if c == '<' {
			s.tag, s.name, s.word = true, "", ""
		}
	case c == '>':
		s.tag = false
		if s.name == "script" || s.name == "style" {
			s.raw = s.name
		}
	case (c == '"' || c == '\'') && strings.HasSuffix(s.word, "="):
		s.quote, s.begun = c, false
	case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' && s.name != "" && !strings.HasSuffix(s.word, "="):
		if !strings.HasSuffix(s.word, "=") {
			s.word = s.word + " "
		}
	default:
		s.inTag(c)
	}
}

// inTag reads a byte of a tag's name or of an attribute.
func (s *scanner) inTag(c byte) {
	switch {
	case s.word == "" && c != '=':
		if s.name += string(rune(c)); s.name == "!--" {
			s.tag, s.comment, s.name = false, true, ""
		}
	case strings.HasSuffix(s.word, " ") && c != '=':
		s.word = string(rune(c))
	default:
		s.word = strings.TrimSpace(s.word) + string(rune(c))
	}
}
