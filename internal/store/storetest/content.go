package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	kept "github.com/parley-server/parley/internal/store/inbox"
	"github.com/parley-server/parley/internal/store/relation"
)

// blobs are the files whose deletion is scheduled.
func (w *world) blobs() (ids []string) {
	w.Helper()
	w.do(func(tx *store.Tx) error {
		jobs, err := tx.DueJobs(store.JobBlob, tx.Now, 100)
		for _, j := range jobs {
			ids = append(ids, j.Payload)
		}
		return errors.Join(err, tx.Done(jobs))
	})
	return ids
}

// media: files, and what has them.
func media(w *world) {
	o, other := w.organization(), w.organization()
	file := func() parley.Media {
		m := parley.Media{ID: w.id(), Name: "a.pdf", ContentType: "application/pdf", Size: 1 << 40, SHA256: "ab", Uploader: "u"}
		w.do(func(tx *store.Tx) error { return tx.InsertMedia(o, &m) })
		return m
	}
	free, used, avatar := file(), file(), file()
	th := w.room(o, 1)
	var with []parley.ID
	for range 2 {
		a := th.message("m")
		a.Message.Attachments = []parley.Attachment{{Media: used.ID}, {Media: "unknown"}}
		w.must(w.append(a))
		with = append(with, a.Message.ID)
	}
	used.Attached = true
	list, err := w.read().MediaByID(o, []parley.ID{free.ID, used.ID, "absent"})
	w.must(err)
	w.equal("files", []parley.Media{*list[free.ID], *list[used.ID]}, []parley.Media{free, used})
	_, err = w.read().Media(other, free.ID)
	w.notFound(err)
	messages, err := w.read().MediaMessages(o, used.ID, "", 10)
	w.must(err)
	w.equal("messages with it", messages, with)
	w.conflict(w.try(func(tx *store.Tx) error { return tx.DeleteMedia(o, used.ID) }), "media-attached")
	w.notFound(w.try(func(tx *store.Tx) error { return tx.DeleteMedia(other, free.ID) }))
	w.do(func(tx *store.Tx) error { return tx.DeleteMedia(o, free.ID) })
	w.equal("to be deleted", w.blobs(), []parley.ID{free.ID})
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.KeepAvatar(o, th.id, avatar.ID), tx.KeepAvatar(o, th.id, avatar.ID), tx.ReleaseMedia(o, with[0]))
	})
	w.do(func(tx *store.Tx) error {
		dropped, err := tx.DropMedia(o, avatar.ID)
		if dropped {
			w.Error("an avatar was dropped")
		}
		return err
	})
	w.blobs()
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.KeepAvatar(o, th.id, ""), tx.ReleaseMedia(o, with[1], "absent"), tx.ScheduleBlob(o, "early", tx.Now.Add(-time.Second)))
	})
	if got := w.blobs(); len(got) != 3 || got[0] != "early" {
		w.Errorf("to be deleted are %v", got)
	}
	w.do(func(tx *store.Tx) error {
		for _, id := range []parley.ID{avatar.ID, used.ID, "absent"} {
			if dropped, err := tx.DropMedia(o, id); err != nil || !dropped {
				w.Errorf("%s was dropped: %v, %v", id, dropped, err)
			}
		}
		return nil
	})
}

// parkedThings: what waits to be matched is taken once.
func parkedThings(w *world) {
	o, other := w.organization(), w.organization()
	park := func(o, channel parley.ID, reference string) store.Parked {
		p := store.Parked{ID: w.id(), Channel: channel, Kind: "receipt", Reference: reference, Message: "m", Raw: "raw", Reason: "reason"}
		w.do(func(tx *store.Tx) error { return tx.Park(o, &p) })
		w.advance(time.Second)
		return p
	}
	a, b := park(o, "c", "a"), park(o, "c", "a")
	park(other, "c", "a")
	park(o, "d", "a")
	kept := park(o, "c", "")
	take := func(want ...parley.ID) {
		w.Helper()
		w.do(func(tx *store.Tx) error {
			rows, err := tx.TakeParked([]store.ProviderReference{{Organization: o, Channel: "c", Value: "a"}, {Organization: o, Channel: "c", Value: ""}})
			got := map[parley.ID]bool{}
			for _, r := range rows {
				got[r.ID] = true
				if r.Organization != o || r.ID == a.ID && fmt.Sprint(r.Parked) != fmt.Sprint(a) {
					w.Errorf("taken is %+v", r)
				}
			}
			w.equal("taken", keys(got), want)
			return err
		})
	}
	take(a.ID, b.ID)
	take()
	list, err := w.read().ParkedList(o, "", 10)
	w.must(err)
	if len(list) != 2 {
		w.Errorf("still parked are %v", list)
	}
	w.equal("parked", list[1], kept)
	for _, want := range []int64{1, 0} {
		w.do(func(tx *store.Tx) error {
			n, err := tx.DropParked(o, kept.CreatedAt, 5)
			w.equal("dropped", n, want)
			return err
		})
	}
}

