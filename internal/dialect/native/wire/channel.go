package wire

import (
	"encoding/json"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// Channel renders a channel.
func Channel(c *parley.Channel) api.Channel {
	settings := c.Settings
	if len(settings) == 0 {
		settings = json.RawMessage("{}")
	}
	return api.Channel{
		ID: string(c.ID), Name: c.Name, Connector: c.Connector, Platform: c.Platform, AddressKind: string(c.AddressKind), Address: c.Address,
		Settings: settings, Thread: api.ThreadPolicy(c.Thread), Reopen: string(c.Reopen), Conversational: c.Conversational, Open: c.Open,
		Members: texts(c.Members), Default: c.Default, Rate: c.Rate, Concurrency: c.Concurrency, OnUnknown: string(c.OnUnknown),
		Paused: c.Paused, Metadata: filled(c.Metadata), Rev: c.Rev, CreatedAt: stamp(c.CreatedAt),
	}
}

// ChannelParams is a channel that a request makes.
func ChannelParams(c *api.ChannelRequest) directory.ChannelParams {
	return directory.ChannelParams{
		Name: c.Name, Connector: c.Connector, Platform: c.Platform, AddressKind: parley.AddressKind(c.AddressKind), Address: c.Address,
		Settings: c.Settings, Thread: parley.ThreadPolicy(c.Thread), Reopen: parley.ReopenPolicy(c.Reopen), Conversational: c.Conversational,
		Open: c.Open, Members: IDs(c.Members), Default: c.Default, Rate: c.Rate, Concurrency: c.Concurrency, OnUnknown: parley.UnknownPolicy(c.OnUnknown), Metadata: c.Metadata,
	}
}

// ChannelPatch is what a request changes of a channel.
func ChannelPatch(c *api.ChannelPatch) directory.ChannelPatch {
	out := directory.ChannelPatch{
		Name: c.Name, Address: c.Address, Settings: c.Settings, Reopen: Convert[parley.ReopenPolicy](c.Reopen), Conversational: c.Conversational,
		Open: c.Open, Default: c.Default, Rate: c.Rate, Concurrency: c.Concurrency, OnUnknown: Convert[parley.UnknownPolicy](c.OnUnknown), Paused: c.Paused, Metadata: c.Metadata,
	}
	if c.Members != nil {
		out.Members = new(IDs(*c.Members))
	}
	return out
}

// Connector renders an entry of the catalog.
func Connector(d *connector.Definition) api.Connector {
	out := api.Connector{Name: d.Name, Title: d.Title, Platforms: make([]api.Platform, len(d.Platforms)), Settings: make([]api.Setting, len(d.Settings))}
	for i, p := range d.Platforms {
		out.Platforms[i] = api.Platform{Name: p.Name, AddressKind: string(p.AddressKind), Thread: api.ThreadPolicy(p.Thread),
			Conversational: p.Conversational, ReadReceipts: p.ReadReceipts, MaxText: p.MaxText, Parts: Each(p.Parts, kind), AsText: Each(p.AsText, kind), Actions: Each(p.Actions, actionKind), Attachments: p.Attachments}
	}
	for i, s := range d.Settings {
		out.Settings[i] = api.Setting{Name: s.Name, Type: string(s.Type), Required: s.Required, Secret: s.Secret, Allowed: s.Allowed,
			Default: s.Default, Doc: s.Doc}
	}
	return out
}

func kind(k *parley.PartKind) api.PartKind { return api.PartKind(*k) }

func actionKind(k *parley.ActionKind) api.ActionKind { return api.ActionKind(*k) }
