package thread_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// filed is a conversation of the archive, with its messages as they were stored.
type filed struct {
	parley.Conversation
	with     []parley.ID
	left     int64 // from which message on it goes on without the reader; 0: it does not
	messages []parley.Message
}

// archive is an organization of a few hundred conversations whose messages share their times, seen by somebody who
// sees little of it.
type archive struct {
	*coretest.World
	reader *access.Principal
	others []*access.Principal
	seen   parley.ID // the channel that the reader sees
	begin  time.Time
	all    []*filed
}

// pick is one of some.
func pick[T any](of ...T) T { return of[rand.IntN(len(of))] }

func newArchive(t *testing.T, conversations int) *archive {
	a := &archive{World: coretest.New(t)}
	a.reader, a.others = a.User(a.Admin, "ana"), a.Users(a.Admin, "ben", "cleo")
	unseen := a.Channel(a.Admin, "sms", a.others[0].User).ID
	a.seen, a.begin = a.Channel(a.Admin, "sms", a.reader.User).ID, a.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range conversations {
		c := &filed{Conversation: parley.Conversation{ID: parley.NewID(a.begin), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: pick(parley.ConversationStatuses...), Inbox: pick(true, false)}}
		c.Tags = pick(nil, []string{"one"}, []string{"two", "one"}, []string{"ones"})
		c.Assignees = pick(nil, []parley.Assignee{{Kind: parley.ActorUser, ID: a.reader.User}}, []parley.Assignee{{Kind: parley.ActorUser, ID: a.others[0].User}})
		if c.with = append(c.with, a.others[rand.IntN(2)].User); i%3 == 0 {
			c.with = append(c.with, a.reader.User)
		}
		if i%2 == 0 {
			c.Kind, c.Visibility, c.Channel, c.with = parley.ConversationExternal, parley.VisibleToOrganization, pick(a.seen, unseen), pick(nil, []parley.ID{a.others[0].User})
			if i%10 == 0 {
				c.Kind, c.Channel = parley.ConversationNote, ""
			}
		}
		a.Must(a.Store.Write(t.Context(), a.Admin.Organization, func(tx *store.Tx) error { return a.file(tx, c) }))
		a.all = append(a.all, c)
	}
	return a
}

// file stores a conversation, and up to thirty messages in it.
func (a *archive) file(tx *store.Tx, c *filed) error {
	o := a.Admin.Organization
	c.ActivityAt, c.messages = a.begin, nil
	if err := tx.InsertConversation(o, &c.Conversation); err != nil {
		return err
	}
	var participants []parley.Participant
	for _, id := range c.with {
		participants = append(participants, parley.Participant{Kind: parley.ActorUser, ID: id})
	}
	if err := tx.AddParticipants(o, c.ID, participants); err != nil {
		return err
	}
	authors := append(slices.Clone(c.with), "nobody")
	if c.Visibility == parley.VisibleToOrganization { // whoever sees it may write there
		authors = append(authors, a.reader.User, a.others[0].User, a.others[1].User)
	}
	var round []*store.Append
	for range pick(0, 1, 3, 30) {
		m := parley.Message{ID: parley.NewID(a.begin), Conversation: c.ID, Kind: parley.KindMessage, Direction: pick(parley.Inbound, parley.NoDirection), Author: parley.Actor{Kind: parley.ActorUser, ID: pick(authors...)},
			Body: coretest.Text("hello"), SentAt: a.begin.Add(time.Duration(rand.IntN(40)) * time.Minute), Channel: c.Channel, Tags: pick(nil, nil, []string{"one"})}
		m.Actor, m.Recorded, m.RecordedState = m.Author, true, parley.Delivered
		round = append(round, &store.Append{Organization: o, Message: m})
		m.Sequence = int64(len(round))
		c.messages = append(c.messages, m)
	}
	c.Inbox = c.Inbox || len(round) > 0 // a message brings it there
	if c.left = 0; c.Visibility == parley.VisibleToMembers && slices.Contains(c.with, a.reader.User) && rand.IntN(3) == 0 {
		c.left = 1 + int64(rand.IntN(len(round)+1))
		if err := tx.Append(round[:c.left-1]...); err != nil {
			return err
		}
		round = round[c.left-1:]
		if err := tx.LeaveConversation(o, c.ID, &parley.Participant{Kind: parley.ActorUser, ID: a.reader.User}); err != nil {
			return err
		}
	}
	return tx.Append(round...)
}

// shown is a conversation as somebody sees it.
func (a *archive) shown(p *access.Principal, c *filed) *filed {
	if p.User != a.reader.User || c.left == 0 {
		return c
	}
	shown := *c
	shown.ActivityAt, shown.Inbox, shown.messages = c.CreatedAt.Truncate(time.Millisecond), false, c.messages[:c.left-1]
	if c.left == 1 {
		shown.with = []parley.ID{p.User} // who else was there before is not told from who came later
	}
	return &shown
}

