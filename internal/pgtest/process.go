package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// process is one of the system, as /proc has it.
type process struct {
	pid, parent int
	state       string
}

// killTree kills a process and those that it started, and waits until none runs. It stops the process
// first, so that it starts no other meanwhile.
func killTree(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	tree := []int{pid}
	for _, p := range processes("[0-9]*") {
		if p.parent == pid {
			tree = append(tree, p.pid)
		}
	}
	for _, p := range tree {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	for _, p := range tree {
		for running(p) {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// running tells whether a process is there and does something: one that nobody has asked for its end does not.
func running(pid int) bool {
	found := processes(fmt.Sprint(pid))
	return len(found) > 0 && found[0].state != "Z"
}

// processes are those whose number matches a pattern. One that has ended meanwhile is left out.
func processes(pattern string) []process {
	files, _ := filepath.Glob("/proc/" + pattern + "/stat") // the pattern is a good one
	var list []process
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "pid (name) state parent …", where the name may hold anything.
		var p process
		before, after := text[:max(0, bytes.IndexByte(text, '('))], text[bytes.LastIndexByte(text, ')')+1:]
		if _, err := fmt.Sscan(string(before), &p.pid); err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(after), &p.state, &p.parent); err == nil {
			list = append(list, p)
		}
	}
	return list
}
