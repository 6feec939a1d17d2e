package app_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// limitTo sets how many messages contacts get.
func (r *rehearsal) limitTo(list ...api.ContactLimit) {
	r.t.Helper()
	must[*api.Organization](r.t)(r.PatchOrganization(r.t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{ContactLimits: &list}}))
}

// known makes a contact.
func (r *rehearsal) known(name, phone string) string {
	r.t.Helper()
	addresses := []api.Address{{Kind: "phone", Value: phone}, {Kind: "email", Value: name + "@example.org"}}
	return must[*api.Contact](r.t)(r.CreateContact(r.t.Context(), api.ContactRequest{Name: name, Addresses: addresses})).ID
}

func (r *rehearsal) offer(to string, change func(*api.SendRequest)) (*api.Message, error) {
	s := api.SendRequest{To: api.Recipient{Contact: to}, Body: api.Text("An offer"), Class: api.ClassMarketing}
	if change != nil {
		change(&s)
	}
	return r.Send(r.t.Context(), s)
}

// What a contact gets no more of for now waits for a place, in its order and not in quiet hours, and all see why.
func TestLimitDefers(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	r.atNight()
	r.advance(5 * time.Hour) // Monday, 08:00 UTC
	start := must[*api.Clock](t)(r.GetClock(ctx)).Now.Time
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: &api.QuietHours{TimeZone: "UTC",
		Intervals: []api.QuietInterval{{From: "10:00", To: "12:00"}}}}}))
	r.limitTo(api.ContactLimit{Class: api.ClassMarketing, Max: 2, Period: 3600, Beyond: api.LimitDefers})
	ana, bo := r.known("ana", "+15550100000"), r.known("bo", "+15550100010")
	var sent []*api.Message
	for n := range 6 {
		m := must[*api.Message](t)(r.offer(ana, nil))
		sent = append(sent, m)
		d := r.delivery(m)
		wait := []time.Duration{0, 0, time.Hour, time.Hour, 4 * time.Hour, 4 * time.Hour}[n] // two hours from the start it is quiet
		if wait == 0 && !m.NotBefore.IsZero() || wait > 0 && (!m.NotBefore.Equal(start.Add(wait).Truncate(time.Millisecond)) && n < 4) {
			t.Errorf("the %dth waits until %s", n+1, m.NotBefore)
		}
		if wait > 0 && (d.Status != "queued" || d.Code != "contact-limit" || !d.NextAttemptAt.Equal(m.NotBefore.Time)) {
			t.Errorf("the %dth: %+v", n+1, d)
		}
	}
	if noon := start.Truncate(time.Hour).Add(4 * time.Hour); !sent[4].NotBefore.Equal(noon) || !sent[5].NotBefore.Equal(noon) {
		t.Errorf("after the quiet hours: %s and %s, want %s", sent[4].NotBefore, sent[5].NotBefore, noon)
	}
	if m := must[*api.Message](t)(r.offer(bo, nil)); !m.NotBefore.IsZero() {
		t.Errorf("to somebody else: %+v", m)
	}
	both := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Receivers: []api.Receiver{{Contact: ana}, {Contact: bo}}}, Body: api.Text("x"), Class: api.ClassMarketing}))
	if deliveries := must[*api.List[api.Delivery]](t)(r.ListDeliveries(ctx, both.ID, api.Page{})).Data; !both.NotBefore.Equal(sent[4].NotBefore.Add(time.Hour)) ||
		len(deliveries) != 2 || !deliveries[0].NextAttemptAt.Equal(both.NotBefore.Time) || !deliveries[1].NextAttemptAt.Equal(both.NotBefore.Time) {
		t.Errorf("to both: %+v", deliveries)
	}
	must[*api.Message](t)(r.RecallMessage(ctx, both.ID))
	list := must[*api.ContactStandings](t)(r.GetContactLimits(ctx, ana)).Data
	if s := list[0]; s.Used != 2 || s.Waiting != 4 || !s.FreeAt.Equal(sent[4].NotBefore.Add(time.Hour)) || s.Max != 2 {
		t.Errorf("ana stands at %+v", s)
	}
	must[*api.Message](t)(r.RecallMessage(ctx, sent[5].ID))
	if m := must[*api.Message](t)(r.offer(ana, nil)); !m.NotBefore.Equal(sent[4].NotBefore.Time) {
		t.Errorf("the place that was given back: %s", m.NotBefore)
	}
	r.advance(59 * time.Minute)
	if d := r.delivery(sent[2]); d.Attempts != 0 {
		t.Errorf("before there is a place: %+v", d)
	}
	r.advance(2 * time.Minute)
	third, fourth := r.delivery(sent[2]), r.delivery(sent[3])
	if third.Status != "read" || third.Code != "" || fourth.Status != "read" || fourth.SentAt.Before(third.SentAt.Time) || third.SentAt.Before(sent[2].NotBefore.Time) {
		t.Errorf("when there is: %+v, %+v", third, fourth)
	}
	r.advance(3 * time.Hour)
	if d := r.delivery(sent[4]); d.Status != "read" || d.SentAt.Before(sent[4].NotBefore.Time) {
		t.Errorf("after the quiet hours: %+v", d)
	}
}

