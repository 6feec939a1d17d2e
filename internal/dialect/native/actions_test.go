package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/connector/sandbox"
	"github.com/parley-server/parley/internal/core/delivery"
	"github.com/parley-server/parley/internal/queue"
	"github.com/parley-server/parley/internal/store"
)

// work has what the world accepts delivered, and done when it is due, until the test ends.
func (w *world) work(t *testing.T) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	deliveries := delivery.New(delivery.Options{Store: w.store, Connectors: map[string]connector.Definition{"sandbox": sandbox.Definition(nil)}, Log: quiet})
	next := func(kind store.JobKind) func(context.Context) (time.Time, error) {
		return func(ctx context.Context) (time.Time, error) { return w.store.Read(ctx).NextDue(kind) }
	}
	atMost := func(run func(context.Context, int) (int, error)) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { return run(ctx, 100) }
	}
	runner := queue.New(deliveries, []queue.Timer{
		{Name: "receipts", Next: deliveries.NextReceipt, Run: deliveries.Receipts},
		{Name: "publish", Next: next(store.JobPublish), Run: atMost(w.core.Publish)},
		{Name: "erase", Next: next(store.JobErase), Run: w.core.EraseCopies},
		{Name: "fan-out", Next: next(store.JobFanOut), Run: w.core.FanOut},
		{Name: "acks", Next: next(store.JobAckDue), Run: atMost(w.core.Overdue)},
	}, queue.Options{Log: quiet})
	w.store.OnCommit(func([]store.Committed) { runner.Kick() })
	runner.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := runner.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 5 s: %s", what)
}

// person is a user with a key of their own.
type person struct {
	*api.Client
	id string
}

func (w *world) person(t *testing.T, name string) person {
	t.Helper()
	u := must[*api.User](t)(w.admin.CreateUser(t.Context(), api.UserRequest{Name: name, Email: strings.ToLower(name) + "@example.org"}))
	key := must[*api.Key](t)(w.admin.CreateKey(t.Context(), api.KeyRequest{Name: name, User: u.ID, Scopes: scopesOfUsers()}))
	return person{w.client(t, key.Secret), u.ID}
}

// group is a conversation of people.
func (w *world) group(t *testing.T, by person, with ...person) string {
	t.Helper()
	var ids []string
	for _, p := range with {
		ids = append(ids, p.id)
	}
	return must[*api.Conversation](t)(by.CreateConversation(t.Context(), api.ConversationRequest{Kind: api.ConversationGroup, Participants: participants(ids, nil)})).ID
}

func (p person) say(t *testing.T, conversation, text, replyTo string) *api.Message {
	t.Helper()
	return must[*api.Message](t)(p.SendToConversation(t.Context(), conversation, api.SendRequest{Body: api.Text(text), ReplyTo: replyTo}))
}

func textsOf(list []api.Message) (texts []string) {
	for _, m := range list {
		texts = append(texts, m.Text)
	}
	return texts
}

