package native_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// inView are the conversations that somebody finds in a view.
func inView(t *testing.T, c *api.Client, view string) (ids []string) {
	t.Helper()
	for conversation, err := range api.All(func(after string) (*api.List[api.Conversation], error) {
		return c.ListViewConversations(t.Context(), view, api.Page{After: after, Limit: 1})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, conversation.ID)
	}
	return ids
}

func countedIn(t *testing.T, c *api.Client, views ...string) string {
	t.Helper()
	var list []string
	for _, n := range must[*api.ViewCounts](t)(c.CountViews(t.Context(), api.ViewCountFilter{Views: views})).Data {
		list = append(list, fmt.Sprint(n.Count, map[bool]string{true: "+"}[n.More], map[bool]string{true: " invalid"}[n.Invalid]))
	}
	return strings.Join(list, ", ")
}

// viewed makes views of each kind of owner.
func (d *desk) viewed(t *testing.T) (own, teams, shared *api.View, team string) {
	t.Helper()
	ctx := t.Context()
	team = must[*api.Team](t)(d.admin.CreateTeam(ctx, api.TeamRequest{Name: "Desk", Members: d.users[:1]})).ID
	yes := true
	own = must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Unread", Order: 2, Filter: api.ViewFilter{Unread: &yes, Kind: "external"}}))
	teams = must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Ours", Order: 1, Owner: api.ViewOwner{Kind: api.ActorTeam, ID: team}, Filter: api.ViewFilter{Assignee: team}}))
	shared = must[*api.View](t)(d.admin.CreateView(ctx, api.ViewRequest{Name: "Mine", Order: 3, Owner: api.ViewOwner{Kind: api.ActorOrganization},
		Filter: api.ViewFilter{Assignee: "me", Status: "open"}}))
	return own, teams, shared, team
}

func TestViews(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	own, teams, shared, team := d.viewed(t)
	names := func(c *api.Client, f api.ViewListFilter) (names []string) {
		f.Limit = 1
		for v, err := range api.All(func(after string) (*api.List[api.View], error) { f.After = after; return c.ListViews(ctx, f) }) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, v.Name)
		}
		return names
	}
	other := d.client(t, d.organization(t, "Beta").Key.Token)
	for who, test := range map[string]struct{ got, want []string }{
		"a member":     {names(d.ana, api.ViewListFilter{}), []string{"Ours", "Unread", "Mine"}},
		"another user": {names(d.ben, api.ViewListFilter{}), []string{"Mine"}},
		"the team's":   {names(d.ana, api.ViewListFilter{Owner: "team", Team: team}), []string{"Ours"}},
		"not a member": {names(d.ben, api.ViewListFilter{Owner: "team", Team: team}), nil},
		"one's own":    {names(d.ana, api.ViewListFilter{Owner: "user"}), []string{"Unread"}},
		"elsewhere":    {names(other, api.ViewListFilter{}), nil},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s sees %q, want %q", who, test.got, test.want)
		}
	}
	for _, id := range []string{own.ID, teams.ID} {
		_, err := d.ben.GetView(ctx, id)
		coded(t, "somebody else's", err, "not-found")
		_, err = d.ben.ListViewConversations(ctx, id, api.Page{})
		coded(t, "what is in somebody else's", err, "not-found")
		_, err = d.ben.CountViews(ctx, api.ViewCountFilter{Views: []string{shared.ID, id}})
		coded(t, "the count of somebody else's", err, "not-found")
		coded(t, "deleting somebody else's", d.ben.DeleteView(ctx, id), "not-found")
	}
	// Each finds what is theirs, as it is at the moment.
	if got := countedIn(t, d.ana, own.ID, teams.ID, shared.ID); got != "1, 0, 0" {
		t.Errorf("counted: %s", got)
	}
	must[*api.Conversation](t)(d.ana.PatchConversation(ctx, d.conversation, api.ConversationPatch{AddAssignees: []api.Assignee{{Kind: "user", ID: d.users[1]}, {Kind: "team", ID: team}}}))
	if err := d.ana.ReadConversation(ctx, d.conversation, api.ReadMark{}); err != nil {
		t.Fatal(err)
	}
	before := must[*api.ViewCounts](t)(d.ana.CountViews(ctx, api.ViewCountFilter{}))
	if got := countedIn(t, d.ana, own.ID, teams.ID, shared.ID); got != "0, 1, 0" || before.Through != d.latest(t) || len(before.Data) != 3 || before.Data[0].View != teams.ID {
		t.Errorf("counted: %s, %+v", got, before)
	}
	if got := inView(t, d.ben, shared.ID); !slices.Equal(got, []string{d.conversation}) || countedIn(t, d.ben, shared.ID) != "1" {
		t.Errorf("ben finds %v", got)
	}
	if got := inView(t, d.ana, teams.ID); !slices.Equal(got, []string{d.conversation}) {
		t.Errorf("the team's are %v", got)
	}
	must[*api.Conversation](t)(d.ana.PatchConversation(ctx, d.conversation, api.ConversationPatch{Status: "closed", Assignees: &[]api.Assignee{}}))
	if got := countedIn(t, d.ben, shared.ID) + countedIn(t, d.ana, teams.ID); got != "00" || len(inView(t, d.ben, shared.ID)) != 0 {
		t.Errorf("counted after: %s", got)
	}
	if e := must[*api.EventPage](t)(d.ben.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(before.Through)})).Data; len(e) == 0 || e[0].Data.ConversationID != d.conversation {
		t.Errorf("events: %+v", e)
	}
}

