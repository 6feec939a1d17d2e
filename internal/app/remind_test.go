package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/app"
	"github.com/parley-server/parley/internal/config"
)

// colleague is a user of a rehearsal with a key of their own.
type colleague struct {
	*api.Client
	id string
}

func (r *rehearsal) colleague(t *testing.T, a *app.App, name string) colleague {
	t.Helper()
	u := must[*api.User](t)(r.CreateUser(t.Context(), api.UserRequest{Name: name, Email: strings.ToLower(name) + "@example.org"}))
	scopes := slices.DeleteFunc(slices.Clone(allScopes(t, r)), func(s string) bool { return s == "conversations:read.private" })
	key := must[*api.Key](t)(r.CreateKey(t.Context(), api.KeyRequest{Name: name, User: u.ID, Scopes: scopes}))
	return colleague{clientOf(t, a, key.Secret), u.ID}
}

// urgent sends a message of high priority.
func urgent(t *testing.T, from *api.Client, to api.Recipient, change func(*api.SendRequest)) *api.Message {
	t.Helper()
	s := api.SendRequest{To: to, Body: api.Text("Come at once"), Priority: api.PriorityHigh}
	if change != nil {
		change(&s)
	}
	return must[*api.Message](t)(from.Send(t.Context(), s))
}

// reminders are those of a message that somebody sees: how long after the start, the number, and the names of who is reminded.
func (r *rehearsal) reminders(c *api.Client, m *api.Message, names map[string]string) (list []string) {
	r.t.Helper()
	for e, err := range c.Events(r.t.Context(), api.EventFilter{Types: []string{string(api.EventMessageReminded)}}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Data.MessageID != m.ID {
			continue
		}
		var who []string
		for _, id := range e.Data.Users {
			who = append(who, names[id])
		}
		slices.Sort(who)
		list = append(list, fmt.Sprintf("%s: %d %s", e.Time.Sub(r.start), e.Data.Number, strings.Join(who, "+")))
	}
	return list
}

func (r *rehearsal) wantReminders(c *api.Client, m *api.Message, names map[string]string, want ...string) {
	r.t.Helper()
	if got := r.reminders(c, m, names); !slices.Equal(got, want) {
		r.t.Errorf("reminded:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// everyTwoMinutes are the reminders of numbers from one to another.
func everyTwoMinutes(from, to int, who string) (list []string) {
	for n := from; n <= to; n++ {
		list = append(list, fmt.Sprintf("%s: %d %s", time.Duration(n)*2*time.Minute, n, who))
	}
	return list
}

// Members are reminded of what they have not read, ten times and never more; each of them until having read or acknowledged it.
func TestReminders(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	ana, ben, cleo, dora := r.colleague(t, a, "Ana"), r.colleague(t, a, "Ben"), r.colleague(t, a, "Cleo"), r.colleague(t, a, "Dora")
	names := map[string]string{ana.id: "Ana", ben.id: "Ben", cleo.id: "Cleo", dora.id: "Dora"}
	alone := urgent(t, ana.Client, api.Recipient{User: ben.id}, nil)
	normal := must[*api.Message](t)(ana.Send(ctx, api.SendRequest{To: api.Recipient{User: dora.id}, Body: api.Text("In time")}))
	group := must[*api.Conversation](t)(ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup,
		Participants: []api.NewParticipant{{User: ben.id}, {User: cleo.id}, {User: dora.id}}}))
	must[*api.Conversation](t)(ben.MuteConversation(ctx, group.ID, api.Mute{}))
	must[*api.User](t)(cleo.SetDoNotDisturb(ctx, cleo.id, api.DoNotDisturbRequest{Until: api.NewTime(r.start.Add(9 * time.Minute))}))
	several := urgent(t, ana.Client, api.Recipient{Conversation: group.ID}, nil)
	later := urgent(t, ana.Client, api.Recipient{User: dora.id}, func(s *api.SendRequest) { s.SendAt = api.NewTime(r.start.Add(time.Hour)) })
	outside := r.say("phone:+15550100004", func(s *api.SendRequest) { s.Priority = api.PriorityHigh }) // who does not read

	r.advance(5 * time.Minute)
	if err := dora.Acknowledge(ctx, several.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(6 * time.Minute)
	if err := ben.MarkRead(ctx, several.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(2 * time.Minute)
	if err := cleo.MarkRead(ctx, several.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(100 * time.Minute)
	r.wantReminders(r.Client, alone, names, everyTwoMinutes(1, 10, "Ben")...)
	r.wantReminders(ben.Client, alone, names, everyTwoMinutes(1, 10, "Ben")...)
	r.wantReminders(ana.Client, alone, names)
	seen := []string{"2m0s: 1 Ben+Dora", "4m0s: 2 Ben+Dora", "6m0s: 3 Ben", "8m0s: 4 Ben", "10m0s: 5 Ben+Cleo", "12m0s: 6 Cleo"}
	r.wantReminders(r.Client, several, names, seen...)
	r.wantReminders(cleo.Client, several, names, seen[4:]...)
	r.wantReminders(r.Client, normal, names)
	r.wantReminders(r.Client, outside, names)
	if got := r.reminders(r.Client, later, names); len(got) != 10 || got[0] != "1h2m0s: 1 Dora" || got[9] != "1h20m0s: 10 Dora" {
		t.Errorf("of the scheduled: %v", got)
	}
}

// What is gone reminds nobody any more. How often there are reminders, the organization says; a broadcast reminds each of its recipients.
func TestRemindersEnd(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	ana, ben := r.colleague(t, a, "Ana"), r.colleague(t, a, "Ben")
	names := map[string]string{ana.id: "Ana", ben.id: "Ben"}
	to := api.Recipient{User: ben.id}
	recalled, redacted := urgent(t, ana.Client, to, nil), urgent(t, ana.Client, to, nil)
	short := urgent(t, ana.Client, to, func(s *api.SendRequest) { s.TTL = 150 })
	r.advance(3 * time.Minute)
	must[*api.Message](t)(ana.RecallMessage(ctx, recalled.ID))
	must[*api.Message](t)(r.RedactMessage(ctx, redacted.ID, api.RedactRequest{Parts: []int{0}}))
	r.advance(time.Hour)
	for _, m := range []*api.Message{recalled, redacted, short} {
		r.wantReminders(r.Client, m, names, "2m0s: 1 Ben")
	}

	every, times := int64(60), 3
	o := must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Reminders: &api.RemindersPatch{Every: &every, Times: &times}}}))
	if o.Policy.Reminders != (api.Reminders{Every: 60, Times: 3}) {
		t.Errorf("the policy: %+v", o.Policy.Reminders)
	}
	list := must[*api.Broadcast](t)(r.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"}))
	must[*api.Broadcast](t)(r.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{ana.id, ben.id}}))
	all := urgent(t, r.Client, api.Recipient{Broadcast: list.ID}, nil)
	r.advance(time.Hour)
	reminded := map[string]int{}
	for e, err := range r.Events(ctx, api.EventFilter{Types: []string{string(api.EventMessageReminded)}}) {
		if err != nil {
			t.Fatal(err)
		}
		if m := must[*api.Message](t)(r.GetMessage(ctx, e.Data.MessageID)); m.Parent == all.ID {
			reminded[names[e.Data.Users[0]]]++
		}
	}
	if fmt.Sprint(reminded) != "map[Ana:3 Ben:3]" {
		t.Errorf("of the broadcast: %v", reminded)
	}

	none := 0
	running := urgent(t, ana.Client, to, nil)
	r.advance(time.Minute)
	must[*api.Organization](t)(r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Reminders: &api.RemindersPatch{Times: &none}}}))
	off := urgent(t, ana.Client, to, nil)
	r.advance(time.Hour)
	r.wantReminders(r.Client, off, names)
	if got := r.reminders(r.Client, running, names); len(got) != 1 {
		t.Errorf("after they were turned off: %v", got)
	}
	short30 := int64(29)
	_, err := r.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Reminders: &api.RemindersPatch{Every: &short30}}})
	if e, ok := err.(*api.Error); !ok || e.HTTPStatus != 422 || e.Errors[0].Field != "policy.reminders.every" {
		t.Errorf("29 seconds: %v", err)
	}
}

