package api

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// EventType names a kind of fact.
type EventType string

// The types of events.
const (
	EventMessageCreated      EventType = "message.created"
	EventMessageScheduled    EventType = "message.scheduled"
	EventMessageCanceled     EventType = "message.canceled"
	EventMessageRemoved      EventType = "message.removed"   // recalled, expired, deleted on read, erased
	EventMessageMentioned    EventType = "message.mentioned" // somebody is mentioned in it: id is the user
	EventMessageReminded     EventType = "message.reminded"  // those who have not read it, data.users, are reminded of it
	EventMessageEdited       EventType = "message.edited"
	EventMessageRedacted     EventType = "message.redacted"       // some of its content was taken away
	EventMessageUnanswered   EventType = "message.unacknowledged" // somebody has not acknowledged it in time
	EventDeliveryUpdated     EventType = "delivery.updated"
	EventInteraction         EventType = "interaction.created"
	EventInteractionRemoved  EventType = "interaction.removed"
	EventConversationCreated EventType = "conversation.created"
	EventConversationUpdated EventType = "conversation.updated"
	EventConversationRead    EventType = "conversation.read"
	EventConversationMuted   EventType = "conversation.muted" // by the user, or no more
	EventParticipantsChanged EventType = "conversation.participants"
	EventContactCreated      EventType = "contact.created"
	EventContactUpdated      EventType = "contact.updated"
	EventContactDeleted      EventType = "contact.deleted"
	EventContactMerged       EventType = "contact.merged"
	EventContactErased       EventType = "contact.erased"
	EventContactExported     EventType = "contact.exported" // data.user may have the file
	EventConversationMerged  EventType = "conversation.merged"
	EventMessageMoved        EventType = "message.moved"
	EventDraftUpdated        EventType = "draft.updated"
	EventAttributeDefined    EventType = "attribute.defined"
	EventSuppressionCreated  EventType = "suppression.created"
	EventSuppressionDeleted  EventType = "suppression.deleted"
	EventSenderBlocked       EventType = "sender.blocked"
	EventSenderUnblocked     EventType = "sender.unblocked"
	EventUserCreated         EventType = "user.created"
	EventUserUpdated         EventType = "user.updated"
	EventUserAvailability    EventType = "user.availability" // do-not-disturb was turned on or off
	EventTeamCreated         EventType = "team.created"
	EventTeamUpdated         EventType = "team.updated"
	EventTeamDeleted         EventType = "team.deleted"
	EventRoleCreated         EventType = "role.created"
	EventRoleUpdated         EventType = "role.updated"
	EventRoleDeleted         EventType = "role.deleted"
	EventRoleDuty            EventType = "role.duty"                 // somebody came on duty or went off
	EventEscalationUpdated   EventType = "escalation.updated"        // started, came to the next level, or ended
	EventEscalationPolicy    EventType = "escalation-policy.updated" // made, changed or deleted
	EventBroadcastCreated    EventType = "broadcast.created"
	EventBroadcastUpdated    EventType = "broadcast.updated"
	EventBroadcastDeleted    EventType = "broadcast.deleted"
	EventChannelCreated      EventType = "channel.created"
	EventChannelUpdated      EventType = "channel.updated"
	EventChannelDeleted      EventType = "channel.deleted"
	EventOrganizationUpdated EventType = "organization.updated"
	EventTemplateCreated     EventType = "template.created"
	EventTemplateUpdated     EventType = "template.updated"
	EventTemplateDeleted     EventType = "template.deleted"
	EventReplyCreated        EventType = "reply.created"
	EventReplyUpdated        EventType = "reply.updated"
	EventReplyDeleted        EventType = "reply.deleted"
	EventOrganizationReset   EventType = "organization.reset"
	EventHook                EventType = "organization.hook"
	EventClockMoved          EventType = "organization.clock"
	EventPermissionsCreated  EventType = "permissions.created" // a permission set
	EventPermissionsUpdated  EventType = "permissions.updated"
	EventPermissionsDeleted  EventType = "permissions.deleted"
	EventScheduleCreated     EventType = "schedule.created"
	EventScheduleUpdated     EventType = "schedule.updated"
	EventScheduleDeleted     EventType = "schedule.deleted"
	EventAutoReplyCreated    EventType = "auto-reply.created"
	EventAutoReplyUpdated    EventType = "auto-reply.updated"
	EventAutoReplyDeleted    EventType = "auto-reply.deleted"
	EventSLACreated          EventType = "sla-policy.created"
	EventSLAUpdated          EventType = "sla-policy.updated"
	EventSLADeleted          EventType = "sla-policy.deleted"
	EventConversationSLA     EventType = "conversation.sla" // something that its SLA policy promises is or was due
	EventHoldPlaced          EventType = "hold.placed"
	EventHoldLifted          EventType = "hold.lifted"
	EventPageCreated         EventType = "page.created"
	EventPageReminded        EventType = "page.reminded"
	EventPageResolved        EventType = "page.resolved" // for all, by one of several, or canceled
	EventViewCreated         EventType = "view.created"
	EventViewUpdated         EventType = "view.updated"
	EventViewDeleted         EventType = "view.deleted"
	EventWebhookCreated      EventType = "webhook.created"
	EventWebhookUpdated      EventType = "webhook.updated" // paused, or resumed
	EventWebhookDeleted      EventType = "webhook.deleted"
	EventKeyCreated          EventType = "key.created"
	EventKeyRevoked          EventType = "key.revoked"
)

