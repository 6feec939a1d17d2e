package proof

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// TestSupportWeek: a support desk in virtual time, whose every count is that of a recount.
func TestSupportWeek(t *testing.T) { supportWeek(t, 150, 4*time.Hour) }

// TestProveSupportWeek is the long form.
func TestProveSupportWeek(t *testing.T) {
	long(t)
	supportWeek(t, 2000, time.Hour)
}

// desk is a support desk, and what it should be by now.
type desk struct {
	t       *testing.T
	ctx     context.Context
	random  *rand.Rand
	admin   *api.Client
	agents  []*agent
	sms     string // channels
	chat    string
	now     time.Time
	tickets []*ticket
	sent    map[string]*ticket // messages that go out
	written int
}

type agent struct {
	id     string
	client *api.Client
}

// ticket is a conversation with a customer as it should be.
type ticket struct {
	id, contact, address, channel string

	status   api.ConversationStatus
	wakes    time.Time // zero: not by time
	assignee string
	items    int64   // in its timeline
	quit     bool    // it once wanted nothing
	stopped  bool    // the customer wants nothing on the channel
	both     bool    // the customer has two, on two channels
	into     *ticket // it became a part of another
}

// supportWeek plays a week in which so many customers write, step by step.
func supportWeek(t *testing.T, customers int, step time.Duration) {
	s := newServer(t, binary(t, ""))
	operator := s.key()
	s.start()
	d := openDesk(t, s, operator)
	steps, aDay := int(7*24*time.Hour/step), int(24*time.Hour/step)
	for n := range steps {
		for d.written*steps < customers*(n+1) {
			d.arrive()
		}
		for range 4 * customers / steps {
			d.act(d.tickets[d.random.IntN(len(d.tickets))].last())
		}
		d.pass(step)
		if n%aDay == aDay-1 {
			d.recount()
		}
		if t.Failed() {
			return
		}
	}
	d.handedOnce()
	s.stop()
	f := &findings{}
	tables := s.tables(t)
	defer tables.close()
	tables.check(f)
	f.report(t, "after the week")
}

// got returns a result, or ends the test.
func got[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// openDesk makes a test organization with agents and channels, whose clock stands.
func openDesk(t *testing.T, s *server, operator string) *desk {
	t.Helper()
	d := &desk{t: t, ctx: t.Context(), random: chance(t), sent: map[string]*ticket{}}
	made := got[*api.NewOrganization](t)(s.reach(t, operator).CreateOrganization(d.ctx, api.OrganizationRequest{Name: "Desk", Test: true}))
	d.admin = s.reach(t, made.Key.Secret)
	frozen := true
	d.now = got[*api.Clock](t)(d.admin.MoveClock(d.ctx, api.ClockMove{Frozen: &frozen})).Now.Time
	d.sms = got[*api.Channel](t)(d.admin.CreateChannel(d.ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true})).ID
	d.chat = got[*api.Channel](t)(d.admin.CreateChannel(d.ctx, api.ChannelRequest{Name: "WhatsApp", Connector: "sandbox", Platform: "whatsapp"})).ID
	keywords := []api.Keyword{{Action: api.KeywordStop, Answer: "You get no more."}, {Action: api.KeywordStart, Answer: "Welcome back."}}
	got[*api.Organization](t)(d.admin.PatchOrganization(d.ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Keywords: &keywords}}))
	for n := range 4 {
		u := got[*api.User](t)(d.admin.CreateUser(d.ctx, api.UserRequest{Name: fmt.Sprintf("Agent %d", n+1), Email: fmt.Sprintf("agent%d@desk.example", n+1)}))
		key := got[*api.Key](t)(d.admin.CreateKey(d.ctx, api.KeyRequest{Name: "inbox", User: u.ID, Scopes: made.Key.Scopes}))
		d.agents = append(d.agents, &agent{u.ID, s.reach(t, key.Secret)})
	}
	return d
}

// arrive is a customer who writes for the first time. Some numbers bounce, and some take a message at the third attempt.
func (d *desk) arrive() {
	d.written++
	address := fmt.Sprintf("phone:+1%06d%04d", 200_000+d.written, []int{0, 0, 0, 1, 2}[d.random.IntN(5)])
	m := got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: d.sms, From: address, Body: d.words()}))
	d.tickets = append(d.tickets, &ticket{id: m.ConversationID, contact: m.Author.ID, address: address, channel: d.sms, status: api.ConversationOpen, items: 1})
}

