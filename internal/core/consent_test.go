package core_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

func suppress(w *coretest.World, params consent.SuppressionParams) parley.Suppression {
	w.T.Helper()
	all, err := w.Suppress(w.T.Context(), w.Admin, params)
	w.Must(err)
	return all[0]
}

func TestSuppressedAddressesGetNothing(t *testing.T) {
	w := coretest.New(t)
	sms := w.Channel(w.Admin, "sms")
	whatsapp, _, err := w.Directory.CreateChannel(t.Context(), w.Admin, directory.ChannelParams{Name: "WhatsApp", Connector: "sandbox", Platform: "whatsapp"}, nil)
	w.Must(err)
	ana := w.Contact(w.Admin, "Ana", "phone:+15550100")
	say := func(class parley.MessageClass, to core.To) error {
		_, err := w.Core.Send(t.Context(), w.Admin, core.SendParams{To: to, Class: class, Body: coretest.Text("hello")})
		return err
	}
	w.Must(say(parley.ClassMarketing, core.To{Contact: ana.ID})) // its route is remembered
	s := suppress(w, consent.SuppressionParams{Address: "phone:+1 555 0100", Platform: "sms", Class: parley.ClassMarketing, Reason: parley.ReasonUser})
	again := suppress(w, consent.SuppressionParams{Contact: ana.ID, Platform: "sms", Class: parley.ClassMarketing})
	if again.ID != s.ID || again.Reason != parley.ReasonUser {
		t.Errorf("suppressed again: %+v", again)
	}
	for range 2 {
		w.Refused(say(parley.ClassMarketing, core.To{Contact: ana.ID}), parley.KindInvalid, "address-suppressed")
		w.Refused(say(parley.ClassMarketing, core.To{Address: "phone:+15550100"}), parley.KindInvalid, "address-suppressed")
		w.Must(say("", core.To{Contact: ana.ID}))
		w.Must(say(parley.ClassService, core.To{Contact: ana.ID}))
		w.Must(say(parley.ClassMarketing, core.To{Contact: ana.ID, Channel: whatsapp.ID}))
	}
	suppress(w, consent.SuppressionParams{Address: "phone:+15550100"}) // of everything, everywhere
	for _, to := range []core.To{{Contact: ana.ID}, {Contact: ana.ID, Channel: whatsapp.ID}, {Contact: ana.ID, Channel: sms.ID}} {
		w.Refused(say("", to), parley.KindInvalid, "address-suppressed")
	}
	m := w.Send(w.Admin, core.SendParams{To: core.To{Conversation: conversationOf(w, ana.ID)}, Internal: true, Body: coretest.Text("a note")})
	w.Send(w.Admin, core.SendParams{To: core.To{Conversation: m.Conversation}, Record: &core.Record{Direction: parley.Outbound}, Body: coretest.Text("said")})
	page, _, err := w.Suppressions(t.Context(), w.Admin, consent.SuppressionFilter{Contact: ana.ID}, "", 10)
	w.Must(err)
	if len(page) != 2 {
		t.Fatalf("suppressions of the contact: %+v", page)
	}
	for _, s := range page {
		w.Must(w.Allow(t.Context(), w.Admin, s.ID))
		w.Refused(w.Allow(t.Context(), w.Admin, s.ID), parley.KindNotFound, "not-found")
	}
	w.Must(say(parley.ClassMarketing, core.To{Contact: ana.ID}))
}

func conversationOf(w *coretest.World, contact parley.ID) parley.ID {
	w.T.Helper()
	page, _, err := w.Conversations(w.T.Context(), w.Admin, core.ConversationFilter{Participant: contact}, "", 1)
	w.Must(err)
	return page[0].ID
}

// Whom nobody has as a contact is suppressed too, and what waits is not sent.
func TestSuppressedWhileItWaits(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	shared := parley.Address{Kind: "phone", Value: "+15550199", Shared: true}
	for range 2 {
		_, _, err := w.Directory.CreateContact(t.Context(), w.Admin, directory.ContactParams{Addresses: []parley.Address{shared}}, nil)
		w.Must(err)
	}
	to := core.To{Address: "phone:+15550199"}
	w.Say(w.Admin, to, "hello")
	later := w.Send(w.Admin, core.SendParams{To: to, Body: coretest.Text("later"), SendAt: w.Now().Add(1e9)})
	suppress(w, consent.SuppressionParams{Address: to.Address, Class: parley.ClassTransactional})
	_, err := w.Core.Send(t.Context(), w.Admin, core.SendParams{To: to, Body: coretest.Text("hello")})
	w.Refused(err, parley.KindInvalid, "address-suppressed")
	w.Advance(2e9)
	if n, err := w.Publish(t.Context(), 10); n != 1 || err != nil {
		t.Fatalf("published %d, %v", n, err)
	}
	m, err := w.Message(t.Context(), w.Admin, later.ID)
	w.Must(err)
	if m.State != parley.Canceled {
		t.Errorf("the scheduled message is %s", m.State)
	}
}

