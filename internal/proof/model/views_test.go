package model

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// view is a list of conversations that is kept.
type view struct {
	id    string
	kind  api.ActorKind
	owner *principal // of one's own
	filter
}

// filter is what a view is narrowed to, as the server is told and as the model applies it.
type filter struct {
	asked  api.ViewFilter
	on     *channel // that it names
	passes func(p *principal, c *conversation) bool
}

// filters are some, alone and together.
func (m *machine) filter(o *organization) filter {
	var f filter
	var all []func(p *principal, c *conversation) bool
	some := func(what string, set func(), passes func(p *principal, c *conversation) bool) {
		if rapid.IntRange(0, 3).Draw(m.rapid, what) == 0 {
			set()
			all = append(all, passes)
		}
	}
	some("tag", func() { f.asked.Tag = "label" }, func(_ *principal, c *conversation) bool { return c.labeled })
	status := one(m, "status", []api.ConversationStatus{api.ConversationOpen, api.ConversationClosed, api.ConversationSnoozed})
	some("status", func() { f.asked.Status = status }, func(_ *principal, c *conversation) bool { return c.status == status })
	kind := one(m, "kind", []api.ConversationKind{api.ConversationGroup, api.ConversationDirect, api.ConversationExternal, api.ConversationTeam})
	some("kind", func() { f.asked.Kind = kind }, func(_ *principal, c *conversation) bool { return c.kind == kind })
	some("priority", func() { f.asked.Priority = 5 }, func(_ *principal, c *conversation) bool { return c.priority == 5 })
	unread := rapid.Bool().Draw(m.rapid, "which unread")
	some("unread", func() { f.asked.Unread = &unread }, func(p *principal, c *conversation) bool { return (p.unread(c) > 0) == unread })
	some("nobody's", func() { f.asked.Assignee = "none" }, func(_ *principal, c *conversation) bool { return c.assigned == nil })
	if f.asked.Assignee == "" {
		some("mine", func() { f.asked.Assignee = "me" }, func(p *principal, c *conversation) bool { return c.assigned == p })
	}
	ch := one(m, "channel", o.channels)
	some("channel", func() { f.asked.Channel, f.on = ch.id, ch }, func(_ *principal, c *conversation) bool { return c.channel == ch })
	f.passes = func(p *principal, c *conversation) bool {
		return !slices.ContainsFunc(all, func(passes func(*principal, *conversation) bool) bool { return !passes(p, c) })
	}
	return f
}

// foundBy: one's own, those of one's team, and those of the organization; keys of the organization find those of all teams.
func (v *view) foundBy(p *principal) bool {
	switch v.kind {
	case api.ActorTeam:
		return !p.personal || p.org.keyed["team"].in(p)
	case api.ActorUser:
		return v.owner == p
	}
	return true
}

// listed: a key of the organization is not shown in its list what is a team's.
func (v *view) listed(p *principal) bool {
	return v.foundBy(p) && (v.kind != api.ActorTeam || p.org.keyed["team"].in(p))
}

// toldTo: keys that see what is private are told what anybody keeps.
func (v *view) toldTo(p *principal) bool { return v.foundBy(p) || v.kind == api.ActorUser && p.private }

func (m *machine) makeView() {
	by := m.principal()
	v := &view{kind: one(m, "owner", []api.ActorKind{api.ActorUser, api.ActorTeam, api.ActorOrganization}), owner: by, filter: m.filter(by.org)}
	request := api.ViewRequest{Name: "view", Filter: v.asked, Owner: api.ViewOwner{Kind: v.kind}}
	if v.kind == api.ActorTeam {
		request.Owner.ID = by.org.team
	}
	got, err := by.client.CreateView(background, request)
	m.log("%s makes a view of its %s for %s: %v", by, v.kind, text(v.asked), err)
	if v.kind == api.ActorTeam && !v.foundBy(by) {
		m.refused(err, 422, "%s makes a view of the team", by)
		return
	}
	if v.on != nil && !by.uses(v.on) {
		m.refused(err, 422, "%s makes a view of a channel that it may not use", by)
		return
	}
	m.ok(err, "%s makes a view", by)
	v.id = got.ID
	by.org.views = append(by.org.views, v)
	by.org.tell(api.EventViewCreated, v.id, v.toldTo)
}

