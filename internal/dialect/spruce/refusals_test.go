package spruce_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// refusal is a request to a conversation that must be refused.
type refusal struct {
	what, conversation, body string
	status                   int
	kind, named              string
}

// refuses checks that requests are refused, each in the vendor's shape, and that nothing is stored.
func (w *world) refuses(all ...refusal) {
	w.t.Helper()
	w.unchanged(func() {
		for _, c := range all {
			conversation := c.conversation
			if id, ok := w.ids[conversation]; ok {
				conversation = id
			}
			w.refused(c.what, w.ask("POST", postPath, []string{conversation}, c.body), c.status, c.kind, c.named)
		}
	})
}

// stranger is a member of another organization of the server.
func (w *world) stranger() string {
	w.t.Helper()
	made, err := w.native.CreateOrganization(w.t.Context(), api.OrganizationRequest{Name: "Other"})
	if err != nil {
		w.t.Fatal(err)
	}
	other, err := api.New(w.app.URL(), made.Key.Secret)
	if err != nil {
		w.t.Fatal(err)
	}
	defer other.Close()
	user, err := other.CreateUser(w.t.Context(), api.UserRequest{Name: "Stranger", Email: "stranger@example.org"})
	if err != nil {
		w.t.Fatal(err)
	}
	return "entity_" + user.ID
}