// words are a text that nobody has written before.
func (d *desk) words() api.Body {
	return api.Text(fmt.Sprintf("question %x", d.random.Uint64()))
}

// last is the ticket that a ticket became a part of.
func (k *ticket) last() *ticket {
	for k.into != nil {
		k = k.into
	}
	return k
}

// act is something that happens with a ticket.
func (d *desk) act(k *ticket) {
	switch n := d.random.IntN(100); {
	case n < 30:
		d.reply(k)
	case n < 50:
		d.write(k)
	case n < 56:
		got[*api.Message](d.t)(d.anyone().client.SendToConversation(d.ctx, k.id, api.SendRequest{Body: d.words(), Internal: true}))
		if k.items++; k.status == api.ConversationClosed {
			k.status = api.ConversationOpen // there is something to be done again
		}
	case n < 68:
		a := d.anyone()
		k.assignee = a.id
		d.patch(k, api.ConversationPatch{Assignees: &[]api.Assignee{{Kind: api.ActorUser, ID: a.id}}})
	case n < 78 && k.status == api.ConversationOpen:
		k.status, k.wakes = api.ConversationSnoozed, time.Time{}
		if n < 76 {
			k.wakes = d.now.Add(time.Duration(1+d.random.IntN(40))*time.Hour - time.Duration(d.random.IntN(2))*time.Minute)
		}
		d.patch(k, api.ConversationPatch{Status: k.status, SnoozedUntil: api.Time{Time: k.wakes}})
	case n < 88:
		k.status, k.wakes = api.ConversationClosed, time.Time{}
		d.patch(k, api.ConversationPatch{Status: k.status})
	case n < 93:
		d.keyword(k)
	default:
		d.twin(k)
	}
}

func (d *desk) anyone() *agent { return d.agents[d.random.IntN(len(d.agents))] }

func (d *desk) patch(k *ticket, patch api.ConversationPatch) {
	got[*api.Conversation](d.t)(d.anyone().client.PatchConversation(d.ctx, k.id, patch))
}

// reply is what an agent writes to the customer, who gets it unless it is not wanted. A ticket that waits or is done stays so.
func (d *desk) reply(k *ticket) {
	m, err := d.anyone().client.SendToConversation(d.ctx, k.id, api.SendRequest{Body: d.words(), Reopen: api.ReopenNever})
	if k.stopped {
		if problem, ok := errors.AsType[*api.Error](err); !ok || problem.Code != "address-suppressed" {
			d.t.Errorf("a message to who wants none: %v", err)
		}
		return
	}
	got[*api.Message](d.t)(m, err)
	k.items++
	d.sent[m.ID] = k
}

// write is what a customer writes, which opens the ticket again.
func (d *desk) write(k *ticket) {
	m := got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: k.channel, From: k.address, Body: d.words()}))
	d.arrived(k, m)
}

func (d *desk) arrived(k *ticket, m *api.Message) {
	if m.ConversationID != k.id {
		d.t.Errorf("a message of the customer in %s came to %s", k.id, m.ConversationID)
	}
	k.items++
	k.status, k.wakes = api.ConversationOpen, time.Time{}
}

// keyword is STOP or START, which is answered.
func (d *desk) keyword(k *ticket) {
	if k.both {
		return // the answer would go to one of two channels
	}
	word := map[bool]string{false: "STOP", true: "Start!"}[k.stopped]
	d.arrived(k, got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: k.channel, From: k.address, Body: api.Text(word)})))
	k.stopped, k.quit = !k.stopped, true
	k.items++ // the answer
}

