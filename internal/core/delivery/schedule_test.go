package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
)

// TestBackoff: a provider that is never there is tried for about a day, ever less often.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(context.Context, call) (connector.Receipt, error) { return connector.Receipt{}, temporary(0) }}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		d := w.wait(id, parley.Failed)
		calls := s.of(id)
		if d.Phase != parley.PhaseHandoff || d.Code != "retries-exhausted" || d.Attempts != len(calls) || d.EndedAt.IsZero() || !d.NextAttempt.IsZero() {
			t.Errorf("%+v", d)
		}
		wants := []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
			time.Hour, 2 * time.Hour, 4 * time.Hour, 4 * time.Hour, 6 * time.Hour, 6 * time.Hour}
		if len(calls) != len(wants)+1 {
			t.Fatalf("%d calls, want %d", len(calls), len(wants)+1)
		}
		for i, want := range wants {
			if got := calls[i+1].at.Sub(calls[i].at); got < want*9/10 || got > want*11/10+100*time.Millisecond {
				t.Errorf("wait %d was %v, want %v within a tenth", i+1, got, want)
			}
			if calls[i+1].attempt != i+2 || calls[i+1].reference != calls[0].reference {
				t.Errorf("call %d: %+v", i+1, calls[i+1])
			}
		}
		wantStates(t, w.states(id), parley.Failed)
		for _, a := range w.attempts(id) {
			if a.Outcome != parley.AttemptRetry || a.Text == "" || a.EndedAt.IsZero() {
				t.Errorf("%+v", a)
			}
		}
	})
}

// TestRetryAfter: a provider that says when to come back is not asked before.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(_ context.Context, c call) (connector.Receipt, error) {
			if c.n == 1 {
				return connector.Receipt{}, temporary(90 * time.Second)
			}
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		time.Sleep(time.Second)
		if d := w.delivery(id); d.State != parley.Queued || d.Code != connector.CodeUnavailable || d.NextAttempt.Before(time.Now().Add(80*time.Second)) {
			t.Errorf("%+v", d)
		}
		d := w.wait(id, parley.Sent)
		calls := s.of(id)
		if got := calls[1].at.Sub(calls[0].at); got < 90*time.Second || got > 91*time.Second {
			t.Errorf("came back after %v", got)
		}
		if d.Code != "" || d.Reason != "" || !d.NextAttempt.IsZero() || d.Attempts != 2 {
			t.Errorf("%+v", d)
		}
	})
}

// TestValidity: what cannot be sent in time expires when its time is over: the one that is tried, and one that
// waits for it.
func TestValidity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(context.Context, call) (connector.Receipt, error) {
			return connector.Receipt{}, temporary(time.Hour)
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		began := time.Now()
		ids := w.send(ch, w.conversation(ch), outgoing{validity: time.Minute}, outgoing{validity: 30 * time.Second}, outgoing{validity: 5 * time.Minute})
		for i, want := range map[int]time.Duration{1: 30 * time.Second, 0: time.Minute, 2: 5 * time.Minute} {
			d := w.wait(ids[i], parley.Expired)
			if got := d.EndedAt.Sub(began); got < want || got > want+time.Second {
				t.Errorf("message %d expired after %v, want %v", i+1, got, want)
			}
		}
		if len(s.of(ids[0])) != 1 || len(s.of(ids[1])) != 0 || len(s.of(ids[2])) != 1 {
			t.Errorf("calls %q", s.texts())
		}
		if attempts := w.attempts(ids[1]); len(attempts) != 0 || w.delivery(ids[1]).Attempts != 0 {
			t.Errorf("attempts of one that was not tried: %+v", attempts)
		}
	})
}

// TestOrder: a message that waits for its next attempt holds those behind it in its conversation, and nobody
// else; one of high priority overtakes.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(_ context.Context, c call) (connector.Receipt, error) {
			if (c.text == "a1" || c.text == "a3") && c.n <= 2 {
				return connector.Receipt{}, temporary(0)
			}
			time.Sleep(time.Second)
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		a, b := w.conversation(ch), w.conversation(ch)
		ids := w.send(ch, a, outgoing{text: "a1"}, outgoing{text: "a2"}, outgoing{text: "a3"}, outgoing{text: "a4"})
		w.send(ch, b, outgoing{text: "b1"}, outgoing{text: "b2"})
		time.Sleep(5 * time.Second)
		high := w.send(ch, a, outgoing{text: "high", priority: parley.PriorityHigh})[0]
		w.wait(high, parley.Sent)
		w.wait(ids[3], parley.Sent)
		got := s.texts()
		want := []string{"a1", "a1", "high", "a1", "a2", "a3", "a3", "a3", "a4"}
		if ordered := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s[0] == 'b' }); !slices.Equal(ordered, want) {
			t.Errorf("%q, want %q", ordered, want)
		}
		if b1, b2 := slices.Index(got, "b1"), slices.Index(got, "b2"); b1 > 3 || b2 > 4 || b2 < b1 {
			t.Errorf("the other conversation was held: %q", got)
		}
	})
}

