package delivery_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

// world is a store with one organization, and deliveries with a runner over it.
type world struct {
	t            *testing.T
	folder       string
	catalog      map[string]connector.Definition
	store        *store.Store
	deliveries   *delivery.Deliveries
	runner       *queue.Runner
	organization parley.ID
	stopped      bool
}

// newWorld opens a store with the sandbox and other connectors; start runs its deliveries.
func newWorld(t *testing.T, more ...connector.Definition) *world {
	t.Helper()
	client, err := connector.NewClient(connector.ClientOptions{AllowLoopback: true, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{t: t, folder: t.TempDir(), organization: parley.NewID(time.Now()),
		catalog: map[string]connector.Definition{sandbox.Name: sandbox.Definition(client)}}
	for _, definition := range more {
		w.catalog[definition.Name] = definition
	}
	t.Cleanup(w.close)
	w.open(store.Options{})
	w.write(func(tx *store.Tx) error {
		return tx.InsertOrganization(&parley.Organization{ID: w.organization, Name: "Alpha"})
	})
	return w
}

// open opens the store, as a server that starts does.
func (w *world) open(o store.Options) {
	w.t.Helper()
	if o.Now == nil {
		o.Now = time.Now // the test's, where PostgreSQL's would not be
	}
	o.Folder, o.URL, o.Log = w.folder, fresh.Database(w.t, w.folder), slog.New(slog.DiscardHandler)
	s, err := store.Open(context.Background(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = s
	w.deliveries = delivery.New(delivery.Options{Store: s, Connectors: w.catalog, Log: o.Log})
}

// close closes the store; what was claimed stays so.
func (w *world) close() {
	if w.store == nil {
		return
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
	w.store = nil
}

// start runs the deliveries until the test ends, or stop.
func (w *world) start(o queue.Options) {
	o.Log = slog.New(slog.DiscardHandler)
	w.runner = queue.New(w.deliveries, []queue.Timer{
		{Name: "receipts", Next: w.deliveries.NextReceipt, Run: w.deliveries.Receipts},
		{Name: "validity", Next: w.deliveries.NextExpiry, Run: w.deliveries.Expire},
	}, o)
	w.runner.Start()
	w.stopped = false
	w.t.Cleanup(w.stop)
}

func (w *world) stop() {
	if w.stopped || w.runner == nil {
		return
	}
	w.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.runner.Stop(ctx); err != nil {
		w.t.Error(err)
	}
}

func (w *world) write(f func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Write(context.Background(), w.organization, f); err != nil {
		w.t.Fatal(err)
	}
}

// channel adds a channel.
func (w *world) channel(ch parley.Channel) parley.Channel {
	w.t.Helper()
	ch.ID = parley.NewID(time.Now())
	if ch.Connector == "" {
		ch.Connector, ch.Platform, ch.AddressKind = sandbox.Name, "sms", parley.AddressPhone
	}
	if ch.Settings == nil {
		ch.Settings = []byte("{}")
	}
	ch.Open, ch.Thread = true, parley.ThreadContact
	w.write(func(tx *store.Tx) error { return tx.InsertChannel(w.organization, &ch) })
	return ch
}

// conversation adds a conversation of a channel.
func (w *world) conversation(ch parley.Channel) parley.ID { return w.conversations(ch, 1)[0] }

func (w *world) conversations(ch parley.Channel, n int) []parley.ID {
	w.t.Helper()
	ids := make([]parley.ID, n)
	for i := range ids {
		ids[i] = parley.NewID(time.Now())
	}
	w.write(func(tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.InsertConversation(w.organization, &parley.Conversation{ID: id, Kind: parley.ConversationExternal,
				Visibility: parley.VisibleToOrganization, Status: parley.StatusOpen, Channel: ch.ID, Inbox: true}); err != nil {
				return err
			}
		}
		return nil
	})
	return ids
}

// outgoing is a message to send.
type outgoing struct {
	to        string // an address; empty: one that is delivered and read
	recipient parley.Actor
	priority  parley.Priority
	ttl       time.Duration
	validity  time.Duration
	text      string
}

// send accepts messages into a conversation, in order.
func (w *world) send(ch parley.Channel, conversation parley.ID, messages ...outgoing) []parley.ID {
	w.t.Helper()
	appends := make([]*store.Append, len(messages))
	for i, m := range messages {
		if m.text == "" {
			m.text = fmt.Sprintf("message %d", i+1)
		}
		appends[i] = w.message(ch, conversation, m)
	}
	return w.accept(appends)
}

// sendEach accepts n messages into conversations of their own.
func (w *world) sendEach(ch parley.Channel, n int, m outgoing) []parley.ID {
	w.t.Helper()
	appends := make([]*store.Append, n)
	for i, conversation := range w.conversations(ch, n) {
		appends[i] = w.message(ch, conversation, m)
	}
	return w.accept(appends)
}

func (w *world) accept(appends []*store.Append) []parley.ID {
	w.t.Helper()
	w.write(func(tx *store.Tx) error { return tx.Append(appends...) })
	if w.runner != nil && !w.stopped {
		w.runner.Kick()
	}
	ids := make([]parley.ID, len(appends))
	for i, a := range appends {
		ids[i] = a.Message.ID
	}
	return ids
}

func (w *world) message(ch parley.Channel, conversation parley.ID, m outgoing) *store.Append {
	w.t.Helper()
	if m.to == "" {
		m.to = "phone:+15550100000"
	}
	if m.priority == "" {
		m.priority = parley.PriorityNormal
	}
	address, err := parley.ParseAddress(m.to)
	if err != nil {
		w.t.Fatal(err)
	}
	id := parley.NewID(time.Now())
	return &store.Append{Organization: w.organization,
		Message: parley.Message{ID: id, Conversation: conversation, Kind: parley.KindMessage, Direction: parley.Outbound, Channel: ch.ID,
			Platform: ch.Platform, Priority: m.priority, TTL: m.ttl, Validity: m.validity, Body: []parley.Part{{Kind: parley.PartText, Text: m.text}}},
		Deliveries: []parley.Delivery{{Number: 1, Recipient: m.recipient, Address: address, Channel: ch.ID, State: parley.Queued}},
		Jobs: []store.Job{{Organization: w.organization, Kind: store.JobDeliver, Channel: ch.ID, Priority: m.priority.Rank(),
			Message: id, Delivery: 1}},
	}
}

// delivery returns a message's first delivery as it is now.
func (w *world) delivery(id parley.ID) parley.Delivery {
	w.t.Helper()
	all, err := w.store.Read(context.Background()).Deliveries(w.organization, id)
	if err != nil || len(all) == 0 {
		w.t.Fatal(len(all), err)
	}
	return all[0]
}

// wait waits until a message's first delivery has a state.
func (w *world) wait(id parley.ID, state parley.DeliveryState) parley.Delivery {
	w.t.Helper()
	began, pause := time.Now(), 5*time.Millisecond
	for {
		d := w.delivery(id)
		if d.State == state {
			return d
		}
		if took := time.Since(began); took > 60*time.Hour || took > 10*time.Second && !bubbled() {
			w.t.Fatalf("delivery %+v, want %s", d, state)
		}
		time.Sleep(pause)
		if bubbled() { // days may pass
			pause = min(pause*5/4, time.Minute)
		}
	}
}

// states returns the states that the log tells of a message's deliveries, in order.
func (w *world) states(id parley.ID) []parley.DeliveryState {
	w.t.Helper()
	events, err := w.store.Read(context.Background()).Events(w.organization, 0, 100_000)
	if err != nil {
		w.t.Fatal(err)
	}
	var states []parley.DeliveryState
	for _, e := range events {
		if e.Type == parley.EventDeliveryUpdated && e.Message == id {
			states = append(states, e.Data.State)
		}
	}
	return states
}

// attempts returns a message's attempts.
func (w *world) attempts(id parley.ID) []parley.Attempt {
	w.t.Helper()
	attempts, err := w.store.Read(context.Background()).Attempts(w.organization, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return attempts
}

// bubbled reports whether the time is virtual: its epoch is long ago.
func bubbled() bool { return time.Now().Year() < 2020 }
