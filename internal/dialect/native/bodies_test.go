package native_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

// upload puts a file in and returns its id.
func upload(t *testing.T, c *api.Client, name, content string) string {
	t.Helper()
	return must[*api.Media](t)(c.UploadMedia(t.Context(), name, "", strings.NewReader(content))).ID
}

const onePixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

// everything is a body with every kind of part that goes outside.
func everything(media, user string) api.Body {
	file := api.File{Media: media, Alt: "a dot"}
	yes := api.Action{ID: "yes", Kind: api.ActionReply, Text: "Yes", Description: "I come", Image: &file}
	return api.Body{
		{Kind: api.PartText, Text: "Hello", Actions: []api.Action{{Kind: api.ActionLink, Text: "Map", URL: "https://example.org/map"}, yes}},
		api.HTML("<b>Hello</b>"),
		{Kind: api.PartImage, Text: "Look", Files: []api.File{file, {URL: "https://example.org/i.png", ContentType: "image/png", Name: "i.png"}}},
		{Kind: api.PartFile, Files: []api.File{{Media: media, Name: "plan.gif", Animated: true}}, Hints: map[string]string{"telegram.parseMode": "Markdown"}},
		{Kind: api.PartGIF, Files: []api.File{file}},
		{Kind: api.PartLocation, Latitude: new(48.5), Longitude: new(-9.25), Label: "Harbour", Address: "Quay 1"},
		{Kind: api.PartCarousel, Text: "Ours", Items: []api.Item{{Title: "One", Text: "first", File: &file, Actions: []api.Action{{Kind: api.ActionPhone, Text: "Call", Phone: "+15550100"}}}}},
		{Kind: api.PartOptions, Title: "Lunch", Button: "choose", ChosenText: "you chose", ChosenTitle: "Lunch", Items: []api.Item{{Title: "Hot",
			Actions: []api.Action{{Kind: api.ActionPostback, Text: "Soup", Payload: "soup:1"}}}}},
		{Kind: api.PartSection, Hints: map[string]string{"default": "x"}, Parts: api.Body{{Kind: api.PartText, Text: "inner"}, {Kind: api.PartGIF, Files: []api.File{file}}}},
		{Kind: api.PartOTP, Text: "Code:", Code: "1234", CodeTTL: 600, Warning: true, Actions: []api.Action{{Kind: api.ActionBuy, Text: "Pay", Amount: 5, Currency: "EUR"}}},
		{Kind: api.PartMention, Who: &api.Actor{Kind: api.ActorUser, ID: user}},
	}
}

// Every kind of part comes out as it went in, with what is known of files, people and actions filled in.
func TestPartsComeBack(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	chat := must[*api.Channel](t)(w.admin.CreateChannel(ctx, api.ChannelRequest{Name: "Chat", Connector: "sandbox", Platform: "chat"}))
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	media := upload(t, w.admin, "dot.gif", onePixel)
	sent := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "chat:x", Channel: chat.ID}, Body: everything(media, ana.ID)}))
	want := everything(media, ana.ID)
	eachFile(want, func(f *api.File) {
		if f.Media != "" {
			f.ContentType, f.Size = "image/gif", int64(len(onePixel))
			if f.Name == "" {
				f.Name = "dot.gif"
			}
		}
	})
	want[0].Actions[0].ID, want[6].Items[0].Actions[0].ID, want[7].Items[0].Actions[0].ID, want[9].Actions[0].ID = "1", "2", "3", "4"
	want[10].Who.Name = "Ana"
	same(t, "what was answered", sent.Body, want)
	same(t, "what is read", must[*api.Message](t)(w.admin.GetMessage(ctx, sent.ID)).Body, want)
	page := must[*api.List[api.Message]](t)(w.admin.ListMessages(ctx, api.MessageFilter{Channel: chat.ID}))
	same(t, "what is listed", page.Data[0].Body, want)
	if sent.AsText != nil {
		t.Errorf("chat carries all, but %v went as text", sent.AsText)
	}
	again := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "chat:x", Channel: chat.ID}, Body: sent.Body}))
	same(t, "what was read and sent again", again.Body, want)
}

