package native_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-server/parley/api"
)

// did is an interaction as a test compares it.
func did(i *api.Interaction) string {
	return fmt.Sprintf("%s %s %s%s%s %d", i.Kind, i.Actor.Name, i.Action, i.URL, i.Emoji, i.Times)
}

// interactions are what was done with a message besides delivering and reading it, page by page.
func interactions(t *testing.T, c *api.Client, message string) []string {
	t.Helper()
	var all []string
	for after := ""; ; {
		page := must[*api.List[api.Interaction]](t)(c.ListInteractions(t.Context(), message, api.Page{Limit: 2, After: after}))
		for i := range page.Data {
			if k := page.Data[i].Kind; k != api.InteractionDelivered && k != api.InteractionRead {
				all = append(all, did(&page.Data[i]))
			}
		}
		if page.Next == nil {
			return all
		}
		after = *page.Next
	}
}

// A recipient opens a message, clicks and reacts; choosing an answer is a message that answers.
func TestInteractions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	chat := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Chat", Connector: "sandbox", Platform: "chat"}))
	yan := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Yan", Addresses: []api.Address{{Kind: "chat", Value: "yan"}}}))
	sent := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Contact: yan.ID, Channel: chat.ID}, Body: api.Body{{Kind: api.PartText, Text: "Come?",
		Actions: []api.Action{{Kind: api.ActionPostback, Text: "Yes", Payload: "yes:1"}, {ID: "map", Kind: api.ActionLink, Text: "Map", URL: "https://example.org/m"}}}}}))
	play := func(i api.SandboxInteraction) *api.Interaction {
		i.Message = sent.ID
		return must[*api.Interaction](t)(w.admin.PlayInteraction(ctx, i))
	}
	play(api.SandboxInteraction{Kind: api.InteractionOpened})
	play(api.SandboxInteraction{Kind: api.InteractionOpened, From: "chat:yan"})
	if got := play(api.SandboxInteraction{Kind: api.InteractionClicked, Action: "map"}); got.URL != "https://example.org/m" || got.Actor.ID != yan.ID || got.Address != "chat:yan" {
		t.Errorf("the click is %+v", got)
	}
	play(api.SandboxInteraction{Kind: api.InteractionClicked, URL: "https://example.org/else"})
	play(api.SandboxInteraction{Kind: api.InteractionReacted, Emoji: "👍"})
	play(api.SandboxInteraction{Kind: api.InteractionReacted, Emoji: "👍"}) // is one
	play(api.SandboxInteraction{Kind: api.InteractionReacted, Emoji: "😡"})
	play(api.SandboxInteraction{Kind: api.InteractionReacted, Emoji: "😡", Removed: true})
	answer := must[*api.Message](t)(w.admin.PlayInbound(ctx, api.SandboxInbound{Contact: yan.ID, Channel: chat.ID, ReplyTo: sent.ID, Action: "1"}))
	if answer.Text != "Yes" || answer.ReplyTo != sent.ID || answer.Click == nil || *answer.Click != (api.Click{Action: "1", Payload: "yes:1"}) || answer.ConversationID != sent.ConversationID {
		t.Errorf("the answer is %+v", answer)
	}
	want := []string{"opened Yan  2", "clicked Yan maphttps://example.org/m 1", "clicked Yan https://example.org/else 1", "reacted Yan 👍 0", "clicked Yan 1 1"}
	got := interactions(t, w.admin, sent.ID)
	slices.Sort(got) // some are of one millisecond
	slices.Sort(want)
	same(t, "the interactions", got, want)
	same(t, "the reactions", must[*api.Message](t)(w.admin.GetMessage(ctx, sent.ID)).Reactions, map[string]int{"👍": 1})

	_, err := w.admin.PlayInteraction(ctx, api.SandboxInteraction{Message: sent.ID, Kind: api.InteractionClicked, Action: "none"})
	wantProblem(t, err, 422, "action-unknown", "")
	_, err = w.admin.PlayInteraction(ctx, api.SandboxInteraction{Message: sent.ID, Kind: api.InteractionClicked})
	wantProblem(t, err, 422, "action-required", "")
	_, err = w.admin.PlayInteraction(ctx, api.SandboxInteraction{Message: sent.ID, Kind: api.InteractionOpened, From: "chat:zoe"})
	wantProblem(t, err, 422, "recipient-unknown", "")
	_, err = w.admin.PlayInteraction(ctx, api.SandboxInteraction{Message: yan.ID, Kind: api.InteractionOpened})
	wantProblem(t, err, 422, "message-unknown", "")
	_, err = w.admin.PlayInbound(ctx, api.SandboxInbound{Contact: yan.ID, Channel: chat.ID, ReplyTo: sent.ID, Action: "map"})
	wantProblem(t, err, 422, "action-unknown", "")

	// Two contacts that turn out to be one have done together what each did.
	zed := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Zed"}))
	must[*api.Contact](t)(w.admin.MergeContact(ctx, yan.ID, api.ContactMerge{Into: zed.ID}))
	for _, i := range must[*api.List[api.Interaction]](t)(w.admin.ListInteractions(ctx, sent.ID, api.Page{})).Data {
		if i.Actor.ID != zed.ID {
			t.Errorf("after merging, by %+v", i.Actor)
		}
	}
	must[*api.Message](t)(w.admin.RecallMessage(ctx, sent.ID))
	if got := interactions(t, w.admin, sent.ID); len(got) > 0 {
		t.Errorf("after the recall: %v", got)
	}
	_, err = w.admin.PlayInteraction(ctx, api.SandboxInteraction{Message: sent.ID, Kind: api.InteractionOpened})
	wantProblem(t, err, 409, "content-removed", "")
}

