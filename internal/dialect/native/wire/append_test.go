package wire_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// encoded is how the door writes every other answer.
func encoded(t testing.TB, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

var awkward = []string{"", "plain", "<b>&\"quoted\"\\", "line\nend\r\t\b\f\x00\x1f\x7f", "ünï €\U0001F600", "\u2028\u2029", "broken \xff\xc3", "\ufffd"}

// randomMessage has each field set or not, at random.
func randomMessage(r *rand.Rand) *parley.Message {
	text := func() string { return awkward[r.IntN(len(awkward))] }
	at := func() time.Time {
		if r.IntN(2) == 0 {
			return time.Time{}
		}
		return time.UnixMilli(r.Int64N(4e12)).In(time.FixedZone("", r.IntN(8000)))
	}
	span := func() time.Duration { return time.Duration(r.IntN(3)) * 1500 * time.Millisecond }
	who := func() parley.Actor {
		return parley.Actor{Kind: parley.ActorKind(text()), ID: parley.ID(text()), Name: text()}
	}
	m := &parley.Message{
		ID: parley.ID(text()), Conversation: parley.ID(text()), Kind: parley.KindMessage, Sequence: r.Int64(), Direction: parley.Outbound,
		Author: who(), Channel: parley.ID(text()), Platform: text(), Internal: r.IntN(2) == 0, Priority: parley.PriorityHigh, Reference: text(),
		ReplyTo: parley.ID(text()), Parent: parley.ID(text()), Recorded: r.IntN(2) == 0, TTL: span(), Validity: span(), DeleteOnRead: r.IntN(2) == 0,
		SendAt: at(), SentAt: at(), CreatedAt: at(), ExpiresAt: at(), State: parley.Queued,
	}
	m.Actor = m.Author
	if r.IntN(2) == 0 {
		m.Actor = who()
	}
	if r.IntN(3) == 0 {
		m.Actor = parley.Actor{}
	}
	for range r.IntN(3) {
		m.OnBehalfOf = append(m.OnBehalfOf, who())
	}
	if r.IntN(2) == 0 {
		m.Notice = &parley.Notice{Kind: parley.NoticeKind(text()), Who: m.OnBehalfOf, Reason: text()}
	}
	for range r.IntN(4) {
		kind := parley.PartKinds[r.IntN(len(parley.PartKinds))]
		m.Body = append(m.Body, parley.Part{Kind: kind, Text: text(), Label: text(), Latitude: r.Float64() * 180, Longitude: (r.Float64() - .5) * 1e-6})
	}
	for range r.IntN(3) {
		m.Tags = append(m.Tags, text())
		m.Attachments = append(m.Attachments, parley.Attachment{Media: parley.ID(text()), Name: text(), ContentType: text(), Size: r.Int64()})
	}
	if r.IntN(2) == 0 {
		m.Metadata = map[string]string{}
		m.Counts = map[parley.DeliveryState]int{}
	}
	for range r.IntN(4) {
		if m.Metadata != nil {
			m.Metadata["k"+string(rune('a'+r.IntN(26)))] = text()
			m.Counts[parley.DeliveryStates[r.IntN(len(parley.DeliveryStates))]] = r.IntN(3)
		}
	}
	if r.IntN(2) == 0 {
		m.Removed, m.RemovedAt = parley.RemovedRecalled, at()
	}
	return m
}

// A message has one form, whichever way it is written.
func TestAppendMessageIsMessage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		m := randomMessage(r)
		got, want := wire.AppendMessage(nil, m), encoded(t, wire.Message(m))
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func sampleMessage() *parley.Message {
	now := time.Date(2031, 5, 17, 9, 30, 0, 0, time.UTC)
	who := parley.Actor{Kind: parley.ActorUser, ID: "0123456789abcdefghij", Name: "Ana"}
	return &parley.Message{ID: "d0l3kq0s7k0c5vsr9ehg", Conversation: "d0l3kq0s7k0c5vsr9ei0", Sequence: 17, Kind: parley.KindMessage, Direction: parley.Outbound,
		State: parley.Queued, Counts: map[parley.DeliveryState]int{parley.Queued: 1}, Author: who, Actor: who, Channel: "d0l3kq0s7k0c5vsr9ej0", Platform: "sms",
		Body: []parley.Part{{Kind: parley.PartText, Text: string(bytes.Repeat([]byte("ten bytes "), 20))}}, Priority: parley.PriorityNormal, SentAt: now, CreatedAt: now}
}

func BenchmarkAppendMessage(b *testing.B) {
	m := sampleMessage()
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = wire.AppendMessage(out[:0], m)
	}
}

func BenchmarkEncodeMessage(b *testing.B) {
	m := sampleMessage()
	b.ReportAllocs()
	for b.Loop() {
		_ = encoded(b, wire.Message(m))
	}
}

func TestPlainText(t *testing.T) {
	part := func(kind parley.PartKind, text string) parley.Part { return parley.Part{Kind: kind, Text: text} }
	for _, c := range []struct {
		body []parley.Part
		want string
	}{
		{nil, ""},
		{[]parley.Part{part(parley.PartText, " as is\n")}, " as is\n"},
		{[]parley.Part{part(parley.PartText, "a"), part(parley.PartText, "b")}, "a\nb"},
		{[]parley.Part{part(parley.PartHTML, "<p>Hello <b>Ana</b>,</p>\n<div>see&nbsp;you &lt;soon&gt;<br/>Bo</div>")}, "Hello Ana,\nsee you <soon>\nBo"},
		{[]parley.Part{part(parley.PartHTML, "a<script>x < y</script> b<style>p{}</style><")}, "a b"},
		{[]parley.Part{part(parley.PartHTML, "<script>never ends")}, ""},
		{[]parley.Part{{Kind: parley.PartLocation, Latitude: 48.5, Longitude: -3, Label: "Harbour"}}, "Harbour (48.5, -3)"},
	} {
		if got := wire.Message(&parley.Message{Body: c.body}).Text; got != c.want {
			t.Errorf("%v: %q, want %q", c.body, got, c.want)
		}
	}
}

func TestAppendEventIsEvent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := func() string { return awkward[r.IntN(len(awkward))] }
	for range 2000 {
		d := &eventlog.Detail{Event: parley.Event{Sequence: r.Int64(), Type: parley.EventDeliveryUpdated, At: time.UnixMilli(r.Int64N(4e12)),
			Conversation: parley.ID(text()), Message: parley.ID(text()), Subject: parley.ID(text()),
			Data: parley.EventData{Delivery: r.IntN(3), State: parley.DeliveryState(text()), Phase: parley.FailurePhase(text()), Code: text(), Status: text(), User: parley.ID(text()),
				Reason: text(), Through: r.Int64N(3), Actor: parley.ID(text())}}}
		if r.IntN(2) == 0 {
			d.Message = randomMessage(r)
		}
		got, want := wire.AppendEvent(nil, d, d.Message), encoded(t, wire.Event(d))
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}
