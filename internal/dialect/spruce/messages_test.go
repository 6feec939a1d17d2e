package spruce_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/api"
)

// An internal message with text and pages in order, as the vendor's documentation describes it: members are listed first, then
// paged in a note of a patient's conversation.
func TestPostInternalMessageWithPage(t *testing.T) {
	w := newWorld(t)
	members := w.ok(w.ask("GET", "/organization/members", nil, ""))["members"].([]any)
	nurse, team := "", ""
	for _, m := range members {
		member := m.(map[string]any)
		switch {
		case member["displayName"] == "Ana Ruiz":
			nurse = member["id"].(string)
		case member["type"] == "team":
			team = member["id"].(string)
		}
	}
	media := w.upload("bp.png", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	item := w.post(w.ids["conversationId"], fmt.Sprintf(`{"internal":true,"author":%q,"stayArchived":false,
		"body":[{"type":"text","value":"BP 172/98, "},{"type":"text","value":"call back "},{"type":"page","value":%q},{"type":"text","value":" or "},{"type":"page","value":%q},{"type":"page","value":%q}],
		"attachments":[{"attachmentId":%q,"title":"BP log"},{"attachmentId":%q,"title":"Again"}]}`, team, nurse, team, nurse, media, media))
	if item["text"] != "BP 172/98, call back @Ana Ruiz or @Front desk@Ana Ruiz" || item["isInternalNote"] != true || item["direction"] != "none" {
		t.Errorf("the item is %v", item)
	}
	author := item["author"].(map[string]any)
	if author["id"] != team || author["displayName"] != "Front desk" || !strings.HasPrefix(author["deviceInformation"].(map[string]any)["accessID"].(string), "aid_") {
		t.Errorf("the author is %v", author)
	}
	pages := item["pages"].([]any)
	if len(pages) != 2 || pages[0].(map[string]any)["memberId"] != nurse || pages[1].(map[string]any)["memberId"] != team || pages[0].(map[string]any)["resolved"] != false {
		t.Errorf("the pages are %v", pages)
	}
	attachments := item["attachments"].([]any)
	if len(attachments) != 2 || attachments[0].(map[string]any)["title"] != "BP log" || attachments[1].(map[string]any)["title"] != "Again" || attachments[0].(map[string]any)["type"] != "image" {
		t.Fatalf("the attachments are %v", attachments)
	}
	url := attachments[0].(map[string]any)["data"].(map[string]any)["signedUrl"].(map[string]any)["url"].(string)
	for _, c := range []struct {
		url    string
		status int
	}{{url, 200}, {url + "x", 403}, {strings.Replace(url, media, strings.Replace(media, "-4", "-4f", 1)[:36], 1), 404}, {strings.SplitN(url, "?", 2)[0], 403}} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		if a := w.do(r); a.status != c.status && (c.status != 404 || a.status != 403) {
			t.Errorf("%s is answered %d, want %d", c.url, a.status, c.status)
		}
	}
	m, err := w.native.GetMessage(t.Context(), strings.TrimPrefix(item["id"].(string), "ti_"))
	if err != nil || m.Text != item["text"] || !m.Internal || m.Author.Name != "Front desk" || m.Status != "delivered" {
		t.Errorf("natively it is %+v: %v", m, err)
	}
}

// A message goes out by the conversation's channel, as the organization where nobody else is named, and may be files alone.
func TestPostGoesOut(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ author, want, id string }{
		{"", "Demo Clinic", w.ids["organizationId"]},
		{w.ids["organizationId"], "Demo Clinic", w.ids["organizationId"]},
		{w.ids["teamId"], "Front desk", w.ids["teamId"]},
		{w.ids["memberId"], "Ana Ruiz", w.ids["memberId"]},
	} {
		item := w.post(w.ids["conversationId"], fmt.Sprintf(`{"body":[{"type":"text","value":"Your labs are ready."}],"author":%q,"unknown":1}`, c.author))
		author := item["author"].(map[string]any)
		if item["direction"] != "outbound" || item["isInternalNote"] != false || author["displayName"] != c.want || author["id"] != c.id {
			t.Errorf("sent as %q it is %v", c.author, item)
		}
	}
	media := w.upload("referral.pdf", "application/pdf", "%PDF-1.4 referral")
	item := w.post(w.ids["secureConversationId"], fmt.Sprintf(`{"body":[],"attachments":[{"attachmentId":%q,"title":"Referral"}]}`, media))
	if file := item["attachments"].([]any)[0].(map[string]any); item["text"] != "" || file["type"] != "document" || file["data"].(map[string]any)["name"] != "Referral" {
		t.Errorf("a message of a file is %v", item)
	}
	team := w.post(w.ids["teamConversationId"], `{"body":[{"type":"text","value":"Who covers Friday?"}]}`)
	if team["direction"] != "none" || team["isInternalNote"] != false {
		t.Errorf("a message in a Team conversation is %v", team)
	}
	note := w.post(w.ids["noteConversationId"], `{"internal":true,"body":[{"type":"text","value":"Called the payer."}]}`)
	if note["direction"] != "none" || note["isInternalNote"] != true {
		t.Errorf("a message in a Note conversation is %v", note)
	}
}