// Replies to replies belong to the thread of the first message, which says how many there are: to each reader those that it
// sees.
func TestThreads(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana, ben, cleo := w.person(t, "Ana"), w.person(t, "Ben"), w.person(t, "Cleo")
	group := w.group(t, ana, ben, cleo)
	root := ana.say(t, group, "root", "")
	first := ben.say(t, group, "first", root.ID)
	second := cleo.say(t, group, "second", first.ID)
	if first.Root != root.ID || second.Root != root.ID || second.ReplyTo != first.ID {
		t.Errorf("%+v\n%+v", first, second)
	}
	if err := w.admin.RemoveParticipant(ctx, group, cleo.id); err != nil {
		t.Fatal(err)
	}
	ana.say(t, group, "third", second.ID)
	ana.say(t, group, "elsewhere", "")
	page := must[*api.List[api.Message]](t)(ana.ListReplies(ctx, second.ID, api.Page{Limit: 2}))
	rest := must[*api.List[api.Message]](t)(ana.ListReplies(ctx, root.ID, api.Page{After: *page.Next}))
	if got := append(textsOf(page.Data), textsOf(rest.Data)...); !slices.Equal(got, []string{"first", "second", "third"}) || rest.Next != nil {
		t.Errorf("the thread: %v", got)
	}
	for who, want := range map[person]int{ana: 3, cleo: 2} {
		m := must[*api.Message](t)(who.GetMessage(ctx, root.ID))
		seen := must[*api.List[api.Message]](t)(who.ListReplies(ctx, root.ID, api.Page{}))
		if m.Replies != want || m.LastReplyAt.IsZero() || len(seen.Data) != want {
			t.Errorf("%d replies since %v, listed %d, want %d", m.Replies, m.LastReplyAt, len(seen.Data), want)
		}
	}
	thread := must[*api.List[api.Message]](t)(ben.ListConversationMessages(ctx, group, api.Page{}))
	if i := slices.IndexFunc(thread.Data, func(m api.Message) bool { return m.ID == root.ID }); thread.Data[i].Replies != 3 {
		t.Errorf("in the conversation: %+v", thread.Data[i])
	}
	_, err := w.admin.SendToConversation(ctx, w.note(t), api.SendRequest{Body: api.Text("x"), ReplyTo: root.ID})
	wantProblem(t, err, 422, "reply-unknown", "replyTo")
	stranger := w.client(t, w.organization(t, "Beta").Key.Token)
	_, err = stranger.ListReplies(ctx, root.ID, api.Page{})
	wantProblem(t, err, 404, "not-found", "")
}

