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
	"github.com/parley-server/parley/internal/pgtest"
)

// onCall are rehearsals with a role that has a nurse on duty, whose messages come to a doctor and then to a head after five minutes
// each.
type onCall struct {
	*fallen
	asker, nurse, doctor, head colleague
	role                       string
}

func rehearseCalls(t *testing.T, a *app.App, operator *api.Client, change func(r *onCall, p *api.EscalationPolicyRequest)) *onCall {
	t.Helper()
	ctx := t.Context()
	r := &onCall{fallen: rehearseFallbacks(t, a, operator)}
	r.asker = r.colleague(t, a, "Asker")
	r.nurse, r.doctor, r.head = r.reachable(t, a, "Nurse", "+15550100014"), r.reachable(t, a, "Doctor", "+15550100024"), r.reachable(t, a, "Head", "+15550100034")
	r.role = must[*api.Role](t)(r.CreateRole(ctx, api.RoleRequest{Name: "Ward", Members: []string{r.nurse.id}})).ID
	must[*api.Role](t)(r.nurse.ComeOnDuty(ctx, r.role, api.DutyIn{}))
	p := api.EscalationPolicyRequest{Name: "Calls", Role: r.role, After: 300, GroupLife: 3600, Fallback: r.after60(), Steps: []api.EscalationStep{
		{Targets: []api.EscalationTarget{{User: r.doctor.id}}, After: 300, Fallback: r.after60()},
		{Targets: []api.EscalationTarget{{User: r.head.id}}, After: 300, Fallback: r.after60()}}}
	if change != nil {
		change(r, &p)
	}
	must[*api.EscalationPolicy](t)(r.CreateEscalationPolicy(ctx, p))
	return r
}

func (r *onCall) after60() []api.Fallback {
	return []api.Fallback{{Channel: r.sms, After: 60, On: api.OnUnread}}
}

func (r *onCall) ask(change func(*api.SendRequest)) *api.Message {
	r.t.Helper()
	return urgent(r.t, r.asker.Client, api.Recipient{Role: r.role}, func(s *api.SendRequest) {
		if s.Escalate, s.Priority = true, ""; change != nil {
			change(s)
		}
	})
}

func (r *onCall) stands(m *api.Message, want string) *api.Escalation {
	r.t.Helper()
	e := &must[*api.List[api.Escalation]](r.t)(r.ListEscalations(r.t.Context(), api.EscalationFilter{Message: m.ID})).Data[0]
	if got := fmt.Sprint(e.State, " ", e.Level); got != want {
		r.t.Errorf("it is %s, want %s", got, want)
	}
	return e
}

// tried are the deliveries that the escalation's fallbacks made, page by page.
func (r *onCall) tried(e *api.Escalation) (list []string) {
	r.t.Helper()
	for page := (api.Page{Limit: 2}); ; {
		got := must[*api.List[api.EscalationFallback]](r.t)(r.ListEscalationFallbacks(r.t.Context(), e.ID, page))
		for _, f := range got.Data {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%d.%d %s %s %s", f.Level, f.Fallback, f.UserName, f.Status, f.Code)))
		}
		if got.Next == nil {
			return list
		}
		page.After = *got.Next
	}
}

// went is what went to a phone or mailbox: how long after the start, and the text.
func (r *onCall) went(to string) (list []string) {
	r.t.Helper()
	for _, h := range must[*api.List[api.SandboxMessage]](r.t)(r.ListSandboxMessages(r.t.Context(), api.SandboxFilter{To: to})).Data {
		list = append(list, fmt.Sprintf("%s %s", h.At.Sub(r.start), h.Text))
	}
	slices.Reverse(list)
	return list
}

const told = "You have a new message. Answer ACK to acknowledge it."

// Who is on duty and does not read it gets a text message; an answer there ends the escalation, which comes to nobody else.
func TestStepAnswered(t *testing.T) {
	a, operator := alone(t)
	r := rehearseCalls(t, a, operator, nil)
	m := r.ask(nil)
	r.advance(59 * time.Second)
	want(t, "before its time", r.went("phone:+15550100014"))
	r.advance(time.Second)
	r.stands(m, "active 0")
	want(t, "to the nurse", r.went("phone:+15550100014"), "1m0s "+told)
	r.says(person{r.nurse.Client, r.nurse.id}, m.ConversationID, "Come at once", "escalation-started", "escalation-fallback")
	r.advance(2 * time.Minute)
	r.play("phone:+15550100014", "ack")
	if e := r.stands(m, "acknowledged 0"); e.EndedBy != r.nurse.id || e.GroupID != "" {
		t.Errorf("acknowledged: %+v", e)
	}
	r.advance(24 * time.Hour)
	e := r.stands(m, "acknowledged 0")
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse read")
	want(t, "to the nurse", r.went("phone:+15550100014"), "1m0s "+told)
	want(t, "to the doctor", r.went("phone:+15550100024"))
	r.says(person{r.asker.Client, r.asker.id}, m.ConversationID, "Come at once", "escalation-started", "escalation-fallback", "escalation-acknowledged")
	if len(e.Policy.Fallback) != 1 || len(e.Policy.Steps[0].Fallback) != 1 {
		t.Errorf("the policy as it was: %+v", e.Policy)
	}
}

