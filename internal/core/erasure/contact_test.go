package erasure_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/holds"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// planted is in everything that is said and known about the contact that is erased; spared in what stays.
const planted, spared = "zqmarker", "zqspared"

// known makes a contact with all that there can be about one, and returns it and a conversation that it has with somebody else.
func known(w *coretest.World) (parley.Contact, parley.ID) {
	w.T.Helper()
	t, p := w.T, w.Admin
	email, sms := w.Channel(p, "email"), w.Channel(p, "sms")
	contact, _, err := w.Directory.CreateContact(t.Context(), p, directory.ContactParams{Name: "Ana " + planted, ExternalID: planted + "1",
		ExternalIDs: map[string]string{"crm": planted + "2"}, Tags: []string{planted + "tag"}, Attributes: map[string]string{"a" + planted: planted},
		Addresses: []parley.Address{{Kind: "email", Value: planted + "@example.org"}, {Kind: "phone", Value: "+15550107"}, {Kind: "phone", Value: "+15550199", Shared: true}}}, nil)
	w.Must(err)
	other := w.Contact(p, "Bo "+spared, "email:bo@example.org")
	list, _, err := w.Directory.CreateBroadcast(t.Context(), p, directory.BroadcastParams{Name: "News"}, nil)
	w.Must(err)
	_, err = w.Directory.AddBroadcastMembers(t.Context(), p, list.ID, nil, []parley.ID{contact.ID, other.ID})
	w.Must(err)
	file := w.File(p, planted+".txt", "a file "+planted)
	for i, to := range []core.To{{Contact: contact.ID, Channel: email.ID}, {Contact: contact.ID, Channel: sms.ID}} {
		m := w.Send(p, core.SendParams{To: to, Body: coretest.Text("to " + planted), Reference: planted, Tags: []string{planted}, Metadata: map[string]string{"m": planted},
			Attachments: []parley.ID{file.ID}[:1-i]})
		w.Send(p, core.SendParams{To: core.To{Conversation: m.Conversation}, Internal: true, Body: coretest.Text("a note on " + planted)})
		w.Send(p, core.SendParams{To: to, Body: coretest.Text("later " + planted), SendAt: w.Now().Add(1e12)})
		_, err := w.UpdateConversation(t.Context(), p, m.Conversation, thread.ConversationPatch{Title: ptr("About " + planted), Tags: &[]string{planted}}, 0)
		w.Must(err)
	}
	w.Must(w.Receive(t.Context(), p.Organization, email.ID, []connector.Inbound{{ProviderID: "p1", From: contact.Addresses[0], FromName: "Ana " + planted,
		Body: coretest.Text("from " + planted)}}))
	w.Must(w.Park(t.Context(), p.Organization, email.ID, []byte("From: "+planted+"@example.org\nwhat is this"), "unreadable"))
	w.Must(w.Park(t.Context(), p.Organization, email.ID, []byte("From: "+spared+"@example.org"), "unreadable"))
	mixed, _, err := w.CreateConversation(t.Context(), p, thread.ConversationParams{Kind: parley.ConversationExternal, Channel: email.ID, Title: "With " + spared,
		Participants: []thread.NewParticipant{{Contact: contact.ID}, {Contact: other.ID}}}, nil)
	w.Must(err)
	asked := w.Say(p, core.To{Conversation: mixed.ID}, "to both "+spared)
	w.Send(p, core.SendParams{To: core.To{Conversation: mixed.ID}, Body: coretest.Text("said by " + planted),
		Record: &core.Record{Direction: parley.Inbound, Author: parley.Actor{Kind: parley.ActorContact, ID: contact.ID}}})
	w.Must(w.Store.Write(t.Context(), p.Organization, func(tx *store.Tx) error {
		return tx.WriteAttempts([]store.AttemptRow{{Organization: p.Organization, Attempt: parley.Attempt{Message: asked.ID, Delivery: 1, Number: 1, StartedAt: tx.Now,
			EndedAt: tx.Now, Outcome: parley.AttemptFailed, Text: "no such user " + planted, Request: "POST /" + planted}}})
	}))
	for _, class := range []parley.MessageClass{parley.ClassMarketing, parley.ClassAll} {
		_, err = w.Suppress(t.Context(), p, consent.SuppressionParams{Contact: contact.ID, Class: class, Note: planted})
		w.Must(err)
	}
	_, err = w.Block(t.Context(), p, consent.BlockParams{Contact: contact.ID, Note: planted})
	w.Must(err)
	w.Must(w.Receive(t.Context(), p.Organization, email.ID, []connector.Inbound{{ProviderID: "p2", From: contact.Addresses[0], Body: coretest.Text("blocked " + planted)}}))
	return contact, mixed.ID
}

func ptr[T any](v T) *T { return &v }

