package native_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/escalation"
	hooks "github.com/parley-server/parley/internal/store/playground"
)

// asked is the statements that a store was asked to run.
type asked struct {
	mu    sync.Mutex
	texts []string
}

func (a *asked) before(text string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.texts = append(a.texts, text)
	return nil
}

// of are those that a call needs, where what is remembered is fresh: the fewest of some tries.
func (a *asked) of(call func()) (fewest []string) {
	for n := range 4 {
		a.mu.Lock()
		a.texts = nil
		a.mu.Unlock()
		call()
		a.mu.Lock()
		if n > 0 && (fewest == nil || len(a.texts) < len(fewest)) { // the first finds what the next remember
			fewest = slices.Clone(a.texts)
		}
		a.mu.Unlock()
	}
	return fewest
}

// pageSizes are those at which statements are counted.
var pageSizes = []int{1, 10, 100}

// counted is a page that is read.
type counted struct {
	operation, path string
	entries         int // how many there are, where that is not more than the largest page has
	further         int // by how many statements more than moreStatements a page of 100 may need more than one of 1
}

// chunks is how many statements the chunks of the log need in which 100 events are found that pass a filter: as many as the
// log is long up to there.
const chunks = 20

// rounds is how many statements it takes to look again, where what was looked at did not fill the page.
const rounds = 10

