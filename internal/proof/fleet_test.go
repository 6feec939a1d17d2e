package proof

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// fleet is several servers over one PostgreSQL and one folder of files, and the clients' way to them.
type fleet struct {
	t         *testing.T
	pg        *pgtest.Server
	nodes     []*server
	transport *http.Transport
	turn      atomic.Int64 // of the nodes, from call to call
	only      atomic.Pointer[server]
	outages   []func(down time.Duration) error // of what nodes need: it goes, and comes back
	stops     atomic.Int64                     // of PostgreSQL, each counted when it begins and when it is over
	relaunch  int                              // how often a node was started again that found no database
}

// newFleet prepares servers. The settings are further ones of all nodes, such as "PARLEY_LOG_LEVEL=info".
func newFleet(t *testing.T, program string, pg *pgtest.Server, nodes int, settings ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, pg: pg, transport: http.DefaultTransport.(*http.Transport).Clone()}
	f.transport.MaxIdleConnsPerHost = 64
	f.outages = append(f.outages, f.stopDatabase)
	t.Cleanup(f.transport.CloseIdleConnections)
	for range nodes {
		node := newServerOn(t, program, pg)
		node.env = slices.Clone(settings)
		if len(f.nodes) > 0 {
			node.data = f.nodes[0].data
		}
		f.nodes = append(f.nodes, node)
	}
	return f
}

// newStageOf starts the servers of a fleet and furnishes them.
func newStageOf(f *fleet, organizations int) *stage {
	f.t.Helper()
	s := &stage{t: f.t, random: chance(f.t), ledger: &ledger{}, reach: f.reach}
	s.provider = newProvider(f.t, s.random.Uint64())
	operator := f.nodes[0].key()
	for _, n := range f.nodes {
		n.start()
	}
	s.world = furnish(f.t, f.reach, operator, s.provider.server.URL, organizations)
	return s
}

// reach makes a client whose calls go to one node after the other, also those that it repeats.
func (f *fleet) reach(t *testing.T, key string, options ...api.Option) *api.Client {
	t.Helper()
	options = append([]api.Option{api.WithHTTPClient(&http.Client{Transport: f}), persistent}, options...)
	c, err := api.New("http://nodes.invalid", key, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// persistent is how a client calls again whose next call goes to another node.
var persistent = api.WithRetry(api.Retry{Max: 6, Base: 20 * time.Millisecond, Cap: 200 * time.Millisecond, Patience: 2 * time.Second})

// RoundTrip makes a call of the node whose turn it is.
func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	node := f.only.Load()
	if node == nil {
		node = f.nodes[int(f.turn.Add(1))%len(f.nodes)]
	}
	to, target := r.WithContext(r.Context()), *r.URL
	target.Host = node.address
	to.URL, to.Host = &target, ""
	return f.transport.RoundTrip(to)
}

// at makes all calls, until it returns, of one node.
func (f *fleet) at(node *server, do func()) {
	f.only.Store(node)
	do()
	f.only.Store(nil)
}

// kill kills nodes, one every few seconds, and starts them again, until the context ends; then all run.
func (f *fleet) kill(ctx context.Context, s *stage, found *findings) (kills int) {
	for ctx.Err() == nil {
		s.pauseFor(time.Second, 4*time.Second)
		node := f.nodes[s.random.IntN(len(f.nodes))]
		f.supervise(found)
		node.kill()
		kills++
		s.pauseFor(0, 1500*time.Millisecond)
		f.launch(node)
	}
	return kills
}

func (f *fleet) launch(node *server) {
	node.launchedAt = f.stops.Load()
	node.launch()
}

// supervise starts nodes again that have ended by themselves, which only one may that found no database at its start.
func (f *fleet) supervise(found *findings) {
	for i, node := range f.nodes {
		if ended, over := node.over(); over {
			if at := f.stops.Load(); at == node.launchedAt && at%2 == 0 {
				found.add("node %d ended by itself: %v", i+1, ended)
			}
			f.relaunch++
			f.launch(node)
		}
	}
}

// await waits until all nodes are ready.
func (f *fleet) await(found *findings) {
	for _, node := range f.nodes {
		for tries := 0; ; tries++ {
			f.supervise(found)
			err := node.ready()
			if err == nil {
				break
			}
			if tries == 3 {
				f.t.Fatalf("%v\n%s", err, tail(node.log, 4000))
			}
			if node.cmd == nil { // it has ended, as supervise would have found
				f.launch(node)
			}
		}
	}
}

// stopDatabase stops PostgreSQL as a crash does and starts it again after a while.
func (f *fleet) stopDatabase(down time.Duration) error {
	f.stops.Add(1)
	defer f.stops.Add(1)
	if err := f.pg.Stop(pgtest.Immediate); err != nil {
		return err
	}
	time.Sleep(down)
	return f.pg.Restart()
}

// stop stops all nodes as an operator does.
func (f *fleet) stop() {
	var stopping sync.WaitGroup
	for _, node := range f.nodes {
		stopping.Go(node.stop)
	}
	stopping.Wait()
}

// account is what a node says of an organization: every event, and every message of every conversation, in order.
func (o *organization) account(ctx context.Context, f *findings) (account []string) {
	for e, err := range o.admin.Events(ctx, api.EventFilter{Limit: 1000}) {
		if err != nil {
			f.add("reading events: %v", err)
			break
		}
		account = append(account, fmt.Sprintf("event %+v", factOf(e)))
	}
	for c, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		return o.admin.ListConversations(ctx, api.ConversationFilter{Page: api.Page{Limit: 200, After: after}})
	}) {
		if err != nil {
			f.add("listing conversations: %v", err)
			break
		}
		account = append(account, o.accountOf(ctx, f, c)...)
	}
	return account
}

