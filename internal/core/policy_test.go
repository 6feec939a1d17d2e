package core_test

import (
	"testing"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// TestPolicyOfLifetimes: the organization's ttl holds for every way in.
func TestPolicyOfLifetimes(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	users := w.Users(w.Admin, "ana", "ben")
	ana, ben := users[0], users[1]
	ch := w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	list, _, err := w.Directory.CreateBroadcast(ctx, w.Admin, directory.BroadcastParams{Name: "all"}, nil)
	w.Must(err)
	_, err = w.Directory.AddBroadcastMembers(ctx, w.Admin, list.ID, []parley.ID{ben.User}, []parley.ID{contact.ID})
	w.Must(err)
	policy := func(fallback, most time.Duration, lock bool, keep time.Duration) {
		t.Helper()
		patch := directory.OrganizationPatch{DefaultTTL: &fallback, MaxTTL: &most, LockTTL: &lock, Retention: map[parley.ConversationKind]*time.Duration{}}
		for _, kind := range []parley.ConversationKind{parley.ConversationDirect, parley.ConversationExternal} {
			if patch.Retention[kind] = nil; keep > 0 {
				patch.Retention[kind] = &keep
			}
		}
		_, err := w.Directory.UpdateOrganization(ctx, w.Admin, patch, 0)
		w.Must(err)
		w.Forget(w.Admin.Organization)
	}
	ways := map[string]func(ttl time.Duration) []parley.Message{
		"sent": func(ttl time.Duration) []parley.Message {
			return []parley.Message{w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("x"), TTL: ttl})}
		},
		"sent outside": func(ttl time.Duration) []parley.Message {
			return []parley.Message{w.Send(ana, core.SendParams{To: core.To{Contact: contact.ID}, Body: coretest.Text("x"), TTL: ttl})}
		},
		"recorded": func(ttl time.Duration) []parley.Message {
			m := w.Say(ana, core.To{User: ben.User}, "x")
			return []parley.Message{w.Send(w.Admin, core.SendParams{To: core.To{Conversation: m.Conversation}, Body: coretest.Text("x"), TTL: ttl,
				Record: &core.Record{Direction: parley.NoDirection}})}
		},
		"broadcast": func(ttl time.Duration) []parley.Message {
			m := w.Send(ana, core.SendParams{To: core.To{Broadcast: list.ID}, Body: coretest.Text("x"), TTL: ttl})
			copies, _, err := w.Messages(ctx, w.Admin, core.MessageFilter{Parent: m.ID}, "", 10)
			w.Must(err)
			if len(copies) != 2 {
				t.Errorf("%d copies", len(copies))
			}
			return copies
		},
	}
	receive := func() parley.Message {
		w.Must(w.Receive(ctx, ana.Organization, ch.ID, []connector.Inbound{{ProviderID: string(parley.NewID(w.Now())), From: contact.Addresses[0], Body: coretest.Text("x"), At: w.Now()}}))
		page, _, err := w.Messages(ctx, w.Admin, core.MessageFilter{Direction: parley.Inbound}, "", 1)
		w.Must(err)
		return page[0]
	}
	for _, test := range []struct {
		fallback, most time.Duration
		lock           bool
		keep           time.Duration
		ask, want      time.Duration
	}{
		{0, 0, false, 0, 0, 0},
		{0, 0, false, 0, time.Hour, time.Hour},
		{2 * time.Hour, 0, false, 0, 0, 2 * time.Hour},
		{2 * time.Hour, 0, false, 0, time.Hour, time.Hour},
		{0, 3 * time.Hour, false, 0, 0, 3 * time.Hour},
		{0, 3 * time.Hour, false, 0, 4 * time.Hour, 3 * time.Hour},
		{2 * time.Hour, 3 * time.Hour, true, 0, 0, 2 * time.Hour},
		{0, 0, false, 5 * time.Hour, 9 * time.Hour, 5 * time.Hour},
		{0, 0, false, 5 * time.Hour, 0, 0},
	} {
		policy(test.fallback, test.most, test.lock, test.keep)
		for name, way := range ways {
			for _, m := range way(test.ask) {
				if m.TTL != test.want || m.ExpiresAt.IsZero() != (test.want == 0) {
					t.Errorf("%+v: %s with the ttl %v until %v", test, name, m.TTL, m.ExpiresAt)
				}
			}
		}
		if test.ask == 0 {
			if m := receive(); m.TTL != test.want || m.ExpiresAt.IsZero() != (test.want == 0) {
				t.Errorf("%+v: received with the ttl %v until %v", test, m.TTL, m.ExpiresAt)
			}
		}
	}

	policy(0, 0, false, 0)
	scheduled := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("x"), TTL: 9 * time.Hour, SendAt: w.Now().Add(time.Hour)})
	plain := w.Send(ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("x"), SendAt: w.Now().Add(time.Hour)})
	policy(2*time.Hour, 3*time.Hour, false, 0)
	w.Advance(2 * time.Hour)
	if n, err := w.Publish(ctx, 10); n != 2 || err != nil {
		t.Fatalf("published %d, %v", n, err)
	}
	for id, want := range map[parley.ID]time.Duration{scheduled.ID: 3 * time.Hour, plain.ID: 2 * time.Hour} {
		m, err := w.Message(ctx, ana, id)
		w.Must(err)
		if m.TTL != want || !m.ExpiresAt.Equal(m.SentAt.Add(want)) {
			t.Errorf("published with the ttl %v until %v", m.TTL, m.ExpiresAt)
		}
	}
	policy(2*time.Hour, 3*time.Hour, true, 0)
	_, err = w.Core.Send(ctx, ana, core.SendParams{To: core.To{User: ben.User}, Body: coretest.Text("x"), TTL: time.Hour})
	w.Refused(err, parley.KindInvalid, "ttl-locked")
	m := receive()
	w.Advance(2*time.Hour + time.Second)
	for n := 1; n > 0; {
		n, err = w.Expire(ctx)
		w.Must(err)
	}
	if m, err = w.Message(ctx, w.Admin, m.ID); err != nil || m.Removed != parley.RemovedExpired {
		t.Errorf("what was received is %q, %v", m.Removed, err)
	}
}
