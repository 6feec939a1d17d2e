package erasure_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/erasure"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/fresh"
)

func TestRecallIsItsAuthors(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	m := w.Say(ana, core.To{User: ben.User}, "oops")
	_, err := w.Recall(t.Context(), ben, m.ID)
	w.Refused(err, parley.KindForbidden, "not-the-author")
	_, err = w.Recall(t.Context(), cleo, m.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	_, err = w.Recall(t.Context(), w.Organization("Beta"), m.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	end := len(w.Events(ana, 0))
	_, err = w.Recall(t.Context(), ana, m.ID)
	w.Must(err)
	_, err = w.Recall(t.Context(), ana, m.ID)
	w.Must(err)
	events := w.Events(ana, 0)[end:]
	if len(events) != 1 || events[0].Type != parley.EventMessageRemoved || events[0].Data.Reason != "recalled" || events[0].Data.Actor != ana.User {
		t.Errorf("events: %+v", events)
	}
	seen, err := w.Message(t.Context(), ben, m.ID)
	w.Must(err)
	if seen.Removed != parley.RemovedRecalled || seen.State != parley.Sent || seen.Sequence != 1 || seen.Author.ID != ana.User {
		t.Errorf("tombstone: %+v", seen)
	}
}

func TestRecallCancelsWhatWaits(t *testing.T) {
	w := coretest.New(t)
	ana := w.User(w.Admin, "ana")
	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	first := w.Say(ana, core.To{Contact: contact.ID}, "one")
	second := w.Say(ana, core.To{Contact: contact.ID}, "two")
	m, err := w.Recall(t.Context(), ana, first.ID)
	w.Must(err)
	if m.State != parley.Canceled || m.Counts[parley.Canceled] != 1 {
		t.Errorf("recalled: %s %v", m.State, m.Counts)
	}
	lines, err := w.Store.Read(t.Context()).Lines()
	w.Must(err)
	var due []store.Job
	for _, l := range lines {
		jobs, err := w.Store.Read(t.Context()).DueDeliveries(l, w.Now(), 10)
		w.Must(err)
		due = append(due, jobs...)
	}
	if len(due) != 1 || due[0].Message != second.ID {
		t.Errorf("the next of the order is not due: %+v", due)
	}
	// What is under way is left to end as it ends.
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error {
		_, err := tx.Claim(due, w.Now().Add(time.Minute))
		return err
	}))
	m, err = w.Recall(t.Context(), ana, second.ID)
	w.Must(err)
	if m.State != parley.Queued || m.Removed != parley.RemovedRecalled {
		t.Errorf("recalled under way: %s %s", m.State, m.Removed)
	}
	// What the provider says then goes as well.
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error {
		ref := store.DeliveryRef{Organization: ana.Organization, Message: second.ID, Number: 1}
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
	if n, err := w.EraseCopies(t.Context()); n != 1 || err != nil {
		t.Errorf("looked again: %d, %v", n, err)
	}
	deliveries, err := w.Deliveries(t.Context(), ana, second.ID)
	w.Must(err)
	if deliveries[0].Reason != "" || deliveries[0].State != parley.Failed {
		t.Errorf("after looking again: %+v", deliveries[0])
	}
	if n, err := w.EraseCopies(t.Context()); n != 0 || err != nil {
		t.Errorf("looked once more: %d, %v", n, err)
	}
}

// TestEveryColumnIsKnown: whoever adds a column of text says here whether it can hold content of a message; one that
// can is in the list of places, and is planted in the tests that look for what is left.
func TestEveryColumnIsKnown(t *testing.T) {
	const erased, other = "erased with its message", "no content of messages"
	known := map[string]string{
		"messages.body": erased, "messages.attachments": erased, "messages.reference": erased, "messages.ext": erased, "messages.details": erased,
		"message_tags.tag": erased, "media.name": erased, "parked.raw": erased, "attempts.text": erased, "attempts.request": erased,
		"deliveries.reason": erased, "interactions": erased, "links": erased, "hook_requests": erased, "message_versions.body": erased, "templates": other, "template_versions": other, "saved_replies": other,

		"search_pages.word": erased, "search_pages.data": erased, "search_pages.kind": other,
		"search_state": other, "search_segments": other, "search_gone": other, "search_prints": other,
		"accounts": other, "organizations": other, "keys": other, "users": other, "teams": other, "roles": other, "shifts": other, "schedules": other, "auto_replies": other, "auto_reply_marks": other, "sla_policies": other, "sla_clocks": other, "escalation_policies": other, "escalations": other, "escalation_fallbacks": other, "permission_sets": other, "broadcasts": other, "contacts": other,
		"contact_addresses": other, "attribute_definitions": other, "contact_external_ids": other, "contact_places": other, "event_places": other, "upload_forms": other, "record_counts": other, "record_ids": other, "suppressions": other, "blocked_senders": other, "contact_exports": other, "contact_erasures": other, "channels": other, "broadcast_members": other, "schema_migrations": other,
		"conversation_details": other, "conversation_labels": other, "views": other, "selections": other, "pages": other, "page_answers": other, "conversation_attributes": other, "conversation_history": other, "merged_conversations": other, "drafts": other, // is no message yet, and goes when it is one

		"conversations": other, // its title, tags and metadata are written on it by people
		"participants":  other, "acknowledgements": other, "marks": other, "provider_references": other,
		"hooks": other, "webhooks": other, "webhook_places": other, "webhook_posts": other, "events": other, "idempotency": other, "leases": other, "schema_nodes": other, "fallback_addresses": other, // hashes
		"do_not_disturb": other, "away_notices": other, "profiles": other, "entity_metadata": other, // what users say of themselves; ids
		"held_content.content": "kept by a hold, and erased with the last one", "held_files.name": "kept by a hold, and erased with the last one",
		"holds": other,                       // reasons are written by who places and lifts them
		"audit": other, "audit_heads": other, // ids, names of fields, and values that are no content
	}
	for table, columns := range map[string]string{
		"messages":   "kind direction author_kind author_name platform removed",
		"deliveries": "recipient_kind recipient_name address_kind address state phase code",
		"attempts":   "outcome code", "parked": "kind reference reason", "media": "content_type sha256", "message_versions": "editor_kind", "mentions": "kind",
		"held": "kind reason", "held_content": "place item", "held_files": "content_type sha256", "jobs": "kind payload",
	} {
		for _, column := range strings.Fields(columns) {
			known[table+"."+column] = other
		}
	}
	w := coretest.New(t)
	for _, c := range w.Tables().Columns {
		if c.Type != "TEXT" || c.Name == "id" || strings.HasSuffix(c.Name, "_id") {
			continue
		}
		if known[c.Table+"."+c.Name] == "" && known[c.Table] == "" {
			t.Errorf("can %s.%s hold content of a message? See the list of places", c.Table, c.Name)
		}
	}
}

func TestScheduledMessagesAreCanceled(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	at := w.Now().Add(time.Hour)
	m := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("later"), SendAt: at})
	_, _, err := w.CancelScheduled(t.Context(), ben, m.ID, nil)
	w.Refused(err, parley.KindNotFound, "not-found")
	i := &access.Idempotency{Key: "k", Method: "POST", Path: "/cancel"}
	for n := range 2 {
		got, replayed, err := w.CancelScheduled(t.Context(), ana, m.ID, i)
		w.Must(err)
		if got.State != parley.Canceled || replayed != (n == 1) || len(got.Body) == 0 {
			t.Errorf("call %d: %s, replayed %v", n, got.State, replayed)
		}
	}
	_, _, err = w.CancelScheduled(t.Context(), ana, m.ID, nil)
	w.Refused(err, parley.KindConflict, "not-scheduled")
	w.Advance(2 * time.Hour)
	if n, err := w.Publish(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("published %d, %v", n, err)
	}
	sent := w.Say(ana, core.To{User: ben.User}, "now")
	_, _, err = w.CancelScheduled(t.Context(), ana, sent.ID, nil)
	w.Refused(err, parley.KindConflict, "not-scheduled")
}

