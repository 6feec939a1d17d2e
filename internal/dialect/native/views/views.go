// Package views answers requests about lists of conversations that people keep.
package views

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/views"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, write = parley.ScopeConversationsRead, parley.ScopeConversationsWrite
	create := door.Operation("POST /v1/views", "createView", write, "Make a view: a list of conversations that is kept")
	create.Details = "Of the key's user, of a team of whose members each may change it, or of the organization, for which the scope organization:write is needed too."
	counts := door.Operation("GET /v1/views/counts", "countViews", read, "Count the conversations in several views")
	counts.Details = "Each as the key's user finds them: exact up to 1000. Counts may change with every event about a conversation or a message: " +
		"a client that follows the event log asks again when one comes, not before."
	return []*door.Endpoint{
		door.Audited(door.Create(create, http.StatusCreated, a.create), parley.ActViewCreated),
		door.List(door.Operation("GET /v1/views", "listViews", read, "List the views that the key's user sees, in their order"), a.list),
		door.GetBy(counts, a.counts),
		door.Get(door.Operation("GET /v1/views/{id}", "getView", read, "Get a view"), a.get),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/views/{id}", "patchView", write, "Change a view"), a.patch)), parley.ActViewUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/views/{id}", "deleteView", write, "Delete a view"), a.remove)), parley.ActViewDeleted),
		door.List(door.Operation("GET /v1/views/{id}/conversations", "listViewConversations", read, "List the conversations in a view, most recently active first"), a.conversations),
	}
}

func (a area) create(c *door.Call, b *api.ViewRequest) (api.View, bool, error) {
	made := parley.View{Owner: parley.Actor{Kind: parley.ActorKind(b.Owner.Kind), ID: parley.ID(b.Owner.ID)}, Name: b.Name, Place: b.Order, Filter: wire.ViewFilter(&b.Filter)}
	v, replayed, err := a.core.Views.Create(c.Ctx(), c.P, made, c.Idempotency())
	return wire.View(&v), replayed, err
}

func (a area) list(c *door.Call, f api.ViewListFilter) ([]api.View, string, error) {
	after, err := door.Place[views.Place](f.After)
	if err != nil {
		return nil, "", err
	}
	list, next, err := a.core.Views.List(c.Ctx(), c.P, parley.Actor{Kind: parley.ActorKind(f.Owner), ID: parley.ID(f.Team)}, after, door.Limit(f.Limit))
	if err != nil {
		return nil, "", door.Renamed(err, "owner.id", "team")
	}
	cursor, err := door.Cursor(next)
	return wire.Each(list, wire.View), cursor, err
}

func (a area) get(c *door.Call) (api.View, error) {
	v, err := a.core.Views.Get(c.Ctx(), c.P, c.ID())
	return wire.View(&v), err
}

func (a area) patch(c *door.Call, b *api.ViewPatch) (api.View, error) {
	patch := views.Patch{Name: b.Name, Place: b.Order}
	if b.Filter != nil {
		patch.Filter = new(wire.ViewFilter(b.Filter))
	}
	v, err := a.core.Views.Update(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.View(&v), err
}

func (a area) remove(c *door.Call) error {
	return a.core.Views.Delete(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) conversations(c *door.Call, f api.Page) ([]api.Conversation, string, error) {
	list, next, err := a.core.Views.Conversations(c.Ctx(), c.P, c.ID(), f.After, door.Limit(f.Limit))
	return wire.Each(list, wire.Conversation), next, err
}

func (a area) counts(c *door.Call, f api.ViewCountFilter) (api.ViewCounts, error) {
	ids := make([]parley.ID, len(f.Views))
	for i, id := range f.Views {
		if ids[i] = parley.ID(id); !ids[i].Valid() {
			return api.ViewCounts{}, parley.Invalid("view", "text-invalid", "must be the ids of views, separated by commas")
		}
	}
	counts, through, err := a.core.Views.Counts(c.Ctx(), c.P, ids)
	return api.ViewCounts{Data: wire.Each(counts, wire.ViewCount), Through: through}, err
}
