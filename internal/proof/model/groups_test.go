package model

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// in reports whether a user is a member.
func (c *conversation) in(p *principal) bool {
	part := c.members[p.user]
	return part != nil && part.left == 0
}

// finds: members find a group, keys that see what is private every one, and everybody a forum.
func (p *principal) finds(c *conversation) bool {
	return c.org == p.org && c.kind == api.ConversationGroup && (c.forum || p.private || c.in(p))
}

// name has somebody take part by name in a group in which roles take part.
func (c *conversation) name(p *principal) {
	if len(c.roles) > 0 {
		c.guests[p.user] = true
	}
}

// group of either organization, mostly one that somebody finds.
func (m *machine) group(by *principal) *conversation {
	var list []*conversation
	for _, c := range m.organization().order {
		if c.kind == api.ConversationGroup {
			list = append(list, c)
		}
	}
	return likely(m, "group", list, by.finds)
}

func (m *machine) makeGroup() {
	by := m.principal()
	m.number++
	request := api.GroupRequest{Name: "group", Forum: rapid.Bool().Draw(m.rapid, "forum")}
	if rapid.Bool().Draw(m.rapid, "says whether it replays") {
		replays := rapid.Bool().Draw(m.rapid, "replays")
		request.ReplayHistory = &replays
	}
	members, wrong := []*principal{by}, false
	for range rapid.IntRange(0, 2).Draw(m.rapid, "how many") {
		u := one(m, "member", m.organization().users)
		request.Members = append(request.Members, u.user)
		members = append(members, u)
		wrong = wrong || u.gone || u.org != by.org
	}
	got, err := by.client.CreateGroup(background, request)
	m.log("%s makes a group of %v: %v", by, members, err)
	if wrong {
		m.refused(err, 422, "%s makes a group of %v", by, members)
		return
	}
	m.ok(err, "%s makes a group of %v", by, members)
	c := by.org.begin(got.ID, api.ConversationGroup, members...)
	c.forum, c.replays = request.Forum, request.Forum
	if request.ReplayHistory != nil {
		c.replays = *request.ReplayHistory
	}
	by.org.moving = true
}

// notice is a system item that follows what somebody did.
func (m *machine) notice(by *principal, c *conversation, kind string) *message {
	m.rapid.Helper()
	got, err := c.org.admin.client.ListConversationMessages(background, c.id, api.Page{Limit: 1})
	m.ok(err, "the newest item of %s", c.id)
	if len(got.Data) == 0 || got.Data[0].Kind != api.KindSystem || got.Data[0].Sequence != int64(len(c.timeline)+1) {
		m.fail("%s does not tell of %s: %+v", c.id, kind, got.Data)
	}
	msg := &message{id: got.Data[0].ID, in: c, author: by, notice: kind}
	c.enter(msg)
	return msg
}

// manage says whether somebody may change a group, and fails where the server says otherwise.
func (m *machine) manage(by *principal, c *conversation, err error, what string) bool {
	m.rapid.Helper()
	switch {
	case !by.finds(c):
		m.refused(err, 404, "%s %s the group %s", by, what, c.id)
	case !by.private && !c.in(by):
		m.refused(err, 403, "%s %s the group %s", by, what, c.id)
	default:
		return true
	}
	return false
}

func (m *machine) letIn() {
	by := m.principal()
	c := m.group(by)
	var ids []string
	var added []*principal
	wrong := false
	for range rapid.IntRange(1, 2).Draw(m.rapid, "how many") {
		u := one(m, "user", m.organization().users)
		wrong = wrong || u.gone || u.org != c.org
		if ids = append(ids, u.user); !c.in(u) && !slices.Contains(added, u) {
			added = append(added, u)
		}
	}
	_, err := by.client.AddGroupMembers(background, c.id, api.GroupMembers{Users: ids})
	m.log("%s lets %v into the group %s: %v", by, added, c.id, err)
	switch {
	case !m.manage(by, c, err, "lets somebody into"):
	case wrong:
		m.refused(err, 422, "%s lets %v into the group %s", by, added, c.id)
	default:
		m.ok(err, "%s lets %v into the group %s", by, added, c.id)
		for _, u := range added {
			c.admit(u)
			c.name(u)
		}
		if len(added) > 0 {
			m.notice(by, c, "members-added")
		}
	}
}

