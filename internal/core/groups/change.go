package groups

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/group"
)

// What became of a member, as its event says.
const (
	joined = "joined"
	left   = "left"
)

// change is a change of a group under way.
type change struct {
	*store.Tx
	p     *access.Principal
	group Group
}

// change runs a unit that changes a group which the principal finds.
func (g *Groups) change(ctx context.Context, p *access.Principal, id parley.ID, unit func(c *change) error) (Group, error) {
	var changed Group
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return changed, err
	}
	err := g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		found, err := find(tx.Queries, p, id)
		if err != nil {
			return err
		}
		if err := unit(&change{tx, p, found}); err != nil {
			return err
		}
		changed, err = find(tx.Queries, p, id)
		if parley.IsKind(err, parley.KindNotFound) { // whoever leaves finds it no more
			err = nil
		}
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return changed, nil
}

// managed is change by somebody who may: members, and keys that see all groups.
func (g *Groups) managed(ctx context.Context, p *access.Principal, id parley.ID, unit func(c *change) error) (Group, error) {
	return g.change(ctx, p, id, func(c *change) error {
		if !c.group.Member && !seesAll(p) {
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-member", Message: "you are not a member of the group"}
		}
		return unit(c)
	})
}

// Patch changes a group. What is nil stays as it is.
type Patch struct {
	Name          *string
	Description   *string
	Avatar        *parley.ID         // empty removes it
	Metadata      map[string]*string // one by one; nil removes one
	ReplayHistory *bool              // of who joins from then on
}

// Update changes a group; its members are told. An ifMatch that is not 0 must be its revision.
func (g *Groups) Update(ctx context.Context, p *access.Principal, id parley.ID, patch Patch, ifMatch int64) (Group, error) {
	return g.managed(ctx, p, id, func(c *change) error {
		conversation, err := c.Conversation(p.Organization, id)
		if err != nil {
			return err
		}
		labels := thread.ConversationPatch{Title: patch.Name, Description: patch.Description, Avatar: patch.Avatar, Metadata: patch.Metadata}
		if err := labels.Change(c.Tx, p, &conversation, ifMatch); parley.IsKind(err, parley.KindInvalid) {
			return named(err)
		} else if err != nil {
			return err
		}
		if patch.ReplayHistory != nil {
			if err := group.SetReplay(c.Tx, p.Organization, id, *patch.ReplayHistory); err != nil {
				return err
			}
		}
		if conversation.Title == c.group.Name && conversation.Description == c.group.Description && conversation.Avatar == c.group.Avatar {
			return nil
		}
		return c.tell(parley.Notice{Kind: parley.NoticeUpdated}, "%s changed the group.", p.UserName)
	})
}

// tell adds a system item to a group.
func (c *change) tell(notice parley.Notice, format string, args ...any) error {
	by := c.p.Actor()
	m := parley.Message{ID: parley.NewID(c.Now), Conversation: c.group.ID, Kind: parley.KindSystem, Direction: parley.NoDirection, Author: by, Actor: by,
		Body: []parley.Part{{Kind: parley.PartText, Text: fmt.Sprintf(format, args...)}}, Priority: parley.PriorityNormal, Notice: &notice, State: parley.Delivered}
	return c.Append(&store.Append{Organization: c.p.Organization, Message: m,
		Events: []parley.Event{{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: m.ID, Data: parley.EventData{Actor: c.p.User}}}})
}

// parted tells the logs who joined or left.
func (c *change) parted(users []parley.Actor, status string) error {
	var changes parley.Changes
	for _, u := range users {
		c.Emit(c.p.Organization, parley.Event{Type: parley.EventParticipantsChanged, Conversation: c.group.ID, Subject: u.ID,
			Data: parley.EventData{Actor: c.p.User, Status: status}})
		if status == joined {
			changes.Made("user", string(u.ID))
		} else {
			changes.Gone("user", string(u.ID))
		}
	}
	act := parley.ActParticipantRemoved
	if status == joined {
		act = parley.ActParticipantAdded
	}
	return c.p.Did(c.Tx, act, c.group.ID, changes)
}

