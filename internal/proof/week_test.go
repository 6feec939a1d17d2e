package proof

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	views   map[string]func(*ticket) bool // by id
	told    map[string]time.Time          // when a contact was last told that the desk is closed
	sent    map[string]*ticket            // messages that go out
	quiet   map[string]bool               // those of them that wait at night
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
	items    int64     // in its timeline
	came     time.Time // when the customer wrote first
	ended    time.Time // when that was answered by somebody, or the ticket was closed, first
	quit     bool      // it once wanted nothing
	stopped  bool      // the customer wants nothing on the channel
	both     bool      // the customer has two, on two channels
	into     *ticket   // it became a part of another
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
	d.pass(24 * time.Hour) // what waits for the morning goes out
	d.recount()
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
	d := &desk{t: t, ctx: t.Context(), random: chance(t), sent: map[string]*ticket{}, quiet: map[string]bool{}, told: map[string]time.Time{}, views: map[string]func(*ticket) bool{}}
	made := got[*api.NewOrganization](t)(s.reach(t, operator).CreateOrganization(d.ctx, api.OrganizationRequest{Name: "Desk", Test: true}))
	d.admin = s.reach(t, made.Key.Secret)
	frozen := true
	d.now = got[*api.Clock](t)(d.admin.MoveClock(d.ctx, api.ClockMove{Frozen: &frozen})).Now.Time
	d.sms = got[*api.Channel](t)(d.admin.CreateChannel(d.ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true})).ID
	d.chat = got[*api.Channel](t)(d.admin.CreateChannel(d.ctx, api.ChannelRequest{Name: "WhatsApp", Connector: "sandbox", Platform: "whatsapp"})).ID
	keywords := []api.Keyword{{Action: api.KeywordStop, Answer: "You get no more."}, {Action: api.KeywordStart, Answer: "Welcome back."}}
	quiet := api.QuietHours{TimeZone: "UTC", Classes: []string{string(api.ClassMarketing)}, Intervals: []api.QuietInterval{{From: "20:00", To: "24:00"}, {From: "00:00", To: "08:00"}}}
	got[*api.Organization](t)(d.admin.PatchOrganization(d.ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{Keywords: &keywords, QuietHours: &quiet}}))
	d.hours()
	for n := range 4 {
		u := got[*api.User](t)(d.admin.CreateUser(d.ctx, api.UserRequest{Name: fmt.Sprintf("Agent %d", n+1), Email: fmt.Sprintf("agent%d@desk.example", n+1)}))
		key := got[*api.Key](t)(d.admin.CreateKey(d.ctx, api.KeyRequest{Name: "inbox", User: u.ID, Scopes: made.Key.Scopes}))
		d.agents = append(d.agents, &agent{u.ID, s.reach(t, key.Secret)})
		d.keep(api.ViewFilter{Assignee: u.ID}, func(k *ticket) bool { return k.assignee == u.ID })
	}
	for _, status := range []api.ConversationStatus{api.ConversationOpen, api.ConversationSnoozed, api.ConversationClosed} {
		d.keep(api.ViewFilter{Status: status, Kind: api.ConversationExternal}, func(k *ticket) bool { return k.status == status })
	}
	return d
}

// How soon the desk promises to answer, and how often a customer is told at most that it is closed.
const (
	promised  = 4 * time.Hour
	throttled = 12 * time.Hour
)

// hours has the desk be open from nine to five on weekdays, say so to who writes at other times, and promise something.
func (d *desk) hours() {
	d.t.Helper()
	var weekly []api.DayHours
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		weekly = append(weekly, api.DayHours{Day: day, From: "09:00", To: "17:00"})
	}
	got[*api.Schedule](d.t)(d.admin.CreateSchedule(d.ctx, api.ScheduleRequest{Name: "Desk", TimeZone: "UTC", Weekly: weekly, Default: true}))
	throttle := int64(throttled / time.Second)
	got[*api.AutoReply](d.t)(d.admin.CreateAutoReply(d.ctx, api.AutoReplyRequest{Name: "Closed", When: "closed", Text: "We are back at nine.", Throttle: &throttle}))
	got[*api.SLAPolicy](d.t)(d.admin.CreateSLAPolicy(d.ctx, api.SLAPolicyRequest{Name: "Promise", Targets: []api.SLATarget{{FirstResponse: int64(promised / time.Second)}}}))
}

// keep makes a view for everybody.
func (d *desk) keep(filter api.ViewFilter, has func(*ticket) bool) {
	d.t.Helper()
	v := got[*api.View](d.t)(d.admin.CreateView(d.ctx, api.ViewRequest{Name: "view", Owner: api.ViewOwner{Kind: api.ActorOrganization}, Filter: filter}))
	d.views[v.ID] = has
}

// open reports whether the desk is open now.
func (d *desk) open() bool {
	day, hour := d.now.UTC().Weekday(), d.now.UTC().Hour()
	return day != time.Saturday && day != time.Sunday && hour >= 9 && hour < 17
}

