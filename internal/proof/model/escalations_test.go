package model

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// policy is how messages to a role escalate.
type policy struct {
	after time.Duration
	steps []step
	life  time.Duration // of the group, after the end
}

type step struct {
	users []*principal
	after time.Duration
}

// escalation is a message that goes from one to the next.
type escalation struct {
	id       string
	role     *role
	message  *message
	copy     *message
	group    *conversation
	by       *principal
	level    int
	state    api.EscalationState
	due      time.Time
	endedBy  *principal
	told, at int // the numbers of what was told last, in the conversation and in the group
}

// policyOf gives a role one, mostly.
func (m *machine) policyOf(o *organization, r *role) {
	p := &policy{after: 5 * time.Minute, life: one(m, "life", []time.Duration{0, time.Hour})}
	request := api.EscalationPolicyRequest{Name: "policy", Role: r.id, After: 300, GroupLife: int64(p.life / time.Second)}
	for n, u := range rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 0, 3, rapid.ID[int]).Draw(m.rapid, "targets") {
		if n == 0 || rapid.Bool().Draw(m.rapid, "a step of its own") {
			p.steps = append(p.steps, step{after: 10 * time.Minute})
			request.Steps = append(request.Steps, api.EscalationStep{After: 600})
		}
		if o.users[u].gone {
			return
		}
		last := len(p.steps) - 1
		p.steps[last].users = append(p.steps[last].users, o.users[u])
		request.Steps[last].Targets = append(request.Steps[last].Targets, api.EscalationTarget{User: o.users[u].user})
	}
	if len(p.steps) == 0 {
		return
	}
	_, err := o.admin.client.CreateEscalationPolicy(background, request)
	m.log("its policy: %s: %v", text(request), err)
	m.ok(err, "making an escalation policy")
	r.policy = p
}

// escalate begins an escalation. Where nobody else is on duty it goes on at once.
func (m *machine) escalate(by *principal, msg *message) {
	o := by.org
	list, err := o.admin.client.ListEscalations(background, api.EscalationFilter{Message: msg.id})
	m.ok(err, "the escalation of %s", msg.id)
	if len(list.Data) != 1 {
		m.fail("message %s has %d escalations", msg.id, len(list.Data))
	}
	e := &escalation{id: list.Data[0].ID, role: msg.in.role, message: msg, by: by, state: api.EscalationActive}
	o.escalations = append(o.escalations, e)
	msg.escalation = e
	e.tell(by, "escalation-started")
	e.lasts(m, e.role.policy.after)
	if !slices.ContainsFunc(e.role.duty, func(u *principal) bool { return u != by }) {
		m.onward = by
		e.raise(m)
		m.onward = nil
	}
	e.changed()
}

// lasts is how long those have who are asked.
func (e *escalation) lasts(m *machine, d time.Duration) {
	o := e.by.org
	due := o.now.Add(d)
	e.due = due
	o.at(due, func() {
		if e.state == api.EscalationActive && e.due.Equal(due) {
			e.raise(m)
			e.changed()
		}
	})
}

// changed tells those who take part, in the conversation or in the group if there was one.
func (e *escalation) changed() {
	group := e.group
	e.by.org.tell(api.EventEscalationUpdated, fmt.Sprint(e.id, " ", e.state, " ", e.level), func(p *principal) bool {
		return p.private || e.message.in.in(p) || group != nil && group.in(p)
	})
}

// tell adds a system item to the conversation of the message, and to the group.
func (e *escalation) tell(by *principal, notice string) {
	e.told = e.message.in.notice(by, notice)
	if e.group != nil {
		e.at = e.group.notice(by, notice)
	}
}

// notice adds a system item of which the server's id is not known yet.
func (c *conversation) notice(by *principal, kind string) int {
	c.enter(&message{in: c, author: by, notice: kind})
	return len(c.timeline)
}

// raise brings it to the next level at which somebody can be asked who does not have it.
func (e *escalation) raise(m *machine) {
	p := e.role.policy
	for level := e.level + 1; level <= len(p.steps); level++ {
		s := p.steps[level-1]
		var named, fresh []*principal
		for _, u := range s.users {
			if u.gone {
				continue
			}
			named = append(named, u)
			if u != e.by && !e.message.in.in(u) && !(e.group != nil && e.group.in(u)) {
				fresh = append(fresh, u)
			}
		}
		if len(fresh) == 0 {
			e.tell(m.onward, "escalation-passed")
			continue
		}
		e.level = level
		e.lasts(m, s.after)
		e.include(m, named, fresh)
		e.tell(m.onward, "escalation-raised")
		return
	}
	e.end(nil, api.EscalationUnanswered, "escalation-unanswered")
}

// include lets people into the group, which the first of them make: with who wrote the message and whoever is on duty.
func (e *escalation) include(m *machine, named, fresh []*principal) {
	o := e.by.org
	if e.group == nil {
		got, err := o.admin.client.GetEscalation(background, e.id)
		m.ok(err, "the escalation %s", e.id)
		e.group = o.begin(got.GroupID, api.ConversationGroup, slices.Concat([]*principal{e.by}, e.role.duty, fresh, named)...)
		e.group.replays, e.group.roles, e.group.guests = true, []*role{e.role}, map[string]bool{e.by.user: true}
		e.copy = &message{id: got.CopyID, author: e.message.author, text: e.message.text, in: e.group, copied: true}
		e.group.enter(e.copy)
	}
	for _, u := range fresh {
		e.group.admit(u)
	}
	for _, u := range named {
		e.group.guests[u.user] = true
	}
}