// lists are the pages that are read, by operation.
var lists = []counted{
	{"listConversations", "/v1/conversations", 0, 0},
	{"listConversations", "/v1/conversations?kind=group", 0, 0},
	{"listConversations", "/v1/conversations?kind=external&status=open", 0, 0},
	{"listConversations", "/v1/conversations?participant={user}", 0, 0},
	{"listConversations", "/v1/conversations?tag=odd", 0, 0},
	{"listConversations", "/v1/conversations?assignee={user}", 0, 0},
	{"listConversations", "/v1/conversations?inbox=true", 0, 0},
	{"listPages", "/v1/pages?state=open", 0, 0},
	{"listPages", "/v1/pages?mine=true", 0, 0},
	{"listPages", "/v1/pages?conversation={paged}", 0, 0},
	{"listViews", "/v1/views", 0, 0},
	{"listViewConversations", "/v1/views/{odd}/conversations", 0, 0},
	{"listConversations", "/v1/conversations?priority=2", 0, 0},
	{"listConversations", "/v1/conversations?unread=true", 0, rounds},
	{"listConversations", "/v1/conversations?externalId=only", 1, 0},
	{"listConversationDrafts", "/v1/conversations/{group}/drafts", 50, 0},
	{"listDrafts", "/v1/drafts", 50, 0},
	{"listHistory", "/v1/conversations/{group}/history", 0, 0},
	{"listConversationMessages", "/v1/conversations/{group}/messages", 0, 0},
	{"listConversationMessages", "/v1/conversations/{outside}/messages", 0, 0},
	{"listMessages", "/v1/messages", 0, 0},
	{"listMessages", "/v1/messages?conversation={group}", 0, 0},
	{"listMessages", "/v1/messages?tag=odd", 0, 0},
	{"listMessages", "/v1/messages?sender={author}", 0, 0},
	{"listMessages", "/v1/messages?channel={channel}&direction=outbound", 0, 0},
	{"listMessages", "/v1/messages?reference=same", 0, 0},
	{"listMessages", "/v1/messages?status=queued", 0, 0},
	{"listMessages", "/v1/messages?since={since}&kind=message", 0, 0},
	{"listDeliveries", "/v1/messages/{wide}/deliveries", 0, 0},
	{"listDeliveries", "/v1/messages/{inside}/deliveries", 0, 0},
	{"listAttempts", "/v1/messages/{wide}/attempts", 0, 0},
	{"listInteractions", "/v1/messages/{inside}/interactions", 0, 0},
	{"listMessages", "/v1/messages?batch={batch}", 100, 0},
	{"listVersions", "/v1/messages/{edited}/versions", 0, 0},
	{"listMentions", "/v1/mentions", 0, 0},
	{"listReplies", "/v1/messages/{inside}/replies", 0, 0},
	{"listAcknowledgements", "/v1/messages/{inside}/acknowledgements", 0, 0},
	{"listAcknowledgements", "/v1/messages/{wide}/acknowledgements", 0, 0},
	{"listParticipants", "/v1/conversations/{group}/participants", 0, 0},
	{"listParticipants", "/v1/conversations/{crowd}/participants", 0, 0},
	{"listUsers", "/v1/users", 0, 0},
	{"listContacts", "/v1/contacts", 0, 0},
	{"listContacts", "/v1/contacts?tag=odd", 0, 0},
	{"listContacts", "/v1/contacts?list={broadcast}&updatedSince={since}", 0, 0},
	{"listAttributes", "/v1/attributes", 0, 0},
	{"listContactExports", "/v1/contacts/{exported}/exports", 10, 0},
	{"listSuppressions", "/v1/suppressions", 10, 0},
	{"listSuppressions", "/v1/suppressions?class=marketing", 10, 0},
	{"listBlockedSenders", "/v1/blocked-senders", 10, 0},
	{"listConversationAttributes", "/v1/conversation-attributes", 0, 0},
	{"listTeams", "/v1/teams", 0, 0},
	{"listTeamMembers", "/v1/teams/{team}/members", 0, 0},
	{"listPermissionSets", "/v1/permission-sets", 103, 0},
	{"listRoles", "/v1/roles", 0, 0},
	{"listRoles", "/v1/roles?member={user}&onDuty={user}", 0, 0},
	{"listRoleMembers", "/v1/roles/{role}/members", 0, 0},
	{"listOnDuty", "/v1/roles/{role}/duty", 0, 0},
	{"listShifts", "/v1/roles/{role}/shifts", 0, 0},
	{"listEscalationPolicies", "/v1/escalation-policies", 0, 0},
	{"listEscalationPolicies", "/v1/escalation-policies?role={role}", 1, 0},
	{"listEscalations", "/v1/escalations", 0, 0},
	{"listEscalations", "/v1/escalations?state=active&role={role}", 0, 0},
	{"listEscalationFallbacks", "/v1/escalations/{escalating}/fallbacks", 0, 0},
	{"listEscalations", "/v1/escalations?conversation={asked}&message={urgent}", 1, 0},
	{"listGroups", "/v1/groups", 0, 0},
	{"listGroups", "/v1/groups?forum=true", 0, 0},
	{"listGroups", "/v1/groups?mine=true", 0, 0},
	{"listGroupMembers", "/v1/groups/{forum}/members", 0, 0},
	{"listBroadcasts", "/v1/broadcasts", 0, 0},
	{"listBroadcastMembers", "/v1/broadcasts/{broadcast}/members", 0, 0},
	{"listChannels", "/v1/channels", 0, 0},
	{"listKeys", "/v1/keys", 0, 0},
	{"listConnectors", "/v1/connectors", 1, 0},
	{"listSandboxMessages", "/v1/sandbox/messages", 0, 0},
	{"listHolds", "/v1/holds", 0, 0},
	{"listHolds", "/v1/holds?active=true&subject={user}", 0, 0},
	{"listHeld", "/v1/held", 0, 0},
	{"listTemplates", "/v1/templates", 0, 0},
	{"listSchedules", "/v1/schedules", 0, 0},
	{"listAutoReplies", "/v1/auto-replies", 0, 0},
	{"listSLAPolicies", "/v1/sla-policies", 0, 0},
	{"listConversations", "/v1/conversations?sla=due", 0, rounds},
	{"listTemplateVersions", "/v1/templates/{template}/versions", 12, 0},
	{"listSavedReplies", "/v1/saved-replies", 0, 0},
	{"listSavedReplies", "/v1/saved-replies?prefix=hello&folder=f", 0, 0},
	{"listHooks", "/v1/sandbox/hooks", 0, 0},
	{"listCaught", "/v1/sandbox/hooks/{hook}/requests", 0, 0},
	{"listAudit", "/v1/audit", 0, 0},
	{"searchMessages", "/v1/search/messages?q=hello", 0, 0},
	{"searchMessages", "/v1/search/messages?q=hel&kind=message", 0, 0},
	{"searchMessages", "/v1/search/messages?conversation={group}", 0, 0},
	{"searchContacts", "/v1/search/contacts?q=contact", 0, 0},
	{"searchContacts", "/v1/search/contacts?q=example.org&tag=odd", 0, 0},
	{"searchConversations", "/v1/search/conversations?q=user", 0, 0},
	{"listEvents", "/v1/events", 0, 0},
	{"listEvents", "/v1/events?type=message.created", 0, chunks},
	{"listEvents", "/v1/events?conversation={group}&after={talk}", 0, chunks},
}