// conversations are those that somebody sees and that pass, in the order of lists.
func (a *archive) conversations(p *access.Principal, passes func(c *filed) bool) (ids []parley.ID) {
	var list []*filed
	for _, c := range a.all {
		if c := a.shown(p, c); a.sees(p, c) && passes(c) {
			list = append(list, c)
		}
	}
	active := func(c *filed) time.Time { return c.active(p.User == a.reader.User) }
	slices.SortFunc(list, func(x, y *filed) int { return cmp.Or(active(y).Compare(active(x)), cmp.Compare(y.ID, x.ID)) })
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

func (c *filed) active(left bool) time.Time {
	at := time.Time{}
	if left && c.left != 0 {
		return c.ActivityAt
	}
	for _, m := range c.messages {
		if m.SentAt.After(at) {
			at = m.SentAt
		}
	}
	if at.IsZero() {
		return c.ActivityAt
	}
	return at
}

// messages are those that somebody sees and that pass, by their ids or in the order of threads.
func (a *archive) messages(p *access.Principal, byID bool, passes func(c *filed, m parley.Message) bool) (ids []parley.ID) {
	var list []parley.Message
	for _, c := range a.all {
		for _, m := range a.shown(p, c).messages {
			if a.sees(p, c) && passes(c, m) {
				list = append(list, m)
			}
		}
	}
	slices.SortFunc(list, func(x, y parley.Message) int {
		if byID {
			return cmp.Compare(y.ID, x.ID)
		}
		return cmp.Or(y.SentAt.Compare(x.SentAt), cmp.Compare(y.Conversation, x.Conversation), cmp.Compare(y.Sequence, x.Sequence))
	})
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}

func (a *archive) sees(p *access.Principal, c *filed) bool {
	switch {
	case !p.Personal:
		return true
	case c.Visibility == parley.VisibleToOrganization:
		return c.Channel == a.seen || c.Channel == ""
	}
	return slices.Contains(c.with, p.User)
}

// TestPlansAnswerTheSame: whatever is walked to find it, a list holds what a look at all of it says, in its order.
func TestPlansAnswerTheSame(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 150)
	ben, yes := a.others[0].User, true
	for _, p := range []*access.Principal{a.reader, a.Admin} {
		for _, list := range []struct {
			f      thread.ConversationFilter
			passes func(c *filed) bool
		}{
			{thread.ConversationFilter{}, func(*filed) bool { return true }},
			{thread.ConversationFilter{Status: parley.StatusOpen}, func(c *filed) bool { return c.Status == parley.StatusOpen }},
			{thread.ConversationFilter{Kind: parley.ConversationGroup}, func(c *filed) bool { return c.Kind == parley.ConversationGroup }},
			{thread.ConversationFilter{Kind: parley.ConversationExternal}, func(c *filed) bool { return c.Kind == parley.ConversationExternal }},
			{thread.ConversationFilter{Tag: "one"}, func(c *filed) bool { return slices.Contains(c.Tags, "one") }},
			{thread.ConversationFilter{Assignee: ben}, func(c *filed) bool { return len(c.Assignees) > 0 && c.Assignees[0].ID == ben }},
			{thread.ConversationFilter{Unassigned: true}, func(c *filed) bool { return len(c.Assignees) == 0 }},
			{thread.ConversationFilter{Inbox: &yes, Tag: "one"}, func(c *filed) bool { return c.Inbox && slices.Contains(c.Tags, "one") }},
			{thread.ConversationFilter{Participant: ben}, func(c *filed) bool { return slices.Contains(c.with, ben) }},
			{thread.ConversationFilter{Participant: ben, Status: parley.StatusClosed, Tag: "ones"}, func(c *filed) bool {
				return slices.Contains(c.with, ben) && c.Status == parley.StatusClosed && slices.Contains(c.Tags, "ones")
			}},
			{thread.ConversationFilter{Inbox: new(bool)}, func(c *filed) bool { return !c.Inbox }},
			{thread.ConversationFilter{Participant: a.reader.User}, func(c *filed) bool { return slices.Contains(c.with, a.reader.User) }},
			{thread.ConversationFilter{Channel: a.seen}, func(c *filed) bool { return c.Channel == a.seen }},
		} {
			want := a.conversations(p, list.passes)
			for _, n := range []int{3, 200} {
				a.same(fmt.Sprintf("conversations, %+v, pages of %d, personal %v", list.f, n, p.Personal), all(a.World, p, list.f, n), want)
			}
			a.counts(p, list.f, len(want))
		}
		a.findsMessages(p)
	}
}

