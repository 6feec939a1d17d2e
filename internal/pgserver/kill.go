package pgserver

import (
	"syscall"
	"time"

	"github.com/parley-server/parley/internal/procfs"
)

// killTree kills a process and those that it started, and waits until none runs. It stops the process
// first, so that it starts no other meanwhile.
func killTree(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	tree := []int{pid}
	for _, p := range procfs.Children(pid) {
		tree = append(tree, p.PID)
	}
	for _, p := range tree {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	for _, p := range tree {
		for procfs.Running(p) {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}
