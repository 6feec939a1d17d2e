package core

import (
	"slices"

	"github.com/parley-server/parley/internal/core/escalation"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	escalations "github.com/parley-server/parley/internal/store/escalation"
)

func roleActor(r *parley.Role) parley.Actor {
	return parley.Actor{Kind: parley.ActorRole, ID: r.ID, Name: r.Name}
}

// holdsRole refuses to send as a role that the principal's user is not on duty for at this moment.
func (s *send) holdsRole(tx *store.Tx) error {
	id := s.params.From.Role
	if id == "" {
		return nil
	}
	role, err := duty.Get(tx.Queries, s.p.Organization, id)
	if err != nil {
		return unknown(err, "from.role", "role-unknown")
	}
	if !slices.Contains(role.OnDuty, s.p.User) {
		return &parley.Error{Kind: parley.KindForbidden, Code: "not-on-duty", Message: "you are not on duty for the role",
			Fields: []parley.FieldError{{Field: "from.role", Code: "not-on-duty", Message: "must be a role that you are on duty for"}}}
	}
	s.role = &role
	return nil
}

// toRole is the conversation of the author and a role.
func (s *send) toRole(tx *store.Tx, id parley.ID) (*route, error) {
	role, err := duty.Get(tx.Queries, s.p.Organization, id)
	if err != nil {
		return nil, unknown(err, "to.role", "role-unknown")
	}
	conversation, err := s.roleThread(tx, &role, s.self())
	if err != nil {
		return nil, err
	}
	return s.reaching(tx, &role, s.p.User, conversation)
}

// roleThread finds or makes the conversation of a role with somebody, in which all who are on duty take part.
func (s *send) roleThread(tx *store.Tx, role *parley.Role, asker parley.Participant) (parley.Conversation, error) {
	key := duty.ThreadKey(role.ID, asker.ID)
	conversation, err := tx.ConversationByKey(s.p.Organization, key)
	if err == nil {
		conversation.Participants, err = tx.Participants(s.p.Organization, conversation.ID)
		return conversation, err
	}
	if !parley.IsKind(err, parley.KindNotFound) {
		return conversation, err
	}
	participants := []parley.Participant{asker, {Kind: parley.ActorRole, ID: role.ID, Name: role.Name}}
	owners, err := duty.Owners(tx.Queries, s.p.Organization, role.ID)
	if err != nil {
		return conversation, err
	}
	for _, o := range owners {
		if o.User != asker.ID {
			participants = append(participants, parley.Participant{Kind: parley.ActorUser, ID: o.User, Name: o.Name})
		}
	}
	conversation = parley.Conversation{Kind: parley.ConversationRole, Visibility: parley.VisibleToMembers, ThreadKey: key, Inbox: true}
	err = s.create(tx, &conversation, participants)
	conversation.Participants = participants
	return conversation, err
}

// intoRole is the route into a role's conversation that exists.
func (s *send) intoRole(tx *store.Tx, conversation parley.Conversation, participants []parley.Participant) (*route, error) {
	at := slices.IndexFunc(participants, func(p parley.Participant) bool { return p.Kind == parley.ActorRole })
	if at < 0 {
		return nil, parley.Conflict("role-deleted", "the role of the conversation was deleted")
	}
	role, err := duty.Get(tx.Queries, s.p.Organization, participants[at].ID)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, parley.Conflict("role-deleted", "the role of the conversation was deleted")
	}
	if err != nil {
		return nil, err
	}
	conversation.Participants = participants
	for _, p := range participants {
		if p.Kind == parley.ActorUser && conversation.ThreadKey == duty.ThreadKey(role.ID, p.ID) {
			return s.reaching(tx, &role, p.ID, conversation)
		}
	}
	return s.reaching(tx, &role, "", conversation)
}

// asRole is the conversation of a role and a user that somebody on duty for the role writes to.
func (s *send) asRole(tx *store.Tx, u parley.User) (*route, error) {
	conversation, err := s.roleThread(tx, s.role, parley.Participant{Kind: parley.ActorUser, ID: u.ID, Name: u.Name})
	if err != nil {
		return nil, err
	}
	return s.reaching(tx, s.role, u.ID, conversation)
}

// reaching is the route to those who take part in a role's conversation with somebody. While nobody else is on duty what
// they write is kept for who comes, unless the role wants somebody to be there.
func (s *send) reaching(tx *store.Tx, role *parley.Role, asker parley.ID, conversation parley.Conversation) (*route, error) {
	participants := conversation.Participants
	conversation.Participants = nil
	r := &route{conversation: conversation, members: members(participants, s.p.User)}
	if s.p.User == asker && asker != "" && s.plain() {
		var err error
		if r.policy, err = escalations.PolicyOf(tx.Queries, s.p.Organization, role.ID); err != nil {
			return nil, err
		}
	}
	attended := slices.ContainsFunc(role.OnDuty, func(id parley.ID) bool { return id != asker })
	if attended || s.p.User != asker || s.params.Record != nil {
		return r, nil
	}
	if role.OwnerRequired {
		return nil, &parley.Error{Kind: parley.KindConflict, Code: "role-unattended", Message: "nobody is on duty for the role",
			Facts: map[string]any{"awayText": role.AwayText}}
	}
	r.role = role
	var since int64
	for _, p := range participants {
		if p.Kind == parley.ActorUser && p.LeftSequence > 0 {
			since = max(since, p.LeftSequence-1)
		}
	}
	r.first = conversation.LastSequence == since && role.AwayText != "" && !s.later
	return r, nil
}

