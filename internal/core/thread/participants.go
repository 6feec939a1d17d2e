package thread

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/duty"
	"github.com/parley-server/parley/internal/store/group"
)

// What became of a participant, as its event says.
const (
	joined = "joined"
	left   = "left"
)

// Participants returns everybody who takes or took part in a conversation.
func (t *Threads) Participants(ctx context.Context, p *access.Principal, conversation parley.ID) ([]parley.Participant, error) {
	c, err := t.Conversation(ctx, p, conversation)
	return c.Participants, err
}

// AddParticipant lets somebody take part in a conversation: a user in a group or a note, somebody outside in an
// external one that has no thread of its channel's. One who takes part already stays as it is.
func (t *Threads) AddParticipant(ctx context.Context, p *access.Principal, conversation parley.ID, who NewParticipant) (added parley.Participant, err error) {
	err = t.changeConversation(ctx, p, conversation, func(tx *store.Tx, s *Sight, c *parley.Conversation) error {
		outside, err := admitsOutside(c)
		if err != nil {
			return err
		}
		var wrong check
		who.validate(&wrong, "participant", outside)
		if err := wrong.Err(); err != nil {
			return err
		}
		kind, err := addressKindOf(tx, p, c)
		if err != nil {
			return err
		}
		known, err := findPeople(tx.Queries, p, []NewParticipant{who})
		if err != nil {
			return err
		}
		found, err := who.find(tx, p, known, "participant", kind)
		if err != nil {
			return err
		}
		before, err := tx.Participants(p.Organization, c.ID)
		if err != nil {
			return err
		}
		if at := takingPart(before, found.Kind, found.ID, found.Address); at != nil {
			added = *at
			return nil
		}
		if err := admit(tx, p.Organization, c.ID, &found); err != nil {
			return err
		}
		if c.Kind == parley.ConversationGroup {
			if err := duty.AddGuests(tx, p.Organization, c.ID, found.ID); err != nil {
				return err
			}
		}
		emit(tx, p, parley.EventParticipantsChanged, c.ID, found.ID, parley.EventData{Status: joined})
		if err := p.Did(tx, parley.ActParticipantAdded, c.ID, participantChange(&found, (*parley.Changes).Made)); err != nil {
			return err
		}
		if err := Remember(tx, p, c, "", parley.Difference{Field: "participants", To: []string{found.Ref()}}); err != nil {
			return err
		}
		after, err := tx.Participants(p.Organization, c.ID)
		if at := takingPart(after, found.Kind, found.ID, found.Address); at != nil {
			added = *at
		}
		return err
	})
	return added, err
}

// admit lets somebody take part: a user who comes back keeps what was seen before, and in a group that replays its history
// has all of it.
func admit(tx *store.Tx, organization, conversation parley.ID, who *parley.Participant) error {
	if who.Kind != parley.ActorUser {
		return tx.AddParticipants(organization, conversation, []parley.Participant{*who})
	}
	rules, err := group.Rules(tx.Queries, organization, []parley.ID{conversation})
	if err != nil {
		return err
	}
	user := parley.Actor{Kind: who.Kind, ID: who.ID, Name: who.Name}
	return group.Join(tx, organization, conversation, []parley.Actor{user}, rules[conversation].ReplayHistory)
}

// RemoveParticipant ends somebody's part in a conversation: that of a user or contact by id, or of a bare address.
func (t *Threads) RemoveParticipant(ctx context.Context, p *access.Principal, conversation parley.ID, who NewParticipant) error {
	return t.changeConversation(ctx, p, conversation, func(tx *store.Tx, s *Sight, c *parley.Conversation) error {
		_, err := admitsOutside(c)
		if err != nil {
			return err
		}
		if who.Contact != "" {
			if who.Contact, err = tx.Became(p.Organization, who.Contact); err != nil {
				return err
			}
		}
		participants, err := tx.Participants(p.Organization, c.ID)
		if err != nil {
			return err
		}
		for i := range participants {
			at := &participants[i]
			if at.LeftSequence != 0 || !who.is(at) {
				continue
			}
			emit(tx, p, parley.EventParticipantsChanged, c.ID, at.ID, parley.EventData{Status: left})
			if err := p.Did(tx, parley.ActParticipantRemoved, c.ID, participantChange(at, (*parley.Changes).Gone)); err != nil {
				return err
			}
			if err := Remember(tx, p, c, "", parley.Difference{Field: "participants", From: []string{at.Ref()}}); err != nil {
				return err
			}
			if err := duty.DropGuest(tx, p.Organization, c.ID, at.ID); err != nil {
				return err
			}
			return tx.LeaveConversation(p.Organization, c.ID, at)
		}
		return parley.NotFound("participant", parley.ID(who.name()))
	})
}

