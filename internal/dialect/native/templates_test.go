package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-server/parley/api"
)

func reminder() api.TemplateRequest {
	return api.TemplateRequest{Name: "Reminder", TemplateText: api.TemplateText{DefaultLocale: "en", Locales: []api.TemplateLocale{
		{Locale: "en", Body: api.Body{{Kind: api.PartText, Text: "Dear {{name}}, see you on {{day}}{{{{.", Actions: []api.Action{
			{Kind: api.ActionLink, Text: "Map for {{name}}", URL: "https://clinic.example/map?for={{name}}"}}}}},
		{Locale: "de", Body: api.Text("Hallo {{name}}, bis {{day}}.")},
		{Locale: "de-CH", Body: api.Text("Grüezi {{name}}.")}},
		Variables: []api.TemplateVariable{{Name: "name", Required: true, Example: "Robin"}, {Name: "day", Type: api.VariableDate, Default: "2031-05-17"}}}}
}

// A template is written, published, and sent in the locale that fits, as it is then.
func TestTemplates(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	sms := w.sms(t)
	made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, reminder()))
	send := func(u api.TemplateUse, options ...api.CallOption) (*api.Message, error) {
		return w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100", Channel: sms.ID}, Template: &u}, options...)
	}
	robin := map[string]string{"name": "Robin & Co"}
	_, err := send(api.TemplateUse{ID: made.ID, Variables: robin})
	wantProblem(t, err, 422, "template-unpublished", "template")
	_, err = send(api.TemplateUse{ID: made.ID, Version: 1, Variables: robin})
	wantProblem(t, err, 422, "template-unpublished", "template.version")
	if made = must[*api.Template](t)(w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{})); made.Published != 1 {
		t.Errorf("published is %+v", made)
	}
	sent := must[*api.Message](t)(send(api.TemplateUse{Name: "Reminder", Locale: "fr", Variables: robin}))
	if sent.Text != "Dear Robin & Co, see you on 2031-05-17{{." || sent.Body[0].Actions[0].URL != "https://clinic.example/map?for=Robin%20%26%20Co" || sent.Body[0].Actions[0].Text != "Map for Robin & Co" {
		t.Errorf("sent %+v", sent.Body)
	}
	same(t, "of what", sent.Template, api.Templated{ID: made.ID, Version: 1, Locale: "en", Variables: robin})
	for locale, want := range map[string]string{"": "Dear", "en-GB": "Dear", "de": "Hallo", "de_AT": "Hallo", "DE-ch": "Grüezi", "de-CH-x": "Grüezi"} {
		if m := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID, Locale: locale, Variables: robin})); !strings.HasPrefix(m.Text, want) {
			t.Errorf("in %q: %s", locale, m.Text)
		}
	}
	for _, c := range []struct {
		use         api.TemplateUse
		code, field string
	}{
		{api.TemplateUse{ID: made.ID}, "variable-missing", "template.variables.name"},
		{api.TemplateUse{ID: made.ID, Variables: map[string]string{"name": "x", "nme": "y"}}, "variable-unknown", "template.variables.nme"},
		{api.TemplateUse{ID: made.ID, Variables: map[string]string{"name": "x", "day": "soon"}}, "variable-invalid", "template.variables.day"},
		{api.TemplateUse{ID: made.ID, Locale: "no such thing", Variables: robin}, "locale-invalid", "template.locale"},
		{api.TemplateUse{ID: made.ID, Version: 7, Variables: robin}, "version-unknown", "template.version"},
		{api.TemplateUse{Name: "Nothing"}, "template-unknown", "template.name"},
		{api.TemplateUse{}, "template-unknown", "template"},
		{api.TemplateUse{ID: made.ID, Name: "Reminder"}, "template-unknown", "template"},
		{api.TemplateUse{ID: made.ID, Variables: map[string]string{"name": strings.Repeat("x", 300)}}, "too-long", "template.body[0].actions[0].text"},
	} {
		_, err := send(c.use)
		wantProblem(t, err, 422, c.code, c.field)
	}
	_, err = w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Address: "phone:+15550100"}, Template: &api.TemplateUse{ID: made.ID, Variables: robin}, Body: api.Text("x")})
	wantProblem(t, err, 422, "not-allowed", "template")

	// The next version is a draft until it is published; a repeated request is answered as before, whatever has become of the template.
	first := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID, Variables: robin}, api.IdempotencyKey("k")))
	text := api.TemplateText{Locales: []api.TemplateLocale{{Locale: "en", Body: api.Text("Hello")}}}
	if v := must[*api.TemplateVersion](t)(w.admin.DraftTemplate(ctx, made.ID, text)); v.Number != 2 || v.State != api.TemplateDraft || v.DefaultLocale != "en" {
		t.Errorf("the draft is %+v", v)
	}
	text.Locales[0].Body = api.Text("Hello again")
	must[*api.TemplateVersion](t)(w.admin.DraftTemplate(ctx, made.ID, text))
	if m := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID, Variables: robin})); m.Template.Version != 1 {
		t.Errorf("a draft was sent: %+v", m)
	}
	must[*api.Template](t)(w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{Version: 2}))
	if m := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID})); m.Text != "Hello again" {
		t.Errorf("sent %q", m.Text)
	}
	if m := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID, Version: 1, Variables: robin})); m.Template.Version != 1 {
		t.Errorf("sent %+v", m)
	}
	states := ""
	for _, v := range must[*api.List[api.TemplateVersion]](t)(w.admin.ListTemplateVersions(ctx, made.ID, api.Page{Limit: 5})).Data {
		states += fmt.Sprint(v.Number, v.State, " ")
	}
	same(t, "the versions", states, "2published 1archived ")
	if got := must[*api.Template](t)(w.admin.ArchiveTemplate(ctx, made.ID)); got.Published != 0 {
		t.Errorf("archived is %+v", got)
	}
	_, err = send(api.TemplateUse{ID: made.ID})
	wantProblem(t, err, 422, "template-unpublished", "template")
	if err := w.admin.DeleteTemplate(ctx, made.ID); err != nil {
		t.Error(err)
	}
	if again := must[*api.Message](t)(send(api.TemplateUse{ID: made.ID, Variables: robin}, api.IdempotencyKey("k"))); again.ID != first.ID {
		t.Errorf("repeated, it is %s, not %s", again.ID, first.ID)
	}
	gone := must[*api.Message](t)(w.admin.RecallMessage(ctx, sent.ID))
	same(t, "what is left", gone.Template, api.Templated{ID: made.ID, Version: 1, Locale: "en"})
}

