package thread

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/attribute"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/group"
	"github.com/parley-server/parley/internal/store/inbox"
)

// Open adds a conversation with its participants, inside a unit.
func Open(tx *store.Tx, p *access.Principal, c *parley.Conversation, participants []parley.Participant) error {
	if c.ID == "" {
		c.ID = parley.NewID(tx.Now)
	}
	if c.Status == "" {
		c.Status = parley.StatusOpen
	}
	if err := tx.InsertConversation(p.Organization, c); err != nil {
		return err
	}
	if c.Kind == parley.ConversationGroup {
		if err := group.Insert(tx, p.Organization, c.ID, c.Group); err != nil {
			return err
		}
	}
	if c.Avatar != "" {
		if err := tx.KeepAvatar(p.Organization, c.ID, c.Avatar); err != nil {
			return err
		}
	}
	if c.ExternalID != "" || c.Priority != 0 || len(c.Attributes) > 0 {
		if err := inbox.SetDetails(tx, p.Organization, c); err != nil {
			return err
		}
	}
	if len(participants) > 0 {
		if err := tx.AddParticipants(p.Organization, c.ID, participants); err != nil {
			return err
		}
		c.Rev++ // by the participants
	}
	emit(tx, p, parley.EventConversationCreated, c.ID, "", parley.EventData{})
	return nil
}

// Identify returns who has an address, inside a unit: the contact that it identifies; a new one, named by nobody
// yet; or, where contacts share the address, only the address.
func Identify(tx *store.Tx, p *access.Principal, address parley.Address, name string) (parley.Actor, *parley.Contact, error) {
	contact, err := tx.ContactByAddress(p.Organization, address)
	if err == nil {
		return actorOf(&contact), &contact, nil
	}
	if !parley.IsKind(err, parley.KindNotFound) {
		return parley.Actor{}, nil, err
	}
	shared, err := tx.AddressShared(p.Organization, address)
	if err != nil {
		return parley.Actor{}, nil, err
	}
	if shared {
		return parley.Actor{Kind: parley.ActorAddress, Name: name}, nil, nil
	}
	contact = parley.Contact{ID: parley.NewID(tx.Now), Name: name, Addresses: []parley.Address{address}}
	if err := tx.InsertContact(p.Organization, &contact); err != nil {
		return parley.Actor{}, nil, err
	}
	emit(tx, p, parley.EventContactCreated, "", contact.ID, parley.EventData{})
	return actorOf(&contact), &contact, nil
}

func actorOf(contact *parley.Contact) parley.Actor {
	return parley.Actor{Kind: parley.ActorContact, ID: contact.ID, Name: contact.Name}
}

// NewParticipant is who is to take part in a conversation: exactly one of its fields.
type NewParticipant struct {
	User    parley.ID
	Contact parley.ID
	Address string // "kind:value"
}

func (n *NewParticipant) outside() bool { return n.Contact != "" || n.Address != "" }

// ConversationParams is a conversation to make.
type ConversationParams struct {
	Kind         parley.ConversationKind // group, note, external or secure
	Title        string
	Description  string
	Avatar       parley.ID         // media
	Visibility   parley.Visibility // of a note; empty: members
	Channel      parley.ID         // of an external or secure one
	Participants []NewParticipant  // besides whoever makes it
	Assignees    []parley.Assignee
	Tags         []string
	Metadata     map[string]string
	Group        parley.GroupRules // of a group
	ExternalID   string
	Priority     int // 1 to 5; 0: none
	Attributes   map[string]string
}

