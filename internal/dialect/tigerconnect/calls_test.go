package tigerconnect_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// The documented call, sendToUser, as it is on the wire: POST /v2/message. Its parameters have the SDK's names here.

func TestCallAnswer(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Add(-time.Second)
	whole := fields{"recipient": w.bo.id, "body": "ICU bed 4 is ready", "sender_organization": w.org, "recipient_organization": w.org,
		"ttl": 1440, "dor": true, "priority": 1, "client_id": "0d0e-1", "data": []fields{{"namespace": "acme:case", "payload": fields{"id": 7}}}}
	want := fields{"body": "ICU bed 4 is ready", "sender_token": w.ana.id, "sender_display_name": "Ana Silva", "recipient_token": w.bo.id,
		"sender_organization": w.org, "recipient_organization": w.org, "ttl": 1440, "dor": true, "priority": 1, "client_id": "0d0e-1", "status": "New",
		"sort_series": 0, "sort_number": 1, "attachments": []int{}, "is_recalled": false,
		"data": []fields{{"namespace": "acme:case", "mimetype": "application/json", "payload": `{"id":7}`}}}
	var m map[string]any
	w.Says(t, doortest.Answer, "With response_format=message a send answers 200 with the whole message, and its id in the header TT-X-Message-Id too.", func(t *testing.T) {
		a := w.ana.call("POST", "/v2/message?response_format=message", whole)
		m = a.ok()
		shows(t, "sent", m, want)
		if a.header.Get("TT-X-Message-Id") != m["message_id"] {
			t.Errorf("the header has %q", a.header.Get("TT-X-Message-Id"))
		}
	})
	w.Says(t, doortest.Answer, "Without it the answer is 204 without a body, and the id is in the header only.", func(t *testing.T) {
		a := w.cy.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "short"})
		if a.status != http.StatusNoContent || len(a.text) != 0 || a.header.Get("TT-X-Message-Id") == "" {
			t.Errorf("answered %d %q, %v", a.status, a.text, a.header)
		}
	})
	w.Says(t, doortest.Answer, "Times are in UTC with milliseconds, and expire_in says how many seconds are left of a life that ends.", func(t *testing.T) {
		if at, err := time.Parse("2006-01-02T15:04:05.000Z", m["created_time"].(string)); err != nil || at.Before(before) {
			t.Errorf("created at %v", m["created_time"])
		}
		if left := m["expire_in"].(float64); left < 1439*60 || left > 1440*60 {
			t.Errorf("it expires in %v s", left)
		}
	})
	w.Says(t, doortest.Answer, "The message names its recipient's status and since when it holds: New at first.", func(t *testing.T) {
		shows(t, "its recipient", m["statuses"].([]any)[0].(map[string]any), fields{"account_id": w.bo.id, "status": "New", "timestamp": m["created_time"]})
	})
	w.Says(t, doortest.Answer, "Both of the two get the same message by its id, and the native API has it too.", func(t *testing.T) {
		id := m["message_id"].(string)
		for _, who := range []*person{w.ana, w.bo} {
			shows(t, "got by "+who.name, who.call("GET", "/v2/message/"+id+"/", nil).ok(), want)
		}
		native := must[*api.Message](t)(w.bo.GetMessage(t.Context(), id))
		if native.Text != "ICU bed 4 is ready" || native.Author.ID != w.ana.id || native.TTL != 86400 || !native.DeleteOnRead || native.Priority != "high" || native.Status != "sent" {
			t.Errorf("natively %+v", native)
		}
	})
	w.Says(t, doortest.Answer, "To everybody else the message does not exist: 404, for reading, its status, marking and taking back.", func(t *testing.T) {
		id := m["message_id"].(string)
		w.cy.call("GET", "/v2/message/"+id, nil).refused("reading", 404, "not-found", "", "")
		w.cy.call("GET", "/v2/message/"+id+"/status", nil).refused("its status", 404, "not-found", "", "")
		w.cy.call("POST", "/v2/message/status", fields{"read": []string{id}}).refused("marking", 404, "not-found", "", "")
		w.cy.call("DELETE", "/v2/message/"+id, nil).refused("taking back", 404, "not-found", "", "")
	})
}

