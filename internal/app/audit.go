package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/store"
)

// What verifying the audit log says.
type (
	AuditKnown  = audit.Known
	AuditBroken = audit.Broken
)

// AuditLog is the audit log of a database that is opened for it alone.
type AuditLog struct {
	*audit.Log
	store *store.Store
}

// OpenAudit opens the audit log of the database of a data folder, or of one in PostgreSQL where a URL is given. Nothing is
// changed in it. The server of a folder must be stopped; those on PostgreSQL may go on.
func OpenAudit(ctx context.Context, folder, url string) (*AuditLog, error) {
	if url == "" {
		if _, err := os.Stat(filepath.Join(folder, "parley.db")); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--data: %s holds no Parley database", folder)
		}
	}
	s, err := store.OpenAsIs(ctx, store.Options{Folder: folder, URL: url, Log: slog.New(slog.DiscardHandler)})
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w; stop it, or use a copy of the folder", err)
	}
	if err != nil {
		return nil, err
	}
	return &AuditLog{Log: audit.New(s), store: s}, nil
}

// Close closes the database.
func (l *AuditLog) Close() error { return l.store.Close() }
