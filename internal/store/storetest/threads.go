package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

func headID(h store.MessageHead) string { return string(h.ID) }

// pagesOfMessages: the lists of messages, by each index.
func pagesOfMessages(w *world) {
	o := w.organization()
	q := w.read()
	th, other := w.thread(o), w.thread(o)
	add := func(id parley.ID, edit func(a *store.Append)) func(tx *store.Tx) error {
		a := th.message(string(id))
		a.Message.ID, a.Deliveries, a.Jobs = id, nil, nil
		if edit != nil {
			edit(a)
		}
		return func(tx *store.Tx) error { return tx.Append(a) }
	}
	heads := func(index store.MessageIndex) func(string, int) ([]string, string, error) {
		return after(headID, func(from string, limit int) ([]store.MessageHead, error) {
			return q.HeadsBefore(o, index, parley.ID(from), limit)
		})
	}
	named := func(edit func(a *store.Append)) func(tx *store.Tx, name string) error {
		return func(tx *store.Tx, name string) error { return add(parley.ID(name), edit)(tx) }
	}
	for _, p := range []paged{
		{"messages", named(nil), heads(store.MessageIndex{}), true, ""},
		{"by reference", named(func(a *store.Append) { a.Message.Reference = "ref" }), heads(store.MessageIndex{Reference: "ref"}), true, "r"},
		{"by tag", named(func(a *store.Append) { a.Message.Tags = []string{"tag", "u"} }), heads(store.MessageIndex{Tag: "tag"}), true, "t"},
		{"by channel", named(func(a *store.Append) { a.Message.Conversation, a.Message.Channel = other.id, other.channel }),
			heads(store.MessageIndex{Channel: other.channel}), true, "c"},
		{"scheduled", func(tx *store.Tx, name string) error {
			a := th.message(name)
			a.Message.ID, a.Deliveries = parley.ID(name), nil
			a.Jobs = []store.Job{{Organization: o, ID: store.JobID(store.JobPublish, name), Kind: store.JobPublish, Message: a.Message.ID}}
			return tx.InsertScheduled(a)
		}, heads(store.MessageIndex{Scheduled: true}), true, "s"},
		{"messages with a file", named(func(a *store.Append) { a.Message.Attachments = []parley.Attachment{{Media: "file"}} }),
			after(itself, func(from string, limit int) ([]parley.ID, error) {
				return q.MediaMessages(o, "file", parley.ID(from), limit)
			}), false, "f"},
	} {
		w.walk(p)
	}
	w.pagesOfTime(o)
}

// pagesOfTime: the lists in order of time, of messages that share their times.
func (w *world) pagesOfTime(o parley.ID) {
	q, th, begin := w.read(), w.room(o, 1), w.now()
	places := map[string]store.ThreadPosition{}
	names := map[int64]string{} // by sequence
	say := func() {
		a := th.message(fmt.Sprint("m", len(places)))
		a.Message.SentAt = begin.Add(time.Duration(rand.IntN(5)) * time.Second)
		w.must(w.append(a))
		places[a.Message.Body[0].Text] = store.ThreadPosition{SentAt: a.Message.SentAt, Sequence: a.Sequence}
		names[a.Sequence] = a.Message.Body[0].Text
	}
	for range 25 {
		say()
	}
	text := func(m parley.Message) string { return m.Body[0].Text }
	for direction, page := range map[string]func(string, int) ([]string, string, error){
		"back": after(text, func(from string, limit int) ([]parley.Message, error) { return q.Thread(o, th.id, places[from], limit) }),
		"on": after(text, func(from string, limit int) ([]parley.Message, error) {
			if from == "" {
				return q.ThreadAfter(o, th.id, store.ThreadPosition{Sequence: -1}, limit)
			}
			return q.ThreadAfter(o, th.id, places[from], limit)
		}),
		"places": after(func(p store.Place) string { return names[p.Sequence] }, func(from string, limit int) ([]store.Place, error) {
			in, err := q.PlacesIn(o, []parley.ID{th.id}, store.Place{ThreadPosition: places[from], Conversation: th.id}, limit)
			return in[th.id], err
		}),
	} {
		there := keys(places)
		read := w.readAll(direction, page, say)
		if direction != "on" {
			slices.Reverse(read)
		}
		for i, name := range read[1:] {
			a, b := places[read[i]], places[name]
			if cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.Sequence, b.Sequence)) >= 0 {
				w.Errorf("%s: %s %v before %s %v", direction, read[i], a, name, b)
			}
		}
		for _, name := range there {
			if !slices.Contains(read, name) {
				w.Errorf("%s: without %s", direction, name)
			}
		}
	}
	w.headsOfThreads(o, th, places)
}