// moreStatements is by how many statements a large page may need more than a small one: kinds of things that a page of one
// entry does not have. None depends on how many of a kind there are.
const moreStatements = 4

// TestPagesNeedFewStatements: a page needs as many statements as another, however many entries it has.
func TestPagesNeedFewStatements(t *testing.T) {
	w := newWorld(t)
	things := w.many(t)
	tokens := map[string]string{"the organization": w.token, "a user": things["secret"]}
	for _, l := range lists {
		path := sample{path: l.path}.fill(things).path
		path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "limit="
		for who, token := range tokens {
			t.Run(l.path+" for "+who, func(t *testing.T) {
				var counts []int
				var least []string
				for _, size := range pageSizes {
					page := 0
					texts := w.asked.of(func() { page = w.page(t, token, fmt.Sprint(path, size)) })
					want := size
					if l.entries > 0 {
						want = min(size, l.entries)
					}
					if who == "the organization" && page != want {
						t.Errorf("a page of %d has %d entries, want %d", size, page, want)
					}
					counts = append(counts, len(texts))
					if least == nil {
						least = texts
					} else if len(texts) > len(least)+moreStatements+l.further {
						t.Errorf("a page of %d entries needs %d statements, one of 1 needs %d; more are\n%s", page, len(texts), len(least), repeated(texts, least))
					}
				}
				t.Logf("%v statements", counts)
			})
		}
	}
}

// page reads a page and says how many entries it has.
func (w *world) page(t *testing.T, token, path string) int {
	t.Helper()
	answer, text := w.raw(t, http.MethodGet, path, token, "")
	if answer.StatusCode == http.StatusForbidden && token != w.token {
		t.Skip("not for users")
	}
	var page struct{ Data []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &page); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	return len(page.Data)
}

// repeated are the statements that some have more often than others.
func repeated(some, others []string) string {
	count := map[string]int{}
	for _, text := range some {
		count[text]++
	}
	for _, text := range others {
		count[text]--
	}
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(count)) {
		if count[text] > 0 {
			lines = append(lines, fmt.Sprintf("%d × %s", count[text], strings.Join(strings.Fields(text), " ")))
		}
	}
	return strings.Join(lines, "\n")
}

// TestEveryListIsCounted: there is no list whose statements nobody counts.
func TestEveryListIsCounted(t *testing.T) {
	for _, route := range native.Routes() {
		if route.Query == nil {
			continue
		}
		_, paged := route.Query.FieldByName("Limit")
		if paged && !slices.ContainsFunc(lists, func(l counted) bool { return l.operation == route.ID }) {
			t.Errorf("%s is a list and not counted", route.ID)
		}
	}
}

