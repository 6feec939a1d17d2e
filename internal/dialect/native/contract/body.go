package contract

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-server/parley/internal/parley"
)

// maxWrong is how many wrong fields an answer names.
const maxWrong = 20

const maxStep = 100 // bytes of a name that an answer repeats

// validation checks a JSON text against a rule while reading it.
type validation struct {
	*Reader
	path  []byte
	wrong []parley.FieldError
}

// check returns what is wrong with a body: KindInvalid of code malformed, or with its fields named.
func (r *rule) check(body []byte) error {
	if !utf8.Valid(body) {
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the body is no valid UTF-8"}
	}
	v := &validation{Reader: NewReader(body)}
	if err := v.value(r); err != nil {
		return err
	}
	if err := v.End(); err != nil {
		return err
	}
	return parley.InvalidFields(v.wrong)
}

// Decode checks a body by the operation's schema and fills into.
func (r *rule) decode(body []byte, into any) error {
	if err := r.check(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the body does not fit: " + err.Error()}
	}
	return nil
}

func (v *validation) refuse(code, message string) {
	if len(v.wrong) < maxWrong {
		field := string(v.path)
		if field == "" {
			field = "body"
		}
		v.wrong = append(v.wrong, parley.FieldError{Field: field, Code: code, Message: message})
	}
}

// value checks the next value. The error is of the text itself.
func (v *validation) value(r *rule) error {
	kind := v.Kind()
	if kind == 'n' && r.nullable {
		return v.Skip()
	}
	if r.either != nil {
		for _, branch := range r.either {
			if branch.accepts(kind) {
				return v.value(branch)
			}
		}
		v.refuse("type", "must be "+r.phrase())
		return v.Skip()
	}
	if !r.accepts(kind) {
		v.refuse("type", "must be "+r.phrase())
		return v.Skip()
	}
	switch {
	case r.kind == "":
		return v.free()
	case kind == '{':
		return v.object(r)
	case kind == '[':
		return v.array(r)
	case kind == '"':
		return v.string(r)
	case kind == '0':
		return v.number(r)
	}
	return v.Skip()
}

// at checks a value that has a name or an index of its own.
func (v *validation) at(step string, index int, r *rule) error {
	length := len(v.path)
	v.step(step, index)
	err := v.value(r)
	v.path = v.path[:length]
	return err
}

func (v *validation) step(name string, index int) {
	if index >= 0 {
		v.path = append(strconv.AppendInt(append(v.path, '['), int64(index), 10), ']')
		return
	}
	if len(v.path) > 0 {
		v.path = append(v.path, '.')
	}
	v.path = append(v.path, shortened(name)...)
}

func shortened(name string) string {
	if len(name) <= maxStep {
		return name
	}
	return strings.ToValidUTF8(name[:maxStep], "") + "…"
}

// refuseAt refuses something of a name within the present value.
func (v *validation) refuseAt(name, code, message string) {
	length := len(v.path)
	v.step(name, -1)
	v.refuse(code, message)
	v.path = v.path[:length]
}

func (v *validation) object(r *rule) error {
	var seen [maxMembers]bool
	var others map[string]bool
	count := 0
	err := v.Object(func(raw []byte) error {
		count++
		name := string(raw)
		known, ok := r.members[name]
		if !ok {
			if others[name] {
				v.refuseAt(name, "duplicate", "must not be there twice")
			}
			if others == nil {
				others = map[string]bool{}
			}
			others[name] = true
			return v.other(r, name)
		}
		if seen[known.place] {
			v.refuseAt(name, "duplicate", "must not be there twice")
		}
		seen[known.place] = true
		if v.Kind() == 'n' && !known.required {
			return v.Skip() // as if it were left out
		}
		return v.at(name, -1, known.rule)
	})
	if err != nil {
		return err
	}
	for _, name := range r.required {
		if !seen[r.members[name].place] {
			v.refuseAt(name, "required", "must be there")
		}
	}
	if r.maxProperties != nil && count > *r.maxProperties {
		v.refuse("too-many", "must have at most "+strconv.Itoa(*r.maxProperties)+" entries")
	}
	return nil
}

