package media

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

const (
	// folderName is the file that says which folder this is.
	folderName = ".folder"
	// nameTries is how often a name is looked for that another server is just giving.
	nameTries = 50
	nameWait  = 10 * time.Millisecond
)

// Folder is the folder's name, the same for all who have it, by whatever path. The first who asks gives it one.
func (b *Blobs) Folder() (parley.ID, error) {
	path := filepath.Join(b.root, folderName)
	for range nameTries {
		name, err := os.ReadFile(path)
		if id := parley.ID(name); err == nil && id.Valid() {
			return id, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", unavailable(err)
		}
		if err := b.nameFolder(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", unavailable(err)
		}
		time.Sleep(nameWait)
	}
	return "", unavailable(errors.New(path + " names no folder"))
}

func (b *Blobs) nameFolder(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(string(parley.NewID(time.Now())))
	return errors.Join(err, file.Sync(), file.Close(), syncFolder(b.root))
}
