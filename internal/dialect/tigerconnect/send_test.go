package tigerconnect_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

// A message to a user has all that was said of it, for both, and in the native API.
func TestSendToUser(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Add(-time.Second)
	m := w.ana.send(fields{"recipient": w.bo.id, "body": "ICU bed 4 is ready", "sender_organization": w.org, "recipient_organization": w.org,
		"ttl": 1440, "dor": true, "priority": 1, "client_id": "0d0e-1", "data": []fields{{"namespace": "acme:case", "payload": fields{"id": 7}}}})
	data := []fields{{"namespace": "acme:case", "mimetype": "application/json", "payload": `{"id":7}`}}
	want := fields{"body": "ICU bed 4 is ready", "sender_token": w.ana.id, "sender_display_name": "Ana Silva", "recipient_token": w.bo.id,
		"sender_organization": w.org, "recipient_organization": w.org, "ttl": 1440, "dor": true, "priority": 1, "client_id": "0d0e-1", "status": "New",
		"sort_series": 0, "sort_number": 1, "attachments": []int{}, "data": data, "is_recalled": false}
	shows(t, "sent", m, want)
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", m["created_time"].(string)); err != nil || at.Before(before) {
		t.Errorf("created at %v", m["created_time"])
	}
	if left := m["expire_in"].(float64); left < 1439*60 || left > 1440*60 {
		t.Errorf("it expires in %v s", left)
	}
	status := m["statuses"].([]any)[0].(map[string]any)
	shows(t, "its recipient", status, fields{"account_id": w.bo.id, "status": "New", "timestamp": m["created_time"]})
	id := m["message_id"].(string)
	for _, who := range []*person{w.ana, w.bo} {
		got := who.call("GET", "/v2/message/"+id+"/", nil)
		shows(t, "got by "+who.name, got.ok(), want)
		if got.header.Get("TT-X-Message-Id") != id {
			t.Errorf("the header has %q", got.header.Get("TT-X-Message-Id"))
		}
	}
	native := must[*api.Message](t)(w.bo.GetMessage(t.Context(), id))
	if native.Text != "ICU bed 4 is ready" || native.Author.ID != w.ana.id || native.TTL != 86400 || !native.DeleteOnRead || native.Priority != "high" || native.Status != "sent" {
		t.Errorf("natively %+v", native)
	}
	w.cy.call("GET", "/v2/message/"+id, nil).refused("to a stranger", 404, "not-found", "", "")
	w.cy.call("GET", "/v2/message/"+id+"/status", nil).refused("to a stranger", 404, "not-found", "", "")
	w.cy.call("POST", "/v2/message/status", fields{"read": []string{id}}).refused("to a stranger", 404, "not-found", "", "")
	w.cy.call("DELETE", "/v2/message/"+id, nil).refused("to a stranger", 404, "not-found", "", "")
}

// Without a response_format the answer is the id in a header; forms say the same as JSON; numbers are texts where texts are asked for.
func TestSendShort(t *testing.T) {
	w := newWorld(t)
	a := w.ana.call("POST", "/v2/message/", "recipient="+w.bo.id+"&body=hello&ttl=5&dor=1&priority=0&data=%5B%5D", "Content-Type", "application/x-www-form-urlencoded")
	id := a.header.Get("TT-X-Message-Id")
	if a.status != http.StatusNoContent || len(a.text) != 0 || id == "" {
		t.Fatalf("answered %d %q, id %q", a.status, a.text, id)
	}
	shows(t, "from a form", w.bo.call("GET", "/v2/message/"+id, nil).ok(), fields{"body": "hello", "ttl": 5, "dor": true, "priority": 0, "data": []int{}})
	shows(t, "a number", w.ana.send(fields{"recipient": w.bo.email, "body": 42}), fields{"body": "42", "recipient_token": w.bo.id, "ttl": -1, "dor": false, "sort_number": 2})
	shows(t, "data alone", w.ana.send(fields{"recipient": []string{w.bo.id}, "data": fields{"namespace": "a:b", "payload": "plain", "mimetype": "text/plain"}}),
		fields{"body": "", "data": []fields{{"namespace": "a:b", "mimetype": "text/plain", "payload": "plain"}}, "sort_number": 3})
	shows(t, "what is for groups is ignored", w.ana.send(fields{"recipient": w.bo.id, "body": "x", "group_name": "No", "description": strings.Repeat("x", 400), "group_metadata": 5}),
		fields{"recipient_token": w.bo.id, "sort_number": 4})
}

