package app_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
)

// fallen are rehearsals with an e-mail channel beside that for text messages.
type fallen struct {
	*rehearsal
	email string
}

func rehearseFallbacks(t *testing.T, a *app.App, operator *api.Client) *fallen {
	t.Helper()
	r := &fallen{rehearsal: rehearse(t, a, operator)}
	r.email = must[*api.Channel](t)(r.CreateChannel(t.Context(), api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true})).ID
	return r
}

// reachable makes a colleague with a phone number.
func (r *fallen) reachable(t *testing.T, a *app.App, name, phone string) colleague {
	t.Helper()
	who := r.colleague(t, a, name)
	must[*api.User](t)(r.PatchProfile(t.Context(), who.id, api.ProfilePatch{Phone: &phone}))
	return who
}

// handed is what the sandbox was handed of a message, oldest first: how long after the start, to whom, and the text.
func (r *fallen) handed(m *api.Message) (list []string) {
	r.t.Helper()
	for _, h := range must[*api.List[api.SandboxMessage]](r.t)(r.ListSandboxMessages(r.t.Context(), api.SandboxFilter{Message: m.ID})).Data {
		list = append(list, fmt.Sprintf("%s %s %s", h.At.Sub(r.start), h.To, h.Text))
	}
	slices.Reverse(list)
	return list
}

// deliveries are those of a message that fallbacks made, and first ones outside.
func (r *fallen) deliveries(m *api.Message) (list []string) {
	r.t.Helper()
	for _, d := range must[*api.List[api.Delivery]](r.t)(r.ListDeliveries(r.t.Context(), m.ID, api.Page{})).Data {
		if d.Channel != "" {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%d for %d: %s %s %s", d.Fallback, d.Instead, d.Address, d.Status, d.Code)))
		}
	}
	return list
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (r *fallen) onUnread(sms, email int64) []api.Fallback {
	return []api.Fallback{{Channel: r.sms, After: sms, On: api.OnUnread}, {Channel: r.email, After: email, On: api.OnUnread}}
}

// Who has not read a message in time is told of it by phone, then by e-mail, once each; not of what it says, unless the organization
// wants it. Nobody is who has read or acknowledged it, or does not want to be disturbed, nor when it has gone.
func TestFallbacksOfMembers(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	ana, ben := r.colleague(t, a, "Ana"), r.reachable(t, a, "Ben", "+1 555 010 0000")
	cleo, dora := r.reachable(t, a, "Cleo", "no number"), r.reachable(t, a, "Dora", "+15550102000")
	send := func(to api.Recipient, change func(*api.SendRequest)) *api.Message {
		return urgent(t, ana.Client, to, func(s *api.SendRequest) {
			if s.Priority, s.Fallback = "", r.onUnread(60, 120); change != nil {
				change(s)
			}
		})
	}
	toBen := api.Recipient{User: ben.id}
	unread, read, recalled := send(toBen, nil), send(toBen, nil), send(api.Recipient{User: dora.id}, nil)
	group := must[*api.Conversation](t)(ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup,
		Participants: []api.NewParticipant{{User: ben.id}, {User: cleo.id}, {User: dora.id}}}))
	several := send(api.Recipient{Conversation: group.ID}, func(s *api.SendRequest) { s.RequestAck = true })
	later := send(toBen, func(s *api.SendRequest) { s.SendAt = api.NewTime(r.start.Add(time.Hour)) })
	must[*api.User](t)(dora.SetDoNotDisturb(ctx, dora.id, api.DoNotDisturbRequest{}))
	r.advance(59 * time.Second)
	want(t, "before its time", append(r.handed(unread), r.handed(several)...))
	must[*api.Message](t)(ana.RecallMessage(ctx, recalled.ID))
	r.advance(11 * time.Second)
	if err := ben.MarkRead(ctx, read.ID); err != nil { // and what came before it
		t.Fatal(err)
	}
	if err := ben.Acknowledge(ctx, several.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(2 * time.Hour)
	want(t, "read after the first", r.handed(unread), "1m0s phone:+15550100000 You have a new message.")
	want(t, "recalled", append(r.handed(recalled), r.deliveries(recalled)...))
	want(t, "to several", r.handed(several), "1m0s phone:+15550100000 You have a new message. Answer ACK to acknowledge it.",
		"2m0s email:cleo@example.org You have a new message. Answer ACK to acknowledge it.")
	want(t, "deliveries to several", r.deliveries(several), "1 for 0: phone:+15550100000 read", "1 for 0:  skipped address-required", "1 for 0:  skipped do-not-disturb",
		"2 for 0: email:cleo@example.org read", "2 for 0:  skipped do-not-disturb")
	want(t, "scheduled", r.handed(later), "1h1m0s phone:+15550100000 You have a new message.", "1h2m0s email:ben@example.org You have a new message.")
	got := must[*api.Message](t)(r.GetMessage(ctx, several.ID))
	if !slices.Equal(got.Fallback, r.onUnread(60, 120)) || got.Counts.Sent != 3 || got.Acks.Acknowledged != 1 || got.Acks.Pending != 2 {
		t.Errorf("the message: %+v %+v %+v", got.Fallback, got.Counts, got.Acks)
	}
	if list := must[*api.List[api.Acknowledgement]](t)(ana.ListAcknowledgements(ctx, several.ID, api.Page{})).Data; len(list) != 3 {
		t.Errorf("who is to acknowledge it: %+v", list)
	}

	full, text := api.FallbackFull, "Look at Parley"
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{FallbackText: &text}}))
	m := send(toBen, nil)
	r.advance(90 * time.Second)
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{FallbackContent: &full}}))
	if h := r.handed(m); len(h) != 1 {
		t.Errorf("handed %v", h)
	}
	whole := send(toBen, nil)
	r.advance(time.Hour)
	if h := r.handed(whole); len(h) != 1 || !strings.HasSuffix(h[0], " Come at once") { // it was read there
		t.Errorf("all of it: %v", h)
	}
	narrow := slices.DeleteFunc(slices.Clone(allScopes(t, r.rehearsal)), func(s string) bool { return s == "users:read" || s == "conversations:read.private" })
	key := must[*api.Key](t)(r.CreateKey(ctx, api.KeyRequest{Name: "narrow", User: ana.id, Scopes: narrow}))
	for _, d := range must[*api.List[api.Delivery]](t)(clientOf(t, a, key.Secret).ListDeliveries(ctx, several.ID, api.Page{})).Data {
		if d.Address != "" {
			t.Errorf("who sees no users sees %+v", d)
		}
	}
	for _, h := range must[*api.List[api.SandboxMessage]](t)(dora.ListSandboxMessages(ctx, api.SandboxFilter{Message: whole.ID})).Data {
		if h.Text != text {
			t.Errorf("whoever sees the channel sees %q", h.Text)
		}
	}
}

