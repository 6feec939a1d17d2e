// Package files keeps uploaded files: who may have them, how they come in, and how they go.
package files

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const (
	defaultMaxSize = 100 << 20 // bytes

	// keepUnattached is how long a file is kept that no message has.
	keepUnattached = 24 * time.Hour
)

// Options are what files stand on.
type Options struct {
	Store   *store.Store
	Blobs   *media.Blobs
	MaxSize int64 // bytes of a file, 0: 100 MiB
	// Sees reports whether somebody may see one of some messages, all of one organization.
	Sees func(ctx context.Context, p *access.Principal, messages []parley.ID) (bool, error)
	Log  *slog.Logger
}

// Files are the uploaded files of all organizations.
type Files struct {
	store   *store.Store
	blobs   *media.Blobs
	maxSize int64
	sees    func(ctx context.Context, p *access.Principal, messages []parley.ID) (bool, error)
	log     *slog.Logger
	now     func(ctx context.Context, organization parley.ID) time.Time
}

// New returns the files of a store and a folder of blobs.
func New(o Options) *Files {
	f := &Files{store: o.Store, blobs: o.Blobs, maxSize: o.MaxSize, sees: o.Sees, log: o.Log, now: o.Store.Now}
	if f.maxSize == 0 {
		f.maxSize = defaultMaxSize
	}
	if f.sees == nil {
		f.sees = func(context.Context, *access.Principal, []parley.ID) (bool, error) { return false, nil }
	}
	if f.log == nil {
		f.log = slog.Default()
	}
	return f
}

// MaxSize is how many bytes a file may have.
func (f *Files) MaxSize() int64 { return f.maxSize }

// UploadParams is a file on its way in.
type UploadParams struct {
	Name        string // made safe
	ContentType string // as its sender declares; empty: by the bytes
	Content     io.Reader
}

// Upload stores a file, and says whether the request was a repeat. The blob is written before the row: what a
// crash leaves between the two is swept up later. The Idempotency's Body need not hold the content, which is
// added here. A file that no message has after a day is deleted.
func (f *Files) Upload(ctx context.Context, p *access.Principal, params UploadParams, i *access.Idempotency) (parley.Media, bool, error) {
	if err := p.Require(parley.ScopeMediaWrite); err != nil {
		return parley.Media{}, false, err
	}
	if _, err := p.Claim(i, 0, ""); err != nil { // before the work
		return parley.Media{}, false, err
	}
	id := parley.NewID(f.now(ctx, p.Organization))
	info, err := f.blobs.Write(ctx, p.Organization, id, params.Content, params.ContentType, f.maxSize)
	if err != nil {
		return parley.Media{}, false, err
	}
	file := parley.Media{ID: id, Name: media.CleanName(params.Name, info.ContentType), ContentType: info.ContentType,
		Size: info.Size, SHA256: info.SHA256, Uploader: p.User}
	replay, err := p.Once(ctx, f.store, withContent(i, file), 201, id, func(tx *store.Tx) error {
		if err := tx.InsertMedia(p.Organization, &file); err != nil {
			return err
		}
		return tx.ScheduleBlob(p.Organization, id, tx.Now.Add(keepUnattached))
	})
	if err == nil && replay == nil {
		return file, false, nil
	}
	// Where the outcome is unknown the row may be there: then the blob stays, and the sweep decides.
	if err == nil || !parley.IsKind(err, parley.KindUnavailable) && ctx.Err() == nil {
		if err := f.blobs.Remove(p.Organization, id); err != nil {
			f.log.Warn("removing a blob that is not needed", "media", id, "error", err)
		}
	}
	if err != nil {
		return parley.Media{}, false, err
	}
	file, err = f.store.Read(ctx).Media(p.Organization, replay.Resource)
	return file, true, err
}

// withContent makes what was uploaded a part of the request that must be the same when it is repeated.
func withContent(i *access.Idempotency, file parley.Media) *access.Idempotency {
	if i == nil {
		return nil
	}
	whole := *i
	whole.Body = append(append([]byte{}, i.Body...), "\x00"+file.Name+"\x00"+file.ContentType+"\x00"+file.SHA256...)
	return &whole
}

// Media returns what is known of a file, to whoever may have it.
func (f *Files) Media(ctx context.Context, p *access.Principal, id parley.ID) (parley.Media, error) {
	if err := p.Require(parley.ScopeMediaRead); err != nil {
		return parley.Media{}, err
	}
	return f.visible(ctx, p, id)
}

// seenAtOnce is how many messages are asked about together.
const seenAtOnce = 500

// visible is the one rule of who may have a file: its uploader, and whoever may see a message that has it.
func (f *Files) visible(ctx context.Context, p *access.Principal, id parley.ID) (parley.Media, error) {
	q := f.store.Read(ctx)
	file, err := q.Media(p.Organization, id)
	if err != nil || p.User != "" && file.Uploader == p.User {
		return file, err
	}
	for after := parley.ID(""); ; {
		messages, err := q.MediaMessages(p.Organization, id, after, seenAtOnce)
		if err != nil {
			return parley.Media{}, err
		}
		if len(messages) > 0 {
			seen, err := f.sees(ctx, p, messages)
			if err != nil {
				return parley.Media{}, err
			}
			if seen {
				return file, nil
			}
		}
		if len(messages) < seenAtOnce {
			return parley.Media{}, parley.NotFound("media", id)
		}
		after = messages[len(messages)-1]
	}
}

// Open returns a file and its bytes, to whoever may have it. The caller closes them.
func (f *Files) Open(ctx context.Context, p *access.Principal, id parley.ID) (parley.Media, media.Blob, error) {
	file, err := f.Media(ctx, p, id)
	if err != nil {
		return parley.Media{}, nil, err
	}
	blob, err := f.blobs.Open(p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) {
		f.log.Error("a file has no blob", "organization", p.Organization, "media", id)
	}
	return file, blob, err
}

// Delete deletes a file that its uploader has not sent. One that a message has is a conflict: it goes with the
// message.
func (f *Files) Delete(ctx context.Context, p *access.Principal, id parley.ID) error {
	if err := p.Require(parley.ScopeMediaWrite); err != nil {
		return err
	}
	file, err := f.visible(ctx, p, id)
	if err != nil {
		return err
	}
	if file.Uploader != p.User {
		return &parley.Error{Kind: parley.KindForbidden, Code: "uploader-required", Message: "only who uploaded a file may delete it"}
	}
	return f.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		if err := p.Did(tx, parley.ActMediaDeleted, id, nil); err != nil {
			return err
		}
		return tx.DeleteMedia(p.Organization, id)
	})
}