func TestCallRecipient(t *testing.T) {
	w := newWorld(t)
	phone := "+1 (555) 010-0200"
	must[*api.User](t)(w.admin.PatchProfile(t.Context(), w.bo.id, api.ProfilePatch{Phone: &phone}))
	w.Says(t, "userId", "The recipient is the id of a user, or the e-mail address or the telephone number (+ and digits) of a member: all lead into the one conversation of the two.", func(t *testing.T) {
		for i, address := range []string{w.bo.id, w.bo.email, strings.ToUpper(w.bo.email), "+15550100200", "+1-555-010-0200"} {
			shows(t, address, w.ana.send(fields{"recipient": address, "body": "hello"}), fields{"recipient_token": w.bo.id, "sort_number": i + 1})
		}
	})
	w.Says(t, "userId", "An address that no member has is 404: no account is made by sending, and nothing is stored.", func(t *testing.T) {
		for _, address := range []string{"who@example.org", "+15550100999", "0123456789abcdefghij", "nobody", "+", "a@b@c"} {
			w.ana.call("POST", "/v2/message", fields{"recipient": address, "body": "x"}).refused(address, 404, "not-found", "recipient-unknown", "recipient")
		}
	})
	w.Says(t, "userId", "A telephone number that two members have stands for neither: 404.", func(t *testing.T) {
		number := "+15550100200"
		must[*api.User](t)(w.admin.PatchProfile(t.Context(), w.cy.id, api.ProfilePatch{Phone: &number}))
		w.ana.call("POST", "/v2/message", fields{"recipient": number, "body": "x"}).refused("shared", 404, "not-found", "recipient-unknown", "recipient")
	})
	w.Says(t, "userId", "Somebody who was removed from the organization is 404, by whatever address.", func(t *testing.T) {
		gone, off, number := w.person("Di Gone"), false, "+15550100300"
		must[*api.User](t)(w.admin.PatchProfile(t.Context(), gone.id, api.ProfilePatch{Phone: &number}))
		must[*api.User](t)(w.admin.PatchUser(t.Context(), gone.id, api.UserPatch{Active: &off}))
		w.ana.call("POST", "/v2/message", fields{"recipient": gone.id, "body": "x"}).refused("by id", 404, "not-found", "user-unknown", "recipient")
		for _, address := range []string{gone.email, number} {
			w.ana.call("POST", "/v2/message", fields{"recipient": address, "body": "x"}).refused(address, 404, "not-found", "recipient-unknown", "recipient")
		}
		shows(t, "as a user", w.ana.call("GET", "/v2/user/"+gone.id, nil).ok(), fields{"removed_from_org": true})
	})
	w.Says(t, "userId", "Nobody writes to oneself, by whatever address: 400.", func(t *testing.T) {
		for _, address := range []string{w.ana.id, w.ana.email} {
			w.ana.call("POST", "/v2/message", fields{"recipient": address, "body": "x"}).refused(address, 400, "invalid-argument", "recipient-self", "recipient")
		}
	})
	w.Says(t, "userId", "A recipient has to be there, as a text or a list of texts: 400.", func(t *testing.T) {
		for _, none := range []any{nil, "", []string{}} {
			w.ana.call("POST", "/v2/message", fields{"recipient": none, "body": "x"}).refused("none", 400, "invalid-argument", "recipient-required", "recipient")
		}
		w.ana.call("POST", "/v2/message", fields{"recipient": fields{}, "body": "x"}).refused("no text", 400, "invalid-argument", "type-invalid", "recipient")
	})
	if n := w.bo.held() + w.cy.held(); n != 5 {
		t.Errorf("%d messages are stored", n)
	}
}

// Whatever else than a user the recipient may be.
func TestCallRecipientKinds(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	role := must[*api.Role](t)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", Members: []string{w.bo.id}}))
	w.bo.comeOnDuty(role.ID)
	list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Everybody"}))
	must[*api.Broadcast](t)(w.admin.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{w.bo.id, w.cy.id}}))
	group := w.ana.send(fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "all"})["recipient_token"].(string)
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "ICU", Members: []string{w.ana.id, w.bo.id}}))
	w.Says(t, "userId", "The id of a role writes to whoever is on duty for it, also where the recipient is to be a user.", func(t *testing.T) {
		m := w.ana.send(fields{"recipient": role.ID, "recipient_type": "user", "body": "please come"})
		shows(t, "to the role", m, fields{"recipient_token": role.ID})
		shows(t, "whom it has come to", m["statuses"].([]any)[0].(map[string]any), fields{"account_id": w.bo.id})
	})
	w.Says(t, "userId", "By REST the id of a group, a team or a list is a recipient as well.", func(t *testing.T) {
		shows(t, "the group", w.ana.send(fields{"recipient": group, "body": "x"}), fields{"recipient_token": group, "sort_number": 2})
		shows(t, "the team", w.ana.send(fields{"recipient": team.ID, "body": "x"}), fields{"sort_number": 1})
		m := w.ana.send(fields{"recipient": list.ID, "body": "fire drill"})
		shows(t, "the list", m, fields{"recipient_token": list.ID})
		shows(t, "its status", m["statuses"].([]any)[0].(map[string]any), fields{"account_id": list.ID, "distribution_list_id": list.ID})
	})
	w.Says(t, "userId", "With recipient_type, which the SDK sends, whoever is of another type is 404; a type that there is none of is 400.", func(t *testing.T) {
		for _, c := range [][2]string{{group, "user"}, {list.ID, "user"}, {team.ID, "user"}, {w.bo.id, "group"}, {w.bo.id, "role"}, {role.ID, "list"}} {
			w.ana.call("POST", "/v2/message", fields{"recipient": c[0], "recipient_type": c[1], "body": "x"}).refused(fmt.Sprint(c), 404, "not-found", "recipient-unknown", "recipient")
		}
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "recipient_type": "patient", "body": "x"}).refused("no type", 400, "invalid-argument", "value-unknown", "recipient_type")
	})
	w.Says(t, "userId", "A conversation or team that the sender has no part in cannot be written to.", func(t *testing.T) {
		direct := must[*api.Message](t)(w.bo.Send(ctx, api.SendRequest{To: api.Recipient{User: w.cy.id}, Body: api.Text("private")}))
		w.ana.call("POST", "/v2/message", fields{"recipient": direct.ConversationID, "body": "x"}).refused("of others", 404, "not-found", "recipient-unknown", "recipient")
		w.cy.call("POST", "/v2/message", fields{"recipient": team.ID, "body": "x"}).refused("not a member", 403, "permission-denied", "not-a-member", "")
	})
}