// TestTemplateRevisions: what two write at once overwrites nothing, where they say what they have seen.
func TestTemplateRevisions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, reminder()))
	seen, text := api.IfMatch(made.Rev), api.TemplateText{Locales: []api.TemplateLocale{{Locale: "en", Body: api.Text("Hello")}}}
	must[*api.TemplateVersion](t)(w.admin.DraftTemplate(ctx, made.ID, text, seen))
	text.Locales[0].Body = api.Text("Good day")
	for name, change := range map[string]func() error{
		"draft":   func() error { _, err := w.admin.DraftTemplate(ctx, made.ID, text, seen); return err },
		"publish": func() error { _, err := w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{}, seen); return err },
		"archive": func() error { _, err := w.admin.ArchiveTemplate(ctx, made.ID, seen); return err },
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, change(), 412, "revision-mismatch", "If-Match") })
	}
	same(t, "the draft", must[*api.TemplateVersion](t)(w.admin.GetTemplateVersion(ctx, made.ID, 1)).Locales[0].Body, api.Text("Hello"))
	now := must[*api.Template](t)(w.admin.GetTemplate(ctx, made.ID))
	if got := must[*api.Template](t)(w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{}, api.IfMatch(now.Rev))); got.Published != 1 || got.Rev == now.Rev {
		t.Errorf("published is %+v", got)
	}
}

