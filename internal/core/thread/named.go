package thread

import (
	"fmt"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// Seeing says which users see what is written in a conversation now.
func Seeing(q store.Queries, organization parley.ID, c *parley.Conversation) (func(user parley.ID) bool, error) {
	if c.Visibility == parley.VisibleToMembers {
		members, err := q.MembersOf(organization, []parley.ID{c.ID})
		return func(user parley.ID) bool {
			return slices.ContainsFunc(members[c.ID], func(m store.Member) bool { return m.User == user && m.LeftSequence == 0 })
		}, err
	}
	channels, err := q.ChannelsByID(organization, []parley.ID{c.Channel})
	ch := channels[c.Channel]
	return func(user parley.ID) bool { return ch == nil || ch.Open || slices.Contains(ch.Members, user) }, err
}

// naming is whom a conversation may name.
type naming struct {
	q    store.Queries
	p    *access.Principal
	sees func() (func(user parley.ID) bool, error) // which users see it
	had  []parley.Assignee                         // whom it named before: they may have gone
}

// avatar refuses one that the principal does not have.
func (n *naming) avatar(c *check, avatar parley.ID) error {
	if avatar == "" {
		return nil
	}
	file, err := n.q.Media(n.p.Organization, avatar)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && n.p.Personal && file.Uploader != n.p.User {
		c.refuse("avatar", "media-unknown", "must be the id of a file that you uploaded")
		return nil
	}
	return err
}

// assignees refuses those who do not exist, or would not find what they are to do.
func (n *naming) assignees(c *check, name string, assignees []parley.Assignee) error {
	if len(assignees) == 0 {
		return nil
	}
	var users []parley.ID
	for _, a := range assignees {
		users = append(users, a.ID)
	}
	known, err := n.q.UsersByID(n.p.Organization, users)
	if err != nil {
		return err
	}
	for i, a := range assignees {
		field, behind := fmt.Sprintf("%s[%d]", name, i), []parley.ID{a.ID}
		switch u := known[a.ID]; a.Kind {
		case parley.ActorUser:
			if u == nil || !u.Active {
				c.refuse(field+".id", "user-unknown", "must be the id of an active user")
				behind = nil
			} else if u.Machine { // sees what its keys see
				behind = nil
			}
		case parley.ActorTeam:
			team, err := n.q.Team(n.p.Organization, a.ID)
			if parley.IsKind(err, parley.KindNotFound) {
				c.refuse(field+".id", "team-unknown", "must be the id of a team")
			} else if err != nil {
				return err
			}
			behind = team.Members
		default:
			c.refuse(field+".kind", "value-unknown", "must be user or team")
			behind = nil
		}
		if slices.Contains(assignees[:i], a) {
			c.refuse(field, "duplicate", "is named twice")
		}
		if err := n.seen(c, field, a, behind); err != nil {
			return err
		}
	}
	return nil
}

// seen refuses an assignee who does not see the conversation, or a team of whom nobody does.
func (n *naming) seen(c *check, field string, a parley.Assignee, behind []parley.ID) error {
	if len(behind) == 0 || slices.Contains(n.had, a) {
		return nil
	}
	sees, err := n.sees()
	if err == nil && !slices.ContainsFunc(behind, sees) {
		c.refuse(field+".id", "assignee-unseen", "must be somebody who sees the conversation")
	}
	return err
}
