package core

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/content"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
)

// resolve finds or makes the conversation that the message belongs to.
func (s *send) resolve(tx *store.Tx) (*route, error) {
	channels, err := tx.ChannelsRev(s.p.Organization)
	if err != nil {
		return nil, err
	}
	if err := s.holdsRole(tx); err != nil {
		return nil, err
	}
	r, err := s.find(tx)
	if r != nil && r.channel != nil {
		r.channelsRev = channels
	}
	if err == nil {
		err = s.bar(tx, r)
	}
	return r, err
}

func (s *send) find(tx *store.Tx) (*route, error) {
	switch to := &s.params.To; {
	case to.Conversation != "":
		return s.toConversation(tx, to.Conversation)
	case to.User != "":
		return s.toUser(tx, to.User)
	case to.Role != "":
		return s.toRole(tx, to.Role)
	case len(to.Users) > 0:
		return s.toUsers(tx, to.Users)
	case to.Team != "":
		return s.toTeam(tx, to.Team)
	case to.Broadcast != "":
		return s.toBroadcast(tx, to.Broadcast)
	case len(to.Receivers) > 0:
		return s.toReceivers(tx, to.Receivers)
	case to.Contact != "":
		return s.toContact(tx, to.Contact)
	default:
		return s.toAddress(tx, to.Address)
	}
}

// unknown makes a missing thing that the request names an invalid field. The code is THING-unknown.
func unknown(err error, field, code string) error {
	if parley.IsKind(err, parley.KindNotFound) {
		return parley.Invalid(field, code, "must be the id of a %s", strings.TrimSuffix(code, "-unknown"))
	}
	return err
}

func errNoConversation() error {
	return parley.Invalid("to.conversation", "conversation-unknown", "must be the id of a conversation")
}

func (s *send) toConversation(tx *store.Tx, id parley.ID) (*route, error) {
	conversation, err := s.c.conversation(tx.Queries, s.p, id)
	if err != nil {
		if parley.IsKind(err, parley.KindNotFound) {
			err = errNoConversation()
		}
		return nil, err
	}
	if err := s.admitted(&conversation); err != nil {
		return nil, err
	}
	participants, err := tx.Participants(s.p.Organization, conversation.ID)
	if err != nil {
		return nil, err
	}
	if conversation.Visibility == parley.VisibleToMembers && s.p.Personal && !takesPart(participants, s.p.User) {
		return nil, &parley.Error{Kind: parley.KindForbidden, Code: "not-a-participant", Message: "you no longer take part in the conversation"}
	}
	if conversation.Kind == parley.ConversationRole {
		return s.intoRole(tx, conversation, participants)
	}
	if conversation.Kind == parley.ConversationExternal || conversation.Kind == parley.ConversationSecure {
		return s.intoExternal(tx, conversation, participants)
	}
	if conversation.Kind == parley.ConversationBroadcast && s.plain() {
		return s.toList(tx, conversation)
	}
	if err := s.otherThere(tx, &conversation, participants); err != nil {
		return nil, err
	}
	away, err := s.otherAway(tx, &conversation, participants)
	return &route{conversation: conversation, members: members(participants, s.p.User), away: away}, err
}

// otherThere refuses a message to the other one of a direct conversation who was deactivated, as one that names that user is.
func (s *send) otherThere(tx *store.Tx, conversation *parley.Conversation, participants []parley.Participant) error {
	at := slices.IndexFunc(participants, func(p parley.Participant) bool { return p.Kind == parley.ActorUser && p.ID != s.p.User })
	if conversation.Kind != parley.ConversationDirect || at < 0 || !s.plain() {
		return nil
	}
	user, err := tx.User(s.p.Organization, participants[at].ID)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && !user.Active {
		err = parley.Invalid("to", "user-unknown", "the user whom the conversation is with was deactivated")
	}
	return err
}

func takesPart(participants []parley.Participant, user parley.ID) bool {
	return slices.ContainsFunc(participants, func(p parley.Participant) bool {
		return p.Kind == parley.ActorUser && p.ID == user && p.LeftSequence == 0
	})
}

// members counts the users who receive what the author writes.
func members(participants []parley.Participant, author parley.ID) int {
	n := 0
	for _, p := range participants {
		if p.Kind == parley.ActorUser && p.ID != author && p.LeftSequence == 0 {
			n++
		}
	}
	return n
}

