package store

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// InsertMedia adds a file.
func (tx *Tx) InsertMedia(organization parley.ID, m *parley.Media) error {
	m.CreatedAt = tx.Now
	_, err := tx.c.Exec(`INSERT INTO media (organization_id, id, name, content_type, size, sha256, uploader_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, string(organization), string(m.ID), m.Name, m.ContentType, m.Size, m.SHA256,
		string(m.Uploader), millis(m.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(m.ID)
	}
	return err
}

const mediaColumns = `m.id, m.name, m.content_type, m.size, m.sha256, m.uploader_id, m.created_at,
	EXISTS (SELECT 1 FROM media_references AS r WHERE r.organization_id = m.organization_id AND r.media_id = m.id)`

func scanMedia(r *sql.Rows, m *parley.Media) error {
	var created int64
	err := r.Scan(&m.ID, &m.Name, &m.ContentType, &m.Size, &m.SHA256, &m.Uploader, &created, &m.Attached)
	m.CreatedAt = moment(created)
	return err
}

// Media returns a file.
func (q Queries) Media(organization, id parley.ID) (parley.Media, error) {
	files, err := q.MediaByID(organization, []parley.ID{id})
	if err != nil {
		return parley.Media{}, err
	}
	if files[id] == nil {
		return parley.Media{}, parley.NotFound("media", id)
	}
	return *files[id], nil
}

var mediaByID = "SELECT " + mediaColumns + " FROM media AS m WHERE m.organization_id = $1 AND m.id IN " + idSource

// MediaByID returns those of the files that exist.
func (q Queries) MediaByID(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Media, error) {
	files := make(map[parley.ID]*parley.Media, len(ids))
	if len(ids) == 0 {
		return files, nil
	}
	err := q.c.Query(mediaByID, []any{string(organization), idRows(ids)}, func(r *sql.Rows) error {
		m := &parley.Media{}
		err := scanMedia(r, m)
		files[m.ID] = m
		return err
	})
	return files, err
}

// MediaMessages returns up to limit messages that have a file, with ids after one.
func (q Queries) MediaMessages(organization, media, after parley.ID, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT message_id FROM media_references WHERE organization_id = $1 AND media_id = $2 AND message_id > $3
		ORDER BY message_id LIMIT $4`, string(organization), string(media), string(after), limit)
}

// DeleteMedia deletes a file's row and schedules the deletion of its blob. A file that a message has is
// parley.Conflict "media-attached".
func (tx *Tx) DeleteMedia(organization, id parley.ID) error {
	if _, err := tx.Media(organization, id); err != nil {
		return err
	}
	dropped, err := tx.DropMedia(organization, id)
	if err != nil {
		return err
	}
	if !dropped {
		return parley.Conflict("media-attached", "a message has the file %q", id)
	}
	return tx.ScheduleBlob(organization, id, tx.Now)
}

// DropMedia deletes a file's row, if it is there and no message has the file; it says whether none is left.
func (tx *Tx) DropMedia(organization, id parley.ID) (bool, error) {
	_, err := tx.c.Exec(`DELETE FROM media WHERE organization_id = $1 AND id = $2 AND NOT EXISTS
		(SELECT 1 FROM media_references AS r WHERE r.organization_id = $1 AND r.media_id = $2)`, string(organization), string(id))
	if err != nil {
		return false, err
	}
	files, err := tx.MediaByID(organization, []parley.ID{id})
	return len(files) == 0, err
}

// ScheduleBlob has the blob of a file deleted at a time, with the file's row, if no message has the file then.
func (tx *Tx) ScheduleBlob(organization, media parley.ID, at time.Time) error {
	return tx.Schedule(Job{Organization: organization, ID: JobID(JobBlob, string(media)), Kind: JobBlob, DueAt: at, Payload: string(media)})
}

var releaseMedia = `DELETE FROM media_references WHERE organization_id = $1 AND message_id IN (SELECT id FROM ` +
	sqldb.From("$2", "id TEXT") + ` AS j) RETURNING media_id`