// Members acknowledge by the API; who has not, when the time is up, is told of once.
func TestAcknowledgements(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana, ben, cleo := w.person(t, "Ana"), w.person(t, "Ben"), w.person(t, "Cleo")
	group := w.group(t, ana, ben, cleo)
	ask := func(within int64) *api.Message {
		return must[*api.Message](t)(ana.SendToConversation(ctx, group, api.SendRequest{Body: api.Text("Code blue"), RequestAck: true, AckWithin: within}))
	}
	m := ask(1)
	if m.Acks == nil || m.Acks.Pending != 2 || !m.Acks.Due.Equal(m.SentAt.Add(time.Second)) {
		t.Fatalf("%+v", m.Acks)
	}
	for range 2 {
		if err := ben.Acknowledge(ctx, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	wantProblem(t, ana.Acknowledge(ctx, m.ID), 403, "not-a-recipient", "")
	got := must[*api.Message](t)(ana.GetMessage(ctx, m.ID))
	list := must[*api.List[api.Acknowledgement]](t)(ana.ListAcknowledgements(ctx, m.ID, api.Page{}))
	if got.Acks.Acknowledged != 1 || got.Acks.Pending != 1 || len(list.Data) != 2 || list.Data[0].Recipient.ID != cleo.id || !list.Data[0].At.IsZero() ||
		list.Data[1].Recipient.ID != ben.id || list.Data[1].At.IsZero() {
		t.Errorf("%+v %+v", got.Acks, list.Data)
	}
	done := ask(1)
	for _, who := range []person{ben, cleo} {
		if err := who.Acknowledge(ctx, done.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.work(t)
	overdue := func() (ids []string) {
		for e, err := range ana.Events(ctx, api.EventFilter{Types: []string{"message.unacknowledged"}}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.Data.MessageID)
		}
		return ids
	}
	eventually(t, "it is overdue", func() bool { return len(overdue()) > 0 })
	eventually(t, "no timer is left", func() bool {
		at, err := w.store.Read(ctx).NextDue(store.JobAckDue)
		return err == nil && at.IsZero()
	})
	if got := overdue(); !slices.Equal(got, []string{m.ID}) {
		t.Errorf("overdue are %v", got)
	}
	for field, request := range map[string]api.SendRequest{
		"ackWithin":  {AckWithin: 5},
		"requestAck": {RequestAck: true, Internal: true},
	} {
		request.Body = api.Text("x")
		_, err := ana.SendToConversation(ctx, group, request)
		wantProblem(t, err, 422, "not-allowed", field)
	}
	_, err := w.admin.SendToConversation(ctx, w.note(t), api.SendRequest{Body: api.Text("x"), RequestAck: true})
	wantProblem(t, err, 422, "not-allowed", "requestAck")
}

// Somebody outside acknowledges the last message that asks for it with a word; the organization says which words.
func TestAcknowledgementFromOutside(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	channel := w.sms(t).ID
	w.work(t)
	const ana, ben = "phone:+15550100", "phone:+15550200"
	ask := func(to string, asks bool) *api.Message {
		m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: to}, Body: api.Text("Come in"), RequestAck: asks}))
		eventually(t, "it arrives", func() bool {
			return must[*api.Message](t)(w.admin.GetMessage(ctx, m.ID)).Status == api.Read
		})
		return m
	}
	answer := func(from, text string) {
		must[*api.Message](t)(w.admin.PlayInbound(ctx, api.SandboxInbound{Channel: channel, From: from, Body: api.Text(text)}))
	}
	acks := func(m *api.Message) api.Acks {
		return *must[*api.Message](t)(w.admin.GetMessage(ctx, m.ID)).Acks
	}
	older, newer, others := ask(ana, true), ask(ana, true), ask(ben, true)
	ask(ana, false)
	answer(ana, "I am on my way")
	answer(ana, " Ack. ")
	if a, b, c := acks(older), acks(newer), acks(others); a.Acknowledged != 0 || b.Acknowledged != 1 || b.Pending != 0 || c.Acknowledged != 0 {
		t.Errorf("acknowledged: %+v, %+v, %+v", a, b, c)
	}
	must[*api.Organization](t)(w.admin.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{AckWords: &[]string{"Ja"}}}))
	answer(ana, "1")
	if a := acks(older); a.Acknowledged != 0 {
		t.Errorf("by a word that is none any more: %+v", a)
	}
	answer(ana, "JA")
	if a := acks(older); a.Acknowledged != 1 {
		t.Errorf("by the organization's word: %+v", a)
	}
	list := must[*api.List[api.Interaction]](t)(w.admin.ListInteractions(ctx, newer.ID, api.Page{}))
	if last := list.Data[len(list.Data)-1]; last.Kind != api.InteractionAcknowledged || last.Actor.Kind != "contact" {
		t.Errorf("%+v", list.Data)
	}
	people := must[*api.List[api.Acknowledgement]](t)(w.admin.ListAcknowledgements(ctx, newer.ID, api.Page{}))
	if len(people.Data) != 1 || people.Data[0].At.IsZero() || people.Data[0].Address != ana {
		t.Errorf("%+v", people.Data)
	}
	_, err := w.admin.PatchOrganization(ctx, api.OrganizationPatch{Policy: &api.PolicyPatch{AckWords: &[]string{" x"}}})
	wantProblem(t, err, 422, "required", "policy.ackWords[0]")
}