// Of several recipients those who do not want it are skipped.
func TestSomeRecipientsAreSuppressed(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	one, two := w.Contact(w.Admin, "One", "phone:+15550101"), w.Contact(w.Admin, "Two", "phone:+15550102")
	c, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: ch.ID,
		Participants: []thread.NewParticipant{{Contact: one.ID}, {Contact: two.ID}}}, nil)
	w.Must(err)
	suppress(w, consent.SuppressionParams{Contact: one.ID})
	m := w.Say(w.Admin, core.To{Conversation: c.ID}, "hello")
	if m.State != parley.Queued || m.Counts[parley.Queued] != 1 || m.Counts[parley.Skipped] != 1 {
		t.Errorf("accepted as %s %v", m.State, m.Counts)
	}
	deliveries, err := w.Deliveries(t.Context(), w.Admin, m.ID)
	w.Must(err)
	for _, d := range deliveries {
		if skipped := d.Recipient.ID == one.ID; skipped != (d.State == parley.Skipped) || skipped && (d.Code != "address-suppressed" || d.EndedAt.IsZero()) {
			t.Errorf("delivery: %+v", d)
		}
	}
	_, _, err = w.RetryDelivery(t.Context(), w.Admin, m.ID, slices.IndexFunc(deliveries, func(d parley.Delivery) bool { return d.Recipient.ID == one.ID })+1, nil)
	w.Refused(err, parley.KindConflict, "address-suppressed")
	suppress(w, consent.SuppressionParams{Contact: two.ID})
	_, err = w.Core.Send(t.Context(), w.Admin, core.SendParams{To: core.To{Conversation: c.ID}, Body: coretest.Text("hello")})
	w.Refused(err, parley.KindInvalid, "address-suppressed")
}

func TestBroadcastsSkipTheSuppressed(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	list, _, err := w.Directory.CreateBroadcast(t.Context(), w.Admin, directory.BroadcastParams{Name: "News"}, nil)
	w.Must(err)
	var ids []parley.ID
	for i := range 3 {
		ids = append(ids, w.Contact(w.Admin, "C", fmt.Sprint("phone:+1555010", i)).ID)
	}
	_, err = w.Directory.AddBroadcastMembers(t.Context(), w.Admin, list.ID, nil, ids)
	w.Must(err)
	suppress(w, consent.SuppressionParams{Contact: ids[1], Class: parley.ClassMarketing})
	for class, want := range map[parley.MessageClass]int{parley.ClassMarketing: 2, parley.ClassService: 3, "": 3} {
		m := w.Send(w.Admin, core.SendParams{To: core.To{Broadcast: list.ID}, Class: class, Body: coretest.Text("news")})
		copies, _, err := w.Messages(t.Context(), w.Admin, core.MessageFilter{Parent: m.ID}, "", 10)
		w.Must(err)
		if len(copies) != want {
			t.Errorf("%d copies of the class %q, want %d", len(copies), class, want)
		}
	}
}

// Whoever may not use a channel does not write on it by a list either.
func TestBroadcastsGoOnChannelsOfTheirAuthors(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	ch := w.Channel(w.Admin, "sms")
	open := false
	_, err := w.Directory.UpdateChannel(t.Context(), w.Admin, ch.ID, directory.ChannelPatch{Open: &open, Members: &[]parley.ID{ana.User}}, 0)
	w.Must(err)
	list, _, err := w.Directory.CreateBroadcast(t.Context(), w.Admin, directory.BroadcastParams{Name: "News"}, nil)
	w.Must(err)
	_, err = w.Directory.AddBroadcastMembers(t.Context(), w.Admin, list.ID, nil, []parley.ID{w.Contact(w.Admin, "C", "phone:+15550101").ID})
	w.Must(err)
	for _, by := range []*access.Principal{w.Admin, ana, ben} {
		m := w.Send(by, core.SendParams{To: core.To{Broadcast: list.ID}, Body: coretest.Text("news")})
		copies, _, err := w.Messages(t.Context(), w.Admin, core.MessageFilter{Parent: m.ID}, "", 10)
		w.Must(err)
		if want := by != ben; (len(copies) == 1) != want {
			t.Errorf("%s writes %d copies", by.UserName, len(copies))
		}
	}
}

