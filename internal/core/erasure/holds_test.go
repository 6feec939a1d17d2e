package erasure_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/audit"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// place places a hold.
func place(w *coretest.World, kind parley.HoldKind, id parley.ID) parley.Hold {
	w.T.Helper()
	h, _, err := w.Holds.Place(w.T.Context(), w.Admin, holds.Params{Subject: parley.HoldSubject{Kind: kind, ID: id}, Reason: "a lawsuit"}, nil)
	w.Must(err)
	return h
}

func lift(w *coretest.World, h parley.Hold) {
	w.T.Helper()
	_, err := w.Holds.Lift(w.T.Context(), w.Admin, h.ID, "it is settled", 0)
	w.Must(err)
}

// held returns what a hold keeps of a message, nil where it keeps nothing.
func held(w *coretest.World, id parley.ID) *holds.Content {
	w.T.Helper()
	content, err := w.Holds.Read(w.T.Context(), w.Admin, id)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	w.Must(err)
	return content
}

// onlyHeld checks that the marker is nowhere but where holds keep it.
func (p *planter) onlyHeld() {
	p.T.Helper()
	p.work()
	for _, place := range p.found() {
		if !strings.HasPrefix(place, "table held") && !strings.HasPrefix(place, "file ") {
			p.T.Errorf("the marker is in %s", place)
		}
	}
}

// hidden checks that nobody sees any content or file of a message any more.
func (p *planter) hidden(id parley.ID, reason parley.Removal) {
	p.T.Helper()
	ctx := p.T.Context()
	m, err := p.Message(ctx, p.Admin, id)
	p.Must(err)
	if m.Removed != reason || len(m.Body)+len(m.Attachments)+len(m.Tags)+len(m.Metadata) > 0 || m.Reference != "" {
		p.T.Errorf("a message that only a hold keeps is shown as %+v", m)
	}
	deliveries, err := p.Deliveries(ctx, p.Admin, id)
	p.Must(err)
	for _, d := range deliveries {
		if d.Reason != "" {
			p.T.Errorf("its delivery is shown as %+v", d)
		}
	}
}

