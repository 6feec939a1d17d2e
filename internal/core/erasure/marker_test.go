package erasure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the same driver, for a look from outside

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// marker is what is planted, each time with a number behind it.
const marker = "MaRkEr7e1f"

// markers are the marker as it is written, and as it is indexed.
var markers = []string{marker, strings.ToLower(marker)}

// planter plants the marker through every way in.
type planter struct {
	*coretest.World
	n        int
	ttl      time.Duration
	ana, ben *access.Principal
	messages []parley.ID // that hold it
	conv     parley.ID   // of an external contact
	sms      parley.Channel
	email    parley.Channel
	list     parley.ID
	role     parley.ID // whose messages escalate at once
	contact  parley.Contact
	indexer  *search.Indexer
}

func newPlanter(t *testing.T, ttl time.Duration) *planter {
	w := coretest.New(t)
	p := &planter{World: w, ttl: ttl}
	p.ana, p.ben = w.User(w.Admin, "ana"), w.User(w.Admin, "ben")
	p.sms, p.email = w.Channel(w.Admin, "sms"), w.Channel(w.Admin, "email")
	p.contact = w.Contact(w.Admin, "Yan", "email:yan@example.org")
	p.indexer = search.NewIndexer(search.IndexerOptions{Store: w.Store, Grace: time.Nanosecond})
	b, _, err := w.Directory.CreateBroadcast(t.Context(), w.Admin, directory.BroadcastParams{Name: "list"}, nil)
	w.Must(err)
	_, err = w.Directory.AddBroadcastMembers(t.Context(), w.Admin, b.ID, []parley.ID{p.ben.User}, []parley.ID{p.contact.ID})
	w.Must(err)
	p.list = b.ID
	role, _, err := w.Directory.CreateRole(t.Context(), w.Admin, directory.RoleParams{Name: "Nobody"}, nil)
	w.Must(err)
	_, _, err = w.Escalations.CreatePolicy(t.Context(), w.Admin, parley.EscalationPolicy{Name: "Fast", Role: role.ID, Always: true, After: time.Minute,
		Steps: []parley.EscalationStep{{Targets: []parley.Actor{{Kind: parley.ActorUser, ID: p.ben.User}}, After: time.Minute}}}, nil)
	w.Must(err)
	p.role = role.ID
	return p
}

// mark is a text that holds the marker and is like no other.
func (p *planter) mark() string {
	p.n++
	return fmt.Sprintf("%s-%04d", marker, p.n)
}

func (p *planter) content() core.SendParams {
	return core.SendParams{Body: []parley.Part{{Kind: parley.PartText, Text: p.mark()}, {Kind: parley.PartHTML, Text: "<b>" + p.mark() + "</b>"}},
		Metadata: map[string]string{p.mark(): p.mark()}, Tags: []string{p.mark(), p.mark()}, Reference: p.mark(), TTL: p.ttl, Ext: map[string]json.RawMessage{"door": json.RawMessage(`"` + p.mark() + `"`)},
		Attachments: []parley.ID{p.File(p.ana, p.mark()+".txt", strings.Repeat(p.mark()+"\n", 2000)).ID}}
}

func (p *planter) keep(m parley.Message) { p.messages = append(p.messages, m.ID) }

func (p *planter) send(to core.To, change func(*core.SendParams)) parley.Message {
	p.T.Helper()
	params := p.content()
	params.To = to
	if change != nil {
		change(&params)
	}
	m := p.Send(p.ana, params)
	p.keep(m)
	return m
}

