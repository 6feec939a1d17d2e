package proof

import (
	"context"
	"testing"
	"time"
)

// TestCrash: a server that is killed at any moment keeps what it accepted, makes nothing twice, and goes on.
func TestCrash(t *testing.T) { proveCrash(t, 4) }

// TestProveCrash is its long form.
func TestProveCrash(t *testing.T) {
	long(t)
	proveCrash(t, 25)
}

func proveCrash(t *testing.T, kills int) {
	s := newStage(t, binary(t, ""))
	var f findings
	s.crash(&f, kills, true)
	f.report(t, "in the end")
}

// crash kills the server under load n times, and looks each time at what is left.
func (s *stage) crash(f *findings, n int, reporting bool) {
	s.follow()
	load := s.load(6, 10*time.Millisecond)
	for killed := 0; killed < n; killed++ {
		s.pauseFor(200*time.Millisecond, 1500*time.Millisecond)
		moment := s.killed(f)
		s.server.launch()
		for killed+1 < n && s.random.IntN(3) == 0 { // while it starts, or has just started
			s.pauseFor(0, 300*time.Millisecond)
			moment = s.killed(f)
			s.server.launch()
			killed++
		}
		s.server.mustBeReady()
		s.checkServer(f, moment, 20)
		if reporting && f.count() > 0 {
			s.t.Logf("after kill %d of %d", killed+1, n)
			f.report(s.t, "after a crash")
			break
		}
	}
	s.finish(f, load)
}

// finish ends the load, lets the server finish what is queued, and compares all that was said and done.
func (s *stage) finish(f *findings, load *load) {
	load.stop()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	settled(ctx, f, s.world, time.Minute)
	caughtUp(ctx, f, s.world, s.followers)
	s.checkServer(f, time.Now(), 20)
	stopFollowing(f, s.followers)
	s.end(f, s.server)
	s.ledger.disagreements(f)
	s.checkBroadcasts(f, s.server)
	s.ledger.sum(s.t, s.provider.handed())
}

// killed kills the server and looks at its files. It returns the moment up to which its word counts.
func (s *stage) killed(f *findings) time.Time {
	s.server.kill()
	moment := time.Now()
	s.checkLeft(f, s.server, s.provider.handed(), false)
	return moment
}
