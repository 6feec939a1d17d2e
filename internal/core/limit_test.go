package core_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// limitTo sets the limits of the organization.
func limitTo(w *coretest.World, list ...parley.ContactLimit) {
	w.T.Helper()
	_, err := w.Directory.UpdateOrganization(w.T.Context(), w.Admin, directory.OrganizationPatch{Limits: &list}, 0)
	w.Must(err)
}

// sayTo sends a message of a class to a contact on a channel.
func sayTo(w *coretest.World, to core.To, change func(*core.SendParams)) (parley.Message, error) {
	params := core.SendParams{To: to, Body: coretest.Text("x"), Class: parley.ClassMarketing}
	if change != nil {
		change(&params)
	}
	sent, err := w.Core.Send(w.T.Context(), w.Admin, params)
	return sent.Message, err
}

// TestLimitIsExact: however many send at once, on whatever channel and through whichever node, as many are accepted as
// the limit allows, and as many go out at once where the others wait.
func TestLimitIsExact(t *testing.T) {
	for _, beyond := range []parley.LimitBeyond{parley.LimitRefuses, parley.LimitDefers} {
		t.Run(string(beyond), func(t *testing.T) { limitIsExact(t, beyond, false) })
		t.Run(string(beyond)+" on two nodes", func(t *testing.T) { limitIsExact(t, beyond, true) })
	}
}

