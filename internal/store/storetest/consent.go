package storetest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// externalIDs: the ids of contacts in several systems.
func externalIDs(w *world) {
	o := w.organization()
	c := parley.Contact{ID: w.id(), ExternalIDs: map[string]string{"crm": "1", "shop": "7"}}
	w.do(func(tx *store.Tx) error { return tx.InsertContact(o, &c) })
	for _, ids := range []map[string]string{{"crm": "1"}, {"crm": "2", "shop": "7"}} {
		twin := parley.Contact{ID: w.id(), ExternalIDs: ids}
		if err := w.try(func(tx *store.Tx) error { return tx.InsertContact(o, &twin) }); !parley.IsKind(err, parley.KindConflict) {
			w.Errorf("a taken id of another system: %v", err)
		}
	}
	c.ExternalIDs = map[string]string{"crm": "3"}
	w.do(func(tx *store.Tx) error { return tx.SetExternalIDs(o, c.ID, c.ExternalIDs) })
	got, err := w.read().ContactByExternalID(o, "crm", "3")
	w.must(err)
	w.equal("by an id of another system", fmt.Sprint(got.ID, got.ExternalIDs), fmt.Sprint(c.ID, c.ExternalIDs))
	_, err = w.read().ContactByExternalID(o, "shop", "7")
	w.notFound(err)
	into := parley.Contact{ID: w.id(), ExternalIDs: map[string]string{"lab": "1"}}
	from := parley.Contact{ID: w.id(), ExternalIDs: map[string]string{"lab": "2", "shop": "8"}}
	w.do(func(tx *store.Tx) error {
		return errors.Join(tx.InsertContact(o, &into), tx.InsertContact(o, &from), people.MoveExternalIDs(tx, o, from.ID, into.ID))
	})
	for _, owned := range []struct {
		source, value string
		owner         parley.ID
	}{{"lab", "1", into.ID}, {"lab", "2", from.ID}, {"shop", "8", into.ID}} {
		owner, err := w.read().ExternalIDOwner(o, owned.source, owned.value)
		w.must(err)
		w.equal(owned.source+owned.value, owner, owned.owner)
	}
	w.do(func(tx *store.Tx) error { return tx.DeleteContact(o, c.ID) })
	_, err = w.read().ExternalIDOwner(o, "crm", "3")
	w.notFound(err)
}

// suppressions: what addresses do not want, also after they were erased.
func suppressions(w *world) {
	o, other := w.organization(), w.organization()
	th := w.thread(o)
	before, err := w.read().Conversation(o, th.id)
	w.must(err)
	one := parley.Suppression{ID: w.id(), Address: th.address, Platform: "sms", Class: parley.ClassMarketing, Reason: parley.ReasonUser, Note: "a note",
		Actor: "a", Message: "m"}
	gone := parley.Suppression{ID: w.id(), Address: phone("+499").Hashed(o), Class: parley.ClassAll, Reason: parley.ReasonKeyword}
	w.do(func(tx *store.Tx) error {
		n, err := people.Suppress(tx, o, one, gone)
		w.equal("added", n, int64(2))
		return err
	})
	w.do(func(tx *store.Tx) error {
		twin := one
		twin.ID, twin.Reason = w.id(), parley.ReasonAdmin
		n, err := people.Suppress(tx, o, twin)
		none, err2 := people.Suppress(tx, o)
		w.equal("added again", fmt.Sprint(n, none, err2), "0 0 <nil>")
		return err
	})
	after, err := w.read().Conversation(o, th.id)
	w.must(err)
	w.equal("the conversation's revision", after.Rev, before.Rev+1)
	there, err := people.Suppressed(w.read(), o, phone("+499"), th.address, phone("+4"))
	w.must(err)
	w.equal("there", len(there), 2)
	for _, s := range there {
		want := one
		if want.Address == s.Address {
			want.CreatedAt = s.CreatedAt
			w.equal("the suppression", s, want)
		} else {
			w.equal("of the erased address", fmt.Sprint(s.Address, s.ID), fmt.Sprint(phone("+499"), gone.ID))
		}
	}
	none, err := people.Suppressed(w.read(), other, th.address)
	w.must(err)
	nobody, err := people.Suppressed(w.read(), o)
	w.equal("elsewhere", fmt.Sprint(len(none), len(nobody), err), "0 0 <nil>")
	found, err := w.read().Refusals([]store.Wanted{
		{Organization: o, Address: th.address, Platform: "sms", Class: parley.ClassMarketing},
		{Organization: o, Address: th.address, Platform: "sms", Class: parley.ClassService},
		{Organization: o, Address: th.address, Platform: "rcs", Class: parley.ClassMarketing},
		{Organization: o, Address: phone("+499"), Platform: "rcs", Class: parley.ClassService},
		{Organization: other, Address: th.address, Platform: "sms", Class: parley.ClassMarketing}})
	w.must(err)
	w.equal("refusals", fmt.Sprint(found), "[{false true} {false false} {false false} {false true} {false false}]")
	w.suppressionPages(o, one.ID, gone.ID)
	w.do(func(tx *store.Tx) error { return people.Allow(tx, o, one) })
	_, err = people.Suppression(w.read(), o, one.ID)
	w.notFound(err)
	left, err := people.Suppression(w.read(), o, gone.ID)
	w.must(err)
	w.equal("what is left", left.Address, gone.Address)
	last, err := w.read().Conversation(o, th.id)
	w.must(err)
	w.equal("the conversation's revision", last.Rev, before.Rev+2)
}

