package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/numbered"
	"github.com/parley-server/parley/internal/store/record"
)

// records: what messages are called elsewhere, and how many somebody has recorded.
func records(w *world) {
	o, other := w.organization(), w.organization()
	r := &recorder{w, map[parley.ID]parley.ID{}}
	ids := map[string]parley.ID{}
	name := func(organization parley.ID, id string) bool {
		as := r.append(organization, store.Recorded{ExternalID: id})
		if _, err := r.add(as); err != nil {
			w.equal("refused", err, store.ErrRecordNamed)
			return false
		}
		ids[string(organization)+id] = as[0].Message.ID
		return true
	}
	w.equal("named", []bool{name(o, "a"), name(o, "a"), name(o, "A"), name(other, "a")}, []bool{true, false, true, true})
	named := func(organization parley.ID, id string) parley.ID {
		m, err := record.Named(w.read(), organization, id)
		w.must(err)
		return m
	}
	w.equal("found", []parley.ID{named(o, "a"), named(o, "A"), named(other, "a"), named(o, "b")}, []parley.ID{ids[string(o)+"a"], ids[string(o)+"A"], ids[string(other)+"a"], ""})

	begin := w.now()
	count := func(organization, contact parley.ID, recorder string) (n int, until time.Duration) {
		as := r.append(organization, store.Recorded{Contact: contact, Recorder: recorder, Max: 3, Per: time.Minute})
		_, err := r.add(as)
		w.must(err)
		return as[0].Recorded.Used, as[0].Recorded.Until.Sub(begin)
	}
	counts := func(want int, end time.Duration, organization, contact parley.ID, recorder string) {
		n, until := count(organization, contact, recorder)
		w.equal("counted", []any{n, until}, []any{want, end})
	}
	counts(1, time.Minute, o, "ana", "key")
	w.advance(59 * time.Second)
	counts(2, time.Minute, o, "ana", "key")
	counts(1, 119*time.Second, o, "bo", "key")
	counts(1, 119*time.Second, o, "ana", "other")
	counts(1, 119*time.Second, other, "ana", "key")
	w.do(func(tx *store.Tx) error { return record.Merge(tx, o, "ana", "bo") })
	counts(3, 119*time.Second, o, "bo", "key")
	counts(2, 119*time.Second, o, "bo", "other")
	counts(1, 119*time.Second, o, "ana", "key")
	w.do(func(tx *store.Tx) error { return record.Forget(tx, o, "ana") })
	counts(1, 119*time.Second, o, "ana", "key")
	w.advance(time.Minute)
	counts(1, 179*time.Second, o, "ana", "key")
	drop := func(limit int) (n int64) {
		w.do(func(tx *store.Tx) (err error) {
			n, err = record.Drop(tx, o, limit)
			return err
		})
		return n
	}
	w.equal("dropped", []int64{drop(1), drop(5), drop(5)}, []int64{1, 1, 0})
	counts(2, 179*time.Second, o, "ana", "key")
}

// recorder adds messages that happened elsewhere.
type recorder struct {
	*world
	conversations map[parley.ID]parley.ID
}

// append makes some for one conversation.
func (r *recorder) append(organization parley.ID, recorded ...store.Recorded) []*store.Append {
	if r.conversations[organization] == "" {
		c := parley.Conversation{ID: r.id(), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization, Status: parley.StatusOpen}
		r.do(func(tx *store.Tx) error { return tx.InsertConversation(organization, &c) })
		r.conversations[organization] = c.ID
	}
	list := make([]*store.Append, len(recorded))
	for i := range recorded {
		list[i] = &store.Append{Organization: organization, Recorded: &recorded[i], Older: true, Message: parley.Message{ID: r.id(),
			Conversation: r.conversations[organization], Kind: parley.KindMessage, Direction: parley.Inbound}}
	}
	return list
}

// add adds them in one unit, and says how many items the conversation has.
func (r *recorder) add(list []*store.Append) (items int64, err error) {
	o := list[0].Organization
	err = r.try(func(tx *store.Tx) error { return tx.Append(list...) })
	c, missing := r.read().Conversation(o, r.conversations[o])
	r.must(missing)
	return c.LastSequence, err
}