// Members react to what they see, each once with a thing, and take back what is theirs.
func TestReactions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Email: "bo@example.org"}))
	cy := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Cy", Email: "cy@example.org"}))
	key := func(u *api.User, scopes ...string) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: u.Name, User: u.ID, Scopes: append(scopes, "messages:read", "events:read")})).Secret)
	}
	anas, bos, cys := key(ana, "messages:send", "messages:delete"), key(bo, "messages:send"), key(cy, "messages:send")
	sent := must[*api.Message](t)(anas.Send(ctx, api.SendRequest{To: api.Recipient{User: bo.ID}, Body: api.Text("hello")}))
	react := func(c *api.Client, emoji string) *api.Message {
		return must[*api.Message](t)(c.React(ctx, sent.ID, emoji))
	}
	react(bos, "👍")
	react(bos, "👍")
	react(anas, "👍")
	got := react(anas, "🎉/#?")
	same(t, "the reactions", got.Reactions, map[string]int{"👍": 2, "🎉/#?": 1})
	if err := bos.Unreact(ctx, sent.ID, "🎉/#?"); err != nil {
		t.Error(err)
	}
	if err := anas.Unreact(ctx, sent.ID, "👍"); err != nil {
		t.Error(err)
	}
	same(t, "the reactions, some taken back", must[*api.Message](t)(bos.GetMessage(ctx, sent.ID)).Reactions, map[string]int{"👍": 1, "🎉/#?": 1})
	want := []string{"reacted Bo 👍 0", "reacted Ana 🎉/#? 0"}
	all := interactions(t, bos, sent.ID)
	slices.Sort(all)
	slices.Sort(want)
	same(t, "who reacted", all, want)

	_, err := cys.React(ctx, sent.ID, "👍")
	wantProblem(t, err, 404, "not-found", "")
	_, err = key(bo).React(ctx, sent.ID, "👍")
	wantProblem(t, err, 403, "scope-required", "")
	_, err = bos.React(ctx, sent.ID, "a b")
	wantProblem(t, err, 422, "emoji-invalid", "")
	for i := range 98 {
		react(bos, fmt.Sprint("e", i))
	}
	_, err = bos.React(ctx, sent.ID, "one-more")
	wantProblem(t, err, 409, "reactions-full", "")
	must[*api.Message](t)(anas.RecallMessage(ctx, sent.ID))
	_, err = bos.React(ctx, sent.ID, "👍")
	wantProblem(t, err, 409, "content-removed", "")
	if m := must[*api.Message](t)(bos.GetMessage(ctx, sent.ID)); len(m.Reactions) > 0 {
		t.Errorf("the reactions to what is gone: %v", m.Reactions)
	}
	var kinds []string
	for _, e := range must[*api.EventPage](t)(bos.ListEvents(ctx, api.EventFilter{Types: []string{"interaction.created", "interaction.removed"}, Limit: 10})).Data {
		kinds = append(kinds, string(e.Type))
	}
	same(t, "the events", kinds[:6], []string{"interaction.created", "interaction.created", "interaction.created", "interaction.removed", "interaction.created", "interaction.created"})
}
