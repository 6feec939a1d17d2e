package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	kept "github.com/parley-server/parley/internal/store/inbox"
)

// conversations: conversations and who takes part in them, and since when.
func conversations(w *world) {
	o, other := w.organization(), w.organization()
	c := parley.Conversation{ID: w.id(), Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusSnoozed,
		SnoozedUntil: w.now().Add(time.Hour).UTC(), Title: "A title", Description: "About", Avatar: "file", ThreadKey: "key", Channel: "ch",
		Assignees: []parley.Assignee{{Kind: parley.ActorTeam, ID: "t"}, {Kind: parley.ActorUser, ID: "u"}}, Tags: []string{"b", "a"},
		Metadata: map[string]string{"k": "v"}, Inbox: true}
	w.do(func(tx *store.Tx) error { return tx.InsertConversation(o, &c) })
	c.ActivityAt = c.CreatedAt
	got, err := w.read().Conversation(o, c.ID)
	w.must(err)
	w.equal("the conversation", got, c)
	_, err = w.read().Conversation(other, c.ID)
	w.notFound(err)
	c.Status, c.SnoozedUntil, c.Title, c.Description, c.Avatar, c.Channel, c.Assignees, c.Tags, c.Metadata, c.Inbox = parley.StatusClosed, time.Time{}, "Another",
		"", "", "", nil, nil, nil, false
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.UpdateConversation(o, &c), tx.BumpConversation(o, c.ID))
	})
	c.Rev++
	list, err := w.read().Conversations(o, []parley.ID{"absent", c.ID})
	w.must(err)
	if len(list) != 1 || c.Rev != 3 {
		w.Fatalf("found are %v, the revision is %d", keys(list), c.Rev)
	}
	w.equal("the conversation", *list[c.ID], c)
	w.notFound(w.try(func(tx *store.Tx) error { return tx.UpdateConversation(other, &c) }))
	w.parts(o)
	w.directs(o)
}

// directs: the direct conversations of a user are found by it, and no others.
func (w *world) directs(o parley.ID) {
	w.Helper()
	made := func(kind parley.ConversationKind, users ...parley.ID) parley.ID {
		c := parley.Conversation{ID: w.id(), Kind: kind, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
		var parts []parley.Participant
		for _, u := range users {
			parts = append(parts, parley.Participant{Kind: parley.ActorUser, ID: u})
		}
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertConversation(o, &c), tx.AddParticipants(o, c.ID, parts))
		})
		return c.ID
	}
	one, group, others := made(parley.ConversationDirect, "eve", "ana"), made(parley.ConversationGroup, "eve", "ana"), made(parley.ConversationDirect, "ben", "ana")
	w.do(func(tx *store.Tx) error { return tx.BumpDirects(o, "eve") })
	list, err := w.read().Conversations(o, []parley.ID{one, group, others})
	w.must(err)
	w.equal("revisions", fmt.Sprint(list[one].Rev, list[group].Rev, list[others].Rev), "3 2 2")
}

// parts: who takes part receives from the item after joining to the item before leaving.
func (w *world) parts(o parley.ID) {
	th, beside := w.room(o, 2), w.thread(o)
	a, b := th.users[0], th.users[1]
	part := func(id parley.ID) string {
		w.Helper()
		p, err := w.read().Participant(o, th.id, id)
		w.must(err)
		return fmt.Sprint(p.Kind, " ", p.JoinedSequence, "-", p.LeftSequence)
	}
	join := func(id parley.ID) {
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.AddParticipants(o, th.id, nil), tx.AddParticipants(o, th.id, []parley.Participant{{Kind: parley.ActorUser, ID: id}}))
		})
	}
	leave := func(id parley.ID) error {
		return w.try(func(tx *store.Tx) error {
			return tx.LeaveConversation(o, th.id, &parley.Participant{Kind: parley.ActorUser, ID: id})
		})
	}
	th.say("1")
	th.say("2")
	w.must(leave(a))
	w.notFound(leave(a))
	th.say("3")
	join("late")
	join(b) // who takes part goes on
	w.equal("parts", []string{part(a), part(b), part("late")}, "[user 0-3 user 0-0 user 3-0]")
	join(a)
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.LeaveTogether(o, th.id, nil), tx.LeaveTogether(o, th.id, []parley.ID{b, "late", "absent"}))
	})
	w.equal("parts", []string{part(a), part(b), part("late")}, "[user 3-0 user 0-4 user 3-4]")
	_, err := w.read().Participant(o, th.id, "absent")
	w.notFound(err)
	q := w.read()
	all, err := q.Participants(o, th.id)
	w.must(err)
	several, err := q.ParticipantsOf(o, []parley.ID{th.id, beside.id, "absent"})
	w.must(err)
	w.equal("participants", several[th.id], all)
	of, err := q.PartsOf(o, b, []parley.ID{th.id, beside.id})
	w.must(err)
	members, err := q.MembersOf(o, []parley.ID{th.id, beside.id})
	w.must(err)
	present, err := q.FirstParticipants(o, []parley.ID{th.id, beside.id}, 1)
	w.must(err)
	if len(all) != 3 || len(several[beside.id]) != 1 || len(of) != 1 || of[th.id].LeftSequence != 4 || len(members) != 1 || len(members[th.id]) != 3 ||
		len(present[th.id]) != 1 || present[th.id][0].ID != a || present[beside.id][0].ID != beside.recipient {
		w.Errorf("parts %v, members %v, present %v", of, members, present)
	}
	w.partsElsewhere(th, beside)
}

