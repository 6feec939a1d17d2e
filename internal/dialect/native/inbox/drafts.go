package inbox

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/inbox"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (a area) createDraft(c *door.Call, b *api.DraftRequest) (api.Draft, bool, error) {
	params := inbox.DraftParams{Shared: b.Shared, Body: wire.Parts(b.Body), Attachments: wire.IDs(b.Attachments), Internal: b.Internal, ReplyTo: parley.ID(b.ReplyTo)}
	made, replayed, err := a.core.CreateDraft(c.Ctx(), c.P, c.ID(), params, c.Idempotency())
	return wire.Draft(&made), replayed, err
}

func (a area) draftsIn(c *door.Call, f api.Page) ([]api.Draft, string, error) {
	drafts, next, err := a.core.Drafts(c.Ctx(), c.P, c.ID(), parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(drafts, wire.Draft), string(next), err
}

func (a area) drafts(c *door.Call, f api.Page) ([]api.Draft, string, error) {
	drafts, next, err := a.core.Drafts(c.Ctx(), c.P, "", parley.ID(f.After), door.Limit(f.Limit))
	return wire.Each(drafts, wire.Draft), string(next), err
}

func (a area) draft(c *door.Call) (api.Draft, error) {
	found, err := a.core.Draft(c.Ctx(), c.P, c.ID())
	return wire.Draft(&found), err
}

func (a area) patchDraft(c *door.Call, b *api.DraftPatch) (api.Draft, error) {
	patch := inbox.DraftPatch{Shared: b.Shared, Internal: b.Internal, ReplyTo: wire.Convert[parley.ID](b.ReplyTo)}
	if b.Body != nil {
		patch.Body = new(wire.Parts(*b.Body))
	}
	if b.Attachments != nil {
		patch.Attachments = new(wire.IDs(*b.Attachments))
	}
	changed, err := a.core.UpdateDraft(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Draft(&changed), err
}

func (a area) deleteDraft(c *door.Call) error {
	return a.core.DeleteDraft(c.Ctx(), c.P, c.ID(), c.IfMatch())
}