// letGo takes somebody out of a group, who may be the one that asks.
func (m *machine) letGo() {
	by := m.principal()
	c := m.group(by)
	who := one(m, "user", append([]*principal{by}, m.organization().users...))
	err := by.client.RemoveGroupMember(background, c.id, who.user)
	m.log("%s takes %s out of the group %s: %v", by, who, c.id, err)
	if who == by {
		m.goes(by, c, err)
		return
	}
	switch {
	case !m.manage(by, c, err, "takes somebody out of"):
	case !c.in(who):
		m.refused(err, 404, "%s takes %s out of the group %s", by, who, c.id)
	default:
		m.ok(err, "%s takes %s out of the group %s", by, who, c.id)
		m.notice(by, c, "members-removed")
		c.part(who.user)
		delete(c.guests, who.user)
	}
}

func (m *machine) goes(by *principal, c *conversation, err error) {
	m.rapid.Helper()
	if !by.finds(c) || !c.in(by) {
		m.refused(err, 404, "%s leaves the group %s", by, c.id)
		return
	}
	m.ok(err, "%s leaves the group %s", by, c.id)
	m.notice(by, c, "left")
	c.part(by.user)
	delete(c.guests, by.user)
}

func (m *machine) leaveGroup() {
	by := m.principal()
	c := m.group(by)
	err := by.client.LeaveGroup(background, c.id)
	m.log("%s leaves the group %s: %v", by, c.id, err)
	m.goes(by, c, err)
}

func (m *machine) joinForum() {
	by := m.principal()
	c := m.group(by)
	_, err := by.client.JoinGroup(background, c.id)
	m.log("%s joins the group %s: %v", by, c.id, err)
	switch {
	case !by.finds(c):
		m.refused(err, 404, "%s joins the group %s", by, c.id)
	case c.in(by):
		m.ok(err, "%s joins the group %s, which it is in", by, c.id)
	case !c.forum:
		m.refused(err, 403, "%s joins the group %s", by, c.id)
	default:
		m.ok(err, "%s joins the group %s", by, c.id)
		c.admit(by)
		m.notice(by, c, "joined")
	}
}

// replay changes whether who joins from then on sees what was said before. Nobody is told.
func (m *machine) replay() {
	by := m.principal()
	c := m.group(by)
	replays := !c.replays
	_, err := by.client.PatchGroup(background, c.id, api.GroupPatch{ReplayHistory: &replays})
	m.log("%s has the group %s replay: %v: %v", by, c.id, replays, err)
	if m.manage(by, c, err, "changes") {
		m.ok(err, "%s changes the group %s", by, c.id)
		c.replays = replays
	}
}

// checkGroups: somebody is shown the groups that it finds, with who is in them.
func (m *machine) checkGroups(by *principal) {
	got := collect(m, "groups", func(p api.Page) (*api.List[api.Group], error) {
		return by.client.ListGroups(background, api.GroupFilter{Page: p})
	})
	want := 0
	for _, c := range by.org.order {
		if by.finds(c) {
			want++
		}
	}
	if len(got) != want {
		m.fail("%s is shown %d groups of %d", by, len(got), want)
	}
	for _, g := range got {
		c := by.org.conversations[g.ID]
		if c == nil || !by.finds(c) {
			m.fail("%s is shown the group %s", by, g.ID)
		}
		members := 0
		for _, part := range c.members {
			if part.left == 0 {
				members++
			}
		}
		if g.Forum != c.forum || g.ReplayHistory != c.replays || g.Member != c.in(by) || g.MemberCount != int64(members) {
			m.fail("%s is shown the group %+v, not forum %v, replays %v, member %v, %d members", by, g, c.forum, c.replays, c.in(by), members)
		}
	}
}
