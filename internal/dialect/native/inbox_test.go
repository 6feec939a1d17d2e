package native_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// desk is a world with two agents and a contact who wrote on a channel.
type desk struct {
	*world
	ana, ben     *api.Client
	users        []string
	channel      string
	contact      string
	conversation string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	w := newWorld(t)
	d := &desk{world: w}
	ctx := t.Context()
	for _, name := range []string{"Ana", "Ben"} {
		d.users = append(d.users, must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: name, Email: strings.ToLower(name) + "@example.org"})).ID)
	}
	agent := func(user string) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "agent", User: user, Scopes: scopesOfUsers()})).Secret)
	}
	d.ana, d.ben = agent(d.users[0]), agent(d.users[1])
	d.channel = must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Default: true})).ID
	d.contact = must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Yan", Addresses: []api.Address{{Kind: "phone", Value: "+15550001"}}})).ID
	d.conversation = d.inbound(t, "hello").ConversationID
	return d
}

func (d *desk) inbound(t *testing.T, text string) *api.Message {
	t.Helper()
	return must[*api.Message](t)(d.admin.PlayInbound(t.Context(), api.SandboxInbound{Contact: d.contact, Channel: d.channel, Body: api.Text(text)}))
}

// listed are the ids of the first page of a list.
func listed(t *testing.T, c *api.Client, f api.ConversationFilter) (ids []string) {
	t.Helper()
	for _, found := range must[*api.List[api.Conversation]](t)(c.ListConversations(t.Context(), f)).Data {
		ids = append(ids, found.ID)
	}
	return ids
}

// entries are what a history says, newest first: who changed what from what to what.
func entries(t *testing.T, c *api.Client, id string) (lines []string) {
	t.Helper()
	f := api.Page{Limit: 2}
	for {
		page := must[*api.List[api.HistoryEntry]](t)(c.ListHistory(t.Context(), id, f))
		for _, e := range page.Data {
			for _, change := range e.Changes {
				lines = append(lines, fmt.Sprintf("%s%s: %s %v > %v", e.Actor.Name, e.Reason, change.Field, change.From, change.To))
			}
		}
		if page.Next == nil {
			return lines
		}
		f.After = *page.Next
	}
}

