package native_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/dialect/native"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// unaudited are the operations that change something and have no entry in the audit log, and why.
var unaudited = map[string]string{
	"sendBatch":             "a message is what the server is for, and tells of itself",
	"sendMessage":           "a message is what the server is for, and tells of itself",
	"forwardMessage":        "a message",
	"editMessage":           "its author's own message; what it said before is kept",
	"sendToUser":            "a message",
	"sendToConversation":    "a message",
	"playInbound":           "a message",
	"setPresence":           "kept nowhere",
	"showTyping":            "kept nowhere",
	"createPage":            "a message",
	"resolvePage":           "work in conversations is in the event log, and in them",
	"react":                 "a mark of a reader",
	"escalateMessage":       "what becomes of a message is in its conversation and in the event log",
	"acknowledgeEscalation": "what becomes of a message is in its conversation and in the event log",
	"skipEscalation":        "what becomes of a message is in its conversation and in the event log",
	"cancelEscalation":      "what becomes of a message is in its conversation and in the event log",
	"unreact":               "a mark of a reader",
	"playInteraction":       "a mark of a reader",
	"previewTemplate":       "changes nothing",
	"fillSavedReply":        "changes nothing",
	"uploadMedia":           "a part of a message to come; its row says whose it is",
	"createConversation":    "work in conversations is in the event log; whom one lets in is in both",
	"createGroup":           "work in conversations is in the event log; whom one lets in is in both",
	"patchGroup":            "work in conversations is in the event log",
	"patchConversation":     "work in conversations is in the event log",
	"createDraft":           "a message to come",
	"patchDraft":            "a message to come",
	"deleteDraft":           "a message to come",
	"mergeConversation":     "work in conversations is in the event log, and in their histories",
	"moveMessage":           "work in conversations is in the event log, and in their histories",
	"readConversation":      "a mark of a reader",
	"markDelivered":         "a mark of a reader",
	"markRead":              "a mark of a reader",
	"acknowledge":           "a mark of a reader",
	"muteConversation":      "a wish of a reader",
	"unmuteConversation":    "a wish of a reader",
	"createHook":            "a tool of tests, which catches; the event log says so",
	"patchHook":             "a tool of tests",
	"deleteHook":            "a tool of tests",
	"clearCaught":           "a tool of tests",
	"moveClock":             "time passes in a test organization; the event log says so",
}

// entries are all entries of the audit log, oldest first.
func (w *world) entries(t *testing.T) []api.AuditEntry {
	t.Helper()
	return entriesOf(t, w.admin)
}

