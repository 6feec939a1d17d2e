package contract

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
)

// rule is a schema made ready for reading values by it.
type rule struct {
	kind     string // of JSON Schema; empty: anything
	nullable bool

	members  map[string]member // of an object
	closed   bool              // it has no other members
	others   *rule             // of an object: what other members are
	required []string          // names, sorted
	items    *rule

	enum             []string
	minimum, maximum *float64
	filled           bool // a text or an array that must not be empty
	maxLength        *int
	maxItems         *int
	maxProperties    *int
	pattern          *regexp.Regexp // of the format cursor
	format           string

	either []*rule // exactly one of these, told apart by their kinds
}

// member is a member of an object, with its place among those that are known.
type member struct {
	*rule
	place    int
	required bool
}

const maxMembers = 64 // that an object's schema names

// rules makes rules of schemas, each once.
type rules struct {
	registry huma.Registry
	made     map[string]*rule // by reference
}

func newRules() *rules {
	return &rules{made: map[string]*rule{}, registry: newRegistry(map[reflect.Type]reflect.Type{
		reflect.TypeFor[api.Body]():        reflect.TypeFor[anyBody](),
		reflect.TypeFor[api.Recipient]():   reflect.TypeFor[anyRecipient](),
		reflect.TypeFor[json.RawMessage](): reflect.TypeFor[anyObject](),
	})}
}

// schema returns the schema of a type.
func (rs *rules) schema(t reflect.Type) *huma.Schema {
	schema := rs.registry.Schema(t, true, "")
	for _, known := range rs.registry.Map() {
		neverNull(known)
	}
	return schema
}

// of returns the rule of a schema. It panics where the schema has what reading does not check: a document must
// not promise more than is kept.
func (rs *rules) of(s *huma.Schema) *rule {
	if s.Ref == "" {
		r := &rule{}
		rs.fill(r, s)
		return r
	}
	if r := rs.made[s.Ref]; r != nil {
		return r
	}
	r := &rule{}
	rs.made[s.Ref] = r
	rs.fill(r, rs.registry.SchemaFromRef(s.Ref))
	return r
}

func (rs *rules) fill(r *rule, s *huma.Schema) {
	if s.ExclusiveMinimum != nil || s.ExclusiveMaximum != nil || s.MultipleOf != nil || s.UniqueItems || s.Const != nil || s.MinProperties != nil ||
		s.AnyOf != nil || s.AllOf != nil || s.Not != nil || len(s.DependentRequired) > 0 || s.Default != nil {
		panic(fmt.Sprintf("contract: a schema says more than is checked: %+v", s))
	}
	*r = rule{kind: s.Type, nullable: s.Nullable, minimum: s.Minimum, maximum: s.Maximum, maxLength: s.MaxLength, maxItems: s.MaxItems,
		maxProperties: s.MaxProperties, filled: s.MinLength != nil && *s.MinLength > 0 || s.MinItems != nil && *s.MinItems > 0}
	for _, value := range s.Enum {
		r.enum = append(r.enum, value.(string))
	}
	if (s.Pattern != "") != (s.Format == "cursor") || s.MinLength != nil && *s.MinLength > 1 || s.MinItems != nil && *s.MinItems > 1 {
		panic(fmt.Sprintf("contract: there is no code for what a schema refuses: %+v", s))
	}
	if s.Pattern != "" {
		r.pattern = regexp.MustCompile(s.Pattern)
	}
	switch s.Format {
	case "", "int32", "int64", "double", "binary":
	case "date-time", "email", "cursor":
		r.format = s.Format
	default:
		panic("contract: the format " + s.Format + " is not checked")
	}
	if s.Items != nil {
		r.items = rs.of(s.Items)
	}
	rs.fillMembers(r, s)
	for _, branch := range s.OneOf {
		made := new(*rs.of(branch))
		if made.kind == huma.TypeArray {
			made.maxItems = s.MaxItems
		}
		if slices.ContainsFunc(r.either, func(other *rule) bool { return other.kind == made.kind }) {
			panic("contract: two branches of one kind cannot be told apart")
		}
		r.either = append(r.either, made)
	}
}

func (rs *rules) fillMembers(r *rule, s *huma.Schema) {
	switch others := s.AdditionalProperties.(type) {
	case bool:
		r.closed = !others
	case *huma.Schema:
		r.others = rs.of(others)
	}
	if len(s.Properties) == 0 {
		return
	}
	if len(s.Properties) > maxMembers {
		panic("contract: an object has too many members")
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	r.members = make(map[string]member, len(names))
	for place, name := range names {
		r.members[name] = member{rs.of(s.Properties[name]), place, slices.Contains(s.Required, name)}
	}
	r.required = slices.Sorted(slices.Values(s.Required))
}

// phrase says what a value must be.
func (r *rule) phrase() string {
	if r.either != nil {
		phrases := make([]string, len(r.either))
		for i, branch := range r.either {
			phrases[i] = branch.phrase()
		}
		return strings.Join(phrases, " or ")
	}
	switch r.kind {
	case huma.TypeObject:
		return "an object"
	case huma.TypeArray:
		return "an array"
	case huma.TypeString:
		return "a string"
	case huma.TypeInteger:
		return "a whole number"
	case huma.TypeNumber:
		return "a number"
	case huma.TypeBoolean:
		return "true or false"
	}
	return "a value"
}

// accepts reports whether a value that begins with this kind of Reader is one for the rule.
func (r *rule) accepts(kind byte) bool {
	switch r.kind {
	case huma.TypeObject:
		return kind == '{'
	case huma.TypeArray:
		return kind == '['
	case huma.TypeString:
		return kind == '"'
	case huma.TypeInteger, huma.TypeNumber:
		return kind == '0'
	case huma.TypeBoolean:
		return kind == 't' || kind == 'f'
	}
	return true
}

// newRegistry returns a registry of schemas in which alias stands for t.
func newRegistry(aliases map[reflect.Type]reflect.Type) huma.Registry {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for t, alias := range aliases {
		registry.RegisterTypeAlias(t, alias)
	}
	return registry
}

// neverNull takes back that arrays may be null, which the API neither sends nor means.
func neverNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	neverNull(s.Items)
	for _, property := range s.Properties {
		neverNull(property)
	}
	for _, branch := range s.OneOf {
		neverNull(branch)
	}
	if others, ok := s.AdditionalProperties.(*huma.Schema); ok {
		neverNull(others)
	}
}
