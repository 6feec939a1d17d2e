package kustomer

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/numbered"
	"github.com/parley-server/parley/internal/parley"
)

// conversation is a conversation as a resource.
func (d *door) conversation(organization parley.ID, c *numbered.Case) object {
	created, active := stamp(c.CreatedAt), stamp(c.ActivityAt)
	if c.ActivityAt.Before(c.CreatedAt) {
		active = created
	}
	a := object{"externalId": nil, "name": c.Title, "channels": channelsOf(c), "status": conversationStatus(c.Status), "messageCount": c.Inbound + c.Outbound,
		"inboundMessageCount": c.Inbound, "outboundMessageCount": c.Outbound, "noteCount": c.Notes, "satisfaction": 0, "createdAt": created,
		"updatedAt": active, "modifiedAt": active, "lastActivityAt": active, "tags": texts(c.Tags), "suggestedTags": []any{}, "sentiment": object{},
		"firstResponse": object{}, "direction": "in", "rev": c.Rev, "custom": object{}, "priority": nil, "ended": false, "deleted": false}
	if c.ExternalID != "" {
		a["externalId"] = c.ExternalID
	}
	if c.Priority > 0 {
		a["priority"] = c.Priority
	}
	if c.Status == parley.StatusSnoozed {
		a["snooze"] = snooze(c)
	}
	users, teams := []string{}, []string{}
	for _, who := range c.Assignees {
		if who.Kind == parley.ActorTeam {
			teams = append(teams, who.ID.Hex())
		} else {
			users = append(users, who.ID.Hex())
		}
	}
	a["assignedUsers"], a["assignedTeams"] = users, teams
	d.ends(a, c)
	return object{"type": "conversation", "id": c.ID.Hex(), "attributes": a, "links": object{"self": d.link("conversations/%s", c.ID.Hex())},
		"relationships": object{"org": d.to("org", organization.Hex()), "customer": d.to("customer", c.Customer.Hex()),
			"messages":  object{"links": object{"self": d.link("conversations/%s/messages", c.ID.Hex())}},
			"createdBy": d.to("org", organization.Hex()), "modifiedBy": d.to("org", organization.Hex())}}
}

// snooze is until when a conversation sleeps.
func snooze(c *numbered.Case) object {
	s := object{"status": "scheduled"}
	if !c.SnoozedUntil.IsZero() {
		s["time"] = stamp(c.SnoozedUntil)
	}
	return s
}

// ends are what a conversation says of its first and last messages.
func (d *door) ends(a object, c *numbered.Case) {
	brief := func(id parley.ID) object {
		m := c.Messages[id]
		if m == nil {
			return object{}
		}
		given := givenOf(m)
		o := object{"id": m.ID.Hex(), "sentAt": stamp(m.SentAt), "createdAt": stamp(m.CreatedAt), "channel": channelOf(m.Platform), "meta": object{}}
		if channel, ok := given["channel"]; ok {
			o["channel"] = channel
		}
		if meta, ok := given["meta"]; ok {
			o["meta"] = meta
		}
		return o
	}
	e := &c.Ends
	a["firstMessageIn"], a["lastMessageIn"], a["firstMessageOut"], a["lastMessageOut"] = brief(e.FirstIn), brief(e.LastIn), brief(e.FirstOut), brief(e.LastOut)
	in, out := c.Messages[e.LastIn], c.Messages[e.LastOut]
	last, direction := in, "in"
	if in == nil || out != nil && after(out, in) {
		last, direction = out, "out"
	}
	if last == nil {
		return
	}
	a["lastMessageAt"], a["lastMessageDirection"], a["preview"] = stamp(last.SentAt), direction, previewOf(last)
	firstIn, firstOut := c.Messages[e.FirstIn], c.Messages[e.FirstOut]
	if firstIn == nil || firstOut != nil && after(firstIn, firstOut) {
		a["direction"] = "out"
	}
	if firstIn != nil && firstOut != nil && after(firstOut, firstIn) {
		a["firstResponse"] = object{"id": firstOut.ID.Hex(), "sentAt": stamp(firstOut.SentAt), "createdAt": stamp(firstOut.CreatedAt),
			"responseTime": firstOut.SentAt.Sub(firstIn.SentAt).Milliseconds()}
	}
}

// after reports whether a message is displayed after another.
func after(m, other *parley.Message) bool {
	if m.SentAt.Equal(other.SentAt) {
		return m.Sequence > other.Sequence
	}
	return m.SentAt.After(other.SentAt)
}

func channelsOf(c *numbered.Case) []string {
	list := make([]string, len(c.Platforms))
	for i, platform := range c.Platforms {
		list[i] = channelOf(platform)
	}
	return list
}

// texts is a list that is never null.
func texts(list []string) []string { return append([]string{}, list...) }

// conversationStatus is what a status is called here.
func conversationStatus(s parley.ConversationStatus) string {
	if s == parley.StatusClosed {
		return "done"
	}
	return string(s)
}

// getConversation answers one conversation, or several whose ids are separated by commas.
func (d *door) getConversation(c *call) error {
	if name, external, found := strings.Cut(c.r.PathValue("id"), "="); found && strings.EqualFold(name, "externalId") {
		return d.conversationCalled(c, external)
	}
	ids := strings.Split(c.r.PathValue("id"), ",")
	if len(ids) == 1 {
		found, err := d.caseOf(c, ids[0])
		if err != nil {
			return err
		}
		return c.answer(http.StatusOK, object{"data": d.conversation(c.p.Organization, &found)})
	}
	if len(ids) > maxIDs {
		return parley.Invalid("id", "too-many", "must be at most %d ids", maxIDs)
	}
	var known []parley.ID
	for _, text := range ids {
		if id, ok := parley.IDFromHex(text); ok && !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	cases, err := d.Lists.Those(c.r.Context(), c.p, known)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, object{"data": d.several(c, cases)})
}

// conversationCalled answers the conversation that has an external id.
func (d *door) conversationCalled(c *call, external string) error {
	if external == "" {
		return parley.NotFound("conversation", "")
	}
	found, _, err := d.Core.Conversations(c.r.Context(), c.p, core.ConversationFilter{ExternalID: external}, "", 1)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return parley.NotFound("conversation", "")
	}
	one, err := d.Lists.Case(c.r.Context(), c.p, found[0].ID)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, object{"data": d.conversation(c.p.Organization, &one)})
}

// maxIDs is how many conversations are asked for at once.
const maxIDs = 100

func (d *door) several(c *call, cases []numbered.Case) []object {
	data := make([]object, len(cases))
	for i := range cases {
		data[i] = d.conversation(c.p.Organization, &cases[i])
	}
	return data
}

func (d *door) caseOf(c *call, text string) (numbered.Case, error) {
	id, ok := parley.IDFromHex(text)
	if !ok {
		return numbered.Case{}, parley.NotFound("conversation", "")
	}
	return d.Lists.Case(c.r.Context(), c.p, id)
}

func (d *door) listConversations(c *call) error { return d.conversations(c, "") }

func (d *door) listConversationsOfCustomer(c *call) error {
	id, err := c.id("customer")
	if err != nil {
		return err
	}
	return d.conversations(c, id)
}

func (d *door) conversations(c *call, customer parley.ID) error {
	page, err := c.page(100, 100)
	if err != nil {
		return err
	}
	cases, more, err := d.Lists.Cases(c.r.Context(), c.p, customer, page)
	if err != nil {
		return err
	}
	return c.list(d, page, more, -1, d.several(c, cases))
}
