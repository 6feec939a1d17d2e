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
	"github.com/parley-server/parley/internal/doortest"
	"github.com/parley-server/parley/internal/parley"
)

func idFromUUID(text string) (parley.ID, bool) { return parley.IDFromUUID(text) }

type organization struct{ token, workspace, channel string }

// newOrganization is another one on the same server, with a channel.
func newOrganization(w *world) organization {
	w.Helper()
	made := must[*api.NewOrganization](w)(w.operator.CreateOrganization(w.Context(), api.OrganizationRequest{Name: "Other"}))
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
		token := a.text("nextPageToken")
		if token == "" {
			return ids
		}
		filter.Set("pageToken", token)
	}
	w.Fatal("the list does not end")
	return nil
}

// listed is a world with messages of each kind that a filter tells apart, by names.
type listed struct {
	*world
	ids             map[string]string
	batch           string
	sms, everywhere string // the lists
	other           organization
	day             time.Time // when all was sent
}

func newListed(t *testing.T) *listed {
	l := &listed{world: rehearsal(t), ids: map[string]string{}, everywhere: "/channels/messages"}
	l.sms, l.other = l.messagesOf("sms"), newOrganization(l.world)
	l.day = must[*api.Clock](t)(l.admin.GetClock(t.Context())).Now.Time
	later := func(name, id string) {
		l.ids[name] = id
		l.advance(time.Minute)
	}
	later("one", l.send("sms", request(`"tags":["A"]`)).text("id"))
	later("two", l.send("sms", request(to(`{"identifierValue":"+15550101"}`))).text("id"))
	later("mail", l.send("email", request(to(`{"identifierValue":"a@example.org"},{"identifierValue":"b@example.org","type":"cc"}`)+`,"tags":["a"],
		"body":{"type":"text","text":{"text":"x","metadata":{"subject":"Your invoice, no. 7"}}}`)).text("id"))
	in := must[*api.Message](t)(l.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: l.native["sms"], From: "phone:+15550100", Body: api.Text("hello")}))
	later("in", uuid(in.ID))
	later("three", l.send("sms", request("")).text("id"))
	batch := must[*api.Batch](t)(l.admin.SendBatch(t.Context(), api.BatchRequest{Messages: []api.BatchMessage{{SendRequest: api.SendRequest{To: api.Recipient{Address: "phone:+15550101", Channel: l.native["sms"]}, Body: api.Text("batch")}}}}))
	l.batch = uuid(batch.ID)
	later("batch", uuid(batch.Results[0].Message.ID))
	l.ids["later"] = l.send("sms", request(`"scheduledFor":"`+l.day.Add(48*time.Hour).UTC().Format(time.RFC3339)+`"`)).text("id")
	// What is between members, or internal, is in no list.
	ana := must[*api.User](t)(l.admin.CreateUser(t.Context(), api.UserRequest{Name: "Ana"}))
	must[*api.Message](t)(l.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{User: ana.ID}, Body: api.Text("between us")}))
	l.ids["note"] = uuid(must[*api.Message](t)(l.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}, Internal: true, Body: api.Text("a note")})).ID)
	return l
}

// has wants a list to have the messages of some names, in order, in pages of two.
func (l *listed) has(t *testing.T, path, query string, names ...string) {
	t.Helper()
	filter := must[url.Values](t)(url.ParseQuery(query))
	var want []string
	for _, name := range names {
		want = append(want, l.ids[name])
	}
	if got := l.all(path, filter); !slices.Equal(got, want) {
		t.Errorf("%s?%s: %v, want %v %v", path, query, got, names, want)
	}
}

// wrong wants a list to be refused by a parameter.
func (l *listed) wrong(t *testing.T, path, query, field string) {
	t.Helper()
	a := l.ask("GET", path+"?"+query, "")
	if details, _ := a.at("details").(map[string]any); a.status != 422 || details[field] == nil {
		t.Errorf("%s: %d %s, want 422 of %s", query, a.status, a.raw, field)
	}
}

