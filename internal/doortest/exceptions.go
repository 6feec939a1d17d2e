package doortest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Exception is a place where what the server answers or accepts knowingly differs from a vendor's contract.
type Exception struct {
	Contract string // such as spruce/openapi.json
	Path     string // of the member in the body, with * for one name or place and ** for any: **/customFields
	Reason   string
}

// Exceptions is the list of all of them. An exception counts for whatever is wrong with a member, also that it is missing or
// that it is not declared.
var Exceptions = []Exception{
	{"bird/messages.openapi.json", "body/type", "the contract's two lists of types name the body of a permission differently, action and permission_request; both are taken, and shown as they were given"},
	{"spruce/openapi.json", "**/customFields", "the contract demands it and declares no such property"},
	{"kustomer/openapi-core.json", "errors/*/status", "the contract has a text, the vendor's client reads a number"},
	{"kustomer/openapi-core.json", "data/attributes/meta/*", "the contract has the example of an e-mail; meta is what the message was recorded with"},
	{"kustomer/openapi-core.json", "data/*/attributes/meta/*", "the same, in lists"},
	{"kustomer/openapi-core.json", "**/sentiment", "there is none where none was given; of decimals the request has them, too"},
	{"kustomer/openapi-core.json", "**/sentiment/*", "the same"},
	{"kustomer/openapi-core.json", "**/attributes/externalId", "null where there is none, as with whatever may be missing"},
	{"kustomer/openapi-core.json", "**/attributes/lang", "null where none was given, as the request may have it"},
	{"kustomer/openapi-core.json", "**/attributes/locale", "null: contacts have none"},
	{"kustomer/openapi-core.json", "**/attributes/gender", "null: contacts have none"},
	{"kustomer/openapi-core.json", "**/attributes/lastSeenAt", "null: it is not known"},
	{"kustomer/openapi-core.json", "**/attributes/lastCustomerActivityAt", "null: it is not known"},
	{"kustomer/openapi-core.json", "**/attributes/lastMessageIn/sentAt", "null where nothing came in"},
	{"kustomer/openapi-core.json", "**/attributes/lastConversation/id", "null where there is none"},
	{"kustomer/openapi-core.json", "**/attributes/preview/*", "empty where nothing was written"},
}

var printer = message.NewPrinter(language.English)

// left says what is wrong that no exception covers.
func (c *Contract) left(e *jsonschema.ValidationError) []string {
	if e == nil {
		return nil
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return c.members(e, k.Missing, "is missing")
	case *kind.AdditionalProperties:
		return c.members(e, k.Properties, "is not declared")
	case *kind.OneOf:
		if k.Subschemas != nil { // several fit, which is no fault where a discriminator tells them apart
			return nil
		}
	}
	if c.excepted(e.InstanceLocation) {
		return nil
	}
	if len(e.Causes) == 0 {
		return []string{fmt.Sprintf("/%s: %v", strings.Join(e.InstanceLocation, "/"), e.ErrorKind.LocalizedString(printer))}
	}
	return c.causes(e)
}

// causes are those that are left; none where one of the choices that the contract gives fits but for exceptions.
func (c *Contract) causes(e *jsonschema.ValidationError) (left []string) {
	_, any := e.ErrorKind.(*kind.AnyOf)
	_, one := e.ErrorKind.(*kind.OneOf)
	for _, cause := range e.Causes {
		of := c.left(cause)
		if len(of) == 0 && (any || one) {
			return nil
		}
		left = append(left, of...)
	}
	return left
}

func (c *Contract) members(e *jsonschema.ValidationError, names []string, wrong string) (left []string) {
	for _, name := range names {
		if at := append(slices.Clone(e.InstanceLocation), name); !c.excepted(at) {
			left = append(left, fmt.Sprintf("/%s %s", strings.Join(at, "/"), wrong))
		}
	}
	return left
}

func (c *Contract) excepted(at []string) bool {
	return slices.ContainsFunc(Exceptions, func(e Exception) bool { return e.Contract == c.name && matches(strings.Split(e.Path, "/"), at) })
}

// matches compares a path with a pattern.
func matches(pattern, path []string) bool {
	switch {
	case len(pattern) == 0:
		return len(path) == 0
	case pattern[0] == "**":
		return matches(pattern[1:], path) || len(path) > 0 && matches(pattern, path[1:])
	case len(path) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == path[0]) && matches(pattern[1:], path[1:])
}
