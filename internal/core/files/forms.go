package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"mime"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// FormLife is how long a form for an upload is good.
const FormLife = time.Hour

// Form is by what one file may be uploaded without a key.
type Form struct {
	Media       parley.ID // that the file will have
	ContentType string
	Secret      string
	ExpiresAt   time.Time
}

// NewForm lets whoever has it upload one file of a content type for the principal, for a channel or, without one, for any.
func (f *Files) NewForm(ctx context.Context, p *access.Principal, channel parley.ID, contentType string) (Form, error) {
	if err := p.Require(parley.ScopeMediaWrite); err != nil {
		return Form{}, err
	}
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || len(contentType) > 255 || !strings.Contains(kind, "/") {
		return Form{}, parley.Invalid("contentType", "value-unknown", "must be a content type such as image/png")
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	form := Form{ContentType: contentType, Secret: hex.EncodeToString(secret)}
	err := f.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		form.Media, form.ExpiresAt = parley.NewID(tx.Now), tx.Now.Add(FormLife)
		row := store.UploadForm{Media: form.Media, Channel: channel, ContentType: contentType, User: p.User, SecretHash: hashOf(form.Secret), ExpiresAt: form.ExpiresAt}
		if err := tx.InsertUploadForm(p.Organization, &row); err != nil {
			return err
		}
		return tx.ScheduleBlob(p.Organization, form.Media, form.ExpiresAt.Add(keepUnattached))
	})
	return form, err
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Filled is a form as it comes back with a file.
type Filled struct {
	Organization parley.ID
	Media        parley.ID
	Secret       string
	ContentType  string // empty: the form's
	Name         string
	Content      io.Reader
}

// Receive takes the file of a form. A form is good for one file; the same file again is no error.
func (f *Files) Receive(ctx context.Context, in Filled) error {
	form, err := f.store.Read(ctx).UploadForm(in.Organization, in.Media)
	if err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return err
	}
	switch {
	case err != nil, subtle.ConstantTimeCompare([]byte(form.SecretHash), []byte(hashOf(in.Secret))) != 1:
		return &parley.Error{Kind: parley.KindForbidden, Code: "form-invalid", Message: "this is no form of this server, or it was changed"}
	case !f.now(ctx, in.Organization).Before(form.ExpiresAt):
		return &parley.Error{Kind: parley.KindForbidden, Code: "form-expired", Message: "the form has expired: ask for another"}
	case in.ContentType != "" && in.ContentType != form.ContentType:
		return parley.Invalid("Content-Type", "value-unknown", "must be %s, as the form was asked for", form.ContentType)
	}
	mine := false
	err = f.store.Write(ctx, in.Organization, func(tx *store.Tx) (err error) {
		mine, err = tx.UseUploadForm(in.Organization, in.Media, true)
		return err
	})
	if err != nil {
		return err
	}
	if !mine {
		return f.same(ctx, &in)
	}
	if err = f.keep(ctx, &in, &form); err == nil {
		return nil
	}
	back := f.store.Write(context.WithoutCancel(ctx), in.Organization, func(tx *store.Tx) error {
		if known, err := tx.MediaByID(in.Organization, []parley.ID{in.Media}); err != nil || len(known) > 0 {
			return err // it is there after all
		}
		_, err := tx.UseUploadForm(in.Organization, in.Media, false)
		return err
	})
	if back != nil {
		f.log.Warn("a form stays used", "media", in.Media, "error", back)
	}
	return err
}

// keep stores the file of a form: the blob first, as with any upload.
func (f *Files) keep(ctx context.Context, in *Filled, form *store.UploadForm) error {
	info, err := f.blobs.Write(ctx, in.Organization, in.Media, in.Content, form.ContentType, f.maxSize)
	if err != nil {
		return err
	}
	file := parley.Media{ID: in.Media, Name: media.CleanName(in.Name, info.ContentType), ContentType: info.ContentType, Size: info.Size, SHA256: info.SHA256, Uploader: form.User}
	return f.store.Write(ctx, in.Organization, func(tx *store.Tx) error {
		if err := tx.InsertMedia(in.Organization, &file); err != nil {
			return err
		}
		return tx.ScheduleBlob(in.Organization, in.Media, tx.Now.Add(keepUnattached))
	})
}

// same accepts the file that was uploaded with the form before.
func (f *Files) same(ctx context.Context, in *Filled) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(in.Content, f.maxSize+1)); err != nil {
		return err
	}
	file, err := f.store.Read(ctx).Media(in.Organization, in.Media)
	if err == nil && file.SHA256 == hex.EncodeToString(hash.Sum(nil)) {
		return nil
	}
	if err != nil && !parley.IsKind(err, parley.KindNotFound) {
		return err
	}
	return parley.Conflict("form-used", "the form has been used for another file, or is just being used: ask for another")
}

// Placed returns the channel that a file was uploaded for by a form, empty for any; and whether it was uploaded by one at all.
func (f *Files) Placed(ctx context.Context, p *access.Principal, id parley.ID) (channel parley.ID, placed bool, err error) {
	form, err := f.store.Read(ctx).UploadForm(p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) {
		return "", false, nil
	}
	return form.Channel, err == nil, err
}

// Known returns what is known of a file that was uploaded by a form, to whoever may send it: all keys of the organization, and whose it is.
func (f *Files) Known(ctx context.Context, p *access.Principal, id parley.ID) (parley.Media, error) {
	file, err := f.store.Read(ctx).Media(p.Organization, id)
	if err == nil && p.Personal && file.Uploader != p.User {
		err = parley.NotFound("media", id)
	}
	return file, err
}