// participantChange is who came or went, as the audit log has it: by id, and without an address.
func participantChange(who *parley.Participant, note func(*parley.Changes, string, any)) (changes parley.Changes) {
	if who.ID == "" {
		changes.Name("address", true)
	} else {
		note(&changes, string(who.Kind), string(who.ID))
	}
	return changes
}

func (n *NewParticipant) is(who *parley.Participant) bool {
	switch {
	case n.User != "":
		return who.Kind == parley.ActorUser && who.ID == n.User
	case n.Contact != "":
		return who.Kind == parley.ActorContact && who.ID == n.Contact
	}
	return n.Address != "" && who.Address.Value != "" && who.Address.String() == n.Address
}

func (n *NewParticipant) name() string { return string(n.User) + string(n.Contact) + n.Address }

// admitsOutside says who may be added to a conversation: people outside, else users. The participants of the
// others follow from what they are.
func admitsOutside(c *parley.Conversation) (bool, error) {
	switch {
	case c.Kind == parley.ConversationGroup || c.Kind == parley.ConversationNote:
		return false, nil
	case (c.Kind == parley.ConversationExternal || c.Kind == parley.ConversationSecure) && c.ThreadKey == "":
		return true, nil
	}
	return false, parley.Conflict("participants-fixed", "nobody joins or leaves this conversation by hand: who takes part is what it is about")
}

func addressKindOf(tx *store.Tx, p *access.Principal, c *parley.Conversation) (parley.AddressKind, error) {
	if c.Channel == "" {
		return "", nil
	}
	ch, err := tx.Channel(p.Organization, c.Channel)
	if parley.IsKind(err, parley.KindNotFound) {
		return "", parley.Conflict("channel-deleted", "the channel of the conversation was deleted")
	}
	return ch.AddressKind, err
}

func takingPart(participants []parley.Participant, kind parley.ActorKind, id parley.ID, a parley.Address) *parley.Participant {
	for i := range participants {
		if at := &participants[i]; at.LeftSequence == 0 && at.Kind == kind && at.ID == id && at.Address.Value == a.Value && at.Address.Kind == a.Kind {
			return at
		}
	}
	return nil
}

// Follows reports whether the principal knows how something stands of which a conversation, which has been looked up, was told
// last with an item: who takes part in one of members does, and who did then.
func (s *Sight) Follows(c *parley.Conversation, sequence int64) bool {
	part := s.parts[c.ID]
	return part != nil && part.LeftSequence == 0 || s.SeesChange(c, sequence-1)
}

// Customer is the contact that a conversation is with: of those who take part, the one that was there first. It is empty where nobody
// who takes part is one.
func Customer(participants []parley.Participant) (customer parley.ID) {
	for i := range participants {
		p := &participants[i]
		if p.Kind == parley.ActorContact && p.ID != "" && p.LeftSequence == 0 && (customer == "" || p.ID < customer) {
			customer = p.ID
		}
	}
	return customer
}

// HiddenChannels are the channels whose conversations the principal does not see.
func (s *Sight) HiddenChannels() ([]parley.ID, error) {
	if err := s.lookClosed(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(s.closed)), nil
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
		c.Refuse("avatar", "media-unknown", "must be the id of a file that you uploaded")
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
				c.Refuse(field+".id", "user-unknown", "must be the id of an active user")
				behind = nil
			} else if u.Machine { // sees what its keys see
				behind = nil
			}
		case parley.ActorTeam:
			team, err := n.q.Team(n.p.Organization, a.ID)
			if parley.IsKind(err, parley.KindNotFound) {
				c.Refuse(field+".id", "team-unknown", "must be the id of a team")
			} else if err != nil {
				return err
			}
			behind = team.Members
		default:
			c.Refuse(field+".kind", "value-unknown", "must be user or team")
			behind = nil
		}
		if slices.Contains(assignees[:i], a) {
			c.Refuse(field, "duplicate", "is named twice")
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
		c.Refuse(field+".id", "assignee-unseen", "must be somebody who sees the conversation")
	}
	return err
}
