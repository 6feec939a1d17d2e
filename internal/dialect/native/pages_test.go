package native_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// paged are the ids of a list of pages, oldest first.
func paged(t *testing.T, c *api.Client, f api.CallFilter) (ids []string) {
	t.Helper()
	f.Limit = 1
	for p, err := range api.All(func(after string) (*api.List[api.Call], error) { f.After = after; return c.ListPages(t.Context(), f) }) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	slices.Reverse(ids)
	return ids
}

func TestPaging(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	ben := api.Actor{Kind: api.ActorUser, ID: d.users[1]}
	mine := api.CallFilter{State: "open", Mine: "true"}
	log := d.latest(t)
	key := api.IdempotencyKey("k")
	call := must[*api.Call](t)(d.ana.CreatePage(ctx, d.conversation, api.CallRequest{Who: ben, Text: "Please call back", Paging: api.Paging{Urgency: api.UrgencyHigh}}, key))
	again := must[*api.Call](t)(d.ana.CreatePage(ctx, d.conversation, api.CallRequest{Who: ben, Text: "Please call back", Paging: api.Paging{Urgency: api.UrgencyHigh}}, key))
	if again.ID != call.ID || call.State != api.PageOpen || call.Who.Name != "Ben" || call.By != d.users[0] || call.RemindEvery != 120 || call.Reminders != 10 {
		t.Errorf("called: %+v, again %+v", call, again)
	}
	m := must[*api.Message](t)(d.ben.GetMessage(ctx, call.MessageID))
	if m.Text != "@Ben Please call back" || !m.Internal || len(m.Body) != 2 || m.Body[0].Paging.Urgency != api.UrgencyHigh {
		t.Errorf("the message: %+v", m)
	}
	part := must[*api.Message](t)(d.ana.SendToConversation(ctx, d.conversation, api.SendRequest{Internal: true, Body: api.Body{{Kind: api.PartText, Text: "Look, "}, {Kind: api.PartPage, Who: &ben}, {Kind: api.PartPage, Who: &ben}}}))
	byPart := paged(t, d.ana, api.CallFilter{Message: part.ID})
	if len(byPart) != 1 || !slices.Equal(paged(t, d.ben, mine), []string{call.ID, byPart[0]}) || len(paged(t, d.ana, mine)) != 0 {
		t.Errorf("by a part: %v, ben's are %v", byPart, paged(t, d.ben, mine))
	}
	_, err := d.admin.ResolvePage(ctx, call.ID)
	coded(t, "resolved by somebody else", err, "not-paged")
	done := must[*api.Call](t)(d.ben.ResolvePage(ctx, call.ID))
	if done.State != api.PageResolved || done.ResolvedBy != d.users[1] || done.EndedAt.IsZero() {
		t.Errorf("resolved: %+v", done)
	}
	if twice := must[*api.Call](t)(d.ben.ResolvePage(ctx, call.ID)); twice.EndedAt != done.EndedAt {
		t.Errorf("resolved twice: %+v", twice)
	}
	must[*api.Call](t)(d.ana.ResolvePage(ctx, byPart[0])) // who called may end it
	if got := paged(t, d.ben, mine); len(got) != 0 {
		t.Errorf("still open: %v", got)
	}
	if got := paged(t, d.ben, api.CallFilter{State: "resolved", Conversation: d.conversation}); !slices.Equal(got, []string{call.ID, byPart[0]}) {
		t.Errorf("resolved: %v", got)
	}
	var events []string
	for _, e := range must[*api.EventPage](t)(d.ben.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(log), Types: []string{"page.created", "page.resolved"}})).Data {
		events = append(events, string(e.Type)+" "+e.Data.Status+" "+map[bool]string{true: "ben"}[e.Data.User == d.users[1]])
	}
	if want := []string{"page.created high ben", "page.created normal ben", "page.resolved resolved ben", "page.resolved resolved ben"}; !slices.Equal(events, want) {
		t.Errorf("events: %q", events)
	}
	if got := said(t, d.ana, d.conversation); !slices.Equal(got[len(got)-2:], []string{"4 Ben resolved the page of Ben.", "5 Ana resolved the page of Ben."}) {
		t.Errorf("timeline: %q", got)
	}
}

func TestTeamPages(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	team := must[*api.Team](t)(d.admin.CreateTeam(ctx, api.TeamRequest{Name: "Desk", Members: d.users})).ID
	role := must[*api.Role](t)(d.admin.CreateRole(ctx, api.RoleRequest{Name: "Nurse", Members: d.users})).ID
	call := func(kind api.ActorKind, id string, each bool) string {
		return must[*api.Call](t)(d.admin.CreatePage(ctx, d.conversation, api.CallRequest{Who: api.Actor{Kind: kind, ID: id}, Paging: api.Paging{Each: each}})).ID
	}
	mine := api.CallFilter{State: "open", Mine: "true"}
	one, each, nurse, all := call(api.ActorTeam, team, false), call(api.ActorTeam, team, true), call(api.ActorRole, role, false), call(api.ActorOrganization, "", false)
	if got := paged(t, d.ana, mine); !slices.Equal(got, []string{one, each, all}) { // she is not on duty
		t.Errorf("ana's: %v", got)
	}
	must[*api.Role](t)(d.admin.ComeOnDuty(ctx, role, api.DutyIn{User: d.users[0]}))
	if got := paged(t, d.ana, mine); !slices.Equal(got, []string{one, each, nurse, all}) {
		t.Errorf("ana's on duty: %v", got)
	}
	_, err := d.ben.ResolvePage(ctx, nurse)
	coded(t, "a role's, off duty", err, "not-paged")
	for _, id := range []string{one, each, nurse} {
		must[*api.Call](t)(d.ana.ResolvePage(ctx, id))
	}
	if ana, ben := paged(t, d.ana, mine), paged(t, d.ben, mine); !slices.Equal(ana, []string{all}) || !slices.Equal(ben, []string{each, all}) {
		t.Errorf("after ana: hers %v, ben's %v", ana, ben)
	}
	half := must[*api.Call](t)(d.ben.GetPage(ctx, each))
	if half.State != api.PageOpen || len(half.Answers) != 1 || half.Answers[0].User != d.users[0] {
		t.Errorf("half resolved: %+v", half)
	}
	if whole := must[*api.Call](t)(d.ben.ResolvePage(ctx, each)); whole.State != api.PageResolved || len(whole.Answers) != 2 {
		t.Errorf("resolved: %+v", whole)
	}
}

