package model

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// role is an on-duty function of the first two users. Others write to it.
type role struct {
	id       string
	members  []*principal
	duty     []*principal // who is on duty
	required bool
	single   bool
	policy   *policy
	shifts   []*shift
	by       map[*principal]*shift // who is on duty by which; nobody who came by hand
}

func (m *machine) makeRole() {
	o := m.organization()
	if len(o.roles) == 2 || o.users[0].gone || o.users[1].gone {
		m.rapid.Skip("roles enough")
	}
	r := &role{members: o.users[:2], by: map[*principal]*shift{}, required: one(m, "required", []bool{false, false, true}), single: one(m, "single", []bool{false, false, true})}
	replays := rapid.Bool().Draw(m.rapid, "replays")
	got, err := o.admin.client.CreateRole(background, api.RoleRequest{Name: "role", OwnerRequired: r.required, SingleOwner: r.single,
		ReplayHistory: replays, Members: []string{o.users[0].user, o.users[1].user}})
	m.log("a role of %s, somebody required: %v, one only: %v, replays: %v: %v", o.name, r.required, r.single, replays, err)
	m.ok(err, "making a role")
	r.id = got.ID
	o.replays[r] = replays
	o.roles = append(o.roles, r)
	m.policyOf(o, r)
}

// role of either organization; skips the step where there is none.
func (m *machine) role() *role {
	list := m.organization().roles
	if len(list) == 0 {
		m.rapid.Skip("no role yet")
	}
	return one(m, "role", list)
}

// serves reports whether somebody may be on duty for a role.
func (p *principal) serves() bool {
	return slices.ContainsFunc(p.org.roles, func(r *role) bool { return slices.Contains(r.members, p) })
}

// comes has somebody on duty, who sees what comes from then on and what came while nobody was there; where the role replays,
// everything. In groups in which the role takes part, which replay, everything too.
func (r *role) comes(u *principal) {
	for _, c := range u.org.order {
		switch {
		case c.role == r:
			joined := len(c.timeline)
			if len(r.duty) == 0 {
				joined = c.attended
			}
			if u.org.replays[r] {
				joined = 0
			}
			c.join(u, joined)
		case slices.Contains(c.roles, r):
			c.admit(u)
		}
	}
	r.duty = append(r.duty, u)
}

// goes has somebody off duty, who keeps what came meanwhile. In a group stays who takes part by name.
func (r *role) goes(u *principal) {
	r.duty = slices.DeleteFunc(r.duty, func(p *principal) bool { return p == u })
	delete(r.by, u)
	for _, c := range u.org.order {
		if (c.role == r || slices.Contains(c.roles, r) && !c.guests[u.user]) && c.in(u) {
			c.part(u.user)
		}
		if c.role == r && len(r.duty) == 0 {
			c.attended = len(c.timeline)
		}
	}
}

// dutyIn has somebody come on duty by hand; of a single one the other goes.
func (m *machine) dutyIn() {
	r := m.role()
	u := one(m, "user", r.members)
	_, err := u.org.admin.client.ComeOnDuty(background, r.id, api.DutyIn{User: u.user})
	m.log("%s comes on duty for %s: %v", u, r.id, err)
	m.ok(err, "%s comes on duty for %s", u, r.id)
	delete(r.by, u)
	if slices.Contains(r.duty, u) {
		return
	}
	r.comes(u)
	r.alone(u)
	u.org.moving = true
}

func (m *machine) dutyOut() {
	r := m.role()
	u := one(m, "user", r.members)
	out := api.DutyOut{User: u.user}
	var successor *principal
	if rapid.Bool().Draw(m.rapid, "with a successor") {
		successor = r.members[1-slices.Index(r.members, u)]
		out.Successor = successor.user
	}
	_, err := u.org.admin.client.GoOffDuty(background, r.id, out)
	m.log("%s goes off duty for %s, after it %v: %v", u, r.id, successor, err)
	switch {
	case !slices.Contains(r.duty, u):
		m.refused(err, 409, "%s goes off duty for %s, and is not on duty", u, r.id)
	case r.required && len(r.duty) == 1 && successor == nil:
		m.refused(err, 409, "%s goes off duty for %s, which wants somebody there", u, r.id)
	default:
		m.ok(err, "%s goes off duty for %s", u, r.id)
		if delete(r.by, successor); successor != nil && !slices.Contains(r.duty, successor) {
			r.comes(successor)
		}
		r.goes(u)
		u.org.moving = true
	}
}

// mayWriteIn: of a role's conversation only whether who asked may, and who is on duty, is said here.
func (m *machine) mayWriteIn(by *principal, c *conversation) {
	m.rapid.Helper()
	if c.role != nil && by.sees(c) && !(c.in(by) && (c.asker != by || !c.role.required || len(c.role.duty) > 0)) {
		m.rapid.Skip("not said")
	}
}

func (m *machine) toRole() {
	by, r := m.principal(), m.role()
	if slices.Contains(r.members, by) {
		m.rapid.Skip("one of those who may be on duty")
	}
	request := api.SendRequest{To: api.Recipient{Role: r.id}, Escalate: r.policy != nil && rapid.Bool().Draw(m.rapid, "escalate")}
	switch {
	case !slices.Contains(by.org.roles, r):
		m.ask(by, request, 422)
		return
	case r.required && len(r.duty) == 0:
		m.ask(by, request, 409)
		return
	}
	msg, got := m.ask(by, request, 0)
	m.into(by.org, "role "+r.id+" "+by.user, msg, got, api.ConversationRole, append([]*principal{by}, r.duty...)...)
	msg.in.role, msg.in.asker = r, by
	if request.Escalate {
		m.escalate(by, msg)
	}
}

// checkRoles: everybody is told who is on duty.
func (m *machine) checkRoles(by *principal) {
	for _, r := range by.org.roles {
		got, err := by.client.GetRole(background, r.id)
		m.ok(err, "%s asks for the role %s", by, r.id)
		var want []string
		for _, u := range r.duty {
			want = append(want, u.user)
		}
		slices.Sort(want)
		slices.Sort(got.OnDuty)
		if !slices.Equal(got.OnDuty, want) {
			m.fail("%s is told that %v are on duty for %s, not %v", by, got.OnDuty, r.id, want)
		}
	}
}