func TestConversationDetails(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	must[*api.Attribute](t)(d.admin.DefineConversationAttribute(ctx, "tier", api.AttributeRequest{Type: api.AttributeChoice, Choices: []string{"gold", "tin"}}))
	priority, external, title := 4, "case-7", "A secret title"
	tier := "gold"
	c := must[*api.Conversation](t)(d.ana.PatchConversation(ctx, d.conversation, api.ConversationPatch{Priority: &priority, ExternalID: &external, Title: &title,
		Attributes: map[string]*string{"tier": &tier}, AddTags: []string{"vip", "late"}, AddAssignees: []api.Assignee{{Kind: "user", ID: d.users[1]}, {Kind: "user", ID: d.users[0]}}}))
	if c.Priority != 4 || c.ExternalID != "case-7" || c.Attributes["tier"] != "gold" || !slices.Equal(c.Tags, []string{"vip", "late"}) || len(c.Assignees) != 2 || c.Assignees[0].ID != d.users[1] {
		t.Errorf("changed: %+v", c)
	}
	c = must[*api.Conversation](t)(d.ben.PatchConversation(ctx, d.conversation, api.ConversationPatch{RemoveTags: []string{"vip"}, RemoveAssignees: c.Assignees[:1]}))
	if !slices.Equal(c.Tags, []string{"late"}) || len(c.Assignees) != 1 || c.Assignees[0].ID != d.users[0] {
		t.Errorf("changed again: %+v", c)
	}
	want := []string{
		"Ben: assignees [user:" + d.users[1] + " user:" + d.users[0] + "] > [user:" + d.users[0] + "]",
		"Ben: tags [vip late] > [late]",
		"Ana: title [] > []", "Ana: assignees [] > [user:" + d.users[1] + " user:" + d.users[0] + "]", "Ana: tags [] > [vip late]",
		"Ana: externalId [] > [case-7]", "Ana: priority [] > [4]", "Ana: attributes.tier [] > []",
	}
	got := entries(t, d.admin, d.conversation)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("history:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	other := d.client(t, d.organization(t, "Beta").Key.Token)
	_, err := other.ListHistory(ctx, d.conversation, api.Page{})
	coded(t, "another organization's history", err, "not-found")
	for what, f := range map[string]api.ConversationFilter{"external id": {ExternalID: "case-7"}, "priority": {Priority: 4}, "contact": {Contact: d.contact},
		"assignee": {Assignee: d.users[0]}, "tag": {Tag: "late", Status: "open"}, "unread": {Unread: "true"}} {
		if ids := listed(t, d.ana, f); !slices.Equal(ids, []string{d.conversation}) {
			t.Errorf("by %s: %v", what, ids)
		}
		if ids := listed(t, other, f); len(ids) != 0 {
			t.Errorf("by %s in another organization: %v", what, ids)
		}
	}
	for what, f := range map[string]api.ConversationFilter{"external id": {ExternalID: "case-8"}, "priority": {Priority: 3}, "assignee": {Assignee: d.users[1]},
		"no assignee": {Assignee: "none"}, "read": {Unread: "false"}} {
		if ids := listed(t, d.ana, f); len(ids) != 0 {
			t.Errorf("by %s: %v", what, ids)
		}
	}
	d.refusesDetails(t)
}

func (d *desk) refusesDetails(t *testing.T) {
	t.Helper()
	made := must[*api.Conversation](t)(d.ana.CreateConversation(t.Context(), api.ConversationRequest{Kind: api.ConversationNote, ExternalID: "note-1", Priority: 1, Attributes: map[string]string{"free": "x"}}))
	for body, code := range map[string]string{
		`{"externalId": "case-7"}`:                                            "external-id-taken externalId",
		`{"priority": 6}`:                                                     "out-of-range priority",
		`{"attributes": {"tier": "iron"}}`:                                    "attribute-invalid attributes.tier",
		`{"addTags": ["x"], "tags": ["y"]}`:                                   "not-allowed addTags",
		`{"addTags": ["x"], "removeTags": ["x"]}`:                             "not-allowed removeTags",
		`{"addAssignees": [{"kind": "user", "id": "` + made.ID + `"}]}`:       "user-unknown addAssignees[0].id",
		`{"removeAssignees": [{"kind": "user", "id": "x"}], "assignees": []}`: "not-allowed addAssignees",
	} {
		answer, text := d.raw(t, http.MethodPatch, "/v1/conversations/"+made.ID, d.token, body)
		parts := strings.Fields(code)
		if !strings.Contains(text, `"code":"`+parts[0]+`"`) || !strings.Contains(text, `"field":"`+parts[1]+`"`) {
			t.Errorf("%s: %d %s", body, answer.StatusCode, text)
		}
	}
	answer, text := d.raw(t, http.MethodPost, "/v1/conversations", d.token, `{"kind": "note", "externalId": "note-1"}`)
	if answer.StatusCode != http.StatusConflict || !strings.Contains(text, "external-id-taken") {
		t.Errorf("a taken external id: %s", text)
	}
}

func TestUnreadItems(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	unread := func(c *api.Client) int {
		return must[*api.Conversation](t)(c.GetConversation(ctx, d.conversation)).Unread
	}
	d.inbound(t, "two")
	must[*api.Message](t)(d.ana.SendToConversation(ctx, d.conversation, api.SendRequest{Body: api.Text("three")}))
	if got := []int{unread(d.ana), unread(d.ben)}; !slices.Equal(got, []int{2, 3}) {
		t.Errorf("unread: %v", got)
	}
	if err := d.ben.ReadConversation(ctx, d.conversation, api.ReadMark{Through: 2}); err != nil {
		t.Fatal(err)
	}
	if got := []int{unread(d.ana), unread(d.ben)}; !slices.Equal(got, []int{2, 1}) {
		t.Errorf("unread after reading: %v", got)
	}
	if err := d.ana.ReadConversation(ctx, d.conversation, api.ReadMark{}); err != nil {
		t.Fatal(err)
	}
	if ids := listed(t, d.ana, api.ConversationFilter{Unread: "true"}); len(ids) != 0 {
		t.Errorf("all is read, listed are %v", ids)
	}
	if ids := listed(t, d.ana, api.ConversationFilter{Unread: "false", Kind: "external"}); !slices.Equal(ids, []string{d.conversation}) {
		t.Errorf("read are %v", ids)
	}
	group := must[*api.Message](t)(d.ana.Send(ctx, api.SendRequest{To: api.Recipient{User: d.users[1]}, Body: api.Text("hi")})).ConversationID
	if ids := listed(t, d.ben, api.ConversationFilter{Unread: "true", Kind: "direct"}); !slices.Equal(ids, []string{group}) {
		t.Errorf("ben's unread are %v", ids)
	}
	if ids := listed(t, d.ana, api.ConversationFilter{Unread: "true", Kind: "direct"}); len(ids) != 0 {
		t.Errorf("ana's unread are %v", ids)
	}
}

func TestHistoryIsForWhoTookPart(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	tag := func(tag string) {
		must[*api.Conversation](t)(d.ana.PatchConversation(ctx, d.conversation, api.ConversationPatch{AddTags: []string{tag}}))
	}
	d.conversation = must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup})).ID
	say := func() {
		must[*api.Message](t)(d.ana.SendToConversation(ctx, d.conversation, api.SendRequest{Body: api.Text("hi")}))
	}
	say()
	tag("before")
	say()
	must[*api.Participant](t)(d.ana.AddParticipant(ctx, d.conversation, api.NewParticipant{User: d.users[1]}))
	say()
	tag("during")
	say()
	if err := d.ana.RemoveParticipant(ctx, d.conversation, d.users[1]); err != nil {
		t.Fatal(err)
	}
	tag("after")
	all, seen := entries(t, d.ana, d.conversation), entries(t, d.ben, d.conversation)
	if len(all) != 5 || len(seen) != 2 || !strings.Contains(seen[0], "[before] > [before during]") || !strings.Contains(seen[1], "participants [] > [user:"+d.users[1]) {
		t.Errorf("of %v ben sees %v", all, seen)
	}
	_, err := d.client(t, d.with(t, parley.ScopeConversationsRead)).ListHistory(ctx, d.conversation, api.Page{})
	coded(t, "a key that sees no conversations of members", err, "not-found")
}

