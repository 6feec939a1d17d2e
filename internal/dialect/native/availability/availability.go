// Package availability answers requests about what users do not want to be disturbed by.
package availability

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/availability"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const own = parley.ScopeUsersSelf
	set := door.Operation("PUT /v1/users/{id}/do-not-disturb", "setDoNotDisturb", own, "Turn a user's do-not-disturb on, or change it")
	set.Details = "One's own; that of somebody else needs users:write too. Messages come all the same; who writes is told once. " +
		"With forwardTo, what is written to the user directly also goes to that user or role, as a copy in the author's own conversation with them."
	return []*door.Endpoint{
		door.Audited(door.Matched(door.Change(set, a.set)), parley.ActDoNotDisturbOn),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/users/{id}/do-not-disturb", "clearDoNotDisturb", own,
			"Turn a user's do-not-disturb off"), a.clear)), parley.ActDoNotDisturbOff),
		door.ChangeOf(door.Operation("PUT /v1/conversations/{id}/mute", "muteConversation", parley.ScopeConversationsRead,
			"Mute a conversation for the key's user"), a.mute),
		door.Order(door.Operation("DELETE /v1/conversations/{id}/mute", "unmuteConversation", parley.ScopeConversationsRead,
			"Mute a conversation no more"), a.unmute),
	}
}

func (a area) set(c *door.Call, b *api.DoNotDisturbRequest) (api.User, error) {
	params := availability.Params{Until: b.Until.Time, Text: b.Text}
	if to := b.ForwardTo; to != nil {
		if to.User == "" && to.Role == "" {
			return api.User{}, parley.Invalid("forwardTo", "recipient-required", "must name a user or a role")
		}
		params.ForwardUser, params.ForwardRole = parley.ID(to.User), parley.ID(to.Role)
	}
	u, err := a.core.Availability.Set(c.Ctx(), c.P, c.ID(), params, c.IfMatch())
	return wire.User(&u), err
}

func (a area) clear(c *door.Call) error {
	return a.core.Availability.Clear(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) mute(c *door.Call, b *api.Mute) (api.Conversation, error) {
	found, err := a.core.Availability.Mute(c.Ctx(), c.P, c.ID(), b.Until.Time)
	return wire.Conversation(&found), err
}

func (a area) unmute(c *door.Call) error { return a.core.Availability.Unmute(c.Ctx(), c.P, c.ID()) }
