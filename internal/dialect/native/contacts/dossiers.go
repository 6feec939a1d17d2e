package contacts

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) export(c *door.Call) (api.ContactExport, bool, error) {
	e, replayed, err := a.dossiers.Export(c.Ctx(), c.P, c.ID(), c.Idempotency())
	return wire.ContactExport(&e), replayed, err
}

func (a area) exports(c *door.Call, f api.Page) ([]api.ContactExport, string, error) {
	page, next, err := a.dossiers.List(c.Ctx(), c.P, c.ID(), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(page, wire.ContactExport), string(next), err
}

func (a area) getExport(c *door.Call) (api.ContactExport, error) {
	e, err := a.dossiers.Get(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("exportId")))
	return wire.ContactExport(&e), err
}

func (a area) erase(c *door.Call) (api.ContactErasure, bool, error) {
	e, replayed, err := a.core.EraseContact(c.Ctx(), c.P, c.ID(), c.Idempotency())
	return wire.ContactErasure(&e), replayed, err
}

func (a area) erasure(c *door.Call) (api.ContactErasure, error) {
	e, err := a.core.Erasure(c.Ctx(), c.P, c.ID())
	return wire.ContactErasure(&e), err
}
