package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fallback"
	"github.com/parley-server/parley/internal/store/interaction"
	"github.com/parley-server/parley/internal/store/relation"
)

// relations: what messages have to do with each other, and who is to acknowledge them.
func relations(w *world) {
	o, other := w.organization(), w.organization()
	th, room := w.thread(o), w.room(o, 2)
	root := th.say("root").Message
	for _, organization := range []parley.ID{o, other} {
		reply := func(n int64) *store.Append {
			return &store.Append{Organization: organization, Message: parley.Message{ID: w.id(), Root: root.ID, Conversation: th.id, Sequence: n,
				SentAt: w.now().Add(time.Duration(n) * time.Second)}}
		}
		w.do(func(tx *store.Tx) error { return relation.Add(tx, reply(2), reply(4), reply(6)) })
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
		return errors.Join(err, relation.Add(tx, asked, again))
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
	ben := parley.Actor{Kind: parley.ActorUser, ID: "ben"}
	w.do(func(tx *store.Tx) error { _, err := tx.Acknowledge(o, inside.Message.ID, ben); return err })
	by, err := relation.AcknowledgedBy(w.read(), o, []parley.ID{asked.Message.ID, again.Message.ID, inside.Message.ID})
	w.must(err)
	w.equal("by whom", by, map[parley.ID]map[parley.Actor]bool{asked.Message.ID: {ana: true}, inside.Message.ID: {ben: true}})
	recipients, err := relation.CountRecipients(w.read(), o, []parley.ID{asked.Message.ID, inside.Message.ID})
	w.must(err)
	w.equal("recipients", recipients, map[parley.ID]int{asked.Message.ID: 1})
	copies, err := relation.CountCopyAcks(w.read(), o, "parent")
	w.must(err)
	w.equal("of copies", copies, 1)
	theBatch(w, o, asked.Message.ID)
}

// theBatch: the messages that were sent in one request, from either end.
func theBatch(w *world, o, asked parley.ID) {
	heads, err := w.read().HeadsBefore(o, store.MessageIndex{Batch: "batch"}, "", 5)
	w.must(err)
	w.equal("the batch", fmt.Sprint(len(heads), heads[0].ID), fmt.Sprint(1, asked))
	oldest, err := w.read().HeadsAfter(o, store.MessageIndex{Batch: "batch"}, "", 5)
	w.must(err)
	w.equal("the batch, oldest first", oldest, heads)
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

// copiesOfContent: forwards, what messages said before, and content that is written anew.
func copiesOfContent(w *world) {
	o, other := w.organization(), w.organization()
	th := w.thread(o)
	source := th.say("source")
	file := parley.Media{ID: w.id(), Name: "file"}
	w.do(func(tx *store.Tx) error { return tx.InsertMedia(o, &file) })
	a := th.message("forward")
	a.Message.Forward = &parley.Forward{Message: source.Message.ID, SentAt: w.now().UTC(), Own: 1}
	a.Message.Attachments = []parley.Attachment{{Media: file.ID, Name: "file"}}
	w.do(func(tx *store.Tx) error { return errors.Join(tx.Append(a), relation.Add(tx, a)) })
	ids, err := relation.Forwards(w.read(), o, source.Message.ID, "", 5)
	w.must(err)
	w.equal("forwards", ids, []parley.ID{a.Message.ID})
	batch := []store.Erasure{{Organization: other, Message: &source.Message}, {Organization: o, Message: &a.Message}, {Organization: o, Message: &source.Message}}
	have, err := relation.Forwarded(w.read(), batch)
	w.must(err)
	w.equal("forwarded", have, batch[2:])

	version := parley.Version{Number: 1, Body: a.Message.Body, Editor: parley.Actor{Kind: parley.ActorUser, ID: "u"}, At: w.now().UTC()}
	w.do(func(tx *store.Tx) error { return relation.AddVersion(tx, o, &a.Message, version) })
	versions, err := relation.Versions(w.read(), o, a.Message.ID)
	w.must(err)
	w.equal("versions", versions, []parley.Version{version})
	refs := []relation.VersionRef{{Message: a.Message.ID, Number: 1}, {Message: a.Message.ID, Number: 2}, {Message: source.Message.ID, Number: 1}}
	at, err := relation.VersionsAt(w.read(), o, refs)
	w.must(err)
	w.equal("versions by number", at, map[relation.VersionRef]parley.Version{refs[0]: {Number: 1, Body: version.Body, At: version.At}})
	at, err = relation.VersionsAt(w.read(), other, refs)
	w.must(err)
	w.equal("versions of another organization", len(at), 0)
	w.do(func(tx *store.Tx) error { return relation.EraseVersions(tx, batch) })
	versions, err = relation.Versions(w.read(), o, a.Message.ID)
	w.must(err)
	w.equal("no versions", len(versions), 0)

	changed := a.Message
	changed.Body, changed.Attachments, changed.Edits, changed.EditedAt, changed.EditedIn = []parley.Part{{Kind: parley.PartText, Text: "new"}}, nil, 1, w.now().UTC(), []int64{7}
	changed.Redactions = &parley.Redactions{By: version.Editor, At: w.now().UTC(), Parts: 2}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.Rewrite(o, &changed), tx.ReleaseFiles(o, a.Message.ID, []parley.ID{file.ID}))
	})
	got, err := w.read().Message(o, a.Message.ID)
	w.must(err)
	w.equal("written anew", fmt.Sprint(got.Body, got.Attachments, got.Edits, got.EditedIn, got.EditedAt, *got.Redactions, *got.Forward),
		fmt.Sprint(changed.Body, changed.Attachments, 1, []int64{7}, changed.EditedAt, *changed.Redactions, *changed.Forward))
	w.equal("files to go", len(w.blobs()), 1)
	w.do(func(tx *store.Tx) error {
		return tx.EraseMessages([]store.Erasure{{Organization: o, Message: &got, Reason: parley.RemovedRedacted, By: version.Editor}})
	})
	got, err = w.read().Message(o, a.Message.ID)
	w.must(err)
	w.equal("by whom", got.RemovedBy, version.Editor)
}