// coded checks the code of a refusal.
func coded(t *testing.T, what string, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// said are the items of a conversation as they are shown, oldest first: number and text.
func said(t *testing.T, c *api.Client, id string) (lines []string) {
	t.Helper()
	for _, m := range must[*api.List[api.Message]](t)(c.ListConversationMessages(t.Context(), id, api.Page{})).Data {
		text := m.Text
		if m.Removed != nil {
			text = string(m.Removed.Reason)
		}
		lines = append(lines, fmt.Sprint(m.Sequence, " ", text))
	}
	slices.Reverse(lines)
	return lines
}

func TestConversationsAreMerged(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	email := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true})).ID
	must[*api.Contact](t)(d.admin.AddContactAddress(ctx, d.contact, api.Address{Kind: "email", Value: "yan@example.org"}))
	note := func(id, text string) {
		must[*api.Message](t)(d.ana.SendToConversation(ctx, id, api.SendRequest{Body: api.Text(text), Internal: true}))
	}
	mail := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationExternal, Channel: email, ExternalID: "mail-1", Priority: 5,
		Tags: []string{"mail"}, Participants: []api.NewParticipant{{Contact: d.contact}}})).ID
	note(mail, "in the mail")
	note(d.conversation, "in the text")
	note(mail, "again")
	for _, id := range []string{mail, d.conversation} {
		if err := d.ben.ReadConversation(ctx, id, api.ReadMark{}); err != nil {
			t.Fatal(err)
		}
	}
	log := d.latest(t)
	stays := must[*api.Conversation](t)(d.ana.MergeConversation(ctx, d.conversation, api.ConversationMerge{Into: mail}))
	if stays.ID != mail || stays.LastSequence != 4 || stays.ExternalID != "mail-1" || stays.Priority != 5 || len(stays.Participants) != 2 || stays.Unread != 1 {
		t.Errorf("stays: %+v", stays)
	}
	want := []string{"3 hello", "1 in the mail", "4 in the text", "2 again"}
	for _, id := range []string{mail, d.conversation} {
		if got := said(t, d.ana, id); !slices.Equal(got, want) {
			t.Errorf("items of %s: %q, want %q", id, got, want)
		}
	}
	if n := must[*api.Conversation](t)(d.ben.GetConversation(ctx, d.conversation)).Unread; n != 0 {
		t.Errorf("%d items are unread that were read", n)
	}
	if ids := listed(t, d.ana, api.ConversationFilter{Contact: d.contact}); !slices.Equal(ids, []string{mail}) {
		t.Errorf("listed: %v", ids)
	}
	var types []string
	for _, e := range must[*api.EventPage](t)(d.ana.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(log)})).Data {
		types = append(types, string(e.Type)+" "+e.Data.ConversationID+e.Data.Into)
	}
	if !slices.Equal(types, []string{"conversation.merged " + d.conversation + mail, "conversation.updated " + mail}) {
		t.Errorf("events: %v", types)
	}
	// The id answers the other everywhere, and what the contact writes there comes there.
	again := must[*api.Conversation](t)(d.ana.MergeConversation(ctx, d.conversation, api.ConversationMerge{Into: mail}))
	if again.Rev != stays.Rev {
		t.Errorf("a repeat changed it: %+v", again)
	}
	if m := d.inbound(t, "more"); m.ConversationID != mail || m.Sequence != 5 {
		t.Errorf("what comes in: %+v", m)
	}
	if m := must[*api.Message](t)(d.ana.SendToConversation(ctx, d.conversation, api.SendRequest{Body: api.Text("yes")})); m.ConversationID != mail || m.Platform != "email" {
		t.Errorf("what goes out: %+v", m)
	}
	if list := must[*api.List[api.Message]](t)(d.ana.ListMessages(ctx, api.MessageFilter{Conversation: d.conversation})).Data; len(list) != 6 {
		t.Errorf("messages by the former id: %d", len(list))
	}
	d.refusesMerges(t, mail)
}

