package escalation

import (
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/reminder"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/escalation"
	"github.com/parley-server/parley/internal/store/group"
	"github.com/parley-server/parley/internal/store/relation"
)

// reached are those whom a step asks.
type reached struct {
	users []parley.Actor // who are named
	roles []parley.Actor
	fresh []parley.Actor // users who have not been asked before, by name or on duty
	known bool           // somebody else is there, who has it already or wrote it
}

// why is why nobody is asked.
func (n *reached) why() string {
	if n.known {
		return parley.EscalationCircle
	}
	return parley.EscalationUnattended
}

// reach finds those whom a step asks: active users who are named, and who is on duty.
func (r *run) reach(step *parley.EscalationStep) (*reached, error) {
	var named, roleIDs []parley.ID
	for _, t := range step.Targets {
		if t.Kind == parley.ActorRole {
			roleIDs = append(roleIDs, t.ID)
		} else {
			named = append(named, t.ID)
		}
	}
	roles, err := duty.Some(r.Queries, r.organization, roleIDs)
	if err != nil {
		return nil, err
	}
	asked := slices.Clone(named)
	for _, id := range roleIDs {
		if role := roles[id]; role != nil {
			asked = append(asked, role.OnDuty...)
		}
	}
	users, err := r.UsersByID(r.organization, asked)
	if err != nil {
		return nil, err
	}
	have, err := r.have()
	if err != nil {
		return nil, err
	}
	next := &reached{}
	for i, id := range asked {
		u := users[id]
		if u == nil || !u.Active {
			continue
		}
		who := parley.Actor{Kind: parley.ActorUser, ID: u.ID, Name: u.Name}
		if i < len(named) {
			next.users = append(next.users, who)
		}
		if have[id] {
			next.known = true
		} else {
			next.fresh, have[id] = append(next.fresh, who), true
		}
	}
	for _, id := range roleIDs {
		if role := roles[id]; role != nil {
			next.roles = append(next.roles, parley.Actor{Kind: parley.ActorRole, ID: role.ID, Name: role.Name})
		}
	}
	return next, nil
}

// have are the users who have the message: who wrote it, and who takes part in the conversation, or in the group.
func (r *run) have() (map[parley.ID]bool, error) {
	have := map[parley.ID]bool{r.e.Originator: true}
	ids := []parley.ID{r.e.Conversation}
	if r.e.Group != "" {
		ids = append(ids, r.e.Group)
	}
	members, err := r.MembersOf(r.organization, ids)
	for _, id := range ids {
		for _, m := range members[id] {
			if m.LeftSequence == 0 {
				have[m.User] = true
			}
		}
	}
	return have, err
}

// include lets those whom a step asks into the group, which the first of them makes.
func (r *run) include(m *parley.Message, next *reached) error {
	if r.e.Group == "" {
		return r.open(m, next)
	}
	var participants []parley.Participant
	for _, role := range next.roles {
		participants = append(participants, parley.Participant{Kind: parley.ActorRole, ID: role.ID, Name: role.Name})
	}
	if err := r.AddParticipants(r.organization, r.e.Group, participants); err != nil {
		return err
	}
	if err := group.Join(r.Tx, r.organization, r.e.Group, next.fresh, true); err != nil {
		return err
	}
	r.parted(next.fresh, "joined")
	return r.welcome(next.users)
}

// parted tells the log who joined or left the group.
func (r *run) parted(users []parley.Actor, status string) {
	for _, u := range users {
		r.Emit(r.organization, parley.Event{Type: parley.EventParticipantsChanged, Conversation: r.e.Group, Subject: u.ID, Data: parley.EventData{Status: status}})
	}
}

// welcome makes users who are named guests of the group: they do not leave it by going off duty.
func (r *run) welcome(users []parley.Actor) error {
	var ids []parley.ID
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return duty.AddGuests(r.Tx, r.organization, r.e.Group, ids...)
}

// open makes the group: of who wrote the message, of the role with who is on duty for it, and of the first who are asked.
// Roles take part as roles, so that who comes on duty takes part too.
func (r *run) open(m *parley.Message, next *reached) error {
	e := r.e
	parts := &parts{}
	guests := slices.Clone(next.users)
	authors, err := r.UsersByID(r.organization, []parley.ID{e.Originator})
	if err != nil {
		return err
	}
	if author := authors[e.Originator]; author != nil {
		guests = append(guests, parley.Actor{Kind: parley.ActorUser, ID: author.ID, Name: author.Name})
	}
	title := "Escalation " + e.Code
	roles, err := duty.Some(r.Queries, r.organization, []parley.ID{e.Role})
	if err != nil {
		return err
	}
	if role := roles[e.Role]; role != nil {
		title += ": " + role.Name
		owners, err := duty.Owners(r.Queries, r.organization, role.ID)
		if err != nil {
			return err
		}
		parts.add(parley.Actor{Kind: parley.ActorRole, ID: role.ID, Name: role.Name})
		for _, o := range owners {
			parts.add(parley.Actor{Kind: parley.ActorUser, ID: o.User, Name: o.Name})
		}
	}
	parts.add(next.roles...)
	parts.add(next.fresh...)
	parts.add(guests...)
	made := parley.Conversation{Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Title: cut(title), Inbox: true,
		Group: parley.GroupRules{ReplayHistory: true}}
	if err := thread.Open(r.Tx, access.System(r.organization), &made, parts.list); err != nil {
		return err
	}
	e.Group = made.ID
	if err := r.welcome(guests); err != nil {
		return err
	}
	return r.post(m, &made)
}

