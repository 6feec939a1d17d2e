package cluster_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/parley-server/parley/internal/cluster"
	"github.com/parley-server/parley/internal/parley"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a link and what came over it.
type node struct {
	*cluster.Link
	t *testing.T

	mu      sync.Mutex
	heard   map[parley.ID]cluster.Hint // the last of each organization
	hints   int
	resumed int
	log     bytes.Buffer
}

func (n *node) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(line)
}

func (n *node) logged(text string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.log.String(), text)
}

func join(t *testing.T, o cluster.Options) *node {
	t.Helper()
	n := &node{t: t, heard: map[parley.ID]cluster.Hint{}}
	o.Log = slog.New(slog.NewTextHandler(n, nil))
	o.Received = func(h cluster.Hint) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.heard[h.Organization] = h
		n.hints++
	}
	o.Resumed = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.resumed++
	}
	n.Link = cluster.New(o)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.leave)
	return n
}

func (n *node) leave() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		n.t.Error(err)
	}
}

func (n *node) last(organization parley.ID) cluster.Hint {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.heard[organization]
}

func (n *node) times() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.resumed
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// hear waits until what one node tells is heard by others. What is told before all of them are connected may be lost, so
// it is told again.
func hear(t *testing.T, from *node, others ...*node) {
	t.Helper()
	h := cluster.Hint{Organization: parley.NewID(time.Now()), Access: true}
	for _, other := range others {
		eventually(t, "the others hear", func() bool {
			if other.last(h.Organization).Latest > 0 {
				return true
			}
			h.Latest++
			from.Tell(h)
			time.Sleep(10 * time.Millisecond)
			return false
		})
	}
}

// external starts a NATS server as an operator would have one.
func external(t *testing.T, port int) (*server.Server, int) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, NoSystemAccount: true,
		Users: []*server.User{{Username: "parley", Password: "marker"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { end(s) })
	return s, s.Addr().(*net.TCPAddr).Port
}

