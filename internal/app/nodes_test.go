package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// never is how often a node looks where only a hint can have told it.
const never = time.Hour

// nodes are servers over one database, with one organization.
type nodes struct {
	t      *testing.T
	config config.Config
	poll   time.Duration
	token  string
	user   string // somebody to write to
	all    []*node
}

// node is one of them.
type node struct {
	*api.Client
	app     *app.App
	address string // of its embedded NATS server
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newNodes returns nodes of which none runs yet, that look for what others do as often as poll says; 0: as usual.
func newNodes(t *testing.T, poll time.Duration) *nodes {
	t.Helper()
	c := config.Default()
	c.Data, c.Database, c.Listen, c.Connections, c.KeyRateLimit, c.AccessLog = t.TempDir(), pgtest.Database(t), "127.0.0.1:0", 4, 0, false
	return &nodes{t: t, config: c, poll: poll}
}

// start starts one more node, or one that was stopped.
func (n *nodes) start(change func(*config.Config)) *node {
	n.t.Helper()
	c := n.config
	change(&c)
	a := must[*app.App](n.t)(app.New(n.t.Context(), app.Options{Config: c, Poll: n.poll, LogTo: testLog{n.t}}))
	one := &node{app: a, address: c.NATSListen}
	n.t.Cleanup(func() { n.stop(one) })
	if err := a.Start(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	if n.token == "" {
		n.token = must[string](n.t)(a.Administrator(n.t.Context(), "Alpha"))
	}
	one.Client = n.client(one, n.token)
	if n.user == "" {
		n.user = must[*api.User](n.t)(one.CreateUser(n.t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
	}
	n.all = append(n.all, one)
	return one
}

// embedded starts nodes that have NATS servers in them.
func (n *nodes) embedded(number int) {
	n.t.Helper()
	addresses := make([]string, number)
	for i := range addresses {
		l := must[net.Listener](n.t)(net.Listen("tcp", "127.0.0.1:0"))
		defer l.Close()
		addresses[i] = l.Addr().String()
		l.Close()
	}
	n.config.NATSRoutes, n.config.NATSSecret = strings.Join(addresses, ","), "secret"
	for _, address := range addresses {
		n.start(func(c *config.Config) { c.NATSListen = address })
	}
	n.connected(number)
}

// connected waits until so many nodes say that hints go.
func (n *nodes) connected(number int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("hints go from %d nodes", number), func() bool {
		count := 0
		for _, one := range n.all {
			if strings.Contains(one.metrics(), "\nparley_hints_connected 1\n") {
				count++
			}
		}
		return count == number
	})
}

func (n *node) metrics() string {
	answer := httptest.NewRecorder()
	n.app.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// stop stops a node, once.
func (n *nodes) stop(one *node) {
	n.t.Helper()
	n.all = slices.DeleteFunc(n.all, func(other *node) bool { return other == one })
	if err := one.app.Close(); err != nil {
		n.t.Error(err)
	}
}

func (n *nodes) client(at *node, token string) *api.Client {
	n.t.Helper()
	c := must[*api.Client](n.t)(api.New(at.app.URL(), token, api.WithRetry(api.Retry{})))
	n.t.Cleanup(c.Close)
	return c
}

// send sends a message through a node.
func (n *nodes) send(through *node, text string) {
	n.t.Helper()
	must[*api.Message](n.t)(through.SendToUser(n.t.Context(), n.user, api.SendRequest{Body: api.Text(text)}))
}

type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// follower follows the log on a node.
type follower struct {
	t    *testing.T
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex
	seen  []int64              // sequences, as they came
	texts map[string]time.Time // of messages, when they came
	err   error
}

// follow begins to follow, from the end of the log on.
func (n *nodes) follow(at *node) *follower {
	n.t.Helper()
	ctx, stop := context.WithCancel(n.t.Context())
	f := &follower{t: n.t, stop: stop, texts: map[string]time.Time{}}
	page := must[*api.EventPage](n.t)(at.ListEvents(ctx, api.EventFilter{After: api.FromLatest}))
	stream := at.StreamEvents(ctx, api.EventFilter{After: api.AfterEvent(page.Through)})
	f.done.Go(func() {
		for event, err := range stream.All() {
			f.take(event, err)
		}
	})
	n.t.Cleanup(f.end)
	return f
}

func (f *follower) take(event api.Event, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
		return
	}
	f.seen = append(f.seen, event.Sequence)
	if event.Type == api.EventMessageCreated && event.Data.Message != nil {
		f.texts[event.Data.Message.Text] = time.Now()
	}
}

// end ends the stream, which must have missed and repeated nothing.
func (f *follower) end() {
	f.t.Helper()
	f.stop()
	f.done.Wait()
	for i := range f.seen {
		if f.seen[i] != f.seen[0]+int64(i) {
			f.t.Errorf("event %d came after event %d", f.seen[i], f.seen[i-1])
		}
	}
	if !errors.Is(f.err, context.Canceled) {
		f.t.Error(f.err)
	}
}

// await waits until a message is seen, and says since when.
func (f *follower) await(text string) time.Time {
	f.t.Helper()
	var at time.Time
	eventually(f.t, text+" is seen", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		at = f.texts[text]
		return !at.IsZero()
	})
	return at
}

// latency is the median of how long after a message was accepted by one node it is seen on another.
func (n *nodes) latency(from *node, f *follower, name string, times int) time.Duration {
	n.t.Helper()
	took := make([]time.Duration, times)
	for i := range took {
		text := fmt.Sprintf("%s %d", name, i)
		n.send(from, text)
		accepted := time.Now()
		took[i] = max(f.await(text).Sub(accepted), 0) // it may be seen before the answer is
	}
	slices.Sort(took)
	n.t.Logf("%s: median %v, longest %v", name, took[times/2], took[times-1])
	return took[times/2]
}

// fast is what hints must stay under, however busy the machine is. Looking once a second takes half a second.
const fast = 300 * time.Millisecond

func (n *nodes) mustBeFast(from *node, f *follower, name string) {
	n.t.Helper()
	if median := n.latency(from, f, name, 20); median > fast {
		n.t.Errorf("%s: %v", name, median)
	}
}

// Where nodes have NATS servers in them, what one accepts is seen on the others at once. One may leave and come back.
func TestHintsOfEmbeddedServers(t *testing.T) {
	n := newNodes(t, never)
	n.embedded(3)
	a, b, c := n.all[0], n.all[1], n.all[2]
	onA, onB, onC := n.follow(a), n.follow(b), n.follow(c)
	n.mustBeFast(a, onB, "from a to b")
	n.mustBeFast(a, onC, "from a to c")
	n.mustBeFast(c, onA, "from c to a")
	onC.end()
	n.stop(c)
	n.mustBeFast(a, onB, "without c")
	c = n.start(func(config *config.Config) { config.NATSListen = c.address })
	n.connected(3)
	onC = n.follow(c)
	n.mustBeFast(c, onB, "from c, which is back")
	n.mustBeFast(b, onC, "to c, which is back")
}

// natsServer starts a NATS server as an operator would have one.
func natsServer(t *testing.T, port int) (*server.Server, int) {
	t.Helper()
	s := must[*server.Server](t)(server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		NoSystemAccount: true, Username: "parley", Password: "marker"}))
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { endNATS(s) })
	return s, s.Addr().(*net.TCPAddr).Port
}

func endNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func natsURL(port int) string { return fmt.Sprintf("nats://parley:marker@127.0.0.1:%d", port) }

// Without NATS the streams go on by looking, with it they are fast again, and nothing is missed or comes twice, whatever
// somebody else sends.
func TestNATSComesAndGoes(t *testing.T) {
	s, port := natsServer(t, server.RANDOM_PORT)
	n := newNodes(t, 0)
	n.config.NATS = natsURL(port)
	for range 3 {
		n.start(func(*config.Config) {})
	}
	a, b, c := n.all[0], n.all[1], n.all[2]
	organization := must[*api.Organization](t)(a.GetOrganization(t.Context())).ID
	onB, onC := n.follow(b), n.follow(c)
	for round := range 2 {
		n.connected(3)
		lie(t, port, organization)
		n.mustBeFast(a, onB, fmt.Sprintf("round %d: from a to b", round))
		n.mustBeFast(b, onC, fmt.Sprintf("round %d: from b to c", round))

		endNATS(s)
		n.connected(0)
		var busy sync.WaitGroup
		for i, from := range n.all {
			busy.Go(func() {
				for j := range 20 {
					n.send(from, fmt.Sprintf("round %d, without NATS: %d from %d", round, j, i))
				}
			})
		}
		busy.Wait()
		for i := range n.all {
			onB.await(fmt.Sprintf("round %d, without NATS: 19 from %d", round, i))
			onC.await(fmt.Sprintf("round %d, without NATS: 19 from %d", round, i))
		}
		s, _ = natsServer(t, port)
	}
	n.connected(3)
}