func TestCallLists(t *testing.T) {
	l := newListed(t)
	at := func(d time.Duration) string { return l.day.Add(d).UTC().Format(time.RFC3339) }
	doortest.Says(t, doortest.Around, "The list of a channel and that of the workspace have messages with people outside, newest first; what is between members, internal, or still scheduled, is not in them.", func(t *testing.T) {
		l.has(t, l.sms, "", "batch", "three", "in", "two", "one")
		l.has(t, l.everywhere, "", "batch", "three", "in", "mail", "two", "one")
		l.has(t, "/messages", "", "batch", "three", "in", "mail", "two", "one")
	})
	doortest.Says(t, "limit", "A page has at most so many, from 1 to 1000, 10 without it; anything else is refused (422).", func(t *testing.T) {
		if a := l.ask("GET", l.sms+"?limit=3", ""); len(a.ids()) != 3 || a.text("nextPageToken") == "" {
			t.Errorf("%s", a.raw)
		}
		if a := l.ask("GET", l.sms+"?limit=1000", ""); len(a.ids()) != 5 || a.at("nextPageToken") != nil {
			t.Errorf("%s", a.raw)
		}
		for _, n := range []string{"0", "1001", "-1", "x"} {
			l.wrong(t, l.sms, "limit="+n, "limit")
		}
	})
	doortest.Says(t, "reverse", "True is oldest first.", func(t *testing.T) {
		l.has(t, l.sms, "reverse=true", "one", "two", "in", "three", "batch")
		l.has(t, l.everywhere, "reverse=true", "one", "two", "mail", "in", "three", "batch")
		l.has(t, l.sms, "reverse=false", "batch", "three", "in", "two", "one")
		l.wrong(t, l.sms, "reverse=perhaps", "reverse")
	})
	doortest.Says(t, "platform", "Messages of one platform, or of several, by the vendor's names and by the native ones.", func(t *testing.T) {
		l.has(t, l.everywhere, "platform=sms-messagebird", "batch", "three", "in", "two", "one")
		l.has(t, l.everywhere, "platform=sms&platform=email-messagebird", "batch", "three", "in", "mail", "two", "one")
		l.has(t, l.everywhere, "platform=whatsapp")
		l.has(t, l.sms, "platform=email")
	})
	doortest.Says(t, "direction", "Messages that came in, or went out.", func(t *testing.T) {
		l.has(t, l.sms, "direction=incoming", "in")
		l.has(t, l.everywhere, "direction=outgoing", "batch", "three", "mail", "two", "one")
		l.wrong(t, l.sms, "direction=up", "direction")
	})
	doortest.Says(t, "startAt", "Messages from a time on, that time included.", func(t *testing.T) {
		l.has(t, l.sms, "startAt="+at(3*time.Minute), "batch", "three", "in")
		l.has(t, l.everywhere, "startAt="+at(time.Hour))
		l.wrong(t, l.sms, "startAt=soon", "startAt")
	})
	doortest.Says(t, "endAt", "Messages before a time, with startAt those between both.", func(t *testing.T) {
		l.has(t, l.sms, "endAt="+at(2*time.Minute), "two", "one")
		l.has(t, l.everywhere, "startAt="+at(time.Minute)+"&endAt="+at(4*time.Minute), "in", "mail", "two")
		l.wrong(t, l.everywhere, "endAt=2026", "endAt")
	})
	doortest.Says(t, "sender of a list", "Messages from an address: somebody's outside, or a channel's own.", func(t *testing.T) {
		l.has(t, l.sms, "sender=%2B15550100", "in")
		l.has(t, l.everywhere, "sender=%2B15550001", "batch", "three", "two", "one")
		l.has(t, l.everywhere, "sender=%2B15559999")
	})
	doortest.Says(t, "receiver of a list", "Messages to an address, in any spelling, also a copy's; recipient is another name of it.", func(t *testing.T) {
		l.has(t, l.sms, "receiver=%2B15550100", "three", "one")
		l.has(t, l.everywhere, "recipient=%2B1+555+0100", "three", "one")
		l.has(t, l.everywhere, "receiver=B@example.org&reverse=true", "mail")
		l.has(t, l.everywhere, "receiver=%2B15550001", "in")
		l.has(t, l.everywhere, "sender=%2B15550001&receiver=%2B15550101", "batch", "two")
	})
	doortest.Says(t, "tag", "Messages with a tag, in any case.", func(t *testing.T) {
		l.has(t, l.everywhere, "tag=A", "mail", "one")
		l.has(t, l.sms, "tag=a&reverse=true", "one")
		l.has(t, l.sms, "tag=b")
	})
	doortest.Says(t, "subject", "Messages whose subject has all of the words; emailSubject is another name of it.", func(t *testing.T) {
		l.has(t, l.everywhere, "subject=INVOICE+7", "mail")
		l.has(t, l.messagesOf("email"), "emailSubject=your", "mail")
		l.has(t, l.everywhere, "subject=invoice+8")
	})
	doortest.Says(t, "batchId", "Messages that were sent with each other.", func(t *testing.T) {
		l.has(t, l.sms, "batchId="+l.batch, "batch")
		l.has(t, l.everywhere, "batchId="+l.workspace)
		l.wrong(t, l.sms, "batchId=7", "batchId")
	})
	doortest.Says(t, "channelId of a list", "Of the workspace's list those of one channel; another workspace's has none.", func(t *testing.T) {
		l.has(t, l.everywhere, "channelId="+l.channels["email"], "mail")
		l.has(t, l.everywhere, "channelId="+l.other.channel)
		l.wrong(t, l.everywhere, "channelId=7", "channelId")
	})
	doortest.Says(t, doortest.Around, "Scheduled messages are listed by their status, as those of any other.", func(t *testing.T) {
		l.has(t, l.sms, "status=scheduled", "later")
		l.has(t, l.everywhere, "status=delivered&direction=incoming", "in")
		l.wrong(t, l.sms, "status=lost", "status")
	})
}