// What is refused says until when; what is sent later, to many, again by hand, by rules or instead of something else gets no further, and
// nothing of it is lost.
func TestLimitRefuses(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	ctx := t.Context()
	ana, bo := r.known("ana", "+15550100000"), r.known("bo", "+15550100010")
	r.limitTo(api.ContactLimit{Class: api.ClassMarketing, Max: 1, Period: 86400, Beyond: api.LimitRefuses})
	early := must[*api.Message](t)(r.offer(ana, func(s *api.SendRequest) { s.SendAt = api.NewTime(r.start.Add(time.Hour)) }))
	must[*api.Message](t)(r.offer(ana, nil))
	_, err := r.offer(ana, nil)
	refused, ok := err.(*api.Error)
	if !ok || refused.HTTPStatus != 429 || refused.Code != "contact-limit" || refused.RetryAfter != 24*time.Hour || refused.Errors[0].Field != "to" ||
		refused.Facts["freeAt"] != r.start.Add(24*time.Hour).UTC().Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("refused with %+v, %v", refused, err)
	}
	batch := must[*api.Batch](t)(r.SendBatch(ctx, api.BatchRequest{Messages: []api.BatchMessage{
		{SendRequest: api.SendRequest{To: api.Recipient{Contact: ana}, Body: api.Text("x"), Class: api.ClassMarketing}},
		{SendRequest: api.SendRequest{To: api.Recipient{Contact: ana}, Body: api.Text("x")}}}}))
	if got := batch.Results; got[0].Problem == nil || got[0].Problem.Code != "contact-limit" || got[1].Message == nil {
		t.Errorf("a batch: %+v", got)
	}
	r.advance(2 * time.Hour)
	if m := must[*api.Message](t)(r.GetMessage(ctx, early.ID)); m.Status != "canceled" {
		t.Errorf("the scheduled one: %+v", m)
	}

	all := must[*api.Broadcast](t)(r.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"}))
	must[*api.Broadcast](t)(r.AddBroadcastMembers(ctx, all.ID, api.BroadcastMembers{Contacts: []string{ana, bo}}))
	parent := must[*api.Message](t)(r.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: all.ID}, Body: api.Text("News"), Class: api.ClassMarketing}))
	r.advance(time.Minute)
	states := map[string]*api.Message{}
	for _, m := range must[*api.List[api.Message]](t)(r.ListMessages(ctx, api.MessageFilter{Parent: parent.ID})).Data {
		states[r.delivery(&m).Recipient.ID] = &m
	}
	skipped := states[ana]
	if skipped == nil || states[bo] == nil || skipped.Status != "skipped" || states[bo].Status != "read" {
		t.Fatalf("the copies: %+v", states)
	}
	if d := r.delivery(skipped); d.Status != "skipped" || d.Code != "contact-limit" || d.Reason == "" || d.Attempts != 0 {
		t.Errorf("to who gets no more: %+v", d)
	}
	_, err = r.RetryDelivery(ctx, skipped.ID, 1)
	wantCode(t, err, "contact-limit")
	r.advance(24 * time.Hour)
	must[*api.Delivery](t)(r.RetryDelivery(ctx, skipped.ID, 1))
	_, err = r.offer(ana, nil)
	wantCode(t, err, "contact-limit")

	r.limitTo(api.ContactLimit{Class: api.ClassService, Max: 1, Period: 86400, Beyond: api.LimitRefuses})
	must[*api.AutoReply](t)(r.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Always", When: "always", Text: "Thank you"}))
	must[*api.Message](t)(r.offer(ana, func(s *api.SendRequest) { s.Class = api.ClassService }))
	in := r.hear("phone:+15550100000", "Hello?", nil)
	answers := must[*api.List[api.Message]](t)(r.ListConversationMessages(ctx, in.ConversationID, api.Page{Limit: 1})).Data
	if m := answers[0]; m.Auto != "reply" || m.Status != "skipped" || r.delivery(&m).Code != "contact-limit" {
		t.Errorf("the answer: %+v", m)
	}
}

