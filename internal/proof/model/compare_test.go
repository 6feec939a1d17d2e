package model

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// check compares what somebody sees with what the model says.
func (m *machine) check() {
	if rapid.IntRange(0, 2).Draw(m.rapid, "whether it is compared") > 0 {
		return
	}
	by := one(m, "who", m.organization().principals)
	if by.gone {
		return
	}
	m.checkConversations(by)
	m.checkLabels(by)
	m.checkMessages(by)
	m.checkEvents(by)
	m.checkGroups(by)
	m.checkViews(by)
	m.checkDrafts(by)
	m.checkHeld(by.org)
	m.checkRoles(by)
	m.checkEscalations(by)
	m.checkPages(by)
	if o := m.organization(); len(o.all) > 0 {
		m.checkMessage(by, one(m, "message", o.all))
	}
	if o := m.organization(); len(o.order) > 0 {
		m.checkTimeline(by, one(m, "conversation", o.order))
	}
}

// collect reads a list to its end, in small pages.
func collect[T any](m *machine, what string, page func(p api.Page) (*api.List[T], error)) []T {
	m.rapid.Helper()
	var all []T
	for v, err := range api.All(func(after string) (*api.List[T], error) { return page(api.Page{Limit: 7, After: after}) }) {
		m.ok(err, "%s", what)
		all = append(all, v)
	}
	return all
}

func (m *machine) checkConversations(by *principal) {
	got := collect(m, "conversations", func(p api.Page) (*api.List[api.Conversation], error) {
		return by.client.ListConversations(background, api.ConversationFilter{Page: p})
	})
	want := 0
	for _, c := range by.org.order {
		if by.sees(c) {
			want++
		}
	}
	seen := map[string]bool{}
	for i, g := range got {
		if i > 0 && got[i-1].ActivityAt.Before(g.ActivityAt.Time) {
			m.fail("%s is shown conversation %s of %s after one of %s", by, g.ID, g.ActivityAt, got[i-1].ActivityAt)
		}
		c := by.org.conversations[g.ID]
		switch {
		case c == nil || !by.sees(c) || seen[g.ID]:
			m.fail("%s is shown conversation %s", by, g.ID)
		case g.Kind != c.kind || g.Status != c.status || g.LastSequence != int64(by.end(c)):
			m.fail("%s is shown conversation %s as %s, %s, with %d items, not %s, %s, %d", by, g.ID, g.Kind, g.Status, g.LastSequence,
				c.kind, c.status, by.end(c))
		case slices.Contains(g.Tags, "label") != c.labeled || g.Priority != c.priority || (g.Muted != nil) != c.muted[by.user]:
			m.fail("%s is shown conversation %s with %v, %d, %+v: labeled %v, %d, muted %v", by, g.ID, g.Tags, g.Priority, g.Muted, c.labeled, c.priority, c.muted[by.user])
		case !g.SnoozedUntil.Equal(c.until):
			m.fail("%s is shown conversation %s as snoozed until %s, not %s", by, g.ID, g.SnoozedUntil, c.until)
		case g.Unread != by.unread(c):
			m.fail("%s is shown %d unread of %d in conversation %s", by, g.Unread, by.unread(c), g.ID)
		}
		seen[g.ID] = true
	}
	if len(got) != want {
		m.fail("%s is shown %d conversations of %d", by, len(got), want)
	}
}

func (m *machine) checkMessages(by *principal) {
	got := collect(m, "messages", func(p api.Page) (*api.List[api.Message], error) {
		return by.client.ListMessages(background, api.MessageFilter{Page: p})
	})
	want := 0
	for _, c := range by.org.order {
		want += len(by.timeline(c))
	}
	seen, listed := map[string]bool{}, 0
	for i := range got {
		g := &got[i]
		msg := by.org.messages[g.ID]
		if msg == nil || !by.seesMessage(msg) || seen[g.ID] {
			m.fail("%s is shown message %s", by, g.ID)
		}
		seen[g.ID] = true
		msg.matches(m, by, g)
		if msg.number > 0 {
			listed++
		}
	}
	if listed != want {
		m.fail("%s is shown %d messages of %d", by, listed, want)
	}
}

