package model

import (
	"fmt"

	"github.com/parley-server/parley/api"
)

// edit changes what a message says: its author may, where it has not left the house.
func (m *machine) edit() {
	by := m.principal()
	msg := likely(m, "message", m.organization().all, func(msg *message) bool { return msg.author == by && !msg.removed && by.seesMessage(msg) })
	if msg.number == 0 {
		m.rapid.Skip("it is in no timeline")
	}
	m.number++
	text := fmt.Sprintf("text %d", m.number)
	_, err := by.client.EditMessage(background, msg.id, api.MessagePatch{Body: api.Text(text)})
	m.log("%s edits %s: %v", by, msg.id, err)
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s edits %s", by, msg.id)
	case msg.author != by:
		m.refused(err, 403, "%s edits %s", by, msg.id)
	case msg.in.members == nil && !msg.note || msg.in.list != nil:
		m.refused(err, 422, "%s edits %s", by, msg.id)
	case msg.copied: // it says what the message says that it is a copy of
		m.refused(err, 422, "%s edits %s, a copy", by, msg.id)
	case msg.removed:
		m.refused(err, 409, "%s edits %s", by, msg.id)
	case !by.mayChange(msg.in):
		m.refused(err, 403, "%s edits %s", by, msg.id)
	case msg.pages: // it would call nobody any more
		m.refused(err, 422, "%s edits %s", by, msg.id)
	default:
		m.ok(err, "%s edits %s", by, msg.id)
		msg.becomes(text)
		for _, copied := range msg.copies {
			copied.becomes(text)
		}
		if e := msg.escalation; e != nil && e.copy != nil {
			e.copy.becomes(text)
		}
	}
}

// redact takes all content of a message away.
func (m *machine) redact() {
	by := m.principal()
	msg := m.message(by)
	if msg.number == 0 {
		m.rapid.Skip("it is in no timeline")
	}
	_, err := by.client.RedactMessage(background, msg.id, api.RedactRequest{})
	m.log("%s redacts %s: %v", by, msg.id, err)
	switch {
	case !by.seesMessage(msg):
		m.refused(err, 404, "%s redacts %s", by, msg.id)
	case !by.mayTakeBack(msg):
		m.refused(err, 403, "%s redacts %s", by, msg.id)
	case msg.removed:
		m.refused(err, 409, "%s redacts %s", by, msg.id)
	default:
		m.ok(err, "%s redacts %s", by, msg.id)
		msg.in.org.remove(msg, api.RemovedRedacted)
	}
}

// label gives a conversation a label or takes it off, and says how urgent it is.
func (m *machine) label() {
	by := m.principal()
	c := m.conversation(by)
	priority, patch := one(m, "priority", []int{0, 1, 5}), api.ConversationPatch{AddTags: []string{"label"}}
	if c.labeled {
		patch = api.ConversationPatch{RemoveTags: []string{"label"}}
	}
	patch.Priority = &priority
	_, err := by.client.PatchConversation(background, c.id, patch)
	m.log("%s labels %s, or not any more, with %d: %v", by, c.id, priority, err)
	if m.change(by, c, err, "labels") {
		m.ok(err, "%s labels %s", by, c.id)
		c.labeled, c.priority = !c.labeled, priority
	}
}

// mute has somebody want to be notified of a conversation no more, or again.
func (m *machine) mute() {
	by := m.principal()
	c := m.conversation(by)
	var err error
	if c.muted[by.user] {
		err = by.client.UnmuteConversation(background, c.id)
	} else {
		_, err = by.client.MuteConversation(background, c.id, api.Mute{})
	}
	m.log("%s mutes %s, or not any more: %v", by, c.id, err)
	if !by.sees(c) {
		m.refused(err, 404, "%s mutes %s", by, c.id)
		return
	}
	m.ok(err, "%s mutes %s", by, c.id)
	if c.muted == nil {
		c.muted = map[string]bool{}
	}
	c.muted[by.user] = !c.muted[by.user]
}

// unread is how many items of a conversation somebody has not read that others wrote: of one in which it takes part, of those
// that it got.
func (p *principal) unread(c *conversation) (n int) {
	read, part := c.marks[p.user], c.members[p.user]
	if part != nil {
		read = part.read
	}
	for _, msg := range c.timeline {
		if msg.number > read && msg.author != p && p.seesMessage(msg) && (part == nil || part.receives(msg.number)) {
			n++
		}
	}
	return n
}

// checkLabels: the list of conversations with a label has all that have it, and no other.
func (m *machine) checkLabels(by *principal) {
	got := collect(m, "labeled conversations", func(p api.Page) (*api.List[api.Conversation], error) {
		return by.client.ListConversations(background, api.ConversationFilter{Page: p, Tag: "label"})
	})
	want := 0
	for _, c := range by.org.order {
		if c.labeled && by.sees(c) {
			want++
		}
	}
	if len(got) != want {
		m.fail("%s is shown %d labeled conversations of %d", by, len(got), want)
	}
	for _, g := range got {
		if c := by.org.conversations[g.ID]; c == nil || !c.labeled || !by.sees(c) {
			m.fail("%s is shown %s as labeled", by, g.ID)
		}
	}
}
