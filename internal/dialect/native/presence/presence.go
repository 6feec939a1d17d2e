// Package presence answers requests about who is there and who is writing.
package presence

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	set := door.Operation("PUT /v1/presence", "setPresence", parley.ScopeUsersSelf, "Say where the key's user is")
	set.Details = "For clients without a live stream, or of somebody who is away or wants not to be seen. It is kept nowhere: repeat it every 30 s."
	typing := door.Operation("POST /v1/conversations/{id}/typing", "showTyping", parley.ScopeMessagesSend, "Show that the key's user is writing")
	typing.Details = "Live streams that ask for hints, of those who see the conversation, get it at once, and nothing keeps it. Repeat it every few seconds; who has heard nothing for 6 s takes it for over."
	return []*door.Endpoint{
		door.GetBy(door.Operation("GET /v1/presence", "getPresence", parley.ScopeUsersRead, "Get where users are"), a.get),
		door.OrderOf(set, a.set),
		door.OrderOf(typing, a.typing),
	}
}

func (a area) get(c *door.Call, f api.PresenceFilter) (api.PresenceList, error) {
	ids := make([]parley.ID, len(f.Users))
	for i, id := range f.Users {
		if ids[i] = parley.ID(id); !ids[i].Valid() {
			return api.PresenceList{}, parley.Invalid("user", "text-invalid", "must be the ids of users, separated by commas")
		}
	}
	list, err := a.core.Presence.Of(c.Ctx(), c.P, ids)
	return api.PresenceList{Data: wire.Each(list, presence)}, err
}

func presence(p *parley.Presence) api.UserPresence {
	return api.UserPresence{User: string(p.User), Status: api.PresenceStatus(p.Status)}
}

func (a area) set(c *door.Call, b *api.PresenceRequest) error {
	return a.core.Presence.Set(c.Ctx(), c.P, parley.PresenceStatus(b.Status))
}

func (a area) typing(c *door.Call, b *api.TypingRequest) error {
	return a.core.Presence.Typing(c.Ctx(), c.P, c.ID(), b.Typing == nil || *b.Typing)
}
