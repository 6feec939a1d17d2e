// Package connectortest is the conformance suite of connectors: what the core relies on, whatever the
// platform. It calls the connector as the core does, with good and absurd messages, and where a case
// has a provider, it lets that provider fail in the ways providers do.
package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// Case is a channel, a message, and what comes of it.
type Case struct {
	Name    string
	Channel parley.Channel
	// Settings are the channel's settings for a fake provider at this URL; nil: Channel has them.
	Settings func(provider string) json.RawMessage
	// Provider answers the calls of a good send; nil: the connector calls nobody. A case that has one is
	// repeated with a provider that fails.
	Provider http.Handler
	Outgoing connector.Outgoing
	States   []parley.DeliveryState // of the recipients, in their order; "" for one that is refused
	Code     string                 // of the *connector.Error that Send returns instead
	Retry    bool                   // of that error
}

// content is in every message of the suite and must be in no error or trace. It looks like ordinary text.
const content = "the-content-of-a-message-that-nobody-else-may-read"

// patience is how long a call may go on after its context ended.
const patience = 2 * time.Second

// Run proves that the connector of def keeps the contract. The cases need a client that may dial loopback.
func Run(t *testing.T, def connector.Definition, cases ...Case) {
	t.Run("definition", func(t *testing.T) { testDefinition(t, def) })
	t.Run("settings", func(t *testing.T) { testSettings(t, def, cases) })
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Run("send", func(t *testing.T) { testSend(t, def, c) })
			t.Run("absurd", func(t *testing.T) { testAbsurd(t, def, c) })
			t.Run("context", func(t *testing.T) { testContext(t, def, c) })
			if c.Provider != nil && c.Code == "" {
				t.Run("faults", func(t *testing.T) { testFaults(t, def, c) })
			}
		})
	}
}

