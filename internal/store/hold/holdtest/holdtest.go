// Package holdtest is the conformance suite of the tables of legal holds and of retention: what every database under the
// store does alike.
package holdtest

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hold"
)

// Run tests the stores that open opens, each on a database of its own, and closes when its test ends.
func Run(t *testing.T, open func(t *testing.T, o store.Options) *store.Store) {
	for name, test := range map[string]func(w *world){
		"Holds": holds, "HoldsFind": find, "HoldsKeep": keep, "HoldsRelease": release, "RetentionMarks": marks,
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, Store: open(t, store.Options{Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler)})}
			w.o, w.other = w.organization(), w.organization()
			test(w)
		})
	}
}

// world is a store with two organizations.
type world struct {
	*testing.T
	*store.Store
	o, other parley.ID
	ids      int
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) equal(what string, got, want any) {
	w.Helper()
	if g, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != want {
		w.Errorf("%s: %s, want %s", what, g, want)
	}
}

// do runs a unit that succeeds, on both organizations.
func (w *world) do(f func(tx *store.Tx) error) {
	w.Helper()
	w.must(w.WriteAcross(w.Context(), []parley.ID{w.o, w.other}, f))
}

func (w *world) read() store.Queries { return w.Read(w.Context()) }

func (w *world) id() parley.ID {
	w.ids++
	return parley.ID(fmt.Sprintf("id%05d", w.ids))
}

func (w *world) organization() parley.ID {
	o := parley.Organization{ID: w.id(), Name: "An organization"}
	w.must(w.Write(w.Context(), o.ID, func(tx *store.Tx) error { return tx.InsertOrganization(&o) }))
	return o.ID
}

// place places a hold.
func (w *world) place(organization parley.ID, kind parley.HoldKind, subject parley.ID) parley.Hold {
	w.Helper()
	h := parley.Hold{ID: w.id(), Subject: parley.HoldSubject{Kind: kind, ID: subject}, Reason: "reason", PlacedBy: "u"}
	w.do(func(tx *store.Tx) error { return hold.Insert(tx, organization, &h) })
	return h
}

func (w *world) lift(organization parley.ID, h parley.Hold) parley.Hold {
	w.Helper()
	h.LiftedBy, h.LiftReason = "v", "over"
	w.do(func(tx *store.Tx) error { return hold.Lift(tx, organization, &h) })
	return h
}

// say adds a message by an author, with a delivery to a recipient, to a conversation in which somebody takes part.
func (w *world) say(organization, conversation, author, recipient, part parley.ID, edit func(m *parley.Message)) store.Erasure {
	w.Helper()
	actor := parley.Actor{Kind: parley.ActorUser, ID: author}
	a := &store.Append{Organization: organization, Message: parley.Message{ID: w.id(), Conversation: conversation, Kind: parley.KindMessage,
		Direction: parley.Outbound, Author: actor, Actor: actor, Body: []parley.Part{{Kind: parley.PartText, Text: "words"}}, Channel: "c"},
		Deliveries: []parley.Delivery{{Number: 1, Channel: "c", Recipient: parley.Actor{Kind: parley.ActorContact, ID: recipient}}}}
	if edit != nil {
		edit(&a.Message)
	}
	w.do(func(tx *store.Tx) error {
		_, err := tx.Conversation(organization, conversation)
		if parley.IsKind(err, parley.KindNotFound) {
			err = errors.Join(tx.InsertConversation(organization, &parley.Conversation{ID: conversation, Kind: parley.ConversationExternal,
				Visibility: parley.VisibleToOrganization, Status: parley.StatusOpen, Channel: "c"}),
				tx.AddParticipants(organization, conversation, []parley.Participant{{Kind: parley.ActorUser, ID: part}}))
		}
		return errors.Join(err, tx.Append(a))
	})
	m, err := w.read().Message(organization, a.Message.ID)
	w.must(err)
	return store.Erasure{Organization: organization, Message: &m, Reason: parley.RemovedRecalled}
}

