package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// TestHotConversations: three nodes that all write to the same five conversations never wait for each other in a circle,
// and none calls a provider for what another does.
func TestHotConversations(t *testing.T) { proveHotConversations(t, 10*time.Second) }

// TestProveHotConversations is its long form.
func TestProveHotConversations(t *testing.T) {
	long(t)
	proveHotConversations(t, time.Minute)
}

func proveHotConversations(t *testing.T, d time.Duration) {
	nodes := newFleet(t, binary(t, ""), newPostgres(t), 3)
	var f findings
	nodes.hot(newStageOf(nodes, 5), &f, d, time.Minute)
	f.report(t, "in the end")
}

// hot has clients write to five conversations, each of another organization, for a while, over all nodes, beside the usual load,
// and gives the nodes some time to end what is queued.
func (f *fleet) hot(s *stage, found *findings, d, patience time.Duration) {
	s.provider.calm, s.provider.late = true, 10*time.Millisecond
	before := deadlocks(s.t, f.nodes[0].database)
	load := s.load(10, 20*time.Millisecond)
	for n := range 15 {
		o := s.world.organizations[n%5]
		k := &worker{load: load, o: o, random: rand.New(rand.NewPCG(s.random.Uint64(), uint64(n)))}
		load.start(func(ctx context.Context) {
			for ctx.Err() == nil {
				request := o.hot(n % 5)
				k.send(ctx, k.entry(o.users[0].client, request))
				if request.To.Contact != "" { // they go out one after the other
					time.Sleep(time.Duration(k.random.IntN(300)) * time.Millisecond)
				}
			}
		})
	}
	time.Sleep(d)
	load.stop()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	settled(ctx, found, s.world, patience)
	f.stop()
	if n := deadlocks(s.t, f.nodes[0].database) - before; n > 0 {
		found.add("PostgreSQL has ended %d deadlocks", n)
	}
	for reference, h := range histories(s.provider.handed()) {
		if h.made > 1 {
			found.add("the provider was handed %s %d times, though no call was lost", reference, h.made)
		}
	}
	s.checkLeft(found, f.nodes[0], s.provider.handed(), true)
	s.ledger.disagreements(found)
	s.ledger.sum(s.t, s.provider.handed())
}

// hot is a message to one of five conversations.
func (o *organization) hot(n int) api.SendRequest {
	switch n {
	case 0:
		return api.SendRequest{To: api.Recipient{User: o.users[1].id}}
	case 1:
		return api.SendRequest{To: api.Recipient{Team: o.team}}
	default:
		return api.SendRequest{To: api.Recipient{Contact: o.contacts[n], Channel: o.channels[0].id}}
	}
}

// deadlocks is how many deadlocks PostgreSQL has ended in a database.
func deadlocks(t *testing.T, database string) (n int64) {
	t.Helper()
	time.Sleep(time.Second) // servers tell of theirs now and then
	db := pgtest.Open(t, database)
	if err := db.QueryRow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
		t.Fatal(fmt.Errorf("pg_stat_database: %w", err))
	}
	return n
}
