package doctest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Session is a shell that runs the examples of a document.
type Session struct {
	folder string
	shell  *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
	count  int
}

// Start starts a shell in a folder, with the environment given.
func Start(folder string, environment []string) (*Session, error) {
	s := &Session{folder: folder, shell: exec.Command("sh")}
	s.shell.Dir, s.shell.Env = folder, environment
	s.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with all that it starts
	s.shell.WaitDelay = 5 * time.Second
	var err error
	if s.input, err = s.shell.StdinPipe(); err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.shell.Stdout, s.shell.Stderr = write, write
	err = s.shell.Start()
	_ = write.Close() // the shell has its own
	s.output = bufio.NewReader(read)
	return s, err
}

// Close ends the shell and what runs in its background.
func (s *Session) Close() error {
	_, _ = io.WriteString(s.input, "\nexit 0\n") // the shell is gone if it fails
	err := s.shell.Wait()
	if killing := syscall.Kill(-s.shell.Process.Pid, syscall.SIGKILL); err == nil && !errors.Is(killing, syscall.ESRCH) {
		err = killing
	}
	return err
}

// Run runs an example and returns what it printed, to either output, and how it ended. The output of one in
// the background comes with Background.
func (s *Session) Run(e *Example) (output string, status int, err error) {
	if e.File != "" {
		return "", 0, os.WriteFile(filepath.Join(s.folder, e.File), []byte(e.Text), 0o644)
	}
	s.count++
	mark := fmt.Sprintf("--- end of example %d ---", s.count)
	text := e.Text
	if e.Background {
		text = fmt.Sprintf("{\n%s\n} >'%s' 2>&1 </dev/null &", e.Text, s.log(e))
	}
	if _, err := fmt.Fprintf(s.input, "%s\nprintf '\\n%s %%d\\n' $?\n", text, mark); err != nil {
		return "", 0, fmt.Errorf("the shell has ended: %w", err)
	}
	var printed strings.Builder
	for {
		line, err := s.output.ReadString('\n')
		if err != nil {
			return printed.String(), 0, fmt.Errorf("the shell ended: %w", err)
		}
		if code, ok := strings.CutPrefix(strings.TrimSpace(line), mark); ok {
			status, err = strconv.Atoi(strings.TrimSpace(code))
			return strings.TrimSuffix(printed.String(), "\n"), status, err
		}
		printed.WriteString(line)
	}
}

// Background returns what an example in the background has printed so far.
func (s *Session) Background(e *Example) (string, error) {
	text, err := os.ReadFile(s.log(e))
	return string(text), err
}

func (s *Session) log(e *Example) string {
	return filepath.Join(s.folder, fmt.Sprintf("background-%d.log", e.Line))
}