// counts: counting says how many a list has, and, up to a number, whether there are more.
func (a *archive) counts(p *access.Principal, f thread.ConversationFilter, want int) {
	a.T.Helper()
	for _, most := range []int{1000, 3} {
		n, more, err := thread.NewSight(a.Store.Read(a.T.Context()), p).CountConversations(f, most)
		a.Must(err)
		if n != min(want, most) || more != (want > most) {
			a.T.Errorf("counted up to %d, %+v, personal %v: %d, more %v; there are %d", most, f, p.Personal, n, more, want)
		}
	}
}

func (a *archive) findsMessages(p *access.Principal) {
	ben, cleo, half, one := a.others[0].User, a.others[1].User, a.begin.Add(20*time.Minute), a.all[2].ID
	for _, list := range []struct {
		f      thread.MessageFilter
		byID   bool // whoever asks
		passes func(c *filed, m parley.Message) bool
	}{
		{thread.MessageFilter{}, false, func(*filed, parley.Message) bool { return true }},
		{thread.MessageFilter{Direction: parley.Inbound}, false, func(_ *filed, m parley.Message) bool { return m.Direction == parley.Inbound }},
		{thread.MessageFilter{Kind: parley.KindNote}, false, func(*filed, parley.Message) bool { return false }},
		{thread.MessageFilter{Since: half}, false, func(_ *filed, m parley.Message) bool { return !m.SentAt.Before(half) }},
		{thread.MessageFilter{Until: half}, false, func(_ *filed, m parley.Message) bool { return m.SentAt.Before(half) }},
		{thread.MessageFilter{Since: half.Add(-5 * time.Minute), Until: half}, false, func(_ *filed, m parley.Message) bool {
			return m.SentAt.Before(half) && !m.SentAt.Before(half.Add(-5*time.Minute))
		}},
		{thread.MessageFilter{Sender: ben}, false, func(_ *filed, m parley.Message) bool { return m.Author.ID == ben }},
		{thread.MessageFilter{Sender: cleo}, false, func(_ *filed, m parley.Message) bool { return m.Author.ID == cleo }},
		{thread.MessageFilter{Sender: a.reader.User, Until: half}, false, func(_ *filed, m parley.Message) bool {
			return m.Author.ID == a.reader.User && m.SentAt.Before(half)
		}},
		{thread.MessageFilter{Sender: cleo, Channel: a.seen}, false, func(_ *filed, m parley.Message) bool {
			return m.Author.ID == cleo && m.Channel == a.seen
		}},
		{thread.MessageFilter{Sender: ben, Direction: parley.Inbound, Until: half}, false, func(_ *filed, m parley.Message) bool {
			return m.Author.ID == ben && m.Direction == parley.Inbound && m.SentAt.Before(half)
		}},
		{thread.MessageFilter{Conversation: one}, false, func(c *filed, _ parley.Message) bool { return c.ID == one }},
		{thread.MessageFilter{Tag: "one"}, true, func(_ *filed, m parley.Message) bool { return len(m.Tags) > 0 }},
		{thread.MessageFilter{Tag: "one", Direction: parley.Inbound}, true, func(_ *filed, m parley.Message) bool { return len(m.Tags) > 0 && m.Direction == parley.Inbound }},
		{thread.MessageFilter{Channel: a.seen}, true, func(_ *filed, m parley.Message) bool { return m.Channel == a.seen }},
	} {
		threads := p.Personal || list.f.Sender != "" || list.f.Conversation != ""
		want := a.messages(p, list.byID || !threads, list.passes)
		for _, n := range []int{3, 200} {
			a.same(fmt.Sprintf("messages, %+v, pages of %d, personal %v", list.f, n, p.Personal), find(a.World, p, list.f, n), want)
		}
	}
}

func (a *archive) same(what string, got, want []parley.ID) {
	a.T.Helper()
	if slices.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	a.T.Errorf("%s: %d, want %d; they differ from the %d. on", what, len(got), len(want), at)
}

