package tigerconnect_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

func (p *person) comeOnDuty(role string) {
	p.w.t.Helper()
	must[*api.Role](p.w.t)(p.ComeOnDuty(p.w.t.Context(), role, api.DutyIn{}))
}

// Who has the same account in two organizations says which; the conversations there are two.
func TestOrganizations(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	beta := w.client(must[*api.NewOrganization](t)(w.admin.CreateOrganization(ctx, api.OrganizationRequest{Name: "Beta"})).Key.Secret)
	org := must[*api.Organization](t)(beta.GetOrganization(ctx)).ID
	for _, who := range []*person{w.ana, w.bo} {
		must[*api.User](t)(beta.CreateUser(ctx, api.UserRequest{Name: who.name, Email: who.email}))
	}
	f := fields{"recipient": w.bo.email, "body": "hello"}
	w.ana.call("POST", "/v2/message", f).refused("neither", 400, "invalid-argument", "organization-required", "sender_organization")
	w.ana.call("GET", "/v2/user/me", nil).refused("neither", 400, "invalid-argument", "organization-required", "sender_organization")
	f["sender_organization"] = w.org
	one := w.ana.send(f)
	delete(f, "sender_organization")
	a := w.ana.call("POST", "/v2/message?response_format=message", f, "TT-X-Organization-Key", org)
	two := a.ok()
	shows(t, "in the second", two, fields{"sort_number": 1, "sender_organization": org, "sender_display_name": w.ana.name})
	if one["conversation_id"] == two["conversation_id"] || one["recipient_token"] == two["recipient_token"] {
		t.Errorf("in one conversation: %v and %v", one, two)
	}
	f["sender_organization"] = w.org
	w.ana.call("POST", "/v2/message", f, "TT-X-Organization-Key", org).refused("both", 400, "invalid-argument", "organization-ambiguous", "sender_organization")
	id := one["message_id"].(string)
	w.bo.call("GET", "/v2/message/"+id, nil, "TT-X-Organization-Key", org).refused("from the other", 404, "not-found", "", "")
	list := w.ana.call("GET", "/v2/user/me/organization", nil).ok()["organizations"].([]any)
	var tokens []string
	for _, o := range list {
		tokens = append(tokens, o.(map[string]any)["token"].(string))
	}
	slices.Sort(tokens)
	want := []string{w.org, org}
	slices.Sort(want)
	if !slices.Equal(tokens, want) {
		t.Errorf("belongs to %q, want %q", tokens, want)
	}
}