// ReleaseMedia takes the files from messages whose content goes, and schedules the deletion of those that no
// other message has.
func (tx *Tx) ReleaseMedia(organization parley.ID, messages ...parley.ID) error {
	released, err := tx.ids(releaseMedia, string(organization), idRows(messages))
	if err != nil || len(released) == 0 {
		return err
	}
	files, err := tx.MediaByID(organization, released)
	if err != nil {
		return err
	}
	for id, m := range files {
		if m.Attached {
			continue
		}
		if err := tx.ScheduleBlob(organization, id, tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// Parked is something from a provider that cannot be matched or read yet.
type Parked struct {
	ID        parley.ID
	Channel   parley.ID
	Kind      string // what it is, for whoever collects it: "receipt", "inbound"
	Reference string // the provider's id that it waits for; may be empty
	Message   parley.ID
	Raw       string // content: erased with the message it names
	Reason    string
	CreatedAt time.Time
}

// Park keeps something for later.
func (tx *Tx) Park(organization parley.ID, p *Parked) error {
	p.CreatedAt = tx.Now
	_, err := tx.c.Exec(`INSERT INTO parked (organization_id, id, channel_id, kind, reference, message_id, raw, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, string(organization), string(p.ID), string(p.Channel), p.Kind, p.Reference,
		string(p.Message), p.Raw, p.Reason, millis(p.CreatedAt))
	return err
}

const parkedColumns = "id, channel_id, kind, reference, message_id, raw, reason, created_at"

func scanParked(r *sql.Rows, p *Parked, before ...any) error {
	var created int64
	err := r.Scan(append(before, &p.ID, &p.Channel, &p.Kind, &p.Reference, &p.Message, &p.Raw, &p.Reason, &created)...)
	p.CreatedAt = moment(created)
	return err
}

// ParkedRow is a parked thing with its organization.
type ParkedRow struct {
	Organization parley.ID
	Parked
}

var takeParked = `DELETE FROM parked WHERE (organization_id, id) IN (SELECT p.organization_id, p.id FROM ` +
	sqldb.From("$1", "organization_id TEXT", "channel_id TEXT", "reference TEXT") + ` AS j
	JOIN parked AS p ON p.organization_id = j.organization_id AND p.channel_id = j.channel_id AND p.reference = j.reference
	WHERE j.reference <> '') RETURNING organization_id, ` + parkedColumns

// TakeParked takes out what waits for provider ids, in no order.
func (tx *Tx) TakeParked(references []ProviderReference) ([]ParkedRow, error) {
	if len(references) == 0 {
		return nil, nil
	}
	var rows sqldb.Rows
	for _, p := range references {
		rows.Add(string(p.Organization), string(p.Channel), p.Value)
	}
	var taken []ParkedRow
	err := tx.c.Query(takeParked, []any{rows.Param()}, func(r *sql.Rows) error {
		var p ParkedRow
		err := scanParked(r, &p.Parked, &p.Organization)
		taken = append(taken, p)
		return err
	})
	return taken, err
}

// ParkedList returns up to limit parked things with ids after one.
func (q Queries) ParkedList(organization, after parley.ID, limit int) ([]Parked, error) {
	var parked []Parked
	err := q.c.Query("SELECT "+parkedColumns+" FROM parked WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3",
		[]any{string(organization), string(after), limit}, func(r *sql.Rows) error {
			var p Parked
			err := scanParked(r, &p)
			parked = append(parked, p)
			return err
		})
	return parked, err
}

// DropParked deletes up to limit parked things of an organization made before a time, and says how many.
func (tx *Tx) DropParked(organization parley.ID, before time.Time, limit int) (int64, error) {
	return tx.c.Exec(`DELETE FROM parked WHERE organization_id = $1 AND id IN (SELECT id FROM parked
		WHERE organization_id = $1 AND created_at < $2 ORDER BY id LIMIT $3)`, string(organization), millis(before), limit)
}
