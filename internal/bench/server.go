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

// nodes are servers over one database.
type nodes []*server

// serveNodes starts n servers on the same data.
func (b *bench) serveNodes(ctx context.Context, place fill.Place, n int) (nodes, error) {
	var all nodes
	for i := range n {
		s, err := b.serveAs(ctx, place, i+1)
		if err != nil {
			return nil, errors.Join(err, all.stop())
		}
		all = append(all, s)
	}
	return all, nil
}

func (all nodes) stop() error {
	var errs []error
	for _, s := range all {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}

func (all nodes) addresses() []string {
	list := make([]string, len(all))
	for i, s := range all {
		list[i] = s.address
	}
	return list
}

// serve starts a server for a scenario and waits until it is ready.
func (b *bench) serve(ctx context.Context, place fill.Place) (*server, error) {
	return b.serveAs(ctx, place, 1)
}

// serveAs is serve of one of several nodes, whose number is in the name of its log.
func (b *bench) serveAs(ctx context.Context, place fill.Place, node int) (*server, error) {
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
	logFile := filepath.Join(place.Folder, fmt.Sprintf("serve-%d.log", node))
	c, err := startChild(logFile, []string{"PARLEY_DATABASE=" + place.URL}, b.options.Executable, args...)
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

// span measures what the servers, their database's processes and this process take of the machine while something is
// counted.
type span struct {
	nodes   nodes
	usage   usage // at the end
	started taken
	taken   taken
}

// taken is processor time.
type taken struct{ servers, database, own time.Duration }

func (s *span) now() (taken, usage) {
	t, sum := taken{own: ownCPU()}, usage{}
	if p := s.nodes[0].postgres; p != nil {
		t.database = p.cpu()
	}
	for _, n := range s.nodes {
		u := n.usage()
		sum = usage{sum.cpu + u.cpu, sum.rss + u.rss, sum.peak + u.peak}
	}
	t.servers = sum.cpu
	return t, sum
}

// signal tells the servers to begin or end a profile, where they make any.
func (s *span) signal(what syscall.Signal) {
	for _, n := range s.nodes {
		if n.profiled {
			_ = n.command.Process.Signal(what)
		}
	}
}

func (s *span) begin() {
	s.signal(syscall.SIGUSR1)
	s.started, _ = s.now()
}

func (s *span) end() {
	s.signal(syscall.SIGUSR2)
	var end taken
	end, s.usage = s.now()
	s.taken = taken{end.servers - s.started.servers, end.database - s.started.database, end.own - s.started.own}
}

// figures are the processor time for each of n things, and the memory.
func (s *span) figures(n int64) []Figure {
	each := func(d time.Duration) float64 {
		if n == 0 {
			return 0
		}
		return float64(d.Nanoseconds()) / 1e3 / float64(n)
	}
	figures := []Figure{{"server CPU", each(s.taken.servers), "µs"}, {"generator CPU", each(s.taken.own), "µs"},
		{"RSS", s.usage.rss, "MB"}, {"peak RSS", s.usage.peak, "MB"}}
	if s.taken.database > 0 {
		figures = slices.Insert(figures, 1, Figure{"database CPU", each(s.taken.database), "µs"})
	}
	return figures
}
