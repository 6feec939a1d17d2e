package bird_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// uuidPattern is what clients take for a UUID: of version 4.
var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func idFromUUID(text string) (parley.ID, bool) { return parley.IDFromUUID(text) }

type organization struct{ token, workspace, channel string }

// newOrganization is another one on the same server, with a channel.
func newOrganization(w *world) organization {
	w.Helper()
	made := must[*api.NewOrganization](w)(w.admin.CreateOrganization(w.Context(), api.OrganizationRequest{Name: "Other"}))
	ch := must[*api.Channel](w)(w.client(made.Key.Secret).CreateChannel(w.Context(), api.ChannelRequest{Name: "sms", Connector: "sandbox", Platform: "sms"}))
	return organization{made.Key.Secret, uuid(made.Organization.ID), uuid(ch.ID)}
}

// all reads a list to its end in small pages.
func (w *world) all(path string, filter url.Values) (ids []string) {
	w.Helper()
	filter.Set("limit", "2")
	for range 50 {
		a := w.ask("GET", path+"?"+filter.Encode(), "")
		if a.status != http.StatusOK {
			w.Fatalf("%s?%s: %d %s", path, filter.Encode(), a.status, a.raw)
		}
		if got := a.ids(); len(got) > 2 {
			w.Errorf("%s: %d of 2", path, len(got))
		} else {
			ids = append(ids, got...)
		}
		for i := range a.ids() {
			raw := fmt.Sprintf(`%v`, a.at("results", i))
			if a.text("results", i, "channelId") == "" {
				w.Errorf("no message: %s", raw)
			}
		}
		token := a.text("nextPageToken")
		if token == "" {
			return ids
		}
		filter.Set("pageToken", token)
	}
	w.Fatal("the list does not end")
	return nil
}