// left is where a text is found in the database and in the files.
func left(w *coretest.World, text string) (found []string) {
	w.T.Helper()
	tables := w.Tables()
	defer tables.Close()
	for _, c := range tables.Columns {
		var n int
		w.Must(tables.QueryRow(fmt.Sprintf("SELECT count(*) FROM %q WHERE "+tables.Contains, c.Table, c.Name), text).Scan(&n))
		if n > 0 {
			found = append(found, fmt.Sprintf("%s.%s %d times", c.Table, c.Name, n))
		}
	}
	w.Must(filepath.WalkDir(w.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), "parley.db") {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	}))
	return found
}

func forget(w *coretest.World) (steps int) {
	w.T.Helper()
	for n := 1; n > 0; steps++ {
		var err error
		n, err = w.ForgetContacts(w.T.Context())
		w.Must(err)
	}
	for more := true; more; {
		var err error
		more, err = w.Files.RemoveBlobs(w.T.Context())
		w.Must(err)
	}
	return steps
}

func export(w *coretest.World, contact parley.ID) parley.ContactExport {
	w.T.Helper()
	e, _, err := w.Dossiers.Export(w.T.Context(), w.Admin, contact, nil)
	w.Must(err)
	made, err := w.Dossiers.Make(w.T.Context())
	w.Must(err)
	e, err = w.Dossiers.Get(w.T.Context(), w.Admin, contact, e.ID)
	w.Must(err)
	if !made || e.State != parley.DossierReady {
		w.T.Fatalf("made %v: %+v", made, e)
	}
	return e
}

func TestNothingIsLeftOfAnErasedContact(t *testing.T) {
	w := coretest.New(t)
	contact, mixed := known(w)
	before := export(w, contact.ID)
	if len(left(w, planted)) < 15 {
		t.Fatalf("it is planted in %v", left(w, planted))
	}
	sparedBefore := left(w, spared)
	e, _, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Must(err)
	again, _, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Must(err)
	if again != e || e.State != parley.DossierPending {
		t.Errorf("asked again: %+v, before %+v", again, e)
	}
	into := w.Contact(w.Admin, "Other", "phone:+15550555")
	_, err = w.Directory.MergeContact(t.Context(), w.Admin, contact.ID, into.ID, 0)
	w.Refused(err, parley.KindConflict, "contact-erasing")
	forget(w)
	if found := left(w, planted); len(found) > 0 {
		t.Errorf("left is: %v", found)
	}
	if found := left(w, "+15550107"); len(found) > 0 {
		t.Errorf("the number is left: %v", found)
	}
	if found := left(w, spared); fmt.Sprint(found) != fmt.Sprint(sparedBefore) {
		t.Errorf("of the others there is %v, there was %v", found, sparedBefore)
	}
	e, err = w.Erasure(t.Context(), w.Admin, contact.ID)
	w.Must(err)
	if e.State != parley.DossierDone || e.Messages != 8 || e.EndedAt.IsZero() {
		t.Errorf("the erasure: %+v", e)
	}
	_, err = w.Directory.Contact(t.Context(), w.Admin, contact.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	before, err = w.Dossiers.Get(t.Context(), w.Admin, contact.ID, before.ID)
	w.Must(err)
	if before.State != parley.DossierExpired || before.Media != "" {
		t.Errorf("the export: %+v", before)
	}
	page, _, err := w.Thread(t.Context(), w.Admin, mixed, "", 10)
	w.Must(err)
	if len(page) != 2 || page[0].Removed != parley.RemovedErased || page[0].Author.ID != contact.ID || page[1].Removed != "" {
		t.Errorf("the conversation with others: %+v", page)
	}
	if _, again, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil); err != nil || again {
		t.Errorf("asked once more: %v", err)
	}
	_, _, err = w.EraseContact(t.Context(), w.Organization("Beta"), contact.ID, nil)
	w.Refused(err, parley.KindNotFound, "not-found")
}

// What somebody did not want stays unwanted when the address comes back, and who was blocked stays so.
func TestConsentOutlivesErasure(t *testing.T) {
	w := coretest.New(t)
	contact, _ := known(w)
	_, _, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Must(err)
	forget(w)
	_, err = w.Core.Send(t.Context(), w.Admin, core.SendParams{To: core.To{Address: "phone:+15550107"}, Body: coretest.Text("hello")})
	w.Refused(err, parley.KindInvalid, "address-suppressed")
	page, _, err := w.Suppressions(t.Context(), w.Admin, consent.SuppressionFilter{Address: "phone:+15550107"}, "", 10)
	w.Must(err)
	if len(page) != 2 {
		t.Errorf("suppressions: %+v", page)
	}
	_, _, err = w.PlayInbound(t.Context(), w.Admin, core.InboundParams{From: "phone:+15550107", Body: coretest.Text("me again")}, nil)
	w.Refused(err, parley.KindConflict, "sender-blocked")
}

