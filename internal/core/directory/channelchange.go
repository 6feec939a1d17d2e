package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/profile"
)

// ChannelPatch changes a channel. What is nil stays as it is.
type ChannelPatch struct {
	Name           *string
	Address        *string
	Settings       json.RawMessage // all of them, but a secret given as null stays as it is
	Reopen         *parley.ReopenPolicy
	Conversational *bool
	Open           *bool
	Members        *[]parley.ID // all of them
	Default        *bool
	Rate           *int
	Concurrency    *int // 0: the default
	OnUnknown      *parley.UnknownPolicy
	Metadata       map[string]*string // one by one; nil removes one
	Paused         *bool              // a paused channel sends nothing; what is queued waits
}

// errMoved says that a channel changed between the check of its settings and the unit.
var errMoved = errors.New("changed meanwhile")

// UpdateChannel changes a channel. Settings or an address that change are checked by the connector before
// anything is written. An ifMatch that is not 0 must be the channel's revision.
func (d *Directory) UpdateChannel(ctx context.Context, p *access.Principal, id parley.ID, patch ChannelPatch, ifMatch int64) (parley.Channel, error) {
	if err := p.Require(parley.ScopeChannelsWrite); err != nil {
		return parley.Channel{}, err
	}
	for range 5 {
		ch, err := d.updateChannel(ctx, p, id, patch, ifMatch)
		switch {
		case err == nil:
			return d.shown(ch), nil
		case !errors.Is(err, errMoved):
			return parley.Channel{}, err // and not what it was going to be
		}
	}
	return parley.Channel{}, parley.Conflict("channel-busy", "the channel keeps changing; try again")
}

// updateChannel applies the patch to the channel as it is now, checks the result outside of a transaction,
// and writes it if the channel is still the same.
func (d *Directory) updateChannel(ctx context.Context, p *access.Principal, id parley.ID, patch ChannelPatch, ifMatch int64) (parley.Channel, error) {
	before, err := findChannel(d.store.Read(ctx), p.Organization, id)
	if err != nil {
		return before, err
	}
	if err := parley.MatchRev(ifMatch, before.Rev); err != nil {
		return before, err
	}
	ch, err := d.patched(before, patch)
	if err != nil {
		return ch, err
	}
	if !bytes.Equal(ch.Settings, before.Settings) || ch.Address != before.Address {
		if err := d.checkConnector(ctx, ch); err != nil {
			return ch, err
		}
	}
	return written(ctx, d, p, func(tx *store.Tx) (parley.Channel, error) {
		return d.replaceChannel(tx, p, before, ch)
	})
}

// replaceChannel writes a channel, if it is still what it was before.
func (d *Directory) replaceChannel(tx *store.Tx, p *access.Principal, before, ch parley.Channel) (parley.Channel, error) {
	now, err := tx.Channel(p.Organization, ch.ID)
	if err != nil {
		return ch, err
	}
	if now.Rev != before.Rev {
		return ch, errMoved
	}
	if err := requireUsers(tx.Queries, p.Organization, "members", ch.Members); err != nil {
		return ch, err
	}
	if !before.Default {
		if err := moveDefault(tx, p, ch); err != nil {
			return ch, err
		}
	}
	emit(tx, p, parley.EventChannelUpdated, ch.ID)
	if err := p.Did(tx, parley.ActChannelUpdated, ch.ID, changesOfChannel(before, ch)); err != nil {
		return ch, err
	}
	if before.Paused && !ch.Paused || before.Rate != ch.Rate || before.Concurrency != ch.Concurrency {
		tx.After(func() { d.channelChanged(p.Organization, ch.ID) })
	}
	if err := profile.SetMetadata(tx, p.Organization, profile.Channel, ch.ID, ch.Metadata); err != nil {
		return ch, err
	}
	err = tx.UpdateChannel(p.Organization, &ch)
	return ch, parley.About(err, "default-taken", "default")
}

func (d *Directory) patched(ch parley.Channel, patch ChannelPatch) (parley.Channel, error) {
	parley.Set(&ch.Name, patch.Name)
	parley.Set(&ch.Address, patch.Address)
	parley.Set(&ch.Reopen, patch.Reopen)
	parley.Set(&ch.Conversational, patch.Conversational)
	parley.Set(&ch.Open, patch.Open)
	parley.Set(&ch.Default, patch.Default)
	parley.Set(&ch.Rate, patch.Rate)
	parley.Set(&ch.Concurrency, patch.Concurrency)
	parley.Set(&ch.OnUnknown, patch.OnUnknown)
	parley.Set(&ch.Paused, patch.Paused)
	ch.Metadata = changeFacts(ch.Metadata, patch.Metadata)
	if patch.Members != nil {
		ch.Members = unique(*patch.Members)
	} else if ch.Open {
		ch.Members = nil
	}
	var c check
	if patch.Reopen != nil && ch.Reopen == "" {
		c.Refuse("reopen", "value-unknown", "must not be empty")
	}
	if patch.OnUnknown != nil && ch.OnUnknown == "" {
		c.Refuse("onUnknown", "value-unknown", "must not be empty")
	}
	if len(patch.Settings) > 0 && len(patch.Settings) <= maxSettings {
		ch.Settings = mergedSettings(d.connectors[ch.Connector], ch.Settings, patch.Settings)
	} else if len(patch.Settings) > 0 {
		c.Refuse("settings", "too-long", "must be at most %d bytes of JSON", maxSettings)
	}
	c.channel(&ch)
	return ch, c.Err()
}

