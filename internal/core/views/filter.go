package views

import (
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/view"
)

// Limits of what a view has, in characters, and of its place.
const (
	maxName  = 200
	maxTag   = 100
	maxID    = 255
	maxPlace = 1_000_000
)

// check says what is wrong with a view, whatever else there is.
func check(v *parley.View) []parley.FieldError {
	var c parley.Check
	c.Text("name", v.Name, true, maxName)
	if v.Place < 0 || v.Place > maxPlace {
		c.Refuse("order", "out-of-range", "must be 0 to 1000000")
	}
	f := &v.Filter
	c.Text("filter.tag", f.Tag, false, maxTag)
	c.Text("filter.externalId", f.ExternalID, false, maxID)
	if f.Priority < 0 || f.Priority > parley.MaxConversationPriority {
		c.Refuse("filter.priority", "out-of-range", "must be 1 to 5")
	}
	if strings.Contains(f.Participant, ":") {
		address, err := parley.ParseAddress(f.Participant)
		if err != nil {
			c.Refuse("filter.participant", "address-invalid", "must be an id, or an address as kind:value")
		}
		f.Participant = address.String()
	}
	return c.Wrong
}

// filter is what somebody who looks at a view asks for.
func filter(p *access.Principal, f *parley.ViewFilter) (thread.ConversationFilter, error) {
	to := thread.ConversationFilter{Kind: f.Kind, Status: f.Status, Channel: f.Channel, Tag: f.Tag, ExternalID: f.ExternalID, Priority: f.Priority,
		Unread: f.Unread, Inbox: f.Inbox}
	switch f.Assignee {
	case parley.ViewNobody:
		to.Unassigned = true
	case parley.ViewerSelf:
		to.Assignee = p.User
	default:
		to.Assignee = parley.ID(f.Assignee)
	}
	var err error
	switch {
	case strings.Contains(f.Participant, ":"):
		to.Address, err = parley.ParseAddress(f.Participant)
	case f.Participant == parley.ViewerSelf:
		to.Participant = p.User
	default:
		to.Participant = parley.ID(f.Participant)
	}
	return to, err
}

// ids are those that a filter names.
func ids(f *parley.ViewFilter) (channel, assignee, participant parley.ID) {
	channel = f.Channel
	if f.Assignee != parley.ViewNobody && f.Assignee != parley.ViewerSelf {
		assignee = parley.ID(f.Assignee)
	}
	if f.Participant != parley.ViewerSelf && !strings.Contains(f.Participant, ":") {
		participant = parley.ID(f.Participant)
	}
	return channel, assignee, participant
}

// judge says of views what their filters name that is not there any more, with one query.
func judge(q store.Queries, p *access.Principal, list []parley.View) error {
	var all []parley.ID
	for i := range list {
		channel, assignee, participant := ids(&list[i].Filter)
		for _, id := range []parley.ID{channel, assignee, participant} {
			if id != "" {
				all = append(all, id)
			}
		}
	}
	kinds, err := view.Existing(q, p.Organization, all)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Invalid = missing(&list[i].Filter, kinds)
	}
	return nil
}

// missing says what a filter names that is not there.
func missing(f *parley.ViewFilter, kinds map[parley.ID]parley.ActorKind) (wrong []parley.FieldError) {
	channel, assignee, participant := ids(f)
	if channel != "" && kinds[channel] != view.Channel {
		wrong = append(wrong, parley.FieldError{Field: "filter.channel", Code: "channel-unknown", Message: "must be the id of a channel"})
	}
	if k := kinds[assignee]; assignee != "" && k != parley.ActorUser && k != parley.ActorTeam {
		wrong = append(wrong, parley.FieldError{Field: "filter.assignee", Code: "assignee-unknown", Message: "must be the id of a user or a team, me, or none"})
	}
	if k := kinds[participant]; participant != "" && (k == "" || k == view.Channel) {
		wrong = append(wrong, parley.FieldError{Field: "filter.participant", Code: "participant-unknown",
			Message: "must be the id of a user, a contact, a role or a team, an address as kind:value, or me"})
	}
	return wrong
}

// named refuses a filter that names what is not there, or a channel that the principal does not see.
func named(q store.Queries, p *access.Principal, f *parley.ViewFilter) error {
	list := []parley.View{{Filter: *f}}
	if err := judge(q, p, list); err != nil {
		return err
	}
	if err := parley.InvalidFields(list[0].Invalid); err != nil || f.Channel == "" {
		return err
	}
	seen, err := thread.NewSight(q, p).SeesChannel(f.Channel)
	if err == nil && !seen {
		err = parley.Invalid("filter.channel", "channel-unknown", "must be the id of a channel")
	}
	return err
}