func TestTemplatePreview(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, reminder()))
	got := must[*api.Rendered](t)(w.admin.PreviewTemplate(ctx, made.ID, api.TemplatePreview{Locale: "de-AT", Variables: map[string]string{"day": "2031-01-02"}}))
	same(t, "the preview", got, api.Rendered{Body: api.Text("Hallo Robin, bis 2031-01-02."), Text: "Hallo Robin, bis 2031-01-02.", Version: 1, Locale: "de"})
	_, err := w.admin.PreviewTemplate(ctx, made.ID, api.TemplatePreview{Variables: map[string]string{"x": "y"}})
	wantProblem(t, err, 422, "variable-unknown", "variables.x")
	_, err = w.admin.PreviewTemplate(ctx, made.ID, api.TemplatePreview{Version: 2})
	wantProblem(t, err, 422, "version-unknown", "version")
}

// What is wrong with a template is said when it is written.
func TestTemplatesAreChecked(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for _, c := range []struct {
		change      func(r *api.TemplateRequest)
		code, field string
	}{
		{func(r *api.TemplateRequest) { r.Locales[1].Body[0].Text = "{{nme}}" }, "variable-undeclared", "locales[1].body"},
		{func(r *api.TemplateRequest) { r.Locales[0].Body[0].Actions[0].Text = "{{nme}}" }, "variable-undeclared", "locales[0].body[0].actions[0].text"},
		{func(r *api.TemplateRequest) { r.Locales[0].Body[0].Text = "{{name" }, "template-syntax", "locales[0].body[0].text"},
		{func(r *api.TemplateRequest) { r.Locales[1].Body = api.Body{api.HTML("<p onclick='{{name}}'>")} }, "variable-misplaced", "locales[1].body[0].text"},
		{func(r *api.TemplateRequest) { r.Locales[1].Body = api.Body{{Kind: api.PartGIF}} }, "required", "locales[1].body[0].files"},
		{func(r *api.TemplateRequest) {
			r.Locales[1].Body = api.Body{{Kind: api.PartGIF, Files: []api.File{{Media: "nothing"}}}}
		}, "media-unknown", "locales[1].body[0].files[0].media"},
		{func(r *api.TemplateRequest) { r.Locales[1].Locale = "EN" }, "duplicate", "locales[1].locale"},
		{func(r *api.TemplateRequest) { r.Locales[1].Locale = "e" }, "locale-invalid", "locales[1].locale"},
		{func(r *api.TemplateRequest) { r.DefaultLocale = "fr" }, "locale-unknown", "defaultLocale"},
		{func(r *api.TemplateRequest) { r.Variables[1].Name = "name" }, "duplicate", "variables[1].name"},
		{func(r *api.TemplateRequest) { r.Variables[1].Name = "1st" }, "name-invalid", "variables[1].name"},
		{func(r *api.TemplateRequest) { r.Variables[1].Default = "soon" }, "variable-invalid", "variables[1].default"},
		{func(r *api.TemplateRequest) { r.Variables[0].Default = "x" }, "not-allowed", "variables[0].default"},
	} {
		r := reminder()
		c.change(&r)
		_, err := w.admin.CreateTemplate(ctx, r)
		wantProblem(t, err, 422, c.code, c.field)
	}
	made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, reminder()))
	_, err := w.admin.CreateTemplate(ctx, reminder())
	wantProblem(t, err, 409, "name-taken", "name")
	_, err = w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{Version: 9})
	wantProblem(t, err, 422, "version-unknown", "version")
}