// What comes while a contact is erased goes too.
func TestErasureTakesWhatComesMeanwhile(t *testing.T) {
	w := coretest.New(t)
	ch := w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, planted, "phone:+15550107")
	w.Say(w.Admin, core.To{Contact: contact.ID}, "one "+planted)
	_, _, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Must(err)
	for i := range 2 { // the messages, then the conversation
		if n, err := w.ForgetContacts(t.Context()); n != 1 || err != nil {
			t.Fatalf("step %d: %d, %v", i, n, err)
		}
		w.Must(w.Receive(t.Context(), w.Admin.Organization, ch.ID, []connector.Inbound{{ProviderID: fmt.Sprint(i), From: contact.Addresses[0],
			Body: coretest.Text("meanwhile " + planted)}}))
	}
	forget(w)
	if found := left(w, planted); len(found) > 0 {
		t.Errorf("left is: %v", found)
	}
}

func TestHoldOutranksErasure(t *testing.T) {
	w := coretest.New(t)
	contact := w.Contact(w.Admin, "Ana", "phone:+15550107")
	place := func() parley.Hold {
		h, _, err := w.Holds.Place(t.Context(), w.Admin, holds.Params{Subject: parley.HoldSubject{Kind: parley.HoldContact, ID: contact.ID}, Reason: "a lawsuit"}, nil)
		w.Must(err)
		return h
	}
	h := place()
	_, _, err := w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Refused(err, parley.KindConflict, "legal-hold")
	_, err = w.Holds.Lift(t.Context(), w.Admin, h.ID, "settled", 0)
	w.Must(err)
	_, _, err = w.EraseContact(t.Context(), w.Admin, contact.ID, nil)
	w.Must(err)
	h = place()
	for range 2 {
		_, err = w.ForgetContacts(t.Context())
		w.Must(err)
	}
	e, err := w.Erasure(t.Context(), w.Admin, contact.ID)
	w.Must(err)
	if e.State != parley.DossierHeld {
		t.Errorf("held: %+v", e)
	}
	_, err = w.Holds.Lift(t.Context(), w.Admin, h.ID, "settled", 0)
	w.Must(err)
	w.Advance(2 * 3600e9)
	forget(w)
	if e, err = w.Erasure(t.Context(), w.Admin, contact.ID); err != nil || e.State != parley.DossierDone {
		t.Errorf("after the hold: %+v, %v", e, err)
	}
}

func TestExport(t *testing.T) {
	w := coretest.New(t)
	contact, _ := known(w)
	e := export(w, contact.ID)
	file, blob, err := w.Files.Open(t.Context(), w.Admin, e.Media)
	w.Must(err)
	content, err := io.ReadAll(blob)
	w.Must(err)
	w.Must(blob.Close())
	if file.ContentType != "application/zip" || int64(len(content)) != e.Size {
		t.Errorf("the file: %+v", file)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	w.Must(err)
	parts := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		w.Must(err)
		text, err := io.ReadAll(r)
		w.Must(err)
		parts[strings.SplitN(f.Name, "/", 2)[0]] += string(text)
	}
	for part, want := range map[string][]string{
		"contact.json": {planted + "@example.org", `"crm": "` + planted + `2"`}, "consents.json": {`"class": "marketing"`}, "files": {"a file " + planted},
		"conversations.jsonl": {"About " + planted}, "messages.jsonl": {"to " + planted, "from " + planted, "said by " + planted, "to both " + spared},
	} {
		for _, text := range want {
			if !strings.Contains(parts[part], text) {
				t.Errorf("%s has no %q: %s", part, text, parts[part])
			}
		}
	}
	if strings.Contains(parts["messages.jsonl"], "a note") {
		t.Error("it has what was not said to the contact")
	}
	_, _, err = w.Dossiers.Export(t.Context(), w.User(w.Admin, "ben"), contact.ID, nil)
	w.Refused(err, parley.KindForbidden, "organization-key-required")
	_, err = w.Dossiers.Get(t.Context(), w.Organization("Beta"), contact.ID, e.ID)
	w.Refused(err, parley.KindNotFound, "not-found")
	// It goes with the content that it has, and else when its time is over.
	other := export(w, contact.ID)
	page, _, err := w.Messages(t.Context(), w.Admin, core.MessageFilter{Recipient: contact.ID}, "", 1)
	w.Must(err)
	_, err = w.Recall(t.Context(), w.Admin, page[0].ID)
	w.Must(err)
	for _, id := range []parley.ID{e.ID, other.ID} {
		if e, err = w.Dossiers.Get(t.Context(), w.Admin, contact.ID, id); err != nil || e.State != parley.DossierExpired || e.Media != "" {
			t.Errorf("after the recall: %+v, %v", e, err)
		}
	}
	last := export(w, contact.ID)
	w.Advance(8 * 24 * 3600e9)
	if last, err = w.Dossiers.Get(t.Context(), w.Admin, contact.ID, last.ID); err != nil || last.State != parley.DossierExpired {
		t.Errorf("after a week: %+v, %v", last, err)
	}
	for more := true; more; {
		more, err = w.Files.RemoveBlobs(t.Context())
		w.Must(err)
	}
	if blobs, _ := filepath.Glob(filepath.Join(w.Folder, "media", "*", "*", "*")); len(blobs) > 1 {
		t.Errorf("files are left: %v", blobs)
	}
}