// other checks a member that the schema does not name.
func (v *validation) other(r *rule, name string) error {
	switch {
	case strings.IndexByte(name, 0) >= 0:
		v.refuse("text-invalid", "must not have the character U+0000 in a name")
		return v.Skip()
	case r.others != nil:
		return v.at(name, -1, r.others)
	case r.closed:
		v.refuseAt(name, "unknown-field", "is no field; there are: "+r.names())
		return v.Skip()
	}
	return v.at(name, -1, anything)
}

// anything is the rule of values whose meaning only their receiver knows.
var anything = &rule{}

func (r *rule) names() string {
	names := make([]string, len(r.members))
	for name, m := range r.members {
		names[m.place] = name
	}
	return strings.Join(names, ", ")
}

func (v *validation) array(r *rule) error {
	count := 0
	err := v.Array(func(i int) error {
		count++
		if r.items == nil {
			return v.free()
		}
		return v.at("", i, r.items)
	})
	if err != nil {
		return err
	}
	if r.filled && count == 0 {
		v.refuse("required", "must have at least one entry")
	}
	if r.maxItems != nil && count > *r.maxItems {
		v.refuse("too-many", "must have at most "+strconv.Itoa(*r.maxItems)+" entries")
	}
	return nil
}

// free reads a value of any kind, whose texts are still checked.
func (v *validation) free() error {
	switch v.Kind() {
	case '{':
		return v.Object(func(name []byte) error { return v.other(anything, string(name)) })
	case '[':
		return v.Array(func(i int) error { return v.at("", i, anything) })
	case '"':
		return v.string(anything)
	}
	return v.Skip()
}

func (v *validation) string(r *rule) error {
	raw, err := v.String()
	if err != nil {
		return err
	}
	if code, message := r.text(raw); code != "" {
		v.refuse(code, message)
	}
	return nil
}

// text says what is wrong with a string; an empty code: nothing.
func (r *rule) text(raw []byte) (code, message string) {
	if slices.Contains(raw, 0) {
		return "text-invalid", "must be UTF-8 without the character U+0000"
	}
	if r.filled && len(raw) == 0 {
		return "required", "must not be empty"
	}
	if r.maxLength != nil && len(raw) > *r.maxLength && utf8.RuneCount(raw) > *r.maxLength {
		return "too-long", "must have at most " + strconv.Itoa(*r.maxLength) + " characters"
	}
	if r.enum != nil && !slices.Contains(r.enum, string(raw)) {
		return "value-unknown", "must be one of " + strings.Join(r.enum, ", ")
	}
	switch r.format {
	case "cursor":
		if !r.pattern.Match(raw) {
			return "cursor-invalid", "must match " + r.pattern.String()
		}
	case "date-time":
		var t time.Time
		if t.UnmarshalText(raw) != nil {
			return "time-invalid", "must be a time in RFC 3339 form, such as 2031-05-17T09:30:00.000Z"
		}
	case "email":
		if a, err := mail.ParseAddress(string(raw)); err != nil || a.Name != "" || a.Address != string(raw) {
			return "email-invalid", "must be an e-mail address, such as ana@example.org"
		}
	}
	return "", ""
}

func (v *validation) number(r *rule) error {
	raw, err := v.Number()
	if err != nil {
		return err
	}
	if code, message := r.numeral(string(raw)); code != "" {
		v.refuse(code, message)
	}
	return nil
}

// numeral says what is wrong with a number; an empty code: nothing.
func (r *rule) numeral(text string) (code, message string) {
	if r.kind == "integer" {
		if strings.ContainsAny(text, ".eE") {
			return "type", "must be " + r.phrase()
		}
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return "out-of-range", r.span()
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || r.minimum != nil && n < *r.minimum || r.maximum != nil && n > *r.maximum {
		return "out-of-range", r.span()
	}
	return "", ""
}

func (r *rule) span() string {
	switch format := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }; {
	case r.minimum != nil && r.maximum != nil:
		return "must be " + format(*r.minimum) + " to " + format(*r.maximum)
	case r.minimum != nil:
		return "must be at least " + format(*r.minimum)
	case r.maximum != nil:
		return "must be at most " + format(*r.maximum)
	}
	return "must be a number of 64 bits"
}
