package core_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// seen returns what somebody sees of messages, by their text.
func seen(w *coretest.World, p *access.Principal, f core.MessageFilter) []string {
	w.T.Helper()
	page, next, err := w.Messages(w.T.Context(), p, f, "", 100)
	w.Must(err)
	if next != "" {
		w.T.Fatal("there are more")
	}
	var texts []string
	for _, m := range page {
		texts = append(texts, m.Body[0].Text)
	}
	slices.Sort(texts)
	return texts
}

func wantTexts(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestMergedHistory: whoever sees a contact sees the history of both, and nobody sees more than before.
func TestMergedHistory(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	ana, ben := w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	sms, closed := w.Channel(w.Admin, "sms"), w.Channel(w.Admin, "chat", ana.User)
	yan, zoe := w.Contact(w.Admin, "Yan", "phone:+15550101"), w.Contact(w.Admin, "Zoe", "phone:+15550102")
	_, err := w.Directory.AddAddresses(ctx, w.Admin, zoe.ID, []parley.Address{{Kind: "chat", Value: "zoe"}}, 0)
	w.Must(err)
	w.Say(ana, core.To{Contact: yan.ID}, "a to yan")
	out := w.Say(ana, core.To{Contact: zoe.ID}, "b to zoe")
	w.Say(ana, core.To{Contact: zoe.ID, Channel: closed.ID}, "c secret")
	customer(t, w, sms, connector.Inbound{ProviderID: "p1", From: parley.Address{Kind: "phone", Value: "+15550102"}, Body: coretest.Text("d from zoe")})
	before := map[*access.Principal][]string{}
	for _, p := range []*access.Principal{ana, ben, w.Admin} {
		before[p] = seen(w, p, core.MessageFilter{})
	}

	survivor, err := w.Directory.MergeContact(ctx, w.Admin, zoe.ID, yan.ID, 0)
	w.Must(err)
	if survivor.ID != yan.ID || survivor.Name != "Yan" || len(survivor.Addresses) != 3 || survivor.LastChannel != sms.ID {
		t.Errorf("the survivor is %+v", survivor)
	}
	for p, want := range before {
		wantTexts(t, "all", seen(w, p, core.MessageFilter{}), want...)
	}
	for _, id := range []parley.ID{yan.ID, zoe.ID} {
		wantTexts(t, "from either", seen(w, ana, core.MessageFilter{Sender: id}), "d from zoe")
		wantTexts(t, "to either", seen(w, ana, core.MessageFilter{Recipient: id}), "a to yan", "b to zoe", "c secret")
		wantTexts(t, "as ben sees it", seen(w, ben, core.MessageFilter{Recipient: id}), "a to yan", "b to zoe")
		list, _, err := w.Conversations(ctx, ana, core.ConversationFilter{Participant: id}, "", 10)
		w.Must(err)
		if len(list) != 3 || list[0].Participants[0].ID != yan.ID {
			t.Errorf("conversations: %+v", list)
		}
	}
	deliveries, err := w.Deliveries(ctx, ana, out.ID)
	w.Must(err)
	if deliveries[0].Recipient.ID != yan.ID || deliveries[0].Address.Value != "+15550102" {
		t.Errorf("the delivery is to %+v", deliveries[0])
	}

	// What comes and goes later finds the threads that were there.
	again := w.Say(ana, core.To{Contact: zoe.ID}, "e to the former id")
	if m := w.Say(ana, core.To{Address: "phone:+15550102"}, "f to its address"); m.Conversation != out.Conversation {
		t.Errorf("the thread of the address is another: %+v", m)
	}
	customer(t, w, sms, connector.Inbound{ProviderID: "p2", From: parley.Address{Kind: "phone", Value: "+15550102"}, Body: coretest.Text("g from zoe")})
	wantTexts(t, "from both", seen(w, ana, core.MessageFilter{Sender: yan.ID}), "d from zoe", "g from zoe")
	deliveries, err = w.Deliveries(ctx, ana, again.ID)
	w.Must(err)
	if deliveries[0].Recipient.ID != yan.ID {
		t.Errorf("what is sent to the former id goes to %+v", deliveries[0])
	}
	w.Send(w.Admin, core.SendParams{To: core.To{Conversation: out.Conversation}, Body: coretest.Text("h recorded"),
		Record: &core.Record{Direction: parley.Inbound, Author: parley.Actor{Kind: parley.ActorContact, ID: zoe.ID}}})
	wantTexts(t, "recorded", seen(w, ana, core.MessageFilter{Sender: yan.ID}), "d from zoe", "g from zoe", "h recorded")
}

// TestRememberedRoutesSeeMerges: a send whose route is remembered does not go to who is no more.
func TestRememberedRoutesSeeMerges(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	ana := w.User(w.Admin, "ana")
	yan, zoe := w.Contact(w.Admin, "Yan", "phone:+15550101"), w.Contact(w.Admin, "Zoe", "phone:+15550102")
	var m parley.Message
	tos := []core.To{{Contact: zoe.ID}, {Address: "phone:+15550102"}}
	for range 3 {
		for _, to := range tos {
			m = w.Say(ana, to, "hello")
		}
		w.Say(ana, core.To{Conversation: m.Conversation}, "hello")
	}
	_, err := w.Directory.MergeContact(t.Context(), w.Admin, zoe.ID, yan.ID, 0)
	w.Must(err)
	for _, to := range append(tos, core.To{Conversation: m.Conversation}) {
		deliveries, err := w.Deliveries(t.Context(), ana, w.Say(ana, to, "hello").ID)
		w.Must(err)
		if len(deliveries) != 1 || deliveries[0].Recipient.ID != yan.ID {
			t.Errorf("to %+v: %+v", to, deliveries)
		}
	}
}

// TestMergedLists: a contact is on a list once, and on each that either was on.
func TestMergedLists(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	w.Channel(w.Admin, "sms")
	ana := w.User(w.Admin, "ana")
	yan, zoe := w.Contact(w.Admin, "Yan", "phone:+15550101"), w.Contact(w.Admin, "Zoe", "phone:+15550102")
	list := func(name string, contacts ...parley.ID) parley.Broadcast {
		b, _, err := w.Directory.CreateBroadcast(ctx, w.Admin, directory.BroadcastParams{Name: name}, nil)
		w.Must(err)
		b, err = w.Directory.AddBroadcastMembers(ctx, w.Admin, b.ID, []parley.ID{ana.User}, contacts)
		w.Must(err)
		return b
	}
	both, hers := list("both", yan.ID, zoe.ID), list("hers", zoe.ID)
	_, err := w.Directory.MergeContact(ctx, w.Admin, zoe.ID, yan.ID, 0)
	w.Must(err)
	for _, b := range []parley.Broadcast{both, hers} {
		now, err := w.Directory.Broadcast(ctx, w.Admin, b.ID)
		w.Must(err)
		members, _, err := w.Directory.BroadcastMembers(ctx, w.Admin, b.ID, parley.BroadcastMember{}, 10)
		w.Must(err)
		if now.MemberCount != 2 || len(members) != 2 || members[0].ID != yan.ID || now.Rev == b.Rev {
			t.Errorf("%+v has %+v", now, members)
		}
		again, err := w.Directory.AddBroadcastMembers(ctx, w.Admin, b.ID, nil, []parley.ID{zoe.ID})
		w.Must(err)
		if again.MemberCount != 2 {
			t.Errorf("the former id is somebody else: %+v", again)
		}
	}
	_, err = w.Directory.RemoveBroadcastMember(ctx, w.Admin, hers.ID, parley.BroadcastMember{Kind: parley.ActorContact, ID: zoe.ID})
	w.Must(err)

	// While copies are being made nobody could say who has had one.
	params := directory.ContactParams{Name: "many"}
	var many []parley.ID
	for range 250 {
		c, _, err := w.Directory.CreateContact(ctx, w.Admin, params, nil)
		w.Must(err)
		many = append(many, c.ID)
	}
	long := list("long", many...)
	w.Say(ana, core.To{Broadcast: long.ID}, "hello")
	_, err = w.Directory.MergeContact(ctx, w.Admin, many[0], yan.ID, 0)
	w.Refused(err, parley.KindConflict, "broadcast-under-way")
	for n := 1; n > 0; {
		n, err = w.FanOut(ctx)
		w.Must(err)
	}
	_, err = w.Directory.MergeContact(ctx, w.Admin, many[0], yan.ID, 0)
	w.Must(err)
}

// TestMergesAtOnce: whatever the order of merges, all ids answer one contact, and nothing is lost.
func TestMergesAtOnce(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	w.Channel(w.Admin, "sms")
	const n = 8
	var contacts []parley.Contact
	for i := range n {
		c := w.Contact(w.Admin, fmt.Sprint(i), fmt.Sprintf("phone:+1555010%d", i))
		contacts = append(contacts, c)
		w.Say(w.Admin, core.To{Contact: c.ID}, c.Name)
	}
	done := make(chan error, 2*n)
	for i := range n {
		for _, next := range []int{i + 1, i + 3} {
			go func() {
				_, err := w.Directory.MergeContact(ctx, w.Admin, contacts[i].ID, contacts[next%n].ID, 0)
				done <- err
			}()
		}
	}
	for range 2 * n {
		if err := <-done; err != nil && !parley.IsKind(err, parley.KindInvalid) && !parley.IsKind(err, parley.KindConflict) {
			t.Error(err)
		}
	}
	survivors := map[parley.ID]bool{}
	for _, c := range contacts {
		now, err := w.Directory.Contact(ctx, w.Admin, c.ID)
		w.Must(err)
		survivors[now.ID] = true
	}
	found := 0
	for id := range survivors {
		found += len(seen(w, w.Admin, core.MessageFilter{Recipient: id}))
	}
	list, _, err := w.Directory.Contacts(ctx, w.Admin, directory.ContactFilter{}, "", 100)
	w.Must(err)
	if found != n || len(list) != len(survivors) {
		t.Errorf("%d messages to %d contacts, of which %d are listed", found, len(survivors), len(list))
	}
}
