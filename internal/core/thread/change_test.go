package thread_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func ptr[T any](v T) *T { return &v }

func TestConversationsAreMade(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	sms := w.Channel(w.Admin, "sms")
	closed := w.Channel(w.Admin, "chat", ben.User)
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")

	create := func(p *access.Principal, params thread.ConversationParams) (parley.Conversation, error) {
		c, replayed, err := w.CreateConversation(t.Context(), p, params, nil)
		if replayed {
			t.Error("replayed")
		}
		return c, err
	}
	group, err := create(ana, thread.ConversationParams{Kind: parley.ConversationGroup, Title: "trio", Tags: []string{"x", "x"},
		Participants: []thread.NewParticipant{{User: ben.User}, {User: ana.User}}, Assignees: []parley.Assignee{{Kind: parley.ActorUser, ID: ben.User}}})
	w.Must(err)
	if group.Title != "trio" || len(group.Participants) != 2 || !slices.Equal(group.Tags, []string{"x"}) || group.Visibility != parley.VisibleToMembers || !group.Inbox {
		t.Errorf("group: %+v", group)
	}
	_, err = w.Conversation(t.Context(), cleo, group.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	note, err := create(ana, thread.ConversationParams{Kind: parley.ConversationNote, Visibility: parley.VisibleToOrganization})
	w.Must(err)
	_, err = w.Conversation(t.Context(), cleo, note.ID)
	w.Must(err)
	out, err := create(ana, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: sms.ID, Participants: []thread.NewParticipant{{Contact: contact.ID}, {Address: "phone:+4670123456"}}})
	w.Must(err)
	if m := w.Say(ana, core.To{Conversation: out.ID}, "both of you"); m.Counts[parley.Queued] != 2 {
		t.Errorf("counts: %v", m.Counts)
	}
	for name, test := range map[string]struct {
		params thread.ConversationParams
		code   string
	}{
		"another kind":               {thread.ConversationParams{Kind: parley.ConversationDirect}, "value-unknown"},
		"a channel not seen":         {thread.ConversationParams{Kind: parley.ConversationExternal, Channel: closed.ID, Participants: []thread.NewParticipant{{Address: "chat:zoe"}}}, "channel-unknown"},
		"no channel":                 {thread.ConversationParams{Kind: parley.ConversationExternal, Participants: []thread.NewParticipant{{Contact: contact.ID}}}, "required"},
		"nobody outside":             {thread.ConversationParams{Kind: parley.ConversationExternal, Channel: sms.ID}, "required"},
		"a user outside":             {thread.ConversationParams{Kind: parley.ConversationExternal, Channel: sms.ID, Participants: []thread.NewParticipant{{User: ben.User}}}, "participant-inside"},
		"a contact inside":           {thread.ConversationParams{Kind: parley.ConversationGroup, Participants: []thread.NewParticipant{{Contact: contact.ID}}}, "participant-outside"},
		"an unknown user":            {thread.ConversationParams{Kind: parley.ConversationGroup, Participants: []thread.NewParticipant{{User: contact.ID}}}, "user-unknown"},
		"an address of another kind": {thread.ConversationParams{Kind: parley.ConversationExternal, Channel: sms.ID, Participants: []thread.NewParticipant{{Address: "email:a@example.org"}}}, "address-kind"},
		"an assignee outside it":     {thread.ConversationParams{Kind: parley.ConversationGroup, Participants: []thread.NewParticipant{{User: ben.User}}, Assignees: []parley.Assignee{{Kind: parley.ActorUser, ID: cleo.User}}}, "assignee-unseen"},
		"one outside the channel":    {thread.ConversationParams{Kind: parley.ConversationNote, Visibility: parley.VisibleToOrganization, Channel: closed.ID, Assignees: []parley.Assignee{{Kind: parley.ActorUser, ID: cleo.User}}}, "assignee-unseen"},
		"an unknown assignee":        {thread.ConversationParams{Kind: parley.ConversationNote, Assignees: []parley.Assignee{{Kind: parley.ActorTeam, ID: ben.User}}}, "team-unknown"},
		"an unknown avatar":          {thread.ConversationParams{Kind: parley.ConversationNote, Avatar: ben.User}, "media-unknown"},
		"a title with U+0000":        {thread.ConversationParams{Kind: parley.ConversationNote, Title: "a\x00"}, "text-invalid"},
	} {
		_, err := create(ana, test.params)
		if e := parley.AsError(err); err == nil || e.Kind != parley.KindInvalid || e.Code != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	i := &access.Idempotency{Key: "k", Method: "POST", Path: "/v1/conversations"}
	first, _, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationNote}, i)
	w.Must(err)
	again, replayed, err := w.CreateConversation(t.Context(), w.Admin, thread.ConversationParams{Kind: parley.ConversationNote}, i)
	w.Must(err)
	if !replayed || again.ID != first.ID {
		t.Errorf("repeat made %s, first %s", again.ID, first.ID)
	}
}