// holds: they are placed, listed and lifted, and go with a contact that becomes a part of another.
func holds(w *world) {
	a, b, c := w.place(w.o, parley.HoldUser, "x"), w.place(w.o, parley.HoldContact, "y"), w.place(w.o, parley.HoldContact, "y")
	w.place(w.other, parley.HoldUser, "x")
	if a.PlacedAt.IsZero() || a.Rev != 1 {
		w.Errorf("placed %+v", a)
	}
	b = w.lift(w.o, b)
	if b.LiftedAt.IsZero() || b.Rev != 2 {
		w.Errorf("lifted %+v", b)
	}
	got, err := hold.Get(w.read(), w.o, b.ID)
	w.must(err)
	b.PlacedAt, b.LiftedAt = got.PlacedAt, got.LiftedAt
	w.equal("read", got, b)
	if _, err := hold.Get(w.read(), w.other, b.ID); !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("another organization's: %v", err)
	}
	yes, no := true, false
	n, err := hold.CountActive(w.read(), w.o)
	w.must(err)
	w.equal("active", n, 2)
	for _, test := range []struct {
		filter hold.Filter
		want   []parley.ID
	}{{hold.Filter{}, []parley.ID{a.ID, b.ID, c.ID}}, {hold.Filter{Active: &yes}, []parley.ID{a.ID, c.ID}}, {hold.Filter{Active: &no}, []parley.ID{b.ID}},
		{hold.Filter{Subject: "y"}, []parley.ID{b.ID, c.ID}}, {hold.Filter{Subject: "y", Active: &yes}, []parley.ID{c.ID}}} {
		var ids []parley.ID
		for after := parley.ID(""); ; {
			list, next, err := hold.List(w.read(), w.o, test.filter, after, 1)
			w.must(err)
			for _, h := range list {
				ids = append(ids, h.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		w.equal(fmt.Sprintf("%+v", test.filter), ids, test.want)
	}
	w.do(func(tx *store.Tx) error { return hold.Merge(tx, w.o, "y", "z") })
	got, err = hold.Get(w.read(), w.o, c.ID)
	w.must(err)
	w.equal("after the merge", got.Subject.ID, parley.ID("z"))
}

// find: a hold is about messages by its organization, conversation, authors, recipients and participants, and as long as it
// is not lifted.
func find(w *world) {
	batch := []store.Erasure{
		w.say(w.o, "conversation", "author", "recipient", "part", func(m *parley.Message) { m.Actor.ID = "actor" }),
		w.say(w.o, "elsewhere", "nobody", "no recipient", "no part", nil),
		w.say(w.other, "conversation", "author", "recipient", "part", nil),
	}
	which := func() (ids []parley.ID) {
		w.Helper()
		held, err := hold.Which(w.read(), batch)
		w.must(err)
		for _, e := range held {
			ids = append(ids, e.Message.ID)
		}
		return ids
	}
	w.equal("held without a hold", which(), []parley.ID{})
	for _, subject := range []parley.ID{"conversation", "author", "actor", "recipient", "part"} {
		h := w.place(w.o, parley.HoldUser, subject)
		w.equal("held by one on "+string(subject), which(), []parley.ID{batch[0].Message.ID})
		w.lift(w.o, h)
		w.equal("held by one lifted from "+string(subject), which(), []parley.ID{})
	}
	h := w.place(w.o, parley.HoldOrganization, w.o)
	w.equal("held by the organization's", which(), []parley.ID{batch[0].Message.ID, batch[1].Message.ID})
	for _, test := range []struct {
		organization parley.ID
		subjects     []parley.ID
		want         bool
	}{{w.o, []parley.ID{w.o, "any"}, true}, {w.o, []parley.ID{"any"}, false}, {w.other, []parley.ID{w.o}, false}} {
		held, err := hold.Names(w.read(), test.organization, test.subjects...)
		w.must(err)
		w.equal(fmt.Sprint(test.subjects), held, test.want)
	}
	w.lift(w.o, h)
	none, err := hold.Which(w.read(), nil)
	w.must(err)
	w.equal("of none", len(none), 0)
}

// whole is a message with something in every place, and its file.
func (w *world) whole() (store.Erasure, parley.Media) {
	w.Helper()
	file := parley.Media{ID: w.id(), Name: "file", ContentType: "text/plain", Size: 4, SHA256: "sum", Uploader: "u"}
	w.do(func(tx *store.Tx) error { return tx.InsertMedia(w.o, &file) })
	e := w.say(w.o, "conversation", "author", "recipient", "part", func(m *parley.Message) {
		m.Attachments, m.Tags, m.Metadata = []parley.Attachment{{Media: file.ID, Name: "file"}}, []string{"tag"}, map[string]string{"k": "v"}
		m.Reference = "reference"
	})
	w.do(func(tx *store.Tx) error {
		ref := store.DeliveryRef{Organization: w.o, Message: e.Message.ID, Number: 1}
		found, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
		if err != nil {
			return err
		}
		found[ref].State, found[ref].Reason = parley.Failed, "reason"
		return errors.Join(tx.UpdateDeliveries(found), tx.Park(w.o, &store.Parked{ID: "parked", Message: e.Message.ID, Raw: "raw"}),
			tx.WriteAttempts([]store.AttemptRow{{Organization: w.o, Attempt: parley.Attempt{Message: e.Message.ID, Delivery: 1, Number: 2,
				Outcome: parley.AttemptFailed, Text: "answer", Request: "request"}}}))
	})
	return e, file
}

// keepAll keeps a message with all there is of it.
func keepAll(tx *store.Tx, batch []store.Erasure) error {
	return errors.Join(hold.Keep(tx, batch), hold.KeepMessages(tx, batch), hold.KeepParked(tx, batch), hold.KeepAttempts(tx, batch),
		hold.KeepReasons(tx, batch), hold.KeepInteractions(tx, batch), hold.KeepVersions(tx, batch), hold.KeepFiles(tx, batch))
}

// keep: what is kept of a message is all of it, once, also when it is kept twice; and so with a contact.
func keep(w *world) {
	e, file := w.whole()
	w.do(func(tx *store.Tx) error { return keepAll(tx, []store.Erasure{e}) })
	w.do(func(tx *store.Tx) error {
		return errors.Join(hold.Keep(tx, []store.Erasure{e}), hold.KeepParked(tx, []store.Erasure{e}))
	})
	got, err := hold.Held(w.read(), w.o, e.Message.ID)
	w.must(err)
	w.equal("held", got, parley.Held{ID: e.Message.ID, Kind: parley.HeldMessage, Conversation: "conversation", Reason: parley.RemovedRecalled, At: got.At})
	if _, err := hold.Held(w.read(), w.other, e.Message.ID); !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("another organization's: %v", err)
	}
	texts, err := hold.Texts(w.read(), w.o, e.Message.ID)
	w.must(err)
	empty := *e.Message
	empty.Body, empty.Attachments, empty.Tags, empty.Metadata, empty.Reference = nil, nil, nil, nil, ""
	rest, err := hold.Message(&empty, texts)
	w.must(err)
	w.equal("the message", empty, *e.Message)
	w.equal("the rest", rest, []parley.HeldText{{Place: "attempts.request", Item: "1.2", Content: "request"}, {Place: "attempts.text", Item: "1.2", Content: "answer"},
		{Place: "deliveries.reason", Item: "1", Content: "reason"}, {Place: "parked.raw", Item: "parked", Content: "raw"}})
	w.do(func(tx *store.Tx) error { return hold.KeepMessages(tx, []store.Erasure{e}) }) // what is left of it
	texts, err = hold.Texts(w.read(), w.o, e.Message.ID)
	w.must(err)
	first := *e.Message
	first.Body = nil
	versions, err := hold.Message(&first, texts)
	w.must(err)
	w.equal("with a later version", fmt.Sprint(len(versions), versions[3].Place, versions[3].Item != "", first.Body), fmt.Sprint(8, "messages.attachments", true, e.Message.Body))
	files, err := hold.Files(w.read(), w.o, e.Message.ID)
	w.must(err)
	w.equal("files", len(files), 1)
	file.CreatedAt = files[0].CreatedAt
	w.equal("the file", files[0], file)
	w.keepContact(e.Message.ID)
}

// keepContact keeps a contact besides a message, and lists both.
func (w *world) keepContact(message parley.ID) {
	w.Helper()
	contact := parley.Contact{ID: w.id(), Name: "Cleo", Addresses: []parley.Address{{Kind: parley.AddressPhone, Value: "+15550100"}}}
	w.do(func(tx *store.Tx) error { return hold.KeepContact(tx, w.o, &contact) })
	if _, err := hold.Held(w.read(), w.o, contact.ID); !parley.IsKind(err, parley.KindNotFound) {
		w.Errorf("a contact without a hold: %v", err)
	}
	w.place(w.o, parley.HoldContact, contact.ID)
	w.do(func(tx *store.Tx) error { return hold.KeepContact(tx, w.o, &contact) })
	texts, err := hold.Texts(w.read(), w.o, contact.ID)
	w.must(err)
	kept, rest, err := hold.Contact(texts)
	w.must(err)
	w.equal("the contact", fmt.Sprint(kept, rest), fmt.Sprint(contact, []parley.HeldText(nil)))

	for _, test := range []struct {
		conversation parley.ID
		want         []parley.ID
	}{{"", []parley.ID{message, contact.ID}}, {"conversation", []parley.ID{message}}, {"elsewhere", nil}} {
		var ids []parley.ID
		for after := parley.ID(""); ; {
			list, next, err := hold.ListHeld(w.read(), w.o, test.conversation, after, 1)
			w.must(err)
			for _, k := range list {
				ids = append(ids, k.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		slices.Sort(test.want)
		w.equal("held of "+string(test.conversation), ids, test.want)
	}
}

// release: what was kept goes, with the files that nothing else keeps.
func release(w *world) {
	e, file := w.whole()
	second := w.say(w.o, "conversation", "author", "recipient", "part", func(m *parley.Message) { m.Attachments = []parley.Attachment{{Media: file.ID}} })
	w.do(func(tx *store.Tx) error { return keepAll(tx, []store.Erasure{e, second}) })
	blobs := func() (n int) {
		w.do(func(tx *store.Tx) error {
			jobs, err := tx.DueJobs(store.JobBlob, tx.Now, 10)
			n = len(jobs)
			return err
		})
		return n
	}
	held := func() bool {
		files, err := hold.FilesHeld(w.read(), w.o, []parley.ID{file.ID, "absent"})
		w.must(err)
		return files[file.ID]
	}
	for i, id := range []parley.ID{e.Message.ID, second.Message.ID} {
		if !held() {
			w.Errorf("round %d: the file is not held", i)
		}
		w.do(func(tx *store.Tx) error { return hold.Drop(tx, w.o, []parley.ID{id}) })
		texts, err := hold.Texts(w.read(), w.o, id)
		w.must(err)
		w.equal("left", len(texts), 0)
	}
	w.equal("at the end", fmt.Sprint(held(), blobs()), "false 1")
	list, _, err := hold.ListHeld(w.read(), w.o, "", "", 10)
	w.must(err)
	w.equal("held at the end", len(list), 0)
	job := hold.ReleaseJob(w.o, "h", "after", time.UnixMilli(1))
	w.equal("a job", fmt.Sprint(job.Kind, job.Payload), "releaseh,after")
}

// marks: through when conversations were looked at, and what was sent since.
func marks(w *world) {
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
	var ids []parley.ID
	for i := range 3 {
		ids = append(ids, w.say(w.o, "a", "author", "recipient", "part", func(m *parley.Message) { m.SentAt = at.Add(time.Duration(i/2) * time.Minute) }).Message.ID)
	}
	w.say(w.o, "b", "author", "recipient", "part", func(m *parley.Message) { m.SentAt = at })
	w.say(w.other, "a", "author", "recipient", "part", func(m *parley.Message) { m.SentAt = at })
	page, err := hold.AgingAfter(w.read(), w.o, "", 10)
	w.must(err)
	w.equal("at first", fmt.Sprint(len(page), page[0].ID, page[0].Kind, page[0].ActivityAt, page[0].Through.IsZero(), page[0].MarkedAt.IsZero()),
		fmt.Sprint(2, "a", parley.ConversationExternal, at.Add(time.Minute), true, true))
	w.do(func(tx *store.Tx) error {
		return errors.Join(hold.SetMark(tx, w.o, "a", at), hold.SetMark(tx, w.o, "a", at.Add(time.Second)), hold.SetMark(tx, w.o, "b", at))
	})
	found, err := hold.AgingOf(w.read(), w.o, []parley.ID{"a", "absent"})
	w.must(err)
	if a := found["a"]; len(found) != 1 || !a.Through.Equal(at.Add(time.Second)) || a.MarkedAt.IsZero() {
		w.Errorf("marked: %+v", found)
	}
	page, err = hold.AgingAfter(w.read(), w.o, "a", 10)
	w.must(err)
	w.equal("after a", fmt.Sprint(len(page), page[0].ID, page[0].Through), fmt.Sprint(1, "b", at))
	w.do(func(tx *store.Tx) error { return hold.DropMark(tx, w.o, "a") })
	found, err = hold.AgingOf(w.read(), w.o, []parley.ID{"a"})
	w.must(err)
	w.equal("after the mark went", found["a"].Through.IsZero(), true)

	for _, test := range []struct {
		from, before time.Time
		want         []parley.ID
	}{{time.Time{}, at, nil}, {time.Time{}, at.Add(1e6), []parley.ID{"a", "b"}}, {at.Add(1e6), at.Add(time.Hour), []parley.ID{"a"}}} {
		sent, err := hold.SentIn(w.read(), w.o, []hold.Span{{Conversation: "a", From: test.from, Before: test.before}, {Conversation: "b", From: test.from, Before: test.before}})
		w.must(err)
		slices.Sort(sent)
		w.equal(fmt.Sprint("sent in ", test.from, test.before), sent, test.want)
	}
	none, err := hold.SentIn(w.read(), w.o, nil)
	w.must(err)
	w.equal("in none", len(none), 0)
	var got []parley.ID
	for from := (store.ThreadPosition{}); ; {
		page, err := w.read().Aged(w.o, "a", from, at.Add(time.Hour), 1)
		w.must(err)
		if len(page) == 0 {
			break
		}
		got = append(got, page[0].ID)
		from = store.ThreadPosition{SentAt: page[0].SentAt, Sequence: page[0].Sequence}
	}
	w.equal("aged", got, ids)
	page2, err := w.read().Aged(w.o, "a", store.ThreadPosition{}, at.Add(time.Second), 10)
	w.must(err)
	w.equal("aged before", len(page2), 2)
}
