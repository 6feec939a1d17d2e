package sqldb

import (
	"context"
	"database/sql"
	"errors"
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
		if !erased && !db.scrubs.wanted() && walSize(db.options.Path) < checkpointBytes {
			continue
		}
		if err := db.checkpointOnce(erased); err != nil {
			db.log.Warn("checkpoint", "error", err)
		}
		if err := db.scrub(); err != nil && db.closing.Err() == nil {
			db.log.Warn("scrubbing", "error", err)
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
		if db.writer.conn == nil {
			db.erased.Store(truncate || db.erased.Load())
			done <- nil
			return
		}
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

// truncateLog copies the log back and cuts it to nothing. It runs between two transactions.
func (w *writer) truncateLog() error {
	if w.conn == nil {
		return errors.New("the database is not connected")
	}
	busy, _, _, err := runCheckpoint(w.conn.QueryRowContext, "TRUNCATE")
	if err == nil && busy {
		err = errors.New("a long read keeps the write-ahead log")
	}
	return err
}

// dropCache forgets the pages in memory. It runs between two transactions.
func (w *writer) dropCache() error {
	_, err := w.conn.ExecContext(context.Background(), "PRAGMA shrink_memory")
	return err
}

func runCheckpoint(query func(context.Context, string, ...any) *sql.Row, mode string) (busy bool, frames, copied int64, err error) {
	err = query(context.Background(), fmt.Sprintf("PRAGMA wal_checkpoint(%s)", mode)).Scan(&busy, &frames, &copied)
	return busy, frames, copied, err
}
