// Package inbox answers requests about what people do with conversations as a whole.
package inbox

import (
	"net/http"
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
	const write, send = parley.ScopeConversationsWrite, parley.ScopeMessagesSend
	merge := door.Operation("POST /v1/conversations/{id}/merge", "mergeConversation", write, "Make a conversation a part of another")
	merge.Details = "Both are with the same people outside. Answers the conversation that stays, and so does the id of the other from then on. " +
		"Items keep their times, and get new numbers after those of the one that stays. To do it again changes nothing."
	move := door.Operation("POST /v1/messages/{id}/move", "moveMessage", write, "Move a message to another conversation")
	move.Details = "It becomes the newest item there, and keeps its time. Its place is kept by an item without content."
	return []*door.Endpoint{
		door.List(history, a.history),
		door.Matched(door.Change(merge, a.merge)),
		door.Change(move, a.move),
		door.Create(door.Operation("POST /v1/conversations/{id}/drafts", "createDraft", send, "Keep what was written for a conversation and is not sent"), http.StatusCreated, a.createDraft),
		door.ByID(door.List(door.Operation("GET /v1/conversations/{id}/drafts", "listConversationDrafts", send, "List the drafts in a conversation: the user's own, and those that are shared"), a.draftsIn)),
		door.ByID(door.List(door.Operation("GET /v1/drafts", "listDrafts", send, "List the drafts of the key's user"), a.drafts)),
		door.Get(door.Operation("GET /v1/drafts/{id}", "getDraft", send, "Get a draft"), a.draft),
		door.Matched(door.Change(door.Operation("PATCH /v1/drafts/{id}", "patchDraft", send, "Change a draft"), a.patchDraft)),
		door.Matched(door.Order(door.Operation("DELETE /v1/drafts/{id}", "deleteDraft", send, "Delete a draft"), a.deleteDraft)),
		door.Audited(door.Matched(door.Change(define, a.defineAttribute)), parley.ActAttributeDefined),
		door.Get(door.Operation("GET /v1/conversation-attributes/{key}", "getConversationAttribute", read, "Get the definition of an attribute of conversations"), a.attribute),
		door.List(door.Operation("GET /v1/conversation-attributes", "listConversationAttributes", read, "List the attributes of conversations that are defined, by key"), a.attributes),
	}
}

func (a area) history(c *door.Call, f api.Page) ([]api.HistoryEntry, string, error) {
	entries, next, err := a.core.History(c.Ctx(), c.P, c.ID(), f.After, door.Limit(f.Limit))
	return wire.Each(entries, wire.HistoryEntry), next, err
}

func (a area) merge(c *door.Call, b *api.ConversationMerge) (api.Conversation, error) {
	stays, err := a.core.MergeConversation(c.Ctx(), c.P, c.ID(), parley.ID(b.Into), c.IfMatch())
	return wire.Conversation(&stays), err
}

func (a area) move(c *door.Call, b *api.MessageMove) (api.Message, error) {
	if err := a.core.MoveMessage(c.Ctx(), c.P, c.ID(), parley.ID(b.Conversation)); err != nil {
		return api.Message{}, err
	}
	moved, err := a.core.Shown(c.Ctx(), c.P, c.ID())
	return wire.Message(&moved), err
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
