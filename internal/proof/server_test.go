package proof

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/proof/disk"
)

// server is a server's process, or the place of one that is gone.
type server struct {
	t        *testing.T
	program  string
	data     string // its folder
	database string // of PostgreSQL, the address; empty: it is embedded
	seen     string // the folder as the test sees it, where that is another path
	address  string
	log      string   // what it wrote to its standard error, of all its processes
	env      []string // beside the test's own
	within   []string // a command that the server is run by
	recorder *disk.Recorder
	cmd      *exec.Cmd
	pid      int
	ended    chan error

	launchedAt int64 // how often PostgreSQL was stopped and started before
}

// newServer prepares a server on a folder that is not there yet.
func newServer(t *testing.T, program string) *server {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, program: program, data: filepath.Join(folder, "data"), log: filepath.Join(folder, "log"), address: freeAddress(t)}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", tail(s.log, 4000))
		}
	})
	return s
}

// freeAddress is one on which nobody listens, below the ports that the system gives to connections: a client
// that calls while the server is down must not get its number, nor be answered by itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 200 {
		address := "127.0.0.1:" + strconv.Itoa(15_000+rand.IntN(15_000))
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

func (s *server) url() string { return "http://" + s.address }

// key makes the organization of the operator and a key with every scope. The server must not run.
func (s *server) key() string {
	s.t.Helper()
	args := append(slices.Clone(s.within), s.program, "key", "init", "--data", s.data, "--log-level", "error")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = s.environment()
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("parley key init: %v %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// command is the server's command line.
func (s *server) command() *exec.Cmd {
	args := append(slices.Clone(s.within), s.program, "serve", "--data", s.data, "--listen", s.address, "--allow-loopback", "--no-access-log",
		"--key-rate-limit", "0", "--log-level", "warn", "--shutdown-grace", "10s")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = s.environment()
	mortal(cmd)
	return cmd
}

func (s *server) environment() []string {
	return append(append(os.Environ(), "PARLEY_DATABASE="+s.database), s.env...)
}

// mortal makes a process end with the one that starts it, whatever happens to that.
func mortal(cmd *exec.Cmd) {
	if setpriv, err := exec.LookPath("setpriv"); err == nil {
		cmd.Args = append([]string{setpriv, "--pdeathsig", "KILL", "--"}, cmd.Args...)
		cmd.Path = setpriv
	}
}

// launch starts the process and does not wait until it is ready.
func (s *server) launch() {
	s.t.Helper()
	s.run(s.command())
}

func (s *server) run(cmd *exec.Cmd) {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.pid, s.ended = cmd, cmd.Process.Pid, make(chan error, 1)
	go func() { s.ended <- cmd.Wait() }()
}

// record starts the process under the recorder of what it writes.
func (s *server) record() {
	s.t.Helper()
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.command()
	// Go interrupts its threads by signals, each of which would stop the recorded program.
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	var err error
	if s.recorder, err = disk.Record(cmd, s.data, s.log+".calls"); err != nil {
		if os.Getenv("PARLEY_CI") == "" {
			s.t.Skip(err)
		}
		s.t.Fatal(err)
	}
	mortal(cmd)
	s.run(cmd) // killed with its tracer until it is known itself
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if s.pid, err = s.recorder.Pid(ctx); err != nil {
		s.t.Fatalf("%v\n%s", err, tail(s.log, 2000))
	}
}

// over reports whether the process has ended by itself, and how.
func (s *server) over() (ended error, over bool) {
	if s.cmd == nil {
		return nil, false
	}
	select {
	case ended = <-s.ended:
		s.cmd = nil
		return ended, true
	default:
		return nil, false
	}
}

// reach makes a client that makes each call once: what is repeated, the load decides.
func (s *server) reach(t *testing.T, key string, options ...api.Option) *api.Client {
	t.Helper()
	return client(t, s.url(), key, options...)
}

// start starts the process and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.mustBeReady()
}

func (s *server) mustBeReady() {
	s.t.Helper()
	if err := s.ready(); err != nil {
		s.t.Fatalf("%v\n%s", err, tail(s.log, 4000))
	}
}

// ready waits until the server is.
func (s *server) ready() error {
	client, err := api.New(s.url(), "", api.WithRetry(api.Retry{}))
	if err != nil {
		return err
	}
	defer client.Close()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if err = client.Ready(s.t.Context()); err == nil {
			return nil
		}
		select {
		case ended := <-s.ended:
			s.cmd = nil
			return fmt.Errorf("the server ended by itself: %w", ended)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server is not ready after 30 s: %w", err)
		}
	}
}

// kill ends the process as a crash does, and waits until it is gone.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(s.pid, syscall.SIGKILL)
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second): // what records it does not see that it has ended
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	s.cmd = nil
}

// stop ends the process as an operator does. It must be in time, and without complaint.
func (s *server) stop() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(s.pid, syscall.SIGTERM)
	select {
	case err := <-s.ended:
		s.cmd = nil
		if err != nil {
			s.t.Errorf("the server did not stop well: %v", err)
		}
	case <-time.After(30 * time.Second):
		s.t.Error("the server does not stop")
		s.kill()
	}
}

// copyData copies the database's files, which no process has open.
func (s *server) copyData(t *testing.T) string {
	t.Helper()
	into, from := t.TempDir(), cmp.Or(s.seen, s.data)
	for _, name := range []string{"parley.db", "parley.db-wal"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(into, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return into
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	return target.Close()
}

// tail is the end of a file.
func tail(path string, n int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(bytes.ToValidUTF8(content[max(0, len(content)-n):], nil))
}