func TestConversationsAreChanged(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	id := w.Say(ana, core.To{Contact: contact.ID}, "hi").Conversation
	c, err := w.UpdateConversation(t.Context(), ben, id, thread.ConversationPatch{Title: ptr("Yan"), Tags: ptr([]string{"vip"}),
		Metadata: map[string]*string{"a": ptr("1"), "b": ptr("2")}, Assignees: ptr([]parley.Assignee{{Kind: parley.ActorUser, ID: ben.User}})}, 0)
	w.Must(err)
	rev := c.Rev
	c, err = w.UpdateConversation(t.Context(), ben, id, thread.ConversationPatch{Metadata: map[string]*string{"a": nil, "c": ptr("3")}}, rev)
	w.Must(err)
	if c.Title != "Yan" || !maps.Equal(c.Metadata, map[string]string{"b": "2", "c": "3"}) || c.Rev == rev || len(c.Assignees) != 1 {
		t.Errorf("changed: %+v", c)
	}
	_, err = w.UpdateConversation(t.Context(), ben, id, thread.ConversationPatch{Title: ptr("late")}, rev)
	w.Refused(err, parley.KindPrecondition, "revision-mismatch")
	for code, patch := range map[string]thread.ConversationPatch{
		"value-unknown": {Status: ptr(parley.ConversationStatus("done"))},
		"out-of-range":  {Status: ptr(parley.StatusSnoozed), SnoozedUntil: time.Now().Add(-time.Second)},
		"not-allowed":   {Status: ptr(parley.StatusClosed), SnoozedUntil: time.Now().Add(time.Hour)},
	} {
		_, err = w.UpdateConversation(t.Context(), ben, id, patch, 0)
		w.Refused(err, parley.KindInvalid, code)
	}
	if ids := all(w, ben, thread.ConversationFilter{Assignee: ben.User, Tag: "vip"}, 10); !slices.Equal(ids, []parley.ID{id}) {
		t.Errorf("given to ben: %v", ids)
	}
	other := w.Organization("Beta")
	_, err = w.UpdateConversation(t.Context(), other, id, thread.ConversationPatch{Title: ptr("mine")}, 0)
	w.Refused(err, parley.KindNotFound, "not-found")
}

func TestReopeningATakenThread(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	first := w.Say(ana, core.To{User: ben.User}, "hi").Conversation
	_, err := w.UpdateConversation(t.Context(), ana, first, thread.ConversationPatch{Status: ptr(parley.StatusClosed)}, 0)
	w.Must(err)
	c, err := w.Conversation(t.Context(), ana, first)
	w.Must(err)
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error { // as a channel does that begins a new one
		return tx.InsertConversation(ana.Organization, &parley.Conversation{ID: parley.NewID(time.Now()), Kind: parley.ConversationDirect,
			Visibility: parley.VisibleToMembers, Status: parley.StatusOpen, ThreadKey: c.ThreadKey})
	}))
	_, err = w.UpdateConversation(t.Context(), ana, first, thread.ConversationPatch{Status: ptr(parley.StatusOpen)}, 0)
	w.Refused(err, parley.KindConflict, "thread-taken")
	if fields := parley.AsError(err).Fields; len(fields) != 1 || fields[0].Field != "status" {
		t.Errorf("it names %v", fields)
	}
}

func TestSnoozedConversationsWake(t *testing.T) {
	w := coretest.New(t)
	ana := w.User(w.Admin, "ana")
	c, _, err := w.CreateConversation(t.Context(), ana, thread.ConversationParams{Kind: parley.ConversationNote}, nil)
	w.Must(err)
	until := w.Now().Add(time.Hour)
	c, err = w.UpdateConversation(t.Context(), ana, c.ID, thread.ConversationPatch{Status: ptr(parley.StatusSnoozed), SnoozedUntil: until}, 0)
	w.Must(err)
	if n, err := w.Wake(t.Context(), 10); err != nil || n != 0 || c.Status != parley.StatusSnoozed {
		t.Fatalf("woken before its time: %d, %v, %s", n, err, c.Status)
	}
	w.Advance(time.Hour)
	if n, err := w.Wake(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("woke %d, %v", n, err)
	}
	c, err = w.Conversation(t.Context(), ana, c.ID)
	w.Must(err)
	if c.Status != parley.StatusOpen || !c.SnoozedUntil.IsZero() {
		t.Errorf("after waking: %s until %s", c.Status, c.SnoozedUntil)
	}
	// Opened by hand, nothing wakes it.
	_, err = w.UpdateConversation(t.Context(), ana, c.ID, thread.ConversationPatch{Status: ptr(parley.StatusSnoozed), SnoozedUntil: w.Now().Add(time.Hour)}, 0)
	w.Must(err)
	_, err = w.UpdateConversation(t.Context(), ana, c.ID, thread.ConversationPatch{Status: ptr(parley.StatusClosed)}, 0)
	w.Must(err)
	w.Advance(2 * time.Hour)
	if n, err := w.Wake(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("woke %d, %v", n, err)
	}
}

