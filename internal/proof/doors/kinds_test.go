package doors

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
)

// kind is a sort of message, or of conversation that it is in.
type kind struct {
	name string
	at   []string // the doors that show it
	make func(w *world) (id string)
}

var (
	nowhere = []string{}
	members = []string{tigerconnect}
	teams   = []string{tigerconnect, spruce}
	notes   = []string{spruce}
	outside = []string{spruce, kustomer, bird} // external and secure
)

// kinds is the list of them: of each door what it can make, the native API first.
func kinds() (all []kind) {
	return slices.Concat(betweenMembers(), withSomebody(), lives(), throughDoors())
}

// sent sends natively, as a user.
func (w *world) sent(by *api.Client, m api.SendRequest) string {
	w.Helper()
	if m.Body == nil && m.Template == nil {
		m.Body = api.Text(fmt.Sprintf("Message %d", w.number()))
	}
	return must[*api.Message](w)(by.Send(w.Context(), m)).ID
}

// found waits for a message among the newest that is like this.
func (w *world) found(like func(m *api.Message) bool) (id string) {
	w.Helper()
	w.eventually("the message is there", func() bool {
		for _, m := range must[*api.List[api.Message]](w)(w.admin.ListMessages(w.Context(), api.MessageFilter{Page: api.Page{Limit: 20}})).Data {
			if like(&m) {
				id = m.ID
			}
		}
		return id != ""
	})
	return id
}

func (w *world) number() int {
	w.people++
	return w.people
}

// media uploads a file.
func (w *world) media(by *api.Client) string {
	return must[*api.Media](w)(by.UploadMedia(w.Context(), "a.txt", "text/plain", strings.NewReader("a file"))).ID
}

func betweenMembers() []kind {
	to := func(r api.Recipient) func(w *world) string {
		return func(w *world) string {
			named := map[string]*string{"Bo": &r.User, "role": &r.Role, "away": &r.Role, "team": &r.Team, "list": &r.Broadcast}
			for name, field := range named {
				if *field == name {
					*field = w.ids[name]
				}
			}
			return w.sent(w.ana, api.SendRequest{To: r})
		}
	}
	note := func(visibility api.Visibility) func(w *world) string {
		return func(w *world) string {
			c := must[*api.Conversation](w)(w.ana.CreateConversation(w.Context(), api.ConversationRequest{Kind: "note", Title: "Notes", Visibility: visibility,
				Participants: []api.NewParticipant{{User: w.ids["Bo"]}}}))
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{Conversation: c.ID}})
		}
	}
	return []kind{
		{"direct", members, to(api.Recipient{User: "Bo"})},
		{"direct, from the other", members, func(w *world) string { return w.sent(w.bo, api.SendRequest{To: api.Recipient{User: w.ids["Ana"]}}) }},
		{"direct, with an attachment", members, func(w *world) string {
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{User: w.ids["Bo"]}, Attachments: []string{w.media(w.ana)}})
		}},
		{"direct, delivered", members, func(w *world) string {
			id := w.sent(w.ana, api.SendRequest{To: api.Recipient{User: w.ids["Bo"]}})
			w.done(w.bo.MarkDelivered(w.Context(), id))
			return id
		}},
		{"direct, read", members, func(w *world) string {
			id := w.sent(w.ana, api.SendRequest{To: api.Recipient{User: w.ids["Bo"]}})
			w.done(w.bo.MarkRead(w.Context(), id))
			return id
		}},
		{"direct, high priority", members, func(w *world) string {
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{User: w.ids["Bo"]}, Priority: "high"})
		}},
		{"direct, forwarded", members, func(w *world) string {
			id := w.sent(w.bo, api.SendRequest{To: api.Recipient{User: w.ids["Ana"]}})
			return must[*api.Message](w)(w.ana.ForwardMessage(w.Context(), id, api.SendRequest{To: api.Recipient{User: w.ids["Cy"]}})).ID
		}},
		{"direct, that mentions somebody", members, func(w *world) string {
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{User: w.ids["Bo"]}, Body: api.Body{{Kind: "text", Text: "Ask "}, {Kind: "mention", Who: &api.Actor{Kind: "user", ID: w.ids["Bo"]}}}})
		}},
		{"group", members, func(w *world) string {
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{Users: []string{w.ids["Bo"], w.ids["Cy"]}}, Group: &api.NewGroup{Name: "Ward 7"}})
		}},
		{"role", members, to(api.Recipient{Role: "role"})},
		{"role that is away", members, to(api.Recipient{Role: "away"})},
		{"answer of a role that is away", members, func(w *world) string {
			role := must[*api.Role](w)(w.admin.CreateRole(w.Context(), api.RoleRequest{Name: "Nobody either", Members: []string{w.ids["Cy"]}, AwayText: "Nobody is here"})).ID
			asked := w.sent(w.ana, api.SendRequest{To: api.Recipient{Role: role}})
			return w.found(func(m *api.Message) bool { return m.Kind == "system" && m.Author.ID == role && m.ID != asked })
		}},
		{"broadcast", members, to(api.Recipient{Broadcast: "list"})},
		{"copy of a broadcast", members, func(w *world) string {
			sent := to(api.Recipient{Broadcast: "list"})(w)
			return w.found(func(m *api.Message) bool { return m.Parent == sent })
		}},
		{"team", teams, to(api.Recipient{Team: "team"})},
		{"team, with an attachment", teams, func(w *world) string {
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{Team: w.ids["team"]}, Attachments: []string{w.media(w.ana)}})
		}},
		{"note of its members", notes, note("members")},
		{"note of the organization", notes, note("organization")},
	}
}