func (d *desk) refusesMerges(t *testing.T, mail string) {
	t.Helper()
	ctx := t.Context()
	no := false
	other := must[*api.Contact](t)(d.admin.CreateContact(ctx, api.ContactRequest{Name: "Zoe", Addresses: []api.Address{{Kind: "phone", Value: "+15550002"}}})).ID
	closed := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "SMS", Connector: "sandbox", Platform: "sms", Open: &no, Members: d.users[:1]})).ID
	make := func(r api.ConversationRequest) string {
		return must[*api.Conversation](t)(d.ana.CreateConversation(ctx, r)).ID
	}
	with := func(channel, contact string) string {
		return make(api.ConversationRequest{Kind: api.ConversationExternal, Channel: channel, Participants: []api.NewParticipant{{Contact: contact}}})
	}
	hidden, free := with(closed, d.contact), with(d.channel, d.contact)
	group := make(api.ConversationRequest{Kind: api.ConversationGroup})
	for what, c := range map[string]struct{ from, into, code string }{
		"into itself":               {mail, mail, "merge-circle"},
		"into what is a part of it": {mail, d.conversation, "merge-circle"},
		"again, into another":       {d.conversation, free, "conversation-merged"},
		"a group":                   {group, mail, "merge-kinds"},
		"other people":              {with(d.channel, other), mail, "merge-people"},
		"from a channel of a few":   {hidden, mail, "merge-channels"},
		"into nothing":              {free, other, "conversation-unknown"},
		"what is there for nobody":  {other, mail, "not-found"},
	} {
		_, err := d.ana.MergeConversation(ctx, c.from, api.ConversationMerge{Into: c.into})
		coded(t, what, err, c.code)
	}
	_, err := d.ben.MergeConversation(ctx, free, api.ConversationMerge{Into: hidden})
	coded(t, "into what ben does not see", err, "conversation-unknown")
	_, err = d.ana.MergeConversation(ctx, free, api.ConversationMerge{Into: hidden}, api.IfMatch(99))
	coded(t, "another revision", err, "revision-mismatch")
	must[*api.Conversation](t)(d.ana.MergeConversation(ctx, free, api.ConversationMerge{Into: hidden})) // whom it is shown to becomes fewer
	_, err = d.ben.GetConversation(ctx, free)
	coded(t, "what became a part of what ben does not see", err, "not-found")
}

