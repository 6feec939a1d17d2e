package sqldb

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Rows collects the rows of a bulk statement as one JSON parameter, an array of arrays.
type Rows struct {
	buf   []byte
	count int
}

// Add appends a row of strings, integers, booleans (stored as 0 and 1) and json.RawMessage, which is stored as text.
func (r *Rows) Add(values ...any) {
	if r.count == 0 {
		r.buf = append(r.buf[:0], '[')
	} else {
		r.buf = append(r.buf, ',')
	}
	r.count++
	r.buf = append(r.buf, '[')
	for i, v := range values {
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		r.buf = appendValue(r.buf, v)
	}
	r.buf = append(r.buf, ']')
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.count }

// Param is the parameter to pass.
func (r *Rows) Param() string {
	if r.count == 0 {
		return "[]"
	}
	return string(r.buf) + "]"
}

func appendValue(buf []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(buf, v)
	case int64:
		return strconv.AppendInt(buf, v, 10)
	case int:
		return strconv.AppendInt(buf, int64(v), 10)
	case bool:
		if v {
			return append(buf, '1')
		}
		return append(buf, '0')
	case []byte:
		return appendString(buf, string(v))
	case json.RawMessage:
		return appendString(buf, string(v))
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return appendString(buf, rv.String())
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a row value of type %T: %v", v, err)) // a programming error
	}
	return append(buf, encoded...)
}

func appendString(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				buf = append(append(buf, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		buf = append(buf, s[start:i]...)
		if c == '"' || c == '\\' {
			buf = append(buf, '\\', c)
		} else {
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(buf, s[start:]...), '"')
}

// From returns the source of a bulk statement: a table of the columns "name TEXT" or "name BIGINT",
// in the order of Rows.Add, read from the parameter, such as "$1".
func From(param string, columns ...string) string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, column := range columns {
		name, _, _ := strings.Cut(column, " ")
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "value->>%d AS %s", i, name)
	}
	fmt.Fprintf(&b, " FROM jsonb_each(%s))", param)
	return b.String()
}