func (w *world) done(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// goesOut sends to somebody new outside.
func (w *world) goesOut(platform string, m api.SendRequest) string {
	w.Helper()
	m.To = api.Recipient{Address: w.someone(platform), Channel: w.channels[platform]}
	return w.sent(w.admin, m)
}

// comesIn plays a message of somebody outside.
func (w *world) comesIn(platform string, m api.SandboxInbound) *api.Message {
	w.Helper()
	m.Channel = w.channels[platform]
	if m.From == "" {
		m.From, m.FromName = w.someone(platform), "Robin"
	}
	if m.Body == nil {
		m.Body = api.Text(fmt.Sprintf("Question %d", w.number()))
	}
	return must[*api.Message](w)(w.admin.PlayInbound(w.Context(), m))
}

func withSomebody() (all []kind) {
	for _, p := range platforms {
		all = append(all,
			kind{"out on " + p.name, outside, func(w *world) string { return w.goesOut(p.name, api.SendRequest{}) }},
			kind{"in on " + p.name, outside, func(w *world) string { return w.comesIn(p.name, api.SandboxInbound{}).ID }},
			kind{"in on " + p.name + ", with a file", outside, func(w *world) string {
				return w.comesIn(p.name, api.SandboxInbound{Attachments: []string{w.media(w.admin)}}).ID
			}},
			kind{"internal note on " + p.name, notes, func(w *world) string {
				in := w.comesIn(p.name, api.SandboxInbound{})
				return w.sent(w.ana, api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}, Internal: true})
			}})
	}
	place := 52.5
	for name, body := range map[string]api.Body{
		"HTML": {{Kind: "html", Text: "<p>Dear <b>Robin</b></p>", Fallback: "Dear Robin"}}, "HTML alone": {{Kind: "html", Text: "<p>Dear <b>Robin</b></p>"}},
		"two texts": {{Kind: "text", Text: "One"}, {Kind: "text", Text: "Two"}}, "location": {{Kind: "location", Latitude: &place, Longitude: &place, Label: "Clinic"}},
		"choice":  {{Kind: "options", Text: "When?", Actions: []api.Action{{Kind: "reply", Text: "Now"}, {Kind: "reply", Text: "Later"}}}},
		"section": {{Kind: "section", Text: "Both", Parts: api.Body{{Kind: "text", Text: "One"}, {Kind: "text", Text: "Two"}}}},
	} {
		all = append(all, kind{"out, " + name, outside, func(w *world) string { return w.goesOut("whatsapp", api.SendRequest{Body: body}) }})
	}
	return append(all,
		kind{"out, with an attachment", outside, func(w *world) string {
			return w.goesOut("email", api.SendRequest{Attachments: []string{w.media(w.admin)}})
		}},
		kind{"out, a template", outside, func(w *world) string {
			return w.goesOut("sms", api.SendRequest{Template: &api.TemplateUse{ID: w.ids["template"], Variables: map[string]string{"name": "Robin"}}})
		}},
		kind{"out, to several", outside, func(w *world) string {
			return w.sent(w.admin, api.SendRequest{To: api.Recipient{Receivers: []api.Receiver{{Address: w.someone("email"), Channel: w.channels["email"]}, {Address: w.someone("email"), Role: "cc", Channel: w.channels["email"]}}}})
		}},
		kind{"out, from a user", outside, func(w *world) string {
			in := w.comesIn("sms", api.SandboxInbound{})
			return w.sent(w.ana, api.SendRequest{To: api.Recipient{Conversation: in.ConversationID}})
		}},
		kind{"out, with a mention", outside, func(w *world) string {
			return w.goesOut("sms", api.SendRequest{Body: api.Body{{Kind: "text", Text: "Ask "}, {Kind: "mention", Who: &api.Actor{Kind: "user", ID: w.ids["Bo"]}}}})
		}},
		kind{"in from an address that several share", []string{spruce, bird}, func(w *world) string {
			address := w.someone("sms")
			must[*api.Contact](w)(w.admin.CreateContact(w.Context(), api.ContactRequest{Name: "A family", Addresses: []api.Address{{Kind: "phone", Value: value(address), Shared: true}}}))
			return w.comesIn("sms", api.SandboxInbound{From: address}).ID
		}},
		kind{"recorded", outside, func(w *world) string {
			in := w.comesIn("sms", api.SandboxInbound{})
			return must[*api.Message](w)(w.admin.SendToConversation(w.Context(), in.ConversationID, api.SendRequest{Body: api.Text("It was said"), Record: &api.Record{Direction: "outbound"}})).ID
		}})
}

