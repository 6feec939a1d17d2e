package tigerconnect_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// texts are those that somebody finds in the conversation of a message, oldest first, each after who is shown as its author.
func (p *person) texts(m map[string]any) (list []string) {
	p.w.t.Helper()
	for _, m := range must[*api.List[api.Message]](p.w.t)(p.ListConversationMessages(p.w.t.Context(), m["conversation_id"].(string), api.Page{})).Data {
		list = append([]string{m.Author.Name + ": " + m.Text}, list...)
	}
	return list
}

func (p *person) away(text, forwardTo string) {
	p.w.t.Helper()
	d := api.DoNotDisturbRequest{Text: text}
	if forwardTo != "" {
		d.ForwardTo = &api.ForwardTarget{User: forwardTo}
	}
	must[*api.User](p.w.t)(p.w.admin.SetDoNotDisturb(p.w.t.Context(), p.id, d))
}

func TestCallDoNotDisturb(t *testing.T) {
	w := newWorld(t)
	w.Says(t, doortest.Around, "To somebody who does not want to be disturbed the message comes all the same, and who sends is told so once a conversation.", func(t *testing.T) {
		w.bo.away("In surgery", "")
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "one"})
		w.ana.send(fields{"recipient": w.bo.id, "body": "two"})
		shows(t, "the message", m, fields{"status": "New", "recipient_token": w.bo.id})
		for _, who := range []*person{w.ana, w.bo} {
			if got := strings.Join(who.texts(m), " / "); got != "Ana Silva: one / Bo Lund: In surgery / Ana Silva: two" {
				t.Errorf("%s has %s", who.name, got)
			}
		}
		shows(t, "the recipient", w.ana.call("GET", "/v2/user/"+w.bo.id, nil).ok(), fields{"dnd": true, "dnd_text": "In surgery"})
	})
	w.Says(t, doortest.Around, "With auto-forward it comes to the recipient and to whom that one named, there in a conversation with the sender, marked dnd_auto_forwarded_from; the sender is told with a dnd_af_notification.", func(t *testing.T) {
		w.bo.away("On leave", w.cy.id)
		told, others := w.ana.follow(""), w.cy.follow("")
		for _, s := range []*stream{told, others} {
			s.begins(0)
			s.live()
		}
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "three"})
		copied := others.next("message", fields{"body": "three", "sender_token": w.ana.id, "recipient_token": w.cy.id, "dnd_auto_forwarded_from": w.bo.id})
		if copied.payload["message_id"] == m["message_id"] || copied.payload["conversation_id"] == m["conversation_id"] {
			t.Errorf("the copy %v is the message %v", copied.payload, m)
		}
		w.cy.call("GET", "/v2/message/"+m["message_id"].(string), nil).refused("the original", 404, "not-found", "", "")
		told.next("message", fields{"message_id": m["message_id"]})
		for e := told.next("message", nil); e.payload["sub_type"] != "dnd_af_notification"; e = told.next("message", nil) {
			if e.payload["dnd_auto_forwarded_from"] != w.bo.id { // it is no copy either
				t.Fatalf("%v came", e.payload)
			}
		}
		if got := w.ana.texts(m); got[len(got)-1] != "Bo Lund: On leave\nForwarded to Cy Young." {
			t.Errorf("the sender is told %q", got)
		}
	})
	w.Says(t, doortest.Around, "Where the one it is forwarded to is away too it goes on, and stops with a word about that before it comes back to anybody.", func(t *testing.T) {
		w.cy.away("Asleep", w.bo.id)
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "four"})
		got := w.ana.texts(m)
		if last := got[len(got)-1]; !strings.Contains(last, "Forwarded to Cy Young.") || !strings.Contains(last, "goes no further") {
			t.Errorf("the sender is told %q", got)
		}
		if n := w.cy.held(); n != 2 {
			t.Errorf("%d copies came to the second", n)
		}
	})
}