// partsElsewhere: conversations by who takes or took part in them.
func (w *world) partsElsewhere(th, beside *thread) {
	o, q := th.organization, w.read()
	in, err := q.ConversationsOf(o, th.users[0], 10)
	w.must(err)
	with, err := q.ConversationsWith(o, beside.address, 10)
	w.must(err)
	w.equal("by participant", fmt.Sprint(in, with), fmt.Sprint([]parley.ID{th.id}, []parley.ID{beside.id}))
	n, err := q.CountOf(o, th.users[0], 10)
	w.must(err)
	w.equal("how many of a participant", n, 1)
	newest, err := q.NewestWith(o, beside.channel, []parley.Address{beside.address})
	w.must(err)
	w.equal("the newest with an address", newest.ID, beside.id)
	w.do(func(tx *store.Tx) error {
		return tx.LeaveConversation(o, beside.id, &parley.Participant{Kind: parley.ActorContact, ID: beside.recipient, Address: beside.address})
	})
	_, err = q.NewestWith(o, beside.channel, []parley.Address{beside.address})
	w.notFound(err)
	present, err := q.FirstParticipants(o, []parley.ID{beside.id}, 5)
	w.must(err)
	w.equal("present", len(present), 0)
}

// marks: markers move forward only, and remember when.
func marks(w *world) {
	o := w.organization()
	th := w.room(o, 2)
	a, b := th.users[0], th.users[1]
	for i := range 4 {
		th.say(fmt.Sprint(i))
	}
	begin := w.now().UTC()
	mark := func(user parley.ID, kind store.MarkKind, through int64, want bool) {
		w.Helper()
		w.do(func(tx *store.Tx) error {
			moved, err := tx.Mark(o, th.id, user, kind, through)
			if moved != want {
				w.Errorf("%s of %s to %d: moved %v", kind, user, through, moved)
			}
			return err
		})
		w.advance(time.Second)
	}
	mark(a, store.MarkDelivered, 2, true)
	mark(a, store.MarkDelivered, 2, false)
	mark(a, store.MarkRead, 1, true)
	mark(a, store.MarkRead, 4, true)
	mark(a, store.MarkRead, 3, false)
	mark(b, store.MarkRead, 2, true)
	mark("absent", store.MarkRead, 2, false)
	p, err := w.read().Participant(o, th.id, a)
	w.must(err)
	w.equal("markers", fmt.Sprint(p.DeliveredThrough, p.ReadThrough), "2 4")
	list, err := w.read().MarksFrom(o, th.id, 2)
	w.must(err)
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	w.equal("since when", list, []store.UserMark{{User: a, Kind: store.MarkDelivered, Through: 2, At: at(0)}, {User: a, Kind: store.MarkRead, Through: 4, At: at(3)},
		{User: b, Kind: store.MarkRead, Through: 2, At: at(5)}})
	for i, want := range []int64{3, 3, 3, 4} {
		w.do(func(tx *store.Tx) error {
			through := []int64{3, 2, 3, 4}[i]
			moved, err := tx.Seen(o, th.id, "watcher", through)
			if moved != (i == 0 || i == 3) {
				w.Errorf("seen through %d: moved %v", through, moved)
			}
			return err
		})
		through, err := w.read().SeenThrough(o, th.id, "watcher")
		w.must(err)
		w.equal("seen through", through, want)
	}
	none, err := w.read().SeenThrough(o, th.id, "nobody")
	w.must(err)
	w.equal("seen through", none, 0)
	w.acknowledged(th)
}