// A file of a template is kept with it, shown to who may read it, and sent by others than who uploaded it.
func TestFilesOfTemplates(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ana := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Ana", Email: "ana@example.org"}))
	bo := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: "Bo", Email: "bo@example.org"}))
	anas := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "a", User: ana.ID, Scopes: []string{"messages:read", "messages:send", "media:read", "templates:read"}})).Secret)
	plain := w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: "b", User: bo.ID, Scopes: []string{"messages:read", "messages:send", "media:read"}})).Secret)
	media := upload(t, w.admin, "dot.gif", onePixel)
	request := reminder()
	request.Locales[0].Body = append(request.Locales[0].Body, api.Part{Kind: api.PartImage, Files: []api.File{{Media: media}}})
	made := must[*api.Template](t)(w.admin.CreateTemplate(ctx, request))
	must[*api.Template](t)(w.admin.PublishTemplate(ctx, made.ID, api.TemplateChoice{}))
	must[*api.Media](t)(anas.GetMedia(ctx, media))
	if _, err := plain.GetMedia(ctx, media); !isStatus(err, 404) {
		t.Errorf("Bo gets %v", err)
	}
	use := &api.TemplateUse{ID: made.ID, Variables: map[string]string{"name": "Bo"}}
	sent := must[*api.Message](t)(anas.Send(ctx, api.SendRequest{To: api.Recipient{User: bo.ID}, Template: use}))
	if sent.Body[1].Files[0].Size != int64(len(onePixel)) {
		t.Errorf("the file is %+v", sent.Body[1].Files[0])
	}
	must[*api.Media](t)(plain.GetMedia(ctx, media))
	_, err := plain.Send(ctx, api.SendRequest{To: api.Recipient{User: ana.ID}, Template: use})
	wantProblem(t, err, 403, "scope-required", "")
	if err := w.admin.DeleteTemplate(ctx, made.ID); err != nil {
		t.Error(err)
	}
	must[*api.Media](t)(plain.GetMedia(ctx, media)) // the message still has it
}

