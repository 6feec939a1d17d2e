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
	"github.com/parley-server/parley/internal/store"
)

// sendTo accepts a message to several, of whom the last gets a blind copy.
func (w *world) sendTo(ch parley.Channel, conversation parley.ID, n int) parley.ID {
	w.t.Helper()
	a := w.message(ch, conversation, outgoing{text: "to several"})
	for number := 2; number <= n; number++ {
		d, j := a.Deliveries[0], a.Jobs[0]
		d.Number, j.Delivery = number, number
		d.Address.Value = fmt.Sprintf("+1555010%04d", number)
		a.Deliveries, a.Jobs = append(a.Deliveries, d), append(a.Jobs, j)
	}
	a.Message.Receivers = parley.Receivers{Several: true, CC: []int{2}, BCC: []int{n}}
	return w.accept([]*store.Append{a})[0]
}

func (w *world) stateOf(id parley.ID) (states []parley.DeliveryState) {
	w.t.Helper()
	all, err := w.store.Read(context.Background()).Deliveries(w.organization, id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range all {
		states = append(states, d.State)
	}
	return states
}

func numbers(list []connector.Recipient) (all []int) {
	for _, r := range list {
		all = append(all, r.Delivery)
	}
	return all
}

// One call takes all that are due of a message, but for blind copies; who is refused then is tried again alone, and what
// comes behind in the conversation waits for all of them.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{together: true}
		s.send = func(_ context.Context, c call) (connector.Receipt, error) {
			var r connector.Receipt
			for _, to := range c.to {
				result := connector.Result{Delivery: to.Delivery, State: parley.Sent, ProviderIDs: []string{to.Reference}}
				if to.Delivery == 2 && c.attempt == 1 {
					result.Err = &connector.Error{Retry: true, Code: connector.CodeUnavailable, Text: "later"}
				}
				r.Results = append(r.Results, result)
			}
			return r, nil
		}
		w := newWorld(t, s.definition())
		ch := w.channel(parley.Channel{Connector: "script", Platform: "sms", AddressKind: parley.AddressPhone, Concurrency: 1})
		conversation := w.conversation(ch)
		id := w.sendTo(ch, conversation, 4)
		behind := w.send(ch, conversation, outgoing{text: "behind"})[0]
		w.start(queue.Options{})
		w.wait(behind, parley.Sent)
		calls := s.of(id)
		var made []string
		for _, c := range calls {
			made = append(made, fmt.Sprint(numbers(c.to), numbers(c.shown), c.reference == c.to[0].Reference))
		}
		if want := []string{"[1 2 3] [1 2 3] true", "[4] [1 2 3] true", "[2] [1 2 3] true"}; !slices.Equal(made, want) {
			t.Errorf("calls: %q", made)
		}
		if calls[0].to[1].Role != parley.ReceiverCC || calls[1].to[0].Role != parley.ReceiverBCC {
			t.Errorf("roles: %+v", calls)
		}
		if got := w.stateOf(id); !slices.Equal(got, []parley.DeliveryState{parley.Sent, parley.Sent, parley.Sent, parley.Sent}) {
			t.Errorf("states: %v", got)
		}
		if first := s.of(behind)[0]; first.at.Before(calls[2].at) {
			t.Error("what comes behind went out before")
		}
		attempts := w.attempts(id)
		if len(attempts) != 5 {
			t.Errorf("attempts: %+v", attempts)
		}
		w.stop()
	})
}

// A call for several that is lost is repeated for each, with the reference that it had in it.
func TestTogetherLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{together: true, repeats: connector.RepeatDeduplicated}
		s.send = func(_ context.Context, c call) (connector.Receipt, error) {
			if len(c.to) > 1 {
				return connector.Receipt{}, &connector.LostError{Text: "no answer"}
			}
			return connector.Receipt{}, nil
		}
		w := newWorld(t, s.definition())
		ch := w.channel(parley.Channel{Connector: "script", Platform: "sms", AddressKind: parley.AddressPhone})
		id := w.sendTo(ch, w.conversation(ch), 3)
		w.start(queue.Options{})
		for range 100 {
			if !slices.Contains(w.stateOf(id), parley.Queued) {
				break
			}
			time.Sleep(time.Second)
		}
		references := map[string]int{}
		for _, c := range s.of(id) {
			for _, to := range c.to {
				references[to.Reference]++
			}
		}
		want := fmt.Sprint(map[string]int{string(id) + ".1": 2, string(id) + ".2": 2, string(id) + ".3": 1})
		if fmt.Sprint(references) != want || !slices.Equal(w.stateOf(id), []parley.DeliveryState{parley.Sent, parley.Sent, parley.Sent}) {
			t.Errorf("%v %v", references, w.stateOf(id))
		}
		w.stop()
	})
}