// acknowledged: who took note of a message, once.
func (w *world) acknowledged(th *thread) {
	o, message := th.organization, th.say("m").Message.ID
	for i, actor := range []parley.Actor{{Kind: parley.ActorUser, ID: "b"}, {Kind: parley.ActorUser, ID: "a"}, {Kind: parley.ActorUser, ID: "b"}} {
		w.do(func(tx *store.Tx) error {
			fresh, err := tx.Acknowledge(o, message, actor)
			if fresh != (i < 2) {
				w.Errorf("%v: new %v", actor, fresh)
			}
			return err
		})
	}
	list, err := w.read().Acknowledgements(o, message)
	w.must(err)
	now := w.now().UTC()
	w.equal("acknowledged", list, []parley.Interaction{{Message: message, Kind: parley.InteractionAcknowledged, Actor: parley.Actor{Kind: parley.ActorUser, ID: "a"}, At: now},
		{Message: message, Kind: parley.InteractionAcknowledged, Actor: parley.Actor{Kind: parley.ActorUser, ID: "b"}, At: now}})
	for i := range 2 {
		w.do(func(tx *store.Tx) error {
			fresh, err := tx.Hide(o, message, "a")
			if fresh != (i == 0) {
				w.Errorf("hidden anew: %v", fresh)
			}
			return err
		})
		w.advance(time.Second)
	}
	hidden, err := w.read().HiddenFrom(o, []parley.ID{message, "absent"})
	w.must(err)
	if len(hidden) != 1 || len(hidden[message]) != 1 || !hidden[message]["a"].Equal(now) {
		w.Errorf("hidden are %v", hidden)
	}
}

// details: what few conversations have is theirs, found by its external id, and narrows lists.
func details(w *world) {
	o, other := w.organization(), w.organization()
	a, b := w.thread(o), w.thread(o)
	set := func(o parley.ID, c parley.Conversation) error {
		return w.try(func(tx *store.Tx) error { return kept.SetDetails(tx, o, &c) })
	}
	w.must(set(o, parley.Conversation{ID: a.id, ExternalID: "x", Priority: 3, Attributes: map[string]string{"k": "v"}}))
	w.must(set(o, parley.Conversation{ID: b.id, Priority: 1}))
	w.must(set(other, parley.Conversation{ID: "theirs", ExternalID: "x"}))
	w.conflict(set(o, parley.Conversation{ID: b.id, ExternalID: "x"}), "external-id-taken")
	got, err := w.read().Conversation(o, a.id)
	w.must(err)
	w.equal("details", fmt.Sprint(got.ExternalID, got.Priority, got.Attributes), "x3 map[k:v]")
	for external, want := range map[string]parley.ID{"x": a.id, "absent": "", "": ""} {
		id, err := kept.ByExternalID(w.read(), o, external)
		w.must(err)
		w.equal("with the external id "+external, id, want)
	}
	w.must(set(o, parley.Conversation{ID: a.id, ExternalID: "y"}))
	got, err = w.read().Conversation(o, a.id)
	w.must(err)
	w.equal("changed", fmt.Sprint(got.ExternalID, got.Priority, got.Attributes), "y0 map[]")
	streams := []store.Stream{{Visibility: parley.VisibleToOrganization, Channel: b.channel, Status: parley.StatusOpen}}
	list, err := w.read().SearchActive(o, streams, store.Narrow{Priority: 1}, store.Activity{}, 10)
	w.must(err)
	if len(list) != 1 || list[0].ID != b.id {
		w.Errorf("of priority 1: %v", list)
	}
	w.unread(o, a, b)
}

