package sqldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// SQLite overwrites what is deleted with zeros, but not what it moves: when a page is split or merged, its old
// content stays in the space between its cell pointers and its cells until something else needs the space. What is
// deleted later, from where it moved to, is still there. The scrubber writes zeros over these gaps.
//
// It may write to the file beside SQLite because it touches bytes that nobody reads, and because only the goroutine
// it runs in copies pages into the file. Most of its work is done beside the commits. At its end, between two
// transactions, the pages changed meanwhile are done too, and the committer's cache is dropped, which would bring
// the old gaps back.

const (
	scrubChunk = 1 << 20
	// scrubDelta is how much write-ahead log the scrubber's end may have to look at between two transactions.
	scrubDelta = 2 << 20
	// scrubRest is how many times longer than a scrub the next waits, at least scrubLeast.
	scrubRest  = 50
	scrubLeast = time.Second
	// scrubAtClose is how large a file may be to be scrubbed while the program waits to end.
	scrubAtClose = 256 << 20
)

// scrubber is the file beside SQLite.
type scrubber struct {
	// file stays open as long as SQLite has the database: closing it would drop SQLite's locks.
	file   *os.File
	path   string
	due    atomic.Bool // content was erased since the last scrub began
	marked atomic.Bool // the note of that is on disk, for the next start
	next   time.Time
	size   int // of a page
	usable int
}

func (s *scrubber) open(path string) (err error) {
	s.path = path
	if s.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	if _, err := os.Stat(s.note()); err == nil {
		s.due.Store(true)
		s.marked.Store(true)
	}
	return nil
}

// wanted reports whether a scrub is due and may begin.
func (s *scrubber) wanted() bool { return s.due.Load() && !time.Now().Before(s.next) }

// note is the file that says that a scrub is due.
func (s *scrubber) note() string { return s.path + "-scrub" }

// erased notes that content was erased, also for a start after a crash.
func (s *scrubber) erased() {
	s.due.Store(true)
	if s.marked.CompareAndSwap(false, true) {
		if file, err := os.OpenFile(s.note(), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_ = file.Close()
		}
	}
}

// done removes the note, unless more was erased meanwhile.
func (s *scrubber) done() {
	if s.due.Load() {
		return
	}
	s.marked.Store(false)
	if err := os.Remove(s.note()); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.marked.Store(true)
	}
	if s.due.Load() { // in between
		s.erased()
	}
}

// head reads the sizes of pages; false where the file has no map of its pages' types.
func (s *scrubber) head() (bool, error) {
	var head [100]byte
	if _, err := s.file.ReadAt(head[:], 0); err != nil {
		if errors.Is(err, io.EOF) { // nothing has been copied to it yet
			err = nil
		}
		return false, err
	}
	if s.size = int(binary.BigEndian.Uint16(head[16:])); s.size == 1 {
		s.size = 65536
	}
	s.usable = s.size - int(head[20])
	if s.size < 512 || s.usable < 480 {
		return false, fmt.Errorf("a database of pages of %d bytes", s.size)
	}
	return binary.BigEndian.Uint32(head[52:]) != 0, nil
}

// all scrubs the whole file, and returns the pages that needed it.
func (s *scrubber) all(stop <-chan struct{}) (dirty []uint32, err error) {
	if mapped, err := s.head(); err != nil || !mapped {
		return nil, err
	}
	chunk := make([]byte, scrubChunk/s.size*s.size)
	types := make([]byte, s.size) // the map page before the pages being looked at
	mapAt := uint32(0)
	for page := uint32(1); ; {
		began := time.Now()
		n, err := s.file.ReadAt(chunk, int64(page-1)*int64(s.size))
		for at := 0; at+s.size <= n; at, page = at+s.size, page+1 {
			content := chunk[at : at+s.size]
			if m := s.mapOf(page); m == page {
				copy(types, content)
				mapAt = m
			} else if s.isTree(page, mapAt, types) && s.zero(page, content, &err) {
				dirty = append(dirty, page)
			}
		}
		if errors.Is(err, io.EOF) || err == nil && n < s.size {
			return dirty, nil
		}
		if err != nil {
			return dirty, err
		}
		select {
		case <-stop:
			return dirty, errClosed()
		case <-time.After(time.Since(began)): // half of the time for others
		}
	}
}

// mapOf is the page that holds the type of a page, or the page itself where it is such a map.
func (s *scrubber) mapOf(page uint32) uint32 {
	if page < 2 {
		return 0
	}
	per := uint32(s.usable/5 + 1)
	m := (page-2)/per*per + 2
	if m == s.lockPage() {
		m++
	}
	return m
}

// lockPage is the page that SQLite never uses.
func (s *scrubber) lockPage() uint32 { return uint32(0x40000000/s.size + 1) }

// isTree reports whether a page holds cells: the root of a tree, or another page of it.
func (s *scrubber) isTree(page, mapAt uint32, types []byte) bool {
	if page == 1 {
		return true
	}
	at := 5 * (int(page) - int(mapAt) - 1)
	return page != s.lockPage() && at >= 0 && at < s.usable && (types[at] == 1 || types[at] == 5)
}

