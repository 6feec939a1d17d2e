package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
)

// report takes in receipts of a channel.
func (w *world) report(ch parley.Channel, reports ...connector.Report) {
	w.t.Helper()
	if err := w.deliveries.Reports(context.Background(), w.organization, ch.ID, reports); err != nil {
		w.t.Fatal(err)
	}
}

// providerID is what the script's provider calls a message.
func providerID(id parley.ID) string { return "p-" + string(id) + ".1" }

// TestReports: what a provider says later moves a delivery on, once, whatever the order.
func TestReports(t *testing.T) {
	const sent, delivered, read, failed = parley.Sent, parley.Delivered, parley.Read, parley.Failed
	bounced := connector.Report{State: failed, Code: connector.CodeBounced, Text: "nobody there"}
	accepted := bounced
	accepted.AcceptedOnly = true
	state := func(s parley.DeliveryState) connector.Report { return connector.Report{State: s} }
	for _, test := range []struct {
		name    string
		reports []connector.Report
		want    []parley.DeliveryState
	}{
		{"in order", []connector.Report{state(delivered), state(read)}, []parley.DeliveryState{sent, delivered, read}},
		{"twice", []connector.Report{state(delivered), state(delivered), state(sent)}, []parley.DeliveryState{sent, delivered}},
		{"read first", []connector.Report{state(read), state(delivered)}, []parley.DeliveryState{sent, read}},
		{"bounced", []connector.Report{bounced, bounced}, []parley.DeliveryState{sent, failed}},
		{"late good news", []connector.Report{bounced, state(delivered)}, []parley.DeliveryState{sent, failed, delivered}},
		{"bad news after good", []connector.Report{state(delivered), bounced}, []parley.DeliveryState{sent, delivered}},
		{"delivered only meant accepted", []connector.Report{state(delivered), accepted}, []parley.DeliveryState{sent, delivered, failed}},
		{"expired at the provider", []connector.Report{state(parley.Expired)}, []parley.DeliveryState{sent, failed}},
		{"no state", []connector.Report{state("whatever"), state("")}, []parley.DeliveryState{sent}},
	} {
		for _, together := range []bool{true, false} {
			w, ch := scripted(t, &script{})
			w.start(queue.Options{})
			id := w.send(ch, w.conversation(ch), outgoing{})[0]
			w.wait(id, sent)
			for i := range test.reports {
				test.reports[i].ProviderID = providerID(id)
				if !together {
					w.report(ch, test.reports[i])
				}
			}
			if together {
				w.report(ch, test.reports...)
			}
			t.Log(test.name)
			wantStates(t, w.states(id), test.want...)
			d := w.delivery(id)
			if d.State != test.want[len(test.want)-1] {
				t.Errorf("the delivery is %s", d.State)
			}
			if d.State == failed && d.Phase != parley.PhaseDelivery || d.State != failed && (d.Code != "" || d.Phase != "") {
				t.Errorf("%+v", d)
			}
		}
	}
}

// TestReportTimes: a receipt's own time counts, unless it is in the future.
func TestReportTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ch := scripted(t, &script{})
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		w.wait(id, parley.Sent)
		time.Sleep(time.Hour)
		at := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
		w.report(ch, connector.Report{ProviderID: providerID(id), State: parley.Delivered, At: at},
			connector.Report{ProviderID: providerID(id), State: parley.Read, At: at.Add(24 * time.Hour)})
		if d := w.delivery(id); !d.DeliveredAt.Equal(at) || d.ReadAt.After(time.Now()) {
			t.Errorf("%+v", d)
		}
	})
}

