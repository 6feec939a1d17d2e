package store

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// UploadForm is by what somebody may upload one file without a key.
type UploadForm struct {
	Media       parley.ID // that the file will have
	Channel     parley.ID // that it is for; empty: any
	ContentType string
	User        parley.ID // whose file it will be
	SecretHash  string
	ExpiresAt   time.Time
	Used        bool
}

// InsertUploadForm adds a form.
func (tx *Tx) InsertUploadForm(organization parley.ID, f *UploadForm) error {
	_, err := tx.c.Exec(`INSERT INTO upload_forms (organization_id, media_id, channel_id, content_type, user_id, secret_hash, expires_at, used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`, string(organization), string(f.Media), string(f.Channel), f.ContentType, string(f.User), f.SecretHash, Millis(f.ExpiresAt))
	return err
}

// UploadForm returns the form of a file.
func (q Queries) UploadForm(organization, media parley.ID) (f UploadForm, err error) {
	f.Media = media
	absent := true
	err = q.c.Query(`SELECT channel_id, content_type, user_id, secret_hash, expires_at, used FROM upload_forms WHERE organization_id = $1 AND media_id = $2`,
		[]any{string(organization), string(media)}, func(r *sql.Rows) error {
			absent = false
			var expires int64
			err := r.Scan(&f.Channel, &f.ContentType, &f.User, &f.SecretHash, &expires, &f.Used)
			f.ExpiresAt = Moment(expires)
			return err
		})
	if err == nil && absent {
		err = parley.NotFound("upload form", media)
	}
	return f, err
}

// UseUploadForm takes a form for one upload, or gives it back. It says whether that changed anything: of several one gets it.
func (tx *Tx) UseUploadForm(organization, media parley.ID, used bool) (bool, error) {
	to, from := 1, 0
	if !used {
		to, from = 0, 1
	}
	changed, err := tx.ids("UPDATE upload_forms SET used = $3 WHERE organization_id = $1 AND media_id = $2 AND used = $4 RETURNING media_id",
		string(organization), string(media), to, from)
	return len(changed) > 0, err
}
