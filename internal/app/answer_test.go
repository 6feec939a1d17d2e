package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// play plays a text from a phone.
func (r *fallen) play(from, text string, options ...func(*api.SandboxInbound)) *api.Message {
	r.t.Helper()
	in := api.SandboxInbound{Channel: r.sms, From: from, Body: api.Text(text)}
	for _, o := range options {
		o(&in)
	}
	return must[*api.Message](r.t)(r.PlayInbound(r.t.Context(), in))
}

// A word from where a fallback went acknowledges the newest message that went there, for whom it went there: nobody is reminded of it any
// more, and no other fallback follows.
func TestAcknowledgedFromAnywhere(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	const phone = "phone:+15550100004"
	ana, ben := r.colleague(t, a, "Ana"), r.reachable(t, a, "Ben", "+15550100004")
	names := map[string]string{ben.id: "Ben"}
	send := func(to api.Recipient, change func(*api.SendRequest)) *api.Message {
		return urgent(t, ana.Client, to, func(s *api.SendRequest) {
			if s.Fallback = r.onUnread(60, 3600); change != nil {
				change(s)
			}
		})
	}
	acknowledged := func(m *api.Message) bool {
		list := must[*api.List[api.Interaction]](t)(r.ListInteractions(ctx, m.ID, api.Page{})).Data
		return slices.ContainsFunc(list, func(i api.Interaction) bool { return i.Kind == api.InteractionAcknowledged && i.Actor.ID == ben.id })
	}
	is := func(what string, m *api.Message, want bool) {
		t.Helper()
		if acknowledged(m) != want {
			t.Errorf("%s: acknowledged is %v", what, !want)
		}
	}
	r.play(phone, "ack") // to nothing
	older, newer := send(api.Recipient{User: ben.id}, nil), send(api.Recipient{User: ben.id}, func(s *api.SendRequest) { s.RequestAck = true })
	quiet := must[*api.Message](t)(ana.Send(ctx, api.SendRequest{To: api.Recipient{User: ben.id}, Body: api.Text("no fallback"), RequestAck: true}))
	r.play(phone, "ack") // before it went out
	is("before the fallback", newer, false)
	r.advance(3 * time.Minute)
	r.play("phone:+15550100005", "ack")
	r.play(phone, "What is it?")
	is("by somebody else, or another word", newer, false)
	said := r.play(phone, " Ack. ")
	is("the newest", newer, true)
	is("the older", older, false)
	if said.Direction != "inbound" || said.ConversationID == newer.ConversationID {
		t.Errorf("the word is %+v", said)
	}
	is("what went nowhere", quiet, false)
	if m := must[*api.Message](t)(r.GetMessage(ctx, newer.ID)); m.Acks.Acknowledged != 1 || m.Acks.Pending != 0 {
		t.Errorf("the message: %+v", m.Acks)
	}
	r.advance(2 * time.Hour)
	r.wantReminders(r.Client, newer, names, "2m0s: 1 Ben")
	r.wantReminders(r.Client, older, names, everyTwoMinutes(1, 10, "Ben")...)
	if h := r.handed(newer); len(h) != 1 {
		t.Errorf("after it was acknowledged: %v", h)
	}
	r.play(phone, "1")
	is("the older, later", older, true)

	group := must[*api.Conversation](t)(ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: ben.id}}}))
	left := send(api.Recipient{Conversation: group.ID}, nil)
	r.advance(2 * time.Minute)
	if err := r.RemoveParticipant(ctx, group.ID, ben.id); err != nil {
		t.Fatal(err)
	}
	r.play(phone, "ack")
	is("by who has left", left, false)
}

// Somebody outside acknowledges from where the fallback went to, too.
func TestAcknowledgedFromOutsideAnywhere(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	c := must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: "Bella", Addresses: []api.Address{{Kind: "phone", Value: "+15550170004"}, {Kind: "email", Value: "noread@example.org"}}}))
	m := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Contact: c.ID, Channel: r.sms}, Body: api.Text("Come in"), RequestAck: true,
		Fallback: []api.Fallback{{Channel: r.email, After: 60, On: api.OnUnread}}}))
	r.advance(5 * time.Minute)
	if h := r.handed(m); len(h) != 2 {
		t.Fatalf("handed out: %v", h)
	}
	must[*api.Message](t)(r.PlayInbound(ctx, api.SandboxInbound{Channel: r.email, From: "email:noread@example.org", Body: api.Text("ACK")}))
	if got := must[*api.Message](t)(r.GetMessage(ctx, m.ID)); got.Acks.Acknowledged != 1 || got.Acks.Pending != 0 {
		t.Errorf("the message: %+v", got.Acks)
	}
}

// What a user answers to a fallback is the user's reply, where the organization wants that; else, and where the user may not reply, it is a
// message from outside. It is taken in once.
func TestFallbackReplies(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	const phone = "phone:+15550100004"
	ana, ben := r.colleague(t, a, "Ana"), r.reachable(t, a, "Ben", "+15550100004")
	group := must[*api.Conversation](t)(ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: ben.id}}}))
	send := func(to api.Recipient) *api.Message {
		m := urgent(t, ana.Client, to, func(s *api.SendRequest) { s.Fallback = r.onUnread(60, 3600) })
		r.advance(2 * time.Minute)
		return m
	}
	first := send(api.Recipient{Conversation: group.ID})
	if m := r.play(phone, "On my way"); m.Direction != "inbound" {
		t.Errorf("where nobody wants replies: %+v", m)
	}
	yes := true
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{FallbackReplies: &yes,
		Keywords: &[]api.Keyword{{Action: "help", Platform: "sms", Words: []string{"help"}, Answer: "Call us."}}}}))
	send(api.Recipient{User: ben.id})
	var replies []*api.Message
	for range 2 { // the provider tells twice
		replies = append(replies, r.play(phone, "In a minute", func(in *api.SandboxInbound) { in.ProviderID = "p1" }))
	}
	if replies[0].ID != replies[1].ID || replies[0].Author.ID != ben.id || replies[0].Direction != "none" || replies[0].ReplyTo == "" || replies[0].ConversationID == group.ID {
		t.Errorf("the reply: %+v, again %+v", replies[0], replies[1])
	}
	for _, h := range must[*api.List[api.SandboxMessage]](t)(r.ListSandboxMessages(ctx, api.SandboxFilter{Message: first.ID})).Data {
		named := r.play(phone, "To the first", func(in *api.SandboxInbound) { in.ReplyTo = h.MessageID })
		if named.ConversationID != group.ID || named.ReplyTo != first.ID || named.Author.ID != ben.id {
			t.Errorf("a reply to what is named: %+v", named)
		}
	}
	if list := must[*api.List[api.Message]](t)(ana.ListConversationMessages(ctx, group.ID, api.Page{})).Data; len(list) != 2 {
		t.Errorf("in the group: %d", len(list))
	}
	for _, text := range []string{"help", "ack"} {
		if m := r.play(phone, text); m.Direction != "inbound" {
			t.Errorf("%q is %+v", text, m)
		}
	}
	if err := r.RemoveParticipant(ctx, group.ID, ben.id); err != nil {
		t.Fatal(err)
	}
	if m := r.play(phone, "Still there?", func(in *api.SandboxInbound) { in.ReplyTo = first.ID }); m.Direction != "inbound" {
		t.Errorf("by who has left: %+v", m)
	}
	r.advance(25 * time.Hour)
	if m := r.play(phone, "Hello?"); m.Direction != "inbound" {
		t.Errorf("a day later: %+v", m)
	}
}
