package doors

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

// made is a message of a kind, as it is natively.
type made struct {
	kind
	api.Message
	conversation *api.Conversation
	participants []api.Participant
	deliveries   []api.Delivery
}

// look reads a message natively.
func (w *world) look(k kind, id string) *made {
	w.Helper()
	m := &made{kind: k, Message: *must[*api.Message](w)(w.admin.GetMessage(w.Context(), id))}
	m.conversation = must[*api.Conversation](w)(w.admin.GetConversation(w.Context(), m.ConversationID))
	m.participants = must[*api.List[api.Participant]](w)(w.admin.ListParticipants(w.Context(), m.ConversationID, api.Page{})).Data
	m.deliveries = must[*api.List[api.Delivery]](w)(w.admin.ListDeliveries(w.Context(), id, api.Page{})).Data
	return m
}

// TestEveryKindAtEveryDoor: at each door that shows it a message agrees with the native API; at the others it does not exist.
func TestEveryKindAtEveryDoor(t *testing.T) {
	w := newWorld(t)
	w.replayed(t) // the first time it only says from where on
	var all []*made
	for _, k := range kinds() {
		all = append(all, &made{kind: k, Message: api.Message{ID: k.make(w)}})
	}
	w.advance(0)
	for i := range all {
		all[i] = w.look(all[i].kind, all[i].ID)
	}
	doors := map[string]func(*testing.T, *world, *made) bool{tigerconnect: atTigerConnect, spruce: atSpruce, kustomer: atKustomer, bird: atBird}
	for _, m := range all {
		for _, door := range slices.Sorted(maps.Keys(doors)) {
			t.Run(m.name+"/"+door, func(t *testing.T) {
				if there, want := doors[door](t, w, m), slices.Contains(m.at, door); there != want {
					t.Errorf("it is there: %v, want %v; natively it is %+v in %+v", there, want, m.Message, m.conversation)
				}
			})
		}
	}
	t.Run("lists", func(t *testing.T) { w.lists(t, all) })
}

// agree compares what a door says with what the native API does.
func agree(t *testing.T, what string, here, natively any) {
	t.Helper()
	if fmt.Sprint(here) != fmt.Sprint(natively) {
		t.Errorf("its %s is %q, natively %q", what, fmt.Sprint(here), fmt.Sprint(natively))
	}
}

// there reports whether something was found; what is not must be answered like what does not exist.
func there(t *testing.T, a answer) bool {
	t.Helper()
	if a.status != http.StatusOK && a.status != http.StatusNotFound {
		t.Errorf("answered %d %s", a.status, a.raw)
	}
	return a.status == http.StatusOK
}

// tigerStates are the states that the door's words stand for; all others are New.
var tigerStates = map[api.Status]string{api.Delivered: "Delivered", api.Read: "Read", api.Failed: "Failed", api.Expired: "Failed", api.Skipped: "Failed", api.Canceled: "Failed"}

func tigerState(s api.Status) string {
	if word := tigerStates[s]; word != "" {
		return word
	}
	return "New"
}

func atTigerConnect(t *testing.T, w *world, m *made) bool {
	a := w.ask(tigerconnect, "GET", "/v2/message/"+m.ID, "")
	status := w.ask(tigerconnect, "GET", "/v2/message/"+m.ID+"/status", "")
	if there(t, a) != there(t, status) {
		t.Errorf("%s, but its status is %s", a.raw, status.raw)
	}
	if a.status != http.StatusOK {
		return false
	}
	agree(t, "id", a.text("reply", "message_id"), m.ID)
	agree(t, "text", a.text("reply", "body"), m.Text)
	agree(t, "state", a.text("reply", "status"), tigerState(m.Status))
	agree(t, "conversation", a.text("reply", "conversation_id"), m.ConversationID)
	agree(t, "author", a.text("reply", "sender_token")+" "+a.text("reply", "sender_display_name"), m.Author.ID+" "+m.Author.Name)
	agree(t, "recall", a.at("reply", "is_recalled"), m.Removed != nil && m.Removed.Reason == "recalled")
	agree(t, "files", len(a.list("reply", "attachments")), len(m.Attachments))
	if m.conversation.Kind == "broadcast" {
		agree(t, "recipient", a.text("reply", "recipient_token"), w.ids["list"])
		return true
	}
	var here, natively []string
	for i := range a.list("reply", "statuses") {
		here = append(here, a.text("reply", "statuses", i, "account_id")+" "+a.text("reply", "statuses", i, "status"))
	}
	for _, d := range m.deliveries {
		natively = append(natively, d.Recipient.ID+" "+tigerState(d.Status))
	}
	agree(t, "recipients", here, natively)
	return true
}

