package contract

import (
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/parley"
)

// parameter is a parameter of a query, and the field it goes to.
type parameter struct {
	name  string
	index []int
	kind  reflect.Type
	rule  *rule
}

// query is how a filter is read from a URL.
type query []parameter

// queryOf finds the fields of a filter that have a query tag, those of embedded structs too, and documents them.
func (rs *rules) queryOf(filter reflect.Type, document func(*huma.Param)) query {
	if filter == nil {
		return nil
	}
	var parameters query
	for _, field := range reflect.VisibleFields(filter) {
		name := field.Tag.Get("query")
		if name == "" {
			continue
		}
		schema := huma.SchemaFromField(rs.registry, field, "")
		neverNull(schema)
		description := schema.Description
		schema.Description = ""
		param := &huma.Param{Name: name, In: "query", Description: description, Schema: schema}
		if schema.Type == huma.TypeArray {
			param.Explode = new(bool)
		}
		document(param)
		parameters = append(parameters, parameter{name: name, index: field.Index, kind: field.Type, rule: rs.of(schema)})
	}
	return parameters
}

// read fills a filter from a raw query. What is empty is left out.
func (q query) read(raw string, into reflect.Value) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the query cannot be read: " + err.Error()}
	}
	var wrong []parley.FieldError
	refuse := func(field, code, message string) {
		wrong = append(wrong, parley.FieldError{Field: field, Code: code, Message: message})
	}
	for _, p := range q {
		given := values[p.name]
		delete(values, p.name)
		if len(given) > 1 && p.kind.Kind() != reflect.Slice {
			refuse(p.name, "duplicate", "must not be there twice")
			continue
		}
		text := strings.Join(given, ",")
		if text == "" {
			continue
		}
		if code, message := p.set(into.FieldByIndex(p.index), text); code != "" {
			refuse(p.name, code, message)
		}
	}
	for name := range values {
		refuse(shortened(name), "unknown-field", "is no parameter; there are: "+q.names())
	}
	slices.SortStableFunc(wrong, func(a, b parley.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return parley.InvalidFields(wrong[:min(len(wrong), maxWrong)])
}

// set checks and sets one parameter, and says what is wrong with it.
func (p parameter) set(field reflect.Value, text string) (code, message string) {
	if !utf8.ValidString(text) {
		return "text-invalid", "must be UTF-8 without the character U+0000"
	}
	switch {
	case p.kind.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return "type", "must be " + p.rule.phrase()
		}
		field.SetInt(int64(n))
		return p.rule.numeral(text)
	case p.kind.Kind() == reflect.String:
		field.SetString(text)
		return p.rule.text([]byte(text))
	case p.kind == reflect.TypeFor[time.Time]():
		code, message = p.rule.text([]byte(text))
		if code == "" {
			_ = field.Addr().Interface().(*time.Time).UnmarshalText([]byte(text)) // checked as such
		}
		return code, message
	}
	return p.setList(field, strings.Split(text, ","))
}

func (p parameter) setList(field reflect.Value, parts []string) (code, message string) {
	if p.rule.maxItems != nil && len(parts) > *p.rule.maxItems {
		return "too-many", "must have at most " + strconv.Itoa(*p.rule.maxItems) + " entries"
	}
	for _, part := range parts {
		if code, message := p.rule.items.text([]byte(part)); code != "" {
			return code, message
		}
	}
	field.Set(reflect.ValueOf(parts))
	return "", ""
}

func (q query) names() string {
	names := make([]string, len(q))
	for i, p := range q {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}
