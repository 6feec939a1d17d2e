package directory

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/profile"
)

const (
	maxRate            = 1_000_000
	maxConcurrency     = 10_000
	defaultConcurrency = 256
	maxSettings        = 64 << 10 // bytes

	// checkTimeout is how long a connector may take to check settings with its provider.
	checkTimeout = 15 * time.Second
)

// ChannelParams is a channel to make. What is empty is as the connector's platform has it.
type ChannelParams struct {
	Name           string
	Connector      string
	Platform       string // may be left out where the connector has one
	AddressKind    parley.AddressKind
	Address        string
	Settings       json.RawMessage
	Thread         parley.ThreadPolicy
	Reopen         parley.ReopenPolicy // empty: auto
	Conversational *bool
	Open           *bool // nil: true
	Members        []parley.ID
	Default        bool
	Rate           int
	Concurrency    int                  // 0: 256
	OnUnknown      parley.UnknownPolicy // empty: auto
	Metadata       map[string]string
}

// Connectors returns the catalog, in order of names.
func (d *Directory) Connectors(p *access.Principal) ([]connector.Definition, error) {
	if err := p.Require(parley.ScopeChannelsRead); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(d.connectors))
	definitions := make([]connector.Definition, len(names))
	for i, name := range names {
		definitions[i] = d.connectors[name]
	}
	return definitions, nil
}

// CreateChannel makes a channel, and says whether the request was a repeat. Its settings are checked, by the
// connector too, before anything is written.
func (d *Directory) CreateChannel(ctx context.Context, p *access.Principal, params ChannelParams, i *access.Idempotency) (parley.Channel, bool, error) {
	if err := p.Require(parley.ScopeChannelsWrite); err != nil {
		return parley.Channel{}, false, err
	}
	// A repeat must not ask the provider again.
	replay, err := p.Before(ctx, d.store, i)
	if err != nil {
		return parley.Channel{}, false, err
	}
	if replay == nil {
		var ch parley.Channel
		if ch, replay, err = d.createChannel(ctx, p, params, i); err != nil {
			return parley.Channel{}, false, err
		}
		if replay == nil {
			return d.shown(ch), false, nil
		}
	}
	ch, err := findChannel(d.store.Read(ctx), p.Organization, replay.Resource)
	return d.shown(ch), true, err
}

func (d *Directory) createChannel(ctx context.Context, p *access.Principal, params ChannelParams, i *access.Idempotency) (parley.Channel, *store.Replay, error) {
	ch, err := d.newChannel(ctx, p, params)
	if err == nil {
		err = d.checkConnector(ctx, ch)
	}
	if err != nil {
		return ch, nil, err
	}
	stored := ch
	replay, err := p.Once(ctx, d.store, i, 201, ch.ID, func(tx *store.Tx) error {
		if err := requireUsers(tx.Queries, p.Organization, "members", ch.Members); err != nil {
			return err
		}
		if err := moveDefault(tx, p, ch); err != nil {
			return err
		}
		emit(tx, p, parley.EventChannelCreated, ch.ID)
		if err := p.Did(tx, parley.ActChannelCreated, ch.ID, madeChannel(ch)); err != nil {
			return err
		}
		if err := profile.SetMetadata(tx, p.Organization, profile.Channel, ch.ID, ch.Metadata); err != nil {
			return err
		}
		return parley.About(tx.InsertChannel(p.Organization, &stored), "default-taken", "default")
	})
	if err != nil || replay != nil {
		return ch, replay, err
	}
	return stored, nil, nil
}

// moveDefault takes the mark from the channel that is the default of the address kind, if this one is to have it.
func moveDefault(tx *store.Tx, p *access.Principal, ch parley.Channel) error {
	if !ch.Default {
		return nil
	}
	before, err := tx.ClearDefaultChannel(p.Organization, ch.AddressKind)
	for _, id := range before {
		if id != ch.ID {
			emit(tx, p, parley.EventChannelUpdated, id)
			var changes parley.Changes
			changes.Set("default", true, false)
			if err := p.Did(tx, parley.ActChannelUpdated, id, changes); err != nil {
				return err
			}
		}
	}
	return err
}

// mayReach refuses a connector to test organizations that reaches somebody.
func (d *Directory) mayReach(ctx context.Context, p *access.Principal, name string) error {
	if name == connector.Sandbox || d.testProviders || !p.Organization.OfTest() {
		return nil
	}
	_, err := d.store.Read(ctx).Clock(p.Organization)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err == nil {
		err = parley.Invalid("connector", "test-connector", "must be %s in a test organization: it reaches no provider", connector.Sandbox)
	}
	return err
}

