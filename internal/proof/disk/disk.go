// Package disk records what a program writes into a folder, call by call, and rebuilds the folder as a loss
// of power could have left it: of what was not synced nothing is there, or a part, in any order.
//
// A file's content is safe once fsync or fdatasync returned for what was written before the call began; a
// name in a folder once fsync returned for the folder. Files that end in "-shm" are left out: SQLite shares
// memory through them and makes them anew.
package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Recording is what a program did to a folder, in the order in which its calls returned.
type Recording struct {
	folder string
	before map[string]existing // files that were there; safe
	ops    []op
	doubt  map[string]bool // files with a call that had not returned at the end
}

type opKind int

const (
	opCreate   opKind = iota // a name for a new file
	opMakeDir                // a new folder
	opRename                 // from path to
	opRemove                 // of a name
	opWrite                  // data at off
	opTruncate               // to size off
	opSync                   // of the file's content
	opSyncDir                // of the folder's names
)

// op is a call that returned.
type op struct {
	kind  opKind
	at    time.Time // when it returned
	path  string    // of names, from the folder
	to    string
	file  *file
	off   int64
	data  []byte
	began int // of a sync: how many calls had returned when it began
}

// file is a file whatever its name is.
type file struct {
	path string // the first
	size int64  // while a recording is read
}

// existing is a file that was there before the program began; a folder, where file is nil.
type existing struct {
	file    *file
	content []byte
}

// Len is the number of calls.
func (r *Recording) Len() int { return len(r.ops) }

// Before is the moment just before call n returned: whatever the program had told anybody by then rests on
// the n calls before it.
func (r *Recording) Before(n int) time.Time { return r.ops[n].at }

// At is the number of calls that had returned at a moment.
func (r *Recording) At(moment time.Time) int {
	n := 0
	for n < len(r.ops) && r.ops[n].at.Before(moment) {
		n++
	}
	return n
}

// Syncs are the calls that made the content of files ending in suffix safe.
func (r *Recording) Syncs(suffix string) []int {
	var list []int
	for i, o := range r.ops {
		if o.kind == opSync && strings.HasSuffix(o.file.path, suffix) {
			list = append(list, i)
		}
	}
	return list
}

// Bytes is how much was written.
func (r *Recording) Bytes() int64 {
	var n int64
	for _, o := range r.ops {
		n += int64(len(o.data))
	}
	return n
}

// CheckComplete compares the folder, whose program has ended, with the recording, to be sure that nothing
// was written past it. Files with a call in doubt are not compared, nor those that leave is true for.
func (r *Recording) CheckComplete(leave func(path string) bool) error {
	image := r.replay(len(r.ops))
	want := image.files(everything{})
	seen := map[string]bool{}
	err := filepath.WalkDir(r.folder, func(full string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		path, err := filepath.Rel(r.folder, full)
		if err != nil {
			return err
		}
		seen[path] = true
		if unrecorded(path) || r.doubt[path] || leave(path) {
			return nil
		}
		content, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		recorded, ok := want[path]
		if !ok {
			return fmt.Errorf("%s is there, and its making was not recorded", path)
		}
		if string(content) != string(recorded) {
			return fmt.Errorf("%s has %d bytes, which are not the %d recorded; the first difference is at %d",
				path, len(content), len(recorded), difference(content, recorded))
		}
		return nil
	})
	for path := range want {
		if err == nil && !seen[path] && !r.doubt[path] && !leave(path) {
			err = fmt.Errorf("%s is not there, and its removal was not recorded", path)
		}
	}
	return err
}

func difference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func unrecorded(path string) bool { return strings.HasSuffix(path, "-shm") }

// readFolder reads the files of a folder and its folders, by path from it.
func readFolder(folder string) (map[string]existing, error) {
	files := map[string]existing{}
	err := filepath.WalkDir(folder, func(full string, entry fs.DirEntry, err error) error {
		if err != nil || full == folder {
			return err
		}
		path, err := filepath.Rel(folder, full)
		switch {
		case err != nil || unrecorded(path):
			return err
		case entry.IsDir():
			files[path] = existing{}
			return nil
		}
		content, err := os.ReadFile(full)
		files[path] = existing{&file{path: path, size: int64(len(content))}, content}
		return err
	})
	return files, err
}
