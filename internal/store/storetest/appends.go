package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// appendIsWhole: a message comes back as it was sent, with all that was written beside it.
func appendIsWhole(w *world) {
	o := w.organization()
	th := w.thread(o)
	file := parley.Media{ID: w.id(), Name: "a.pdf", ContentType: "application/pdf", Size: 7, SHA256: "00", Uploader: "u"}
	w.do(func(tx *store.Tx) error { return tx.InsertMedia(o, &file) })
	a := th.message("hello")
	m := &a.Message
	m.Body = append(m.Body, parley.Part{Kind: parley.PartLocation, Latitude: 48.5, Longitude: -9.25, Label: "here"})
	m.Attachments = []parley.Attachment{{Media: file.ID, Name: file.Name, ContentType: file.ContentType, Size: file.Size}}
	m.Actor = parley.Actor{Kind: parley.ActorTeam, ID: "team"}
	m.Internal, m.Priority, m.Metadata, m.Tags = true, parley.PriorityHigh, map[string]string{"k": "v"}, []string{"b", "a"}
	m.Reference, m.ReplyTo, m.Recorded, m.RecordedState = "ref", "other", true, parley.Sent
	m.Class, m.Auto = parley.ClassService, parley.AutoKeyword
	m.TTL, m.Validity, m.DeleteOnRead = time.Hour, time.Minute, true
	a.Jobs[0].Priority = m.Priority.Rank()
	a.Jobs = append(a.Jobs, store.Job{Organization: o, ID: store.JobID(store.JobExpire, string(m.ID)), Kind: store.JobExpire, Message: m.ID},
		store.Job{Organization: o, ID: store.JobID(store.JobRemind, string(m.ID)), Kind: store.JobRemind, Message: m.ID, After: time.Minute})
	a.Events = append(a.Events, parley.Event{Type: parley.EventDeliveryUpdated, Conversation: th.id, Message: m.ID, Users: []parley.ID{"u", "v"},
		Data: parley.EventData{Delivery: 1, State: parley.Queued}})
	a.Idempotency = &store.Idempotency{Scope: "scope", RequestHash: "hash", Status: 202, Resource: m.ID}
	w.must(w.append(a))
	now := w.now().UTC()
	if a.Sequence != 1 || !a.At.Equal(now) {
		w.Errorf("it is number %d of %v", a.Sequence, a.At)
	}
	want := *m
	want.Sequence, want.SentAt, want.CreatedAt, want.ExpiresAt = 1, now, now, now.Add(time.Hour)
	q := w.read()
	got, err := q.Message(o, m.ID)
	w.must(err)
	w.equal("the message", got, want)
	list, err := q.Messages(o, []parley.ID{"absent", m.ID})
	w.must(err)
	if len(list) != 1 || list[m.ID] == nil {
		w.Errorf("found are %v", keys(list))
	}
	w.equal("the message by its id", *list[m.ID], want)
	deliveries, err := q.Deliveries(o, m.ID)
	w.must(err)
	w.equal("the deliveries", deliveries, []parley.Delivery{{Message: m.ID, Number: 1, Conversation: th.id, Channel: th.channel,
		Recipient: a.Deliveries[0].Recipient, Address: th.address, State: parley.Queued, ValidUntil: now.Add(time.Minute), CreatedAt: now}})
	th.besideMessage(a, now)
}

