package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/pgtest"
)

// TestMovedWhileServed: a server moves its database under load, to PostgreSQL and back: what was acknowledged is there,
// once; streams miss and repeat nothing; deliveries go out once; and the server may be started as before.
func TestMovedWhileServed(t *testing.T) {
	t.Parallel()
	folder, database, address := t.TempDir(), pgtest.Database(t), freeAddress(t)
	p, d := startDemo(t, folder)
	l := begin(t, d)
	p.stop(t)

	serve := []string{"serve", "--data", folder, "--listen", address, "--key-rate-limit", "0", "--no-access-log"}
	to := append(serve, "--migrate-to", database)
	p = start(t, to...)
	l.moved(t, p.ready(t))
	w := l.work(t)
	p.until(t, "the database is moved", func() bool { return w.beyond(1000) && strings.Contains(p.log.String(), "the database was moved") })
	w.end(t, 1)
	p.stop(t)

	for _, again := range [][]string{to, append(serve, "--database", database)} {
		p = start(t, again...)
		l.moved(t, p.ready(t))
		l.sendKeyed(t, true)
		p.stop(t)
	}
	if code, _, errors := command(t, serve...); code != exitFailed || !strings.Contains(errors, "was moved to postgres://") {
		t.Errorf("a server on the source: exit %d, %s", code, errors)
	}

	if err := os.Rename(folder+"/parley.db", folder+"/parley.db-moved"); err != nil {
		t.Fatal(err)
	}
	p = start(t, append(serve, "--database", database, "--migrate-to", "sqlite:"+folder)...)
	l.moved(t, p.ready(t))
	w = l.work(t)
	p.until(t, "the database is moved back", func() bool { return w.beyond(1000) && strings.Contains(p.log.String(), "the database was moved") })
	w.end(t, 1)
	l.goesOn(t)
	p.stop(t)
	p = start(t, serve...)
	l.moved(t, p.ready(t))
	l.sendKeyed(t, true)
	p.stop(t)
}

// TestNodesMove: all servers of a database go on with the other one, whichever of them moves it.
func TestNodesMove(t *testing.T) {
	t.Parallel()
	folder, from, to := t.TempDir(), pgtest.Database(t), pgtest.Database(t)
	p := start(t, "demo", "--data", folder, "--database", from, "--listen", "127.0.0.1:0")
	p.ready(t)
	l := begin(t, described(t, folder))
	p.stop(t)
	var nodes []*process
	var work []*load
	for range 3 {
		p := start(t, "serve", "--data", folder, "--database", from, "--migrate-to", to, "--listen", "127.0.0.1:0", "--key-rate-limit", "0", "--no-access-log")
		nodes = append(nodes, p)
		l.moved(t, p.ready(t))
		work = append(work, l.work(t))
	}
	for _, p := range nodes {
		p.until(t, "the database is moved", func() bool { return strings.Contains(p.log.String(), "the database was moved") })
	}
	for _, w := range work {
		before := w.sent.Load()
		nodes[0].until(t, "messages are accepted", func() bool { return w.sent.Load() > before+100 })
	}
	for _, w := range work {
		w.stop()
	}
	l.settled(t)
	for _, w := range work {
		w.end(t, 2) // what a server had claimed that stopped writing may be lost with it
	}
	for _, p := range nodes {
		p.stop(t)
	}
}

// TestServerThatWasNotTold: a server whose database is moved away without it shows nothing of the old one for long.
func TestServerThatWasNotTold(t *testing.T) {
	t.Parallel()
	folder, from, to := t.TempDir(), pgtest.Database(t), pgtest.Database(t)
	p := start(t, "demo", "--data", folder, "--database", from, "--listen", "127.0.0.1:0")
	p.ready(t)
	if code, _, errors := command(t, "migrate", "--from", from, "--to", to); code != 0 {
		t.Fatalf("exit %d, %s", code, errors)
	}
	if err := p.end(t); err == nil || !strings.Contains(p.log.String(), "was moved to postgres://") {
		t.Errorf("it ended with %v: %s", err, p.log.String())
	}
}

// TestMovingServerIsKilled: a server that is killed while it moves its database, wherever it is, loses nothing, and moves on
// when it is started again.
func TestMovingServerIsKilled(t *testing.T) {
	t.Parallel()
	folder, database, address := t.TempDir(), pgtest.Database(t), freeAddress(t)
	p, d := startDemo(t, folder)
	l := begin(t, d)
	p.stop(t)
	serve := []string{"serve", "--data", folder, "--listen", address, "--key-rate-limit", "0", "--no-access-log", "--migrate-to", database}
	var w *load
	kills := 0
	for patience := 100 * time.Millisecond; ; patience += patience / 2 {
		p = start(t, serve...)
		l.moved(t, p.ready(t))
		if w == nil {
			w = l.work(t)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(2 * patience))))
		done := strings.Contains(p.log.String(), "the database was moved")
		if done && kills > 2 {
			break
		}
		_ = p.Process.Kill()
		_ = p.end(t)
		kills++
	}
	t.Logf("killed %d times", kills)
	w.end(t, 1+kills)
	p.stop(t)
}