func TestParticipantsJoinAndLeave(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	c, _, err := w.CreateConversation(t.Context(), ana, thread.ConversationParams{Kind: parley.ConversationGroup, Participants: []thread.NewParticipant{{User: ben.User}}}, nil)
	w.Must(err)
	before := w.Say(ana, core.To{Conversation: c.ID}, "before")
	_, err = w.AddParticipant(t.Context(), cleo, c.ID, thread.NewParticipant{User: cleo.User})
	w.Refused(err, parley.KindNotFound, "not-found")
	part, err := w.AddParticipant(t.Context(), ben, c.ID, thread.NewParticipant{User: cleo.User})
	w.Must(err)
	if part.JoinedSequence != before.Sequence {
		t.Errorf("joined: %+v", part)
	}
	_, err = w.AddParticipant(t.Context(), ben, c.ID, thread.NewParticipant{User: cleo.User})
	w.Must(err)
	during := w.Say(ana, core.To{Conversation: c.ID}, "during")
	if during.Counts[parley.Sent] != 2 {
		t.Errorf("three take part: %v", during.Counts)
	}
	w.Must(w.RemoveParticipant(t.Context(), ana, c.ID, thread.NewParticipant{User: cleo.User}))
	w.Refused(w.RemoveParticipant(t.Context(), ana, c.ID, thread.NewParticipant{User: cleo.User}), parley.KindNotFound, "not-found")
	after := w.Say(ana, core.To{Conversation: c.ID}, "after")
	for _, m := range []parley.Message{before, after} {
		_, err := w.Message(t.Context(), cleo, m.ID)
		w.Refused(err, parley.KindNotFound, "not-found")
	}
	_, err = w.Message(t.Context(), cleo, during.ID)
	w.Must(err)
	page, next, err := w.Thread(t.Context(), cleo, c.ID, "", 1)
	w.Must(err)
	if len(page) != 1 || page[0].ID != during.ID {
		t.Errorf("cleo's thread: %v %q", page, next)
	}
	m, err := w.Message(t.Context(), ana, during.ID)
	w.Must(err)
	if m.Counts[parley.Sent] != 2 {
		t.Errorf("cleo had received it: %v", m.Counts)
	}
	_, err = w.UpdateConversation(t.Context(), cleo, c.ID, thread.ConversationPatch{Title: ptr("x")}, 0)
	w.Refused(err, parley.KindForbidden, "not-a-participant")
	direct := w.Say(ana, core.To{User: ben.User}, "hi").Conversation
	_, err = w.AddParticipant(t.Context(), ana, direct, thread.NewParticipant{User: cleo.User})
	w.Refused(err, parley.KindConflict, "participants-fixed")
}

