package spruce_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// contract is the vendor's description of its API.
type contract struct {
	root map[string]any
}

// readContract reads it from beside the repository.
func readContract(t *testing.T) *contract {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "specs", "spruce", "openapi.json")
	if named := os.Getenv("PARLEY_SPECS"); named != "" {
		path = filepath.Join(named, "spruce", "openapi.json")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Logf("SKIPPED: answers are not compared with the contract, which is not at %s", path)
		return nil
	}
	c := &contract{}
	if err := json.Unmarshal(text, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// allows checks an answer to a request against the contract: the status, and the body.
func (c *contract) allows(t *testing.T, method, path string, status int, body []byte) {
	t.Helper()
	if c == nil {
		return
	}
	operation, ok := c.at("paths", path, strings.ToLower(method)).(map[string]any)
	if !ok {
		t.Errorf("the contract has no %s %s", method, path)
		return
	}
	answers := operation["responses"].(map[string]any)
	answer, declared := answers[fmt.Sprint(status)].(map[string]any)
	if !declared && status >= 400 { // such as those of credentials, which it describes in words only
		answer, declared = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/error"}}}}, true
	}
	if !declared {
		t.Errorf("the contract has no answer %d to %s %s", status, method, path)
		return
	}
	schema := answer["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%s %s answered no JSON: %s", method, path, body)
		return
	}
	if wrong := c.check(schema, value, "answer"); wrong != "" {
		t.Errorf("%s %s: %s; it is %s", method, path, wrong, body)
	}
}

func (c *contract) at(path ...string) any {
	var value any = c.root
	for _, name := range path {
		members, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = members[name]
	}
	return value
}

// check says what is wrong with a value; empty: nothing.
func (c *contract) check(schema map[string]any, value any, at string) string {
	if ref, ok := schema["$ref"].(string); ok {
		return c.check(c.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any), value, at)
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if choices, ok := schema[word].([]any); ok {
			wrong := ""
			for _, choice := range choices {
				if wrong = c.check(choice.(map[string]any), value, at); wrong == "" {
					break
				}
			}
			if wrong != "" {
				return wrong
			}
		}
	}
	if all, ok := schema["allOf"].([]any); ok {
		for _, one := range all {
			if wrong := c.check(one.(map[string]any), value, at); wrong != "" {
				return wrong
			}
		}
	}
	if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, value) {
		return fmt.Sprintf("%s is %v, not one of %v", at, value, allowed)
	}
	switch schema["type"] {
	case "object":
		return c.object(schema, value, at)
	case "array":
		list, ok := value.([]any)
		if !ok {
			return fmt.Sprintf("%s is %v, no array", at, value)
		}
		for i, element := range list {
			if wrong := c.check(schema["items"].(map[string]any), element, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
	case "string":
		text, ok := value.(string)
		if !ok {
			return fmt.Sprintf("%s is %v, no string", at, value)
		}
		if _, err := time.Parse(time.RFC3339, text); schema["format"] == "date-time" && (err != nil || !strings.HasSuffix(text, "Z")) {
			return fmt.Sprintf("%s is %s, no time", at, text)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Sprintf("%s is %v, no boolean", at, value)
		}
	case "integer", "number":
		if _, ok := value.(float64); !ok {
			return fmt.Sprintf("%s is %v, no number", at, value)
		}
	}
	return ""
}

func (c *contract) object(schema map[string]any, value any, at string) string {
	members, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s is %v, no object", at, value)
	}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range required {
		if _, there := members[name.(string)]; !there && properties[name.(string)] != nil {
			return fmt.Sprintf("%s has no %s", at, name)
		}
	}
	for name, member := range members {
		of, known := properties[name].(map[string]any)
		if !known {
			if properties != nil {
				return fmt.Sprintf("%s has %s, which the contract does not know", at, name)
			}
			continue
		}
		if wrong := c.check(of, member, at+"."+name); wrong != "" {
			return wrong
		}
	}
	return ""
}