// atOnce adds them on the hot path, and says how many came to what.
func (r *recorder) atOnce(list []*store.Append) map[error]int {
	errs := make([]error, len(list))
	c, err := r.read().Conversation(list[0].Organization, r.conversations[list[0].Organization])
	r.must(err)
	var all sync.WaitGroup
	for i, a := range list {
		a.ConversationRev = c.Rev
		all.Go(func() { errs[i] = r.Store.Append(r.Context(), a) })
	}
	all.Wait()
	reasons := map[error]int{}
	for _, err := range errs {
		reasons[err]++
	}
	return reasons
}

// recordedTogether: of many that are recorded at once, on the hot path and in general units, those are refused that are too many, or
// whose id is taken; they leave nothing.
func recordedTogether(w *world) {
	o := w.organization()
	r := &recorder{w, map[parley.ID]parley.ID{}}
	counted := func(id string) store.Recorded {
		return store.Recorded{ExternalID: id, Contact: "ana", Recorder: "key", Max: 3, Per: time.Minute}
	}
	items, err := r.add(r.append(o, counted("a"), counted("b")))
	w.equal("together", []any{items, err}, []any{int64(2), nil})
	items, err = r.add(r.append(o, counted("a")))
	w.equal("one is taken", []any{items, err}, []any{int64(2), store.ErrRecordNamed})
	items, err = r.add(r.append(o, counted("c"), counted("d")))
	w.equal("one is too many", []any{items, err}, []any{int64(2), store.ErrRecordCounted})
	reasons := r.atOnce(r.append(o, store.Recorded{ExternalID: "a"}, store.Recorded{ExternalID: "e"}, store.Recorded{ExternalID: "e"}))
	w.equal("taken at once", reasons, map[error]int{nil: 1, store.ErrRecordNamed: 2})
	reasons = r.atOnce(r.append(o, counted("a")))
	w.equal("taken alone", reasons, map[error]int{store.ErrRecordNamed: 1})
	reasons = r.atOnce(r.append(o, counted("c"), counted("c"), counted("d"), store.Recorded{}))
	w.equal("too many at once", reasons, map[error]int{nil: 2, store.ErrRecordCounted: 2})
	c, err := w.read().Conversation(o, r.conversations[o])
	w.must(err)
	w.equal("items", c.LastSequence, int64(5))
	for i, want := range []error{store.ErrRecordCounted, nil} { // what was refused took no place and no name
		w.advance(time.Duration(i) * time.Minute)
		one := r.append(o, counted("z"))
		if _, err := r.add(one); err != want {
			w.equal("afterwards", err, want)
		}
	}
}

