package sqldb

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Rows collects the rows of a bulk statement as one parameter.
type Rows struct {
	buf   []byte
	count int
}

// The kinds of values, each followed by eight octets: the integer, or the length of the text after them.
const (
	rowInteger = 'i'
	rowText    = 't'
)

// Add appends a row of strings, integers, booleans (stored as 0 and 1) and json.RawMessage, which is stored as
// text. Text that is not UTF-8 is made so, and U+0000, which not every database can store, becomes U+FFFD.
func (r *Rows) Add(values ...any) {
	r.count++
	r.buf = append(r.buf, byte(len(values)))
	for _, v := range values {
		r.buf = appendValue(r.buf, v)
	}
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.count }

// Param is the parameter to pass.
func (r *Rows) Param() []byte { return r.buf }

func appendValue(buf []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(buf, v)
	case int64:
		return appendInteger(buf, v)
	case int:
		return appendInteger(buf, int64(v))
	case bool:
		if v {
			return appendInteger(buf, 1)
		}
		return appendInteger(buf, 0)
	case []byte:
		return appendText(buf, string(v))
	case json.RawMessage:
		return appendText(buf, string(v))
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return appendText(buf, rv.String())
	}
	panic(fmt.Sprintf("a row value of type %T", v)) // a programming error
}

func appendInteger(buf []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(append(buf, rowInteger), uint64(n))
}

// clean is text as every database can store it.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	return s
}

func appendText(buf []byte, s string) []byte {
	s = clean(s)
	buf = binary.LittleEndian.AppendUint64(append(buf, rowText), uint64(len(s)))
	return append(buf, s...)
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
		fmt.Fprintf(&b, "c%d AS %s", i, name)
	}
	fmt.Fprintf(&b, " FROM %s(%s) /* %s */)", rowsTable, param, strings.Join(columns, ", "))
	return b.String()
}

// columnsOf takes the parameter of Rows apart: a []int64 or []string for each column.
func columnsOf(param []byte, kinds []byte) ([]any, error) {
	integers, texts := make([][]int64, len(kinds)), make([][]string, len(kinds))
	for rest := string(param); rest != ""; {
		n := int(rest[0])
		rest = rest[1:]
		for i := range n {
			if len(rest) < 1+8 || i >= len(kinds) || rest[0] != kinds[i] {
				return nil, errRows
			}
			v := binary.LittleEndian.Uint64([]byte(rest[1 : 1+8]))
			rest = rest[1+8:]
			if kinds[i] == rowInteger {
				integers[i] = append(integers[i], int64(v))
				continue
			}
			if v > uint64(len(rest)) {
				return nil, errRows
			}
			texts[i], rest = append(texts[i], rest[:v]), rest[v:]
		}
	}
	columns := make([]any, len(kinds))
	for i, kind := range kinds {
		if kind == rowInteger {
			columns[i] = append([]int64{}, integers[i]...)
		} else {
			columns[i] = append([]string{}, texts[i]...)
		}
	}
	return columns, nil
}