func atSpruce(t *testing.T, w *world, m *made) bool {
	a := w.ask(spruce, "GET", "/v1/conversationItems/ti_"+m.ID, "")
	if !there(t, a) {
		return false
	}
	a.json = a.at("conversationItem")
	agree(t, "id", a.text("id"), "ti_"+m.ID)
	agree(t, "text", a.text("text"), m.Text)
	agree(t, "conversation", a.text("conversationId"), "t_"+m.ConversationID)
	agree(t, "direction", a.text("direction"), m.Direction)
	agree(t, "being internal", a.at("isInternalNote"), m.Internal || m.Kind != "message")
	agree(t, "author", a.text("author", "displayName"), nameOf(m.Author))
	switch m.Author.Kind {
	case "user", "team":
		agree(t, "author's id", a.text("author", "id"), "entity_"+m.Author.ID)
	case "organization":
		agree(t, "author's id", a.text("author", "id"), "entity_"+w.ids["organization"])
	}
	agree(t, "files", len(a.list("attachments")), len(filesOf(m)))
	in := w.ask(spruce, "GET", "/v1/conversations/t_"+m.ConversationID, "")
	var here, natively []string
	for i := range in.list("conversation", "externalParticipants") {
		here = append(here, in.text("conversation", "externalParticipants", i, "displayName"))
	}
	for _, p := range m.participants {
		if p.Kind != "user" {
			natively = append(natively, nameOf(api.Actor{Name: p.Name, Kind: p.Kind, ID: p.Address}))
		}
	}
	slices.Sort(here)
	slices.Sort(natively)
	agree(t, "people outside", here, natively)
	return true
}

// nameOf is what somebody is called where a name is needed.
func nameOf(who api.Actor) string {
	switch {
	case who.Name != "":
		return who.Name
	case value(who.ID) != "":
		return value(who.ID)
	}
	return "Unknown"
}

// filesOf are the uploaded files that a message has, also in its body.
func filesOf(m *made) (list []string) {
	for _, a := range m.Attachments {
		list = append(list, a.Media)
	}
	var within func(body api.Body)
	within = func(body api.Body) {
		for _, p := range body {
			for _, f := range p.Files {
				if f.Media != "" {
					list = append(list, f.Media)
				}
			}
			within(p.Parts)
		}
	}
	within(m.Body)
	return list
}

func atKustomer(t *testing.T, w *world, m *made) bool {
	a := w.ask(kustomer, "GET", "/v1/messages/"+hex(m.ID), "")
	if !there(t, a) {
		return false
	}
	a.json = a.at("data")
	agree(t, "id", a.text("id"), hex(m.ID))
	agree(t, "text", a.text("attributes", "preview"), m.Text)
	agree(t, "conversation", a.text("relationships", "conversation", "data", "id"), hex(m.ConversationID))
	agree(t, "direction", a.text("attributes", "direction"), map[api.Direction]string{"inbound": "in", "outbound": "out"}[m.Direction])
	agree(t, "being failed", a.text("attributes", "status") == "error", m.Status == api.Failed)
	by, kind := m.Author, map[api.ActorKind]string{"user": "user", "contact": "customer"}
	if m.Actor.Kind != "" {
		by = m.Actor
	}
	if kind[by.Kind] != "" && !m.Recorded {
		agree(t, "author", a.text("relationships", "createdBy", "data", "type")+" "+a.text("relationships", "createdBy", "data", "id"), kind[by.Kind]+" "+hex(by.ID))
	}
	agree(t, "files", len(a.list("relationships", "attachments", "data")), len(m.Attachments))
	var customers []string
	for _, p := range m.participants {
		if p.Kind == "contact" {
			customers = append(customers, hex(p.ID))
		}
	}
	if customer := a.text("relationships", "customer", "data", "id"); !slices.Contains(customers, customer) {
		t.Errorf("the customer is %s, natively %v", customer, customers)
	}
	return true
}

// birdStates are the words for states. Those of failures go by where they failed.
var birdStates = map[api.Status]string{api.Scheduled: "scheduled", api.Queued: "accepted", api.Sent: "sent", api.Delivered: "delivered", api.Read: "delivered", api.Expired: "sending_failed",
	api.Skipped: "skipped", api.Canceled: "deleted", api.Unknown: "processing", api.Failed: "delivery_failed"}

