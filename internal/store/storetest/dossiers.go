package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// exports: copies of what is kept about a contact, which go with its content.
func exports(w *world) {
	o, other := w.organization(), w.organization()
	e := parley.ContactExport{ID: w.id(), Contact: "c1", Actor: "a"}
	twin := parley.ContactExport{ID: w.id(), Contact: "c1"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(people.InsertExport(tx, o, &e), people.InsertExport(tx, o, &twin), people.FinishExport(tx, o, &twin, nil))
	})
	got, err := people.Export(w.read(), o, e.ID)
	w.must(err)
	w.equal("pending", got, e)
	_, err = people.Export(w.read(), other, e.ID)
	w.notFound(err)
	file := parley.Media{ID: w.id(), Name: "a.zip", SHA256: "00"}
	e.Media, e.Size, e.ExpiresAt = file.ID, 7, w.now().Add(time.Hour).UTC()
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertMedia(o, &file), people.FinishExport(tx, o, &e, []parley.ID{"x1", "x2"}), people.MoveExports(tx, o, "c1", "c2"))
	})
	e.Contact = "c2"
	page, err := people.Exports(w.read(), o, "c2", "", 1)
	w.must(err)
	w.equal("ready", page, []parley.ContactExport{e})
	erasure := func(organization, conversation parley.ID) []store.Erasure {
		return []store.Erasure{{Organization: organization, Message: &parley.Message{Conversation: conversation}}}
	}
	w.do(func(tx *store.Tx) error {
		return errors.Join(people.EraseExports(tx, erasure(o, "x3")), people.EraseExports(tx, erasure(other, "x1")))
	})
	got, err = people.Export(w.read(), o, e.ID)
	w.must(err)
	w.equal("still ready", got.State, parley.DossierReady)
	w.do(func(tx *store.Tx) error { return people.EraseExports(tx, erasure(o, "x2")) })
	w.do(func(tx *store.Tx) error { return people.DropExport(tx, o, &twin) })
	for _, id := range []parley.ID{e.ID, twin.ID} {
		got, err = people.Export(w.read(), o, id)
		w.must(err)
		w.equal("gone", fmt.Sprint(got.State, got.Media), "expired")
	}
	next, err := w.read().NextDue(store.JobBlob)
	w.must(err)
	w.equal("the file goes", next.IsZero(), false)
}

// forgetting: what names a contact goes, and nothing of others.
func forgetting(w *world) {
	o := w.organization()
	contact := parley.Contact{ID: w.id(), Name: "Ana", Addresses: []parley.Address{phone("+491")}}
	actor := parley.Actor{Kind: parley.ActorContact, ID: contact.ID, Name: "Ana"}
	stranger := parley.Actor{Kind: parley.ActorContact, ID: "stranger", Name: "Zoe"}
	alone := parley.Conversation{ID: w.id(), Kind: parley.ConversationExternal, Visibility: parley.VisibleToOrganization, Status: parley.StatusOpen, Title: "T",
		Description: "D", Tags: []string{"t"}, Metadata: map[string]string{"k": "v"}, ThreadKey: "key"}
	mixed, byAddress := alone, alone
	mixed.ID, byAddress.ID, mixed.ThreadKey, byAddress.ThreadKey = w.id(), w.id(), "", ""
	part := func(a parley.Actor, address parley.Address) parley.Participant {
		return parley.Participant{Kind: a.Kind, ID: a.ID, Name: a.Name, Address: address}
	}
	message := func(conversation parley.ID, by parley.Actor) *store.Append {
		return &store.Append{Organization: o, Message: parley.Message{ID: w.id(), Conversation: conversation, Author: by, Actor: by, Kind: parley.KindMessage},
			Deliveries: []parley.Delivery{{Number: 1, Recipient: actor, Address: phone("+491"), State: parley.Sent, Reason: "r"},
				{Number: 2, Recipient: stranger, Address: phone("+492"), State: parley.Queued, Reason: "r"},
				{Number: 3, Recipient: actor, Address: phone("+491"), State: parley.Queued}}}
	}
	own, theirs, sole := message(mixed.ID, actor), message(mixed.ID, stranger), message(alone.ID, actor)
	parts := []parley.Participant{part(actor, phone("+491")), part(actor, phone("+493"))}
	w.do(func(tx *store.Tx) error {
		attempt := func(a *store.Append, n int) store.AttemptRow {
			return store.AttemptRow{Organization: o, Attempt: parley.Attempt{Message: a.Message.ID, Delivery: n, Number: 1, StartedAt: tx.Now, EndedAt: tx.Now, Text: "text"}}
		}
		return errors.Join(tx.InsertContact(o, &contact), tx.InsertConversation(o, &alone), tx.InsertConversation(o, &mixed), tx.InsertConversation(o, &byAddress),
			tx.AddParticipants(o, alone.ID, parts[:1]), tx.AddParticipants(o, mixed.ID, append(parts[:2:2], part(stranger, phone("+492")))),
			tx.AddParticipants(o, byAddress.ID, []parley.Participant{{Kind: parley.ActorAddress, Address: phone("+491")}}),
			tx.Append(own, theirs, sole), tx.WriteAttempts([]store.AttemptRow{attempt(theirs, 1), attempt(theirs, 2)}))
	})
	var ids []parley.ID
	for after := parley.ID(""); len(ids) < 9; {
		next, err := people.ConversationsOf(w.read(), o, &contact, after, 1)
		w.must(err)
		if len(next) == 0 {
			break
		}
		ids, after = append(ids, next...), next[0]
	}
	w.equal("its conversations", ids, []parley.ID{alone.ID, mixed.ID, byAddress.ID})
	for author, want := range map[parley.ID]int{"": 2, contact.ID: 1, "nobody": 0} {
		with, err := people.WithContent(w.read(), o, mixed.ID, author, 5)
		w.must(err)
		w.equal("with content by "+string(author), len(with), want)
	}
	wrote, err := people.WroteLately(w.read(), o, contact.ID)
	w.equal("it wrote", fmt.Sprint(wrote, err), "true <nil>")
	w.do(func(tx *store.Tx) error {
		return errors.Join(people.Forget(tx, o, mixed.ID, &contact, parts, false), people.Forget(tx, o, alone.ID, &contact, parts[:1], true))
	})
	w.forgotten(o, &alone, &mixed, theirs)
}