// Who reads it is not written to; the next on duty is, at another address where the first fails, until somebody answers: then nothing
// more goes out to anybody.
func TestStepGoesOn(t *testing.T) {
	a, operator := alone(t)
	r := rehearseCalls(t, a, operator, func(r *onCall, p *api.EscalationPolicyRequest) {
		phone := "+15550110001" // bounces
		must[*api.User](t)(r.PatchProfile(t.Context(), r.doctor.id, api.ProfilePatch{Phone: &phone}))
		p.Steps[0].Fallback = append(r.after60(), api.Fallback{Channel: r.email, After: 20, On: api.OnFailed})
	})
	ctx := t.Context()
	m := r.ask(nil)
	r.advance(7 * time.Minute)
	e := r.stands(m, "active 1")
	want(t, "to the nurse", r.went("phone:+15550100014"), "1m0s "+told)
	want(t, "to the doctor's phone", r.went("phone:+15550110001"), "6m0s "+told)
	want(t, "to the doctor's mailbox", r.went("email:doctor@example.org"), "6m20s "+told)
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse read", "1.1 Doctor failed bounced", "1.2 Doctor read")
	r.says(person{r.doctor.Client, r.doctor.id}, e.GroupID, "Come at once", "escalation-raised", "escalation-fallback", "escalation-fallback")
	r.advance(5 * time.Minute)
	r.stands(m, "active 2")
	want(t, "to the head", r.went("phone:+15550100034"), "11m0s "+told)
	r.play("phone:+15550100034", "ack")
	if e = r.stands(m, "acknowledged 2"); e.EndedBy != r.head.id {
		t.Errorf("acknowledged: %+v", e)
	}
	r.advance(24 * time.Hour)
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse read", "1.1 Doctor failed bounced", "1.2 Doctor read", "2.1 Head read")
	levels := map[string]bool{}
	for _, d := range must[*api.List[api.Delivery]](t)(r.ListDeliveries(ctx, e.CopyID, api.Page{})).Data {
		if d.Level != nil {
			levels[fmt.Sprintf("%s%d%d", d.Recipient.Name, *d.Level, d.Fallback)] = true
		}
	}
	if !levels["Doctor11"] || !levels["Doctor12"] || !levels["Head21"] || len(levels) != 3 {
		t.Errorf("the copy's deliveries are of %v", levels)
	}

	second := r.ask(nil)
	if err := r.nurse.MarkRead(ctx, second.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(4 * time.Minute)
	want(t, "after it was read", r.tried(r.stands(second, "active 0")))
}

// What was sent with fallbacks has them for those to whom it comes by its escalation too, in their time; nobody is written to twice on
// one channel.
func TestStepWithFallbacksOfItsOwn(t *testing.T) {
	a, operator := alone(t)
	r := rehearseCalls(t, a, operator, func(r *onCall, p *api.EscalationPolicyRequest) {
		p.Fallback, p.Steps[0].Fallback = []api.Fallback{{Channel: r.sms, After: 100, On: api.OnUnread}}, nil
	})
	m := r.ask(func(s *api.SendRequest) { s.Fallback = r.onUnread(60, 200) })
	r.advance(310 * time.Second)
	want(t, "to the nurse", append(r.went("phone:+15550100014"), r.went("email:nurse@example.org")...), "1m0s "+told, "3m20s "+told)
	r.advance(10*time.Minute - 11*time.Second)
	e := r.stands(m, "active 2")
	want(t, "to the doctor", append(r.went("phone:+15550100024"), r.went("email:doctor@example.org")...), "6m0s "+told, "8m20s "+told)
	want(t, "to the head", append(r.went("phone:+15550100034"), r.went("email:head@example.org")...), "11m0s "+told, "13m20s "+told)
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse skipped fallback-same-channel", "1.1 Doctor read", "1.2 Doctor read", "2.1 Head read", "2.2 Head read")
	want(t, "to the nurse", append(r.went("phone:+15550100014"), r.went("email:nurse@example.org")...), "1m0s "+told, "3m20s "+told)
}

// Somebody who cannot be written to is passed over, and it says why; who passes it on, calls it off, or takes it back has nothing more
// go out, not even what waits.
func TestStepEnds(t *testing.T) {
	a, operator := alone(t)
	r := rehearseCalls(t, a, operator, nil)
	ctx := t.Context()
	none, paused, on := "", true, false
	must[*api.User](t)(r.PatchProfile(ctx, r.doctor.id, api.ProfilePatch{Phone: &none}))
	must[*api.User](t)(r.head.SetDoNotDisturb(ctx, r.head.id, api.DoNotDisturbRequest{}))
	m := r.ask(nil)
	r.advance(14 * time.Minute)
	e := r.stands(m, "active 2")
	want(t, "passed over", r.tried(e), "0.1 Nurse read", "1.1 Doctor skipped address-required", "2.1 Head skipped do-not-disturb")
	page := must[*api.List[api.Message]](t)(r.head.ListConversationMessages(ctx, e.GroupID, api.Page{})).Data
	if n := page[0].Notice; n == nil || n.Kind != "escalation-fallback" || n.Reason != "do-not-disturb" || n.Level != 2 || len(n.Who) != 1 || n.Who[0].ID != r.head.id {
		t.Errorf("the notice: %+v", page[0])
	}
	r.advance(time.Hour)
	r.stands(m, "unanswered 2")

	hold := func(p bool) { must[*api.Channel](t)(r.PatchChannel(ctx, r.sms, api.ChannelPatch{Paused: &p})) }
	for name, end := range map[string]func(m *api.Message, e *api.Escalation){
		"passed on":  func(_ *api.Message, e *api.Escalation) { must[*api.Escalation](t)(r.nurse.SkipEscalation(ctx, e.ID)) },
		"called off": func(_ *api.Message, e *api.Escalation) { must[*api.Escalation](t)(r.asker.CancelEscalation(ctx, e.ID)) },
		"taken back": func(m *api.Message, _ *api.Escalation) { must[*api.Message](t)(r.asker.RecallMessage(ctx, m.ID)) },
		"acknowledged": func(_ *api.Message, e *api.Escalation) {
			must[*api.Escalation](t)(r.nurse.AcknowledgeEscalation(ctx, e.ID))
		},
	} {
		before := len(r.went("phone:+15550100014"))
		m := r.ask(nil)
		hold(paused)
		r.advance(2 * time.Minute)
		e := r.stands(m, "active 0")
		want(t, name+": it waits", r.tried(e), "0.1 Nurse queued")
		end(m, e)
		hold(on)
		r.advance(4 * time.Minute)
		got := r.tried(e)
		if len(got) < 1 || !strings.HasPrefix(got[0], "0.1 Nurse canceled") || len(r.went("phone:+15550100014")) != before {
			t.Errorf("%s: %q", name, got)
		}
		if name != "passed on" {
			want(t, name, got[1:])
		}
	}

	m = r.ask(func(s *api.SendRequest) {
		s.Fallback = []api.Fallback{{Channel: r.email, After: 240, On: api.OnUnread}}
	})
	r.advance(time.Minute)
	must[*api.Escalation](t)(r.asker.CancelEscalation(ctx, r.stands(m, "active 0").ID))
	r.advance(time.Hour)
	want(t, "called off, of its own fallbacks", r.went("email:nurse@example.org"))
	again := must[*api.Escalation](t)(r.asker.Escalate(ctx, m.ID))
	r.advance(time.Minute)
	want(t, "once more", r.tried(again), "0.1 Nurse read")
}

// A fallback of a policy that could never work is refused, and says which it is.
func TestStepsRefused(t *testing.T) {
	a, operator := alone(t)
	r := rehearseCalls(t, a, operator, func(_ *onCall, p *api.EscalationPolicyRequest) { p.Fallback = nil })
	ctx := t.Context()
	policy := must[*api.List[api.EscalationPolicy]](t)(r.ListEscalationPolicies(ctx, api.EscalationPolicyFilter{})).Data[0]
	chat := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Chat", Connector: "sandbox", Platform: "chat"})).ID
	paused := true
	off := must[*api.Channel](t)(r.CreateChannel(ctx, api.ChannelRequest{Name: "Off", Connector: "sandbox", Platform: "sms"})).ID
	must[*api.Channel](t)(r.PatchChannel(ctx, off, api.ChannelPatch{Paused: &paused}))
	one := func(channel string, after int64, on api.FallbackOn) []api.Fallback {
		return []api.Fallback{{Channel: channel, After: after, On: on}}
	}
	for name, c := range map[string]struct {
		list        []api.Fallback
		field, code string
	}{
		"too late":      {one(r.sms, 300, api.OnUnread), "[0].after", "fallback-late"},
		"late in a row": {append(one(r.sms, 200, api.OnUnread), one(r.email, 100, api.OnFailed)...), "[1].after", "fallback-late"},
		"unknown":       {one(r.doctor.id, 1, api.OnUnread), "[0].channel", "channel-unknown"},
		"paused":        {one(off, 1, api.OnUnread), "[0].channel", "channel-paused"},
		"no address":    {one(chat, 1, api.OnUnread), "[0].channel", "address-kind"},
		"no failure":    {one(r.sms, 1, api.OnFailed), "[0].on", "fallback-never"},
		"twice":         {append(one(r.sms, 1, api.OnUnread), one(r.sms, 2, api.OnUnread)...), "[1].channel", "duplicate"},
		"no order":      {r.onUnread(60, 60), "[1].after", "fallback-order"},
	} {
		refused := func(field string, patch api.EscalationPolicyPatch) {
			t.Helper()
			_, err := r.PatchEscalationPolicy(ctx, policy.ID, patch)
			if e, ok := errors.AsType[*api.Error](err); !ok || e.HTTPStatus != 422 || e.Errors[0].Field != field+c.field || e.Errors[0].Code != c.code {
				t.Errorf("%s, %s: %v", name, field, err)
			}
		}
		refused("fallback", api.EscalationPolicyPatch{Fallback: &c.list})
		steps := slices.Clone(policy.Steps)
		steps[1].Fallback = c.list
		refused("steps[1].fallback", api.EscalationPolicyPatch{Steps: &steps})
	}
	short := int64(60)
	_, err := r.PatchEscalationPolicy(ctx, policy.ID, api.EscalationPolicyPatch{After: &short})
	if err != nil {
		t.Error(err) // the role has none
	}
	life := int64(400)
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{MaxTTL: &life}}))
	_, err = r.PatchEscalationPolicy(ctx, policy.ID, api.EscalationPolicyPatch{Steps: &policy.Steps})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Errors[0].Field != "steps[1].fallback[0].after" || e.Errors[0].Code != "fallback-never" {
		t.Errorf("when the message is gone: %v", err)
	}
	list := one(r.sms, 59, api.OnUnread)
	if p := must[*api.EscalationPolicy](t)(r.PatchEscalationPolicy(ctx, policy.ID, api.EscalationPolicyPatch{Fallback: &list})); !slices.Equal(p.Fallback, list) {
		t.Errorf("changed: %+v", p)
	}
	list = []api.Fallback{}
	if p := must[*api.EscalationPolicy](t)(r.PatchEscalationPolicy(ctx, policy.ID, api.EscalationPolicyPatch{Fallback: &list})); len(p.Fallback) > 0 {
		t.Errorf("taken away: %+v", p)
	}
}

