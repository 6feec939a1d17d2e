package template

import (
	"context"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/template"
)

// Limits of saved replies.
const (
	maxReplies  = 1000 // of an owner
	maxShortcut = 50
	maxTags     = 50
	maxTag      = 100
)

// reply checks a saved reply.
func (c *check) reply(r *parley.SavedReply) {
	c.Text("title", r.Title, true, maxName)
	c.Text("folder", r.Folder, false, maxName)
	c.Text("shortcut", r.Shortcut, false, maxShortcut)
	if r.Shortcut = strings.ToLower(r.Shortcut); strings.ContainsAny(r.Shortcut, " \t\r\n") {
		c.Refuse("shortcut", "text-invalid", "must have no spaces")
	}
	if len(r.Tags) > maxTags {
		c.Refuse("tags", "too-many", "must be at most %d", maxTags)
	}
	for _, tag := range r.Tags {
		c.Text("tags", tag, true, maxTag)
	}
	if len(r.Body) == 0 {
		c.Refuse("body", "required", "must not be empty")
	}
	for _, f := range content.CheckTemplate(r.Body) {
		c.Refuse(f.Field, f.Code, "%s", f.Message)
	}
	c.body("", r.Body, replyVariables(r.Body))
}

// replyVariables are the variables of a body that a saved reply may have: what is known of who asks and who is answered.
func replyVariables(body []parley.Part) map[string]parley.VariableType {
	types := map[string]parley.VariableType{}
	parley.EachText(body, func(_ string, _ parley.Form, text *string) {
		pieces, _ := parse(*text)
		for _, p := range pieces {
			thing, fact, _ := strings.Cut(p.variable, ".")
			switch thing {
			case "contact", "user", "organization", "conversation":
				if fact != "" {
					types[p.variable] = parley.VariableText
				}
			}
		}
	})
	return types
}

// CreateReply makes a saved reply, and says whether the request was a repeat. Its owner is the principal's user, a team, or
// the organization.
func (t *Templates) CreateReply(ctx context.Context, p *access.Principal, made parley.SavedReply, i *access.Idempotency) (parley.SavedReply, bool, error) {
	if err := p.Require(parley.ScopeRepliesWrite); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(t.store.Now(ctx, p.Organization))
	c := check{}
	c.reply(&made)
	c.Wrong = append(c.Wrong, p.Owner(&made.Owner)...)
	if err := c.Err(); err != nil {
		return made, false, err
	}
	var result parley.SavedReply
	replay, err := p.Once(ctx, t.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if err := p.MayOwn(tx.Queries, result.Owner, parley.ScopeTemplatesWrite); err != nil {
			return err
		}
		if n, err := template.CountReplies(tx.Queries, p.Organization, result.Owner); err != nil || n >= maxReplies {
			return parley.FirstError(err, parley.Conflict("replies-full", "there are at most %d saved replies of one owner", maxReplies))
		}
		if err := named(tx, p, result.ID, result.Body); err != nil {
			return err
		}
		if err := template.InsertReply(tx, p.Organization, &result); err != nil {
			return err
		}
		return didReply(tx, p, &result, parley.EventReplyCreated, parley.ActReplyCreated)
	})
	if err == nil && replay != nil {
		result, err = template.Reply(t.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

// didReply tells of what was done to a saved reply. The log of events, which shows to all what is of no conversation, has
// those of the organization alone.
func didReply(tx *store.Tx, p *access.Principal, r *parley.SavedReply, event parley.EventType, act parley.Act) error {
	if r.Owner.Kind == parley.ActorOrganization {
		emit(tx, p, event, r.ID)
	}
	var changes parley.Changes
	changes.Made("owner", string(r.Owner.Kind))
	return p.Did(tx, act, r.ID, changes)
}

// reply returns a saved reply that the principal sees.
func reply(q store.Queries, p *access.Principal, id parley.ID) (parley.SavedReply, error) {
	r, err := template.Reply(q, p.Organization, id)
	if err != nil {
		return r, err
	}
	seen, err := p.SeesOwned(q, r.Owner)
	if err == nil && !seen {
		err = parley.NotFound("saved reply", id)
	}
	return r, err
}

// Reply returns a saved reply.
func (t *Templates) Reply(ctx context.Context, p *access.Principal, id parley.ID) (parley.SavedReply, error) {
	if err := p.Require(parley.ScopeRepliesRead); err != nil {
		return parley.SavedReply{}, err
	}
	return reply(t.store.Read(ctx), p, id)
}

// ReplyFilter narrows a list of saved replies. Empty fields do not.
type ReplyFilter struct {
	Owner  parley.Actor // whose alone; without a kind: all that the principal sees
	Prefix string       // with which the title or the shortcut begins
	Folder string
}

// Replies returns up to limit saved replies that the principal sees, by title, after a place; the place to go on from is nil
// at the end.
func (t *Templates) Replies(ctx context.Context, p *access.Principal, f ReplyFilter, after template.ReplyPosition, limit int) ([]parley.SavedReply, *template.ReplyPosition, error) {
	if err := p.Require(parley.ScopeRepliesRead); err != nil {
		return nil, nil, err
	}
	q := t.store.Read(ctx)
	filter := template.ReplyFilter{Prefix: f.Prefix, Folder: f.Folder}
	if f.Owner.Kind != "" {
		if err := parley.InvalidFields(p.Owner(&f.Owner)); err != nil {
			return nil, nil, err
		}
		seen, err := p.SeesOwned(q, f.Owner)
		if err != nil || !seen {
			return nil, nil, err
		}
		filter.Owners = []parley.Actor{f.Owner}
		return template.Replies(q, p.Organization, filter, after, limit)
	}
	var err error
	if filter.Owners, err = p.Owners(q); err != nil {
		return nil, nil, err
	}
	return template.Replies(q, p.Organization, filter, after, limit)
}

// changeReply is what every change of a saved reply has in common.
func (t *Templates) changeReply(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(tx *store.Tx, r *parley.SavedReply) error) error {
	if err := p.Require(parley.ScopeRepliesWrite); err != nil {
		return err
	}
	return t.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		r, err := reply(tx.Queries, p, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, r.Rev); err != nil {
			return err
		}
		if err := p.MayOwn(tx.Queries, r.Owner, parley.ScopeTemplatesWrite); err != nil {
			return err
		}
		return unit(tx, &r)
	})
}

