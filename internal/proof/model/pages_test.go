package model

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// page is somebody called to a conversation.
type page struct {
	id       string
	message  *message
	by, who  *principal
	state    api.PageState
	reminded int
}

func (m *machine) call() {
	by := m.principal()
	c := m.conversation(by)
	m.mayWriteIn(by, c)
	who := one(m, "whom", m.organization().users)
	if by.sees(c) && !(by.takesPart(c) && by.mayChange(c)) || who.org == c.org && who.sees(c) && c.members != nil && !c.in(who) {
		m.rapid.Skip("has no say in it")
	}
	if c.list != nil {
		m.rapid.Skip("with a list")
	}
	alone := m.alone(by, c)
	m.number++
	words, high := fmt.Sprintf("text %d", m.number), rapid.Bool().Draw(m.rapid, "high")
	request := api.CallRequest{Who: api.Actor{Kind: api.ActorUser, ID: who.user}, Text: words, Paging: api.Paging{Urgency: api.UrgencyNormal}}
	if high {
		request.Urgency = api.UrgencyHigh
	}
	got, err := by.client.CreatePage(background, c.id, request)
	m.log("%s calls %s to %s, urgently: %v: %v", by, who, c.id, high, err)
	switch {
	case !by.sees(c):
		m.refused(err, 404, "%s calls somebody to %s", by, c.id)
		return
	case who.org != c.org || who.gone || !who.sees(c) || alone:
		m.refused(err, 422, "%s calls %s to %s", by, who, c.id)
		return
	}
	m.ok(err, "%s calls %s to %s", by, who, c.id)
	p := &page{id: got.ID, by: by, who: who, state: api.PageOpen}
	p.message = &message{id: got.MessageID, in: c, author: by, text: "@" + who.name + " " + words, note: c.members == nil, pages: true}
	c.enter(p.message)
	c.org.pages = append(c.org.pages, p)
	p.tell(api.EventPageCreated, "")
	if high {
		p.reminds(1)
	}
}

func (p *page) tell(kind api.EventType, more string) {
	p.by.org.tell(kind, p.id+more, func(by *principal) bool { return by.seesMessage(p.message) })
}

// reminds whoever was called every two minutes, ten times, until somebody comes; or finds that there is nobody to remind.
func (p *page) reminds(number int) {
	o := p.by.org
	o.at(p.message.at.Add(time.Duration(number)*2*time.Minute), func() {
		switch {
		case p.state != api.PageOpen:
			return
		case p.message.why == api.RemovedRecalled || !p.comes():
			p.state = api.PageCanceled
			p.tell(api.EventPageResolved, " canceled")
			return
		}
		p.reminded++
		p.tell(api.EventPageReminded, fmt.Sprint(" ", p.reminded))
		if number < 10 {
			p.reminds(number + 1)
		}
	})
}

// comes reports whether whoever was called still may.
func (p *page) comes() bool {
	c := p.message.in
	return p.who.sees(c) && (c.members == nil || c.in(p.who))
}

// nobodyComes ends the open pages of somebody who is gone.
func (o *organization) nobodyComes(u *principal) {
	for _, p := range o.pages {
		if p.who == u && p.state == api.PageOpen {
			p.state = api.PageCanceled
			p.tell(api.EventPageResolved, " canceled")
		}
	}
}

// resolve: whoever was called says that they have come, or who called that nobody needs to.
func (m *machine) resolve() {
	by := m.principal()
	list := m.organization().pages
	p := likely(m, "page", list, func(p *page) bool { return p.state == api.PageOpen && (p.who == by || p.by == by) })
	if c := p.message.in; p.state != api.PageOpen || by.seesMessage(p.message) && !by.mayChange(c) {
		m.rapid.Skip("not said")
	}
	_, err := by.client.ResolvePage(background, p.id)
	m.log("%s resolves the page %s: %v", by, p.id, err)
	switch {
	case !by.seesMessage(p.message):
		m.refused(err, 404, "%s resolves the page %s", by, p.id)
	case by != p.by && by != p.who:
		m.refused(err, 403, "%s resolves the page %s", by, p.id)
	default:
		m.ok(err, "%s resolves the page %s", by, p.id)
		p.state = api.PageResolved
		p.message.in.notice(by, "page-resolved")
		p.tell(api.EventPageResolved, " resolved")
	}
}

// checkPages: somebody is shown the pages whose messages it sees.
func (m *machine) checkPages(by *principal) {
	if len(by.org.pages) == 0 {
		return
	}
	var got, want []string
	for _, p := range collect(m, "pages", func(p api.Page) (*api.List[api.Call], error) {
		return by.client.ListPages(background, api.CallFilter{Page: p})
	}) {
		got = append(got, fmt.Sprint(p.ID, " in ", p.ConversationID, " of ", p.Who.ID, " ", p.State, " ", p.Reminded))
	}
	for _, p := range by.org.pages {
		if by.seesMessage(p.message) {
			want = append(want, fmt.Sprint(p.id, " in ", p.message.in.id, " of ", p.who.user, " ", p.state, " ", p.reminded))
		}
	}
	m.same(got, want, "%s is shown the pages", by)
}
