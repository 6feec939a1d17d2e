// Package contract is the shape of what clients of Bird's API send, as its documentation describes it: which fields there are, which are
// needed, and what they hold. Objects have no other fields.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// Shape says of a value at a path what is wrong with it.
type Shape func(r *report, path string, v any)

// report collects what is wrong.
type report struct{ wrong []parley.FieldError }

const (
	mostWrong = 50
	mostDepth = 40
)

func (r *report) refuse(path, code, format string, args ...any) {
	if len(r.wrong) < mostWrong {
		r.wrong = append(r.wrong, parley.FieldError{Field: path, Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

// Read decodes JSON of a shape into a value.
func Read(text []byte, shape Shape, into any) error {
	if !utf8.Valid(text) {
		return malformed("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return malformed(err.Error())
	}
	if _, err := decoder.Token(); err != io.EOF {
		return malformed("something follows the value")
	}
	if depth(v) > mostDepth {
		return malformed("it is too deep")
	}
	var r report
	shape(&r, "", v)
	if err := parley.InvalidFields(r.wrong); err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return malformed(err.Error())
	}
	return nil
}

func malformed(why string) error {
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the body is no valid JSON: " + why}
}

func depth(v any) int {
	most := 0
	switch t := v.(type) {
	case map[string]any:
		for _, inner := range t {
			most = max(most, depth(inner))
		}
	case []any:
		for _, inner := range t {
			most = max(most, depth(inner))
		}
	default:
		return 0
	}
	return most + 1
}

func at(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fields are what an object has.
type fields map[string]Shape

// object has these fields and no others; those needed are there.
func object(f fields, needed ...string) Shape { return record(f, true, needed) }

// open has these fields and perhaps others.
func open(f fields, needed ...string) Shape { return record(f, false, needed) }

func record(f fields, closed bool, needed []string) Shape {
	return func(r *report, path string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			r.refuse(cmpPath(path), "type", "must be an object")
			return
		}
		for _, name := range needed {
			if _, there := o[name]; !there {
				r.refuse(at(path, name), "required", "is required")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			switch shape, known := f[name]; {
			case known:
				shape(r, at(path, name), o[name])
			case closed:
				r.refuse(at(path, name), "unknown-field", "is no field of this object")
			}
		}
	}
}

func cmpPath(path string) string {
	if path == "" {
		return "body"
	}
	return path
}

// each has values of a shape under any name.
func each(shape Shape) Shape {
	return func(r *report, path string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			r.refuse(path, "type", "must be an object")
			return
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			shape(r, at(path, name), o[name])
		}
	}
}

// list has so many values of a shape; most 0: any number.
func list(least, most int, shape Shape) Shape {
	return func(r *report, path string, v any) {
		l, ok := v.([]any)
		if !ok {
			r.refuse(path, "type", "must be an array")
			return
		}
		if len(l) < least {
			r.refuse(path, "too-few", "must have at least %d", least)
		}
		if most > 0 && len(l) > most {
			r.refuse(path, "too-many", "must have at most %d", most)
			return
		}
		for i, inner := range l {
			shape(r, path+"["+strconv.Itoa(i)+"]", inner)
		}
	}
}

// null is nothing, or a shape.
func null(shape Shape) Shape {
	return func(r *report, path string, v any) {
		if v != nil {
			shape(r, path, v)
		}
	}
}

// text has so many characters; most 0: any number.
func text(least, most int) Shape {
	return func(r *report, path string, v any) {
		s, ok := v.(string)
		switch {
		case !ok:
			r.refuse(path, "type", "must be a string")
		case strings.IndexByte(s, 0) >= 0:
			r.refuse(path, "text-invalid", "must not have the character U+0000")
		case utf8.RuneCountInString(s) < least:
			r.refuse(path, "required", "must have at least %d characters", least)
		case most > 0 && utf8.RuneCountInString(s) > most:
			r.refuse(path, "too-long", "must have at most %d characters", most)
		}
	}
}

// like is text that a pattern matches.
func like(shape Shape, pattern *regexp.Regexp, what string) Shape {
	return func(r *report, path string, v any) {
		before := len(r.wrong)
		shape(r, path, v)
		if s, ok := v.(string); ok && len(r.wrong) == before && !pattern.MatchString(s) {
			r.refuse(path, "pattern", "must be %s", what)
		}
	}
}

func word(values ...string) Shape {
	return func(r *report, path string, v any) {
		if s, ok := v.(string); !ok || !slices.Contains(values, s) {
			r.refuse(path, "value-unknown", "must be one of %s", strings.Join(values, ", "))
		}
	}
}

func boolean(r *report, path string, v any) {
	if _, ok := v.(bool); !ok {
		r.refuse(path, "type", "must be true or false")
	}
}

func whole(least, most int64) Shape {
	return func(r *report, path string, v any) {
		n, ok := v.(json.Number)
		i, err := n.Int64()
		switch {
		case !ok || err != nil:
			r.refuse(path, "type", "must be a whole number")
		case i < least || i > most:
			r.refuse(path, "out-of-range", "must be %d to %d", least, most)
		}
	}
}

func number(least, most float64) Shape {
	return func(r *report, path string, v any) {
		n, ok := v.(json.Number)
		f, err := n.Float64()
		switch {
		case !ok || err != nil:
			r.refuse(path, "type", "must be a number")
		case f < least || f > most:
			r.refuse(path, "out-of-range", "must be %v to %v", least, most)
		}
	}
}

// address is a URI with a scheme.
func address(r *report, path string, v any) {
	s, ok := v.(string)
	u, err := url.Parse(s)
	if !ok || err != nil || u.Scheme == "" || len(s) > 2048 {
		r.refuse(path, "url-invalid", "must be a URL of at most 2048 characters")
	}
}

func moment(r *report, path string, v any) {
	s, ok := v.(string)
	if _, err := time.Parse(time.RFC3339, s); !ok || err != nil {
		r.refuse(path, "time-invalid", "must be a time such as 2026-01-31T10:00:00Z")
	}
}

func anything(*report, string, any) {}

// tagged is an object {"type": T, T: {…}}.
func tagged(kinds map[string]Shape) Shape {
	return func(r *report, path string, v any) {
		o, ok := v.(map[string]any)
		if !ok {
			r.refuse(path, "type", "must be an object")
			return
		}
		kind, _ := o["type"].(string)
		shape, known := kinds[kind]
		if !known {
			r.refuse(at(path, "type"), "value-unknown", "must be one of %s", strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
			return
		}
		shape(r, path, v)
	}
}

// pay is the shape {"type": T, T: {…}} of one kind.
func pay(kind string, shape Shape) Shape {
	return object(fields{"type": word(kind), kind: shape}, "type", kind)
}