// TestWhatComesAfterLeaving: somebody who has left a conversation does not learn that it goes on.
func TestWhatComesAfterLeaving(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dora", "emil", "finn")
	ana, ben, cleo, dora, emil, finn := users[0], users[1], users[2], users[3], users[4], users[5]
	last := w.Say(ana, core.To{Users: []parley.ID{ben.User, cleo.User, finn.User}}, "before")
	join := func(who *access.Principal) {
		_, err := w.AddParticipant(t.Context(), ana, last.Conversation, thread.NewParticipant{User: who.User})
		w.Must(err)
	}
	leave := func(who *access.Principal) {
		w.Must(w.RemoveParticipant(t.Context(), who, last.Conversation, thread.NewParticipant{User: who.User}))
	}
	leave(cleo)
	join(dora) // with nothing said between
	after := w.Say(ana, core.To{Conversation: last.Conversation}, "after")
	join(emil)
	leave(finn)
	w.Must(w.ReadThrough(t.Context(), ben, last.Conversation, after.Sequence))
	one, err := w.Conversation(t.Context(), cleo, last.Conversation)
	w.Must(err)
	list, _, err := w.Conversations(t.Context(), cleo, core.ConversationFilter{}, "", 10)
	w.Must(err)
	if len(list) != 1 {
		t.Fatalf("cleo's list: %+v", list)
	}
	if len(one.Participants) != 4 || len(list[0].Participants) != 2 { // a list shows who takes part now
		t.Errorf("to cleo, who left, these take part: %+v, in a list %+v", one.Participants, list[0].Participants)
	}
	for _, c := range []parley.Conversation{one, list[0]} {
		if c.LastSequence != last.Sequence || c.LastMessage != "" || !c.ActivityAt.Equal(c.CreatedAt) {
			t.Errorf("cleo, who left: %d, %q, %v", c.LastSequence, c.LastMessage, c.ActivityAt)
		}
		for _, who := range c.Participants {
			if who.ID == dora.User || who.ID == emil.User || who.ReadThrough > last.Sequence || who.LeftSequence != 0 && who.ID != cleo.User {
				t.Errorf("cleo, who left, sees %+v", who)
			}
		}
	}
	c, err := w.Conversation(t.Context(), ben, last.Conversation)
	w.Must(err)
	if c.LastSequence != after.Sequence || c.LastMessage != after.ID || len(c.Participants) != 6 {
		t.Errorf("ben, who did not: %d, %q", c.LastSequence, c.LastMessage)
	}
}

func TestMarks(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dora")
	ana, ben, cleo, dora := users[0], users[1], users[2], users[3]
	first := w.Say(ana, core.To{Users: []parley.ID{ben.User, cleo.User}}, "one")
	second := w.Say(ana, core.To{Conversation: first.Conversation}, "two")
	log := w.Events(ana, 0)
	end := log[len(log)-1].Sequence

	w.Must(w.MarkDelivered(t.Context(), ben, first.ID))
	w.Must(w.MarkDelivered(t.Context(), ben, first.ID))
	w.Must(w.MarkRead(t.Context(), cleo, first.ID))
	w.Must(w.ReadThrough(t.Context(), ben, first.Conversation, 0))
	w.Must(w.ReadThrough(t.Context(), ben, first.Conversation, 1)) // never back
	w.Must(w.Acknowledge(t.Context(), cleo, second.ID))
	w.Must(w.Acknowledge(t.Context(), cleo, second.ID))
	var types []parley.EventType
	for _, e := range w.Events(ana, end) {
		types = append(types, e.Type)
	}
	if !slices.Equal(types, []parley.EventType{parley.EventInteraction, parley.EventConversationRead, parley.EventInteraction,
		parley.EventConversationRead, parley.EventInteraction}) {
		t.Errorf("events: %v", types)
	}
	w.Refused(w.Acknowledge(t.Context(), ana, second.ID), parley.KindForbidden, "not-a-recipient")
	w.Refused(w.MarkRead(t.Context(), dora, second.ID), parley.KindNotFound, "not-found")
	w.Refused(w.MarkRead(t.Context(), w.Admin, second.ID), parley.KindForbidden, "not-a-recipient")

	for id, want := range map[parley.ID]map[parley.DeliveryState]int{first.ID: {parley.Read: 2}, second.ID: {parley.Read: 1, parley.Sent: 1}} {
		m, err := w.Message(t.Context(), ana, id)
		w.Must(err)
		if !maps.Equal(m.Counts, want) {
			t.Errorf("counts: %v, want %v", m.Counts, want)
		}
	}
	deliveries, err := w.Deliveries(t.Context(), ana, first.ID)
	w.Must(err)
	if len(deliveries) != 2 || deliveries[0].State != parley.Read || deliveries[0].ReadAt.IsZero() || deliveries[0].DeliveredAt.After(deliveries[0].ReadAt) {
		t.Errorf("deliveries: %+v", deliveries)
	}
	interactions, err := w.Interactions(t.Context(), ana, second.ID)
	w.Must(err)
	if len(interactions) != 3 || interactions[2].Kind != parley.InteractionAcknowledged || interactions[2].Actor.Name != "cleo" {
		t.Errorf("interactions: %+v", interactions)
	}
}

func TestReadMarkOfWhoTakesNoPart(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	m := w.Say(ana, core.To{Contact: contact.ID}, "hi")
	w.Must(w.ReadThrough(t.Context(), ben, m.Conversation, 0))
	log := w.Events(ana, 0)
	if last := log[len(log)-1]; last.Type != parley.EventConversationRead || last.Data.Through != 1 || last.Subject != ben.User {
		t.Errorf("event: %+v", last)
	}
	w.Must(w.MarkRead(t.Context(), ben, m.ID))
	if now := w.Events(ana, 0); len(now) != len(log) {
		t.Error("a mark that does not move is an event")
	}
}
