package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// atNight moves the clock to a Monday, three in the morning, and makes a schedule that opens at nine in UTC, the default one.
func (r *rehearsal) atNight() (schedule string) {
	r.t.Helper()
	now := must[*api.Clock](r.t)(r.GetClock(r.t.Context())).Now.Time
	night := now.Truncate(24 * time.Hour).Add(3 * time.Hour)
	for night.Weekday() != time.Monday || night.Before(now) {
		night = night.Add(24 * time.Hour)
	}
	r.advance(night.Sub(now).Truncate(time.Second)) // as the clock takes it
	r.advance(time.Second)
	var week []api.DayHours
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		week = append(week, api.DayHours{Day: day, From: "09:00", To: "17:00"})
	}
	return must[*api.Schedule](r.t)(r.CreateSchedule(r.t.Context(), api.ScheduleRequest{Name: "Desk", TimeZone: "UTC", Weekly: week, Default: true})).ID
}

// hear plays a message of a customer.
func (r *rehearsal) hear(from, text string, change func(*api.SandboxInbound)) *api.Message {
	r.t.Helper()
	in := api.SandboxInbound{From: from, Channel: r.sms, Body: api.Text(text)}
	if change != nil {
		change(&in)
	}
	return must[*api.Message](r.t)(r.PlayInbound(r.t.Context(), in))
}

// answers are the texts that were answered by themselves in a conversation, oldest first.
func (r *rehearsal) answers(conversation string) (texts []string) {
	r.t.Helper()
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return r.ListConversationMessages(r.t.Context(), conversation, api.Page{After: after})
	}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if m.Auto == "reply" {
			texts = append([]string{m.Text}, texts...)
		}
	}
	return texts
}

func (r *rehearsal) answered(what, conversation string, want ...string) {
	r.t.Helper()
	if got := r.answers(conversation); fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("%s: answered %q, want %q", what, got, want)
	}
}