func TestMessagesAreMoved(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	other := must[*api.Contact](t)(d.admin.CreateContact(ctx, api.ContactRequest{Name: "Zoe", Addresses: []api.Address{{Kind: "phone", Value: "+15550002"}}})).ID
	theirs := must[*api.Message](t)(d.admin.PlayInbound(ctx, api.SandboxInbound{Contact: other, Channel: d.channel, Body: api.Text("later")})).ConversationID
	m := d.inbound(t, "wrong place")
	d.inbound(t, "stays")
	for range 2 {
		moved := must[*api.Message](t)(d.ana.MoveMessage(ctx, m.ID, api.MessageMove{Conversation: theirs}))
		if moved.ID != m.ID || moved.ConversationID != theirs || moved.Sequence != 2 || moved.SentAt != m.SentAt || moved.Text != "wrong place" {
			t.Errorf("moved: %+v", moved)
		}
	}
	if got := said(t, d.ana, d.conversation); !slices.Equal(got, []string{"1 hello", "2 moved", "3 stays"}) {
		t.Errorf("left: %q", got)
	}
	if got := said(t, d.ana, theirs); !slices.Equal(got, []string{"1 later", "2 wrong place"}) {
		t.Errorf("there: %q", got)
	}
	left := must[*api.List[api.Message]](t)(d.ana.ListConversationMessages(ctx, d.conversation, api.Page{})).Data[1]
	if left.ID == m.ID || left.Removed.MessageID != m.ID || left.Kind != "system" {
		t.Errorf("the tombstone: %+v", left)
	}
	if lines := entries(t, d.ana, theirs); len(lines) != 1 || !strings.Contains(lines[0], "Ana: messages [] > ["+m.ID) {
		t.Errorf("history: %v", lines)
	}
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup})).ID
	queued := must[*api.Message](t)(d.ana.SendToConversation(ctx, theirs, api.SendRequest{Body: api.Text("on its way")})).ID
	for what, c := range map[string]struct{ message, into, code string }{
		"into a group":     {m.ID, group, "move-members"},
		"what is moved":    {left.ID, theirs, "content-removed"},
		"what is sent now": {queued, d.conversation, "deliveries-under-way"},
		"to nothing":       {m.ID, other, "conversation-unknown"},
		"nothing":          {other, theirs, "not-found"},
	} {
		_, err := d.ana.MoveMessage(ctx, c.message, api.MessageMove{Conversation: c.into})
		coded(t, what, err, c.code)
	}
}