// TestRequestsNeedFewStatements: a request about many needs as many statements as one about a few.
func TestRequestsNeedFewStatements(t *testing.T) {
	w := newWorld(t)
	things := w.many(t)
	users, contacts := strings.Split(things["users"], ","), strings.Split(things["contacts"], ",")
	files := strings.Split(things["files"], ",")
	team := must[*api.Team](t)(w.admin.CreateTeam(t.Context(), api.TeamRequest{Name: "Another"})).ID
	news := must[*api.Broadcast](t)(w.admin.CreateBroadcast(t.Context(), api.BroadcastRequest{Name: "More news"})).ID
	must[*api.Organization](t)(w.admin.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{ContactLimits: &[]api.ContactLimit{
		{Class: api.ClassService, Max: 1000, Period: 60, Beyond: api.LimitRefuses}, {Class: api.ClassService, Platform: "sms", Max: 1000, Period: 60, Beyond: api.LimitDefers}}}}))
	number := 0
	for what, c := range map[string]struct {
		sizes []int
		call  func(n int) error
	}{
		"a send to users": {pageSizes, func(n int) error {
			number++
			_, err := w.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Users: users[:n+1]}, Group: &api.NewGroup{Name: fmt.Sprint("Group ", number)}, Body: api.Text("hello")})
			return err
		}},
		"a send to a group": {pageSizes, func(n int) error {
			_, err := w.admin.SendToConversation(t.Context(), things[fmt.Sprint("group", n)], api.SendRequest{Body: api.Text("hello")})
			return err
		}},
		"a send to contacts": {[]int{2, 10, 100}, func(n int) error {
			_, err := w.admin.SendToConversation(t.Context(), things[fmt.Sprint("external", n)], api.SendRequest{Body: api.Text("hello")})
			return err
		}},
		"a send to contacts that a limit counts": {[]int{2, 10, 100}, func(n int) error {
			_, err := w.admin.SendToConversation(t.Context(), things[fmt.Sprint("external", n)], api.SendRequest{Body: api.Text("hello"), Class: api.ClassService})
			return err
		}},
		"where a contact stands with limits": {[]int{0, 5, 50}, func(n int) error {
			_, err := w.admin.GetContactLimits(t.Context(), contacts[n])
			return err
		}},
		"a send with files": {[]int{1, 5, 10}, func(n int) error {
			_, err := w.admin.SendToConversation(t.Context(), things["group"], api.SendRequest{Body: api.Text("hello"), Attachments: files[:n]})
			return err
		}},
		"members of a team": {pageSizes, func(n int) error {
			_, err := w.admin.AddTeamMembers(t.Context(), team, api.TeamMembers{Users: users[:n]})
			return err
		}},
		"members of a group": {pageSizes, func(n int) error {
			group := must[*api.Group](t)(w.admin.CreateGroup(t.Context(), api.GroupRequest{Name: "More"})).ID
			_, err := w.admin.AddGroupMembers(t.Context(), group, api.GroupMembers{Users: users[:n]})
			return err
		}},
		"members of a broadcast list": {pageSizes, func(n int) error {
			_, err := w.admin.AddBroadcastMembers(t.Context(), news, api.BroadcastMembers{Users: users[:n], Contacts: contacts[:n]})
			return err
		}},
		"a conversation of users": {pageSizes, func(n int) error {
			_, err := w.admin.CreateConversation(t.Context(), api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants(users[:n], nil)})
			return err
		}},
		"a conversation of contacts": {pageSizes, func(n int) error {
			_, err := w.admin.CreateConversation(t.Context(), api.ConversationRequest{Kind: api.ConversationExternal, Channel: things["channel"], Participants: participants(nil, contacts[:n])})
			return err
		}},
		"a look at a conversation": {pageSizes, func(n int) error {
			_, err := w.admin.GetConversation(t.Context(), things[fmt.Sprint("group", n)])
			return err
		}},
		"a team that is made": {pageSizes, func(n int) error {
			_, err := w.admin.CreateTeam(t.Context(), api.TeamRequest{Name: "Made", Members: users[:n]})
			return err
		}},
		"a channel that is made": {pageSizes, func(n int) error {
			no := false
			_, err := w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "Made", Connector: "sandbox", Platform: "sms", Open: &no, Members: users[:n]})
			return err
		}},
		"a contact with addresses": {[]int{1, 5, 10}, func(n int) error {
			var addresses []api.Address
			for range n {
				number++
				addresses = append(addresses, api.Address{Kind: "email", Value: fmt.Sprintf("made%d@example.org", number)})
			}
			_, err := w.admin.CreateContact(t.Context(), api.ContactRequest{Name: "Made", Addresses: addresses})
			return err
		}},
	} {
		t.Run(what, func(t *testing.T) {
			var counts []int
			var least []string
			for _, size := range c.sizes {
				texts := w.asked.of(func() {
					if err := c.call(size); err != nil {
						t.Fatalf("of %d: %v", size, err)
					}
				})
				if counts = append(counts, len(texts)); least == nil {
					least = texts
				} else if len(texts) > len(least)+moreStatements {
					t.Errorf("of %d it needs %d statements, of %d %d; more are\n%s", size, len(texts), c.sizes[0], len(least), repeated(texts, least))
				}
			}
			t.Logf("%v statements", counts)
		})
	}
}

