package kustomer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// What is given back as it was recorded.
func TestCallKept(t *testing.T) {
	o, key := writer(t)
	o.Says(t, "reference", "It names a message and how this one answers it, and is given back; whether that message exists is not looked up.", func(o *clinic) {
		for _, kind := range []string{"reply", "replyAll", "forward"} {
			o.keeps(key, "reference", m{"message": other, "type": kind})
		}
		o.refusesEach(key, "reference", map[string]any{"/reference/message": m{"type": "reply"}, "/reference/type": m{"message": other, "type": "x"},
			"/reference/type ": m{"message": other}, "/reference/x": m{"message": other, "type": "reply", "x": 1}})
	})
	o.Says(t, "shortcuts", "They are relationships of the message.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"shortcuts": []any{other}})).has(o.t, 201, m{"data.relationships.shortcuts.data": []any{m{"type": "shortcut", "id": other}}})
		o.refusesEach(key, "shortcuts", map[string]any{"/shortcuts": other, "/shortcuts/0": []any{"x"}})
	})
	o.Says(t, "kbArticles", "They are relationships of the message.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"kbArticles": []any{other}})).has(o.t, 201, m{"data.relationships.kbArticles.data": []any{m{"type": "kb_article", "id": other}}})
		o.refusesEach(key, "kbArticles", map[string]any{"/kbArticles": other, "/kbArticles/0": []any{1}})
	})
	o.Says(t, "location", "It is given back; its texts have the limits of the contract.", func(o *clinic) {
		o.keeps(key, "location", m{"name": "Home", "address": "Street 1", "latitude": 52.1, "longitude": -4.5, "countryCode": "NL", "zipCode": "1234 AB"})
		o.refusesEach(key, "location", map[string]any{"/location": "here", "/location/countryCode": m{"countryCode": "NLD"}, "/location/latitude": m{"latitude": "52"},
			"/location/cityName": m{"cityName": strings.Repeat("x", 129)}})
	})
	o.Says(t, "meta", "It is any object of up to 100 members, and is given back.", func(o *clinic) {
		o.keeps(key, "meta", m{"from": "ana@example.org", "to": []any{m{"email": "desk@example.org"}}, "thread": "t-77", "n": 12345678901234567})
		o.post(key, o.conversation, message(nil)).has(o.t, 201, m{d + "meta": m{}})
		many := m{}
		for n := range 101 {
			many[strings.Repeat("x", n+1)] = n
		}
		o.refusesEach(key, "meta", map[string]any{"/meta": "x", "/meta ": []any{}, "/meta  ": many})
	})
	o.Says(t, "meta", "With the request at most 64 objects and lists are in each other, so that the message can be read at every door.", func(o *clinic) {
		nested := func(levels int) any {
			v := any("x")
			for range levels {
				v = []any{v}
			}
			return m{"a": v}
		}
		o.keeps(key, "meta", nested(62))
		for _, levels := range []int{63, 9996} {
			o.refuses(key, message(m{"meta": nested(levels)}), 400, "")
		}
		o.call(key, "GET", "/v1/conversations/"+hex(o.conversation)+"/messages", nil).has(o.t, 200, nil)
		must[*api.List[api.Message]](o.t)(o.ListConversationMessages(o.t.Context(), o.conversation, api.Page{}))
	})
	o.Says(t, "sentiment", "It is given back: a polarity of -1, 0 or 1 and a confidence from -1 to 1.", func(o *clinic) {
		o.keeps(key, "sentiment", m{"polarity": -1, "confidence": 0.25})
		o.post(key, o.conversation, message(nil)).has(o.t, 201, m{d + "sentiment": m{}})
		o.refusesEach(key, "sentiment", map[string]any{"/sentiment/polarity": m{"polarity": 2, "confidence": 0}, "/sentiment/confidence": m{"polarity": 1, "confidence": 1.1},
			"/sentiment/confidence ": m{"polarity": 1}, "/sentiment": 1})
	})
	o.Says(t, "queue", "It names a queue by its id, or one outside, and is given back; nothing is routed.", func(o *clinic) {
		o.keeps(key, "queue", m{"id": other})
		o.keeps(key, "queue", m{"external": "amazon-connect"})
		o.refusesEach(key, "queue", map[string]any{"/queue": m{}, "/queue/external": m{"external": "x"}, "/queue/id": m{"id": "x"}})
	})
}