// newChannel fills in what the platform says, and checks the form of the rest.
func (d *Directory) newChannel(ctx context.Context, p *access.Principal, params ChannelParams) (parley.Channel, error) {
	definition, found := d.connectors[params.Connector]
	if !found {
		return parley.Channel{}, parley.Invalid("connector", "connector-unknown", "must be one of %s",
			strings.Join(slices.Sorted(maps.Keys(d.connectors)), ", "))
	}
	if err := d.mayReach(ctx, p, params.Connector); err != nil {
		return parley.Channel{}, err
	}
	platform, err := choosePlatform(definition, params.Platform)
	if err != nil {
		return parley.Channel{}, err
	}
	ch := parley.Channel{
		ID: parley.NewID(d.now(ctx, p.Organization)), Name: params.Name, Connector: params.Connector, Platform: platform.Name,
		AddressKind: platform.AddressKind, Address: params.Address, Settings: params.Settings, Thread: platform.Thread,
		Reopen: parley.ReopenAuto, Conversational: platform.Conversational, Open: true, Members: unique(params.Members),
		Default: params.Default, Rate: params.Rate, Concurrency: params.Concurrency, OnUnknown: parley.UnknownAuto,
		Metadata: params.Metadata,
	}
	parley.Set(&ch.Conversational, params.Conversational)
	parley.Set(&ch.Open, params.Open)
	if params.Thread != "" {
		ch.Thread = params.Thread
	}
	if params.Reopen != "" {
		ch.Reopen = params.Reopen
	}
	if params.OnUnknown != "" {
		ch.OnUnknown = params.OnUnknown
	}
	var c check
	if ch.AddressKind == "" {
		ch.AddressKind = params.AddressKind
	} else if params.AddressKind != "" && params.AddressKind != ch.AddressKind {
		c.Refuse("addressKind", "address-kind", "must be %s for the platform %s", ch.AddressKind, ch.Platform)
	}
	c.channel(&ch)
	return ch, c.Err()
}

func choosePlatform(definition connector.Definition, name string) (connector.Platform, error) {
	if name == "" && len(definition.Platforms) == 1 {
		return definition.Platforms[0], nil
	}
	if platform, found := definition.Platform(name); found {
		return platform, nil
	}
	names := make([]string, len(definition.Platforms))
	for i, p := range definition.Platforms {
		names[i] = p.Name
	}
	code := "platform-unknown"
	if name == "" {
		code = "required"
	}
	return connector.Platform{}, parley.Invalid("platform", code, "must be one of %s", strings.Join(names, ", "))
}

// channel checks the form of a channel, and fills in what 0 and nothing stand for.
func (c *check) channel(ch *parley.Channel) {
	c.name(ch.Name)
	c.Text("address", ch.Address, false, maxAddress)
	oneOf(c, "thread", ch.Thread, parley.ThreadContact, parley.ThreadEmail, parley.ThreadEach)
	oneOf(c, "reopen", ch.Reopen, parley.ReopenAuto, parley.ReopenNever, parley.ReopenNew)
	oneOf(c, "onUnknown", ch.OnUnknown, parley.UnknownAuto, parley.UnknownResend, parley.UnknownHold)
	c.facts("metadata", ch.Metadata)
	c.between("rate", ch.Rate, 0, maxRate)
	c.between("concurrency", ch.Concurrency, 0, maxConcurrency)
	if ch.Concurrency == 0 {
		ch.Concurrency = defaultConcurrency
	}
	if _, err := parley.NewAddress(ch.AddressKind, "1234"); err != nil && ch.AddressKind != parley.AddressEmail {
		c.add("addressKind", err)
	}
	// Our own end may be a name that is no address of the kind, such as an alphanumeric sender.
	if own, err := parley.NewAddress(ch.AddressKind, ch.Address); err == nil {
		ch.Address = own.Value
	}
	if len(ch.Members) > maxMembers {
		c.Refuse("members", "too-many", "must be at most %d", maxMembers)
	}
	if len(ch.Members) > 0 && ch.Open {
		c.Refuse("members", "not-allowed", "an open channel has none: give open as false")
	}
	if len(ch.Settings) > maxSettings {
		c.Refuse("settings", "too-long", "must be at most %d bytes of JSON", maxSettings)
	}
	if len(ch.Settings) == 0 || string(ch.Settings) == "null" {
		ch.Settings = json.RawMessage("{}")
	}
}

// checkConnector asks the connector about a channel's settings. It may call the provider.
func (d *Directory) checkConnector(ctx context.Context, ch parley.Channel) error {
	definition, found := d.connectors[ch.Connector]
	if !found {
		return parley.Conflict("connector-unknown", "this server has no connector %q", ch.Connector)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return definition.Check(ctx, ch)
}

// shown is a channel as it may leave the core: without secrets.
func (d *Directory) shown(ch parley.Channel) parley.Channel {
	ch.Settings = shownSettings(d.connectors[ch.Connector], ch.Settings)
	return ch
}

// Channel returns a channel; secrets in its settings are null.
func (d *Directory) Channel(ctx context.Context, p *access.Principal, id parley.ID) (parley.Channel, error) {
	if err := p.Require(parley.ScopeChannelsRead); err != nil {
		return parley.Channel{}, err
	}
	ch, err := findChannel(d.store.Read(ctx), p.Organization, id)
	return d.shown(ch), err
}

// findChannel returns a channel with what is kept beside it.
func findChannel(q store.Queries, organization, id parley.ID) (parley.Channel, error) {
	ch, err := q.Channel(organization, id)
	if err != nil {
		return ch, err
	}
	return ch, describe(q, organization, profile.Channel, channelFacts, &ch)
}

func channelFacts(ch *parley.Channel) (parley.ID, *map[string]string) { return ch.ID, &ch.Metadata }

// Channels returns up to limit channels that pass the filter, with ids after one; secrets in their settings are
// null. Next is where to go on, empty at the end.
func (d *Directory) Channels(ctx context.Context, p *access.Principal, f ChannelFilter, after parley.ID, limit int) ([]parley.Channel, parley.ID, error) {
	if err := p.Require(parley.ScopeChannelsRead); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	channels, next, err := q.Channels(p.Organization, f, after, limit)
	if err != nil {
		return nil, "", err
	}
	err = describe(q, p.Organization, profile.Channel, channelFacts, pointers(channels)...)
	for i := range channels {
		channels[i] = d.shown(channels[i])
	}
	return channels, next, err
}
