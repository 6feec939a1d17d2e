package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/bench/load"
)

// Machine is what the machine can do, measured in the same run.
type Machine struct {
	CPUs      int     `json:"cpus"`
	Model     string  `json:"model"`
	Go        string  `json:"go"`
	Syncs     []Sync  `json:"syncs"`
	EchoRate  float64 `json:"echoRate"` // requests a second of a server that stores nothing
	EchoP50   float64 `json:"echoP50Ms"`
	CopyRate  float64 `json:"copyGBs"`   // one core
	HashRate  float64 `json:"sha256MBs"` // one core
	FsyncBase float64 `json:"fsyncMs"`   // the p50 that others are compared with: 4 KiB written over
}

// Sync is how long a write takes until it is on the disk.
type Sync struct {
	Bytes  int     `json:"bytes"`
	Append bool    `json:"append"` // the file grows; else it is written over
	Count  int64   `json:"count"`
	P50    float64 `json:"p50Ms"`
	P99    float64 `json:"p99Ms"`
}

func (s Sync) String() string {
	kind := "overwrite"
	if s.Append {
		kind = "append"
	}
	return fmt.Sprintf("fdatasync after %d KiB %s: p50 %.2f ms, p99 %.2f ms (%d samples)", s.Bytes>>10, kind, s.P50, s.P99, s.Count)
}

const (
	syncTime    = 1500 * time.Millisecond // of each kind of sync, at most
	syncSamples = 2000                    // at most
	syncFile    = 16 << 20                // of the file that is written over
	echoTime    = 2 * time.Second
	coreTime    = 200 * time.Millisecond
)

// measureMachine measures the disk of the folder, loopback and one core.
func (b *bench) measureMachine(ctx context.Context) (m Machine, err error) {
	m = Machine{CPUs: runtime.NumCPU(), Model: cpuModel(), Go: runtime.Version(), CopyRate: copyRate(), HashRate: hashRate()}
	for _, kind := range []Sync{{Bytes: 4 << 10}, {Bytes: 256 << 10}, {Bytes: 4 << 10, Append: true}, {Bytes: 256 << 10, Append: true}} {
		if kind, err = measureSync(b.options.Data, kind, min(syncTime, b.options.Duration/10)); err != nil {
			return m, err
		}
		m.Syncs = append(m.Syncs, kind)
	}
	m.FsyncBase = m.Syncs[0].P50
	m.EchoRate, m.EchoP50, err = b.measureEcho(ctx)
	return m, err
}

func measureSync(folder string, kind Sync, most time.Duration) (_ Sync, err error) {
	file, err := os.OpenFile(filepath.Join(folder, "sync.tmp"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return kind, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	page := bytes.Repeat([]byte{0xa5}, kind.Bytes)
	if !kind.Append {
		if _, err := file.Write(bytes.Repeat([]byte{1}, syncFile)); err != nil {
			return kind, err
		}
	}
	if err := file.Sync(); err != nil {
		return kind, err
	}
	var took load.Histogram
	at := int64(0)
	for began := time.Now(); time.Since(began) < most && took.Count() < syncSamples; {
		start := time.Now()
		if _, err := file.WriteAt(page, at); err != nil {
			return kind, err
		}
		if err := syncData(file); err != nil {
			return kind, err
		}
		took.Add(time.Since(start))
		if at += int64(kind.Bytes); !kind.Append {
			at %= syncFile
		}
	}
	kind.Count, kind.P50, kind.P99 = took.Count(), ms(took.Quantile(.5)), ms(took.Quantile(.99))
	return kind, nil
}

// measureEcho makes the load of the accept scenario on a server of the standard library that answers at once,
// in a process of its own.
func (b *bench) measureEcho(ctx context.Context) (rate, p50 float64, err error) {
	address, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	child, err := startChild(filepath.Join(b.options.Data, "echo.log"), nil, b.options.Executable, "bench", "--echo", address)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, child.stop()) }()
	if err := child.awaitReady(ctx, address, "/"); err != nil {
		return 0, 0, err
	}
	body := strings.Repeat("x", 250)
	request := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	duration := max(min(echoTime, b.options.Duration/10), time.Second/2)
	result, err := load.Run(ctx, load.Plan{Addresses: []string{address}, Connections: b.options.Connections, Warmup: duration / 4, Duration: duration,
		Source: func(int) load.Source { return func() []byte { return request } }})
	if err != nil {
		return 0, 0, err
	}
	return result.Rate(), ms(result.Latency.Quantile(.5)), nil
}

// Echo serves a program that reads requests and answers as many bytes as an accepted message has, until ctx ends.
func Echo(ctx context.Context, address string) error {
	answer := []byte(`{"id":"` + strings.Repeat("x", 700) + `"}`)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// copyRate is how many gigabytes a second one core copies.
func copyRate() float64 {
	from, to := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(to, from) // so that the pages are there
	return perSecond(func() int { return copy(to, from) }) / 1e9
}

// hashRate is how many megabytes a second one core hashes.
func hashRate() float64 {
	block := make([]byte, 1<<20)
	return perSecond(func() int {
		sum := sha256.Sum256(block)
		block[0] = sum[0]
		return len(block)
	}) / 1e6
}

func perSecond(f func() int) float64 {
	n, began := 0, time.Now()
	for time.Since(began) < coreTime {
		n += f()
	}
	return float64(n) / time.Since(began).Seconds()
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
