package contacts

import (
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) defineAttribute(c *door.Call, b *api.AttributeRequest) (api.Attribute, error) {
	key := c.Path("key")
	if !parley.AttributeKey(key) {
		e := parley.NotFound("attribute", parley.ID(key))
		e.Message = "there can be no such attribute: a key is 1 to 100 letters, digits, _, . and -"
		return api.Attribute{}, e
	}
	definition := parley.Attribute{Of: parley.OfContacts, Key: key, Type: parley.AttributeType(b.Type), Label: b.Label, Choices: b.Choices, Archived: b.Archived}
	defined, err := a.directory.DefineAttribute(c.Ctx(), c.P, definition, c.IfMatch())
	return wire.Attribute(&defined), err
}

func (a area) attribute(c *door.Call) (api.Attribute, error) {
	found, err := a.directory.Attribute(c.Ctx(), c.P, parley.OfContacts, c.Path("key"))
	return wire.Attribute(&found), err
}

// keyCursor marks a cursor that is a key.
const keyCursor = "key:"

func (a area) attributes(c *door.Call, f api.Page) ([]api.Attribute, string, error) {
	after, found := strings.CutPrefix(f.After, keyCursor)
	if f.After != "" && !found {
		return nil, "", door.ErrCursor()
	}
	list, next, err := a.directory.Attributes(c.Ctx(), c.P, parley.OfContacts, after, door.Limit(f.Limit))
	if next != "" {
		next = keyCursor + next
	}
	return wire.Each(list, wire.Attribute), next, err
}