// Saved replies are one's own, a team's or everybody's; what is known is filled in.
func TestSavedReplies(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	user := func(name string) (*api.User, *api.Client) {
		u := must[*api.User](t)(w.admin.CreateUser(ctx, api.UserRequest{Name: name, Email: name + "@example.org"}))
		return u, w.client(t, must[*api.Key](t)(w.admin.CreateKey(ctx, api.KeyRequest{Name: name, User: u.ID, Scopes: []string{"replies:read", "replies:write", "contacts:read", "conversations:read", "messages:send", "messages:read"}})).Secret)
	}
	ana, anas := user("Ana")
	_, bos := user("Bo")
	team := must[*api.Team](t)(w.admin.CreateTeam(ctx, api.TeamRequest{Name: "Desk", Members: []string{ana.ID}}))
	reply := func(c *api.Client, owner api.ReplyOwner, title, shortcut string) *api.SavedReply {
		return must[*api.SavedReply](t)(c.CreateSavedReply(ctx, api.SavedReplyRequest{Owner: owner, Title: title, Shortcut: shortcut, Folder: "F" + title, Tags: []string{"t"},
			Body: api.Text("Dear {{contact.firstName}} of {{contact.city}}, {{user.name}}, {{organization.name}}{{contact.unknown}}")}))
	}
	own := reply(anas, api.ReplyOwner{}, "Hello", "Hi")
	teams := reply(anas, api.ReplyOwner{Kind: api.ActorTeam, ID: team.ID}, "hear you", "")
	shared := reply(w.admin, api.ReplyOwner{Kind: api.ActorOrganization}, "Bye", "hi")
	reply(bos, api.ReplyOwner{}, "Hello Bo", "hi")
	titles := func(c *api.Client, f api.SavedReplyFilter) (all string) {
		f.Limit = 2
		for r, err := range api.All(func(after string) (*api.List[api.SavedReply], error) {
			f.After = after
			return c.ListSavedReplies(ctx, f)
		}) {
			if err != nil {
				t.Fatal(err)
			}
			all += r.Title + ";"
		}
		return all
	}
	for _, c := range []struct {
		c    *api.Client
		f    api.SavedReplyFilter
		want string
	}{
		{anas, api.SavedReplyFilter{}, "Bye;hear you;Hello;"}, {bos, api.SavedReplyFilter{}, "Bye;Hello Bo;"}, {w.admin, api.SavedReplyFilter{}, "Bye;"},
		{anas, api.SavedReplyFilter{Prefix: "HE"}, "hear you;Hello;"}, {anas, api.SavedReplyFilter{Prefix: "h"}, "Bye;hear you;Hello;"}, {anas, api.SavedReplyFilter{Prefix: "x%_"}, ""},
		{anas, api.SavedReplyFilter{Folder: "FHello"}, "Hello;"}, {anas, api.SavedReplyFilter{Owner: "team", Team: team.ID}, "hear you;"}, {bos, api.SavedReplyFilter{Owner: "team", Team: team.ID}, ""},
		{w.admin, api.SavedReplyFilter{Owner: "team", Team: team.ID}, "hear you;"}, {anas, api.SavedReplyFilter{Owner: "user"}, "Hello;"}, {anas, api.SavedReplyFilter{Owner: "organization"}, "Bye;"},
	} {
		if got := titles(c.c, c.f); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
	for _, id := range []string{own.ID, teams.ID} {
		_, err := bos.GetSavedReply(ctx, id)
		wantProblem(t, err, 404, "not-found", "")
		_, err = bos.PatchSavedReply(ctx, id, api.SavedReplyPatch{Title: new("x")})
		wantProblem(t, err, 404, "not-found", "")
		_, err = bos.FillSavedReply(ctx, id, api.SavedReplyFill{})
		wantProblem(t, err, 404, "not-found", "")
		if err := bos.DeleteSavedReply(ctx, id); !isStatus(err, 404) {
			t.Error(err)
		}
	}
	_, err := anas.PatchSavedReply(ctx, shared.ID, api.SavedReplyPatch{Title: new("x")})
	wantProblem(t, err, 403, "scope-required", "")
	_, err = anas.CreateSavedReply(ctx, api.SavedReplyRequest{Title: "x", Body: api.Text("x"), Owner: api.ReplyOwner{Kind: api.ActorOrganization}})
	wantProblem(t, err, 403, "scope-required", "")
	_, err = bos.CreateSavedReply(ctx, api.SavedReplyRequest{Title: "x", Body: api.Text("x"), Owner: api.ReplyOwner{Kind: api.ActorTeam, ID: team.ID}})
	wantProblem(t, err, 422, "team-unknown", "owner.id")
	_, err = anas.CreateSavedReply(ctx, api.SavedReplyRequest{Title: "x", Body: api.Text("x"), Shortcut: "HI"})
	wantProblem(t, err, 409, "shortcut-taken", "shortcut")
	_, err = anas.CreateSavedReply(ctx, api.SavedReplyRequest{Title: "x", Body: api.Text("{{name}}")})
	wantProblem(t, err, 422, "variable-undeclared", "body")
	_, err = anas.ListSavedReplies(ctx, api.SavedReplyFilter{Owner: "team"})
	wantProblem(t, err, 422, "required", "team")

	w.sms(t)
	yan := must[*api.Contact](t)(w.admin.CreateContact(ctx, api.ContactRequest{Name: "Yan Li", Addresses: []api.Address{{Kind: "phone", Value: "+15550100"}}, Attributes: map[string]string{"city": "Bonn"}}))
	sent := must[*api.Message](t)(w.admin.Send(ctx, api.SendRequest{To: api.Recipient{Contact: yan.ID}, Body: api.Text("x")}))
	for _, fill := range []api.SavedReplyFill{{Contact: yan.ID}, {Conversation: sent.ConversationID}} {
		got := must[*api.Rendered](t)(anas.FillSavedReply(ctx, own.ID, fill))
		same(t, "filled in", got, api.Rendered{Body: api.Text("Dear Yan of Bonn, Ana, Alpha"), Text: "Dear Yan of Bonn, Ana, Alpha", Missing: []string{"contact.unknown"}})
	}
	_, err = anas.FillSavedReply(ctx, own.ID, api.SavedReplyFill{Conversation: yan.ID})
	wantProblem(t, err, 422, "conversation-unknown", "conversation")
	changed := must[*api.SavedReply](t)(anas.PatchSavedReply(ctx, own.ID, api.SavedReplyPatch{Title: new("Howdy"), Shortcut: new(""), Body: api.Text("New")}, api.IfMatch(own.Rev)))
	if changed.Title != "Howdy" || changed.Shortcut != "" || changed.Text != "New" || changed.Rev != own.Rev+1 || changed.Folder != "FHello" {
		t.Errorf("changed, it is %+v", changed)
	}
	_, err = anas.PatchSavedReply(ctx, own.ID, api.SavedReplyPatch{Title: new("x")}, api.IfMatch(own.Rev))
	wantProblem(t, err, 412, "revision-mismatch", "If-Match")
	if err := anas.DeleteSavedReply(ctx, own.ID); err != nil {
		t.Error(err)
	}
}
