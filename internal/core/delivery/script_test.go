package delivery_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// script is a connector that answers as a test says. Nil answers mean that everything is taken.
type script struct {
	repeats  connector.Repeat
	together bool
	send     func(ctx context.Context, call call) (connector.Receipt, error)
	ask      func(reference string) (found bool, err error)

	mu    sync.Mutex
	calls []call
	asked []call
	most  map[parley.ID]int // calls at once, by channel
	now   map[parley.ID]int
}

// call is one call of the script.
type call struct {
	channel   parley.ID
	reference string
	message   parley.ID
	text      string
	attempt   int
	at        time.Time
	n         int // of the script's calls with the reference
	to, shown []connector.Recipient
}

func (s *script) definition() connector.Definition {
	return connector.Definition{Name: "script", Connector: s,
		Platforms: []connector.Platform{{Name: "sms", AddressKind: parley.AddressPhone, Thread: parley.ThreadContact, Conversational: true, Copies: true, Together: s.together}}}
}

func (s *script) Repeats(parley.Channel) connector.Repeat { return s.repeats }

func (s *script) Send(ctx context.Context, ch parley.Channel, out connector.Outgoing) (connector.Receipt, error) {
	c := call{channel: ch.ID, reference: out.Reference, message: out.Message, text: out.Body[0].Text, attempt: out.Attempt, at: time.Now(), n: 1, to: out.Recipients, shown: out.Shown}
	s.mu.Lock()
	for _, before := range s.calls {
		if before.reference == c.reference {
			c.n++
		}
	}
	s.calls = append(s.calls, c)
	if s.now == nil {
		s.now, s.most = map[parley.ID]int{}, map[parley.ID]int{}
	}
	s.now[ch.ID]++
	s.most[ch.ID] = max(s.most[ch.ID], s.now[ch.ID])
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now[ch.ID]--
	}()
	if s.send != nil {
		receipt, err := s.send(ctx, c)
		if err != nil || receipt.Results != nil {
			return receipt, err
		}
	}
	return taken(out), nil
}

func (s *script) Ask(_ context.Context, ch parley.Channel, out connector.Outgoing) (connector.Receipt, bool, error) {
	s.mu.Lock()
	s.asked = append(s.asked, call{channel: ch.ID, reference: out.Reference, message: out.Message, at: time.Now()})
	s.mu.Unlock()
	found, err := s.ask(out.Reference)
	return taken(out), found, err
}

func taken(out connector.Outgoing) connector.Receipt {
	var receipt connector.Receipt
	for _, r := range out.Recipients {
		receipt.Results = append(receipt.Results, connector.Result{Delivery: r.Delivery, ProviderIDs: []string{"p-" + out.Reference}, State: parley.Sent})
	}
	return receipt
}

// of returns the calls for a message.
func (s *script) of(message parley.ID) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []call
	for _, c := range s.calls {
		if c.message == message {
			calls = append(calls, c)
		}
	}
	return calls
}

// texts returns the texts of all calls, in order.
func (s *script) texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := make([]string, len(s.calls))
	for i, c := range s.calls {
		texts[i] = c.text
	}
	return texts
}

// scripted is a world with a channel of the script.
func scripted(t *testing.T, s *script) (*world, parley.Channel) {
	w := newWorld(t, s.definition())
	return w, w.channel(scriptChannel)
}

// scriptChannel is a channel of the script.
var scriptChannel = parley.Channel{Connector: "script", Platform: "sms", AddressKind: parley.AddressPhone}

func temporary(after time.Duration) error {
	return &connector.Error{Retry: true, RetryAfter: after, Code: connector.CodeUnavailable, Text: "not now"}
}

func wantStates(t *testing.T, got []parley.DeliveryState, want ...parley.DeliveryState) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}