func participants(users, contacts []string) (all []api.NewParticipant) {
	for _, id := range users {
		all = append(all, api.NewParticipant{User: id})
	}
	for _, id := range contacts {
		all = append(all, api.NewParticipant{Contact: id})
	}
	return all
}

// manyHooks makes hooks, also where the rules let nobody make some, of which one has caught as many requests.
func (w *world) manyHooks(t *testing.T, n int) (last string) {
	t.Helper()
	organization := w.principal(t).Organization
	err := w.store.Write(t.Context(), organization, func(tx *store.Tx) error {
		for range n {
			h := parley.Hook{ID: parley.NewID(tx.Now), Status: 200}
			if err := hooks.InsertHook(tx, organization, &h); err != nil {
				return err
			}
			last = string(h.ID)
		}
		for range n {
			if err := hooks.Catch(tx, organization, &parley.Caught{Hook: parley.ID(last), Status: 200}, 0, int64(n), tx.Now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// many makes more of everything than a page has.
func (w *world) many(t *testing.T) map[string]string {
	t.Helper()
	const n = 103
	ctx, c := t.Context(), w.admin
	var users, contacts, files []string
	since := time.Now()
	for i := range n {
		tags := []string{"odd"}
		users = append(users, must[*api.User](t)(c.CreateUser(ctx, api.UserRequest{Name: fmt.Sprint("User ", i), Email: fmt.Sprintf("user%d@example.org", i)})).ID)
		contacts = append(contacts, must[*api.Contact](t)(c.CreateContact(ctx, api.ContactRequest{Name: fmt.Sprint("Contact ", i), Tags: tags,
			Addresses: []api.Address{{Kind: "phone", Value: fmt.Sprintf("+1555%07d", i)}, {Kind: "email", Value: fmt.Sprintf("contact%d@example.org", i)}}})).ID)
		must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: "k", Scopes: []string{"messages:read"}}))
		must[*api.Attribute](t)(c.DefineAttribute(ctx, fmt.Sprint("key", i), api.AttributeRequest{Type: api.AttributeDate}))
		must[*api.Attribute](t)(c.DefineConversationAttribute(ctx, fmt.Sprint("key", i), api.AttributeRequest{Type: api.AttributeDate}))
	}
	for i := range 10 {
		files = append(files, must[*api.Media](t)(c.UploadMedia(ctx, "a.txt", "text/plain", strings.NewReader(fmt.Sprint("text ", i)))).ID)
	}
	no := false
	for range n {
		must[*api.Channel](t)(c.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Open: &no, Members: users[:2]}))
		must[*api.Team](t)(c.CreateTeam(ctx, api.TeamRequest{Name: "Team", Members: users[:3]}))
		must[*api.Broadcast](t)(c.CreateBroadcast(ctx, api.BroadcastRequest{Name: "News"}))
	}
	for range 10 {
		must[*api.ContactExport](t)(c.ExportContact(ctx, contacts[0]))
		address := fmt.Sprintf("email:%s@example.org", parley.NewID(time.Now()))
		must[*api.Suppressions](t)(c.Suppress(ctx, api.SuppressionRequest{Address: address, Class: api.ClassMarketing}))
		must[*api.BlockedSender](t)(c.BlockSender(ctx, api.BlockRequest{Address: address}))
	}
	role := w.manyRoles(t, users)
	channel := must[*api.Channel](t)(c.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true})).ID
	team := must[*api.Team](t)(c.CreateTeam(ctx, api.TeamRequest{Name: "All", Members: users})).ID
	broadcast := must[*api.Broadcast](t)(c.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"})).ID
	must[*api.Broadcast](t)(c.AddBroadcastMembers(ctx, broadcast, api.BroadcastMembers{Users: users, Contacts: contacts}))
	things := map[string]string{"user": users[0], "channel": channel, "team": team, "role": role, "exported": contacts[0], "broadcast": broadcast, "users": strings.Join(users, ","), "contacts": strings.Join(contacts, ","),
		"files": strings.Join(files, ","), "since": since.UTC().Format(time.RFC3339)}
	things["secret"] = must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: "User's", User: users[0], Scopes: scopesOfUsers()})).Secret
	things["hook"] = w.manyHooks(t, n)
	w.manyEscalations(t, things, n)
	things["talk"] = fmt.Sprint(must[*api.EventPage](t)(c.ListEvents(ctx, api.EventFilter{After: api.FromLatest})).Through)
	things["paged"] = must[*api.Group](t)(c.CreateGroup(ctx, api.GroupRequest{Name: "Paged", Members: users[:1]})).ID
	for range n {
		must[*api.Call](t)(c.CreatePage(ctx, things["paged"], api.CallRequest{Who: api.Actor{Kind: api.ActorOrganization}}))
	}
	w.manyHolds(t, users)
	for range n {
		must[*api.SLAPolicy](t)(c.CreateSLAPolicy(ctx, api.SLAPolicyRequest{Name: "Gold", Targets: []api.SLATarget{{Resolution: 600000}}}))
	}
	w.talk(t, things, users, contacts)
	for range n {
		must[*api.Group](t)(c.CreateGroup(ctx, api.GroupRequest{Name: "Forum", Forum: true}))
		things["odd"] = must[*api.View](t)(c.CreateView(ctx, api.ViewRequest{Name: "Odd", Owner: api.ViewOwner{Kind: api.ActorOrganization}, Filter: api.ViewFilter{Tag: "odd"}})).ID
	}
	things["forum"] = must[*api.Group](t)(c.CreateGroup(ctx, api.GroupRequest{Name: "All", Forum: true, Members: users[1:]})).ID
	w.manyTemplates(t, things)
	w.index(t)
	return things
}

