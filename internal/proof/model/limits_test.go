package model

import (
	"slices"
	"time"

	"github.com/parley-server/parley/api"
)

// What a contact gets at most of an organization that has a limit.
const (
	mostMessages = 2
	inAnHour     = time.Hour
)

// limit has an organization send no more than some messages to a contact.
func (m *machine) limit() {
	o := m.organization()
	if o.limited || o.quiet {
		m.rapid.Skip("limited already, or what waits is counted later")
	}
	limits := []api.ContactLimit{{Class: api.ClassAll, Max: mostMessages, Period: int64(inAnHour / time.Second), Beyond: "refuse"}}
	_, err := o.admin.client.PatchOrganization(background, api.OrganizationPatch{Policy: &api.PolicyPatch{ContactLimits: &limits}})
	m.log("%s sends a contact %d messages an hour: %v", o.name, mostMessages, err)
	m.ok(err, "limiting messages")
	o.limited = true
}

// full reports whether a contact gets no more messages for now.
func (o *organization) full(c *contact) bool {
	n := 0
	for _, at := range c.became().got {
		if o.now.Sub(at) < inAnHour {
			n++
		}
	}
	return o.limited && n >= mostMessages
}

// takes counts a message to a contact, unless it gets no more.
func (o *organization) takes(c *contact) bool {
	c = c.became()
	if o.full(c) {
		return false
	}
	if o.limited {
		c.got = append(c.got, o.now)
	}
	return true
}

// takeAll takes places for all who get a message, of whom those who get no more are left out.
func (o *organization) takeAll(to []receiver) {
	for i := range to {
		if !o.takes(to[i].contact) {
			to[i].ends = api.Skipped
		}
	}
}

// noneLeft reports whether none of some gets a message.
func (o *organization) noneLeft(to []receiver) bool {
	return len(to) > 0 && !slices.ContainsFunc(to, func(r receiver) bool { return !o.full(r.contact) })
}
