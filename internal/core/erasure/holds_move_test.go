package erasure_test

import (
	"testing"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// A hold on a conversation goes with it into another, and keeps its messages where they are.
func TestHoldOfConversationsThatMove(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	ch := w.Channel(w.Admin, "email")
	contact := w.Contact(w.Admin, "Yan", "email:yan@example.org")
	open := func() parley.Conversation {
		t.Helper()
		c, _, err := w.CreateConversation(ctx, w.Admin, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: ch.ID,
			Participants: []thread.NewParticipant{{Contact: contact.ID}}}, nil)
		w.Must(err)
		return c
	}
	from, into := open(), open()
	record := core.SendParams{To: core.To{Conversation: from.ID}, Body: coretest.Text("words"), Record: &core.Record{Direction: parley.Outbound}}
	first, second := w.Send(w.Admin, record), w.Send(w.Admin, record)
	h := place(w, parley.HoldConversation, from.ID)
	w.Refused(w.MoveMessage(ctx, w.Admin, first.ID, into.ID), parley.KindConflict, "legal-hold")
	_, err := w.Recall(ctx, w.Admin, first.ID)
	w.Must(err)
	_, err = w.MergeConversation(ctx, w.Admin, from.ID, into.ID, 0)
	w.Must(err)
	_, err = w.Recall(ctx, w.Admin, second.ID)
	w.Must(err)
	if list := must2(w.Holds.Held(ctx, w.Admin, into.ID, "", 10)); len(list) != 2 {
		t.Errorf("kept of the two together is %+v", list)
	}
	lift(w, h)
	if n, err := w.Release(ctx); n != 1 || err != nil || held(w, second.ID) != nil {
		t.Errorf("released %d, %v", n, err)
	}
}

// What is taken out of a message under a hold is kept, as the whole was, also when more is taken out and when the rest goes; and
// so is what it said before it was edited.
func TestHoldOfRedactions(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	m := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: append(append(coretest.Text("one"), coretest.Text("two")...), coretest.Text("three")...)})
	h := place(w, parley.HoldUser, ben.User)
	for range 2 {
		_, err := w.Redact(ctx, ana, m.ID, erasure.Redaction{Parts: []int{0}})
		w.Must(err)
		w.Advance(1e9)
	}
	_, err := w.Recall(ctx, ana, m.ID)
	w.Must(err)
	got := held(w, m.ID)
	if got == nil || len(got.Message.Body) != 3 || got.Message.Body[0].Text != "one" || got.Reason != parley.RemovedRedacted {
		t.Fatalf("kept is %+v", got)
	}
	versions := 0
	for _, text := range got.Texts {
		if text.Place == "messages.body" && text.Item != "" {
			versions++
		}
	}
	if versions != 2 {
		t.Errorf("kept are %d versions after the first: %+v", versions, got.Texts)
	}
	lift(w, h)
	if n, err := w.Release(ctx); n != 1 || err != nil || held(w, m.ID) != nil {
		t.Errorf("released %d, %v", n, err)
	}
}