// What is archived comes back with a message, unless it is to stay; what is not archived is never archived.
func TestStayArchived(t *testing.T) {
	w := newWorld(t)
	id := w.ids["conversationId"]
	closed := api.ConversationClosed
	for _, c := range []struct {
		stay, before, after bool
	}{{true, true, true}, {false, true, false}, {true, false, false}} {
		if c.before {
			if _, err := w.native.PatchConversation(t.Context(), strings.TrimPrefix(id, "t_"), api.ConversationPatch{Status: closed}); err != nil {
				t.Fatal(err)
			}
		}
		w.post(id, fmt.Sprintf(`{"stayArchived":%t,"body":[{"type":"text","value":"Reminder"}]}`, c.stay))
		if got := w.conversation(id)["archived"]; got != c.after {
			t.Errorf("with stayArchived %t, archived %t before, it is archived %v", c.stay, c.before, got)
		}
	}
}

// A second use of a key on a path is refused whatever is asked for, is another request elsewhere, and 50 at once are one.
func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t)
	key := strings.Repeat("k", 255)
	body := `{"internal":true,"body":[{"type":"text","value":"once"}]}`
	w.refused("a refused request", w.raw("POST", "/conversations/"+w.ids["conversationId"]+"/messages", `{"body":[]}`, "s-idempotency-key", key), 400, "BAD_PARAMETER", "body")
	w.post(w.ids["conversationId"], body, "s-idempotency-key", key)
	before := w.count()
	for _, again := range []string{body, `{"internal":true,"body":[{"type":"text","value":"another"}]}`} {
		w.refused("a second use", w.ask("POST", postPath, []string{w.ids["conversationId"]}, again, "s-idempotency-key", key), 422, "DUPLICATE_REQUEST", "key")
	}
	w.refused("a key that is too long", w.ask("POST", postPath, []string{w.ids["conversationId"]}, body, "s-idempotency-key", key+"k"), 400, "BAD_PARAMETER", "s-idempotency-key")
	w.refused("an empty key", w.ask("POST", postPath, []string{w.ids["conversationId"]}, body, "s-idempotency-key", ""), 400, "BAD_PARAMETER", "s-idempotency-key")
	if after := w.count(); after != before {
		t.Errorf("there are %d messages, want %d", after, before)
	}
	w.post(w.ids["teamConversationId"], body, "s-idempotency-key", key)

	before = w.count()
	statuses := make([]int, 50)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			statuses[i] = w.raw("POST", "/conversations/"+w.ids["conversationId"]+"/messages", `{"body":[{"type":"text","value":"twin"}]}`, "s-idempotency-key", "twins").status
		})
	}
	all.Wait()
	counts := map[int]int{}
	for _, s := range statuses {
		counts[s]++
	}
	if counts[200] != 1 || counts[422] != 49 || w.count() != before+1 {
		t.Errorf("50 at once were answered %v and made %d messages", counts, w.count()-before)
	}
}