// TestSenderAmongVeryMany: what a user wrote is found in more conversations than are walked, by whoever sees it.
func TestSenderAmongVeryMany(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 0)
	cleo, mine := a.others[1].User, map[parley.ID]bool{}
	for range 5 {
		a.Must(a.Store.Write(t.Context(), a.Admin.Organization, func(tx *store.Tx) error {
			for i := range 450 {
				c := &filed{Conversation: parley.Conversation{ID: parley.NewID(a.begin), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization, Channel: a.seen, Status: parley.StatusOpen}}
				if err := tx.InsertConversation(a.Admin.Organization, &c.Conversation); err != nil {
					return err
				}
				m := parley.Message{ID: parley.NewID(a.begin), Conversation: c.ID, Kind: parley.KindMessage, Direction: parley.Outbound, Body: coretest.Text("hello"), SentAt: a.begin, Channel: a.seen,
					Author: parley.Actor{Kind: parley.ActorUser, ID: a.others[0].User}, Recorded: true, RecordedState: parley.Sent}
				if i%100 == 0 {
					m.Author.ID, mine[m.ID] = cleo, true
				}
				m.Actor = m.Author
				if err := tx.Append(&store.Append{Organization: a.Admin.Organization, Message: m}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	want := slices.SortedFunc(maps.Keys(mine), func(x, y parley.ID) int { return cmp.Compare(y, x) })
	for _, p := range []*access.Principal{a.reader, a.Admin} {
		for _, n := range []int{3, 200} {
			a.same(fmt.Sprintf("pages of %d, personal %v", n, p.Personal), find(a.World, p, thread.MessageFilter{Sender: cleo}, n), want)
		}
	}
	a.same("to who does not see the channel", find(a.World, a.others[0], thread.MessageFilter{Sender: cleo}, 50), nil)
}

// TestLeftAmongVeryMany: somebody in more conversations than are walked does not learn that one goes on that it has left.
func TestLeftAmongVeryMany(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 0)
	var left []*filed
	say := func(tx *store.Tx, c *filed, at time.Duration) error {
		m := parley.Message{ID: parley.NewID(a.begin), Conversation: c.ID, Kind: parley.KindMessage, Direction: parley.NoDirection, Body: coretest.Text("hello"), SentAt: a.begin.Add(at),
			Author: a.others[0].Actor(), Actor: a.others[0].Actor(), Recorded: true, RecordedState: parley.Sent}
		return tx.Append(&store.Append{Organization: a.Admin.Organization, Message: m})
	}
	for range 5 {
		a.Must(a.Store.Write(t.Context(), a.Admin.Organization, func(tx *store.Tx) error {
			for i := range 450 {
				c := &filed{Conversation: parley.Conversation{ID: parley.NewID(a.begin), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}}
				part := parley.Participant{Kind: parley.ActorUser, ID: a.reader.User}
				if err := tx.InsertConversation(a.Admin.Organization, &c.Conversation); err != nil {
					return err
				}
				if err := tx.AddParticipants(a.Admin.Organization, c.ID, []parley.Participant{part, {Kind: parley.ActorUser, ID: a.others[0].User}}); err != nil {
					return err
				}
				if err := say(tx, c, 2*time.Hour+time.Duration(len(a.all))*time.Second); err != nil {
					return err
				}
				if a.all = append(a.all, c); i%90 == 0 {
					left = append(left, c)
					if err := tx.LeaveConversation(a.Admin.Organization, c.ID, &part); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
	yes := true
	filters := []thread.ConversationFilter{{}, {Status: parley.StatusOpen}, {Participant: a.others[0].User}, {Inbox: &yes}}
	pages := func() (all []string) {
		for _, f := range filters {
			for after := ""; ; {
				page, next, err := a.Conversations(t.Context(), a.reader, f, after, 200)
				a.Must(err)
				for _, c := range page {
					all = append(all, fmt.Sprintf("%+v", c))
				}
				if all = append(all, next); next == "" {
					break
				}
				after = next
			}
		}
		return all
	}
	before := pages()
	for _, f := range filters {
		for _, p := range []*access.Principal{a.reader, a.Admin} {
			n, more, err := thread.NewSight(a.Store.Read(t.Context()), p).CountConversations(f, 1000)
			a.Must(err)
			if n != 1000 || !more {
				t.Errorf("counted, %+v, personal %v: %d, more %v", f, p.Personal, n, more)
			}
		}
	}
	if want := len(filters)*(len(a.all)+12) - len(left); len(before) != want { // 12 pages each; what was left is in no inbox
		t.Errorf("%d rows and cursors, want %d", len(before), want)
	}
	a.Must(a.Store.Write(t.Context(), a.Admin.Organization, func(tx *store.Tx) error {
		for i, c := range left {
			if err := say(tx, c, 3*time.Hour+time.Duration(i)*time.Second); err != nil {
				return err
			}
		}
		return nil
	}))
	if after := pages(); !slices.Equal(before, after) {
		for i := range min(len(before), len(after)) {
			if before[i] != after[i] {
				t.Fatalf("the lists tell that conversations went on: row %d was\n%s\nand is\n%s", i, before[i], after[i])
			}
		}
		t.Errorf("the lists tell that conversations went on: %d rows and cursors, before %d", len(after), len(before))
	}
}
