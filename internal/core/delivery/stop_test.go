package delivery_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
)

// TestStop: a server that stops takes nothing more, and writes what comes back in time; the next one goes on.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatNeither, send: func(context.Context, call) (connector.Receipt, error) {
			time.Sleep(5 * time.Second)
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		conversation := w.conversation(ch)
		w.start(queue.Options{})
		ids := w.send(ch, conversation, outgoing{}, outgoing{}, outgoing{})
		time.Sleep(time.Second)
		w.stop()
		if first, second := w.delivery(ids[0]), w.delivery(ids[1]); first.State != parley.Sent || second.State != parley.Queued || second.Attempts != 0 {
			t.Errorf("%+v\n%+v", first, second)
		}
		w.close()
		w.open(store.Options{})
		w.start(queue.Options{})
		w.wait(ids[2], parley.Sent)
		if n := len(s.texts()); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestStopIsBounded: calls that do not come back are given up when the server's patience ends.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatDeduplicated, send: func(ctx context.Context, c call) (connector.Receipt, error) {
			if c.n == 1 {
				<-ctx.Done()
				return connector.Receipt{}, ctx.Err()
			}
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := w.runner.Stop(ctx)
		w.stopped = true
		if took := time.Since(began); err != nil || took > 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if a := w.attempts(id); len(a) != 1 || a[0].Outcome != parley.AttemptLost {
			t.Errorf("%+v", a)
		}
		w.close()
		w.open(store.Options{})
		w.start(queue.Options{})
		if d := w.wait(id, parley.Sent); d.Attempts != 2 {
			t.Errorf("%+v", d)
		}
	})
}

// TestStorageTrouble: results wait for a database that cannot be written, and are written once; nothing is sent
// again, and the claims hold.
func TestStorageTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		s := &script{repeats: connector.RepeatNeither}
		w := newWorld(t, s.definition())
		w.close()
		w.open(store.Options{Fault: func(statement string) error {
			if broken.Load() && !strings.HasPrefix(statement, "BEGIN") && !strings.HasPrefix(statement, "ROLLBACK") {
				return parley.Unavailable("storage-full", "the disk is full", nil)
			}
			return nil
		}})
		ch := w.channel(scriptChannel)
		s.send = func(context.Context, call) (connector.Receipt, error) {
			broken.Store(true)
			return connector.Receipt{}, nil
		}
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		time.Sleep(time.Minute) // four leases
		broken.Store(false)
		if d := w.wait(id, parley.Sent); d.Attempts != 1 || len(s.of(id)) != 1 {
			t.Errorf("%+v, %d calls", d, len(s.of(id)))
		}
		wantStates(t, w.states(id), parley.Sent)
	})
}

// TestLeaseIsRenewed: a call may take longer than a lease; nobody else takes its delivery.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatNeither, send: func(context.Context, call) (connector.Receipt, error) {
			time.Sleep(50 * time.Second)
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{Deadline: time.Minute})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		for range 40 {
			time.Sleep(time.Second)
			lines, err := w.store.Read(t.Context()).Lines()
			if err != nil || len(lines) != 1 || !lines[0].Claimed || !lines[0].Due.After(time.Now()) {
				t.Fatalf("%+v %v", lines, err)
			}
		}
		w.wait(id, parley.Sent)
		if n := len(s.of(id)); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}