// headsOfThreads: when the next message of each of some conversations was sent, and the places after one of another
// conversation.
func (w *world) headsOfThreads(o parley.ID, th *thread, places map[string]store.ThreadPosition) {
	none := w.room(o, 1)
	var order []time.Time
	for _, p := range places {
		order = append(order, p.SentAt)
	}
	slices.SortFunc(order, time.Time.Compare)
	least, newest := order[0], order[len(order)-1]
	heads, err := w.read().ThreadHeads(o, []parley.ID{th.id, none.id, "absent"}, store.Place{}, 10)
	w.must(err)
	w.equal("heads", heads, []store.ThreadHead{{Conversation: th.id, At: newest.UTC()}})
	nobody, err := w.read().ThreadHeads(o, nil, store.Place{}, 10)
	w.must(err)
	w.equal("of none", len(nobody), 0)
	oldest := 0
	for _, at := range order {
		if at.Equal(least) {
			oldest++
		}
	}
	for conversation, want := range map[parley.ID]int{"~": oldest, "": 0} { // of the same time, by conversation
		from := store.Place{ThreadPosition: store.ThreadPosition{SentAt: least}, Conversation: conversation}
		heads, err := w.read().ThreadHeads(o, []parley.ID{th.id}, from, 10)
		w.must(err)
		in, err := w.read().PlacesIn(o, []parley.ID{none.id, th.id}, from, 1000)
		w.must(err)
		if list := in[th.id]; (len(heads) == 1) != (want > 0) || len(list) != want || len(in[none.id]) > 0 {
			w.Errorf("after %q: %v, %d places, want %d", conversation, heads, len(list), want)
		}
	}
	w.headsTogether(o, th, none)
}

// headsTogether: the first of the threads by their next messages, the places in several threads, and what is there.
func (w *world) headsTogether(o parley.ID, th, later *thread) {
	q := w.read()
	a := later.message("later")
	a.Message.SentAt = w.now().Add(time.Hour)
	w.must(w.append(a))
	both := []parley.ID{th.id, later.id}
	first, err := q.ThreadHeads(o, both, store.Place{}, 1)
	w.must(err)
	w.equal("the first head", first, []store.ThreadHead{{Conversation: later.id, At: a.Message.SentAt.UTC()}})
	in, err := q.PlacesIn(o, both, store.Place{}, 2)
	w.must(err)
	if len(in[th.id]) != 2 || len(in[later.id]) != 1 || in[th.id][0].SentAt.Before(in[th.id][1].SentAt) {
		w.Errorf("two places in each: %v", in)
	}
	places := append(in[th.id], in[later.id]...)
	for narrow, want := range map[store.NarrowHeads]int{{}: 3, {Direction: a.Message.Direction}: 3, {Direction: "absent"}: 0, {Kind: "absent"}: 0,
		{Channel: "absent"}: 0, {Platform: "absent"}: 0, {Author: "absent"}: 0} {
		heads, err := q.HeadsAt(o, places, narrow)
		w.must(err)
		if len(heads) != want {
			w.Errorf("%+v: %d heads, want %d", narrow, len(heads), want)
		}
		for p, h := range heads {
			w.equal("the place of a head", store.Place{ThreadPosition: store.ThreadPosition{SentAt: h.SentAt, Sequence: h.Sequence}, Conversation: h.Conversation}, p)
		}
	}
}