// TestHeldContentIsKept: what has reached the end of its life under a hold has gone for everybody, all of it is kept, and it goes
// with the last hold.
func TestHeldContentIsKept(t *testing.T) {
	p := newPlanter(t, time.Hour)
	ctx := t.Context()
	first, second := place(p.World, parley.HoldOrganization, ""), place(p.World, parley.HoldOrganization, p.Admin.Organization)
	p.plant(ctx)
	p.everywhere()
	file := must(p.Message(ctx, p.Admin, p.messages[0])).Attachments[0]
	p.Advance(time.Hour + time.Second)
	p.onlyHeld()
	for _, id := range p.messages {
		p.hidden(id, parley.RemovedExpired)
	}
	_, err := p.Files.Media(ctx, p.ana, file.Media)
	p.Refused(err, parley.KindNotFound, "not-found")
	params := core.SendParams{To: core.To{User: p.ben.User}, Attachments: []parley.ID{file.Media}}
	_, err = p.Core.Send(ctx, p.ana, params)
	p.Refused(err, parley.KindInvalid, "media-unknown")

	p.Advance(7 * time.Hour)
	if _, err := p.Files.Sweep(ctx); err != nil {
		t.Error(err)
	}
	content := held(p.World, p.messages[0])
	if content == nil || content.Reason != parley.RemovedExpired || content.Conversation != p.conv || content.Message.Removed != "" {
		t.Fatalf("kept is %+v", content)
	}
	m := content.Message
	texts := map[string]bool{}
	for _, text := range content.Texts {
		texts[text.Place] = strings.Contains(text.Content, marker)
	}
	if !strings.Contains(m.Body[0].Text, marker) || len(m.Tags) != 2 || len(m.Metadata) != 1 || !strings.Contains(m.Reference, marker) ||
		!texts["attempts.text"] || !texts["attempts.request"] || !texts["deliveries.reason"] || len(content.Files) != 1 || content.Files[0].ID != file.Media {
		t.Errorf("kept of a message is %+v with %+v and %v", m, content.Files, texts)
	}
	found, blob, err := p.Holds.Open(ctx, p.Admin, m.ID, file.Media)
	p.Must(err)
	read, err := io.ReadAll(blob)
	p.Must(err)
	p.Must(blob.Close())
	if int64(len(read)) != found.Size || !strings.Contains(string(read), marker) {
		t.Errorf("the file has %d bytes", len(read))
	}
	all := must2(p.Holds.Held(ctx, p.Admin, "", "", 1000))
	for _, id := range p.messages {
		if !slices.ContainsFunc(all, func(k parley.Held) bool { return k.ID == id }) {
			t.Errorf("%s is not kept", id)
		}
	}
	p.onlyHeld()
	lift(p.World, first)
	p.onlyHeld()
	if again := must2(p.Holds.Held(ctx, p.Admin, "", "", 1000)); len(again) != len(all) {
		t.Errorf("with one of two holds %d of %d are kept", len(again), len(all))
	}
	lift(p.World, second)
	p.gone()
	if left := must2(p.Holds.Held(ctx, p.Admin, "", "", 1000)); len(left) > 0 {
		t.Errorf("%d are kept without a hold", len(left))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[T, N any](v T, _ N, err error) T { return must(v, err) }

// TestHoldOutranks: however content goes, a hold on any of those concerned keeps it, and one on somebody else does not.
func TestHoldOutranks(t *testing.T) {
	p := newPlanter(t, 0)
	ctx := t.Context()
	cleo := p.User(p.Admin, "cleo")
	outside := func() parley.Message { return p.send(core.To{Contact: p.contact.ID}, nil) }
	within := func() parley.Message { return p.send(core.To{User: p.ben.User}, nil) }
	broadcast := func() parley.Message { return p.send(core.To{Broadcast: p.list}, nil) }
	for name, test := range map[string]struct {
		send func() parley.Message
		on   func(m parley.Message) (parley.HoldKind, parley.ID)
		kept bool
	}{
		"its conversation":  {outside, func(m parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldConversation, m.Conversation }, true},
		"its contact":       {outside, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldContact, p.contact.ID }, true},
		"its author":        {outside, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldUser, p.ana.User }, true},
		"its reader":        {within, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldUser, p.ben.User }, true},
		"somebody else":     {within, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldUser, cleo.User }, false},
		"another's contact": {within, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldContact, p.contact.ID }, false},
		"a list":            {broadcast, func(parley.Message) (parley.HoldKind, parley.ID) { return parley.HoldUser, p.ana.User }, true},
	} {
		m := test.send()
		kind, id := test.on(m)
		h := place(p.World, kind, id)
		_, err := p.Recall(ctx, p.ana, m.ID)
		p.Must(err)
		p.work()
		p.hidden(m.ID, parley.RemovedRecalled)
		if got := held(p.World, m.ID) != nil; got != test.kept {
			t.Errorf("under a hold on %s: kept is %v", name, got)
		}
		lift(p.World, h)
		p.work()
		if held(p.World, m.ID) != nil {
			t.Errorf("after a hold on %s: it is still kept", name)
		}
	}
	p.gone()
}

// A copy of a broadcast is kept by a hold on who got it, while that of others goes.
func TestHoldOnAReaderOfABroadcast(t *testing.T) {
	p := newPlanter(t, 0)
	ctx := t.Context()
	place(p.World, parley.HoldContact, p.contact.ID)
	m := p.send(core.To{Broadcast: p.list}, nil)
	_, err := p.Recall(ctx, p.ana, m.ID)
	p.Must(err)
	p.work()
	copies := must2(p.Messages(ctx, p.Admin, core.MessageFilter{Parent: m.ID}, "", 10))
	kept := 0
	for _, c := range copies {
		if held(p.World, c.ID) != nil {
			kept++
		}
	}
	if len(copies) != 2 || kept != 1 || held(p.World, m.ID) != nil {
		t.Errorf("%d of %d copies are kept", kept, len(copies))
	}
}