// What fails, or is not read, goes to another address of the contact, with all that it says, unless that wants nothing.
func TestFallbacksOutside(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	contact := func(phone, email string) api.Recipient {
		c := must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: phone, Addresses: []api.Address{{Kind: "phone", Value: phone}, {Kind: "email", Value: email}}}))
		return api.Recipient{Contact: c.ID, Channel: r.sms}
	}
	fax := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Fax", Connector: "sandbox", Platform: "fax"})).ID
	send := func(to api.Recipient, list ...api.Fallback) *api.Message {
		return must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: to, Body: api.Text("Your results"), Fallback: list}))
	}
	onFailed := []api.Fallback{{Channel: fax, After: 5, On: api.OnFailed}, {Channel: r.email, After: 30, On: api.OnFailed}}
	bounces := send(contact("+15550110001", "anna@example.org"), onFailed...)
	arrives := send(contact("+15550120004", "bert@example.org"), onFailed...)
	unread := send(contact("+15550130004", "carl@example.org"), api.Fallback{Channel: r.email, After: 300, On: api.OnUnread})
	read := send(contact("+15550140000", "dana@example.org"), api.Fallback{Channel: r.email, After: 300, On: api.OnUnread})
	quiet := send(contact("+15550150001", "emil@example.org"), onFailed[1])
	must[*api.Suppressions](t)(r.Suppress(ctx, api.SuppressionRequest{Address: "email:emil@example.org"}))
	r.advance(10 * time.Minute)
	want(t, "bounced", r.handed(bounces), "0s phone:+15550110001 Your results", "35s email:anna@example.org Your results")
	want(t, "deliveries of what bounced", r.deliveries(bounces), "0 for 0: phone:+15550110001 failed bounced", "1 for 1:  skipped address-required", "2 for 1: email:anna@example.org read")
	want(t, "arrived", r.handed(arrives), "0s phone:+15550120004 Your results")
	want(t, "not read", r.handed(unread), "0s phone:+15550130004 Your results", "5m0s email:carl@example.org Your results")
	want(t, "read", r.handed(read), "0s phone:+15550140000 Your results")
	want(t, "suppressed", r.deliveries(quiet), "0 for 0: phone:+15550150001 failed bounced", "1 for 1: email:emil@example.org skipped address-suppressed")
	if m := must[*api.Message](t)(r.GetMessage(ctx, bounces.ID)); m.Status != api.Read || m.Counts != (api.Counts{Failed: 1, Skipped: 1, Read: 1}) {
		t.Errorf("what bounced is %s, %+v", m.Status, m.Counts)
	}

	paused, on := true, false
	must[*api.Channel](t)(r.PatchChannel(ctx, fax, api.ChannelPatch{Paused: &paused}))
	must[*api.Channel](t)(r.PatchChannel(ctx, fax, api.ChannelPatch{Paused: &on}))
	held := send(contact("+15550160004", "fred@example.org"), api.Fallback{Channel: r.email, After: 300, On: api.OnUnread})
	r.advance(200 * time.Second)
	must[*api.Channel](t)(r.PatchChannel(ctx, r.email, api.ChannelPatch{Paused: &paused}))
	r.advance(200 * time.Second)
	want(t, "while the channel is paused", r.deliveries(held)[1:], "1 for 1: email:fred@example.org queued")
	must[*api.Message](t)(r.RecallMessage(ctx, held.ID))
	must[*api.Channel](t)(r.PatchChannel(ctx, r.email, api.ChannelPatch{Paused: &on}))
	r.advance(time.Hour)
	want(t, "recalled while it waited", r.deliveries(held)[1:], "1 for 1: email:fred@example.org canceled content-removed")
}