// manyTemplates makes templates, of which one has many versions, and saved replies.
func (w *world) manyTemplates(t *testing.T, things map[string]string) {
	t.Helper()
	ctx := t.Context()
	text := api.TemplateText{Locales: []api.TemplateLocale{{Locale: "en", Body: api.Text("x")}}}
	for i := range 101 {
		made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, api.TemplateRequest{Name: fmt.Sprint("t", i), TemplateText: text}))
		things["template"] = made.ID
		must[*api.AutoReply](t)(w.admin.CreateAutoReply(ctx, api.AutoReplyRequest{Name: "Closed", When: "closed", Platforms: []string{"none"}, Text: "Closed"}))
		must[*api.Schedule](t)(w.admin.CreateSchedule(ctx, api.ScheduleRequest{Name: "Desk", TimeZone: "UTC"}))
		must[*api.SavedReply](t)(w.admin.CreateSavedReply(ctx, api.SavedReplyRequest{Title: fmt.Sprint("Hello ", i), Folder: "f", Body: api.Text("x"), Owner: api.ReplyOwner{Kind: api.ActorOrganization}}))
	}
	for range 11 {
		must[*api.Template](t)(w.admin.PublishTemplate(ctx, things["template"], api.TemplateChoice{}))
		must[*api.TemplateVersion](t)(w.admin.DraftTemplate(ctx, things["template"], text))
	}
}

// manyRoles makes roles, of which one has many members, who are on duty and have shifts.
func (w *world) manyRoles(t *testing.T, users []string) string {
	t.Helper()
	ctx, c := t.Context(), w.admin
	role := must[*api.Role](t)(c.CreateRole(ctx, api.RoleRequest{Name: "Nurse", Members: users})).ID
	at := time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, user := range users {
		if i < 100 { // three are built in
			must[*api.PermissionSet](t)(c.CreatePermissionSet(ctx, api.PermissionSetRequest{Name: user, Scopes: []string{"messages:read"}}))
		}
		must[*api.Role](t)(c.ComeOnDuty(ctx, role, api.DutyIn{User: user}))
		must[*api.Shift](t)(c.CreateShift(ctx, role, api.ShiftRequest{User: user, StartsAt: api.NewTime(at), EndsAt: api.NewTime(at.Add(time.Hour))}))
		other := must[*api.Role](t)(c.CreateRole(ctx, api.RoleRequest{Name: "Doctor", Members: users[:2]})).ID
		must[*api.Role](t)(c.ComeOnDuty(ctx, other, api.DutyIn{User: users[0]}))
		must[*api.EscalationPolicy](t)(c.CreateEscalationPolicy(ctx, policyOf(other, role)))
	}
	return role
}