// Each message of a batch is accepted or refused by itself, and a repeat sends what was not sent before.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana, ben := w.person(t, "Ana"), w.person(t, "Ben")
	group := w.group(t, ana, ben)
	to := func(c string, text string) string {
		return fmt.Sprintf(`{"to":{"conversation":"%s"},"body":"%s"}`, c, text)
	}
	body := `{"messages":[` + strings.Join([]string{to(group, "one"), `{"to":{"user":"` + ben.id + `"},"body":"two","priority":"odd"}`, to("absent", "three"),
		`{"to":{"user":"` + ben.id + `"},"body":"four","idempotencyKey":"own"}`, to(group, "five")}, ",") + `]}`
	key := must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "k2", User: ana.id, Scopes: scopesOfUsers()})).Secret
	post := func(body string, headers ...string) (*http.Response, api.Batch) {
		answer, text := w.raw(t, http.MethodPost, "/v1/messages/batch", key, body, headers...)
		var b api.Batch
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err, text)
		}
		return answer, b
	}
	answer, b := post(body, "Idempotency-Key", "k")
	var statuses []int
	for _, r := range b.Results {
		statuses = append(statuses, r.Status)
	}
	if answer.StatusCode != 200 || !slices.Equal(statuses, []int{202, 422, 422, 202, 202}) {
		t.Fatalf("%d: %v", answer.StatusCode, statuses)
	}
	if p := b.Results[1].Problem; p.Code != "value-unknown" || p.Errors[0].Field != "priority" {
		t.Errorf("%+v", p)
	}
	if p := b.Results[2].Problem; p.Code != "conversation-unknown" || p.Errors[0].Field != "to.conversation" {
		t.Errorf("%+v", p)
	}
	listed := must[*api.List[api.Message]](t)(ana.ListMessages(ctx, api.MessageFilter{Batch: b.ID}))
	if got := textsOf(listed.Data); len(got) != 3 || b.Results[0].Message.Sequence != 1 || b.Results[4].Message.Sequence != 2 {
		t.Errorf("of the batch: %v", got)
	}
	_, again := post(body, "Idempotency-Key", "k")
	if again.ID != b.ID || !again.Results[0].Replayed || again.Results[0].Message.ID != b.Results[0].Message.ID || !again.Results[3].Replayed {
		t.Errorf("%+v", again)
	}
	_, own := post(`{"messages":[{"to":{"user":"` + ben.id + `"},"body":"four","idempotencyKey":"own"}]}`)
	if own.ID == b.ID || !own.Results[0].Replayed || own.Results[0].Message.Batch != b.ID {
		t.Errorf("with a key of its own: %+v", own)
	}
	other, _ := w.raw(t, http.MethodPost, "/v1/messages/batch", key, `{"messages":[`+to(group, "x")+`]}`, "Idempotency-Key", "k")
	if other.StatusCode != 422 {
		t.Errorf("another body: %d", other.StatusCode)
	}
	for _, wrong := range []string{`{"messages":[]}`, `{"messages":{}}`, `{"messages":[{}],"x":1}`, `{}`, `{"messages":[` + strings.Repeat("{},", 100) + `{}]}`} {
		if answer, text := w.raw(t, http.MethodPost, "/v1/messages/batch", key, wrong); answer.StatusCode != 422 {
			t.Errorf("%.40s: %d %s", wrong, answer.StatusCode, text)
		}
	}
	seen := must[*api.List[api.Message]](t)(ana.ListConversationMessages(ctx, group, api.Page{}))
	if got := textsOf(seen.Data); !slices.Equal(got, []string{"five", "one"}) {
		t.Errorf("in the conversation: %v", got)
	}
}