// What is not in order is refused, says where, and leaves nothing.
func TestSendRefusals(t *testing.T) {
	w := newWorld(t)
	gone := w.person("Di Gone")
	off := false
	must[*api.User](t)(w.admin.PatchUser(t.Context(), gone.id, api.UserPatch{Active: &off}))
	role := must[*api.Role](t)(w.admin.CreateRole(t.Context(), api.RoleRequest{Name: "Charge nurse", Members: []string{w.ana.id}}))
	for _, c := range []struct {
		what                string
		set                 fields
		status              int
		code, reason, field string
	}{
		{"nobody", fields{"recipient": nil}, 400, "invalid-argument", "recipient-required", "recipient"},
		{"an empty list", fields{"recipient": []string{}}, 400, "invalid-argument", "recipient-required", "recipient"},
		{"no text", fields{"recipient": fields{}}, 400, "invalid-argument", "type-invalid", "recipient"},
		{"somebody who is not there", fields{"recipient": "0123456789abcdefghij"}, 404, "not-found", "recipient-unknown", "recipient"},
		{"no id", fields{"recipient": "nobody"}, 404, "not-found", "recipient-unknown", "recipient"},
		{"an unknown address", fields{"recipient": "who@example.org"}, 404, "not-found", "recipient-unknown", "recipient"},
		{"an unknown number", fields{"recipient": "+15550100"}, 404, "not-found", "recipient-unknown", "recipient"},
		{"somebody removed", fields{"recipient": gone.id}, 404, "not-found", "user-unknown", "recipient"},
		{"oneself", fields{"recipient": w.ana.id}, 400, "invalid-argument", "recipient-self", "recipient"},
		{"another organization", fields{"sender_organization": "0123456789abcdefghij"}, 404, "not-found", "not-found", "sender_organization"},
		{"across organizations", fields{"sender_organization": w.org, "recipient_organization": "0123456789abcdefghij"}, 403, "permission-denied", "organizations-differ", "recipient_organization"},
		{"no such type", fields{"recipient_type": "patient"}, 400, "invalid-argument", "value-unknown", "recipient_type"},
		{"a user as a group", fields{"recipient_type": "group"}, 404, "not-found", "recipient-unknown", "recipient"},
		{"ttl 0", fields{"ttl": 0}, 400, "invalid-argument", "out-of-range", "ttl"},
		{"ttl -2", fields{"ttl": -2}, 400, "invalid-argument", "out-of-range", "ttl"},
		{"ttl 1.5", fields{"ttl": 1.5}, 400, "invalid-argument", "type-invalid", "ttl"},
		{"ttl too long", fields{"ttl": 1 << 40}, 400, "invalid-argument", "out-of-range", "ttl"},
		{"dor of a word", fields{"dor": "maybe"}, 400, "invalid-argument", "type-invalid", "dor"},
		{"priority LOW", fields{"priority": "LOW"}, 400, "invalid-argument", "value-unknown", "priority"},
		{"priority 3", fields{"priority": 3}, 400, "invalid-argument", "value-unknown", "priority"},
		{"escalating to a user", fields{"escalate": true}, 400, "invalid-argument", "", "escalate"},
		{"as a role that is not held", fields{"sender_token": role.ID}, 403, "permission-denied", "not-on-duty", "sender_token"},
		{"as another user", fields{"sender_token": w.bo.id}, 403, "permission-denied", "role-unknown", "sender_token"},
		{"a reserved namespace", fields{"data": fields{"namespace": "tigertext:message:role:sender", "payload": "x"}}, 400, "invalid-argument", "namespace-reserved", "data[0].namespace"},
		{"no namespace", fields{"data": []fields{{"payload": "x"}}}, 400, "invalid-argument", "required", "data[0].namespace"},
		{"no payload", fields{"data": []fields{{"namespace": "a:b"}}}, 400, "invalid-argument", "required", "data[0].payload"},
		{"a payload that is too long", fields{"data": fields{"namespace": "a:b", "payload": strings.Repeat("x", 65537)}}, 400, "invalid-argument", "too-long", "data"},
		{"data that is none", fields{"data": 5}, 400, "invalid-argument", "type-invalid", "data"},
		{"nothing", fields{"body": ""}, 400, "invalid-argument", "required", "body"},
		{"a body that is no text", fields{"body": []int{1}}, 400, "invalid-argument", "type-invalid", "body"},
		{"a client_id that is too long", fields{"client_id": strings.Repeat("x", 256)}, 400, "invalid-argument", "", "client_id"},
		{"roles among several", fields{"recipient": []string{w.bo.id, role.ID}}, 400, "invalid-argument", "recipient-ambiguous", "recipient"},
		{"a long description", fields{"recipient": []string{w.bo.id, w.cy.id}, "description": strings.Repeat("x", 301)}, 400, "invalid-argument", "too-long", "description"},
		{"metadata of a group that is no text", fields{"recipient": []string{w.bo.id, w.cy.id}, "group_metadata": fields{"a": 1}}, 400, "invalid-argument", "type-invalid", "group_metadata"},
	} {
		f := fields{"recipient": w.bo.id, "body": "hello"}
		for k, v := range c.set {
			f[k] = v
		}
		w.ana.call("POST", "/v2/message", f).refused(c.what, c.status, c.code, c.reason, c.field)
	}
	w.ana.call("POST", "/v2/message", "{").refused("no JSON", 400, "invalid-argument", "malformed", "")
	w.ana.call("POST", "/v2/message", "x", "Content-Type", "text/plain").refused("no form", 415, "invalid-argument", "content-type-unsupported", "")
	w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x"}, "Authorization", "Basic "+"bm86bm8=").refused("no key", 401, "unauthorized", "", "")
	w.ana.call("GET", "/v2/nothing", nil).refused("no path", 404, "not-found", "route-unknown", "")
	w.ana.call("POST", "/v2/signup", nil).refused("not there yet", 501, "not-implemented", "", "")
	if n := w.bo.held() + w.cy.held(); n != 0 {
		t.Errorf("%d messages were stored", n)
	}
}

