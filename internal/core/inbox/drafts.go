package inbox

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/inbox"
)

// Limits of drafts. What else a message may be is looked at when it is sent.
const (
	maxDrafts      = 50 // of a user in a conversation
	maxDraftParts  = 100
	maxDraftText   = 100_000 // characters of a part
	maxDraftedFile = 100
)

// DraftParams is a draft to make, or what one is to become.
type DraftParams struct {
	Shared      bool // with all who see the conversation
	Body        []parley.Part
	Attachments []parley.ID
	Internal    bool
	ReplyTo     parley.ID
}

// DraftPatch changes a draft. What is nil stays as it is.
type DraftPatch struct {
	Shared      *bool
	Body        *[]parley.Part
	Attachments *[]parley.ID
	Internal    *bool
	ReplyTo     *parley.ID
}

// CreateDraft keeps what the principal's user has written for a conversation, and says whether the request was a repeat.
func (i *Inbox) CreateDraft(ctx context.Context, p *access.Principal, conversation parley.ID, params DraftParams, again *access.Idempotency) (parley.Draft, bool, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Draft{}, false, err
	}
	made := parley.Draft{ID: parley.NewID(i.now(ctx, p.Organization)), User: p.User, Shared: params.Shared, Body: params.Body, Internal: params.Internal, ReplyTo: params.ReplyTo}
	if err := checkDraft(&made, params.Attachments); err != nil {
		return parley.Draft{}, false, err
	}
	replay, err := p.Once(ctx, i.store, again, 201, made.ID, func(tx *store.Tx) error {
		s := thread.NewSight(tx.Queries, p)
		c, err := s.Conversation(conversation)
		if err != nil {
			return err
		}
		if err := s.MayChange(&c); err != nil {
			return err
		}
		n, err := inbox.CountDrafts(tx.Queries, p.Organization, c.ID, p.User, maxDrafts)
		if err == nil && n >= maxDrafts {
			err = parley.Conflict("drafts-full", "a user has at most %d drafts in a conversation", maxDrafts)
		}
		if err != nil {
			return err
		}
		made.Conversation = c.ID
		return saveDraft(tx, p, &made, params.Attachments, "created")
	})
	if err == nil && replay != nil {
		made, err = i.Draft(ctx, p, replay.Resource)
	}
	if err != nil {
		return parley.Draft{}, false, err
	}
	return made, replay != nil, nil
}

// saveDraft writes a draft whose files are named, of which those are the principal's own that it did not have.
func saveDraft(tx *store.Tx, p *access.Principal, d *parley.Draft, files []parley.ID, what string) error {
	if d.ReplyTo != "" {
		m, err := tx.Message(p.Organization, d.ReplyTo)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && m.Conversation != d.Conversation {
			return parley.Invalid("replyTo", "reply-unknown", "must be a message of the same conversation")
		}
		if err != nil {
			return err
		}
	}
	found, err := tx.MediaByID(p.Organization, files)
	if err != nil {
		return err
	}
	had := d.Attachments
	d.Attachments = nil
	for n, id := range files {
		f := found[id]
		had := slices.ContainsFunc(had, func(a parley.Attachment) bool { return a.Media == id })
		if f == nil || !had && p.Personal && f.Uploader != p.User {
			return parley.Invalid(fmt.Sprintf("attachments[%d]", n), "media-unknown", "must be the id of a file that you uploaded")
		}
		d.Attachments = append(d.Attachments, parley.Attachment{Media: f.ID, Name: f.Name, ContentType: f.ContentType, Size: f.Size})
	}
	emitDraft(tx, p, d, what)
	return inbox.SaveDraft(tx, p.Organization, d)
}

// emitDraft tells those who see a draft what became of it.
func emitDraft(tx *store.Tx, p *access.Principal, d *parley.Draft, what string) {
	data := parley.EventData{Actor: p.User, Status: what}
	if !d.Shared {
		data.User = d.User
	}
	tx.Emit(p.Organization, parley.Event{Type: parley.EventDraftUpdated, Conversation: d.Conversation, Subject: d.ID, Data: data})
}

func checkDraft(d *parley.Draft, files []parley.ID) error {
	var c parley.Check
	if len(d.Body) > maxDraftParts {
		c.Refuse("body", "too-many", "must have at most %d parts", maxDraftParts)
	}
	if len(files) > maxDraftedFile {
		c.Refuse("attachments", "too-many", "must be at most %d", maxDraftedFile)
	}
	for _, part := range d.Body {
		for _, text := range []string{part.Text, part.Label} {
			c.Text("body", text, false, maxDraftText)
		}
	}
	return c.Err()
}