// lives are messages to which something has happened.
func lives() []kind {
	finally := func(w *world, id string, status api.Status) string {
		w.eventually("it is "+string(status), func() bool {
			w.advance(time.Second)
			return must[*api.Message](w)(w.admin.GetMessage(w.Context(), id)).Status == status
		})
		return id
	}
	direct := func(w *world, m api.SendRequest) string {
		m.To = api.Recipient{User: w.ids["Bo"]}
		return w.sent(w.ana, m)
	}
	return []kind{
		{"scheduled", []string{bird}, func(w *world) string {
			return w.goesOut("sms", api.SendRequest{SendAt: api.NewTime(w.now().Add(300 * 24 * time.Hour))})
		}},
		{"direct, scheduled", nowhere, func(w *world) string {
			return direct(w, api.SendRequest{SendAt: api.NewTime(w.now().Add(300 * 24 * time.Hour))})
		}},
		{"scheduled, and sent", outside, func(w *world) string {
			return finally(w, w.goesOut("sms", api.SendRequest{SendAt: api.NewTime(w.now().Add(2 * time.Second))}), api.Read)
		}},
		{"canceled", []string{bird}, func(w *world) string {
			id := w.goesOut("sms", api.SendRequest{SendAt: api.NewTime(w.now().Add(300 * 24 * time.Hour))})
			return must[*api.Message](w)(w.admin.CancelMessage(w.Context(), id)).ID
		}},
		{"recalled", []string{kustomer, bird}, func(w *world) string {
			return must[*api.Message](w)(w.admin.RecallMessage(w.Context(), w.goesOut("email", api.SendRequest{}))).ID
		}},
		{"direct, recalled", members, func(w *world) string {
			return must[*api.Message](w)(w.ana.RecallMessage(w.Context(), direct(w, api.SendRequest{}))).ID
		}},
		{"its content expired", []string{kustomer, bird}, func(w *world) string {
			id := w.goesOut("email", api.SendRequest{TTL: 1})
			w.gone(id)
			return id
		}},
		{"direct, its content expired", members, func(w *world) string {
			id := direct(w, api.SendRequest{TTL: 1})
			w.gone(id)
			return id
		}},
		{"its validity passed", outside, func(w *world) string {
			id := w.sent(w.admin, api.SendRequest{To: api.Recipient{Address: fmt.Sprintf("email:retry+%d@example.org", w.number()), Channel: w.channels["email"]}, Validity: 1})
			return finally(w, id, api.Expired)
		}},
		{"failed", outside, func(w *world) string {
			return finally(w, w.sent(w.admin, api.SendRequest{To: api.Recipient{Address: fmt.Sprintf("email:bounce+%d@example.org", w.number()), Channel: w.channels["email"]}}), api.Failed)
		}},
		{"skipped", outside, func(w *world) string {
			first, second := w.someone("email"), w.someone("email")
			for _, address := range []string{first, second} {
				must[*api.Suppressions](w)(w.admin.Suppress(w.Context(), api.SuppressionRequest{Address: address, Class: "marketing"}))
			}
			return w.sent(w.admin, api.SendRequest{Class: "marketing", To: api.Recipient{Receivers: []api.Receiver{{Address: first, Channel: w.channels["email"]}, {Address: w.someone("email"), Channel: w.channels["email"]}}}})
		}},
		{"redacted", []string{kustomer, bird}, func(w *world) string {
			return must[*api.Message](w)(w.admin.RedactMessage(w.Context(), w.comesIn("sms", api.SandboxInbound{}).ID, api.RedactRequest{})).ID
		}},
		{"redacted in part", outside, func(w *world) string {
			in := w.comesIn("whatsapp", api.SandboxInbound{Body: api.Body{{Kind: "text", Text: "A secret"}, {Kind: "text", Text: "Nothing"}}})
			return must[*api.Message](w)(w.admin.RedactMessage(w.Context(), in.ID, api.RedactRequest{Parts: []int{0}})).ID
		}},
		{"edited", members, func(w *world) string {
			return must[*api.Message](w)(w.ana.EditMessage(w.Context(), direct(w, api.SendRequest{}), api.MessagePatch{Body: api.Text("Changed")})).ID
		}},
		{"of a contact that was erased", []string{kustomer, bird}, func(w *world) string {
			in := w.comesIn("sms", api.SandboxInbound{})
			must[*api.ContactErasure](w)(w.admin.EraseContact(w.Context(), in.Author.ID))
			w.gone(in.ID)
			return in.ID
		}},
		{"moved to another conversation", outside, func(w *world) string { id, _ := w.moved(); return id }},
		{"what stands where one was moved from", nowhere, func(w *world) string {
			_, from := w.moved()
			return must[*api.List[api.Message]](w)(w.admin.ListConversationMessages(w.Context(), from, api.Page{})).Data[0].ID
		}},
		{"answered by a click", outside, func(w *world) string {
			address := w.someone("whatsapp")
			id := w.sent(w.admin, api.SendRequest{To: api.Recipient{Address: address, Channel: w.channels["whatsapp"]}, Body: api.Body{{Kind: "text", Text: "Now?", Actions: []api.Action{{Kind: "reply", Text: "Yes"}}}}})
			asked := must[*api.Message](w)(w.admin.GetMessage(w.Context(), id))
			return must[*api.Message](w)(w.admin.PlayInbound(w.Context(), api.SandboxInbound{Channel: w.channels["whatsapp"], From: address, ReplyTo: id, Action: asked.Body[0].Actions[0].ID})).ID
		}},
	}
}

// gone waits until the content of a message is.
func (w *world) gone(id string) {
	w.Helper()
	w.eventually("its content is gone", func() bool {
		w.advance(time.Second)
		return must[*api.Message](w)(w.admin.GetMessage(w.Context(), id)).Removed != nil
	})
}

// moved moves a message to another conversation, and says which and from where.
func (w *world) moved() (id, from string) {
	w.Helper()
	in, other := w.comesIn("sms", api.SandboxInbound{}), w.comesIn("sms", api.SandboxInbound{})
	must[*api.Message](w)(w.admin.MoveMessage(w.Context(), in.ID, api.MessageMove{Conversation: other.ConversationID}))
	return in.ID, in.ConversationID
}