func keywords(w *coretest.World, rules ...parley.Keyword) {
	w.T.Helper()
	_, err := w.Directory.UpdateOrganization(w.T.Context(), w.Admin, directory.OrganizationPatch{Keywords: &rules}, 0)
	w.Must(err)
}

func TestKeywords(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	keywords(w, parley.Keyword{Action: parley.KeywordStop, Platform: "sms", Answer: "You get no more messages."},
		parley.Keyword{Action: parley.KeywordStart, Answer: "Welcome back."}, parley.Keyword{Action: parley.KeywordHelp, Answer: "Call us."})
	address := core.To{Address: "phone:+15550100"}
	w.Say(w.Admin, address, "hello")
	said := func(text string) (answers []string) {
		t.Helper()
		end := len(w.Events(w.Admin, 0))
		customer(t, w, ch, connector.Inbound{Body: coretest.Text(text)})
		for _, e := range w.Events(w.Admin, 0)[end:] {
			if e.Type != parley.EventMessageCreated {
				continue
			}
			m, err := w.Message(t.Context(), w.Admin, e.Message)
			w.Must(err)
			if m.Direction == parley.Outbound {
				answers = append(answers, m.Body[0].Text)
				if m.Auto != parley.AutoKeyword || m.Author.Kind != parley.ActorSystem || m.State != parley.Queued {
					t.Errorf("answer: %+v", m)
				}
			}
		}
		return answers
	}
	send := func() error {
		_, err := w.Core.Send(t.Context(), w.Admin, core.SendParams{To: address, Body: coretest.Text("hello")})
		return err
	}
	for _, step := range []struct {
		text, answer string
		suppressed   bool
	}{{"please stop", "", false}, {"START", "", false}, {" Stop! ", "You get no more messages.", true}, {"STOP", "", true}, {"help", "Call us.", true},
		{"unstop", "Welcome back.", false}, {"start", "", false}, {"stop", "You get no more messages.", true}} {
		if got := fmt.Sprint(said(step.text)); got != fmt.Sprint([]string{step.answer}[:min(len(step.answer), 1)]) {
			t.Errorf("%q is answered %s, want %q", step.text, got, step.answer)
		}
		if step.suppressed {
			w.Refused(send(), parley.KindInvalid, "address-suppressed")
		} else {
			w.Must(send())
		}
	}
	if n := countEvents(w, parley.EventSuppressionCreated); n != 2 {
		t.Errorf("%d suppressions are told of", n)
	}
	// What the organization decided the customer cannot take back.
	suppress(w, consent.SuppressionParams{Address: address.Address, Reason: parley.ReasonAdmin})
	said("start")
	w.Refused(send(), parley.KindInvalid, "address-suppressed")
}

