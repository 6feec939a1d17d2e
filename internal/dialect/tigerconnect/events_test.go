package tigerconnect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/doortest"
)

// stream is what somebody reads.
type stream struct {
	t      *testing.T
	events chan happened
	end    context.CancelFunc
}

type happened struct {
	id        string
	namespace string
	payload   map[string]any
}

func (p *person) follow(features string) *stream {
	p.w.t.Helper()
	ctx, end := context.WithCancel(p.w.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", p.w.app.URL()+"/tigerconnect/v2/events", nil)
	if err != nil {
		p.w.t.Fatal(err)
	}
	r.SetBasicAuth(p.key, p.token)
	r.Header.Set("TT-X-Features", features)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.w.t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		p.w.t.Fatalf("answered %d %v", response.StatusCode, response.Header)
	}
	s := &stream{p.w.t, make(chan happened, 1000), end}
	p.w.t.Cleanup(end)
	go func() {
		defer close(s.events)
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var e struct {
				ID    string `json:"event_id"`
				Event map[string]map[string]any
			}
			if json.Unmarshal([]byte(text), &e) != nil {
				return
			}
			for namespace, payload := range e.Event {
				s.events <- happened{e.ID, namespace, payload}
			}
		}
	}()
	return s
}

// next is what comes next, which must be of a namespace.
func (s *stream) next(namespace string, want fields) happened {
	s.t.Helper()
	select {
	case e, ok := <-s.events:
		if !ok {
			s.t.Fatalf("the stream ended where %s was to come", namespace)
		}
		if e.namespace != "tigertext:iq:"+namespace {
			s.t.Fatalf("%s %v came where %s was to come", e.namespace, e.payload, namespace)
		}
		shows(s.t, namespace, e.payload, want)
		return e
	case <-time.After(20 * time.Second):
		s.t.Fatalf("%s did not come", namespace)
	}
	return happened{}
}

// told are the statuses of a message that come before another message.
func (s *stream) told(id string) (list []any) {
	s.t.Helper()
	for {
		select {
		case e, ok := <-s.events:
			if !ok || strings.HasSuffix(e.namespace, ":message") {
				return list
			}
			if e.payload["message_id"] == id {
				list = append(list, e.payload["status"])
			}
		case <-time.After(20 * time.Second):
			s.t.Fatal("no other message came")
		}
	}
}

func (s *stream) begins(messages int) {
	s.t.Helper()
	s.next("client_advisory", fields{"name": "replay_start", "replay_message_count": messages})
}

func (s *stream) live() { s.t.Helper(); s.next("client_advisory", fields{"name": "replay_stop"}) }

func TestCallEvents(t *testing.T) {
	w := newWorld(t)
	s := w.bo.follow("")
	s.begins(0)
	s.live()
	var first, second happened
	w.Says(t, doortest.Around, "A recipient's event stream brings the message as it was sent, and nothing of conversations of others; one of a group under group_message.", func(t *testing.T) {
		one := w.ana.send(fields{"recipient": w.bo.id, "body": "one", "client_id": "e-1"})
		first = s.next("message", fields{"message_id": one["message_id"], "body": "one", "sender_token": w.ana.id, "recipient_token": w.bo.id, "client_id": "e-1"})
		w.cy.send(fields{"recipient": w.ana.id, "body": "not for bo"})
		two := w.ana.send(fields{"recipient": []string{w.bo.id, w.cy.id}, "body": "two"})
		second = s.next("group_message", fields{"message_id": two["message_id"], "group_token": two["recipient_token"], "recipient_token": two["recipient_token"]})
	})
	ack := func(ids any) {
		w.t.Helper()
		if a := w.bo.call("POST", "/v2/events/ack", fields{"events": ids}); a.status != http.StatusNoContent {
			w.t.Fatalf("answered %d %s", a.status, a.text)
		}
	}
	w.Says(t, doortest.Around, "What a key has not confirmed comes again on its next stream, under the same ids and between replay_start, with the number of messages, and replay_stop; what it has confirmed does not, also after a restart.", func(t *testing.T) {
		s.end()
		ack([]string{second.id})
		w.ana.send(fields{"recipient": w.bo.id, "body": "three"})
		s = w.bo.follow("")
		s.begins(2)
		if again := s.next("message", fields{"body": "one"}); again.id != first.id {
			t.Errorf("the first has the id %s, had %s", again.id, first.id)
		}
		third := s.next("message", fields{"body": "three"})
		s.live()
		ack(first.id + "," + third.id)
		s.end()
		w.stop()
		w.start()
	})
	w.Says(t, doortest.Around, "With auto-ack events are confirmed once they are sent, and with auto-deliver messages are marked as delivered; DELETE ends the user's streams.", func(t *testing.T) {
		s = w.bo.follow("auto-ack,auto-deliver")
		s.begins(0)
		s.live()
		four := w.ana.send(fields{"recipient": w.bo.id, "body": "four"})
		s.next("message", fields{"body": "four"})
		s.next("message:status", fields{"message_id": four["message_id"], "account_id": w.bo.id, "status": "Delivered"})
		w.ana.call("DELETE", "/v2/message/"+four["message_id"].(string), nil).ok()
		s.next("message:status", fields{"message_id": four["message_id"], "status": "Removed", "is_recalled": true})
		if n := w.bo.call("DELETE", "/v2/events", nil).ok()["count"]; n != 1.0 {
			t.Errorf("%v streams were ended", n)
		}
		if _, open := <-s.events; open {
			t.Error("the stream goes on")
		}
	})
}

func TestCallEventsOfStatus(t *testing.T) {
	w := newWorld(t)
	s := w.ana.follow("")
	s.begins(0)
	s.live()
	w.Says(t, doortest.Around, "A sender's stream says how far the message is with its recipient, as that changes; of conversations with people outside it says nothing.", func(t *testing.T) {
		must[*api.Channel](t)(w.admin.CreateChannel(t.Context(), api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true}))
		must[*api.Message](t)(w.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Address: "phone:+15550100000"}, Body: api.Text("Dear patient")}))
		m := w.ana.send(fields{"recipient": w.bo.id, "body": "one"})
		s.next("message", fields{"message_id": m["message_id"], "recipient_token": w.bo.id})
		w.bo.call("POST", "/v2/message/status", fields{"delivered": []string{m["message_id"].(string)}})
		s.next("message:status", fields{"message_id": m["message_id"], "account_id": w.bo.id, "status": "Delivered", "organization": w.org, "recipient_token": w.bo.id})
		w.bo.call("POST", "/v2/message/status", fields{"read": []string{m["message_id"].(string)}})
		s.next("message:status", fields{"account_id": w.bo.id, "status": "Read", "sort_number": 1, "conversation_id": m["conversation_id"]})
		s.next("message:status", fields{"message_id": m["message_id"], "account_id": w.bo.id, "status": "Read"})
	})
	w.Says(t, doortest.Errors, "What is confirmed must be 1 to 200 ids of events.", func(t *testing.T) {
		w.ana.call("POST", "/v2/events/ack", fields{"events": "x"}).refused("no id", 400, "invalid-argument", "id-invalid", "events")
		w.ana.call("POST", "/v2/events/ack", fields{}).refused("none", 400, "invalid-argument", "out-of-range", "events")
	})
}
