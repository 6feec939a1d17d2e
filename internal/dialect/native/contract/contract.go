package contract

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
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

// Contract is all operations with their schemas.
type Contract struct {
	openAPI  *huma.OpenAPI
	registry huma.Registry
	rules    *rules
	problem  *huma.Schema
	sent     []reflect.Type // bodies of requests
	document func() []byte
}

// New returns a contract without operations.
func New(info huma.Info) *Contract {
	c := &Contract{registry: newRegistry(map[reflect.Type]reflect.Type{
		reflect.TypeFor[api.Body]():        reflect.TypeFor[anyBody](),
		reflect.TypeFor[api.Recipient]():   reflect.TypeFor[anyRecipient](),
		reflect.TypeFor[json.RawMessage](): reflect.TypeFor[anyObject](),
	})}
	c.rules = &rules{registry: c.registry, made: map[string]*rule{}}
	c.problem = c.registry.Schema(reflect.TypeFor[api.Problem](), true, "")
	c.openAPI = &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &info,
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas:   c.registry,
			Responses: map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "The key as it was shown when it was made."},
				"basic":  {Type: "http", Scheme: "basic", Description: "The key's id and the key."},
			},
		},
	}
	c.document = sync.OnceValue(func() []byte {
		c.openAnswers()
		document, err := json.Marshal(c.openAPI)
		if err != nil {
			panic(err) // of a schema; every test that reads the document finds it
		}
		return document
	})
	return c
}

// openAnswers lets what is only answered have more members than are described: later versions may add some.
// What is sent may not.
func (c *Contract) openAnswers() {
	sent := map[string]bool{}
	for _, t := range c.sent {
		c.reach(c.schema(t), sent)
	}
	for name, s := range c.registry.Map() {
		if s.AdditionalProperties == false && !sent[name] {
			s.AdditionalProperties = nil
		}
	}
}

// reach marks the named schemas that a schema is made of.
func (c *Contract) reach(s *huma.Schema, found map[string]bool) {
	if s == nil {
		return
	}
	if _, name, named := strings.Cut(s.Ref, "#/components/schemas/"); named && !found[name] {
		found[name] = true
		c.reach(c.registry.SchemaFromRef(s.Ref), found)
	}
	c.reach(s.Items, found)
	for _, property := range s.Properties {
		c.reach(property, found)
	}
	for _, branch := range s.OneOf {
		c.reach(branch, found)
	}
	if others, ok := s.AdditionalProperties.(*huma.Schema); ok {
		c.reach(others, found)
	}
}

// anyBody is the schema of api.Body.
type anyBody struct{}

// Schema says that a body is a string or parts.
func (anyBody) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString},
		{Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[api.Part](), true, "")}}}
}

// anyRecipient is the schema of api.Recipient.
type anyRecipient struct{}

// Recipient is api.Recipient as an object.
type Recipient api.Recipient

// Schema says that a message is to a recipient, or to a list of receivers.
func (anyRecipient) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[Recipient](), true, ""),
		{Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[api.Receiver](), true, "")}}}
}

// anyObject is the schema of settings, whose own schema is their connector's.
type anyObject struct{}