// unread: items that somebody else wrote after a mark are counted, up to the end of a part.
func (w *world) unread(o parley.ID, a, b *thread) {
	w.Helper()
	for range 3 {
		a.say("hello")
		b.say("hello")
	}
	counted := func(user parley.ID, marks ...kept.Mark) string {
		counts, err := kept.Unread(w.read(), o, user, marks)
		w.must(err)
		return fmt.Sprint(counts[a.id], counts[b.id])
	}
	w.equal("unread", []string{counted("nobody"), counted("nobody", kept.Mark{Conversation: a.id}, kept.Mark{Conversation: b.id, After: 1}),
		counted("nobody", kept.Mark{Conversation: a.id, After: 1, Before: 3})}, "[0 0 3 2 1 0]")
	last, err := w.read().Thread(o, a.id, store.ThreadPosition{}, 1)
	w.must(err)
	w.equal("of one's own", counted(last[0].Author.ID, kept.Mark{Conversation: a.id}), "0 0")
	w.do(func(tx *store.Tx) error {
		_, err := tx.Seen(o, a.id, "u", 3)
		return err
	})
	seen, err := kept.SeenThrough(w.read(), o, "u", []parley.ID{a.id, b.id})
	w.must(err)
	w.equal("seen", seen, map[parley.ID]int64{a.id: 3})
	streams := []store.Stream{{Visibility: parley.VisibleToOrganization, Channel: a.channel, Status: parley.StatusOpen}}
	list, err := w.read().SearchActive(o, streams, store.Narrow{UnreadBy: "u"}, store.Activity{}, 10)
	w.must(err)
	for _, c := range list {
		if c.ID == a.id {
			w.Errorf("what was read goes on after it was read")
		}
	}
}

// history: what became of conversations, newest first.
func history(w *world) {
	o, other := w.organization(), w.organization()
	entry := func(id parley.ID, to string) parley.HistoryEntry {
		return parley.HistoryEntry{Conversation: id, Sequence: 4, Actor: parley.Actor{Kind: parley.ActorUser, ID: "u"}, Reason: "why",
			Changes: []parley.Difference{{Field: "status", From: []string{"open"}, To: []string{to}}}}
	}
	for i := range 3 {
		w.do(func(tx *store.Tx) error {
			return errors.Join(kept.AddHistory(tx, o), kept.AddHistory(tx, o, entry("a", fmt.Sprint(2*i)), entry("a", fmt.Sprint(2*i+1)), entry("b", "x")))
		})
		w.advance(time.Millisecond)
	}
	var place kept.HistoryPlace
	var got []string
	for {
		page, err := kept.History(w.read(), o, "a", place, 4)
		w.must(err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.Changes[0].To[0])
			place = kept.HistoryPlace{At: e.At, ID: e.ID}
		}
	}
	w.equal("entries", got, []string{"5", "4", "3", "2", "1", "0"})
	page, err := kept.History(w.read(), o, "b", kept.HistoryPlace{}, 1)
	w.must(err)
	want := entry("b", "x")
	want.ID, want.At = page[0].ID, page[0].At
	w.equal("an entry", page, []parley.HistoryEntry{want})
	none, err := kept.History(w.read(), other, "a", kept.HistoryPlace{}, 1)
	w.must(err)
	w.equal("another organization's", len(none), 0)
}

// draftedTexts: drafts are their user's, or shared, and are gone when they are dropped.
func draftedTexts(w *world) {
	o, other := w.organization(), w.organization()
	d := parley.Draft{ID: w.id(), Conversation: "c", User: "u", Body: []parley.Part{{Kind: parley.PartText, Text: "text"}}, Internal: true, ReplyTo: "m"}
	shared := parley.Draft{ID: w.id(), Conversation: "c", User: "v", Shared: true}
	save := func(d *parley.Draft) { w.do(func(tx *store.Tx) error { return kept.SaveDraft(tx, o, d) }) }
	save(&d)
	save(&shared)
	got, err := kept.Draft(w.read(), o, d.ID)
	w.must(err)
	w.equal("the draft", got, d)
	_, err = kept.Draft(w.read(), other, d.ID)
	w.notFound(err)
	d.Attachments = []parley.Attachment{{Media: "f", Name: "n"}}
	save(&d)
	w.equal("its revision", d.Rev, 2)
	count := func(list []parley.Draft, err error) int {
		w.must(err)
		return len(list)
	}
	q := w.read()
	n, err := kept.CountDrafts(q, o, "c", "u", 10)
	w.must(err)
	of, err := kept.SharedDrafts(q, o, []parley.ID{d.ID, shared.ID})
	w.must(err)
	w.equal("lists", fmt.Sprint(count(kept.Drafts(q, o, "c", "u", true, "", 10)), count(kept.Drafts(q, o, "c", "u", false, "", 10)),
		count(kept.Drafts(q, o, "c", "w", true, d.ID, 10)), count(kept.DraftsOf(q, o, "u", "", 10)), n, of), "2 1 1 1 1 [c]")
	w.do(func(tx *store.Tx) error { return kept.DropDraft(tx, o, d.ID) })
	w.notFound(w.try(func(tx *store.Tx) error { return kept.DropDraft(tx, o, d.ID) }))
}