// Both lists show what the filters say, newest first or oldest first, in pages.
func TestLists(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	sms := func(number, text, more string) string {
		return w.send("sms", `{"receiver":{"contacts":[{"identifierValue":"`+number+`"}]},"body":`+says(text)+more+`}`).text("id")
	}
	one := sms("+15550100", "one", `,"tags":["A"]`)
	two := sms("+15550101", "two", "")
	mail := w.send("email", `{"receiver":{"contacts":[{"identifierValue":"a@example.org"},{"identifierValue":"b@example.org","type":"cc"}]},"tags":["a"],
		"body":{"type":"text","text":{"text":"x","metadata":{"subject":"Your invoice, no. 7"}}}}`).text("id")
	in := must[*api.Message](t)(w.admin.PlayInbound(ctx, api.SandboxInbound{Channel: w.native["sms"], From: "phone:+15550100", Body: api.Text("hello")}))
	three := sms("+15550100", "three", "")
	batch := must[*api.Batch](t)(w.admin.SendBatch(ctx, api.BatchRequest{Messages: []api.BatchMessage{{SendRequest: api.SendRequest{To: api.Recipient{Address: "phone:+15550101", Channel: w.native["sms"]}, Body: api.Text("batch")}}}}))
	inBatch := uuid(batch.Results[0].Message.ID)
	later := w.send("sms", `{"receiver":{"contacts":[{"identifierValue":"+15550100"}]},"body":`+says("later")+`,"scheduledFor":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`)
	if later.text("status") != "scheduled" || later.text("scheduledFor") == "" || later.text("receiver", "contacts", 0, "identifierValue") != "+15550100" {
		t.Errorf("a scheduled one: %s", later.raw)
	}
	// What is between members, internal, or another's is not in it.
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana"}))
	must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, Body: api.Text("between us")}))
	note := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}, Internal: true, Body: api.Text("a note")}))
	other := newOrganization(w)
	inbound := uuid(in.ID)
	onSMS, everywhere := "/channels/"+w.channels["sms"]+"/messages", "/channels/messages"
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		path   string
		filter url.Values
		want   []string
	}{
		{onSMS, url.Values{}, []string{inBatch, three, inbound, two, one}},
		{everywhere, url.Values{}, []string{inBatch, three, inbound, mail, two, one}},
		{"/messages", url.Values{}, []string{inBatch, three, inbound, mail, two, one}},
		{onSMS, url.Values{"reverse": {"true"}}, []string{one, two, inbound, three, inBatch}},
		{everywhere, url.Values{"reverse": {"true"}}, []string{one, two, mail, inbound, three, inBatch}},
		{everywhere, url.Values{"channelId": {w.channels["email"]}}, []string{mail}},
		{everywhere, url.Values{"channelId": {other.channel}}, nil},
		{everywhere, url.Values{"platform": {"sms-messagebird"}}, []string{inBatch, three, inbound, two, one}},
		{everywhere, url.Values{"platform": {"sms", "email-messagebird"}}, []string{inBatch, three, inbound, mail, two, one}},
		{everywhere, url.Values{"platform": {"whatsapp"}}, nil},
		{onSMS, url.Values{"direction": {"incoming"}}, []string{inbound}},
		{onSMS, url.Values{"direction": {"outgoing"}}, []string{inBatch, three, two, one}},
		{everywhere, url.Values{"tag": {"A"}}, []string{mail, one}},
		{onSMS, url.Values{"tag": {"a"}, "reverse": {"true"}}, []string{one}},
		{onSMS, url.Values{"receiver": {"+15550100"}}, []string{three, one}},
		{everywhere, url.Values{"recipient": {"+1 555 0100"}}, []string{three, one}},
		{everywhere, url.Values{"receiver": {"B@example.org"}}, []string{mail}},
		{everywhere, url.Values{"receiver": {"b@example.org"}, "reverse": {"true"}}, []string{mail}},
		{everywhere, url.Values{"receiver": {"+15559999"}}, nil},
		{onSMS, url.Values{"sender": {"+15550100"}}, []string{inbound}},
		{everywhere, url.Values{"sender": {"+15550001"}}, []string{inBatch, three, two, one}},
		{everywhere, url.Values{"receiver": {"+15550001"}}, []string{inbound}},
		{everywhere, url.Values{"sender": {"+15550001"}, "receiver": {"+15550101"}}, []string{inBatch, two}},
		{everywhere, url.Values{"subject": {"invoice 7"}}, []string{mail}},
		{everywhere, url.Values{"emailSubject": {"bill"}}, nil},
		{onSMS, url.Values{"batchId": {uuid(batch.ID)}}, []string{inBatch}},
		{everywhere, url.Values{"batchId": {w.workspace}}, nil},
		{onSMS, url.Values{"startAt": {future}}, nil},
		{onSMS, url.Values{"startAt": {"2020-01-01T00:00:00Z"}, "endAt": {future}}, []string{inBatch, three, inbound, two, one}},
		{onSMS, url.Values{"endAt": {"2020-01-01T00:00:00Z"}}, nil},
		{onSMS, url.Values{"status": {"scheduled"}}, []string{later.text("id")}},
	} {
		if got := w.all(c.path, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %v, want %v", c.path, c.filter, got, c.want)
		}
	}
	// Each is found by itself, what is not in the lists is not.
	got := w.ask("GET", onSMS+"/"+inbound, "")
	if got.text("direction") != "incoming" || got.text("sender", "contact", "identifierValue") != "+15550100" || got.text("status") != "delivered" || got.text("body", "text", "text") != "hello" {
		t.Errorf("what came in: %s", got.raw)
	}
	for _, path := range []string{onSMS + "/" + uuid(note.ID), onSMS + "/" + mail, "/channels/" + other.channel + "/messages", onSMS + "/x", onSMS + "/" + w.workspace, onSMS + "/" + uuid(note.ID) + "/interactions"} {
		if a := w.ask("GET", path, ""); a.status != 404 || a.text("code") != "NotFound" {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	tokens(w, onSMS, everywhere)
}

// tokens: one goes with the filters that it was made with.
func tokens(w *world, onSMS, everywhere string) {
	w.Helper()
	first := w.ask("GET", onSMS+"?limit=2&direction=outgoing", "")
	token := url.QueryEscape(first.text("nextPageToken"))
	if token == "" {
		w.Fatalf("no token: %s", first.raw)
	}
	for _, c := range []struct {
		query string
		want  int
	}{
		{onSMS + "?limit=3&direction=outgoing&pageToken=" + token, 200}, {onSMS + "?direction=incoming&pageToken=" + token, 422}, {onSMS + "?pageToken=" + token, 422},
		{onSMS + "?direction=outgoing&reverse=true&pageToken=" + token, 422}, {everywhere + "?direction=outgoing&pageToken=" + token, 422},
		{onSMS + "?direction=outgoing&pageToken=x", 422}, {onSMS + "?limit=0", 422}, {onSMS + "?limit=1001", 422}, {onSMS + "?limit=1000", 200}, {onSMS + "?direction=up", 422},
		{onSMS + "?startAt=soon", 422}, {onSMS + "?reverse=perhaps", 422}, {onSMS + "?batchId=7", 422}, {onSMS + "?status=lost", 422}, {everywhere + "?channelId=7", 422},
	} {
		if a := w.ask("GET", c.query, ""); a.status != c.want || c.want == 422 && (a.text("code") != "InvalidPayload" || a.at("details") == nil) {
			w.Errorf("%s: %d %s, want %d", c.query, a.status, a.raw, c.want)
		}
	}
}

// What people did with a message is listed, once it is read or clicked.
func TestInteractions(t *testing.T) {
	w := newWorld(t)
	sent := w.send("whatsapp", toPhone("+15550100", `{"type":"text","text":{"text":"Choose","actions":[{"type":"link","link":{"text":"Map","url":"https://example.org/map"}},{"type":"postback","postback":{"text":"Yes","payload":"yes:1"}}]}}`))
	id := sent.text("id")
	path := "/channels/" + w.channels["whatsapp"] + "/messages/" + id + "/interactions"
	w.eventually("it is read", func() bool { return len(w.ask("GET", path, "").ids()) == 1 })
	native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(id)))
	must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["whatsapp"], From: "phone:+15550100", ReplyTo: native.ID, Action: native.Body[0].Actions[1].ID}))
	list := w.ask("GET", path, "")
	var kinds []string
	for i := range list.ids() {
		kinds = append(kinds, list.text("results", i, "type")+" "+list.text("results", i, "details"))
	}
	if got := fmt.Sprint(kinds); got != "[read  clicked item_2_clicked]" || list.text("results", 1, "metadata", "button", "payload") != "yes:1" || list.text("results", 0, "platformId") != "whatsapp" {
		t.Errorf("%s: %s", got, list.raw)
	}
	if again := w.ask("GET", path, "").ids(); !slices.Equal(again, list.ids()) || list.ids()[0] == list.ids()[1] || !uuidPattern.MatchString(again[0]) {
		t.Errorf("the ids are %v, then %v", list.ids(), again)
	}
	in := w.ask("GET", "/channels/"+w.channels["whatsapp"]+"/messages?direction=incoming", "")
	if in.text("results", 0, "replyTo", "type") != "click" || in.text("results", 0, "replyTo", "id") != id || in.text("results", 0, "body", "text", "text") != "Yes" {
		t.Errorf("the click came in as %s", in.raw)
	}
}

