package erasure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/parley"
)

const day = 24 * time.Hour

// keeps sets how long the content of a kind of conversations is kept; 0: for ever.
func keeps(w *coretest.World, kind parley.ConversationKind, keep time.Duration) {
	w.T.Helper()
	patch := directory.OrganizationPatch{Retention: map[parley.ConversationKind]*time.Duration{kind: &keep}}
	if keep == 0 {
		patch.Retention[kind] = nil
	}
	_, err := w.Directory.UpdateOrganization(w.T.Context(), w.Admin, patch, 0)
	w.Must(err)
}

// gone says which of some messages have gone.
func gone(w *coretest.World, messages ...parley.Message) (gone []bool) {
	w.T.Helper()
	for _, m := range messages {
		got, err := w.Message(w.T.Context(), w.Admin, m.ID)
		w.Must(err)
		if (got.Removed == "") != (len(got.Body) > 0) || got.Removed != "" && got.Removed != parley.RemovedExpired {
			w.T.Errorf("%+v", got)
		}
		gone = append(gone, got.Removed != "")
	}
	return gone
}

// TestRetentionByKind: content goes when it is older than the policy keeps that of its conversation's kind, in virtual time.
func TestRetentionByKind(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana := users[0]
	sweeper := erasure.NewSweeper(erasure.SweeperOptions{Store: w.Store, Retention: erasure.Retention{Events: 365 * day}})
	sweep := func(after time.Duration, want ...bool) func(messages ...parley.Message) {
		t.Helper()
		w.Advance(after)
		w.Must(sweeper.Sweep(ctx))
		return func(messages ...parley.Message) {
			t.Helper()
			if got := gone(w, messages...); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("gone are %v, want %v", got, want)
			}
		}
	}
	direct := w.Say(ana, core.To{User: users[1].User}, "direct")
	group := w.Say(ana, core.To{Users: []parley.ID{users[1].User, users[2].User}}, "group")
	later := w.Send(ana, core.SendParams{To: core.To{User: users[1].User}, Body: coretest.Text("later"), SendAt: w.Now().Add(20 * day)})
	withdrawn := w.Send(ana, core.SendParams{To: core.To{User: users[1].User}, Body: coretest.Text("never"), SendAt: w.Now().Add(20 * day)})
	sweep(day, false, false, false)(direct, group, later)
	keeps(w, parley.ConversationDirect, 3*day)
	keeps(w, parley.ConversationGroup, 5*day)
	_, _, err := w.CancelScheduled(ctx, ana, withdrawn.ID, nil)
	w.Must(err)
	sweep(day, false, false)(direct, group)
	second := w.Say(ana, core.To{User: users[1].User}, "direct again")
	sweep(day+time.Minute, true, false, false, false)(direct, second, group, later)
	if _, err := w.Expire(ctx); err != nil {
		t.Error(err)
	}
	sweep(2*day, true, true, true, false)(direct, second, group, later)
	if _, err := w.Expire(ctx); err != nil {
		t.Error(err)
	}
	sweep(0, false, true)(later, withdrawn)

	// Imported into what was looked at, and received late.
	old := w.Send(w.Admin, core.SendParams{To: core.To{Conversation: direct.Conversation}, Body: coretest.Text("old"),
		Record: &core.Record{Direction: parley.NoDirection, SentAt: w.Now().Add(-30 * day), Author: parley.Actor{Kind: parley.ActorUser, ID: ana.User}, Imported: true}})
	young := w.Send(w.Admin, core.SendParams{To: core.To{Conversation: direct.Conversation}, Body: coretest.Text("young"),
		Record: &core.Record{Direction: parley.NoDirection, SentAt: w.Now().Add(-day), Author: parley.Actor{Kind: parley.ActorUser, ID: ana.User}, Imported: true}})
	sweep(0, true, false)(old, young)
	channel := w.Channel(w.Admin, "sms")
	keeps(w, parley.ConversationExternal, 2*day)
	receive := func(ago time.Duration) parley.Message {
		t.Helper()
		w.Must(w.Receive(ctx, ana.Organization, channel.ID, []connector.Inbound{{ProviderID: fmt.Sprint(ago), From: parley.Address{Kind: parley.AddressPhone, Value: "+31612345678"},
			Body: coretest.Text("in"), At: w.Now().Add(-ago)}}))
		page := must2(w.Messages(ctx, w.Admin, core.MessageFilter{Direction: parley.Inbound}, "", 1))
		return page[0]
	}
	first := receive(time.Minute)
	sweep(3*day, true)(first)
	late := receive(5 * day)
	sweep(0, true)(late)
	keeps(w, parley.ConversationExternal, 0)
	last := receive(0)
	sweep(10*day, false)(last)
}

// TestRetentionIsSweptInSteps: many messages, in one conversation and in many, go all; one that a hold is about is kept.
func TestRetentionIsSweptInSteps(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	w.Channel(w.Admin, "sms")
	ana := w.User(w.Admin, "ana")
	one := w.Contact(w.Admin, "One", "phone:+31612345678")
	var messages []parley.Message
	at := w.Now()
	first := w.Say(ana, core.To{Contact: one.ID}, "first")
	messages = append(messages, first)
	for range 250 {
		messages = append(messages, w.Send(w.Admin, core.SendParams{To: core.To{Conversation: first.Conversation}, Body: coretest.Text("words"),
			Record: &core.Record{Direction: parley.Outbound, SentAt: at}}))
	}
	for i := range 120 {
		c := w.Contact(w.Admin, "C", fmt.Sprintf("phone:+316%08d", i))
		messages = append(messages, w.Say(ana, core.To{Contact: c.ID}, "words"))
	}
	last := messages[len(messages)-1]
	place(w, parley.HoldConversation, last.Conversation)
	keeps(w, parley.ConversationExternal, day)
	sweeper := erasure.NewSweeper(erasure.SweeperOptions{Store: w.Store, Retention: erasure.Retention{Events: 365 * day}})
	w.Must(sweeper.Sweep(ctx))
	if got := gone(w, first, last); got[0] || got[1] {
		t.Error("gone before their time")
	}
	w.Advance(day + time.Second)
	w.Must(sweeper.Sweep(ctx))
	for i, gone := range gone(w, messages...) {
		if !gone {
			t.Errorf("message %d of %d is still there", i, len(messages))
		}
	}
	kept := must2(w.Holds.Held(ctx, w.Admin, "", "", 10))
	if len(kept) != 1 || kept[0].ID != last.ID || kept[0].Reason != parley.RemovedExpired {
		t.Errorf("kept are %+v", kept)
	}
	end := len(w.Events(w.Admin, 0))
	w.Must(sweeper.Sweep(ctx))
	if again := len(w.Events(w.Admin, 0)); again != end {
		t.Errorf("a second sweep told of %d changes", again-end)
	}
}