// TestReportBeforeResult: a provider may report before its answer to the send is stored.
func TestReportBeforeResult(t *testing.T) {
	s := &script{}
	w, ch := scripted(t, s)
	s.send = func(_ context.Context, c call) (connector.Receipt, error) {
		w.report(ch, connector.Report{ProviderID: "p-" + c.reference, State: parley.Delivered})
		w.report(ch, connector.Report{ProviderID: "p-" + c.reference, State: parley.Read}, connector.Report{ProviderID: "another", State: parley.Read})
		return connector.Receipt{}, nil
	}
	w.start(queue.Options{})
	id := w.send(ch, w.conversation(ch), outgoing{})[0]
	w.wait(id, parley.Read)
	wantStates(t, w.states(id), parley.Sent, parley.Delivered, parley.Read)
	parked, err := w.store.Read(t.Context()).ParkedList(w.organization, "", 10)
	if err != nil || len(parked) != 1 || parked[0].Reference != "another" {
		t.Errorf("%+v %v", parked, err)
	}
}

// TestParts: a long text that became several parts is delivered when all of them are.
func TestParts(t *testing.T) {
	for _, early := range []bool{true, false} {
		s := &script{}
		w, ch := scripted(t, s)
		parts := []string{"p/1", "p/2", "p/3"}
		s.send = func(context.Context, call) (connector.Receipt, error) {
			if early { // before the ids are stored
				w.report(ch, connector.Report{ProviderID: "p/2", State: parley.Delivered})
			}
			return connector.Receipt{Results: []connector.Result{{Delivery: 1, State: parley.Sent, ProviderIDs: parts}}}, nil
		}
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{})[0]
		w.wait(id, parley.Sent)
		for _, part := range []string{"p/1", "p/1", "p/2"} {
			w.report(ch, connector.Report{ProviderID: part, State: parley.Delivered})
		}
		wantStates(t, w.states(id), parley.Sent)
		w.report(ch, connector.Report{ProviderID: "p/3", State: parley.Delivered}, connector.Report{ProviderID: "p/1", State: parley.Read})
		wantStates(t, w.states(id), parley.Sent, parley.Delivered, parley.Read)
	}
}

// TestPartFails: a part that does not arrive is a message that does not.
func TestPartFails(t *testing.T) {
	s := &script{send: func(context.Context, call) (connector.Receipt, error) {
		return connector.Receipt{Results: []connector.Result{{Delivery: 1, State: parley.Sent, ProviderIDs: []string{"1", "2"}}}}, nil
	}}
	w, ch := scripted(t, s)
	w.start(queue.Options{})
	id := w.send(ch, w.conversation(ch), outgoing{})[0]
	w.wait(id, parley.Sent)
	w.report(ch, connector.Report{ProviderID: "1", State: parley.Delivered}, connector.Report{ProviderID: "2", State: parley.Failed, Code: "lost"})
	wantStates(t, w.states(id), parley.Sent, parley.Failed)
}

// TestSandboxBehaviours: what the sandbox's recipients do, from the send to the last receipt.
func TestSandboxBehaviours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ch := w.channel(parley.Channel{})
		w.start(queue.Options{})
		for to, want := range map[string][]parley.DeliveryState{
			"phone:+15550100000": {parley.Sent, parley.Delivered, parley.Read},
			"phone:+15550100001": {parley.Sent, parley.Failed},
			"phone:+15550100002": {parley.Sent, parley.Delivered, parley.Read},
			"phone:+15550100003": {parley.Sent, parley.Delivered, parley.Read},
			"phone:+15550100004": {parley.Sent, parley.Delivered},
		} {
			began := time.Now()
			id := w.send(ch, w.conversation(ch), outgoing{to: to})[0]
			d := w.wait(id, want[len(want)-1])
			time.Sleep(time.Minute)
			wantStates(t, w.states(id), want...)
			switch {
			case to == "phone:+15550100001" && (d.Phase != parley.PhaseDelivery || d.Code != connector.CodeBounced):
				t.Errorf("%+v", d)
			case to == "phone:+15550100002" && d.Attempts != 3:
				t.Errorf("%+v", d)
			case to == "phone:+15550100003" && (d.DeliveredAt.Sub(began) < 1900*time.Millisecond || d.ReadAt.Sub(began) < 3900*time.Millisecond):
				t.Errorf("%+v", d)
			}
		}
	})
}
