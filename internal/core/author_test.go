package core_test

import (
	"testing"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/coretest"
	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/inbox"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
)

// An organization key sends as a user, a team or the organization; whoever acts as a person does not. Who is shown is no
// recipient of what is sent as them, and neither is who sent it.
func TestSentAsSomebodyElse(t *testing.T) {
	w := coretest.New(t)
	other := w.Organization("Beta")
	stranger := w.User(other, "Stranger")
	ana, ben := w.User(w.Admin, "Ana"), w.User(w.Admin, "Ben")
	team, _, err := w.Directory.CreateTeam(t.Context(), w.Admin, directory.TeamParams{Name: "Desk", Members: []parley.ID{ana.User, ben.User}}, nil)
	w.Must(err)
	as := func(kind parley.ActorKind, id parley.ID) core.SendParams {
		return core.SendParams{To: core.To{Team: team.ID}, Body: coretest.Text("x"), From: core.From{Author: parley.Actor{Kind: kind, ID: id}}}
	}
	for name, c := range map[string]struct {
		params     core.SendParams
		recipients int
	}{
		"Ana":   {as(parley.ActorUser, ana.User), 1},
		"Desk":  {as(parley.ActorTeam, team.ID), 2},
		"Alpha": {as(parley.ActorOrganization, ""), 2},
	} {
		for range 2 { // the second goes by a route that is remembered
			m := w.Send(w.Admin, c.params)
			seen, err := w.Message(t.Context(), w.Admin, m.ID)
			w.Must(err)
			if seen.Author.Name != name || seen.Author.Kind != c.params.From.Author.Kind || seen.Actor.ID != w.Admin.User || seen.Counts[parley.Sent] != c.recipients {
				t.Errorf("sent as %s it is by %+v, through %+v, and %v", name, seen.Author, seen.Actor, seen.Counts)
			}
		}
	}
	for _, c := range []struct {
		p      *core.Principal
		params core.SendParams
		kind   parley.ErrorKind
		code   string
	}{
		{ana, as(parley.ActorTeam, team.ID), parley.KindForbidden, "organization-key-required"},
		{ana, as(parley.ActorUser, ben.User), parley.KindForbidden, "organization-key-required"},
		{w.Admin, as(parley.ActorUser, stranger.User), parley.KindInvalid, "user-unknown"},
		{w.Admin, as(parley.ActorTeam, "nothing"), parley.KindInvalid, "team-unknown"},
		{w.Admin, as(parley.ActorUser, ""), parley.KindInvalid, "required"},
		{w.Admin, as(parley.ActorContact, ana.User), parley.KindInvalid, "value-unknown"},
	} {
		_, err := w.Core.Send(t.Context(), c.p, c.params)
		w.Refused(err, c.kind, c.code)
	}
}

// A repeat is refused where that is asked for, also of another request, and without the right to read what was made.
func TestOnceOnly(t *testing.T) {
	w := coretest.New(t)
	to := core.To{User: w.User(w.Admin, "Ana").User}
	first := w.Send(w.Admin, core.SendParams{To: to, Body: coretest.Text("x"), Idempotency: &access.Idempotency{Key: "k", Path: "/p", Once: true}})
	for _, body := range []string{"x", "y"} {
		_, err := w.Core.Send(t.Context(), w.Admin, core.SendParams{To: to, Body: coretest.Text(body), Idempotency: &access.Idempotency{Key: "k", Path: "/p", Once: true}})
		w.Refused(err, parley.KindConflict, access.CodeRepeated)
	}
	if m := w.Say(w.Admin, to, "y"); m.Sequence != first.Sequence+1 {
		t.Errorf("the next has the sequence %d", m.Sequence)
	}
}

// A channel that begins a conversation each time does so for every send to an address; one that is asked for is new on any.
func TestConversationEach(t *testing.T) {
	w := coretest.New(t)
	fax, sms := w.Channel(w.Admin, "fax"), w.Channel(w.Admin, "sms")
	in := func(to core.To) parley.ID { return w.Say(w.Admin, to, "x").Conversation }
	seen := map[parley.ID]bool{}
	for range 3 {
		seen[in(core.To{Address: "fax:+15550199", Channel: fax.ID})] = true
	}
	if len(seen) != 3 {
		t.Errorf("three faxes are in %d conversations", len(seen))
	}
	again := core.To{Address: "phone:+15550142", Channel: sms.ID}
	fresh := core.To{Address: "phone:+15550142", Channel: sms.ID, New: true, Title: "Labs"}
	first := in(again)
	other := in(fresh)
	if third := in(again); first == other || third != first || in(fresh) == other {
		t.Errorf("they are in %s, %s and %s", first, other, third)
	}
	c, err := w.Conversation(t.Context(), w.Admin, other)
	w.Must(err)
	if c.Title != "Labs" || c.ThreadKey != "" {
		t.Errorf("the new one is %+v", c)
	}
}

// A person's list has what that person sees, in its place, and is counted alike.
func TestRollIsOfWhatIsSeen(t *testing.T) {
	w := coretest.New(t)
	ana, ben := w.User(w.Admin, "Ana"), w.User(w.Admin, "Ben")
	closed := w.Channel(w.Admin, "sms", ben.User)
	var made []parley.ID
	for _, who := range []*core.Principal{ana, ben} {
		c, _, err := w.CreateConversation(t.Context(), who, thread.ConversationParams{Kind: parley.ConversationNote, Title: who.UserName}, nil)
		w.Must(err)
		made = append(made, c.ID)
	}
	made = append(made, w.Say(w.Admin, core.To{Address: "phone:+15550142", Channel: closed.ID}, "x").Conversation)
	w.Say(w.Admin, core.To{User: ana.User}, "of a kind that is not asked for")
	w.Send(ana, core.SendParams{To: core.To{Conversation: made[0]}, Body: coretest.Text("later")})
	f := inbox.RollFilter{Kinds: []parley.ConversationKind{parley.ConversationNote, parley.ConversationExternal}}
	for _, c := range []struct {
		p        *core.Principal
		activity bool
		want     []parley.ID
	}{
		{w.Admin, false, made}, {ana, false, made[:1]}, {ben, false, made[1:]},
		{w.Admin, true, []parley.ID{made[1], made[2], made[0]}}, {ana, true, made[:1]}, {ben, true, made[1:]},
	} {
		f.Activity = c.activity
		var got []parley.ID
		for place := (inbox.Place{}); ; {
			page, next, err := w.Roll(t.Context(), c.p, f, place, 1)
			w.Must(err)
			for _, in := range page {
				got = append(got, in.ID)
			}
			if next == nil {
				break
			}
			place = *next
		}
		n, err := w.RollCount(t.Context(), c.p, f)
		w.Must(err)
		if len(got) != len(c.want) || n != len(c.want) {
			t.Fatalf("%s by activity %t: %v, counted %d, want %v", c.p.UserName, c.activity, got, n, c.want)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s by activity %t: %v, want %v", c.p.UserName, c.activity, got, c.want)
			}
		}
	}
}
