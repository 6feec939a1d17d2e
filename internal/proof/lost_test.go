package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// newStageBehind prepares a server that reaches its PostgreSQL through a proxy.
func newStageBehind(t *testing.T, program string, organizations int) (*stage, *proxy) {
	t.Helper()
	p := newProxy(t, newPostgres(t))
	server := newServer(t, program)
	server.database = p.database
	return stageOn(t, server, organizations), p
}

// requests are those that the proofs of lost commits make, each of which does another thing.
var requests = []struct {
	name string
	to   func(o *organization) *entry
}{
	{"to a user", func(o *organization) *entry {
		return &entry{client: o.users[0].client, request: api.SendRequest{To: api.Recipient{User: o.users[1].id}}}
	}},
	{"to a user again", func(o *organization) *entry {
		return &entry{client: o.users[0].client, request: api.SendRequest{To: api.Recipient{User: o.users[1].id}}}
	}},
	{"to a contact, on a channel that does not resend", func(o *organization) *entry {
		return &entry{client: o.users[0].client, request: api.SendRequest{To: api.Recipient{Contact: o.contacts[0], Channel: o.channels[2].id}}}
	}},
	{"to an address that nobody has", func(o *organization) *entry {
		return &entry{client: o.admin, request: api.SendRequest{To: api.Recipient{Address: "email:new@example.org"}}}
	}},
	{"to a group that is made", func(o *organization) *entry {
		return &entry{client: o.admin, request: api.SendRequest{To: api.Recipient{Users: []string{o.users[0].id, o.users[1].id}}, Group: &api.NewGroup{Name: "A group"}}}
	}},
	{"later", func(o *organization) *entry {
		return &entry{client: o.admin, request: api.SendRequest{To: api.Recipient{Contact: o.contacts[1]}, SendAt: api.NewTime(time.Now().Add(time.Second))}}
	}},
	{"to a broadcast list", func(o *organization) *entry {
		return &entry{client: o.admin, request: api.SendRequest{To: api.Recipient{Broadcast: o.broadcast}}}
	}},
}

// TestLostCommit: whoever's COMMIT is lost, or its answer, is told that nobody knows, and learns by the same key what came of it.
func TestLostCommit(t *testing.T) {
	s, p := newStageBehind(t, binary(t, ""), 1)
	s.follow()
	var f findings
	s.loseCommits(&f, p, "INSERT INTO idempotency")
	s.lookBack(&f)
	f.report(t, "in the end")
}

// TestSabotagedLostCommit: where keys are forgotten, who repeats is not told what came of it.
func TestSabotagedLostCommit(t *testing.T) {
	s, p := newStageBehind(t, binary(t, "sabotage"), 1)
	s.server.stop()
	s.server.env = append(s.server.env, "PARLEY_SABOTAGE=keys-unkept")
	s.server.start()
	var f findings
	s.loseCommits(&f, p, "INSERT INTO messages")
	f.expect(t, "its answer lost: repeated, answered 202 , replayed: false")
}

// loseCommits makes each of the requests twice: once its COMMIT is lost, which a text in its transaction tells, and once the
// answer to it.
func (s *stage) loseCommits(f *findings, p *proxy, text string) {
	for _, request := range requests {
		for _, lost := range []fate{losesCommit, losesAnswer} {
			e := request.to(s.world.organizations[0])
			s.enter(e)
			p.once(text, lost)
			a := e.try(s.t.Context(), 0)
			if a.status != 503 || a.code != "outcome-unknown" || a.wait == 0 {
				f.add("%s, the COMMIT %s: answered %d %s, to come back after %s", request.name, lost, a.status, a.code, a.wait)
			}
			again := e.try(s.t.Context(), 0)
			if !again.accepted() || again.replayed != (lost == losesAnswer) {
				f.add("%s, the COMMIT %s: repeated, answered %d %s, replayed: %v", request.name, lost, again.status, again.code, again.replayed)
			}
		}
	}
	if p.count(losesCommit) != len(requests) || p.count(losesAnswer) != len(requests) {
		f.add("%d commits were lost and %d answers, of %d each", p.count(losesCommit), p.count(losesAnswer), len(requests))
	}
}

// enter gives an entry a key and writes it down.
func (s *stage) enter(e *entry) {
	n := s.ledger.number.Add(1)
	e.organization, e.key, e.reference = s.world.organizations[0], fmt.Sprintf("key-%d", n), fmt.Sprintf("ref-%d", n)
	e.text = fmt.Sprintf("Message %d", n)
	e.request.Body, e.request.Reference = api.Text(e.text), e.reference
	s.ledger.add(e)
}