// A scheduled message is as old as its request, whenever it is sent.
func TestScheduledMessageKeepsItsAge(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben")
	at := w.Now().Add(time.Hour)
	m := w.Send(users[0], core.SendParams{To: core.To{User: users[1].User}, Body: coretest.Text("later"), SendAt: at})
	w.Advance(2 * time.Hour)
	if n, err := w.Publish(t.Context(), 10); n != 1 || err != nil {
		t.Fatalf("published %d, %v", n, err)
	}
	got, err := w.Message(t.Context(), users[0], m.ID)
	w.Must(err)
	if got.Sequence != 1 || !got.CreatedAt.Equal(m.CreatedAt) || got.SentAt.Before(at) {
		t.Errorf("made at %v: %+v", m.CreatedAt, got)
	}
}

func TestRecallOfABroadcastTakesItsCopies(t *testing.T) {
	w := coretest.New(t)
	ana := w.User(w.Admin, "ana")
	w.Channel(w.Admin, "sms")
	b, _, err := w.Directory.CreateBroadcast(t.Context(), w.Admin, directory.BroadcastParams{Name: "all"}, nil)
	w.Must(err)
	var users, contacts []parley.ID
	for i := range 90 {
		users = append(users, w.User(w.Admin, fmt.Sprint("u", i)).User)
	}
	for i := range 20 {
		contacts = append(contacts, w.Contact(w.Admin, "c", fmt.Sprintf("phone:+316%08d", i)).ID)
	}
	_, err = w.Directory.AddBroadcastMembers(t.Context(), w.Admin, b.ID, users, contacts)
	w.Must(err)
	m := w.Say(ana, core.To{Broadcast: b.ID}, "all of you")
	m, err = w.Message(t.Context(), ana, m.ID)
	w.Must(err)
	if m.Counts[parley.Sent] != 90 || m.Counts[parley.Queued] != 20 {
		t.Fatalf("counts: %v", m.Counts)
	}
	_, err = w.Recall(t.Context(), ana, m.ID)
	w.Must(err)
	runs := 0
	for n := 1; n > 0; runs++ {
		n, err = w.EraseCopies(t.Context())
		w.Must(err)
	}
	if runs < 3 {
		t.Errorf("copies went in %d steps", runs)
	}
	m, err = w.Message(t.Context(), ana, m.ID)
	w.Must(err)
	if m.Counts[parley.Canceled] != 20 {
		t.Errorf("counts after: %v", m.Counts)
	}
	left := 0
	for after := ""; ; {
		page, next, err := w.Messages(t.Context(), w.Admin, core.MessageFilter{Parent: m.ID}, after, 100)
		w.Must(err)
		for _, c := range page {
			if c.Removed != parley.RemovedRecalled {
				left++
			}
		}
		if after = next; next == "" {
			break
		}
	}
	if left > 0 {
		t.Errorf("%d copies still have their content", left)
	}
}