// end of an escalation. Its group stays for a while.
func (e *escalation) end(by *principal, state api.EscalationState, notice string) {
	o := e.by.org
	e.state, e.endedBy = state, by
	e.tell(by, notice)
	if e.group == nil {
		return
	}
	o.at(o.now.Add(e.role.policy.life), func() {
		e.at = e.group.notice(nil, "escalation-closed")
		for user, part := range e.group.members {
			if part.left == 0 {
				e.group.part(user)
			}
		}
		e.group.status, e.group.roles, e.group.guests = api.ConversationClosed, nil, nil
	})
}

// gone cancels the escalation of a message whose content goes; that of its copy goes with it.
func (e *escalation) gone(why api.Removal) {
	if e.state == api.EscalationActive {
		e.end(nil, api.EscalationCanceled, "escalation-canceled")
		e.changed()
	}
	if e.copy != nil {
		e.by.org.remove(e.copy, why)
	}
}

// seenBy: who takes part in the conversation or the group now, or did when the last of what was told came.
func (e *escalation) seenBy(p *principal) bool {
	if p.org != e.by.org {
		return false
	}
	follows := func(c *conversation, number int) bool {
		part := c.members[p.user]
		return part != nil && (part.left == 0 || part.receives(number))
	}
	return p.private || follows(e.message.in, e.told) || e.group != nil && follows(e.group, e.at)
}

// asked: whoever takes part but its author.
func (e *escalation) asked(p *principal) bool {
	return p != e.by && (e.message.in.in(p) || e.group != nil && e.group.in(p))
}

// answer acknowledges an escalation, passes it on, or cancels it.
func (m *machine) answer() {
	by := m.principal()
	e := likely(m, "escalation", m.organization().escalations, func(e *escalation) bool { return e.state == api.EscalationActive && e.seenBy(by) })
	switch what := one(m, "what", []string{"acknowledges", "passes on", "cancels"}); what {
	case "acknowledges":
		_, err := by.client.AcknowledgeEscalation(background, e.id)
		m.log("%s acknowledges the escalation %s: %v", by, e.id, err)
		if m.answers(by, e, err, api.EscalationAcknowledged, e.endedBy == by, e.asked(by)) {
			e.end(by, api.EscalationAcknowledged, "escalation-acknowledged")
			e.changed()
		}
	case "passes on":
		_, err := by.client.SkipEscalation(background, e.id)
		m.log("%s passes the escalation %s on: %v", by, e.id, err)
		if m.answers(by, e, err, "", false, true) {
			m.onward = by
			e.raise(m)
			e.changed()
			m.onward = nil
		}
	default:
		_, err := by.client.CancelEscalation(background, e.id)
		m.log("%s cancels the escalation %s: %v", by, e.id, err)
		if m.answers(by, e, err, api.EscalationCanceled, true, true) {
			e.end(by, api.EscalationCanceled, "escalation-canceled")
			e.changed()
		}
	}
}

// answers says whether an answer changes an escalation, and fails where the server says otherwise. All keys here may do for
// others what others may, but acknowledge.
func (m *machine) answers(by *principal, e *escalation, err error, becomes api.EscalationState, again, may bool) bool {
	m.rapid.Helper()
	switch {
	case !e.seenBy(by):
		m.refused(err, 404, "%s answers the escalation %s", by, e.id)
	case e.state == becomes && again:
		m.ok(err, "%s answers the escalation %s again", by, e.id)
	case e.state != api.EscalationActive:
		m.refused(err, 409, "%s answers the escalation %s, which is %s", by, e.id, e.state)
	case !may:
		m.refused(err, 403, "%s answers the escalation %s, and was not asked", by, e.id)
	default:
		m.ok(err, "%s answers the escalation %s", by, e.id)
		return true
	}
	return false
}

// checkEscalations: somebody is shown those that it sees, as they stand.
func (m *machine) checkEscalations(by *principal) {
	if len(by.org.escalations) == 0 {
		return
	}
	var got, want []string
	for _, e := range collect(m, "escalations", func(p api.Page) (*api.List[api.Escalation], error) {
		return by.client.ListEscalations(background, api.EscalationFilter{Page: p})
	}) {
		due := ""
		if e.State == api.EscalationActive {
			due = e.DueAt.UTC().String()
		}
		got = append(got, fmt.Sprint(e.ID, " ", e.MessageID, " ", e.State, " ", e.Level, " ", e.GroupID, due))
	}
	for _, e := range by.org.escalations {
		if e.seenBy(by) {
			group, due := "", ""
			if e.group != nil {
				group = e.group.id
			}
			if e.state == api.EscalationActive {
				due = e.due.UTC().String()
			}
			want = append(want, fmt.Sprint(e.id, " ", e.message.id, " ", e.state, " ", e.level, " ", group, due))
		}
	}
	m.same(got, want, "%s is shown the escalations", by)
}
