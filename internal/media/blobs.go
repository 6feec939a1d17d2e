// Package media keeps the bytes of files: on disk, each under its organization and id, whole and synced before
// anybody hears of them. What they are called and who may have them is not its business.
package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/parley-server/parley/internal/parley"
)

// Blobs is a folder of files, DIR/media/ORGANIZATION/SHARD/ID. The shard is the end of the id, which is
// counted: folders fill evenly.
type Blobs struct {
	root    string
	folders sync.Mutex // held while one is made: who finds a folder finds it safe
}

// Open opens or creates the blobs of a data folder.
func Open(folder string) (*Blobs, error) {
	b := &Blobs{root: filepath.Join(folder, "media")}
	if err := os.MkdirAll(b.root, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of media: %w", err)
	}
	return b, errors.Join(b.syncFolders(), syncFolder(folder))
}

// syncFolders makes the folders safe that a server made which ended before it had synced them.
func (b *Blobs) syncFolders() error {
	organizations, err := os.ReadDir(b.root)
	if err != nil {
		return err
	}
	for _, organization := range organizations {
		if !organization.IsDir() {
			continue
		}
		if err := syncFolder(filepath.Join(b.root, organization.Name())); err != nil {
			return err
		}
	}
	return syncFolder(b.root)
}

// Info is what a file was found to be while it was written.
type Info struct {
	Size        int64
	SHA256      string // hex
	ContentType string
}

const (
	shardLength   = 2 // characters
	partialSuffix = ".partial"
)

// path of a blob. Ids of any other form have none: they could name other files.
func (b *Blobs) path(organization, id parley.ID) (string, error) {
	if !organization.Valid() || !id.Valid() {
		return "", parley.NotFound("media", id)
	}
	return filepath.Join(b.root, string(organization), string(id[parley.IDLength-shardLength:]), string(id)), nil
}

// Write stores what content holds, at most limit bytes, and returns when it would survive a power failure.
// Declared is the content type that its sender claims, or empty. A file over the limit is KindTooLarge; one that
// is not what it claims, KindMediaType. On an error nothing is left.
func (b *Blobs) Write(ctx context.Context, organization, id parley.ID, content io.Reader, declared string, limit int64) (Info, error) {
	path, err := b.path(organization, id)
	if err != nil {
		return Info{}, err
	}
	folder := filepath.Dir(path)
	if err := b.makeFolder(folder); err != nil {
		return Info{}, unavailable(err)
	}
	file, err := os.OpenFile(path+partialSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Info{}, unavailable(err)
	}
	info, err := fill(ctx, file, content, declared, limit)
	if closed := file.Close(); err == nil && closed != nil {
		err = unavailable(closed)
	}
	if err != nil {
		return Info{}, errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return Info{}, unavailable(errors.Join(err, os.Remove(file.Name())))
	}
	if err := syncFolder(folder); err != nil {
		return Info{}, unavailable(err)
	}
	return info, nil
}

// fill copies content to a file, looking at it on the way, and syncs it.
func fill(ctx context.Context, file *os.File, content io.Reader, declared string, limit int64) (Info, error) {
	source := &source{ctx: ctx, from: io.LimitReader(content, limit+1)}
	hash, head := sha256.New(), &head{}
	size, err := io.Copy(io.MultiWriter(file, hash, head), source)
	switch {
	case source.err != nil:
		return Info{}, broken(source.err)
	case err != nil:
		return Info{}, unavailable(err)
	case size > limit:
		return Info{}, &parley.Error{Kind: parley.KindTooLarge, Code: "media-too-large",
			Message: fmt.Sprintf("a file may have at most %d bytes", limit), Facts: map[string]any{"limit": limit}}
	}
	contentType, err := head.contentType(declared)
	if err != nil {
		return Info{}, err
	}
	if err := file.Sync(); err != nil {
		return Info{}, unavailable(err)
	}
	return Info{Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), ContentType: contentType}, nil
}

// source tells an upload that breaks off from a disk that fails.
type source struct {
	ctx  context.Context
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// broken is an upload that did not come to its end.
func broken(err error) error {
	if _, ours := errors.AsType[*parley.Error](err); ours || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &parley.Error{Kind: parley.KindInvalid, Code: "malformed", Message: "the upload broke off before its end", Err: err}
}

// Blob is a stored file, open for reading.
type Blob interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Open returns a blob. KindNotFound where there is none.
func (b *Blobs) Open(organization, id parley.ID) (Blob, error) {
	path, err := b.path(organization, id)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, parley.NotFound("media", id)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return file, nil
}

// Remove deletes a blob; one that is not there is no error. It returns when the file would not come back after
// a power failure.
func (b *Blobs) Remove(organization, id parley.ID) error {
	path, err := b.path(organization, id)
	if err != nil {
		return nil // there cannot be one
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return unavailable(err)
	}
	return nil
}

// makeFolder makes the folder of a shard, so that it is still there after a power failure.
func (b *Blobs) makeFolder(folder string) error {
	b.folders.Lock()
	defer b.folders.Unlock()
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	organization := filepath.Dir(folder)
	return errors.Join(syncFolder(organization), syncFolder(b.root))
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func unavailable(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return parley.Unavailable("storage-full", "the disk is full; try again when there is room", err)
	}
	return parley.Unavailable("media-unavailable", "files cannot be used now; try again", err)
}
