package sqldb

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestDiskIsFull: on a disk without room everybody is told so, nothing is stored, and as soon as there is room
// there is service.
func TestDiskIsFull(t *testing.T) {
	o := options(t)
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("needs a small disk, and may not make one: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	o.Path = folder + "/notes.db"
	e := start(t, o)
	e.must(note("a"))
	ballast := folder + "/ballast"
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err == nil {
		t.Fatal("the disk is not small")
	}
	for _, err := range e.together(note(strings.Repeat("x", 100_000)), note(strings.Repeat("y", 100_000))) {
		refused(t, err, "storage-full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	e.must(note("b"))
	e.holds("a", "b")
	for i := range 3 {
		e.must(note(fmt.Sprint("c", i)))
	}
}