// TestConcurrency: no more calls at once than the channel allows.
func TestConcurrency(t *testing.T) {
	// Places that come free at one time may be taken in two claims, of which the later ends later: that is so now and then.
	for attempt := range 5 {
		took := concurrently(t)
		if took <= 5*time.Second+500*time.Millisecond {
			return
		}
		t.Logf("in attempt %d it took %v", attempt, took)
	}
	t.Error("places that are free are not taken")
}

// concurrently sends twelve messages that take a second each on a channel for three at once, and says how long that took.
func concurrently(t *testing.T) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(context.Context, call) (connector.Receipt, error) {
			time.Sleep(time.Second)
			return connector.Receipt{}, nil
		}}
		w := newWorld(t, s.definition())
		limited := scriptChannel
		limited.Concurrency = 3
		ch := w.channel(limited)
		w.start(queue.Options{})
		began := time.Now()
		for _, id := range w.sendEach(ch, 12, outgoing{text: "x"}) {
			w.wait(id, parley.Sent)
		}
		if took = time.Since(began); s.most[ch.ID] != 3 || took < 4*time.Second {
			t.Errorf("%d at once, in %v", s.most[ch.ID], took)
		}
	})
	return took
}

// TestRate: sends are spaced as the channel's rate says.
func TestRate(t *testing.T) {
	for _, rate := range []int{5, 50, 200} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				w := newWorld(t, s.definition())
				limited := scriptChannel
				limited.Rate = rate
				ch := w.channel(limited)
				w.start(queue.Options{})
				n := rate * 2
				for _, id := range w.sendEach(ch, n, outgoing{text: "x"}) {
					w.wait(id, parley.Sent)
				}
				for i, c := range s.calls {
					if i >= rate && c.at.Sub(s.calls[i-rate].at) < 970*time.Millisecond {
						t.Fatalf("calls %d to %d in %v", i-rate, i, c.at.Sub(s.calls[i-rate].at))
					}
				}
				if took := s.calls[n-1].at.Sub(s.calls[0].at); took > 2200*time.Millisecond {
					t.Errorf("%d calls took %v", n, took)
				}
			})
		})
	}
}

// TestHangingChannel: a channel whose calls hang holds back no other.
func TestHangingChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatDeduplicated}
		s.send = func(ctx context.Context, c call) (connector.Receipt, error) {
			if c.text == "hang" {
				<-ctx.Done()
				return connector.Receipt{}, ctx.Err()
			}
			return connector.Receipt{}, nil
		}
		w := newWorld(t, s.definition())
		wide := scriptChannel
		wide.Concurrency = 10_000
		hanging, well := w.channel(wide), w.channel(scriptChannel)
		w.start(queue.Options{InHand: 64})
		w.sendEach(hanging, 200, outgoing{text: "hang"})
		time.Sleep(time.Second)
		for range 20 {
			began := time.Now()
			id := w.send(well, w.conversation(well), outgoing{text: "well"})[0]
			w.wait(id, parley.Sent)
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Fatalf("took %v", took)
			}
		}
	})
}

// TestFairness: a channel with much to do leaves one with little its turn.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(context.Context, call) (connector.Receipt, error) {
			time.Sleep(100 * time.Millisecond)
			return connector.Receipt{}, nil
		}}
		w := newWorld(t, s.definition())
		much, little := w.channel(scriptChannel), w.channel(scriptChannel)
		w.sendEach(much, 300, outgoing{text: "much"})
		ids := w.sendEach(little, 10, outgoing{text: "little"})
		w.start(queue.Options{Claims: 20, InHand: 20})
		for _, id := range ids {
			w.wait(id, parley.Sent)
		}
		if n := len(s.texts()); n > 60 {
			t.Errorf("%d calls until the little one was done", n)
		}
	})
}