// lookBack ends the server, and compares all that was said and done.
func (s *stage) lookBack(f *findings) {
	checkEnd(s, f)
	s.checkBroadcasts(f, s.server)
	s.ledger.unavailable(f)
	s.ledger.sum(s.t, s.provider.handed())
}

// unavailable: trouble of the database is never our fault, and passes.
func (l *ledger) unavailable(f *findings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		e.mu.Lock()
		for _, a := range e.answers {
			if a.status >= 500 && (a.status != 503 || a.wait == 0) {
				f.add("%s: answered %d %s %s, to come back after %s", e.reference, a.status, a.code, a.detail, a.wait)
			}
		}
		e.mu.Unlock()
	}
}

// TestLostCommits: while any COMMIT may be lost, or its answer, also those of the queue, nothing is lost or made twice.
func TestLostCommits(t *testing.T) { proveLostCommits(t, 2*time.Second, false) }

// TestProveLostCommits is its long form.
func TestProveLostCommits(t *testing.T) {
	long(t)
	proveLostCommits(t, time.Minute, true)
}

// proveLostCommits loses answers to claims too only where their leases may be waited for.
func proveLostCommits(t *testing.T, d time.Duration, claims bool) {
	s, p := newStageBehind(t, binary(t, ""), organizations)
	random := rand.New(rand.NewPCG(s.random.Uint64(), 0))
	s.trouble(d, func() {
		p.rule(func(statements []string) fate {
			claim := func(text string) bool { return strings.HasPrefix(text, "UPDATE jobs SET claimed") }
			switch n := random.IntN(20); {
			case n == 0:
				return losesCommit
			case n == 1 && (claims || !slices.ContainsFunc(statements, claim)):
				return losesAnswer
			}
			return passes
		})
	}, func() { p.rule(nil) })
	t.Logf("%d commits lost, and of %d the answer", p.count(losesCommit), p.count(losesAnswer))
	if p.count(losesCommit) == 0 || p.count(losesAnswer) == 0 {
		t.Error("the proof shows nothing")
	}
}

// trouble has trouble begin under load, and end after a while; then all must be as it was promised.
func (s *stage) trouble(d time.Duration, begin, end func()) {
	s.t.Helper()
	var f findings
	s.follow()
	load := s.load(6, 10*time.Millisecond)
	begin()
	time.Sleep(d)
	end()
	s.goesOn(&f, 10*time.Second)
	s.finish(&f, load)
	s.ledger.unavailable(&f)
	f.report(s.t, "in the end")
}

// TestCanceledStatements: statements that an operator cancels fail their requests, which may come again, and nothing else.
func TestCanceledStatements(t *testing.T) { proveCanceledStatements(t, 2*time.Second) }

// TestProveCanceledStatements is its long form.
func TestProveCanceledStatements(t *testing.T) {
	long(t)
	proveCanceledStatements(t, time.Minute)
}

