// Package proof shows that the server keeps its promises when it is treated badly: killed under load, robbed of
// power, out of disk, with failing statements and a jumping clock. Real server processes are driven through
// the public client and a fake provider, every answer is written down, and afterwards what the server holds is
// compared with what it said. Each proof has a sabotage that makes it fail: a server built with the tag
// "sabotage" breaks the promise that the environment variable PARLEY_SABOTAGE names.
package proof

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(lockPath); path != "" {
		if err := holdLock(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if binaries.folder != "" {
		_ = os.RemoveAll(binaries.folder)
	}
	os.Exit(code)
}

// long skips a test that only make prove runs.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PARLEY_PROVE") != "1" {
		t.Skip("a long proof: make prove")
	}
}

// chance is a source of random numbers that can be used again: PARLEY_SEED=N repeats the choices of a run, so
// far as they do not depend on time.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("PARLEY_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("PARLEY_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("PARLEY_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// binaries are the programs under test, each built once.
var binaries struct {
	mu     sync.Mutex
	folder string
	built  map[string]string // by tags
}

// binary builds the server as it is released or, with tags, otherwise.
func binary(t *testing.T, tags string) string {
	t.Helper()
	b := &binaries
	b.mu.Lock()
	defer b.mu.Unlock()
	if path := b.built[tags]; path != "" {
		return path
	}
	if b.folder == "" {
		folder, err := os.MkdirTemp("", "parley-proof-")
		if err != nil {
			t.Fatal(err)
		}
		b.folder, b.built = folder, map[string]string{}
	}
	path := filepath.Join(b.folder, "parley"+tags)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags="+tags, "-o", path, "./cmd/parley")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	b.built[tags] = path
	return path
}

// findings are what a proof found wrong: all of it, up to a limit.
type findings struct {
	mu    sync.Mutex
	texts []string
	more  int
}

const maxFindings = 25

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.texts) == maxFindings {
		f.more++
		return
	}
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func (f *findings) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.texts) + f.more
}

// report fails the test where something was found.
func (f *findings) report(t *testing.T, when string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.texts {
		t.Errorf("%s: %s", when, text)
	}
	if f.more > 0 {
		t.Errorf("%s: and %d more", when, f.more)
	}
	f.texts, f.more = nil, 0
}

// expect fails the test where nothing like the text was found: the proof does not see what it should.
func (f *findings) expect(t *testing.T, text string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, found := range f.texts {
		if strings.Contains(found, text) {
			t.Logf("%d findings, such as: %s", len(f.texts)+f.more, found)
			return
		}
	}
	t.Errorf("the proof does not see it: %d findings, none with %q: %q", len(f.texts)+f.more, text, f.texts)
}