// Attributes of the organization's own.
func TestCallCustom(t *testing.T) {
	o, key := writer(t)
	o.Says(t, "custom", "Each name ends in the suffix of its type, and the value is of that type.", func(o *clinic) {
		o.keeps(key, "custom", m{"orderNumberStr": strings.Repeat("é", 1024), "storyTxt": strings.Repeat("x", 5000), "weightNum": 1.5, "dueAt": "2026-02-03T10:11:12.000Z",
			"paidBool": true, "pageUrl": "https://example.org/1", "orderId": other, "placeTree": "nl.amsterdam"})
		o.refusesEach(key, "custom", map[string]any{"/custom/nStr": m{"nStr": strings.Repeat("é", 1025)}, "/custom/nTxt": m{"nTxt": 1}, "/custom/nNum": m{"nNum": "1"}, "/custom/nAt": m{"nAt": "soon"},
			"/custom/nBool": m{"nBool": 1}, "/custom/nUrl": m{"nUrl": "x"}, "/custom/nId": m{"nId": "x"}, "/custom/nTree": m{"nTree": []any{}}})
	})
	o.Says(t, "custom", "A name without a suffix, or not in camel case, is refused with 400, which names it.", func(o *clinic) {
		o.refusesEach(key, "custom", map[string]any{"/custom/orderNumber": m{"orderNumber": "1"}, "/custom/OrderStr": m{"OrderStr": "1"}, "/custom/order-Str": m{"order-Str": "1"},
			"/custom/Str": m{"Str": "1"}, "/custom": []any{}, "/custom ": nil})
	})
	o.Says(t, "custom", "A null clears an attribute, which then is not there.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"custom": m{"goneTxt": nil, "keptStr": "x"}})).has(o.t, 201, m{d + "custom": m{"keptStr": "x"}})
	})
}

// Files that were uploaded before.
func TestCallAttachments(t *testing.T) {
	o, key := writer(t)
	file := must[*api.Media](t)(o.UploadMedia(t.Context(), "a.txt", "text/plain", strings.NewReader("hello")))
	related := m{"data.relationships.attachments.data": []any{m{"type": "attachment", "id": hex(file.ID)}}}
	o.Says(t, "attachments", "They are ids of uploaded files, or objects with such an id, and become relationships; what a file is called and how large it is, it says itself.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"attachments": []any{hex(file.ID)}})).has(o.t, 201, related)
		a := o.post(key, o.conversation, message(m{"attachments": []any{m{"_id": hex(file.ID), "name": "b.txt", "contentType": "text/html", "contentLength": 1}}}))
		a.has(o.t, 201, related)
		native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id"))).Attachments
		if len(native) != 1 || native[0].Name != "a.txt" || native[0].ContentType != "text/plain" || native[0].Size != 5 {
			o.t.Errorf("the native API has %+v", native)
		}
	})
	o.Says(t, "attachments", "With include=attachments the list of messages has them as resources besides, each once.", func(o *clinic) {
		path := "/v1/conversations/" + hex(o.conversation) + "/messages"
		first := o.call(key, "GET", path, nil)
		if _, there := first.body["included"]; there {
			o.t.Errorf("without being asked for: %s", first.text)
		}
		a := o.call(key, "GET", path+"?include=attachments&sort=asc", nil)
		a.has(o.t, 200, m{"included.0.type": "attachment", "included.0.id": hex(file.ID), "included.0.attributes": m{"name": "a.txt", "contentType": "text/plain", "contentLength": 5, "redacted": false},
			"included.0.relationships.message.data": m{"type": "message", "id": first.at("data.0.id")}, "included.0.relationships.org.data.type": "org"})
		if list, _ := a.body["included"].([]any); len(list) != 1 {
			o.t.Errorf("%d files", len(list))
		}
		o.call(key, "GET", "/v1/conversations/"+hex(must[*api.Conversation](o.t)(o.CreateConversation(o.t.Context(), api.ConversationRequest{Kind: "external", Channel: o.sms,
			Participants: []api.NewParticipant{{Contact: o.customer}}})).ID)+"/messages?include=attachments", nil).has(o.t, 200, m{"included": []any{}})
	})
	o.Says(t, "attachments", "An id that is no file's, one that is there twice, or an object without all of its members is refused.", func(o *clinic) {
		o.refusesEach(key, "attachments", map[string]any{"/attachments/0": []any{"x"}, "/attachments/0 ": []any{hex(o.customer)}, "/attachments/1": []any{hex(file.ID), hex(file.ID)},
			"/attachments/0/name": []any{m{"_id": hex(file.ID), "contentType": "a/b", "contentLength": 1}}, "/attachments": "x"})
	})
}

