package native

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *domain) createChannel(c *door.Call, b *api.ChannelRequest) (api.Channel, bool, error) {
	ch, replayed, err := d.Directory.CreateChannel(c.Ctx(), c.P, wire.ChannelParams(b), c.Idempotency())
	return wire.Channel(&ch), replayed, err
}

func (d *domain) channels(c *door.Call, f api.ChannelFilter) ([]api.Channel, string, error) {
	filter := directory.ChannelFilter{Connector: f.Connector, Platform: f.Platform}
	channels, next, err := d.Directory.Channels(c.Ctx(), c.P, filter, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(channels, wire.Channel), string(next), err
}

func (d *domain) channel(c *door.Call) (api.Channel, error) {
	ch, err := d.Directory.Channel(c.Ctx(), c.P, c.ID())
	return wire.Channel(&ch), err
}

func (d *domain) patchChannel(c *door.Call, b *api.ChannelPatch) (api.Channel, error) {
	ch, err := d.Directory.UpdateChannel(c.Ctx(), c.P, c.ID(), wire.ChannelPatch(b), c.IfMatch())
	return wire.Channel(&ch), err
}

func (d *domain) deleteChannel(c *door.Call) error {
	return d.Directory.DeleteChannel(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

// connectors is a page of the catalog; the cursor is a name.
func (d *domain) connectors(c *door.Call, f api.Page) ([]api.Connector, string, error) {
	catalog, err := d.Directory.Connectors(c.P)
	if err != nil {
		return nil, "", err
	}
	var entries []api.Connector
	for i := range catalog {
		if catalog[i].Name <= f.After {
			continue
		}
		if len(entries) == door.Limit(f.Limit) {
			return entries, entries[len(entries)-1].Name, nil
		}
		entries = append(entries, wire.Connector(&catalog[i]))
	}
	return entries, "", nil
}

func (d *domain) connector(c *door.Call) (api.Connector, error) {
	catalog, err := d.Directory.Connectors(c.P)
	if err != nil {
		return api.Connector{}, err
	}
	name := c.Path("name")
	for i := range catalog {
		if catalog[i].Name == name {
			return wire.Connector(&catalog[i]), nil
		}
	}
	return api.Connector{}, parley.NotFound("connector", parley.ID(name))
}
