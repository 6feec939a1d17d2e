// Package dossier makes copies of all that is kept about one contact, for whoever has a right to it.
package dossier

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/files"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// JobExport is an export that is to be made; the payload is its id.
const JobExport store.JobKind = "export"

const (
	// keep is how long the file of an export is kept.
	keep = 7 * 24 * time.Hour
	// making is how long a node may take for an export before another begins anew.
	making = time.Hour
	// again is when an export is tried again that failed, or in which something was removed meanwhile.
	again = time.Minute
)

// Options are what dossiers stand on.
type Options struct {
	Store *store.Store
	Files *files.Files
	Log   *slog.Logger
	Kick  func() // wakes the timers; nil: nobody listens. It must not block
}

// Dossiers makes exports.
type Dossiers struct {
	store *store.Store
	files *files.Files
	log   *slog.Logger
	now   func(ctx context.Context, organization parley.ID) time.Time
	kick  func()
}

// New returns the dossiers of a store.
func New(o Options) *Dossiers {
	d := &Dossiers{store: o.Store, files: o.Files, log: o.Log, now: o.Store.Now, kick: o.Kick}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.kick == nil {
		d.kick = func() {}
	}
	return d
}

// scopes are what an export needs: it has messages and files that its maker might not see otherwise.
var scopes = []parley.Scope{parley.ScopeContactsRead, parley.ScopeContactsWrite, parley.ScopeMessagesRead, parley.ScopeMediaRead}

// Export asks for a copy of all that is kept about a contact, and says whether the request was a repeat. The file is that of
// whoever asks.
func (d *Dossiers) Export(ctx context.Context, p *access.Principal, contact parley.ID, i *access.Idempotency) (parley.ContactExport, bool, error) {
	for _, scope := range scopes {
		if err := p.Require(scope); err != nil {
			return parley.ContactExport{}, false, err
		}
	}
	if p.Personal {
		return parley.ContactExport{}, false, &parley.Error{Kind: parley.KindForbidden, Code: "organization-key-required",
			Message: "only a key of the organization sees all that there is of a contact"}
	}
	e := parley.ContactExport{ID: parley.NewID(d.now(ctx, p.Organization)), Actor: p.User}
	replay, err := p.Once(ctx, d.store, i, 202, e.ID, func(tx *store.Tx) error {
		found, err := tx.Survivor(p.Organization, contact)
		if err != nil {
			return err
		}
		e.Contact = found.ID
		if err := people.InsertExport(tx, p.Organization, &e); err != nil {
			return err
		}
		if err := p.Did(tx, parley.ActContactExported, e.Contact, nil); err != nil {
			return err
		}
		return tx.Schedule(store.Job{Organization: p.Organization, ID: store.JobID(JobExport, string(e.ID)), Kind: JobExport, DueAt: tx.Now, Payload: string(e.ID)})
	})
	if err != nil {
		return parley.ContactExport{}, false, err
	}
	if replay != nil {
		e, err = people.Export(d.store.Read(ctx), p.Organization, replay.Resource)
		return e, true, err
	}
	d.kick()
	return e, false, nil
}

// Get returns an export of a contact.
func (d *Dossiers) Get(ctx context.Context, p *access.Principal, contact, id parley.ID) (parley.ContactExport, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return parley.ContactExport{}, err
	}
	q := d.store.Read(ctx)
	became, err := q.Became(p.Organization, contact)
	if err != nil {
		return parley.ContactExport{}, err
	}
	e, err := people.Export(q, p.Organization, id)
	if err == nil && e.Contact != became {
		err = parley.NotFound("export", id)
	}
	if err != nil {
		return parley.ContactExport{}, err
	}
	return d.shown(ctx, p, e), nil
}