func end(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func address(port int) string {
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestExternalServer(t *testing.T) {
	_, port := external(t, server.RANDOM_PORT)
	o := cluster.Options{Servers: "nats://parley:marker@" + address(port)}
	a, b, c := join(t, o), join(t, o), join(t, o)
	hear(t, a, b, c)
	hear(t, b, a, c)
	for _, n := range []*node{a, b, c} {
		if !n.Connected() || n.logged("level=INFO") != 1 || n.logged("level=WARN") != 0 || n.logged("marker") != 0 || n.times() != 1 {
			t.Errorf("%d times, %s", n.times(), n.log.String())
		}
	}
}

// A server that is not there is waited for; one that goes is found again. Each is logged once, and hints never hold up.
func TestServerComesAndGoes(t *testing.T) {
	at := freeAddress(t)
	port, _ := net.LookupPort("tcp", at[strings.LastIndex(at, ":")+1:])
	o := cluster.Options{Servers: "nats://parley:marker@" + at}
	a, b := join(t, o), join(t, o)
	eventually(t, "it is logged", func() bool { return a.logged("level=WARN") == 1 })
	for range 1000 {
		a.Tell(cluster.Hint{Organization: parley.NewID(time.Now()), Latest: 1})
	}
	for round := range 3 {
		s, _ := external(t, port)
		hear(t, a, b)
		hear(t, b, a)
		end(s)
		eventually(t, "both know that it is gone", func() bool { return !a.Connected() && !b.Connected() })
		for _, n := range []*node{a, b} {
			if up, down := n.logged("level=INFO"), n.logged("level=WARN"); up != round+1 || down < round+1 || down > round+2 {
				t.Errorf("round %d: %d times connected, %d not: %s", round, up, down, n.log.String())
			}
			if n.times() != round+1 {
				t.Errorf("round %d: resumed %d times", round, n.times())
			}
		}
	}
}

// Where the secret is not the right one, the node goes on trying: it may be mended on the other side.
func TestRefusedByTheServer(t *testing.T) {
	_, port := external(t, server.RANDOM_PORT)
	n := join(t, cluster.Options{Servers: "nats://parley:wrong@" + address(port)})
	eventually(t, "it is logged", func() bool { return n.logged("level=WARN") > 0 })
	time.Sleep(time.Second)
	if n.Connected() || n.logged("level=WARN") > 2 || n.logged("wrong@") > 0 {
		t.Errorf("%s", n.log.String())
	}
}

func TestEmbeddedServers(t *testing.T) {
	first, second := freeAddress(t), freeAddress(t)
	o := cluster.Options{Listen: first, Routes: []string{first, second}, Secret: "our secret/?@"}
	a := join(t, o)
	o.Listen = second
	b := join(t, o)
	hear(t, a, b)
	hear(t, b, a)

	// Whoever knows one of them finds the others.
	o.Listen, o.Routes = "127.0.0.1:0", []string{first}
	c := join(t, o)
	hear(t, b, c, a)
	hear(t, c, a, b)

	c.leave()
	hear(t, a, b)
	b.leave()
	eventually(t, "the last one knows that it is alone", func() bool { return !a.Connected() })
	before := a.times()
	o.Listen = second
	b = join(t, o)
	hear(t, a, b)
	hear(t, b, a)
	if a.times() <= before {
		t.Error("the one that stayed was not told to look")
	}
	for _, n := range []*node{a, b, c} {
		if n.logged("our secret") > 0 {
			t.Errorf("%s", n.log.String())
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	first := freeAddress(t)
	a := join(t, cluster.Options{Listen: first, Secret: "one"})
	b := join(t, cluster.Options{Listen: "127.0.0.1:0", Routes: []string{first}, Secret: "another"})
	c := join(t, cluster.Options{Listen: "127.0.0.1:0", Routes: []string{first}})
	for _, at := range []string{"nats://" + first, a.ClientURL(), c.ClientURL()} {
		if conn, err := nats.Connect(at, nats.Timeout(time.Second), nats.UserInfo("parley", "one")); err == nil {
			conn.Close()
			t.Errorf("a client was let in at %s", at)
		}
	}
	time.Sleep(500 * time.Millisecond)
	for _, n := range []*node{a, b, c} {
		if n.Connected() {
			t.Errorf("%s", n.log.String())
		}
	}
}

func TestAddressIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	link := cluster.New(cluster.Options{Listen: l.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	if err := link.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
	if err := link.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Many commits make few messages, and what is heard last is the newest.
func TestHintsAreGathered(t *testing.T) {
	s, port := external(t, server.RANDOM_PORT)
	o := cluster.Options{Servers: "nats://parley:marker@" + address(port)}
	a, b := join(t, o), join(t, o)
	hear(t, a, b)
	organizations := make([]parley.ID, 20)
	for i := range organizations {
		organizations[i] = parley.NewID(time.Now())
	}
	before, began := s.NumSlowConsumers(), time.Now()
	const n = 2000
	for i := range int64(n) {
		for _, organization := range organizations {
			a.Tell(cluster.Hint{Organization: organization, Latest: i + 1, Setup: i == 0})
		}
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	took := time.Since(began)
	eventually(t, "all is heard", func() bool { return b.last(organizations[19]).Latest == n })
	b.mu.Lock()
	defer b.mu.Unlock()
	if most := int(took/(5*time.Millisecond)+2)*20 + 100; b.hints > most {
		t.Errorf("%d hints in %v, more than %d", b.hints, took, most)
	}
	if s.NumSlowConsumers() != before {
		t.Error("a node was slow")
	}
}

// What somebody else sends is no hint, and does no harm.
func TestGarbage(t *testing.T) {
	_, port := external(t, server.RANDOM_PORT)
	url := "nats://parley:marker@" + address(port)
	a, b := join(t, cluster.Options{Servers: url}), join(t, cluster.Options{Servers: url})
	hear(t, a, b)
	stranger, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	before := b.count()
	for _, message := range []string{"", "\x00\xff\xfe", "x 1", strings.Repeat("9", 1<<19), strings.Repeat("\n", 1<<19)} {
		if err := stranger.Publish("parley.hints", []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	last := cluster.Hint{Organization: parley.NewID(time.Now()), Latest: 1}
	a.Tell(last)
	eventually(t, "what follows is heard", func() bool { return b.last(last.Organization) == last })
	if got := b.count() - before; got != 1 {
		t.Errorf("%d hints", got)
	}
}

func (n *node) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hints
}
