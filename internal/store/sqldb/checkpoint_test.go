package sqldb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const testLogBytes = 1 << 20

// load writes from several writers until it is told to stop.
func (e *engine) load() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	filling := strings.Repeat("x", 2000)
	for i := range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := e.write(note(fmt.Sprint(i, " ", n, filling))); err != nil {
					e.t.Error(err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// logNumber counts how often the log began anew.
func logNumber(t *testing.T, path string) uint32 {
	file, err := os.Open(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var head [32]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return 0 // it was cut
	}
	return binary.BigEndian.Uint32(head[12:])
}

// TestLogBeginsAnew: under writing without a pause the log begins anew again and again; a log that holds little
// goes on, however large its file is.
func TestLogBeginsAnew(t *testing.T) {
	o := options(t)
	o.logBytes = testLogBytes
	e := start(t, o)
	stop := e.load()
	eventually(t, "the log began anew three times", func() bool { return logNumber(t, o.Path) >= 3 })
	stop()
	number, n := logNumber(t, o.Path), 0
	eventually(t, "the log is copied and begins anew", func() bool {
		e.must(note(fmt.Sprint("slowly ", n)))
		n++
		return logNumber(t, o.Path) > number
	})
	if size := walSize(o.Path); size < testLogBytes {
		t.Fatalf("the file is small: %d bytes", size)
	}
	number = logNumber(t, o.Path)
	for deadline := time.Now().Add(4 * checkpointEvery); time.Now().Before(deadline); n++ {
		e.must(note(fmt.Sprint("slowly ", n)))
		time.Sleep(20 * time.Millisecond)
	}
	if now := logNumber(t, o.Path); now > number+1 { // once, by a checkpoint that was under way
		t.Errorf("a log that held little began anew: %d, then %d", number, now)
	}
}

// TestLongReader: a reader that does not end keeps the log from beginning anew, and keeps no writer waiting.
func TestLongReader(t *testing.T) {
	o := options(t)
	o.logBytes = testLogBytes
	e := start(t, o)
	for i := range 10 {
		e.must(note(fmt.Sprint("row ", i)))
	}
	reading, finish, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	rows := 0
	go func() {
		read <- e.Read(t.Context()).Query("SELECT text FROM notes", nil, func(r *sql.Rows) error {
			if rows++; rows == 1 {
				close(reading)
				<-finish
			}
			return nil
		})
	}()
	<-reading
	stop := e.load()
	eventually(t, "the log is large", func() bool { return walSize(o.Path) > 3*testLogBytes })
	e.Erased()
	time.Sleep(3 * checkpointEvery)
	stop()
	took := make(chan time.Duration)
	e.writers[0].tasks <- func() {
		began := time.Now()
		if busy, err := e.backend.(*embedded).checkpoint("RESTART"); err != nil || !busy {
			t.Errorf("the log began anew under a reader: %v", err)
		}
		took <- time.Since(began)
	}
	if d := <-took; d > writerTimeout/2 {
		t.Errorf("the committer waited %v for a reader", d)
	}
	if walSize(o.Path) < 3*testLogBytes {
		t.Error("the log was cut under a reader")
	}
	close(finish)
	if err := <-read; err != nil || rows != 10 {
		t.Errorf("the reader read %d rows, %v", rows, err)
	}
	eventually(t, "the log is cut", func() bool { return walSize(o.Path) == 0 })
}

// TestManyReaders: readers of whom one always reads do not keep the log from beginning anew.
func TestManyReaders(t *testing.T) {
	o := options(t)
	o.logBytes = testLogBytes
	e := start(t, o)
	e.must(note("row"))
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				err := e.Read(t.Context()).Query("SELECT text FROM notes LIMIT 1", nil, func(*sql.Rows) error {
					time.Sleep(3 * time.Millisecond)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := e.load()
	eventually(t, "the log began anew twice", func() bool { return logNumber(t, o.Path) >= 2 })
	stop()
	cancel()
	all.Wait()
}

// TestErasedIsInNoFile: what was deleted is soon neither in the database's file nor in its log.
func TestErasedIsInNoFile(t *testing.T) {
	o := options(t)
	e := start(t, o)
	const marker = "3f1c-marker"
	e.must(note("kept"))
	for i := range 50 {
		e.must(note(fmt.Sprint(marker, i, strings.Repeat(marker, 900))))
	}
	e.must(Unit{Run: func(tx *Tx) error {
		tx.After(e.Erased)
		_, err := tx.Exec("DELETE FROM notes WHERE text LIKE $1", marker+"%")
		return errors.Join(err, func() error { _, err := tx.Exec("DELETE FROM log"); return err }())
	}})
	eventually(t, "the marker is gone", func() bool { return !inFile(t, o.Path, marker) && !inFile(t, o.Path+"-wal", marker) })
	if got := e.column("SELECT text FROM notes"); len(got) != 1 {
		t.Errorf("kept are %d notes", len(got))
	}
}

func inFile(t *testing.T, name, text string) bool {
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(content, []byte(text))
}

// TestCheckpointsMeetTrouble: checkpoints go on beside connections that are lost, and an end under load ends them.
func TestCheckpointsMeetTrouble(t *testing.T) {
	o := options(t)
	o.logBytes = 1
	e := start(t, o)
	stop := e.load()
	for i := range 30 {
		e.Erased()
		if i%3 == 0 {
			e.writers[0].tasks <- e.writers[0].disconnect
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	e.Erased()
	eventually(t, "the log is cut", func() bool { return walSize(o.Path) == 0 })
}
