package kustomer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// rule checks the value of a field.
type rule func(c *parley.Check, at string, v any)

// nullable allows null besides.
func nullable(r rule) rule {
	return func(c *parley.Check, at string, v any) {
		if v != nil {
			r(c, at, v)
		}
	}
}

// text is a string of some length; most 0: of any.
func text(least, most int) rule {
	return func(c *parley.Check, at string, v any) {
		s, ok := v.(string)
		switch n := utf8.RuneCountInString(s); {
		case !ok:
			c.Refuse(at, "type", "must be a string")
		case most > 0 && n > most:
			c.Refuse(at, "too-long", "must be at most %d characters", most)
		case n < least:
			c.Refuse(at, "too-short", "must be at least %d characters", least)
		}
	}
}

func oneOf(values ...string) rule {
	return func(c *parley.Check, at string, v any) {
		if s, ok := v.(string); !ok || !slices.Contains(values, s) {
			c.Refuse(at, "value-unknown", "must be one of %s", strings.Join(values, ", "))
		}
	}
}

func boolean(c *parley.Check, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.Refuse(at, "type", "must be true or false")
	}
}

func number(c *parley.Check, at string, v any) { numberOf(c, at, v) }

func numberOf(c *parley.Check, at string, v any) (float64, bool) {
	n, ok := v.(json.Number)
	f, err := n.Float64()
	if !ok || err != nil || math.IsInf(f, 0) {
		c.Refuse(at, "type", "must be a number")
		return 0, false
	}
	return f, true
}

// between is a number of a range.
func between(least, most float64) rule {
	return func(c *parley.Check, at string, v any) {
		if f, ok := numberOf(c, at, v); ok && (f < least || f > most) {
			c.Refuse(at, "out-of-range", "must be %g to %g", least, most)
		}
	}
}

// oneOfNumbers is one of some numbers.
func oneOfNumbers(values ...float64) rule {
	return func(c *parley.Check, at string, v any) {
		if f, ok := numberOf(c, at, v); ok && !slices.Contains(values, f) {
			c.Refuse(at, "value-unknown", "must be one of %v", values)
		}
	}
}

func objectID(c *parley.Check, at string, v any) {
	s, ok := v.(string)
	if _, valid := parley.IDFromHex(s); !ok || !valid {
		c.Refuse(at, "id-invalid", "must be an id of 24 hexadecimal digits")
	}
}

func dateTime(c *parley.Check, at string, v any) {
	s, ok := v.(string)
	if _, err := time.Parse(time.RFC3339, s); !ok || err != nil {
		c.Refuse(at, "time-invalid", "must be a time, such as 2026-02-03T10:11:12.000Z")
	}
}

// list is of values that are all different.
func list(r rule) rule {
	return func(c *parley.Check, at string, v any) {
		values, ok := v.([]any)
		if !ok {
			c.Refuse(at, "type", "must be a list")
			return
		}
		seen := map[string]bool{}
		for i, one := range values {
			field := fmt.Sprintf("%s[%d]", at, i)
			r(c, field, one)
			key, _ := json.Marshal(one)
			if seen[string(key)] {
				c.Refuse(field, "duplicate", "is there twice")
			}
			seen[string(key)] = true
		}
	}
}

// anyObject is an object of up to 100 members.
func anyObject(c *parley.Check, at string, v any) {
	if o, ok := v.(object); !ok {
		c.Refuse(at, "type", "must be an object")
	} else if len(o) > maxMembers {
		c.Refuse(at, "too-many", "must have at most %d members", maxMembers)
	}
}

const maxMembers = 100

// shape is an object of known members.
type shape struct {
	members  map[string]rule
	required []string
	open     bool // others are allowed
}

func (s *shape) rule(c *parley.Check, at string, v any) {
	o, ok := v.(object)
	if !ok {
		c.Refuse(at, "type", "must be an object")
		return
	}
	s.check(c, at+".", o)
}

// check checks the members of an object, whose names follow a prefix.
func (s *shape) check(c *parley.Check, prefix string, o object) {
	for _, name := range s.required {
		if _, there := o[name]; !there {
			c.Refuse(prefix+name, "required", "is required")
		}
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch r := s.members[name]; {
		case r != nil:
			r(c, prefix+name, o[name])
		case !s.open:
			c.Refuse(cmp.Or(prefix+name, `""`), "unknown", "is not an attribute of this request")
		}
	}
}

// decode reads a JSON object.
func decode(body []byte) (object, error) {
	malformed := func(format string, args ...any) error {
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: fmt.Sprintf(format, args...)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, malformed("the body must be JSON: %s", syntax(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("the body must be one JSON value")
	}
	o, ok := v.(object)
	if !ok {
		return nil, malformed("the body must be an object of attributes")
	}
	switch {
	case !utf8.Valid(body):
		return nil, malformed("the body must be UTF-8")
	case hasZero(v):
		return nil, malformed("no text may have the character U+0000")
	case isDeeper(v, maxDepth):
		return nil, malformed("at most %d objects and lists may be in each other", maxDepth)
	}
	return o, nil
}

// maxDepth is of objects and lists in each other. What is kept of a request must be readable wherever it is put in another one.
const maxDepth = 64

// isDeeper reports whether more objects and lists are in each other than so many.
func isDeeper(v any, most int) bool {
	deeper := func(member any) bool { return isDeeper(member, most-1) }
	switch v := v.(type) {
	case []any:
		return most == 0 || slices.ContainsFunc(v, deeper)
	case object:
		return most == 0 || slices.ContainsFunc(slices.Collect(maps.Values(v)), deeper)
	}
	return false
}

// syntax is what a decoder says, without the names of our types.
func syntax(err error) string {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s, at byte %d", s.Error(), s.Offset)
	}
	return "it ends early"
}

// hasZero reports whether a text in a value has a character that not every database can store.
func hasZero(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.IndexByte(v, 0) >= 0
	case []any:
		return slices.ContainsFunc(v, hasZero)
	case object:
		for name, member := range v {
			if hasZero(name) || hasZero(member) {
				return true
			}
		}
	}
	return false
}