// erasure: of what is erased no content is left, and the rest stays.
func erasure(w *world) {
	o := w.organization()
	th := w.thread(o)
	file := parley.Media{ID: w.id()}
	w.do(func(tx *store.Tx) error { return tx.InsertMedia(o, &file) })
	a := th.message("marker")
	a.Message.Attachments, a.Message.Tags, a.Message.Metadata = []parley.Attachment{{Media: file.ID, Name: "marker"}}, []string{"marker"}, map[string]string{"marker": "marker"}
	a.Message.Reference, a.Message.ReplyTo = "marker", "other"
	w.must(w.append(a))
	kept := th.say("kept")
	row := store.AttemptRow{Organization: o, Attempt: parley.Attempt{Message: a.Message.ID, Delivery: 1, Number: 1, StartedAt: w.now(), EndedAt: w.now(),
		Outcome: parley.AttemptFailed, Code: "code", Text: "marker", Request: "marker", Status: 400}}
	d := a.Deliveries[0]
	d.State, d.Code, d.Reason = parley.Failed, "code", "marker"
	ref := store.DeliveryRef{Organization: o, Message: a.Message.ID, Number: 1}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.WriteAttempts([]store.AttemptRow{row}), tx.UpdateDeliveries(map[store.DeliveryRef]*parley.Delivery{ref: &d}),
			tx.Park(o, &store.Parked{ID: w.id(), Message: a.Message.ID, Raw: "marker"}), tx.Park(o, &store.Parked{ID: w.id(), Raw: "kept"}))
	})
	m, err := w.read().Message(o, a.Message.ID)
	w.must(err)
	batch := []store.Erasure{{Organization: o, Message: &m, Reason: parley.RemovedRecalled}}
	w.do(func(tx *store.Tx) error {
		tx.Erased()
		return errors.Join(tx.EraseMedia(batch), tx.EraseTags(batch), tx.EraseParked(batch), tx.EraseAttempts(batch), tx.EraseReasons(batch), tx.EraseMessages(batch))
	})
	q := w.read()
	got, err := q.Message(o, a.Message.ID)
	w.must(err)
	m.Body, m.Attachments, m.Tags, m.Metadata, m.Reference, m.Removed, m.RemovedAt = nil, nil, nil, nil, "", parley.RemovedRecalled, w.now().UTC()
	w.equal("the tombstone", got, m)
	tagged, err := q.HeadsBefore(o, store.MessageIndex{Tag: "marker"}, "", 10)
	w.must(err)
	attempts, err := q.Attempts(o, a.Message.ID)
	w.must(err)
	list, err := q.Deliveries(o, a.Message.ID)
	w.must(err)
	parked, err := q.ParkedList(o, "", 10)
	w.must(err)
	w.equal("what is left", fmt.Sprint(len(tagged), attempts[0].Code, attempts[0].Text, attempts[0].Request, list[0].Code, list[0].Reason, len(parked), parked[0].Raw),
		fmt.Sprint(0, "code", "", "", "code", "", 1, "kept"))
	w.equal("files to be deleted", w.blobs(), []parley.ID{file.ID})
	w.equal("the thread", fmt.Sprint(kept.Sequence, got.Sequence, last(w, th)), fmt.Sprint(2, 1, kept.Message.ID))
	w.onRead(o)
	w.do(func(tx *store.Tx) error {
		free, pages, err := tx.FreePages()
		if err != nil || pages > 0 && free > pages {
			w.Errorf("%d pages of %d are free, %v", free, pages, err)
		}
		return tx.Shrink(10)
	})
}

