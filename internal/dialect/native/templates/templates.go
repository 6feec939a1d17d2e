// Package templates answers requests about templates and saved replies.
package templates

import (
	"net/http"
	"strconv"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ core *core.Core }

// Endpoints are the operations of this package.
func Endpoints(c *core.Core) []*door.Endpoint {
	a := area{c}
	const read, write = parley.ScopeTemplatesRead, parley.ScopeTemplatesWrite
	const readReplies, writeReplies = parley.ScopeRepliesRead, parley.ScopeRepliesWrite
	return []*door.Endpoint{
		door.Audited(door.Create(door.Operation("POST /v1/templates", "createTemplate", write, "Make a template, whose first version is a draft"), http.StatusCreated, a.create),
			parley.ActTemplateCreated),
		door.ByID(door.List(door.Operation("GET /v1/templates", "listTemplates", read, "List templates"), a.list)),
		door.Get(door.Operation("GET /v1/templates/{id}", "getTemplate", read, "Get a template"), a.get),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/templates/{id}", "patchTemplate", write, "Change what a template is called"), a.patch)),
			parley.ActTemplateUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/templates/{id}", "deleteTemplate", write, "Delete a template; what was made of it stays"), a.remove)),
			parley.ActTemplateDeleted),
		door.Audited(door.Matched(door.Change(door.Operation("PUT /v1/templates/{id}/draft", "draftTemplate", write, "Write the next version of a template: its newest one where that is a draft, else a new one"), a.draft)),
			parley.ActTemplateUpdated),
		door.List(door.Operation("GET /v1/templates/{id}/versions", "listTemplateVersions", read, "List the versions of a template, newest first"), a.versions),
		door.Get(door.Operation("GET /v1/templates/{id}/versions/{number}", "getTemplateVersion", read, "Get a version of a template"), a.version),
		door.Audited(door.Matched(door.ChangeOf(door.Operation("POST /v1/templates/{id}/publish", "publishTemplate", write, "Make a version of a template the one that is sent"), a.publish)),
			parley.ActTemplatePublished),
		door.Audited(door.Matched(door.Get(door.Operation("POST /v1/templates/{id}/archive", "archiveTemplate", write, "Take the published version of a template back"), a.archive)),
			parley.ActTemplateArchived),
		door.ChangeOf(door.Operation("POST /v1/templates/{id}/preview", "previewTemplate", read, "Get what a template comes to"), a.preview),

		door.Audited(door.Create(door.Operation("POST /v1/saved-replies", "createSavedReply", writeReplies, "Make a saved reply"), http.StatusCreated, a.createReply),
			parley.ActReplyCreated),
		door.List(door.Operation("GET /v1/saved-replies", "listSavedReplies", readReplies, "List saved replies, by title"), a.replies),
		door.Get(door.Operation("GET /v1/saved-replies/{id}", "getSavedReply", readReplies, "Get a saved reply"), a.reply),
		door.Audited(door.Matched(door.Change(door.Operation("PATCH /v1/saved-replies/{id}", "patchSavedReply", writeReplies, "Change a saved reply"), a.patchReply)),
			parley.ActReplyUpdated),
		door.Audited(door.Matched(door.Order(door.Operation("DELETE /v1/saved-replies/{id}", "deleteSavedReply", writeReplies, "Delete a saved reply"), a.removeReply)),
			parley.ActReplyDeleted),
		door.ChangeOf(door.Operation("POST /v1/saved-replies/{id}/fill", "fillSavedReply", readReplies, "Get a saved reply with what is known in place of its variables"), a.fill),
	}
}

func (a area) create(c *door.Call, b *api.TemplateRequest) (api.Template, bool, error) {
	t, replayed, err := a.core.Templates.Create(c.Ctx(), c.P, b.Name, b.Description, wire.TemplateText(&b.TemplateText), c.Idempotency())
	return wire.Template(&t), replayed, err
}

