package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

const (
	checkpointEvery = 250 * time.Millisecond
	checkpointBytes = 64 << 20 // of write-ahead log before it is copied back
)

// checkpoint copies the write-ahead log back beside the commits: most of it on a connection of its own, and
// only the last frames between two transactions, where the log can begin anew. After an erasure the log is
// cut to nothing, so that what was deleted is in no file.
func (db *DB) checkpoint() {
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-db.closing.Done():
			return
		case <-ticker.C:
		}
		erased := db.erased.Load()
		if !erased && walSize(db.options.Path) < checkpointBytes {
			continue
		}
		if err := db.checkpointOnce(erased); err != nil {
			db.log.Warn("checkpoint", "error", err)
		}
	}
}

func walSize(path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (db *DB) checkpointOnce(truncate bool) error {
	pool, err := sql.Open("sqlite", checkpointDSN(db.options))
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	for range 3 {
		busy, frames, copied, err := runCheckpoint(pool.QueryRowContext, "PASSIVE")
		if err != nil {
			return err
		}
		if busy || frames-copied < 256 {
			break
		}
	}
	mode := "RESTART"
	if truncate {
		mode = "TRUNCATE"
		db.erased.Store(false)
	}
	done := make(chan error, 1)
	task := func() {
		busy, _, _, err := runCheckpoint(db.writer.conn.QueryRowContext, mode)
		if truncate && (busy || err != nil) {
			db.erased.Store(true)
		}
		done <- err
	}
	select {
	case db.writer.tasks <- task:
		return <-done
	case <-db.closing.Done():
		return nil
	}
}

func runCheckpoint(query func(context.Context, string, ...any) *sql.Row, mode string) (busy bool, frames, copied int64, err error) {
	err = query(context.Background(), fmt.Sprintf("PRAGMA wal_checkpoint(%s)", mode)).Scan(&busy, &frames, &copied)
	return busy, frames, copied, err
}