// intoExternal is the route to the outside participants of a conversation.
func (s *send) intoExternal(tx *store.Tx, conversation parley.Conversation, participants []parley.Participant) (*route, error) {
	r := &route{conversation: conversation, customer: thread.Customer(participants)}
	if s.params.Internal || s.params.Record != nil && conversation.Channel == "" {
		return r, nil
	}
	ch, err := tx.Channel(s.p.Organization, conversation.Channel)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil, parley.Invalid("to.conversation", "channel-required", "the conversation has no channel to write on; send to its contact with a channel")
	}
	if err != nil {
		return nil, err
	}
	r.channel = &ch
	for _, p := range participants {
		if p.LeftSequence == 0 && p.Address.Kind == ch.AddressKind && p.Address.Value != "" {
			r.recipients = append(r.recipients, recipient{actor: parley.Actor{Kind: p.Kind, ID: p.ID, Name: p.Name}, address: p.Address})
		}
	}
	if len(r.recipients) == 0 && s.params.Record == nil {
		return nil, parley.Invalid("to.conversation", "recipient-required", "nobody outside takes part in the conversation on %s", ch.AddressKind)
	}
	return r, s.watchContact(tx, r, participants)
}

// watchContact refuses a contact that opted out, and lets a later change of it make the route stale.
func (s *send) watchContact(tx *store.Tx, r *route, participants []parley.Participant) error {
	var ids []parley.ID
	for _, p := range participants {
		if p.Kind == parley.ActorContact && p.LeftSequence == 0 {
			ids = append(ids, p.ID)
		}
	}
	contacts, err := tx.ContactsByID(s.p.Organization, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		contact := contacts[id]
		if contact == nil {
			continue // deleted; its address stays a participant
		}
		if err := s.admits(contact); err != nil {
			return err
		}
		r.locate(contact)
		r.contacts++
		if r.contact == "" {
			r.contact, r.contactRev = contact.ID, contact.Rev
		}
		if id == r.customer {
			r.customerName = contact.Name
		}
	}
	return nil
}

// admits refuses to write to a contact that opted out. What happened elsewhere may be recorded.
func (s *send) admits(contact *parley.Contact) error {
	if contact.OptedOut && s.params.Record == nil {
		return parley.Invalid("to", "contact-opted-out", "the contact does not want to be written to")
	}
	return nil
}

