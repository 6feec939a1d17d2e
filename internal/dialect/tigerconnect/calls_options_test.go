package tigerconnect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
)

func TestCallOrganizations(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	beta := w.client(must[*api.NewOrganization](t)(w.admin.CreateOrganization(ctx, api.OrganizationRequest{Name: "Beta"})).Key.Secret)
	org := must[*api.Organization](t)(beta.GetOrganization(ctx)).ID
	w.Says(t, "organizationId", "Who belongs to one organization need not name it.", func(t *testing.T) {
		shows(t, "sent", w.ana.send(fields{"recipient": w.bo.id, "body": "hello"}), fields{"sender_organization": w.org, "recipient_organization": w.org})
	})
	for _, who := range []*person{w.ana, w.bo} {
		must[*api.User](t)(beta.CreateUser(ctx, api.UserRequest{Name: who.name, Email: who.email}))
	}
	f := fields{"recipient": w.bo.email, "body": "hello"}
	w.Says(t, "organizationId", "Who belongs to several says which, as sender_organization or in the header TT-X-Organization-Key: 400 where neither does, or both do and differ.", func(t *testing.T) {
		w.ana.call("POST", "/v2/message", f).refused("neither", 400, "invalid-argument", "organization-required", "sender_organization")
		w.ana.call("GET", "/v2/user/me", nil).refused("neither", 400, "invalid-argument", "organization-required", "sender_organization")
		both := fields{"recipient": w.bo.email, "body": "hello", "sender_organization": w.org}
		w.ana.call("POST", "/v2/message", both, "TT-X-Organization-Key", org).refused("both", 400, "invalid-argument", "organization-ambiguous", "sender_organization")
	})
	w.Says(t, "organizationId", "The same two people have a conversation in each organization, with numbers and read marks of its own, and what is sent in one does not exist in the other.", func(t *testing.T) {
		one := w.ana.send(fields{"recipient": w.bo.email, "body": "in the first", "sender_organization": w.org})
		two := w.ana.call("POST", "/v2/message?response_format=message", f, "TT-X-Organization-Key", org).ok()
		shows(t, "in the first", one, fields{"sort_number": 2, "sender_organization": w.org})
		shows(t, "in the second", two, fields{"sort_number": 1, "sender_organization": org, "recipient_organization": org, "sender_display_name": w.ana.name})
		if one["conversation_id"] == two["conversation_id"] || one["recipient_token"] == two["recipient_token"] {
			t.Errorf("in one conversation: %v and %v", one, two)
		}
		id := one["message_id"].(string)
		w.bo.call("GET", "/v2/message/"+id, nil, "TT-X-Organization-Key", org).refused("from the other", 404, "not-found", "", "")
		w.bo.call("POST", "/v2/message/status", fields{"read": []string{id}}, "TT-X-Organization-Key", w.org)
		shows(t, "the other", w.ana.call("GET", "/v2/message/"+two["message_id"].(string), nil, "TT-X-Organization-Key", org).ok(), fields{"status": "New"})
		shows(t, "the one", w.ana.call("GET", "/v2/message/"+id, nil, "TT-X-Organization-Key", w.org).ok(), fields{"status": "Read"})
	})
	w.Says(t, "organizationId", "Each organization's own policy holds for what is sent in it.", func(t *testing.T) {
		yes, hour := true, int64(3600)
		must[*api.Organization](t)(beta.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{NoHighPriority: &yes, DefaultTTL: &hour}}))
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.email, "body": "x", "priority": 1, "sender_organization": org}).refused("there", 403, "permission-denied", "priority-not-allowed", "priority")
		shows(t, "here", w.ana.send(fields{"recipient": w.bo.email, "body": "x", "priority": 1, "sender_organization": w.org}), fields{"priority": 1, "ttl": -1})
		shows(t, "there", w.ana.send(fields{"recipient": w.bo.email, "body": "x", "sender_organization": org}), fields{"priority": 0, "ttl": 60})
	})
	w.Says(t, "organizationId", "An organization that one does not belong to is 404, and so is a recipient who does not belong to it.", func(t *testing.T) {
		w.cy.call("POST", "/v2/message", fields{"recipient": w.bo.email, "body": "x", "sender_organization": org}).refused("the sender", 404, "not-found", "not-found", "sender_organization")
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "sender_organization": org}).refused("by the id in the other", 404, "not-found", "recipient-unknown", "recipient")
		w.ana.call("POST", "/v2/message", fields{"recipient": w.cy.email, "body": "x", "sender_organization": org}).refused("not there", 404, "not-found", "recipient-unknown", "recipient")
	})
	w.Says(t, "senderOrganizationId", "The sender's organization is where the message is sent; the recipient's is the same where it is left out.", func(t *testing.T) {
		shows(t, "sent", w.ana.send(fields{"recipient": w.bo.email, "body": "x", "sender_organization": org}), fields{"sender_organization": org, "recipient_organization": org})
	})
	w.Says(t, "recipientOrganizationId", "Messages stay within an organization: one of the recipient's that differs from the sender's is 403.", func(t *testing.T) {
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.email, "body": "x", "sender_organization": w.org, "recipient_organization": org}).refused("across", 403, "permission-denied", "organizations-differ", "recipient_organization")
		shows(t, "the same", w.ana.send(fields{"recipient": w.bo.email, "body": "x", "sender_organization": w.org, "recipient_organization": w.org}), fields{"recipient_organization": w.org})
	})
}