// load is messages that are sent while something else happens, and a stream that follows.
type load struct {
	l         *life
	tag       string
	sent      atomic.Int64
	cancel    context.CancelFunc // of those who send
	senders   sync.WaitGroup
	mu        sync.Mutex
	ids       []string // of acknowledged messages
	unfollow  context.CancelFunc
	following sync.WaitGroup
	sequences []int64
	created   map[string]int // what the stream said was created: how often
}

// work begins to send, from several connections, and to follow.
func (l *life) work(t *testing.T) *load {
	t.Helper()
	w := &load{l: l, tag: fmt.Sprintf("load %d", rand.Int64()), created: map[string]int{}}
	c, err := api.New(l.d.URL, l.d.Key, api.WithRetry(api.Retry{Max: 1000, Base: 20 * time.Millisecond, Cap: 200 * time.Millisecond, Patience: 10 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	following, unfollow := context.WithCancel(t.Context())
	sending, cancel := context.WithCancel(t.Context())
	w.cancel, w.unfollow = cancel, unfollow
	page, err := c.ListEvents(t.Context(), api.EventFilter{After: api.FromLatest})
	if err != nil {
		t.Fatal(err)
	}
	w.following.Go(func() {
		w.follow(c.StreamEvents(following, api.EventFilter{After: api.EventCursor(fmt.Sprint(page.Through))}))
	})
	for n := range 4 {
		w.senders.Go(func() {
			for i := 0; sending.Err() == nil; i++ {
				w.send(t, c, n, i)
			}
		})
	}
	return w
}

// send sends a message until it is acknowledged, and no more often.
func (w *load) send(t *testing.T, c *api.Client, n, i int) {
	to := api.Recipient{Contact: w.l.d.Contacts[(n*7+i)%8].ID}
	if i%3 == 0 {
		to = api.Recipient{User: w.l.d.Users[(n+i)%4+1].ID}
	}
	m, err := c.Send(t.Context(), api.SendRequest{To: to, Body: api.Text(fmt.Sprintf("%d %d 😀", n, i)), Tags: []string{w.tag}},
		api.IdempotencyKey(fmt.Sprintf("%s %d %d", w.tag, n, i)))
	if err != nil {
		t.Errorf("message %d of %d: %v", i, n, err)
		time.Sleep(time.Second)
		return
	}
	w.mu.Lock()
	w.ids = append(w.ids, m.ID)
	w.mu.Unlock()
	w.sent.Add(1)
	time.Sleep(2 * time.Millisecond) // the machine has others to serve
}

func (w *load) follow(s *api.EventStream) {
	for event, err := range s.All() {
		if err != nil {
			return
		}
		w.mu.Lock()
		w.sequences = append(w.sequences, event.Sequence)
		if event.Type == api.EventMessageCreated {
			w.created[event.Data.MessageID]++
		}
		w.mu.Unlock()
	}
}

// beyond reports whether so many were acknowledged.
func (w *load) beyond(n int64) bool { return w.sent.Load() >= n }

func (w *load) stop() {
	w.cancel()
	w.senders.Wait()
}

// delivered waits for what is queued: what a server had claimed that was killed waits for the end of its lease.
func (w *load) delivered(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(100 * time.Millisecond) {
		page, err := w.l.c.ListMessages(t.Context(), api.MessageFilter{Tag: w.tag, Status: string(api.Queued), Page: api.Page{Limit: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Data) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s messages are still queued: %+v", 2*patience, page.Data)
		}
	}
}

// end stops, and checks that nothing was lost and nothing is there twice.
func (w *load) end(t *testing.T, attempts int) {
	t.Helper()
	w.stop()
	w.delivered(t)
	w.l.settled(t)
	w.unfollow()
	w.following.Wait()
	readable := map[string]bool{}
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return w.l.c.ListMessages(t.Context(), api.MessageFilter{Tag: w.tag, Page: api.Page{Limit: 200, After: after}})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if readable[m.ID] || m.Status != "read" && m.Direction != "none" {
			t.Errorf("message %s is %s; listed before: %v", m.ID, m.Status, readable[m.ID])
		}
		readable[m.ID] = true
	}
	if len(readable) != len(w.ids) {
		t.Errorf("%d messages were acknowledged, and %d are readable", len(w.ids), len(readable))
	}
	for _, id := range w.ids {
		if !readable[id] || w.created[id] != 1 {
			t.Errorf("message %s is readable: %v; the stream told of it %d times", id, readable[id], w.created[id])
		}
	}
	for i := 1; i < len(w.sequences); i++ {
		if w.sequences[i] != w.sequences[i-1]+1 {
			t.Errorf("after the event %d the stream told of %d", w.sequences[i-1], w.sequences[i])
		}
	}
	w.calledOnce(t, attempts)
	t.Logf("%d messages were acknowledged, %d events followed", len(w.ids), len(w.sequences))
}

// calledOnce checks that providers were called no more often than may be.
func (w *load) calledOnce(t *testing.T, most int) {
	t.Helper()
	for _, id := range w.ids {
		list, err := w.l.c.ListAttempts(t.Context(), id, api.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Data) > most {
			t.Errorf("message %s has %d attempts", id, len(list.Data))
		}
	}
}