// besideMessage checks what appendIsWhole wrote beside the message.
func (th *thread) besideMessage(a *store.Append, now time.Time) {
	w, o, m, q := th.w, th.organization, &a.Message, th.w.read()
	jobs, err := q.JobsOf(o, m)
	w.must(err)
	due := map[store.JobKind]time.Time{}
	for _, j := range jobs {
		due[j.Kind] = j.DueAt
	}
	if !due[store.JobDeliver].Equal(now) || !due[store.JobExpire].Equal(now.Add(time.Hour)) || !due[store.JobRemind].Equal(now.Add(time.Minute)) {
		w.Errorf("its jobs are %+v", jobs)
	}
	log := w.log(o)
	w.equal("events", fmt.Sprint(len(log), log[1].Users, log[0].Type, log[1].Type, log[1].Data, log[1].At), fmt.Sprint(2, []parley.ID{"u", "v"}, parley.EventMessageCreated,
		parley.EventDeliveryUpdated, a.Events[1].Data, now))
	replay, err := q.Idempotency(o, "scope")
	w.must(err)
	w.equal("its key", replay.Idempotency, *a.Idempotency)
	c, err := q.Conversation(o, th.id)
	w.must(err)
	w.equal("its conversation", fmt.Sprint(c.LastSequence, c.LastMessage, c.ActivityAt, c.Inbox, c.Rev), fmt.Sprint(1, m.ID, now, true, a.ConversationRev))
	counts, err := q.DeliveryCounts(o, []parley.ID{m.ID})
	w.must(err)
	w.equal("counts", counts, fmt.Sprintf("map[%s:map[queued:1]]", m.ID))
	with, err := q.MediaMessages(o, m.Attachments[0].Media, "", 10)
	w.must(err)
	w.equal("messages with the file", with, []parley.ID{m.ID})
	byID, err := q.HeadsByID(o, []parley.ID{m.ID, "absent"})
	w.must(err)
	if h := byID[m.ID]; len(byID) != 1 || h.Author != m.Author.ID || h.AuthorKind != m.Author.Kind || h.Channel != th.channel || h.Kind != m.Kind ||
		h.Direction != m.Direction || h.Platform != m.Platform || h.Conversation != th.id {
		w.Errorf("by id: %+v", byID)
	}
	for _, index := range []store.MessageIndex{{Tag: "a"}, {Tag: "b"}, {Reference: "ref"}, {Channel: th.channel}, {}} {
		heads, err := q.HeadsBefore(o, index, "", 10)
		w.must(err)
		if len(heads) != 1 || heads[0].ID != m.ID || heads[0].Conversation != th.id || index.Tag == "" && (heads[0].Sequence != 1 || !heads[0].SentAt.Equal(now)) {
			w.Errorf("by %+v: %+v", index, heads)
		}
		oldest, err := q.HeadsAfter(o, index, "", 10)
		w.must(err)
		if len(oldest) != 1 || oldest[0].ID != m.ID || oldest[0].Sequence != 1 || !oldest[0].SentAt.Equal(now) {
			w.Errorf("from the oldest on, by %+v: %+v", index, oldest)
		}
		oldest, err = q.HeadsAfter(o, index, m.ID, 10)
		w.must(err)
		w.equal("none after the last", len(oldest), 0)
	}
	deliveries, err := q.DeliveriesByMessage(o, []parley.ID{m.ID, "absent"})
	w.must(err)
	if list := deliveries[m.ID]; len(deliveries) != 1 || len(list) != 1 || list[0].Number != 1 || list[0].State != parley.Queued || list[0].Message != m.ID {
		w.Errorf("deliveries by message: %+v", deliveries)
	}
}

// staleAppends: a sender whose conversation, contact or channel has changed is told so, and nothing is written.
func staleAppends(w *world) {
	o := w.organization()
	for name, change := range map[string]func(tx *store.Tx, th *thread) error{
		"the conversation is bumped": func(tx *store.Tx, th *thread) error { return tx.BumpConversation(o, th.id) },
		"the conversation is closed": func(tx *store.Tx, th *thread) error {
			c, err := tx.Conversation(o, th.id)
			c.Status = parley.StatusClosed
			return errors.Join(err, tx.UpdateConversation(o, &c))
		},
		"somebody joins": func(tx *store.Tx, th *thread) error {
			return tx.AddParticipants(o, th.id, []parley.Participant{{Kind: parley.ActorUser, ID: "u"}})
		},
		"somebody leaves": func(tx *store.Tx, th *thread) error {
			return tx.LeaveConversation(o, th.id, &parley.Participant{Kind: parley.ActorContact, ID: th.recipient, Address: th.address})
		},
		"the contact opts out": func(tx *store.Tx, th *thread) error {
			c, err := tx.Contact(o, th.recipient)
			c.OptedOut = true
			return errors.Join(err, tx.UpdateContact(o, &c))
		},
		"the contact wrote elsewhere": func(tx *store.Tx, th *thread) error { return tx.WroteOn(o, th.recipient, "other") },
		"the contact is gone":         func(tx *store.Tx, th *thread) error { return tx.DeleteContact(o, th.recipient) },
		"the channel is paused": func(tx *store.Tx, th *thread) error {
			c, err := tx.Channel(o, th.channel)
			c.Paused = true
			return errors.Join(err, tx.UpdateChannel(o, &c))
		},
		"the channel is gone": func(tx *store.Tx, th *thread) error { return tx.DeleteChannel(o, th.channel) },
	} {
		th := w.thread(o)
		a := th.message(name)
		a.Idempotency = &store.Idempotency{Scope: name, Resource: a.Message.ID}
		w.do(func(tx *store.Tx) error { return change(tx, th) })
		before := len(w.log(o))
		if err := w.append(a); err != store.ErrStale {
			w.Errorf("%s: %v", name, err)
		}
		w.wholeOrNothing(name, a, store.ErrStale, before)
		th.count()
	}
	th := w.thread(o)
	a := th.message("seen")
	th.say("another")
	w.do(func(tx *store.Tx) error { return tx.WroteOn(o, th.recipient, "") })
	w.must(w.append(a))
	absent := th.message("nowhere")
	absent.Message.Conversation = "absent"
	if err := w.append(absent); err != store.ErrStale {
		w.Errorf("into no conversation: %v", err)
	}
	w.notFound(w.try(func(tx *store.Tx) error { return tx.Append(absent) }))
	absent.Message.Conversation, absent.Organization = th.id, w.organization()
	if err := w.append(absent); err != store.ErrStale {
		w.Errorf("into another organization's: %v", err)
	}
}

