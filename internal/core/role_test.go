package core_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/parley"
)

// ward is a world with a role.
type ward struct {
	*coretest.World
	role parley.ID
}

func (w *ward) makeRole(params directory.RoleParams, members ...*access.Principal) {
	w.T.Helper()
	params.Name = "Charge nurse"
	for _, m := range members {
		params.Members = append(params.Members, m.User)
	}
	role, _, err := w.Directory.CreateRole(w.T.Context(), w.Admin, params, nil)
	w.Must(err)
	w.role = role.ID
}

func (w *ward) in(p *access.Principal) {
	w.T.Helper()
	_, err := w.Directory.ComeOnDuty(w.T.Context(), p, w.role, "")
	w.Must(err)
}

func (w *ward) out(p *access.Principal) {
	w.T.Helper()
	_, err := w.Directory.GoOffDuty(w.T.Context(), p, w.role, "", "")
	w.Must(err)
}

func (w *ward) ask(p *access.Principal, text string) parley.Message {
	w.T.Helper()
	return w.Say(p, core.To{Role: w.role}, text)
}

// sees returns the texts that somebody finds in a conversation, oldest first, by every way there is.
func (w *ward) sees(p *access.Principal, conversation parley.ID) string {
	w.T.Helper()
	ctx := w.T.Context()
	messages, _, err := w.Core.Thread(ctx, p, conversation, "", 100)
	if parley.IsKind(err, parley.KindNotFound) {
		messages = nil
	} else {
		w.Must(err)
	}
	var texts []string
	seen := map[parley.ID]bool{}
	for _, m := range slices.Backward(messages) {
		texts = append(texts, m.Body[0].Text)
		seen[m.ID] = true
		if _, err := w.Core.Message(ctx, p, m.ID); err != nil {
			w.T.Errorf("the message %q of the list: %v", m.Body[0].Text, err)
		}
	}
	for _, e := range w.Events(p, 0) {
		if e.Type != parley.EventMessageCreated || e.Conversation != conversation {
			continue
		}
		audiences, err := w.Core.Audiences(ctx, p.Organization, []parley.Event{e})
		w.Must(err)
		if audiences[0].Sees(p) != seen[e.Message] {
			w.T.Errorf("%s sees event %d: %v, message: %v", p.UserName, e.Sequence, !seen[e.Message], seen[e.Message])
		}
		if _, err := w.Core.Message(ctx, p, e.Message); (err == nil) != seen[e.Message] {
			w.T.Errorf("%s sees message %s alone: %v", p.UserName, e.Message, err)
		}
	}
	return strings.Join(texts, " ")
}

func (w *ward) wantSees(conversation parley.ID, want map[*access.Principal]string) {
	w.T.Helper()
	for p, texts := range want {
		if got := w.sees(p, conversation); got != texts {
			w.T.Errorf("%s sees %q, want %q", p.UserName, got, texts)
		}
	}
}

// Who is on duty sees what is written to the role meanwhile, and what came while nobody was there; never what came for others.
func TestRoleConversationFollowsDuty(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo", "dan")
	ana, ben, cleo, dan := users[0], users[1], users[2], users[3]
	w.makeRole(directory.RoleParams{}, ana, ben)
	beta := w.Organization("Beta")
	w.in(ana)
	first := w.ask(cleo, "one")
	c := first.Conversation
	if first.State != parley.Sent || first.Counts[parley.Sent] != 1 {
		t.Errorf("while ana is on duty: %s %v", first.State, first.Counts)
	}
	w.wantSees(c, map[*access.Principal]string{ana: "one", ben: "", cleo: "one", dan: "", beta: ""})
	w.in(ben)
	w.ask(cleo, "two")
	w.out(ana)
	w.ask(cleo, "three")
	w.wantSees(c, map[*access.Principal]string{ana: "one two", ben: "two three", cleo: "one two three", dan: ""})
	w.out(ben)
	kept := w.ask(cleo, "four")
	if kept.State != parley.Queued {
		t.Errorf("while nobody is on duty: %s %v", kept.State, kept.Counts)
	}
	w.wantSees(c, map[*access.Principal]string{ana: "one two", ben: "two three", cleo: "one two three four"})
	w.in(ana)
	w.ask(cleo, "five")
	w.wantSees(c, map[*access.Principal]string{ana: "one two four five", ben: "two three", cleo: "one two three four five", dan: "", beta: ""})
	again, err := w.Core.Message(t.Context(), cleo, kept.ID)
	w.Must(err)
	if again.State != parley.Sent || again.Counts[parley.Sent] != 1 {
		t.Errorf("once ana has come: %s %v", again.State, again.Counts)
	}
	w.Must(w.Core.MarkRead(t.Context(), ana, kept.ID))
	if again, err = w.Core.Message(t.Context(), cleo, kept.ID); err != nil || again.State != parley.Read {
		t.Errorf("once ana has read it: %s, %v", again.State, err)
	}
	w.Refused(w.Core.MarkRead(t.Context(), ben, kept.ID), parley.KindNotFound, "not-found")
	_, err = w.Core.Send(t.Context(), ben, core.SendParams{To: core.To{Conversation: c}, Body: coretest.Text("late")})
	w.Refused(err, parley.KindForbidden, "not-a-participant")
	_, err = w.Core.Send(t.Context(), dan, core.SendParams{To: core.To{Conversation: c}, Body: coretest.Text("x")})
	w.Refused(err, parley.KindInvalid, "conversation-unknown")
}

