package proof

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// ward is a hospital's ward: who works there, each with a key, and the time.
type ward struct {
	t     *testing.T
	ctx   context.Context
	admin *api.Client
	now   time.Time
	staff map[string]*agent
	role  string // on call
	sms   string // the channel
}

// TestWardDay: a day on a ward in virtual time. Shifts change; who wants no disturbance is stood in for; content that is to go
// leaves no trace in any file.
func TestWardDay(t *testing.T) {
	s := newServer(t, binary(t, ""))
	operator := s.key()
	s.start()
	w := openWard(t, s, operator)
	w.shifts()
	w.forwarded()
	w.escalated()
	gone := w.shortLived()
	if t.Failed() {
		return
	}
	s.stop()
	f := &findings{}
	tables := s.tables(t)
	defer tables.close()
	tables.check(f)
	f.report(t, "after the day")
	var found []string
	for range 5 { // the index of words lets go of them a little later, and after a start goes on with that
		if found = traces(t, s.data, gone); len(found) == 0 {
			break
		}
		s.start()
		time.Sleep(3 * time.Second)
		s.stop()
	}
	if len(found) > 0 {
		t.Errorf("what has gone is still in %v", found)
	}
}

// openWard makes a test organization at seven in the morning.
func openWard(t *testing.T, s *server, operator string) *ward {
	t.Helper()
	w := &ward{t: t, ctx: t.Context(), staff: map[string]*agent{}}
	made := got[*api.NewOrganization](t)(s.reach(t, operator).CreateOrganization(w.ctx, api.OrganizationRequest{Name: "Hospital", Test: true}))
	w.admin = s.reach(t, made.Key.Secret)
	frozen := true
	at := got[*api.Clock](t)(w.admin.GetClock(w.ctx)).Now.Truncate(24 * time.Hour).Add(31 * time.Hour)
	w.now = got[*api.Clock](t)(w.admin.MoveClock(w.ctx, api.ClockMove{Frozen: &frozen, To: api.NewTime(at)})).Now.Time
	for _, name := range []string{"nina", "carl", "dora", "emil", "head"} {
		u := got[*api.User](t)(w.admin.CreateUser(w.ctx, api.UserRequest{Name: name, Email: name + "@ward.example"}))
		key := got[*api.Key](t)(w.admin.CreateKey(w.ctx, api.KeyRequest{Name: "phone", User: u.ID,
			Scopes: slices.DeleteFunc(slices.Clone(made.Key.Scopes), func(scope string) bool { return scope == "conversations:read.private" })}))
		w.staff[name] = &agent{u.ID, s.reach(t, key.Secret)}
	}
	w.role = got[*api.Role](t)(w.admin.CreateRole(w.ctx, api.RoleRequest{Name: "On call", OwnerRequired: true, SingleOwner: true,
		Members: []string{w.staff["carl"].id, w.staff["dora"].id}})).ID
	w.sms = got[*api.Channel](t)(w.admin.CreateChannel(w.ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true})).ID
	for n, name := range []string{"carl", "dora"} { // from seven to three, and from three to eleven
		got[*api.Shift](t)(w.admin.CreateShift(w.ctx, w.role, api.ShiftRequest{User: w.staff[name].id,
			StartsAt: api.NewTime(w.now.Add(time.Duration(8*n) * time.Hour)), EndsAt: api.NewTime(w.now.Add(time.Duration(8*n+8) * time.Hour))}))
	}
	w.pass(0)
	return w
}

func (w *ward) pass(by time.Duration) {
	w.t.Helper()
	w.now = got[*api.Clock](w.t)(w.admin.AdvanceClock(w.ctx, by)).Now.Time
}

// say is what somebody of the staff writes.
func (w *ward) say(who string, to api.Recipient, text string, more ...func(*api.SendRequest)) *api.Message {
	w.t.Helper()
	r := api.SendRequest{To: to, Body: api.Text(text)}
	for _, f := range more {
		f(&r)
	}
	return got[*api.Message](w.t)(w.staff[who].client.Send(w.ctx, r))
}

// sees compares the messages of a text that somebody sees with how many there should be.
func (w *ward) sees(who, text string, want int) {
	w.t.Helper()
	n := 0
	for m, err := range api.All(func(after string) (*api.List[api.Message], error) {
		return w.staff[who].client.ListMessages(w.ctx, api.MessageFilter{Page: api.Page{After: after, Limit: 200}})
	}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if strings.Contains(m.Text, text) {
			n++
		}
	}
	if n != want {
		w.t.Errorf("at %s %s sees %q %d times, want %d", w.now.Format(time.TimeOnly), who, text, n, want)
	}
}