// lie sends what is no hint, and hints that are not true.
func lie(t *testing.T, port int, organization string) {
	t.Helper()
	liar := must[*nats.Conn](t)(nats.Connect(natsURL(port)))
	defer liar.Close()
	for _, message := range []string{"\x00\xff", "", organization, organization + " 1", organization + " 1152921504606846976 access setup",
		organization + " 9223372036854775807"} {
		if err := liar.Publish("parley.hints", []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := liar.Flush(); err != nil {
		t.Fatal(err)
	}
}

// Nodes that nobody tells of anything look once a second.
func TestNodesWithoutHints(t *testing.T) {
	n := newNodes(t, 0)
	a, b := n.start(func(*config.Config) {}), n.start(func(*config.Config) {})
	onB := n.follow(b)
	if median := n.latency(a, onB, "without hints", 5); median > 5*time.Second {
		t.Errorf("%v", median)
	}
	if text := a.metrics(); strings.Contains(text, "parley_hints") || !strings.Contains(text, "parley_events_total") {
		t.Error("a node without hints has figures of them")
	}
}

// atOnce changes something on one node until another feels it sooner than by itself, which takes a second.
func atOnce(t *testing.T, what string, change func() (felt func() bool)) {
	t.Helper()
	var took []time.Duration
	for range 5 { // on a busy machine one may take longer
		felt := change()
		began := time.Now()
		eventually(t, what, felt)
		if took = append(took, time.Since(began)); took[len(took)-1] < 500*time.Millisecond {
			t.Logf("%s: after %v", what, took[len(took)-1])
			return
		}
	}
	t.Errorf("%s: after %v", what, took)
}

func TestChangesAreFeltByOtherNodesAtOnce(t *testing.T) {
	n := newNodes(t, never)
	n.embedded(2)
	a, b := n.all[0], n.all[1]
	ctx := t.Context()
	atOnce(t, "a key that was revoked is refused", func() func() bool {
		key := must[*api.Key](t)(a.CreateKey(ctx, api.KeyRequest{Name: "lost", Scopes: []string{"users:read"}}))
		lost := n.client(b, key.Secret)
		must[*api.User](t)(lost.GetUser(ctx, n.user))
		if err := a.RevokeKey(ctx, key.ID); err != nil {
			t.Fatal(err)
		}
		return func() bool {
			_, err := lost.GetUser(ctx, n.user)
			refused, ok := errors.AsType[*api.Error](err)
			return ok && refused.HTTPStatus == http.StatusUnauthorized
		}
	})
	ttl := int64(0)
	atOnce(t, "messages live as long as the policy says", func() func() bool {
		send := func() int64 {
			return must[*api.Message](t)(b.SendToUser(ctx, n.user, api.SendRequest{Body: api.Text("x")})).TTL
		}
		send()
		ttl += 1000
		must[*api.Organization](t)(a.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{DefaultTTL: &ttl}}))
		return func() bool { return send() == ttl }
	})
}

// A channel that goes on is used by all nodes, also by one that found it paused and would leave it alone for a minute.
func TestChannelsGoOnOnAllNodes(t *testing.T) {
	n := newNodes(t, never)
	n.embedded(2)
	a, b := n.all[0], n.all[1]
	ctx := t.Context()
	channel := must[*api.Channel](t)(a.CreateChannel(ctx, api.ChannelRequest{Name: "sms", Connector: "sandbox", Platform: "sms", Default: true}))
	pause := func(paused bool) {
		t.Helper()
		must[*api.Channel](t)(a.PatchChannel(ctx, channel.ID, api.ChannelPatch{Paused: &paused}))
	}
	send := func() (sent func() bool) {
		t.Helper()
		m := must[*api.Message](t)(b.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100000"}, Body: api.Text("x")}))
		return func() bool { return must[*api.Message](t)(b.GetMessage(ctx, m.ID)).Status != api.Queued }
	}
	pause(true)
	waits := send()
	time.Sleep(100 * time.Millisecond) // b has found it paused
	if waits() {
		t.Error("it was sent all the same")
	}
	pause(false)
	eventually(t, "what waited is sent", waits)
	n.stop(a)
	eventually(t, "b sends by itself", send())
}

// A node whose address for the others is taken does not start, and leaves nothing behind.
func TestNodeThatCannotListen(t *testing.T) {
	taken := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer taken.Close()
	n := newNodes(t, 0)
	n.config.NATSListen = taken.Addr().String()
	a := must[*app.App](t)(app.New(t.Context(), app.Options{Config: n.config, LogTo: io.Discard}))
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
