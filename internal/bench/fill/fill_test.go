package fill

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/pgtest"
	"github.com/parley-server/parley/internal/store"
)

func quiet(string, ...any) {}

// TestFilledIsAsIfSent: what is filled in has no gap, counts as delivered, and is where a send goes on.
func TestFilledIsAsIfSent(t *testing.T) {
	for name, url := range map[string]func() string{"embedded": func() string { return "" }, "PostgreSQL": func() string { return pgtest.Database(t) }} {
		t.Run(name, func(t *testing.T) { checkFilled(t, Place{Folder: t.TempDir(), URL: url()}) })
	}
}

func checkFilled(t *testing.T, place Place) {
	sizes := Sizes{Organizations: 3, Contacts: 24, Stored: 240, Recipients: 40, Users: 6, Reads: []int{500}}
	prepared, err := Prepare(t.Context(), place, sizes, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Prepare(t.Context(), place, sizes, quiet); err != nil || again.Organizations[0].Key != prepared.Organizations[0].Key {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	sizes.Stored++
	if _, err := Prepare(t.Context(), place, sizes, quiet); err == nil || !strings.Contains(err.Error(), "other sizes") {
		t.Errorf("other sizes: %v", err)
	}

	s, err := store.Open(t.Context(), store.Options{Folder: place.Folder, URL: place.URL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	stored := 0
	for _, o := range prepared.Organizations {
		stored += messagesOf(t, s, o)
	}
	if stored != 240 {
		t.Errorf("%d messages are stored", stored)
	}
	sendOn(t, s, prepared.Organizations[1])
	checkPeople(t, s, prepared)
	for _, r := range prepared.Reads {
		if r.Visible != r.Conversations/100 || len(r.Threads) != r.Visible || len(r.Long) == 0 || len(r.References) != r.Visible {
			t.Errorf("of %d conversations %d are visible: %+v", r.Conversations, r.Visible, r)
		}
	}
}

// TestOthersDataAreLeftAlone: a place with data of somebody else, or that was not filled to the end, is refused.
func TestOthersDataAreLeftAlone(t *testing.T) {
	for _, place := range []Place{{Folder: t.TempDir()}, {Folder: t.TempDir(), URL: pgtest.Database(t)}} {
		s, err := store.Open(t.Context(), store.Options{Folder: place.Folder, URL: place.URL, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = Prepare(t.Context(), place, Sizes{Users: 2}, quiet)
		if err == nil || !strings.Contains(err.Error(), place.String()+" has data that were not prepared for this") || strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// messagesOf counts an organization's messages and looks for gaps.
func messagesOf(t *testing.T, s *store.Store, o Organization) int {
	t.Helper()
	q, organization := s.Read(t.Context()), parley.ID(o.ID)
	events, err := q.Events(organization, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	states := map[parley.DeliveryState]int{}
	var ids []parley.ID
	for i, e := range events {
		if e.Sequence != int64(i+1) {
			t.Fatalf("event %d is number %d", e.Sequence, i+1)
		}
		if e.Type == parley.EventMessageCreated {
			ids = append(ids, e.Message)
		}
		states[e.Data.State]++
	}
	messages, err := q.Messages(organization, ids)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := q.DeliveryCounts(organization, ids)
	if err != nil {
		t.Fatal(err)
	}
	last, numbers := map[parley.ID]int64{}, map[parley.ID]int{}
	for _, m := range messages {
		last[m.Conversation] = max(last[m.Conversation], m.Sequence)
		numbers[m.Conversation]++
		if counts[m.ID][parley.Read] != 1 || len(m.Body) != 1 || len(m.Body[0].Text) != textLength {
			t.Errorf("message %+v, %v", m, counts[m.ID])
		}
	}
	for id, n := range last {
		if c, err := q.Conversation(organization, id); err != nil || n != int64(numbers[id]) || c.LastSequence != n {
			t.Errorf("conversation %s has %d messages up to %d, %v", id, numbers[id], c.LastSequence, err)
		}
	}
	if states[parley.Sent] != len(ids) || states[parley.Delivered] != len(ids) || states[parley.Read] != len(ids) {
		t.Errorf("%d messages, %v", len(ids), states)
	}
	return len(ids)
}

// sendOn sends to each contact of an organization, by its key.
func sendOn(t *testing.T, s *store.Store, o Organization) {
	t.Helper()
	client, err := connector.NewClient(connector.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := core.New(core.Options{Store: s, Connectors: map[string]connector.Definition{sandbox.Name: sandbox.Definition(client)}})
	p := principal(t, s, o.Key)
	q := s.Read(t.Context())
	for _, id := range o.Contacts {
		sent, err := c.Send(t.Context(), p, core.SendParams{To: core.To{Contact: parley.ID(id)}, Body: []parley.Part{{Kind: parley.PartText, Text: "x"}}})
		if err != nil {
			t.Fatal(err)
		}
		conversation, err := q.Conversation(p.Organization, sent.Message.Conversation)
		if err != nil || conversation.CreatedAt.After(sent.Message.CreatedAt.Add(-past/2)) {
			t.Errorf("a send to %s began a conversation, %v", id, err)
		}
	}
}

func principal(t *testing.T, s *store.Store, key string) *core.Principal {
	t.Helper()
	p, err := access.NewAuthenticator(s, nil).Authenticate(context.Background(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func checkPeople(t *testing.T, s *store.Store, prepared *Prepared) {
	t.Helper()
	q := s.Read(t.Context())
	list, err := q.Broadcast(parley.ID(prepared.Broadcast.ID), parley.ID(prepared.Broadcast.List))
	if err != nil || list.MemberCount != 40 {
		t.Errorf("a list of %d, %v", list.MemberCount, err)
	}
	for _, u := range prepared.Live.Users {
		if p := principal(t, s, u.Key); string(p.User) != u.ID || p.RateLimit != 0 {
			t.Errorf("the key of %s is of %s, %d requests a minute", u.ID, p.User, p.RateLimit)
		}
	}
	o := principal(t, s, prepared.Live.Key).Organization
	for _, g := range prepared.Live.Groups {
		if _, err := q.Participant(o, parley.ID(g.Conversation), parley.ID(prepared.Live.Users[g.Author].ID)); err != nil || g.Members != 3 {
			t.Errorf("%+v: %v", g, err)
		}
	}
}