// shifts: a role is whoever is on duty for it, and who is not any more sees nothing of what comes after.
func (w *ward) shifts() {
	w.t.Helper()
	onCall := api.Recipient{Role: w.role}
	w.say("nina", onCall, "bed one in the morning")
	w.sees("carl", "bed one", 1)
	w.sees("dora", "bed one", 0)
	w.pass(8*time.Hour + time.Minute)
	m := w.say("nina", onCall, "bed two in the afternoon")
	w.sees("carl", "bed two", 0)
	w.sees("dora", "bed two", 1)
	answer := got[*api.Message](w.t)(w.staff["dora"].client.SendToConversation(w.ctx, m.ConversationID, api.SendRequest{Body: api.Text("coming to bed two"), From: api.From{Role: w.role}}))
	if answer.Author.Kind != api.ActorRole || answer.Author.ID != w.role {
		w.t.Errorf("the one on duty answers as %+v", answer.Author)
	}
	w.sees("nina", "coming", 1)
	w.sees("carl", "coming", 0)
	if onDuty := got[*api.Role](w.t)(w.admin.GetRole(w.ctx, w.role)).OnDuty; !slices.Equal(onDuty, []string{w.staff["dora"].id}) {
		w.t.Errorf("on duty are %v", onDuty)
	}
}

// escalated: an urgent message that nobody acknowledges comes to one after the other, who are reminded, until somebody does.
func (w *ward) escalated() {
	w.t.Helper()
	asked := func(name string) []api.EscalationTarget { return []api.EscalationTarget{{User: w.staff[name].id}} }
	got[*api.EscalationPolicy](w.t)(w.admin.CreateEscalationPolicy(w.ctx, api.EscalationPolicyRequest{Name: "On call", Role: w.role, After: 300, GroupLife: 1800,
		Steps: []api.EscalationStep{{Targets: asked("head"), After: 300}, {Targets: asked("emil"), After: 300}}}))
	phone := "+15550190000"
	got[*api.User](w.t)(w.admin.PatchProfile(w.ctx, w.staff["dora"].id, api.ProfilePatch{Phone: &phone}))
	m := w.say("nina", api.Recipient{Role: w.role}, "bed five does not breathe", func(r *api.SendRequest) {
		r.Priority, r.Escalate, r.Fallback = api.PriorityHigh, true, []api.Fallback{{Channel: w.sms, After: 60, On: "unread"}}
	})
	w.stands(m.ID, 0, api.EscalationActive)
	w.sees("head", "bed five", 0)
	w.pass(5*time.Minute + time.Second)
	w.stands(m.ID, 1, api.EscalationActive)
	w.sees("head", "bed five", 1)
	w.sees("emil", "bed five", 0)
	w.pass(5 * time.Minute)
	w.stands(m.ID, 2, api.EscalationActive)
	w.sees("emil", "bed five", 1)
	w.answered("phone:"+phone, "ACK")
	e := w.stands(m.ID, 2, api.EscalationAcknowledged)
	if e.EndedBy != w.staff["dora"].id {
		w.t.Errorf("acknowledged by %s", e.EndedBy)
	}
	reminded := w.reminders(m.ID)
	if reminded < 4 || reminded > 5 { // every two minutes, until it was acknowledged after ten
		w.t.Errorf("%d reminders", reminded)
	}
	w.pass(time.Hour)
	if n := w.reminders(m.ID); n != reminded {
		w.t.Errorf("%d reminders after it was acknowledged, and %d before", n, reminded)
	}
	w.sees("carl", "bed five", 0)
	w.paged(phone)
}

// paged: who has the role and does not read what escalates is told elsewhere, by its policy, and answers there before it comes to anybody else.
func (w *ward) paged(phone string) {
	w.t.Helper()
	policy := got[*api.List[api.EscalationPolicy]](w.t)(w.admin.ListEscalationPolicies(w.ctx, api.EscalationPolicyFilter{Role: w.role})).Data[0]
	list := []api.Fallback{{Channel: w.sms, After: 60, On: api.OnUnread}}
	got[*api.EscalationPolicy](w.t)(w.admin.PatchEscalationPolicy(w.ctx, policy.ID, api.EscalationPolicyPatch{Fallback: &list}))
	m := w.say("nina", api.Recipient{Role: w.role}, "bed six is in pain", func(r *api.SendRequest) { r.Escalate = true })
	w.pass(2 * time.Minute)
	told := got[*api.List[api.SandboxMessage]](w.t)(w.admin.ListSandboxMessages(w.ctx, api.SandboxFilter{Message: m.ID})).Data
	if len(told) != 1 || told[0].To != "phone:"+phone || strings.Contains(told[0].Text, "bed") {
		w.t.Errorf("told were %+v", told)
	}
	got[*api.Message](w.t)(w.admin.PlayInbound(w.ctx, api.SandboxInbound{Channel: w.sms, From: "phone:" + phone, Body: api.Text("1")}))
	e := w.stands(m.ID, 0, api.EscalationAcknowledged)
	w.pass(time.Hour)
	tried := got[*api.List[api.EscalationFallback]](w.t)(w.admin.ListEscalationFallbacks(w.ctx, e.ID, api.Page{})).Data
	if e = w.stands(m.ID, 0, api.EscalationAcknowledged); len(tried) != 1 || tried[0].User != w.staff["dora"].id || e.GroupID != "" {
		w.t.Errorf("it came to %+v, by %+v", e, tried)
	}
	w.sees("head", "bed six", 0)
}