// What has become of a message with each recipient; taking it back.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	m := w.ana.send(fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "all", "group_name": "Night shift", "description": "Until six",
		"group_metadata": fields{"ward": "4"}, "client_id": "g-1"})
	id, group := m["message_id"].(string), m["recipient_token"].(string)
	state := func(what string, want map[string]string) {
		t.Helper()
		list := w.ana.call("GET", "/v2/message/"+id+"/status", nil).ok()["statuses"].([]any)
		got := map[string]string{}
		for _, s := range list {
			s := s.(map[string]any)
			got[s["account_id"].(string)] = s["status"].(string)
			if s["timestamp"] == nil {
				t.Errorf("%s: no time in %v", what, s)
			}
		}
		if len(got) != len(want) || got[w.bo.id] != want[w.bo.id] || got[w.cy.id] != want[w.cy.id] {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	state("sent", map[string]string{w.bo.id: "New", w.cy.id: "New"})
	if a := w.bo.call("POST", "/v2/message/status", fields{"delivered": []string{id}}); a.status != http.StatusNoContent {
		t.Errorf("answered %d %s", a.status, a.text)
	}
	state("arrived", map[string]string{w.bo.id: "Delivered", w.cy.id: "New"})
	if a := w.cy.call("PUT", "/v2/message/status", fields{"read": []string{id}}); a.status != http.StatusNoContent {
		t.Errorf("answered %d %s", a.status, a.text)
	}
	state("read", map[string]string{w.bo.id: "Delivered", w.cy.id: "Read"})
	g := w.bo.call("GET", "/v2/group/"+group, nil).ok()
	shows(t, "the group", g, fields{"name": "Night shift", "description": "Until six", "metadata": fields{"ward": "4"}, "num_members": 3, "is_public": false})
	shows(t, "a reply", w.cy.send(fields{"recipient": group, "body": "yes"}), fields{"recipient_token": group, "sort_number": 2, "sender_token": w.cy.id})
	bulk := w.ana.call("POST", "/v2/get_bulk_message_status", fields{"message_ids": []string{id, "0123456789abcdefghij"}}).ok()["bulk_message_statuses"].(map[string]any)
	if len(bulk) != 1 || bulk[id].(map[string]any)["client_id"] != "g-1" {
		t.Errorf("in bulk %v", bulk)
	}
	w.bo.call("DELETE", "/v2/message/"+id, nil).refused("by another", 403, "permission-denied", "not-the-author", "")
	for range 2 {
		shows(t, "taken back", w.ana.call("DELETE", "/v2/message/"+id, nil).ok(), fields{"is_recalled": true})
	}
	shows(t, "after that", w.bo.call("GET", "/v2/message/"+id, nil).ok(), fields{"is_recalled": true, "body": "", "data": []int{}})
	shows(t, "its status", w.ana.call("GET", "/v2/message/"+id+"/status", nil).ok(), fields{"is_recalled": true})
}

// To a role, and as one; escalating.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	role := must[*api.Role](t)(w.admin.CreateRole(ctx, api.RoleRequest{Name: "Charge nurse", Description: "Ward 4", AwayText: "Nobody here", Members: []string{w.bo.id}}))
	m := w.ana.send(fields{"recipient": role.ID, "body": "anybody?"})
	shows(t, "to nobody", m, fields{"recipient_token": role.ID, "sender_token": w.ana.id, "status": "New"})
	w.bo.comeOnDuty(role.ID)
	m = w.ana.send(fields{"recipient": role.ID, "body": "please come"})
	shows(t, "to the role", m, fields{"recipient_token": role.ID})
	if s := m["statuses"].([]any); len(s) != 1 || s[0].(map[string]any)["account_id"] != w.bo.id {
		t.Errorf("its recipients %v", s)
	}
	back := w.bo.send(fields{"recipient": w.ana.id, "body": "coming", "sender_token": role.ID})
	shows(t, "as the role", back, fields{"sender_token": role.ID, "sender_display_name": "Charge nurse", "recipient_token": w.ana.id, "conversation_id": m["conversation_id"],
		"data": []fields{{"namespace": "tigertext:message:role:sender", "mimetype": "application/json", "payload": `{"display_name":"Charge nurse","token":"` + role.ID + `"}`}}})
	shows(t, "as oneself", w.bo.send(fields{"recipient": w.ana.id, "body": "me", "sender_token": w.bo.id}), fields{"sender_token": w.bo.id, "data": []int{}})
	w.ana.call("POST", "/v2/message", fields{"recipient": role.ID, "body": "x", "escalate": true}).refused("without a policy", 400, "invalid-argument", "", "escalate")
	must[*api.EscalationPolicy](t)(w.admin.CreateEscalationPolicy(ctx, api.EscalationPolicyRequest{Name: "P", Role: role.ID, After: 60,
		Steps: []api.EscalationStep{{Targets: []api.EscalationTarget{{User: w.cy.id}}, After: 60}}}))
	shows(t, "escalating", w.ana.send(fields{"recipient": role.ID, "body": "now", "escalate": true, "priority": 2}), fields{"priority": 1, "recipient_token": role.ID})
	if list := must[*api.List[api.Escalation]](t)(w.admin.ListEscalations(ctx, api.EscalationFilter{})).Data; len(list) != 1 {
		t.Errorf("%d escalations", len(list))
	}
	got := w.ana.call("GET", "/v2/role/"+role.ID, nil).ok()
	shows(t, "the role", got, fields{"display_name": "Charge nurse", "description": "Ward 4", "members": []string{w.bo.id}, "has_current_user": false, "away_status": "Nobody here"})
	shows(t, "its account", w.ana.call("GET", "/v2/user/"+role.ID, nil).ok(), fields{"is_role_bot": true, "metadata": fields{"feature_service": "role"}})
	must[*api.Role](t)(w.bo.GoOffDuty(ctx, role.ID, api.DutyOut{}))
	w.bo.call("POST", "/v2/message", fields{"recipient": w.ana.id, "body": "x", "sender_token": role.ID}).refused("off duty", 403, "permission-denied", "not-on-duty", "sender_token")
}