func TestViewsAreChanged(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	own, teams, shared, _ := d.viewed(t)
	name, order := "Not assigned", 0
	log := d.latest(t)
	changed := must[*api.View](t)(d.ana.PatchView(ctx, own.ID, api.ViewPatch{Name: &name, Order: &order, Filter: &api.ViewFilter{Assignee: "none", Participant: "phone:+1 555 0001"}}, api.IfMatch(1)))
	if changed.Rev != 2 || changed.Filter.Unread != nil || changed.Filter.Participant != "phone:+15550001" || changed.Order != 0 || changed.Name != name {
		t.Errorf("changed: %+v", changed)
	}
	if got := inView(t, d.ana, own.ID); !slices.Equal(got, []string{d.conversation}) {
		t.Errorf("in it are %v", got)
	}
	_, err := d.ana.PatchView(ctx, own.ID, api.ViewPatch{Name: &name}, api.IfMatch(1))
	coded(t, "a stale change", err, "revision-mismatch")
	_, err = d.client(t, d.without(t, parley.ScopeOrganizationWrite)).PatchView(ctx, shared.ID, api.ViewPatch{Name: &name})
	coded(t, "the organization's", err, "scope-required")
	_, err = d.client(t, d.without(t, parley.ScopeOrganizationWrite)).CreateView(ctx, api.ViewRequest{Name: "x", Owner: api.ViewOwner{Kind: api.ActorOrganization}})
	coded(t, "a new one of the organization", err, "scope-required")
	if err := d.ana.DeleteView(ctx, teams.ID); err != nil {
		t.Fatal(err)
	}
	seen := func(c *api.Client) (types []string) {
		f := api.EventFilter{After: api.AfterEvent(log), Types: []string{"view.created", "view.updated", "view.deleted"}}
		for _, e := range must[*api.EventPage](t)(c.ListEvents(ctx, f)).Data {
			types = append(types, string(e.Type))
		}
		return types
	}
	if ana, ben := seen(d.ana), seen(d.ben); !slices.Equal(ana, []string{"view.updated", "view.deleted"}) || len(ben) != 0 {
		t.Errorf("events: ana sees %q, ben %q", ana, ben)
	}
	key := api.IdempotencyKey("k")
	once := must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Once"}, key))
	if again := must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Once"}, key)); again.ID != once.ID {
		t.Error("a repeat made another")
	}
	for body, want := range map[string]string{
		`{"name":" "}`: "required name",
		`{"name":"x","filter":{"channel":"` + once.ID + `"}}`:     "channel-unknown filter.channel",
		`{"name":"x","filter":{"assignee":"` + d.contact + `"}}`:  "assignee-unknown filter.assignee",
		`{"name":"x","filter":{"participant":"` + once.ID + `"}}`: "participant-unknown filter.participant",
		`{"name":"x","filter":{"participant":"phone:x"}}`:         "address-invalid filter.participant",
		`{"name":"x","filter":{"status":"done"}}`:                 "value-unknown filter.status",
		`{"name":"x","owner":{"kind":"team"}}`:                    "required owner.id",
		`{"name":"x","owner":{"kind":"team","id":"x"}}`:           "team-unknown owner.id",
		`{"name":"x","owner":{"kind":"user","id":"x"}}`:           "user-unknown owner.id",
	} {
		answer, text := d.raw(t, http.MethodPost, "/v1/views", d.token, body)
		code, field, _ := strings.Cut(want, " ")
		if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"code":"`+code+`"`) || !strings.Contains(text, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, answer.StatusCode, text)
		}
	}
	hidden := false
	closed := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Closed", Connector: "sandbox", Platform: "sms", Open: &hidden})).ID
	_, err = d.ana.CreateView(ctx, api.ViewRequest{Name: "x", Filter: api.ViewFilter{Channel: closed}})
	coded(t, "a channel that is not seen", err, "channel-unknown")
}

// What a view names may go: then the view says so, and is changed or deleted.
func TestViewsBecomeInvalid(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	own, _, _, team := d.viewed(t)
	into := must[*api.Contact](t)(d.admin.CreateContact(ctx, api.ContactRequest{Name: "Yan too"})).ID
	with := must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Yan's", Filter: api.ViewFilter{Participant: d.contact}}))
	given := must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "Given", Filter: api.ViewFilter{Assignee: team, Channel: d.channel}}))
	must[*api.Contact](t)(d.admin.MergeContact(ctx, d.contact, api.ContactMerge{Into: into}))
	if got := inView(t, d.ana, with.ID); !slices.Equal(got, []string{d.conversation}) || countedIn(t, d.ana, with.ID) != "1" {
		t.Errorf("with a contact that was merged: %v", got)
	}
	if err := d.admin.DeleteTeam(ctx, team); err != nil {
		t.Fatal(err)
	}
	if err := d.admin.DeleteChannel(ctx, d.channel); err != nil {
		t.Fatal(err)
	}
	v := must[*api.View](t)(d.ana.GetView(ctx, given.ID))
	if len(v.Invalid) != 2 || v.Invalid[0].Field != "filter.channel" || v.Invalid[1].Code != "assignee-unknown" {
		t.Errorf("of a team and a channel that are gone: %+v", v)
	}
	_, err := d.ana.ListViewConversations(ctx, given.ID, api.Page{})
	wantProblem(t, err, http.StatusConflict, "view-invalid", "filter.channel")
	if got := countedIn(t, d.ana, given.ID, own.ID); got != "0 invalid, 1" {
		t.Errorf("counted: %s", got)
	}
	var views []string
	for _, v := range must[*api.List[api.View]](t)(d.ana.ListViews(ctx, api.ViewListFilter{})).Data {
		views = append(views, fmt.Sprint(v.Name, len(v.Invalid)))
	}
	if !slices.Equal(views, []string{"Yan's0", "Given2", "Unread0", "Mine0"}) { // the team's is gone with it
		t.Errorf("views: %q", views)
	}
	must[*api.View](t)(d.ana.PatchView(ctx, given.ID, api.ViewPatch{Filter: &api.ViewFilter{Status: "open"}}))
	if got := countedIn(t, d.ana, given.ID); got != "1" {
		t.Errorf("counted when it was mended: %s", got)
	}
}

// Counts are exact up to a thousand, and found without looking at all there is.
func TestVeryManyInViews(t *testing.T) {
	d := newDesk(t)
	ctx, organization := t.Context(), d.principal(t).Organization
	fill := func(n int, c parley.Conversation) {
		err := d.store.Write(ctx, organization, func(tx *store.Tx) error {
			for range n {
				made := c
				made.ID, made.Kind, made.Visibility, made.Status, made.Channel = parley.NewID(tx.Now), parley.ConversationExternal, parley.VisibleToOrganization, parley.StatusOpen, parley.ID(d.channel)
				if err := tx.InsertConversation(organization, &made); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(5, parley.Conversation{Tags: []string{"rare"}, Assignees: []parley.Assignee{{Kind: parley.ActorUser, ID: parley.ID(d.users[0])}}})
	fill(999, parley.Conversation{})
	fill(1500, parley.Conversation{Tags: []string{"common"}})
	view := func(f api.ViewFilter) string {
		return must[*api.View](t)(d.ana.CreateView(ctx, api.ViewRequest{Name: "x", Filter: f})).ID
	}
	views := []string{view(api.ViewFilter{Tag: "rare"}), view(api.ViewFilter{Assignee: "me"}), view(api.ViewFilter{Tag: "common"}), view(api.ViewFilter{}),
		view(api.ViewFilter{Tag: "rare", Status: "closed"}), view(api.ViewFilter{Tag: "rare", Assignee: "none"})}
	for _, c := range []*api.Client{d.ana, d.admin} {
		who := map[bool]string{true: "a user", false: "the organization"}[c == d.ana]
		want := "5, 5, 1000+, 1000+, 0, 0"
		if c == d.admin {
			views = views[:0]
			for _, f := range []api.ViewFilter{{Tag: "rare"}, {Assignee: d.users[0]}, {Tag: "common"}, {}, {Tag: "rare", Status: "closed"}, {Tag: "rare", Assignee: "none"}} {
				views = append(views, must[*api.View](t)(d.admin.CreateView(ctx, api.ViewRequest{Name: "x", Filter: f})).ID)
			}
		}
		if got := countedIn(t, c, views...); got != want {
			t.Errorf("%s counts %s, want %s", who, got, want)
		}
		texts := d.asked.of(func() { countedIn(t, c, views[:2]...) })
		if len(texts) > 24 {
			t.Errorf("%s needs %d statements to count what is rare:\n%s", who, len(texts), strings.Join(texts, "\n"))
		}
		if got := inView(t, c, views[1]); len(got) != 5 {
			t.Errorf("%s finds %d in a view of the rare", who, len(got))
		}
	}
}