func atBird(t *testing.T, w *world, m *made) bool {
	workspace := "/workspaces/" + uuid(w.ids["organization"])
	found := false
	for _, channel := range w.channels { // at its own channel, and at no other
		a := w.ask(bird, "GET", workspace+"/channels/"+uuid(channel)+"/messages/"+uuid(m.ID), "")
		more := w.ask(bird, "GET", workspace+"/channels/"+uuid(channel)+"/messages/"+uuid(m.ID)+"/interactions", "")
		if there(t, a) != there(t, more) || there(t, a) && (found || channel != m.Channel) {
			t.Errorf("on %s it is %s, natively on %s", channel, a.raw, m.Channel)
		}
		if a.status == http.StatusOK {
			found = true
			birdAgrees(t, w, m, a)
		}
	}
	return found
}

func birdAgrees(t *testing.T, w *world, m *made, a answer) {
	t.Helper()
	agree(t, "id", a.text("id"), uuid(m.ID))
	state, text := birdStates[m.Status], m.Text
	for _, file := range m.Attachments { // which are within bodies there
		text += "\n" + file.Name
	}
	if m.Removed != nil {
		state, text = "deleted", "[deleted]"
	}
	agree(t, "state", a.text("status"), state)
	if template := a.at("template"); template == nil {
		agree(t, "text", birdText(a.at("body")), text)
	} else if m.Template == nil || a.text("template", "variables", "name") != m.Template.Variables["name"] {
		t.Errorf("its template is %v, natively %+v", template, m.Template)
	}
	if m.Direction == "inbound" {
		agree(t, "direction", a.text("direction"), "incoming")
		id := ""
		if m.Author.Kind == "contact" {
			id = uuid(m.Author.ID)
		}
		agree(t, "author", a.text("sender", "contact", "id")+" "+a.text("sender", "contact", "annotations", "name"), id+" "+m.Author.Name)
		return
	}
	agree(t, "direction", a.text("direction"), "outgoing")
	var here, natively []string
	for i := range a.list("receiver", "contacts") {
		here = append(here, a.text("receiver", "contacts", i, "id")+" "+a.text("receiver", "contacts", i, "identifierValue"))
	}
	for _, d := range m.deliveries {
		natively = append(natively, uuid(d.Recipient.ID)+" "+value(d.Address))
	}
	if len(m.deliveries) == 0 {
		for _, p := range m.participants {
			if p.Kind == "contact" {
				natively = append(natively, uuid(p.ID)+" "+value(p.Address))
			}
		}
	}
	agree(t, "recipients", here, natively)
}

// birdText is what a body says, as a reader of plain text has it.
func birdText(body any) string {
	b := answer{json: body}
	kind := b.text("type")
	lines := []string{b.text(kind, "text")}
	add := func(list, name, more string) {
		for i := range b.list(kind, list) {
			line := b.text(kind, list, i, name)
			if text := b.text(kind, list, i, more); text != "" {
				line += ": " + text
			}
			lines = append(lines, line)
		}
	}
	switch kind {
	case "section":
		for i := range b.list("section", "items") {
			lines = append(lines, birdText(b.at("section", "items", i)))
		}
	case "location":
		lines = append(lines, fmt.Sprintf("%s (%v, %v)", b.text("location", "location", "label"), b.at("location", "coordinates", "latitude"), b.at("location", "coordinates", "longitude")))
	}
	add("items", "title", "description")
	add("attachments", "filename", "")
	add("files", "filename", "")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
}