// forgotten looks at what is left.
func (w *world) forgotten(o parley.ID, alone, mixed *parley.Conversation, theirs *store.Append) {
	a, err := w.read().Conversation(o, alone.ID)
	w.must(err)
	w.equal("what was with it alone", fmt.Sprint(a.Title, a.Description, a.Tags, a.Metadata, a.ThreadKey, a.Status), "[] map[]closed")
	m, err := w.read().Conversation(o, mixed.ID)
	w.must(err)
	w.equal("what was with others", fmt.Sprint(m.Title, " ", m.Status), "T open")
	parts, err := w.read().Participants(o, mixed.ID)
	w.must(err)
	w.equal("who takes part", len(parts), 2)
	for _, p := range parts {
		if p.ID == "stranger" {
			w.equal("the other", p.Name+" "+p.Address.String(), "Zoe phone:+492")
		} else {
			w.equal("it", p.Name+p.Address.Value, "")
		}
	}
	deliveries, err := w.read().Deliveries(o, theirs.Message.ID)
	w.must(err)
	var got []string
	for _, d := range deliveries {
		got = append(got, d.Recipient.Name+d.Address.Value+string(d.State)+d.Reason+d.Code)
	}
	w.equal("deliveries", got, []string{"sent", "Zoe+492queuedr", "canceledcontent-removed"})
	attempts, err := w.read().Attempts(o, theirs.Message.ID)
	w.must(err)
	w.equal("attempts", attempts[0].Text+" "+attempts[1].Text, " text")
	left, err := w.read().Message(o, theirs.Message.ID)
	w.must(err)
	w.equal("who wrote theirs", left.Author.Name, "Zoe")
}

// erasures: the end of contacts, and what stays of what they did not want.
func erasures(w *world) {
	o, other := w.organization(), w.organization()
	for n := range 2 {
		w.do(func(tx *store.Tx) error {
			e, begun, err := people.BeginErasure(tx, o, parley.ContactErasure{Contact: "c", Actor: "a"})
			w.equal("begun", fmt.Sprint(begun, e.State, e.Actor), fmt.Sprint(n == 0, parley.DossierPending, "a"))
			return err
		})
	}
	e, err := people.Erasure(w.read(), o, "c")
	w.must(err)
	e.State, e.Messages, e.EndedAt = parley.DossierDone, 7, w.now().UTC()
	w.do(func(tx *store.Tx) error { return people.UpdateErasure(tx, o, &e) })
	got, err := people.Erasure(w.read(), o, "c")
	w.must(err)
	w.equal("done", got, e)
	_, err = people.Erasure(w.read(), other, "c")
	w.notFound(err)

	one := parley.Suppression{ID: w.id(), Address: phone("+491"), Class: parley.ClassAll, Note: "n"}
	shared := parley.Suppression{ID: w.id(), Address: phone("+492"), Class: parley.ClassAll, Note: "n"}
	block := parley.BlockedSender{ID: w.id(), Address: phone("+491"), Note: "n"}
	w.do(func(tx *store.Tx) error {
		_, err := people.Suppress(tx, o, one, shared)
		_, err2 := people.Block(tx, o, &block)
		return errors.Join(err, err2, people.HashAddresses(tx, o, []parley.Address{phone("+491")}), people.ForgetNotes(tx, o, []parley.Address{phone("+492")}),
			people.HashAddresses(tx, o, []parley.Address{phone("+491")}))
	})
	there, err := people.Suppressed(w.read(), o, phone("+491"), phone("+492"))
	w.must(err)
	w.equal("suppressed", fmt.Sprint(len(there), there[0].Note+there[1].Note), "2")
	hashed, err := people.Suppression(w.read(), o, one.ID)
	w.must(err)
	w.equal("by its hash", hashed.Address.IsHashed(), true)
	blocked, err := people.BlockOf(w.read(), o, phone("+491"))
	w.must(err)
	w.equal("blocked", blocked, block.ID)
	parked := store.Parked{ID: w.id(), Kind: "inbound", Raw: "x"}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.Park(o, &parked), people.DropParked(tx, o, nil), people.DropParked(tx, o, []parley.ID{parked.ID}))
	})
	list, err := w.read().ParkedList(o, "", 5)
	w.must(err)
	w.equal("parked", len(list), 0)
}