// When a message was sent, and when and by whom it was made.
func TestCallTimes(t *testing.T) {
	o, key := writer(t)
	ana := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Ana", Email: "ana@example.org"})).ID
	bo := must[*api.User](t)(o.CreateUser(t.Context(), api.UserRequest{Name: "Bo", Email: "bo@example.org"})).ID
	const at, later = "2020-01-02T03:04:05.000Z", "2020-01-02T03:04:06.500Z"
	admin := [][]string{{"org"}, {"org.admin", "org.user"}}
	usual := [][]string{{"org.user"}, {"org.permission"}, {"org.user.message.write", "org.admin.message.write"}, nil}
	// tells records with an attribute as an administrator, where it counts, and as others, where it is ignored.
	tells := func(o *clinic, change, want m) {
		for _, roles := range admin {
			o.post(o.key(roles), o.conversation, message(change)).has(o.t, 201, want)
		}
		for _, roles := range usual {
			a := o.post(o.key(roles), o.conversation, message(change))
			for path, value := range want {
				if a.status != 201 || a.at(path) == value {
					o.t.Errorf("with %v %s is %v: %s", roles, path, value, a.text)
				}
			}
		}
	}
	o.Says(t, "createdAt", "With org.admin it is when the message was made, and, unless sentAt says otherwise, sent; of other keys it is ignored.", func(o *clinic) {
		tells(o, m{"createdAt": "2020-01-02T03:04:05Z"}, m{d + "createdAt": at, d + "sentAt": at})
		o.refusesEach(key, "createdAt", map[string]any{"/createdAt": "now"})
	})
	o.Says(t, "modifiedAt", "With org.admin it is as given; of other keys it is ignored, and the time of the request counts.", func(o *clinic) {
		tells(o, m{"modifiedAt": "2020-01-02T03:04:06.5Z"}, m{d + "modifiedAt": later})
		o.refusesEach(key, "modifiedAt", map[string]any{"/modifiedAt": 5})
	})
	o.Says(t, "createdBy", "With org.admin it is the user who made the message, and the author of one that went out; of other keys the user of the key is.", func(o *clinic) {
		tells(o, m{"createdBy": hex(ana), "direction": "out"}, m{"data.relationships.createdBy.data.id": hex(ana), "data.relationships.modifiedBy.data.id": hex(ana)})
		a := o.post(o.key([]string{"org"}), o.conversation, message(m{"createdBy": hex(ana), "direction": "out"}))
		if native := must[*api.Message](o.t)(o.GetMessage(o.t.Context(), a.native("data.id"))); native.Author.ID != ana {
			o.t.Errorf("the author is %+v", native.Author)
		}
		o.refuses(o.key([]string{"org"}), message(m{"createdBy": hex(o.customer)}), 400, "/createdBy")
	})
	o.Says(t, "modifiedBy", "With org.admin it is the user who changed it last; of other keys the user of the key is.", func(o *clinic) {
		tells(o, m{"modifiedBy": hex(bo)}, m{"data.relationships.modifiedBy.data.id": hex(bo)})
		o.refuses(o.key([]string{"org"}), message(m{"modifiedBy": other}), 400, "/modifiedBy")
	})
	o.Says(t, "sentAt", "It is when the message was sent, and where it stands in the conversation; left out, it is when it was made.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"sentAt": "2019-01-02T04:04:05+01:00"})).has(o.t, 201, m{d + "sentAt": "2019-01-02T03:04:05.000Z", d + "directionType": "initial-in"})
		a := o.post(key, o.conversation, message(nil))
		a.has(o.t, 201, m{d + "sentAt": a.at(d + "createdAt"), d + "updatedAt": a.at(d + "createdAt"), d + "modifiedAt": a.at(d + "createdAt")})
		o.call(key, "GET", "/v1/conversations/"+hex(o.conversation)+"/messages", nil).has(o.t, 200, m{"data.0.attributes.sentAt": "2019-01-02T03:04:05.000Z"})
		o.refusesEach(key, "sentAt", map[string]any{"/sentAt": "yesterday"})
	})
	o.Says(t, "sentAt", "What was sent is not in the future, but for clocks that differ by up to a day: else the message would stay the last one for ever.", func(o *clinic) {
		ahead := func(by time.Duration) string { return time.Now().Add(by).UTC().Format(time.RFC3339) }
		o.refusesEach(key, "sentAt", map[string]any{"/sentAt": ahead(25 * time.Hour), "/sentAt ": "9999-12-31T23:59:59Z"})
		o.refuses(o.key([]string{"org"}), message(m{"createdAt": ahead(25 * time.Hour)}), 400, "/sentAt")
		o.post(key, o.conversation, message(m{"sentAt": ahead(time.Minute)})).has(o.t, 201, nil)
	})
	o.Says(t, "importedAt", "A message from long ago is given back as one, and opens no conversation.", func(o *clinic) {
		o.post(key, o.conversation, message(m{"importedAt": at})).has(o.t, 201, m{d + "importedAt": at})
		o.opens(key, message(m{"importedAt": at, "direction": "in"}), false)
		o.refusesEach(key, "importedAt", map[string]any{"/importedAt": true})
	})
}