// CreateConversation makes a conversation without a message, and says whether the request was a repeat. One with
// somebody outside is a thread of its own, whatever the channel's policy.
func (t *Threads) CreateConversation(ctx context.Context, p *access.Principal, params ConversationParams, i *access.Idempotency) (parley.Conversation, bool, error) {
	if err := p.Require(parley.ScopeConversationsWrite); err != nil {
		return parley.Conversation{}, false, err
	}
	made := parley.Conversation{ID: parley.NewID(t.now(ctx, p.Organization)), Kind: params.Kind, Visibility: parley.VisibleToMembers, Title: params.Title,
		Description: params.Description, Avatar: params.Avatar, Assignees: params.Assignees, Tags: params.Tags, Metadata: params.Metadata, Group: params.Group, Inbox: true,
		ExternalID: params.ExternalID, Priority: params.Priority, Attributes: maps.Clone(params.Attributes)}
	var c check
	params.validate(&c)
	made.Tags = c.labels(&made)
	if err := c.Err(); err != nil {
		return parley.Conversation{}, false, err
	}
	switch {
	case params.external():
		made.Visibility, made.Channel = parley.VisibleToOrganization, params.Channel
	case params.Visibility != "":
		made.Visibility, made.Channel = params.Visibility, params.Channel
	}
	replay, err := p.Once(ctx, t.store, i, 201, made.ID, func(tx *store.Tx) error {
		conversation := made
		if err := params.named(tx.Queries, p, &conversation); err != nil {
			return err
		}
		conversation.Attributes = maps.Clone(made.Attributes)
		if err := attribute.Typed(tx.Queries, p.Organization, parley.OfConversations, conversation.Attributes, slices.Collect(maps.Keys(conversation.Attributes))); err != nil {
			return err
		}
		participants, err := params.participants(tx, p)
		if err != nil {
			return err
		}
		return Open(tx, p, &conversation, participants)
	})
	if err != nil {
		return parley.Conversation{}, false, parley.About(err, "external-id-taken", "externalId")
	}
	if replay != nil {
		made.ID = replay.Resource
	}
	made, err = t.whole(ctx, p, made.ID)
	return made, replay != nil, err
}

// named refuses assignees and an avatar that do not exist, and assignees who do not see the conversation.
func (params *ConversationParams) named(q store.Queries, p *access.Principal, conversation *parley.Conversation) error {
	var wrong check
	n := &naming{q: q, p: p, sees: func() (func(user parley.ID) bool, error) {
		if conversation.Visibility == parley.VisibleToOrganization {
			return Seeing(q, p.Organization, conversation)
		}
		return func(user parley.ID) bool {
			return user == p.User || slices.ContainsFunc(params.Participants, func(who NewParticipant) bool { return who.User == user })
		}, nil
	}}
	return parley.FirstError(n.assignees(&wrong, "assignees", conversation.Assignees), n.avatar(&wrong, conversation.Avatar), wrong.Err())
}

func (params *ConversationParams) external() bool {
	return params.Kind == parley.ConversationExternal || params.Kind == parley.ConversationSecure
}

// sharedNote is a note that the organization sees, or a channel's members.
func (params *ConversationParams) sharedNote() bool {
	return params.Kind == parley.ConversationNote && params.Visibility == parley.VisibleToOrganization
}

// maxParticipants is how many may be named in one request.
const maxParticipants = 1000

func (params *ConversationParams) validate(c *check) {
	switch params.Kind {
	case parley.ConversationGroup, parley.ConversationNote, parley.ConversationExternal, parley.ConversationSecure:
	default:
		c.Refuse("kind", "value-unknown", "must be group, note, external or secure; the others are made by sending")
		return
	}
	switch params.Visibility {
	case "":
	case parley.VisibleToMembers, parley.VisibleToOrganization:
		if params.Kind != parley.ConversationNote {
			c.Refuse("visibility", "not-allowed", "is chosen for a note only")
		}
	default:
		c.Refuse("visibility", "value-unknown", "must be members or organization")
	}
	if params.external() && params.Channel == "" {
		c.Refuse("channel", "required", "must be the id of the channel to write on")
	} else if !params.external() && params.Channel != "" && !params.sharedNote() {
		c.Refuse("channel", "not-allowed", "goes with an external or secure conversation, or a note that the organization sees")
	}
	if len(params.Participants) > maxParticipants {
		c.Refuse("participants", "too-many", "must be at most %d", maxParticipants)
	} else if params.external() && len(params.Participants) == 0 {
		c.Refuse("participants", "required", "must name at least one contact or address")
	}
	for i := range params.Participants {
		params.Participants[i].validate(c, fmt.Sprintf("participants[%d]", i), params.external())
	}
}

// validate checks that exactly one is named, inside or outside.
func (n *NewParticipant) validate(c *check, field string, outside bool) {
	named := 0
	for _, set := range []bool{n.User != "", n.Contact != "", n.Address != ""} {
		if set {
			named++
		}
	}
	switch {
	case named != 1:
		c.Refuse(field, "participant-required", "must name exactly one of user, contact, address")
	case outside && !n.outside():
		c.Refuse(field+".user", "participant-inside", "must be a contact or an address: users see the conversation by its channel")
	case !outside && n.outside():
		c.Refuse(field, "participant-outside", "must be a user")
	}
}

