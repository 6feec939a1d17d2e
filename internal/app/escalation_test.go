package app_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/config"
)

// person is a user of a rehearsal, with a key.
type person struct {
	*api.Client
	id string
}

func (r *rehearsal) person(name string) person {
	r.t.Helper()
	ctx := r.t.Context()
	u := must[*api.User](r.t)(r.CreateUser(ctx, api.UserRequest{Name: name, Email: name + "@example.org"}))
	key := must[*api.Key](r.t)(r.CreateKey(ctx, api.KeyRequest{Name: name, User: u.ID, Scopes: []string{"messages:read", "messages:send", "conversations:read",
		"escalations:read", "roles:duty", "events:read"}}))
	return person{clientOf(r.t, r.server, key.Secret), u.ID}
}

// An escalation in virtual time: a message to whoever is on duty comes to one after the other at the times of its policy, until the
// second one acknowledges its copy; and another one comes to its end.
func TestEscalationsKeepTheirTimes(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	asker, nurse, doctor, head := r.person("Asker"), r.person("Nurse"), r.person("Doctor"), r.person("Head")
	role := must[*api.Role](t)(r.CreateRole(ctx, api.RoleRequest{Name: "Nurse", Members: []string{nurse.id}}))
	must[*api.Role](t)(nurse.ComeOnDuty(ctx, role.ID, api.DutyIn{}))
	must[*api.EscalationPolicy](t)(r.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "Fast", Role: role.ID, Always: true, After: 300, GroupLife: 3600,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: doctor.id}}, After: 600}, {Targets: []api.EscalationTarget{{User: head.id}}, After: 900}}}))
	m := must[*api.Message](t)(asker.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 4"), Priority: api.PriorityHigh}))
	of := func(c person, m *api.Message) *api.Escalation {
		t.Helper()
		list := must[*api.List[api.Escalation]](t)(c.ListEscalations(ctx, api.EscalationFilter{Message: m.ID}))
		if len(list.Data) == 0 {
			return &api.Escalation{}
		}
		return &list.Data[0]
	}
	stands := func(c person, m *api.Message, want string) *api.Escalation {
		t.Helper()
		e := of(c, m)
		if got := fmt.Sprint(e.State, " ", e.Level); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
		return e
	}
	r.after("it goes on", stands(asker, m, "active 0").DueAt, 5*time.Minute)
	r.advance(5*time.Minute - time.Second)
	stands(nurse, m, "active 0")
	r.advance(time.Second)
	e := stands(doctor, m, "active 1")
	r.after("it goes on", e.DueAt, 15*time.Minute)
	stands(head, m, " 0")
	r.advance(10 * time.Minute)
	stands(head, m, "active 2")
	if err := head.Acknowledge(ctx, e.CopyID); err != nil {
		t.Fatal(err)
	}
	e = stands(nurse, m, "acknowledged 2")
	if r.after("it ended", e.EndedAt, 15*time.Minute); e.EndedBy != head.id {
		t.Errorf("it was ended by %s", e.EndedBy)
	}
	r.advance(time.Hour - time.Second)
	r.says(head, e.GroupID, "Bed 4", "escalation-raised", "escalation-raised", "escalation-acknowledged")
	if c := must[*api.Conversation](t)(r.GetConversation(ctx, e.GroupID)); c.Status != "open" {
		t.Errorf("the group is %s", c.Status)
	}
	r.advance(time.Second)
	r.says(head, e.GroupID, "Bed 4", "escalation-raised", "escalation-raised", "escalation-acknowledged", "escalation-closed")
	if c := must[*api.Conversation](t)(r.GetConversation(ctx, e.GroupID)); c.Status != "closed" {
		t.Errorf("the group is %s", c.Status)
	}
	if _, err := head.SendToConversation(ctx, e.GroupID, api.SendRequest{Body: api.Text("late")}); err == nil {
		t.Error("somebody writes into the closed group")
	}
	r.says(asker, m.ConversationID, "Bed 4", "escalation-started", "escalation-raised", "escalation-raised", "escalation-acknowledged")

	second := must[*api.Message](t)(asker.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 5")}))
	sent := r.start.Add(75 * time.Minute)
	r.advance(24 * time.Hour) // through all of its times at once
	e = stands(asker, second, "unanswered 2")
	if e.EndedAt.Sub(sent) != 30*time.Minute || e.EndedBy != "" {
		t.Errorf("it ended %s after it was sent, by %q", e.EndedAt.Sub(sent), e.EndedBy)
	}
	var states []string
	for event, err := range r.Events(ctx, api.EventFilter{Types: []string{"escalation.updated"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Data.ID == e.ID {
			states = append(states, fmt.Sprint(event.Data.Status, event.Data.Level))
		}
	}
	if want := []string{"active0", "active1", "active2", "unanswered2"}; !slices.Equal(states, want) {
		t.Errorf("the events are %q", states)
	}
}

// On several nodes an escalation goes on at its times, once, whichever node does it, also when the one that began it is gone; of those
// who end it at once through different nodes one does.
func TestEscalationsOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	second, third := n.start(func(*config.Config) {}), n.start(func(*config.Config) {})
	ctx := t.Context()
	role := must[*api.Role](t)(first.CreateRole(ctx, api.RoleRequest{Name: "Nurse", Members: []string{n.user}}))
	must[*api.Role](t)(first.ComeOnDuty(ctx, role.ID, api.DutyIn{User: n.user}))
	var steps []api.EscalationStep
	var targets []string
	for i := range 2 {
		u := must[*api.User](t)(first.CreateUser(ctx, api.UserRequest{Name: fmt.Sprint("Target ", i), Email: fmt.Sprintf("target%d@example.org", i)}))
		steps = append(steps, api.EscalationStep{Targets: []api.EscalationTarget{{User: u.ID}}, After: int64(1 + 9*i)})
		targets = append(targets, must[*api.Key](t)(first.CreateKey(ctx, api.KeyRequest{Name: "k", User: u.ID, Scopes: []string{"messages:read", "escalations:read"}})).Secret)
	}
	must[*api.EscalationPolicy](t)(first.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "Fast", Role: role.ID, After: 1, Steps: steps}))
	var all []*api.Escalation
	for range 5 {
		m := must[*api.Message](t)(first.Send(ctx, api.SendRequest{To: api.Recipient{Role: role.ID}, Body: api.Text("Bed 4"), Escalate: true}))
		list := must[*api.List[api.Escalation]](t)(first.ListEscalations(ctx, api.EscalationFilter{Message: m.ID}))
		all = append(all, &list.Data[0])
	}
	n.stop(first)
	for _, e := range all {
		eventually(t, "it comes to the second level", func() bool {
			return must[*api.Escalation](t)(second.GetEscalation(ctx, e.ID)).Level == 2
		})
	}
	for _, e := range all {
		results := make([]error, 2)
		var both sync.WaitGroup
		for i, at := range []*node{second, third} {
			both.Go(func() { _, results[i] = n.client(at, targets[i]).AcknowledgeEscalation(ctx, e.ID) })
		}
		both.Wait()
		if (results[0] == nil) == (results[1] == nil) {
			t.Errorf("both acknowledged: %v", results)
		}
	}
	got := map[string]string{}
	for event, err := range third.Events(ctx, api.EventFilter{Types: []string{"escalation.updated"}}) {
		if err != nil {
			t.Fatal(err)
		}
		got[event.Data.ID] += fmt.Sprint(event.Data.Status, event.Data.Level, " ")
	}
	for _, e := range all {
		if got[e.ID] != "active0 active1 active2 acknowledged2 " {
			t.Errorf("the events are %q", got[e.ID])
		}
		group := must[*api.Escalation](t)(third.GetEscalation(ctx, e.ID)).GroupID
		eventually(t, "the group is closed", func() bool {
			return must[*api.Conversation](t)(third.GetConversation(ctx, group)).Status == "closed"
		})
	}
}

// says checks what somebody reads in a conversation, oldest first: texts, and of system items their notices.
func (r *rehearsal) says(c person, conversation string, want ...string) {
	r.t.Helper()
	page := must[*api.List[api.Message]](r.t)(c.ListConversationMessages(r.t.Context(), conversation, api.Page{}))
	var got []string
	for _, m := range slices.Backward(page.Data) {
		if m.Notice != nil {
			got = append(got, string(m.Notice.Kind))
		} else {
			got = append(got, m.Text)
		}
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("reads %q, want %q", got, want)
	}
}
