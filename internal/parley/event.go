package parley

import "time"

// Event is one fact in the organization's log. It holds ids and facts, never content.
type Event struct {
	Sequence     int64
	Type         EventType
	At           time.Time
	Conversation ID
	Message      ID
	Subject      ID   // what else it is about: a contact, a user, a channel …
	Users        []ID // whom it concerns, where these are several
	Data         EventData
	// Created is the message of an EventMessageCreated that was committed a moment ago, as it was then, for
	// those who follow the log. It is nil where the log is read.
	Created *Message
}

// EventData are the facts of an event that its ids do not say.
type EventData struct {
	Delivery int           `json:"delivery,omitempty"` // number within the message
	State    DeliveryState `json:"state,omitempty"`
	Phase    FailurePhase  `json:"phase,omitempty"`
	Code     string        `json:"code,omitempty"`
	Status   string        `json:"status,omitempty"` // of a conversation
	Reason   string        `json:"reason,omitempty"`
	Through  int64         `json:"through,omitempty"` // a marker
	Actor    ID            `json:"actor,omitempty"`   // the user who did it
	User     ID            `json:"user,omitempty"`    // whom it concerns, besides the subject
	Into     ID            `json:"into,omitempty"`    // what the subject became a part of
	Team     ID            `json:"team,omitempty"`    // whose members it is for
	Group    ID            `json:"group,omitempty"`   // a further conversation that it is about
	Level    int           `json:"level,omitempty"`   // of an escalation
	Number   int           `json:"number,omitempty"`  // the how manieth it is
}

// EventType names a kind of fact.
type EventType string

// The types of events.
const (
	EventMessageCreated      EventType = "message.created"
	EventMessageScheduled    EventType = "message.scheduled"
	EventMessageCanceled     EventType = "message.canceled"
	EventMessageRemoved      EventType = "message.removed"        // recalled, expired, deleted on read, erased
	EventMessageMoved        EventType = "message.moved"          // into the conversation
	EventMessageUnanswered   EventType = "message.unacknowledged" // somebody has not acknowledged it in time
	EventMessageMentioned    EventType = "message.mentioned"      // somebody is mentioned in it
	EventMessageReminded     EventType = "message.reminded"       // those who have not read it are reminded of it
	EventMessageEdited       EventType = "message.edited"
	EventMessageRedacted     EventType = "message.redacted" // parts of its content were taken away
	EventDeliveryUpdated     EventType = "delivery.updated"
	EventInteraction         EventType = "interaction.created"
	EventInteractionRemoved  EventType = "interaction.removed"
	EventConversationCreated EventType = "conversation.created"
	EventConversationUpdated EventType = "conversation.updated"
	EventConversationMerged  EventType = "conversation.merged" // it became a part of another
	EventDraftUpdated        EventType = "draft.updated"       // made, changed, deleted or sent
	EventConversationRead    EventType = "conversation.read"
	EventConversationMuted   EventType = "conversation.muted" // by one user, or no more
	EventParticipantsChanged EventType = "conversation.participants"
	EventContactCreated      EventType = "contact.created"
	EventContactUpdated      EventType = "contact.updated"
	EventContactDeleted      EventType = "contact.deleted"
	EventContactMerged       EventType = "contact.merged"
	EventContactErased       EventType = "contact.erased"
	EventContactExported     EventType = "contact.exported"
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
	EventEscalationUpdated   EventType = "escalation.updated"        // started, came to the next, or ended
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
	EventOrganizationReset   EventType = "organization.reset" // a test organization was emptied
	EventHook                EventType = "organization.hook"  // of a test organization: made, changed, deleted, or it caught something
	EventClockMoved          EventType = "organization.clock" // of a test organization
	EventPermissionsCreated  EventType = "permissions.created"
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