// checkEscalate refuses to have a message escalate for which there is no policy.
func (s *send) checkEscalate(r *route) error {
	if s.params.Escalate && r.policy == nil {
		return escalation.ErrPolicy("escalate")
	}
	return nil
}

// escalates reports whether a message is to go from one to the next: it says so, or the policy of the role does.
func (s *send) escalates(r *route) bool {
	return r.policy != nil && (s.params.Escalate || r.policy.Always)
}

// escalate has a message that was accepted do so.
func (s *send) escalate(tx *store.Tx, a *store.Append, r *route) error {
	if !s.escalates(r) {
		return nil
	}
	return escalation.Start(tx, s.p.Organization, s.p.Actor(), &a.Message, r.policy)
}

// answerAway answers the first message that comes while nobody is on duty with the role's own text.
func (s *send) answerAway(tx *store.Tx, r *route) error {
	return s.answer(tx, r, roleActor(r.role), nil, r.role.AwayText)
}

// answer adds a system item that answers the message.
func (s *send) answer(tx *store.Tx, r *route, author parley.Actor, notice *parley.Notice, text string) error {
	a := &store.Append{Organization: s.p.Organization, Message: parley.Message{
		ID: parley.NewID(tx.Now), Conversation: r.conversation.ID, Kind: parley.KindSystem, Direction: parley.NoDirection, Author: author, Actor: author,
		Body: []parley.Part{{Kind: parley.PartText, Text: text}}, Notice: notice, Priority: parley.PriorityNormal, ReplyTo: s.id, Root: s.id, TTL: s.params.TTL,
		State: parley.Delivered}}
	if a.Message.TTL > 0 {
		a.Jobs = []store.Job{{Organization: a.Organization, ID: store.JobID(store.JobExpire, string(a.Message.ID)), Kind: store.JobExpire, Message: a.Message.ID}}
	}
	a.Events = []parley.Event{{Type: parley.EventMessageCreated, Conversation: a.Message.Conversation, Message: a.Message.ID}}
	if s.root != "" {
		a.Message.Root = s.root
	}
	return appendRelated(tx, a)
}

// validate checks the form of as whom a message is sent.
func (f *From) validate(c *check) {
	if f.Author.Kind == "" {
		return
	}
	if f.Role != "" {
		c.Refuse("from", "not-allowed", "must name one only")
	}
	switch f.Author.Kind {
	case parley.ActorUser, parley.ActorTeam:
		if f.Author.ID == "" {
			c.Refuse("from.author.id", "required", "must not be empty")
		}
	case parley.ActorOrganization:
		if f.Author.ID != "" {
			c.Refuse("from.author.id", "not-allowed", "goes with a user or a team only")
		}
	default:
		c.Refuse("from.author.kind", "value-unknown", "must be user, team or organization")
	}
}

// mayAppear refuses whoever acts as a person to be shown as somebody else.
func (s *send) mayAppear() error {
	author := &s.params.From.Author
	if author.Kind == "" || !s.p.Personal || author.Kind == parley.ActorUser && author.ID == s.p.User {
		return nil
	}
	return &parley.Error{Kind: parley.KindForbidden, Code: "organization-key-required", Message: "only an organization key sends as somebody else"}
}

// appear finds who is shown as the author, of a user or a team. What the organization is called is known with its policy.
func (s *send) appear(tx *store.Tx) error {
	switch author := &s.params.From.Author; author.Kind {
	case parley.ActorUser:
		u, err := tx.User(s.p.Organization, author.ID)
		if parley.IsKind(err, parley.KindNotFound) || err == nil && (!u.Active || u.Machine && u.ID != s.p.User) {
			return parley.Invalid("from.author.id", "user-unknown", "must be the id of an active user")
		}
		author.Name = u.Name
		return err
	case parley.ActorTeam:
		t, err := tx.Team(s.p.Organization, author.ID)
		author.Name = t.Name
		return unknown(err, "from.author.id", "team-unknown")
	}
	return nil
}

// author is who is shown.
func (s *send) author() parley.Actor {
	switch {
	case s.role != nil:
		return roleActor(s.role)
	case s.params.From.Author.Kind != "":
		return s.params.From.Author
	}
	return s.p.Actor()
}

// known reports whether nothing has to be looked up to say who is shown.
func (s *send) known() bool {
	kind := s.params.From.Author.Kind
	return kind == "" || kind == parley.ActorOrganization
}

// admitted refuses a conversation where the door that the request came through lets no such message go.
func (s *send) admitted(c *parley.Conversation) error {
	if s.params.Admits == nil || s.params.To.Conversation == "" {
		return nil
	}
	return s.params.Admits(c)
}

// taken refuses a channel that the door that the request came through lets no message go on.
func (s *send) taken(r *route) error {
	if s.params.Takes == nil || r.channel == nil {
		return nil
	}
	return s.params.Takes(r.channel)
}