// What is wrong is refused in the vendor's shape, and nothing of it is stored.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	made, err := w.native.CreateOrganization(t.Context(), api.OrganizationRequest{Name: "Other"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := api.New(w.app.URL(), made.Key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	stranger, err := other.CreateUser(t.Context(), api.UserRequest{Name: "Stranger", Email: "stranger@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	suspended, err := w.native.CreateUser(t.Context(), api.UserRequest{Name: "Gone", Email: "gone@example.org"})
	if err == nil {
		_, err = w.native.PatchUser(t.Context(), suspended.ID, api.UserPatch{Active: new(bool)})
	}
	if err != nil {
		t.Fatal(err)
	}
	foreign := "entity_" + stranger.ID
	direct := ""
	for _, c := range w.demo.Conversations {
		if c.Name == "direct" {
			direct = "t_" + c.ID
		}
	}
	media := w.upload("a.txt", "text/plain", "a")
	six := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"attachmentId":%q,"title":"a"},`, media), 6), ",")
	page := func(member string) string {
		return fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"x"},{"type":"text","value":"y"},{"type":"page","value":%q}]}`, member)
	}
	text := `{"body":[{"type":"text","value":"x"}]}`
	before, events := w.count(), w.latest()
	for _, c := range []struct {
		what, conversation, body string
		status                   int
		kind, named              string
	}{
		{"six attachments", "conversationId", `{"body":[],"attachments":[` + six + `]}`, 400, "BAD_PARAMETER", "attachments: must be at most 5"},
		{"an unknown element", "conversationId", `{"body":[{"type":"button","value":"x"}]}`, 400, "BAD_PARAMETER", "body[0].type"},
		{"an element without a value", "conversationId", `{"body":[{"type":"text"}]}`, 400, "BAD_PARAMETER", "body[0].value"},
		{"a page outside of an internal message", "teamConversationId", fmt.Sprintf(`{"body":[{"type":"page","value":%q}]}`, w.ids["memberId"]), 400, "BAD_PARAMETER", "body[0].type"},
		{"a page of another organization's member", "conversationId", page(foreign), 400, "BAD_PARAMETER", "body[2].value"},
		{"a page of a contact", "conversationId", page(w.ids["contactId"]), 400, "BAD_PARAMETER", "body[2].value"},
		{"a page of somebody suspended", "conversationId", page("entity_" + suspended.ID), 400, "BAD_PARAMETER", "body[2].value"},
		{"a page of somebody who does not see the conversation", "teamConversationId", page("entity_" + w.demo.Users[4].ID), 400, "BAD_PARAMETER", "body[2].value"},
		{"a page of nobody", "conversationId", page("somebody"), 400, "BAD_PARAMETER", "body[2].value"},
		{"an external message in a Note", "noteConversationId", text, 400, "BAD_PARAMETER", "internal"},
		{"another organization's member as the author", "conversationId", fmt.Sprintf(`{"author":%q,"body":[{"type":"text","value":"x"}]}`, foreign), 400, "BAD_PARAMETER", "author"},
		{"somebody suspended as the author", "conversationId", fmt.Sprintf(`{"author":"entity_%s","body":[{"type":"text","value":"x"}]}`, suspended.ID), 400, "BAD_PARAMETER", "author"},
		{"media that is not there", "conversationId", `{"body":[],"attachments":[{"attachmentId":"6b0dd479-5fd2-4f42-8b71-959932000000","title":"a"}]}`, 400, "BAD_PARAMETER", "attachments[0].attachmentId"},
		{"media that is no id", "conversationId", `{"body":[],"attachments":[{"attachmentId":"x","title":"a"}]}`, 400, "BAD_PARAMETER", "attachments[0].attachmentId"},
		{"an attachment without a title", "conversationId", fmt.Sprintf(`{"body":[],"attachments":[{"attachmentId":%q}]}`, media), 400, "BAD_PARAMETER", "attachments[0].title"},
		{"a title that is too long", "conversationId", fmt.Sprintf(`{"body":[],"attachments":[{"attachmentId":%q,"title":%q}]}`, media, strings.Repeat("a", 256)), 400, "BAD_PARAMETER", "attachments[0].title"},
		{"nothing", "conversationId", `{"body":[{"type":"text","value":""}]}`, 400, "BAD_PARAMETER", "body"},
		{"no body", "conversationId", `{"internal":true}`, 400, "BAD_PARAMETER", "body"},
		{"a body of another type", "conversationId", `{"body":"x"}`, 400, "BAD_PARAMETER", "body"},
		{"no JSON", "conversationId", `{"body":`, 400, "BAD_PARAMETER", "JSON"},
		{"more than JSON", "conversationId", text + text, 400, "BAD_PARAMETER", "body"},
		{"a character that is not allowed", "conversationId", `{"body":[{"type":"text","value":"a\u0000"}]}`, 400, "BAD_PARAMETER", "U+0000"},
		{"a conversation that is not at this door", direct, text, 404, "NOT_FOUND", "conversation"},
		{"a conversation that is not there", "t_" + w.demo.Users[0].ID, text, 404, "NOT_FOUND", "conversation"},
		{"no id of a conversation", "x_1", text, 400, "BAD_PARAMETER", "conversationId"},
	} {
		conversation := c.conversation
		if id, ok := w.ids[conversation]; ok {
			conversation = id
		}
		w.refused(c.what, w.ask("POST", postPath, []string{conversation}, c.body), c.status, c.kind, c.named)
	}
	for what, header := range map[string]string{"no credential": "", "a wrong credential": "Bearer x", "another's secret": "Bearer " + w.credential[:len(w.credential)-4] + "AAAA"} {
		w.refused(what, w.ask("POST", postPath, []string{w.ids["conversationId"]}, text, "Authorization", header), 403, "FORBIDDEN", "")
	}
	if after := w.count(); after != before || w.latest() != events {
		t.Errorf("there are %d messages and %d events, want %d and %d", after, w.latest(), before, events)
	}
}

// latest is where the event log ends.
func (w *world) latest() int64 {
	w.t.Helper()
	page, err := w.native.ListEvents(w.t.Context(), api.EventFilter{After: api.FromLatest})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Through
}
