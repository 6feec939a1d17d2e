package api

import (
	"context"
	"iter"
	"net/http"
	"strconv"
)

// EventType names a kind of fact.
type EventType string

// The types of events.
const (
	EventMessageCreated      EventType = "message.created"
	EventMessageScheduled    EventType = "message.scheduled"
	EventMessageCanceled     EventType = "message.canceled"
	EventMessageRemoved      EventType = "message.removed" // recalled, expired, deleted on read, erased
	EventDeliveryUpdated     EventType = "delivery.updated"
	EventInteraction         EventType = "interaction.created"
	EventConversationCreated EventType = "conversation.created"
	EventConversationUpdated EventType = "conversation.updated"
	EventConversationRead    EventType = "conversation.read"
	EventParticipantsChanged EventType = "conversation.participants"
	EventContactCreated      EventType = "contact.created"
	EventContactUpdated      EventType = "contact.updated"
	EventContactDeleted      EventType = "contact.deleted"
	EventContactMerged       EventType = "contact.merged"
	EventAttributeDefined    EventType = "attribute.defined"
	EventUserCreated         EventType = "user.created"
	EventUserUpdated         EventType = "user.updated"
	EventTeamCreated         EventType = "team.created"
	EventTeamUpdated         EventType = "team.updated"
	EventTeamDeleted         EventType = "team.deleted"
	EventRoleCreated         EventType = "role.created"
	EventRoleUpdated         EventType = "role.updated"
	EventRoleDeleted         EventType = "role.deleted"
	EventRoleDuty            EventType = "role.duty" // somebody came on duty or went off
	EventBroadcastCreated    EventType = "broadcast.created"
	EventBroadcastUpdated    EventType = "broadcast.updated"
	EventBroadcastDeleted    EventType = "broadcast.deleted"
	EventChannelCreated      EventType = "channel.created"
	EventChannelUpdated      EventType = "channel.updated"
	EventChannelDeleted      EventType = "channel.deleted"
	EventOrganizationUpdated EventType = "organization.updated"
	EventPermissionsCreated  EventType = "permissions.created" // a permission set
	EventPermissionsUpdated  EventType = "permissions.updated"
	EventPermissionsDeleted  EventType = "permissions.deleted"
	EventKeyCreated          EventType = "key.created"
	EventKeyRevoked          EventType = "key.revoked"
)

// Event is one fact in the organization's log.
type Event struct {
	Sequence int64     `json:"sequence" doc:"Its number in the log, from 1 without gaps. A reader misses the numbers of what it may not see."`
	Type     EventType `json:"type" example:"message.created" doc:"What happened, as resource.verb. New types may come."`
	Time     Time      `json:"time" format:"date-time" doc:"When it happened."`
	Data     EventData `json:"data" doc:"What it is about."`
}

// EventData says what an event is about.
type EventData struct {
	ID             string   `json:"id,omitempty" doc:"The id of the contact, user, team, … that the type names, where it is neither a message nor a conversation."`
	ConversationID string   `json:"conversationId,omitempty" doc:"The conversation."`
	MessageID      string   `json:"messageId,omitempty" doc:"The message."`
	DeliveryID     string   `json:"deliveryId,omitempty" doc:"The delivery: <messageId>.<number>"`
	Status         string   `json:"status,omitempty" doc:"What the delivery, the conversation, or the user's duty for a role (on, off) became."`
	Phase          string   `json:"phase,omitempty" enum:"policy,handoff,delivery" doc:"Of a failure: where it happened."`
	Code           string   `json:"code,omitempty" doc:"Of a failure: a stable code."`
	Reason         string   `json:"reason,omitempty" doc:"Why, such as that a message was removed because it expired."`
	Through        int64    `json:"through,omitempty" doc:"Of a read mark: the sequence of the last item read."`
	Actor          string   `json:"actor,omitempty" doc:"The id of the user who did it."`
	User           string   `json:"user,omitempty" doc:"Of role.duty: the id of the user who came on duty or went off."`
	Into           string   `json:"into,omitempty" doc:"Of contact.merged: the id of the contact that it became a part of."`
	Message        *Message `json:"message,omitempty" doc:"Of message.created: the message as it is now."`
}

// EventPage is one page of the log.
type EventPage struct {
	Data    []Event `json:"data" doc:"The events, in order."`
	Next    *int64  `json:"next" doc:"What to pass as after for the next page; null at the end of the log."`
	Through int64   `json:"through" doc:"The sequence up to which the log was considered, seen or not: where to go on from later."`
}

// EventCursor is a place in the event log: FromOldest, FromLatest, or AfterEvent.
type EventCursor string

// The places that have no number.
const (
	FromOldest EventCursor = ""       // before the oldest event that is kept
	FromLatest EventCursor = "latest" // after the newest event: only what happens from now on
)

// AfterEvent is the place after the event with this sequence.
func AfterEvent(sequence int64) EventCursor { return EventCursor(strconv.FormatInt(sequence, 10)) }

// EventFilter says which events are read, and from where.
type EventFilter struct {
	After        EventCursor `query:"after" pattern:"^(latest|[0-9]{1,18})$" format:"cursor" doc:"The sequence after which to begin, or latest; left out: the oldest event that is kept."`
	Limit        int         `query:"limit" minimum:"1" maximum:"1000" doc:"How many events of a page at most, 100 when left out. A stream has no limit."`
	Types        []string    `query:"type" maxItems:"50" enum:"message.created,message.scheduled,message.canceled,message.removed,delivery.updated,interaction.created,conversation.created,conversation.updated,conversation.read,conversation.participants,contact.created,contact.updated,contact.deleted,contact.merged,attribute.defined,user.created,user.updated,team.created,team.updated,team.deleted,role.created,role.updated,role.deleted,role.duty,broadcast.created,broadcast.updated,broadcast.deleted,channel.created,channel.updated,channel.deleted,organization.updated,permissions.created,permissions.updated,permissions.deleted,key.created,key.revoked" doc:"Of these types only, separated by commas. One that the server does not know is refused."`
	Conversation string      `query:"conversation" doc:"Of this conversation only."`
}

// ListEvents reads one page of the log. A cursor before what is still kept is an *Error of status 410 with a
// Gap.
func (c *Client) ListEvents(ctx context.Context, filter EventFilter) (*EventPage, error) {
	return fetch[EventPage](ctx, c, request{method: http.MethodGet, path: "/v1/events", query: queryOf(filter)})
}

// Events reads the log page by page up to its end, in order. An error is yielded once, as the last pair.
func (c *Client) Events(ctx context.Context, filter EventFilter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			page, err := c.ListEvents(ctx, filter)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, event := range page.Data {
				if !yield(event, nil) {
					return
				}
			}
			if page.Next == nil {
				return
			}
			filter.After = AfterEvent(*page.Next)
		}
	}
}
