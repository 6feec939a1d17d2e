package hours

import (
	"cmp"
	"net/http"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) replyEndpoints() []*door.Endpoint {
	const read, write = parley.ScopeOrganizationRead, parley.ScopeOrganizationWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/auto-replies", "createAutoReply", write, "Make a rule that answers messages from outside"),
			http.StatusCreated, a.createReply), parley.ActAutoReplyCreated),
		door.ByID(door.List(door.Operation("GET /v1/auto-replies", "listAutoReplies", read, "List rules that answer messages from outside"), a.replies)),
		door.Get(door.Operation("GET /v1/auto-replies/{id}", "getAutoReply", read, "Get a rule that answers messages from outside"), a.reply),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/auto-replies/{id}", "patchAutoReply", write, "Change a rule that answers messages from outside"), a.patchReply)),
			parley.ActAutoReplyUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/auto-replies/{id}", "deleteAutoReply", write, "Delete a rule that answers messages from outside"), a.removeReply)),
			parley.ActAutoReplyDeleted),
	}
}

const usualThrottle = 3600 // seconds

func renderReply(r *parley.AutoReply) api.AutoReply {
	out := api.AutoReply{ID: string(r.ID), Name: r.Name, Enabled: r.Enabled, Position: r.Position, When: string(r.When), Schedule: string(r.Schedule),
		Channels: names(r.Channels), Platforms: names(r.Platforms), Teams: names(r.Teams), Text: r.Text, Class: api.MessageClass(r.Class),
		Throttle: int64(r.Throttle / time.Second), Each: each(r.Each), Limit: r.Limit, Rev: r.Rev, CreatedAt: api.NewTime(r.CreatedAt)}
	if r.Template != "" {
		out.Template = &api.AutoTemplate{ID: string(r.Template), Locale: r.Locale}
	}
	return out
}

func each(kind parley.ActorKind) string {
	if kind == parley.ActorContact {
		return "contact"
	}
	return "conversation"
}

func eachOf(name string) parley.ActorKind {
	if name == "conversation" {
		return ""
	}
	return parley.ActorContact
}

func (a area) createReply(c *door.Call, b *api.AutoReplyRequest) (api.AutoReply, bool, error) {
	made := parley.AutoReply{Name: b.Name, Enabled: b.Enabled == nil || *b.Enabled, Position: b.Position, When: parley.AutoWhen(b.When), Schedule: parley.ID(b.Schedule),
		Channels: wire.IDs(b.Channels), Platforms: b.Platforms, Teams: wire.IDs(b.Teams), Text: b.Text, Class: cmp.Or(parley.MessageClass(b.Class), parley.ClassService),
		Throttle: usualThrottle * time.Second, Each: eachOf(b.Each), Limit: b.Limit}
	if b.Throttle != nil {
		made.Throttle = time.Duration(*b.Throttle) * time.Second
	}
	if b.Template != nil {
		made.Template, made.Locale = parley.ID(b.Template.ID), b.Template.Locale
	}
	r, replayed, err := a.core.Hours.CreateReply(c.Ctx(), c.P, made, c.Idempotency())
	return renderReply(&r), replayed, err
}

func (a area) replies(c *door.Call, f api.Page) ([]api.AutoReply, string, error) {
	list, next, err := a.core.Hours.Replies(c.Ctx(), c.P, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, renderReply), string(next), err
}

func (a area) reply(c *door.Call) (api.AutoReply, error) {
	r, err := a.core.Hours.Reply(c.Ctx(), c.P, c.ID())
	return renderReply(&r), err
}

func (a area) patchReply(c *door.Call, b *api.AutoReplyPatch) (api.AutoReply, error) {
	patch := hours.ReplyPatch{Name: b.Name, Enabled: b.Enabled, Position: b.Position, When: wire.Convert[parley.AutoWhen](b.When), Schedule: wire.Convert[parley.ID](b.Schedule),
		Platforms: b.Platforms, Text: b.Text, Class: wire.Convert[parley.MessageClass](b.Class), Limit: b.Limit}
	for _, list := range []struct {
		from *[]string
		to   **[]parley.ID
	}{{b.Channels, &patch.Channels}, {b.Teams, &patch.Teams}} {
		if list.from != nil {
			*list.to = new(wire.IDs(*list.from))
		}
	}
	if b.Throttle != nil {
		patch.Throttle = new(time.Duration(*b.Throttle) * time.Second)
	}
	if b.Each != nil {
		patch.Each = new(eachOf(*b.Each))
	}
	if b.Template != nil {
		patch.Template, patch.Locale = new(parley.ID(b.Template.ID)), &b.Template.Locale
	}
	r, err := a.core.Hours.UpdateReply(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return renderReply(&r), err
}

func (a area) removeReply(c *door.Call) error {
	return a.core.Hours.DeleteReply(c.Ctx(), c.P, c.ID(), c.IfMatch())
}