// plant sends, records, schedules and receives.
func (p *planter) plant(ctx context.Context) {
	p.T.Helper()
	out := p.send(core.To{Contact: p.contact.ID}, nil)
	p.conv = out.Conversation
	p.failed(out)
	p.send(core.To{Conversation: out.Conversation}, func(s *core.SendParams) { s.Internal = true })
	p.send(core.To{Conversation: out.Conversation}, func(s *core.SendParams) {
		s.Record = &core.Record{Direction: parley.Inbound, SentAt: p.Now().Add(-time.Hour), Author: parley.Actor{Kind: parley.ActorContact, ID: p.contact.ID}}
	})
	p.send(core.To{User: p.ben.User}, nil)
	p.send(core.To{Users: []parley.ID{p.ben.User}}, func(s *core.SendParams) {
		file := parley.File{Media: p.File(p.ana, p.mark()+".png", p.mark()).ID, Alt: p.mark()}
		s.Body = append(s.Body, parley.Part{Kind: parley.PartLocation, Label: p.mark()}, parley.Part{Kind: parley.PartSection, Parts: []parley.Part{
			{Kind: parley.PartImage, Files: []parley.File{file}, Text: p.mark(), Hints: map[string]string{p.mark(): p.mark()}},
			{Kind: parley.PartCarousel, Items: []parley.Item{{Title: p.mark(), File: &file, Actions: []parley.Action{{Kind: parley.ActionReply, Text: p.mark(), Payload: p.mark()}}}}}}})
	})
	p.send(core.To{Broadcast: p.list}, nil)
	p.send(core.To{Role: p.role}, nil)
	edited := p.send(core.To{User: p.ben.User}, nil)
	_, err := p.Edit(ctx, p.ana, edited.ID, coretest.Text(p.mark()))
	p.Must(err)
	for _, to := range []core.To{{User: p.ben.User}, {Contact: p.contact.ID}, {Broadcast: p.list}} { // they go with what they are copies of
		p.Send(p.ana, core.SendParams{To: to, Body: coretest.Text(p.mark()), Forward: out.ID, TTL: p.ttl})
	}
	p.Must(p.Receive(ctx, p.ana.Organization, p.email.ID, []connector.Inbound{{ProviderID: "in-1", From: parley.Address{Kind: parley.AddressEmail, Value: "yan@example.org"},
		FromName: "Yan", Body: coretest.Text(p.mark()), At: p.Now()}}))
	page, _, err := p.Messages(ctx, p.Admin, core.MessageFilter{Direction: parley.Inbound}, "", 10)
	p.Must(err)
	for _, m := range page {
		p.keep(m)
		p.Must(p.Store.Write(ctx, p.ana.Organization, func(tx *store.Tx) error {
			if p.ttl > 0 && !m.Recorded { // what comes from outside has no life of its own
				if err := tx.SetExpiry(p.ana.Organization, m.ID, p.Now().Add(p.ttl)); err != nil {
					return err
				}
				if err := tx.Schedule(store.Job{Organization: p.ana.Organization, ID: store.JobID(store.JobExpire, string(m.ID)), Kind: store.JobExpire,
					DueAt: p.Now().Add(p.ttl), Message: m.ID}); err != nil {
					return err
				}
			}
			return tx.Park(p.ana.Organization, &store.Parked{ID: parley.NewID(p.Now()), Channel: p.email.ID, Kind: "inbound", Message: m.ID, Raw: "raw " + p.mark()})
		}))
	}
}

// failed lets a provider fail a delivery with words of the message.
func (p *planter) failed(m parley.Message) {
	p.T.Helper()
	p.Must(p.Store.Write(p.T.Context(), p.ana.Organization, func(tx *store.Tx) error {
		ref := store.DeliveryRef{Organization: p.ana.Organization, Message: m.ID, Number: 1}
		found, err := tx.DeliveriesOf([]store.DeliveryRef{ref})
		if err != nil {
			return err
		}
		found[ref].Reason = "refused: " + p.mark()
		if err := tx.UpdateDeliveries(found); err != nil {
			return err
		}
		return tx.WriteAttempts([]store.AttemptRow{{Organization: p.ana.Organization, Attempt: parley.Attempt{Message: m.ID, Delivery: 1, Number: 1,
			Outcome: parley.AttemptRetry, Text: "refused: " + p.mark(), Request: "GET https://provider.example/send?text=" + p.mark()}}})
	}))
}

// fill adds messages of many conversations and organizations, so that pages of the database are full and split.
func (p *planter) fill(n int) {
	p.T.Helper()
	other := p.Organization("Beta")
	dora, _, err := p.Directory.CreateUser(p.T.Context(), other, directory.UserParams{Name: "dora"}, nil)
	p.Must(err)
	for i := range n {
		p.Say(p.ben, core.To{User: p.ana.User}, fmt.Sprintf("filler %d %s", i, strings.Repeat("x", i%700)))
		p.Say(other, core.To{User: dora.ID}, fmt.Sprintf("filler %d %s", i, strings.Repeat("y", i%300)))
	}
}

// found returns where the marker is, in tables as somebody with the file reads them, and in files.
func (p *planter) found() (places []string) {
	p.T.Helper()
	tables := p.Tables()
	for _, c := range tables.Columns {
		for _, written := range markers {
			var n int
			p.Must(tables.QueryRow(fmt.Sprintf("SELECT count(*) FROM %q WHERE "+tables.Contains, c.Table, c.Name), written).Scan(&n))
			if n > 0 {
				places = append(places, fmt.Sprintf("table %s.%s: %d", c.Table, c.Name, n))
			}
		}
	}
	p.Must(filepath.WalkDir(p.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the note of a scrub that is over
		}
		for _, written := range markers {
			if n := bytes.Count(content, []byte(written)); n > 0 {
				name, _ := filepath.Rel(p.Folder, path)
				places = append(places, fmt.Sprintf("file %s: %d", name, n))
			}
		}
		return err
	}))
	return places
}

