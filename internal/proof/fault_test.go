package proof

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
)

// fault makes one statement of the server's writes fail: the n-th from the moment that it is set.
type fault struct {
	mu   sync.Mutex
	left int
	err  error
	hit  string // the statement that failed
}

func (f *fault) ask(statement string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return nil
	}
	if f.left--; f.left > 0 {
		return nil
	}
	f.hit = strings.Join(strings.Fields(statement), " ")
	return f.err
}

func (f *fault) set(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.err, f.hit = n, err, ""
}

// clear ends the fault and returns the statement that failed; empty: none did.
func (f *fault) clear() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = 0
	return f.hit
}

// errors that a statement fails with: the disk's, and one that nobody foresaw.
var (
	errDisk     = parley.Unavailable("storage-full", "the disk is full; try again when there is room", errors.New("made up"))
	errSurprise = errors.New("made up")
)

// inside is a server in this process.
type inside struct {
	t     *testing.T
	app   *app.App
	left  *server // what it leaves when it is closed
	fault fault
}

// newInside starts a server in this process and furnishes it. The database is one of PostgreSQL, or empty.
func newInside(t *testing.T, database string, more func(o *store.Options)) (*inside, *stage) {
	t.Helper()
	i := &inside{t: t, left: &server{t: t, data: filepath.Join(t.TempDir(), "data"), database: database}}
	c := config.Default()
	c.Data, c.Database, c.Listen, c.AllowLoopback, c.KeyRateLimit, c.AccessLog = i.left.data, database, "127.0.0.1:0", true, 0, false
	var err error
	i.app, err = app.New(t.Context(), app.Options{Config: c, Store: func(o *store.Options) {
		o.Fault = i.fault.ask
		if more != nil {
			more(o)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.close)
	if err := i.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	operator, err := i.app.Administrator(t.Context(), "Operator")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, random: chance(t), ledger: &ledger{}, reach: i.reach}
	s.provider = newProvider(t, s.random.Uint64())
	s.provider.calm = true
	s.world = furnish(t, i.reach, operator, s.provider.server.URL, 1)
	return i, s
}

func (i *inside) reach(t *testing.T, key string, options ...api.Option) *api.Client {
	t.Helper()
	return client(t, i.app.URL(), key, options...)
}

func (i *inside) close() {
	i.fault.clear()
	if i.app == nil {
		return
	}
	if err := i.app.Close(); err != nil {
		i.t.Error(err)
	}
	i.app = nil
}

// operation is something that a client asks for.
type operation struct {
	name string
	// queued: something follows in the queue, which tries again at once where the disk fails, and after a lease
	// where nobody knows what failed.
	queued bool
	make   func(k *worker, n int) *entry
}

var operations = []operation{
	{"a message in a conversation", false, func(k *worker, _ int) *entry {
		return k.entry(k.o.users[0].client, api.SendRequest{To: api.Recipient{User: k.o.users[1].id}})
	}},
	{"a message that makes a group", false, func(k *worker, _ int) *entry {
		return k.entry(k.o.users[0].client, api.SendRequest{To: api.Recipient{Users: []string{k.o.users[1].id, k.o.users[2].id}}})
	}},
	{"a message to a contact, with its delivery", true, func(k *worker, n int) *entry {
		held := k.o.channels[2]
		return k.entry(k.o.users[0].client, api.SendRequest{To: api.Recipient{Contact: k.o.contacts[n%len(k.o.contacts)], Channel: held.id}})
	}},
	{"a message from a contact", false, func(k *worker, n int) *entry {
		e := k.entry(k.o.admin, api.SendRequest{})
		e.inbound = &api.SandboxInbound{Channel: k.o.channels[n%len(k.o.channels)].id, Contact: k.o.contacts[n%len(k.o.contacts)],
			Body: api.Text(e.text), ProviderID: "in-" + e.reference}
		return e
	}},
	{"a broadcast", true, func(k *worker, _ int) *entry {
		return k.entry(k.o.admin, api.SendRequest{To: api.Recipient{Broadcast: k.o.broadcast}})
	}},
	{"a scheduled message", true, func(k *worker, _ int) *entry {
		return k.entry(k.o.admin, api.SendRequest{To: api.Recipient{User: k.o.users[0].id}, SendAt: api.NewTime(time.Now().Add(30 * time.Millisecond))})
	}},
	{"a message that lives for a second", true, func(k *worker, n int) *entry {
		return k.entry(k.o.admin, api.SendRequest{To: api.Recipient{Contact: k.o.contacts[n%len(k.o.contacts)], Channel: k.o.channels[0].id}, TTL: 1})
	}},
}

// TestFaults: whichever statement fails, the client is told the truth, a repeat succeeds, and nothing is
// left half done.
func TestFaults(t *testing.T) { proveFaults(t, "", 3, false) }

// TestFaultsOnPostgres is TestFaults with the tables in PostgreSQL.
func TestFaultsOnPostgres(t *testing.T) { proveFaults(t, pgtest.Database(t), 4, false) }

// TestProveFaults is the long form: every statement fails.
func TestProveFaults(t *testing.T) {
	long(t)
	t.Run("SQLite", func(t *testing.T) { proveFaults(t, "", 1, true) })
	t.Run("PostgreSQL", func(t *testing.T) { proveFaults(t, pgtest.Database(t), 1, true) })
}

func proveFaults(t *testing.T, database string, step int, leases bool) {
	i, s := newInside(t, database, nil)
	var f findings
	failed := i.faults(&f, s, operations, step, leases)
	f.report(t, "with failing statements")
	t.Logf("%d statements failed, %d of them differently", failed.all, len(failed.kinds))
}

// TestBroadcastGoesOutAtOnce: the copies of a broadcast do not wait until the queue looks by itself.
func TestBroadcastGoesOutAtOnce(t *testing.T) {
	_, s := newInside(t, "", nil)
	o := s.world.organizations[0]
	sent, err := o.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Broadcast: o.broadcast}, Body: api.Text("News")})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		m, err := o.admin.GetMessage(t.Context(), sent.ID)
		if err == nil && m.Counts.Queued == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", m, err)
		}
	}
}