// staleChoice: a message whose channel was chosen among all is stale when one of them has changed.
func staleChoice(w *world) {
	o := w.organization()
	chosen := w.thread(o).message("chosen among the channels")
	var err error
	chosen.ChannelsRev, err = w.read().ChannelsRev(o)
	w.must(err)
	w.do(func(tx *store.Tx) error {
		tx.Emit(o, parley.Event{Type: parley.EventChannelUpdated, Subject: "another"})
		return nil
	})
	if err := w.append(chosen); err != store.ErrStale {
		w.Errorf("another channel was changed: %v", err)
	}
}

// staleAmongOthers: while what senders see changes under them, each is either stored or told that it is stale.
func staleAmongOthers(w *world) {
	o := w.organization()
	threads := []*thread{w.thread(o), w.thread(o), w.thread(o)}
	var stored [3]atomic.Int64
	errs := concurrently(60, func(i int) error {
		th := threads[i%3]
		if i%10 == 9 {
			return w.try(func(tx *store.Tx) error { return tx.BumpConversation(o, th.id) })
		}
		for {
			err := w.append(th.message(fmt.Sprint(i)))
			if err == nil {
				stored[i%3].Add(1)
			}
			if err != store.ErrStale {
				return err
			}
		}
	})
	w.must(errors.Join(errs...))
	for i, th := range threads {
		if got := th.count(); got != int(stored[i].Load()) || got != 18 {
			w.Errorf("%d are stored in conversation %d, %d acknowledged", got, i, stored[i].Load())
		}
	}
}

// bulkFails: where a statement of a bulk fails, only those messages fail that it failed for.
func bulkFails(w *world) {
	o := w.organization()
	th := w.thread(o)
	taken := th.say("taken").Message.ID
	messages := make([]*store.Append, 30)
	for i := range messages {
		messages[i] = th.message(fmt.Sprint(i))
		switch i % 10 {
		case 3:
			messages[i].Message.ID = taken
		case 5:
			messages[i].Message.Parent = "broadcast" // one copy in a conversation
		}
	}
	copies, want := 0, 1
	for i, err := range w.together(len(messages), func(i int) error { return w.append(messages[i]) }) {
		switch {
		case i%10 == 5 && err == nil:
			copies++
			want++
		case i%10 == 3 || i%10 == 5:
			if err == nil || parley.IsKind(err, parley.KindUnavailable) {
				w.Errorf("%d: %v", i, err)
			}
		default:
			want++
			w.must(err)
		}
	}
	if got := th.count(); got != want || copies != 1 || len(w.log(o)) != want {
		w.Errorf("%d messages, %d copies and %d events, want %d and one copy", got, copies, len(w.log(o)), want)
	}
}