func TestCallRecipientsState(t *testing.T) {
	w := newWorld(t)
	first := w.ana.send(fields{"recipient": w.bo.id, "body": "one"})
	w.Says(t, doortest.Around, "A recipient who has muted the conversation, or is not there, gets the message as any other: it stays New until a client of the recipient says that it has it.", func(t *testing.T) {
		must[*api.Conversation](t)(w.bo.MuteConversation(t.Context(), first["conversation_id"].(string), api.Mute{}))
		s := w.bo.follow("")
		s.begins(0)
		s.live()
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "two"})
		s.next("message", fields{"message_id": m["message_id"]})
		shows(t, "not confirmed", w.ana.call("GET", "/v2/message/"+m["message_id"].(string), nil).ok(), fields{"status": "New"})
		w.bo.call("POST", "/v2/message/status", fields{"delivered": []string{m["message_id"].(string)}})
		shows(t, "confirmed", w.ana.call("GET", "/v2/message/"+m["message_id"].(string), nil).ok(), fields{"status": "Delivered"})
	})
	w.Says(t, doortest.Around, "That a conversation is muted in one organization or by one person changes nothing for others.", func(t *testing.T) {
		of := func(who *person) bool {
			return must[*api.Conversation](t)(who.GetConversation(t.Context(), first["conversation_id"].(string))).Muted != nil
		}
		if !of(w.bo) || of(w.ana) {
			t.Errorf("muted for the recipient: %v, for the sender: %v", of(w.bo), of(w.ana))
		}
	})
	w.Says(t, doortest.Around, "Messages that one client sends one after the other have the order of their sort_number, without gaps, for both.", func(t *testing.T) {
		last := 2
		for i := range 20 {
			last++
			shows(t, "sent", w.ana.send(fields{"recipient": w.bo.id, "body": fmt.Sprint(i)}), fields{"sort_series": 0, "sort_number": last})
		}
		texts := func(who *person) string { return strings.Join(who.texts(first)[2:], " ") }
		if a, b := texts(w.ana), texts(w.bo); a != b || !strings.HasPrefix(a, "Ana Silva: 0 Ana Silva: 1 Ana Silva: 2 ") {
			t.Errorf("in the order %q and %q", a, b)
		}
	})
}

func TestCallClientID(t *testing.T) {
	w := newWorld(t)
	f := fields{"recipient": w.bo.id, "body": "once", "client_id": "c-1"}
	other := w.keyed(w.admin, &api.User{ID: w.ana.id, Name: w.ana.name, Email: w.ana.email})
	var id string
	w.Says(t, doortest.Around, "A repeat with the same client_id answers with the first message and sends nothing, however many come at once, with whatever key of the sender.", func(t *testing.T) {
		var ids [20]string
		var work sync.WaitGroup
		for i := range ids {
			work.Go(func() {
				who := []*person{w.ana, other}[i%2]
				ids[i] = who.call("POST", "/v2/message", f).header.Get("TT-X-Message-Id")
			})
		}
		work.Wait()
		id = ids[0]
		for _, one := range ids {
			if one == "" || one != id {
				t.Fatalf("sent as %q", ids)
			}
		}
		if n := w.ana.held(); n != 1 {
			t.Errorf("%d messages were sent", n)
		}
	})
	w.Says(t, doortest.Around, "Another message with it is 409; the same client_id of another sender is another.", func(t *testing.T) {
		for _, changed := range []fields{{"body": "twice"}, {"body": "once", "ttl": 5}, {"body": "once", "recipient": w.cy.id}} {
			changed["client_id"] = "c-1"
			if changed["recipient"] == nil {
				changed["recipient"] = w.bo.id
			}
			w.ana.call("POST", "/v2/message", changed).refused("another", 409, "conflict", "", "client_id")
		}
		if m := w.cy.send(fields{"recipient": w.bo.id, "body": "once", "client_id": "c-1"}); m["message_id"] == id {
			t.Error("another sender got the message of the first")
		}
		w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "client_id": strings.Repeat("x", 256)}).refused("too long", 400, "invalid-argument", "", "client_id")
	})
	w.Says(t, doortest.Around, "A repeat of a message with a file is the same if the file is, in whatever order the form has its parts.", func(t *testing.T) {
		to, client := part{field: "recipient", content: w.bo.id}, part{field: "client_id", content: "f-1"}
		send := func(parts ...part) answer {
			return w.ana.call("POST", "/v2/message?response_format=message", formOf(t, parts...))
		}
		first := send(to, client, image).ok()
		shows(t, "again", send(image, client, to).ok(), fields{"message_id": first["message_id"]})
		send(to, client, textFile).refused("another file", 409, "conflict", "", "client_id")
	})
	w.Says(t, doortest.Around, "A restart of the server forgets no client_id.", func(t *testing.T) {
		w.stop()
		w.start()
		shows(t, "after a restart", w.ana.send(f), fields{"message_id": id, "client_id": "c-1", "statuses": []fields{{"account_id": w.bo.id, "status": "New",
			"timestamp": w.ana.call("GET", "/v2/message/"+id, nil).ok()["created_time"]}}})
	})
}