// A fallback waits for a place, or is skipped, and takes none beside that of its message.
func TestLimitOfFallbacks(t *testing.T) {
	a, operator := alone(t)
	r := rehearseFallbacks(t, a, operator)
	phones := map[api.LimitBeyond]string{api.LimitRefuses: "+15550100001", api.LimitDefers: "+15551100001"} // which do not take it
	cy, di := r.known("cy", phones[api.LimitRefuses]), r.known("di", phones[api.LimitDefers])
	byMail := func(s *api.SendRequest) { s.To.Channel = r.email }
	orElse := func(s *api.SendRequest) { s.Fallback = []api.Fallback{{Channel: r.email, After: 60, On: api.OnFailed}} }
	for _, beyond := range []api.LimitBeyond{api.LimitRefuses, api.LimitDefers} {
		to, phone := map[api.LimitBeyond]string{api.LimitRefuses: cy, api.LimitDefers: di}[beyond], phones[beyond]
		r.limitTo(api.ContactLimit{Class: api.ClassAll, Platform: "email", Max: 1, Period: 7200, Beyond: beyond},
			api.ContactLimit{Class: api.ClassMarketing, Max: 2, Period: 86400, Beyond: api.LimitRefuses})
		must[*api.Message](t)(r.offer(to, byMail))
		m := must[*api.Message](t)(r.offer(to, orElse))
		r.advance(time.Hour)
		failed := "0 for 0: phone:" + phone + " failed bounced"
		if beyond == api.LimitRefuses {
			want(t, "refused", r.deliveries(m), failed, "1 for 1: email:cy@example.org skipped contact-limit")
		} else {
			want(t, "while it waits", r.deliveries(m), failed)
			r.advance(2 * time.Hour)
			want(t, "when there is a place", r.deliveries(m), failed, "1 for 1: email:di@example.org read")
		}
		_, err := r.offer(to, nil)
		wantCode(t, err, "contact-limit")
	}
	eve, fay := r.known("eve", "+15550100050"), r.known("fay", "+15550100060")
	r.limitTo(api.ContactLimit{Class: api.ClassMarketing, Platform: "sms", Max: 1, Period: 7200, Beyond: api.LimitRefuses})
	must[*api.Message](t)(r.offer(eve, nil))
	m := must[*api.Message](t)(r.offer("", func(s *api.SendRequest) {
		orElse(s)
		s.To = api.Recipient{Receivers: []api.Receiver{{Contact: eve}, {Contact: fay}}}
	}))
	r.advance(59 * time.Second)
	want(t, "to several", r.deliveries(m), "0 for 0: phone:+15550100050 skipped contact-limit", "0 for 0: phone:+15550100060 read")
	r.advance(2 * time.Second)
	want(t, "to several, a minute later", r.deliveries(m), "0 for 0: phone:+15550100050 skipped contact-limit", "0 for 0: phone:+15550100060 read",
		"1 for 1: email:eve@example.org read")
}

// A policy that nobody can follow is refused, and says where.
func TestLimitsOfLimits(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	good := api.ContactLimit{Class: "all", Platform: "sms", Max: 3, Period: 60, Beyond: api.LimitDefers, HighPriority: true}
	r.limitTo(good)
	if got := must[*api.Organization](t)(r.GetOrganization(t.Context())).Policy.ContactLimits; len(got) != 1 || got[0] != good {
		t.Errorf("it is %+v", got)
	}
	for field, change := range map[string]func(l *api.ContactLimit){
		"class":  func(l *api.ContactLimit) { l.Class = "spam" },
		"max":    func(l *api.ContactLimit) { l.Max = 0 },
		"period": func(l *api.ContactLimit) { l.Period = 59 },
		"beyond": func(l *api.ContactLimit) { l.Beyond = "drop" },
	} {
		bad := good
		change(&bad)
		_, err := r.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{ContactLimits: &[]api.ContactLimit{bad}}})
		if e, ok := err.(*api.Error); !ok || e.Errors[0].Field != "policy.contactLimits[0]."+field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := r.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{ContactLimits: &[]api.ContactLimit{good, good}}})
	wantCode(t, err, "duplicate")
	if log := must[*api.List[api.AuditEntry]](t)(r.ListAudit(t.Context(), api.AuditFilter{Act: "policy.updated"})).Data; len(log) != 1 ||
		log[0].Changes[0].Field != "policy.contactLimits" || *log[0].Changes[0].New != "all 3/60 defer sms highPriority" {
		t.Errorf("the audit log: %+v", log)
	}
}