func TestRoleReplaysHistory(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	w.makeRole(directory.RoleParams{ReplayHistory: true, SingleOwner: true}, ana, ben)
	w.in(ana)
	c := w.ask(cleo, "one").Conversation
	w.in(ben) // takes over
	w.ask(cleo, "two")
	w.wantSees(c, map[*access.Principal]string{ana: "one", ben: "one two"})
	role, err := w.Directory.Role(t.Context(), w.Admin, w.role)
	w.Must(err)
	if !slices.Equal(role.OnDuty, []parley.ID{ben.User}) {
		t.Errorf("on duty are %v", role.OnDuty)
	}
}

// A role answers once while nobody is there, or takes nothing.
func TestUnattendedRole(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "cleo")
	ana, cleo := users[0], users[1]
	w.makeRole(directory.RoleParams{AwayText: "away"}, ana)
	c := w.ask(cleo, "one").Conversation
	w.ask(cleo, "two")
	w.wantSees(c, map[*access.Principal]string{cleo: "one away two", ana: ""})
	w.in(ana)
	w.ask(cleo, "three")
	w.out(ana)
	w.ask(cleo, "four")
	w.ask(cleo, "five")
	w.wantSees(c, map[*access.Principal]string{cleo: "one away two three four away five", ana: "one away two three"})

	required := true
	_, err := w.Directory.UpdateRole(t.Context(), w.Admin, w.role, directory.RolePatch{OwnerRequired: &required}, 0)
	w.Must(err)
	before := len(w.Events(w.Admin, 0))
	for _, to := range []core.To{{Role: w.role}, {Conversation: c}} {
		_, err := w.Core.Send(t.Context(), cleo, core.SendParams{To: to, Body: coretest.Text("six")})
		w.Refused(err, parley.KindConflict, "role-unattended")
		if parley.AsError(err).Facts["awayText"] != "away" {
			t.Errorf("does not say what the role says: %v", parley.AsError(err).Facts)
		}
	}
	if after := len(w.Events(w.Admin, 0)); after != before {
		t.Errorf("%d events of what was refused", after-before)
	}
	w.in(ana)
	w.ask(cleo, "six")
	_, err = w.Directory.GoOffDuty(t.Context(), ana, w.role, "", "")
	w.Refused(err, parley.KindConflict, "owner-required")
	inactive := false
	_, err = w.Directory.UpdateUser(t.Context(), w.Admin, ana.User, directory.UserPatch{Active: &inactive}, 0)
	w.Must(err)
	_, err = w.Core.Send(t.Context(), cleo, core.SendParams{To: core.To{Role: w.role}, Body: coretest.Text("seven")})
	w.Refused(err, parley.KindConflict, "role-unattended")
}

