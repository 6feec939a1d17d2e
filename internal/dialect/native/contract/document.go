package contract

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-server/parley/api"
)

// description is an OpenAPI document while it is made.
type description struct {
	openAPI *huma.OpenAPI
	rules   *rules
	problem *huma.Schema
	sent    []reflect.Type // bodies of requests
}

// describe makes the document. The schemas are its own, and are gone when it is made.
func (c *Contract) describe() []byte {
	d := &description{rules: newRules()}
	d.problem = d.rules.registry.Schema(reflect.TypeFor[api.Problem](), true, "")
	d.openAPI = &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &c.info,
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas:   d.rules.registry,
			Responses: map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "The key as it was shown when it was made."},
				"basic":  {Type: "http", Scheme: "basic", Description: "The key's id and the key."},
			},
		},
	}
	c.refusal = d.refusal
	for _, route := range c.operations {
		d.add(route)
	}
	d.openAnswers()
	document, err := json.Marshal(d.openAPI)
	if err != nil {
		panic(err) // of a schema; every test that reads the document finds it
	}
	return document
}

// add describes an operation. It panics where the operation or its types promise what is not kept.
func (d *description) add(route *Route) {
	o := &route.Operation
	described := &huma.Operation{Method: o.Method, Path: o.Path, OperationID: o.ID, Tags: []string{o.Tag}, Summary: o.Summary,
		Description: describe(o), Responses: map[string]*huma.Response{}}
	for _, name := range route.Parameters {
		described.Parameters = append(described.Parameters, &huma.Param{Name: name, In: "path", Required: true,
			Schema: &huma.Schema{Type: huma.TypeString}})
	}
	d.describeHeaders(o, described)
	d.rules.queryOf(o.Query, func(p *huma.Param) { described.Parameters = append(described.Parameters, p) })
	if o.Body != nil {
		schema := d.rules.schema(o.Body)
		d.sent = append(d.sent, o.Body)
		d.rules.of(schema)
		described.RequestBody = &huma.RequestBody{Required: !o.Bodiless, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	if o.Answer != nil {
		d.rules.of(d.rules.schema(o.Answer))
	}
	d.describeAnswers(o, described)
	if o.Document != nil {
		o.Document(described, d.rules.registry)
	}
	d.openAPI.AddOperation(described)
	if !slices.ContainsFunc(d.openAPI.Tags, func(t *huma.Tag) bool { return t.Name == o.Tag }) {
		d.openAPI.Tags = append(d.openAPI.Tags, &huma.Tag{Name: o.Tag})
	}
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

func (d *description) describeHeaders(o *Operation, described *huma.Operation) {
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

func (d *description) describeAnswers(o *Operation, described *huma.Operation) {
	success := &huma.Response{Description: http.StatusText(o.Status), Headers: map[string]*huma.Param{}}
	header := func(name, description string) {
		success.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	header("X-Request-Id", "Names the request in the server's log.")
	if o.Answer != nil {
		success.Content = map[string]*huma.MediaType{"application/json": {Schema: d.rules.schema(o.Answer)}}
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
		described.Responses[strconv.Itoa(status)] = d.refusal(status)
	}
}

// refusal is the answer of a problem, described once for all operations.
func (d *description) refusal(status int) *huma.Response {
	name := "Problem" + strconv.Itoa(status)
	d.openAPI.Components.Responses[name] = &huma.Response{Description: http.StatusText(status),
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: d.problem}}}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

// openAnswers lets what is only answered have more members than are described: later versions may add some.
// What is sent may not.
func (d *description) openAnswers() {
	sent := map[string]bool{}
	for _, t := range d.sent {
		d.reach(d.rules.schema(t), sent)
	}
	for name, s := range d.rules.registry.Map() {
		if s.AdditionalProperties == false && !sent[name] {
			s.AdditionalProperties = nil
		}
	}
}

// reach marks the named schemas that a schema is made of.
func (d *description) reach(s *huma.Schema, found map[string]bool) {
	if s == nil {
		return
	}
	if _, name, named := strings.Cut(s.Ref, "#/components/schemas/"); named && !found[name] {
		found[name] = true
		d.reach(d.rules.registry.SchemaFromRef(s.Ref), found)
	}
	d.reach(s.Items, found)
	for _, property := range s.Properties {
		d.reach(property, found)
	}
	for _, branch := range s.OneOf {
		d.reach(branch, found)
	}
	if others, ok := s.AdditionalProperties.(*huma.Schema); ok {
		d.reach(others, found)
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
