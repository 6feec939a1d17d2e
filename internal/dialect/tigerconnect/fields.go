package tigerconnect

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/parley"
)

// given reports whether a field has a value, and which.
func (f fields) given(name string) (json.RawMessage, bool) {
	value, ok := f[name]
	return value, ok && string(bytes.TrimSpace(value)) != "null"
}

// text reads a text. A number is one too.
func (f fields) text(name string) (string, error) {
	value, ok := f.given(name)
	if !ok {
		return "", nil
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text, nil
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		return number.String(), nil
	}
	return "", parley.Invalid(name, "type-invalid", "must be a string")
}

// flag reads a truth value, which a form writes as a word.
func (f fields) flag(name string) (bool, error) {
	value, ok := f.given(name)
	if !ok {
		return false, nil
	}
	switch strings.Trim(string(bytes.TrimSpace(value)), `"`) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, parley.Invalid(name, "type-invalid", "must be true or false")
}

// whole reads an integer.
func (f fields) whole(name string) (n int64, given bool, err error) {
	value, ok := f.given(name)
	if !ok {
		return 0, false, nil
	}
	text := strings.Trim(string(bytes.TrimSpace(value)), `"`)
	if text == "" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, parley.Invalid(name, "type-invalid", "must be an integer")
	}
	return n, true, nil
}

// inner is a field that has JSON, which a form has as a text.
func (f fields) inner(name string) (json.RawMessage, bool) {
	value, ok := f.given(name)
	if !ok {
		return nil, false
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return value, true
	}
	if strings.TrimSpace(text) == "" {
		return nil, false
	}
	return json.RawMessage(text), true
}

// list reads ids or addresses: one, several with commas between them, or an array.
func (f fields) list(name string) ([]string, error) {
	value, ok := f.given(name)
	if !ok {
		return nil, nil
	}
	var text string
	if json.Unmarshal(value, &text) == nil {
		if !strings.HasPrefix(strings.TrimSpace(text), "[") {
			return split(text), nil
		}
		value = json.RawMessage(text)
	}
	var list []string
	if json.Unmarshal(value, &list) != nil {
		return nil, parley.Invalid(name, "type-invalid", "must be a string, or an array of strings")
	}
	for i, one := range list {
		list[i] = strings.TrimSpace(one)
	}
	return list, nil
}

func split(text string) (list []string) {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}

// texts reads a flat object of strings.
func (f fields) texts(name string) (map[string]string, error) {
	value, ok := f.inner(name)
	if !ok {
		return nil, nil
	}
	var values map[string]string
	if json.Unmarshal(value, &values) != nil {
		return nil, parley.Invalid(name, "type-invalid", "must be an object whose values are strings")
	}
	return values, nil
}