// numberedLists: lists whose pages have numbers, and what conversations hold.
func numberedLists(w *world) {
	o := w.organization()
	ch := w.channel(o, nil)
	one, two := w.contact(o), w.contact(o)
	open := func(kind parley.ConversationKind, participants ...parley.ID) parley.ID {
		c := parley.Conversation{ID: w.id(), Kind: kind, Visibility: parley.VisibleToOrganization, Channel: ch.ID, Status: parley.StatusOpen}
		w.do(func(tx *store.Tx) error {
			if err := tx.InsertConversation(o, &c); err != nil {
				return err
			}
			var list []parley.Participant
			for _, id := range participants {
				list = append(list, parley.Participant{Kind: parley.ActorContact, ID: id})
			}
			return tx.AddParticipants(o, c.ID, list)
		})
		return c.ID
	}
	first, second, third := open(parley.ConversationExternal, one.ID), open(parley.ConversationSecure, two.ID), open(parley.ConversationExternal, two.ID, one.ID)
	open(parley.ConversationExternal)
	open(parley.ConversationNote, one.ID)
	list := func(contact parley.ID, hidden []parley.ID, s numbered.Span) []parley.ID {
		ids, err := numbered.Conversations(w.read(), o, contact, hidden, s)
		w.must(err)
		return ids
	}
	all := numbered.Span{Limit: 10}
	w.equal("of all", list("", nil, all), []parley.ID{first, second, third})
	w.equal("the newest first", list("", nil, numbered.Span{Newest: true, Skip: 1, Limit: 1}), []parley.ID{second})
	w.equal("of one", list(one.ID, nil, all), []parley.ID{first, third})
	w.equal("of the other", list(two.ID, nil, all), []parley.ID{second})
	w.equal("hidden", len(list("", []parley.ID{ch.ID}, all))+len(list(one.ID, []parley.ID{ch.ID}, all)), 0)
	contacts, err := numbered.Contacts(w.read(), o, numbered.Span{Newest: true, Limit: 10})
	w.must(err)
	w.equal("contacts", contacts, []parley.ID{two.ID, one.ID})
	n, err := numbered.CountContacts(w.read(), o, 10)
	w.must(err)
	w.equal("counted", n, 2)
	standings, err := numbered.Standings(w.read(), o, []parley.ID{one.ID, two.ID}, nil)
	w.must(err)
	standing := func(contact parley.ID, n int) numbered.Standing {
		return numbered.Standing{Contact: contact, Status: parley.StatusOpen, Conversations: n}
	}
	w.equal("standings", standings, []numbered.Standing{standing(one.ID, 2), standing(two.ID, 1)})
	if standings, err = numbered.Standings(w.read(), o, []parley.ID{one.ID, two.ID}, []parley.ID{ch.ID}); len(standings) > 0 || err != nil {
		w.equal("hidden standings", standings, err)
	}
	w.written(o, first, second)
}

// written: what one conversation holds, and another does not.
func (w *world) written(o, conversation, empty parley.ID) {
	var ids []parley.ID
	var places []numbered.Place
	for i, direction := range []parley.Direction{parley.Inbound, parley.NoDirection, parley.Inbound, parley.Outbound, parley.Inbound} {
		a := &store.Append{Organization: o, Message: parley.Message{ID: w.id(), Conversation: conversation, Kind: parley.KindMessage, Direction: direction, Platform: "sms"}}
		if direction == parley.NoDirection {
			a.Message.Kind, a.Message.Platform = parley.KindNote, ""
		}
		if i == 4 {
			a.Message.SentAt = w.now().Add(-time.Hour) // before all others
		}
		w.do(func(tx *store.Tx) error { return tx.Append(a) })
		m, err := w.read().Message(o, a.Message.ID)
		w.must(err)
		ids = append(ids, m.ID)
		places = append(places, numbered.Place{Message: m.ID, Conversation: conversation, SentAt: m.SentAt, Sequence: m.Sequence})
		w.advance(time.Second)
	}
	messages, err := numbered.Messages(w.read(), o, conversation, numbered.Span{Skip: 1, Limit: 10})
	w.must(err)
	w.equal("written", messages, []parley.ID{ids[0], ids[2], ids[3]})
	tallies, err := numbered.Tallies(w.read(), o, []parley.ID{conversation, empty})
	w.must(err)
	tally := func(kind parley.MessageKind, direction parley.Direction, platform string, n int) numbered.Tally {
		return numbered.Tally{Conversation: conversation, Kind: kind, Direction: direction, Platform: platform, Items: n}
	}
	w.equal("tallies", tallies, []numbered.Tally{tally(parley.KindMessage, parley.Inbound, "sms", 3), tally(parley.KindMessage, parley.Outbound, "sms", 1),
		tally(parley.KindNote, parley.NoDirection, "", 1)})
	ends, err := numbered.EndsOf(w.read(), o, []parley.ID{conversation, empty})
	w.must(err)
	w.equal("ends", ends, map[parley.ID]numbered.Ends{conversation: {FirstIn: ids[4], LastIn: ids[2], FirstOut: ids[3], LastOut: ids[3]}, empty: {}})
	before, err := numbered.Before(w.read(), o, slices.Concat(places[:1], places[2:]))
	w.must(err)
	w.equal("before", before, map[parley.ID]parley.Direction{ids[0]: parley.Inbound, ids[2]: parley.Inbound, ids[3]: parley.Inbound, ids[4]: ""})
}