// pagesOfConversations: a stream of conversations, most recently active first.
func pagesOfConversations(w *world) {
	o := w.organization()
	begin := w.now()
	stream := store.Stream{Visibility: parley.VisibleToOrganization, Channel: "c", Status: parley.StatusOpen}
	insert := func(tx *store.Tx, id parley.ID, s store.Stream, at time.Time) error {
		return tx.InsertConversation(o, &parley.Conversation{ID: id, Kind: parley.ConversationExternal, Visibility: s.Visibility, Channel: s.Channel,
			Status: s.Status, ActivityAt: at})
	}
	// The first digits of a name are its time, so that names are in order of time and then of ids.
	place := func(name string) store.Activity {
		n, err := strconv.Atoi(name[3:6])
		w.must(err)
		return store.Activity{At: begin.Add(time.Duration(n/4) * time.Minute), ID: parley.ID(name)}
	}
	w.walk(paged{"conversations", func(tx *store.Tx, name string) error {
		for i, s := range []store.Stream{stream, {Visibility: parley.VisibleToMembers, Channel: "c", Status: parley.StatusOpen},
			{Visibility: parley.VisibleToOrganization, Channel: "d", Status: parley.StatusOpen},
			{Visibility: parley.VisibleToOrganization, Channel: "c", Status: parley.StatusClosed}} {
			if err := insert(tx, parley.ID(name[:9])+parley.ID([]string{"", "x", "y", "z"}[i]), s, place(name).At); err != nil {
				return err
			}
		}
		return nil
	}, after(func(a store.Candidate) string {
		if !a.At.Equal(place(string(a.ID)).At) {
			w.Errorf("%s was active at %v", a.ID, a.At)
		}
		return string(a.ID)
	}, func(from string, limit int) ([]store.Candidate, error) {
		if from == "" {
			return w.read().Active(o, stream, store.Narrow{}, store.Activity{}, limit)
		}
		return w.read().Active(o, stream, store.Narrow{}, place(from), limit)
	}), true, ""})
	first, err := w.read().Active(o, stream, store.Narrow{}, store.Activity{}, 2)
	w.must(err)
	heads, err := w.read().ActivityHeads(o, []store.Stream{stream, {Channel: "absent"}}, store.Activity{})
	w.must(err)
	second, err := w.read().ActivityHeads(o, []store.Stream{stream}, first[0].Activity)
	w.must(err)
	if !heads[0].Equal(first[0].At) || !heads[1].IsZero() || !second[0].Equal(first[1].At) || !first[1].Before(first[0].Activity) {
		w.Errorf("heads are %v and %v, the list is %v", heads, second, first)
	}
	w.onChannels(o)
	rows, err := w.read().ActivityOf(o, []parley.ID{"absent", first[0].ID, first[1].ID})
	w.must(err)
	w.equal("places", len(rows), 2)
	for _, r := range rows {
		if r.ID == first[0].ID && (r.Visibility != stream.Visibility || r.Channel != "c" || r.Status != parley.StatusOpen || !r.At.Equal(first[0].At)) {
			w.Errorf("its place is %+v", r)
		}
	}
}

func (w *world) onChannels(o parley.ID) {
	some, err := w.read().CountOn(o, []parley.ID{"d", "c"}, 5)
	w.must(err)
	all, err := w.read().CountOn(o, []parley.ID{"d"}, 1000)
	w.must(err)
	on, err := w.read().ConversationsOn(o, []parley.ID{"d"}, 1000)
	w.must(err)
	if some != 5 || all < 25 || len(on) != all {
		w.Errorf("%d, %d and %d on channels", some, all, len(on))
	}
}

