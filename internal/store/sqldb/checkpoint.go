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
	truncateEvery   = time.Second

	// The committer copies the last frames, fewFrames where it can be, and begins the log anew. It waits no longer
	// than restartTimeout for those who still read the old one: nobody is answered meanwhile. Where a reader keeps
	// more than manyFrames it is not asked.
	fewFrames      = 256
	manyFrames     = 4096
	restartTimeout = 10 * time.Millisecond
)

// checkpointer copies the write-ahead log back beside the commits: most of it on a connection of its own, and
// only the last frames between two transactions, where the log can begin anew. After an erasure the log is
// cut to nothing, so that what was deleted is in no file.
type checkpointer struct {
	*embedded
	pool *sql.DB
	// conn stays open. While it is, no other is the last one to close the database, which would copy the log too.
	conn *sql.Conn
	next time.Time // when the log may be cut again
}

func (c *checkpointer) run() {
	defer c.disconnect()
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.closing.Done():
			return
		case <-ticker.C:
		}
		c.heal()
		truncate := c.erasure.Load() && !time.Now().Before(c.next)
		if !truncate && !c.scrubs.wanted() && walSize(c.options.Path) < c.options.logBytes {
			continue
		}
		if err := c.turn(truncate); err != nil && c.closing.Err() == nil {
			c.log.Warn("checkpoint", "error", err)
			c.disconnect()
		}
	}
}

// heal has the committer make the database whole after a failed sync, though nobody writes: until then nothing that is
// read is told.
func (c *checkpointer) heal() {
	if !c.syncer.isLost() {
		return
	}
	done := make(chan error, 1)
	select {
	case c.writers[0].tasks <- func() { done <- c.embedded.heal() }:
		if err := <-done; err != nil {
			c.log.Warn("the database is not whole yet", "error", err)
		}
	case <-c.closing.Done():
	}
}

func walSize(path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (c *checkpointer) turn(truncate bool) error {
	if err := c.connect(); err != nil {
		return err
	}
	if err := c.copy(truncate); err != nil {
		return err
	}
	if truncate {
		c.next = time.Now().Add(truncateEvery)
	}
	return c.scrub()
}

func (c *checkpointer) connect() (err error) {
	if c.conn != nil {
		return nil
	}
	if c.pool, err = sql.Open("sqlite", checkpointDSN(c.options)); err != nil {
		return err
	}
	if c.conn, err = c.pool.Conn(c.closing); err != nil {
		return errors.Join(err, c.pool.Close())
	}
	var tables int
	return c.query("SELECT count(*) FROM sqlite_schema").Scan(&tables) // only now it is seen by the others
}

func (c *checkpointer) disconnect() {
	if c.conn != nil {
		_ = c.conn.Close()
		_ = c.pool.Close()
		c.conn = nil
	}
}

func (c *checkpointer) query(text string) *sql.Row { return c.conn.QueryRowContext(c.closing, text) }

// copy begins the log anew if it holds much, or cuts it to nothing. Where somebody reads what is much older
// than its end neither is possible, and the next turn tries again.
func (c *checkpointer) copy(truncate bool) error {
	var page int64
	if err := c.query("PRAGMA page_size").Scan(&page); err != nil {
		return err
	}
	log, err := runCheckpoint(c.query, "NOOP")
	// The file may be larger than what is in use. A log that is all copied begins anew with the next write.
	if err != nil || !truncate && (log.frames*page < c.options.logBytes || log.copied == log.frames) {
		return err
	}
	for range 4 {
		if log, err = runCheckpoint(c.query, "PASSIVE"); err != nil || log.busy || log.frames-log.copied > manyFrames {
			return err
		}
		// SQLite syncs the database only where all is copied, which beside commits is left to the last step, for which
		// they wait.
		if err = datasync(c.scrubs.file); err != nil {
			return err
		}
		if log, err = runCheckpoint(c.query, "NOOP"); err != nil {
			return err
		}
		if log.frames-log.copied <= fewFrames {
			break
		}
	}
	done := make(chan error, 1)
	select {
	case c.writers[0].tasks <- func() { done <- c.restartLog(truncate) }:
		return <-done
	case <-c.closing.Done():
		return nil
	}
}

// restartLog ends a checkpoint between two transactions. That somebody reads the old log is no error.
func (s *embedded) restartLog(truncate bool) error {
	if !truncate {
		_, err := s.checkpoint("RESTART")
		return err
	}
	s.erasure.Store(false)
	busy, err := s.checkpoint("TRUNCATE")
	if err != nil || busy {
		s.erasure.Store(true)
	}
	return err
}

// truncateLog copies the log back and cuts it to nothing. It runs between two transactions.
func (s *embedded) truncateLog() error {
	busy, err := s.checkpoint("TRUNCATE")
	if err == nil && busy {
		err = errors.New("a long read keeps the write-ahead log")
	}
	return err
}

// checkpoint is one in the way of the commits, which waits shortly for those who read.
func (s *embedded) checkpoint(mode string) (busy bool, err error) {
	conn := s.writers[0].conn
	if conn == nil {
		return false, errors.New("the database is not connected")
	}
	query := func(text string) *sql.Row { return conn.QueryRowContext(context.Background(), text) }
	if err := setBusyTimeout(query, restartTimeout); err != nil {
		return false, err
	}
	log, err := runCheckpoint(query, mode)
	return log.busy, errors.Join(err, setBusyTimeout(query, writerTimeout))
}

// dropCache forgets the pages in memory. It runs between two transactions.
func (s *embedded) dropCache() error {
	_, err := s.writers[0].conn.ExecContext(context.Background(), "PRAGMA shrink_memory")
	return err
}

func setBusyTimeout(query func(string) *sql.Row, timeout time.Duration) error {
	var set int64
	return query(fmt.Sprintf("PRAGMA busy_timeout(%d)", timeout.Milliseconds())).Scan(&set)
}

// logState is what a checkpoint says of the write-ahead log.
type logState struct {
	busy           bool // somebody was in the way
	frames, copied int64
}

func runCheckpoint(query func(string) *sql.Row, mode string) (s logState, err error) {
	err = query("PRAGMA wal_checkpoint("+mode+")").Scan(&s.busy, &s.frames, &s.copied)
	return s, err
}