// Delete on read, and what a provider says after its message went, under a hold.
func TestHoldOfWhatGoesLate(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	ctx := t.Context()
	once := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("once"), DeleteOnRead: true})
	_, err := w.React(ctx, ben, once.ID, "👍")
	w.Must(err)
	h := place(w, parley.HoldConversation, once.Conversation)
	w.Must(w.MarkRead(ctx, ben, once.ID))
	w.Advance(store.HideAfter)
	if n, err := w.Hide(ctx); n != 1 || err != nil {
		t.Fatalf("hidden: %d, %v", n, err)
	}
	if got := held(w, once.ID); got == nil || got.Reason != parley.RemovedOnRead || got.Message.Body[0].Text != "once" ||
		len(got.Texts) != 1 || !strings.Contains(got.Texts[0].Content, "reacted user "+string(ben.User)) || !strings.Contains(got.Texts[0].Content, "👍") {
		t.Errorf("kept is %+v", got)
	}
	lift(w, h)

	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	place(w, parley.HoldContact, contact.ID)
	m := w.Say(ana, core.To{Contact: contact.ID}, "two")
	ref := store.DeliveryRef{Organization: ana.Organization, Message: m.ID, Number: 1}
	var due []store.Job
	lines, err := w.Store.Read(ctx).Lines()
	w.Must(err)
	for _, l := range lines {
		jobs, err := w.Store.Read(ctx).DueDeliveries(l, w.Now(), 10)
		w.Must(err)
		due = append(due, jobs...)
	}
	w.Must(w.Store.Write(ctx, ana.Organization, func(tx *store.Tx) error {
		_, err := tx.Claim(due, w.Now().Add(time.Minute))
		return err
	}))
	_, err = w.Recall(ctx, ana, m.ID)
	w.Must(err)
	w.Must(w.Store.Write(ctx, ana.Organization, func(tx *store.Tx) error {
		found, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
		if err != nil {
			return err
		}
		found[ref].State, found[ref].Reason = parley.Failed, "I do not like the word two"
		if err := tx.UpdateDeliveries(found); err != nil {
			return err
		}
		return tx.Done(due)
	}))
	w.Advance(2 * time.Minute)
	if n, err := w.EraseCopies(ctx); n != 1 || err != nil {
		t.Errorf("looked again: %d, %v", n, err)
	}
	if deliveries := must(w.Deliveries(ctx, w.Admin, m.ID)); deliveries[0].Reason != "" {
		t.Errorf("what came late is shown: %+v", deliveries[0])
	}
	if got := held(w, m.ID); got == nil || len(got.Texts) != 1 || got.Texts[0].Content != "I do not like the word two" || got.Texts[0].Item != "1" {
		t.Errorf("what came late is kept as %+v", got)
	}
}

// A contact that is deleted under a hold is kept, and goes with the hold; one that becomes a part of another takes its hold there.
func TestHoldOfContacts(t *testing.T) {
	p := newPlanter(t, 0)
	ctx := t.Context()
	other := p.Contact(p.Admin, "Yan "+p.mark(), "phone:+31612345678")
	h := place(p.World, parley.HoldContact, other.ID)
	p.Must(p.Directory.DeleteContact(ctx, p.Admin, other.ID, 0))
	_, err := p.Directory.Contact(ctx, p.Admin, other.ID)
	p.Refused(err, parley.KindNotFound, "not-found")
	p.onlyHeld()
	if got := held(p.World, other.ID); got == nil || got.Kind != parley.HeldContact || got.Contact.Name != other.Name || got.Contact.Addresses[0].Value != "+31612345678" {
		t.Errorf("kept is %+v", got)
	}
	lift(p.World, h)
	p.gone()

	third := p.Contact(p.Admin, "Zoe", "phone:+31612345679")
	m := p.Say(p.ana, core.To{Contact: third.ID}, "words")
	h = place(p.World, parley.HoldContact, third.ID)
	_, err = p.Directory.MergeContact(ctx, p.Admin, third.ID, p.contact.ID, 0)
	p.Must(err)
	_, err = p.Recall(ctx, p.ana, m.ID)
	p.Must(err)
	if held(p.World, m.ID) == nil {
		t.Error("the hold went with the contact that is a part of another now")
	}
	if h = must(p.Holds.Get(ctx, p.Admin, h.ID)); h.Subject.ID != p.contact.ID {
		t.Errorf("the hold is on %s", h.Subject.ID)
	}
	if h := place(p.World, parley.HoldContact, third.ID); h.Subject.ID != p.contact.ID {
		t.Errorf("a hold on a merged contact is on %s", h.Subject.ID)
	}
}

