package delivery_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// newNode returns a world whose database other nodes use too.
func newNode(t *testing.T, o store.Options, s *script) *world {
	t.Helper()
	t.Setenv("PARLEY_TEST_DATABASE", "postgres")
	w := newWorld(t, s.definition())
	w.close()
	w.open(o)
	return w
}

// claim claims all that is due.
func (w *world) claim(d *delivery.Deliveries, lease time.Duration) (claimed []*delivery.Work, later map[string]time.Time) {
	w.t.Helper()
	claimed, later, _, err := d.Claim(context.Background(), w.due(d), lease)
	if err != nil {
		w.t.Fatal(err)
	}
	return claimed, later
}

func (w *world) due(d *delivery.Deliveries) (due []*delivery.Work) {
	w.t.Helper()
	lines, err := d.Lines(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range lines {
		more, err := d.Due(context.Background(), line, 100)
		if err != nil {
			w.t.Fatal(err)
		}
		due = append(due, more...)
	}
	return due
}

// readsSlowly are the options of a store in which, now and then, deliveries take long to be read.
func readsSlowly(slow *atomic.Bool, took time.Duration) store.Options {
	return store.Options{Fault: func(statement string) error {
		if slow.Load() && strings.HasPrefix(statement, "SELECT d.message_id") {
			time.Sleep(took)
		}
		return nil
	}}
}

// TestLateClaim: what a node has claimed, but could not read before its lease ended, is called by the node that has it now.
func TestLateClaim(t *testing.T) {
	const lease = 600 * time.Millisecond // of which a third is more than a claim takes
	var slow atomic.Bool
	s := &script{repeats: connector.RepeatNeither}
	w := newNode(t, readsSlowly(&slow, 2*lease), s)
	late := w.deliveries
	first := w.store
	w.open(store.Options{})
	defer func() { _ = first.Close() }()
	kind := scriptChannel
	kind.OnUnknown = parley.UnknownResend
	ch := w.channel(kind)
	id := w.send(ch, w.conversation(ch), outgoing{})[0]

	slow.Store(true)
	mine, _ := w.claim(late, lease)
	slow.Store(false)
	theirs, _ := w.claim(w.deliveries, time.Minute)
	if len(mine) != 1 || len(theirs) != 1 {
		t.Fatalf("claimed are %d, and then %d", len(mine), len(theirs))
	}
	for _, node := range []struct {
		*delivery.Deliveries
		work *delivery.Work
	}{{late, mine[0]}, {w.deliveries, theirs[0]}} {
		if err := node.Finish(t.Context(), []*delivery.Result{node.Call(t.Context(), node.work)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.of(id)); n != 1 {
		t.Errorf("%d calls", n)
	}
	w.wait(id, parley.Sent)
}

// TestLateClaimAlone: what was claimed too late and is nobody else's is claimed again, and no attempt is said to be lost.
func TestLateClaimAlone(t *testing.T) {
	const lease = 600 * time.Millisecond // of which a third is more than a claim takes
	var slow atomic.Bool
	s := &script{repeats: connector.RepeatNeither}
	w := newNode(t, readsSlowly(&slow, 2*lease), s)
	ch := w.channel(scriptChannel)
	id := w.send(ch, w.conversation(ch), outgoing{})[0]
	for _, again := range []bool{true, false} {
		slow.Store(again)
		claimed, _ := w.claim(w.deliveries, lease)
		if len(claimed) != 1 {
			t.Fatalf("claimed are %d", len(claimed))
		}
		if err := w.deliveries.Finish(t.Context(), []*delivery.Result{w.deliveries.Call(t.Context(), claimed[0])}); err != nil {
			t.Fatal(err)
		}
	}
	if d := w.wait(id, parley.Sent); d.Attempts != 1 || len(w.attempts(id)) != 1 || len(s.of(id)) != 1 {
		t.Errorf("%+v, kept are %+v, %d calls", d, w.attempts(id), len(s.of(id)))
	}
}

// TestLimitsOfOtherClocks: when a channel can give more is said in the time of this machine, of which the database's may differ,
// and of a paused one soon, as another node may end the pause.
func TestLimitsOfOtherClocks(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*parley.Channel)
	}{{"rate", func(ch *parley.Channel) { ch.Rate = 1 }}, {"paused", func(ch *parley.Channel) { ch.Paused = true }}} {
		t.Run(test.name, func(t *testing.T) {
			behind := func() time.Time { return time.Now().Add(-10 * time.Minute) }
			w := newNode(t, store.Options{Now: behind}, &script{})
			kind := scriptChannel
			test.edit(&kind)
			ch := w.channel(kind)
			w.sendEach(ch, 2, outgoing{})
			_, later := w.claim(w.deliveries, time.Minute)
			for lane, at := range later {
				if wait := time.Until(at); wait < 500*time.Millisecond || wait > time.Second+100*time.Millisecond {
					t.Errorf("%s gives more in %v", lane, wait)
				}
			}
			if len(later) != 1 {
				t.Errorf("%d lanes give more later", len(later))
			}
		})
	}
}

// TestRateOfWhatOthersHave: a node that finds the deliveries claimed that it was about to claim takes no places in the rate of
// their channel.
func TestRateOfWhatOthersHave(t *testing.T) {
	w := newNode(t, store.Options{}, &script{})
	kind := scriptChannel
	kind.Rate = 100
	w.sendEach(w.channel(kind), 10, outgoing{})
	old := w.due(w.deliveries)
	first, _ := w.claim(w.deliveries, time.Minute)
	time.Sleep(200 * time.Millisecond)
	none, _, _, err := w.deliveries.Claim(t.Context(), old, time.Minute)
	second, _ := w.claim(w.deliveries, time.Minute)
	if len(first) < 2 || len(none) != 0 || len(second) < 2 || err != nil {
		t.Errorf("claimed are %d, then %d, then %d: %v", len(first), len(none), len(second), err)
	}
}

// TestClaimsAfterTrouble: when the database is back, a node does not take at once what others claimed before and could not
// write about since.
func TestClaimsAfterTrouble(t *testing.T) {
	var gone atomic.Bool
	w := newNode(t, store.Options{Fault: func(string) error {
		if gone.Load() {
			return io.ErrUnexpectedEOF
		}
		return nil
	}}, &script{})
	w.sendEach(w.channel(scriptChannel), 2, outgoing{})
	if _, _, _, err := w.deliveries.Claim(t.Context(), w.due(w.deliveries)[:1], time.Millisecond); err != nil {
		t.Fatal(err)
	}
	due := func() (n int) {
		lines, err := w.deliveries.Lines(t.Context())
		if (err != nil) != gone.Load() {
			t.Fatal(err)
		}
		for _, l := range lines {
			if !l.DueAt().After(time.Now()) {
				n++
			}
		}
		return n
	}
	time.Sleep(10 * time.Millisecond)
	if n := due(); n != 2 {
		t.Errorf("%d lines are due, want what waits and what was lost", n)
	}
	gone.Store(true)
	due()
	gone.Store(false)
	if n := due(); n != 1 {
		t.Errorf("after the trouble %d lines are due, want what waits", n)
	}
}

// TestLateResult: a node that lost its claim while the call was under way still knows that the provider took the message, and
// whose receipts are of it; it says so once.
func TestLateResult(t *testing.T) {
	const lease = 600 * time.Millisecond // of which a third is more than a claim takes
	for _, policy := range []parley.UnknownPolicy{parley.UnknownHold, parley.UnknownResend} {
		t.Run(string(policy), func(t *testing.T) {
			s := &script{repeats: connector.RepeatNeither, send: func(_ context.Context, c call) (connector.Receipt, error) {
				if c.n > 1 {
					return connector.Receipt{}, temporary(time.Hour)
				}
				return connector.Receipt{}, nil
			}}
			w := newNode(t, store.Options{}, s)
			kind := scriptChannel
			kind.OnUnknown = policy
			ch := w.channel(kind)
			id := w.send(ch, w.conversation(ch), outgoing{})[0]
			mine, _ := w.claim(w.deliveries, lease)
			result := w.deliveries.Call(t.Context(), mine[0])
			time.Sleep(2 * lease)
			other := delivery.New(delivery.Options{Store: w.store, Connectors: w.catalog})
			theirs, _ := w.claim(other, time.Minute)
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(other.Finish(t.Context(), []*delivery.Result{other.Call(t.Context(), theirs[0])}))
			for range 2 {
				must(w.deliveries.Finish(t.Context(), []*delivery.Result{result}))
			}
			if d := w.wait(id, parley.Sent); d.Code != "" || d.Attempts != len(s.of(id)) {
				t.Errorf("%+v", d)
			}
			if b, err := w.store.Read(t.Context()).Backlog(time.Now()); err != nil || b.Waiting != 0 {
				t.Errorf("%d deliveries wait, %v", b.Waiting, err)
			}
			if a := w.attempts(id)[0]; a.Outcome != parley.AttemptAccepted || a.Code != "" {
				t.Errorf("%+v", a)
			}
			must(w.deliveries.Reports(t.Context(), w.organization, ch.ID, []connector.Report{{ProviderID: "p-" + string(id) + ".1", State: parley.Delivered}}))
			w.wait(id, parley.Delivered)
			if states := w.states(id); len(states) > 3 || states[len(states)-1] != parley.Delivered {
				t.Errorf("the log tells of %v", states)
			}
		})
	}
}
