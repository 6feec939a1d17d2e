package contract

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/internal/parley"
)

// Operation is one thing that the API does.
type Operation struct {
	Method, Path string
	ID           string // of the operation, in the document
	Tag          string // what it is listed under
	Summary      string
	Details      string
	Scope        parley.Scope // that a key needs; empty: no key is needed
	Status       int          // of the answer, 0: 200, or 204 without one
	Keyed        bool         // it takes an Idempotency-Key
	Matched      bool         // it takes an If-Match
	Acts         []parley.Act // that it writes into the audit log
	Form         bool         // its body is a form, which Document describes

	Query  reflect.Type // a struct with query tags; nil: no parameters
	Body   reflect.Type // nil: none
	Answer reflect.Type // nil: none
	// Bodiless lets the body be left out, which is as if it were {}.
	Bodiless bool
	// Document, where set, changes what the document says of the operation.
	Document func(*huma.Operation, huma.Registry)
}

// Contract is all operations. What reads a request is made when there is the first of its kind, and the document when somebody
// asks for it: most operations are never used between a start and the next, and their schemas are large.
type Contract struct {
	info       huma.Info
	operations []*Route
	document   func() []byte
	refusal    func(status int) *huma.Response // while the document is made

	mu    sync.Mutex
	rules *rules
}

// New returns a contract without operations.
func New(info huma.Info) *Contract {
	c := &Contract{info: info, rules: newRules()}
	c.document = sync.OnceValue(c.describe)
	return c
}

// Document is the OpenAPI document of the operations added until it is first asked for. It panics where an operation or its types
// promise what is not kept.
func (c *Contract) Document() []byte { return c.document() }

// Refusal is the answer of a problem, described once for all operations. It is for Operation.Document.
func (c *Contract) Refusal(status int) *huma.Response { return c.refusal(status) }

// Route is an operation made ready for reading its requests.
type Route struct {
	Operation
	Parameters []string // of the path
	query      func() query
	body       func() *rule
	answer     func() *rule
}

var pathParameter = regexp.MustCompile(`{(\w+)}`)

// Add adds an operation.
func (c *Contract) Add(o Operation) *Route {
	if o.Status == 0 {
		o.Status = http.StatusOK
		if o.Answer == nil {
			o.Status = http.StatusNoContent
		}
	}
	route := &Route{Operation: o, body: c.reads(o.Body), answer: c.reads(o.Answer)}
	for _, found := range pathParameter.FindAllStringSubmatch(o.Path, -1) {
		route.Parameters = append(route.Parameters, found[1])
	}
	route.query = sync.OnceValue(func() query {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.rules.queryOf(o.Query, func(*huma.Param) {})
	})
	c.operations = append(c.operations, route)
	return route
}

// reads makes the rule of a type when it is first asked for.
func (c *Contract) reads(t reflect.Type) func() *rule {
	return sync.OnceValue(func() *rule {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.rules.of(c.rules.schema(t))
	})
}

// RevOf finds the field of an answer that is its revision.
func RevOf(answer reflect.Type) (reflect.StructField, bool) {
	if answer.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	field, found := answer.FieldByName("Rev")
	return field, found && field.Type.Kind() == reflect.Int64
}

// ReadQuery fills a filter, to which into points, from a raw query.
func (r *Route) ReadQuery(raw string, into any) error {
	if raw == "" {
		return nil
	}
	value := reflect.ValueOf(into)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	return r.query().read(raw, value)
}

// ReadBody checks a body by its schema and fills into, which is a pointer to the body's type.
func (r *Route) ReadBody(body []byte, into any) error {
	if len(body) == 0 {
		if r.Bodiless {
			return nil
		}
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "a body is required"}
	}
	return r.body().decode(body, into)
}

// ReadEach reads a body that has a list and nothing else, of which each entry is checked by itself: each is told of an entry
// as it was sent and of what is wrong with it. The error is that of the body as a whole.
func (r *Route) ReadEach(body []byte, list string, each func(raw []byte, err error)) error {
	rule := r.body().members[list].rule
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return r.body().check(body) // says where
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(whole[list], &entries); err != nil || len(whole) != 1 || len(entries) == 0 || len(entries) > *rule.maxItems {
		if err := r.body().check(body); err != nil {
			return err
		}
		return parley.Invalid(list, "type", "must be a list of 1 to %d", *rule.maxItems)
	}
	for _, entry := range entries {
		each(entry, rule.items.check(entry))
	}
	return nil
}

// CheckAnswer says what is wrong with a body that the operation answers, for tests that what is answered is what
// is promised.
func (r *Route) CheckAnswer(body []byte) error {
	if r.Answer == nil {
		return nil
	}
	return r.answer().check(body)
}