// displayOrder: messages are shown in order of their times, and numbered in order of their coming.
func displayOrder(w *world) {
	o := w.organization()
	th := w.room(o, 2)
	last := th.say("now")
	w.advance(time.Second)
	for _, ago := range []time.Duration{time.Hour, 2 * time.Hour, time.Hour} {
		a := th.message(ago.String())
		a.Message.SentAt = w.now().Add(-ago)
		w.must(w.append(a))
	}
	c, err := w.read().Conversation(o, th.id)
	w.must(err)
	if c.LastMessage != last.Message.ID || !c.ActivityAt.Equal(last.At) || c.LastSequence != 4 {
		w.Errorf("imports moved the end of the conversation: %+v", c)
	}
	w.equal("oldest first", th.contents(), "[3 2h0m0s 2 1h0m0s 4 1h0m0s 1 now]")
	var back []int64
	messages, err := w.read().Thread(o, th.id, store.ThreadPosition{}, 10)
	w.must(err)
	for _, m := range messages {
		back = append(back, m.Sequence)
	}
	w.equal("newest first", back, "[1 4 2 3]")
	newest := th.message("newest")
	newest.Message.SentAt = last.At // the same millisecond
	w.must(w.append(newest))
	c, err = w.read().Conversation(o, th.id)
	w.must(err)
	w.equal("the last message", c.LastMessage, newest.Message.ID)
}

// inbox: sends may keep a conversation out of inbox views, until one does not.
func inbox(w *world) {
	o := w.organization()
	th := w.thread(o)
	w.do(func(tx *store.Tx) error {
		c, err := tx.Conversation(o, th.id)
		c.Inbox = false
		return errors.Join(err, tx.UpdateConversation(o, &c))
	})
	for i, want := range []bool{false, true, true} {
		a := th.message("m")
		a.KeepOut = i != 1
		w.must(w.append(a))
		c, err := w.read().Conversation(o, th.id)
		w.must(err)
		if c.Inbox != want {
			w.Errorf("after %d messages: in the inbox %v", i+1, c.Inbox)
		}
	}
}

// scheduled: a message outside of the timeline is in no thread, and is sent or canceled once.
func scheduled(w *world) {
	o := w.organization()
	th := w.room(o, 2)
	th.say("first")
	later := func(text string) *store.Append {
		a := th.message(text)
		a.Message.SendAt = w.now().Add(time.Hour).UTC()
		a.Message.SentAt, a.Message.Tags = a.Message.SendAt, []string{"tag"}
		a.Jobs = []store.Job{{Organization: o, ID: store.JobID(store.JobPublish, string(a.Message.ID)), Kind: store.JobPublish,
			DueAt: a.Message.SendAt, Message: a.Message.ID}}
		w.do(func(tx *store.Tx) error { return tx.InsertScheduled(a) })
		return a
	}
	sent, canceled := later("sent"), later("canceled")
	w.equal("the thread", th.contents(), "[1 first]")
	heads, err := w.read().HeadsBefore(o, store.MessageIndex{Scheduled: true}, "", 10)
	w.must(err)
	w.equal("scheduled", []parley.ID{heads[0].ID, heads[1].ID}, []parley.ID{canceled.Message.ID, sent.Message.ID})
	w.do(func(tx *store.Tx) error {
		jobs, err := tx.JobsOf(o, &sent.Message)
		if err != nil || len(jobs) != 1 || !jobs[0].DueAt.Equal(sent.Message.SendAt) {
			w.Errorf("its jobs are %+v", jobs)
		}
		now := *sent
		now.Message.SentAt, now.Jobs = time.Time{}, nil
		return errors.Join(err, tx.Done(jobs), tx.DeleteScheduled(o, sent.Message.ID), tx.Append(&now))
	})
	w.do(func(tx *store.Tx) error {
		jobs, err := tx.JobsOf(o, &canceled.Message)
		return errors.Join(err, tx.Done(jobs), tx.CancelScheduled(o, canceled.Message.ID, "why"))
	})
	w.equal("the thread", th.contents(), "[1 first 2 sent]")
	m, err := w.read().Message(o, canceled.Message.ID)
	w.must(err)
	w.equal("the canceled", fmt.Sprint(m.RecordedState, m.Sequence), fmt.Sprint(parley.Canceled, 0))
	heads, err = w.read().HeadsBefore(o, store.MessageIndex{Scheduled: true}, "", 10)
	w.must(err)
	places, err := w.read().PlacesOf(o, []parley.ID{sent.Message.ID, canceled.Message.ID})
	w.must(err)
	in := sent.Message.Conversation
	if len(heads) != 0 || places[sent.Message.ID] != (store.MessagePlace{Conversation: in, Sequence: 2}) || places[canceled.Message.ID] != (store.MessagePlace{Conversation: in}) {
		w.Errorf("scheduled are %v, places %v", heads, places)
	}
	if n := len(w.log(o)); n != 4 {
		w.Errorf("%d events", n)
	}
}