// view of either organization; skips the step where there is none.
func (m *machine) view() *view {
	list := m.organization().views
	if len(list) == 0 {
		m.rapid.Skip("no view yet")
	}
	return one(m, "view", list)
}

func (m *machine) changeView() {
	by, v := m.principal(), m.view()
	f := m.filter(by.org)
	_, err := by.client.PatchView(background, v.id, api.ViewPatch{Filter: &f.asked})
	m.log("%s changes the view %s to %s: %v", by, v.id, text(f.asked), err)
	if !slices.Contains(by.org.views, v) || !v.foundBy(by) {
		m.refused(err, 404, "%s changes the view %s", by, v.id)
		return
	}
	if f.on != nil && !by.uses(f.on) {
		m.refused(err, 422, "%s has the view %s name a channel that it may not use", by, v.id)
		return
	}
	m.ok(err, "%s changes the view %s", by, v.id)
	v.filter = f
	by.org.tell(api.EventViewUpdated, v.id, v.toldTo)
}

// assign gives a conversation to somebody, or to nobody.
func (m *machine) assign() {
	by := m.principal()
	c := m.conversation(by)
	who := one(m, "to whom", append([]*principal{nil}, m.organization().users...))
	list := []api.Assignee{}
	if who != nil {
		list = append(list, api.Assignee{Kind: api.ActorUser, ID: who.user})
	}
	_, err := by.client.PatchConversation(background, c.id, api.ConversationPatch{Assignees: &list})
	m.log("%s gives %s to %v: %v", by, c.id, who, err)
	switch {
	case !m.change(by, c, err, "assigns"):
	case who != nil && (who.org != c.org || who.gone || c.assigned != who && !(c.members == nil && who.uses(c.channel) || c.in(who))):
		m.refused(err, 422, "%s gives %s to %s", by, c.id, who)
	default:
		m.ok(err, "%s gives %s to %v", by, c.id, who)
		c.assigned = who
	}
}

// checkViews: somebody is shown the views that it finds, and in each what it sees and what passes, counted alike.
func (m *machine) checkViews(by *principal) {
	var want []string
	for _, v := range by.org.views {
		if v.listed(by) {
			want = append(want, v.id)
		}
	}
	var ids []string
	for _, v := range collect(m, "views", func(p api.Page) (*api.List[api.View], error) {
		return by.client.ListViews(background, api.ViewListFilter{Page: p})
	}) {
		ids = append(ids, v.ID)
	}
	m.same(ids, want, "%s is shown the views", by)
	if len(want) == 0 {
		return
	}
	counts, err := by.client.CountViews(background, api.ViewCountFilter{Views: want})
	m.ok(err, "%s counts its views", by)
	for i, count := range counts.Data {
		v := by.org.views[slices.IndexFunc(by.org.views, func(v *view) bool { return v.id == want[i] })]
		m.checkView(by, v, count)
	}
}

func (m *machine) checkView(by *principal, v *view, count api.ViewCount) {
	m.rapid.Helper()
	var want, ids []string
	for _, c := range by.org.order {
		if by.sees(c) && v.passes(by, c) {
			want = append(want, c.id)
		}
	}
	for _, c := range collect(m, "a view", func(p api.Page) (*api.List[api.Conversation], error) {
		return by.client.ListViewConversations(background, v.id, p)
	}) {
		ids = append(ids, c.ID)
	}
	m.same(ids, want, "%s is shown in the view %s", by, text(v.asked))
	if count.Count != len(want) || count.More || count.Invalid {
		m.fail("%s is told that the view %s has %+v, not %d", by, text(v.asked), count, len(want))
	}
}
