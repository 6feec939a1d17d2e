package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/bench/fill"
)

// server is the program under test: a process of its own on prepared data.
type server struct {
	*child
	address  string
	profiled bool
	postgres *postgres // nil: its database is embedded
}

// serve starts a server for a scenario and waits until it is ready.
func (b *bench) serve(ctx context.Context, place fill.Place) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// The keys that make the load have no limit; all else is as the program comes.
	args := append([]string{"serve", "--data", place.Folder, "--listen", address, "--key-rate-limit", "0"}, b.options.ServeArgs...)
	if b.options.Profile != "" {
		b.served++
		files := filepath.Join(b.options.Profile, fmt.Sprintf("%s-%d", b.scenario, b.served))
		args = append([]string{"profiled", files}, args...)
	}
	// The address of the database has a password, which arguments would show to others. It is empty, and so none, for
	// the embedded database, also where there is one in the environment of this process.
	c, err := startChild(filepath.Join(place.Folder, "serve.log"), []string{"PARLEY_DATABASE=" + place.URL}, b.options.Executable, args...)
	if err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx, address, "/readyz"); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return &server{child: c, address: address, profiled: b.options.Profile != "", postgres: b.postgres}, nil
}

// client calls the server with a key.
func (s *server) client(key string) (*api.Client, error) { return api.New("http://"+s.address, key) }

// metric reads one of the server's figures.
func (s *server) metric(name string) (float64, error) {
	answer, err := once(s.address, getRequest("/metrics", ""))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(answer.Body) {
		if value, ok := strings.CutPrefix(string(line), name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}

// The names of the figures about the queue.
const (
	metricWaiting = "parley_queue_deliveries"
	metricOldest  = "parley_queue_oldest_seconds"
)

// drainTime is how long a queue may take to become empty.
const drainTime = 10 * time.Minute

// drain waits until nothing is left to deliver, so that the next scenario begins without it. It returns how
// many deliveries there were, and how long they took.
func (s *server) drain(ctx context.Context) (waiting float64, took time.Duration, err error) {
	began := time.Now()
	if waiting, err = s.metric(metricWaiting); err != nil {
		return 0, 0, err
	}
	for left := waiting; left > 0; {
		if time.Since(began) > drainTime {
			return waiting, 0, fmt.Errorf("%.0f of %.0f deliveries were left after %s", left, waiting, drainTime)
		}
		select {
		case <-ctx.Done():
			return waiting, 0, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if left, err = s.metric(metricWaiting); err != nil {
			return waiting, 0, err
		}
	}
	return waiting, time.Since(began), nil
}

// span measures what the server, its database's processes and this process take of the machine while something is counted.
type span struct {
	server  *server
	usage   usage // at the end
	started taken
	taken   taken
}

// taken is processor time.
type taken struct{ server, database, own time.Duration }

func (s *span) now() taken {
	t := taken{server: s.server.usage().cpu, own: ownCPU()}
	if s.server.postgres != nil {
		t.database = s.server.postgres.cpu()
	}
	return t
}

func (s *span) begin() {
	if s.server.profiled {
		_ = s.server.command.Process.Signal(syscall.SIGUSR1)
	}
	s.started = s.now()
}

func (s *span) end() {
	if s.server.profiled {
		_ = s.server.command.Process.Signal(syscall.SIGUSR2)
	}
	s.usage = s.server.usage()
	end := s.now()
	s.taken = taken{end.server - s.started.server, end.database - s.started.database, end.own - s.started.own}
}

// figures are the processor time for each of n things, and the memory.
func (s *span) figures(n int64) []Figure {
	each := func(d time.Duration) float64 {
		if n == 0 {
			return 0
		}
		return float64(d.Nanoseconds()) / 1e3 / float64(n)
	}
	figures := []Figure{{"server CPU", each(s.taken.server), "µs"}, {"generator CPU", each(s.taken.own), "µs"},
		{"RSS", s.usage.rss, "MB"}, {"peak RSS", s.usage.peak, "MB"}}
	if s.taken.database > 0 {
		figures = slices.Insert(figures, 1, Figure{"database CPU", each(s.taken.database), "µs"})
	}
	return figures
}
