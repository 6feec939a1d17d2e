package proof

import (
	"context"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// newPostgres starts a PostgreSQL that nobody else uses and whose commits are on the disk.
func newPostgres(t *testing.T, settings ...string) *pgtest.Server {
	t.Helper()
	return pgtest.Start(t, pgtest.Options{Settings: settings})
}

// newServerOn prepares a server whose database is a PostgreSQL's.
func newServerOn(t *testing.T, program string, pg *pgtest.Server) *server {
	t.Helper()
	s := newServer(t, program)
	s.database = pg.URL("postgres")
	return s
}

// TestCrashOnPostgres is TestCrash with the tables in PostgreSQL, which goes on while the server is gone.
func TestCrashOnPostgres(t *testing.T) { proveCrashOnPostgres(t, 5) }

// TestProveCrashOnPostgres is its long form.
func TestProveCrashOnPostgres(t *testing.T) {
	long(t)
	proveCrashOnPostgres(t, 25)
}

func proveCrashOnPostgres(t *testing.T, kills int) {
	s := stageOn(t, newServerOn(t, binary(t, ""), newPostgres(t)), organizations)
	var f findings
	s.crash(&f, kills, true)
	f.report(t, "in the end")
}

// TestPostgresCrash: a server whose PostgreSQL is stopped at once, at any moment, and started again, goes on by itself,
// keeps what it accepted and makes nothing twice.
func TestPostgresCrash(t *testing.T) { provePostgresCrash(t, 3) }

// TestProvePostgresCrash is its long form.
func TestProvePostgresCrash(t *testing.T) {
	long(t)
	provePostgresCrash(t, 20)
}

func provePostgresCrash(t *testing.T, stops int) {
	pg := newPostgres(t)
	s := stageOn(t, newServerOn(t, binary(t, ""), pg), organizations)
	var f findings
	s.follow()
	load := s.load(6, 10*time.Millisecond)
	s.crashDatabase(&f, pg, stops)
	s.finish(&f, load)
	f.report(t, "in the end")
}

// crashDatabase stops PostgreSQL n times, and looks each time at what is left.
func (s *stage) crashDatabase(f *findings, pg *pgtest.Server, n int) {
	for range n {
		s.pauseFor(200*time.Millisecond, 1500*time.Millisecond)
		if err := pg.Stop(pgtest.Immediate); err != nil {
			s.t.Fatal(err)
		}
		moment := time.Now()
		s.pauseFor(0, 1500*time.Millisecond)
		if err := pg.Restart(); err != nil {
			s.t.Fatal(err)
		}
		s.goesOn(f, 10*time.Second)
		s.checkServer(f, moment, 20)
	}
}

// goesOn waits until a server answers requests by itself.
func (s *stage) goesOn(f *findings, patience time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		_, err := s.world.organizations[0].admin.ListConversations(ctx, api.ConversationFilter{})
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			f.add("the server does not go on by itself within %s: %v", patience, err)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