// Whoever writes while the desk is closed is told so, once a while, and nobody answers machines.
func TestAutoReplies(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	schedule := r.atNight()
	closed := must[*api.AutoReply](t)(r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Closed", When: "closed", Text: "We are closed.", Throttle: new(int64(7200))}))
	const ana, bo = "phone:+15550101", "phone:+15550102"
	first := r.hear(ana, "Hello?", func(in *api.SandboxInbound) { in.ProviderID = "p1" })
	talk := first.ConversationID
	r.hear(ana, "Hello?", func(in *api.SandboxInbound) { in.ProviderID = "p1" })
	r.hear(ana, "Anybody?", nil)
	r.answered("twice within the throttle", talk, "We are closed.")
	page := must[*api.List[api.Message]](t)(r.ListConversationMessages(ctx, talk, api.Page{})).Data
	reply := page[1]
	if reply.ReplyTo != first.ID || reply.Class != api.ClassService || reply.Direction != "outbound" || reply.Author.Kind != api.ActorSystem {
		t.Errorf("the answer: %+v", reply)
	}
	r.advance(10 * time.Second)
	if d := r.delivery(&reply); d.Attempts != 1 || d.Status == "failed" {
		t.Errorf("its delivery: %+v", d)
	}
	for what, change := range map[string]func(*api.SandboxInbound){
		"a machine's message": func(in *api.SandboxInbound) { in.Automatic = true },
		"an acknowledgement":  func(in *api.SandboxInbound) { in.Body = api.Text("Ack") },
	} {
		m := r.hear("phone:+1555020"+fmt.Sprint(len(what)), "hello", change)
		r.answered(what, m.ConversationID)
	}
	r.advance(2 * time.Hour)
	r.hear(ana, "Still nobody?", nil)
	r.answered("after the throttle", talk, "We are closed.", "We are closed.")

	must[*api.Suppressions](t)(r.Suppress(ctx, api.SuppressionRequest{Address: bo, Class: api.ClassService}))
	r.answered("who does not want it", r.hear(bo, "Hello", nil).ConversationID)
	must[*api.BlockedSender](t)(r.BlockSender(ctx, api.BlockRequest{Address: "phone:+15550103"}))
	if _, err := r.PlayInbound(ctx, api.SandboxInbound{From: "phone:+15550103", Channel: r.sms, Body: api.Text("x")}); err == nil {
		t.Error("a blocked sender is heard")
	}

	r.advance(5 * time.Hour)
	r.hear(ana, "Good morning", nil)
	r.answered("while it is open", talk, "We are closed.", "We are closed.")
	r.rulesInOrder(closed, schedule)
}

// rulesInOrder: the first rule that fits answers; a template answers in its locale; and two that answer each other stop.
func (r *rehearsal) rulesInOrder(closed *api.AutoReply, schedule string) {
	r.t.Helper()
	ctx, t := r.t.Context(), r.t
	welcome := must[*api.Template](t)(r.CreateTemplate(ctx, api.TemplateRequest{Name: "Welcome", TemplateText: api.TemplateText{DefaultLocale: "en", Locales: []api.TemplateLocale{
		{Locale: "en", Body: api.Text("Welcome to {{place}}!")}, {Locale: "de", Body: api.Text("Willkommen in {{place}}!")}}, Variables: []api.TemplateVariable{{Name: "place", Default: "Bonn"}}}}))
	_, err := r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Welcome", When: "first", Template: &api.AutoTemplate{ID: welcome.ID}})
	wantCode(t, err, "template-unpublished")
	must[*api.Template](t)(r.PublishTemplate(ctx, welcome.ID, api.TemplateChoice{}))
	must[*api.AutoReply](t)(r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Welcome", When: "first", Template: &api.AutoTemplate{ID: welcome.ID, Locale: "de"}, Throttle: new(int64(0))}))
	open := must[*api.AutoReply](t)(r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Open", When: "open", Schedule: schedule, Position: 1, Text: "We are there.", Throttle: new(int64(0)), Each: "conversation", Limit: 20}))
	talk := r.hear("phone:+15550104", "Hello", nil).ConversationID
	r.answered("the first message", talk, "Willkommen in Bonn!")
	for range 10 { // another system, which answers whatever it is told
		r.hear("phone:+15550104", "This is an automatic answer.", nil)
	}
	if got := r.answers(talk); len(got) != 5 {
		t.Errorf("answered %q", got)
	}
	r.advance(time.Hour)
	r.hear("phone:+15550104", "This is an automatic answer.", nil)
	if got := r.answers(talk); len(got) != 6 {
		t.Errorf("an hour later answered %q", got)
	}
	err = r.DeleteSchedule(ctx, schedule)
	wantCode(t, err, "schedule-used")
	if err := r.DeleteAutoReply(ctx, open.ID, api.IfMatch(open.Rev)); err != nil {
		t.Error(err)
	}
	r.hear("phone:+15550104", "And now?", nil)
	if got := r.answers(talk); len(got) != 6 {
		t.Errorf("without the rule answered %q", got)
	}
	team := must[*api.Team](t)(r.CreateTeam(ctx, api.TeamRequest{Name: "Night"})).ID
	must[*api.AutoReply](t)(r.PatchAutoReply(ctx, closed.ID, api.AutoReplyPatch{When: new("always"), Teams: &[]string{team}, Text: new("The night shift will answer.")}, api.IfMatch(closed.Rev)))
	r.advance(time.Hour)
	r.hear("phone:+15550104", "And now?", nil)
	must[*api.Conversation](t)(r.PatchConversation(ctx, talk, api.ConversationPatch{Assignees: &[]api.Assignee{{Kind: api.ActorTeam, ID: team}}}))
	r.hear("phone:+15550104", "And now?", nil)
	if got := r.answers(talk); len(got) != 7 || got[6] != "The night shift will answer." {
		t.Errorf("for the team answered %q", got)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := err.(*api.Error); !ok || e.Code != code {
		t.Errorf("the error is %v, want %s", err, code)
	}
}

// What is sent in quiet hours waits for their end where its recipient is, in its order, and what may not wait does not.
func TestQuietHours(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	r.atNight() // Monday, 03:00 UTC
	night := must[*api.Clock](t)(r.GetClock(ctx)).Now.Truncate(time.Hour)
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: &api.QuietHours{TimeZone: "UTC",
		Intervals: []api.QuietInterval{{From: "00:00", To: "08:00"}, {From: "21:00", To: "24:00"}}}}}))
	contact := func(name, zone, phone string) string {
		return must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: name, Attributes: map[string]string{"timeZone": zone}, Addresses: []api.Address{{Kind: "phone", Value: phone}}})).ID
	}
	here, there, nowhere := contact("Ana", "", "+15550100000"), contact("Bo", "Asia/Tokyo", "+15550100010"), contact("Cy", "No/Where", "+15550100020")
	send := func(to string, change func(*api.SendRequest)) *api.Message {
		s := api.SendRequest{To: api.Recipient{Contact: to}, Body: api.Text("Good morning")}
		if change != nil {
			change(&s)
		}
		return must[*api.Message](t)(r.Send(ctx, s))
	}
	first := send(here, nil)
	second := send(here, nil)
	third := send(here, nil)
	code := send(here, func(s *api.SendRequest) { s.Class = api.ClassAuthentication })
	urgent := send(here, func(s *api.SendRequest) { s.Priority = api.PriorityHigh })
	awake, lost := send(there, nil), send(nowhere, nil)
	short := send(nowhere, func(s *api.SendRequest) { s.Validity = 3600 })
	later := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Contact: here}, Body: api.Text("x"), SendAt: api.NewTime(night.Add(time.Hour))}))
	morning := api.NewTime(night.Add(5 * time.Hour))
	for _, m := range []*api.Message{first, second, lost} {
		d := r.delivery(m)
		if !m.NotBefore.Equal(morning.Time) || d.Status != "queued" || d.Code != "quiet-hours" || !d.NextAttemptAt.Equal(morning.Time) || m.Status != "queued" {
			t.Errorf("in the night %+v, its delivery %+v", m, d)
		}
	}
	must[*api.Message](t)(r.RecallMessage(ctx, first.ID))
	desk := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Desk", Connector: "sandbox", Platform: "sms"})).ID
	moved := send(here, func(s *api.SendRequest) { s.To.Channel = desk })
	must[*api.Conversation](t)(r.MergeConversation(ctx, moved.ConversationID, api.ConversationMerge{Into: second.ConversationID}))
	r.advance(2 * time.Hour)
	for what, m := range map[string]*api.Message{"a code": code, "an urgent message": urgent, "where it is day": awake} {
		if d := r.delivery(m); d.Attempts != 1 || !m.NotBefore.IsZero() {
			t.Errorf("%s: %+v", what, d)
		}
	}
	for what, m := range map[string]*api.Message{"the second": second, "the third": third, "without a zone": lost, "scheduled": later, "moved": moved} {
		if d := r.delivery(m); d.Attempts != 0 || d.Status != "queued" {
			t.Errorf("%s, while it is quiet: %+v", what, d)
		}
	}
	if d := r.delivery(first); d.Status != "canceled" {
		t.Errorf("recalled: %+v", d)
	}
	if d := r.delivery(short); d.Status != "expired" || d.Attempts != 0 {
		t.Errorf("what is not valid so long: %+v", d)
	}
	r.advance(3*time.Hour + time.Minute)
	var sent []time.Time
	for what, m := range map[string]*api.Message{"the second": second, "without a zone": lost, "the third": third, "scheduled": later, "moved": moved} {
		d := r.delivery(m)
		if d.Attempts != 1 || d.SentAt.Before(morning.Time) || d.Code != "" {
			t.Errorf("%s, in the morning: %+v", what, d)
		}
		sent = append(sent, d.SentAt.Time)
	}
	if r.delivery(third).SentAt.Before(r.delivery(second).SentAt.Time) || len(sent) != 5 {
		t.Error("the third was sent before the second")
	}
	if m := send(here, nil); !m.NotBefore.IsZero() {
		t.Errorf("in the day: %+v", m)
	}
	must[*api.Contact](t)(r.PatchContact(ctx, here, api.ContactPatch{Attributes: map[string]*string{"timeZone": new("America/Los_Angeles")}}))
	if m := send(here, nil); !m.NotBefore.Equal(night.Add(13 * time.Hour)) {
		t.Errorf("after a journey: %+v", m.NotBefore)
	}
}

