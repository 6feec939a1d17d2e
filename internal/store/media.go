package store

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
	"time"
)

// KeepAvatar makes a file the image of a conversation, so that it is kept as those of messages are, in place of
// the one before, which goes if nothing else has it. An empty one is none.
func (tx *Tx) KeepAvatar(organization, conversation, media parley.ID) error {
	if err := tx.ReleaseMedia(organization, conversation); err != nil || media == "" {
		return err
	}
	return tx.KeepMedia(organization, conversation, []parley.ID{media})
}

// KeepMedia keeps files for something that has them, as those of messages are kept, until ReleaseMedia.
func (tx *Tx) KeepMedia(organization, holder parley.ID, media []parley.ID) error {
	if len(media) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, id := range media {
		rows.Add(string(organization), string(id), string(holder))
	}
	_, err := tx.c.Exec(insertMediaReferences, rows.Param())
	return err
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
	if err != nil || len(files) > 0 {
		return false, err
	}
	_, err = tx.c.Exec("DELETE FROM upload_forms WHERE organization_id = $1 AND media_id = $2", string(organization), string(id))
	return true, err
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
	released, err := tx.ids(releaseMedia, string(organization), IDRows(messages))
	if err != nil {
		return err
	}
	return tx.dropReleased(organization, released)
}

// ReleaseFiles takes some files from a message.
func (tx *Tx) ReleaseFiles(organization, message parley.ID, media []parley.ID) error {
	released, err := tx.ids(`DELETE FROM media_references WHERE organization_id = $1 AND message_id = $3 AND media_id IN `+IDSource+
		` RETURNING media_id`, string(organization), IDRows(media), string(message))
	if err != nil {
		return err
	}
	return tx.dropReleased(organization, released)
}

func (tx *Tx) dropReleased(organization parley.ID, released []parley.ID) error {
	if len(released) == 0 {
		return nil
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