// A fallback that could never work is refused, and says which it is.
func TestFallbacksRefused(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	ben := r.colleague(t, a, "Ben")
	other := must[*api.Channel](t)(operator.CreateChannel(ctx, api.ChannelRequest{Name: "Theirs", Connector: "sandbox", Platform: "sms"})).ID
	chat := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Chat", Connector: "sandbox", Platform: "chat"})).ID
	paused := true
	off := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Off", Connector: "sandbox", Platform: "sms"})).ID
	must[*api.Channel](t)(r.PatchChannel(ctx, off, api.ChannelPatch{Paused: &paused}))
	user, outside := api.Recipient{User: ben.id}, api.Recipient{Address: "phone:+15550100000"}
	one := func(channel string, after int64, on api.FallbackOn) []api.Fallback {
		return []api.Fallback{{Channel: channel, After: after, On: on}}
	}
	for name, c := range map[string]struct {
		to          api.Recipient
		list        []api.Fallback
		field, code string
	}{
		"six":         {user, slices.Repeat(one(r.sms, 1, api.OnUnread), 6), "fallback", "too-many"},
		"none":        {user, one("", 1, api.OnUnread), "fallback[0].channel", ""},
		"unknown":     {user, one(ben.id, 1, api.OnUnread), "fallback[0].channel", "channel-unknown"},
		"another's":   {user, one(other, 1, api.OnUnread), "fallback[0].channel", "channel-unknown"},
		"paused":      {user, one(off, 1, api.OnUnread), "fallback[0].channel", "channel-paused"},
		"its own":     {outside, one(r.sms, 1, api.OnUnread), "fallback[0].channel", "fallback-same-channel"},
		"no wait":     {user, one(r.sms, 0, api.OnUnread), "fallback[0].after", "out-of-range"},
		"a long wait": {user, one(r.sms, 604801, api.OnUnread), "fallback[0].after", "out-of-range"},
		"on nothing":  {user, one(r.sms, 1, "delivered"), "fallback[0].on", "value-unknown"},
		"twice":       {user, append(one(r.sms, 1, api.OnUnread), one(r.sms, 2, api.OnUnread)...), "fallback[1].channel", "duplicate"},
		"no order":    {user, r.onUnread(60, 60), "fallback[1].after", "fallback-order"},
		"no failure":  {user, one(r.sms, 1, api.OnFailed), "fallback[0].on", "fallback-never"},
		"no address":  {user, one(chat, 1, api.OnUnread), "fallback[0].channel", "address-kind"},
	} {
		_, err := r.Send(ctx, api.SendRequest{To: c.to, Body: api.Text("x"), Fallback: c.list})
		e, ok := errors.AsType[*api.Error](err)
		if !ok || e.HTTPStatus != 422 || e.Errors[0].Field != c.field || c.code != "" && e.Errors[0].Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := r.Send(ctx, api.SendRequest{To: outside, DeleteOnRead: true, Body: api.Text("x"), Fallback: one(r.email, 1, api.OnUnread)})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Errors[0].Field != "fallback" {
		t.Errorf("deleted on read: %v", err)
	}
	_, err = r.Send(ctx, api.SendRequest{To: outside, Internal: true, Body: api.Text("x"), Fallback: one(r.email, 1, api.OnUnread)})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Errors[0].Field != "fallback" {
		t.Errorf("internal: %v", err)
	}
}

// Each copy of a broadcast has the fallbacks, for its own recipient.
func TestFallbacksOfBroadcasts(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	ben := r.reachable(t, a, "Ben", "+15550100000")
	c := must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: "Bella", Addresses: []api.Address{{Kind: "phone", Value: "+15550170004"}, {Kind: "email", Value: "bella@example.org"}}}))
	list := must[*api.Broadcast](t)(r.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"}))
	must[*api.Broadcast](t)(r.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{ben.id}, Contacts: []string{c.ID}}))
	m := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list.ID}, Body: api.Text("Closed today"), Fallback: r.onUnread(60, 120)}))
	r.advance(time.Hour)
	copies := must[*api.List[api.Message]](t)(r.ListMessages(ctx, api.MessageFilter{Parent: m.ID})).Data
	for i := range copies {
		if copies[i].Channel == "" {
			want(t, "to the user", r.deliveries(&copies[i]), "1 for 0: phone:+15550100000 read", "2 for 0: email:ben@example.org read")
		} else {
			want(t, "to the contact", r.deliveries(&copies[i]), "0 for 0: phone:+15550170004 delivered", "1 for 1: phone:+15550170004 skipped fallback-same-channel", "2 for 1: email:bella@example.org read")
		}
	}
	if h := r.handed(m); len(copies) != 2 || len(h) > 0 || len(m.Fallback) != 2 {
		t.Errorf("%d copies, of the message itself went out %v", len(copies), h)
	}
}

