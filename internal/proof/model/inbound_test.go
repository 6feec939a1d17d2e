package model

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// rule is an auto-reply.
type rule struct {
	id       string
	when     string
	on       *channel // nil: on all
	off      bool
	each     string
	throttle time.Duration
	limit    int
	given    map[any]*answers // by what they are counted for
}

// answers are how often something was answered, and when last.
type answers struct {
	at    time.Time
	times int
}

// block keeps what somebody writes apart: a contact, or a number.
type block struct {
	id      string
	contact *contact
	number  string
	parked  []letter
}

// letter is what somebody outside wrote.
type letter struct {
	n      int
	from   *contact
	number string
	ch     *channel
	text   string
}

func (b *block) about(l *letter) bool {
	return b.number == l.number || b.contact != nil && b.contact.became() == l.from.became()
}

// What the keywords of a sequence are, and what is answered.
const (
	halt, halted     = "halt", "answer halted"
	resume, resumed  = "resume", "answer resumed"
	ruled            = "answer ruled"
	hourly, openTill = 5, 12 * time.Hour
)

func (m *machine) fromContact() {
	o := m.organization()
	m.number++
	l := letter{n: m.number, from: one(m, "contact", o.contacts), ch: one(m, "channel", o.channels), text: fmt.Sprintf("text %d", m.number)}
	l.number = one(m, "number", l.from.numbers)
	at := slices.IndexFunc(o.blocked, func(b *block) bool { return b.about(&l) })
	if at < 0 && m.acknowledging {
		l.text = one(m, "words", []string{l.text, acked})
	} else if at < 0 && o.keywords {
		l.text = one(m, "words", []string{l.text, halt, resume})
	}
	got, err := o.admin.client.PlayInbound(background, api.SandboxInbound{From: "phone:" + l.number, Channel: l.ch.id, Body: api.Text(l.text)})
	m.log("%s writes %q on %s: %s", l.number, l.text, l.ch.id, outcome(got, err))
	if at >= 0 {
		m.refused(err, 409, "%s, who is blocked, writes", l.number)
		o.blocked[at].parked = append(o.blocked[at].parked, l)
		return
	}
	m.ok(err, "a message from %s", l.number)
	m.arrives(o, l, got, false)
}

// arrives puts what somebody outside wrote where it belongs, with what is answered.
func (m *machine) arrives(o *organization, l letter, got *api.Message, released bool) {
	m.rapid.Helper()
	c := l.from.became()
	msg := &message{id: got.ID, text: l.text, inbound: true, contact: c}
	m.outside(c, l.number, l.ch, msg, got)
	c.last = l.ch
	if l.text == acked {
		msg.in.acks(c)
	}
	if answer := o.answer(&l, msg, released); answer != "" {
		back := &message{in: msg.in, text: answer, ends: ends(l.number), to: l.number, on: l.ch, contact: c, auto: true}
		if c.out && answer == ruled {
			back.ends = api.Skipped
		}
		msg.in.enter(back)
	}
}

// answer obeys a message that is a keyword, and returns what is answered to it, or to another by a rule.
func (o *organization) answer(l *letter, msg *message, released bool) string {
	same := func(s *suppression) bool {
		return s.number == l.number && s.class == "all" && s.platform == l.ch.platform
	}
	switch {
	case o.keywords && l.text == halt:
		if slices.ContainsFunc(o.suppressed, same) {
			return ""
		}
		o.suppressed = append(o.suppressed, &suppression{number: l.number, class: "all", platform: l.ch.platform, said: true})
		return halted
	case o.keywords && l.text == resume:
		before := len(o.suppressed)
		o.suppressed = slices.DeleteFunc(o.suppressed, func(s *suppression) bool { return s.said && same(s) })
		if len(o.suppressed) == before {
			return ""
		}
		return resumed
	case released, l.text == acked:
		return ""
	}
	at := slices.IndexFunc(o.rules, func(r *rule) bool { return r.fits(o, l, msg) })
	if at < 0 || !o.rules[at].answers(o, l, msg) {
		return ""
	}
	return ruled
}