// receivers: what is found and claimed of messages to several.
func receivers(w *world) {
	o := w.organization()
	th := w.thread(o)
	a := th.message("to three")
	th.deliver(a)
	th.deliver(a)
	a.Message.Receivers = parley.Receivers{Several: true, CC: []int{2}, BCC: []int{3}}
	w.must(w.append(a))
	th.say("behind it")
	m, err := w.read().Message(o, a.Message.ID)
	w.must(err)
	w.equal("roles", m.Receivers, a.Message.Receivers)
	found, err := w.read().DeliveriesWith([]store.DeliveryRef{{Organization: o, Message: m.ID, Number: 2}, {Organization: o, Message: m.ID, Number: 1}, {Organization: "absent", Message: m.ID}})
	w.must(err)
	w.equal("all of it", len(found[store.DeliveryRef{Organization: o, Message: m.ID}]), 3)
	lines, err := w.read().Lines()
	w.must(err)
	due, err := w.read().DueDeliveries(lines[0], w.now(), 5)
	w.must(err)
	w.equal("due", len(due), 1)
	until := w.now().Add(time.Minute)
	var heads, with, again []store.Job
	w.do(func(tx *store.Tx) (err error) {
		if heads, err = tx.Claim(due, until); err != nil {
			return err
		}
		if with, err = tx.ClaimWith(heads, until); err != nil {
			return err
		}
		again, err = tx.ClaimWith(heads, until)
		return err
	})
	w.equal("claimed with it", fmt.Sprint(len(heads), len(with), with[0].Delivery, with[1].Delivery, with[0].Attempt, len(again)), "1 2 2 3 1 0")
}

// mentions: whom messages mention, newest first.
func mentions(w *world) {
	o := w.organization()
	at := time.UnixMilli(w.now().UnixMilli()).UTC()
	a := parley.Mention{User: "u", Message: "a", As: parley.Actor{Kind: parley.ActorUser, ID: "u"}, At: at}
	b := parley.Mention{User: "u", Message: "b", As: parley.Actor{Kind: parley.ActorTeam, ID: "t"}, At: at}
	c := parley.Mention{User: "v", Message: "b", As: b.As, At: at}
	w.do(func(tx *store.Tx) error {
		return errors.Join(relation.AddMentions(tx, o, []parley.Mention{a, b, c}), relation.AddMentions(tx, o, []parley.Mention{a}))
	})
	list, err := relation.Mentions(w.read(), o, "u", parley.Mention{}, 5)
	w.must(err)
	rest, err := relation.Mentions(w.read(), o, "u", b, 5)
	w.must(err)
	w.equal("mentions", append(list, rest...), []parley.Mention{b, a, a})
	other := w.organization()
	w.do(func(tx *store.Tx) error {
		return errors.Join(relation.DropMentions(tx, o, "b", []parley.ID{"u", "w"}), relation.DropMentions(tx, other, "a", []parley.ID{"u"}))
	})
	list, err = relation.Mentions(w.read(), o, "u", parley.Mention{}, 5)
	w.must(err)
	w.equal("mentions of the first message", list, []parley.Mention{a})
	list, err = relation.Mentions(w.read(), o, "v", parley.Mention{}, 5)
	w.must(err)
	w.equal("mentions of somebody else", list, []parley.Mention{c})
}