// participants finds those who are named, and adds whoever makes a conversation of members.
func (params *ConversationParams) participants(tx *store.Tx, p *access.Principal) ([]parley.Participant, error) {
	var list []parley.Participant
	var ch parley.Channel
	if params.external() {
		var err error
		if ch, err = seenChannel(tx.Queries, p, params.Channel); err != nil {
			return nil, err
		}
	} else if params.Channel != "" {
		if _, err := seenChannel(tx.Queries, p, params.Channel); err != nil {
			return nil, err
		}
	}
	if !params.external() && p.User != "" {
		list = append(list, parley.Participant{Kind: parley.ActorUser, ID: p.User, Name: p.UserName})
	}
	known, err := findPeople(tx.Queries, p, params.Participants)
	if err != nil {
		return nil, err
	}
	for i := range params.Participants {
		who, err := params.Participants[i].find(tx, p, known, fmt.Sprintf("participants[%d]", i), ch.AddressKind)
		if err != nil {
			return nil, err
		}
		same := func(o parley.Participant) bool {
			return o.Kind == who.Kind && o.ID == who.ID && o.Address == who.Address
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, who)
		}
	}
	return list, nil
}

// seenChannel returns a channel that the principal sees.
func seenChannel(q store.Queries, p *access.Principal, id parley.ID) (parley.Channel, error) {
	ch, err := q.Channel(p.Organization, id)
	if parley.IsKind(err, parley.KindNotFound) || err == nil && p.Personal && !ch.Open && !slices.Contains(ch.Members, p.User) {
		return ch, parley.Invalid("channel", "channel-unknown", "must be the id of a channel")
	}
	return ch, err
}

// people are those whom a request names by their ids, as far as they exist. A contact that was merged is the other.
type people struct {
	users    map[parley.ID]*parley.User
	contacts map[parley.ID]*parley.Contact
}

func findPeople(q store.Queries, p *access.Principal, named []NewParticipant) (found people, err error) {
	var users, contacts, merged []parley.ID
	for i := range named {
		if id := named[i].User; id != "" {
			users = append(users, id)
		}
		if id := named[i].Contact; id != "" {
			contacts = append(contacts, id)
		}
	}
	if found.users, err = q.UsersByID(p.Organization, users); err != nil {
		return found, err
	}
	if found.contacts, err = q.ContactsByID(p.Organization, contacts); err != nil {
		return found, err
	}
	for _, c := range found.contacts {
		if c.MergedInto != "" {
			merged = append(merged, c.MergedInto)
		}
	}
	others, err := q.ContactsByID(p.Organization, merged)
	for id, c := range found.contacts {
		if c.MergedInto != "" {
			found.contacts[id] = others[c.MergedInto]
		}
	}
	return found, err
}

// find returns who is named; somebody outside is written to at an address of a kind.
func (n *NewParticipant) find(tx *store.Tx, p *access.Principal, known people, field string, kind parley.AddressKind) (parley.Participant, error) {
	switch {
	case n.User != "":
		u := known.users[n.User]
		if u == nil || !u.Active {
			return parley.Participant{}, parley.Invalid(field+".user", "user-unknown", "must be the id of an active user")
		}
		return parley.Participant{Kind: parley.ActorUser, ID: u.ID, Name: u.Name}, nil
	case n.Contact != "":
		return addressed(known.contacts[n.Contact], field+".contact", kind)
	}
	address, err := parley.ParseAddress(n.Address)
	if err != nil {
		return parley.Participant{}, parley.Invalid(field+".address", "address-invalid", "%s", parley.AsError(err).Fields[0].Message)
	}
	if address.Kind != kind {
		return parley.Participant{}, parley.Invalid(field+".address", "address-kind", "the channel takes addresses of kind %s", kind)
	}
	who, _, err := Identify(tx, p, address, "")
	return parley.Participant{Kind: who.Kind, ID: who.ID, Name: who.Name, Address: address}, err
}

// addressed is a contact as a participant.
func addressed(contact *parley.Contact, field string, kind parley.AddressKind) (parley.Participant, error) {
	if contact == nil {
		return parley.Participant{}, parley.Invalid(field, "contact-unknown", "must be the id of a contact")
	}
	for _, a := range contact.Addresses {
		if a.Kind == kind {
			return parley.Participant{Kind: parley.ActorContact, ID: contact.ID, Name: contact.Name, Address: a}, nil
		}
	}
	return parley.Participant{}, parley.Invalid(field, "address-required", "the contact has no address of kind %s", kind)
}