func entriesOf(t *testing.T, c *api.Client) []api.AuditEntry {
	t.Helper()
	var all []api.AuditEntry
	for e, err := range api.All(func(after string) (*api.List[api.AuditEntry], error) {
		return c.ListAudit(t.Context(), api.AuditFilter{Page: api.Page{After: after, Limit: 200}})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	slices.Reverse(all)
	return all
}

// failDelivery has the delivery of a message fail, so that it can be retried.
func (w *world) failDelivery(t *testing.T, message string) {
	t.Helper()
	organization, id := w.principal(t).Organization, parley.ID(message)
	deliveries := must[[]parley.Delivery](t)(w.store.Read(t.Context()).Deliveries(organization, id))
	deliveries[0].State = parley.Failed
	err := w.store.Write(t.Context(), organization, func(tx *store.Tx) error {
		return tx.UpdateDeliveries(map[store.DeliveryRef]*parley.Delivery{{Organization: organization, Message: id, Number: 1}: &deliveries[0]})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryActIsAudited: an operation that changes something writes into the audit log what it says it does, with who did it
// and from where, or has a reason not to; and what only reads writes nothing.
func TestEveryActIsAudited(t *testing.T) {
	w := newWorld(t)
	things := w.things(t)
	left := map[parley.Act]bool{parley.ActHeldErased: true, // which the server does later
		parley.ActWebhookCreated: true, parley.ActWebhookUpdated: true, parley.ActWebhookDeleted: true} // at doors of other APIs
	reads := []parley.Act{parley.ActHeldRead, parley.ActHeldContactRead}
	for _, route := range native.Routes() {
		for _, act := range route.Acts {
			left[act] = true
		}
		reason := unaudited[route.ID]
		if route.Method != http.MethodGet && (len(route.Acts) > 0) == (reason != "") {
			t.Errorf("%s: must either name its acts or have a reason for having none", route.ID)
		}
		if route.Method == http.MethodGet && (slices.ContainsFunc(route.Acts, func(a parley.Act) bool { return !slices.Contains(reads, a) }) || reason != "") {
			t.Errorf("%s: only reads", route.ID)
		}
	}
	for id := range unaudited {
		if !slices.ContainsFunc(native.Routes(), func(r *contract.Route) bool { return r.ID == id }) {
			t.Errorf("there is no operation %s", id)
		}
	}
	for _, info := range parley.Acts {
		if !left[info.Act] {
			t.Errorf("no operation names the act %s", info.Act)
		}
	}
	key := w.principal(t).Key
	for _, route := range native.Routes() {
		t.Run(route.ID, func(t *testing.T) {
			s := samples[route.ID].fill(things)
			token, admin, key := w.token, w.admin, key
			if s.personal {
				token = things["secret"]
			}
			if s.rehearsed {
				var hook string
				token, hook = w.rehearsed(t, parley.Scopes...)
				s.path = strings.ReplaceAll(s.path, "{hook}", hook)
				admin = w.client(t, token)
				key = must[*access.Principal](t)(w.auth.Authenticate(t.Context(), token, "")).Key
			}
			if route.ID == "retryDelivery" {
				w.failDelivery(t, things["message"])
			}
			before := len(entriesOf(t, admin))
			answer, text := w.raw(t, route.Method, s.path, token, s.body, s.headers()...)
			if answer.StatusCode >= 300 {
				t.Fatalf("%d %s", answer.StatusCode, text)
			}
			written := entriesOf(t, admin)[before:]
			if len(route.Acts) == 0 && len(written) > 0 || len(route.Acts) > 0 && len(written) == 0 {
				t.Errorf("wrote %+v, and says it does %q", written, route.Acts)
			}
			for _, e := range written {
				if !slices.Contains(route.Acts, parley.Act(e.Act)) || e.Actor.Key != string(key) || e.Actor.Kind != "key" ||
					e.Address != "127.0.0.1" || e.Subject.ID == "" || e.Subject.Kind != parley.Act(e.Act).Subject() {
					t.Errorf("wrote %+v, and says it does %q", e, route.Acts)
				}
			}
			if route.Method == http.MethodDelete {
				things = w.things(t)
			}
		})
	}
	chained(t, w.entries(t))
}

// chained checks that entries are numbered without gaps.
func chained(t *testing.T, entries []api.AuditEntry) {
	t.Helper()
	for i, e := range entries {
		if e.Sequence != int64(i+1) || len(e.Hash) != 64 {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
}

// last is the newest entry of an act, as "field old new" for each change.
func (w *world) last(t *testing.T, act parley.Act) (api.AuditEntry, string) {
	t.Helper()
	page := must[*api.List[api.AuditEntry]](t)(w.admin.ListAudit(t.Context(), api.AuditFilter{Act: string(act), Page: api.Page{Limit: 1}}))
	if len(page.Data) == 0 {
		t.Fatalf("no entry of %s", act)
	}
	var texts []string
	for _, c := range page.Data[0].Changes {
		text := c.Field
		for _, value := range []*string{c.Old, c.New} {
			if value == nil {
				text += " -"
			} else {
				text += " " + *value
			}
		}
		texts = append(texts, text)
	}
	return page.Data[0], strings.Join(texts, "; ")
}

// What an entry says: fields with their values, but for those that are content, secrets or people's own.
func TestAuditChanges(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	things := w.things(t)
	says := func(act parley.Act, want string) api.AuditEntry {
		t.Helper()
		e, got := w.last(t, act)
		if got != want {
			t.Errorf("%s says %q, want %q", act, got, want)
		}
		return e
	}
	must[*api.Organization](t)(w.admin.PatchOrganization(ctx, api.OrganizationPatch{Name: new("Beta"), Policy: &api.PolicyPatch{MaxTTL: new(int64(60)), DefaultTTL: new(int64(60)), LockTTL: new(true), Retention: map[string]*int64{"direct": new(int64(3600))}}}))
	says(parley.ActOrganizationUpdated, "name Alpha Beta")
	says(parley.ActPolicyUpdated, "policy.defaultTtl 0 60; policy.maxTtl 0 60; policy.lockTtl false true; policy.retention.direct 0 3600")
	must[*api.Channel](t)(w.admin.PatchChannel(ctx, things["channel"], api.ChannelPatch{Paused: new(true), Name: new("Texts")}))
	says(parley.ActChannelUpdated, "name SMS Texts; paused false true")
	must[*api.User](t)(w.admin.PatchUser(ctx, things["user2"], api.UserPatch{Name: new("Robert"), Active: new(false)}))
	says(parley.ActUserUpdated, "name - -; active true false")
	must[*api.Contact](t)(w.admin.PatchContact(ctx, things["contact"], api.ContactPatch{Name: new("Secretive"), Tags: &[]string{"ill"}, OptedOut: new(true)}))
	if e := says(parley.ActContactUpdated, "name - -; tags - -; optedOut false true"); e.Subject.Kind != "contact" || e.Subject.ID != things["contact"] {
		t.Errorf("its subject is %+v", e.Subject)
	}
	must[*api.Contact](t)(w.admin.AddContactAddress(ctx, things["contact"], api.Address{Kind: "email", Value: "secretive@example.org"}))
	says(parley.ActContactUpdated, "addresses - -")
	must[*api.Team](t)(w.admin.AddTeamMembers(ctx, things["team"], api.TeamMembers{Users: []string{things["user"]}}))
	if e, _ := w.last(t, parley.ActTeamCreated); e.Subject.ID != things["team"] {
		t.Errorf("a team was made by %+v", e)
	}
	all := w.entries(t)
	for _, e := range all {
		if e.Act == string(parley.ActTeamMembersAdded) {
			t.Errorf("a change that changes nothing: %+v", e)
		}
	}
	chained(t, all)
	_, text := w.raw(t, "GET", "/v1/audit?limit=200", w.token, "")
	for _, secret := range []string{"Secretive", "secretive", "ill\"", "Robert", "Cleo", "15550100", w.token, things["secret"]} {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// Who did it: a key, a person, whoever runs the server. And a repeat of a request does nothing again.
func TestAuditActors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	first := w.entries(t)[0]
	if first.Act != "organization.created" || first.Actor != (api.AuditActor{Kind: "operator"}) || first.Address != "" {
		t.Errorf("the log begins with %+v", first)
	}
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	own := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "Ana's", User: ana.ID, Scopes: []string{"teams:write", "audit:read"}}))
	hers := w.client(t, own.Secret)
	for range 2 {
		must[*api.Team](t)(hers.CreateTeam(ctx, api.TeamRequest{Name: "Night"}, api.IdempotencyKey("once")))
	}
	by := must[*api.List[api.AuditEntry]](t)(hers.ListAudit(ctx, api.AuditFilter{Actor: ana.ID}))
	if len(by.Data) != 1 || by.Data[0].Actor != (api.AuditActor{Kind: "user", User: ana.ID, Key: own.ID}) {
		t.Errorf("she did %+v", by.Data)
	}
	second := must[*api.NewOrganization](t)(w.admin.CreateOrganization(ctx, api.OrganizationRequest{Name: "Gamma"}))
	e, _ := w.last(t, parley.ActOrganizationCreated)
	if e.Subject.ID != second.Organization.ID || e.Actor.Kind != "key" {
		t.Errorf("its maker's log says %+v", e)
	}
	theirs := must[*api.List[api.AuditEntry]](t)(w.client(t, second.Key.Secret).ListAudit(ctx, api.AuditFilter{}))
	if len(theirs.Data) != 1 || theirs.Data[0].Actor != (api.AuditActor{Kind: "operator"}) || theirs.Data[0].Sequence != 1 {
		t.Errorf("its own log is %+v", theirs.Data)
	}
	if _, _, err := w.keys.Create(ctx, access.SystemOperator(w.principal(t).Organization), access.KeyParams{Name: "k", Scopes: parley.Scopes}, nil); err != nil {
		t.Fatal(err)
	}
	if e, _ := w.last(t, parley.ActKeyCreated); e.Actor.Kind != "operator" {
		t.Errorf("the operator's key: %+v", e)
	}
}

// Filters narrow, pages go on, and what is wrong with a request is said.
func TestAuditPages(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	things := w.things(t)
	all := w.entries(t)
	for name, c := range map[string]struct {
		filter api.AuditFilter
		want   func(e api.AuditEntry) bool
	}{
		"all":      {api.AuditFilter{}, func(api.AuditEntry) bool { return true }},
		"act":      {api.AuditFilter{Act: "user.created"}, func(e api.AuditEntry) bool { return e.Act == "user.created" }},
		"subject":  {api.AuditFilter{Subject: things["user"]}, func(e api.AuditEntry) bool { return e.Subject.ID == things["user"] }},
		"operator": {api.AuditFilter{Actor: "operator"}, func(e api.AuditEntry) bool { return e.Actor.Kind == "operator" }},
		"actor":    {api.AuditFilter{Actor: all[1].Actor.User}, func(e api.AuditEntry) bool { return e.Actor.User == all[1].Actor.User }},
		"key":      {api.AuditFilter{Key: all[1].Actor.Key}, func(e api.AuditEntry) bool { return e.Actor.Key == all[1].Actor.Key }},
		"time": {api.AuditFilter{Since: all[2].At.Time, Until: all[5].At.Time}, func(e api.AuditEntry) bool {
			return !e.At.Before(all[2].At.Time) && e.At.Before(all[5].At.Time)
		}},
		"future": {api.AuditFilter{Since: time.Now().Add(time.Hour)}, func(api.AuditEntry) bool { return false }},
	} {
		var want, got []int64
		for i := len(all) - 1; i >= 0; i-- {
			if c.want(all[i]) {
				want = append(want, all[i].Sequence)
			}
		}
		for e, err := range api.All(func(after string) (*api.List[api.AuditEntry], error) {
			c.filter.Page = api.Page{After: after, Limit: 3}
			return w.admin.ListAudit(ctx, c.filter)
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Sequence)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	_, err := w.admin.ListAudit(ctx, api.AuditFilter{Act: "user.praised"})
	wantProblem(t, err, 422, "value-unknown", "act")
	for _, after := range []string{"0", "-1", "01", "x", "9223372036854775808"} {
		_, err = w.admin.ListAudit(ctx, api.AuditFilter{Page: api.Page{After: after}})
		wantProblem(t, err, 422, "cursor-invalid", "after")
	}
}