func (r *rule) fits(o *organization, l *letter, msg *message) bool {
	open := o.now.Sub(o.now.UTC().Truncate(24*time.Hour)) < openTill
	switch {
	case r.off || r.on != nil && r.on != l.ch:
		return false
	case r.when == "first":
		return msg.number == 1
	case r.when == "always":
		return true
	}
	return open == (r.when == "open")
}

// answers says whether a rule that fits does, and counts it: not before its throttle is over, no more often than its limit, and of
// all rules five times an hour in a conversation.
func (r *rule) answers(o *organization, l *letter, msg *message) bool {
	about := any(msg.in)
	if r.each == "contact" {
		about = msg.contact.became()
	}
	own, all := of(r.given, about), of(o.given, any(msg.in))
	if o.now.Sub(all.at) >= time.Hour {
		all.at, all.times = o.now, 0
	}
	if all.times >= hourly || own.times > 0 && o.now.Sub(own.at) < r.throttle || r.limit > 0 && own.times >= r.limit || o.suppresses(l.number, "service", l.ch) {
		return false
	}
	all.times++
	own.at, own.times = o.now, own.times+1
	return true
}

func of(given map[any]*answers, about any) *answers {
	if given[about] == nil {
		given[about] = &answers{}
	}
	return given[about]
}

// becomes has what was answered to one be what was answered to another, of which it became a part.
func becomes(given map[any]*answers, from, into any) {
	if was := given[from]; was != nil {
		now := of(given, into)
		now.times += was.times
		if was.at.After(now.at) {
			now.at = was.at
		}
		delete(given, from)
	}
}

// mergeAnswers has the rules of one conversation, or contact, have answered in another.
func (o *organization) mergeAnswers(from, into any) {
	becomes(o.given, from, into)
	for _, r := range o.rules {
		becomes(r.given, from, into)
	}
}

// mergeSenders has a contact be blocked as another of which it becomes a part, and answered.
func (o *organization) mergeSenders(from, into *contact) {
	o.mergeAnswers(from, into)
	blockOf := func(c *contact) int {
		return slices.IndexFunc(o.blocked, func(b *block) bool { return b.contact != nil && b.contact.became() == c })
	}
	if a, b := blockOf(from), blockOf(into); a >= 0 && b >= 0 {
		stays := o.blocked[b]
		stays.parked = append(stays.parked, o.blocked[a].parked...)
		slices.SortFunc(stays.parked, func(x, y letter) int { return x.n - y.n })
		o.blocked = slices.Delete(o.blocked, a, a+1)
	}
}

// makeRule makes an auto-reply, or has one answer no more, or again.
func (m *machine) makeRule() {
	o := m.organization()
	if len(o.rules) == 2 {
		r := one(m, "rule", o.rules)
		r.off = !r.off
		enabled := !r.off
		_, err := o.admin.client.PatchAutoReply(background, r.id, api.AutoReplyPatch{Enabled: &enabled})
		m.log("the rule %s answers: %v: %v", r.id, enabled, err)
		m.ok(err, "changing a rule")
		return
	}
	if o.schedule == "" {
		weekly := make([]api.DayHours, 0, 7)
		for day := range 7 {
			weekly = append(weekly, api.DayHours{Day: [...]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}[day], From: "00:00", To: "12:00"})
		}
		o.schedule = must(o.admin.client.CreateSchedule(background, api.ScheduleRequest{Name: "mornings", TimeZone: "UTC", Weekly: weekly})).ID
	}
	r := &rule{when: one(m, "when", []string{"always", "always", "first", "open", "closed"}), on: one(m, "on", []*channel{nil, nil, o.channels[0], o.channels[1]}),
		each: one(m, "each", []string{"contact", "conversation"}), throttle: one(m, "throttle", []time.Duration{0, 10 * time.Minute, 3 * time.Hour}),
		limit: one(m, "limit", []int{0, 0, 2}), given: map[any]*answers{}}
	throttle := int64(r.throttle / time.Second)
	request := api.AutoReplyRequest{Name: "rule", Position: len(o.rules), When: r.when, Text: ruled, Each: r.each, Throttle: &throttle, Limit: r.limit}
	if r.on != nil {
		request.Channels = []string{r.on.id}
	}
	if r.when == "open" || r.when == "closed" {
		request.Schedule = o.schedule
	}
	got, err := o.admin.client.CreateAutoReply(background, request)
	m.log("a rule of %s: %s: %v", o.name, text(request), err)
	m.ok(err, "making a rule")
	r.id = got.ID
	o.rules = append(o.rules, r)
}

