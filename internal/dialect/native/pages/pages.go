// Package pages answers requests about calling people to conversations.
package pages

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/pages"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, send = parley.ScopeMessagesRead, parley.ScopeMessagesSend
	create := door.Operation("POST /v1/conversations/{id}/pages", "createPage", send, "Page somebody: call them to a conversation")
	create.Details = "As a message with a part of the kind page does, and by one: it stays inside. Who is called sees the page until it is resolved, and is reminded."
	resolve := door.Operation("POST /v1/pages/{id}/resolve", "resolvePage", read, "Say that one has come")
	resolve.Details = "Those who are called resolve a page: one for all, or each for themselves. Whoever called may end it too. To do it again changes nothing."
	return []*door.Endpoint{
		door.Create(create, http.StatusCreated, a.create),
		door.ByID(door.List(door.Operation("GET /v1/pages", "listPages", read, "List pages, newest first"), a.list)),
		door.Get(door.Operation("GET /v1/pages/{id}", "getPage", read, "Get a page"), a.get),
		door.Get(resolve, a.resolve),
	}
}

func (a area) create(c *door.Call, b *api.CallRequest) (api.Call, bool, error) {
	params := pages.Params{Who: parley.Actor{Kind: parley.ActorKind(b.Who.Kind), ID: parley.ID(b.Who.ID)}, Text: b.Text, Idempotency: c.Idempotency(),
		Paging: parley.Paging{Urgency: parley.Urgency(b.Urgency), Each: b.Each, RemindEvery: b.RemindEvery, Reminders: b.Reminders}}
	p, replayed, err := a.core.Pages.Call(c.Ctx(), c.P, c.ID(), params)
	return wire.Call(&p), replayed, err
}

func (a area) list(c *door.Call, f api.CallFilter) ([]api.Call, string, error) {
	filter := pages.Filter{State: parley.PageState(f.State), Mine: f.Mine == "true", Conversation: parley.ID(f.Conversation), Message: parley.ID(f.Message)}
	list, next, err := a.core.Pages.List(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.Call), string(next), err
}

func (a area) get(c *door.Call) (api.Call, error) {
	p, err := a.core.Pages.Get(c.Ctx(), c.P, c.ID())
	return wire.Call(&p), err
}

func (a area) resolve(c *door.Call) (api.Call, error) {
	p, err := a.core.Pages.Resolve(c.Ctx(), c.P, c.ID())
	return wire.Call(&p), err
}
