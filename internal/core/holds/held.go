package holds

import (
	"context"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

// Content is a thing that only a hold keeps, with all that is kept of it.
type Content struct {
	parley.Held
	Message *parley.Message // of a message
	Contact *parley.Contact // of a contact
	Files   []parley.Media
	Texts   []parley.HeldText // what else there is: of providers, for dialects
}

// Held returns up to limit things that only holds keep, of one conversation or of all, without their content, with ids after
// one; next is where to go on, empty at the end. Whoever may read them sees all of the organization.
func (h *Holds) Held(ctx context.Context, p *access.Principal, conversation, after parley.ID, limit int) ([]parley.Held, parley.ID, error) {
	if err := p.Require(parley.ScopeAdminHold); err != nil {
		return nil, "", err
	}
	return hold.ListHeld(h.o.Store.Read(ctx), p.Organization, conversation, after, limit)
}

// Read returns what a hold keeps of a message or a contact. That it was read is in the audit log then.
func (h *Holds) Read(ctx context.Context, p *access.Principal, id parley.ID) (*Content, error) {
	return audit.Read(ctx, h.log, p, id, func(tx *store.Tx) (*Content, parley.Act, error) {
		content, err := read(tx.Queries, p.Organization, id)
		if err != nil {
			return nil, "", err
		}
		return content, actOf(content.Kind), nil
	})
}

func actOf(kind parley.HeldKind) parley.Act {
	if kind == parley.HeldContact {
		return parley.ActHeldContactRead
	}
	return parley.ActHeldRead
}

func read(q store.Queries, organization, id parley.ID) (*Content, error) {
	held, err := hold.Held(q, organization, id)
	if err != nil {
		return nil, err
	}
	texts, err := hold.Texts(q, organization, id)
	if err != nil {
		return nil, err
	}
	content := &Content{Held: held}
	if held.Kind == parley.HeldContact {
		content.Contact = new(parley.Contact)
		*content.Contact, content.Texts, err = hold.Contact(texts)
		return content, err
	}
	m, err := q.Message(organization, id)
	if err != nil {
		return nil, err
	}
	if content.Texts, err = hold.Message(&m, texts); err != nil {
		return nil, err
	}
	m.Removed, m.RemovedAt = "", time.Time{} // the content is there
	if err := thread.FillStates(q, organization, []*parley.Message{&m}); err != nil {
		return nil, err
	}
	content.Message = &m
	content.Files, err = hold.Files(q, organization, id)
	return content, err
}

// Open returns a file of a message that only a hold keeps, and its bytes. That it was read is in the audit log then. The
// caller closes them.
func (h *Holds) Open(ctx context.Context, p *access.Principal, id, file parley.ID) (parley.Media, media.Blob, error) {
	found, err := audit.Read(ctx, h.log, p, id, func(tx *store.Tx) (parley.Media, parley.Act, error) {
		files, err := hold.Files(tx.Queries, p.Organization, id)
		for _, f := range files {
			if f.ID == file {
				return f, parley.ActHeldRead, err
			}
		}
		if err == nil {
			err = parley.NotFound("media", file)
		}
		return parley.Media{}, "", err
	})
	if err != nil {
		return parley.Media{}, nil, err
	}
	blob, err := h.o.Blobs.Open(p.Organization, file)
	return found, blob, err
}