// A client_id sends once for its sender, whatever key repeats it; another message with it is a conflict.
func TestClientID(t *testing.T) {
	w := newWorld(t)
	f := fields{"recipient": w.bo.id, "body": "once", "client_id": "c-1"}
	other := w.keyed(w.admin, &api.User{ID: w.ana.id, Name: w.ana.name, Email: w.ana.email})
	var ids [20]string
	var work sync.WaitGroup
	for i := range ids {
		work.Go(func() {
			who := []*person{w.ana, other}[i%2]
			ids[i] = who.call("POST", "/v2/message", f).header.Get("TT-X-Message-Id")
		})
	}
	work.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("sent as %q", ids)
		}
	}
	w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "twice", "client_id": "c-1"}).refused("another body", 409, "conflict", "", "client_id")
	if m := w.cy.send(fields{"recipient": w.bo.id, "body": "once", "client_id": "c-1"}); m["message_id"] == ids[0] {
		t.Error("another sender got the message of the first")
	}
	if n := w.ana.held(); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
	w.stop()
	w.start()
	again := *w.ana
	again.w = w
	shows(t, "after a restart", again.send(f), fields{"message_id": ids[0], "client_id": "c-1", "statuses": []fields{{"account_id": w.bo.id, "status": "New",
		"timestamp": again.call("GET", "/v2/message/"+ids[0], nil).ok()["created_time"]}}})
}

// The organization's policy decides how long messages live, and the answer says so.
func TestLifetime(t *testing.T) {
	w := newWorld(t)
	set := func(standard, most int64, locked bool) {
		must[*api.Organization](t)(w.admin.PatchOrganization(t.Context(), api.OrganizationPatch{Policy: &api.PolicyPatch{DefaultTTL: &standard, MaxTTL: &most, LockTTL: &locked}}))
	}
	n := 0
	life := func(what string, ttl any, want int) {
		t.Helper()
		n++
		f := fields{"recipient": w.bo.id, "body": fmt.Sprint(n)}
		if ttl != nil {
			f["ttl"] = ttl
		}
		shows(t, what, w.ana.send(f), fields{"ttl": want})
	}
	life("no policy", nil, -1)
	life("asked for", 10, 10)
	set(3600, 0, false)
	life("the standard", nil, 60)
	life("another", 10, 10)
	life("for ever", -1, -1)
	set(3600, 7200, false)
	life("beyond the most", 1000, 120)
	w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "ttl": -1}).refused("for ever", 400, "invalid-argument", "out-of-range", "ttl")
	set(3600, 7200, true)
	life("locked", 10, 60)
	life("locked, for ever", -1, 60)
	o := w.ana.call("GET", "/v2/organization/"+w.org, nil).ok()
	shows(t, "the organization", o, fields{"message_time_to_live": 60, "ttl_locked": true, "max_ttl": 120, "token": w.org, "user_token": w.ana.id})
}
