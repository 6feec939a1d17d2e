// Package groups answers requests about groups and forums.
package groups

import (
	"net/http"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/groups"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, write = parley.ScopeConversationsRead, parley.ScopeConversationsWrite
	return []*door.Endpoint{
		door.Create(door.Operation("POST /v1/groups", "createGroup", write, "Make a group, with its conversation"), http.StatusCreated, a.create),
		door.ByID(door.List(door.Operation("GET /v1/groups", "listGroups", read, "List groups: forums, and those that the key's user is in"), a.list)),
		door.Get(door.Operation("GET /v1/groups/{id}", "getGroup", read, "Get a group"), a.get),
		door.Matched(door.Change(door.Operation("PATCH /v1/groups/{id}", "patchGroup", write, "Change a group"), a.patch)),
		door.ByID(door.List(door.Operation("GET /v1/groups/{id}/members", "listGroupMembers", read, "List the users of a group"), a.members)),
		door.Audited(door.Change(door.Operation("POST /v1/groups/{id}/members", "addGroupMembers", write, "Let users into a group"), a.add),
			parley.ActParticipantAdded),
		door.Audited(door.Order(door.Operation("DELETE /v1/groups/{id}/members/{userId}", "removeGroupMember", write, "Take a user out of a group"), a.remove),
			parley.ActParticipantRemoved),
		door.Audited(door.Get(door.Operation("POST /v1/groups/{id}/join", "joinGroup", write, "Let the key's user into a forum"), a.join), parley.ActParticipantAdded),
		door.Audited(door.Order(door.Operation("POST /v1/groups/{id}/leave", "leaveGroup", write, "Take the key's user out of a group"), a.leave),
			parley.ActParticipantRemoved),
	}
}

func render(g *groups.Group) api.Group {
	out := api.Group{ID: string(g.ID), ConversationID: string(g.ID), Name: g.Name, Description: g.Description, Avatar: string(g.Avatar), Metadata: g.Metadata,
		Forum: g.Forum, ReplayHistory: g.ReplayHistory, MemberCount: g.MemberCount, Member: g.Member, Rev: g.Rev, CreatedAt: api.NewTime(g.CreatedAt)}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	return out
}

func (a area) create(c *door.Call, b *api.GroupRequest) (api.Group, bool, error) {
	params := groups.Params{Name: b.Name, Description: b.Description, Avatar: parley.ID(b.Avatar), Metadata: b.Metadata, Members: wire.IDs(b.Members),
		GroupRules: parley.GroupRules{Forum: b.Forum, ReplayHistory: b.Forum}}
	if b.ReplayHistory != nil {
		params.ReplayHistory = *b.ReplayHistory
	}
	g, replayed, err := a.core.Groups.Create(c.Ctx(), c.P, params, c.Idempotency())
	return render(&g), replayed, err
}

func (a area) list(c *door.Call, f api.GroupFilter) ([]api.Group, string, error) {
	list, next, err := a.core.Groups.List(c.Ctx(), c.P, groups.Filter{Forum: f.Forum == "true", Mine: f.Mine == "true"}, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, render), string(next), err
}

func (a area) get(c *door.Call) (api.Group, error) {
	g, err := a.core.Groups.Get(c.Ctx(), c.P, c.ID())
	return render(&g), err
}

func (a area) patch(c *door.Call, b *api.GroupPatch) (api.Group, error) {
	patch := groups.Patch{Name: b.Name, Description: b.Description, Avatar: wire.Convert[parley.ID](b.Avatar), Metadata: b.Metadata, ReplayHistory: b.ReplayHistory}
	g, err := a.core.Groups.Update(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return render(&g), err
}

func (a area) members(c *door.Call, f api.Page) ([]api.Member, string, error) {
	members, next, err := a.core.Groups.Members(c.Ctx(), c.P, c.ID(), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(members, func(m *parley.Actor) api.Member {
		return api.Member{Kind: api.ActorKind(m.Kind), ID: string(m.ID), Name: m.Name}
	}), string(next), err
}

func (a area) add(c *door.Call, b *api.GroupMembers) (api.Group, error) {
	g, err := a.core.Groups.Add(c.Ctx(), c.P, c.ID(), wire.IDs(b.Users))
	return render(&g), err
}

func (a area) remove(c *door.Call) error {
	return a.core.Groups.Remove(c.Ctx(), c.P, c.ID(), parley.ID(c.Path("userId")))
}

func (a area) join(c *door.Call) (api.Group, error) {
	g, err := a.core.Groups.Join(c.Ctx(), c.P, c.ID())
	return render(&g), err
}

func (a area) leave(c *door.Call) error { return a.core.Groups.Leave(c.Ctx(), c.P, c.ID()) }