func TestDrafts(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	media := must[*api.Media](t)(d.ana.UploadMedia(ctx, "a.txt", "text/plain", strings.NewReader("text"))).ID
	own := must[*api.Draft](t)(d.ana.CreateDraft(ctx, d.conversation, api.DraftRequest{Body: api.Text("for me"), Attachments: []string{media}, Internal: true}))
	shared := must[*api.Draft](t)(d.ana.CreateDraft(ctx, d.conversation, api.DraftRequest{Body: api.Text("for us"), Shared: true}))
	in := func(c *api.Client) (texts []string) {
		for _, draft := range must[*api.List[api.Draft]](t)(c.ListConversationDrafts(ctx, d.conversation, api.Page{})).Data {
			texts = append(texts, draft.Body[0].Text)
		}
		return texts
	}
	if got := fmt.Sprint(in(d.ana), in(d.ben)); got != "[for me for us] [for us]" {
		t.Errorf("drafts: %s", got)
	}
	_, err := d.ben.GetDraft(ctx, own.ID)
	coded(t, "somebody else's", err, "not-found")
	_, err = d.ben.GetMedia(ctx, media)
	coded(t, "a file of somebody else's", err, "not-found")
	body, yes := api.Text("for us all"), true
	changed := must[*api.Draft](t)(d.ben.PatchDraft(ctx, shared.ID, api.DraftPatch{Body: &body}))
	if changed.Rev != 2 || changed.User != d.users[0] || changed.Body[0].Text != "for us all" {
		t.Errorf("changed: %+v", changed)
	}
	_, err = d.ana.PatchDraft(ctx, shared.ID, api.DraftPatch{Body: &body}, api.IfMatch(1))
	coded(t, "an earlier revision", err, "revision-mismatch")
	no := false
	_, err = d.ben.PatchDraft(ctx, shared.ID, api.DraftPatch{Shared: &no})
	coded(t, "taking it from the others", err, "not-allowed")
	must[*api.Draft](t)(d.ana.PatchDraft(ctx, own.ID, api.DraftPatch{Shared: &yes}))
	must[*api.Media](t)(d.ben.GetMedia(ctx, media))

	log := d.latest(t)
	other := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationNote, Visibility: api.VisibleToOrganization})).ID
	_, err = d.ben.SendToConversation(ctx, other, api.SendRequest{Body: body, Draft: own.ID})
	coded(t, "in another conversation", err, "draft-unknown")
	sent := must[*api.Message](t)(d.ben.SendToConversation(ctx, d.conversation, api.SendRequest{Body: body, Attachments: []string{media}, Internal: true, Draft: own.ID}))
	if len(sent.Attachments) != 1 || sent.Author.Name != "Ben" {
		t.Errorf("sent: %+v", sent)
	}
	_, err = d.ana.GetDraft(ctx, own.ID)
	coded(t, "what was sent", err, "not-found")
	_, err = d.ben.SendToConversation(ctx, d.conversation, api.SendRequest{Body: body, Draft: own.ID})
	coded(t, "what was sent, again", err, "draft-unknown")
	if file := must[*api.Media](t)(d.ben.GetMedia(ctx, media)); !file.Attached {
		t.Error("the file went with the draft")
	}
	if err := d.ben.DeleteDraft(ctx, shared.ID); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, e := range must[*api.EventPage](t)(d.ben.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(log)})).Data {
		if e.Type == api.EventDraftUpdated {
			seen = append(seen, e.Data.Status)
		}
	}
	if !slices.Equal(seen, []string{"sent", "deleted"}) {
		t.Errorf("ben is told %v", seen)
	}
	must[*api.Draft](t)(d.ana.CreateDraft(ctx, d.conversation, api.DraftRequest{Body: api.Text("mine")}))
	if page := must[*api.EventPage](t)(d.ben.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(d.latest(t) - 1)})).Data; len(page) != 0 {
		t.Errorf("ben is told of a draft of ana's: %+v", page)
	}
	if list := must[*api.List[api.Draft]](t)(d.ana.ListDrafts(ctx, api.Page{})).Data; len(list) != 1 {
		t.Errorf("ana's: %+v", list)
	}
	beta := d.client(t, d.organization(t, "Beta").Key.Token)
	_, err = beta.ListConversationDrafts(ctx, d.conversation, api.Page{})
	coded(t, "another organization", err, "not-found")
}

