package model

import (
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

// suppression keeps messages of a class from a number, on a platform or on all.
type suppression struct {
	id, number string
	class      string // all: every one
	platform   string // empty: all
	said       bool   // by a keyword
}

// keeps reports whether a suppression keeps messages of a class from a number on a channel.
func (s *suppression) keeps(number string, class api.MessageClass, ch *channel) bool {
	if class == "" {
		class = "transactional"
	}
	return s.number == number && (s.class == "all" || s.class == string(class)) && (s.platform == "" || s.platform == ch.platform)
}

func (o *organization) suppresses(number string, class api.MessageClass, ch *channel) bool {
	return slices.ContainsFunc(o.suppressed, func(s *suppression) bool { return s.keeps(number, class, ch) })
}

func (m *machine) suppress() {
	o := m.organization()
	s := &suppression{number: one(m, "number", one(m, "contact", o.contacts).numbers), class: one(m, "class", []string{"all", "transactional", "marketing"}),
		platform: one(m, "platform", []string{"", "sms", "whatsapp"})}
	if slices.ContainsFunc(o.suppressed, func(other *suppression) bool { return other.number == s.number }) {
		m.rapid.Skip("suppressed already")
	}
	got, err := o.admin.client.Suppress(background, api.SuppressionRequest{Address: "phone:" + s.number, Class: api.MessageClass(s.class), Platform: s.platform, Reason: "admin"})
	m.log("%s gets nothing of %s on %q: %v", s.number, s.class, s.platform, err)
	m.ok(err, "suppressing %s", s.number)
	s.id = got.Data[0].ID
	o.suppressed = append(o.suppressed, s)
}

func (m *machine) unsuppress() {
	o := m.organization()
	if len(o.suppressed) == 0 {
		m.rapid.Skip("nothing suppressed")
	}
	s := one(m, "suppression", o.suppressed)
	if s.said {
		list, err := o.admin.client.ListSuppressions(background, api.SuppressionFilter{Address: "phone:" + s.number, Platform: s.platform, Reason: api.ReasonKeyword})
		m.ok(err, "the suppressions of %s", s.number)
		s.id = list.Data[0].ID
	}
	err := o.admin.client.DeleteSuppression(background, s.id)
	m.log("%s gets messages again: %v", s.number, err)
	m.ok(err, "taking a suppression back")
	o.suppressed = slices.DeleteFunc(o.suppressed, func(other *suppression) bool { return other == s })
}

// quiet has an organization's quiet hours be at night, or none.
func (m *machine) quiet() {
	o := m.organization()
	o.quiet = !o.quiet
	hours := api.QuietHours{TimeZone: "UTC", Intervals: []api.QuietInterval{}}
	if o.quiet {
		hours.Intervals = []api.QuietInterval{{From: "00:00", To: "12:00"}}
	}
	_, err := o.admin.client.PatchOrganization(background, api.OrganizationPatch{Policy: &api.PolicyPatch{QuietHours: &hours}})
	m.log("%s has quiet hours: %v: %v", o.name, o.quiet, err)
	m.ok(err, "changing the quiet hours")
}

// goesOut is what becomes of a message to a number outside: in quiet hours it waits for their end. Whoever wants no messages
// by then does not get it: it is skipped.
func (o *organization) goesOut(msg *message, number string, ch *channel) {
	msg.ends, msg.to, msg.on = ends(number), number, ch
	if day := o.now.UTC().Truncate(24 * time.Hour); o.quiet && o.now.Sub(day) < 12*time.Hour {
		msg.waits = true
		o.at(day.Add(12*time.Hour), func() {
			if msg.waits && (msg.contact.became().out || o.suppresses(number, msg.sent.request.Class, ch)) {
				msg.ends = api.Skipped
			}
			msg.waits = false
		})
	}
}