func TestCallPageToken(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.send("sms", request(""))
	}
	sms := w.messagesOf("sms")
	first := w.ask("GET", sms+"?limit=2&direction=outgoing", "")
	token := url.QueryEscape(first.text("nextPageToken"))
	doortest.Says(t, "pageToken", "The token of a page leads to the next, also in another size; there is none after the last.", func(t *testing.T) {
		next := w.ask("GET", sms+"?limit=3&direction=outgoing&pageToken="+token, "")
		if len(next.ids()) != 1 || slices.Contains(first.ids(), next.ids()[0]) || next.text("nextPageToken") != "" {
			t.Errorf("after %s comes %s", first.raw, next.raw)
		}
	})
	doortest.Says(t, "pageToken", "With other filters, the other order, or for another list than it was made for, it is refused (422), and so is what is no token.", func(t *testing.T) {
		for _, query := range []string{sms + "?direction=incoming&pageToken=" + token, sms + "?pageToken=" + token, sms + "?direction=outgoing&reverse=true&pageToken=" + token,
			"/channels/messages?direction=outgoing&pageToken=" + token, w.messagesOf("email") + "?direction=outgoing&pageToken=" + token,
			sms + "?direction=outgoing&tag=a&pageToken=" + token, sms + "?direction=outgoing&pageToken=x", sms + "?direction=outgoing&pageToken=" + token[:len(token)-4]} {
			if a := w.ask("GET", query, ""); a.status != 422 || a.at("details", "pageToken") == nil {
				t.Errorf("%s: %d %s", query, a.status, a.raw)
			}
		}
	})
}

func TestCallGet(t *testing.T) {
	w := newWorld(t)
	in := must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["sms"], From: "phone:+15550100", Body: api.Text("hello")}))
	doortest.Says(t, "messageId", "A message that came in is from a contact, who is made for it, and to the channel.", func(t *testing.T) {
		got := w.get("sms", uuid(in.ID))
		got.same(t, "incoming", "direction")
		got.same(t, "delivered", "status")
		got.same(t, "+15550100", "sender", "contact", "identifierValue")
		got.same(t, uuid(in.Author.ID), "sender", "contact", "id")
		got.same(t, w.channels["sms"], "receiver", "connector", "id")
		got.same(t, "hello", "body", "text", "text")
	})
	doortest.Says(t, "messageId", "A message of another channel, one between members, a note, and what is no id, are 404, and so are their interactions.", func(t *testing.T) {
		note := must[*api.Message](t)(w.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}, Internal: true, Body: api.Text("a note")}))
		ana := must[*api.User](t)(w.admin.CreateUser(t.Context(), api.UserRequest{Name: "Ana"}))
		between := must[*api.Message](t)(w.admin.Send(t.Context(), api.SendRequest{To: api.Recipient{User: ana.ID}, Body: api.Text("between us")}))
		for _, path := range []string{w.messagesOf("sms") + "/" + uuid(note.ID), w.messagesOf("sms") + "/" + uuid(between.ID), w.messagesOf("email") + "/" + uuid(in.ID),
			w.messagesOf("sms") + "/x", w.messagesOf("sms") + "/" + w.workspace, w.messagesOf("sms") + "/" + in.ID} {
			for _, more := range []string{"", "/interactions"} {
				if a := w.ask("GET", path+more, ""); a.status != 404 || a.text("code") != "NotFound" {
					t.Errorf("%s%s: %d %s", path, more, a.status, a.raw)
				}
			}
		}
	})
	doortest.Says(t, doortest.Answer, "A message that failed says why: a status for where it failed, a reason, a short word, and a failure with a class and whose it is.", func(t *testing.T) {
		id := w.send("email", request(to(`{"identifierValue":"bounce@example.org"}`))).text("id")
		w.eventually("it bounces", func() bool { return w.get("email", id).text("status") == "delivery_failed" })
		a := w.get("email", id)
		a.same(t, 15005.0, "failure", "code")
		a.same(t, "email-messagebird", "failure", "source", "name")
		if a.text("reason") == "" || a.text("details") == "" {
			t.Errorf("bounced: %s", a.raw)
		}
		if got := w.all(w.messagesOf("email"), url.Values{"status": {"delivery_failed"}}); !slices.Equal(got, []string{id}) {
			t.Errorf("by status: %v", got)
		}
	})
	doortest.Says(t, doortest.Answer, "A message that was recalled is deleted: what it said, and what was given back with it, is gone.", func(t *testing.T) {
		id := w.send("email", request(to(`{"identifierValue":"a@example.org"}`)+`,"meta":{"extraInformation":{"secret":"content"}}`)).text("id")
		must[*api.Message](t)(w.admin.RecallMessage(t.Context(), nativeID(id)))
		a := w.get("email", id)
		a.same(t, "deleted", "status")
		a.same(t, nil, "meta")
		a.same(t, "[deleted]", "body", "text", "text")
	})
}