// Of a message to a role those are reminded who are on duty, whoever that is then.
func TestRemindersOfRoles(t *testing.T) {
	a, operator := alone(t)
	r := rehearse(t, a, operator)
	ctx := t.Context()
	ana, ben, cleo := r.colleague(t, a, "Ana"), r.colleague(t, a, "Ben"), r.colleague(t, a, "Cleo")
	names := map[string]string{ana.id: "Ana", ben.id: "Ben", cleo.id: "Cleo"}
	role := must[*api.Role](t)(r.CreateRole(ctx, api.RoleRequest{Name: "Nurse", ReplayHistory: true, Members: []string{ben.id, cleo.id}}))
	m := urgent(t, ana.Client, api.Recipient{Role: role.ID}, nil)
	r.advance(3 * time.Minute)
	must[*api.Role](t)(ben.ComeOnDuty(ctx, role.ID, api.DutyIn{}))
	r.advance(2 * time.Minute)
	must[*api.Role](t)(ben.GoOffDuty(ctx, role.ID, api.DutyOut{}))
	must[*api.Role](t)(cleo.ComeOnDuty(ctx, role.ID, api.DutyIn{}))
	r.advance(2 * time.Minute)
	if err := cleo.MarkRead(ctx, m.ID); err != nil {
		t.Fatal(err)
	}
	r.advance(time.Hour)
	r.wantReminders(r.Client, m, names, "4m0s: 2 Ben", "6m0s: 3 Cleo")
}

// However many nodes there are, each reminder comes once.
func TestRemindersOnNodes(t *testing.T) {
	n := newNodes(t, 0)
	first := n.start(func(*config.Config) {})
	n.start(func(*config.Config) {})
	r := rehearse(t, first.app, first.Client)
	ana, ben := r.colleague(t, first.app, "Ana"), r.colleague(t, first.app, "Ben")
	names := map[string]string{ana.id: "Ana", ben.id: "Ben"}
	m := urgent(t, ana.Client, api.Recipient{User: ben.id}, nil)
	r.advance(time.Hour)
	r.wantReminders(r.Client, m, names, everyTwoMinutes(1, 10, "Ben")...)
}