// admit lets users in, who then have what is told of it.
func (c *change) admit(users []parley.Actor) error {
	if err := group.Join(c.Tx, c.p.Organization, c.group.ID, users, c.group.ReplayHistory); err != nil {
		return err
	}
	ids := make([]parley.ID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	if err := duty.AddGuests(c.Tx, c.p.Organization, c.group.ID, ids...); err != nil {
		return err
	}
	return c.parted(users, joined)
}

// dismiss takes a user out, who has what was told of it before.
func (c *change) dismiss(user parley.Actor) error {
	if err := c.parted([]parley.Actor{user}, left); err != nil {
		return err
	}
	if err := duty.DropGuest(c.Tx, c.p.Organization, c.group.ID, user.ID); err != nil {
		return err
	}
	return c.LeaveConversation(c.p.Organization, c.group.ID, &parley.Participant{Kind: parley.ActorUser, ID: user.ID})
}

const maxMembers = 1000 // a call

// Add lets users into a group; its members are told. Those who are in it stay so.
func (g *Groups) Add(ctx context.Context, p *access.Principal, id parley.ID, users []parley.ID) (Group, error) {
	switch {
	case len(users) == 0:
		return Group{}, parley.Invalid("users", "required", "must be at least one")
	case len(users) > maxMembers:
		return Group{}, parley.Invalid("users", "too-many", "must be at most %d", maxMembers)
	}
	return g.managed(ctx, p, id, func(c *change) error {
		added, err := c.strangers(users)
		if err != nil || len(added) == 0 {
			return err
		}
		if err := c.admit(added); err != nil {
			return err
		}
		return c.tell(parley.Notice{Kind: parley.NoticeAdded, Who: added}, "%s added %s.", p.UserName, called(added))
	})
}

// strangers are those of some users who are not in the group, each once.
func (c *change) strangers(users []parley.ID) (list []parley.Actor, err error) {
	known, err := c.UsersByID(c.p.Organization, users)
	if err != nil {
		return nil, err
	}
	participants, err := c.Participants(c.p.Organization, c.group.ID)
	if err != nil {
		return nil, err
	}
	in := map[parley.ID]bool{}
	for i := range participants {
		in[participants[i].ID] = participants[i].LeftSequence == 0
	}
	for i, id := range users {
		u := known[id]
		if u == nil || !u.Active {
			return nil, parley.Invalid(fmt.Sprintf("users[%d]", i), "user-unknown", "must be the id of an active user")
		}
		if !in[id] {
			in[id] = true
			list = append(list, parley.Actor{Kind: parley.ActorUser, ID: id, Name: u.Name})
		}
	}
	return list, nil
}

// called are the names of some of those whom an item is about.
func called(users []parley.Actor) string {
	const most = 10
	var list []string
	for _, u := range users[:min(len(users), most)] {
		list = append(list, u.Name)
	}
	text := strings.Join(list, ", ")
	if more := len(users) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Remove takes a user out of a group; its members are told.
func (g *Groups) Remove(ctx context.Context, p *access.Principal, id, user parley.ID) error {
	if user == p.User {
		return g.Leave(ctx, p, id)
	}
	_, err := g.managed(ctx, p, id, func(c *change) error {
		part, err := c.Participant(p.Organization, id, user)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && (part.LeftSequence != 0 || part.Kind != parley.ActorUser) {
			return parley.NotFound("member", user)
		}
		if err != nil {
			return err
		}
		who := parley.Actor{Kind: parley.ActorUser, ID: user, Name: part.Name}
		if err := c.tell(parley.Notice{Kind: parley.NoticeRemoved, Who: []parley.Actor{who}}, "%s removed %s.", p.UserName, who.Name); err != nil {
			return err
		}
		return c.dismiss(who)
	})
	return err
}

// Join lets the principal's user into a forum; its members are told. One who is in it stays so.
func (g *Groups) Join(ctx context.Context, p *access.Principal, id parley.ID) (Group, error) {
	return g.change(ctx, p, id, func(c *change) error {
		switch {
		case c.group.Member:
			return nil
		case !c.group.Forum || p.User == "":
			return &parley.Error{Kind: parley.KindForbidden, Code: "not-a-forum", Message: "only a member lets others into the group"}
		}
		if err := c.admit([]parley.Actor{p.Actor()}); err != nil {
			return err
		}
		return c.tell(parley.Notice{Kind: parley.NoticeJoined}, "%s joined.", p.UserName)
	})
}

// Leave takes the principal's user out of a group; its members are told.
func (g *Groups) Leave(ctx context.Context, p *access.Principal, id parley.ID) error {
	_, err := g.change(ctx, p, id, func(c *change) error {
		if !c.group.Member {
			return parley.NotFound("member", p.User)
		}
		if err := c.tell(parley.Notice{Kind: parley.NoticeLeft}, "%s left.", p.UserName); err != nil {
			return err
		}
		return c.dismiss(p.Actor())
	})
	return err
}
