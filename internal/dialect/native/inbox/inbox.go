// Package inbox answers requests about what people do with conversations as a whole.
package inbox

import (
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct {
	core      *core.Core
	directory *directory.Directory
}

// Endpoints are the operations of this package.
func Endpoints(c *core.Core, d *directory.Directory) []*door.Endpoint {
	a := area{c, d}
	const read = parley.ScopeConversationsRead
	history := door.Operation("GET /v1/conversations/{id}/history", "listHistory", read, "List what became of a conversation, newest first")
	history.Details = "Who changed what, and when, for as long as the conversation is kept. It holds ids and facts: of a title, a description, " +
		"attributes and metadata it says that they changed, not what they were."
	define := door.Operation("PUT /v1/conversation-attributes/{key}", "defineConversationAttribute", parley.ScopeOrganizationWrite,
		"Define an attribute of conversations, or change its definition")
	define.Details = "The type of one that is defined cannot be changed. Values that conversations have stay as they are until they are written again."
	return []*door.Endpoint{
		door.List(history, a.history),
		door.Audited(door.Matched(door.Change(define, a.defineAttribute)), parley.ActAttributeDefined),
		door.Get(door.Operation("GET /v1/conversation-attributes/{key}", "getConversationAttribute", read, "Get the definition of an attribute of conversations"), a.attribute),
		door.List(door.Operation("GET /v1/conversation-attributes", "listConversationAttributes", read, "List the attributes of conversations that are defined, by key"), a.attributes),
	}
}

func (a area) history(c *door.Call, f api.Page) ([]api.HistoryEntry, string, error) {
	entries, next, err := a.core.History(c.Ctx(), c.P, c.ID(), f.After, door.Limit(f.Limit))
	return wire.Each(entries, wire.HistoryEntry), next, err
}

func (a area) defineAttribute(c *door.Call, b *api.AttributeRequest) (api.Attribute, error) {
	definition := parley.Attribute{Of: parley.OfConversations, Key: c.Path("key"), Type: parley.AttributeType(b.Type), Label: b.Label, Choices: b.Choices, Archived: b.Archived}
	if !parley.AttributeKey(definition.Key) {
		e := parley.NotFound("attribute", parley.ID(definition.Key))
		e.Message = "there can be no such attribute: a key is 1 to 100 letters, digits, _, . and -"
		return api.Attribute{}, e
	}
	defined, err := a.directory.DefineAttribute(c.Ctx(), c.P, definition, c.IfMatch())
	return wire.Attribute(&defined), err
}

func (a area) attribute(c *door.Call) (api.Attribute, error) {
	found, err := a.directory.Attribute(c.Ctx(), c.P, parley.OfConversations, c.Path("key"))
	return wire.Attribute(&found), err
}

// keyCursor marks a cursor that is a key.
const keyCursor = "key:"

func (a area) attributes(c *door.Call, f api.Page) ([]api.Attribute, string, error) {
	after, found := strings.CutPrefix(f.After, keyCursor)
	if f.After != "" && !found {
		return nil, "", door.ErrCursor()
	}
	list, next, err := a.directory.Attributes(c.Ctx(), c.P, parley.OfConversations, after, door.Limit(f.Limit))
	if next != "" {
		next = keyCursor + next
	}
	return wire.Each(list, wire.Attribute), next, err
}
