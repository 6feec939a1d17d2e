package model

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// draft is what somebody has written and not sent.
type draft struct {
	id     string
	in     *conversation
	by     *principal
	shared bool
	text   string
}

// seenBy: one's own, and those that are shared with all who see the conversation.
func (d *draft) seenBy(p *principal) bool { return p.sees(d.in) && (d.shared || d.by == p) }

func (m *machine) write() {
	by := m.principal()
	c := m.conversation(by)
	if by.sees(c) && !(by.takesPart(c) && by.mayChange(c)) {
		m.rapid.Skip("has no say in it")
	}
	m.number++
	d := &draft{in: c, by: by, shared: rapid.Bool().Draw(m.rapid, "shared"), text: fmt.Sprintf("draft %d", m.number)}
	got, err := by.client.CreateDraft(background, c.id, api.DraftRequest{Body: api.Text(d.text), Shared: d.shared})
	m.log("%s writes a draft in %s, shared: %v: %v", by, c.id, d.shared, err)
	if !by.sees(c) {
		m.refused(err, 404, "%s writes a draft in %s", by, c.id)
		return
	}
	m.ok(err, "%s writes a draft in %s", by, c.id)
	d.id = got.ID
	c.org.drafts = append(c.org.drafts, d)
}

// draft of either organization, mostly one that somebody sees.
func (m *machine) draft(by *principal) *draft {
	return likely(m, "draft", m.organization().drafts, func(d *draft) bool { return d.seenBy(by) })
}

// rewrite changes a draft, or throws it away.
func (m *machine) rewrite() {
	by := m.principal()
	d := m.draft(by)
	if d.seenBy(by) && !(by.takesPart(d.in) && by.mayChange(d.in)) {
		m.rapid.Skip("has no say in it")
	}
	if one(m, "what", []string{"change", "change", "delete"}) == "delete" {
		err := by.client.DeleteDraft(background, d.id)
		m.log("%s deletes the draft %s: %v", by, d.id, err)
		if !d.seenBy(by) {
			m.refused(err, 404, "%s deletes the draft %s", by, d.id)
			return
		}
		m.ok(err, "%s deletes the draft %s", by, d.id)
		d.in.org.forget(d)
		return
	}
	m.number++
	body := api.Text(fmt.Sprintf("draft %d", m.number))
	_, err := by.client.PatchDraft(background, d.id, api.DraftPatch{Body: &body})
	m.log("%s changes the draft %s: %v", by, d.id, err)
	if !d.seenBy(by) {
		m.refused(err, 404, "%s changes the draft %s", by, d.id)
		return
	}
	m.ok(err, "%s changes the draft %s", by, d.id)
	d.text = fmt.Sprintf("draft %d", m.number)
}

func (o *organization) forget(d *draft) {
	o.drafts = slices.DeleteFunc(o.drafts, func(other *draft) bool { return other == d })
}

// sendDraft sends a message that was a draft, which goes in that moment, and only then.
func (m *machine) sendDraft() {
	by := m.principal()
	d := m.draft(by)
	c := d.in
	if c.contact != nil {
		m.rapid.Skip("between members only")
	}
	m.mayWriteIn(by, c)
	if by.sees(c) && !(by.takesPart(c) && by.mayChange(c)) {
		m.rapid.Skip("has no say in it")
	}
	request := api.SendRequest{To: api.Recipient{Conversation: c.id}, Draft: d.id}
	if !d.seenBy(by) || m.alone(by, c) {
		m.ask(by, request, 422)
		return
	}
	msg, _ := m.ask(by, request, 0)
	msg.in = c
	c.enter(msg)
	c.org.forget(d)
	m.spread(msg)
}

// checkDrafts: somebody is shown its drafts, and in a conversation those that it sees.
func (m *machine) checkDrafts(by *principal) {
	m.sameDrafts(by, "its drafts", func(d *draft) bool { return d.by == by && by.sees(d.in) }, func(p api.Page) (*api.List[api.Draft], error) {
		return by.client.ListDrafts(background, p)
	})
	for _, c := range by.org.order {
		if by.sees(c) && by.takesPart(c) && slices.ContainsFunc(by.org.drafts, func(d *draft) bool { return d.in == c }) {
			m.sameDrafts(by, "the drafts in "+c.id, func(d *draft) bool { return d.in == c && d.seenBy(by) }, func(p api.Page) (*api.List[api.Draft], error) {
				return by.client.ListConversationDrafts(background, c.id, p)
			})
		}
	}
}

func (m *machine) sameDrafts(by *principal, what string, shown func(*draft) bool, page func(p api.Page) (*api.List[api.Draft], error)) {
	m.rapid.Helper()
	var got, want []string
	for _, d := range collect(m, what, page) {
		got = append(got, fmt.Sprint(d.ID, d.ConversationID, d.User, d.Shared, " ", d.Body[0].Text))
	}
	for _, d := range by.org.drafts {
		if shown(d) {
			want = append(want, fmt.Sprint(d.id, d.in.id, d.by.user, d.shared, " ", d.text))
		}
	}
	m.same(got, want, "%s is shown of %s", by, what)
}