// uuidPattern is what clients take for a UUID: of version 4.
var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestCallInteractions(t *testing.T) {
	w := newWorld(t)
	sent := w.send("whatsapp", request(`"tags":["x"],"reference":"r","body":{"type":"text","text":{"text":"Choose","actions":[{"type":"link","link":{"text":"Map","url":"https://example.org/map"}},{"type":"postback","postback":{"text":"Yes","payload":"yes:1"}}]}}`))
	id := sent.text("id")
	path := w.messagesOf("whatsapp") + "/" + id + "/interactions"
	native := must[*api.Message](t)(w.admin.GetMessage(t.Context(), nativeID(id)))
	doortest.Says(t, "interactions", "A message that was read has an interaction, with the message's reference and tags, though its status is delivered.", func(t *testing.T) {
		w.eventually("it is read", func() bool { return len(w.ask("GET", path, "").ids()) == 1 })
		list := w.ask("GET", path, "")
		list.same(t, "read", "results", 0, "type")
		list.same(t, "whatsapp", "results", 0, "platformId")
		list.same(t, "r", "results", 0, "messageReference")
		list.same(t, []any{"x"}, "results", 0, "messageTags")
		w.get("whatsapp", id).same(t, "delivered", "status")
	})
	doortest.Says(t, "interactions", "A click comes after it, with its payload, and comes in as a message that replies to the first.", func(t *testing.T) {
		must[*api.Message](t)(w.admin.PlayInbound(t.Context(), api.SandboxInbound{Channel: w.native["whatsapp"], From: "phone:+15550100", ReplyTo: native.ID, Action: native.Body[0].Actions[1].ID}))
		list := w.ask("GET", path, "")
		list.same(t, "clicked", "results", 1, "type")
		list.same(t, "item_2_clicked", "results", 1, "details")
		list.same(t, "yes:1", "results", 1, "metadata", "button", "payload")
		in := w.ask("GET", w.messagesOf("whatsapp")+"?direction=incoming", "")
		in.same(t, "click", "results", 0, "replyTo", "type")
		in.same(t, id, "results", 0, "replyTo", "id")
		in.same(t, "Yes", "results", 0, "body", "text", "text")
	})
	doortest.Says(t, "interactions", "A link that was clicked has its address, a reaction its emoji.", func(t *testing.T) {
		must[*api.Interaction](t)(w.admin.PlayInteraction(t.Context(), api.SandboxInteraction{Message: native.ID, Kind: "clicked", Action: native.Body[0].Actions[0].ID}))
		must[*api.Interaction](t)(w.admin.PlayInteraction(t.Context(), api.SandboxInteraction{Message: native.ID, Kind: "reacted", Emoji: "👍"}))
		list := w.ask("GET", path, "")
		list.same(t, "https://example.org/map", "results", 2, "metadata", "link", "url")
		list.same(t, "👍", "results", 3, "metadata", "reaction", "emoji")
	})
	doortest.Says(t, "interactions", "An interaction has the same id each time, a UUID of version 4.", func(t *testing.T) {
		ids := w.ask("GET", path, "").ids()
		if again := w.ask("GET", path, "").ids(); !slices.Equal(again, ids) || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != len(ids) || !uuidPattern.MatchString(ids[0]) {
			t.Errorf("the ids are %v, then %v", ids, again)
		}
	})
	doortest.Says(t, "interactions", "A message that nobody did anything with has an empty list.", func(t *testing.T) {
		in := w.ask("GET", w.messagesOf("whatsapp")+"?direction=incoming", "").ids()[0]
		if a := w.ask("GET", w.messagesOf("whatsapp")+"/"+in+"/interactions", ""); fmt.Sprint(a.json) != "map[results:[]]" {
			t.Errorf("%s", a.raw)
		}
	})
}
