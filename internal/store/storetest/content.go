package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/interaction"
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

// relations: what messages have to do with each other, and who is to acknowledge them.
func relations(w *world) {
	o, other := w.organization(), w.organization()
	th, room := w.thread(o), w.room(o, 2)
	root := th.say("root").Message
	for _, organization := range []parley.ID{o, other} {
		reply := func(n int64) *parley.Message {
			return &parley.Message{ID: w.id(), Root: root.ID, Conversation: th.id, Sequence: n, SentAt: w.now().Add(time.Duration(n) * time.Second)}
		}
		w.do(func(tx *store.Tx) error { return relation.Add(tx, organization, reply(2), reply(4), reply(6)) })
	}
	page, err := relation.Replies(w.read(), o, root.ID, 2, 1)
	w.must(err)
	rest, err := relation.Replies(w.read(), o, root.ID, 4, 5)
	w.must(err)
	w.equal("replies", fmt.Sprint(len(page), len(rest)), "1 1")
	counts, err := relation.CountReplies(w.read(), o, []relation.Thread{{Root: root.ID, After: 2}, {Root: "none"}})
	w.must(err)
	w.equal("counted", counts, map[parley.ID]parley.Replies{root.ID: {Count: 2, Last: time.UnixMilli(w.now().Add(6 * time.Second).UnixMilli()).UTC()}})
	counts, err = relation.CountReplies(w.read(), o, []relation.Thread{{Root: root.ID, Until: 3}, {Root: root.ID, After: 5, Until: 9}})
	w.must(err)
	w.equal("counted in parts", counts[root.ID].Count, 2)

	asked := th.message("asked")
	asked.Message.RequestAck, asked.Message.Parent, asked.Message.Batch = true, "parent", "batch"
	again := th.message("again")
	again.Message.RequestAck = true
	inside := room.message("inside")
	w.do(func(tx *store.Tx) error {
		err := errors.Join(tx.Append(asked), tx.Append(again), tx.Append(inside))
		return errors.Join(err, relation.Add(tx, o, &asked.Message, &again.Message))
	})
	ana := parley.Actor{Kind: parley.ActorContact, ID: th.recipient}
	unacked := func() []parley.ID {
		ids, err := relation.Unacknowledged(w.read(), o, th.id, ana, 5)
		w.must(err)
		return ids
	}
	w.equal("not acknowledged", unacked(), []parley.ID{again.Message.ID, asked.Message.ID})
	w.do(func(tx *store.Tx) error { _, err := tx.Acknowledge(o, asked.Message.ID, ana); return err })
	w.equal("acknowledged", unacked(), []parley.ID{again.Message.ID})
	acks, err := relation.CountAcks(w.read(), o, []parley.ID{asked.Message.ID, again.Message.ID})
	w.must(err)
	w.equal("who have", acks, map[parley.ID]int{asked.Message.ID: 1})
	recipients, err := relation.CountRecipients(w.read(), o, []parley.ID{asked.Message.ID, inside.Message.ID})
	w.must(err)
	w.equal("recipients", recipients, map[parley.ID]int{asked.Message.ID: 1})
	copies, err := relation.CountCopyAcks(w.read(), o, "parent")
	w.must(err)
	w.equal("of copies", copies, 1)
	heads, err := w.read().HeadsBefore(o, store.MessageIndex{Batch: "batch"}, "", 5)
	w.must(err)
	w.equal("the batch", fmt.Sprint(len(heads), heads[0].ID), fmt.Sprint(1, asked.Message.ID))
}

// interactions: what was done with a message, once for each who and what, and how often.
func interactions(w *world) {
	o, other := w.organization(), w.organization()
	a := w.room(o, 1).message("m")
	w.must(w.append(a))
	m := a.Message
	yan := parley.Interaction{Message: m.ID, Kind: parley.InteractionClicked, Actor: parley.Actor{Kind: parley.ActorContact, ID: "yan"},
		Address: parley.Address{Kind: parley.AddressPhone, Value: "+491"}, Action: "1", URL: "https://example.org", At: w.now()}
	ana := parley.Interaction{Message: m.ID, Kind: parley.InteractionReacted, Actor: parley.Actor{Kind: parley.ActorUser, ID: "ana"}, Emoji: "x", At: w.now().Add(time.Second)}
	add := func(i parley.Interaction) (first bool) {
		w.do(func(tx *store.Tx) (err error) {
			first, err = interaction.Add(tx, o, &i)
			return err
		})
		return first
	}
	later := yan
	later.At = yan.At.Add(time.Minute)
	earlier := yan
	earlier.At = yan.At.Add(-time.Minute)
	w.equal("which were the first", []bool{add(yan), add(later), add(earlier), add(ana), add(ana)}, []bool{true, false, false, true, false})
	list, err := interaction.Of(w.read(), o, m.ID)
	w.must(err)
	yan.Times, yan.LastAt = 3, later.At
	ana.Times, ana.LastAt = 2, ana.At
	w.equal("what was done", list, []parley.Interaction{yan, ana})
	list, err = interaction.Of(w.read(), other, m.ID)
	w.must(err)
	w.equal("elsewhere", len(list), 0)
	remove := func(i parley.Interaction) (removed bool) {
		w.do(func(tx *store.Tx) (err error) {
			removed, err = interaction.Remove(tx, o, &i)
			return err
		})
		return removed
	}
	w.equal("what was taken back", []bool{remove(ana), remove(ana)}, []bool{true, false})
	m.Reactions = map[string]int{"x": 2}
	w.do(func(tx *store.Tx) error { return tx.SetReactions(o, &m) })
	m, err = w.read().Message(o, m.ID)
	w.must(err)
	w.equal("reactions", m.Reactions, map[string]int{"x": 2})
	w.do(func(tx *store.Tx) error {
		return interaction.Erase(tx, []store.Erasure{{Organization: o, Message: &m}})
	})
	list, err = interaction.Of(w.read(), o, m.ID)
	w.must(err)
	w.equal("what is left", len(list), 0)
}
