package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/demo"
)

// patience is how long a test waits for what takes a moment.
const patience = 2 * time.Minute

// process is the program running by itself.
type process struct {
	*exec.Cmd
	out, log buffer
	ended    chan struct{} // closed when it has
	err      error         // how it ended
}

// buffer collects what a process prints, while it is read.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts the program. Whatever becomes of the test, it ends with it.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(executable(t), args...), ended: make(chan struct{})}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdout, p.Stderr = &p.out, &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("parley %s\n%s%s", strings.Join(args, " "), p.out.String(), p.log.String())
		}
	})
	return p
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startDemo starts the demo on a free port and waits until it is ready.
func startDemo(t *testing.T, folder string) (*process, demo.Description) {
	t.Helper()
	p := start(t, "demo", "--data", folder, "--listen", "127.0.0.1:0")
	p.ready(t)
	return p, described(t, folder)
}

// described is the demo of a folder.
func described(t *testing.T, folder string) demo.Description {
	t.Helper()
	d, err := demo.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ready waits until the log says that the server is ready, and returns its URL.
func (p *process) ready(t *testing.T) string {
	t.Helper()
	url := ""
	p.until(t, "the server is ready", func() bool {
		_, line, found := strings.Cut(p.log.String(), "msg=ready url=")
		url, _, _ = strings.Cut(line, " ")
		return found
	})
	return url
}

// until waits while the process runs.
func (p *process) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("it ended before %s: %v", what, p.err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// stop asks the process to stop, and returns how long it took.
func (p *process) stop(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.end(t); err != nil {
		t.Errorf("it stopped with %v", err)
	}
	return time.Since(begin)
}

// end waits until the process has ended, and returns how.
func (p *process) end(t *testing.T) error {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	return p.err
}

// client returns a client of the demo.
func client(t *testing.T, d demo.Description) *api.Client {
	t.Helper()
	c, err := api.New(d.URL, d.Key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// shell runs a command line as pasted, and returns what it printed.
func shell(t *testing.T, line string) string {
	t.Helper()
	needs(t, "sh", "curl")
	command := exec.CommandContext(t.Context(), "sh", "-c", line)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out)
}

// needs skips a test that cannot run without a program.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s, which is not installed", program)
		}
	}
}

// decode reads a JSON text.
func decode[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// status is that of GET url, 0 where nobody answers.
func status(ctx context.Context, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// fileIsThere reports whether a file is in a folder.
func fileIsThere(t *testing.T, folder, name string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(folder, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// freeAddress is an address of this machine that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// isStatus reports whether the server refused with this status.
func isStatus(err error, status int) bool {
	refused, ok := errors.AsType[*api.Error](err)
	return ok && refused.HTTPStatus == status
}

// neverEnds begins a request whose body does not come.
func neverEnds(t *testing.T, url, key string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(connection, "POST /v1/messages HTTP/1.1\r\nHost: example.org\r\nContent-Length: 100\r\nAuthorization: Bearer %s\r\n\r\n{", key)
	if err != nil {
		t.Fatal(err)
	}
	return connection
}
