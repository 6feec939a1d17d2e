package model

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-server/parley/api"
)

// timer is what happens at a time by itself.
type timer struct {
	at time.Time
	do func()
}

func (o *organization) at(at time.Time, do func()) { o.due = append(o.due, timer{at, do}) }

// moment is some time ahead, at which nothing else is due.
func (o *organization) moment(m *machine) time.Time {
	m.number++
	ahead := one(m, "ahead", []time.Duration{2 * time.Minute, time.Hour, 26 * time.Hour})
	return o.now.Add(ahead + time.Duration(m.number)*time.Second + 500*time.Millisecond)
}

// pass moves the clock of an organization: what is due happens, each at its time.
func (m *machine) pass(o *organization, by time.Duration) {
	m.rapid.Helper()
	o.moving = false
	clock, err := o.admin.client.AdvanceClock(background, by)
	m.ok(err, "moving the clock of %s", o.name)
	end := o.now.Add(by)
	if !clock.Now.Equal(end) || clock.Waiting > 0 {
		m.fail("the clock of %s shows %s, and %d wait, not %s", o.name, clock.Now, clock.Waiting, end)
	}
	for {
		next := -1
		for i, t := range o.due {
			if !t.at.After(end) && (next < 0 || t.at.Before(o.due[next].at)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		t := o.due[next]
		o.due = slices.Delete(o.due, next, next+1)
		o.now = t.at
		t.do()
	}
	o.now, o.moving = end, false
	o.age()
	m.learn(o)
}

// learn asks for the ids of items that the server wrote.
func (m *machine) learn(o *organization) {
	m.rapid.Helper()
	for _, msg := range o.unknown {
		got, err := o.admin.client.ListConversationMessages(background, msg.in.id, api.Page{Limit: 100})
		m.ok(err, "the items of %s", msg.in.id)
		at := slices.IndexFunc(got.Data, func(g api.Message) bool { return g.Sequence == int64(msg.number) })
		if at < 0 || (got.Data[at].Kind == api.KindSystem) != (msg.notice != "") {
			m.fail("item %d of %s is not one that says %s%s", msg.number, msg.in.id, msg.notice, msg.text)
		}
		if tells := got.Data[at].Notice; msg.notice != "" && (tells == nil || string(tells.Kind) != msg.notice || msg.notice == string(api.NoticeAway) && tells.Reason != msg.reason) {
			m.fail("item %d of %s tells %+v, not %s (%s)", msg.number, msg.in.id, tells, msg.notice, msg.reason)
		}
		if msg.id = got.Data[at].ID; msg.notice == "" {
			o.keep(msg)
		} else {
			o.messages[msg.id] = msg
		}
	}
	o.unknown = nil
}

// wait lets some time pass.
func (m *machine) wait() {
	o := m.organization()
	by := one(m, "how long", []time.Duration{time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour, 30 * time.Hour}) + time.Duration(rapid.IntRange(0, 59).Draw(m.rapid, "seconds"))*time.Second
	m.log("in %s %s pass", o.name, by)
	m.pass(o, by)
}

// fact is an event besides that of a message.
type fact struct {
	what string
	of   *message // whose id follows, which may not be known yet
	seen func(p *principal) bool
}

func everybody(*principal) bool { return true }

func (o *organization) tell(kind api.EventType, about string, seen func(p *principal) bool) {
	o.facts = append(o.facts, fact{what: string(kind) + " " + about, seen: seen})
}

// telling is what an event tells, where the model knows of such events.
func telling(e *api.Event) (string, bool) {
	switch e.Type {
	case api.EventConversationCreated, api.EventConversationMerged:
		return string(e.Type) + " " + e.Data.ConversationID, true
	case api.EventEscalationUpdated:
		return fmt.Sprint(e.Type, " ", e.Data.ID, " ", e.Data.Status, " ", e.Data.Level), true
	case api.EventPageCreated:
		return string(e.Type) + " " + e.Data.ID, true
	case api.EventPageReminded:
		return fmt.Sprint(e.Type, " ", e.Data.ID, " ", e.Data.Number), true
	case api.EventPageResolved:
		return fmt.Sprint(e.Type, " ", e.Data.ID, " ", e.Data.Status), true
	case api.EventMessageRemoved:
		return string(e.Type) + " " + e.Data.MessageID, e.Data.ID == ""
	case api.EventMessageMoved, api.EventMessageUnanswered:
		return string(e.Type) + " " + e.Data.MessageID, true
	case api.EventContactMerged, api.EventViewCreated, api.EventViewUpdated, api.EventViewDeleted:
		return string(e.Type) + " " + e.Data.ID, true
	}
	return "", false
}