func TestKeywordRulesAreChecked(t *testing.T) {
	w := coretest.New(t)
	for field, rules := range map[string][]parley.Keyword{
		"policy.keywords[0].action":   {{Action: "jump"}},
		"policy.keywords[0].words[0]": {{Action: parley.KeywordStop, Words: []string{"!!"}}},
		"policy.keywords[0].locale":   {{Action: parley.KeywordStop, Locale: "English"}},
		"policy.keywords[0].class":    {{Action: parley.KeywordHelp, Class: parley.ClassAll}},
		"policy.keywords[1]":          {{Action: parley.KeywordStop}, {Action: parley.KeywordStart, Words: []string{"stop"}, Platform: "sms"}},
	} {
		_, err := w.Directory.UpdateOrganization(t.Context(), w.Admin, directory.OrganizationPatch{Keywords: &rules}, 0)
		if e := parley.AsError(err); err == nil || e.Kind != parley.KindInvalid || len(e.Fields) != 1 || e.Fields[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestBlockedSendersAreParked(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	ana := w.Contact(w.Admin, "Ana", "phone:+15550100")
	w.Say(w.Admin, core.To{Contact: ana.ID}, "hello")
	b, err := w.Block(t.Context(), w.Admin, consent.BlockParams{Contact: ana.ID, Note: "abusive"})
	w.Must(err)
	again, err := w.Block(t.Context(), w.Admin, consent.BlockParams{Contact: ana.ID})
	w.Must(err)
	if again.ID != b.ID || again.Note != "abusive" {
		t.Errorf("blocked again: %+v", again)
	}
	end := len(w.Events(w.Admin, 0))
	conversation, err := w.Conversation(t.Context(), w.Admin, conversationOf(w, ana.ID))
	w.Must(err)
	for _, id := range []string{"p1", "p2", "p1", ""} {
		customer(t, w, ch, connector.Inbound{ProviderID: id, Body: coretest.Text("you " + id)})
	}
	_, _, err = w.PlayInbound(t.Context(), w.Admin, core.InboundParams{From: "phone:+15550100", Body: coretest.Text("played"), ProviderID: "p3"},
		&access.Idempotency{Key: "k", Method: "POST", Path: "/"})
	w.Refused(err, parley.KindConflict, "sender-blocked")
	if events := w.Events(w.Admin, 0)[end:]; len(events) != 0 {
		t.Errorf("something is told: %+v", events)
	}
	after, err := w.Conversation(t.Context(), w.Admin, conversation.ID)
	w.Must(err)
	if !after.ActivityAt.Equal(conversation.ActivityAt) || after.LastSequence != conversation.LastSequence {
		t.Error("the conversation moved")
	}
	b, err = w.BlockedSender(t.Context(), w.Admin, b.ID)
	w.Must(err)
	if b.Parked != 4 {
		t.Errorf("%d are parked", b.Parked)
	}
	n, err := w.Unblock(t.Context(), w.Admin, b.ID, true)
	w.Must(err)
	if list := inbound(w); n != 4 || len(list) != 4 || list[0].Body[0].Text != "you p1" || list[0].Conversation != conversation.ID {
		t.Errorf("released %d: %+v", n, list)
	}
	customer(t, w, ch, connector.Inbound{ProviderID: "p2", Body: coretest.Text("once more by the provider")})
	if list := inbound(w); len(list) != 4 {
		t.Errorf("%d after a repeat", len(list))
	}
	_, err = w.Unblock(t.Context(), w.Admin, b.ID, true)
	w.Refused(err, parley.KindNotFound, "not-found")
}

// A block outlives the contact, and follows a merge; a shared address is nobody's.
func TestBlocksStay(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	ana, zoe := w.Contact(w.Admin, "Ana", "phone:+15550100"), w.Contact(w.Admin, "Zoe", "phone:+15550101")
	family := parley.Address{Kind: "phone", Value: "+15550102", Shared: true}
	_, err := w.Directory.AddAddresses(t.Context(), w.Admin, ana.ID, []parley.Address{family}, 0)
	w.Must(err)
	_, err = w.Block(t.Context(), w.Admin, consent.BlockParams{Contact: ana.ID})
	w.Must(err)
	_, err = w.Directory.MergeContact(t.Context(), w.Admin, ana.ID, zoe.ID, 0)
	w.Must(err)
	writes := func(value string) int {
		before := len(inbound(w))
		customer(t, w, ch, connector.Inbound{From: parley.Address{Kind: "phone", Value: value}})
		return len(inbound(w)) - before
	}
	if a, b, c := writes("+15550100"), writes("+15550101"), writes("+15550102"); a != 0 || b != 0 || c != 1 {
		t.Errorf("after the merge: %d %d %d", a, b, c)
	}
	twin := w.Contact(w.Admin, "Twin", "phone:+15550103")
	_, err = w.Block(t.Context(), w.Admin, consent.BlockParams{Contact: twin.ID})
	w.Must(err)
	writes("+15550103")
	_, err = w.Directory.MergeContact(t.Context(), w.Admin, twin.ID, zoe.ID, 0)
	w.Must(err)
	w.Must(w.Directory.DeleteContact(t.Context(), w.Admin, zoe.ID, 0))
	if a, b := writes("+15550100"), writes("+15550101"); a != 0 || b != 0 {
		t.Errorf("after the deletion: %d %d", a, b)
	}
	var list []parley.BlockedSender
	list, _, err = w.Blocked(t.Context(), w.Admin, "", 10)
	w.Must(err)
	if len(list) != 3 {
		t.Errorf("blocked are %+v", list)
	}
	for value, want := range map[string]int{"+15550100": 2, "+15550101": 2, "+15550103": 1} {
		at := slices.IndexFunc(list, func(b parley.BlockedSender) bool { return b.Address.Value == value })
		n, err := w.Unblock(t.Context(), w.Admin, list[at].ID, true)
		w.Must(err)
		if n != want {
			t.Errorf("%d of %s are taken in, not %d", n, value, want)
		}
	}
}
