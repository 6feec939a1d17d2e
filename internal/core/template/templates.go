package template

import (
	"context"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/template"
)

// ReplyPosition is a place in the order of saved replies.
type ReplyPosition = template.ReplyPosition

// Templates are the templates of all organizations.
type Templates struct{ store *store.Store }

// New returns the templates of a store.
func New(s *store.Store) *Templates { return &Templates{store: s} }

// Text is what a version of a template says.
type Text struct {
	DefaultLocale string
	Locales       []parley.TemplateLocale
	Variables     []parley.TemplateVariable
}

func (t *Text) version() parley.TemplateVersion {
	return parley.TemplateVersion{State: parley.TemplateDraft, DefaultLocale: t.DefaultLocale, Locales: t.Locales, Variables: t.Variables}
}

// Create makes a template whose first version is a draft, and says whether the request was a repeat.
func (t *Templates) Create(ctx context.Context, p *access.Principal, name, description string, text Text, i *access.Idempotency) (parley.Template, bool, error) {
	if err := p.Require(parley.ScopeTemplatesWrite); err != nil {
		return parley.Template{}, false, err
	}
	made := parley.Template{ID: parley.NewID(t.store.Now(ctx, p.Organization)), Name: name, Description: description, Latest: 1}
	first := text.version()
	c := check{}
	c.template(&made)
	c.version(&first)
	if err := c.Err(); err != nil {
		return made, false, err
	}
	var result parley.Template
	replay, err := p.Once(ctx, t.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if err := template.Insert(tx, p.Organization, &result); err != nil {
			return err
		}
		first.Template, first.Number = made.ID, 1
		if err := insertVersion(tx, p, &first); err != nil {
			return err
		}
		emit(tx, p, parley.EventTemplateCreated, made.ID)
		var changes parley.Changes
		changes.Made("name", made.Name)
		return p.Did(tx, parley.ActTemplateCreated, made.ID, changes)
	})
	if err == nil && replay != nil {
		result, err = template.Get(t.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, subject parley.ID) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: subject, Data: parley.EventData{Actor: p.User}})
}

// insertVersion adds a version, with the files that it names, which are kept as long as the template is.
func insertVersion(tx *store.Tx, p *access.Principal, v *parley.TemplateVersion) error {
	if err := complete(tx, p, v); err != nil {
		return err
	}
	return template.InsertVersion(tx, p.Organization, v)
}

func complete(tx *store.Tx, p *access.Principal, v *parley.TemplateVersion) error {
	for i := range v.Locales {
		if err := named(tx, p, v.Template, v.Locales[i].Body); err != nil {
			return under(localeField(i), err)
		}
	}
	return nil
}

// named looks up what a body names, and keeps its files for whoever has the body.
func named(tx *store.Tx, p *access.Principal, holder parley.ID, body []parley.Part) error {
	if !content.Names(body) {
		return nil
	}
	by := content.Sender{Organization: p.Organization, User: p.User, Personal: p.Personal}
	if err := content.Complete(tx.Queries, by, body); err != nil {
		return err
	}
	return tx.KeepMedia(p.Organization, holder, parley.MediaOf(&parley.Message{Body: body}))
}

// Get returns a template.
func (t *Templates) Get(ctx context.Context, p *access.Principal, id parley.ID) (parley.Template, error) {
	if err := p.Require(parley.ScopeTemplatesRead); err != nil {
		return parley.Template{}, err
	}
	return template.Get(t.store.Read(ctx), p.Organization, id)
}

// List returns up to limit templates with ids after one, or the one of a name; next is where to go on, empty at the end.
func (t *Templates) List(ctx context.Context, p *access.Principal, name string, after parley.ID, limit int) ([]parley.Template, parley.ID, error) {
	if err := p.Require(parley.ScopeTemplatesRead); err != nil {
		return nil, "", err
	}
	if name == "" {
		return template.List(t.store.Read(ctx), p.Organization, after, limit)
	}
	found, err := template.Named(t.store.Read(ctx), p.Organization, name)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, "", nil
	}
	return []parley.Template{found}, "", err
}

// change is what every change of a template has in common.
func (t *Templates) change(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, act parley.Act,
	change func(tx *store.Tx, it *parley.Template, changes *parley.Changes) error) (it parley.Template, err error) {
	if err := p.Require(parley.ScopeTemplatesWrite); err != nil {
		return it, err
	}
	err = t.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if it, err = template.Get(tx.Queries, p.Organization, id); err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, it.Rev); err != nil {
			return err
		}
		var changes parley.Changes
		if err := change(tx, &it, &changes); err != nil {
			return err
		}
		if err := template.Update(tx, p.Organization, &it); err != nil {
			return err
		}
		emit(tx, p, parley.EventTemplateUpdated, id)
		return p.Did(tx, act, id, changes)
	})
	return it, err
}

// Rename changes what a template is called, and what is said of it. What is nil stays as it is.
func (t *Templates) Rename(ctx context.Context, p *access.Principal, id parley.ID, name, description *string, ifMatch int64) (parley.Template, error) {
	return t.change(ctx, p, id, ifMatch, parley.ActTemplateUpdated, func(_ *store.Tx, it *parley.Template, changes *parley.Changes) error {
		before := *it
		if name != nil {
			it.Name = *name
		}
		if description != nil {
			it.Description = *description
		}
		c := check{}
		c.template(it)
		changes.Set("name", before.Name, it.Name)
		changes.Name("description", before.Description != it.Description)
		return c.Err()
	})
}