// Nobody learns of a page who does not see what it is in, and nobody is paged to what they do not see.
func TestPagesAreForWhoSees(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: []api.NewParticipant{{User: d.users[1]}}})).ID
	cleo := must[*api.User](t)(d.admin.CreateUser(ctx, api.UserRequest{Name: "Cleo"})).ID
	other := d.client(t, d.organization(t, "Beta").Key.Token)
	ben := api.Actor{Kind: api.ActorUser, ID: d.users[1]}
	call := must[*api.Call](t)(d.ana.CreatePage(ctx, group, api.CallRequest{Who: ben})).ID
	if err := d.ana.RemoveParticipant(ctx, group, d.users[1]); err != nil {
		t.Fatal(err)
	}
	later := must[*api.Call](t)(d.ana.CreatePage(ctx, group, api.CallRequest{Who: api.Actor{Kind: api.ActorOrganization}})).ID
	if got := paged(t, d.ben, api.CallFilter{}); !slices.Equal(got, []string{call}) {
		t.Errorf("who left sees %v", got)
	}
	_, err := d.ben.ResolvePage(ctx, call)
	coded(t, "resolved by who left", err, "not-a-participant")
	for what, c := range map[string]*api.Client{"who left": d.ben, "another organization": other, "a key that sees no members": d.client(t, d.without(t, parley.ScopePrivateRead))} {
		_, err := c.GetPage(ctx, later)
		coded(t, what, err, "not-found")
		_, err = c.ResolvePage(ctx, later)
		coded(t, what+" resolving", err, "not-found")
	}
	if got := paged(t, other, api.CallFilter{Conversation: group}); len(got) != 0 {
		t.Errorf("another organization sees %v", got)
	}
	for body, want := range map[string]string{
		`{"who":{"kind":"user","id":"` + cleo + `"}}`:                                  "page-unseen who.id",
		`{"who":{"kind":"user","id":"x"}}`:                                             "who-unknown who.id",
		`{"who":{"kind":"contact","id":"` + d.contact + `"}}`:                          "value-unknown who.kind",
		`{"who":{"kind":"user","id":"` + d.users[0] + `"},"each":true}`:                "not-allowed each",
		`{"who":{"kind":"user","id":"` + d.users[0] + `"},"remindEvery":5}`:            "out-of-range remindEvery",
		`{"who":{"kind":"user","id":"` + d.users[0] + `"},"urgency":"now"}`:            "value-unknown urgency",
		`{"who":{"kind":"user","id":"` + d.users[0] + `"},"reminders":101}`:            "out-of-range reminders",
		`{"who":{"kind":"user","id":"` + d.users[0] + `","name":"a"},"text":"\u0000"}`: "text-invalid text",
	} {
		answer, text := d.raw(t, http.MethodPost, "/v1/conversations/"+group+"/pages", d.token, body)
		code, field, _ := strings.Cut(want, " ")
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"code":"`+code+`"`) || !strings.Contains(text, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s, want %s", body, answer.StatusCode, text, want)
		}
	}
	m := must[*api.Message](t)(d.ana.SendToConversation(ctx, group, api.SendRequest{Body: api.Text("x")}))
	_, err = d.ana.EditMessage(ctx, m.ID, api.MessagePatch{Body: api.Body{{Kind: api.PartPage, Who: &api.Actor{Kind: api.ActorUser, ID: d.users[0]}}}})
	coded(t, "paging by an edit", err, "not-allowed")
}

// Pages go along when conversations are merged, and messages moved.
func TestPagesMove(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	mail := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true})).ID
	must[*api.Contact](t)(d.admin.AddContactAddress(ctx, d.contact, api.Address{Kind: "email", Value: "yan@example.org"}))
	other := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationExternal, Channel: mail, Participants: []api.NewParticipant{{Contact: d.contact}}})).ID
	ben := api.Actor{Kind: api.ActorUser, ID: d.users[1]}
	moved := must[*api.Call](t)(d.ana.CreatePage(ctx, d.conversation, api.CallRequest{Who: ben}))
	must[*api.Message](t)(d.ana.MoveMessage(ctx, moved.MessageID, api.MessageMove{Conversation: other}))
	merged := must[*api.Call](t)(d.ana.CreatePage(ctx, d.conversation, api.CallRequest{Who: ben}))
	if got := must[*api.Call](t)(d.ben.GetPage(ctx, moved.ID)); got.ConversationID != other {
		t.Errorf("moved: %+v", got)
	}
	must[*api.Conversation](t)(d.ana.MergeConversation(ctx, d.conversation, api.ConversationMerge{Into: other}))
	for _, id := range []string{other, d.conversation} {
		if got := paged(t, d.ben, api.CallFilter{Conversation: id}); !slices.Equal(got, []string{moved.ID, merged.ID}) {
			t.Errorf("of %s: %v", id, got)
		}
	}
	must[*api.Call](t)(d.ben.ResolvePage(ctx, merged.ID))
}