// One file goes with a message, and nothing stays of one that is refused.
func TestAttachments(t *testing.T) {
	w := newWorld(t)
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	to := part{field: "recipient", content: w.bo.id}
	file := part{"attachment", "scan.png", "image/png", png}
	a := w.ana.call("POST", "/v2/message?response_format=message", formOf(t, to, part{field: "ttl", content: "10"}, part{field: "client_id", content: "f-1"}, file))
	m := a.ok()
	shows(t, "sent", m, fields{"body": "", "ttl": 10, "attachments": []fields{{"attachment_id": "1", "name": "scan.png", "content-type": "image/png", "size": len(png)}}})
	id := m["message_id"].(string)
	again := w.ana.call("POST", "/v2/message?response_format=message", formOf(t, file, to, part{field: "ttl", content: "10"}, part{field: "client_id", content: "f-1"})).ok()
	shows(t, "repeated, in another order", again, fields{"message_id": id})
	got := w.bo.call("GET", "/v2/message/"+id+"/attachment/1", nil)
	if got.status != 200 || string(got.text) != png || got.header.Get("Content-Type") != "image/png" || !strings.Contains(got.header.Get("Content-Disposition"), "scan.png") {
		t.Errorf("the file: %d %q %v", got.status, got.text, got.header)
	}
	w.cy.call("GET", "/v2/message/"+id+"/attachment/1", nil).refused("a stranger", 404, "not-found", "", "")
	for _, c := range []struct {
		what                string
		form                form
		status              int
		code, reason, field string
	}{
		{"two files", formOf(t, to, file, file), 400, "invalid-argument", "too-many", "attachment"},
		{"a program", formOf(t, to, part{"attachment", "x.exe", "application/x-msdownload", "MZ"}), 415, "invalid-argument", "content-type-unsupported", "attachment"},
		{"a program that says nothing", formOf(t, to, part{"attachment", "x.bin", "application/octet-stream", "\x7fELF\x02\x01\x01\x00"}), 415, "invalid-argument", "content-type-unsupported", "attachment"},
		{"something else than it says", formOf(t, to, part{"attachment", "x.png", "image/png", "%PDF-1.4 hello"}), 0, "", "", "attachment"},
		{"no recipient", formOf(t, file), 400, "invalid-argument", "recipient-required", "recipient"},
		{"a field twice", formOf(t, to, to), 400, "invalid-argument", "too-many", "recipient"},
		{"nothing", formOf(t, to), 400, "invalid-argument", "required", "body"},
		{"cut off", form{strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"recipient\"\r\n\r\n"), "multipart/form-data; boundary=x"}, 400, "invalid-argument", "malformed", ""},
	} {
		a := w.ana.call("POST", "/v2/message", c.form)
		if c.status == 0 {
			if a.status < 400 || a.status > 422 || a.body.Error.Field != c.field {
				t.Errorf("%s: %d %s", c.what, a.status, a.text)
			}
			continue
		}
		a.refused(c.what, c.status, c.code, c.reason, c.field)
	}
	g := w.ana.call("POST", "/v2/message?response_format=message", formOf(t, part{field: "recipient", content: w.bo.id + "," + w.cy.id}, part{field: "group_name", content: "Pictures"},
		part{field: "body", content: "hi"}, part{"avatar", "g.png", "image/png", png})).ok()
	if avatar := w.bo.call("GET", "/v2/group/"+g["recipient_token"].(string), nil).ok()["avatar"]; avatar == nil || avatar == "" {
		t.Error("the group has no picture")
	}
	shows(t, "a picture that is not needed", w.ana.call("POST", "/v2/message?response_format=message", formOf(t, to, part{field: "body", content: "hi"}, part{"avatar", "g.png", "image/png", png})).ok(),
		fields{"recipient_token": w.bo.id, "attachments": []int{}, "sort_number": 2})
	if n := w.bo.held(); n != 3 {
		t.Errorf("%d messages", n)
	}
}