// suppressionPages: a filter neither leaves any out nor ends a list early.
func (w *world) suppressionPages(o, one, gone parley.ID) {
	for _, test := range []struct {
		f    people.SuppressionFilter
		want []parley.ID
	}{{people.SuppressionFilter{}, []parley.ID{one, gone}}, {people.SuppressionFilter{Class: parley.ClassMarketing}, []parley.ID{one}},
		{people.SuppressionFilter{Reason: parley.ReasonKeyword}, []parley.ID{gone}}, {people.SuppressionFilter{Platform: "sms"}, []parley.ID{one}},
		{people.SuppressionFilter{Kind: parley.AddressFax}, nil}} {
		for _, limit := range []int{1, 2, 5} {
			var got []parley.ID
			for from := parley.ID(""); ; {
				page, next, err := people.Suppressions(w.read(), o, test.f, from, limit)
				w.must(err)
				for _, s := range page {
					got = append(got, s.ID)
				}
				if from = next; next == "" {
					break
				}
			}
			w.equal(fmt.Sprint(test.f, limit), got, test.want)
		}
	}
}

// blockedSenders: whose messages are parked, and what was.
func blockedSenders(w *world) {
	o, other := w.organization(), w.organization()
	contact := parley.Contact{ID: w.id(), Addresses: []parley.Address{phone("+491"), {Kind: parley.AddressPhone, Value: "+492", Shared: true}}}
	second := parley.Contact{ID: w.id(), Addresses: []parley.Address{phone("+493")}}
	byContact := parley.BlockedSender{ID: w.id(), Contact: contact.ID, Note: "a note", Actor: "a"}
	byAddress := parley.BlockedSender{ID: w.id(), Address: phone("+494")}
	byHash := parley.BlockedSender{ID: w.id(), Address: phone("+495").Hashed(o)}
	w.do(func(tx *store.Tx) error {
		if err := tx.InsertContact(o, &contact); err != nil {
			return err
		}
		for _, b := range []*parley.BlockedSender{&byContact, &byAddress, &byHash} {
			for n := range 2 {
				twin := *b
				twin.ID += parley.ID(fmt.Sprint(n))[:n]
				made, err := people.Block(tx, o, &twin)
				w.equal("blocked", fmt.Sprint(made, err), fmt.Sprint(n == 0, nil))
				b.CreatedAt = twin.CreatedAt
			}
		}
		return tx.InsertContact(o, &second)
	})
	for value, want := range map[string]parley.ID{"+491": byContact.ID, "+492": "", "+493": "", "+494": byAddress.ID, "+495": byHash.ID} {
		got, err := people.BlockOf(w.read(), o, phone(value))
		w.must(err)
		w.equal(value, got, want)
	}
	elsewhere, err := people.BlockOf(w.read(), other, phone("+494"))
	w.must(err)
	w.equal("elsewhere", elsewhere, parley.ID(""))
	w.parkedOf(o, byContact.ID)
	got, err := people.BlockedContact(w.read(), o, contact.ID)
	w.must(err)
	w.equal("of the contact", got, byContact)
	got, err = people.BlockedAddress(w.read(), o, phone("+494"))
	w.must(err)
	w.equal("of the address", got, byAddress)
	page, err := people.BlockedSenders(w.read(), o, byContact.ID, 5)
	w.must(err)
	w.equal("a page", page, []parley.BlockedSender{byAddress, byHash})
	w.blocksMove(o, byContact.ID, &contact, &second)
}

