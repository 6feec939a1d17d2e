package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// traced are the system calls that change files, and those that tell which.
var traced = []string{
	"openat", "open", "creat", "close", "lseek",
	"write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate",
	"fsync", "fdatasync", "sync", "syncfs", "sync_file_range",
	"rename", "renameat", "renameat2", "unlink", "unlinkat", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir",
	"copy_file_range", "sendfile", "splice", "mmap", "dup", "dup2", "dup3",
}

// Recorder runs one program under strace.
type Recorder struct {
	folder, log string
	before      map[string]existing
	tracer      *exec.Cmd
}

// ErrNoTracer says that strace, which records, is not installed.
var ErrNoTracer = errors.New("strace is not installed")

// Record makes a command, not started yet, one that is recorded while it writes into folder, which is there
// and which the command names by an absolute path without symbolic links. What strace sees goes to the file
// log. The program's own process is a child of the command's: see Pid.
func Record(cmd *exec.Cmd, folder, log string) (*Recorder, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, ErrNoTracer
	}
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, err
	}
	before, err := readFolder(folder)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // Pid would read it
	}
	options := []string{strace, "-f", "--seccomp-bpf", "-qq", "-ttt", "-T", "-s", "67108864", "-e", "signal=none",
		"-e", "trace=" + strings.Join(traced, ","), "-o", log, "--", cmd.Path}
	cmd.Args = append(options, cmd.Args[1:]...)
	cmd.Path = strace
	return &Recorder{folder: folder, log: log, before: before, tracer: cmd}, nil
}

// Pid waits for the program to begin and returns its process id. Whoever kills it then waits for the command:
// the recording is whole when that ends.
func (r *Recorder) Pid(ctx context.Context) (int, error) {
	for {
		if pid := r.child(); pid != 0 {
			return pid, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("the recorded program did not begin: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// child is the process that strace runs: the one whose calls its log begins with.
func (r *Recorder) child() int {
	file, err := os.Open(r.log)
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, 32)
	n, _ := file.Read(head)
	word, _, found := bytes.Cut(head[:n], []byte(" "))
	pid, err := strconv.Atoi(string(word))
	if !found || err != nil {
		return 0
	}
	return pid
}

// Recording reads what was recorded. The command must have ended.
func (r *Recorder) Recording() (*Recording, error) {
	log, err := os.Open(r.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p := newParser(r.folder, r.before)
	if err := p.read(log); err != nil {
		return nil, err
	}
	return p.recording, nil
}