// List returns up to limit exports of a contact with ids after one; next is where to go on, empty at the end.
func (d *Dossiers) List(ctx context.Context, p *access.Principal, contact, after parley.ID, limit int) ([]parley.ContactExport, parley.ID, error) {
	if err := p.Require(parley.ScopeContactsRead); err != nil {
		return nil, "", err
	}
	q := d.store.Read(ctx)
	became, err := q.Became(p.Organization, contact)
	if err != nil {
		return nil, "", err
	}
	page, err := people.Exports(q, p.Organization, became, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(page) == 0 {
		if _, err := q.Contact(p.Organization, became); err != nil {
			return nil, "", err
		}
	}
	next := parley.ID("")
	if len(page) > limit {
		page, next = page[:limit], page[limit-1].ID
	}
	for i := range page {
		page[i] = d.shown(ctx, p, page[i])
	}
	return page, next, nil
}

// shown is an export as it is now: its file goes by itself.
func (d *Dossiers) shown(ctx context.Context, p *access.Principal, e parley.ContactExport) parley.ContactExport {
	if e.State == parley.DossierReady && !e.ExpiresAt.After(d.now(ctx, p.Organization)) {
		e.State, e.Media = parley.DossierExpired, ""
	}
	return e
}

// errChanged ends the making of an export in which something was removed meanwhile.
var errChanged = errors.New("content was removed while the export was made")

// Make makes one export that waits, and says whether there was one.
func (d *Dossiers) Make(ctx context.Context) (bool, error) {
	var job store.Job
	n, err := d.store.WriteDue(ctx, JobExport, 1, func(tx *store.Tx, jobs []store.Job) error {
		job = jobs[0]
		job.DueAt = tx.Now.Add(making)
		return tx.Schedule(job)
	})
	if err != nil || n == 0 {
		return false, err
	}
	err = d.make(ctx, job.Organization, parley.ID(job.Payload))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, errChanged) {
		d.log.Error("an export failed, and is tried again", "export", job.Payload, "error", err)
	}
	return true, d.store.WriteBackground(ctx, []parley.ID{job.Organization}, func(tx *store.Tx) error {
		job.DueAt = tx.Now.Add(again)
		return tx.Schedule(job)
	})
}

func (d *Dossiers) make(ctx context.Context, organization, id parley.ID) error {
	q := d.store.Read(ctx)
	done := []store.Job{{Organization: organization, ID: store.JobID(JobExport, string(id)), Kind: JobExport}}
	e, err := people.Export(q, organization, id)
	if err != nil || e.State != parley.DossierPending {
		return d.drop(ctx, organization, done, err)
	}
	log, err := q.LogRange(organization)
	if err != nil {
		return err
	}
	contact, err := q.Contact(organization, e.Contact)
	if parley.IsKind(err, parley.KindNotFound) {
		return d.store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) error {
			return errors.Join(people.DropExport(tx, organization, &e), tx.Done(done))
		})
	}
	if err != nil {
		return err
	}
	c := &copying{d: d, q: q, organization: organization, contact: &contact, at: d.now(ctx, organization).UTC()}
	e.ExpiresAt = d.now(ctx, organization).Add(keep)
	return d.files.Make(ctx, files.Making{Organization: organization, For: e.Actor, Name: "contact-" + string(contact.ID) + ".zip", ContentType: "application/zip",
		Until: e.ExpiresAt, Write: func(w io.Writer) error { return c.write(w) }}, func(tx *store.Tx, file *parley.Media) error {
		if err := c.unchanged(tx, log.Latest); err != nil {
			return err
		}
		e.Media, e.Size = file.ID, file.Size
		if err := people.FinishExport(tx, organization, &e, c.conversations); err != nil {
			return err
		}
		tx.Emit(organization, parley.Event{Type: parley.EventContactExported, Subject: contact.ID, Data: parley.EventData{User: e.Actor}})
		return tx.Done(done)
	})
}

// drop forgets an export that is made already, or that there is not any more.
func (d *Dossiers) drop(ctx context.Context, organization parley.ID, done []store.Job, err error) error {
	if err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return err
	}
	return d.store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) error { return tx.Done(done) })
}