// onRead: messages that are deleted on read, and when they go.
func (w *world) onRead(o parley.ID) {
	th, outside := w.room(o, 2), w.thread(o)
	var ids []parley.ID
	for i := range 5 {
		a := th.message("m")
		a.Message.DeleteOnRead = i%2 == 0
		w.must(w.append(a))
		ids = append(ids, a.Message.ID)
	}
	sent := outside.message("m")
	sent.Message.DeleteOnRead = true
	w.must(w.append(sent))
	found, err := w.read().OnRead(o, th.id, 1, 5)
	w.must(err)
	w.equal("deleted on read", found, []parley.ID{ids[2], ids[4]})
	if at, err := w.read().NextDue(store.JobHide); err != nil || at.Before(w.now().Add(time.Hour)) {
		w.Errorf("hidden at %v, %v", at, err)
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.HideLater(o, th.users[0], ids[2:3]), tx.HideDelivered(nil),
			tx.HideDelivered([]store.DeliveryRef{{Organization: o, Message: sent.Message.ID, Number: 1}, {Organization: o, Message: ids[0], Number: 1}}))
	})
	w.advance(store.HideAfter)
	due := map[parley.ID]string{}
	w.do(func(tx *store.Tx) error {
		jobs, err := tx.DueJobs(store.JobHide, tx.Now, 10)
		for _, j := range jobs {
			due[j.Message] = j.Payload
		}
		return err
	})
	w.equal("hidden now", due, map[parley.ID]string{ids[2]: string(th.users[0]), sent.Message.ID: ""})
	at := w.now().Add(time.Hour).UTC()
	w.do(func(tx *store.Tx) error { return tx.SetExpiry(o, ids[0], at) })
	m, err := w.read().Message(o, ids[0])
	w.must(err)
	w.equal("expires", m.ExpiresAt, at)
}

// mergedConversations: what waits of a conversation goes on as a part of the other one, one after another, and what it had is the other's.
func mergedConversations(w *world) {
	o, other := w.organization(), w.organization()
	a := w.thread(o)
	b := w.threadOn(o, a.channel)
	var sent []parley.ID
	for _, th := range []*thread{a, b, a} {
		m := th.message("x")
		m.Message.Validity, m.Message.Tags = time.Hour, []string{"tagged"}
		w.must(w.append(m))
		sent = append(sent, m.Message.ID)
	}
	w.do(func(tx *store.Tx) error {
		_, err := tx.Seen(o, a.id, "u", 2)
		_, err2 := tx.Seen(o, b.id, "u", 1)
		err = errors.Join(err, relation.Add(tx, &store.Append{Organization: o, Message: parley.Message{ID: "a reply", Conversation: a.id, Sequence: 2, Root: sent[0], RequestAck: true}}))
		return errors.Join(err, err2, kept.SetDetails(tx, o, &parley.Conversation{ID: a.id, ExternalID: "x"}),
			kept.AddHistory(tx, o, parley.HistoryEntry{Conversation: a.id, Sequence: 1}))
	})
	due := w.ready(sent[0], sent[1])
	claimed := w.claim(w.jobOf(due, sent[0]))
	w.conflict(w.merge(o, a.id, b.id), "deliveries-under-way")
	retried := claimed[0]
	retried.DueAt = w.now().Add(time.Minute)
	w.do(func(tx *store.Tx) error { return tx.Retry([]store.Job{retried}) })
	claimed = w.claim(w.jobOf(due, sent[1]))
	w.conflict(w.merge(o, a.id, b.id), "deliveries-under-way") // both have begun
	w.do(func(tx *store.Tx) error { return tx.Done(claimed) })
	later := b.message("later")
	w.must(w.append(later))
	w.must(w.merge(o, a.id, b.id))
	w.ready() // what is tried again holds those behind it
	w.advance(2 * time.Minute)
	for _, id := range []parley.ID{sent[0], later.Message.ID, sent[2]} {
		w.done(w.jobOf(w.ready(id), id))
	}
	w.ready()
	w.asMerged(o, other, a, b)
}

func (w *world) merge(o, from, into parley.ID) error {
	return w.try(func(tx *store.Tx) error {
		a, err := tx.Conversation(o, from)
		if err != nil {
			return err
		}
		b, err := tx.Conversation(o, into)
		if err != nil {
			return err
		}
		parts, err := tx.Participants(o, from)
		for i := range parts {
			parts[i].JoinedSequence += b.LastSequence
		}
		return errors.Join(err, kept.Merge(tx, kept.Merging{Organization: o, From: &a, Into: &b, Participants: parts}))
	})
}