// ReplyPatch changes a saved reply. What is nil stays as it is.
type ReplyPatch struct {
	Title, Shortcut, Folder *string
	Tags                    *[]string
	Body                    []parley.Part
}

// UpdateReply changes a saved reply.
func (t *Templates) UpdateReply(ctx context.Context, p *access.Principal, id parley.ID, patch ReplyPatch, ifMatch int64) (result parley.SavedReply, err error) {
	err = t.changeReply(ctx, p, id, ifMatch, func(tx *store.Tx, r *parley.SavedReply) error {
		for _, f := range []struct{ to, from *string }{{&r.Title, patch.Title}, {&r.Shortcut, patch.Shortcut}, {&r.Folder, patch.Folder}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if patch.Tags != nil {
			r.Tags = *patch.Tags
		}
		if patch.Body != nil {
			r.Body = patch.Body
		}
		c := check{}
		c.reply(r)
		if err := c.Err(); err != nil {
			return err
		}
		if patch.Body != nil {
			if err := t.keepFiles(tx, p, r); err != nil {
				return err
			}
		}
		if err := template.UpdateReply(tx, p.Organization, r); err != nil {
			return err
		}
		result = *r
		return didReply(tx, p, r, parley.EventReplyUpdated, parley.ActReplyUpdated)
	})
	return result, err
}

// keepFiles keeps the files of a body in place of those that a saved reply had.
func (t *Templates) keepFiles(tx *store.Tx, p *access.Principal, r *parley.SavedReply) error {
	if err := tx.ReleaseMedia(p.Organization, r.ID); err != nil {
		return err
	}
	return named(tx, p, r.ID, r.Body)
}

// DeleteReply deletes a saved reply.
func (t *Templates) DeleteReply(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return t.changeReply(ctx, p, id, ifMatch, func(tx *store.Tx, r *parley.SavedReply) error {
		if err := template.DeleteReply(tx, p.Organization, id); err != nil {
			return err
		}
		if err := tx.ReleaseMedia(p.Organization, id); err != nil {
			return err
		}
		return didReply(tx, p, r, parley.EventReplyDeleted, parley.ActReplyDeleted)
	})
}

// SeesAny reports whether the principal sees one of some things that have files, if they are templates or saved replies.
func (t *Templates) SeesAny(ctx context.Context, p *access.Principal, ids []parley.ID) (bool, error) {
	q := t.store.Read(ctx)
	if p.Has(parley.ScopeTemplatesRead) {
		if found, err := template.AnyOf(q, p.Organization, ids); err != nil || found {
			return found, err
		}
	}
	if !p.Has(parley.ScopeRepliesRead) {
		return false, nil
	}
	owners, err := template.OwnersOf(q, p.Organization, ids)
	for _, owner := range owners {
		if err != nil {
			break
		}
		var seen bool
		if seen, err = p.SeesOwned(q, owner); seen {
			return true, err
		}
	}
	return false, err
}