// Who has left a conversation of members sees no shared drafts in it, but its own.
func TestDraftsOfLeavers(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	group := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants(d.users[1:], nil)})).ID
	shared := must[*api.Draft](t)(d.ana.CreateDraft(ctx, group, api.DraftRequest{Body: api.Text("ours"), Shared: true})).ID
	must[*api.Draft](t)(d.ben.CreateDraft(ctx, group, api.DraftRequest{Body: api.Text("mine")}))
	if err := d.ana.RemoveParticipant(ctx, group, d.users[1]); err != nil {
		t.Fatal(err)
	}
	_, err := d.ben.GetDraft(ctx, shared)
	coded(t, "a shared draft", err, "not-found")
	if list := must[*api.List[api.Draft]](t)(d.ben.ListConversationDrafts(ctx, group, api.Page{})).Data; len(list) != 1 || list[0].Body[0].Text != "mine" {
		t.Errorf("ben's: %+v", list)
	}
	_, err = d.ben.CreateDraft(ctx, group, api.DraftRequest{})
	coded(t, "a new one", err, "not-a-participant")

	draft := must[*api.Draft](t)(d.ben.CreateDraft(ctx, d.conversation, api.DraftRequest{Body: api.Text("ours"), Shared: true})).ID
	closed, members := false, d.users[:1]
	must[*api.Channel](t)(d.admin.PatchChannel(ctx, d.channel, api.ChannelPatch{Open: &closed, Members: &members}))
	secret := api.Text("what ben is not to know")
	must[*api.Draft](t)(d.ana.PatchDraft(ctx, draft, api.DraftPatch{Body: &secret}))
	_, err = d.ben.GetDraft(ctx, draft)
	coded(t, "one of a channel that was closed", err, "not-found")
	if list := must[*api.List[api.Draft]](t)(d.ben.ListDrafts(ctx, api.Page{})).Data; len(list) != 1 || list[0].Body[0].Text != "mine" {
		t.Errorf("ben's after the channel was closed: %+v", list)
	}
}

// A legal hold on a conversation stays with its items when it is merged, and they with it.
func TestHeldConversationsAreMerged(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	into := must[*api.Conversation](t)(d.ana.CreateConversation(ctx, api.ConversationRequest{Kind: api.ConversationExternal, Channel: d.channel,
		Participants: []api.NewParticipant{{Contact: d.contact}}})).ID
	note := must[*api.Message](t)(d.ana.SendToConversation(ctx, d.conversation, api.SendRequest{Body: api.Text("x"), Internal: true})).ID
	hold := must[*api.Hold](t)(d.admin.PlaceHold(ctx, api.HoldRequest{Subject: api.HoldSubject{Kind: "conversation", ID: d.conversation}, Reason: "a case"})).ID
	_, err := d.ana.MoveMessage(ctx, note, api.MessageMove{Conversation: into})
	coded(t, "out of a held conversation", err, "legal-hold")
	must[*api.Conversation](t)(d.ana.MergeConversation(ctx, d.conversation, api.ConversationMerge{Into: into}))
	if on := must[*api.Hold](t)(d.admin.GetHold(ctx, hold)).Subject.ID; on != into {
		t.Errorf("the hold is on %s, merged into %s", on, into)
	}
	_, err = d.ana.MoveMessage(ctx, note, api.MessageMove{Conversation: must[*api.Conversation](t)(d.ana.CreateConversation(ctx,
		api.ConversationRequest{Kind: api.ConversationNote, Visibility: api.VisibleToOrganization})).ID})
	coded(t, "out of what it was merged into", err, "legal-hold")
}

// A message that was moved to where somebody does not look is in none of their events any more, and comes with none to others of
// where it was.
func TestEventsOfMovedMessages(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	closed := false
	hers := must[*api.Channel](t)(d.admin.CreateChannel(ctx, api.ChannelRequest{Name: "VIP", Connector: "sandbox", Platform: "whatsapp", Open: &closed, Members: []string{d.users[0]}}))
	there := must[*api.Message](t)(d.admin.PlayInbound(ctx, api.SandboxInbound{Contact: d.contact, Channel: hers.ID, Body: api.Text("hello there")})).ConversationID
	secret := must[*api.Message](t)(d.admin.SendToConversation(ctx, d.conversation, api.SendRequest{Body: api.Text("in the wrong place"), Internal: true}))
	must[*api.Message](t)(d.admin.MoveMessage(ctx, secret.ID, api.MessageMove{Conversation: there}))
	told := func(c *api.Client) (about []api.EventType) {
		for e, err := range c.Events(ctx, api.EventFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Data.MessageID == secret.ID {
				about = append(about, e.Type)
			}
		}
		return about
	}
	if got, want := told(d.ana), []api.EventType{api.EventMessageCreated, api.EventMessageMoved}; !slices.Equal(got, want) {
		t.Errorf("who sees where it is now is told %v, want %v", got, want)
	}
	if got := told(d.ben); got != nil {
		t.Errorf("who does not is told %v", got)
	}
}