// parts are participants, each once.
type parts struct{ list []parley.Participant }

func (p *parts) add(who ...parley.Actor) {
	for _, a := range who {
		if !slices.ContainsFunc(p.list, func(o parley.Participant) bool { return o.Kind == a.Kind && o.ID == a.ID }) {
			p.list = append(p.list, parley.Participant{Kind: a.Kind, ID: a.ID, Name: a.Name})
		}
	}
}

// cut is a title that is not too long.
func cut(title string) string {
	const most = 200
	if runes := []rune(title); len(runes) > most {
		return string(runes[:most])
	}
	return title
}

// post adds the message's copy to the group. Its content lives no longer than that of the message, and goes with it; a message
// that was read and is gone has none.
func (r *run) post(m *parley.Message, into *parley.Conversation) error {
	if m.Removed != "" {
		return nil
	}
	c := *m
	c.ID, c.Conversation, c.Parent, c.OnBehalfOf = parley.NewID(r.Now), r.e.Group, m.ID, nil
	c.Sequence, c.SentAt, c.CreatedAt, c.ExpiresAt, c.SendAt = 0, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	c.ReplyTo, c.Root, c.Reference, c.Batch, c.AckWithin, c.Reactions = "", "", "", "", 0, nil
	c.EditedAt, c.Edits, c.EditedIn, c.Fallback = time.Time{}, 0, nil, nil
	c.RequestAck = true
	c.State, c.Counts, c.Acks, c.Replies = parley.Sent, nil, parley.Acks{}, parley.Replies{}
	o, err := r.Organization(r.organization)
	if err != nil {
		return err
	}
	if c.TTL = o.Policy.Lifetime(into.Kind, 0); !m.ExpiresAt.IsZero() {
		if left := m.ExpiresAt.Sub(r.Now); c.TTL == 0 || c.TTL > left {
			c.TTL = left
		}
	}
	a := &store.Append{Organization: r.organization, Message: c,
		Events: []parley.Event{{Type: parley.EventMessageCreated, Conversation: c.Conversation, Message: c.ID, Data: parley.EventData{Actor: c.Actor.ID}}}}
	if c.TTL > 0 {
		a.Jobs = []store.Job{{Organization: r.organization, ID: store.JobID(store.JobExpire, string(c.ID)), Kind: store.JobExpire, Message: c.ID}}
	}
	r.e.Copy = c.ID
	if job, reminds := reminder.Job(r.organization, &a.Message, into, &o.Policy); reminds {
		a.Jobs = append(a.Jobs, job)
	}
	return parley.FirstError(r.Append(a), relation.Add(r.Tx, a))
}

// close closes the group of an escalation that has ended, and all leave it.
func (r *run) close() error {
	e := r.e
	if e.Group == "" {
		return nil
	}
	notice := r.item(e.Group, parley.Notice{Kind: parley.NoticeEscalationClosed}, "The group of escalation %s is closed.", e.Code)
	if err := r.Append(notice); err != nil {
		return err
	}
	e.GroupSequence = notice.Sequence
	members, err := r.MembersOf(r.organization, []parley.ID{e.Group})
	if err != nil {
		return err
	}
	var left []parley.Actor
	for _, m := range members[e.Group] {
		if m.LeftSequence == 0 {
			left = append(left, parley.Actor{Kind: parley.ActorUser, ID: m.User})
		}
	}
	r.parted(left, "left")
	if err := parley.FirstError(duty.DropGuests(r.Tx, r.organization, e.Group), escalation.LeaveAll(r.Tx, r.organization, e.Group)); err != nil {
		return err
	}
	if err := escalation.Update(r.Tx, r.organization, e); err != nil {
		return err
	}
	c, err := r.Conversation(r.organization, e.Group)
	if err != nil {
		return err
	}
	before := c
	c.Status, c.SnoozedUntil = parley.StatusClosed, time.Time{}
	return thread.Save(r.Tx, access.System(r.organization), &before, &c, parley.ReasonEscalation)
}