// A forward holds a copy, says of what, and loses what its source loses.
func TestForward(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.sms(t)
	ana, ben, cleo := w.person(t, "Ana"), w.person(t, "Ben"), w.person(t, "Cleo")
	group := w.group(t, ana, ben)
	parts := api.Body{{Kind: api.PartText, Text: "lab: 4.2"}, {Kind: api.PartText, Text: "born 1950"}}
	source := must[*api.Message](t)(ana.SendToConversation(ctx, group, api.SendRequest{Body: parts, TTL: 3600}))
	var answer api.Answer
	forward := func(by person, id string, to api.Recipient) *api.Message {
		return must[*api.Message](t)(by.ForwardMessage(ctx, id, api.SendRequest{To: to, Body: api.Text("FYI")}, api.IdempotencyKey(id+to.User+to.Address), api.WithAnswer(&answer)))
	}
	f := forward(ben, source.ID, api.Recipient{User: cleo.id})
	again := forward(ben, source.ID, api.Recipient{User: cleo.id})
	if again.ID != f.ID || !answer.Replayed {
		t.Errorf("repeated: %+v %+v", again, answer)
	}
	if f.Text != "FYI\nlab: 4.2\nborn 1950" || f.Forward == nil || f.Forward.MessageID != source.ID || f.Forward.Author.ID != ana.id || f.Forward.Own != 1 ||
		f.ExpiresAt.IsZero() || f.ExpiresAt.After(source.ExpiresAt.Time) {
		t.Errorf("%+v %+v", f, f.Forward)
	}
	second := forward(cleo, f.ID, api.Recipient{Address: "phone:+15550100"})
	_, err := cleo.ForwardMessage(ctx, source.ID, api.SendRequest{To: api.Recipient{User: ana.id}})
	wantProblem(t, err, 404, "not-found", "")
	_, err = ben.ForwardMessage(ctx, source.ID, api.SendRequest{To: api.Recipient{User: ana.id}, SendAt: api.NewTime(time.Now().Add(time.Hour))})
	wantProblem(t, err, 422, "not-allowed", "sendAt")
	gone := ana.say(t, group, "secret", "")
	must[*api.Message](t)(ana.RecallMessage(ctx, gone.ID))
	_, err = ben.ForwardMessage(ctx, gone.ID, api.SendRequest{To: api.Recipient{User: ana.id}})
	wantProblem(t, err, 409, "content-removed", "")

	w.work(t)
	redacted := must[*api.Message](t)(ana.RedactMessage(ctx, source.ID, api.RedactRequest{Parts: []int{1}}))
	if redacted.Text != "lab: 4.2" || redacted.Redacted == nil || redacted.Redacted.Parts != 1 || redacted.Redacted.By.ID != ana.id {
		t.Errorf("%+v %+v", redacted, redacted.Redacted)
	}
	text := func(m *api.Message, want string) func() bool {
		return func() bool { return must[*api.Message](t)(w.admin.GetMessage(ctx, m.ID)).Text == want }
	}
	eventually(t, "the forward loses a part", text(f, "FYI\nlab: 4.2"))
	eventually(t, "the forward of the forward too", text(second, "FYI\nFYI\nlab: 4.2"))
	must[*api.Message](t)(ana.RecallMessage(ctx, source.ID))
	eventually(t, "the forward goes", text(f, ""))
	eventually(t, "the forward of the forward goes", text(second, ""))
	if m := must[*api.Message](t)(w.admin.GetMessage(ctx, second.ID)); m.Removed == nil || m.Removed.Reason != api.RemovedRecalled || m.Removed.By.ID != ana.id {
		t.Errorf("%+v", m.Removed)
	}
}

