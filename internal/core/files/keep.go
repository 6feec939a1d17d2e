package files

import (
	"context"
	"io"
	"time"

	"github.com/parley-server/parley/internal/media"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// maxMade is how many bytes a file may have that the server makes.
const maxMade = 16 << 30

// Making is a file that the server makes for somebody.
type Making struct {
	Organization parley.ID
	For          parley.ID // the user who may have it
	Name         string
	ContentType  string
	Until        time.Time // when it is deleted
	Write        func(w io.Writer) error
}

// Make stores a file that the server makes. The unit is written together with its row.
func (f *Files) Make(ctx context.Context, m Making, unit func(tx *store.Tx, file *parley.Media) error) error {
	id := parley.NewID(f.now(ctx, m.Organization))
	reader, writer := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		writer.CloseWithError(m.Write(writer))
	}()
	info, err := f.blobs.Write(ctx, m.Organization, id, reader, m.ContentType, maxMade)
	_ = reader.CloseWithError(io.ErrClosedPipe) // ends a writer that is not read any more
	<-written
	if err != nil {
		return err
	}
	file := parley.Media{ID: id, Name: media.CleanName(m.Name, info.ContentType), ContentType: info.ContentType, Size: info.Size, SHA256: info.SHA256,
		Uploader: m.For}
	err = f.store.WriteBackground(ctx, []parley.ID{m.Organization}, func(tx *store.Tx) error {
		if err := tx.InsertMedia(m.Organization, &file); err != nil {
			return err
		}
		if err := tx.ScheduleBlob(m.Organization, id, m.Until); err != nil {
			return err
		}
		return unit(tx, &file)
	})
	if err != nil && !parley.IsKind(err, parley.KindUnavailable) && ctx.Err() == nil {
		if err := f.blobs.Remove(m.Organization, id); err != nil {
			f.log.Warn("removing a blob that is not needed", "media", id, "error", err)
		}
	}
	return err
}

// Blob opens the bytes of a file for the server itself. The caller closes them.
func (f *Files) Blob(organization, id parley.ID) (media.Blob, error) {
	return f.blobs.Open(organization, id)
}