// narrowedConversations: a statement that is narrowed lets pass what has what is asked for.
func narrowedConversations(w *world) {
	o := w.organization()
	yes, no := true, false
	user := parley.Participant{Kind: parley.ActorUser, ID: "ana"}
	address := parley.Address{Kind: parley.AddressPhone, Value: "+1555"}
	stream := store.Stream{Visibility: parley.VisibleToMembers, Status: parley.StatusOpen}
	add := func(id parley.ID, edit func(c *parley.Conversation), who ...parley.Participant) {
		c := parley.Conversation{ID: id, Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Status: parley.StatusOpen, Inbox: true}
		edit(&c)
		w.do(func(tx *store.Tx) error {
			return errors.Join(tx.InsertConversation(o, &c), tx.AddParticipants(o, id, append(who, user)))
		})
	}
	add("a", func(c *parley.Conversation) { c.Tags = []string{"one", `\"two%`} }, parley.Participant{Kind: parley.ActorUser, ID: "ben"})
	add("b", func(c *parley.Conversation) {
		c.ActivityAt = time.UnixMilli(17)
		c.Tags, c.Assignees, c.Kind = []string{"One", "ones"}, []parley.Assignee{{Kind: parley.ActorUser, ID: "ben"}}, parley.ConversationNote
	})
	add("c", func(c *parley.Conversation) { c.Inbox = false }, parley.Participant{Kind: parley.ActorAddress, Address: address})
	add("d", func(c *parley.Conversation) { c.Status = parley.StatusClosed })
	for want, n := range map[string]store.Narrow{"a": {Tag: "one"}, "a ": {Tag: `\"two%`}, "": {Tag: "on"}, "b": {Tag: "One"}, "b ": {Assignee: "ben"},
		"b  ": {Kind: parley.ConversationNote}, "a c": {Unassigned: true}, "c": {Inbox: &no}, "a b": {Inbox: &yes}, "a  ": {Participant: "ben"},
		"c ": {Address: address}, "a   ": {Participant: "ben", Tag: "one"}, " ": {Participant: "ben", Tag: "One"}} {
		n.Status = parley.StatusOpen
		var own, all []string
		candidates, err := w.read().OwnActive(o, "ana", n, store.Activity{}, 10)
		w.must(err)
		for _, c := range candidates {
			own = append(own, string(c.ID))
		}
		candidates, err = w.read().Active(o, stream, n, store.Activity{}, 10)
		w.must(err)
		for _, c := range candidates {
			if c.Passes {
				all = append(all, string(c.ID))
			}
		}
		searched, err := w.read().SearchActive(o, []store.Stream{stream, {Channel: "absent"}}, n, store.Activity{}, 10)
		w.must(err)
		var found []string
		for _, c := range searched {
			found = append(found, string(c.ID))
		}
		slices.Sort(found)
		slices.Sort(own)
		slices.Sort(all)
		if got := strings.Join(own, " "); got != strings.TrimSpace(want) || strings.Join(all, " ") != got || strings.Join(found, " ") != got || len(candidates) != 3 {
			w.Errorf("%+v: own %v, of the stream %v of %v, searched %v; want %s", n, own, all, candidates, found, want)
		}
	}
	w.leftBehind(o, stream)
}

// leftBehind: those that somebody has left are told apart from the others, and have the places of when they were made.
func (w *world) leftBehind(o parley.ID, stream store.Stream) {
	w.do(func(tx *store.Tx) error {
		return tx.LeaveConversation(o, "b", &parley.Participant{Kind: parley.ActorUser, ID: "ana"})
	})
	c, err := w.read().Conversation(o, "b")
	w.must(err)
	for want, parts := range map[string]store.Parts{"b c d a": store.AllParts, "a b c d": store.ShownParts, "b": store.EndedParts} {
		list, err := w.read().OwnActive(o, "ana", store.Narrow{Parts: parts}, store.Activity{}, 10)
		w.must(err)
		var got []string
		for _, is := range list {
			got = append(got, string(is.ID))
			if parts != store.AllParts && is.ID == "b" && !is.At.Equal(c.CreatedAt) {
				w.Errorf("what was left is at %v, was made at %v", is.At, c.CreatedAt)
			}
		}
		slices.Sort(got)
		wanted := strings.Fields(want)
		slices.Sort(wanted)
		w.equal("parts", got, wanted)
	}
	after, err := w.read().OwnActive(o, "ana", store.Narrow{Parts: store.EndedParts}, store.Activity{At: c.CreatedAt, ID: "b"}, 10)
	w.must(err)
	w.equal("left before", len(after), 0)
	for want, n := range map[int]store.Narrow{3: {}, 2: {Without: "ana"}, 1: {Without: "ana", Tag: "one"}} {
		list, err := w.read().Active(o, stream, n, store.Activity{}, 10)
		w.must(err)
		passed := 0
		for _, is := range list {
			if is.Passes {
				passed++
			}
		}
		w.equal("without what somebody has left", passed, want)
	}
}