func TestDeleteOnRead(t *testing.T) {
	w := coretest.New(t)
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	m := w.Send(ana, core.SendParams{To: core.To{Users: []parley.ID{ben.User, cleo.User}}, Body: coretest.Text("once"), DeleteOnRead: true})
	plain := w.Say(ana, core.To{Conversation: m.Conversation}, "for ever")
	content := func(p *access.Principal) bool {
		got, err := w.Message(t.Context(), p, m.ID)
		w.Must(err)
		if (got.Removed == "") != (len(got.Body) > 0) {
			t.Errorf("removed %q with %v", got.Removed, got.Body)
		}
		return len(got.Body) > 0
	}
	hide := func() {
		w.Advance(store.HideAfter)
		for n := 1; n > 0; {
			var err error
			n, err = w.Hide(t.Context())
			w.Must(err)
		}
	}
	w.Must(w.ReadThrough(t.Context(), ana, m.Conversation, 0)) // who wrote it keeps it all the same
	hide()
	if !content(ana) {
		t.Error("its author does not see it after reading it")
	}
	w.Must(w.ReadThrough(t.Context(), ben, m.Conversation, 0))
	if n, err := w.Hide(t.Context()); n != 0 || err != nil || !content(ben) {
		t.Fatalf("hidden before its time: %d, %v", n, err)
	}
	hide()
	if content(ben) || !content(cleo) || !content(ana) {
		t.Errorf("after ben's reading: ben %v, cleo %v, ana %v", content(ben), content(cleo), content(ana))
	}
	page, _, err := w.Thread(t.Context(), ben, m.Conversation, "", 10)
	w.Must(err)
	if len(page) != 2 || page[0].Removed != "" || page[1].Removed != parley.RemovedOnRead {
		t.Errorf("ben's thread: %+v", page)
	}
	w.Must(w.MarkRead(t.Context(), cleo, m.ID))
	hide()
	if content(cleo) || content(ana) {
		t.Errorf("after all have read: cleo %v, ana %v", content(cleo), content(ana))
	}
	got, err := w.Message(t.Context(), ana, plain.ID)
	w.Must(err)
	if got.Removed != "" {
		t.Error("another message went too")
	}
	var forBen []parley.EventType
	for _, e := range w.Events(ana, 0) {
		audiences, err := w.Audiences(t.Context(), ana.Organization, []parley.Event{e})
		w.Must(err)
		if e.Type == parley.EventMessageRemoved && audiences[0].Sees(ben) {
			forBen = append(forBen, e.Type)
		}
	}
	if len(forBen) != 2 { // that it went for him, and that it went
		t.Errorf("ben is told %d times", len(forBen))
	}
}