// Its author edits a message between members; what it said is kept for those who see it, and goes with it.
func TestEdit(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.sms(t)
	ana, ben := w.person(t, "Ana"), w.person(t, "Ben")
	group := w.group(t, ana, ben)
	m := ana.say(t, group, "5 mg", "")
	edit := func(by *api.Client, id, text string) (*api.Message, error) {
		return by.EditMessage(ctx, id, api.MessagePatch{Body: api.Text(text)})
	}
	before := w.latest(t)
	edited := must[*api.Message](t)(edit(ana.Client, m.ID, "50 mg"))
	must[*api.Message](t)(edit(ana.Client, m.ID, "0.5 mg"))
	if edited.Text != "50 mg" || edited.Edits != 1 || edited.EditedAt.IsZero() || edited.Sequence != m.Sequence {
		t.Errorf("%+v", edited)
	}
	page := must[*api.EventPage](t)(ben.ListEvents(ctx, api.EventFilter{After: api.AfterEvent(before)}))
	if len(page.Data) != 2 || page.Data[1].Type != api.EventMessageEdited || page.Data[1].Data.Message.Text != "0.5 mg" {
		t.Errorf("told: %+v", page.Data)
	}
	versions := must[*api.List[api.MessageVersion]](t)(ben.ListVersions(ctx, m.ID, api.Page{}))
	if len(versions.Data) != 2 || versions.Data[0].Body[0].Text != "5 mg" || versions.Data[1].Body[0].Text != "50 mg" || versions.Data[0].Editor.ID != ana.id {
		t.Errorf("before: %+v", versions.Data)
	}
	_, err := edit(ben.Client, m.ID, "x")
	wantProblem(t, err, 403, "not-the-author", "")
	_, err = edit(ana.Client, m.ID, "")
	wantProblem(t, err, 422, "required", "body")
	outside := must[*api.Message](t)(w.admin.Send(ctx, toPhone("hello")))
	_, err = edit(w.admin, outside.ID, "x")
	wantProblem(t, err, 422, "edit-unsupported", "id")
	note := must[*api.Message](t)(w.admin.SendToConversation(ctx, outside.ConversationID, api.SendRequest{Body: api.Text("calm"), Internal: true}))
	if got := must[*api.Message](t)(edit(w.admin, note.ID, "angry")); got.Text != "angry" {
		t.Errorf("a note: %+v", got)
	}
	must[*api.Message](t)(ana.RecallMessage(ctx, m.ID))
	if left := must[*api.List[api.MessageVersion]](t)(ben.ListVersions(ctx, m.ID, api.Page{})); len(left.Data) != 0 {
		t.Errorf("after recalling: %+v", left.Data)
	}
	_, err = edit(ana.Client, m.ID, "x")
	wantProblem(t, err, 409, "content-removed", "")
	last := ben.say(t, group, "bye", "")
	if err := w.admin.RemoveParticipant(ctx, group, ben.id); err != nil {
		t.Fatal(err)
	}
	_, err = edit(ben.Client, last.ID, "x")
	wantProblem(t, err, 403, "not-a-participant", "")
}

// What is redacted is gone for everybody, with its files, where it is waiting to be sent and in copies too.
func TestRedact(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.sms(t)
	chat := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Chat", Connector: "sandbox", Platform: "chat", Default: true}))
	file := must[*api.Media](t)(w.admin.UploadMedia(ctx, "scan.txt", "", strings.NewReader("scan")))
	m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "chat:ana", Channel: chat.ID}, Attachments: []string{file.ID},
		Body: api.Body{{Kind: api.PartText, Text: "one"}, {Kind: api.PartText, Text: "two"}}}))
	for field, what := range map[string]api.RedactRequest{"parts[0]": {Parts: []int{2}}, "attachments[0]": {Attachments: []string{"absent"}}} {
		_, err := w.admin.RedactMessage(ctx, m.ID, what)
		wantProblem(t, err, 422, "", field)
	}
	got := must[*api.Message](t)(w.admin.RedactMessage(ctx, m.ID, api.RedactRequest{Attachments: []string{file.ID}}))
	if got.Text != "one\ntwo" || len(got.Attachments) != 0 || got.Redacted.Attachments != 1 || got.Removed != nil {
		t.Errorf("%+v %+v", got, got.Redacted)
	}
	w.work(t)
	eventually(t, "what is left is sent", func() bool {
		page := must[*api.List[api.SandboxMessage]](t)(w.admin.ListSandboxMessages(ctx, api.SandboxFilter{Message: m.ID}))
		return len(page.Data) == 1 && page.Data[0].Text == "one\ntwo" && len(page.Data[0].Files) == 0
	})
	got = must[*api.Message](t)(w.admin.RedactMessage(ctx, m.ID, api.RedactRequest{}))
	if got.Removed == nil || got.Removed.Reason != api.RemovedRedacted || got.Removed.By.ID == "" || got.Text != "" {
		t.Errorf("%+v %+v", got, got.Removed)
	}
	_, err := w.admin.RedactMessage(ctx, m.ID, api.RedactRequest{})
	wantProblem(t, err, 409, "content-removed", "")

	ana, ben := w.person(t, "Ana"), w.person(t, "Ben")
	list := must[*api.Broadcast](t)(w.admin.CreateBroadcast(ctx, api.BroadcastRequest{Name: "All"}))
	must[*api.Broadcast](t)(w.admin.AddBroadcastMembers(ctx, list.ID, api.BroadcastMembers{Users: []string{ben.id}}))
	sent := must[*api.Message](t)(ana.Send(ctx, api.SendRequest{To: api.Recipient{Broadcast: list.ID}, Body: api.Body{{Kind: api.PartText, Text: "one"}, {Kind: api.PartText, Text: "two"}}}))
	_, err = ben.RedactMessage(ctx, sent.ID, api.RedactRequest{})
	wantProblem(t, err, 404, "not-found", "")
	must[*api.Message](t)(ana.RedactMessage(ctx, sent.ID, api.RedactRequest{Parts: []int{0}}))
	eventually(t, "the copy loses it too", func() bool {
		copies := must[*api.List[api.Message]](t)(ben.ListMessages(ctx, api.MessageFilter{Parent: sent.ID}))
		return len(copies.Data) == 1 && copies.Data[0].Text == "two"
	})
	copies := must[*api.List[api.Message]](t)(ben.ListMessages(ctx, api.MessageFilter{Parent: sent.ID}))
	_, err = ben.RedactMessage(ctx, copies.Data[0].ID, api.RedactRequest{})
	wantProblem(t, err, 403, "not-the-author", "")
}

