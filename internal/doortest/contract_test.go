package doortest

import (
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// try is the contract of a test, with one schema.
func try(t *testing.T, schema string, body string) []string {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	compiler.AssertFormat()
	if err := compiler.AddResource("s.json", nullable(v)); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	wrong, _ := compiled.Validate(value).(*jsonschema.ValidationError)
	return (&Contract{name: "spruce/openapi.json"}).left(wrong)
}

func TestContractsFindWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, schema, body, want string }{
		{"what fits", `{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}`, `{"a":"x"}`, ""},
		{"a missing member", `{"type":"object","required":["a","b"]}`, `{"a":1}`, "/b is missing"},
		{"a member too many", `{"type":"object","properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"b":2}`, "/b is not declared"},
		{"null", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{"a":null}`, "/a: got null, want string"},
		{"null that is allowed", `{"type":"object","properties":{"a":{"type":"string","nullable":true}}}`, `{"a":null}`, ""},
		{"a member of a list", `{"type":"array","items":{"type":"integer"}}`, `[1,"x"]`, "/1: got string, want integer"},
		{"a time", `{"type":"string","format":"date-time"}`, `"yesterday"`, "/: 'yesterday' is not valid date-time"},
		{"one of several", `{"oneOf":[{"type":"string"},{"type":"number"}]}`, `1`, ""},
		{"none of several", `{"oneOf":[{"type":"string"},{"type":"number"}]}`, `true`, "/: got boolean, want string, /: got boolean, want number"},
		{"several of several", `{"oneOf":[{"type":"integer"},{"type":"number"}]}`, `1`, ""},
		{"what is excepted", `{"type":"object","required":["customFields"]}`, `{}`, ""},
		{"what is excepted in a choice", `{"anyOf":[{"type":"string"},{"type":"object","required":["customFields"]}]}`, `{}`, ""},
	} {
		got := strings.Join(try(t, c.schema, c.body), ", ")
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

func TestExceptionsHaveReasons(t *testing.T) {
	for _, e := range Exceptions {
		if e.Reason == "" || e.Path == "" || e.Path == "**" {
			t.Errorf("%+v", e)
		}
	}
}

// TestParametersAreThoseOfTheContracts: the calls name what the vendors' descriptions have.
func TestParametersAreThoseOfTheContracts(t *testing.T) {
	for _, c := range []struct {
		file string
		call int
		path []string
	}{
		{"kustomer/openapi-core.json", 1, []string{"paths", "/conversations/{id}/messages", "post", "requestBody", "content", "application/json", "schema", "properties"}},
		{"spruce/openapi.json", 2, []string{"components", "schemas", "conversation_messagePost", "properties"}},
	} {
		contract := Open(t, c.file)
		if contract == nil {
			continue
		}
		declared, _ := contract.Find(c.path...).(map[string]any)
		if len(declared) == 0 {
			t.Errorf("%s has no properties of the call", c.file)
		}
		for name := range declared {
			if !slices.Contains(Calls[c.call].Parameters, name) {
				t.Errorf("%s is not among the parameters of %s", name, Calls[c.call].Name)
			}
		}
	}
}