// What fails says why; what is no more says only that.
func TestStatuses(t *testing.T) {
	w := newWorld(t)
	send := func(to string) string {
		return w.send("email", `{"receiver":{"contacts":[{"identifierValue":"`+to+`"}]},"meta":{"extraInformation":{"secret":"content"}},"body":`+says("content")+`}`).text("id")
	}
	status := func(id string) answer { return w.ask("GET", "/channels/"+w.channels["email"]+"/messages/"+id, "") }
	bounced := send("bounce@example.org")
	w.eventually("it bounces", func() bool { return status(bounced).text("status") == "delivery_failed" })
	a := status(bounced)
	if a.at("failure", "code") != 15005.0 || a.text("failure", "source", "name") != "email-messagebird" || a.text("reason") == "" || a.text("details") == "" {
		t.Errorf("bounced: %s", a.raw)
	}
	recalled := send("a@example.org")
	must[*api.Message](t)(w.admin.RecallMessage(t.Context(), nativeID(recalled)))
	a = status(recalled)
	if a.text("status") != "deleted" || a.at("meta") != nil || a.text("body", "text", "text") != "[deleted]" {
		t.Errorf("recalled: %s", a.raw)
	}
	if got := w.all("/channels/"+w.channels["email"]+"/messages", url.Values{"status": {"delivery_failed"}}); !slices.Equal(got, []string{bounced}) {
		t.Errorf("by status: %v", got)
	}
}