// channel returns the case's channel, with a provider answered by handler where the case has one.
func (c Case) channel(t *testing.T, handler http.Handler) parley.Channel {
	t.Helper()
	ch := c.Channel
	if c.Settings == nil {
		return ch
	}
	if handler == nil {
		handler = http.NotFoundHandler()
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	ch.Settings = c.Settings(server.URL)
	return ch
}

// outgoing returns the case's message with the marker in its text.
func (c Case) outgoing() connector.Outgoing {
	out := c.Outgoing
	out.Body = append([]parley.Part{{Kind: parley.PartText, Text: content}}, out.Body...)
	return out
}

// send calls the connector and checks what holds for every call: it does not panic, it ends soon
// after its context, and it shows neither secrets nor content.
func send(ctx context.Context, t *testing.T, def connector.Definition, ch parley.Channel, out connector.Outgoing) (receipt connector.Receipt, err error) {
	t.Helper()
	deadline, ok := ctx.Deadline()
	if !ok {
		t.Fatal("the suite calls with a deadline")
	}
	defer func() {
		t.Helper()
		if p := recover(); p != nil {
			t.Fatalf("Send panicked: %v", p)
		}
		if late := time.Since(deadline); late > patience {
			t.Errorf("Send returned %v after its deadline", late)
		}
		checkError(t, err)
		checkSecrecy(t, def, ch, receipt, err)
		if err == nil {
			checkReceipt(t, out, receipt)
		}
	}()
	return def.Connector.Send(ctx, ch, out)
}

func testSend(t *testing.T, def connector.Definition, c Case) {
	ch := c.channel(t, c.Provider)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := def.Check(ctx, ch); err != nil {
		t.Fatalf("Check refuses the case's channel: %v", err)
	}
	out := c.outgoing()
	before := fmt.Sprintf("%+v", out)
	receipt, err := send(ctx, t, def, ch, out)
	if after := fmt.Sprintf("%+v", out); after != before {
		t.Errorf("Send changed the message it was given:\n%s\n%s", before, after)
	}
	if c.Code != "" {
		refusal, ok := errors.AsType[*connector.Error](err)
		if !ok || refusal.Code != c.Code || refusal.Retry != c.Retry {
			t.Fatalf("Send returned %#v, want an *Error with code %q and Retry %v", err, c.Code, c.Retry)
		}
		return
	}
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	for i, recipient := range out.Recipients {
		if result := resultOf(receipt, recipient.Delivery); i < len(c.States) && result.State != c.States[i] {
			t.Errorf("delivery %d is %q (%v), want %q", recipient.Delivery, result.State, result.Err, c.States[i])
		}
	}
	testRepeat(ctx, t, def, ch, out, receipt)
}

// testRepeat sends the same reference again, as happens after a lost answer.
func testRepeat(ctx context.Context, t *testing.T, def connector.Definition, ch parley.Channel, out connector.Outgoing, first connector.Receipt) {
	repeats := connector.RepeatNeither
	if repeater, ok := def.Connector.(connector.Repeater); ok {
		repeats = repeater.Repeats(ch)
	}
	asker, canAsk := def.Connector.(connector.Asker)
	switch repeats {
	case connector.RepeatNeither:
	case connector.RepeatDeduplicated:
		again, err := send(ctx, t, def, ch, out)
		if err != nil {
			t.Fatalf("sending the same reference again: %v", err)
		}
		compareIDs(t, out, first, again)
	case connector.RepeatAsk:
		if !canAsk {
			t.Fatalf("Repeats says %q, and there is no Asker", repeats)
		}
		asked, found, err := asker.Ask(ctx, ch, out)
		checkError(t, err)
		checkSecrecy(t, def, ch, asked, err)
		if err != nil {
			t.Fatalf("Ask: %v", err)
		}
		if found {
			checkReceipt(t, out, asked)
		}
	default:
		t.Errorf("Repeats returned %q, which is no answer", repeats)
	}
}

func compareIDs(t *testing.T, out connector.Outgoing, first, again connector.Receipt) {
	t.Helper()
	for _, recipient := range out.Recipients {
		a, b := resultOf(first, recipient.Delivery), resultOf(again, recipient.Delivery)
		if !reflect.DeepEqual(a.ProviderIDs, b.ProviderIDs) {
			t.Errorf("a deduplicated repeat has other provider ids: %q, %q", a.ProviderIDs, b.ProviderIDs)
		}
	}
}

// testAbsurd sends what the core would not: the connector may refuse it in its own way.
func testAbsurd(t *testing.T, def connector.Definition, c Case) {
	huge := strings.Repeat("\u00e9\u0000\xff<\"", 200_000)
	many := make([]connector.Recipient, 1000)
	for i := range many {
		many[i] = connector.Recipient{Delivery: i + 1, Address: parley.Address{Kind: "phone", Value: fmt.Sprint("+1555", i)}}
	}
	absurd := map[string]func(*connector.Outgoing){
		"nothing":     func(o *connector.Outgoing) { *o = connector.Outgoing{} },
		"no body":     func(o *connector.Outgoing) { o.Body, o.Attachments = nil, nil },
		"empty text":  func(o *connector.Outgoing) { o.Body = []parley.Part{{Kind: parley.PartText}} },
		"odd kind":    func(o *connector.Outgoing) { o.Body = []parley.Part{{Kind: "hologram", Text: content}} },
		"huge text":   func(o *connector.Outgoing) { o.Body = []parley.Part{{Kind: parley.PartText, Text: huge}} },
		"many parts":  func(o *connector.Outgoing) { o.Body = make([]parley.Part, 1000) },
		"many files":  func(o *connector.Outgoing) { o.Attachments = make([]parley.Attachment, 1000) },
		"nobody":      func(o *connector.Outgoing) { o.Recipients = nil },
		"many people": func(o *connector.Outgoing) { o.Recipients = many },
		"odd address": func(o *connector.Outgoing) {
			o.Recipients = []connector.Recipient{{Delivery: 1, Address: parley.Address{Kind: "\x00", Value: "\xff@+\n"}}, {Delivery: 2}}
		},
	}
	ch := c.channel(t, c.Provider)
	for name, change := range absurd {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			out := c.outgoing()
			change(&out)
			_, _ = send(ctx, t, def, ch, out)
		})
	}
	for _, settings := range []string{"", "null", "[]", "{", `{"x": {}}`, `"text"`} {
		t.Run("settings "+settings, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			ch := ch
			ch.Settings = json.RawMessage(settings)
			_, _ = send(ctx, t, def, ch, c.outgoing())
		})
	}
}

// testContext calls with a context that ended: a connector that waits for anybody must return.
func testContext(t *testing.T, def connector.Definition, c Case) {
	ch := c.channel(t, c.Provider)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	cancel()
	_, err := send(ctx, t, def, ch, c.outgoing())
	if c.Provider == nil || c.Code != "" {
		return
	}
	if refusal, ok := errors.AsType[*connector.Error](err); err == nil || ok && !refusal.Retry {
		t.Errorf("Send with an ended context returned %#v, want an error that is not final", err)
	}
}