// Delete deletes a template with its versions. What was made of it stays.
func (t *Templates) Delete(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	if err := p.Require(parley.ScopeTemplatesWrite); err != nil {
		return err
	}
	return t.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		it, err := template.Get(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, it.Rev); err != nil {
			return err
		}
		if err := template.Delete(tx, p.Organization, id); err != nil {
			return err
		}
		if err := tx.ReleaseMedia(p.Organization, id); err != nil {
			return err
		}
		emit(tx, p, parley.EventTemplateDeleted, id)
		var changes parley.Changes
		changes.Gone("name", it.Name)
		return p.Did(tx, parley.ActTemplateDeleted, id, changes)
	})
}

// Version returns a version of a template.
func (t *Templates) Version(ctx context.Context, p *access.Principal, id parley.ID, number int) (parley.TemplateVersion, error) {
	if err := p.Require(parley.ScopeTemplatesRead); err != nil {
		return parley.TemplateVersion{}, err
	}
	return template.Version(t.store.Read(ctx), p.Organization, id, number)
}

// Versions returns up to limit versions of a template, the newest first, with numbers before one, 0: from the newest; next
// is where to go on, 0 at the end.
func (t *Templates) Versions(ctx context.Context, p *access.Principal, id parley.ID, before, limit int) ([]parley.TemplateVersion, int, error) {
	if err := p.Require(parley.ScopeTemplatesRead); err != nil {
		return nil, 0, err
	}
	q := t.store.Read(ctx)
	if _, err := template.Get(q, p.Organization, id); err != nil {
		return nil, 0, err
	}
	all, err := template.Versions(q, p.Organization, id, before, limit+1)
	if err != nil || len(all) <= limit {
		return all, 0, err
	}
	return all[:limit], all[limit-1].Number, nil
}

// maxVersions is how many versions a template may have.
const maxVersions = 1000

// Draft writes what the next version of a template says: into its newest one where that is a draft, else into a new one.
func (t *Templates) Draft(ctx context.Context, p *access.Principal, id parley.ID, text Text, ifMatch int64) (v parley.TemplateVersion, err error) {
	draft := text.version()
	c := check{}
	c.version(&draft)
	if err := c.Err(); err != nil {
		return v, err
	}
	_, err = t.change(ctx, p, id, ifMatch, parley.ActTemplateUpdated, func(tx *store.Tx, it *parley.Template, changes *parley.Changes) error {
		latest, err := template.Version(tx.Queries, p.Organization, id, it.Latest)
		if err != nil {
			return err
		}
		v = draft
		v.Template, v.Number, v.CreatedAt = id, it.Latest, latest.CreatedAt
		changes.Made("version", v.Number)
		if latest.State == parley.TemplateDraft {
			if err := complete(tx, p, &v); err != nil {
				return err
			}
			return template.UpdateVersion(tx, p.Organization, &v)
		}
		if it.Latest >= maxVersions {
			return parley.Conflict("versions-full", "a template has at most %d versions", maxVersions)
		}
		it.Latest++
		v.Number = it.Latest
		(*changes)[0] = parley.Change{Field: "version"}
		return insertVersion(tx, p, &v)
	})
	return v, err
}

// Publish makes a version the one that sends take; 0: the newest. The one before is archived.
func (t *Templates) Publish(ctx context.Context, p *access.Principal, id parley.ID, number int, ifMatch int64) (parley.Template, error) {
	return t.change(ctx, p, id, ifMatch, parley.ActTemplatePublished, func(tx *store.Tx, it *parley.Template, changes *parley.Changes) error {
		if number == 0 {
			number = it.Latest
		}
		changes.Set("published", it.Published, number)
		if err := setState(tx, p, it, it.Published, parley.TemplateArchived); err != nil {
			return err
		}
		it.Published = number
		err := setState(tx, p, it, number, parley.TemplatePublished)
		if parley.IsKind(err, parley.KindNotFound) {
			return parley.Invalid("version", "version-unknown", "must be the number of a version")
		}
		return err
	})
}

// Archive takes the published version back: the template is not sent any more, but by the number of a version.
func (t *Templates) Archive(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) (parley.Template, error) {
	return t.change(ctx, p, id, ifMatch, parley.ActTemplateArchived, func(tx *store.Tx, it *parley.Template, changes *parley.Changes) error {
		changes.Set("published", it.Published, 0)
		if err := setState(tx, p, it, it.Published, parley.TemplateArchived); err != nil {
			return err
		}
		it.Published = 0
		return nil
	})
}

// setState says where a version stands; 0 is none.
func setState(tx *store.Tx, p *access.Principal, it *parley.Template, number int, state parley.TemplateState) error {
	if number == 0 {
		return nil
	}
	v, err := template.Version(tx.Queries, p.Organization, it.ID, number)
	if err != nil {
		return err
	}
	v.State = state
	if state == parley.TemplatePublished {
		v.PublishedAt = tx.Now
	}
	return template.UpdateVersion(tx, p.Organization, &v)
}
