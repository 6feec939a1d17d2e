package model

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// template is what is sent again and again. Each of its versions says which it is.
type template struct {
	id        string
	latest    int
	published int          // 0: none
	were      map[int]bool // versions that are or were published
}

// version is what the next version of a template says.
func (t *template) version() api.TemplateText {
	say := func(locale string, n int) api.TemplateLocale {
		return api.TemplateLocale{Locale: locale, Body: api.Text(fmt.Sprintf("text {{n}} %s v%d", locale, n))}
	}
	n := t.latest
	return api.TemplateText{DefaultLocale: "en", Locales: []api.TemplateLocale{say("en", n), say("de", n)}, Variables: []api.TemplateVariable{{Name: "n", Required: true}}}
}

// writeTemplate makes one, writes its next version, or publishes one.
func (m *machine) writeTemplate() {
	o := m.organization()
	if o.template == nil {
		t := &template{latest: 1, were: map[int]bool{}}
		got, err := o.admin.client.CreateTemplate(background, api.TemplateRequest{Name: "template", TemplateText: t.version()})
		m.log("a template of %s: %v", o.name, err)
		m.ok(err, "making a template")
		t.id, o.template = got.ID, t
		return
	}
	t := o.template
	if rapid.Bool().Draw(m.rapid, "publish") {
		choice := api.TemplateChoice{Version: rapid.IntRange(0, t.latest).Draw(m.rapid, "version")}
		_, err := o.admin.client.PublishTemplate(background, t.id, choice)
		m.log("version %d of the template of %s is published: %v", choice.Version, o.name, err)
		m.ok(err, "publishing a template")
		if t.published = choice.Version; t.published == 0 {
			t.published = t.latest
		}
		t.were[t.published] = true
		return
	}
	if t.were[t.latest] { // else the draft is written anew
		t.latest++
	}
	got, err := o.admin.client.DraftTemplate(background, t.id, t.version())
	m.log("version %d of the template of %s is written: %v", t.latest, o.name, err)
	m.ok(err, "writing a template")
	if got.Number != t.latest {
		m.fail("version %d is written, not %d", got.Number, t.latest)
	}
}

// toUserByTemplate sends what a template says, in the version that is published or in one that was.
func (m *machine) toUserByTemplate() {
	by, t := m.principal(), m.organization().template
	to := one(m, "to", by.org.users)
	if t == nil || to == by || to.gone {
		m.rapid.Skip("nothing to send")
	}
	m.number++
	n := fmt.Sprint(m.number)
	use := &api.TemplateUse{ID: t.id, Version: rapid.IntRange(0, t.latest+1).Draw(m.rapid, "version"), Locale: one(m, "locale", []string{"", "de-AT", "fr"}), Variables: map[string]string{"n": n}}
	if one(m, "what is told", []int{0, 0, 0, 1}) == 1 {
		use.Variables = nil
	}
	request := api.SendRequest{To: api.Recipient{User: to.user}, Template: use}
	version := use.Version
	if version == 0 {
		version = t.published
	}
	if t != by.org.template || !t.were[version] || use.Variables == nil {
		m.ask(by, request, 422)
		return
	}
	msg, got := m.ask(by, request, 0)
	locale := "en"
	if use.Locale == "de-AT" {
		locale = "de"
	}
	msg.text = fmt.Sprintf("text %s %s v%d", n, locale, version)
	if got.Template == nil || got.Template.Version != version || got.Template.Locale != locale {
		m.fail("message %s is made of %+v, not of version %d in %s", got.ID, got.Template, version, locale)
	}
	m.into(by.org, pair(by, to), msg, got, api.ConversationDirect, by, to)
}