func TestCallErrors(t *testing.T) {
	w := newWorld(t)
	w.Says(t, doortest.Errors, "An error is an object with status fail and an error with code, reason, message, status and, of a field, its name; the status is that of the answer.", func(t *testing.T) {
		a := w.ana.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x", "ttl": 0})
		a.refused("ttl", 400, "invalid-argument", "out-of-range", "ttl")
		if a.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(a.body.Error.Message, "ttl: ") {
			t.Errorf("answered %v %s", a.header, a.text)
		}
	})
	w.Says(t, doortest.Errors, "A body that is no JSON object is 400, and of another type 415.", func(t *testing.T) {
		for _, text := range []string{"{", "[]", "null null", `{"recipient":"a"} x`} {
			w.ana.call("POST", "/v2/message", text).refused(text, 400, "invalid-argument", "malformed", "")
		}
		w.ana.call("POST", "/v2/message", "x", "Content-Type", "text/plain").refused("no form", 415, "invalid-argument", "content-type-unsupported", "")
	})
	w.Says(t, doortest.Errors, "Without a key that works it is 401 with the scheme Basic, before anything is read.", func(t *testing.T) {
		a := w.ana.call("POST", "/v2/message", "{", "Authorization", "Basic bm86bm8=")
		a.refused("no key", 401, "unauthorized", "", "")
		if a.header.Get("WWW-Authenticate") != `Basic realm="parley"` {
			t.Errorf("asks for %q", a.header.Get("WWW-Authenticate"))
		}
	})
	w.Says(t, doortest.Errors, "A key whose scopes do not permit sending is 403.", func(t *testing.T) {
		k := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: "reads", User: w.ana.id, Scopes: []string{"messages:read", "users:read"}}))
		reader := &person{w: w, token: k.Secret, key: k.ID}
		reader.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "x"}).refused("reads", 403, "permission-denied", "", "")
	})
	w.Says(t, doortest.Errors, "Once a session has ended, as its key was revoked, every request of it is 401, and nothing more is sent.", func(t *testing.T) {
		k := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: "ends", User: w.ana.id, Scopes: scopes}))
		session := &person{w: w, token: k.Secret, key: k.ID}
		session.send(fields{"recipient": w.bo.id, "body": "before", "client_id": "s-1"})
		if err := w.admin.RevokeKey(t.Context(), k.ID); err != nil {
			t.Fatal(err)
		}
		session.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "after", "client_id": "s-2"}).refused("after", 401, "unauthorized", "", "")
		shows(t, "with another session, again", w.ana.send(fields{"recipient": w.bo.id, "body": "after", "client_id": "s-2"}), fields{"sort_number": 2})
	})
	w.Says(t, doortest.Errors, "Beyond the limit of its key a request is 429 with Retry-After in seconds, and sends nothing.", func(t *testing.T) {
		k := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: "slow", User: w.ana.id, Scopes: scopes, RateLimit: 1}))
		slow := &person{w: w, token: k.Secret, key: k.ID}
		slow.send(fields{"recipient": w.bo.id, "body": "the one"})
		a := slow.call("POST", "/v2/message", fields{"recipient": w.bo.id, "body": "one more"})
		a.refused("one more", 429, "rate-limited", "", "")
		if after := a.header.Get("Retry-After"); after == "" || after == "0" {
			t.Errorf("Retry-After is %q", after)
		}
	})
	w.Says(t, doortest.Errors, "What the vendor has and this server does not is 501; a path that neither has is 404.", func(t *testing.T) {
		w.ana.call("POST", "/v2/message/x/forward", nil).refused("forwarding", 501, "not-implemented", "", "")
		w.ana.call("GET", "/v2/roster", nil).refused("the roster", 501, "not-implemented", "", "")
		w.ana.call("GET", "/v2/nothing", nil).refused("no path", 404, "not-found", "route-unknown", "")
	})
	if n := w.bo.held(); n != 3 {
		t.Errorf("%d messages are stored", n)
	}
}