// clocks is how a conversation stands.
func (r *rehearsal) clocks(conversation string) *api.SLA {
	r.t.Helper()
	c := must[*api.Conversation](r.t)(r.GetConversation(r.t.Context(), conversation))
	if c.SLA == nil {
		r.t.Fatalf("the conversation has no clocks: %+v", c)
	}
	return c.SLA
}

// told are the events about clocks of a conversation.
func (r *rehearsal) told(conversation string) (list []string) {
	r.t.Helper()
	for e, err := range r.Events(r.t.Context(), api.EventFilter{Types: []string{string(api.EventConversationSLA)}, Conversation: conversation}) {
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, e.Data.Reason+" "+e.Data.Status)
	}
	return list
}

// listed are the conversations of a list by clocks.
func (r *rehearsal) listed(sla string) (list []string) {
	r.t.Helper()
	for c, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		return r.ListConversations(r.t.Context(), api.ConversationFilter{SLA: sla, Page: api.Page{After: after, Limit: 1}})
	}) {
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, c.ID)
	}
	return list
}

func (r *rehearsal) wantList(what string, got []string, want ...string) {
	r.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Clocks of conversations count the hours that are open, from the customer's message to the answer and the end, and tell what is late.
func TestSLA(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	schedule := r.atNight() // Monday, 03:00; it is open from 09:00 to 17:00
	night := must[*api.Clock](t)(r.GetClock(ctx)).Now.Truncate(time.Hour)
	at := func(h float64) time.Time { return night.Add(time.Duration((h - 3) * float64(time.Hour))) }
	near := func(what string, got api.Time, want time.Time) {
		t.Helper()
		if d := got.Sub(want); got.IsZero() || d < 0 || d > 2*time.Second {
			t.Errorf("%s at %s, want %s", what, got, want)
		}
	}
	policy := must[*api.SLAPolicy](t)(r.CreateSLAPolicy(ctx, api.SLAPolicyRequest{Name: "Gold", Hours: "business", WarnBefore: 1800, Pause: []string{"snoozed"}, Conditions: api.SLAConditions{Platforms: []string{"sms"}},
		Targets: []api.SLATarget{{FirstResponse: 3600, NextResponse: 7200, Resolution: 4 * 3600}, {Priority: 5, FirstResponse: 600}}}))
	first := r.hear("phone:+15550100000", "Hello?", nil).ConversationID
	second := r.hear("phone:+15550100010", "Hello?", nil).ConversationID
	s := r.clocks(first)
	near("the first answer is due", s.FirstResponse.DueAt, at(10))
	near("the end is due", s.Resolution.DueAt, at(13))
	near("something is due", s.DueAt, at(10))
	if s.NextResponse != nil || s.Policy != policy.ID {
		t.Errorf("it stands so: %+v", s)
	}
	must[*api.Conversation](t)(r.PatchConversation(ctx, second, api.ConversationPatch{Priority: new(5)}))
	near("of high priority", r.clocks(second).FirstResponse.DueAt, at(9+1.0/6))
	r.wantList("due", r.listed("due"), second, first)

	r.advance(6*time.Hour + 5*time.Minute) // 09:05
	answer := r.say("", func(s *api.SendRequest) { s.To = api.Recipient{Conversation: second} })
	if s = r.clocks(second); s.FirstResponse.DoneAt.IsZero() || !s.FirstResponse.BreachedAt.IsZero() || !s.FirstResponse.DoneAt.Equal(answer.SentAt.Time) {
		t.Errorf("answered in time: %+v", s.FirstResponse)
	}
	r.wantList("told of the second", r.told(second), "firstResponse warned")
	r.advance(time.Hour) // 10:05
	r.wantList("told of the first", r.told(first), "firstResponse warned", "firstResponse breached")
	r.wantList("breached", r.listed("breached"), first)
	s = r.clocks(first)
	if s.FirstResponse.BreachedAt != s.FirstResponse.DueAt || s.BreachedAt != s.FirstResponse.BreachedAt {
		t.Errorf("breached: %+v", s.FirstResponse)
	}
	r.say("", func(s *api.SendRequest) { s.To = api.Recipient{Conversation: first} })
	r.wantList("breached, when it was answered", r.listed("breached"))

	// What is written further is waited for from its first message; while it sleeps nothing counts.
	r.hear("phone:+15550100000", "And then?", nil)
	r.advance(time.Minute)
	r.hear("phone:+15550100000", "Well?", nil)
	near("the next answer is due", r.clocks(first).NextResponse.DueAt, at(12+5.0/60))
	must[*api.Conversation](t)(r.PatchConversation(ctx, first, api.ConversationPatch{Status: api.ConversationSnoozed, SnoozedUntil: api.NewTime(at(11 + 6.0/60))}))
	if s = r.clocks(first); s.PausedAt.IsZero() || !s.NextResponse.DueAt.IsZero() || !s.DueAt.IsZero() {
		t.Errorf("while it sleeps: %+v", s)
	}
	r.advance(time.Hour) // 11:06
	near("after it slept", r.clocks(first).NextResponse.DueAt, at(13+5.0/60))
	r.say("", func(s *api.SendRequest) { s.To = api.Recipient{Conversation: first} })
	must[*api.Conversation](t)(r.PatchConversation(ctx, first, api.ConversationPatch{Status: api.ConversationClosed}))
	if s = r.clocks(first); s.NextResponse.DoneAt.IsZero() || s.Resolution.DoneAt.IsZero() || !s.Resolution.BreachedAt.IsZero() || !s.DueAt.IsZero() {
		t.Errorf("at its end: %+v", s)
	}
	r.wantList("due at last", r.listed("due"), second)
	r.mergesClocks(policy, schedule, near, at)
}

// mergesClocks: hours that change count for clocks that run, and of two conversations that are one the earlier clock stays.
func (r *rehearsal) mergesClocks(policy *api.SLAPolicy, schedule string, near func(string, api.Time, time.Time), at func(float64) time.Time) {
	r.t.Helper()
	ctx, t := r.t.Context(), r.t
	desk := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Desk", Connector: "sandbox", Platform: "sms"})).ID
	third := r.hear("phone:+15550100020", "Hello?", nil).ConversationID
	r.advance(10 * time.Minute) // 11:16
	other := r.hear("phone:+15550100020", "Hello?", func(in *api.SandboxInbound) { in.Channel = desk }).ConversationID
	near("of the third", r.clocks(third).FirstResponse.DueAt, at(12+6.0/60))
	must[*api.Conversation](t)(r.MergeConversation(ctx, third, api.ConversationMerge{Into: other}))
	near("of the two", r.clocks(other).FirstResponse.DueAt, at(12+6.0/60))
	week := []api.DayHours{{Day: "monday", From: "09:00", To: "12:00"}, {Day: "tuesday", From: "09:00", To: "17:00"}}
	must[*api.Schedule](t)(r.PatchSchedule(ctx, schedule, api.SchedulePatch{Weekly: &week}))
	r.advance(2 * time.Hour) // 13:16
	if got := r.told(other); len(got) != 0 {
		t.Errorf("when the hours were changed: %v", got)
	}
	near("by the new hours", r.clocks(other).FirstResponse.DueAt, at(33+6.0/60))
	if err := r.DeleteSLAPolicy(ctx, policy.ID, api.IfMatch(policy.Rev)); err != nil {
		t.Error(err)
	}
	if c := must[*api.Conversation](t)(r.GetConversation(ctx, r.hear("phone:+15550100030", "Hello?", nil).ConversationID)); c.SLA != nil {
		t.Errorf("without a policy: %+v", c.SLA)
	}
}

// What was answered elsewhere, and is recorded, is an answer: but for what was said before the customer asked, what came in, and
// what is imported.
func TestRecordedAnswersEndClocks(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	r.atNight()
	must[*api.SLAPolicy](t)(r.CreateSLAPolicy(ctx, api.SLAPolicyRequest{Name: "Gold", Targets: []api.SLATarget{{FirstResponse: 3600, NextResponse: 3600}}}))
	conversation := r.hear("phone:+15550100000", "Hello?", nil).ConversationID
	record := func(record api.Record) {
		must[*api.Message](t)(r.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text("Said."), Record: &record}))
	}
	r.advance(time.Minute)
	now := must[*api.Clock](t)(r.GetClock(ctx)).Now
	for _, not := range []api.Record{{Direction: "inbound"}, {Direction: "outbound", SentAt: api.NewTime(now.Add(-time.Hour))}, {Direction: "outbound", Imported: true}, {Direction: "outbound", Status: api.Failed}} {
		record(not)
		if s := r.clocks(conversation); !s.FirstResponse.DoneAt.IsZero() {
			t.Errorf("%+v is an answer", not)
		}
	}
	record(api.Record{Direction: "outbound"})
	if s := r.clocks(conversation); s.FirstResponse.DoneAt.IsZero() || !s.FirstResponse.BreachedAt.IsZero() || !s.DueAt.IsZero() {
		t.Errorf("answered elsewhere: %+v", s.FirstResponse)
	}
	r.hear("phone:+15550100000", "And then?", nil)
	record(api.Record{Direction: "outbound"})
	if s := r.clocks(conversation); s.NextResponse == nil || s.NextResponse.DoneAt.IsZero() {
		t.Errorf("answered elsewhere once more: %+v", s.NextResponse)
	}
}

