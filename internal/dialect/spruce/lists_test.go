package spruce_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// listed walks a list to its end, and returns the ids in it; the total is that of its first page.
func (w *world) listed(path, query, name string, values ...string) (ids []string, total float64) {
	w.t.Helper()
	token := ""
	for range 100 {
		page := w.ok(w.ask("GET", path+"?"+query+"&paginationToken="+url.QueryEscape(token), values, ""))
		for _, one := range page[name].([]any) {
			ids = append(ids, one.(map[string]any)["id"].(string))
		}
		if token == "" {
			total = page["totalCount"].(float64)
		}
		if page["hasMore"] == false {
			return ids, total
		}
		token = page["paginationToken"].(string)
		query, _, _ = strings.Cut(query, "&startFrom") // which a token does not go with
	}
	w.t.Fatalf("%s has no end", path)
	return nil, 0
}

// Conversations are listed by when they were made and by when something was last in them, those of this door only.
func TestListConversations(t *testing.T) {
	doortest.Says(t, doortest.Around, "Conversations are listed by when they were made or by when something was last in them, from a time on, a page at a time; those of this door only.", listConversations)
}

func listConversations(t *testing.T) {
	w := newWorld(t)
	all, total := w.listed("/conversations", "pageSize=2", "conversations")
	if int(total) != len(all) {
		t.Errorf("the total is %v of %d", total, len(all))
	}
	for _, name := range []string{"conversationId", "teamConversationId", "noteConversationId", "secureConversationId"} {
		if !slices.Contains(all, w.ids[name]) {
			t.Errorf("%s is not listed", name)
		}
	}
	for _, c := range w.demo.Conversations {
		here := slices.Contains([]string{"team", "note", "external", "secure"}, c.Name)
		if slices.Contains(all, "t_"+c.ID) != here {
			t.Errorf("that the %s conversation is listed should be %t", c.Name, here)
		}
		status := w.ask("GET", "/conversations/{conversationId}", []string{"t_" + c.ID}, "").status
		if want := map[bool]int{true: 200, false: 404}[here]; status != want {
			t.Errorf("the %s conversation is answered %d", c.Name, status)
		}
		items := w.ask("GET", "/conversations/{conversationId}/items", []string{"t_" + c.ID}, "")
		if !here {
			w.refused("its items", items, 404, "NOT_FOUND", "conversation")
		}
	}
	w.post(w.ids["conversationId"], `{"internal":true,"body":[{"type":"text","value":"newest"}]}`)
	active, _ := w.listed("/conversations", "orderBy=last_message&pageSize=2", "conversations")
	if len(active) != len(all) || active[len(active)-1] != w.ids["conversationId"] {
		t.Errorf("by activity they are %v of %v", active, all)
	}
	since := w.conversation(w.ids["conversationId"])["lastMessageAt"].(string)
	newer, _ := w.listed("/conversations", "orderBy=last_message&startFrom="+url.QueryEscape(since), "conversations")
	if !slices.Equal(newer, []string{w.ids["conversationId"]}) {
		t.Errorf("since %s there are %v", since, newer)
	}
	if none, total := w.listed("/conversations", "startFrom=2100-01-01T00:00:00Z", "conversations"); len(none) != 0 || total != 0 {
		t.Errorf("in a far time there are %v, in all %v", none, total)
	}
	of := w.ok(w.ask("GET", "/contacts/{contactId}/conversations", []string{w.ids["contactId"]}, ""))["conversations"].([]any)
	if len(of) != 1 || of[0].(map[string]any)["id"] != w.ids["conversationId"] {
		t.Errorf("those of the contact are %v", of)
	}
	page := w.ok(w.ask("GET", "/conversations?pageSize=1", nil, ""))["paginationToken"].(string)
	for _, query := range []string{"pageSize=0", "pageSize=201", "pageSize=x", "orderBy=title", "startFrom=today", "paginationToken=x", "orderBy=last_message&paginationToken=" + page,
		"paginationToken=" + page + "&startFrom=2020-01-01T00:00:00Z"} {
		wrong, _, _ := strings.Cut(query[strings.LastIndexByte(query, '&')+1:], "=")
		w.refused(query, w.ask("GET", "/conversations?"+query, nil, ""), 400, "BAD_PARAMETER", wrong)
	}
}

