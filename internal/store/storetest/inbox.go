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
		err = errors.Join(err, relation.Add(tx, o, &parley.Message{ID: "a reply", Conversation: a.id, Sequence: 2, Root: sent[0], RequestAck: true}))
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
		return relation.Add(tx, o, &m)
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
