package bird_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// valid checks an answer against a schema of the vendor's contract.
func valid(t testing.TB, name string, text []byte) {
	t.Helper()
	schemas := specification(t)
	if schemas == nil {
		return
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if wrong := (validator{schemas}).check(schemas[name].(map[string]any), name, v); len(wrong) > 0 {
		t.Errorf("%s\nis no %s: %s", text, name, strings.Join(wrong, "; "))
	}
}

// validator is as much of JSON Schema as the contract uses.
type validator struct{ schemas map[string]any }

func (c validator) check(s map[string]any, path string, v any) (wrong []string) {
	if ref, ok := s["$ref"].(string); ok {
		return c.check(c.schemas[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any), path, v)
	}
	if v == nil {
		if s["nullable"] == true || s["type"] == nil {
			return nil
		}
		return []string{path + " is null"}
	}
	for _, all := range list(s["allOf"]) {
		wrong = append(wrong, c.check(all, path, v)...)
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		if some := list(s[name]); len(some) > 0 {
			var reasons []string
			fits := 0
			for _, one := range some {
				if w := c.check(one, path, v); len(w) == 0 {
					fits++
				} else {
					reasons = append(reasons, w...)
				}
			}
			if fits == 0 {
				wrong = append(wrong, fmt.Sprintf("%s fits none of %s (%s)", path, name, strings.Join(reasons, ", ")))
			}
		}
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v", path, v))
	}
	switch t, _ := s["type"].(string); t {
	case "object":
		wrong = append(wrong, c.object(s, path, v)...)
	case "array":
		l, ok := v.([]any)
		if !ok {
			return append(wrong, path+" is no array")
		}
		if most, ok := s["maxItems"].(float64); ok && len(l) > int(most) {
			wrong = append(wrong, path+" is too long")
		}
		for i := range l {
			if items, ok := s["items"].(map[string]any); ok {
				wrong = append(wrong, c.check(items, fmt.Sprintf("%s[%d]", path, i), l[i])...)
			}
		}
	case "string":
		wrong = append(wrong, text(s, path, v)...)
	case "boolean":
		if _, ok := v.(bool); !ok {
			wrong = append(wrong, path+" is no boolean")
		}
	case "integer", "number":
		if _, ok := v.(float64); !ok {
			wrong = append(wrong, path+" is no number")
		}
	}
	return wrong
}

func list(v any) (out []map[string]any) {
	l, _ := v.([]any)
	for _, one := range l {
		out = append(out, one.(map[string]any))
	}
	return out
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func text(s map[string]any, path string, v any) (wrong []string) {
	value, ok := v.(string)
	if !ok {
		return []string{path + " is no string"}
	}
	switch s["format"] {
	case "uuid":
		if !uuidPattern.MatchString(value) {
			wrong = append(wrong, path+" is no UUID: "+value)
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			wrong = append(wrong, path+" is no time: "+value)
		}
	}
	if least, ok := s["minLength"].(float64); ok && len(value) < int(least) {
		wrong = append(wrong, path+" is too short")
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(value) {
		wrong = append(wrong, path+" does not match "+pattern)
	}
	return wrong
}

func (c validator) object(s map[string]any, path string, v any) (wrong []string) {
	o, ok := v.(map[string]any)
	if !ok {
		return []string{path + " is no object"}
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := o[name.(string)]; !there {
			wrong = append(wrong, path+" lacks "+name.(string))
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, inner := range o {
		switch p, known := properties[name].(map[string]any); {
		case known:
			wrong = append(wrong, c.check(p, path+"."+name, inner)...)
		case s["additionalProperties"] == false:
			wrong = append(wrong, path+" has "+name)
		default:
			if more, ok := s["additionalProperties"].(map[string]any); ok {
				wrong = append(wrong, c.check(more, path+"."+name, inner)...)
			}
		}
	}
	return wrong
}