// blocksMove: the block of a contact that is merged, with what is parked, is the other's; that of one that is deleted, its addresses'.
func (w *world) blocksMove(o, block parley.ID, contact, second *parley.Contact) {
	w.do(func(tx *store.Tx) error { return people.MoveBlocks(tx, o, contact.ID, second.ID) })
	moved, err := people.BlockOf(w.read(), o, phone("+493"))
	w.must(err)
	w.equal("of the other", moved, block)
	twice := parley.BlockedSender{ID: w.id(), Contact: contact.ID}
	w.park(o, block, "+493")
	w.park(o, twice.ID, "+491")
	w.do(func(tx *store.Tx) error {
		if _, err := people.Block(tx, o, &twice); err != nil {
			return err
		}
		return people.MoveBlocks(tx, o, contact.ID, second.ID)
	})
	both, err := people.Blocked(w.read(), o, block)
	w.must(err)
	w.equal("parked under the two", both.Parked, int64(2))
	second.Addresses = append(second.Addresses, phone("+491"))
	w.do(func(tx *store.Tx) error { return people.KeepBlock(tx, o, second) })
	w.do(func(tx *store.Tx) error { return people.KeepBlock(tx, o, contact) })
	for _, value := range []string{"+491", "+493"} {
		one, err := people.BlockedAddress(w.read(), o, phone(value))
		w.must(err)
		w.equal("parked from "+value, one.Parked, int64(1))
	}
	_, err = people.Blocked(w.read(), o, block)
	w.notFound(err)
	kept, err := people.BlockedAddress(w.read(), o, phone("+493"))
	w.must(err)
	w.equal("kept", fmt.Sprint(kept.Note, kept.Contact), "a note")
	w.notFound(w.try(func(tx *store.Tx) error { return people.Unblock(tx, o, block) }))
}

// park parks something from a telephone under a block.
func (w *world) park(o, block parley.ID, from string) {
	raw, err := json.Marshal(map[string]any{"From": phone(from)})
	w.must(err)
	w.do(func(tx *store.Tx) error {
		return tx.Park(o, &store.Parked{ID: w.id(), Channel: "c", Kind: people.KindBlocked, Message: block, Raw: string(raw)})
	})
}

// parkedOf: what was parked under a block, and is taken out.
func (w *world) parkedOf(o, block parley.ID) {
	w.do(func(tx *store.Tx) error {
		for _, reference := range []string{"r1", "r2"} {
			if err := tx.Park(o, &store.Parked{ID: w.id(), Channel: "c", Kind: people.KindBlocked, Reference: reference, Message: block, Raw: reference}); err != nil {
				return err
			}
		}
		return nil
	})
	for reference, want := range map[string]bool{"r1": true, "r3": false} {
		got, err := people.ParkedTwin(w.read(), o, "c", reference)
		w.equal(reference, fmt.Sprint(got, err), fmt.Sprint(want, nil))
	}
	b, err := people.Blocked(w.read(), o, block)
	w.must(err)
	w.equal("how many are parked", b.Parked, int64(2))
	for i := range 2 {
		w.do(func(tx *store.Tx) error {
			parked, err := people.ParkedOf(tx, o, block, 1)
			if len(parked) == 1 {
				w.equal("parked", parked[0].Raw, fmt.Sprint("r", i+1))
			}
			return err
		})
	}
	w.do(func(tx *store.Tx) error {
		none, err := people.ParkedOf(tx, o, block, 1)
		w.equal("left", len(none), 0)
		return err
	})
}