// policyOf is an escalation policy of a role, by which it goes to another one next.
func policyOf(role, next string) api.EscalationPolicyRequest {
	return api.EscalationPolicyRequest{Name: "Fast", Role: role, Always: true, After: 600, Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{Role: next}}, After: 600}}}
}

// manyEscalations makes messages to a role that escalate.
func (w *world) manyEscalations(t *testing.T, things map[string]string, n int) {
	t.Helper()
	ctx, c := t.Context(), w.admin
	next := must[*api.Role](t)(c.CreateRole(ctx, api.RoleRequest{Name: "Head"})).ID
	must[*api.EscalationPolicy](t)(c.CreateEscalationPolicy(ctx, policyOf(things["role"], next)))
	for range n {
		m := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{Role: things["role"]}, Body: api.Text("hello")}))
		things["asked"], things["urgent"] = m.ConversationID, m.ID
	}
	e := must[*api.List[api.Escalation]](t)(c.ListEscalations(ctx, api.EscalationFilter{Message: things["urgent"]})).Data[0]
	things["escalating"] = e.ID
	organization := parley.ID(must[*api.Organization](t)(c.GetOrganization(ctx)).ID)
	err := w.store.Write(ctx, organization, func(tx *store.Tx) error {
		m, err := tx.Message(organization, parley.ID(e.MessageID))
		if err != nil {
			return err
		}
		var made []parley.Delivery
		var list []parley.EscalationFallback
		for i := range n {
			d := parley.Delivery{Message: m.ID, Number: 30001 + i, Conversation: m.Conversation, Recipient: parley.Actor{Kind: parley.ActorUser, ID: "u"}, State: parley.Skipped, Fallback: 1, Step: 1}
			made = append(made, d)
			list = append(list, parley.EscalationFallback{Fallback: 1, User: d.Recipient, Message: m.ID, Delivery: d.Number})
		}
		return errors.Join(tx.AddDeliveries(organization, &m, made), escalation.AddFallbacks(tx, organization, parley.ID(e.ID), list))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// manyHolds makes holds, and what only they keep.
func (w *world) manyHolds(t *testing.T, users []string) {
	t.Helper()
	ctx, c := t.Context(), w.admin
	for range users {
		must[*api.Hold](t)(c.PlaceHold(ctx, api.HoldRequest{Subject: api.HoldSubject{Kind: "user", ID: users[0]}, Reason: "a lawsuit"}))
		m := must[*api.Message](t)(c.Send(ctx, api.SendRequest{To: api.Recipient{User: users[0]}, Body: api.Text("hello")}))
		must[*api.Message](t)(c.RecallMessage(ctx, m.ID))
	}
}

func scopesOfUsers() (scopes []string) {
	for _, s := range parley.Scopes {
		if s != parley.ScopePrivateRead && s != parley.ScopeOrganizationsCreate {
			scopes = append(scopes, string(s))
		}
	}
	return scopes
}

// talk makes conversations, messages, deliveries, attempts, and what readers did.
func (w *world) talk(t *testing.T, things map[string]string, users, contacts []string) {
	t.Helper()
	ctx, c := t.Context(), w.admin
	own := w.client(t, things["secret"])
	conversation := func(r api.ConversationRequest) string {
		return must[*api.Conversation](t)(c.CreateConversation(ctx, r)).ID
	}
	for _, size := range []int{1, 2, 10, 100} {
		things[fmt.Sprint("group", size)] = conversation(api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants(users[:size], nil)})
		things[fmt.Sprint("external", size)] = conversation(api.ConversationRequest{Kind: api.ConversationExternal, Channel: things["channel"], Participants: participants(nil, contacts[:size])})
	}
	things["group"] = conversation(api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants(users, nil)})
	for range 50 {
		must[*api.Draft](t)(c.CreateDraft(ctx, things["group"], api.DraftRequest{Body: api.Text("later"), Shared: true}))
	}
	external := "only"
	must[*api.Conversation](t)(c.PatchConversation(ctx, things["group"], api.ConversationPatch{ExternalID: &external}))
	for n := range len(contacts) {
		must[*api.Conversation](t)(c.PatchConversation(ctx, things["group"], api.ConversationPatch{AddTags: []string{fmt.Sprint(n % 2)}, RemoveTags: []string{fmt.Sprint((n + 1) % 2)}}))
	}
	things["crowd"] = conversation(api.ConversationRequest{Kind: api.ConversationExternal, Channel: things["channel"], Participants: participants(nil, contacts)})
	tags := []string{"odd"}
	mention := api.Body{{Kind: api.PartText, Text: "hello"}, {Kind: api.PartMention, Who: &api.Actor{Kind: api.ActorUser, ID: string(w.principal(t).User)}}}
	for i, contact := range contacts {
		conversation(api.ConversationRequest{Kind: api.ConversationGroup, Priority: 2, Tags: tags, Assignees: []api.Assignee{{Kind: "user", ID: users[0]}}, Participants: participants(users[:1+i%7], nil)})
		sent := must[*api.Message](t)(own.Send(ctx, api.SendRequest{To: api.Recipient{Contact: contact, Channel: things["channel"]}, Body: api.Text("hello"), Tags: tags, Reference: "same"}))
		must[*api.Message](t)(c.PlayInbound(ctx, api.SandboxInbound{Contact: contact, Channel: things["channel"], Body: api.Text("yes")}))
		must[*api.Message](t)(own.SendToConversation(ctx, things["group"], api.SendRequest{Body: mention, Tags: tags}))
		things["outside"], things["author"] = sent.ConversationID, sent.Author.ID
	}
	for range len(contacts) {
		must[*api.Message](t)(own.SendToConversation(ctx, things["outside"], api.SendRequest{Body: api.Text("hello")}))
	}
	things["wide"] = must[*api.Message](t)(c.SendToConversation(ctx, things["crowd"], api.SendRequest{Body: api.Text("hello")})).ID
	things["inside"] = must[*api.Message](t)(c.SendToConversation(ctx, things["group"], api.SendRequest{Body: api.Text("hello"), RequestAck: true,
		Fallback: []api.Fallback{{Channel: things["channel"], After: 3600, On: api.OnUnread}}})).ID
	batch := api.BatchRequest{Messages: make([]api.BatchMessage, 100)}
	for i := range batch.Messages {
		batch.Messages[i].SendRequest = api.SendRequest{To: api.Recipient{Conversation: things["group"]}, Body: api.Text("yes"), ReplyTo: things["inside"], RequestAck: true}
	}
	things["batch"] = must[*api.Batch](t)(own.SendBatch(ctx, batch)).ID
	things["edited"] = must[*api.Message](t)(own.SendToConversation(ctx, things["group"], api.SendRequest{Body: api.Text("hello")})).ID
	for i := range len(users) {
		must[*api.Message](t)(own.EditMessage(ctx, things["edited"], api.MessagePatch{Body: api.Text(fmt.Sprint("hello ", i))}))
	}
	for range 3 {
		must[*api.Message](t)(own.SendToConversation(ctx, things["group"], api.SendRequest{Body: api.Text("yes"), ReplyTo: things["inside"]}))
	}
	for _, id := range users {
		key := must[*api.Key](t)(c.CreateKey(ctx, api.KeyRequest{Name: "Reader", User: id, Scopes: []string{"messages:read"}})).Secret
		if err := w.client(t, key).Acknowledge(ctx, things["inside"]); err != nil {
			t.Fatal(err)
		}
	}
	organization := w.principal(t).Organization
	var attempts []store.AttemptRow
	for n := range contacts {
		attempts = append(attempts, store.AttemptRow{Organization: organization, Attempt: parley.Attempt{Message: parley.ID(things["wide"]), Delivery: n + 1, Number: 1,
			StartedAt: time.Now(), EndedAt: time.Now(), Outcome: parley.AttemptRetry, Code: "provider-unavailable"}})
	}
	if err := w.store.Write(ctx, organization, func(tx *store.Tx) error { return tx.WriteAttempts(attempts) }); err != nil {
		t.Fatal(err)
	}
}