// TestSabotagedCounter: with event numbers from outside of the transaction, the proof of faults fails.
func TestSabotagedCounter(t *testing.T) {
	i, s := newInside(t, "", func(o *store.Options) { o.Sabotage = store.SabotageCounter })
	var f findings
	i.faults(&f, s, operations[:2], 1, false)
	f.expect(t, "every number once")
}

// failures counts what failed.
type failures struct {
	all   int
	kinds map[string]bool
}

// faults lets each statement of each operation fail, or every step-th; where leases is set, also in ways that
// take a lease to recover.
func (i *inside) faults(f *findings, s *stage, operations []operation, step int, leases bool) failures {
	s.followers = follow(s.t, s.world, s.reach)
	count := failures{kinds: map[string]bool{}}
	for _, o := range operations {
		i.sweep(f, s, o, errDisk, step, &count)
		if !o.queued || leases {
			i.sweep(f, s, o, errSurprise, step, &count)
		}
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	settled(ctx, f, s.world, 40*time.Second)
	caughtUp(ctx, f, s.world, s.followers)
	s.checkServer(f, time.Now(), 20)
	stopFollowing(f, s.followers)
	i.close()
	s.checkLeft(f, i.left, s.provider.handed(), true)
	s.checkBroadcasts(f, i.left)
	s.ledger.disagreements(f)
	return count
}

// sweep makes an operation fail at its first statement, at a later one, and so on until it is through before
// the fault strikes.
func (i *inside) sweep(f *findings, s *stage, o operation, cause error, step int, count *failures) {
	k := &worker{load: &load{world: s.world, ledger: s.ledger}, o: s.world.organizations[0], random: s.random}
	s.ledger.warm(k, o)
	for n := 1 + s.random.IntN(step); n < 400; n += step {
		e := o.make(k, n)
		s.ledger.add(e)
		i.fault.set(n, cause)
		first := e.try(s.t.Context(), 0)
		again := first
		for tries := 0; !again.accepted() && tries < 50; tries++ {
			again = e.try(s.t.Context(), 0)
		}
		if cause == errDisk {
			finished(s.t.Context(), e, again.id)
		}
		hit := i.fault.clear()
		i.judge(f, o, e, cause, first, again, hit)
		if hit == "" {
			return
		}
		count.all++
		count.kinds[hit] = true
	}
	f.add("%s: it has no end", o.name)
}

// warm makes an operation once, without faults.
func (l *ledger) warm(k *worker, o operation) {
	e := o.make(k, 0)
	l.add(e)
	e.try(context.Background(), 0)
}

// judge says what was wrong with the answers.
func (i *inside) judge(f *findings, o operation, e *entry, cause error, first, again answer, hit string) {
	where := fmt.Sprintf("%s (%s): after %.100q failed with %q", o.name, e.reference, hit, cause)
	switch {
	case !again.accepted():
		f.add("%s, a repeat is answered %d %s", where, again.status, again.code)
	case first.accepted() || first.status == 500 && cause == errSurprise:
	case first.status != 503 || first.wait == 0:
		f.add("%s, the client is told %d %s, to come back after %s", where, first.status, first.code, first.wait)
	}
}

// finished waits until what follows a message is done.
func finished(ctx context.Context, e *entry, id string) {
	if e.inbound != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		m, err := e.organization.admin.GetMessage(ctx, id)
		if err == nil && (m.Status == api.Read || m.Status.Final() && m.Channel == "" || m.Removed != nil) {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