func (w *world) asMerged(o, other parley.ID, a, b *thread) {
	w.Helper()
	q := w.read()
	c, err := q.Conversation(o, a.id)
	w.must(err)
	asked, err := relation.Unacknowledged(q, o, b.id, parley.Actor{}, 10)
	w.must(err)
	w.equal("to be acknowledged", asked, []parley.ID{"a reply"})
	byKey, err := q.ConversationByKey(o, "key "+string(a.id))
	w.must(err)
	w.equal("the merged one answers", fmt.Sprint(c.ID, byKey.ID, c.LastSequence), fmt.Sprint(b.id, b.id, 4))
	became, err := kept.Became(q, o, a.id, b.id)
	w.must(err)
	w.equal("became", became, map[parley.ID]parley.ID{a.id: b.id})
	none, err := kept.Became(q, other, a.id)
	w.must(err)
	w.equal("of another organization", len(none), 0)
	messages, err := q.Thread(o, b.id, store.ThreadPosition{}, 10)
	w.must(err)
	var sequences []int64
	for _, m := range messages {
		sequences = append(sequences, m.Sequence)
		deliveries, err := q.Deliveries(o, m.ID)
		w.must(err)
		for _, d := range deliveries {
			w.equal("a delivery's conversation", d.Conversation, b.id)
		}
	}
	w.equal("items", len(sequences), 4)
	parts, err := q.Participants(o, b.id)
	w.must(err)
	w.equal("participants", len(parts), 2)
	seen, err := kept.SeenThrough(q, o, "u", []parley.ID{b.id})
	w.must(err)
	w.equal("the mark of who had read not all", seen, map[parley.ID]int64{b.id: 1})
	entries, err := kept.History(q, o, b.id, kept.HistoryPlace{}, 10)
	w.must(err)
	w.equal("history", fmt.Sprint(len(entries), entries[0].Sequence), "1 3")
	id, err := kept.ByExternalID(q, o, "x")
	w.must(err)
	w.equal("by external id", id, parley.ID("")) // whoever merges gives it to the other
	third := w.thread(o)
	w.must(w.merge(o, b.id, third.id))
	became, err = kept.Became(w.read(), o, a.id, b.id)
	w.must(err)
	w.equal("became", became, map[parley.ID]parley.ID{a.id: third.id, b.id: third.id})
	copied, err := kept.BothHave(w.read(), o, third.id, b.id)
	w.must(err)
	w.equal("a broadcast in both", copied, parley.ID(""))
}

// movedMessages: a message that is moved is the newest item of the other conversation, at its time, and leaves a tombstone.
func movedMessages(w *world) {
	o := w.organization()
	a, b := w.thread(o), w.thread(o)
	first, second := a.message("x"), b.message("y")
	first.Message.Tags = []string{"tagged"}
	w.must(w.append(first))
	w.must(w.append(second))
	move := func(id, tombstone parley.ID) error {
		return w.try(func(tx *store.Tx) error {
			m, err := tx.Message(o, id)
			if err != nil {
				return err
			}
			into, err := tx.Conversation(o, b.id)
			return errors.Join(err, kept.Move(tx, o, &m, tombstone, &into))
		})
	}
	w.do(func(tx *store.Tx) error {
		m := first.Message
		m.RequestAck = true
		return relation.Add(tx, &store.Append{Organization: o, Message: m})
	})
	w.must(move(first.Message.ID, "tombstone"))
	q := w.read()
	moved, err := q.Message(o, first.Message.ID)
	w.must(err)
	left, err := q.Message(o, "tombstone")
	w.must(err)
	from, err := q.Conversation(o, a.id)
	w.must(err)
	into, err := q.Conversation(o, b.id)
	w.must(err)
	w.equal("moved", fmt.Sprint(moved.Conversation, moved.Sequence, moved.SentAt.Equal(left.SentAt)), fmt.Sprint(b.id, 2, true))
	w.equal("left", fmt.Sprint(left.Conversation, left.Sequence, left.Removed, left.Moved, len(left.Body)), fmt.Sprint(a.id, 1, parley.RemovedMoved, moved.ID, 0))
	w.equal("ends", fmt.Sprint(from.LastSequence, from.LastMessage, into.LastSequence), fmt.Sprint(1, "tombstone", 2))
	asked, err := relation.Unacknowledged(q, o, b.id, parley.Actor{}, 10)
	w.must(err)
	w.equal("to be acknowledged", asked, []parley.ID{moved.ID})
	tagged, err := q.HeadsBefore(o, store.MessageIndex{Tag: "tagged"}, "", 10)
	w.must(err)
	w.equal("by tag", fmt.Sprint(len(tagged), tagged[0].Conversation), fmt.Sprint(1, b.id))
}