// Somebody writes as a role exactly while on duty, in the role's conversation.
func TestSendAsRole(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	w.makeRole(directory.RoleParams{}, ana, ben)
	as := func(p *access.Principal, to core.To) (parley.Message, error) {
		sent, err := w.Core.Send(t.Context(), p, core.SendParams{To: to, From: core.From{Role: w.role}, Body: coretest.Text("as")})
		return sent.Message, err
	}
	_, err := as(ana, core.To{User: cleo.User})
	w.Refused(err, parley.KindForbidden, "not-on-duty")
	w.in(ana)
	m, err := as(ana, core.To{User: cleo.User})
	w.Must(err)
	if m.Author.Kind != parley.ActorRole || m.Author.ID != w.role || m.Actor.ID != ana.User || m.Counts[parley.Sent] != 1 {
		t.Errorf("message %+v", m)
	}
	if stored, err := w.Core.Message(t.Context(), cleo, m.ID); err != nil || stored.State != m.State || stored.Counts[parley.Sent] != 1 {
		t.Errorf("stored is %s %v, %v", stored.State, stored.Counts, err)
	}
	if reply := w.ask(cleo, "reply"); reply.Conversation != m.Conversation {
		t.Error("the answer is in another conversation")
	}
	w.wantSees(m.Conversation, map[*access.Principal]string{ana: "as reply", cleo: "as reply", ben: ""})
	if _, err := as(ana, core.To{Conversation: m.Conversation}); err != nil {
		t.Error(err)
	}
	later, err := w.Core.Send(t.Context(), ana, core.SendParams{To: core.To{User: cleo.User}, From: core.From{Role: w.role}, Body: coretest.Text("later"), SendAt: w.Now().Add(time.Hour)})
	w.Must(err)
	w.in(ben)
	w.out(ana)
	_, err = as(ana, core.To{Conversation: m.Conversation})
	w.Refused(err, parley.KindForbidden, "not-on-duty")
	w.Advance(2 * time.Hour)
	_, err = w.Core.Publish(t.Context(), 10)
	w.Must(err)
	if got, err := w.Core.Message(t.Context(), ana, later.Message.ID); err != nil || got.State != parley.Canceled {
		t.Errorf("scheduled as a role that ana has no more: %s, %v", got.State, err)
	}
	_, err = as(ana, core.To{Role: w.role})
	w.Refused(err, parley.KindInvalid, "not-allowed")
	beta := w.Organization("Beta")
	_, err = w.Core.Send(t.Context(), beta, core.SendParams{To: core.To{Role: w.role}, Body: coretest.Text("x")})
	w.Refused(err, parley.KindInvalid, "role-unknown")
	_, err = w.Core.Send(t.Context(), beta, core.SendParams{To: core.To{User: beta.User}, From: core.From{Role: w.role}, Body: coretest.Text("x")})
	w.Refused(err, parley.KindInvalid, "role-unknown")
}

// Going off duty and writing at the same time: either the message is before, or the one who left does not get it.
func TestDutyAndSendsAtOnce(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	users := w.Users(w.Admin, "ana", "ben", "cleo")
	ana, ben, cleo := users[0], users[1], users[2]
	w.makeRole(directory.RoleParams{}, ana, ben)
	w.in(ana)
	c := w.ask(cleo, "0").Conversation
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				_, err := w.Core.Send(t.Context(), cleo, core.SendParams{To: core.To{Role: w.role}, Body: coretest.Text("x")})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for range 5 {
			_, err := w.Directory.GoOffDuty(t.Context(), ana, w.role, "", ben.User)
			_, err2 := w.Directory.GoOffDuty(t.Context(), ben, w.role, "", ana.User)
			if err := errors.Join(err, err2); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	total, whole := 0, len(strings.Fields(w.sees(cleo, c)))
	for _, p := range []*access.Principal{ana, ben} {
		total += len(strings.Fields(w.sees(p, c)))
	}
	if whole != 41 || total < whole {
		t.Errorf("cleo wrote %d, of which somebody on duty got %d", whole, total)
	}
}

// TestSentAsARoleGoesElsewhere: what somebody sends as a role and what the same one sends as a person are in two conversations,
// whichever comes first, so that who comes on duty later does not see the latter.
func TestSentAsARoleGoesElsewhere(t *testing.T) {
	w := &ward{World: coretest.New(t)}
	u := w.Users(w.Admin, "Ana", "Bo", "Cy")
	ana, bo, cy := u[0], u[1], u[2]
	w.makeRole(directory.RoleParams{ReplayHistory: true}, bo, cy)
	w.in(bo)
	say := func(from core.From, text string) parley.ID {
		t.Helper()
		sent, err := w.Core.Send(t.Context(), bo, core.SendParams{To: core.To{User: ana.User}, From: from, Body: coretest.Text(text)})
		w.Must(err)
		return sent.Message.Conversation
	}
	role := say(core.From{Role: w.role}, "as the role")
	own := say(core.From{}, "private")
	if again := say(core.From{Role: w.role}, "as the role again"); own == role || again != role || say(core.From{}, "private again") != own {
		t.Errorf("as the role in %s and %s, as oneself in %s", role, again, own)
	}
	w.in(cy)
	if got := w.sees(cy, own); got != "" {
		t.Errorf("somebody else on duty sees %q", got)
	}
}