// SeenDraft returns a draft that a principal sees: its own, or one that is shared, of a conversation that it sees.
func SeenDraft(s *thread.Sight, q store.Queries, id parley.ID) (parley.Draft, parley.Conversation, error) {
	p := s.Principal()
	d, err := inbox.Draft(q, p.Organization, id)
	if err != nil {
		return d, parley.Conversation{}, err
	}
	c, err := s.Conversation(d.Conversation)
	if err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return parley.Draft{}, c, err
	}
	if own := d.User == p.User && p.User != ""; err != nil || !own && (!d.Shared || s.MayChange(&c) != nil) {
		return parley.Draft{}, parley.Conversation{}, parley.NotFound("draft", id)
	}
	return d, c, nil
}

// Draft returns a draft.
func (i *Inbox) Draft(ctx context.Context, p *access.Principal, id parley.ID) (parley.Draft, error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return parley.Draft{}, err
	}
	q := i.store.Read(ctx)
	d, _, err := SeenDraft(thread.NewSight(q, p), q, id)
	return d, err
}

// Drafts returns up to limit drafts with ids above one: those of a conversation that the principal sees, or, without one, its
// own; next is where to go on, empty at the end.
func (i *Inbox) Drafts(ctx context.Context, p *access.Principal, conversation, after parley.ID, limit int) (list []parley.Draft, next parley.ID, err error) {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return nil, "", err
	}
	q := i.store.Read(ctx)
	s := thread.NewSight(q, p)
	if conversation == "" {
		list, err = inbox.DraftsOf(q, p.Organization, p.User, after, limit+1)
	} else {
		c, missing := s.Conversation(conversation)
		if missing != nil {
			return nil, "", missing
		}
		list, err = inbox.Drafts(q, p.Organization, c.ID, p.User, s.MayChange(&c) == nil, after, limit+1)
	}
	if err != nil {
		return nil, "", err
	}
	if len(list) > limit {
		list, next = list[:limit], list[limit-1].ID
	}
	if conversation == "" {
		list, err = visible(s, q, list)
	}
	return list, next, err
}

// visible are those of some drafts whose conversations are seen: others may have changed one that its user shared.
func visible(s *thread.Sight, q store.Queries, list []parley.Draft) ([]parley.Draft, error) {
	ids := make([]parley.ID, len(list))
	for i := range list {
		ids[i] = list[i].Conversation
	}
	found, err := q.Conversations(s.Principal().Organization, ids)
	if err == nil {
		err = s.Look(slices.Collect(maps.Values(found))...)
	}
	return slices.DeleteFunc(list, func(d parley.Draft) bool { return found[d.Conversation] == nil || !s.Sees(found[d.Conversation]) }), err
}

// UpdateDraft changes a draft. An ifMatch that is not 0 must be its revision.
func (i *Inbox) UpdateDraft(ctx context.Context, p *access.Principal, id parley.ID, patch DraftPatch, ifMatch int64) (changed parley.Draft, err error) {
	err = i.changeDraft(ctx, p, id, ifMatch, func(tx *store.Tx, d *parley.Draft) error {
		before := *d
		parley.Set(&d.Shared, patch.Shared)
		parley.Set(&d.Body, patch.Body)
		parley.Set(&d.Internal, patch.Internal)
		parley.Set(&d.ReplyTo, patch.ReplyTo)
		var files []parley.ID
		for _, a := range d.Attachments {
			files = append(files, a.Media)
		}
		parley.Set(&files, patch.Attachments)
		if before.Shared != d.Shared && d.User != p.User {
			return parley.Invalid("shared", "not-allowed", "is chosen by whose draft it is")
		}
		if err := checkDraft(d, files); err != nil {
			return err
		}
		if before.Shared && !d.Shared {
			emitDraft(tx, p, &before, "deleted") // to the others
		}
		err := saveDraft(tx, p, d, files, "updated")
		changed = *d
		return err
	})
	if err != nil {
		return parley.Draft{}, err
	}
	return changed, nil
}

// DeleteDraft deletes a draft. An ifMatch that is not 0 must be its revision.
func (i *Inbox) DeleteDraft(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return i.changeDraft(ctx, p, id, ifMatch, func(tx *store.Tx, d *parley.Draft) error {
		emitDraft(tx, p, d, "deleted")
		return inbox.DropDraft(tx, p.Organization, d.ID)
	})
}

func (i *Inbox) changeDraft(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, change func(tx *store.Tx, d *parley.Draft) error) error {
	if err := p.Require(parley.ScopeMessagesSend); err != nil {
		return err
	}
	return i.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		s := thread.NewSight(tx.Queries, p)
		d, c, err := SeenDraft(s, tx.Queries, id)
		if err != nil {
			return err
		}
		if err := s.MayChange(&c); err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, d.Rev); err != nil {
			return err
		}
		return change(tx, &d)
	})
}

// SendDraft takes a draft inside the unit of the message that it becomes, after the message is written, which keeps its files:
// nothing else is left of it.
func SendDraft(tx *store.Tx, p *access.Principal, d *parley.Draft) error {
	emitDraft(tx, p, d, "sent")
	return inbox.DropDraft(tx, p.Organization, d.ID)
}
