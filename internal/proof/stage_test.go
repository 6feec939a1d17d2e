package proof

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// stage is everything that a proof with real processes has.
type stage struct {
	t         *testing.T
	random    *rand.Rand
	server    *server
	reach     reach
	provider  *provider
	world     *world
	ledger    *ledger
	followers []*follower
}

const organizations = 3

// newStage starts a server and furnishes it.
func newStage(t *testing.T, program string) *stage {
	t.Helper()
	return stageOn(t, newServer(t, program), organizations)
}

// stageOn starts and furnishes a server that is prepared.
func stageOn(t *testing.T, server *server, organizations int) *stage {
	t.Helper()
	s := &stage{t: t, random: chance(t), server: server, reach: server.reach, ledger: &ledger{}}
	s.provider = newProvider(t, s.random.Uint64())
	operator := s.server.key()
	s.server.start()
	s.world = furnish(t, s.reach, operator, s.provider.server.URL, organizations)
	return s
}

// follow follows the events of every organization from now to the end of the test.
func (s *stage) follow() {
	s.followers = follow(s.t, s.world, s.reach)
}

// load starts clients.
func (s *stage) load(workers int, pause time.Duration) *load {
	load := startLoad(s.world, s.ledger, s.random, workers, pause)
	s.t.Cleanup(load.stop)
	return load
}

// pauseFor waits for a random time.
func (s *stage) pauseFor(least, most time.Duration) {
	time.Sleep(least + time.Duration(s.random.Int64N(int64(most-least))))
}

// checkServer compares what a running server says with what had been said at a moment.
func (s *stage) checkServer(f *findings, moment time.Time, repeats int) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	checkPromises(ctx, f, s.world, s.ledger, moment)
	checkFiles(ctx, f, s.ledger, moment)
	checkEvents(ctx, f, s.world, s.followers, moment)
	checkRepeats(ctx, f, s.ledger, moment, s.random, repeats)
}

// checkLeft looks into the tables that a server left.
func (s *stage) checkLeft(f *findings, server *server, calls []handed, ended bool) {
	tables := server.tables(s.t)
	defer tables.close()
	tables.check(f)
	checkHanded(f, s.world, tables, calls, ended)
}

// end lets the server finish what is queued, stops it, and looks at what is left.
func (s *stage) end(f *findings, server *server) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	settled(ctx, f, s.world, time.Minute)
	server.stop()
	s.checkLeft(f, server, s.provider.handed(), true)
}

func (s *stage) before(moment time.Time) []handed {
	calls := s.provider.handed()
	return slices.DeleteFunc(calls, func(c handed) bool { return !c.at.Before(moment) })
}

// patient is how a client that follows events calls again.
var patient = api.WithRetry(api.Retry{Max: 3, Base: 20 * time.Millisecond, Cap: 100 * time.Millisecond})