// lists wants each list and count to have what the door shows, and nothing else.
func (w *world) lists(t *testing.T, all []*made) {
	at := func(door string) map[string]bool {
		ids := map[string]bool{}
		for _, m := range all {
			ids[m.ID] = slices.Contains(m.at, door)
		}
		return ids
	}
	compare := func(t *testing.T, door string, listed []string, but func(*made) bool) {
		t.Helper()
		for _, m := range all {
			if want := at(door)[m.ID] && !but(m); slices.Contains(listed, m.ID) != want {
				t.Errorf("%s is in the list: %v, want %v", m.name, !want, want)
			}
		}
	}
	none := func(*made) bool { return false }
	t.Run(tigerconnect, func(t *testing.T) {
		ids, count := w.replayed(t)
		compare(t, tigerconnect, ids, none)
		if count != len(ids) {
			t.Errorf("%d are counted, %d are there", count, len(ids))
		}
	})
	t.Run(spruce, func(t *testing.T) {
		var items []string
		conversations := w.pages(t, spruce, "/v1/conversations?pageSize=200", "conversations", "id")
		for _, c := range conversations {
			items = append(items, w.pages(t, spruce, "/v1/conversations/"+c+"/items?pageSize=200", "conversationItems", "id")...)
		}
		for i := range items {
			items[i] = strings.TrimPrefix(items[i], "ti_")
		}
		compare(t, spruce, items, none)
		w.conversations(t, all, spruce, conversations, func(id string) string { return "t_" + id })
	})
	t.Run(kustomer, func(t *testing.T) {
		var items []string
		conversations := w.pages(t, kustomer, "/v1/conversations?pageSize=100", "data", "id")
		for _, c := range conversations {
			listed := w.pages(t, kustomer, "/v1/conversations/"+c+"/messages?pageSize=100", "data", "id")
			agree(t, "count", w.ask(kustomer, "GET", "/v1/conversations/"+c, "").at("data", "attributes", "messageCount"), len(listed))
			for _, id := range listed {
				items = append(items, fromHex(id))
			}
		}
		compare(t, kustomer, items, none)
		w.conversations(t, all, kustomer, conversations, hex)
	})
	t.Run(bird, func(t *testing.T) {
		var items []string
		for _, id := range w.pages(t, bird, "/workspaces/"+uuid(w.ids["organization"])+"/channels/messages?limit=1000", "results", "id") {
			items = append(items, fromUUID(id))
		}
		compare(t, bird, items, func(m *made) bool { return m.Sequence == 0 })
		items = nil
		for _, id := range w.pages(t, bird, "/workspaces/"+uuid(w.ids["organization"])+"/channels/messages?limit=1000&status=scheduled", "results", "id") {
			items = append(items, fromUUID(id))
		}
		compare(t, bird, items, func(m *made) bool { return m.Status != api.Scheduled })
	})
}

// conversations wants a list of conversations to have those of the messages that the door shows, and of others only what it may.
func (w *world) conversations(t *testing.T, all []*made, door string, listed []string, spelled func(string) string) {
	t.Helper()
	kinds := map[string][]api.ConversationKind{spruce: {"team", "note", "external", "secure"}, kustomer: {"external", "secure"}}[door]
	for _, m := range all {
		shown := slices.Contains(kinds, m.conversation.Kind)
		if !slices.Contains(m.at, door) && shown {
			continue // the message is not, the conversation may be
		}
		if there := slices.Contains(listed, spelled(m.ConversationID)); there != shown {
			t.Errorf("the conversation of %s is in the list: %v, want %v", m.name, there, shown)
		}
	}
}

// pages reads a list to its end.
func (w *world) pages(t *testing.T, door, path, list, field string) (found []string) {
	t.Helper()
	next := path
	for range 100 {
		a := w.ask(door, "GET", next, "")
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", next, a.status, a.raw)
		}
		for i := range a.list(list) {
			found = append(found, a.text(list, i, field))
		}
		switch {
		case a.text("nextPageToken") != "":
			next = path + "&pageToken=" + a.text("nextPageToken")
		case a.at("hasMore") == true:
			next = path + "&paginationToken=" + a.text("paginationToken")
		case strings.HasPrefix(a.text("links", "next"), "/"+door):
			next = strings.TrimPrefix(a.text("links", "next"), "/"+door)
		default:
			return found
		}
	}
	t.Fatal("the list does not end")
	return nil
}

// replayed are the messages that the event stream begins with, and how many it says there are.
func (w *world) replayed(t *testing.T) (ids []string, count int) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/tigerconnect/v2/events", nil))
	r.Header.Set("Authorization", w.credential[tigerconnect])
	response := must[*http.Response](t)(http.DefaultClient.Do(r))
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var a answer
		if err := json.Unmarshal([]byte(text), &a.json); err != nil {
			t.Fatal(err)
		}
		if n, ok := a.at("event", "tigertext:iq:client_advisory", "replay_message_count").(float64); ok {
			count = int(n)
		}
		for _, of := range []string{"message", "group_message", "bang"} {
			if id := a.text("event", "tigertext:iq:"+of, "message_id"); id != "" {
				ids = append(ids, id)
			}
		}
		if strings.Contains(text, "replay_stop") {
			return ids, count
		}
	}
	t.Fatal("the stream ended early")
	return nil, 0
}
