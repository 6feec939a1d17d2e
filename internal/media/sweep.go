package media

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// Sweep removes the blobs that nobody knows: those last written before a time of which known, asked for a
// folder's worth at once, does not say that they are wanted. A crash between a blob and its row leaves one. It
// says how many it removed.
func (b *Blobs) Sweep(ctx context.Context, before time.Time,
	known func(organization parley.ID, ids []parley.ID) (map[parley.ID]bool, error)) (removed int, err error) {
	organizations, err := os.ReadDir(b.root)
	if err != nil {
		return 0, unavailable(err)
	}
	for _, organization := range organizations {
		id := parley.ID(organization.Name())
		if !organization.IsDir() || !id.Valid() {
			continue
		}
		shards, err := os.ReadDir(filepath.Join(b.root, organization.Name()))
		if err != nil {
			return removed, unavailable(err)
		}
		for _, shard := range shards {
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			n, err := b.sweepFolder(id, filepath.Join(b.root, organization.Name(), shard.Name()), before, known)
			if removed += n; err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func (b *Blobs) sweepFolder(organization parley.ID, folder string, before time.Time,
	known func(organization parley.ID, ids []parley.ID) (map[parley.ID]bool, error)) (removed int, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, unavailable(err)
	}
	var old []string
	var ids []parley.ID
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue // gone meanwhile, or too young to tell
		}
		old = append(old, entry.Name())
		if id := parley.ID(entry.Name()); id.Valid() {
			ids = append(ids, id)
		}
	}
	if len(old) == 0 {
		return 0, nil
	}
	wanted, err := known(organization, ids)
	if err != nil {
		return 0, err
	}
	for _, name := range old {
		if wanted[parley.ID(name)] || !parley.ID(strings.TrimSuffix(name, partialSuffix)).Valid() {
			continue // a file that is none of ours stays
		}
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, unavailable(err)
		}
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	if err := syncFolder(folder); err != nil {
		return removed, unavailable(err)
	}
	return removed, nil
}