func TestCallBody(t *testing.T) {
	w := newWorld(t)
	w.Says(t, "body", "The body is a text, kept as it is; a number is taken as one.", func(t *testing.T) {
		shows(t, "a text", w.ana.send(fields{"recipient": w.bo.id, "body": "  Grüße,\n<b>Bo</b> 👋 "}), fields{"body": "  Grüße,\n<b>Bo</b> 👋 "})
		shows(t, "a number", w.ana.send(fields{"recipient": w.bo.id, "body": 42}), fields{"body": "42"})
	})
	w.Says(t, "body", "It may be empty only where there is an attachment or metadata.", func(t *testing.T) {
		for _, empty := range []any{"", nil} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": empty}).refused("nothing", 400, "invalid-argument", "required", "body")
		}
		shows(t, "with metadata", w.ana.send(fields{"recipient": w.bo.id, "data": fields{"namespace": "a:b", "payload": "p"}}), fields{"body": ""})
		shows(t, "with a file", w.ana.call("POST", "/v2/message?response_format=message", formOf(t, part{field: "recipient", content: w.bo.id}, textFile)).ok(), fields{"body": ""})
	})
	w.Says(t, "body", "What is no text is refused, and so is one that is longer than a message may be.", func(t *testing.T) {
		for _, none := range []any{[]int{1}, fields{}, true} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": none}).refused("no text", 400, "invalid-argument", "type-invalid", "body")
		}
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": strings.Repeat("x", 100_001)}).refused("too long", 400, "invalid-argument", "", "body")
	})
	w.Says(t, "body", "What is no UTF-8 is refused, and a field that is there twice: nothing is lost of what was sent.", func(t *testing.T) {
		w.ana.call("POST", "/v2/message", `{"recipient":"`+w.bo.id+`","body":"`+"\xff"+`"}`).refused("JSON", 400, "invalid-argument", "malformed", "")
		urlencoded := func(text string) answer {
			return w.ana.call("POST", "/v2/message", text, "Content-Type", "application/x-www-form-urlencoded")
		}
		urlencoded("recipient="+w.bo.id+"&body=%ff").refused("a form", 400, "invalid-argument", "text-invalid", "body")
		urlencoded("recipient="+w.bo.id+"&recipient="+w.cy.id+"&body=x").refused("two recipients", 400, "invalid-argument", "too-many", "recipient")
		w.ana.call("POST", "/v2/message", formOf(t, part{field: "recipient", content: w.bo.id}, part{field: "body", content: "\xff"})).refused("a form with files", 400, "invalid-argument", "text-invalid", "body")
	})
	w.Says(t, "body", "Fields come as JSON or as a form, at the path with and without a slash; unknown ones are ignored.", func(t *testing.T) {
		a := w.ana.call("POST", "/v2/message/?response_format=message", "recipient="+w.bo.id+"&body=hello&ttl=5&dor=1&priority=0&data=%5B%5D&colour=red", "Content-Type", "application/x-www-form-urlencoded")
		shows(t, "from a form", a.ok(), fields{"body": "hello", "ttl": 5, "dor": true, "priority": 0, "data": []int{}})
	})
	if n := w.bo.held(); n != 5 {
		t.Errorf("%d messages are stored", n)
	}
}
