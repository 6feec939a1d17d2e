// Package contract is what the native API promises and holds its callers to: the operations and the schemas of
// their types, the OpenAPI document made of them, and the strict reading of bodies and queries by the same
// schemas.
package contract

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// Reader reads a JSON text piece by piece. It is strict: RFC 8259, valid UTF-8, and nothing after the value.
type Reader struct {
	data  []byte
	at    int
	depth int
	text  []byte // of the last string that had escapes
}

const maxDepth = 64 // of objects and arrays in each other; the schemas need 5

// NewReader returns a reader of a JSON text.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// malformed says where the text stops being JSON.
func (r *Reader) malformed(what string) error {
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed",
		Message: "the body is no valid JSON: " + what + " at byte " + strconv.Itoa(r.at)}
}

// Kind is the first byte of what comes next: '{', '[', '"', 't', 'f', 'n' or '0', which stands for all numbers;
// any other byte, 0 at the end, is a mistake.
func (r *Reader) Kind() byte {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n':
			r.at++
		case '-', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			return '0'
		default:
			return c
		}
	}
	return 0
}

// End checks that nothing but space is left.
func (r *Reader) End() error {
	if r.Kind() != 0 || r.at < len(r.data) {
		return r.malformed("nothing more is expected")
	}
	return nil
}

// Object calls each for every member, which reads the value; the name is valid until then.
func (r *Reader) Object(each func(name []byte) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.more('}', first)
		if err != nil || !more {
			return err
		}
		name, err := r.String()
		if err != nil {
			return err
		}
		if r.Kind() != ':' {
			return r.malformed("a colon is expected")
		}
		r.at++
		if err := each(name); err != nil {
			return err
		}
	}
}

// Array calls each for every element, which reads it.
func (r *Reader) Array(each func(i int) error) error {
	if err := r.open('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := r.more(']', i == 0)
		if err != nil || !more {
			return err
		}
		if err := each(i); err != nil {
			return err
		}
	}
}

func (r *Reader) open(bracket byte) error {
	if r.Kind() != bracket {
		return r.malformed("a " + string(rune(bracket)) + " is expected")
	}
	if r.depth++; r.depth > maxDepth {
		return r.malformed("too many levels")
	}
	r.at++
	return nil
}

// more reads what stands between elements, and reports whether there is another.
func (r *Reader) more(end byte, first bool) (bool, error) {
	switch c := r.Kind(); {
	case c == end:
		r.at++
		r.depth--
		return false, nil
	case first:
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	}
	return false, r.malformed("a comma or " + string(rune(end)) + " is expected")
}

// String reads a string. The bytes are valid until the next call.
func (r *Reader) String() ([]byte, error) {
	if r.Kind() != '"' {
		return nil, r.malformed("a string is expected")
	}
	r.at++
	start := r.at
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.data[start : r.at-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return nil, r.malformed("a control character must be escaped")
		}
		r.at++
	}
	return nil, r.malformed("the string does not end")
}

// escaped reads the rest of a string from its first escape.
func (r *Reader) escaped(start int) ([]byte, error) {
	r.text = append(r.text[:0], r.data[start:r.at]...)
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.text, nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, r.malformed("a control character must be escaped")
		default:
			r.text = append(r.text, c)
			r.at++
		}
	}
	return nil, r.malformed("the string does not end")
}

// escape reads one escape. Half of a surrogate pair stands for U+FFFD.
func (r *Reader) escape() error {
	if r.at+1 >= len(r.data) {
		return r.malformed("the string does not end")
	}
	c := r.data[r.at+1]
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
		r.text = append(r.text, "\"\\/\b\f\n\r\t"[i])
		r.at += 2
		return nil
	}
	unit, ok := r.unit(r.at)
	if !ok {
		return r.malformed("the escape is unknown")
	}
	r.at += 6
	if utf16.IsSurrogate(unit) {
		second, ok := r.unit(r.at)
		if pair := utf16.DecodeRune(unit, second); ok && pair != utf8.RuneError {
			unit = pair
			r.at += 6
		} else {
			unit = utf8.RuneError
		}
	}
	r.text = utf8.AppendRune(r.text, unit)
	return nil
}

// unit reads the \uXXXX that begins at a place.
func (r *Reader) unit(at int) (rune, bool) {
	if at+6 > len(r.data) || r.data[at] != '\\' || r.data[at+1] != 'u' {
		return 0, false
	}
	var unit rune
	for _, c := range r.data[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

// Number reads a number, as it is written.
func (r *Reader) Number() ([]byte, error) {
	if r.Kind() != '0' {
		return nil, r.malformed("a number is expected")
	}
	start := r.at
	if r.data[r.at] == '-' {
		r.at++
	}
	leading := r.at
	whole := r.digits()
	if whole == 0 || whole > 1 && r.data[leading] == '0' {
		return nil, r.malformed("the number is none")
	}
	if r.at < len(r.data) && r.data[r.at] == '.' {
		r.at++
		if r.digits() == 0 {
			return nil, r.malformed("digits are expected")
		}
	}
	if r.at < len(r.data) && r.data[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.data) && (r.data[r.at] == '+' || r.data[r.at] == '-') {
			r.at++
		}
		if r.digits() == 0 {
			return nil, r.malformed("digits are expected")
		}
	}
	return r.data[start:r.at], nil
}

func (r *Reader) digits() int {
	start := r.at
	for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}

// Literal reads true, false or null.
func (r *Reader) Literal() (string, error) {
	kind := r.Kind()
	for _, word := range [...]string{"true", "false", "null"} {
		if kind == word[0] && bytes.HasPrefix(r.data[r.at:], []byte(word)) {
			r.at += len(word)
			return word, nil
		}
	}
	return "", r.malformed("a value is expected")
}

// Skip reads any value.
func (r *Reader) Skip() (err error) {
	switch r.Kind() {
	case '{':
		return r.Object(func([]byte) error { return r.Skip() })
	case '[':
		return r.Array(func(int) error { return r.Skip() })
	case '"':
		_, err = r.String()
	case '0':
		_, err = r.Number()
	default:
		_, err = r.Literal()
	}
	return err
}