// tell is what a message of a customer is answered by itself.
func (d *desk) tell(k *ticket) {
	if last := d.told[k.contact]; !d.open() && !k.stopped && (last.IsZero() || d.now.Sub(last) >= throttled) {
		k.items++
		d.told[k.contact] = d.now
	}
}

// arrive is a customer who writes for the first time. Some numbers bounce, and some take a message at the third attempt.
func (d *desk) arrive() {
	d.written++
	address := fmt.Sprintf("phone:+1%06d%04d", 200_000+d.written, []int{0, 0, 0, 1, 2}[d.random.IntN(5)])
	m := got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: d.sms, From: address, Body: d.words()}))
	k := &ticket{id: m.ConversationID, contact: m.Author.ID, address: address, channel: d.sms, status: api.ConversationOpen, items: 1, came: d.now}
	d.tell(k)
	d.tickets = append(d.tickets, k)
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
		d.end(k)
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
	request := api.SendRequest{Body: d.words(), Reopen: api.ReopenNever}
	if d.random.IntN(3) == 0 {
		request.Class = api.ClassMarketing
	}
	m, err := d.anyone().client.SendToConversation(d.ctx, k.id, request)
	if k.stopped {
		if problem, ok := errors.AsType[*api.Error](err); !ok || problem.Code != "address-suppressed" {
			d.t.Errorf("a message to who wants none: %v", err)
		}
		return
	}
	got[*api.Message](d.t)(m, err)
	k.items++
	d.end(k)
	d.sent[m.ID], d.quiet[m.ID] = k, request.Class == api.ClassMarketing
}

// end is the first thing that keeps the promise to a customer.
func (d *desk) end(k *ticket) {
	if k.ended.IsZero() {
		k.ended = d.now
	}
}

// write is what a customer writes, which opens the ticket again.
func (d *desk) write(k *ticket) {
	m := got[*api.Message](d.t)(d.admin.PlayInbound(d.ctx, api.SandboxInbound{Channel: k.channel, From: k.address, Body: d.words()}))
	d.arrived(k, m)
	d.tell(k)
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
	d.tell(other)
	d.tickets = append(d.tickets, other)
	if d.random.IntN(2) == 0 {
		k, other = other, k
	}
	if !d.merge(k, other) {
		return
	}
	other.items += k.items
	if other.assignee == "" {
		other.assignee = k.assignee
	}
	if k.status == api.ConversationOpen || k.status == api.ConversationSnoozed && other.status == api.ConversationClosed {
		other.status, other.wakes = k.status, k.wakes
	}
	k.into = other
}

// merge makes a ticket a part of another, unless messages of both are being tried again.
func (d *desk) merge(k, other *ticket) bool {
	d.t.Helper()
	for range 100 {
		_, err := d.anyone().client.MergeConversation(d.ctx, k.id, api.ConversationMerge{Into: other.id})
		if err == nil {
			return true
		}
		if problem, ok := errors.AsType[*api.Error](err); !ok || problem.Code != "deliveries-under-way" {
			d.t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
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
	for _, v := range got[*api.ViewCounts](d.t)(d.agents[0].client.CountViews(d.ctx, api.ViewCountFilter{Views: slices.Collect(maps.Keys(d.views))})).Data {
		want := 0
		for _, k := range d.tickets {
			if k.into == nil && d.views[v.View](k) {
				want++
			}
		}
		if v.Count != min(want, 1000) || v.More != (want > 1000) {
			d.t.Errorf("a view has %+v, and not %d", v, want)
		}
	}
}

// promise compares how a ticket stands with what was promised.
func (d *desk) promise(k *ticket, c *api.Conversation) {
	d.t.Helper()
	due := k.came.Add(promised)
	broken := !d.now.Before(due) && (k.ended.IsZero() || !k.ended.Before(due))
	if c.SLA == nil || c.SLA.FirstResponse == nil {
		d.t.Errorf("a ticket has no clock: %+v", c)
		return
	}
	clock := c.SLA.FirstResponse
	if !clock.StartedAt.Equal(k.came) || clock.BreachedAt.IsZero() == broken || clock.DoneAt.IsZero() != k.ended.IsZero() {
		d.t.Errorf("at %s the customer of %+v, who wrote at %s and was answered at %s, was promised an answer: %+v", d.now, k, k.came, k.ended, clock)
	}
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
	all := maps.Clone(listed)
	for _, k := range d.tickets {
		c, there := listed[k.id]
		if delete(listed, k.id); there != (k.into == nil && has(k)) {
			d.t.Errorf("%s: %+v is listed: %v (%+v)", what, k, there, c)
		}
		if there && (c.LastSequence != k.items || c.Status != k.status || !c.SnoozedUntil.Equal(k.wakes)) {
			d.t.Errorf("%s: a ticket %+v is %+v", what, k, c)
		}
	}
	for _, k := range d.tickets {
		if c, there := all[k.id]; there && !k.both {
			d.promise(k, &c)
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
			if hour := m.At.UTC().Hour(); d.quiet[m.MessageID] && (hour >= 20 || hour < 8) {
				d.t.Errorf("a message went out at night: %+v", m)
			}
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
