package core_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// customer writes a text on a channel.
func customer(t *testing.T, w *coretest.World, ch parley.Channel, in connector.Inbound) {
	t.Helper()
	if in.From.Kind == "" {
		in.From = parley.Address{Kind: ch.AddressKind, Value: "+15550100"}
	}
	if in.Body == nil {
		in.Body = coretest.Text("hello")
	}
	w.Must(w.Receive(t.Context(), w.Admin.Organization, ch.ID, []connector.Inbound{in}))
}

// inbound returns the messages from outside that the log tells of, oldest first.
func inbound(w *coretest.World) []parley.Message {
	w.T.Helper()
	var messages []parley.Message
	for _, e := range w.Events(w.Admin, 0) {
		if e.Type != parley.EventMessageCreated {
			continue
		}
		m, err := w.Store.Read(w.T.Context()).Message(w.Admin.Organization, e.Message)
		w.Must(err)
		if m.Direction == parley.Inbound {
			messages = append(messages, m)
		}
	}
	return messages
}

func countEvents(w *coretest.World, kind parley.EventType) int {
	n := 0
	for _, e := range w.Events(w.Admin, 0) {
		if e.Type == kind {
			n++
		}
	}
	return n
}

func TestReceiveMakesContactAndConversation(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	customer(t, w, ch, connector.Inbound{From: parley.Address{Kind: "phone", Value: "+1 (555) 0100"}, FromName: "Ana", ProviderID: "p1"})
	customer(t, w, ch, connector.Inbound{ProviderID: "p2"})
	customer(t, w, ch, connector.Inbound{ProviderID: "p2"}) // the same again
	messages := inbound(w)
	if len(messages) != 2 || messages[0].Conversation != messages[1].Conversation || messages[0].Sequence != 1 || messages[1].Sequence != 2 {
		t.Fatalf("%+v", messages)
	}
	m := messages[0]
	if m.Author.Kind != parley.ActorContact || m.Author.Name != "Ana" || m.Channel != ch.ID || m.Platform != "sms" {
		t.Errorf("%+v", m)
	}
	contact, err := w.Store.Read(t.Context()).Contact(w.Admin.Organization, m.Author.ID)
	w.Must(err)
	if contact.Saved || contact.LastChannel != ch.ID || contact.Addresses[0].Value != "+15550100" {
		t.Errorf("%+v", contact)
	}
	c, err := w.Store.Read(t.Context()).Conversation(w.Admin.Organization, m.Conversation)
	w.Must(err)
	if !c.Inbox || c.Status != parley.StatusOpen || c.Channel != ch.ID {
		t.Errorf("%+v", c)
	}
	// An answer goes to the same conversation.
	if sent := w.Say(w.Admin, core.To{Contact: contact.ID}, "hi"); sent.Conversation != m.Conversation {
		t.Errorf("the answer went to %s, not %s", sent.Conversation, m.Conversation)
	}
}