func TestCallLifetime(t *testing.T) {
	w := newWorld(t)
	set := func(standard, most int64, locked bool) {
		w.set(api.PolicyPatch{DefaultTTL: &standard, MaxTTL: &most, LockTTL: &locked})
	}
	n := 0
	life := func(what string, ttl any, want int) {
		w.t.Helper()
		n++
		f := fields{"recipient": w.bo.id, "body": fmt.Sprint(n)}
		if ttl != nil {
			f["ttl"] = ttl
		}
		shows(w.t, what, w.ana.send(f), fields{"ttl": want})
	}
	w.Says(t, "ttl", "It is in minutes, -1 for no end; left out it is what the organization has set, and none where that has set nothing. The answer has what holds.", func(t *testing.T) {
		life("no policy", nil, -1)
		life("asked for", 10, 10)
		set(3600, 0, false)
		life("the standard", nil, 60)
		life("another", 10, 10)
		life("for ever", -1, -1)
	})
	w.Says(t, "ttl", "Beyond the organization's longest it becomes that, and no end is refused where there is a longest.", func(t *testing.T) {
		set(3600, 7200, false)
		life("beyond the most", 1000, 120)
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "ttl": -1}).refused("for ever", 400, "invalid-argument", "out-of-range", "ttl")
	})
	w.Says(t, "ttl", "Where the organization has fixed the time that holds, whatever is asked for.", func(t *testing.T) {
		set(3600, 7200, true)
		life("locked", 10, 60)
		life("locked, for ever", -1, 60)
		shows(t, "the organization", w.ana.call("GET", "/v2/organization/"+w.org, nil).ok(), fields{"message_time_to_live": 60, "ttl_locked": true, "max_ttl": 120, "token": w.org, "user_token": w.ana.id})
	})
	w.Says(t, "ttl", "0, other negative numbers, fractions, words and more than a hundred years are refused.", func(t *testing.T) {
		for _, c := range []struct {
			ttl    any
			reason string
		}{{0, "out-of-range"}, {-2, "out-of-range"}, {1 << 40, "out-of-range"}, {1.5, "type-invalid"}, {"soon", "type-invalid"}, {true, "type-invalid"}} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "ttl": c.ttl}).refused(fmt.Sprint(c.ttl), 400, "invalid-argument", c.reason, "ttl")
		}
	})
	if held := w.bo.held(); held != n {
		t.Errorf("%d messages are stored, want %d", held, n)
	}
}