// The types of hints: a stream that asks for them has them as they come, and no log has them.
const (
	EventConversationTyping EventType = "conversation.typing" // data.user writes in it (on), or no more (off)
	EventUserPresence       EventType = "user.presence"       // the user, id, is now online, away or offline
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
	Status         string   `json:"status,omitempty" doc:"What the delivery, the conversation, the user's duty for a role (on, off), do-not-disturb (on, off) or muting (on, off) became."`
	Phase          string   `json:"phase,omitempty" enum:"policy,handoff,delivery" doc:"Of a failure: where it happened."`
	Code           string   `json:"code,omitempty" doc:"Of a failure: a stable code."`
	Reason         string   `json:"reason,omitempty" doc:"Why, such as that a message was removed because it expired."`
	Through        int64    `json:"through,omitempty" doc:"Of a read mark: the sequence of the last item read."`
	Actor          string   `json:"actor,omitempty" doc:"The id of the user who did it."`
	User           string   `json:"user,omitempty" doc:"Of role.duty: the id of the user who came on duty or went off. Of user.availability: the id of the user or role to whom messages are forwarded."`
	Into           string   `json:"into,omitempty" doc:"Of contact.merged and conversation.merged: the id of what it became a part of."`
	Group          string   `json:"group,omitempty" doc:"Of an escalation: the id of its group, if there is one."`
	Level          int      `json:"level,omitempty" doc:"Of an escalation: how far it has come; 0 is the role."`
	Number         int      `json:"number,omitempty" doc:"Of message.reminded and page.reminded: 1 for the first reminder."`
	Users          []string `json:"users,omitempty" doc:"Of message.reminded: the ids of the users who are reminded. Many are named by several events with one number."`
	Message        *Message `json:"message,omitempty" doc:"Of message.created, message.edited and message.redacted: the message as it is now."`
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
	Types        []string    `query:"type" maxItems:"100" enum:"message.created,message.scheduled,message.canceled,message.removed,message.mentioned,message.reminded,message.edited,message.redacted,message.moved,message.unacknowledged,delivery.updated,interaction.created,interaction.removed,conversation.created,conversation.updated,conversation.merged,draft.updated,conversation.read,conversation.muted,conversation.participants,contact.created,contact.updated,contact.deleted,contact.merged,contact.erased,contact.exported,attribute.defined,suppression.created,suppression.deleted,sender.blocked,sender.unblocked,user.created,user.updated,user.availability,team.created,team.updated,team.deleted,role.created,role.updated,role.deleted,role.duty,escalation.updated,escalation-policy.updated,broadcast.created,broadcast.updated,broadcast.deleted,channel.created,channel.updated,channel.deleted,template.created,template.updated,template.deleted,reply.created,reply.updated,reply.deleted,organization.updated,organization.reset,organization.clock,organization.hook,permissions.created,permissions.updated,permissions.deleted,schedule.created,schedule.updated,schedule.deleted,auto-reply.created,auto-reply.updated,auto-reply.deleted,sla-policy.created,sla-policy.updated,sla-policy.deleted,conversation.sla,hold.placed,hold.lifted,page.created,page.reminded,page.resolved,view.created,view.updated,view.deleted,webhook.created,webhook.updated,webhook.deleted,key.created,key.revoked" doc:"Of these types only, separated by commas. One that the server does not know is refused."`
	Conversation string      `query:"conversation" doc:"Of this conversation only."`
	Hints        string      `query:"hints" enum:"true,false" doc:"Of a stream: whether it has hints too, of who is there and who is writing, as blocks with the event name hint and without an id. They pass whatever type is asked for."`
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

// AuditEntry is one act in the audit log of the organization.
type AuditEntry struct {
	Sequence int64         `json:"sequence" doc:"The entry's number in the organization: 1, 2, 3 … without gaps."`
	At       Time          `json:"at" doc:"When it was done."`
	Actor    AuditActor    `json:"actor" doc:"Who did it."`
	Act      string        `json:"act" doc:"What was done: one of the acts of the reference."`
	Subject  AuditSubject  `json:"subject" doc:"What it was done to."`
	Changes  []AuditChange `json:"changes" doc:"What was changed by it, always there."`
	Address  string        `json:"address,omitempty" doc:"The address that the request came from, where there was one."`
	Hash     string        `json:"hash" doc:"SHA-256 over the hash of the entry before and all of this one, in hexadecimal digits."`
}

// AuditActor is who did something.
type AuditActor struct {
	Kind string `json:"kind" enum:"user,key,operator,system" doc:"A person by a personal key, an organization key, whoever runs the server, or the server itself."`
	User string `json:"user,omitempty" doc:"The id of the user that the key acts as."`
	Key  string `json:"key,omitempty" doc:"The id of the key."`
}

// AuditSubject is what something was done to.
type AuditSubject struct {
	Kind string `json:"kind" doc:"What kind of thing it is."`
	ID   string `json:"id" doc:"Its id."`
}

// AuditChange is a field that was changed. Values that are content, secrets, or what people are called and reached by are not
// kept: then there is the name of the field only.
type AuditChange struct {
	Field string  `json:"field" doc:"The name of the field, as in the API."`
	Old   *string `json:"old,omitempty" doc:"What it was; lists joined by commas."`
	New   *string `json:"new,omitempty" doc:"What it became."`
}

// AuditFilter narrows a list of the audit log. What is empty does not.
type AuditFilter struct {
	Page
	Actor   string    `query:"actor" maxLength:"100" doc:"By this user only, whose id it is, or operator or system."`
	Key     string    `query:"key" maxLength:"100" doc:"With this key only."`
	Act     string    `query:"act" maxLength:"100" doc:"This act only."`
	Subject string    `query:"subject" maxLength:"100" doc:"Done to the thing with this id only."`
	Since   time.Time `query:"since" doc:"Done at this time or later."`
	Until   time.Time `query:"until" doc:"Done before this time."`
}

// ListAudit returns a page of the audit log, newest first.
func (c *Client) ListAudit(ctx context.Context, filter AuditFilter, options ...CallOption) (*List[AuditEntry], error) {
	r := request{method: http.MethodGet, path: "/v1/audit", query: queryOf(filter)}
	return fetch[List[AuditEntry]](ctx, c, r, options...)
}