func (a area) list(c *door.Call, f api.TemplateFilter) ([]api.Template, string, error) {
	list, next, err := a.core.Templates.List(c.Ctx(), c.P, f.Name, parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(list, wire.Template), string(next), err
}

func (a area) get(c *door.Call) (api.Template, error) {
	t, err := a.core.Templates.Get(c.Ctx(), c.P, c.ID())
	return wire.Template(&t), err
}

func (a area) patch(c *door.Call, b *api.TemplatePatch) (api.Template, error) {
	t, err := a.core.Templates.Rename(c.Ctx(), c.P, c.ID(), b.Name, b.Description, c.IfMatch())
	return wire.Template(&t), err
}

func (a area) remove(c *door.Call) error {
	return a.core.Templates.Delete(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) draft(c *door.Call, b *api.TemplateText) (api.TemplateVersion, error) {
	v, err := a.core.Templates.Draft(c.Ctx(), c.P, c.ID(), wire.TemplateText(b), c.IfMatch())
	return wire.TemplateVersion(&v), err
}

func (a area) versions(c *door.Call, f api.Page) ([]api.TemplateVersion, string, error) {
	before := 0
	if f.After != "" {
		var err error
		if before, err = strconv.Atoi(f.After); err != nil || before < 1 {
			return nil, "", door.ErrCursor()
		}
	}
	list, next, err := a.core.Templates.Versions(c.Ctx(), c.P, c.ID(), before, door.Limit(f.Limit))
	cursor := ""
	if next > 0 {
		cursor = strconv.Itoa(next)
	}
	return wire.Each(list, wire.TemplateVersion), cursor, err
}

func (a area) version(c *door.Call) (api.TemplateVersion, error) {
	number, err := c.Number()
	if err != nil {
		return api.TemplateVersion{}, err
	}
	v, err := a.core.Templates.Version(c.Ctx(), c.P, c.ID(), number)
	return wire.TemplateVersion(&v), err
}

func (a area) publish(c *door.Call, b *api.TemplateChoice) (api.Template, error) {
	t, err := a.core.Templates.Publish(c.Ctx(), c.P, c.ID(), b.Version, c.IfMatch())
	return wire.Template(&t), err
}

func (a area) archive(c *door.Call) (api.Template, error) {
	t, err := a.core.Templates.Archive(c.Ctx(), c.P, c.ID(), c.IfMatch())
	return wire.Template(&t), err
}

func (a area) preview(c *door.Call, b *api.TemplatePreview) (api.Rendered, error) {
	r, err := a.core.Templates.Preview(c.Ctx(), c.P, template.Use{ID: c.ID(), Version: b.Version, Locale: b.Locale, Variables: b.Variables})
	out := wire.Rendered(r.Body, nil)
	out.Version, out.Locale = r.Of.Version, r.Of.Locale
	return out, err
}

func (a area) createReply(c *door.Call, b *api.SavedReplyRequest) (api.SavedReply, bool, error) {
	made := parley.SavedReply{Owner: parley.Actor{Kind: parley.ActorKind(b.Owner.Kind), ID: parley.ID(b.Owner.ID)}, Title: b.Title, Shortcut: b.Shortcut,
		Folder: b.Folder, Tags: b.Tags, Body: wire.Parts(b.Body)}
	r, replayed, err := a.core.Templates.CreateReply(c.Ctx(), c.P, made, c.Idempotency())
	return wire.SavedReply(&r), replayed, err
}

func (a area) replies(c *door.Call, f api.SavedReplyFilter) ([]api.SavedReply, string, error) {
	after, err := door.Place[template.ReplyPosition](f.After)
	if err != nil {
		return nil, "", err
	}
	filter := template.ReplyFilter{Owner: parley.Actor{Kind: parley.ActorKind(f.Owner), ID: parley.ID(f.Team)}, Prefix: f.Prefix, Folder: f.Folder}
	list, next, err := a.core.Templates.Replies(c.Ctx(), c.P, filter, after, door.Limit(f.Limit))
	if err != nil {
		return nil, "", door.Renamed(err, "owner.id", "team")
	}
	cursor, err := door.Cursor(next)
	return wire.Each(list, wire.SavedReply), cursor, err
}

func (a area) reply(c *door.Call) (api.SavedReply, error) {
	r, err := a.core.Templates.Reply(c.Ctx(), c.P, c.ID())
	return wire.SavedReply(&r), err
}

func (a area) patchReply(c *door.Call, b *api.SavedReplyPatch) (api.SavedReply, error) {
	patch := template.ReplyPatch{Title: b.Title, Shortcut: b.Shortcut, Folder: b.Folder, Tags: b.Tags, Body: wire.Parts(b.Body)}
	r, err := a.core.Templates.UpdateReply(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.SavedReply(&r), err
}

func (a area) removeReply(c *door.Call) error {
	return a.core.Templates.DeleteReply(c.Ctx(), c.P, c.ID(), c.IfMatch())
}

func (a area) fill(c *door.Call, b *api.SavedReplyFill) (api.Rendered, error) {
	body, missing, err := a.core.Templates.Fill(c.Ctx(), c.P, c.ID(), template.FillParams{Conversation: parley.ID(b.Conversation), Contact: parley.ID(b.Contact)})
	return wire.Rendered(body, missing), err
}
