package native

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *door) createChannel(c *call, b *api.ChannelRequest) (api.Channel, bool, error) {
	ch, replayed, err := d.Directory.CreateChannel(c.ctx(), c.p, wire.ChannelParams(b), c.idempotency())
	return wire.Channel(&ch), replayed, err
}

func (d *door) channels(c *call, f api.ChannelFilter) ([]api.Channel, string, error) {
	filter := directory.ChannelFilter{Connector: f.Connector, Platform: f.Platform}
	channels, next, err := d.Directory.Channels(c.ctx(), c.p, filter, parley.ID(f.After), limit(f.Limit))
	return wire.Each(channels, wire.Channel), string(next), err
}

func (d *door) channel(c *call) (api.Channel, error) {
	ch, err := d.Directory.Channel(c.ctx(), c.p, c.id())
	return wire.Channel(&ch), err
}

func (d *door) patchChannel(c *call, b *api.ChannelPatch) (api.Channel, error) {
	ch, err := d.Directory.UpdateChannel(c.ctx(), c.p, c.id(), wire.ChannelPatch(b), c.ifMatch())
	return wire.Channel(&ch), err
}

func (d *door) deleteChannel(c *call) error {
	return d.Directory.DeleteChannel(c.ctx(), c.p, c.id(), c.ifMatch())
}

// connectors is a page of the catalog; the cursor is a name.
func (d *door) connectors(c *call, f api.Page) ([]api.Connector, string, error) {
	catalog, err := d.Directory.Connectors(c.p)
	if err != nil {
		return nil, "", err
	}
	var entries []api.Connector
	for i := range catalog {
		if catalog[i].Name <= f.After {
			continue
		}
		if len(entries) == limit(f.Limit) {
			return entries, entries[len(entries)-1].Name, nil
		}
		entries = append(entries, wire.Connector(&catalog[i]))
	}
	return entries, "", nil
}

func (d *door) connector(c *call) (api.Connector, error) {
	catalog, err := d.Directory.Connectors(c.p)
	if err != nil {
		return api.Connector{}, err
	}
	name := c.r.PathValue("name")
	for i := range catalog {
		if catalog[i].Name == name {
			return wire.Connector(&catalog[i]), nil
		}
	}
	return api.Connector{}, parley.NotFound("connector", parley.ID(name))
}