func proveCanceledStatements(t *testing.T, d time.Duration) {
	pg := newPostgres(t)
	s := stageOn(t, newServerOn(t, binary(t, ""), pg), organizations)
	db := pgtest.Open(t, pg.URL("postgres"))
	ctx, cancel := context.WithCancel(t.Context())
	var canceling sync.WaitGroup
	n := 0
	s.trouble(d, func() {
		canceling.Go(func() {
			for ctx.Err() == nil {
				var now int
				err := db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE pg_cancel_backend(pid)) FROM pg_stat_activity
					WHERE application_name = 'parley' AND state = 'active'`).Scan(&now)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				n += now
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			}
		})
	}, func() {
		cancel()
		canceling.Wait()
	})
	if t.Logf("%d statements canceled", n); n == 0 {
		t.Error("the proof shows nothing")
	}
}

// TestFewConnections: a server that PostgreSQL gives hardly a connection, since others have them all, answers whom it can, and
// the others that the database cannot be used now.
func TestFewConnections(t *testing.T) {
	pg := newPostgres(t, "max_connections = 30", "superuser_reserved_connections = 0")
	s := stageOn(t, newServerOn(t, binary(t, ""), pg), organizations)
	others := pgtest.Open(t, pg.URL("postgres"))
	var taken []*sql.Conn
	var served, refused atomic.Int64
	s.trouble(2*time.Second, func() {
		taken = takeConnections(t, others)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var reading sync.WaitGroup
		for n := range 40 {
			o := s.world.organizations[n%organizations]
			reading.Go(func() {
				for ctx.Err() == nil {
					_, err := o.admin.ListConversations(t.Context(), api.ConversationFilter{Page: api.Page{Limit: 200}})
					var answer *api.Error
					switch {
					case err == nil:
						served.Add(1)
					case errors.As(err, &answer) && answer.HTTPStatus == 503 && answer.RetryAfter > 0 && strings.HasPrefix(answer.Code, "storage-"):
						refused.Add(1)
					default:
						t.Errorf("a reader is told %v", err)
					}
				}
			})
		}
		reading.Wait()
	}, func() {
		for _, conn := range taken {
			_ = conn.Close()
		}
	})
	t.Logf("%d readers served, %d refused", served.Load(), refused.Load())
	if served.Load() == 0 || refused.Load() == 0 {
		t.Error("the proof shows nothing")
	}
}

// takeConnections takes all connections of PostgreSQL, also those that servers have, but a few.
func takeConnections(t *testing.T, db *sql.DB) (taken []*sql.Conn) {
	t.Helper()
	db.SetMaxIdleConns(0)
	for full := 0; full < 20; {
		conn, err := db.Conn(t.Context())
		if err == nil {
			taken = append(taken, conn)
			continue
		}
		full++
		_, err = taken[0].ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley'")
		if err != nil {
			t.Fatal(err)
		}
	}
	const left = 5
	for _, conn := range taken[:min(left, len(taken))] {
		_ = conn.Close()
	}
	return taken[min(left, len(taken)):]
}

// TestDeadlock: a send that another program gets in the way of, in a circle, is accepted all the same.
func TestDeadlock(t *testing.T) {
	pg := newPostgres(t, "deadlock_timeout = '500ms'") // the circle is closed by then
	s := stageOn(t, newServerOn(t, binary(t, ""), pg), 1)
	s.follow()
	var f findings
	o := s.world.organizations[0]
	send := func() answer {
		e := &entry{client: o.users[0].client, request: api.SendRequest{To: api.Recipient{User: o.users[1].id}}}
		s.enter(e)
		return e.try(t.Context(), 0)
	}
	conversation := send().conversation
	before := deadlocks(t, pg.URL("postgres"))
	db := pgtest.Open(t, pg.URL("postgres"))
	for range 5 {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"SET LOCAL deadlock_timeout = '1min'", // so that the server's transaction is ended
			"SELECT 1 FROM conversations WHERE id = '" + conversation + "' FOR UPDATE"} {
			if _, err := tx.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		var sending sync.WaitGroup
		sending.Go(func() {
			if a := send(); !a.accepted() {
				f.add("a send in a deadlock is answered %d %s", a.status, a.code)
			}
		})
		waits := "SELECT 1 FROM pg_stat_activity WHERE application_name = 'parley' AND wait_event_type = 'Lock'"
		for n := 0; db.QueryRow(waits).Scan(&n) != nil; {
			time.Sleep(time.Millisecond)
		}
		key := fnv.New64a() // that of the organization, which the send shares
		_, _ = key.Write([]byte(o.id))
		if _, err := tx.Exec("SELECT pg_advisory_xact_lock($1)", int64(key.Sum64())); err != nil {
			f.add("the other program is told %v", err)
		}
		_ = tx.Rollback()
		sending.Wait()
	}
	if n := deadlocks(t, pg.URL("postgres")) - before; n < 5 {
		f.add("%d deadlocks: the proof shows nothing", n)
	}
	s.lookBack(&f)
	f.report(t, "in the end")
}

// TestProveStalledDatabase: while PostgreSQL is gone without a word, whoever asks is answered in time that it cannot be used.
func TestProveStalledDatabase(t *testing.T) {
	long(t)
	s, p := newStageBehind(t, binary(t, ""), organizations)
	const most = time.Minute // a transaction's time, some connections', and who was before
	var f findings
	s.trouble(5*time.Second, func() {
		time.Sleep(2 * time.Second)
		p.gate.Lock()
		var asking sync.WaitGroup
		for n := range 12 {
			o := s.world.organizations[n%organizations]
			ask := func(what string, call func(ctx context.Context) error) {
				asking.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 2*most)
					defer cancel()
					began := time.Now()
					err := call(ctx)
					var answer *api.Error
					if took := time.Since(began); !errors.As(err, &answer) || answer.HTTPStatus != 503 || answer.RetryAfter == 0 || took > most {
						f.add("%s is answered %v after %s", what, err, took)
					}
				})
			}
			ask("who reads", func(ctx context.Context) error {
				_, err := o.admin.ListConversations(ctx, api.ConversationFilter{})
				return err
			})
			ask("who sends", func(ctx context.Context) error {
				_, err := o.users[0].client.Send(ctx, api.SendRequest{To: api.Recipient{User: o.users[1].id}, Body: api.Text("stalled")})
				return err
			})
		}
		asking.Wait()
	}, p.gate.Unlock)
	f.report(t, "while nothing is heard of the database")
}