// matches compares a message with the model's.
func (msg *message) matches(m *machine, by *principal, got *api.Message) {
	m.rapid.Helper()
	m.checkAcks(by, msg, got)
	status, counts := msg.state()
	may := by.reads(msg)
	if msg.removed {
		may = []string{""}
	}
	switch {
	case got.ConversationID != msg.in.id || got.Sequence != int64(msg.number):
		m.fail("message %s is %d of %s, not %d of %s", got.ID, got.Sequence, got.ConversationID, msg.number, msg.in.id)
	case !slices.Contains(may, got.Text) && msg.notice == "" || msg.removed != (got.Removed != nil) || msg.removed && got.Removed.Reason != msg.why:
		m.fail("to %s message %s says %q (%+v), not %q, %v", by, got.ID, got.Text, got.Removed, may, msg.why)
	case !msg.spreads && (got.Status != status || got.Counts != counts):
		m.fail("message %s is %s %+v, not %s %+v", got.ID, got.Status, got.Counts, status, counts)
	case !msg.at.IsZero() && !got.SentAt.Equal(msg.at):
		m.fail("message %s is of %s, not %s", got.ID, got.SentAt, msg.at)
	case msg.notice != "" && (got.Notice == nil || string(got.Notice.Kind) != msg.notice):
		m.fail("message %s tells %+v, not %s", got.ID, got.Notice, msg.notice)
	case msg.author != nil && got.Author.ID != msg.author.user:
		m.fail("message %s is by %+v, not %s", got.ID, got.Author, msg.author)
	}
}

func (m *machine) checkMessage(by *principal, msg *message) {
	got, err := by.client.GetMessage(background, msg.id)
	if !by.seesMessage(msg) {
		m.refused(err, 404, "%s asks for message %s", by, msg.id)
		return
	}
	m.ok(err, "%s asks for message %s", by, msg.id)
	msg.matches(m, by, got)
	if status, counts := msg.reached(); msg.spreads && (got.Status != status || got.Counts != counts) {
		m.fail("message %s, to a list, is %s %+v, not %s %+v", got.ID, got.Status, got.Counts, status, counts)
	}
}

func (m *machine) checkTimeline(by *principal, c *conversation) {
	if !by.sees(c) {
		_, err := by.client.ListConversationMessages(background, c.id, api.Page{})
		m.refused(err, 404, "%s asks for the messages of %s", by, c.id)
		_, err = by.client.GetConversation(background, c.id)
		m.refused(err, 404, "%s asks for %s", by, c.id)
		return
	}
	got := collect(m, "timeline", func(p api.Page) (*api.List[api.Message], error) {
		return by.client.ListConversationMessages(background, c.id, p)
	})
	var ids, want []string
	for _, g := range got {
		ids = append(ids, g.ID)
	}
	for _, msg := range by.timeline(c) {
		want = append(want, msg.id)
	}
	if !slices.Equal(ids, want) {
		m.fail("%s is shown in %s %v, not %v", by, c.id, ids, want)
	}
	for id, into := range by.org.merged {
		if into == c {
			whole, err := by.client.GetConversation(background, id)
			m.ok(err, "%s asks for %s, which was merged", by, id)
			if whole.ID != c.id {
				m.fail("%s is shown %s for %s, not %s", by, whole.ID, id, c.id)
			}
		}
	}
}

// checkEvents: the log tells of each message that somebody sees, in order; to a key that sees everything, of every number.
func (m *machine) checkEvents(by *principal) {
	var ids, want, told, facts []string
	last, count := int64(0), 0
	for e, err := range by.client.Events(background, api.EventFilter{Limit: 50}) {
		m.ok(err, "events")
		if e.Sequence <= last {
			m.fail("%s is told event %d after %d", by, e.Sequence, last)
		}
		last = e.Sequence
		count++
		if e.Type == api.EventMessageCreated {
			ids = append(ids, e.Data.MessageID)
		} else if what, known := telling(&e); known {
			told = append(told, what)
		}
	}
	for _, f := range by.org.facts {
		if f.seen(by) {
			what := f.what
			if f.of != nil {
				what += f.of.id
			}
			facts = append(facts, what)
		} else {
			count++
		}
	}
	if by.private && int64(count) < last {
		m.fail("%s is told %d of %d events", by, count, last)
	}
	m.same(told, facts, "%s is told", by)
	for _, msg := range by.org.log {
		if by.seesMessage(msg) {
			want = append(want, msg.id)
		}
	}
	if !slices.Equal(ids, want) {
		m.fail("%s is told of the messages %v, not %v", by, ids, want)
	}
}

// same fails where two lists are not of the same things, in whatever order.
func (m *machine) same(got, want []string, what string, args ...any) {
	m.rapid.Helper()
	var more, less []string
	count := map[string]int{}
	for _, v := range want {
		count[v]++
	}
	for _, v := range got {
		if count[v]--; count[v] < 0 {
			more = append(more, v)
		}
	}
	for v, n := range count {
		if n > 0 {
			less = append(less, v)
		}
	}
	if len(more) > 0 || len(less) > 0 {
		m.fail("%s %d things. It should not be %q; what is missing is %q", fmt.Sprintf(what, args...), len(got), more, less)
	}
}