// work does what is due in the background until there is nothing.
func (p *planter) work() {
	p.T.Helper()
	for n := 1; n > 0; {
		n = 0
		for _, run := range []func(context.Context) (int, error){p.Expire, p.Hide, p.EraseCopies, p.Release} {
			done, err := run(p.T.Context())
			p.Must(err)
			n += done
		}
		more, err := p.Files.RemoveBlobs(p.T.Context())
		p.Must(err)
		if more {
			n++
		}
	}
	p.index()
}

// index has the index of words follow what happened.
func (p *planter) index() {
	p.T.Helper()
	organizations, err := p.Store.Read(p.T.Context()).Organizations("", 10)
	p.Must(err)
	for _, o := range organizations {
		p.Must(p.indexer.CatchUp(p.T.Context(), o.ID))
	}
}

// gone checks that the marker is nowhere, soon.
func (p *planter) gone() {
	p.T.Helper()
	p.work()
	var places []string
	for range 200 {
		if places = p.found(); places == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
		p.work()
	}
	p.T.Errorf("the marker is still in:\n%s", strings.Join(places, "\n"))
}

// everywhere checks that the marker is where it should be before it is erased, so that the search is known to look.
func (p *planter) everywhere() {
	p.T.Helper()
	p.index()
	places := strings.Join(p.found(), "\n")
	for _, want := range []string{"messages.body", "messages.attachments", "messages.reference", "messages.details", "message_tags.tag",
		"media.name", "parked.raw", "attempts.text", "attempts.request", "deliveries.reason", "search_pages.data", "file media", "file parley.db"} {
		if p.Store.Shared() && want == "file parley.db" {
			continue // its files are the server's
		}
		if !strings.Contains(places, want) {
			p.T.Errorf("the marker was not planted in %s; it is in:\n%s", want, places)
		}
	}
}

func TestNothingIsLeftAfterExpiry(t *testing.T) {
	p := newPlanter(t, time.Hour)
	p.fill(30)
	p.plant(t.Context())
	p.fill(30)
	p.everywhere()
	later := p.send(core.To{User: p.ben.User}, func(s *core.SendParams) { s.SendAt = p.Now().Add(time.Hour) })
	_, _, err := p.CancelScheduled(t.Context(), p.ana, later.ID, nil)
	p.Must(err)
	if n, err := p.Expire(t.Context()); n != 0 || err != nil {
		t.Fatalf("expired before its time: %d, %v", n, err)
	}
	p.Advance(time.Hour + time.Second)
	m, err := p.Message(t.Context(), p.ana, p.messages[0])
	p.Must(err)
	if len(m.Body) != 0 || m.Removed != parley.RemovedExpired { // before anybody has come round to it
		t.Errorf("past its life: %+v", m)
	}
	p.gone()
	for _, id := range p.messages {
		m, err := p.Message(t.Context(), p.Admin, id)
		p.Must(err)
		if m.Removed != parley.RemovedExpired || m.RemovedAt.IsZero() || m.State == "" {
			t.Errorf("tombstone: %+v", m)
		}
	}
	copies, _, err := p.Messages(t.Context(), p.Admin, core.MessageFilter{Parent: p.messages[5]}, "", 10)
	p.Must(err)
	if len(copies) != 2 || copies[0].Removed != parley.RemovedExpired {
		t.Errorf("copies: %+v", copies)
	}
}

func TestNothingIsLeftAfterRecall(t *testing.T) {
	p := newPlanter(t, 0)
	p.fill(30)
	p.plant(t.Context())
	p.send(core.To{User: p.ben.User}, func(s *core.SendParams) { s.SendAt = p.Now().Add(time.Hour) })
	p.fill(30)
	p.everywhere()
	for _, id := range p.messages {
		first, err := p.Recall(t.Context(), p.Admin, id)
		p.Must(err)
		again, err := p.Recall(t.Context(), p.Admin, id)
		p.Must(err)
		if first.Removed != parley.RemovedRecalled || len(first.Body) != 0 || !first.RemovedAt.Equal(again.RemovedAt) || first.State != again.State {
			t.Errorf("recalled: %+v, again: %+v", first, again)
		}
	}
	p.gone()
}
