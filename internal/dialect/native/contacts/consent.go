package contacts

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) suppress(c *door.Call, b *api.SuppressionRequest) (api.Suppressions, error) {
	params := consent.SuppressionParams{Address: b.Address, Contact: parley.ID(b.Contact), Platform: b.Platform, Class: parley.MessageClass(b.Class),
		Reason: parley.SuppressionReason(b.Reason), Note: b.Note}
	all, err := a.core.Suppress(c.Ctx(), c.P, params)
	return api.Suppressions{Data: wire.Each(all, wire.Suppression)}, err
}

func (a area) suppressions(c *door.Call, f api.SuppressionFilter) ([]api.Suppression, string, error) {
	filter := consent.SuppressionFilter{Address: f.Address, Contact: parley.ID(f.Contact)}
	filter.Kind, filter.Platform = parley.AddressKind(f.Kind), f.Platform
	filter.Class, filter.Reason = parley.MessageClass(f.Class), parley.SuppressionReason(f.Reason)
	page, next, err := a.core.Suppressions(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(page, wire.Suppression), string(next), err
}

func (a area) suppression(c *door.Call) (api.Suppression, error) {
	s, err := a.core.Suppression(c.Ctx(), c.P, c.ID())
	return wire.Suppression(&s), err
}

func (a area) deleteSuppression(c *door.Call) error { return a.core.Allow(c.Ctx(), c.P, c.ID()) }

func (a area) block(c *door.Call, b *api.BlockRequest) (api.BlockedSender, error) {
	blocked, err := a.core.Block(c.Ctx(), c.P, consent.BlockParams{Contact: parley.ID(b.Contact), Address: b.Address, Note: b.Note})
	return wire.BlockedSender(&blocked), err
}

func (a area) blockedSenders(c *door.Call, f api.Page) ([]api.BlockedSender, string, error) {
	page, next, err := a.core.Blocked(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(page, wire.BlockedSender), string(next), err
}

func (a area) blockedSender(c *door.Call) (api.BlockedSender, error) {
	blocked, err := a.core.BlockedSender(c.Ctx(), c.P, c.ID())
	return wire.BlockedSender(&blocked), err
}

func (a area) unblock(c *door.Call, b *api.UnblockRequest) (api.Unblocked, error) {
	n, err := a.core.Unblock(c.Ctx(), c.P, c.ID(), b.Release)
	return api.Unblocked{Released: n}, err
}

func (a area) limits(c *door.Call) (api.ContactStandings, error) {
	list, err := a.core.Limits.Standings(c.Ctx(), c.P, c.ID())
	return api.ContactStandings{Data: wire.Each(list, wire.ContactStanding)}, err
}
