package contract_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/contract"
)

// What is sent has no members but those described; what is answered may get more.
func TestAnswersAreOpen(t *testing.T) {
	c := contract.New(huma.Info{Title: "test", Version: "1"})
	c.Add(contract.Operation{Method: http.MethodPost, Path: "/v1/contacts/{id}", ID: "change", Tag: "contacts", Matched: true, Keyed: true, Scope: "contacts:write",
		Body: reflect.TypeFor[api.ContactRequest](), Answer: reflect.TypeFor[api.Contact]()})
	var document struct {
		Components struct {
			Schemas map[string]struct {
				AdditionalProperties any
				Properties           map[string]struct{ Type any }
			}
		}
		Tags []struct{ Name string }
	}
	if err := json.Unmarshal(c.Document(), &document); err != nil {
		t.Fatal(err)
	}
	for name, closed := range map[string]bool{"ContactRequest": true, "Address": true, "Contact": false} {
		if s := document.Components.Schemas[name]; (s.AdditionalProperties == false) != closed {
			t.Errorf("%s: further members: %v", name, s.AdditionalProperties)
		}
	}
	if kind := document.Components.Schemas["Contact"].Properties["tags"].Type; kind != "array" {
		t.Errorf("tags are %v", kind)
	}
	if len(document.Tags) != 1 || document.Tags[0].Name != "contacts" {
		t.Errorf("tags: %v", document.Tags)
	}
}

// A schema that says more than is checked is not taken.
func TestUncheckedSchemas(t *testing.T) {
	for name, body := range map[string]reflect.Type{
		"pattern of a format": reflect.TypeFor[struct {
			A string `json:"a" format:"hostname"`
		}](),
		"multiple": reflect.TypeFor[struct {
			A int `json:"a" multipleOf:"5"`
		}](),
		"default": reflect.TypeFor[struct {
			A int `json:"a" default:"5"`
		}](),
		"unique": reflect.TypeFor[struct {
			A []string `json:"a" uniqueItems:"true"`
		}](),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			c := contract.New(huma.Info{})
			c.Add(contract.Operation{Method: http.MethodPost, Path: "/x", ID: "x", Tag: "x", Body: body})
			c.Document()
		}()
	}
}

type filter struct {
	api.Page
	Types []string  `query:"type" maxItems:"2"`
	Kind  string    `query:"kind" enum:"a,b"`
	Name  string    `query:"name" maxLength:"5"`
	Since time.Time `query:"since"`
}

func queryRoute() *contract.Route {
	return contract.New(huma.Info{}).Add(contract.Operation{Method: http.MethodGet, Path: "/x", ID: "x", Tag: "x", Query: reflect.TypeFor[filter]()})
}

func TestQueries(t *testing.T) {
	route := queryRoute()
	var got filter
	err := route.ReadQuery("limit=7&after=x%2By&type=a,b&kind=b&name=%C3%A9t%C3%A9&since=2031-05-17T09:30:00%2B02:00", &got)
	at := time.Date(2031, 5, 17, 7, 30, 0, 0, time.UTC)
	if err != nil || got.Limit != 7 || got.After != "x+y" || !slices.Equal(got.Types, []string{"a", "b"}) || got.Kind != "b" || got.Name != "été" || !got.Since.Equal(at) {
		t.Errorf("%+v, %v", got, err)
	}
	for raw, want := range map[string][2]string{
		"limit=0": {"out-of-range", "limit"}, "limit=201": {"out-of-range", "limit"}, "limit=x": {"type", "limit"}, "limit=1&limit=2": {"duplicate", "limit"},
		"type=a&type=b,c": {"too-many", "type"}, "kind=c": {"value-unknown", "kind"}, "name=toolong": {"too-long", "name"}, "name=%00": {"text-invalid", "name"},
		"name=%ff": {"text-invalid", "name"}, "since=now": {"time-invalid", "since"}, "x=1": {"unknown-field", "x"}, "%zz": {"malformed", ""}, "a;b": {"malformed", ""},
	} {
		if code, field := problemOf(t, route.ReadQuery(raw, new(filter))); code != want[0] || field != want[1] {
			t.Errorf("%s: %s of %q, want %v", raw, code, field, want)
		}
	}
	for _, raw := range []string{"", "limit=", "kind=&name=", "type=a&type=b"} {
		if err := route.ReadQuery(raw, new(filter)); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"limit=7&kind=a", "type=a,b&type=c", "since=2031-05-17T09:30:00Z", "name=%00", "&&=;", "limit=9223372036854775808"} {
		f.Add(raw)
	}
	route := queryRoute()
	f.Fuzz(func(t *testing.T, raw string) {
		var got filter
		if err := route.ReadQuery(raw, &got); err != nil {
			if code, _ := problemOf(t, err); code == "" {
				t.Errorf("%q: %v", raw, err)
			}
		} else if got.Limit < 0 || got.Limit > 200 || len(got.Types) > 2 || strings.ContainsRune(got.Name+got.After, 0) {
			t.Errorf("%q: %+v", raw, got)
		}
	})
}