// A server that goes down between, and comes up again, goes on where it was: what is due goes out once, and an answer counts.
func TestStepsAfterARestart(t *testing.T) {
	c := config.Default()
	c.Data, c.Listen, c.KeyRateLimit, c.AccessLog = t.TempDir(), "127.0.0.1:0", 0, false
	c.Database = pgtest.Chosen(t, c.Data)
	var a *app.App
	start := func() {
		a = must[*app.App](t)(app.New(t.Context(), app.Options{Config: c, LogTo: testLog{t}}))
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Listen = strings.TrimPrefix(a.URL(), "http://")
	}
	start()
	t.Cleanup(func() { a.Close() })
	r := rehearseCalls(t, a, clientOf(t, a, must[string](t)(a.Administrator(t.Context(), "Alpha"))), nil)
	again := func() {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		start()
	}
	m := r.ask(nil)
	again()
	r.advance(7 * time.Minute)
	e := r.stands(m, "active 1")
	again()
	r.advance(time.Minute)
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse read", "1.1 Doctor read")
	want(t, "to the nurse", r.went("phone:+15550100014"), "1m0s "+told)
	want(t, "to the doctor", r.went("phone:+15550100024"), "6m0s "+told)
	r.play("phone:+15550100024", "ack")
	again()
	r.advance(time.Hour)
	if e = r.stands(m, "acknowledged 1"); e.EndedBy != r.doctor.id {
		t.Errorf("acknowledged: %+v", e)
	}
	want(t, "the fallbacks", r.tried(e), "0.1 Nurse read", "1.1 Doctor read")
}

// However many nodes there are, each fallback of an escalation goes out once.
func TestStepsOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	n.start(func(*config.Config) {})
	r := rehearseCalls(t, first.app, first.Client, nil)
	var sent []*api.Message
	for range 10 {
		sent = append(sent, r.ask(nil))
	}
	r.advance(14 * time.Minute)
	for _, m := range sent {
		want(t, "the fallbacks", r.tried(r.stands(m, "active 2")), "0.1 Nurse read", "1.1 Doctor read", "2.1 Head read")
	}
	for _, phone := range []string{"phone:+15550100014", "phone:+15550100024", "phone:+15550100034"} {
		if got := r.went(phone); len(got) != 10 {
			t.Errorf("to %s went %d", phone, len(got))
		}
	}
}
