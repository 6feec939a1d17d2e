package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// problemOf returns the code of an error and the first field it names.
func problemOf(t testing.TB, err error) (code, field string) {
	t.Helper()
	e, ok := errors.AsType[*parley.Error](err)
	if !ok {
		return "", ""
	}
	if len(e.Fields) > 0 {
		field = e.Fields[0].Field
	}
	return e.Code, field
}

func hasInvalidUTF8(text string) bool { return !utf8.ValidString(text) }

func validUTF8(text []byte) bool { return utf8.Valid(text) }

// deep reports whether a text may have more levels than are read.
func deep(text []byte) bool {
	return bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > 64
}

func benchBody() []byte {
	body, _ := json.Marshal(map[string]any{"to": map[string]string{"contact": "d0l3kq0s7k0c5vsr9ehg"}, "body": strings.Repeat("ten bytes ", 20), "reference": "bench-123456"})
	return body
}