// DeleteChannel ends a channel: it is found no more, and sends nothing. What it sent stays. An ifMatch that is
// not 0 must be its revision.
func (d *Directory) DeleteChannel(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeChannelsWrite); err != nil {
		return err
	}
	return d.write(ctx, p, func(tx *store.Tx) error {
		ch, err := tx.Channel(p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, ch.Rev); err != nil {
			return err
		}
		emit(tx, p, parley.EventChannelDeleted, id)
		var changes parley.Changes
		changes.Gone("name", ch.Name)
		if err := p.Did(tx, parley.ActChannelDeleted, id, changes); err != nil {
			return err
		}
		tx.After(func() { d.channelChanged(p.Organization, id) })
		tx.Erased() // its secrets
		return tx.DeleteChannel(p.Organization, id)
	})
}

// madeChannel is what the audit log says of a new channel.
func madeChannel(ch parley.Channel) parley.Changes {
	var changes parley.Changes
	changes.Made("name", ch.Name)
	changes.Made("connector", ch.Connector)
	changes.Made("platform", ch.Platform)
	changes.Made("address", ch.Address)
	changes.Made("open", ch.Open)
	changes.Made("members", ch.Members)
	changes.Made("default", ch.Default)
	return changes
}

// changesOfChannel are what a change of a channel changed. Settings are named without values: they may be secrets.
func changesOfChannel(before, ch parley.Channel) parley.Changes {
	var changes parley.Changes
	changes.Set("name", before.Name, ch.Name)
	changes.Set("address", before.Address, ch.Address)
	for _, name := range changedSettings(before.Settings, ch.Settings) {
		changes.Name("settings."+name, true)
	}
	changes.Set("reopen", string(before.Reopen), string(ch.Reopen))
	changes.Set("conversational", before.Conversational, ch.Conversational)
	changes.Set("open", before.Open, ch.Open)
	changes.Set("members", sorted(before.Members), sorted(ch.Members))
	changes.Set("default", before.Default, ch.Default)
	changes.Set("rate", before.Rate, ch.Rate)
	changes.Set("concurrency", before.Concurrency, ch.Concurrency)
	changes.Set("onUnknown", string(before.OnUnknown), string(ch.OnUnknown))
	changes.Set("paused", before.Paused, ch.Paused)
	return changes
}

func sorted(ids []parley.ID) []parley.ID {
	list := slices.Clone(ids)
	slices.Sort(list)
	return list
}

// changedSettings are the names of settings that differ, in order.
func changedSettings(before, after json.RawMessage) []string {
	var old, now map[string]any
	_ = json.Unmarshal(before, &old) // what is no object has no settings
	_ = json.Unmarshal(after, &now)
	names := maps.Clone(old)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, now)
	maps.DeleteFunc(names, func(name string, _ any) bool { return reflect.DeepEqual(old[name], now[name]) })
	return slices.Sorted(maps.Keys(names))
}

// shownSettings are a channel's settings without what must not be shown: a secret that is set is null.
func shownSettings(definition connector.Definition, settings json.RawMessage) json.RawMessage {
	var shown map[string]any
	if err := json.Unmarshal(definition.PublicSettings(settings), &shown); err != nil || len(shown) == 0 {
		return json.RawMessage("{}")
	}
	known := make(map[string]bool, len(definition.Settings))
	for _, s := range definition.Settings {
		known[s.Name] = true
		if _, isSet := shown[s.Name]; isSet && s.Secret {
			shown[s.Name] = nil
		}
	}
	for name := range shown {
		if !known[name] { // of a connector that is no longer there: perhaps a secret
			delete(shown, name)
		}
	}
	encoded, err := json.Marshal(shown)
	if err != nil {
		return json.RawMessage("{}")
	}
	return encoded
}

// mergedSettings are new settings in which what came back as it was shown stays as it is stored.
func mergedSettings(definition connector.Definition, stored, given json.RawMessage) json.RawMessage {
	var old, shown, merged map[string]any
	if json.Unmarshal(stored, &old) != nil || json.Unmarshal(given, &merged) != nil || merged == nil {
		return given
	}
	_ = json.Unmarshal(shownSettings(definition, stored), &shown)
	for _, s := range definition.Settings {
		value, isGiven := merged[s.Name]
		before, isShown := shown[s.Name]
		if isGiven && isShown && reflect.DeepEqual(value, before) {
			merged[s.Name] = old[s.Name]
		}
	}
	encoded, err := json.Marshal(merged)
	if err != nil {
		return given
	}
	return encoded
}