// keywords has some words do something, or not any more.
func (m *machine) keywords() {
	o := m.organization()
	o.keywords = !o.keywords
	rules := []api.Keyword{}
	if o.keywords {
		rules = append(rules, api.Keyword{Action: api.KeywordStop, Words: []string{halt}, Answer: halted}, api.Keyword{Action: api.KeywordStart, Words: []string{resume}, Answer: resumed})
	}
	_, err := o.admin.client.PatchOrganization(background, api.OrganizationPatch{Policy: &api.PolicyPatch{Keywords: &rules}})
	m.log("%s has keywords: %v: %v", o.name, o.keywords, err)
	m.ok(err, "changing the keywords")
}

// block keeps somebody's messages apart: in one organization a contact's, in the other a number's.
func (m *machine) block() {
	o := m.organization()
	c := one(m, "contact", o.contacts).became()
	b := &block{contact: c}
	request := api.BlockRequest{Contact: c.id}
	if o == m.organizations[1] {
		b.contact, b.number = nil, one(m, "number", c.numbers)
		request = api.BlockRequest{Address: "phone:" + b.number}
	}
	got, err := o.admin.client.BlockSender(background, request)
	m.log("%s is blocked: %v", text(request), err)
	m.ok(err, "blocking %s", text(request))
	b.id = got.ID
	if at := slices.IndexFunc(o.blocked, func(other *block) bool {
		return other.number == b.number && (b.contact == nil || other.contact.became() == c)
	}); at < 0 {
		o.blocked = append(o.blocked, b)
	} else if o.blocked[at].id != b.id {
		m.fail("%s is blocked once more, as %s, not %s", text(request), b.id, o.blocked[at].id)
	}
}

// unblock lets somebody write again; what came meanwhile comes then, or never.
func (m *machine) unblock() {
	o := m.organization()
	if len(o.blocked) == 0 {
		m.rapid.Skip("nobody is blocked")
	}
	b := one(m, "block", o.blocked)
	release := rapid.Bool().Draw(m.rapid, "release")
	got, err := o.admin.client.UnblockSender(background, b.id, api.UnblockRequest{Release: release})
	m.log("%s is blocked no more, and its %d messages come: %v: %v", b.id, len(b.parked), release, err)
	m.ok(err, "unblocking %s", b.id)
	o.blocked = slices.DeleteFunc(o.blocked, func(other *block) bool { return other == b })
	if !release {
		b.parked = nil
	}
	if got.Released != len(b.parked) {
		m.fail("%d messages are said to have come, not %d", got.Released, len(b.parked))
	}
	for _, l := range b.parked {
		list, err := o.admin.client.ListMessages(background, api.MessageFilter{Page: api.Page{Limit: 100}, Direction: "inbound"})
		m.ok(err, "what has come")
		at := slices.IndexFunc(list.Data, func(g api.Message) bool { return g.Text == l.text })
		if at < 0 {
			m.fail("%q has not come", l.text)
		}
		m.arrives(o, l, &list.Data[at], true)
	}
}