func eachFile(body api.Body, f func(*api.File)) {
	for i := range body {
		for j := range body[i].Files {
			f(&body[i].Files[j])
		}
		for j := range body[i].Items {
			if body[i].Items[j].File != nil {
				f(body[i].Items[j].File)
			}
		}
		for j := range body[i].Actions {
			if body[i].Actions[j].Image != nil {
				f(body[i].Actions[j].Image)
			}
		}
		eachFile(body[i].Parts, f)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := must[[]byte](t)(json.Marshal(got)), must[[]byte](t)(json.Marshal(want))
	if !bytes.Equal(g, w) {
		t.Errorf("%s: %s\nwant %s", what, g, w)
	}
}

// What a platform does not carry goes as text, and the message says so; what cannot is refused.
func TestPartsAsText(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	sms := w.sms(t)
	media := upload(t, w.admin, "dot.gif", onePixel)
	to := api.Recipient{Address: "phone:+15550100", Channel: sms.ID}
	body := api.Body{{Kind: api.PartText, Text: "Lunch?", Actions: []api.Action{{Kind: api.ActionReply, Text: "Yes"}}}, {Kind: api.PartText, Text: "Bo"},
		{Kind: api.PartImage, Files: []api.File{{Media: media}}, Fallback: "(see our web site)"}}
	sent := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: to, Body: body}))
	same(t, "which went as text", sent.AsText, []int{0, 2})
	same(t, "which did, read again", must[*api.Message](t)(w.admin.GetMessage(ctx, sent.ID)).AsText, []int{0, 2})
	if sent.Body[2].Kind != api.PartImage || sent.Text != "Lunch?\nBo\n(see our web site)" {
		t.Errorf("the message is %+v", sent)
	}
	for _, c := range []struct {
		body        api.Body
		field, code string
	}{
		{api.Body{{Kind: api.PartText, Text: "x"}, {Kind: api.PartImage, Files: []api.File{{Media: media}}}}, "body[1]", "part-unsupported"},
		{api.Body{{Kind: api.PartPage, Who: &api.Actor{Kind: api.ActorUser, ID: sent.Author.ID}}}, "body[0]", "part-unsupported"},
		{api.Body{{Kind: api.PartMention, Who: &api.Actor{Kind: api.ActorUser, ID: "nobody"}}}, "body[0].who.id", "who-unknown"},
		{api.Body{{Kind: api.PartSection, Parts: api.Body{{Kind: api.PartFile, Files: []api.File{{Media: "nothing"}}}}}}, "body[0].parts[0].files[0].media", "media-unknown"},
		{api.Body{{Kind: api.PartCarousel, Items: []api.Item{{Title: strings.Repeat("x", 1001)}}}}, "body[0].items[0].title", "too-long"},
		{api.Body{{Kind: api.PartHTML, Text: strings.Repeat("x", 1601)}}, "body[0]", "too-long"},
	} {
		_, err := w.admin.Send(ctx, api.SendRequest{To: to, Body: c.body})
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Status != 422 || len(refused.Errors) != 1 || refused.Errors[0].Field != c.field || refused.Errors[0].Code != c.code {
			t.Errorf("%+v: %v, want %s of %s", c.body, err, c.code, c.field)
		}
	}
	page := must[*api.Message](t)(w.admin.SendToConversation(ctx, sent.ConversationID, api.SendRequest{Internal: true,
		Body: api.Body{{Kind: api.PartText, Text: "Look, "}, {Kind: api.PartPage, Who: &api.Actor{Kind: api.ActorOrganization}}}}))
	if page.Text != "Look, @Alpha" {
		t.Errorf("a page in a note reads %q", page.Text)
	}
}

// A file of a part is kept and shown as an attachment is: to whoever sees the message, until its content goes.
func TestFilesOfParts(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Email: "bo@example.org"}))
	key := func(u *api.User) *api.Client {
		return w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: u.Name, User: u.ID, Scopes: []string{"messages:read", "messages:send", "messages:delete", "media:read", "media:write"}})).Secret)
	}
	anas, bos := key(ana), key(bo)
	media := upload(t, anas, "dot.gif", onePixel)
	body := api.Body{{Kind: api.PartCarousel, Items: []api.Item{{Title: "x", File: &api.File{Media: media}}}}}
	if _, err := bos.GetMedia(ctx, media); !isStatus(err, 404) {
		t.Errorf("before it is sent, Bo gets %v", err)
	}
	if _, err := bos.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, Body: body}); !isStatus(err, 422) {
		t.Errorf("Bo sends a file of Ana's: %v", err)
	}
	sent := must[*api.Message](t)(anas.Send(ctx, api.SendRequest{To: api.Recipient{User: bo.ID}, Body: body}))
	content := must[*api.Content](t)(bos.DownloadMedia(ctx, media))
	if got := must[[]byte](t)(io.ReadAll(content)); string(got) != onePixel {
		t.Errorf("Bo downloads %q", got)
	}
	_ = content.Close()
	if err := anas.DeleteMedia(ctx, media); !isStatus(err, 409) {
		t.Errorf("a file that was sent is deleted: %v", err)
	}
	must[*api.Message](t)(anas.RecallMessage(ctx, sent.ID))
	if _, err := bos.GetMedia(ctx, media); !isStatus(err, 404) {
		t.Errorf("after the recall, Bo gets %v", err)
	}
}

func isStatus(err error, status int) bool {
	var refused *api.Error
	return errors.As(err, &refused) && refused.Status == status
}