func TestReceiveAtOnce(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			in := connector.Inbound{From: parley.Address{Kind: "phone", Value: "+15550100"}, Body: coretest.Text("hello"), ProviderID: "same"}
			if err := w.Receive(t.Context(), w.Admin.Organization, ch.ID, []connector.Inbound{in, {From: in.From, Body: in.Body}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if messages := inbound(w); len(messages) != 17 {
		t.Errorf("%d messages, want 17", len(messages))
	}
	if contacts, conversations := countEvents(w, parley.EventContactCreated), countEvents(w, parley.EventConversationCreated); contacts != 1 || conversations != 1 {
		t.Errorf("%d contacts and %d conversations, want one of each", contacts, conversations)
	}
}

func TestReceiveReopens(t *testing.T) {
	for _, test := range []struct {
		reopen parley.ReopenPolicy
		status parley.ConversationStatus
		want   parley.ConversationStatus
		same   bool
	}{
		{parley.ReopenAuto, parley.StatusClosed, parley.StatusOpen, true},
		{parley.ReopenNever, parley.StatusClosed, parley.StatusClosed, true},
		{parley.ReopenNew, parley.StatusClosed, parley.StatusOpen, false},
		{parley.ReopenAuto, parley.StatusSnoozed, parley.StatusOpen, true},
		{parley.ReopenNever, parley.StatusSnoozed, parley.StatusOpen, true},
	} {
		t.Run(string(test.reopen)+" "+string(test.status), func(t *testing.T) {
			w := coretest.New(t)
			ch, _, err := w.Directory.CreateChannel(t.Context(), w.Admin, directory.ChannelParams{Name: "c", Connector: "sandbox", Platform: "sms", Reopen: test.reopen}, nil)
			w.Must(err)
			customer(t, w, ch, connector.Inbound{})
			first := inbound(w)[0].Conversation
			w.Must(w.Store.Write(t.Context(), w.Admin.Organization, func(tx *store.Tx) error {
				c, err := tx.Conversation(w.Admin.Organization, first)
				if err != nil {
					return err
				}
				c.Status = test.status
				return tx.UpdateConversation(w.Admin.Organization, &c)
			}))
			customer(t, w, ch, connector.Inbound{})
			second := inbound(w)[1].Conversation
			c, err := w.Store.Read(t.Context()).Conversation(w.Admin.Organization, second)
			w.Must(err)
			if (first == second) != test.same || c.Status != test.want {
				t.Errorf("the same %v, status %s; want %v, %s", first == second, c.Status, test.same, test.want)
			}
		})
	}
}

func TestReceiveThreads(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "email")
	from := func(address, id, root, reply string) connector.Inbound {
		return connector.Inbound{From: parley.Address{Kind: "email", Value: address}, ProviderID: id, ThreadRoot: root, ReplyTo: reply}
	}
	customer(t, w, ch, from("ana@example.org", "<1>", "", ""))
	customer(t, w, ch, from("ana@example.org", "<2>", "<1>", "<1>"))    // answers it
	customer(t, w, ch, from("ana@example.org", "<3>", "", ""))          // another subject
	customer(t, w, ch, from("ben@example.org", "<4>", "<1>", "<lost>")) // somebody in copy
	m := inbound(w)
	if len(m) != 4 || m[0].Conversation != m[1].Conversation || m[1].ReplyTo != m[0].ID || m[2].Conversation == m[0].Conversation || m[3].Conversation != m[0].Conversation {
		t.Fatalf("%+v", m)
	}
	participants, err := w.Store.Read(t.Context()).Participants(w.Admin.Organization, m[0].Conversation)
	w.Must(err)
	if len(participants) != 2 {
		t.Errorf("%+v", participants)
	}
}

func TestReceiveSharedAddress(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	family := parley.Address{Kind: "phone", Value: "+15550123", Shared: true}
	for _, name := range []string{"Ana", "Ben"} {
		_, _, err := w.Directory.CreateContact(t.Context(), w.Admin, directory.ContactParams{Name: name, Addresses: []parley.Address{family}}, nil)
		w.Must(err)
	}
	customer(t, w, ch, connector.Inbound{From: parley.Address{Kind: "phone", Value: "+15550123"}, FromName: "Home"})
	m := inbound(w)[0]
	if m.Author.Kind != parley.ActorAddress || m.Author.ID != "" || m.Author.Name != "Home" {
		t.Errorf("%+v", m.Author)
	}
}

func TestReceiveCleansAndParks(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	customer(t, w, ch, connector.Inbound{FromName: "A\x00na", Body: coretest.Text("a\x00b\xff"), At: time.Now().Add(time.Hour)})
	m := inbound(w)[0]
	if m.Body[0].Text != "a\uFFFDb\uFFFD" || m.Author.Name != "A\uFFFDna" || m.SentAt.After(time.Now()) {
		t.Errorf("%+v", m)
	}
	for _, broken := range []connector.Inbound{
		{From: parley.Address{Kind: "phone", Value: "nobody"}, Body: coretest.Text("x")},
		{From: parley.Address{Kind: "phone", Value: "+15550100"}},
		{From: parley.Address{Kind: "phone", Value: "+15550100"}, Body: []parley.Part{{Kind: "hologram", Text: "x"}}},
		{From: parley.Address{Kind: "phone", Value: "+15550100"}, Body: coretest.Text(string(make([]byte, 2<<20)))},
	} {
		w.Must(w.Receive(t.Context(), w.Admin.Organization, ch.ID, []connector.Inbound{broken}))
	}
	parked, err := w.Store.Read(t.Context()).ParkedList(w.Admin.Organization, "", 10)
	w.Must(err)
	if len(parked) != 4 || len(inbound(w)) != 1 {
		t.Errorf("%d parked, %d messages", len(parked), len(inbound(w)))
	}
	w.Refused(w.Receive(t.Context(), w.Admin.Organization, "none", []connector.Inbound{{From: parley.Address{Kind: "phone", Value: "+15550100"}, Body: coretest.Text("x")}}),
		parley.KindNotFound, "not-found")
}

func TestPlayInbound(t *testing.T) {
	w := coretest.New(t)
	sms, email := w.Channel(w.Admin, "sms"), w.Channel(w.Admin, "email")
	ana := w.Contact(w.Admin, "Ana", "email:ana@example.org")
	play := func(params core.InboundParams) parley.Message {
		t.Helper()
		if params.Body == nil {
			params.Body = coretest.Text("hello")
		}
		m, again, err := w.PlayInbound(t.Context(), w.Admin, params, nil)
		w.Must(err)
		if again || m.State != parley.Delivered || m.Sequence == 0 {
			t.Errorf("%v %+v", again, m)
		}
		return m
	}
	if m := play(core.InboundParams{Contact: ana.ID}); m.Channel != email.ID || m.Author.ID != ana.ID {
		t.Errorf("%+v", m)
	}
	out := w.Say(w.Admin, core.To{Contact: ana.ID}, "what about it?")
	if m := play(core.InboundParams{Contact: ana.ID, ReplyTo: out.ID}); m.ReplyTo != out.ID || m.Conversation != out.Conversation {
		t.Errorf("%+v", m)
	}
	if m := play(core.InboundParams{From: "phone:+15550100", FromName: "Ben"}); m.Channel != sms.ID || m.Author.Name != "Ben" {
		t.Errorf("%+v", m)
	}
	for want, params := range map[string]core.InboundParams{
		"sender-required":  {},
		"address-kind":     {Contact: ana.ID, Channel: sms.ID},
		"address-invalid":  {From: "phone:nobody"},
		"contact-unknown":  {Contact: "nobody"},
		"channel-unknown":  {From: "phone:+15550100", Channel: "none"},
		"channel-required": {From: "fax:+15550100"},
		"reply-unknown":    {Contact: ana.ID, ReplyTo: "none"},
		"text-invalid":     {Contact: ana.ID, Body: coretest.Text("a\x00b")},
		"media-unknown":    {Contact: ana.ID, Attachments: []parley.ID{"none"}},
	} {
		if params.Body == nil {
			params.Body = coretest.Text("hello")
		}
		_, _, err := w.PlayInbound(t.Context(), w.Admin, params, nil)
		w.Refused(err, parley.KindInvalid, want)
	}
}

func TestPlayInboundOnce(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	params := core.InboundParams{From: "phone:+15550100", Body: coretest.Text("hello"), ProviderID: "p1"}
	key := &access.Idempotency{Key: "k", Method: "POST", Path: "/", Body: []byte("1")}
	first, again, err := w.PlayInbound(t.Context(), w.Admin, params, key)
	w.Must(err)
	if again {
		t.Error("the first is a repeat")
	}
	for name, i := range map[string]*access.Idempotency{"by key": key, "by provider id": nil} {
		m, again, err := w.PlayInbound(t.Context(), w.Admin, params, i)
		w.Must(err)
		if !again || m.ID != first.ID || m.State != parley.Delivered {
			t.Errorf("%s: %v %+v", name, again, m)
		}
	}
	other := *key
	other.Body = []byte("2")
	_, _, err = w.PlayInbound(t.Context(), w.Admin, params, &other)
	w.Refused(err, parley.KindInvalid, "idempotency-key-reused")
	if n := len(inbound(w)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// settle writes a state by hand, as the deliveries would, and an attempt.
func settle(t *testing.T, w *coretest.World, message parley.ID, state parley.DeliveryState) {
	t.Helper()
	o := w.Admin.Organization
	w.Must(w.Store.Write(t.Context(), o, func(tx *store.Tx) error {
		m, err := tx.Message(o, message)
		if err != nil {
			return err
		}
		jobs, err := tx.JobsOf(o, &m)
		if err != nil {
			return err
		}
		ref := store.DeliveryRef{Organization: o, Message: message, Number: 1}
		all, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
		if err != nil {
			return err
		}
		all[ref].State = state
		if err := tx.UpdateDeliveries(all); err != nil {
			return err
		}
		jobs = slices.DeleteFunc(jobs, func(j store.Job) bool { return j.Kind != store.JobDeliver })
		if err := tx.WriteAttempts([]store.AttemptRow{{Organization: o, Attempt: parley.Attempt{Message: message, Delivery: 1, Number: 1,
			StartedAt: tx.Now, EndedAt: tx.Now, Outcome: parley.AttemptAccepted}}}); err != nil {
			return err
		}
		return tx.Done(jobs)
	}))
}

func TestRetryByHand(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	ana := w.Contact(w.Admin, "Ana", "phone:+15550100")
	for state, ok := range map[parley.DeliveryState]bool{
		parley.Failed: true, parley.Expired: true, parley.Unknown: true, parley.Skipped: true,
		parley.Queued: false, parley.Sent: false, parley.Delivered: false, parley.Read: false, parley.Canceled: false,
	} {
		m := w.Say(w.Admin, core.To{Contact: ana.ID}, "hello")
		settle(t, w, m.ID, state)
		d, again, err := w.RetryDelivery(t.Context(), w.Admin, m.ID, 1, nil)
		if !ok {
			w.Refused(err, parley.KindConflict, "delivery-not-retryable")
			continue
		}
		w.Must(err)
		if again || d.Number != 2 || d.RetryOf != 1 || d.State != parley.Queued || d.Address.Value != "+15550100" {
			t.Errorf("%s: %+v", state, d)
		}
		_, _, err = w.RetryDelivery(t.Context(), w.Admin, m.ID, 1, nil)
		w.Refused(err, parley.KindConflict, "delivery-retried")
		seen, err := w.Message(t.Context(), w.Admin, m.ID)
		w.Must(err)
		if seen.State != parley.Queued {
			t.Errorf("%s: the message is %s", state, seen.State)
		}
	}
	m := w.Say(w.Admin, core.To{Contact: ana.ID}, "hello")
	settle(t, w, m.ID, parley.Failed)
	key := &access.Idempotency{Key: "k", Method: "POST", Path: "/"}
	first, _, err := w.RetryDelivery(t.Context(), w.Admin, m.ID, 1, key)
	w.Must(err)
	repeat, again, err := w.RetryDelivery(t.Context(), w.Admin, m.ID, 1, key)
	w.Must(err)
	if !again || repeat.Number != first.Number {
		t.Errorf("%v %+v", again, repeat)
	}
	_, _, err = w.RetryDelivery(t.Context(), w.Admin, m.ID, 9, nil)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, _, err = w.RetryDelivery(t.Context(), w.Organization("Beta"), m.ID, 1, nil)
	w.Refused(err, parley.KindNotFound, "not-found")
}

func TestOutbox(t *testing.T) {
	w := coretest.New(t)
	sms := w.Channel(w.Admin, "sms")
	w.Channel(w.Admin, "email")
	var ids []parley.ID
	for _, address := range []string{"phone:+15550100", "phone:+15550101", "email:ana@example.org"} {
		m := w.Say(w.Admin, core.To{Address: address}, "to "+address)
		settle(t, w, m.ID, parley.Sent)
		ids = append(ids, m.ID)
	}
	list := func(f core.OutboxFilter) []string {
		t.Helper()
		var texts []string
		after := ""
		for {
			page, next, err := w.Outbox(t.Context(), w.Admin, f, after, 1)
			w.Must(err)
			for _, h := range page {
				texts = append(texts, h.Message.Body[0].Text)
				if h.Attempt.Reference != string(h.Message.ID)+".1" || "to "+h.To.String() != h.Message.Body[0].Text {
					t.Errorf("%+v", h)
				}
			}
			if next == "" {
				return texts
			}
			after = next
		}
	}
	for _, test := range []struct {
		filter core.OutboxFilter
		want   []string
	}{
		{core.OutboxFilter{}, []string{"to email:ana@example.org", "to phone:+15550101", "to phone:+15550100"}},
		{core.OutboxFilter{Channel: sms.ID}, []string{"to phone:+15550101", "to phone:+15550100"}},
		{core.OutboxFilter{To: "phone:+1 555 0100"}, []string{"to phone:+15550100"}},
		{core.OutboxFilter{Message: ids[1]}, []string{"to phone:+15550101"}},
	} {
		if got := list(test.filter); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.filter, got, test.want)
		}
	}
	_, _, err := w.Outbox(t.Context(), w.Admin, core.OutboxFilter{}, "x", 1)
	w.Refused(err, parley.KindInvalid, "cursor-invalid")
}
