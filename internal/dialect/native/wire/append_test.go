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
	m.Root, m.Batch, m.RequestAck, m.AckWithin = parley.ID(text()), parley.ID(text()), r.IntN(2) == 0, span()
	if r.IntN(2) == 0 {
		m.Forward = &parley.Forward{Message: parley.ID(text()), Author: who(), SentAt: at(), Own: r.IntN(3)}
		m.Redactions = &parley.Redactions{At: at(), Parts: r.IntN(3), Attachments: r.IntN(3)}
		m.Fallback = []parley.Fallback{{Channel: parley.ID(text()), After: span(), On: parley.OnUnread}}
		m.EditedAt, m.Edits, m.RemovedBy = at(), r.IntN(3), who()
	}
	m.Replies, m.Acks = parley.Replies{Count: r.IntN(2), Last: at()}, parley.Acks{Acknowledged: r.IntN(2), Pending: r.IntN(2)}
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
		m.Notice = &parley.Notice{Kind: parley.NoticeKind(text()), Who: m.OnBehalfOf, Reason: text(), Escalation: parley.ID(text()), Level: r.IntN(3)}
	}
	for range r.IntN(4) {
		kind := parley.PartKinds[r.IntN(len(parley.PartKinds))]
		m.Body = append(m.Body, randomPart(r, kind, text))
	}
	if r.IntN(3) == 0 {
		m.Links = parley.LinksShort
		m.Template = &parley.Templated{ID: parley.ID(text()), Version: r.IntN(5), Locale: text(), Variables: map[string]string{text(): text()}}
		m.Click, m.Reactions = &parley.Click{Action: text(), Payload: text()}, map[string]int{text(): 1, "a": r.IntN(5)}
	}
	for range r.IntN(3) {
		m.Tags, m.AsText = append(m.Tags, text()), append(m.AsText, r.IntN(9))
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

func randomPart(r *rand.Rand, kind parley.PartKind, text func() string) parley.Part {
	p := parley.Part{Kind: kind, Text: text()}
	if kind == parley.PartText && r.IntN(2) == 0 {
		return p
	}
	file := parley.File{Media: parley.ID(text()), URL: text(), Name: text(), Size: r.Int64N(3), Animated: r.IntN(2) == 0}
	p.Actions = []parley.Action{{ID: text(), Kind: parley.ActionBuy, Text: text(), Amount: r.Int64(), Image: &file}}
	p.Fallback, p.Title, p.Hints = text(), text(), map[string]string{text(): text()}
	switch kind {
	case parley.PartLocation:
		p.Label, p.Latitude, p.Longitude = text(), r.Float64()*180, (r.Float64()-.5)*1e-6
	case parley.PartCarousel:
		p.Items = []parley.Item{{Title: text(), File: &file, Actions: p.Actions}, {Text: text()}}
	case parley.PartSection:
		p.Parts = []parley.Part{randomPart(r, parley.PartOTP, text), randomPart(r, parley.PartImage, text)}
	case parley.PartMention, parley.PartPage:
		p.Who = parley.Actor{Kind: parley.ActorUser, ID: parley.ID(text()), Name: text()}
	default:
		p.Files = []parley.File{file, {}}
	}
	return p
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

func TestAppendEventIsEvent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := func() string { return awkward[r.IntN(len(awkward))] }
	for range 2000 {
		d := &eventlog.Detail{Event: parley.Event{Sequence: r.Int64(), Type: parley.EventDeliveryUpdated, At: time.UnixMilli(r.Int64N(4e12)),
			Conversation: parley.ID(text()), Message: parley.ID(text()), Subject: parley.ID(text()),
			Data: parley.EventData{Delivery: r.IntN(3), State: parley.DeliveryState(text()), Phase: parley.FailurePhase(text()), Code: text(), Status: text(), User: parley.ID(text()),
				Reason: text(), Through: r.Int64N(3), Actor: parley.ID(text()), Into: parley.ID(text()), Group: parley.ID(text()), Level: r.IntN(3), Number: r.IntN(3)}}}
		if r.IntN(2) == 0 {
			d.Users = []parley.ID{parley.ID(text()), parley.ID(text())}
		}
		if r.IntN(2) == 0 {
			d.Message = randomMessage(r)
		}
		got, want := wire.AppendEvent(nil, d, d.Message), encoded(t, wire.Event(d))
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}