// Several receivers get one message on one channel, in one conversation of those that everybody sees; a blind copy is seen
// by nobody outside.
func TestReceivers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	mail := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true}))
	w.sms(t)
	ana := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Ana", Addresses: []api.Address{{Kind: "email", Value: "ana@example.org"}}}))
	list := []api.Receiver{{Role: api.ReceiverBCC, Address: "email:boss@example.org"}, {Contact: ana.ID}, {Role: api.ReceiverCC, Address: "email:retry@example.org"}, {Address: "email:ben@example.org"}}
	send := func(to ...api.Receiver) (*api.Message, error) {
		return w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Receivers: to}, Body: api.Text("hello")})
	}
	m := must[*api.Message](t)(send(list...))
	if m.Counts.Queued != 4 {
		t.Errorf("%+v", m)
	}
	c := must[*api.Conversation](t)(w.admin.GetConversation(ctx, m.ConversationID))
	var part []string
	for _, p := range c.Participants {
		part = append(part, p.Address)
	}
	slices.Sort(part)
	if want := []string{"email:ana@example.org", "email:ben@example.org", "email:retry@example.org"}; !slices.Equal(part, want) {
		t.Errorf("take part: %v", part)
	}
	w.work(t)
	handed := func(id string) (all []string) {
		page := must[*api.List[api.SandboxMessage]](t)(w.admin.ListSandboxMessages(ctx, api.SandboxFilter{Message: id}))
		for _, h := range page.Data {
			all = append(all, fmt.Sprintf("%s as %s shown %v %s", h.To, h.Role, h.Shown, h.Outcome))
		}
		slices.Sort(all)
		return all
	}
	const shown = "[email:ana@example.org email:ben@example.org cc email:retry@example.org]"
	want := []string{"email:ana@example.org as to shown " + shown + " accepted", "email:ben@example.org as to shown " + shown + " accepted",
		"email:boss@example.org as bcc shown " + shown + " accepted", "email:retry@example.org as cc shown " + shown + " retry"}
	eventually(t, "all were called", func() bool { return len(handed(m.ID)) == 4 })
	if got := handed(m.ID); !slices.Equal(got, want) {
		t.Errorf("handed on:\n%s", strings.Join(got, "\n"))
	}
	roles := map[string]string{}
	for _, d := range must[*api.List[api.Delivery]](t)(w.admin.ListDeliveries(ctx, m.ID, api.Page{})).Data {
		roles[d.Address] = string(d.Role) + " " + string(d.Status)
	}
	if roles["email:boss@example.org"] != "bcc read" || roles["email:retry@example.org"] != "cc queued" || roles["email:ben@example.org"] != "to read" {
		t.Errorf("deliveries: %v", roles)
	}
	// The same receivers are one conversation, whoever gets a blind copy; others another.
	if again := must[*api.Message](t)(send(list[3], list[2], list[1])); again.ConversationID != m.ConversationID {
		t.Error("the same receivers are another conversation")
	}
	if alone := must[*api.Message](t)(send(list[1], list[0])); alone.ConversationID == m.ConversationID {
		t.Error("one of them is the conversation of all")
	}
	// Who got a blind copy and answers is in a conversation of its own.
	answer := must[*api.Message](t)(w.admin.PlayInbound(ctx, api.SandboxInbound{Channel: mail.ID, From: "email:boss@example.org", Body: api.Text("good"), ReplyTo: m.ID}))
	others := must[*api.Message](t)(w.admin.PlayInbound(ctx, api.SandboxInbound{Channel: mail.ID, From: "email:ben@example.org", Body: api.Text("ok"), ReplyTo: m.ID}))
	if answer.ConversationID == m.ConversationID || others.ConversationID != m.ConversationID || others.ReplyTo != m.ID {
		t.Errorf("answers: %+v %+v", answer, others)
	}
	reply := must[*api.Message](t)(w.admin.SendToConversation(ctx, m.ConversationID, api.SendRequest{Body: api.Text("to all")}))
	if reply.Counts.Queued != 3 {
		t.Errorf("a reply to all: %+v", reply.Counts)
	}
	for _, wrong := range []struct {
		code, field string
		to          []api.Receiver
	}{
		{"copies-unsupported", "to[1].role", []api.Receiver{{Address: "phone:+15550100"}, {Role: api.ReceiverCC, Address: "phone:+15550101"}}},
		{"duplicate", "to[1]", []api.Receiver{{Contact: ana.ID}, {Role: api.ReceiverBCC, Address: "email:ana@example.org"}}},
		{"recipient-required", "to", []api.Receiver{{Role: api.ReceiverCC, Contact: ana.ID}}},
		{"recipient-required", "to[0]", []api.Receiver{{}}},
		{"contact-unknown", "to[1].contact", []api.Receiver{{Contact: ana.ID}, {Contact: "absent"}}},
		{"address-kind", "to[1].address", []api.Receiver{{Contact: ana.ID}, {Address: "phone:+15550100"}}},
		{"channel-differs", "to[1].channel", []api.Receiver{{Contact: ana.ID, Channel: mail.ID}, {Contact: ana.ID, Channel: "other"}}},
	} {
		_, err := send(wrong.to...)
		wantProblem(t, err, 422, wrong.code, wrong.field)
	}
	texts := must[*api.Message](t)(send(api.Receiver{Address: "phone:+15550101"}, api.Receiver{Address: "phone:+15550100"}))
	turned := must[*api.Message](t)(send(api.Receiver{Address: "phone:+15550100"}, api.Receiver{Address: "phone:+15550101"}))
	if texts.ConversationID != turned.ConversationID || texts.Counts.Queued != 2 {
		t.Errorf("%+v %+v", texts, turned)
	}
}

// A scheduled message to several goes to all of them, each as it was to be.
func TestReceiversLater(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Mail", Connector: "sandbox", Platform: "email", Default: true}))
	m := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{SendAt: api.NewTime(time.Now().Add(300 * time.Millisecond)), Body: api.Text("hello"),
		To: api.Recipient{Receivers: []api.Receiver{{Address: "email:ana@example.org"}, {Role: api.ReceiverBCC, Address: "email:boss@example.org"}}}}))
	w.work(t)
	eventually(t, "it is read", func() bool { return must[*api.Message](t)(w.admin.GetMessage(ctx, m.ID)).Counts.Read == 2 })
	deliveries := must[*api.List[api.Delivery]](t)(w.admin.ListDeliveries(ctx, m.ID, api.Page{})).Data
	if deliveries[0].Role != api.ReceiverTo || deliveries[1].Role != api.ReceiverBCC || deliveries[0].ConversationID != m.ConversationID {
		t.Errorf("%+v", deliveries)
	}
}
