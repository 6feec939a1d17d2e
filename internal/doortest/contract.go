// Package doortest is what the tests of the doors of other APIs share: the vendors' contracts, by which answers are checked, and
// the statements that docs/calls.md is made of. Only tests may import it.
package doortest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is a vendor's description of its API. A nil one allows everything.
type Contract struct {
	name     string // such as spruce/openapi.json
	root     map[string]any
	compiler *jsonschema.Compiler
}

// Open reads a contract. Where the descriptions are not beside the repository, nor where PARLEY_SPECS says, it says so and
// answers nil.
func Open(t testing.TB, name string) *Contract {
	t.Helper()
	text := Specification(t, name)
	if text == nil {
		return nil
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &Contract{name: name, root: nullable(root).(map[string]any), compiler: jsonschema.NewCompiler()}
	c.compiler.DefaultDraft(jsonschema.Draft4) // the dialect that schemas of OpenAPI 3.0 are of
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("contract.json", c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// Specification is the text of a file of the vendors' descriptions; nil where they are absent, which is said.
func Specification(t testing.TB, name string) []byte {
	t.Helper()
	folder := os.Getenv("PARLEY_SPECS")
	if folder == "" {
		_, here, _, _ := runtime.Caller(0)
		folder = filepath.Join(filepath.Dir(here), "..", "..", "..", "shared", "specs")
	}
	text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	if err != nil {
		t.Logf("NOT CHECKED against the vendor's contract: %v", err)
		return nil
	}
	return text
}

// nullable says in the words of JSON Schema what OpenAPI 3.0 says by "nullable", and takes out what only OpenAPI knows.
func nullable(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = nullable(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = nullable(v[name])
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, v}}
		}
	}
	return v
}

// Schema checks a body against one of the contract's schemas.
func (c *Contract) Schema(t testing.TB, name string, body []byte) {
	t.Helper()
	if c != nil {
		c.check(t, name, "/components/schemas/"+escape(name), body)
	}
}

// Answer checks the answer to a request: that the contract declares the status for the operation, and the body. An error that
// it does not declare must be of the schema of errors, if that is named.
func (c *Contract) Answer(t testing.TB, method, path string, status int, body []byte, errors string) {
	t.Helper()
	if c == nil {
		return
	}
	operation := method + " " + path
	at := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(status)}
	if find(c.root, at[:3]) == nil {
		t.Errorf("%s has no %s", c.name, operation)
		return
	}
	answer, _ := find(c.root, at).(map[string]any)
	if ref, ok := answer["$ref"].(string); ok {
		at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	}
	at = append(at, "content", "application/json", "schema")
	switch {
	case find(c.root, at) != nil:
		var pointer strings.Builder
		for _, name := range at {
			pointer.WriteString("/" + escape(name))
		}
		c.check(t, fmt.Sprintf("%s %d", operation, status), pointer.String(), body)
	case answer == nil && status >= 400 && errors != "":
		c.Schema(t, errors, body)
	case answer == nil:
		t.Errorf("%s declares no %d of %s", c.name, status, operation)
	case len(bytes.TrimSpace(body)) > 0:
		t.Errorf("%s declares no body of %s %d; it is %s", c.name, operation, status, body)
	}
}

// Find is what the contract has under names, one in the other; nil: nothing.
func (c *Contract) Find(names ...string) any { return find(c.root, names) }

func find(v any, names []string) any {
	for _, name := range names {
		members, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = members[name]
	}
	return v
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D").Replace(name)
}

func (c *Contract) check(t testing.TB, what, pointer string, body []byte) {
	t.Helper()
	schema, err := c.compiler.Compile("contract.json#" + pointer)
	if err != nil {
		t.Fatalf("%s: %s: %v", c.name, what, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s is no JSON: %s", what, body)
		return
	}
	var wrong *jsonschema.ValidationError
	if err := schema.Validate(value); err != nil {
		wrong = err.(*jsonschema.ValidationError)
	}
	if left := c.left(wrong); len(left) > 0 {
		t.Errorf("%s does not follow %s:\n%s\nin %s", what, c.name, strings.Join(left, "\n"), body)
	}
}