// user returns an active user that the request names.
func (s *send) user(tx *store.Tx, id parley.ID, field string) (parley.User, error) {
	u, err := tx.User(s.p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && !u.Active {
		return u, parley.Invalid(field, "user-unknown", "must be the id of an active user")
	}
	return u, err
}

func (s *send) toUser(tx *store.Tx, id parley.ID) (*route, error) {
	u, err := s.user(tx, id, "to.user")
	if err != nil {
		return nil, err
	}
	if id == s.p.User {
		return nil, parley.Invalid("to.user", "recipient-self", "must be somebody else")
	}
	if s.role != nil {
		return s.asRole(tx, u)
	}
	r, err := s.direct(tx, u)
	if err == nil {
		r.away, err = s.away(tx, parley.Actor{Kind: parley.ActorUser, ID: u.ID, Name: u.Name})
	}
	return r, err
}

// direct is the conversation of the author and a user.
func (s *send) direct(tx *store.Tx, u parley.User) (*route, error) {
	key := directKey(s.p.User, u.ID)
	conversation, err := tx.ConversationByKey(s.p.Organization, key)
	if parley.IsKind(err, parley.KindNotFound) {
		conversation = parley.Conversation{Kind: parley.ConversationDirect, Visibility: parley.VisibleToMembers, ThreadKey: key, Inbox: true}
		err = s.create(tx, &conversation, []parley.Participant{s.self(), {Kind: parley.ActorUser, ID: u.ID, Name: u.Name}})
	}
	return &route{conversation: conversation, members: 1}, err
}

// self is the principal's user as a participant.
func (s *send) self() parley.Participant {
	return parley.Participant{Kind: parley.ActorUser, ID: s.p.User, Name: s.p.UserName}
}

func directKey(a, b parley.ID) string {
	return fmt.Sprintf("direct:%s:%s", min(a, b), max(a, b))
}

// create adds a conversation with its participants.
func (s *send) create(tx *store.Tx, conversation *parley.Conversation, participants []parley.Participant) error {
	return createConversation(tx, s.p, conversation, participants)
}

func createConversation(tx *store.Tx, p *access.Principal, conversation *parley.Conversation, participants []parley.Participant) error {
	return thread.Open(tx, p, conversation, participants)
}

// toUsers makes a group of the author and the users.
func (s *send) toUsers(tx *store.Tx, ids []parley.ID) (*route, error) {
	users, err := tx.UsersByID(s.p.Organization, ids)
	if err != nil {
		return nil, err
	}
	participants := []parley.Participant{s.self()}
	seen := map[parley.ID]bool{s.p.User: true}
	for i, id := range ids {
		u := users[id]
		if u == nil || !u.Active {
			return nil, parley.Invalid(fmt.Sprintf("to.users[%d]", i), "user-unknown", "must be the id of an active user")
		}
		if !seen[id] {
			seen[id] = true
			participants = append(participants, parley.Participant{Kind: parley.ActorUser, ID: u.ID, Name: u.Name})
		}
	}
	if len(participants) == 1 {
		return nil, parley.Invalid("to.users", "recipient-self", "must name somebody else")
	}
	conversation := parley.Conversation{Kind: parley.ConversationGroup, Visibility: parley.VisibleToMembers, Inbox: true}
	if g := s.params.Group; g != nil {
		conversation.Title, conversation.Description, conversation.Metadata = g.Name, g.Description, g.Metadata
		if g.Avatar != "" {
			file, err := tx.Media(s.p.Organization, g.Avatar)
			if parley.IsKind(err, parley.KindNotFound) || err == nil && s.p.Personal && file.Uploader != s.p.User {
				return nil, parley.Invalid("group.avatar", "media-unknown", "must be the id of a file that you uploaded")
			} else if err != nil {
				return nil, err
			}
			conversation.Avatar = g.Avatar
		}
	}
	err = s.create(tx, &conversation, participants)
	return &route{conversation: conversation, members: len(participants) - 1}, err
}

// TeamKey is the thread key of a team's conversation.
func TeamKey(team parley.ID) string { return "team:" + string(team) }

func (s *send) toTeam(tx *store.Tx, id parley.ID) (*route, error) {
	if _, err := tx.Team(s.p.Organization, id); err != nil {
		return nil, unknown(err, "to.team", "team-unknown")
	}
	conversation, err := tx.ConversationByKey(s.p.Organization, TeamKey(id))
	if err != nil {
		return nil, err
	}
	participants, err := tx.Participants(s.p.Organization, conversation.ID)
	if err != nil {
		return nil, err
	}
	if s.p.Personal && !takesPart(participants, s.p.User) {
		return nil, &parley.Error{Kind: parley.KindForbidden, Code: "not-a-member", Message: "you are not a member of the team"}
	}
	return &route{conversation: conversation, members: members(participants, s.p.User)}, nil
}

// copySource puts the content of the message that is forwarded behind the parts of the send's own. The copy lives no longer
// than what it is a copy of, and goes with it.
func (s *send) copySource(tx *store.Tx) error {
	if s.params.Forward == "" {
		return nil
	}
	if err := s.p.Require(parley.ScopeMessagesRead); err != nil {
		return err
	}
	m, hidden, err := thread.NewSight(tx.Queries, s.p).Content(s.params.Forward, tx.Now)
	switch {
	case err != nil:
		return err
	case hidden:
		return parley.Conflict("content-removed", "the content of the message is gone")
	case m.Sequence == 0 || m.Kind == parley.KindSystem || m.DeleteOnRead:
		return parley.Invalid("id", "forward-unsupported", "a message that is scheduled, deleted on read or the system's own is not forwarded")
	}
	s.forward = &parley.Forward{Message: m.ID, Author: m.Author, SentAt: m.SentAt, Own: len(s.own)}
	s.params.Body, s.files = slices.Concat(s.own, m.Body), m.Attachments
	if wrong := content.Check(s.params.Body); len(wrong) > 0 { // it is too much together
		return parley.InvalidFields(wrong)
	}
	if m.ExpiresAt.IsZero() {
		return nil
	}
	if left := m.ExpiresAt.Sub(tx.Now); s.params.TTL == 0 || s.params.TTL > left {
		s.params.TTL = left
	}
	return nil
}

// Named is whom an id stands for, where it may be that of a user, a role, a conversation, a broadcast list or a team. What
// the principal may not write to, sending to it refuses.
func (c *Core) Named(ctx context.Context, p *Principal, id parley.ID) (To, error) {
	q := c.read(ctx)
	for _, look := range []struct {
		find func() error
		to   To
	}{
		{func() error { _, err := q.User(p.Organization, id); return err }, To{User: id}},
		{func() error { _, err := c.conversation(q, p, id); return err }, To{Conversation: id}},
		{func() error { _, err := duty.Get(q, p.Organization, id); return err }, To{Role: id}},
		{func() error { _, err := q.Broadcast(p.Organization, id); return err }, To{Broadcast: id}},
		{func() error { _, err := q.Team(p.Organization, id); return err }, To{Team: id}},
	} {
		if err := look.find(); !parley.IsKind(err, parley.KindNotFound) {
			return look.to, err
		}
	}
	return To{}, parley.NotFound("recipient", id)
}
