package native

import (
	"cmp"
	"strings"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/thread"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

func (d *domain) createConversation(c *door.Call, b *api.ConversationRequest) (api.Conversation, bool, error) {
	params := thread.ConversationParams{
		Kind: parley.ConversationKind(b.Kind), Title: b.Title, Visibility: parley.Visibility(b.Visibility), Channel: parley.ID(b.Channel),
		Assignees: wire.Assignees(b.Assignees), Tags: b.Tags, Metadata: b.Metadata, Description: b.Description, Avatar: parley.ID(b.Avatar),
		ExternalID: b.ExternalID, Priority: b.Priority, Attributes: b.Attributes,
	}
	for i := range b.Participants {
		params.Participants = append(params.Participants, newParticipant(&b.Participants[i]))
	}
	made, replayed, err := d.Core.CreateConversation(c.Ctx(), c.P, params, c.Idempotency())
	return wire.Conversation(&made), replayed, err
}

func newParticipant(p *api.NewParticipant) thread.NewParticipant {
	return thread.NewParticipant{User: parley.ID(p.User), Contact: parley.ID(p.Contact), Address: p.Address}
}

func (d *domain) conversations(c *door.Call, f api.ConversationFilter) ([]api.Conversation, string, error) {
	filter := thread.ConversationFilter{
		Kind: parley.ConversationKind(f.Kind), Status: parley.ConversationStatus(f.Status), Channel: parley.ID(f.Channel), Tag: f.Tag, Inbox: wire.Optional(f.Inbox),
		ExternalID: f.ExternalID, Priority: f.Priority, Unread: wire.Optional(f.Unread), SLA: thread.Clocks(f.SLA),
	}
	if f.Assignee == "none" {
		filter.Unassigned = true
	} else {
		filter.Assignee = parley.ID(f.Assignee)
	}
	if f.Contact != "" && f.Participant != "" && f.Contact != f.Participant {
		return nil, "", parley.Invalid("contact", "not-allowed", "does not go with another participant")
	}
	var err error
	if filter.Participant, filter.Address, err = somebody("participant", cmp.Or(f.Participant, f.Contact)); err != nil {
		return nil, "", err
	}
	conversations, next, err := d.Core.Conversations(c.Ctx(), c.P, filter, f.After, door.Limit(f.Limit))
	return wire.Each(conversations, wire.Conversation), next, err
}

func (d *domain) conversation(c *door.Call) (api.Conversation, error) {
	found, err := d.Core.Conversation(c.Ctx(), c.P, c.ID())
	return wire.Conversation(&found), err
}

func (d *domain) patchConversation(c *door.Call, b *api.ConversationPatch) (api.Conversation, error) {
	patch := thread.ConversationPatch{SnoozedUntil: b.SnoozedUntil.Time, Title: b.Title, Channel: wire.Convert[parley.ID](b.Channel), Tags: b.Tags, Metadata: b.Metadata,
		Description: b.Description, Avatar: wire.Convert[parley.ID](b.Avatar), ExternalID: b.ExternalID, Priority: b.Priority, Attributes: b.Attributes,
		AddAssignees: wire.Assignees(b.AddAssignees), RemoveAssignees: wire.Assignees(b.RemoveAssignees), AddTags: b.AddTags, RemoveTags: b.RemoveTags}
	if b.Status != "" {
		patch.Status = new(parley.ConversationStatus(b.Status))
	}
	if b.Assignees != nil {
		patch.Assignees = new(wire.Assignees(*b.Assignees))
	}
	changed, err := d.Core.UpdateConversation(c.Ctx(), c.P, c.ID(), patch, c.IfMatch())
	return wire.Conversation(&changed), err
}

func (d *domain) thread(c *door.Call, f api.Page) ([]api.Message, string, error) {
	messages, next, err := d.Core.Thread(c.Ctx(), c.P, c.ID(), f.After, door.Limit(f.Limit))
	return wire.Each(messages, wire.Message), next, err
}

func (d *domain) participants(c *door.Call, f api.Page) ([]api.Participant, string, error) {
	participants, err := d.Core.Participants(c.Ctx(), c.P, c.ID())
	return door.Part(participants, wire.Participant, f, err)
}

func (d *domain) addParticipant(c *door.Call, b *api.NewParticipant) (api.Participant, error) {
	added, err := d.Core.AddParticipant(c.Ctx(), c.P, c.ID(), newParticipant(b))
	for _, field := range []string{"user", "contact", "address"} { // the body is what the core calls the participant
		err = door.Renamed(err, "participant."+field, field)
	}
	return wire.Participant(&added), door.Renamed(err, "participant", "body")
}

// removeParticipant takes out a user, a contact or an address: of an id, the path does not say which it is.
func (d *domain) removeParticipant(c *door.Call) error {
	who := c.Path("participantId")
	if strings.Contains(who, ":") {
		return d.Core.RemoveParticipant(c.Ctx(), c.P, c.ID(), thread.NewParticipant{Address: who})
	}
	err := d.Core.RemoveParticipant(c.Ctx(), c.P, c.ID(), thread.NewParticipant{User: parley.ID(who)})
	if parley.IsKind(err, parley.KindNotFound) {
		err = d.Core.RemoveParticipant(c.Ctx(), c.P, c.ID(), thread.NewParticipant{Contact: parley.ID(who)})
	}
	return err
}

func (d *domain) readConversation(c *door.Call, b *api.ReadMark) error {
	return d.Core.ReadThrough(c.Ctx(), c.P, c.ID(), b.Through)
}
