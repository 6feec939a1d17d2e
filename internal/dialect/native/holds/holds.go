// Package holds answers requests about legal holds, and about what only they keep.
package holds

import (
	"io"
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ holds *holds.Holds }

// Endpoints are the operations of this package.
func Endpoints(h *holds.Holds) []*door.Endpoint {
	a := area{h}
	const read, write, held = parley.ScopeHoldsRead, parley.ScopeHoldsWrite, parley.ScopeAdminHold
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/holds", "placeHold", write, "Place a legal hold"), http.StatusCreated, a.place), parley.ActHoldPlaced),
		door.ByID(door.List(door.Operation("GET /v1/holds", "listHolds", read, "List legal holds, oldest first"), a.list)),
		door.Get(door.Operation("GET /v1/holds/{id}", "getHold", read, "Get a legal hold"), a.get),
		door.Audited(door.Matched(door.ChangeOf(door.Operation("POST /v1/holds/{id}/lift", "liftHold", write, "Lift a legal hold"), a.lift)), parley.ActHoldLifted),
		door.ByID(door.List(door.Operation("GET /v1/held", "listHeld", held, "List what only legal holds keep, without its content"), a.listHeld)),
		door.Audited(door.Get(door.Operation("GET /v1/held/{id}", "readHeld", held, "Read what legal holds keep of a message or a contact"), a.readHeld),
			parley.ActHeldRead, parley.ActHeldContactRead),
		door.Audited(door.Download(door.Operation("GET /v1/held/{id}/media/{mediaId}", "downloadHeld", held, "Get the bytes of a file that legal holds keep"), a.download),
			parley.ActHeldRead),
	}
}

func (a area) place(c *door.Call, b *api.HoldRequest) (api.Hold, bool, error) {
	params := holds.Params{Subject: parley.HoldSubject{Kind: parley.HoldKind(b.Subject.Kind), ID: parley.ID(b.Subject.ID)}, Reason: b.Reason}
	h, replayed, err := a.holds.Place(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Hold(&h), replayed, err
}

func (a area) list(c *door.Call, f api.HoldFilter) ([]api.Hold, string, error) {
	list, next, err := a.holds.List(c.Ctx(), c.P, holds.Filter{Subject: parley.ID(f.Subject), Active: wire.Optional(f.Active)}, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.Hold), string(next), err
}

func (a area) get(c *door.Call) (api.Hold, error) {
	h, err := a.holds.Get(c.Ctx(), c.P, c.ID())
	return wire.Hold(&h), err
}

func (a area) lift(c *door.Call, b *api.HoldLift) (api.Hold, error) {
	h, err := a.holds.Lift(c.Ctx(), c.P, c.ID(), b.Reason, c.IfMatch())
	return wire.Hold(&h), err
}

func (a area) listHeld(c *door.Call, f api.HeldFilter) ([]api.Held, string, error) {
	list, next, err := a.holds.Held(c.Ctx(), c.P, parley.ID(f.Conversation), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.Held), string(next), err
}

func (a area) readHeld(c *door.Call) (api.HeldContent, error) {
	content, err := a.holds.Read(c.Ctx(), c.P, c.ID())
	if err != nil {
		return api.HeldContent{}, err
	}
	return wire.HeldContent(content), nil
}

func (a area) download(c *door.Call) (parley.Media, io.ReadSeekCloser, error) {
	return a.holds.Open(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("mediaId")))
}