// accountOf is what a node says of a conversation, whose messages must have every number once.
func (o *organization) accountOf(ctx context.Context, f *findings, c api.Conversation) (account []string) {
	last := c.LastSequence + 1
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return o.admin.ListConversationMessages(ctx, c.ID, api.Page{Limit: 200, After: after})
	}) {
		if err != nil {
			f.add("listing messages: %v", err)
			break
		}
		if m.Sequence != last-1 {
			f.add("in conversation %s, %d stands before %d", c.ID, m.Sequence, last)
		}
		last = m.Sequence
		account = append(account, fmt.Sprintf("message %d of %s: %s %s %s", m.Sequence, c.ID, m.ID, m.Reference, m.Status))
	}
	if last != 1 && c.LastSequence > 0 {
		f.add("conversation %s begins with message %d", c.ID, last)
	}
	return account
}

// checkNodes compares what each node says with what was promised, and with what the others say.
func (f *fleet) checkNodes(s *stage, found *findings, repeats int) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	for _, node := range f.nodes {
		f.at(node, func() { s.checkServer(found, time.Now(), repeats) })
	}
	settled(ctx, found, s.world, time.Minute)
	quiet(ctx, found, s.world)
	var differ []string
	for range 5 { // a message may expire between the accounts of two nodes
		if differ = f.disagreements(ctx, s, found); len(differ) == 0 {
			return
		}
		quiet(ctx, found, s.world)
	}
	for _, d := range differ {
		found.add("%s", d)
	}
}

// disagreements are where a node does not say what the first one says.
func (f *fleet) disagreements(ctx context.Context, s *stage, found *findings) (differ []string) {
	first := map[*organization][]string{}
	for i, node := range f.nodes {
		f.at(node, func() {
			for _, o := range s.world.organizations {
				account := o.account(ctx, found)
				if i == 0 {
					first[o] = account
				} else if !slices.Equal(account, first[o]) {
					differ = append(differ, fmt.Sprintf("node %d does not say of organization %s what node 1 says: %s", i+1, o.id, difference(first[o], account)))
				}
			}
		})
	}
	return differ
}

// quiet waits until nothing more happens.
func quiet(ctx context.Context, f *findings, w *world) {
	const rest = time.Second
	ends := map[*organization]int64{}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(rest) {
		moved := false
		for _, o := range w.organizations {
			page, err := o.admin.ListEvents(ctx, api.EventFilter{After: api.FromLatest})
			if err != nil {
				f.add("reading the end of the log: %v", err)
				return
			}
			moved = moved || page.Through != ends[o]
			ends[o] = page.Through
		}
		if !moved || time.Now().After(deadline) {
			return
		}
	}
}

// difference is where two lists part.
func difference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %s, not %s", i+1, b[i], a[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(b), len(a))
}