// Content that goes, on a clock that is moved.
func TestCallContentGoes(t *testing.T) {
	w := rehearsal(t)
	body := func(who *person, m map[string]any) any {
		return who.call("GET", "/v2/message/"+m["message_id"].(string), nil).ok()["body"]
	}
	read := func(who *person, m map[string]any) {
		who.call("POST", "/v2/message/status", fields{"read": []string{m["message_id"].(string)}})
	}
	is := func(what string, who *person, m map[string]any, want string) {
		w.t.Helper()
		if got := body(who, m); got != want {
			w.t.Errorf("%s, %s has %q, want %q", what, who.name, got, want)
		}
	}
	w.Says(t, "ttl", "When the time is over the content is gone for both, read or not.", func(t *testing.T) {
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "for a minute", "ttl": 1})
		w.advance(59 * time.Second)
		is("before", w.bo, m, "for a minute")
		w.advance(2 * time.Second)
		is("after", w.bo, m, "")
		is("after", w.ana, m, "")
	})
	w.Says(t, "deleteOnRead", "A minute after the recipient has read it the content is gone, for the sender too once all have read it; until then it stays.", func(t *testing.T) {
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "read me", "dor": true})
		shows(t, "sent", m, fields{"dor": true, "ttl": -1})
		w.advance(time.Hour)
		read(w.ana, m)
		w.advance(time.Hour)
		is("read by its sender only", w.bo, m, "read me")
		read(w.bo, m)
		w.advance(30 * time.Second)
		is("half a minute after", w.bo, m, "read me")
		read(w.bo, m) // on another device: it begins no other minute
		w.advance(31 * time.Second)
		is("a minute after the first", w.bo, m, "")
		is("a minute after the first", w.ana, m, "")
	})
	w.Says(t, "deleteOnRead", "With a ttl as well, whichever comes first counts.", func(t *testing.T) {
		short := w.ana.send(fields{"recipient": w.bo.id, "body": "short", "dor": true, "ttl": 1})
		long := w.ana.send(fields{"recipient": w.bo.id, "body": "long", "dor": true, "ttl": 60})
		w.advance(30 * time.Second)
		read(w.bo, long)
		w.advance(31 * time.Second)
		is("the ttl is over", w.bo, short, "")
		is("its minute is not", w.bo, long, "long")
		w.advance(30 * time.Second)
		is("its minute is over", w.bo, long, "")
	})
	w.Says(t, "deleteOnRead", "In a group the minute is each recipient's own.", func(t *testing.T) {
		m := w.ana.send(fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "all", "dor": true})
		read(w.bo, m)
		w.advance(61 * time.Second)
		is("has read it", w.bo, m, "")
		is("has not", w.cy, m, "all")
		is("not all have read it", w.ana, m, "all")
	})
	w.Says(t, "deleteOnRead", "What is no truth value is refused.", func(t *testing.T) {
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "dor": "maybe"}).refused("a word", 400, "invalid-argument", "type-invalid", "dor")
	})
}

func TestCallPriority(t *testing.T) {
	w := newWorld(t)
	w.Says(t, "priority", "0 or NORMAL, 1 or HIGH; normal where it is left out.", func(t *testing.T) {
		for value, want := range map[any]int{nil: 0, 0: 0, "0": 0, "NORMAL": 0, 1: 1, "1": 1, "HIGH": 1} {
			shows(t, fmt.Sprint(value), w.ana.send(fields{"recipient": w.bo.id, "body": "x", "priority": value}), fields{"priority": want})
		}
	})
	w.Says(t, "priority", "LOW and other values are refused.", func(t *testing.T) {
		for _, value := range []any{"LOW", 3, -1, "high", fields{}} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "priority": value}).refused(fmt.Sprint(value), 400, "invalid-argument", "value-unknown", "priority")
		}
	})
	w.Says(t, "priority", "Where the organization does not allow high priority that is 403, and normal messages go on.", func(t *testing.T) {
		yes := true
		w.set(api.PolicyPatch{NoHighPriority: &yes})
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "priority": 1}).refused("high", 403, "permission-denied", "priority-not-allowed", "priority")
		w.ana.send(fields{"recipient": w.bo.id, "body": "normal"})
		shows(t, "the organization", w.ana.call("GET", "/v2/organization/"+w.org, nil).ok(), fields{"allow_priority_message": false})
	})
	if n := w.bo.held(); n != 8 {
		t.Errorf("%d messages are stored", n)
	}
}