func TestDeleteOnReadOutside(t *testing.T) {
	w := coretest.New(t)
	ana := w.User(w.Admin, "ana")
	w.Channel(w.Admin, "chat")
	contact := w.Contact(w.Admin, "Zoe", "chat:zoe")
	m := w.Send(ana, core.SendParams{To: core.To{Contact: contact.ID}, Body: coretest.Text("once"), DeleteOnRead: true})
	w.Must(w.Store.Write(t.Context(), ana.Organization, func(tx *store.Tx) error {
		ref := store.DeliveryRef{Organization: ana.Organization, Message: m.ID, Number: 1}
		found, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
		if err != nil {
			return err
		}
		found[ref].State, found[ref].ReadAt = parley.Read, tx.Now
		if err := tx.UpdateDeliveries(found); err != nil {
			return err
		}
		return tx.HideDelivered([]store.DeliveryRef{ref})
	}))
	if n, err := w.Hide(t.Context()); n != 0 || err != nil {
		t.Fatalf("hidden before its time: %d, %v", n, err)
	}
	w.Advance(store.HideAfter)
	if n, err := w.Hide(t.Context()); n != 1 || err != nil {
		t.Fatalf("hidden: %d, %v", n, err)
	}
	got, err := w.Message(t.Context(), ana, m.ID)
	w.Must(err)
	if got.Removed != parley.RemovedOnRead || got.State != parley.Read {
		t.Errorf("after reading: %s %s", got.Removed, got.State)
	}
}

// TestRetention sweeps for a while in virtual time.
func TestRetention(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(context.Background(), store.Options{Folder: folder, URL: fresh.Database(t, folder), Log: slog.New(slog.DiscardHandler),
			Now: time.Now}) // the test's, where PostgreSQL's would not be
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		const o = "o"
		write := func(unit func(tx *store.Tx) error) {
			if err := s.Write(context.Background(), o, unit); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *store.Tx) error { return tx.InsertOrganization(&parley.Organization{ID: o, Name: "O"}) })
		add := func(n int) {
			write(func(tx *store.Tx) error {
				for i := range n {
					tx.Emit(o, parley.Event{Type: parley.EventUserCreated, Subject: "u"})
					if err := tx.Park(o, &store.Parked{ID: parley.NewID(tx.Now), Raw: strings.Repeat("r", 12_000), Kind: "inbound"}); err != nil {
						return err
					}
					key := fmt.Sprint(tx.Now.UnixMilli(), i)
					if err := tx.ClaimKey(o, &store.Idempotency{Scope: key, Resource: parley.ID(key)}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		add(1500)
		before := size(t, folder)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			erasure.NewSweeper(erasure.SweeperOptions{Store: s, Log: slog.New(slog.DiscardHandler), Retention: erasure.Retention{
				Events: 4 * time.Minute, Parked: 4 * time.Minute, Idempotency: time.Minute, Every: 10 * time.Second}}).Run(ctx)
		}()
		time.Sleep(2*time.Minute + 30*time.Second)
		add(10)
		if n := idempotency(t, s); n != 10 {
			t.Errorf("halfway %d idempotency records", n)
		}
		r, err := s.Read(context.Background()).LogRange(o)
		if err != nil || r.Oldest != 1 {
			t.Errorf("halfway: %+v, %v", r, err)
		}
		time.Sleep(2*time.Minute + 30*time.Second)
		r, err = s.Read(context.Background()).LogRange(o)
		if err != nil || r.Oldest != 1501 || r.Latest != 1510 {
			t.Errorf("at the end: %+v, %v", r, err)
		}
		parked, err := s.Read(context.Background()).ParkedList(o, "", 5000)
		if err != nil || len(parked) != 10 {
			t.Errorf("at the end %d parked, %v", len(parked), err)
		}
		cancel()
		<-ended
		time.Sleep(time.Second) // the checkpoint
		if after := size(t, folder); after > before/3 && !s.Shared() {
			t.Errorf("the file had %d bytes and has %d", before, after)
		}
	})
}

func size(t *testing.T, folder string) (n int64) {
	t.Helper()
	for _, name := range []string{"parley.db", "parley.db-wal"} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err == nil {
			n += info.Size()
		}
	}
	return n
}

// idempotency counts the records that a sweep of everything would delete.
func idempotency(t *testing.T, s *store.Store) (n int64) {
	t.Helper()
	undo := fmt.Errorf("undo")
	err := s.Write(context.Background(), "o", func(tx *store.Tx) (err error) {
		n, err = tx.DropIdempotency(time.Now().Add(time.Hour), 100_000)
		if err == nil {
			err = undo
		}
		return err
	})
	if !slices.Contains([]error{nil, undo}, err) {
		t.Fatal(err)
	}
	return n
}