// zero writes zeros over the gap of a page that holds cells, and reports whether it was not zero before.
func (s *scrubber) zero(page uint32, content []byte, err *error) bool {
	from, to := s.gap(page, content)
	if from >= to || !slices.ContainsFunc(content[from:to], func(b byte) bool { return b != 0 }) {
		return false
	}
	clear(content[from:to])
	if _, e := s.file.WriteAt(content[from:to], int64(page-1)*int64(s.size)+int64(from)); e != nil {
		*err = e
	}
	return true
}

// gap is the space of a page between the pointers to its cells and the first of them.
func (s *scrubber) gap(page uint32, content []byte) (from, to int) {
	head := 0
	if page == 1 {
		head = 100 // the file's own
	}
	length := 8
	switch content[head] {
	case 2, 5: // inner pages
		length = 12
	case 10, 13:
	default:
		return 0, 0
	}
	cells := int(binary.BigEndian.Uint16(content[head+3:]))
	if to = int(binary.BigEndian.Uint16(content[head+5:])); to == 0 {
		to = 65536
	}
	if from = head + length + 2*cells; to > s.usable {
		return 0, 0
	}
	return from, to
}

// some scrubs some pages, whose types it looks up in the map.
func (s *scrubber) some(pages []uint32) error {
	slices.Sort(pages)
	types, content := make([]byte, s.size), make([]byte, s.size)
	mapAt := uint32(0)
	var err error
	for _, page := range slices.Compact(pages) {
		m := s.mapOf(page)
		if m == page {
			continue
		}
		if m != mapAt && m != 0 {
			if _, err := s.file.ReadAt(types, int64(m-1)*int64(s.size)); err != nil {
				return err
			}
			mapAt = m
		}
		if _, e := s.file.ReadAt(content, int64(page-1)*int64(s.size)); e != nil {
			continue // it was cut off
		}
		if s.isTree(page, mapAt, types) {
			s.zero(page, content, &err)
		}
	}
	return err
}

// logged are the pages that the write-ahead log holds.
func (s *scrubber) logged() ([]uint32, error) {
	file, err := os.Open(s.path + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // SQLite has no locks on this one
	var head [32]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return nil, nil // it is empty
	}
	var pages []uint32
	var frame [24]byte
	for at := int64(len(head)); ; at += int64(len(frame) + s.size) {
		if _, err := file.ReadAt(frame[:], at); err != nil {
			return pages, nil
		}
		if [8]byte(frame[8:16]) != [8]byte(head[16:24]) { // of an earlier log
			return pages, nil
		}
		pages = append(pages, binary.BigEndian.Uint32(frame[:]))
	}
}

// scrub cleans the file beside the commits, after the log was cut to nothing, and then what has changed meanwhile.
func (db *embedded) scrub() error {
	s := &db.scrubs
	if !s.wanted() {
		return nil
	}
	began := time.Now()
	defer func() { s.next = time.Now().Add(max(scrubLeast, scrubRest*time.Since(began))) }()
	s.due.Store(false)
	err := db.scrubFile()
	if err != nil {
		s.due.Store(true)
		return err
	}
	s.done()
	return nil
}

func (db *embedded) scrubFile() error {
	s := &db.scrubs
	dirty, err := s.all(db.closing.Done())
	if err != nil || s.size == 0 {
		return err
	}
	for range 5 { // while much changes, get ahead of it
		if walSize(db.options.Path) <= scrubDelta {
			break
		}
		changed, err := db.cutLog(nil)
		if err != nil {
			return err
		}
		if err := s.some(changed); err != nil {
			return err
		}
		dirty = append(dirty, changed...)
	}
	_, err = db.cutLog(func(changed []uint32) error {
		if err := db.dropCache(); err != nil {
			return err
		}
		return s.some(append(dirty, changed...))
	})
	if err != nil {
		return err
	}
	return s.file.Sync()
}

// cutLog cuts the log to nothing between two transactions, and returns the pages that it held; then runs there too.
func (db *embedded) cutLog(then func(changed []uint32) error) (changed []uint32, err error) {
	done := make(chan error, 1)
	task := func() {
		var err error
		if changed, err = db.scrubs.logged(); err == nil {
			err = db.truncateLog()
		}
		if err == nil && then != nil {
			err = then(changed)
		}
		done <- err
	}
	select {
	case db.writers[0].tasks <- task:
		err = <-done
		return changed, err
	case <-db.closing.Done():
		return nil, errClosed()
	}
}

// scrubLast cleans the file of a database that is closed, if that is due and does not take long.
func (s *scrubber) scrubLast() error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err == nil && s.due.Load() && info.Size() <= scrubAtClose {
		s.due.Store(false)
		if _, err = s.all(nil); err == nil {
			if err = s.file.Sync(); err == nil {
				s.done()
			}
		}
	}
	return errors.Join(err, s.file.Close())
}