// Those who are reached in the same way do not see each other, and what is deleted on read leaves nothing outside.
func TestFallbacksApart(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	full := api.FallbackFull
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{FallbackContent: &full}}))
	ana := r.colleague(t, a, "Ana")
	var participants []api.NewParticipant
	for _, name := range []string{"Ben", "Cleo", "Dora", "Emil"} {
		participants = append(participants, api.NewParticipant{User: r.colleague(t, a, name).id})
	}
	group := must[*api.Conversation](t)(ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants}))
	mail := []api.Fallback{{Channel: r.email, After: 60, On: api.OnUnread}}
	several := urgent(t, ana.Client, api.Recipient{Conversation: group.ID}, func(s *api.SendRequest) { s.Fallback = mail })
	short := urgent(t, ana.Client, api.Recipient{Conversation: group.ID}, func(s *api.SendRequest) { s.Fallback, s.DeleteOnRead = mail, true })
	r.advance(time.Hour)
	for m, text := range map[*api.Message]string{several: "Come at once", short: "You have a new message."} {
		list := must[*api.List[api.SandboxMessage]](t)(r.ListSandboxMessages(ctx, api.SandboxFilter{Message: m.ID})).Data
		to := map[string]bool{}
		for _, h := range list {
			if to[h.To] = true; len(h.Shown) > 0 || h.Role != "" || h.Text != text {
				t.Errorf("handed out: %+v", h)
			}
		}
		if len(list) != 4 || len(to) != 4 {
			t.Errorf("handed out to %v", to)
		}
	}
}

// However many nodes there are, each fallback goes out once.
func TestFallbacksOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	n.start(func(*config.Config) {})
	r := rehearseFallbacks(t, first.app, first.Client)
	ana, ben := r.colleague(t, first.app, "Ana"), r.reachable(t, first.app, "Ben", "+15550100000")
	var sent []*api.Message
	for range 10 {
		sent = append(sent, urgent(t, ana.Client, api.Recipient{User: ben.id}, func(s *api.SendRequest) { s.Fallback = r.onUnread(60, 120) }))
	}
	r.advance(time.Hour)
	for _, m := range sent {
		if got := r.handed(m); len(got) != 2 {
			t.Errorf("handed out were %v", got)
		}
	}
}

// Outside, a fallback waits for the end of quiet hours; who is written to in them is waited for from then on.
func TestFallbacksInQuietHours(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	now := must[*api.Clock](t)(r.GetClock(ctx)).Now
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	must[*api.Clock](t)(r.MoveClock(ctx, api.ClockMove{To: api.NewTime(midnight.Add(-2 * time.Minute))}))
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{
		QuietHours: &api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{{From: "00:00", To: "06:00"}}}}}))
	c := must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: "Bella", Addresses: []api.Address{{Kind: "phone", Value: "+15550170004"}, {Kind: "email", Value: "bella@example.org"}}}))
	send := func() *api.Message {
		return must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Contact: c.ID, Channel: r.sms}, Body: api.Text("Hello"),
			Fallback: []api.Fallback{{Channel: r.email, After: 600, On: api.OnUnread}}}))
	}
	before := send()
	r.advance(time.Hour)
	within := send()
	r.advance(8 * time.Hour)
	r.start = midnight
	want(t, "sent before", r.handed(before), "-2m0s phone:+15550170004 Hello", "6h0m0s email:bella@example.org Hello")
	want(t, "sent meanwhile", r.handed(within), "6h0m0s phone:+15550170004 Hello", "6h10m0s email:bella@example.org Hello")
}
