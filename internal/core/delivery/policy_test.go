package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/clock"
)

// TestPolicyAgain: what changed since the message was accepted is seen before it is sent.
func TestPolicyAgain(t *testing.T) {
	contact := parley.Contact{ID: parley.NewID(time.Now()), Name: "Ana"}
	for _, test := range []struct {
		name   string
		change func(w *world, ch *parley.Channel, id parley.ID) func(tx *store.Tx) error
		state  parley.DeliveryState
		phase  parley.FailurePhase
		code   string
	}{
		{"channel deleted", func(w *world, ch *parley.Channel, _ parley.ID) func(tx *store.Tx) error {
			return func(tx *store.Tx) error { return tx.DeleteChannel(w.organization, ch.ID) }
		}, parley.Failed, parley.PhasePolicy, "channel-deleted"},
		{"opted out", func(w *world, _ *parley.Channel, _ parley.ID) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				out := contact
				out.OptedOut = true
				return tx.UpdateContact(w.organization, &out)
			}
		}, parley.Skipped, "", "contact-opted-out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			w, ch := scripted(t, s)
			own := contact
			w.write(func(tx *store.Tx) error { return tx.InsertContact(w.organization, &own) })
			id := w.send(ch, w.conversation(ch), outgoing{recipient: parley.Actor{Kind: parley.ActorContact, ID: contact.ID}})[0]
			w.write(test.change(w, &ch, id))
			w.start(queue.Options{})
			d := w.wait(id, test.state)
			if d.Phase != test.phase || d.Code != test.code || d.Attempts != 0 || d.EndedAt.IsZero() {
				t.Errorf("%+v", d)
			}
			if len(s.of(id)) != 0 || len(w.attempts(id)) != 0 {
				t.Errorf("%d calls, %d attempts", len(s.of(id)), len(w.attempts(id)))
			}
			wantStates(t, w.states(id), test.state)
		})
	}
}

// TestContentExpires: content whose life has ended is not sent any more.
func TestContentExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{send: func(context.Context, call) (connector.Receipt, error) {
			return connector.Receipt{}, temporary(time.Minute)
		}}
		w, ch := scripted(t, s)
		w.start(queue.Options{})
		id := w.send(ch, w.conversation(ch), outgoing{ttl: 30 * time.Second})[0]
		d := w.wait(id, parley.Canceled)
		if d.Code != "content-removed" || len(s.of(id)) != 1 {
			t.Errorf("%+v, %d calls", d, len(s.of(id)))
		}
	})
}

// TestPaused: a paused channel sends nothing, and goes on where it was.
func TestPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		w := newWorld(t, s.definition())
		kind := scriptChannel
		kind.Paused = true
		ch := w.channel(kind)
		w.start(queue.Options{})
		ids := w.send(ch, w.conversation(ch), outgoing{}, outgoing{}, outgoing{validity: 30 * time.Second})
		w.wait(ids[2], parley.Expired) // while the channel is paused
		time.Sleep(time.Hour)
		if d := w.delivery(ids[0]); d.State != parley.Queued || d.Attempts != 0 || len(s.texts()) != 0 || len(w.attempts(ids[0])) != 0 {
			t.Errorf("%+v, calls %q", d, s.texts())
		}
		ch.Paused = false
		w.write(func(tx *store.Tx) error { return tx.UpdateChannel(w.organization, &ch) })
		w.runner.Wake()
		began := time.Now()
		w.wait(ids[1], parley.Sent)
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestUnknownConnector: a channel of a connector that the server does not have any more fails, and says why.
func TestUnknownConnector(t *testing.T) {
	w := newWorld(t)
	kind := scriptChannel
	kind.Connector = "gone"
	ch := w.channel(kind)
	w.start(queue.Options{})
	id := w.send(ch, w.conversation(ch), outgoing{})[0]
	if d := w.wait(id, parley.Failed); d.Code != "connector-unknown" || d.Phase != parley.PhasePolicy {
		t.Errorf("%+v", d)
	}
}

// TestRefusal: a provider's no is final.
func TestRefusal(t *testing.T) {
	s := &script{send: func(_ context.Context, c call) (connector.Receipt, error) {
		no := &connector.Error{Code: connector.CodeRecipient, Text: "there is no such number", Trace: connector.Trace{Request: "POST /", Status: 404}}
		if c.text == "one" {
			return connector.Receipt{}, no
		}
		return connector.Receipt{Results: []connector.Result{{Delivery: 1, Err: no}}, Trace: no.Trace}, nil
	}}
	w, ch := scripted(t, s)
	w.start(queue.Options{})
	conversation := w.conversation(ch)
	for _, text := range []string{"one", "by its result"} {
		id := w.send(ch, conversation, outgoing{text: text})[0]
		d := w.wait(id, parley.Failed)
		if d.Phase != parley.PhaseHandoff || d.Code != connector.CodeRecipient || d.Reason != "there is no such number" || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
		if a := w.attempts(id)[0]; a.Outcome != parley.AttemptFailed || a.Status != 404 || a.Request != "POST /" || a.Code != d.Code {
			t.Errorf("%+v", a)
		}
	}
}

// TestTestOrganizations: what a test organization sends reaches no provider, unless the operator lets it; what has an id that
// only looks like one is as any other.
func TestTestOrganizations(t *testing.T) {
	for _, test := range []struct {
		name         string
		clock, reach bool
		calls        int
	}{{"test organization", true, false, 0}, {"with the operator's leave", true, true, 1}, {"ordinary", false, false, 1}} {
		t.Run(test.name, func(t *testing.T) {
			s := &script{}
			w, ch := scripted(t, s)
			w.deliveries = delivery.New(delivery.Options{Store: w.store, Connectors: w.catalog, TestProviders: test.reach})
			w.organization = parley.NewTestID(time.Now())
			w.write(func(tx *store.Tx) error {
				if err := tx.InsertOrganization(&parley.Organization{ID: w.organization}); err != nil || !test.clock {
					return err
				}
				return clock.Insert(tx, w.organization)
			})
			ch = w.channel(ch)
			id := w.send(ch, w.conversation(ch), outgoing{})[0]
			w.start(queue.Options{})
			if test.calls == 1 {
				w.wait(id, parley.Sent)
			} else if d := w.wait(id, parley.Failed); d.Phase != parley.PhasePolicy || d.Code != "test-organization" || d.Attempts != 0 {
				t.Errorf("%+v", d)
			}
			if len(s.of(id)) != test.calls {
				t.Errorf("%d calls", len(s.of(id)))
			}
		})
	}
}