// fallbackAddresses: deliveries are found by where they went, those of long ago no more.
func fallbackAddresses(w *world) {
	o, there := w.organization(), parley.ID("there")
	var deliveries []parley.Delivery
	for i, state := range []parley.DeliveryState{parley.Queued, parley.Queued, parley.Skipped} {
		deliveries = append(deliveries, parley.Delivery{Message: "m", Number: i + 1, Channel: there, State: state,
			Address: parley.Address{Kind: parley.AddressPhone, Value: fmt.Sprint("+1555010", i%2)}})
	}
	to := func(channel parley.ID, value string, since time.Time) string {
		list, err := fallback.To(w.read(), o, channel, parley.Address{Kind: parley.AddressPhone, Value: value}, since, 5)
		w.must(err)
		for _, went := range list {
			if went.Message != "m" || !went.At.Equal(w.now()) {
				w.Errorf("went are %+v", list)
			}
		}
		return fmt.Sprint(len(list))
	}
	keep := func(list []parley.Delivery) {
		w.do(func(tx *store.Tx) error { return fallback.Keep(tx, o, list) })
	}
	keep(deliveries[2:]) // none of which goes out
	keep(deliveries)
	keep(deliveries)
	now := w.now()
	w.equal("went there", to(there, "+15550100", now)+to(there, "+15550101", now)+to(there, "+15550102", now)+to("elsewhere", "+15550100", now)+to(there, "+15550100", now.Add(time.Hour)), "11000")
	w.advance(fallback.Kept + time.Minute)
	deliveries[0].Number = 20
	keep(deliveries[:1])
	w.equal("a month later", to(there, "+15550100", now), "1")
	w.equal("of others", func() int {
		list, err := fallback.To(w.read(), w.organization(), there, deliveries[0].Address, now, 5)
		w.must(err)
		return len(list)
	}(), 0)
}

// fallsBack checks what is added for recipients whom a message did not reach, and that it is found where it waits.
func (th *thread) fallsBack(m *parley.Message) {
	w, o := th.w, th.organization
	other := parley.ID("otherchannel")
	m.Fallback = []parley.Fallback{{Channel: th.channel}, {Channel: other}}
	added := []parley.Delivery{
		{Message: m.ID, Number: 7, Conversation: th.id, Channel: other, State: parley.Queued, Fallback: 2, Instead: 1, ValidUntil: w.now().Add(time.Hour).UTC(), CreatedAt: w.now().UTC()},
		{Message: m.ID, Number: 8, Conversation: th.id, Channel: other, State: parley.Queued, Fallback: 2, CreatedAt: w.now().UTC()},
		{Message: m.ID, Number: 9, Conversation: th.id, Channel: other, State: parley.Skipped, Code: "c", Fallback: 5, Instead: 12, CreatedAt: w.now().UTC(), EndedAt: w.now().UTC()},
	}
	far := w.now().Add(time.Hour)
	timer := store.Job{Organization: o, ID: store.JobID(store.JobFallback, string(m.ID)), Kind: store.JobFallback, Message: m.ID, DueAt: far}
	w.do(func(tx *store.Tx) error { return errors.Join(tx.AddDeliveries(o, m, added), tx.Schedule(timer)) })
	all, err := w.read().Deliveries(o, m.ID)
	w.must(err)
	w.equal("added", all[len(all)-3:], added)
	waiting := func() map[string]bool { // by kind and delivery: whether it is due
		jobs, err := w.read().JobsOf(o, m)
		w.must(err)
		due := map[string]bool{}
		for _, j := range jobs {
			if j.Channel != th.channel {
				due[fmt.Sprint(j.Kind, j.Delivery)] = !j.DueAt.After(w.now())
			}
		}
		return due
	}
	w.equal("what waits", waiting(), map[string]bool{"deliver7": true, "deliver8": false, "fallback0": false})
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.HastenFallbacks(nil), tx.HastenFallbacks([]store.DeliveryRef{{Organization: o, Message: m.ID, Number: 7}, {Organization: o, Message: "none", Number: 1}}))
	})
	w.equal("hastened", waiting(), map[string]bool{"deliver7": true, "deliver8": false, "fallback0": true})
	w.do(func(tx *store.Tx) error {
		jobs, err := tx.HoldJobsOf(o, m)
		own := jobs[:0]
		for _, j := range jobs {
			if j.Channel == other || j.Kind == store.JobFallback {
				own = append(own, j)
			}
		}
		return errors.Join(err, tx.Done(own))
	})
}