func TestCallMetadata(t *testing.T) {
	w := newWorld(t)
	send := func(data any) map[string]any {
		return w.ana.send(fields{"recipient": w.bo.id, "body": "x", "data": data})
	}
	w.Says(t, "metadata", "One object and a list of one are the same; a payload that is no text is kept as JSON, the type is application/json where it is left out.", func(t *testing.T) {
		want := fields{"data": []fields{{"namespace": "acme:case", "mimetype": "application/json", "payload": `{"id":7,"tags":["a"]}`}}}
		for _, data := range []any{
			fields{"namespace": "acme:case", "payload": fields{"id": 7, "tags": []string{"a"}}},
			[]fields{{"namespace": "acme:case", "payload": fields{"id": 7, "tags": []string{"a"}}}},
			`{"namespace":"acme:case","payload":{"id": 7, "tags": ["a"]}}`,
		} {
			shows(t, "sent", send(data), want)
		}
		shows(t, "a text", send(fields{"namespace": "a:b", "mimetype": "text/plain", "payload": "plain"}), fields{"data": []fields{{"namespace": "a:b", "mimetype": "text/plain", "payload": "plain"}}})
	})
	w.Says(t, "metadata", "Everybody in the conversation gets it back, in the order in which it was given.", func(t *testing.T) {
		m := send([]fields{{"namespace": "b:two", "payload": "2"}, {"namespace": "a:one", "payload": "1"}})
		shows(t, "got", w.bo.call("GET", "/v2/message/"+m["message_id"].(string), nil).ok(), fields{"data": m["data"]})
		if list := m["data"].([]any); len(list) != 2 || list[0].(map[string]any)["namespace"] != "b:two" {
			t.Errorf("it is %v", list)
		}
	})
	w.Says(t, "metadata", "Namespaces that begin with tigertext: are the server's own, and refused.", func(t *testing.T) {
		for _, name := range []string{"tigertext:message:role:sender", "TigerText:x", " tigertext:x"} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "data": fields{"namespace": name, "payload": "x"}}).refused(name, 400, "invalid-argument", "namespace-reserved", "data[0].namespace")
		}
	})
	w.Says(t, "metadata", "A namespace or payload that is missing, more than 50 entries, more than 64 KiB of payload, and what is no object are refused.", func(t *testing.T) {
		for _, c := range []struct {
			data          any
			reason, field string
		}{
			{[]fields{{"payload": "x"}}, "required", "data[0].namespace"}, {[]fields{{"namespace": "a:b"}}, "required", "data[0].payload"},
			{[]fields{{"namespace": "a:b", "payload": "x"}, {"namespace": "a:b", "payload": nil}}, "required", "data[1].payload"},
			{slices.Repeat([]fields{{"namespace": "a:b", "payload": "x"}}, 51), "too-many", "data"},
			{fields{"namespace": "a:b", "payload": strings.Repeat("x", 65537)}, "too-long", "data"}, {5, "type-invalid", "data"}, {[]int{5}, "type-invalid", "data"}, {"{", "type-invalid", "data"},
		} {
			w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "data": c.data}).refused(c.reason, 400, "invalid-argument", c.reason, c.field)
		}
	})
	if n := w.bo.held(); n != 5 {
		t.Errorf("%d messages are stored", n)
	}
}