// Items are listed in both directions, from a time on; what was taken back is not there any more.
func TestListItems(t *testing.T) {
	w := newWorld(t)
	id := w.ids["noteConversationId"]
	var posted []string
	for i := range 5 {
		posted = append(posted, w.post(id, fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"%d"}]}`, i))["id"].(string))
	}
	oldest, total := w.listed("/conversations/{conversationId}/items", "order=oldest_first&pageSize=2", "conversationItems", id)
	newest, _ := w.listed("/conversations/{conversationId}/items", "pageSize=2", "conversationItems", id)
	reversed := slices.Clone(newest)
	slices.Reverse(reversed)
	if !slices.Equal(oldest, posted) || !slices.Equal(reversed, posted) || total != 5 {
		t.Errorf("they are %v and %v, in all %v, want %v", oldest, newest, total, posted)
	}
	third := w.ok(w.ask("GET", "/conversationItems/{conversationItemId}", []string{posted[2]}, ""))["conversationItem"].(map[string]any)
	since := "&startFrom=" + url.QueryEscape(third["createdAt"].(string))
	for _, order := range []string{"oldest_first", "newest_first"} {
		got, _ := w.listed("/conversations/{conversationId}/items", "pageSize=2&order="+order+since, "conversationItems", id)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(posted[2:]))
		if len(got) < 3 || !slices.Contains(got, posted[2]) || !slices.Equal(got[len(got)-3:], want) {
			t.Errorf("%s since the third they are %v, want %v", order, got, want)
		}
	}
	if _, err := w.native.RecallMessage(t.Context(), strings.TrimPrefix(posted[1], "ti_")); err != nil {
		t.Fatal(err)
	}
	w.refused("what was taken back", w.ask("GET", "/conversationItems/{conversationItemId}", []string{posted[1]}, ""), 404, "NOT_FOUND", "")
	if left := w.items(id); len(left) != 4 {
		t.Errorf("there are %d items left", len(left))
	}
	if other := w.ids["teamConversationId"]; true {
		page := w.ok(w.ask("GET", "/conversations/{conversationId}/items?pageSize=1", []string{id}, ""))["paginationToken"].(string)
		w.refused("another list's token", w.ask("GET", "/conversations/{conversationId}/items?paginationToken="+page, []string{other}, ""), 400, "BAD_PARAMETER", "paginationToken")
	}
}

// The organization, its teams and its people are members; machines are not.
func TestListMembers(t *testing.T) {
	w := newWorld(t)
	suspended, err := w.native.CreateUser(t.Context(), api.UserRequest{Name: "Gone", Email: "gone@example.org"})
	if err == nil {
		_, err = w.native.PatchUser(t.Context(), suspended.ID, api.UserPatch{Active: new(bool)})
	}
	if err != nil {
		t.Fatal(err)
	}
	ids, total := w.listed("/organization/members", "pageSize=2", "members")
	if len(ids) != 8 || total != 8 || ids[0] != w.ids["organizationId"] || ids[1] != w.ids["teamId"] || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 8 {
		t.Errorf("they are %v, in all %v", ids, total)
	}
	for _, id := range []string{w.ids["organizationId"], w.ids["teamId"], w.ids["memberId"]} {
		if m := w.ok(w.ask("GET", "/organization/members/{memberId}", []string{id}, "")); m["id"] != id {
			t.Errorf("%s is %v", id, m)
		}
	}
	if m := w.ok(w.ask("GET", "/organization/members/{memberId}", []string{"entity_" + suspended.ID}, "")); m["isSuspended"] != true || m["isAdmin"] != false {
		t.Errorf("somebody suspended is %v", m)
	}
	w.refused("a contact", w.raw("GET", "/organization/members/"+w.ids["contactId"], ""), 404, "NOT_FOUND", "member")
	w.refused("a page of one", w.ask("GET", "/organization/members?pageSize=1", nil, ""), 400, "BAD_PARAMETER", "pageSize")
	if o := w.ok(w.ask("GET", "/organization", nil, ""))["organization"].(map[string]any); o["name"] != "Demo Clinic" {
		t.Errorf("the organization is %v", o)
	}
}

// What is not there, and what is not allowed, is said in the vendor's shape.
func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	w.refused("an unknown path", w.raw("GET", "/nothing", ""), 404, "NOT_FOUND", "path")
	w.refused("another method", w.raw("DELETE", "/organization", ""), 404, "NOT_FOUND", "path")
	key, err := w.native.CreateKey(t.Context(), api.KeyRequest{Name: "narrow", Scopes: []string{"messages:read", "conversations:read"}})
	if err != nil {
		t.Fatal(err)
	}
	personal, err := w.native.CreateKey(t.Context(), api.KeyRequest{Name: "personal", User: w.demo.Users[0].ID, Scopes: []string{"messages:send", "messages:read", "conversations:read"}})
	if err != nil {
		t.Fatal(err)
	}
	w.credential = key.Secret
	w.refused("a key without the scope", w.ask("POST", postPath, []string{w.ids["conversationId"]}, `{"body":[{"type":"text","value":"x"}]}`), 403, "FORBIDDEN", "messages:send")
	w.refused("a private conversation", w.ask("GET", "/conversations/{conversationId}", []string{w.ids["noteConversationId"]}, ""), 404, "NOT_FOUND", "conversation")
	w.credential = personal.Secret
	w.refused("somebody's own key", w.raw("GET", "/conversations", ""), 403, "FORBIDDEN", "organization")
}