// suspended is a member who was deactivated.
func (w *world) suspended() string {
	w.t.Helper()
	user, err := w.native.CreateUser(w.t.Context(), api.UserRequest{Name: "Gone", Email: "gone@example.org"})
	if err == nil {
		_, err = w.native.PatchUser(w.t.Context(), user.ID, api.UserPatch{Active: new(bool)})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return "entity_" + user.ID
}

// TestCallRefusals walks through what is refused. Each is said in the vendor's shape, naming the field, and leaves nothing.
func TestCallRefusals(t *testing.T) {
	world := newWorld(t)
	foreign, gone, member := world.stranger(), world.suspended(), world.ids["memberId"]
	media := world.upload("a.txt", "text/plain", "a")
	page := func(member string) string {
		return fmt.Sprintf(`{"internal":true,"body":[{"type":"text","value":"x"},{"type":"text","value":"y"},{"type":"page","value":%q}]}`, member)
	}
	doortest.Says(t, doortest.Errors, "Six attachments are refused with 400, as are media that are not there and attachments without a title, or with one over 255 characters.", func(t *testing.T) {
		of := func(attachments string) string { return `{"body":[],"attachments":[` + attachments + `]}` }
		six := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"attachmentId":%q,"title":"a"},`, media), 6), ",")
		world.in(t).refuses(
			refusal{"six", "conversationId", of(six), 400, "BAD_PARAMETER", "attachments: must be at most 5"},
			refusal{"media that is not there", "conversationId", of(`{"attachmentId":"6b0dd479-5fd2-4f42-8b71-959932000000","title":"a"}`), 400, "BAD_PARAMETER", "attachments[0].attachmentId"},
			refusal{"no id", "conversationId", of(`{"attachmentId":"x","title":"a"}`), 400, "BAD_PARAMETER", "attachments[0].attachmentId"},
			refusal{"no title", "conversationId", of(fmt.Sprintf(`{"attachmentId":%q}`, media)), 400, "BAD_PARAMETER", "attachments[0].title"},
			refusal{"a title that is too long", "conversationId", of(fmt.Sprintf(`{"attachmentId":%q,"title":%q}`, media, strings.Repeat("a", 256))), 400, "BAD_PARAMETER", "attachments[0].title"})
	})
	doortest.Says(t, doortest.Errors, "An element of an unknown type, or without a value, is refused with 400.", func(t *testing.T) {
		world.in(t).refuses(
			refusal{"an unknown element", "conversationId", `{"body":[{"type":"button","value":"x"}]}`, 400, "BAD_PARAMETER", "body[0].type"},
			refusal{"an element without a value", "conversationId", `{"body":[{"type":"text"}]}`, 400, "BAD_PARAMETER", "body[0].value"})
	})
	doortest.Says(t, doortest.Errors, "A page outside of an internal message is refused with 400.", func(t *testing.T) {
		world.in(t).refuses(
			refusal{"in a team", "teamConversationId", fmt.Sprintf(`{"body":[{"type":"page","value":%q}]}`, member), 400, "BAD_PARAMETER", "body[0].type"},
			refusal{"to a patient", "conversationId", fmt.Sprintf(`{"internal":false,"body":[{"type":"page","value":%q}]}`, member), 400, "BAD_PARAMETER", "body[0].type"})
	})
	doortest.Says(t, doortest.Errors, "A page of another organization's member, of a contact, of somebody suspended, of nobody, or of who does not see the conversation is refused with 400.", func(t *testing.T) {
		w := world.in(t)
		w.refuses(
			refusal{"another organization's member", "conversationId", page(foreign), 400, "BAD_PARAMETER", "body[2].value"},
			refusal{"a contact", "conversationId", page(w.ids["contactId"]), 400, "BAD_PARAMETER", "body[2].value"},
			refusal{"somebody suspended", "conversationId", page(gone), 400, "BAD_PARAMETER", "body[2].value"},
			refusal{"nobody", "conversationId", page("somebody"), 400, "BAD_PARAMETER", "body[2].value"},
			refusal{"who does not see it", "teamConversationId", page("entity_" + w.demo.Users[4].ID), 400, "BAD_PARAMETER", "body[2].value"})
	})
	doortest.Says(t, doortest.Errors, "An author of another organization, suspended or unknown is refused with 400.", func(t *testing.T) {
		for _, author := range []string{foreign, gone, "entity_x", world.ids["contactId"]} {
			world.in(t).refuses(refusal{author, "conversationId", fmt.Sprintf(`{"author":%q,"body":[{"type":"text","value":"x"}]}`, author), 400, "BAD_PARAMETER", "author"})
		}
	})
	doortest.Says(t, doortest.Errors, "A message of nothing, a body that is missing or of another type, and what is no JSON are refused with 400.", func(t *testing.T) {
		world.in(t).refuses(
			refusal{"nothing", "conversationId", text(""), 400, "BAD_PARAMETER", "body"},
			refusal{"no body", "conversationId", `{"internal":true}`, 400, "BAD_PARAMETER", "body"},
			refusal{"a body of another type", "conversationId", `{"body":"x"}`, 400, "BAD_PARAMETER", "body: must be a list"},
			refusal{"a value of another type", "conversationId", `{"body":[{"type":"text","value":1}]}`, 400, "BAD_PARAMETER", "body.value: must be a text"},
			refusal{"a list", "conversationId", `[]`, 400, "BAD_PARAMETER", "the body: must be an object"},
			refusal{"a member twice", "conversationId", `{"internal":true,"body":[{"type":"text","value":"x"}],"internal":false}`, 400, "BAD_PARAMETER", "internal: must not be there twice"},
			refusal{"what is not UTF-8", "conversationId", "{\"body\":[{\"type\":\"text\",\"value\":\"\xff\"}]}", 400, "BAD_PARAMETER", "UTF-8"},
			refusal{"no JSON", "conversationId", `{"body":`, 400, "BAD_PARAMETER", "JSON"},
			refusal{"more than JSON", "conversationId", text("x") + text("x"), 400, "BAD_PARAMETER", "body"},
			refusal{"a character that is not allowed", "conversationId", `{"body":[{"type":"text","value":"a\u0000"}]}`, 400, "BAD_PARAMETER", "U+0000"})
	})
}

// TestCallUnwanted writes to somebody who does not want to be written to.
func TestCallUnwanted(t *testing.T) {
	doortest.Says(t, doortest.Errors, "What goes to somebody who does not want to be written to is refused with 400, which names where the request says that.", func(t *testing.T) {
		w := newWorld(t)
		stop := true
		if _, err := w.native.PatchContact(t.Context(), strings.TrimPrefix(w.ids["contactId"], "entity_"), api.ContactPatch{OptedOut: &stop}); err != nil {
			t.Fatal(err)
		}
		w.refuses(refusal{"a post", "conversationId", text("x"), 400, "BAD_PARAMETER", "conversationId: the contact does not want"})
		w.unchanged(func() {
			w.refused("a send", w.ask("POST", endpointPath, []string{w.ids["internalEndpointId"]}, `{"destination":{"smsOrEmailEndpoint":"+15550101000"},"message":`+text("x")+`}`),
				400, "BAD_PARAMETER", "destination: the contact does not want")
		})
	})
}

// TestCallReadOnly writes to a conversation whose channel was deleted.
func TestCallReadOnly(t *testing.T) {
	doortest.Says(t, doortest.Errors, "A conversation that is read-only, as its channel was deleted, takes internal messages only: others are refused with 400.", func(t *testing.T) {
		w := newWorld(t)
		id := w.ids["conversationId"]
		if err := w.native.DeleteChannel(t.Context(), strings.TrimPrefix(w.ids["internalEndpointId"], "endpoint_")); err != nil {
			t.Fatal(err)
		}
		w.has(w.conversation(id), m{"isReadOnly": true})
		w.refuses(refusal{"a message", "conversationId", text("x"), 400, "BAD_PARAMETER", "conversationId"})
		w.post(id, `{"internal":true,"body":[{"type":"text","value":"x"}]}`)
	})
}

// TestCallElsewhere walks through conversations that are not there, and credentials that are none.
func TestCallElsewhere(t *testing.T) {
	world := newWorld(t)
	doortest.Says(t, doortest.Errors, "A conversation that is not there, or not at this door, is 404; what is no id of one is 400.", func(t *testing.T) {
		w := world.in(t)
		all := []refusal{{"not there", "t_" + w.demo.Users[0].ID, text("x"), 404, "NOT_FOUND", "conversation"}, {"no id", "x_1", text("x"), 400, "BAD_PARAMETER", "conversationId"}}
		for _, c := range w.demo.Conversations {
			if c.Name == "direct" || c.Name == "group" || c.Name == "broadcast" {
				all = append(all, refusal{c.Name, "t_" + c.ID, text("x"), 404, "NOT_FOUND", "conversation"})
			}
		}
		w.refuses(all...)
	})
	doortest.Says(t, doortest.Errors, "A missing, wrong or ended credential is 403, as is one without the scope.", func(t *testing.T) {
		w := world.in(t)
		narrow, err := w.native.CreateKey(t.Context(), api.KeyRequest{Name: "narrow", Scopes: []string{"messages:read", "conversations:read"}})
		if err != nil {
			t.Fatal(err)
		}
		w.unchanged(func() {
			for what, header := range map[string]string{"no credential": "", "a wrong credential": "Bearer x", "another's secret": "Bearer " + w.credential[:len(w.credential)-4] + "AAAA", "no scope": "Bearer " + narrow.Secret} {
				w.refused(what, w.ask("POST", postPath, []string{w.ids["conversationId"]}, text("x"), "Authorization", header), 403, "FORBIDDEN", "")
			}
		})
	})
	doortest.Says(t, doortest.Around, "Credentials are base64 of an id and a secret, with Bearer or with Basic.", func(t *testing.T) {
		w := world.in(t)
		for _, scheme := range []string{"Bearer ", "Basic "} {
			w.ok(w.ask("POST", postPath, []string{w.ids["conversationId"]}, text(scheme), "Authorization", scheme+w.credential))
		}
	})
}
