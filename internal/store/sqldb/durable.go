package sqldb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
)

// syncer makes transactions durable and answers their units, in order. While the disk works the committer runs the
// next transaction: SQLite is told to leave the write-ahead log unsynced at a commit (synchronous=NORMAL), and the log
// is synced here before anybody is answered. A frame of the log is valid only after all before it, so that a sync makes
// every earlier transaction durable too.
type syncer struct {
	db    *DB
	ended chan outcome
	file  *os.File // the write-ahead log
	info  os.FileInfo
	// lost: a sync failed. What was committed since the one before is of unknown outcome, and nothing is written until
	// all that the log holds is known to be in the database; see embedded.heal.
	lost bool

	mu       sync.Mutex
	begun    uint64        // transactions whose commit was begun
	durable  uint64        // those of them that are settled, in order
	progress chan struct{} // closed when durable or lost change
	stopped  chan struct{}
}

// outcome is a transaction that has ended, with what is left to do when it is durable.
type outcome struct {
	number    uint64 // of the commit; 0: there was none
	made      bool   // the commit was made, and is to be synced
	batch     []*pending
	results   []error
	after     []func()
	committed func()
	began     time.Time
}

// unsynced is how many transactions may wait for the disk; the committer waits with the next one.
const unsynced = 2

func newSyncer(db *DB) *syncer {
	return &syncer{db: db, ended: make(chan outcome, unsynced), progress: make(chan struct{}), stopped: make(chan struct{})}
}

// begin numbers a commit that is about to be made. From here on readers may see it.
func (s *syncer) begin() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return s.begun
}

// run answers outcomes until there are no more.
func (s *syncer) run() {
	defer close(s.stopped)
	for first := range s.ended {
		outcomes := append(make([]outcome, 0, unsynced+1), first)
		for len(s.ended) > 0 {
			outcomes = append(outcomes, <-s.ended)
		}
		err := s.sync(outcomes)
		for i := range outcomes {
			s.finish(&outcomes[i], err)
		}
	}
	if s.file != nil {
		_ = s.file.Close()
	}
}

// sync makes outcomes durable, where something was committed.
func (s *syncer) sync(outcomes []outcome) error {
	if s.isLost() {
		return errors.New("an earlier transaction could not be made durable")
	}
	committed := false
	for _, o := range outcomes {
		committed = committed || o.made
	}
	if !committed || s.db.options.Sabotage == SabotageNoSync {
		return nil
	}
	return s.syncLog()
}

// syncLog syncs the file that has the log's name now: one that was deleted says nothing of what is written since.
func (s *syncer) syncLog() error {
	if fault := s.db.options.SyncFault; fault != nil {
		if err := fault(); err != nil {
			return err
		}
	}
	path := s.db.options.Path + "-wal"
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if s.file == nil || !os.SameFile(info, s.info) {
		if s.file != nil {
			_ = s.file.Close()
		}
		if s.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			return err
		}
		if s.info, err = s.file.Stat(); err != nil {
			return err
		}
	}
	return datasync(s.file)
}

// finish tells what was committed and answers its units. What is not durable is of unknown outcome, and so is what a
// unit found that wrote nothing itself: it may have seen what is not.
func (s *syncer) finish(o *outcome, err error) {
	if err != nil {
		s.db.log.Error("the write-ahead log could not be synced", "error", err)
		for _, f := range o.after { // it may be there
			f()
		}
		s.settle(o.number, true)
		refuse(o.batch, outcomeUnknown(err))
		return
	}
	for _, f := range o.after { // before who listens is told: what it asks then must not be answered from before
		f()
	}
	if o.committed != nil {
		o.committed()
	}
	s.settle(o.number, false)
	answer(o.batch, o.results)
	if o.made && s.db.options.Observe != nil {
		s.db.options.Observe(len(o.batch), time.Since(o.began))
	}
}

// settle notes that nothing more will become of a commit.
func (s *syncer) settle(number uint64, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable = max(s.durable, number)
	s.lost = s.lost || lost
	close(s.progress)
	s.progress = make(chan struct{})
}

func (s *syncer) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// wait returns when all whose commit had begun is settled, and an error where it is not durable.
func (s *syncer) wait(ctx context.Context) error {
	s.mu.Lock()
	target := s.begun
	for s.durable < target {
		progress := s.progress
		s.mu.Unlock()
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stopped:
			return errClosed()
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.lost {
		return unavailable(errors.New("a transaction could not be made durable"))
	}
	return nil
}

// heal makes the database whole after a failed sync: the log is copied back, with the syncs of a checkpoint, and begun
// anew. Until that can be done nothing is written.
func (s *embedded) heal() error {
	if !s.syncer.isLost() {
		return nil
	}
	_ = s.syncer.wait(context.Background()) // for those of before: they are refused
	if w := s.writers[0]; w.conn == nil {
		if err := w.connect(context.Background()); err != nil {
			return err
		}
	}
	if err := s.truncateLog(); err != nil {
		return fmt.Errorf("after a failed sync of the write-ahead log: %w", err)
	}
	s.syncer.mu.Lock()
	defer s.syncer.mu.Unlock()
	s.syncer.lost = false
	return nil
}

func outcomeUnknown(err error) error {
	return parley.Unavailable("outcome-unknown", "the write may or may not have been stored; repeat it with the same Idempotency-Key", err)
}