// TestReleaseGoesOn: what a lifted hold kept goes in steps, and what was kept of one message in the meantime stays.
func TestReleaseGoesOn(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ctx := t.Context()
	h := place(w, parley.HoldUser, users[0].User)
	var messages []parley.Message
	for i := range 230 {
		m := w.Say(users[0], core.To{User: users[1+i%2].User}, "words")
		_, err := w.Recall(ctx, users[0], m.ID)
		w.Must(err)
		messages = append(messages, m)
	}
	lift(w, h)
	place(w, parley.HoldUser, users[1].User)
	steps := 0
	for n := 1; n > 0; steps++ {
		var err error
		n, err = w.Release(ctx)
		w.Must(err)
	}
	if left := must2(w.Holds.Held(ctx, w.Admin, "", "", 1000)); len(left) != 115 || steps != 4 {
		t.Errorf("after %d steps %d are kept", steps, len(left))
	}
	entries := must2(audit.New(w.Store).List(ctx, w.Admin, audit.Filter{Act: parley.ActHeldErased}, "", 10))
	if len(entries) != 3 || entries[0].Subject != h.ID || entries[0].Actor.Kind != parley.BySystem {
		t.Errorf("the audit log says %+v", entries)
	}
	if held(w, messages[0].ID) == nil || held(w, messages[1].ID) != nil {
		t.Error("what another hold is about went, or what none is about stayed")
	}
}

// Who may do what about holds, and what is wrong with one.
func TestHoldsAreRefused(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	ana := w.User(w.Admin, "ana")
	m := w.Say(ana, core.To{User: w.Admin.User}, "words")
	beta := w.Organization("Beta")
	on := func(p *access.Principal, kind parley.HoldKind, id parley.ID, reason string) error {
		_, _, err := w.Holds.Place(ctx, p, holds.Params{Subject: parley.HoldSubject{Kind: kind, ID: id}, Reason: reason}, nil)
		return err
	}
	w.Refused(on(w.Admin, parley.HoldConversation, "", "r"), parley.KindInvalid, "required")
	w.Refused(on(w.Admin, parley.HoldConversation, m.Conversation, " "), parley.KindInvalid, "required")
	w.Refused(on(w.Admin, parley.HoldConversation, m.Conversation, strings.Repeat("x", 2001)), parley.KindInvalid, "too-long")
	w.Refused(on(w.Admin, parley.HoldConversation, m.Conversation, "\x00"), parley.KindInvalid, "text-invalid")
	w.Refused(on(w.Admin, "message", m.ID, "r"), parley.KindInvalid, "value-unknown")
	w.Refused(on(w.Admin, parley.HoldOrganization, beta.Organization, "r"), parley.KindInvalid, "value-unknown")
	w.Refused(on(beta, parley.HoldConversation, m.Conversation, "r"), parley.KindInvalid, "conversation-unknown")
	w.Refused(on(beta, parley.HoldUser, ana.User, "r"), parley.KindInvalid, "user-unknown")
	w.Refused(on(beta, parley.HoldContact, "none", "r"), parley.KindInvalid, "contact-unknown")
	h := place(w, parley.HoldConversation, m.Conversation)
	_, err := w.Holds.Get(ctx, beta, h.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, err = w.Holds.Lift(ctx, beta, h.ID, "", 0)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, err = w.Holds.Lift(ctx, w.Admin, h.ID, "", 7)
	w.Refused(err, parley.KindPrecondition, "revision-mismatch")
	_, err = w.Recall(ctx, ana, m.ID)
	w.Must(err)
	_, err = w.Holds.Read(ctx, beta, m.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, _, err = w.Holds.Open(ctx, w.Admin, m.ID, "none")
	w.Refused(err, parley.KindNotFound, "not-found")
	lift(w, h)
	_, err = w.Holds.Lift(ctx, w.Admin, h.ID, "", 0)
	w.Refused(err, parley.KindConflict, "hold-lifted")
}