// What is written into the conversation with a broadcast list goes to the list, now or later; where the list is gone nothing does,
// and it says so.
func TestWritingIntoTheConversationWithAList(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	contact := must[*api.Contact](t)(r.CreateContact(ctx, api.ContactRequest{Name: "Adam", Addresses: []api.Address{{Kind: "phone", Value: "+15550100000"}}})).ID
	list := must[*api.Broadcast](t)(r.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Patients"})).ID
	must[*api.Broadcast](t)(r.AddBroadcastMembers(ctx, list, api.BroadcastMembers{Contacts: []string{contact}}))
	conversation := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list}, Body: api.Text("first")})).ConversationID
	say := func(s api.SendRequest) string {
		s.Body = api.Text("again")
		return must[*api.Message](t)(r.SendToConversation(ctx, conversation, s)).ID
	}
	now := must[*api.Clock](t)(r.GetClock(ctx)).Now
	at := func(h time.Duration) api.Time { return api.NewTime(now.Add(h * time.Hour)) }
	sent, note, later, late := say(api.SendRequest{}), say(api.SendRequest{Internal: true}), say(api.SendRequest{SendAt: at(1)}), say(api.SendRequest{SendAt: at(3)})
	toList := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list}, Body: api.Text("late"), SendAt: at(3)})).ID
	r.advance(2 * time.Hour)
	if err := r.DeleteBroadcast(ctx, list); err != nil {
		t.Fatal(err)
	}
	r.advance(2 * time.Hour)
	for _, c := range []struct {
		what, message string
		status        api.Status
		copies        int
	}{{"sent", sent, api.Read, 1}, {"a note", note, api.Delivered, 0}, {"later", later, api.Read, 1}, {"too late", late, api.Canceled, 0}, {"too late to the list", toList, api.Canceled, 0}} {
		m := must[*api.Message](t)(r.GetMessage(ctx, c.message))
		copies := must[*api.List[api.Message]](t)(r.ListMessages(ctx, api.MessageFilter{Parent: c.message})).Data
		if m.Status != c.status || len(copies) != c.copies {
			t.Errorf("%s: it is %s and has %d copies, want %s and %d", c.what, m.Status, len(copies), c.status, c.copies)
		}
	}
	_, err := r.SendToConversation(ctx, conversation, api.SendRequest{Body: api.Text("to nobody")})
	if refused, ok := err.(*api.Error); !ok || refused.Code != "broadcast-unknown" {
		t.Errorf("to a list that is gone: %v", err)
	}
}