// Lists, teams; conversations with customers are not there.
func TestVisibility(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "Everybody"}))
	must[*api.Broadcast](t)(w.admin.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{w.bo.id, w.cy.id}}))
	m := w.ana.send(fields{"recipient": list.ID, "body": "fire drill"})
	shows(t, "to a list", m, fields{"recipient_token": list.ID})
	shows(t, "for the list", m["statuses"].([]any)[0].(map[string]any), fields{"account_id": list.ID, "distribution_list_id": list.ID})
	shows(t, "the list", w.ana.call("GET", "/v2/list/"+list.ID, nil).ok(), fields{"name": "Everybody", "member_count": 2})
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "ICU", Members: []string{w.ana.id, w.bo.id}}))
	shows(t, "to a team", w.ana.send(fields{"recipient": team.ID, "body": "hello"}), fields{"sort_number": 1})
	w.cy.call("POST", "/v2/message", fields{"recipient": team.ID, "body": "x"}).refused("not a member", 403, "permission-denied", "not-a-member", "")

	must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
	outside := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100000"}, Body: api.Text("Dear patient")}))
	if _, err := w.ana.GetMessage(ctx, outside.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/status", "/attachment/1"} {
		w.ana.call("GET", "/v2/message/"+outside.ID+path, nil).refused("outside", 404, "not-found", "", "")
	}
	w.ana.call("GET", "/v2/group/"+outside.ConversationID, nil).refused("outside", 404, "not-found", "", "")
	w.ana.call("DELETE", "/v2/message/"+outside.ID, nil).refused("outside", 404, "not-found", "", "")
	w.ana.call("POST", "/v2/message/status", fields{"read": []string{outside.ID}}).refused("outside", 404, "not-found", "", "")
	w.ana.call("POST", "/v2/message", fields{"recipient": outside.ConversationID, "body": "x"}).refused("outside", 404, "not-found", "recipient-unknown", "recipient")
	direct := must[*api.Message](t)(w.bo.Send(ctx, api.SendRequest{To: api.Recipient{User: w.cy.id}, Body: api.Text("private")}))
	w.ana.call("POST", "/v2/message", fields{"recipient": direct.ConversationID, "body": "x"}).refused("of others", 404, "not-found", "recipient-unknown", "recipient")

	later := must[*api.Message](t)(w.ana.Send(ctx, api.SendRequest{To: api.Recipient{User: w.bo.id}, Body: api.Text("later"), SendAt: api.Time{Time: w.soon()}}))
	w.ana.call("GET", "/v2/message/"+later.ID, nil).refused("not sent yet", 404, "not-found", "", "")
}

// People are found by id and by address, and several at once.
func TestLookups(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{w.bo.id, w.bo.email} {
		shows(t, address, w.ana.call("GET", "/v2/user/"+address, nil).ok(), fields{"token": w.bo.id, "display_name": "Bo Lund", "first_name": "Bo", "last_name": "Lund",
			"organization_key": w.org, "emails": []fields{{"address": w.bo.email, "verified": true}}, "removed_from_org": false})
	}
	shows(t, "oneself", w.ana.call("GET", "/v2/user_lookup/me/", nil).ok(), fields{"token": w.ana.id})
	w.ana.call("GET", "/v2/user/who@example.org", nil).refused("nobody", 404, "not-found", "", "")
	w.ana.call("GET", "/v2/user/"+w.bo.id+"/organization", nil).refused("of another", 404, "not-found", "", "")
	users := w.ana.call("POST", "/v2/user_lookup_bulk", fields{"addresses": []string{w.bo.id, "nobody", w.cy.email}}).ok()["users"].([]any)
	if len(users) != 2 {
		t.Errorf("found %v", users)
	}
	w.ana.call("GET", "/v2/organization/0123456789abcdefghij", nil).refused("another organization", 404, "not-found", "", "sender_organization")
}

// What the organization does not allow is refused, and leaves nothing; all else goes on.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	yes := true
	allow := func(p api.PolicyPatch) {
		t.Helper()
		must[*api.Organization](t)(w.admin.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &p}))
	}
	w.ana.send(fields{"recipient": w.bo.id, "body": "before", "priority": 1})
	allow(api.PolicyPatch{NoHighPriority: &yes})
	w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "priority": 1}).refused("high", 403, "permission-denied", "priority-not-allowed", "priority")
	w.ana.send(fields{"recipient": w.bo.id, "body": "normal"})
	to := part{field: "recipient", content: w.bo.id}
	image := part{"attachment", "x.gif", "image/gif", "GIF89a\x01\x00\x01\x00\x00\x00\x00;"}
	text := part{"attachment", "x.txt", "text/plain", "hello"}
	allow(api.PolicyPatch{NoImages: &yes})
	w.ana.call("POST", "/v2/message", formOf(t, to, image)).refused("an image", 403, "permission-denied", "file-not-allowed", "attachment")
	w.ana.call("POST", "/v2/message?response_format=message", formOf(t, to, text)).ok()
	allow(api.PolicyPatch{NoFiles: &yes})
	w.ana.call("POST", "/v2/message", formOf(t, to, text)).refused("a file", 403, "permission-denied", "file-not-allowed", "attachment")
	if _, err := w.ana.Send(t.Context(), api.SendRequest{To: api.Recipient{User: w.bo.id}, Body: api.Body{{Kind: "image", Files: []api.File{{URL: "https://example.org/x.png"}}}}}); !is(err, "file-not-allowed") {
		t.Errorf("an image within a body: %v", err)
	}
	shows(t, "the organization", w.ana.call("GET", "/v2/organization/"+w.org, nil).ok(), fields{"allow_priority_message": false, "no_photo": true, "no_attachment": true})
	if n := w.bo.held(); n != 3 {
		t.Errorf("%d messages", n)
	}
}

func is(err error, code string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Code == code
}
