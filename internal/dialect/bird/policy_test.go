package bird_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/parley-server/parley/api"
)

// key makes a key with grants for the door, and acts with it.
func (w *world) key(grants *api.DoorGrants, scopes ...string) func(method, path, body string) answer {
	w.Helper()
	if scopes == nil {
		scopes = []string{"messages:send", "messages:read", "channels:read", "media:read", "media:write", "templates:read", "organization:read"}
	}
	request := api.KeyRequest{Name: "bird", Scopes: scopes}
	if grants != nil {
		request.Doors = map[string]api.DoorGrants{"bird": *grants}
	}
	made := must[*api.Key](w)(w.admin.CreateKey(w.Context(), request))
	return func(method, path, body string) answer {
		return w.ask(method, path, body, "Authorization", "Bearer "+made.ID+":"+made.Secret)
	}
}

func allows(effect string, actions []string, resources ...string) api.DoorPolicy {
	return api.DoorPolicy{Effect: effect, Actions: actions, Resources: resources}
}

// A key with policies is permitted what they allow on the vendor's paths, and a deny counts before an allow.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	sms, email := "/channels/"+w.channels["sms"], "/channels/"+w.channels["email"]
	sent := w.send("sms", toPhone("+15550100", says("x"))).text("id")
	mail := w.send("email", `{"receiver":{"contacts":[{"identifierValue":"a@example.org"}]},"body":`+says("x")+`}`).text("id")
	ok := toPhone("+15550100", says("y"))
	view, create, anything := []string{"view"}, []string{"create"}, []string{"any"}
	type try struct {
		method, path string
		want         int
	}
	for name, c := range map[string]struct {
		grants *api.DoorGrants
		tries  []try
	}{
		"no grants: the scopes": {nil, []try{{"POST", sms + "/messages", 202}, {"GET", sms + "/messages", 200}}},
		"none":                  {&api.DoorGrants{Roles: []string{"unheard-of"}}, []try{{"POST", sms + "/messages", 403}, {"GET", sms + "/messages", 403}}},
		"viewer":                {&api.DoorGrants{Roles: []string{"viewer"}}, []try{{"POST", sms + "/messages", 403}, {"GET", sms + "/messages", 200}, {"GET", sms + "/messages/" + sent, 200}, {"GET", sms + "/messages/" + sent + "/interactions", 200}, {"GET", "/channels", 200}, {"GET", sms, 200}}},
		"sender":                {&api.DoorGrants{Roles: []string{"sender"}}, []try{{"POST", sms + "/messages", 202}, {"GET", sms + "/messages", 403}}},
		"one segment":           {&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", view, "/workspaces/*/channels/*")}}, []try{{"GET", sms, 200}, {"GET", sms + "/messages", 403}, {"GET", "/channels", 403}}},
		"any below":             {&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", anything, "/workspaces/**")}}, []try{{"GET", sms + "/messages", 200}, {"POST", sms + "/messages", 202}}},
		"one channel": {&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", anything, "/workspaces/"+w.workspace+sms+"/**")}}, []try{
			{"POST", sms + "/messages", 202}, {"GET", sms + "/messages/" + sent, 200}, {"POST", email + "/messages", 403}, {"GET", email + "/messages/" + mail, 403}, {"GET", "/channels/messages", 403}}},
		"deny wins": {&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", anything, "/workspaces/**"), allows("deny", view, "/workspaces/*"+email+"/messages/**", "/workspaces/*"+email+"/messages")}}, []try{
			{"GET", sms + "/messages", 200}, {"GET", email + "/messages", 403}, {"GET", upper(email) + "/messages", 403}, {"GET", email + "/messages/" + mail, 403}, {"POST", sms + "/messages", 202}}},
		"the other action": {&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", create, "/workspaces/**")}}, []try{{"GET", sms + "/messages", 403}, {"POST", sms + "/messages", 202}}},
	} {
		ask := w.key(c.grants)
		for _, try := range c.tries {
			if a := ask(try.method, try.path, ok); a.status != try.want || try.want == 403 && a.text("code") != "Forbidden" {
				t.Errorf("%s: %s %s: %d %s, want %d", name, try.method, try.path, a.status, a.raw, try.want)
			}
		}
	}
	// What a policy keeps from a key is in no list of it.
	ask := w.key(&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", anything, "/workspaces/**"), allows("deny", view, "/workspaces/*"+email, "/workspaces/*"+email+"/**")}})
	if ids := ask("GET", "/channels/messages?limit=1000", "").ids(); slices.Contains(ids, mail) || !slices.Contains(ids, sent) {
		t.Errorf("the list of the workspace has %v", ids)
	}
	if ids := ask("GET", "/channels?limit=1000", "").ids(); slices.Contains(ids, w.channels["email"]) || len(ids) != len(w.channels)-1 {
		t.Errorf("the channels are %v", ids)
	}
	// Policies permit no more than the scopes.
	ask = w.key(&api.DoorGrants{Policies: []api.DoorPolicy{allows("allow", anything, "/workspaces/**")}}, "messages:read")
	if a := ask("POST", sms+"/messages", ok); a.status != 403 {
		t.Errorf("without the scope: %d %s", a.status, a.raw)
	}
	if a := ask("GET", "/channels", ""); a.status != 403 {
		t.Errorf("without the scope: %d %s", a.status, a.raw)
	}
}

func upper(path string) string {
	out := []byte(path)
	for i := len("/channels/"); i < len(out); i++ {
		if out[i] >= 'a' && out[i] <= 'f' {
			out[i] -= 'a' - 'A'
		}
	}
	return string(out)
}

// Ids are found from the key alone: its workspace, the channels in it.
func TestFindingIDs(t *testing.T) {
	w := newWorld(t)
	if a := w.ask("GET", "!/workspaces", ""); a.status != 200 || a.text("results", 0, "id") != w.workspace {
		t.Errorf("workspaces: %s", a.raw)
	}
	if a := w.ask("GET", "", ""); a.text("name") != "Alpha" {
		t.Errorf("the workspace: %s", a.raw)
	}
	if ids := w.allChannels(url.Values{}); len(ids) != len(w.channels) {
		t.Errorf("channels: %v", ids)
	}
	forth, back := w.allChannels(url.Values{}), w.allChannels(url.Values{"reverse": {"true"}})
	if slices.Reverse(back); !slices.Equal(forth, back) {
		t.Errorf("%v is not %v the other way round", forth, back)
	}
	for _, c := range []struct {
		filter url.Values
		want   []string
	}{
		{url.Values{"platform": {"sms-messagebird"}}, []string{w.channels["sms"]}}, {url.Values{"platform": {"sms"}, "status": {"active"}}, []string{w.channels["sms"]}},
		{url.Values{"status": {"inactive"}}, nil},
	} {
		if got := w.allChannels(c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.filter, got)
		}
	}
	if a := w.ask("GET", "/channels/"+w.channels["sms"], ""); a.text("platformId") != "sms-messagebird" || a.text("identifier") != "+15550001" || a.text("status") != "active" {
		t.Errorf("the channel: %s", a.raw)
	}
}

func (w *world) allChannels(filter url.Values) (ids []string) {
	w.Helper()
	filter.Set("limit", "2")
	for range 20 {
		a := w.ask("GET", "/channels?"+filter.Encode(), "")
		ids = append(ids, a.ids()...)
		if a.text("nextPageToken") == "" {
			return ids
		}
		filter.Set("pageToken", a.text("nextPageToken"))
	}
	w.Fatal("the list does not end")
	return nil
}