// Schema says that settings are an object.
func (anyObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// Document is the OpenAPI document of the operations added until it is first asked for.
func (c *Contract) Document() []byte { return c.document() }

// Route is an operation made ready for reading its requests.
type Route struct {
	Operation
	Parameters []string // of the path
	query      query
	body       *rule
	answer     *rule
}

var pathParameter = regexp.MustCompile(`{(\w+)}`)

// Add adds an operation. It panics where the operation or its types promise what is not kept.
func (c *Contract) Add(o Operation) *Route {
	if o.Status == 0 {
		o.Status = http.StatusOK
		if o.Answer == nil {
			o.Status = http.StatusNoContent
		}
	}
	route := &Route{Operation: o}
	described := &huma.Operation{Method: o.Method, Path: o.Path, OperationID: o.ID, Tags: []string{o.Tag}, Summary: o.Summary,
		Description: describe(&o), Responses: map[string]*huma.Response{}}
	for _, found := range pathParameter.FindAllStringSubmatch(o.Path, -1) {
		route.Parameters = append(route.Parameters, found[1])
		described.Parameters = append(described.Parameters, &huma.Param{Name: found[1], In: "path", Required: true,
			Schema: &huma.Schema{Type: huma.TypeString}})
	}
	c.describeHeaders(&o, described)
	if o.Query != nil {
		route.query = c.queryOf(o.Query, func(p *huma.Param) { described.Parameters = append(described.Parameters, p) })
	}
	if o.Body != nil {
		schema := c.schema(o.Body)
		c.sent = append(c.sent, o.Body)
		route.body = c.rules.of(schema)
		described.RequestBody = &huma.RequestBody{Required: !o.Bodiless, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	if o.Answer != nil {
		route.answer = c.rules.of(c.schema(o.Answer))
	}
	c.describeAnswers(&o, described)
	if o.Document != nil {
		o.Document(described, c.registry)
	}
	c.openAPI.AddOperation(described)
	if !slices.ContainsFunc(c.openAPI.Tags, func(t *huma.Tag) bool { return t.Name == o.Tag }) {
		c.openAPI.Tags = append(c.openAPI.Tags, &huma.Tag{Name: o.Tag})
	}
	return route
}

// describe is what the document says of an operation.
func describe(o *Operation) string {
	if len(o.Acts) == 0 {
		return o.Details
	}
	acts := make([]string, len(o.Acts))
	for i, act := range o.Acts {
		acts[i] = "`" + string(act) + "`"
	}
	return strings.TrimSpace(o.Details + " In the audit log: " + strings.Join(acts, ", ") + ".")
}

// schema returns the schema of a type.
func (c *Contract) schema(t reflect.Type) *huma.Schema {
	schema := c.registry.Schema(t, true, "")
	for _, known := range c.registry.Map() {
		neverNull(known)
	}
	return schema
}

func (c *Contract) describeHeaders(o *Operation, described *huma.Operation) {
	header := func(name, description string, schema huma.Schema) {
		schema.Type = huma.TypeString
		described.Parameters = append(described.Parameters, &huma.Param{Name: name, In: "header", Description: description, Schema: &schema})
	}
	if o.Scope == "" {
		described.Security = []map[string][]string{}
		return
	}
	described.Security = []map[string][]string{{"bearer": {}}, {"basic": {}}}
	described.Extensions = map[string]any{"x-parley-scope": string(o.Scope)}
	header("Parley-Organization", "The organization to act in. Needed where the key's account belongs to several.", huma.Schema{})
	if o.Keyed {
		header("Idempotency-Key", "Makes the request safe to repeat within 24 hours: a repeat gets what the first one made.",
			huma.Schema{MinLength: new(1), MaxLength: new(255)})
	}
	if o.Matched {
		header("If-Match", `The revision that is changed, as its ETag: "7". Where it is another by now, the answer is 412.`, huma.Schema{})
	}
}

func (c *Contract) describeAnswers(o *Operation, described *huma.Operation) {
	success := &huma.Response{Description: http.StatusText(o.Status), Headers: map[string]*huma.Param{}}
	header := func(name, description string) {
		success.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	header("X-Request-Id", "Names the request in the server's log.")
	if o.Answer != nil {
		success.Content = map[string]*huma.MediaType{"application/json": {Schema: c.schema(o.Answer)}}
		if _, revised := RevOf(o.Answer); revised {
			header("ETag", "The revision, for If-Match.")
		}
	}
	statuses := []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	if o.Scope != "" {
		header("RateLimit", "What is left of the key's quota, where it has one.")
		statuses = append(statuses, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if o.Keyed {
		header("Idempotent-Replayed", "true where the request is a repeat.")
	}
	if strings.Contains(o.Path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	if o.Method != http.MethodGet {
		statuses = append(statuses, http.StatusConflict)
	}
	if o.Matched {
		statuses = append(statuses, http.StatusPreconditionFailed)
	}
	if o.Body != nil || o.Form {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if o.Body != nil || o.Form || o.Query != nil || o.Keyed {
		statuses = append(statuses, http.StatusUnprocessableEntity)
	}
	described.Responses[strconv.Itoa(o.Status)] = success
	for _, status := range statuses {
		described.Responses[strconv.Itoa(status)] = c.Refusal(status)
	}
}

// Refusal is the answer of a problem, described once for all operations.
func (c *Contract) Refusal(status int) *huma.Response {
	name := "Problem" + strconv.Itoa(status)
	c.openAPI.Components.Responses[name] = &huma.Response{Description: http.StatusText(status),
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: c.problem}}}
	return &huma.Response{Ref: "#/components/responses/" + name}
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
	return r.query.read(raw, value)
}

// ReadBody checks a body by its schema and fills into, which is a pointer to the body's type.
func (r *Route) ReadBody(body []byte, into any) error {
	if len(body) == 0 {
		if r.Bodiless {
			return nil
		}
		return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "a body is required"}
	}
	return r.body.decode(body, into)
}

// ReadEach reads a body that has a list and nothing else, of which each entry is checked by itself: each is told of an entry
// as it was sent and of what is wrong with it. The error is that of the body as a whole.
func (r *Route) ReadEach(body []byte, list string, each func(raw []byte, err error)) error {
	rule := r.body.members[list].rule
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return r.body.check(body) // says where
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(whole[list], &entries); err != nil || len(whole) != 1 || len(entries) == 0 || len(entries) > *rule.maxItems {
		if err := r.body.check(body); err != nil {
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
	if r.answer == nil {
		return nil
	}
	return r.answer.check(body)
}
