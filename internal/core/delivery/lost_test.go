package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
)

// lostCases say what follows a call whose outcome nobody knows.
var lostCases = []struct {
	name      string
	repeats   connector.Repeat
	onUnknown parley.UnknownPolicy
	priority  parley.Priority
	found     bool // the provider has it, when it is asked
	calls     int  // in all, the lost one included
	asked     int
	state     parley.DeliveryState
}{
	{"deduplicated", connector.RepeatDeduplicated, parley.UnknownHold, "", false, 2, 0, parley.Sent},
	{"asked, and it has it", connector.RepeatAsk, parley.UnknownHold, "", true, 1, 1, parley.Sent},
	{"asked, and it has it not", connector.RepeatAsk, parley.UnknownHold, "", false, 2, 1, parley.Sent},
	{"neither, held", connector.RepeatNeither, parley.UnknownHold, parley.PriorityHigh, false, 1, 0, parley.Unknown},
	{"neither, resent", connector.RepeatNeither, parley.UnknownResend, "", false, 2, 0, parley.Sent},
	{"neither, auto", connector.RepeatNeither, parley.UnknownAuto, "", false, 1, 0, parley.Unknown},
	{"neither, auto, high priority", connector.RepeatNeither, parley.UnknownAuto, parley.PriorityHigh, false, 2, 0, parley.Sent},
}

// TestLostCall: the provider may have taken the message, and its answer never came.
func TestLostCall(t *testing.T) {
	for _, test := range lostCases {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{repeats: test.repeats, ask: func(string) (bool, error) { return test.found, nil }}
				s.send = func(_ context.Context, c call) (connector.Receipt, error) {
					if c.n == 1 {
						return connector.Receipt{}, &connector.LostError{Text: "cut", Trace: connector.Trace{Request: "POST /"}}
					}
					return connector.Receipt{}, nil
				}
				w := newWorld(t, s.definition())
				kind := scriptChannel
				kind.OnUnknown = test.onUnknown
				ch := w.channel(kind)
				w.start(queue.Options{})
				id := w.send(ch, w.conversation(ch), outgoing{priority: test.priority})[0]
				d := w.wait(id, test.state)
				if len(s.of(id)) != test.calls || len(s.asked) != test.asked || d.Attempts != len(w.attempts(id)) {
					t.Errorf("%d calls, asked %d times, %d attempts, %d kept", len(s.of(id)), len(s.asked), d.Attempts, len(w.attempts(id)))
				}
				if a := w.attempts(id)[0]; a.Outcome != parley.AttemptLost || a.Code != "call-lost" || a.Text != "cut" || a.Request != "POST /" {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

// TestLostClaim: the server died while the call was under way.
func TestLostClaim(t *testing.T) {
	for _, test := range lostCases {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{repeats: test.repeats, ask: func(string) (bool, error) { return test.found, nil }}
				w := newWorld(t, s.definition())
				kind := scriptChannel
				kind.OnUnknown = test.onUnknown
				ch := w.channel(kind)
				ids := w.send(ch, w.conversation(ch), outgoing{priority: test.priority}, outgoing{priority: test.priority})
				w.die(ids[0])
				w.open(store.Options{})
				w.start(queue.Options{})
				d := w.wait(ids[0], test.state)
				w.wait(ids[1], parley.Sent) // it is not held for ever
				if len(s.of(ids[0])) != test.calls-1 || len(s.asked) != test.asked {
					t.Errorf("%d calls after the start, asked %d times", len(s.of(ids[0])), len(s.asked))
				}
				attempts := w.attempts(ids[0])
				if attempts[0].Outcome != parley.AttemptLost || attempts[0].StartedAt.IsZero() || attempts[0].EndedAt.IsZero() || d.Attempts != len(attempts) {
					t.Errorf("%d attempts, kept are %+v", d.Attempts, attempts)
				}
				if len(s.of(ids[0])) > 0 && s.of(ids[0])[0].attempt != 2 {
					t.Errorf("%+v", s.of(ids[0]))
				}
			})
		})
	}
}

// die claims a message's delivery, as a server does that ends before it has a result.
func (w *world) die(id parley.ID) {
	w.t.Helper()
	ctx := context.Background()
	lines, err := w.deliveries.Lines(ctx)
	if err != nil || len(lines) == 0 {
		w.t.Fatal(lines, err)
	}
	var due []*delivery.Work
	for _, line := range lines {
		more, err := w.deliveries.Due(ctx, line, 100)
		if err != nil {
			w.t.Fatal(err)
		}
		due = append(due, more...)
	}
	claimed, _, _, err := w.deliveries.Claim(ctx, due, 15*time.Second)
	if err != nil || len(claimed) != 1 {
		w.t.Fatal(len(claimed), err)
	}
	if attempts := w.attempts(id); len(attempts) != 0 {
		w.t.Fatalf("attempts that have ended: %+v", attempts)
	}
	w.close()
}

// TestLostThenEnded: what ends a delivery whose call was lost does not make it one that was not sent.
func TestLostThenEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatDeduplicated, send: func(context.Context, call) (connector.Receipt, error) {
			return connector.Receipt{}, &connector.LostError{Text: "cut"}
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		for _, m := range []outgoing{{validity: time.Minute}, {ttl: time.Minute}} {
			id := w.send(ch, w.conversation(ch), m)[0]
			if d := w.wait(id, parley.Unknown); d.Code != "call-lost" || !d.Held || d.Attempts != len(s.of(id)) {
				t.Errorf("%+v", d)
			}
		}
	})
}

// TestAskFails: a provider that cannot be asked now is asked again, and nothing is sent before it has answered.
func TestAskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := &script{repeats: connector.RepeatAsk}
		s.ask = func(string) (bool, error) {
			if asked++; asked < 3 {
				return false, errors.New("nobody there")
			}
			return true, nil
		}
		s.send = func(context.Context, call) (connector.Receipt, error) { return connector.Receipt{}, errors.New("cut") }
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		w.wait(id, parley.Sent)
		if len(s.of(id)) != 1 || asked != 3 {
			t.Errorf("%d calls, asked %d times", len(s.of(id)), asked)
		}
	})
}

// TestCallNeverComesBack: a connector that ignores its deadline is given up, and holds nobody.
func TestCallNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := &script{repeats: connector.RepeatDeduplicated}
		s.send = func(_ context.Context, c call) (connector.Receipt, error) {
			if c.n == 1 && c.text == "hang" {
				<-free
			}
			return connector.Receipt{}, nil
		}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		ids := w.send(ch, w.conversation(ch), outgoing{text: "hang"}, outgoing{text: "next"})
		began := time.Now()
		d := w.wait(ids[0], parley.Sent)
		if took := d.SentAt.Sub(began); took < 12*time.Second || took > 30*time.Second || d.Attempts != 2 {
			t.Errorf("%v, %+v", took, d)
		}
		w.wait(ids[1], parley.Sent)
		close(free)
		synctest.Wait()
		if d := w.delivery(ids[0]); d.Attempts != 2 || len(w.states(ids[0])) != 1 {
			t.Errorf("the late answer counts: %+v", d)
		}
	})
}

// TestPanic: a connector that panics ends nothing but its call.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{repeats: connector.RepeatDeduplicated, send: func(_ context.Context, c call) (connector.Receipt, error) {
			if c.n == 1 {
				panic("oh")
			}
			return connector.Receipt{}, nil
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		if d := w.wait(id, parley.Sent); d.Attempts != 2 {
			t.Errorf("%+v", d)
		}
	})
}
