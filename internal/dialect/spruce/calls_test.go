package spruce_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

type m = map[string]any

// TestCallBody walks through what a message is made of: elements, pages, and who is found for them.
func TestCallBody(t *testing.T) {
	world := newWorld(t)
	id, nurse, team := world.ids["conversationId"], world.ids["memberId"], world.ids["teamId"]
	doortest.Says(t, "conversationId", "A conversation is found by listing those of a contact, or all of the organization.", func(t *testing.T) {
		w := world.in(t)
		of, _ := w.listed("/conversations", "orderBy=created", "conversations")
		contact := w.ok(w.ask("GET", "/contacts/{contactId}/conversations", []string{w.ids["contactId"]}, ""))
		if !slices.Contains(of, id) || at(contact, "conversations.0.id") != id {
			t.Errorf("the conversation is not in %v, or not in %v", of, contact)
		}
		w.post(id, text("Your labs are ready."))
	})
	doortest.Says(t, "body", "Texts follow each other as they are, and the order of elements is kept.", func(t *testing.T) {
		w := world.in(t)
		w.has(w.post(id, `{"body":[{"type":"text","value":"one "},{"type":"text","value":"two"},{"type":"text","value":", three"}]}`), m{"text": "one two, three"})
	})
	doortest.Says(t, "body", "Members are listed first; then a page in an internal message alerts one of them and shows as @Name.", func(t *testing.T) {
		w := world.in(t)
		members := w.ok(w.ask("GET", "/organization/members", nil, ""))["members"].([]any)
		if !slices.ContainsFunc(members, func(one any) bool { return at(one, "id") == nurse && at(one, "displayName") == "Ana Ruiz" }) {
			t.Fatalf("%s is not in %v", nurse, members)
		}
		item := w.post(id, fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"BP 172/98, call back "},{"type":"page","value":%q},{"type":"text","value":"!"}]}`, nurse))
		w.has(item, m{"text": "BP 172/98, call back @Ana Ruiz!", "pages.0.memberId": nurse, "pages.0.resolved": false})
		pages, err := w.native.ListPages(t.Context(), api.CallFilter{})
		if err != nil || len(pages.Data) != 1 {
			t.Errorf("natively there are the pages %+v: %v", pages, err)
		}
	})
	doortest.Says(t, "body", "A teammate, a team and the organization can be paged; whoever is named twice is paged once.", func(t *testing.T) {
		w := world.in(t)
		item := w.post(id, fmt.Sprintf(`{"internal":true,"body":[{"type":"page","value":%q},{"type":"page","value":%q},{"type":"page","value":%q},{"type":"page","value":%q}]}`,
			team, nurse, team, w.ids["organizationId"]))
		w.has(item, m{"text": "@Front desk@Ana Ruiz@Front desk@Demo Clinic", "pages.0.memberId": team, "pages.1.memberId": nurse, "pages.2.memberId": w.ids["organizationId"], "pages.3": nil})
	})
	doortest.Says(t, "internal", "An internal message is a note that only the organization sees; other messages go out on the conversation's channel.", func(t *testing.T) {
		w := world.in(t)
		note := w.post(id, `{"internal":true,"body":[{"type":"text","value":"only us"}]}`)
		w.has(note, m{"isInternalNote": true, "direction": "none"})
		w.has(w.post(id, text("for you")), m{"isInternalNote": false, "direction": "outbound"})
		natively, err := w.native.GetMessage(t.Context(), strings.TrimPrefix(note["id"].(string), "ti_"))
		if err != nil || !natively.Internal || natively.Text != "only us" {
			t.Errorf("natively it is %+v: %v", natively, err)
		}
	})
	doortest.Says(t, "internal", "A Note conversation takes internal messages only; a Team conversation takes both, and neither goes outside.", func(t *testing.T) {
		w := world.in(t)
		w.has(w.post(w.ids["noteConversationId"], `{"internal":true,"body":[{"type":"text","value":"x"}]}`), m{"isInternalNote": true, "direction": "none"})
		w.unchanged(func() {
			w.refused("an external one", w.ask("POST", postPath, []string{w.ids["noteConversationId"]}, text("x")), 400, "BAD_PARAMETER", "internal")
		})
		w.has(w.post(w.ids["teamConversationId"], text("x")), m{"isInternalNote": false, "direction": "none"})
		w.has(w.post(w.ids["teamConversationId"], `{"internal":true,"body":[{"type":"text","value":"x"}]}`), m{"isInternalNote": true, "direction": "none"})
	})
}

// TestCallAuthor walks through who is shown as the author.
func TestCallAuthor(t *testing.T) {
	world := newWorld(t)
	for _, c := range []struct{ author, name, id string }{
		{"", "Demo Clinic", world.ids["organizationId"]},
		{world.ids["organizationId"], "Demo Clinic", world.ids["organizationId"]},
		{world.ids["teamId"], "Front desk", world.ids["teamId"]},
		{world.ids["memberId"], "Ana Ruiz", world.ids["memberId"]},
	} {
		doortest.Says(t, "author", "A message is from a teammate, a team or the organization, and from the organization where nobody is named.", func(t *testing.T) {
			w := world.in(t)
			item := w.post(w.ids["conversationId"], fmt.Sprintf(`{"body":[{"type":"text","value":"Hello"}],"author":%q,"unknown":1}`, c.author))
			w.has(item, m{"author.displayName": c.name, "author.id": c.id})
			natively, err := w.native.GetMessage(t.Context(), strings.TrimPrefix(item["id"].(string), "ti_"))
			if err != nil || natively.Author.Name != c.name {
				t.Errorf("natively the author is %+v: %v", natively.Author, err)
			}
		})
	}
	doortest.Says(t, "author", "The item names the credential that posted it, beside its author.", func(t *testing.T) {
		w := world.in(t)
		item := w.post(w.ids["conversationId"], fmt.Sprintf(`{"body":[{"type":"text","value":"Hello"}],"author":%q}`, w.ids["memberId"]))
		if access, _ := at(item, "author.deviceInformation.accessID").(string); !strings.HasPrefix(access, "aid_") {
			t.Errorf("the author is %v", item["author"])
		}
	})
}

// TestCallAttachments walks through the files of a message.
func TestCallAttachments(t *testing.T) {
	world := newWorld(t)
	id := world.ids["secureConversationId"]
	image := world.upload("bp.png", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	doortest.Says(t, "attachments", "Media that was uploaded is named by its id and shown by its title, up to five in a message, and as often as one likes.", func(t *testing.T) {
		w := world.in(t)
		of := make([]string, 5)
		for i := range of {
			of[i] = fmt.Sprintf(`{"attachmentId":%q,"title":"BP log %d"}`, image, i)
		}
		item := w.post(id, `{"body":[{"type":"text","value":"see"}],"attachments":[`+strings.Join(of, ",")+`]}`)
		w.has(item, m{"attachments.0.title": "BP log 0", "attachments.4.title": "BP log 4", "attachments.0.type": "image", "attachments.0.data.mimetype": "image/png"})
	})
	doortest.Says(t, "attachments", "A message may be files alone: then its body is an empty list.", func(t *testing.T) {
		w := world.in(t)
		media := w.upload("referral.pdf", "application/pdf", "%PDF-1.4 referral")
		item := w.post(id, fmt.Sprintf(`{"body":[],"attachments":[{"attachmentId":%q,"title":"Referral"}]}`, media))
		w.has(item, m{"text": "", "attachments.0.type": "document", "attachments.0.data.name": "Referral"})
	})
	doortest.Says(t, "attachments", "An item has a signed link to each file, which works without a credential and cannot be changed.", func(t *testing.T) {
		w := world.in(t)
		item := w.post(id, fmt.Sprintf(`{"body":[],"attachments":[{"attachmentId":%q,"title":"BP log"}]}`, image))
		url := at(item, "attachments.0.data.signedUrl.url").(string)
		unsigned, _, _ := strings.Cut(url, "?")
		other := strings.Replace(url, image, w.upload("other.txt", "text/plain", "other"), 1)
		for link, status := range map[string]int{url: 200, url + "x": 403, unsigned: 403, other: 403} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
			if a := w.do(r); a.status != status {
				t.Errorf("%s is answered %d, want %d", link, a.status, status)
			}
		}
	})
}

// TestCallStayArchived walks through what is archived.
func TestCallStayArchived(t *testing.T) {
	world := newWorld(t)
	id := world.ids["conversationId"]
	posts := func(t *testing.T, before api.ConversationStatus, body string, after bool) {
		t.Helper()
		w := world.in(t)
		if _, err := w.native.PatchConversation(t.Context(), strings.TrimPrefix(id, "t_"), api.ConversationPatch{Status: before}); err != nil {
			t.Fatal(err)
		}
		w.post(id, body)
		w.has(w.conversation(id), m{"archived": after})
	}
	doortest.Says(t, "stayArchived", "True leaves an archived conversation archived.", func(t *testing.T) {
		posts(t, api.ConversationClosed, `{"stayArchived":true,"body":[{"type":"text","value":"x"}]}`, true)
	})
	doortest.Says(t, "stayArchived", "False, or nothing, brings an archived conversation back, also by an internal message.", func(t *testing.T) {
		posts(t, api.ConversationClosed, `{"stayArchived":false,"body":[{"type":"text","value":"x"}]}`, false)
		posts(t, api.ConversationClosed, text("x"), false)
		posts(t, api.ConversationClosed, `{"internal":true,"body":[{"type":"text","value":"x"}]}`, false)
	})
	doortest.Says(t, "stayArchived", "True never archives a conversation that is not archived.", func(t *testing.T) {
		posts(t, api.ConversationOpen, `{"stayArchived":true,"body":[{"type":"text","value":"x"}]}`, false)
	})
}

// TestCallIdempotency walks through the key that makes a request count once.
func TestCallIdempotency(t *testing.T) {
	world := newWorld(t)
	id, key := world.ids["conversationId"], strings.Repeat("k", 255)
	doortest.Says(t, "s-idempotency-key", "A request that was refused does not use its key up.", func(t *testing.T) {
		w := world.in(t)
		w.refused("a wrong request", w.ask("POST", postPath, []string{id}, `{"body":[]}`, "s-idempotency-key", key), 400, "BAD_PARAMETER", "body")
		w.post(id, text("once"), "s-idempotency-key", key)
	})
	doortest.Says(t, "s-idempotency-key", "A second use of a key of up to 255 characters on the path is refused with 422, whatever it asks for.", func(t *testing.T) {
		w := world.in(t)
		w.unchanged(func() {
			for _, again := range []string{text("once"), text("another"), `{"body":[]}`, `{`, `{"body":[{"type":"text","value":"once"}],"author":"entity_gone"}`} {
				w.refused("a second use", w.ask("POST", postPath, []string{id}, again, "s-idempotency-key", key), 422, "DUPLICATE_REQUEST", "key")
			}
			w.refused("by its other name", w.ask("POST", postPath, []string{id}, text("once"), "Idempotency-Key", key), 422, "DUPLICATE_REQUEST", "key")
		})
	})
	doortest.Says(t, "s-idempotency-key", "The same key on another path is another request.", func(t *testing.T) {
		w := world.in(t)
		w.post(w.ids["teamConversationId"], text("once"), "s-idempotency-key", key)
	})
	doortest.Says(t, "s-idempotency-key", "A key that is empty or longer is refused.", func(t *testing.T) {
		w := world.in(t)
		w.unchanged(func() {
			for _, wrong := range []string{"", key + "k"} {
				w.refused("the key", w.ask("POST", postPath, []string{id}, text("x"), "s-idempotency-key", wrong), 400, "BAD_PARAMETER", "s-idempotency-key")
			}
		})
	})
	doortest.Says(t, "s-idempotency-key", "Fifty requests at once with one key are one message.", func(t *testing.T) {
		w := world.in(t)
		before, statuses := w.count(), make([]int, 50)
		var all sync.WaitGroup
		for i := range statuses {
			all.Go(func() {
				statuses[i] = w.raw("POST", "/conversations/"+id+"/messages", text("twin"), "s-idempotency-key", "twins").status
			})
		}
		all.Wait()
		counts := map[int]int{}
		for _, s := range statuses {
			counts[s]++
		}
		if counts[200] != 1 || counts[422] != 49 || w.count() != before+1 {
			t.Errorf("they were answered %v and made %d messages", counts, w.count()-before)
		}
	})
	doortest.Says(t, "s-idempotency-key", "A key is still used, and its message still there, after a restart.", func(t *testing.T) {
		folder := t.TempDir()
		w := open(t, folder)
		id := w.ids["conversationId"]
		item := w.post(id, text("kept"), "s-idempotency-key", "restart")["id"]
		w.stop()
		w = open(t, folder)
		w.refused("a second use", w.ask("POST", postPath, []string{id}, text("kept"), "s-idempotency-key", "restart"), 422, "DUPLICATE_REQUEST", "")
		w.has(w.items(id), m{"0.id": item, "0.text": "kept"})
	})
}

// TestCallAnswer walks through what an accepted request is answered with.
func TestCallAnswer(t *testing.T) {
	world := newWorld(t)
	id := world.ids["conversationId"]
	doortest.Says(t, doortest.Answer, "A message that is accepted is answered 200 with requestId alone; the item is there at once, under the same requestId.", func(t *testing.T) {
		w := world.in(t)
		members := w.ok(w.ask("POST", postPath, []string{id}, text("Your labs are ready.")))
		request := members["requestId"].(string)
		if len(members) != 1 || !strings.HasPrefix(request, "asyncRequest_") {
			t.Errorf("the answer is %v", members)
		}
		w.has(w.items(id), m{"0.requestId": request, "0.text": "Your labs are ready."})
	})
	doortest.Says(t, doortest.Answer, "Items that were not posted here are listed too, with an empty requestId.", func(t *testing.T) {
		w := world.in(t)
		sent, err := w.native.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: strings.TrimPrefix(id, "t_")}, Body: api.Text("from another door")})
		if err != nil {
			t.Fatal(err)
		}
		w.has(w.items(id), m{"0.id": "ti_" + sent.ID, "0.requestId": "", "0.text": "from another door"})
	})
	doortest.Says(t, doortest.Around, "The credential of a demo has a limit, which its answers tell.", func(t *testing.T) {
		a := world.in(t).ask("GET", "/organization", nil, "")
		if a.header.Get("S-RateLimit-Limit") == "" || a.header.Get("S-RateLimit-Remaining") == "" {
			t.Errorf("the headers are %v", a.header)
		}
	})
	doortest.Says(t, doortest.Around, "Every answer has s-request-id; a limit of the key is told in s-ratelimit-limit and s-ratelimit-remaining, and beyond it is 429 with Retry-After.", func(t *testing.T) {
		w := world.in(t)
		limited, err := w.native.CreateKey(t.Context(), api.KeyRequest{Name: "limited", Scopes: []string{"messages:send", "conversations:read", "contacts:read"}, RateLimit: 3})
		if err != nil {
			t.Fatal(err)
		}
		w.credential = limited.Secret
		for left := 2; left >= 0; left-- {
			a := w.ask("POST", postPath, []string{id}, text("x"))
			w.ok(a)
			if a.header.Get("S-RateLimit-Limit") != "3" || a.header.Get("S-RateLimit-Remaining") != fmt.Sprint(left) {
				t.Errorf("the headers are %v", a.header)
			}
		}
		beyond := w.ask("POST", postPath, []string{id}, text("x"))
		w.refused("one more", beyond, 429, "RATE_LIMITED", "")
		if beyond.header.Get("Retry-After") == "" || beyond.header.Get("S-Request-Id") == "" {
			t.Errorf("its headers are %v", beyond.header)
		}
	})
}