func limitIsExact(t *testing.T, beyond parley.LimitBeyond, nodes bool) {
	if nodes {
		t.Setenv("PARLEY_TEST_DATABASE", "postgres")
	}
	w := coretest.New(t)
	beside := w.Core
	if nodes {
		beside = coretest.Open(t, w.Folder).Core
	}
	const most, senders, each = 7, 8, 4
	sms, other := w.Channel(w.Admin, "sms"), w.Channel(w.Admin, "sms", w.Admin.User)
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	limitTo(w, parley.ContactLimit{Class: parley.ClassMarketing, Max: most, Period: 20 * time.Minute, Beyond: beyond})
	var accepted, refused, atOnce atomic.Int64
	var all sync.WaitGroup
	for n := range senders {
		params, node := core.SendParams{To: core.To{Contact: contact.ID, Channel: sms.ID}, Body: coretest.Text("x"), Class: parley.ClassMarketing}, w.Core
		if n%2 == 1 {
			params.To.Channel = other.ID
		}
		if n >= senders/2 {
			node = beside
		}
		all.Go(func() {
			for range each {
				sent, err := node.Send(t.Context(), w.Admin, params)
				switch {
				case parley.IsKind(err, parley.KindRateLimited):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				default:
					accepted.Add(1)
					if sent.Message.NotBefore.IsZero() {
						atOnce.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	wantAccepted := int64(most)
	if beyond == parley.LimitDefers {
		wantAccepted = senders * each
	}
	if accepted.Load() != wantAccepted || refused.Load() != senders*each-wantAccepted || atOnce.Load() != most {
		t.Errorf("%d accepted, %d of them at once, %d refused", accepted.Load(), atOnce.Load(), refused.Load())
	}
	standings, err := w.Limits.Standings(t.Context(), w.Admin, contact.ID)
	w.Must(err)
	if s := standings[0]; s.Used != most || s.Waiting != int(wantAccepted)-most || s.FreeAt.IsZero() {
		t.Errorf("it stands at %+v", s)
	}
	w.Advance(time.Hour + 20*time.Minute)
	if standings, err = w.Limits.Standings(t.Context(), w.Admin, contact.ID); err != nil || standings[0].Waiting != 0 {
		t.Errorf("later it stands at %+v, %v", standings, err)
	}
}

// TestLimitCountsWhatIsSent: repeats, refusals, notes, records, other classes, urgent messages and what members write to each other take
// no place; what is taken back before it went out gives its place back.
func TestLimitCountsWhatIsSent(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	sms := w.Channel(w.Admin, "sms")
	ben := w.User(w.Admin, "Ben")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	limitTo(w, parley.ContactLimit{Class: parley.ClassMarketing, Max: 1, Period: time.Hour, Beyond: parley.LimitRefuses})
	to := core.To{Contact: contact.ID}
	used := func(what string, want int) {
		t.Helper()
		list, err := w.Limits.Standings(ctx, w.Admin, contact.ID)
		w.Must(err)
		if list[0].Used != want {
			t.Errorf("after %s it counts %d, want %d", what, list[0].Used, want)
		}
	}
	for what, change := range map[string]func(*core.SendParams){
		"another class": func(s *core.SendParams) { s.Class = "" },
		"a message of high priority": func(s *core.SendParams) {
			s.Priority = parley.PriorityHigh
		},
		"a message between members": func(s *core.SendParams) { s.To = core.To{User: ben.User} },
		"a note":                    func(s *core.SendParams) { s.Internal = true },
	} {
		for range 2 {
			_, err := sayTo(w, to, change)
			w.Must(err)
		}
		used(what, 0)
	}
	if _, err := sayTo(w, to, func(s *core.SendParams) { s.ReplyTo = "nothing" }); err == nil {
		t.Error("a reply to nothing was taken")
	}
	used("a refused message", 0)

	key := &access.Idempotency{Method: "POST", Path: "/v1/messages", Key: "k"}
	again := func(s *core.SendParams) { s.Idempotency = key }
	first, err := sayTo(w, to, again)
	w.Must(err)
	repeat, err := sayTo(w, to, again)
	w.Must(err)
	if repeat.ID != first.ID {
		t.Errorf("the repeat made %s beside %s", repeat.ID, first.ID)
	}
	used("a message and its repeat", 1)
	_, err = sayTo(w, core.To{Address: "phone:+31612345678"}, nil)
	w.Refused(err, parley.KindRateLimited, "contact-limit")
	_, err = sayTo(w, core.To{Conversation: first.Conversation}, nil)
	w.Refused(err, parley.KindRateLimited, "contact-limit")
	if e := parley.AsError(err); e.RetryAfter <= 59*time.Minute || e.RetryAfter > time.Hour || e.Facts["freeAt"] == "" {
		t.Errorf("refused with %+v", e)
	}
	_, err = sayTo(w, core.To{Conversation: first.Conversation}, func(s *core.SendParams) {
		s.Record = &core.Record{Direction: parley.Outbound}
	})
	w.Must(err)

	_, err = w.Recall(ctx, w.Admin, first.ID)
	w.Must(err)
	used("it was taken back", 0)
	_, err = sayTo(w, to, nil)
	w.Must(err)
	used("the next", 1)
	w.Advance(time.Hour + time.Second)
	_, err = sayTo(w, core.To{Contact: contact.ID, Channel: sms.ID}, nil)
	w.Must(err)
	if _, err := w.Limits.Standings(ctx, w.Organization("Beta"), contact.ID); !parley.IsKind(err, parley.KindNotFound) {
		t.Errorf("another organization: %v", err)
	}
}

// TestLimitGoesWithTheContact: two that are merged have got what both have, and of one that is erased nothing is left.
func TestLimitGoesWithTheContact(t *testing.T) {
	w := coretest.New(t)
	ctx := t.Context()
	w.Channel(w.Admin, "sms")
	yan, zoe := w.Contact(w.Admin, "Yan", "phone:+31612345678"), w.Contact(w.Admin, "Zoe", "phone:+31612345679")
	limitTo(w, parley.ContactLimit{Class: parley.ClassAll, Platform: "sms", Max: 2, Period: time.Hour, Beyond: parley.LimitRefuses},
		parley.ContactLimit{Class: parley.ClassAll, Platform: "email", Max: 1, Period: time.Hour, Beyond: parley.LimitRefuses})
	for _, c := range []parley.Contact{yan, zoe} {
		_, err := sayTo(w, core.To{Contact: c.ID}, nil)
		w.Must(err)
	}
	_, err := w.Directory.MergeContact(ctx, w.Admin, zoe.ID, yan.ID, 0)
	w.Must(err)
	for _, id := range []parley.ID{yan.ID, zoe.ID} {
		list, err := w.Limits.Standings(ctx, w.Admin, id)
		w.Must(err)
		if list[0].Used != 2 || list[1].Used != 0 || list[0].FreeAt.IsZero() || !list[1].FreeAt.IsZero() {
			t.Errorf("%s has got %+v", id, list)
		}
		_, err = sayTo(w, core.To{Contact: id}, nil)
		w.Refused(err, parley.KindRateLimited, "contact-limit")
	}
	_, _, err = w.EraseContact(ctx, w.Admin, yan.ID, nil)
	w.Must(err)
	for n := 1; n > 0; {
		n, err = w.ForgetContacts(ctx)
		w.Must(err)
	}
	var left int
	w.Must(w.Tables().QueryRow("SELECT count(*) FROM contact_places").Scan(&left))
	if left != 0 {
		t.Errorf("%d places are left", left)
	}
}

// TestLimitCostsOnlyWhatItCounts: a message that no limit counts needs the statements that it needs where there are none, and one that is counted
// two more than on the way that others take, which is the slow one.
func TestLimitCostsOnlyWhatItCounts(t *testing.T) {
	w := coretest.New(t)
	w.Channel(w.Admin, "sms")
	contact := w.Contact(w.Admin, "Yan", "phone:+31612345678")
	needs := func(change func(*core.SendParams)) int {
		fewest := 0
		for n := range 4 {
			ran := w.Statements(func() {
				_, err := sayTo(w, core.To{Contact: contact.ID}, change)
				w.Must(err)
			})
			if n > 0 && (fewest == 0 || ran < fewest) {
				fewest = ran
			}
		}
		return fewest
	}
	slowly := func(s *core.SendParams) { s.RequestAck = true }
	hot, slow := needs(nil), needs(slowly)
	limitTo(w, parley.ContactLimit{Class: parley.ClassService, Max: 1000, Period: time.Hour, Beyond: parley.LimitRefuses},
		parley.ContactLimit{Class: parley.ClassAll, Platform: "email", Max: 1000, Period: time.Hour, Beyond: parley.LimitDefers})
	if other, slower := needs(nil), needs(slowly); other != hot || slower != slow {
		t.Errorf("uncounted: %d and %d statements, want %d and %d", other, slower, hot, slow)
	}
	limitTo(w, parley.ContactLimit{Class: parley.ClassMarketing, Max: 1000, Period: time.Hour, Beyond: parley.LimitRefuses})
	if counted := needs(slowly); counted != slow+2 {
		t.Errorf("counted: %d statements, want %d", counted, slow+2)
	}
}