// twin is a customer who writes on the other channel too, of which one ticket is made.
func (d *desk) twin(k *ticket) {
	if k.both || k.stopped {
		return
	}
	other := &ticket{contact: k.contact, address: k.address, channel: d.chat, status: api.ConversationOpen, items: 1, both: true}
	m := got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: d.chat, From: k.address, Body: d.words()}))
	if other.id = m.ConversationID; other.id == k.id || m.Author.ID != k.contact {
		d.t.Errorf("a customer on another channel: %+v", m)
	}
	k.both = true
	d.tickets = append(d.tickets, other)
	if d.random.IntN(2) == 0 {
		k, other = other, k
	}
	got[*api.Conversation](d.t)(d.anyone().client.MergeConversation(d.ctx, k.id, api.ConversationMerge{Into: other.id}))
	other.items += k.items
	if other.assignee == "" {
		other.assignee = k.assignee
	}
	if k.status == api.ConversationOpen || k.status == api.ConversationSnoozed && other.status == api.ConversationClosed {
		other.status, other.wakes = k.status, k.wakes
	}
	k.into = other
}

// pass lets time go by: tickets that wait are open again.
func (d *desk) pass(by time.Duration) {
	d.now = got[*api.Clock](d.t)(d.admin.AdvanceClock(d.ctx, by)).Now.Time
	for _, k := range d.tickets {
		if k.status == api.ConversationSnoozed && !k.wakes.IsZero() && !k.wakes.After(d.now) {
			k.status, k.wakes = api.ConversationOpen, time.Time{}
		}
	}
}

// recount compares every ticket, and lists by status and assignee, with what they should be.
func (d *desk) recount() {
	d.t.Helper()
	for _, status := range []api.ConversationStatus{api.ConversationOpen, api.ConversationSnoozed, api.ConversationClosed} {
		d.compare("status "+string(status), api.ConversationFilter{Status: string(status)}, func(k *ticket) bool { return k.status == status })
	}
	for _, a := range d.agents {
		d.compare("given to "+a.id, api.ConversationFilter{Assignee: a.id}, func(k *ticket) bool { return k.assignee == a.id })
	}
	d.compare("given to nobody", api.ConversationFilter{Assignee: "none"}, func(k *ticket) bool { return k.assignee == "" })
}

// compare compares a list with the tickets that it should have.
func (d *desk) compare(what string, filter api.ConversationFilter, has func(*ticket) bool) {
	d.t.Helper()
	filter.Kind, filter.Limit = string(api.ConversationExternal), 200
	listed := map[string]api.Conversation{}
	for c, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		filter.After = after
		return d.admin.ListConversations(d.ctx, filter)
	}) {
		if err != nil {
			d.t.Fatal(err)
		}
		if _, twice := listed[c.ID]; twice {
			d.t.Errorf("%s: %s is listed twice", what, c.ID)
		}
		listed[c.ID] = c
	}
	for _, k := range d.tickets {
		c, there := listed[k.id]
		if delete(listed, k.id); there != (k.into == nil && has(k)) {
			d.t.Errorf("%s: %+v is listed: %v (%+v)", what, k, there, c)
		}
		if there && (c.LastSequence != k.items || c.Status != k.status || !c.SnoozedUntil.Equal(k.wakes)) {
			d.t.Errorf("%s: a ticket %+v is %+v", what, k, c)
		}
	}
	for id := range listed {
		d.t.Errorf("%s: there is %s that nobody made", what, id)
	}
}

// handedOnce compares what the channels were handed with what was sent.
func (d *desk) handedOnce() {
	d.t.Helper()
	accepted := map[string]int{}
	for m, err := range api.All(func(after string) (*api.List[api.SandboxMessage], error) {
		return d.admin.ListSandboxMessages(d.ctx, api.SandboxFilter{Page: api.Page{After: after, Limit: 200}})
	}) {
		if err != nil {
			d.t.Fatal(err)
		}
		if m.Outcome == "accepted" {
			accepted[m.MessageID]++
		}
	}
	for id, k := range d.sent {
		m, want := got[*api.Message](d.t)(d.admin.GetMessage(d.ctx, id)), api.Read
		switch {
		case k.quit && accepted[id] == 0: // before it went out
			want = api.Skipped
		case k.address[len(k.address)-4:] == "0001":
			want = api.Failed
		}
		if m.Status != want || (accepted[id] == 1) != (want != api.Skipped) {
			d.t.Errorf("a message to %s was taken %d times, and is %s", k.address, accepted[id], m.Status)
		}
	}
	ends := slices.Collect(func(yield func(string) bool) {
		for id, n := range accepted {
			if n != 1 && !yield(id) {
				return
			}
		}
	})
	if len(ends) > 0 {
		d.t.Errorf("messages were taken more than once: %v", ends)
	}
}
