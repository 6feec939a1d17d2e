package proof

import (
	"context"
	ordered "encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// clockFile in the environment of a server built by steppedBinary names a file with the seconds by which its
// clock is ahead.
const clockFile = "PARLEY_PROOF_CLOCK"

// stepSource adds to Go's package time what reads the file.
const stepSource = `package time

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

var stepped struct {
	once sync.Once
	by   *int64
}

func step() int64 {
	stepped.once.Do(func() {
		name, _ := syscall.Getenv("` + clockFile + `")
		fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		memory, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
		if err != nil {
			panic(err)
		}
		stepped.by = (*int64)(unsafe.Pointer(&memory[0]))
	})
	if stepped.by == nil {
		return 0
	}
	return atomic.LoadInt64(stepped.by)
}
`

// steppedBinary builds the server with a clock that a test can step, as an operator or a time service steps
// that of a machine: what measures time as it passes does not notice.
func steppedBinary(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), now) != 1 {
		t.Fatal("Go's time.Now is written differently now: this test has to be, too")
	}
	overlay := map[string]string{original: "time.go", filepath.Join(filepath.Dir(original), "step.go"): "step.go"}
	for path, name := range overlay {
		overlay[path] = filepath.Join(folder, name)
	}
	write(t, filepath.Join(folder, "time.go"), []byte(strings.Replace(string(source), now, now+"\tsec += step()\n", 1)))
	write(t, filepath.Join(folder, "step.go"), []byte(stepSource))
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "overlay.json"), list)
	program := filepath.Join(folder, "parley")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-overlay", filepath.Join(folder, "overlay.json"), "-o", program, "./cmd/parley")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return program
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// clock is what a server's clock is ahead.
type clock struct {
	t    *testing.T
	path string
}

func newClock(t *testing.T, s *server) *clock {
	c := &clock{t, filepath.Join(t.TempDir(), "clock")}
	c.set(0)
	s.env = append(s.env, clockFile+"="+c.path)
	return c
}

// set changes the file in place: the server has it in its memory.
func (c *clock) set(ahead time.Duration) {
	c.t.Helper()
	file, err := os.OpenFile(c.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	seconds := ordered.NativeEndian.AppendUint64(nil, uint64(int64(ahead/time.Second)))
	if _, err := file.WriteAt(seconds, 0); err != nil {
		c.t.Fatal(err)
	}
}

// TestProveClock: a clock that is stepped back and forward, also over a crash, loses nothing, makes nothing
// twice, keeps the order of conversations, and stops no timer for good.
func TestProveClock(t *testing.T) {
	long(t)
	server := newServer(t, steppedBinary(t))
	clock := newClock(t, server)
	s := stageOn(t, server, organizations)
	s.follow()
	var f findings
	load := s.load(6, 10*time.Millisecond)
	steps := []time.Duration{-time.Hour, time.Hour, 0, -5 * time.Second, 5 * time.Second, -2 * time.Hour, 2 * time.Hour, -time.Minute, 3 * time.Hour, 0}
	for i, ahead := range steps {
		clock.set(ahead)
		s.pauseFor(300*time.Millisecond, 1500*time.Millisecond)
		if i%4 == 1 {
			moment := s.killed(&f)
			clock.set(ahead - time.Hour) // the machine came up with another time
			s.server.start()
			s.checkServer(&f, moment, 10)
		}
	}
	load.stop()
	clock.set(4 * time.Hour) // whatever was put off is due
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	settled(ctx, &f, s.world, time.Minute)
	s.checkOrder(ctx, &f)
	checkEnd(s, &f)
	s.checkBroadcasts(&f, s.server)
	f.report(t, "after steps of the clock")
	s.ledger.sum(t, s.provider.handed())
}

// checkOrder: a conversation shows its messages in the order of their numbers.
func (s *stage) checkOrder(ctx context.Context, f *findings) {
	for i, o := range s.world.organizations {
		for c, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
			return o.admin.ListConversations(ctx, api.ConversationFilter{Page: api.Page{Limit: 200, After: after}})
		}) {
			if err != nil {
				f.add("listing conversations: %v", err)
				break
			}
			last := c.LastSequence + 1
			for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
				return o.admin.ListConversationMessages(ctx, c.ID, api.Page{Limit: 200, After: after})
			}) {
				if err != nil {
					f.add("listing messages: %v", err)
					break
				}
				if m.Sequence != last-1 {
					f.add("organization %d: in conversation %s, %d stands before %d", i+1, c.ID, m.Sequence, last)
					break
				}
				last = m.Sequence
			}
		}
	}
}