// answered has who was told by SMS that there is a message, and not what it says, answer that.
func (w *ward) answered(phone, text string) {
	w.t.Helper()
	told := got[*api.List[api.SandboxMessage]](w.t)(w.admin.ListSandboxMessages(w.ctx, api.SandboxFilter{To: phone})).Data
	if len(told) != 1 || strings.Contains(told[0].Text, "bed") {
		w.t.Errorf("%s was told %+v", phone, told)
	}
	got[*api.Message](w.t)(w.admin.PlayInbound(w.ctx, api.SandboxInbound{Channel: w.sms, From: phone, Body: api.Text(text)}))
}

// stands compares the escalation of a message with where it should stand.
func (w *ward) stands(message string, level int, state api.EscalationState) *api.Escalation {
	w.t.Helper()
	list := got[*api.List[api.Escalation]](w.t)(w.admin.ListEscalations(w.ctx, api.EscalationFilter{Message: message})).Data
	if len(list) != 1 || list[0].Level != level || list[0].State != state {
		w.t.Fatalf("at %s it stands at %+v, not %d, %s", w.now.Format(time.TimeOnly), list, level, state)
	}
	return &list[0]
}

// reminders are how often anybody was reminded of a message.
func (w *ward) reminders(message string) (n int) {
	w.t.Helper()
	for e, err := range w.admin.Events(w.ctx, api.EventFilter{Types: []string{string(api.EventMessageReminded)}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Data.MessageID == message {
			n++
		}
	}
	return n
}

// forwarded: what is written to who does not want to be disturbed comes to whom it names, until a time.
func (w *ward) forwarded() {
	w.t.Helper()
	got[*api.User](w.t)(w.staff["head"].client.SetDoNotDisturb(w.ctx, w.staff["head"].id, api.DoNotDisturbRequest{Text: "in the theatre",
		Until: api.NewTime(w.now.Add(2 * time.Hour)), ForwardTo: &api.ForwardTarget{User: w.staff["emil"].id}}))
	to := api.Recipient{User: w.staff["head"].id}
	w.say("nina", to, "family of bed three")
	w.sees("emil", "family of bed three", 1)
	w.sees("head", "family of bed three", 1)
	w.sees("nina", "in the theatre", 1)
	w.pass(2*time.Hour + time.Minute)
	w.say("nina", to, "family of bed four")
	w.sees("emil", "family of bed four", 0)
	w.sees("head", "family of bed four", 1)
	w.sees("nina", "in the theatre", 1)
}

// shortLived has content go: by its time, after it was read, by recall and by redaction, and returns the words that were in it.
func (w *ward) shortLived() []string {
	w.t.Helper()
	words := []string{"qzxalpha", "qzxbravo", "qzxcharlie", "qzxdelta", "qzxecho"}
	to := api.Recipient{User: w.staff["dora"].id}
	w.say("nina", to, words[0], func(r *api.SendRequest) { r.TTL = 1800 })
	once := w.say("nina", to, words[1], func(r *api.SendRequest) { r.DeleteOnRead = true })
	recalled := w.say("nina", to, words[2])
	redacted := w.say("nina", to, words[3])
	w.say("nina", api.Recipient{Role: w.role}, words[4], func(r *api.SendRequest) { r.TTL, r.Priority = 600, api.PriorityHigh })
	for _, word := range words {
		w.sees("dora", word, 1)
	}
	got[*api.SearchPage[api.MessageFound]](w.t)(w.staff["dora"].client.SearchMessages(w.ctx, api.MessageSearch{Q: words[0]}))
	if err := w.staff["dora"].client.MarkRead(w.ctx, once.ID); err != nil {
		w.t.Error(err)
	}
	got[*api.Message](w.t)(w.staff["nina"].client.RecallMessage(w.ctx, recalled.ID))
	got[*api.Message](w.t)(w.admin.RedactMessage(w.ctx, redacted.ID, api.RedactRequest{Parts: []int{0}}))
	w.pass(time.Hour)
	for _, word := range words {
		w.sees("dora", word, 0)
		w.sees("nina", word, 0)
	}
	return words
}

// traces searches every file of a stopped server's folder for words.
func traces(t *testing.T, folder string, words []string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, word := range words {
			if bytes.Contains(content, []byte(word)) {
				found = append(found, filepath.Base(path)+": "+word)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
